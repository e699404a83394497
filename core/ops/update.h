/* Shape checks that optimizer and statistics updates share. */
#ifndef TN_OPS_UPDATE_H
#define TN_OPS_UPDATE_H

#include "ops/util.h"

#define TN_UPDATE_NO_GRADIENT "an update writes state; training does not differentiate through it"

/* What every optimizer has; for tn_op.shapes. */
#define TN_UPDATE_SCALARS                                                              \
    "lr, grad_mul, apply f32 scalars; g is grad times grad_mul, clipped, plus any L2 " \
    "penalty; with apply 0 all stays as it was, whatever grad holds"

/* For its table of attributes. */
#define TN_UPDATE_CLIP_ATTR                                                           \
    {                                                                                 \
        .name = "clip_value", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 0},              \
        .doc = "above 0: grad times grad_mul is limited to [-clip_value, clip_value]" \
    }
#define TN_UPDATE_DECOUPLED_ATTR                                                       \
    {                                                                                  \
        .name = "decoupled", .type = TN_ATTR_INT, .dflt = {.u.i = 0},                  \
        .doc = "1: the decay takes lr weight_decay param off param, beside the step; " \
               "0: it joins the gradient"                                              \
    }

/* Input a (float) and input b are of one shape and dtype. */
tn_status tn_update_alike(const struct tn_infer *ctx, uint32_t a, uint32_t b);
/* `input` is an f32 scalar. */
tn_status tn_update_scalar(const struct tn_infer *ctx, const char *const *names, uint32_t input);
/* Inputs 1 .. n_slots + 1, where present, are like input 0; lr, grad_mul and apply end the list;
 * weight_decay and clip_value, which every optimizer has, are in range. Sets output k to the type
 * of slot k - 1, or to no elements where that is absent. */
tn_status tn_update_infer(struct tn_infer *ctx, const char *const *names, uint32_t n_slots);
/* What all optimizers read. */
struct tn_update {
    const double *param, *grad;
    double lr, grad_mul, clip, l2, shrink; /* shrink: lr weight_decay where decoupled */
    int apply;
    int64_t n;
};
struct tn_update tn_update_read(const struct tn_ref *ctx, int decoupled);
/* grad[i] as the step sees it: scaled, clipped, with the L2 penalty. */
double tn_update_grad(const struct tn_update *u, int64_t i);
/* Writes element i of output k, or keeps that of input `from`. */
void tn_update_write(const struct tn_ref *ctx, const struct tn_update *u, uint32_t k, uint32_t from,
                     int64_t i, double value);
/* Float attribute within [min, end). */
tn_status tn_update_range(const struct tn_infer *ctx, const char *attr, double min, double end);

#endif
