/* clip: y = min(max(x, min), max), as ONNX (opset 21) has it with the bounds as attributes; where
 * min > max everything becomes max. NaN stays NaN. dx = min <= x <= max ? dy : 0 (clip_grad), the
 * bounds included, as in PyTorch.
 *
 * For integers the bounds are first rounded inward and saturated to the type, so that they need no
 * comparison of a whole number with a fraction. */
#include <math.h>

#include "ops/elementwise.h"

static tn_status clip_infer(struct tn_infer *ctx)
{
    if (ctx->in[0]->dtype == TN_BOOL)
        return tn_infer_fail(ctx,
                             "input x is bool, but clip takes floats, i32, i64 or u8; cast it");
    if (isnan(tn_attrs_float(ctx->attrs, "min")) || isnan(tn_attrs_float(ctx->attrs, "max")))
        return tn_infer_fail(ctx, "a bound is NaN; leave it out for no bound");
    ctx->out[0] = *ctx->in[0];
    return TN_OK;
}

static void clip_reference(const struct tn_ref *ctx)
{
    const struct tn_ref_tensor *x = &ctx->in[0], *y = &ctx->out[0];
    double lo = tn_attrs_float(ctx->attrs, "min"), hi = tn_attrs_float(ctx->attrs, "max");
    if (tn_dtype_is_float(x->type.dtype)) {
        for (int64_t i = 0; i < y->count; i++) {
            double v = x->data.f[i] < lo ? lo : x->data.f[i];
            y->data.f[i] = v > hi ? hi : v;
        }
        return;
    }
    int64_t low = tn_ops_saturate(ceil(lo), x->type.dtype),
            high = tn_ops_saturate(floor(hi), x->type.dtype);
    for (int64_t i = 0; i < y->count; i++) {
        int64_t v = x->data.i[i] < low ? low : x->data.i[i];
        y->data.i[i] = v > high ? high : v;
    }
}

static tn_status clip_gradient(const struct tn_grad *ctx)
{
    const struct tn_attr attrs[] = {tn_ops_attr(ctx, "min"), tn_ops_attr(ctx, "max")};
    if (ctx->needed[0])
        ctx->in_grad[0] = tn_op2(ctx->graph, "clip_grad", ctx->in[0], ctx->out_grad[0], attrs, 2);
    return TN_OK;
}

const struct tn_attr_schema tn_ops_clip_attrs[2] = {
    {.name = "min", .type = TN_ATTR_FLOAT, .dflt = {.u.f = -INFINITY}, .doc = "lower bound"},
    {.name = "max", .type = TN_ATTR_FLOAT, .dflt = {.u.f = INFINITY}, .doc = "upper bound"},
};
const struct tn_op tn_op_clip = {
    TN_OPS_UNARY_OF(
        "clip", "min(max(x, min), max)", clip_infer,
        "x: float, i32, i64 or u8, any shape; y: like x; for integers a bound with a "
        "fraction is rounded inward; NaN stays; with min above max all is max; bounds that are "
        "values: maximum and minimum"),
    .attrs = tn_ops_clip_attrs,
    .n_attrs = 2,
    .gradient = clip_gradient,
    .reference = clip_reference,
};
