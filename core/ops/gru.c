/* Gated recurrent unit (Cho et al., 2014), as ONNX's GRU (opset 14). Gates in ONNX's order z, r, n:
 *
 *   z, r = sigmoid(W x_t + R h + Wb + Rb), h = h_(t-1)
 *   n = tanh(Wn x_t + Wbn + Rn (r h) + Rbn)        linear_before_reset = 0
 *   n = tanh(Wn x_t + Wbn + r (Rn h + Rbn))        linear_before_reset = 1
 *   h_t = (1 - z) n + z h
 *
 * PyTorch's nn.GRU is linear_before_reset = 1 with rows r, z, n: w[d] is weight_ih_l0's blocks
 * (1, 0, 2), r and both halves of b likewise.
 *
 * Backward through time, dh being what arrives at h_t; u = Rn h + Rbn:
 *   dz = dh (h - n) z (1 - z)    dn = dh (1 - z) (1 - n^2)    dh_(t-1) = z dh + ...
 *   before reset:  dr = dn u r (1 - r), du = dn r; R's rows get [dz dr du] with h
 *   after:         d(rh) = Rn^T dn, dr = d(rh) h r (1 - r), dh_(t-1) += r d(rh); Rn gets dn with r
 * h W's rows get [dz dr dn] with x_t
 *
 * Of ONNX's: no `clip`, layout 0, the standard activations. */
#include <math.h>

#include "ops/recurrent.h"

/* reserve [dirs, T, B, 4 H]: z, r, n and u, or r h after the reset */
static const struct tn_rec_kind kind = {.gates = 3, .reserve = 4};

static const struct tn_attr_schema attrs[] = {
    TN_REC_DIRECTION,
    {.name = "linear_before_reset",
     .type = TN_ATTR_INT,
     .doc = "1: the reset gate multiplies R h + Rb (as PyTorch and cuDNN do), 0: h itself"},
};

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
    return tn_rec_gradient(ctx, &kind, "gru_grad", "linear_before_reset");
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

struct step {
    const struct tn_rec *rec;
    int64_t d;
    int before; /* linear_before_reset */
};

/* ax [3 H] = W's part, ah [3 H] room for R's; h is replaced, gates [4 H] are kept. */
static void step(const struct step *s, const double *ax, double *ah, double *h, double *gates)
{
    int64_t n = s->rec->hidden;
    double *z = gates, *r = gates + n, *cand = gates + 2 * n, *u = gates + 3 * n;
    tn_rec_recur(s->rec, s->d, 0, 2 * n, h, ah);
    for (int64_t i = 0; i < n; i++) {
        z[i] = sigmoid(ax[i] + ah[i]);
        r[i] = sigmoid(ax[n + i] + ah[n + i]);
        u[i] = r[i] * h[i];
    }
    tn_rec_recur(s->rec, s->d, 2 * n, 3 * n, s->before ? h : u, ah);
    for (int64_t i = 0; i < n; i++) {
        double v = ah[2 * n + i];
        cand[i] = tanh(ax[2 * n + i] + (s->before ? r[i] * v : v));
        if (s->before)
            u[i] = v;
        h[i] = (1 - z[i]) * cand[i] + z[i] * h[i];
    }
}

static void reference(const struct tn_ref *ctx)
{
    struct tn_rec rec;
    tn_rec_open(&rec, ctx, kind.gates);
    int64_t n = rec.hidden;
    double *h = ctx->scratch, *ax = h + n, *ah = ax + 3 * n;
    struct step st = {.rec = &rec, .before = tn_attrs_int(ctx->attrs, "linear_before_reset") != 0};
    for (int64_t e = 0; e < rec.dirs * rec.batch; e++) {
        int64_t d = e / rec.batch, b = e % rec.batch, length = tn_rec_length(&rec, b);
        st.d = d;
        tn_rec_load(&rec, REC_H0, d, b, h);
        for (int64_t s = 0; s < length; s++) {
            int64_t t = tn_rec_time(&rec, d, s, length);
            tn_rec_project(&rec, d, t, b, ax);
            step(&st, ax, ah, h, ctx->out[2].data.f + tn_rec_reserve_at(&rec, d, t, b, 4 * n));
            for (int64_t u = 0; u < n; u++)
                ctx->out[0].data.f[tn_rec_y_at(&rec, d, t, b) + u] = h[u];
        }
        for (int64_t u = 0; u < n; u++)
            ctx->out[1].data.f[tn_rec_state_at(&rec, d, b, n) + u] = h[u];
    }
}

/* da [3 H] for W, R's gradients added; dh becomes that of the step before. drh [H] is room. */
static void step_grad(const struct step *s, const double *gates, const double *h, double *dh,
                      double *da, double *drh)
{
    int64_t n = s->rec->hidden;
    const double *z = gates, *r = gates + n, *cand = gates + 2 * n, *u = gates + 3 * n;
    double *dn = da + 2 * n;
    for (int64_t i = 0; i < n; i++) {
        da[i] = dh[i] * (h[i] - cand[i]) * z[i] * (1 - z[i]);
        dn[i] = dh[i] * (1 - z[i]) * (1 - cand[i] * cand[i]);
        dh[i] *= z[i];
        drh[i] = s->before ? dn[i] * r[i] : 0;
    }
    if (s->before) {
        for (int64_t i = 0; i < n; i++)
            da[n + i] = dn[i] * u[i] * r[i] * (1 - r[i]);
        tn_rec_recur_grad(s->rec, s->d, 2 * n, 3 * n, h, drh - 2 * n, dh);
    } else {
        tn_rec_recur_grad(s->rec, s->d, 2 * n, 3 * n, u, da, drh);
        for (int64_t i = 0; i < n; i++) {
            da[n + i] = drh[i] * h[i] * r[i] * (1 - r[i]);
            dh[i] += drh[i] * r[i];
        }
    }
    tn_rec_recur_grad(s->rec, s->d, 0, 2 * n, h, da, dh);
}

static void grad_reference(const struct tn_ref *ctx)
{
    struct tn_rec rec;
    tn_rec_open(&rec, ctx, kind.gates);
    int64_t n = rec.hidden;
    double *h0 = ctx->scratch, *dh = h0 + n, *da = dh + n, *drh = da + 3 * n;
    const double *reserve = ctx->in[REC_GRAD_RESERVE].data.f, *dy = ctx->in[REC_GRAD_DY].data.f;
    struct step st = {.rec = &rec, .before = tn_attrs_int(ctx->attrs, "linear_before_reset") != 0};
    for (int64_t e = 0; e < rec.dirs * rec.batch; e++) {
        int64_t d = e / rec.batch, b = e % rec.batch, length = tn_rec_length(&rec, b);
        st.d = d;
        tn_rec_load(&rec, REC_GRAD_H0, d, b, h0);
        tn_rec_load(&rec, REC_GRAD_DY_H, d, b, dh);
        for (int64_t s = length; s-- > 0;) {
            int64_t t = tn_rec_time(&rec, d, s, length), at = tn_rec_y_at(&rec, d, t, b);
            for (int64_t u = 0; u < n && dy; u++)
                dh[u] += dy[at + u];
            step_grad(&st, reserve + tn_rec_reserve_at(&rec, d, t, b, 4 * n),
                      tn_rec_before(&rec, d, b, s, length, h0), dh, da, drh);
            tn_rec_project_grad(&rec, d, t, b, da);
        }
        for (int64_t u = 0; u < n; u++)
            ctx->out[REC_DH0].data.f[tn_rec_state_at(&rec, d, b, n) + u] = dh[u];
    }
}

static int64_t scratch(const struct tn_ref *ctx)
{
    return 7 * ctx->in[REC_R].type.shape.dim[2];
}

static const char *const out_names[] = {"y", "y_h", "reserve"};

const struct tn_op tn_op_gru = {
    .name = "gru",
    .version = 1,
    .min_in = 3,
    .max_in = REC_H0 + 1,
    .n_out = 3,
    .in_names = tn_rec_in,
    .out_names = out_names,
    .attrs = attrs,
    .n_attrs = TN_LEN(attrs),
    .formula = "z, r = sig(W x_t + R h + Wb + Rb); n = tanh(W x_t + Wb + R (r h) + Rb), or with "
               "r (R h + Rb); h_t = (1 - z) n + z h",
    .shapes = TN_REC_SHAPES(
        "3", "6") " -> y [T, dirs, B, H], y_h [dirs, B, H], reserve "
                  "[dirs, T, B, 4H] for gru_grad (f32; f64 for f64)." TN_REC_PAST
                  ", activations sigmoid and tanh. Rows are z, r, n; PyTorch's are r, z, n",
    .infer = infer,
    .gradient = gradient,
    .reference = reference,
    .scratch = scratch,
};

const struct tn_op tn_op_gru_grad = {
    .name = "gru_grad",
    .version = 1,
    .min_in = REC_GRAD_RESERVE + 1,
    .max_in = REC_GRAD_RESERVE + 1,
    .n_out = 5,
    .in_names = tn_rec_grad_in,
    .out_names = tn_rec_grad_out,
    .attrs = attrs,
    .n_attrs = TN_LEN(attrs),
    .formula = "backpropagation through time: da from dh and the gates; dW = sum da x^T; dR = sum "
               "da h_(t-1)^T; dx = W^T da; dh_(t-1) = z dh + R^T da",
    .shapes = "as gru; y, reserve: gru's; dy? like y, dy_h? like y_h -> dx, dw, dr, db, dh0, like "
              "x, w, r, b, h0",
    .infer = grad_infer,
    .no_gradient = TN_OPS_NO_SECOND,
    .reference = grad_reference,
    .scratch = scratch,
};
