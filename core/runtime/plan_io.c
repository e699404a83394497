/* What the host gives a plan and takes from it. */
#include <stdio.h>
#include <string.h>

#include "runtime/session.h"

/* --- inputs --- */

static uint32_t find_input(const tn_plan *plan, const char *name)
{
    for (uint32_t i = 0; i < plan->ir.n_inputs; i++)
        if (strcmp(plan->ir.inputs[i].name, name) == 0)
            return i;
    return TN_NONE;
}

/* Where the host writes an input; NULL with TN_OK: nothing reads it. */
static tn_status open_input(tn_plan *plan, uint32_t index, uint8_t **out_host, struct tn_error *err)
{
    const struct tn_ir_input *in = &plan->ir.inputs[index];
    struct tn_plan_feed *feed = &plan->feeds[index];
    *out_host = NULL;
    plan->is_set[index] = 1;
    if (in->kind == TN_INPUT_STEP) {
        plan->step.is_dirty = 1;
        *out_host = plan->step_image + plan->mem.step_offset[index];
        return TN_OK;
    }
    if (in->store == TN_NONE)
        return TN_OK;
    tn_status st = feed->is_dirty ? TN_OK : tn_plan_wait_slot(plan, feed, err);
    if (st == TN_OK) {
        feed->is_dirty = 1;
        *out_host = feed->slots[feed->slot];
    }
    return st;
}

static tn_status no_input(const tn_plan *plan, const char *name, struct tn_error *err)
{
    char list[256] = "";
    for (uint32_t i = 0; i < plan->ir.n_inputs; i++) {
        size_t at = strlen(list);
        snprintf(list + at, sizeof(list) - at, "%s%s", at ? ", " : "", plan->ir.inputs[i].name);
    }
    return tn_error_set(err, TN_E_NOT_FOUND, "graph '%s' has no input '%s'; it has: %s",
                        plan->ir.graph_name, name, list);
}

tn_status tn_plan_set_input_bytes(tn_plan *plan, const char *name, const void *data, size_t n_bytes,
                                  struct tn_error *err)
{
    uint32_t index = find_input(plan, name);
    uint8_t *host = NULL;
    if (index == TN_NONE)
        return no_input(plan, name, err);
    const struct tn_ir_input *in = &plan->ir.inputs[index];
    char shape[96];
    if (n_bytes != in->n_bytes)
        return tn_error_set(err, TN_E_INVALID,
                            "graph '%s': input '%s' is %s %s, %llu bytes; %zu were given",
                            plan->ir.graph_name, name, tn_dtype_name(in->type.dtype),
                            tn_shape_format(&in->type.shape, shape, sizeof(shape)),
                            (unsigned long long)in->n_bytes, n_bytes);
    tn_status st = open_input(plan, index, &host, err);
    if (st == TN_OK && host && n_bytes)
        memcpy(host, data, n_bytes);
    return st;
}

/* Row-major copy of a strided view, element by element along the last axis. */
static void gather(const tn_tensor *tensor, uint8_t *dst)
{
    const struct tn_shape *shape = tn_tensor_shape(tensor);
    const int64_t *stride = tn_tensor_strides(tensor);
    const uint8_t *base = tn_tensor_const_data(tensor);
    size_t size = tn_dtype_size(tn_tensor_dtype(tensor));
    int64_t index[TN_MAX_RANK] = {0}, count = tn_tensor_count(tensor);
    for (int64_t n = 0; n < count; n++) {
        int64_t at = 0;
        for (uint32_t a = 0; a < shape->rank; a++)
            at += index[a] * stride[a];
        memcpy(dst + (size_t)n * size, base + at * (int64_t)size, size);
        for (uint32_t a = shape->rank; a-- > 0 && ++index[a] == shape->dim[a];)
            index[a] = 0;
    }
}

tn_status tn_plan_set_input(tn_plan *plan, const char *name, const tn_tensor *tensor,
                            struct tn_error *err)
{
    uint32_t index = find_input(plan, name);
    uint8_t *host = NULL;
    if (index == TN_NONE)
        return no_input(plan, name, err);
    const struct tn_ir_input *in = &plan->ir.inputs[index];
    if (tn_tensor_dtype(tensor) != in->type.dtype ||
        !tn_shape_equal(tn_tensor_shape(tensor), &in->type.shape)) {
        char want[96], got[96];
        return tn_error_set(err, TN_E_INVALID, "graph '%s': input '%s' is %s %s; %s %s was given",
                            plan->ir.graph_name, name, tn_dtype_name(in->type.dtype),
                            tn_shape_format(&in->type.shape, want, sizeof(want)),
                            tn_dtype_name(tn_tensor_dtype(tensor)),
                            tn_shape_format(tn_tensor_shape(tensor), got, sizeof(got)));
    }
    tn_status st = open_input(plan, index, &host, err);
    if (st != TN_OK || !host || !in->n_bytes)
        return st;
    if (tn_tensor_is_contiguous(tensor))
        memcpy(host, tn_tensor_const_data(tensor), in->n_bytes);
    else
        gather(tensor, host);
    return TN_OK;
}

/* --- outputs --- */

static tn_status find_output(const tn_plan *plan, const char *name, uint32_t *out_index,
                             struct tn_error *err)
{
    char list[256] = "";
    for (uint32_t i = 0; i < plan->ir.n_outputs; i++) {
        size_t at = strlen(list);
        if (strcmp(plan->ir.outputs[i].name, name) == 0) {
            *out_index = i;
            return TN_OK;
        }
        snprintf(list + at, sizeof(list) - at, "%s%s", at ? ", " : "", plan->ir.outputs[i].name);
    }
    return tn_error_set(err, TN_E_NOT_FOUND, "graph '%s' has no output '%s'; it has: %s",
                        plan->ir.graph_name, name, list);
}

static uint64_t output_bytes(const tn_plan *plan, uint32_t index)
{
    return plan->ir.stores[plan->ir.outputs[index].store].n_bytes;
}

static tn_status read_output(tn_plan *plan, uint32_t index, void *data, struct tn_error *err)
{
    const struct tn_ir_output *out = &plan->ir.outputs[index];
    uint32_t producer = plan->ir.stores[out->store].producer;
    uint32_t device = producer == TN_NONE ? 0 : plan->ir.nodes[producer].device;
    struct tn_session_device *dev = &plan->session->devices[device];
    tnb_error e = TN_TNB_ERROR;
    if (!plan->has_run)
        return tn_error_set(err, TN_E_INVALID, "graph '%s': output '%s' is read before any run",
                            plan->ir.graph_name, out->name);
    tnb_span span = tn_plan_span(plan, tn_mem_loc(&plan->mem, out->store, device));
    if (!span.size)
        return TN_OK;
    tnb_status st = dev->api->read(dev->queue, span, data, TNB_HOST_NOW, &e);
    if (st == TNB_OK)
        return TN_OK;
    char doing[128];
    snprintf(doing, sizeof(doing), "reading output '%.80s'", out->name);
    return tn_session_failed(dev, doing, st, &e, err);
}

tn_status tn_plan_get_output_bytes(tn_plan *plan, const char *name, void *data, size_t n_bytes,
                                   struct tn_error *err)
{
    uint32_t index = 0;
    tn_status st = find_output(plan, name, &index, err);
    if (st != TN_OK)
        return st;
    if (n_bytes != output_bytes(plan, index))
        return tn_error_set(
            err, TN_E_INVALID, "graph '%s': output '%s' has %llu bytes; room for %zu was given",
            plan->ir.graph_name, name, (unsigned long long)output_bytes(plan, index), n_bytes);
    return read_output(plan, index, data, err);
}

tn_status tn_plan_get_output(tn_plan *plan, const char *name, tn_tensor **out_tensor,
                             struct tn_error *err)
{
    uint32_t index = 0;
    tn_tensor *tensor = NULL;
    tn_status st = find_output(plan, name, &index, err);
    if (st != TN_OK)
        return st;
    const struct tn_type *type = &plan->ir.outputs[index].type;
    st = tn_tensor_create(type->dtype, &type->shape, &tensor, err);
    if (st == TN_OK)
        st = read_output(plan, index, tn_tensor_data(tensor), err);
    if (st != TN_OK) {
        tn_tensor_unref(&tensor);
        return st;
    }
    *out_tensor = tensor;
    return TN_OK;
}
