/* Which values share bytes: outputs that overwrite an input which nobody needs afterwards, and new
 * versions of state that are made where the state lies. */
#include "plan/memory.h"

/* Is `node` the only reader of `store` on its device at its time, at one input position? */
static int reads_alone(const struct tn_plan_ir *ir, uint32_t node, uint32_t store)
{
    const struct tn_ir_store *s = &ir->stores[store];
    for (uint32_t r = 0; r < s->n_readers; r++) {
        uint32_t other = ir->readers[s->first_reader + r];
        if (other != node && ir->nodes[other].time == ir->nodes[node].time)
            return 0;
    }
    return tn_ir_reads(ir, node, store) == 1;
}

/* The loc of a node's value at an in-place position, or TN_NONE. */
static uint32_t side(const struct tn_mem_build *m, const struct tn_ir_node *n, const uint32_t *list,
                     uint32_t n_list, uint32_t position)
{
    if (position >= n_list || list[position] == TNB_ABSENT)
        return TN_NONE;
    return tn_mem_loc(m->plan, m->ir->store_of[list[position]], n->device);
}

static int may_share(const struct tn_mem_build *m, uint32_t loc)
{
    return m->plan->locs[loc].region == TN_REGION_ARENA &&
           !m->blocks[m->plan->locs[loc].block].is_pinned;
}

static void try_inplace(struct tn_mem_build *m, uint32_t node, uint32_t in, uint32_t out)
{
    const struct tn_ir_node *n = &m->ir->nodes[node];
    uint32_t x = side(m, n, n->tnb.in, n->tnb.n_in, in);
    uint32_t y = side(m, n, n->tnb.out, n->tnb.n_out, out);
    if (x == TN_NONE || y == TN_NONE || !may_share(m, x) || !may_share(m, y) || m->is_taken[x])
        return;
    struct tn_loc *lx = &m->plan->locs[x], *ly = &m->plan->locs[y];
    if (lx->n_bytes != ly->n_bytes || lx->end != n->time || lx->begin >= n->time ||
        ly->block != y || !reads_alone(m->ir, node, lx->store))
        return;
    ly->block = lx->block;
    m->is_taken[x] = 1;
    struct tn_block *block = &m->blocks[lx->block];
    block->end = ly->end > block->end ? ly->end : block->end;
}

/* Does the node that makes the first value of the block overwrite the state, which it alone reads?
 */
static int overwrites_state(const struct tn_mem_build *m, uint32_t first_loc, uint32_t state_store)
{
    const struct tn_plan_ir *ir = m->ir;
    uint32_t made = m->plan->locs[first_loc].store, node = ir->stores[made].producer;
    if (node == TN_NONE || ir->nodes[node].device != 0 || !reads_alone(ir, node, state_store))
        return 0;
    const struct tn_ir_node *n = &ir->nodes[node];
    for (uint32_t i = 0; i < n->support.n_inplace; i++) {
        uint32_t in = n->support.inplace[i].in, out = n->support.inplace[i].out;
        if (in < n->tnb.n_in && out < n->tnb.n_out && n->tnb.in[in] != TNB_ABSENT &&
            n->tnb.out[out] != TNB_ABSENT && ir->store_of[n->tnb.in[in]] == state_store &&
            ir->store_of[n->tnb.out[out]] == made)
            return 1;
    }
    return 0;
}

/* The new version may be made in the state's own bytes when nobody reads the old one afterwards. */
static void try_direct(struct tn_mem_build *m, uint32_t assign)
{
    struct tn_mem_plan *p = m->plan;
    uint32_t state_store = m->ir->assigns[assign].state;
    uint32_t state = tn_mem_loc(p, state_store, 0), source = m->source_loc[assign];
    uint32_t first = p->locs[source].block;
    const struct tn_block *block = &m->blocks[first];
    if (p->locs[source].device != 0 || !may_share(m, source) ||
        p->locs[first].region != TN_REGION_ARENA ||
        p->locs[source].n_bytes != p->locs[state].n_bytes)
        return;
    int is_free = p->locs[state].end < block->begin;
    if (!is_free &&
        !(p->locs[state].end == block->begin && overwrites_state(m, first, state_store)))
        return;
    m->is_direct[assign] = 1;
    for (uint32_t l = 0; l < p->n_locs; l++)
        if (p->locs[l].block == first) {
            p->locs[l].region = TN_REGION_STATE;
            p->locs[l].state = p->locs[state].state;
        }
}

void tn_mem_share(struct tn_mem_build *m)
{
    struct tn_mem_plan *p = m->plan;
    for (uint32_t l = 0; l < p->n_locs; l++) {
        const struct tn_ir_store *s = &m->ir->stores[p->locs[l].store];
        m->blocks[l].is_pinned = s->grad_state != TN_NONE && p->locs[l].region == TN_REGION_ARENA &&
                                 s->producer != TN_NONE &&
                                 m->ir->nodes[s->producer].device == p->locs[l].device;
    }
    if (tn_keeps_values(m->placer))
        return;
    for (uint32_t s = 0; s < m->schedule->n_segments; s++) {
        const struct tn_plan_segment *seg = &m->schedule->segments[s];
        for (uint32_t k = 0; k < seg->n_nodes; k++) {
            const tnb_support *support = &m->ir->nodes[seg->nodes[k]].support;
            for (uint32_t i = 0; i < support->n_inplace; i++)
                try_inplace(m, seg->nodes[k], support->inplace[i].in, support->inplace[i].out);
        }
    }
    for (uint32_t a = 0; a < m->ir->n_assigns; a++)
        try_direct(m, a);
}
