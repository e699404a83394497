#include "ops/reduction.h"

#include <string.h>

static const char *const names[] = {"samples", "none", "sum", "mean"};

enum tn_reduction tn_reduction_of(const struct tn_attrs *attrs)
{
    const char *name = tn_attrs_string(attrs, "reduction");
    uint32_t i = 0;
    while (i + 1 < TN_LEN(names) && strcmp(names[i], name) != 0)
        i++;
    return (enum tn_reduction)i;
}

tn_status tn_reduction_infer(const struct tn_infer *ctx, int samples)
{
    const char *name = tn_attrs_string(ctx->attrs, "reduction");
    for (uint32_t i = samples ? 0 : 1; i < TN_LEN(names); i++)
        if (strcmp(names[i], name) == 0)
            return TN_OK;
    return tn_infer_fail(ctx, "reduction is '%s', must be %snone, sum or mean", name,
                         samples ? "samples, " : "");
}

struct tn_shape tn_reduction_shape(enum tn_reduction reduction, const struct tn_shape *terms)
{
    if (reduction == TN_REDUCTION_NONE)
        return *terms;
    if (reduction == TN_REDUCTION_SAMPLES)
        return TN_SHAPE(terms->dim[0]);
    return (struct tn_shape){.rank = 0};
}

tn_status tn_reduction_infer_pair(const struct tn_infer *ctx)
{
    tn_status st = tn_infer_rank(ctx, 0, 1, TN_MAX_RANK);
    return st == TN_OK ? tn_ops_infer_alike(ctx, 0, 1) : st;
}

tn_status tn_reduction_infer_weight(const struct tn_infer *ctx, uint32_t input, const char *name,
                                    const struct tn_shape *shape)
{
    char have[128], want[128];
    if (!ctx->in[input])
        return TN_OK;
    if (!tn_shape_equal(&ctx->in[input]->shape, shape))
        return tn_infer_fail(ctx, "'%s' has shape %s, must have %s", name,
                             tn_shape_format(&ctx->in[input]->shape, have, sizeof(have)),
                             tn_shape_format(shape, want, sizeof(want)));
    return tn_infer_same_dtype(ctx, 0, input);
}

tn_status tn_reduction_no_weight_gradient(const struct tn_grad *ctx, uint32_t from)
{
    for (uint32_t i = from; i < ctx->n_in; i++)
        if (ctx->needed[i])
            return tn_ops_no_gradient_to(ctx, "weight", "weights of a loss are taken as given");
    return TN_OK;
}
