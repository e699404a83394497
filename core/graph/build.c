/* Making a graph: inputs, constants, state, outputs. Operators are in node.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "graph/build.h"
#include "tensor/convert.h"
#include "tensor/view.h"

tn_status tn_graph_create(const char *name, tn_graph **out_graph, struct tn_error *err)
{
    tn_graph *graph = calloc(1, sizeof *graph);
    if (!graph)
        return tn_error_set(err, TN_E_OOM, "no memory for a graph");
    tn_arena_init(&graph->arena);
    graph->name = tn_arena_strdup(&graph->arena, name ? name : "");
    /* The symbols' places in dims are set aside, so that a symbol may come after a product. */
    for (uint32_t s = 0; s < TN_MAX_SYMBOLS; s++) {
        if (!TN_VEC_GROW(&graph->dims))
            break;
        struct tn_dim_expr symbol = {.coef = 1};
        symbol.power[s] = 1;
        graph->dims.items[graph->dims.n++] = symbol;
    }
    if (!graph->name || graph->dims.n != TN_MAX_SYMBOLS) {
        tn_graph_destroy(&graph);
        return tn_error_set(err, TN_E_OOM, "no memory for a graph");
    }
    *out_graph = graph;
    return TN_OK;
}

void tn_graph_destroy(tn_graph **graph_ptr)
{
    if (!graph_ptr || !*graph_ptr)
        return;
    tn_graph *graph = *graph_ptr;
    for (size_t i = 0; i < graph->consts.n; i++)
        tn_tensor_unref(&graph->consts.items[i]);
    TN_VEC_FINISH(&graph->values);
    TN_VEC_FINISH(&graph->nodes);
    TN_VEC_FINISH(&graph->inputs);
    TN_VEC_FINISH(&graph->consts);
    TN_VEC_FINISH(&graph->states);
    TN_VEC_FINISH(&graph->outputs);
    TN_VEC_FINISH(&graph->dims);
    TN_VEC_FINISH(&graph->scopes);
    TN_VEC_FINISH(&graph->labels);
    tn_arena_finish(&graph->arena);
    free(graph);
    *graph_ptr = NULL;
}

void tn_graph_fail(struct tn_graph *graph, tn_status code, const char *fmt, ...)
{
    if (graph->status != TN_OK)
        return;
    char text[TN_ERROR_MSG_SIZE];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    graph->status = tn_error_set(&graph->error, code, "%s", text);
}

tn_value tn_graph_out_of_memory(struct tn_graph *graph)
{
    tn_graph_fail(graph, TN_E_OOM, "no memory to build graph '%s'", graph->name);
    return TN_NONE;
}

tn_value tn_graph_add_value(struct tn_graph *graph, const struct tn_graph_value *value)
{
    if (!TN_VEC_GROW(&graph->values) || graph->values.n >= TN_NONE)
        return tn_graph_out_of_memory(graph);
    graph->values.items[graph->values.n] = *value;
    return (tn_value)graph->values.n++;
}

/* A value that no node makes: its shape is what the user says. `what` and `name` are for errors. */
static tn_value add_leaf(struct tn_graph *graph, const char *what, const char *name,
                         enum tn_value_kind kind, size_t index, tn_dtype dtype,
                         const struct tn_shape *shape)
{
    struct tn_graph_value value = {
        .kind = kind, .index = (uint32_t)index, .dtype = dtype, .grad_of = TN_NONE};
    if (tn_dtype_size(dtype) == 0 || shape->rank > TN_MAX_RANK) {
        tn_graph_fail(graph, TN_E_INVALID,
                      "%s '%s': element type %d, rank %u: not a possible value", what, name,
                      (int)dtype, shape->rank);
        return TN_NONE;
    }
    for (uint32_t i = 0; i < shape->rank; i++) {
        if (tn_dim_is_valid(graph, shape->dim[i]))
            continue;
        tn_graph_fail(graph, TN_E_INVALID,
                      "%s '%s': dim %u is %lld; a dim is a number >= 0 or a symbol of this graph",
                      what, name, i, (long long)shape->dim[i]);
        return TN_NONE;
    }
    value.shape = *shape;
    for (uint32_t t = 0; t < TN_N_TRIALS; t++) {
        if (tn_shape_bind(graph, shape, tn_trial_symbols(t), &value.trial[t]) != TN_OK ||
            !tn_shape_fits(&value.trial[t])) {
            char text[512];
            tn_graph_fail(graph, TN_E_INVALID, "%s '%s': shape %s is too large", what, name,
                          tn_graph_shape_format(graph, shape, text, sizeof text));
            return TN_NONE;
        }
    }
    return tn_graph_add_value(graph, &value);
}

/* The value has this dtype and shape; else the graph fails. */
static tn_value same_or_fail(struct tn_graph *graph, const char *what, const char *name,
                             tn_value value, tn_dtype dtype, const struct tn_shape *shape)
{
    const struct tn_graph_value *v = &graph->values.items[value];
    char a[512], b[512];
    if (v->dtype == dtype && tn_shape_equal(&v->shape, shape))
        return value;
    tn_graph_fail(graph, TN_E_INVALID, "%s '%s' is %s %s already, and cannot be %s %s as well",
                  what, name, tn_dtype_name(v->dtype),
                  tn_graph_shape_format(graph, &v->shape, a, sizeof a), tn_dtype_name(dtype),
                  tn_graph_shape_format(graph, shape, b, sizeof b));
    return TN_NONE;
}

tn_value tn_graph_input(tn_graph *graph, const char *name, tn_dtype dtype,
                        const struct tn_shape *shape, uint32_t kind)
{
    if (graph->status != TN_OK)
        return TN_NONE;
    for (size_t i = 0; i < graph->inputs.n; i++)
        if (strcmp(graph->inputs.items[i].name, name) == 0)
            return same_or_fail(graph, "input", name, graph->inputs.items[i].value, dtype, shape);
    struct tn_graph_input input = {.name = tn_arena_strdup(&graph->arena, name), .kind = kind};
    if (!input.name || !TN_VEC_GROW(&graph->inputs))
        return tn_graph_out_of_memory(graph);
    input.value = add_leaf(graph, "input", name, TN_VALUE_INPUT, graph->inputs.n, dtype, shape);
    if (input.value != TN_NONE)
        graph->inputs.items[graph->inputs.n++] = input;
    return input.value;
}

/* Takes the tensor, whatever happens. */
static tn_value add_const(struct tn_graph *graph, tn_tensor *tensor)
{
    tn_value value = TN_NONE;
    if (!TN_VEC_GROW(&graph->consts))
        tn_graph_out_of_memory(graph);
    else
        value = add_leaf(graph, "constant", "", TN_VALUE_CONST, graph->consts.n,
                         tn_tensor_dtype(tensor), tn_tensor_shape(tensor));
    if (value == TN_NONE)
        tn_tensor_unref(&tensor);
    else
        graph->consts.items[graph->consts.n++] = tensor;
    return value;
}

tn_value tn_graph_const(tn_graph *graph, const tn_tensor *tensor)
{
    struct tn_error err = {0};
    tn_tensor *copy = NULL;
    if (graph->status != TN_OK)
        return TN_NONE;
    if (tn_tensor_convert(tensor, tn_tensor_dtype(tensor), &copy, &err) != TN_OK) {
        tn_graph_fail(graph, err.code, "constant: %s", err.msg);
        return TN_NONE;
    }
    return add_const(graph, copy);
}

tn_value tn_graph_scalar(tn_graph *graph, tn_dtype dtype, double value)
{
    struct tn_error err = {0};
    struct tn_shape shape = TN_SCALAR;
    tn_tensor *tensor = NULL;
    if (graph->status != TN_OK)
        return TN_NONE;
    if (tn_tensor_create(dtype, &shape, &tensor, &err) != TN_OK) {
        tn_graph_fail(graph, err.code, "scalar: %s", err.msg);
        return TN_NONE;
    }
    tn_element_set(dtype, tn_tensor_data(tensor), value);
    /* The same number is the same value: gradients ask for 2 and 0.5 again and again. */
    for (size_t v = 0; v < graph->values.n; v++) {
        const struct tn_graph_value *known = &graph->values.items[v];
        if (known->kind != TN_VALUE_CONST || known->dtype != dtype || known->shape.rank != 0)
            continue;
        const tn_tensor *other = graph->consts.items[known->index];
        if (memcmp(tn_tensor_const_data(other), tn_tensor_const_data(tensor),
                   tn_dtype_size(dtype)) == 0) {
            tn_tensor_unref(&tensor);
            return (tn_value)v;
        }
    }
    return add_const(graph, tensor);
}

tn_value tn_graph_state(tn_graph *graph, const struct tn_state_params *params)
{
    if (graph->status != TN_OK)
        return TN_NONE;
    if (!params->name || !params->name[0]) {
        tn_graph_fail(graph, TN_E_INVALID, "a state needs a name");
        return TN_NONE;
    }
    for (size_t i = 0; i < graph->states.n; i++)
        if (strcmp(graph->states.items[i].params.name, params->name) == 0)
            return same_or_fail(graph, "state", params->name, graph->states.items[i].value,
                                params->dtype, &params->shape);
    for (uint32_t i = 0; i < params->shape.rank && i < TN_MAX_RANK; i++)
        if (tn_dim_is_symbolic(params->shape.dim[i])) {
            char text[512];
            tn_graph_fail(graph, TN_E_INVALID,
                          "state '%s': shape %s is symbolic; state outlives a step, so its size is "
                          "fixed: give a capacity",
                          params->name,
                          tn_graph_shape_format(graph, &params->shape, text, sizeof text));
            return TN_NONE;
        }
    struct tn_graph_state state = {.params = *params, .assigned = TN_NONE};
    state.params.name = tn_arena_strdup(&graph->arena, params->name);
    if (params->slot)
        state.params.slot = tn_arena_strdup(&graph->arena, params->slot);
    if (!state.params.name || (params->slot && !state.params.slot) || !TN_VEC_GROW(&graph->states))
        return tn_graph_out_of_memory(graph);
    state.value = add_leaf(graph, "state", params->name, TN_VALUE_STATE, graph->states.n,
                           params->dtype, &params->shape);
    if (state.value != TN_NONE)
        graph->states.items[graph->states.n++] = state;
    return state.value;
}

void tn_graph_assign(tn_graph *graph, tn_value state, tn_value value)
{
    if (graph->status != TN_OK)
        return;
    if (state >= graph->values.n || graph->values.items[state].kind != TN_VALUE_STATE ||
        value >= graph->values.n) {
        tn_graph_fail(graph, TN_E_INVALID,
                      "tn_graph_assign needs a state (from tn_graph_state) and a value");
        return;
    }
    struct tn_graph_state *s = &graph->states.items[graph->values.items[state].index];
    const struct tn_graph_value *v = &graph->values.items[value];
    if (s->assigned != TN_NONE) {
        tn_graph_fail(graph, TN_E_INVALID, "state '%s' is assigned twice in graph '%s'",
                      s->params.name, graph->name);
        return;
    }
    if (v->dtype != s->params.dtype || !tn_shape_equal(&v->shape, &s->params.shape)) {
        char a[512], b[512];
        tn_graph_fail(graph, TN_E_INVALID, "state '%s' is %s %s and cannot be assigned %s %s",
                      s->params.name, tn_dtype_name(s->params.dtype),
                      tn_graph_shape_format(graph, &s->params.shape, a, sizeof a),
                      tn_dtype_name(v->dtype),
                      tn_graph_shape_format(graph, &v->shape, b, sizeof b));
        return;
    }
    s->assigned = value;
}

void tn_graph_output(tn_graph *graph, const char *name, tn_value value)
{
    if (graph->status != TN_OK)
        return;
    if (value >= graph->values.n) {
        tn_graph_fail(graph, TN_E_INVALID, "output '%s' is not a value of graph '%s'", name,
                      graph->name);
        return;
    }
    for (size_t i = 0; i < graph->outputs.n; i++)
        if (strcmp(graph->outputs.items[i].name, name) == 0) {
            tn_graph_fail(graph, TN_E_INVALID, "graph '%s' has an output '%s' already", graph->name,
                          name);
            return;
        }
    struct tn_graph_output output = {.name = tn_arena_strdup(&graph->arena, name), .value = value};
    if (!output.name || !TN_VEC_GROW(&graph->outputs)) {
        tn_graph_out_of_memory(graph);
        return;
    }
    graph->outputs.items[graph->outputs.n++] = output;
}
