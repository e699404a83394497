/* Dropout, inverted (Srivastava et al., "Dropout: a simple way to prevent neural networks from
 * overfitting", 2014):
 *
 *   y = keep ? x / (1 - rate) : 0      keep where unit(draw) >= rate, compared in f32
 *
 * draw is Philox keyed by the step's rng and the layer's path hash, counted by the sample's global
 * index and the element's offset in the sample: see base/rng.h. The mask depends on nothing else,
 * so the gradient is dropout itself, on dy, with the same sample, rng and attributes. */
#include <inttypes.h>

#include "base/rng.h"
#include "ops/util.h"

static const struct tn_attr_schema attrs[] = {
    {.name = "rate", .type = TN_ATTR_FLOAT, .required = 1, .doc = "share that is dropped, [0, 1)"},
    {.name = "path_hash",
     .type = TN_ATTR_INT,
     .doc = "hash of the layer's path, so that layers draw independently"}};

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
    return TN_OK;
}

static tn_status gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    const struct tn_attr attr[] = {tn_ops_attr(ctx, "rate"), tn_ops_attr(ctx, "path_hash")};
    ctx->in_grad[0] =
        tn_op3(ctx->graph, "dropout", ctx->out_grad[0], ctx->in[1], ctx->in[2], attr, TN_LEN(attr));
    return TN_OK;
}

static void reference(const struct tn_ref *ctx)
{
    double rate = tn_attrs_float(ctx->attrs, "rate");
    uint64_t rng = (uint64_t)ctx->in[2].data.i[0];
    uint64_t key = tn_mix64(rng ^ (uint64_t)tn_attrs_int(ctx->attrs, "path_hash"));
    int64_t n_samples = ctx->in[0].type.shape.dim[0];
    int64_t n_each = n_samples > 0 ? ctx->in[0].count / n_samples : 0;
    for (int64_t n = 0; n < n_samples; n++) {
        uint64_t sample = (uint64_t)ctx->in[1].data.i[n];
        for (int64_t e = 0; e < n_each; e++) {
            struct tn_philox draw = tn_philox(key, (uint64_t)e / 4, sample);
            int keep = tn_rng_unit(draw.v[e % 4]) >= (float)rate;
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
    .formula = "y = keep ? x / (1 - rate) : 0, keep where unit(draw) >= rate",
    .infer = infer,
    .gradient = gradient,
    .reference = reference,
};
