/* SPDX-License-Identifier: MIT
 *
 * Operators that move elements without looking at them: expand, transpose, fill, dim_size, and the
 * aliases (reshape, identity, stop_gradient), which copy only when asked to run after all. */
#include "bcast.h"
#include "elements.h"

/* --- expand: x broadcast to the output's shape --- */

struct expand_state {
    struct cpu_bcast bcast;
    uint32_t size;
};

static void expand_row(const void *arg, int64_t out_at, const int64_t *at, int64_t len)
{
    const struct cpu_kernel *k = arg;
    const struct expand_state *s = k->state;
    uint8_t *o = k->out[0] + out_at * s->size;
    const uint8_t *x = k->in[0] + at[0] * s->size;
    if (s->bcast.stride[0][s->bcast.rank - 1] == 1)
        memcpy(o, x, (size_t)len * s->size);
    else
        cpu_fill_row(o, x, len, s->size);
}

static void expand_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct expand_state *s = k->state;
    cpu_bcast_walk(&s->bcast, lo, hi, expand_row, k);
}

static tnb_status expand_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct expand_state *s = k->state;
    cpu_parallel_fine(k->inst->pool, s->bcast.count, CPU_GRAIN, expand_range, k);
    return TNB_OK;
}

static tnb_status expand_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct expand_state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    cpu_bcast_init(&s->bcast, q->out[0], q->in, 1);
    s->size = (uint32_t)tnb_dtype_size(q->out[0]->dtype);
    k->run = expand_run;
    return TNB_OK;
}

/* --- transpose --- */

/* Axes that stay neighbours are merged. The last output axis is read with stride[rank - 1]. */
struct transpose_state {
    uint32_t rank, size;
    int64_t count;
    int64_t dim[TNB_MAX_RANK], stride[TNB_MAX_RANK]; /* of the output; where it is read in x */
    bool plane; /* the two last axes swap: dim[rank - 2] is contiguous in x */
};

/* rows x cols of o, read from x[r + c * stride], in tiles that stay in the first cache. */
#define PLANE(T)                                                            \
    do {                                                                    \
        T *to = (T *)(void *)o;                                             \
        const T *from = (const T *)(const void *)x;                         \
        for (int64_t c0 = 0; c0 < cols; c0 += 16)                           \
            for (int64_t r0 = 0; r0 < rows; r0 += 16)                       \
                for (int64_t r = r0; r < cpu_min64(rows, r0 + 16); r++)     \
                    for (int64_t c = c0; c < cpu_min64(cols, c0 + 16); c++) \
                        to[r * cols + c] = from[r + c * stride];            \
    } while (0)

static void plane(uint8_t *o, const uint8_t *x, int64_t rows, int64_t cols, int64_t stride,
                  uint32_t size)
{
    CPU_BY_SIZE(size, PLANE);
}

/* [lo, hi) counts planes or rows of the output. */
static void transpose_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct transpose_state *s = k->state;
    uint32_t inner = s->plane ? 2 : 1, outer = s->rank - inner;
    int64_t cols = s->dim[s->rank - 1], rows = s->plane ? s->dim[s->rank - 2] : 1;
    for (int64_t i = lo; i < hi; i++) {
        int64_t rest = i, at = 0;
        for (uint32_t d = outer; d-- > 0;) {
            at += rest % s->dim[d] * s->stride[d];
            rest /= s->dim[d];
        }
        uint8_t *o = k->out[0] + i * rows * cols * s->size;
        const uint8_t *x = k->in[0] + at * s->size;
        if (s->plane)
            plane(o, x, rows, cols, s->stride[s->rank - 1], s->size);
        else
            cpu_copy_row(o, 1, x, s->stride[s->rank - 1], cols, s->size);
    }
}

static tnb_status transpose_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct transpose_state *s = k->state;
    if (s->count == 0)
        return TNB_OK;
    int64_t per = s->dim[s->rank - 1] * (s->plane ? s->dim[s->rank - 2] : 1);
    cpu_parallel_fine(k->inst->pool, s->count / per, 1 + CPU_GRAIN / per, transpose_range, k);
    return TNB_OK;
}

static tnb_status transpose_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    const tnb_tensor *x = q->in[0];
    struct transpose_state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    int64_t step[TNB_MAX_RANK];
    shape_strides(x, step);
    s->count = tnb_count(x);
    s->size = (uint32_t)tnb_dtype_size(x->dtype);
    for (uint32_t d = 0; d < x->rank; d++) {
        uint32_t axis = tnb_attr_count(q->node, "perm")
                            ? shape_axis(tnb_attr_at(q->node, "perm", d, d), x->rank)
                            : x->rank - 1 - d;
        if (x->dim[axis] == 1)
            continue;
        if (s->rank && s->stride[s->rank - 1] == step[axis] * x->dim[axis]) {
            s->dim[s->rank - 1] *= x->dim[axis];
            s->stride[s->rank - 1] = step[axis];
        } else {
            s->dim[s->rank] = x->dim[axis];
            s->stride[s->rank++] = step[axis];
        }
    }
    if (s->rank == 0) {
        s->dim[s->rank] = 1;
        s->stride[s->rank++] = 1;
    }
    s->plane = s->rank >= 2 && s->stride[s->rank - 1] != 1 && s->stride[s->rank - 2] == 1;
    k->run = transpose_run;
    return TNB_OK;
}

/* --- aliases: their output is usually their input's memory --- */

struct copy_state {
    uint64_t n_bytes;
};

static tnb_status copy_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct copy_state *s = k->state;
    if (k->out[0] != k->in[0] && s->n_bytes)
        memmove(k->out[0], k->in[0], s->n_bytes);
    return TNB_OK;
}

static tnb_status copy_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct copy_state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    s->n_bytes = cpu_bytes(q->out[0]);
    k->run = copy_run;
    return TNB_OK;
}

/* --- fill and dim_size: a constant of `size` bytes, n times --- */

struct fill_state {
    int64_t n;
    uint32_t size;
    uint8_t value[8];
};

static void fill_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct fill_state *s = k->state;
    cpu_fill_row(k->out[0] + lo * s->size, s->value, hi - lo, s->size);
}

static tnb_status fill_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct fill_state *s = k->state;
    cpu_parallel_fine(k->inst->pool, s->n, CPU_GRAIN, fill_range, k);
    return TNB_OK;
}

static double dims_product(const struct cpu_query *q)
{
    const tnb_tensor *x = q->in[0];
    uint32_t n = tnb_attr_count(q->node, "axes");
    double p = n ? 1.0 : (double)tnb_count(x);
    for (uint32_t i = 0; i < n; i++)
        p *= (double)x->dim[shape_axis(tnb_attr_at(q->node, "axes", i, 0), x->rank)];
    return p;
}

static tnb_status fill_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct fill_state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    bool dims = strcmp(q->node->op, "dim_size") == 0;
    s->n = tnb_count(q->out[0]);
    s->size = (uint32_t)tnb_dtype_size(q->out[0]->dtype);
    uint64_t bits =
        moves_bits(q->out[0]->dtype, dims ? dims_product(q) : tnb_attr_float(q->node, "value", 0));
    memcpy(s->value, &bits, sizeof s->value);
    k->run = fill_run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_shape)[] = {
    {CPU_LOOPS("expand", cpu_any_supports, expand_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("transpose", cpu_any_supports, transpose_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("reshape", cpu_any_supports, copy_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("identity", cpu_any_supports, copy_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("stop_gradient", cpu_any_supports, copy_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("fill", cpu_any_supports, fill_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("dim_size", cpu_any_supports, fill_prepare), .flags = CPU_TAKES_HALF},
    {.name = NULL},
};
