/* SPDX-License-Identifier: MIT
 *
 * Weight gradients that conv_direct.c has summed over zeros between rows, where x is not finite. */
#include <math.h>

#include "conv.h"
#include "window.h"

/* dw of one filter and tap from real places alone. */
static float exact_sum(const struct cpu_direct_args *a, int64_t group, int64_t o, int64_t t)
{
    const struct cpu_conv_geometry *g = &a->d->g;
    int64_t cells = cpu_volume(g->k), cell = t % cells, lo, hi;
    int64_t far[3] = {cell / (g->k[1] * g->k[2]), cell / g->k[2] % g->k[1], cell % g->k[2]};
    float sum = 0;
    for (int axis = 0; axis < 3; axis++)
        far[axis] = far[axis] * g->dilation[axis] - g->pad[axis];
    cpu_window_span(g->step[2], far[2], g->in[2], g->out[2], &lo, &hi);
    for (int64_t n = 0; n < g->n; n++) {
        const float *x = a->x + ((n * g->groups + group) * g->ci + t / cells) * cpu_volume(g->in);
        const float *dy = a->w + ((n * g->groups + group) * g->co + o) * cpu_volume(g->out);
        for (int64_t r = 0; r < g->out[0] * g->out[1]; r++, dy += g->out[2]) {
            int64_t z = r / g->out[1] * g->step[0] + far[0],
                    y = r % g->out[1] * g->step[1] + far[1];
            if (z < 0 || z >= g->in[0] || y < 0 || y >= g->in[1])
                continue;
            const float *row = x + (z * g->in[1] + y) * g->in[2] + far[2];
#pragma omp simd reduction(+ : sum)
            for (int64_t i = lo; i < hi; i++)
                sum += row[i * g->step[2]] * dy[i];
        }
    }
    return sum;
}

/* A zero between rows times an infinity or NaN that this tap never meets is NaN: such sums are made
 * again. [lo, hi) counts (group, filter). */
static void mend_range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct cpu_direct_args *a = arg;
    const struct cpu_direct *d = a->d;
    for (int64_t o = lo; o < hi; o++)
        for (int64_t t = 0; t < d->taps; t++)
            if (!isfinite(a->y[o * d->taps + t]))
                a->y[o * d->taps + t] = exact_sum(a, o / d->g.co, o % d->g.co, t);
}

void CPU_SYM(cpu_direct_mend)(struct cpu_pool *pool, const struct cpu_direct_args *a)
{
    const struct cpu_direct *d = a->d;
    cpu_parallel(pool, d->g.groups * d->g.co, 1 + CPU_GRAIN / d->taps, mend_range, a);
}
