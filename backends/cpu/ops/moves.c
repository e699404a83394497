/* SPDX-License-Identifier: MIT
 *
 * Operators that move elements by their size: concat, split, tile, flip, diagonal, diagonal_grad,
 * space_to_depth and depth_to_space as boxes (moves.h), pad, trilu; and the sums that take tile and
 * pad back (f32). */
#include "elements.h"

/* --- boxes --- */

struct boxes {
    uint32_t n, size;
    bool clear; /* what no box writes is zero */
    uint64_t n_bytes;
    struct moves_box box[];
};

static tnb_status boxes_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct boxes *s = k->state;
    if (s->clear && s->n_bytes)
        memset(k->out[0], 0, s->n_bytes);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct moves_box *b = &s->box[i];
        if (k->out[b->out] && k->out[b->out] != k->in[b->in])
            cpu_box_move(k, b, k->out[b->out], k->in[b->in], s->size);
    }
    return TNB_OK;
}

static tnb_status boxes_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    uint32_t n = moves_count(q->node);
    struct boxes *s = cpu_state(k, sizeof *s + n * sizeof s->box[0], err);
    if (!s)
        return TNB_E_OOM;
    s->n = n;
    s->size = (uint32_t)tnb_dtype_size(q->in[0]->dtype);
    s->clear = strcmp(q->node->op, "diagonal_grad") == 0;
    s->n_bytes = s->clear ? cpu_bytes(q->out[0]) : 0;
    for (uint32_t i = 0; i < n; i++)
        moves_box_of(&s->box[i], q->node, q->in, q->out, i);
    k->run = boxes_run;
    return TNB_OK;
}

/* --- pad --- */

struct pad_state {
    int mode;
    uint32_t rank, size;
    int64_t rows, cols, x_dim[TNB_MAX_RANK], y_dim[TNB_MAX_RANK];
    struct moves_border border[TNB_MAX_RANK];
    uint8_t value[8];
};

/* Index in x of index i of y, or -1: the constant. */
static int64_t pad_source(const struct moves_border *p, int mode, int64_t i)
{
    int64_t k = i - p->lead;
    if (k >= 0 && k < p->n)
        return p->skip + k;
    if (mode == MOVES_CONSTANT)
        return -1;
    if (mode == MOVES_EDGE)
        return p->skip + (k < 0 ? 0 : p->n - 1);
    int64_t period = mode == MOVES_WRAP ? p->n : p->n > 1 ? 2 * (p->n - 1) : 1;
    k = (k % period + period) % period;
    return p->skip + (k < p->n ? k : period - k);
}

static void pad_row(const struct pad_state *s, uint8_t *o, const uint8_t *x)
{
    const struct moves_border *p = &s->border[s->rank - 1];
    int64_t size = s->size, end = cpu_min64(s->cols, p->lead + p->n);
    for (int64_t i = 0; i < s->cols; i++) {
        if (x && i == p->lead && end > i) {
            memcpy(o + i * size, x + p->skip * size, (size_t)((end - i) * size));
            i = end - 1;
            continue;
        }
        int64_t from = x ? pad_source(p, s->mode, i) : -1;
        cpu_put(o + i * size, from < 0 ? s->value : x + from * size, s->size);
    }
}

static void pad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct pad_state *s = k->state;
    for (int64_t row = lo; row < hi; row++) {
        int64_t rest = row, at = 0, unit = s->x_dim[s->rank - 1];
        for (uint32_t d = s->rank - 1; d-- > 0 && at >= 0;) {
            int64_t from = pad_source(&s->border[d], s->mode, rest % s->y_dim[d]);
            at = from < 0 ? -1 : at + from * unit;
            unit *= s->x_dim[d];
            rest /= s->y_dim[d];
        }
        pad_row(s, k->out[0] + row * s->cols * s->size,
                at < 0 ? NULL : k->in[0] + at * (int64_t)s->size);
    }
}

static tnb_status pad_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct pad_state *s = k->state;
    if (s->rows && s->cols)
        cpu_parallel_fine(k->inst->pool, s->rows, 1 + CPU_GRAIN / s->cols, pad_range, k);
    return TNB_OK;
}

static tnb_status pad_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct pad_state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const tnb_tensor *x = q->in[0], *y = q->out[0];
    uint64_t bits = moves_bits(y->dtype, tnb_attr_float(q->node, "value", 0));
    memcpy(s->value, &bits, sizeof s->value);
    s->mode = moves_pad_mode(q->node);
    s->size = (uint32_t)tnb_dtype_size(y->dtype);
    s->rank = x->rank ? x->rank : 1;
    s->x_dim[0] = s->y_dim[0] = s->border[0].n = 1; /* a scalar is a row of one */
    if (x->rank)
        moves_borders(q->node, x, s->border);
    for (uint32_t d = 0; d < x->rank; d++) {
        s->x_dim[d] = x->dim[d];
        s->y_dim[d] = y->dim[d];
    }
    s->cols = s->y_dim[s->rank - 1];
    s->rows = s->cols ? tnb_count(y) / s->cols : 0;
    k->run = pad_run;
    return TNB_OK;
}

/* --- pad_grad: sums along one axis --- */

struct pad_grad_state {
    int mode;
    int64_t outer, n, m, inner; /* dx [outer, n, inner], dy [outer, m, inner] */
    struct moves_border border;
};

static void pad_grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct pad_grad_state *s = k->state;
    float *dx = cpu_out(k, 0);
    const float *dy = cpu_in(k, 0);
    memset(dx + lo * s->n * s->inner, 0, (size_t)((hi - lo) * s->n * s->inner) * sizeof *dx);
    for (int64_t o = lo; o < hi; o++)
        for (int64_t i = 0; i < s->m; i++) {
            int64_t to = pad_source(&s->border, s->mode, i);
            if (to < 0)
                continue;
            float *d = dx + (o * s->n + to) * s->inner;
            const float *g = dy + (o * s->m + i) * s->inner;
            CPU_SIMD for (int64_t j = 0; j < s->inner; j++) d[j] += g[j];
        }
}

static tnb_status pad_grad_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct pad_grad_state *s = k->state;
    if (s->n && s->inner)
        cpu_parallel_fine(k->inst->pool, s->outer, 1 + CPU_GRAIN / (s->m * s->inner + 1),
                          pad_grad_range, k);
    return TNB_OK;
}

static tnb_status pad_grad_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct pad_grad_state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    struct shape_split dy = shape_split_of(q->node, q->in[0], 0);
    s->mode = moves_pad_mode(q->node);
    s->outer = dy.outer;
    s->m = dy.n;
    s->inner = dy.inner;
    s->n = shape_split_of(q->node, q->out[0], 0).n;
    s->border = moves_border_of(s->n, tnb_attr_int(q->node, "before", 0),
                                tnb_attr_int(q->node, "after", 0));
    k->run = pad_grad_run;
    return TNB_OK;
}

/* --- tile_grad: dx = the sum over the copies --- */

struct tile_grad_state {
    uint32_t rank;
    int64_t n, copies, dim[TNB_MAX_RANK], step[TNB_MAX_RANK]; /* of dx, and in dy */
    int64_t repeats[TNB_MAX_RANK];
};

static void tile_grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct tile_grad_state *s = k->state;
    float *dx = cpu_out(k, 0);
    const float *dy = cpu_in(k, 0);
    for (int64_t i = lo; i < hi; i++) {
        int64_t rest = i, at = 0;
        double sum = 0;
        for (uint32_t d = s->rank; d-- > 0;) {
            at += rest % s->dim[d] * s->step[d];
            rest /= s->dim[d];
        }
        for (int64_t c = 0; c < s->copies; c++) {
            int64_t left = c, shift = 0;
            for (uint32_t d = s->rank; d-- > 0;) {
                shift += left % s->repeats[d] * s->dim[d] * s->step[d];
                left /= s->repeats[d];
            }
            sum += (double)dy[at + shift];
        }
        dx[i] = (float)sum;
    }
}

static tnb_status tile_grad_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct tile_grad_state *s = k->state;
    cpu_parallel_fine(k->inst->pool, s->n, 1 + CPU_GRAIN / (4 * s->copies), tile_grad_range, k);
    return TNB_OK;
}

static tnb_status tile_grad_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct tile_grad_state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const tnb_tensor *dx = q->out[0];
    s->rank = dx->rank;
    s->n = tnb_count(dx);
    s->copies = 1;
    shape_strides(q->in[0], s->step);
    for (uint32_t d = 0; d < dx->rank; d++) {
        s->dim[d] = dx->dim[d];
        s->repeats[d] = tnb_attr_at(q->node, "repeats", d, 1);
        s->copies *= s->repeats[d];
    }
    k->run = tile_grad_run;
    return TNB_OK;
}

static bool f32_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return cpu_need_f32(q, 1, 1, why);
}

/* --- trilu --- */

struct trilu_state {
    bool upper;
    uint32_t size;
    int64_t k, rows, cols, n; /* n rows in all */
};

static void trilu_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *kernel = arg;
    const struct trilu_state *s = kernel->state;
    int64_t size = s->size;
    for (int64_t r = lo; r < hi; r++) {
        int64_t row = r % s->rows, edge = s->upper ? s->k : s->k + 1; /* column - row */
        edge = cpu_min64(cpu_max64(edge + row, 0), s->cols);
        uint8_t *o = kernel->out[0] + r * s->cols * size;
        const uint8_t *x = kernel->in[0] + r * s->cols * size;
        int64_t from = s->upper ? edge : 0, to = s->upper ? s->cols : edge;
        memset(o, 0, (size_t)(from * size));
        memmove(o + from * size, x + from * size, (size_t)((to - from) * size));
        memset(o + to * size, 0, (size_t)((s->cols - to) * size));
    }
}

static tnb_status trilu_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct trilu_state *s = k->state;
    if (s->cols)
        cpu_parallel_fine(k->inst->pool, s->n, 1 + CPU_GRAIN / s->cols, trilu_range, k);
    return TNB_OK;
}

static tnb_status trilu_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct trilu_state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const tnb_tensor *x = q->in[0];
    s->upper = tnb_attr_int(q->node, "upper", 1) != 0;
    s->size = (uint32_t)tnb_dtype_size(x->dtype);
    s->rows = x->dim[x->rank - 2];
    s->cols = x->dim[x->rank - 1];
    s->n = shape_product(x, 0, x->rank - 1);
    /* Beyond the matrix is all or nothing, however far. */
    s->k = tnb_attr_int(q->node, "k", 0);
    s->k = cpu_min64(cpu_max64(s->k, -s->rows - 1), s->cols + 1);
    k->run = trilu_run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_moves)[] = {
    {CPU_LOOPS("concat", cpu_any_supports, boxes_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("split", cpu_any_supports, boxes_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("tile", cpu_any_supports, boxes_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("flip", cpu_any_supports, boxes_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("diagonal", cpu_any_supports, boxes_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("diagonal_grad", cpu_any_supports, boxes_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("space_to_depth", cpu_any_supports, boxes_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("depth_to_space", cpu_any_supports, boxes_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("squeeze", cpu_any_supports, boxes_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("unsqueeze", cpu_any_supports, boxes_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("pad", cpu_any_supports, pad_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("trilu", cpu_any_supports, trilu_prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("pad_grad", f32_supports, pad_grad_prepare)},
    {CPU_LOOPS("tile_grad", f32_supports, tile_grad_prepare)},
    {.name = NULL},
};
