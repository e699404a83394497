/* SPDX-License-Identifier: MIT
 *
 * Loop bounds of a reduction: the axes of x, merged to groups that are kept or reduced in turn. The
 * innermost group decides the loop: rows are reduced to one number (kept outside), or worked on
 * side by side (kept inside). */
#ifndef CPU_OPS_REDUCE_H
#define CPU_OPS_REDUCE_H

#include "ops.h"

/* Axes with their strides in x, in elements; outermost first. */
struct cpu_group {
    uint32_t n;
    int64_t count, dim[TNB_MAX_RANK], stride[TNB_MAX_RANK];
};

struct cpu_reduction {
    struct cpu_group kept, reduced; /* without the innermost run */
    int64_t inner;                  /* length of the innermost run */
    bool inner_kept;
    int64_t n_out, n_reduced; /* outputs; elements that make one */
};

/* Where the i-th element of the group begins. */
CPU_UNUSED static int64_t cpu_group_at(const struct cpu_group *g, int64_t i)
{
    int64_t at = 0;
    for (uint32_t d = g->n; d-- > 0;) {
        at += i % g->dim[d] * g->stride[d];
        i /= g->dim[d];
    }
    return at;
}

CPU_UNUSED static void cpu_group_push(struct cpu_group *g, int64_t dim, int64_t stride)
{
    g->dim[g->n] = dim;
    g->stride[g->n++] = stride;
    g->count *= dim;
}

/* Whether the node's `axes` name axis d; without any, all are named. */
CPU_UNUSED static bool cpu_axis_named(const tnb_node *node, uint32_t rank, uint32_t d)
{
    uint32_t n = tnb_attr_count(node, "axes");
    for (uint32_t i = 0; i < n; i++)
        if (shape_axis(tnb_attr_at(node, "axes", i, 0), rank) == d)
            return true;
    return n == 0;
}

CPU_UNUSED static void cpu_reduction_init(struct cpu_reduction *r, const tnb_tensor *x,
                                          const tnb_node *node)
{
    int64_t dim[TNB_MAX_RANK], stride[TNB_MAX_RANK], step = 1;
    bool red[TNB_MAX_RANK];
    uint32_t n = 0;
    r->n_out = r->n_reduced = 1;
    for (uint32_t d = 0; d < x->rank; d++) {
        bool is = cpu_axis_named(node, x->rank, d);
        *(is ? &r->n_reduced : &r->n_out) *= x->dim[d];
        if (x->dim[d] == 1)
            continue;
        if (n && red[n - 1] == is) {
            dim[n - 1] *= x->dim[d];
        } else {
            dim[n] = x->dim[d];
            red[n++] = is;
        }
    }
    r->kept = r->reduced = (struct cpu_group){.count = 1};
    r->inner = n ? dim[n - 1] : 1;
    r->inner_kept = n ? !red[n - 1] : false;
    for (uint32_t d = n; d-- > 0; step *= dim[d])
        stride[d] = step;
    for (uint32_t d = 0; d + 1 < n; d++)
        cpu_group_push(red[d] ? &r->reduced : &r->kept, dim[d], stride[d]);
}

#endif
