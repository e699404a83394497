/* What the operators that write state share: shape checks, parts of their tables, and references. */
#ifndef TN_OPS_UPDATE_H
#define TN_OPS_UPDATE_H

#include "ops/util.h"

#define TN_UPDATE_NO_GRADIENT "an update writes state; training does not differentiate through it"

/* What every optimizer has; for tn_op.shapes. */
#define TN_UPDATE_SCALARS                                                              \
    "lr, grad_mul, apply f32 scalars; g is grad times grad_mul, clipped, plus any L2 " \
    "penalty; with apply 0 all stays as it was, whatever grad holds"

/* For its table of attributes. */
#define TN_UPDATE_FLOAT_ATTR(key, value, text)                                        \
    {                                                                                 \
        .name = (key), .type = TN_ATTR_FLOAT, .dflt = {.u.f = (value)}, .doc = (text) \
    }
#define TN_UPDATE_CLIP_ATTR               \
    TN_UPDATE_FLOAT_ATTR("clip_value", 0, \
                         "above 0: grad times grad_mul is limited to [-clip_value, clip_value]")
#define TN_UPDATE_BETA_ATTRS                                                      \
    TN_UPDATE_FLOAT_ATTR("beta1", 0.9, "decay of the mean of gradients, [0, 1)"), \
        TN_UPDATE_FLOAT_ATTR("beta2", 0.999, "decay of the mean of squared gradients, [0, 1)")
#define TN_UPDATE_DECAY_ATTR TN_UPDATE_FLOAT_ATTR("weight_decay", 0, "see decoupled")
#define TN_UPDATE_DECOUPLED_ATTR                                                       \
    {                                                                                  \
        .name = "decoupled", .type = TN_ATTR_INT, .dflt = {.u.i = 0},                  \
        .doc = "1: the decay takes lr weight_decay param off param, beside the step; " \
               "0: it joins the gradient"                                              \
    }

/* What is alike in the operators' own tables, which add the formula and the shapes. */
#define TN_UPDATE_OP(id, ins, outs, attributes, infer_fn, reference_fn)               \
    .name = #id, .version = 1, .min_in = TN_LEN(ins), .max_in = TN_LEN(ins),          \
    .n_out = TN_LEN(outs), .flags = TN_OP_UPDATE, .in_names = ins, .out_names = outs, \
    .attrs = attributes, .n_attrs = TN_LEN(attributes), .infer = infer_fn,            \
    .no_gradient = TN_UPDATE_NO_GRADIENT, .reference = reference_fn

/* `input` is an f32 scalar. */
tn_status tn_update_scalar(const struct tn_infer *ctx, const char *const *names, uint32_t input);
/* Inputs 1 .. n_slots + 1, where present, are like input 0; lr, grad_mul and apply end the list;
 * weight_decay and clip_value, which every optimizer has, are in range. Sets output k to the type
 * of slot k - 1, or to no elements where that is absent. */
tn_status tn_update_infer(struct tn_infer *ctx, const char *const *names, uint32_t n_slots);
/* The n_slots inputs from 2 on are there. */
tn_status tn_update_present(const struct tn_infer *ctx, const char *const *names, uint32_t n_slots);

/* Optimizers that divide a mean of gradients by the root of one of squares: their slots are
 * followed by `correction`, f32 [n_correction], which the operator `maker` gives. */
struct tn_update_moments {
    const char *const *names;
    uint32_t n_slots;
    int64_t n_correction;
    const char *maker;
};
extern const char *const tn_update_moments_in[8], *const tn_update_moments_out[3];
tn_status tn_update_infer_betas(const struct tn_infer *ctx);
tn_status tn_update_infer_moments(struct tn_infer *ctx, const struct tn_update_moments *moments);

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

#endif
