/* Several values along one axis, as ONNX Concat and Split.
 *
 *   concat  y = the inputs one after another along the axis   dx_i = its part of dy  (split)
 *   split   output j = part first + j of x along the axis     dx = the parts' gradients (concat)
 *
 * An operator has at most eight outputs, so split gives eight parts from `first` on; outputs that
 * have no part are empty. tn_split() cuts into any number. */
#include "ops/util.h"

#define MAX_INPUTS 64

/* x as [outer, n, inner] around the axis. */
struct blocks {
    int64_t outer, n, inner;
};

static struct blocks blocks_of(const struct tn_shape *s, uint32_t axis)
{
    return (struct blocks){tn_ops_product(s, 0, axis), s->dim[axis],
                           tn_ops_product(s, axis + 1, s->rank)};
}

/* Copies [outer, part.n, inner] between `whole` (from index `at` of its axis on) and `part`. */
static void copy_part(const struct tn_ref_tensor *to, const struct tn_ref_tensor *from,
                      struct blocks whole, struct blocks part, int64_t at, int into_whole)
{
    int64_t len = part.n * part.inner;
    for (int64_t o = 0; o < part.outer; o++)
        for (int64_t i = 0; i < len; i++) {
            int64_t w = (o * whole.n + at) * whole.inner + i, p = o * len + i;
            tn_ops_move(to, into_whole ? w : p, from, into_whole ? p : w);
        }
}

/* --- concat --- */

static tn_status concat_infer(struct tn_infer *ctx)
{
    uint32_t axis;
    const struct tn_shape *first = &ctx->in[0]->shape;
    if (first->rank == 0)
        return tn_infer_fail(ctx, "scalars have no axis to join along; reshape them to [1]");
    tn_status st = tn_infer_axis(ctx, tn_attrs_int(ctx->attrs, "axis"), first->rank, &axis);
    struct tn_shape y = *first;
    for (uint32_t i = 1; st == TN_OK && i < ctx->n_in; i++) {
        if (!ctx->in[i])
            return tn_infer_fail(ctx, "input %u is absent; leave it out of the list", i);
        const struct tn_shape *x = &ctx->in[i]->shape;
        st = tn_infer_same_dtype(ctx, 0, i);
        if (st != TN_OK)
            return st;
        if (x->rank != y.rank)
            return tn_infer_fail(ctx, "input %u has %u axes, input 0 has %u", i, x->rank, y.rank);
        for (uint32_t d = 0; d < y.rank; d++)
            if (d != axis && x->dim[d] != y.dim[d])
                return tn_infer_fail(ctx,
                                     "input %u has %lld elements along axis %u, input 0 has %lld; "
                                     "only axis %u may differ",
                                     i, (long long)x->dim[d], d, (long long)y.dim[d], axis);
        if (TN_ADD_OVERFLOW(y.dim[axis], x->dim[axis], &y.dim[axis]))
            return tn_infer_fail(ctx, "axis %u would have more than 2^63 elements", axis);
    }
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, y};
    return st;
}

static void concat_reference(const struct tn_ref *ctx)
{
    uint32_t axis = tn_ops_axis(ctx->attrs, ctx->out[0].type.shape.rank);
    struct blocks whole = blocks_of(&ctx->out[0].type.shape, axis);
    int64_t at = 0;
    for (uint32_t i = 0; i < ctx->n_in; i++) {
        struct blocks part = blocks_of(&ctx->in[i].type.shape, axis);
        copy_part(&ctx->out[0], &ctx->in[i], whole, part, at, 1);
        at += part.n;
    }
}

/* The inputs' sizes may be symbolic, and a sum of symbols is no dim: split takes the list of sizes
 * as it is and adds them up when they are numbers. */
static tn_status concat_gradient(const struct tn_grad *ctx)
{
    int64_t sizes[MAX_INPUTS];
    uint32_t rank = tn_graph_shape(ctx->graph, ctx->in[0]).rank, axis = tn_ops_axis(ctx->attrs, rank);
    for (uint32_t i = 0; i < ctx->n_in; i++)
        sizes[i] = tn_graph_shape(ctx->graph, ctx->in[i]).dim[axis];
    for (uint32_t from = 0; from < ctx->n_in; from += TN_OP_MAX_OUT) {
        uint32_t n = TN_MIN(TN_OP_MAX_OUT, ctx->n_in - from);
        int any = 0;
        for (uint32_t j = 0; j < n; j++)
            any |= ctx->needed[from + j];
        if (!any)
            continue;
        tn_value part[TN_OP_MAX_OUT];
        struct tn_attr attrs[] = {TN_AI("axis", axis), TN_AV("sizes", ctx->n_in, sizes),
                                  TN_AI("first", from)};
        tn_graph_op(ctx->graph, "split", &ctx->out_grad[0], 1, attrs, TN_LEN(attrs), part, n);
        for (uint32_t j = 0; j < n; j++)
            if (ctx->needed[from + j])
                ctx->in_grad[from + j] = part[j];
    }
    return TN_OK;
}

static const char *const concat_in[] = {"x"};
static const struct tn_attr_schema concat_attrs[] = {
    {.name = "axis", .type = TN_ATTR_INT, .required = 1, .doc = "axis to join along"},
};
const struct tn_op tn_op_concat = {
    .name = "concat",
    .version = 1,
    .min_in = 1,
    .max_in = MAX_INPUTS,
    .n_out = 1,
    .in_names = concat_in,
    .out_names = tn_ops_out_y,
    .attrs = concat_attrs,
    .n_attrs = 1,
    .formula = "the inputs one after another along the axis",
    .shapes =
        "1 to 64 inputs of one dtype (any) and rank, alike but for the axis; their sizes along "
        "it add up (`tn_concat` takes any number)",
    .infer = concat_infer,
    .gradient = concat_gradient,
    .reference = concat_reference,
};

/* --- split --- */

/* Size of part i: as listed, or an equal share of `dim`, the last one smaller. */
static int64_t part_size(const struct tn_attrs *attrs, int64_t dim, uint32_t i)
{
    uint32_t n;
    const int64_t *sizes = tn_attrs_ints(attrs, "sizes", &n);
    if (n)
        return i < n ? sizes[i] : 0;
    int64_t parts = tn_attrs_int(attrs, "parts"), share = dim / parts + (dim % parts != 0);
    return i >= parts ? 0 : i < parts - 1 ? share : dim - share * (parts - 1);
}

static tn_status check_parts(const struct tn_infer *ctx, int64_t dim)
{
    uint32_t n;
    const int64_t *sizes = tn_attrs_ints(ctx->attrs, "sizes", &n);
    int64_t parts = tn_attrs_int(ctx->attrs, "parts"), first = tn_attrs_int(ctx->attrs, "first");
    int64_t total = 0;
    char text[128];
    if ((n == 0) == (parts == 0))
        return tn_infer_fail(ctx, "give either sizes or parts");
    if (n == 0 && (parts < 1 || parts > UINT32_MAX))
        return tn_infer_fail(ctx, "parts is %lld; it must be at least 1", (long long)parts);
    if (n == 0 && (dim / parts + (dim % parts != 0)) * (parts - 1) > dim)
        return tn_infer_fail(ctx, "%lld elements make no %lld parts of one size; give sizes",
                             (long long)dim, (long long)parts);
    for (uint32_t i = 0; i < n; i++)
        if (sizes[i] < 0 || TN_ADD_OVERFLOW(total, sizes[i], &total))
            return tn_infer_fail(ctx, "sizes %s must be >= 0",
                                 tn_ops_format_ints(sizes, n, text, sizeof(text)));
    if (n && total != dim)
        return tn_infer_fail(ctx, "sizes %s add up to %lld, but the axis has %lld elements",
                             tn_ops_format_ints(sizes, n, text, sizeof(text)), (long long)total,
                             (long long)dim);
    if (first < 0 || first >= (n ? (int64_t)n : parts))
        return tn_infer_fail(ctx, "first is %lld, but there are %lld parts", (long long)first,
                             (long long)(n ? (int64_t)n : parts));
    return TN_OK;
}

static tn_status split_infer(struct tn_infer *ctx)
{
    uint32_t axis;
    const struct tn_type *x = ctx->in[0];
    tn_status st = tn_infer_axis(ctx, tn_attrs_int(ctx->attrs, "axis"), x->shape.rank, &axis);
    if (st == TN_OK)
        st = check_parts(ctx, x->shape.dim[axis]);
    if (st != TN_OK)
        return st;
    uint32_t first = (uint32_t)tn_attrs_int(ctx->attrs, "first");
    for (uint32_t j = 0; j < TN_OP_MAX_OUT; j++) {
        ctx->out[j] = *x;
        ctx->out[j].shape.dim[axis] = part_size(ctx->attrs, x->shape.dim[axis], first + j);
    }
    return TN_OK;
}

static void split_reference(const struct tn_ref *ctx)
{
    uint32_t axis = tn_ops_axis(ctx->attrs, ctx->in[0].type.shape.rank);
    struct blocks whole = blocks_of(&ctx->in[0].type.shape, axis);
    uint32_t first = (uint32_t)tn_attrs_int(ctx->attrs, "first");
    int64_t at = 0;
    for (uint32_t i = 0; i < first; i++)
        at += part_size(ctx->attrs, whole.n, i);
    for (uint32_t j = 0; j < ctx->n_out; j++) {
        struct blocks part = blocks_of(&ctx->out[j].type.shape, axis);
        if (ctx->out[j].data.any)
            copy_part(&ctx->out[j], &ctx->in[0], whole, part, at, 0);
        at += part.n;
    }
}

static tn_value zero_part(const struct tn_grad *ctx, uint32_t axis, int64_t size)
{
    struct tn_shape shape = tn_graph_shape(ctx->graph, ctx->in[0]);
    tn_dtype dtype = tn_graph_dtype(ctx->graph, ctx->in[0]);
    tn_value zeros = TN_NONE;
    shape.dim[axis] = size;
    struct tn_attr attrs[] = {TN_AV("shape", shape.rank, shape.dim),
                              TN_AS("dtype", tn_dtype_name(dtype))};
    tn_graph_op(ctx->graph, "fill", NULL, 0, attrs, TN_LEN(attrs), &zeros, 1);
    return zeros;
}

/* Parts that no gradient arrives at are zeros; with equal parts those before `first` and after the
 * eighth have the size of the first output, and the last one what the outputs' sizes do not say. */
static tn_status split_gradient(const struct tn_grad *ctx)
{
    uint32_t n, rank = tn_graph_shape(ctx->graph, ctx->in[0]).rank;
    uint32_t axis = tn_ops_axis(ctx->attrs, rank);
    const int64_t *sizes = tn_attrs_ints(ctx->attrs, "sizes", &n);
    int64_t parts = n ? (int64_t)n : tn_attrs_int(ctx->attrs, "parts");
    uint32_t first = (uint32_t)tn_attrs_int(ctx->attrs, "first");
    int64_t dim = tn_graph_shape(ctx->graph, ctx->in[0]).dim[axis];
    tn_value all = TN_NONE, list[MAX_INPUTS];
    uint32_t n_list = 0;
    if (!ctx->needed[0])
        return TN_OK;
    for (int64_t i = 0; i < parts; i++) {
        int covered = i >= first && i < (int64_t)first + TN_OP_MAX_OUT;
        tn_value part = covered ? ctx->out_grad[i - first] : TN_NONE;
        if (part == TN_NONE) {
            int64_t size = covered   ? tn_graph_shape(ctx->graph, ctx->out[i - first]).dim[axis]
                           : n       ? sizes[i]
                           : dim < 0 ? tn_graph_shape(ctx->graph, ctx->out[0]).dim[axis]
                                     : part_size(ctx->attrs, dim, (uint32_t)i);
            part = zero_part(ctx, axis, size);
        }
        list[n_list++] = part;
        if (n_list == MAX_INPUTS || i == parts - 1) {
            struct tn_attr attr = TN_AI("axis", axis);
            tn_graph_op(ctx->graph, "concat", list, n_list, &attr, 1, &all, 1);
            list[0] = all;
            n_list = 1;
        }
    }
    ctx->in_grad[0] = all;
    return TN_OK;
}

static const char *const split_out[] = {"y0", "y1", "y2", "y3", "y4", "y5", "y6", "y7"};
static const struct tn_attr_schema split_attrs[] = {
    {.name = "axis", .type = TN_ATTR_INT, .dflt = {.u.i = 0}, .doc = "axis to cut"},
    {.name = "sizes", .type = TN_ATTR_INTS, .doc = "elements of each part; empty: see parts"},
    {.name = "parts",
     .type = TN_ATTR_INT,
     .dflt = {.u.i = 0},
     .doc = "number of equal parts, the last one smaller if need be; 0: see sizes"},
    {.name = "first",
     .type = TN_ATTR_INT,
     .dflt = {.u.i = 0},
     .doc = "part that the first output gives"},
};
const struct tn_op tn_op_split = {
    .name = "split",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = TN_OP_MAX_OUT,
    .in_names = tn_ops_in_x,
    .out_names = split_out,
    .attrs = split_attrs,
    .n_attrs = TN_LEN(split_attrs),
    .formula = "output j is part `first` + j of x along the axis",
    .shapes =
        "x any dtype; outputs that have no part are empty along the axis (`tn_split` cuts into "
        "any number)",
    .infer = split_infer,
    .gradient = split_gradient,
    .reference = split_reference,
};
