/* Weights to and from a safetensors file: parameters and buffers by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/safetensors.h"
#include "tenon/train.h"

#define MAX_META 16

static int is_weight(const struct tn_state_info *info)
{
    return info->role == TN_STATE_PARAM || info->role == TN_STATE_BUFFER;
}

static size_t count_weights(const tn_session *session)
{
    size_t n = 0;
    for (size_t i = 0; i < tn_session_state_count(session); i++) {
        struct tn_state_info info;
        tn_session_state_info(session, i, &info);
        n += (size_t)is_weight(&info);
    }
    return n;
}

static tn_status collect(tn_session *session, struct tn_safetensors_entry *entries,
                         tn_tensor **tensors, size_t *out_n, struct tn_error *err)
{
    *out_n = 0;
    for (size_t i = 0; i < tn_session_state_count(session); i++) {
        struct tn_state_info info;
        tn_session_state_info(session, i, &info);
        if (!is_weight(&info))
            continue;
        tn_status status = tn_session_get_state(session, info.name, &tensors[*out_n], err);
        if (status)
            return status;
        entries[*out_n].name = info.name;
        entries[*out_n].tensor = tensors[*out_n];
        ++*out_n;
    }
    return TN_OK;
}

tn_status tn_session_save(tn_session *session, const char *path, const char *const *metadata,
                          struct tn_error *err)
{
    size_t n = count_weights(session), n_read = 0, n_meta = 0;
    struct tn_safetensors_meta meta[MAX_META];
    while (metadata && metadata[2 * n_meta])
        if (++n_meta > MAX_META)
            return tn_error_set(err, TN_E_INVALID, "saving %s: more than %d pairs of metadata",
                                path, MAX_META);
    struct tn_safetensors_entry *entries = calloc(n + 1, sizeof(*entries));
    tn_tensor **tensors = calloc(n + 1, sizeof(*tensors));
    tn_status status = TN_E_OOM;
    if (!entries || !tensors) {
        tn_error_set(err, status, "out of host memory while saving %s", path);
        goto fail;
    }
    for (size_t i = 0; i < n_meta; i++)
        meta[i] = (struct tn_safetensors_meta){metadata[2 * i], metadata[2 * i + 1]};
    if ((status = collect(session, entries, tensors, &n_read, err)))
        goto fail;
    struct tn_safetensors_content content = {
        .entries = entries, .n_entries = n_read, .meta = meta, .n_meta = n_meta};
    status = tn_safetensors_write(path, &content, err);
fail:
    for (size_t i = 0; tensors && i < n; i++)
        tn_tensor_unref(&tensors[i]);
    free(tensors);
    free(entries);
    return status;
}

static tn_status read_weight(tn_safetensors *file, const char *path,
                             const struct tn_state_info *info, tn_tensor **out_tensor,
                             struct tn_error *err)
{
    size_t index;
    char found[160], wanted[160];
    if (tn_safetensors_find(file, info->name, &index, NULL))
        return tn_error_set(err, TN_E_INVALID, "%s: has no '%s', which the model needs", path,
                            info->name);
    const struct tn_shape *shape = tn_safetensors_shape(file, index);
    if (!tn_shape_equal(shape, &info->shape))
        return tn_error_set(err, TN_E_INVALID, "%s: '%s' has shape %s, the model wants %s", path,
                            info->name, tn_shape_format(shape, found, sizeof(found)),
                            tn_shape_format(&info->shape, wanted, sizeof(wanted)));
    return tn_safetensors_read(file, index, out_tensor, err);
}

/* A weight that the model lacks means another model: refuse rather than drop it. */
static tn_status check_no_others(const tn_session *session, const tn_safetensors *file,
                                 const char *path, struct tn_error *err)
{
    for (size_t k = 0; k < tn_safetensors_count(file); k++) {
        int found = 0;
        for (size_t i = 0; i < tn_session_state_count(session) && !found; i++) {
            struct tn_state_info info;
            tn_session_state_info(session, i, &info);
            found = is_weight(&info) && strcmp(info.name, tn_safetensors_name(file, k)) == 0;
        }
        if (!found)
            return tn_error_set(err, TN_E_INVALID, "%s: holds '%s', which the model does not have",
                                path, tn_safetensors_name(file, k));
    }
    return TN_OK;
}

/* All is read and checked before the first weight is set. */
static tn_status load(tn_session *session, tn_safetensors *file, const char *path,
                      tn_tensor **tensors, struct tn_error *err)
{
    tn_status status = check_no_others(session, file, path, err);
    size_t n = tn_session_state_count(session);
    struct tn_state_info info;
    for (size_t i = 0; i < n && !status; i++) {
        tn_session_state_info(session, i, &info);
        if (is_weight(&info))
            status = read_weight(file, path, &info, &tensors[i], err);
    }
    for (size_t i = 0; i < n && !status; i++) {
        tn_session_state_info(session, i, &info);
        if (tensors[i])
            status = tn_session_set_state(session, info.name, tensors[i], err);
    }
    return status;
}

tn_status tn_session_load(tn_session *session, const char *path, struct tn_error *err)
{
    size_t n = tn_session_state_count(session);
    tn_safetensors *file = NULL;
    tn_status status = tn_safetensors_open(path, &file, err);
    if (status)
        return status;
    tn_tensor **tensors = calloc(n + 1, sizeof(*tensors));
    status = tensors ? load(session, file, path, tensors, err)
                     : tn_error_set(err, TN_E_OOM, "out of host memory while reading %s", path);
    for (size_t i = 0; tensors && i < n; i++)
        tn_tensor_unref(&tensors[i]);
    free(tensors);
    tn_safetensors_close(&file);
    return status;
}

tn_status tn_weights_selection(const char *path, char *buf, size_t size)
{
    tn_safetensors *file = NULL;
    tn_status status = tn_safetensors_open(path, &file, NULL);
    if (status)
        return status;
    const char *selection = tn_safetensors_meta(file, "tenon.selection");
    const char *epoch = tn_safetensors_meta(file, "tenon.epoch");
    int is_best = selection && strcmp(selection, "best") == 0;
    snprintf(buf, size, "%s%s%s", is_best ? "best by validation" : "last", epoch ? ", epoch " : "",
             epoch ? epoch : "");
    tn_safetensors_close(&file);
    return TN_OK;
}
