/* One step of a checked plan: the state is copied before it, guard bytes are laid and looked at. */
#include "runtime/checked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD 0xA5

/* --- guards --- */

static int has_guard(const tn_plan *plan, uint32_t loc)
{
    enum tn_region region = plan->mem.locs[loc].region;
    uint32_t store = plan->mem.locs[loc].store;
    uint32_t producer = plan->ir.stores[store].producer;
    return (region == TN_REGION_ARENA || region == TN_REGION_PLAN) && producer != TN_NONE &&
           plan->ir.nodes[producer].device == plan->mem.locs[loc].device;
}

static tnb_span guard_of(const tn_plan *plan, uint32_t loc)
{
    tnb_span span = tn_plan_span(plan, loc);
    span.offset += span.size;
    span.size = TN_GUARD_BYTES;
    return span;
}

static tn_status lay_guards(tn_plan *plan, struct tn_error *err)
{
    for (uint32_t l = 0; l < plan->mem.n_locs; l++) {
        struct tn_session_device *dev = &plan->session->devices[plan->mem.locs[l].device];
        tnb_error e = TN_TNB_ERROR;
        tnb_status st = TNB_OK;
        if (has_guard(plan, l))
            st = dev->api->fill(dev->queue, guard_of(plan, l), GUARD, 1, &e);
        if (st != TNB_OK)
            return tn_session_failed(dev, "laying guard bytes", st, &e, err);
    }
    return TN_OK;
}

static int is_whole(const uint8_t *bytes)
{
    for (size_t i = 0; i < TN_GUARD_BYTES; i++)
        if (bytes[i] != GUARD)
            return 0;
    return 1;
}

tn_status tn_checked_guards(const struct tn_checked_run *run, struct tn_error *err)
{
    const tn_plan *plan = run->plan;
    uint32_t first = TN_NONE;
    for (uint32_t l = 0; l < plan->mem.n_locs; l++) {
        struct tn_session_device *dev = &plan->session->devices[plan->mem.locs[l].device];
        uint8_t bytes[TN_GUARD_BYTES];
        tnb_error e = TN_TNB_ERROR;
        if (!has_guard(plan, l))
            continue;
        tnb_status st = dev->api->read(dev->queue, guard_of(plan, l), bytes, TNB_HOST_NOW, &e);
        if (st != TNB_OK)
            return tn_session_failed(dev, "reading guard bytes", st, &e, err);
        uint32_t producer = plan->ir.stores[plan->mem.locs[l].store].producer;
        if (!is_whole(bytes) &&
            (first == TN_NONE || plan->ir.nodes[producer].time < plan->ir.nodes[first].time))
            first = producer;
    }
    if (first == TN_NONE)
        return TN_OK;
    char name[320];
    tn_checked_name(plan, first, name, sizeof(name));
    return tn_error_set(err, TN_E_NUMERIC, "%s wrote past the end of an output", name);
}

/* --- the run --- */

static tn_status read_loc(const tn_plan *plan, uint32_t loc, void *dst, struct tn_error *err)
{
    struct tn_session_device *dev = &plan->session->devices[plan->mem.locs[loc].device];
    tnb_span span = tn_plan_span(plan, loc);
    tnb_error e = TN_TNB_ERROR;
    if (!span.size)
        return TN_OK;
    tnb_status st = dev->api->read(dev->queue, span, dst, TNB_HOST_NOW, &e);
    return tn_session_failed(dev, "reading a value to check it", st, &e, err);
}

static tn_status copy_state(struct tn_checked_run *run, struct tn_error *err)
{
    const tn_plan *plan = run->plan;
    tn_status st = TN_OK;
    for (uint32_t l = 0; st == TN_OK && l < plan->mem.n_locs; l++) {
        const struct tn_loc *loc = &plan->mem.locs[l];
        if (loc->region != TN_REGION_STATE)
            continue;
        run->before[l] = malloc(loc->n_bytes ? loc->n_bytes : 1);
        if (!run->before[l])
            return tn_error_set(err, TN_E_OOM, "out of host memory for a copy of the state");
        st = read_loc(plan, l, run->before[l], err);
    }
    return st;
}

tn_status tn_checked_run(tn_plan *plan, const struct tn_plan_observer *observer,
                         struct tn_checked_run *out_run, struct tn_error *err)
{
    *out_run = (struct tn_checked_run){.plan = plan};
    if (!plan->key.is_checked)
        return tn_error_set(err, TN_E_INVALID,
                            "graph '%s': only a plan of tn_session_checked_plan can be checked",
                            plan->ir.graph_name);
    out_run->before = calloc(plan->mem.n_locs ? plan->mem.n_locs : 1, sizeof(*out_run->before));
    if (!out_run->before)
        return tn_error_set(err, TN_E_OOM, "out of host memory for checking a step");
    tn_status st = tn_session_sync(plan->session, err);
    if (st == TN_OK)
        st = copy_state(out_run, err);
    if (st == TN_OK)
        st = lay_guards(plan, err);
    if (st == TN_OK)
        st = tn_plan_run_observed(plan, observer, err);
    if (st == TN_OK)
        st = tn_session_sync(plan->session, err);
    return st;
}

void tn_checked_close(struct tn_checked_run *run)
{
    for (uint32_t l = 0; run->before && l < run->plan->mem.n_locs; l++)
        free(run->before[l]);
    free(run->before);
    run->before = NULL;
}

/* --- what it left --- */

tn_status tn_checked_read(const struct tn_checked_run *run, uint32_t node, uint32_t value,
                          void *dst, int *out_has, struct tn_error *err)
{
    const tn_plan *plan = run->plan;
    uint32_t loc = tn_mem_loc(&plan->mem, plan->ir.store_of[value], plan->ir.nodes[node].device);
    *out_has = loc != TN_NONE;
    if (!*out_has)
        return TN_OK;
    if (run->before[loc]) {
        memcpy(dst, run->before[loc], plan->mem.locs[loc].n_bytes);
        return TN_OK;
    }
    return read_loc(plan, loc, dst, err);
}

void tn_checked_name(const tn_plan *plan, uint32_t node, char *buf, size_t size)
{
    const struct tn_ir_node *n = &plan->ir.nodes[node];
    const struct tn_plan_segment *seg = &plan->schedule.segments[n->segment];
    char shapes[128];
    tn_ir_format_shapes(&plan->ir, node, shapes, sizeof(shapes));
    snprintf(buf, size, "node '%.60s' (%.40s, %s) on %s, variant %.40s", n->tnb.label, n->tnb.op,
             shapes, plan->session->devices[n->device].name,
             n->claim == TN_NONE ? n->support.variant : seg->variants[n->claim]);
}
