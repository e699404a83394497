#include "base/vec.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/compiler.h"

int tn_vec_grow(void **items, size_t n, size_t *cap, size_t item_size)
{
    if (n < *cap)
        return 1;
    size_t wanted = *cap ? *cap : 8, n_bytes = 0;
    if (*cap && TN_MUL_OVERFLOW(*cap, (size_t)2, &wanted))
        return 0;
    if (TN_MUL_OVERFLOW(wanted, item_size, &n_bytes))
        return 0;
    void *grown = realloc(*items, n_bytes);
    if (!grown)
        return 0;
    *items = grown;
    *cap = wanted;
    return 1;
}

void tn_vec_finish(void **items, size_t *n, size_t *cap)
{
    free(*items);
    *items = NULL;
    *n = 0;
    *cap = 0;
}
