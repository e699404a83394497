/* Axes of one element taken away or put in; both are aliases, as ONNX Squeeze and Unsqueeze.
 *
 *   squeeze    x without the named axes (none named: without every axis of 1)
 *   unsqueeze  x with axes of 1 so that they stand at the named places of y
 *
 * The gradient of both is dy in x's shape. */
#include "ops/util.h"

static tn_status squeeze_infer(struct tn_infer *ctx)
{
    const struct tn_shape *x = &ctx->in[0]->shape;
    struct tn_shape y = {0};
    uint32_t n;
    tn_attrs_ints(ctx->attrs, "axes", &n);
    tn_status st = tn_ops_infer_axes(ctx, x->rank);
    if (st != TN_OK)
        return st;
    uint32_t mask = tn_ops_axes_mask(ctx->attrs, x->rank);
    for (uint32_t d = 0; d < x->rank; d++) {
        int named = mask >> d & 1u;
        if (n && named && x->dim[d] != 1)
            return tn_infer_fail(ctx, "axis %u has %lld elements; only an axis of 1 can go", d,
                                 (long long)x->dim[d]);
        if (!named || x->dim[d] != 1)
            y.dim[y.rank++] = x->dim[d];
    }
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, y};
    return TN_OK;
}

static tn_status unsqueeze_infer(struct tn_infer *ctx)
{
    const struct tn_shape *x = &ctx->in[0]->shape;
    uint32_t n;
    tn_attrs_ints(ctx->attrs, "axes", &n);
    if (n > TN_MAX_RANK || x->rank + n > TN_MAX_RANK)
        return tn_infer_fail(ctx, "%u axes more than the %u of x; at most %d are possible", n,
                             x->rank, TN_MAX_RANK);
    struct tn_shape y = {.rank = x->rank + n};
    tn_status st = tn_ops_infer_axes(ctx, y.rank);
    if (st != TN_OK)
        return st;
    uint32_t mask = n ? tn_ops_axes_mask(ctx->attrs, y.rank) : 0;
    for (uint32_t d = 0, k = 0; d < y.rank; d++)
        y.dim[d] = mask >> d & 1u ? 1 : x->dim[k++];
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, y};
    return TN_OK;
}

static const struct tn_attr_schema squeeze_attrs[] = {
    {.name = "axes", .type = TN_ATTR_INTS, .doc = "axes of 1 to take away; empty: all of them"},
};
static const struct tn_attr_schema unsqueeze_attrs[] = {
    {.name = "axes", .type = TN_ATTR_INTS, .required = 1, .doc = "where y has the new axes of 1"},
};

const struct tn_op tn_op_squeeze = {
    .name = "squeeze",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .flags = TN_OP_ALIAS,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = squeeze_attrs,
    .n_attrs = 1,
    .formula = "x without axes of 1",
    .shapes = "x any dtype; a named axis that is not 1 is refused",
    .infer = squeeze_infer,
    .gradient = tn_ops_reshape_gradient,
    .reference = tn_ops_copy,
};

const struct tn_op tn_op_unsqueeze = {
    .name = "unsqueeze",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .flags = TN_OP_ALIAS,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = unsqueeze_attrs,
    .n_attrs = 1,
    .formula = "x with new axes of 1",
    .shapes =
        "x any dtype; negative axes count from the end of y's, which has x's axes and the new "
        "ones",
    .infer = unsqueeze_infer,
    .gradient = tn_ops_reshape_gradient,
    .reference = tn_ops_copy,
};
