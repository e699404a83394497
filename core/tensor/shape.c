#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "tensor/view.h"

struct tn_shape tn_shape_make(const int64_t *dim, size_t rank)
{
    /* Too long a list keeps a rank that every check of the shape then refuses. */
    struct tn_shape shape = {.rank = (uint32_t)TN_MIN(rank, (size_t)TN_MAX_RANK + 1)};
    size_t n = TN_MIN(rank, (size_t)TN_MAX_RANK);
    if (n)
        memcpy(shape.dim, dim, n * sizeof *dim);
    return shape;
}

int tn_shape_equal(const struct tn_shape *a, const struct tn_shape *b)
{
    if (a->rank != b->rank)
        return 0;
    for (uint32_t i = 0; i < a->rank && i < TN_MAX_RANK; i++)
        if (a->dim[i] != b->dim[i])
            return 0;
    return 1;
}

tn_status tn_shape_count(const struct tn_shape *shape, int64_t *out_count)
{
    int64_t count = 1;
    int has_zero = 0;
    if (shape->rank > TN_MAX_RANK)
        return TN_E_INVALID;
    for (uint32_t i = 0; i < shape->rank; i++) {
        if (shape->dim[i] < 0)
            return TN_E_INVALID;
        has_zero |= shape->dim[i] == 0;
    }
    for (uint32_t i = 0; i < shape->rank && !has_zero; i++)
        if (TN_MUL_OVERFLOW(count, shape->dim[i], &count))
            return TN_E_INVALID;
    *out_count = has_zero ? 0 : count;
    return TN_OK;
}

int tn_shape_fits(const struct tn_shape *shape)
{
    int64_t padded = 1;
    if (shape->rank > TN_MAX_RANK)
        return 0;
    for (uint32_t i = 0; i < shape->rank; i++)
        if (shape->dim[i] < 0 || TN_MUL_OVERFLOW(padded, TN_MAX(shape->dim[i], 1), &padded))
            return 0;
    return padded <= INT64_MAX / 2;
}

char *tn_shape_format(const struct tn_shape *shape, char *buf, size_t size)
{
    if (size == 0)
        return buf;
    size_t n = 0;
    int wrote = snprintf(buf, size, "[");
    for (uint32_t i = 0; i < shape->rank && i < TN_MAX_RANK; i++) {
        n = TN_MIN(n + (size_t)wrote, size - 1);
        const char *comma = i ? ", " : "";
        if (shape->dim[i] <= INT64_MIN / 2) /* symbolic: only its graph knows the name */
            wrote = snprintf(buf + n, size - n, "%s?", comma);
        else
            wrote = snprintf(buf + n, size - n, "%s%" PRId64, comma, shape->dim[i]);
    }
    n = TN_MIN(n + (size_t)wrote, size - 1);
    snprintf(buf + n, size - n, shape->rank > TN_MAX_RANK ? ", ...]" : "]");
    return buf;
}
