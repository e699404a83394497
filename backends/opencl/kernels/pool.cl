/* Pooling over planes [H, W]; one axis is a plane of height 1. The gradients gather, or walk one plane
 * per item: no atomics. With -DADAPTIVE the windows share the cells out: those of output o along an
 * axis are [o in / out, (o + 1) in / out), rounded outwards; the geometry's other numbers then have no
 * meaning. */
#define GEOMETRY                                                                                   \
    const int H, const int W, const int OH, const int OW, const int kh, const int kw,              \
        const int sh, const int sw, const int ph, const int pw, const int dh, const int dw,        \
        const int ph_end, const int pw_end, const int include_pad

/* The real cells [lo, hi) of output o's window along an axis, `d` apart. Returns how many cells count:
 * the real ones, or all inside the padded input. */
static inline int window_axis(int o, int in, int out, int k, int s, int p, int d, int p_end,
                              int include_pad, int *lo, int *hi)
{
#ifdef ADAPTIVE
    *lo = (int)((long)o * in / out);
    *hi = (int)(((long)(o + 1) * in + out - 1) / out);
    return *hi - *lo;
#else
    const int start = o * s - p, first = start < 0 ? (-start + d - 1) / d : 0;
    const int last = start < in ? min(k, (in - start + d - 1) / d) : 0;
    *lo = start + first * d;
    *hi = last > first ? start + (last - 1) * d + 1 : *lo;
    return include_pad ? min(k, (in + p_end - start + d - 1) / d) : max(last - first, 0);
#endif
}
#ifdef ADAPTIVE
#define STEP(d) 1
#else
#define STEP(d) (d)
#endif
#define WINDOW_H(oh) window_axis(oh, H, OH, kh, sh, ph, dh, ph_end, include_pad, &h_lo, &h_hi)
#define WINDOW_W(ow) window_axis(ow, W, OW, kw, sw, pw, dw, pw_end, include_pad, &w_lo, &w_hi)
#define CELLS                                                                                      \
    for (int h = h_lo; h < h_hi; h += STEP(dh))                                                    \
        for (int w = w_lo; w < w_hi; w += STEP(dw))

/* Outputs whose windows may hold cell a of an axis: holder(0 .. n-1), -1 where there is none. */
static inline int holders(int a, int in, int out, int k, int s, int p, int d, int *lo)
{
#ifdef ADAPTIVE
    *lo = (int)((long)a * out / in);
    return (int)(((long)(a + 1) * out + in - 1) / in) - *lo;
#else
    const int at = a + p;
    *lo = d != 1 ? at : at < k ? 0 : (at - k) / s + 1;
    return d != 1 ? k : min(out - 1, at / s) - *lo + 1;
#endif
}
static inline int holder(int r, int lo, int out, int s, int d)
{
#ifdef ADAPTIVE
    return lo + r;
#else
    const int at = lo - r * d;
    if (d == 1)
        return lo + r;
    return at < 0 || at % s || at / s >= out ? -1 : at / s;
#endif
}
#define HOLDERS                                                                                    \
    int h_first, w_first;                                                                          \
    const int h_n = holders(h, H, OH, kh, sh, ph, dh, &h_first);                                   \
    const int w_n = holders(w, W, OW, kw, sw, pw, dw, &w_first);                                   \
    for (int r = 0; r < h_n; r++)                                                                  \
        for (int q = 0; q < w_n; q++)

/* A NaN counts as the largest; of equals the first wins. */
static inline int wins(float v, float top)
{
    return v > top || (isnan(v) && !isnan(top));
}

/* The window's first maximum. */
static inline int window_max(__global const float *px, int W, int h_lo, int h_hi, int dh, int w_lo,
                             int w_hi, int dw, float *out_top)
{
    float top = -INFINITY;
    int best = -1;
    CELLS {
        const float v = px[h * W + w];
        if (best < 0 || wins(v, top)) {
            top = v;
            best = h * W + w;
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
        int h_lo, h_hi, w_lo, w_hi;
        float top;
        WINDOW_H(oh);
        WINDOW_W(ow);
        PTR(index)[i] = window_max(PTR(x) + (long)plane * H * W, W, h_lo, h_hi, STEP(dh), w_lo,
                                   w_hi, STEP(dw), &top);
        PTR(y)[i] = top;
    }
}

__kernel void max_pool_grad(IN(float, dy), IN(int, index), OUT(float, dx), GEOMETRY, const int n,
                            const int chunk)
{
    EACH(i, n, chunk) {
        const int w = i % W, t = i / W, h = t % H, plane = t / H;
        __global const float *pd = PTR(dy) + (long)plane * OH * OW;
        __global const int *pi = PTR(index) + (long)plane * OH * OW;
        float sum = 0.0f;
        HOLDERS {
            const int oh = holder(r, h_first, OH, sh, dh), ow = holder(q, w_first, OW, sw, dw);
            if (oh >= 0 && ow >= 0 && pi[oh * OW + ow] == h * W + w)
                sum += pd[oh * OW + ow];
        }
        PTR(dx)[i] = sum;
    }
}

/* Sums a row, then the rows: fewer terms in a run. */
static inline float window_sum(__global const float *px, int W, int h_lo, int h_hi, int dh,
                               int w_lo, int w_hi, int dw)
{
    float sum = 0.0f;
    for (int h = h_lo; h < h_hi; h += dh) {
        float row = 0.0f;
        for (int w = w_lo; w < w_hi; w += dw)
            row += px[h * W + w];
        sum += row;
    }
    return sum;
}

__kernel void avg_pool(IN(float, x), OUT(float, y), GEOMETRY, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int ow = i % OW, t = i / OW, oh = t % OH, plane = t / OH;
        int h_lo, h_hi, w_lo, w_hi;
        const int count = WINDOW_H(oh) * WINDOW_W(ow);
        PTR(y)[i] = window_sum(PTR(x) + (long)plane * H * W, W, h_lo, h_hi, STEP(dh), w_lo, w_hi,
                               STEP(dw)) /
                    (float)count;
    }
}

__kernel void avg_pool_grad(IN(float, dy), OUT(float, dx), GEOMETRY, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int w = i % W, t = i / W, h = t % H, plane = t / H;
        __global const float *pd = PTR(dy) + (long)plane * OH * OW;
        int h_lo, h_hi, w_lo, w_hi;
        float sum = 0.0f;
        HOLDERS {
            const int oh = holder(r, h_first, OH, sh, dh), ow = holder(q, w_first, OW, sw, dw);
            if (oh >= 0 && ow >= 0)
                sum += pd[oh * OW + ow] / (float)(WINDOW_H(oh) * WINDOW_W(ow));
        }
        PTR(dx)[i] = sum;
    }
}

/* v to the power p of a number that is not negative */
static inline float power(float v, float p)
{
    return p == 0.0f ? 1.0f : p == 1.0f ? v : p == 2.0f ? v * v : pow(v, p);
}
static inline float root(float v, float p)
{
    return p == 1.0f ? v : p == 2.0f ? sqrt(v) : pow(v, 1.0f / p);
}
/* The larger of |v| and top; a NaN stays. */
static inline float larger(float v, float top)
{
    return !(fabs(v) <= top) && !isnan(top) ? fabs(v) : top;
}

/* Powers are taken of shares of the largest cell, which keeps them in range. */
__kernel void lp_pool(IN(float, x), OUT(float, y), GEOMETRY, const float p, const int n,
                      const int chunk)
{
    EACH(i, n, chunk) {
        const int ow = i % OW, t = i / OW, oh = t % OH, plane = t / OH;
        __global const float *px = PTR(x) + (long)plane * H * W;
        int h_lo, h_hi, w_lo, w_hi;
        float top = 0.0f, sum = 0.0f;
        WINDOW_H(oh);
        WINDOW_W(ow);
        CELLS top = larger(px[h * W + w], top);
        if (top > 0.0f && !isinf(top)) {
            for (int h = h_lo; h < h_hi; h += STEP(dh)) {
                float row = 0.0f;
                for (int w = w_lo; w < w_hi; w += STEP(dw))
                    row += power(fabs(px[h * W + w]) / top, p);
                sum += row;
            }
            top *= root(sum, p);
        }
        PTR(y)[i] = top;
    }
}

__kernel void lp_pool_grad(IN(float, x), IN(float, y), IN(float, dy), OUT(float, dx), GEOMETRY,
                           const float p, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int w = i % W, t = i / W, h = t % H, plane = t / H;
        __global const float *py = PTR(y) + (long)plane * OH * OW;
        __global const float *pd = PTR(dy) + (long)plane * OH * OW;
        const float v = PTR(x)[i];
        float sum = 0.0f;
        HOLDERS {
            const int oh = holder(r, h_first, OH, sh, dh), ow = holder(q, w_first, OW, sw, dw);
            if (oh < 0 || ow < 0)
                continue;
            const float norm = py[oh * OW + ow];
            if (norm == 0.0f)
                continue;
            const float slope =
                v == 0.0f ? 0.0f * norm : copysign(power(fabs(v) / norm, p - 1.0f), v);
            sum += pd[oh * OW + ow] * slope;
        }
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
        pi[ow] = window_max(px, W, row / W, row / W + 2, 1, 2 * ow, 2 * ow + 2, 1, &top);
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
            int h_lo, h_hi, w_lo, w_hi;
            if (kh == 2 && kw == 2 && sh == 2 && sw == 2 && ph == 0 && pw == 0 && dh == 1 &&
                dw == 1 && 2 * OH <= H && 2 * OW <= W) {
                pool_row_2x2(px, 2 * oh * W, W, OW, py + oh * OW, pi + oh * OW);
                continue;
            }
            WINDOW_H(oh);
            for (int ow = 0; ow < OW; ow++) {
                float top;
                WINDOW_W(ow);
                pi[oh * OW + ow] =
                    window_max(px, W, h_lo, h_hi, STEP(dh), w_lo, w_hi, STEP(dw), &top);
                py[oh * OW + ow] = top;
            }
        }
    }
}

__kernel void avg_pool_planes(IN(float, x), OUT(float, y), GEOMETRY, const int n, const int chunk)
{
    EACH(plane, n, chunk) {
        __global const float *px = PTR(x) + (long)plane * H * W;
        __global float *py = PTR(y) + (long)plane * OH * OW;
        for (int oh = 0; oh < OH; oh++)
            for (int ow = 0; ow < OW; ow++) {
                int h_lo, h_hi, w_lo, w_hi;
                const int count = WINDOW_H(oh) * WINDOW_W(ow);
                py[oh * OW + ow] =
                    window_sum(px, W, h_lo, h_hi, STEP(dh), w_lo, w_hi, STEP(dw)) / (float)count;
            }
    }
}

__kernel void avg_pool_grad_planes(IN(float, dy), OUT(float, dx), GEOMETRY, const int n,
                                   const int chunk)
{
    EACH(plane, n, chunk) {
        __global const float *pd = PTR(dy) + (long)plane * OH * OW;
        __global float *px = PTR(dx) + (long)plane * H * W;
        for (int i = 0; i < H * W; i++)
            px[i] = 0.0f;
        for (int oh = 0; oh < OH; oh++)
            for (int ow = 0; ow < OW; ow++) {
                int h_lo, h_hi, w_lo, w_hi;
                const float share =
                    pd[oh * OW + ow] / (float)(WINDOW_H(oh) * WINDOW_W(ow));
                CELLS px[h * W + w] += share;
            }
    }
}
#else
/* A work-group per plane, for one window of all HW cells. */
#define LANES(i) for (int i = (int)get_local_id(0); i < HW; i += (int)get_local_size(0))

__kernel void global_avg(IN(float, x), OUT(float, y), const int HW)
{
    __local float tmp[256];
    const int plane = (int)get_group_id(0);
    __global const float *px = PTR(x) + (long)plane * HW;
    float sum = 0.0f;
    LANES(i) sum += px[i];
    sum = group_sum(sum, tmp);
    if (get_local_id(0) == 0)
        PTR(y)[plane] = sum / (float)HW;
}

__kernel void global_max(IN(float, x), OUT(float, y), OUT(int, index), const int HW)
{
    __local float tmp[256];
    __local int best[256];
    const int plane = (int)get_group_id(0), l = (int)get_local_id(0);
    __global const float *px = PTR(x) + (long)plane * HW;
    float top = -INFINITY;
    int at = -1;
    LANES(i) {
        if (at < 0 || wins(px[i], top)) {
            top = px[i];
            at = i;
        }
    }
    tmp[l] = top;
    best[l] = at;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int s = (int)get_local_size(0) / 2; s > 0; s /= 2) {
        if (l < s && best[l + s] >= 0) {
            const int same = !wins(tmp[l + s], tmp[l]) && !wins(tmp[l], tmp[l + s]);
            if (best[l] < 0 || wins(tmp[l + s], tmp[l]) || (same && best[l + s] < best[l])) {
                tmp[l] = tmp[l + s];
                best[l] = best[l + s];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (l == 0) {
        PTR(y)[plane] = tmp[0];
        PTR(index)[plane] = best[0];
    }
}

__kernel void global_lp(IN(float, x), OUT(float, y), const int HW, const float p)
{
    __local float tmp[256];
    const int plane = (int)get_group_id(0);
    __global const float *px = PTR(x) + (long)plane * HW;
    float top = 0.0f, sum = 0.0f;
    LANES(i) top = larger(px[i], top);
    top = group_max(top, tmp);
    const int plain = top > 0.0f && !isinf(top);
    LANES(i) sum += plain ? power(fabs(px[i]) / top, p) : 0.0f;
    sum = group_sum(sum, tmp);
    if (get_local_id(0) == 0)
        PTR(y)[plane] = plain ? top * root(sum, p) : top;
}
#endif
