/* Hashes. tn_hash64 is XXH3 (xxHash library) over bytes; tn_mix64 is the finalizer of SplitMix64
 * (Steele, Lea, Flood 2014), the one integer mix that hosts and kernels share. */
#ifndef TN_BASE_HASH_H
#define TN_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t tn_hash64(const void *data, size_t n_bytes);
uint64_t tn_hash_string(const char *text);

static inline uint64_t tn_mix64(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

#endif
