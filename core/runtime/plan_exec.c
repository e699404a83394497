/* One step. Everything was allocated when the plan was made: a run queues work and returns. The
 * host waits only where a value goes from one device to another, and for the host copy of an input
 * that is still on its way. */
#include <stdio.h>
#include <string.h>

#include "runtime/session.h"

static tn_status check_inputs(const tn_plan *plan, struct tn_error *err)
{
    for (uint32_t i = 0; i < plan->ir.n_inputs; i++)
        if (plan->ir.inputs[i].store != TN_NONE && !plan->is_set[i])
            return tn_error_set(err, TN_E_INVALID,
                                "graph '%s': input '%s' has not been set before the first run",
                                plan->ir.graph_name, plan->ir.inputs[i].name);
    return TN_OK;
}

static tn_status send(tn_plan *plan, uint32_t device, struct tn_plan_feed *feed, tnb_span span,
                      struct tn_error *err)
{
    struct tn_session_device *dev = &plan->session->devices[device];
    tnb_error e = TN_TNB_ERROR;
    if (!span.size)
        return TN_OK;
    tnb_status st =
        dev->api->write(dev->queue, span, feed->slots[feed->slot], TNB_HOST_UNTIL_DONE, &e);
    /* Reached when this run's signal is: the slot may be filled again then. */
    feed->guard[feed->slot][device] = dev->event_value + 1;
    return tn_session_failed(dev, "sending an input", st, &e, err);
}

static void next_slot(struct tn_plan_feed *feed)
{
    feed->slot = (feed->slot + 1) % TN_INPUT_SLOTS;
    feed->is_dirty = 0;
}

static tn_status send_inputs(tn_plan *plan, struct tn_error *err)
{
    for (uint32_t i = 0; i < plan->ir.n_inputs; i++) {
        struct tn_plan_feed *feed = &plan->feeds[i];
        if (!feed->is_dirty)
            continue;
        for (uint32_t d = 0; d < plan->mem.n_devices; d++) {
            uint32_t loc = tn_mem_loc(&plan->mem, plan->ir.inputs[i].store, d);
            tn_status st =
                loc == TN_NONE ? TN_OK : send(plan, d, feed, tn_plan_span(plan, loc), err);
            if (st != TN_OK)
                return tn_error_prefix(err, "input '%s'", plan->ir.inputs[i].name), st;
        }
        next_slot(feed);
    }
    return TN_OK;
}

tn_status tn_plan_wait_slot(tn_plan *plan, const struct tn_plan_feed *feed, struct tn_error *err)
{
    tn_status st = TN_OK;
    for (uint32_t d = 0; st == TN_OK && d < plan->mem.n_devices; d++)
        st = tn_session_wait(&plan->session->devices[d], feed->guard[feed->slot][d], err);
    return st;
}

static tn_status send_step(tn_plan *plan, struct tn_error *err)
{
    struct tn_plan_feed *feed = &plan->step;
    if (!feed->is_dirty)
        return TN_OK;
    tn_status st = tn_plan_wait_slot(plan, feed, err);
    if (st != TN_OK)
        return st;
    memcpy(feed->slots[feed->slot], plan->step_image, feed->n_bytes);
    for (uint32_t d = 0; st == TN_OK && d < plan->mem.n_devices; d++)
        if (plan->mem.devices[d].has_step)
            st = send(plan, d, feed, (tnb_span){.buffer = plan->region[d], .size = feed->n_bytes},
                      err);
    next_slot(feed);
    return st;
}

static tn_status copy(tn_plan *plan, const struct tn_action *a, struct tn_error *err)
{
    const struct tn_loc *from = &plan->mem.locs[a->from], *to = &plan->mem.locs[a->to];
    struct tn_session_device *src = &plan->session->devices[from->device];
    struct tn_session_device *dst = &plan->session->devices[to->device];
    tnb_error e = TN_TNB_ERROR;
    if (!from->n_bytes)
        return TN_OK;
    tnb_span span_from = tn_plan_span(plan, a->from), span_to = tn_plan_span(plan, a->to);
    if (src == dst) {
        tnb_status st = dst->api->copy(dst->queue, span_to, span_from, &e);
        return tn_session_failed(dst, "copying a value", st, &e, err);
    }
    uint8_t *host = plan->staging + a->staging;
    tnb_status st = src->api->read(src->queue, span_from, host, TNB_HOST_NOW, &e);
    if (st != TNB_OK)
        return tn_session_failed(src, "fetching a value for another device", st, &e, err);
    st = dst->api->write(dst->queue, span_to, host, TNB_HOST_UNTIL_DONE, &e);
    return tn_session_failed(dst, "bringing a value from another device", st, &e, err);
}

static tn_status run_segment(tn_plan *plan, uint32_t index, struct tn_error *err)
{
    struct tn_session_device *dev = &plan->session->devices[plan->schedule.segments[index].device];
    tnb_error e = TN_TNB_ERROR;
    tnb_status st = dev->api->run(dev->queue, plan->stages[index].handle, &e);
    if (st == TNB_OK)
        return TN_OK;
    char doing[192];
    snprintf(doing, sizeof(doing), "graph '%.60s': running segment %u from node '%.80s'",
             plan->ir.graph_name, index, plan->stages[index].label);
    return tn_session_failed(dev, doing, st, &e, err);
}

/* NaN in every float type, so that a value read before it was made shows. */
static tn_status poison(tn_plan *plan, struct tn_error *err)
{
    for (uint32_t d = 0; d < plan->mem.n_devices; d++) {
        struct tn_session_device *dev = &plan->session->devices[d];
        tnb_span span = {.buffer = dev->arena, .size = dev->arena_bytes};
        tnb_error e = TN_TNB_ERROR;
        tnb_status st = span.size ? dev->api->fill(dev->queue, span, 0xFFFFFFFFu, 4, &e) : TNB_OK;
        if (st != TNB_OK)
            return tn_session_failed(dev, "filling the arena", st, &e, err);
    }
    return TN_OK;
}

/* Waits for the segment: a fault of it is then known to be its own. */
static tn_status run_observed(tn_plan *plan, uint32_t index,
                              const struct tn_plan_observer *observer, struct tn_error *err)
{
    const struct tn_plan_segment *seg = &plan->schedule.segments[index];
    struct tn_session_device *dev = &plan->session->devices[seg->device];
    observer->before(observer->ctx, plan, seg->nodes[0]);
    tn_status st = run_segment(plan, index, err);
    return st == TN_OK ? tn_session_wait(dev, dev->event_value + 1, err) : st;
}

static tn_status run_actions(tn_plan *plan, const struct tn_plan_observer *observer,
                             struct tn_error *err)
{
    tn_status st = TN_OK;
    for (uint32_t i = 0; st == TN_OK && i < plan->mem.n_actions; i++) {
        const struct tn_action *a = &plan->mem.actions[i];
        if (a->kind != TN_ACTION_RUN)
            st = copy(plan, a, err);
        else if (observer)
            st = run_observed(plan, a->segment, observer, err);
        else
            st = run_segment(plan, a->segment, err);
    }
    return st;
}

static tn_status wait_last_run(tn_plan *plan, struct tn_error *err)
{
    tn_status st = TN_OK;
    for (uint32_t d = 0; st == TN_OK && d < plan->mem.n_devices; d++)
        st = tn_session_wait(&plan->session->devices[d], plan->done[d], err);
    return st;
}

/* Signalled even when the run failed half-way: the slots of its inputs wait for it. */
static tn_status finish_run(tn_plan *plan, struct tn_error *err)
{
    tn_status st = TN_OK;
    for (uint32_t d = 0; d < plan->mem.n_devices; d++) {
        struct tn_session_device *dev = &plan->session->devices[d];
        if (!plan->is_used[d])
            continue;
        tn_status one = tn_session_signal(dev, st == TN_OK ? err : NULL);
        st = st == TN_OK ? one : st;
        plan->done[d] = dev->event_value;
    }
    return st;
}

static tn_status fetch_times(tn_plan *plan, struct tn_error *err)
{
    tn_status st = wait_last_run(plan, err);
    for (uint32_t s = 0; st == TN_OK && s < plan->schedule.n_segments; s++) {
        const struct tn_plan_segment *seg = &plan->schedule.segments[s];
        struct tn_session_device *dev = &plan->session->devices[seg->device];
        tnb_error e = TN_TNB_ERROR;
        if (!dev->api->plan_times)
            continue;
        tnb_status ts = dev->api->plan_times(plan->stages[s].handle, plan->stages[s].times_ns,
                                             seg->n_nodes, &e);
        st = tn_session_failed(dev, "reading times", ts, &e, err);
    }
    return st;
}

/* After an arena could neither grow nor be had back, its plans cannot run. */
static tn_status check_arenas(const tn_plan *plan, struct tn_error *err)
{
    for (uint32_t d = 0; d < plan->mem.n_devices; d++) {
        const struct tn_session_device *dev = &plan->session->devices[d];
        if (plan->mem.devices[d].arena_bytes > dev->arena_bytes ||
            plan->workspace_bytes[d] > dev->workspace_bytes)
            return tn_error_set(err, TN_E_OOM,
                                "graph '%s': %s lost the memory for activations when a larger plan "
                                "did not fit; open a new session",
                                plan->ir.graph_name, dev->name);
    }
    return TN_OK;
}

tn_status tn_plan_run(tn_plan *plan, struct tn_error *err)
{
    return tn_plan_run_observed(plan, NULL, err);
}

tn_status tn_plan_run_observed(tn_plan *plan, const struct tn_plan_observer *observer,
                               struct tn_error *err)
{
    tn_status st = check_arenas(plan, err);
    if (st == TN_OK)
        st = check_inputs(plan, err);
    /* The staging of transfers must have been read by the devices that it went to. */
    if (st == TN_OK && plan->mem.n_transfers)
        st = wait_last_run(plan, err);
    if (st != TN_OK)
        return st;
    st = send_inputs(plan, err);
    if (st == TN_OK)
        st = send_step(plan, err);
    if (st == TN_OK && plan->session->debug.poison)
        st = poison(plan, err);
    if (st == TN_OK)
        st = run_actions(plan, observer, err);
    tn_status end = finish_run(plan, st == TN_OK ? err : NULL);
    st = st == TN_OK ? end : st;
    if (st == TN_OK)
        plan->has_run = 1;
    if (st == TN_OK && plan->session->profile)
        st = fetch_times(plan, err);
    return st;
}
