/* SPDX-License-Identifier: MIT
 *
 * sum mean max min over axes, max_grad, argmax. Sums run in double. The axes are merged to groups
 * that are kept or reduced in turn; the innermost group decides the loop: rows are reduced to one
 * number (kept outside), or added up side by side (kept inside). */
#include <math.h>

#include "ops.h"

enum kind { SUM, MEAN, MAX, MIN };
enum { BLOCK = 256 }; /* kept elements that are accumulated side by side */

struct group {
    uint32_t n;
    int64_t count, dim[TNB_MAX_RANK], stride[TNB_MAX_RANK];
};

struct state {
    enum kind kind;
    bool wide;                  /* f64 */
    struct group kept, reduced; /* without the innermost run */
    int64_t inner;              /* length of the innermost run */
    bool inner_kept;
    int64_t n_out;
    double scale; /* mean: 1 / count */
};

static int64_t offset(const struct group *g, int64_t i)
{
    int64_t at = 0;
    for (uint32_t d = g->n; d-- > 0;) {
        at += i % g->dim[d] * g->stride[d];
        i /= g->dim[d];
    }
    return at;
}

/* --- one contiguous row --- */

#define ROW_SUM(name, T)                      \
    static double name(const T *x, int64_t n) \
    {                                         \
        double lane[16] = {0};                \
        int64_t i = 0;                        \
        for (; i + 16 <= n; i += 16)          \
            for (int j = 0; j < 16; j++)      \
                lane[j] += (double)x[i + j];  \
        for (int j = 0; i < n; i++, j++)      \
            lane[j] += (double)x[i];          \
        double s = 0;                         \
        for (int j = 0; j < 16; j++)          \
            s += lane[j];                     \
        return s;                             \
    }
ROW_SUM(row_sum_f32, float)
ROW_SUM(row_sum_f64, double)

/* A NaN, once met, stays. */
#define BETTER_MAX(x, m) ((x) > (m) || (x) != (x) ? (x) : (m))
#define BETTER_MIN(x, m) ((x) < (m) || (x) != (x) ? (x) : (m))
#define ROW_EXTREME(name, T, BETTER)                 \
    static T name(const T *x, int64_t n, T m0)       \
    {                                                \
        T lane[16];                                  \
        int64_t i = 0;                               \
        for (int j = 0; j < 16; j++)                 \
            lane[j] = m0;                            \
        for (; i + 16 <= n; i += 16)                 \
            for (int j = 0; j < 16; j++)             \
                lane[j] = BETTER(x[i + j], lane[j]); \
        for (; i < n; i++)                           \
            lane[0] = BETTER(x[i], lane[0]);         \
        for (int j = 1; j < 16; j++)                 \
            lane[0] = BETTER(lane[j], lane[0]);      \
        return lane[0];                              \
    }
ROW_EXTREME(row_max_f32, float, BETTER_MAX)
ROW_EXTREME(row_min_f32, float, BETTER_MIN)
ROW_EXTREME(row_max_f64, double, BETTER_MAX)
ROW_EXTREME(row_min_f64, double, BETTER_MIN)

static void store(const struct cpu_kernel *k, int64_t i, double v)
{
    const struct state *s = k->state;
    if (s->wide)
        ((double *)(void *)k->out[0])[i] = v;
    else
        ((float *)(void *)k->out[0])[i] = (float)v;
}

/* Reduces x[0..n) into m. Floats pass through double unchanged. */
static double reduce_row(const struct state *s, const uint8_t *x, int64_t n, double m)
{
    const float *f = (const float *)(const void *)x;
    const double *d = (const double *)(const void *)x;
    switch (s->kind) {
    case MAX:
        return s->wide ? row_max_f64(d, n, m) : (double)row_max_f32(f, n, (float)m);
    case MIN:
        return s->wide ? row_min_f64(d, n, m) : (double)row_min_f32(f, n, (float)m);
    default:
        return m + (s->wide ? row_sum_f64(d, n) : row_sum_f32(f, n));
    }
}

static double start(const struct state *s)
{
    return s->kind == MAX ? -INFINITY : s->kind == MIN ? INFINITY : 0;
}

/* Outputs [lo, hi), each reduced from rows. */
static void range_rows(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    int64_t size = s->wide ? 8 : 4;
    for (int64_t o = lo; o < hi; o++) {
        const uint8_t *x = k->in[0] + offset(&s->kept, o) * size;
        double m = start(s);
        for (int64_t r = 0; r < s->reduced.count; r++)
            m = reduce_row(s, x + offset(&s->reduced, r) * size, s->inner, m);
        store(k, o, m * s->scale);
    }
}

/* --- kept elements side by side --- */

#define COLUMNS(T)                                                                              \
    do {                                                                                        \
        const T *v = (const T *)(const void *)x;                                                \
        if (s->kind == MAX) {                                                                   \
            CPU_SIMD for (int64_t i = 0; i < n; i++) acc[i] = BETTER_MAX((double)v[i], acc[i]); \
        } else if (s->kind == MIN) {                                                            \
            CPU_SIMD for (int64_t i = 0; i < n; i++) acc[i] = BETTER_MIN((double)v[i], acc[i]); \
        } else {                                                                                \
            CPU_SIMD for (int64_t i = 0; i < n; i++) acc[i] += (double)v[i];                    \
        }                                                                                       \
    } while (0)

static void columns(const struct state *s, double *acc, const uint8_t *x, int64_t n)
{
    if (s->wide)
        COLUMNS(double);
    else
        COLUMNS(float);
}

/* Blocks [lo, hi) of at most BLOCK outputs of one innermost run. */
static void range_columns(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    int64_t size = s->wide ? 8 : 4, per = (s->inner + BLOCK - 1) / BLOCK;
    for (int64_t b = lo; b < hi; b++) {
        int64_t run = b / per, from = b % per * BLOCK, n = cpu_min64(BLOCK, s->inner - from);
        const uint8_t *x = k->in[0] + (offset(&s->kept, run) + from) * size;
        double acc[BLOCK];
        for (int64_t i = 0; i < n; i++)
            acc[i] = start(s);
        for (int64_t r = 0; r < s->reduced.count; r++)
            columns(s, acc, x + offset(&s->reduced, r) * size, n);
        for (int64_t i = 0; i < n; i++)
            store(k, run * s->inner + from + i, acc[i] * s->scale);
    }
}

/* --- everything to few numbers: the threads share a row --- */

struct whole {
    const struct cpu_kernel *k;
    double part[64];
};

static void range_whole(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct whole *w = arg;
    const struct state *s = w->k->state;
    double *part = (double *)(uintptr_t)w->part;
    part[chunk] = reduce_row(s, w->k->in[0] + lo * (s->wide ? 8 : 4), hi - lo, start(s));
}

static void run_whole(const struct cpu_kernel *k)
{
    const struct state *s = k->state;
    struct whole w = {.k = k};
    int64_t grain = cpu_max64(CPU_GRAIN, s->inner / 64 + 1); /* at most 64 parts */
    cpu_parallel(k->inst->pool, s->inner, grain, range_whole, &w);
    double m = start(s);
    for (uint32_t c = 0; c < cpu_pieces(k->inst->pool, s->inner, grain); c++) {
        if (s->kind == MAX)
            m = BETTER_MAX(w.part[c], m);
        else if (s->kind == MIN)
            m = BETTER_MIN(w.part[c], m);
        else
            m += w.part[c];
    }
    store(k, 0, m * s->scale);
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    if (s->inner_kept) {
        int64_t per = (s->inner + BLOCK - 1) / BLOCK;
        int64_t work = cpu_min64(BLOCK, s->inner) * s->reduced.count;
        cpu_parallel(k->inst->pool, s->kept.count * per, 1 + CPU_GRAIN / (work + 1), range_columns,
                     k);
    } else if (s->n_out == 1 && s->reduced.count == 1 && s->inner > 0) {
        run_whole(k);
    } else {
        int64_t work = s->inner * s->reduced.count;
        cpu_parallel(k->inst->pool, s->n_out, 1 + CPU_GRAIN / (work + 1), range_rows, k);
    }
    return TNB_OK;
}

static bool is_reduced(const tnb_node *node, uint32_t rank, uint32_t d)
{
    uint32_t n = tnb_attr_count(node, "axes");
    for (uint32_t i = 0; i < n; i++) {
        int64_t axis = tnb_attr_at(node, "axes", i, 0);
        if ((axis < 0 ? axis + (int64_t)rank : axis) == (int64_t)d)
            return true;
    }
    return n == 0;
}

static void push(struct group *g, int64_t dim, int64_t stride)
{
    g->dim[g->n] = dim;
    g->stride[g->n++] = stride;
    g->count *= dim;
}

/* Merges x's axes into runs and hands the innermost to s->inner. */
static void group_axes(struct state *s, const tnb_tensor *x, const tnb_node *node)
{
    int64_t dim[TNB_MAX_RANK];
    bool red[TNB_MAX_RANK];
    uint32_t n = 0;
    for (uint32_t d = 0; d < x->rank; d++) {
        bool r = is_reduced(node, x->rank, d);
        if (x->dim[d] == 1)
            continue;
        if (n && red[n - 1] == r) {
            dim[n - 1] *= x->dim[d];
        } else {
            dim[n] = x->dim[d];
            red[n++] = r;
        }
    }
    s->kept.count = s->reduced.count = 1;
    s->inner = n ? dim[n - 1] : 1;
    s->inner_kept = n ? !red[n - 1] : false;
    int64_t stride[TNB_MAX_RANK], step = 1;
    for (uint32_t d = n; d-- > 0; step *= dim[d])
        stride[d] = step;
    for (uint32_t d = 0; d + 1 < n; d++)
        push(red[d] ? &s->reduced : &s->kept, dim[d], stride[d]);
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    uint32_t t = q->in[0]->dtype;
    if (t != TNB_F32 && t != TNB_F64)
        return cpu_refuse(why, "'%.40s' of %s; f32 or f64", q->node->op, cpu_dtype_name(t));
    return true;
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct state), &mem, err);
    if (status != TNB_OK)
        return status;
    struct state *s = mem;
    const char *op = q->node->op;
    s->kind = strcmp(op, "sum") == 0    ? SUM
              : strcmp(op, "mean") == 0 ? MEAN
              : strcmp(op, "max") == 0  ? MAX
                                        : MIN;
    s->wide = q->in[0]->dtype == TNB_F64;
    group_axes(s, q->in[0], q->node);
    s->n_out = tnb_count(q->out[0]);
    s->scale = 1;
    if (s->kind == MEAN && s->n_out)
        s->scale = 1.0 / ((double)tnb_count(q->in[0]) / (double)s->n_out);
    k->run = run;
    return TNB_OK;
}

/* --- max_grad: dy / ties where x = y; y, dy have kept dims --- */

struct grad_state {
    struct group kept, reduced;
};

static void grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct grad_state *s = k->state;
    const float *px = (const float *)(const void *)k->in[0];
    const float *y = (const float *)(const void *)k->in[1];
    const float *dy = (const float *)(const void *)k->in[2];
    float *pdx = (float *)(void *)k->out[0];
    for (int64_t o = lo; o < hi; o++) {
        int64_t at = offset(&s->kept, o), ties = 0;
        for (int64_t r = 0; r < s->reduced.count; r++)
            ties += px[at + offset(&s->reduced, r)] == y[o];
        float share = ties ? dy[o] / (float)ties : 0;
        for (int64_t r = 0; r < s->reduced.count; r++) {
            int64_t i = at + offset(&s->reduced, r);
            pdx[i] = px[i] == y[o] ? share : 0;
        }
    }
}

static tnb_status grad_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct grad_state *s = k->state;
    cpu_parallel(k->inst->pool, s->kept.count, 1 + CPU_GRAIN / 8 / (s->reduced.count + 1),
                 grad_range, k);
    return TNB_OK;
}

static bool grad_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return cpu_need_f32(q, 7, 1, why);
}

static tnb_status grad_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct grad_state), &mem, err);
    if (status != TNB_OK)
        return status;
    struct grad_state *s = mem;
    const tnb_tensor *x = q->in[0];
    int64_t stride[TNB_MAX_RANK], step = 1;
    for (uint32_t d = x->rank; d-- > 0; step *= x->dim[d])
        stride[d] = step;
    s->kept.count = s->reduced.count = 1;
    for (uint32_t d = 0; d < x->rank; d++)
        push(is_reduced(q->node, x->rank, d) ? &s->reduced : &s->kept, x->dim[d], stride[d]);
    k->run = grad_run;
    return TNB_OK;
}

/* --- argmax: i64, the first of equals, a NaN counts as largest --- */

struct argmax_state {
    int64_t outer, n, inner;
    bool wide;
};

#define ARGMAX(T)                                            \
    do {                                                     \
        const T *x = (const T *)(const void *)k->in[0] + at; \
        T m = x[0];                                          \
        for (int64_t c = 1; c < s->n && m == m; c++) {       \
            T v = x[c * s->inner];                           \
            if (v > m || v != v) {                           \
                m = v;                                       \
                best = c;                                    \
            }                                                \
        }                                                    \
    } while (0)

static void argmax_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct argmax_state *s = k->state;
    int64_t *out = (int64_t *)(void *)k->out[0];
    for (int64_t o = lo; o < hi; o++) {
        int64_t at = o / s->inner * s->n * s->inner + o % s->inner, best = 0;
        if (s->wide)
            ARGMAX(double);
        else
            ARGMAX(float);
        out[o] = best;
    }
}

static tnb_status argmax_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct argmax_state *s = k->state;
    if (s->n)
        cpu_parallel(k->inst->pool, s->outer * s->inner, 1 + CPU_GRAIN / 4 / s->n, argmax_range, k);
    return TNB_OK;
}

static tnb_status argmax_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct argmax_state), &mem, err);
    if (status != TNB_OK)
        return status;
    struct argmax_state *s = mem;
    const tnb_tensor *x = q->in[0];
    int64_t axis = tnb_attr_int(q->node, "axis", -1);
    uint32_t a = (uint32_t)(axis < 0 ? axis + (int64_t)x->rank : axis);
    s->outer = cpu_dims(x, 0, a);
    s->n = x->rank ? x->dim[a] : 1;
    s->inner = cpu_dims(x, a + 1, x->rank);
    s->wide = x->dtype == TNB_F64;
    k->run = argmax_run;
    return TNB_OK;
}

#define REDUCE(op)                                                             \
    {                                                                          \
        .name = op, .loops = {"loops", CPU_PROVIDER_LOOPS, supports, prepare}, \
    }

const struct cpu_op CPU_SYM(cpu_reduce)[] = {
    REDUCE("sum"),
    REDUCE("mean"),
    REDUCE("max"),
    REDUCE("min"),
    {.name = "max_grad", .loops = {"loops", CPU_PROVIDER_LOOPS, grad_supports, grad_prepare}},
    {.name = "argmax", .loops = {"loops", CPU_PROVIDER_LOOPS, supports, argmax_prepare}},
    {.name = NULL},
};
