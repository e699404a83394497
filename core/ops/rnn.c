/* Elman's recurrent network (1990), as ONNX's RNN (opset 14) and PyTorch's nn.RNN:
 *
 *   h_t = f(W x_t + R h_(t-1) + Wb + Rb)      f: tanh or relu
 *
 * PyTorch's weights are these unchanged: weight_ih_l0 = w[0], weight_hh_l0 = r[0], bias_ih_l0 and
 * bias_hh_l0 the halves of b[0], ..._reverse the same of direction 1.
 *
 * Backward through time, steps in reverse, dh being what arrives at h_t from y, y_h and the next
 * step: da = dh f'(a), f' by h: 1 - h^2, or h > 0
 *   dW += da x_t^T, dx_t = W^T da, dR += da h_(t-1)^T, dh_(t-1) = R^T da, dWb, dRb += da
 *
 * Of ONNX's: no `clip`, layout 0, one activation for both directions. */
#include <math.h>
#include <string.h>

#include "ops/recurrent.h"

static const struct tn_rec_kind kind = {.gates = 1};

static const struct tn_attr_schema attrs[] = {
    TN_REC_DIRECTION,
    {.name = "activation",
     .type = TN_ATTR_STRING,
     .dflt = {.u.s = "tanh"},
     .doc = "f: tanh or relu"},
};

static tn_status check_activation(const struct tn_infer *ctx)
{
    const char *name = tn_attrs_string(ctx->attrs, "activation");
    if (strcmp(name, "tanh") == 0 || strcmp(name, "relu") == 0)
        return TN_OK;
    return tn_infer_fail(ctx, "activation is '%s'; use tanh or relu", name);
}

static tn_status infer(struct tn_infer *ctx)
{
    tn_status st = check_activation(ctx);
    return st == TN_OK ? tn_rec_infer(ctx, &kind) : st;
}

static tn_status grad_infer(struct tn_infer *ctx)
{
    tn_status st = check_activation(ctx);
    return st == TN_OK ? tn_rec_grad_infer(ctx, &kind) : st;
}

static tn_status gradient(const struct tn_grad *ctx)
{
    return tn_rec_gradient(ctx, &kind, "rnn_grad", "activation");
}

static int is_relu(const struct tn_ref *ctx)
{
    return strcmp(tn_attrs_string(ctx->attrs, "activation"), "relu") == 0;
}

static void reference(const struct tn_ref *ctx)
{
    struct tn_rec rec;
    tn_rec_open(&rec, ctx, kind.gates);
    int64_t n = rec.hidden;
    double *h = ctx->scratch, *ax = h + n, *ah = ax + n;
    for (int64_t e = 0; e < rec.dirs * rec.batch; e++) {
        int64_t d = e / rec.batch, b = e % rec.batch, length = tn_rec_length(&rec, b);
        tn_rec_load(&rec, REC_H0, d, b, h);
        for (int64_t s = 0; s < length; s++) {
            int64_t t = tn_rec_time(&rec, d, s, length);
            tn_rec_project(&rec, d, t, b, ax);
            tn_rec_recur(&rec, d, 0, n, h, ah);
            for (int64_t u = 0; u < n; u++) {
                double a = ax[u] + ah[u];
                h[u] = is_relu(ctx) ? (a <= 0 ? 0 : a) : tanh(a); /* NaN stays */
                ctx->out[0].data.f[tn_rec_y_at(&rec, d, t, b) + u] = h[u];
            }
        }
        for (int64_t u = 0; u < n; u++)
            ctx->out[1].data.f[tn_rec_state_at(&rec, d, b, n) + u] = h[u];
    }
}

static void grad_reference(const struct tn_ref *ctx)
{
    struct tn_rec rec;
    tn_rec_open(&rec, ctx, kind.gates);
    int64_t n = rec.hidden;
    double *h0 = ctx->scratch, *dh = h0 + n, *da = dh + n;
    const double *y = ctx->in[REC_GRAD_Y].data.f, *dy = ctx->in[REC_GRAD_DY].data.f;
    for (int64_t e = 0; e < rec.dirs * rec.batch; e++) {
        int64_t d = e / rec.batch, b = e % rec.batch, length = tn_rec_length(&rec, b);
        tn_rec_load(&rec, REC_GRAD_H0, d, b, h0);
        tn_rec_load(&rec, REC_GRAD_DY_H, d, b, dh);
        for (int64_t s = length; s-- > 0;) {
            int64_t t = tn_rec_time(&rec, d, s, length), at = tn_rec_y_at(&rec, d, t, b);
            for (int64_t u = 0; u < n; u++) {
                double slope = is_relu(ctx) ? y[at + u] > 0 : 1 - y[at + u] * y[at + u];
                da[u] = (dh[u] + (dy ? dy[at + u] : 0)) * slope;
                dh[u] = 0;
            }
            tn_rec_project_grad(&rec, d, t, b, da);
            tn_rec_recur_grad(&rec, d, 0, n, tn_rec_before(&rec, d, b, s, length, h0), da, dh);
        }
        for (int64_t u = 0; u < n; u++)
            ctx->out[REC_DH0].data.f[tn_rec_state_at(&rec, d, b, n) + u] = dh[u];
    }
}

static int64_t scratch(const struct tn_ref *ctx)
{
    return 3 * ctx->in[REC_R].type.shape.dim[2];
}

static const char *const out_names[] = {"y", "y_h"};

const struct tn_op tn_op_rnn = {
    .name = "rnn",
    .version = 1,
    .min_in = 3,
    .max_in = REC_H0 + 1,
    .n_out = 2,
    .in_names = tn_rec_in,
    .out_names = out_names,
    .attrs = attrs,
    .n_attrs = TN_LEN(attrs),
    .formula = "h_t = f(W x_t + R h_(t-1) + Wb + Rb)",
    .shapes = TN_REC_SHAPES("", "2") " -> y [T, dirs, B, H], y_h [dirs, B, H]." TN_REC_PAST,
    .infer = infer,
    .gradient = gradient,
    .reference = reference,
    .scratch = scratch,
};

const struct tn_op tn_op_rnn_grad = {
    .name = "rnn_grad",
    .version = 1,
    .min_in = REC_GRAD_Y + 1,
    .max_in = REC_GRAD_DY_H + 1,
    .n_out = 5,
    .in_names = tn_rec_grad_in,
    .out_names = tn_rec_grad_out,
    .attrs = attrs,
    .n_attrs = TN_LEN(attrs),
    .formula = "backpropagation through time: da = dh f'(a); dW = sum da x^T; dR = sum da "
               "h_(t-1)^T; dx = W^T da; dh_(t-1) = R^T da",
    .shapes = "as rnn; y: rnn's; dy? like y, dy_h? like y_h -> dx, dw, dr, db, dh0, like x, w, r, "
              "b, h0",
    .infer = grad_infer,
    .no_gradient = TN_OPS_NO_SECOND,
    .reference = grad_reference,
    .scratch = scratch,
};
