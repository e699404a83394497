/* Matrix product over the last two dims, batch dims broadcast, vectors as in NumPy's matmul; with
 * alpha, beta and c as in ONNX Gemm.
 *
 *   y[..., m, n] = alpha sum_k A[..., m, k] B[..., k, n] + beta c,  A = a or its transpose, B
 * likewise
 *
 *   dA = alpha dy B^T, dB = alpha A^T dy, dc = beta dy, written so that no transpose is ever
 * stored: a plain:       da = dy B^T          b plain:       db = A^T dy a transposed:  da = B dy^T
 * b transposed:  db = dy^T A and summed over the dims that were broadcast. A vector a is a matrix
 * of one row, a vector b of one column; y then lacks that dim. */
#include "ops/util.h"

static struct tn_shape batch_dims(const struct tn_shape *s)
{
    return tn_shape_make(s->dim, s->rank - 2);
}

/* A vector as the matrix it stands for; a matrix as it is. */
static struct tn_shape as_matrix(const struct tn_shape *s, int is_column)
{
    if (s->rank != 1)
        return *s;
    return is_column ? TN_SHAPE(s->dim[0], 1) : TN_SHAPE(1, s->dim[0]);
}

struct product {
    struct tn_shape a, b; /* matrices */
    struct tn_shape y;    /* before vectors' dims are taken out */
    int a_vector, b_vector, ta, tb;
};

static tn_status check_c(const struct tn_infer *ctx, const struct tn_shape *y)
{
    char text[128];
    if (!ctx->in[2])
        return TN_OK;
    const struct tn_shape *c = &ctx->in[2]->shape;
    int fits = c->rank <= y->rank;
    for (uint32_t d = 0; fits && d < c->rank; d++)
        fits = c->dim[d] == 1 || c->dim[d] == y->dim[y->rank - c->rank + d];
    if (!fits)
        return tn_infer_fail(ctx, "c does not broadcast to the product's shape %s",
                             tn_shape_format(y, text, sizeof(text)));
    return tn_infer_same_dtype(ctx, 0, 2);
}

static tn_status check_inner(const struct tn_infer *ctx, const struct product *p)
{
    const int64_t *da = p->a.dim + p->a.rank - 2, *db = p->b.dim + p->b.rank - 2;
    if ((p->ta && p->a_vector) || (p->tb && p->b_vector))
        return tn_infer_fail(ctx, "%s is a vector: it has no dims to swap; leave trans_%s out",
                             p->ta && p->a_vector ? "a" : "b", p->ta && p->a_vector ? "a" : "b");
    if (da[!p->ta] != db[p->tb])
        return tn_infer_fail(ctx,
                             "a has %lld columns%s but b has %lld rows%s; the inner dims must be "
                             "equal",
                             (long long)da[!p->ta], p->ta ? " (transposed)" : "",
                             (long long)db[p->tb], p->tb ? " (transposed)" : "");
    return TN_OK;
}

static struct product product_of(const struct tn_attrs *attrs, const struct tn_shape *a,
                                 const struct tn_shape *b)
{
    return (struct product){.a = as_matrix(a, 0),
                            .b = as_matrix(b, 1),
                            .a_vector = a->rank == 1,
                            .b_vector = b->rank == 1,
                            .ta = tn_attrs_int(attrs, "trans_a") != 0,
                            .tb = tn_attrs_int(attrs, "trans_b") != 0};
}

/* Integers wrap, so that they take no factors that are not whole. */
static tn_status check_dtype(const struct tn_infer *ctx)
{
    tn_dtype t = ctx->in[0]->dtype;
    if (tn_dtype_is_float(t))
        return TN_OK;
    if (t != TN_I32 && t != TN_I64)
        return tn_infer_fail(ctx, "a is %s; it must be a float type, i32 or i64: cast it first",
                             tn_dtype_name(t));
    if (tn_attrs_float(ctx->attrs, "alpha") != 1.0 || tn_attrs_float(ctx->attrs, "beta") != 1.0)
        return tn_infer_fail(ctx, "alpha and beta must be 1 for %s", tn_dtype_name(t));
    return TN_OK;
}

static tn_status matmul_infer(struct tn_infer *ctx)
{
    tn_status st = check_dtype(ctx);
    for (uint32_t i = 0; st == TN_OK && i < 2; i++)
        st = tn_infer_rank(ctx, i, 1, TN_MAX_RANK);
    if (st == TN_OK)
        st = tn_infer_same_dtype(ctx, 0, 1);
    if (st != TN_OK)
        return st;
    struct product p = product_of(ctx->attrs, &ctx->in[0]->shape, &ctx->in[1]->shape);
    st = check_inner(ctx, &p);
    struct tn_shape batch_a = batch_dims(&p.a), batch_b = batch_dims(&p.b), y;
    if (st == TN_OK)
        st = tn_ops_broadcast(ctx, &batch_a, &batch_b, &y);
    if (st != TN_OK)
        return st;
    if (!p.a_vector)
        y.dim[y.rank++] = p.a.dim[p.a.rank - 2 + (uint32_t)p.ta];
    if (!p.b_vector)
        y.dim[y.rank++] = p.b.dim[p.b.rank - 2 + (uint32_t)!p.tb];
    st = check_c(ctx, &y);
    if (st == TN_OK)
        ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, y};
    return st;
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

static void multiply_integers(int64_t *restrict y, const int64_t *a, const int64_t *b,
                              const int64_t mnk[3], const int64_t a_stride[2],
                              const int64_t b_stride[2])
{
    for (int64_t m = 0; m < mnk[0]; m++)
        for (int64_t n = 0; n < mnk[1]; n++) {
            uint64_t sum = 0;
            for (int64_t k = 0; k < mnk[2]; k++)
                sum += (uint64_t)a[m * a_stride[0] + k * a_stride[1]] *
                       (uint64_t)b[k * b_stride[0] + n * b_stride[1]];
            y[m * mnk[1] + n] = (int64_t)sum;
        }
}

/* y = y + c, which wraps */
static void add_integers(const struct tn_ref *ctx)
{
    const int64_t *c = ctx->in[2].data.i;
    struct tn_walk w;
    tn_walk_init(&w, &ctx->out[0].type.shape);
    if (c)
        tn_walk_broadcast(&w, 0, &ctx->in[2].type.shape);
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w)) {
        uint64_t sum = (uint64_t)ctx->out[0].data.i[i] + (c ? (uint64_t)c[w.at[0]] : 0);
        ctx->out[0].data.i[i] = tn_ops_wrap((int64_t)sum, ctx->out[0].type.dtype);
    }
}

/* y = alpha y + beta c */
static void scale_and_add(const struct tn_ref *ctx)
{
    double alpha = tn_attrs_float(ctx->attrs, "alpha"), beta = tn_attrs_float(ctx->attrs, "beta");
    const double *c = ctx->in[2].data.f;
    struct tn_walk w;
    tn_walk_init(&w, &ctx->out[0].type.shape);
    if (c)
        tn_walk_broadcast(&w, 0, &ctx->in[2].type.shape);
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w)) {
        double product = alpha * ctx->out[0].data.f[i];
        ctx->out[0].data.f[i] = c ? product + beta * c[w.at[0]] : product;
    }
}

static void matmul_reference(const struct tn_ref *ctx)
{
    struct product p = product_of(ctx->attrs, &ctx->in[0].type.shape, &ctx->in[1].type.shape);
    const int64_t *da = p.a.dim + p.a.rank - 2, *db = p.b.dim + p.b.rank - 2;
    int64_t mnk[3] = {da[p.ta], db[!p.tb], da[!p.ta]};
    int64_t a_stride[2] = {p.ta ? 1 : da[1], p.ta ? da[1] : 1};
    int64_t b_stride[2] = {p.tb ? 1 : db[1], p.tb ? db[1] : 1};
    struct tn_shape batch_a = batch_dims(&p.a), batch_b = batch_dims(&p.b);
    struct tn_shape batch = ctx->out[0].type.shape;
    batch.rank -= (uint32_t)(!p.a_vector + !p.b_vector);
    struct tn_walk w;
    tn_walk_init(&w, &batch);
    tn_walk_broadcast(&w, 0, &batch_a);
    tn_walk_broadcast(&w, 1, &batch_b);
    if (ctx->out[0].count == 0)
        return;
    int is_float = tn_dtype_is_float(ctx->out[0].type.dtype);
    tn_ops_clear(&ctx->out[0]);
    int64_t n_batch = tn_ops_product(&batch, 0, batch.rank);
    for (int64_t i = 0; i < n_batch; i++, tn_walk_next(&w)) {
        int64_t y = i * mnk[0] * mnk[1], a = w.at[0] * da[0] * da[1], b = w.at[1] * db[0] * db[1];
        if (is_float)
            multiply(ctx->out[0].data.f + y, ctx->in[0].data.f + a, ctx->in[1].data.f + b, mnk,
                     a_stride, b_stride);
        else
            multiply_integers(ctx->out[0].data.i + y, ctx->in[0].data.i + a, ctx->in[1].data.i + b,
                              mnk, a_stride, b_stride);
    }
    (is_float ? scale_and_add : add_integers)(ctx);
}

/* dy with the dims that vectors took out put back as 1. */
static tn_value dy_as_matrix(const struct tn_grad *ctx, int a_vector, int b_vector)
{
    struct tn_shape y = tn_graph_shape(ctx->graph, ctx->out_grad[0]);
    if (!a_vector && !b_vector)
        return ctx->out_grad[0];
    if (b_vector)
        y.dim[y.rank++] = 1;
    if (a_vector) {
        y.dim[y.rank] = y.dim[y.rank - 1]; /* n, or b's 1 */
        y.dim[y.rank - 1] = 1;
        y.rank++;
    }
    return tn_reshape(ctx->graph, ctx->out_grad[0], &y);
}

/* alpha times the product of two operands, summed and shaped like the forward operand. */
static tn_value operand_grad(const struct tn_grad *ctx, uint32_t input, tn_value left,
                             tn_value right, int trans_left, int trans_right)
{
    const struct tn_attr attr[] = {TN_AI("trans_a", trans_left), TN_AI("trans_b", trans_right),
                                   tn_ops_attr(ctx, "alpha")};
    tn_value like = ctx->in[input], d = tn_op2(ctx->graph, "matmul", left, right, attr, 3);
    struct tn_shape to = tn_graph_shape(ctx->graph, like), from = tn_graph_shape(ctx->graph, d);
    if (to.rank != 1)
        return tn_grad_unbroadcast(ctx, d, like);
    int64_t axes[TN_MAX_RANK];
    for (uint32_t i = 0; i + 2 < from.rank; i++)
        axes[i] = i;
    if (from.rank > 2)
        d = tn_sum(ctx->graph, d, axes, from.rank - 2, 0);
    return tn_reshape(ctx->graph, d, &to);
}

static tn_value matrix_value(const struct tn_grad *ctx, uint32_t input)
{
    struct tn_shape s = tn_graph_shape(ctx->graph, ctx->in[input]);
    struct tn_shape matrix = as_matrix(&s, input == 1);
    return s.rank == 1 ? tn_reshape(ctx->graph, ctx->in[input], &matrix) : ctx->in[input];
}

static tn_status matmul_gradient(const struct tn_grad *ctx)
{
    tn_graph *g = ctx->graph;
    int ta = tn_attrs_int(ctx->attrs, "trans_a") != 0,
        tb = tn_attrs_int(ctx->attrs, "trans_b") != 0;
    if (ctx->needed[0] || ctx->needed[1]) {
        int a_vector = tn_graph_shape(g, ctx->in[0]).rank == 1;
        int b_vector = tn_graph_shape(g, ctx->in[1]).rank == 1;
        tn_value a = matrix_value(ctx, 0), b = matrix_value(ctx, 1);
        tn_value dy = dy_as_matrix(ctx, a_vector, b_vector);
        if (ctx->needed[0])
            ctx->in_grad[0] =
                ta ? operand_grad(ctx, 0, b, dy, tb, 1) : operand_grad(ctx, 0, dy, b, 0, !tb);
        if (ctx->needed[1])
            ctx->in_grad[1] =
                tb ? operand_grad(ctx, 1, dy, a, 1, ta) : operand_grad(ctx, 1, a, dy, !ta, 0);
    }
    if (ctx->needed[2]) {
        double beta = tn_attrs_float(ctx->attrs, "beta");
        tn_value dc = ctx->out_grad[0];
        if (beta != 1.0)
            dc = tn_mul(g, dc, tn_ops_scalar(ctx, dc, beta));
        ctx->in_grad[2] = tn_grad_unbroadcast(ctx, dc, ctx->in[2]);
    }
    return TN_OK;
}

static const struct tn_attr_schema matmul_attrs[] = {
    {.name = "trans_a", .type = TN_ATTR_INT, .doc = "1: the last two dims of a are swapped"},
    {.name = "trans_b", .type = TN_ATTR_INT, .doc = "1: the last two dims of b are swapped"},
    {.name = "alpha", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 1.0}, .doc = "factor of the product"},
    {.name = "beta", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 1.0}, .doc = "factor of c"},
};
static const char *const matmul_in[] = {"a", "b", "c"};
const struct tn_op tn_op_matmul = {
    .name = "matmul",
    .version = 1,
    .min_in = 2,
    .max_in = 3,
    .n_out = 1,
    .in_names = matmul_in,
    .out_names = tn_ops_out_y,
    .attrs = matmul_attrs,
    .n_attrs = TN_LEN(matmul_attrs),
    .formula = "alpha sum_k a[..., m, k] b[..., k, n] + beta c",
    .shapes =
        "a [..., M, K], b [..., K, N] of one type, float, i32 or i64 (which wrap, with alpha and "
        "beta 1); batch dims broadcast; a vector a is [1, K], a vector b [K, 1], and y lacks that "
        "dim; c, which may be absent, broadcasts to y [..., M, N]",
    .infer = matmul_infer,
    .gradient = matmul_gradient,
    .reference = matmul_reference,
};
