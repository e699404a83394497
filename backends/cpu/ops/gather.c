/* SPDX-License-Identifier: MIT
 *
 * Elements by index: gather, take_along_axis, gather_nd (any element, by its size), and the sums
 * that go the other way: gather_grad (f32), scatter_add, scatter_nd (f32, f64, i32, i64, u8).
 *
 * Sums run in order of position. Threads share the output's rows or columns, and each walks all the
 * indices, so that the order does not depend on their number. An index below 0 counts from the end;
 * one outside gives zeros, and takes part in no sum. */
#include "elements.h"

static int64_t resolve(const void *ids, bool wide, int64_t i, int64_t n)
{
    int64_t v = cpu_index_at(ids, wide, i);
    v = v < 0 ? v + n : v;
    return v >= 0 && v < n ? v : -1;
}

static bool index_ok(const struct cpu_query *q, uint32_t input, char why[CPU_WHY])
{
    return cpu_is_index(q->in[input]) ||
           cpu_refuse(why, "indices are %s; i32 or i64", cpu_dtype_name(q->in[input]->dtype));
}

static bool move_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return index_ok(q, 1, why);
}

static bool sums(uint32_t dtype)
{
    return dtype == TNB_F32 || dtype == TNB_F64 || dtype == TNB_I32 || dtype == TNB_I64 ||
           dtype == TNB_U8;
}

static bool sum_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    if (strcmp(moves_string(q->node, "reduction", "add"), "none") != 0 && !sums(q->in[0]->dtype))
        return cpu_refuse(why, "the cpu reduces no %s", cpu_dtype_name(q->in[0]->dtype));
    return index_ok(q, 1, why);
}

/* o [n] joined with u [n]; integers wrap, by the unsigned type W; the larger or smaller one is NaN
 * if either is. */
#define EACH(T, expr)                               \
    do {                                            \
        T *to = (T *)(void *)o;                     \
        const T *from = (const T *)(const void *)u; \
        for (int64_t i = 0; i < n; i++)             \
            to[i] = (T)(expr);                      \
    } while (0)
#define JOIN(T, W)                                                            \
    do {                                                                      \
        if (join == JOIN_ADD)                                                 \
            EACH(T, (W)to[i] + (W)from[i]);                                   \
        else if (join == JOIN_MUL)                                            \
            EACH(T, (W)to[i] * (W)from[i]);                                   \
        else if (join == JOIN_MAX)                                            \
            EACH(T, from[i] > to[i] || from[i] != from[i] ? from[i] : to[i]); \
        else                                                                  \
            EACH(T, from[i] < to[i] || from[i] != from[i] ? from[i] : to[i]); \
    } while (0)

static void join_row(enum moves_join join, uint8_t *o, const uint8_t *u, int64_t n, uint32_t dtype)
{
    if (dtype == TNB_F32)
        JOIN(float, float);
    else if (dtype == TNB_F64)
        JOIN(double, double);
    else if (dtype == TNB_I32)
        JOIN(int32_t, uint32_t);
    else if (dtype == TNB_I64)
        JOIN(int64_t, uint64_t);
    else
        JOIN(uint8_t, uint32_t);
}

/* --- gather: y [outer, n_ids, inner] from x [outer, n, inner] --- */

struct gather_state {
    bool wide;
    int64_t outer, n_ids, n, inner, row_bytes;
};

static void gather_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct gather_state *s = k->state;
    for (int64_t r = lo; r < hi; r++) {
        int64_t v = resolve(k->in[1], s->wide, r % s->n_ids, s->n);
        uint8_t *o = k->out[0] + r * s->row_bytes;
        if (v < 0)
            memset(o, 0, (size_t)s->row_bytes);
        else
            memcpy(o, k->in[0] + (r / s->n_ids * s->n + v) * s->row_bytes, (size_t)s->row_bytes);
    }
}

static tnb_status gather_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct gather_state *s = k->state;
    if (s->row_bytes)
        cpu_parallel_fine(k->inst->pool, s->outer * s->n_ids, 1 + 4 * CPU_GRAIN / s->row_bytes,
                          gather_range, k);
    return TNB_OK;
}

/* Each thread owns columns [lo, hi) of outer x inner and walks all indices. */
static void gather_grad_columns(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct gather_state *s = k->state;
    for (int64_t c = lo; c < hi;) {
        int64_t a = c / s->inner, b = c % s->inner, w = cpu_min64(s->inner - b, hi - c);
        float *dx = cpu_out(k, 0) + a * s->n * s->inner + b;
        const float *dy = cpu_in(k, 1) + a * s->n_ids * s->inner + b;
        for (int64_t v = 0; v < s->n; v++)
            memset(dx + v * s->inner, 0, (size_t)w * sizeof *dx);
        for (int64_t i = 0; i < s->n_ids; i++) {
            int64_t v = resolve(k->in[0], s->wide, i, s->n);
            if (v < 0)
                continue;
            float *to = dx + v * s->inner;
            const float *from = dy + i * s->inner;
            CPU_SIMD for (int64_t j = 0; j < w; j++) to[j] += from[j];
        }
        c += w;
    }
}

/* Each thread owns rows [lo, hi) of n, in every block. */
static void gather_grad_rows(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct gather_state *s = k->state;
    for (int64_t a = 0; a < s->outer; a++) {
        float *dx = cpu_out(k, 0) + a * s->n * s->inner;
        const float *dy = cpu_in(k, 1) + a * s->n_ids * s->inner;
        memset(dx + lo * s->inner, 0, (size_t)((hi - lo) * s->inner) * sizeof *dx);
        for (int64_t i = 0; i < s->n_ids; i++) {
            int64_t v = resolve(k->in[0], s->wide, i, s->n);
            if (v < lo || v >= hi)
                continue;
            for (int64_t j = 0; j < s->inner; j++)
                dx[v * s->inner + j] += dy[i * s->inner + j];
        }
    }
}

static tnb_status gather_grad_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct gather_state *s = k->state;
    int64_t columns = s->outer * s->inner, work = s->n_ids + s->n / 4 + 1;
    if (columns >= 64)
        cpu_parallel_fine(k->inst->pool, columns, cpu_max64(16, CPU_GRAIN / work),
                          gather_grad_columns, k);
    else if (columns)
        cpu_parallel_fine(k->inst->pool, s->n, cpu_max64(1 + s->n / 64, CPU_GRAIN / columns),
                          gather_grad_rows, k);
    return TNB_OK;
}

static bool gather_grad_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return index_ok(q, 0, why) && cpu_need_f32(q, 2, 1, why);
}

static tnb_status gather_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct gather_state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    bool grad = strcmp(q->node->op, "gather_grad") == 0;
    const tnb_tensor *x = grad ? q->out[0] : q->in[0], *ids = q->in[grad ? 0 : 1];
    struct shape_split at = shape_split_of(q->node, x, 0);
    s->wide = ids->dtype == TNB_I64;
    s->outer = at.outer;
    s->n_ids = tnb_count(ids);
    s->n = at.n;
    s->inner = at.inner;
    s->row_bytes = s->inner * (int64_t)tnb_dtype_size(x->dtype);
    k->run = grad ? gather_grad_run : gather_run;
    return TNB_OK;
}

/* --- take_along_axis and scatter_add: indices lie in columns along the axis --- */

struct along_state {
    bool wide;
    uint32_t size, dtype, rank; /* axes but the indexed one, of the indices */
    int64_t columns, n_ids, id_step, n, x_step;
    int64_t dim[TNB_MAX_RANK], id_stride[TNB_MAX_RANK], x_stride[TNB_MAX_RANK];
    uint64_t n_bytes; /* of x */
};

static void column_at(const struct along_state *s, int64_t c, int64_t *out_id, int64_t *out_x)
{
    int64_t id = 0, x = 0;
    for (uint32_t d = s->rank; d-- > 0;) {
        int64_t at = c % s->dim[d];
        id += at * s->id_stride[d];
        x += at * s->x_stride[d];
        c /= s->dim[d];
    }
    *out_id = id;
    *out_x = x;
}

static void take_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    static const uint8_t zero[8];
    const struct cpu_kernel *k = arg;
    const struct along_state *s = k->state;
    int64_t size = s->size;
    for (int64_t c = lo; c < hi; c++) {
        int64_t id, x;
        column_at(s, c, &id, &x);
        for (int64_t i = 0; i < s->n_ids; i++, id += s->id_step) {
            int64_t v = resolve(k->in[1], s->wide, id, s->n);
            cpu_put(k->out[0] + id * size, v < 0 ? zero : k->in[0] + (x + v * s->x_step) * size,
                    s->size);
        }
    }
}

/* Adds to places [from, to) of the axis in columns [lo, hi). */
static void add_columns(const struct cpu_kernel *k, int64_t lo, int64_t hi, int64_t from,
                        int64_t to)
{
    const struct along_state *s = k->state;
    int64_t size = s->size;
    for (int64_t c = lo; c < hi; c++) {
        int64_t id, x;
        column_at(s, c, &id, &x);
        for (int64_t i = 0; i < s->n_ids; i++, id += s->id_step) {
            int64_t v = resolve(k->in[1], s->wide, id, s->n);
            if (v >= from && v < to)
                join_row(JOIN_ADD, k->out[0] + (x + v * s->x_step) * size, k->in[2] + id * size, 1,
                         s->dtype);
        }
    }
}

static void scatter_columns(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    add_columns(k, lo, hi, 0, ((const struct along_state *)k->state)->n);
}

static void scatter_places(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    add_columns(k, 0, ((const struct along_state *)k->state)->columns, lo, hi);
}

static tnb_status take_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct along_state *s = k->state;
    if (s->n_ids)
        cpu_parallel_fine(k->inst->pool, s->columns, 1 + CPU_GRAIN / (4 * s->n_ids), take_range, k);
    return TNB_OK;
}

static tnb_status scatter_add_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct along_state *s = k->state;
    if (k->out[0] != k->in[0] && s->n_bytes)
        memcpy(k->out[0], k->in[0], s->n_bytes);
    if (s->n_ids == 0 || s->columns == 0)
        return TNB_OK;
    if (s->columns >= 64 || s->n < 64)
        cpu_parallel_fine(k->inst->pool, s->columns, 1 + CPU_GRAIN / (4 * s->n_ids),
                          scatter_columns, k);
    else
        cpu_parallel_fine(k->inst->pool, s->n,
                          cpu_max64(1 + s->n / 64, CPU_GRAIN / (s->n_ids * s->columns)),
                          scatter_places, k);
    return TNB_OK;
}

static tnb_status along_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct along_state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const tnb_tensor *x = q->in[0], *ids = q->in[1];
    uint32_t axis = shape_axis(tnb_attr_int(q->node, "axis", 0), x->rank);
    int64_t xs[TNB_MAX_RANK], is[TNB_MAX_RANK];
    shape_strides(x, xs);
    shape_strides(ids, is);
    s->wide = ids->dtype == TNB_I64;
    s->dtype = x->dtype;
    s->size = (uint32_t)tnb_dtype_size(x->dtype);
    s->columns = 1;
    for (uint32_t d = 0; d < x->rank; d++) {
        if (d == axis)
            continue;
        s->dim[s->rank] = ids->dim[d];
        s->id_stride[s->rank] = is[d];
        s->x_stride[s->rank++] = xs[d];
        s->columns *= ids->dim[d];
    }
    s->n_ids = ids->dim[axis];
    s->id_step = is[axis];
    s->n = x->dim[axis];
    s->x_step = xs[axis];
    s->n_bytes = cpu_bytes(x);
    k->run = strcmp(q->node->op, "scatter_add") == 0 ? scatter_add_run : take_run;
    return TNB_OK;
}

/* --- gather_nd and scatter_nd: a tuple of indices names a slice --- */

struct tuple_state {
    bool wide;
    enum moves_join join;
    uint32_t k, dtype;
    int64_t n, per_batch, width, rows; /* tuples; elements of a slice; slices of x */
    int64_t row_bytes, dim[TNB_MAX_RANK];
};

static int64_t slice_of(const struct tuple_state *s, const void *ids, int64_t at)
{
    int64_t row = at / s->per_batch;
    for (uint32_t j = 0; j < s->k; j++) {
        int64_t v = resolve(ids, s->wide, at * s->k + j, s->dim[j]);
        if (v < 0)
            return -1;
        row = row * s->dim[j] + v;
    }
    return row;
}

static void gather_nd_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct tuple_state *s = k->state;
    for (int64_t i = lo; i < hi; i++) {
        int64_t row = slice_of(s, k->in[1], i);
        uint8_t *o = k->out[0] + i * s->row_bytes;
        if (row < 0)
            memset(o, 0, (size_t)s->row_bytes);
        else
            memcpy(o, k->in[0] + row * s->row_bytes, (size_t)s->row_bytes);
    }
}

/* Each thread owns slices [lo, hi) of y. */
static void scatter_nd_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct tuple_state *s = k->state;
    if (k->out[0] != k->in[0])
        memcpy(k->out[0] + lo * s->row_bytes, k->in[0] + lo * s->row_bytes,
               (size_t)((hi - lo) * s->row_bytes));
    for (int64_t i = 0; i < s->n; i++) {
        int64_t row = slice_of(s, k->in[1], i);
        if (row < lo || row >= hi)
            continue;
        uint8_t *o = k->out[0] + row * s->row_bytes;
        const uint8_t *u = k->in[2] + i * s->row_bytes;
        if (s->join == JOIN_NONE)
            memcpy(o, u, (size_t)s->row_bytes);
        else
            join_row(s->join, o, u, s->width, s->dtype);
    }
}

static tnb_status gather_nd_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct tuple_state *s = k->state;
    if (s->row_bytes)
        cpu_parallel_fine(k->inst->pool, s->n, 1 + CPU_GRAIN / (s->row_bytes / 4 + s->k),
                          gather_nd_range, k);
    return TNB_OK;
}

static tnb_status scatter_nd_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct tuple_state *s = k->state;
    int64_t grain = cpu_max64(1 + s->rows / 64, CPU_GRAIN / (s->width + 1));
    if (s->row_bytes)
        cpu_parallel_fine(k->inst->pool, s->rows, grain, scatter_nd_range, k);
    return TNB_OK;
}

static tnb_status tuple_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct tuple_state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const tnb_tensor *x = q->in[0], *ids = q->in[1];
    uint32_t b = (uint32_t)tnb_attr_int(q->node, "batch_dims", 0);
    bool scatter = strcmp(q->node->op, "scatter_nd") == 0;
    s->wide = ids->dtype == TNB_I64;
    s->join = moves_join_of(q->node);
    s->dtype = x->dtype;
    s->k = (uint32_t)ids->dim[ids->rank - 1];
    s->n = shape_product(ids, 0, ids->rank - 1);
    s->per_batch = shape_product(ids, b, ids->rank - 1);
    s->width = shape_product(x, b + s->k, x->rank);
    s->rows = shape_product(x, 0, b + s->k);
    s->row_bytes = s->width * (int64_t)tnb_dtype_size(x->dtype);
    for (uint32_t j = 0; j < s->k; j++)
        s->dim[j] = x->dim[b + j];
    k->run = scatter ? scatter_nd_run : gather_nd_run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_gather)[] = {
    {CPU_LOOPS("gather", move_supports, gather_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("gather_grad", gather_grad_supports, gather_prepare)},
    {CPU_LOOPS("take_along_axis", move_supports, along_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("scatter_add", sum_supports, along_prepare), .flags = CPU_TAKES_HALF, .n_pairs = 1,
     .pair = {{0, 0}}},
    {CPU_LOOPS("gather_nd", move_supports, tuple_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("scatter_nd", sum_supports, tuple_prepare), .flags = CPU_TAKES_HALF, .n_pairs = 1,
     .pair = {{0, 0}}},
    {.name = NULL},
};
