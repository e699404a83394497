/* Transpose, slice, broadcast, reshape: the arithmetic of strides. */
#include "tensor/view.h"

#include <inttypes.h>
#include <string.h>

#include "base/compiler.h"

static struct tn_view whole(const tn_tensor *tensor)
{
    struct tn_view view = {.shape = *tn_tensor_shape(tensor)};
    memcpy(view.stride, tn_tensor_strides(tensor), sizeof view.stride);
    return view;
}

tn_status tn_tensor_transpose(tn_tensor *tensor, const uint32_t *perm, tn_tensor **out_view,
                              struct tn_error *err)
{
    struct tn_view from = whole(tensor), view = from;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < from.shape.rank; i++) {
        if (perm[i] >= from.shape.rank || (seen >> perm[i] & 1u))
            return tn_error_set(err, TN_E_INVALID,
                                "transpose: entry %u of perm is %u; perm must name each axis of a "
                                "rank-%u tensor once",
                                i, perm[i], from.shape.rank);
        seen |= 1u << perm[i];
        view.shape.dim[i] = from.shape.dim[perm[i]];
        view.stride[i] = from.stride[perm[i]];
    }
    return tn_tensor_view(tensor, &view, out_view, err);
}

/* NumPy's rule: negative counts from the end, then clamped into [lo, hi]. */
static int64_t clamp_index(int64_t index, int64_t dim, int64_t lo, int64_t hi)
{
    if (index < 0)
        index += dim;
    return index < lo ? lo : index > hi ? hi : index;
}

tn_status tn_tensor_slice(tn_tensor *tensor, uint32_t axis, int64_t start, int64_t stop,
                          int64_t step, tn_tensor **out_view, struct tn_error *err)
{
    struct tn_view view = whole(tensor);
    if (axis >= view.shape.rank)
        return tn_error_set(err, TN_E_INVALID, "slice: axis %u of a rank-%u tensor", axis,
                            view.shape.rank);
    if (step == 0 || step == INT64_MIN)
        return tn_error_set(err, TN_E_INVALID, "slice: step %" PRId64 " is not possible", step);
    int64_t dim = view.shape.dim[axis], count = 0;
    if (step > 0) {
        start = clamp_index(start, dim, 0, dim);
        stop = clamp_index(stop, dim, 0, dim);
        if (stop > start)
            count = (stop - start - 1) / step + 1;
    } else {
        start = clamp_index(start, dim, -1, dim - 1);
        stop = clamp_index(stop, dim, -1, dim - 1);
        if (start > stop)
            count = (start - stop - 1) / -step + 1;
    }
    view.offset = count ? start * view.stride[axis] : 0;
    view.shape.dim[axis] = count;
    /* With one element or none the stride is never taken, and might overflow. */
    view.stride[axis] = count > 1 ? view.stride[axis] * step : 1;
    return tn_tensor_view(tensor, &view, out_view, err);
}

tn_status tn_tensor_broadcast(tn_tensor *tensor, const struct tn_shape *shape, tn_tensor **out_view,
                              struct tn_error *err)
{
    struct tn_view from = whole(tensor), view = {.shape = *shape};
    char a[256], b[256];
    int fits = shape->rank <= TN_MAX_RANK && shape->rank >= from.shape.rank;
    for (uint32_t i = 0; fits && i < from.shape.rank; i++) {
        uint32_t to = i + (shape->rank - from.shape.rank);
        if (from.shape.dim[i] == shape->dim[to])
            view.stride[to] = from.stride[i];
        else if (from.shape.dim[i] != 1) /* else: the same element again, stride 0 */
            fits = 0;
    }
    if (!fits)
        return tn_error_set(err, TN_E_INVALID, "shape %s does not broadcast to %s",
                            tn_shape_format(&from.shape, a, sizeof a),
                            tn_shape_format(shape, b, sizeof b));
    return tn_tensor_view(tensor, &view, out_view, err);
}

/* Strides of `to` over the same memory, 0 where there are none. Both shapes, cut into runs of axes
 * with equal products, must have a run's old axes evenly spaced: the method of NumPy's
 * _attempt_nocopy_reshape. Counts are equal and not zero. */
static int reshaped_strides(const struct tn_view *from, const struct tn_shape *to,
                            int64_t out_stride[TN_MAX_RANK])
{
    int64_t dim[TN_MAX_RANK], stride[TN_MAX_RANK];
    uint32_t n = 0;
    for (uint32_t i = 0; i < from->shape.rank; i++) {
        if (from->shape.dim[i] == 1)
            continue;
        dim[n] = from->shape.dim[i];
        stride[n++] = from->stride[i];
    }
    uint32_t old_lo = 0, new_lo = 0;
    while (old_lo < n && new_lo < to->rank) {
        uint32_t old_hi = old_lo + 1, new_hi = new_lo + 1;
        int64_t n_old = dim[old_lo], n_new = to->dim[new_lo];
        while (n_old != n_new) {
            if (n_new < n_old)
                n_new *= to->dim[new_hi++];
            else
                n_old *= dim[old_hi++];
        }
        for (uint32_t i = old_lo; i + 1 < old_hi; i++)
            if (stride[i] != stride[i + 1] * dim[i + 1])
                return 0;
        int64_t step = stride[old_hi - 1];
        for (uint32_t i = new_hi; i-- > new_lo;) {
            out_stride[i] = step;
            step *= to->dim[i];
        }
        old_lo = old_hi;
        new_lo = new_hi;
    }
    for (; new_lo < to->rank; new_lo++) /* only ones are left */
        out_stride[new_lo] = 1;
    return 1;
}

tn_status tn_tensor_reshape(tn_tensor *tensor, const struct tn_shape *shape, tn_tensor **out_tensor,
                            struct tn_error *err)
{
    struct tn_view from = whole(tensor), view = {.shape = *shape};
    int64_t count = 0;
    char a[256], b[256];
    if (tn_shape_count(shape, &count) != TN_OK || count != tn_tensor_count(tensor))
        return tn_error_set(err, TN_E_INVALID, "cannot reshape %s (%" PRId64 " elements) to %s",
                            tn_shape_format(&from.shape, a, sizeof a), tn_tensor_count(tensor),
                            tn_shape_format(shape, b, sizeof b));
    if (tn_tensor_is_contiguous(tensor)) {
        tn_contiguous_strides(shape, view.stride);
        return tn_tensor_view(tensor, &view, out_tensor, err);
    }
    if (reshaped_strides(&from, shape, view.stride))
        return tn_tensor_view(tensor, &view, out_tensor, err);
    tn_tensor *made = NULL;
    tn_status status = tn_tensor_create(tn_tensor_dtype(tensor), shape, &made, err);
    if (status != TN_OK)
        return status;
    tn_tensor_pack(tensor, tn_tensor_data(made));
    *out_tensor = made;
    return TN_OK;
}
