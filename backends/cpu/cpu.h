/* SPDX-License-Identifier: MIT
 *
 * The cpu backend's own header: the objects behind the ABI's handles, and what an implementation of
 * an operator looks like. Sees tenon/backend.h (and tenon/normal_table.h, numbers) of Tenon.
 *
 * A plan is an array of prepared kernels. Preparing picks the implementation and its loop bounds
 * once; binding resolves the pointers once; running calls one function per kernel and allocates
 * nothing. Values are row-major and contiguous.
 */
#ifndef CPU_CPU_H
#define CPU_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tenon/backend.h"

#define CPU_MAX_IN 64u
#define CPU_MAX_OUT 8u
#define CPU_ALIGN 64u /* of buffers, spans and workspaces: a cache line, an AVX-512 vector */
#define CPU_WHY 160u

#if defined(__GNUC__)
#define CPU_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define CPU_PRINTF(f, a)
#endif

/* Which implementations `--backend-opt provider=` allows. */
enum cpu_provider {
    CPU_PROVIDER_AUTO = 0,
    CPU_PROVIDER_ONEDNN,
    CPU_PROVIDER_BLAS,
    CPU_PROVIDER_LOOPS
};

struct cpu_op;
struct cpu_pool;

/* o [n] = x [n] in another type; o and x do not overlap. */
typedef void (*cpu_convert_fn)(void *o, const void *x, int64_t n);
/* Between f32 and f16 [0], bf16 [1]; narrowing rounds to nearest even. */
struct cpu_half {
    cpu_convert_fn widen[2], narrow[2];
};

struct tnb_instance {
    const tnb_host *host;
    enum cpu_provider provider;
    uint32_t n_threads; /* at least 1 */
    struct cpu_pool *pool;
    const char *isa;                      /* "avx512", "avx2", "baseline" */
    const struct cpu_op *const *families; /* own loops built for `isa`; ends in NULL */
    const struct cpu_half *half;          /* likewise */
};

struct tnb_device {
    tnb_instance *inst;
};

struct tnb_buffer {
    tnb_instance *inst;
    uint8_t *data;
    uint64_t size;
};

struct tnb_queue {
    tnb_device *device;
    uint32_t flags;
};

/* --- implementations --- */

/* A node with its values looked up. NULL: absent. */
struct cpu_query {
    const tnb_instance *inst;
    const tnb_node *node;
    uint32_t n_in, n_out;
    const tnb_tensor *in[CPU_MAX_IN], *out[CPU_MAX_OUT];
};

/* A prepared operator application. `in`, `out`, `ws` are set when the plan is bound. */
struct cpu_kernel {
    tnb_status (*run)(const struct cpu_kernel *k, tnb_error *err);
    /* Optional: called when in, out, ws have been set. */
    tnb_status (*bind)(const struct cpu_kernel *k, tnb_error *err);
    void (*finish)(struct cpu_kernel *k); /* optional: releases what `state` holds, not `state` */
    const tnb_instance *inst;
    void *state;       /* the implementation's, freed by the plan */
    uint64_t ws_bytes; /* scratch that it needs; shared by the kernels of a plan */
    const uint8_t *in[CPU_MAX_IN];
    uint8_t *out[CPU_MAX_OUT];
    uint8_t *ws;
};

struct cpu_impl {
    const char *variant; /* "onednn", "blas", "loops" */
    enum cpu_provider provider;
    /* false: no, and `why` says why not. */
    bool (*supports)(const struct cpu_query *q, char why[CPU_WHY]);
    /* Called after supports said yes. Sets run, state, ws_bytes. */
    tnb_status (*prepare)(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err);
};

/* cpu_op.flags */
enum {
    CPU_INPLACE_ANY = 1u << 0, /* every input of an output's shape and dtype may share its memory */
    /* `supports` judges f16 and bf16 itself, as operators do that move elements by their size. What
     * it refuses, and every operator without this flag, runs on f32 copies of such operands. */
    CPU_TAKES_HALF = 1u << 1
};

/* An operator's own loops. A family is an array that ends in name NULL. */
struct cpu_op {
    const char *name;
    uint32_t flags;
    struct cpu_impl loops;
    uint8_t n_pairs, pair[4][2]; /* further (input, output) pairs that may share memory */
};

/* Looks up node's values. TNB_E_INVALID when it has more than this backend's operators know. */
tnb_status cpu_query_init(struct cpu_query *q, const tnb_instance *inst, const tnb_graph *graph,
                          uint32_t node, tnb_error *err);
/* The best implementation that takes the node, or NULL with the last refusal in `why`. */
const struct cpu_impl *cpu_pick(const struct cpu_query *q, const struct cpu_op **out_op,
                                char why[CPU_WHY]);

/* Providers' implementations of an operator in order of preference; NULL where there is none. */
const struct cpu_impl *cpu_onednn_find(const char *op);
const struct cpu_impl *cpu_blas_find(const char *op);

/* --- helpers --- */

tnb_status cpu_fail(tnb_error *err, tnb_status code, const char *fmt, ...) CPU_PRINTF(3, 4);
/* Fills `why`; returns false so that supports can `return cpu_refuse(...)`. */
bool cpu_refuse(char why[CPU_WHY], const char *fmt, ...) CPU_PRINTF(2, 3);
const char *cpu_dtype_name(uint32_t dtype);

/* Zeroed, 64-byte aligned memory of the host; NULL: none left. */
void *cpu_alloc(const tnb_instance *inst, uint64_t size);
void cpu_free(const tnb_instance *inst, void *ptr);
/* k->state, zeroed; NULL with the error set: TNB_E_OOM. */
void *cpu_state(struct cpu_kernel *k, uint64_t size, tnb_error *err);
uint64_t cpu_bytes(const tnb_tensor *t);
static inline uint64_t cpu_align_up(uint64_t n)
{
    return (n + CPU_ALIGN - 1) / CPU_ALIGN * CPU_ALIGN;
}

/* --- tables of own loops, one per instruction set --- */
extern const struct cpu_op *const cpu_families_baseline[];
extern const struct cpu_half cpu_half_baseline;
#if defined(CPU_HAVE_AVX2)
extern const struct cpu_op *const cpu_families_avx2[];
extern const struct cpu_half cpu_half_avx2;
#endif
#if defined(CPU_HAVE_AVX512)
extern const struct cpu_op *const cpu_families_avx512[];
extern const struct cpu_half cpu_half_avx512;
#endif

/* --- slots of the table, by file --- */
/* buffer.c */
tnb_status cpu_buffer_alloc(tnb_device *device, uint64_t size, uint32_t kind,
                            tnb_buffer **out_buffer, tnb_error *err);
void cpu_buffer_free(tnb_buffer *buffer);
tnb_status cpu_buffer_map(tnb_buffer *buffer, void **out_ptr, tnb_error *err);
tnb_status cpu_buffer_unmap(tnb_buffer *buffer, tnb_error *err);
/* The span's address, or NULL with the error set when it does not lie inside its buffer. */
uint8_t *cpu_span_ptr(tnb_span span, uint64_t need, tnb_error *err);
/* queue.c */
tnb_status cpu_event_create(tnb_device *device, tnb_event **out_event, tnb_error *err);
void cpu_event_destroy(tnb_event *event);
tnb_status cpu_event_wait(tnb_event *event, uint64_t value, uint64_t timeout_ns, tnb_error *err);
tnb_status cpu_queue_create(tnb_device *device, uint32_t flags, tnb_queue **out_queue,
                            tnb_error *err);
void cpu_queue_destroy(tnb_queue *queue);
tnb_status cpu_write(tnb_queue *queue, tnb_span dst, const void *src, uint32_t host_rule,
                     tnb_error *err);
tnb_status cpu_read(tnb_queue *queue, tnb_span src, void *dst, uint32_t host_rule, tnb_error *err);
tnb_status cpu_copy(tnb_queue *queue, tnb_span dst, tnb_span src, tnb_error *err);
tnb_status cpu_fill(tnb_queue *queue, tnb_span dst, uint64_t pattern, uint32_t width,
                    tnb_error *err);
tnb_status cpu_signal(tnb_queue *queue, tnb_event *event, uint64_t value, tnb_error *err);
tnb_status cpu_wait(tnb_queue *queue, tnb_event *event, uint64_t value, tnb_error *err);
tnb_status cpu_flush(tnb_queue *queue, tnb_error *err);
/* plan.c */
tnb_status cpu_supports(tnb_device *device, const tnb_graph *graph, uint32_t node,
                        tnb_support *out_support, tnb_error *err);
tnb_status cpu_plan_create(tnb_device *device, const tnb_graph *graph, const tnb_segment *segment,
                           uint64_t *out_workspace, tnb_plan **out_plan, tnb_error *err);
void cpu_plan_destroy(tnb_plan *plan);
tnb_status cpu_plan_bind(tnb_plan *plan, const tnb_span *spans, uint32_t n_spans,
                         tnb_span workspace, tnb_error *err);
tnb_status cpu_run(tnb_queue *queue, tnb_plan *plan, tnb_error *err);
tnb_status cpu_plan_times(tnb_plan *plan, uint64_t *out_ns, uint32_t n_nodes, tnb_error *err);

#endif
