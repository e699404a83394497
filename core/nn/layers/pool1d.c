/* max_pool1d and avg_pool1d: x [N, C, L] -> y [N, C, OL]. Strides default to the window. */
#include "base/compiler.h"
#include "nn/layer.h"

#define WINDOW_OPTIONS                                                                      \
    OPT_INT("pool_size", 1, "2", "length of the window"),                                   \
        {.name = "strides",                                                                 \
         .type = TN_OPTION_INT,                                                             \
         .has_min = 1,                                                                      \
         .min = 1,                                                                          \
         .doc = "default: pool_size"},                                                      \
        OPT_PADDING("padding", "valid", "valid, same, a number of cells, or [begin, end]"), \
        OPT_BOOL("ceil_mode", "false", "round the output size up")

static const struct tn_option max_options[] = {WINDOW_OPTIONS};
static const struct tn_option avg_options[] = {
    WINDOW_OPTIONS, OPT_BOOL("count_include_pad", "false", "padding cells count in the mean")};

static tn_value build(const struct tn_layer_ctx *ctx, const char *op, size_t n_out)
{
    const struct tn_options *o = &ctx->options;
    struct tn_layer_window w;
    struct tn_shape in;
    tn_value out[2];
    if (!tn_layer_rank(ctx, 0, 3, 3, &in) || !tn_layer_window(ctx, 1, "pool_size", &w) ||
        !tn_layer_fits(ctx, &in, &w))
        return TN_NONE;
    struct tn_attr attrs[6] = {
        TN_AV("kernel", 1, w.kernel),
        TN_AV("strides", 1, w.strides),
        TN_AV("pads", 2, w.pads),
        TN_AS("auto_pad", w.auto_pad),
        TN_AI("ceil_mode", tn_options_int(o, "ceil_mode")),
    };
    size_t n_attrs = 5;
    if (n_out == 1) {
        const struct tn_attr include =
            TN_AI("count_include_pad", tn_options_int(o, "count_include_pad"));
        attrs[n_attrs++] = include;
    }
    tn_graph_op(ctx->graph, op, ctx->in, 1, attrs, n_attrs, out, n_out);
    return out[0];
}

static tn_value build_max(const struct tn_layer_ctx *ctx)
{
    return build(ctx, "max_pool1d", 2);
}

static tn_value build_avg(const struct tn_layer_ctx *ctx)
{
    return build(ctx, "avg_pool1d", 1);
}

const struct tn_layer_type tn_layer_max_pool1d = {
    .component = {.name = "max_pool1d",
                  .doc = "largest value of each window of a sequence",
                  .options = max_options,
                  .n_options = TN_LEN(max_options),
                  .min_inputs = 1,
                  .max_inputs = 1},
    .build = build_max,
};

const struct tn_layer_type tn_layer_avg_pool1d = {
    .component = {.name = "avg_pool1d",
                  .doc = "mean of each window of a sequence",
                  .options = avg_options,
                  .n_options = TN_LEN(avg_options),
                  .min_inputs = 1,
                  .max_inputs = 1},
    .build = build_avg,
};
