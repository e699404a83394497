/* SPDX-License-Identifier: MIT
 *
 * Losses, one value per sample, and their gradients. Sums run in double.
 *   sparse_softmax_cross_entropy: loss = log(sum exp(x - m)) - (x[label] - m), prob = softmax(x)
 *   mse: mean (p - t)^2; bce: mean -(t log p + (1 - t) log(1 - p)), logs no less than -100
 *   bce_with_logits: mean of max(z, 0) - z t + log1p(exp(-|z|)) */
#include "softmax.h"

struct state {
    int64_t n, per; /* samples; elements of each (classes) */
    bool wide;      /* labels are i64 */
};

static const float *input(const struct cpu_kernel *k, int i)
{
    return (const float *)(const void *)k->in[i];
}

/* --- sparse softmax cross-entropy: logits, labels -> loss, prob --- */

static void ce_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    float *loss = (float *)(void *)k->out[0], *prob = (float *)(void *)k->out[1];
    for (int64_t i = lo; i < hi; i++) {
        const float *x = input(k, 0) + i * s->per;
        int64_t label = cpu_index_at(k->in[1], s->wide, i);
        double sum;
        /* Read before prob is written. */
        float own = label >= 0 && label < s->per ? x[label] : (float)NAN;
        float m = cpu_softmax_row(prob + i * s->per, x, s->per, &sum);
        loss[i] = (float)(log(sum) - ((double)own - (double)m));
    }
}

/* prob, labels, dloss -> dlogits */
static void ce_grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    float *out = (float *)(void *)k->out[0];
    for (int64_t i = lo; i < hi; i++) {
        const float *p = input(k, 0) + i * s->per;
        float *o = out + i * s->per, d = input(k, 2)[i];
        int64_t label = cpu_index_at(k->in[1], s->wide, i);
        float own = label >= 0 && label < s->per ? (p[label] - 1) * d : 0;
        CPU_SIMD for (int64_t c = 0; c < s->per; c++) o[c] = p[c] * d;
        if (label >= 0 && label < s->per)
            o[label] = own;
    }
}

/* --- losses of a prediction and a target, element by element --- */

CPU_INLINE float bce_term(float p, float t)
{
    float a = cpu_logf(p), b = cpu_logf(1 - p);
    a = a < -100 ? -100 : a;
    b = b < -100 ? -100 : b;
    return -(t * a + (1 - t) * b);
}

CPU_INLINE float logits_term(float z, float t)
{
    float a = z < 0 ? -z : z;
    return (z < 0 ? 0 : z) - z * t + cpu_log1pf(cpu_expf(-a));
}

#define LOSS(name, EXPR)                                                                \
    static void name(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)           \
    {                                                                                   \
        const struct cpu_kernel *k = arg;                                               \
        const struct state *s = k->state;                                               \
        float *loss = (float *)(void *)k->out[0];                                       \
        for (int64_t n = lo; n < hi; n++) {                                             \
            const float *pp = input(k, 0) + n * s->per, *pt = input(k, 1) + n * s->per; \
            double sum = 0;                                                             \
            _Pragma("omp simd reduction(+ : sum)") for (int64_t i = 0; i < s->per; i++) \
            {                                                                           \
                float p = pp[i], t = pt[i];                                             \
                sum += (double)(EXPR);                                                  \
            }                                                                           \
            loss[n] = (float)(sum / (double)s->per);                                    \
        }                                                                               \
    }

#define LOSS_GRAD(name, EXPR)                                                           \
    static void name(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)           \
    {                                                                                   \
        const struct cpu_kernel *k = arg;                                               \
        const struct state *s = k->state;                                               \
        for (int64_t n = lo; n < hi; n++) {                                             \
            const float *pp = input(k, 0) + n * s->per, *pt = input(k, 1) + n * s->per; \
            float *o = (float *)(void *)k->out[0] + n * s->per;                         \
            const float d = input(k, 2)[n] / (float)s->per;                             \
            CPU_SIMD for (int64_t i = 0; i < s->per; i++)                               \
            {                                                                           \
                float p = pp[i], t = pt[i];                                             \
                o[i] = EXPR;                                                            \
            }                                                                           \
        }                                                                               \
    }

CPU_INLINE float bce_slope(float p, float t)
{
    float q = p * (1 - p);
    return (p - t) / (q < 1e-12f ? 1e-12f : q);
}

LOSS(mse_range, (p - t) * (p - t))
LOSS(bce_range, bce_term(p, t))
LOSS(logits_range, logits_term(p, t))
LOSS_GRAD(mse_grad_range, 2 * (p - t) * d)
LOSS_GRAD(bce_grad_range, d *bce_slope(p, t))
LOSS_GRAD(logits_grad_range, (cpu_sigmoidf(p) - t) * d)

static void over_samples(const struct cpu_kernel *k, cpu_range_fn fn, int64_t cost)
{
    const struct state *s = k->state;
    cpu_parallel_fine(k->inst->pool, s->n, 1 + CPU_GRAIN / (s->per * cost + 1), fn, k);
}

#define RUN(name, range, cost)                                         \
    static tnb_status name(const struct cpu_kernel *k, tnb_error *err) \
    {                                                                  \
        over_samples(k, range, cost);                                  \
        return TNB_OK;                                                 \
    }
RUN(ce_run, ce_range, 4)
RUN(ce_grad_run, ce_grad_range, 1)
RUN(mse_run, mse_range, 1)
RUN(mse_grad_run, mse_grad_range, 1)
RUN(bce_run, bce_range, 8)
RUN(bce_grad_run, bce_grad_range, 2)
RUN(logits_run, logits_range, 8)
RUN(logits_grad_run, logits_grad_range, 4)

static const struct {
    const char *name;
    tnb_status (*run)(const struct cpu_kernel *k, tnb_error *err);
} table[] = {
    {"sparse_softmax_cross_entropy", ce_run},
    {"sparse_softmax_cross_entropy_grad", ce_grad_run},
    {"mse", mse_run},
    {"mse_grad", mse_grad_run},
    {"bce", bce_run},
    {"bce_grad", bce_grad_run},
    {"bce_with_logits", logits_run},
    {"bce_with_logits_grad", logits_grad_run},
};

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return cpu_need_f32(q, 7, 1, why);
}

static bool ce_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    if (!cpu_is_index(q->in[1]))
        return cpu_refuse(why, "labels are %s; i32 or i64", cpu_dtype_name(q->in[1]->dtype));
    return cpu_need_f32(q, 5, 3, why);
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct state), &mem, err);
    if (status != TNB_OK)
        return status;
    struct state *s = mem;
    const tnb_tensor *x = q->in[0];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, q->node->op) == 0)
            k->run = table[i].run;
    if (q->node->op[0] == 's') {
        s->n = cpu_dims(x, 0, x->rank - 1);
        s->per = x->dim[x->rank - 1];
        s->wide = q->in[1]->dtype == TNB_I64;
    } else {
        s->n = x->dim[0];
        s->per = cpu_dims(x, 1, x->rank);
    }
    return TNB_OK;
}

#define LOSSES(op, supports_fn)                                                   \
    {                                                                             \
        .name = op, .loops = {"loops", CPU_PROVIDER_LOOPS, supports_fn, prepare}, \
    }

const struct cpu_op CPU_SYM(cpu_loss)[] = {
    LOSSES("sparse_softmax_cross_entropy", ce_supports),
    LOSSES("sparse_softmax_cross_entropy_grad", ce_supports),
    LOSSES("mse", supports),
    LOSSES("mse_grad", supports),
    LOSSES("bce", supports),
    LOSSES("bce_grad", supports),
    LOSSES("bce_with_logits", supports),
    LOSSES("bce_with_logits_grad", supports),
    {.name = NULL},
};
