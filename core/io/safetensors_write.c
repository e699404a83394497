#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/path.h"
#include "io/safetensors.h"
#include "io/safetensors_format.h"
#include "tensor/view.h"

/* Data goes out as it lies in memory. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is little-endian");

static const char *const dtype_names[] = {
    [TN_F32] = "F32", [TN_F16] = "F16", [TN_BF16] = "BF16", [TN_F64] = "F64",
    [TN_I32] = "I32", [TN_I64] = "I64", [TN_U8] = "U8",     [TN_BOOL] = "BOOL",
};

const char *tn_safetensors_dtype_name(tn_dtype dtype)
{
    return (size_t)dtype < TN_LEN(dtype_names) ? dtype_names[dtype] : NULL;
}

tn_dtype tn_safetensors_dtype_of(const char *name)
{
    for (size_t i = 1; i < TN_LEN(dtype_names); i++) {
        if (strcmp(dtype_names[i], name) == 0)
            return (tn_dtype)i;
    }
    return (tn_dtype)0;
}

static tn_status out_of_memory(const char *path, struct tn_error *err)
{
    return tn_error_set(err, TN_E_OOM, "no memory left to write '%s'", path);
}

/* Wide elements first, so that each tensor lies aligned. Fills order[0..n). */
static void order_by_width(const struct tn_safetensors_content *content, size_t *order)
{
    size_t n = 0;
    for (size_t width = 8; width; width /= 2) {
        for (size_t i = 0; i < content->n_entries; i++) {
            if (tn_dtype_size(tn_tensor_dtype(content->entries[i].tensor)) == width)
                order[n++] = i;
        }
    }
    assert(n == content->n_entries);
}

static json_t *describe(const tn_tensor *tensor, size_t begin, size_t end)
{
    const struct tn_shape *shape = tn_tensor_shape(tensor);
    json_t *dims = json_array();
    for (uint32_t i = 0; i < shape->rank; i++)
        json_array_append_new(dims, json_integer(shape->dim[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype",
                     tn_safetensors_dtype_name(tn_tensor_dtype(tensor)), "shape", dims,
                     "data_offsets", (json_int_t)begin, (json_int_t)end);
}

static tn_status add_meta(json_t *header, const char *path,
                          const struct tn_safetensors_content *content, struct tn_error *err)
{
    char version[16];
    snprintf(version, sizeof(version), "%d", TN_SAFETENSORS_VERSION);
    json_t *meta = json_object();
    if (json_object_set_new(header, TN_SAFETENSORS_META, meta))
        return out_of_memory(path, err);
    if (json_object_set_new(meta, TN_SAFETENSORS_VERSION_KEY, json_string(version)))
        return out_of_memory(path, err);
    for (size_t i = 0; i < content->n_meta; i++) {
        if (json_object_set_new(meta, content->meta[i].key, json_string(content->meta[i].value)))
            return tn_error_set(err, TN_E_INVALID, "cannot write '%s': metadata '%s' is not UTF-8",
                                path, content->meta[i].key);
    }
    return TN_OK;
}

static tn_status make_header(const char *path, const struct tn_safetensors_content *content,
                             const size_t *order, json_t **out_header, size_t *out_n_data,
                             struct tn_error *err)
{
    size_t offset = 0;
    json_t *header = json_object();
    tn_status status = header ? add_meta(header, path, content, err) : out_of_memory(path, err);
    for (size_t i = 0; !status && i < content->n_entries; i++) {
        const struct tn_safetensors_entry *entry = &content->entries[order[i]];
        size_t end = offset + tn_tensor_bytes(entry->tensor);
        if (json_object_get(header, entry->name))
            status =
                tn_error_set(err, TN_E_INVALID, "cannot write '%s': two tensors are named '%s'",
                             path, entry->name);
        else if (json_object_set_new(header, entry->name, describe(entry->tensor, offset, end)))
            status = tn_error_set(err, TN_E_INVALID,
                                  "cannot write '%s': the name of tensor %zu is not UTF-8", path,
                                  order[i]);
        offset = end;
    }
    if (status) {
        json_decref(header);
        return status;
    }
    *out_header = header;
    *out_n_data = offset;
    return TN_OK;
}

/* Header size, then the JSON, padded with blanks so that the data begins at a multiple of 8. */
static tn_status print_header(const char *path, const json_t *header, char **out_bytes,
                              size_t *out_n, struct tn_error *err)
{
    char *text = json_dumps(header, JSON_COMPACT);
    size_t n_text = text ? strlen(text) : 0, n_padded = (n_text + 7) / 8 * 8;
    char *bytes = text ? malloc(8 + n_padded) : NULL;
    tn_status status = TN_OK;
    if (!bytes) {
        status = out_of_memory(path, err);
    } else if (n_padded > TN_SAFETENSORS_MAX_HEADER) {
        status = tn_error_set(err, TN_E_INVALID,
                              "cannot write '%s': the header would have %zu bytes, the format's "
                              "limit is %d",
                              path, n_padded, TN_SAFETENSORS_MAX_HEADER);
        free(bytes);
    } else {
        for (int i = 0; i < 8; i++)
            bytes[i] = (char)(n_padded >> (8 * i) & 255);
        memcpy(bytes + 8, text, n_text);
        memset(bytes + 8 + n_text, ' ', n_padded - n_text);
        *out_bytes = bytes;
        *out_n = 8 + n_padded;
    }
    free(text);
    return status;
}

static tn_status write_tensor(struct tn_new_file *file, const tn_tensor *tensor,
                              struct tn_error *err)
{
    size_t n_bytes = tn_tensor_bytes(tensor);
    if (tn_tensor_is_contiguous(tensor))
        return tn_new_file_write(file, tn_tensor_const_data(tensor), n_bytes, err);
    void *packed = malloc(n_bytes ? n_bytes : 1);
    if (!packed)
        return out_of_memory(file->path, err);
    tn_tensor_pack(tensor, packed);
    tn_status status = tn_new_file_write(file, packed, n_bytes, err);
    free(packed);
    return status;
}

static tn_status write_file(const char *path, const struct tn_safetensors_content *content,
                            const size_t *order, const void *header, size_t n_header,
                            struct tn_error *err)
{
    struct tn_new_file file = {0};
    tn_status status = tn_new_file_open(path, &file, err);
    if (status)
        return status;
    status = tn_new_file_write(&file, header, n_header, err);
    for (size_t i = 0; !status && i < content->n_entries; i++)
        status = write_tensor(&file, content->entries[order[i]].tensor, err);
    if (status) {
        tn_new_file_cancel(&file);
        return status;
    }
    return tn_new_file_commit(&file, err);
}

tn_status tn_safetensors_write(const char *path, const struct tn_safetensors_content *content,
                               struct tn_error *err)
{
    json_t *header = NULL;
    char *bytes = NULL;
    size_t n_data = 0, n_header = 0;
    size_t *order = calloc(content->n_entries + 1, sizeof(*order));
    if (!order)
        return out_of_memory(path, err);
    order_by_width(content, order);
    tn_status status = make_header(path, content, order, &header, &n_data, err);
    if (!status)
        status = print_header(path, header, &bytes, &n_header, err);
    if (!status) {
        struct tn_error why = {TN_OK, ""};
        status = write_file(path, content, order, bytes, n_header, &why);
        if (status == TN_E_IO)
            tn_error_set(err, status, "%s (%zu bytes are needed)", why.msg, n_header + n_data);
        else if (status)
            tn_error_set(err, status, "%s", why.msg);
    }
    json_decref(header);
    free(bytes);
    free(order);
    return status;
}
