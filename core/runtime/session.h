/* The inside of sessions and plans. A session owns the queues, the state and the arenas of its
 * devices; a plan owns its backend plans, its inputs, constants and outputs. One thread at a time
 * per session, its plans included. */
#ifndef TN_RUNTIME_SESSION_H
#define TN_RUNTIME_SESSION_H

#include "base/arena.h"
#include "plan/plan.h"
#include "runtime/runtime.h"

#define TN_SESSION_MAX_DEVICES 8
#define TN_INPUT_SLOTS 2 /* host copies of an input: one filled while the other is on its way */

struct tn_session_device {
    tn_device *device;
    const tnb_backend *api;
    tnb_device *handle;
    char name[64]; /* "opencl:0" */
    tnb_queue *queue;
    tnb_event *event;
    uint64_t event_value; /* last one signalled */
    uint8_t *said; /* for each of the device's faults: the log has named it */
    size_t n_said;
    /* Scratch shared by all plans of the session, as large as the largest needs. */
    tnb_buffer *arena, *workspace;
    uint64_t arena_bytes, workspace_bytes;
};

struct tn_session_state {
    struct tn_state_params params; /* strings in the session's arena */
    uint64_t name_hash;
    tnb_buffer *buffer; /* on devices[0] */
    uint64_t offset, n_bytes;
};

/* For tests and for verification; zero is every field's default. Set before the first plan. */
struct tn_session_debug {
    int no_claims, no_reuse, no_simplify;
    int poison; /* fills the activation arena with NaN before every run */
};

struct tn_session {
    tn_runtime *runtime;
    struct tn_arena arena;
    struct tn_session_device devices[TN_SESSION_MAX_DEVICES]; /* [0]: the selected one */
    struct tn_place_device place_devices[TN_SESSION_MAX_DEVICES];
    uint32_t n_devices;
    uint64_t seed;
    int strict, profile, no_quarantine;
    struct tn_session_debug debug;
    TN_VEC(struct tn_session_state) states; /* as declared */
    TN_VEC(tnb_buffer *) chunks;            /* of state: one per plan that brought new state */
    uint64_t state_bytes;
    TN_VEC(tn_plan *) plans;
};

struct tn_plan_stage { /* a segment, compiled */
    tnb_plan *handle;
    uint64_t workspace_bytes;
    tnb_span *spans; /* in the order of the segment's values */
    uint64_t *times_ns;
    const char *label; /* of its first node, for messages */
};

/* Host copies of one input, or of all STEP inputs together. */
struct tn_plan_feed {
    uint8_t *slots[TN_INPUT_SLOTS];
    uint64_t guard[TN_INPUT_SLOTS][TN_SESSION_MAX_DEVICES]; /* event values that free the slot */
    uint64_t n_bytes;
    uint32_t slot; /* to be filled next, or filled and not sent yet */
    int is_dirty;
};

/* What makes two requests for a plan the same. The counts catch a graph that grew. */
struct tn_plan_key {
    const tn_graph *graph;
    struct tn_symbol_values bound;
    size_t n_symbols, n_values, n_nodes, n_outputs, n_assigned;
    uint64_t name_hash;
    int is_checked; /* made by tn_session_checked_plan */
};

struct tn_plan {
    tn_session *session;
    struct tn_arena arena;
    struct tn_plan_key key;
    struct tn_plan_ir ir;
    struct tn_plan_schedule schedule;
    struct tn_mem_plan mem;
    uint32_t *state_of; /* the graph's state -> the session's */
    struct tn_plan_stage *stages;
    tnb_buffer *region[TN_SESSION_MAX_DEVICES]; /* inputs, constants, outputs */
    uint64_t workspace_bytes[TN_SESSION_MAX_DEVICES];
    uint8_t is_used[TN_SESSION_MAX_DEVICES];
    uint64_t done[TN_SESSION_MAX_DEVICES]; /* event values of the last run */
    struct tn_plan_feed *feeds;            /* by input; unused for STEP inputs */
    struct tn_plan_feed step;
    uint8_t *step_image; /* the STEP inputs as last set */
    uint8_t *is_set;     /* by input */
    uint8_t *staging;    /* of transfers between devices */
    int has_run;
};

/* --- session.c --- */
/* "opencl:0 (NVIDIA H200): doing: message" for a failed call on a device of the session. */
tn_status tn_session_failed(const struct tn_session_device *dev, const char *doing, tnb_status st,
                            const tnb_error *from, struct tn_error *err);
tn_status tn_session_signal(struct tn_session_device *dev, struct tn_error *err);
/* Waits until the device has reached `value`, signalling first if it was not signalled yet. */
tn_status tn_session_wait(struct tn_session_device *dev, uint64_t value, struct tn_error *err);
/* Called on the way through a run, before node or claim `node` of the IR is queued. What was queued
 * before it has been done. */
struct tn_plan_observer {
    void (*before)(void *ctx, const tn_plan *plan, uint32_t node);
    void *ctx;
};
struct tn_placer tn_session_placer(const tn_session *session);

/* --- state.c --- */
/* Brings into being what the graph declares and the session lacks, and fills out_state_of. An
 * existing state of another shape or dtype is TN_E_INVALID; nothing has changed then. */
tn_status tn_session_add_states(tn_session *session, const tn_graph *graph, uint32_t *out_state_of,
                                struct tn_error *err);
/* Bytes that tn_session_add_states would allocate. */
tn_status tn_session_new_state_bytes(const tn_session *session, const tn_graph *graph,
                                     uint64_t *out_bytes, struct tn_error *err);

/* --- plan_build.c --- */
void tn_plan_destroy(tn_plan **plan);
/* IR, placement, segments and memory plan in `plan`, which has only session, arena and key. */
tn_status tn_plan_analyse(tn_plan *plan, struct tn_error *err);

/* --- plan_memory.c --- */
/* Allocates state, regions and arenas, binds every backend plan, uploads constants. TN_E_OOM says
 * what was needed, what is free and the largest batch that fits. */
tn_status tn_plan_allocate(tn_plan *plan, struct tn_error *err);
tnb_span tn_plan_span(const tn_plan *plan, uint32_t loc);

/* --- plan_exec.c --- */
/* tn_plan_run, segment by segment where `observer` is not NULL. */
tn_status tn_plan_run_observed(tn_plan *plan, const struct tn_plan_observer *observer,
                               struct tn_error *err);
/* Blocks until the slot that the host fills next has left for every device. */
tn_status tn_plan_wait_slot(tn_plan *plan, const struct tn_plan_feed *feed, struct tn_error *err);

/* --- plan_fit.c --- */
/* Bytes that the plan adds to what the session holds on devices[device]. */
tn_status tn_plan_growth(const tn_plan *plan, uint32_t device, uint64_t *out_bytes,
                         struct tn_error *err);
/* TN_OK when the devices say that they have room, else the complete message. */
tn_status tn_plan_check_room(const tn_plan *plan, struct tn_error *err);
/* The message for an allocation that failed. */
tn_status tn_plan_no_room(const tn_plan *plan, uint32_t device, int probe, struct tn_error *err);

#endif
