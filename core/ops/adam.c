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
 * AMSGrad (Reddi et al., "On the convergence of Adam and beyond", 2018), as PyTorch has it: the
 * root is of the largest v so far. NAdam (Dozat, "Incorporating Nesterov momentum into Adam",
 * 2016), as PyTorch documents it: the step mixes the gradient with the next step's momentum; its
 * schedule of momentums keeps their product as state, which the operator nadam_correction carries
 * on.
 *
 * In all of them clip_value above 0 first limits grad grad_mul to [-clip_value, clip_value].
 *
 * apply = 0 copies param, m and v: a choice, not a product, so that a NaN gradient leaves no trace.
 */
#include <math.h>

#include "ops/update.h"

enum { PARAM, M = 2, V, CORRECTION };
enum { V_MAX = V + 1 };
static const char *const amsgrad_in[] = {"param",      "grad", "m",        "v",    "v_max",
                                         "correction", "lr",   "grad_mul", "apply"};
static const char *const amsgrad_out[] = {"param", "m", "v", "v_max"};

#define EPSILON_ATTR                      \
    TN_UPDATE_FLOAT_ATTR("epsilon", 1e-7, \
                         "added to the root, so that a parameter at rest does not divide by zero")

static const struct tn_attr_schema adam_attrs[] = {
    TN_UPDATE_BETA_ATTRS, EPSILON_ATTR,
    TN_UPDATE_FLOAT_ATTR("weight_decay", 0, "added to the gradient times param"),
    TN_UPDATE_CLIP_ATTR};
static const struct tn_attr_schema adamw_attrs[] = {
    TN_UPDATE_BETA_ATTRS, EPSILON_ATTR,
    TN_UPDATE_FLOAT_ATTR("weight_decay", 0.01,
                         "decoupled: param loses lr weight_decay param in each step"),
    TN_UPDATE_CLIP_ATTR};
static const struct tn_attr_schema nadam_attrs[] = {TN_UPDATE_BETA_ATTRS, EPSILON_ATTR,
                                                    TN_UPDATE_DECAY_ATTR, TN_UPDATE_DECOUPLED_ATTR,
                                                    TN_UPDATE_CLIP_ATTR};
static const struct tn_attr_schema schedule_attrs[] = {
    TN_UPDATE_BETA_ATTRS,
    TN_UPDATE_FLOAT_ATTR("momentum_decay", 0.004, "how fast the momentum grows towards beta1")};
static const struct tn_attr_schema correction_attrs[] = {TN_UPDATE_BETA_ATTRS};

static tn_status adam_infer(struct tn_infer *ctx)
{
    return tn_update_infer_moments(
        ctx, &(struct tn_update_moments){tn_update_moments_in, 2, 2, "bias_correction"});
}

static tn_status amsgrad_infer(struct tn_infer *ctx)
{
    return tn_update_infer_moments(
        ctx, &(struct tn_update_moments){amsgrad_in, 3, 2, "bias_correction"});
}

static tn_status nadam_infer(struct tn_infer *ctx)
{
    return tn_update_infer_moments(
        ctx, &(struct tn_update_moments){tn_update_moments_in, 2, 3, "nadam_correction"});
}

struct moments {
    double beta1, beta2, epsilon;
};

static struct moments read_moments(const struct tn_attrs *attrs)
{
    return (struct moments){tn_attrs_float(attrs, "beta1"), tn_attrs_float(attrs, "beta2"),
                            tn_attrs_float(attrs, "epsilon")};
}

/* Adam, AdamW (decoupled) and AMSGrad (v_max is input and output 3's place). */
static void step(const struct tn_ref *ctx, int decoupled, int amsgrad)
{
    struct tn_update u = tn_update_read(ctx, decoupled);
    struct moments a = read_moments(ctx->attrs);
    const double *m = ctx->in[M].data.f, *v = ctx->in[V].data.f;
    const double *c = ctx->in[amsgrad ? V_MAX + 1 : CORRECTION].data.f;
    for (int64_t i = 0; i < u.n; i++) {
        double g = tn_update_grad(&u, i);
        double new_m = a.beta1 * m[i] + (1 - a.beta1) * g;
        double new_v = a.beta2 * v[i] + (1 - a.beta2) * g * g, size = new_v;
        if (amsgrad) {
            double old = ctx->in[V_MAX].data.f[i];
            size = new_v > old || isnan(new_v) ? new_v : old;
            tn_update_write(ctx, &u, 3, V_MAX, i, size);
        }
        double direction = new_m / c[0] / (sqrt(size / c[1]) + a.epsilon);
        tn_update_write(ctx, &u, 0, PARAM, i,
                        u.param[i] - u.shrink * u.param[i] - u.lr * direction);
        tn_update_write(ctx, &u, 1, M, i, new_m);
        tn_update_write(ctx, &u, 2, V, i, new_v);
    }
}

static void adam_reference(const struct tn_ref *ctx)
{
    step(ctx, 0, 0);
}

static void adamw_reference(const struct tn_ref *ctx)
{
    step(ctx, 1, 0);
}

static void amsgrad_reference(const struct tn_ref *ctx)
{
    step(ctx, tn_attrs_int(ctx->attrs, "decoupled") != 0, 1);
}

static void nadam_reference(const struct tn_ref *ctx)
{
    struct tn_update u = tn_update_read(ctx, tn_attrs_int(ctx->attrs, "decoupled") != 0);
    struct moments a = read_moments(ctx->attrs);
    const double *m = ctx->in[M].data.f, *v = ctx->in[V].data.f, *c = ctx->in[CORRECTION].data.f;
    for (int64_t i = 0; i < u.n; i++) {
        double g = tn_update_grad(&u, i);
        double new_m = a.beta1 * m[i] + (1 - a.beta1) * g;
        double new_v = a.beta2 * v[i] + (1 - a.beta2) * g * g;
        double direction = (c[0] * g + c[1] * new_m) / (sqrt(new_v / c[2]) + a.epsilon);
        tn_update_write(ctx, &u, 0, PARAM, i,
                        u.param[i] - u.shrink * u.param[i] - u.lr * direction);
        tn_update_write(ctx, &u, 1, M, i, new_m);
        tn_update_write(ctx, &u, 2, V, i, new_v);
    }
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
        status = tn_update_infer_betas(ctx);
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

/* --- nadam_correction --- */

static const char *const schedule_in[] = {"product", "step", "apply"};
static const char *const schedule_out[] = {"correction", "product"};

static tn_status schedule_infer(struct tn_infer *ctx)
{
    tn_status status = tn_update_scalar(ctx, schedule_in, 0);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 1, 0, 0);
    if (status == TN_OK && ctx->in[1]->dtype != TN_I64)
        status = tn_infer_fail(ctx, "'step' is %s, must be an i64 scalar",
                               tn_dtype_name(ctx->in[1]->dtype));
    if (status == TN_OK)
        status = tn_update_scalar(ctx, schedule_in, 2);
    if (status == TN_OK)
        status = tn_update_infer_betas(ctx);
    if (status == TN_OK)
        status = tn_ops_infer_range(ctx, "momentum_decay", 0, INFINITY);
    if (status != TN_OK)
        return status;
    ctx->out[0] = (struct tn_type){.dtype = TN_F32, .shape = TN_SHAPE(3)};
    ctx->out[1] = *ctx->in[0];
    return TN_OK;
}

static void schedule_reference(const struct tn_ref *ctx)
{
    double old = ctx->in[0].data.f[0], n_steps = (double)ctx->in[1].data.i[0];
    double beta1 = tn_attrs_float(ctx->attrs, "beta1");
    double rate = tn_attrs_float(ctx->attrs, "momentum_decay") * log(0.96);
    double mu = beta1 * (1 - 0.5 * exp(n_steps * rate));
    double next = beta1 * (1 - 0.5 * exp((n_steps + 1) * rate));
    double product = old * mu;
    ctx->out[0].data.f[0] = (1 - mu) / (1 - product);
    ctx->out[0].data.f[1] = next / (1 - product * next);
    ctx->out[0].data.f[2] = correction(tn_attrs_float(ctx->attrs, "beta2"), n_steps);
    ctx->out[1].data.f[0] = ctx->in[2].data.f[0] != 0 ? product : old;
}

/* --- the operators --- */

#define MOMENTS_SHAPES                                                            \
    "param, grad and the slots one shape, floating point; correction f32 [2] of " \
    "bias_correction; " TN_UPDATE_SCALARS

const struct tn_op tn_op_adam = {
    TN_UPDATE_OP(adam, tn_update_moments_in, tn_update_moments_out, adam_attrs, adam_infer,
                 adam_reference),
    .formula = "m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; "
               "param -= lr (m / c1) / (sqrt(v / c2) + epsilon)",
    .shapes = MOMENTS_SHAPES,
};
const struct tn_op tn_op_adamw = {
    TN_UPDATE_OP(adamw, tn_update_moments_in, tn_update_moments_out, adamw_attrs, adam_infer,
                 adamw_reference),
    .formula = "param -= lr weight_decay param + lr (m / c1) / (sqrt(v / c2) + epsilon)",
    .shapes = MOMENTS_SHAPES,
};
const struct tn_op tn_op_amsgrad = {
    TN_UPDATE_OP(amsgrad, amsgrad_in, amsgrad_out, nadam_attrs, amsgrad_infer, amsgrad_reference),
    .formula = "as adam, with v_max = max(v_max, v) under the root in the place of v",
    .shapes = MOMENTS_SHAPES,
};
const struct tn_op tn_op_nadam = {
    TN_UPDATE_OP(nadam, tn_update_moments_in, tn_update_moments_out, nadam_attrs, nadam_infer,
                 nadam_reference),
    .formula = "m, v as adam's; param -= lr (c1 g + c2 m) / (sqrt(v / c3) + epsilon)",
    .shapes = "param, grad, m, v one shape, floating point; correction f32 [3] of "
              "nadam_correction; " TN_UPDATE_SCALARS,
};
const struct tn_op tn_op_nadam_correction = {
    TN_UPDATE_OP(nadam_correction, schedule_in, schedule_out, schedule_attrs, schedule_infer,
                 schedule_reference),
    .formula =
        "mu(t) = beta1 (1 - 0.96^(t momentum_decay) / 2); product = product mu(t); correction "
        "= (1 - mu(t)) / (1 - product), mu(t + 1) / (1 - product mu(t + 1)), 1 - beta2^t",
    .shapes = "product, apply f32 scalars, step an i64 scalar; correction f32 [3]",
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
    .shapes = "step an i64 scalar; correction f32 [2]",
    .infer = correction_infer,
    .no_gradient = TN_UPDATE_NO_GRADIENT,
    .reference = correction_reference,
};
