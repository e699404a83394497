/* SPDX-License-Identifier: MIT
 *
 * Runs of numbers between f32 and the 16-bit types: see half.h for what narrowing means. */
#include "half.h"

#if defined(__F16C__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

static void f32_from_f16(void *vo, const void *vx, int64_t n)
{
    float *o = vo;
    const uint16_t *x = vx;
    int64_t i = 0;
#if defined(__AVX512F__)
    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(o + i, _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(x + i))));
#elif defined(__F16C__)
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(o + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(x + i))));
#endif
    for (; i < n; i++)
        o[i] = cpu_from_f16(x[i]);
}

static void f16_from_f32(void *vo, const void *vx, int64_t n)
{
    uint16_t *o = vo;
    const float *x = vx;
    int64_t i = 0;
#if defined(__AVX512F__)
    for (; i + 16 <= n; i += 16)
        _mm256_storeu_si256((void *)(o + i),
                            _mm512_cvtps_ph(_mm512_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
#elif defined(__F16C__)
    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((void *)(o + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
#endif
    for (; i < n; i++)
        o[i] = cpu_to_f16(x[i]);
}

static void f32_from_bf16(void *vo, const void *vx, int64_t n)
{
    float *o = vo;
    const uint16_t *x = vx;
    CPU_SIMD for (int64_t i = 0; i < n; i++) o[i] = cpu_from_bf16(x[i]);
}

static void bf16_from_f32(void *vo, const void *vx, int64_t n)
{
    uint16_t *o = vo;
    const float *x = vx;
    CPU_SIMD for (int64_t i = 0; i < n; i++) o[i] = cpu_to_bf16(x[i]);
}

const struct cpu_half CPU_SYM(cpu_half) = {
    .widen = {f32_from_f16, f32_from_bf16},
    .narrow = {f16_from_f32, bf16_from_f32},
};
