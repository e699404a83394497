/* SPDX-License-Identifier: MIT
 *
 * Max pools with the index of each maximum, average and Lp pools, over windows of one or two axes,
 * adaptive and global ones, and their gradients. Threads share whole (image, channel) planes, so
 * gradients that overlap add up in one order. */
#include <math.h>

#include "ops.h"
#include "window.h"

enum { WIDE = 16 }; /* outputs of a row that are worked on at once */

struct state {
    struct cpu_window g;
    bool pairs; /* 2x2 windows side by side, no padding */
    bool include_pad, adaptive;
    float p; /* of Lp */
};

/* A window's real cells, g.dh and g.dw apart; and one over the number of cells that count. */
struct box {
    int64_t y0, y1, x0, x1;
    float scale;
};

/* Cells [*lo, *hi) of an axis, `step` apart, and how many cells count. */
static int64_t taps(int64_t start, int64_t k, int64_t step, int64_t size, int64_t end_pad,
                    bool include_pad, int64_t *lo, int64_t *hi)
{
    int64_t first = start < 0 ? (-start + step - 1) / step : 0;
    int64_t last = start < size ? cpu_min64(k, (size - start + step - 1) / step) : 0;
    *lo = start + first * step;
    *hi = last > first ? start + (last - 1) * step + 1 : *lo;
    if (include_pad)
        return cpu_min64(k, (size + end_pad - start + step - 1) / step);
    return cpu_max64(0, last - first);
}

static struct box window_box(const struct state *s, int64_t oy, int64_t ox)
{
    const struct cpu_window *g = &s->g;
    struct box b;
    int64_t n;
    if (s->adaptive) {
        b.y0 = oy * g->h / g->oh;
        b.y1 = ((oy + 1) * g->h + g->oh - 1) / g->oh;
        b.x0 = ox * g->w / g->ow;
        b.x1 = ((ox + 1) * g->w + g->ow - 1) / g->ow;
        n = (b.y1 - b.y0) * (b.x1 - b.x0);
    } else {
        n = taps(oy * g->sh - g->pt, g->kh, g->dh, g->h, g->pb, s->include_pad, &b.y0, &b.y1) *
            taps(ox * g->sw - g->pl, g->kw, g->dw, g->w, g->pr, s->include_pad, &b.x0, &b.x1);
    }
    b.scale = n > 0 ? 1.0f / (float)n : 0;
    return b;
}

/* y of planes [lo, hi): value() of each window's cells. */
CPU_INLINE void each_window(const struct cpu_kernel *k, int64_t lo, int64_t hi,
                            float (*value)(const struct state *s, const float *x,
                                           const struct box *b))
{
    const struct state *s = k->state;
    const struct cpu_window *g = &s->g;
    for (int64_t p = lo; p < hi; p++) {
        const float *x = cpu_in(k, 0) + p * g->h * g->w;
        float *y = cpu_out(k, 0) + p * g->oh * g->ow;
        for (int64_t oy = 0; oy < g->oh; oy++)
            for (int64_t ox = 0; ox < g->ow; ox++) {
                struct box b = window_box(s, oy, ox);
                *y++ = value(s, x, &b);
            }
    }
}

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

static void max_cell(const struct state *s, const float *x, int64_t oy, int64_t ox, float *y,
                     int32_t *index)
{
    const struct cpu_window *g = &s->g;
    struct box b = window_box(s, oy, ox);
    float m = -INFINITY;
    int64_t at = -1;
    for (int64_t iy = b.y0; iy < b.y1; iy += g->dh)
        for (int64_t ix = b.x0; ix < b.x1; ix += g->dw) {
            float v = x[iy * g->w + ix];
            if (at < 0 || WINS(v, m)) {
                m = v;
                at = iy * g->w + ix;
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
        const float *x = cpu_in(k, 0) + p * g->h * g->w;
        float *y = cpu_out(k, 0) + p * g->oh * g->ow;
        int32_t *index = (int32_t *)(void *)k->out[1] + p * g->oh * g->ow;
        if (s->pairs) {
            max_pairs(g, x, y, index);
            continue;
        }
        for (int64_t oy = 0; oy < g->oh; oy++)
            for (int64_t ox = 0; ox < g->ow; ox++, y++, index++)
                max_cell(s, x, oy, ox, y, index);
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
        const float *dy = cpu_in(k, 0) + p * out;
        const int32_t *index = (const int32_t *)(const void *)k->in[1] + p * out;
        float *dx = cpu_out(k, 0) + p * in;
        if (s->pairs && max_grad_pairs(g, dx, dy, index))
            continue;
        memset(dx, 0, (size_t)in * sizeof *dx);
        for (int64_t i = 0; i < out; i++)
            if (index[i] >= 0 && index[i] < in)
                dx[index[i]] += dy[i];
    }
}

/* --- average --- */

CPU_INLINE float window_mean(const struct state *s, const float *x, const struct box *b)
{
    const struct cpu_window *g = &s->g;
    double sum = 0;
    for (int64_t iy = b->y0; iy < b->y1; iy += g->dh)
        for (int64_t ix = b->x0; ix < b->x1; ix += g->dw)
            sum += (double)x[iy * g->w + ix];
    return (float)(sum * (double)b->scale);
}

static void avg_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    each_window(arg, lo, hi, window_mean);
}

static void avg_grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const struct cpu_window *g = &s->g;
    for (int64_t p = lo; p < hi; p++) {
        const float *dy = cpu_in(k, 0) + p * g->oh * g->ow;
        float *dx = cpu_out(k, 0) + p * g->h * g->w;
        memset(dx, 0, (size_t)(g->h * g->w) * sizeof *dx);
        for (int64_t oy = 0; oy < g->oh; oy++)
            for (int64_t ox = 0; ox < g->ow; ox++) {
                struct box b = window_box(s, oy, ox);
                float d = *dy++ * b.scale;
                for (int64_t iy = b.y0; iy < b.y1; iy += g->dh)
                    for (int64_t ix = b.x0; ix < b.x1; ix += g->dw)
                        dx[iy * g->w + ix] += d;
            }
    }
}

/* --- Lp --- */

static float power(float v, float p)
{
    return p == 0 ? 1 : p == 1 ? v : p == 2 ? v * v : powf(v, p);
}

/* Powers are taken of shares of the largest cell, which keeps them in range. */
static float window_norm(const struct state *s, const float *x, const struct box *b)
{
    const struct cpu_window *g = &s->g;
    float largest = 0;
    double sum = 0;
    for (int64_t iy = b->y0; iy < b->y1; iy += g->dh)
        for (int64_t ix = b->x0; ix < b->x1; ix += g->dw) {
            float v = fabsf(x[iy * g->w + ix]);
            if (!(v <= largest) && largest == largest)
                largest = v;
        }
    if (largest == 0 || !isfinite(largest))
        return largest;
    for (int64_t iy = b->y0; iy < b->y1; iy += g->dh)
        for (int64_t ix = b->x0; ix < b->x1; ix += g->dw)
            sum += (double)power(fabsf(x[iy * g->w + ix]) / largest, s->p);
    double root = s->p == 1 ? sum : s->p == 2 ? sqrt(sum) : pow(sum, 1 / (double)s->p);
    return (float)((double)largest * root);
}

static void lp_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    each_window(arg, lo, hi, window_norm);
}

static void lp_grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const struct cpu_window *g = &s->g;
    int64_t in = g->h * g->w, out = g->oh * g->ow;
    for (int64_t p = lo; p < hi; p++) {
        const float *x = cpu_in(k, 0) + p * in;
        const float *y = cpu_in(k, 1) + p * out;
        const float *dy = cpu_in(k, 2) + p * out;
        float *dx = cpu_out(k, 0) + p * in;
        memset(dx, 0, (size_t)in * sizeof *dx);
        for (int64_t o = 0; o < out; o++) {
            struct box b = window_box(s, o / g->ow, o % g->ow);
            if (y[o] == 0)
                continue;
            for (int64_t iy = b.y0; iy < b.y1; iy += g->dh)
                for (int64_t ix = b.x0; ix < b.x1; ix += g->dw) {
                    float v = x[iy * g->w + ix];
                    float slope =
                        v == 0 ? 0 * y[o] : copysignf(power(fabsf(v) / y[o], s->p - 1), v);
                    dx[iy * g->w + ix] += dy[o] * slope;
                }
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

static tnb_status lp_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    over_planes(k, lp_range, 4 * s->g.kh * s->g.kw + 4);
    return TNB_OK;
}

static tnb_status lp_grad_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    over_planes(k, lp_grad_range, 4 * s->g.kh * s->g.kw + 4);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    const char *op = q->node->op;
    bool grad = strstr(op, "_grad") != NULL, max = strstr(op, "max_pool") != NULL;
    const tnb_tensor *index = grad ? q->in[1] : q->out[1];
    if (max && index && index->dtype != TNB_I32)
        return cpu_refuse(why, "index is %s, not i32", cpu_dtype_name(index->dtype));
    return cpu_need_f32(q, grad && max ? 1 : 7, 1, why);
}

/* --- preparation --- */

/* One window of all cells, or windows that share them out, over at most two axes. */
static void adaptive_init(struct state *s, const tnb_tensor *x, const tnb_tensor *y)
{
    bool flat = x->rank != 4 || shape_product(y, 2, y->rank) == 1;
    s->adaptive = true;
    s->g = (struct cpu_window){.n = x->dim[0], .c = x->dim[1], .dh = 1, .dw = 1};
    s->g.h = flat ? 1 : x->dim[2];
    s->g.oh = flat ? 1 : y->dim[2];
    s->g.w = flat ? shape_product(x, 2, x->rank) : x->dim[3];
    s->g.ow = flat ? shape_product(y, 2, y->rank) : y->dim[3];
    s->g.kh = s->g.oh ? s->g.h / s->g.oh + 1 : 1; /* about; for the cost alone */
    s->g.kw = s->g.ow ? s->g.w / s->g.ow + 1 : 1;
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const char *op = q->node->op;
    bool grad = strstr(op, "_grad") != NULL, max = strstr(op, "max_pool") != NULL;
    bool lp = strstr(op, "lp_pool") != NULL;
    const tnb_tensor *x = grad ? q->out[0] : q->in[0], *y = grad ? q->in[lp] : q->out[0];
    if (strncmp(op, "adaptive_", 9) == 0 || strncmp(op, "global_", 7) == 0)
        adaptive_init(s, x, y);
    else
        cpu_window_init(&s->g, q->node, x, y, 0, 0);
    const struct cpu_window *g = &s->g;
    s->pairs = !s->adaptive && g->kh == 2 && g->kw == 2 && g->sh == 2 && g->sw == 2 && g->dh == 1 &&
               g->dw == 1 && g->pt == 0 && g->pl == 0 && 2 * g->oh <= g->h && 2 * g->ow <= g->w;
    s->include_pad = tnb_attr_int(q->node, "count_include_pad", 0) != 0;
    s->p = (float)tnb_attr_float(q->node, "p", 2);
    if (max)
        k->run = grad ? max_grad_run : max_run;
    else if (lp)
        k->run = grad ? lp_grad_run : lp_run;
    else
        k->run = grad ? avg_grad_run : avg_run;
    return TNB_OK;
}

/* clang-format off */
#define BOTH(op) {CPU_LOOPS(op, supports, prepare)}, {CPU_LOOPS(op "_grad", supports, prepare)}

const struct cpu_op CPU_SYM(cpu_pool)[] = {
    BOTH("max_pool1d"), BOTH("max_pool2d"), BOTH("avg_pool1d"), BOTH("avg_pool2d"),
    BOTH("lp_pool1d"), BOTH("lp_pool2d"), BOTH("global_lp_pool"),
    BOTH("adaptive_avg_pool"), BOTH("adaptive_max_pool"),
    {CPU_LOOPS("global_avg_pool", supports, prepare)}, {CPU_LOOPS("global_max_pool", supports, prepare)},
    {.name = NULL},
};
/* clang-format on */
