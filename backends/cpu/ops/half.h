/* SPDX-License-Identifier: MIT
 *
 * One number between f32 and the 16-bit types: IEEE binary16 (f16), and the upper half of binary32
 * (bf16). Narrowing rounds to nearest even, keeps NaN (quiet) and the sign of zero, and gives
 * infinity beyond the largest number; subnormals are exact.
 */
#ifndef CPU_OPS_HALF_H
#define CPU_OPS_HALF_H

#include "ops.h"

CPU_INLINE float cpu_from_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, a = h & 0x7fffu;
    if (a < 0x400u) /* subnormal: a counts 2^-24 */
        return cpu_from_bits(sign | cpu_bits((float)a * 0x1p-24f));
    if (a >= 0x7c00u) /* infinite or NaN; a signalling one is made quiet */
        return cpu_from_bits(sign | 0x7f800000u | (a & 0x3ffu) << 13 |
                             (a > 0x7c00u ? 0x400000u : 0));
    return cpu_from_bits(sign | ((a << 13) + 0x38000000u));
}

CPU_INLINE uint16_t cpu_to_f16(float f)
{
    uint32_t u = cpu_bits(f), sign = u >> 16 & 0x8000u, a = u & 0x7fffffffu;
    if (a > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u | (a >> 13 & 0x3ffu));
    if (a >= 0x477ff000u) /* 65520 and more round to infinity */
        return (uint16_t)(sign | 0x7c00u);
    if (a < 0x38800000u) /* below 2^-14: the sum's last place is 2^-24, and the FPU rounds */
        return (uint16_t)(sign | (cpu_bits(cpu_from_bits(a) + 0.5f) - cpu_bits(0.5f)));
    a += 0xfffu + (a >> 13 & 1u);
    return (uint16_t)(sign | (a - 0x38000000u) >> 13);
}

CPU_INLINE float cpu_from_bf16(uint16_t h)
{
    return cpu_from_bits((uint32_t)h << 16);
}

CPU_INLINE uint16_t cpu_to_bf16(float f)
{
    uint32_t u = cpu_bits(f);
    uint32_t rounded = (u + 0x7fffu + (u >> 16 & 1u)) >> 16;
    return (uint16_t)((u & 0x7fffffffu) > 0x7f800000u ? u >> 16 | 0x40u : rounded);
}

/* The f32 next to d whose last bit is odd unless it is d itself: narrowing that once more gives
 * what narrowing d at once would have. */
CPU_INLINE float cpu_odd_f32(double d)
{
    float f = (float)d;
    uint32_t u = cpu_bits(f);
    double size = d < 0 ? -d : d, got = f < 0 ? -(double)f : (double)f;
    if (size == got || d != d || (u & 1u))
        return f;
    return cpu_from_bits(size > got ? u + 1u : u - 1u);
}

/* Likewise for 64-bit integers, which a double may round as well. */
CPU_INLINE float cpu_odd_f32_of_i64(int64_t i)
{
    uint64_t size = i < 0 ? 0 - (uint64_t)i : (uint64_t)i, lost = 0;
    int shift = 0;
    while (size >> shift > 0xffffffu)
        shift++;
    lost = size & ((UINT64_C(1) << shift) - 1);
    size >>= shift;
    size |= lost != 0;
    float f = (float)size;
    for (; shift > 0; shift--)
        f *= 2.0f;
    return i < 0 ? -f : f;
}

#endif
