/* Offsets: the activation arena by lifetimes, the plan's own region one after the other, gradients
 * of one group side by side in the order of their parameters. */
#include <stdlib.h>

#include "plan/memory.h"

/* A run of gradients of one device, group and dtype, sorted. */
static int grad_order(const struct tn_mem_build *m, uint32_t a, uint32_t b)
{
    const struct tn_loc *la = &m->plan->locs[a], *lb = &m->plan->locs[b];
    const struct tn_ir_store *sa = &m->ir->stores[la->store], *sb = &m->ir->stores[lb->store];
    if (sa->grad_group != sb->grad_group)
        return sa->grad_group < sb->grad_group ? -1 : 1;
    if (sa->dtype != sb->dtype)
        return sa->dtype < sb->dtype ? -1 : 1;
    return 0;
}

static int grad_before(const struct tn_mem_build *m, uint32_t a, uint32_t b)
{
    int order = grad_order(m, a, b);
    uint32_t sa = m->ir->stores[m->plan->locs[a].store].grad_state;
    uint32_t sb = m->ir->stores[m->plan->locs[b].store].grad_state;
    return order ? order < 0 : sa < sb;
}

static uint32_t list_grads(const struct tn_mem_build *m, uint32_t device, uint32_t *out)
{
    uint32_t n = 0;
    for (uint32_t l = 0; l < m->plan->n_locs; l++) {
        if (m->plan->locs[l].device != device || !m->blocks[l].is_pinned)
            continue;
        uint32_t at = n++;
        for (; at > 0 && grad_before(m, l, out[at - 1]); at--)
            out[at] = out[at - 1];
        out[at] = l;
    }
    return n;
}

/* One item for grads[0 .. n): offsets inside it go to the locs. */
static struct tn_mem_item grad_item(struct tn_mem_build *m, const uint32_t *grads, uint32_t n,
                                    uint64_t align)
{
    uint64_t guard = m->placer->checked ? TN_GUARD_BYTES : 0;
    struct tn_mem_item item = {.begin = UINT32_MAX};
    for (uint32_t i = 0; i < n; i++) {
        struct tn_loc *loc = &m->plan->locs[grads[i]];
        loc->offset = item.n_bytes;
        item.n_bytes += tn_align_up(loc->n_bytes + guard, align);
        item.begin = loc->begin < item.begin ? loc->begin : item.begin;
        item.end = loc->end > item.end ? loc->end : item.end;
    }
    return item;
}

static void place_blocks(struct tn_mem_build *m, const struct tn_mem_item *items,
                         const uint32_t *item_of, uint32_t device)
{
    struct tn_mem_plan *p = m->plan;
    for (uint32_t l = 0; l < p->n_locs; l++) {
        struct tn_loc *loc = &p->locs[l];
        if (loc->device == device && loc->region == TN_REGION_ARENA) {
            uint64_t base = items[item_of[loc->block]].offset;
            loc->offset = m->blocks[l].is_pinned ? base + loc->offset : base;
        }
    }
}

static tn_status lay_arena(struct tn_mem_build *m, uint32_t device)
{
    struct tn_mem_plan *p = m->plan;
    uint64_t align = p->devices[device].align;
    uint64_t guard = m->placer->checked ? TN_GUARD_BYTES : 0;
    struct tn_mem_item *items = TN_ARENA_NEW(m->ir->arena, struct tn_mem_item, p->n_locs);
    uint32_t *item_of = TN_ARENA_NEW(m->ir->arena, uint32_t, p->n_locs);
    uint32_t *grads = TN_ARENA_NEW(m->ir->arena, uint32_t, p->n_locs);
    if (!items || !item_of || !grads)
        return tn_ir_oom(m->ir, m->err);
    uint32_t n = 0, n_grads = list_grads(m, device, grads);
    for (uint32_t i = 0, end = 0; i < n_grads; i = end) {
        for (end = i; end < n_grads && grad_order(m, grads[i], grads[end]) == 0; end++)
            item_of[grads[end]] = n;
        items[n++] = grad_item(m, grads + i, end - i, align);
    }
    for (uint32_t l = 0; l < p->n_locs; l++) {
        const struct tn_loc *loc = &p->locs[l];
        if (loc->device != device || loc->region != TN_REGION_ARENA || loc->block != l ||
            m->blocks[l].is_pinned)
            continue;
        item_of[l] = n;
        items[n++] = (struct tn_mem_item){
            .n_bytes = loc->n_bytes + guard, .begin = m->blocks[l].begin, .end = m->blocks[l].end};
    }
    for (uint32_t i = 0; tn_keeps_values(m->placer) && i < n; i++)
        items[i].begin = 0, items[i].end = m->schedule->end_time;
    if (!tn_mem_assign(items, n, align, &p->devices[device].arena_bytes))
        return tn_ir_oom(m->ir, m->err);
    place_blocks(m, items, item_of, device);
    return TN_OK;
}

static void lay_step_inputs(struct tn_mem_build *m)
{
    struct tn_mem_plan *p = m->plan;
    uint64_t align = 64;
    for (uint32_t d = 0; d < p->n_devices; d++)
        align = p->devices[d].align > align ? p->devices[d].align : align;
    for (uint32_t i = 0; i < m->ir->n_inputs; i++) {
        const struct tn_ir_input *in = &m->ir->inputs[i];
        p->step_offset[i] = UINT64_MAX;
        if (in->kind != TN_INPUT_STEP)
            continue;
        p->step_offset[i] = p->step_bytes;
        p->step_bytes += tn_align_up(in->n_bytes ? in->n_bytes : 1, align);
    }
}

static void lay_plan_region(struct tn_mem_build *m)
{
    struct tn_mem_plan *p = m->plan;
    for (uint32_t d = 0; d < p->n_devices; d++)
        p->devices[d].plan_bytes = p->step_bytes;
    for (uint32_t l = 0; l < p->n_locs; l++) {
        struct tn_loc *loc = &p->locs[l];
        struct tn_mem_device *dev = &p->devices[loc->device];
        const struct tn_ir_store *s = &m->ir->stores[loc->store];
        if (loc->region != TN_REGION_PLAN)
            continue;
        if (s->kind == TN_STORE_INPUT && p->step_offset[s->index] != UINT64_MAX) {
            loc->offset = p->step_offset[s->index];
            dev->has_step = 1;
            continue;
        }
        uint64_t guard = m->placer->checked ? TN_GUARD_BYTES : 0;
        loc->offset = dev->plan_bytes;
        dev->plan_bytes += tn_align_up((loc->n_bytes ? loc->n_bytes : 1) + guard, dev->align);
    }
}

/* New versions that were not made in place go to their states once every reader is done. */
static void add_last_copies(struct tn_mem_build *m)
{
    struct tn_mem_plan *p = m->plan;
    for (uint32_t a = 0; a < m->ir->n_assigns; a++) {
        uint32_t from = m->source_loc[a], to = tn_mem_loc(p, m->ir->assigns[a].state, 0);
        if (m->is_direct[a])
            continue;
        struct tn_action *act = &p->actions[p->n_actions++];
        *act = (struct tn_action){.kind = TN_ACTION_COPY, .from = from, .to = to};
        if (p->locs[from].device != p->locs[to].device) {
            act->staging = p->staging_bytes;
            p->staging_bytes += tn_align_up(p->locs[from].n_bytes, 64);
            p->n_transfers++;
        }
    }
}

tn_status tn_plan_memory(struct tn_plan_ir *ir, const struct tn_placer *placer,
                         const struct tn_plan_schedule *schedule, struct tn_mem_plan *out_plan,
                         struct tn_error *err)
{
    *out_plan = (struct tn_mem_plan){.n_devices = placer->n_devices};
    struct tn_mem_build m = {
        .ir = ir, .placer = placer, .schedule = schedule, .plan = out_plan, .err = err};
    tn_status st = tn_mem_liveness(&m);
    if (st != TN_OK)
        return st;
    for (uint32_t d = 0; d < placer->n_devices; d++) {
        uint64_t align = placer->devices[d].offset_align;
        out_plan->devices[d].align = align > 64 ? align : 64;
    }
    tn_mem_share(&m);
    lay_step_inputs(&m);
    lay_plan_region(&m);
    for (uint32_t d = 0; st == TN_OK && d < placer->n_devices; d++)
        st = lay_arena(&m, d);
    add_last_copies(&m);
    return st;
}
