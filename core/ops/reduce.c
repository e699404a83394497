/* Reductions over any set of axes.
 *
 *   sum   y = sum x              dx = dy, expanded back over the axes
 *   mean  y = sum x / count      dx = dy / count, expanded back
 *   prod  y = product of x       dx = dy times the product of the others    (prod_grad)
 *   max   y = largest x          dx = dy / ties where x = y, else 0         (max_grad)
 *   min   y = smallest x         the same
 *
 * A tie shares its gradient evenly, as PyTorch's amax: the symmetric choice among the subgradients.
 * The largest of no elements is the type's smallest number (-infinity), as in ONNX. NaN wins in max
 * and min, so that a broken value shows. Integers as in ONNX's Reduce operators: the result has x's
 * type and wraps; a mean is cut off toward zero, as NumPy's cast does. */
#include <math.h>

#include "ops/reduce.h"

struct tn_shape tn_reduce_shape(const struct tn_shape *x, uint32_t mask, int keep)
{
    struct tn_shape y = {0};
    for (uint32_t d = 0; d < x->rank; d++) {
        if (!(mask & (1u << d)))
            y.dim[y.rank++] = x->dim[d];
        else if (keep)
            y.dim[y.rank++] = 1;
    }
    return y;
}

tn_status tn_reduce_refuse_empty(const struct tn_infer *ctx, const struct tn_shape *x,
                                 uint32_t mask)
{
    for (uint32_t d = 0; d < x->rank; d++)
        if ((mask & (1u << d)) && x->dim[d] == 0)
            return tn_infer_fail(ctx, "axis %u has no elements, and there is no %s of nothing", d,
                                 ctx->op);
    return TN_OK;
}

tn_status tn_reduce_infer_any(struct tn_infer *ctx)
{
    const struct tn_shape *x = &ctx->in[0]->shape;
    tn_status st = tn_ops_infer_axes(ctx, x->rank);
    if (st != TN_OK)
        return st;
    uint32_t mask = tn_ops_axes_mask(ctx->attrs, x->rank);
    int keep = tn_attrs_int(ctx->attrs, "keepdims") != 0;
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, tn_reduce_shape(x, mask, keep)};
    return TN_OK;
}

tn_status tn_reduce_infer_float(struct tn_infer *ctx)
{
    tn_status st = tn_infer_float(ctx, 0);
    return st == TN_OK ? tn_reduce_infer_any(ctx) : st;
}

tn_status tn_reduce_infer_kept(const struct tn_infer *ctx, uint32_t first, uint32_t n,
                               uint32_t mask)
{
    char text[128];
    struct tn_shape kept = tn_reduce_shape(&ctx->in[0]->shape, mask, 1);
    for (uint32_t i = first; i < first + n; i++) {
        tn_status st = tn_infer_same_dtype(ctx, 0, i);
        if (st != TN_OK)
            return st;
        if (!tn_shape_equal(&ctx->in[i]->shape, &kept))
            return tn_infer_fail(ctx, "%s must have shape %s: x's, with the reduced axes as 1",
                                 i == first && n > 1 ? "y" : "dy",
                                 tn_shape_format(&kept, text, sizeof(text)));
    }
    return TN_OK;
}

tn_status tn_reduce_infer_grad(struct tn_infer *ctx, uint32_t n_kept)
{
    uint32_t rank = ctx->in[0]->shape.rank;
    tn_status st = tn_infer_float(ctx, 0);
    if (st == TN_OK)
        st = tn_ops_infer_axes(ctx, rank);
    if (st == TN_OK)
        st = tn_reduce_infer_kept(ctx, 1, n_kept, tn_ops_axes_mask(ctx->attrs, rank));
    if (st == TN_OK)
        ctx->out[0] = *ctx->in[0];
    return st;
}

/* Sums and products count: bool and u8 would wrap at once, so they are for max and min alone. */
static tn_status number_infer(struct tn_infer *ctx)
{
    tn_dtype t = ctx->in[0]->dtype;
    if (!tn_dtype_is_float(t) && t != TN_I32 && t != TN_I64)
        return tn_infer_fail(ctx, "x is %s; it must be a float type, i32 or i64: cast it first",
                             tn_dtype_name(t));
    return tn_reduce_infer_any(ctx);
}

static tn_status mean_infer(struct tn_infer *ctx)
{
    const struct tn_shape *x = &ctx->in[0]->shape;
    tn_status st = number_infer(ctx);
    if (st != TN_OK || tn_dtype_is_float(ctx->in[0]->dtype))
        return st;
    return tn_reduce_refuse_empty(ctx, x, tn_ops_axes_mask(ctx->attrs, x->rank));
}

/* --- references --- */

int64_t tn_reduce_walk(const struct tn_shape *x, uint32_t mask, struct tn_walk *outer,
                       struct tn_walk *inner)
{
    int64_t stride[TN_MAX_RANK], count = 1;
    tn_ops_strides(x, stride);
    tn_walk_init(outer, x);
    tn_walk_init(inner, x);
    for (uint32_t d = 0; d < x->rank; d++) {
        outer->stride[0][d] = inner->stride[0][d] = stride[d];
        if (mask & (1u << d))
            count *= x->dim[d];
        (mask & (1u << d) ? outer : inner)->dim[d] = 1;
    }
    return count;
}

/* How to fold one element in, for floats and for integers (which wrap). */
struct folding {
    double start;
    int64_t start_i;
    double (*f)(double acc, double x);
    int64_t (*i)(int64_t acc, int64_t x);
};

static void fold(const struct tn_ref *ctx, const struct folding *how)
{
    const struct tn_ref_tensor *x = &ctx->in[0];
    struct tn_walk outer, inner;
    uint32_t mask = tn_ops_axes_mask(ctx->attrs, x->type.shape.rank);
    int64_t n = tn_reduce_walk(&x->type.shape, mask, &outer, &inner);
    for (int64_t o = 0; o < ctx->out[0].count; o++, tn_walk_next(&outer)) {
        double acc = how->start;
        for (int64_t j = 0; j < n; j++, tn_walk_next(&inner))
            acc = how->f(acc, x->data.f[outer.at[0] + inner.at[0]]);
        ctx->out[0].data.f[o] = acc;
    }
}

static void fold_integers(const struct tn_ref *ctx, const struct folding *how)
{
    const struct tn_ref_tensor *x = &ctx->in[0];
    struct tn_walk outer, inner;
    uint32_t mask = tn_ops_axes_mask(ctx->attrs, x->type.shape.rank);
    int64_t n = tn_reduce_walk(&x->type.shape, mask, &outer, &inner);
    for (int64_t o = 0; o < ctx->out[0].count; o++, tn_walk_next(&outer)) {
        int64_t acc = how->start_i;
        for (int64_t j = 0; j < n; j++, tn_walk_next(&inner))
            acc = how->i(acc, x->data.i[outer.at[0] + inner.at[0]]);
        ctx->out[0].data.i[o] = acc;
    }
}

/* A result narrower than 64 bits keeps the low bits of the 64-bit one. */
static void wrap_output(const struct tn_ref *ctx)
{
    for (int64_t o = 0; o < ctx->out[0].count; o++)
        ctx->out[0].data.i[o] = tn_ops_wrap(ctx->out[0].data.i[o], ctx->out[0].type.dtype);
}

static double add_f(double acc, double x)
{
    return acc + x;
}
static int64_t add_i(int64_t acc, int64_t x)
{
    return (int64_t)((uint64_t)acc + (uint64_t)x);
}
static double mul_f(double acc, double x)
{
    return acc * x;
}
static int64_t mul_i(int64_t acc, int64_t x)
{
    return (int64_t)((uint64_t)acc * (uint64_t)x);
}
static double max_f(double acc, double x)
{
    return isnan(x) || x > acc ? x : acc;
}
static int64_t max_i(int64_t acc, int64_t x)
{
    return x > acc ? x : acc;
}
static double min_f(double acc, double x)
{
    return isnan(x) || x < acc ? x : acc;
}
static int64_t min_i(int64_t acc, int64_t x)
{
    return x < acc ? x : acc;
}

static void reduce_by(const struct tn_ref *ctx, const struct folding *how)
{
    if (tn_dtype_is_float(ctx->in[0].type.dtype)) {
        fold(ctx, how);
    } else {
        fold_integers(ctx, how);
        wrap_output(ctx);
    }
}

static void sum_reference(const struct tn_ref *ctx)
{
    reduce_by(ctx, &(struct folding){0, 0, add_f, add_i});
}

static void prod_reference(const struct tn_ref *ctx)
{
    reduce_by(ctx, &(struct folding){1, 1, mul_f, mul_i});
}

/* The smallest (0) or largest (1) integer of x's type. */
static int64_t extreme(const struct tn_ref *ctx, int largest)
{
    tn_dtype dtype = ctx->in[0].type.dtype;
    return dtype == TN_BOOL ? largest : tn_ops_saturate(largest ? INFINITY : -INFINITY, dtype);
}

static void max_reference(const struct tn_ref *ctx)
{
    reduce_by(ctx, &(struct folding){-INFINITY, extreme(ctx, 0), max_f, max_i});
}

static void min_reference(const struct tn_ref *ctx)
{
    reduce_by(ctx, &(struct folding){INFINITY, extreme(ctx, 1), min_f, min_i});
}

static void mean_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *x = &ctx->in[0].type.shape;
    const struct folding sum = {0, 0, add_f, add_i};
    uint32_t mask = tn_ops_axes_mask(ctx->attrs, x->rank);
    int64_t count = 1;
    for (uint32_t d = 0; d < x->rank; d++)
        if (mask & (1u << d))
            count *= x->dim[d];
    if (tn_dtype_is_float(ctx->in[0].type.dtype)) {
        fold(ctx, &sum);
        for (int64_t i = 0; i < ctx->out[0].count; i++)
            ctx->out[0].data.f[i] /= (double)count;
    } else {
        fold_integers(ctx, &sum); /* in 64 bits, so that a mean of i32 is right */
        for (int64_t i = 0; i < ctx->out[0].count; i++)
            ctx->out[0].data.i[i] /= count;
    }
}

/* --- gradients --- */

tn_value tn_reduce_keep_axes(const struct tn_grad *ctx, tn_value v)
{
    if (tn_attrs_int(ctx->attrs, "keepdims"))
        return v;
    struct tn_shape x = tn_graph_shape(ctx->graph, ctx->in[0]);
    struct tn_shape kept = tn_reduce_shape(&x, tn_ops_axes_mask(ctx->attrs, x.rank), 1);
    return tn_reshape(ctx->graph, v, &kept);
}

tn_value tn_reduce_count(const struct tn_grad *ctx)
{
    tn_graph *g = ctx->graph;
    struct tn_attr axes = tn_ops_attr(ctx, "axes");
    /* It may hold a symbolic batch: dim_size makes it a value. */
    tn_value count = tn_op1(g, "dim_size", ctx->in[0], &axes, 1);
    tn_dtype dtype = tn_graph_dtype(g, ctx->in[0]);
    if (dtype == TN_F32)
        return count;
    struct tn_attr to = TN_AS("dtype", tn_dtype_name(dtype));
    return tn_op1(g, "cast", count, &to, 1);
}

static tn_status sum_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_shape x = tn_graph_shape(ctx->graph, ctx->in[0]);
    ctx->in_grad[0] = tn_expand(ctx->graph, tn_reduce_keep_axes(ctx, ctx->out_grad[0]), &x);
    return TN_OK;
}

static tn_status mean_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    tn_graph *g = ctx->graph;
    tn_value d = tn_div(g, tn_reduce_keep_axes(ctx, ctx->out_grad[0]), tn_reduce_count(ctx));
    struct tn_shape x = tn_graph_shape(g, ctx->in[0]);
    ctx->in_grad[0] = tn_expand(g, d, &x);
    return TN_OK;
}

static tn_status prod_gradient(const struct tn_grad *ctx)
{
    struct tn_attr axes = tn_ops_attr(ctx, "axes");
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op2(ctx->graph, "prod_grad", ctx->in[0],
                                 tn_reduce_keep_axes(ctx, ctx->out_grad[0]), &axes, 1);
    return TN_OK;
}

static tn_status extremum_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_attr axes = tn_ops_attr(ctx, "axes");
    ctx->in_grad[0] =
        tn_op3(ctx->graph, "max_grad", ctx->in[0], tn_reduce_keep_axes(ctx, ctx->out[0]),
               tn_reduce_keep_axes(ctx, ctx->out_grad[0]), &axes, 1);
    return TN_OK;
}

/* --- operators --- */

static const struct tn_attr_schema reduce_attrs[] = {TN_REDUCE_AXES, TN_REDUCE_KEEPDIMS};

#define REDUCTION(op_name, text, about)                                                           \
    .name = op_name, .version = 1, .min_in = 1, .max_in = 1, .n_out = 1, .in_names = tn_ops_in_x, \
    .out_names = tn_ops_out_y, .attrs = reduce_attrs, .n_attrs = TN_LEN(reduce_attrs),            \
    .formula = text, .shapes = about

const struct tn_op tn_op_sum = {
    REDUCTION("sum", "sum of x over the axes",
              "x float, i32 or i64 (which wrap); y has x's type; of no elements: 0"),
    .infer = number_infer, .gradient = sum_gradient, .reference = sum_reference};
const struct tn_op tn_op_mean = {
    REDUCTION("mean", "mean of x over the axes",
              "x float, i32 or i64 (cut off toward zero); of no elements: NaN, refused for "
              "integers"),
    .infer = mean_infer, .gradient = mean_gradient, .reference = mean_reference};
const struct tn_op tn_op_prod = {
    REDUCTION("prod", "product of x over the axes",
              "x float, i32 or i64 (which wrap); y has x's type; of no elements: 1"),
    .infer = number_infer, .gradient = prod_gradient, .reference = prod_reference};
const struct tn_op tn_op_max = {
    REDUCTION("max", "largest x over the axes",
              "x of any type; NaN if any is NaN; of no elements: the type's smallest number, "
              "-infinity for a float; the gradient is shared evenly among ties"),
    .infer = tn_reduce_infer_any, .gradient = extremum_gradient, .reference = max_reference};
const struct tn_op tn_op_min = {
    REDUCTION("min", "smallest x over the axes",
              "x of any type; NaN if any is NaN; of no elements: the type's largest number, "
              "infinity for a float; the gradient is shared evenly among ties"),
    .infer = tn_reduce_infer_any, .gradient = extremum_gradient, .reference = min_reference};
