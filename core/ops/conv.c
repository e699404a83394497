/* Convolution (cross-correlation, as in every training framework) over one, two or three axes, NCL,
 * NCHW and NCDHW; in two:
 *
 *   y[n, o, p, q] = bias[o] + sum over c, i, j of
 *                   x[n, g*Cg + c, p*sh - top + i*dh, q*sw - left + j*dw] * w[o, c, i, j]
 *
 * where Cg = C / groups, o lies in group g = o / (O / groups), and cells outside x count as zero.
 *
 * With T the set of index triples (x, w, y) that occur in that sum, y is the contraction of x and w
 * over T; its derivatives are the other two contractions over the same T:
 *
 *   dx[a] = sum over (a, b, c) in T of w[b] dy[c]
 *   dw[b] = sum over (a, b, c) in T of x[a] dy[c]
 *   dbias[o] = sum of dy over all but the channels
 *
 * (LeCun et al., "Gradient-based learning applied to document recognition", 1998; strides, dilation
 * and groups as in Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016,
 * and ONNX Conv.) Each contraction is linear in both arguments, so the gradient operators have
 * gradients among these three as well. */
#include "ops/conv.h"

#include <inttypes.h>
#include <stdio.h>

/* --- shape rules --- */

tn_status tn_conv_check_groups(const struct tn_infer *ctx, int64_t n_in, int64_t n_out,
                               const char *out_name)
{
    int64_t groups = tn_attrs_int(ctx->attrs, "groups");
    if (groups < 1)
        return tn_infer_fail(ctx, "groups is %" PRId64 ", must be at least 1", groups);
    if (n_in % groups != 0)
        return tn_infer_fail(ctx,
                             "groups %" PRId64 " does not divide the %" PRId64
                             " input channels; both channel counts must be multiples of it",
                             groups, n_in);
    if (n_out % groups != 0)
        return tn_infer_fail(ctx,
                             "groups %" PRId64 " does not divide the %" PRId64
                             " %s; both channel counts must be multiples of it",
                             groups, n_out, out_name);
    return TN_OK;
}

tn_status tn_conv_kernel(const struct tn_infer *ctx, const struct tn_shape *w,
                         struct tn_window *window)
{
    for (uint32_t a = 0; a < window->axes; a++) {
        int64_t size = window->kernel[a] = w->dim[a + 2];
        char text[64];
        if (size < 1)
            return tn_infer_fail(ctx, "kernel %s of w %s must be at least 1",
                                 tn_window_axis(window->axes, a),
                                 tn_shape_format(w, text, sizeof(text)));
        if (size > INT32_MAX)
            return tn_infer_fail(ctx, "kernel %s %" PRId64 " is beyond the limit of %d",
                                 tn_window_axis(window->axes, a), size, INT32_MAX);
    }
    return TN_OK;
}

/* Input shape [N, C, ..] against weight shape [O, C/groups, ..]; gives y's shape. */
static tn_status conv_shape(const struct tn_infer *ctx, uint32_t axes, const struct tn_shape *x,
                            const struct tn_shape *w, struct tn_shape *out_y)
{
    struct tn_window window;
    tn_status status = tn_window_infer(ctx, axes, TN_WINDOW_DILATIONS, &window);
    if (status == TN_OK)
        status = tn_conv_check_groups(ctx, x->dim[1], w->dim[0], "filters");
    if (status != TN_OK)
        return status;
    int64_t groups = tn_attrs_int(ctx->attrs, "groups");
    if (w->dim[1] != x->dim[1] / groups) {
        char x_text[64], w_text[64];
        return tn_infer_fail(ctx,
                             "channels do not match: x %s has %" PRId64 " channels in %" PRId64
                             " group(s), so each filter needs %" PRId64 ", but w %s has %" PRId64,
                             tn_shape_format(x, x_text, sizeof(x_text)), x->dim[1], groups,
                             x->dim[1] / groups, tn_shape_format(w, w_text, sizeof(w_text)),
                             w->dim[1]);
    }
    status = tn_conv_kernel(ctx, w, &window);
    tn_window_of(&window, x);
    if (status == TN_OK)
        status = tn_window_output(ctx, &window);
    if (status == TN_OK)
        *out_y = tn_window_shape(&window, x->dim[0], w->dim[0]);
    return status;
}

tn_status tn_conv_check_pair(const struct tn_infer *ctx, uint32_t axes)
{
    tn_status status = tn_infer_float(ctx, 0);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 0, axes + 2, axes + 2);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 1, axes + 2, axes + 2);
    if (status == TN_OK)
        status = tn_infer_same_dtype(ctx, 0, 1);
    return status;
}

tn_status tn_conv_check_bias(const struct tn_infer *ctx, int64_t n)
{
    if (!ctx->in[2])
        return TN_OK;
    tn_status status = tn_infer_rank(ctx, 2, 1, 1);
    if (status == TN_OK)
        status = tn_infer_same_dtype(ctx, 0, 2);
    if (status == TN_OK && ctx->in[2]->shape.dim[0] != n)
        status = tn_infer_fail(ctx, "bias has %" PRId64 " entries, w has %" PRId64 " filters",
                               ctx->in[2]->shape.dim[0], n);
    return status;
}

static tn_status conv_infer(struct tn_infer *ctx, uint32_t axes)
{
    tn_status status = tn_conv_check_pair(ctx, axes);
    struct tn_shape y = {0};
    if (status == TN_OK)
        status = conv_shape(ctx, axes, &ctx->in[0]->shape, &ctx->in[1]->shape, &y);
    if (status == TN_OK)
        status = tn_conv_check_bias(ctx, y.dim[1]);
    if (status == TN_OK)
        ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = y};
    return status;
}

static tn_status grad_input_infer(struct tn_infer *ctx, uint32_t axes)
{
    tn_status status = tn_conv_check_pair(ctx, axes);
    struct tn_shape x = {0}, y = {0};
    if (status == TN_OK)
        status = tn_window_input_shape(ctx, axes, &x);
    if (status == TN_OK)
        status = conv_shape(ctx, axes, &x, &ctx->in[1]->shape, &y);
    if (status == TN_OK)
        status = tn_window_check_dy(ctx, &ctx->in[0]->shape, &y);
    if (status == TN_OK)
        ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = x};
    return status;
}

static tn_status grad_weight_infer(struct tn_infer *ctx, uint32_t axes)
{
    tn_status status = tn_conv_check_pair(ctx, axes);
    if (status == TN_OK)
        status = tn_window_list(ctx, axes, "kernel", INT64_MIN, 0, 0);
    if (status != TN_OK)
        return status;
    const struct tn_shape *x = &ctx->in[0]->shape, *dy = &ctx->in[1]->shape;
    uint32_t count = 0;
    const int64_t *kernel = tn_attrs_ints(ctx->attrs, "kernel", &count);
    status = tn_conv_check_groups(ctx, x->dim[1], dy->dim[1], "filters");
    if (status != TN_OK)
        return status;
    struct tn_shape w = *x, y = {0};
    w.dim[0] = dy->dim[1];
    w.dim[1] = x->dim[1] / tn_attrs_int(ctx->attrs, "groups");
    for (uint32_t a = 0; a < axes; a++)
        w.dim[a + 2] = kernel[a];
    status = conv_shape(ctx, axes, x, &w, &y);
    if (status == TN_OK)
        status = tn_window_check_dy(ctx, dy, &y);
    if (status == TN_OK)
        ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = w};
    return status;
}

/* --- gradients: each of the three contractions in terms of the other two --- */

static const char *name_of(char buf[32], uint32_t axes, const char *rest)
{
    snprintf(buf, 32, "conv%ud%s", (unsigned)axes, rest);
    return buf;
}

/* y from x and w. */
static tn_value emit_conv(const struct tn_grad *ctx, uint32_t axes, tn_value x, tn_value w)
{
    char name[32];
    const struct tn_attr attr[] = {tn_ops_attr(ctx, "strides"), tn_ops_attr(ctx, "pads"),
                                   tn_ops_attr(ctx, "auto_pad"), tn_ops_attr(ctx, "dilations"),
                                   tn_ops_attr(ctx, "groups")};
    return tn_op2(ctx->graph, name_of(name, axes, ""), x, w, attr, TN_LEN(attr));
}

/* dx from dy and w; `like` has x's shape. */
static tn_value emit_grad_input(const struct tn_grad *ctx, uint32_t axes, tn_value dy, tn_value w,
                                tn_value like)
{
    char name[32];
    struct tn_shape storage;
    const struct tn_attr attr[] = {tn_grad_shape_attr(ctx, "input_shape", like, &storage),
                                   tn_ops_attr(ctx, "strides"),
                                   tn_ops_attr(ctx, "pads"),
                                   tn_ops_attr(ctx, "auto_pad"),
                                   tn_ops_attr(ctx, "dilations"),
                                   tn_ops_attr(ctx, "groups")};
    return tn_op2(ctx->graph, name_of(name, axes, "_grad_input"), dy, w, attr, TN_LEN(attr));
}

/* dw from x and dy; `like` has w's shape. */
static tn_value emit_grad_weight(const struct tn_grad *ctx, uint32_t axes, tn_value x, tn_value dy,
                                 tn_value like)
{
    char name[32];
    struct tn_shape w = tn_graph_shape(ctx->graph, like);
    const struct tn_attr attr[] = {TN_AV("kernel", axes, w.dim + 2), tn_ops_attr(ctx, "strides"),
                                   tn_ops_attr(ctx, "pads"),         tn_ops_attr(ctx, "auto_pad"),
                                   tn_ops_attr(ctx, "dilations"),    tn_ops_attr(ctx, "groups")};
    return tn_op2(ctx->graph, name_of(name, axes, "_grad_weight"), x, dy, attr, TN_LEN(attr));
}

void tn_conv_bias_gradient(const struct tn_grad *ctx)
{
    static const int64_t all_but_channels[] = {0, 2, 3, 4};
    if (ctx->in[2] == TN_NONE || !ctx->needed[2])
        return;
    uint32_t rank = tn_graph_shape(ctx->graph, ctx->out_grad[0]).rank;
    ctx->in_grad[2] = tn_sum(ctx->graph, ctx->out_grad[0], all_but_channels, rank - 1, 0);
}

static tn_status conv_gradient(const struct tn_grad *ctx, uint32_t axes)
{
    tn_value x = ctx->in[0], w = ctx->in[1], dy = ctx->out_grad[0];
    if (ctx->needed[0])
        ctx->in_grad[0] = emit_grad_input(ctx, axes, dy, w, x);
    if (ctx->needed[1])
        ctx->in_grad[1] = emit_grad_weight(ctx, axes, x, dy, w);
    tn_conv_bias_gradient(ctx);
    return TN_OK;
}

static tn_status grad_input_gradient(const struct tn_grad *ctx, uint32_t axes)
{
    tn_value dy = ctx->in[0], w = ctx->in[1], g = ctx->out_grad[0];
    if (ctx->needed[0])
        ctx->in_grad[0] = emit_conv(ctx, axes, g, w);
    if (ctx->needed[1])
        ctx->in_grad[1] = emit_grad_weight(ctx, axes, g, dy, w);
    return TN_OK;
}

static tn_status grad_weight_gradient(const struct tn_grad *ctx, uint32_t axes)
{
    tn_value x = ctx->in[0], dy = ctx->in[1], g = ctx->out_grad[0];
    if (ctx->needed[0])
        ctx->in_grad[0] = emit_grad_input(ctx, axes, dy, g, x);
    if (ctx->needed[1])
        ctx->in_grad[1] = emit_conv(ctx, axes, x, g);
    return TN_OK;
}

/* --- references: one walk over T, adding into whichever of the three is the target --- */

void tn_conv_contract(const struct tn_ref *ctx, const struct tn_ref_tensor *x,
                      const struct tn_ref_tensor *w, const struct tn_ref_tensor *y,
                      enum tn_conv_target target)
{
    const int64_t *xd = x->type.shape.dim, *wd = w->type.shape.dim, *yd = y->type.shape.dim;
    struct tn_window win;
    tn_window_read(ctx->attrs, x->type.shape.rank - 2, TN_WINDOW_DILATIONS, &win);
    for (uint32_t a = 0; a < win.axes; a++) {
        win.in[a] = xd[a + 2];
        win.kernel[a] = wd[a + 2];
        win.out[a] = yd[a + 2];
    }
    int64_t in = tn_window_cells(&win, win.in), taps = tn_window_cells(&win, win.kernel);
    int64_t out = tn_window_cells(&win, win.out);
    int64_t filters_per_group = yd[1] / tn_attrs_int(ctx->attrs, "groups");
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        ctx->out[0].data.f[i] = 0;
    for (int64_t e = 0; e < out * taps; e++) {
        int64_t p = e / taps, k = e % taps, cell = tn_window_cell(&win, p, k);
        if (cell < 0)
            continue;
        for (int64_t f = 0; f < yd[0] * yd[1] * wd[1]; f++) {
            int64_t n = f / (yd[1] * wd[1]), o = f / wd[1] % yd[1], c = f % wd[1];
            int64_t channel = o / filters_per_group * wd[1] + c;
            double *at_x = x->data.f + (n * xd[1] + channel) * in + cell;
            double *at_w = w->data.f + (o * wd[1] + c) * taps + k;
            double *at_y = y->data.f + (n * yd[1] + o) * out + p;
            if (target == TN_CONV_Y)
                *at_y += *at_x * *at_w;
            else if (target == TN_CONV_X)
                *at_x += *at_w * *at_y;
            else
                *at_w += *at_x * *at_y;
        }
    }
}

void tn_conv_add_bias(const struct tn_ref *ctx)
{
    struct tn_ref_tensor *y = &ctx->out[0];
    if (!ctx->in[2].data.any || y->count == 0)
        return;
    int64_t channels = y->type.shape.dim[1], plane = y->count / (y->type.shape.dim[0] * channels);
    for (int64_t i = 0; i < y->count; i++)
        y->data.f[i] += ctx->in[2].data.f[i / plane % channels];
}

static void conv_reference(const struct tn_ref *ctx)
{
    tn_conv_contract(ctx, &ctx->in[0], &ctx->in[1], &ctx->out[0], TN_CONV_Y);
    tn_conv_add_bias(ctx);
}

static void grad_input_reference(const struct tn_ref *ctx)
{
    tn_conv_contract(ctx, &ctx->out[0], &ctx->in[1], &ctx->in[0], TN_CONV_X);
}

static void grad_weight_reference(const struct tn_ref *ctx)
{
    tn_conv_contract(ctx, &ctx->in[0], &ctx->out[0], &ctx->in[1], TN_CONV_W);
}

/* --- the operators --- */

static const char *const conv_in[] = {"x", "w", "bias"}, *const conv_out[] = {"y"};
static const char *const grad_input_in[] = {"dy", "w"}, *const grad_input_out[] = {"dx"};
static const char *const grad_weight_in[] = {"x", "dy"}, *const grad_weight_out[] = {"dw"};

/* The three operators of a convolution over `axes` axes; `dims`, `out_dims` and `cells` name the
 * sizes of x, y and the kernel. */
#define CONV(id, axes, dims, out_dims, cells, pads_doc)                                            \
    static const struct tn_attr_schema conv##id##_attrs[] = {                                      \
        TN_CONV_ATTRS(axes, pads_doc, TN_WINDOW_SAME)};                                            \
    static const struct tn_attr_schema conv##id##_grad_input_attrs[] = {                           \
        TN_WINDOW_INPUT_ATTR("shape of x: N, C, " dims),                                           \
        TN_CONV_ATTRS(axes, pads_doc, TN_WINDOW_SAME)};                                            \
    static const struct tn_attr_schema conv##id##_grad_weight_attrs[] = {                          \
        {.name = "kernel", .type = TN_ATTR_INTS, .required = 1, .doc = "w's size, per axis"},      \
        TN_CONV_ATTRS(axes, pads_doc, TN_WINDOW_SAME)};                                            \
    static tn_status conv##id##_infer(struct tn_infer *ctx)                                        \
    {                                                                                              \
        return conv_infer(ctx, axes);                                                              \
    }                                                                                              \
    static tn_status conv##id##_grad_input_infer(struct tn_infer *ctx)                             \
    {                                                                                              \
        return grad_input_infer(ctx, axes);                                                        \
    }                                                                                              \
    static tn_status conv##id##_grad_weight_infer(struct tn_infer *ctx)                            \
    {                                                                                              \
        return grad_weight_infer(ctx, axes);                                                       \
    }                                                                                              \
    static tn_status conv##id##_gradient(const struct tn_grad *ctx)                                \
    {                                                                                              \
        return conv_gradient(ctx, axes);                                                           \
    }                                                                                              \
    static tn_status conv##id##_grad_input_gradient(const struct tn_grad *ctx)                     \
    {                                                                                              \
        return grad_input_gradient(ctx, axes);                                                     \
    }                                                                                              \
    static tn_status conv##id##_grad_weight_gradient(const struct tn_grad *ctx)                    \
    {                                                                                              \
        return grad_weight_gradient(ctx, axes);                                                    \
    }                                                                                              \
    const struct tn_op tn_op_conv##id = {                                                          \
        .name = "conv" #id,                                                                        \
        .version = 1,                                                                              \
        .min_in = 2,                                                                               \
        .max_in = 3,                                                                               \
        .n_out = 1,                                                                                \
        .in_names = conv_in,                                                                       \
        .out_names = conv_out,                                                                     \
        .attrs = conv##id##_attrs,                                                                 \
        .n_attrs = TN_LEN(conv##id##_attrs),                                                       \
        .formula =                                                                                 \
            "y[n,o,p,...] = bias[o] + sum of x[n,c,p*stride-pad+i*dilation,...] w[o,c,i,...]",     \
        .shapes = "x `[N, C, " dims "]`, w `[O, C/groups, " cells                                  \
                  "]`, optional bias `[O]`, one floating type -> y `[N, O, " out_dims              \
                  "]`; each output size is (in + pads - dilation (kernel - 1) - 1) / stride + 1, " \
                  "rounded down. Cells outside x count as 0",                                      \
        .infer = conv##id##_infer,                                                                 \
        .gradient = conv##id##_gradient,                                                           \
        .settle = tn_window_settle,                                                                \
        .reference = conv_reference,                                                               \
    };                                                                                             \
    const struct tn_op tn_op_conv##id##_grad_input = {                                             \
        .name = "conv" #id "_grad_input",                                                          \
        .version = 1,                                                                              \
        .min_in = 2,                                                                               \
        .max_in = 2,                                                                               \
        .n_out = 1,                                                                                \
        .in_names = grad_input_in,                                                                 \
        .out_names = grad_input_out,                                                               \
        .attrs = conv##id##_grad_input_attrs,                                                      \
        .n_attrs = TN_LEN(conv##id##_grad_input_attrs),                                            \
        .formula = "dx: each cell of x sums w dy over the windows that cover it",                  \
        .shapes = "dy as conv" #id "'s y, w `[O, C/groups, " cells                                 \
                  "]`, one floating type -> dx `input_shape`; cells that no window covers are 0",  \
        .infer = conv##id##_grad_input_infer,                                                      \
        .gradient = conv##id##_grad_input_gradient,                                                \
        .settle = tn_window_settle,                                                                \
        .reference = grad_input_reference,                                                         \
    };                                                                                             \
    const struct tn_op tn_op_conv##id##_grad_weight = {                                            \
        .name = "conv" #id "_grad_weight",                                                         \
        .version = 1,                                                                              \
        .min_in = 2,                                                                               \
        .max_in = 2,                                                                               \
        .n_out = 1,                                                                                \
        .in_names = grad_weight_in,                                                                \
        .out_names = grad_weight_out,                                                              \
        .attrs = conv##id##_grad_weight_attrs,                                                     \
        .n_attrs = TN_LEN(conv##id##_grad_weight_attrs),                                           \
        .formula = "dw: each tap of w sums x dy over the windows of the batch",                    \
        .shapes = "x `[N, C, " dims "]`, dy as conv" #id                                           \
                  "'s y, one floating type -> dw `[O, C/groups, kernel]`",                         \
        .infer = conv##id##_grad_weight_infer,                                                     \
        .gradient = conv##id##_grad_weight_gradient,                                               \
        .settle = tn_window_settle,                                                                \
        .reference = grad_weight_reference,                                                        \
    };

/* clang-format off */
CONV(1d, 1, "L", "OL", "k", "zeros around the input: begin, end")
CONV(2d, 2, "H, W", "OH, OW", "kh, kw", "zeros around the input: top, left, bottom, right")
CONV(3d, 3, "D, H, W", "OD, OH, OW", "kd, kh, kw",
     "zeros around the input: front, top, left, back, bottom, right")
/* clang-format on */
