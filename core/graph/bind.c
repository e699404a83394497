/* From symbolic to concrete: every shape rule runs again with the real sizes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "graph/build.h"
#include "tensor/view.h"

/* "batch=5, time=7" */
static const char *format_binding(const struct tn_graph *graph,
                                  const struct tn_symbol_values *bound, char *buf, size_t size)
{
    size_t n = 0;
    buf[0] = '\0';
    for (uint32_t s = 0; s < graph->n_symbols && n < size; s++)
        n += (size_t)snprintf(buf + n, size - n, "%s%s=%" PRId64, s ? ", " : "", graph->symbols[s],
                              bound->value[s]);
    return buf[0] ? buf : "no symbols";
}

static tn_status bind_leaves(const struct tn_graph *graph, const struct tn_symbol_values *bound,
                             struct tn_type *types, struct tn_error *err)
{
    for (size_t v = 0; v < graph->values.n; v++) {
        const struct tn_graph_value *value = &graph->values.items[v];
        if (value->kind == TN_VALUE_COMPUTED)
            continue;
        types[v].dtype = value->dtype;
        if (tn_shape_bind(graph, &value->shape, bound, &types[v].shape) != TN_OK ||
            !tn_shape_fits(&types[v].shape)) {
            char shape[512], binding[256];
            return tn_error_set(err, TN_E_INVALID, "shape %s is too large with %s",
                                tn_graph_shape_format(graph, &value->shape, shape, sizeof shape),
                                format_binding(graph, bound, binding, sizeof binding));
        }
    }
    return TN_OK;
}

/* The rule's answer is what the symbolic shape promised; other nodes were built on the promise. */
static tn_status check_promise(const struct tn_graph *graph, const struct tn_graph_node *node,
                               const struct tn_symbol_values *bound, uint32_t output,
                               const struct tn_type *type, struct tn_error *err)
{
    const struct tn_graph_value *value = &graph->values.items[node->out[output]];
    struct tn_shape promised = {0};
    if (tn_shape_bind(graph, &value->shape, bound, &promised) == TN_OK &&
        tn_shape_equal(&promised, &type->shape) && value->dtype == type->dtype)
        return TN_OK;
    char symbolic[512], real[256], binding[256];
    return tn_error_set(err, TN_E_INVALID,
                        "op '%s' (%s): output %u is %s in the graph, but comes out as %s with %s",
                        node->op->name, node->label, output,
                        tn_graph_shape_format(graph, &value->shape, symbolic, sizeof symbolic),
                        tn_shape_format(&type->shape, real, sizeof real),
                        format_binding(graph, bound, binding, sizeof binding));
}

static tn_status bind_node(const struct tn_graph *graph, const struct tn_graph_node *node,
                           const struct tn_symbol_values *bound, struct tn_arena *arena,
                           struct tn_type *types, struct tn_attrs *out_attrs, struct tn_error *err)
{
    struct tn_type out[TN_OP_MAX_OUT];
    const struct tn_type **in = TN_ARENA_NEW(arena, const struct tn_type *, node->n_in);
    if (!in)
        return tn_error_set(err, TN_E_OOM, "no memory to bind a graph");
    for (uint32_t i = 0; i < node->n_in; i++)
        in[i] = node->in[i] == TN_NONE ? NULL : &types[node->in[i]];
    tn_status status = tn_attrs_bind(graph, &node->attrs, bound, arena, out_attrs);
    if (status != TN_OK)
        return tn_error_set(err, status, "op '%s' (%s): an attribute is too large", node->op->name,
                            node->label);
    status = tn_node_infer(node->op, node->label, out_attrs, node->n_in, in, out, err);
    if (status != TN_OK) {
        char binding[256];
        return tn_error_prefix(err, "with %s",
                               format_binding(graph, bound, binding, sizeof binding));
    }
    for (uint32_t i = 0; i < node->n_out && status == TN_OK; i++) {
        status = check_promise(graph, node, bound, i, &out[i], err);
        types[node->out[i]] = out[i];
    }
    if (status != TN_OK)
        return status;
    status = tn_node_settle(node->op, out_attrs, node->n_in, in, out, arena, out_attrs);
    return status == TN_OK ? TN_OK : tn_error_set(err, status, "no memory to bind a graph");
}

tn_status tn_graph_bind(const struct tn_graph *graph, const struct tn_symbol_values *bound,
                        struct tn_arena *arena, struct tn_type **out_types,
                        struct tn_attrs **out_attrs, struct tn_error *err)
{
    struct tn_error local = {0};
    tn_status status = tn_graph_check(graph, err);
    if (status != TN_OK)
        return status;
    struct tn_type *types = TN_ARENA_NEW(arena, struct tn_type, graph->values.n);
    struct tn_attrs *attrs = TN_ARENA_NEW(arena, struct tn_attrs, graph->nodes.n);
    if (!types || !attrs)
        return tn_error_set(err, TN_E_OOM, "no memory to bind graph '%s'", graph->name);
    err = err ? err : &local;
    status = bind_leaves(graph, bound, types, err);
    for (size_t i = 0; i < graph->nodes.n && status == TN_OK; i++)
        status = bind_node(graph, &graph->nodes.items[i], bound, arena, types, &attrs[i], err);
    if (status != TN_OK)
        return status;
    *out_types = types;
    *out_attrs = attrs;
    return TN_OK;
}

static tn_status unknown_symbol(const struct tn_graph *graph, const char *name,
                                struct tn_error *err)
{
    struct tn_nearest nearest = TN_NEAREST_INIT(name);
    for (uint32_t s = 0; s < graph->n_symbols; s++)
        tn_nearest_offer(&nearest, graph->symbols[s]);
    char hint[128];
    return tn_error_set(err, TN_E_INVALID, "graph '%s' has no symbolic dim '%s'%s", graph->name,
                        name, tn_nearest_hint(&nearest, hint, sizeof hint));
}

tn_status tn_graph_resolve(const struct tn_graph *graph, const struct tn_binding *bindings,
                           size_t n, struct tn_symbol_values *out_bound, struct tn_error *err)
{
    struct tn_symbol_values bound = {0}; /* 0: not bound yet */
    for (size_t i = 0; i < n; i++) {
        uint32_t s = 0;
        while (s < graph->n_symbols && strcmp(graph->symbols[s], bindings[i].symbol) != 0)
            s++;
        if (s == graph->n_symbols)
            return unknown_symbol(graph, bindings[i].symbol, err);
        if (bindings[i].value <= 0)
            return tn_error_set(err, TN_E_INVALID,
                                "symbolic dim '%s' is bound to %" PRId64 "; it must be positive",
                                bindings[i].symbol, bindings[i].value);
        if (bound.value[s] != 0 && bound.value[s] != bindings[i].value)
            return tn_error_set(err, TN_E_INVALID, "symbolic dim '%s' is bound twice",
                                bindings[i].symbol);
        bound.value[s] = bindings[i].value;
    }
    for (uint32_t s = 0; s < graph->n_symbols; s++)
        if (bound.value[s] == 0)
            return tn_error_set(err, TN_E_INVALID, "symbolic dim '%s' of graph '%s' has no value",
                                graph->symbols[s], graph->name);
    *out_bound = bound;
    return TN_OK;
}
