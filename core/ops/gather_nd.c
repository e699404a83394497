/* Slices by a tuple of indices, as ONNX GatherND and ScatterND. An index i in [-n, 0) means n + i.
 *
 * With b = batch_dims, K the last dim of indices: tuple t = indices[t_0 .. t_q, :] names the slice
 * x[t_0 .. t_{b-1}, t's K numbers], which has the shape x.shape[b + K:].
 *
 *   gather_nd   y[t] = the slice that t names; dx = scatter_nd of dy into zeros
 *   scatter_nd  y = x, then for each t in order of position, s the slice that t names:
 *     none      y[s] = updates[t], the last one wins; dx = dy, zeros where an update was written,
 *               dupdates = gather_nd of dy for the updates that won, else 0
 *     add       y[s] += updates[t]; dx = dy, dupdates = gather_nd of dy
 *     mul       y[s] *= updates[t]; each factor's derivative is the product of the others
 *     max, min  the larger or smaller one, NaN if either is; dy is shared evenly among those equal
 *               to y, as PyTorch's scatter_reduce shares it
 *
 * A tuple with a number outside [-n, n) gives zeros and writes nothing, on every device. */
#include <string.h>

#include "ops/util.h"

struct tuples {
    uint32_t batch_dims, k;
    int64_t n, per_batch; /* tuples, and of one batch */
    int64_t width;        /* elements of a slice */
};

static struct tuples tuples_of(const struct tn_attrs *attrs, const struct tn_shape *x,
                               const struct tn_shape *ids)
{
    struct tuples t = {.batch_dims = (uint32_t)tn_attrs_int(attrs, "batch_dims")};
    t.k = (uint32_t)ids->dim[ids->rank - 1];
    t.n = tn_ops_product(ids, 0, ids->rank - 1);
    t.per_batch = tn_ops_product(ids, t.batch_dims, ids->rank - 1);
    t.width = tn_ops_product(x, t.batch_dims + t.k, x->rank);
    return t;
}

/* Number of the slice that tuple `at` names, or -1. */
static int64_t slice_of(const struct tuples *t, const struct tn_shape *x, const int64_t *ids,
                        int64_t at)
{
    int64_t row = at / t->per_batch;
    for (uint32_t j = 0; j < t->k; j++) {
        int64_t n = x->dim[t->batch_dims + j], v = ids[at * t->k + j];
        v = v < 0 ? v + n : v;
        if (v < 0 || v >= n)
            return -1;
        row = row * n + v;
    }
    return row;
}

/* Checks x (input 0) and indices (input 1); the shape of one slice per tuple. */
static tn_status tuples_infer(const struct tn_infer *ctx, struct tn_shape *out_shape)
{
    const struct tn_shape *x = &ctx->in[0]->shape, *ids = &ctx->in[1]->shape;
    int64_t b = tn_attrs_int(ctx->attrs, "batch_dims");
    tn_status st = tn_ops_infer_index(ctx, 1);
    if (st == TN_OK)
        st = tn_infer_rank(ctx, 0, 1, TN_MAX_RANK);
    if (st == TN_OK)
        st = tn_infer_rank(ctx, 1, 1, TN_MAX_RANK);
    if (st != TN_OK)
        return st;
    if (b < 0 || b >= ids->rank || b >= x->rank)
        return tn_infer_fail(ctx, "batch_dims is %lld; it must be >= 0 and below both ranks",
                             (long long)b);
    int64_t k = ids->dim[ids->rank - 1];
    if (k < 1 || k > x->rank - b)
        return tn_infer_fail(ctx, "the last dim of indices is %lld; a tuple has 1 to %lld numbers",
                             (long long)k, (long long)(x->rank - b));
    for (int64_t d = 0; d < b; d++)
        if (x->dim[d] != ids->dim[d])
            return tn_infer_fail(ctx, "batch axis %lld has %lld elements in x, %lld in indices",
                                 (long long)d, (long long)x->dim[d], (long long)ids->dim[d]);
    uint32_t rest = x->rank - (uint32_t)(b + k);
    if (ids->rank - 1 + rest > TN_MAX_RANK)
        return tn_infer_fail(ctx, "a slice per tuple has %u axes; at most %d are possible",
                             ids->rank - 1 + rest, TN_MAX_RANK);
    struct tn_shape y = tn_shape_make(ids->dim, ids->rank - 1);
    for (uint32_t d = 0; d < rest; d++)
        y.dim[y.rank++] = x->dim[(uint32_t)(b + k) + d];
    *out_shape = y;
    return TN_OK;
}

#define BATCH_DIMS                                                     \
    {                                                                  \
        .name = "batch_dims", .type = TN_ATTR_INT, .dflt = {.u.i = 0}, \
        .doc = "leading axes that x and indices share, walked in step" \
    }

/* --- gather_nd --- */

static tn_status gather_nd_infer(struct tn_infer *ctx)
{
    ctx->out[0].dtype = ctx->in[0]->dtype;
    return tuples_infer(ctx, &ctx->out[0].shape);
}

static void gather_nd_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *x = &ctx->in[0].type.shape;
    struct tuples t = tuples_of(ctx->attrs, x, &ctx->in[1].type.shape);
    tn_ops_clear(&ctx->out[0]);
    for (int64_t i = 0; i < t.n; i++) {
        int64_t row = slice_of(&t, x, ctx->in[1].data.i, i);
        for (int64_t j = 0; row >= 0 && j < t.width; j++)
            tn_ops_move(&ctx->out[0], i * t.width + j, &ctx->in[0], row * t.width + j);
    }
}

static tn_status gather_nd_gradient(const struct tn_grad *ctx)
{
    struct tn_attr attrs[] = {tn_ops_attr(ctx, "batch_dims"), TN_AS("reduction", "add")};
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op3(ctx->graph, "scatter_nd", tn_ops_zeros(ctx, ctx->in[0]),
                                 ctx->in[1], ctx->out_grad[0], attrs, TN_LEN(attrs));
    return TN_OK;
}

static const char *const gather_nd_in[] = {"x", "indices"};
static const struct tn_attr_schema gather_nd_attrs[] = {BATCH_DIMS};
const struct tn_op tn_op_gather_nd = {
    .name = "gather_nd",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .in_names = gather_nd_in,
    .out_names = tn_ops_out_y,
    .attrs = gather_nd_attrs,
    .n_attrs = 1,
    .formula = "y[t] = x[indices[t, :]]; zeros for a tuple with an index outside [-n, n)",
    .shapes = "x any dtype, indices [..., K] i32 or i64, K at most x's rank - batch_dims; y [..., "
              "x.shape[batch_dims + K:]]",
    .infer = gather_nd_infer,
    .gradient = gather_nd_gradient,
    .reference = gather_nd_reference,
};

/* --- scatter_nd --- */

enum reduction { REDUCE_NONE, REDUCE_ADD, REDUCE_MUL, REDUCE_MAX, REDUCE_MIN, REDUCE_UNKNOWN };

static enum reduction reduction_of(const struct tn_attrs *attrs)
{
    static const char *const names[] = {"none", "add", "mul", "max", "min"};
    uint32_t r = 0;
    while (r < TN_LEN(names) && strcmp(tn_attrs_string(attrs, "reduction"), names[r]) != 0)
        r++;
    return (enum reduction)r;
}

static tn_status scatter_nd_infer(struct tn_infer *ctx)
{
    struct tn_shape part;
    char text[128];
    tn_status st = tuples_infer(ctx, &part);
    if (st == TN_OK)
        st = tn_infer_same_dtype(ctx, 0, 2);
    if (st != TN_OK)
        return st;
    if (!tn_shape_equal(&part, &ctx->in[2]->shape))
        return tn_infer_fail(ctx, "updates must be %s: a slice of x for each tuple",
                             tn_shape_format(&part, text, sizeof(text)));
    enum reduction reduction = reduction_of(ctx->attrs);
    if (reduction == REDUCE_UNKNOWN)
        return tn_infer_fail(ctx, "reduction is '%s'; it must be none, add, mul, max or min",
                             tn_attrs_string(ctx->attrs, "reduction"));
    if (reduction != REDUCE_NONE && ctx->in[0]->dtype == TN_BOOL)
        return tn_infer_fail(ctx, "bool has no %s; cast it to a number first",
                             reduction == REDUCE_ADD ? "sum" : "product, max or min");
    ctx->out[0] = *ctx->in[0];
    return TN_OK;
}

/* y[to] joined with u[from]. */
static void join(enum reduction reduction, const struct tn_ref_tensor *y, int64_t to,
                 const struct tn_ref_tensor *u, int64_t from)
{
    int is_float = tn_dtype_is_float(y->type.dtype);
    double *f = is_float ? &y->data.f[to] : NULL, v = is_float ? u->data.f[from] : 0.0;
    int64_t *i = is_float ? NULL : &y->data.i[to], n = is_float ? 0 : u->data.i[from];
    if (reduction == REDUCE_NONE)
        tn_ops_move(y, to, u, from);
    else if (reduction == REDUCE_ADD)
        tn_ops_add(y, to, u, from);
    else if (reduction == REDUCE_MUL && is_float)
        *f *= v;
    else if (reduction == REDUCE_MUL)
        *i = tn_ops_wrap((int64_t)((uint64_t)*i * (uint64_t)n), y->type.dtype);
    else if (is_float)
        *f = v != v || (reduction == REDUCE_MAX ? v > *f : v < *f) ? v : *f;
    else
        *i = (reduction == REDUCE_MAX ? n > *i : n < *i) ? n : *i;
}

static void scatter_nd_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *x = &ctx->in[0].type.shape;
    struct tuples t = tuples_of(ctx->attrs, x, &ctx->in[1].type.shape);
    const struct tn_ref_tensor *y = &ctx->out[0], *u = &ctx->in[2];
    enum reduction reduction = reduction_of(ctx->attrs);
    tn_ops_copy(ctx);
    for (int64_t i = 0; i < t.n; i++) {
        int64_t row = slice_of(&t, x, ctx->in[1].data.i, i);
        for (int64_t j = 0; row >= 0 && j < t.width; j++)
            join(reduction, y, row * t.width + j, u, i * t.width + j);
    }
}

/* dy for the updates that won, zeros for those that a later one overwrote: the number of each tuple
 * is scattered as its updates are, and compared with what stands there afterwards. */
static tn_value winners_only(const struct tn_grad *ctx, tn_value got)
{
    tn_graph *g = ctx->graph;
    struct tn_shape x = tn_graph_shape(g, ctx->in[0]), ids = tn_graph_shape(g, ctx->in[1]);
    uint32_t b = (uint32_t)tn_attrs_int(ctx->attrs, "batch_dims");
    uint32_t lead = b + (uint32_t)ids.dim[ids.rank - 1], n_tuple = ids.rank - 1;
    struct tn_attr batch = TN_AI("batch_dims", b);
    tn_value none = TN_NONE, number = TN_NONE;
    if (n_tuple == 0)
        return got; /* one tuple */
    struct tn_attr fill[] = {TN_AV("shape", lead, x.dim), TN_AF("value", -1.0),
                             TN_AS("dtype", "i64")};
    struct tn_attr count[] = {TN_AV("shape", n_tuple, ids.dim), TN_AS("dtype", "i64")};
    tn_graph_op(g, "fill", NULL, 0, fill, TN_LEN(fill), &none, 1);
    tn_graph_op(g, "range", NULL, 0, count, TN_LEN(count), &number, 1);
    tn_value last = tn_op3(g, "scatter_nd", none, ctx->in[1], number, &batch, 1);
    last = tn_op2(g, "gather_nd", last, ctx->in[1], &batch, 1);
    tn_value won = tn_op2(g, "equal", last, number, NULL, 0);
    struct tn_shape wide = tn_graph_shape(g, won);
    while (wide.rank < n_tuple + x.rank - lead)
        wide.dim[wide.rank++] = 1;
    won = tn_reshape(g, won, &wide);
    return tn_op3(g, "where", won, got, tn_ops_scalar(ctx, got, 0.0), NULL, 0);
}

/* A node of scatter_nd's indices with another x, updates and reduction; and of gather_nd. */
static tn_value scattered(const struct tn_grad *ctx, tn_value x, tn_value updates,
                          const char *reduction)
{
    struct tn_attr attrs[] = {tn_ops_attr(ctx, "batch_dims"), TN_AS("reduction", reduction)};
    return tn_op3(ctx->graph, "scatter_nd", x, ctx->in[1], updates, attrs, TN_LEN(attrs));
}

static tn_value gathered(const struct tn_grad *ctx, tn_value x)
{
    struct tn_attr batch = tn_ops_attr(ctx, "batch_dims");
    return tn_op2(ctx->graph, "gather_nd", x, ctx->in[1], &batch, 1);
}

static tn_value where(const struct tn_grad *ctx, tn_value cond, tn_value a, tn_value b)
{
    return tn_op3(ctx->graph, "where", cond, a, b, NULL, 0);
}

static tn_value equal(const struct tn_grad *ctx, tn_value a, tn_value b)
{
    return tn_op2(ctx->graph, "equal", a, b, NULL, 0);
}

static void none_gradient(const struct tn_grad *ctx)
{
    tn_value dy = ctx->out_grad[0];
    if (ctx->needed[0])
        ctx->in_grad[0] = scattered(ctx, dy, tn_ops_zeros(ctx, ctx->in[2]), "none");
    if (ctx->needed[2]) {
        tn_value got = gathered(ctx, dy);
        ctx->in_grad[2] = got == TN_NONE ? got : winners_only(ctx, got);
    }
}

static void add_gradient(const struct tn_grad *ctx)
{
    if (ctx->needed[0])
        ctx->in_grad[0] = ctx->out_grad[0];
    if (ctx->needed[2])
        ctx->in_grad[2] = gathered(ctx, ctx->out_grad[0]);
}

/* The product of the other updates is that of all divided by this one; with zeros among them, that
 * of those which are not zero where this is the only zero, else 0. */
static void mul_gradient(const struct tn_grad *ctx)
{
    tn_graph *g = ctx->graph;
    tn_value x = ctx->in[0], u = ctx->in[2], dy = ctx->out_grad[0], zeros = tn_ops_zeros(ctx, x);
    tn_value zero = tn_ops_scalar(ctx, u, 0.0), one = tn_ops_scalar(ctx, u, 1.0);
    tn_value ones = tn_add(g, zeros, one);
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_mul(g, dy, scattered(ctx, ones, u, "mul"));
    if (!ctx->needed[2])
        return;
    tn_value is_zero = equal(ctx, u, zero);
    tn_value own = where(ctx, is_zero, one, zero), factor = where(ctx, is_zero, one, u);
    tn_value alone = equal(ctx, gathered(ctx, scattered(ctx, zeros, own, "add")), own);
    tn_value rest = tn_div(g, gathered(ctx, scattered(ctx, ones, factor, "mul")), factor);
    ctx->in_grad[2] = tn_mul(g, gathered(ctx, tn_mul(g, dy, x)), where(ctx, alone, rest, zero));
}

/* max and min: dy, divided by the number of those equal to y, to each of them; none where y is NaN.
 */
static void extremum_gradient(const struct tn_grad *ctx)
{
    tn_value x = ctx->in[0], u = ctx->in[2], y = ctx->out[0];
    tn_value zero = tn_ops_scalar(ctx, u, 0.0), one = tn_ops_scalar(ctx, u, 1.0);
    tn_value won_x = equal(ctx, x, y), won_u = equal(ctx, u, gathered(ctx, y));
    tn_value n = scattered(ctx, where(ctx, won_x, one, zero), where(ctx, won_u, one, zero), "add");
    tn_value share = tn_div(ctx->graph, ctx->out_grad[0], n);
    if (ctx->needed[0])
        ctx->in_grad[0] = where(ctx, won_x, share, zero);
    if (ctx->needed[2])
        ctx->in_grad[2] = where(ctx, won_u, gathered(ctx, share), zero);
}

static tn_status scatter_nd_gradient(const struct tn_grad *ctx)
{
    static void (*const gradients[])(const struct tn_grad *) = {
        none_gradient, add_gradient, mul_gradient, extremum_gradient, extremum_gradient};
    gradients[reduction_of(ctx->attrs)](ctx);
    return TN_OK;
}

static const char *const scatter_nd_in[] = {"x", "indices", "updates"};
static const struct tn_attr_schema scatter_nd_attrs[] = {
    BATCH_DIMS,
    {.name = "reduction",
     .type = TN_ATTR_STRING,
     .dflt = {.u.s = "none"},
     .doc =
         "none: the last update of a slice wins; add, mul, max, min: joined with what is there, in "
         "order of position"},
};
const struct tn_op tn_op_scatter_nd = {
    .name = "scatter_nd",
    .version = 1,
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .in_names = scatter_nd_in,
    .out_names = tn_ops_out_y,
    .attrs = scatter_nd_attrs,
    .n_attrs = TN_LEN(scatter_nd_attrs),
    .formula =
        "y = x, then y[indices[t, :]] = updates[t], or joined with it by the reduction, t in order",
    .shapes =
        "x any dtype (none alone takes bool), indices as gather_nd's, updates of gather_nd's y's "
        "shape; a tuple with an index outside [-n, n) writes nothing; integers wrap; max and min: "
        "NaN "
        "if either is, and ties share the gradient evenly",
    .infer = scatter_nd_infer,
    .gradient = scatter_nd_gradient,
    .reference = scatter_nd_reference,
};
