/* conv_transpose2d: each input cell spreads a scaled kernel over a larger image.
 * x [N, C, H, W], kernel [C, filters/groups, kh, kw], bias [filters], y [N, filters, OH, OW]. */
#include "base/compiler.h"
#include "nn/layer.h"

static const struct tn_option options[] = {
    OPT_INT("filters", 1, NULL, "number of output channels"),
    OPT_PAIR("kernel_size", 1, NULL, "window: one number or [height, width]"),
    OPT_PAIR("strides", 1, "1", "how far apart neighbouring inputs spread"),
    OPT_PADDING("padding", "valid",
                "valid; same: strides times the input's size; or numbers of cells cut off"),
    OPT_PAIR("output_padding", 0, "0", "cells added at the bottom and the right"),
    OPT_PAIR("dilation_rate", 1, "1", "distance between the window's cells"),
    OPT_INT("groups", 1, "1", "channels are split into this many groups"),
    OPT_CHOICE("activation", tn_activation_names, "linear", "applied to the output"),
    OPT_BOOL("use_bias", "true", "add a bias per filter"),
    OPT_CHOICE("kernel_initializer", tn_initializer_names, "glorot_uniform", "of the weights"),
    OPT_CHOICE("bias_initializer", tn_initializer_names, "zeros", "of the bias"),
};

/* "same" cuts what reaches beyond strides * input, the odd cell at the end, as the convolution that
 * this one transposes pads; a window shorter than its step leaves room, which is added instead. */
static tn_value emit(const struct tn_layer_ctx *ctx, const int64_t kernel[2], tn_value weight,
                     tn_value bias)
{
    int64_t strides[2], dilations[2], extra[2], pads[4];
    tn_options_pair(&ctx->options, "strides", strides);
    tn_options_pair(&ctx->options, "dilation_rate", dilations);
    tn_options_pair(&ctx->options, "output_padding", extra);
    enum tn_padding_mode mode = tn_options_padding(&ctx->options, "padding", pads);
    for (int axis = 0; axis < 2 && mode == TN_PAD_SAME; axis++) {
        int64_t over = (kernel[axis] - 1) * dilations[axis] + 1 - strides[axis];
        pads[axis] = over > 0 ? over / 2 : 0;
        pads[axis + 2] = over > 0 ? over - over / 2 : 0;
        extra[axis] += over < 0 ? -over : 0;
    }
    const struct tn_attr attrs[] = {
        TN_AV("strides", 2, strides),      TN_AV("pads", 4, pads),
        TN_AV("dilations", 2, dilations),  TN_AI("groups", tn_options_int(&ctx->options, "groups")),
        TN_AV("output_padding", 2, extra),
    };
    return tn_op3(ctx->graph, "conv_transpose2d", ctx->in[0], weight, bias, attrs, TN_LEN(attrs));
}

static tn_value build(const struct tn_layer_ctx *ctx)
{
    const struct tn_options *o = &ctx->options;
    struct tn_shape in;
    int64_t kernel[2];
    if (!tn_layer_rank(ctx, 0, 4, 4, &in))
        return TN_NONE;
    int64_t channels = in.dim[1], filters = tn_options_int(o, "filters");
    int64_t groups = tn_options_int(o, "groups");
    tn_options_pair(o, "kernel_size", kernel);
    if (channels <= 0 || channels % groups || filters % groups)
        return tn_layer_fail(ctx, "%lld groups must divide both %lld channels and %lld filters",
                             (long long)groups, (long long)channels, (long long)filters);
    int64_t cells = kernel[0] * kernel[1], fan_in, fan_out;
    if (TN_MUL_OVERFLOW(channels / groups, cells, &fan_in) ||
        TN_MUL_OVERFLOW(filters, cells, &fan_out))
        return tn_layer_fail(ctx,
                             "a kernel of %lld filters and a window of %lld x %lld is too large",
                             (long long)filters, (long long)kernel[0], (long long)kernel[1]);
    tn_value weight =
        tn_layer_param(ctx, "kernel", &TN_SHAPE(channels, filters / groups, kernel[0], kernel[1]),
                       tn_options_string(o, "kernel_initializer"), fan_in, fan_out);
    tn_value bias = TN_NONE;
    if (tn_options_int(o, "use_bias"))
        bias = tn_layer_param(ctx, "bias", &TN_SHAPE(filters),
                              tn_options_string(o, "bias_initializer"), fan_in, fan_out);
    tn_value y = emit(ctx, kernel, weight, bias);
    return tn_layer_activate(ctx, tn_options_string(o, "activation"), y);
}

const struct tn_layer_type tn_layer_conv_transpose2d = {
    .component = {.name = "conv_transpose2d",
                  .doc = "transposed 2-D convolution over [batch, channels, height, width]",
                  .options = options,
                  .n_options = TN_LEN(options),
                  .min_inputs = 1,
                  .max_inputs = 1},
    .build = build,
};
