/* What the gradients of operators share. */
#include "graph/graph.h"

tn_value tn_grad_unbroadcast(const struct tn_grad *ctx, tn_value grad, tn_value like)
{
    struct tn_shape from = tn_graph_shape(ctx->graph, grad), to = tn_graph_shape(ctx->graph, like);
    int64_t axes[TN_MAX_RANK];
    uint32_t n_axes = 0;
    /* Equal dims have equal numbers, symbolic ones too: products are interned. */
    if (tn_shape_equal(&from, &to) || from.rank < to.rank)
        return grad;
    uint32_t extra = from.rank - to.rank;
    for (uint32_t i = 0; i < from.rank; i++)
        if (i < extra || (to.dim[i - extra] == 1 && from.dim[i] != 1))
            axes[n_axes++] = i;
    if (n_axes == 0)
        return grad;
    tn_value summed = tn_sum(ctx->graph, grad, axes, n_axes, 0);
    struct tn_shape got = tn_graph_shape(ctx->graph, summed);
    return tn_shape_equal(&got, &to) ? summed : tn_reshape(ctx->graph, summed, &to);
}

struct tn_attr tn_grad_shape_attr(const struct tn_grad *ctx, const char *name, tn_value value,
                                  struct tn_shape *storage)
{
    *storage = tn_graph_shape(ctx->graph, value);
    return TN_AV(name, storage->rank, storage->dim);
}
