/* Losses that compare a prediction p with a target t of its shape, term by term:
 *
 *   mse              (p - t)^2                                  2 (p - t)
 *   mae              |p - t|                                    sign(p - t)
 *   huber            d = p - t: d^2 / 2 within delta, else      d, or delta sign(d)
 *                    delta (|d| - delta / 2)
 *   hinge            max(0, margin - p t), t = -1 or 1          -t where that is above 0
 *   bce              -(t log p + (1 - t) log(1 - p))            (p - t) / (p (1 - p))
 *   bce_with_logits  (1 - t) z + v log(1 + e^-z), v = 1 + (pos_weight - 1) t
 *                                                               v sigmoid(z) - pos_weight t
 *   kl_div           t (log t - p), p and perhaps t being logs  -t, or -e^t
 *
 * The formulas and the treatment of their corners are PyTorch's. bce holds each log at -100 or more
 * and its p (1 - p) at 1e-12 or more, so that a saturated probability gives a large finite loss and
 * gradient. bce_with_logits is written so that nothing overflows. A term of kl_div is 0 where t is.
 *
 * A term is multiplied by the weight of its sample or of itself. reduction: samples (the mean of
 * each sample, the first dim), none, sum, mean (of all terms; weights do not enter the count). */
#include <math.h>

#include "ops/reduction.h"

/* --- shape rules --- */

/* Inputs 0 and 1: one float type. `at`: the first weight, then perhaps pos_weight. */
static tn_status infer_pair(const struct tn_infer *ctx, uint32_t at)
{
    tn_status st = tn_reduction_infer_pair(ctx);
    if (st == TN_OK)
        st = tn_reduction_infer(ctx, 1);
    if (st != TN_OK)
        return st;
    const struct tn_shape *x = &ctx->in[0]->shape;
    struct tn_shape samples = TN_SHAPE(x->dim[0]), last = TN_SHAPE(x->dim[x->rank - 1]);
    /* one per term, or else one per sample */
    if (!ctx->in[at] || !tn_shape_equal(&ctx->in[at]->shape, x))
        st = tn_reduction_infer_weight(ctx, at, "weight", &samples);
    else
        st = tn_infer_same_dtype(ctx, 0, at);
    if (st == TN_OK && at + 1 < ctx->n_in)
        st = tn_reduction_infer_weight(ctx, at + 1, "pos_weight", &last);
    return st;
}

static tn_status check_positive(const struct tn_infer *ctx, const char *name)
{
    double v = tn_attrs_float(ctx->attrs, name);
    if (!(v > 0) || isinf(v))
        return tn_infer_fail(ctx, "%s is %g, must be above 0 and finite", name, v);
    return TN_OK;
}

static tn_status infer_forward(struct tn_infer *ctx)
{
    tn_status st = infer_pair(ctx, 2);
    if (st == TN_OK)
        ctx->out[0] =
            (struct tn_type){tn_ops_loss_dtype(ctx->in[0]->dtype),
                             tn_reduction_shape(tn_reduction_of(ctx->attrs), &ctx->in[0]->shape)};
    return st;
}

static tn_status infer_backward(struct tn_infer *ctx)
{
    tn_status st = infer_pair(ctx, 3);
    if (st != TN_OK)
        return st;
    struct tn_shape loss = tn_reduction_shape(tn_reduction_of(ctx->attrs), &ctx->in[0]->shape);
    st = tn_ops_infer_dloss(ctx, 2, &loss);
    if (st == TN_OK)
        ctx->out[0] = *ctx->in[0];
    return st;
}

static tn_status huber_infer(struct tn_infer *ctx)
{
    tn_status st = check_positive(ctx, "delta");
    return st == TN_OK ? infer_forward(ctx) : st;
}

static tn_status huber_grad_infer(struct tn_infer *ctx)
{
    tn_status st = check_positive(ctx, "delta");
    return st == TN_OK ? infer_backward(ctx) : st;
}

static tn_status hinge_infer(struct tn_infer *ctx)
{
    tn_status st = tn_ops_infer_finite(ctx, "margin");
    return st == TN_OK ? infer_forward(ctx) : st;
}

static tn_status hinge_grad_infer(struct tn_infer *ctx)
{
    tn_status st = tn_ops_infer_finite(ctx, "margin");
    return st == TN_OK ? infer_backward(ctx) : st;
}

/* --- references --- */

/* A term's numbers besides p and t. */
struct extra {
    double value;      /* delta, margin, or log_target */
    double pos_weight; /* 1 without */
};
typedef double (*term_fn)(double p, double t, const struct extra *x);

/* Weight of term i; at: the first weight's input. */
static double weight_of(const struct tn_ref *ctx, uint32_t at, int64_t i, int64_t per_sample)
{
    const struct tn_ref_tensor *w = &ctx->in[at];
    if (!w->data.f)
        return 1.0;
    return w->data.f[w->count == ctx->in[0].count ? i : i / per_sample];
}

static void take_pos_weight(const struct tn_ref *ctx, uint32_t at, int64_t i, struct extra *x)
{
    x->pos_weight = 1.0;
    if (at < ctx->n_in && ctx->in[at].data.f)
        x->pos_weight = ctx->in[at].data.f[i % ctx->in[at].count];
}

static void forward(const struct tn_ref *ctx, term_fn f, struct extra x)
{
    const struct tn_shape *s = &ctx->in[0].type.shape;
    enum tn_reduction reduction = tn_reduction_of(ctx->attrs);
    int64_t count = ctx->in[0].count, per_sample = tn_ops_product(s, 1, s->rank);
    double *loss = ctx->out[0].data.f;
    for (int64_t k = 0; k < ctx->out[0].count; k++)
        loss[k] = 0.0;
    for (int64_t i = 0; i < count; i++) {
        take_pos_weight(ctx, 3, i, &x);
        double v = f(ctx->in[0].data.f[i], ctx->in[1].data.f[i], &x);
        loss[reduction == TN_REDUCTION_NONE      ? i
             : reduction == TN_REDUCTION_SAMPLES ? i / per_sample
                                                 : 0] += v * weight_of(ctx, 2, i, per_sample);
    }
    for (int64_t k = 0; reduction == TN_REDUCTION_SAMPLES && k < ctx->out[0].count; k++)
        loss[k] /= (double)per_sample;
    if (reduction == TN_REDUCTION_MEAN)
        loss[0] /= (double)count;
}

static void backward(const struct tn_ref *ctx, term_fn slope, struct extra x)
{
    const struct tn_shape *s = &ctx->in[0].type.shape;
    enum tn_reduction reduction = tn_reduction_of(ctx->attrs);
    int64_t count = ctx->in[0].count, per_sample = tn_ops_product(s, 1, s->rank);
    const double *dloss = ctx->in[2].data.f;
    for (int64_t i = 0; i < count; i++) {
        take_pos_weight(ctx, 4, i, &x);
        double d = dloss[0];
        if (reduction == TN_REDUCTION_NONE)
            d = dloss[i];
        else if (reduction == TN_REDUCTION_SAMPLES)
            d = dloss[i / per_sample] / (double)per_sample;
        else if (reduction == TN_REDUCTION_MEAN)
            d = dloss[0] / (double)count;
        ctx->out[0].data.f[i] = slope(ctx->in[0].data.f[i], ctx->in[1].data.f[i], &x) * d *
                                weight_of(ctx, 3, i, per_sample);
    }
}

static double mse_f(double p, double t, const struct extra *x)
{
    return (p - t) * (p - t);
}
static double mse_slope(double p, double t, const struct extra *x)
{
    return 2.0 * (p - t);
}
static double mae_f(double p, double t, const struct extra *x)
{
    return fabs(p - t);
}
static double mae_slope(double p, double t, const struct extra *x)
{
    double d = p - t;
    return d > 0 ? 1.0 : d < 0 ? -1.0 : d; /* 0 or NaN */
}
static double huber_f(double p, double t, const struct extra *x)
{
    double d = fabs(p - t);
    return d <= x->value ? 0.5 * d * d : x->value * (d - 0.5 * x->value);
}
static double huber_slope(double p, double t, const struct extra *x)
{
    double d = p - t;
    return d > x->value ? x->value : d < -x->value ? -x->value : d;
}
static double hinge_f(double p, double t, const struct extra *x)
{
    double v = x->value - p * t;
    return v < 0 ? 0.0 : v;
}
static double hinge_slope(double p, double t, const struct extra *x)
{
    double v = x->value - p * t;
    return v > 0 ? -t : isnan(v) ? v : 0.0;
}
static double log_held(double x)
{
    double y = log(x);
    return y < -100.0 ? -100.0 : y;
}
static double bce_f(double p, double t, const struct extra *x)
{
    return -(t * log_held(p) + (1.0 - t) * log_held(1.0 - p));
}
static double bce_slope(double p, double t, const struct extra *x)
{
    double spread = p * (1.0 - p);
    return (p - t) / (spread < 1e-12 ? 1e-12 : spread);
}
/* log(1 + e^-z) is max(-z, 0) + log(1 + e^-|z|). */
static double bce_with_logits_f(double z, double t, const struct extra *x)
{
    if (x->pos_weight == 1.0)
        return (z < 0 ? 0.0 : z) - z * t + log1p(exp(-fabs(z)));
    double v = 1.0 + (x->pos_weight - 1.0) * t;
    return (1.0 - t) * z + v * ((z < 0 ? -z : 0.0) + log1p(exp(-fabs(z))));
}
static double bce_with_logits_slope(double z, double t, const struct extra *x)
{
    double v = 1.0 + (x->pos_weight - 1.0) * t;
    return v / (1.0 + exp(-z)) - x->pos_weight * t;
}
static double kl_div_f(double p, double t, const struct extra *x)
{
    if (x->value != 0)
        return exp(t) * (t - p);
    return t == 0 ? 0.0 : t * (log(t) - p);
}
static double kl_div_slope(double p, double t, const struct extra *x)
{
    return x->value != 0 ? -exp(t) : -t;
}

#define REFERENCES(name, value_expr)                                        \
    static void name##_reference(const struct tn_ref *ctx)                  \
    {                                                                       \
        forward(ctx, name##_f, (struct extra){.value = (value_expr)});      \
    }                                                                       \
    static void name##_grad_reference(const struct tn_ref *ctx)             \
    {                                                                       \
        backward(ctx, name##_slope, (struct extra){.value = (value_expr)}); \
    }
REFERENCES(mse, 0)
REFERENCES(mae, 0)
REFERENCES(huber, tn_attrs_float(ctx->attrs, "delta"))
REFERENCES(hinge, tn_attrs_float(ctx->attrs, "margin"))
REFERENCES(bce, 0)
REFERENCES(bce_with_logits, 0)
REFERENCES(kl_div, (double)tn_attrs_int(ctx->attrs, "log_target"))

/* --- gradients --- */

/* Emits `op` on the given prediction and target with this node's weights and attributes. */
static tn_value emit_grad(const struct tn_grad *ctx, const char *op, tn_value pred, tn_value target)
{
    tn_value in[5] = {pred, target, ctx->out_grad[0]}, d;
    for (uint32_t i = 2; i < ctx->n_in; i++)
        in[i + 1] = ctx->in[i];
    tn_graph_op(ctx->graph, op, in, ctx->n_in + 1, ctx->attrs->list, ctx->attrs->n, &d, 1);
    return d;
}

/* Terms that depend on the difference alone: the target's gradient is the other with its sign
 * turned. */
static tn_status of_difference(const struct tn_grad *ctx, const char *op)
{
    tn_status st = tn_reduction_no_weight_gradient(ctx, 2);
    if (st != TN_OK || (!ctx->needed[0] && !ctx->needed[1]))
        return st;
    tn_value d = emit_grad(ctx, op, ctx->in[0], ctx->in[1]);
    if (ctx->needed[0])
        ctx->in_grad[0] = d;
    if (ctx->needed[1])
        ctx->in_grad[1] = tn_op1(ctx->graph, "neg", d, NULL, 0);
    return TN_OK;
}

static tn_status mse_gradient(const struct tn_grad *ctx)
{
    return of_difference(ctx, "mse_grad");
}

static tn_status mae_gradient(const struct tn_grad *ctx)
{
    return of_difference(ctx, "mae_grad");
}

static tn_status huber_gradient(const struct tn_grad *ctx)
{
    return of_difference(ctx, "huber_grad");
}

/* p and t change places without changing a term. */
static tn_status hinge_gradient(const struct tn_grad *ctx)
{
    tn_status st = tn_reduction_no_weight_gradient(ctx, 2);
    if (st == TN_OK && ctx->needed[0])
        ctx->in_grad[0] = emit_grad(ctx, "hinge_grad", ctx->in[0], ctx->in[1]);
    if (st == TN_OK && ctx->needed[1])
        ctx->in_grad[1] = emit_grad(ctx, "hinge_grad", ctx->in[1], ctx->in[0]);
    return st;
}

/* dt is (log t + 1 - p) u where dp is -t u; with logs e^t (t - p + 1) u = dp (p - t - 1). */
static tn_status kl_div_gradient(const struct tn_grad *ctx)
{
    tn_graph *g = ctx->graph;
    tn_value p = ctx->in[0], t = ctx->in[1];
    tn_status st = tn_reduction_no_weight_gradient(ctx, 2);
    if (st != TN_OK)
        return st;
    if (ctx->needed[0])
        ctx->in_grad[0] = emit_grad(ctx, "kl_div_grad", p, t);
    if (!ctx->needed[1])
        return TN_OK;
    tn_value one = tn_ops_scalar(ctx, t, 1.0);
    if (tn_attrs_int(ctx->attrs, "log_target")) {
        tn_value d = ctx->needed[0] ? ctx->in_grad[0] : emit_grad(ctx, "kl_div_grad", p, t);
        ctx->in_grad[1] = tn_mul(g, d, tn_sub(g, tn_sub(g, p, t), one));
        return TN_OK;
    }
    struct tn_shape shape = tn_graph_shape(g, t);
    tn_value minus_u = emit_grad(ctx, "kl_div_grad", p, tn_expand(g, one, &shape));
    tn_value slope = tn_sub(g, tn_sub(g, p, tn_op1(g, "log", t, NULL, 0)), one);
    ctx->in_grad[1] = tn_mul(g, minus_u, slope);
    return TN_OK;
}

static tn_status to_prediction(const struct tn_grad *ctx, const char *op)
{
    if (ctx->needed[1])
        return tn_ops_no_gradient_to(ctx, "target", "binary cross-entropy trains the prediction");
    tn_status st = tn_reduction_no_weight_gradient(ctx, 2);
    if (st == TN_OK && ctx->needed[0])
        ctx->in_grad[0] = emit_grad(ctx, op, ctx->in[0], ctx->in[1]);
    return st;
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

#define REDUCTION                                                                              \
    TN_REDUCTION_ATTR("samples", "samples: the mean of each sample; none: every term; sum or " \
                                 "mean of all terms")
static const struct tn_attr_schema reduction_attr[] = {REDUCTION};
static const struct tn_attr_schema huber_attrs[] = {
    REDUCTION,
    {.name = "delta",
     .type = TN_ATTR_FLOAT,
     .dflt = {.u.f = 1.0},
     .doc = "difference from which on the loss is linear"}};
static const struct tn_attr_schema hinge_attrs[] = {
    REDUCTION,
    {.name = "margin",
     .type = TN_ATTR_FLOAT,
     .dflt = {.u.f = 1.0},
     .doc = "product of prediction and target from which on the loss is 0"}};
static const struct tn_attr_schema kl_div_attrs[] = {
    REDUCTION,
    {.name = "log_target",
     .type = TN_ATTR_INT,
     .dflt = {.u.i = 0},
     .doc = "1: the target is a log-probability too"}};

static const char *const in_pred[] = {"pred", "target", "weight"};
static const char *const in_prob[] = {"prob", "target", "weight"};
static const char *const in_logits[] = {"logits", "target", "weight", "pos_weight"};
static const char *const in_pred_grad[] = {"pred", "target", "dloss", "weight"};
static const char *const in_prob_grad[] = {"prob", "target", "dloss", "weight"};
static const char *const in_logits_grad[] = {"logits", "target", "dloss", "weight", "pos_weight"};
static const char *const out_loss[] = {"loss"};

#define PAIR                                                                                      \
    "the two first float [N, ...], one shape and dtype; weight? [N] or of their shape, a factor " \
    "of the terms that no mean is divided by; loss f32 "                                          \
    "(f64 for f64): [N] for samples, their shape for none, else a scalar"
#define PAIR_GRAD "as of the loss; dloss like the loss; dx like the first input"

#define LOSS(op_name, max, names, attrs_, text, note)                                         \
    .name = op_name, .version = 1, .min_in = 2, .max_in = max, .n_out = 1, .in_names = names, \
    .out_names = out_loss, .attrs = attrs_, .n_attrs = TN_LEN(attrs_), .formula = text,       \
    .shapes = PAIR note
#define LOSS_GRAD(op_name, max, names, attrs_, text)                                          \
    .name = op_name, .version = 1, .min_in = 3, .max_in = max, .n_out = 1, .in_names = names, \
    .out_names = tn_ops_out_dx, .attrs = attrs_, .n_attrs = TN_LEN(attrs_), .formula = text,  \
    .shapes = PAIR_GRAD, .no_gradient = TN_OPS_NO_SECOND

const struct tn_op tn_op_mse = {LOSS("mse", 3, in_pred, reduction_attr, "(pred - target)^2", ""),
                                .infer = infer_forward, .gradient = mse_gradient,
                                .reference = mse_reference};
const struct tn_op tn_op_mse_grad = {
    LOSS_GRAD("mse_grad", 4, in_pred_grad, reduction_attr, "2 (pred - target) dloss / n"),
    .infer = infer_backward, .reference = mse_grad_reference};
const struct tn_op tn_op_mae = {LOSS("mae", 3, in_pred, reduction_attr, "abs(pred - target)", ""),
                                .infer = infer_forward, .gradient = mae_gradient,
                                .reference = mae_reference};
const struct tn_op tn_op_mae_grad = {
    LOSS_GRAD("mae_grad", 4, in_pred_grad, reduction_attr,
              "sign(pred - target) dloss / n; 0 where they are equal"),
    .infer = infer_backward, .reference = mae_grad_reference};
const struct tn_op tn_op_huber = {
    LOSS("huber", 3, in_pred, huber_attrs,
         "d = abs(pred - target): d^2 / 2 up to delta, then delta (d - delta / 2)", ""),
    .infer = huber_infer, .gradient = huber_gradient, .reference = huber_reference};
const struct tn_op tn_op_huber_grad = {LOSS_GRAD("huber_grad", 4, in_pred_grad, huber_attrs,
                                                 "clip(pred - target, -delta, delta) dloss / n"),
                                       .infer = huber_grad_infer,
                                       .reference = huber_grad_reference};
const struct tn_op tn_op_hinge = {
    LOSS("hinge", 3, in_pred, hinge_attrs, "max(0, margin - pred target)", "; target -1 or 1"),
    .infer = hinge_infer, .gradient = hinge_gradient, .reference = hinge_reference};
const struct tn_op tn_op_hinge_grad = {
    LOSS_GRAD("hinge_grad", 4, in_pred_grad, hinge_attrs,
              "-target dloss / n where margin - pred target is above 0, else 0"),
    .infer = hinge_grad_infer, .reference = hinge_grad_reference};
const struct tn_op tn_op_bce = {
    LOSS("bce", 3, in_prob, reduction_attr, "-(t log p + (1 - t) log(1 - p))",
         "; logs are held at -100 or more; no gradient to the target"),
    .infer = infer_forward, .gradient = bce_gradient, .reference = bce_reference};
const struct tn_op tn_op_bce_grad = {LOSS_GRAD("bce_grad", 4, in_prob_grad, reduction_attr,
                                               "dloss (p - t) / max(p (1 - p), 1e-12) / n"),
                                     .infer = infer_backward, .reference = bce_grad_reference};
const struct tn_op tn_op_bce_with_logits = {
    LOSS("bce_with_logits", 4, in_logits, reduction_attr,
         "(1 - t) z + (1 + (pos_weight - 1) t) log(1 + e^-z)",
         "; pos_weight? [last dim]: weight of a positive target; no gradient to the target"),
    .infer = infer_forward, .gradient = bce_with_logits_gradient,
    .reference = bce_with_logits_reference};
const struct tn_op tn_op_bce_with_logits_grad = {
    LOSS_GRAD("bce_with_logits_grad", 5, in_logits_grad, reduction_attr,
              "((1 + (pos_weight - 1) t) sigmoid(z) - pos_weight t) dloss / n"),
    .infer = infer_backward, .reference = bce_with_logits_grad_reference};
const struct tn_op tn_op_kl_div = {LOSS("kl_div", 3, in_pred, kl_div_attrs,
                                        "target (log(target) - pred); log_target: e^target "
                                        "(target - pred)",
                                        "; pred is a log-probability; 0 where the target is 0"),
                                   .infer = infer_forward, .gradient = kl_div_gradient,
                                   .reference = kl_div_reference};
const struct tn_op tn_op_kl_div_grad = {
    LOSS_GRAD("kl_div_grad", 4, in_pred_grad, kl_div_attrs,
              "-target dloss / n; log_target: -e^target dloss / n"),
    .infer = infer_backward, .reference = kl_div_grad_reference};
