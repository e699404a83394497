/* Average pooling over one or two axes, NCL and NCHW:
 *
 *   y[n, c, p, q] = (sum of the window's real cells) / size
 *
 * where size counts the window's real cells or, with count_include_pad, its cells inside the padded
 * input (what ceil_mode adds beyond the padding never counts). With dy spread evenly:
 *
 *   dx[n, c, h, w] = sum over the windows (p, q) that hold (h, w) of dy[n, c, p, q] / size(p, q)
 *
 * (LeCun et al. 1998, subsampling without its trained scale; corners of ONNX AveragePool.) Linear,
 * so the gradient's gradient is the forward pass. */
#include "ops/util.h"
#include "ops/window.h"

enum { HAS = TN_WINDOW_KERNEL | TN_WINDOW_DILATIONS | TN_WINDOW_CEIL_MODE };

static tn_status pool_shape(const struct tn_infer *ctx, uint32_t axes, const struct tn_shape *x,
                            struct tn_shape *out_y)
{
    struct tn_window window;
    tn_status status = tn_window_infer(ctx, axes, HAS, &window);
    if (status != TN_OK)
        return status;
    tn_window_of(&window, x);
    status = tn_window_output(ctx, &window);
    if (status == TN_OK)
        status = tn_window_no_empty(ctx, &window);
    if (status == TN_OK)
        *out_y = tn_window_shape(&window, x->dim[0], x->dim[1]);
    return status;
}

static tn_status avg_infer(struct tn_infer *ctx, uint32_t axes)
{
    tn_status status = tn_infer_float(ctx, 0);
    struct tn_shape y = {0};
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 0, axes + 2, axes + 2);
    if (status == TN_OK)
        status = pool_shape(ctx, axes, &ctx->in[0]->shape, &y);
    if (status == TN_OK)
        ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = y};
    return status;
}

static tn_status avg_grad_infer(struct tn_infer *ctx, uint32_t axes)
{
    tn_status status = tn_infer_float(ctx, 0);
    struct tn_shape x = {0}, y = {0};
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 0, axes + 2, axes + 2);
    if (status == TN_OK)
        status = tn_window_input_shape(ctx, axes, &x);
    if (status == TN_OK)
        status = pool_shape(ctx, axes, &x, &y);
    if (status == TN_OK)
        status = tn_window_check_dy(ctx, &ctx->in[0]->shape, &y);
    if (status == TN_OK)
        ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = x};
    return status;
}

/* What forward and backward are both told; out_attr[0] stays free. */
#define N_AVG_ATTRS 8
static void avg_attrs(const struct tn_grad *ctx, struct tn_attr out_attr[N_AVG_ATTRS])
{
    static const char *const names[N_AVG_ATTRS] = {NULL,        "kernel",           "strides",
                                                   "pads",      "auto_pad",         "dilations",
                                                   "ceil_mode", "count_include_pad"};
    for (int i = 1; i < N_AVG_ATTRS; i++)
        out_attr[i] = tn_ops_attr(ctx, names[i]);
}

static tn_status avg_gradient(const struct tn_grad *ctx, const char *grad)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_shape storage;
    struct tn_attr attr[N_AVG_ATTRS];
    avg_attrs(ctx, attr);
    attr[0] = tn_grad_shape_attr(ctx, "input_shape", ctx->in[0], &storage);
    ctx->in_grad[0] = tn_op1(ctx->graph, grad, ctx->out_grad[0], attr, N_AVG_ATTRS);
    return TN_OK;
}

static tn_status avg_grad_gradient(const struct tn_grad *ctx, const char *forward)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_attr attr[N_AVG_ATTRS];
    avg_attrs(ctx, attr);
    ctx->in_grad[0] = tn_op1(ctx->graph, forward, ctx->out_grad[0], attr + 1, N_AVG_ATTRS - 1);
    return TN_OK;
}

/* How many cells of the window at place `o` count. */
static int64_t window_size(const struct tn_window *win, int64_t o, int include_pad)
{
    int64_t n = 1;
    for (uint32_t a = win->axes; a-- > 0; o /= win->out[a]) {
        int64_t counted = 0;
        for (int64_t k = 0; k < win->kernel[a]; k++) {
            int64_t at = tn_window_at(win, a, o % win->out[a], k);
            counted += include_pad ? at < win->in[a] + win->end[a] : at >= 0 && at < win->in[a];
        }
        n *= counted;
    }
    return n;
}

/* Visits every (output, input cell) pair: y[e] += x[at] / size, or backwards x[at] += y[e] / size.
 */
static void walk(const struct tn_attrs *attrs, const struct tn_ref_tensor *x,
                 const struct tn_ref_tensor *y, int backward)
{
    struct tn_window win;
    tn_window_read(attrs, x->type.shape.rank - 2, HAS, &win);
    tn_window_of(&win, &x->type.shape);
    for (uint32_t a = 0; a < win.axes; a++)
        win.out[a] = y->type.shape.dim[a + 2];
    int include_pad = tn_attrs_int(attrs, "count_include_pad") != 0;
    int64_t out = tn_window_cells(&win, win.out), taps = tn_window_cells(&win, win.kernel);
    for (int64_t e = 0; e < y->count; e++) {
        double *plane = x->data.f + e / out * tn_window_cells(&win, win.in), sum = 0;
        double size = (double)window_size(&win, e % out, include_pad);
        for (int64_t k = 0; k < taps; k++) {
            int64_t at = tn_window_cell(&win, e % out, k);
            if (at < 0)
                continue;
            sum += plane[at];
            if (backward)
                plane[at] += y->data.f[e] / size;
        }
        if (!backward)
            y->data.f[e] = sum / size;
    }
}

static void avg_reference(const struct tn_ref *ctx)
{
    walk(ctx->attrs, &ctx->in[0], &ctx->out[0], 0);
}

static void avg_grad_reference(const struct tn_ref *ctx)
{
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        ctx->out[0].data.f[i] = 0;
    walk(ctx->attrs, &ctx->out[0], &ctx->in[0], 1);
}

static const char *const avg_in[] = {"x"}, *const avg_out[] = {"y"};
static const char *const grad_in[] = {"dy"}, *const grad_out[] = {"dx"};

#define AVG_ATTRS(axes, pads_doc)                                                     \
    TN_WINDOW_KERNEL_ATTR, TN_WINDOW_STRIDES_ATTR,                                    \
        TN_WINDOW_PADS_ATTR(axes, pads_doc, TN_WINDOW_SAME_FLOORED),                  \
        TN_WINDOW_DILATIONS_ATTR(axes), TN_WINDOW_CEIL_ATTR,                          \
    {                                                                                 \
        .name = "count_include_pad", .type = TN_ATTR_INT,                             \
        .doc = "1: padding counts as cells of value 0; 0: the mean of the real cells" \
    }

#define AVG_POOL(id, axes, dims, out_dims, pads_doc)                                            \
    static const struct tn_attr_schema avg##id##_attrs[] = {AVG_ATTRS(axes, pads_doc)};         \
    static const struct tn_attr_schema avg##id##_grad_attrs[] = {                               \
        TN_WINDOW_INPUT_ATTR("shape of x: N, C, " dims), AVG_ATTRS(axes, pads_doc)};            \
    static tn_status avg##id##_infer(struct tn_infer *ctx)                                      \
    {                                                                                           \
        return avg_infer(ctx, axes);                                                            \
    }                                                                                           \
    static tn_status avg##id##_grad_infer(struct tn_infer *ctx)                                 \
    {                                                                                           \
        return avg_grad_infer(ctx, axes);                                                       \
    }                                                                                           \
    static tn_status avg##id##_gradient(const struct tn_grad *ctx)                              \
    {                                                                                           \
        return avg_gradient(ctx, "avg_pool" #id "_grad");                                       \
    }                                                                                           \
    static tn_status avg##id##_grad_gradient(const struct tn_grad *ctx)                         \
    {                                                                                           \
        return avg_grad_gradient(ctx, "avg_pool" #id);                                          \
    }                                                                                           \
    const struct tn_op tn_op_avg_pool##id = {                                                   \
        .name = "avg_pool" #id,                                                                 \
        .version = 1,                                                                           \
        .min_in = 1,                                                                            \
        .max_in = 1,                                                                            \
        .n_out = 1,                                                                             \
        .in_names = avg_in,                                                                     \
        .out_names = avg_out,                                                                   \
        .attrs = avg##id##_attrs,                                                               \
        .n_attrs = TN_LEN(avg##id##_attrs),                                                     \
        .formula =                                                                              \
            "y = mean over the window's real cells, or over all its cells in the padded input", \
        .shapes = "x `[N, C, " dims "]` floating -> y `[N, C, " out_dims                        \
                  "]`. A window of padding alone is refused",                                   \
        .infer = avg##id##_infer,                                                               \
        .gradient = avg##id##_gradient,                                                         \
        .settle = tn_window_settle,                                                             \
        .reference = avg_reference,                                                             \
    };                                                                                          \
    const struct tn_op tn_op_avg_pool##id##_grad = {                                            \
        .name = "avg_pool" #id "_grad",                                                         \
        .version = 1,                                                                           \
        .min_in = 1,                                                                            \
        .max_in = 1,                                                                            \
        .n_out = 1,                                                                             \
        .in_names = grad_in,                                                                    \
        .out_names = grad_out,                                                                  \
        .attrs = avg##id##_grad_attrs,                                                          \
        .n_attrs = TN_LEN(avg##id##_grad_attrs),                                                \
        .formula = "dx = sum over the windows that hold the cell of dy / size of the window",   \
        .shapes = "dy floating as avg_pool" #id "'s y -> dx `input_shape`",                     \
        .infer = avg##id##_grad_infer,                                                          \
        .gradient = avg##id##_grad_gradient,                                                    \
        .settle = tn_window_settle,                                                             \
        .reference = avg_grad_reference,                                                        \
    };

/* clang-format off */
AVG_POOL(1d, 1, "L", "OL", "cells around the input: begin, end")
AVG_POOL(2d, 2, "H, W", "OH, OW", "cells around the input: top, left, bottom, right")
/* clang-format on */
