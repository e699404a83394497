/* Maximal runs of consecutive nodes on one device, and the times at which nodes execute. */
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"

static int by_number(const void *pa, const void *pb)
{
    uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    return a < b ? -1 : a > b;
}

/* Each value that the nodes read or write, once, ascending. */
static tn_status list_values(const struct tn_plan_ir *ir, struct tn_plan_segment *seg,
                             struct tn_error *err)
{
    uint32_t n = 0, total = 0;
    for (uint32_t k = 0; k < seg->n_nodes; k++)
        total += ir->nodes[seg->nodes[k]].tnb.n_in + ir->nodes[seg->nodes[k]].tnb.n_out;
    seg->values = TN_ARENA_NEW(ir->arena, uint32_t, total);
    if (!seg->values)
        return tn_ir_oom(ir, err);
    for (uint32_t k = 0; k < seg->n_nodes; k++) {
        const tnb_node *node = &ir->nodes[seg->nodes[k]].tnb;
        for (uint32_t i = 0; i < node->n_in + node->n_out; i++) {
            uint32_t v = i < node->n_in ? node->in[i] : node->out[i - node->n_in];
            if (v != TNB_ABSENT)
                seg->values[n++] = v;
        }
    }
    qsort(seg->values, n, sizeof(uint32_t), by_number);
    for (uint32_t i = 0; i < n; i++)
        if (i == 0 || seg->values[i] != seg->values[i - 1])
            seg->values[seg->n_values++] = seg->values[i];
    return TN_OK;
}

/* Node times follow the segment's order; all nodes of a claim run at the place of its last one. */
static void set_times(struct tn_plan_ir *ir, struct tn_plan_segment *seg, uint32_t base)
{
    seg->first_time = base;
    for (uint32_t k = 0; k < seg->n_nodes; k++)
        ir->nodes[seg->nodes[k]].time = base + k;
    for (uint32_t c = 0; c < seg->n_claims; c++) {
        uint32_t last = 0;
        for (uint32_t k = 0; k < seg->claims[c].n_nodes; k++)
            if (ir->nodes[seg->claims[c].nodes[k]].time > last)
                last = ir->nodes[seg->claims[c].nodes[k]].time;
        for (uint32_t k = 0; k < seg->claims[c].n_nodes; k++)
            ir->nodes[seg->claims[c].nodes[k]].time = last;
    }
}

/* A segment for each node of the last one of the schedule, which has no claims. */
static tn_status split(struct tn_plan_ir *ir, struct tn_plan_schedule *schedule,
                       struct tn_error *err)
{
    struct tn_plan_segment whole = schedule->segments[schedule->n_segments];
    for (uint32_t k = 0; k < whole.n_nodes; k++) {
        struct tn_plan_segment *seg = &schedule->segments[schedule->n_segments];
        *seg = (struct tn_plan_segment){
            .device = whole.device, .n_nodes = 1, .nodes = whole.nodes + k};
        ir->nodes[whole.nodes[k]].segment = schedule->n_segments++;
        tn_status st = list_values(ir, seg, err);
        if (st != TN_OK)
            return st;
        set_times(ir, seg, whole.nodes[k] + 1);
    }
    return TN_OK;
}

tn_status tn_plan_segments(struct tn_plan_ir *ir, const struct tn_placer *placer,
                           struct tn_plan_schedule *out_schedule, struct tn_error *err)
{
    *out_schedule = (struct tn_plan_schedule){.end_time = ir->n_nodes + 1};
    struct tn_plan_segment *list = TN_ARENA_NEW(ir->arena, struct tn_plan_segment, ir->n_nodes);
    uint32_t *nodes = TN_ARENA_NEW(ir->arena, uint32_t, ir->n_nodes);
    if (!list || !nodes)
        return tn_ir_oom(ir, err);
    out_schedule->segments = list;
    for (uint32_t first = 0, end = 0; first < ir->n_nodes; first = end) {
        struct tn_plan_segment *seg = &list[out_schedule->n_segments];
        seg->device = ir->nodes[first].device;
        seg->nodes = nodes + first;
        for (end = first; end < ir->n_nodes && ir->nodes[end].device == seg->device; end++) {
            nodes[end] = end;
            ir->nodes[end].segment = out_schedule->n_segments;
            ir->nodes[end].claim = TN_NONE;
        }
        seg->n_nodes = end - first;
        tn_status st = list_values(ir, seg, err);
        if (st == TN_OK && !placer->no_claims)
            st = tn_plan_claims(ir, placer, seg, err);
        if (st != TN_OK)
            return st;
        if (placer->checked && seg->n_claims == 0) {
            if ((st = split(ir, out_schedule, err)) != TN_OK)
                return st;
            continue;
        }
        set_times(ir, seg, first + 1);
        out_schedule->n_segments++;
    }
    return TN_OK;
}
