/* Elements by index along one axis, as ONNX Gather, GatherElements and ScatterElements (reduction
 * add). An index i in [-n, 0) means n + i.
 *
 *   gather           y[a, k, b] = x[a, indices[k], b]
 *                    dx = sums of dy by index (gather_grad)
 *   gather_grad      linear in dy, so its own gradient is the gather again
 *   take_along_axis  y[.., i, ..] = x[.., indices[.., i, ..], ..]
 *                    dx = scatter_add in zeros
 *   scatter_add      y = x, then y[.., indices[.., i, ..], ..] += updates[.., i, ..]
 *                    dx = dy, dupdates = take_along_axis of dy
 *
 * Outside [-n, n) ONNX leaves the result open; here such an index gives zero, and takes part in no
 * sum, on every device. Sums run in order of position, so that every run gives the same bits. */
#include "ops/util.h"

/* The index as one in [0, n), or -1. */
static int64_t resolve(int64_t index, int64_t n)
{
    if (index < 0)
        index += n;
    return index >= 0 && index < n ? index : -1;
}

/* `shape` with `dims` in the place of its axes [axis, axis + n_old). */
static tn_status replace_axes(const struct tn_infer *ctx, const struct tn_shape *shape,
                              uint32_t axis, uint32_t n_old, const struct tn_shape *dims,
                              struct tn_shape *out_shape)
{
    struct tn_shape made = tn_shape_make(shape->dim, axis);
    if (shape->rank - n_old + dims->rank > TN_MAX_RANK)
        return tn_infer_fail(ctx, "the output would have %u axes; at most %d are possible",
                             shape->rank - n_old + dims->rank, TN_MAX_RANK);
    for (uint32_t d = 0; d < dims->rank; d++)
        made.dim[made.rank++] = dims->dim[d];
    for (uint32_t d = axis + n_old; d < shape->rank; d++)
        made.dim[made.rank++] = shape->dim[d];
    *out_shape = made;
    return TN_OK;
}

/* --- gather --- */

static tn_status gather_infer(struct tn_infer *ctx)
{
    const struct tn_shape *x = &ctx->in[0]->shape, *ids = &ctx->in[1]->shape;
    uint32_t axis;
    tn_status st = tn_ops_infer_index(ctx, 1);
    if (st == TN_OK)
        st = tn_infer_axis(ctx, tn_attrs_int(ctx->attrs, "axis"), x->rank, &axis);
    if (st != TN_OK)
        return st;
    ctx->out[0].dtype = ctx->in[0]->dtype;
    return replace_axes(ctx, x, axis, 1, ids, &ctx->out[0].shape);
}

static void gather_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *x = &ctx->in[0].type.shape;
    uint32_t axis = tn_ops_axis(ctx->attrs, x->rank);
    int64_t inner = tn_ops_product(x, axis + 1, x->rank), n = x->dim[axis];
    int64_t n_ids = ctx->in[1].count;
    tn_ops_clear(&ctx->out[0]);
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        int64_t b = i % inner, k = i / inner % n_ids, a = i / inner / n_ids;
        int64_t v = resolve(ctx->in[1].data.i[k], n);
        if (v >= 0)
            tn_ops_move(&ctx->out[0], i, &ctx->in[0], (a * n + v) * inner + b);
    }
}

static tn_status gather_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_shape x = tn_graph_shape(ctx->graph, ctx->in[0]);
    uint32_t axis = tn_ops_axis(ctx->attrs, x.rank);
    struct tn_attr attrs[] = {TN_AI("axis", axis), TN_AI("size", x.dim[axis])};
    ctx->in_grad[0] =
        tn_op2(ctx->graph, "gather_grad", ctx->in[1], ctx->out_grad[0], attrs, TN_LEN(attrs));
    return TN_OK;
}

static const char *const gather_in[] = {"x", "indices"};
static const struct tn_attr_schema axis_attrs[] = {
    {.name = "axis", .type = TN_ATTR_INT, .dflt = {.u.i = 0}, .doc = "axis of x that is indexed"},
};
const struct tn_op tn_op_gather = {
    .name = "gather",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .in_names = gather_in,
    .out_names = tn_ops_out_y,
    .attrs = axis_attrs,
    .n_attrs = 1,
    .formula = "x[..., indices, ...] along the axis; zero for an index outside [-n, n)",
    .shapes = "x any dtype, indices i32 or i64 of any shape, which takes the axis' place in y",
    .infer = gather_infer,
    .gradient = gather_gradient,
    .reference = gather_reference,
};

/* --- gather_grad --- */

static tn_status gather_grad_infer(struct tn_infer *ctx)
{
    const struct tn_shape *ids = &ctx->in[0]->shape, *dy = &ctx->in[1]->shape;
    int64_t size = tn_attrs_int(ctx->attrs, "size");
    uint32_t axis;
    tn_status st = tn_ops_infer_index(ctx, 0);
    if (st == TN_OK)
        st = tn_infer_float(ctx, 1);
    if (st == TN_OK)
        st = tn_infer_rank(ctx, 1, ids->rank, TN_MAX_RANK);
    if (st != TN_OK)
        return st;
    uint32_t rank = dy->rank - ids->rank + 1;
    st = tn_infer_axis(ctx, tn_attrs_int(ctx->attrs, "axis"), rank, &axis);
    if (st != TN_OK)
        return st;
    for (uint32_t d = 0; d < ids->rank; d++)
        if (dy->dim[axis + d] != ids->dim[d])
            return tn_infer_fail(ctx, "dy must have the dims of indices from axis %u on", axis);
    if (size < 0)
        return tn_infer_fail(ctx, "size is %lld; it must be that of gather's x along the axis",
                             (long long)size);
    ctx->out[0].dtype = ctx->in[1]->dtype;
    return replace_axes(ctx, dy, axis, ids->rank, &TN_SHAPE(size), &ctx->out[0].shape);
}

static void gather_grad_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *dx = &ctx->out[0].type.shape;
    uint32_t axis = tn_ops_axis(ctx->attrs, dx->rank);
    int64_t inner = tn_ops_product(dx, axis + 1, dx->rank), n = dx->dim[axis];
    int64_t n_ids = ctx->in[0].count;
    tn_ops_clear(&ctx->out[0]);
    for (int64_t i = 0; i < ctx->in[1].count; i++) {
        int64_t b = i % inner, k = i / inner % n_ids, a = i / inner / n_ids;
        int64_t v = resolve(ctx->in[0].data.i[k], n);
        if (v >= 0)
            ctx->out[0].data.f[(a * n + v) * inner + b] += ctx->in[1].data.f[i];
    }
}

static tn_status gather_grad_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[1])
        return TN_OK;
    uint32_t rank = tn_graph_shape(ctx->graph, ctx->out[0]).rank;
    struct tn_attr axis = TN_AI("axis", tn_ops_axis(ctx->attrs, rank));
    ctx->in_grad[1] = tn_op2(ctx->graph, "gather", ctx->out_grad[0], ctx->in[0], &axis, 1);
    return TN_OK;
}

static const char *const gather_grad_in[] = {"indices", "dy"};
static const struct tn_attr_schema gather_grad_attrs[] = {
    {.name = "axis", .type = TN_ATTR_INT, .dflt = {.u.i = 0}, .doc = "axis of dx that is indexed"},
    {.name = "size", .type = TN_ATTR_INT, .required = 1, .doc = "dx's size along the axis"},
};
const struct tn_op tn_op_gather_grad = {
    .name = "gather_grad",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .in_names = gather_grad_in,
    .out_names = tn_ops_out_dx,
    .attrs = gather_grad_attrs,
    .n_attrs = TN_LEN(gather_grad_attrs),
    .formula = "dx[..., v, ...] = sum of dy over the positions of indices that hold v",
    .shapes = "indices i32 or i64, dy float of gather's y's shape; sums in order of position",
    .infer = gather_grad_infer,
    .gradient = gather_grad_gradient,
    .reference = gather_grad_reference,
};

/* --- take_along_axis --- */

/* `indices` (input 1) has x's rank and, off the axis, no dim larger than x's. */
static tn_status along_infer(const struct tn_infer *ctx, uint32_t *out_axis)
{
    const struct tn_shape *x = &ctx->in[0]->shape, *ids = &ctx->in[1]->shape;
    tn_status st = tn_ops_infer_index(ctx, 1);
    if (st == TN_OK)
        st = tn_infer_axis(ctx, tn_attrs_int(ctx->attrs, "axis"), x->rank, out_axis);
    if (st != TN_OK)
        return st;
    if (ids->rank != x->rank)
        return tn_infer_fail(ctx, "indices have %u axes, but x has %u", ids->rank, x->rank);
    for (uint32_t d = 0; d < x->rank; d++)
        if (d != *out_axis && ids->dim[d] > x->dim[d])
            return tn_infer_fail(ctx, "indices have %lld elements along axis %u, but x only %lld",
                                 (long long)ids->dim[d], d, (long long)x->dim[d]);
    return TN_OK;
}

static tn_status take_along_axis_infer(struct tn_infer *ctx)
{
    uint32_t axis;
    tn_status st = along_infer(ctx, &axis);
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, ctx->in[1]->shape};
    return st;
}

/* Walks the indices; at[0] is the place in x at index 0 of the axis, to which index * the returned
 * stride is added. */
static int64_t walk_along(struct tn_walk *w, const struct tn_shape *ids, const struct tn_shape *x,
                          uint32_t axis)
{
    int64_t stride[TN_MAX_RANK];
    tn_ops_strides(x, stride);
    tn_walk_init(w, ids);
    for (uint32_t d = 0; d < x->rank; d++)
        w->stride[0][d] = d == axis ? 0 : stride[d];
    return stride[axis];
}

static void take_along_axis_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *x = &ctx->in[0].type.shape;
    uint32_t axis = tn_ops_axis(ctx->attrs, x->rank);
    struct tn_walk w;
    int64_t step = walk_along(&w, &ctx->in[1].type.shape, x, axis);
    tn_ops_clear(&ctx->out[0]);
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w)) {
        int64_t v = resolve(ctx->in[1].data.i[i], x->dim[axis]);
        if (v >= 0)
            tn_ops_move(&ctx->out[0], i, &ctx->in[0], w.at[0] + v * step);
    }
}

static tn_status take_along_axis_gradient(const struct tn_grad *ctx)
{
    struct tn_attr axis = tn_ops_attr(ctx, "axis");
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op3(ctx->graph, "scatter_add", tn_ops_zeros(ctx, ctx->in[0]),
                                 ctx->in[1], ctx->out_grad[0], &axis, 1);
    return TN_OK;
}

const struct tn_op tn_op_take_along_axis = {
    .name = "take_along_axis",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .in_names = gather_in,
    .out_names = tn_ops_out_y,
    .attrs = axis_attrs,
    .n_attrs = 1,
    .formula =
        "y[..., i, ...] = x[..., indices[..., i, ...], ...]; zero for an index outside [-n, n)",
    .shapes =
        "x any dtype, indices i32 or i64 of x's rank, off the axis no dim larger than x's; y of "
        "indices' shape",
    .infer = take_along_axis_infer,
    .gradient = take_along_axis_gradient,
    .reference = take_along_axis_reference,
};

/* --- scatter_add --- */

static tn_status scatter_add_infer(struct tn_infer *ctx)
{
    uint32_t axis;
    tn_status st = along_infer(ctx, &axis);
    if (st == TN_OK)
        st = tn_infer_same_dtype(ctx, 0, 2);
    if (st == TN_OK)
        st = tn_infer_same_shape(ctx, 1, 2);
    if (st == TN_OK && ctx->in[0]->dtype == TN_BOOL)
        st = tn_infer_fail(ctx, "bool has no sum; cast it to a number first");
    ctx->out[0] = *ctx->in[0];
    return st;
}

static void scatter_add_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *x = &ctx->in[0].type.shape;
    uint32_t axis = tn_ops_axis(ctx->attrs, x->rank);
    struct tn_walk w;
    int64_t step = walk_along(&w, &ctx->in[1].type.shape, x, axis);
    tn_ops_copy(ctx);
    for (int64_t i = 0; i < ctx->in[1].count; i++, tn_walk_next(&w)) {
        int64_t v = resolve(ctx->in[1].data.i[i], x->dim[axis]);
        if (v >= 0)
            tn_ops_add(&ctx->out[0], w.at[0] + v * step, &ctx->in[2], i);
    }
}

static tn_status scatter_add_gradient(const struct tn_grad *ctx)
{
    struct tn_attr axis = tn_ops_attr(ctx, "axis");
    if (ctx->needed[0])
        ctx->in_grad[0] = ctx->out_grad[0];
    if (ctx->needed[2])
        ctx->in_grad[2] =
            tn_op2(ctx->graph, "take_along_axis", ctx->out_grad[0], ctx->in[1], &axis, 1);
    return TN_OK;
}

static const char *const scatter_add_in[] = {"x", "indices", "updates"};
const struct tn_op tn_op_scatter_add = {
    .name = "scatter_add",
    .version = 1,
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .in_names = scatter_add_in,
    .out_names = tn_ops_out_y,
    .attrs = axis_attrs,
    .n_attrs = 1,
    .formula = "y = x, then y[..., indices[..., i, ...], ...] += updates[..., i, ...]",
    .shapes =
        "x a number of any dtype, updates likewise, indices i32 or i64 of updates' shape and x's "
        "rank, off the axis no dim larger than x's; sums in order of position; an index outside "
        "[-n, n) is ignored",
    .infer = scatter_add_infer,
    .gradient = scatter_add_gradient,
    .reference = scatter_add_reference,
};
