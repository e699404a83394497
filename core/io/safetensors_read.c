#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "io/safetensors.h"
#include "io/safetensors_format.h"

struct entry {
    const char *name; /* lies in the header */
    tn_dtype dtype;
    struct tn_shape shape;
    uint64_t begin, end; /* from the start of the data */
};

struct tn_safetensors {
    char *path;
    FILE *stream;
    json_t *header;
    uint64_t data_at, n_data;
    struct entry *entries; /* by offset */
    size_t n_entries;
    int version;
};

static tn_status io_error(const tn_safetensors *file, struct tn_error *err)
{
    int code = errno;
    char why[128] = "";
    if (strerror_r(code, why, sizeof(why)) != 0)
        why[0] = '\0';
    return tn_error_set(err, code == ENOENT ? TN_E_NOT_FOUND : TN_E_IO, "cannot read '%s': %s",
                        file->path, why);
}

static tn_status out_of_memory(const char *path, struct tn_error *err)
{
    return tn_error_set(err, TN_E_OOM, "no memory left to read '%s'", path);
}

/* Header size and the bytes behind it, checked against the size of the file. */
static tn_status read_sizes(tn_safetensors *file, uint64_t *out_n_header, struct tn_error *err)
{
    uint8_t bytes[8];
    if (fseeko(file->stream, 0, SEEK_END) != 0)
        return io_error(file, err);
    off_t at_end = ftello(file->stream);
    if (at_end < 0)
        return io_error(file, err);
    uint64_t n_file = (uint64_t)at_end, n_header = 0;
    if (n_file < 8)
        return tn_error_set(err, TN_E_INVALID,
                            "'%s' is no safetensors file: it has %" PRIu64 " bytes, the header "
                            "size alone has 8",
                            file->path, n_file);
    rewind(file->stream);
    if (fread(bytes, 1, 8, file->stream) != 8)
        return io_error(file, err);
    for (int i = 0; i < 8; i++)
        n_header |= (uint64_t)bytes[i] << (8 * i);
    if (n_header > TN_SAFETENSORS_MAX_HEADER)
        return tn_error_set(err, TN_E_INVALID,
                            "'%s' is no safetensors file: a header of %" PRIu64 " bytes, the limit "
                            "is %d",
                            file->path, n_header, TN_SAFETENSORS_MAX_HEADER);
    if (n_header > n_file - 8)
        return tn_error_set(err, TN_E_INVALID,
                            "'%s' is cut short: a header of %" PRIu64
                            " bytes in a file of %" PRIu64,
                            file->path, n_header, n_file);
    file->data_at = 8 + n_header;
    file->n_data = n_file - file->data_at;
    *out_n_header = n_header;
    return TN_OK;
}

static tn_status read_header(tn_safetensors *file, uint64_t n_header, struct tn_error *err)
{
    json_error_t why;
    char *text = malloc((size_t)n_header + 1);
    if (!text)
        return out_of_memory(file->path, err);
    if (fread(text, 1, (size_t)n_header, file->stream) != n_header) {
        free(text);
        return io_error(file, err);
    }
    file->header = json_loadb(text, (size_t)n_header, JSON_REJECT_DUPLICATES, &why);
    free(text);
    if (!file->header)
        return tn_error_set(err, TN_E_INVALID, "'%s': the header is not valid JSON: %s (byte %d)",
                            file->path, why.text, 8 + why.position);
    if (!json_is_object(file->header))
        return tn_error_set(err, TN_E_INVALID, "'%s': the header is not a JSON object", file->path);
    return TN_OK;
}

static tn_status check_meta(tn_safetensors *file, struct tn_error *err)
{
    const char *key;
    json_t *value, *meta = json_object_get(file->header, TN_SAFETENSORS_META);
    if (meta && !json_is_object(meta))
        return tn_error_set(err, TN_E_INVALID, "'%s': " TN_SAFETENSORS_META " is not an object",
                            file->path);
    json_object_foreach (meta, key, value) {
        if (!json_is_string(value))
            return tn_error_set(err, TN_E_INVALID, "'%s': metadata '%s' is not a string",
                                file->path, key);
    }
    const char *version = tn_safetensors_meta(file, TN_SAFETENSORS_VERSION_KEY);
    if (!version)
        return TN_OK;
    char *end;
    long number = strtol(version, &end, 10);
    if (*end || end == version || number < 1)
        return tn_error_set(err, TN_E_INVALID, "'%s': format version '%s' is not a number",
                            file->path, version);
    if (number > TN_SAFETENSORS_VERSION)
        return tn_error_set(err, TN_E_INVALID,
                            "'%s' has format version %s; this version of Tenon (%s) reads up to %d",
                            file->path, version, tn_version(), TN_SAFETENSORS_VERSION);
    file->version = (int)number;
    return TN_OK;
}

static tn_status parse_shape(const tn_safetensors *file, struct entry *entry, const json_t *dims,
                             struct tn_error *err)
{
    size_t rank = json_array_size(dims);
    if (!json_is_array(dims) || rank > TN_MAX_RANK)
        return tn_error_set(err, TN_E_INVALID, "'%s': tensor '%s' has no shape of at most %d dims",
                            file->path, entry->name, TN_MAX_RANK);
    entry->shape.rank = (uint32_t)rank;
    for (size_t i = 0; i < rank; i++) {
        json_t *dim = json_array_get(dims, i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return tn_error_set(err, TN_E_INVALID,
                                "'%s': dim %zu of tensor '%s' is not a whole number >= 0",
                                file->path, i, entry->name);
        entry->shape.dim[i] = json_integer_value(dim);
    }
    return TN_OK;
}

static tn_status parse_offsets(const tn_safetensors *file, struct entry *entry,
                               const json_t *offsets, struct tn_error *err)
{
    json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
        json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin))
        return tn_error_set(err, TN_E_INVALID,
                            "'%s': data_offsets of tensor '%s' are not [begin, end]", file->path,
                            entry->name);
    entry->begin = (uint64_t)json_integer_value(begin);
    entry->end = (uint64_t)json_integer_value(end);
    char text[128];
    tn_shape_format(&entry->shape, text, sizeof(text));
    uint64_t n_bytes = tn_dtype_size(entry->dtype);
    int is_empty = 0, overflow = 0;
    for (uint32_t i = 0; i < entry->shape.rank; i++)
        is_empty |= entry->shape.dim[i] == 0;
    for (uint32_t i = 0; i < entry->shape.rank && !is_empty; i++)
        overflow |= TN_MUL_OVERFLOW(n_bytes, (uint64_t)entry->shape.dim[i], &n_bytes);
    if (overflow || entry->end - entry->begin != (is_empty ? 0 : n_bytes))
        return tn_error_set(
            err, TN_E_INVALID, "'%s': tensor '%s' of %s %s has %" PRIu64 " bytes of data",
            file->path, entry->name, tn_dtype_name(entry->dtype), text, entry->end - entry->begin);
    return TN_OK;
}

static tn_status parse_entry(const tn_safetensors *file, struct entry *entry, const json_t *value,
                             struct tn_error *err)
{
    const char *dtype = json_string_value(json_object_get(value, "dtype"));
    if (!dtype)
        return tn_error_set(err, TN_E_INVALID, "'%s': tensor '%s' has no dtype", file->path,
                            entry->name);
    entry->dtype = tn_safetensors_dtype_of(dtype);
    if (!entry->dtype)
        return tn_error_set(
            err, TN_E_INVALID,
            "'%s': tensor '%s' has dtype %.32s; known are F32, F16, BF16, F64, I32, "
            "I64, U8, BOOL",
            file->path, entry->name, dtype);
    tn_status status = parse_shape(file, entry, json_object_get(value, "shape"), err);
    if (!status)
        status = parse_offsets(file, entry, json_object_get(value, "data_offsets"), err);
    return status;
}

static int compare_begin(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end); /* empty ones first */
}

/* The data must be covered without overlap or gap: nothing hides in a file. */
static tn_status check_coverage(const tn_safetensors *file, struct tn_error *err)
{
    uint64_t at = 0;
    for (size_t i = 0; i < file->n_entries; i++) {
        const struct entry *entry = &file->entries[i];
        if (entry->begin != at)
            return tn_error_set(err, TN_E_INVALID,
                                "'%s': tensor '%s' begins at %" PRIu64 ", expected %" PRIu64
                                ": the data %s",
                                file->path, entry->name, entry->begin, at,
                                entry->begin < at ? "overlaps" : "has a gap");
        at = entry->end;
    }
    if (at != file->n_data)
        return tn_error_set(
            err, TN_E_INVALID,
            "'%s' is %s: its tensors need %" PRIu64 " bytes of data, found %" PRIu64, file->path,
            at > file->n_data ? "cut short" : "too long", at, file->n_data);
    return TN_OK;
}

static tn_status parse_entries(tn_safetensors *file, struct tn_error *err)
{
    const char *name;
    json_t *value;
    file->entries = calloc(json_object_size(file->header) + 1, sizeof(*file->entries));
    if (!file->entries)
        return out_of_memory(file->path, err);
    json_object_foreach (file->header, name, value) {
        if (strcmp(name, TN_SAFETENSORS_META) == 0)
            continue;
        struct entry *entry = &file->entries[file->n_entries++];
        entry->name = name;
        tn_status status = parse_entry(file, entry, value, err);
        if (status)
            return status;
    }
    qsort(file->entries, file->n_entries, sizeof(*file->entries), compare_begin);
    return check_coverage(file, err);
}

tn_status tn_safetensors_open(const char *path, tn_safetensors **out_file, struct tn_error *err)
{
    uint64_t n_header = 0;
    tn_safetensors *file = calloc(1, sizeof(*file));
    if (!file)
        return out_of_memory(path, err);
    file->path = strdup(path);
    tn_status status = file->path ? TN_OK : out_of_memory(path, err);
    if (!status) {
        file->stream = fopen(path, "rb");
        status = file->stream ? TN_OK : io_error(file, err);
    }
    if (!status)
        status = read_sizes(file, &n_header, err);
    if (!status)
        status = read_header(file, n_header, err);
    if (!status)
        status = check_meta(file, err);
    if (!status)
        status = parse_entries(file, err);
    if (status) {
        tn_safetensors_close(&file);
        return status;
    }
    *out_file = file;
    return TN_OK;
}

void tn_safetensors_close(tn_safetensors **file)
{
    if (!file || !*file)
        return;
    if ((*file)->stream)
        fclose((*file)->stream);
    json_decref((*file)->header);
    free((*file)->entries);
    free((*file)->path);
    free(*file);
    *file = NULL;
}

size_t tn_safetensors_count(const tn_safetensors *file)
{
    return file->n_entries;
}

const char *tn_safetensors_name(const tn_safetensors *file, size_t index)
{
    return file->entries[index].name;
}

tn_dtype tn_safetensors_dtype(const tn_safetensors *file, size_t index)
{
    return file->entries[index].dtype;
}

const struct tn_shape *tn_safetensors_shape(const tn_safetensors *file, size_t index)
{
    return &file->entries[index].shape;
}

tn_status tn_safetensors_find(const tn_safetensors *file, const char *name, size_t *out_index,
                              struct tn_error *err)
{
    for (size_t i = 0; i < file->n_entries; i++) {
        if (strcmp(file->entries[i].name, name) == 0) {
            *out_index = i;
            return TN_OK;
        }
    }
    return tn_error_set(err, TN_E_NOT_FOUND, "'%s' has no tensor '%s'", file->path, name);
}

tn_status tn_safetensors_read(tn_safetensors *file, size_t index, tn_tensor **out_tensor,
                              struct tn_error *err)
{
    const struct entry *entry = &file->entries[index];
    tn_tensor *tensor = NULL;
    tn_status status = tn_tensor_create(entry->dtype, &entry->shape, &tensor, err);
    if (status) {
        tn_error_prefix(err, "'%s': tensor '%s'", file->path, entry->name);
        return status;
    }
    size_t n_bytes = tn_tensor_bytes(tensor);
    uint8_t *data = tn_tensor_data(tensor);
    errno = EIO; /* for a short read: the file shrank since it was opened */
    if (fseeko(file->stream, (off_t)(file->data_at + entry->begin), SEEK_SET) != 0 ||
        fread(data, 1, n_bytes, file->stream) != n_bytes) {
        tn_tensor_unref(&tensor);
        return io_error(file, err);
    }
    for (size_t i = 0; entry->dtype == TN_BOOL && i < n_bytes; i++)
        data[i] = data[i] != 0;
    *out_tensor = tensor;
    return TN_OK;
}

const char *tn_safetensors_meta(const tn_safetensors *file, const char *key)
{
    return json_string_value(
        json_object_get(json_object_get(file->header, TN_SAFETENSORS_META), key));
}

int tn_safetensors_version(const tn_safetensors *file)
{
    return file->version;
}
