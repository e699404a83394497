/* SPDX-License-Identifier: MIT
 *
 * conv2d and its gradients as products over unrolled windows (im2col), an image's rows at a time:
 *   y  [O, P]  = w [O, K] col [K, P] + bias          K = C/groups kh kw, P = output places
 *   col [K, P] = w^T dy, added back into dx
 *   dw [O, K]  = dy [O, P] col^T, summed over images
 * Chellapilla et al., "High Performance Convolutional Neural Networks for Document Processing"
 * (2006). */
#include "gemm.h"
#include "window.h"

enum { COL_FLOATS = 128 * 1024 }; /* of unrolled windows at a time: half of a second cache */

struct state {
    struct cpu_window g;
    int64_t cg, og, k; /* channels, filters per group; rows of col */
    int64_t rows;      /* output rows unrolled at a time */
    uint64_t gemm_bytes, col_bytes, dw_bytes;
};

static float *thread_col(const struct cpu_kernel *k, uint32_t chunk, uint8_t **out_gemm)
{
    const struct state *s = k->state;
    uint8_t *p = k->ws + chunk * (s->gemm_bytes + s->col_bytes);
    *out_gemm = p;
    return (float *)(void *)(p + s->gemm_bytes);
}

/* col [K, rows * OW] of output rows [y0, y0 + rows); x [cg, H, W]. */
static void unroll(const struct state *s, float *col, const float *x, int64_t y0, int64_t rows)
{
    const struct cpu_window *g = &s->g;
    for (int64_t r = 0; r < s->k; r++) {
        int64_t c = r / (g->kh * g->kw), ky = r / g->kw % g->kh, kx = r % g->kw, lo, hi;
        int64_t shift = kx * g->dw - g->pl;
        cpu_window_span(g->sw, shift, g->w, g->ow, &lo, &hi);
        for (int64_t y = y0; y < y0 + rows; y++, col += g->ow) {
            int64_t in_y = y * g->sh + ky * g->dh - g->pt;
            if (in_y < 0 || in_y >= g->h) {
                memset(col, 0, (size_t)g->ow * sizeof *col);
                continue;
            }
            const float *from = x + (c * g->h + in_y) * g->w + shift;
            for (int64_t i = 0; i < lo; i++)
                col[i] = 0;
            if (g->sw == 1)
                for (int64_t i = lo; i < hi; i++)
                    col[i] = from[i];
            else
                for (int64_t i = lo; i < hi; i++)
                    col[i] = from[i * g->sw];
            for (int64_t i = hi; i < g->ow; i++)
                col[i] = 0;
        }
    }
}

/* The transpose of unroll: adds col into dx. */
static void roll(const struct state *s, float *dx, const float *col, int64_t y0, int64_t rows)
{
    const struct cpu_window *g = &s->g;
    for (int64_t r = 0; r < s->k; r++) {
        int64_t c = r / (g->kh * g->kw), ky = r / g->kw % g->kh, kx = r % g->kw, lo, hi;
        int64_t shift = kx * g->dw - g->pl;
        cpu_window_span(g->sw, shift, g->w, g->ow, &lo, &hi);
        for (int64_t y = y0; y < y0 + rows; y++, col += g->ow) {
            int64_t in_y = y * g->sh + ky * g->dh - g->pt;
            if (in_y < 0 || in_y >= g->h)
                continue;
            float *to = dx + (c * g->h + in_y) * g->w + shift;
            if (g->sw == 1)
                for (int64_t i = lo; i < hi; i++)
                    to[i] += col[i];
            else
                for (int64_t i = lo; i < hi; i++)
                    to[i * g->sw] += col[i];
        }
    }
}

/* [lo, hi) counts (image, group). */
static void forward_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const struct cpu_window *g = &s->g;
    uint8_t *scratch;
    float *col = thread_col(k, chunk, &scratch);
    const float *x = (const float *)(const void *)k->in[0],
                *w = (const float *)(const void *)k->in[1];
    const float *bias = (const float *)(const void *)k->in[2];
    float *y = (float *)(void *)k->out[0];
    for (int64_t i = lo; i < hi; i++) {
        int64_t group = i % g->groups;
        for (int64_t y0 = 0; y0 < g->oh; y0 += s->rows) {
            int64_t rows = cpu_min64(s->rows, g->oh - y0), n = rows * g->ow;
            unroll(s, col, x + i * s->cg * g->h * g->w, y0, rows);
            float *to = y + i * s->og * g->oh * g->ow + y0 * g->ow;
            struct cpu_gemm p = {.m = s->og,
                                 .n = n,
                                 .k = s->k,
                                 .a = w + group * s->og * s->k,
                                 .b = col,
                                 .a_row = s->k,
                                 .a_col = 1,
                                 .b_row = n,
                                 .b_col = 1,
                                 .c = to,
                                 .c_row = g->oh * g->ow,
                                 .bias = bias ? bias + group * s->og : NULL};
            CPU_SYM(cpu_gemm)(&p, scratch);
        }
    }
}

static void input_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const struct cpu_window *g = &s->g;
    uint8_t *scratch;
    float *col = thread_col(k, chunk, &scratch);
    const float *dy = (const float *)(const void *)k->in[0];
    const float *w = (const float *)(const void *)k->in[1];
    float *dx = (float *)(void *)k->out[0];
    for (int64_t i = lo; i < hi; i++) {
        int64_t group = i % g->groups;
        float *to = dx + i * s->cg * g->h * g->w;
        memset(to, 0, (size_t)(s->cg * g->h * g->w) * sizeof *to);
        for (int64_t y0 = 0; y0 < g->oh; y0 += s->rows) {
            int64_t rows = cpu_min64(s->rows, g->oh - y0), n = rows * g->ow;
            struct cpu_gemm p = {.m = s->k,
                                 .n = n,
                                 .k = s->og,
                                 .a = w + group * s->og * s->k,
                                 .b = dy + i * s->og * g->oh * g->ow + y0 * g->ow,
                                 .a_row = 1,
                                 .a_col = s->k,
                                 .b_row = g->oh * g->ow,
                                 .b_col = 1,
                                 .c = col,
                                 .c_row = n};
            CPU_SYM(cpu_gemm)(&p, scratch);
            roll(s, to, col, y0, rows);
        }
    }
}

/* Each thread sums its images into its own dw. */
static void weight_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const struct cpu_window *g = &s->g;
    uint8_t *scratch;
    float *col = thread_col(k, chunk, &scratch);
    const float *x = (const float *)(const void *)k->in[0];
    const float *dy = (const float *)(const void *)k->in[1];
    float *dw = (float *)(void *)(k->ws + k->inst->n_threads * (s->gemm_bytes + s->col_bytes) +
                                  chunk * s->dw_bytes);
    memset(dw, 0, s->dw_bytes);
    for (int64_t i = lo * g->groups; i < hi * g->groups; i++) {
        int64_t group = i % g->groups;
        for (int64_t y0 = 0; y0 < g->oh; y0 += s->rows) {
            int64_t rows = cpu_min64(s->rows, g->oh - y0), n = rows * g->ow;
            unroll(s, col, x + i * s->cg * g->h * g->w, y0, rows);
            struct cpu_gemm p = {.m = s->og,
                                 .n = s->k,
                                 .k = n,
                                 .a = dy + i * s->og * g->oh * g->ow + y0 * g->ow,
                                 .b = col,
                                 .a_row = g->oh * g->ow,
                                 .a_col = 1,
                                 .b_row = 1,
                                 .b_col = n,
                                 .c = dw + group * s->og * s->k,
                                 .c_row = s->k,
                                 .accumulate = true};
            CPU_SYM(cpu_gemm)(&p, scratch);
        }
    }
}

static tnb_status forward_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    cpu_parallel(k->inst->pool, s->g.n * s->g.groups, 1, forward_range, k);
    return TNB_OK;
}

static tnb_status input_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    cpu_parallel(k->inst->pool, s->g.n * s->g.groups, 1, input_range, k);
    return TNB_OK;
}

static tnb_status weight_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t n = s->g.o * s->k;
    float *dw = (float *)(void *)k->out[0];
    const uint8_t *parts = k->ws + k->inst->n_threads * (s->gemm_bytes + s->col_bytes);
    memset(dw, 0, (size_t)n * sizeof *dw);
    cpu_parallel(k->inst->pool, s->g.n, 1, weight_range, k);
    for (uint32_t c = 0; s->g.n > 0 && c < cpu_pieces(k->inst->pool, s->g.n, 1); c++) {
        const float *part = (const float *)(const void *)(parts + c * s->dw_bytes);
        CPU_SIMD for (int64_t i = 0; i < n; i++) dw[i] += part[i];
    }
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return cpu_need_f32(q, 7, 1, why);
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct state), &mem, err);
    if (status != TNB_OK)
        return status;
    struct state *s = mem;
    const char *op = q->node->op;
    bool input = strcmp(op, "conv2d_grad_input") == 0,
         weight = strcmp(op, "conv2d_grad_weight") == 0;
    const tnb_tensor *x = input ? q->out[0] : q->in[0];
    const tnb_tensor *y = input ? q->in[0] : weight ? q->in[1] : q->out[0];
    const tnb_tensor *w = weight ? q->out[0] : q->in[1];
    cpu_window_init(&s->g, q->node, x, y, w->dim[2], w->dim[3]);
    s->cg = s->g.c / s->g.groups;
    s->og = s->g.o / s->g.groups;
    s->k = s->cg * s->g.kh * s->g.kw;
    s->rows = cpu_max64(1, cpu_min64(s->g.oh, COL_FLOATS / cpu_max64(1, s->k * s->g.ow)));
    s->gemm_bytes = CPU_SYM(cpu_gemm_scratch)();
    s->col_bytes = cpu_align_up((uint64_t)(s->k * s->rows * s->g.ow) * sizeof(float));
    s->dw_bytes = weight ? cpu_align_up((uint64_t)(s->g.o * s->k) * sizeof(float)) : 0;
    k->ws_bytes = k->inst->n_threads * (s->gemm_bytes + s->col_bytes + s->dw_bytes);
    k->run = input ? input_run : weight ? weight_run : forward_run;
    return TNB_OK;
}

#define CONV(op)                                                               \
    {                                                                          \
        .name = op, .loops = {"loops", CPU_PROVIDER_LOOPS, supports, prepare}, \
    }

const struct cpu_op CPU_SYM(cpu_conv)[] = {
    CONV("conv2d"),
    CONV("conv2d_grad_input"),
    CONV("conv2d_grad_weight"),
    {.name = NULL},
};
