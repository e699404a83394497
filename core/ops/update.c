#include "ops/update.h"

#include <inttypes.h>
#include <math.h>

tn_status tn_update_scalar(const struct tn_infer *ctx, const char *const *names, uint32_t input)
{
    if (tn_infer_rank(ctx, input, 0, TN_MAX_RANK) != TN_OK) /* it may be absent */
        return TN_E_INVALID;
    const struct tn_type *type = ctx->in[input];
    char text[64];
    if (type->dtype == TN_F32 && type->shape.rank == 0)
        return TN_OK;
    return tn_infer_fail(ctx, "'%s' is %s %s, must be an f32 scalar", names[input],
                         tn_dtype_name(type->dtype),
                         tn_shape_format(&type->shape, text, sizeof(text)));
}

tn_status tn_update_present(const struct tn_infer *ctx, const char *const *names, uint32_t n_slots)
{
    for (uint32_t i = 2; i < n_slots + 2; i++)
        if (!ctx->in[i])
            return tn_infer_fail(ctx, "'%s' is missing", names[i]);
    return TN_OK;
}

tn_status tn_update_infer(struct tn_infer *ctx, const char *const *names, uint32_t n_slots)
{
    tn_status status = tn_ops_infer_alike(ctx, 0, 1);
    for (uint32_t i = 2; status == TN_OK && i < n_slots + 2; i++)
        if (ctx->in[i])
            status = tn_ops_infer_alike(ctx, 0, i);
    for (uint32_t i = ctx->n_in - 3; status == TN_OK && i < ctx->n_in; i++)
        status = tn_update_scalar(ctx, names, i);
    if (status == TN_OK)
        status = tn_ops_infer_range(ctx, "weight_decay", 0, INFINITY);
    if (status == TN_OK)
        status = tn_ops_infer_range(ctx, "clip_value", 0, INFINITY);
    if (status != TN_OK)
        return status;
    ctx->out[0] = *ctx->in[0];
    for (uint32_t k = 1; k <= n_slots; k++)
        ctx->out[k] =
            ctx->in[k + 1] ? *ctx->in[k + 1] : (struct tn_type){ctx->in[0]->dtype, TN_SHAPE(0)};
    return TN_OK;
}

const char *const tn_update_moments_in[8] = {"param",      "grad", "m",        "v",
                                             "correction", "lr",   "grad_mul", "apply"};
const char *const tn_update_moments_out[3] = {"param", "m", "v"};

tn_status tn_update_infer_betas(const struct tn_infer *ctx)
{
    tn_status status = tn_ops_infer_range(ctx, "beta1", 0, 1);
    return status == TN_OK ? tn_ops_infer_range(ctx, "beta2", 0, 1) : status;
}

tn_status tn_update_infer_moments(struct tn_infer *ctx, const struct tn_update_moments *moments)
{
    const uint32_t at = moments->n_slots + 2;
    tn_status status = tn_update_present(ctx, moments->names, moments->n_slots);
    if (status == TN_OK)
        status = tn_update_infer(ctx, moments->names, moments->n_slots);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, at, 1, 1);
    if (status != TN_OK)
        return status;
    const struct tn_type *c = ctx->in[at];
    if (c->dtype != TN_F32 || c->shape.dim[0] != moments->n_correction)
        return tn_infer_fail(ctx, "'correction' must be f32 [%" PRId64 "], as %s gives it",
                             moments->n_correction, moments->maker);
    status = tn_update_infer_betas(ctx);
    return status == TN_OK ? tn_ops_infer_range(ctx, "epsilon", 0, INFINITY) : status;
}

struct tn_update tn_update_read(const struct tn_ref *ctx, int decoupled)
{
    const struct tn_ref_tensor *scalar = ctx->in + ctx->n_in - 3;
    double decay = tn_attrs_float(ctx->attrs, "weight_decay");
    double clip = tn_attrs_float(ctx->attrs, "clip_value");
    return (struct tn_update){.param = ctx->in[0].data.f,
                              .grad = ctx->in[1].data.f,
                              .lr = scalar[0].data.f[0],
                              .grad_mul = scalar[1].data.f[0],
                              .apply = scalar[2].data.f[0] != 0,
                              .clip = clip > 0 ? clip : INFINITY,
                              .l2 = decoupled ? 0 : decay,
                              .shrink = decoupled ? scalar[0].data.f[0] * decay : 0,
                              .n = ctx->in[0].count};
}

double tn_update_grad(const struct tn_update *u, int64_t i)
{
    double g = u->grad[i] * u->grad_mul;
    g = g > u->clip ? u->clip : g < -u->clip ? -u->clip : g; /* NaN stays */
    return g + u->l2 * u->param[i];
}

void tn_update_write(const struct tn_ref *ctx, const struct tn_update *u, uint32_t k, uint32_t from,
                     int64_t i, double value)
{
    ctx->out[k].data.f[i] = u->apply ? value : ctx->in[from].data.f[i];
}
