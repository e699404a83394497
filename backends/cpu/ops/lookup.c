/* SPDX-License-Identifier: MIT
 *
 * embedding: rows of table [V, D] by id, zeros for an id out of range; embedding_grad: dy's rows
 * added up by id in the order of position, so that results repeat. */
#include "ops.h"

struct state {
    int64_t n, v, d; /* ids; rows; columns */
    bool wide;       /* ids are i64 */
};

static void range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const float *table = cpu_in(k, 0);
    float *out = cpu_out(k, 0);
    for (int64_t i = lo; i < hi; i++) {
        int64_t id = cpu_index_at(k->in[1], s->wide, i);
        if (id >= 0 && id < s->v)
            memcpy(out + i * s->d, table + id * s->d, (size_t)s->d * sizeof *out);
        else
            memset(out + i * s->d, 0, (size_t)s->d * sizeof *out);
    }
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    if (s->d)
        cpu_parallel_fine(k->inst->pool, s->n, 1 + CPU_GRAIN / s->d, range, k);
    return TNB_OK;
}

/* Each thread owns columns [lo, hi) of the gradient and walks all ids. */
static void grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const float *dy = cpu_in(k, 1);
    float *out = cpu_out(k, 0);
    for (int64_t r = 0; r < s->v; r++)
        memset(out + r * s->d + lo, 0, (size_t)(hi - lo) * sizeof *out);
    for (int64_t i = 0; i < s->n; i++) {
        int64_t id = cpu_index_at(k->in[0], s->wide, i);
        if (id < 0 || id >= s->v)
            continue;
        float *to = out + id * s->d;
        const float *from = dy + i * s->d;
        CPU_SIMD for (int64_t j = lo; j < hi; j++) to[j] += from[j];
    }
}

static tnb_status grad_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t grain = cpu_max64(16, CPU_GRAIN / (s->n + s->v / 4 + 1));
    cpu_parallel_fine(k->inst->pool, s->d, grain, grad_range, k);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    if (!cpu_is_index(q->in[1]))
        return cpu_refuse(why, "ids are %s; i32 or i64", cpu_dtype_name(q->in[1]->dtype));
    return cpu_need_f32(q, 1, 1, why);
}

static bool grad_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    if (!cpu_is_index(q->in[0]))
        return cpu_refuse(why, "ids are %s; i32 or i64", cpu_dtype_name(q->in[0]->dtype));
    return cpu_need_f32(q, 2, 1, why);
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    bool grad = strcmp(q->node->op, "embedding_grad") == 0;
    const tnb_tensor *table = grad ? q->out[0] : q->in[0], *ids = grad ? q->in[0] : q->in[1];
    s->n = tnb_count(ids);
    s->v = table->dim[0];
    s->d = table->dim[1];
    s->wide = ids->dtype == TNB_I64;
    k->run = grad ? grad_run : run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_lookup)[] = {
    {CPU_LOOPS("embedding", supports, prepare)},
    {CPU_LOOPS("embedding_grad", grad_supports, prepare)},
    {.name = NULL},
};
