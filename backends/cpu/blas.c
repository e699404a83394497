/* SPDX-License-Identifier: MIT
 *
 * matmul by CBLAS, one thread of ours per piece of the product and one thread inside. */
#include "cpu.h"

#if defined(CPU_HAVE_BLAS)
#include <cblas.h>

#include "ops/bcast.h"

struct state {
    struct cpu_bcast batch; /* over matrices: strides count matrices of a and b */
    int64_t m, n, k;
    bool ta, tb, by_rows;
    int64_t cut, cuts; /* rows or columns per piece, pieces per matrix */
};

static void product(const struct cpu_kernel *k, int64_t piece)
{
    const struct state *s = k->state;
    int64_t matrix = piece / s->cuts, from = piece % s->cuts * s->cut, rest = matrix, at[2] = {0};
    for (uint32_t d = s->batch.rank; d-- > 0; rest /= s->batch.dim[d])
        for (int i = 0; i < 2; i++)
            at[i] += rest % s->batch.dim[d] * s->batch.stride[i][d];
    const float *a = (const float *)(const void *)k->in[0] + at[0] * s->m * s->k;
    const float *b = (const float *)(const void *)k->in[1] + at[1] * s->k * s->n;
    float *c = (float *)(void *)k->out[0] + matrix * s->m * s->n;
    int64_t m = s->m, n = s->n;
    if (s->by_rows) {
        m = cpu_min64(s->cut, s->m - from);
        a += from * (s->ta ? 1 : s->k);
        c += from * s->n;
    } else {
        n = cpu_min64(s->cut, s->n - from);
        b += from * (s->tb ? s->k : 1);
        c += from;
    }
    cblas_sgemm(CblasRowMajor, s->ta ? CblasTrans : CblasNoTrans, s->tb ? CblasTrans : CblasNoTrans,
                (int)m, (int)n, (int)s->k, 1, a, (int)(s->ta ? s->m : s->k), b,
                (int)(s->tb ? s->k : s->n), 0, c, (int)s->n);
}

static void range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    for (int64_t i = lo; i < hi; i++)
        product(arg, i);
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t work = (s->by_rows ? s->n : s->m) * s->cut * s->k;
    cpu_parallel(k->inst->pool, s->batch.count * s->cuts, 1 + CPU_GRAIN * 8 / (work + 1), range, k);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    const tnb_tensor *a = q->in[0], *b = q->in[1], *c = q->out[0];
    if (a->dtype != TNB_F32 || b->dtype != TNB_F32)
        return cpu_refuse(why, "CBLAS: %s where f32 is needed", cpu_dtype_name(a->dtype));
    if (a->rank < 2 || b->rank < 2 || (q->n_in > 2 && q->in[2]) ||
        tnb_attr_float(q->node, "alpha", 1) != 1)
        return cpu_refuse(why, "CBLAS: a vector, or a product with alpha or c");
    if (tnb_count(a) == 0 || tnb_count(b) == 0)
        return cpu_refuse(why, "CBLAS: an empty matrix");
    for (uint32_t i = 1; i <= 2; i++)
        if (a->dim[a->rank - i] > INT32_MAX || c->dim[c->rank - i] > INT32_MAX)
            return cpu_refuse(why, "CBLAS: a side of more than 2^31 - 1");
    /* Our own products keep up with OpenBLAS where they have wide vectors and multiply-add. */
    if (q->inst->provider == CPU_PROVIDER_AUTO && strcmp(q->inst->isa, "baseline") != 0)
        return cpu_refuse(why, "own loops are as fast as CBLAS with %s", q->inst->isa);
    return true;
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const tnb_tensor *a = q->in[0], *c = q->out[0];
    tnb_tensor t[3] = {*a, *q->in[1], *c};
    const tnb_tensor *in[2] = {&t[0], &t[1]};
    for (int i = 0; i < 3; i++)
        t[i].rank -= 2;
    cpu_bcast_init(&s->batch, &t[2], in, 2);
    s->ta = tnb_attr_int(q->node, "trans_a", 0) != 0;
    s->tb = tnb_attr_int(q->node, "trans_b", 0) != 0;
    s->m = c->dim[c->rank - 2];
    s->n = c->dim[c->rank - 1];
    s->k = a->dim[a->rank - (s->ta ? 2 : 1)];
    s->by_rows = s->m >= s->n;
    int64_t side = s->by_rows ? s->m : s->n;
    int64_t pieces = s->batch.count >= 4 * (int64_t)k->inst->n_threads ? 1 : k->inst->n_threads;
    s->cut = ((side + pieces - 1) / pieces + 15) / 16 * 16;
    s->cuts = (side + s->cut - 1) / s->cut;
    k->run = run;
    return TNB_OK;
}

const struct cpu_impl *cpu_blas_find(const char *op)
{
    static const struct cpu_impl matmul = {"blas", CPU_PROVIDER_BLAS, supports, prepare};
    return strcmp(op, "matmul") == 0 ? &matmul : NULL;
}

#else

const struct cpu_impl *cpu_blas_find(const char *op)
{
    return NULL;
}

#endif
