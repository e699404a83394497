/* SPDX-License-Identifier: MIT
 *
 * matmul: a [..., M, K] times b [..., K, N], batch dims broadcast, either operand may be
 * transposed or a vector; then y = alpha y + beta c where that is asked for. */
#include "bcast.h"
#include "gemm.h"

struct state {
    struct cpu_bcast batch; /* over matrices: strides count matrices of a and b */
    int64_t m, n, k;
    int64_t a_row, a_col, b_row, b_col;
    uint32_t dtype;
    bool by_rows;      /* threads share the rows of one matrix, else its columns */
    int64_t cut, cuts; /* rows or columns per piece; pieces per matrix */
    double alpha, beta;
    bool scaled, add_c;
    struct cpu_bcast epilogue; /* c over y */
};

static void epilogue_row(const void *arg, int64_t out_at, const int64_t *at, int64_t len)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    int64_t step = s->add_c ? s->epilogue.stride[0][s->epilogue.rank - 1] : 0;
    if (s->dtype == TNB_I32) { /* there is a c, and no factors */
        uint32_t *y = (uint32_t *)(void *)k->out[0] + out_at;
        const uint32_t *c = (const uint32_t *)(const void *)k->in[2] + at[0];
        for (int64_t i = 0; i < len; i++)
            y[i] += c[i * step];
        return;
    }
    if (s->dtype == TNB_I64) {
        uint64_t *y = (uint64_t *)(void *)k->out[0] + out_at;
        const uint64_t *c = (const uint64_t *)(const void *)k->in[2] + at[0];
        for (int64_t i = 0; i < len; i++)
            y[i] += c[i * step];
        return;
    }
    if (s->dtype == TNB_F64) {
        double *y = (double *)(void *)k->out[0] + out_at;
        const double *c = s->add_c ? (const double *)(const void *)k->in[2] + at[0] : NULL;
        for (int64_t i = 0; i < len; i++)
            y[i] = s->alpha * y[i] + (c ? s->beta * c[i * step] : 0);
        return;
    }
    float *y = cpu_out(k, 0) + out_at, alpha = (float)s->alpha, beta = (float)s->beta;
    const float *c = s->add_c ? cpu_in(k, 2) + at[0] : NULL;
    if (c)
        for (int64_t i = 0; i < len; i++)
            y[i] = alpha * y[i] + beta * c[i * step];
    else
        for (int64_t i = 0; i < len; i++)
            y[i] *= alpha;
}

static void epilogue(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    cpu_bcast_walk(&s->epilogue, lo, hi, epilogue_row, k);
}

static void run_epilogue(const struct cpu_kernel *k)
{
    const struct state *s = k->state;
    if (s->scaled)
        cpu_parallel_fine(k->inst->pool, s->epilogue.count, CPU_GRAIN, epilogue, k);
}

static void batch_at(const struct state *s, int64_t matrix, int64_t at[2])
{
    at[0] = at[1] = 0;
    for (uint32_t d = s->batch.rank; d-- > 0;) {
        int64_t i = matrix % s->batch.dim[d];
        matrix /= s->batch.dim[d];
        at[0] += i * s->batch.stride[0][d];
        at[1] += i * s->batch.stride[1][d];
    }
}

/* Pieces [lo, hi) of all matrices. */
static void range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    uint8_t *scratch = k->ws + chunk * CPU_SYM(cpu_gemm_scratch)();
    while (lo < hi) {
        int64_t matrix = lo / s->cuts, at[2], first = lo % s->cuts;
        int64_t last = cpu_min64(s->cuts, first + hi - lo);
        batch_at(s, matrix, at);
        struct cpu_gemm g = {.m = s->m,
                             .n = s->n,
                             .k = s->k,
                             .a = cpu_in(k, 0) + at[0] * s->m * s->k,
                             .b = cpu_in(k, 1) + at[1] * s->k * s->n,
                             .c = cpu_out(k, 0) + matrix * s->m * s->n,
                             .a_row = s->a_row,
                             .a_col = s->a_col,
                             .b_row = s->b_row,
                             .b_col = s->b_col,
                             .c_row = s->n};
        int64_t from = first * s->cut, to = last * s->cut;
        if (s->by_rows) {
            g.m = cpu_min64(s->m, to) - from;
            g.a += from * s->a_row;
            g.c += from * s->n;
        } else {
            g.n = cpu_min64(s->n, to) - from;
            g.b += from * s->b_col;
            g.c += from;
        }
        CPU_SYM(cpu_gemm)(&g, scratch);
        lo += last - first;
    }
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t per = s->by_rows ? s->cut * s->n : s->cut * s->m;
    cpu_parallel(k->inst->pool, s->batch.count * s->cuts,
                 1 + CPU_GRAIN * 8 / (per * (s->k + 1) + 1), range, k);
    run_epilogue(k);
    return TNB_OK;
}

/* f64 and integers, which wrap as unsigned: rows of c as sums of rows of b. */
#define RANGE_PLAIN(name, T)                                                                   \
    static void name(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)                  \
    {                                                                                          \
        const struct cpu_kernel *k = arg;                                                      \
        const struct state *s = k->state;                                                      \
        for (int64_t r = lo; r < hi; r++) {                                                    \
            int64_t at[2];                                                                     \
            batch_at(s, r / s->m, at);                                                         \
            const T *a =                                                                       \
                (const T *)(const void *)k->in[0] + at[0] * s->m * s->k + r % s->m * s->a_row; \
            const T *b = (const T *)(const void *)k->in[1] + at[1] * s->k * s->n;              \
            T *c = (T *)(void *)k->out[0] + r * s->n;                                          \
            for (int64_t j = 0; j < s->n; j++)                                                 \
                c[j] = 0;                                                                      \
            for (int64_t p = 0; p < s->k; p++)                                                 \
                for (int64_t j = 0; j < s->n; j++)                                             \
                    c[j] += a[p * s->a_col] * b[p * s->b_row + j * s->b_col];                  \
        }                                                                                      \
    }
RANGE_PLAIN(range_f64, double)
RANGE_PLAIN(range_u32, uint32_t)
RANGE_PLAIN(range_u64, uint64_t)

static tnb_status run_plain(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    cpu_parallel(k->inst->pool, s->batch.count * s->m, 1 + CPU_GRAIN / (s->n * s->k + 1),
                 s->dtype == TNB_F64   ? range_f64
                 : s->dtype == TNB_I64 ? range_u64
                                       : range_u32,
                 k);
    run_epilogue(k);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    uint32_t t = q->in[0]->dtype;
    if (t == TNB_F16 || t == TNB_BF16)
        return cpu_refuse(why, "matmul of %s and %s; f32, f64, i32 or i64", cpu_dtype_name(t),
                          cpu_dtype_name(q->in[1]->dtype));
    return true;
}

static void batches(struct state *s, tnb_tensor t[3])
{
    const tnb_tensor *in[2] = {&t[0], &t[1]};
    for (int i = 0; i < 3; i++)
        t[i].rank -= 2;
    cpu_bcast_init(&s->batch, &t[2], in, 2);
}

/* Threads share whole matrices where there are enough, else the longer side of each. */
static void cut(struct state *s, uint32_t threads)
{
    int64_t mr = CPU_SYM(cpu_gemm_mr)(), nr = CPU_SYM(cpu_gemm_nr)();
    enum { ROWS = 4 }; /* a tile of few rows costs little more per row than a whole one */
    int64_t pieces = s->batch.count >= 4 * (int64_t)threads ? 1 : threads;
    s->by_rows = s->m / mr >= s->n / nr;
    int64_t size = s->by_rows ? s->m : s->n, unit = s->by_rows ? ROWS : nr;
    int64_t tiles = (size + unit - 1) / unit;
    s->cut = cpu_max64(1, (tiles + pieces - 1) / pieces) * unit;
    s->cuts = cpu_max64(1, (size + s->cut - 1) / s->cut);
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    tnb_tensor t[3];
    shape_matrices(q->in[0], q->in[1], q->out[0], t);
    const tnb_tensor *a = &t[0], *c = &t[2];
    bool ta = tnb_attr_int(q->node, "trans_a", 0) != 0,
         tb = tnb_attr_int(q->node, "trans_b", 0) != 0;
    s->m = c->dim[c->rank - 2];
    s->n = c->dim[c->rank - 1];
    s->k = a->dim[a->rank - (ta ? 2 : 1)];
    s->a_row = ta ? 1 : s->k;
    s->a_col = ta ? s->m : 1;
    s->b_row = tb ? 1 : s->n;
    s->b_col = tb ? s->k : 1;
    s->dtype = a->dtype;
    s->alpha = tnb_attr_float(q->node, "alpha", 1);
    s->beta = tnb_attr_float(q->node, "beta", 1);
    s->add_c = q->n_in > 2 && q->in[2];
    s->scaled = s->add_c || s->alpha != 1;
    cpu_bcast_init(&s->epilogue, q->out[0], s->add_c ? &q->in[2] : NULL, s->add_c);
    batches(s, t);
    cut(s, k->inst->n_threads);
    k->ws_bytes = s->dtype != TNB_F32 ? 0 : k->inst->n_threads * CPU_SYM(cpu_gemm_scratch)();
    k->run = s->dtype == TNB_F32 ? run : run_plain;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_matmul)[] = {
    {CPU_LOOPS("matmul", supports, prepare)},
    {.name = NULL},
};
