/* Long short-term memory (Hochreiter and Schmidhuber, 1997; forget gate: Gers et al., 2000), as
 * ONNX's LSTM (opset 14) without peepholes and PyTorch's nn.LSTM. Gates in ONNX's order i, o, f, c,
 * [i o f c] = W x_t + R h_(t-1) + Wb + Rb, each H rows:
 *
 *   i, o, f = sigmoid(..)   g = tanh(..)   c_t = f c_(t-1) + i g   h_t = o tanh(c_t)
 *
 * PyTorch's rows are i, f, g, o: w[d] is weight_ih_l0's blocks (0, 3, 1, 2), r and both halves of b
 * likewise.
 *
 * Backward through time, dh and dc being what arrives at h_t and c_t from outside and from the next
 * step, q = tanh(c_t):
 *   dc += dh o (1 - q^2)         do = dh q o (1 - o)       di = dc g i (1 - i)
 *   df = dc c_(t-1) f (1 - f)    dg = dc i (1 - g^2)       dc_(t-1) = dc f
 *   da = [di do df dg]: dW += da x_t^T, dx_t = W^T da, dR += da h_(t-1)^T, dh_(t-1) = R^T da
 *
 * Of ONNX's: no `clip`, `input_forget` or peepholes, layout 0, the standard activations. */
#include <math.h>

#include "ops/recurrent.h"

/* reserve [dirs, T, B, 5 H]: i, o, f, g and c_t */
static const struct tn_rec_kind kind = {.gates = 4, .reserve = 5, .has_cell = 1};

static const struct tn_attr_schema attrs[] = {TN_REC_DIRECTION};

static tn_status infer(struct tn_infer *ctx)
{
    return tn_rec_infer(ctx, &kind);
}

static tn_status grad_infer(struct tn_infer *ctx)
{
    return tn_rec_grad_infer(ctx, &kind);
}

static tn_status gradient(const struct tn_grad *ctx)
{
    return tn_rec_gradient(ctx, &kind, "lstm_grad", NULL);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* One step: a [4 H] are W's and R's parts added; h, c are replaced; gates [5 H] are kept. */
static void step(int64_t n, const double *a, double *h, double *c, double *gates)
{
    for (int64_t u = 0; u < n; u++) {
        double i = sigmoid(a[u]), o = sigmoid(a[n + u]), f = sigmoid(a[2 * n + u]);
        double g = tanh(a[3 * n + u]);
        c[u] = f * c[u] + i * g;
        h[u] = o * tanh(c[u]);
        gates[u] = i;
        gates[n + u] = o;
        gates[2 * n + u] = f;
        gates[3 * n + u] = g;
        gates[4 * n + u] = c[u];
    }
}

static void reference(const struct tn_ref *ctx)
{
    struct tn_rec rec;
    tn_rec_open(&rec, ctx, kind.gates);
    int64_t n = rec.hidden;
    double *h = ctx->scratch, *c = h + n, *ax = c + n, *ah = ax + 4 * n;
    for (int64_t e = 0; e < rec.dirs * rec.batch; e++) {
        int64_t d = e / rec.batch, b = e % rec.batch, length = tn_rec_length(&rec, b);
        tn_rec_load(&rec, REC_H0, d, b, h);
        tn_rec_load(&rec, REC_C0, d, b, c);
        for (int64_t s = 0; s < length; s++) {
            int64_t t = tn_rec_time(&rec, d, s, length);
            tn_rec_project(&rec, d, t, b, ax);
            tn_rec_recur(&rec, d, 0, 4 * n, h, ah);
            for (int64_t g = 0; g < 4 * n; g++)
                ax[g] += ah[g];
            step(n, ax, h, c, ctx->out[3].data.f + tn_rec_reserve_at(&rec, d, t, b, 5 * n));
            for (int64_t u = 0; u < n; u++)
                ctx->out[0].data.f[tn_rec_y_at(&rec, d, t, b) + u] = h[u];
        }
        for (int64_t u = 0; u < n; u++) {
            ctx->out[1].data.f[tn_rec_state_at(&rec, d, b, n) + u] = h[u];
            ctx->out[2].data.f[tn_rec_state_at(&rec, d, b, n) + u] = c[u];
        }
    }
}

/* da [4 H] from dh, dc at this step; dc becomes that of the step before. */
static void step_grad(int64_t n, const double *gates, const double *c_before, const double *dh,
                      double *dc, double *da)
{
    for (int64_t u = 0; u < n; u++) {
        double i = gates[u], o = gates[n + u], f = gates[2 * n + u], g = gates[3 * n + u];
        double q = tanh(gates[4 * n + u]);
        dc[u] += dh[u] * o * (1 - q * q);
        da[u] = dc[u] * g * i * (1 - i);
        da[n + u] = dh[u] * q * o * (1 - o);
        da[2 * n + u] = dc[u] * c_before[u] * f * (1 - f);
        da[3 * n + u] = dc[u] * i * (1 - g * g);
        dc[u] *= f;
    }
}

static void grad_reference(const struct tn_ref *ctx)
{
    struct tn_rec rec;
    tn_rec_open(&rec, ctx, kind.gates);
    int64_t n = rec.hidden;
    double *h0 = ctx->scratch, *c0 = h0 + n, *dh = c0 + n, *dc = dh + n, *da = dc + n;
    const double *reserve = ctx->in[REC_GRAD_RESERVE].data.f, *dy = ctx->in[REC_GRAD_DY].data.f;
    for (int64_t e = 0; e < rec.dirs * rec.batch; e++) {
        int64_t d = e / rec.batch, b = e % rec.batch, length = tn_rec_length(&rec, b);
        tn_rec_load(&rec, REC_GRAD_H0, d, b, h0);
        tn_rec_load(&rec, REC_GRAD_C0, d, b, c0);
        tn_rec_load(&rec, REC_GRAD_DY_H, d, b, dh);
        tn_rec_load(&rec, REC_GRAD_DY_C, d, b, dc);
        for (int64_t s = length; s-- > 0;) {
            int64_t t = tn_rec_time(&rec, d, s, length), at = tn_rec_y_at(&rec, d, t, b);
            int64_t before = s ? tn_rec_time(&rec, d, s - 1, length) : 0;
            const double *c = reserve + tn_rec_reserve_at(&rec, d, before, b, 5 * n) + 4 * n;
            for (int64_t u = 0; u < n && dy; u++)
                dh[u] += dy[at + u];
            step_grad(n, reserve + tn_rec_reserve_at(&rec, d, t, b, 5 * n), s ? c : c0, dh, dc, da);
            for (int64_t u = 0; u < n; u++)
                dh[u] = 0;
            tn_rec_project_grad(&rec, d, t, b, da);
            tn_rec_recur_grad(&rec, d, 0, 4 * n, tn_rec_before(&rec, d, b, s, length, h0), da, dh);
        }
        for (int64_t u = 0; u < n; u++) {
            ctx->out[REC_DH0].data.f[tn_rec_state_at(&rec, d, b, n) + u] = dh[u];
            ctx->out[REC_DC0].data.f[tn_rec_state_at(&rec, d, b, n) + u] = dc[u];
        }
    }
}

static int64_t scratch(const struct tn_ref *ctx)
{
    return 10 * ctx->in[REC_R].type.shape.dim[2];
}

static const char *const out_names[] = {"y", "y_h", "y_c", "reserve"};

const struct tn_op tn_op_lstm = {
    .name = "lstm",
    .version = 1,
    .min_in = 3,
    .max_in = REC_C0 + 1,
    .n_out = 4,
    .in_names = tn_rec_in,
    .out_names = out_names,
    .attrs = attrs,
    .n_attrs = TN_LEN(attrs),
    .formula = "[i o f c] = W x_t + R h_(t-1) + Wb + Rb; c_t = sig(f) c_(t-1) + sig(i) tanh(c); "
               "h_t = sig(o) tanh(c_t)",
    .shapes = TN_REC_SHAPES(
        "4", "8") ", c0? likewise -> y [T, dirs, B, H], y_h, y_c [dirs, B, H], "
                  "reserve [dirs, T, B, 5H] for lstm_grad (f32; f64 for f64)." TN_REC_PAST
                  ", without peepholes, activations sigmoid and tanh. Rows are i, o, f, c; "
                  "PyTorch's are i, f, g, o",
    .infer = infer,
    .gradient = gradient,
    .reference = reference,
    .scratch = scratch,
};

const struct tn_op tn_op_lstm_grad = {
    .name = "lstm_grad",
    .version = 1,
    .min_in = REC_GRAD_RESERVE + 1,
    .max_in = REC_GRAD_DY_C + 1,
    .n_out = 6,
    .in_names = tn_rec_grad_in,
    .out_names = tn_rec_grad_out,
    .attrs = attrs,
    .n_attrs = TN_LEN(attrs),
    .formula = "backpropagation through time: da from dh, dc and the gates; dW = sum da x^T; dR = "
               "sum da h_(t-1)^T; dx = W^T da; dh_(t-1) = R^T da; dc_(t-1) = f dc",
    .shapes = "as lstm; y, reserve: lstm's; dy? like y, dy_h?, dy_c? like y_h -> dx, dw, dr, db, "
              "dh0, dc0, like x, w, r, b, h0, c0",
    .infer = grad_infer,
    .no_gradient = TN_OPS_NO_SECOND,
    .reference = grad_reference,
    .scratch = scratch,
};
