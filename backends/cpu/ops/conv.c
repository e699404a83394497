/* SPDX-License-Identifier: MIT
 *
 * Convolutions of one to three axes and their gradients. Most are direct (conv_direct.c); the rest
 * are products over unrolled windows (im2col), an image's rows at a time:
 *   y  [O, P]  = w [O, K] col [K, P] + bias          K = C/groups cells, P = output places
 *   col [K, P] = w^T dy, added back into dx
 *   dw [O, K]  = dy [O, P] col^T, summed over images
 * Chellapilla et al., "High Performance Convolutional Neural Networks for Document Processing"
 * (2006). A transposed convolution is the gradient of the input, with a bias. */
#include <math.h>

#include "conv.h"
#include "gemm.h"
#include "tile.h"
#include "window.h"

enum { COL_FLOATS = 128 * 1024 }; /* of unrolled windows at a time: half of a second cache */

struct state {
    struct cpu_conv_geometry g;
    enum cpu_conv_task task;
    bool is_direct, plain; /* plain: a window is one cell, x is its own col */
    int64_t k, in, out;    /* rows of col; cells of a channel of x and of y */
    int64_t lines, rows;   /* output rows of all depths; those unrolled at a time */
    uint64_t gemm_bytes, col_bytes, dw_bytes;
    struct cpu_direct direct;
};

static const float *floats(const uint8_t *p)
{
    return (const float *)(const void *)p;
}

static float *thread_col(const struct cpu_kernel *k, uint32_t chunk, uint8_t **out_gemm)
{
    const struct state *s = k->state;
    uint8_t *p = k->ws + chunk * (s->gemm_bytes + s->col_bytes);
    *out_gemm = p;
    return (float *)(void *)(p + s->gemm_bytes);
}

/* A row of col for one output row: outputs [lo, hi) read x + at + i * step, others are padding. */
struct line {
    int64_t at, lo, hi;
};

/* Row r of col (channel and tap), output row `line` (depth and row). */
static struct line line_of(const struct state *s, int64_t r, int64_t line)
{
    const struct cpu_conv_geometry *g = &s->g;
    int64_t c = r / cpu_volume(g->k),
            tap[3] = {r / (g->k[1] * g->k[2]) % g->k[0], r / g->k[2] % g->k[1], r % g->k[2]};
    int64_t z = line / g->out[1] * g->step[0] + tap[0] * g->dilation[0] - g->pad[0];
    int64_t y = line % g->out[1] * g->step[1] + tap[1] * g->dilation[1] - g->pad[1];
    int64_t shift = tap[2] * g->dilation[2] - g->pad[2];
    struct line l = {((c * g->in[0] + z) * g->in[1] + y) * g->in[2] + shift, 0, 0};
    if (z >= 0 && z < g->in[0] && y >= 0 && y < g->in[1])
        cpu_window_span(g->step[2], shift, g->in[2], g->out[2], &l.lo, &l.hi);
    return l;
}

/* col [K, rows * OW] of output rows [y0, y0 + rows); x [ci, in]. */
static void unroll(const struct state *s, float *col, const float *x, int64_t y0, int64_t rows)
{
    int64_t ow = s->g.out[2], step = s->g.step[2];
    for (int64_t r = 0; r < s->k; r++)
        for (int64_t y = y0; y < y0 + rows; y++, col += ow) {
            struct line l = line_of(s, r, y);
            const float *from = x + l.at;
            for (int64_t i = 0; i < l.lo; i++)
                col[i] = 0;
            if (step == 1)
                for (int64_t i = l.lo; i < l.hi; i++)
                    col[i] = from[i];
            else
                for (int64_t i = l.lo; i < l.hi; i++)
                    col[i] = from[i * step];
            for (int64_t i = l.hi; i < ow; i++)
                col[i] = 0;
        }
}

/* The transpose of unroll: adds col into dx. */
static void roll(const struct state *s, float *dx, const float *col, int64_t y0, int64_t rows)
{
    int64_t ow = s->g.out[2], step = s->g.step[2];
    for (int64_t r = 0; r < s->k; r++)
        for (int64_t y = y0; y < y0 + rows; y++, col += ow) {
            struct line l = line_of(s, r, y);
            float *to = dx + l.at;
            if (step == 1)
                for (int64_t i = l.lo; i < l.hi; i++)
                    to[i] += col[i];
            else
                for (int64_t i = l.lo; i < l.hi; i++)
                    to[i * step] += col[i];
        }
}

/* [lo, hi) counts (image, group). */
static void forward_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const struct cpu_conv_geometry *g = &s->g;
    uint8_t *scratch;
    float *col = thread_col(k, chunk, &scratch), *y = cpu_out(k, 0);
    const float *x = floats(k->in[0]), *w = floats(k->in[1]), *bias = floats(k->in[2]);
    for (int64_t i = lo; i < hi; i++) {
        int64_t group = i % g->groups;
        for (int64_t y0 = 0; y0 < s->lines; y0 += s->rows) {
            int64_t rows = cpu_min64(s->rows, s->lines - y0), n = rows * g->out[2];
            const float *from = x + i * g->ci * s->in;
            if (!s->plain)
                unroll(s, col, from, y0, rows);
            struct cpu_gemm p = {.m = g->co,
                                 .n = n,
                                 .k = s->k,
                                 .a = w + group * g->co * s->k,
                                 .b = s->plain ? from + y0 * g->out[2] : col,
                                 .a_row = s->k,
                                 .a_col = 1,
                                 .b_row = s->plain ? s->in : n,
                                 .b_col = 1,
                                 .c = y + i * g->co * s->out + y0 * g->out[2],
                                 .c_row = s->out,
                                 .bias = bias ? bias + group * g->co : NULL};
            CPU_SYM(cpu_gemm)(&p, scratch);
        }
    }
}

/* dx before anything is added: the bias of a transposed convolution, else zero. */
static void begin_input(const struct state *s, float *dx, const float *bias)
{
    for (int64_t c = 0; c < s->g.ci; c++, dx += s->in)
        for (int64_t i = 0; i < s->in; i++)
            dx[i] = bias ? bias[c] : 0;
}

static void input_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const struct cpu_conv_geometry *g = &s->g;
    uint8_t *scratch;
    float *col = thread_col(k, chunk, &scratch), *dx = cpu_out(k, 0);
    const float *dy = floats(k->in[0]), *w = floats(k->in[1]), *bias = floats(k->in[2]);
    for (int64_t i = lo; i < hi; i++) {
        int64_t group = i % g->groups;
        float *to = dx + i * g->ci * s->in;
        begin_input(s, to, bias ? bias + group * g->ci : NULL);
        for (int64_t y0 = 0; y0 < s->lines; y0 += s->rows) {
            int64_t rows = cpu_min64(s->rows, s->lines - y0), n = rows * g->out[2];
            struct cpu_gemm p = {.m = s->k,
                                 .n = n,
                                 .k = g->co,
                                 .a = w + group * g->co * s->k,
                                 .b = dy + i * g->co * s->out + y0 * g->out[2],
                                 .a_row = 1,
                                 .a_col = s->k,
                                 .b_row = s->out,
                                 .b_col = 1,
                                 .c = s->plain ? to + y0 * g->out[2] : col,
                                 .c_row = s->plain ? s->in : n,
                                 .accumulate = s->plain};
            CPU_SYM(cpu_gemm)(&p, scratch);
            if (!s->plain)
                roll(s, to, col, y0, rows);
        }
    }
}

/* Each thread sums its images into its own dw. */
static void weight_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const struct cpu_conv_geometry *g = &s->g;
    uint8_t *scratch;
    float *col = thread_col(k, chunk, &scratch);
    const float *x = floats(k->in[0]), *dy = floats(k->in[1]);
    float *dw = (float *)(void *)(k->ws + k->inst->n_threads * (s->gemm_bytes + s->col_bytes) +
                                  chunk * s->dw_bytes);
    memset(dw, 0, s->dw_bytes);
    for (int64_t i = lo * g->groups; i < hi * g->groups; i++) {
        int64_t group = i % g->groups;
        for (int64_t y0 = 0; y0 < s->lines; y0 += s->rows) {
            int64_t rows = cpu_min64(s->rows, s->lines - y0), n = rows * g->out[2];
            const float *from = x + i * g->ci * s->in;
            if (!s->plain)
                unroll(s, col, from, y0, rows);
            struct cpu_gemm p = {.m = g->co,
                                 .n = s->k,
                                 .k = n,
                                 .a = dy + i * g->co * s->out + y0 * g->out[2],
                                 .b = s->plain ? from + y0 * g->out[2] : col,
                                 .a_row = s->out,
                                 .a_col = 1,
                                 .b_row = 1,
                                 .b_col = s->plain ? s->in : n,
                                 .c = dw + group * g->co * s->k,
                                 .c_row = s->k,
                                 .accumulate = true};
            CPU_SYM(cpu_gemm)(&p, scratch);
        }
    }
}

static tnb_status forward_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    cpu_parallel(k->inst->pool, s->g.n * s->g.groups, 1, forward_range, k);
    return TNB_OK;
}

static tnb_status input_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    cpu_parallel(k->inst->pool, s->g.n * s->g.groups, 1, input_range, k);
    return TNB_OK;
}

static tnb_status weight_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t n = s->g.groups * s->g.co * s->k;
    float *dw = cpu_out(k, 0);
    const uint8_t *parts = k->ws + k->inst->n_threads * (s->gemm_bytes + s->col_bytes);
    memset(dw, 0, (size_t)n * sizeof *dw);
    cpu_parallel(k->inst->pool, s->g.n, 1, weight_range, k);
    for (uint32_t c = 0; s->g.n > 0 && c < cpu_pieces(k->inst->pool, s->g.n, 1); c++) {
        const float *part = floats(parts + c * s->dw_bytes);
        CPU_SIMD for (int64_t i = 0; i < n; i++) dw[i] += part[i];
    }
    return TNB_OK;
}

static tnb_status direct_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    const struct cpu_direct_args a = {.d = &s->direct,
                                      .x = floats(k->in[0]),
                                      .w = floats(k->in[1]),
                                      .bias = floats(k->in[2]),
                                      .y = cpu_out(k, 0),
                                      .scratch = k->ws};
    if (s->task == CPU_TASK_WEIGHT)
        CPU_SYM(cpu_direct_weight)(k->inst->pool, &a);
    else
        CPU_SYM(cpu_direct_forward)(k->inst->pool, &a);
    return TNB_OK;
}

static void direct_finish(struct cpu_kernel *k)
{
    struct state *s = k->state;
    cpu_free(k->inst, s->direct.offset);
    s->direct.offset = NULL;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return cpu_need_f32(q, 7, 1, why);
}

/* --- preparation --- */

/* x, w, y in the roles that they have in the forward pass of a convolution. */
static void read_geometry(struct cpu_conv_geometry *g, const tnb_node *node, const tnb_tensor *x,
                          const tnb_tensor *w, const tnb_tensor *y)
{
    int axes = (int)x->rank - 2;
    *g = (struct cpu_conv_geometry){.n = x->dim[0], .groups = tnb_attr_int(node, "groups", 1)};
    g->ci = x->dim[1] / g->groups;
    g->co = y->dim[1] / g->groups;
    for (int a = 0; a < 3; a++) {
        int i = a - (3 - axes);
        uint32_t at = i < 0 ? 0 : (uint32_t)i;
        g->in[a] = i < 0 ? 1 : x->dim[2 + i];
        g->out[a] = i < 0 ? 1 : y->dim[2 + i];
        g->k[a] = i < 0 ? 1 : w->dim[2 + i];
        g->step[a] = i < 0 ? 1 : tnb_attr_at(node, "strides", at, 1);
        g->dilation[a] = i < 0 ? 1 : tnb_attr_at(node, "dilations", at, 1);
        g->pad[a] = i < 0 ? 0 : tnb_attr_at(node, "pads", at, 0);
    }
}

static void read_node(struct state *s, const struct cpu_query *q)
{
    const char *op = q->node->op;
    s->task = strstr(op, "_grad_weight")                              ? CPU_TASK_WEIGHT
              : strstr(op, "_grad_input") || strstr(op, "_transpose") ? CPU_TASK_INPUT
                                                                      : CPU_TASK_FORWARD;
    const tnb_tensor *x = s->task == CPU_TASK_INPUT ? q->out[0] : q->in[0];
    const tnb_tensor *y = s->task == CPU_TASK_INPUT    ? q->in[0]
                          : s->task == CPU_TASK_WEIGHT ? q->in[1]
                                                       : q->out[0];
    read_geometry(&s->g, q->node, x, s->task == CPU_TASK_WEIGHT ? q->out[0] : q->in[1], y);
}

static void prepare_product(struct state *s, struct cpu_kernel *k)
{
    const struct cpu_conv_geometry *g = &s->g;
    s->gemm_bytes = CPU_SYM(cpu_gemm_scratch)();
    s->col_bytes = s->plain ? 0 : cpu_align_up((uint64_t)(s->k * s->rows * g->out[2]) * 4);
    if (s->task == CPU_TASK_WEIGHT)
        s->dw_bytes = cpu_align_up((uint64_t)(g->groups * g->co * s->k) * sizeof(float));
    k->ws_bytes = k->inst->n_threads * (s->gemm_bytes + s->col_bytes + s->dw_bytes);
    k->run = s->task == CPU_TASK_INPUT    ? input_run
             : s->task == CPU_TASK_WEIGHT ? weight_run
                                          : forward_run;
}

/* The compiled tile that `rows` rows take. */
static int64_t tile_rows(int64_t rows)
{
    return rows <= 2 ? rows : rows <= 4 ? 4 : rows <= 8 && MR > 8 ? 8 : MR;
}

/* The tile's height that wastes least; each tile costs about a row and a half more than its rows.
 */
int64_t CPU_SYM(cpu_direct_panel)(int64_t filters)
{
    static const int64_t heights[] = {MR, MR > 8 ? 8 : 4};
    int64_t best = MR;
    double least = INFINITY;
    for (int i = 0; i < 2; i++) {
        int64_t h = heights[i], rest = filters % h;
        double cost = (double)(filters / h) * ((double)h + 1.5);
        if (rest)
            cost += (double)tile_rows(rest) + 1.5;
        if (cost < least) {
            least = cost;
            best = h;
        }
    }
    return best;
}

/* Measured: with a tap or two per filter, or one channel out of many, a register tile is mostly
 * empty or stored more often than it is multiplied; a product over unrolled windows is not. */
static bool is_direct(struct state *s, uint32_t n_threads)
{
    const struct cpu_conv_geometry *g = &s->g;
    if (s->task == CPU_TASK_INPUT)
        return (g->ci > 2 || g->co < 8) && CPU_SYM(cpu_direct_plan_input)(g, n_threads, &s->direct);
    return (s->k >= 16 || g->co < 8) && CPU_SYM(cpu_direct_plan)(g, s->task, n_threads, &s->direct);
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    read_node(s, q);
    const struct cpu_conv_geometry *g = &s->g;
    s->k = g->ci * cpu_volume(g->k);
    s->in = cpu_volume(g->in);
    s->out = cpu_volume(g->out);
    s->lines = g->out[0] * g->out[1];
    s->rows = cpu_max64(1, cpu_min64(s->lines, COL_FLOATS / cpu_max64(1, s->k * g->out[2])));
    s->plain = cpu_volume(g->k) == 1 && cpu_volume(g->step) == 1 && s->in == s->out &&
               g->pad[0] == 0 && g->pad[1] == 0 && g->pad[2] == 0;
    if (s->plain)
        s->rows = cpu_max64(1, s->lines);
    else
        s->is_direct = is_direct(s, k->inst->n_threads);
    if (!s->is_direct) {
        prepare_product(s, k);
        return TNB_OK;
    }
    k->run = direct_run;
    k->finish = direct_finish;
    k->ws_bytes = CPU_SYM(cpu_direct_scratch)(&s->direct, s->task, k->inst->n_threads);
    return CPU_SYM(cpu_direct_offsets)(k->inst, &s->direct, err);
}

const struct cpu_op CPU_SYM(cpu_conv)[] = {
    {CPU_LOOPS("conv1d", supports, prepare)},
    {CPU_LOOPS("conv1d_grad_input", supports, prepare)},
    {CPU_LOOPS("conv1d_grad_weight", supports, prepare)},
    {CPU_LOOPS("conv2d", supports, prepare)},
    {CPU_LOOPS("conv2d_grad_input", supports, prepare)},
    {CPU_LOOPS("conv2d_grad_weight", supports, prepare)},
    {CPU_LOOPS("conv3d", supports, prepare)},
    {CPU_LOOPS("conv3d_grad_input", supports, prepare)},
    {CPU_LOOPS("conv3d_grad_weight", supports, prepare)},
    {CPU_LOOPS("conv_transpose1d", supports, prepare)},
    {CPU_LOOPS("conv_transpose2d", supports, prepare)},
    {.name = NULL},
};
