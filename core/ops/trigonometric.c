/* Circular and hyperbolic functions, element by element; angles in radians.
 *
 *   sin    dx = dy cos(x)            asin   dx = dy / sqrt((1 - x) (1 + x))
 *   cos    dx = -dy sin(x)           acos   dx = -dy / sqrt((1 - x) (1 + x))
 *   tan    dx = dy (1 + y^2)         atan   dx = dy / (1 + x^2)
 *   sinh   dx = dy cosh(x)           cosh   dx = dy sinh(x)
 *   tanh   dx = dy (1 - y^2)         (tanh_grad)
 *
 * Outside their domain (infinities for sin, cos, tan; |x| > 1 for asin, acos) the result is NaN. */
#include <math.h>

#include "ops/elementwise.h"

TN_OPS_MAP(sin, sin)
TN_OPS_MAP(cos, cos)
TN_OPS_MAP(tan, tan)
TN_OPS_MAP(sinh, sinh)
TN_OPS_MAP(cosh, cosh)
TN_OPS_MAP(tanh, tanh)
TN_OPS_MAP(asin, asin)
TN_OPS_MAP(acos, acos)
TN_OPS_MAP(atan, atan)

/* dy times another value; negated if `minus`. */
static tn_status send(const struct tn_grad *ctx, tn_value factor, int minus)
{
    tn_value d = tn_mul(ctx->graph, ctx->out_grad[0], factor);
    ctx->in_grad[0] = minus ? tn_ops_emit1(ctx, "neg", d) : d;
    return TN_OK;
}

static tn_status by_function(const struct tn_grad *ctx, const char *op, int minus)
{
    return ctx->needed[0] ? send(ctx, tn_ops_emit1(ctx, op, ctx->in[0]), minus) : TN_OK;
}

static tn_status sin_gradient(const struct tn_grad *ctx)
{
    return by_function(ctx, "cos", 0);
}

static tn_status cos_gradient(const struct tn_grad *ctx)
{
    return by_function(ctx, "sin", 1);
}

static tn_status sinh_gradient(const struct tn_grad *ctx)
{
    return by_function(ctx, "cosh", 0);
}

static tn_status cosh_gradient(const struct tn_grad *ctx)
{
    return by_function(ctx, "sinh", 0);
}

/* 1 + v^2 */
static tn_value one_and_square(const struct tn_grad *ctx, tn_value v)
{
    return tn_add(ctx->graph, tn_ops_emit1(ctx, "square", v), tn_ops_scalar(ctx, v, 1.0));
}

static tn_status tan_gradient(const struct tn_grad *ctx)
{
    return ctx->needed[0] ? send(ctx, one_and_square(ctx, ctx->out[0]), 0) : TN_OK;
}

static tn_status atan_gradient(const struct tn_grad *ctx)
{
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_div(ctx->graph, ctx->out_grad[0], one_and_square(ctx, ctx->in[0]));
    return TN_OK;
}

/* As a product, (1 - x) (1 + x) keeps its digits where x is near 1. */
static tn_status arc_gradient(const struct tn_grad *ctx, int minus)
{
    if (!ctx->needed[0])
        return TN_OK;
    tn_value x = ctx->in[0], one = tn_ops_scalar(ctx, x, 1.0);
    tn_value product = tn_mul(ctx->graph, tn_sub(ctx->graph, one, x), tn_add(ctx->graph, one, x));
    return send(ctx, tn_ops_emit1(ctx, "rsqrt", product), minus);
}

static tn_status asin_gradient(const struct tn_grad *ctx)
{
    return arc_gradient(ctx, 0);
}

static tn_status acos_gradient(const struct tn_grad *ctx)
{
    return arc_gradient(ctx, 1);
}

static tn_status tanh_gradient(const struct tn_grad *ctx)
{
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_ops_emit2(ctx, "tanh_grad", ctx->out[0], ctx->out_grad[0]);
    return TN_OK;
}

#define CURVE(op, text) \
    TN_OPS_UNARY(#op, text), .reference = op##_reference, .gradient = op##_gradient

const struct tn_op tn_op_sin = {CURVE(sin, "sine of x")};
const struct tn_op tn_op_cos = {CURVE(cos, "cosine of x")};
const struct tn_op tn_op_tan = {CURVE(tan, "tangent of x")};
const struct tn_op tn_op_sinh = {CURVE(sinh, "(e^x - e^-x) / 2")};
const struct tn_op tn_op_cosh = {CURVE(cosh, "(e^x + e^-x) / 2")};
const struct tn_op tn_op_tanh = {CURVE(tanh, "(e^x - e^-x) / (e^x + e^-x)")};
const struct tn_op tn_op_asin = {CURVE(asin, "arc sine of x, in [-pi/2, pi/2]")};
const struct tn_op tn_op_acos = {CURVE(acos, "arc cosine of x, in [0, pi]")};
const struct tn_op tn_op_atan = {CURVE(atan, "arc tangent of x, in (-pi/2, pi/2)")};
