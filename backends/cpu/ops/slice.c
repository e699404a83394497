/* SPDX-License-Identifier: MIT
 *
 * slice (NumPy's start:end:step), slice_grad (zeros with dy written into the slice), dynamic_slice
 * and dynamic_update_slice (the start is a device value, clamped so that the slice fits). All are a
 * walk over a small box of elements inside a larger tensor. */
#include "elements.h"

struct state {
    struct moves_box box; /* from the large tensor to the small one, or back */
    uint32_t rank, size;
    int64_t room[TNB_MAX_RANK], step[TNB_MAX_RANK]; /* large less small; strides of the large */
    uint64_t big_bytes;
    bool wide_start; /* i64 */
};

/* Loops over the small side, which is dense; in the large one an index of axis d is step[d] on. */
static void init_box(struct state *s, const tnb_tensor *big, const tnb_tensor *small,
                     const int64_t *step, bool into_big)
{
    int64_t dense[TNB_MAX_RANK];
    shape_strides(small, dense);
    for (uint32_t d = 0; d < big->rank; d++) {
        moves_loop(&s->box, small->dim[d], into_big ? dense[d] : step[d],
                   into_big ? step[d] : dense[d]);
        s->room[d] = big->dim[d] - small->dim[d];
    }
    moves_merge(&s->box);
    s->rank = big->rank;
    s->size = (uint32_t)tnb_dtype_size(big->dtype);
    s->big_bytes = cpu_bytes(big);
}

/* Applies starts, axes, steps; ends are known from the small side's shape. */
static void init_slice(struct state *s, const tnb_node *node, const tnb_tensor *big,
                       const tnb_tensor *small, bool into_big)
{
    uint32_t n = tnb_attr_count(node, "starts");
    int64_t unit[TNB_MAX_RANK], base = 0;
    shape_strides(big, unit);
    memcpy(s->step, unit, sizeof unit);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t axis = shape_axis(tnb_attr_at(node, "axes", i, i), big->rank);
        int64_t start = tnb_attr_at(node, "starts", i, 0), step = tnb_attr_at(node, "steps", i, 1);
        int64_t size = big->dim[axis];
        if (start < 0)
            start = start < -size ? -1 : start + size;
        if (step > 0)
            start = cpu_min64(cpu_max64(start, 0), size);
        else
            start = cpu_min64(start, size - 1);
        base += start * unit[axis];
        /* A step past the end may be any number: there is nothing to step to. */
        s->step[axis] = small->dim[axis] > 1 ? step * unit[axis] : 0;
    }
    init_box(s, big, small, s->step, into_big);
    *(into_big ? &s->box.out_at : &s->box.in_at) = base;
}

static tnb_status slice_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    cpu_box_move(k, &s->box, k->out[0], k->in[0], s->size);
    return TNB_OK;
}

static tnb_status slice_grad_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    if (s->big_bytes)
        memset(k->out[0], 0, s->big_bytes);
    cpu_box_move(k, &s->box, k->out[0], k->in[0], s->size);
    return TNB_OK;
}

/* Bytes from the large tensor's begin to the window's. */
static int64_t window_at(const struct state *s, const uint8_t *start)
{
    int64_t at = 0;
    for (uint32_t d = 0; d < s->rank; d++)
        at +=
            cpu_max64(0, cpu_min64(cpu_index_at(start, s->wide_start, d), s->room[d])) * s->step[d];
    return at * (int64_t)s->size;
}

static tnb_status dynamic_slice_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    cpu_box_move(k, &s->box, k->out[0], k->in[0] + window_at(s, k->in[1]), s->size);
    return TNB_OK;
}

static tnb_status update_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    if (k->out[0] != k->in[0] && s->big_bytes)
        memcpy(k->out[0], k->in[0], s->big_bytes);
    cpu_box_move(k, &s->box, k->out[0] + window_at(s, k->in[2]), k->in[1], s->size);
    return TNB_OK;
}

static bool dynamic_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    const tnb_tensor *start = q->in[q->n_in - 1];
    if (!cpu_is_index(start))
        return cpu_refuse(why, "start is %s; i32 or i64", cpu_dtype_name(start->dtype));
    if (q->in[0]->rank == 0)
        return cpu_refuse(why, "a scalar has nothing to slice");
    return true;
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const char *op = q->node->op;
    if (strcmp(op, "slice") == 0) {
        init_slice(s, q->node, q->in[0], q->out[0], false);
        k->run = slice_run;
    } else if (strcmp(op, "slice_grad") == 0) {
        init_slice(s, q->node, q->out[0], q->in[0], true);
        k->run = slice_grad_run;
    } else {
        bool update = strcmp(op, "dynamic_update_slice") == 0;
        s->wide_start = q->in[q->n_in - 1]->dtype == TNB_I64;
        shape_strides(q->in[0], s->step);
        init_box(s, q->in[0], update ? q->in[1] : q->out[0], s->step, update);
        k->run = update ? update_run : dynamic_slice_run;
    }
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_slice)[] = {
    {CPU_LOOPS("slice", cpu_any_supports, prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("slice_grad", cpu_any_supports, prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("dynamic_slice", dynamic_supports, prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("dynamic_update_slice", dynamic_supports, prepare), .flags = CPU_TAKES_HALF,
     .n_pairs = 1, .pair = {{0, 0}}},
    {.name = NULL},
};
