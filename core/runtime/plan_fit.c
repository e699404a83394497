/* Does a plan fit, and if not, what would? */
#include <stdio.h>
#include <string.h>

#include "runtime/session.h"

#define GIB (1024.0 * 1024.0 * 1024.0)
#define MIB (1024.0 * 1024.0)

static uint64_t growth_of(uint64_t have, uint64_t want)
{
    return want > have ? want - have : 0;
}

tn_status tn_plan_growth(const tn_plan *plan, uint32_t device, uint64_t *out_bytes,
                         struct tn_error *err)
{
    const struct tn_session_device *dev = &plan->session->devices[device];
    uint64_t state = 0;
    tn_status st = device == 0
                       ? tn_session_new_state_bytes(plan->session, plan->key.graph, &state, err)
                       : TN_OK;
    if (st == TN_OK)
        *out_bytes = state + plan->mem.devices[device].plan_bytes +
                     growth_of(dev->arena_bytes, plan->mem.devices[device].arena_bytes) +
                     growth_of(dev->workspace_bytes, plan->workspace_bytes[device]);
    return st;
}

/* What the session holds on a device. */
static uint64_t held(const tn_session *session, uint32_t device)
{
    const struct tn_session_device *dev = &session->devices[device];
    uint64_t n = dev->arena_bytes + dev->workspace_bytes + (device == 0 ? session->state_bytes : 0);
    for (size_t i = 0; i < session->plans.n; i++)
        n += session->plans.items[i]->mem.devices[device].plan_bytes;
    return n;
}

/* Asks again: what is free changes. A device that knows only its total has that less what we hold.
 * 0: the device does not say. */
static void ask_room(const tn_session *session, uint32_t device, uint64_t *out_free,
                     uint64_t *out_largest)
{
    const struct tn_session_device *dev = &session->devices[device];
    tnb_device_info info = {.struct_size = sizeof(info)};
    *out_free = *out_largest = 0;
    if (dev->api->device_info(dev->device->backend->instance, dev->device->info.index, &info,
                              NULL) != TNB_OK)
        return;
    uint64_t ours = held(session, device);
    *out_free = info.mem_free;
    if (!info.mem_free && info.mem_total)
        *out_free = info.mem_total > ours ? info.mem_total - ours : 1;
    *out_largest = info.max_alloc;
}

static int has_room(const tn_plan *plan, uint32_t device)
{
    uint64_t needed = 0, room = 0, largest = 0;
    ask_room(plan->session, device, &room, &largest);
    if (tn_plan_growth(plan, device, &needed, NULL) != TN_OK)
        return 1; /* the error shows itself elsewhere */
    if (room && needed > room)
        return 0;
    return !largest || (plan->mem.devices[device].arena_bytes <= largest &&
                        plan->mem.devices[device].plan_bytes <= largest &&
                        plan->workspace_bytes[device] <= largest);
}

/* Would its buffers go through right now, all at once? */
static int probe_room(const tn_plan *plan, uint32_t device)
{
    const struct tn_session_device *dev = &plan->session->devices[device];
    uint64_t arena = plan->mem.devices[device].arena_bytes, work = plan->workspace_bytes[device];
    uint64_t sizes[4] = {plan->mem.devices[device].plan_bytes, arena > dev->arena_bytes ? arena : 0,
                         work > dev->workspace_bytes ? work : 0, 0};
    tnb_buffer *buffers[4] = {NULL};
    if (device == 0 &&
        tn_session_new_state_bytes(plan->session, plan->key.graph, &sizes[3], NULL) != TN_OK)
        return 0;
    int ok = 1;
    for (int i = 0; i < 4 && ok; i++)
        if (sizes[i])
            ok = dev->api->buffer_alloc(dev->handle, sizes[i], TNB_BUFFER_DEVICE, &buffers[i],
                                        NULL) == TNB_OK;
    for (int i = 0; i < 4; i++)
        if (buffers[i])
            dev->api->buffer_free(buffers[i]);
    return ok;
}

/* Workspace is not known before the backend compiles: the refused plan's share is scaled along. */
static int fits(const tn_plan *refused, uint32_t device, uint32_t symbol, int64_t batch, int probe)
{
    tn_plan trial = {.session = refused->session, .key = refused->key};
    trial.key.bound.value[symbol] = batch;
    tn_arena_init(&trial.arena);
    int ok = tn_plan_analyse(&trial, NULL) == TN_OK;
    if (ok) {
        double share = (double)batch / (double)refused->key.bound.value[symbol];
        for (uint32_t d = 0; d < trial.session->n_devices; d++)
            trial.workspace_bytes[d] = (uint64_t)((double)refused->workspace_bytes[d] * share);
        ok = has_room(&trial, device) && (!probe || probe_room(&trial, device));
    }
    tn_arena_finish(&trial.arena);
    return ok;
}

static uint32_t batch_symbol(const tn_graph *graph)
{
    for (uint32_t i = 0; i < graph->n_symbols; i++)
        if (strcmp(graph->symbols[i], "batch") == 0)
            return i;
    return TN_NONE;
}

/* "; the largest batch that fits is 96 (asked: 256)" */
static void say_largest(const tn_plan *plan, uint32_t device, int probe, char *buf, size_t size)
{
    uint32_t symbol = batch_symbol(plan->key.graph);
    buf[0] = '\0';
    if (symbol == TN_NONE)
        return;
    int64_t asked = plan->key.bound.value[symbol], lo = 0, hi = asked;
    while (hi - lo > 1) { /* lo fits, hi does not */
        int64_t mid = lo + (hi - lo) / 2;
        if (fits(plan, device, symbol, mid, probe))
            lo = mid;
        else
            hi = mid;
    }
    if (lo)
        snprintf(buf, size, "; the largest batch that fits is %lld (asked: %lld)", (long long)lo,
                 (long long)asked);
    else
        snprintf(buf, size, "; not even a batch of 1 fits: use a smaller model or another device");
}

static void say_bytes(uint64_t n, char *buf, size_t size)
{
    if ((double)n >= GIB)
        snprintf(buf, size, "%.2f GiB", (double)n / GIB);
    else
        snprintf(buf, size, "%.1f MiB", (double)n / MIB);
}

tn_status tn_plan_no_room(const tn_plan *plan, uint32_t device, int probe, struct tn_error *err)
{
    const struct tn_session_device *dev = &plan->session->devices[device];
    char needed_text[32], room_text[32] = "not reported", largest_text[64] = "", batch[128];
    uint64_t needed = 0, room = 0, largest = 0;
    tn_status st = tn_plan_growth(plan, device, &needed, err);
    if (st != TN_OK)
        return st;
    ask_room(plan->session, device, &room, &largest);
    say_bytes(needed, needed_text, sizeof(needed_text));
    if (room)
        say_bytes(room, room_text, sizeof(room_text));
    if (largest && (plan->mem.devices[device].arena_bytes > largest ||
                    plan->mem.devices[device].plan_bytes > largest ||
                    plan->workspace_bytes[device] > largest)) {
        char text[32];
        say_bytes(largest, text, sizeof(text));
        snprintf(largest_text, sizeof(largest_text), ", at most %s in one piece", text);
    }
    say_largest(plan, device, probe, batch, sizeof(batch));
    return tn_error_set(err, TN_E_OOM,
                        "graph '%s' does not fit in the memory of %s (%s): needed %s, free %s%s%s",
                        plan->ir.graph_name, dev->name, dev->device->info.name, needed_text,
                        room_text, largest_text, batch);
}

tn_status tn_plan_check_room(const tn_plan *plan, struct tn_error *err)
{
    for (uint32_t d = 0; d < plan->session->n_devices; d++)
        if (!has_room(plan, d))
            return tn_plan_no_room(plan, d, 0, err);
    return TN_OK;
}
