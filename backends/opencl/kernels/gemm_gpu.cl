/* Tiled products for GPU-class devices: a work-group of 16 x 16 computes 64 x 64 of C, each
 * work-item 4 x 4, with tiles of A and B in local memory. Convolutions are the same product with
 * gathering loads (implicit GEMM). */
#define TILE 64
#define DEPTH 16
#define SIDE 16

/* Groups are numbered along one dimension, columns of C first, then rows, then `layer`: NVIDIA's
 * other two dimensions end at 65535 groups. */
#define LOCALS(M, N)                                                                               \
    __local float sa[DEPTH][TILE + 1];                                                             \
    __local float sb[DEPTH][TILE];                                                                 \
    const int tx = (int)get_local_id(0), ty = (int)get_local_id(1), tid = ty * SIDE + tx;          \
    const int n_tiles = ((N)-1) / TILE + 1, m_tiles = ((M)-1) / TILE + 1;                          \
    const int tile = (int)get_group_id(0), row_of_tiles = tile / n_tiles;                          \
    const int n0 = (tile - row_of_tiles * n_tiles) * TILE, m0 = row_of_tiles % m_tiles * TILE;     \
    const int layer = row_of_tiles / m_tiles;                                                      \
    float acc[4][4];                                                                               \
    for (int i = 0; i < 4; i++)                                                                    \
        for (int j = 0; j < 4; j++)                                                                \
            acc[i][j] = 0.0f;

/* LOAD_A(m, k) and LOAD_B(k, n) are called inside the bounds only. */
#define PRODUCT(M, N, k_begin, k_end, LOAD_A, LOAD_B)                                              \
    for (int kt = (k_begin); kt < (k_end); kt += DEPTH) {                                          \
        for (int e = 0; e < 4; e++) {                                                              \
            const int at = tid + e * SIDE * SIDE;                                                  \
            const int ak = kt + at % DEPTH, am = m0 + at / DEPTH;                                  \
            float va = 0.0f, vb = 0.0f;                                                            \
            if (am < (M) && ak < (k_end))                                                          \
                va = LOAD_A(am, ak);                                                               \
            sa[at % DEPTH][at / DEPTH] = va;                                                       \
            const int bk = kt + at / TILE, bn = n0 + at % TILE;                                    \
            if (bn < (N) && bk < (k_end))                                                          \
                vb = LOAD_B(bk, bn);                                                               \
            sb[at / TILE][at % TILE] = vb;                                                         \
        }                                                                                          \
        barrier(CLK_LOCAL_MEM_FENCE);                                                              \
        for (int k = 0; k < DEPTH; k++) {                                                          \
            float ra[4], rb[4];                                                                    \
            for (int i = 0; i < 4; i++)                                                            \
                ra[i] = sa[k][ty + SIDE * i];                                                      \
            for (int j = 0; j < 4; j++)                                                            \
                rb[j] = sb[k][tx + SIDE * j];                                                      \
            for (int i = 0; i < 4; i++)                                                            \
                for (int j = 0; j < 4; j++)                                                        \
                    acc[i][j] += ra[i] * rb[j];                                                    \
        }                                                                                          \
        barrier(CLK_LOCAL_MEM_FENCE);                                                              \
    }

#define STORE(M, N, STORE_C)                                                                       \
    for (int i = 0; i < 4; i++)                                                                    \
        for (int j = 0; j < 4; j++) {                                                              \
            const int m = m0 + ty + SIDE * i, n = n0 + tx + SIDE * j;                              \
            if (m < (M) && n < (N))                                                                \
                STORE_C(m, n, acc[i][j]);                                                          \
        }

/* C [split, batch, M, N] = A B with strides, each split over `depth` of K; the table gives the batch
 * index in A and B. */
__kernel __attribute__((reqd_work_group_size(16, 16, 1))) void
gemm(IN(float, a), IN(float, b), OUT(float, c), IN(int, table), const int M, const int N,
     const int K, const long a_batch, const long a_row, const long a_col, const long b_batch,
     const long b_row, const long b_col, const int batches, const int depth)
{
    LOCALS(M, N)
    const int split = layer / batches, batch = layer - split * batches;
    const int lo = split * depth, hi = min(K, lo + depth);
    __global const float *pa = PTR(a) + table_offset(PTR(table), 0, batch) * a_batch;
    __global const float *pb = PTR(b) + table_offset(PTR(table), 1, batch) * b_batch;
    __global float *pc = PTR(c) + (long)layer * M * N;
#define GEMM_A(m, k) pa[(m)*a_row + (k)*a_col]
#define GEMM_B(k, n) pb[(k)*b_row + (n)*b_col]
#define GEMM_C(m, n, v) pc[(long)(m)*N + (n)] = (v)
    PRODUCT(M, N, lo, hi, GEMM_A, GEMM_B)
    STORE(M, N, GEMM_C)
}

#define GEOMETRY                                                                                   \
    const int C, const int H, const int W, const int O, const int OH, const int OW, const int kh,  \
        const int kw, const int sh, const int sw, const int ph, const int pw, const int dh,        \
        const int dw, const int groups

/* A work-item loads one column of B all through (PRODUCT's bn does not change), so what belongs to
 * the column is worked out once. */
#define COLUMN (n0 + tid % TILE)

/* x at tap k of the output place (h0, w0 = its window's begin) in one image and group. */
static inline float conv_x(__global const float *image, int k, int h0, int w0, int H, int W,
                           int kh, int kw, int dh, int dw)
{
    const int taps = kh * kw, c = k / taps, tap = k - c * taps, r = tap / kw, q = tap - r * kw;
    const int h = h0 + r * dh, w = w0 + q * dw;
    if (h < 0 || h >= H || w < 0 || w >= W)
        return 0.0f;
    return image[((long)c * H + h) * W + w];
}

/* dy seen from the place (a, b = h + ph, w + pw) of dx through tap k = (o, r, q). */
static inline float conv_dy(__global const float *image, int k, int a0, int b0, int OH, int OW,
                            int kh, int kw, int sh, int sw, int dh, int dw)
{
    const int taps = kh * kw, o = k / taps, tap = k - o * taps, r = tap / kw, q = tap - r * kw;
    const int a = a0 - r * dh, b = b0 - q * dw;
    if (a < 0 || b < 0 || a % sh || b % sw || a / sh >= OH || b / sw >= OW)
        return 0.0f;
    return image[((long)o * OH + a / sh) * OW + b / sw];
}

/* x of channel plane `x` at tap (dr, dq) of the output place p. */
static inline float conv_place(__global const float *x, long image_step, int k, int P, int OW,
                               int dr, int dq, int H, int W, int sh, int sw)
{
    const int image = k / P, p = k - image * P, oh = p / OW, ow = p - oh * OW;
    const int h = oh * sh + dr, w = ow * sw + dq;
    if (h < 0 || h >= H || w < 0 || w >= W)
        return 0.0f;
    return x[image * image_step + (long)h * W + w];
}

/* y [N, O, P]: M = O/g, columns (image, p), K = C/g kh kw. */
__kernel __attribute__((reqd_work_group_size(16, 16, 1))) void
conv(IN(float, x), IN(float, w), IN(float, bias), OUT(float, y), const int has_bias, GEOMETRY,
     const int images)
{
    const int Cg = C / groups, Og = O / groups, P = OH * OW;
    const int K = Cg * kh * kw, N = images * P;
    LOCALS(Og, N)
    const int g = layer;
    __global const float *px = PTR(x), *pw_ = PTR(w) + (long)g * Og * K, *pb = PTR(bias) + g * Og;
    __global float *py = PTR(y);
    const int image = COLUMN / P, p = COLUMN - image * P, h0 = p / OW * sh - ph;
    const int w0 = p % OW * sw - pw;
    px += ((long)image * C + g * Cg) * H * W;
#define CONV_A(m, k) pw_[(long)(m)*K + (k)]
#define CONV_B(k, n) conv_x(px, k, h0, w0, H, W, kh, kw, dh, dw)
#define CONV_C(m, n, v)                                                                            \
    py[((long)((n) / P) * O + g * Og + (m)) * P + (n) % P] = (v) + (has_bias ? pb[m] : 0.0f)
    PRODUCT(Og, N, 0, K, CONV_A, CONV_B)
    STORE(Og, N, CONV_C)
}

/* dx [N, C, H W]: M = C/g, columns (image, h, w), K = O/g kh kw. */
__kernel __attribute__((reqd_work_group_size(16, 16, 1))) void
conv_grad_input(IN(float, dy), IN(float, w), IN(float, bias), OUT(float, dx), const int has_bias,
                GEOMETRY, const int images)
{
    const int Cg = C / groups, Og = O / groups, P = H * W;
    const int taps = kh * kw, K = Og * taps, N = images * P;
    LOCALS(Cg, N)
    const int g = layer;
    __global const float *pd = PTR(dy), *pw_ = PTR(w) + (long)g * Og * Cg * taps;
    __global const float *pb = PTR(bias) + g * Cg;
    __global float *px = PTR(dx);
    const int image = COLUMN / P, p = COLUMN - image * P, a0 = p / W + ph, b0 = p % W + pw;
    pd += ((long)image * O + g * Og) * OH * OW;
#define DX_A(m, k) pw_[((long)((k) / taps) * Cg + (m)) * taps + (k) % taps]
#define DX_B(k, n) conv_dy(pd, k, a0, b0, OH, OW, kh, kw, sh, sw, dh, dw)
#define DX_C(m, n, v)                                                                              \
    px[((long)((n) / P) * C + g * Cg + (m)) * P + (n) % P] = (v) + (has_bias ? pb[m] : 0.0f)
    PRODUCT(Cg, N, 0, K, DX_A, DX_B)
    STORE(Cg, N, DX_C)
}

/* partial [split, O, C/g kh kw]: M = O/g, columns (c, r, q), K = this split's (image, p). */
__kernel __attribute__((reqd_work_group_size(16, 16, 1))) void
conv_grad_weight(IN(float, x), IN(float, dy), OUT(float, partial), GEOMETRY, const int images,
                 const int splits)
{
    const int Cg = C / groups, Og = O / groups, P = OH * OW, N = Cg * kh * kw;
    LOCALS(Og, N)
    const int g = layer % groups, split = layer / groups;
    const int K = images * P;
    const int lo = (int)((long)K * split / splits), hi = (int)((long)K * (split + 1) / splits);
    __global const float *px = PTR(x), *pd = PTR(dy);
    __global float *pc = PTR(partial) + ((long)split * O + g * Og) * N;
    const int taps = kh * kw, c = COLUMN / taps, tap = COLUMN - c * taps;
    const int dr = tap / kw * dh - ph, dq = tap % kw * dw - pw;
    const long image_step = (long)C * H * W;
    px += ((long)g * Cg + c) * H * W;
#define DW_A(m, k) pd[((long)((k) / P) * O + g * Og + (m)) * P + (k) % P]
#define DW_B(k, n) conv_place(px, image_step, k, P, OW, dr, dq, H, W, sh, sw)
#define DW_C(m, n, v) pc[(long)(m)*N + (n)] = (v)
    PRODUCT(Og, N, lo, hi, DW_A, DW_B)
    STORE(Og, N, DW_C)
}
