/* Small state of a training step: step counts, running averages, accumulated gradients.
 *
 *   counter_add: counter' = counter + (apply != 0)
 *   ema_update:  state' = apply ? momentum state + (1 - momentum) value : state
 *   accumulate:  acc' = reset != 0 ? value : acc + value
 *
 * ema_update is the running statistic of Ioffe and Szegedy 2015 and the averaged weights of Polyak
 * and Juditsky 1992. Both choices are choices, not products: what is not taken may hold NaN. */
#include "ops/update.h"

static const char *const counter_in[] = {"counter", "apply"}, *const counter_out[] = {"counter"};
static const char *const ema_in[] = {"state", "value", "apply"}, *const ema_out[] = {"state"};
static const char *const accumulate_in[] = {"acc", "value", "reset"};
static const char *const accumulate_out[] = {"acc"};

static const struct tn_attr_schema ema_attrs[] = {
    TN_UPDATE_FLOAT_ATTR("momentum", 0.99, "share of the old average that is kept, [0, 1]")};

static tn_status counter_infer(struct tn_infer *ctx)
{
    tn_status status = tn_infer_rank(ctx, 0, 0, 0);
    if (status == TN_OK && ctx->in[0]->dtype != TN_I64)
        status = tn_infer_fail(ctx, "'counter' is %s, must be an i64 scalar",
                               tn_dtype_name(ctx->in[0]->dtype));
    if (status == TN_OK)
        status = tn_update_scalar(ctx, counter_in, 1);
    if (status == TN_OK)
        ctx->out[0] = *ctx->in[0];
    return status;
}

static void counter_reference(const struct tn_ref *ctx)
{
    ctx->out[0].data.i[0] = ctx->in[0].data.i[0] + (ctx->in[1].data.f[0] != 0);
}

static tn_status ema_infer(struct tn_infer *ctx)
{
    tn_status status = tn_ops_infer_alike(ctx, 0, 1);
    if (status == TN_OK)
        status = tn_update_scalar(ctx, ema_in, 2);
    double momentum = tn_attrs_float(ctx->attrs, "momentum");
    if (status == TN_OK && !(momentum >= 0 && momentum <= 1))
        status = tn_infer_fail(ctx, "momentum is %g, must be from 0 to 1", momentum);
    if (status == TN_OK)
        ctx->out[0] = *ctx->in[0];
    return status;
}

static void ema_reference(const struct tn_ref *ctx)
{
    const double *state = ctx->in[0].data.f, *value = ctx->in[1].data.f;
    int apply = ctx->in[2].data.f[0] != 0;
    double momentum = tn_attrs_float(ctx->attrs, "momentum");
    for (int64_t i = 0; i < ctx->in[0].count; i++)
        ctx->out[0].data.f[i] = apply ? momentum * state[i] + (1 - momentum) * value[i] : state[i];
}

static tn_status accumulate_infer(struct tn_infer *ctx)
{
    tn_status status = tn_ops_infer_alike(ctx, 0, 1);
    if (status == TN_OK)
        status = tn_update_scalar(ctx, accumulate_in, 2);
    if (status == TN_OK)
        ctx->out[0] = *ctx->in[0];
    return status;
}

static void accumulate_reference(const struct tn_ref *ctx)
{
    const double *acc = ctx->in[0].data.f, *value = ctx->in[1].data.f;
    int reset = ctx->in[2].data.f[0] != 0;
    for (int64_t i = 0; i < ctx->in[0].count; i++)
        ctx->out[0].data.f[i] = reset ? value[i] : acc[i] + value[i];
}

const struct tn_op tn_op_counter_add = {
    .name = "counter_add",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .flags = TN_OP_UPDATE,
    .in_names = counter_in,
    .out_names = counter_out,
    .formula = "counter + (apply != 0)",
    .shapes = "counter an i64 scalar, apply an f32 scalar",
    .infer = counter_infer,
    .no_gradient = TN_UPDATE_NO_GRADIENT,
    .reference = counter_reference,
};
const struct tn_op tn_op_ema_update = {
    TN_UPDATE_OP(ema_update, ema_in, ema_out, ema_attrs, ema_infer, ema_reference),
    .formula = "momentum state + (1 - momentum) value",
    .shapes = "state, value one shape, floating point; apply an f32 scalar",
};
const struct tn_op tn_op_accumulate = {
    .name = "accumulate",
    .version = 1,
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .flags = TN_OP_UPDATE,
    .in_names = accumulate_in,
    .out_names = accumulate_out,
    .formula = "reset != 0 ? value : acc + value",
    .shapes = "acc, value one shape, floating point; reset an f32 scalar",
    .infer = accumulate_infer,
    .no_gradient = TN_UPDATE_NO_GRADIENT,
    .reference = accumulate_reference,
};
