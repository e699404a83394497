/* The same elements under another shape, or in another order.
 *
 *   reshape, identity   the input's bytes (alias: never executed)   dx = dy in x's shape
 *   stop_gradient       the input's bytes (alias)                   dx = 0
 *   expand              x broadcast to `shape` as NumPy's broadcast_to; dx = dy summed back
 *   transpose           y[i_perm[0], i_perm[1], ...] = x[i_0, i_1, ...], as NumPy's transpose;
 *                       dx = dy transposed by the inverse permutation */
#include "ops/util.h"

/* --- reshape --- */

static tn_status reshape_infer(struct tn_infer *ctx)
{
    uint32_t rank, guess = UINT32_MAX;
    const int64_t *want = tn_attrs_ints(ctx->attrs, "shape", &rank);
    if (rank > TN_MAX_RANK)
        return tn_infer_fail(ctx, "a shape of %u dims is too long: the limit is %d", rank,
                             TN_MAX_RANK);
    const struct tn_shape *x = &ctx->in[0]->shape;
    struct tn_shape y = tn_shape_make(want, rank);
    char text[128];
    for (uint32_t d = 0; d < rank; d++) {
        if (y.dim[d] >= 0)
            continue;
        if (y.dim[d] != -1 || guess != UINT32_MAX)
            return tn_infer_fail(ctx, "shape %s: one dim may be -1, the others must be >= 0",
                                 tn_ops_format_ints(want, rank, text, sizeof(text)));
        guess = d;
        y.dim[d] = 1;
    }
    int64_t have = tn_ops_product(x, 0, x->rank), n;
    if (tn_shape_count(&y, &n) != TN_OK)
        return tn_infer_fail(ctx, "shape has more elements than 2^63");
    if (guess != UINT32_MAX && n > 0 && have % n == 0)
        y.dim[guess] = have / n;
    else if (guess != UINT32_MAX || n != have)
        return tn_infer_fail(ctx, "%lld elements do not fit shape %s; the products must be equal",
                             (long long)have, tn_ops_format_ints(want, rank, text, sizeof(text)));
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, y};
    return TN_OK;
}

static const struct tn_attr_schema reshape_attrs[] = {
    {.name = "shape",
     .type = TN_ATTR_INTS,
     .required = 1,
     .doc = "the new dims; one may be -1 and is then worked out"},
};
const struct tn_op tn_op_reshape = {
    .name = "reshape",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .flags = TN_OP_ALIAS,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = reshape_attrs,
    .n_attrs = 1,
    .formula = "the elements of x under another shape",
    .shapes = "x any dtype; y as many elements, `shape`",
    .infer = reshape_infer,
    .gradient = tn_ops_reshape_gradient,
    .reference = tn_ops_copy,
};

/* --- identity, stop_gradient --- */

static tn_status identity_infer(struct tn_infer *ctx)
{
    ctx->out[0] = *ctx->in[0];
    return TN_OK;
}

static tn_status identity_gradient(const struct tn_grad *ctx)
{
    if (ctx->needed[0])
        ctx->in_grad[0] = ctx->out_grad[0];
    return TN_OK;
}

static tn_status stop_gradient_gradient(const struct tn_grad *ctx)
{
    return TN_OK; /* in_grad stays TN_NONE: zero */
}

const struct tn_op tn_op_identity = {
    .name = "identity",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .flags = TN_OP_ALIAS,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .formula = "x",
    .shapes = "x any dtype; y like x",
    .infer = identity_infer,
    .gradient = identity_gradient,
    .reference = tn_ops_copy,
};
const struct tn_op tn_op_stop_gradient = {
    .name = "stop_gradient",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .flags = TN_OP_ALIAS,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .formula = "x; no gradient passes",
    .shapes = "x any dtype; y like x",
    .infer = identity_infer,
    .gradient = stop_gradient_gradient,
    .reference = tn_ops_copy,
};

/* --- expand --- */

static tn_status expand_infer(struct tn_infer *ctx)
{
    uint32_t rank;
    const int64_t *want = tn_attrs_ints(ctx->attrs, "shape", &rank);
    const struct tn_shape *x = &ctx->in[0]->shape;
    char text[128];
    if (rank > TN_MAX_RANK || rank < x->rank)
        return tn_infer_fail(ctx, "shape %s has %u dims, but %u to %d are possible",
                             tn_ops_format_ints(want, rank, text, sizeof(text)), rank, x->rank,
                             TN_MAX_RANK);
    uint32_t lead = rank - x->rank;
    for (uint32_t d = 0; d < rank; d++)
        if (want[d] < 0 || (d >= lead && x->dim[d - lead] != 1 && x->dim[d - lead] != want[d]))
            return tn_infer_fail(ctx,
                                 "x does not broadcast to shape %s at dim %u: only a dim of 1 can "
                                 "be expanded",
                                 tn_ops_format_ints(want, rank, text, sizeof(text)), d);
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, tn_shape_make(want, rank)};
    int64_t n;
    if (tn_shape_count(&ctx->out[0].shape, &n) != TN_OK)
        return tn_infer_fail(ctx, "shape has more elements than 2^63");
    return TN_OK;
}

static tn_status expand_gradient(const struct tn_grad *ctx)
{
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_grad_unbroadcast(ctx, ctx->out_grad[0], ctx->in[0]);
    return TN_OK;
}

static void expand_reference(const struct tn_ref *ctx)
{
    struct tn_walk w;
    tn_walk_init(&w, &ctx->out[0].type.shape);
    tn_walk_broadcast(&w, 0, &ctx->in[0].type.shape);
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w))
        tn_ops_move(&ctx->out[0], i, &ctx->in[0], w.at[0]);
}

static const struct tn_attr_schema expand_attrs[] = {
    {.name = "shape", .type = TN_ATTR_INTS, .required = 1, .doc = "the shape to broadcast to"},
};
const struct tn_op tn_op_expand = {
    .name = "expand",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = expand_attrs,
    .n_attrs = 1,
    .formula = "x broadcast to shape",
    .shapes = "x any dtype, broadcast as NumPy's broadcast_to; `shape` has at least x's rank",
    .infer = expand_infer,
    .gradient = expand_gradient,
    .reference = expand_reference,
};

/* --- transpose --- */

/* perm with negative axes resolved, or the axes reversed when it is empty. Returns 0 if it is no
 * permutation of `rank` axes. */
static int resolve_perm(const struct tn_attrs *attrs, uint32_t rank, uint32_t out_perm[TN_MAX_RANK])
{
    uint32_t n, seen = 0;
    const int64_t *perm = tn_attrs_ints(attrs, "perm", &n);
    if (n != 0 && n != rank)
        return 0;
    for (uint32_t d = 0; d < rank; d++) {
        int64_t axis = n == 0 ? (int64_t)(rank - 1 - d) : perm[d];
        if (axis < 0)
            axis += rank;
        if (axis < 0 || axis >= rank)
            return 0;
        out_perm[d] = (uint32_t)axis;
        seen |= 1u << axis;
    }
    return seen == (1u << rank) - 1;
}

static tn_status transpose_infer(struct tn_infer *ctx)
{
    uint32_t perm[TN_MAX_RANK], n;
    const struct tn_shape *x = &ctx->in[0]->shape;
    const int64_t *given = tn_attrs_ints(ctx->attrs, "perm", &n);
    char text[128];
    if (!resolve_perm(ctx->attrs, x->rank, perm))
        return tn_infer_fail(
            ctx, "perm %s must name each of the %u axes of x once (empty reverses them)",
            tn_ops_format_ints(given, n, text, sizeof(text)), x->rank);
    ctx->out[0] = *ctx->in[0];
    for (uint32_t d = 0; d < x->rank; d++)
        ctx->out[0].shape.dim[d] = x->dim[perm[d]];
    return TN_OK;
}

static tn_status transpose_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    uint32_t perm[TN_MAX_RANK], rank = tn_graph_shape(ctx->graph, ctx->in[0]).rank;
    int64_t inverse[TN_MAX_RANK] = {0};
    resolve_perm(ctx->attrs, rank, perm);
    for (uint32_t d = 0; d < rank; d++)
        inverse[perm[d]] = d;
    struct tn_attr attr = TN_AV("perm", rank, inverse);
    ctx->in_grad[0] = tn_op1(ctx->graph, "transpose", ctx->out_grad[0], &attr, 1);
    return TN_OK;
}

static void transpose_reference(const struct tn_ref *ctx)
{
    uint32_t perm[TN_MAX_RANK], rank = ctx->in[0].type.shape.rank;
    int64_t stride[TN_MAX_RANK];
    resolve_perm(ctx->attrs, rank, perm);
    tn_ops_strides(&ctx->in[0].type.shape, stride);
    struct tn_walk w;
    tn_walk_init(&w, &ctx->out[0].type.shape);
    for (uint32_t d = 0; d < rank; d++)
        w.stride[0][d] = stride[perm[d]];
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w))
        tn_ops_move(&ctx->out[0], i, &ctx->in[0], w.at[0]);
}

static const struct tn_attr_schema transpose_attrs[] = {
    {.name = "perm",
     .type = TN_ATTR_INTS,
     .doc = "axis of x that becomes each axis of y; empty reverses the axes"},
};
const struct tn_op tn_op_transpose = {
    .name = "transpose",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = transpose_attrs,
    .n_attrs = 1,
    .formula = "axes permuted by perm",
    .shapes = "x any dtype; y's axis i is x's axis perm[i]",
    .infer = transpose_infer,
    .gradient = transpose_gradient,
    .reference = transpose_reference,
};
