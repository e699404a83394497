/* SPDX-License-Identifier: MIT
 *
 * How plan.c runs a node with f16 or bf16 operands through an implementation in f32. */
#ifndef CPU_HALF_H
#define CPU_HALF_H

#include "cpu.h"

/* The same node with every f16 and bf16 operand an f32. `q` points into `type`. */
struct cpu_widened {
    struct cpu_query q;
    tnb_tensor type[CPU_MAX_IN + CPU_MAX_OUT];
};
/* false: there is no such operand. */
bool cpu_widen(const struct cpu_query *q, struct cpu_widened *out);

struct cpu_edge {
    uint32_t at;     /* input or output of the kernel */
    uint32_t type;   /* 0: f16, 1: bf16 */
    int64_t n;       /* elements to convert; 0 for the second appearance of an input */
    uint64_t offset; /* of its f32 copy in the workspace */
    const uint8_t *half;
    uint8_t *to;
};

/* The conversions around one kernel. */
struct cpu_edges {
    uint32_t n_in, n_out;
    uint64_t bytes; /* workspace of the f32 copies, before the kernel's own */
    uint8_t *ws;
    struct cpu_edge in[CPU_MAX_IN], out[CPU_MAX_OUT];
};

/* `q` is the node as it is, not widened. Freed with cpu_free. */
tnb_status cpu_edges_create(const struct cpu_query *q, struct cpu_edges **out_edges,
                            tnb_error *err);
/* k->in, k->out and k->ws are bound; points them at the f32 copies. */
void cpu_edges_bind(struct cpu_edges *e, struct cpu_kernel *k);
tnb_status cpu_edges_run(const struct cpu_edges *e, const struct cpu_kernel *k, tnb_error *err);

#endif
