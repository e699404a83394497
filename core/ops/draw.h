/* What the random operators share: inputs `rng` and `sample`, attribute `path_hash`, and the place
 * of an element in the one order of randomness (base/rng.h). */
#ifndef TN_OPS_DRAW_H
#define TN_OPS_DRAW_H

#include "base/rng.h"
#include "ops/util.h"

#define TN_DRAW_PATH_HASH                                                    \
    {                                                                        \
        .name = "path_hash", .type = TN_ATTR_INT,                            \
        .doc = "hash of the layer's path, so that layers draw independently" \
    }

static inline uint64_t tn_draw_key(const struct tn_ref_tensor *rng, const struct tn_attrs *attrs)
{
    return tn_mix64((uint64_t)rng->data.i[0] ^ (uint64_t)tn_attrs_int(attrs, "path_hash"));
}

/* 32 bits for an element of a sample. */
static inline uint32_t tn_draw_bits(uint64_t key, uint64_t sample, int64_t element)
{
    return tn_philox(key, (uint64_t)element / 4, sample).v[element % 4];
}

#endif
