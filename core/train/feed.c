/* Data into plans: what must fit is checked once, before the first step. */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "train/trainer.h"

/* Labels that do not fit mostly mean that the model's end is still an image. */
static tn_status wrong_shape(const struct tn_feed *feed, const struct tn_shape *found,
                             struct tn_error *err)
{
    char wanted[128], have[128], output[128];
    tn_shape_format(found, have, sizeof(have));
    tn_shape_format(&feed->sample_shape, wanted, sizeof(wanted));
    if (!feed->output)
        return tn_error_set(err, TN_E_INVALID,
                            "field '%s' of the data has samples of shape %s, the model wants %s",
                            feed->field, have, wanted);
    tn_shape_format(&feed->output_shape, output, sizeof(output));
    return tn_error_set(
        err, TN_E_INVALID,
        "field '%s' of the data has samples of shape %s, the loss on output '%s' (samples of shape "
        "%s) wants %s%s",
        feed->field, have, feed->output, output, wanted,
        feed->kind == TN_TARGET_LABELS && feed->output_shape.rank > found->rank + 1
            ? "; is a flatten layer missing before it?"
            : "");
}

static tn_status check_field(const struct tn_feed *feed, tn_dataset *dataset, struct tn_error *err)
{
    struct tn_field_info info;
    size_t index;
    tn_status status = tn_dataset_find_field(dataset, feed->field, &index, err);
    if (status)
        return status;
    tn_dataset_field_info(dataset, index, &info);
    int is_scalar_ok = feed->kind && feed->kind != TN_TARGET_LABELS &&
                       info.sample_shape.rank == 0 && feed->sample_shape.rank == 1 &&
                       feed->sample_shape.dim[0] == 1;
    if (!tn_shape_equal(&info.sample_shape, &feed->sample_shape) && !is_scalar_ok)
        return wrong_shape(feed, &info.sample_shape, err);
    if (info.dtype != feed->dtype)
        return tn_error_set(err, TN_E_INVALID, "field '%s' of the data is %s, the model wants %s",
                            feed->field, tn_dtype_name(info.dtype), tn_dtype_name(feed->dtype));
    if (feed->kind == TN_TARGET_LABELS)
        return tn_dataset_check_labels(dataset, feed->field, feed->n_classes, err);
    if (feed->kind == TN_TARGET_UNIT)
        return tn_dataset_check_range(dataset, feed->field, 0.0, 1.0, err);
    return TN_OK;
}

/* Targets may be stored in any dtype: whole numbers serve as f32 targets, and the reverse. */
static tn_status convert_target(const struct tn_feed *feed, tn_dataset **dataset,
                                struct tn_error *err)
{
    struct tn_field_info info;
    size_t index;
    tn_dataset *view = NULL;
    tn_status status = tn_dataset_find_field(*dataset, feed->field, &index, err);
    if (status || !feed->kind)
        return status;
    tn_dataset_field_info(*dataset, index, &info);
    if (info.dtype == feed->dtype)
        return TN_OK;
    struct tn_transform transform = {feed->dtype, info.scale, info.offset};
    if ((status = tn_dataset_with_transform(*dataset, feed->field, &transform, &view, err)))
        return status;
    tn_dataset_unref(dataset);
    *dataset = view;
    return TN_OK;
}

tn_status tn_feed_adapt(const struct tn_step_fn *fn, tn_dataset *dataset, tn_dataset **out_view,
                        struct tn_error *err)
{
    tn_status status = TN_OK;
    tn_dataset *view = tn_dataset_ref(dataset);
    for (size_t i = 0; i < fn->n_feeds && !status; i++) {
        if (!(status = convert_target(&fn->feeds[i], &view, err)))
            status = check_field(&fn->feeds[i], view, err);
    }
    if (status)
        tn_dataset_unref(&view);
    else
        *out_view = view;
    return status;
}

/* Plans share state and scratch; inputs, constants and outputs are each plan's own. */
static void count_memory(struct tn_trainer_memory *memory, const struct tn_plan_info *info)
{
    uint64_t shared = info->state_bytes + info->activation_bytes + info->workspace_bytes;
    memory->state = TN_MAX(memory->state, info->state_bytes);
    memory->activations = TN_MAX(memory->activations, info->activation_bytes);
    memory->workspace = TN_MAX(memory->workspace, info->workspace_bytes);
    memory->plans += info->peak_bytes - shared;
}

tn_status tn_feed_plan(struct tn_trainer *trainer, struct tn_step_fn *fn, int64_t batch_size,
                       tn_plan **out_plan, struct tn_error *err)
{
    for (size_t i = 0; i < fn->n_plans; i++) {
        if (fn->sizes[i] == batch_size) {
            *out_plan = fn->plans[i];
            return TN_OK;
        }
    }
    struct tn_binding binding = {"batch", batch_size};
    struct tn_plan_info info;
    tn_status status = tn_session_plan(trainer->session, fn->graph, &binding, 1, out_plan, err);
    if (status)
        return status;
    tn_plan_info(*out_plan, &info);
    if (fn->n_plans < TN_LEN(fn->plans)) {
        count_memory(&trainer->memory, &info);
        fn->sizes[fn->n_plans] = batch_size;
        fn->plans[fn->n_plans++] = *out_plan;
    }
    return TN_OK;
}

tn_status tn_feed_checked_plan(struct tn_trainer *trainer, struct tn_step_fn *fn,
                               int64_t batch_size, tn_plan **out_plan, struct tn_error *err)
{
    struct tn_binding binding = {"batch", batch_size};
    tn_status status =
        tn_session_checked_plan(trainer->session, fn->graph, &binding, 1, out_plan, err);
    if (status == TN_E_OOM)
        tn_error_prefix(err, "a checked step keeps every value");
    return status;
}

tn_status tn_feed_plans(struct tn_trainer *trainer, struct tn_step_fn *fn, tn_loader *loader,
                        struct tn_error *err)
{
    int64_t sizes[2];
    size_t n = tn_loader_batch_sizes(loader, sizes);
    for (size_t i = 0; i < n; i++) {
        tn_plan *plan;
        tn_status status = tn_feed_plan(trainer, fn, sizes[i], &plan, err);
        if (status)
            return status;
    }
    return TN_OK;
}

tn_status tn_feed_set(const struct tn_step_fn *fn, tn_plan *plan, const tn_dataset *dataset,
                      const struct tn_batch *batch, size_t ring_at, struct tn_error *err)
{
    int64_t at = (int64_t)ring_at;
    tn_status status = tn_plan_set_input_bytes(plan, "ring_at", &at, sizeof(at), err);
    for (size_t i = 0; i < fn->n_feeds && !status; i++) {
        size_t field;
        if (!(status = tn_dataset_find_field(dataset, fn->feeds[i].field, &field, err)))
            status = tn_plan_set_input_bytes(plan, fn->feeds[i].name, batch->data[field],
                                             batch->n_bytes[field], err);
    }
    return status;
}
