/* layer_norm, rms_norm, group_norm, instance_norm: normalise each sample by itself, the same in
 * training and in inference. gamma, beta: one per normalised element (layer_norm, rms_norm: the
 * axes from `axis` on) or per channel (dim 1). Names and defaults are Keras's. */
#include <inttypes.h>

#include "base/compiler.h"
#include "nn/layer.h"

#define SCALE OPT_BOOL("scale", "true", "multiply by the trained gamma")
#define CENTER OPT_BOOL("center", "true", "add the trained beta")
#define EPSILON(text) OPT_FLOAT("epsilon", 0, text, "added to the variance or mean of squares")
#define AXIS                                                            \
    {                                                                   \
        .name = "axis", .type = TN_OPTION_INT, .dflt = "-1",            \
        .doc = "the first of the normalised axes; the batch is axis 0", \
    }

static const struct tn_option layer_options[] = {AXIS, EPSILON("0.001"), CENTER, SCALE};
static const struct tn_option rms_options[] = {AXIS, EPSILON("1e-6"), SCALE};
static const struct tn_option group_options[] = {
    OPT_INT("groups", 1, "32", "groups of neighbouring channels"), EPSILON("0.001"), CENTER, SCALE};
static const struct tn_option instance_options[] = {EPSILON("0.001"), CENTER, SCALE};

/* gamma and beta as the options want them; emits the node. `attrs`: epsilon and perhaps another. */
static tn_value emit(const struct tn_layer_ctx *ctx, const char *op, const struct tn_shape *shape,
                     const struct tn_attr *attrs, size_t n_attrs, size_t n_in, size_t n_out)
{
    tn_value in[3] = {ctx->in[0], TN_NONE, TN_NONE}, out[3];
    int64_t n = 1;
    for (uint32_t i = 0; i < shape->rank; i++) {
        if (shape->dim[i] <= 0)
            return tn_layer_fail(ctx, "the sizes that are normalised over must be known");
        n *= shape->dim[i];
    }
    if (tn_options_int(&ctx->options, "scale"))
        in[1] = tn_layer_param(ctx, "gamma", shape, "ones", n, n);
    if (n_in == 3 && tn_options_int(&ctx->options, "center"))
        in[2] = tn_layer_param(ctx, "beta", shape, "zeros", n, n);
    tn_graph_op(ctx->graph, op, in, n_in, attrs, n_attrs, out, n_out);
    return out[0];
}

static tn_value over_axes(const struct tn_layer_ctx *ctx, const char *op, size_t n_in, size_t n_out)
{
    struct tn_shape in;
    if (!tn_layer_rank(ctx, 0, 2, TN_MAX_RANK, &in))
        return TN_NONE;
    int64_t given = tn_options_int(&ctx->options, "axis"),
            axis = given < 0 ? given + in.rank : given;
    if (axis < 1 || axis >= (int64_t)in.rank)
        return tn_layer_fail(ctx,
                             "option 'axis' is %" PRId64 "; it must be from 1 to %u, or -%u to -1",
                             given, in.rank - 1, in.rank - 1);
    struct tn_shape shape = tn_shape_make(in.dim + axis, in.rank - (uint32_t)axis);
    const struct tn_attr attrs[] = {TN_AI("axis", axis),
                                    TN_AF("epsilon", tn_options_float(&ctx->options, "epsilon"))};
    return emit(ctx, op, &shape, attrs, TN_LEN(attrs), n_in, n_out);
}

static tn_value build_layer_norm(const struct tn_layer_ctx *ctx)
{
    return over_axes(ctx, "layer_norm", 3, 3);
}

static tn_value build_rms_norm(const struct tn_layer_ctx *ctx)
{
    return over_axes(ctx, "rms_norm", 2, 2);
}

static tn_value build_group_norm(const struct tn_layer_ctx *ctx)
{
    struct tn_shape in;
    int64_t groups = tn_options_int(&ctx->options, "groups");
    if (!tn_layer_rank(ctx, 0, 2, TN_MAX_RANK, &in))
        return TN_NONE;
    if (in.dim[1] <= 0 || in.dim[1] % groups != 0)
        return tn_layer_fail(
            ctx, "option 'groups' is %" PRId64 "; it must divide the channels (dim 1)", groups);
    const struct tn_attr attrs[] = {TN_AI("num_groups", groups),
                                    TN_AF("epsilon", tn_options_float(&ctx->options, "epsilon"))};
    return emit(ctx, "group_norm", &TN_SHAPE(in.dim[1]), attrs, TN_LEN(attrs), 3, 3);
}

static tn_value build_instance_norm(const struct tn_layer_ctx *ctx)
{
    struct tn_shape in;
    if (!tn_layer_rank(ctx, 0, 3, TN_MAX_RANK, &in))
        return TN_NONE;
    const struct tn_attr epsilon = TN_AF("epsilon", tn_options_float(&ctx->options, "epsilon"));
    return emit(ctx, "instance_norm", &TN_SHAPE(in.dim[1]), &epsilon, 1, 3, 3);
}

#define NORM_LAYER(type, text)                             \
    const struct tn_layer_type tn_layer_##type##_norm = {  \
        .component = {.name = #type "_norm",               \
                      .doc = text,                         \
                      .options = type##_options,           \
                      .n_options = TN_LEN(type##_options), \
                      .min_inputs = 1,                     \
                      .max_inputs = 1},                    \
        .build = build_##type##_norm,                      \
    }
NORM_LAYER(layer, "normalises each sample over its last axes");
NORM_LAYER(rms, "divides each sample by the root mean square over its last axes");
NORM_LAYER(group, "normalises groups of channels of each sample");
NORM_LAYER(instance, "normalises each channel of each sample");
