/* SPDX-License-Identifier: MIT
 *
 * softmax of one contiguous row, shared by softmax and the cross-entropy loss. */
#ifndef CPU_OPS_SOFTMAX_H
#define CPU_OPS_SOFTMAX_H

#include "vmath.h"

/* NaN when any element is. n >= 1. */
CPU_UNUSED static float cpu_row_max(const float *x, int64_t n)
{
    float lane[16];
    int64_t i = 0;
    for (int j = 0; j < 16; j++)
        lane[j] = x[0];
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++)
            lane[j] = x[i + j] > lane[j] || x[i + j] != x[i + j] ? x[i + j] : lane[j];
    for (; i < n; i++)
        lane[0] = x[i] > lane[0] || x[i] != x[i] ? x[i] : lane[0];
    for (int j = 1; j < 16; j++)
        lane[0] = lane[j] > lane[0] || lane[j] != lane[j] ? lane[j] : lane[0];
    return lane[0];
}

/* o = softmax(x), may be x itself. Returns the largest element; *out_sum, where wanted, is the sum
 * of exp(x - largest). */
CPU_UNUSED static float cpu_softmax_row(float *o, const float *x, int64_t n, double *out_sum)
{
    float m = cpu_row_max(x, n);
    double sum = 0;
    CPU_SIMD for (int64_t i = 0; i < n; i++) o[i] = cpu_expf(x[i] - m);
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += (double)o[i];
    float scale = (float)(1 / sum);
    CPU_SIMD for (int64_t i = 0; i < n; i++) o[i] *= scale;
    if (out_sum)
        *out_sum = sum;
    return m;
}

CPU_UNUSED static void cpu_log_softmax_row(float *o, const float *x, int64_t n)
{
    float m = cpu_row_max(x, n);
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += (double)cpu_expf(x[i] - m);
    float shift = (float)log(sum);
    CPU_SIMD for (int64_t i = 0; i < n; i++) o[i] = x[i] - m - shift;
}

#endif
