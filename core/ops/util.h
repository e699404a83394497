/* What the operators of this folder share: walking over broadcast operands, small shape rules,
 * and short forms for gradients. */
#ifndef TN_OPS_UTIL_H
#define TN_OPS_UTIL_H

#include "base/compiler.h"
#include "ops/op.h"

#define TN_WALK_MAX 3

/* Visits the elements of `shape` in row-major order; at[k] is the offset of the element of operand
 * k, whose strides are 0 where it is broadcast. */
struct tn_walk {
    uint32_t rank;
    int64_t dim[TN_MAX_RANK], pos[TN_MAX_RANK];
    int64_t stride[TN_WALK_MAX][TN_MAX_RANK];
    int64_t at[TN_WALK_MAX];
};
void tn_walk_init(struct tn_walk *walk, const struct tn_shape *shape);
/* Operand k has shape `shape`, contiguous, aligned at the right with the walk's shape. */
void tn_walk_broadcast(struct tn_walk *walk, uint32_t k, const struct tn_shape *shape);
void tn_walk_next(struct tn_walk *walk);

/* Row-major strides, in elements. */
void tn_ops_strides(const struct tn_shape *shape, int64_t out_stride[TN_MAX_RANK]);
/* Product of the dims [from, to); one beyond 2^63 - 1 is taken as that. */
int64_t tn_ops_product(const struct tn_shape *shape, uint32_t from, uint32_t to);
/* The attribute `axis` counted from the front. It has been through tn_infer_axis. */
uint32_t tn_ops_axis(const struct tn_attrs *attrs, uint32_t rank);
/* The attribute `axes` as a bit per axis; empty: all. It has been through tn_ops_infer_axes. */
uint32_t tn_ops_axes_mask(const struct tn_attrs *attrs, uint32_t rank);
/* Low bits of v in two's complement, as the integer type `dtype` holds them; bool is v != 0. */
int64_t tn_ops_wrap(int64_t v, tn_dtype dtype);
/* Truncated toward zero and saturated to the integer type `dtype`; NaN is 0; bool is v != 0. */
int64_t tn_ops_saturate(double v, tn_dtype dtype);
/* Type of a name such as "f32"; 0 when there is none of that name. */
tn_dtype tn_ops_dtype_named(const char *name);

/* "[1, 2, 3]" into buf (cut to size); returns buf. */
char *tn_ops_format_ints(const int64_t *list, uint32_t n, char *buf, size_t size);

/* For tn_op.no_gradient. */
#define TN_OPS_NO_SECOND "second derivatives are not offered"

/* Shape rules. */
/* NumPy broadcasting of two shapes that need not be inputs. */
tn_status tn_ops_broadcast(const struct tn_infer *ctx, const struct tn_shape *a,
                           const struct tn_shape *b, struct tn_shape *out_shape);
tn_status tn_ops_infer_same(struct tn_infer *ctx); /* output 0 is like input 0 (float) */
tn_status tn_ops_infer_index(const struct tn_infer *ctx, uint32_t input); /* input is i32 or i64 */
/* The attribute `dtype` names an element type. */
tn_status tn_ops_infer_dtype(const struct tn_infer *ctx, tn_dtype *out_dtype);
/* The attribute `attr` (ints) is a shape that can be. */
tn_status tn_ops_infer_shape(const struct tn_infer *ctx, const char *attr,
                             struct tn_shape *out_shape);
/* The float attribute is within [min, end). */
tn_status tn_ops_infer_range(const struct tn_infer *ctx, const char *attr, double min, double end);
/* The float attribute is a number, and no infinity. */
tn_status tn_ops_infer_finite(const struct tn_infer *ctx, const char *attr);
/* The attribute `axes` (ints, may be negative, empty: all) names each axis at most once. */
tn_status tn_ops_infer_axes(const struct tn_infer *ctx, uint32_t rank);
/* Losses are f64 for f64 inputs, else f32; `dloss` (an input) is like the loss, of shape `samples`.
 */
tn_dtype tn_ops_loss_dtype(tn_dtype input);
tn_status tn_ops_infer_dloss(const struct tn_infer *ctx, uint32_t input,
                             const struct tn_shape *samples);
/* Inputs a and b are float, of one dtype and shape. */
tn_status tn_ops_infer_alike(const struct tn_infer *ctx, uint32_t a, uint32_t b);
/* Inputs 0 .. n-1 all float, same dtype, same shape; output 0 the same. */
tn_status tn_ops_infer_like(struct tn_infer *ctx, uint32_t n);

/* References. Element `from` of `in` becomes element `to` of `out`: one dtype, whichever it is. */
void tn_ops_move(const struct tn_ref_tensor *out, int64_t to, const struct tn_ref_tensor *in,
                 int64_t from);
/* Adds element `from` of `in` to element `to` of `out`, of one dtype; integers wrap. */
void tn_ops_add(const struct tn_ref_tensor *out, int64_t to, const struct tn_ref_tensor *in,
                int64_t from);
/* Element i becomes `value`, converted as by cast. */
void tn_ops_put(const struct tn_ref_tensor *out, int64_t i, double value);
/* A whole reference: the elements of output 0 are those of input 0, in their order. */
void tn_ops_copy(const struct tn_ref *ctx);
/* Zeros everywhere. */
void tn_ops_clear(const struct tn_ref_tensor *out);

/* Gradients. A whole one: dx is dy in x's shape. */
tn_status tn_ops_reshape_gradient(const struct tn_grad *ctx);
/* Zeros of the shape and dtype of `like`. */
tn_value tn_ops_zeros(const struct tn_grad *ctx, tn_value like);
/* A scalar of the dtype of `like`. */
tn_value tn_ops_scalar(const struct tn_grad *ctx, tn_value like, double value);
/* The forward node's own attribute, to be handed on unchanged. */
struct tn_attr tn_ops_attr(const struct tn_grad *ctx, const char *name);
/* Fails the graph: input `name` of this operator takes no gradient, and why. */
tn_status tn_ops_no_gradient_to(const struct tn_grad *ctx, const char *name, const char *why);

/* Names that many operators share. */
extern const char *const tn_ops_in_ab[2], *const tn_ops_in_x[1], *const tn_ops_in_y_dy[2];
extern const char *const tn_ops_out_y[1], *const tn_ops_out_dx[1];

#endif
