/* Softmax along one axis, with the maximum taken off first so that exp cannot overflow.
 *
 *   softmax      y = e^x / sum e^x             dx = y (dy - sum(dy y))        (softmax_grad)
 *   log_softmax  y = x - log(sum e^x)          dx = dy - e^y sum(dy)          (log_softmax_grad)
 *
 * Sums run along the axis. A row of all -inf, or with a NaN or +inf, is NaN, as in PyTorch. */
#include <math.h>

#include "ops/util.h"

/* The elements of one row lie `step` apart; row r begins at row_begin(). Rows of no length, of
 * which there may be very many, are none. */
struct rows {
    int64_t n_rows, length, step;
};

static struct rows split_rows(const struct tn_attrs *attrs, const struct tn_shape *s)
{
    uint32_t d = tn_ops_axis(attrs, s->rank);
    int64_t step = tn_ops_product(s, d + 1, s->rank), length = s->dim[d];
    return (struct rows){length ? tn_ops_product(s, 0, d) * step : 0, length, step};
}

static int64_t row_begin(const struct rows *rows, int64_t r)
{
    return r / rows->step * rows->length * rows->step + r % rows->step;
}

static tn_status infer_along(struct tn_infer *ctx, uint32_t n_inputs)
{
    uint32_t axis;
    tn_status st = tn_ops_infer_like(ctx, n_inputs);
    if (st == TN_OK)
        st = tn_infer_axis(ctx, tn_attrs_int(ctx->attrs, "axis"), ctx->in[0]->shape.rank, &axis);
    return st;
}

static tn_status softmax_infer(struct tn_infer *ctx)
{
    return infer_along(ctx, 1);
}

static tn_status softmax_grad_infer(struct tn_infer *ctx)
{
    return infer_along(ctx, 2);
}

/* --- references --- */

static void forward(const struct tn_ref *ctx, int is_log)
{
    struct rows rows = split_rows(ctx->attrs, &ctx->in[0].type.shape);
    for (int64_t r = 0; r < rows.n_rows; r++) {
        const double *x = ctx->in[0].data.f + row_begin(&rows, r);
        double *y = ctx->out[0].data.f + row_begin(&rows, r);
        double top = -INFINITY, total = 0.0;
        for (int64_t i = 0; i < rows.length; i++)
            top = x[i * rows.step] > top ? x[i * rows.step] : top;
        for (int64_t i = 0; i < rows.length; i++)
            total += exp(x[i * rows.step] - top);
        for (int64_t i = 0; i < rows.length; i++) {
            double below = x[i * rows.step] - top;
            y[i * rows.step] = is_log ? below - log(total) : exp(below) / total;
        }
    }
}

static void softmax_reference(const struct tn_ref *ctx)
{
    forward(ctx, 0);
}

static void log_softmax_reference(const struct tn_ref *ctx)
{
    forward(ctx, 1);
}

static void softmax_grad_reference(const struct tn_ref *ctx)
{
    struct rows rows = split_rows(ctx->attrs, &ctx->in[0].type.shape);
    for (int64_t r = 0; r < rows.n_rows; r++) {
        int64_t begin = row_begin(&rows, r);
        const double *y = ctx->in[0].data.f + begin, *dy = ctx->in[1].data.f + begin;
        double *dx = ctx->out[0].data.f + begin, dot = 0.0;
        for (int64_t i = 0; i < rows.length; i++)
            dot += dy[i * rows.step] * y[i * rows.step];
        for (int64_t i = 0; i < rows.length; i++)
            dx[i * rows.step] = y[i * rows.step] * (dy[i * rows.step] - dot);
    }
}

static void log_softmax_grad_reference(const struct tn_ref *ctx)
{
    struct rows rows = split_rows(ctx->attrs, &ctx->in[0].type.shape);
    for (int64_t r = 0; r < rows.n_rows; r++) {
        int64_t begin = row_begin(&rows, r);
        const double *y = ctx->in[0].data.f + begin, *dy = ctx->in[1].data.f + begin;
        double *dx = ctx->out[0].data.f + begin, total = 0.0;
        for (int64_t i = 0; i < rows.length; i++)
            total += dy[i * rows.step];
        for (int64_t i = 0; i < rows.length; i++)
            dx[i * rows.step] = dy[i * rows.step] - exp(y[i * rows.step]) * total;
    }
}

/* --- gradients --- */

static tn_status by_output(const struct tn_grad *ctx, const char *grad_op)
{
    struct tn_attr axis = tn_ops_attr(ctx, "axis");
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op2(ctx->graph, grad_op, ctx->out[0], ctx->out_grad[0], &axis, 1);
    return TN_OK;
}

static tn_status softmax_gradient(const struct tn_grad *ctx)
{
    return by_output(ctx, "softmax_grad");
}

static tn_status log_softmax_gradient(const struct tn_grad *ctx)
{
    return by_output(ctx, "log_softmax_grad");
}

/* --- operators --- */

static const struct tn_attr_schema axis_attrs[] = {
    {.name = "axis", .type = TN_ATTR_INT, .dflt = {.u.i = -1}, .doc = "axis that sums to one"},
};

#define SOFTMAX(op_name, text)                                                                    \
    .name = op_name, .version = 1, .min_in = 1, .max_in = 1, .n_out = 1, .in_names = tn_ops_in_x, \
    .out_names = tn_ops_out_y, .attrs = axis_attrs, .n_attrs = 1, .formula = text,                \
    .shapes =                                                                                     \
        "x float of rank 1 or more; y like x; a row with NaN or +inf, or of -inf alone, is NaN",  \
    .infer = softmax_infer
#define SOFTMAX_GRAD(op_name, text)                                                            \
    .name = op_name, .version = 1, .min_in = 2, .max_in = 2, .n_out = 1,                       \
    .in_names = tn_ops_in_y_dy, .out_names = tn_ops_out_dx, .attrs = axis_attrs, .n_attrs = 1, \
    .formula = text, .shapes = "y (the forward's output), dy, dx: one shape and float dtype",  \
    .infer = softmax_grad_infer, .no_gradient = TN_OPS_NO_SECOND

const struct tn_op tn_op_softmax = {SOFTMAX("softmax", "e^x / sum(e^x) along the axis"),
                                    .gradient = softmax_gradient, .reference = softmax_reference};
const struct tn_op tn_op_log_softmax = {SOFTMAX("log_softmax", "x - log(sum(e^x)) along the axis"),
                                        .gradient = log_softmax_gradient,
                                        .reference = log_softmax_reference};
const struct tn_op tn_op_softmax_grad = {SOFTMAX_GRAD("softmax_grad", "y (dy - sum(dy y))"),
                                         .reference = softmax_grad_reference};
const struct tn_op tn_op_log_softmax_grad = {SOFTMAX_GRAD("log_softmax_grad", "dy - e^y sum(dy)"),
                                             .reference = log_softmax_grad_reference};
