/* Global pools: x [N, C, L] or [N, C, H, W] -> y [N, C], or with the pooled axes as dims of 1. */
#include "base/compiler.h"
#include "nn/layer.h"

static const struct tn_option options[] = {
    OPT_BOOL("keepdims", "false", "the pooled axes stay, as dims of 1"),
};

static tn_value build(const struct tn_layer_ctx *ctx, const char *op, size_t n_out, uint32_t rank)
{
    struct tn_shape in;
    tn_value out[2];
    if (!tn_layer_rank(ctx, 0, rank, rank, &in))
        return TN_NONE;
    tn_graph_op(ctx->graph, op, ctx->in, 1, NULL, 0, out, n_out);
    if (tn_options_int(&ctx->options, "keepdims"))
        return out[0];
    return tn_reshape(ctx->graph, out[0], &TN_SHAPE(in.dim[0], in.dim[1]));
}

#define GLOBAL_POOL(id, op, n_out, rank, what)                 \
    static tn_value build_##id(const struct tn_layer_ctx *ctx) \
    {                                                          \
        return build(ctx, op, n_out, rank);                    \
    }                                                          \
    const struct tn_layer_type tn_layer_##id = {               \
        .component = {.name = #id,                             \
                      .doc = what,                             \
                      .options = options,                      \
                      .n_options = TN_LEN(options),            \
                      .min_inputs = 1,                         \
                      .max_inputs = 1},                        \
        .build = build_##id,                                   \
    };

/* clang-format off */
GLOBAL_POOL(global_avg_pool1d, "global_avg_pool", 1, 3, "mean of each channel of a sequence")
GLOBAL_POOL(global_max_pool1d, "global_max_pool", 2, 3, "largest value of each channel of a sequence")
GLOBAL_POOL(global_avg_pool2d, "global_avg_pool", 1, 4, "mean of each channel of an image")
GLOBAL_POOL(global_max_pool2d, "global_max_pool", 2, 4, "largest value of each channel of an image")
/* clang-format on */
