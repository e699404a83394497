/* Direct convolution with stride 1 for CPU-class devices: a register tile of MR outputs channels by
 * NR places, fed by shifted vectors of x; nothing is packed. x is [images, C, HP, WP], padding and
 * all; w is [O, C/g, kh, kw]. The gradient of the input is the same over a padded dy with the
 * weights swapped and flipped. */
#if MR == 8
#define ROWS_MR(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#else
#define ROWS_MR(X) X(0) X(1) X(2) X(3)
#endif
#define ROWS_1(X) X(0)

#if NR == 32
#define DECLARE(r) float16 c##r = (float16)(0.0f), d##r = (float16)(0.0f);
#define LOAD_X(p)                                                                                  \
    const float16 x0 = vload16(0, (p) + v0);                                                       \
    const float16 x1 = vload16(0, (p) + v1);
#define MADD(r)                                                                                    \
    {                                                                                              \
        const float a = pw##r[k];                                                                  \
        c##r = a * x0 + c##r;                                                                      \
        d##r = a * x1 + d##r;                                                                      \
    }
#define STORE_AT(r)                                                                                \
    if (r < rows) {                                                                                \
        const float add = has_bias ? pb[r] : 0.0f;                                                 \
        vstore16(c##r + add, 0, py + (long)r * P + v0);                                            \
        vstore16(d##r + add, 0, py + (long)r * P + v1);                                            \
    }
#define KEEP(r)                                                                                    \
    vstore16(c##r, 0, tile + r * NR);                                                              \
    vstore16(d##r, 1, tile + r * NR);
#else
#define DECLARE(r) float16 c##r = (float16)(0.0f);
#define LOAD_X(p) const float16 x0 = vload16(0, (p) + v0);
#define MADD(r)                                                                                    \
    {                                                                                              \
        const float a = pw##r[k];                                                                  \
        c##r = a * x0 + c##r;                                                                      \
    }
#define STORE_AT(r)                                                                                \
    if (r < rows)                                                                                  \
        vstore16(c##r + (has_bias ? pb[r] : 0.0f), 0, py + (long)r * P + v0);
#define KEEP(r) vstore16(c##r, 0, tile + r * NR);
#endif
/* Rows beyond the group's channels read the last one and are not stored. */
#define ROW_PTR(r) __global const float *pw##r = pw + (long)min(r, rows - 1) * K;

#define ARGS                                                                                       \
    IN(float, x), IN(float, w), IN(float, bias), OUT(float, y), const int has_bias,                \
        const int groups, const int Cg, const int Og, const int HP, const int WP, const int OH,    \
        const int OW, const int kh, const int kw, const int dh, const int dw, const int first,     \
        const int tiles, const int blocks, const int n, const int chunk

/* For NR == 16 v1 has no use. */
#define TAPS(ROWS, begin)                                                                          \
    ROWS(ROW_PTR)                                                                                  \
    ROWS(DECLARE)                                                                                  \
    int k = 0;                                                                                     \
    for (int c = 0; c < Cg; c++)                                                                   \
        for (int r = 0; r < kh; r++) {                                                             \
            __global const float *p = (begin) + ((long)c * HP + r * dh) * WP;                      \
            for (int q = 0; q < kw; q++, k++, p += dw) {                                           \
                LOAD_X(p)                                                                          \
                ROWS(MADD)                                                                         \
            }                                                                                      \
        }

/* item = (image, group, tile of channels, and what `within` counts) */
#define ITEM(step, within)                                                                         \
    const int at = i % (within), t = i / (within), tm = t % tiles, u = t / tiles;                  \
    const int g = u % groups, image = u / groups;                                                  \
    const int m0 = tm * (step), rows = min((step), Og - m0), P = OH * OW, K = Cg * kh * kw;        \
    __global const float *px = PTR(x) + ((long)image * groups + g) * Cg * HP * WP;                 \
    __global const float *pw = PTR(w) + ((long)g * Og + m0) * K;                                   \
    __global const float *pb = PTR(bias) + g * Og + m0;                                            \
    __global float *py = PTR(y) + (((long)(first + image) * groups + g) * Og + m0) * P;

/* Rows of at least 16 outputs: the last vectors of a row overlap the ones before. */
#define CONV_ROWS(name, ROWS, step)                                                                \
    __kernel void name(ARGS)                                                                       \
    {                                                                                              \
        EACH(i, n, chunk) {                                                                        \
            ITEM(step, OH * blocks)                                                                \
            const int oh = at / blocks, begin = (at - oh * blocks) * NR;                           \
            const int v0 = min(begin, OW - 16), v1 = min(begin + 16, OW - 16);                     \
            (void)v1;                                                                              \
            TAPS(ROWS, px + (long)oh * WP)                                                         \
            py += oh * OW;                                                                         \
            ROWS(STORE_AT)                                                                         \
        }                                                                                          \
    }
CONV_ROWS(conv_rows, ROWS_MR, MR)
CONV_ROWS(conv_rows1, ROWS_1, 1)

/* Short rows: places run on over the padded rows, and those that fall in the padding are dropped.
 * The last block overlaps the one before, or, where a plane is shorter than a block, reads on into
 * the slack behind x. */
#define CONV_FLAT(name, ROWS, step)                                                                \
    __kernel void name(ARGS)                                                                       \
    {                                                                                              \
        float tile[(step) * NR];                                                                   \
        EACH(i, n, chunk) {                                                                        \
            ITEM(step, blocks)                                                                     \
            const int L = (OH - 1) * WP + OW, p0 = max(min(at * NR, L - NR), 0);                   \
            const int cols = min(NR, L - p0), v0 = p0, v1 = p0 + 16;                               \
            (void)v1;                                                                              \
            TAPS(ROWS, px)                                                                         \
            ROWS(KEEP)                                                                             \
            for (int j = 0; j < cols;) {                                                           \
                const int oh = (p0 + j) / WP, ow = p0 + j - oh * WP;                               \
                const int len = min(WP - ow, cols - j), stored = min(OW - ow, len);                \
                for (int r = 0; r < rows; r++) {                                                   \
                    const float add = has_bias ? pb[r] : 0.0f;                                     \
                    for (int s = 0; s < stored; s++)                                               \
                        py[(long)r * P + oh * OW + ow + s] = tile[r * NR + j + s] + add;           \
                }                                                                                  \
                j += len;                                                                          \
            }                                                                                      \
        }                                                                                          \
    }
CONV_FLAT(conv_flat, ROWS_MR, MR)
CONV_FLAT(conv_flat1, ROWS_1, 1)

/* x [planes, H, W] -> padded [planes, HP, WP] with `top` rows and `left` columns of zeros before. */
__kernel void pad_planes(IN(float, x), OUT(float, padded), const int H, const int W, const int HP,
                         const int WP, const int top, const int left, const int first, const int n,
                         const int chunk)
{
    EACH(i, n, chunk) {
        __global const float *p = PTR(x) + ((long)first + i) * H * W;
        __global float *q = PTR(padded) + (long)i * HP * WP;
        for (int h = 0; h < HP; h++, q += WP) {
            const int in = h >= top && h < top + H;
            for (int w = 0; w < WP; w++)
                q[w] = 0.0f;
            for (int w = 0; in && w < W; w++)
                q[left + w] = p[(long)(h - top) * W + w];
        }
    }
}
