/* SPDX-License-Identifier: MIT
 *
 * resize (nearest: any element, by its size; linear: f32) and resize_grad (f32), from tables of
 * what each output row and column looks at (resample.h). */
#include "../../resample.h"
#include "ops.h"

struct state {
    struct resample r;
    uint32_t size;
    uint64_t outside;                 /* an element of what lies outside x */
    struct resample_tap *rows, *cols; /* of the output */
    int32_t *begin, *end;             /* output rows that look at each input row */
    struct resample_tap taps[];
};

static bool is_outside(const struct state *s, int64_t row, int64_t col)
{
    return s->rows[row].i0 < 0 || s->cols[col].i0 < 0;
}

static void nearest_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    int64_t h = s->r.in[0], w = s->r.in[1], oh = s->r.out[0], ow = s->r.out[1], size = s->size;
    for (int64_t row = lo; row < hi; row++) {
        const uint8_t *x = k->in[0] + (row / oh * h + s->rows[row % oh].i0) * w * size;
        uint8_t *o = k->out[0] + row * ow * size;
        if (s->r.coordinates == 't')
            for (int64_t j = 0; j < ow; j++)
                memcpy(o + j * size,
                       is_outside(s, row % oh, j) ? (const uint8_t *)&s->outside
                                                  : x + s->cols[j].i0 * size,
                       (size_t)size);
        else if (size == 4)
            for (int64_t j = 0; j < ow; j++)
                memcpy(o + j * 4, x + (int64_t)s->cols[j].i0 * 4, 4);
        else
            for (int64_t j = 0; j < ow; j++)
                memcpy(o + j * size, x + s->cols[j].i0 * size, (size_t)size);
    }
}

static void linear_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    int64_t h = s->r.in[0], w = s->r.in[1], oh = s->r.out[0], ow = s->r.out[1];
    for (int64_t row = lo; row < hi; row++) {
        struct resample_tap r = s->rows[row % oh];
        const float *plane = cpu_in(k, 0) + row / oh * h * w;
        const float *a = plane + r.i0 * w, *b = plane + r.i1 * w;
        float *o = cpu_out(k, 0) + row * ow;
        for (int64_t j = 0; j < ow; j++) {
            struct resample_tap c = s->cols[j];
            if (is_outside(s, row % oh, j)) {
                o[j] = (float)s->r.outside;
                continue;
            }
            float top = (1 - c.w) * a[c.i0] + c.w * a[c.i1];
            float low = (1 - c.w) * b[c.i0] + c.w * b[c.i1];
            o[j] = (1 - r.w) * top + r.w * low;
        }
    }
}

/* Rows [lo, hi) of dx, over all planes. */
static void grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    int64_t h = s->r.in[0], w = s->r.in[1], oh = s->r.out[0], ow = s->r.out[1];
    for (int64_t row = lo; row < hi; row++) {
        float *dx = cpu_out(k, 0) + row * w;
        const float *dy = cpu_in(k, 0) + row / h * oh * ow;
        int64_t i = row % h;
        memset(dx, 0, (size_t)w * sizeof *dx);
        for (int64_t o = s->begin[i]; o < s->end[i]; o++) {
            struct resample_tap r = s->rows[o];
            float weight = (r.i0 == i ? 1 - r.w : 0) + (r.i1 == i ? r.w : 0);
            for (int64_t j = 0; j < ow; j++) {
                struct resample_tap c = s->cols[j];
                if (c.i0 < 0)
                    continue;
                float d = weight * dy[o * ow + j];
                dx[c.i0] += (1 - c.w) * d;
                if (c.i1 != c.i0)
                    dx[c.i1] += c.w * d;
                else
                    dx[c.i0] += c.w * d;
            }
        }
    }
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t ow = s->r.out[1];
    if (ow)
        cpu_parallel_fine(k->inst->pool, s->r.planes * s->r.out[0], 1 + CPU_GRAIN / (4 * ow),
                          s->r.linear ? linear_range : nearest_range, k);
    return TNB_OK;
}

static tnb_status grad_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    if (s->r.in[1] && s->r.out[1])
        cpu_parallel_fine(k->inst->pool, s->r.planes * s->r.in[0],
                          1 + CPU_GRAIN / (4 * s->r.out[1]), grad_range, k);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    bool linear = strcmp(moves_string(q->node, "mode", "nearest"), "linear") == 0;
    if (strcmp(q->node->op, "resize_grad") != 0 && !linear)
        return true;
    return cpu_need_f32(q, 1, 1, why);
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    bool grad = strcmp(q->node->op, "resize_grad") == 0;
    const tnb_tensor *x = grad ? q->out[0] : q->in[0], *y = grad ? q->in[0] : q->out[0];
    struct resample r = resample_of(q->node, x, y);
    uint64_t n_taps = (uint64_t)(r.out[0] + r.out[1]), n_rows = (uint64_t)r.in[0];
    struct state *s = cpu_state(
        k, sizeof *s + n_taps * sizeof(struct resample_tap) + n_rows * 2 * sizeof(int32_t), err);
    if (!s)
        return TNB_E_OOM;
    s->r = r;
    s->size = (uint32_t)tnb_dtype_size(x->dtype);
    s->outside = moves_bits(x->dtype, r.outside);
    s->rows = s->taps;
    s->cols = s->rows + r.out[0];
    s->begin = (int32_t *)(void *)(s->cols + r.out[1]);
    s->end = s->begin + n_rows;
    for (int64_t o = 0; o < r.out[0]; o++)
        s->rows[o] = resample_tap_of(&r, 0, o);
    for (int64_t o = 0; o < r.out[1]; o++)
        s->cols[o] = resample_tap_of(&r, 1, o);
    resample_readers(s->rows, r.out[0], r.in[0], s->begin, s->end);
    k->run = grad ? grad_run : run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_resize)[] = {
    {CPU_LOOPS("resize", supports, prepare), .flags = CPU_TAKES_HALF},
    {CPU_LOOPS("resize_grad", supports, prepare)},
    {.name = NULL},
};
