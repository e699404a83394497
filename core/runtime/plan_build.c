/* tn_session_plan: looks in the cache, else analyses the graph, has the backends compile their
 * segments and fixes the memory. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "runtime/session.h"

/* --- the cache --- */

static tn_status make_key(const tn_graph *graph, const struct tn_binding *bindings, size_t n,
                          struct tn_plan_key *out_key, struct tn_error *err)
{
    struct tn_plan_key key = {.graph = graph,
                              .n_symbols = graph->n_symbols,
                              .n_values = graph->values.n,
                              .n_nodes = graph->nodes.n,
                              .n_outputs = graph->outputs.n,
                              .name_hash = tn_hash_string(graph->name)};
    for (size_t i = 0; i < graph->states.n; i++)
        key.n_assigned += graph->states.items[i].assigned != TN_NONE;
    tn_status st = tn_graph_check(graph, err);
    if (st == TN_OK)
        st = tn_graph_resolve(graph, bindings, n, &key.bound, err);
    if (st == TN_OK)
        *out_key = key;
    return st;
}

static int same_key(const struct tn_plan_key *a, const struct tn_plan_key *b)
{
    return a->graph == b->graph && a->n_symbols == b->n_symbols && a->n_values == b->n_values &&
           a->n_nodes == b->n_nodes && a->n_outputs == b->n_outputs &&
           a->n_assigned == b->n_assigned && a->name_hash == b->name_hash &&
           a->is_checked == b->is_checked &&
           memcmp(a->bound.value, b->bound.value, sizeof(int64_t) * a->n_symbols) == 0;
}

static tn_plan *find_plan(const tn_session *session, const struct tn_plan_key *key)
{
    for (size_t i = 0; i < session->plans.n; i++)
        if (same_key(&session->plans.items[i]->key, key))
            return session->plans.items[i];
    return NULL;
}

/* --- a plan --- */

static tn_plan *new_plan(tn_session *session, const struct tn_plan_key *key)
{
    tn_plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        return NULL;
    plan->session = session;
    plan->key = *key;
    tn_arena_init(&plan->arena);
    return plan;
}

static void free_feed(struct tn_plan_feed *feed)
{
    for (int s = 0; s < TN_INPUT_SLOTS; s++)
        free(feed->slots[s]);
}

void tn_plan_destroy(tn_plan **plan)
{
    if (!plan || !*plan)
        return;
    tn_plan *p = *plan;
    for (uint32_t s = 0; p->stages && s < p->schedule.n_segments; s++)
        if (p->stages[s].handle)
            p->session->devices[p->schedule.segments[s].device].api->plan_destroy(
                p->stages[s].handle);
    for (uint32_t d = 0; d < p->session->n_devices; d++)
        if (p->region[d])
            p->session->devices[d].api->buffer_free(p->region[d]);
    for (uint32_t i = 0; p->feeds && i < p->ir.n_inputs; i++)
        free_feed(&p->feeds[i]);
    free_feed(&p->step);
    free(p->staging);
    tn_arena_finish(&p->arena);
    free(p);
    *plan = NULL;
}

tn_status tn_plan_analyse(tn_plan *plan, struct tn_error *err)
{
    struct tn_placer placer = tn_session_placer(plan->session);
    placer.checked = plan->key.is_checked;
    tn_status st = tn_ir_build(&plan->arena, plan->key.graph, &plan->key.bound,
                               !plan->session->debug.no_simplify, &plan->ir, err);
    if (st == TN_OK)
        st = tn_plan_place(&plan->ir, &placer, err);
    if (st == TN_OK)
        st = tn_plan_segments(&plan->ir, &placer, &plan->schedule, err);
    if (st == TN_OK)
        st = tn_plan_memory(&plan->ir, &placer, &plan->schedule, &plan->mem, err);
    return st;
}

static tn_status compile_segment(tn_plan *plan, uint32_t index, struct tn_error *err)
{
    const struct tn_plan_segment *seg = &plan->schedule.segments[index];
    struct tn_session_device *dev = &plan->session->devices[seg->device];
    struct tn_plan_stage *stage = &plan->stages[index];
    tnb_segment view = {.struct_size = sizeof(view),
                        .n_nodes = seg->n_nodes,
                        .n_values = seg->n_values,
                        .n_claims = seg->n_claims,
                        .nodes = seg->nodes,
                        .values = seg->values,
                        .claims = seg->claims};
    tnb_error e = TN_TNB_ERROR;
    stage->label = plan->ir.nodes[seg->nodes[0]].tnb.label;
    stage->spans = TN_ARENA_NEW(&plan->arena, tnb_span, seg->n_values);
    stage->times_ns = TN_ARENA_NEW(&plan->arena, uint64_t, seg->n_nodes);
    if (!stage->spans || !stage->times_ns)
        return tn_ir_oom(&plan->ir, err);
    tnb_status ts = dev->api->plan_create(dev->handle, &plan->ir.view, &view,
                                          &stage->workspace_bytes, &stage->handle, &e);
    if (ts != TNB_OK)
        return tn_session_failed(dev, "compiling a segment of the plan", ts, &e, err);
    if (stage->workspace_bytes > plan->workspace_bytes[seg->device])
        plan->workspace_bytes[seg->device] = stage->workspace_bytes;
    plan->is_used[seg->device] = 1;
    return TN_OK;
}

static tn_status compile(tn_plan *plan, struct tn_error *err)
{
    tn_status st = TN_OK;
    plan->stages = TN_ARENA_NEW(&plan->arena, struct tn_plan_stage, plan->schedule.n_segments);
    if (!plan->stages)
        return tn_ir_oom(&plan->ir, err);
    for (uint32_t s = 0; st == TN_OK && s < plan->schedule.n_segments; s++)
        st = compile_segment(plan, s, err);
    for (uint32_t l = 0; l < plan->mem.n_locs; l++)
        plan->is_used[plan->mem.locs[l].device] = 1;
    return st;
}

static tn_status make_feed(const tn_plan *plan, struct tn_plan_feed *feed, const char *name,
                           uint64_t n_bytes, struct tn_error *err)
{
    feed->n_bytes = n_bytes;
    for (int s = 0; s < TN_INPUT_SLOTS; s++) {
        feed->slots[s] = calloc(1, n_bytes ? n_bytes : 1);
        if (!feed->slots[s])
            return tn_error_set(err, TN_E_OOM,
                                "graph '%s': out of host memory for the %d copies of %s, %llu "
                                "bytes each; use a smaller batch",
                                plan->ir.graph_name, TN_INPUT_SLOTS, name,
                                (unsigned long long)n_bytes);
    }
    return TN_OK;
}

static tn_status make_feeds(tn_plan *plan, struct tn_error *err)
{
    uint32_t n = plan->ir.n_inputs;
    plan->feeds = TN_ARENA_NEW(&plan->arena, struct tn_plan_feed, n);
    plan->is_set = TN_ARENA_NEW(&plan->arena, uint8_t, n);
    plan->step_image = TN_ARENA_NEW(&plan->arena, uint8_t, plan->mem.step_bytes);
    if (!plan->feeds || !plan->is_set || !plan->step_image)
        return tn_ir_oom(&plan->ir, err);
    for (uint32_t i = 0; i < n; i++) {
        const struct tn_ir_input *in = &plan->ir.inputs[i];
        tn_status st = in->kind == TN_INPUT_STEP || in->store == TN_NONE
                           ? TN_OK
                           : make_feed(plan, &plan->feeds[i], in->name, in->n_bytes, err);
        if (st != TN_OK)
            return st;
    }
    tn_status st = plan->mem.step_bytes ? make_feed(plan, &plan->step, "the step's values",
                                                    plan->mem.step_bytes, err)
                                        : TN_OK;
    if (st == TN_OK && plan->mem.staging_bytes) {
        plan->staging = malloc(plan->mem.staging_bytes);
        if (!plan->staging)
            st = tn_error_set(err, TN_E_OOM, "out of host memory for transfers between devices");
    }
    return st;
}

static tn_status get_plan(tn_session *session, const struct tn_plan_key *key, tn_plan **out_plan,
                          struct tn_error *err)
{
    tn_plan *plan = find_plan(session, key);
    if (plan) {
        *out_plan = plan;
        return TN_OK;
    }
    plan = TN_VEC_GROW(&session->plans) ? new_plan(session, key) : NULL;
    if (!plan)
        return tn_error_set(err, TN_E_OOM, "out of host memory for a plan");
    tn_status st = tn_plan_analyse(plan, err);
    if (st == TN_OK)
        st = compile(plan, err);
    if (st == TN_OK)
        st = tn_plan_check_room(plan, err);
    if (st == TN_OK)
        st = make_feeds(plan, err);
    if (st == TN_OK)
        st = tn_plan_allocate(plan, err);
    if (st != TN_OK) {
        tn_plan_destroy(&plan);
        return st;
    }
    session->plans.items[session->plans.n++] = plan;
    *out_plan = plan;
    return TN_OK;
}

tn_status tn_session_plan(tn_session *session, const tn_graph *graph,
                          const struct tn_binding *bindings, size_t n_bindings, tn_plan **out_plan,
                          struct tn_error *err)
{
    struct tn_plan_key key;
    tn_status st = make_key(graph, bindings, n_bindings, &key, err);
    return st == TN_OK ? get_plan(session, &key, out_plan, err) : st;
}

tn_status tn_session_checked_plan(tn_session *session, const tn_graph *graph,
                                  const struct tn_binding *bindings, size_t n_bindings,
                                  tn_plan **out_plan, struct tn_error *err)
{
    struct tn_plan_key key;
    tn_status st = make_key(graph, bindings, n_bindings, &key, err);
    key.is_checked = 1;
    return st == TN_OK ? get_plan(session, &key, out_plan, err) : st;
}

void tn_session_forget(tn_session *session, const tn_graph *graph)
{
    size_t kept = 0;
    if (!session || !graph)
        return;
    tn_session_sync(session, NULL);
    for (size_t i = 0; i < session->plans.n; i++) {
        if (session->plans.items[i]->key.graph == graph)
            tn_plan_destroy(&session->plans.items[i]);
        else
            session->plans.items[kept++] = session->plans.items[i];
    }
    session->plans.n = kept;
}

tn_status tn_session_estimate(tn_session *session, const tn_graph *graph,
                              const struct tn_binding *bindings, size_t n_bindings,
                              uint64_t *out_bytes, struct tn_error *err)
{
    struct tn_plan_key key;
    tn_status st = make_key(graph, bindings, n_bindings, &key, err);
    if (st != TN_OK)
        return st;
    tn_plan *plan = find_plan(session, &key);
    if (plan) {
        struct tn_plan_info info;
        tn_plan_info(plan, &info);
        *out_bytes = info.peak_bytes;
        return TN_OK;
    }
    uint64_t state_bytes = 0;
    plan = new_plan(session, &key);
    if (!plan)
        return tn_error_set(err, TN_E_OOM, "out of host memory for a plan");
    st = tn_plan_analyse(plan, err);
    if (st == TN_OK)
        st = tn_session_new_state_bytes(session, graph, &state_bytes, err);
    if (st == TN_OK)
        *out_bytes = session->state_bytes + state_bytes + plan->mem.devices[0].arena_bytes +
                     plan->mem.devices[0].plan_bytes;
    tn_plan_destroy(&plan);
    return st;
}
