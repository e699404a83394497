/* conv1d: cross-correlation over sequences, with bias and activation.
 * x [N, C, L], kernel [filters, C/groups, k], bias [filters], y [N, filters, OL]. */
#include "base/compiler.h"
#include "nn/layer.h"

static const struct tn_option options[] = {
    OPT_INT("filters", 1, NULL, "number of output channels"),
    OPT_INT("kernel_size", 1, NULL, "length of the window"),
    OPT_INT("strides", 1, "1", "step of the window"),
    OPT_PADDING("padding", "valid", "valid, same, a number of cells, or [begin, end]"),
    OPT_INT("dilation_rate", 1, "1", "distance between the window's cells"),
    OPT_INT("groups", 1, "1", "channels are split into this many groups"),
    OPT_CHOICE("activation", tn_activation_names, "linear", "applied to the output"),
    OPT_BOOL("use_bias", "true", "add a bias per filter"),
    OPT_CHOICE("kernel_initializer", tn_initializer_names, "glorot_uniform", "of the weights"),
    OPT_CHOICE("bias_initializer", tn_initializer_names, "zeros", "of the bias"),
};

static tn_value build(const struct tn_layer_ctx *ctx)
{
    const struct tn_options *o = &ctx->options;
    struct tn_shape in;
    if (!tn_layer_rank(ctx, 0, 3, 3, &in))
        return TN_NONE;
    int64_t channels = in.dim[1], filters = tn_options_int(o, "filters"), pads[2];
    int64_t groups = tn_options_int(o, "groups"), kernel = tn_options_int(o, "kernel_size");
    int64_t stride = tn_options_int(o, "strides"), dilation = tn_options_int(o, "dilation_rate");
    if (channels <= 0 || channels % groups || filters % groups)
        return tn_layer_fail(ctx, "%lld groups must divide both %lld channels and %lld filters",
                             (long long)groups, (long long)channels, (long long)filters);
    int64_t fan_in, fan_out;
    if (TN_MUL_OVERFLOW(channels / groups, kernel, &fan_in) ||
        TN_MUL_OVERFLOW(filters, kernel, &fan_out))
        return tn_layer_fail(ctx, "a kernel of %lld filters and a window of %lld is too large",
                             (long long)filters, (long long)kernel);
    if (!tn_layer_line_pads(ctx, &in, kernel, stride, dilation, pads))
        return TN_NONE;
    tn_value weight = tn_layer_param(ctx, "kernel", &TN_SHAPE(filters, channels / groups, kernel),
                                     tn_options_string(o, "kernel_initializer"), fan_in, fan_out);
    tn_value bias = TN_NONE;
    if (tn_options_int(o, "use_bias"))
        bias = tn_layer_param(ctx, "bias", &TN_SHAPE(filters),
                              tn_options_string(o, "bias_initializer"), fan_in, fan_out);
    const struct tn_attr attrs[] = {TN_AV("strides", 1, &stride), TN_AV("pads", 2, pads),
                                    TN_AV("dilations", 1, &dilation), TN_AI("groups", groups)};
    tn_value y = tn_op3(ctx->graph, "conv1d", ctx->in[0], weight, bias, attrs, TN_LEN(attrs));
    return tn_layer_activate(ctx, tn_options_string(o, "activation"), y);
}

const struct tn_layer_type tn_layer_conv1d = {
    .component = {.name = "conv1d",
                  .doc = "1-D convolution over [batch, channels, length]",
                  .options = options,
                  .n_options = TN_LEN(options),
                  .min_inputs = 1,
                  .max_inputs = 1},
    .build = build,
};
