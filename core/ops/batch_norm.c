/* Batch normalisation (Ioffe and Szegedy, 2015). x is [N, C, ...]; per channel c, over the M cells
 * of the batch that lie in it:
 *
 *   mean = sum x / M     var = sum (x - mean)^2 / M     inv_std = 1 / sqrt(var + epsilon)
 *   y = (x - mean) inv_std scale + bias
 *
 * With xhat = (x - mean) inv_std, mean and var being functions of x:
 *   dbias = sum dy      dscale = sum dy xhat
 *   dx = scale inv_std / M (M dy - dbias - xhat dscale)
 *
 * Inference takes mean and var as given (the running ones):
 *   y = (x - mean) / sqrt(var + epsilon) scale + bias
 * and is then linear in x, scale and bias. */
#include <inttypes.h>
#include <math.h>

#include "graph/graph.h"
#include "ops/util.h"

static const struct tn_attr_schema epsilon_attr[] = {
    {.name = "epsilon",
     .type = TN_ATTR_FLOAT,
     .dflt = {.u.f = 1e-3},
     .doc = "added to the variance, so that a constant channel does not divide by zero"}};

/* --- shape rules --- */

/* Input 0 is x [N, C, ...]; inputs [from, to) are [C], of x's dtype. */
static tn_status check_channels(const struct tn_infer *ctx, const char *const *names, uint32_t from,
                                uint32_t to)
{
    tn_status status = tn_infer_float(ctx, 0);
    if (status == TN_OK)
        status = tn_infer_rank(ctx, 0, 2, TN_MAX_RANK);
    for (uint32_t i = from; status == TN_OK && i < to; i++) {
        int64_t n_channels = ctx->in[0]->shape.dim[1];
        status = tn_infer_rank(ctx, i, 1, 1);
        if (status == TN_OK)
            status = tn_infer_same_dtype(ctx, 0, i);
        if (status == TN_OK && ctx->in[i]->shape.dim[0] != n_channels)
            status = tn_infer_fail(
                ctx, "'%s' has %" PRId64 " entries, x has %" PRId64 " channels (its second dim)",
                names[i], ctx->in[i]->shape.dim[0], n_channels);
    }
    return status;
}

static int64_t cells_per_channel(const struct tn_shape *x)
{
    return x->dim[0] * tn_ops_product(x, 2, x->rank);
}

static const char *const norm_in[] = {"x", "scale", "bias", "mean", "var"};
static const char *const norm_out[] = {"y", "mean", "inv_std", "var"};

static tn_status norm_infer(struct tn_infer *ctx)
{
    tn_status status = check_channels(ctx, norm_in, 1, 3);
    if (status == TN_OK)
        status = tn_ops_infer_range(ctx, "epsilon", 0, INFINITY);
    if (status != TN_OK)
        return status;
    if (cells_per_channel(&ctx->in[0]->shape) == 0)
        return tn_infer_fail(ctx, "x has no cell per channel to take a mean of");
    ctx->out[0] = *ctx->in[0];
    for (uint32_t i = 1; i < 4; i++)
        ctx->out[i] = *ctx->in[1];
    return TN_OK;
}

static const char *const grad_in[] = {"x", "scale", "mean", "inv_std", "dy"};
static const char *const grad_out[] = {"dx", "dscale", "dbias"};

static tn_status grad_infer(struct tn_infer *ctx)
{
    tn_status status = check_channels(ctx, grad_in, 1, 4);
    if (status == TN_OK)
        status = tn_infer_same_shape(ctx, 0, 4);
    if (status == TN_OK)
        status = tn_infer_same_dtype(ctx, 0, 4);
    if (status != TN_OK)
        return status;
    ctx->out[0] = *ctx->in[0];
    ctx->out[1] = *ctx->in[1];
    ctx->out[2] = *ctx->in[1];
    return TN_OK;
}

static tn_status inference_infer(struct tn_infer *ctx)
{
    tn_status status = check_channels(ctx, norm_in, 1, 5);
    if (status == TN_OK)
        status = tn_ops_infer_range(ctx, "epsilon", 0, INFINITY);
    if (status == TN_OK)
        ctx->out[0] = *ctx->in[0];
    return status;
}

/* --- gradients --- */

static tn_status reject(const struct tn_grad *ctx, const char *where, const char *name)
{
    tn_graph_fail(ctx->graph, TN_E_INVALID,
                  "node '%s': no gradient flows %s '%s', for statistics are taken as given; put "
                  "stop_gradient on it",
                  ctx->label, where, name);
    return TN_E_INVALID;
}

static tn_status norm_gradient(const struct tn_grad *ctx)
{
    for (uint32_t i = 1; i < 4; i++)
        if (ctx->out_grad[i] != TN_NONE)
            return reject(ctx, "through its output", norm_out[i]);
    if (ctx->out_grad[0] == TN_NONE)
        return TN_OK;
    const tn_value in[] = {ctx->in[0], ctx->in[1], ctx->out[1], ctx->out[2], ctx->out_grad[0]};
    tn_value out[3];
    tn_graph_op(ctx->graph, "batch_norm_grad", in, TN_LEN(in), NULL, 0, out, TN_LEN(out));
    for (uint32_t i = 0; i < 3; i++)
        if (ctx->needed[i])
            ctx->in_grad[i] = out[i];
    return TN_OK;
}

/* A [C] value as [C, 1, ...], to broadcast against x. */
static tn_value per_channel(const struct tn_grad *ctx, tn_value v)
{
    struct tn_shape x = tn_graph_shape(ctx->graph, ctx->in[0]), shape = {.rank = x.rank - 1};
    shape.dim[0] = x.dim[1];
    for (uint32_t i = 1; i < shape.rank; i++)
        shape.dim[i] = 1;
    return shape.rank == 1 ? v : tn_reshape(ctx->graph, v, &shape);
}

/* Sum over all axes but the channels. */
static tn_value sum_per_channel(const struct tn_grad *ctx, tn_value v)
{
    int64_t axes[TN_MAX_RANK] = {0};
    uint32_t rank = tn_graph_shape(ctx->graph, ctx->in[0]).rank;
    for (uint32_t i = 2; i < rank; i++)
        axes[i - 1] = i;
    return tn_sum(ctx->graph, v, axes, rank - 1, 0);
}

static tn_status inference_gradient(const struct tn_grad *ctx)
{
    for (uint32_t i = 3; i < 5; i++)
        if (ctx->needed[i])
            return reject(ctx, "to its input", norm_in[i]);
    tn_graph *graph = ctx->graph;
    tn_value x = ctx->in[0], scale = ctx->in[1], mean = ctx->in[3], dy = ctx->out_grad[0];
    tn_value epsilon = tn_ops_scalar(ctx, x, tn_attrs_float(ctx->attrs, "epsilon"));
    tn_value std = tn_op1(graph, "sqrt", tn_add(graph, ctx->in[4], epsilon), NULL, 0);
    if (ctx->needed[0]) {
        tn_value slope = tn_div(graph, scale, std);
        ctx->in_grad[0] = tn_mul(graph, dy, per_channel(ctx, slope));
    }
    if (ctx->needed[1]) {
        tn_value centred = tn_sub(graph, x, per_channel(ctx, mean));
        tn_value sum = sum_per_channel(ctx, tn_mul(graph, dy, centred));
        ctx->in_grad[1] = tn_div(graph, sum, std);
    }
    if (ctx->needed[2])
        ctx->in_grad[2] = sum_per_channel(ctx, dy);
    return TN_OK;
}

/* --- references --- */

/* Walks the cells of channel c: cell k lies at channel_at(...). */
struct channels {
    int64_t n_channels, n_inner, n_cells;
};

static struct channels channels_of(const struct tn_shape *x)
{
    return (struct channels){x->dim[1], tn_ops_product(x, 2, x->rank), cells_per_channel(x)};
}

static int64_t channel_at(const struct channels *ch, int64_t c, int64_t k)
{
    return (k / ch->n_inner * ch->n_channels + c) * ch->n_inner + k % ch->n_inner;
}

static void norm_reference(const struct tn_ref *ctx)
{
    struct channels ch = channels_of(&ctx->in[0].type.shape);
    const double *x = ctx->in[0].data.f, *scale = ctx->in[1].data.f, *bias = ctx->in[2].data.f;
    double epsilon = tn_attrs_float(ctx->attrs, "epsilon");
    for (int64_t c = 0; c < ch.n_channels; c++) {
        double sum = 0, square = 0;
        for (int64_t k = 0; k < ch.n_cells; k++)
            sum += x[channel_at(&ch, c, k)];
        double mean = sum / (double)ch.n_cells;
        for (int64_t k = 0; k < ch.n_cells; k++) {
            double d = x[channel_at(&ch, c, k)] - mean;
            square += d * d;
        }
        double var = square / (double)ch.n_cells, inv_std = 1 / sqrt(var + epsilon);
        for (int64_t k = 0; k < ch.n_cells; k++) {
            int64_t at = channel_at(&ch, c, k);
            ctx->out[0].data.f[at] = (x[at] - mean) * inv_std * scale[c] + bias[c];
        }
        ctx->out[1].data.f[c] = mean;
        ctx->out[2].data.f[c] = inv_std;
        ctx->out[3].data.f[c] = var;
    }
}

static void grad_reference(const struct tn_ref *ctx)
{
    struct channels ch = channels_of(&ctx->in[0].type.shape);
    const double *x = ctx->in[0].data.f, *scale = ctx->in[1].data.f, *mean = ctx->in[2].data.f;
    const double *inv_std = ctx->in[3].data.f, *dy = ctx->in[4].data.f;
    double count = (double)ch.n_cells;
    for (int64_t c = 0; c < ch.n_channels; c++) {
        double dbias = 0, dscale = 0;
        for (int64_t k = 0; k < ch.n_cells; k++) {
            int64_t at = channel_at(&ch, c, k);
            dbias += dy[at];
            dscale += dy[at] * (x[at] - mean[c]) * inv_std[c];
        }
        for (int64_t k = 0; k < ch.n_cells; k++) {
            int64_t at = channel_at(&ch, c, k);
            double xhat = (x[at] - mean[c]) * inv_std[c];
            ctx->out[0].data.f[at] =
                scale[c] * inv_std[c] / count * (count * dy[at] - dbias - xhat * dscale);
        }
        ctx->out[1].data.f[c] = dscale;
        ctx->out[2].data.f[c] = dbias;
    }
}

static void inference_reference(const struct tn_ref *ctx)
{
    struct channels ch = channels_of(&ctx->in[0].type.shape);
    const double *x = ctx->in[0].data.f, *scale = ctx->in[1].data.f, *bias = ctx->in[2].data.f;
    const double *mean = ctx->in[3].data.f, *var = ctx->in[4].data.f;
    double epsilon = tn_attrs_float(ctx->attrs, "epsilon");
    for (int64_t c = 0; c < ch.n_channels; c++)
        for (int64_t k = 0; k < ch.n_cells; k++) {
            int64_t at = channel_at(&ch, c, k);
            ctx->out[0].data.f[at] =
                (x[at] - mean[c]) / sqrt(var[c] + epsilon) * scale[c] + bias[c];
        }
}

/* --- the operators --- */

const struct tn_op tn_op_batch_norm = {
    .name = "batch_norm",
    .version = 1,
    .min_in = 3,
    .max_in = 3,
    .n_out = 4,
    .in_names = norm_in,
    .out_names = norm_out,
    .attrs = epsilon_attr,
    .n_attrs = TN_LEN(epsilon_attr),
    .formula = "y = (x - mean) inv_std scale + bias, mean and var of the batch per channel",
    .shapes =
        "x float [N, C, ...] of rank 2 or more, with at least one cell per channel; scale, "
        "bias [C] of x's dtype; y like x; mean, inv_std, var [C] of x's dtype, var over M cells "
        "(biased, as ONNX's running one; PyTorch's divides by M - 1); ema_update of mean and var "
        "keeps the running statistics",
    .infer = norm_infer,
    .gradient = norm_gradient,
    .reference = norm_reference,
};
const struct tn_op tn_op_batch_norm_grad = {
    .name = "batch_norm_grad",
    .version = 1,
    .min_in = 5,
    .max_in = 5,
    .n_out = 3,
    .in_names = grad_in,
    .out_names = grad_out,
    .formula = "dx = scale inv_std / M (M dy - dbias - xhat dscale)",
    .shapes = "x, dy float [N, C, ...]; scale, mean, inv_std [C]; dx like x; dscale, dbias [C]",
    .infer = grad_infer,
    .no_gradient = "second derivatives of batch normalisation are not offered",
    .reference = grad_reference,
};
const struct tn_op tn_op_batch_norm_inference = {
    .name = "batch_norm_inference",
    .version = 1,
    .min_in = 5,
    .max_in = 5,
    .n_out = 1,
    .in_names = norm_in,
    .out_names = norm_out,
    .attrs = epsilon_attr,
    .n_attrs = TN_LEN(epsilon_attr),
    .formula = "y = (x - mean) / sqrt(var + epsilon) scale + bias",
    .shapes = "x float [N, C, ...] of rank 2 or more; scale, bias, mean, var [C] of x's dtype; y "
              "like x; no gradient to mean and var",
    .infer = inference_infer,
    .gradient = inference_gradient,
    .reference = inference_reference,
};
