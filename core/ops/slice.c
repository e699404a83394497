/* slice: y = x[start:end:step] per axis, with NumPy's rules.
 *
 *   y[i] = x[start + i step] along each sliced axis; the gradient slice_grad writes dy back to the
 *   places it came from, in zeros. slice_grad is linear, so its own gradient is the slice again.
 *
 * The places are distinct, so slice_grad is a scatter without sums. */

#include "ops/util.h"

struct slice_spec {
    int64_t start[TN_MAX_RANK], step[TN_MAX_RANK], size[TN_MAX_RANK];
};

struct slice_args {
    const int64_t *starts, *ends, *axes, *steps;
    uint32_t n, n_ends, n_axes, n_steps;
};

static struct slice_args slice_read(const struct tn_attrs *attrs)
{
    struct slice_args a;
    a.starts = tn_attrs_ints(attrs, "starts", &a.n);
    a.ends = tn_attrs_ints(attrs, "ends", &a.n_ends);
    a.axes = tn_attrs_ints(attrs, "axes", &a.n_axes);
    a.steps = tn_attrs_ints(attrs, "steps", &a.n_steps);
    return a;
}

/* Python's slice.indices: negative numbers count from the end, the rest is clamped. */
static int64_t resolve_bound(int64_t v, int64_t dim, int64_t step)
{
    int64_t lo = step < 0 ? -1 : 0, hi = step < 0 ? dim - 1 : dim;
    if (v < 0)
        v += dim;
    return v < lo ? lo : v > hi ? hi : v;
}

static void slice_resolve(const struct slice_args *a, const struct tn_shape *x,
                          struct slice_spec *out_spec)
{
    for (uint32_t d = 0; d < x->rank; d++) {
        out_spec->start[d] = 0;
        out_spec->step[d] = 1;
        out_spec->size[d] = x->dim[d];
    }
    for (uint32_t i = 0; i < a->n; i++) {
        int64_t axis = a->n_axes ? a->axes[i] : (int64_t)i, step = a->n_steps ? a->steps[i] : 1;
        uint32_t d = (uint32_t)(axis < 0 ? axis + x->rank : axis);
        int64_t start = resolve_bound(a->starts[i], x->dim[d], step);
        int64_t end = resolve_bound(a->ends[i], x->dim[d], step);
        int64_t span = step > 0 ? end - start : start - end;
        /* A step beyond the dim takes one element; cutting it here keeps -step in range. */
        int64_t limit = x->dim[d] + 1;
        step = step > limit ? limit : step < -limit ? -limit : step;
        int64_t stride = step > 0 ? step : -step;
        out_spec->start[d] = start;
        out_spec->step[d] = step;
        out_spec->size[d] = span > 0 ? (span + stride - 1) / stride : 0;
    }
}

static tn_status check_args(const struct tn_infer *ctx, const struct slice_args *a, uint32_t rank)
{
    uint32_t seen = 0;
    if (a->n_ends != a->n || (a->n_axes && a->n_axes != a->n) || (a->n_steps && a->n_steps != a->n))
        return tn_infer_fail(ctx,
                             "%u starts, %u ends, %u axes, %u steps: give one of each for every "
                             "sliced axis (axes and steps may be empty)",
                             a->n, a->n_ends, a->n_axes, a->n_steps);
    if (a->n > rank)
        return tn_infer_fail(ctx, "%u starts, but there are only %u axes", a->n, rank);
    for (uint32_t i = 0; i < a->n; i++) {
        uint32_t d;
        tn_status st = tn_infer_axis(ctx, a->n_axes ? a->axes[i] : (int64_t)i, rank, &d);
        if (st != TN_OK)
            return st;
        if (seen & (1u << d))
            return tn_infer_fail(ctx, "axis %u is sliced twice", d);
        seen |= 1u << d;
        if (a->n_steps && a->steps[i] == 0)
            return tn_infer_fail(ctx, "the step of axis %u is 0; it must be positive or negative",
                                 d);
    }
    return TN_OK;
}

/* For each element of the slice: its offset in the whole. */
static void walk_slice(struct tn_walk *w, const struct tn_attrs *attrs,
                       const struct tn_shape *whole, const struct tn_shape *part)
{
    struct slice_args args = slice_read(attrs);
    struct slice_spec spec;
    int64_t stride[TN_MAX_RANK];
    slice_resolve(&args, whole, &spec);
    tn_ops_strides(whole, stride);
    tn_walk_init(w, part);
    for (uint32_t d = 0; d < whole->rank; d++) {
        w->stride[0][d] = spec.step[d] * stride[d];
        w->at[0] += spec.start[d] * stride[d];
    }
}

/* --- slice --- */

static tn_status slice_infer(struct tn_infer *ctx)
{
    struct slice_args args = slice_read(ctx->attrs);
    const struct tn_shape *x = &ctx->in[0]->shape;
    struct slice_spec spec;
    tn_status st = check_args(ctx, &args, x->rank);
    if (st != TN_OK)
        return st;
    slice_resolve(&args, x, &spec);
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, tn_shape_make(spec.size, x->rank)};
    return TN_OK;
}

static void slice_reference(const struct tn_ref *ctx)
{
    struct tn_walk w;
    walk_slice(&w, ctx->attrs, &ctx->in[0].type.shape, &ctx->out[0].type.shape);
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w)) {
        if (tn_dtype_is_float(ctx->out[0].type.dtype))
            ctx->out[0].data.f[i] = ctx->in[0].data.f[w.at[0]];
        else
            ctx->out[0].data.i[i] = ctx->in[0].data.i[w.at[0]];
    }
}

static tn_status slice_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_shape storage;
    struct tn_attr attrs[] = {
        tn_ops_attr(ctx, "starts"),
        tn_ops_attr(ctx, "ends"),
        tn_ops_attr(ctx, "axes"),
        tn_ops_attr(ctx, "steps"),
        tn_grad_shape_attr(ctx, "input_shape", ctx->in[0], &storage),
    };
    ctx->in_grad[0] = tn_op1(ctx->graph, "slice_grad", ctx->out_grad[0], attrs, TN_LEN(attrs));
    return TN_OK;
}

#define SLICE_ATTRS                                                                                \
    {.name = "starts", .type = TN_ATTR_INTS, .required = 1, .doc = "first index per sliced axis"}, \
        {.name = "ends",                                                                           \
         .type = TN_ATTR_INTS,                                                                     \
         .required = 1,                                                                            \
         .doc = "index after the last; INT64_MAX (INT64_MIN for a negative step): to the end"},    \
        {.name = "axes", .type = TN_ATTR_INTS, .doc = "sliced axes; empty: the first ones"},       \
    {                                                                                              \
        .name = "steps", .type = TN_ATTR_INTS, .doc = "strides, not 0; empty: ones"                \
    }

static const struct tn_attr_schema slice_attrs[] = {SLICE_ATTRS};
const struct tn_op tn_op_slice = {
    .name = "slice",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = slice_attrs,
    .n_attrs = TN_LEN(slice_attrs),
    .formula = "x[start:end:step] per axis",
    .shapes = "x any dtype; NumPy's rules: negative numbers count from the end, bounds are clamped",
    .infer = slice_infer,
    .gradient = slice_gradient,
    .reference = slice_reference,
};

/* --- slice_grad --- */

static tn_status slice_grad_infer(struct tn_infer *ctx)
{
    struct slice_args args = slice_read(ctx->attrs);
    struct slice_spec spec;
    struct tn_shape whole;
    tn_status st = tn_infer_float(ctx, 0);
    if (st == TN_OK)
        st = tn_ops_infer_shape(ctx, "input_shape", &whole);
    if (st == TN_OK)
        st = check_args(ctx, &args, whole.rank);
    if (st != TN_OK)
        return st;
    slice_resolve(&args, &whole, &spec);
    struct tn_shape part = tn_shape_make(spec.size, whole.rank);
    char text[128];
    if (!tn_shape_equal(&part, &ctx->in[0]->shape))
        return tn_infer_fail(ctx, "dy must have the slice's shape %s",
                             tn_shape_format(&part, text, sizeof(text)));
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, whole};
    return TN_OK;
}

static void slice_grad_reference(const struct tn_ref *ctx)
{
    struct tn_walk w;
    tn_ops_clear(&ctx->out[0]);
    walk_slice(&w, ctx->attrs, &ctx->out[0].type.shape, &ctx->in[0].type.shape);
    for (int64_t i = 0; i < ctx->in[0].count; i++, tn_walk_next(&w))
        ctx->out[0].data.f[w.at[0]] = ctx->in[0].data.f[i];
}

static tn_status slice_grad_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_attr attrs[] = {
        tn_ops_attr(ctx, "starts"),
        tn_ops_attr(ctx, "ends"),
        tn_ops_attr(ctx, "axes"),
        tn_ops_attr(ctx, "steps"),
    };
    ctx->in_grad[0] = tn_op1(ctx->graph, "slice", ctx->out_grad[0], attrs, TN_LEN(attrs));
    return TN_OK;
}

static const char *const slice_grad_in[] = {"dy"};
static const struct tn_attr_schema slice_grad_attrs[] = {
    {.name = "input_shape", .type = TN_ATTR_INTS, .required = 1, .doc = "shape of slice's input"},
    SLICE_ATTRS,
};
const struct tn_op tn_op_slice_grad = {
    .name = "slice_grad",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = slice_grad_in,
    .out_names = tn_ops_out_dx,
    .attrs = slice_grad_attrs,
    .n_attrs = TN_LEN(slice_grad_attrs),
    .formula = "zeros with dy written into the slice",
    .shapes = "dy float, of the slice's shape; dx `input_shape`",
    .infer = slice_grad_infer,
    .gradient = slice_grad_gradient,
    .reference = slice_grad_reference,
};
