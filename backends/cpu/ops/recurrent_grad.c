/* SPDX-License-Identifier: MIT
 *
 * Backpropagation through time: the gates' gradients da of all steps first, threads sharing the
 * sequences; dW, dR, db and dx are then products over all steps, threads sharing their rows. */
#include "recurrent.h"

enum { DX, DW, DR, DB, DH0, DC0 };

/* dh is what arrives at h; da [rows] is made; dh becomes what passes by R. */
static void rnn_row(const struct cpu_rec *s, const float *y, float *dh, float *da)
{
    CPU_SIMD for (int64_t u = 0; u < s->hidden; u++)
    {
        float by_tanh = dh[u] * (1 - y[u] * y[u]), by_relu = y[u] > 0 ? dh[u] : 0;
        da[u] = s->relu ? by_relu : by_tanh;
        dh[u] = 0;
    }
}

static void lstm_row(const struct cpu_rec *s, const float *g, const float *c_before, float *dh,
                     float *dc, float *da)
{
    int64_t n = s->hidden;
    CPU_SIMD for (int64_t u = 0; u < n; u++)
    {
        float i = g[u], o = g[n + u], f = g[2 * n + u], cand = g[3 * n + u];
        float q = cpu_tanhf(g[4 * n + u]), d = dc[u] + dh[u] * o * (1 - q * q);
        da[u] = d * cand * i * (1 - i);
        da[n + u] = dh[u] * q * o * (1 - o);
        da[2 * n + u] = d * (c_before ? c_before[u] : 0) * f * (1 - f);
        da[3 * n + u] = d * i * (1 - cand * cand);
        dc[u] = d * f;
        dh[u] = 0;
    }
}

/* Before the reset r's gradient is known at once, after it once d(rh) is. */
static void gru_row(const struct cpu_rec *s, const float *g, const float *h, float *dh, float *da,
                    float *du)
{
    int64_t n = s->hidden;
    CPU_SIMD for (int64_t u = 0; u < n; u++)
    {
        float z = g[u], r = g[n + u], cand = g[2 * n + u];
        float dn = dh[u] * (1 - z) * (1 - cand * cand);
        da[u] = dh[u] * (h[u] - cand) * z * (1 - z);
        da[2 * n + u] = dn;
        dh[u] *= z;
        if (s->before) {
            da[n + u] = dn * g[3 * n + u] * r * (1 - r);
            du[u] = dn * r;
        }
    }
}

static void gru_reset_row(const struct cpu_rec *s, const float *g, const float *h, float *dh,
                          float *da, const float *drh)
{
    int64_t n = s->hidden;
    CPU_SIMD for (int64_t u = 0; u < n; u++)
    {
        float r = g[n + u];
        da[n + u] = drh[u] * h[u] * r * (1 - r);
        dh[u] += drh[u] * r;
    }
}

/* c [n, H] (+)= a R over R's rows [from, from + k). */
static void recur(const struct cpu_rec_place *p, const float *a, int64_t a_row, int64_t from,
                  int64_t k, float *c, bool add)
{
    const struct cpu_rec *s = p->k->state;
    cpu_rec_recur(p, from,
                  (struct cpu_gemm){.n = s->hidden,
                                    .k = k,
                                    .a = a,
                                    .a_row = a_row,
                                    .b_row = s->hidden,
                                    .b_col = 1,
                                    .c = c,
                                    .c_row = s->hidden,
                                    .accumulate = add});
}

/* The time of the step before t of a sequence of `length`; -1: there is none. */
static int64_t time_before(const struct cpu_rec_place *p, int64_t length)
{
    if (!cpu_rec_is_reverse(p->k->state, p->d))
        return p->t - 1;
    return p->t + 1 < length ? p->t + 1 : -1;
}

/* One sequence at one step; `i` counts within the place. */
static void row(const struct cpu_rec_place *p, int64_t i)
{
    const struct cpu_kernel *k = p->k;
    const struct cpu_rec *s = k->state;
    int64_t n = s->hidden, b = p->b + i, state = (p->d * s->batch + b) * n;
    int64_t length = cpu_rec_length(k, REC_GRAD_LENGTHS, b), before = time_before(p, length);
    int64_t at = cpu_rec_at(s, p->d, p->t, b, 1), y_at = cpu_rec_y_at(s, p->d, p->t, b);
    float *da = cpu_rec_ws(k, s->da) + at * s->rows, *h = cpu_rec_ws(k, s->h_before) + at * n;
    float *dh = cpu_out(k, DH0) + state, *du = cpu_rec_ws(k, s->du) + at * n;
    const float *g = cpu_in(k, REC_GRAD_RESERVE), *dy = cpu_in(k, REC_GRAD_DY);
    if (p->t >= length) {
        cpu_rec_load(da, NULL, 0, s->rows);
        cpu_rec_load(h, NULL, 0, n);
        if (s->kind == CPU_GRU && s->before)
            cpu_rec_load(du, NULL, 0, n);
        return;
    }
    if (before < 0)
        cpu_rec_load(h, cpu_in(k, REC_GRAD_H0), state, n);
    else
        cpu_rec_load(h, cpu_in(k, REC_GRAD_Y), cpu_rec_y_at(s, p->d, before, b), n);
    for (int64_t u = 0; u < n && dy; u++)
        dh[u] += dy[y_at + u];
    if (s->kind == CPU_RNN) {
        rnn_row(s, cpu_in(k, REC_GRAD_Y) + y_at, dh, da);
    } else if (s->kind == CPU_GRU) {
        gru_row(s, g + at * s->kept, h, dh, da, du);
    } else {
        const float *c0 = cpu_in(k, REC_GRAD_C0), *c = c0 ? c0 + state : NULL;
        if (before >= 0)
            c = g + cpu_rec_at(s, p->d, before, b, s->kept) + 4 * n;
        lstm_row(s, g + at * s->kept, c, dh, cpu_out(k, DC0) + state, da);
    }
}

static void step(const struct cpu_rec_place *p)
{
    const struct cpu_kernel *k = p->k;
    const struct cpu_rec *s = k->state;
    int64_t n = s->hidden, state = (p->d * s->batch + p->b) * n;
    int64_t at = cpu_rec_at(s, p->d, p->t, p->b, 1);
    float *da = cpu_rec_ws(k, s->da) + at * s->rows, *dh = cpu_out(k, DH0) + state;
    for (int64_t i = 0; i < p->n; i++)
        row(p, i);
    if (s->kind != CPU_GRU) {
        recur(p, da, s->rows, 0, s->rows, dh, true);
        return;
    }
    if (s->before) {
        recur(p, cpu_rec_ws(k, s->du) + at * n, n, 2 * n, n, dh, true);
    } else {
        float *drh = cpu_rec_ws(k, s->drh) + state;
        const float *h = cpu_rec_ws(k, s->h_before) + at * n;
        const float *g = cpu_in(k, REC_GRAD_RESERVE) + at * s->kept;
        recur(p, da + 2 * n, s->rows, 2 * n, n, drh, false);
        for (int64_t i = 0; i < p->n; i++) /* past a length all of it is zero */
            gru_reset_row(s, g + i * s->kept, h + i * n, dh + i * n, da + i * s->rows, drh + i * n);
    }
    recur(p, da, s->rows, 0, 2 * n, dh, true);
}

static void walk_range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct cpu_kernel *k = arg;
    const struct cpu_rec *s = k->state;
    for (int64_t e = lo; e < hi; e++) {
        struct cpu_rec_place p = cpu_rec_place_of(k, e, piece);
        int64_t state = (p.d * s->batch + p.b) * s->hidden, n = p.n * s->hidden;
        cpu_rec_load(cpu_out(k, DH0) + state, cpu_in(k, REC_GRAD_DY_H), state, n);
        if (s->kind == CPU_LSTM)
            cpu_rec_load(cpu_out(k, DC0) + state, cpu_in(k, REC_GRAD_DY_C), state, n);
        for (int64_t i = 0; i < s->steps; i++) {
            p.t = cpu_rec_is_reverse(s, p.d) ? i : s->steps - 1 - i;
            step(&p);
        }
    }
}

/* --- products over all steps --- */

/* The gradients on R's side of rows [row, ..): what they are, how far apart, and what R met there.
 */
static void recurrent_side(const struct cpu_kernel *k, int64_t d, int64_t row, struct cpu_gemm *g)
{
    const struct cpu_rec *s = k->state;
    int64_t n = s->hidden, first = d * s->steps * s->batch;
    g->a = cpu_rec_ws(k, s->da) + first * s->rows + row;
    g->a_col = s->rows;
    g->b = cpu_rec_ws(k, s->h_before) + first * n;
    g->b_row = n;
    if (s->kind != CPU_GRU || row < 2 * n)
        return;
    if (s->before) {
        g->a = cpu_rec_ws(k, s->du) + first * n + row - 2 * n;
        g->a_col = n;
    } else {
        g->b = cpu_in(k, REC_GRAD_RESERVE) + first * s->kept + 3 * n;
        g->b_row = s->kept;
    }
}

enum { ROWS = 48 }; /* of dW and dR per piece */

/* to[i] = sum over the steps of a[i + p a_col] */
static void sum_steps(const struct cpu_gemm *g, float *to)
{
    double sum[ROWS] = {0};
    for (int64_t p = 0; p < g->k; p++)
        for (int64_t i = 0; i < g->m; i++)
            sum[i] += (double)g->a[p * g->a_col + i];
    for (int64_t i = 0; i < g->m; i++)
        to[i] = (float)sum[i];
}

static void weights_range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct cpu_kernel *k = arg;
    const struct cpu_rec *s = k->state;
    void *scratch = k->ws + piece * CPU_SYM(cpu_gemm_scratch)();
    int64_t n = s->hidden, blocks = (n + ROWS - 1) / ROWS, all = s->steps * s->batch;
    for (int64_t e = lo; e < hi; e++) { /* e: a block of rows of one gate of one direction */
        int64_t gate = e / blocks, first = e % blocks * ROWS, d = gate / (s->rows / n);
        int64_t row = gate % (s->rows / n) * n + first;
        float *db = cpu_out(k, DB) + d * 2 * s->rows + row;
        struct cpu_gemm g = {.m = cpu_min64(ROWS, n - first), .n = s->in, .k = all};
        g.a = cpu_rec_ws(k, s->da) + d * all * s->rows + row;
        g.a_row = g.b_col = 1;
        g.a_col = s->rows;
        g.b = cpu_in(k, REC_X);
        g.b_row = g.c_row = s->in;
        g.c = cpu_out(k, DW) + (d * s->rows + row) * s->in;
        CPU_SYM(cpu_gemm)(&g, scratch);
        sum_steps(&g, db);
        recurrent_side(k, d, row, &g);
        g.n = g.c_row = n;
        g.c = cpu_out(k, DR) + (d * s->rows + row) * n;
        CPU_SYM(cpu_gemm)(&g, scratch);
        sum_steps(&g, db + s->rows);
    }
}

enum { BLOCK = 96 }; /* rows of dx per piece */

static void dx_range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct cpu_kernel *k = arg;
    const struct cpu_rec *s = k->state;
    int64_t all = s->steps * s->batch;
    for (int64_t e = lo; e < hi; e++)
        for (int64_t d = 0; d < s->dirs; d++) {
            struct cpu_gemm g = {.m = cpu_min64(BLOCK, all - e * BLOCK),
                                 .n = s->in,
                                 .k = s->rows,
                                 .a = cpu_rec_ws(k, s->da) + (d * all + e * BLOCK) * s->rows,
                                 .a_row = s->rows,
                                 .a_col = 1,
                                 .b = cpu_in(k, REC_W) + d * s->rows * s->in,
                                 .b_row = s->in,
                                 .b_col = 1,
                                 .c = cpu_out(k, DX) + e * BLOCK * s->in,
                                 .c_row = s->in,
                                 .accumulate = d > 0};
            CPU_SYM(cpu_gemm)(&g, k->ws + piece * CPU_SYM(cpu_gemm_scratch)());
        }
}

tnb_status CPU_SYM(cpu_rec_grad_run)(const struct cpu_kernel *k, tnb_error *err)
{
    const struct cpu_rec *s = k->state;
    int64_t all = s->steps * s->batch, n = s->hidden;
    cpu_parallel(k->inst->pool, s->dirs * s->parts,
                 1 + 8 * CPU_GRAIN / (s->part * (s->steps + 1) * s->rows * (n + 8)), walk_range, k);
    cpu_parallel(k->inst->pool, s->dirs * (s->rows / n) * ((n + ROWS - 1) / ROWS),
                 1 + 8 * CPU_GRAIN / (ROWS * (all + 1) * (s->in + n)), weights_range, k);
    cpu_parallel(k->inst->pool, (all + BLOCK - 1) / BLOCK,
                 1 + 8 * CPU_GRAIN / (BLOCK * s->dirs * s->rows * (s->in + 1)), dx_range, k);
    return TNB_OK;
}
