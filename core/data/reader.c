/* The table of readers. */
#include "data/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/nearest.h"

static const struct tn_reader *const readers[] = {
    &tn_reader_digits,
    &tn_reader_fashion_mnist,
    &tn_reader_idx,
    &tn_reader_mnist,
};

size_t tn_reader_count(void)
{
    return TN_LEN(readers);
}

const struct tn_component *tn_reader_at(size_t index)
{
    return &readers[index]->component;
}

static const struct tn_reader *find(const char *name)
{
    for (size_t i = 0; i < TN_LEN(readers); i++) {
        if (strcmp(readers[i]->component.name, name) == 0)
            return readers[i];
    }
    return NULL;
}

const struct tn_component *tn_reader_find(const char *name)
{
    const struct tn_reader *reader = find(name);
    return reader ? &reader->component : NULL;
}

struct tn_transform tn_reader_transform(const struct tn_reader_call *call, tn_dtype stored)
{
    struct tn_transform transform = {
        .dtype = TN_F32,
        .scale = stored == TN_U8 ? 1.0 / 255 : 1,
        .offset = tn_options_float(&call->options, "offset"),
    };
    if (tn_options_has(&call->options, "scale"))
        transform.scale = tn_options_float(&call->options, "scale");
    return transform;
}

tn_status tn_reader_pair(const struct tn_reader_call *call, const char *description,
                         tn_tensor *images, tn_tensor *labels, int64_t n_classes,
                         tn_dataset **out_dataset, struct tn_error *err)
{
    const struct tn_field_params fields[] = {
        {.name = "x",
         .values = images,
         .transform = tn_reader_transform(call, tn_tensor_dtype(images))},
        {.name = "y", .values = labels, .transform = {.dtype = TN_I32}, .n_classes = n_classes},
    };
    return tn_dataset_create(description, fields, TN_LEN(fields), out_dataset, err);
}

static tn_status unknown_reader(const char *name, struct tn_error *err)
{
    struct tn_nearest nearest = TN_NEAREST_INIT(name);
    char hint[96], known[256] = "";
    for (size_t i = 0; i < TN_LEN(readers); i++) {
        tn_nearest_offer(&nearest, readers[i]->component.name);
        strncat(known, i ? ", " : "", sizeof(known) - strlen(known) - 1);
        strncat(known, readers[i]->component.name, sizeof(known) - strlen(known) - 1);
    }
    return tn_error_set(err, TN_E_NOT_FOUND, "no data reader '%s' (there are %s)%s", name, known,
                        tn_nearest_hint(&nearest, hint, sizeof(hint)));
}

tn_status tn_reader_open(const struct tn_reader_params *params, tn_dataset **out_train,
                         tn_dataset **out_test, struct tn_error *err)
{
    const struct tn_reader *reader = find(params->reader);
    if (!reader)
        return unknown_reader(params->reader, err);
    tn_status status =
        tn_component_check(&reader->component, "data", params->options, params->n_options, err);
    if (status)
        return status;
    const char *dir = params->data_dir;
    if (!dir || !*dir)
        dir = getenv("TENON_DATA");
    const struct tn_reader_call call = {
        .options = {&reader->component, params->options, params->n_options},
        .data_dir = dir ? dir : "",
    };
    tn_dataset *train = NULL, *test = NULL;
    status = reader->open(&call, out_train ? &train : NULL, out_test ? &test : NULL, err);
    if (status) {
        tn_dataset_unref(&train);
        tn_dataset_unref(&test);
        return status;
    }
    if (out_train)
        *out_train = train;
    if (out_test)
        *out_test = test;
    return TN_OK;
}
