#include "nn/optimizer.h"

#include <stdio.h>

#include "base/compiler.h"

/* Slot "optimizer/<param>/<slot>": keyed by the parameter's path, so that any backend resumes. */
static tn_value declare_slot(tn_graph *graph, const struct tn_state_params *param, const char *slot)
{
    char path[320];
    snprintf(path, sizeof(path), "optimizer/%s/%s", param->name, slot);
    struct tn_state_params params = {
        .name = path,
        .dtype = param->dtype,
        .shape = param->shape,
        .role = TN_STATE_SLOT,
        .init = {.kind = TN_INIT_ZEROS},
        .group = param->group,
        .slot = slot,
    };
    return tn_graph_state(graph, &params);
}

static const struct tn_option sgd_options[] = {
    OPT_FLOAT("lr", 0, "0.01", "learning rate"),
    OPT_FLOAT("momentum", 0, "0", "share of the last step that is added"),
    OPT_BOOL("nesterov", "false", "look ahead by the momentum"),
    OPT_FLOAT("weight_decay", 0, "0", "added to the gradient, times the weight"),
};

static void update_sgd(const struct tn_optimizer_ctx *ctx, const struct tn_state_params *param,
                       tn_value value, tn_value grad)
{
    double momentum = tn_options_float(&ctx->options, "momentum");
    tn_value velocity = momentum > 0 ? declare_slot(ctx->graph, param, "velocity") : TN_NONE;
    const struct tn_attr attrs[] = {
        TN_AF("momentum", momentum),
        TN_AI("nesterov", tn_options_int(&ctx->options, "nesterov")),
        TN_AF("weight_decay", tn_options_float(&ctx->options, "weight_decay")),
    };
    tn_value in[] = {
        value, grad, velocity, ctx->inputs.lr, ctx->inputs.grad_mul, ctx->inputs.apply};
    tn_value out[2];
    tn_graph_op(ctx->graph, "sgd", in, TN_LEN(in), attrs, TN_LEN(attrs), out, 2);
    tn_graph_assign(ctx->graph, value, out[0]);
    if (velocity != TN_NONE)
        tn_graph_assign(ctx->graph, velocity, out[1]);
}

static const struct tn_option adam_options[] = {
    OPT_FLOAT("lr", 0, "0.001", "learning rate"),
    OPT_FLOAT("beta_1", 0, "0.9", "decay of the first moment"),
    OPT_FLOAT("beta_2", 0, "0.999", "decay of the second moment"),
    OPT_FLOAT("epsilon", 0, "1e-07", "added to the root of the second moment"),
    OPT_FLOAT("weight_decay", 0, "0", "added to the gradient, times the weight"),
};
static const struct tn_option adamw_options[] = {
    OPT_FLOAT("lr", 0, "0.001", "learning rate"),
    OPT_FLOAT("beta_1", 0, "0.9", "decay of the first moment"),
    OPT_FLOAT("beta_2", 0, "0.999", "decay of the second moment"),
    OPT_FLOAT("epsilon", 0, "1e-07", "added to the root of the second moment"),
    OPT_FLOAT("weight_decay", 0, "0.004", "taken off the weight, times the learning rate"),
};

static tn_value prepare_adam(const struct tn_optimizer_ctx *ctx)
{
    const struct tn_attr attrs[] = {
        TN_AF("beta1", tn_options_float(&ctx->options, "beta_1")),
        TN_AF("beta2", tn_options_float(&ctx->options, "beta_2")),
    };
    return tn_op1(ctx->graph, "bias_correction", ctx->inputs.step, attrs, TN_LEN(attrs));
}

static void update_moments(const struct tn_optimizer_ctx *ctx, const struct tn_state_params *param,
                           tn_value value, tn_value grad)
{
    tn_value m = declare_slot(ctx->graph, param, "m");
    tn_value v = declare_slot(ctx->graph, param, "v");
    const struct tn_attr attrs[] = {
        TN_AF("beta1", tn_options_float(&ctx->options, "beta_1")),
        TN_AF("beta2", tn_options_float(&ctx->options, "beta_2")),
        TN_AF("epsilon", tn_options_float(&ctx->options, "epsilon")),
        TN_AF("weight_decay", tn_options_float(&ctx->options, "weight_decay")),
    };
    tn_value in[] = {value,
                     grad,
                     m,
                     v,
                     ctx->correction,
                     ctx->inputs.lr,
                     ctx->inputs.grad_mul,
                     ctx->inputs.apply};
    tn_value out[3];
    /* The operator bears the optimizer's name. */
    tn_graph_op(ctx->graph, ctx->options.component->name, in, TN_LEN(in), attrs, TN_LEN(attrs), out,
                3);
    tn_graph_assign(ctx->graph, value, out[0]);
    tn_graph_assign(ctx->graph, m, out[1]);
    tn_graph_assign(ctx->graph, v, out[2]);
}

static const struct tn_optimizer optimizers[] = {
    {.component = {.name = "sgd",
                   .doc = "stochastic gradient descent",
                   .options = sgd_options,
                   .n_options = TN_LEN(sgd_options)},
     .update = update_sgd},
    {.component = {.name = "adam",
                   .doc = "Adam (Kingma and Ba 2015)",
                   .options = adam_options,
                   .n_options = TN_LEN(adam_options)},
     .prepare = prepare_adam,
     .update = update_moments},
    {.component = {.name = "adamw",
                   .doc = "Adam with decoupled weight decay (Loshchilov and Hutter 2019)",
                   .options = adamw_options,
                   .n_options = TN_LEN(adamw_options)},
     .prepare = prepare_adam,
     .update = update_moments},
};

size_t tn_optimizer_count(void)
{
    return TN_LEN(optimizers);
}

const struct tn_optimizer *tn_optimizer_at(size_t index)
{
    return &optimizers[index];
}

const struct tn_optimizer *tn_optimizer_find(const char *name)
{
    const struct tn_component *component = tn_component_find(TN_COMPONENT_OPTIMIZER, name);
    for (size_t i = 0; i < TN_LEN(optimizers); i++)
        if (&optimizers[i].component == component)
            return &optimizers[i];
    return NULL;
}
