/* SPDX-License-Identifier: MIT
 *
 * Optimizer and state updates; formulas in docs/operators.md. Kingma and Ba, "Adam" (2015);
 * Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019). With apply = 0 every
 * output is the bits of its input. Each runs in place. */
#include "vmath.h"

struct state {
    int64_t n;
    float momentum, b1, b2, epsilon, decay, clip;
    double beta1, beta2;
    bool nesterov, decoupled;
};

static float scalar(const struct cpu_kernel *k, int i)
{
    float v;
    memcpy(&v, k->in[i], sizeof v);
    return v;
}

static void keep(const struct cpu_kernel *k, int in, int out, int64_t lo, int64_t hi)
{
    if (k->in[in] && k->out[out] && k->out[out] != k->in[in])
        memmove(k->out[out] + lo * 4, k->in[in] + lo * 4, (size_t)(hi - lo) * 4);
}

/* Scaled, and limited: NaN stays. */
CPU_INLINE float scaled(float g, float mul, float clip)
{
    g *= mul;
    g = g > clip ? clip : g;
    return g < -clip ? -clip : g;
}

/* --- sgd: param, grad, velocity?, lr, grad_mul, apply --- */

static void sgd_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    if (scalar(k, 5) == 0) {
        keep(k, 0, 0, lo, hi);
        keep(k, 2, 1, lo, hi);
        return;
    }
    const float lr = scalar(k, 3), mul = scalar(k, 4), mom = s->momentum, wd = s->decay;
    const float clip = s->clip;
    const float *p = cpu_in(k, 0);
    const float *g = cpu_in(k, 1);
    const float *v = cpu_in(k, 2);
    float *po = cpu_out(k, 0), *vo = cpu_out(k, 1);
    if (!v) {
        CPU_SIMD for (int64_t i = lo; i < hi; i++) po[i] =
            p[i] - lr * (scaled(g[i], mul, clip) + wd * p[i]);
    } else if (s->nesterov) {
        CPU_SIMD for (int64_t i = lo; i < hi; i++)
        {
            float d = scaled(g[i], mul, clip) + wd * p[i], w = mom * v[i] + d;
            vo[i] = w;
            po[i] = p[i] - lr * (d + mom * w);
        }
    } else {
        CPU_SIMD for (int64_t i = lo; i < hi; i++)
        {
            float w = mom * v[i] + (scaled(g[i], mul, clip) + wd * p[i]);
            vo[i] = w;
            po[i] = p[i] - lr * w;
        }
    }
}

/* --- adam, adamw: param, grad, m, v, correction [2], lr, grad_mul, apply --- */

static void adam_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    if (scalar(k, 7) == 0) {
        keep(k, 0, 0, lo, hi);
        keep(k, 2, 1, lo, hi);
        keep(k, 3, 2, lo, hi);
        return;
    }
    const float *c = cpu_in(k, 4);
    const float lr = scalar(k, 5), mul = scalar(k, 6), c1 = c[0], c2 = c[1];
    const float b1 = s->b1, b2 = s->b2, a1 = (float)(1 - s->beta1), a2 = (float)(1 - s->beta2);
    const float eps = s->epsilon, clip = s->clip, l2 = s->decoupled ? 0 : s->decay;
    const float shrink = s->decoupled ? lr * s->decay : 0;
    /* (m / c1) / (sqrt(v / c2) + eps), with one division */
    const float root = sqrtf(c2), lr1 = lr * root / c1, eps1 = eps * root;
    const float *p = cpu_in(k, 0);
    const float *g = cpu_in(k, 1);
    const float *m = cpu_in(k, 2);
    const float *v = cpu_in(k, 3);
    float *po = cpu_out(k, 0), *mo = cpu_out(k, 1);
    float *vo = cpu_out(k, 2);
    CPU_SIMD for (int64_t i = lo; i < hi; i++)
    {
        float old = p[i], d = scaled(g[i], mul, clip) + l2 * old;
        float m1 = b1 * m[i] + a1 * d, v1 = b2 * v[i] + a2 * (d * d);
        mo[i] = m1;
        vo[i] = v1;
        po[i] = old - lr1 * m1 / (sqrtf(v1) + eps1) - shrink * old;
    }
}

/* --- ema_update: state, value, apply; accumulate: acc, value, reset --- */

static void ema_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    if (scalar(k, 2) == 0) {
        keep(k, 0, 0, lo, hi);
        return;
    }
    const float *a = cpu_in(k, 0);
    const float *b = cpu_in(k, 1);
    float *o = cpu_out(k, 0), mom = s->momentum, rest = s->b1;
    CPU_SIMD for (int64_t i = lo; i < hi; i++) o[i] = mom * a[i] + rest * b[i];
}

static void accumulate_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const float *a = cpu_in(k, 0);
    const float *b = cpu_in(k, 1);
    float *o = cpu_out(k, 0);
    if (scalar(k, 2) != 0) {
        memmove(o + lo, b + lo, (size_t)(hi - lo) * sizeof *o);
        return;
    }
    CPU_SIMD for (int64_t i = lo; i < hi; i++) o[i] = a[i] + b[i];
}

#define RUN(name, range, grain)                                        \
    static tnb_status name(const struct cpu_kernel *k, tnb_error *err) \
    {                                                                  \
        const struct state *s = k->state;                              \
        cpu_parallel_fine(k->inst->pool, s->n, grain, range, k);       \
        return TNB_OK;                                                 \
    }
RUN(sgd_run, sgd_range, CPU_GRAIN / 2)
RUN(adam_run, adam_range, CPU_GRAIN / 4)
RUN(ema_run, ema_range, CPU_GRAIN)
RUN(accumulate_run, accumulate_range, CPU_GRAIN)

/* --- scalars --- */

/* 1 - beta^step; the logarithm of 0 is not finite. */
static float correction(double beta, int64_t step)
{
    return beta > 0 ? (float)-expm1((double)step * log(beta)) : (float)(step > 0);
}

static tnb_status correction_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t step;
    memcpy(&step, k->in[0], sizeof step);
    float *o = cpu_out(k, 0);
    o[0] = correction(s->beta1, step);
    o[1] = correction(s->beta2, step);
    return TNB_OK;
}

static tnb_status counter_run(const struct cpu_kernel *k, tnb_error *err)
{
    int64_t n;
    memcpy(&n, k->in[0], sizeof n);
    n = (int64_t)((uint64_t)n + (scalar(k, 1) != 0));
    memcpy(k->out[0], &n, sizeof n);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return cpu_need_f32(q, 255, 7, why);
}

static bool counter_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    if (q->in[0]->dtype != TNB_I64)
        return cpu_refuse(why, "the counter is %s; i64", cpu_dtype_name(q->in[0]->dtype));
    if (q->n_in > 1 && q->in[1]->dtype != TNB_F32)
        return cpu_refuse(why, "apply is %s; f32", cpu_dtype_name(q->in[1]->dtype));
    return true;
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const char *op = q->node->op;
    bool ema = strcmp(op, "ema_update") == 0, adamw = strcmp(op, "adamw") == 0;
    double momentum = tnb_attr_float(q->node, "momentum", ema ? 0.99 : 0);
    s->n = tnb_count(q->out[0]);
    s->momentum = (float)momentum;
    s->beta1 = tnb_attr_float(q->node, "beta1", 0.9);
    s->beta2 = tnb_attr_float(q->node, "beta2", 0.999);
    s->b1 = ema ? (float)(1 - momentum) : (float)s->beta1;
    s->b2 = (float)s->beta2;
    s->epsilon = (float)tnb_attr_float(q->node, "epsilon", 1e-7);
    s->decay = (float)tnb_attr_float(q->node, "weight_decay", adamw ? 0.01 : 0);
    double clip = tnb_attr_float(q->node, "clip_value", 0);
    s->clip = clip > 0 ? (float)clip : INFINITY;
    s->nesterov = tnb_attr_int(q->node, "nesterov", 0) != 0;
    s->decoupled = adamw;
    k->run = strcmp(op, "sgd") == 0               ? sgd_run
             : strcmp(op, "bias_correction") == 0 ? correction_run
             : strcmp(op, "counter_add") == 0     ? counter_run
             : strcmp(op, "accumulate") == 0      ? accumulate_run
             : ema                                ? ema_run
                                                  : adam_run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_update)[] = {
    {CPU_LOOPS("sgd", supports, prepare), .n_pairs = 2, .pair = {{0, 0}, {2, 1}}},
    {CPU_LOOPS("adam", supports, prepare), .n_pairs = 3, .pair = {{0, 0}, {2, 1}, {3, 2}}},
    {CPU_LOOPS("adamw", supports, prepare), .n_pairs = 3, .pair = {{0, 0}, {2, 1}, {3, 2}}},
    {CPU_LOOPS("bias_correction", counter_supports, prepare)},
    {CPU_LOOPS("counter_add", counter_supports, prepare), .n_pairs = 1, .pair = {{0, 0}}},
    {CPU_LOOPS("ema_update", supports, prepare), .n_pairs = 1, .pair = {{0, 0}}},
    {CPU_LOOPS("accumulate", supports, prepare), .n_pairs = 1, .pair = {{0, 0}}},
    {.name = NULL},
};
