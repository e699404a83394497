/* Element types, shapes and host tensors. */
#ifndef TENON_TENSOR_H
#define TENON_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "tenon/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers equal TNB_F32... of backend.h and never change. */
typedef enum tn_dtype {
    TN_F32 = 1,
    TN_F16,
    TN_BF16,
    TN_F64,
    TN_I32,
    TN_I64,
    TN_U8,
    TN_BOOL /* one byte, 0 or 1 */
} tn_dtype;

#define TN_MAX_RANK 8

/* Rank 0 is a scalar: one element. In a graph a negative dim is symbolic (see graph.h). */
struct tn_shape {
    uint32_t rank;
    int64_t dim[TN_MAX_RANK];
};

/* Bytes of one element; 0 for a number that is no dtype. */
TN_API size_t tn_dtype_size(tn_dtype dtype);
/* "f32", "i64", ...; "?" for a number that is no dtype. */
TN_API const char *tn_dtype_name(tn_dtype dtype);
/* 1 for f32, f16, bf16, f64. */
TN_API int tn_dtype_is_float(tn_dtype dtype);

/* Shapes in place, in C: &TN_SHAPE(64, 1, 28, 28), TN_SCALAR (rank 0). */
#define TN_SHAPE(...)                                                                              \
    ((struct tn_shape){.rank = sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t),           \
                       .dim = {__VA_ARGS__}})
#define TN_SCALAR ((struct tn_shape){.rank = 0})
TN_API struct tn_shape tn_shape_make(const int64_t *dim, size_t rank);
TN_API int tn_shape_equal(const struct tn_shape *a, const struct tn_shape *b);
/* Product of the dims; TN_E_INVALID on a negative dim or overflow of int64_t. */
TN_API tn_status tn_shape_count(const struct tn_shape *shape, int64_t *out_count);
/* "[64, 1, 28, 28]" into buf (truncated to size); returns buf. */
TN_API char *tn_shape_format(const struct tn_shape *shape, char *buf, size_t size);

/* A host tensor: typed, strided view of shared storage. Not thread-safe while being written;
 * refcounts are atomic, so references may be dropped on any thread. */
typedef struct tn_tensor tn_tensor;

/* Zero-filled, row-major, 64-byte aligned. The caller owns the reference. TN_E_OOM, TN_E_INVALID. */
TN_API tn_status tn_tensor_create(tn_dtype dtype, const struct tn_shape *shape,
                                  tn_tensor **out_tensor, struct tn_error *err);
TN_API tn_tensor *tn_tensor_ref(tn_tensor *tensor);
/* Drops the reference, sets *tensor to NULL; NULL and pointer to NULL are accepted. */
TN_API void tn_tensor_unref(tn_tensor **tensor);

TN_API tn_dtype tn_tensor_dtype(const tn_tensor *tensor);
TN_API const struct tn_shape *tn_tensor_shape(const tn_tensor *tensor);
/* Strides in elements, `rank` of them; may be 0 (broadcast) or negative. */
TN_API const int64_t *tn_tensor_strides(const tn_tensor *tensor);
/* First element of the view. */
TN_API void *tn_tensor_data(tn_tensor *tensor);
TN_API const void *tn_tensor_const_data(const tn_tensor *tensor);
TN_API int64_t tn_tensor_count(const tn_tensor *tensor);
TN_API size_t tn_tensor_bytes(const tn_tensor *tensor); /* count * element size */
TN_API int tn_tensor_is_contiguous(const tn_tensor *tensor);

/* Views share storage with `tensor`; the result owns a reference of its own.
 * slice: NumPy's x[start:stop:step] per axis, negative values included; perm has `rank` entries. */
TN_API tn_status tn_tensor_transpose(tn_tensor *tensor, const uint32_t *perm, tn_tensor **out_view,
                                     struct tn_error *err);
TN_API tn_status tn_tensor_slice(tn_tensor *tensor, uint32_t axis, int64_t start, int64_t stop,
                                 int64_t step, tn_tensor **out_view, struct tn_error *err);
TN_API tn_status tn_tensor_broadcast(tn_tensor *tensor, const struct tn_shape *shape,
                                     tn_tensor **out_view, struct tn_error *err);
/* A view where strides allow it, else a copy. */
TN_API tn_status tn_tensor_reshape(tn_tensor *tensor, const struct tn_shape *shape,
                                   tn_tensor **out_tensor, struct tn_error *err);
/* Row-major copy with another dtype (values rounded to nearest even, saturated for integers). */
TN_API tn_status tn_tensor_convert(const tn_tensor *tensor, tn_dtype dtype, tn_tensor **out_tensor,
                                   struct tn_error *err);

/* Element access for tests and small jobs; index has `rank` entries; any dtype. */
TN_API double tn_tensor_get(const tn_tensor *tensor, const int64_t *index);
TN_API void tn_tensor_set(tn_tensor *tensor, const int64_t *index, double value);

#ifdef __cplusplus
}
#endif
#endif
