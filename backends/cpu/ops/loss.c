/* SPDX-License-Identifier: MIT
 *
 * Losses of a prediction p and a target t, term by term, and their gradients:
 *   mse (p - t)^2; mae |p - t|; huber, of delta; hinge max(0, margin - p t)
 *   bce -(t log p + (1 - t) log(1 - p)), logs no less than -100
 *   bce_with_logits max(z, 0) - z t + log1p(exp(-|z|)), or with the weight of positive targets
 *   kl_div t (log t - p), or of logs e^t (t - p)
 * Reductions: a mean per sample, none, sum, mean. Sums run in double; those over all samples in
 * blocks of a fixed size, so that they do not depend on the number of threads. */
#include "vmath.h"

enum { SUM_BLOCK = 4096 };
enum reduction { PER_SAMPLE, NONE, SUM, MEAN };

struct loss_fns;
struct state {
    int64_t n, per; /* samples; elements of each */
    enum reduction reduction;
    const struct loss_fns *fns;
    const float *p, *t, *weight, *pos; /* set as a run begins; NULL: absent */
    int64_t weight_per, n_pos;         /* elements that share a weight: 1 or `per` */
    float value;                       /* delta, margin */
    bool grad;
};

struct loss_fns {
    /* Sum of terms [from, to), each times w[i] where w is given. */
    double (*sum)(const struct state *s, int64_t from, int64_t to, const float *w);
    /* o[i] = term, times w[i]. */
    void (*each)(const struct state *s, float *o, int64_t from, int64_t to, const float *w);
    /* o[i] = slope of term i times d, times dl[i] and w[i] where they are given. */
    void (*grad)(const struct state *s, float *o, int64_t from, int64_t to, float d,
                 const float *dl, const float *w);
};

CPU_INLINE float bce_term(float p, float t)
{
    float a = cpu_logf(p), b = cpu_logf(1 - p);
    a = a < -100 ? -100 : a;
    b = b < -100 ? -100 : b;
    return -(t * a + (1 - t) * b);
}

CPU_INLINE float bce_slope(float p, float t)
{
    float q = p * (1 - p);
    return (p - t) / (q < 1e-12f ? 1e-12f : q);
}

CPU_INLINE float logits_term(float z, float t)
{
    float a = z < 0 ? -z : z;
    return (z < 0 ? 0 : z) - z * t + cpu_log1pf(cpu_expf(-a));
}

CPU_INLINE float pos_term(float z, float t, float pos)
{
    float a = z < 0 ? -z : z;
    return (1 - t) * z + (1 + (pos - 1) * t) * ((z < 0 ? -z : 0) + cpu_log1pf(cpu_expf(-a)));
}

CPU_INLINE float pos_slope(float z, float t, float pos)
{
    return (1 + (pos - 1) * t) * cpu_sigmoidf(z) - pos * t;
}

CPU_INLINE float sign_of(float d)
{
    return d > 0 ? 1.0f : d < 0 ? -1.0f : d; /* 0 or NaN */
}

CPU_INLINE float huber_term(float d, float delta)
{
    float a = d < 0 ? -d : d;
    return a <= delta ? 0.5f * a * a : delta * (a - 0.5f * delta);
}

CPU_INLINE float huber_slope(float d, float delta)
{
    return d > delta ? delta : d < -delta ? -delta : d;
}

CPU_INLINE float hinge_term(float v)
{
    return v < 0 ? 0 : v;
}

CPU_INLINE float hinge_slope(float v, float t)
{
    return v > 0 ? -t : v != v ? v : 0;
}

CPU_INLINE float kl_term(float p, float t)
{
    float v = t * (cpu_logf(t) - p);
    return t == 0 ? 0 : v;
}

/* of p, which they do not hold */
CPU_INLINE float kl_slope(float p, float t)
{
    return -t;
}

CPU_INLINE float kl_log_slope(float p, float t)
{
    return -cpu_expf(t);
}

/* TERM and SLOPE see p, t, s and i; SLOPE has d as its last factor. */
#define LOSS(name, TERM, SLOPE)                                                               \
    static double name##_sum(const struct state *s, int64_t from, int64_t to, const float *w) \
    {                                                                                         \
        const float *pp = s->p, *pt = s->t;                                                   \
        double sum = 0;                                                                       \
        if (w) {                                                                              \
            _Pragma("omp simd reduction(+ : sum)") for (int64_t i = from; i < to; i++)        \
            {                                                                                 \
                float p = pp[i], t = pt[i];                                                   \
                sum += (double)(TERM) * (double)w[i];                                         \
            }                                                                                 \
        } else {                                                                              \
            _Pragma("omp simd reduction(+ : sum)") for (int64_t i = from; i < to; i++)        \
            {                                                                                 \
                float p = pp[i], t = pt[i];                                                   \
                sum += (double)(TERM);                                                        \
            }                                                                                 \
        }                                                                                     \
        return sum;                                                                           \
    }                                                                                         \
    static void name##_each(const struct state *s, float *o, int64_t from, int64_t to,        \
                            const float *w)                                                   \
    {                                                                                         \
        const float *pp = s->p, *pt = s->t;                                                   \
        CPU_SIMD for (int64_t i = from; i < to; i++)                                          \
        {                                                                                     \
            float p = pp[i], t = pt[i];                                                       \
            o[i] = (TERM) * (w ? w[i] : 1);                                                   \
        }                                                                                     \
    }                                                                                         \
    static void name##_grad(const struct state *s, float *o, int64_t from, int64_t to,        \
                            const float uniform, const float *dl, const float *w)             \
    {                                                                                         \
        const float *pp = s->p, *pt = s->t;                                                   \
        if (!dl && !w) {                                                                      \
            const float d = uniform;                                                          \
            CPU_SIMD for (int64_t i = from; i < to; i++)                                      \
            {                                                                                 \
                float p = pp[i], t = pt[i];                                                   \
                o[i] = SLOPE;                                                                 \
            }                                                                                 \
            return;                                                                           \
        }                                                                                     \
        CPU_SIMD for (int64_t i = from; i < to; i++)                                          \
        {                                                                                     \
            float p = pp[i], t = pt[i], d = uniform * (dl ? dl[i] : 1) * (w ? w[i] : 1);      \
            o[i] = SLOPE;                                                                     \
        }                                                                                     \
    }                                                                                         \
    static const struct loss_fns name##_fns = {name##_sum, name##_each, name##_grad};

LOSS(mse, (p - t) * (p - t), 2 * (p - t) * d)
LOSS(mae, p - t < 0 ? t - p : p - t, sign_of(p - t) * d)
LOSS(huber, huber_term(p - t, s->value), huber_slope(p - t, s->value) * d)
LOSS(hinge, hinge_term(s->value - p * t), hinge_slope(s->value - p * t, t) * d)
LOSS(bce, bce_term(p, t), d *bce_slope(p, t))
LOSS(logits, logits_term(p, t), (cpu_sigmoidf(p) - t) * d)
LOSS(pos, pos_term(p, t, s->pos[i % s->n_pos]), pos_slope(p, t, s->pos[i % s->n_pos]) * d)
LOSS(kl, kl_term(p, t), kl_slope(p, t) * d)
LOSS(kl_log, cpu_expf(t) * (t - p), kl_log_slope(p, t) * d)

static const struct {
    const char *name;
    const struct loss_fns *fns;
    int64_t cost; /* of a term, in additions or so */
} table[] = {
    {"mse", &mse_fns, 1},     {"mae", &mae_fns, 1}, {"huber", &huber_fns, 1},
    {"hinge", &hinge_fns, 1}, {"bce", &bce_fns, 8}, {"bce_with_logits", &logits_fns, 8},
    {"kl_div", &kl_fns, 4},
};

/* One weight for the sample's terms, or NULL in *out_each for one per term in `weight`. */
static float sample_weight(const struct state *s, int64_t n, const float **out_each)
{
    *out_each = s->weight_per == 1 ? s->weight : NULL;
    return s->weight && !*out_each ? s->weight[n] : 1;
}

static void sample_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    for (int64_t n = lo; n < hi; n++) {
        const float *w;
        float one = sample_weight(s, n, &w);
        double sum = s->fns->sum(s, n * s->per, (n + 1) * s->per, w);
        (cpu_out(k, 0))[n] = (float)(sum * (double)one / (double)s->per);
    }
}

static void each_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    float *o = cpu_out(k, 0);
    for (int64_t n = lo; n < hi; n++) {
        const float *w;
        float one = sample_weight(s, n, &w);
        s->fns->each(s, o, n * s->per, (n + 1) * s->per, w);
        if (s->weight && !w)
            CPU_SIMD for (int64_t i = n * s->per; i < (n + 1) * s->per; i++) o[i] *= one;
    }
}

/* Blocks of SUM_BLOCK terms, cut where a sample with its own weight ends. */
static void block_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    double *sums = (double *)(void *)k->ws;
    for (int64_t b = lo; b < hi; b++) {
        int64_t from = b * SUM_BLOCK, to = cpu_min64(from + SUM_BLOCK, s->n * s->per);
        sums[b] = 0;
        if (!s->weight || s->weight_per == 1) {
            sums[b] = s->fns->sum(s, from, to, s->weight);
            continue;
        }
        while (from < to) {
            int64_t n = from / s->per, end = cpu_min64(to, (n + 1) * s->per);
            sums[b] += s->fns->sum(s, from, end, NULL) * (double)s->weight[n];
            from = end;
        }
    }
}

static void grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const float *dloss = cpu_in(k, 2);
    for (int64_t n = lo; n < hi; n++) {
        const float *w, *dl = s->reduction == NONE ? dloss : NULL;
        float d = sample_weight(s, n, &w);
        if (s->reduction == PER_SAMPLE)
            d *= dloss[n] / (float)s->per;
        else if (s->reduction != NONE)
            d *= s->reduction == SUM ? dloss[0] : dloss[0] / (float)(s->n * s->per);
        s->fns->grad(s, cpu_out(k, 0), n * s->per, (n + 1) * s->per, d, dl, w);
    }
}

static int64_t cost_of(const struct state *s)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].fns == s->fns)
            return table[i].cost;
    return 8;
}

/* The operands' addresses are known when the plan has been bound. */
static tnb_status bind(const struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = k->state;
    uint32_t at = s->grad ? 3 : 2;
    s->p = cpu_in(k, 0);
    s->t = cpu_in(k, 1);
    s->weight = cpu_in(k, at);
    s->pos = cpu_in(k, at + 1);
    return TNB_OK;
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t cost = cost_of(s), grain = 1 + CPU_GRAIN / (s->per * cost + 1);
    int64_t count = s->n * s->per, blocks = (count + SUM_BLOCK - 1) / SUM_BLOCK;
    if (s->grad || s->reduction == NONE || s->reduction == PER_SAMPLE) {
        cpu_parallel_fine(k->inst->pool, s->n, grain,
                          s->grad                ? grad_range
                          : s->reduction == NONE ? each_range
                                                 : sample_range,
                          k);
        return TNB_OK;
    }
    cpu_parallel_fine(k->inst->pool, blocks, 1 + 4 / cost, block_range, k);
    double sum = 0;
    for (int64_t b = 0; b < blocks; b++)
        sum += ((const double *)(const void *)k->ws)[b];
    *cpu_out(k, 0) = (float)(s->reduction == MEAN ? sum / (double)count : sum);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return cpu_need_f32(q, 31, 1, why);
}

static enum reduction reduction_of(const tnb_node *node)
{
    const char *name = tnb_attr_string(node, "reduction", "samples");
    return strcmp(name, "none") == 0   ? NONE
           : strcmp(name, "sum") == 0  ? SUM
           : strcmp(name, "mean") == 0 ? MEAN
                                       : PER_SAMPLE;
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const tnb_tensor *x = q->in[0];
    size_t length = strlen(q->node->op);
    s->grad = strstr(q->node->op, "_grad") != NULL;
    length -= s->grad ? 5 : 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strlen(table[i].name) == length && strncmp(table[i].name, q->node->op, length) == 0)
            s->fns = table[i].fns;
    uint32_t at = s->grad ? 3 : 2;
    const tnb_tensor *weight = at < q->n_in ? q->in[at] : NULL;
    const tnb_tensor *pos = at + 1 < q->n_in ? q->in[at + 1] : NULL;
    s->n = x->dim[0];
    s->per = shape_product(x, 1, x->rank);
    s->weight_per = weight && shape_product(weight, 0, weight->rank) == s->n * s->per ? 1 : s->per;
    s->n_pos = pos ? pos->dim[0] : 1;
    if (pos && s->fns == &logits_fns)
        s->fns = &pos_fns;
    if (s->fns == &kl_fns && tnb_attr_int(q->node, "log_target", 0))
        s->fns = &kl_log_fns;
    s->value = (float)(s->fns == &huber_fns ? tnb_attr_float(q->node, "delta", 1)
                                            : tnb_attr_float(q->node, "margin", 1));
    s->reduction = reduction_of(q->node);
    if (!s->grad && (s->reduction == SUM || s->reduction == MEAN))
        k->ws_bytes = (uint64_t)(s->n * s->per / SUM_BLOCK + 1) * sizeof(double);
    k->bind = bind;
    k->run = run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_loss)[] = {
    {CPU_LOOPS("mse", supports, prepare)},
    {CPU_LOOPS("mse_grad", supports, prepare)},
    {CPU_LOOPS("mae", supports, prepare)},
    {CPU_LOOPS("mae_grad", supports, prepare)},
    {CPU_LOOPS("huber", supports, prepare)},
    {CPU_LOOPS("huber_grad", supports, prepare)},
    {CPU_LOOPS("hinge", supports, prepare)},
    {CPU_LOOPS("hinge_grad", supports, prepare)},
    {CPU_LOOPS("bce", supports, prepare)},
    {CPU_LOOPS("bce_grad", supports, prepare)},
    {CPU_LOOPS("bce_with_logits", supports, prepare)},
    {CPU_LOOPS("bce_with_logits_grad", supports, prepare)},
    {CPU_LOOPS("kl_div", supports, prepare)},
    {CPU_LOOPS("kl_div_grad", supports, prepare)},
    {.name = NULL},
};
