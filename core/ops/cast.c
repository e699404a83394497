/* cast: y = x as another dtype. Float to int truncates toward zero and saturates, NaN gives 0; int
 * to a narrower int keeps the low bits (as C and NumPy); to bool: x != 0. dx = dy cast back, where
 * both are floating point. */
#include "graph/graph.h"
#include "ops/util.h"

static tn_status cast_infer(struct tn_infer *ctx)
{
    ctx->out[0] = *ctx->in[0];
    return tn_ops_infer_dtype(ctx, &ctx->out[0].dtype);
}

static void cast_reference(const struct tn_ref *ctx)
{
    const struct tn_ref_tensor *x = &ctx->in[0], *y = &ctx->out[0];
    int from_float = tn_dtype_is_float(x->type.dtype), to_float = tn_dtype_is_float(y->type.dtype);
    for (int64_t i = 0; i < y->count; i++) {
        if (to_float)
            y->data.f[i] = from_float ? x->data.f[i] : (double)x->data.i[i];
        else
            y->data.i[i] = from_float ? tn_ops_saturate(x->data.f[i], y->type.dtype)
                                      : tn_ops_wrap(x->data.i[i], y->type.dtype);
    }
}

static tn_status cast_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0] || ctx->out_grad[0] == TN_NONE)
        return TN_OK;
    tn_dtype from = tn_graph_dtype(ctx->graph, ctx->in[0]);
    if (!tn_dtype_is_float(from)) /* integers carry no gradient */
        return TN_OK;
    struct tn_attr back = TN_AS("dtype", tn_dtype_name(from));
    ctx->in_grad[0] = tn_op1(ctx->graph, "cast", ctx->out_grad[0], &back, 1);
    return TN_OK;
}

static const struct tn_attr_schema cast_attrs[] = {
    {.name = "dtype",
     .type = TN_ATTR_STRING,
     .required = 1,
     .doc = "the new element type: f32, f16, bf16, f64, i32, i64, u8 or bool"},
};
const struct tn_op tn_op_cast = {
    .name = "cast",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .flags = TN_OP_ELEMENTWISE,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = cast_attrs,
    .n_attrs = 1,
    .formula = "x as another dtype",
    .shapes =
        "x: any dtype and shape; y: x's shape; float to int truncates toward zero, saturates, "
        "NaN gives 0; int to a narrower int keeps the low bits; to bool: x != 0 (NaN is true)",
    .infer = cast_infer,
    .gradient = cast_gradient,
    .reference = cast_reference,
};
