/* One operand, element by element. Gradients use the output y where that is cheaper or steadier:
 *
 *   neg      y = -x                 dx = -dy
 *   exp      y = e^x                dx = dy y
 *   log      y = ln x               dx = dy / x
 *   sqrt     y = sqrt(x)            dx = dy / (2 y)
 *   square   y = x^2                dx = 2 dy x
 *   tanh     y = tanh(x)            dx = dy (1 - y^2)       (tanh_grad)
 *   sigmoid  y = 1 / (1 + e^-x)     dx = dy y (1 - y)       (sigmoid_grad)
 *   relu     y = x > 0 ? x : 0      dx = y > 0 ? dy : 0     (relu_grad)
 *   leaky_relu  y = x > 0 ? x : alpha x      dx = x > 0 ? dy : alpha dy   (leaky_relu_grad)
 *
 * relu's subgradient at 0 is 0, as PyTorch and TensorFlow have it; relu(NaN) is NaN, so that a
 * broken value shows. leaky_relu: Maas, Hannun and Ng 2013. */
#include <math.h>

#include "ops/util.h"

/* --- references --- */

static void map(const struct tn_ref *ctx, double (*f)(double x))
{
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        ctx->out[0].data.f[i] = f(ctx->in[0].data.f[i]);
}

static double neg_f(double x)
{
    return -x;
}
static double square_f(double x)
{
    return x * x;
}
static double sigmoid_f(double x)
{
    return 1.0 / (1.0 + exp(-x));
}
static double relu_f(double x)
{
    return x > 0 || isnan(x) ? x : 0.0;
}

static void neg_reference(const struct tn_ref *ctx)
{
    map(ctx, neg_f);
}

static void exp_reference(const struct tn_ref *ctx)
{
    map(ctx, exp);
}

static void log_reference(const struct tn_ref *ctx)
{
    map(ctx, log);
}

static void sqrt_reference(const struct tn_ref *ctx)
{
    map(ctx, sqrt);
}

static void square_reference(const struct tn_ref *ctx)
{
    map(ctx, square_f);
}

static void tanh_reference(const struct tn_ref *ctx)
{
    map(ctx, tanh);
}

static void sigmoid_reference(const struct tn_ref *ctx)
{
    map(ctx, sigmoid_f);
}

static void relu_reference(const struct tn_ref *ctx)
{
    map(ctx, relu_f);
}

static void leaky_relu_reference(const struct tn_ref *ctx)
{
    double alpha = tn_attrs_float(ctx->attrs, "alpha");
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        double x = ctx->in[0].data.f[i];
        ctx->out[0].data.f[i] = x > 0 ? x : alpha * x;
    }
}

/* --- gradients --- */

static tn_status neg_gradient(const struct tn_grad *ctx)
{
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op1(ctx->graph, "neg", ctx->out_grad[0], NULL, 0);
    return TN_OK;
}

static tn_status exp_gradient(const struct tn_grad *ctx)
{
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_mul(ctx->graph, ctx->out_grad[0], ctx->out[0]);
    return TN_OK;
}

static tn_status log_gradient(const struct tn_grad *ctx)
{
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_div(ctx->graph, ctx->out_grad[0], ctx->in[0]);
    return TN_OK;
}

static tn_status sqrt_gradient(const struct tn_grad *ctx)
{
    if (ctx->needed[0]) {
        tn_value half = tn_ops_scalar(ctx, ctx->in[0], 0.5);
        tn_value d = tn_mul(ctx->graph, ctx->out_grad[0], half);
        ctx->in_grad[0] = tn_div(ctx->graph, d, ctx->out[0]);
    }
    return TN_OK;
}

static tn_status square_gradient(const struct tn_grad *ctx)
{
    if (ctx->needed[0]) {
        tn_value two = tn_ops_scalar(ctx, ctx->in[0], 2.0);
        tn_value d = tn_mul(ctx->graph, ctx->out_grad[0], two);
        ctx->in_grad[0] = tn_mul(ctx->graph, d, ctx->in[0]);
    }
    return TN_OK;
}

static tn_status by_output(const struct tn_grad *ctx, const char *grad_op)
{
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op2(ctx->graph, grad_op, ctx->out[0], ctx->out_grad[0], NULL, 0);
    return TN_OK;
}

static tn_status tanh_gradient(const struct tn_grad *ctx)
{
    return by_output(ctx, "tanh_grad");
}

static tn_status sigmoid_gradient(const struct tn_grad *ctx)
{
    return by_output(ctx, "sigmoid_grad");
}

static tn_status relu_gradient(const struct tn_grad *ctx)
{
    return by_output(ctx, "relu_grad");
}

static tn_status leaky_relu_gradient(const struct tn_grad *ctx)
{
    if (ctx->needed[0]) {
        struct tn_attr alpha = tn_ops_attr(ctx, "alpha");
        ctx->in_grad[0] =
            tn_op2(ctx->graph, "leaky_relu_grad", ctx->in[0], ctx->out_grad[0], &alpha, 1);
    }
    return TN_OK;
}

/* --- operators --- */

static const struct tn_attr_schema leaky_relu_attrs[] = {
    {.name = "alpha", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 0.01}, .doc = "slope below zero"},
};

#define UNARY(op_name, text)                                                        \
    .name = op_name, .version = 1, .min_in = 1, .max_in = 1, .n_out = 1,            \
    .flags = TN_OP_ELEMENTWISE, .in_names = tn_ops_in_x, .out_names = tn_ops_out_y, \
    .formula = text, .infer = tn_ops_infer_same

const struct tn_op tn_op_neg = {UNARY("neg", "-x"), .gradient = neg_gradient,
                                .reference = neg_reference};
const struct tn_op tn_op_exp = {UNARY("exp", "e^x"), .gradient = exp_gradient,
                                .reference = exp_reference};
const struct tn_op tn_op_log = {UNARY("log", "natural logarithm of x"), .gradient = log_gradient,
                                .reference = log_reference};
const struct tn_op tn_op_sqrt = {UNARY("sqrt", "sqrt(x)"), .gradient = sqrt_gradient,
                                 .reference = sqrt_reference};
const struct tn_op tn_op_square = {UNARY("square", "x^2"), .gradient = square_gradient,
                                   .reference = square_reference};
const struct tn_op tn_op_tanh = {UNARY("tanh", "tanh(x)"), .gradient = tanh_gradient,
                                 .reference = tanh_reference};
const struct tn_op tn_op_sigmoid = {UNARY("sigmoid", "1 / (1 + e^-x)"),
                                    .gradient = sigmoid_gradient, .reference = sigmoid_reference};
const struct tn_op tn_op_relu = {UNARY("relu", "x > 0 ? x : 0; relu(NaN) = NaN"),
                                 .gradient = relu_gradient, .reference = relu_reference};
const struct tn_op tn_op_leaky_relu = {
    UNARY("leaky_relu", "x > 0 ? x : alpha x"), .attrs = leaky_relu_attrs, .n_attrs = 1,
    .gradient = leaky_relu_gradient, .reference = leaky_relu_reference};
