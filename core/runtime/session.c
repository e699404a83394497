/* A session's devices: opening, queues, waiting. State is in state.c, plans in plan_*.c. */
#include "runtime/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

tn_status tn_session_failed(const struct tn_session_device *dev, const char *doing, tnb_status st,
                            const tnb_error *from, struct tn_error *err)
{
    return tn_from_tnb(dev->device, doing, st, from, err);
}

tn_status tn_session_signal(struct tn_session_device *dev, struct tn_error *err)
{
    tnb_error e = TN_TNB_ERROR;
    tnb_status st = dev->api->signal(dev->queue, dev->event, dev->event_value + 1, &e);
    if (st == TNB_OK) {
        dev->event_value++;
        st = dev->api->flush(dev->queue, &e);
    }
    return tn_session_failed(dev, "queueing a signal", st, &e, err);
}

tn_status tn_session_wait(struct tn_session_device *dev, uint64_t value, struct tn_error *err)
{
    tnb_error e = TN_TNB_ERROR;
    while (dev->event_value < value) {
        tn_status st = tn_session_signal(dev, err);
        if (st != TN_OK)
            return st;
    }
    if (!value)
        return TN_OK;
    tnb_status st = dev->api->event_wait(dev->event, value, UINT64_MAX, &e);
    return tn_session_failed(dev, "waiting for queued work", st, &e, err);
}

tn_status tn_session_sync(tn_session *session, struct tn_error *err)
{
    tn_status first = TN_OK;
    for (uint32_t d = 0; d < session->n_devices; d++) {
        struct tn_session_device *dev = &session->devices[d];
        if (!dev->event) /* opening it failed */
            continue;
        tn_status st = tn_session_wait(dev, dev->event_value + 1, first == TN_OK ? err : NULL);
        first = first == TN_OK ? st : first;
    }
    return first;
}

struct tn_placer tn_session_placer(const tn_session *session)
{
    return (struct tn_placer){.devices = session->place_devices,
                              .n_devices = session->n_devices,
                              .strict = session->strict,
                              .no_claims = session->debug.no_claims,
                              .no_reuse = session->debug.no_reuse};
}

/* The planner avoids what tenon doctor found faulty on this device, and says so once. */
static const char *refusal(void *ctx, const char *op)
{
    struct tn_session_device *dev = ctx;
    const struct tn_device_fault *list;
    size_t n = tn_device_faults(dev->device, &list);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i].op, op) != 0)
            continue;
        int named = i < dev->n_said && dev->said[i];
        if (!named)
            tn_runtime_log(dev->device->backend->runtime, TN_LOG_WARN,
                           "%s: '%s' runs on another device: %s (tenon doctor checks again, "
                           "--no-quarantine uses it all the same)",
                           dev->name, op, list[i].reason);
        if (i < dev->n_said)
            dev->said[i] = 1;
        return list[i].reason;
    }
    return NULL;
}

static tn_status add_device(tn_session *session, tn_device *device, struct tn_error *err)
{
    for (uint32_t d = 0; d < session->n_devices; d++)
        if (session->devices[d].device == device)
            return TN_OK;
    if (session->n_devices == TN_SESSION_MAX_DEVICES)
        return tn_error_set(err, TN_E_INVALID, "a session takes at most %d devices",
                            TN_SESSION_MAX_DEVICES);
    struct tn_session_device *dev = &session->devices[session->n_devices];
    tnb_error e = TN_TNB_ERROR;
    *dev = (struct tn_session_device){.device = device, .api = tn_device_api(device)};
    dev->n_said = tn_device_faults(device, NULL);
    dev->said = dev->n_said ? tn_arena_alloc(&session->arena, dev->n_said) : NULL;
    if (dev->n_said && !dev->said)
        return tn_error_set(err, TN_E_OOM, "out of host memory for a session");
    snprintf(dev->name, sizeof(dev->name), "%.40s:%u", device->info.backend, device->info.index);
    tn_status st = tn_device_open(device, &dev->handle, err);
    if (st != TN_OK)
        return st;
    /* Counted now, so that destroying the session cleans up what follows. */
    session->place_devices[session->n_devices++] =
        (struct tn_place_device){.api = dev->api,
                                 .handle = dev->handle,
                                 .name = dev->name,
                                 .offset_align = device->tnb.offset_align,
                                 .refusal = session->no_quarantine ? NULL : refusal,
                                 .refusal_ctx = dev};
    uint32_t flags = session->profile ? TNB_QUEUE_PROFILE : 0;
    tnb_status ts = dev->api->queue_create(dev->handle, flags, &dev->queue, &e);
    if (ts == TNB_OK)
        ts = dev->api->event_create(dev->handle, &dev->event, &e);
    return tn_session_failed(dev, "opening a queue", ts, &e, err);
}

static tn_status add_devices(tn_session *session, const struct tn_session_params *params,
                             struct tn_error *err)
{
    tn_status st = add_device(session, params->device, err);
    if (params->strict) /* nothing may go elsewhere */
        return st;
    if (params->fallback) {
        for (size_t i = 0; st == TN_OK && i < params->n_fallback; i++)
            st = add_device(session, params->fallback[i], err);
        return st;
    }
    tn_device *cpu = tn_runtime_backend_device(session->runtime, "cpu");
    if (st == TN_OK && cpu)
        st = add_device(session, cpu, err);
    if (st == TN_OK)
        st = add_device(session, tn_runtime_ref_device(session->runtime), err);
    return st;
}

tn_status tn_session_create(tn_runtime *runtime, const struct tn_session_params *params,
                            tn_session **out_session, struct tn_error *err)
{
    if (!params->device)
        return tn_error_set(err, TN_E_INVALID, "a session needs a device");
    tn_session *session = calloc(1, sizeof(*session));
    if (!session)
        return tn_error_set(err, TN_E_OOM, "out of host memory for a session");
    session->runtime = runtime;
    session->seed = params->seed;
    session->strict = params->strict;
    session->profile = params->profile;
    session->no_quarantine = params->no_quarantine;
    tn_arena_init(&session->arena);
    tn_status st = add_devices(session, params, err);
    if (st != TN_OK) {
        tn_session_destroy(&session);
        return st;
    }
    *out_session = session;
    return TN_OK;
}

void tn_session_destroy(tn_session **session)
{
    if (!session || !*session)
        return;
    tn_session *s = *session;
    tn_session_sync(s, NULL);
    for (size_t i = 0; i < s->plans.n; i++)
        tn_plan_destroy(&s->plans.items[i]);
    for (size_t i = 0; i < s->chunks.n; i++)
        s->devices[0].api->buffer_free(s->chunks.items[i]);
    for (uint32_t d = 0; d < s->n_devices; d++) {
        struct tn_session_device *dev = &s->devices[d];
        if (dev->arena)
            dev->api->buffer_free(dev->arena);
        if (dev->workspace)
            dev->api->buffer_free(dev->workspace);
        if (dev->event)
            dev->api->event_destroy(dev->event);
        if (dev->queue)
            dev->api->queue_destroy(dev->queue);
    }
    TN_VEC_FINISH(&s->plans);
    TN_VEC_FINISH(&s->chunks);
    TN_VEC_FINISH(&s->states);
    tn_arena_finish(&s->arena);
    free(s);
    *session = NULL;
}
