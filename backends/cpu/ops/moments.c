/* SPDX-License-Identifier: MIT
 *
 * var, logsumexp, norm: reductions that read x twice, in double; and norm_grad. Outputs whose
 * elements lie side by side are worked on in blocks, so that rows of x are read in order. */
#include "reduce.h"
#include "vmath.h"

enum kind { VAR, LOGSUMEXP, NORM };
enum { BLOCK = 64 };

struct state {
    enum kind kind;
    struct cpu_reduction r;
    double p, divisor;
};

/* What the first pass leaves (mean, largest, scale) and the second sums up, for `w` outputs. */
struct block {
    const float *x;
    int64_t w;
    double first[BLOCK], total[BLOCK];
};

/* Element j of output i: with rows, the elements of the one output follow each other. */
CPU_INLINE void each(const struct state *s, struct block *b, int second)
{
    int64_t n = s->r.inner_kept ? b->w : s->r.inner;
    for (int64_t r = 0; r < s->r.reduced.count; r++) {
        const float *x = b->x + cpu_group_at(&s->r.reduced, r);
        for (int64_t j = 0; j < n; j++) {
            int64_t i = s->r.inner_kept ? j : 0;
            double v = (double)x[j], size = fabs(v);
            if (!second && s->kind == VAR)
                b->first[i] += v;
            else if (!second && s->kind == LOGSUMEXP)
                b->first[i] = v > b->first[i] || v != v ? v : b->first[i];
            else if (!second)
                b->first[i] = (s->p < 0 ? size < b->first[i] : size > b->first[i]) || v != v
                                  ? size
                                  : b->first[i];
            else if (s->kind == VAR)
                b->total[i] += (v - b->first[i]) * (v - b->first[i]);
            else if (s->kind == LOGSUMEXP)
                b->total[i] += (double)cpu_expf((float)(v - b->first[i]));
            else
                b->total[i] += s->p == 2   ? v * v
                               : s->p == 1 ? size
                               : s->p == 0 ? (double)(v != 0)
                                           : pow(size / b->first[i], s->p);
        }
    }
}

/* Powers 0, 1 and 2 cannot overflow a double. */
static bool is_plain(const struct state *s)
{
    return s->kind == NORM && (s->p == 0 || s->p == 1 || s->p == 2);
}

static void first_pass(const struct state *s, struct block *b)
{
    double from = s->kind == LOGSUMEXP ? -INFINITY : s->kind == NORM && s->p < 0 ? INFINITY : 0;
    for (int64_t i = 0; i < b->w; i++) {
        b->first[i] = from;
        b->total[i] = 0;
    }
    if (is_plain(s))
        return;
    each(s, b, 0);
    for (int64_t i = 0; i < b->w; i++) {
        if (s->kind == VAR)
            b->first[i] /= (double)s->r.n_reduced;
        else if (s->kind == LOGSUMEXP && (b->first[i] == INFINITY || b->first[i] == -INFINITY))
            b->first[i] = 0; /* inf - inf is no number */
    }
}

static float result(const struct state *s, const struct block *b, int64_t i)
{
    double first = b->first[i], total = b->total[i];
    if (s->kind == VAR)
        return (float)(total / s->divisor);
    if (s->kind == LOGSUMEXP)
        return (float)(first + log(total));
    if (is_plain(s))
        return (float)(s->p == 2 ? sqrt(total) : total);
    if (isinf(s->p) || first == 0 || !isfinite(first))
        return (float)first;
    return (float)(first * pow(total, 1 / s->p));
}

/* Blocks [lo, hi): one output each, or up to BLOCK neighbours of a kept innermost run. */
static void range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    float *y = cpu_out(k, 0);
    int64_t side = s->r.inner_kept ? s->r.inner : 1, per = (side + BLOCK - 1) / BLOCK;
    for (int64_t i = lo; i < hi; i++) {
        int64_t run = i / per, from = i % per * BLOCK;
        struct block b;
        b.x = cpu_in(k, 0) + cpu_group_at(&s->r.kept, run) + from;
        b.w = cpu_min64(BLOCK, side - from);
        first_pass(s, &b);
        if (!(s->kind == NORM && isinf(s->p)))
            each(s, &b, 1);
        for (int64_t j = 0; j < b.w; j++)
            y[run * side + from + j] = result(s, &b, j);
    }
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t side = s->r.inner_kept ? s->r.inner : 1, per = (side + BLOCK - 1) / BLOCK;
    int64_t work = cpu_min64(side, BLOCK) * s->r.n_reduced * 4;
    if (s->r.n_out)
        cpu_parallel(k->inst->pool, s->r.kept.count * per, 1 + CPU_GRAIN / (work + 1), range, k);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return cpu_need_f32(q, 7, 1, why);
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const char *op = q->node->op;
    s->kind = strcmp(op, "var") == 0 ? VAR : strcmp(op, "norm") == 0 ? NORM : LOGSUMEXP;
    cpu_reduction_init(&s->r, q->in[0], q->node);
    s->p = tnb_attr_float(q->node, "p", 2);
    s->divisor = (double)cpu_max64(0, s->r.n_reduced - tnb_attr_int(q->node, "correction", 1));
    k->run = run;
    return TNB_OK;
}

/* --- norm_grad: y and dy have kept dims --- */

CPU_INLINE float slope(float x, float y, float p)
{
    float sign = x > 0 ? 1.0f : x < 0 ? -1.0f : x; /* NaN stays */
    if (p == 0 || x == 0 || y == 0)
        return 0;
    return p == 1 ? sign : p == 2 ? x / y : sign * powf(fabsf(x) / y, p - 1);
}

static void grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const float *x = cpu_in(k, 0);
    const float *y = cpu_in(k, 1);
    const float *dy = cpu_in(k, 2);
    float *dx = cpu_out(k, 0), p = (float)s->p;
    int64_t side = s->r.inner_kept ? s->r.inner : 1, n = s->r.inner_kept ? 1 : s->r.inner;
    for (int64_t o = lo; o < hi; o++) {
        int64_t at = cpu_group_at(&s->r.kept, o / side) + o % side;
        for (int64_t r = 0; r < s->r.reduced.count; r++) {
            int64_t row = at + cpu_group_at(&s->r.reduced, r);
            for (int64_t i = 0; i < n; i++)
                dx[row + i] = dy[o] * slope(x[row + i], y[o], p);
        }
    }
}

static tnb_status grad_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    cpu_parallel(k->inst->pool, s->r.n_out, 1 + CPU_GRAIN / 4 / (s->r.n_reduced + 1), grad_range,
                 k);
    return TNB_OK;
}

static tnb_status grad_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    tnb_status status = prepare(q, k, err);
    if (status == TNB_OK)
        k->run = grad_run;
    return status;
}

const struct cpu_op CPU_SYM(cpu_moments)[] = {
    {CPU_LOOPS("var", supports, prepare)},
    {CPU_LOOPS("logsumexp", supports, prepare)},
    {CPU_LOOPS("norm", supports, prepare)},
    {CPU_LOOPS("norm_grad", supports, grad_prepare)},
    {.name = NULL},
};
