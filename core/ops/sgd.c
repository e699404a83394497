/* Stochastic gradient descent with momentum (Sutskever et al., "On the importance of initialization
 * and momentum in deep learning", 2013), in the form of Keras and PyTorch:
 *
 *   g = clip(grad grad_mul) + weight_decay param
 *   v = momentum velocity + g
 *   step = nesterov ? g + momentum v : v
 *   param' = param - lr step
 *
 * Without momentum velocity is absent and step = g; output 1 then has no elements. apply = 0 copies
 * param and velocity: a choice, not a product, so that a NaN gradient leaves no trace. */
#include <math.h>

#include "ops/update.h"

enum { PARAM, VELOCITY = 2 };
static const char *const in_names[] = {"param", "grad", "velocity?", "lr", "grad_mul", "apply"};
static const char *const out_names[] = {"param", "velocity"};

static const struct tn_attr_schema attrs[] = {
    TN_UPDATE_FLOAT_ATTR("momentum", 0,
                         "share of the last velocity that is kept; above 0 velocity must be given"),
    {.name = "nesterov",
     .type = TN_ATTR_INT,
     .dflt = {.u.i = 0},
     .doc = "1: look ahead along the new velocity"},
    TN_UPDATE_FLOAT_ATTR("weight_decay", 0, "L2 penalty: added to the gradient times param"),
    TN_UPDATE_CLIP_ATTR};

static tn_status infer(struct tn_infer *ctx)
{
    tn_status status = tn_update_infer(ctx, in_names, 1);
    if (status == TN_OK)
        status = tn_ops_infer_range(ctx, "momentum", 0, INFINITY);
    if (status != TN_OK)
        return status;
    double momentum = tn_attrs_float(ctx->attrs, "momentum");
    if (!ctx->in[VELOCITY] && (momentum > 0 || tn_attrs_int(ctx->attrs, "nesterov")))
        return tn_infer_fail(ctx, "momentum %g, nesterov %d need the input 'velocity'", momentum,
                             tn_attrs_int(ctx->attrs, "nesterov") != 0);
    return TN_OK;
}

static void reference(const struct tn_ref *ctx)
{
    struct tn_update u = tn_update_read(ctx, 0);
    const double *velocity = ctx->in[VELOCITY].data.f;
    double momentum = tn_attrs_float(ctx->attrs, "momentum");
    int nesterov = tn_attrs_int(ctx->attrs, "nesterov") != 0;
    for (int64_t i = 0; i < u.n; i++) {
        double g = tn_update_grad(&u, i), step = g;
        if (velocity) {
            double v = momentum * velocity[i] + g;
            step = nesterov ? g + momentum * v : v;
            tn_update_write(ctx, &u, 1, VELOCITY, i, v);
        }
        tn_update_write(ctx, &u, 0, PARAM, i, u.param[i] - u.lr * step);
    }
}

const struct tn_op tn_op_sgd = {
    TN_UPDATE_OP(sgd, in_names, out_names, attrs, infer, reference),
    .formula = "g = clip(grad grad_mul) + weight_decay param; v = momentum v + g; "
               "param -= lr (nesterov ? g + momentum v : v)",
    .shapes = "param, grad, velocity one shape, floating point; " TN_UPDATE_SCALARS "; "
              "without momentum velocity may be absent, and its output is [0]",
};
