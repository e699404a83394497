/* SPDX-License-Identifier: MIT
 *
 * The geometry that convolutions and pools share, read from a node's attributes. */
#ifndef CPU_OPS_WINDOW_H
#define CPU_OPS_WINDOW_H

#include "../cpu.h"

/* x [n, c, h, w] -> y [n, o, oh, ow]; [n, c, l] counts as [n, c, 1, l]. */
struct cpu_window {
    int64_t n, c, h, w, o, oh, ow;
    int64_t kh, kw, sh, sw, dh, dw, pt, pl, pb, pr, groups;
};

/* kh, kw: the kernel's size, 0: as the attribute says. Strides left empty are the kernel for pools.
 */
static inline void cpu_window_init(struct cpu_window *g, const tnb_node *node, const tnb_tensor *x,
                                   const tnb_tensor *y, int64_t kh, int64_t kw)
{
    bool flat = x->rank == 3, pool = strstr(node->op, "pool") != NULL;
    uint32_t w = flat ? 0 : 1, axes = w + 1; /* place of the width in the attributes */
    *g = (struct cpu_window){.n = x->dim[0],
                             .c = x->dim[1],
                             .h = flat ? 1 : x->dim[2],
                             .w = x->dim[axes + 1],
                             .o = y->dim[1],
                             .oh = flat ? 1 : y->dim[2],
                             .ow = y->dim[axes + 1],
                             .sh = 1,
                             .dh = 1};
    g->kh = kh ? kh : flat ? 1 : tnb_attr_at(node, "kernel", 0, 1);
    g->kw = kw ? kw : tnb_attr_at(node, "kernel", w, 1);
    if (!flat) {
        g->sh = tnb_attr_at(node, "strides", 0, pool ? g->kh : 1);
        g->dh = tnb_attr_at(node, "dilations", 0, 1);
        g->pt = tnb_attr_at(node, "pads", 0, 0);
        g->pb = tnb_attr_at(node, "pads", 2, 0);
    }
    g->sw = tnb_attr_at(node, "strides", w, pool ? g->kw : 1);
    g->dw = tnb_attr_at(node, "dilations", w, 1);
    g->pl = tnb_attr_at(node, "pads", w, 0);
    g->pr = tnb_attr_at(node, "pads", axes + w, 0);
    g->groups = tnb_attr_int(node, "groups", 1);
}

/* Outputs [*lo, *hi) for which o * stride + shift lies in [0, size). */
static inline void cpu_window_span(int64_t stride, int64_t shift, int64_t size, int64_t n_out,
                                   int64_t *lo, int64_t *hi)
{
    int64_t first = shift < 0 ? (-shift + stride - 1) / stride : 0;
    int64_t last = size - 1 - shift >= 0 ? (size - 1 - shift) / stride + 1 : 0;
    *lo = first < n_out ? first : n_out;
    *hi = last < n_out ? last : n_out;
    if (*hi < *lo)
        *hi = *lo;
}

#endif
