/* Transposed convolution over one or two axes: each cell of x spreads a scaled kernel over y,
 *
 *   y[n, g*Og + o, p*sh - top + i*dh, q*sw - left + j*dw] += x[n, c, p, q] * w[c, o, i, j]
 *
 * for c in group g, plus bias. The output's size is (in - 1)*stride + dilation*(kernel - 1) + 1 +
 * output_padding - pads. It is the gradient to the input of the convolution whose filters are this
 * one's input channels, so its own gradients are that convolution and its weight gradient:
 *
 *   dx = conv(dy, w)     dw = conv_grad_weight(dy, x)     dbias = sum of dy
 *
 * (Zeiler et al., "Deconvolutional Networks", 2010; Dumoulin and Visin 2016; ONNX ConvTranspose
 * without output_shape.) */
#include "ops/conv.h"

#include <inttypes.h>
#include <string.h>

#include "graph/graph.h"

static tn_status check_output_padding(const struct tn_infer *ctx, const struct tn_window *window,
                                      int64_t out_extra[TN_WINDOW_AXES])
{
    uint32_t count = 0;
    tn_status status = tn_window_list(ctx, window->axes, "output_padding", 0, 0, 0);
    if (status != TN_OK)
        return status;
    const int64_t *extra = tn_attrs_ints(ctx->attrs, "output_padding", &count);
    for (uint32_t a = 0; a < count; a++) {
        out_extra[a] = extra[a];
        if (extra[a] >= TN_MAX(window->stride[a], window->dilation[a]))
            return tn_infer_fail(ctx,
                                 "output_padding %" PRId64 " of the %s must be smaller than its "
                                 "stride %" PRId64 " or its dilation %" PRId64,
                                 extra[a], tn_window_axis(window->axes, a), window->stride[a],
                                 window->dilation[a]);
    }
    return TN_OK;
}

static tn_status output_shape(const struct tn_infer *ctx, struct tn_window *window,
                              struct tn_shape *out_y)
{
    const struct tn_shape *x = &ctx->in[0]->shape, *w = &ctx->in[1]->shape;
    int64_t extra[TN_WINDOW_AXES];
    tn_status status = check_output_padding(ctx, window, extra);
    if (status == TN_OK)
        tn_window_cut(window, extra);
    /* Groups divide the channels, but all numbers divide none of them. */
    int64_t groups = tn_attrs_int(ctx->attrs, "groups");
    if (status == TN_OK && w->dim[1] > INT32_MAX / groups)
        return tn_infer_fail(ctx, "%" PRId64 " groups of %" PRId64 " filters are more than %d",
                             groups, w->dim[1], INT32_MAX);
    for (uint32_t a = 0; a < window->axes && status == TN_OK; a++) {
        const char *axis = tn_window_axis(window->axes, a);
        int64_t in = x->dim[a + 2], size = 0;
        if (in < 1 || in > INT32_MAX)
            return tn_infer_fail(ctx, "input %s %" PRId64 " must be from 1 to %d", axis, in,
                                 INT32_MAX);
        size = (in - 1) * window->stride[a] + window->dilation[a] * (window->kernel[a] - 1) + 1 +
               extra[a] - window->begin[a] - window->end[a];
        if (TN_MAX(window->begin[a], window->end[a]) > INT32_MAX)
            return tn_infer_fail(ctx,
                                 "auto_pad would cut %" PRId64 " and %" PRId64 " cells off the "
                                 "%s, beyond %d; use a smaller kernel or dilation",
                                 window->begin[a], window->end[a], axis, INT32_MAX);
        if (size < 1 || size > INT32_MAX)
            return tn_infer_fail(ctx,
                                 "the output's %s would be %" PRId64 ", must be from 1 to %d: pads "
                                 "%" PRId64 " and %" PRId64 " are cut off an output of %" PRId64,
                                 axis, size, INT32_MAX, window->begin[a], window->end[a],
                                 size + window->begin[a] + window->end[a]);
        window->out[a] = size;
    }
    if (status == TN_OK)
        *out_y = tn_window_shape(window, x->dim[0], w->dim[1] * groups);
    return status;
}

static tn_status transpose_infer(struct tn_infer *ctx, uint32_t axes)
{
    struct tn_window window;
    struct tn_shape y = {0};
    tn_status status = tn_conv_check_pair(ctx, axes);
    if (status == TN_OK)
        status = tn_window_infer(ctx, axes, TN_WINDOW_DILATIONS, &window);
    if (status != TN_OK)
        return status;
    const struct tn_shape *x = &ctx->in[0]->shape, *w = &ctx->in[1]->shape;
    status = tn_conv_check_groups(ctx, x->dim[1], 0, "filters");
    if (status == TN_OK && w->dim[0] != x->dim[1])
        status = tn_infer_fail(ctx,
                               "channels do not match: x has %" PRId64 ", but w, whose first dim "
                               "is x's channels, has %" PRId64,
                               x->dim[1], w->dim[0]);
    if (status == TN_OK)
        status = tn_conv_kernel(ctx, w, &window);
    if (status == TN_OK)
        status = output_shape(ctx, &window, &y);
    if (status == TN_OK)
        status = tn_conv_check_bias(ctx, y.dim[1]);
    if (status == TN_OK)
        ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = y};
    return status;
}

/* The forward window with explicit pads; they follow from auto_pad without the input's size. */
static tn_status forward_window(const struct tn_grad *ctx, uint32_t axes, struct tn_window *window,
                                int64_t extra[TN_WINDOW_AXES])
{
    struct tn_shape w = tn_graph_shape(ctx->graph, ctx->in[1]);
    struct tn_attr given = tn_ops_attr(ctx, "output_padding");
    tn_window_read(ctx->attrs, axes, TN_WINDOW_DILATIONS, window);
    window->auto_pad = tn_window_auto_pad(ctx->attrs);
    for (uint32_t a = 0; a < axes; a++) {
        extra[a] = given.u.ints[a];
        window->kernel[a] = w.dim[a + 2];
        if (window->auto_pad == TN_PAD_NOTSET || !tn_dim_is_symbolic(w.dim[a + 2]))
            continue;
        tn_graph_fail(ctx->graph, TN_E_INVALID,
                      "node '%s': the kernel's %s is symbolic, so the gradient cannot tell what "
                      "auto_pad cuts off; give 'pads' instead, or make it a number",
                      ctx->label, tn_window_axis(axes, a));
        return TN_E_INVALID;
    }
    tn_window_cut(window, extra);
    return TN_OK;
}

/* The convolution that gives dx has room for floor(output_padding / stride) windows too many. Where
 * that is one or more, the end pads take the output padding back; what they cannot take is cut off
 * dy, where no window of the forward pass wrote. */
static tn_value fit(const struct tn_grad *ctx, struct tn_window *window, const int64_t *extra)
{
    tn_value dy = ctx->out_grad[0];
    for (uint32_t a = 0; a < window->axes; a++) {
        int64_t axis = a + 2, zero = 0, end = 0;
        if (extra[a] < window->stride[a])
            continue;
        int64_t cut = extra[a] - window->end[a];
        window->end[a] = cut < 0 ? -cut : 0;
        if (cut <= 0)
            continue;
        end = -cut; /* from the end */
        const struct tn_attr slice[] = {TN_AV("starts", 1, &zero), TN_AV("ends", 1, &end),
                                        TN_AV("axes", 1, &axis)};
        dy = tn_op1(ctx->graph, "slice", dy, slice, TN_LEN(slice));
    }
    return dy;
}

static tn_status transpose_gradient(const struct tn_grad *ctx, uint32_t axes)
{
    static const char *const forward[] = {"conv1d", "conv2d"};
    static const char *const weight[] = {"conv1d_grad_weight", "conv2d_grad_weight"};
    struct tn_window window;
    int64_t pads[2 * TN_WINDOW_AXES], extra[TN_WINDOW_AXES];
    tn_status status = forward_window(ctx, axes, &window, extra);
    if (status != TN_OK)
        return status;
    tn_value x = ctx->in[0], w = ctx->in[1], dy = fit(ctx, &window, extra);
    memcpy(pads, window.begin, axes * sizeof(*pads));
    memcpy(pads + axes, window.end, axes * sizeof(*pads));
    struct tn_shape w_shape = tn_graph_shape(ctx->graph, w);
    const struct tn_attr attr[] = {tn_ops_attr(ctx, "strides"), TN_AV("pads", 2 * axes, pads),
                                   tn_ops_attr(ctx, "dilations"), tn_ops_attr(ctx, "groups"),
                                   TN_AV("kernel", axes, w_shape.dim + 2)};
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op2(ctx->graph, forward[axes - 1], dy, w, attr, TN_LEN(attr) - 1);
    if (ctx->needed[1])
        ctx->in_grad[1] = tn_op2(ctx->graph, weight[axes - 1], dy, x, attr, TN_LEN(attr));
    tn_conv_bias_gradient(ctx);
    return TN_OK;
}

static void transpose_reference(const struct tn_ref *ctx)
{
    tn_conv_contract(ctx, &ctx->out[0], &ctx->in[1], &ctx->in[0], TN_CONV_X);
    tn_conv_add_bias(ctx);
}

static const char *const transpose_in[] = {"x", "w", "bias"}, *const transpose_out[] = {"y"};

#define CUT_DOC                                                                                  \
    "NOTSET: `pads` as they are; SAME_UPPER, SAME_LOWER: dilation (kernel - 1) + 1 + "           \
    "output_padding - stride cells per axis, which makes the output in stride, the odd cell at " \
    "the end or (LOWER) at the beginning; where that is below 0, as many more are added at the " \
    "end; VALID: none"

#define TRANSPOSE(id, axes, dims, out_dims, cells, pads_doc)                               \
    static const struct tn_attr_schema transpose##id##_attrs[] = {                         \
        TN_CONV_ATTRS(axes, pads_doc, CUT_DOC),                                            \
        {.name = "output_padding",                                                         \
         .type = TN_ATTR_INTS,                                                             \
         .dflt = {.count = (axes), .u.ints = tn_window_zeros},                             \
         .doc = "cells added at the end of the output, per axis; smaller than stride or "  \
                "dilation"}};                                                              \
    static tn_status transpose##id##_infer(struct tn_infer *ctx)                           \
    {                                                                                      \
        return transpose_infer(ctx, axes);                                                 \
    }                                                                                      \
    static tn_status transpose##id##_gradient(const struct tn_grad *ctx)                   \
    {                                                                                      \
        return transpose_gradient(ctx, axes);                                              \
    }                                                                                      \
    const struct tn_op tn_op_conv_transpose##id = {                                        \
        .name = "conv_transpose" #id,                                                      \
        .version = 1,                                                                      \
        .min_in = 2,                                                                       \
        .max_in = 3,                                                                       \
        .n_out = 1,                                                                        \
        .in_names = transpose_in,                                                          \
        .out_names = transpose_out,                                                        \
        .attrs = transpose##id##_attrs,                                                    \
        .n_attrs = TN_LEN(transpose##id##_attrs),                                          \
        .formula = "y[n,o,p*stride-pad+i*dilation,...] = bias[o] + sum of x[n,c,p,...] "   \
                   "w[c,o,i,...]",                                                         \
        .shapes = "x `[N, C, " dims "]`, w `[C, O/groups, " cells                          \
                  "]`, optional bias `[O]`, one floating type -> y `[N, O, " out_dims      \
                  "]`; each output size is (in - 1) stride + dilation (kernel - 1) + 1 + " \
                  "output_padding - pads",                                                 \
        .infer = transpose##id##_infer,                                                    \
        .gradient = transpose##id##_gradient,                                              \
        .settle = tn_window_settle,                                                        \
        .reference = transpose_reference,                                                  \
    };

/* clang-format off */
TRANSPOSE(1d, 1, "L", "OL", "k", "cells cut off the output: begin, end")
TRANSPOSE(2d, 2, "H, W", "OH, OW", "kh, kw", "cells cut off the output: top, left, bottom, right")
/* clang-format on */
