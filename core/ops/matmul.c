/* Matrix product over the last two dims, batch dims broadcast as in NumPy's matmul.
 *
 *   y[..., m, n] = sum_k A[..., m, k] B[..., k, n],   A = a or its transpose, B likewise
 *
 *   dA = dy B^T, dB = A^T dy, written so that no transpose is ever stored:
 *     a plain:       da = dy B^T          b plain:       db = A^T dy
 *     a transposed:  da = B dy^T          b transposed:  db = dy^T A
 *   and summed over the batch dims that were broadcast. */
#include <string.h>

#include "ops/util.h"

static struct tn_shape batch_dims(const struct tn_shape *s)
{
    return tn_shape_make(s->dim, s->rank - 2);
}

static tn_status matmul_infer(struct tn_infer *ctx)
{
    tn_status st = tn_infer_float(ctx, 0);
    for (uint32_t i = 0; st == TN_OK && i < 2; i++)
        st = tn_infer_rank(ctx, i, 2, TN_MAX_RANK);
    if (st == TN_OK)
        st = tn_infer_same_dtype(ctx, 0, 1);
    if (st != TN_OK)
        return st;
    int ta = tn_attrs_int(ctx->attrs, "trans_a") != 0,
        tb = tn_attrs_int(ctx->attrs, "trans_b") != 0;
    const struct tn_shape *a = &ctx->in[0]->shape, *b = &ctx->in[1]->shape;
    const int64_t *da = a->dim + a->rank - 2, *db = b->dim + b->rank - 2;
    if (da[!ta] != db[tb])
        return tn_infer_fail(ctx,
                             "a has %lld columns%s but b has %lld rows%s; the inner dims must be "
                             "equal",
                             (long long)da[!ta], ta ? " (transposed)" : "", (long long)db[tb],
                             tb ? " (transposed)" : "");
    struct tn_shape batch_a = batch_dims(a), batch_b = batch_dims(b), y;
    st = tn_ops_broadcast(ctx, &batch_a, &batch_b, &y);
    if (st != TN_OK)
        return st;
    y.dim[y.rank++] = da[ta];
    y.dim[y.rank++] = db[!tb];
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, y};
    return TN_OK;
}

/* y (M, N) += A (M, K) B (K, N), element strides (row, column) given for A and B. */
static void multiply(double *restrict y, const double *a, const double *b, const int64_t mnk[3],
                     const int64_t a_stride[2], const int64_t b_stride[2])
{
    for (int64_t m = 0; m < mnk[0]; m++)
        for (int64_t k = 0; k < mnk[2]; k++) {
            double left = a[m * a_stride[0] + k * a_stride[1]];
            for (int64_t n = 0; n < mnk[1]; n++)
                y[m * mnk[1] + n] += left * b[k * b_stride[0] + n * b_stride[1]];
        }
}

static void matmul_reference(const struct tn_ref *ctx)
{
    int ta = tn_attrs_int(ctx->attrs, "trans_a") != 0,
        tb = tn_attrs_int(ctx->attrs, "trans_b") != 0;
    const struct tn_shape *a = &ctx->in[0].type.shape, *b = &ctx->in[1].type.shape;
    const struct tn_shape *y = &ctx->out[0].type.shape;
    const int64_t *da = a->dim + a->rank - 2, *db = b->dim + b->rank - 2;
    int64_t mnk[3] = {da[ta], db[!tb], da[!ta]};
    int64_t a_stride[2] = {ta ? 1 : da[1], ta ? da[1] : 1};
    int64_t b_stride[2] = {tb ? 1 : db[1], tb ? db[1] : 1};
    struct tn_shape batch = batch_dims(y), batch_a = batch_dims(a), batch_b = batch_dims(b);
    struct tn_walk w;
    tn_walk_init(&w, &batch);
    tn_walk_broadcast(&w, 0, &batch_a);
    tn_walk_broadcast(&w, 1, &batch_b);
    if (ctx->out[0].count == 0)
        return;
    memset(ctx->out[0].data.f, 0, sizeof(double) * (size_t)ctx->out[0].count);
    int64_t n_batch = tn_ops_product(&batch, 0, batch.rank);
    for (int64_t i = 0; i < n_batch; i++, tn_walk_next(&w))
        multiply(ctx->out[0].data.f + i * mnk[0] * mnk[1],
                 ctx->in[0].data.f + w.at[0] * da[0] * da[1],
                 ctx->in[1].data.f + w.at[1] * db[0] * db[1], mnk, a_stride, b_stride);
}

static tn_status matmul_gradient(const struct tn_grad *ctx)
{
    tn_graph *g = ctx->graph;
    tn_value a = ctx->in[0], b = ctx->in[1], dy = ctx->out_grad[0];
    int ta = tn_attrs_int(ctx->attrs, "trans_a") != 0,
        tb = tn_attrs_int(ctx->attrs, "trans_b") != 0;
    if (ctx->needed[0]) {
        tn_value da = ta ? tn_matmul(g, b, dy, tb, 1) : tn_matmul(g, dy, b, 0, !tb);
        ctx->in_grad[0] = tn_grad_unbroadcast(ctx, da, a);
    }
    if (ctx->needed[1]) {
        tn_value db = tb ? tn_matmul(g, dy, a, 1, ta) : tn_matmul(g, a, dy, !ta, 0);
        ctx->in_grad[1] = tn_grad_unbroadcast(ctx, db, b);
    }
    return TN_OK;
}

static const struct tn_attr_schema matmul_attrs[] = {
    {.name = "trans_a", .type = TN_ATTR_INT, .doc = "1: the last two dims of a are swapped"},
    {.name = "trans_b", .type = TN_ATTR_INT, .doc = "1: the last two dims of b are swapped"},
};
const struct tn_op tn_op_matmul = {
    .name = "matmul",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .in_names = tn_ops_in_ab,
    .out_names = tn_ops_out_y,
    .attrs = matmul_attrs,
    .n_attrs = TN_LEN(matmul_attrs),
    .formula = "sum_k a[..., m, k] b[..., k, n]",
    .infer = matmul_infer,
    .gradient = matmul_gradient,
    .reference = matmul_reference,
};
