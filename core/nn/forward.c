/* Layers into graph nodes, and the summary that is made the same way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "nn/model.h"

static tn_status emit_layer(const tn_model *model, uint32_t index, tn_graph *graph,
                            const struct tn_forward *forward, tn_value *values,
                            struct tn_error *err)
{
    const struct tn_model_node *node = &model->nodes.items[index];
    tn_value in[64];
    char path[256];
    struct tn_error local = {TN_OK, ""};
    if (node->n_in > sizeof(in) / sizeof(in[0]))
        return tn_error_set(err, TN_E_INVALID, "layer '%s': more than 64 inputs", node->name);
    for (size_t i = 0; i < node->n_in; i++)
        in[i] = values[node->in[i]];
    snprintf(path, sizeof(path), "%s%s%s", forward->prefix ? forward->prefix : "",
             forward->prefix ? "/" : "", node->state_owner);
    struct tn_layer_ctx ctx = {
        .graph = graph,
        .forward = forward,
        .name = node->name,
        .state_path = path,
        .options = {&node->type->component, node->options, node->n_options},
        .in = in,
        .n_in = node->n_in,
        .err = &local,
    };
    tn_graph_push_scope(graph, node->name);
    values[index] = node->type->build(&ctx);
    tn_graph_pop_scope(graph);
    if (local.code)
        return tn_error_set(err, local.code, "%s", local.msg);
    tn_status status = tn_graph_check(graph, err);
    if (status)
        tn_error_prefix(err, "layer '%s' (%s)", node->name, node->type->component.name);
    return status;
}

tn_status tn_model_emit(const tn_model *model, tn_graph *graph, const struct tn_forward *forward,
                        tn_value *out_values, struct tn_error *err)
{
    if (forward->prefix)
        tn_graph_push_scope(graph, forward->prefix);
    tn_status status = TN_OK;
    size_t n_inputs = 0;
    for (uint32_t i = 0; i < model->nodes.n && !status; i++) {
        if (!model->nodes.items[i].type)
            out_values[i] = forward->inputs[n_inputs++];
        else
            status = emit_layer(model, i, graph, forward, out_values, err);
    }
    if (forward->prefix)
        tn_graph_pop_scope(graph);
    return status;
}

tn_status tn_model_forward(const tn_model *model, tn_graph *graph, const struct tn_forward *forward,
                           tn_value *out_outputs, struct tn_error *err)
{
    if (model->nodes.n == model->inputs.n)
        return tn_error_set(err, TN_E_INVALID, "model '%s' has no layers", model->name);
    tn_value *values = calloc(model->nodes.n, sizeof(*values));
    if (!values)
        return tn_error_set(err, TN_E_OOM, "out of host memory while building a graph");
    tn_status status = tn_model_emit(model, graph, forward, values, err);
    for (size_t i = 0; i < tn_model_output_count(model) && !status; i++)
        out_outputs[i] = values[tn_model_output_node(model, i)];
    free(values);
    return status;
}

static size_t names_size(const tn_model *model, const struct tn_model_node *node)
{
    size_t n = 1;
    for (size_t i = 0; i < node->n_in; i++)
        n += strlen(model->nodes.items[node->in[i]].name) + 2;
    return n;
}

static void join_names(const tn_model *model, const struct tn_model_node *node, char *out)
{
    *out = '\0';
    for (size_t i = 0; i < node->n_in; i++) {
        if (i)
            strcat(out, ", ");
        strcat(out, model->nodes.items[node->in[i]].name);
    }
}

static void count_state(const tn_graph *graph, size_t from, struct tn_layer_info *info)
{
    for (size_t i = from; i < tn_graph_state_count(graph); i++) {
        struct tn_state_params params;
        int64_t count = 0;
        tn_graph_state_at(graph, i, &params);
        if (tn_shape_count(&params.shape, &count))
            continue;
        int64_t *sum = params.role == TN_STATE_PARAM ? &info->n_params : &info->n_buffers;
        if (TN_ADD_OVERFLOW(*sum, count, sum))
            *sum = INT64_MAX;
    }
}

/* One block: the array, then the strings. */
static struct tn_layer_info *alloc_infos(const tn_model *model, char **out_strings)
{
    size_t n_bytes = sizeof(struct tn_layer_info) * model->nodes.n;
    for (size_t i = 0; i < model->nodes.n; i++)
        n_bytes += names_size(model, &model->nodes.items[i]);
    struct tn_layer_info *infos = calloc(1, n_bytes);
    *out_strings = (char *)(infos + model->nodes.n);
    return infos;
}

static void fill_info(const tn_model *model, const tn_graph *graph, uint32_t index, tn_value value,
                      struct tn_layer_info *info, char **strings)
{
    const struct tn_model_node *node = &model->nodes.items[index];
    info->name = node->name;
    info->type = node->type ? node->type->component.name : "input";
    info->output_shape = tn_graph_shape(graph, value);
    info->inputs = *strings;
    if (info->output_shape.rank)
        info->output_shape.dim[0] = -1;
    join_names(model, node, *strings);
    *strings += names_size(model, node);
}

tn_status tn_model_summary(const tn_model *model, struct tn_layer_info **out_layers,
                           size_t *out_n_layers, struct tn_error *err)
{
    tn_graph *graph = NULL;
    char *strings = NULL;
    tn_value *values = calloc(model->nodes.n + 1, sizeof(*values));
    tn_value *inputs = calloc(model->inputs.n + 1, sizeof(*inputs));
    struct tn_layer_info *infos = alloc_infos(model, &strings);
    tn_status status = TN_E_OOM;
    if (!values || !inputs || !infos) {
        tn_error_set(err, status, "out of host memory while summarising a model");
        goto fail;
    }
    if ((status = tn_graph_create("summary", &graph, err)))
        goto fail;
    int64_t batch = tn_graph_symbol(graph, "batch");
    for (size_t i = 0; i < model->inputs.n; i++) {
        const struct tn_model_input *input = &model->inputs.items[i];
        struct tn_shape shape = {.rank = input->shape.rank + 1, .dim = {batch}};
        memcpy(shape.dim + 1, input->shape.dim, input->shape.rank * sizeof(int64_t));
        inputs[i] = tn_graph_input(graph, input->name, input->dtype, &shape, TN_INPUT_DATA);
    }
    struct tn_forward forward = {
        .inputs = inputs, .sample = TN_NONE, .rng = TN_NONE, .apply = TN_NONE};
    size_t n_inputs = 0;
    for (uint32_t i = 0; i < model->nodes.n; i++) {
        size_t n_states = tn_graph_state_count(graph);
        if (!model->nodes.items[i].type)
            values[i] = inputs[n_inputs++];
        else if ((status = emit_layer(model, i, graph, &forward, values, err)))
            goto fail;
        fill_info(model, graph, i, values[i], &infos[i], &strings);
        count_state(graph, n_states, &infos[i]);
    }
    *out_layers = infos;
    *out_n_layers = model->nodes.n;
    infos = NULL;
fail:
    tn_graph_destroy(&graph);
    free(values);
    free(inputs);
    free(infos);
    return status;
}
