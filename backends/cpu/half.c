/* SPDX-License-Identifier: MIT
 *
 * f16 and bf16 for every operator: a node that no implementation takes as it is, is prepared as if
 * its 16-bit operands were f32. They are widened into the workspace before the kernel runs, and its
 * 16-bit results narrowed after it, so that everything in between is f32. */
#include "half.h"

#include "threads.h"

#define GRAIN 32768

static bool is_half(const tnb_tensor *t)
{
    return t && (t->dtype == TNB_F16 || t->dtype == TNB_BF16);
}

bool cpu_widen(const struct cpu_query *q, struct cpu_widened *out)
{
    bool any = false;
    out->q = *q;
    for (uint32_t i = 0; i < q->n_in + q->n_out; i++) {
        const tnb_tensor **t = i < q->n_in ? &out->q.in[i] : &out->q.out[i - q->n_in];
        if (!is_half(*t))
            continue;
        out->type[i] = **t;
        out->type[i].dtype = TNB_F32;
        *t = &out->type[i];
        any = true;
    }
    return any;
}

static void add_edge(struct cpu_edge *e, uint32_t at, const tnb_tensor *t, uint64_t *bytes)
{
    *e = (struct cpu_edge){.at = at, .type = t->dtype == TNB_BF16, .n = tnb_count(t)};
    e->offset = *bytes;
    *bytes += cpu_align_up((uint64_t)e->n * sizeof(float) + 1);
}

tnb_status cpu_edges_create(const struct cpu_query *q, struct cpu_edges **out_edges, tnb_error *err)
{
    struct cpu_edges *e = cpu_alloc(q->inst, sizeof *e);
    if (!e)
        return cpu_fail(err, TNB_E_OOM, "cpu: no memory to prepare a kernel");
    for (uint32_t i = 0; i < q->n_in; i++) {
        uint32_t twin = 0; /* x * x widens x once */
        while (twin < e->n_in && q->node->in[e->in[twin].at] != q->node->in[i])
            twin++;
        if (!is_half(q->in[i]))
            continue;
        if (twin < e->n_in)
            e->in[e->n_in] = (struct cpu_edge){.at = i, .offset = e->in[twin].offset};
        else
            add_edge(&e->in[e->n_in], i, q->in[i], &e->bytes);
        e->n_in++;
    }
    for (uint32_t i = 0; i < q->n_out; i++)
        if (is_half(q->out[i]))
            add_edge(&e->out[e->n_out++], i, q->out[i], &e->bytes);
    *out_edges = e;
    return TNB_OK;
}

void cpu_edges_bind(struct cpu_edges *e, struct cpu_kernel *k)
{
    for (uint32_t i = 0; i < e->n_in; i++) {
        e->in[i].half = k->in[e->in[i].at];
        k->in[e->in[i].at] = k->ws + e->in[i].offset;
    }
    for (uint32_t i = 0; i < e->n_out; i++) {
        e->out[i].to = k->out[e->out[i].at];
        k->out[e->out[i].at] = k->ws + e->out[i].offset;
    }
    e->ws = k->ws;
    k->ws += e->bytes;
}

struct job {
    cpu_convert_fn convert;
    uint8_t *o;
    const uint8_t *x;
    uint32_t o_size, x_size;
};

static void convert_range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct job *j = arg;
    j->convert(j->o + lo * j->o_size, j->x + lo * j->x_size, hi - lo);
}

tnb_status cpu_edges_run(const struct cpu_edges *e, const struct cpu_kernel *k, tnb_error *err)
{
    const tnb_instance *inst = k->inst;
    for (uint32_t i = 0; i < e->n_in; i++) {
        const struct cpu_edge *in = &e->in[i];
        struct job j = {inst->half->widen[in->type], e->ws + in->offset, in->half, 4, 2};
        cpu_parallel_fine(inst->pool, in->n, GRAIN, convert_range, &j);
    }
    tnb_status s = k->run(k, err);
    for (uint32_t i = 0; s == TNB_OK && i < e->n_out; i++) {
        const struct cpu_edge *out = &e->out[i];
        struct job j = {inst->half->narrow[out->type], out->to, e->ws + out->offset, 2, 4};
        cpu_parallel_fine(inst->pool, out->n, GRAIN, convert_range, &j);
    }
    return s;
}
