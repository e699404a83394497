/* Slices whose place is a device value: a cache is written at the current position without a new
 * graph per step. XLA's semantics: start is clamped to [0, dim - size], so a slice always fits.
 *
 *   dynamic_slice         y = x[start : start + size]
 *                         dx = zeros with dy written at start
 *   dynamic_update_slice  y = x with update written at start
 *                         dx = dy with zeros written at start; dupdate = dy[start : start + size]
 */
#include "ops/util.h"

/* start is i32 or i64 [rank of x]. */
static tn_status check_start(const struct tn_infer *ctx, uint32_t input)
{
    const struct tn_type *start = ctx->in[input];
    uint32_t rank = ctx->in[0]->shape.rank;
    int is_index = start->dtype == TN_I32 || start->dtype == TN_I64;
    if (!is_index || start->shape.rank != 1 || start->shape.dim[0] != rank)
        return tn_infer_fail(ctx, "start must be i32 or i64 [%u]: one index per axis of x", rank);
    return TN_OK;
}

/* For each element of the part: its offset in the whole. */
static void walk_part(struct tn_walk *w, const struct tn_shape *whole, const struct tn_shape *part,
                      const int64_t *start)
{
    int64_t stride[TN_MAX_RANK];
    tn_ops_strides(whole, stride);
    tn_walk_init(w, part);
    for (uint32_t d = 0; d < whole->rank; d++) {
        int64_t last = whole->dim[d] - part->dim[d];
        int64_t at = start[d] < 0 ? 0 : start[d] > last ? last : start[d];
        w->stride[0][d] = stride[d];
        w->at[0] += at * stride[d];
    }
}

/* --- dynamic_slice --- */

static tn_status dynamic_slice_infer(struct tn_infer *ctx)
{
    uint32_t n;
    const int64_t *size = tn_attrs_ints(ctx->attrs, "size", &n);
    const struct tn_shape *x = &ctx->in[0]->shape;
    tn_status st = check_start(ctx, 1);
    if (st != TN_OK)
        return st;
    if (n != x->rank)
        return tn_infer_fail(ctx, "size has %u entries, but x has %u axes", n, x->rank);
    for (uint32_t d = 0; d < n; d++)
        if (size[d] < 0 || size[d] > x->dim[d])
            return tn_infer_fail(ctx, "size %lld of axis %u does not fit its %lld elements",
                                 (long long)size[d], d, (long long)x->dim[d]);
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, tn_shape_make(size, n)};
    return TN_OK;
}

static void dynamic_slice_reference(const struct tn_ref *ctx)
{
    struct tn_walk w;
    walk_part(&w, &ctx->in[0].type.shape, &ctx->out[0].type.shape, ctx->in[1].data.i);
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w)) {
        if (tn_dtype_is_float(ctx->out[0].type.dtype))
            ctx->out[0].data.f[i] = ctx->in[0].data.f[w.at[0]];
        else
            ctx->out[0].data.i[i] = ctx->in[0].data.i[w.at[0]];
    }
}

static tn_status dynamic_slice_gradient(const struct tn_grad *ctx)
{
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op3(ctx->graph, "dynamic_update_slice", tn_ops_zeros(ctx, ctx->in[0]),
                                 ctx->out_grad[0], ctx->in[1], NULL, 0);
    return TN_OK;
}

static const char *const dynamic_slice_in[] = {"x", "start"};
static const struct tn_attr_schema dynamic_slice_attrs[] = {
    {.name = "size", .type = TN_ATTR_INTS, .required = 1, .doc = "elements to take of each axis"},
};
const struct tn_op tn_op_dynamic_slice = {
    .name = "dynamic_slice",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .in_names = dynamic_slice_in,
    .out_names = tn_ops_out_y,
    .attrs = dynamic_slice_attrs,
    .n_attrs = 1,
    .formula = "x[start : start + size], start clamped so that the slice fits",
    .shapes = "x any dtype, start i32 or i64 [rank of x]; y of the shape `size`",
    .infer = dynamic_slice_infer,
    .gradient = dynamic_slice_gradient,
    .reference = dynamic_slice_reference,
};

/* --- dynamic_update_slice --- */

static tn_status dynamic_update_slice_infer(struct tn_infer *ctx)
{
    const struct tn_shape *x = &ctx->in[0]->shape, *update = &ctx->in[1]->shape;
    tn_status st = tn_infer_same_dtype(ctx, 0, 1);
    if (st == TN_OK)
        st = check_start(ctx, 2);
    if (st != TN_OK)
        return st;
    if (update->rank != x->rank)
        return tn_infer_fail(ctx, "update has %u axes, but x has %u", update->rank, x->rank);
    for (uint32_t d = 0; d < x->rank; d++)
        if (update->dim[d] > x->dim[d])
            return tn_infer_fail(ctx, "update has %lld elements along axis %u, but x only %lld",
                                 (long long)update->dim[d], d, (long long)x->dim[d]);
    ctx->out[0] = *ctx->in[0];
    return TN_OK;
}

static void dynamic_update_slice_reference(const struct tn_ref *ctx)
{
    struct tn_walk w;
    int is_float = tn_dtype_is_float(ctx->out[0].type.dtype);
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        if (is_float)
            ctx->out[0].data.f[i] = ctx->in[0].data.f[i];
        else
            ctx->out[0].data.i[i] = ctx->in[0].data.i[i];
    }
    walk_part(&w, &ctx->out[0].type.shape, &ctx->in[1].type.shape, ctx->in[2].data.i);
    for (int64_t i = 0; i < ctx->in[1].count; i++, tn_walk_next(&w)) {
        if (is_float)
            ctx->out[0].data.f[w.at[0]] = ctx->in[1].data.f[i];
        else
            ctx->out[0].data.i[w.at[0]] = ctx->in[1].data.i[i];
    }
}

static tn_status dynamic_update_slice_gradient(const struct tn_grad *ctx)
{
    tn_value dy = ctx->out_grad[0], update = ctx->in[1], start = ctx->in[2];
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op3(ctx->graph, "dynamic_update_slice", dy, tn_ops_zeros(ctx, update),
                                 start, NULL, 0);
    if (ctx->needed[1]) {
        struct tn_shape storage;
        struct tn_attr size = tn_grad_shape_attr(ctx, "size", update, &storage);
        ctx->in_grad[1] = tn_op2(ctx->graph, "dynamic_slice", dy, start, &size, 1);
    }
    return TN_OK;
}

static const char *const dynamic_update_slice_in[] = {"x", "update", "start"};
const struct tn_op tn_op_dynamic_update_slice = {
    .name = "dynamic_update_slice",
    .version = 1,
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .in_names = dynamic_update_slice_in,
    .out_names = tn_ops_out_y,
    .formula = "x with update written at start, clamped so that it fits",
    .shapes = "x, update of one dtype (any) and rank, no dim of update larger than x's; start i32 "
              "or i64 [rank]; y like x",
    .infer = dynamic_update_slice_infer,
    .gradient = dynamic_update_slice_gradient,
    .reference = dynamic_update_slice_reference,
};
