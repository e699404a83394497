/* Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11): a counter-based
 * generator, so that a value depends on its key and its place, never on the order of the work.
 *
 * One order of randomness for the whole project:
 *   rng   = tn_rng_step_key(seed, step, micro): made on the host, a device value (i64 scalar "rng")
 *   key   = tn_mix64(rng ^ path_hash): path_hash is the layer's, an attribute of the node
 *   block = element / 4 of the sample, lane = element % 4
 *   draw  = philox(key, counter = {block lo, block hi, sample lo, sample hi})[lane]
 * `sample` is the sample's global index in its data set. A mask is then the same on every backend
 * and at any split of the batch. `micro` counts passes over the same samples in one step; the parts
 * of an accumulated batch share it, since their sample indices differ.
 * Host-made initial values use rng = seed, sample = 0. */
#ifndef TN_BASE_RNG_H
#define TN_BASE_RNG_H

#include <stdint.h>

#include "base/hash.h"

struct tn_philox {
    uint32_t v[4];
};

static inline struct tn_philox tn_philox(uint64_t key, uint64_t block, uint64_t sample)
{
    uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32);
    uint32_t c2 = (uint32_t)sample, c3 = (uint32_t)(sample >> 32);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return (struct tn_philox){{c0, c1, c2, c3}};
}

static inline uint64_t tn_rng_step_key(uint64_t seed, uint64_t step, uint64_t micro)
{
    return tn_mix64(tn_mix64(seed) ^ tn_mix64(step * 0x100000000u + micro));
}

/* [0, 1) with 24 bits: exact in f32, so every device gets the same number. */
static inline float tn_rng_unit(uint32_t draw)
{
    return (float)(draw >> 8) * 0x1p-24f;
}

#endif
