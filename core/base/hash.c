#include "base/hash.h"

#include <string.h>
#include <xxhash.h>

uint64_t tn_hash64(const void *data, size_t n_bytes)
{
    return XXH3_64bits(n_bytes ? data : "", n_bytes);
}

uint64_t tn_hash_string(const char *text)
{
    return tn_hash64(text, strlen(text));
}
