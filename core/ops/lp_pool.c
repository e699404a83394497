/* Lp pooling over windows of one or two axes (NCL, NCHW), and over all of a channel:
 *
 *   y = (sum over the window of |x|^p)^(1/p)        dx = sum over the windows that hold the cell of
 *                                                        dy sign(x) (|x| / y)^(p-1), 0 where y = 0
 *
 * Padding adds nothing, so a window of padding alone is 0. Both powers are taken of |x| divided by
 * the window's largest |x|, or by y, which keeps them in range. (Sermanet, Chintala and LeCun,
 * "Convolutional Neural Networks Applied to House Numbers Digit Classification", 2012; ONNX LpPool
 * and GlobalLpPool.) */
#include <inttypes.h>
#include <math.h>

#include "ops/util.h"
#include "ops/window.h"

enum { HAS = TN_WINDOW_KERNEL | TN_WINDOW_DILATIONS | TN_WINDOW_CEIL_MODE };

static tn_status check_p(const struct tn_infer *ctx)
{
    double p = tn_attrs_float(ctx->attrs, "p");
    if (!(p >= 1) || isinf(p))
        return tn_infer_fail(ctx, "p is %g, must be a number of at least 1", p);
    return TN_OK;
}

/* axes 0: the whole channel is one window, which is given here to a walk over one axis. */
static tn_status pool_shape(const struct tn_infer *ctx, uint32_t axes, struct tn_shape *out_y)
{
    const struct tn_shape *x = &ctx->in[0]->shape;
    struct tn_window window;
    tn_status status = tn_infer_float(ctx, 0);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 0, axes ? axes + 2 : 3, axes ? axes + 2 : TN_MAX_RANK);
    if (status == TN_OK)
        status = check_p(ctx);
    if (status == TN_OK && axes == 0) {
        *out_y = *x;
        for (uint32_t i = 2; i < x->rank; i++)
            out_y->dim[i] = 1;
        return TN_OK;
    }
    if (status == TN_OK)
        status = tn_window_infer(ctx, axes, HAS, &window);
    if (status != TN_OK)
        return status;
    tn_window_of(&window, x);
    status = tn_window_output(ctx, &window);
    if (status == TN_OK)
        *out_y = tn_window_shape(&window, x->dim[0], x->dim[1]);
    return status;
}

static tn_status lp_infer(struct tn_infer *ctx, uint32_t axes)
{
    struct tn_shape y = {0};
    tn_status status = pool_shape(ctx, axes, &y);
    if (status == TN_OK)
        ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = y};
    return status;
}

static tn_status lp_grad_infer(struct tn_infer *ctx, uint32_t axes)
{
    struct tn_shape y = {0};
    tn_status status = pool_shape(ctx, axes, &y);
    for (uint32_t i = 1; i < 3 && status == TN_OK; i++) {
        status = tn_infer_same_dtype(ctx, 0, i);
        if (status == TN_OK)
            status = tn_window_check_dy(ctx, &ctx->in[i]->shape, &y);
    }
    if (status == TN_OK)
        ctx->out[0] = *ctx->in[0];
    return status;
}

static tn_status lp_gradient(const struct tn_grad *ctx, const char *grad)
{
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op3(ctx->graph, grad, ctx->in[0], ctx->out[0], ctx->out_grad[0],
                                 ctx->attrs->list, ctx->attrs->n);
    return TN_OK;
}

/* The node's windows over a plane; a global pool is one window over a line. */
static void read_window(const struct tn_ref *ctx, const struct tn_ref_tensor *y,
                        struct tn_window *win)
{
    const struct tn_shape *x = &ctx->in[0].type.shape;
    int64_t planes = x->dim[0] * x->dim[1];
    for (uint32_t i = 0; i < ctx->attrs->n; i++)
        if (ctx->attrs->list[i].type == TN_ATTR_INTS) {
            tn_window_read(ctx->attrs, x->rank - 2, HAS, win);
            tn_window_of(win, x);
            for (uint32_t a = 0; a < win->axes; a++)
                win->out[a] = y->type.shape.dim[a + 2];
            return;
        }
    *win = (struct tn_window){.axes = 1, .stride = {1}, .dilation = {1}, .out = {1}};
    win->kernel[0] = win->in[0] = planes ? ctx->in[0].count / planes : 0;
}

static double window_norm(const struct tn_window *win, const double *plane, int64_t o, double p)
{
    double largest = 0, sum = 0;
    int64_t taps = tn_window_cells(win, win->kernel);
    for (int64_t k = 0; k < taps; k++) {
        int64_t at = tn_window_cell(win, o, k);
        if (at >= 0 && !(fabs(plane[at]) <= largest) && !isnan(largest))
            largest = fabs(plane[at]);
    }
    if (largest == 0 || !isfinite(largest))
        return largest;
    for (int64_t k = 0; k < taps; k++) {
        int64_t at = tn_window_cell(win, o, k);
        if (at >= 0)
            sum += pow(fabs(plane[at]) / largest, p);
    }
    return largest * pow(sum, 1 / p);
}

static void lp_reference(const struct tn_ref *ctx)
{
    struct tn_window win;
    double p = tn_attrs_float(ctx->attrs, "p");
    read_window(ctx, &ctx->out[0], &win);
    int64_t out = tn_window_cells(&win, win.out), in = tn_window_cells(&win, win.in);
    for (int64_t e = 0; e < ctx->out[0].count; e++)
        ctx->out[0].data.f[e] = window_norm(&win, ctx->in[0].data.f + e / out * in, e % out, p);
}

static void lp_grad_reference(const struct tn_ref *ctx)
{
    struct tn_window win;
    double p = tn_attrs_float(ctx->attrs, "p");
    read_window(ctx, &ctx->in[1], &win);
    int64_t out = tn_window_cells(&win, win.out), in = tn_window_cells(&win, win.in);
    int64_t taps = tn_window_cells(&win, win.kernel);
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        ctx->out[0].data.f[i] = 0;
    for (int64_t e = 0; e < ctx->in[1].count; e++)
        for (int64_t k = 0; k < taps; k++) {
            int64_t at = tn_window_cell(&win, e % out, k);
            double y = ctx->in[1].data.f[e];
            if (at < 0 || y == 0)
                continue;
            double x = ctx->in[0].data.f[e / out * in + at];
            double slope = x == 0 ? 0 * y : copysign(pow(fabs(x) / y, p - 1), x);
            ctx->out[0].data.f[e / out * in + at] += ctx->in[2].data.f[e] * slope;
        }
}

static const char *const lp_in[] = {"x"}, *const lp_out[] = {"y"};
static const char *const grad_in[] = {"x", "y", "dy"}, *const grad_out[] = {"dx"};

#define P_ATTR                                                  \
    {                                                           \
        .name = "p", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 2}, \
        .doc = "order of the norm, at least 1"                  \
    }

#define LP_POOL(id, c_id, axes, in_shape, out_shape, note, ...)                                    \
    static const struct tn_attr_schema lp##c_id##_attrs[] = {__VA_ARGS__};                         \
    static tn_status lp##c_id##_infer(struct tn_infer *ctx)                                        \
    {                                                                                              \
        return lp_infer(ctx, axes);                                                                \
    }                                                                                              \
    static tn_status lp##c_id##_grad_infer(struct tn_infer *ctx)                                   \
    {                                                                                              \
        return lp_grad_infer(ctx, axes);                                                           \
    }                                                                                              \
    static tn_status lp##c_id##_gradient(const struct tn_grad *ctx)                                \
    {                                                                                              \
        return lp_gradient(ctx, #id "_grad");                                                      \
    }                                                                                              \
    const struct tn_op tn_op_##id = {                                                              \
        .name = #id,                                                                               \
        .version = 1,                                                                              \
        .min_in = 1,                                                                               \
        .max_in = 1,                                                                               \
        .n_out = 1,                                                                                \
        .in_names = lp_in,                                                                         \
        .out_names = lp_out,                                                                       \
        .attrs = lp##c_id##_attrs,                                                                 \
        .n_attrs = TN_LEN(lp##c_id##_attrs),                                                       \
        .formula = "y = (sum over the window of abs(x)^p)^(1/p)",                                  \
        .shapes = "x `" in_shape "` floating -> y `" out_shape "`" note,                           \
        .infer = lp##c_id##_infer,                                                                 \
        .gradient = lp##c_id##_gradient,                                                           \
        .settle = tn_window_settle,                                                                \
        .reference = lp_reference,                                                                 \
    };                                                                                             \
    const struct tn_op tn_op_##id##_grad = {                                                       \
        .name = #id "_grad",                                                                       \
        .version = 1,                                                                              \
        .min_in = 3,                                                                               \
        .max_in = 3,                                                                               \
        .n_out = 1,                                                                                \
        .in_names = grad_in,                                                                       \
        .out_names = grad_out,                                                                     \
        .attrs = lp##c_id##_attrs,                                                                 \
        .n_attrs = TN_LEN(lp##c_id##_attrs),                                                       \
        .formula =                                                                                 \
            "dx = sum over the windows that hold the cell of dy sign(x) (abs(x) / y)^(p-1)",       \
        .shapes = "x, y and dy as " #id " has them, one floating type -> dx like x; where y or x " \
                  "is 0, that window adds 0",                                                      \
        .infer = lp##c_id##_grad_infer,                                                            \
        .no_gradient = TN_OPS_NO_SECOND,                                                           \
        .settle = tn_window_settle,                                                                \
        .reference = lp_grad_reference,                                                            \
    };

#define WINDOW(axes, pads_doc)                                       \
    TN_WINDOW_KERNEL_ATTR, TN_WINDOW_STRIDES_ATTR,                   \
        TN_WINDOW_PADS_ATTR(axes, pads_doc, TN_WINDOW_SAME_FLOORED), \
        TN_WINDOW_DILATIONS_ATTR(axes), TN_WINDOW_CEIL_ATTR, P_ATTR

/* clang-format off */
LP_POOL(lp_pool1d, 1d, 1, "[N, C, L]", "[N, C, OL]", ". A window of padding alone is 0",
        WINDOW(1, "cells around the input that add nothing: begin, end"))
LP_POOL(lp_pool2d, 2d, 2, "[N, C, H, W]", "[N, C, OH, OW]", ". A window of padding alone is 0",
        WINDOW(2, "cells around the input that add nothing: top, left, bottom, right"))
LP_POOL(global_lp_pool, global, 0, "[N, C, ...]", "[N, C, 1, ...]",
        "; the window is the whole channel, of none it is 0", P_ATTR)
/* clang-format on */
