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
#include <inttypes.h>
#include <math.h>

#include "ops/update.h"

enum { PARAM, M = 2, V, CORRECTION, N_IN = 8 };
static const char *const in_names[] = {"param",      "grad", "m",        "v",
                                       "correction", "lr",   "grad_mul", "apply"};
static const char *const out_names[] = {"param", "m", "v"};
enum { V_MAX = V + 1 };
static const char *const amsgrad_in[] = {"param",      "grad", "m",        "v",    "v_max",
                                         "correction", "lr",   "grad_mul", "apply"};
static const char *const amsgrad_out[] = {"param", "m", "v", "v_max"};

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
                                                    .doc = "added to the gradient times param"},
                                                   TN_UPDATE_CLIP_ATTR};
static const struct tn_attr_schema adamw_attrs[] = {
    BETA_ATTRS,
    EPSILON_ATTR,
    {.name = "weight_decay",
     .type = TN_ATTR_FLOAT,
     .dflt = {.u.f = 0.01},
     .doc = "decoupled: param loses lr weight_decay param in each step"},
    TN_UPDATE_CLIP_ATTR};
static const struct tn_attr_schema nadam_attrs[] = {
    BETA_ATTRS,
    EPSILON_ATTR,
    {.name = "weight_decay", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 0}, .doc = "see decoupled"},
    TN_UPDATE_DECOUPLED_ATTR,
    TN_UPDATE_CLIP_ATTR};
static const struct tn_attr_schema schedule_attrs[] = {
    BETA_ATTRS,
    {.name = "momentum_decay",
     .type = TN_ATTR_FLOAT,
     .dflt = {.u.f = 0.004},
     .doc = "how fast the momentum grows towards beta1"}};
static const struct tn_attr_schema correction_attrs[] = {BETA_ATTRS};

static tn_status check_betas(const struct tn_infer *ctx)
{
    tn_status status = tn_update_range(ctx, "beta1", 0, 1);
    return status == TN_OK ? tn_update_range(ctx, "beta2", 0, 1) : status;
}

/* `slots` state tensors, then the correction of n_correction numbers. */
static tn_status moments_infer(struct tn_infer *ctx, const char *const *names, uint32_t n_slots,
                               int64_t n_correction, const char *maker)
{
    const uint32_t at = n_slots + 2;
    tn_status status = TN_OK;
    for (uint32_t i = 2; status == TN_OK && i < at; i++)
        if (!ctx->in[i])
            status = tn_infer_fail(ctx, "'%s' is missing", names[i]);
    if (status == TN_OK)
        status = tn_update_infer(ctx, names, n_slots);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, at, 1, 1);
    if (status != TN_OK)
        return status;
    const struct tn_type *c = ctx->in[at];
    if (c->dtype != TN_F32 || c->shape.dim[0] != n_correction)
        return tn_infer_fail(ctx, "'correction' must be f32 [%" PRId64 "], as %s gives it",
                             n_correction, maker);
    status = check_betas(ctx);
    return status == TN_OK ? tn_update_range(ctx, "epsilon", 0, INFINITY) : status;
}

static tn_status adam_infer(struct tn_infer *ctx)
{
    return moments_infer(ctx, in_names, 2, 2, "bias_correction");
}

static tn_status amsgrad_infer(struct tn_infer *ctx)
{
    return moments_infer(ctx, amsgrad_in, 3, 2, "bias_correction");
}

static tn_status nadam_infer(struct tn_infer *ctx)
{
    return moments_infer(ctx, in_names, 2, 3, "nadam_correction");
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
        status = check_betas(ctx);
    if (status == TN_OK)
        status = tn_update_range(ctx, "momentum_decay", 0, INFINITY);
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
    .formula = "m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; "
               "param -= lr (m / c1) / (sqrt(v / c2) + epsilon)",
    .shapes = MOMENTS_SHAPES,
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
    .shapes = MOMENTS_SHAPES,
    .infer = adam_infer,
    .no_gradient = TN_UPDATE_NO_GRADIENT,
    .reference = adamw_reference,
};
const struct tn_op tn_op_amsgrad = {
    .name = "amsgrad",
    .version = 1,
    .min_in = N_IN + 1,
    .max_in = N_IN + 1,
    .n_out = 4,
    .flags = TN_OP_UPDATE,
    .in_names = amsgrad_in,
    .out_names = amsgrad_out,
    .attrs = nadam_attrs,
    .n_attrs = TN_LEN(nadam_attrs),
    .formula = "as adam, with v_max = max(v_max, v) under the root in the place of v",
    .shapes = MOMENTS_SHAPES,
    .infer = amsgrad_infer,
    .no_gradient = TN_UPDATE_NO_GRADIENT,
    .reference = amsgrad_reference,
};
const struct tn_op tn_op_nadam = {
    .name = "nadam",
    .version = 1,
    .min_in = N_IN,
    .max_in = N_IN,
    .n_out = 3,
    .flags = TN_OP_UPDATE,
    .in_names = in_names,
    .out_names = out_names,
    .attrs = nadam_attrs,
    .n_attrs = TN_LEN(nadam_attrs),
    .formula = "m, v as adam's; param -= lr (c1 g + c2 m) / (sqrt(v / c3) + epsilon)",
    .shapes = "param, grad, m, v one shape, floating point; correction f32 [3] of "
              "nadam_correction; " TN_UPDATE_SCALARS,
    .infer = nadam_infer,
    .no_gradient = TN_UPDATE_NO_GRADIENT,
    .reference = nadam_reference,
};
const struct tn_op tn_op_nadam_correction = {
    .name = "nadam_correction",
    .version = 1,
    .min_in = 3,
    .max_in = 3,
    .n_out = 2,
    .flags = TN_OP_UPDATE,
    .in_names = schedule_in,
    .out_names = schedule_out,
    .attrs = schedule_attrs,
    .n_attrs = TN_LEN(schedule_attrs),
    .formula =
        "mu(t) = beta1 (1 - 0.96^(t momentum_decay) / 2); product = product mu(t); correction "
        "= (1 - mu(t)) / (1 - product), mu(t + 1) / (1 - product mu(t + 1)), 1 - beta2^t",
    .shapes = "product, apply f32 scalars, step an i64 scalar; correction f32 [3]",
    .infer = schedule_infer,
    .no_gradient = TN_UPDATE_NO_GRADIENT,
    .reference = schedule_reference,
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
