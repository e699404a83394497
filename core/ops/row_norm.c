/* Normalisation within a sample: layer (Ba, Kiros and Hinton 2016; ONNX LayerNormalization), group
 * (Wu and He 2018; ONNX GroupNormalization 21), instance (Ulyanov et al. 2016; ONNX
 * InstanceNormalization) and RMS (Zhang and Sennrich 2019; ONNX RMSNormalization). Each takes x as
 * rows of M neighbouring elements; per row:
 *
 *   mean = sum x / M     var = sum (x - mean)^2 / M     inv_std = 1 / sqrt(var + epsilon)
 *   y = xhat scale + bias          xhat = (x - mean) inv_std
 * rms_norm has no mean: inv_rms = 1 / sqrt(sum x^2 / M + epsilon), xhat = x inv_rms.
 *
 * With g = dy scale, and the mean of the row written <.>:
 *   dx = inv_std (g - <g> - xhat <g xhat>)     without <g> for rms_norm
 *   dscale = sum dy xhat     dbias = sum dy    over the rows that use the entry
 *
 * layer and rms: a row is what lies under the axes from `axis` on, scale and bias have its shape.
 * group and instance: a row is a group's channels of one sample, scale and bias are per channel. */
#include <inttypes.h>
#include <math.h>

#include "graph/graph.h"
#include "ops/util.h"

/* Entry of scale for element i of row r: r % n_groups * per_group + i / inner. */
struct rows {
    int64_t n_rows, length;
    int64_t n_groups, per_group, inner;
};

static struct rows rows_of_axis(const struct tn_attrs *attrs, const struct tn_shape *x)
{
    uint32_t d = tn_ops_axis(attrs, x->rank);
    int64_t length = tn_ops_product(x, d, x->rank);
    return (struct rows){tn_ops_product(x, 0, d), length, 1, length, 1};
}

static struct rows rows_of_groups(const struct tn_shape *x, int64_t n_groups)
{
    int64_t inner = tn_ops_product(x, 2, x->rank), per_group = x->dim[1] / n_groups;
    return (struct rows){x->dim[0] * n_groups, per_group * inner, n_groups, per_group, inner};
}

static int64_t param_at(const struct rows *rows, int64_t r, int64_t i)
{
    return r % rows->n_groups * rows->per_group + i / rows->inner;
}

/* --- shape rules --- */

enum kind { LAYER, RMS, GROUP, INSTANCE };

/* Shapes of scale and bias, and of the statistics. */
static tn_status split_axis(const struct tn_infer *ctx, struct tn_shape *out_params,
                            struct tn_shape *out_stats)
{
    const struct tn_shape *x = &ctx->in[0]->shape;
    uint32_t axis;
    tn_status st = tn_infer_rank(ctx, 0, 1, TN_MAX_RANK);
    if (st == TN_OK)
        st = tn_infer_axis(ctx, tn_attrs_int(ctx->attrs, "axis"), x->rank, &axis);
    if (st != TN_OK)
        return st;
    *out_params = tn_shape_make(x->dim + axis, x->rank - axis);
    *out_stats = *x;
    for (uint32_t d = axis; d < x->rank; d++)
        out_stats->dim[d] = 1;
    return TN_OK;
}

static tn_status split_groups(const struct tn_infer *ctx, int64_t n_groups,
                              struct tn_shape *out_params, struct tn_shape *out_stats)
{
    tn_status st = tn_infer_rank(ctx, 0, 2, TN_MAX_RANK);
    if (st != TN_OK)
        return st;
    const struct tn_shape *x = &ctx->in[0]->shape;
    if (n_groups < 1 || x->dim[1] % n_groups != 0)
        return tn_infer_fail(ctx,
                             "num_groups is %" PRId64 ", must be at least 1 and divide the %" PRId64
                             " channels of x (its second dim)",
                             n_groups, x->dim[1]);
    *out_params = TN_SHAPE(x->dim[1]);
    *out_stats = TN_SHAPE(x->dim[0], n_groups);
    return TN_OK;
}

static tn_status split(const struct tn_infer *ctx, enum kind kind, struct tn_shape *out_params,
                       struct tn_shape *out_stats)
{
    tn_status st = tn_infer_float(ctx, 0);
    if (st != TN_OK)
        return st;
    if (kind == LAYER || kind == RMS)
        return split_axis(ctx, out_params, out_stats);
    if (kind == GROUP)
        return split_groups(ctx, tn_attrs_int(ctx->attrs, "num_groups"), out_params, out_stats);
    int64_t n = ctx->in[0]->shape.rank > 1 ? ctx->in[0]->shape.dim[1] : 1;
    st = split_groups(ctx, n ? n : 1, out_params, out_stats);
    if (st == TN_OK)
        out_stats->dim[1] = n;
    return st;
}

/* Inputs [from, to), where present, are of x's dtype and of the shape of `params`. */
static tn_status check_params(const struct tn_infer *ctx, uint32_t from, uint32_t to,
                              const struct tn_shape *params)
{
    char have[128], want[128];
    for (uint32_t i = from; i < to; i++) {
        if (!ctx->in[i])
            continue;
        tn_status st = tn_infer_same_dtype(ctx, 0, i);
        if (st != TN_OK)
            return st;
        if (!tn_shape_equal(&ctx->in[i]->shape, params))
            return tn_infer_fail(ctx, "'%s' has shape %s, must have %s: one entry per %s",
                                 i == 1 ? "scale" : "bias",
                                 tn_shape_format(&ctx->in[i]->shape, have, sizeof(have)),
                                 tn_shape_format(params, want, sizeof(want)),
                                 params->rank == 1 && ctx->in[0]->shape.rank > 1 &&
                                         ctx->in[0]->shape.dim[1] == params->dim[0]
                                     ? "normalised channel"
                                     : "normalised element");
    }
    return TN_OK;
}

static tn_status infer_forward(struct tn_infer *ctx, enum kind kind)
{
    struct tn_shape params, stats;
    tn_status st = split(ctx, kind, &params, &stats);
    if (st == TN_OK)
        st = check_params(ctx, 1, ctx->n_in, &params);
    if (st == TN_OK)
        st = tn_ops_infer_range(ctx, "epsilon", 0, INFINITY);
    if (st != TN_OK)
        return st;
    const struct tn_shape *x = &ctx->in[0]->shape;
    if (tn_ops_product(x, 0, x->rank) == 0 && tn_ops_product(&stats, 0, stats.rank) != 0)
        return tn_infer_fail(ctx, "x has no element per row to take a mean of");
    ctx->out[0] = *ctx->in[0];
    for (uint32_t k = 1; k < ctx->n_out; k++)
        ctx->out[k] = (struct tn_type){tn_ops_loss_dtype(ctx->in[0]->dtype), stats};
    return TN_OK;
}

/* Inputs: x, scale?, statistics ..., dy. */
static tn_status infer_backward(struct tn_infer *ctx, enum kind kind)
{
    struct tn_shape params, stats;
    char text[128];
    uint32_t dy = ctx->n_in - 1;
    tn_status st = split(ctx, kind, &params, &stats);
    if (st == TN_OK)
        st = check_params(ctx, 1, 2, &params);
    if (st == TN_OK)
        st = tn_infer_same_dtype(ctx, 0, dy);
    if (st == TN_OK)
        st = tn_infer_same_shape(ctx, 0, dy);
    for (uint32_t i = 2; st == TN_OK && i < dy; i++) {
        tn_dtype dtype = ctx->in[i]->dtype;
        if (dtype != ctx->in[0]->dtype && dtype != tn_ops_loss_dtype(ctx->in[0]->dtype))
            st = tn_infer_same_dtype(ctx, 0, i);
        else if (!tn_shape_equal(&ctx->in[i]->shape, &stats))
            st = tn_infer_fail(ctx, "input %u must have shape %s, a number per normalised row", i,
                               tn_shape_format(&stats, text, sizeof(text)));
    }
    if (st != TN_OK)
        return st;
    ctx->out[0] = *ctx->in[0];
    for (uint32_t k = 1; k < ctx->n_out; k++)
        ctx->out[k] = (struct tn_type){ctx->in[0]->dtype, params};
    return TN_OK;
}

#define RULES(name, kind)                                    \
    static tn_status name##_infer(struct tn_infer *ctx)      \
    {                                                        \
        return infer_forward(ctx, kind);                     \
    }                                                        \
    static tn_status name##_grad_infer(struct tn_infer *ctx) \
    {                                                        \
        return infer_backward(ctx, kind);                    \
    }
RULES(layer, LAYER)
RULES(rms, RMS)
RULES(group, GROUP)
RULES(instance, INSTANCE)

/* --- gradients --- */

/* `op` has n_stats statistics as its last outputs and n_params inputs after x. */
static tn_status gradient(const struct tn_grad *ctx, const char *op, uint32_t n_stats,
                          const struct tn_attr *attr, uint32_t n_attr)
{
    for (uint32_t k = 1; k <= n_stats; k++)
        if (ctx->out_grad[k] != TN_NONE) {
            tn_graph_fail(ctx->graph, TN_E_INVALID,
                          "node '%s': no gradient flows through its statistics (output %u); put "
                          "stop_gradient on it",
                          ctx->label, k);
            return TN_E_INVALID;
        }
    if (ctx->out_grad[0] == TN_NONE)
        return TN_OK;
    tn_value in[5] = {ctx->in[0], ctx->in[1]}, out[3];
    for (uint32_t k = 0; k < n_stats; k++)
        in[2 + k] = ctx->out[1 + k];
    in[2 + n_stats] = ctx->out_grad[0];
    tn_graph_op(ctx->graph, op, in, 3 + n_stats, attr, n_attr, out, ctx->n_in);
    for (uint32_t i = 0; i < ctx->n_in; i++)
        if (ctx->needed[i])
            ctx->in_grad[i] = out[i];
    return TN_OK;
}

static tn_status layer_gradient(const struct tn_grad *ctx)
{
    struct tn_attr axis = tn_ops_attr(ctx, "axis");
    return gradient(ctx, "layer_norm_grad", 2, &axis, 1);
}
static tn_status rms_gradient(const struct tn_grad *ctx)
{
    struct tn_attr axis = tn_ops_attr(ctx, "axis");
    return gradient(ctx, "rms_norm_grad", 1, &axis, 1);
}
static tn_status group_gradient(const struct tn_grad *ctx)
{
    struct tn_attr groups = tn_ops_attr(ctx, "num_groups");
    return gradient(ctx, "group_norm_grad", 2, &groups, 1);
}
static tn_status instance_gradient(const struct tn_grad *ctx)
{
    return gradient(ctx, "instance_norm_grad", 2, NULL, 0);
}

/* --- references --- */

static void forward(const struct tn_ref *ctx, const struct rows *rows, int centred)
{
    const double *scale = ctx->in[1].data.f, *bias = centred ? ctx->in[2].data.f : NULL;
    double epsilon = tn_attrs_float(ctx->attrs, "epsilon");
    for (int64_t r = 0; r < rows->n_rows; r++) {
        const double *x = ctx->in[0].data.f + r * rows->length;
        double *y = ctx->out[0].data.f + r * rows->length, mean = 0, square = 0;
        for (int64_t i = 0; centred && i < rows->length; i++)
            mean += x[i];
        mean /= (double)rows->length;
        for (int64_t i = 0; i < rows->length; i++)
            square += (x[i] - mean) * (x[i] - mean);
        double inv = 1 / sqrt(square / (double)rows->length + epsilon);
        for (int64_t i = 0; i < rows->length; i++) {
            int64_t p = param_at(rows, r, i);
            y[i] = (x[i] - mean) * inv * (scale ? scale[p] : 1) + (bias ? bias[p] : 0);
        }
        if (centred)
            ctx->out[1].data.f[r] = mean;
        ctx->out[centred ? 2 : 1].data.f[r] = inv;
    }
}

static void backward(const struct tn_ref *ctx, const struct rows *rows, int centred)
{
    const double *scale = ctx->in[1].data.f, *mean = centred ? ctx->in[2].data.f : NULL;
    const double *inv_std = ctx->in[centred ? 3 : 2].data.f;
    double *dscale = ctx->out[1].data.f, *dbias = centred ? ctx->out[2].data.f : NULL;
    for (uint32_t k = 1; k < ctx->n_out; k++)
        tn_ops_clear(&ctx->out[k]);
    for (int64_t r = 0; r < rows->n_rows; r++) {
        const double *x = ctx->in[0].data.f + r * rows->length;
        const double *dy = ctx->in[ctx->n_in - 1].data.f + r * rows->length;
        double *dx = ctx->out[0].data.f + r * rows->length;
        double m = mean ? mean[r] : 0, inv = inv_std[r], sum = 0, dot = 0;
        for (int64_t i = 0; i < rows->length; i++) {
            int64_t p = param_at(rows, r, i);
            double xhat = (x[i] - m) * inv, g = dy[i] * (scale ? scale[p] : 1);
            sum += g;
            dot += g * xhat;
            dscale[p] += dy[i] * xhat;
            if (dbias)
                dbias[p] += dy[i];
        }
        sum = centred ? sum / (double)rows->length : 0;
        dot /= (double)rows->length;
        for (int64_t i = 0; i < rows->length; i++) {
            double g = dy[i] * (scale ? scale[param_at(rows, r, i)] : 1);
            dx[i] = inv * (g - sum - (x[i] - m) * inv * dot);
        }
    }
}

static void layer_reference(const struct tn_ref *ctx)
{
    struct rows rows = rows_of_axis(ctx->attrs, &ctx->in[0].type.shape);
    forward(ctx, &rows, 1);
}
static void layer_grad_reference(const struct tn_ref *ctx)
{
    struct rows rows = rows_of_axis(ctx->attrs, &ctx->in[0].type.shape);
    backward(ctx, &rows, 1);
}
static void rms_reference(const struct tn_ref *ctx)
{
    struct rows rows = rows_of_axis(ctx->attrs, &ctx->in[0].type.shape);
    forward(ctx, &rows, 0);
}
static void rms_grad_reference(const struct tn_ref *ctx)
{
    struct rows rows = rows_of_axis(ctx->attrs, &ctx->in[0].type.shape);
    backward(ctx, &rows, 0);
}
static void group_reference(const struct tn_ref *ctx)
{
    struct rows rows =
        rows_of_groups(&ctx->in[0].type.shape, tn_attrs_int(ctx->attrs, "num_groups"));
    forward(ctx, &rows, 1);
}
static void group_grad_reference(const struct tn_ref *ctx)
{
    struct rows rows =
        rows_of_groups(&ctx->in[0].type.shape, tn_attrs_int(ctx->attrs, "num_groups"));
    backward(ctx, &rows, 1);
}
/* A row per channel; without channels there is none. */
static struct rows rows_of_channels(const struct tn_shape *x)
{
    return x->dim[1] ? rows_of_groups(x, x->dim[1]) : (struct rows){.n_rows = 0};
}
static void instance_reference(const struct tn_ref *ctx)
{
    struct rows rows = rows_of_channels(&ctx->in[0].type.shape);
    forward(ctx, &rows, 1);
}
static void instance_grad_reference(const struct tn_ref *ctx)
{
    struct rows rows = rows_of_channels(&ctx->in[0].type.shape);
    backward(ctx, &rows, 1);
}

/* --- operators --- */

#define EPSILON                                                          \
    {                                                                    \
        .name = "epsilon", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 1e-5}, \
        .doc = "added to the variance or mean of squares",               \
    }
#define AXIS                                                                      \
    {                                                                             \
        .name = "axis", .type = TN_ATTR_INT, .dflt = {.u.i = -1},                 \
        .doc = "the first of the normalised axes; the later ones belong to them", \
    }
#define GROUPS                                                         \
    {                                                                  \
        .name = "num_groups", .type = TN_ATTR_INT, .required = 1,      \
        .doc = "groups of neighbouring channels; divides their count", \
    }
/* axis or num_groups comes first, for the gradient has that one only */
static const struct tn_attr_schema axis_attrs[] = {AXIS, EPSILON};
static const struct tn_attr_schema group_attrs[] = {GROUPS, EPSILON};
static const struct tn_attr_schema epsilon_attrs[] = {EPSILON};

static const char *const norm_in[] = {"x", "scale", "bias"};
static const char *const norm_out[] = {"y", "mean", "inv_std"}, *const rms_out[] = {"y", "inv_rms"};
static const char *const grad_in[] = {"x", "scale?", "mean", "inv_std", "dy"};
static const char *const rms_grad_in[] = {"x", "scale?", "inv_rms", "dy"};
static const char *const grad_out[] = {"dx", "dscale", "dbias"};

#define FORWARD(op_name, attrs_, text, shapes_)                                               \
    .name = op_name, .version = 1, .min_in = 1, .max_in = 3, .n_out = 3, .in_names = norm_in, \
    .out_names = norm_out, .attrs = attrs_, .n_attrs = TN_LEN(attrs_), .formula = text,       \
    .shapes = shapes_
#define BACKWARD(op_name, attrs_, n_attrs_, shapes_)                                          \
    .name = op_name, .version = 1, .min_in = 5, .max_in = 5, .n_out = 3, .in_names = grad_in, \
    .out_names = grad_out, .attrs = attrs_, .n_attrs = n_attrs_, .shapes = shapes_,           \
    .formula = "g = dy scale; dx = inv_std (g - mean(g) - xhat mean(g xhat)), "               \
               "dscale = sum dy xhat, dbias = sum dy",                                        \
    .no_gradient = TN_OPS_NO_SECOND

const struct tn_op tn_op_layer_norm = {
    FORWARD("layer_norm", axis_attrs,
            "(x - mean) inv_std scale + bias, over the axes from `axis` on",
            "x float; scale?, bias? of x's dtype, shaped like x's axes from `axis` on; y like x; "
            "mean, inv_std: x's shape with those axes 1, f32 (f64 for f64)"),
    .infer = layer_infer, .gradient = layer_gradient, .reference = layer_reference};
const struct tn_op tn_op_layer_norm_grad = {
    BACKWARD("layer_norm_grad", axis_attrs, 1,
             "x, scale?, mean, inv_std as of layer_norm; dy like x; dx like x; dscale, dbias "
             "shaped like x's axes from `axis` on"),
    .infer = layer_grad_infer, .reference = layer_grad_reference};
const struct tn_op tn_op_group_norm = {
    FORWARD("group_norm", group_attrs,
            "(x - mean) inv_std scale + bias, over the channels of a group and all inner axes",
            "x float [N, C, ...]; scale?, bias? [C] of x's dtype; y like x; mean, inv_std "
            "[N, num_groups], f32 (f64 for f64)"),
    .infer = group_infer, .gradient = group_gradient, .reference = group_reference};
const struct tn_op tn_op_group_norm_grad = {
    BACKWARD("group_norm_grad", group_attrs, 1,
             "x, scale?, mean, inv_std as of group_norm; dy like x; dx like x; dscale, dbias [C]"),
    .infer = group_grad_infer, .reference = group_grad_reference};
const struct tn_op tn_op_instance_norm = {
    FORWARD("instance_norm", epsilon_attrs,
            "(x - mean) inv_std scale + bias, over all inner axes of one channel of one sample",
            "x float [N, C, ...]; scale?, bias? [C] of x's dtype; y like x; mean, inv_std [N, C], "
            "f32 (f64 for f64)"),
    .infer = instance_infer, .gradient = instance_gradient, .reference = instance_reference};
const struct tn_op tn_op_instance_norm_grad = {
    BACKWARD(
        "instance_norm_grad", NULL, 0,
        "x, scale?, mean, inv_std as of instance_norm; dy like x; dx like x; dscale, dbias [C]"),
    .infer = instance_grad_infer, .reference = instance_grad_reference};
const struct tn_op tn_op_rms_norm = {
    .name = "rms_norm",
    .version = 1,
    .min_in = 1,
    .max_in = 2,
    .n_out = 2,
    .in_names = norm_in,
    .out_names = rms_out,
    .attrs = axis_attrs,
    .n_attrs = TN_LEN(axis_attrs),
    .formula = "x / sqrt(mean(x^2) + epsilon) scale, over the axes from `axis` on",
    .shapes = "x float; scale? of x's dtype, shaped like x's axes from `axis` on; y like x; "
              "inv_rms: x's shape with those axes 1, f32 (f64 for f64)",
    .infer = rms_infer,
    .gradient = rms_gradient,
    .reference = rms_reference,
};
const struct tn_op tn_op_rms_norm_grad = {
    .name = "rms_norm_grad",
    .version = 1,
    .min_in = 4,
    .max_in = 4,
    .n_out = 2,
    .in_names = rms_grad_in,
    .out_names = grad_out,
    .attrs = axis_attrs,
    .n_attrs = 1,
    .formula = "g = dy scale; dx = inv_rms (g - xhat mean(g xhat)), dscale = sum dy xhat",
    .shapes = "x, scale?, inv_rms as of rms_norm; dy like x; dx like x; dscale shaped like x's "
              "axes from `axis` on",
    .infer = rms_grad_infer,
    .no_gradient = TN_OPS_NO_SECOND,
    .reference = rms_grad_reference,
};
