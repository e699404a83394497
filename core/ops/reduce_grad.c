/* Gradients of reductions that need x itself.
 *
 *   max_grad   dx = dy / ties where x = y, else 0. A tie shares evenly, as PyTorch's amax.
 *   prod_grad  dx[i] = dy * product of x[j], j != i. Never by division: with one zero its own
 *              gradient is the product of the others, with two all are 0. */
#include "ops/reduce.h"

/* --- max_grad --- */

static tn_status max_grad_infer(struct tn_infer *ctx)
{
    return tn_reduce_infer_grad(ctx, 2);
}

static void max_grad_reference(const struct tn_ref *ctx)
{
    const struct tn_ref_tensor *x = &ctx->in[0];
    struct tn_walk outer, inner;
    uint32_t mask = tn_ops_axes_mask(ctx->attrs, x->type.shape.rank);
    int64_t n = tn_reduce_walk(&x->type.shape, mask, &outer, &inner);
    for (int64_t i = 0; i < ctx->in[1].count; i++, tn_walk_next(&outer)) {
        double y = ctx->in[1].data.f[i], dy = ctx->in[2].data.f[i];
        int64_t ties = 0;
        for (int64_t j = 0; j < n; j++, tn_walk_next(&inner))
            ties += x->data.f[outer.at[0] + inner.at[0]] == y;
        for (int64_t j = 0; j < n; j++, tn_walk_next(&inner)) {
            int64_t at = outer.at[0] + inner.at[0];
            ctx->out[0].data.f[at] = x->data.f[at] == y ? dy / (double)ties : 0.0;
        }
    }
}

static const char *const max_grad_in[] = {"x", "y", "dy"};
static const struct tn_attr_schema grad_attrs[] = {TN_REDUCE_AXES};
const struct tn_op tn_op_max_grad = {
    .name = "max_grad",
    .version = 1,
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .in_names = max_grad_in,
    .out_names = tn_ops_out_dx,
    .attrs = grad_attrs,
    .n_attrs = 1,
    .formula = "dy / (number of ties) where x = y, else 0",
    .shapes = "x float; y, dy: x's shape with the reduced axes as 1; all 0 where y is NaN; serves "
              "min too",
    .infer = max_grad_infer,
    .no_gradient = TN_OPS_NO_SECOND,
    .reference = max_grad_reference,
};

/* --- prod_grad --- */

static tn_status prod_grad_infer(struct tn_infer *ctx)
{
    return tn_reduce_infer_grad(ctx, 1);
}

static void prod_grad_reference(const struct tn_ref *ctx)
{
    const struct tn_ref_tensor *x = &ctx->in[0];
    struct tn_walk outer, inner, others;
    uint32_t mask = tn_ops_axes_mask(ctx->attrs, x->type.shape.rank);
    int64_t n = tn_reduce_walk(&x->type.shape, mask, &outer, &inner);
    others = inner;
    for (int64_t o = 0; o < ctx->in[1].count; o++, tn_walk_next(&outer))
        for (int64_t i = 0; i < n; i++, tn_walk_next(&inner)) {
            double product = 1.0;
            for (int64_t j = 0; j < n; j++, tn_walk_next(&others))
                if (j != i)
                    product *= x->data.f[outer.at[0] + others.at[0]];
            ctx->out[0].data.f[outer.at[0] + inner.at[0]] = ctx->in[1].data.f[o] * product;
        }
}

static const char *const prod_grad_in[] = {"x", "dy"};
const struct tn_op tn_op_prod_grad = {
    .name = "prod_grad",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .in_names = prod_grad_in,
    .out_names = tn_ops_out_dx,
    .attrs = grad_attrs,
    .n_attrs = 1,
    .formula = "dy times the product of the other x over the axes",
    .shapes = "x float; dy: x's shape with the reduced axes as 1; right with zeros in x",
    .infer = prod_grad_infer,
    .no_gradient = TN_OPS_NO_SECOND,
    .reference = prod_grad_reference,
};
