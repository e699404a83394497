#include "nn/loss.h"

#include "base/compiler.h"
#include "nn/batch_shape.h"

/* Cross-entropy of softmax(logits [batch, ..., C]) with whole-number labels [batch, ...]. */
static tn_value build_softmax_cross_entropy(const struct tn_loss_ctx *ctx)
{
    struct tn_shape logits = tn_graph_shape(ctx->graph, ctx->output);
    struct tn_shape labels = tn_graph_shape(ctx->graph, ctx->target);
    tn_value out[2], in[2] = {ctx->output, ctx->target};
    if (logits.rank != labels.rank + 1 || tn_dtype_is_float(tn_graph_dtype(ctx->graph, in[1]))) {
        tn_error_set(
            ctx->err, TN_E_INVALID,
            "loss 'softmax_cross_entropy' needs whole-number labels with one dim less than "
            "the logits: logits have %u dims, labels %u (%s)",
            logits.rank, labels.rank, tn_dtype_name(tn_graph_dtype(ctx->graph, in[1])));
        return TN_NONE;
    }
    tn_graph_op(ctx->graph, "sparse_softmax_cross_entropy", in, 2, NULL, 0, out, 2);
    return tn_mean_per_sample(ctx->graph, out[0]);
}

static tn_value same_shape_loss(const struct tn_loss_ctx *ctx, const char *op)
{
    tn_value target = tn_match_target(ctx->graph, ctx->output, ctx->target, op, ctx->err);
    return target == TN_NONE ? TN_NONE : tn_op2(ctx->graph, op, ctx->output, target, NULL, 0);
}

static tn_value build_mse(const struct tn_loss_ctx *ctx)
{
    return same_shape_loss(ctx, "mse");
}

static const struct tn_option bce_options[] = {
    OPT_BOOL("from_logits", "false", "the output is a logit, not a probability"),
};

static tn_value build_bce(const struct tn_loss_ctx *ctx)
{
    int from_logits = tn_options_int(&ctx->options, "from_logits") != 0;
    return same_shape_loss(ctx, from_logits ? "bce_with_logits" : "bce");
}

static tn_value build_bce_with_logits(const struct tn_loss_ctx *ctx)
{
    return same_shape_loss(ctx, "bce_with_logits");
}

static const struct tn_loss losses[] = {
    {.component = {.name = "softmax_cross_entropy",
                   .doc = "classes as whole numbers; the output is a logit per class"},
     .target = TN_TARGET_LABELS,
     .build = build_softmax_cross_entropy},
    {.component = {.name = "mse", .doc = "mean squared error"},
     .target = TN_TARGET_REAL,
     .build = build_mse},
    {.component = {.name = "bce",
                   .doc = "binary cross-entropy of probabilities",
                   .options = bce_options,
                   .n_options = TN_LEN(bce_options)},
     .target = TN_TARGET_UNIT,
     .build = build_bce},
    {.component = {.name = "bce_with_logits", .doc = "binary cross-entropy of logits"},
     .target = TN_TARGET_UNIT,
     .build = build_bce_with_logits},
};

size_t tn_loss_count(void)
{
    return TN_LEN(losses);
}

const struct tn_loss *tn_loss_at(size_t index)
{
    return &losses[index];
}

const struct tn_loss *tn_loss_find(const char *name)
{
    const struct tn_component *component = tn_component_find(TN_COMPONENT_LOSS, name);
    for (size_t i = 0; i < TN_LEN(losses); i++)
        if (&losses[i].component == component)
            return &losses[i];
    return NULL;
}
