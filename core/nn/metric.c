#include "nn/metric.h"

#include "base/compiler.h"
#include "nn/batch_shape.h"

static tn_value to_f32(tn_graph *graph, tn_value x)
{
    struct tn_attr dtype = TN_AS("dtype", "f32");
    return tn_op1(graph, "cast", x, &dtype, 1);
}

static tn_value to_i64(tn_graph *graph, tn_value x)
{
    struct tn_attr dtype = TN_AS("dtype", "i64");
    return tn_graph_dtype(graph, x) == TN_I64 ? x : tn_op1(graph, "cast", x, &dtype, 1);
}

/* Share of samples whose largest logit is the label's: output [batch, ..., C], labels
 * [batch, ...]. */
static tn_value class_accuracy(const struct tn_loss_ctx *ctx)
{
    struct tn_attr axis = TN_AI("axis", -1);
    tn_value best = tn_op1(ctx->graph, "argmax", ctx->output, &axis, 1);
    tn_value hit = tn_op2(ctx->graph, "equal", best, to_i64(ctx->graph, ctx->target), NULL, 0);
    return tn_mean_per_sample(ctx->graph, to_f32(ctx->graph, hit));
}

/* Share of outputs on the target's side of the threshold. */
static tn_value binary_accuracy(const struct tn_loss_ctx *ctx)
{
    tn_graph *graph = ctx->graph;
    tn_value target = tn_match_target(graph, ctx->output, ctx->target, "accuracy", ctx->err);
    if (target == TN_NONE)
        return TN_NONE;
    tn_dtype dtype = tn_graph_dtype(graph, ctx->output);
    tn_value threshold =
        tn_graph_scalar(graph, dtype, tn_options_float(&ctx->options, "threshold"));
    tn_value half = tn_graph_scalar(graph, dtype, 0.5);
    tn_value said = to_f32(graph, tn_op2(graph, "greater", ctx->output, threshold, NULL, 0));
    tn_value is = to_f32(graph, tn_op2(graph, "greater", target, half, NULL, 0));
    return tn_mean_per_sample(graph, to_f32(graph, tn_op2(graph, "equal", said, is, NULL, 0)));
}

static const struct tn_option accuracy_options[] = {
    {.name = "threshold",
     .type = TN_OPTION_FLOAT,
     .dflt = "0.5",
     .doc = "of a single output; use 0 for logits"},
};

static tn_value build_accuracy(const struct tn_loss_ctx *ctx)
{
    struct tn_shape output = tn_graph_shape(ctx->graph, ctx->output);
    struct tn_shape target = tn_graph_shape(ctx->graph, ctx->target);
    int has_classes = output.rank == target.rank + 1 && output.dim[output.rank - 1] != 1;
    return has_classes ? class_accuracy(ctx) : binary_accuracy(ctx);
}

static tn_value build_mse(const struct tn_loss_ctx *ctx)
{
    tn_value target = tn_match_target(ctx->graph, ctx->output, ctx->target, "mse", ctx->err);
    return target == TN_NONE ? TN_NONE : tn_op2(ctx->graph, "mse", ctx->output, target, NULL, 0);
}

static const struct tn_metric metrics[] = {
    {.component = {.name = "accuracy",
                   .doc = "share of right answers",
                   .options = accuracy_options,
                   .n_options = TN_LEN(accuracy_options)},
     .higher_is_better = 1,
     .build = build_accuracy},
    {.component = {.name = "mse", .doc = "mean squared error"},
     .higher_is_better = 0,
     .build = build_mse},
};

size_t tn_metric_count(void)
{
    return TN_LEN(metrics);
}

const struct tn_metric *tn_metric_at(size_t index)
{
    return &metrics[index];
}

const struct tn_metric *tn_metric_find(const char *name)
{
    const struct tn_component *component = tn_component_find(TN_COMPONENT_METRIC, name);
    for (size_t i = 0; i < TN_LEN(metrics); i++)
        if (&metrics[i].component == component)
            return &metrics[i];
    return NULL;
}
