/* LAMB (You et al., "Large batch optimization for deep learning: training BERT in 76 minutes",
 * 2020, algorithm 2, its function phi being the identity):
 *
 *   m' = beta1 m + (1 - beta1) g       v' = beta2 v + (1 - beta2) g^2     g = clip(grad grad_mul)
 *   r  = (m' / c1) / (sqrt(v' / c2) + epsilon) + weight_decay param
 *   param' = param - lr |param| / |r| r
 *
 * with Euclidean norms over the whole parameter. Where either is 0 their ratio counts as 1, so that
 * a parameter that begins at zero can leave it. */
#include <math.h>

#include "ops/update.h"

enum { PARAM, M = 2, V, CORRECTION };

static const struct tn_attr_schema attrs[] = {
    TN_UPDATE_BETA_ATTRS, TN_UPDATE_FLOAT_ATTR("epsilon", 1e-6, "added to the root"),
    TN_UPDATE_FLOAT_ATTR("weight_decay", 0,
                         "share of param that joins the direction before it is scaled"),
    TN_UPDATE_CLIP_ATTR};

static tn_status infer(struct tn_infer *ctx)
{
    return tn_update_infer_moments(
        ctx, &(struct tn_update_moments){tn_update_moments_in, 2, 2, "bias_correction"});
}

static int64_t scratch(const struct tn_ref *ctx)
{
    return ctx->in[PARAM].count;
}

static void reference(const struct tn_ref *ctx)
{
    struct tn_update u = tn_update_read(ctx, 1);
    const double *m = ctx->in[M].data.f, *v = ctx->in[V].data.f, *c = ctx->in[CORRECTION].data.f;
    double beta1 = tn_attrs_float(ctx->attrs, "beta1");
    double beta2 = tn_attrs_float(ctx->attrs, "beta2");
    double epsilon = tn_attrs_float(ctx->attrs, "epsilon");
    double decay = tn_attrs_float(ctx->attrs, "weight_decay");
    double param_squares = 0, squares = 0, *r = ctx->scratch;
    for (int64_t i = 0; i < u.n; i++) {
        double g = tn_update_grad(&u, i);
        double new_m = beta1 * m[i] + (1 - beta1) * g;
        double new_v = beta2 * v[i] + (1 - beta2) * g * g;
        r[i] = new_m / c[0] / (sqrt(new_v / c[1]) + epsilon) + decay * u.param[i];
        param_squares += u.param[i] * u.param[i];
        squares += r[i] * r[i];
        tn_update_write(ctx, &u, 1, M, i, new_m);
        tn_update_write(ctx, &u, 2, V, i, new_v);
    }
    double ratio = param_squares == 0 || squares == 0 ? 1 : sqrt(param_squares) / sqrt(squares);
    for (int64_t i = 0; i < u.n; i++)
        tn_update_write(ctx, &u, 0, PARAM, i, u.param[i] - u.lr * ratio * r[i]);
}

const struct tn_op tn_op_lamb = {
    TN_UPDATE_OP(lamb, tn_update_moments_in, tn_update_moments_out, attrs, infer, reference),
    .formula =
        "m, v as adam's; r = (m / c1) / (sqrt(v / c2) + epsilon) + weight_decay param; param "
        "-= lr norm(param) / norm(r) r, or lr r where either norm is 0",
    .shapes = "param, grad, m, v one shape, floating point; correction f32 [2] of "
              "bias_correction; " TN_UPDATE_SCALARS,
    .scratch = scratch,
};
