/* The order of execution. Kahn's algorithm with the graph's order as priority: hard edges are data,
 * soft edges put the readers of a state's old version before the node that makes the new one. A
 * soft edge that would make a cycle (a reader that depends on the new version) is dropped: the new
 * version then gets storage of its own and is copied at the step's end. */
#include <string.h>

#include "plan/ir.h"

struct scheduler {
    struct tn_plan_ir *ir;
    uint32_t *hard, *soft; /* unmet edges by node */
    uint8_t *done;
    uint32_t *order, *place; /* order[k]: node; place[node]: k */
};

/* Calls the visitor for each soft edge that starts at a reader of the state. */
static void adjust_soft(struct scheduler *s, uint32_t reader_or_all, int delta)
{
    const struct tn_plan_ir *ir = s->ir;
    for (uint32_t a = 0; a < ir->n_assigns; a++) {
        const struct tn_ir_store *state = &ir->stores[ir->assigns[a].state];
        uint32_t writer = ir->stores[ir->assigns[a].source].producer;
        for (uint32_t r = 0; writer != TN_NONE && r < state->n_readers; r++) {
            uint32_t reader = ir->readers[state->first_reader + r];
            if (reader != writer && (reader_or_all == TN_NONE || reader == reader_or_all))
                s->soft[writer] = (uint32_t)((int64_t)s->soft[writer] + delta);
        }
    }
}

static void count_hard(struct scheduler *s)
{
    const struct tn_plan_ir *ir = s->ir;
    for (uint32_t v = 0; v < ir->n_stores; v++)
        for (uint32_t r = 0; ir->stores[v].producer != TN_NONE && r < ir->stores[v].n_readers; r++)
            s->hard[ir->readers[ir->stores[v].first_reader + r]]++;
}

/* The lowest ready node of `device`, else the lowest ready one; if soft edges block all, the lowest
 * whose data is there. */
static uint32_t pick(const struct scheduler *s, uint32_t first, uint32_t device)
{
    uint32_t any = TN_NONE, blocked = TN_NONE;
    for (uint32_t n = first; n < s->ir->n_nodes; n++) {
        if (s->done[n] || s->hard[n])
            continue;
        if (blocked == TN_NONE)
            blocked = n;
        if (s->soft[n])
            continue;
        if (s->ir->nodes[n].device == device)
            return n;
        if (any == TN_NONE)
            any = n;
    }
    return any != TN_NONE ? any : blocked;
}

static void finish_node(struct scheduler *s, uint32_t node, uint32_t place)
{
    const struct tn_plan_ir *ir = s->ir;
    const tnb_node *n = &ir->nodes[node].tnb;
    s->done[node] = 1;
    s->order[place] = node;
    s->place[node] = place;
    for (uint32_t o = 0; o < n->n_out; o++) {
        if (n->out[o] == TNB_ABSENT)
            continue;
        const struct tn_ir_store *out = &ir->stores[ir->store_of[n->out[o]]];
        for (uint32_t r = 0; r < out->n_readers; r++)
            s->hard[ir->readers[out->first_reader + r]]--;
    }
    for (uint32_t i = 0; i < n->n_in; i++)
        if (n->in[i] != TNB_ABSENT && ir->stores[ir->store_of[n->in[i]]].kind == TN_STORE_STATE) {
            adjust_soft(s, node, -1);
            break;
        }
}

static tn_status renumber(struct scheduler *s, struct tn_error *err)
{
    struct tn_plan_ir *ir = s->ir;
    struct tn_ir_node *nodes = TN_ARENA_NEW(ir->arena, struct tn_ir_node, ir->n_nodes);
    if (!nodes)
        return tn_ir_oom(ir, err);
    for (uint32_t k = 0; k < ir->n_nodes; k++)
        nodes[k] = ir->nodes[s->order[k]];
    memcpy(ir->nodes, nodes, sizeof(*nodes) * ir->n_nodes);
    for (uint32_t k = 0; k < ir->n_nodes; k++)
        ir->node_list[k] = &ir->nodes[k].tnb;
    for (uint32_t v = 0; v < ir->n_stores; v++)
        if (ir->stores[v].producer != TN_NONE)
            ir->stores[v].producer = s->place[ir->stores[v].producer];
    return tn_ir_index_readers(ir, err);
}

/* By store: the value that stands for it, the first made. NULL when memory is out. */
static uint32_t *first_values(const struct tn_plan_ir *ir)
{
    uint32_t *first = TN_ARENA_NEW(ir->arena, uint32_t, ir->n_stores);
    for (uint32_t s = 0; first && s < ir->n_stores; s++)
        first[s] = TNB_ABSENT;
    for (uint32_t v = ir->n_values; first && v-- > 0;)
        first[ir->store_of[v]] = v;
    return first;
}

/* prior[] where every reader of the old version really comes before the new one's producer. */
static tn_status fill_prior(struct tn_plan_ir *ir, struct tn_error *err)
{
    const uint32_t *first = first_values(ir);
    if (!first)
        return tn_ir_oom(ir, err);
    for (uint32_t v = 0; v < ir->n_values; v++)
        ir->prior[v] = TNB_ABSENT;
    for (uint32_t a = 0; a < ir->n_assigns; a++) {
        const struct tn_ir_store *state = &ir->stores[ir->assigns[a].state];
        uint32_t writer = ir->stores[ir->assigns[a].source].producer;
        int ordered = writer != TN_NONE;
        for (uint32_t r = 0; ordered && r < state->n_readers; r++)
            ordered = ir->readers[state->first_reader + r] <= writer;
        uint32_t value = first[ir->assigns[a].source];
        if (ordered && value != TNB_ABSENT && ir->prior[value] == TNB_ABSENT)
            ir->prior[value] = first[ir->assigns[a].state];
    }
    return TN_OK;
}

tn_status tn_ir_schedule(struct tn_plan_ir *ir, struct tn_error *err)
{
    struct scheduler s = {.ir = ir};
    s.hard = TN_ARENA_NEW(ir->arena, uint32_t, ir->n_nodes);
    s.soft = TN_ARENA_NEW(ir->arena, uint32_t, ir->n_nodes);
    s.order = TN_ARENA_NEW(ir->arena, uint32_t, ir->n_nodes);
    s.place = TN_ARENA_NEW(ir->arena, uint32_t, ir->n_nodes);
    s.done = TN_ARENA_NEW(ir->arena, uint8_t, ir->n_nodes);
    if (!s.hard || !s.soft || !s.order || !s.place || !s.done)
        return tn_ir_oom(ir, err);
    tn_status st = tn_ir_index_readers(ir, err);
    if (st != TN_OK)
        return st;
    count_hard(&s);
    adjust_soft(&s, TN_NONE, 1);
    uint32_t first = 0, device = ir->n_nodes ? ir->nodes[0].device : 0;
    for (uint32_t k = 0; k < ir->n_nodes; k++) {
        while (first < ir->n_nodes && s.done[first])
            first++;
        uint32_t node = pick(&s, first, device);
        if (node == TN_NONE)
            return tn_error_set(err, TN_E_INTERNAL, "graph '%s': the nodes form a cycle",
                                ir->graph_name);
        device = ir->nodes[node].device;
        finish_node(&s, node, k);
    }
    st = renumber(&s, err);
    return st == TN_OK ? fill_prior(ir, err) : st;
}
