/* The backward halves of the activations in elementwise_unary.c, one node each so that a backend
 * runs them in one pass:
 *
 *   relu_grad(y, dy)         y > 0 ? dy : 0          y is relu's output
 *   leaky_relu_grad(x, dy)   x > 0 ? dy : alpha dy   x is leaky_relu's input: with alpha <= 0 the
 *                                                    output would not tell the side
 *   sigmoid_grad(y, dy)      dy y (1 - y)            y is sigmoid's output
 *   tanh_grad(y, dy)         dy (1 - y^2)            y is tanh's output
 *
 * They have no gradient: second derivatives are not offered. */
#include "ops/util.h"

static tn_status infer_grad(struct tn_infer *ctx)
{
    return tn_ops_infer_like(ctx, 2);
}

static void map_grad(const struct tn_ref *ctx, double (*f)(double y, double dy))
{
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        ctx->out[0].data.f[i] = f(ctx->in[0].data.f[i], ctx->in[1].data.f[i]);
}

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

static void relu_grad_reference(const struct tn_ref *ctx)
{
    map_grad(ctx, relu_f);
}

static void sigmoid_grad_reference(const struct tn_ref *ctx)
{
    map_grad(ctx, sigmoid_f);
}

static void tanh_grad_reference(const struct tn_ref *ctx)
{
    map_grad(ctx, tanh_f);
}

static void leaky_relu_grad_reference(const struct tn_ref *ctx)
{
    double alpha = tn_attrs_float(ctx->attrs, "alpha");
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        double dy = ctx->in[1].data.f[i];
        ctx->out[0].data.f[i] = ctx->in[0].data.f[i] > 0 ? dy : alpha * dy;
    }
}

static const char *const in_x_dy[] = {"x", "dy"};
static const struct tn_attr_schema leaky_relu_attrs[] = {
    {.name = "alpha", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 0.01}, .doc = "slope below zero"},
};

#define ACTIVATION_GRAD(op_name, text)                                                            \
    .name = op_name, .version = 1, .min_in = 2, .max_in = 2, .n_out = 1,                          \
    .flags = TN_OP_ELEMENTWISE, .out_names = tn_ops_out_dx, .formula = text, .infer = infer_grad, \
    .no_gradient = TN_OPS_NO_SECOND

const struct tn_op tn_op_relu_grad = {ACTIVATION_GRAD("relu_grad", "y > 0 ? dy : 0"),
                                      .in_names = tn_ops_in_y_dy, .reference = relu_grad_reference};
const struct tn_op tn_op_leaky_relu_grad = {
    ACTIVATION_GRAD("leaky_relu_grad", "x > 0 ? dy : alpha dy"), .in_names = in_x_dy,
    .attrs = leaky_relu_attrs, .n_attrs = 1, .reference = leaky_relu_grad_reference};
const struct tn_op tn_op_sigmoid_grad = {ACTIVATION_GRAD("sigmoid_grad", "dy y (1 - y)"),
                                         .in_names = tn_ops_in_y_dy,
                                         .reference = sigmoid_grad_reference};
const struct tn_op tn_op_tanh_grad = {ACTIVATION_GRAD("tanh_grad", "dy (1 - y^2)"),
                                      .in_names = tn_ops_in_y_dy, .reference = tanh_grad_reference};
