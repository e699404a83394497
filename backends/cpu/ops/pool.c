/* SPDX-License-Identifier: MIT
 *
 * max_pool2d with the index of each maximum, avg_pool2d, and their gradients. Threads share whole
 * (image, channel) planes, so gradients that overlap add up in one order. */
#include <math.h>

#include "ops.h"
#include "window.h"

enum { WIDE = 16 }; /* outputs of a row that are worked on at once */

struct state {
    struct cpu_window g;
    bool pairs; /* 2x2 windows side by side, no padding */
    bool include_pad;
};

/* --- max --- */

/* `x` wins over `m` when larger, or when it is the first NaN. */
#define WINS(x, m) ((x) > (m) || ((x) != (x) && (m) == (m)))

/* Windows [0, n) of one output row; r0, r1 are its two input rows. */
CPU_INLINE void max_pairs_row(const float *r0, const float *r1, float *y, int32_t *index,
                              int32_t base, int32_t w, int32_t n)
{
    CPU_SIMD for (int32_t i = 0; i < n; i++)
    {
        float a = r0[2 * i], b = r0[2 * i + 1], c = r1[2 * i], d = r1[2 * i + 1];
        int32_t at = WINS(b, a);
        float m = at ? b : a;
        bool lower = WINS(c, m);
        at = lower ? w : at;
        m = lower ? c : m;
        bool last = WINS(d, m);
        at = last ? w + 1 : at;
        y[i] = last ? d : m;
        index[i] = base + 2 * i + at;
    }
}

/* Rows are worked on in whole vectors: what runs over a row's end reads the next row, and is
 * overwritten by it. The last rows, with no next row to run over into, are done exactly. */
static void max_pairs(const struct cpu_window *g, const float *x, float *y, int32_t *index)
{
    int64_t over = (g->ow + WIDE - 1) / WIDE * WIDE;
    int32_t w = (int32_t)g->w;
    for (int64_t oy = 0; oy < g->oh; oy++) {
        const float *r0 = x + 2 * oy * g->w, *r1 = r0 + g->w;
        int32_t base = (int32_t)(2 * oy * g->w);
        int64_t at = oy * g->ow;
        bool inside = at + over <= g->oh * g->ow && (2 * oy + 1) * g->w + 2 * over <= g->h * g->w;
        if (!inside) {
            max_pairs_row(r0, r1, y + at, index + at, base, w, (int32_t)g->ow);
            continue;
        }
        for (int64_t i = 0; i < over; i += WIDE)
            max_pairs_row(r0 + 2 * i, r1 + 2 * i, y + at + i, index + at + i, base + 2 * (int32_t)i,
                          w, WIDE);
    }
}

static void max_cell(const struct cpu_window *g, const float *x, int64_t oy, int64_t ox, float *y,
                     int32_t *index)
{
    float m = -INFINITY;
    int64_t at = -1;
    for (int64_t ky = 0; ky < g->kh; ky++) {
        int64_t iy = oy * g->sh + ky * g->dh - g->pt;
        if (iy < 0 || iy >= g->h)
            continue;
        for (int64_t kx = 0; kx < g->kw; kx++) {
            int64_t ix = ox * g->sw + kx * g->dw - g->pl;
            if (ix < 0 || ix >= g->w)
                continue;
            float v = x[iy * g->w + ix];
            if (at < 0 || WINS(v, m)) {
                m = v;
                at = iy * g->w + ix;
            }
        }
    }
    *y = m;
    *index = (int32_t)at;
}

static void max_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const struct cpu_window *g = &s->g;
    for (int64_t p = lo; p < hi; p++) {
        const float *x = (const float *)(const void *)k->in[0] + p * g->h * g->w;
        float *y = (float *)(void *)k->out[0] + p * g->oh * g->ow;
        int32_t *index = (int32_t *)(void *)k->out[1] + p * g->oh * g->ow;
        if (s->pairs) {
            max_pairs(g, x, y, index);
            continue;
        }
        for (int64_t oy = 0; oy < g->oh; oy++)
            for (int64_t ox = 0; ox < g->ow; ox++, y++, index++)
                max_cell(g, x, oy, ox, y, index);
    }
}

/* dx of windows [0, n): all of row r0 before r1, which the end of r0 may run over into. Not zero
 * when one of the first `real` indices lies outside its own window. */
CPU_INLINE int32_t max_grad_row(float *r0, float *r1, const float *dy, const int32_t *index,
                                int32_t base, int32_t w, int32_t n, int32_t real)
{
    int32_t stray = 0;
    CPU_SIMD for (int32_t i = 0; i < n; i++)
    {
        int32_t at = index[i] - base - 2 * i;
        r0[2 * i] = at == 0 ? dy[i] : 0;
        r0[2 * i + 1] = at == 1 ? dy[i] : 0;
    }
#pragma omp simd reduction(| : stray)
    for (int32_t i = 0; i < n; i++) {
        int32_t at = index[i] - base - 2 * i;
        r1[2 * i] = at == w ? dy[i] : 0;
        r1[2 * i + 1] = at == w + 1 ? dy[i] : 0;
        stray |= i < real && at != 0 && at != 1 && at != w && at != w + 1;
    }
    return stray;
}

/* Writes a plane of dx whole, in the manner of max_pairs. False when an index lies outside its own
 * window, which no forward pass makes but a caller may: dx is then to be made by scatter. */
static bool max_grad_pairs(const struct cpu_window *g, float *dx, const float *dy,
                           const int32_t *index)
{
    int64_t over = (g->ow + WIDE - 1) / WIDE * WIDE;
    int32_t stray = 0, w = (int32_t)g->w;
    for (int64_t oy = 0; oy < g->oh; oy++) {
        float *r0 = dx + 2 * oy * g->w, *r1 = r0 + g->w;
        int32_t base = (int32_t)(2 * oy * g->w);
        const float *d = dy + oy * g->ow;
        const int32_t *at = index + oy * g->ow;
        bool inside = over == WIDE && oy * g->ow + WIDE <= g->oh * g->ow &&
                      (2 * oy + 1) * g->w + 2 * WIDE <= g->h * g->w;
        if (inside)
            stray |= max_grad_row(r0, r1, d, at, base, w, WIDE, (int32_t)g->ow);
        else
            stray |= max_grad_row(r0, r1, d, at, base, w, (int32_t)g->ow, (int32_t)g->ow);
        /* A last odd column; after the row, which may have run over it. */
        for (int64_t i = 2 * g->ow; i < g->w; i++)
            r0[i] = r1[i] = 0;
    }
    for (int64_t i = 2 * g->oh * g->w; i < g->h * g->w; i++)
        dx[i] = 0;
    return !stray;
}

static void max_grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const struct cpu_window *g = &s->g;
    int64_t in = g->h * g->w, out = g->oh * g->ow;
    for (int64_t p = lo; p < hi; p++) {
        const float *dy = (const float *)(const void *)k->in[0] + p * out;
        const int32_t *index = (const int32_t *)(const void *)k->in[1] + p * out;
        float *dx = (float *)(void *)k->out[0] + p * in;
        if (s->pairs && max_grad_pairs(g, dx, dy, index))
            continue;
        memset(dx, 0, (size_t)in * sizeof *dx);
        for (int64_t i = 0; i < out; i++)
            if (index[i] >= 0 && index[i] < in)
                dx[index[i]] += dy[i];
    }
}

/* --- average --- */

struct box {
    int64_t y0, y1, x0, x1;
    float scale;
};

/* The window's real cells, and one over the number of cells that count. */
static struct box window_box(const struct state *s, int64_t oy, int64_t ox)
{
    const struct cpu_window *g = &s->g;
    int64_t y = oy * g->sh - g->pt, x = ox * g->sw - g->pl;
    struct box b = {cpu_max64(y, 0), cpu_min64(y + g->kh, g->h), cpu_max64(x, 0),
                    cpu_min64(x + g->kw, g->w), 0};
    int64_t n = cpu_max64(0, b.y1 - b.y0) * cpu_max64(0, b.x1 - b.x0);
    if (s->include_pad)
        n = (cpu_min64(y + g->kh, g->h + g->pb) - y) * (cpu_min64(x + g->kw, g->w + g->pr) - x);
    b.scale = n > 0 ? 1.0f / (float)n : 0;
    return b;
}

static void avg_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const struct cpu_window *g = &s->g;
    for (int64_t p = lo; p < hi; p++) {
        const float *x = (const float *)(const void *)k->in[0] + p * g->h * g->w;
        float *y = (float *)(void *)k->out[0] + p * g->oh * g->ow;
        for (int64_t oy = 0; oy < g->oh; oy++)
            for (int64_t ox = 0; ox < g->ow; ox++) {
                struct box b = window_box(s, oy, ox);
                double sum = 0;
                for (int64_t iy = b.y0; iy < b.y1; iy++)
                    for (int64_t ix = b.x0; ix < b.x1; ix++)
                        sum += (double)x[iy * g->w + ix];
                *y++ = (float)(sum * (double)b.scale);
            }
    }
}

static void avg_grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const struct cpu_window *g = &s->g;
    for (int64_t p = lo; p < hi; p++) {
        const float *dy = (const float *)(const void *)k->in[0] + p * g->oh * g->ow;
        float *dx = (float *)(void *)k->out[0] + p * g->h * g->w;
        memset(dx, 0, (size_t)(g->h * g->w) * sizeof *dx);
        for (int64_t oy = 0; oy < g->oh; oy++)
            for (int64_t ox = 0; ox < g->ow; ox++) {
                struct box b = window_box(s, oy, ox);
                float d = *dy++ * b.scale;
                for (int64_t iy = b.y0; iy < b.y1; iy++)
                    for (int64_t ix = b.x0; ix < b.x1; ix++)
                        dx[iy * g->w + ix] += d;
            }
    }
}

static void over_planes(const struct cpu_kernel *k, cpu_range_fn fn, int64_t cost)
{
    const struct state *s = k->state;
    int64_t per = s->g.oh * s->g.ow * cost;
    cpu_parallel_fine(k->inst->pool, s->g.n * s->g.c, 1 + CPU_GRAIN / (per + 1), fn, k);
}

static tnb_status max_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    over_planes(k, max_range, s->pairs ? 4 : s->g.kh * s->g.kw * 2);
    return TNB_OK;
}

static tnb_status max_grad_run(const struct cpu_kernel *k, tnb_error *err)
{
    over_planes(k, max_grad_range, 4);
    return TNB_OK;
}

static tnb_status avg_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    over_planes(k, avg_range, s->g.kh * s->g.kw + 4);
    return TNB_OK;
}

static tnb_status avg_grad_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    over_planes(k, avg_grad_range, s->g.kh * s->g.kw + 4);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    const tnb_tensor *x = q->in[0];
    if (strcmp(q->node->op, "max_pool2d") == 0 && x->rank == 4 && x->dim[2] * x->dim[3] > INT32_MAX)
        return cpu_refuse(why, "an i32 index cannot number %lld cells",
                          (long long)(x->dim[2] * x->dim[3]));
    return cpu_need_f32(q, 1, 1, why);
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct state), &mem, err);
    if (status != TNB_OK)
        return status;
    struct state *s = mem;
    bool grad = strstr(q->node->op, "_grad") != NULL, max = q->node->op[0] == 'm';
    const tnb_tensor *x = grad ? q->out[0] : q->in[0], *y = grad ? q->in[0] : q->out[0];
    cpu_window_init(&s->g, q->node, x, y, 0, 0);
    const struct cpu_window *g = &s->g;
    s->pairs = g->kh == 2 && g->kw == 2 && g->sh == 2 && g->sw == 2 && g->dh == 1 && g->dw == 1 &&
               g->pt == 0 && g->pl == 0 && 2 * g->oh <= g->h && 2 * g->ow <= g->w;
    s->include_pad = tnb_attr_int(q->node, "count_include_pad", 0) != 0;
    k->run = max ? (grad ? max_grad_run : max_run) : (grad ? avg_grad_run : avg_run);
    return TNB_OK;
}

#define POOL(op)                                                               \
    {                                                                          \
        .name = op, .loops = {"loops", CPU_PROVIDER_LOOPS, supports, prepare}, \
    }

const struct cpu_op CPU_SYM(cpu_pool)[] = {
    POOL("max_pool2d"),      POOL("max_pool2d_grad"), POOL("avg_pool2d"),
    POOL("avg_pool2d_grad"), {.name = NULL},
};
