/* Adam (Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1):
 *
 *   g  = grad grad_mul + weight_decay param
 *   m' = beta1 m + (1 - beta1) g       v' = beta2 v + (1 - beta2) g^2
 *   param' = param - lr (m' / c1) / (sqrt(v' / c2) + epsilon)
 *
 * with c = correction = 1 - beta^step, which the operator bias_correction makes from the step
 * count. AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019): g = grad
 * grad_mul, and lr weight_decay param is taken off param beside the step.
 *
 * apply = 0 copies param, m and v: a choice, not a product, so that a NaN gradient leaves no trace.
 */
#include <inttypes.h>
#include <math.h>

#include "ops/update.h"

enum { PARAM, GRAD, M, V, CORRECTION, LR, GRAD_MUL, APPLY, N_IN };
static const char *const in_names[] = {"param",      "grad", "m",        "v",
                                       "correction", "lr",   "grad_mul", "apply"};
static const char *const out_names[] = {"param", "m", "v"};

#define BETA_ATTRS                                                      \
    {.name = "beta1",                                                   \
     .type = TN_ATTR_FLOAT,                                             \
     .dflt = {.u.f = 0.9},                                              \
     .doc = "decay of the mean of gradients, [0, 1)"},                  \
    {                                                                   \
        .name = "beta2", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 0.999}, \
        .doc = "decay of the mean of squared gradients, [0, 1)"         \
    }
#define EPSILON_ATTR                                                                    \
    {                                                                                   \
        .name = "epsilon", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 1e-7},                \
        .doc = "added to the root, so that a parameter at rest does not divide by zero" \
    }

static const struct tn_attr_schema adam_attrs[] = {BETA_ATTRS,
                                                   EPSILON_ATTR,
                                                   {.name = "weight_decay",
                                                    .type = TN_ATTR_FLOAT,
                                                    .dflt = {.u.f = 0},
                                                    .doc = "added to the gradient times param"}};
static const struct tn_attr_schema adamw_attrs[] = {
    BETA_ATTRS,
    EPSILON_ATTR,
    {.name = "weight_decay",
     .type = TN_ATTR_FLOAT,
     .dflt = {.u.f = 0.01},
     .doc = "decoupled: param loses lr weight_decay param in each step"}};
static const struct tn_attr_schema correction_attrs[] = {BETA_ATTRS};

static tn_status check_betas(const struct tn_infer *ctx)
{
    tn_status status = tn_update_range(ctx, "beta1", 0, 1);
    return status == TN_OK ? tn_update_range(ctx, "beta2", 0, 1) : status;
}

static tn_status adam_infer(struct tn_infer *ctx)
{
    tn_status status = TN_OK;
    for (uint32_t i = GRAD; status == TN_OK && i <= V; i++)
        status = tn_update_alike(ctx, PARAM, i);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, CORRECTION, 1, 1);
    for (uint32_t i = LR; status == TN_OK && i < N_IN; i++)
        status = tn_update_scalar(ctx, in_names, i);
    if (status != TN_OK)
        return status;
    const struct tn_type *c = ctx->in[CORRECTION];
    if (c->dtype != TN_F32 || c->shape.dim[0] != 2)
        return tn_infer_fail(ctx, "'correction' must be f32 [2], as bias_correction gives it");
    status = check_betas(ctx);
    if (status == TN_OK)
        status = tn_update_range(ctx, "epsilon", 0, INFINITY);
    if (status == TN_OK)
        status = tn_update_range(ctx, "weight_decay", 0, INFINITY);
    if (status != TN_OK)
        return status;
    ctx->out[0] = *ctx->in[PARAM];
    ctx->out[1] = *ctx->in[M];
    ctx->out[2] = *ctx->in[V];
    return TN_OK;
}

/* decay_grad joins the gradient (Adam), decay_param acts on the parameter (AdamW). */
static void step(const struct tn_ref *ctx, double decay_grad, double decay_param)
{
    const double *param = ctx->in[PARAM].data.f, *grad = ctx->in[GRAD].data.f;
    const double *m = ctx->in[M].data.f, *v = ctx->in[V].data.f, *c = ctx->in[CORRECTION].data.f;
    double lr = ctx->in[LR].data.f[0], grad_mul = ctx->in[GRAD_MUL].data.f[0];
    int apply = ctx->in[APPLY].data.f[0] != 0;
    double beta1 = tn_attrs_float(ctx->attrs, "beta1");
    double beta2 = tn_attrs_float(ctx->attrs, "beta2");
    double epsilon = tn_attrs_float(ctx->attrs, "epsilon");
    for (int64_t i = 0; i < ctx->in[PARAM].count; i++) {
        double g = grad[i] * grad_mul + decay_grad * param[i];
        double new_m = beta1 * m[i] + (1 - beta1) * g;
        double new_v = beta2 * v[i] + (1 - beta2) * g * g;
        double direction = new_m / c[0] / (sqrt(new_v / c[1]) + epsilon);
        double new_param = param[i] - lr * decay_param * param[i] - lr * direction;
        ctx->out[0].data.f[i] = apply ? new_param : param[i];
        ctx->out[1].data.f[i] = apply ? new_m : m[i];
        ctx->out[2].data.f[i] = apply ? new_v : v[i];
    }
}

static void adam_reference(const struct tn_ref *ctx)
{
    step(ctx, tn_attrs_float(ctx->attrs, "weight_decay"), 0);
}

static void adamw_reference(const struct tn_ref *ctx)
{
    step(ctx, 0, tn_attrs_float(ctx->attrs, "weight_decay"));
}

/* --- bias_correction: 1 - beta^step, without the cancellation of a small step and beta near 1 ---
 */

static const char *const correction_in[] = {"step"}, *const correction_out[] = {"correction"};

static tn_status correction_infer(struct tn_infer *ctx)
{
    tn_status status = tn_infer_rank(ctx, 0, 0, 0);
    if (status == TN_OK && ctx->in[0]->dtype != TN_I64)
        status = tn_infer_fail(ctx, "'step' is %s, must be an i64 scalar",
                               tn_dtype_name(ctx->in[0]->dtype));
    if (status == TN_OK)
        status = check_betas(ctx);
    if (status == TN_OK)
        ctx->out[0] = (struct tn_type){.dtype = TN_F32, .shape = TN_SHAPE(2)};
    return status;
}

static double correction(double beta, double n_steps)
{
    if (beta == 0)
        return n_steps > 0; /* its logarithm is not finite */
    return -expm1(n_steps * log(beta));
}

static void correction_reference(const struct tn_ref *ctx)
{
    double n_steps = (double)ctx->in[0].data.i[0];
    ctx->out[0].data.f[0] = correction(tn_attrs_float(ctx->attrs, "beta1"), n_steps);
    ctx->out[0].data.f[1] = correction(tn_attrs_float(ctx->attrs, "beta2"), n_steps);
}

/* --- the operators --- */

const struct tn_op tn_op_adam = {
    .name = "adam",
    .version = 1,
    .min_in = N_IN,
    .max_in = N_IN,
    .n_out = 3,
    .flags = TN_OP_UPDATE,
    .in_names = in_names,
    .out_names = out_names,
    .attrs = adam_attrs,
    .n_attrs = TN_LEN(adam_attrs),
    .formula = "param -= lr (m / c1) / (sqrt(v / c2) + epsilon)",
    .infer = adam_infer,
    .no_gradient = TN_UPDATE_NO_GRADIENT,
    .reference = adam_reference,
};
const struct tn_op tn_op_adamw = {
    .name = "adamw",
    .version = 1,
    .min_in = N_IN,
    .max_in = N_IN,
    .n_out = 3,
    .flags = TN_OP_UPDATE,
    .in_names = in_names,
    .out_names = out_names,
    .attrs = adamw_attrs,
    .n_attrs = TN_LEN(adamw_attrs),
    .formula = "param -= lr weight_decay param + lr (m / c1) / (sqrt(v / c2) + epsilon)",
    .infer = adam_infer,
    .no_gradient = TN_UPDATE_NO_GRADIENT,
    .reference = adamw_reference,
};
const struct tn_op tn_op_bias_correction = {
    .name = "bias_correction",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = correction_in,
    .out_names = correction_out,
    .attrs = correction_attrs,
    .n_attrs = TN_LEN(correction_attrs),
    .formula = "correction = -expm1(step ln beta) for beta1 and beta2",
    .infer = correction_infer,
    .no_gradient = TN_UPDATE_NO_GRADIENT,
    .reference = correction_reference,
};
