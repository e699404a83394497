/* batch_norm: normalises each channel over the batch (Ioffe and Szegedy 2015).
 * x [N, C, ...]; gamma, beta, moving_mean, moving_variance [C]. Training uses the batch's
 * statistics and moves the running ones by `momentum` (Keras's defaults); inference uses the
 * running ones. */
#include "base/compiler.h"
#include "nn/layer.h"

static const struct tn_option options[] = {
    OPT_FLOAT("momentum", 0, "0.99", "share of the old running statistics that is kept"),
    OPT_FLOAT("epsilon", 0, "0.001", "added to the variance"),
    OPT_BOOL("trainable_statistics", "true", "update running statistics while training"),
};

static void move_statistic(const struct tn_layer_ctx *ctx, tn_value state, tn_value batch_value)
{
    struct tn_attr momentum = TN_AF("momentum", tn_options_float(&ctx->options, "momentum"));
    tn_value moved =
        tn_op3(ctx->graph, "ema_update", state, batch_value, ctx->forward->apply, &momentum, 1);
    tn_graph_assign(ctx->graph, state, moved);
}

static tn_value build(const struct tn_layer_ctx *ctx)
{
    struct tn_shape in;
    if (!tn_layer_rank(ctx, 0, 2, TN_MAX_RANK, &in))
        return TN_NONE;
    int64_t channels = in.dim[1];
    if (channels <= 0)
        return tn_layer_fail(ctx, "the number of channels (dim 1) must be known");
    struct tn_shape shape = TN_SHAPE(channels);
    tn_value gamma = tn_layer_param(ctx, "gamma", &shape, "ones", channels, channels);
    tn_value beta = tn_layer_param(ctx, "beta", &shape, "zeros", channels, channels);
    tn_value mean = tn_layer_buffer(ctx, "moving_mean", &shape, 0.0);
    tn_value variance = tn_layer_buffer(ctx, "moving_variance", &shape, 1.0);
    struct tn_attr epsilon = TN_AF("epsilon", tn_options_float(&ctx->options, "epsilon"));
    if (!ctx->forward->training) {
        tn_value y, in5[] = {ctx->in[0], gamma, beta, mean, variance};
        tn_graph_op(ctx->graph, "batch_norm_inference", in5, 5, &epsilon, 1, &y, 1);
        return y;
    }
    if (ctx->forward->apply == TN_NONE)
        return tn_layer_fail(ctx, "training needs the input 'apply' of tn_forward");
    tn_value out[4], in3[] = {ctx->in[0], gamma, beta};
    tn_graph_op(ctx->graph, "batch_norm", in3, 3, &epsilon, 1, out, 4);
    if (tn_options_int(&ctx->options, "trainable_statistics")) {
        move_statistic(ctx, mean, out[1]);
        move_statistic(ctx, variance, out[3]);
    }
    return out[0];
}

const struct tn_layer_type tn_layer_batch_norm = {
    .component = {.name = "batch_norm",
                  .doc = "normalises each channel over the batch",
                  .options = options,
                  .n_options = TN_LEN(options),
                  .min_inputs = 1,
                  .max_inputs = 1},
    .build = build,
};
