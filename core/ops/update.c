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
