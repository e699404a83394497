/* dense: y = activation(x W + b) over the last axis.
 * x [..., in], W [in, units], b [units], y [..., units]. */
#include "base/compiler.h"
#include "nn/layer.h"

static const struct tn_option options[] = {
    OPT_INT("units", 1, NULL, "size of the output"),
    OPT_CHOICE("activation", tn_activation_names, "linear", "applied to the output"),
    OPT_BOOL("use_bias", "true", "add a bias"),
    OPT_CHOICE("kernel_initializer", tn_initializer_names, "glorot_uniform", "of the weights"),
    OPT_CHOICE("bias_initializer", tn_initializer_names, "zeros", "of the bias"),
};

static tn_value build(const struct tn_layer_ctx *ctx)
{
    struct tn_shape in;
    if (!tn_layer_rank(ctx, 0, 2, TN_MAX_RANK, &in))
        return TN_NONE;
    int64_t features = in.dim[in.rank - 1], units = tn_options_int(&ctx->options, "units");
    if (features <= 0)
        return tn_layer_fail(ctx, "the last dim must be a known number: flatten first");
    tn_value kernel =
        tn_layer_param(ctx, "kernel", &TN_SHAPE(features, units),
                       tn_options_string(&ctx->options, "kernel_initializer"), features, units);
    tn_value y = tn_matmul(ctx->graph, ctx->in[0], kernel, 0, 0);
    if (tn_options_int(&ctx->options, "use_bias")) {
        tn_value bias =
            tn_layer_param(ctx, "bias", &TN_SHAPE(units),
                           tn_options_string(&ctx->options, "bias_initializer"), features, units);
        y = tn_add(ctx->graph, y, bias);
    }
    return tn_layer_activate(ctx, tn_options_string(&ctx->options, "activation"), y);
}

const struct tn_layer_type tn_layer_dense = {
    .component = {.name = "dense",
                  .doc = "fully connected: activation(x W + b) over the last axis",
                  .options = options,
                  .n_options = TN_LEN(options),
                  .min_inputs = 1,
                  .max_inputs = 1},
    .build = build,
};
