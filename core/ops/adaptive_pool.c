/* Pooling to a given size over one or two axes, and global pooling over all axes but N and C. The
 * window of output place o along an axis is [floor(o in / out), ceil((o + 1) in / out)):
 *
 *   adaptive_avg_pool: the window's mean; backwards each window spreads dy evenly
 *   adaptive_max_pool: its largest cell and that cell's place in x's plane, as max_pool has them
 *   global_avg_pool, global_max_pool: the same with one window, for any number of axes
 *
 * (PyTorch's adaptive pools; ONNX GlobalAveragePool, GlobalMaxPool; Lin, Chen and Yan, "Network In
 * Network", 2014.) */
#include <inttypes.h>
#include <math.h>

#include "ops/util.h"
#include "ops/window.h"

/* --- shape rules --- */

static tn_status check_spatial(const struct tn_infer *ctx, const struct tn_shape *x)
{
    int64_t cells = 1;
    for (uint32_t i = 2; i < x->rank; i++) {
        if (x->dim[i] < 1)
            return tn_infer_fail(ctx, "dim %u of x is %" PRId64 ": a window would hold no cell", i,
                                 x->dim[i]);
        cells = x->dim[i] > INT32_MAX / cells ? INT32_MAX + INT64_C(1) : cells * x->dim[i];
        if (cells > INT32_MAX)
            return tn_infer_fail(ctx,
                                 "a channel of x has more than %d cells, which an i32 index "
                                 "cannot number",
                                 INT32_MAX);
    }
    return TN_OK;
}

/* y's shape for x's. */
static tn_status adaptive_shape(const struct tn_infer *ctx, const struct tn_shape *x,
                                struct tn_shape *out_y)
{
    uint32_t count = 0;
    const int64_t *size = tn_attrs_ints(ctx->attrs, "output_size", &count);
    tn_status status = tn_window_list(ctx, x->rank - 2, "output_size", 1, 0, 0);
    if (status == TN_OK)
        status = check_spatial(ctx, x);
    *out_y = *x;
    for (uint32_t i = 0; i < count && status == TN_OK; i++)
        out_y->dim[i + 2] = size[i];
    return status;
}

static tn_status adaptive_infer(struct tn_infer *ctx)
{
    struct tn_shape y = {0};
    tn_status status = tn_infer_float(ctx, 0);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 0, 3, 4);
    if (status == TN_OK)
        status = adaptive_shape(ctx, &ctx->in[0]->shape, &y);
    if (status != TN_OK)
        return status;
    ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = y};
    if (ctx->n_out > 1)
        ctx->out[1] = (struct tn_type){.dtype = TN_I32, .shape = y};
    return TN_OK;
}

static tn_status global_infer(struct tn_infer *ctx)
{
    tn_status status = tn_infer_float(ctx, 0);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 0, 3, TN_MAX_RANK);
    if (status == TN_OK)
        status = check_spatial(ctx, &ctx->in[0]->shape);
    if (status != TN_OK)
        return status;
    struct tn_type y = *ctx->in[0];
    for (uint32_t i = 2; i < y.shape.rank; i++)
        y.shape.dim[i] = 1;
    ctx->out[0] = ctx->out[ctx->n_out - 1] = y;
    if (ctx->n_out > 1)
        ctx->out[1].dtype = TN_I32;
    return TN_OK;
}

/* The attribute input_shape, of dy's rank, N and C; every output size is within the window rule. */
static tn_status grad_shape(const struct tn_infer *ctx, struct tn_shape *out_x)
{
    const struct tn_shape *dy = &ctx->in[0]->shape;
    uint32_t count = 0;
    const int64_t *dim = tn_attrs_ints(ctx->attrs, "input_shape", &count);
    if (count != dy->rank)
        return tn_infer_fail(ctx, "'input_shape' has %u entries, dy has %u dims", count, dy->rank);
    *out_x = tn_shape_make(dim, count);
    if (dim[0] != dy->dim[0] || dim[1] != dy->dim[1])
        return tn_infer_fail(ctx,
                             "'input_shape' begins with %" PRId64 ", %" PRId64 ", dy with %" PRId64
                             ", %" PRId64 "; N and C must agree",
                             dim[0], dim[1], dy->dim[0], dy->dim[1]);
    for (uint32_t i = 2; i < count; i++)
        if (dy->dim[i] < 1 || (count > 4 && dy->dim[i] != 1))
            return tn_infer_fail(ctx, "dim %u of dy is %" PRId64 ", must be %s", i, dy->dim[i],
                                 count > 4 ? "1 with more than two pooled axes" : "at least 1");
    return check_spatial(ctx, out_x);
}

static tn_status grad_infer(struct tn_infer *ctx)
{
    struct tn_shape x = {0};
    tn_status status = tn_infer_float(ctx, 0);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 0, 3, TN_MAX_RANK);
    if (status == TN_OK && ctx->n_in > 1)
        status = tn_infer_same_shape(ctx, 0, 1);
    if (status == TN_OK && ctx->n_in > 1 && ctx->in[1]->dtype != TN_I32)
        status = tn_infer_fail(ctx, "index is %s, must be i32 as adaptive_max_pool gives it",
                               tn_dtype_name(ctx->in[1]->dtype));
    if (status == TN_OK)
        status = grad_shape(ctx, &x);
    if (status == TN_OK)
        ctx->out[0] = (struct tn_type){.dtype = ctx->in[0]->dtype, .shape = x};
    return status;
}

/* --- gradients --- */

static tn_status avg_gradient(const struct tn_grad *ctx)
{
    struct tn_shape storage;
    const struct tn_attr shape = tn_grad_shape_attr(ctx, "input_shape", ctx->in[0], &storage);
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op1(ctx->graph, "adaptive_avg_pool_grad", ctx->out_grad[0], &shape, 1);
    return TN_OK;
}

static tn_status max_gradient(const struct tn_grad *ctx)
{
    struct tn_shape storage;
    const struct tn_attr shape = tn_grad_shape_attr(ctx, "input_shape", ctx->in[0], &storage);
    if (ctx->needed[0])
        ctx->in_grad[0] =
            tn_op2(ctx->graph, "adaptive_max_pool_grad", ctx->out_grad[0], ctx->out[1], &shape, 1);
    return TN_OK;
}

/* Linear: backwards twice is forward. */
static tn_status avg_grad_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_shape dy = tn_graph_shape(ctx->graph, ctx->in[0]);
    const struct tn_attr size = TN_AV("output_size", dy.rank - 2, dy.dim + 2);
    if (dy.rank > 4)
        ctx->in_grad[0] = tn_op1(ctx->graph, "global_avg_pool", ctx->out_grad[0], NULL, 0);
    else
        ctx->in_grad[0] = tn_op1(ctx->graph, "adaptive_avg_pool", ctx->out_grad[0], &size, 1);
    return TN_OK;
}

/* --- references --- */

/* A walk over the cells of output place `o`'s window: axes 2.. of x and y. */
struct window {
    uint32_t axes;
    int64_t begin[TN_MAX_RANK], end[TN_MAX_RANK];
    const int64_t *in; /* sizes of x's axes */
};

static struct window window_of(const struct tn_shape *x, const struct tn_shape *y, int64_t o)
{
    struct window w = {.axes = x->rank - 2, .in = x->dim + 2};
    for (uint32_t a = w.axes; a-- > 0;) {
        int64_t in = x->dim[a + 2], out = y->dim[a + 2], at = o % out;
        w.begin[a] = at * in / out;
        w.end[a] = ((at + 1) * in + out - 1) / out;
        o /= out;
    }
    return w;
}

static int64_t window_cells(const struct window *w)
{
    int64_t n = 1;
    for (uint32_t a = 0; a < w->axes; a++)
        n *= w->end[a] - w->begin[a];
    return n;
}

/* Place in x's plane of the window's cell k. */
static int64_t window_cell(const struct window *w, int64_t k)
{
    int64_t cell = 0, scale = 1;
    for (uint32_t a = w->axes; a-- > 0;) {
        int64_t size = w->end[a] - w->begin[a];
        cell += (w->begin[a] + k % size) * scale;
        scale *= w->in[a];
        k /= size;
    }
    return cell;
}

static int64_t plane_of(const struct tn_ref_tensor *t)
{
    return tn_ops_product(&t->type.shape, 2, t->type.shape.rank);
}

static void avg_reference(const struct tn_ref *ctx)
{
    const struct tn_ref_tensor *x = &ctx->in[0], *y = &ctx->out[0];
    int64_t out = plane_of(y);
    for (int64_t e = 0; e < y->count; e++) {
        struct window w = window_of(&x->type.shape, &y->type.shape, e % out);
        double sum = 0;
        for (int64_t k = 0; k < window_cells(&w); k++)
            sum += x->data.f[e / out * plane_of(x) + window_cell(&w, k)];
        y->data.f[e] = sum / (double)window_cells(&w);
    }
}

static void max_reference(const struct tn_ref *ctx)
{
    const struct tn_ref_tensor *x = &ctx->in[0], *y = &ctx->out[0];
    int64_t out = plane_of(y);
    for (int64_t e = 0; e < y->count; e++) {
        struct window w = window_of(&x->type.shape, &y->type.shape, e % out);
        const double *plane = x->data.f + e / out * plane_of(x);
        int64_t best = window_cell(&w, 0);
        for (int64_t k = 1; k < window_cells(&w); k++) {
            int64_t at = window_cell(&w, k);
            if (plane[at] > plane[best] || (isnan(plane[at]) && !isnan(plane[best])))
                best = at;
        }
        y->data.f[e] = plane[best];
        ctx->out[1].data.i[e] = best;
    }
}

static void avg_grad_reference(const struct tn_ref *ctx)
{
    const struct tn_ref_tensor *dy = &ctx->in[0], *dx = &ctx->out[0];
    int64_t out = plane_of(dy);
    for (int64_t i = 0; i < dx->count; i++)
        dx->data.f[i] = 0;
    for (int64_t e = 0; e < dy->count; e++) {
        struct window w = window_of(&dx->type.shape, &dy->type.shape, e % out);
        for (int64_t k = 0; k < window_cells(&w); k++)
            dx->data.f[e / out * plane_of(dx) + window_cell(&w, k)] +=
                dy->data.f[e] / (double)window_cells(&w);
    }
}

static void max_grad_reference(const struct tn_ref *ctx)
{
    const struct tn_ref_tensor *dy = &ctx->in[0], *dx = &ctx->out[0];
    int64_t out = plane_of(dy), in = plane_of(dx);
    for (int64_t i = 0; i < dx->count; i++)
        dx->data.f[i] = 0;
    for (int64_t e = 0; e < dy->count; e++) {
        int64_t at = ctx->in[1].data.i[e];
        if (at >= 0 && at < in) /* an index outside names no input */
            dx->data.f[e / out * in + at] += dy->data.f[e];
    }
}

/* --- the operators --- */

static const struct tn_attr_schema size_attrs[] = {
    {.name = "output_size", .type = TN_ATTR_INTS, .required = 1, .doc = "size of y, per axis"}};
static const struct tn_attr_schema grad_attrs[] = {
    TN_WINDOW_INPUT_ATTR("shape of x: N, C and the pooled axes")};
static const char *const pool_in[] = {"x"}, *const pool_out[] = {"y", "index"};
static const char *const grad_in[] = {"dy", "index"}, *const grad_out[] = {"dx"};

#define ADAPTIVE "x `[N, C, L]` or `[N, C, H, W]` floating -> y `[N, C, output_size]`"
#define GLOBAL "x `[N, C, ...]` floating, at least one axis after C -> y `[N, C, 1, ...]`"
#define FIRST_WINS "; of equals the first wins, NaN counts as the largest"
#define POOL(id, outs)                                                                      \
    .name = id, .version = 1, .min_in = 1, .max_in = 1, .n_out = outs, .in_names = pool_in, \
    .out_names = pool_out

const struct tn_op tn_op_adaptive_avg_pool = {
    POOL("adaptive_avg_pool", 1),
    .attrs = size_attrs,
    .n_attrs = TN_LEN(size_attrs),
    .formula = "y[o] = mean of x over [floor(o in/out), ceil((o+1) in/out)) of each axis",
    .shapes = ADAPTIVE,
    .infer = adaptive_infer,
    .gradient = avg_gradient,
    .reference = avg_reference,
};
const struct tn_op tn_op_adaptive_max_pool = {
    POOL("adaptive_max_pool", 2),
    .attrs = size_attrs,
    .n_attrs = TN_LEN(size_attrs),
    .formula = "y[o] = max of x over [floor(o in/out), ceil((o+1) in/out)) of each axis; index = "
               "its place in x's plane",
    .shapes = ADAPTIVE ", index i32 of that shape" FIRST_WINS,
    .infer = adaptive_infer,
    .gradient = max_gradient,
    .reference = max_reference,
};
const struct tn_op tn_op_global_avg_pool = {
    POOL("global_avg_pool", 1), .formula = "y = mean of x over all axes but N and C",
    .shapes = GLOBAL,           .infer = global_infer,
    .gradient = avg_gradient,   .reference = avg_reference,
};
const struct tn_op tn_op_global_max_pool = {
    POOL("global_max_pool", 2),
    .formula = "y = max of x over all axes but N and C; index = its place among them, row-major",
    .shapes = GLOBAL ", index i32 of that shape" FIRST_WINS,
    .infer = global_infer,
    .gradient = max_gradient,
    .reference = max_reference,
};
const struct tn_op tn_op_adaptive_avg_pool_grad = {
    .name = "adaptive_avg_pool_grad",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = grad_in,
    .out_names = grad_out,
    .attrs = grad_attrs,
    .n_attrs = TN_LEN(grad_attrs),
    .formula = "dx = sum over the windows that hold the cell of dy / size of the window",
    .shapes = "dy floating as adaptive_avg_pool's or global_avg_pool's y -> dx `input_shape`",
    .infer = grad_infer,
    .gradient = avg_grad_gradient,
    .reference = avg_grad_reference,
};
const struct tn_op tn_op_adaptive_max_pool_grad = {
    .name = "adaptive_max_pool_grad",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .in_names = grad_in,
    .out_names = grad_out,
    .attrs = grad_attrs,
    .n_attrs = TN_LEN(grad_attrs),
    .formula = "dx[k] = sum of dy where index = k",
    .shapes = "dy floating and index i32 as adaptive_max_pool or global_max_pool gives them -> dx "
              "`input_shape`",
    .infer = grad_infer,
    .no_gradient = "second derivatives of max pooling are not offered",
    .reference = max_grad_reference,
};
