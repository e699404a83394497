/* Optimizers: update nodes over parameters, their gradients and their slots. */
#ifndef TN_NN_OPTIMIZER_H
#define TN_NN_OPTIMIZER_H

#include "nn/option.h"

/* Step-varying values, f32 scalars on the device; see docs/operators.md, Updates. */
struct tn_update_inputs {
    tn_value lr, grad_mul, apply;
    tn_value step; /* i64 scalar: steps counted so far, this one included */
};
struct tn_optimizer_ctx {
    tn_graph *graph;
    struct tn_options options;
    struct tn_update_inputs inputs;
    tn_value correction; /* from `prepare`, TN_NONE without */
    const struct tn_state_params *first; /* a parameter of the group: names what the group keeps */
};
struct tn_optimizer {
    struct tn_component component; /* `lr` is every optimizer's option */
    /* Values shared by all parameters of a group, made once; NULL: none. */
    tn_value (*prepare)(const struct tn_optimizer_ctx *ctx);
    /* Emits the update of one parameter and assigns it and its slots. */
    void (*update)(const struct tn_optimizer_ctx *ctx, const struct tn_state_params *param,
                   tn_value value, tn_value grad);
};
/* grad_mul, made smaller where grad_mul times the norm of all n gradients together is above max_norm:
 * times max_norm / (that norm + 1e-6), as PyTorch's clip_grad_norm_. All on the device. */
tn_value tn_optimizer_clip_norm(tn_graph *graph, const tn_value *grads, size_t n, tn_value grad_mul,
                                double max_norm);
size_t tn_optimizer_count(void);
const struct tn_optimizer *tn_optimizer_at(size_t index);
const struct tn_optimizer *tn_optimizer_find(const char *name);

#endif
