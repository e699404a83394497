/* Copies side by side, and axes turned round.
 *
 *   tile       y[i] = x[i mod dim] along each axis, as ONNX Tile
 *              dx = sum over the copies (tile_grad)
 *   tile_grad  linear in dy, so its own gradient is tile again
 *   flip       y[i] = x[dim - 1 - i] along the named axes; dx = dy flipped likewise */
#include "ops/util.h"

static const int64_t *repeats_of(const struct tn_attrs *attrs, uint32_t *out_n)
{
    return tn_attrs_ints(attrs, "repeats", out_n);
}

static tn_status check_repeats(const struct tn_infer *ctx, uint32_t rank)
{
    uint32_t n;
    const int64_t *repeats = repeats_of(ctx->attrs, &n);
    char text[128];
    if (n != rank)
        return tn_infer_fail(ctx, "repeats %s has %u entries, but there are %u axes",
                             tn_ops_format_ints(repeats, n, text, sizeof(text)), n, rank);
    for (uint32_t d = 0; d < n; d++)
        if (repeats[d] < 0)
            return tn_infer_fail(ctx, "repeats %s must be >= 0",
                                 tn_ops_format_ints(repeats, n, text, sizeof(text)));
    return TN_OK;
}

/* For each element of the tiled side: its place in the small side is at[0]. */
static int64_t place_in(const struct tn_shape *small, const int64_t *pos)
{
    int64_t at = 0;
    for (uint32_t d = 0; d < small->rank; d++)
        at = at * small->dim[d] + pos[d] % small->dim[d];
    return at;
}

static tn_status tile_infer(struct tn_infer *ctx)
{
    uint32_t n;
    const int64_t *repeats = repeats_of(ctx->attrs, &n);
    struct tn_shape y = ctx->in[0]->shape;
    tn_status st = check_repeats(ctx, y.rank);
    for (uint32_t d = 0; st == TN_OK && d < y.rank; d++)
        if (TN_MUL_OVERFLOW(y.dim[d], repeats[d], &y.dim[d]))
            return tn_infer_fail(ctx, "axis %u would have more than 2^63 elements", d);
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, y};
    return st;
}

static void tile_reference(const struct tn_ref *ctx)
{
    struct tn_walk w;
    tn_walk_init(&w, &ctx->out[0].type.shape);
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w))
        tn_ops_move(&ctx->out[0], i, &ctx->in[0], place_in(&ctx->in[0].type.shape, w.pos));
}

static tn_status pass_repeats(const struct tn_grad *ctx, const char *op)
{
    struct tn_attr repeats = tn_ops_attr(ctx, "repeats");
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op1(ctx->graph, op, ctx->out_grad[0], &repeats, 1);
    return TN_OK;
}

/* No copy at all leaves nothing to divide dy's dims by: the gradient is then zeros. */
static tn_status tile_gradient(const struct tn_grad *ctx)
{
    uint32_t n;
    const int64_t *repeats = repeats_of(ctx->attrs, &n);
    for (uint32_t d = 0; d < n; d++)
        if (repeats[d] == 0)
            return TN_OK;
    return pass_repeats(ctx, "tile_grad");
}

static const struct tn_attr_schema tile_attrs[] = {
    {.name = "repeats", .type = TN_ATTR_INTS, .required = 1, .doc = "copies along each axis"},
};
const struct tn_op tn_op_tile = {
    .name = "tile",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = tile_attrs,
    .n_attrs = 1,
    .formula = "x repeated along each axis",
    .shapes = "x any dtype; y's dims are x's times `repeats`",
    .infer = tile_infer,
    .gradient = tile_gradient,
    .reference = tile_reference,
};

/* --- tile_grad --- */

static tn_status tile_grad_infer(struct tn_infer *ctx)
{
    uint32_t n;
    const int64_t *repeats = repeats_of(ctx->attrs, &n);
    struct tn_shape dx = ctx->in[0]->shape;
    tn_status st = tn_infer_float(ctx, 0);
    if (st == TN_OK)
        st = check_repeats(ctx, dx.rank);
    for (uint32_t d = 0; st == TN_OK && d < dx.rank; d++) {
        if (repeats[d] == 0 || dx.dim[d] % repeats[d] != 0)
            return tn_infer_fail(ctx, "axis %u of dy has %lld elements: not %lld equal copies", d,
                                 (long long)dx.dim[d], (long long)repeats[d]);
        dx.dim[d] /= repeats[d];
    }
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, dx};
    return st;
}

static void tile_grad_reference(const struct tn_ref *ctx)
{
    struct tn_walk w;
    tn_ops_clear(&ctx->out[0]);
    tn_walk_init(&w, &ctx->in[0].type.shape);
    for (int64_t i = 0; i < ctx->in[0].count; i++, tn_walk_next(&w))
        ctx->out[0].data.f[place_in(&ctx->out[0].type.shape, w.pos)] += ctx->in[0].data.f[i];
}

static tn_status tile_grad_gradient(const struct tn_grad *ctx)
{
    return pass_repeats(ctx, "tile");
}

static const char *const tile_grad_in[] = {"dy"};
const struct tn_op tn_op_tile_grad = {
    .name = "tile_grad",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tile_grad_in,
    .out_names = tn_ops_out_dx,
    .attrs = tile_attrs,
    .n_attrs = 1,
    .formula = "sum of dy over the copies that tile made",
    .shapes = "dy float; dx's dims are dy's divided by `repeats`",
    .infer = tile_grad_infer,
    .gradient = tile_grad_gradient,
    .reference = tile_grad_reference,
};

/* --- flip --- */

static tn_status flip_infer(struct tn_infer *ctx)
{
    ctx->out[0] = *ctx->in[0];
    return tn_ops_infer_axes(ctx, ctx->in[0]->shape.rank);
}

static void flip_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *s = &ctx->out[0].type.shape;
    uint32_t mask = tn_ops_axes_mask(ctx->attrs, s->rank);
    struct tn_walk w;
    tn_walk_init(&w, s);
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w)) {
        int64_t at = 0;
        for (uint32_t d = 0; d < s->rank; d++)
            at = at * s->dim[d] + (mask >> d & 1u ? s->dim[d] - 1 - w.pos[d] : w.pos[d]);
        tn_ops_move(&ctx->out[0], i, &ctx->in[0], at);
    }
}

static tn_status flip_gradient(const struct tn_grad *ctx)
{
    struct tn_attr axes = tn_ops_attr(ctx, "axes");
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op1(ctx->graph, "flip", ctx->out_grad[0], &axes, 1);
    return TN_OK;
}

static const struct tn_attr_schema flip_attrs[] = {
    {.name = "axes", .type = TN_ATTR_INTS, .doc = "axes to turn round; empty: all"},
};
const struct tn_op tn_op_flip = {
    .name = "flip",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = flip_attrs,
    .n_attrs = 1,
    .formula = "x in reverse order along the axes",
    .shapes = "x any dtype; y like x",
    .infer = flip_infer,
    .gradient = flip_gradient,
    .reference = flip_reference,
};
