/* How a loss comes out of its terms: the attribute `reduction` of the loss operators. */
#ifndef TN_OPS_REDUCTION_H
#define TN_OPS_REDUCTION_H

#include "ops/util.h"

enum tn_reduction {
    TN_REDUCTION_SAMPLES, /* the mean of each sample (entry of the first dim) */
    TN_REDUCTION_NONE,    /* every term by itself */
    TN_REDUCTION_SUM,
    TN_REDUCTION_MEAN
};
/* By name; the shape rule has checked it. */
enum tn_reduction tn_reduction_of(const struct tn_attrs *attrs);
/* `samples`: whether "samples" is among the choices. */
tn_status tn_reduction_infer(const struct tn_infer *ctx, int samples);
/* The loss's shape: `terms` for none, a scalar for sum and mean, terms' first dim for samples. */
struct tn_shape tn_reduction_shape(enum tn_reduction reduction, const struct tn_shape *terms);
/* Inputs 0 and 1 are float, of one dtype and shape, with one dim or more. */
tn_status tn_reduction_infer_pair(const struct tn_infer *ctx);
/* The optional input is of input 0's dtype. */
tn_status tn_reduction_infer_weight(const struct tn_infer *ctx, uint32_t input, const char *name,
                                    const struct tn_shape *shape);
/* Fails when one of the inputs [from, ctx->n_in), all weights, wants a gradient. */
tn_status tn_reduction_no_weight_gradient(const struct tn_grad *ctx, uint32_t from);

#define TN_REDUCTION_ROWS_DOC "none: a loss per row; sum; mean: see shapes"
#define TN_REDUCTION_ATTR(default_, text)                                                     \
    {                                                                                         \
        .name = "reduction", .type = TN_ATTR_STRING, .dflt = {.u.s = default_}, .doc = (text) \
    }

#endif
