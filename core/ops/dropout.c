/* Dropout, inverted (Srivastava et al., "Dropout: a simple way to prevent neural networks from
 * overfitting", 2014):
 *
 *   y = keep ? x / (1 - rate) : 0      keep where unit(draw) >= rate, compared in f32
 *
 * draw is Philox keyed by the step's rng and the layer's path hash, counted by the sample's global
 * index and the element's offset in the sample, where an axis that shares its mask counts as 1
 * long: see base/rng.h. The mask depends on nothing else,
 * so the gradient is dropout itself, on dy, with the same sample, rng and attributes. */
#include <inttypes.h>

#include "ops/draw.h"

static const struct tn_attr_schema attrs[] = {
    {.name = "rate", .type = TN_ATTR_FLOAT, .required = 1, .doc = "share that is dropped, [0, 1)"},
    TN_DRAW_PATH_HASH,
    {.name = "shared_axes",
     .type = TN_ATTR_INTS,
     .doc = "axes of x along which one mask serves: [1] for one mask per sequence [N, T, C]"}};

/* A sample's shape in draws: x's dims after the first, 1 where the mask is shared. */
static struct tn_shape mask_shape(const struct tn_attrs *list, const struct tn_shape *x)
{
    uint32_t n;
    const int64_t *axes = tn_attrs_ints(list, "shared_axes", &n);
    struct tn_shape mask = tn_shape_make(x->dim + 1, x->rank - 1);
    for (uint32_t i = 0; i < n; i++)
        mask.dim[(axes[i] < 0 ? axes[i] + x->rank : axes[i]) - 1] = 1;
    return mask;
}

static tn_status check_shared(const struct tn_infer *ctx)
{
    uint32_t n, axis, seen = 0;
    const int64_t *axes = tn_attrs_ints(ctx->attrs, "shared_axes", &n);
    for (uint32_t i = 0; i < n; i++) {
        tn_status status = tn_infer_axis(ctx, axes[i], ctx->in[0]->shape.rank, &axis);
        if (status != TN_OK)
            return status;
        if (axis == 0)
            return tn_infer_fail(ctx, "axis 0 cannot share a mask: each sample draws its own");
        if (seen & 1u << axis)
            return tn_infer_fail(ctx, "axis %u is named twice in shared_axes", axis);
        seen |= 1u << axis;
    }
    return TN_OK;
}

static tn_status infer(struct tn_infer *ctx)
{
    tn_status status = tn_infer_float(ctx, 0);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 0, 1, TN_MAX_RANK);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 1, 1, 1);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 2, 0, 0);
    if (status != TN_OK)
        return status;
    if (ctx->in[1]->dtype != TN_I64 || ctx->in[2]->dtype != TN_I64)
        return tn_infer_fail(ctx, "sample is %s and rng is %s, both must be i64",
                             tn_dtype_name(ctx->in[1]->dtype), tn_dtype_name(ctx->in[2]->dtype));
    if (ctx->in[1]->shape.dim[0] != ctx->in[0]->shape.dim[0])
        return tn_infer_fail(ctx,
                             "sample names %" PRId64 " samples, x holds %" PRId64
                             "; one index per sample is needed",
                             ctx->in[1]->shape.dim[0], ctx->in[0]->shape.dim[0]);
    double rate = tn_attrs_float(ctx->attrs, "rate");
    if (!(rate >= 0 && rate < 1) || (float)rate >= 1.0f)
        return tn_infer_fail(ctx, "rate is %g, must be at least 0 and below 1", rate);
    ctx->out[0] = *ctx->in[0];
    return check_shared(ctx);
}

static tn_status gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    const struct tn_attr attr[] = {tn_ops_attr(ctx, "rate"), tn_ops_attr(ctx, "path_hash"),
                                   tn_ops_attr(ctx, "shared_axes")};
    ctx->in_grad[0] =
        tn_op3(ctx->graph, "dropout", ctx->out_grad[0], ctx->in[1], ctx->in[2], attr, TN_LEN(attr));
    return TN_OK;
}

static void reference(const struct tn_ref *ctx)
{
    double rate = tn_attrs_float(ctx->attrs, "rate");
    uint64_t key = tn_draw_key(&ctx->in[2], ctx->attrs);
    int64_t n_samples = ctx->in[0].type.shape.dim[0];
    int64_t n_each = n_samples > 0 ? ctx->in[0].count / n_samples : 0;
    struct tn_shape mask = mask_shape(ctx->attrs, &ctx->in[0].type.shape);
    struct tn_shape each = tn_shape_make(ctx->in[0].type.shape.dim + 1, mask.rank);
    for (int64_t n = 0; n < n_samples; n++) {
        uint64_t sample = (uint64_t)ctx->in[1].data.i[n];
        struct tn_walk w;
        tn_walk_init(&w, &each);
        tn_walk_broadcast(&w, 0, &mask);
        for (int64_t e = 0; e < n_each; e++, tn_walk_next(&w)) {
            int keep = tn_rng_unit(tn_draw_bits(key, sample, w.at[0])) >= (float)rate;
            double x = ctx->in[0].data.f[n * n_each + e];
            ctx->out[0].data.f[n * n_each + e] = keep ? x / (1 - rate) : 0;
        }
    }
}

static const char *const in_names[] = {"x", "sample", "rng"}, *const out_names[] = {"y"};

const struct tn_op tn_op_dropout = {
    .name = "dropout",
    .version = 1,
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .in_names = in_names,
    .out_names = out_names,
    .attrs = attrs,
    .n_attrs = TN_LEN(attrs),
    .formula = "keep ? x / (1 - rate) : 0, keep where unit(draw) >= rate",
    .shapes = "x float [N, ...], sample i64 [N], rng i64 scalar; a dropped NaN is 0; the element "
              "counts within its sample, axes that share a mask left out; its own gradient",
    .infer = infer,
    .gradient = gradient,
    .reference = reference,
};
