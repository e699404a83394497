/* SPDX-License-Identifier: MIT
 *
 * Along one axis: argmax, argmin, cumsum, top_k, top_k_grad. x is seen as [outer, n, inner]. */
#include "ops.h"

struct state {
    int64_t outer, n, inner, k;
    uint32_t dtype;
    bool flag, last, reverse; /* flag: smallest, exclusive, or (top_k) largest */
};

/* NULL with the error set: TNB_E_OOM. */
static struct state *state_of(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return NULL;
    struct shape_split at = shape_split_of(q->node, q->in[0], -1);
    s->outer = at.outer;
    s->n = at.n;
    s->inner = at.inner;
    s->dtype = q->in[0]->dtype;
    return s;
}

static bool not_half(const struct cpu_query *q, char why[CPU_WHY])
{
    uint32_t t = q->in[0]->dtype;
    if (t == TNB_F16 || t == TNB_BF16)
        return cpu_refuse(why, "'%.40s' of %s; f32, f64 or integers", q->node->op,
                          cpu_dtype_name(t));
    return true;
}

/* Calls `name` for the element type; arguments follow. */
#define BY_DTYPE(s, name, ...)          \
    do {                                \
        switch ((s)->dtype) {           \
        case TNB_F64:                   \
            name(double, __VA_ARGS__);  \
            break;                      \
        case TNB_I32:                   \
            name(int32_t, __VA_ARGS__); \
            break;                      \
        case TNB_I64:                   \
            name(int64_t, __VA_ARGS__); \
            break;                      \
        case TNB_U8:                    \
        case TNB_BOOL:                  \
            name(uint8_t, __VA_ARGS__); \
            break;                      \
        default:                        \
            name(float, __VA_ARGS__);   \
        }                               \
    } while (0)

/* --- argmax, argmin: i64; a NaN counts as the one sought --- */

#define ARG(T, o)                                                                                  \
    do {                                                                                           \
        const T *x =                                                                               \
            (const T *)(const void *)k->in[0] + (o) / s->inner * s->n * s->inner + (o) % s->inner; \
        T top = x[0];                                                                              \
        for (int64_t c = 1; c < s->n; c++) {                                                       \
            T v = x[c * s->inner];                                                                 \
            bool better = s->flag ? v < top : v > top;                                             \
            if (top != top)                                                                        \
                better = v != v && s->last;                                                        \
            else if (v != v)                                                                       \
                better = true;                                                                     \
            else if (v == top)                                                                     \
                better = s->last;                                                                  \
            if (better) {                                                                          \
                top = v;                                                                           \
                best = c;                                                                          \
            }                                                                                      \
        }                                                                                          \
    } while (0)

static void arg_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    int64_t *out = (int64_t *)(void *)k->out[0];
    for (int64_t o = lo; o < hi; o++) {
        int64_t best = 0;
        BY_DTYPE(s, ARG, o);
        out[o] = best;
    }
}

static tnb_status arg_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    if (s->n)
        cpu_parallel(k->inst->pool, s->outer * s->inner, 1 + CPU_GRAIN / 4 / s->n, arg_range, k);
    return TNB_OK;
}

static tnb_status arg_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = state_of(q, k, err);
    if (!s)
        return TNB_E_OOM;
    s->flag = strcmp(q->node->op, "argmin") == 0;
    s->last = tnb_attr_int(q->node, "select_last_index", 0) != 0;
    k->run = arg_run;
    return TNB_OK;
}

/* --- cumsum: floats add up in double, integers wrap --- */

#define RUNNING(T, SUM, o)                                              \
    do {                                                                \
        int64_t at = (o) / s->inner * s->n * s->inner + (o) % s->inner; \
        int64_t step = s->reverse ? -s->inner : s->inner;               \
        const T *x = (const T *)(const void *)k->in[0];                 \
        T *y = (T *)(void *)k->out[0];                                  \
        SUM total = 0;                                                  \
        at += s->reverse ? (s->n - 1) * s->inner : 0;                   \
        for (int64_t c = 0; c < s->n; c++, at += step) {                \
            SUM next = total + (SUM)x[at];                              \
            y[at] = (T)(s->flag ? total : next);                        \
            total = next;                                               \
        }                                                               \
    } while (0)

static void cumsum_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    for (int64_t o = lo; o < hi; o++) {
        if (s->dtype == TNB_I32)
            RUNNING(uint32_t, uint32_t, o);
        else if (s->dtype == TNB_I64)
            RUNNING(uint64_t, uint64_t, o);
        else if (s->dtype == TNB_F64)
            RUNNING(double, double, o);
        else
            RUNNING(float, double, o);
    }
}

static tnb_status cumsum_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    if (s->n)
        cpu_parallel(k->inst->pool, s->outer * s->inner, 1 + CPU_GRAIN / 2 / s->n, cumsum_range, k);
    return TNB_OK;
}

static tnb_status cumsum_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = state_of(q, k, err);
    if (!s)
        return TNB_E_OOM;
    s->flag = tnb_attr_int(q->node, "exclusive", 0) != 0;
    s->reverse = tnb_attr_int(q->node, "reverse", 0) != 0;
    k->run = cumsum_run;
    return TNB_OK;
}

/* --- top_k: a heap of k in the outputs, its worst on top, then sorted in place --- */

/* Whether a comes before b; of equals the lower index. */
#define BEFORE(largest, a, ia, b, ib)                           \
    (((a) != (a)) != ((b) != (b)) ? (((a) != (a)) == (largest)) \
     : (a) == (b) || (a) != (a)   ? (ia) < (ib)                 \
     : (largest)                  ? (a) > (b)                   \
                                  : (a) < (b))

#define TOP_K(T)                                                                             \
    static void sift_##T(T *v, int64_t *at, int64_t step, int64_t root, int64_t n, bool big) \
    {                                                                                        \
        T value = v[root * step];                                                            \
        int64_t index = at[root * step];                                                     \
        for (int64_t child; (child = 2 * root + 1) < n; root = child) {                      \
            if (child + 1 < n && BEFORE(big, v[child * step], at[child * step],              \
                                        v[(child + 1) * step], at[(child + 1) * step]))      \
                child++;                                                                     \
            if (!BEFORE(big, value, index, v[child * step], at[child * step]))               \
                break;                                                                       \
            v[root * step] = v[child * step];                                                \
            at[root * step] = at[child * step];                                              \
        }                                                                                    \
        v[root * step] = value;                                                              \
        at[root * step] = index;                                                             \
    }                                                                                        \
    static void top_k_##T(const struct state *s, const void *x_data, void *v_data,           \
                          int64_t *at_data, int64_t o)                                       \
    {                                                                                        \
        int64_t row = o / s->inner, lane = o % s->inner, step = s->inner;                    \
        const T *x = (const T *)x_data + row * s->n * step + lane;                           \
        T *v = (T *)v_data + row * s->k * step + lane;                                       \
        int64_t *at = at_data + row * s->k * step + lane;                                    \
        for (int64_t i = 0; i < s->k; i++) {                                                 \
            v[i * step] = x[i * step];                                                       \
            at[i * step] = i;                                                                \
        }                                                                                    \
        for (int64_t i = s->k / 2; i-- > 0;)                                                 \
            sift_##T(v, at, step, i, s->k, s->flag);                                         \
        for (int64_t i = s->k; i < s->n; i++)                                                \
            if (BEFORE(s->flag, x[i * step], i, v[0], at[0])) {                              \
                v[0] = x[i * step];                                                          \
                at[0] = i;                                                                   \
                sift_##T(v, at, step, 0, s->k, s->flag);                                     \
            }                                                                                \
        for (int64_t n = s->k; n-- > 1;) {                                                   \
            T value = v[n * step];                                                           \
            int64_t index = at[n * step];                                                    \
            v[n * step] = v[0];                                                              \
            at[n * step] = at[0];                                                            \
            v[0] = value;                                                                    \
            at[0] = index;                                                                   \
            sift_##T(v, at, step, 0, n, s->flag);                                            \
        }                                                                                    \
    }
TOP_K(float)
TOP_K(double)
TOP_K(int32_t)
TOP_K(int64_t)

static void top_k_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    int64_t *at = (int64_t *)(void *)k->out[1];
    for (int64_t o = lo; o < hi; o++) {
        if (s->dtype == TNB_F64)
            top_k_double(s, k->in[0], k->out[0], at, o);
        else if (s->dtype == TNB_I32)
            top_k_int32_t(s, k->in[0], k->out[0], at, o);
        else if (s->dtype == TNB_I64)
            top_k_int64_t(s, k->in[0], k->out[0], at, o);
        else
            top_k_float(s, k->in[0], k->out[0], at, o);
    }
}

static tnb_status top_k_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    if (s->k)
        cpu_parallel(k->inst->pool, s->outer * s->inner, 1 + CPU_GRAIN / 16 / s->n, top_k_range, k);
    return TNB_OK;
}

static tnb_status top_k_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = state_of(q, k, err);
    if (!s)
        return TNB_E_OOM;
    s->k = tnb_attr_int(q->node, "k", 0);
    s->flag = tnb_attr_int(q->node, "largest", 1) != 0;
    k->run = top_k_run;
    return TNB_OK;
}

/* --- top_k_grad --- */

static void scatter_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    for (int64_t o = lo; o < hi; o++) {
        int64_t row = o / s->inner, lane = o % s->inner;
        const int64_t *at = (const int64_t *)(const void *)k->in[0] + row * s->k * s->inner + lane;
        const float *dv = cpu_in(k, 1) + row * s->k * s->inner + lane;
        float *dx = cpu_out(k, 0) + row * s->n * s->inner + lane;
        for (int64_t i = 0; i < s->n; i++)
            dx[i * s->inner] = 0;
        for (int64_t i = 0; i < s->k; i++) {
            int64_t index = at[i * s->inner];
            if (index >= 0 && index < s->n)
                dx[index * s->inner] += dv[i * s->inner];
        }
    }
}

static tnb_status scatter_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    cpu_parallel(k->inst->pool, s->outer * s->inner, 1 + CPU_GRAIN / (s->n + 1), scatter_range, k);
    return TNB_OK;
}

static bool scatter_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return cpu_need_f32(q, 2, 1, why);
}

static tnb_status scatter_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = state_of(q, k, err);
    if (!s)
        return TNB_E_OOM;
    s->k = s->n;
    s->n = shape_split_of(q->node, q->out[0], -1).n;
    k->run = scatter_run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_search)[] = {
    {CPU_LOOPS("argmax", not_half, arg_prepare)},
    {CPU_LOOPS("argmin", not_half, arg_prepare)},
    {CPU_LOOPS("cumsum", not_half, cumsum_prepare)},
    {CPU_LOOPS("top_k", not_half, top_k_prepare)},
    {CPU_LOOPS("top_k_grad", scatter_supports, scatter_prepare)},
    {.name = NULL},
};
