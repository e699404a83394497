/* Squares of places moved into the channels and back, as ONNX DepthToSpace and SpaceToDepth.
 *
 * With block b, C channels on the deep side's finer end:
 *   DCR  deep channel (i b + j) C + c  <->  place (h b + i, w b + j) of channel c
 *   CRD  deep channel c b^2 + i b + j  <->  the same place
 * Either is the other's inverse, so that each is the other's gradient. */
#include <string.h>

#include "ops/util.h"

static tn_status check_block(const struct tn_infer *ctx, int64_t *out_block)
{
    int64_t block = tn_attrs_int(ctx->attrs, "block");
    const char *mode = tn_attrs_string(ctx->attrs, "mode");
    tn_status st = tn_infer_rank(ctx, 0, 4, 4);
    if (st != TN_OK)
        return st;
    if (block < 1 || block > 32768)
        return tn_infer_fail(ctx, "block is %lld; it must be 1 to 32768", (long long)block);
    if (strcmp(mode, "DCR") != 0 && strcmp(mode, "CRD") != 0)
        return tn_infer_fail(ctx, "mode is '%s'; it must be DCR or CRD", mode);
    *out_block = block;
    return TN_OK;
}

/* Moves every element between deep [N, C b^2, H, W] and wide [N, C, H b, W b]. */
static void move_blocks(const struct tn_ref *ctx, const struct tn_shape *deep, int to_wide)
{
    int64_t b = tn_attrs_int(ctx->attrs, "block"), h = deep->dim[2], w = deep->dim[3];
    int64_t c = deep->dim[1] / (b * b), at = 0;
    int crd = tn_attrs_string(ctx->attrs, "mode")[0] == 'C';
    for (int64_t n = 0; n < deep->dim[0]; n++)
        for (int64_t ch = 0; ch < c; ch++)
            for (int64_t y = 0; y < h * b; y++)
                for (int64_t x = 0; x < w * b; x++, at++) {
                    int64_t cell = y % b * b + x % b;
                    int64_t from = crd ? ch * b * b + cell : cell * c + ch;
                    int64_t d = ((n * deep->dim[1] + from) * h + y / b) * w + x / b;
                    tn_ops_move(&ctx->out[0], to_wide ? at : d, &ctx->in[0], to_wide ? d : at);
                }
}

static tn_status other_way(const struct tn_grad *ctx, const char *op)
{
    struct tn_attr attrs[] = {tn_ops_attr(ctx, "block"), tn_ops_attr(ctx, "mode")};
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op1(ctx->graph, op, ctx->out_grad[0], attrs, TN_LEN(attrs));
    return TN_OK;
}

static tn_status depth_to_space_infer(struct tn_infer *ctx)
{
    int64_t b;
    tn_status st = check_block(ctx, &b);
    if (st != TN_OK)
        return st;
    struct tn_shape y = ctx->in[0]->shape;
    if (y.dim[1] % (b * b) != 0)
        return tn_infer_fail(ctx, "%lld channels are no multiple of block^2 = %lld",
                             (long long)y.dim[1], (long long)(b * b));
    y.dim[1] /= b * b;
    if (TN_MUL_OVERFLOW(y.dim[2], b, &y.dim[2]) || TN_MUL_OVERFLOW(y.dim[3], b, &y.dim[3]))
        return tn_infer_fail(ctx, "y would have more than 2^63 rows or columns");
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, y};
    return TN_OK;
}

static tn_status space_to_depth_infer(struct tn_infer *ctx)
{
    int64_t b;
    tn_status st = check_block(ctx, &b);
    if (st != TN_OK)
        return st;
    struct tn_shape y = ctx->in[0]->shape;
    if (y.dim[2] % b != 0 || y.dim[3] % b != 0)
        return tn_infer_fail(ctx, "%lld rows and %lld columns must be multiples of block = %lld",
                             (long long)y.dim[2], (long long)y.dim[3], (long long)b);
    if (TN_MUL_OVERFLOW(y.dim[1], b * b, &y.dim[1]))
        return tn_infer_fail(ctx, "y would have more than 2^63 channels");
    y.dim[2] /= b;
    y.dim[3] /= b;
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, y};
    return TN_OK;
}

static void depth_to_space_reference(const struct tn_ref *ctx)
{
    move_blocks(ctx, &ctx->in[0].type.shape, 1);
}

static void space_to_depth_reference(const struct tn_ref *ctx)
{
    move_blocks(ctx, &ctx->out[0].type.shape, 0);
}

static tn_status depth_to_space_gradient(const struct tn_grad *ctx)
{
    return other_way(ctx, "space_to_depth");
}

static tn_status space_to_depth_gradient(const struct tn_grad *ctx)
{
    return other_way(ctx, "depth_to_space");
}

static const struct tn_attr_schema block_attrs[] = {
    {.name = "block", .type = TN_ATTR_INT, .required = 1, .doc = "side of the square"},
    {.name = "mode",
     .type = TN_ATTR_STRING,
     .dflt = {.u.s = "DCR"},
     .doc = "order of the deep channels: DCR (place, channel) or CRD (channel, place)"},
};
const struct tn_op tn_op_space_to_depth = {
    .name = "space_to_depth",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = block_attrs,
    .n_attrs = TN_LEN(block_attrs),
    .formula = "each block x block square of places becomes block^2 channels",
    .shapes = "x [N, C, H, W] any dtype; y [N, C block^2, H/block, W/block]",
    .infer = space_to_depth_infer,
    .gradient = space_to_depth_gradient,
    .reference = space_to_depth_reference,
};
const struct tn_op tn_op_depth_to_space = {
    .name = "depth_to_space",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = block_attrs,
    .n_attrs = TN_LEN(block_attrs),
    .formula = "each block^2 channels become a block x block square of places",
    .shapes = "x [N, C block^2, H, W] any dtype; y [N, C, H block, W block]",
    .infer = depth_to_space_infer,
    .gradient = depth_to_space_gradient,
    .reference = depth_to_space_reference,
};
