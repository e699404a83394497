/* SPDX-License-Identifier: MIT
 *
 * exp, log, tanh and kin for f32, written without branches so that loops over them become vectors.
 * Errors stay within about 2 ulp. Polynomials: Cephes (S. L. Moshier, expf.c, logf.c, tanhf.c). */
#ifndef CPU_OPS_VMATH_H
#define CPU_OPS_VMATH_H

#include <math.h>
#include <string.h>

#include "ops.h"

CPU_INLINE uint32_t cpu_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}
CPU_INLINE float cpu_from_bits(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln(2) / 2 */
CPU_INLINE float cpu_expf(float x)
{
    float c = x > 89.0f ? 89.0f : x; /* NaN stays */
    c = c < -104.0f ? -104.0f : c;
    float t = c * 1.44269504088896341f + 12582912.0f; /* 1.5 * 2^23: rounds to an integer */
    uint32_t n = cpu_bits(t) - 0x4B400000u;
    float fn = t - 12582912.0f;
    float r = c - fn * 0.693359375f;
    r = r - fn * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    /* In two steps, so that results near overflow and denormal ones come out right. */
    int32_t half = (int32_t)n >> 1;
    float s1 = cpu_from_bits((uint32_t)(half + 127) << 23);
    float s2 = cpu_from_bits((uint32_t)((int32_t)n - half + 127) << 23);
    return p * s1 * s2;
}

CPU_INLINE float cpu_logf(float x)
{
    float denormal = x < 1.17549435e-38f ? 8388608.0f : 1.0f; /* 2^23 */
    float y = x * denormal;
    uint32_t u = cpu_bits(y);
    /* Mantissa into [sqrt(1/2), sqrt(2)). */
    uint32_t shifted = u - 0x3f3504f3u;
    int32_t e = (int32_t)shifted >> 23;
    float m = cpu_from_bits(u - ((uint32_t)e << 23));
    float fe = (float)e - (x < 1.17549435e-38f ? 23.0f : 0.0f);
    float f = m - 1.0f, z = f * f;
    float p = 7.0376836292e-2f;
    p = p * f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    float r = f * z * p + fe * -2.12194440e-4f;
    r = r - 0.5f * z;
    r = f + r + fe * 0.693359375f;
    r = x == (float)INFINITY ? (float)INFINITY : r;
    r = x == 0.0f ? -(float)INFINITY : r;
    return x < 0.0f || x != x ? (float)NAN : r;
}

CPU_INLINE float cpu_tanhf(float x)
{
    float a = cpu_from_bits(cpu_bits(x) & 0x7fffffffu), z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    float small = p * z * x + x;
    float big = 1.0f - 2.0f / (cpu_expf(2.0f * a) + 1.0f);
    big = cpu_from_bits(cpu_bits(big) | (cpu_bits(x) & 0x80000000u));
    return a < 0.625f ? small : big;
}

CPU_INLINE float cpu_sigmoidf(float x)
{
    return 1.0f / (1.0f + cpu_expf(-x));
}

/* log(1 + x) for x in [0, 1] */
CPU_INLINE float cpu_log1pf(float x)
{
    float u = 1.0f + x;
    /* The rounding error of u, put back to first order. */
    return cpu_logf(u) + (x - (u - 1.0f)) / u;
}

#endif
