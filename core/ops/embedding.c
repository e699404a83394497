/* Rows of a table by index.
 *
 *   embedding       y[p, :] = table[ids[p], :], zeros for an index outside [0, V)
 *   embedding_grad  dtable[v, :] = sum of dy[p, :] over the positions p with ids[p] = v, in order
 *                   of position; an index outside is ignored
 *
 * The order of the sum is fixed, so that every device gives the same bits on every run. */
#include "ops/util.h"

static tn_status embedding_infer(struct tn_infer *ctx)
{
    tn_status st = tn_infer_float(ctx, 0);
    if (st == TN_OK)
        st = tn_infer_rank(ctx, 0, 2, 2);
    if (st == TN_OK)
        st = tn_ops_infer_index(ctx, 1);
    if (st == TN_OK)
        st = tn_infer_rank(ctx, 1, 0, TN_MAX_RANK - 1);
    if (st != TN_OK)
        return st;
    struct tn_shape y = ctx->in[1]->shape;
    y.dim[y.rank++] = ctx->in[0]->shape.dim[1];
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, y};
    return TN_OK;
}

static void embedding_reference(const struct tn_ref *ctx)
{
    int64_t rows = ctx->in[0].type.shape.dim[0], width = ctx->in[0].type.shape.dim[1];
    for (int64_t p = 0; p < ctx->in[1].count; p++) {
        int64_t id = ctx->in[1].data.i[p];
        for (int64_t d = 0; d < width; d++)
            ctx->out[0].data.f[p * width + d] =
                id >= 0 && id < rows ? ctx->in[0].data.f[id * width + d] : 0.0;
    }
}

static tn_status embedding_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_attr rows = TN_AI("rows", tn_graph_shape(ctx->graph, ctx->in[0]).dim[0]);
    ctx->in_grad[0] = tn_op2(ctx->graph, "embedding_grad", ctx->in[1], ctx->out_grad[0], &rows, 1);
    return TN_OK;
}

static const char *const embedding_in[] = {"table", "ids"};
const struct tn_op tn_op_embedding = {
    .name = "embedding",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .in_names = embedding_in,
    .out_names = tn_ops_out_y,
    .formula = "table[ids], zeros for an index outside the table",
    .shapes = "table [V, D] float, ids [...] i32 or i64; y [..., D]; an id outside [0, V) gives zeros",
    .infer = embedding_infer,
    .gradient = embedding_gradient,
    .reference = embedding_reference,
};

/* --- embedding_grad --- */

static tn_status embedding_grad_infer(struct tn_infer *ctx)
{
    const struct tn_type *ids = ctx->in[0], *dy = ctx->in[1];
    int64_t rows = tn_attrs_int(ctx->attrs, "rows");
    tn_status st = tn_ops_infer_index(ctx, 0);
    if (st == TN_OK)
        st = tn_infer_float(ctx, 1);
    if (st == TN_OK)
        st = tn_infer_rank(ctx, 1, 1, TN_MAX_RANK);
    if (st != TN_OK)
        return st;
    struct tn_shape lead = tn_shape_make(dy->shape.dim, dy->shape.rank - 1);
    if (!tn_shape_equal(&lead, &ids->shape))
        return tn_infer_fail(ctx, "dy must have the shape of ids and one more dim");
    if (rows < 0)
        return tn_infer_fail(ctx, "rows is %lld; it must be the table's row count",
                             (long long)rows);
    int64_t width = dy->shape.dim[dy->shape.rank - 1];
    ctx->out[0] = (struct tn_type){dy->dtype, TN_SHAPE(rows, width)};
    return TN_OK;
}

static void embedding_grad_reference(const struct tn_ref *ctx)
{
    int64_t rows = ctx->out[0].type.shape.dim[0], width = ctx->out[0].type.shape.dim[1];
    tn_ops_clear(&ctx->out[0]);
    for (int64_t p = 0; p < ctx->in[0].count; p++) {
        int64_t id = ctx->in[0].data.i[p];
        if (id < 0 || id >= rows)
            continue;
        for (int64_t d = 0; d < width; d++)
            ctx->out[0].data.f[id * width + d] += ctx->in[1].data.f[p * width + d];
    }
}

static const char *const embedding_grad_in[] = {"ids", "dy"}, *const embedding_grad_out[] = {
                                                                  "dtable"};
static const struct tn_attr_schema embedding_grad_attrs[] = {
    {.name = "rows", .type = TN_ATTR_INT, .required = 1, .doc = "rows of the table"},
};
const struct tn_op tn_op_embedding_grad = {
    .name = "embedding_grad",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .in_names = embedding_grad_in,
    .out_names = embedding_grad_out,
    .attrs = embedding_grad_attrs,
    .n_attrs = 1,
    .formula = "sum of dy over the positions of each id",
    .shapes = "ids [...], dy [..., D] float; dtable [rows, D]; sums in order of position; an id outside is ignored",
    .infer = embedding_grad_infer,
    .no_gradient = TN_OPS_NO_SECOND,
    .reference = embedding_grad_reference,
};
