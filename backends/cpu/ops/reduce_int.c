/* SPDX-License-Identifier: MIT
 *
 * sum mean prod max min of i32 and i64, max and min of u8 and bool. They are worked out in 64 bits
 * and wrap; the result keeps the low bits that its type has. */
#include "../../moves.h"
#include "reduce.h"

enum kind { SUM, MEAN, PROD, MAX, MIN };

struct state {
    enum kind kind;
    uint32_t dtype;
    struct cpu_reduction r;
    int64_t start; /* of a fold */
};

CPU_INLINE int64_t fold(enum kind kind, int64_t acc, int64_t x)
{
    switch (kind) {
    case PROD:
        return (int64_t)((uint64_t)acc * (uint64_t)x);
    case MAX:
        return x > acc ? x : acc;
    case MIN:
        return x < acc ? x : acc;
    default:
        return (int64_t)((uint64_t)acc + (uint64_t)x);
    }
}

/* One output: `rows` runs of n elements, `step` apart. */
#define FOLD_ALL(name, T)                                                      \
    static int64_t name(const struct state *s, const void *data, int64_t at)   \
    {                                                                          \
        const T *x = (const T *)data + at;                                     \
        int64_t acc = s->start;                                                \
        int64_t n = s->r.inner_kept ? 1 : s->r.inner;                          \
        for (int64_t r = 0; r < s->r.reduced.count; r++) {                     \
            const T *row = x + cpu_group_at(&s->r.reduced, r);                 \
            for (int64_t i = 0; i < n; i++)                                    \
                acc = fold(s->kind, acc, (int64_t)row[i]);                     \
        }                                                                      \
        return s->kind == MEAN && s->r.n_reduced ? acc / s->r.n_reduced : acc; \
    }
FOLD_ALL(fold_i32, int32_t)
FOLD_ALL(fold_i64, int64_t)
FOLD_ALL(fold_u8, uint8_t)

static void range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const void *x = k->in[0];
    void *y = k->out[0];
    int64_t side = s->r.inner_kept ? s->r.inner : 1;
    for (int64_t o = lo; o < hi; o++) {
        int64_t at = cpu_group_at(&s->r.kept, o / side) + o % side;
        if (s->dtype == TNB_I64)
            ((int64_t *)y)[o] = fold_i64(s, x, at);
        else if (s->dtype == TNB_I32)
            ((uint32_t *)y)[o] = (uint32_t)fold_i32(s, x, at);
        else
            ((uint8_t *)y)[o] = (uint8_t)fold_u8(s, x, at);
    }
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    cpu_parallel(k->inst->pool, s->r.n_out, 1 + CPU_GRAIN / (s->r.n_reduced + 1), range, k);
    return TNB_OK;
}

/* reduce.c hands over what is no float. */
tnb_status CPU_SYM(cpu_reduce_integers)(const struct cpu_query *q, struct cpu_kernel *k,
                                        tnb_error *err);
tnb_status CPU_SYM(cpu_reduce_integers)(const struct cpu_query *q, struct cpu_kernel *k,
                                        tnb_error *err)
{
    static const char *const names[] = {"sum", "mean", "prod", "max", "min"};
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    for (int i = SUM; i <= MIN; i++)
        if (strcmp(q->node->op, names[i]) == 0)
            s->kind = (enum kind)i;
    s->dtype = q->in[0]->dtype;
    s->start = s->kind == MAX || s->kind == MIN ? moves_extreme(s->dtype, s->kind == MIN)
                                                : s->kind == PROD;
    cpu_reduction_init(&s->r, q->in[0], q->node);
    k->run = run;
    return TNB_OK;
}
