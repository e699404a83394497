/* Data: data sets in memory, the readers that fill them, and the loader that makes batches. */
#ifndef TENON_DATA_H
#define TENON_DATA_H

#include <stdint.h>

#include "tenon/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- data set: N samples with named fields ("x", "y"), immutable, refcounted, any thread --- */

typedef struct tn_dataset tn_dataset;

/* What a field's elements become when they are batched: out = stored * scale + offset, computed in
 * double and rounded once. Zero-filled means: as stored. */
struct tn_transform {
    tn_dtype dtype; /* 0: the stored one */
    double scale;   /* 0: 1 */
    double offset;
};

/* A field to put into a data set. values: [N, ...], N equal for all fields of the set. */
struct tn_field_params {
    const char *name;  /* copied */
    tn_tensor *values; /* the data set takes a reference of its own; not written to afterwards */
    struct tn_transform transform;
    int64_t n_classes; /* of a field of integer labels, 0: no labels, or not known */
};

/* TN_E_INVALID: no field, a name twice, different N, N = 0, a scalar. description: what the data
 * is and where it came from, for people; copied, NULL: "". */
TN_API tn_status tn_dataset_create(const char *description, const struct tn_field_params *fields,
                                   size_t n_fields, tn_dataset **out_dataset, struct tn_error *err);
TN_API tn_dataset *tn_dataset_ref(tn_dataset *dataset);
/* Drops the reference, sets *dataset to NULL; NULL and pointer to NULL are accepted. */
TN_API void tn_dataset_unref(tn_dataset **dataset);

struct tn_field_info {
    const char *name;             /* lives as long as the data set */
    tn_dtype stored_dtype;        /* in memory */
    tn_dtype dtype;               /* in a batch */
    struct tn_shape sample_shape; /* without the leading N: [1, 28, 28]; rank 0 for labels */
    size_t sample_bytes;          /* of one sample in a batch */
    double scale, offset;
    int64_t n_classes; /* 0: no labels, or not known */
};
TN_API int64_t tn_dataset_size(const tn_dataset *dataset);
TN_API size_t tn_dataset_field_count(const tn_dataset *dataset);
TN_API void tn_dataset_field_info(const tn_dataset *dataset, size_t field,
                                  struct tn_field_info *out_info);
/* TN_E_NOT_FOUND, with the names that there are. */
TN_API tn_status tn_dataset_find_field(const tn_dataset *dataset, const char *name,
                                       size_t *out_field, struct tn_error *err);
TN_API const char *tn_dataset_description(const tn_dataset *dataset);
/* Global index of sample i: its place in the data set that the views were cut from. */
TN_API int64_t tn_dataset_sample(const tn_dataset *dataset, int64_t i);

/* Copies samples index[0..n) of one field, transformed, into out (n * sample_bytes, row-major). The
 * indices are this view's own, in [0, size). No allocation. */
TN_API void tn_dataset_read(const tn_dataset *dataset, size_t field, const int64_t *index, size_t n,
                            void *out);

/* --- views: they share the samples and keep their global indices --- */

/* The samples index[0..n), in that order. TN_E_INVALID: n = 0, or an index outside. */
TN_API tn_status tn_dataset_subset(tn_dataset *dataset, const int64_t *index, int64_t n,
                                   tn_dataset **out_view, struct tn_error *err);
/* Keras's validation_split: of n samples the first floor(n * (1 - fraction)) train, the rest
 * validate. TN_E_INVALID: fraction outside (0, 1), or one of the two would be empty. */
TN_API tn_status tn_dataset_split_tail(tn_dataset *dataset, double fraction, tn_dataset **out_train,
                                       tn_dataset **out_val, struct tn_error *err);
/* The same counts, the validation samples drawn by seed; both keep the order of the data set. */
TN_API tn_status tn_dataset_split_random(tn_dataset *dataset, double fraction, uint64_t seed,
                                         tn_dataset **out_train, tn_dataset **out_val,
                                         struct tn_error *err);
/* The same samples with another transform for one field. TN_E_NOT_FOUND. */
TN_API tn_status tn_dataset_with_transform(tn_dataset *dataset, const char *field,
                                           const struct tn_transform *transform,
                                           tn_dataset **out_view, struct tn_error *err);

/* TN_E_INVALID naming the first sample (by its global index) whose element, as it is batched, lies
 * outside [lo, hi] or is NaN. TN_E_NOT_FOUND: no such field. */
TN_API tn_status tn_dataset_check_range(const tn_dataset *dataset, const char *field, double lo,
                                        double hi, struct tn_error *err);
/* TN_E_INVALID naming the first sample whose label is not a whole number in [0, n_classes), before
 * any rounding to the batch's integers. TN_E_NOT_FOUND: no such field. */
TN_API tn_status tn_dataset_check_labels(const tn_dataset *dataset, const char *field,
                                         int64_t n_classes, struct tn_error *err);

/* --- readers: one per kind of data, described like layers and losses (model.h) --- */

/* The table of readers ("idx", "mnist", "fashion-mnist", "digits"), static; its components take no
 * inputs, so tn_component_check serves their options too. */
TN_API size_t tn_reader_count(void);
TN_API const struct tn_component *tn_reader_at(size_t index);
/* NULL: no such reader. */
TN_API const struct tn_component *tn_reader_find(const char *name);

struct tn_reader_params {
    const char *reader;
    const char *data_dir; /* data root; NULL or "": TENON_DATA. Relative paths begin there if set */
    const struct tn_attr *options; /* checked against the reader's description */
    size_t n_options;
};
/* Reads the train part and the test part; pass NULL for a part that is not wanted, and its files
 * are not touched. *out_test is NULL when the data has no test part. Fields: "x" images [N, C, H,
 * W] (u8 in memory, f32 in a batch, scaled to [0, 1] unless `scale` says otherwise) and "y" labels
 * [N] (i32 in a batch). The caller owns the references. TN_E_NOT_FOUND: reader, file, data root.
 * TN_E_INVALID: an option, or what a file holds; the message names the file, what was expected and
 * what was found. TN_E_IO, TN_E_OOM. */
TN_API tn_status tn_reader_open(const struct tn_reader_params *params, tn_dataset **out_train,
                                tn_dataset **out_test, struct tn_error *err);

/* --- loader: batches in fixed buffers, filled ahead by a thread of its own --- */

typedef struct tn_loader tn_loader;

struct tn_loader_params {
    int64_t batch_size;
    int shuffle; /* order by (seed, epoch); otherwise the order of the data set */
    uint64_t seed;
    int drop_last;   /* leave out the last batch when it is not full */
    int no_prefetch; /* fill in tn_loader_next, without a thread; the batches are the same */
};

/* Valid until the next call on the loader. */
struct tn_batch {
    int64_t n; /* samples; smaller in the last batch */
    uint64_t epoch;
    int64_t index;           /* of the batch in its epoch */
    size_t n_fields;         /* fields of the data set, in its order */
    const void *const *data; /* per field: [n, ...] row-major in the field's dtype */
    const size_t *n_bytes;   /* per field: n * sample_bytes */
    const int64_t *sample;   /* [n] global indices */
};

/* Allocates everything; the loader keeps a reference to the data set. TN_E_INVALID: batch size
 * below 1, or drop_last with fewer samples than one batch. A loader serves one thread. */
TN_API tn_status tn_loader_create(tn_dataset *dataset, const struct tn_loader_params *params,
                                  tn_loader **out_loader, struct tn_error *err);
/* In mid-epoch too: joins the thread. */
TN_API void tn_loader_destroy(tn_loader **loader);
TN_API int64_t tn_loader_batch_count(const tn_loader *loader); /* per epoch */
/* Every batch size that an epoch has: 1 or 2 of them, the full one first. */
TN_API size_t tn_loader_batch_sizes(const tn_loader *loader, int64_t out_sizes[2]);
TN_API tn_dataset *tn_loader_dataset(tn_loader *loader); /* borrowed */
/* Begins an epoch at one of its batches (0, or where a resumed run goes on), also in the middle of
 * another one. TN_E_INVALID: first_batch outside [0, batch count]. No allocation. */
TN_API tn_status tn_loader_start(tn_loader *loader, uint64_t epoch, int64_t first_batch,
                                 struct tn_error *err);
/* The next batch, NULL at the end of the epoch or before tn_loader_start. May wait. No allocation.
 */
TN_API const struct tn_batch *tn_loader_next(tn_loader *loader);

#ifdef __cplusplus
}
#endif
#endif
