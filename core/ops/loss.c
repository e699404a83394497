/* Losses that compare a prediction with a target of its shape: one value per sample (the first
 * dim), the mean over the sample's n elements.
 *
 *   mse              mean (p - t)^2                              dp = 2 (p - t) dloss / n, dt = -dp
 *   bce              mean -(t log p + (1 - t) log(1 - p))        dp = (p - t) dloss / (p (1 - p)) /
 * n bce_with_logits  mean max(z, 0) - z t + log(1 + e^-|z|)      dz = (sigmoid(z) - t) dloss / n
 *
 * As in PyTorch, bce holds each log at -100 or more and its p (1 - p) at 1e-12 or more, so that a
 * saturated probability gives a large finite loss and gradient. bce_with_logits is
 * -(t log s(z) + (1 - t) log(1 - s(z))) rewritten so that nothing overflows. */
#include <math.h>

#include "ops/util.h"

/* --- shape rules --- */

static tn_status infer_pair(const struct tn_infer *ctx)
{
    tn_status st = tn_infer_float(ctx, 0);
    if (st == TN_OK)
        st = tn_infer_rank(ctx, 0, 1, TN_MAX_RANK);
    if (st == TN_OK)
        st = tn_infer_same_dtype(ctx, 0, 1);
    if (st == TN_OK)
        st = tn_infer_same_shape(ctx, 0, 1);
    return st;
}

static tn_status infer_forward(struct tn_infer *ctx)
{
    tn_status st = infer_pair(ctx);
    if (st == TN_OK)
        ctx->out[0] = (struct tn_type){tn_ops_loss_dtype(ctx->in[0]->dtype),
                                       TN_SHAPE(ctx->in[0]->shape.dim[0])};
    return st;
}

static tn_status infer_backward(struct tn_infer *ctx)
{
    tn_status st = infer_pair(ctx);
    if (st != TN_OK)
        return st;
    struct tn_shape samples = TN_SHAPE(ctx->in[0]->shape.dim[0]);
    st = tn_ops_infer_dloss(ctx, 2, &samples);
    if (st == TN_OK)
        ctx->out[0] = *ctx->in[0];
    return st;
}

/* --- references --- */

static void mean_per_sample(const struct tn_ref *ctx, double (*f)(double p, double t))
{
    const struct tn_shape *s = &ctx->in[0].type.shape;
    int64_t per_sample = tn_ops_product(s, 1, s->rank);
    for (int64_t n = 0; n < ctx->out[0].count; n++) {
        double total = 0.0;
        for (int64_t i = n * per_sample; i < (n + 1) * per_sample; i++)
            total += f(ctx->in[0].data.f[i], ctx->in[1].data.f[i]);
        ctx->out[0].data.f[n] = total / (double)per_sample;
    }
}

static void grad_per_sample(const struct tn_ref *ctx, double (*f)(double p, double t))
{
    const struct tn_shape *s = &ctx->in[0].type.shape;
    int64_t per_sample = tn_ops_product(s, 1, s->rank);
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        ctx->out[0].data.f[i] = f(ctx->in[0].data.f[i], ctx->in[1].data.f[i]) *
                                ctx->in[2].data.f[i / per_sample] / (double)per_sample;
}

static double mse_f(double p, double t)
{
    return (p - t) * (p - t);
}
static double mse_grad_f(double p, double t)
{
    return 2.0 * (p - t);
}
static double log_held(double x)
{
    double y = log(x);
    return y < -100.0 ? -100.0 : y;
}
static double bce_f(double p, double t)
{
    return -(t * log_held(p) + (1.0 - t) * log_held(1.0 - p));
}
static double bce_grad_f(double p, double t)
{
    double spread = p * (1.0 - p);
    return (p - t) / (spread < 1e-12 ? 1e-12 : spread);
}
static double bce_with_logits_f(double z, double t)
{
    return (z < 0 ? 0.0 : z) - z * t + log1p(exp(-fabs(z)));
}
static double bce_with_logits_grad_f(double z, double t)
{
    return 1.0 / (1.0 + exp(-z)) - t;
}

static void mse_reference(const struct tn_ref *ctx)
{
    mean_per_sample(ctx, mse_f);
}

static void mse_grad_reference(const struct tn_ref *ctx)
{
    grad_per_sample(ctx, mse_grad_f);
}

static void bce_reference(const struct tn_ref *ctx)
{
    mean_per_sample(ctx, bce_f);
}

static void bce_grad_reference(const struct tn_ref *ctx)
{
    grad_per_sample(ctx, bce_grad_f);
}

static void bce_with_logits_reference(const struct tn_ref *ctx)
{
    mean_per_sample(ctx, bce_with_logits_f);
}

static void bce_with_logits_grad_reference(const struct tn_ref *ctx)
{
    grad_per_sample(ctx, bce_with_logits_grad_f);
}

/* --- gradients --- */

static tn_status mse_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0] && !ctx->needed[1])
        return TN_OK;
    tn_value d = tn_op3(ctx->graph, "mse_grad", ctx->in[0], ctx->in[1], ctx->out_grad[0], NULL, 0);
    if (ctx->needed[0])
        ctx->in_grad[0] = d;
    if (ctx->needed[1])
        ctx->in_grad[1] = tn_op1(ctx->graph, "neg", d, NULL, 0);
    return TN_OK;
}

static tn_status to_prediction(const struct tn_grad *ctx, const char *grad_op)
{
    if (ctx->needed[1])
        return tn_ops_no_gradient_to(ctx, "target", "binary cross-entropy trains the prediction");
    if (ctx->needed[0])
        ctx->in_grad[0] =
            tn_op3(ctx->graph, grad_op, ctx->in[0], ctx->in[1], ctx->out_grad[0], NULL, 0);
    return TN_OK;
}

static tn_status bce_gradient(const struct tn_grad *ctx)
{
    return to_prediction(ctx, "bce_grad");
}

static tn_status bce_with_logits_gradient(const struct tn_grad *ctx)
{
    return to_prediction(ctx, "bce_with_logits_grad");
}

/* --- operators --- */

static const char *const in_pred[] = {"pred", "target", "dloss"};
static const char *const in_prob[] = {"prob", "target", "dloss"};
static const char *const in_logits[] = {"logits", "target", "dloss"};
static const char *const out_loss[] = {"loss"};

#define LOSS(op_name, text, names)                                                          \
    .name = op_name, .version = 1, .min_in = 2, .max_in = 2, .n_out = 1, .in_names = names, \
    .out_names = out_loss, .formula = text, .infer = infer_forward
#define LOSS_GRAD(op_name, text, names)                                                     \
    .name = op_name, .version = 1, .min_in = 3, .max_in = 3, .n_out = 1, .in_names = names, \
    .out_names = tn_ops_out_dx, .formula = text, .infer = infer_backward,                   \
    .no_gradient = TN_OPS_NO_SECOND

const struct tn_op tn_op_mse = {LOSS("mse", "mean (pred - target)^2 per sample", in_pred),
                                .gradient = mse_gradient, .reference = mse_reference};
const struct tn_op tn_op_mse_grad = {LOSS_GRAD("mse_grad", "2 (pred - target) dloss / n", in_pred),
                                     .reference = mse_grad_reference};
const struct tn_op tn_op_bce = {
    LOSS("bce", "mean -(t log p + (1 - t) log(1 - p)) per sample", in_prob),
    .gradient = bce_gradient, .reference = bce_reference};
const struct tn_op tn_op_bce_grad = {
    LOSS_GRAD("bce_grad", "dloss (p - t) / max(p (1 - p), 1e-12) / n", in_prob),
    .reference = bce_grad_reference};
const struct tn_op tn_op_bce_with_logits = {
    LOSS("bce_with_logits", "mean max(z, 0) - z t + log1p(e^-|z|) per sample", in_logits),
    .gradient = bce_with_logits_gradient, .reference = bce_with_logits_reference};
const struct tn_op tn_op_bce_with_logits_grad = {
    LOSS_GRAD("bce_with_logits_grad", "(sigmoid(z) - t) dloss / n", in_logits),
    .reference = bce_with_logits_grad_reference};
