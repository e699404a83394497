/* SPDX-License-Identifier: MIT
 *
 * softmax, log_softmax along an axis, their gradients:
 *   softmax_grad = y (dy - sum(dy y)), log_softmax_grad = dy - exp(y) sum(dy)
 * The largest element is subtracted first, so that exp cannot overflow. */
#include "softmax.h"

enum { BLOCK = 64 }; /* places of the axes after `axis` that are worked on side by side */

struct state {
    struct shape_split at;
    enum { SOFTMAX, LOG_SOFTMAX, SOFTMAX_GRAD, LOG_SOFTMAX_GRAD } kind;
};

static void grad_row(float *o, const float *y, const float *dy, int64_t n, bool log)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += log ? (double)dy[i] : (double)dy[i] * (double)y[i];
    float s = (float)sum;
    if (log) {
        CPU_SIMD for (int64_t i = 0; i < n; i++) o[i] = dy[i] - cpu_expf(y[i]) * s;
    } else {
        CPU_SIMD for (int64_t i = 0; i < n; i++) o[i] = y[i] * (dy[i] - s);
    }
}

/* A block of at most BLOCK places at stride `inner`. */
static void block(const struct state *s, float *o, const float *x, int64_t w)
{
    float m[BLOCK];
    double sum[BLOCK];
    for (int64_t i = 0; i < w; i++) {
        m[i] = x[i];
        sum[i] = 0;
    }
    for (int64_t c = 1; c < s->at.n; c++)
        CPU_SIMD for (int64_t i = 0; i < w; i++)
        {
            float v = x[c * s->at.inner + i];
            m[i] = v > m[i] || v != v ? v : m[i];
        }
    for (int64_t c = 0; c < s->at.n; c++)
        CPU_SIMD for (int64_t i = 0; i < w; i++)
        {
            float e = cpu_expf(x[c * s->at.inner + i] - m[i]);
            sum[i] += (double)e;
            if (s->kind == SOFTMAX)
                o[c * s->at.inner + i] = e;
        }
    for (int64_t i = 0; i < w; i++)
        m[i] = s->kind == SOFTMAX ? (float)(1 / sum[i]) : m[i] + logf((float)sum[i]);
    for (int64_t c = 0; c < s->at.n; c++)
        for (int64_t i = 0; i < w; i++) {
            int64_t at = c * s->at.inner + i;
            o[at] = s->kind == SOFTMAX ? o[at] * m[i] : x[at] - m[i];
        }
}

static void block_grad(const struct state *s, float *o, const float *y, const float *dy, int64_t w)
{
    double sum[BLOCK] = {0};
    for (int64_t c = 0; c < s->at.n; c++)
        for (int64_t i = 0; i < w; i++) {
            int64_t at = c * s->at.inner + i;
            sum[i] += s->kind == SOFTMAX_GRAD ? (double)dy[at] * (double)y[at] : (double)dy[at];
        }
    for (int64_t c = 0; c < s->at.n; c++)
        CPU_SIMD for (int64_t i = 0; i < w; i++)
        {
            int64_t at = c * s->at.inner + i;
            float t = (float)sum[i];
            o[at] = s->kind == SOFTMAX_GRAD ? y[at] * (dy[at] - t) : dy[at] - cpu_expf(y[at]) * t;
        }
}

static void range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    bool grad = s->kind >= SOFTMAX_GRAD, rows = s->at.inner == 1;
    int64_t per = (s->at.inner + BLOCK - 1) / BLOCK;
    for (int64_t b = lo; b < hi; b++) {
        int64_t from = b % per * BLOCK, at = b / per * s->at.n * s->at.inner + from;
        int64_t w = cpu_min64(BLOCK, s->at.inner - from);
        float *o = cpu_out(k, 0) + at;
        const float *x = cpu_in(k, 0) + at;
        const float *dy = grad ? cpu_in(k, 1) + at : NULL;
        if (rows && grad)
            grad_row(o, x, dy, s->at.n, s->kind == LOG_SOFTMAX_GRAD);
        else if (rows && s->kind == SOFTMAX)
            cpu_softmax_row(o, x, s->at.n, NULL);
        else if (rows)
            cpu_log_softmax_row(o, x, s->at.n);
        else if (grad)
            block_grad(s, o, x, dy, w);
        else
            block(s, o, x, w);
    }
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    if (s->at.n == 0 || s->at.inner == 0)
        return TNB_OK;
    int64_t work = s->at.n * cpu_min64(BLOCK, s->at.inner) * 4;
    cpu_parallel_fine(k->inst->pool, s->at.outer * ((s->at.inner + BLOCK - 1) / BLOCK),
                      1 + CPU_GRAIN / work, range, k);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return cpu_need_f32(q, 3, 1, why);
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    bool log = q->node->op[0] == 'l', grad = strstr(q->node->op, "_grad") != NULL;
    s->at = shape_split_of(q->node, q->in[0], -1);
    s->kind = grad ? (log ? LOG_SOFTMAX_GRAD : SOFTMAX_GRAD) : (log ? LOG_SOFTMAX : SOFTMAX);
    k->run = run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_softmax)[] = {
    {CPU_LOOPS("softmax", supports, prepare)},
    {CPU_LOOPS("log_softmax", supports, prepare)},
    {CPU_LOOPS("softmax_grad", supports, prepare)},
    {CPU_LOOPS("log_softmax_grad", supports, prepare)},
    {.name = NULL},
};
