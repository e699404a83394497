/* max_pool2d and avg_pool2d: x [N, C, H, W] -> y [N, C, OH, OW]. Strides default to the window. */
#include "base/compiler.h"
#include "nn/layer.h"

static const struct tn_option max_options[] = {
    OPT_PAIR("pool_size", 1, "2", "window: one number or [height, width]"),
    {.name = "strides",
     .type = TN_OPTION_PAIR,
     .has_min = 1,
     .min = 1,
     .doc = "default: pool_size"},
    OPT_PADDING("padding", "valid", "valid, same, or numbers of cells"),
    OPT_BOOL("ceil_mode", "false", "round the output size up"),
};

static const struct tn_option avg_options[] = {
    OPT_PAIR("pool_size", 1, "2", "window: one number or [height, width]"),
    {.name = "strides",
     .type = TN_OPTION_PAIR,
     .has_min = 1,
     .min = 1,
     .doc = "default: pool_size"},
    OPT_PADDING("padding", "valid", "valid, same, or numbers of cells"),
    OPT_BOOL("ceil_mode", "false", "round the output size up"),
    OPT_BOOL("count_include_pad", "false", "padding cells count in the mean"),
};

static int read_window(const struct tn_layer_ctx *ctx, struct tn_layer_window *out)
{
    struct tn_shape in;
    return tn_layer_rank(ctx, 0, 4, 4, &in) && tn_layer_window(ctx, 2, "pool_size", out) &&
           tn_layer_fits(ctx, &in, out);
}

static tn_value build_max(const struct tn_layer_ctx *ctx)
{
    struct tn_layer_window w;
    tn_value out[2];
    if (!read_window(ctx, &w))
        return TN_NONE;
    const struct tn_attr attrs[] = {
        TN_AV("kernel", 2, w.kernel),
        TN_AV("strides", 2, w.strides),
        TN_AV("pads", 4, w.pads),
        TN_AS("auto_pad", w.auto_pad),
        TN_AI("ceil_mode", tn_options_int(&ctx->options, "ceil_mode")),
    };
    tn_graph_op(ctx->graph, "max_pool2d", ctx->in, 1, attrs, TN_LEN(attrs), out, 2);
    return out[0];
}

static tn_value build_avg(const struct tn_layer_ctx *ctx)
{
    struct tn_layer_window w;
    if (!read_window(ctx, &w))
        return TN_NONE;
    const struct tn_attr attrs[] = {
        TN_AV("kernel", 2, w.kernel),
        TN_AV("strides", 2, w.strides),
        TN_AV("pads", 4, w.pads),
        TN_AS("auto_pad", w.auto_pad),
        TN_AI("ceil_mode", tn_options_int(&ctx->options, "ceil_mode")),
        TN_AI("count_include_pad", tn_options_int(&ctx->options, "count_include_pad")),
    };
    return tn_op1(ctx->graph, "avg_pool2d", ctx->in[0], attrs, TN_LEN(attrs));
}

const struct tn_layer_type tn_layer_max_pool2d = {
    .component = {.name = "max_pool2d",
                  .doc = "largest value of each window",
                  .options = max_options,
                  .n_options = TN_LEN(max_options),
                  .min_inputs = 1,
                  .max_inputs = 1},
    .build = build_max,
};

const struct tn_layer_type tn_layer_avg_pool2d = {
    .component = {.name = "avg_pool2d",
                  .doc = "mean of each window",
                  .options = avg_options,
                  .n_options = TN_LEN(avg_options),
                  .min_inputs = 1,
                  .max_inputs = 1},
    .build = build_avg,
};
