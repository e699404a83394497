/* The safetensors format (https://github.com/huggingface/safetensors): a u64 little-endian header
 * size, a JSON header {name: {dtype, shape, data_offsets}, "__metadata__": {string: string}}, the
 * data. Models and checkpoints are kept in it. One thread at a time per reader. */
#ifndef TN_IO_SAFETENSORS_H
#define TN_IO_SAFETENSORS_H

#include "tenon/tensor.h"

/* The metadata key under which each file of ours carries the version of its format. */
#define TN_SAFETENSORS_VERSION_KEY "tenon_format"
enum { TN_SAFETENSORS_VERSION = 1 };

struct tn_safetensors_entry {
    const char *name;        /* UTF-8, unique, not "__metadata__" */
    const tn_tensor *tensor; /* any strides */
};
struct tn_safetensors_meta {
    const char *key, *value;
};
struct tn_safetensors_content {
    const struct tn_safetensors_entry *entries;
    size_t n_entries;
    const struct tn_safetensors_meta *meta; /* the version key is added */
    size_t n_meta;
};

/* Writes beside `path` and renames: a full disk or a kill leaves the old file whole and no other
 * behind. Borrows everything. TN_E_IO names the path and the bytes needed; TN_E_INVALID: a name
 * twice or not UTF-8; TN_E_OOM. */
tn_status tn_safetensors_write(const char *path, const struct tn_safetensors_content *content,
                               struct tn_error *err);

typedef struct tn_safetensors tn_safetensors;

/* Reads and checks the header; tensors are read when asked for. TN_E_NOT_FOUND, TN_E_IO, TN_E_OOM;
 * TN_E_INVALID with file and reason: cut short, too long, offsets that overlap, leave gaps or do
 * not fit the shapes, a name twice, a dtype or shape that cannot be held, a newer format version.
 */
tn_status tn_safetensors_open(const char *path, tn_safetensors **out_file, struct tn_error *err);
void tn_safetensors_close(tn_safetensors **file); /* NULL is accepted */

size_t tn_safetensors_count(const tn_safetensors *file);
/* In the order of the data. Strings live as long as the reader. */
const char *tn_safetensors_name(const tn_safetensors *file, size_t index);
tn_dtype tn_safetensors_dtype(const tn_safetensors *file, size_t index);
const struct tn_shape *tn_safetensors_shape(const tn_safetensors *file, size_t index);
/* TN_E_NOT_FOUND. */
tn_status tn_safetensors_find(const tn_safetensors *file, const char *name, size_t *out_index,
                              struct tn_error *err);
/* The caller owns the reference. TN_E_IO, TN_E_OOM. */
tn_status tn_safetensors_read(tn_safetensors *file, size_t index, tn_tensor **out_tensor,
                              struct tn_error *err);
/* NULL when the key is absent. */
const char *tn_safetensors_meta(const tn_safetensors *file, const char *key);
/* 0 for a file that others wrote. */
int tn_safetensors_version(const tn_safetensors *file);

#endif
