/* embedding: a row of a table per index. ids int [N, ...], table [input_dim, output_dim],
 * y [N, ..., output_dim]. */
#include "base/compiler.h"
#include "nn/layer.h"

static const struct tn_option options[] = {
    OPT_INT("input_dim", 1, NULL, "number of rows: the size of the vocabulary"),
    OPT_INT("output_dim", 1, NULL, "size of a row"),
    OPT_CHOICE("embeddings_initializer", tn_initializer_names, "random_uniform", "of the table"),
};

static tn_value build(const struct tn_layer_ctx *ctx)
{
    int64_t rows = tn_options_int(&ctx->options, "input_dim");
    int64_t width = tn_options_int(&ctx->options, "output_dim");
    tn_dtype dtype = tn_graph_dtype(ctx->graph, ctx->in[0]);
    if (dtype != TN_I32 && dtype != TN_I64)
        return tn_layer_fail(ctx, "needs whole numbers (i32 or i64), not %s", tn_dtype_name(dtype));
    tn_value table =
        tn_layer_param(ctx, "embeddings", &TN_SHAPE(rows, width),
                       tn_options_string(&ctx->options, "embeddings_initializer"), rows, width);
    return tn_op2(ctx->graph, "embedding", table, ctx->in[0], NULL, 0);
}

const struct tn_layer_type tn_layer_embedding = {
    .component = {.name = "embedding",
                  .doc = "a trained row per whole number",
                  .options = options,
                  .n_options = TN_LEN(options),
                  .min_inputs = 1,
                  .max_inputs = 1},
    .build = build,
};
