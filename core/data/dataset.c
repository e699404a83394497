/* Data sets in memory. Views share the tensors and hold the rows that they show. */
#include "data/dataset.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

static tn_status out_of_memory(struct tn_error *err)
{
    return tn_error_set(err, TN_E_OOM, "no memory left for a data set");
}

static tn_status dataset_alloc(const char *description, size_t n_fields, tn_dataset **out_dataset,
                               struct tn_error *err)
{
    tn_dataset *dataset = calloc(1, sizeof(*dataset));
    if (!dataset)
        return out_of_memory(err);
    atomic_init(&dataset->n_refs, 1);
    dataset->description = copy_text(description ? description : "");
    dataset->fields = calloc(n_fields, sizeof(*dataset->fields));
    if (!dataset->description || !dataset->fields) {
        tn_dataset_unref(&dataset);
        return out_of_memory(err);
    }
    dataset->n_fields = n_fields;
    *out_dataset = dataset;
    return TN_OK;
}

static struct tn_transform complete_transform(const struct tn_transform *given, tn_dtype stored)
{
    return (struct tn_transform){
        .dtype = given->dtype ? given->dtype : stored,
        .scale = given->scale == 0 ? 1 : given->scale,
        .offset = given->offset,
    };
}

static tn_status field_init(struct tn_field *field, const struct tn_field_params *params,
                            struct tn_error *err)
{
    tn_dtype stored = tn_tensor_dtype(params->values);
    field->name = copy_text(params->name);
    if (!field->name)
        return out_of_memory(err);
    if (tn_tensor_is_contiguous(params->values)) {
        field->values = tn_tensor_ref(params->values);
    } else {
        tn_status status = tn_tensor_convert(params->values, stored, &field->values, err);
        if (status)
            return status;
    }
    const struct tn_shape *shape = tn_tensor_shape(params->values);
    field->sample_shape = tn_shape_make(shape->dim + 1, shape->rank - 1);
    field->n_elements = (size_t)(tn_tensor_count(params->values) / shape->dim[0]);
    field->transform = complete_transform(&params->transform, stored);
    field->n_classes = params->n_classes;
    return TN_OK;
}

static tn_status check_fields(const struct tn_field_params *fields, size_t n_fields,
                              struct tn_error *err)
{
    if (n_fields == 0)
        return tn_error_set(err, TN_E_INVALID, "a data set needs at least one field");
    for (size_t i = 0; i < n_fields; i++) {
        const struct tn_shape *shape = tn_tensor_shape(fields[i].values);
        if (shape->rank == 0)
            return tn_error_set(err, TN_E_INVALID, "field '%s' is a scalar, not [N, ...]",
                                fields[i].name);
        if (shape->dim[0] == 0)
            return tn_error_set(err, TN_E_INVALID, "field '%s' has no samples", fields[i].name);
        int64_t n = tn_tensor_shape(fields[0].values)->dim[0];
        if (shape->dim[0] != n)
            return tn_error_set(
                err, TN_E_INVALID, "field '%s' has %lld samples and field '%s' has %lld",
                fields[0].name, (long long)n, fields[i].name, (long long)shape->dim[0]);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(fields[i].name, fields[j].name) == 0)
                return tn_error_set(err, TN_E_INVALID, "field '%s' is given twice", fields[i].name);
        }
    }
    return TN_OK;
}

tn_status tn_dataset_create(const char *description, const struct tn_field_params *fields,
                            size_t n_fields, tn_dataset **out_dataset, struct tn_error *err)
{
    tn_dataset *dataset = NULL;
    tn_status status = check_fields(fields, n_fields, err);
    if (!status)
        status = dataset_alloc(description, n_fields, &dataset, err);
    for (size_t i = 0; !status && i < n_fields; i++)
        status = field_init(&dataset->fields[i], &fields[i], err);
    if (status) {
        tn_dataset_unref(&dataset);
        return status;
    }
    dataset->n = tn_tensor_shape(fields[0].values)->dim[0];
    *out_dataset = dataset;
    return TN_OK;
}

tn_dataset *tn_dataset_ref(tn_dataset *dataset)
{
    atomic_fetch_add_explicit(&dataset->n_refs, 1, memory_order_relaxed);
    return dataset;
}

void tn_dataset_unref(tn_dataset **dataset)
{
    if (!dataset || !*dataset)
        return;
    tn_dataset *gone = *dataset;
    *dataset = NULL;
    if (atomic_fetch_sub_explicit(&gone->n_refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < gone->n_fields; i++) {
        free(gone->fields[i].name);
        tn_tensor_unref(&gone->fields[i].values);
    }
    free(gone->fields);
    free(gone->index);
    free(gone->description);
    free(gone);
}

int64_t tn_dataset_size(const tn_dataset *dataset)
{
    return dataset->n;
}

size_t tn_dataset_field_count(const tn_dataset *dataset)
{
    return dataset->n_fields;
}

const char *tn_dataset_description(const tn_dataset *dataset)
{
    return dataset->description;
}

int64_t tn_dataset_sample(const tn_dataset *dataset, int64_t i)
{
    assert(i >= 0 && i < dataset->n);
    return dataset->index ? dataset->index[i] : i;
}

void tn_dataset_field_info(const tn_dataset *dataset, size_t field, struct tn_field_info *out_info)
{
    assert(field < dataset->n_fields);
    const struct tn_field *f = &dataset->fields[field];
    *out_info = (struct tn_field_info){
        .name = f->name,
        .stored_dtype = tn_tensor_dtype(f->values),
        .dtype = f->transform.dtype,
        .sample_shape = f->sample_shape,
        .sample_bytes = f->n_elements * tn_dtype_size(f->transform.dtype),
        .scale = f->transform.scale,
        .offset = f->transform.offset,
        .n_classes = f->n_classes,
    };
}

tn_status tn_dataset_find_field(const tn_dataset *dataset, const char *name, size_t *out_field,
                                struct tn_error *err)
{
    char known[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < dataset->n_fields; i++) {
        if (strcmp(dataset->fields[i].name, name) == 0) {
            *out_field = i;
            return TN_OK;
        }
        if (used < sizeof(known)) {
            int length = snprintf(known + used, sizeof(known) - used, "%s'%s'", i ? ", " : "",
                                  dataset->fields[i].name);
            used += length > 0 ? (size_t)length : 0;
        }
    }
    return tn_error_set(err, TN_E_NOT_FOUND, "the data has no field '%s'; it has %s", name, known);
}

void tn_dataset_read(const tn_dataset *dataset, size_t field, const int64_t *index, size_t n,
                     void *out)
{
    assert(field < dataset->n_fields);
    const struct tn_field *f = &dataset->fields[field];
    tn_dtype stored = tn_tensor_dtype(f->values);
    size_t in_bytes = f->n_elements * tn_dtype_size(stored);
    size_t out_bytes = f->n_elements * tn_dtype_size(f->transform.dtype);
    const char *in = tn_tensor_const_data(f->values);
    for (size_t i = 0; i < n; i++) {
        int64_t row = tn_dataset_sample(dataset, index[i]);
        tn_data_convert(&f->transform, stored, in + (size_t)row * in_bytes, f->n_elements,
                        (char *)out + i * out_bytes);
    }
}

/* A view with the same samples: fields are shared, rows are copied. */
static tn_status dataset_clone(const tn_dataset *dataset, const int64_t *rows, int64_t n,
                               tn_dataset **out_view, struct tn_error *err)
{
    tn_dataset *view = NULL;
    tn_status status = dataset_alloc(dataset->description, dataset->n_fields, &view, err);
    if (status)
        return status;
    for (size_t i = 0; i < dataset->n_fields; i++) {
        view->fields[i] = dataset->fields[i];
        view->fields[i].values = tn_tensor_ref(dataset->fields[i].values);
        view->fields[i].name = copy_text(dataset->fields[i].name);
        if (!view->fields[i].name)
            goto fail;
    }
    view->n = n;
    if (rows) {
        view->index = malloc((size_t)n * sizeof(*rows));
        if (!view->index)
            goto fail;
        memcpy(view->index, rows, (size_t)n * sizeof(*rows));
    }
    *out_view = view;
    return TN_OK;
fail:
    tn_dataset_unref(&view);
    return out_of_memory(err);
}

tn_status tn_dataset_subset(tn_dataset *dataset, const int64_t *index, int64_t n,
                            tn_dataset **out_view, struct tn_error *err)
{
    if (n <= 0)
        return tn_error_set(err, TN_E_INVALID, "a subset needs at least one sample, not %lld",
                            (long long)n);
    for (int64_t i = 0; i < n; i++) {
        if (index[i] < 0 || index[i] >= dataset->n)
            return tn_error_set(err, TN_E_INVALID, "subset index %lld is outside [0, %lld)",
                                (long long)index[i], (long long)dataset->n);
    }
    tn_dataset *view = NULL;
    tn_status status = dataset_clone(dataset, index, n, &view, err);
    if (status)
        return status;
    for (int64_t i = 0; i < n; i++)
        view->index[i] = tn_dataset_sample(dataset, index[i]);
    *out_view = view;
    return TN_OK;
}

tn_status tn_dataset_with_transform(tn_dataset *dataset, const char *field,
                                    const struct tn_transform *transform, tn_dataset **out_view,
                                    struct tn_error *err)
{
    size_t at;
    tn_dataset *view = NULL;
    tn_status status = tn_dataset_find_field(dataset, field, &at, err);
    if (!status)
        status = dataset_clone(dataset, dataset->index, dataset->n, &view, err);
    if (status)
        return status;
    view->fields[at].transform =
        complete_transform(transform, tn_tensor_dtype(view->fields[at].values));
    *out_view = view;
    return TN_OK;
}
