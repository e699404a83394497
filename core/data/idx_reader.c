/* The readers that stand on IDX files: "idx" by paths, "mnist" and "fashion-mnist" by their names
 * under the data root. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/path.h"
#include "data/idx.h"

static const struct tn_option idx_options[] = {
    {.name = "train_images",
     .type = TN_OPTION_STRING,
     .required = 1,
     .doc = "IDX file of images, plain or .gz; a relative path begins at the data root"},
    {.name = "train_labels", .type = TN_OPTION_STRING, .required = 1, .doc = "IDX file of labels"},
    {.name = "test_images", .type = TN_OPTION_STRING, .doc = "IDX file of test images"},
    {.name = "test_labels", .type = TN_OPTION_STRING, .doc = "IDX file of test labels"},
    OPT_INT("classes", 0, "0", "number of classes; 0: one more than the largest training label"),
    TN_READER_SCALE_OPTIONS,
};

static const struct tn_option named_options[] = {TN_READER_SCALE_OPTIONS};

void tn_idx_files_finish(struct tn_idx_files *files)
{
    free(files->train_images);
    free(files->train_labels);
    free(files->test_images);
    free(files->test_labels);
}

static tn_status check_counts(const tn_tensor *images, const char *images_path,
                              const tn_tensor *labels, const char *labels_path,
                              struct tn_error *err)
{
    int64_t n_images = tn_tensor_shape(images)->dim[0], n_labels = tn_tensor_shape(labels)->dim[0];
    if (n_images == n_labels)
        return TN_OK;
    return tn_error_set(err, TN_E_INVALID, "'%s' has %lld images but '%s' has %lld labels",
                        images_path, (long long)n_images, labels_path, (long long)n_labels);
}

/* Images of rank 3 get the channel dim that layers expect. */
static tn_status add_channel(tn_tensor **images, struct tn_error *err)
{
    const struct tn_shape *shape = tn_tensor_shape(*images);
    if (shape->rank != 3)
        return TN_OK;
    struct tn_shape nchw = TN_SHAPE(shape->dim[0], 1, shape->dim[1], shape->dim[2]);
    tn_tensor *view = NULL;
    tn_status status = tn_tensor_reshape(*images, &nchw, &view, err);
    if (status)
        return status;
    tn_tensor_unref(images);
    *images = view;
    return TN_OK;
}

static tn_status make_part(const struct tn_reader_call *call, const struct tn_idx_files *files,
                           int is_test, tn_tensor *labels, int64_t n_classes,
                           tn_dataset **out_dataset, struct tn_error *err)
{
    const char *images_path = is_test ? files->test_images : files->train_images;
    const char *labels_path = is_test ? files->test_labels : files->train_labels;
    char text[512];
    tn_tensor *images = NULL;
    tn_dataset *dataset = NULL;
    tn_status status = tn_idx_read(images_path, TN_IDX_IMAGES, &images, err);
    if (!status)
        status = check_counts(images, images_path, labels, labels_path, err);
    if (!status)
        status = add_channel(&images, err);
    if (!status) {
        snprintf(text, sizeof(text), "%s, %s: %lld samples from '%s'", files->name,
                 is_test ? "test" : "train", (long long)tn_tensor_shape(images)->dim[0],
                 images_path);
        status = tn_reader_pair(call, text, images, labels, n_classes, &dataset, err);
    }
    tn_tensor_unref(&images);
    if (!status) {
        status = tn_dataset_check_labels(dataset, "y", n_classes, err);
        if (status)
            tn_error_prefix(err, "'%s'", labels_path);
    }
    if (status) {
        tn_dataset_unref(&dataset);
        return status;
    }
    *out_dataset = dataset;
    return TN_OK;
}

static int64_t count_classes(const tn_tensor *labels)
{
    int64_t largest = 0, n = tn_tensor_count(labels);
    for (int64_t i = 0; i < n; i++) {
        int64_t label = (int64_t)tn_tensor_get(labels, &i);
        largest = TN_MAX(largest, label);
    }
    return largest + 1;
}

tn_status tn_idx_open(const struct tn_reader_call *call, const struct tn_idx_files *files,
                      tn_dataset **out_train, tn_dataset **out_test, struct tn_error *err)
{
    int64_t n_classes = files->n_classes;
    tn_tensor *labels = NULL;
    tn_status status = TN_OK;
    /* The test part alone must see as many classes as the two together. */
    if (out_train || !n_classes)
        status = tn_idx_read(files->train_labels, TN_IDX_LABELS, &labels, err);
    if (!status && !n_classes)
        n_classes = count_classes(labels);
    if (!status && out_train)
        status = make_part(call, files, 0, labels, n_classes, out_train, err);
    tn_tensor_unref(&labels);
    if (status || !out_test || !files->test_images)
        return status;
    status = tn_idx_read(files->test_labels, TN_IDX_LABELS, &labels, err);
    if (!status)
        status = make_part(call, files, 1, labels, n_classes, out_test, err);
    tn_tensor_unref(&labels);
    return status;
}

static tn_status open_idx(const struct tn_reader_call *call, tn_dataset **out_train,
                          tn_dataset **out_test, struct tn_error *err)
{
    const struct tn_options *options = &call->options;
    int n_test = tn_options_has(options, "test_images") + tn_options_has(options, "test_labels");
    if (n_test == 1)
        return tn_error_set(err, TN_E_INVALID,
                            "data: test_images and test_labels go together; one is missing");
    struct tn_idx_files files = {.name = "IDX", .n_classes = tn_options_int(options, "classes")};
    const char *dir = call->data_dir;
    files.train_images = tn_path_join(dir, tn_options_string(options, "train_images"));
    files.train_labels = tn_path_join(dir, tn_options_string(options, "train_labels"));
    if (n_test) {
        files.test_images = tn_path_join(dir, tn_options_string(options, "test_images"));
        files.test_labels = tn_path_join(dir, tn_options_string(options, "test_labels"));
    }
    tn_status status;
    if (!files.train_images || !files.train_labels ||
        (n_test && (!files.test_images || !files.test_labels)))
        status = tn_error_set(err, TN_E_OOM, "no memory left for paths");
    else
        status = tn_idx_open(call, &files, out_train, out_test, err);
    tn_idx_files_finish(&files);
    return status;
}

static char *named_path(const char *root, const char *folder, const char *file)
{
    char name[128];
    snprintf(name, sizeof(name), "%s/%s", folder, file);
    return tn_path_join(root, name);
}

#define NAMED_FILES                                                              \
    "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, " \
    "t10k-labels-idx1-ubyte, each plain or with .gz"

/* The four files of MNIST and its siblings. */
static tn_status open_named(const struct tn_reader_call *call, const char *name, const char *folder,
                            tn_dataset **out_train, tn_dataset **out_test, struct tn_error *err)
{
    const char *root = call->data_dir;
    if (!*root)
        return tn_error_set(err, TN_E_NOT_FOUND,
                            "'%s' needs a data root: pass --data-dir DIR or set TENON_DATA; "
                            "expected in DIR/%s: " NAMED_FILES,
                            folder, folder);
    struct tn_idx_files files = {
        .name = name,
        .train_images = named_path(root, folder, "train-images-idx3-ubyte"),
        .train_labels = named_path(root, folder, "train-labels-idx1-ubyte"),
        .test_images = named_path(root, folder, "t10k-images-idx3-ubyte"),
        .test_labels = named_path(root, folder, "t10k-labels-idx1-ubyte"),
        .n_classes = 10,
    };
    tn_status status;
    struct tn_error why = {TN_OK, ""};
    if (!files.train_images || !files.train_labels || !files.test_images || !files.test_labels)
        status = tn_error_set(&why, TN_E_OOM, "no memory left for paths");
    else
        status = tn_idx_open(call, &files, out_train, out_test, &why);
    tn_idx_files_finish(&files);
    if (status == TN_E_NOT_FOUND)
        return tn_error_set(err, status,
                            "%.400s; expected in '%.200s/%s' (the data root is set by "
                            "--data-dir or TENON_DATA): " NAMED_FILES,
                            why.msg, root, folder);
    return status ? tn_error_set(err, status, "%s", why.msg) : TN_OK;
}

static tn_status open_mnist(const struct tn_reader_call *call, tn_dataset **out_train,
                            tn_dataset **out_test, struct tn_error *err)
{
    return open_named(call, "MNIST", "mnist", out_train, out_test, err);
}

static tn_status open_fashion_mnist(const struct tn_reader_call *call, tn_dataset **out_train,
                                    tn_dataset **out_test, struct tn_error *err)
{
    return open_named(call, "Fashion-MNIST", "fashion-mnist", out_train, out_test, err);
}

const struct tn_reader tn_reader_idx = {
    .component = {.name = "idx",
                  .doc = "images and labels in IDX files: x [N, C, H, W] or [N, features], y [N]",
                  .options = idx_options,
                  .n_options = TN_LEN(idx_options)},
    .open = open_idx,
};

const struct tn_reader tn_reader_mnist = {
    .component = {.name = "mnist",
                  .doc = "MNIST from the data root's folder mnist: x [N, 1, 28, 28], y 0..9",
                  .options = named_options,
                  .n_options = TN_LEN(named_options)},
    .open = open_mnist,
};

const struct tn_reader tn_reader_fashion_mnist = {
    .component = {.name = "fashion-mnist",
                  .doc = "Fashion-MNIST from the data root's folder fashion-mnist",
                  .options = named_options,
                  .n_options = TN_LEN(named_options)},
    .open = open_fashion_mnist,
};
