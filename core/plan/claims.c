/* Claims: what a backend wants to run as one kernel. The core accepts a claim when contracting its
 * nodes to one leaves the segment free of cycles, given the claims accepted before; then it orders
 * the segment so that everything a claim needs has run before its last node and nothing reads its
 * results earlier. */
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "plan/plan.h"

struct claims {
    struct tn_plan_ir *ir;
    struct tn_plan_segment *seg;
    uint32_t first; /* the segment's nodes are first .. first + n - 1 */
    uint32_t n;
    uint32_t *start, *to; /* successors inside the segment, CSR by (node - first) */
    uint32_t *group;      /* claim of each node, TN_NONE: its own */
    uint8_t *mark;        /* 1: in the candidate, 2: reached from outside it */
    uint32_t *stack;
    TN_VEC(tnb_claim) list;
    TN_VEC(const char *) variants;
    int out_of_memory;
};

static int inside(const struct claims *c, uint32_t node)
{
    return node != TN_NONE && node >= c->first && node - c->first < c->n;
}

/* Calls out every edge (a, b) of the segment: data, and old version's reader -> new version. */
static void each_edge(const struct claims *c, uint32_t *count, uint32_t *to)
{
    const struct tn_plan_ir *ir = c->ir;
    for (uint32_t s = 0; s < ir->n_stores; s++) {
        uint32_t a = ir->stores[s].producer;
        for (uint32_t r = 0; inside(c, a) && r < ir->stores[s].n_readers; r++) {
            uint32_t b = ir->readers[ir->stores[s].first_reader + r];
            if (!inside(c, b))
                continue;
            if (to)
                to[count[a - c->first]] = b - c->first;
            count[a - c->first]++;
        }
    }
    for (uint32_t i = 0; i < ir->n_assigns; i++) {
        const struct tn_ir_store *state = &ir->stores[ir->assigns[i].state];
        uint32_t b = ir->stores[ir->assigns[i].source].producer;
        for (uint32_t r = 0; inside(c, b) && r < state->n_readers; r++) {
            uint32_t a = ir->readers[state->first_reader + r];
            if (!inside(c, a) || a >= b) /* a later reader: no order was promised */
                continue;
            if (to)
                to[count[a - c->first]] = b - c->first;
            count[a - c->first]++;
        }
    }
}

static int build_edges(struct claims *c)
{
    struct tn_arena *arena = c->ir->arena;
    uint32_t *count = TN_ARENA_NEW(arena, uint32_t, c->n + 1);
    c->start = TN_ARENA_NEW(arena, uint32_t, c->n + 1);
    c->group = TN_ARENA_NEW(arena, uint32_t, c->n);
    c->stack = TN_ARENA_NEW(arena, uint32_t, c->n);
    c->mark = TN_ARENA_NEW(arena, uint8_t, c->n);
    if (!count || !c->start || !c->group || !c->stack || !c->mark)
        return 0;
    each_edge(c, count, NULL);
    for (uint32_t i = 0; i < c->n; i++) {
        c->start[i + 1] = c->start[i] + count[i];
        c->group[i] = TN_NONE;
    }
    c->to = TN_ARENA_NEW(arena, uint32_t, c->start[c->n]);
    if (!c->to)
        return 0;
    memcpy(count, c->start, sizeof(uint32_t) * c->n);
    each_edge(c, count, c->to);
    return 1;
}

/* Marks what `node`'s claim (or the node alone) leads to; 0 when that is in the candidate. */
static int reach(struct claims *c, uint32_t node, uint32_t *depth, int from_candidate)
{
    for (uint32_t e = c->start[node]; e < c->start[node + 1]; e++) {
        uint32_t b = c->to[e];
        if (c->mark[b] == 1) {
            if (!from_candidate)
                return 0;
            continue;
        }
        uint32_t g = c->group[b];
        uint32_t n_members = g == TN_NONE ? 1 : c->list.items[g].n_nodes;
        for (uint32_t m = 0; m < n_members; m++) {
            uint32_t member = g == TN_NONE ? b : c->list.items[g].nodes[m] - c->first;
            if (c->mark[member] == 0) {
                c->mark[member] = 2;
                c->stack[(*depth)++] = member;
            }
        }
    }
    return 1;
}

static int is_convex(struct claims *c, const uint32_t *nodes, uint32_t n_nodes)
{
    uint32_t depth = 0;
    int ok = 1;
    memset(c->mark, 0, c->n);
    for (uint32_t i = 0; i < n_nodes; i++)
        c->mark[nodes[i] - c->first] = 1;
    for (uint32_t i = 0; i < n_nodes; i++)
        reach(c, nodes[i] - c->first, &depth, 1);
    while (ok && depth) {
        uint32_t node = c->stack[--depth];
        ok = reach(c, node, &depth, 0);
    }
    return ok;
}

static tnb_status offer(void *ctx, const uint32_t *nodes, uint32_t n_nodes, uint64_t cookie,
                        const char *variant)
{
    struct claims *c = ctx;
    if (!n_nodes || !nodes)
        return TNB_E_INVALID;
    for (uint32_t i = 0; i < n_nodes; i++)
        if (!inside(c, nodes[i]) || (i && nodes[i] <= nodes[i - 1]) ||
            c->group[nodes[i] - c->first] != TN_NONE)
            return TNB_E_INVALID;
    if (!is_convex(c, nodes, n_nodes))
        return TNB_E_INVALID;
    uint32_t *copy = tn_arena_dup(c->ir->arena, nodes, sizeof(uint32_t) * n_nodes);
    const char *name = tn_arena_strdup(c->ir->arena, variant ? variant : "fused");
    if (!copy || !name || !TN_VEC_GROW(&c->list) || !TN_VEC_GROW(&c->variants)) {
        c->out_of_memory = 1;
        return TNB_E_OOM;
    }
    for (uint32_t i = 0; i < n_nodes; i++)
        c->group[nodes[i] - c->first] = (uint32_t)c->list.n;
    c->list.items[c->list.n++] = (tnb_claim){.nodes = copy, .n_nodes = n_nodes, .cookie = cookie};
    c->variants.items[c->variants.n++] = name;
    return TNB_OK;
}

/* The place at which a group wants to run: its last node's. */
static uint32_t group_key(const struct claims *c, uint32_t node)
{
    uint32_t g = c->group[node];
    return g == TN_NONE ? node : c->list.items[g].nodes[c->list.items[g].n_nodes - 1] - c->first;
}

/* Orders the contracted segment: the ready group with the lowest last node goes next. Nodes of a
 * claim come out one after the other. */
static int order_groups(struct claims *c)
{
    struct tn_arena *arena = c->ir->arena;
    uint32_t *unmet = TN_ARENA_NEW(arena, uint32_t, c->n); /* by key */
    uint8_t *done = TN_ARENA_NEW(arena, uint8_t, c->n);
    if (!unmet || !done)
        return 0;
    for (uint32_t a = 0; a < c->n; a++)
        for (uint32_t e = c->start[a]; e < c->start[a + 1]; e++)
            unmet[group_key(c, c->to[e])] += group_key(c, a) != group_key(c, c->to[e]);
    for (uint32_t k = 0, first = 0; k < c->n;) {
        while (done[first] || group_key(c, first) != first)
            first++;
        uint32_t key = first;
        while (key < c->n && (done[key] || group_key(c, key) != key || unmet[key]))
            key++;
        if (key == c->n)
            return 0; /* cannot be: every claim kept the segment free of cycles */
        done[key] = 1;
        uint32_t g = c->group[key], n_members = g == TN_NONE ? 1 : c->list.items[g].n_nodes;
        for (uint32_t m = 0; m < n_members; m++) {
            uint32_t a = g == TN_NONE ? key : c->list.items[g].nodes[m] - c->first;
            c->seg->nodes[k++] = a + c->first;
            for (uint32_t e = c->start[a]; e < c->start[a + 1]; e++)
                unmet[group_key(c, c->to[e])] -= key != group_key(c, c->to[e]);
        }
    }
    return 1;
}

static tn_status accept(struct claims *c, struct tn_error *err)
{
    struct tn_plan_ir *ir = c->ir;
    struct tn_plan_segment *seg = c->seg;
    seg->claims = tn_arena_dup(ir->arena, c->list.items, sizeof(tnb_claim) * c->list.n);
    seg->variants = tn_arena_dup(ir->arena, c->variants.items, sizeof(char *) * c->list.n);
    if (!seg->claims || !seg->variants || !order_groups(c))
        return tn_ir_oom(ir, err);
    seg->n_claims = (uint32_t)c->list.n;
    for (uint32_t i = 0; i < c->n; i++)
        ir->nodes[c->first + i].claim = c->group[i];
    return TN_OK;
}

tn_status tn_plan_claims(struct tn_plan_ir *ir, const struct tn_placer *placer,
                         struct tn_plan_segment *segment, struct tn_error *err)
{
    const struct tn_place_device *dev = &placer->devices[segment->device];
    if (!dev->api->propose)
        return TN_OK;
    struct claims c = {.ir = ir, .seg = segment, .first = segment->nodes[0], .n = segment->n_nodes};
    tnb_segment view = {.struct_size = sizeof(view),
                        .n_nodes = segment->n_nodes,
                        .n_values = segment->n_values,
                        .nodes = segment->nodes,
                        .values = segment->values};
    tnb_claim_sink sink = {.ctx = &c, .claim = offer};
    tnb_error e = {.struct_size = sizeof(e)};
    tn_status st = TN_OK;
    if (!build_edges(&c)) {
        st = tn_ir_oom(ir, err);
    } else if (dev->api->propose(dev->handle, &ir->view, &view, &sink, &e) != TNB_OK) {
        e.msg[sizeof(e.msg) - 1] = '\0';
        st = tn_error_set(err, TN_E_DEVICE, "%s: offering fused nodes: %s", dev->name, e.msg);
    } else if (c.out_of_memory) {
        st = tn_ir_oom(ir, err);
    } else if (c.list.n) {
        st = accept(&c, err);
    }
    TN_VEC_FINISH(&c.list);
    TN_VEC_FINISH(&c.variants);
    return st;
}
