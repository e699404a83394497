/* Slices by a tuple of indices, as ONNX GatherND and ScatterND. An index i in [-n, 0) means n + i.
 *
 * With b = batch_dims, K the last dim of indices: tuple t = indices[t_0 .. t_q, :] names the slice
 * x[t_0 .. t_{b-1}, t's K numbers], which has the shape x.shape[b + K:].
 *
 *   gather_nd        y[t] = the slice that t names
 *                    dx = scatter_nd of dy into zeros
 *   scatter_nd none  y = x, then y[slice of t] = updates[t], in order of position: the last wins
 *                    dx = dy, zeros where an update was written; dupdates = gather_nd of dy for
 *                    the updates that won, else 0
 *   scatter_nd add   y = x, then y[slice of t] += updates[t], in order of position
 *                    dx = dy; dupdates = gather_nd of dy
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

static int adds(const struct tn_attrs *attrs)
{
    return strcmp(tn_attrs_string(attrs, "reduction"), "add") == 0;
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
    if (!adds(ctx->attrs) && strcmp(tn_attrs_string(ctx->attrs, "reduction"), "none") != 0)
        return tn_infer_fail(ctx, "reduction is '%s'; it must be none or add",
                             tn_attrs_string(ctx->attrs, "reduction"));
    if (adds(ctx->attrs) && ctx->in[0]->dtype == TN_BOOL)
        return tn_infer_fail(ctx, "bool has no sum; cast it to a number first");
    ctx->out[0] = *ctx->in[0];
    return TN_OK;
}

static void scatter_nd_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *x = &ctx->in[0].type.shape;
    struct tuples t = tuples_of(ctx->attrs, x, &ctx->in[1].type.shape);
    const struct tn_ref_tensor *y = &ctx->out[0], *u = &ctx->in[2];
    int add = adds(ctx->attrs);
    tn_ops_copy(ctx);
    for (int64_t i = 0; i < t.n; i++) {
        int64_t row = slice_of(&t, x, ctx->in[1].data.i, i);
        for (int64_t j = 0; row >= 0 && j < t.width; j++) {
            int64_t to = row * t.width + j, from = i * t.width + j;
            (add ? tn_ops_add : tn_ops_move)(y, to, u, from);
        }
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

static tn_status scatter_nd_gradient(const struct tn_grad *ctx)
{
    struct tn_attr batch = tn_ops_attr(ctx, "batch_dims");
    tn_value dy = ctx->out_grad[0];
    int add = adds(ctx->attrs);
    if (ctx->needed[0])
        ctx->in_grad[0] = add ? dy
                              : tn_op3(ctx->graph, "scatter_nd", dy, ctx->in[1],
                                       tn_ops_zeros(ctx, ctx->in[2]), &batch, 1);
    if (ctx->needed[2]) {
        tn_value got = tn_op2(ctx->graph, "gather_nd", dy, ctx->in[1], &batch, 1);
        ctx->in_grad[2] = add || got == TN_NONE ? got : winners_only(ctx, got);
    }
    return TN_OK;
}

static const char *const scatter_nd_in[] = {"x", "indices", "updates"};
static const struct tn_attr_schema scatter_nd_attrs[] = {
    BATCH_DIMS,
    {.name = "reduction",
     .type = TN_ATTR_STRING,
     .dflt = {.u.s = "none"},
     .doc = "none: the last update of a slice wins; add: they are added in order of position"},
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
    .formula = "y = x, then y[indices[t, :]] = updates[t], or += with reduction add, t in order",
    .shapes =
        "x any dtype (add: no bool), indices as gather_nd's, updates of gather_nd's y's shape; a "
        "tuple with an index outside [-n, n) writes nothing",
    .infer = scatter_nd_infer,
    .gradient = scatter_nd_gradient,
    .reference = scatter_nd_reference,
};
