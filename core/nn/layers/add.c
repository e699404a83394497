/* add: the sum of two or more inputs of one shape, as residual connections need it. */
#include <stdint.h>

#include "base/compiler.h"
#include "nn/layer.h"

static const struct tn_option options[] = {
    OPT_CHOICE("activation", tn_activation_names, "linear", "applied to the sum"),
};

static tn_value build(const struct tn_layer_ctx *ctx)
{
    struct tn_shape first = tn_graph_shape(ctx->graph, ctx->in[0]);
    tn_value sum = ctx->in[0];
    for (size_t i = 1; i < ctx->n_in; i++) {
        struct tn_shape shape = tn_graph_shape(ctx->graph, ctx->in[i]);
        if (!tn_shape_equal(&first, &shape))
            return tn_layer_fail(ctx, "inputs 1 and %zu differ in shape", i + 1);
        sum = tn_add(ctx->graph, sum, ctx->in[i]);
    }
    return tn_layer_activate(ctx, tn_options_string(&ctx->options, "activation"), sum);
}

const struct tn_layer_type tn_layer_add = {
    .component = {.name = "add",
                  .doc = "sum of its inputs, all of one shape",
                  .options = options,
                  .n_options = TN_LEN(options),
                  .min_inputs = 2,
                  .max_inputs = SIZE_MAX},
    .build = build,
};
