/* Softmax cross-entropy against class indices, one loss per sample.
 *
 *   prob = softmax(logits) over the last axis
 *   loss = log(sum e^z) - z[label]          z = logits less their maximum
 *   dlogits = (prob - onehot(label)) dloss  (sparse_softmax_cross_entropy_grad)
 *
 * Loss and probabilities come from one pass over the logits; the loss is not taken from log(prob),
 * which is -inf where prob underflows. A label outside [0, C) gives NaN, so that bad data shows;
 * its onehot is all zeros. A gradient that arrives at prob goes through softmax_grad. */
#include <math.h>

#include "ops/util.h"

static tn_status infer_labels(const struct tn_infer *ctx)
{
    const struct tn_shape *logits = &ctx->in[0]->shape, *labels = &ctx->in[1]->shape;
    tn_status st = tn_infer_float(ctx, 0);
    if (st == TN_OK)
        st = tn_infer_rank(ctx, 0, 1, TN_MAX_RANK);
    if (st == TN_OK)
        st = tn_ops_infer_index(ctx, 1);
    if (st != TN_OK)
        return st;
    struct tn_shape lead = tn_shape_make(logits->dim, logits->rank - 1);
    char text[128];
    if (!tn_shape_equal(&lead, labels))
        return tn_infer_fail(ctx,
                             "labels must have shape %s, one class index per row of the last axis; "
                             "one-hot labels go through argmax first",
                             tn_shape_format(&lead, text, sizeof(text)));
    return TN_OK;
}

static tn_status infer_forward(struct tn_infer *ctx)
{
    tn_status st = infer_labels(ctx);
    if (st != TN_OK)
        return st;
    ctx->out[0] = (struct tn_type){tn_ops_loss_dtype(ctx->in[0]->dtype), ctx->in[1]->shape};
    ctx->out[1] = *ctx->in[0];
    return TN_OK;
}

static tn_status infer_backward(struct tn_infer *ctx)
{
    tn_status st = infer_labels(ctx);
    if (st == TN_OK)
        st = tn_ops_infer_dloss(ctx, 2, &ctx->in[1]->shape);
    if (st == TN_OK)
        ctx->out[0] = *ctx->in[0];
    return st;
}

static void forward_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *s = &ctx->in[0].type.shape;
    int64_t classes = s->dim[s->rank - 1];
    for (int64_t r = 0; r < ctx->in[1].count; r++) {
        const double *z = ctx->in[0].data.f + r * classes;
        double *prob = ctx->out[1].data.f + r * classes;
        int64_t label = ctx->in[1].data.i[r];
        double top = -INFINITY, total = 0.0;
        for (int64_t c = 0; c < classes; c++)
            top = z[c] > top ? z[c] : top;
        for (int64_t c = 0; c < classes; c++)
            total += prob[c] = exp(z[c] - top);
        for (int64_t c = 0; c < classes; c++)
            prob[c] /= total;
        ctx->out[0].data.f[r] = label >= 0 && label < classes ? log(total) - (z[label] - top) : NAN;
    }
}

static void backward_reference(const struct tn_ref *ctx)
{
    const struct tn_shape *s = &ctx->in[0].type.shape;
    int64_t classes = s->dim[s->rank - 1];
    for (int64_t r = 0; r < ctx->in[1].count; r++) {
        const double *prob = ctx->in[0].data.f + r * classes;
        double *dz = ctx->out[0].data.f + r * classes;
        for (int64_t c = 0; c < classes; c++)
            dz[c] = (prob[c] - (c == ctx->in[1].data.i[r] ? 1.0 : 0.0)) * ctx->in[2].data.f[r];
    }
}

static tn_status forward_gradient(const struct tn_grad *ctx)
{
    tn_graph *g = ctx->graph;
    tn_value dloss = ctx->out_grad[0], dprob = ctx->out_grad[1], prob = ctx->out[1];
    if (!ctx->needed[0])
        return TN_OK;
    tn_value d = TN_NONE;
    if (dloss != TN_NONE)
        d = tn_op3(g, "sparse_softmax_cross_entropy_grad", prob, ctx->in[1], dloss, NULL, 0);
    if (dprob != TN_NONE) {
        struct tn_attr axis = TN_AI("axis", -1);
        tn_value e = tn_op2(g, "softmax_grad", prob, dprob, &axis, 1);
        d = d == TN_NONE ? e : tn_add(g, d, e);
    }
    ctx->in_grad[0] = d;
    return TN_OK;
}

static const char *const forward_in[] = {"logits", "labels"}, *const forward_out[] = {"loss",
                                                                                      "prob"};
const struct tn_op tn_op_sparse_softmax_cross_entropy = {
    .name = "sparse_softmax_cross_entropy",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 2,
    .in_names = forward_in,
    .out_names = forward_out,
    .formula = "loss = log(sum(e^logits)) - logits[label]; prob = softmax(logits)",
    .infer = infer_forward,
    .gradient = forward_gradient,
    .reference = forward_reference,
};

static const char *const backward_in[] = {"prob", "labels", "dloss"}, *const backward_out[] = {
                                                                          "dlogits"};
const struct tn_op tn_op_sparse_softmax_cross_entropy_grad = {
    .name = "sparse_softmax_cross_entropy_grad",
    .version = 1,
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .in_names = backward_in,
    .out_names = backward_out,
    .formula = "(prob - onehot(label)) dloss",
    .infer = infer_backward,
    .no_gradient = TN_OPS_NO_SECOND,
    .reference = backward_reference,
};
