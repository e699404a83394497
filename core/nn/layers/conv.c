/* conv1d, conv2d, conv3d: cross-correlation, with bias and activation;
 * x [N, C, ..], kernel [filters, C/groups, ..], bias [filters], y [N, filters, ..].
 *
 * conv_transpose1d, conv_transpose2d: each input cell spreads a scaled kernel over a larger output;
 * kernel [C, filters/groups, ..]. */
#include <stdio.h>

#include "base/compiler.h"
#include "nn/layer.h"

#define TAIL_OPTIONS                                                                      \
    OPT_INT("groups", 1, "1", "channels are split into this many groups"),                \
        OPT_CHOICE("activation", tn_activation_names, "linear", "applied to the output"), \
        OPT_BOOL("use_bias", "true", "add a bias per filter"),                            \
        OPT_CHOICE("kernel_initializer", tn_initializer_names, "glorot_uniform",          \
                   "of the weights"),                                                     \
        OPT_CHOICE("bias_initializer", tn_initializer_names, "zeros", "of the bias")
#define CUT_DOC "valid; same: strides times the input's size; or numbers of cells cut off"

static const struct tn_option options_1d[] = {
    OPT_INT("filters", 1, NULL, "number of output channels"),
    OPT_INT("kernel_size", 1, NULL, "length of the window"),
    OPT_INT("strides", 1, "1", "step of the window"),
    OPT_PADDING("padding", "valid", "valid, same, a number of cells, or [begin, end]"),
    OPT_INT("dilation_rate", 1, "1", "distance between the window's cells"),
    TAIL_OPTIONS,
};

static const struct tn_option options_2d[] = {
    OPT_INT("filters", 1, NULL, "number of output channels"),
    OPT_PAIR("kernel_size", 1, NULL, "window: one number or [height, width]"),
    OPT_PAIR("strides", 1, "1", "steps of the window"),
    OPT_PADDING("padding", "valid", "valid, same, or numbers of cells"),
    OPT_PAIR("dilation_rate", 1, "1", "distance between the window's cells"),
    TAIL_OPTIONS,
};

static const struct tn_option options_3d[] = {
    OPT_INT("filters", 1, NULL, "number of output channels"),
    OPT_TRIPLE("kernel_size", 1, NULL, "window: one number or [depth, height, width]"),
    OPT_TRIPLE("strides", 1, "1", "steps of the window"),
    OPT_PADDING_3D("padding", "valid", "valid, same, or numbers of cells"),
    OPT_TRIPLE("dilation_rate", 1, "1", "distance between the window's cells"),
    TAIL_OPTIONS,
};

static const struct tn_option transpose_options_1d[] = {
    OPT_INT("filters", 1, NULL, "number of output channels"),
    OPT_INT("kernel_size", 1, NULL, "length of the window"),
    OPT_INT("strides", 1, "1", "how far apart neighbouring inputs spread"),
    OPT_PADDING("padding", "valid", CUT_DOC),
    OPT_INT("output_padding", 0, "0", "cells added at the end"),
    OPT_INT("dilation_rate", 1, "1", "distance between the window's cells"),
    TAIL_OPTIONS,
};

static const struct tn_option transpose_options_2d[] = {
    OPT_INT("filters", 1, NULL, "number of output channels"),
    OPT_PAIR("kernel_size", 1, NULL, "window: one number or [height, width]"),
    OPT_PAIR("strides", 1, "1", "how far apart neighbouring inputs spread"),
    OPT_PADDING("padding", "valid", CUT_DOC),
    OPT_PAIR("output_padding", 0, "0", "cells added at the bottom and the right"),
    OPT_PAIR("dilation_rate", 1, "1", "distance between the window's cells"),
    TAIL_OPTIONS,
};

static tn_value emit(const struct tn_layer_ctx *ctx, const struct tn_layer_window *w,
                     tn_value weight, tn_value bias)
{
    char op[32];
    const struct tn_attr attrs[] = {
        TN_AV("strides", w->axes, w->strides),
        TN_AV("pads", 2 * w->axes, w->pads),
        TN_AS("auto_pad", w->auto_pad),
        TN_AV("dilations", w->axes, w->dilations),
        TN_AI("groups", tn_options_int(&ctx->options, "groups")),
    };
    snprintf(op, sizeof(op), "conv%ud", (unsigned)w->axes);
    return tn_op3(ctx->graph, op, ctx->in[0], weight, bias, attrs, TN_LEN(attrs));
}

/* "same" cuts what reaches beyond strides * input, the odd cell at the end, as the convolution that
 * this one transposes pads; a window shorter than its step leaves room, which is added instead. The
 * operator's auto_pad is not that: it cuts output_padding off as well. */
static tn_value emit_transposed(const struct tn_layer_ctx *ctx, struct tn_layer_window *w,
                                tn_value weight, tn_value bias)
{
    char op[32];
    int64_t extra[TN_LAYER_AXES];
    tn_options_numbers(&ctx->options, "output_padding", w->axes, extra);
    for (uint32_t axis = 0; axis < w->axes && w->is_same; axis++) {
        int64_t over = (w->kernel[axis] - 1) * w->dilations[axis] + 1 - w->strides[axis];
        w->pads[axis] = over > 0 ? over / 2 : 0;
        w->pads[axis + w->axes] = over > 0 ? over - over / 2 : 0;
        if (over < 0 && extra[axis] <= INT32_MAX) /* larger ones the operator refuses */
            extra[axis] -= over;
    }
    const struct tn_attr attrs[] = {
        TN_AV("strides", w->axes, w->strides),
        TN_AV("pads", 2 * w->axes, w->pads),
        TN_AV("dilations", w->axes, w->dilations),
        TN_AI("groups", tn_options_int(&ctx->options, "groups")),
        TN_AV("output_padding", w->axes, extra),
    };
    snprintf(op, sizeof(op), "conv_transpose%ud", (unsigned)w->axes);
    return tn_op3(ctx->graph, op, ctx->in[0], weight, bias, attrs, TN_LEN(attrs));
}

/* Cells of one filter over `channels` channels; 0 when there are too many to count. */
static int64_t fan(const struct tn_layer_window *w, int64_t channels)
{
    for (uint32_t axis = 0; axis < w->axes; axis++)
        if (TN_MUL_OVERFLOW(channels, w->kernel[axis], &channels))
            return 0;
    return channels;
}

static tn_value build(const struct tn_layer_ctx *ctx, uint32_t axes, int is_transposed)
{
    const struct tn_options *o = &ctx->options;
    struct tn_layer_window window;
    struct tn_shape in;
    if (!tn_layer_rank(ctx, 0, axes + 2, axes + 2, &in) ||
        !tn_layer_window(ctx, axes, "kernel_size", &window))
        return TN_NONE;
    int64_t channels = in.dim[1], filters = tn_options_int(o, "filters");
    int64_t groups = tn_options_int(o, "groups");
    if (channels <= 0 || channels % groups || filters % groups)
        return tn_layer_fail(ctx, "%lld groups must divide both %lld channels and %lld filters",
                             (long long)groups, (long long)channels, (long long)filters);
    int64_t fan_in = fan(&window, channels / groups), fan_out = fan(&window, filters);
    if (!fan_in || !fan_out)
        return tn_layer_fail(ctx, "%lld filters with a window of up to %lld are too large",
                             (long long)filters, (long long)window.kernel[0]);
    if (!is_transposed && !tn_layer_fits(ctx, &in, &window))
        return TN_NONE;
    int64_t dims[TN_LAYER_AXES + 2] = {is_transposed ? channels : filters,
                                       (is_transposed ? filters : channels) / groups};
    for (uint32_t axis = 0; axis < axes; axis++)
        dims[axis + 2] = window.kernel[axis];
    struct tn_shape shape = tn_shape_make(dims, axes + 2);
    tn_value weight = tn_layer_param(ctx, "kernel", &shape,
                                     tn_options_string(o, "kernel_initializer"), fan_in, fan_out);
    tn_value bias = TN_NONE;
    if (tn_options_int(o, "use_bias"))
        bias = tn_layer_param(ctx, "bias", &TN_SHAPE(filters),
                              tn_options_string(o, "bias_initializer"), fan_in, fan_out);
    tn_value y = is_transposed ? emit_transposed(ctx, &window, weight, bias)
                               : emit(ctx, &window, weight, bias);
    return tn_layer_activate(ctx, tn_options_string(o, "activation"), y);
}

#define CONV(id, name_, axes, is_transposed, options_, text)   \
    static tn_value id##_build(const struct tn_layer_ctx *ctx) \
    {                                                          \
        return build(ctx, axes, is_transposed);                \
    }                                                          \
    const struct tn_layer_type tn_layer_##id = {               \
        .component = {.name = name_,                           \
                      .doc = text,                             \
                      .options = options_,                     \
                      .n_options = TN_LEN(options_),           \
                      .min_inputs = 1,                         \
                      .max_inputs = 1},                        \
        .build = id##_build,                                   \
    };

/* clang-format off */
CONV(conv1d, "conv1d", 1, 0, options_1d, "1-D convolution over [batch, channels, length]")
CONV(conv2d, "conv2d", 2, 0, options_2d, "2-D convolution over [batch, channels, height, width]")
CONV(conv3d, "conv3d", 3, 0, options_3d,
     "3-D convolution over [batch, channels, depth, height, width]")
CONV(conv_transpose1d, "conv_transpose1d", 1, 1, transpose_options_1d,
     "transposed 1-D convolution over [batch, channels, length]")
CONV(conv_transpose2d, "conv_transpose2d", 2, 1, transpose_options_2d,
     "transposed 2-D convolution over [batch, channels, height, width]")
/* clang-format on */
