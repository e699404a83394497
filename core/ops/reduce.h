/* What the operators that reduce axes share: attributes, shape rules and walks. */
#ifndef TN_OPS_REDUCE_H
#define TN_OPS_REDUCE_H

#include "ops/util.h"

#define TN_REDUCE_AXES                                                            \
    {                                                                             \
        .name = "axes", .type = TN_ATTR_INTS, .doc = "axes to reduce; empty: all" \
    }
#define TN_REDUCE_KEEPDIMS                                                                   \
    {                                                                                        \
        .name = "keepdims", .type = TN_ATTR_INT, .doc = "1: reduced axes stay, as dims of 1" \
    }

/* x's shape with the masked axes 1 (keep) or left out. */
struct tn_shape tn_reduce_shape(const struct tn_shape *x, uint32_t mask, int keep);
/* Output 0 is x [float] reduced over `axes`, as `keepdims` says. */
tn_status tn_reduce_infer_float(struct tn_infer *ctx);
/* The same without a rule on x's element type. */
tn_status tn_reduce_infer_any(struct tn_infer *ctx);
tn_status tn_reduce_refuse_empty(const struct tn_infer *ctx, const struct tn_shape *x,
                                 uint32_t mask);
/* For gradients: inputs from `first` on have x's element type and its shape with reduced axes 1. */
tn_status tn_reduce_infer_kept(const struct tn_infer *ctx, uint32_t first, uint32_t n,
                               uint32_t mask);
/* The rule of a gradient: x (input 0) float, the next n_kept inputs as above, dx like x. */
tn_status tn_reduce_infer_grad(struct tn_infer *ctx, uint32_t n_kept);
/* Two walks over x: `outer` over the kept axes, in the order of y; `inner` over the reduced ones.
 * Returns how many elements one output is made of. */
int64_t tn_reduce_walk(const struct tn_shape *x, uint32_t mask, struct tn_walk *outer,
                       struct tn_walk *inner);
/* v, which has the output's shape, with the reduced axes kept as 1. */
tn_value tn_reduce_keep_axes(const struct tn_grad *ctx, tn_value v);
/* How many elements of x one output is made of, as a scalar of x's element type. */
tn_value tn_reduce_count(const struct tn_grad *ctx);

#endif
