/* Arithmetic of two operands that broadcast as in NumPy, element by element.
 *
 *   add      a + b            da = dy                     db = dy
 *   sub      a - b            da = dy                     db = -dy
 *   mul      a b              da = dy b                   db = dy a
 *   div      a / b            da = dy / b                 db = -dy y / b
 *   pow      a^b              da = dy b a^(b - 1)         db = dy y ln a; 0 where a = 0 and b >= 0
 *   mod      a - q b          da = dy                     db = -dy q
 *   atan2    angle of (b, a)  da = dy b / (a^2 + b^2)     db = -dy a / (a^2 + b^2)
 *   maximum  max(a, b)        da = dy where a > b, dy/2 where a = b (db likewise)
 *   minimum  min(a, b)        da = dy where a < b, dy/2 where a = b (db likewise)
 *
 * Gradients of a broadcast operand are summed over the dims that were broadcast. maximum and
 * minimum follow PyTorch: NaN if either operand is NaN, and the gradient then goes to both; a tie
 * is split in halves, the symmetric choice among the subgradients. So does pow's gradient, which is
 * 0 to a where b is 0.
 *
 * mod is ONNX's: the remainder has the sign of b (q = floor(a / b)), with fmod=1 that of a (q = a /
 * b cut). Integer arithmetic wraps as in NumPy; div cuts toward zero as ONNX and C have it; what C
 * leaves undefined has an answer: x / 0 = x mod 0 = 0, and the least integer / -1 wraps. A negative
 * power of an integer is cut too: 0 but for the bases 1 and -1. */
#include <math.h>

#include "ops/elementwise.h"

/* --- shape rules --- */

static tn_status infer_pair(struct tn_infer *ctx)
{
    tn_status st = tn_infer_same_dtype(ctx, 0, 1);
    if (st == TN_OK)
        st = tn_infer_broadcast(ctx, 0, 1, &ctx->out[0].shape);
    if (st == TN_OK)
        ctx->out[0].dtype = ctx->in[0]->dtype;
    return st;
}

static tn_status infer_arithmetic(struct tn_infer *ctx)
{
    if (ctx->in[0]->dtype == TN_BOOL)
        return tn_infer_fail(ctx, "input a is bool, but arithmetic takes floats, i32, i64 or u8; "
                                  "cast it, or use logical_and, logical_or, logical_xor");
    return infer_pair(ctx);
}

static tn_status infer_float_pair(struct tn_infer *ctx)
{
    tn_status st = tn_infer_float(ctx, 0);
    return st == TN_OK ? infer_pair(ctx) : st;
}

/* --- references --- */

static void walk_pair(const struct tn_ref *ctx, struct tn_walk *walk)
{
    tn_walk_init(walk, &ctx->out[0].type.shape);
    tn_walk_broadcast(walk, 0, &ctx->in[0].type.shape);
    tn_walk_broadcast(walk, 1, &ctx->in[1].type.shape);
}

static void map_float(const struct tn_ref *ctx, double (*f)(double a, double b))
{
    struct tn_walk w;
    walk_pair(ctx, &w);
    const double *a = ctx->in[0].data.f, *b = ctx->in[1].data.f;
    double *y = ctx->out[0].data.f;
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w))
        y[i] = f(a[w.at[0]], b[w.at[1]]);
}

/* Integers are combined as unsigned, where overflow is defined, then cut to the stored width. */
static void map_int(const struct tn_ref *ctx, uint64_t (*f)(uint64_t a, uint64_t b))
{
    struct tn_walk w;
    walk_pair(ctx, &w);
    const int64_t *a = ctx->in[0].data.i, *b = ctx->in[1].data.i;
    int64_t *y = ctx->out[0].data.i;
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w))
        y[i] = tn_ops_wrap((int64_t)f((uint64_t)a[w.at[0]], (uint64_t)b[w.at[1]]),
                           ctx->out[0].type.dtype);
}

static double add_f(double a, double b)
{
    return a + b;
}
static uint64_t add_i(uint64_t a, uint64_t b)
{
    return a + b;
}
static double sub_f(double a, double b)
{
    return a - b;
}
static uint64_t sub_i(uint64_t a, uint64_t b)
{
    return a - b;
}
static double mul_f(double a, double b)
{
    return a * b;
}
static uint64_t mul_i(uint64_t a, uint64_t b)
{
    return a * b;
}
static double div_f(double a, double b)
{
    return a / b;
}
static uint64_t div_i(uint64_t a, uint64_t b)
{
    if (b == 0)
        return 0;
    return b == UINT64_MAX ? 0 - a : (uint64_t)((int64_t)a / (int64_t)b);
}
static double maximum_f(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}
static uint64_t maximum_i(uint64_t a, uint64_t b)
{
    return (int64_t)a > (int64_t)b ? a : b;
}
static double minimum_f(double a, double b)
{
    return isnan(a) || a < b ? a : b;
}
static uint64_t minimum_i(uint64_t a, uint64_t b)
{
    return (int64_t)a < (int64_t)b ? a : b;
}
static uint64_t fmod_i(uint64_t a, uint64_t b)
{
    return b == 0 || b == UINT64_MAX ? 0 : (uint64_t)((int64_t)a % (int64_t)b);
}
static double mod_f(double a, double b)
{
    double r = fmod(a, b);
    return r != 0.0 && (r < 0.0) != (b < 0.0) ? r + b : r;
}
static uint64_t mod_i(uint64_t a, uint64_t b)
{
    uint64_t r = fmod_i(a, b);
    return r != 0 && ((int64_t)r < 0) != ((int64_t)b < 0) ? r + b : r;
}
static uint64_t pow_i(uint64_t a, uint64_t b)
{
    uint64_t y = 1;
    if ((int64_t)b < 0) /* 1 / a^-b, cut */
        return a == 1 || (a == UINT64_MAX && b % 2 == 0) ? 1 : a == UINT64_MAX ? a : 0;
    for (; b; b >>= 1, a *= a)
        y *= b & 1 ? a : 1;
    return y;
}

static void map_number(const struct tn_ref *ctx, double (*f)(double a, double b),
                       uint64_t (*g)(uint64_t a, uint64_t b))
{
    if (tn_dtype_is_float(ctx->in[0].type.dtype))
        map_float(ctx, f);
    else
        map_int(ctx, g);
}

#define MAP_NUMBER(op, f, g)                             \
    static void op##_reference(const struct tn_ref *ctx) \
    {                                                    \
        map_number(ctx, f, g);                           \
    }
MAP_NUMBER(add, add_f, add_i)
MAP_NUMBER(sub, sub_f, sub_i)
MAP_NUMBER(mul, mul_f, mul_i)
MAP_NUMBER(div, div_f, div_i)
MAP_NUMBER(pow, pow, pow_i)
MAP_NUMBER(maximum, maximum_f, maximum_i)
MAP_NUMBER(minimum, minimum_f, minimum_i)

static void mod_reference(const struct tn_ref *ctx)
{
    if (tn_attrs_int(ctx->attrs, "fmod"))
        map_number(ctx, fmod, fmod_i);
    else
        map_number(ctx, mod_f, mod_i);
}

static void atan2_reference(const struct tn_ref *ctx)
{
    map_float(ctx, atan2);
}

/* --- gradients --- */

static tn_status add_gradient(const struct tn_grad *ctx)
{
    for (uint32_t i = 0; i < 2; i++)
        if (ctx->needed[i])
            ctx->in_grad[i] = tn_grad_unbroadcast(ctx, ctx->out_grad[0], ctx->in[i]);
    return TN_OK;
}

static tn_status sub_gradient(const struct tn_grad *ctx)
{
    tn_value dy = ctx->out_grad[0];
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_grad_unbroadcast(ctx, dy, ctx->in[0]);
    if (ctx->needed[1]) {
        tn_value sum = tn_grad_unbroadcast(ctx, dy, ctx->in[1]);
        ctx->in_grad[1] = tn_op1(ctx->graph, "neg", sum, NULL, 0);
    }
    return TN_OK;
}

static tn_status mul_gradient(const struct tn_grad *ctx)
{
    for (uint32_t i = 0; i < 2; i++)
        if (ctx->needed[i]) {
            tn_value d = tn_mul(ctx->graph, ctx->out_grad[0], ctx->in[1 - i]);
            ctx->in_grad[i] = tn_grad_unbroadcast(ctx, d, ctx->in[i]);
        }
    return TN_OK;
}

static tn_status div_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0] && !ctx->needed[1])
        return TN_OK;
    tn_value da = tn_div(ctx->graph, ctx->out_grad[0], ctx->in[1]);
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_grad_unbroadcast(ctx, da, ctx->in[0]);
    if (ctx->needed[1]) {
        tn_value d = tn_mul(ctx->graph, da, ctx->out[0]);
        d = tn_grad_unbroadcast(ctx, d, ctx->in[1]);
        ctx->in_grad[1] = tn_op1(ctx->graph, "neg", d, NULL, 0);
    }
    return TN_OK;
}

static tn_status pow_gradient(const struct tn_grad *ctx)
{
    tn_graph *g = ctx->graph;
    tn_value dy = ctx->out_grad[0], a = ctx->in[0], b = ctx->in[1];
    tn_value zero = tn_ops_scalar(ctx, a, 0.0);
    if (ctx->needed[0]) {
        tn_value less = tn_sub(g, b, tn_ops_scalar(ctx, b, 1.0));
        tn_value slope = tn_mul(g, b, tn_ops_emit2(ctx, "pow", a, less));
        tn_value d = tn_op3(g, "where", tn_ops_emit2(ctx, "equal", b, zero), zero,
                            tn_mul(g, dy, slope), NULL, 0);
        ctx->in_grad[0] = tn_grad_unbroadcast(ctx, d, a);
    }
    if (ctx->needed[1]) {
        tn_value slope = tn_mul(g, ctx->out[0], tn_ops_emit1(ctx, "log", a));
        tn_value flat = tn_ops_emit2(ctx, "logical_and", tn_ops_emit2(ctx, "equal", a, zero),
                                     tn_ops_emit2(ctx, "greater_equal", b, zero));
        tn_value d = tn_op3(g, "where", flat, zero, tn_mul(g, dy, slope), NULL, 0);
        ctx->in_grad[1] = tn_grad_unbroadcast(ctx, d, b);
    }
    return TN_OK;
}

/* The quotient is a whole number but for rounding: (a - y) / b, rounded. */
static tn_status mod_gradient(const struct tn_grad *ctx)
{
    tn_graph *g = ctx->graph;
    tn_value dy = ctx->out_grad[0], a = ctx->in[0], b = ctx->in[1];
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_grad_unbroadcast(ctx, dy, a);
    if (ctx->needed[1]) {
        tn_value q = tn_ops_emit1(ctx, "round", tn_div(g, tn_sub(g, a, ctx->out[0]), b));
        tn_value d = tn_grad_unbroadcast(ctx, tn_mul(g, dy, q), b);
        ctx->in_grad[1] = tn_ops_emit1(ctx, "neg", d);
    }
    return TN_OK;
}

static tn_status atan2_gradient(const struct tn_grad *ctx)
{
    tn_graph *g = ctx->graph;
    tn_value a = ctx->in[0], b = ctx->in[1];
    if (!ctx->needed[0] && !ctx->needed[1])
        return TN_OK;
    tn_value size = tn_add(g, tn_ops_emit1(ctx, "square", a), tn_ops_emit1(ctx, "square", b));
    tn_value share = tn_div(g, ctx->out_grad[0], size);
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_grad_unbroadcast(ctx, tn_mul(g, share, b), a);
    if (ctx->needed[1]) {
        tn_value d = tn_grad_unbroadcast(ctx, tn_mul(g, share, a), b);
        ctx->in_grad[1] = tn_ops_emit1(ctx, "neg", d);
    }
    return TN_OK;
}

/* The operand that loses gets zero through where, not through a product: 0 * inf would be NaN. */
static tn_status extremum_gradient(const struct tn_grad *ctx, int is_max)
{
    tn_graph *g = ctx->graph;
    tn_value dy = ctx->out_grad[0], zero = tn_ops_scalar(ctx, dy, 0.0);
    tn_value half = tn_mul(g, dy, tn_ops_scalar(ctx, dy, 0.5));
    tn_value tie = tn_op2(g, "equal", ctx->in[0], ctx->in[1], NULL, 0);
    tn_value share = tn_op3(g, "where", tie, half, dy, NULL, 0);
    for (uint32_t i = 0; i < 2; i++) {
        if (!ctx->needed[i])
            continue;
        tn_value self = ctx->in[i], other = ctx->in[1 - i];
        tn_value loses = is_max ? tn_op2(g, "greater", other, self, NULL, 0)
                                : tn_op2(g, "greater", self, other, NULL, 0);
        tn_value d = tn_op3(g, "where", loses, zero, share, NULL, 0);
        ctx->in_grad[i] = tn_grad_unbroadcast(ctx, d, self);
    }
    return TN_OK;
}

static tn_status maximum_gradient(const struct tn_grad *ctx)
{
    return extremum_gradient(ctx, 1);
}

static tn_status minimum_gradient(const struct tn_grad *ctx)
{
    return extremum_gradient(ctx, 0);
}

/* --- operators --- */

#define NUMBERS                                                                                  \
    "a, b: one dtype (float, i32, i64, u8), shapes that broadcast as in NumPy; y: their dtype, " \
    "the broadcast shape"
#define WRAPS "; integers wrap"
#define BINARY(op, text, rule, types)                                                            \
    .name = #op, .version = 1, .min_in = 2, .max_in = 2, .n_out = 1, .flags = TN_OP_ELEMENTWISE, \
    .in_names = tn_ops_in_ab, .out_names = tn_ops_out_y, .formula = text, .shapes = types,       \
    .infer = rule, .gradient = op##_gradient, .reference = op##_reference

const struct tn_op tn_op_add = {BINARY(add, "a + b", infer_arithmetic, NUMBERS WRAPS)};
const struct tn_op tn_op_sub = {BINARY(sub, "a - b", infer_arithmetic, NUMBERS WRAPS)};
const struct tn_op tn_op_mul = {BINARY(mul, "a b", infer_arithmetic, NUMBERS WRAPS)};
const struct tn_op tn_op_div = {
    BINARY(div, "a / b", infer_arithmetic,
           NUMBERS "; integers are cut toward zero, and division by zero gives 0")};
const struct tn_op tn_op_pow = {
    BINARY(pow, "a^b", infer_arithmetic,
           NUMBERS "; integers wrap, and a negative power is cut: 0 but for a = 1 and a = -1")};
const struct tn_op tn_op_maximum = {
    BINARY(maximum, "max(a, b); NaN if either is NaN", infer_arithmetic, NUMBERS)};
const struct tn_op tn_op_minimum = {
    BINARY(minimum, "min(a, b); NaN if either is NaN", infer_arithmetic, NUMBERS)};
const struct tn_op tn_op_atan2 = {
    BINARY(atan2, "angle of the point (b, a), in [-pi, pi]", infer_float_pair,
           "a, b: one float dtype, shapes that broadcast as in NumPy; y: like them")};

static const struct tn_attr_schema mod_attrs[] = {
    {.name = "fmod",
     .type = TN_ATTR_INT,
     .doc = "0: the remainder has the sign of b, as in Python; else that of a, as in C"},
};
const struct tn_op tn_op_mod = {
    BINARY(mod, "remainder of a / b", infer_arithmetic, NUMBERS "; for integers x mod 0 = 0"),
    .attrs = mod_attrs, .n_attrs = 1};
