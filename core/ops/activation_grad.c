/* The backward halves of the activations in activation.c, and clip_grad, one node each so that a
 * backend runs them in one pass. relu, sigmoid and tanh go by their output y, which spares keeping
 * x; the others by their input:
 *
 *   relu_grad(y, dy)          y > 0 ? dy : 0
 *   sigmoid_grad(y, dy)       dy y (1 - y)
 *   tanh_grad(y, dy)          dy (1 - y^2)
 *   relu6_grad(x, dy)         0 < x < 6 ? dy : 0
 *   leaky_relu_grad(x, dy)    x > 0 ? dy : alpha dy      (with alpha <= 0 y would not tell the
 * side) elu_grad(x, dy)           x > 0 ? dy : alpha e^x dy celu_grad(x, dy)          x > 0 ? dy :
 * e^(x/alpha) dy selu_grad(x, dy)          gamma (x > 0 ? dy : alpha e^x dy) gelu_grad(x, dy) dy
 * (P(X <= x) + x p(x)), p the normal density; likewise by tanh silu_grad(x, dy)          dy s (1 +
 * x (1 - s)), s = sigmoid(x) mish_grad(x, dy)          dy (t + x s (1 - t^2)), t =
 * tanh(softplus(x)) hard_sigmoid_grad(x, dy)  0 < alpha x + beta < 1 ? alpha dy : 0
 *   hard_swish_grad(x, dy)    x < -3 ? 0 : x < 3 ? dy (x / 3 + 1/2) : dy
 *   clip_grad(x, dy)          min <= x <= max ? dy : 0
 *
 * They have no gradient: second derivatives are not offered. */
#include <math.h>

#include "ops/elementwise.h"

void tn_ops_map_grad(const struct tn_ref *ctx, double (*f)(double x, double dy))
{
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        ctx->out[0].data.f[i] = f(ctx->in[0].data.f[i], ctx->in[1].data.f[i]);
}

static tn_status infer_grad(struct tn_infer *ctx)
{
    return tn_ops_infer_like(ctx, 2);
}

static tn_status infer_gelu(struct tn_infer *ctx)
{
    return tn_ops_infer_gelu(ctx, 2);
}

/* --- references --- */

static double relu_f(double y, double dy)
{
    return y > 0 ? dy : 0.0;
}
static double sigmoid_f(double y, double dy)
{
    return dy * y * (1.0 - y);
}
static double tanh_f(double y, double dy)
{
    return dy * (1.0 - y * y);
}
static double relu6_f(double x, double dy)
{
    return x > 0 && x < 6 ? dy : 0.0;
}
static double silu_f(double x, double dy)
{
    double s = 1.0 / (1.0 + exp(-x));
    return dy * (s * (1.0 + x * (1.0 - s)));
}
static double mish_f(double x, double dy)
{
    double s = 1.0 / (1.0 + exp(-x)), t = tanh(fmax(x, 0.0) + log1p(exp(-fabs(x))));
    return dy * (t + x * (s * (1.0 - t * t)));
}
static double hard_swish_f(double x, double dy)
{
    return x < -3 ? 0.0 : x < 3 ? dy * (x / 3.0 + 0.5) : dy;
}
static double gelu_f(double x, double dy)
{
    double below = 0.5 * erfc(-x * 0.70710678118654752440);
    double density = 0.39894228040143267794 * exp(-0.5 * x * x);
    return dy * (below + x * density);
}
/* With u = sqrt(2/pi) (x + c x^3) and s = sigmoid(2u) the function is x s. */
static double gelu_tanh_f(double x, double dy)
{
    double root = 0.79788456080286535588, c = 0.044715;
    double s = 1.0 / (1.0 + exp(-2.0 * root * (x + c * x * x * x)));
    double slope = s * (1.0 - s) * 2.0 * root * (1.0 + 3.0 * c * x * x);
    return dy * (s + x * slope);
}

TN_OPS_MAP_GRAD(relu_grad, relu_f)
TN_OPS_MAP_GRAD(sigmoid_grad, sigmoid_f)
TN_OPS_MAP_GRAD(tanh_grad, tanh_f)
TN_OPS_MAP_GRAD(relu6_grad, relu6_f)
TN_OPS_MAP_GRAD(silu_grad, silu_f)
TN_OPS_MAP_GRAD(mish_grad, mish_f)
TN_OPS_MAP_GRAD(hard_swish_grad, hard_swish_f)

static void gelu_grad_reference(const struct tn_ref *ctx)
{
    tn_ops_map_grad(ctx, tn_ops_gelu_is_tanh(ctx->attrs) ? gelu_tanh_f : gelu_f);
}

static void leaky_relu_grad_reference(const struct tn_ref *ctx)
{
    double alpha = tn_attrs_float(ctx->attrs, "alpha");
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        double dy = ctx->in[1].data.f[i];
        ctx->out[0].data.f[i] = ctx->in[0].data.f[i] > 0 ? dy : alpha * dy;
    }
}

static void elu_grad_reference(const struct tn_ref *ctx)
{
    double alpha = tn_attrs_float(ctx->attrs, "alpha");
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        double x = ctx->in[0].data.f[i], dy = ctx->in[1].data.f[i];
        ctx->out[0].data.f[i] = x > 0 ? dy : alpha * exp(x) * dy;
    }
}

static void celu_grad_reference(const struct tn_ref *ctx)
{
    double alpha = tn_attrs_float(ctx->attrs, "alpha");
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        double x = ctx->in[0].data.f[i], dy = ctx->in[1].data.f[i];
        ctx->out[0].data.f[i] = x > 0 ? dy : exp(x / alpha) * dy;
    }
}

static void selu_grad_reference(const struct tn_ref *ctx)
{
    double alpha = tn_attrs_float(ctx->attrs, "alpha"), gamma = tn_attrs_float(ctx->attrs, "gamma");
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        double x = ctx->in[0].data.f[i], dy = ctx->in[1].data.f[i];
        ctx->out[0].data.f[i] = gamma * (x > 0 ? dy : alpha * exp(x) * dy);
    }
}

static void hard_sigmoid_grad_reference(const struct tn_ref *ctx)
{
    double alpha = tn_attrs_float(ctx->attrs, "alpha"), beta = tn_attrs_float(ctx->attrs, "beta");
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        double v = alpha * ctx->in[0].data.f[i] + beta;
        ctx->out[0].data.f[i] = v > 0 && v < 1 ? alpha * ctx->in[1].data.f[i] : 0.0;
    }
}

static void clip_grad_reference(const struct tn_ref *ctx)
{
    double lo = tn_attrs_float(ctx->attrs, "min"), hi = tn_attrs_float(ctx->attrs, "max");
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        double x = ctx->in[0].data.f[i];
        ctx->out[0].data.f[i] = x >= lo && x <= hi ? ctx->in[1].data.f[i] : 0.0;
    }
}

/* --- operators --- */

static const char *const in_x_dy[] = {"x", "dy"};

#define LIKE_Y "y, dy: float, one shape and dtype; dx: like them"
#define LIKE_X "x, dy: float, one shape and dtype; dx: like them"
#define GRAD_OF(op, text, in, rule, types)                                                       \
    .name = #op, .version = 1, .min_in = 2, .max_in = 2, .n_out = 1, .flags = TN_OP_ELEMENTWISE, \
    .in_names = in, .out_names = tn_ops_out_dx, .formula = text, .shapes = types, .infer = rule, \
    .no_gradient = TN_OPS_NO_SECOND, .reference = op##_reference
#define BY_Y(op, text) GRAD_OF(op, text, tn_ops_in_y_dy, infer_grad, LIKE_Y)
#define BY_X(op, text) GRAD_OF(op, text, in_x_dy, infer_grad, LIKE_X)
#define WITH(list) .attrs = list, .n_attrs = sizeof(list) / sizeof((list)[0])

const struct tn_op tn_op_relu_grad = {BY_Y(relu_grad, "y > 0 ? dy : 0")};
const struct tn_op tn_op_sigmoid_grad = {BY_Y(sigmoid_grad, "dy y (1 - y)")};
const struct tn_op tn_op_tanh_grad = {BY_Y(tanh_grad, "dy (1 - y^2)")};
const struct tn_op tn_op_relu6_grad = {BY_X(relu6_grad, "0 < x < 6 ? dy : 0")};
const struct tn_op tn_op_leaky_relu_grad = {BY_X(leaky_relu_grad, "x > 0 ? dy : alpha dy"),
                                            WITH(tn_ops_leaky_relu_attrs)};
const struct tn_op tn_op_elu_grad = {BY_X(elu_grad, "x > 0 ? dy : alpha e^x dy"),
                                     WITH(tn_ops_elu_attrs)};
const struct tn_op tn_op_celu_grad = {BY_X(celu_grad, "x > 0 ? dy : e^(x / alpha) dy"),
                                      WITH(tn_ops_celu_attrs)};
const struct tn_op tn_op_selu_grad = {BY_X(selu_grad, "gamma (x > 0 ? dy : alpha e^x dy)"),
                                      WITH(tn_ops_selu_attrs)};
const struct tn_op tn_op_gelu_grad = {
    GRAD_OF(gelu_grad, "dy (P(X <= x) + x p(x)), X standard normal with density p", in_x_dy,
            infer_gelu, LIKE_X),
    WITH(tn_ops_gelu_attrs)};
const struct tn_op tn_op_silu_grad = {BY_X(silu_grad, "dy s (1 + x (1 - s)), s = 1 / (1 + e^-x)")};
const struct tn_op tn_op_mish_grad = {
    BY_X(mish_grad, "dy (t + x s (1 - t^2)), t = tanh(log(1 + e^x)), s = 1 / (1 + e^-x)")};
const struct tn_op tn_op_hard_sigmoid_grad = {
    BY_X(hard_sigmoid_grad, "0 < alpha x + beta < 1 ? alpha dy : 0"),
    WITH(tn_ops_hard_sigmoid_attrs)};
const struct tn_op tn_op_hard_swish_grad = {
    BY_X(hard_swish_grad, "x < -3 ? 0 : x < 3 ? dy (x / 3 + 1/2) : dy")};
const struct tn_op tn_op_clip_grad = {BY_X(clip_grad, "min <= x <= max ? dy : 0"),
                                      WITH(tn_ops_clip_attrs)};
