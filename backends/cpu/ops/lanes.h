/* SPDX-License-Identifier: MIT
 *
 * Sums in double, in as many lanes as keep the processor busy, always in the same order. */
#ifndef CPU_OPS_LANES_H
#define CPU_OPS_LANES_H

#include "ops.h"

enum { CPU_LANES = 16 };

/* Adds x - mean, or its square, element by element. */
CPU_INLINE void cpu_lanes_add(double lane[CPU_LANES], const float *x, int64_t n, double mean,
                              bool square)
{
    int64_t i = 0;
    for (; i + CPU_LANES <= n; i += CPU_LANES)
        for (int j = 0; j < CPU_LANES; j++) {
            double d = (double)x[i + j] - mean;
            lane[j] += square ? d * d : d;
        }
    for (int j = 0; i < n; i++, j++) {
        double d = (double)x[i] - mean;
        lane[j] += square ? d * d : d;
    }
}

CPU_INLINE double cpu_lanes_sum(const double lane[CPU_LANES])
{
    double sum = 0;
    for (int j = 0; j < CPU_LANES; j++)
        sum += lane[j];
    return sum;
}

#endif
