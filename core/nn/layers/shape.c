/* flatten and reshape: other shapes of the same elements, batch first, in C order. */
#include "base/compiler.h"
#include "nn/layer.h"

static const struct tn_option reshape_options[] = {
    {.name = "target_shape",
     .type = TN_OPTION_INTS,
     .required = 1,
     .has_min = 1,
     .min = 1,
     .doc = "of a sample, without the batch"},
};

static tn_value build_flatten(const struct tn_layer_ctx *ctx)
{
    struct tn_shape in;
    if (!tn_layer_rank(ctx, 0, 1, TN_MAX_RANK, &in))
        return TN_NONE;
    int64_t features = 1;
    for (uint32_t i = 1; i < in.rank; i++) {
        if (in.dim[i] < 0)
            return tn_layer_fail(ctx, "only the batch may be of unknown size");
        features *= in.dim[i];
    }
    return tn_reshape(ctx->graph, ctx->in[0], &TN_SHAPE(in.dim[0], features));
}

static tn_value build_reshape(const struct tn_layer_ctx *ctx)
{
    struct tn_shape in = tn_graph_shape(ctx->graph, ctx->in[0]);
    struct tn_shape shape = {.rank = 1, .dim = {in.dim[0]}};
    const struct tn_attr *given = ctx->options.given;
    for (size_t i = 0; i < ctx->options.n_given; i++) {
        uint32_t n = given[i].type == TN_ATTR_INTS ? given[i].count : 1;
        for (uint32_t k = 0; k < n; k++)
            shape.dim[shape.rank++] =
                given[i].type == TN_ATTR_INTS ? given[i].u.ints[k] : given[i].u.i;
    }
    return tn_reshape(ctx->graph, ctx->in[0], &shape);
}

const struct tn_layer_type tn_layer_flatten = {
    .component = {.name = "flatten",
                  .doc = "all dims but the batch as one",
                  .min_inputs = 1,
                  .max_inputs = 1},
    .build = build_flatten,
};

const struct tn_layer_type tn_layer_reshape = {
    .component = {.name = "reshape",
                  .doc = "another shape of the sample's elements",
                  .options = reshape_options,
                  .n_options = TN_LEN(reshape_options),
                  .min_inputs = 1,
                  .max_inputs = 1},
    .build = build_reshape,
};
