#include "graph/passes.h"

#include <string.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "graph/eval.h"

/* --- dead nodes --- */

tn_status tn_graph_live(const struct tn_graph *graph, struct tn_arena *arena, uint8_t **out_live)
{
    return tn_graph_live_after(graph, NULL, NULL, arena, out_live);
}

static void want(const struct tn_graph *graph, const tn_value *replace, tn_tensor *const *folded,
                 tn_value v, uint8_t *live)
{
    if (v == TN_NONE)
        return;
    if (replace)
        v = replace[v];
    if (graph->values.items[v].kind == TN_VALUE_COMPUTED && !(folded && folded[v]))
        live[graph->values.items[v].node] = 1;
}

tn_status tn_graph_live_after(const struct tn_graph *graph, const tn_value *replace,
                              tn_tensor *const *folded, struct tn_arena *arena, uint8_t **out_live)
{
    uint8_t *live = TN_ARENA_NEW(arena, uint8_t, graph->nodes.n);
    if (!live)
        return TN_E_OOM;
    for (size_t i = 0; i < graph->outputs.n; i++)
        want(graph, replace, folded, graph->outputs.items[i].value, live);
    for (size_t i = 0; i < graph->states.n; i++)
        want(graph, replace, folded, graph->states.items[i].assigned, live);
    for (size_t n = graph->nodes.n; n-- > 0;) {
        const struct tn_graph_node *node = &graph->nodes.items[n];
        for (uint32_t i = 0; live[n] && i < node->n_in; i++)
            want(graph, replace, folded, node->in[i], live);
    }
    *out_live = live;
    return TN_OK;
}

/* --- common subexpressions --- */

static int may_merge(const struct tn_graph *graph, const struct tn_graph_node *node)
{
    if (node->op->flags & TN_OP_UPDATE)
        return 0;
    for (uint32_t i = 0; i < node->n_out; i++)
        if (graph->values.items[node->out[i]].is_param_grad)
            return 0;
    return 1;
}

static uint64_t hash_node(const struct tn_graph_node *node, const tn_value *replace)
{
    uint64_t h = tn_hash_string(node->op->name);
    for (uint32_t i = 0; i < node->n_in; i++)
        h = tn_mix64(h ^ (node->in[i] == TN_NONE ? TN_NONE : replace[node->in[i]]));
    for (uint32_t i = 0; i < node->attrs.n; i++) {
        const struct tn_attr *a = &node->attrs.list[i];
        if (a->type == TN_ATTR_INTS)
            h = tn_mix64(h ^ tn_hash64(a->u.ints, a->count * sizeof *a->u.ints));
        else if (a->type == TN_ATTR_STRING)
            h = tn_mix64(h ^ tn_hash_string(a->u.s));
        else if (a->type == TN_ATTR_FLOAT)
            h = tn_mix64(h ^ tn_hash64(&a->u.f, sizeof a->u.f));
        else
            h = tn_mix64(h ^ (uint64_t)a->u.i);
    }
    return h;
}

static int same_attr(const struct tn_attr *a, const struct tn_attr *b)
{
    switch (a->type) {
    case TN_ATTR_INT:
        return a->u.i == b->u.i;
    case TN_ATTR_FLOAT: /* by bits: -0.0 is not 0.0 */
        return memcmp(&a->u.f, &b->u.f, sizeof a->u.f) == 0;
    case TN_ATTR_STRING:
        return strcmp(a->u.s, b->u.s) == 0;
    case TN_ATTR_INTS:
        return a->count == b->count &&
               (a->count == 0 || memcmp(a->u.ints, b->u.ints, a->count * sizeof *a->u.ints) == 0);
    }
    return 0;
}

static int same_node(const struct tn_graph_node *a, const struct tn_graph_node *b,
                     const tn_value *replace)
{
    if (a->op != b->op || a->n_in != b->n_in)
        return 0;
    for (uint32_t i = 0; i < a->n_in; i++) {
        tn_value va = a->in[i] == TN_NONE ? TN_NONE : replace[a->in[i]];
        tn_value vb = b->in[i] == TN_NONE ? TN_NONE : replace[b->in[i]];
        if (va != vb)
            return 0;
    }
    for (uint32_t i = 0; i < a->attrs.n; i++)
        if (!same_attr(&a->attrs.list[i], &b->attrs.list[i]))
            return 0;
    return 1;
}

tn_status tn_graph_common(const struct tn_graph *graph, struct tn_arena *arena,
                          tn_value **out_replace)
{
    size_t n_places = 16;
    while (n_places < graph->nodes.n * 2)
        n_places *= 2;
    tn_value *replace = TN_ARENA_NEW(arena, tn_value, graph->values.n);
    uint32_t *table = TN_ARENA_NEW(arena, uint32_t, n_places); /* node + 1; 0: free */
    if (!replace || !table)
        return TN_E_OOM;
    for (size_t v = 0; v < graph->values.n; v++)
        replace[v] = (tn_value)v;
    for (size_t n = 0; n < graph->nodes.n; n++) {
        const struct tn_graph_node *node = &graph->nodes.items[n], *other = NULL;
        if (!may_merge(graph, node))
            continue;
        size_t at = (size_t)hash_node(node, replace) & (n_places - 1);
        for (; table[at]; at = (at + 1) & (n_places - 1)) {
            other = &graph->nodes.items[table[at] - 1];
            if (same_node(node, other, replace))
                break;
        }
        if (!table[at]) {
            table[at] = (uint32_t)n + 1;
            continue;
        }
        for (uint32_t i = 0; i < node->n_out; i++)
            replace[node->out[i]] = other->out[i];
    }
    *out_replace = replace;
    return TN_OK;
}

/* --- constants --- */

static int may_fold(const struct tn_graph *graph, const struct tn_graph_node *node,
                    const struct tn_type *types, int64_t max_elements, tn_tensor *const *folded)
{
    if ((node->op->flags & TN_OP_UPDATE) || !(node->op->reference || node->op->flags & TN_OP_ALIAS))
        return 0;
    for (uint32_t i = 0; i < node->n_out; i++) {
        int64_t count = 0;
        if (graph->values.items[node->out[i]].is_param_grad ||
            tn_shape_count(&types[node->out[i]].shape, &count) != TN_OK || count > max_elements)
            return 0;
    }
    for (uint32_t i = 0; i < node->n_in; i++)
        if (node->in[i] != TN_NONE && graph->values.items[node->in[i]].kind != TN_VALUE_CONST &&
            !folded[node->in[i]])
            return 0;
    return 1;
}

static tn_status fold_node(const struct tn_graph *graph, size_t n, const struct tn_type *types,
                           const struct tn_attrs *attrs, struct tn_arena *arena, tn_tensor **folded,
                           struct tn_error *err)
{
    const struct tn_graph_node *node = &graph->nodes.items[n];
    const tn_tensor **in = TN_ARENA_NEW(arena, const tn_tensor *, node->n_in);
    struct tn_type out_types[TN_OP_MAX_OUT];
    tn_tensor *out[TN_OP_MAX_OUT] = {NULL};
    if (!in)
        return tn_error_set(err, TN_E_OOM, "no memory to fold constants");
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (node->in[i] == TN_NONE)
            continue;
        const struct tn_graph_value *v = &graph->values.items[node->in[i]];
        in[i] = v->kind == TN_VALUE_CONST ? graph->consts.items[v->index] : folded[node->in[i]];
    }
    for (uint32_t i = 0; i < node->n_out; i++)
        out_types[i] = types[node->out[i]];
    tn_status status = tn_op_evaluate(node->op, attrs, node->n_in, in, out_types, out, err);
    for (uint32_t i = 0; status == TN_OK && i < node->n_out; i++)
        folded[node->out[i]] = out[i];
    return status;
}

tn_status tn_graph_fold(const struct tn_graph *graph, const struct tn_type *types,
                        const struct tn_attrs *attrs, int64_t max_elements, struct tn_arena *arena,
                        tn_tensor ***out_folded, struct tn_error *err)
{
    tn_tensor **folded = TN_ARENA_NEW(arena, tn_tensor *, graph->values.n);
    if (!folded)
        return tn_error_set(err, TN_E_OOM, "no memory to fold constants");
    for (size_t n = 0; n < graph->nodes.n; n++) {
        if (!may_fold(graph, &graph->nodes.items[n], types, max_elements, folded))
            continue;
        tn_status status = fold_node(graph, n, types, &attrs[n], arena, folded, err);
        if (status != TN_OK) {
            tn_graph_unfold(graph, folded);
            return status;
        }
    }
    *out_folded = folded;
    return TN_OK;
}

void tn_graph_unfold(const struct tn_graph *graph, tn_tensor **folded)
{
    for (size_t v = 0; folded && v < graph->values.n; v++)
        tn_tensor_unref(&folded[v]);
}
