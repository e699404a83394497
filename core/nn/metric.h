/* Metrics: like losses, one value per sample, to be summed and divided by the count. */
#ifndef TN_NN_METRIC_H
#define TN_NN_METRIC_H

#include "nn/loss.h"

struct tn_metric {
    struct tn_component component;
    int higher_is_better;
    /* Per-sample value [batch], f32; TN_NONE and *ctx->err on failure. */
    tn_value (*build)(const struct tn_loss_ctx *ctx);
};
size_t tn_metric_count(void);
const struct tn_metric *tn_metric_at(size_t index);
const struct tn_metric *tn_metric_find(const char *name);

#endif
