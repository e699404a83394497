/* SPDX-License-Identifier: MIT
 *
 * layer_norm, group_norm, instance_norm, rms_norm and their gradients, over rows of neighbouring
 * elements: y = (x - mean) inv_std scale + bias; with g = dy scale and means over the row
 *   dx = inv_std (g - mean(g) - xhat mean(g xhat)), dscale = sum dy xhat, dbias = sum dy
 * (rms_norm without the means). Sums run in double; the variance in a second pass. And
 * local_response_norm: y = x norm^-beta, norm = bias + alpha / size sum x^2 over near channels. */
#include <math.h>

#include "lanes.h"

enum { BLOCK = 64 };

/* Row r, element i takes entry r % groups * per_group + i / inner of scale and bias. */
struct state {
    int64_t rows, length, groups, per_group, inner;
    double epsilon;
    bool centred;
};

static double row_sum(const float *x, int64_t n, double mean, bool square)
{
    double lane[CPU_LANES] = {0};
    cpu_lanes_add(lane, x, n, mean, square);
    return cpu_lanes_sum(lane);
}

/* Entries of scale and bias change with every element. */
static void apply_each(float *o, const float *x, int64_t n, float mean, float cut, float inv,
                       const float *scale, const float *bias)
{
    if (scale && bias) {
        CPU_SIMD for (int64_t i = 0; i < n; i++) o[i] =
            ((x[i] - mean) * inv - cut) * scale[i] + bias[i];
    } else if (scale) {
        CPU_SIMD for (int64_t i = 0; i < n; i++) o[i] = ((x[i] - mean) * inv - cut) * scale[i];
    } else if (bias) {
        CPU_SIMD for (int64_t i = 0; i < n; i++) o[i] = ((x[i] - mean) * inv - cut) + bias[i];
    } else {
        CPU_SIMD for (int64_t i = 0; i < n; i++) o[i] = (x[i] - mean) * inv - cut;
    }
}

static void forward_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const float *scale = cpu_in(k, 1), *bias = s->centred ? cpu_in(k, 2) : NULL;
    float *mean_out = s->centred ? cpu_out(k, 1) : NULL, *inv_out = cpu_out(k, s->centred ? 2 : 1);
    double count = (double)s->length;
    for (int64_t r = lo; r < hi; r++) {
        const float *x = cpu_in(k, 0) + r * s->length;
        float *o = cpu_out(k, 0) + r * s->length;
        double mean = s->centred ? row_sum(x, s->length, 0, false) / count : 0;
        double inv = 1 / sqrt(row_sum(x, s->length, mean, true) / count + s->epsilon);
        /* What f32 cuts off the mean is much where the mean is far above the deviation. */
        float m = (float)mean, cut = (float)((mean - (double)m) * inv), iv = (float)inv;
        int64_t p = r % s->groups * s->per_group;
        if (s->inner == 1)
            apply_each(o, x, s->length, m, cut, iv, scale ? scale + p : NULL,
                       bias ? bias + p : NULL);
        for (int64_t c = 0; s->inner != 1 && c < s->per_group; c++) {
            float a = scale ? scale[p + c] : 1, b = bias ? bias[p + c] : 0;
            const float *xc = x + c * s->inner;
            float *oc = o + c * s->inner;
            CPU_SIMD for (int64_t i = 0; i < s->inner; i++) oc[i] =
                ((xc[i] - m) * iv - cut) * a + b;
        }
        if (mean_out)
            mean_out[r] = m;
        inv_out[r] = iv;
    }
}

/* Sums of g and of g (x - mean), g = dy scale; `step` 0: one entry of scale for all. */
static void row_sums(const float *x, const float *dy, const float *scale, int64_t step, int64_t n,
                     double mean, double *sum, double *dot)
{
    double a[CPU_LANES] = {0}, b[CPU_LANES] = {0};
    int64_t i = 0;
    for (; i + CPU_LANES <= n; i += CPU_LANES)
        for (int j = 0; j < CPU_LANES; j++) {
            double g = (double)dy[i + j] * (scale ? (double)scale[(i + j) * step] : 1);
            a[j] += g;
            b[j] += g * ((double)x[i + j] - mean);
        }
    for (int j = 0; i < n; i++, j++) {
        double g = (double)dy[i] * (scale ? (double)scale[i * step] : 1);
        a[j] += g;
        b[j] += g * ((double)x[i] - mean);
    }
    for (int j = 0; j < CPU_LANES; j++) {
        *sum += a[j];
        *dot += b[j];
    }
}

/* inputs x, scale?, mean (unless rms), inv_std, dy */
static void backward_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const float *scale = cpu_in(k, 1), *means = s->centred ? cpu_in(k, 2) : NULL;
    const float *inv_std = cpu_in(k, s->centred ? 3 : 2), *all_dy = cpu_in(k, s->centred ? 4 : 3);
    int64_t segments = s->inner == 1 ? 1 : s->per_group, step = s->inner == 1;
    int64_t n = s->inner == 1 ? s->length : s->inner;
    for (int64_t r = lo; r < hi; r++) {
        const float *x = cpu_in(k, 0) + r * s->length, *dy = all_dy + r * s->length;
        const float *row_scale = scale ? scale + r % s->groups * s->per_group : NULL;
        float *o = cpu_out(k, 0) + r * s->length, m = means ? means[r] : 0, iv = inv_std[r];
        double sum = 0, dot = 0, inv = (double)iv;
        for (int64_t c = 0; c < segments; c++)
            row_sums(x + c * n, dy + c * n, row_scale ? row_scale + c : NULL, step, n, (double)m,
                     &sum, &dot);
        float a = s->centred ? (float)(sum / (double)s->length) : 0;
        float b = (float)(dot * inv * inv / (double)s->length);
        for (int64_t c = 0; c < segments; c++) {
            const float *xc = x + c * n, *dc = dy + c * n, *sc = row_scale ? row_scale + c : NULL;
            float *oc = o + c * n;
            if (sc && step) {
                CPU_SIMD for (int64_t i = 0; i < n; i++) oc[i] =
                    iv * (dc[i] * sc[i] - a - (xc[i] - m) * b);
            } else {
                float one = sc ? *sc : 1;
                CPU_SIMD for (int64_t i = 0; i < n; i++) oc[i] =
                    iv * (dc[i] * one - a - (xc[i] - m) * b);
            }
        }
    }
}

/* Entries [from, from + w) of scale and bias: every row has one element for each. */
static void param_block(const struct cpu_kernel *k, int64_t from, int64_t w)
{
    const struct state *s = k->state;
    const float *x = cpu_in(k, 0) + from, *dy = cpu_in(k, s->centred ? 4 : 3) + from;
    const float *means = s->centred ? cpu_in(k, 2) : NULL, *inv = cpu_in(k, s->centred ? 3 : 2);
    double a[BLOCK] = {0}, b[BLOCK] = {0};
    for (int64_t r = 0; r < s->rows; r++) {
        double m = means ? (double)means[r] : 0, iv = (double)inv[r];
        const float *xr = x + r * s->length, *dr = dy + r * s->length;
        CPU_SIMD for (int64_t i = 0; i < w; i++)
        {
            a[i] += (double)dr[i] * (((double)xr[i] - m) * iv);
            b[i] += (double)dr[i];
        }
    }
    for (int64_t i = 0; i < w; i++) {
        cpu_out(k, 1)[from + i] = (float)a[i];
        if (s->centred)
            cpu_out(k, 2)[from + i] = (float)b[i];
    }
}

static void param_blocks(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    for (int64_t i = lo; i < hi; i++)
        param_block(k, i * BLOCK, cpu_min64(BLOCK, s->length - i * BLOCK));
}

/* Per channel: `inner` elements in each sample. */
static void param_channels(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    int64_t channels = s->groups * s->per_group;
    for (int64_t c = lo; c < hi; c++) {
        double dscale = 0, dbias = 0;
        for (int64_t n = 0; n < s->rows / s->groups; n++) {
            int64_t r = n * s->groups + c / s->per_group, at = (n * channels + c) * s->inner;
            double sum = 0, dot = 0;
            row_sums(cpu_in(k, 0) + at, cpu_in(k, 4) + at, NULL, 0, s->inner,
                     (double)cpu_in(k, 2)[r], &sum, &dot);
            dscale += dot * (double)cpu_in(k, 3)[r];
            dbias += sum;
        }
        cpu_out(k, 1)[c] = (float)dscale;
        cpu_out(k, 2)[c] = (float)dbias;
    }
}

static tnb_status forward_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    if (s->length)
        cpu_parallel_fine(k->inst->pool, s->rows, 1 + CPU_GRAIN / 3 / s->length, forward_range, k);
    return TNB_OK;
}

static tnb_status backward_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t channels = s->groups * s->per_group, n = s->rows * s->length;
    if (channels == 0)
        return TNB_OK;
    if (s->length)
        cpu_parallel_fine(k->inst->pool, s->rows, 1 + CPU_GRAIN / 3 / s->length, backward_range, k);
    if (s->groups == 1 && s->inner == 1)
        cpu_parallel_fine(k->inst->pool, (channels + BLOCK - 1) / BLOCK,
                          1 + CPU_GRAIN / 2 / (s->rows * BLOCK + 1), param_blocks, k);
    else
        cpu_parallel_fine(k->inst->pool, channels, 1 + CPU_GRAIN / 2 / (n / channels + 1),
                          param_channels, k);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return cpu_need_f32(q, 31, 7, why);
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const tnb_tensor *x = q->in[0];
    char kind = q->node->op[0]; /* l, r, g, i */
    s->centred = kind != 'r';
    s->epsilon = tnb_attr_float(q->node, "epsilon", 1e-5);
    if (kind == 'l' || kind == 'r') {
        uint32_t axis = shape_axis(tnb_attr_int(q->node, "axis", -1), x->rank);
        s->rows = shape_product(x, 0, axis);
        s->length = s->per_group = shape_product(x, axis, x->rank);
        s->groups = s->inner = 1;
    } else {
        s->groups = kind == 'i' ? x->dim[1] : tnb_attr_int(q->node, "num_groups", 1);
        s->groups = s->groups ? s->groups : 1;
        s->per_group = x->dim[1] / s->groups;
        s->inner = shape_product(x, 2, x->rank);
        s->rows = x->dim[0] * s->groups;
        s->length = s->per_group * s->inner;
    }
    k->run = strstr(q->node->op, "_grad") ? backward_run : forward_run;
    return TNB_OK;
}

/* --- local response normalisation --- */

struct lrn {
    int64_t rows, channels, inner, before, after;
    float factor, beta, bias;
};

/* rows: (sample, channel) pairs of `inner` elements. */
static void lrn_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct lrn *l = k->state;
    for (int64_t r = lo; r < hi; r++) {
        int64_t c = r % l->channels, from = cpu_max64(-l->before, -c);
        int64_t to = cpu_min64(l->after, l->channels - 1 - c);
        const float *x = cpu_in(k, 0) + r * l->inner;
        float *y = cpu_out(k, 0) + r * l->inner, *norm = cpu_out(k, 1) + r * l->inner;
        for (int64_t i = 0; i < l->inner; i++)
            norm[i] = 0;
        for (int64_t j = from; j <= to; j++)
            CPU_SIMD for (int64_t i = 0; i < l->inner; i++) norm[i] +=
                x[j * l->inner + i] * x[j * l->inner + i];
        for (int64_t i = 0; i < l->inner; i++) {
            norm[i] = l->bias + l->factor * norm[i];
            y[i] = x[i] * powf(norm[i], -l->beta);
        }
    }
}

/* What element c gives to each of its window: dy x norm^(-beta - 1), into the scratch. */
static void lrn_share(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct lrn *l = k->state;
    const float *x = cpu_in(k, 0), *norm = cpu_in(k, 1), *dy = cpu_in(k, 2);
    float *share = (float *)(void *)k->ws;
    for (int64_t i = lo * l->inner; i < hi * l->inner; i++)
        share[i] = dy[i] * x[i] * powf(norm[i], -l->beta - 1);
}

static void lrn_grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct lrn *l = k->state;
    for (int64_t r = lo; r < hi; r++) {
        int64_t c = r % l->channels, from = cpu_max64(-l->after, -c), at = r * l->inner;
        int64_t to = cpu_min64(l->before, l->channels - 1 - c);
        const float *x = cpu_in(k, 0) + at, *norm = cpu_in(k, 1) + at, *dy = cpu_in(k, 2) + at;
        const float *share = (const float *)(const void *)k->ws + at;
        float *o = cpu_out(k, 0) + at;
        for (int64_t i = 0; i < l->inner; i++) {
            float sum = 0;
            for (int64_t j = from; j <= to; j++)
                sum += share[j * l->inner + i];
            o[i] = dy[i] * powf(norm[i], -l->beta) - 2 * l->factor * l->beta * x[i] * sum;
        }
    }
}

static tnb_status lrn_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct lrn *l = k->state;
    int64_t grain = 1 + CPU_GRAIN / 16 / (l->inner + 1);
    cpu_parallel_fine(k->inst->pool, l->rows, grain, lrn_range, k);
    return TNB_OK;
}

static tnb_status lrn_grad_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct lrn *l = k->state;
    int64_t grain = 1 + CPU_GRAIN / 16 / (l->inner + 1);
    cpu_parallel_fine(k->inst->pool, l->rows, grain, lrn_share, k);
    cpu_parallel_fine(k->inst->pool, l->rows, grain, lrn_grad_range, k);
    return TNB_OK;
}

static tnb_status lrn_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct lrn *l = cpu_state(k, sizeof *l, err);
    if (!l)
        return TNB_E_OOM;
    const tnb_tensor *x = q->in[0];
    int64_t size = tnb_attr_int(q->node, "size", 1);
    bool grad = strstr(q->node->op, "_grad") != NULL;
    l->channels = x->dim[1];
    l->rows = x->dim[0] * x->dim[1];
    l->inner = shape_product(x, 2, x->rank);
    l->before = (size - 1) / 2;
    l->after = size / 2;
    l->factor = (float)(tnb_attr_float(q->node, "alpha", 1e-4) / (double)size);
    l->beta = (float)tnb_attr_float(q->node, "beta", 0.75);
    l->bias = (float)tnb_attr_float(q->node, "bias", 1.0);
    k->ws_bytes = grad ? cpu_bytes(x) : 0;
    k->run = grad ? lrn_grad_run : lrn_run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_row_norm)[] = {
    {CPU_LOOPS("layer_norm", supports, prepare)},
    {CPU_LOOPS("layer_norm_grad", supports, prepare)},
    {CPU_LOOPS("group_norm", supports, prepare)},
    {CPU_LOOPS("group_norm_grad", supports, prepare)},
    {CPU_LOOPS("instance_norm", supports, prepare)},
    {CPU_LOOPS("instance_norm_grad", supports, prepare)},
    {CPU_LOOPS("rms_norm", supports, prepare)},
    {CPU_LOOPS("rms_norm_grad", supports, prepare)},
    {CPU_LOOPS("local_response_norm", supports, lrn_prepare)},
    {CPU_LOOPS("local_response_norm_grad", supports, lrn_prepare)},
    {.name = NULL},
};
