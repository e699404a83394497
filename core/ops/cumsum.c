/* cumsum: running sums along one axis (ONNX CumSum).
 *
 *   y[i] = sum of x[j], j <= i      exclusive: j < i; reverse: from the end
 *   dx: the same sums of dy, run the other way
 *
 * Integers wrap. */
#include "ops/util.h"

static tn_status infer(struct tn_infer *ctx)
{
    uint32_t axis;
    tn_dtype t = ctx->in[0]->dtype;
    if (!tn_dtype_is_float(t) && t != TN_I32 && t != TN_I64)
        return tn_infer_fail(ctx, "x is %s; it must be a float type, i32 or i64: cast it first",
                             tn_dtype_name(t));
    tn_status st =
        tn_infer_axis(ctx, tn_attrs_int(ctx->attrs, "axis"), ctx->in[0]->shape.rank, &axis);
    if (st == TN_OK)
        ctx->out[0] = *ctx->in[0];
    return st;
}

struct line {
    int64_t begin, step, n;
    int exclusive;
};

static void sum_floats(const struct line *l, const double *x, double *y)
{
    double total = 0.0;
    for (int64_t i = 0, at = l->begin; i < l->n; i++, at += l->step) {
        if (l->exclusive)
            y[at] = total;
        total += x[at];
        if (!l->exclusive)
            y[at] = total;
    }
}

static void sum_integers(const struct line *l, const int64_t *x, int64_t *y, tn_dtype dtype)
{
    int64_t total = 0;
    for (int64_t i = 0, at = l->begin; i < l->n; i++, at += l->step) {
        if (l->exclusive)
            y[at] = total;
        total = tn_ops_wrap((int64_t)((uint64_t)total + (uint64_t)x[at]), dtype);
        if (!l->exclusive)
            y[at] = total;
    }
}

static void reference(const struct tn_ref *ctx)
{
    const struct tn_shape *s = &ctx->in[0].type.shape;
    uint32_t d = tn_ops_axis(ctx->attrs, s->rank);
    int64_t n = s->dim[d], step = tn_ops_product(s, d + 1, s->rank);
    int64_t lines = tn_ops_product(s, 0, d) * step;
    int reverse = tn_attrs_int(ctx->attrs, "reverse") != 0;
    for (int64_t r = 0; n > 0 && r < lines; r++) {
        int64_t begin = r / step * n * step + r % step;
        struct line l = {begin, step, n, tn_attrs_int(ctx->attrs, "exclusive") != 0};
        if (reverse) {
            l.begin += (n - 1) * step;
            l.step = -step;
        }
        if (tn_dtype_is_float(ctx->in[0].type.dtype))
            sum_floats(&l, ctx->in[0].data.f, ctx->out[0].data.f);
        else
            sum_integers(&l, ctx->in[0].data.i, ctx->out[0].data.i, ctx->in[0].type.dtype);
    }
}

static tn_status gradient(const struct tn_grad *ctx)
{
    struct tn_attr attr[] = {tn_ops_attr(ctx, "axis"), tn_ops_attr(ctx, "exclusive"),
                             TN_AI("reverse", !tn_attrs_int(ctx->attrs, "reverse"))};
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op1(ctx->graph, "cumsum", ctx->out_grad[0], attr, TN_LEN(attr));
    return TN_OK;
}

static const struct tn_attr_schema attrs[] = {
    {.name = "axis", .type = TN_ATTR_INT, .dflt = {.u.i = -1}, .doc = "axis to run along"},
    {.name = "exclusive", .type = TN_ATTR_INT, .doc = "1: an element is not in its own sum"},
    {.name = "reverse", .type = TN_ATTR_INT, .doc = "1: from the end to the beginning"},
};
const struct tn_op tn_op_cumsum = {
    .name = "cumsum",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = attrs,
    .n_attrs = TN_LEN(attrs),
    .formula = "sum of x[j], j <= i, along the axis",
    .shapes = "x float, i32 or i64 (which wrap); y has x's shape and type",
    .infer = infer,
    .gradient = gradient,
    .reference = reference,
};
