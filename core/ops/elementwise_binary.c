/* Two operands that broadcast as in NumPy, element by element.
 *
 *   add      y = a + b          da = dy                     db = dy
 *   sub      y = a - b          da = dy                     db = -dy
 *   mul      y = a b            da = dy b                   db = dy a
 *   div      y = a / b          da = dy / b                 db = -dy y / b
 *   maximum  y = max(a, b)      da = dy where a > b, dy/2 where a = b (db likewise)
 *   minimum  y = min(a, b)      da = dy where a < b, dy/2 where a = b (db likewise)
 *   equal, greater              bool, no gradient
 *
 * Gradients of a broadcast operand are summed over the dims that were broadcast. maximum and
 * minimum follow PyTorch: NaN if either operand is NaN, and the gradient then goes to both; a tie
 * is split in halves, the symmetric choice among the subgradients. Integer arithmetic wraps as in
 * NumPy. */
#include <math.h>

#include "ops/util.h"

#define COMPARISON_HAS_NONE "a comparison is constant almost everywhere"

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
    tn_dtype dtype = ctx->in[0]->dtype;
    if (!tn_dtype_is_float(dtype) && dtype != TN_I32 && dtype != TN_I64)
        return tn_infer_fail(ctx, "input a is %s, but arithmetic takes floats, i32 or i64; cast it",
                             tn_dtype_name(dtype));
    return infer_pair(ctx);
}

static tn_status infer_float_pair(struct tn_infer *ctx)
{
    tn_status st = tn_infer_float(ctx, 0);
    return st == TN_OK ? infer_pair(ctx) : st;
}

static tn_status infer_comparison(struct tn_infer *ctx)
{
    tn_status st = infer_pair(ctx);
    if (st == TN_OK)
        ctx->out[0].dtype = TN_BOOL;
    return st;
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
static double sub_f(double a, double b)
{
    return a - b;
}
static double mul_f(double a, double b)
{
    return a * b;
}
static double div_f(double a, double b)
{
    return a / b;
}
static double maximum_f(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}
static double minimum_f(double a, double b)
{
    return isnan(a) || a < b ? a : b;
}
static uint64_t add_i(uint64_t a, uint64_t b)
{
    return a + b;
}
static uint64_t sub_i(uint64_t a, uint64_t b)
{
    return a - b;
}
static uint64_t mul_i(uint64_t a, uint64_t b)
{
    return a * b;
}

static void add_reference(const struct tn_ref *ctx)
{
    if (tn_dtype_is_float(ctx->in[0].type.dtype))
        map_float(ctx, add_f);
    else
        map_int(ctx, add_i);
}

static void sub_reference(const struct tn_ref *ctx)
{
    if (tn_dtype_is_float(ctx->in[0].type.dtype))
        map_float(ctx, sub_f);
    else
        map_int(ctx, sub_i);
}

static void mul_reference(const struct tn_ref *ctx)
{
    if (tn_dtype_is_float(ctx->in[0].type.dtype))
        map_float(ctx, mul_f);
    else
        map_int(ctx, mul_i);
}

static void div_reference(const struct tn_ref *ctx)
{
    map_float(ctx, div_f);
}

static void maximum_reference(const struct tn_ref *ctx)
{
    map_float(ctx, maximum_f);
}

static void minimum_reference(const struct tn_ref *ctx)
{
    map_float(ctx, minimum_f);
}

/* sign: -1, 0, 1 as a <, =, > b; 2 when one is NaN, which is neither equal nor greater. */
static int compare_at(const struct tn_ref *ctx, const struct tn_walk *w)
{
    if (tn_dtype_is_float(ctx->in[0].type.dtype)) {
        double a = ctx->in[0].data.f[w->at[0]], b = ctx->in[1].data.f[w->at[1]];
        return isnan(a) || isnan(b) ? 2 : (a > b) - (a < b);
    }
    int64_t a = ctx->in[0].data.i[w->at[0]], b = ctx->in[1].data.i[w->at[1]];
    return (a > b) - (a < b);
}

static void compare(const struct tn_ref *ctx, int wanted)
{
    struct tn_walk w;
    walk_pair(ctx, &w);
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w))
        ctx->out[0].data.i[i] = compare_at(ctx, &w) == wanted;
}

static void equal_reference(const struct tn_ref *ctx)
{
    compare(ctx, 0);
}

static void greater_reference(const struct tn_ref *ctx)
{
    compare(ctx, 1);
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

/* The operand that loses gets zero through select, not through a product: 0 * inf would be NaN. */
static tn_status extremum_gradient(const struct tn_grad *ctx, int is_max)
{
    tn_graph *g = ctx->graph;
    tn_value dy = ctx->out_grad[0], zero = tn_ops_scalar(ctx, dy, 0.0);
    tn_value half = tn_mul(g, dy, tn_ops_scalar(ctx, dy, 0.5));
    tn_value tie = tn_op2(g, "equal", ctx->in[0], ctx->in[1], NULL, 0);
    tn_value share = tn_op3(g, "select", tie, half, dy, NULL, 0);
    for (uint32_t i = 0; i < 2; i++) {
        if (!ctx->needed[i])
            continue;
        tn_value self = ctx->in[i], other = ctx->in[1 - i];
        tn_value loses = is_max ? tn_op2(g, "greater", other, self, NULL, 0)
                                : tn_op2(g, "greater", self, other, NULL, 0);
        tn_value d = tn_op3(g, "select", loses, zero, share, NULL, 0);
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

#define BINARY(op_name, text, infer_fn)                                              \
    .name = op_name, .version = 1, .min_in = 2, .max_in = 2, .n_out = 1,             \
    .flags = TN_OP_ELEMENTWISE, .in_names = tn_ops_in_ab, .out_names = tn_ops_out_y, \
    .formula = text, .infer = infer_fn

const struct tn_op tn_op_add = {BINARY("add", "a + b", infer_arithmetic), .gradient = add_gradient,
                                .reference = add_reference};
const struct tn_op tn_op_sub = {BINARY("sub", "a - b", infer_arithmetic), .gradient = sub_gradient,
                                .reference = sub_reference};
const struct tn_op tn_op_mul = {BINARY("mul", "a b", infer_arithmetic), .gradient = mul_gradient,
                                .reference = mul_reference};
const struct tn_op tn_op_div = {BINARY("div", "a / b", infer_float_pair), .gradient = div_gradient,
                                .reference = div_reference};
const struct tn_op tn_op_maximum = {BINARY("maximum", "max(a, b)", infer_float_pair),
                                    .gradient = maximum_gradient, .reference = maximum_reference};
const struct tn_op tn_op_minimum = {BINARY("minimum", "min(a, b)", infer_float_pair),
                                    .gradient = minimum_gradient, .reference = minimum_reference};
const struct tn_op tn_op_equal = {BINARY("equal", "a = b", infer_comparison),
                                  .no_gradient = COMPARISON_HAS_NONE, .reference = equal_reference};
const struct tn_op tn_op_greater = {BINARY("greater", "a > b", infer_comparison),
                                    .no_gradient = COMPARISON_HAS_NONE,
                                    .reference = greater_reference};
