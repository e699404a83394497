/* cast and select.
 *
 *   cast    y = x as another dtype. float to int truncates toward zero and saturates, NaN gives 0;
 *           int to a narrower int keeps the low bits (as C and NumPy); to bool: x != 0.
 *           dx = dy cast back, where both are floating point.
 *   select  y = cond ? a : b, where cond is bool or f32 (non-zero and NaN are true).
 *           da = cond ? dy : 0, db = cond ? 0 : dy, each summed over what was broadcast. */
#include <math.h>

#include "graph/graph.h"
#include "ops/util.h"

/* --- cast --- */

static tn_status cast_infer(struct tn_infer *ctx)
{
    const char *name = tn_attrs_string(ctx->attrs, "dtype");
    tn_dtype dtype = tn_ops_dtype_named(name);
    if (!dtype)
        return tn_infer_fail(ctx, TN_OPS_BAD_DTYPE, name);
    ctx->out[0] = *ctx->in[0];
    ctx->out[0].dtype = dtype;
    return TN_OK;
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
    .infer = cast_infer,
    .gradient = cast_gradient,
    .reference = cast_reference,
};

/* --- select --- */

static tn_status select_infer(struct tn_infer *ctx)
{
    tn_dtype cond = ctx->in[0]->dtype;
    if (cond != TN_BOOL && cond != TN_F32)
        return tn_infer_fail(ctx, "cond must be bool or f32, not %s; compare it with 0 first",
                             tn_dtype_name(cond));
    struct tn_shape ab;
    tn_status st = tn_infer_same_dtype(ctx, 1, 2);
    if (st == TN_OK)
        st = tn_infer_broadcast(ctx, 1, 2, &ab);
    if (st == TN_OK)
        st = tn_ops_broadcast(ctx, &ctx->in[0]->shape, &ab, &ctx->out[0].shape);
    if (st == TN_OK)
        ctx->out[0].dtype = ctx->in[1]->dtype;
    return st;
}

static void select_reference(const struct tn_ref *ctx)
{
    const struct tn_ref_tensor *in = ctx->in, *y = &ctx->out[0];
    struct tn_walk w;
    tn_walk_init(&w, &y->type.shape);
    for (uint32_t k = 0; k < 3; k++)
        tn_walk_broadcast(&w, k, &in[k].type.shape);
    for (int64_t i = 0; i < y->count; i++, tn_walk_next(&w)) {
        int yes =
            in[0].type.dtype == TN_BOOL ? in[0].data.i[w.at[0]] != 0 : in[0].data.f[w.at[0]] != 0.0;
        uint32_t k = yes ? 1 : 2;
        if (tn_dtype_is_float(y->type.dtype))
            y->data.f[i] = in[k].data.f[w.at[k]];
        else
            y->data.i[i] = in[k].data.i[w.at[k]];
    }
}

static tn_status select_gradient(const struct tn_grad *ctx)
{
    tn_graph *g = ctx->graph;
    tn_value dy = ctx->out_grad[0], cond = ctx->in[0];
    if (ctx->needed[0])
        return tn_ops_no_gradient_to(ctx, "cond", "it chooses, and does not vary smoothly");
    tn_value zero = tn_ops_scalar(ctx, dy, 0.0);
    if (ctx->needed[1])
        ctx->in_grad[1] =
            tn_grad_unbroadcast(ctx, tn_op3(g, "select", cond, dy, zero, NULL, 0), ctx->in[1]);
    if (ctx->needed[2])
        ctx->in_grad[2] =
            tn_grad_unbroadcast(ctx, tn_op3(g, "select", cond, zero, dy, NULL, 0), ctx->in[2]);
    return TN_OK;
}

static const char *const select_in[] = {"cond", "a", "b"};
const struct tn_op tn_op_select = {
    .name = "select",
    .version = 1,
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .flags = TN_OP_ELEMENTWISE,
    .in_names = select_in,
    .out_names = tn_ops_out_y,
    .formula = "cond ? a : b",
    .infer = select_infer,
    .gradient = select_gradient,
    .reference = select_reference,
};
