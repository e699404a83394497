/* The steps of rnn, lstm and gru between their products with R, and those of backpropagation. An
 * item is one unit u of sequence b in direction d; both directions take a step at once, each at its
 * own time. Gates in ONNX's order. Shapes: gx, da [dirs, T, B, G H], gh [dirs, B, G H],
 * y [T, dirs, B, H], kept [dirs, T, B, K H], states [dirs, B, H]. */

#define PLACE                                                                                      \
    IN(int, len32), IN(long, len64), const int len_kind, const int s, const int T, const int B,    \
        const int H, const int dirs, const int reverse
/* at: (d, b) in states; at_t: (d, t, b) in what has all steps. */
#define ITEM(e, backward)                                                                          \
    const int u = (e) % H, at = (e) / H, b = at % B, d = at / B;                                   \
    const int is_reverse = reverse || d == 1;                                                      \
    const int t = is_reverse != (backward) ? T - 1 - s : s;                                        \
    const long given = len_kind == 1   ? (long)PTR(len32)[b]                                       \
                       : len_kind == 2 ? PTR(len64)[b]                                             \
                                       : (long)T;                                                  \
    const int length = (int)clamp(given, 0L, (long)T), active = t < length;                        \
    const long at_t = ((long)d * T + t) * B + b, at_y = (((long)t * dirs + d) * B + b) * H + u;

static inline float sigmoid(float x)
{
    return 1.0f / (1.0f + exp(-x));
}

/* W's bias of gate g, and R's */
#define WB(G, g) (has_b ? PTR(bias)[((long)d * 2 * (G) + (g)) * H + u] : 0.0f)
#define RB(G, g) (has_b ? PTR(bias)[(((long)d * 2 + 1) * (G) + (g)) * H + u] : 0.0f)
#define GX(G, g) PTR(gx)[(at_t * (G) + (g)) * H + u]
#define GH(G, g) PTR(gh)[((long)at * (G) + (g)) * H + u]
#define GATE(G, g) (GX(G, g) + GH(G, g) + (WB(G, g) + RB(G, g)))
#define KEPT(K, k) PTR(kept)[(at_t * (K) + (k)) * H + u]

__kernel void rnn_step(IN(float, gx), IN(float, gh), IN(float, bias), const int has_b,
                       OUT(float, y), OUT(float, h), const int relu, PLACE, const int n,
                       const int chunk)
{
    EACH(e, n, chunk) {
        ITEM(e, 0)
        const float a = GATE(1, 0);
        const float v = relu ? (a <= 0.0f ? 0.0f : a) : tanh(a);
        PTR(y)[at_y] = active ? v : 0.0f;
        if (active)
            PTR(h)[e] = v;
    }
}

__kernel void lstm_step(IN(float, gx), IN(float, gh), IN(float, bias), const int has_b,
                        OUT(float, y), OUT(float, h), OUT(float, c), OUT(float, kept), PLACE,
                        const int n, const int chunk)
{
    EACH(e, n, chunk) {
        ITEM(e, 0)
        const float i = sigmoid(GATE(4, 0)), o = sigmoid(GATE(4, 1)), f = sigmoid(GATE(4, 2));
        const float g = tanh(GATE(4, 3)), cell = f * PTR(c)[e] + i * g, v = o * tanh(cell);
        PTR(y)[at_y] = active ? v : 0.0f;
        KEPT(5, 0) = active ? i : 0.0f;
        KEPT(5, 1) = active ? o : 0.0f;
        KEPT(5, 2) = active ? f : 0.0f;
        KEPT(5, 3) = active ? g : 0.0f;
        KEPT(5, 4) = active ? cell : 0.0f;
        if (active) {
            PTR(h)[e] = v;
            PTR(c)[e] = cell;
        }
    }
}

/* linear_before_reset = 1 */
__kernel void gru_step(IN(float, gx), IN(float, gh), IN(float, bias), const int has_b,
                       OUT(float, y), OUT(float, h), OUT(float, kept), PLACE, const int n,
                       const int chunk)
{
    EACH(e, n, chunk) {
        ITEM(e, 0)
        const float z = sigmoid(GATE(3, 0)), r = sigmoid(GATE(3, 1)), w = GH(3, 2) + RB(3, 2);
        const float g = tanh(GX(3, 2) + WB(3, 2) + r * w);
        const float v = (1.0f - z) * g + z * PTR(h)[e];
        PTR(y)[at_y] = active ? v : 0.0f;
        KEPT(4, 0) = active ? z : 0.0f;
        KEPT(4, 1) = active ? r : 0.0f;
        KEPT(4, 2) = active ? g : 0.0f;
        KEPT(4, 3) = active ? w : 0.0f;
        if (active)
            PTR(h)[e] = v;
    }
}

/* linear_before_reset = 0: z, r and rh = r h; then, with gh = R_n (r h) [dirs, B, H], the rest. */
__kernel void gru_gates(IN(float, gx), IN(float, gh), IN(float, bias), const int has_b,
                        IN(float, h), OUT(float, rh), OUT(float, kept), PLACE, const int n,
                        const int chunk)
{
    EACH(e, n, chunk) {
        ITEM(e, 0)
        const float z = sigmoid(GATE(3, 0)), r = sigmoid(GATE(3, 1)), w = r * PTR(h)[e];
        PTR(rh)[e] = active ? w : 0.0f;
        KEPT(4, 0) = active ? z : 0.0f;
        KEPT(4, 1) = active ? r : 0.0f;
        KEPT(4, 3) = active ? w : 0.0f;
    }
}

__kernel void gru_finish(IN(float, gx), IN(float, gh), IN(float, bias), const int has_b,
                         OUT(float, y), OUT(float, h), OUT(float, kept), PLACE, const int n,
                         const int chunk)
{
    EACH(e, n, chunk) {
        ITEM(e, 0)
        const float z = KEPT(4, 0), g = tanh(GX(3, 2) + PTR(gh)[e] + (WB(3, 2) + RB(3, 2)));
        const float v = (1.0f - z) * g + z * PTR(h)[e];
        PTR(y)[at_y] = active ? v : 0.0f;
        KEPT(4, 2) = active ? g : 0.0f;
        if (active)
            PTR(h)[e] = v;
    }
}

/* ---- backward ----
 * dh is what has come past R's product, lin that product of the step just done; da goes to W's
 * side, dr_side to R's, now [dirs, B, G H] the latter's of this step alone. h_before is kept for
 * R's gradient. Where a sequence sits out all are zero, and dh waits. */
#define BACK                                                                                       \
    IN(float, y), IN(float, h0), IN(float, dy), const int has_h0, const int has_dy,                \
        OUT(float, da), OUT(float, now), OUT(float, h_before), OUT(float, dh), IN(float, lin)
#define BEGIN                                                                                      \
    const int before = is_reverse ? (t + 1 < length ? t + 1 : -1) : t - 1;                         \
    const float h_was = !active       ? 0.0f                                                       \
                        : before >= 0 ? PTR(y)[(((long)before * dirs + d) * B + b) * H + u]        \
                        : has_h0      ? PTR(h0)[e]                                                 \
                                      : 0.0f;                                                      \
    const float waiting = PTR(dh)[e] + PTR(lin)[e];                                                \
    const float g_h = active ? waiting + (has_dy ? PTR(dy)[at_y] : 0.0f) : 0.0f;                   \
    PTR(h_before)[at_t * H + u] = h_was;
#define DA(G, g) PTR(da)[(at_t * (G) + (g)) * H + u]
#define NOW(G, g) PTR(now)[((long)at * (G) + (g)) * H + u]

__kernel void rnn_back(BACK, const int relu, PLACE, const int n, const int chunk)
{
    EACH(e, n, chunk) {
        ITEM(e, 1)
        BEGIN
        const float v = active ? PTR(y)[at_y] : 0.0f;
        const float a = relu ? (v > 0.0f ? g_h : 0.0f) : g_h * (1.0f - v * v);
        DA(1, 0) = NOW(1, 0) = a;
        PTR(dh)[e] = active ? 0.0f : waiting;
    }
}

__kernel void lstm_back(BACK, IN(float, kept), IN(float, c0), const int has_c0, OUT(float, dc),
                        PLACE, const int n, const int chunk)
{
    EACH(e, n, chunk) {
        ITEM(e, 1)
        BEGIN
        const float i = KEPT(5, 0), o = KEPT(5, 1), f = KEPT(5, 2), g = KEPT(5, 3);
        const float q = tanh(KEPT(5, 4)), old = PTR(dc)[e];
        const float c_was =
            before >= 0 ? PTR(kept)[((((long)d * T + before) * B + b) * 5 + 4) * H + u]
            : has_c0    ? PTR(c0)[e]
                        : 0.0f;
        const float g_c = active ? old + g_h * o * (1.0f - q * q) : 0.0f;
        DA(4, 0) = NOW(4, 0) = active ? g_c * g * i * (1.0f - i) : 0.0f;
        DA(4, 1) = NOW(4, 1) = active ? g_h * q * o * (1.0f - o) : 0.0f;
        DA(4, 2) = NOW(4, 2) = active ? g_c * c_was * f * (1.0f - f) : 0.0f;
        DA(4, 3) = NOW(4, 3) = active ? g_c * i * (1.0f - g * g) : 0.0f;
        PTR(dc)[e] = active ? g_c * f : old;
        PTR(dh)[e] = active ? 0.0f : waiting;
    }
}

/* linear_before_reset = 1; r_side is what R's rows get at all steps. */
__kernel void gru_back(BACK, IN(float, kept), OUT(float, r_side), PLACE, const int n,
                       const int chunk)
{
    EACH(e, n, chunk) {
        ITEM(e, 1)
        BEGIN
        const float z = KEPT(4, 0), r = KEPT(4, 1), g = KEPT(4, 2), w = KEPT(4, 3);
        const float g_n = active ? g_h * (1.0f - z) * (1.0f - g * g) : 0.0f;
        const float g_z = active ? g_h * (h_was - g) * z * (1.0f - z) : 0.0f;
        const float g_r = active ? g_n * w * r * (1.0f - r) : 0.0f;
        const float g_w = active ? g_n * r : 0.0f;
        __global float *side = PTR(r_side) + at_t * 3 * H + u;
        DA(3, 0) = NOW(3, 0) = side[0] = g_z;
        DA(3, 1) = NOW(3, 1) = side[H] = g_r;
        DA(3, 2) = g_n;
        NOW(3, 2) = side[2 * H] = g_w;
        PTR(dh)[e] = active ? z * g_h : waiting;
    }
}

/* linear_before_reset = 0: all but r's gradient, which waits for drh = R_n^T dn; dn of this step
 * alone, dn and r h of all steps by themselves. */
__kernel void gru_back_gates(BACK, IN(float, kept), OUT(float, dn_now), OUT(float, dn),
                             OUT(float, rh), PLACE, const int n, const int chunk)
{
    EACH(e, n, chunk) {
        ITEM(e, 1)
        BEGIN
        const float z = KEPT(4, 0), g = KEPT(4, 2);
        const float g_n = active ? g_h * (1.0f - z) * (1.0f - g * g) : 0.0f;
        DA(3, 0) = NOW(3, 0) = active ? g_h * (h_was - g) * z * (1.0f - z) : 0.0f;
        DA(3, 2) = PTR(dn_now)[e] = PTR(dn)[at_t * H + u] = g_n;
        NOW(3, 2) = 0.0f;
        PTR(rh)[at_t * H + u] = active ? KEPT(4, 3) : 0.0f;
        PTR(dh)[e] = active ? z * g_h : waiting;
    }
}

__kernel void gru_back_reset(OUT(float, da), OUT(float, now), IN(float, h_before), OUT(float, dh),
                             IN(float, drh), IN(float, kept), PLACE, const int n, const int chunk)
{
    EACH(e, n, chunk) {
        ITEM(e, 1)
        const float r = KEPT(4, 1), g = active ? PTR(drh)[e] : 0.0f;
        DA(3, 1) = NOW(3, 1) = active ? g * PTR(h_before)[at_t * H + u] * r * (1.0f - r) : 0.0f;
        if (active)
            PTR(dh)[e] += g * r;
    }
}

/* dh += lin, after the first step */
__kernel void recurrent_end(OUT(float, dh), IN(float, lin), const int n, const int chunk)
{
    EACH(e, n, chunk)
        PTR(dh)[e] += PTR(lin)[e];
}

/* db [dirs, 2, G H]: sums over the steps of W's side, then R's; both [dirs, rows, G H]. */
__kernel void recurrent_bias(IN(float, da), IN(float, r_side), OUT(float, db), const int rows,
                             const int width, const int n, const int chunk)
{
    EACH(e, n, chunk) {
        const int g = e % width, d = e / width / 2;
        __global const float *from = (e / width % 2 ? PTR(r_side) : PTR(da));
        float sum = 0.0f;
        from += (long)d * rows * width + g;
        for (int p = 0; p < rows; p += 64) { /* sums of sums: errors stay small */
            float part = 0.0f;
            for (int q = p; q < min(p + 64, rows); q++)
                part += from[(long)q * width];
            sum += part;
        }
        PTR(db)[e] = sum;
    }
}
