/* SPDX-License-Identifier: MIT
 *
 * exp, log, tanh and kin for f32, written without branches so that loops over them become vectors.
 * Errors stay within about 2 ulp. Polynomials: Cephes (S. L. Moshier, expf.c, logf.c, tanhf.c). */
#ifndef CPU_OPS_VMATH_H
#define CPU_OPS_VMATH_H

#include <math.h>
#include <string.h>

#include "ops.h"

/* c = n ln 2 + r, |r| <= ln(2) / 2. Returns n, modulo 2^32. */
CPU_INLINE uint32_t cpu_exp_split(float c, float *out_r)
{
    float t = c * 1.44269504088896341f + 12582912.0f; /* 1.5 * 2^23: rounds to an integer */
    float fn = t - 12582912.0f;
    float r = c - fn * 0.693359375f;
    *out_r = r - fn * -2.12194440e-4f;
    return cpu_bits(t) - 0x4B400000u;
}

/* (exp(r) - 1 - r) / r^2 */
CPU_INLINE float cpu_exp_poly(float r)
{
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    return p * r + 5.0000001201e-1f;
}

/* exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln(2) / 2 */
CPU_INLINE float cpu_expf(float x)
{
    float c = x > 89.0f ? 89.0f : x; /* NaN stays */
    c = c < -104.0f ? -104.0f : c;
    float r;
    uint32_t n = cpu_exp_split(c, &r);
    float p = cpu_exp_poly(r);
    p = p * r * r + r + 1.0f;
    /* In two steps, so that results near overflow and denormal ones come out right. */
    int32_t half = (int32_t)n >> 1;
    float s1 = cpu_from_bits((uint32_t)(half + 127) << 23);
    float s2 = cpu_from_bits((uint32_t)((int32_t)n - half + 127) << 23);
    return p * s1 * s2;
}

/* (log(1 + f) - f + f^2 / 2) / f^3, for f in [sqrt(1/2) - 1, sqrt(2) - 1] */
CPU_INLINE float cpu_log_poly(float f)
{
    float p = 7.0376836292e-2f;
    p = p * f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    return p * f + 3.3333331174e-1f;
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
    float p = cpu_log_poly(f);
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

/* log(1 + x) for x in [0, 1]: the polynomial of cpu_logf about 1 or about 2, without the sum 1 + x,
 * which would lose x's low digits. */
CPU_INLINE float cpu_log1pf(float x)
{
    const int upper = x > 0.41421356f;
    float f = upper ? (x - 1.0f) * 0.5f : x, z = f * f;
    float p = cpu_log_poly(f);
    float r = f + (f * z * p - 0.5f * z);
    return upper ? r + 0.693147181f : r;
}

/* log(1 + x), any x. The rounding error of u is put back to first order; where u is 0, infinite or
 * not a number there is none. */
CPU_INLINE float cpu_log1pf_any(float x)
{
    float u = 1.0f + x;
    float rest = u > 0.0f && u < (float)INFINITY ? (x - (u - 1.0f)) / u : 0.0f;
    return cpu_logf(u) + rest;
}

CPU_INLINE float cpu_absf(float x)
{
    return cpu_from_bits(cpu_bits(x) & 0x7fffffffu);
}

/* e^x - 1 = 2^n (e^r - 1) + (2^n - 1), as in cpu_expf */
CPU_INLINE float cpu_expm1f(float x)
{
    float c = x > 30.0f ? 30.0f : x; /* NaN stays */
    c = c < -30.0f ? -30.0f : c;
    float r;
    uint32_t n = cpu_exp_split(c, &r);
    float p = cpu_exp_poly(r);
    float s = cpu_from_bits((n + 127u) << 23);
    float y = s * (p * r * r + r) + (s - 1.0f);
    return x > 30.0f ? cpu_expf(x) : y;
}

/* log(1 + e^x) */
CPU_INLINE float cpu_softplusf(float x)
{
    return (x > 0.0f ? x : 0.0f) + cpu_log1pf(cpu_expf(-cpu_absf(x)));
}

/* erf(x) for |x| < 1. This polynomial and the next were fitted for Tenon (least relative error,
 * 1.3e-9 and 1.1e-7). */
CPU_INLINE float cpu_erff_small(float x)
{
    float z = x * x;
    float p = 7.853836723370478e-5f;
    p = p * z - 8.010184392333031e-4f;
    p = p * z + 5.188326351344585e-3f;
    p = p * z - 2.6853810995817184e-2f;
    p = p * z + 0.1128358542919159f;
    p = p * z - 0.3761262595653534f;
    p = p * z + 1.1283791065216064f;
    return p * x;
}

/* erfc(t) e^(t^2) for t >= 0.95 */
CPU_INLINE float cpu_erfcxf(float t)
{
    float u = 1.0f / (t + 1.5f);
    float p = 1.7286876440048218f;
    p = p * u - 0.8053238391876221f;
    p = p * u - 2.202026128768921f;
    p = p * u + 1.2591955661773682f;
    p = p * u + 0.8670334219932556f;
    p = p * u + 0.8592081069946289f;
    p = p * u + 0.5634568333625793f;
    return p * u + 1.705495196802076e-5f;
}

CPU_INLINE float cpu_erff(float x)
{
    float a = cpu_absf(x), big = 1.0f - cpu_expf(-a * a) * cpu_erfcxf(a);
    big = cpu_from_bits(cpu_bits(big) | (cpu_bits(x) & 0x80000000u));
    return a < 1.0f ? cpu_erff_small(x) : big;
}

/* The standard normal distribution's P(X <= x); `e` is e^(-x^2 / 2). */
CPU_INLINE float cpu_normal_cdff(float x, float e)
{
    float s = x * 0.70710678118654752f, tail = 0.5f * e * cpu_erfcxf(cpu_absf(s));
    float big = x > 0.0f ? 1.0f - tail : tail;
    return cpu_absf(s) < 1.0f ? 0.5f + 0.5f * cpu_erff_small(s) : big;
}

/* tanh(log(1 + e^x)) = m / (m + 2) with m = e^x (e^x + 2), for x <= 20; `e` is e^x. */
CPU_INLINE float cpu_mish_factorf(float x, float e)
{
    float m = e * (e + 2.0f);
    return x > 20.0f ? 1.0f : m / (m + 2.0f);
}

#endif
