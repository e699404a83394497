/* What layers share: parameters, activations, padding, error messages. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "nn/layer.h"

const char *const tn_activation_names[] = {
    "linear",       "relu",       "relu6", "leaky_relu", "elu",      "celu",        "selu",
    "gelu",         "gelu_tanh",  "silu",  "mish",       "softplus", "softsign",    "sigmoid",
    "hard_sigmoid", "hard_swish", "tanh",  "exp",        "softmax",  "log_softmax", NULL,
};

struct initializer {
    const char *name;
    tn_init_kind kind;
    double a, b;
};

/* Keras's names and figures. */
static const struct initializer initializers[] = {
    {"glorot_uniform", TN_INIT_GLOROT_UNIFORM, 0, 0},
    {"glorot_normal", TN_INIT_GLOROT_NORMAL, 0, 0},
    {"he_uniform", TN_INIT_HE_UNIFORM, 0, 0},
    {"he_normal", TN_INIT_HE_NORMAL, 0, 0},
    {"random_uniform", TN_INIT_UNIFORM, -0.05, 0.05},
    {"random_normal", TN_INIT_NORMAL, 0.0, 0.05},
    {"zeros", TN_INIT_ZEROS, 0, 0},
    {"ones", TN_INIT_CONSTANT, 1.0, 0},
};

const char *const tn_initializer_names[] = {
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "random_uniform",
    "random_normal",  "zeros",         "ones",       NULL,
};

static struct tn_init find_init(const char *name, int64_t fan_in, int64_t fan_out)
{
    struct tn_init init = {.fan_in = fan_in, .fan_out = fan_out};
    for (size_t i = 0; i < TN_LEN(initializers); i++) {
        if (strcmp(initializers[i].name, name) == 0) {
            init.kind = initializers[i].kind;
            init.a = initializers[i].a;
            init.b = initializers[i].b;
        }
    }
    return init;
}

static tn_value declare(const struct tn_layer_ctx *ctx, const char *name, tn_state_role role,
                        const struct tn_shape *shape, struct tn_init init)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", ctx->state_path, name);
    struct tn_state_params params = {
        .name = path, .dtype = TN_F32, .shape = *shape, .role = role, .init = init};
    if (role == TN_STATE_PARAM && ctx->forward->group_of)
        params.group = ctx->forward->group_of(ctx->forward->group_ctx, path);
    return tn_graph_state(ctx->graph, &params);
}

tn_value tn_layer_param(const struct tn_layer_ctx *ctx, const char *name,
                        const struct tn_shape *shape, const char *initializer, int64_t fan_in,
                        int64_t fan_out)
{
    return declare(ctx, name, TN_STATE_PARAM, shape, find_init(initializer, fan_in, fan_out));
}

tn_value tn_layer_buffer(const struct tn_layer_ctx *ctx, const char *name,
                         const struct tn_shape *shape, double value)
{
    struct tn_init init = {.kind = TN_INIT_CONSTANT, .a = value};
    return declare(ctx, name, TN_STATE_BUFFER, shape, init);
}

tn_value tn_layer_activate(const struct tn_layer_ctx *ctx, const char *activation, tn_value x)
{
    if (strcmp(activation, "linear") == 0 || x == TN_NONE)
        return x;
    /* As Keras and PyTorch have them where a name stands alone: Keras's slope of leaky_relu, the
     * slope of hard_sigmoid that both use. */
    const struct tn_attr slope = TN_AF("alpha", 0.2), sixth = TN_AF("alpha", 1.0 / 6.0),
                         by_tanh = TN_AS("approximate", "tanh");
    if (strcmp(activation, "leaky_relu") == 0)
        return tn_op1(ctx->graph, activation, x, &slope, 1);
    if (strcmp(activation, "hard_sigmoid") == 0)
        return tn_op1(ctx->graph, activation, x, &sixth, 1);
    if (strcmp(activation, "gelu_tanh") == 0)
        return tn_op1(ctx->graph, "gelu", x, &by_tanh, 1);
    return tn_op1(ctx->graph, activation, x, NULL, 0);
}

static void format_shape(const tn_graph *graph, const struct tn_shape *shape, char *buf,
                         size_t size)
{
    size_t n = (size_t)snprintf(buf, size, "[");
    for (uint32_t i = 0; i < shape->rank && n < size; i++) {
        char dim[64];
        tn_graph_dim_format(graph, shape->dim[i], dim, sizeof(dim));
        n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "", dim);
    }
    if (n < size)
        snprintf(buf + n, size - n, "]");
}

tn_value tn_layer_fail(const struct tn_layer_ctx *ctx, const char *fmt, ...)
{
    char message[512], shapes[256] = "";
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    for (size_t i = 0; i < ctx->n_in; i++) {
        char text[96];
        struct tn_shape shape = tn_graph_shape(ctx->graph, ctx->in[i]);
        format_shape(ctx->graph, &shape, text, sizeof(text));
        size_t n = strlen(shapes);
        snprintf(shapes + n, sizeof(shapes) - n, "%s%s", i ? ", " : "", text);
    }
    tn_error_set(ctx->err, TN_E_INVALID, "layer '%s' (%s): %s; input %s", ctx->name,
                 ctx->options.component->name, message, shapes);
    return TN_NONE;
}

int tn_layer_rank(const struct tn_layer_ctx *ctx, size_t input, uint32_t min, uint32_t max,
                  struct tn_shape *out_shape)
{
    struct tn_shape shape = tn_graph_shape(ctx->graph, ctx->in[input]);
    *out_shape = shape;
    if (shape.rank >= min && shape.rank <= max)
        return 1;
    if (min == max && min == 4)
        tn_layer_fail(ctx, "needs images [batch, channels, height, width]");
    else if (min == max)
        tn_layer_fail(ctx, "needs an input of rank %u, not %u", min, shape.rank);
    else
        tn_layer_fail(ctx, "needs an input of rank %u to %u, not %u", min, max, shape.rank);
    return 0;
}

/* Larger numbers would overflow products before any check of a fit. */
static int check_size(const struct tn_layer_ctx *ctx, const char *option, int64_t value)
{
    if (value <= INT32_MAX)
        return 1;
    tn_layer_fail(ctx, "option '%s' is %lld; it must be at most %d", option, (long long)value,
                  INT32_MAX);
    return 0;
}

int tn_layer_window(const struct tn_layer_ctx *ctx, uint32_t axes, const char *kernel,
                    struct tn_layer_window *out)
{
    const struct tn_options *o = &ctx->options;
    int is_pool = strcmp(kernel, "pool_size") == 0;
    *out = (struct tn_layer_window){.axes = axes, .dilations = {1, 1, 1}};
    tn_options_numbers(o, kernel, axes, out->kernel);
    tn_options_numbers(o, tn_options_has(o, "strides") ? "strides" : kernel, axes, out->strides);
    if (!is_pool)
        tn_options_numbers(o, "dilation_rate", axes, out->dilations);
    if (!tn_options_padding(o, axes, out->pads, &out->is_same)) {
        tn_layer_fail(ctx, axes == 1
                               ? "padding of one axis is valid, same, a number, or [begin, end]"
                               : "padding has the wrong number of entries");
        return 0;
    }
    out->auto_pad = out->is_same ? "SAME_UPPER" : "NOTSET";
    for (uint32_t axis = 0; axis < axes; axis++)
        if (!check_size(ctx, kernel, out->kernel[axis]) ||
            !check_size(ctx, "strides", out->strides[axis]) ||
            !check_size(ctx, "dilation_rate", out->dilations[axis]) ||
            !check_size(ctx, "padding", TN_MAX(out->pads[axis], out->pads[axis + axes])))
            return 0;
    return 1;
}

int tn_layer_fits(const struct tn_layer_ctx *ctx, const struct tn_shape *input,
                  const struct tn_layer_window *window)
{
    static const char *const names[TN_LAYER_AXES][TN_LAYER_AXES] = {
        {"length"}, {"height", "width"}, {"depth", "height", "width"}};
    static const char *const unknown[TN_LAYER_AXES] = {"the length", "height and width",
                                                       "depth, height and width"};
    for (uint32_t axis = 0; axis < window->axes; axis++) {
        int64_t size = input->dim[2 + axis];
        int64_t reach = (window->kernel[axis] - 1) * window->dilations[axis] + 1;
        int64_t padded = size + window->pads[axis] + window->pads[axis + window->axes];
        if (size < 0) {
            tn_layer_fail(ctx, "%s must be known when the model is built",
                          unknown[window->axes - 1]);
            return 0;
        }
        if (reach > padded && !window->is_same) {
            tn_layer_fail(ctx,
                          "a window of %lld does not fit into %s %lld (%lld with padding): use a "
                          "smaller window or padding: same",
                          (long long)reach, names[window->axes - 1][axis], (long long)size,
                          (long long)padded);
            return 0;
        }
    }
    return 1;
}
