/* Cosine embedding loss, PyTorch's: for rows a, b of the last axis and t = 1 or -1,
 *
 *   cos = a.b / sqrt((a.a + e) (b.b + e)), e = 1e-12
 *   loss = 1 - cos where t = 1, max(0, cos - margin) where t = -1, 0 for any other t
 *   dcos/da = b / sqrt((a.a + e) (b.b + e)) - cos a / (a.a + e), and the same with a, b exchanged
 *
 * times the row's weight; reduction none (per row), sum, or mean over the rows. */
#include <math.h>

#include "ops/reduction.h"

static tn_status infer_rows(const struct tn_infer *ctx, uint32_t weight, struct tn_shape *out_rows)
{
    char text[128];
    tn_status st = tn_reduction_infer_pair(ctx);
    if (st == TN_OK)
        st = tn_infer_same_dtype(ctx, 0, 2);
    if (st == TN_OK)
        st = tn_reduction_infer(ctx, 0);
    if (st == TN_OK)
        st = tn_ops_infer_finite(ctx, "margin");
    if (st != TN_OK)
        return st;
    *out_rows = tn_shape_make(ctx->in[0]->shape.dim, ctx->in[0]->shape.rank - 1);
    if (!tn_shape_equal(&ctx->in[2]->shape, out_rows))
        return tn_infer_fail(ctx, "target must have shape %s, a 1 or -1 per row of the last axis",
                             tn_shape_format(out_rows, text, sizeof(text)));
    return tn_reduction_infer_weight(ctx, weight, "weight", out_rows);
}

static tn_status infer_forward(struct tn_infer *ctx)
{
    struct tn_shape rows;
    tn_status st = infer_rows(ctx, 3, &rows);
    if (st == TN_OK)
        ctx->out[0] = (struct tn_type){tn_ops_loss_dtype(ctx->in[0]->dtype),
                                       tn_reduction_shape(tn_reduction_of(ctx->attrs), &rows)};
    return st;
}

static tn_status infer_backward(struct tn_infer *ctx)
{
    struct tn_shape rows;
    tn_status st = infer_rows(ctx, 4, &rows);
    if (st != TN_OK)
        return st;
    struct tn_shape loss = tn_reduction_shape(tn_reduction_of(ctx->attrs), &rows);
    st = tn_ops_infer_dloss(ctx, 3, &loss);
    if (st == TN_OK)
        ctx->out[0] = ctx->out[1] = *ctx->in[0];
    return st;
}

struct row {
    double aa, bb, cos; /* aa, bb with e added */
};

static struct row row_of(const double *a, const double *b, int64_t n)
{
    struct row row = {1e-12, 1e-12, 0};
    for (int64_t i = 0; i < n; i++) {
        row.aa += a[i] * a[i];
        row.bb += b[i] * b[i];
        row.cos += a[i] * b[i];
    }
    row.cos /= sqrt(row.aa * row.bb);
    return row;
}

static void forward_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *s = &ctx->in[0].type.shape;
    int64_t n = s->dim[s->rank - 1], n_rows = ctx->in[2].count;
    enum tn_reduction reduction = tn_reduction_of(ctx->attrs);
    double margin = tn_attrs_float(ctx->attrs, "margin"), sum = 0.0;
    for (int64_t r = 0; r < n_rows; r++) {
        struct row row = row_of(ctx->in[0].data.f + r * n, ctx->in[1].data.f + r * n, n);
        double t = ctx->in[2].data.f[r], loss = 0.0;
        if (t == 1.0)
            loss = 1.0 - row.cos;
        else if (t == -1.0)
            loss = row.cos - margin < 0 ? 0.0 : row.cos - margin;
        loss *= ctx->in[3].data.f ? ctx->in[3].data.f[r] : 1.0;
        if (reduction == TN_REDUCTION_NONE)
            ctx->out[0].data.f[r] = loss;
        sum += loss;
    }
    if (reduction != TN_REDUCTION_NONE)
        ctx->out[0].data.f[0] = reduction == TN_REDUCTION_MEAN ? sum / (double)n_rows : sum;
}

static void backward_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *s = &ctx->in[0].type.shape;
    int64_t n = s->dim[s->rank - 1], n_rows = ctx->in[2].count;
    enum tn_reduction reduction = tn_reduction_of(ctx->attrs);
    double margin = tn_attrs_float(ctx->attrs, "margin");
    for (int64_t r = 0; r < n_rows; r++) {
        const double *a = ctx->in[0].data.f + r * n, *b = ctx->in[1].data.f + r * n;
        struct row row = row_of(a, b, n);
        double t = ctx->in[2].data.f[r], root = sqrt(row.aa * row.bb);
        double d = ctx->in[3].data.f[reduction == TN_REDUCTION_NONE ? r : 0];
        if (reduction == TN_REDUCTION_MEAN)
            d /= (double)n_rows;
        d *= ctx->in[4].data.f ? ctx->in[4].data.f[r] : 1.0;
        d *= t == 1.0 ? -1.0 : t == -1.0 && !(row.cos - margin <= 0) ? 1.0 : 0.0;
        for (int64_t i = 0; i < n; i++) {
            ctx->out[0].data.f[r * n + i] = d * (b[i] / root - row.cos * a[i] / row.aa);
            ctx->out[1].data.f[r * n + i] = d * (a[i] / root - row.cos * b[i] / row.bb);
        }
    }
}

static tn_status forward_gradient(const struct tn_grad *ctx)
{
    if (ctx->needed[2])
        return tn_ops_no_gradient_to(ctx, "target", "it says which rows are alike");
    tn_status st = tn_reduction_no_weight_gradient(ctx, 3);
    if (st != TN_OK || (!ctx->needed[0] && !ctx->needed[1]))
        return st;
    const tn_value in[] = {ctx->in[0], ctx->in[1], ctx->in[2], ctx->out_grad[0], ctx->in[3]};
    tn_value out[2];
    tn_graph_op(ctx->graph, "cosine_embedding_grad", in, TN_LEN(in), ctx->attrs->list,
                ctx->attrs->n, out, 2);
    for (uint32_t i = 0; i < 2; i++)
        if (ctx->needed[i])
            ctx->in_grad[i] = out[i];
    return TN_OK;
}

static const struct tn_attr_schema attrs[] = {
    TN_REDUCTION_ATTR("none", "none: a loss per row; sum; mean of the rows"),
    {.name = "margin",
     .type = TN_ATTR_FLOAT,
     .dflt = {.u.f = 0},
     .doc = "cosine up to which rows of target -1 cost nothing"},
};
static const char *const forward_in[] = {"a", "b", "target", "weight"};
static const char *const backward_in[] = {"a", "b", "target", "dloss", "weight"};
static const char *const forward_out[] = {"loss"}, *const backward_out[] = {"da", "db"};

const struct tn_op tn_op_cosine_embedding = {
    .name = "cosine_embedding",
    .version = 1,
    .min_in = 3,
    .max_in = 4,
    .n_out = 1,
    .in_names = forward_in,
    .out_names = forward_out,
    .attrs = attrs,
    .n_attrs = TN_LEN(attrs),
    .formula = "1 - cos(a, b) where target is 1, max(0, cos(a, b) - margin) where it is -1",
    .shapes = "a, b float [..., D]; target [...] of their dtype, 1 or -1 (else the loss is 0); "
              "weight? [...]; loss f32 (f64 for f64): [...], or a scalar for sum and mean",
    .infer = infer_forward,
    .gradient = forward_gradient,
    .reference = forward_reference,
};
const struct tn_op tn_op_cosine_embedding_grad = {
    .name = "cosine_embedding_grad",
    .version = 1,
    .min_in = 4,
    .max_in = 5,
    .n_out = 2,
    .in_names = backward_in,
    .out_names = backward_out,
    .attrs = attrs,
    .n_attrs = TN_LEN(attrs),
    .formula = "dcos/da = b / sqrt(a.a b.b) - cos a / a.a, times -dloss where target is 1, dloss "
               "where it is -1 and cos above margin",
    .shapes = "as of cosine_embedding; dloss like the loss; da, db like a",
    .infer = infer_backward,
    .no_gradient = TN_OPS_NO_SECOND,
    .reference = backward_reference,
};
