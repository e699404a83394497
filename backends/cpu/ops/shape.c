/* SPDX-License-Identifier: MIT
 *
 * Operators that move elements without looking at them: expand, transpose, fill, dim_size, and the
 * aliases (reshape, identity, stop_gradient), which copy only when asked to run after all. */
#include "bcast.h"
#include "half.h"

/* --- expand: x broadcast to the output's shape --- */

struct expand_state {
    struct cpu_bcast bcast;
    uint32_t size;
};

#define FILL_ROW(T)                                           \
    do {                                                      \
        T *to = (T *)(void *)o;                               \
        const T v = *(const T *)(const void *)x;              \
        CPU_SIMD for (int64_t i = 0; i < len; i++) to[i] = v; \
    } while (0)

static void expand_row(const void *arg, int64_t out_at, const int64_t *at, int64_t len)
{
    const struct cpu_kernel *k = arg;
    const struct expand_state *s = k->state;
    uint8_t *o = k->out[0] + out_at * s->size;
    const uint8_t *x = k->in[0] + at[0] * s->size;
    if (s->bcast.stride[0][s->bcast.rank - 1] == 1)
        memcpy(o, x, (size_t)len * s->size);
    else if (s->size == 4)
        FILL_ROW(uint32_t);
    else if (s->size == 8)
        FILL_ROW(uint64_t);
    else if (s->size == 2)
        FILL_ROW(uint16_t);
    else
        memset(o, *x, (size_t)len);
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
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct expand_state), &mem, err);
    if (status != TNB_OK)
        return status;
    struct expand_state *s = mem;
    cpu_bcast_init(&s->bcast, q->out[0], q->in, 1);
    s->size = (uint32_t)tnb_dtype_size(q->out[0]->dtype);
    k->run = expand_run;
    return TNB_OK;
}

static bool any_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return true;
}

/* --- transpose --- */

/* Axes that stay neighbours are merged. The last output axis is read with stride[rank - 1]. */
struct transpose_state {
    uint32_t rank, size;
    int64_t count;
    int64_t dim[TNB_MAX_RANK], stride[TNB_MAX_RANK]; /* of the output; where it is read in x */
    bool plane; /* the two last axes swap: dim[rank - 2] is contiguous in x */
};

/* o[i] = x[i * stride] */
#define GATHER(T)                                   \
    do {                                            \
        T *to = (T *)(void *)o;                     \
        const T *from = (const T *)(const void *)x; \
        for (int64_t i = 0; i < n; i++)             \
            to[i] = from[i * stride];               \
    } while (0)

static void gather(uint8_t *o, const uint8_t *x, int64_t n, int64_t stride, uint32_t size)
{
    if (stride == 1)
        memcpy(o, x, (size_t)n * size);
    else if (size == 4)
        GATHER(uint32_t);
    else if (size == 8)
        GATHER(uint64_t);
    else if (size == 2)
        GATHER(uint16_t);
    else
        GATHER(uint8_t);
}

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
    if (size == 4)
        PLANE(uint32_t);
    else if (size == 8)
        PLANE(uint64_t);
    else if (size == 2)
        PLANE(uint16_t);
    else
        PLANE(uint8_t);
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
            gather(o, x, cols, s->stride[s->rank - 1], s->size);
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
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct transpose_state), &mem, err);
    if (status != TNB_OK)
        return status;
    struct transpose_state *s = mem;
    int64_t step[TNB_MAX_RANK], n = 1;
    for (uint32_t d = x->rank; d-- > 0;) {
        step[d] = n;
        n *= x->dim[d];
    }
    s->count = n;
    s->size = (uint32_t)tnb_dtype_size(x->dtype);
    for (uint32_t d = 0; d < x->rank; d++) {
        int64_t axis = tnb_attr_count(q->node, "perm") ? tnb_attr_at(q->node, "perm", d, d)
                                                       : (int64_t)(x->rank - 1 - d);
        axis = axis < 0 ? axis + (int64_t)x->rank : axis;
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
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct copy_state), &mem, err);
    if (status != TNB_OK)
        return status;
    ((struct copy_state *)mem)->n_bytes = cpu_bytes(q->out[0]);
    k->run = copy_run;
    return TNB_OK;
}

/* --- fill and dim_size: a constant of `size` bytes, n times --- */

struct fill_state {
    int64_t n;
    uint32_t size;
    union {
        float f32;
        double f64;
        int32_t i32;
        int64_t i64;
        uint16_t u16;
        uint8_t u8;
        uint8_t bytes[8];
    } v;
};

static void fill_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct fill_state *s = k->state;
    uint8_t *o = k->out[0] + lo * s->size;
    const uint8_t *x = s->v.bytes;
    int64_t len = hi - lo;
    if (s->size == 4)
        FILL_ROW(uint32_t);
    else if (s->size == 8)
        FILL_ROW(uint64_t);
    else if (s->size == 2)
        FILL_ROW(uint16_t);
    else
        memset(o, *x, (size_t)len);
}

static tnb_status fill_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct fill_state *s = k->state;
    cpu_parallel_fine(k->inst->pool, s->n, CPU_GRAIN, fill_range, k);
    return TNB_OK;
}

/* Float to integer as cast does it: truncated, saturated, NaN gives 0. */
static void set_value(struct fill_state *s, uint32_t dtype, double v)
{
    bool nan = v != v;
    switch (dtype) {
    case TNB_F32:
        s->v.f32 = (float)v;
        break;
    case TNB_F64:
        s->v.f64 = v;
        break;
    case TNB_F16:
        s->v.u16 = cpu_to_f16(cpu_odd_f32(v));
        break;
    case TNB_BF16:
        s->v.u16 = cpu_to_bf16(cpu_odd_f32(v));
        break;
    case TNB_I32:
        s->v.i32 = nan ? 0 : v <= -0x1p31 ? INT32_MIN : v >= 0x1p31 ? INT32_MAX : (int32_t)v;
        break;
    case TNB_I64:
        s->v.i64 = nan ? 0 : v <= -0x1p63 ? INT64_MIN : v >= 0x1p63 ? INT64_MAX : (int64_t)v;
        break;
    case TNB_BOOL:
        s->v.u8 = v != 0;
        break;
    default:
        s->v.u8 = nan || v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)v;
    }
}

static double dims_product(const struct cpu_query *q)
{
    const tnb_tensor *x = q->in[0];
    uint32_t n = tnb_attr_count(q->node, "axes");
    double p = n ? 1.0 : (double)tnb_count(x);
    for (uint32_t i = 0; i < n; i++) {
        int64_t axis = tnb_attr_at(q->node, "axes", i, 0);
        p *= (double)x->dim[axis < 0 ? axis + (int64_t)x->rank : axis];
    }
    return p;
}

static tnb_status fill_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct fill_state), &mem, err);
    if (status != TNB_OK)
        return status;
    struct fill_state *s = mem;
    bool dims = strcmp(q->node->op, "dim_size") == 0;
    s->n = tnb_count(q->out[0]);
    s->size = (uint32_t)tnb_dtype_size(q->out[0]->dtype);
    set_value(s, q->out[0]->dtype, dims ? dims_product(q) : tnb_attr_float(q->node, "value", 0));
    k->run = fill_run;
    return TNB_OK;
}

#define LOOPS(prepare_fn)                                     \
    {                                                         \
        "loops", CPU_PROVIDER_LOOPS, any_supports, prepare_fn \
    }

const struct cpu_op CPU_SYM(cpu_shape)[] = {
    {.name = "expand", .flags = CPU_TAKES_HALF, .loops = LOOPS(expand_prepare)},
    {.name = "transpose", .flags = CPU_TAKES_HALF, .loops = LOOPS(transpose_prepare)},
    {.name = "reshape", .flags = CPU_TAKES_HALF, .loops = LOOPS(copy_prepare)},
    {.name = "identity", .flags = CPU_TAKES_HALF, .loops = LOOPS(copy_prepare)},
    {.name = "stop_gradient", .flags = CPU_TAKES_HALF, .loops = LOOPS(copy_prepare)},
    {.name = "fill", .flags = CPU_TAKES_HALF, .loops = LOOPS(fill_prepare)},
    {.name = "dim_size", .flags = CPU_TAKES_HALF, .loops = LOOPS(fill_prepare)},
    {.name = NULL},
};
