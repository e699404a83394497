/* What a reader is, for the table in reader.c. A new one: a file with a `tn_reader_<name>`, and a
 * line in the table. */
#ifndef TN_DATA_READER_H
#define TN_DATA_READER_H

#include "nn/option.h"
#include "tenon/data.h"

struct tn_reader_call {
    struct tn_options options; /* checked */
    const char *data_dir;      /* the data root, "" when there is none */
};

struct tn_reader {
    struct tn_component component;
    /* Opens the parts whose pointer is not NULL; both are NULL before. On failure the caller drops
     * what was opened. */
    tn_status (*open)(const struct tn_reader_call *call, tn_dataset **out_train,
                      tn_dataset **out_test, struct tn_error *err);
};

/* Options of every reader of images. */
#define TN_READER_SCALE_OPTIONS                                                                   \
    {.name = "scale",                                                                             \
     .type = TN_OPTION_FLOAT,                                                                     \
     .doc = "multiplies each element of x; default 1/255 for bytes, 1 for other types"},          \
    {                                                                                             \
        .name = "offset", .type = TN_OPTION_FLOAT, .dflt = "0", .doc = "added to x after scaling" \
    }
/* The transform of x by those options. */
struct tn_transform tn_reader_transform(const struct tn_reader_call *call, tn_dtype stored);

/* Images [N, ...] and labels [N] as the fields "x" and "y"; takes its own references. */
tn_status tn_reader_pair(const struct tn_reader_call *call, const char *description,
                         tn_tensor *images, tn_tensor *labels, int64_t n_classes,
                         tn_dataset **out_dataset, struct tn_error *err);

extern const struct tn_reader tn_reader_idx, tn_reader_mnist, tn_reader_fashion_mnist,
    tn_reader_digits;

#endif
