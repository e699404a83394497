/* 2-D convolution (cross-correlation, as in every training framework), NCHW:
 *
 *   y[n, o, p, q] = bias[o] + sum over c, i, j of
 *                   x[n, g*Cg + c, p*sh - top + i*dh, q*sw - left + j*dw] * w[o, c, i, j]
 *
 * where Cg = C / groups, o lies in group g = o / (O / groups), and cells outside x count as zero.
 *
 * With T the set of index triples (x, w, y) that occur in that sum, y is the contraction of x and w
 * over T; its derivatives are the other two contractions over the same T: dx[a] = sum over (a, b,
 * c) in T of w[b] dy[c] dw[b] = sum over (a, b, c) in T of x[a] dy[c] dbias[o] = sum of dy over n,
 * p, q (LeCun et al., "Gradient-based learning applied to document recognition", 1998; strides,
 * dilation and groups as in Dumoulin and Visin, "A guide to convolution arithmetic for deep
 * learning", 2016.) Each contraction is linear in both arguments, so the gradient operators have
 * gradients among these three as well. */
#include <inttypes.h>

#include "ops/util.h"
#include "ops/window.h"

/* --- schema --- */

#define CONV_ATTRS                                                                 \
    {.name = "strides",                                                            \
     .type = TN_ATTR_INTS,                                                         \
     .dflt = {.count = 2, .u.ints = tn_window_ones},                               \
     .doc = "step of the window: height, width"},                                  \
        {.name = "pads",                                                           \
         .type = TN_ATTR_INTS,                                                     \
         .dflt = {.count = 4, .u.ints = tn_window_zeros},                          \
         .doc = "zeros around the input: top, left, bottom, right"},               \
        {.name = "dilations",                                                      \
         .type = TN_ATTR_INTS,                                                     \
         .dflt = {.count = 2, .u.ints = tn_window_ones},                           \
         .doc = "distance between the kernel's taps: height, width"},              \
    {                                                                              \
        .name = "groups", .type = TN_ATTR_INT, .dflt = {.u.i = 1},                 \
        .doc = "groups of channels that do not mix; C for a depthwise convolution" \
    }

static const struct tn_attr_schema conv2d_attrs[] = {CONV_ATTRS};
static const struct tn_attr_schema grad_input_attrs[] = {
    {.name = "input_shape", .type = TN_ATTR_INTS, .required = 1, .doc = "shape of x: N, C, H, W"},
    CONV_ATTRS};
static const struct tn_attr_schema grad_weight_attrs[] = {
    {.name = "kernel", .type = TN_ATTR_INTS, .required = 1, .doc = "height, width of w"},
    CONV_ATTRS};

/* --- shape rules --- */

static tn_status check_groups(const struct tn_infer *ctx, int64_t n_in_channels,
                              int64_t n_out_channels)
{
    int64_t groups = tn_attrs_int(ctx->attrs, "groups");
    if (groups < 1)
        return tn_infer_fail(ctx, "groups is %" PRId64 ", must be at least 1", groups);
    if (n_in_channels % groups != 0)
        return tn_infer_fail(ctx,
                             "groups %" PRId64 " does not divide the %" PRId64
                             " input channels; both channel counts must be multiples of it",
                             groups, n_in_channels);
    if (n_out_channels % groups != 0)
        return tn_infer_fail(ctx,
                             "groups %" PRId64 " does not divide the %" PRId64
                             " filters; both channel counts must be multiples of it",
                             groups, n_out_channels);
    return TN_OK;
}

/* Input shape [N, C, H, W] against weight shape [O, C/groups, kh, kw]; gives y's shape. */
static tn_status conv_shape(const struct tn_infer *ctx, const struct tn_shape *x,
                            const struct tn_shape *w, struct tn_shape *out_y)
{
    struct tn_window window;
    tn_status status = tn_window_infer(ctx, TN_WINDOW_DILATIONS, &window);
    if (status == TN_OK)
        status = check_groups(ctx, x->dim[1], w->dim[0]);
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
    if (w->dim[2] < 1 || w->dim[3] < 1)
        return tn_infer_fail(ctx, "kernel %" PRId64 "x%" PRId64 " must be at least 1x1", w->dim[2],
                             w->dim[3]);
    if (w->dim[2] > INT32_MAX || w->dim[3] > INT32_MAX)
        return tn_infer_fail(ctx, "kernel %" PRId64 "x%" PRId64 " is beyond the limit of %d",
                             w->dim[2], w->dim[3], INT32_MAX);
    window.height = x->dim[2];
    window.width = x->dim[3];
    window.kernel[0] = w->dim[2];
    window.kernel[1] = w->dim[3];
    status = tn_window_output(ctx, &window);
    if (status == TN_OK)
        *out_y = TN_SHAPE(x->dim[0], w->dim[0], window.out_height, window.out_width);
    return status;
}

/* Inputs a and b: floating point, rank 4, of one dtype. */
static tn_status check_pair(const struct tn_infer *ctx)
{
    tn_status status = tn_infer_float(ctx, 0);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 0, 4, 4);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 1, 4, 4);
    if (status == TN_OK)
        status = tn_infer_same_dtype(ctx, 0, 1);
    return status;
}

static tn_status conv2d_infer(struct tn_infer *ctx)
{
    tn_status status = check_pair(ctx);
    struct tn_shape y = {0};
    if (status == TN_OK)
        status = conv_shape(ctx, &ctx->in[0]->shape, &ctx->in[1]->shape, &y);
    if (status == TN_OK && ctx->in[2]) {
        status = tn_infer_rank(ctx, 2, 1, 1);
        if (status == TN_OK)
            status = tn_infer_same_dtype(ctx, 0, 2);
        if (status == TN_OK && ctx->in[2]->shape.dim[0] != y.dim[1])
            status = tn_infer_fail(ctx, "bias has %" PRId64 " entries, w has %" PRId64 " filters",
                                   ctx->in[2]->shape.dim[0], y.dim[1]);
    }
    if (status == TN_OK)
        ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = y};
    return status;
}

/* Compares dy's shape with the one that the forward pass would give. */
static tn_status check_dy(const struct tn_infer *ctx, const struct tn_shape *dy,
                          const struct tn_shape *y)
{
    if (tn_shape_equal(dy, y))
        return TN_OK;
    char dy_text[64], y_text[64];
    return tn_infer_fail(ctx, "dy is %s, but these attributes give an output of %s",
                         tn_shape_format(dy, dy_text, sizeof(dy_text)),
                         tn_shape_format(y, y_text, sizeof(y_text)));
}

static tn_status grad_input_infer(struct tn_infer *ctx)
{
    tn_status status = check_pair(ctx);
    struct tn_shape x = {0}, y = {0};
    if (status == TN_OK)
        status = tn_window_input_shape(ctx, &x);
    if (status == TN_OK)
        status = conv_shape(ctx, &x, &ctx->in[1]->shape, &y);
    if (status == TN_OK)
        status = check_dy(ctx, &ctx->in[0]->shape, &y);
    if (status == TN_OK)
        ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = x};
    return status;
}

static tn_status grad_weight_infer(struct tn_infer *ctx)
{
    tn_status status = check_pair(ctx);
    if (status != TN_OK)
        return status;
    const struct tn_shape *x = &ctx->in[0]->shape, *dy = &ctx->in[1]->shape;
    uint32_t count = 0;
    const int64_t *kernel = tn_attrs_ints(ctx->attrs, "kernel", &count);
    if (count != 2)
        return tn_infer_fail(ctx, "'kernel' has %u entries, needs 2 (height, width)", count);
    status = check_groups(ctx, x->dim[1], dy->dim[1]);
    if (status != TN_OK)
        return status;
    int64_t groups = tn_attrs_int(ctx->attrs, "groups");
    struct tn_shape w = TN_SHAPE(dy->dim[1], x->dim[1] / groups, kernel[0], kernel[1]), y = {0};
    status = conv_shape(ctx, x, &w, &y);
    if (status == TN_OK)
        status = check_dy(ctx, dy, &y);
    if (status == TN_OK)
        ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = w};
    return status;
}

/* --- gradients: each of the three contractions in terms of the other two --- */

/* y from x and w. */
static tn_value emit_conv2d(const struct tn_grad *ctx, tn_value x, tn_value w)
{
    const struct tn_attr attr[] = {tn_ops_attr(ctx, "strides"), tn_ops_attr(ctx, "pads"),
                                   tn_ops_attr(ctx, "dilations"), tn_ops_attr(ctx, "groups")};
    return tn_op2(ctx->graph, "conv2d", x, w, attr, TN_LEN(attr));
}

/* dx from dy and w; `like` has x's shape. */
static tn_value emit_grad_input(const struct tn_grad *ctx, tn_value dy, tn_value w, tn_value like)
{
    struct tn_shape storage;
    const struct tn_attr attr[] = {tn_grad_shape_attr(ctx, "input_shape", like, &storage),
                                   tn_ops_attr(ctx, "strides"), tn_ops_attr(ctx, "pads"),
                                   tn_ops_attr(ctx, "dilations"), tn_ops_attr(ctx, "groups")};
    return tn_op2(ctx->graph, "conv2d_grad_input", dy, w, attr, TN_LEN(attr));
}

/* dw from x and dy; `like` has w's shape. */
static tn_value emit_grad_weight(const struct tn_grad *ctx, tn_value x, tn_value dy, tn_value like)
{
    struct tn_shape w = tn_graph_shape(ctx->graph, like);
    const struct tn_attr attr[] = {TN_AV("kernel", 2, w.dim + 2), tn_ops_attr(ctx, "strides"),
                                   tn_ops_attr(ctx, "pads"), tn_ops_attr(ctx, "dilations"),
                                   tn_ops_attr(ctx, "groups")};
    return tn_op2(ctx->graph, "conv2d_grad_weight", x, dy, attr, TN_LEN(attr));
}

static tn_status conv2d_gradient(const struct tn_grad *ctx)
{
    tn_value x = ctx->in[0], w = ctx->in[1], dy = ctx->out_grad[0];
    if (ctx->needed[0])
        ctx->in_grad[0] = emit_grad_input(ctx, dy, w, x);
    if (ctx->needed[1])
        ctx->in_grad[1] = emit_grad_weight(ctx, x, dy, w);
    if (ctx->in[2] != TN_NONE && ctx->needed[2]) {
        static const int64_t all_but_channels[] = {0, 2, 3};
        ctx->in_grad[2] = tn_sum(ctx->graph, dy, all_but_channels, 3, 0);
    }
    return TN_OK;
}

static tn_status grad_input_gradient(const struct tn_grad *ctx)
{
    tn_value dy = ctx->in[0], w = ctx->in[1], g = ctx->out_grad[0];
    if (ctx->needed[0])
        ctx->in_grad[0] = emit_conv2d(ctx, g, w);
    if (ctx->needed[1])
        ctx->in_grad[1] = emit_grad_weight(ctx, g, dy, w);
    return TN_OK;
}

static tn_status grad_weight_gradient(const struct tn_grad *ctx)
{
    tn_value x = ctx->in[0], dy = ctx->in[1], g = ctx->out_grad[0];
    if (ctx->needed[0])
        ctx->in_grad[0] = emit_grad_input(ctx, dy, g, x);
    if (ctx->needed[1])
        ctx->in_grad[1] = emit_conv2d(ctx, x, g);
    return TN_OK;
}

/* --- references: one walk over T, adding into whichever of the three is the target --- */

enum target { TARGET_Y, TARGET_X, TARGET_W };

/* x [N, C, H, W], w [O, C/groups, kh, kw], y [N, O, OH, OW]; only the target is written. */
struct conv {
    const struct tn_ref_tensor *x, *w, *y;
    enum target target;
    struct tn_window window;
    int64_t filters_per_group;
};

/* The triples of one output cell y[n, o, p, q]. */
static void visit_output(const struct conv *conv, int64_t n, int64_t o, int64_t p, int64_t q)
{
    const int64_t *xd = conv->x->type.shape.dim, *wd = conv->w->type.shape.dim;
    const int64_t *yd = conv->y->type.shape.dim;
    double *y = conv->y->data.f + ((n * yd[1] + o) * yd[2] + p) * yd[3] + q;
    for (int64_t tap = 0; tap < wd[1] * wd[2] * wd[3]; tap++) {
        int64_t c = tap / (wd[2] * wd[3]), i = tap / wd[3] % wd[2], j = tap % wd[3];
        int64_t channel = o / conv->filters_per_group * wd[1] + c;
        int64_t row = tn_window_at(&conv->window, 0, p, i);
        int64_t col = tn_window_at(&conv->window, 1, q, j);
        if (row < 0 || row >= xd[2] || col < 0 || col >= xd[3])
            continue;
        double *x = conv->x->data.f + ((n * xd[1] + channel) * xd[2] + row) * xd[3] + col;
        double *w = conv->w->data.f + ((o * wd[1] + c) * wd[2] + i) * wd[3] + j;
        if (conv->target == TARGET_Y)
            *y += *x * *w;
        else if (conv->target == TARGET_X)
            *x += *w * *y;
        else
            *w += *x * *y;
    }
}

static void contract(const struct tn_ref *ctx, const struct tn_ref_tensor *x,
                     const struct tn_ref_tensor *w, const struct tn_ref_tensor *y,
                     enum target target)
{
    const int64_t *yd = y->type.shape.dim;
    struct conv conv = {.x = x, .w = w, .y = y, .target = target};
    tn_window_read(ctx->attrs, TN_WINDOW_DILATIONS, &conv.window);
    conv.filters_per_group = yd[1] / tn_attrs_int(ctx->attrs, "groups");
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        ctx->out[0].data.f[i] = 0;
    for (int64_t n = 0; n < yd[0]; n++)
        for (int64_t o = 0; o < yd[1]; o++)
            for (int64_t p = 0; p < yd[2]; p++)
                for (int64_t q = 0; q < yd[3]; q++)
                    visit_output(&conv, n, o, p, q);
}

static void conv2d_reference(const struct tn_ref *ctx)
{
    struct tn_ref_tensor *y = &ctx->out[0];
    contract(ctx, &ctx->in[0], &ctx->in[1], y, TARGET_Y);
    if (!ctx->in[2].data.any)
        return;
    int64_t n_channels = y->type.shape.dim[1];
    int64_t plane = y->type.shape.dim[2] * y->type.shape.dim[3];
    for (int64_t i = 0; i < y->count; i++)
        y->data.f[i] += ctx->in[2].data.f[i / plane % n_channels];
}

static void grad_input_reference(const struct tn_ref *ctx)
{
    contract(ctx, &ctx->out[0], &ctx->in[1], &ctx->in[0], TARGET_X);
}

static void grad_weight_reference(const struct tn_ref *ctx)
{
    contract(ctx, &ctx->in[0], &ctx->out[0], &ctx->in[1], TARGET_W);
}

/* --- the operators --- */

static const char *const conv2d_in[] = {"x", "w", "bias"}, *const conv2d_out[] = {"y"};
static const char *const grad_input_in[] = {"dy", "w"}, *const grad_input_out[] = {"dx"};
static const char *const grad_weight_in[] = {"x", "dy"}, *const grad_weight_out[] = {"dw"};

const struct tn_op tn_op_conv2d = {
    .name = "conv2d",
    .version = 1,
    .min_in = 2,
    .max_in = 3,
    .n_out = 1,
    .in_names = conv2d_in,
    .out_names = conv2d_out,
    .attrs = conv2d_attrs,
    .n_attrs = TN_LEN(conv2d_attrs),
    .formula = "y[n,o,p,q] = bias[o] + sum of x[n,c,p*stride-pad+i*dilation,...] w[o,c,i,j]",
    .infer = conv2d_infer,
    .gradient = conv2d_gradient,
    .reference = conv2d_reference,
};
const struct tn_op tn_op_conv2d_grad_input = {
    .name = "conv2d_grad_input",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .in_names = grad_input_in,
    .out_names = grad_input_out,
    .attrs = grad_input_attrs,
    .n_attrs = TN_LEN(grad_input_attrs),
    .formula = "dx: each cell of x sums w dy over the windows that cover it",
    .infer = grad_input_infer,
    .gradient = grad_input_gradient,
    .reference = grad_input_reference,
};
const struct tn_op tn_op_conv2d_grad_weight = {
    .name = "conv2d_grad_weight",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .in_names = grad_weight_in,
    .out_names = grad_weight_out,
    .attrs = grad_weight_attrs,
    .n_attrs = TN_LEN(grad_weight_attrs),
    .formula = "dw: each tap of w sums x dy over the windows of the batch",
    .infer = grad_weight_infer,
    .gradient = grad_weight_gradient,
    .reference = grad_weight_reference,
};
