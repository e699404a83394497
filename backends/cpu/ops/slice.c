/* SPDX-License-Identifier: MIT
 *
 * slice (NumPy's start:end:step), slice_grad (zeros with dy written into the slice), dynamic_slice
 * and dynamic_update_slice (the start is a device value, clamped so that the slice fits). All are a
 * walk over a small box of elements inside a larger tensor. */
#include "ops.h"

/* box[rank]: the small side, contiguous. step[rank]: elements of the large side per box index. */
struct state {
    uint32_t rank, size;
    int64_t count, base; /* of the box; first element in the large tensor */
    int64_t box[TNB_MAX_RANK], step[TNB_MAX_RANK], big[TNB_MAX_RANK];
    uint64_t big_bytes;
};

/* Element `row` of the box's rows, as an offset into the large tensor. */
static int64_t row_offset(const struct state *s, int64_t row)
{
    int64_t at = 0;
    for (uint32_t d = s->rank - 1; d-- > 0;) {
        at += row % s->box[d] * s->step[d];
        row /= s->box[d];
    }
    return at;
}

#define STRIDED(T)                                  \
    do {                                            \
        T *to = (T *)(void *)o;                     \
        const T *from = (const T *)(const void *)x; \
        for (int64_t i = 0; i < n; i++)             \
            to[i * so] = from[i * sx];              \
    } while (0)

static void copy_row(uint8_t *o, int64_t so, const uint8_t *x, int64_t sx, int64_t n, uint32_t size)
{
    if (so == 1 && sx == 1)
        memcpy(o, x, (size_t)n * size);
    else if (size == 4)
        STRIDED(uint32_t);
    else if (size == 8)
        STRIDED(uint64_t);
    else if (size == 2)
        STRIDED(uint16_t);
    else
        STRIDED(uint8_t);
}

struct job {
    const struct state *s;
    uint8_t *to;
    const uint8_t *from;
    bool into_big; /* the box is read and the large tensor written */
};

static void range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct job *j = arg;
    const struct state *s = j->s;
    int64_t n = s->box[s->rank - 1], step = s->step[s->rank - 1];
    for (int64_t r = lo; r < hi; r++) {
        int64_t big = row_offset(s, r) * (int64_t)s->size, box = r * n * (int64_t)s->size;
        if (j->into_big)
            copy_row(j->to + big, step, j->from + box, 1, n, s->size);
        else
            copy_row(j->to + box, 1, j->from + big, step, n, s->size);
    }
}

/* `big` already points at the box's first element there. */
static void move_box(const struct cpu_kernel *k, uint8_t *to, const uint8_t *from, bool into_big)
{
    const struct state *s = k->state;
    int64_t n = s->box[s->rank - 1];
    if (s->count == 0)
        return;
    struct job j = {s, to, from, into_big};
    cpu_parallel_fine(k->inst->pool, s->count / n, 1 + CPU_GRAIN / n, range, &j);
}

static void init_box(struct state *s, const tnb_tensor *big, const tnb_tensor *box)
{
    int64_t n = 1;
    /* A scalar is a box of one. */
    s->rank = big->rank ? big->rank : 1;
    s->box[0] = s->step[0] = s->big[0] = 1;
    s->size = (uint32_t)tnb_dtype_size(big->dtype);
    for (uint32_t d = big->rank; d-- > 0;) {
        s->big[d] = big->dim[d];
        s->box[d] = box->dim[d];
        s->step[d] = n;
        n *= big->dim[d];
    }
    s->count = tnb_count(box);
    s->big_bytes = cpu_bytes(big);
}

/* Applies starts, axes, steps; ends are known from the box's shape. */
static void apply_slice(struct state *s, const tnb_node *node, uint32_t rank)
{
    uint32_t n = tnb_attr_count(node, "starts");
    int64_t unit[TNB_MAX_RANK];
    memcpy(unit, s->step, sizeof unit);
    for (uint32_t i = 0; i < n; i++) {
        int64_t axis = tnb_attr_at(node, "axes", i, i), size;
        axis = axis < 0 ? axis + (int64_t)rank : axis;
        int64_t start = tnb_attr_at(node, "starts", i, 0), step = tnb_attr_at(node, "steps", i, 1);
        size = s->big[axis];
        if (start < 0)
            start = start < -size ? -1 : start + size;
        if (step > 0)
            start = cpu_min64(cpu_max64(start, 0), size);
        else
            start = cpu_min64(start, size - 1);
        s->base += start * unit[axis];
        /* A step past the end may be any number: there is nothing to step to. */
        s->step[axis] = s->box[axis] > 1 ? step * unit[axis] : 0;
    }
}

static tnb_status slice_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    move_box(k, k->out[0], k->in[0] + s->base * (int64_t)s->size, false);
    return TNB_OK;
}

static tnb_status slice_grad_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    if (s->big_bytes)
        memset(k->out[0], 0, s->big_bytes);
    if (s->count)
        move_box(k, k->out[0] + s->base * (int64_t)s->size, k->in[0], true);
    return TNB_OK;
}

static int64_t dynamic_base(const struct state *s, const int64_t *start)
{
    int64_t at = 0;
    for (uint32_t d = 0; d < s->rank; d++)
        at += cpu_max64(0, cpu_min64(start[d], s->big[d] - s->box[d])) * s->step[d];
    return at;
}

static tnb_status dynamic_slice_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t base = dynamic_base(s, (const int64_t *)(const void *)k->in[1]);
    move_box(k, k->out[0], k->in[0] + base * (int64_t)s->size, false);
    return TNB_OK;
}

static tnb_status update_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t base = dynamic_base(s, (const int64_t *)(const void *)k->in[2]);
    if (k->out[0] != k->in[0] && s->big_bytes)
        memcpy(k->out[0], k->in[0], s->big_bytes);
    move_box(k, k->out[0] + base * (int64_t)s->size, k->in[1], true);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return true;
}

static bool dynamic_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    const tnb_tensor *start = q->in[q->n_in - 1];
    if (start->dtype != TNB_I64)
        return cpu_refuse(why, "start is %s; i64", cpu_dtype_name(start->dtype));
    if (q->in[0]->rank == 0)
        return cpu_refuse(why, "a scalar has nothing to slice");
    return true;
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct state), &mem, err);
    if (status != TNB_OK)
        return status;
    struct state *s = mem;
    const char *op = q->node->op;
    if (strcmp(op, "slice") == 0) {
        init_box(s, q->in[0], q->out[0]);
        apply_slice(s, q->node, q->in[0]->rank);
        k->run = slice_run;
    } else if (strcmp(op, "slice_grad") == 0) {
        init_box(s, q->out[0], q->in[0]);
        apply_slice(s, q->node, q->out[0]->rank);
        k->run = slice_grad_run;
    } else if (strcmp(op, "dynamic_slice") == 0) {
        init_box(s, q->in[0], q->out[0]);
        k->run = dynamic_slice_run;
    } else {
        init_box(s, q->in[0], q->in[1]);
        k->run = update_run;
    }
    return TNB_OK;
}

#define LOOPS(supports_fn)                                \
    {                                                     \
        "loops", CPU_PROVIDER_LOOPS, supports_fn, prepare \
    }

const struct cpu_op CPU_SYM(cpu_slice)[] = {
    {.name = "slice", .flags = CPU_TAKES_HALF, .loops = LOOPS(supports)},
    {.name = "slice_grad", .flags = CPU_TAKES_HALF, .loops = LOOPS(supports)},
    {.name = "dynamic_slice", .flags = CPU_TAKES_HALF, .loops = LOOPS(dynamic_supports)},
    {.name = "dynamic_update_slice",
     .flags = CPU_TAKES_HALF,
     .loops = LOOPS(dynamic_supports),
     .n_pairs = 1,
     .pair = {{0, 0}}},
    {.name = NULL},
};
