/* Average pooling, NCHW:
 *
 *   y[n, c, p, q] = (sum of the window's real cells) / size
 *
 * where size counts the window's real cells or, with count_include_pad, its cells inside the padded
 * input (what ceil_mode adds beyond the padding never counts). With dy spread evenly:
 *
 *   dx[n, c, h, w] = sum over the windows (p, q) that hold (h, w) of dy[n, c, p, q] / size(p, q)
 *
 * (LeCun et al. 1998, subsampling without its trained scale.) Linear, so the gradient's gradient is
 * the forward pass. */
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
         .doc = "cells around the input: top, left, bottom, right"},                               \
        {.name = "ceil_mode",                                                                      \
         .type = TN_ATTR_INT,                                                                      \
         .doc = "1: the output size is rounded up; a last window must still begin inside the "     \
                "input"},                                                                          \
    {                                                                                              \
        .name = "count_include_pad", .type = TN_ATTR_INT,                                          \
        .doc = "1: padding counts as cells of value 0; 0: the mean of the real cells"              \
    }

static const struct tn_attr_schema avg_pool2d_attrs[] = {POOL_ATTRS};
static const struct tn_attr_schema grad_attrs[] = {
    {.name = "input_shape", .type = TN_ATTR_INTS, .required = 1, .doc = "shape of x: N, C, H, W"},
    POOL_ATTRS};

static tn_status pool_shape(const struct tn_infer *ctx, const struct tn_shape *x,
                            struct tn_shape *out_y)
{
    struct tn_window window;
    tn_status status = tn_window_infer(ctx, TN_WINDOW_KERNEL | TN_WINDOW_CEIL_MODE, &window);
    if (status != TN_OK)
        return status;
    window.height = x->dim[2];
    window.width = x->dim[3];
    status = tn_window_output(ctx, &window);
    if (status == TN_OK)
        status = tn_window_no_empty(ctx, &window);
    if (status == TN_OK)
        *out_y = TN_SHAPE(x->dim[0], x->dim[1], window.out_height, window.out_width);
    return status;
}

static tn_status avg_pool2d_infer(struct tn_infer *ctx)
{
    tn_status status = tn_infer_float(ctx, 0);
    struct tn_shape y = {0};
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 0, 4, 4);
    if (status == TN_OK)
        status = pool_shape(ctx, &ctx->in[0]->shape, &y);
    if (status == TN_OK)
        ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = y};
    return status;
}

static tn_status grad_infer(struct tn_infer *ctx)
{
    tn_status status = tn_infer_float(ctx, 0);
    struct tn_shape x = {0}, y = {0};
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 0, 4, 4);
    if (status == TN_OK)
        status = tn_window_input_shape(ctx, &x);
    if (status == TN_OK)
        status = pool_shape(ctx, &x, &y);
    if (status == TN_OK && !tn_shape_equal(&ctx->in[0]->shape, &y)) {
        char dy_text[64], y_text[64];
        status = tn_infer_fail(ctx, "dy is %s, but these attributes give an output of %s",
                               tn_shape_format(&ctx->in[0]->shape, dy_text, sizeof(dy_text)),
                               tn_shape_format(&y, y_text, sizeof(y_text)));
    }
    if (status == TN_OK)
        ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = x};
    return status;
}

static tn_status avg_pool2d_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_shape storage;
    const struct tn_attr attr[] = {tn_grad_shape_attr(ctx, "input_shape", ctx->in[0], &storage),
                                   tn_ops_attr(ctx, "kernel"),
                                   tn_ops_attr(ctx, "strides"),
                                   tn_ops_attr(ctx, "pads"),
                                   tn_ops_attr(ctx, "ceil_mode"),
                                   tn_ops_attr(ctx, "count_include_pad")};
    ctx->in_grad[0] = tn_op1(ctx->graph, "avg_pool2d_grad", ctx->out_grad[0], attr, TN_LEN(attr));
    return TN_OK;
}

static tn_status grad_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    const struct tn_attr attr[] = {tn_ops_attr(ctx, "kernel"), tn_ops_attr(ctx, "strides"),
                                   tn_ops_attr(ctx, "pads"), tn_ops_attr(ctx, "ceil_mode"),
                                   tn_ops_attr(ctx, "count_include_pad")};
    ctx->in_grad[0] = tn_op1(ctx->graph, "avg_pool2d", ctx->out_grad[0], attr, TN_LEN(attr));
    return TN_OK;
}

/* One window along one axis: cells [begin, end) of the input, and how many cells it counts. */
struct span {
    int64_t begin, end, n_counted;
};

static struct span span_of(const struct tn_window *win, int axis, int64_t size, int64_t o,
                           int include_pad)
{
    int64_t start = tn_window_at(win, axis, o, 0), stop = start + win->kernel[axis];
    struct span span = {TN_MAX(start, 0), TN_MIN(stop, size), 0};
    span.n_counted =
        include_pad ? TN_MIN(stop, size + win->pad[axis + 2]) - start : span.end - span.begin;
    return span;
}

/* Visits every (output, input cell) pair: y[k] += x[at] / size, or backwards x[at] += y[k] / size.
 */
static void walk(const struct tn_attrs *attrs, const int64_t *xd, const int64_t *yd, double *x,
                 double *y, int backward)
{
    struct tn_window win;
    tn_window_read(attrs, TN_WINDOW_KERNEL, &win);
    int include_pad = tn_attrs_int(attrs, "count_include_pad") != 0;
    for (int64_t plane = 0; plane < yd[0] * yd[1]; plane++)
        for (int64_t p = 0; p < yd[2]; p++)
            for (int64_t q = 0; q < yd[3]; q++, y++) {
                struct span rows = span_of(&win, 0, xd[2], p, include_pad);
                struct span cols = span_of(&win, 1, xd[3], q, include_pad);
                double size = (double)(rows.n_counted * cols.n_counted), sum = 0;
                for (int64_t h = rows.begin; h < rows.end; h++)
                    for (int64_t w = cols.begin; w < cols.end; w++) {
                        double *cell = &x[(plane * xd[2] + h) * xd[3] + w];
                        sum += *cell;
                        if (backward)
                            *cell += *y / size;
                    }
                if (!backward)
                    *y = sum / size;
            }
}

static void avg_pool2d_reference(const struct tn_ref *ctx)
{
    walk(ctx->attrs, ctx->in[0].type.shape.dim, ctx->out[0].type.shape.dim, ctx->in[0].data.f,
         ctx->out[0].data.f, 0);
}

static void grad_reference(const struct tn_ref *ctx)
{
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        ctx->out[0].data.f[i] = 0;
    walk(ctx->attrs, ctx->out[0].type.shape.dim, ctx->in[0].type.shape.dim, ctx->out[0].data.f,
         ctx->in[0].data.f, 1);
}

static const char *const avg_pool2d_in[] = {"x"}, *const avg_pool2d_out[] = {"y"};
static const char *const grad_in[] = {"dy"}, *const grad_out[] = {"dx"};

const struct tn_op tn_op_avg_pool2d = {
    .name = "avg_pool2d",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = avg_pool2d_in,
    .out_names = avg_pool2d_out,
    .attrs = avg_pool2d_attrs,
    .n_attrs = TN_LEN(avg_pool2d_attrs),
    .formula = "y = mean over the window's real cells, or over all its cells in the padded input",
    .infer = avg_pool2d_infer,
    .gradient = avg_pool2d_gradient,
    .reference = avg_pool2d_reference,
};
const struct tn_op tn_op_avg_pool2d_grad = {
    .name = "avg_pool2d_grad",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = grad_in,
    .out_names = grad_out,
    .attrs = grad_attrs,
    .n_attrs = TN_LEN(grad_attrs),
    .formula = "dx = sum over the windows that hold the cell of dy / size of the window",
    .infer = grad_infer,
    .gradient = grad_gradient,
    .reference = grad_reference,
};
