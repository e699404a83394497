#include "nn/optimizer.h"

#include <stdio.h>
#include <string.h>

#include "base/compiler.h"

/* Slot "optimizer/<param>/<slot>": keyed by the parameter's path, so that any backend resumes. */
static tn_value declare_slot(tn_graph *graph, const struct tn_state_params *param, const char *slot,
                             double start)
{
    char path[320];
    snprintf(path, sizeof(path), "optimizer/%s/%s", param->name, slot);
    struct tn_state_params params = {
        .name = path,
        .dtype = param->dtype,
        .shape = param->shape,
        .role = TN_STATE_SLOT,
        .init = {.kind = start != 0 ? TN_INIT_CONSTANT : TN_INIT_ZEROS, .a = start},
        .group = param->group,
        .slot = slot,
    };
    return tn_graph_state(graph, &params);
}

#define CLIP_OPTIONS                                                            \
    OPT_FLOAT("clip_value", 0, "0",                                             \
              "each number of a gradient stays within this of 0; 0: no limit"), \
        OPT_FLOAT("clip_norm", 0, "0",                                          \
                  "the norm of all gradients together stays within this; 0: no limit")
#define DECAY_OPTIONS                                                             \
    OPT_FLOAT("weight_decay", 0, "0", "added to the gradient, times the weight"), \
        OPT_BOOL("decoupled", "false", "take the decay off the weight, times the learning rate")

/* --- what the operators share --- */

#define MAX_SLOTS 3
#define MAX_ATTRS 8

/* An option that the operator has as an attribute. */
struct to_attr {
    const char *option, *attr;
};

/* Inputs: param, grad, slots (NULL: absent), correction where there is one, lr, grad_mul, apply.
 * Outputs: param, slots. The operator bears the optimizer's name. */
static void emit(const struct tn_optimizer_ctx *ctx, const struct tn_state_params *param,
                 tn_value value, tn_value grad, const char *const slots[MAX_SLOTS], size_t n_slots,
                 const double *start, const struct to_attr *options)
{
    struct tn_attr attrs[MAX_ATTRS];
    tn_value in[MAX_SLOTS + 6], out[MAX_SLOTS + 1];
    size_t n_in = 0, n_attrs = 0;
    in[n_in++] = value;
    in[n_in++] = grad;
    for (size_t i = 0; i < n_slots; i++)
        in[n_in++] =
            slots[i] ? declare_slot(ctx->graph, param, slots[i], start ? *start : 0) : TN_NONE;
    if (ctx->correction != TN_NONE)
        in[n_in++] = ctx->correction;
    in[n_in++] = ctx->inputs.lr;
    in[n_in++] = ctx->inputs.grad_mul;
    in[n_in++] = ctx->inputs.apply;
    for (; options->option; options++) {
        const char *name = options->attr ? options->attr : options->option;
        struct tn_attr number = TN_AF(name, 0), flag = TN_AI(name, 0);
        int is_flag = strcmp(name, "nesterov") == 0 || strcmp(name, "decoupled") == 0;
        if (is_flag)
            flag.u.i = tn_options_int(&ctx->options, options->option);
        else
            number.u.f = tn_options_float(&ctx->options, options->option);
        attrs[n_attrs++] = is_flag ? flag : number;
    }
    tn_graph_op(ctx->graph, ctx->options.component->name, in, n_in, attrs, n_attrs, out,
                n_slots + 1);
    tn_graph_assign(ctx->graph, value, out[0]);
    for (size_t i = 0; i < n_slots; i++)
        if (slots[i])
            tn_graph_assign(ctx->graph, in[i + 2], out[i + 1]);
}

/* --- sgd --- */

static const struct tn_option sgd_options[] = {
    OPT_FLOAT("lr", 0, "0.01", "learning rate"),
    OPT_FLOAT("momentum", 0, "0", "share of the last step that is added"),
    OPT_BOOL("nesterov", "false", "look ahead by the momentum"),
    OPT_FLOAT("weight_decay", 0, "0", "added to the gradient, times the weight"),
    CLIP_OPTIONS,
};

static void update_sgd(const struct tn_optimizer_ctx *ctx, const struct tn_state_params *param,
                       tn_value value, tn_value grad)
{
    static const struct to_attr options[] = {
        {"momentum", NULL}, {"nesterov", NULL}, {"weight_decay", NULL}, {"clip_value", NULL}, {0}};
    double momentum = tn_options_float(&ctx->options, "momentum");
    const char *const slots[MAX_SLOTS] = {momentum > 0 ? "velocity" : NULL};
    emit(ctx, param, value, grad, slots, 1, NULL, options);
}

/* --- adam and its kin --- */

#define MOMENT_OPTIONS(rate, eps)                                      \
    OPT_FLOAT("lr", 0, rate, "learning rate"),                         \
        OPT_FLOAT("beta_1", 0, "0.9", "decay of the first moment"),    \
        OPT_FLOAT("beta_2", 0, "0.999", "decay of the second moment"), \
        OPT_FLOAT("epsilon", 0, eps, "added to the root of the second moment")

static const struct tn_option adam_options[] = {
    MOMENT_OPTIONS("0.001", "1e-07"),
    OPT_FLOAT("weight_decay", 0, "0", "added to the gradient, times the weight"),
    CLIP_OPTIONS,
};
static const struct tn_option adamw_options[] = {
    MOMENT_OPTIONS("0.001", "1e-07"),
    OPT_FLOAT("weight_decay", 0, "0.004", "taken off the weight, times the learning rate"),
    CLIP_OPTIONS,
};
static const struct tn_option amsgrad_options[] = {
    MOMENT_OPTIONS("0.001", "1e-07"),
    DECAY_OPTIONS,
    CLIP_OPTIONS,
};
static const struct tn_option nadam_options[] = {
    MOMENT_OPTIONS("0.002", "1e-07"),
    OPT_FLOAT("momentum_decay", 0, "0.004", "how fast the momentum grows towards beta_1"),
    DECAY_OPTIONS,
    CLIP_OPTIONS,
};
static const struct tn_option lamb_options[] = {
    MOMENT_OPTIONS("0.001", "1e-06"),
    OPT_FLOAT("weight_decay", 0, "0", "share of the weight that joins the direction"),
    CLIP_OPTIONS,
};

static tn_value prepare_adam(const struct tn_optimizer_ctx *ctx)
{
    const struct tn_attr attrs[] = {
        TN_AF("beta1", tn_options_float(&ctx->options, "beta_1")),
        TN_AF("beta2", tn_options_float(&ctx->options, "beta_2")),
    };
    return tn_op1(ctx->graph, "bias_correction", ctx->inputs.step, attrs, TN_LEN(attrs));
}

/* The product of the momentums so far is state of the group, named by its first parameter. */
static tn_value prepare_nadam(const struct tn_optimizer_ctx *ctx)
{
    const struct tn_attr attrs[] = {
        TN_AF("beta1", tn_options_float(&ctx->options, "beta_1")),
        TN_AF("beta2", tn_options_float(&ctx->options, "beta_2")),
        TN_AF("momentum_decay", tn_options_float(&ctx->options, "momentum_decay")),
    };
    struct tn_state_params scalar = *ctx->first;
    scalar.dtype = TN_F32;
    scalar.shape = TN_SCALAR;
    tn_value product = declare_slot(ctx->graph, &scalar, "mu_product", 1), out[2];
    const tn_value in[] = {product, ctx->inputs.step, ctx->inputs.apply};
    tn_graph_op(ctx->graph, "nadam_correction", in, 3, attrs, TN_LEN(attrs), out, 2);
    tn_graph_assign(ctx->graph, product, out[1]);
    return out[0];
}

static const char *const moment_slots[MAX_SLOTS] = {"m", "v", "v_max"};

/* adam, adamw, lamb */
static void update_moments(const struct tn_optimizer_ctx *ctx, const struct tn_state_params *param,
                           tn_value value, tn_value grad)
{
    static const struct to_attr options[] = {{"beta_1", "beta1"},  {"beta_2", "beta2"},
                                             {"epsilon", NULL},    {"weight_decay", NULL},
                                             {"clip_value", NULL}, {0}};
    emit(ctx, param, value, grad, moment_slots, 2, NULL, options);
}

static const struct to_attr decay_moments[] = {{"beta_1", "beta1"},
                                               {"beta_2", "beta2"},
                                               {"epsilon", NULL},
                                               {"weight_decay", NULL},
                                               {"decoupled", NULL},
                                               {"clip_value", NULL},
                                               {0}};

static void update_nadam(const struct tn_optimizer_ctx *ctx, const struct tn_state_params *param,
                         tn_value value, tn_value grad)
{
    emit(ctx, param, value, grad, moment_slots, 2, NULL, decay_moments);
}

static void update_amsgrad(const struct tn_optimizer_ctx *ctx, const struct tn_state_params *param,
                           tn_value value, tn_value grad)
{
    emit(ctx, param, value, grad, moment_slots, 3, NULL, decay_moments);
}

/* --- rmsprop, adagrad, adadelta, lion --- */

static const struct tn_option rmsprop_options[] = {
    OPT_FLOAT("lr", 0, "0.001", "learning rate"),
    OPT_FLOAT("rho", 0, "0.9", "decay of the mean of squared gradients"),
    OPT_FLOAT("momentum", 0, "0", "share of the last step that is added"),
    OPT_FLOAT("epsilon", 0, "1e-07", "added to the root"),
    OPT_BOOL("centered", "false", "take the mean's square off: divide by the deviation"),
    DECAY_OPTIONS,
    CLIP_OPTIONS,
};
static const struct tn_option adagrad_options[] = {
    OPT_FLOAT("lr", 0, "0.01", "learning rate"),
    OPT_FLOAT("initial_accumulator_value", 0, "0", "where the sum of squares begins"),
    OPT_FLOAT("epsilon", 0, "1e-07", "added to the root"),
    DECAY_OPTIONS,
    CLIP_OPTIONS,
};
static const struct tn_option adadelta_options[] = {
    OPT_FLOAT("lr", 0, "1", "learning rate"),
    OPT_FLOAT("rho", 0, "0.9", "decay of the means of squares"),
    OPT_FLOAT("epsilon", 0, "1e-06", "added under the roots"),
    DECAY_OPTIONS,
    CLIP_OPTIONS,
};
static const struct tn_option lion_options[] = {
    OPT_FLOAT("lr", 0, "0.0001", "learning rate"),
    OPT_FLOAT("beta_1", 0, "0.9", "share of the mean in the direction"),
    OPT_FLOAT("beta_2", 0, "0.99", "decay of the mean of gradients"),
    OPT_FLOAT("weight_decay", 0, "0", "taken off the weight, times the learning rate"),
    CLIP_OPTIONS,
};

static void update_rmsprop(const struct tn_optimizer_ctx *ctx, const struct tn_state_params *param,
                           tn_value value, tn_value grad)
{
    static const struct to_attr options[] = {{"rho", NULL},
                                             {"momentum", NULL},
                                             {"epsilon", NULL},
                                             {"weight_decay", NULL},
                                             {"decoupled", NULL},
                                             {"clip_value", NULL},
                                             {0}};
    const char *const slots[MAX_SLOTS] = {
        "v", tn_options_int(&ctx->options, "centered") ? "mean" : NULL,
        tn_options_float(&ctx->options, "momentum") > 0 ? "velocity" : NULL};
    emit(ctx, param, value, grad, slots, 3, NULL, options);
}

static void update_adagrad(const struct tn_optimizer_ctx *ctx, const struct tn_state_params *param,
                           tn_value value, tn_value grad)
{
    static const struct to_attr options[] = {
        {"epsilon", NULL}, {"weight_decay", NULL}, {"decoupled", NULL}, {"clip_value", NULL}, {0}};
    static const char *const slots[MAX_SLOTS] = {"sum"};
    double start = tn_options_float(&ctx->options, "initial_accumulator_value");
    emit(ctx, param, value, grad, slots, 1, &start, options);
}

static void update_adadelta(const struct tn_optimizer_ctx *ctx, const struct tn_state_params *param,
                            tn_value value, tn_value grad)
{
    static const struct to_attr options[] = {{"rho", NULL},          {"epsilon", NULL},
                                             {"weight_decay", NULL}, {"decoupled", NULL},
                                             {"clip_value", NULL},   {0}};
    static const char *const slots[MAX_SLOTS] = {"v", "u"};
    emit(ctx, param, value, grad, slots, 2, NULL, options);
}

static void update_lion(const struct tn_optimizer_ctx *ctx, const struct tn_state_params *param,
                        tn_value value, tn_value grad)
{
    static const struct to_attr options[] = {{"beta_1", "beta1"},
                                             {"beta_2", "beta2"},
                                             {"weight_decay", NULL},
                                             {"clip_value", NULL},
                                             {0}};
    emit(ctx, param, value, grad, moment_slots, 1, NULL, options);
}

/* --- the table --- */

#define OPTIMIZER(id, text, prepare_fn, update_fn)        \
    {                                                     \
        .component = {.name = #id,                        \
                      .doc = text,                        \
                      .options = id##_options,            \
                      .n_options = TN_LEN(id##_options)}, \
        .prepare = prepare_fn, .update = update_fn        \
    }

static const struct tn_optimizer optimizers[] = {
    OPTIMIZER(sgd, "stochastic gradient descent", NULL, update_sgd),
    OPTIMIZER(adam, "Adam (Kingma and Ba 2015)", prepare_adam, update_moments),
    OPTIMIZER(adamw, "Adam with decoupled weight decay (Loshchilov and Hutter 2019)", prepare_adam,
              update_moments),
    OPTIMIZER(amsgrad, "Adam by the largest second moment so far (Reddi et al. 2018)", prepare_adam,
              update_amsgrad),
    OPTIMIZER(nadam, "Adam with Nesterov's momentum (Dozat 2016)", prepare_nadam, update_nadam),
    OPTIMIZER(rmsprop, "RMSprop (Tieleman and Hinton 2012)", NULL, update_rmsprop),
    OPTIMIZER(adagrad, "Adagrad (Duchi et al. 2011)", NULL, update_adagrad),
    OPTIMIZER(adadelta, "Adadelta (Zeiler 2012)", NULL, update_adadelta),
    OPTIMIZER(lion, "Lion (Chen et al. 2023)", NULL, update_lion),
    OPTIMIZER(lamb, "LAMB, for large batches (You et al. 2020)", prepare_adam, update_moments),
};

/* --- clipping by the norm of all gradients --- */

#define NORM_INPUTS 16 /* of the operator */

tn_value tn_optimizer_clip_norm(tn_graph *graph, const tn_value *grads, size_t n, tn_value grad_mul,
                                double max_norm)
{
    tn_value level[NORM_INPUTS] = {TN_NONE}, norm;
    size_t n_level = 0;
    /* Norms of runs of gradients; a full level becomes the first of the next. */
    for (size_t i = 0; i < n; i += NORM_INPUTS) {
        tn_value part;
        tn_graph_op(graph, "global_norm", grads + i, TN_MIN(n - i, (size_t)NORM_INPUTS), NULL, 0,
                    &part, 1);
        if (n_level == NORM_INPUTS) {
            tn_graph_op(graph, "global_norm", level, n_level, NULL, 0, &norm, 1);
            level[0] = norm;
            n_level = 1;
        }
        level[n_level++] = part;
    }
    norm = level[0];
    if (n_level > 1)
        tn_graph_op(graph, "global_norm", level, n_level, NULL, 0, &norm, 1);
    norm = tn_add(graph, tn_mul(graph, norm, grad_mul), tn_graph_scalar(graph, TN_F32, 1e-6));
    tn_value share = tn_div(graph, tn_graph_scalar(graph, TN_F32, max_norm), norm);
    share = tn_op2(graph, "minimum", share, tn_graph_scalar(graph, TN_F32, 1.0), NULL, 0);
    return tn_mul(graph, grad_mul, share);
}

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
