/* IDX files, the format of MNIST (http://yann.lecun.com/exdb/mnist): two zero bytes, element type,
 * rank, big-endian u32 dims, big-endian data; plain or gzip. */
#ifndef TN_DATA_IDX_H
#define TN_DATA_IDX_H

#include "data/reader.h"

typedef enum tn_idx_kind { TN_IDX_IMAGES, TN_IDX_LABELS } tn_idx_kind;

/* Reads one file: `path` itself, else path.gz, else path without its .gz. The tensor has the file's
 * dims and element type (u8, i32, f32, f64; labels: rank 1, u8 or i32).
 * TN_E_NOT_FOUND; TN_E_INVALID with the file, what was expected and what was found: type, rank,
 * size, damage; TN_E_IO; TN_E_OOM. */
tn_status tn_idx_read(const char *path, tn_idx_kind kind, tn_tensor **out_tensor,
                      struct tn_error *err);

struct tn_idx_files {
    const char *name; /* of the data, for its description */
    char *train_images, *train_labels;
    char *test_images, *test_labels; /* both or none; NULL: no test part */
    int64_t n_classes;               /* 0: one more than the largest training label */
};
tn_status tn_idx_open(const struct tn_reader_call *call, const struct tn_idx_files *files,
                      tn_dataset **out_train, tn_dataset **out_test, struct tn_error *err);
/* Frees the paths. */
void tn_idx_files_finish(struct tn_idx_files *files);

#endif
