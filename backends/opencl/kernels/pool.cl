/* Pooling over NCHW planes. The gradients gather, or walk one plane per item: no atomics. */
#define GEOMETRY                                                                                   \
    const int H, const int W, const int OH, const int OW, const int kh, const int kw,              \
        const int sh, const int sw, const int ph, const int pw, const int dh, const int dw

/* First maximum of the window of output (oh, ow); a NaN counts as maximum. */
static inline int window_max(__global const float *px, int H, int W, int h0, int w0, int kh, int kw,
                      int dh, int dw, float *out_top)
{
    float top = -INFINITY;
    int best = -1;
    for (int r = 0; r < kh; r++) {
        const int h = h0 + r * dh;
        if (h < 0 || h >= H)
            continue;
        for (int q = 0; q < kw; q++) {
            const int w = w0 + q * dw;
            if (w < 0 || w >= W)
                continue;
            const float v = px[h * W + w];
            if (best < 0 || v > top || (isnan(v) && !isnan(top))) {
                top = v;
                best = h * W + w;
            }
        }
    }
    *out_top = top;
    return max(best, 0);
}

__kernel void max_pool(IN(float, x), OUT(float, y), OUT(int, index), GEOMETRY, const int n,
                       const int chunk)
{
    EACH(i, n, chunk) {
        const int ow = i % OW, t = i / OW, oh = t % OH, plane = t / OH;
        float top;
        const int at = window_max(PTR(x) + (long)plane * H * W, H, W, oh * sh - ph, ow * sw - pw,
                                  kh, kw, dh, dw, &top);
        PTR(y)[i] = top;
        PTR(index)[i] = at;
    }
}

/* The first of the windows [o s, o s + k) that hold place `at` of the padded input. */
static inline int first_window(int at, int k, int s)
{
    return at < k ? 0 : (at - k) / s + 1;
}

__kernel void max_pool_grad(IN(float, dy), IN(int, index), OUT(float, dx), GEOMETRY, const int n,
                            const int chunk)
{
    EACH(i, n, chunk) {
        const int w = i % W, t = i / W, h = t % H, plane = t / H;
        __global const float *pd = PTR(dy) + (long)plane * OH * OW;
        __global const int *pi = PTR(index) + (long)plane * OH * OW;
        float sum = 0.0f;
        if (dh == 1 && dw == 1) { /* just the windows that cover the place */
            const int a = h + ph, b = w + pw, b_end = min(OW - 1, b / sw);
            for (int oh = first_window(a, kh, sh); oh <= min(OH - 1, a / sh); oh++)
                for (int ow = first_window(b, kw, sw); ow <= b_end; ow++)
                    sum += pi[oh * OW + ow] == h * W + w ? pd[oh * OW + ow] : 0.0f;
        }
        for (int r = 0; r < kh && (dh != 1 || dw != 1); r++) {
            const int a = h + ph - r * dh;
            if (a < 0 || a % sh || a / sh >= OH)
                continue;
            for (int q = 0; q < kw; q++) {
                const int b = w + pw - q * dw;
                if (b < 0 || b % sw || b / sw >= OW)
                    continue;
                const int o = a / sh * OW + b / sw;
                if (pi[o] == h * W + w)
                    sum += pd[o];
            }
        }
        PTR(dx)[i] = sum;
    }
}

/* The divisor of the window at (oh, ow): its real cells, or all inside the padded input. */
static inline float window_cells(int oh, int ow, int H, int W, int kh, int kw, int sh, int sw, int ph,
                          int pw, int ph_end, int pw_end, int include_pad)
{
    const int h0 = oh * sh - ph, w0 = ow * sw - pw;
    const int lo_h = include_pad ? h0 : max(h0, 0), lo_w = include_pad ? w0 : max(w0, 0);
    const int hi_h = min(h0 + kh, H + (include_pad ? ph_end : 0));
    const int hi_w = min(w0 + kw, W + (include_pad ? pw_end : 0));
    return (float)(max(hi_h - lo_h, 0) * max(hi_w - lo_w, 0));
}

__kernel void avg_pool(IN(float, x), OUT(float, y), GEOMETRY, const int ph_end, const int pw_end,
                       const int include_pad, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int ow = i % OW, t = i / OW, oh = t % OH, plane = t / OH;
        __global const float *px = PTR(x) + (long)plane * H * W;
        const int h0 = oh * sh - ph, w0 = ow * sw - pw;
        float sum = 0.0f;
        for (int h = max(h0, 0); h < min(h0 + kh, H); h++)
            for (int w = max(w0, 0); w < min(w0 + kw, W); w++)
                sum += px[h * W + w];
        PTR(y)[i] = sum / window_cells(oh, ow, H, W, kh, kw, sh, sw, ph, pw, ph_end, pw_end,
                                       include_pad);
    }
}

__kernel void avg_pool_grad(IN(float, dy), OUT(float, dx), GEOMETRY, const int ph_end,
                            const int pw_end, const int include_pad, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int w = i % W, t = i / W, h = t % H, plane = t / H;
        __global const float *pd = PTR(dy) + (long)plane * OH * OW;
        float sum = 0.0f;
        const int a = h + ph, b = w + pw, b_end = min(OW - 1, b / sw);
        for (int oh = first_window(a, kh, sh); oh <= min(OH - 1, a / sh); oh++)
            for (int ow = first_window(b, kw, sw); ow <= b_end; ow++)
                sum += pd[oh * OW + ow] / window_cells(oh, ow, H, W, kh, kw, sh, sw, ph, pw,
                                                       ph_end, pw_end, include_pad);
        PTR(dx)[i] = sum;
    }
}

/* The same, a plane per item: for devices whose work-items are loops on a CPU. */
__kernel void max_pool_grad_planes(IN(float, dy), IN(int, index), OUT(float, dx), const int HW,
                                   const int P, const int n, const int chunk)
{
    EACH(plane, n, chunk) {
        __global const float *pd = PTR(dy) + (long)plane * P;
        __global const int *pi = PTR(index) + (long)plane * P;
        __global float *px = PTR(dx) + (long)plane * HW;
        for (int i = 0; i < HW; i++)
            px[i] = 0.0f;
        for (int o = 0; o < P; o++)
            if (pi[o] >= 0 && pi[o] < HW)
                px[pi[o]] += pd[o];
    }
}

#ifdef CPU_CLASS
static inline void better8(float8 v, int8 place, float8 *top, int8 *at)
{
    const int8 wins = (v > *top) | ((v != v) & (*top == *top));
    *top = select(*top, v, wins);
    *at = select(*at, place, wins);
}

/* One row of 2x2 windows that begin at px[row]: eight at a time, the last eight overlapping. */
static inline void pool_row_2x2(__global const float *px, int row, int W, int OW, __global float *py,
                         __global int *pi)
{
    const int8 lane = (int8)(0, 2, 4, 6, 8, 10, 12, 14);
    for (int begin = 0; begin < OW && OW >= 8; begin += 8) {
        const int ow = min(begin, OW - 8);
        const float16 r0 = vload16(0, px + row + 2 * ow), r1 = vload16(0, px + row + W + 2 * ow);
        float8 top = r0.even;
        int8 at = row + 2 * ow + lane;
        const int8 first = at;
        better8(r0.odd, first + 1, &top, &at);
        better8(r1.even, first + W, &top, &at);
        better8(r1.odd, first + W + 1, &top, &at);
        vstore8(top, 0, py + ow);
        vstore8(at, 0, pi + ow);
    }
    for (int ow = 0; ow < OW && OW < 8; ow++) {
        float top;
        pi[ow] = window_max(px, INT_MAX, W, row / W, 2 * ow, 2, 2, 1, 1, &top);
        py[ow] = top;
    }
}

/* One plane per item. The common 2x2 window with stride 2 and no padding has its own loop. */
__kernel void max_pool_planes(IN(float, x), OUT(float, y), OUT(int, index), GEOMETRY, const int n,
                              const int chunk)
{
    EACH(plane, n, chunk) {
        __global const float *px = PTR(x) + (long)plane * H * W;
        __global float *py = PTR(y) + (long)plane * OH * OW;
        __global int *pi = PTR(index) + (long)plane * OH * OW;
        for (int oh = 0; oh < OH; oh++) {
            if (kh == 2 && kw == 2 && sh == 2 && sw == 2 && ph == 0 && pw == 0 && dh == 1 &&
                dw == 1 && 2 * OH <= H && 2 * OW <= W) {
                pool_row_2x2(px, 2 * oh * W, W, OW, py + oh * OW, pi + oh * OW);
                continue;
            }
            for (int ow = 0; ow < OW; ow++) {
                float top;
                pi[oh * OW + ow] = window_max(px, H, W, oh * sh - ph, ow * sw - pw, kh, kw, dh,
                                              dw, &top);
                py[oh * OW + ow] = top;
            }
        }
    }
}

__kernel void avg_pool_grad_planes(IN(float, dy), OUT(float, dx), GEOMETRY, const int ph_end,
                                   const int pw_end, const int include_pad, const int n,
                                   const int chunk)
{
    EACH(plane, n, chunk) {
        __global const float *pd = PTR(dy) + (long)plane * OH * OW;
        __global float *px = PTR(dx) + (long)plane * H * W;
        for (int i = 0; i < H * W; i++)
            px[i] = 0.0f;
        for (int oh = 0; oh < OH; oh++)
            for (int ow = 0; ow < OW; ow++) {
                const int h0 = oh * sh - ph, w0 = ow * sw - pw;
                const float share =
                    pd[oh * OW + ow] / window_cells(oh, ow, H, W, kh, kw, sh, sw, ph, pw, ph_end,
                                                    pw_end, include_pad);
                for (int h = max(h0, 0); h < min(h0 + kh, H); h++)
                    for (int w = max(w0, 0); w < min(w0 + kw, W); w++)
                        px[h * W + w] += share;
            }
    }
}

__kernel void avg_pool_planes(IN(float, x), OUT(float, y), GEOMETRY, const int ph_end,
                              const int pw_end, const int include_pad, const int n,
                              const int chunk)
{
    EACH(plane, n, chunk) {
        __global const float *px = PTR(x) + (long)plane * H * W;
        __global float *py = PTR(y) + (long)plane * OH * OW;
        for (int oh = 0; oh < OH; oh++)
            for (int ow = 0; ow < OW; ow++) {
                const int h0 = oh * sh - ph, w0 = ow * sw - pw;
                float sum = 0.0f;
                for (int h = max(h0, 0); h < min(h0 + kh, H); h++)
                    for (int w = max(w0, 0); w < min(w0 + kw, W); w++)
                        sum += px[h * W + w];
                py[oh * OW + ow] = sum / window_cells(oh, ow, H, W, kh, kw, sh, sw, ph, pw,
                                                      ph_end, pw_end, include_pad);
            }
    }
}
#endif
