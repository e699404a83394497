/* SPDX-License-Identifier: MIT
 *
 * Values from a formula: one_hot and range. */
#include "elements.h"

/* --- one_hot: y [outer, depth, inner] --- */

struct hot_state {
    bool wide;
    uint32_t size;
    int64_t depth, inner, n;
    uint8_t on[8], off[8];
};

static void hot_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct hot_state *s = k->state;
    for (int64_t i = lo; i < hi; i++) {
        int64_t place = i / s->inner % s->depth;
        int64_t id =
            cpu_index_at(k->in[0], s->wide, i / s->inner / s->depth * s->inner + i % s->inner);
        id = id < 0 ? id + s->depth : id;
        cpu_put(k->out[0] + i * (int64_t)s->size, id == place ? s->on : s->off, s->size);
    }
}

static tnb_status hot_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct hot_state *s = k->state;
    cpu_parallel_fine(k->inst->pool, s->n, CPU_GRAIN / 8, hot_range, k);
    return TNB_OK;
}

static bool hot_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return cpu_is_index(q->in[0]) ||
           cpu_refuse(why, "indices are %s; i32 or i64", cpu_dtype_name(q->in[0]->dtype));
}

static tnb_status hot_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct hot_state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const tnb_tensor *y = q->out[0];
    struct shape_split at = shape_split_of(q->node, y, -1);
    uint64_t on = moves_bits(y->dtype, tnb_attr_float(q->node, "on_value", 1));
    uint64_t off = moves_bits(y->dtype, tnb_attr_float(q->node, "off_value", 0));
    memcpy(s->on, &on, sizeof s->on);
    memcpy(s->off, &off, sizeof s->off);
    s->wide = q->in[0]->dtype == TNB_I64;
    s->size = (uint32_t)tnb_dtype_size(y->dtype);
    s->depth = at.n;
    s->inner = at.inner;
    s->n = tnb_count(y);
    k->run = hot_run;
    return TNB_OK;
}

/* --- range --- */

struct range_state {
    uint32_t dtype, size;
    int64_t n;
    double start, step;
};

static void range_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct range_state *s = k->state;
    for (int64_t i = lo; i < hi; i++) {
        /* Rounded on its own: joined with the sum into one operation, a number that should come
         * out whole may come out just below, and is truncated. */
        volatile double way = (double)i * s->step;
        uint64_t bits = moves_bits(s->dtype, s->start + way);
        cpu_put(k->out[0] + i * (int64_t)s->size, (const uint8_t *)&bits, s->size);
    }
}

static tnb_status range_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct range_state *s = k->state;
    cpu_parallel_fine(k->inst->pool, s->n, CPU_GRAIN / 8, range_range, k);
    return TNB_OK;
}

static tnb_status range_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct range_state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    s->dtype = q->out[0]->dtype;
    s->size = (uint32_t)tnb_dtype_size(s->dtype);
    s->n = tnb_count(q->out[0]);
    s->start = tnb_attr_float(q->node, "start", 0);
    s->step = tnb_attr_float(q->node, "step", 1);
    k->run = range_run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_constant)[] = {
    {CPU_LOOPS("one_hot", hot_supports, hot_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("range", cpu_any_supports, range_prepare), .flags = CPU_TAKES_HALF},
    {.name = NULL},
};
