/* The runtime: backends, devices, sessions (owners of state) and plans (compiled graphs). */
#ifndef TENON_RUNTIME_H
#define TENON_RUNTIME_H

#include <stdint.h>

#include "tenon/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tn_runtime tn_runtime;
typedef struct tn_session tn_session;
typedef struct tn_plan tn_plan;
typedef struct tn_device tn_device; /* owned by the runtime */

struct tn_runtime_params {
    /* Called from any thread, one at a time. NULL: messages are dropped. */
    void (*log)(void *ctx, tn_log_level level, const char *msg);
    void *log_ctx;
    uint32_t n_threads; /* 0: as many as the process may run on */
    /* NULL: load every backend found. A name, or a path with a slash: devices are chosen from that
     * one; besides it only "cpu" is loaded, if there is one, for what it refuses. */
    const char *backend;
    /* "KEY=VALUE" for the selected backend. */
    const char *const *backend_opts;
    size_t n_backend_opts;
    const char *cache_dir; /* NULL: TENON_CACHE_DIR, XDG_CACHE_HOME/tenon, ~/.cache/tenon */
};

/* Finds and loads plugins: an explicit path, TENON_BACKEND_PATH, the compiled-in folder. A
 * candidate that cannot be used is kept with its reason (tn_runtime_rejected); it is an error only
 * when params->backend names it. The built-in backend "ref" is always there. */
TN_API tn_status tn_runtime_create(const struct tn_runtime_params *params, tn_runtime **out_runtime,
                                   struct tn_error *err);
/* Sessions and plans of the runtime have been destroyed before. */
TN_API void tn_runtime_destroy(tn_runtime **runtime);

struct tn_rejected {
    const char *path, *reason;
};
TN_API size_t tn_runtime_rejected(const tn_runtime *runtime, const struct tn_rejected **out_list);

typedef enum tn_device_kind { TN_DEVICE_CPU = 1, TN_DEVICE_GPU, TN_DEVICE_ACCELERATOR } tn_device_kind;
struct tn_device_info {
    const char *backend, *backend_version, *backend_path; /* path NULL: built in */
    const char *name, *uid, *driver;
    uint32_t index; /* within its backend */
    tn_device_kind kind;
    int is_emulated; /* OpenCL on the CPU */
    int is_checker;  /* oclgrind */
    int score;
    uint64_t mem_total, mem_free, max_alloc; /* mem_free 0: not known */
    uint64_t dtype_mask;
    /* Index in the list of the first device with the same uid of a GPU, itself if it is the first:
     * one GPU seen through two platforms. */
    size_t same_as;
};
/* All devices, best first. */
TN_API size_t tn_runtime_device_count(const tn_runtime *runtime);
TN_API tn_device *tn_runtime_device(const tn_runtime *runtime, size_t index);
TN_API const struct tn_device_info *tn_device_info(const tn_device *device);
/* SEL: "BACKEND", "BACKEND:INDEX", "BACKEND:GLOB" (case-insensitive, on name or uid), "gpu", or with
 * params->backend just INDEX or GLOB; NULL: the best by score. Errors list the candidates. */
TN_API tn_status tn_runtime_select(tn_runtime *runtime, const char *selector, tn_device **out_device,
                                   struct tn_error *err);

/* --- what was found out about a device --- */

/* Operators that computed something wrong on this device, with this driver and this version of the
 * backend, when `tenon doctor` looked: sessions keep them from it. Kept in the user's state folder
 * (TENON_STATE_DIR, XDG_STATE_HOME/tenon, ~/.local/state/tenon) as devices.json. */
struct tn_device_fault {
    const char *op, *reason; /* "wrong value in case matmul/odd" */
};
/* The list lives until tn_device_set_faults or the runtime's end. */
TN_API size_t tn_device_faults(const tn_device *device, const struct tn_device_fault **out_list);
/* Replaces the device's list, here and in the file; the entries of other devices stay. n 0: nothing is
 * wrong. TN_E_IO where the file cannot be written (the old one is whole then), TN_E_INVALID for a
 * file that is damaged or of a newer version. */
TN_API tn_status tn_device_set_faults(tn_device *device, const struct tn_device_fault *faults,
                                      size_t n, struct tn_error *err);
/* A fact that a backend tells of itself or of a device: "OpenCL C" "1.2", "extension"
 * "cl_khr_fp16", "skipped platform" "Clover: below OpenCL 1.2". device NULL: of the backend. */
typedef void (*tn_fact_fn)(void *ctx, const char *backend, const tn_device *device,
                           const char *key, const char *value);
TN_API tn_status tn_runtime_facts(tn_runtime *runtime, tn_fact_fn fact, void *ctx,
                                  struct tn_error *err);

/* --- session: the state, on devices --- */

struct tn_session_params {
    tn_device *device;
    /* Where nodes go that the device refuses, in order; NULL: cpu if loaded, then ref. */
    tn_device *const *fallback;
    size_t n_fallback;
    uint64_t seed;  /* initial state */
    int strict;     /* a node that would fall back is an error */
    int profile;    /* time every node: tn_plan_times */
    int no_quarantine; /* use a device for operators that tn_device_faults lists, too */
};
TN_API tn_status tn_session_create(tn_runtime *runtime, const struct tn_session_params *params,
                                   tn_session **out_session, struct tn_error *err);
TN_API void tn_session_destroy(tn_session **session);

struct tn_state_info {
    const char *name, *slot;
    tn_dtype dtype;
    struct tn_shape shape;
    tn_state_role role;
    uint32_t group;
};
/* State in order of declaration; it comes into being with the first plan that uses it. */
TN_API size_t tn_session_state_count(const tn_session *session);
TN_API void tn_session_state_info(const tn_session *session, size_t index,
                                  struct tn_state_info *out_info);
/* Copies; waits for running plans. TN_E_NOT_FOUND. set: same shape, any dtype (converted). */
TN_API tn_status tn_session_get_state(tn_session *session, const char *name, tn_tensor **out_tensor,
                                      struct tn_error *err);
/* The same into plain row-major memory of exactly n_bytes. No allocation. */
TN_API tn_status tn_session_get_state_bytes(tn_session *session, const char *name, void *data,
                                            size_t n_bytes, struct tn_error *err);
TN_API tn_status tn_session_set_state(tn_session *session, const char *name,
                                      const tn_tensor *tensor, struct tn_error *err);
/* Fills state again from its initialisers; names beginning with `prefix`, NULL: all. */
TN_API tn_status tn_session_reset_state(tn_session *session, const char *prefix,
                                        struct tn_error *err);

/* --- plan: a graph compiled for a session and a binding of its symbols --- */

/* Plans are cached by (graph, binding): asking again returns the same plan, owned by the session.
 * The graph must outlive the session's last use of its plans; tn_session_forget comes before a graph
 * is destroyed, for a later one at its address would be taken for it. */
TN_API tn_status tn_session_plan(tn_session *session, const tn_graph *graph,
                                 const struct tn_binding *bindings, size_t n_bindings,
                                 tn_plan **out_plan, struct tn_error *err);
/* Destroys every plan of the graph, so that the graph may be destroyed while the session goes on;
 * waits for queued work. A graph without plans, and NULL, are accepted. */
TN_API void tn_session_forget(tn_session *session, const tn_graph *graph);
/* Bytes that the session's device would hold for a plan (all state, activations, inputs, constants,
 * outputs), without allocating or compiling anything; the backend's workspace is added once the plan
 * has been made. */
TN_API tn_status tn_session_estimate(tn_session *session, const tn_graph *graph,
                                     const struct tn_binding *bindings, size_t n_bindings,
                                     uint64_t *out_bytes, struct tn_error *err);

/* The same graph and binding as a plan for looking at: every value keeps bytes of its own until the
 * next run, guard bytes stand behind each, and nodes run one by one (what a backend fuses stays
 * fused). Takes more memory than tn_session_plan's, shares the state with it, and is cached
 * likewise. For tn_plan_verify and tn_plan_check_numerics. */
TN_API tn_status tn_session_checked_plan(tn_session *session, const tn_graph *graph,
                                         const struct tn_binding *bindings, size_t n_bindings,
                                         tn_plan **out_plan, struct tn_error *err);

/* Sets an input for the next runs; the data is copied before the call returns. The tensor's shape
 * equals the bound shape; its dtype the input's. Values stay until set again. */
TN_API tn_status tn_plan_set_input(tn_plan *plan, const char *name, const tn_tensor *tensor,
                                   struct tn_error *err);
/* The same from plain row-major memory of exactly n_bytes. No allocation. */
TN_API tn_status tn_plan_set_input_bytes(tn_plan *plan, const char *name, const void *data,
                                         size_t n_bytes, struct tn_error *err);
/* Queues one step; may return before it is done. */
TN_API tn_status tn_plan_run(tn_plan *plan, struct tn_error *err);
/* What a check of one step looked at. */
struct tn_check_report {
    size_t n_nodes, n_claims; /* checked; nodes of a claim are checked together */
    int64_t n_elements;
    double worst;        /* largest difference, as a share of its tolerance */
    char worst_node[96]; /* "label (op)" of that one */
};
/* Called before a node (for a claim: its first) is run, so that the caller can say where a driver
 * crashed or hung; with a label of NULL when all have been run. */
typedef void (*tn_node_fn)(void *ctx, const char *label, const char *op, const char *device);
/* Runs one step of a checked plan as tn_plan_run does and waits for it, then computes each node and
 * claim again with the references, in double and from the device's own inputs. TN_E_NUMERIC names
 * the first node in the order of execution that differs by more than its tolerance (of its element
 * types, the precision that its backend declares, and its condition: how far the reference's own
 * result moves when the inputs move by a rounding or two), or that wrote past its output. The step's
 * effects stay. `before` may be NULL. */
TN_API tn_status tn_plan_verify(tn_plan *plan, tn_node_fn before, void *ctx,
                                struct tn_check_report *out_report, struct tn_error *err);
/* Runs one step of a checked plan and looks for NaN and infinities. TN_E_NUMERIC names the first
 * node that made one of finite inputs, and its inputs' ranges; or the input of the graph, or the
 * state, that held one before. */
TN_API tn_status tn_plan_check_numerics(tn_plan *plan, struct tn_error *err);
/* Waits, and copies an output of the last run of this plan. */
TN_API tn_status tn_plan_get_output(tn_plan *plan, const char *name, tn_tensor **out_tensor,
                                    struct tn_error *err);
TN_API tn_status tn_plan_get_output_bytes(tn_plan *plan, const char *name, void *data,
                                          size_t n_bytes, struct tn_error *err);
/* Waits for everything queued. */
TN_API tn_status tn_session_sync(tn_session *session, struct tn_error *err);

struct tn_plan_info {
    size_t n_nodes, n_segments, n_transfers, n_fallback;
    uint64_t activation_bytes; /* the arena that this plan needs */
    uint64_t state_bytes;      /* of the session, on its device */
    uint64_t workspace_bytes;
    uint64_t peak_bytes;       /* state + activations + workspace + inputs */
};
TN_API void tn_plan_info(const tn_plan *plan, struct tn_plan_info *out_info);
struct tn_plan_node {
    const char *op, *label, *device, *variant, *why; /* why: reason of the choice or of the refusal */
    char shapes[128];                                /* "[64,1,28,28] [32,1,3,3] -> [64,32,26,26]" */
    uint32_t segment;
    int is_fallback;
    uint64_t time_ns; /* of the last run when profiling, else 0 */
};
/* Nodes in the order of execution; strings live as long as the plan. */
TN_API void tn_plan_node(const tn_plan *plan, size_t index, struct tn_plan_node *out_node);

#ifdef __cplusplus
}
#endif
#endif
