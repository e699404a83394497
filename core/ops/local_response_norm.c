/* Local response normalisation across channels (Krizhevsky et al. 2012; ONNX LRN). x [N, C, ...]:
 *
 *   norm[c] = bias + alpha / size sum of x[j]^2, j in [c - lo, c + hi] within the channels
 *   y[c] = x[c] norm[c]^-beta              lo = floor((size - 1) / 2), hi = ceil((size - 1) / 2)
 *
 *   dx[j] = dy[j] norm[j]^-beta - 2 alpha beta / size x[j] sum of dy[c] x[c] norm[c]^(-beta - 1)
 *           over the c whose window holds j: [j - hi, j + lo]
 *
 * norm is an output, so that the gradient need not sum the windows again. */
#include <inttypes.h>
#include <math.h>

#include "graph/graph.h"
#include "ops/util.h"

struct lrn {
    int64_t outer, channels, inner, lo, hi;
    double factor, beta, bias; /* factor: alpha / size */
};

static struct lrn lrn_of(const struct tn_attrs *attrs, const struct tn_shape *x)
{
    int64_t size = tn_attrs_int(attrs, "size");
    return (struct lrn){
        .outer = x->dim[0],
        .channels = x->dim[1],
        .inner = tn_ops_product(x, 2, x->rank),
        .lo = (size - 1) / 2,
        .hi = size / 2,
        .factor = tn_attrs_float(attrs, "alpha") / (double)size,
        .beta = tn_attrs_float(attrs, "beta"),
    };
}

static tn_status infer_x(const struct tn_infer *ctx)
{
    tn_status st = tn_infer_float(ctx, 0);
    if (st == TN_OK)
        st = tn_infer_rank(ctx, 0, 2, TN_MAX_RANK);
    int64_t size = st == TN_OK ? tn_attrs_int(ctx->attrs, "size") : 1;
    if (st == TN_OK && (size < 1 || size > INT32_MAX))
        st = tn_infer_fail(ctx, "size is %" PRId64 ", must be from 1 to 2^31 - 1 channels", size);
    if (st == TN_OK)
        st = tn_ops_infer_finite(ctx, "alpha");
    return st == TN_OK ? tn_ops_infer_finite(ctx, "beta") : st;
}

static tn_status lrn_infer(struct tn_infer *ctx)
{
    tn_status st = infer_x(ctx);
    if (st == TN_OK)
        st = tn_ops_infer_finite(ctx, "bias");
    if (st != TN_OK)
        return st;
    ctx->out[0] = *ctx->in[0];
    ctx->out[1] = *ctx->in[0];
    return TN_OK;
}

static tn_status lrn_grad_infer(struct tn_infer *ctx)
{
    tn_status st = infer_x(ctx);
    return st == TN_OK ? tn_ops_infer_like(ctx, 3) : st;
}

static void lrn_reference(const struct tn_ref *ctx)
{
    struct lrn l = lrn_of(ctx->attrs, &ctx->in[0].type.shape);
    double bias = tn_attrs_float(ctx->attrs, "bias");
    for (int64_t i = 0; i < ctx->in[0].count; i++) {
        int64_t c = i / l.inner % l.channels;
        const double *x = ctx->in[0].data.f + (i - c * l.inner); /* channel 0 of this place */
        double sum = 0;
        for (int64_t j = 0; j < l.channels; j++)
            if (j >= c - l.lo && j <= c + l.hi)
                sum += x[j * l.inner] * x[j * l.inner];
        double norm = bias + l.factor * sum;
        ctx->out[0].data.f[i] = x[c * l.inner] * pow(norm, -l.beta);
        ctx->out[1].data.f[i] = norm;
    }
}

static void lrn_grad_reference(const struct tn_ref *ctx)
{
    struct lrn l = lrn_of(ctx->attrs, &ctx->in[0].type.shape);
    const double *x = ctx->in[0].data.f, *norm = ctx->in[1].data.f, *dy = ctx->in[2].data.f;
    for (int64_t i = 0; i < ctx->in[0].count; i++) {
        int64_t j = i / l.inner % l.channels, first = i - j * l.inner;
        double sum = 0;
        for (int64_t c = 0; c < l.channels; c++) {
            int64_t at = first + c * l.inner;
            if (j >= c - l.lo && j <= c + l.hi)
                sum += dy[at] * x[at] * pow(norm[at], -l.beta - 1);
        }
        ctx->out[0].data.f[i] = dy[i] * pow(norm[i], -l.beta) - 2 * l.factor * l.beta * x[i] * sum;
    }
}

static tn_status lrn_gradient(const struct tn_grad *ctx)
{
    if (ctx->out_grad[1] != TN_NONE) {
        tn_graph_fail(ctx->graph, TN_E_INVALID,
                      "node '%s': no gradient flows through its output 'norm'; put stop_gradient "
                      "on it",
                      ctx->label);
        return TN_E_INVALID;
    }
    struct tn_attr attr[] = {tn_ops_attr(ctx, "size"), tn_ops_attr(ctx, "alpha"),
                             tn_ops_attr(ctx, "beta")};
    if (ctx->needed[0] && ctx->out_grad[0] != TN_NONE)
        ctx->in_grad[0] = tn_op3(ctx->graph, "local_response_norm_grad", ctx->in[0], ctx->out[1],
                                 ctx->out_grad[0], attr, TN_LEN(attr));
    return TN_OK;
}

/* `bias` is last: the gradient finds it in norm. */
static const struct tn_attr_schema attrs[] = {
    {.name = "size", .type = TN_ATTR_INT, .required = 1, .doc = "channels that a window sums over"},
    {.name = "alpha", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 1e-4}, .doc = "weight of the squares"},
    {.name = "beta", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 0.75}, .doc = "the power"},
    {.name = "bias", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 1.0}, .doc = "added to the sum"},
};
static const char *const lrn_out[] = {"y", "norm"}, *const lrn_grad_in[] = {"x", "norm", "dy"};

const struct tn_op tn_op_local_response_norm = {
    .name = "local_response_norm",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 2,
    .in_names = tn_ops_in_x,
    .out_names = lrn_out,
    .attrs = attrs,
    .n_attrs = TN_LEN(attrs),
    .formula = "norm = bias + alpha / size sum x^2 over `size` channels around; y = x norm^-beta",
    .shapes = "x float [N, C, ...]; y, norm like x; the window has floor((size - 1) / 2) channels "
              "before and ceil((size - 1) / 2) after, cut at the ends",
    .infer = lrn_infer,
    .gradient = lrn_gradient,
    .reference = lrn_reference,
};
const struct tn_op tn_op_local_response_norm_grad = {
    .name = "local_response_norm_grad",
    .version = 1,
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .in_names = lrn_grad_in,
    .out_names = tn_ops_out_dx,
    .attrs = attrs,
    .n_attrs = 3,
    .formula = "dy norm^-beta - 2 alpha beta / size x sum(dy x norm^(-beta - 1))",
    .shapes = "x, norm, dy, dx: one shape [N, C, ...] and float dtype",
    .infer = lrn_grad_infer,
    .no_gradient = TN_OPS_NO_SECOND,
    .reference = lrn_grad_reference,
};
