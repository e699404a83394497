/* Barrier-free GEMM: a register tile of MR x NR, B in panels of NR columns. One work-item computes
 * one tile of C over all of K. */

#if MR == 8
#define ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#else
#define ROWS(X) X(0) X(1) X(2) X(3)
#endif
#if NR == 32
#define DECLARE(r) float16 c##r = (float16)(0.0f), d##r = (float16)(0.0f);
#define LOAD_B                                                                                     \
    const float16 b0 = vload16(0, pb);                                                             \
    const float16 b1 = vload16(1, pb);
#define MADD(r)                                                                                    \
    {                                                                                              \
        const float a = pa##r[ka];                                                                 \
        c##r = a * b0 + c##r;                                                                      \
        d##r = a * b1 + d##r;                                                                      \
    }
#define KEEP(r)                                                                                    \
    vstore16(c##r, 0, tile + r * NR);                                                              \
    vstore16(d##r, 1, tile + r * NR);
#else
#define DECLARE(r) float16 c##r = (float16)(0.0f);
#define LOAD_B const float16 b0 = vload16(0, pb);
#define MADD(r)                                                                                    \
    {                                                                                              \
        const float a = pa##r[ka];                                                                 \
        c##r = a * b0 + c##r;                                                                      \
    }
#define KEEP(r) vstore16(c##r, 0, tile + r * NR);
#endif
/* Rows beyond M read the last row and are not stored. */
#define ROW_PTR(r) __global const float *pa##r = pa + (long)min(r, rows - 1) * a_row;

/* tile [MR, NR] = A rows x one panel of B. */
static inline void multiply(__global const float *pa, long a_row, long a_col, int rows,
                     __global const float *pb, long b_row, int K, float *tile)
{
    ROWS(ROW_PTR)
    ROWS(DECLARE)
    long ka = 0;
    for (int k = 0; k < K; k++) {
        LOAD_B
        ROWS(MADD)
        ka += a_col;
        pb += b_row;
    }
    ROWS(KEEP)
}

/* B [batch, K, N] with strides (b_batch, b_k, b_n) -> panels [batch, panel, K, NR], zero-padded.
 * An item packs a run of 64 rows of one panel. */
#define PACK_K 64
__kernel void pack_b(IN(float, b), OUT(float, packed), const int K, const int N,
                     const long b_batch, const long b_k, const long b_n, const int panels,
                     const int k_blocks, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int kb = i % k_blocks, t = i / k_blocks, panel = t % panels, batch = t / panels;
        const int n0 = panel * NR, cols = min(NR, N - n0);
        const int k_end = min(K, (kb + 1) * PACK_K);
        __global const float *src = PTR(b) + batch * b_batch + n0 * b_n;
        __global float *dst = PTR(packed) + ((long)batch * panels + panel) * K * NR;
        if (b_n == 1 && cols == NR) {
            for (int k = kb * PACK_K; k < k_end; k++)
                for (int j = 0; j < NR; j += 16)
                    vstore16(vload16(0, src + k * b_k + j), 0, dst + (long)k * NR + j);
        } else if (b_k == 1 && cols == NR) {
            for (int k = kb * PACK_K; k < k_end; k++) {
                INDEPENDENT
                for (int j = 0; j < NR; j++)
                    dst[(long)k * NR + j] = src[k + j * b_n];
            }
        } else {
            for (int k = kb * PACK_K; k < k_end; k++)
                for (int j = 0; j < NR; j++)
                    dst[(long)k * NR + j] = j < cols ? src[k * b_k + j * b_n] : 0.0f;
        }
    }
}

/* C [batch, M, N] = A B. A has strides (a_row, a_col). Panel p of B begins at p * b_panel, its rows
 * b_row apart. The table gives the batch index in A and B of an output batch. */
__kernel void gemm(IN(float, a), IN(float, b), OUT(float, c), IN(int, table), const int M,
                   const int N, const int K, const long a_batch, const long a_row,
                   const long a_col, const long b_batch, const long b_panel, const long b_row,
                   const int tiles, const int panels, const int n, const int chunk)
{
    float tile[MR * NR];
    EACH(i, n, chunk) {
        const int tm = i % tiles, t = i / tiles, panel = t % panels, batch = t / panels;
        const int m0 = tm * MR, n0 = panel * NR;
        const int rows = min(MR, M - m0), cols = min(NR, N - n0);
        multiply(PTR(a) + table_offset(PTR(table), 0, batch) * a_batch + m0 * a_row, a_row, a_col,
                 rows,
                 PTR(b) + table_offset(PTR(table), 1, batch) * b_batch + panel * b_panel, b_row, K,
                 tile);
        __global float *pc = PTR(c) + ((long)batch * M + m0) * N + n0;
        if (cols == NR) {
            for (int r = 0; r < rows; r++)
                for (int j = 0; j < NR; j += 16)
                    vstore16(vload16(0, tile + r * NR + j), 0, pc + (long)r * N + j);
        } else {
            for (int r = 0; r < rows; r++)
                for (int j = 0; j < cols; j++)
                    pc[(long)r * N + j] = tile[r * NR + j];
        }
    }
}

/* ---- convolution as a product over packed columns ---- */
/* Shapes as seen by the forward pass: x [N, C, H, W], w [O, C/g, kh, kw], y [N, O, OH, OW]. */
#define GEOMETRY                                                                                   \
    const int C, const int H, const int W, const int O, const int OH, const int OW, const int kh,  \
        const int kw, const int sh, const int sw, const int ph, const int pw, const int dh,        \
        const int dw, const int groups

/* Columns of images [first, first + images): panels [group, panel, K = C/g kh kw, NR] of x. */
__kernel void im2col(IN(float, x), OUT(float, packed), GEOMETRY, const int first, const int images,
                     const int panels, const int n, const int chunk)
{
    const int Cg = C / groups, P = OH * OW, K = Cg * kh * kw;
    int base[NR], h0[NR], w0[NR];
    EACH(i, n, chunk) {
        const int c = i % Cg, t = i / Cg, panel = t % panels, g = t / panels;
        for (int j = 0; j < NR; j++) {
            const int col = panel * NR + j, image = col / P, p = col - image * P;
            const int oh = p / OW, ow = p - oh * OW;
            base[j] = (image * C + g * Cg + c) * H * W;
            h0[j] = image < images ? oh * sh - ph : -(1 << 29);
            w0[j] = ow * sw - pw;
        }
        __global const float *px = PTR(x) + (long)first * C * H * W;
        __global float *dst = PTR(packed) + (((long)g * panels + panel) * K + c * kh * kw) * NR;
        for (int r = 0; r < kh; r++)
            for (int q = 0; q < kw; q++, dst += NR) {
                INDEPENDENT
                for (int j = 0; j < NR; j++) {
                    const int h = h0[j] + r * dh, w = w0[j] + q * dw;
                    const int in = (h >= 0) & (h < H) & (w >= 0) & (w < W);
                    const float v = px[in ? base[j] + h * W + w : 0];
                    dst[j] = in ? v : 0.0f;
                }
            }
    }
}

/* Columns of dy for the gradient of the input: panels [group, panel, K = O/g kh kw, NR]; column =
 * (image, h, w) of dx, row (o, r, q) = dy at the place whose tap (r, q) reads (h, w), else 0. */
__kernel void im2col_grad(IN(float, dy), OUT(float, packed), GEOMETRY, const int first,
                          const int images, const int panels, const int n, const int chunk)
{
    const int Og = O / groups, P = H * W, K = Og * kh * kw;
    int base[NR], h0[NR], w0[NR];
    EACH(i, n, chunk) {
        const int o = i % Og, t = i / Og, panel = t % panels, g = t / panels;
        for (int j = 0; j < NR; j++) {
            const int col = panel * NR + j, image = col / P, p = col - image * P;
            const int h = p / W, w = p - h * W;
            base[j] = (image * O + g * Og + o) * OH * OW;
            h0[j] = image < images ? h + ph : -(1 << 29);
            w0[j] = w + pw;
        }
        __global const float *pd = PTR(dy) + (long)first * O * OH * OW;
        __global float *dst = PTR(packed) + (((long)g * panels + panel) * K + o * kh * kw) * NR;
        for (int r = 0; r < kh; r++)
            for (int q = 0; q < kw; q++, dst += NR) {
                if (sh == 1 && sw == 1) {
                    INDEPENDENT
                    for (int j = 0; j < NR; j++) {
                        const int h = h0[j] - r * dh, w = w0[j] - q * dw;
                        const int in = (h >= 0) & (h < OH) & (w >= 0) & (w < OW);
                        const float v = pd[in ? base[j] + h * OW + w : 0];
                        dst[j] = in ? v : 0.0f;
                    }
                } else {
                    for (int j = 0; j < NR; j++) {
                        const int h = h0[j] - r * dh, w = w0[j] - q * dw;
                        const int in = h >= 0 && w >= 0 && h % sh == 0 && w % sw == 0 &&
                                       h / sh < OH && w / sw < OW;
                        dst[j] = in ? pd[base[j] + h / sh * OW + w / sw] : 0.0f;
                    }
                }
            }
    }
}

/* y [images, groups M, P] from A [groups][M, K] (row-major) and the packed columns. */
__kernel void conv_product(IN(float, a), IN(float, packed), IN(float, bias), OUT(float, y),
                           const int has_bias, const int groups, const int M, const int K,
                           const int P, const int first, const int images, const int tiles,
                           const int panels, const int n, const int chunk)
{
    float tile[MR * NR];
    EACH(i, n, chunk) {
        const int tm = i % tiles, t = i / tiles, panel = t % panels, g = t / panels;
        const int m0 = tm * MR, rows = min(MR, M - m0);
        const int col0 = panel * NR, cols = min(NR, images * P - col0);
        multiply(PTR(a) + ((long)g * M + m0) * K, K, 1, rows,
                 PTR(packed) + ((long)g * panels + panel) * K * NR, NR, K, tile);
        for (int r = 0; r < rows; r++) {
            const int m = g * M + m0 + r;
            const float add = has_bias ? PTR(bias)[m] : 0.0f;
            int j = 0;
            while (j < cols) { /* runs inside one image */
                const int image = (col0 + j) / P, p = col0 + j - image * P;
                const int len = min(cols - j, P - p);
                __global float *py = PTR(y) + (((long)first + image) * groups * M + m) * P + p;
                if (len == NR) {
                    for (int s = 0; s < NR; s += 16)
                        vstore16(vload16(0, tile + r * NR + s) + add, 0, py + s);
                } else {
                    for (int s = 0; s < len; s++)
                        py[s] = tile[r * NR + j + s] + add;
                }
                j += len;
            }
        }
    }
}

/* Columns for the gradient of the weights: panels [image, group, panel, P, 16]: row p, column
 * (c, r, q) = x at tap (r, q) of output p. */
__kernel void im2row(IN(float, x), OUT(float, packed), GEOMETRY, const int first, const int panels,
                     const int n, const int chunk)
{
    const int Cg = C / groups, K = Cg * kh * kw, P = OH * OW;
    int base[16], dr[16], dq[16];
    EACH(i, n, chunk) {
        const int panel = i % panels, t = i / panels, g = t % groups, image = t / groups;
        for (int j = 0; j < 16; j++) {
            const int k = panel * 16 + j, c = k / (kh * kw), tap = k - c * kh * kw;
            const int r = tap / kw, q = tap - r * kw;
            base[j] = (g * Cg + min(c, Cg - 1)) * H * W;
            dr[j] = k < K ? r * dh - ph : -(1 << 29);
            dq[j] = q * dw - pw;
        }
        __global const float *px = PTR(x) + ((long)first + image) * C * H * W;
        __global float *dst = PTR(packed) + (long)i * P * 16;
        for (int oh = 0; oh < OH; oh++)
            for (int ow = 0; ow < OW; ow++, dst += 16) {
                INDEPENDENT
                for (int j = 0; j < 16; j++) {
                    const int h = oh * sh + dr[j], w = ow * sw + dq[j];
                    const int in = (h >= 0) & (h < H) & (w >= 0) & (w < W);
                    const float v = px[in ? base[j] + h * W + w : 0];
                    dst[j] = in ? v : 0.0f;
                }
            }
    }
}

#define DECLARE16(r) float16 c##r = (float16)(0.0f);
#define MADD16(r) c##r = pa##r[p] * b0 + c##r;
#define KEEP16(r) vstore16(c##r, 0, tile + r * 16);
/* partial [split, O, K] += dy x columns over this split's images. */
__kernel void conv_weight_product(IN(float, dy), IN(float, packed), OUT(float, partial),
                                  const int groups, const int M, const int K, const int P,
                                  const int first, const int images, const int splits,
                                  const int tiles, const int panels, const int add, const int n,
                                  const int chunk)
{
    float tile[MR * 16];
    EACH(i, n, chunk) {
        const int tm = i % tiles, t = i / tiles, panel = t % panels, u = t / panels;
        const int g = u % groups, split = u / groups;
        const int m0 = tm * MR, rows = min(MR, M - m0);
        const int lo = images * split / splits, hi = images * (split + 1) / splits;
        ROWS(DECLARE16)
        for (int image = lo; image < hi; image++) {
            const long a_row = P;
            __global const float *pa =
                PTR(dy) + (((long)first + image) * groups * M + g * M + m0) * P;
            ROWS(ROW_PTR)
            __global const float *pb =
                PTR(packed) + (((long)image * groups + g) * panels + panel) * P * 16;
            for (int p = 0; p < P; p++) {
                const float16 b0 = vload16(p, pb);
                ROWS(MADD16)
            }
        }
        ROWS(KEEP16)
        const int k0 = panel * 16, cols = min(16, K - k0);
        __global float *pc = PTR(partial) + (((long)split * groups + g) * M + m0) * K + k0;
        for (int r = 0; r < rows; r++)
            for (int j = 0; j < cols; j++)
                pc[(long)r * K + j] = (add ? pc[(long)r * K + j] : 0.0f) + tile[r * 16 + j];
    }
}
