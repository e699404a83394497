/* SPDX-License-Identifier: MIT
 *
 * batch_norm over x [N, C, S...], per channel:
 *   y = scale (x - mean) inv_std + bias, inv_std = 1 / sqrt(var + epsilon), var biased
 *   dx = scale inv_std (dy - mean(dy) - xhat mean(dy xhat)), dscale = sum(dy xhat), dbias = sum(dy)
 * Ioffe and Szegedy, "Batch Normalization" (2015). Sums run in double; the variance in a second
 * pass, so that a large mean does not swallow it. */
#include <math.h>

#include "lanes.h"

struct state {
    int64_t n, c, s; /* s: product of the dims after the channel's */
    double epsilon;
};

/* [lo, hi) are channels. Without inner dims, neighbours in memory are neighbouring channels. */

static double channel_sum(const struct state *st, const float *x, int64_t c, double mean,
                          bool square)
{
    double lane[CPU_LANES] = {0};
    for (int64_t n = 0; n < st->n; n++)
        cpu_lanes_add(lane, x + (n * st->c + c) * st->s, st->s, mean, square);
    return cpu_lanes_sum(lane);
}

static void apply(const struct state *st, const float *x, float *y, int64_t c, float a, float b,
                  float mean)
{
    for (int64_t n = 0; n < st->n; n++) {
        const float *p = x + (n * st->c + c) * st->s;
        float *o = y + (n * st->c + c) * st->s;
        CPU_SIMD for (int64_t i = 0; i < st->s; i++) o[i] = (p[i] - mean) * a + b;
    }
}

static void forward_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *st = k->state;
    const float *x = cpu_in(k, 0);
    const float *scale = cpu_in(k, 1);
    const float *bias = cpu_in(k, 2);
    float *out[4];
    for (int i = 0; i < 4; i++)
        out[i] = cpu_out(k, i);
    double count = (double)(st->n * st->s);
    for (int64_t c = lo; c < hi; c++) {
        double mean = channel_sum(st, x, c, 0, false) / count;
        double var = channel_sum(st, x, c, mean, true) / count;
        double inv_std = 1 / sqrt(var + st->epsilon);
        /* What f32 cuts off the mean is much where the mean is far above the deviation: to bias. */
        double slope = inv_std * (double)scale[c], cut = mean - (double)(float)mean;
        apply(st, x, out[0], c, (float)slope, (float)((double)bias[c] - cut * slope), (float)mean);
        out[1][c] = (float)mean;
        out[2][c] = (float)inv_std;
        out[3][c] = (float)var;
    }
}

static void inference_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *st = k->state;
    const float *in[5];
    for (int i = 0; i < 5; i++)
        in[i] = cpu_in(k, i);
    for (int64_t c = lo; c < hi; c++) {
        float a = (float)((double)in[1][c] / sqrt((double)in[4][c] + st->epsilon));
        apply(st, in[0], cpu_out(k, 0), c, a, in[2][c], in[3][c]);
    }
}

static void grad_sums(const struct state *st, const float *x, const float *dy, int64_t c,
                      float mean, double *out_dy, double *out_dyx)
{
    double a[8] = {0}, b[8] = {0};
    for (int64_t n = 0; n < st->n; n++) {
        const float *p = x + (n * st->c + c) * st->s, *d = dy + (n * st->c + c) * st->s;
        int64_t i = 0;
        for (; i + 8 <= st->s; i += 8)
            for (int j = 0; j < 8; j++) {
                a[j] += (double)d[i + j];
                b[j] += (double)d[i + j] * ((double)p[i + j] - (double)mean);
            }
        for (int j = 0; i < st->s; i++, j++) {
            a[j] += (double)d[i];
            b[j] += (double)d[i] * ((double)p[i] - (double)mean);
        }
    }
    *out_dy = *out_dyx = 0;
    for (int j = 0; j < 8; j++) {
        *out_dy += a[j];
        *out_dyx += b[j];
    }
}

/* inputs x, scale, mean, inv_std, dy; outputs dx, dscale, dbias */
static void grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *st = k->state;
    const float *in[5];
    for (int i = 0; i < 5; i++)
        in[i] = cpu_in(k, i);
    float *dx = cpu_out(k, 0), *dscale = cpu_out(k, 1);
    float *dbias = cpu_out(k, 2);
    double count = (double)(st->n * st->s);
    for (int64_t c = lo; c < hi; c++) {
        double sum_dy, sum_dyx, inv_std = (double)in[3][c];
        float mean = in[2][c];
        grad_sums(st, in[0], in[4], c, mean, &sum_dy, &sum_dyx);
        float a = (float)((double)in[1][c] * inv_std), m = (float)(sum_dy / count);
        float b = (float)(sum_dyx * inv_std * inv_std / count);
        for (int64_t n = 0; n < st->n; n++) {
            int64_t at = (n * st->c + c) * st->s;
            const float *p = in[0] + at, *d = in[4] + at;
            float *o = dx + at;
            CPU_SIMD for (int64_t i = 0; i < st->s; i++) o[i] = a * (d[i] - m - (p[i] - mean) * b);
        }
        dscale[c] = (float)(sum_dyx * inv_std);
        dbias[c] = (float)sum_dy;
    }
}

static void over_channels(const struct cpu_kernel *k, cpu_range_fn fn)
{
    const struct state *st = k->state;
    cpu_parallel_fine(k->inst->pool, st->c, 1 + CPU_GRAIN / 3 / (st->n * st->s + 1), fn, k);
}

static tnb_status forward_run(const struct cpu_kernel *k, tnb_error *err)
{
    over_channels(k, forward_range);
    return TNB_OK;
}

static tnb_status inference_run(const struct cpu_kernel *k, tnb_error *err)
{
    over_channels(k, inference_range);
    return TNB_OK;
}

static tnb_status grad_run(const struct cpu_kernel *k, tnb_error *err)
{
    over_channels(k, grad_range);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return cpu_need_f32(q, 31, 15, why);
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *st = cpu_state(k, sizeof *st, err);
    if (!st)
        return TNB_E_OOM;
    const tnb_tensor *x = q->in[0];
    st->n = x->dim[0];
    st->c = x->dim[1];
    st->s = shape_product(x, 2, x->rank);
    st->epsilon = tnb_attr_float(q->node, "epsilon", 1e-3);
    k->run = strcmp(q->node->op, "batch_norm") == 0        ? forward_run
             : strcmp(q->node->op, "batch_norm_grad") == 0 ? grad_run
                                                           : inference_run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_norm)[] = {
    {CPU_LOOPS("batch_norm", supports, prepare)},
    {CPU_LOOPS("batch_norm_grad", supports, prepare)},
    {CPU_LOOPS("batch_norm_inference", supports, prepare)},
    {.name = NULL},
};
