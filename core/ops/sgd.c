/* Stochastic gradient descent with momentum (Sutskever et al., "On the importance of initialization
 * and momentum in deep learning", 2013), in the form of Keras and PyTorch:
 *
 *   g = grad grad_mul + weight_decay param
 *   v = momentum velocity + g
 *   step = nesterov ? g + momentum v : v
 *   param' = param - lr step
 *
 * Without momentum velocity is absent and step = g; output 1 then has no elements. apply = 0 copies
 * param and velocity: a choice, not a product, so that a NaN gradient leaves no trace. */
#include <math.h>

#include "ops/update.h"

enum { PARAM, GRAD, VELOCITY, LR, GRAD_MUL, APPLY, N_IN };
static const char *const in_names[] = {"param", "grad", "velocity?", "lr", "grad_mul", "apply"};
static const char *const out_names[] = {"param", "velocity"};

static const struct tn_attr_schema attrs[] = {
    {.name = "momentum",
     .type = TN_ATTR_FLOAT,
     .dflt = {.u.f = 0},
     .doc = "share of the last velocity that is kept; above 0 velocity must be given"},
    {.name = "nesterov",
     .type = TN_ATTR_INT,
     .dflt = {.u.i = 0},
     .doc = "1: look ahead along the new velocity"},
    {.name = "weight_decay",
     .type = TN_ATTR_FLOAT,
     .dflt = {.u.f = 0},
     .doc = "L2 penalty: added to the gradient times param"}};

static tn_status infer(struct tn_infer *ctx)
{
    tn_status status = tn_update_alike(ctx, PARAM, GRAD);
    if (status == TN_OK && ctx->in[VELOCITY])
        status = tn_update_alike(ctx, PARAM, VELOCITY);
    for (uint32_t i = LR; status == TN_OK && i < N_IN; i++)
        status = tn_update_scalar(ctx, in_names, i);
    if (status == TN_OK)
        status = tn_update_range(ctx, "momentum", 0, INFINITY);
    if (status == TN_OK)
        status = tn_update_range(ctx, "weight_decay", 0, INFINITY);
    if (status != TN_OK)
        return status;
    double momentum = tn_attrs_float(ctx->attrs, "momentum");
    if (!ctx->in[VELOCITY] && (momentum > 0 || tn_attrs_int(ctx->attrs, "nesterov")))
        return tn_infer_fail(ctx, "momentum %g, nesterov %d need the input 'velocity'", momentum,
                             tn_attrs_int(ctx->attrs, "nesterov") != 0);
    ctx->out[0] = *ctx->in[PARAM];
    ctx->out[1] = ctx->in[VELOCITY] ? *ctx->in[VELOCITY]
                                    : (struct tn_type){ctx->in[PARAM]->dtype, TN_SHAPE(0)};
    return TN_OK;
}

static void reference(const struct tn_ref *ctx)
{
    const double *param = ctx->in[PARAM].data.f, *grad = ctx->in[GRAD].data.f;
    const double *velocity = ctx->in[VELOCITY].data.f;
    double lr = ctx->in[LR].data.f[0], grad_mul = ctx->in[GRAD_MUL].data.f[0];
    int apply = ctx->in[APPLY].data.f[0] != 0;
    double momentum = tn_attrs_float(ctx->attrs, "momentum");
    double weight_decay = tn_attrs_float(ctx->attrs, "weight_decay");
    int nesterov = tn_attrs_int(ctx->attrs, "nesterov") != 0;
    for (int64_t i = 0; i < ctx->in[PARAM].count; i++) {
        double g = grad[i] * grad_mul + weight_decay * param[i], step = g;
        if (velocity) {
            double v = momentum * velocity[i] + g;
            step = nesterov ? g + momentum * v : v;
            ctx->out[1].data.f[i] = apply ? v : velocity[i];
        }
        ctx->out[0].data.f[i] = apply ? param[i] - lr * step : param[i];
    }
}

const struct tn_op tn_op_sgd = {
    .name = "sgd",
    .version = 1,
    .min_in = N_IN,
    .max_in = N_IN,
    .n_out = 2,
    .flags = TN_OP_UPDATE,
    .in_names = in_names,
    .out_names = out_names,
    .attrs = attrs,
    .n_attrs = TN_LEN(attrs),
    .formula = "v = momentum v + g; param -= lr (nesterov ? g + momentum v : v)",
    .infer = infer,
    .no_gradient = TN_UPDATE_NO_GRADIENT,
    .reference = reference,
};
