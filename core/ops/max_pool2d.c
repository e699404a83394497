/* Max pooling, NCHW: y = the largest cell of each window, index = its place h*W + w in x's plane.
 * Padding never wins; the first of equals in row-major order does; a NaN counts as the largest, so
 * that it is not lost on the way to the loss.
 *
 *   dx[n, c, k] = sum of dy[n, c, p, q] over the outputs with index[n, c, p, q] = k
 *
 * The index makes the gradient exact on ties and independent of how forward compared. (LeNet-style
 * pooling; the subgradient of max at its argument, as in Scherer, Mueller and Behnke 2010.) */
#include <inttypes.h>
#include <math.h>

#include "ops/util.h"
#include "ops/window.h"

#define POOL_ATTRS                                                                                 \
    {.name = "kernel", .type = TN_ATTR_INTS, .required = 1, .doc = "height, width of the window"}, \
        {.name = "strides",                                                                        \
         .type = TN_ATTR_INTS,                                                                     \
         .dflt = {.count = 0},                                                                     \
         .doc = "step of the window: height, width; empty: the kernel's size"},                    \
        {.name = "pads",                                                                           \
         .type = TN_ATTR_INTS,                                                                     \
         .dflt = {.count = 4, .u.ints = tn_window_zeros},                                          \
         .doc = "cells around the input that never win: top, left, bottom, right"},                \
    {                                                                                              \
        .name = "dilations", .type = TN_ATTR_INTS, .dflt = {.count = 2, .u.ints = tn_window_ones}, \
        .doc = "distance between the window's cells: height, width"                                \
    }

static const struct tn_attr_schema max_pool2d_attrs[] = {
    POOL_ATTRS,
    {.name = "ceil_mode",
     .type = TN_ATTR_INT,
     .doc = "1: the output size is rounded up; a last window must still begin inside the input"}};
static const struct tn_attr_schema grad_attrs[] = {
    {.name = "input_shape", .type = TN_ATTR_INTS, .required = 1, .doc = "shape of x: N, C, H, W"},
    POOL_ATTRS};

static tn_status check_plane(const struct tn_infer *ctx, const struct tn_window *window)
{
    /* Both factors are at most INT32_MAX here. */
    if (window->height * window->width <= INT32_MAX)
        return TN_OK;
    return tn_infer_fail(ctx, "a plane of %" PRId64 "x%" PRId64 " is beyond the i32 index (%d)",
                         window->height, window->width, INT32_MAX);
}

static tn_status max_pool2d_infer(struct tn_infer *ctx)
{
    tn_status status = tn_infer_float(ctx, 0);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 0, 4, 4);
    struct tn_window window;
    unsigned has = TN_WINDOW_KERNEL | TN_WINDOW_DILATIONS | TN_WINDOW_CEIL_MODE;
    if (status == TN_OK)
        status = tn_window_infer(ctx, has, &window);
    if (status != TN_OK)
        return status;
    const struct tn_shape *x = &ctx->in[0]->shape;
    window.height = x->dim[2];
    window.width = x->dim[3];
    status = tn_window_output(ctx, &window);
    if (status == TN_OK)
        status = check_plane(ctx, &window);
    if (status == TN_OK)
        status = tn_window_no_empty(ctx, &window);
    if (status != TN_OK)
        return status;
    struct tn_shape y = TN_SHAPE(x->dim[0], x->dim[1], window.out_height, window.out_width);
    ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = y};
    ctx->out[1] = (struct tn_type){.dtype = TN_I32, .shape = y};
    return TN_OK;
}

/* dy must be what forward gives, with either rounding: the gradient needs the index alone. */
static tn_status check_dy(const struct tn_infer *ctx, const struct tn_shape *x)
{
    struct tn_window window;
    tn_status status = tn_window_infer(ctx, TN_WINDOW_KERNEL | TN_WINDOW_DILATIONS, &window);
    if (status != TN_OK)
        return status;
    window.height = x->dim[2];
    window.width = x->dim[3];
    struct tn_shape y = {0};
    const struct tn_shape *dy = &ctx->in[0]->shape;
    /* Upwards first: where it fails, the other way fails with the same message. */
    for (window.ceil_mode = 1; window.ceil_mode >= 0; window.ceil_mode--) {
        status = tn_window_output(ctx, &window);
        if (status != TN_OK)
            return status;
        y = TN_SHAPE(x->dim[0], x->dim[1], window.out_height, window.out_width);
        if (tn_shape_equal(dy, &y))
            return TN_OK;
    }
    char dy_text[64], y_text[64];
    return tn_infer_fail(ctx, "dy is %s, but these attributes give an output of %s",
                         tn_shape_format(dy, dy_text, sizeof(dy_text)),
                         tn_shape_format(&y, y_text, sizeof(y_text)));
}

static tn_status grad_infer(struct tn_infer *ctx)
{
    tn_status status = tn_infer_float(ctx, 0);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 0, 4, 4);
    if (status == TN_OK)
        status = tn_infer_same_shape(ctx, 0, 1);
    if (status == TN_OK && ctx->in[1]->dtype != TN_I32)
        status = tn_infer_fail(ctx, "index is %s, must be i32 as max_pool2d gives it",
                               tn_dtype_name(ctx->in[1]->dtype));
    struct tn_shape x = {0};
    if (status == TN_OK)
        status = tn_window_input_shape(ctx, &x);
    if (status == TN_OK)
        status = check_dy(ctx, &x);
    if (status == TN_OK)
        ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = x};
    return status;
}

static tn_status max_pool2d_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0] || ctx->out_grad[0] == TN_NONE)
        return TN_OK;
    struct tn_shape storage;
    const struct tn_attr attr[] = {tn_grad_shape_attr(ctx, "input_shape", ctx->in[0], &storage),
                                   tn_ops_attr(ctx, "kernel"), tn_ops_attr(ctx, "strides"),
                                   tn_ops_attr(ctx, "pads"), tn_ops_attr(ctx, "dilations")};
    ctx->in_grad[0] =
        tn_op2(ctx->graph, "max_pool2d_grad", ctx->out_grad[0], ctx->out[1], attr, TN_LEN(attr));
    return TN_OK;
}

/* Place of the winner of output (p, q) in a plane of x. */
static int64_t window_max(const struct tn_window *win, const double *plane, int64_t p, int64_t q)
{
    int64_t best = -1;
    for (int64_t i = 0; i < win->kernel[0]; i++)
        for (int64_t j = 0; j < win->kernel[1]; j++) {
            int64_t row = tn_window_at(win, 0, p, i), col = tn_window_at(win, 1, q, j);
            if (row < 0 || row >= win->height || col < 0 || col >= win->width)
                continue;
            int64_t at = row * win->width + col;
            if (best < 0 || plane[at] > plane[best] || (isnan(plane[at]) && !isnan(plane[best])))
                best = at;
        }
    return best;
}

static void max_pool2d_reference(const struct tn_ref *ctx)
{
    const struct tn_ref_tensor *x = &ctx->in[0];
    const int64_t *xd = x->type.shape.dim, *yd = ctx->out[0].type.shape.dim;
    struct tn_window win;
    tn_window_read(ctx->attrs, TN_WINDOW_KERNEL | TN_WINDOW_DILATIONS, &win);
    win.height = xd[2];
    win.width = xd[3];
    int64_t k = 0;
    for (int64_t plane = 0; plane < xd[0] * xd[1]; plane++)
        for (int64_t p = 0; p < yd[2]; p++)
            for (int64_t q = 0; q < yd[3]; q++, k++) {
                const double *cells = x->data.f + plane * xd[2] * xd[3];
                int64_t best = window_max(&win, cells, p, q);
                ctx->out[0].data.f[k] = cells[best];
                ctx->out[1].data.i[k] = best;
            }
}

static void grad_reference(const struct tn_ref *ctx)
{
    const struct tn_ref_tensor *dy = &ctx->in[0], *index = &ctx->in[1];
    struct tn_ref_tensor *dx = &ctx->out[0];
    const int64_t *xd = dx->type.shape.dim, *yd = dy->type.shape.dim;
    int64_t x_plane = xd[2] * xd[3], y_plane = yd[2] * yd[3];
    for (int64_t i = 0; i < dx->count; i++)
        dx->data.f[i] = 0;
    for (int64_t k = 0; k < dy->count; k++) {
        int64_t at = index->data.i[k];
        if (at >= 0 && at < x_plane) /* an index outside names no input */
            dx->data.f[k / y_plane * x_plane + at] += dy->data.f[k];
    }
}

static const char *const max_pool2d_in[] = {"x"}, *const max_pool2d_out[] = {"y", "index"};
static const char *const grad_in[] = {"dy", "index"}, *const grad_out[] = {"dx"};

const struct tn_op tn_op_max_pool2d = {
    .name = "max_pool2d",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 2,
    .in_names = max_pool2d_in,
    .out_names = max_pool2d_out,
    .attrs = max_pool2d_attrs,
    .n_attrs = TN_LEN(max_pool2d_attrs),
    .formula = "y = max over the window; index = h*W + w of the first maximum",
    .infer = max_pool2d_infer,
    .gradient = max_pool2d_gradient,
    .reference = max_pool2d_reference,
};
const struct tn_op tn_op_max_pool2d_grad = {
    .name = "max_pool2d_grad",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .in_names = grad_in,
    .out_names = grad_out,
    .attrs = grad_attrs,
    .n_attrs = TN_LEN(grad_attrs),
    .formula = "dx[k] = sum of dy where index = k",
    .infer = grad_infer,
    .no_gradient = "second derivatives of max pooling are not offered",
    .reference = grad_reference,
};
