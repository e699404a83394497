/* SPDX-License-Identifier: MIT
 *
 * uniform, normal, bernoulli: an element is a function of the node's key, its sample and its place
 * (philox.h), rounded once, so that every backend draws the same bits. permutation sorts the places
 * by the upper 31 bits of their draws. */
#include <math.h>

#include "philox.h"
#include "tenon/normal_table.h"

enum kind { UNIFORM, NORMAL, BERNOULLI };

struct state {
    enum kind kind;
    int64_t n, per; /* samples; elements of each */
    uint64_t path_hash;
    float a, b, limit; /* low and range, or mean and std; a: chance; limit: high */
    bool sampled, has_p;
    uint32_t dtype;
};

static const int32_t normal_table[TNB_NORMAL_N] = {TNB_NORMAL_TABLE};

CPU_INLINE uint32_t upper(uint32_t a, uint32_t b)
{
    return (uint32_t)((uint64_t)a * b >> 32);
}

/* As tenon/normal_table.h says. */
static float standard_normal(uint32_t draw)
{
    uint32_t m = draw >> 1, z, e = 5;
    if (m < 32) {
        z = (uint32_t)normal_table[3 * m];
    } else {
        for (uint32_t half = 16, rest = m >> 6; half; half >>= 1) /* the highest bit, by halves */
            if (rest >> (half - 1)) {
                e += half;
                rest >>= half;
            }
        const int32_t *c = normal_table + 3 * ((e - 4) * 32 + (m >> (e - 5)) % 32);
        uint32_t u = (~m << 1) << (36 - e);
        z = (uint32_t)c[0] + upper(u, (uint32_t)c[1] + upper(u, (uint32_t)c[2]));
    }
    float size = (float)(int32_t)z * 0x1p-28f;
    return draw & 1 ? -size : size;
}

static void store_bit(void *y, uint32_t dtype, int64_t at, bool bit)
{
    switch (dtype) {
    case TNB_I64:
        ((int64_t *)y)[at] = bit;
        break;
    case TNB_I32:
        ((int32_t *)y)[at] = bit;
        break;
    case TNB_F64:
        ((double *)y)[at] = bit;
        break;
    case TNB_F32:
        ((float *)y)[at] = bit;
        break;
    default:
        ((uint8_t *)y)[at] = bit;
    }
}

/* Groups [lo, hi) of elements; a sample's last may be short. */
static void range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const int64_t *sample = s->sampled ? (const int64_t *)(const void *)k->in[1] : NULL;
    const float *p = s->has_p ? cpu_in(k, 2) : NULL;
    float *y = cpu_out(k, 0);
    uint64_t key = cpu_rng_key(k->in[0], s->path_hash);
    int64_t group = CPU_PHILOX_GROUP, per = (s->per + group - 1) / group;
    for (int64_t g = lo; g < hi; g++) {
        uint32_t bits[CPU_PHILOX_GROUP];
        int64_t n = g / per, from = g % per * group, len = cpu_min64(group, s->per - from);
        int64_t at = n * s->per + from;
        cpu_philox(bits, key, (uint64_t)from / 4, sample ? (uint64_t)sample[n] : 0);
        for (int64_t i = 0; i < len; i++, at++) {
            if (s->kind == UNIFORM) {
                float v = fmaf(s->b, cpu_unit(bits[i]), s->a);
                y[at] = v < s->limit ? v : s->a;
            } else if (s->kind == NORMAL) {
                y[at] = fmaf(s->b, standard_normal(bits[i]), s->a);
            } else {
                store_bit(k->out[0], s->dtype, at, cpu_unit(bits[i]) < (p ? p[at] : s->a));
            }
        }
    }
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t group = CPU_PHILOX_GROUP;
    if (s->per)
        cpu_parallel_fine(k->inst->pool, s->n * ((s->per + group - 1) / group),
                          CPU_GRAIN / 8 / group, range, k);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    if (strcmp(q->node->op, "bernoulli") == 0 && q->out[0]->dtype != TNB_F16 &&
        q->out[0]->dtype != TNB_BF16)
        return cpu_need_f32(q, 4, 0, why);
    return cpu_need_f32(q, 4, 1, why);
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const char *op = q->node->op;
    s->kind = op[0] == 'u' ? UNIFORM : op[0] == 'n' ? NORMAL : BERNOULLI;
    s->sampled = q->n_in > 1 && q->in[1];
    s->has_p = q->n_in > 2 && q->in[2];
    s->n = s->sampled ? q->in[1]->dim[0] : 1;
    s->per = s->n ? tnb_count(q->out[0]) / s->n : 0;
    s->path_hash = (uint64_t)tnb_attr_int(q->node, "path_hash", 0);
    s->dtype = q->out[0]->dtype;
    if (s->kind == UNIFORM) {
        s->a = (float)tnb_attr_float(q->node, "low", 0);
        s->limit = (float)tnb_attr_float(q->node, "high", 1);
        s->b = s->limit - s->a;
    } else if (s->kind == NORMAL) {
        s->a = (float)tnb_attr_float(q->node, "mean", 0);
        s->b = (float)tnb_attr_float(q->node, "std", 1);
    } else {
        s->a = (float)tnb_attr_float(q->node, "prob", 0.5);
    }
    k->run = run;
    return TNB_OK;
}

/* --- permutation --- */

enum { DIGITS = 2048 }; /* 11 bits at a time: three passes over 31 */

/* A stable sort by digits from the lowest up: of equal draws the lower place stays first. */
static tnb_status sort_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    uint64_t *from = (uint64_t *)(void *)k->ws, *to = (uint64_t *)(void *)k->out[0];
    uint64_t key = cpu_rng_key(k->in[0], s->path_hash);
    for (int64_t i = 0; i < s->n; i += CPU_PHILOX_GROUP) {
        uint32_t bits[CPU_PHILOX_GROUP];
        cpu_philox(bits, key, (uint64_t)i / 4, 0);
        for (int64_t j = i; j < cpu_min64(s->n, i + CPU_PHILOX_GROUP); j++)
            from[j] = (uint64_t)(bits[j - i] >> 1) << 32 | (uint64_t)j;
    }
    for (int shift = 32; shift < 63; shift += 11) {
        int64_t begin[DIGITS] = {0}, total = 0;
        for (int64_t i = 0; i < s->n; i++)
            begin[from[i] >> shift & (DIGITS - 1)]++;
        for (int d = 0; d < DIGITS; d++) {
            int64_t count = begin[d];
            begin[d] = total;
            total += count;
        }
        for (int64_t i = 0; i < s->n; i++)
            to[begin[from[i] >> shift & (DIGITS - 1)]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    /* Three passes: the last one wrote to the output. */
    for (int64_t i = 0; i < s->n; i++)
        from[i] &= UINT32_MAX;
    return TNB_OK;
}

static tnb_status sort_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    s->n = tnb_count(q->out[0]);
    s->path_hash = (uint64_t)tnb_attr_int(q->node, "path_hash", 0);
    k->ws_bytes = cpu_align_up((uint64_t)s->n * sizeof(uint64_t));
    k->run = sort_run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_random)[] = {
    {CPU_LOOPS("uniform", supports, prepare)},
    {CPU_LOOPS("normal", supports, prepare)},
    {CPU_LOOPS("bernoulli", supports, prepare)},
    {CPU_LOOPS("permutation", cpu_any_supports, sort_prepare)},
    {.name = NULL},
};
