/* Values that need no data: fill is a constant of any shape (its gradient: it has no inputs);
 * dim_size is the product of dims of x as f32, known when a plan is made. It lets the backward pass
 * of a mean divide by a count that holds a symbolic batch. Exact to 2^24, then rounded once. */
#include "ops/util.h"

static tn_status fill_infer(struct tn_infer *ctx)
{
    tn_status st = tn_ops_infer_dtype(ctx, &ctx->out[0].dtype);
    return st == TN_OK ? tn_ops_infer_shape(ctx, "shape", &ctx->out[0].shape) : st;
}

static void fill_reference(const struct tn_ref *ctx)
{
    double value = tn_attrs_float(ctx->attrs, "value");
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        tn_ops_put(&ctx->out[0], i, value);
}

static tn_status zero_gradient(const struct tn_grad *ctx)
{
    return TN_OK; /* fill has no inputs, dim_size reads no data */
}

static const struct tn_attr_schema fill_attrs[] = {
    {.name = "shape", .type = TN_ATTR_INTS, .required = 1, .doc = "shape of the result"},
    {.name = "value",
     .type = TN_ATTR_FLOAT,
     .dflt = {.u.f = 0.0},
     .doc = "the constant, converted as by cast"},
    {.name = "dtype", .type = TN_ATTR_STRING, .dflt = {.u.s = "f32"}, .doc = "element type"},
};
const struct tn_op tn_op_fill = {
    .name = "fill",
    .version = 1,
    .min_in = 0,
    .max_in = 0,
    .n_out = 1,
    .out_names = tn_ops_out_y,
    .attrs = fill_attrs,
    .n_attrs = TN_LEN(fill_attrs),
    .formula = "value everywhere",
    .shapes = "y `shape` of `dtype`, any",
    .infer = fill_infer,
    .gradient = zero_gradient,
    .reference = fill_reference,
};

/* --- dim_size --- */

static tn_status dim_size_infer(struct tn_infer *ctx)
{
    tn_status st = tn_ops_infer_axes(ctx, ctx->in[0]->shape.rank);
    if (st == TN_OK)
        ctx->out[0] = (struct tn_type){TN_F32, TN_SCALAR};
    return st;
}

static void dim_size_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *x = &ctx->in[0].type.shape;
    uint32_t mask = tn_ops_axes_mask(ctx->attrs, x->rank);
    double n = 1.0;
    for (uint32_t d = 0; d < x->rank; d++)
        if (mask & (1u << d))
            n *= (double)x->dim[d];
    ctx->out[0].data.f[0] = n;
}

static const struct tn_attr_schema dim_size_attrs[] = {
    {.name = "axes", .type = TN_ATTR_INTS, .doc = "dims to multiply; empty: all"},
};
const struct tn_op tn_op_dim_size = {
    .name = "dim_size",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = dim_size_attrs,
    .n_attrs = 1,
    .formula = "product of dims of x",
    .shapes = "x any dtype; y f32 scalar; reads no data",
    .infer = dim_size_infer,
    .gradient = zero_gradient,
    .reference = dim_size_reference,
};
