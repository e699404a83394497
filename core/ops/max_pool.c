/* Max pooling over one or two axes, NCL and NCHW: y = the largest cell of each window, index = its
 * place in x's plane, row-major. Padding never wins; the first of equals in row-major order does; a
 * NaN counts as the largest, so that it is not lost on the way to the loss.
 *
 *   dx[n, c, k] = sum of dy[n, c, p, q] over the outputs with index[n, c, p, q] = k
 *
 * The index makes the gradient exact on ties and independent of how forward compared. (LeNet-style
 * pooling; the subgradient of max at its argument, as in Scherer, Mueller and Behnke 2010; corners
 * of ONNX MaxPool.) */
#include <inttypes.h>
#include <math.h>

#include "ops/util.h"
#include "ops/window.h"

enum { HAS = TN_WINDOW_KERNEL | TN_WINDOW_DILATIONS };

static tn_status check_plane(const struct tn_infer *ctx, const struct tn_window *window)
{
    /* Each factor is at most INT32_MAX here, and there are two at most. */
    if (tn_window_cells(window, window->in) <= INT32_MAX)
        return TN_OK;
    return tn_infer_fail(ctx, "a plane of %" PRId64 "x%" PRId64 " is beyond the i32 index (%d)",
                         window->in[0], window->in[1], INT32_MAX);
}

static tn_status max_infer(struct tn_infer *ctx, uint32_t axes)
{
    tn_status status = tn_infer_float(ctx, 0);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 0, axes + 2, axes + 2);
    struct tn_window window;
    if (status == TN_OK)
        status = tn_window_infer(ctx, axes, HAS | TN_WINDOW_CEIL_MODE, &window);
    if (status != TN_OK)
        return status;
    const struct tn_shape *x = &ctx->in[0]->shape;
    tn_window_of(&window, x);
    status = tn_window_output(ctx, &window);
    if (status == TN_OK)
        status = check_plane(ctx, &window);
    if (status == TN_OK)
        status = tn_window_no_empty(ctx, &window);
    if (status != TN_OK)
        return status;
    struct tn_shape y = tn_window_shape(&window, x->dim[0], x->dim[1]);
    ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = y};
    ctx->out[1] = (struct tn_type){.dtype = TN_I32, .shape = y};
    return TN_OK;
}

/* dy must be what forward gives, with either rounding: the gradient needs the index alone. */
static tn_status check_dy(const struct tn_infer *ctx, uint32_t axes, const struct tn_shape *x)
{
    struct tn_window window;
    tn_status status = tn_window_infer(ctx, axes, HAS, &window);
    if (status != TN_OK)
        return status;
    tn_window_of(&window, x);
    struct tn_shape y = {0};
    /* Upwards first: where it fails, the other way fails with the same message. */
    for (window.ceil_mode = 1; window.ceil_mode >= 0; window.ceil_mode--) {
        status = tn_window_output(ctx, &window);
        if (status != TN_OK)
            return status;
        y = tn_window_shape(&window, x->dim[0], x->dim[1]);
        if (tn_shape_equal(&ctx->in[0]->shape, &y))
            return TN_OK;
    }
    return tn_window_check_dy(ctx, &ctx->in[0]->shape, &y);
}

static tn_status max_grad_infer(struct tn_infer *ctx, uint32_t axes)
{
    tn_status status = tn_infer_float(ctx, 0);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 0, axes + 2, axes + 2);
    if (status == TN_OK)
        status = tn_infer_same_shape(ctx, 0, 1);
    if (status == TN_OK && ctx->in[1]->dtype != TN_I32)
        status = tn_infer_fail(ctx, "index is %s, must be i32 as max_pool%ud gives it",
                               tn_dtype_name(ctx->in[1]->dtype), (unsigned)axes);
    struct tn_shape x = {0};
    if (status == TN_OK)
        status = tn_window_input_shape(ctx, axes, &x);
    if (status == TN_OK)
        status = check_dy(ctx, axes, &x);
    if (status == TN_OK)
        ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = x};
    return status;
}

static tn_status max_gradient(const struct tn_grad *ctx, const char *grad)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_shape storage;
    const struct tn_attr attr[] = {tn_grad_shape_attr(ctx, "input_shape", ctx->in[0], &storage),
                                   tn_ops_attr(ctx, "kernel"),
                                   tn_ops_attr(ctx, "strides"),
                                   tn_ops_attr(ctx, "pads"),
                                   tn_ops_attr(ctx, "auto_pad"),
                                   tn_ops_attr(ctx, "dilations")};
    ctx->in_grad[0] = tn_op2(ctx->graph, grad, ctx->out_grad[0], ctx->out[1], attr, TN_LEN(attr));
    return TN_OK;
}

static void max_reference(const struct tn_ref *ctx)
{
    const struct tn_ref_tensor *x = &ctx->in[0];
    const struct tn_shape *y = &ctx->out[0].type.shape;
    struct tn_window win;
    tn_window_read(ctx->attrs, y->rank - 2, HAS, &win);
    tn_window_of(&win, &x->type.shape);
    for (uint32_t a = 0; a < win.axes; a++)
        win.out[a] = y->dim[a + 2];
    int64_t out = tn_window_cells(&win, win.out), taps = tn_window_cells(&win, win.kernel);
    for (int64_t e = 0; e < ctx->out[0].count; e++) {
        const double *plane = x->data.f + e / out * tn_window_cells(&win, win.in);
        int64_t best = -1;
        for (int64_t k = 0; k < taps; k++) {
            int64_t at = tn_window_cell(&win, e % out, k);
            if (at >= 0 &&
                (best < 0 || plane[at] > plane[best] || (isnan(plane[at]) && !isnan(plane[best]))))
                best = at;
        }
        ctx->out[0].data.f[e] = plane[best];
        ctx->out[1].data.i[e] = best;
    }
}

static void max_grad_reference(const struct tn_ref *ctx)
{
    const struct tn_ref_tensor *dy = &ctx->in[0], *index = &ctx->in[1];
    struct tn_ref_tensor *dx = &ctx->out[0];
    int64_t planes = dx->type.shape.dim[0] * dx->type.shape.dim[1];
    for (int64_t i = 0; i < dx->count; i++)
        dx->data.f[i] = 0;
    for (int64_t k = 0; k < dy->count; k++) {
        int64_t at = index->data.i[k], cells = dx->count / planes;
        if (at >= 0 && at < cells) /* an index outside names no input */
            dx->data.f[k / (dy->count / planes) * cells + at] += dy->data.f[k];
    }
}

static const char *const max_in[] = {"x"}, *const max_out[] = {"y", "index"};
static const char *const grad_in[] = {"dy", "index"}, *const grad_out[] = {"dx"};

#define MAX_POOL(id, axes, dims, out_dims, pads_doc)                                               \
    static const struct tn_attr_schema max##id##_attrs[] = {                                       \
        TN_WINDOW_KERNEL_ATTR, TN_WINDOW_STRIDES_ATTR,                                             \
        TN_WINDOW_PADS_ATTR(axes, pads_doc, TN_WINDOW_SAME_FLOORED),                               \
        TN_WINDOW_DILATIONS_ATTR(axes), TN_WINDOW_CEIL_ATTR};                                      \
    static const struct tn_attr_schema max##id##_grad_attrs[] = {                                  \
        TN_WINDOW_INPUT_ATTR("shape of x: N, C, " dims), TN_WINDOW_KERNEL_ATTR,                    \
        TN_WINDOW_STRIDES_ATTR, TN_WINDOW_PADS_ATTR(axes, pads_doc, TN_WINDOW_SAME),               \
        TN_WINDOW_DILATIONS_ATTR(axes)};                                                           \
    static tn_status max##id##_infer(struct tn_infer *ctx)                                         \
    {                                                                                              \
        return max_infer(ctx, axes);                                                               \
    }                                                                                              \
    static tn_status max##id##_grad_infer(struct tn_infer *ctx)                                    \
    {                                                                                              \
        return max_grad_infer(ctx, axes);                                                          \
    }                                                                                              \
    static tn_status max##id##_gradient(const struct tn_grad *ctx)                                 \
    {                                                                                              \
        return max_gradient(ctx, "max_pool" #id "_grad");                                          \
    }                                                                                              \
    const struct tn_op tn_op_max_pool##id = {                                                      \
        .name = "max_pool" #id,                                                                    \
        .version = 1,                                                                              \
        .min_in = 1,                                                                               \
        .max_in = 1,                                                                               \
        .n_out = 2,                                                                                \
        .in_names = max_in,                                                                        \
        .out_names = max_out,                                                                      \
        .attrs = max##id##_attrs,                                                                  \
        .n_attrs = TN_LEN(max##id##_attrs),                                                        \
        .formula = "y = max over the window; index = the place in x's plane of the first maximum", \
        .shapes = "x `[N, C, " dims "]` floating -> y `[N, C, " out_dims                           \
                  "]`, index i32 of that shape. Padding never wins; of equals the first does; "    \
                  "NaN counts as the largest. A window of padding alone is refused",               \
        .infer = max##id##_infer,                                                                  \
        .gradient = max##id##_gradient,                                                            \
        .settle = tn_window_settle,                                                                \
        .reference = max_reference,                                                                \
    };                                                                                             \
    const struct tn_op tn_op_max_pool##id##_grad = {                                               \
        .name = "max_pool" #id "_grad",                                                            \
        .version = 1,                                                                              \
        .min_in = 2,                                                                               \
        .max_in = 2,                                                                               \
        .n_out = 1,                                                                                \
        .in_names = grad_in,                                                                       \
        .out_names = grad_out,                                                                     \
        .attrs = max##id##_grad_attrs,                                                             \
        .n_attrs = TN_LEN(max##id##_grad_attrs),                                                   \
        .formula = "dx[k] = sum of dy where index = k",                                            \
        .shapes = "dy floating and index i32 as max_pool" #id " gives them -> dx `input_shape`",   \
        .infer = max##id##_grad_infer,                                                             \
        .no_gradient = "second derivatives of max pooling are not offered",                        \
        .settle = tn_window_settle,                                                                \
        .reference = max_grad_reference,                                                           \
    };

/* clang-format off */
MAX_POOL(1d, 1, "L", "OL", "cells around the input that never win: begin, end")
MAX_POOL(2d, 2, "H, W", "OH, OW",
         "cells around the input that never win: top, left, bottom, right")
/* clang-format on */
