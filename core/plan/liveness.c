/* Where each store's bytes are needed, and from when to when. */
#include "plan/memory.h"

static uint32_t home_of(const struct tn_plan_ir *ir, uint32_t store)
{
    uint32_t producer = ir->stores[store].producer;
    return producer == TN_NONE ? 0 : ir->nodes[producer].device;
}

/* Inputs and constants are written by the host on each device that wants them. */
static int is_fed(const struct tn_ir_store *store)
{
    return store->kind == TN_STORE_INPUT || store->kind == TN_STORE_CONST;
}

/* Made and read inside one claim only: the backend keeps it in registers. Not where it is read in
 * another shape: the backend cannot tell that the two values are the same bytes. */
static int is_hidden(const struct tn_plan_ir *ir, const struct tn_ir_store *store)
{
    if (store->producer == TN_NONE || store->is_output || store->is_assigned ||
        store->n_values != 1)
        return 0;
    const struct tn_ir_node *producer = &ir->nodes[store->producer];
    if (producer->claim == TN_NONE)
        return 0;
    for (uint32_t r = 0; r < store->n_readers; r++) {
        const struct tn_ir_node *reader = &ir->nodes[ir->readers[store->first_reader + r]];
        if (reader->segment != producer->segment || reader->claim != producer->claim)
            return 0;
    }
    return 1;
}

static uint32_t get_loc(struct tn_mem_build *m, uint32_t store, uint32_t device)
{
    struct tn_mem_plan *p = m->plan;
    const struct tn_ir_store *s = &m->ir->stores[store];
    uint32_t *slot = &p->loc_of[(size_t)store * p->n_devices + device];
    if (*slot != TN_NONE)
        return *slot;
    int at_home = device == home_of(m->ir, store);
    struct tn_loc loc = {.store = store, .device = device, .n_bytes = s->n_bytes};
    if (is_fed(s) || (s->is_output && at_home))
        loc.region = TN_REGION_PLAN;
    else if (s->kind == TN_STORE_STATE && at_home)
        loc.region = TN_REGION_STATE, loc.state = s->index;
    else
        loc.region = TN_REGION_ARENA;
    loc.block = p->n_locs;
    *slot = p->n_locs;
    p->locs[p->n_locs] = loc;
    return p->n_locs++;
}

static void extend(struct tn_loc *loc, uint32_t time)
{
    if (time > loc->end)
        loc->end = time;
}

static void add_copy(struct tn_mem_build *m, uint32_t from, uint32_t to)
{
    struct tn_mem_plan *p = m->plan;
    struct tn_action *a = &p->actions[p->n_actions++];
    *a = (struct tn_action){.kind = TN_ACTION_COPY, .from = from, .to = to};
    if (p->locs[from].device == p->locs[to].device)
        return;
    a->staging = p->staging_bytes;
    p->staging_bytes += tn_align_up(p->locs[from].n_bytes, 64);
    p->n_transfers++;
}

/* The store's bytes on `device` until `time`; brought there at `bring_time` if they are elsewhere.
 */
static uint32_t need(struct tn_mem_build *m, uint32_t store, uint32_t device, uint32_t time,
                     uint32_t bring_time)
{
    struct tn_mem_plan *p = m->plan;
    int is_new = tn_mem_loc(p, store, device) == TN_NONE;
    uint32_t loc = get_loc(m, store, device);
    if (is_new && !is_fed(&m->ir->stores[store]) && device != home_of(m->ir, store)) {
        uint32_t home = get_loc(m, store, home_of(m->ir, store));
        extend(&p->locs[home], bring_time);
        p->locs[loc].begin = bring_time;
        add_copy(m, home, loc);
    }
    extend(&p->locs[loc], time);
    return loc;
}

static void live_segment(struct tn_mem_build *m, uint32_t index, const uint8_t *hidden)
{
    const struct tn_plan_ir *ir = m->ir;
    const struct tn_plan_segment *seg = &m->schedule->segments[index];
    for (uint32_t k = 0; k < seg->n_nodes; k++) {
        const struct tn_ir_node *n = &ir->nodes[seg->nodes[k]];
        for (uint32_t i = 0; i < n->tnb.n_in; i++)
            if (n->tnb.in[i] != TNB_ABSENT && !hidden[ir->store_of[n->tnb.in[i]]])
                need(m, ir->store_of[n->tnb.in[i]], seg->device, n->time, seg->first_time);
        for (uint32_t o = 0; o < n->tnb.n_out; o++) {
            if (n->tnb.out[o] == TNB_ABSENT || hidden[ir->store_of[n->tnb.out[o]]])
                continue;
            uint32_t loc = get_loc(m, ir->store_of[n->tnb.out[o]], seg->device);
            m->plan->locs[loc].begin = n->time;
            extend(&m->plan->locs[loc], n->time);
        }
    }
    m->plan->actions[m->plan->n_actions++] =
        (struct tn_action){.kind = TN_ACTION_RUN, .segment = index};
}

static tn_status reserve(struct tn_mem_build *m)
{
    struct tn_arena *a = m->ir->arena;
    struct tn_mem_plan *p = m->plan;
    size_t n_slots = (size_t)m->ir->n_stores * p->n_devices;
    size_t n_actions = n_slots + m->ir->n_copies + m->schedule->n_segments + m->ir->n_assigns;
    p->locs = TN_ARENA_NEW(a, struct tn_loc, n_slots);
    p->loc_of = TN_ARENA_NEW(a, uint32_t, n_slots);
    p->devices = TN_ARENA_NEW(a, struct tn_mem_device, p->n_devices);
    p->actions = TN_ARENA_NEW(a, struct tn_action, n_actions);
    p->step_offset = TN_ARENA_NEW(a, uint64_t, m->ir->n_inputs);
    m->blocks = TN_ARENA_NEW(a, struct tn_block, n_slots);
    m->is_taken = TN_ARENA_NEW(a, uint8_t, n_slots);
    m->is_direct = TN_ARENA_NEW(a, uint8_t, m->ir->n_assigns);
    m->source_loc = TN_ARENA_NEW(a, uint32_t, m->ir->n_assigns);
    if (!p->locs || !p->loc_of || !p->devices || !p->actions || !p->step_offset || !m->blocks ||
        !m->is_taken || !m->is_direct || !m->source_loc)
        return tn_ir_oom(m->ir, m->err);
    for (size_t i = 0; i < n_slots; i++)
        p->loc_of[i] = TN_NONE;
    return TN_OK;
}

tn_status tn_mem_liveness(struct tn_mem_build *m)
{
    struct tn_plan_ir *ir = m->ir;
    tn_status st = reserve(m);
    uint8_t *hidden = TN_ARENA_NEW(ir->arena, uint8_t, ir->n_stores);
    if (st != TN_OK || !hidden)
        return st != TN_OK ? st : tn_ir_oom(ir, m->err);
    for (uint32_t s = 0; s < ir->n_stores; s++)
        hidden[s] = (uint8_t)is_hidden(ir, &ir->stores[s]);
    for (uint32_t c = 0; c < ir->n_copies; c++) {
        uint32_t from = need(m, ir->copies[c].from, 0, 0, 0);
        add_copy(m, from, get_loc(m, ir->copies[c].to, 0));
    }
    for (uint32_t s = 0; s < m->schedule->n_segments; s++)
        live_segment(m, s, hidden);
    for (uint32_t a = 0; a < ir->n_assigns; a++) {
        uint32_t source = ir->assigns[a].source;
        uint32_t device = is_fed(&ir->stores[source]) ? 0 : home_of(ir, source);
        uint32_t end = m->schedule->end_time;
        m->source_loc[a] = need(m, source, device, end, end);
        get_loc(m, ir->assigns[a].state, 0);
    }
    for (uint32_t l = 0; l < m->plan->n_locs; l++)
        m->blocks[l] =
            (struct tn_block){.begin = m->plan->locs[l].begin, .end = m->plan->locs[l].end};
    return TN_OK;
}
