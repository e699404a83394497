/* where: y = cond ? a : b, where cond is bool or f32 (non-zero and NaN are true).
 * da = cond ? dy : 0, db = cond ? 0 : dy, each summed over what was broadcast. */
#include "graph/graph.h"
#include "ops/util.h"

static tn_status where_infer(struct tn_infer *ctx)
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

static void where_reference(const struct tn_ref *ctx)
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
        tn_ops_move(y, i, &in[k], w.at[k]);
    }
}

static tn_status where_gradient(const struct tn_grad *ctx)
{
    tn_graph *g = ctx->graph;
    tn_value dy = ctx->out_grad[0], cond = ctx->in[0];
    if (ctx->needed[0])
        return tn_ops_no_gradient_to(ctx, "cond", "it chooses, and does not vary smoothly");
    tn_value zero = tn_ops_scalar(ctx, dy, 0.0);
    if (ctx->needed[1])
        ctx->in_grad[1] =
            tn_grad_unbroadcast(ctx, tn_op3(g, "where", cond, dy, zero, NULL, 0), ctx->in[1]);
    if (ctx->needed[2])
        ctx->in_grad[2] =
            tn_grad_unbroadcast(ctx, tn_op3(g, "where", cond, zero, dy, NULL, 0), ctx->in[2]);
    return TN_OK;
}

static const char *const where_in[] = {"cond", "a", "b"};
const struct tn_op tn_op_where = {
    .name = "where",
    .version = 1,
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .flags = TN_OP_ELEMENTWISE,
    .in_names = where_in,
    .out_names = tn_ops_out_y,
    .formula = "cond ? a : b",
    .shapes = "cond: bool or f32 (non-zero and NaN are true); a, b: one dtype (any); all three "
              "broadcast; y: the dtype of a, the broadcast shape",
    .infer = where_infer,
    .gradient = where_gradient,
    .reference = where_reference,
};
