/* activation and dropout: elementwise layers without parameters. */
#include <string.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "nn/layer.h"

static const struct tn_option activation_options[] = {
    OPT_CHOICE("activation", tn_activation_names, NULL, "which function"),
};

static tn_value build_activation(const struct tn_layer_ctx *ctx)
{
    return tn_layer_activate(ctx, tn_options_string(&ctx->options, "activation"), ctx->in[0]);
}

static const struct tn_option dropout_options[] = {
    OPT_FLOAT("rate", 0, NULL, "share of elements set to zero while training, in [0, 1)"),
};

/* The layer's path, so that the networks of one graph draw masks of their own. */
static int64_t path_hash(const struct tn_layer_ctx *ctx)
{
    const char *prefix = ctx->forward->prefix;
    uint64_t name = tn_hash_string(ctx->name);
    return (int64_t)(prefix ? tn_mix64(tn_hash_string(prefix) ^ name) : name);
}

static tn_value build_dropout(const struct tn_layer_ctx *ctx)
{
    double rate = tn_options_float(&ctx->options, "rate");
    const struct tn_forward *forward = ctx->forward;
    if (rate >= 1)
        return tn_layer_fail(ctx, "option 'rate' is %g; it must be below 1", rate);
    if (!forward->training || rate == 0)
        return ctx->in[0];
    if (forward->sample == TN_NONE || forward->rng == TN_NONE)
        return tn_layer_fail(ctx, "training needs the inputs 'sample' and 'rng' of tn_forward");
    const struct tn_attr attrs[] = {
        TN_AF("rate", rate),
        TN_AI("path_hash", path_hash(ctx)),
    };
    return tn_op3(ctx->graph, "dropout", ctx->in[0], forward->sample, forward->rng, attrs,
                  TN_LEN(attrs));
}

const struct tn_layer_type tn_layer_activation = {
    .component = {.name = "activation",
                  .doc = "an activation function as a layer of its own",
                  .options = activation_options,
                  .n_options = TN_LEN(activation_options),
                  .min_inputs = 1,
                  .max_inputs = 1},
    .build = build_activation,
};

const struct tn_layer_type tn_layer_dropout = {
    .component = {.name = "dropout",
                  .doc = "sets a random share of elements to zero and scales the rest, in training",
                  .options = dropout_options,
                  .n_options = TN_LEN(dropout_options),
                  .min_inputs = 1,
                  .max_inputs = 1},
    .build = build_dropout,
};
