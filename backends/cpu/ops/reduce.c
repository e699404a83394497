/* SPDX-License-Identifier: MIT
 *
 * sum mean prod max min over axes, and the gradients that need x: max_grad, prod_grad. Sums run in
 * double. */
#include <math.h>

#include "reduce.h"

/* sum mean prod max min of integers and bool (reduce_int.c). */
tnb_status CPU_SYM(cpu_reduce_integers)(const struct cpu_query *q, struct cpu_kernel *k,
                                        tnb_error *err);

enum kind { SUM, MEAN, PROD, MAX, MIN };
enum { BLOCK = 256 }; /* kept elements that are accumulated side by side */

struct state {
    enum kind kind;
    bool wide; /* f64 */
    struct cpu_reduction r;
    double scale; /* mean: 1 / count */
};

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

#define ROW_PROD(name, T)                     \
    static double name(const T *x, int64_t n) \
    {                                         \
        double p = 1;                         \
        for (int64_t i = 0; i < n; i++)       \
            p *= (double)x[i];                \
        return p;                             \
    }
ROW_PROD(row_prod_f32, float)
ROW_PROD(row_prod_f64, double)

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
        (cpu_out(k, 0))[i] = (float)v;
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
    case PROD:
        return m * (s->wide ? row_prod_f64(d, n) : row_prod_f32(f, n));
    default:
        return m + (s->wide ? row_sum_f64(d, n) : row_sum_f32(f, n));
    }
}

static double start(const struct state *s)
{
    static const double from[] = {
        [SUM] = 0, [MEAN] = 0, [PROD] = 1, [MAX] = -INFINITY, [MIN] = INFINITY};
    return from[s->kind];
}

/* Outputs [lo, hi), each reduced from rows. */
static void range_rows(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    int64_t size = s->wide ? 8 : 4;
    for (int64_t o = lo; o < hi; o++) {
        const uint8_t *x = k->in[0] + cpu_group_at(&s->r.kept, o) * size;
        double m = start(s);
        for (int64_t r = 0; r < s->r.reduced.count; r++)
            m = reduce_row(s, x + cpu_group_at(&s->r.reduced, r) * size, s->r.inner, m);
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
        } else if (s->kind == PROD) {                                                           \
            CPU_SIMD for (int64_t i = 0; i < n; i++) acc[i] *= (double)v[i];                    \
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
    int64_t size = s->wide ? 8 : 4, per = (s->r.inner + BLOCK - 1) / BLOCK;
    for (int64_t b = lo; b < hi; b++) {
        int64_t run = b / per, from = b % per * BLOCK, n = cpu_min64(BLOCK, s->r.inner - from);
        const uint8_t *x = k->in[0] + (cpu_group_at(&s->r.kept, run) + from) * size;
        double acc[BLOCK];
        for (int64_t i = 0; i < n; i++)
            acc[i] = start(s);
        for (int64_t r = 0; r < s->r.reduced.count; r++)
            columns(s, acc, x + cpu_group_at(&s->r.reduced, r) * size, n);
        for (int64_t i = 0; i < n; i++)
            store(k, run * s->r.inner + from + i, acc[i] * s->scale);
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
    int64_t grain = cpu_max64(CPU_GRAIN, s->r.inner / 64 + 1); /* at most 64 parts */
    cpu_parallel(k->inst->pool, s->r.inner, grain, range_whole, &w);
    double m = start(s);
    for (uint32_t c = 0; c < cpu_pieces(k->inst->pool, s->r.inner, grain); c++) {
        if (s->kind == MAX)
            m = BETTER_MAX(w.part[c], m);
        else if (s->kind == MIN)
            m = BETTER_MIN(w.part[c], m);
        else if (s->kind == PROD)
            m *= w.part[c];
        else
            m += w.part[c];
    }
    store(k, 0, m * s->scale);
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    if (s->r.inner_kept) {
        int64_t per = (s->r.inner + BLOCK - 1) / BLOCK;
        int64_t work = cpu_min64(BLOCK, s->r.inner) * s->r.reduced.count;
        cpu_parallel(k->inst->pool, s->r.kept.count * per, 1 + CPU_GRAIN / (work + 1),
                     range_columns, k);
    } else if (s->r.n_out == 1 && s->r.reduced.count == 1 && s->r.inner > 0) {
        run_whole(k);
    } else {
        int64_t work = s->r.inner * s->r.reduced.count;
        cpu_parallel(k->inst->pool, s->r.n_out, 1 + CPU_GRAIN / (work + 1), range_rows, k);
    }
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    uint32_t t = q->in[0]->dtype;
    if (t == TNB_F16 || t == TNB_BF16)
        return cpu_refuse(why, "'%.40s' of %s; f32, f64 or integers", q->node->op,
                          cpu_dtype_name(t));
    return true;
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    if (q->in[0]->dtype != TNB_F32 && q->in[0]->dtype != TNB_F64)
        return CPU_SYM(cpu_reduce_integers)(q, k, err);
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const char *op = q->node->op;
    s->kind = strcmp(op, "sum") == 0    ? SUM
              : strcmp(op, "mean") == 0 ? MEAN
              : strcmp(op, "prod") == 0 ? PROD
              : strcmp(op, "max") == 0  ? MAX
                                        : MIN;
    s->wide = q->in[0]->dtype == TNB_F64;
    cpu_reduction_init(&s->r, q->in[0], q->node);
    s->scale = s->kind == MEAN ? 1.0 / (double)s->r.n_reduced : 1;
    k->run = run;
    return TNB_OK;
}

/* --- max_grad: dy / ties where x = y; y, dy have kept dims --- */

struct grad_state {
    struct cpu_group kept, reduced;
};

static void grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct grad_state *s = k->state;
    const float *px = cpu_in(k, 0);
    const float *y = cpu_in(k, 1);
    const float *dy = cpu_in(k, 2);
    float *pdx = cpu_out(k, 0);
    for (int64_t o = lo; o < hi; o++) {
        int64_t at = cpu_group_at(&s->kept, o), ties = 0;
        for (int64_t r = 0; r < s->reduced.count; r++)
            ties += px[at + cpu_group_at(&s->reduced, r)] == y[o];
        float share = ties ? dy[o] / (float)ties : 0;
        for (int64_t r = 0; r < s->reduced.count; r++) {
            int64_t i = at + cpu_group_at(&s->reduced, r);
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
    struct grad_state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const tnb_tensor *x = q->in[0];
    int64_t stride[TNB_MAX_RANK];
    shape_strides(x, stride);
    s->kept.count = s->reduced.count = 1;
    for (uint32_t d = 0; d < x->rank; d++)
        cpu_group_push(cpu_axis_named(q->node, x->rank, d) ? &s->reduced : &s->kept, x->dim[d],
                       stride[d]);
    k->run = grad_run;
    return TNB_OK;
}

/* --- prod_grad: dy times the product of the others; dy has kept dims --- */

/* Forward, dx takes the product of what came before; backward, of what comes after. No division,
 * so zeros need no care. */
static void prod_grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct grad_state *s = k->state;
    const float *x = cpu_in(k, 0);
    const float *dy = cpu_in(k, 1);
    float *dx = cpu_out(k, 0);
    for (int64_t o = lo; o < hi; o++) {
        int64_t at = cpu_group_at(&s->kept, o);
        double before = 1, after = (double)dy[o];
        for (int64_t r = 0; r < s->reduced.count; r++) {
            int64_t i = at + cpu_group_at(&s->reduced, r);
            dx[i] = (float)before;
            before *= (double)x[i];
        }
        for (int64_t r = s->reduced.count; r-- > 0;) {
            int64_t i = at + cpu_group_at(&s->reduced, r);
            dx[i] = (float)((double)dx[i] * after);
            after *= (double)x[i];
        }
    }
}

static tnb_status prod_grad_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct grad_state *s = k->state;
    cpu_parallel(k->inst->pool, s->kept.count, 1 + CPU_GRAIN / 8 / (s->reduced.count + 1),
                 prod_grad_range, k);
    return TNB_OK;
}

static tnb_status prod_grad_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    tnb_status status = grad_prepare(q, k, err);
    if (status == TNB_OK)
        k->run = prod_grad_run;
    return status;
}

const struct cpu_op CPU_SYM(cpu_reduce)[] = {
    {CPU_LOOPS("sum", supports, prepare)},
    {CPU_LOOPS("mean", supports, prepare)},
    {CPU_LOOPS("prod", supports, prepare)},
    {CPU_LOOPS("max", supports, prepare)},
    {CPU_LOOPS("min", supports, prepare)},
    {CPU_LOOPS("max_grad", grad_supports, grad_prepare)},
    {CPU_LOOPS("prod_grad", grad_supports, prod_grad_prepare)},
    {.name = NULL},
};
