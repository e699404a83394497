/* Reductions that need two passes over x.
 *
 *   var        y = sum (x - mean)^2 / max(0, n - correction)     (PyTorch's var)
 *              dx = 2 dy (x - mean) / max(0, n - correction)
 *   logsumexp  y = top + log sum e^(x - top)                      (ONNX ReduceLogSumExp)
 *              dx = dy e^(x - y); 0 where y = -inf: such a row has nothing to move
 *   norm       y = (sum |x|^p)^(1/p)                              (PyTorch's vector_norm, ONNX
 *              ReduceL1, ReduceL2); p = 0 counts x != 0, p = inf is max |x|, p = -inf is min |x|
 *              dx = dy sign(x) (|x| / y)^(p - 1), 0 where x or y is 0    (norm_grad)
 *              p = +-inf: dy sign(x), shared evenly among the |x| = y
 *
 * The norm is scaled by its largest |x| (its smallest for p < 0), so that no power overflows that
 * the result does not. */
#include <math.h>

#include "ops/reduce.h"

/* --- var --- */

static tn_status var_infer(struct tn_infer *ctx)
{
    int64_t correction = tn_attrs_int(ctx->attrs, "correction");
    if (correction < 0)
        return tn_infer_fail(ctx, "correction is %lld, must be at least 0: 0 divides by the count",
                             (long long)correction);
    return tn_reduce_infer_float(ctx);
}

static void var_reference(const struct tn_ref *ctx)
{
    const double *x = ctx->in[0].data.f;
    const struct tn_shape *shape = &ctx->in[0].type.shape;
    struct tn_walk outer, inner;
    int64_t n = tn_reduce_walk(shape, tn_ops_axes_mask(ctx->attrs, shape->rank), &outer, &inner);
    int64_t correction = tn_attrs_int(ctx->attrs, "correction");
    double divisor = n > correction ? (double)(n - correction) : 0.0;
    for (int64_t o = 0; o < ctx->out[0].count; o++, tn_walk_next(&outer)) {
        double mean = 0.0, total = 0.0;
        for (int64_t j = 0; j < n; j++, tn_walk_next(&inner))
            mean += x[outer.at[0] + inner.at[0]];
        mean /= (double)n;
        for (int64_t j = 0; j < n; j++, tn_walk_next(&inner)) {
            double d = x[outer.at[0] + inner.at[0]] - mean;
            total += d * d;
        }
        ctx->out[0].data.f[o] = total / divisor;
    }
}

static tn_status var_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    tn_graph *g = ctx->graph;
    tn_value x = ctx->in[0];
    struct tn_attr mean_attr[] = {tn_ops_attr(ctx, "axes"), TN_AI("keepdims", 1)};
    double correction = (double)tn_attrs_int(ctx->attrs, "correction");
    tn_value divisor = tn_reduce_count(ctx);
    if (correction > 0)
        divisor = tn_relu(g, tn_sub(g, divisor, tn_ops_scalar(ctx, x, correction)));
    tn_value dy = tn_reduce_keep_axes(ctx, ctx->out_grad[0]);
    tn_value scale = tn_div(g, tn_mul(g, dy, tn_ops_scalar(ctx, x, 2.0)), divisor);
    tn_value centred = tn_sub(g, x, tn_op1(g, "mean", x, mean_attr, 2));
    ctx->in_grad[0] = tn_mul(g, centred, scale);
    return TN_OK;
}

static const struct tn_attr_schema var_attrs[] = {
    TN_REDUCE_AXES,
    TN_REDUCE_KEEPDIMS,
    {.name = "correction",
     .type = TN_ATTR_INT,
     .dflt = {.u.i = 1},
     .doc = "taken off the count that divides: 1 for a sample, 0 for a population"},
};
const struct tn_op tn_op_var = {
    .name = "var",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = var_attrs,
    .n_attrs = TN_LEN(var_attrs),
    .formula = "sum((x - mean)^2) / max(0, n - correction) over the axes",
    .shapes = "x float; NaN or infinity where the count does not exceed the correction",
    .infer = var_infer,
    .gradient = var_gradient,
    .reference = var_reference,
};

/* --- logsumexp --- */

static void logsumexp_reference(const struct tn_ref *ctx)
{
    const double *x = ctx->in[0].data.f;
    const struct tn_shape *shape = &ctx->in[0].type.shape;
    struct tn_walk outer, inner;
    int64_t n = tn_reduce_walk(shape, tn_ops_axes_mask(ctx->attrs, shape->rank), &outer, &inner);
    for (int64_t o = 0; o < ctx->out[0].count; o++, tn_walk_next(&outer)) {
        double top = -INFINITY, total = 0.0;
        for (int64_t j = 0; j < n; j++, tn_walk_next(&inner))
            top = fmax(top, x[outer.at[0] + inner.at[0]]);
        if (isinf(top)) /* inf - inf is no number */
            top = 0.0;
        for (int64_t j = 0; j < n; j++, tn_walk_next(&inner))
            total += exp(x[outer.at[0] + inner.at[0]] - top);
        ctx->out[0].data.f[o] = top + log(total);
    }
}

static tn_status logsumexp_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    tn_graph *g = ctx->graph;
    tn_value y = tn_reduce_keep_axes(ctx, ctx->out[0]);
    tn_value none = tn_op2(g, "equal", y, tn_ops_scalar(ctx, y, -INFINITY), NULL, 0);
    y = tn_op3(g, "where", none, tn_ops_scalar(ctx, y, 0.0), y, NULL, 0);
    tn_value share = tn_op1(g, "exp", tn_sub(g, ctx->in[0], y), NULL, 0);
    ctx->in_grad[0] = tn_mul(g, share, tn_reduce_keep_axes(ctx, ctx->out_grad[0]));
    return TN_OK;
}

static const struct tn_attr_schema reduce_attrs[] = {TN_REDUCE_AXES, TN_REDUCE_KEEPDIMS};
const struct tn_op tn_op_logsumexp = {
    .name = "logsumexp",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = reduce_attrs,
    .n_attrs = TN_LEN(reduce_attrs),
    .formula = "log(sum(e^x)) over the axes, the largest x taken out first",
    .shapes = "x float; -inf for no elements and where all are -inf, and the gradient there is 0",
    .infer = tn_reduce_infer_float,
    .gradient = logsumexp_gradient,
    .reference = logsumexp_reference,
};

/* --- norm --- */

static tn_status check_p(const struct tn_infer *ctx)
{
    if (isnan(tn_attrs_float(ctx->attrs, "p")))
        return tn_infer_fail(ctx, "p is not a number; it must be a number, or +-infinity for the "
                                  "largest and the smallest size");
    return TN_OK;
}

static tn_status norm_infer(struct tn_infer *ctx)
{
    tn_status st = check_p(ctx);
    return st == TN_OK ? tn_reduce_infer_float(ctx) : st;
}

struct row {
    const double *x;
    int64_t n;
    struct tn_walk *inner;
};

static double norm_scale(const struct row *row, double p)
{
    double m = p < 0 ? INFINITY : 0.0;
    for (int64_t j = 0; j < row->n; j++, tn_walk_next(row->inner)) {
        double a = fabs(row->x[row->inner->at[0]]);
        if (isnan(a) || (p < 0 ? a < m : a > m))
            m = a;
    }
    return m;
}

static double norm_row(const struct row *row, double p)
{
    double total = 0.0, m = p == 0 ? 1.0 : norm_scale(row, p);
    if (isinf(p) || m == 0 || !isfinite(m))
        return m;
    for (int64_t j = 0; j < row->n; j++, tn_walk_next(row->inner)) {
        double a = fabs(row->x[row->inner->at[0]]);
        total += p == 0 ? a != 0 : pow(a / m, p);
    }
    return p == 0 ? total : m * pow(total, 1.0 / p);
}

static void norm_reference(const struct tn_ref *ctx)
{
    double p = tn_attrs_float(ctx->attrs, "p");
    const struct tn_shape *shape = &ctx->in[0].type.shape;
    struct tn_walk outer, inner;
    int64_t n = tn_reduce_walk(shape, tn_ops_axes_mask(ctx->attrs, shape->rank), &outer, &inner);
    for (int64_t o = 0; o < ctx->out[0].count; o++, tn_walk_next(&outer)) {
        struct row row = {ctx->in[0].data.f + outer.at[0], n, &inner};
        ctx->out[0].data.f[o] = norm_row(&row, p);
    }
}

/* 1, 0 or -1 with x's element type. */
static tn_value sign_of(const struct tn_grad *ctx, tn_value x)
{
    tn_graph *g = ctx->graph;
    struct tn_attr to = TN_AS("dtype", tn_dtype_name(tn_graph_dtype(g, x)));
    tn_value zero = tn_ops_scalar(ctx, x, 0.0);
    tn_value up = tn_op1(g, "cast", tn_op2(g, "greater", x, zero, NULL, 0), &to, 1);
    tn_value down = tn_op1(g, "cast", tn_op2(g, "greater", zero, x, NULL, 0), &to, 1);
    return tn_sub(g, up, down);
}

static tn_status norm_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    tn_graph *g = ctx->graph;
    tn_value x = ctx->in[0], y = tn_reduce_keep_axes(ctx, ctx->out[0]);
    tn_value dy = tn_reduce_keep_axes(ctx, ctx->out_grad[0]);
    struct tn_attr attr[] = {tn_ops_attr(ctx, "axes"), tn_ops_attr(ctx, "p")};
    if (!isinf(tn_attrs_float(ctx->attrs, "p"))) {
        ctx->in_grad[0] = tn_op3(g, "norm_grad", x, y, dy, attr, 2);
        return TN_OK;
    }
    tn_value size = tn_op2(g, "maximum", x, tn_op1(g, "neg", x, NULL, 0), NULL, 0);
    ctx->in_grad[0] = tn_mul(g, tn_op3(g, "max_grad", size, y, dy, attr, 1), sign_of(ctx, x));
    return TN_OK;
}

#define NORM_P                                                                               \
    {                                                                                        \
        .name = "p", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 2.0}, .doc = "order of the norm" \
    }
static const struct tn_attr_schema norm_attrs[] = {TN_REDUCE_AXES, TN_REDUCE_KEEPDIMS, NORM_P};
const struct tn_op tn_op_norm = {
    .name = "norm",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = norm_attrs,
    .n_attrs = TN_LEN(norm_attrs),
    .formula = "sum(abs(x)^p)^(1/p) over the axes",
    .shapes = "x float; p = 0 counts x != 0, p = inf is the largest abs(x), -inf the smallest; of "
              "no elements 0, infinity for p < 0; the gradient is 0 where the norm is",
    .infer = norm_infer,
    .gradient = norm_gradient,
    .reference = norm_reference,
};

/* --- norm_grad --- */

static tn_status norm_grad_infer(struct tn_infer *ctx)
{
    tn_status st = check_p(ctx);
    if (st == TN_OK && isinf(tn_attrs_float(ctx->attrs, "p")))
        st = tn_infer_fail(ctx, "p is infinite: max_grad serves the largest and the smallest");
    return st == TN_OK ? tn_reduce_infer_grad(ctx, 2) : st;
}

static double norm_slope(double x, double y, double p)
{
    double sign = x > 0 ? 1.0 : x < 0 ? -1.0 : x; /* NaN stays */
    if (p == 0 || x == 0 || y == 0)
        return 0.0;
    return sign * pow(fabs(x) / y, p - 1.0);
}

static void norm_grad_reference(const struct tn_ref *ctx)
{
    double p = tn_attrs_float(ctx->attrs, "p");
    const struct tn_shape *shape = &ctx->in[0].type.shape;
    struct tn_walk outer, inner;
    int64_t n = tn_reduce_walk(shape, tn_ops_axes_mask(ctx->attrs, shape->rank), &outer, &inner);
    for (int64_t o = 0; o < ctx->in[1].count; o++, tn_walk_next(&outer))
        for (int64_t j = 0; j < n; j++, tn_walk_next(&inner)) {
            int64_t at = outer.at[0] + inner.at[0];
            ctx->out[0].data.f[at] =
                ctx->in[2].data.f[o] * norm_slope(ctx->in[0].data.f[at], ctx->in[1].data.f[o], p);
        }
}

static const char *const norm_grad_in[] = {"x", "y", "dy"};
static const struct tn_attr_schema norm_grad_attrs[] = {TN_REDUCE_AXES, NORM_P};
const struct tn_op tn_op_norm_grad = {
    .name = "norm_grad",
    .version = 1,
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .in_names = norm_grad_in,
    .out_names = tn_ops_out_dx,
    .attrs = norm_grad_attrs,
    .n_attrs = TN_LEN(norm_grad_attrs),
    .formula = "dy sign(x) (abs(x) / y)^(p - 1), 0 where x or y is 0",
    .shapes = "x float; y, dy: x's shape with the reduced axes as 1; p finite",
    .infer = norm_grad_infer,
    .no_gradient = TN_OPS_NO_SECOND,
    .reference = norm_grad_reference,
};
