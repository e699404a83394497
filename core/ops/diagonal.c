/* Diagonals and triangles of matrices.
 *
 *   diagonal       y[..., i] = x with index i + max(0, -offset) along axis1 and i + max(0, offset)
 *                  along axis2, as NumPy's diagonal       dx = zeros with dy there (diagonal_grad)
 *   diagonal_grad  linear in dy, so its own gradient is the diagonal again
 *   trilu          y = x where column - row <= k (upper: >= k), else 0, as ONNX Trilu
 *                                                          dx = dy cut likewise */
#include "ops/util.h"

struct diagonal {
    uint32_t axis1, axis2;
    int64_t skip1, skip2, length;
};

static tn_status diagonal_of(const struct tn_infer *ctx, const struct tn_shape *x,
                             struct diagonal *out)
{
    struct diagonal d;
    tn_status st = tn_infer_axis(ctx, tn_attrs_int(ctx->attrs, "axis1"), x->rank, &d.axis1);
    if (st == TN_OK)
        st = tn_infer_axis(ctx, tn_attrs_int(ctx->attrs, "axis2"), x->rank, &d.axis2);
    if (st != TN_OK)
        return st;
    if (d.axis1 == d.axis2)
        return tn_infer_fail(ctx, "axis1 and axis2 are both axis %u; a diagonal needs two",
                             d.axis1);
    int64_t offset = tn_attrs_int(ctx->attrs, "offset");
    int64_t n1 = x->dim[d.axis1], n2 = x->dim[d.axis2];
    /* Beyond the matrix is empty, however far. */
    offset = offset < -n1 ? -n1 : offset > n2 ? n2 : offset;
    d.skip1 = offset < 0 ? -offset : 0;
    d.skip2 = offset > 0 ? offset : 0;
    d.length = TN_MIN(n1 - d.skip1, n2 - d.skip2);
    *out = d;
    return TN_OK;
}

/* The attributes of a node that has passed its shape rule. */
static struct diagonal diagonal_known(const struct tn_attrs *attrs, const struct tn_shape *x)
{
    struct diagonal d;
    struct tn_infer ctx = {.attrs = attrs};
    diagonal_of(&ctx, x, &d);
    return d;
}

static struct tn_shape diagonal_shape(const struct tn_shape *x, const struct diagonal *d)
{
    struct tn_shape y = {0};
    for (uint32_t k = 0; k < x->rank; k++)
        if (k != d->axis1 && k != d->axis2)
            y.dim[y.rank++] = x->dim[k];
    y.dim[y.rank++] = d->length;
    return y;
}

/* For each element of the diagonals: its offset in the whole. */
static void walk_diagonal(struct tn_walk *w, const struct tn_shape *whole, const struct diagonal *d)
{
    struct tn_shape part = diagonal_shape(whole, d);
    int64_t stride[TN_MAX_RANK];
    tn_ops_strides(whole, stride);
    tn_walk_init(w, &part);
    uint32_t at = 0;
    for (uint32_t k = 0; k < whole->rank; k++)
        if (k != d->axis1 && k != d->axis2)
            w->stride[0][at++] = stride[k];
    w->stride[0][at] = stride[d->axis1] + stride[d->axis2];
    w->at[0] = d->skip1 * stride[d->axis1] + d->skip2 * stride[d->axis2];
}

static tn_status diagonal_infer(struct tn_infer *ctx)
{
    struct diagonal d;
    tn_status st = tn_infer_rank(ctx, 0, 2, TN_MAX_RANK);
    if (st == TN_OK)
        st = diagonal_of(ctx, &ctx->in[0]->shape, &d);
    if (st != TN_OK)
        return st;
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, diagonal_shape(&ctx->in[0]->shape, &d)};
    return TN_OK;
}

static void diagonal_reference(const struct tn_ref *ctx)
{
    struct diagonal d = diagonal_known(ctx->attrs, &ctx->in[0].type.shape);
    struct tn_walk w;
    walk_diagonal(&w, &ctx->in[0].type.shape, &d);
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w))
        tn_ops_move(&ctx->out[0], i, &ctx->in[0], w.at[0]);
}

static tn_status diagonal_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_shape storage;
    struct tn_attr attrs[] = {
        tn_ops_attr(ctx, "offset"),
        tn_ops_attr(ctx, "axis1"),
        tn_ops_attr(ctx, "axis2"),
        tn_grad_shape_attr(ctx, "input_shape", ctx->in[0], &storage),
    };
    ctx->in_grad[0] = tn_op1(ctx->graph, "diagonal_grad", ctx->out_grad[0], attrs, TN_LEN(attrs));
    return TN_OK;
}

#define DIAGONAL_ATTRS                                                                         \
    {.name = "offset",                                                                         \
     .type = TN_ATTR_INT,                                                                      \
     .dflt = {.u.i = 0},                                                                       \
     .doc = "0: the main diagonal; above it positive, below it negative"},                     \
        {.name = "axis1", .type = TN_ATTR_INT, .dflt = {.u.i = 0}, .doc = "axis of the rows"}, \
    {                                                                                          \
        .name = "axis2", .type = TN_ATTR_INT, .dflt = {.u.i = 1}, .doc = "axis of the columns" \
    }

static const struct tn_attr_schema diagonal_attrs[] = {DIAGONAL_ATTRS};
const struct tn_op tn_op_diagonal = {
    .name = "diagonal",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = diagonal_attrs,
    .n_attrs = TN_LEN(diagonal_attrs),
    .formula = "the diagonals of x over two axes",
    .shapes = "x any dtype, rank >= 2; y has x's other axes, then the diagonal; an offset beyond x "
              "gives an empty one",
    .infer = diagonal_infer,
    .gradient = diagonal_gradient,
    .reference = diagonal_reference,
};

/* --- diagonal_grad --- */

static tn_status diagonal_grad_infer(struct tn_infer *ctx)
{
    struct diagonal d;
    struct tn_shape whole;
    char text[128];
    tn_status st = tn_infer_float(ctx, 0);
    if (st == TN_OK)
        st = tn_ops_infer_shape(ctx, "input_shape", &whole);
    if (st == TN_OK && whole.rank < 2)
        st = tn_infer_fail(ctx, "input_shape has %u dims, but 2 to %d are possible", whole.rank,
                           TN_MAX_RANK);
    if (st == TN_OK)
        st = diagonal_of(ctx, &whole, &d);
    if (st != TN_OK)
        return st;
    struct tn_shape part = diagonal_shape(&whole, &d);
    if (!tn_shape_equal(&part, &ctx->in[0]->shape))
        return tn_infer_fail(ctx, "dy must have the diagonal's shape %s",
                             tn_shape_format(&part, text, sizeof(text)));
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, whole};
    return TN_OK;
}

static void diagonal_grad_reference(const struct tn_ref *ctx)
{
    struct diagonal d = diagonal_known(ctx->attrs, &ctx->out[0].type.shape);
    struct tn_walk w;
    tn_ops_clear(&ctx->out[0]);
    walk_diagonal(&w, &ctx->out[0].type.shape, &d);
    for (int64_t i = 0; i < ctx->in[0].count; i++, tn_walk_next(&w))
        tn_ops_move(&ctx->out[0], w.at[0], &ctx->in[0], i);
}

static tn_status diagonal_grad_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_attr attrs[] = {tn_ops_attr(ctx, "offset"), tn_ops_attr(ctx, "axis1"),
                              tn_ops_attr(ctx, "axis2")};
    ctx->in_grad[0] = tn_op1(ctx->graph, "diagonal", ctx->out_grad[0], attrs, TN_LEN(attrs));
    return TN_OK;
}

static const char *const diagonal_grad_in[] = {"dy"};
static const struct tn_attr_schema diagonal_grad_attrs[] = {
    {.name = "input_shape",
     .type = TN_ATTR_INTS,
     .required = 1,
     .doc = "shape of diagonal's input"},
    DIAGONAL_ATTRS,
};
const struct tn_op tn_op_diagonal_grad = {
    .name = "diagonal_grad",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = diagonal_grad_in,
    .out_names = tn_ops_out_dx,
    .attrs = diagonal_grad_attrs,
    .n_attrs = TN_LEN(diagonal_grad_attrs),
    .formula = "zeros with dy written on the diagonals",
    .shapes = "dy float, of diagonal's shape; dx `input_shape`",
    .infer = diagonal_grad_infer,
    .gradient = diagonal_grad_gradient,
    .reference = diagonal_grad_reference,
};

/* --- trilu --- */

static tn_status trilu_infer(struct tn_infer *ctx)
{
    ctx->out[0] = *ctx->in[0];
    return tn_infer_rank(ctx, 0, 2, TN_MAX_RANK);
}

static void trilu_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *s = &ctx->in[0].type.shape;
    int64_t rows = s->dim[s->rank - 2], cols = s->dim[s->rank - 1];
    int64_t k = tn_attrs_int(ctx->attrs, "k");
    int upper = tn_attrs_int(ctx->attrs, "upper") != 0;
    tn_ops_clear(&ctx->out[0]);
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        int64_t above = i % cols - i / cols % rows; /* column - row */
        if (upper ? above >= k : above <= k)
            tn_ops_move(&ctx->out[0], i, &ctx->in[0], i);
    }
}

static tn_status trilu_gradient(const struct tn_grad *ctx)
{
    struct tn_attr attrs[] = {tn_ops_attr(ctx, "upper"), tn_ops_attr(ctx, "k")};
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op1(ctx->graph, "trilu", ctx->out_grad[0], attrs, TN_LEN(attrs));
    return TN_OK;
}

static const struct tn_attr_schema trilu_attrs[] = {
    {.name = "upper",
     .type = TN_ATTR_INT,
     .dflt = {.u.i = 1},
     .doc = "1: keep the upper triangle, 0: the lower"},
    {.name = "k",
     .type = TN_ATTR_INT,
     .dflt = {.u.i = 0},
     .doc = "diagonal that bounds the triangle and belongs to it; above the main one positive"},
};
const struct tn_op tn_op_trilu = {
    .name = "trilu",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = trilu_attrs,
    .n_attrs = TN_LEN(trilu_attrs),
    .formula = "x in the triangle column - row >= k (lower: <= k), else 0",
    .shapes = "x [..., rows, columns] any dtype; y like x",
    .infer = trilu_infer,
    .gradient = trilu_gradient,
    .reference = trilu_reference,
};
