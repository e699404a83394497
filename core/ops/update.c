#include "ops/update.h"

#include <math.h>

tn_status tn_update_alike(const struct tn_infer *ctx, uint32_t a, uint32_t b)
{
    tn_status status = tn_infer_float(ctx, a);
    if (status == TN_OK)
        status = tn_infer_same_dtype(ctx, a, b);
    if (status == TN_OK)
        status = tn_infer_same_shape(ctx, a, b);
    return status;
}

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

tn_status tn_update_range(const struct tn_infer *ctx, const char *attr, double min, double end)
{
    double value = tn_attrs_float(ctx->attrs, attr);
    if (value >= min && value < end)
        return TN_OK;
    if (isinf(end))
        return tn_infer_fail(ctx, "%s is %g, must be finite and at least %g", attr, value, min);
    return tn_infer_fail(ctx, "%s is %g, must be at least %g and below %g", attr, value, min, end);
}

tn_status tn_update_infer(struct tn_infer *ctx, const char *const *names, uint32_t n_slots)
{
    tn_status status = tn_update_alike(ctx, 0, 1);
    for (uint32_t i = 2; status == TN_OK && i < n_slots + 2; i++)
        if (ctx->in[i])
            status = tn_update_alike(ctx, 0, i);
    for (uint32_t i = ctx->n_in - 3; status == TN_OK && i < ctx->n_in; i++)
        status = tn_update_scalar(ctx, names, i);
    if (status == TN_OK)
        status = tn_update_range(ctx, "weight_decay", 0, INFINITY);
    if (status == TN_OK)
        status = tn_update_range(ctx, "clip_value", 0, INFINITY);
    if (status != TN_OK)
        return status;
    ctx->out[0] = *ctx->in[0];
    for (uint32_t k = 1; k <= n_slots; k++)
        ctx->out[k] =
            ctx->in[k + 1] ? *ctx->in[k + 1] : (struct tn_type){ctx->in[0]->dtype, TN_SHAPE(0)};
    return TN_OK;
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
