/* SPDX-License-Identifier: MIT */
#include "gemm.h"

/* A tile of MR rows and two vectors of columns lives in registers. */
#if defined(__AVX512F__)
enum { LANES = 16, MR = 12 };
#elif defined(__AVX2__)
enum { LANES = 8, MR = 6 };
#else
enum { LANES = 4, MR = 5 };
#endif
enum { NR = 2 * LANES };
/* A's block (MC x KC) stays in the second cache, B's panel (KC x NR) in the first. */
enum { KC = 256, MC = 10 * MR, NC = 16 * NR };

typedef float vec __attribute__((vector_size(LANES * sizeof(float)), may_alias));

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

/* [m, k] as panels of MR rows, each stored column by column; rows beyond m are zero. */
static void pack_a(float *to, const float *a, int64_t row, int64_t col, int64_t m, int64_t k)
{
    for (int64_t i0 = 0; i0 < m; i0 += MR) {
        int64_t rows = cpu_min64(MR, m - i0);
        const float *p = a + i0 * row;
        if (rows == MR && row == 1) {
            for (int64_t j = 0; j < k; j++)
                for (int64_t i = 0; i < MR; i++)
                    to[j * MR + i] = p[j * col + i];
        } else {
            for (int64_t j = 0; j < k; j++)
                for (int64_t i = 0; i < MR; i++)
                    to[j * MR + i] = i < rows ? p[i * row + j * col] : 0;
        }
        to += MR * k;
    }
}

/* [k, n] as panels of NR columns, each stored row by row; columns beyond n are zero. */
static void pack_b(float *to, const float *b, int64_t row, int64_t col, int64_t k, int64_t n)
{
    for (int64_t j0 = 0; j0 < n; j0 += NR) {
        int64_t cols = cpu_min64(NR, n - j0);
        const float *p = b + j0 * col;
        if (cols == NR && col == 1) {
            for (int64_t i = 0; i < k; i++)
                memcpy(to + i * NR, p + i * row, NR * sizeof *to);
        } else if (cols == NR) {
            for (int64_t j = 0; j < NR; j++)
                for (int64_t i = 0; i < k; i++)
                    to[i * NR + j] = p[i * row + j * col];
        } else {
            for (int64_t i = 0; i < k; i++)
                for (int64_t j = 0; j < NR; j++)
                    to[i * NR + j] = j < cols ? p[i * row + j * col] : 0;
        }
        to += NR * k;
    }
}

/* c[MR, NR] (+)= a panel, b panel; c's rows are c_row apart. */
static void tile(const float *a, const float *b, int64_t k, float *c, int64_t c_row, bool add)
{
    vec acc[MR][2];
    for (int i = 0; i < MR; i++)
        acc[i][0] = acc[i][1] = (vec){0};
    for (int64_t p = 0; p < k; p++) {
        vec b0, b1;
        memcpy(&b0, b + p * NR, sizeof b0);
        memcpy(&b1, b + p * NR + LANES, sizeof b1);
#pragma GCC unroll 12
        for (int i = 0; i < MR; i++) {
            acc[i][0] += a[p * MR + i] * b0;
            acc[i][1] += a[p * MR + i] * b1;
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < MR; i++) {
        float *to = c + i * c_row;
        if (add) {
            vec c0, c1;
            memcpy(&c0, to, sizeof c0);
            memcpy(&c1, to + LANES, sizeof c1);
            acc[i][0] += c0;
            acc[i][1] += c1;
        }
        memcpy(to, &acc[i][0], sizeof acc[i][0]);
        memcpy(to + LANES, &acc[i][1], sizeof acc[i][1]);
    }
}

/* A tile at the edge is made whole in `temp`, then its part that exists is copied. */
static void edge(const float *a, const float *b, int64_t k, float *c, int64_t c_row, bool add,
                 int64_t rows, int64_t cols, float *temp)
{
    tile(a, b, k, temp, NR, false);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++)
            c[i * c_row + j] = add ? c[i * c_row + j] + temp[i * NR + j] : temp[i * NR + j];
}

static void block(const float *pa, const float *pb, int64_t m, int64_t n, int64_t k, float *c,
                  int64_t c_row, bool add, float *temp)
{
    for (int64_t j = 0; j < n; j += NR)
        for (int64_t i = 0; i < m; i += MR) {
            const float *a = pa + i * k, *b = pb + j * k;
            float *to = c + i * c_row + j;
            if (m - i >= MR && n - j >= NR)
                tile(a, b, k, to, c_row, add);
            else
                edge(a, b, k, to, c_row, add, cpu_min64(MR, m - i), cpu_min64(NR, n - j), temp);
        }
}

void CPU_SYM(cpu_gemm)(const struct cpu_gemm *g, void *scratch)
{
    float *pa = scratch;
    float *pb = pa + cpu_align_up(MC * KC * sizeof(float)) / sizeof(float);
    float *temp = pb + cpu_align_up(KC * NC * sizeof(float)) / sizeof(float);
    if (g->k == 0 && !g->accumulate)
        for (int64_t i = 0; i < g->m; i++)
            memset(g->c + i * g->c_row, 0, (size_t)g->n * sizeof(float));
    for (int64_t j = 0; j < g->n; j += NC) {
        int64_t n = cpu_min64(NC, g->n - j);
        for (int64_t p = 0; p < g->k; p += KC) {
            int64_t k = cpu_min64(KC, g->k - p);
            pack_b(pb, g->b + p * g->b_row + j * g->b_col, g->b_row, g->b_col, k, n);
            for (int64_t i = 0; i < g->m; i += MC) {
                int64_t m = cpu_min64(MC, g->m - i);
                pack_a(pa, g->a + i * g->a_row + p * g->a_col, g->a_row, g->a_col, m, k);
                block(pa, pb, m, n, k, g->c + i * g->c_row + j, g->c_row, g->accumulate || p > 0,
                      temp);
            }
        }
    }
}
