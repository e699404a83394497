/* Reductions over any set of axes.
 *
 *   sum   y = sum x              dx = dy, expanded back over the axes
 *   mean  y = sum x / count      dx = dy / count, expanded back
 *   max   y = largest x          dx = dy / ties where x = y, else 0     (max_grad)
 *   min   y = smallest x         the same
 *   argmax  index of the largest, the first of equals
 *
 * A tie shares its gradient evenly, as PyTorch's amax: the symmetric choice among the subgradients.
 * NaN wins in max, min and argmax, so that a broken value shows. */
#include <math.h>

#include "ops/util.h"

/* x's shape with the masked axes 1 (keep) or left out. */
static struct tn_shape reduced_shape(const struct tn_shape *x, uint32_t mask, int keep)
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

static tn_status refuse_empty_axis(const struct tn_infer *ctx, const struct tn_shape *x,
                                   uint32_t mask)
{
    for (uint32_t d = 0; d < x->rank; d++)
        if ((mask & (1u << d)) && x->dim[d] == 0)
            return tn_infer_fail(ctx, "axis %u has no elements, and there is no %s of nothing", d,
                                 ctx->op);
    return TN_OK;
}

static tn_status reduce_infer(struct tn_infer *ctx)
{
    const struct tn_shape *x = &ctx->in[0]->shape;
    tn_status st = tn_infer_float(ctx, 0);
    if (st == TN_OK)
        st = tn_ops_infer_axes(ctx, x->rank);
    if (st != TN_OK)
        return st;
    uint32_t mask = tn_ops_axes_mask(ctx->attrs, x->rank);
    int keep = tn_attrs_int(ctx->attrs, "keepdims") != 0;
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, reduced_shape(x, mask, keep)};
    return TN_OK;
}

static tn_status extremum_infer(struct tn_infer *ctx)
{
    const struct tn_shape *x = &ctx->in[0]->shape;
    tn_status st = reduce_infer(ctx);
    return st == TN_OK ? refuse_empty_axis(ctx, x, tn_ops_axes_mask(ctx->attrs, x->rank)) : st;
}

/* --- references --- */

/* Two walks over x: `outer` over the kept axes, in the order of y; `inner` over the reduced ones.
 */
static int64_t walk_reduction(const struct tn_shape *x, uint32_t mask, struct tn_walk *outer,
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

/* acc folds the elements of one reduction, beginning with `first` (x's first element, or 0). */
static void fold(const struct tn_ref *ctx, int from_first, double (*f)(double acc, double x))
{
    const struct tn_ref_tensor *x = &ctx->in[0];
    struct tn_walk outer, inner;
    uint32_t mask = tn_ops_axes_mask(ctx->attrs, x->type.shape.rank);
    int64_t n = walk_reduction(&x->type.shape, mask, &outer, &inner);
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&outer)) {
        double acc = from_first ? x->data.f[outer.at[0]] : 0.0;
        for (int64_t j = 0; j < n; j++, tn_walk_next(&inner))
            acc = f(acc, x->data.f[outer.at[0] + inner.at[0]]);
        ctx->out[0].data.f[i] = acc;
    }
}

static double add_f(double acc, double x)
{
    return acc + x;
}
static double max_f(double acc, double x)
{
    return isnan(x) || x > acc ? x : acc;
}
static double min_f(double acc, double x)
{
    return isnan(x) || x < acc ? x : acc;
}

static void sum_reference(const struct tn_ref *ctx)
{
    fold(ctx, 0, add_f);
}

static void mean_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *x = &ctx->in[0].type.shape;
    uint32_t mask = tn_ops_axes_mask(ctx->attrs, x->rank);
    double count = 1.0;
    for (uint32_t d = 0; d < x->rank; d++)
        if (mask & (1u << d))
            count *= (double)x->dim[d];
    fold(ctx, 0, add_f);
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        ctx->out[0].data.f[i] /= count;
}

static void max_reference(const struct tn_ref *ctx)
{
    fold(ctx, 1, max_f);
}

static void min_reference(const struct tn_ref *ctx)
{
    fold(ctx, 1, min_f);
}

/* --- gradients --- */

/* v, which has y's shape, with the reduced axes kept as 1. */
static tn_value keep_axes(const struct tn_grad *ctx, tn_value v)
{
    if (tn_attrs_int(ctx->attrs, "keepdims"))
        return v;
    struct tn_shape x = tn_graph_shape(ctx->graph, ctx->in[0]);
    struct tn_shape kept = reduced_shape(&x, tn_ops_axes_mask(ctx->attrs, x.rank), 1);
    return tn_reshape(ctx->graph, v, &kept);
}

static tn_status sum_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_shape x = tn_graph_shape(ctx->graph, ctx->in[0]);
    ctx->in_grad[0] = tn_expand(ctx->graph, keep_axes(ctx, ctx->out_grad[0]), &x);
    return TN_OK;
}

/* The count may hold a symbolic batch: dim_size makes it a value. */
static tn_status mean_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    tn_graph *g = ctx->graph;
    struct tn_attr axes = tn_ops_attr(ctx, "axes");
    tn_value count = tn_op1(g, "dim_size", ctx->in[0], &axes, 1);
    tn_dtype dtype = tn_graph_dtype(g, ctx->in[0]);
    if (dtype != TN_F32) {
        struct tn_attr to = TN_AS("dtype", tn_dtype_name(dtype));
        count = tn_op1(g, "cast", count, &to, 1);
    }
    tn_value d = tn_div(g, keep_axes(ctx, ctx->out_grad[0]), count);
    struct tn_shape x = tn_graph_shape(g, ctx->in[0]);
    ctx->in_grad[0] = tn_expand(g, d, &x);
    return TN_OK;
}

static tn_status extremum_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_attr axes = tn_ops_attr(ctx, "axes");
    ctx->in_grad[0] = tn_op3(ctx->graph, "max_grad", ctx->in[0], keep_axes(ctx, ctx->out[0]),
                             keep_axes(ctx, ctx->out_grad[0]), &axes, 1);
    return TN_OK;
}

/* --- operators --- */

#define AXES                                                                      \
    {                                                                             \
        .name = "axes", .type = TN_ATTR_INTS, .doc = "axes to reduce; empty: all" \
    }
#define KEEPDIMS                                                                             \
    {                                                                                        \
        .name = "keepdims", .type = TN_ATTR_INT, .doc = "1: reduced axes stay, as dims of 1" \
    }
static const struct tn_attr_schema reduce_attrs[] = {AXES, KEEPDIMS};

#define REDUCTION(op_name, text)                                                                  \
    .name = op_name, .version = 1, .min_in = 1, .max_in = 1, .n_out = 1, .in_names = tn_ops_in_x, \
    .out_names = tn_ops_out_y, .attrs = reduce_attrs, .n_attrs = TN_LEN(reduce_attrs),            \
    .formula = text

const struct tn_op tn_op_sum = {REDUCTION("sum", "sum of x over the axes"), .infer = reduce_infer,
                                .gradient = sum_gradient, .reference = sum_reference};
const struct tn_op tn_op_mean = {REDUCTION("mean", "mean of x over the axes"),
                                 .infer = reduce_infer, .gradient = mean_gradient,
                                 .reference = mean_reference};
const struct tn_op tn_op_max = {REDUCTION("max", "largest x over the axes"),
                                .infer = extremum_infer, .gradient = extremum_gradient,
                                .reference = max_reference};
const struct tn_op tn_op_min = {REDUCTION("min", "smallest x over the axes"),
                                .infer = extremum_infer, .gradient = extremum_gradient,
                                .reference = min_reference};

/* --- max_grad --- */

static tn_status max_grad_infer(struct tn_infer *ctx)
{
    const struct tn_shape *x = &ctx->in[0]->shape;
    char text[128];
    tn_status st = tn_infer_float(ctx, 0);
    if (st == TN_OK)
        st = tn_ops_infer_axes(ctx, x->rank);
    if (st != TN_OK)
        return st;
    struct tn_shape kept = reduced_shape(x, tn_ops_axes_mask(ctx->attrs, x->rank), 1);
    for (uint32_t i = 1; i < 3; i++) {
        st = tn_infer_same_dtype(ctx, 0, i);
        if (st != TN_OK)
            return st;
        if (!tn_shape_equal(&ctx->in[i]->shape, &kept))
            return tn_infer_fail(ctx, "%s must have shape %s: x's, with the reduced axes as 1",
                                 i == 1 ? "y" : "dy", tn_shape_format(&kept, text, sizeof(text)));
    }
    ctx->out[0] = *ctx->in[0];
    return TN_OK;
}

static void max_grad_reference(const struct tn_ref *ctx)
{
    const struct tn_ref_tensor *x = &ctx->in[0];
    struct tn_walk outer, inner;
    uint32_t mask = tn_ops_axes_mask(ctx->attrs, x->type.shape.rank);
    int64_t n = walk_reduction(&x->type.shape, mask, &outer, &inner);
    for (int64_t i = 0; i < ctx->in[1].count; i++, tn_walk_next(&outer)) {
        double y = ctx->in[1].data.f[i], dy = ctx->in[2].data.f[i];
        int64_t ties = 0;
        for (int64_t j = 0; j < n; j++, tn_walk_next(&inner))
            ties += x->data.f[outer.at[0] + inner.at[0]] == y;
        for (int64_t j = 0; j < n; j++, tn_walk_next(&inner)) {
            int64_t at = outer.at[0] + inner.at[0];
            ctx->out[0].data.f[at] = x->data.f[at] == y ? dy / (double)ties : 0.0;
        }
    }
}

static const char *const max_grad_in[] = {"x", "y", "dy"};
static const struct tn_attr_schema max_grad_attrs[] = {AXES};
const struct tn_op tn_op_max_grad = {
    .name = "max_grad",
    .version = 1,
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .in_names = max_grad_in,
    .out_names = tn_ops_out_dx,
    .attrs = max_grad_attrs,
    .n_attrs = 1,
    .formula = "dy / (number of ties) where x = y, else 0",
    .infer = max_grad_infer,
    .no_gradient = TN_OPS_NO_SECOND,
    .reference = max_grad_reference,
};

/* --- argmax --- */

static tn_status argmax_infer(struct tn_infer *ctx)
{
    const struct tn_shape *x = &ctx->in[0]->shape;
    uint32_t axis;
    tn_status st = tn_infer_float(ctx, 0);
    if (st == TN_OK)
        st = tn_infer_axis(ctx, tn_attrs_int(ctx->attrs, "axis"), x->rank, &axis);
    if (st == TN_OK)
        st = refuse_empty_axis(ctx, x, 1u << axis);
    if (st != TN_OK)
        return st;
    int keep = tn_attrs_int(ctx->attrs, "keepdims") != 0;
    ctx->out[0] = (struct tn_type){TN_I64, reduced_shape(x, 1u << axis, keep)};
    return TN_OK;
}

static void argmax_reference(const struct tn_ref *ctx)
{
    const struct tn_ref_tensor *x = &ctx->in[0];
    int64_t axis = tn_attrs_int(ctx->attrs, "axis");
    uint32_t mask = 1u << (axis < 0 ? axis + x->type.shape.rank : axis);
    struct tn_walk outer, inner;
    int64_t n = walk_reduction(&x->type.shape, mask, &outer, &inner);
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&outer)) {
        int64_t best = 0;
        double top = x->data.f[outer.at[0]];
        for (int64_t j = 0; j < n; j++, tn_walk_next(&inner)) {
            double v = x->data.f[outer.at[0] + inner.at[0]];
            if (!isnan(top) && (isnan(v) || v > top)) {
                best = j;
                top = v;
            }
        }
        ctx->out[0].data.i[i] = best;
    }
}

static const struct tn_attr_schema argmax_attrs[] = {
    {.name = "axis", .type = TN_ATTR_INT, .dflt = {.u.i = -1}, .doc = "axis to search"},
    KEEPDIMS,
};
const struct tn_op tn_op_argmax = {
    .name = "argmax",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = argmax_attrs,
    .n_attrs = TN_LEN(argmax_attrs),
    .formula = "index of the largest x along the axis, the first of equals",
    .infer = argmax_infer,
    .no_gradient = "an index does not vary smoothly",
    .reference = argmax_reference,
};
