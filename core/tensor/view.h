/* Views of host tensors, for the tensor room and whoever makes copies. */
#ifndef TN_TENSOR_VIEW_H
#define TN_TENSOR_VIEW_H

#include "tenon/tensor.h"

struct tn_view {
    struct tn_shape shape;
    int64_t stride[TN_MAX_RANK];
    int64_t offset; /* of the first element, from the viewed tensor's first, in elements */
};
/* The caller has seen to it that the view lies within the storage. */
tn_status tn_tensor_view(tn_tensor *tensor, const struct tn_view *view, tn_tensor **out_view,
                         struct tn_error *err);
/* Row-major strides of a shape, in elements; zero dims count as one. */
void tn_contiguous_strides(const struct tn_shape *shape, int64_t out_stride[TN_MAX_RANK]);
/* 1 when no dim is negative and the product of the dims, zeros counted as one, is below 2^62: then
 * any stride, the product of any of the dims and a dim and one more fit in an int64_t. */
int tn_shape_fits(const struct tn_shape *shape);
/* Copies the elements, row-major, to dst of tn_tensor_bytes(tensor) bytes. */
void tn_tensor_pack(const tn_tensor *tensor, void *dst);

#endif
