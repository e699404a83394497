/* Optimizers that divide by a root of squared gradients, and lion; g is clip(grad grad_mul), plus
 * weight_decay param unless decoupled. All as PyTorch has them, but lion as its paper has it.
 *
 * rmsprop (Tieleman and Hinton, lecture 6.5 of "Neural networks for machine learning", 2012):
 *   v' = rho v + (1 - rho) g^2     mean' = rho mean + (1 - rho) g
 *   s = g / (sqrt(v' - mean'^2) + epsilon)         without `mean`: sqrt(v')
 *   velocity' = momentum velocity + s              without velocity: s itself
 *   param' = param - lr velocity'
 * v' - mean'^2 is a variance, and taken as 0 where rounding makes it less.
 *
 * adagrad (Duchi, Hazan and Singer 2011): sum' = sum + g^2; param' = param - lr g / (sqrt(sum') +
 * epsilon).
 *
 * adadelta (Zeiler 2012): v' = rho v + (1 - rho) g^2; d = sqrt(u + epsilon) / sqrt(v' + epsilon) g;
 * u' = rho u + (1 - rho) d^2; param' = param - lr d.
 *
 * lion (Chen et al., "Symbolic discovery of optimization algorithms", 2023): d = sign(beta1 m + (1
 * - beta1) g); m' = beta2 m + (1 - beta2) g; param' = param - lr (d + weight_decay param). The
 * decay is always decoupled. */
#include <math.h>

#include "ops/update.h"

enum { PARAM, SLOT = 2 };

/* --- rmsprop --- */

enum { RMS_V = SLOT, RMS_MEAN, RMS_VELOCITY, RMS_N_IN = 8 };
static const char *const rms_in[] = {"param",     "grad", "v",        "mean?",
                                     "velocity?", "lr",   "grad_mul", "apply"};
static const char *const rms_out[] = {"param", "v", "mean", "velocity"};
static const struct tn_attr_schema rms_attrs[] = {
    TN_UPDATE_FLOAT_ATTR("rho", 0.9, "decay of the mean of squared gradients, [0, 1)"),
    TN_UPDATE_FLOAT_ATTR("momentum", 0,
                         "share of the last step that is kept; above 0 velocity must be given"),
    TN_UPDATE_FLOAT_ATTR("epsilon", 1e-7, "added to the root"),
    TN_UPDATE_DECAY_ATTR,
    TN_UPDATE_DECOUPLED_ATTR,
    TN_UPDATE_CLIP_ATTR};

static tn_status rms_infer(struct tn_infer *ctx)
{
    tn_status status = tn_update_present(ctx, rms_in, 1);
    if (status == TN_OK)
        status = tn_update_infer(ctx, rms_in, 3);
    if (status == TN_OK)
        status = tn_ops_infer_range(ctx, "rho", 0, 1);
    if (status == TN_OK)
        status = tn_ops_infer_range(ctx, "momentum", 0, INFINITY);
    if (status == TN_OK)
        status = tn_ops_infer_range(ctx, "epsilon", 0, INFINITY);
    double momentum = tn_attrs_float(ctx->attrs, "momentum");
    if (status == TN_OK && momentum > 0 && !ctx->in[RMS_VELOCITY])
        status = tn_infer_fail(ctx, "momentum %g needs the input 'velocity'", momentum);
    return status;
}

static void rms_reference(const struct tn_ref *ctx)
{
    struct tn_update u = tn_update_read(ctx, tn_attrs_int(ctx->attrs, "decoupled") != 0);
    double rho = tn_attrs_float(ctx->attrs, "rho");
    double epsilon = tn_attrs_float(ctx->attrs, "epsilon");
    double momentum = tn_attrs_float(ctx->attrs, "momentum");
    for (int64_t i = 0; i < u.n; i++) {
        double g = tn_update_grad(&u, i);
        double v = rho * ctx->in[RMS_V].data.f[i] + (1 - rho) * g * g, size = v;
        tn_update_write(ctx, &u, 1, RMS_V, i, v);
        if (ctx->in[RMS_MEAN].data.f) {
            double mean = rho * ctx->in[RMS_MEAN].data.f[i] + (1 - rho) * g;
            size = v - mean * mean;
            size = size < 0 ? 0 : size;
            tn_update_write(ctx, &u, 2, RMS_MEAN, i, mean);
        }
        double step = g / (sqrt(size) + epsilon);
        if (ctx->in[RMS_VELOCITY].data.f) {
            step += momentum * ctx->in[RMS_VELOCITY].data.f[i];
            tn_update_write(ctx, &u, 3, RMS_VELOCITY, i, step);
        }
        tn_update_write(ctx, &u, 0, PARAM, i, u.param[i] - u.shrink * u.param[i] - u.lr * step);
    }
}

/* --- adagrad --- */

static const char *const sum_in[] = {"param", "grad", "sum", "lr", "grad_mul", "apply"};
static const char *const sum_out[] = {"param", "sum"};
static const struct tn_attr_schema adagrad_attrs[] = {
    TN_UPDATE_FLOAT_ATTR("epsilon", 1e-7, "added to the root"), TN_UPDATE_DECAY_ATTR,
    TN_UPDATE_DECOUPLED_ATTR, TN_UPDATE_CLIP_ATTR};

static tn_status adagrad_infer(struct tn_infer *ctx)
{
    tn_status status = tn_update_present(ctx, sum_in, 1);
    if (status == TN_OK)
        status = tn_update_infer(ctx, sum_in, 1);
    return status == TN_OK ? tn_ops_infer_range(ctx, "epsilon", 0, INFINITY) : status;
}

static void adagrad_reference(const struct tn_ref *ctx)
{
    struct tn_update u = tn_update_read(ctx, tn_attrs_int(ctx->attrs, "decoupled") != 0);
    double epsilon = tn_attrs_float(ctx->attrs, "epsilon");
    for (int64_t i = 0; i < u.n; i++) {
        double g = tn_update_grad(&u, i), sum = ctx->in[SLOT].data.f[i] + g * g;
        double step = g / (sqrt(sum) + epsilon);
        tn_update_write(ctx, &u, 1, SLOT, i, sum);
        tn_update_write(ctx, &u, 0, PARAM, i, u.param[i] - u.shrink * u.param[i] - u.lr * step);
    }
}

/* --- adadelta --- */

static const char *const delta_in[] = {"param", "grad", "v", "u", "lr", "grad_mul", "apply"};
static const char *const delta_out[] = {"param", "v", "u"};
static const struct tn_attr_schema adadelta_attrs[] = {
    TN_UPDATE_FLOAT_ATTR("rho", 0.9, "decay of both means of squares, [0, 1)"),
    TN_UPDATE_FLOAT_ATTR("epsilon", 1e-6, "added under both roots"), TN_UPDATE_DECAY_ATTR,
    TN_UPDATE_DECOUPLED_ATTR, TN_UPDATE_CLIP_ATTR};

static tn_status adadelta_infer(struct tn_infer *ctx)
{
    tn_status status = tn_update_present(ctx, delta_in, 2);
    if (status == TN_OK)
        status = tn_update_infer(ctx, delta_in, 2);
    if (status == TN_OK)
        status = tn_ops_infer_range(ctx, "rho", 0, 1);
    return status == TN_OK ? tn_ops_infer_range(ctx, "epsilon", 0, INFINITY) : status;
}

static void adadelta_reference(const struct tn_ref *ctx)
{
    struct tn_update u = tn_update_read(ctx, tn_attrs_int(ctx->attrs, "decoupled") != 0);
    double rho = tn_attrs_float(ctx->attrs, "rho");
    double epsilon = tn_attrs_float(ctx->attrs, "epsilon");
    for (int64_t i = 0; i < u.n; i++) {
        double g = tn_update_grad(&u, i), past = ctx->in[SLOT + 1].data.f[i];
        double v = rho * ctx->in[SLOT].data.f[i] + (1 - rho) * g * g;
        double step = sqrt(past + epsilon) / sqrt(v + epsilon) * g;
        tn_update_write(ctx, &u, 1, SLOT, i, v);
        tn_update_write(ctx, &u, 2, SLOT + 1, i, rho * past + (1 - rho) * step * step);
        tn_update_write(ctx, &u, 0, PARAM, i, u.param[i] - u.shrink * u.param[i] - u.lr * step);
    }
}

/* --- lion --- */

static const char *const lion_in[] = {"param", "grad", "m", "lr", "grad_mul", "apply"};
static const char *const lion_out[] = {"param", "m"};
static const struct tn_attr_schema lion_attrs[] = {
    TN_UPDATE_FLOAT_ATTR("beta1", 0.9, "share of m in the direction, [0, 1)"),
    TN_UPDATE_FLOAT_ATTR("beta2", 0.99, "share of m that is kept, [0, 1)"),
    TN_UPDATE_FLOAT_ATTR("weight_decay", 0,
                         "decoupled: param loses lr weight_decay param in each step"),
    TN_UPDATE_CLIP_ATTR};

static tn_status lion_infer(struct tn_infer *ctx)
{
    tn_status status = tn_update_present(ctx, lion_in, 1);
    if (status == TN_OK)
        status = tn_update_infer(ctx, lion_in, 1);
    if (status == TN_OK)
        status = tn_ops_infer_range(ctx, "beta1", 0, 1);
    return status == TN_OK ? tn_ops_infer_range(ctx, "beta2", 0, 1) : status;
}

static void lion_reference(const struct tn_ref *ctx)
{
    struct tn_update u = tn_update_read(ctx, 1);
    double beta1 = tn_attrs_float(ctx->attrs, "beta1");
    double beta2 = tn_attrs_float(ctx->attrs, "beta2");
    for (int64_t i = 0; i < u.n; i++) {
        double g = tn_update_grad(&u, i), m = ctx->in[SLOT].data.f[i];
        double mix = beta1 * m + (1 - beta1) * g;
        double direction = mix > 0 ? 1 : mix < 0 ? -1 : mix; /* 0 and NaN stay */
        tn_update_write(ctx, &u, 1, SLOT, i, beta2 * m + (1 - beta2) * g);
        tn_update_write(ctx, &u, 0, PARAM, i,
                        u.param[i] - u.shrink * u.param[i] - u.lr * direction);
    }
}

/* --- the operators --- */

#define SHAPES "param, grad and the slots one shape, floating point; " TN_UPDATE_SCALARS

const struct tn_op tn_op_rmsprop = {
    TN_UPDATE_OP(rmsprop, rms_in, rms_out, rms_attrs, rms_infer, rms_reference),
    .formula = "v = rho v + (1 - rho) g^2; velocity = momentum velocity + g / (sqrt(v - mean^2) + "
               "epsilon); param -= lr velocity",
    .shapes = SHAPES "; mean (centered) and velocity (momentum) may be absent, their outputs are "
                     "then [0]",
};
const struct tn_op tn_op_adagrad = {
    TN_UPDATE_OP(adagrad, sum_in, sum_out, adagrad_attrs, adagrad_infer, adagrad_reference),
    .formula = "sum += g^2; param -= lr g / (sqrt(sum) + epsilon)",
    .shapes = SHAPES,
};
const struct tn_op tn_op_adadelta = {
    TN_UPDATE_OP(adadelta, delta_in, delta_out, adadelta_attrs, adadelta_infer, adadelta_reference),
    .formula =
        "v = rho v + (1 - rho) g^2; d = sqrt(u + epsilon) / sqrt(v + epsilon) g; u = rho u + "
        "(1 - rho) d^2; param -= lr d",
    .shapes = SHAPES,
};
const struct tn_op tn_op_lion = {
    TN_UPDATE_OP(lion, lion_in, lion_out, lion_attrs, lion_infer, lion_reference),
    .formula =
        "param -= lr (sign(beta1 m + (1 - beta1) g) + weight_decay param); m = beta2 m + (1 - "
        "beta2) g",
    .shapes = SHAPES,
};
