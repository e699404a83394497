/* SPDX-License-Identifier: MIT */
#include "gemm.h"
#include "tile.h"

/* A's block (MC x KC) stays in the second cache, B's panel (KC x NR) in the first. */
enum { THIN = 6144 }; /* floats of B that leave room in the first cache */
enum { KC = 256, MC = 10 * MR, NC = 16 * NR };

uint64_t CPU_SYM(cpu_gemm_scratch)(void)
{
    return cpu_align_up(MC * KC * sizeof(float)) + cpu_align_up(KC * NC * sizeof(float)) +
           cpu_align_up(MR * NR * sizeof(float));
}

int64_t CPU_SYM(cpu_gemm_mr)(void)
{
    return MR;
}

int64_t CPU_SYM(cpu_gemm_nr)(void)
{
    return NR;
}

typedef float vec4 __attribute__((vector_size(16), aligned(4), may_alias));

/* to[j * ld + i] = from[i * row + j] for i, j < 4. */
CPU_INLINE void turn4(float *to, int64_t ld, const float *from, int64_t row)
{
    vec4 r0, r1, r2, r3;
    memcpy(&r0, from, sizeof r0);
    memcpy(&r1, from + row, sizeof r1);
    memcpy(&r2, from + 2 * row, sizeof r2);
    memcpy(&r3, from + 3 * row, sizeof r3);
    vec4 a = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
    vec4 b = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
    vec4 c = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
    vec4 d = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
    r0 = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    r1 = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    r2 = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    r3 = __builtin_shufflevector(b, d, 2, 3, 6, 7);
    memcpy(to, &r0, sizeof r0);
    memcpy(to + ld, &r1, sizeof r1);
    memcpy(to + 2 * ld, &r2, sizeof r2);
    memcpy(to + 3 * ld, &r3, sizeof r3);
}

void CPU_SYM(cpu_turn)(float *to, int64_t ld, const float *from, int64_t row, int64_t n, int64_t k)
{
    int64_t n4 = n / 4 * 4, k4 = k / 4 * 4;
    for (int64_t j = 0; j < k4; j += 4)
        for (int64_t i = 0; i < n4; i += 4)
            turn4(to + j * ld + i, ld, from + i * row + j, row);
    for (int64_t j = 0; j < k; j++)
        for (int64_t i = j < k4 ? n4 : 0; i < n; i++)
            to[j * ld + i] = from[i * row + j];
}

/* A panel: `width` of n vectors side by side, k long, zeros beyond n. from[i * across + j * along].
 */
CPU_INLINE void pack_panel(float *to, int64_t width, const float *from, int64_t across,
                           int64_t along, int64_t n, int64_t k)
{
    if (n < width)
        memset(to, 0, (size_t)(width * k) * sizeof *to);
    if (along == 1) {
        CPU_SYM(cpu_turn)(to, width, from, across, n, k);
    } else if (across == 1 && n == width) {
        for (int64_t j = 0; j < k; j++)
            memcpy(to + j * width, from + j * along, (size_t)width * sizeof *to);
    } else {
        for (int64_t j = 0; j < k; j++)
            for (int64_t i = 0; i < n; i++)
                to[j * width + i] = from[i * across + j * along];
    }
}

/* [m, k] as panels of MR rows, each stored column by column. */
static void pack_a(float *to, const float *a, int64_t row, int64_t col, int64_t m, int64_t k)
{
    for (int64_t i = 0; i < m; i += MR, to += MR * k)
        pack_panel(to, MR, a + i * row, row, col, cpu_min64(MR, m - i), k);
}

/* [k, n] as panels of NR columns, each stored row by row. */
static void pack_b(float *to, const float *b, int64_t row, int64_t col, int64_t k, int64_t n)
{
    for (int64_t j = 0; j < n; j += NR, to += NR * k)
        pack_panel(to, NR, b + j * col, col, row, cpu_min64(NR, n - j), k);
}

/* Where a tile's operands lie: a is a packed panel, rows of b and c are b_row, c_row apart. */
struct place {
    const float *a, *b, *bias; /* bias: of the first row, or NULL */
    float *c;
    int64_t b_row, c_row, k;
    bool add;
};

/* c[rows, vecs * LANES] (+)= a b. Called with constants, so that the tile lives in registers. */
CPU_INLINE void tile(const struct place *t, const int rows, const int vecs)
{
    vec acc[MR][2];
    for (int i = 0; i < rows; i++)
        acc[i][0] = acc[i][1] = (vec){0};
    for (int64_t p = 0; p < t->k; p++) {
        vec b[2];
        const float *a = t->a + p * MR;
        for (int v = 0; v < vecs; v++)
            memcpy(&b[v], t->b + p * t->b_row + v * LANES, sizeof b[v]);
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
            for (int v = 0; v < vecs; v++)
                acc[i][v] += a[i] * b[v];
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vecs; v++) {
            float *to = t->c + i * t->c_row + v * LANES;
            vec old;
            memcpy(&old, to, sizeof old);
            if (t->add)
                acc[i][v] += old;
            if (t->bias)
                acc[i][v] += t->bias[i];
            memcpy(to, &acc[i][v], sizeof acc[i][v]);
        }
}

static void tile_whole(const struct place *t)
{
    tile(t, MR, 2);
}

/* The smallest tile that holds rows x cols. */
static void tile_at_least(const struct place *t, int64_t rows, int64_t cols)
{
    bool one = cols <= LANES;
    if (rows == 1)
        one ? tile(t, 1, 1) : tile(t, 1, 2);
    else if (rows == 2)
        one ? tile(t, 2, 1) : tile(t, 2, 2);
    else if (rows <= 4)
        one ? tile(t, 4, 1) : tile(t, 4, 2);
    else if (rows <= 8 && MR > 8)
        one ? tile(t, 8 < MR ? 8 : MR, 1) : tile(t, 8 < MR ? 8 : MR, 2);
    else
        one ? tile(t, MR, 1) : tile(t, MR, 2);
}

/* A tile at the edge is made in `temp`, then its part that exists is copied. */
static void edge(const struct place *t, int64_t rows, int64_t cols, float *temp)
{
    struct place in = *t;
    in.c = temp;
    in.c_row = NR;
    in.add = false;
    in.bias = NULL; /* it ends with the rows that exist */
    tile_at_least(&in, rows, cols);
    for (int64_t i = 0; i < rows; i++) {
        float *c = t->c + i * t->c_row;
        if (t->bias)
            for (int64_t j = 0; j < cols; j++)
                temp[i * NR + j] += t->bias[i];
        for (int64_t j = 0; j < cols; j++)
            c[j] = t->add ? c[j] + temp[i * NR + j] : temp[i * NR + j];
    }
}

/* A tile of up to MR rows and NR columns. */
static void one(const struct place *t, int64_t rows, int64_t cols, float *temp)
{
    if (cols >= NR && rows >= MR)
        tile_whole(t);
    else if (cols >= NR && (rows == 1 || rows == 2 || rows == 4 || rows == 8))
        tile_at_least(t, rows, NR);
    else
        edge(t, cpu_min64(MR, rows), cpu_min64(NR, cols), temp);
}

/* --- both operands contiguous along k, few outputs: sums of products, nothing packed --- */

enum { DOT = 4 };

/* c[DOT, DOT] (+)= a b^T; rows of a and b beyond those that exist repeat the last. */
static void dot_tile(const struct cpu_gemm *g, int64_t i0, int64_t j0)
{
    const float *a[DOT], *b[DOT];
    vec acc[DOT][DOT];
    float tail[DOT][DOT];
    int64_t k = g->k / LANES * LANES;
    for (int i = 0; i < DOT; i++) {
        a[i] = g->a + cpu_min64(i0 + i, g->m - 1) * g->a_row;
        b[i] = g->b + cpu_min64(j0 + i, g->n - 1) * g->b_col;
        for (int j = 0; j < DOT; j++) {
            acc[i][j] = (vec){0};
            tail[i][j] = 0;
        }
    }
    for (int64_t p = 0; p < k; p += LANES) {
        vec x[DOT], y[DOT];
#pragma GCC unroll 4
        for (int i = 0; i < DOT; i++) {
            memcpy(&x[i], a[i] + p, sizeof x[i]);
            memcpy(&y[i], b[i] + p, sizeof y[i]);
        }
#pragma GCC unroll 4
        for (int i = 0; i < DOT; i++)
#pragma GCC unroll 4
            for (int j = 0; j < DOT; j++)
                acc[i][j] += x[i] * y[j];
    }
    for (int64_t p = k; p < g->k; p++)
        for (int i = 0; i < DOT; i++)
            for (int j = 0; j < DOT; j++)
                tail[i][j] += a[i][p] * b[j][p];
    for (int64_t i = 0; i < DOT && i0 + i < g->m; i++)
        for (int64_t j = 0; j < DOT && j0 + j < g->n; j++) {
            float lane[LANES], *c = g->c + (i0 + i) * g->c_row + j0 + j;
            memcpy(lane, &acc[i][j], sizeof lane);
            for (int w = LANES / 2; w > 0; w /= 2)
                for (int l = 0; l < w; l++)
                    lane[l] += lane[l + w];
            float sum = lane[0] + tail[i][j] + (g->bias ? g->bias[i0 + i] : 0);
            *c = g->accumulate ? *c + sum : sum;
        }
}

static void dots(const struct cpu_gemm *g)
{
    for (int64_t i = 0; i < g->m; i += DOT)
        for (int64_t j = 0; j < g->n; j += DOT)
            dot_tile(g, i, j);
}

/* --- any operands --- */

/* Scratch: A's block, B's block, one tile. */
struct scratch {
    float *a, *b, *temp;
};

/* Columns [j, j + n) and products [p, p + k) for all rows. B is packed once for many rows; for few
 * rows its own memory serves, but for the last columns. */
static void slab(const struct cpu_gemm *g, const struct scratch *s, int64_t j, int64_t n, int64_t p,
                 int64_t k)
{
    const float *b = g->b + p * g->b_row + j * g->b_col;
    bool direct = g->b_col == 1 && g->m <= 4 * MR, add = g->accumulate || p > 0;
    int64_t whole = direct ? n / NR * NR : 0;
    if (whole < n)
        pack_b(s->b + whole * k, b + whole * g->b_col, g->b_row, g->b_col, k, n - whole);
    /* A thin B stays in the first cache: going along c's rows then writes few long streams. */
    bool along = k * n <= THIN;
    for (int64_t i = 0; i < g->m; i += MC) {
        int64_t m = cpu_min64(MC, g->m - i);
        pack_a(s->a, g->a + i * g->a_row + p * g->a_col, g->a_row, g->a_col, m, k);
        struct place t = {.k = k, .c_row = g->c_row, .add = add};
        int64_t tiles_m = (m + MR - 1) / MR, tiles_n = (n + NR - 1) / NR;
        for (int64_t e = 0; e < tiles_m * tiles_n; e++) {
            int64_t r = (along ? e / tiles_n : e % tiles_m) * MR;
            int64_t q = (along ? e % tiles_n : e / tiles_m) * NR;
            bool own = q < whole;
            t.a = s->a + r * k;
            t.b = own ? b + q : s->b + q * k;
            t.b_row = own ? g->b_row : NR;
            t.c = g->c + (i + r) * g->c_row + j + q;
            t.bias = g->bias && p == 0 ? g->bias + i + r : NULL;
            one(&t, m - r, n - q, s->temp);
        }
    }
}

void CPU_SYM(cpu_gemm)(const struct cpu_gemm *g, void *scratch)
{
    struct scratch s = {.a = scratch};
    s.b = s.a + cpu_align_up(MC * KC * sizeof(float)) / sizeof(float);
    s.temp = s.b + cpu_align_up(KC * NC * sizeof(float)) / sizeof(float);
    if (g->k == 0 && !g->accumulate)
        for (int64_t i = 0; i < g->m; i++)
            for (int64_t j = 0; j < g->n; j++)
                g->c[i * g->c_row + j] = g->bias ? g->bias[i] : 0;
    if (g->a_col == 1 && g->b_row == 1 && g->k >= 4 * LANES && (g->n <= NR || g->m <= MR)) {
        dots(g);
        return;
    }
    for (int64_t j = 0; j < g->n; j += NC)
        for (int64_t p = 0; p < g->k; p += KC)
            slab(g, &s, j, cpu_min64(NC, g->n - j), p, cpu_min64(KC, g->k - p));
}
