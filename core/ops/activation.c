/* Activation functions, element by element. s is the sigmoid, S softplus.
 *
 *   sigmoid       1 / (1 + e^-x)                      dx = dy y (1 - y)         (sigmoid_grad)
 *   relu          x > 0 ? x : 0                       dx = y > 0 ? dy : 0       (relu_grad)
 *   relu6         min(max(x, 0), 6)                   (relu6_grad)
 *   leaky_relu    x > 0 ? x : alpha x                 (leaky_relu_grad)
 *   prelu         x > 0 ? x : slope x                 dx likewise; dslope = x > 0 ? 0 : dy x
 *   elu           x > 0 ? x : alpha (e^x - 1)         (elu_grad)
 *   selu          gamma elu(x; alpha)                 (selu_grad)
 *   celu          x > 0 ? x : alpha (e^(x/alpha) - 1)   (celu_grad)
 *   gelu          x P(X <= x), X normal; or its approximation by tanh      (gelu_grad)
 *   silu          x s(x)                              (silu_grad)
 *   mish          x tanh(S(x))                        (mish_grad)
 *   softplus      log(1 + e^x)                        dx = dy s(x)
 *   softsign      x / (1 + |x|)                       dx = dy / (1 + |x|)^2
 *   hard_sigmoid  min(max(alpha x + beta, 0), 1)      (hard_sigmoid_grad)
 *   hard_swish    x min(max(x / 6 + 1/2, 0), 1)       (hard_swish_grad)
 *
 * Their *_grad operators are in activation_grad.c. ONNX (opset 21) has all but silu and relu6;
 * gradients at kinks are PyTorch's. A NaN stays NaN, so that a broken value shows.
 * leaky_relu: Maas, Hannun and Ng 2013; prelu: He et al. 2015; elu: Clevert et al. 2015; selu:
 * Klambauer et al. 2017; celu: Barron 2017; gelu: Hendrycks and Gimpel 2016; mish: Misra 2019. */
#include <math.h>
#include <string.h>

#include "ops/elementwise.h"

/* --- references --- */

static double sigmoid_f(double x)
{
    return 1.0 / (1.0 + exp(-x));
}
static double relu_f(double x)
{
    return x > 0 || isnan(x) ? x : 0.0;
}
static double relu6_f(double x)
{
    return x > 6 ? 6.0 : relu_f(x);
}
static double silu_f(double x)
{
    return x / (1.0 + exp(-x));
}
static double softplus_f(double x)
{
    return fmax(x, 0.0) + log1p(exp(-fabs(x)));
}
static double mish_f(double x)
{
    return x * tanh(softplus_f(x));
}
static double softsign_f(double x)
{
    return x / (1.0 + fabs(x));
}
static double hard_swish_f(double x)
{
    return x * fmin(fmax(x / 6.0 + 0.5, 0.0), 1.0);
}
/* x / sqrt(2) in the complementary function keeps the digits of the lower tail. */
static double gelu_f(double x)
{
    return x * 0.5 * erfc(-x * 0.70710678118654752440);
}
static double gelu_tanh_f(double x)
{
    return x * 0.5 * (1.0 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}

TN_OPS_MAP(sigmoid, sigmoid_f)
static void relu_reference(const struct tn_ref *ctx)
{
    if (tn_dtype_is_float(ctx->in[0].type.dtype))
        tn_ops_map(ctx, relu_f);
    else
        for (int64_t i = 0; i < ctx->out[0].count; i++)
            ctx->out[0].data.i[i] = ctx->in[0].data.i[i] > 0 ? ctx->in[0].data.i[i] : 0;
}

TN_OPS_MAP(relu6, relu6_f)
TN_OPS_MAP(silu, silu_f)
TN_OPS_MAP(softplus, softplus_f)
TN_OPS_MAP(mish, mish_f)
TN_OPS_MAP(softsign, softsign_f)
TN_OPS_MAP(hard_swish, hard_swish_f)

static void gelu_reference(const struct tn_ref *ctx)
{
    tn_ops_map(ctx, tn_ops_gelu_is_tanh(ctx->attrs) ? gelu_tanh_f : gelu_f);
}

static void leaky_relu_reference(const struct tn_ref *ctx)
{
    double alpha = tn_attrs_float(ctx->attrs, "alpha");
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        double x = ctx->in[0].data.f[i];
        ctx->out[0].data.f[i] = x > 0 ? x : alpha * x;
    }
}

static void elu_reference(const struct tn_ref *ctx)
{
    double alpha = tn_attrs_float(ctx->attrs, "alpha");
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        double x = ctx->in[0].data.f[i];
        ctx->out[0].data.f[i] = x > 0 ? x : alpha * expm1(x);
    }
}

static void celu_reference(const struct tn_ref *ctx)
{
    double alpha = tn_attrs_float(ctx->attrs, "alpha");
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        double x = ctx->in[0].data.f[i];
        ctx->out[0].data.f[i] = x > 0 ? x : alpha * expm1(x / alpha);
    }
}

static void selu_reference(const struct tn_ref *ctx)
{
    double alpha = tn_attrs_float(ctx->attrs, "alpha"), gamma = tn_attrs_float(ctx->attrs, "gamma");
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        double x = ctx->in[0].data.f[i];
        ctx->out[0].data.f[i] = gamma * (x > 0 ? x : alpha * expm1(x));
    }
}

static void hard_sigmoid_reference(const struct tn_ref *ctx)
{
    double alpha = tn_attrs_float(ctx->attrs, "alpha"), beta = tn_attrs_float(ctx->attrs, "beta");
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        double v = alpha * ctx->in[0].data.f[i] + beta;
        ctx->out[0].data.f[i] = v < 0 ? 0.0 : v > 1 ? 1.0 : v;
    }
}

static void prelu_reference(const struct tn_ref *ctx)
{
    struct tn_walk w;
    tn_walk_init(&w, &ctx->out[0].type.shape);
    tn_walk_broadcast(&w, 0, &ctx->in[1].type.shape);
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w)) {
        double x = ctx->in[0].data.f[i];
        ctx->out[0].data.f[i] = x > 0 ? x : ctx->in[1].data.f[w.at[0]] * x;
    }
}

/* --- shape rules --- */

tn_status tn_ops_infer_gelu(struct tn_infer *ctx, uint32_t n_inputs)
{
    const char *how = tn_attrs_string(ctx->attrs, "approximate");
    if (strcmp(how, "none") != 0 && strcmp(how, "tanh") != 0)
        return tn_infer_fail(ctx, "approximate is '%s'; use none or tanh", how);
    return tn_ops_infer_like(ctx, n_inputs);
}

int tn_ops_gelu_is_tanh(const struct tn_attrs *attrs)
{
    return strcmp(tn_attrs_string(attrs, "approximate"), "tanh") == 0;
}

/* As ONNX has it: of signed numbers. */
static tn_status relu_infer(struct tn_infer *ctx)
{
    if (ctx->in[0]->dtype != TN_I32 && ctx->in[0]->dtype != TN_I64)
        return tn_ops_infer_same(ctx);
    ctx->out[0] = *ctx->in[0];
    return TN_OK;
}

static tn_status gelu_infer(struct tn_infer *ctx)
{
    return tn_ops_infer_gelu(ctx, 1);
}

static tn_status celu_infer(struct tn_infer *ctx)
{
    if (tn_attrs_float(ctx->attrs, "alpha") == 0.0)
        return tn_infer_fail(ctx, "alpha is 0, but celu divides by it; use another, such as 1");
    return tn_ops_infer_same(ctx);
}

static tn_status prelu_infer(struct tn_infer *ctx)
{
    char x[96], slope[96];
    tn_status st = tn_infer_float(ctx, 0);
    if (st == TN_OK)
        st = tn_infer_same_dtype(ctx, 0, 1);
    if (st == TN_OK)
        st = tn_infer_broadcast(ctx, 0, 1, &ctx->out[0].shape);
    if (st != TN_OK)
        return st;
    if (!tn_shape_equal(&ctx->out[0].shape, &ctx->in[0]->shape))
        return tn_infer_fail(ctx, "slope %s must broadcast to x's shape %s, not enlarge it",
                             tn_shape_format(&ctx->in[1]->shape, slope, sizeof(slope)),
                             tn_shape_format(&ctx->in[0]->shape, x, sizeof(x)));
    ctx->out[0].dtype = ctx->in[0]->dtype;
    return TN_OK;
}

/* --- gradients --- */

/* A gradient operator has its activation's attributes. */
static tn_status by(const struct tn_grad *ctx, const char *grad_op, tn_value v)
{
    if (ctx->needed[0])
        ctx->in_grad[0] =
            tn_op2(ctx->graph, grad_op, v, ctx->out_grad[0], ctx->attrs->list, ctx->attrs->n);
    return TN_OK;
}

/* <op>_grad of the output or of the input. */
#define GRADIENT(op, of)                                      \
    static tn_status op##_gradient(const struct tn_grad *ctx) \
    {                                                         \
        return by(ctx, #op "_grad", ctx->of[0]);              \
    }
GRADIENT(sigmoid, out)
GRADIENT(relu, out)
GRADIENT(relu6, in)
GRADIENT(leaky_relu, in)
GRADIENT(elu, in)
GRADIENT(celu, in)
GRADIENT(selu, in)
GRADIENT(gelu, in)
GRADIENT(silu, in)
GRADIENT(mish, in)
GRADIENT(hard_sigmoid, in)
GRADIENT(hard_swish, in)

static tn_status softplus_gradient(const struct tn_grad *ctx)
{
    if (ctx->needed[0])
        ctx->in_grad[0] =
            tn_mul(ctx->graph, ctx->out_grad[0], tn_ops_emit1(ctx, "sigmoid", ctx->in[0]));
    return TN_OK;
}

static tn_status softsign_gradient(const struct tn_grad *ctx)
{
    if (ctx->needed[0]) {
        tn_value one = tn_ops_scalar(ctx, ctx->in[0], 1.0);
        tn_value d = tn_add(ctx->graph, tn_ops_emit1(ctx, "abs", ctx->in[0]), one);
        ctx->in_grad[0] = tn_div(ctx->graph, ctx->out_grad[0], tn_ops_emit1(ctx, "square", d));
    }
    return TN_OK;
}

static tn_status prelu_gradient(const struct tn_grad *ctx)
{
    tn_graph *g = ctx->graph;
    tn_value dy = ctx->out_grad[0], x = ctx->in[0], slope = ctx->in[1];
    tn_value zero = tn_ops_scalar(ctx, x, 0.0);
    tn_value above = tn_ops_emit2(ctx, "greater", x, zero);
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op3(g, "where", above, dy, tn_mul(g, dy, slope), NULL, 0);
    if (ctx->needed[1]) {
        tn_value d = tn_op3(g, "where", above, zero, tn_mul(g, dy, x), NULL, 0);
        ctx->in_grad[1] = tn_grad_unbroadcast(ctx, d, slope);
    }
    return TN_OK;
}

/* --- operators --- */

#define FLOAT_ATTR(key, value, text)                                            \
    {                                                                           \
        .name = key, .type = TN_ATTR_FLOAT, .dflt = {.u.f = value}, .doc = text \
    }
const struct tn_attr_schema tn_ops_leaky_relu_attrs[1] = {
    FLOAT_ATTR("alpha", 0.01, "slope below zero")};
const struct tn_attr_schema tn_ops_elu_attrs[1] = {
    FLOAT_ATTR("alpha", 1.0, "minus the value approached far below zero")};
const struct tn_attr_schema tn_ops_celu_attrs[1] = {
    FLOAT_ATTR("alpha", 1.0, "minus the value approached far below zero, not 0")};
const struct tn_attr_schema tn_ops_selu_attrs[2] = {
    FLOAT_ATTR("alpha", 1.6732632423543772, "as in elu"),
    FLOAT_ATTR("gamma", 1.0507009873554805, "factor of the whole"),
};
const struct tn_attr_schema tn_ops_hard_sigmoid_attrs[2] = {
    FLOAT_ATTR("alpha", 0.2, "slope between the flat parts"),
    FLOAT_ATTR("beta", 0.5, "value at zero"),
};
const struct tn_attr_schema tn_ops_gelu_attrs[1] = {
    {.name = "approximate",
     .type = TN_ATTR_STRING,
     .dflt = {.u.s = "none"},
     .doc = "none: by the error function; tanh: x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2"},
};

#define ACTIVATION(op, text) \
    TN_OPS_UNARY(#op, text), .reference = op##_reference, .gradient = op##_gradient
#define WITH(list) .attrs = list, .n_attrs = sizeof(list) / sizeof((list)[0])

const struct tn_op tn_op_sigmoid = {ACTIVATION(sigmoid, "1 / (1 + e^-x)")};
const struct tn_op tn_op_relu = {TN_OPS_UNARY_OF("relu", "x > 0 ? x : 0; relu(NaN) = NaN",
                                                 relu_infer,
                                                 "x: float, i32 or i64, any shape; y: like x"),
                                 .reference = relu_reference, .gradient = relu_gradient};
const struct tn_op tn_op_relu6 = {ACTIVATION(relu6, "min(max(x, 0), 6)")};
const struct tn_op tn_op_leaky_relu = {ACTIVATION(leaky_relu, "x > 0 ? x : alpha x"),
                                       WITH(tn_ops_leaky_relu_attrs)};
const struct tn_op tn_op_elu = {ACTIVATION(elu, "x > 0 ? x : alpha (e^x - 1)"),
                                WITH(tn_ops_elu_attrs)};
const struct tn_op tn_op_celu = {
    TN_OPS_UNARY_OF("celu", "x > 0 ? x : alpha (e^(x / alpha) - 1)", celu_infer, TN_OPS_LIKE_X),
    .reference = celu_reference, .gradient = celu_gradient, WITH(tn_ops_celu_attrs)};
const struct tn_op tn_op_selu = {ACTIVATION(selu, "gamma (x > 0 ? x : alpha (e^x - 1))"),
                                 WITH(tn_ops_selu_attrs)};
const struct tn_op tn_op_gelu = {
    TN_OPS_UNARY_OF("gelu", "x (1 + erf(x / sqrt(2))) / 2", gelu_infer, TN_OPS_LIKE_X),
    .reference = gelu_reference, .gradient = gelu_gradient, WITH(tn_ops_gelu_attrs)};
const struct tn_op tn_op_silu = {ACTIVATION(silu, "x / (1 + e^-x)")};
const struct tn_op tn_op_mish = {ACTIVATION(mish, "x tanh(log(1 + e^x))")};
const struct tn_op tn_op_softplus = {ACTIVATION(softplus, "log(1 + e^x)")};
const struct tn_op tn_op_softsign = {ACTIVATION(softsign, "x / (1 + abs(x))")};
const struct tn_op tn_op_hard_sigmoid = {ACTIVATION(hard_sigmoid, "min(max(alpha x + beta, 0), 1)"),
                                         WITH(tn_ops_hard_sigmoid_attrs)};
const struct tn_op tn_op_hard_swish = {ACTIVATION(hard_swish, "x min(max(x / 6 + 1/2, 0), 1)")};

static const char *const prelu_in[] = {"x", "slope"};
const struct tn_op tn_op_prelu = {
    .name = "prelu",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .flags = TN_OP_ELEMENTWISE,
    .in_names = prelu_in,
    .out_names = tn_ops_out_y,
    .formula = "x > 0 ? x : slope x",
    .shapes = "x: float, any shape; slope: x's dtype, a shape that broadcasts to x's, as [C, 1, 1] "
              "for one per channel of [N, C, H, W]; y: like x",
    .infer = prelu_infer,
    .gradient = prelu_gradient,
    .reference = prelu_reference,
};
