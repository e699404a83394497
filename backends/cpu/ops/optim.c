/* SPDX-License-Identifier: MIT
 *
 * Optimizers beside sgd and adam: amsgrad, nadam, rmsprop, adagrad, adadelta, lion, lamb; the
 * momentum schedule of nadam; the norm over many gradients. Formulas and sources in
 * docs/operators.md. With apply = 0 every output is the bits of its input. Each runs in place. */
#include "vmath.h"

struct state {
    int64_t n;
    uint32_t n_in, n_slots;                     /* slots are inputs 2.., outputs 1.. */
    float decay, clip, epsilon, b1, b2, a1, a2; /* a: 1 - b */
    double beta1, beta2, momentum_decay;
    float momentum;
    bool decoupled;
    uint32_t n_correction;     /* numbers, 0: none */
    uint32_t n_sums;           /* partial sums in the workspace */
    int64_t count[CPU_MAX_IN]; /* global_norm: elements of each input */
};

/* What a loop over elements reads and writes. */
struct operands {
    float lr, mul, clip, l2, shrink;
    float c1, c2, root; /* the correction; root of its last number */
    const float *p, *g, *s[3];
    float *po, *so[3];
};

static float scalar(const struct cpu_kernel *k, uint32_t i)
{
    float v;
    memcpy(&v, k->in[i], sizeof v);
    return v;
}

static bool applies(const struct cpu_kernel *k)
{
    const struct state *s = k->state;
    return scalar(k, s->n_in - 1) != 0;
}

static void keep(const struct cpu_kernel *k, int64_t lo, int64_t hi)
{
    const struct state *s = k->state;
    for (uint32_t o = 0; o <= s->n_slots; o++) {
        uint32_t in = o ? o + 1 : 0;
        if (k->in[in] && k->out[o] && k->out[o] != k->in[in])
            memmove(k->out[o] + lo * 4, k->in[in] + lo * 4, (size_t)(hi - lo) * 4);
    }
}

static struct operands operands(const struct cpu_kernel *k)
{
    const struct state *s = k->state;
    struct operands o = {.lr = scalar(k, s->n_in - 3), .mul = scalar(k, s->n_in - 2)};
    o.clip = s->clip;
    o.l2 = s->decoupled ? 0 : s->decay;
    o.shrink = s->decoupled ? o.lr * s->decay : 0;
    o.p = cpu_in(k, 0);
    o.g = cpu_in(k, 1);
    o.po = cpu_out(k, 0);
    for (uint32_t i = 0; i < s->n_slots; i++) {
        o.s[i] = cpu_in(k, i + 2);
        o.so[i] = cpu_out(k, i + 1);
    }
    if (s->n_correction) {
        const float *c = cpu_in(k, s->n_slots + 2);
        o.c1 = c[0];
        o.c2 = c[1];
        o.root = sqrtf(c[s->n_correction - 1]);
    }
    return o;
}

/* Scaled, limited (NaN stays), and with the L2 penalty. */
CPU_INLINE float gradient(const struct operands *o, float g, float p)
{
    g *= o->mul;
    g = g > o->clip ? o->clip : g;
    g = g < -o->clip ? -o->clip : g;
    return g + o->l2 * p;
}

/* Defines <name>_range: the loop's body sees o, s, i, p (old) and g, and assigns step. */
/* clang-format off */
#define UPDATE(name, ...)                                                                 \
    static void name##_range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)     \
    {                                                                                     \
        const struct cpu_kernel *k = arg;                                                 \
        const struct state *s = k->state;                                                 \
        if (!applies(k)) {                                                                \
            keep(k, lo, hi);                                                              \
            return;                                                                       \
        }                                                                                 \
        const struct operands o = operands(k);                                            \
        const float b1 = s->b1, a1 = s->a1, b2 = s->b2, a2 = s->a2, epsilon = s->epsilon; \
        (void)b1, (void)a1, (void)b2, (void)a2, (void)epsilon;                            \
        CPU_SIMD for (int64_t i = lo; i < hi; i++)                                        \
        {                                                                                 \
            const float p = o.p[i], g = gradient(&o, o.g[i], p);                          \
            float step;                                                                   \
            __VA_ARGS__                                                                   \
            o.po[i] = p - o.shrink * p - o.lr * step;                                     \
        }                                                                                 \
    }                                                                                     \
    static tnb_status name##_run(const struct cpu_kernel *k, tnb_error *err)              \
    {                                                                                     \
        const struct state *s = k->state;                                                 \
        cpu_parallel_fine(k->inst->pool, s->n, CPU_GRAIN / 4, name##_range, k);           \
        return TNB_OK;                                                                    \
    }

/* clang-format on */
UPDATE(amsgrad, {
    const float m = b1 * o.s[0][i] + a1 * g, v = b2 * o.s[1][i] + a2 * (g * g);
    const float old = o.s[2][i], most = v > old || v != v ? v : old;
    o.so[0][i] = m;
    o.so[1][i] = v;
    o.so[2][i] = most;
    step = m / o.c1 / (sqrtf(most) / o.root + epsilon);
})

UPDATE(nadam, {
    const float m = b1 * o.s[0][i] + a1 * g, v = b2 * o.s[1][i] + a2 * (g * g);
    o.so[0][i] = m;
    o.so[1][i] = v;
    step = (o.c1 * g + o.c2 * m) / (sqrtf(v) / o.root + epsilon);
})

UPDATE(adagrad, {
    const float sum = o.s[0][i] + g * g;
    o.so[0][i] = sum;
    step = g / (sqrtf(sum) + epsilon);
})

UPDATE(adadelta, {
    const float past = o.s[1][i], v = b1 * o.s[0][i] + a1 * (g * g);
    step = sqrtf((past + epsilon) / (v + epsilon)) * g;
    o.so[0][i] = v;
    o.so[1][i] = b1 * past + a1 * (step * step);
})

UPDATE(lion, {
    const float m = o.s[0][i], mix = b1 * m + a1 * g;
    o.so[0][i] = b2 * m + a2 * g;
    step = mix > 0 ? 1.0f : mix < 0 ? -1.0f : mix;
})

UPDATE(rmsprop_plain, {
    const float v = b1 * o.s[0][i] + a1 * (g * g);
    o.so[0][i] = v;
    step = g / (sqrtf(v) + epsilon);
})

UPDATE(rmsprop_momentum, {
    const float v = b1 * o.s[0][i] + a1 * (g * g);
    o.so[0][i] = v;
    step = s->momentum * o.s[2][i] + g / (sqrtf(v) + epsilon);
    o.so[2][i] = step;
})

/* sqrtf of what rounding made negative would be NaN. */
#define CENTERED                                                                \
    const float v = b1 * o.s[0][i] + a1 * (g * g), m = b1 * o.s[1][i] + a1 * g; \
    const float var = v - m * m, root = sqrtf(var < 0 ? 0.0f : var);            \
    o.so[0][i] = v;                                                             \
    o.so[1][i] = m

UPDATE(rmsprop_centered, {
    CENTERED;
    step = g / (root + epsilon);
})

UPDATE(rmsprop_both, {
    CENTERED;
    step = s->momentum * o.s[2][i] + g / (root + epsilon);
    o.so[2][i] = step;
})

/* --- lamb: the direction into the workspace, both norms, then the parameter --- */

struct lamb_job {
    const struct cpu_kernel *k;
    struct operands o;
    float *r;
    double *sums; /* pairs by piece: of param, of r */
    float scale;
};

static void lamb_direction(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct lamb_job *j = arg;
    const struct state *s = j->k->state;
    const struct operands o = j->o;
    const float decay = s->decay;
    double of_param = 0, of_r = 0;
    CPU_SIMD for (int64_t i = lo; i < hi; i++)
    {
        const float p = o.p[i], g = gradient(&o, o.g[i], p);
        const float m = s->b1 * o.s[0][i] + s->a1 * g, v = s->b2 * o.s[1][i] + s->a2 * (g * g);
        o.so[0][i] = m;
        o.so[1][i] = v;
        j->r[i] = m / o.c1 / (sqrtf(v) / o.root + s->epsilon) + decay * p;
    }
    for (int64_t i = lo; i < hi; i++) {
        of_param += (double)o.p[i] * (double)o.p[i];
        of_r += (double)j->r[i] * (double)j->r[i];
    }
    j->sums[2 * piece] = of_param;
    j->sums[2 * piece + 1] = of_r;
}

static void lamb_apply(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct lamb_job *j = arg;
    const float *p = j->o.p, *r = j->r, scale = j->scale;
    float *po = j->o.po;
    CPU_SIMD for (int64_t i = lo; i < hi; i++) po[i] = p[i] - scale * r[i];
}

static tnb_status lamb_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    if (!applies(k)) {
        keep(k, 0, s->n);
        return TNB_OK;
    }
    struct lamb_job j = {.k = k, .o = operands(k)};
    j.o.l2 = 0;
    j.sums = (double *)(void *)k->ws;
    j.r = (float *)(void *)(k->ws + cpu_align_up(s->n_sums * 2 * sizeof(double)));
    memset(j.sums, 0, s->n_sums * 2 * sizeof(double));
    cpu_parallel(k->inst->pool, s->n, CPU_GRAIN / 4, lamb_direction, &j);
    double of_param = 0, of_r = 0;
    for (uint32_t i = 0; i < s->n_sums; i++) {
        of_param += j.sums[2 * i];
        of_r += j.sums[2 * i + 1];
    }
    double ratio = of_param == 0 || of_r == 0 ? 1 : sqrt(of_param) / sqrt(of_r);
    j.scale = (float)((double)j.o.lr * ratio);
    cpu_parallel_fine(k->inst->pool, s->n, CPU_GRAIN, lamb_apply, &j);
    return TNB_OK;
}

/* --- global_norm --- */

struct norm_job {
    const float *x;
    double *sums;
};

static void norm_range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct norm_job *j = arg;
    double part[8] = {0}, sum = 0; /* eight chains of additions, so that they overlap */
    int64_t i = lo;
    for (; i + 8 <= hi; i += 8)
        for (int l = 0; l < 8; l++)
            part[l] += (double)j->x[i + l] * (double)j->x[i + l];
    for (; i < hi; i++)
        sum += (double)j->x[i] * (double)j->x[i];
    for (int l = 0; l < 8; l++)
        sum += part[l];
    j->sums[piece] = sum;
}

static tnb_status norm_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    double total = 0, *sums = (double *)(void *)k->ws;
    for (uint32_t i = 0; i < s->n_in; i++) {
        if (!k->in[i] || s->count[i] == 0)
            continue;
        memset(sums, 0, s->n_sums * sizeof *sums);
        struct norm_job j = {cpu_in(k, i), sums};
        cpu_parallel(k->inst->pool, s->count[i], CPU_GRAIN, norm_range, &j);
        for (uint32_t piece = 0; piece < s->n_sums; piece++)
            total += sums[piece];
    }
    *cpu_out(k, 0) = (float)sqrt(total);
    return TNB_OK;
}

/* --- nadam_correction: product, step, apply --- */

static tnb_status schedule_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t step;
    memcpy(&step, k->in[1], sizeof step);
    const float old = scalar(k, 0);
    const double t = (double)step, rate = s->momentum_decay * log(0.96);
    const double mu = s->beta1 * (1 - 0.5 * exp(t * rate));
    const double next = s->beta1 * (1 - 0.5 * exp((t + 1) * rate));
    const double product = (double)old * mu;
    float *c = cpu_out(k, 0);
    c[0] = (float)((1 - mu) / (1 - product));
    c[1] = (float)(next / (1 - product * next));
    c[2] = s->beta2 > 0 ? (float)-expm1(t * log(s->beta2)) : (float)(step > 0);
    *cpu_out(k, 1) = scalar(k, 2) != 0 ? (float)product : old;
    return TNB_OK;
}

/* --- preparing --- */

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return cpu_need_f32(q, UINT32_MAX, UINT32_MAX, why);
}

static bool schedule_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    if (q->in[1]->dtype != TNB_I64)
        return cpu_refuse(why, "the step is %s; i64", cpu_dtype_name(q->in[1]->dtype));
    return cpu_need_f32(q, 5, 3, why);
}

typedef tnb_status (*run_fn)(const struct cpu_kernel *k, tnb_error *err);

static run_fn find_run(const struct cpu_query *q)
{
    static const struct {
        const char *op;
        run_fn run;
    } runs[] = {{"amsgrad", amsgrad_run},  {"nadam", nadam_run},
                {"adagrad", adagrad_run},  {"adadelta", adadelta_run},
                {"lion", lion_run},        {"lamb", lamb_run},
                {"global_norm", norm_run}, {"nadam_correction", schedule_run}};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
        if (strcmp(runs[i].op, q->node->op) == 0)
            return runs[i].run;
    if (q->in[3])
        return q->in[4] ? rmsprop_both_run : rmsprop_centered_run;
    return q->in[4] ? rmsprop_momentum_run : rmsprop_plain_run;
}

static void read_attrs(const struct cpu_query *q, struct state *s)
{
    const tnb_node *node = q->node;
    const char *op = node->op;
    bool lion = strcmp(op, "lion") == 0, lamb = strcmp(op, "lamb") == 0;
    bool delta = strcmp(op, "adadelta") == 0;
    double clip = tnb_attr_float(node, "clip_value", 0);
    s->clip = clip > 0 ? (float)clip : INFINITY;
    s->decay = (float)tnb_attr_float(node, "weight_decay", 0);
    s->decoupled = lion || tnb_attr_int(node, "decoupled", 0) != 0;
    s->epsilon = (float)tnb_attr_float(node, "epsilon", delta || lamb ? 1e-6 : 1e-7);
    /* rho stands where others have beta1 */
    s->beta1 = tnb_attr_find(node, "rho") ? tnb_attr_float(node, "rho", 0.9)
                                          : tnb_attr_float(node, "beta1", 0.9);
    s->beta2 = tnb_attr_float(node, "beta2", lion ? 0.99 : 0.999);
    s->b1 = (float)s->beta1;
    s->a1 = (float)(1 - s->beta1);
    s->b2 = (float)s->beta2;
    s->a2 = (float)(1 - s->beta2);
    s->momentum = (float)tnb_attr_float(node, "momentum", 0);
    s->momentum_decay = tnb_attr_float(node, "momentum_decay", 0.004);
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    read_attrs(q, s);
    s->n = tnb_count(q->out[0]);
    s->n_in = q->n_in;
    s->n_slots = q->n_out - 1;
    if (q->n_in == s->n_slots + 6 && strcmp(q->node->op, "nadam_correction") != 0)
        s->n_correction = (uint32_t)tnb_count(q->in[s->n_slots + 2]);
    s->n_sums = q->inst->n_threads;
    for (uint32_t i = 0; i < q->n_in; i++)
        s->count[i] = q->in[i] ? tnb_count(q->in[i]) : 0;
    k->run = find_run(q);
    if (k->run == norm_run)
        k->ws_bytes = s->n_sums * sizeof(double);
    if (k->run == lamb_run)
        k->ws_bytes = cpu_align_up(s->n_sums * 2 * sizeof(double)) + (uint64_t)s->n * 4;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_optim)[] = {
    {CPU_LOOPS("amsgrad", supports, prepare), .n_pairs = 4,
     .pair = {{0, 0}, {2, 1}, {3, 2}, {4, 3}}},
    {CPU_LOOPS("nadam", supports, prepare), .n_pairs = 3, .pair = {{0, 0}, {2, 1}, {3, 2}}},
    {CPU_LOOPS("rmsprop", supports, prepare), .n_pairs = 4,
     .pair = {{0, 0}, {2, 1}, {3, 2}, {4, 3}}},
    {CPU_LOOPS("adagrad", supports, prepare), .n_pairs = 2, .pair = {{0, 0}, {2, 1}}},
    {CPU_LOOPS("adadelta", supports, prepare), .n_pairs = 3, .pair = {{0, 0}, {2, 1}, {3, 2}}},
    {CPU_LOOPS("lion", supports, prepare), .n_pairs = 2, .pair = {{0, 0}, {2, 1}}},
    {CPU_LOOPS("lamb", supports, prepare), .n_pairs = 3, .pair = {{0, 0}, {2, 1}, {3, 2}}},
    {CPU_LOOPS("nadam_correction", schedule_supports, prepare), .n_pairs = 1, .pair = {{0, 1}}},
    {CPU_LOOPS("global_norm", supports, prepare)},
    {.name = NULL},
};
