/* one_hot: y = on_value where the new axis' index equals the given one, else off_value, as ONNX
 * OneHot: an index i in [-depth, 0) means depth + i, any other outside [0, depth) is all off.
 *
 * range: y[i] = start + i step, in double, then converted as by cast; i counts the elements of
 * `shape` in row-major order. NumPy's arange, with a count in place of the end. */
#include "ops/util.h"

static tn_status one_hot_infer(struct tn_infer *ctx)
{
    const struct tn_shape *ids = &ctx->in[0]->shape;
    int64_t depth = tn_attrs_int(ctx->attrs, "depth");
    uint32_t axis;
    if (depth < 1)
        return tn_infer_fail(ctx, "depth is %lld; it must be at least 1", (long long)depth);
    tn_status st = tn_ops_infer_dtype(ctx, &ctx->out[0].dtype);
    if (st == TN_OK)
        st = tn_ops_infer_index(ctx, 0);
    if (st == TN_OK)
        st = tn_infer_rank(ctx, 0, 0, TN_MAX_RANK - 1);
    if (st == TN_OK)
        st = tn_infer_axis(ctx, tn_attrs_int(ctx->attrs, "axis"), ids->rank + 1, &axis);
    if (st != TN_OK)
        return st;
    struct tn_shape y = {.rank = ids->rank + 1};
    for (uint32_t d = 0, k = 0; d < y.rank; d++)
        y.dim[d] = d == axis ? depth : ids->dim[k++];
    ctx->out[0].shape = y;
    return TN_OK;
}

static void one_hot_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *y = &ctx->out[0].type.shape;
    int64_t depth = tn_attrs_int(ctx->attrs, "depth");
    double on = tn_attrs_float(ctx->attrs, "on_value");
    double off = tn_attrs_float(ctx->attrs, "off_value");
    int64_t inner = tn_ops_product(y, tn_ops_axis(ctx->attrs, y->rank) + 1, y->rank);
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        int64_t id = ctx->in[0].data.i[i / inner / depth * inner + i % inner];
        id = id < 0 ? id + depth : id;
        tn_ops_put(&ctx->out[0], i, i / inner % depth == id ? on : off);
    }
}

static const char *const one_hot_in[] = {"indices"};
static const struct tn_attr_schema one_hot_attrs[] = {
    {.name = "depth", .type = TN_ATTR_INT, .required = 1, .doc = "size of the new axis"},
    {.name = "axis", .type = TN_ATTR_INT, .dflt = {.u.i = -1}, .doc = "where y has the new axis"},
    {.name = "on_value", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 1.0}, .doc = "at the index"},
    {.name = "off_value", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 0.0}, .doc = "elsewhere"},
    {.name = "dtype", .type = TN_ATTR_STRING, .dflt = {.u.s = "f32"}, .doc = "element type of y"},
};
const struct tn_op tn_op_one_hot = {
    .name = "one_hot",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = one_hot_in,
    .out_names = tn_ops_out_y,
    .attrs = one_hot_attrs,
    .n_attrs = TN_LEN(one_hot_attrs),
    .formula = "on_value where the new axis' place is the index, else off_value",
    .shapes =
        "indices i32 or i64; y of `dtype`, with an axis of `depth` more; negative indices count "
        "from depth, one outside [-depth, depth) is all off",
    .infer = one_hot_infer,
    .no_gradient = "an index does not vary smoothly",
    .reference = one_hot_reference,
};

/* --- range --- */

static tn_status range_infer(struct tn_infer *ctx)
{
    uint32_t rank;
    int64_t n = tn_attrs_int(ctx->attrs, "count");
    tn_attrs_ints(ctx->attrs, "shape", &rank);
    if (rank == 0 && n < 0)
        return tn_infer_fail(ctx, "count is %lld; give the number of elements, or a shape",
                             (long long)n);
    if (rank != 0 && n >= 0)
        return tn_infer_fail(ctx, "give either count or shape");
    ctx->out[0].shape = TN_SHAPE(n);
    tn_status st = rank ? tn_ops_infer_shape(ctx, "shape", &ctx->out[0].shape) : TN_OK;
    return st == TN_OK ? tn_ops_infer_dtype(ctx, &ctx->out[0].dtype) : st;
}

static void range_reference(const struct tn_ref *ctx)
{
    double start = tn_attrs_float(ctx->attrs, "start"), step = tn_attrs_float(ctx->attrs, "step");
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        tn_ops_put(&ctx->out[0], i, start + (double)i * step);
}

static const struct tn_attr_schema range_attrs[] = {
    {.name = "start", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 0.0}, .doc = "first number"},
    {.name = "step", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 1.0}, .doc = "from one to the next"},
    {.name = "count",
     .type = TN_ATTR_INT,
     .dflt = {.u.i = -1},
     .doc = "elements of y, of one axis; -1: see shape"},
    {.name = "shape",
     .type = TN_ATTR_INTS,
     .doc = "shape of y, counted row by row; empty: see count"},
    {.name = "dtype", .type = TN_ATTR_STRING, .dflt = {.u.s = "f32"}, .doc = "element type"},
};
const struct tn_op tn_op_range = {
    .name = "range",
    .version = 1,
    .min_in = 0,
    .max_in = 0,
    .n_out = 1,
    .out_names = tn_ops_out_y,
    .attrs = range_attrs,
    .n_attrs = TN_LEN(range_attrs),
    .formula = "y[i] = start + i step, converted as by cast",
    .shapes = "y [count] or `shape`, of `dtype`",
    .infer = range_infer,
    .no_gradient = "it has no inputs",
    .reference = range_reference,
};
