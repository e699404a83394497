#include "nn/loss.h"

#include "base/compiler.h"
#include "nn/batch_shape.h"

/* 0 and *ctx->err unless the output is [batch, ..., C] and the target whole numbers [batch, ...].
 */
static int has_labels(const struct tn_loss_ctx *ctx)
{
    struct tn_shape logits = tn_graph_shape(ctx->graph, ctx->output);
    struct tn_shape labels = tn_graph_shape(ctx->graph, ctx->target);
    if (logits.rank != labels.rank + 1 ||
        tn_dtype_is_float(tn_graph_dtype(ctx->graph, ctx->target))) {
        tn_error_set(ctx->err, TN_E_INVALID,
                     "loss '%s' needs whole-number labels with one dim less than "
                     "the logits: logits have %u dims, labels %u (%s)",
                     ctx->options.component->name, logits.rank, labels.rank,
                     tn_dtype_name(tn_graph_dtype(ctx->graph, ctx->target)));
        return 0;
    }
    return 1;
}

static const struct tn_option smoothing_options[] = {
    OPT_FLOAT("label_smoothing", 0, "0", "share of the target that all classes get evenly"),
};

/* Cross-entropy of softmax(logits) with labels. */
static tn_value build_softmax_cross_entropy(const struct tn_loss_ctx *ctx)
{
    tn_value out[2], in[2] = {ctx->output, ctx->target};
    struct tn_attr smoothing =
        TN_AF("label_smoothing", tn_options_float(&ctx->options, "label_smoothing"));
    if (!has_labels(ctx))
        return TN_NONE;
    tn_graph_op(ctx->graph, "sparse_softmax_cross_entropy", in, 2, &smoothing, 1, out, 2);
    return tn_mean_per_sample(ctx->graph, out[0]);
}

static tn_value build_nll(const struct tn_loss_ctx *ctx)
{
    if (!has_labels(ctx))
        return TN_NONE;
    return tn_mean_per_sample(ctx->graph,
                              tn_op2(ctx->graph, "nll", ctx->output, ctx->target, NULL, 0));
}

/* The same with a distribution over the classes, of the logits' shape. */
static tn_value build_dense_softmax_cross_entropy(const struct tn_loss_ctx *ctx)
{
    const char *op = "softmax_cross_entropy";
    struct tn_attr smoothing =
        TN_AF("label_smoothing", tn_options_float(&ctx->options, "label_smoothing"));
    tn_value out[2], in[2] = {ctx->output, TN_NONE};
    if (tn_graph_shape(ctx->graph, ctx->output).rank < 2) {
        tn_error_set(ctx->err, TN_E_INVALID, "loss '%s' needs an output with classes as last dim",
                     ctx->options.component->name);
        return TN_NONE;
    }
    in[1] = tn_match_target(ctx->graph, ctx->output, ctx->target, op, ctx->err);
    if (in[1] == TN_NONE)
        return TN_NONE;
    tn_graph_op(ctx->graph, op, in, 2, &smoothing, 1, out, 2);
    return tn_mean_per_sample(ctx->graph, out[0]);
}

static tn_value loss_with(const struct tn_loss_ctx *ctx, const char *op, const struct tn_attr *attr,
                          size_t n_attr)
{
    tn_value target = tn_match_target(ctx->graph, ctx->output, ctx->target, op, ctx->err);
    return target == TN_NONE ? TN_NONE : tn_op2(ctx->graph, op, ctx->output, target, attr, n_attr);
}

static tn_value same_shape_loss(const struct tn_loss_ctx *ctx, const char *op)
{
    return loss_with(ctx, op, NULL, 0);
}

static tn_value build_mse(const struct tn_loss_ctx *ctx)
{
    return same_shape_loss(ctx, "mse");
}

static tn_value build_mae(const struct tn_loss_ctx *ctx)
{
    return same_shape_loss(ctx, "mae");
}

static const struct tn_option huber_options[] = {
    OPT_FLOAT("delta", 0, "1", "difference from which on the loss is linear"),
};

static tn_value build_huber(const struct tn_loss_ctx *ctx)
{
    struct tn_attr delta = TN_AF("delta", tn_options_float(&ctx->options, "delta"));
    return loss_with(ctx, "huber", &delta, 1);
}

static const struct tn_option hinge_options[] = {
    OPT_FLOAT("margin", 0, "1", "product of output and target from which on the loss is 0"),
};

static tn_value build_hinge(const struct tn_loss_ctx *ctx)
{
    struct tn_attr margin = TN_AF("margin", tn_options_float(&ctx->options, "margin"));
    return loss_with(ctx, "hinge", &margin, 1);
}

static const struct tn_option kl_div_options[] = {
    OPT_BOOL("log_target", "false", "the target is a log-probability too"),
};

/* The divergence of whole distributions: summed over the last dim, not averaged. */
static tn_value build_kl_div(const struct tn_loss_ctx *ctx)
{
    const int64_t last = -1;
    const struct tn_attr attrs[] = {
        TN_AS("reduction", "none"),
        TN_AI("log_target", tn_options_int(&ctx->options, "log_target") != 0)};
    tn_value terms = loss_with(ctx, "kl_div", attrs, TN_LEN(attrs));
    if (terms == TN_NONE || tn_graph_shape(ctx->graph, terms).rank < 2)
        return terms;
    return tn_mean_per_sample(ctx->graph, tn_sum(ctx->graph, terms, &last, 1, 0));
}

/* 1 - cos(output, target) along the last dim. */
static tn_value build_cosine_embedding(const struct tn_loss_ctx *ctx)
{
    tn_graph *graph = ctx->graph;
    struct tn_shape shape = tn_graph_shape(graph, ctx->output);
    if (shape.rank < 2) {
        tn_error_set(ctx->err, TN_E_INVALID,
                     "loss 'cosine_embedding' needs an output [batch, ..., size], not one number "
                     "per sample");
        return TN_NONE;
    }
    tn_value target =
        tn_match_target(graph, ctx->output, ctx->target, "cosine_embedding", ctx->err);
    if (target == TN_NONE)
        return TN_NONE;
    shape.rank--;
    tn_value alike = tn_graph_scalar(graph, tn_graph_dtype(graph, ctx->output), 1.0);
    tn_value loss = tn_op3(graph, "cosine_embedding", ctx->output, target,
                           tn_expand(graph, alike, &shape), NULL, 0);
    return tn_mean_per_sample(graph, loss);
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
                   .doc = "classes as whole numbers; the output is a logit per class",
                   .options = smoothing_options,
                   .n_options = TN_LEN(smoothing_options)},
     .target = TN_TARGET_LABELS,
     .build = build_softmax_cross_entropy},
    {.component = {.name = "dense_softmax_cross_entropy",
                   .doc = "a probability per class; the output is a logit per class",
                   .options = smoothing_options,
                   .n_options = TN_LEN(smoothing_options)},
     .target = TN_TARGET_UNIT,
     .build = build_dense_softmax_cross_entropy},
    {.component = {.name = "nll",
                   .doc = "classes as whole numbers; the output is a log-probability per class"},
     .target = TN_TARGET_LABELS,
     .build = build_nll},
    {.component = {.name = "mse", .doc = "mean squared error"},
     .target = TN_TARGET_REAL,
     .build = build_mse},
    {.component = {.name = "mae", .doc = "mean absolute error"},
     .target = TN_TARGET_REAL,
     .build = build_mae},
    {.component = {.name = "huber",
                   .doc = "squared error near the target, absolute error far from it",
                   .options = huber_options,
                   .n_options = TN_LEN(huber_options)},
     .target = TN_TARGET_REAL,
     .build = build_huber},
    {.component = {.name = "hinge",
                   .doc = "max(0, margin - output target), targets -1 and 1",
                   .options = hinge_options,
                   .n_options = TN_LEN(hinge_options)},
     .target = TN_TARGET_REAL,
     .build = build_hinge},
    {.component = {.name = "kl_div",
                   .doc = "Kullback-Leibler divergence; the output is a log-probability per class",
                   .options = kl_div_options,
                   .n_options = TN_LEN(kl_div_options)},
     .target = TN_TARGET_REAL,
     .build = build_kl_div},
    {.component = {.name = "cosine_embedding",
                   .doc = "one less the cosine of output and target along the last dim"},
     .target = TN_TARGET_REAL,
     .build = build_cosine_embedding},
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
