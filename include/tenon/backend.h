/* SPDX-License-Identifier: MIT
 *
 * The backend ABI, version 0. A backend is a shared object, libtenon-backend-<name>.so, that exports
 * one symbol, tenon_backend_entry_v0, and imports nothing from the host: what it may use arrives in
 * `struct tnb_host`. This header is standalone C11 / C++17 and has no link-time dependency.
 *
 * Version 0 may still change between releases of Tenon; the loader refuses a mismatch by name.
 *
 * Wire rules. Fixed-width integers; enums travel as uint32_t; strings are UTF-8; `*_ns` is in
 * nanoseconds, sizes and offsets in bytes, strides in elements. FROZEN structs never grow. The rest
 * begin with struct_size, set by whoever fills the struct; a reader tests each later-added field
 * with TNB_HAS, never with == on the size. For out-structs the caller sets struct_size and the
 * callee writes only the fields that fit. Unknown extensions and flags are skipped.
 *
 * No exit, no abort, no exception, no free across the line. An error is a code and a message in the
 * caller's tnb_error.
 */
#ifndef TENON_BACKEND_H
#define TENON_BACKEND_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TNB_ABI_MAJOR 0u
#define TNB_ABI_MINOR 3u /* grows with each addition; a new major gets a new entry symbol */
#define TNB_ENTRY_SYMBOL "tenon_backend_entry_v0"
#define TNB_HAS(p, T, f) ((p)->struct_size >= offsetof(T, f) + sizeof((p)->f))
#if defined(__GNUC__)
#define TNB_EXPORT __attribute__((visibility("default")))
#else
#define TNB_EXPORT
#endif
#define TNB_MAX_RANK 8u
#define TNB_ABSENT UINT32_MAX /* an optional input or output that is not there */

typedef int32_t tnb_status;
enum {
    TNB_OK = 0,
    TNB_E_UNSUPPORTED,
    TNB_E_INVALID,
    TNB_E_OOM,
    TNB_E_DEVICE_LOST,
    TNB_E_BUILD, /* a kernel did not compile; the message holds the build log */
    TNB_E_TIMEOUT,
    TNB_E_ABI,
    TNB_E_INTERNAL /* unknown codes are read as this one */
};

/* Caller-owned. `native` is the driver's own code, 0 if there is none. */
typedef struct tnb_error {
    uint32_t struct_size;
    tnb_status code;
    int64_t native;
    char msg[1008];
} tnb_error;

typedef struct tnb_ext {
    uint32_t struct_size, type;
    const struct tnb_ext *next;
} tnb_ext;

typedef struct tnb_kv { /* FROZEN */
    const char *key, *value;
} tnb_kv;

/* Element types. The later ones are numbered now so that quantisation is an addition. */
enum {
    TNB_F32 = 1,
    TNB_F16,
    TNB_BF16,
    TNB_F64,
    TNB_I32,
    TNB_I64,
    TNB_U8,
    TNB_BOOL,
    TNB_I8,
    TNB_I16,
    TNB_U16,
    TNB_U32,
    TNB_U64,
    TNB_F8E4M3,
    TNB_F8E5M2,
    TNB_I4
};

/* tnb_tensor.flags */
enum {
    TNB_VALUE_PARAM = 1u << 0,
    TNB_VALUE_GRAD = 1u << 1,  /* gradient of a parameter; those of one group lie contiguous */
    TNB_VALUE_STATE = 1u << 2, /* lives between steps */
    TNB_VALUE_STEP = 1u << 3,  /* small, fed by the host, changes each step */
    TNB_VALUE_CONST = 1u << 4  /* written once, before the first run */
};

/* A value of the graph. Shapes are concrete: symbols are bound before a backend sees the graph.
 * In this version the core stores every value row-major and contiguous (layout 0). */
typedef struct tnb_tensor { /* FROZEN */
    uint32_t dtype, rank, layout, flags;
    int64_t dim[8], stride[8];
} tnb_tensor;

enum { TNB_ATTR_INT = 1, TNB_ATTR_FLOAT, TNB_ATTR_STRING, TNB_ATTR_INTS };
/* Attributes are complete: those the user left out hold the schema's default. */
typedef struct tnb_attr { /* FROZEN */
    const char *key;
    uint32_t type, count; /* count of `iv` */
    union {
        int64_t i;
        double f;
        const char *s;
        const int64_t *iv;
    } v;
} tnb_attr;

enum { TNB_PHASE_FORWARD = 0, TNB_PHASE_BACKWARD, TNB_PHASE_UPDATE };

/* One operator application. Operators are named, not numbered: "conv2d", or "vendor.op". */
typedef struct tnb_node {
    uint32_t struct_size, op_version, phase, flags;
    const char *op;
    const char *label; /* layer path, for logs and profiles */
    uint32_t n_in, n_out, n_attr, reserved;
    const uint32_t *in, *out; /* indices into tnb_graph.values, or TNB_ABSENT */
    const tnb_attr *attr;
    const tnb_ext *next;
} tnb_node;

/* Valid only during the call that it is passed to. Nodes are in topological order, and readers of a
 * state's old version come before the node that makes the new one. prior[v] is the state value
 * whose new version v is, or TNB_ABSENT. */
typedef struct tnb_graph {
    uint32_t struct_size, n_nodes, n_values, reserved;
    const tnb_node *const *nodes;
    const tnb_tensor *values;
    const uint32_t *prior;
    const tnb_ext *next;
} tnb_graph;

typedef struct tnb_instance tnb_instance;
typedef struct tnb_device tnb_device;
typedef struct tnb_buffer tnb_buffer;
typedef struct tnb_queue tnb_queue;
typedef struct tnb_event tnb_event;
typedef struct tnb_plan tnb_plan;
struct tnb_backend;

/* --- operators of a plugin's own --- */

/* An attribute of an operator: its key and type, and what it holds where a node does not say. */
typedef struct tnb_attr_def { /* FROZEN */
    tnb_attr dflt;
    uint32_t required, reserved; /* required: a node must say */
    const char *doc;             /* one line; may be NULL */
} tnb_attr_def;

/* One application of an operator. in[i].dtype 0: the input is absent. */
typedef struct tnb_op_call {
    uint32_t struct_size, n_in, n_out, n_attr;
    const tnb_tensor *in;
    const tnb_tensor *out; /* NULL while shapes are inferred */
    const tnb_attr *attr;  /* complete, in the order of the definition */
    const tnb_ext *next;
} tnb_op_call;

/* An operator that this plugin adds, called "vendor.name". Every backend runs it by its reference until
 * one answers yes in `supports`. All strings and arrays are copied; the functions must stay valid for the
 * process's life and may be called from any thread. */
typedef struct tnb_op {
    uint32_t struct_size, version;
    const char *name; /* [a-z0-9_]+ '.' [a-z0-9_]+ */
    uint32_t min_in, max_in, n_out, n_attr; /* at most 16 inputs, 8 outputs, 32 attributes */
    /* max_in and n_out of them. The name of an input that may be absent in the middle ends with '?'. */
    const char *const *in_names, *const *out_names;
    const tnb_attr_def *attrs;
    const char *formula, *shapes; /* for documentation; may be NULL */
    /* The operator, registered before, that computes this one's gradient, or NULL: its inputs are this
     * one's max_in inputs, its n_out outputs and their n_out gradients (which may be absent); its outputs
     * the gradients of the max_in inputs. */
    const char *gradient;
    void *user; /* passed first */
    /* Fills out[n_out]: dtype, rank, dim. TNB_E_INVALID with a message that says what does not fit. */
    tnb_status (*infer)(void *user, const tnb_op_call *call, tnb_tensor *out, tnb_error *err);
    /* The definition of what is right: row-major; floating point of any type arrives and leaves as
     * double, integers and bool as int64_t. */
    void (*reference)(void *user, const tnb_op_call *call, const void *const *in,
                      void *const *out);
    const tnb_ext *next;
} tnb_op;

enum { TNB_LOG_ERROR = 0, TNB_LOG_WARN, TNB_LOG_INFO, TNB_LOG_DEBUG };

/* What the host offers. Lives as long as the instance. Every function may be called from any
 * thread; `ctx` is passed first. */
typedef struct tnb_host {
    uint32_t struct_size, abi_minor;
    void *ctx;
    void *(*alloc)(void *ctx, uint64_t size, uint64_t align); /* NULL when there is none left */
    void (*free)(void *ctx, void *ptr);                       /* NULL is accepted */
    void (*log)(void *ctx, uint32_t level, const char *msg);
    /* Splits [0, n) over the host's threads; returns when all of it is done. */
    void (*parallel_for)(void *ctx, uint64_t n, void (*fn)(void *arg, uint64_t lo, uint64_t hi),
                         void *arg);
    /* For wrappers: another backend's table and instance; they live as long as the host. */
    tnb_status (*open_backend)(void *ctx, const char *name, const struct tnb_backend **out_backend,
                               tnb_instance **out_instance, tnb_error *err);
    const char *cache_dir; /* a folder of the plugin's own, which may not exist; NULL: keep nothing */
    uint32_t n_threads;    /* the user's --threads, 0: choose */
    uint32_t reserved;
    const tnb_ext *next;
    /* Since minor 3. Adds an operator; from `create`, once per process counts. TNB_E_INVALID says what is
     * wrong with it, or that the name means another operator already. */
    tnb_status (*register_op)(void *ctx, const tnb_op *op, tnb_error *err);
} tnb_host;

enum { TNB_DEVICE_CPU = 1, TNB_DEVICE_GPU, TNB_DEVICE_ACCELERATOR };
/* tnb_device_info.caps */
enum {
    TNB_CAP_HOST_MEMORY = 1u << 0, /* buffer_map is cheap: buffers are host memory */
    TNB_CAP_EMULATED = 1u << 1,    /* a GPU interface that runs on the CPU: PoCL, llvmpipe, ... */
    TNB_CAP_CHECKER = 1u << 2      /* a checking simulator (oclgrind): never chosen by default */
};
typedef struct tnb_device_info {
    uint32_t struct_size, kind;
    uint64_t caps, dtype_mask; /* bit (1 << dtype) */
    uint64_t mem_total, mem_free, max_alloc; /* mem_free 0: not known */
    uint64_t offset_align;                   /* of spans inside a buffer; a power of two */
    int32_t score;                           /* higher is better; the default device has the highest */
    uint32_t reserved;
    char name[128];     /* "NVIDIA H200" */
    char uid[64];       /* stable over runs; the same GPU has the same uid through any driver */
    char driver[192];   /* "Portable Computing Language 3.1, driver 3.1" */
} tnb_device_info;

enum { TNB_NO = 0, TNB_YES = 1 };
/* Class of rounding error that a verdict promises. */
enum { TNB_PREC_EXACT = 1, TNB_PREC_F32, TNB_PREC_F16, TNB_PREC_BF16, TNB_PREC_TF32 };
typedef struct tnb_support {
    uint32_t struct_size, verdict, precision, n_inplace;
    double est_ns; /* 0: not known */
    char variant[48]; /* "onednn", "clblast", "direct" */
    char why[160];    /* reason of a refusal, or of the choice of variant */
    /* (input, output) positions that may share memory; at most 8. Sharing is allowed, not forced. */
    struct {
        uint16_t in, out;
    } inplace[8];
} tnb_support;

/* A claim: nodes that the backend runs as one. Values made and read only inside are not stored. */
typedef struct tnb_claim { /* FROZEN */
    const uint32_t *nodes; /* indices into tnb_graph.nodes, ascending */
    uint32_t n_nodes, reserved;
    uint64_t cookie; /* the backend's own, handed back in the segment */
} tnb_claim;

/* A maximal run of nodes on one device. `nodes` is in the order of execution: ascending in propose;
 * in plan_create the nodes of a claim stand together, so a number may come after a larger one.
 * `values` lists each value that the nodes read or write, in ascending order: the order of the spans
 * in plan_bind. A value inside a claim has no span (its buffer is NULL), as has an absent one; one
 * that is read under a second shape keeps its span. Claims lie inside the segment, convex and
 * disjoint, and run at the place of their last node. */
typedef struct tnb_segment {
    uint32_t struct_size, n_nodes, n_values, n_claims;
    const uint32_t *nodes, *values;
    const tnb_claim *claims;
    const tnb_ext *next;
} tnb_segment;

typedef struct tnb_claim_sink {
    void *ctx;
    /* The core copies the list; it answers TNB_E_INVALID for a claim it cannot accept (not convex,
     * overlapping, outside) and the nodes then run one by one. */
    tnb_status (*claim)(void *ctx, const uint32_t *nodes, uint32_t n_nodes, uint64_t cookie,
                        const char *variant);
} tnb_claim_sink;

/* Takes what a backend says of itself (device TNB_ABSENT) or of one of its devices. The core copies. */
typedef struct tnb_fact_sink {
    void *ctx;
    void (*fact)(void *ctx, uint32_t device, const char *key, const char *value);
} tnb_fact_sink;

typedef struct tnb_span { /* FROZEN */
    tnb_buffer *buffer; /* NULL: not stored */
    uint64_t offset, size;
} tnb_span;

/* When the host may touch the memory again that it passed to write or read. */
enum {
    TNB_HOST_NOW = 0, /* when the call returns: write has copied it, read has filled it */
    TNB_HOST_UNTIL_DONE = 1 /* when an event signalled after the call has been reached */
};

enum { TNB_BUFFER_DEVICE = 0, TNB_BUFFER_STAGING = 1 };
enum { TNB_QUEUE_PROFILE = 1u << 0 };

/* All slots are required unless marked optional. */
typedef struct tnb_backend {
    uint32_t struct_size, abi_major, abi_minor, reserved;
    uint64_t flags;
    const char *name;    /* the <name> of libtenon-backend-<name>.so: [a-z0-9_]+ */
    const char *version; /* of the plugin, for people */
    const tnb_ext *next;

    /* --- any thread, concurrently --- */

    /* `opts` are --backend-opt pairs for this backend; an unknown key is TNB_E_INVALID with the
     * known ones named. On failure nothing is left behind. */
    tnb_status (*create)(const tnb_host *host, const tnb_kv *opts, uint32_t n_opts,
                         tnb_instance **out_instance, tnb_error *err);
    /* Every object of the instance has been destroyed before. Joins threads. */
    void (*destroy)(tnb_instance *instance);
    tnb_status (*device_count)(tnb_instance *instance, uint32_t *out_count, tnb_error *err);
    tnb_status (*device_info)(tnb_instance *instance, uint32_t index, tnb_device_info *out_info,
                              tnb_error *err);
    tnb_status (*device_open)(tnb_instance *instance, uint32_t index, tnb_device **out_device,
                              tnb_error *err);
    void (*device_close)(tnb_device *device);
    /* Contents undefined. TNB_E_OOM when the device has no room. */
    tnb_status (*buffer_alloc)(tnb_device *device, uint64_t size, uint32_t kind,
                               tnb_buffer **out_buffer, tnb_error *err);
    void (*buffer_free)(tnb_buffer *buffer); /* the host guarantees that no work is pending on it */
    /* Can this device run node `node` of the graph? Pure: the same answer for the same question.
     * A refusal is TNB_OK with verdict TNB_NO and a reason in `why`. */
    tnb_status (*supports)(tnb_device *device, const tnb_graph *graph, uint32_t node,
                           tnb_support *out_support, tnb_error *err);
    /* Prepares a segment: builds kernels, picks algorithms. `out_workspace` is scratch that
     * plan_bind will receive; its contents do not outlive a run. */
    tnb_status (*plan_create)(tnb_device *device, const tnb_graph *graph,
                              const tnb_segment *segment, uint64_t *out_workspace,
                              tnb_plan **out_plan, tnb_error *err);
    void (*plan_destroy)(tnb_plan *plan);
    /* Fixes the memory of the segment's values (spans in the order of segment.values) and of the
     * workspace. Called at least once before run, again when memory moves; the queue is idle. */
    tnb_status (*plan_bind)(tnb_plan *plan, const tnb_span *spans, uint32_t n_spans,
                            tnb_span workspace, tnb_error *err);

    /* Timeline events: an event holds a value that only grows. */
    tnb_status (*event_create)(tnb_device *device, tnb_event **out_event, tnb_error *err);
    void (*event_destroy)(tnb_event *event);
    /* Blocks until the event reached `value`; timeout 0 polls; TNB_E_TIMEOUT. Errors of
     * asynchronous work end here. */
    tnb_status (*event_wait)(tnb_event *event, uint64_t value, uint64_t timeout_ns, tnb_error *err);

    /* --- one thread at a time per queue --- queues are in order; work may finish before a call
     * returns, or after; nothing here blocks but TNB_HOST_NOW transfers. */
    tnb_status (*queue_create)(tnb_device *device, uint32_t flags, tnb_queue **out_queue,
                               tnb_error *err);
    void (*queue_destroy)(tnb_queue *queue); /* waits for its work */
    tnb_status (*write)(tnb_queue *queue, tnb_span dst, const void *src, uint32_t host_rule,
                        tnb_error *err);
    tnb_status (*read)(tnb_queue *queue, tnb_span src, void *dst, uint32_t host_rule,
                       tnb_error *err);
    tnb_status (*copy)(tnb_queue *queue, tnb_span dst, tnb_span src, tnb_error *err);
    /* Repeats `width` (1, 2, 4, 8) low bytes of pattern over the span; size % width == 0. */
    tnb_status (*fill)(tnb_queue *queue, tnb_span dst, uint64_t pattern, uint32_t width,
                       tnb_error *err);
    tnb_status (*run)(tnb_queue *queue, tnb_plan *plan, tnb_error *err);
    tnb_status (*signal)(tnb_queue *queue, tnb_event *event, uint64_t value, tnb_error *err);
    /* An event of another device or backend: TNB_E_UNSUPPORTED, and the core waits on the host. */
    tnb_status (*wait)(tnb_queue *queue, tnb_event *event, uint64_t value, tnb_error *err);
    tnb_status (*flush)(tnb_queue *queue, tnb_error *err);

    /* --- optional, may be NULL --- */

    /* Offers claims among the nodes of a segment; same thread rule as plan_create. */
    tnb_status (*propose)(tnb_device *device, const tnb_graph *graph, const tnb_segment *segment,
                          const tnb_claim_sink *sink, tnb_error *err);
    /* Bytes and alignment of a value in one of this backend's layouts; layout 0 is row-major. */
    tnb_status (*value_storage)(tnb_device *device, const tnb_graph *graph, uint32_t value,
                                uint32_t layout, uint64_t *out_bytes, uint64_t *out_align,
                                tnb_error *err);
    /* Host address of the whole buffer; the queue that uses it is idle. Unmap before device use. */
    tnb_status (*buffer_map)(tnb_buffer *buffer, void **out_ptr, tnb_error *err);
    tnb_status (*buffer_unmap)(tnb_buffer *buffer, tnb_error *err);
    /* Nanoseconds that node i of the segment took in the last run (queue made with
     * TNB_QUEUE_PROFILE, and idle); a claim's time counts for its last node. */
    tnb_status (*plan_times)(tnb_plan *plan, uint64_t *out_ns, uint32_t n_nodes, tnb_error *err);
    /* Since minor 2. For people who look for the reason of a fault: versions, limits, extensions that
     * matter, what was skipped and why, the state of caches. Any thread. */
    tnb_status (*facts)(tnb_instance *instance, const tnb_fact_sink *sink, tnb_error *err);
} tnb_backend;

/* Pure: returns the same read-only table each time, valid for the process's life. NULL and *err:
 * the plugin refuses this host. */
typedef const tnb_backend *(*tnb_entry_fn)(uint32_t host_abi_minor, tnb_error *err);
TNB_EXPORT const tnb_backend *tenon_backend_entry_v0(uint32_t host_abi_minor, tnb_error *err);

/* --- helpers for backend authors, header-only --- */

static inline const tnb_attr *tnb_attr_find(const tnb_node *node, const char *key)
{
    for (uint32_t i = 0; i < node->n_attr; i++)
        if (strcmp(node->attr[i].key, key) == 0)
            return &node->attr[i];
    return NULL;
}
/* The attribute of a call, by key; NULL when the operator has none of that name. */
static inline const tnb_attr *tnb_call_attr(const tnb_op_call *call, const char *key)
{
    for (uint32_t i = 0; i < call->n_attr; i++)
        if (strcmp(call->attr[i].key, key) == 0)
            return &call->attr[i];
    return NULL;
}
static inline int64_t tnb_attr_int(const tnb_node *node, const char *key, int64_t dflt)
{
    const tnb_attr *a = tnb_attr_find(node, key);
    return a && a->type == TNB_ATTR_INT ? a->v.i : dflt;
}
static inline double tnb_attr_float(const tnb_node *node, const char *key, double dflt)
{
    const tnb_attr *a = tnb_attr_find(node, key);
    return a && a->type == TNB_ATTR_FLOAT ? a->v.f : dflt;
}
static inline const char *tnb_attr_string(const tnb_node *node, const char *key, const char *dflt)
{
    const tnb_attr *a = tnb_attr_find(node, key);
    return a && a->type == TNB_ATTR_STRING ? a->v.s : dflt;
}
/* The list's i-th entry, or dflt where the list is shorter or absent. */
static inline int64_t tnb_attr_at(const tnb_node *node, const char *key, uint32_t i, int64_t dflt)
{
    const tnb_attr *a = tnb_attr_find(node, key);
    return a && a->type == TNB_ATTR_INTS && i < a->count ? a->v.iv[i] : dflt;
}
static inline uint32_t tnb_attr_count(const tnb_node *node, const char *key)
{
    const tnb_attr *a = tnb_attr_find(node, key);
    return a && a->type == TNB_ATTR_INTS ? a->count : 0;
}
static inline uint64_t tnb_dtype_size(uint32_t dtype)
{
    switch (dtype) {
    case TNB_F64: case TNB_I64: case TNB_U64: return 8;
    case TNB_F32: case TNB_I32: case TNB_U32: return 4;
    case TNB_F16: case TNB_BF16: case TNB_I16: case TNB_U16: return 2;
    case TNB_U8: case TNB_BOOL: case TNB_I8: case TNB_F8E4M3: case TNB_F8E5M2: return 1;
    default: return 0;
    }
}
static inline int64_t tnb_count(const tnb_tensor *t)
{
    int64_t n = 1;
    for (uint32_t i = 0; i < t->rank; i++)
        n *= t->dim[i];
    return n;
}

#if !defined(__cplusplus) && UINTPTR_MAX > 0xffffffffu
_Static_assert(sizeof(tnb_tensor) == 144 && sizeof(tnb_attr) == 24 && sizeof(tnb_span) == 24 &&
                   sizeof(tnb_claim) == 24 && sizeof(tnb_kv) == 16,
               "frozen structs");
#endif

#ifdef __cplusplus
}
#endif
#endif
