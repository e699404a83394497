/* Losses: one value per sample. The caller sums them and divides by the count, so that unequal
 * parts of a batch weigh as they should. */
#ifndef TN_NN_LOSS_H
#define TN_NN_LOSS_H

#include "nn/option.h"

/* What a target holds, and so how it is checked before training. */
enum tn_target_kind {
    TN_TARGET_LABELS = 1, /* whole numbers in [0, classes) */
    TN_TARGET_UNIT,       /* numbers in [0, 1] */
    TN_TARGET_REAL        /* any finite number */
};

struct tn_loss_ctx {
    tn_graph *graph;
    struct tn_options options;
    tn_value output; /* the model's: [batch, ...] */
    tn_value target; /* labels [batch], or the output's shape */
    struct tn_error *err;
};
struct tn_loss {
    struct tn_component component;
    enum tn_target_kind target;
    /* Per-sample loss [batch]; TN_NONE and *ctx->err on failure. */
    tn_value (*build)(const struct tn_loss_ctx *ctx);
};
size_t tn_loss_count(void);
const struct tn_loss *tn_loss_at(size_t index);
const struct tn_loss *tn_loss_find(const char *name);

#endif
