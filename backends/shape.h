/* SPDX-License-Identifier: MIT
 *
 * What both backends ask about a tensor's shape. Sees tenon/backend.h alone. */
#ifndef TENON_BACKENDS_SHAPE_H
#define TENON_BACKENDS_SHAPE_H

#include <stdbool.h>

#include "tenon/backend.h"

/* Product of dims [from, to). */
static inline int64_t shape_product(const tnb_tensor *t, uint32_t from, uint32_t to)
{
    int64_t n = 1;
    for (uint32_t d = from; d < to; d++)
        n *= t->dim[d];
    return n;
}

/* Row-major strides, in elements. */
static inline void shape_strides(const tnb_tensor *t, int64_t *out_stride)
{
    int64_t n = 1;
    for (uint32_t d = t->rank; d-- > 0;) {
        out_stride[d] = n;
        n *= t->dim[d];
    }
}

/* An axis that counts from the end where it is negative. */
static inline uint32_t shape_axis(int64_t axis, uint32_t rank)
{
    return (uint32_t)(axis < 0 ? axis + (int64_t)rank : axis);
}

/* A tensor seen as [outer, n, inner] around one axis. */
struct shape_split {
    int64_t outer, n, inner;
};

static inline struct shape_split shape_split_at(const tnb_tensor *t, uint32_t axis)
{
    return (struct shape_split){shape_product(t, 0, axis), t->dim[axis],
                                shape_product(t, axis + 1, t->rank)};
}

/* Around the axis that the node's `axis` names. */
static inline struct shape_split shape_split_of(const tnb_node *node, const tnb_tensor *t,
                                                int64_t dflt)
{
    return shape_split_at(t, shape_axis(tnb_attr_int(node, "axis", dflt), t->rank));
}

/* The operands a, b, y of a matmul with the dims that vectors lack put in as 1. */
static inline void shape_matrices(const tnb_tensor *a, const tnb_tensor *b, const tnb_tensor *y,
                                  tnb_tensor out[3])
{
    bool a_vector = a->rank == 1, b_vector = b->rank == 1;
    out[0] = *a;
    out[1] = *b;
    out[2] = *y;
    if (a_vector) {
        out[0].rank = 2;
        out[0].dim[1] = out[0].dim[0];
        out[0].dim[0] = 1;
    }
    if (b_vector) {
        out[1].rank = 2;
        out[1].dim[1] = 1;
        out[2].dim[out[2].rank++] = 1;
    }
    if (a_vector) {
        out[2].dim[out[2].rank] = out[2].dim[out[2].rank - 1];
        out[2].dim[out[2].rank++ - 1] = 1;
    }
}

#endif
