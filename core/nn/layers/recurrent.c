/* rnn, lstm, gru over x [batch, T, features]: y [batch, T, units], or after the last step
 * [batch, units]; bidirectional: twice the units, the reverse direction's behind the forward one's.
 * A second input, whole numbers [batch], gives the sequences' lengths.
 *
 * kernel [dirs, gates units, features], recurrent_kernel [dirs, gates units, units] and bias
 * [dirs, 2 gates units] are the operators' w, r and b: gates in ONNX's order. */
#include <string.h>

#include "base/compiler.h"
#include "nn/layer.h"

static const char *const rnn_activations[] = {"tanh", "relu", NULL};

#define SHARED                                                                                  \
    OPT_INT("units", 1, NULL, "size of the state"),                                             \
        OPT_BOOL("bidirectional", "false", "a second network walks from the end to the begin"), \
        OPT_BOOL("return_sequences", "false", "the state after each step, not after the last"), \
        OPT_BOOL("use_bias", "true", "add biases"),                                             \
        OPT_CHOICE("kernel_initializer", tn_initializer_names, "glorot_uniform",                \
                   "of the inputs' weights"),                                                   \
        OPT_CHOICE("recurrent_initializer", tn_initializer_names, "glorot_uniform",             \
                   "of the state's weights"),                                                   \
        OPT_CHOICE("bias_initializer", tn_initializer_names, "zeros", "of the biases")

static const struct tn_option rnn_options[] = {
    SHARED, OPT_CHOICE("activation", rnn_activations, "tanh", "of the state")};
static const struct tn_option lstm_options[] = {SHARED};
static const struct tn_option gru_options[] = {
    SHARED, OPT_BOOL("reset_after", "true",
                     "the reset gate multiplies the state's product, not the state")};

static tn_value transpose(tn_graph *graph, tn_value x, uint32_t n, const int64_t *perm)
{
    struct tn_attr attr = TN_AV("perm", n, perm);
    return tn_op1(graph, "transpose", x, &attr, 1);
}

/* y [T, dirs, N, units] or the last state [dirs, N, units], batch first and the directions side by
 * side. */
static tn_value result(const struct tn_layer_ctx *ctx, const tn_value *out, int64_t batch,
                       int64_t steps, int64_t width)
{
    tn_graph *g = ctx->graph;
    if (!tn_options_int(&ctx->options, "return_sequences"))
        return tn_reshape(g, transpose(g, out[1], 3, (const int64_t[]){1, 0, 2}),
                          &TN_SHAPE(batch, width));
    return tn_reshape(g, transpose(g, out[0], 4, (const int64_t[]){2, 0, 1, 3}),
                      &TN_SHAPE(batch, steps, width));
}

/* A parameter [dirs, gates units, n]; its scale is that of one gate's matrix. */
static tn_value weights(const struct tn_layer_ctx *ctx, const char *name, const char *initializer,
                        int64_t dirs, int64_t rows, int64_t n)
{
    return tn_layer_param(ctx, name, &TN_SHAPE(dirs, rows, n),
                          tn_options_string(&ctx->options, initializer), n,
                          tn_options_int(&ctx->options, "units"));
}

static tn_value build(const struct tn_layer_ctx *ctx, const char *op, int64_t gates,
                      const struct tn_attr *extra)
{
    struct tn_shape in;
    if (!tn_layer_rank(ctx, 0, 3, 3, &in))
        return TN_NONE;
    int64_t units = tn_options_int(&ctx->options, "units"), rows = gates * units;
    int64_t dirs = tn_options_int(&ctx->options, "bidirectional") ? 2 : 1;
    if (in.dim[1] < 0 || in.dim[2] <= 0)
        return tn_layer_fail(ctx, "steps and features must be known numbers, features at least 1");
    if (ctx->n_in > 1) {
        tn_dtype dtype = tn_graph_dtype(ctx->graph, ctx->in[1]);
        if (dtype != TN_I32 && dtype != TN_I64)
            return tn_layer_fail(ctx,
                                 "the second input is the sequences' lengths: i32 or i64, "
                                 "not %s",
                                 tn_dtype_name(dtype));
    }
    tn_value x = transpose(ctx->graph, ctx->in[0], 3, (const int64_t[]){1, 0, 2}), bias = TN_NONE;
    tn_value w = weights(ctx, "kernel", "kernel_initializer", dirs, rows, in.dim[2]);
    tn_value r = weights(ctx, "recurrent_kernel", "recurrent_initializer", dirs, rows, units);
    if (tn_options_int(&ctx->options, "use_bias"))
        bias =
            tn_layer_param(ctx, "bias", &TN_SHAPE(dirs, 2 * rows),
                           tn_options_string(&ctx->options, "bias_initializer"), in.dim[2], units);
    const struct tn_attr attrs[] = {TN_AS("direction", dirs == 2 ? "bidirectional" : "forward"),
                                    extra ? *extra : TN_AI("", 0)};
    const tn_value inputs[] = {x, w, r, bias, ctx->n_in > 1 ? ctx->in[1] : TN_NONE};
    tn_value out[4];
    uint32_t n_out = strcmp(op, "lstm") == 0 ? 4 : strcmp(op, "gru") == 0 ? 3 : 2;
    tn_graph_op(ctx->graph, op, inputs, TN_LEN(inputs), attrs, extra ? 2 : 1, out, n_out);
    return result(ctx, out, in.dim[0], in.dim[1], dirs * units);
}

static tn_value build_rnn(const struct tn_layer_ctx *ctx)
{
    struct tn_attr f = TN_AS("activation", tn_options_string(&ctx->options, "activation"));
    return build(ctx, "rnn", 1, &f);
}

static tn_value build_lstm(const struct tn_layer_ctx *ctx)
{
    return build(ctx, "lstm", 4, NULL);
}

static tn_value build_gru(const struct tn_layer_ctx *ctx)
{
    struct tn_attr after =
        TN_AI("linear_before_reset", tn_options_int(&ctx->options, "reset_after") != 0);
    return build(ctx, "gru", 3, &after);
}

#define RECURRENT(id, text)                              \
    const struct tn_layer_type tn_layer_##id = {         \
        .component = {.name = #id,                       \
                      .doc = text,                       \
                      .options = id##_options,           \
                      .n_options = TN_LEN(id##_options), \
                      .min_inputs = 1,                   \
                      .max_inputs = 2},                  \
        .build = build_##id,                             \
    }

RECURRENT(rnn, "a recurrent network over sequences [steps, features]");
RECURRENT(lstm, "long short-term memory over sequences [steps, features]");
RECURRENT(gru, "gated recurrent units over sequences [steps, features]");
