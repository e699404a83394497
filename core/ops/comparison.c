/* Comparisons and logic, element by element; operands broadcast as in NumPy, the result is bool.
 *
 *   equal not_equal less less_equal greater greater_equal     any dtype
 *   logical_and logical_or logical_xor logical_not            bool
 *
 * A NaN is neither equal to, less nor greater than anything: not_equal alone is true. None has a
 * gradient. */
#include <math.h>

#include "ops/util.h"

static tn_status infer_comparison(struct tn_infer *ctx)
{
    tn_status st = tn_infer_same_dtype(ctx, 0, 1);
    if (st == TN_OK)
        st = tn_infer_broadcast(ctx, 0, 1, &ctx->out[0].shape);
    if (st == TN_OK)
        ctx->out[0].dtype = TN_BOOL;
    return st;
}

static tn_status infer_logical(struct tn_infer *ctx)
{
    for (uint32_t i = 0; i < ctx->n_in; i++)
        if (ctx->in[i]->dtype != TN_BOOL)
            return tn_infer_fail(ctx,
                                 "input %u is %s, but logic takes bool; compare it with 0 first", i,
                                 tn_dtype_name(ctx->in[i]->dtype));
    if (ctx->n_in == 2)
        return infer_comparison(ctx);
    ctx->out[0] = *ctx->in[0];
    return TN_OK;
}

/* How a stands to b. */
enum relation { BELOW = 1, SAME = 2, ABOVE = 4, UNORDERED = 8 };

static enum relation relation_at(const struct tn_ref *ctx, const struct tn_walk *w)
{
    if (tn_dtype_is_float(ctx->in[0].type.dtype)) {
        double a = ctx->in[0].data.f[w->at[0]], b = ctx->in[1].data.f[w->at[1]];
        return isnan(a) || isnan(b) ? UNORDERED : a < b ? BELOW : a > b ? ABOVE : SAME;
    }
    int64_t a = ctx->in[0].data.i[w->at[0]], b = ctx->in[1].data.i[w->at[1]];
    return a < b ? BELOW : a > b ? ABOVE : SAME;
}

static struct tn_walk walk_pair(const struct tn_ref *ctx)
{
    struct tn_walk w;
    tn_walk_init(&w, &ctx->out[0].type.shape);
    tn_walk_broadcast(&w, 0, &ctx->in[0].type.shape);
    tn_walk_broadcast(&w, 1, &ctx->in[1].type.shape);
    return w;
}

/* True where the relation is among the wanted ones. */
static void compare(const struct tn_ref *ctx, unsigned wanted)
{
    struct tn_walk w = walk_pair(ctx);
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w))
        ctx->out[0].data.i[i] = (relation_at(ctx, &w) & wanted) != 0;
}

/* truth[2a + b] */
static void combine(const struct tn_ref *ctx, const int64_t truth[4])
{
    struct tn_walk w = walk_pair(ctx);
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w)) {
        int a = ctx->in[0].data.i[w.at[0]] != 0, b = ctx->in[1].data.i[w.at[1]] != 0;
        ctx->out[0].data.i[i] = truth[2 * a + b];
    }
}

#define COMPARE(op, wanted)                              \
    static void op##_reference(const struct tn_ref *ctx) \
    {                                                    \
        compare(ctx, wanted);                            \
    }
COMPARE(equal, SAME)
COMPARE(not_equal, BELOW | ABOVE | UNORDERED)
COMPARE(less, BELOW)
COMPARE(less_equal, BELOW | SAME)
COMPARE(greater, ABOVE)
COMPARE(greater_equal, ABOVE | SAME)

#define COMBINE(op, ...)                                 \
    static void op##_reference(const struct tn_ref *ctx) \
    {                                                    \
        combine(ctx, (const int64_t[4]){__VA_ARGS__});   \
    }
COMBINE(logical_and, 0, 0, 0, 1)
COMBINE(logical_or, 0, 1, 1, 1)
COMBINE(logical_xor, 0, 1, 1, 0)

static void logical_not_reference(const struct tn_ref *ctx)
{
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        ctx->out[0].data.i[i] = ctx->in[0].data.i[i] == 0;
}

#define COMPARED "a, b: one dtype (any), shapes that broadcast as in NumPy; y: bool, their shape"
#define JOINED "a, b: bool, shapes that broadcast as in NumPy; y: bool, their shape"
#define PAIR(op, text, rule, types)                                                              \
    .name = #op, .version = 1, .min_in = 2, .max_in = 2, .n_out = 1, .flags = TN_OP_ELEMENTWISE, \
    .in_names = tn_ops_in_ab, .out_names = tn_ops_out_y, .formula = text, .shapes = types,       \
    .infer = rule, .reference = op##_reference,                                                  \
    .no_gradient = "a comparison is constant almost everywhere"

const struct tn_op tn_op_equal = {PAIR(equal, "a = b", infer_comparison, COMPARED)};
const struct tn_op tn_op_not_equal = {
    PAIR(not_equal, "not a = b; true if either is NaN", infer_comparison, COMPARED)};
const struct tn_op tn_op_less = {PAIR(less, "a < b", infer_comparison, COMPARED)};
const struct tn_op tn_op_less_equal = {PAIR(less_equal, "a <= b", infer_comparison, COMPARED)};
const struct tn_op tn_op_greater = {PAIR(greater, "a > b", infer_comparison, COMPARED)};
const struct tn_op tn_op_greater_equal = {
    PAIR(greater_equal, "a >= b", infer_comparison, COMPARED)};
const struct tn_op tn_op_logical_and = {PAIR(logical_and, "a and b", infer_logical, JOINED)};
const struct tn_op tn_op_logical_or = {PAIR(logical_or, "a or b", infer_logical, JOINED)};
const struct tn_op tn_op_logical_xor = {
    PAIR(logical_xor, "a or b, not both", infer_logical, JOINED)};
const struct tn_op tn_op_logical_not = {
    .name = "logical_not",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .flags = TN_OP_ELEMENTWISE,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .formula = "not x",
    .shapes = "x: bool, any shape; y: like x",
    .infer = infer_logical,
    .no_gradient = "it turns one truth value into the other",
    .reference = logical_not_reference,
};
