/* SPDX-License-Identifier: MIT
 *
 * dropout: x keep / (1 - rate), keep drawn by Philox4x32-10 (Salmon et al., SC11) from the node's
 * key, the sample's global index and the element's place in the sample, so that a mask is the same
 * on every backend:
 *   key = mix(rng ^ path_hash), block = element / 4, lane = element % 4,
 *   draw = philox(key, {block lo, block hi, sample lo, sample hi})[lane], keep = unit(draw) >= rate
 * unit takes the upper 24 bits. Its gradient is itself. */
#include "ops.h"

enum { BLOCKS = 16 }; /* Philox blocks drawn side by side */

struct state {
    int64_t n, per; /* samples; elements of each */
    uint64_t path_hash;
    float rate, scale;
};

/* The finaliser of SplitMix64 (Steele et al., 2014). */
static uint64_t mix64(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* Draws of blocks [block, block + BLOCKS), element by element. */
static void draw(uint32_t out[BLOCKS * 4], uint64_t key, uint64_t block, uint64_t sample)
{
    uint32_t c0[BLOCKS], c1[BLOCKS], c2[BLOCKS], c3[BLOCKS];
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int i = 0; i < BLOCKS; i++) {
        c0[i] = (uint32_t)(block + (uint64_t)i);
        c1[i] = (uint32_t)((block + (uint64_t)i) >> 32);
        c2[i] = (uint32_t)sample;
        c3[i] = (uint32_t)(sample >> 32);
    }
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < BLOCKS; i++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0[i], p1 = (uint64_t)0xCD9E8D57u * c2[i];
            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            c1[i] = (uint32_t)p1;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c3[i] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < BLOCKS; i++) {
        out[i * 4] = c0[i];
        out[i * 4 + 1] = c1[i];
        out[i * 4 + 2] = c2[i];
        out[i * 4 + 3] = c3[i];
    }
}

/* Groups [lo, hi) of BLOCKS * 4 elements; a sample's last may be short. */
static void range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const int64_t *sample = (const int64_t *)(const void *)k->in[1];
    uint64_t rng;
    memcpy(&rng, k->in[2], sizeof rng);
    uint64_t key = mix64(rng ^ s->path_hash);
    int64_t group = BLOCKS * 4, per = (s->per + group - 1) / group;
    for (int64_t g = lo; g < hi; g++) {
        uint32_t bits[BLOCKS * 4];
        int64_t n = g / per, from = g % per * group, len = cpu_min64(group, s->per - from);
        const float *x = (const float *)(const void *)k->in[0] + n * s->per + from;
        float *o = (float *)(void *)k->out[0] + n * s->per + from;
        draw(bits, key, (uint64_t)from / 4, (uint64_t)sample[n]);
        CPU_SIMD for (int64_t i = 0; i < len; i++)
        {
            float unit = (float)(int32_t)(bits[i] >> 8) * 0x1p-24f;
            o[i] = unit >= s->rate ? x[i] * s->scale : 0;
        }
    }
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t group = BLOCKS * 4;
    cpu_parallel_fine(k->inst->pool, s->n * ((s->per + group - 1) / group), CPU_GRAIN / 4 / group,
                      range, k);
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
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct state), &mem, err);
    if (status != TNB_OK)
        return status;
    struct state *s = mem;
    double rate = tnb_attr_float(q->node, "rate", 0);
    s->n = q->in[0]->dim[0];
    s->per = cpu_dims(q->in[0], 1, q->in[0]->rank);
    s->path_hash = (uint64_t)tnb_attr_int(q->node, "path_hash", 0);
    s->rate = (float)rate;
    s->scale = (float)(1 / (1 - rate));
    k->run = run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_dropout)[] = {
    {.name = "dropout", .loops = {"loops", CPU_PROVIDER_LOOPS, supports, prepare}},
    {.name = NULL},
};
