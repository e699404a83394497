/* SPDX-License-Identifier: MIT
 *
 * Philox4x32-10 (Salmon et al., SC11), sixteen blocks side by side: the one order of randomness.
 *   key = mix(rng ^ path_hash), block = element / 4, lane = element % 4,
 *   draw = philox(key, {block lo, block hi, sample lo, sample hi})[lane] */
#ifndef CPU_OPS_PHILOX_H
#define CPU_OPS_PHILOX_H

#include "ops.h"

#define CPU_PHILOX_BLOCKS 16                     /* drawn side by side */
#define CPU_PHILOX_GROUP (CPU_PHILOX_BLOCKS * 4) /* elements that they make */

/* The finaliser of SplitMix64 (Steele et al., 2014). */
CPU_UNUSED static uint64_t cpu_mix64(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* Draws of blocks [block, block + CPU_PHILOX_BLOCKS), element by element. */
CPU_UNUSED static void cpu_philox(uint32_t out[CPU_PHILOX_BLOCKS * 4], uint64_t key, uint64_t block,
                                  uint64_t sample)
{
    uint32_t c0[CPU_PHILOX_BLOCKS], c1[CPU_PHILOX_BLOCKS], c2[CPU_PHILOX_BLOCKS],
        c3[CPU_PHILOX_BLOCKS];
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int i = 0; i < CPU_PHILOX_BLOCKS; i++) {
        c0[i] = (uint32_t)(block + (uint64_t)i);
        c1[i] = (uint32_t)((block + (uint64_t)i) >> 32);
        c2[i] = (uint32_t)sample;
        c3[i] = (uint32_t)(sample >> 32);
    }
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < CPU_PHILOX_BLOCKS; i++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0[i], p1 = (uint64_t)0xCD9E8D57u * c2[i];
            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            c1[i] = (uint32_t)p1;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c3[i] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < CPU_PHILOX_BLOCKS; i++) {
        out[i * 4] = c0[i];
        out[i * 4 + 1] = c1[i];
        out[i * 4 + 2] = c2[i];
        out[i * 4 + 3] = c3[i];
    }
}

/* [0, 1) with 24 bits. */
CPU_INLINE float cpu_unit(uint32_t draw)
{
    return (float)(int32_t)(draw >> 8) * 0x1p-24f;
}

/* The key of a node: `rng` is its i64 scalar. */
CPU_UNUSED static uint64_t cpu_rng_key(const uint8_t *rng, uint64_t path_hash)
{
    uint64_t bits;
    memcpy(&bits, rng, sizeof bits);
    return cpu_mix64(bits ^ path_hash);
}

#endif
