/* The reader "digits": built in, needs no files. */
#include <stdio.h>

#include "base/compiler.h"
#include "base/rng.h"
#include "data/digits.h"
#include "data/reader.h"

static const struct tn_option options[] = {
    OPT_INT("train", 1, "20000", "number of training samples"),
    OPT_INT("test", 0, "4000", "number of test samples"),
    OPT_INT("seed", 0, "1", "another seed draws other digits"),
    TN_READER_SCALE_OPTIONS,
};

/* Parts are streams of their own: more of one does not change the other. */
static tn_status draw_part(const struct tn_reader_call *call, const char *part, uint64_t stream,
                           tn_dataset **out_dataset, struct tn_error *err)
{
    int64_t n = tn_options_int(&call->options, part), seed = tn_options_int(&call->options, "seed");
    uint64_t key = tn_mix64(tn_mix64((uint64_t)seed) ^ tn_mix64(0x646967697473u + stream));
    tn_tensor *images = NULL, *labels = NULL;
    struct tn_shape image_shape = TN_SHAPE(n, 1, TN_DIGIT_SIDE, TN_DIGIT_SIDE);
    struct tn_shape label_shape = TN_SHAPE(n);
    tn_status status = tn_tensor_create(TN_U8, &image_shape, &images, err);
    if (!status)
        status = tn_tensor_create(TN_U8, &label_shape, &labels, err);
    if (!status) {
        uint8_t *pixels = tn_tensor_data(images), *label = tn_tensor_data(labels);
        for (int64_t i = 0; i < n; i++)
            label[i] = tn_digit_draw(key, (uint64_t)i, pixels + i * TN_DIGIT_PIXELS);
        char text[128];
        snprintf(text, sizeof(text), "built-in digits, %s: %lld images 28x28, seed %lld", part,
                 (long long)n, (long long)seed);
        status = tn_reader_pair(call, text, images, labels, 10, out_dataset, err);
    }
    tn_tensor_unref(&images);
    tn_tensor_unref(&labels);
    return status;
}

static tn_status open_digits(const struct tn_reader_call *call, tn_dataset **out_train,
                             tn_dataset **out_test, struct tn_error *err)
{
    tn_status status = TN_OK;
    if (out_train)
        status = draw_part(call, "train", 0, out_train, err);
    if (!status && out_test && tn_options_int(&call->options, "test") > 0)
        status = draw_part(call, "test", 1, out_test, err);
    return status;
}

const struct tn_reader tn_reader_digits = {
    .component = {.name = "digits",
                  .doc = "built-in digits, drawn by seed: x [N, 1, 28, 28], y 0..9",
                  .options = options,
                  .n_options = TN_LEN(options)},
    .open = open_digits,
};
