/* One operand, element by element. Gradients use the output y where that is cheaper or steadier:
 *
 *   neg         -x              dx = -dy
 *   abs         |x|             dx = dy sign(x)
 *   sign        -1, 0, 1        dx = 0
 *   square      x^2             dx = 2 dy x
 *   reciprocal  1 / x           dx = -dy y^2
 *   sqrt        sqrt(x)         dx = dy / (2 y)
 *   rsqrt       1 / sqrt(x)     dx = -dy y^3 / 2
 *   exp         e^x             dx = dy y
 *   expm1       e^x - 1         dx = dy (y + 1)
 *   log         ln x            dx = dy / x
 *   log1p       ln(1 + x)       dx = dy / (1 + x)
 *   erf         2 / sqrt(pi) integral of e^(-t^2) from 0 to x      dx = dy 2 / sqrt(pi) e^(-x^2)
 *   floor ceil round            dx = 0; round goes to the nearest, halves to the even neighbour
 *   isfinite isnan isinf        bool, no gradient
 *
 * Semantics are those of ONNX (opset 21) where it has the operator, else PyTorch's; gradients at
 * kinks are PyTorch's: 0 for abs at 0. A NaN stays NaN, in sign too. */
#include <math.h>

#include "ops/elementwise.h"

void tn_ops_map(const struct tn_ref *ctx, double (*f)(double x))
{
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        ctx->out[0].data.f[i] = f(ctx->in[0].data.f[i]);
}

tn_status tn_ops_zero_gradient(const struct tn_grad *ctx)
{
    (void)ctx;
    return TN_OK;
}

tn_value tn_ops_emit1(const struct tn_grad *ctx, const char *op, tn_value x)
{
    return tn_op1(ctx->graph, op, x, NULL, 0);
}

tn_value tn_ops_emit2(const struct tn_grad *ctx, const char *op, tn_value a, tn_value b)
{
    return tn_op2(ctx->graph, op, a, b, NULL, 0);
}

/* --- shape rules --- */

static tn_status infer_signed(struct tn_infer *ctx)
{
    tn_dtype dtype = ctx->in[0]->dtype;
    if (!tn_dtype_is_float(dtype) && dtype != TN_I32 && dtype != TN_I64)
        return tn_infer_fail(ctx, "input x is %s, but this takes floats, i32 or i64; cast it",
                             tn_dtype_name(dtype));
    ctx->out[0] = *ctx->in[0];
    return TN_OK;
}

static tn_status infer_number(struct tn_infer *ctx)
{
    if (ctx->in[0]->dtype == TN_BOOL)
        return tn_infer_fail(ctx,
                             "input x is bool, but this takes floats, i32, i64 or u8; cast it");
    ctx->out[0] = *ctx->in[0];
    return TN_OK;
}

static tn_status infer_test(struct tn_infer *ctx)
{
    tn_status st = tn_ops_infer_same(ctx);
    if (st == TN_OK)
        ctx->out[0].dtype = TN_BOOL;
    return st;
}

/* --- references --- */

/* Integers are worked out as unsigned, where overflow is defined, then cut to the stored width. */
static void map_number(const struct tn_ref *ctx, double (*f)(double x), uint64_t (*g)(int64_t x))
{
    const struct tn_ref_tensor *x = &ctx->in[0], *y = &ctx->out[0];
    if (tn_dtype_is_float(x->type.dtype)) {
        tn_ops_map(ctx, f);
        return;
    }
    for (int64_t i = 0; i < y->count; i++)
        y->data.i[i] = tn_ops_wrap((int64_t)g(x->data.i[i]), y->type.dtype);
}

static double neg_f(double x)
{
    return -x;
}
static uint64_t neg_i(int64_t x)
{
    return 0 - (uint64_t)x;
}
static uint64_t abs_i(int64_t x)
{
    return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}
static double sign_f(double x)
{
    return isnan(x) ? x : (x > 0) - (x < 0);
}
static uint64_t sign_i(int64_t x)
{
    return x < 0 ? UINT64_MAX : x > 0;
}
static double square_f(double x)
{
    return x * x;
}
static uint64_t square_i(int64_t x)
{
    return (uint64_t)x * (uint64_t)x;
}
static double reciprocal_f(double x)
{
    return 1.0 / x;
}
static double rsqrt_f(double x)
{
    return 1.0 / sqrt(x);
}

static void neg_reference(const struct tn_ref *ctx)
{
    map_number(ctx, neg_f, neg_i);
}

static void abs_reference(const struct tn_ref *ctx)
{
    map_number(ctx, fabs, abs_i);
}

static void sign_reference(const struct tn_ref *ctx)
{
    map_number(ctx, sign_f, sign_i);
}

static void square_reference(const struct tn_ref *ctx)
{
    map_number(ctx, square_f, square_i);
}

TN_OPS_MAP(reciprocal, reciprocal_f)
TN_OPS_MAP(sqrt, sqrt)
TN_OPS_MAP(rsqrt, rsqrt_f)
TN_OPS_MAP(exp, exp)
TN_OPS_MAP(expm1, expm1)
TN_OPS_MAP(log, log)
TN_OPS_MAP(log1p, log1p)
TN_OPS_MAP(erf, erf)
TN_OPS_MAP(floor, floor)
TN_OPS_MAP(ceil, ceil)

/* Halves to even whatever the rounding mode: the excess over floor decides. */
static double round_f(double x)
{
    double low = floor(x), excess = x - low;
    if (!(excess > 0.0)) /* whole, infinite or NaN */
        return x;
    int up = excess > 0.5 || (excess == 0.5 && fmod(low, 2.0) != 0.0);
    return copysign(up ? low + 1.0 : low, x);
}
TN_OPS_MAP(round, round_f)

static void isfinite_reference(const struct tn_ref *ctx)
{
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        ctx->out[0].data.i[i] = isfinite(ctx->in[0].data.f[i]) != 0;
}

static void isnan_reference(const struct tn_ref *ctx)
{
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        ctx->out[0].data.i[i] = isnan(ctx->in[0].data.f[i]) != 0;
}

static void isinf_reference(const struct tn_ref *ctx)
{
    int64_t up = tn_attrs_int(ctx->attrs, "detect_positive"),
            down = tn_attrs_int(ctx->attrs, "detect_negative");
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        double x = ctx->in[0].data.f[i];
        ctx->out[0].data.i[i] = isinf(x) && (x > 0 ? up : down) != 0;
    }
}

/* --- gradients --- */

/* Defines <op>_gradient, which sends EXPR of dy, x and y where it is wanted. */
#define GRADIENT(op, EXPR)                                               \
    static tn_status op##_gradient(const struct tn_grad *ctx)            \
    {                                                                    \
        tn_graph *g = ctx->graph;                                        \
        tn_value dy = ctx->out_grad[0], x = ctx->in[0], y = ctx->out[0]; \
        (void)g, (void)x, (void)y;                                       \
        if (ctx->needed[0])                                              \
            ctx->in_grad[0] = EXPR;                                      \
        return TN_OK;                                                    \
    }

static tn_value scaled(const struct tn_grad *ctx, tn_value v, double factor)
{
    return tn_mul(ctx->graph, v, tn_ops_scalar(ctx, v, factor));
}

static tn_value plus_one(const struct tn_grad *ctx, tn_value v)
{
    return tn_add(ctx->graph, v, tn_ops_scalar(ctx, v, 1.0));
}

GRADIENT(neg, tn_ops_emit1(ctx, "neg", dy))
GRADIENT(abs, tn_mul(g, dy, tn_ops_emit1(ctx, "sign", x)))
GRADIENT(square, tn_mul(g, scaled(ctx, dy, 2.0), x))
GRADIENT(reciprocal, tn_ops_emit1(ctx, "neg", tn_mul(g, dy, tn_ops_emit1(ctx, "square", y))))
GRADIENT(sqrt, tn_div(g, scaled(ctx, dy, 0.5), y))
GRADIENT(rsqrt, tn_mul(g, tn_mul(g, scaled(ctx, dy, -0.5), y), tn_ops_emit1(ctx, "square", y)))
GRADIENT(exp, tn_mul(g, dy, y))
GRADIENT(expm1, tn_mul(g, dy, plus_one(ctx, y)))
GRADIENT(log, tn_div(g, dy, x))
GRADIENT(log1p, tn_div(g, dy, plus_one(ctx, x)))

#define TWO_BY_ROOT_PI 1.12837916709551257390
static tn_value bell(const struct tn_grad *ctx, tn_value x)
{
    tn_value power = tn_ops_emit1(ctx, "neg", tn_ops_emit1(ctx, "square", x));
    return scaled(ctx, tn_ops_emit1(ctx, "exp", power), TWO_BY_ROOT_PI);
}
GRADIENT(erf, tn_mul(g, dy, bell(ctx, x)))

/* --- operators --- */

#define SIGNED "x: float, i32 or i64, any shape; y: like x; integers wrap: the least one stays"
#define NUMBER "x: float, i32, i64 or u8, any shape; y: like x"
#define UNARY(op, text) TN_OPS_UNARY(#op, text), .reference = op##_reference
#define UNARY_OF(op, text, rule, types) \
    TN_OPS_UNARY_OF(#op, text, rule, types), .reference = op##_reference

const struct tn_op tn_op_neg = {UNARY_OF(neg, "-x", infer_signed, SIGNED),
                                .gradient = neg_gradient};
const struct tn_op tn_op_abs = {UNARY_OF(abs, "absolute value of x", infer_number, NUMBER),
                                .gradient = abs_gradient};
const struct tn_op tn_op_sign = {
    UNARY_OF(sign, "-1, 0 or 1 as x is below, equal to or above 0; NaN stays", infer_number,
             NUMBER),
    .gradient = tn_ops_zero_gradient};
const struct tn_op tn_op_square = {UNARY_OF(square, "x^2", infer_number, NUMBER "; integers wrap"),
                                   .gradient = square_gradient};
const struct tn_op tn_op_reciprocal = {UNARY(reciprocal, "1 / x"), .gradient = reciprocal_gradient};
const struct tn_op tn_op_sqrt = {UNARY(sqrt, "sqrt(x)"), .gradient = sqrt_gradient};
const struct tn_op tn_op_rsqrt = {UNARY(rsqrt, "1 / sqrt(x)"), .gradient = rsqrt_gradient};
const struct tn_op tn_op_exp = {UNARY(exp, "e^x"), .gradient = exp_gradient};
const struct tn_op tn_op_expm1 = {UNARY(expm1, "e^x - 1, exact near 0"),
                                  .gradient = expm1_gradient};
const struct tn_op tn_op_log = {UNARY(log, "natural logarithm of x"), .gradient = log_gradient};
const struct tn_op tn_op_log1p = {UNARY(log1p, "log(1 + x), exact near 0"),
                                  .gradient = log1p_gradient};
const struct tn_op tn_op_erf = {
    UNARY(erf, "error function: 2 / sqrt(pi) integral of e^(-t^2), 0 to x"),
    .gradient = erf_gradient};
const struct tn_op tn_op_floor = {UNARY(floor, "greatest whole number <= x"),
                                  .gradient = tn_ops_zero_gradient};
const struct tn_op tn_op_ceil = {UNARY(ceil, "least whole number >= x"),
                                 .gradient = tn_ops_zero_gradient};
const struct tn_op tn_op_round = {UNARY(round, "nearest whole number, halves to the even one"),
                                  .gradient = tn_ops_zero_gradient};

#define TEST "x: float, any shape; y: bool of x's shape"
#define NO_SLOPE "a test is constant almost everywhere"
static const struct tn_attr_schema isinf_attrs[] = {
    {.name = "detect_negative",
     .type = TN_ATTR_INT,
     .dflt = {.u.i = 1},
     .doc = "0: minus infinity does not count"},
    {.name = "detect_positive",
     .type = TN_ATTR_INT,
     .dflt = {.u.i = 1},
     .doc = "0: plus infinity does not count"},
};
const struct tn_op tn_op_isfinite = {
    UNARY_OF(isfinite, "true where x is neither NaN nor infinite", infer_test, TEST),
    .no_gradient = NO_SLOPE};
const struct tn_op tn_op_isnan = {UNARY_OF(isnan, "true where x is NaN", infer_test, TEST),
                                  .no_gradient = NO_SLOPE};
const struct tn_op tn_op_isinf = {UNARY_OF(isinf, "true where x is infinite", infer_test, TEST),
                                  .attrs = isinf_attrs, .n_attrs = 2, .no_gradient = NO_SLOPE};
