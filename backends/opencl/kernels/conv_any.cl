/* Convolution over three axes (missing ones of size 1) without packing or tiles: for volumes, and for
 * few channels to a group, which leave tiles empty. GPU class: a work-item per output, a work-group
 * per weight. CPU class: an item per channel, whose rows are loops that vectorise. */
#define GEOMETRY                                                                                   \
    const int C, const int D, const int H, const int W, const int O, const int OD, const int OH,   \
        const int OW, const int kd, const int kh, const int kw, const int sd, const int sh,        \
        const int sw, const int pd, const int ph, const int pw, const int dd, const int dh,        \
        const int dw, const int groups

/* y [i] = bias of its channel: what a transposed convolution of nothing is. */
__kernel void spread_bias(IN(float, bias), OUT(float, y), const int has_bias, const int C,
                          const int P, const int n, const int chunk)
{
    EACH(i, n, chunk) PTR(y)[i] = has_bias ? PTR(bias)[i / P % C] : 0.0f;
}

#ifdef GPU_CLASS
__kernel void conv_places(IN(float, x), IN(float, w), IN(float, bias), OUT(float, y),
                          const int has_bias, GEOMETRY, const int n, const int chunk)
{
    const int Cg = C / groups, Og = O / groups;
    EACH(i, n, chunk) {
        const int ow = i % OW, t = i / OW, oh = t % OH, u = t / OH, od = u % OD, v = u / OD;
        const int o = v % O, image = v / O;
        const int d0 = od * sd - pd, h0 = oh * sh - ph, w0 = ow * sw - pw;
        __global const float *px = PTR(x) + ((long)image * C + o / Og * Cg) * D * H * W;
        __global const float *pk = PTR(w) + (long)o * Cg * kd * kh * kw;
        float sum = has_bias ? PTR(bias)[o] : 0.0f;
        for (int c = 0; c < Cg; c++, px += (long)D * H * W)
            for (int a = 0; a < kd; a++)
                for (int r = 0; r < kh; r++) {
                    const int z = d0 + a * dd, h = h0 + r * dh;
                    const int row = z >= 0 && z < D && h >= 0 && h < H;
                    for (int q = 0; q < kw; q++, pk++) {
                        const int at = w0 + q * dw;
                        if (row && at >= 0 && at < W)
                            sum += pk[0] * px[((long)z * H + h) * W + at];
                    }
                }
        PTR(y)[i] = sum;
    }
}

__kernel void conv_places_grad_input(IN(float, dy), IN(float, w), IN(float, bias), OUT(float, dx),
                                     const int has_bias, GEOMETRY, const int n, const int chunk)
{
    const int Cg = C / groups, Og = O / groups, taps = kd * kh * kw;
    EACH(i, n, chunk) {
        const int x0 = i % W, t = i / W, y0 = t % H, u = t / H, z0 = u % D, v = u / D;
        const int c = v % C, image = v / C, g = c / Cg;
        __global const float *py = PTR(dy) + ((long)image * O + g * Og) * OD * OH * OW;
        __global const float *pk = PTR(w) + ((long)g * Og * Cg + c % Cg) * taps;
        float sum = has_bias ? PTR(bias)[c] : 0.0f;
        for (int a = 0; a < kd; a++) {
            const int z = z0 + pd - a * dd;
            if (z < 0 || z % sd || z / sd >= OD)
                continue;
            for (int r = 0; r < kh; r++) {
                const int h = y0 + ph - r * dh;
                if (h < 0 || h % sh || h / sh >= OH)
                    continue;
                for (int q = 0; q < kw; q++) {
                    const int at = x0 + pw - q * dw;
                    if (at < 0 || at % sw || at / sw >= OW)
                        continue;
                    const long cell = ((long)(z / sd) * OH + h / sh) * OW + at / sw;
                    const int tap = (a * kh + r) * kw + q;
                    for (int o = 0; o < Og; o++)
                        sum += pk[(long)o * Cg * taps + tap] * py[(long)o * OD * OH * OW + cell];
                }
            }
        }
        PTR(dx)[i] = sum;
    }
}

/* One work-group per weight [O, Cg, taps]. */
__kernel void conv_places_grad_weight(IN(float, x), IN(float, dy), OUT(float, dk), GEOMETRY,
                                      const int images)
{
    __local float tmp[256];
    const int Cg = C / groups, Og = O / groups, taps = kd * kh * kw, P = OD * OH * OW;
    const int e = (int)get_group_id(0), tap = e % taps, c = e / taps % Cg, o = e / taps / Cg;
    const int q = tap % kw, r = tap / kw % kh, a = tap / kw / kh;
    float sum = 0.0f;
    for (int image = 0; image < images; image++) {
        __global const float *px = PTR(x) + ((long)image * C + o / Og * Cg + c) * D * H * W;
        __global const float *py = PTR(dy) + ((long)image * O + o) * P;
        for (int p = (int)get_local_id(0); p < P; p += (int)get_local_size(0)) {
            const int w = p % OW * sw - pw + q * dw, t = p / OW;
            const int h = t % OH * sh - ph + r * dh, z = t / OH * sd - pd + a * dd;
            if (z >= 0 && z < D && h >= 0 && h < H && w >= 0 && w < W)
                sum += px[((long)z * H + h) * W + w] * py[p];
        }
    }
    sum = group_sum(sum, tmp);
    if (get_local_id(0) == 0)
        PTR(dk)[e] = sum;
}
#else
/* Outputs [lo, hi) along an axis that read a cell of [0, in) through a tap `shift` from their begin. */
static inline int axis_lo(int shift, int s)
{
    return shift < 0 ? (-shift + s - 1) / s : 0;
}
static inline int axis_hi(int shift, int s, int in, int out)
{
    return shift < in ? min(out, (in - 1 - shift) / s + 1) : 0;
}
/* Every row that tap (a, r, q) reads: z, h of x, and the row's outputs. */
#define TAP_SHIFT                                                                                  \
    const int shift_d = a * dd - pd, shift_h = r * dh - ph, shift_w = q * dw - pw;                 \
    const int lo = axis_lo(shift_w, sw), hi = axis_hi(shift_w, sw, W, OW);
#define TAP_ROWS                                                                                   \
    for (int od = axis_lo(shift_d, sd); od < axis_hi(shift_d, sd, D, OD); od++)                    \
        for (int oh = axis_lo(shift_h, sh); oh < axis_hi(shift_h, sh, H, OH); oh++)
#define X_ROW (((long)(od * sd + shift_d) * H + oh * sh + shift_h) * W + shift_w)
#define Y_ROW (((long)od * OH + oh) * OW)
#define TAPS                                                                                       \
    for (int a = 0; a < kd; a++)                                                                   \
        for (int r = 0; r < kh; r++)                                                               \
            for (int q = 0; q < kw; q++)

/* A stride of 1 has a loop of its own, which becomes vectors. */
#define ADD_ROW(at_to, at_from)                                                                    \
    {                                                                                              \
        INDEPENDENT                                                                                \
        for (int j = lo; j < hi; j++)                                                              \
            to[at_to] += k * from[at_from];                                                        \
    }

/* item = (image, o) */
__kernel void conv_planes(IN(float, x), IN(float, w), IN(float, bias), OUT(float, y),
                          const int has_bias, GEOMETRY, const int n, const int chunk)
{
    const int Cg = C / groups, Og = O / groups, P = OD * OH * OW;
    EACH(i, n, chunk) {
        const int o = i % O, image = i / O;
        __global const float *px = PTR(x) + ((long)image * C + o / Og * Cg) * D * H * W;
        __global const float *pk = PTR(w) + (long)o * Cg * kd * kh * kw;
        __global float *py = PTR(y) + (long)i * P;
        const float begin = has_bias ? PTR(bias)[o] : 0.0f;
        for (int p = 0; p < P; p++)
            py[p] = begin;
        for (int c = 0; c < Cg; c++, px += (long)D * H * W)
            TAPS {
                TAP_SHIFT
                const float k = *pk++;
                TAP_ROWS {
                    __global const float *from = px + X_ROW;
                    __global float *to = py + Y_ROW;
                    if (sw == 1)
                        ADD_ROW(j, j)
                    else
                        ADD_ROW(j, j * sw)
                }
            }
    }
}

/* item = (image, c) */
__kernel void conv_planes_grad_input(IN(float, dy), IN(float, w), IN(float, bias), OUT(float, dx),
                                     const int has_bias, GEOMETRY, const int n, const int chunk)
{
    const int Cg = C / groups, Og = O / groups, P = OD * OH * OW, taps = kd * kh * kw;
    EACH(i, n, chunk) {
        const int c = i % C, image = i / C, g = c / Cg;
        __global const float *py = PTR(dy) + ((long)image * O + g * Og) * P;
        __global float *px = PTR(dx) + (long)i * D * H * W;
        const float begin = has_bias ? PTR(bias)[c] : 0.0f;
        for (int p = 0; p < D * H * W; p++)
            px[p] = begin;
        for (int o = 0; o < Og; o++, py += P) {
            __global const float *pk = PTR(w) + (((long)g * Og + o) * Cg + c % Cg) * taps;
            TAPS {
                TAP_SHIFT
                const float k = *pk++;
                TAP_ROWS {
                    __global const float *from = py + Y_ROW;
                    __global float *to = px + X_ROW;
                    if (sw == 1)
                        ADD_ROW(j, j)
                    else
                        ADD_ROW(j * sw, j)
                }
            }
        }
    }
}

/* item = (o, c of the group) */
__kernel void conv_planes_grad_weight(IN(float, x), IN(float, dy), OUT(float, dk), GEOMETRY,
                                      const int images, const int n, const int chunk)
{
    const int Cg = C / groups, Og = O / groups, P = OD * OH * OW;
    EACH(i, n, chunk) {
        const int c = i % Cg, o = i / Cg;
        __global float *pk = PTR(dk) + (long)i * kd * kh * kw;
        TAPS {
            TAP_SHIFT
            float16 wide = (float16)(0.0f);
            float4 quad = (float4)(0.0f);
            float sum = 0.0f;
            for (int image = 0; image < images; image++) {
                __global const float *px = PTR(x) + ((long)image * C + o / Og * Cg + c) * D * H * W;
                __global const float *py = PTR(dy) + ((long)image * O + o) * P;
                TAP_ROWS {
                    __global const float *from = px + X_ROW, *at = py + Y_ROW;
                    int j = lo;
                    for (; sw == 1 && j + 16 <= hi; j += 16)
                        wide += vload16(0, from + j) * vload16(0, at + j);
                    for (; sw == 1 && j + 4 <= hi; j += 4)
                        quad += vload4(0, from + j) * vload4(0, at + j);
                    for (; j < hi; j++)
                        sum += from[j * sw] * at[j];
                }
            }
            *pk++ = sum + (quad.x + quad.y + quad.z + quad.w) + sum16(wide);
        }
    }
}
#endif
