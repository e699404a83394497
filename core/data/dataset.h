/* Inside of a data set: shared by the rooms' readers, views and loader. */
#ifndef TN_DATA_DATASET_H
#define TN_DATA_DATASET_H

#include <stdatomic.h>

#include "tenon/data.h"

struct tn_field {
    char *name;
    tn_tensor *values;             /* [N of the original, ...], contiguous */
    struct tn_transform transform; /* complete: no zero that stands for a default */
    struct tn_shape sample_shape;
    size_t n_elements; /* of one sample */
    int64_t n_classes;
};

struct tn_dataset {
    atomic_uint n_refs;
    int64_t n;
    int64_t *index; /* [n] rows of the fields' tensors, which are global indices; NULL: 0, 1, 2 */
    size_t n_fields;
    struct tn_field *fields;
    char *description;
};

/* out[0..n) = in * scale + offset; types and scale from `transform`, which is complete. */
void tn_data_convert(const struct tn_transform *transform, tn_dtype stored, const void *in,
                     size_t n, void *out);

/* order[0..n) = a permutation of 0..n-1 that depends on (seed, stream) alone. */
void tn_data_permutation(uint64_t seed, uint64_t stream, int64_t *order, int64_t n);

#endif
