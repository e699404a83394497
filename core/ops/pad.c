/* pad: more or fewer elements around x, as ONNX Pad and, for the modes, NumPy's pad.
 *
 * Along an axis: a negative pad first crops x; then y[i] = x[i - before] inside, and outside
 *   constant  the value                    edge  the nearest element
 *   reflect   mirrored about the first and the last element, again and again where the pad is
 * longer wrap      from the other end
 *
 * dx: for constant, dy cropped and padded with zeros the other way round. The other modes work axis
 * by axis, so the gradient does too: pad_grad sums along one axis the dy that came from each x. */
#include <string.h>

#include "ops/util.h"

enum mode { CONSTANT, EDGE, REFLECT, WRAP, N_MODES };
static const char *const mode_names[N_MODES] = {"constant", "edge", "reflect", "wrap"};

static enum mode mode_of(const struct tn_attrs *attrs)
{
    const char *name = tn_attrs_string(attrs, "mode");
    int m = 0;
    while (m < N_MODES && strcmp(name, mode_names[m]) != 0)
        m++;
    return (enum mode)m;
}

/* One axis: x is cropped to [skip, skip + n), then `lead` elements come before and `tail` after. */
struct border {
    int64_t skip, n, lead, tail;
};

/* Index in x of index i of y, or -1: the constant. */
static int64_t source(const struct border *p, enum mode mode, int64_t i)
{
    int64_t k = i - p->lead;
    if (k >= 0 && k < p->n)
        return p->skip + k;
    switch (mode) {
    case EDGE:
        return p->skip + (k < 0 ? 0 : p->n - 1);
    case REFLECT: {
        int64_t period = p->n > 1 ? 2 * (p->n - 1) : 1;
        k = (k % period + period) % period;
        return p->skip + (k < p->n ? k : period - k);
    }
    case WRAP:
        return p->skip + (k % p->n + p->n) % p->n;
    default:
        return -1;
    }
}

/* Fails when the axis of `dim` elements cannot be padded so; else its border and new size. */
static tn_status border_of(const struct tn_infer *ctx, enum mode mode, uint32_t axis, int64_t dim,
                           int64_t before, int64_t after, struct border *out, int64_t *out_size)
{
    int64_t crop_a = before < 0 ? before : 0, crop_b = after < 0 ? after : 0, size;
    struct border p = {.lead = before > 0 ? before : 0, .tail = after > 0 ? after : 0};
    if (crop_a < -dim || crop_b < -dim || dim + crop_a + crop_b < 0)
        return tn_infer_fail(ctx, "pads %lld and %lld take more than the %lld elements of axis %u",
                             (long long)before, (long long)after, (long long)dim, axis);
    p.skip = -crop_a;
    p.n = dim + crop_a + crop_b;
    if (mode != CONSTANT && p.n == 0 && (p.lead || p.tail))
        return tn_infer_fail(ctx, "axis %u has no element to pad from; mode must be constant",
                             axis);
    if (TN_ADD_OVERFLOW(p.n, p.lead, &size) || TN_ADD_OVERFLOW(size, p.tail, &size))
        return tn_infer_fail(ctx, "axis %u would have more than 2^63 elements", axis);
    *out = p;
    *out_size = size;
    return TN_OK;
}

/* --- pad --- */

static tn_status borders(const struct tn_infer *ctx, const struct tn_shape *x, struct border *out,
                         struct tn_shape *out_shape)
{
    uint32_t n, n_axes;
    const int64_t *pads = tn_attrs_ints(ctx->attrs, "pads", &n);
    const int64_t *axes = tn_attrs_ints(ctx->attrs, "axes", &n_axes);
    uint32_t n_padded = n_axes ? n_axes : x->rank;
    enum mode mode = mode_of(ctx->attrs);
    if (mode == N_MODES)
        return tn_infer_fail(ctx, "mode is '%s'; it must be constant, edge, reflect or wrap",
                             tn_attrs_string(ctx->attrs, "mode"));
    if (n != 2 * n_padded)
        return tn_infer_fail(ctx,
                             "%u pads for %u axes: give each axis one before, then each one after",
                             n, n_padded);
    tn_status st = tn_ops_infer_axes(ctx, x->rank);
    struct tn_shape y = *x;
    for (uint32_t d = 0; d < x->rank; d++)
        out[d] = (struct border){.n = x->dim[d]};
    for (uint32_t i = 0; st == TN_OK && i < n_padded; i++) {
        int64_t axis = n_axes ? axes[i] : (int64_t)i;
        uint32_t d = (uint32_t)(axis < 0 ? axis + x->rank : axis);
        st = border_of(ctx, mode, d, x->dim[d], pads[i], pads[n_padded + i], &out[d], &y.dim[d]);
    }
    *out_shape = y;
    return st;
}

static tn_status pad_infer(struct tn_infer *ctx)
{
    struct border p[TN_MAX_RANK];
    ctx->out[0].dtype = ctx->in[0]->dtype;
    return borders(ctx, &ctx->in[0]->shape, p, &ctx->out[0].shape);
}

static void pad_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *x = &ctx->in[0].type.shape;
    struct border p[TN_MAX_RANK];
    struct tn_shape y;
    struct tn_infer known = {.attrs = ctx->attrs};
    struct tn_walk w;
    enum mode mode = mode_of(ctx->attrs);
    double value = tn_attrs_float(ctx->attrs, "value");
    borders(&known, x, p, &y);
    tn_walk_init(&w, &y);
    for (int64_t i = 0; i < ctx->out[0].count; i++, tn_walk_next(&w)) {
        int64_t from = 0, k = 0;
        for (uint32_t d = 0; d < x->rank && k >= 0; d++) {
            k = source(&p[d], mode, w.pos[d]);
            from = from * x->dim[d] + k;
        }
        if (k >= 0)
            tn_ops_move(&ctx->out[0], i, &ctx->in[0], from);
        else if (tn_dtype_is_float(ctx->out[0].type.dtype))
            ctx->out[0].data.f[i] = value;
        else
            ctx->out[0].data.i[i] = tn_ops_saturate(value, ctx->out[0].type.dtype);
    }
}

static tn_status pad_gradient(const struct tn_grad *ctx)
{
    uint32_t n, n_axes, rank = tn_graph_shape(ctx->graph, ctx->in[0]).rank;
    const int64_t *pads = tn_attrs_ints(ctx->attrs, "pads", &n);
    const int64_t *axes = tn_attrs_ints(ctx->attrs, "axes", &n_axes);
    int64_t back[2 * TN_MAX_RANK];
    if (!ctx->needed[0])
        return TN_OK;
    if (mode_of(ctx->attrs) == CONSTANT) {
        for (uint32_t i = 0; i < n; i++)
            back[i] = -pads[i];
        struct tn_attr attrs[] = {TN_AV("pads", n, back), tn_ops_attr(ctx, "axes")};
        ctx->in_grad[0] = tn_op1(ctx->graph, "pad", ctx->out_grad[0], attrs, TN_LEN(attrs));
        return TN_OK;
    }
    struct tn_shape x = tn_graph_shape(ctx->graph, ctx->in[0]);
    tn_value d = ctx->out_grad[0];
    for (uint32_t i = 0; i < n / 2; i++) {
        int64_t axis = n_axes ? axes[i] : (int64_t)i;
        if (pads[i] == 0 && pads[n / 2 + i] == 0)
            continue;
        axis = axis < 0 ? axis + rank : axis;
        struct tn_attr attrs[] = {TN_AI("axis", axis), TN_AI("size", x.dim[axis]),
                                  TN_AI("before", pads[i]), TN_AI("after", pads[n / 2 + i]),
                                  tn_ops_attr(ctx, "mode")};
        d = tn_op1(ctx->graph, "pad_grad", d, attrs, TN_LEN(attrs));
    }
    ctx->in_grad[0] = d;
    return TN_OK;
}

static const struct tn_attr_schema pad_attrs[] = {
    {.name = "pads",
     .type = TN_ATTR_INTS,
     .required = 1,
     .doc = "elements before, for each axis, then after, for each axis; negative: taken away"},
    {.name = "mode",
     .type = TN_ATTR_STRING,
     .dflt = {.u.s = "constant"},
     .doc = "constant, edge, reflect or wrap"},
    {.name = "value",
     .type = TN_ATTR_FLOAT,
     .dflt = {.u.f = 0.0},
     .doc = "the constant, converted as by cast"},
    {.name = "axes", .type = TN_ATTR_INTS, .doc = "padded axes; empty: all"},
};
const struct tn_op tn_op_pad = {
    .name = "pad",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = pad_attrs,
    .n_attrs = TN_LEN(pad_attrs),
    .formula =
        "x with elements around it: a constant, the edge, x mirrored, or x from the other end",
    .shapes =
        "x any dtype; a negative pad crops, before the other end is padded; reflect and wrap go "
        "on where the pad is longer than x",
    .infer = pad_infer,
    .gradient = pad_gradient,
    .reference = pad_reference,
};

/* --- pad_grad --- */

static tn_status pad_grad_border(const struct tn_infer *ctx, const struct tn_shape *dy,
                                 uint32_t *out_axis, struct border *out, int64_t *out_size)
{
    int64_t size = tn_attrs_int(ctx->attrs, "size");
    tn_status st = tn_infer_axis(ctx, tn_attrs_int(ctx->attrs, "axis"), dy->rank, out_axis);
    if (st != TN_OK)
        return st;
    if (size < 0)
        return tn_infer_fail(ctx, "size is %lld; it must be that of pad's input", (long long)size);
    return border_of(ctx, mode_of(ctx->attrs), *out_axis, size, tn_attrs_int(ctx->attrs, "before"),
                     tn_attrs_int(ctx->attrs, "after"), out, out_size);
}

static tn_status pad_grad_infer(struct tn_infer *ctx)
{
    struct border p;
    uint32_t axis;
    int64_t size;
    const struct tn_shape *dy = &ctx->in[0]->shape;
    tn_status st = tn_infer_float(ctx, 0);
    if (st == TN_OK && mode_of(ctx->attrs) == N_MODES)
        st = tn_infer_fail(ctx, "mode is '%s'; it must be constant, edge, reflect or wrap",
                           tn_attrs_string(ctx->attrs, "mode"));
    if (st == TN_OK)
        st = pad_grad_border(ctx, dy, &axis, &p, &size);
    if (st != TN_OK)
        return st;
    if (dy->dim[axis] != size)
        return tn_infer_fail(ctx, "dy has %lld elements along axis %u, but padding makes %lld",
                             (long long)dy->dim[axis], axis, (long long)size);
    ctx->out[0] = *ctx->in[0];
    ctx->out[0].shape.dim[axis] = tn_attrs_int(ctx->attrs, "size");
    return TN_OK;
}

static void pad_grad_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *dy = &ctx->in[0].type.shape, *dx = &ctx->out[0].type.shape;
    struct border p;
    uint32_t axis;
    int64_t size;
    struct tn_infer known = {.attrs = ctx->attrs};
    enum mode mode = mode_of(ctx->attrs);
    pad_grad_border(&known, dy, &axis, &p, &size);
    int64_t outer = tn_ops_product(dy, 0, axis), inner = tn_ops_product(dy, axis + 1, dy->rank);
    tn_ops_clear(&ctx->out[0]);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < size; i++) {
            int64_t k = source(&p, mode, i);
            for (int64_t j = 0; k >= 0 && j < inner; j++)
                ctx->out[0].data.f[(o * dx->dim[axis] + k) * inner + j] +=
                    ctx->in[0].data.f[(o * size + i) * inner + j];
        }
}

static tn_status pad_grad_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    int64_t axis = tn_attrs_int(ctx->attrs, "axis");
    int64_t pads[] = {tn_attrs_int(ctx->attrs, "before"), tn_attrs_int(ctx->attrs, "after")};
    struct tn_attr attrs[] = {TN_AV("pads", 2, pads), TN_AV("axes", 1, &axis),
                              tn_ops_attr(ctx, "mode")};
    ctx->in_grad[0] = tn_op1(ctx->graph, "pad", ctx->out_grad[0], attrs, TN_LEN(attrs));
    return TN_OK;
}

static const char *const pad_grad_in[] = {"dy"};
static const struct tn_attr_schema pad_grad_attrs[] = {
    {.name = "axis", .type = TN_ATTR_INT, .required = 1, .doc = "the padded axis"},
    {.name = "size", .type = TN_ATTR_INT, .required = 1, .doc = "pad's input's size along it"},
    {.name = "before", .type = TN_ATTR_INT, .required = 1, .doc = "pad before"},
    {.name = "after", .type = TN_ATTR_INT, .required = 1, .doc = "pad after"},
    {.name = "mode",
     .type = TN_ATTR_STRING,
     .dflt = {.u.s = "constant"},
     .doc = "constant, edge, reflect or wrap"},
};
const struct tn_op tn_op_pad_grad = {
    .name = "pad_grad",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = pad_grad_in,
    .out_names = tn_ops_out_dx,
    .attrs = pad_grad_attrs,
    .n_attrs = TN_LEN(pad_grad_attrs),
    .formula = "sum of the dy that pad took from each x, along one axis",
    .shapes = "dy float, of the padded size along the axis; dx of `size` there",
    .infer = pad_grad_infer,
    .gradient = pad_grad_gradient,
    .reference = pad_grad_reference,
};
