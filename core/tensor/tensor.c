/* Host tensors: a typed, strided view of storage that several views share. */
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "tensor/convert.h"
#include "tensor/view.h"

#define ALIGNMENT 64

struct tn_storage {
    atomic_uint n_refs;
    void *block; /* what free() wants */
    char *data;  /* aligned */
};

struct tn_tensor {
    atomic_uint n_refs;
    struct tn_storage *storage;
    char *data; /* the view's first element */
    int64_t count;
    tn_dtype dtype;
    struct tn_shape shape;
    int64_t stride[TN_MAX_RANK];
};

static struct tn_storage *new_storage(size_t n_bytes)
{
    struct tn_storage *storage = calloc(1, sizeof *storage);
    /* calloc and not aligned_alloc: the system hands out zeroed pages only as they are touched. */
    void *block = storage ? calloc(1, n_bytes + ALIGNMENT) : NULL;
    if (!block) {
        free(storage);
        return NULL;
    }
    atomic_init(&storage->n_refs, 1);
    storage->block = block;
    storage->data = (char *)(((uintptr_t)block + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    return storage;
}

static void drop_storage(struct tn_storage *storage)
{
    if (storage && atomic_fetch_sub(&storage->n_refs, 1) == 1) {
        free(storage->block);
        free(storage);
    }
}

void tn_contiguous_strides(const struct tn_shape *shape, int64_t out_stride[TN_MAX_RANK])
{
    int64_t step = 1;
    for (uint32_t i = shape->rank; i-- > 0;) {
        out_stride[i] = step;
        step *= TN_MAX(shape->dim[i], 1);
    }
}

/* Element count and byte size; fails on a bad dtype, a negative dim, overflow. */
static tn_status measure(tn_dtype dtype, const struct tn_shape *shape, int64_t *out_count,
                         size_t *out_bytes, struct tn_error *err)
{
    char text[256];
    size_t n_bytes = 0;
    int64_t count = 0;
    if (tn_dtype_size(dtype) == 0)
        return tn_error_set(err, TN_E_INVALID, "%d is no element type", (int)dtype);
    if (shape->rank > TN_MAX_RANK)
        return tn_error_set(err, TN_E_INVALID, "tensors have at most %d dims", TN_MAX_RANK);
    if (tn_shape_count(shape, &count) != TN_OK)
        return tn_error_set(err, TN_E_INVALID,
                            "shape %s has a negative dim or more elements than fit in 63 bits",
                            tn_shape_format(shape, text, sizeof text));
    if (!tn_shape_fits(shape)) /* strides are taken with zero dims counted as one */
        return tn_error_set(err, TN_E_INVALID, "the dims of shape %s are too large",
                            tn_shape_format(shape, text, sizeof text));
    if (TN_MUL_OVERFLOW((size_t)count, tn_dtype_size(dtype), &n_bytes) || n_bytes > SIZE_MAX / 4)
        return tn_error_set(err, TN_E_INVALID, "shape %s of %s has more bytes than an address",
                            tn_shape_format(shape, text, sizeof text), tn_dtype_name(dtype));
    *out_count = count;
    *out_bytes = n_bytes;
    return TN_OK;
}

tn_status tn_tensor_create(tn_dtype dtype, const struct tn_shape *shape, tn_tensor **out_tensor,
                           struct tn_error *err)
{
    int64_t count = 0;
    size_t n_bytes = 0;
    tn_status status = measure(dtype, shape, &count, &n_bytes, err);
    if (status != TN_OK)
        return status;
    tn_tensor *tensor = calloc(1, sizeof *tensor);
    struct tn_storage *storage = tensor ? new_storage(n_bytes) : NULL;
    if (!storage) {
        free(tensor);
        char text[256];
        return tn_error_set(err, TN_E_OOM, "no memory for a tensor %s of %s (%zu bytes)",
                            tn_shape_format(shape, text, sizeof text), tn_dtype_name(dtype),
                            n_bytes);
    }
    atomic_init(&tensor->n_refs, 1);
    tensor->storage = storage;
    tensor->data = storage->data;
    tensor->count = count;
    tensor->dtype = dtype;
    tensor->shape = *shape;
    tn_contiguous_strides(shape, tensor->stride);
    *out_tensor = tensor;
    return TN_OK;
}

tn_tensor *tn_tensor_ref(tn_tensor *tensor)
{
    if (tensor)
        atomic_fetch_add(&tensor->n_refs, 1);
    return tensor;
}

void tn_tensor_unref(tn_tensor **tensor)
{
    if (!tensor || !*tensor)
        return;
    if (atomic_fetch_sub(&(*tensor)->n_refs, 1) == 1) {
        drop_storage((*tensor)->storage);
        free(*tensor);
    }
    *tensor = NULL;
}

tn_dtype tn_tensor_dtype(const tn_tensor *tensor)
{
    return tensor->dtype;
}

const struct tn_shape *tn_tensor_shape(const tn_tensor *tensor)
{
    return &tensor->shape;
}

const int64_t *tn_tensor_strides(const tn_tensor *tensor)
{
    return tensor->stride;
}

void *tn_tensor_data(tn_tensor *tensor)
{
    return tensor->data;
}

const void *tn_tensor_const_data(const tn_tensor *tensor)
{
    return tensor->data;
}

int64_t tn_tensor_count(const tn_tensor *tensor)
{
    return tensor->count;
}

size_t tn_tensor_bytes(const tn_tensor *tensor)
{
    return (size_t)tensor->count * tn_dtype_size(tensor->dtype);
}

int tn_tensor_is_contiguous(const tn_tensor *tensor)
{
    int64_t expected = 1;
    if (tensor->count == 0)
        return 1;
    for (uint32_t i = tensor->shape.rank; i-- > 0;) {
        if (tensor->shape.dim[i] == 1)
            continue; /* its stride is never taken */
        if (tensor->stride[i] != expected)
            return 0;
        expected *= tensor->shape.dim[i];
    }
    return 1;
}

tn_status tn_tensor_view(tn_tensor *tensor, const struct tn_view *view, tn_tensor **out_view,
                         struct tn_error *err)
{
    int64_t count = 0;
    size_t n_bytes = 0;
    tn_status status = measure(tensor->dtype, &view->shape, &count, &n_bytes, err);
    if (status != TN_OK)
        return status;
    tn_tensor *made = calloc(1, sizeof *made);
    if (!made)
        return tn_error_set(err, TN_E_OOM, "no memory for a view");
    atomic_init(&made->n_refs, 1);
    atomic_fetch_add(&tensor->storage->n_refs, 1);
    made->storage = tensor->storage;
    made->data = tensor->data + view->offset * (int64_t)tn_dtype_size(tensor->dtype);
    made->count = count;
    made->dtype = tensor->dtype;
    made->shape = view->shape;
    memcpy(made->stride, view->stride, sizeof made->stride);
    *out_view = made;
    return TN_OK;
}

/* One row of the innermost axis: n elements, `step` bytes apart, packed into dst. */
static void gather_row(char *dst, const char *src, int64_t n, int64_t step, size_t size)
{
    if (step == (int64_t)size) {
        memcpy(dst, src, (size_t)n * size);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        memcpy(dst + (size_t)i * size, src + i * step, size);
}

void tn_tensor_pack(const tn_tensor *tensor, void *dst)
{
    const struct tn_shape *shape = &tensor->shape;
    size_t size = tn_dtype_size(tensor->dtype);
    if (tensor->count == 0)
        return;
    if (tn_tensor_is_contiguous(tensor)) {
        memcpy(dst, tensor->data, tn_tensor_bytes(tensor));
        return;
    }
    /* Not contiguous, so there is at least one axis; walk all but the last like an odometer. */
    uint32_t last = shape->rank - 1;
    int64_t at[TN_MAX_RANK] = {0}, n_row = shape->dim[last];
    const char *src = tensor->data;
    char *out = dst;
    for (int64_t row = 0; row < tensor->count / n_row; row++) {
        gather_row(out, src, n_row, tensor->stride[last] * (int64_t)size, size);
        out += (size_t)n_row * size;
        for (uint32_t i = last; i-- > 0;) {
            src += tensor->stride[i] * (int64_t)size;
            if (++at[i] < shape->dim[i])
                break;
            src -= tensor->stride[i] * (int64_t)size * shape->dim[i];
            at[i] = 0;
        }
    }
}

tn_status tn_tensor_convert(const tn_tensor *tensor, tn_dtype dtype, tn_tensor **out_tensor,
                            struct tn_error *err)
{
    tn_tensor *packed = NULL, *made = NULL;
    tn_status status = tn_tensor_create(dtype, &tensor->shape, &made, err);
    if (status != TN_OK)
        return status;
    if (dtype == tensor->dtype) {
        tn_tensor_pack(tensor, made->data);
    } else if (tn_tensor_is_contiguous(tensor)) {
        tn_convert(tensor->dtype, tensor->data, dtype, made->data, tensor->count);
    } else {
        status = tn_tensor_create(tensor->dtype, &tensor->shape, &packed, err);
        if (status != TN_OK) {
            tn_tensor_unref(&made);
            return status;
        }
        tn_tensor_pack(tensor, packed->data);
        tn_convert(tensor->dtype, packed->data, dtype, made->data, tensor->count);
        tn_tensor_unref(&packed);
    }
    *out_tensor = made;
    return TN_OK;
}

static char *element_at(const tn_tensor *tensor, const int64_t *index)
{
    int64_t offset = 0;
    for (uint32_t i = 0; i < tensor->shape.rank; i++) {
        assert(index[i] >= 0 && index[i] < tensor->shape.dim[i]);
        offset += index[i] * tensor->stride[i];
    }
    return tensor->data + offset * (int64_t)tn_dtype_size(tensor->dtype);
}

double tn_tensor_get(const tn_tensor *tensor, const int64_t *index)
{
    return tn_element_get(tensor->dtype, element_at(tensor, index));
}

void tn_tensor_set(tn_tensor *tensor, const int64_t *index, double value)
{
    tn_element_set(tensor->dtype, element_at(tensor, index), value);
}
