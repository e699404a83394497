/* SPDX-License-Identifier: MIT
 *
 * dropout: x keep / (1 - rate), keep = unit(draw) >= rate, drawn by the sample's global index and
 * the element's place in the sample (philox.h), so that a mask is the same on every backend. Axes
 * that share a mask count as 1 long: then the factors are drawn first, and spread over x after. Its
 * gradient is itself. */
#include "bcast.h"
#include "philox.h"

struct state {
    int64_t n, per; /* samples; draws of each */
    uint64_t path_hash;
    float rate, scale;
    bool shared;
    struct cpu_bcast bcast; /* shared: x and the factors */
};

/* Groups [lo, hi) of draws; a sample's last may be short. Shared: factors go to the workspace. */
static void range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const int64_t *sample = (const int64_t *)(const void *)k->in[1];
    uint64_t key = cpu_rng_key(k->in[2], s->path_hash);
    int64_t group = CPU_PHILOX_GROUP, per = (s->per + group - 1) / group;
    for (int64_t g = lo; g < hi; g++) {
        uint32_t bits[CPU_PHILOX_GROUP];
        int64_t n = g / per, from = g % per * group, len = cpu_min64(group, s->per - from);
        cpu_philox(bits, key, (uint64_t)from / 4, (uint64_t)sample[n]);
        if (s->shared) {
            float *o = (float *)(void *)k->ws + n * s->per + from;
            for (int64_t i = 0; i < len; i++)
                o[i] = cpu_unit(bits[i]) >= s->rate ? s->scale : 0;
            continue;
        }
        const float *x = cpu_in(k, 0) + n * s->per + from;
        float *o = cpu_out(k, 0) + n * s->per + from;
        CPU_SIMD for (int64_t i = 0; i < len; i++)
        {
            o[i] = cpu_unit(bits[i]) >= s->rate ? x[i] * s->scale : 0;
        }
    }
}

static void spread_row(const void *arg, int64_t out_at, const int64_t *at, int64_t len)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const float *x = cpu_in(k, 0) + out_at;
    const float *factor = (const float *)(const void *)k->ws + at[0];
    float *o = cpu_out(k, 0) + out_at;
    int64_t step = s->bcast.stride[0][s->bcast.rank - 1];
    for (int64_t i = 0; i < len; i++)
        o[i] = factor[i * step] == 0 ? 0 : x[i] * factor[i * step];
}

static void spread(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    cpu_bcast_walk(&s->bcast, lo, hi, spread_row, k);
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t group = CPU_PHILOX_GROUP;
    cpu_parallel_fine(k->inst->pool, s->n * ((s->per + group - 1) / group), CPU_GRAIN / 4 / group,
                      range, k);
    if (s->shared)
        cpu_parallel_fine(k->inst->pool, s->bcast.count, CPU_GRAIN, spread, k);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    if (q->in[1]->dtype != TNB_I64 || q->in[2]->dtype != TNB_I64)
        return cpu_refuse(why, "sample is %s and rng %s; both i64", cpu_dtype_name(q->in[1]->dtype),
                          cpu_dtype_name(q->in[2]->dtype));
    return cpu_need_f32(q, 1, 1, why);
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    double rate = tnb_attr_float(q->node, "rate", 0);
    s->n = q->in[0]->dim[0];
    s->per = shape_product(q->in[0], 1, q->in[0]->rank);
    s->path_hash = (uint64_t)tnb_attr_int(q->node, "path_hash", 0);
    s->rate = (float)rate;
    s->scale = (float)(1 / (1 - rate));
    tnb_tensor mask = *q->in[0];
    const tnb_tensor *masks[] = {&mask};
    for (uint32_t i = 0; i < tnb_attr_count(q->node, "shared_axes"); i++) {
        mask.dim[shape_axis(tnb_attr_at(q->node, "shared_axes", i, 1), mask.rank)] = 1;
        s->shared = true;
    }
    if (s->shared) {
        s->per = shape_product(&mask, 1, mask.rank);
        cpu_bcast_init(&s->bcast, q->in[0], masks, 1);
        k->ws_bytes = cpu_align_up((uint64_t)(s->n * s->per) * sizeof(float));
    }
    k->run = run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_dropout)[] = {
    {CPU_LOOPS("dropout", supports, prepare)},
    {.name = NULL},
};
