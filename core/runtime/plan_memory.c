/* The memory of a plan: state, its own region, the session's arenas; and binding it all. */
#include <stdlib.h>

#include "runtime/session.h"

static tnb_span no_span(void)
{
    return (tnb_span){.buffer = NULL};
}

tnb_span tn_plan_span(const tn_plan *plan, uint32_t loc_index)
{
    const struct tn_loc *loc = &plan->mem.locs[loc_index];
    tnb_span span = {.offset = loc->offset, .size = loc->n_bytes};
    switch (loc->region) {
    case TN_REGION_ARENA:
        span.buffer = plan->session->devices[loc->device].arena;
        return span;
    case TN_REGION_PLAN:
        span.buffer = plan->region[loc->device];
        return span;
    case TN_REGION_STATE: {
        const struct tn_session_state *s = &plan->session->states.items[plan->state_of[loc->state]];
        span.buffer = s->buffer;
        span.offset = s->offset;
        return span;
    }
    default:
        return no_span();
    }
}

static tn_status bind_segment(tn_plan *plan, uint32_t index, struct tn_error *err)
{
    const struct tn_plan_segment *seg = &plan->schedule.segments[index];
    struct tn_plan_stage *stage = &plan->stages[index];
    struct tn_session_device *dev = &plan->session->devices[seg->device];
    tnb_span workspace = no_span();
    tnb_error e = TN_TNB_ERROR;
    for (uint32_t i = 0; i < seg->n_values; i++) {
        uint32_t loc = tn_mem_loc(&plan->mem, plan->ir.store_of[seg->values[i]], seg->device);
        stage->spans[i] = loc == TN_NONE ? no_span() : tn_plan_span(plan, loc);
    }
    if (stage->workspace_bytes)
        workspace = (tnb_span){.buffer = dev->workspace, .size = stage->workspace_bytes};
    tnb_status st = dev->api->plan_bind(stage->handle, stage->spans, seg->n_values, workspace, &e);
    return tn_session_failed(dev, "binding the memory of a plan", st, &e, err);
}

static tn_status bind_plan(tn_plan *plan, struct tn_error *err)
{
    tn_status st = TN_OK;
    for (uint32_t s = 0; st == TN_OK && s < plan->schedule.n_segments; s++)
        st = bind_segment(plan, s, err);
    return st;
}

/* TNB_E_OOM becomes the message with figures. */
static tn_status alloc(tn_plan *plan, uint32_t device, uint64_t n_bytes, tnb_buffer **out_buffer,
                       struct tn_error *err)
{
    struct tn_session_device *dev = &plan->session->devices[device];
    tnb_error e = TN_TNB_ERROR;
    tnb_buffer *buffer = NULL;
    tnb_status st = dev->api->buffer_alloc(dev->handle, n_bytes, TNB_BUFFER_DEVICE, &buffer, &e);
    if (st == TNB_E_OOM)
        return tn_plan_no_room(plan, device, 1, err);
    if (st == TNB_OK)
        *out_buffer = buffer;
    return tn_session_failed(dev, "allocating the memory of a plan", st, &e, err);
}

/* Replaces a scratch buffer by one of at least n_bytes. The old one is freed first: two at once
 * would need the room of both. When the new one cannot be had, the old size is restored. */
static tn_status grow(tn_plan *plan, uint32_t device, tnb_buffer **buffer, uint64_t *have,
                      uint64_t n_bytes, int *out_moved, struct tn_error *err)
{
    struct tn_session_device *dev = &plan->session->devices[device];
    if (n_bytes <= *have)
        return TN_OK;
    if (*buffer)
        dev->api->buffer_free(*buffer);
    *buffer = NULL;
    *out_moved = 1;
    tn_status st = alloc(plan, device, n_bytes, buffer, err);
    if (st == TN_OK) {
        *have = n_bytes;
        return TN_OK;
    }
    if (*have &&
        dev->api->buffer_alloc(dev->handle, *have, TNB_BUFFER_DEVICE, buffer, NULL) != TNB_OK)
        *buffer = NULL, *have = 0;
    return st;
}

/* Makes the session's scratch fit this plan; `others` says that the other plans must be bound
 * again. */
static tn_status grow_arenas(tn_plan *plan, int *out_moved, struct tn_error *err)
{
    tn_session *session = plan->session;
    tn_status st = TN_OK;
    for (uint32_t d = 0; st == TN_OK && d < session->n_devices; d++) {
        struct tn_session_device *dev = &session->devices[d];
        uint64_t arena = plan->mem.devices[d].arena_bytes, work = plan->workspace_bytes[d];
        if (arena <= dev->arena_bytes && work <= dev->workspace_bytes)
            continue;
        st = tn_session_sync(session, err);
        if (st == TN_OK)
            st = grow(plan, d, &dev->arena, &dev->arena_bytes, arena, out_moved, err);
        if (st == TN_OK)
            st = grow(plan, d, &dev->workspace, &dev->workspace_bytes, work, out_moved, err);
    }
    return st;
}

static tn_status upload_const(tn_plan *plan, uint32_t loc, struct tn_error *err)
{
    struct tn_session_device *dev = &plan->session->devices[plan->mem.locs[loc].device];
    const struct tn_ir_store *store = &plan->ir.stores[plan->mem.locs[loc].store];
    const void *data = store->data;
    tn_tensor *row_major = NULL;
    tnb_error e = TN_TNB_ERROR;
    if (!store->n_bytes)
        return TN_OK;
    if (!data) {
        const tn_tensor *given = plan->key.graph->consts.items[store->index];
        tn_status st = tn_tensor_convert(given, tn_tensor_dtype(given), &row_major, err);
        if (st != TN_OK)
            return st;
        data = tn_tensor_const_data(row_major);
    }
    tnb_status ts = dev->api->write(dev->queue, tn_plan_span(plan, loc), data, TNB_HOST_NOW, &e);
    tn_tensor_unref(&row_major);
    return tn_session_failed(dev, "writing a constant", ts, &e, err);
}

static tn_status upload_consts(tn_plan *plan, struct tn_error *err)
{
    tn_status st = TN_OK;
    for (uint32_t l = 0; st == TN_OK && l < plan->mem.n_locs; l++)
        if (plan->ir.stores[plan->mem.locs[l].store].kind == TN_STORE_CONST)
            st = upload_const(plan, l, err);
    return st;
}

static tn_status rebind_others(tn_plan *plan, struct tn_error *err)
{
    tn_status st = TN_OK;
    for (size_t i = 0; i < plan->session->plans.n; i++) {
        tn_status one = bind_plan(plan->session->plans.items[i], st == TN_OK ? err : NULL);
        st = st == TN_OK ? one : st;
    }
    return st;
}

tn_status tn_plan_allocate(tn_plan *plan, struct tn_error *err)
{
    tn_session *session = plan->session;
    size_t n_states = plan->key.graph->states.n;
    int moved = 0;
    plan->state_of = TN_ARENA_NEW(&plan->arena, uint32_t, n_states);
    if (!plan->state_of)
        return tn_ir_oom(&plan->ir, err);
    tn_status st = TN_OK;
    for (uint32_t d = 0; st == TN_OK && d < session->n_devices; d++)
        if (plan->mem.devices[d].plan_bytes)
            st = alloc(plan, d, plan->mem.devices[d].plan_bytes, &plan->region[d], err);
    if (st == TN_OK)
        st = grow_arenas(plan, &moved, err);
    /* The others keep working even when this plan could not be made. */
    if (moved) {
        tn_status others = rebind_others(plan, st == TN_OK ? err : NULL);
        st = st == TN_OK ? others : st;
    }
    if (st == TN_OK)
        st = tn_session_add_states(session, plan->key.graph, plan->state_of, err);
    if (st == TN_E_OOM)
        return tn_plan_no_room(plan, 0, 1, err);
    /* Other plans may be running still, and a backend binds while its queue is idle. */
    if (st == TN_OK)
        st = tn_session_sync(session, err);
    if (st == TN_OK)
        st = bind_plan(plan, err);
    if (st == TN_OK)
        st = upload_consts(plan, err);
    return st;
}
