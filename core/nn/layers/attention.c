/* multi_head_attention: x [batch, Lq, E], memory [batch, Lk, M] (x itself where it is not given)
 * -> y [batch, Lq, E]. With q = x Wq + bq and so on, heads of size D side by side in the last dim:
 *   y = concat over heads (softmax(q k^T / sqrt(D)) v) Wo + bo
 * A last input of whole numbers [batch] gives the memory's lengths. */
#include "base/compiler.h"
#include "nn/layer.h"

static const struct tn_option options[] = {
    OPT_INT("heads", 1, NULL, "heads of queries"),
    OPT_INT("head_size", 0, "0",
            "of each head; 0: the input's last dim shared out among the heads"),
    OPT_INT("kv_heads", 0, "0", "heads of keys and values, dividing heads; 0: as many as heads"),
    OPT_BOOL("causal", "false", "a step sees itself and those before"),
    OPT_BOOL("use_bias", "true", "add biases"),
    OPT_CHOICE("kernel_initializer", tn_initializer_names, "glorot_uniform", "of the weights"),
    OPT_CHOICE("bias_initializer", tn_initializer_names, "zeros", "of the biases"),
};

/* x W + b with parameters "<name>_kernel" [from, to] and "<name>_bias" [to]. */
static tn_value project(const struct tn_layer_ctx *ctx, tn_value x, const char *kernel,
                        const char *bias, int64_t from, int64_t to)
{
    tn_value w = tn_layer_param(ctx, kernel, &TN_SHAPE(from, to),
                                tn_options_string(&ctx->options, "kernel_initializer"), from, to);
    tn_value y = tn_matmul(ctx->graph, x, w, 0, 0);
    if (!tn_options_int(&ctx->options, "use_bias"))
        return y;
    tn_value b = tn_layer_param(ctx, bias, &TN_SHAPE(to),
                                tn_options_string(&ctx->options, "bias_initializer"), from, to);
    return tn_add(ctx->graph, y, b);
}

static tn_value swap_middle(tn_graph *graph, tn_value x)
{
    struct tn_attr perm = TN_AV("perm", 4, ((const int64_t[]){0, 2, 1, 3}));
    return tn_op1(graph, "transpose", x, &perm, 1);
}

/* [batch, L, heads D] -> [batch, heads, L, D] */
static tn_value split(tn_graph *graph, tn_value x, int64_t heads, int64_t size)
{
    struct tn_shape s = tn_graph_shape(graph, x);
    return swap_middle(graph, tn_reshape(graph, x, &TN_SHAPE(s.dim[0], s.dim[1], heads, size)));
}

static int is_lengths(const struct tn_layer_ctx *ctx, size_t input)
{
    tn_dtype dtype = tn_graph_dtype(ctx->graph, ctx->in[input]);
    return dtype == TN_I32 || dtype == TN_I64;
}

static tn_value build(const struct tn_layer_ctx *ctx)
{
    struct tn_shape in, from;
    size_t n = ctx->n_in;
    tn_value lengths = n > 1 && is_lengths(ctx, n - 1) ? ctx->in[--n] : TN_NONE;
    if (n > 2)
        return tn_layer_fail(ctx, "a third input is the memory's lengths: i32 or i64 [batch]");
    if (!tn_layer_rank(ctx, 0, 3, 3, &in) || !tn_layer_rank(ctx, n - 1, 3, 3, &from))
        return TN_NONE;
    int64_t heads = tn_options_int(&ctx->options, "heads"), width = in.dim[2];
    int64_t kv_heads = tn_options_int(&ctx->options, "kv_heads");
    int64_t size = tn_options_int(&ctx->options, "head_size");
    if (in.dim[1] < 0 || from.dim[1] < 0 || width <= 0 || from.dim[2] <= 0)
        return tn_layer_fail(ctx, "steps and features must be known numbers, features at least 1");
    kv_heads = kv_heads ? kv_heads : heads;
    if (heads % kv_heads != 0)
        return tn_layer_fail(ctx, "kv_heads %lld must divide heads %lld", (long long)kv_heads,
                             (long long)heads);
    if (size == 0 && width % heads != 0)
        return tn_layer_fail(ctx, "%lld heads do not divide %lld features: give head_size",
                             (long long)heads, (long long)width);
    size = size ? size : width / heads;
    tn_graph *g = ctx->graph;
    tn_value memory = ctx->in[n - 1];
    tn_value q = project(ctx, ctx->in[0], "query_kernel", "query_bias", width, heads * size);
    tn_value k = project(ctx, memory, "key_kernel", "key_bias", from.dim[2], kv_heads * size);
    tn_value v = project(ctx, memory, "value_kernel", "value_bias", from.dim[2], kv_heads * size);
    const tn_value inputs[] = {split(g, q, heads, size), split(g, k, kv_heads, size),
                               split(g, v, kv_heads, size), TN_NONE, lengths};
    const struct tn_attr causal = TN_AI("causal", tn_options_int(&ctx->options, "causal") != 0);
    tn_value out[2];
    tn_graph_op(g, "attention", inputs, TN_LEN(inputs), &causal, 1, out, 2);
    tn_value joined =
        tn_reshape(g, swap_middle(g, out[0]), &TN_SHAPE(in.dim[0], in.dim[1], heads * size));
    return project(ctx, joined, "output_kernel", "output_bias", heads * size, width);
}

const struct tn_layer_type tn_layer_multi_head_attention = {
    .component = {.name = "multi_head_attention",
                  .doc = "attention of each step to all steps, of the input or of a second input",
                  .options = options,
                  .n_options = TN_LEN(options),
                  .min_inputs = 1,
                  .max_inputs = 3},
    .build = build,
};
