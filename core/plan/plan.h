/* From the intermediate form to something that can be executed: which device runs each node, in
 * which segments, what each backend fuses, and where every value lies. Nothing here allocates on a
 * device, builds a kernel or changes state; tn_session_estimate stops after it. */
#ifndef TN_PLAN_PLAN_H
#define TN_PLAN_PLAN_H

#include "plan/ir.h"

/* --- placement --- */

struct tn_place_device {
    const tnb_backend *api;
    tnb_device *handle;
    const char *name;      /* "opencl:0" */
    uint64_t offset_align; /* of spans, a power of two */
    /* Why an operator is kept from this device before it is asked, or NULL; may be NULL itself. */
    const char *(*refusal)(void *ctx, const char *op);
    void *refusal_ctx;
};

struct tn_placer {
    const struct tn_place_device *devices; /* [0] is the session's; the rest in order of fallback */
    uint32_t n_devices;
    int strict;    /* a node that [0] refuses is an error */
    int no_claims; /* nodes run one by one: for verifying fused against unfused */
    int no_reuse;  /* every value has bytes of its own: for verifying the memory plan */
    /* For looking at a step afterwards: as no_reuse, with TN_GUARD_BYTES or more behind each value
     * that no value owns, and each node that no claim holds a segment of its own. */
    int checked;
};
#define TN_GUARD_BYTES 64u
static inline int tn_keeps_values(const struct tn_placer *placer)
{
    return placer->no_reuse || placer->checked;
}

/* Fills device, support and why of each node. TN_E_UNSUPPORTED names the node, its shapes and each
 * device's refusal. */
tn_status tn_plan_place(struct tn_plan_ir *ir, const struct tn_placer *placer,
                        struct tn_error *err);

/* --- segments and claims --- */

struct tn_plan_segment {
    uint32_t device;
    uint32_t n_nodes, n_values, n_claims;
    uint32_t *nodes;  /* in order of execution */
    uint32_t *values; /* ascending */
    tnb_claim *claims;
    const char **variants; /* by claim */
    uint32_t first_time;   /* before any of its nodes */
};

struct tn_plan_schedule {
    struct tn_plan_segment *segments;
    uint32_t n_segments;
    uint32_t end_time; /* after the last node: when the copies at the step's end are made */
};

/* Cuts the order into maximal runs per device, asks each backend for claims, checks them and sets
 * every node's segment, claim and time. A claim is refused when it overlaps another, leaves the
 * segment, or is not convex: a path of data or of state versions leaves it and comes back. */
tn_status tn_plan_segments(struct tn_plan_ir *ir, const struct tn_placer *placer,
                           struct tn_plan_schedule *out_schedule, struct tn_error *err);

/* claims.c: the part of tn_plan_segments that deals with one segment. */
tn_status tn_plan_claims(struct tn_plan_ir *ir, const struct tn_placer *placer,
                         struct tn_plan_segment *segment, struct tn_error *err);

/* --- memory --- */

enum tn_region {
    TN_REGION_NONE = 0, /* hidden inside a claim */
    TN_REGION_ARENA,    /* activations: shared by the plans of a session, valid during a run */
    TN_REGION_PLAN,     /* inputs, constants, outputs: the plan's own, valid between runs */
    TN_REGION_STATE     /* the session's */
};

/* A store's bytes on one device. */
struct tn_loc {
    uint32_t store, device;
    enum tn_region region;
    uint32_t state;  /* TN_REGION_STATE: the graph's state */
    uint64_t offset; /* in the arena or the plan's region */
    uint64_t n_bytes;
    uint32_t begin, end; /* times, inclusive, at which the bytes must hold */
    uint32_t block;      /* locs of one block share bytes; the block's index is its first loc's */
};

enum tn_action_kind { TN_ACTION_COPY, TN_ACTION_RUN };
struct tn_action {
    enum tn_action_kind kind;
    uint32_t segment;  /* RUN */
    uint32_t from, to; /* COPY: locs, possibly on two devices */
    uint64_t staging;  /* COPY between devices: offset in the plan's host staging */
};

struct tn_mem_device {
    uint64_t arena_bytes;
    uint64_t plan_bytes;
    uint64_t align;
    uint8_t has_step; /* a node here reads a STEP input */
};

struct tn_mem_plan {
    struct tn_loc *locs;
    uint32_t n_locs;
    uint32_t *loc_of; /* [store * n_devices + device], TN_NONE: not there */
    uint32_t n_devices;
    struct tn_mem_device *devices;
    struct tn_action *actions; /* one step */
    uint32_t n_actions, n_transfers;
    uint64_t staging_bytes;
    /* STEP inputs lie in one block at the start of each plan region, in the same layout. */
    uint64_t step_bytes;
    uint64_t *step_offset; /* by input; UINT64_MAX: not a STEP input */
};

/* Liveness over the order of execution, in-place pairs, state written where it lies, contiguous
 * gradients, offsets. TN_E_OOM. */
tn_status tn_plan_memory(struct tn_plan_ir *ir, const struct tn_placer *placer,
                         const struct tn_plan_schedule *schedule, struct tn_mem_plan *out_plan,
                         struct tn_error *err);

static inline uint32_t tn_mem_loc(const struct tn_mem_plan *mem, uint32_t store, uint32_t device)
{
    return mem->loc_of[(size_t)store * mem->n_devices + device];
}

/* --- offsets (assign.c): pure, for tests too --- */

struct tn_mem_item {
    uint64_t n_bytes;
    uint32_t begin, end; /* inclusive */
    uint64_t offset;     /* out */
};
/* Places items so that no two whose times meet share bytes. Largest first, each into the smallest
 * gap that holds it. Offsets and the total are multiples of `align`. 0 when memory is out. */
int tn_mem_assign(struct tn_mem_item *items, uint32_t n, uint64_t align, uint64_t *out_total);

static inline uint64_t tn_align_up(uint64_t n, uint64_t align)
{
    return (n + align - 1) / align * align;
}

#endif
