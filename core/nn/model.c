/* A model: layers by name, their connections, and their passage into a graph. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/nearest.h"
#include "base/vec.h"
#include "nn/model.h"

#define NO_MEMORY(err) tn_error_set((err), TN_E_OOM, "out of host memory while building a model")

tn_status tn_model_create(const char *name, tn_model **out_model, struct tn_error *err)
{
    tn_model *model = calloc(1, sizeof(*model));
    if (!model)
        return NO_MEMORY(err);
    tn_arena_init(&model->arena);
    model->name = tn_arena_strdup(&model->arena, name ? name : "model");
    if (!model->name) {
        tn_model_destroy(&model);
        return NO_MEMORY(err);
    }
    *out_model = model;
    return TN_OK;
}

void tn_model_destroy(tn_model **model)
{
    if (!model || !*model)
        return;
    TN_VEC_FINISH(&(*model)->nodes);
    TN_VEC_FINISH(&(*model)->inputs);
    TN_VEC_FINISH(&(*model)->outputs);
    tn_arena_finish(&(*model)->arena);
    free(*model);
    *model = NULL;
}

const char *tn_model_name(const tn_model *model)
{
    return model->name;
}

static int find_node(const tn_model *model, const char *name, uint32_t *out_index)
{
    for (size_t i = 0; i < model->nodes.n; i++) {
        if (strcmp(model->nodes.items[i].name, name) == 0) {
            *out_index = (uint32_t)i;
            return 1;
        }
    }
    return 0;
}

static tn_status unknown_node(const tn_model *model, const char *who, const char *name,
                              struct tn_error *err)
{
    char hint[96];
    struct tn_nearest nearest = TN_NEAREST_INIT(name);
    for (size_t i = 0; i < model->nodes.n; i++)
        tn_nearest_offer(&nearest, model->nodes.items[i].name);
    return tn_error_set(err, TN_E_INVALID, "%s: there is no earlier layer or input '%s'%s", who,
                        name, tn_nearest_hint(&nearest, hint, sizeof(hint)));
}

static tn_status check_name(const tn_model *model, const char *name, struct tn_error *err)
{
    uint32_t index;
    if (!*name || strlen(name) > 100 || strpbrk(name, "/ \t\n"))
        return tn_error_set(err, TN_E_INVALID,
                            "layer name '%s': use 1 to 100 characters without '/' and spaces",
                            name);
    if (find_node(model, name, &index))
        return tn_error_set(err, TN_E_INVALID, "layer name '%s' is used twice", name);
    return TN_OK;
}

tn_status tn_model_add_input(tn_model *model, const char *name, tn_dtype dtype,
                             const struct tn_shape *sample_shape, struct tn_error *err)
{
    tn_status status = check_name(model, name, err);
    if (status)
        return status;
    if (sample_shape->rank >= TN_MAX_RANK)
        return tn_error_set(err, TN_E_INVALID, "input '%s': rank %u is over %d", name,
                            sample_shape->rank, TN_MAX_RANK - 1);
    if (!TN_VEC_GROW(&model->nodes) || !TN_VEC_GROW(&model->inputs))
        return NO_MEMORY(err);
    struct tn_model_node node = {.name = tn_arena_strdup(&model->arena, name)};
    if (!node.name)
        return NO_MEMORY(err);
    model->inputs.items[model->inputs.n++] =
        (struct tn_model_input){.name = node.name,
                                .dtype = dtype,
                                .shape = *sample_shape,
                                .node = (uint32_t)model->nodes.n};
    model->nodes.items[model->nodes.n++] = node;
    return TN_OK;
}

/* "conv2d", then "conv2d_1", "conv2d_2": as Keras counts. Names are never taken back, so counting
 * goes on from the last one given. */
static const char *auto_name(tn_model *model, struct tn_model_node *node)
{
    const char *type = node->type->component.name;
    uint32_t index, number = 0;
    char buf[128];
    for (size_t i = model->nodes.n; i-- > 0 && !number;)
        if (model->nodes.items[i].type == node->type)
            number = model->nodes.items[i].auto_number;
    do {
        if (number)
            snprintf(buf, sizeof(buf), "%s_%u", type, number);
        else
            snprintf(buf, sizeof(buf), "%s", type);
        number++;
    } while (find_node(model, buf, &index));
    node->auto_number = number;
    return tn_arena_strdup(&model->arena, buf);
}

static tn_status copy_options(tn_model *model, const struct tn_layer_spec *spec,
                              struct tn_model_node *node, struct tn_error *err)
{
    struct tn_attr *copy = TN_ARENA_NEW(&model->arena, struct tn_attr, spec->n_options);
    if (!copy)
        return NO_MEMORY(err);
    for (size_t i = 0; i < spec->n_options; i++) {
        const void *data = copy;
        copy[i] = spec->options[i];
        copy[i].name = tn_arena_strdup(&model->arena, spec->options[i].name);
        if (copy[i].type == TN_ATTR_STRING)
            data = copy[i].u.s = tn_arena_strdup(&model->arena, copy[i].u.s);
        else if (copy[i].type == TN_ATTR_INTS)
            data = copy[i].u.ints =
                tn_arena_dup(&model->arena, copy[i].u.ints, copy[i].count * sizeof(int64_t));
        if (!copy[i].name || !data)
            return NO_MEMORY(err);
    }
    node->options = copy;
    node->n_options = spec->n_options;
    return TN_OK;
}

static tn_status connect(tn_model *model, const struct tn_layer_spec *spec, const char *who,
                         struct tn_model_node *node, struct tn_error *err)
{
    size_t n = spec->n_inputs ? spec->n_inputs : 1;
    const struct tn_component *component = &node->type->component;
    if (n < component->min_inputs || n > component->max_inputs)
        return tn_error_set(err, TN_E_INVALID, "%s: '%s' takes %s%zu input%s, %zu given", who,
                            component->name,
                            component->min_inputs == component->max_inputs ? "" : "at least ",
                            component->min_inputs, component->min_inputs == 1 ? "" : "s", n);
    if (model->nodes.n == 0)
        return tn_error_set(err, TN_E_INVALID, "%s: the model has no input yet", who);
    node->in = TN_ARENA_NEW(&model->arena, uint32_t, n);
    if (!node->in)
        return NO_MEMORY(err);
    node->n_in = n;
    node->in[0] = (uint32_t)model->nodes.n - 1;
    for (size_t i = 0; i < spec->n_inputs; i++)
        if (!find_node(model, spec->inputs[i], &node->in[i]))
            return unknown_node(model, who, spec->inputs[i], err);
    return TN_OK;
}

static tn_status resolve_share(const tn_model *model, const struct tn_layer_spec *spec,
                               const char *who, struct tn_model_node *node, struct tn_error *err)
{
    uint32_t index;
    node->state_owner = node->name;
    if (!spec->share)
        return TN_OK;
    if (!find_node(model, spec->share, &index))
        return unknown_node(model, who, spec->share, err);
    if (model->nodes.items[index].type != node->type)
        return tn_error_set(err, TN_E_INVALID,
                            "%s: cannot share weights with '%s', a layer of another type", who,
                            spec->share);
    node->state_owner = model->nodes.items[index].state_owner;
    return TN_OK;
}

static tn_status unknown_type(const char *type, struct tn_error *err)
{
    char hint[96], list[400] = "";
    struct tn_nearest nearest = TN_NEAREST_INIT(type);
    for (size_t i = 0; i < tn_layer_count(); i++) {
        const char *name = tn_layer_at(i)->component.name;
        size_t n = strlen(list);
        tn_nearest_offer(&nearest, name);
        snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", name);
    }
    return tn_error_set(err, TN_E_INVALID, "there is no layer type '%s'%s (types: %s)", type,
                        tn_nearest_hint(&nearest, hint, sizeof(hint)), list);
}

tn_status tn_model_add_layer(tn_model *model, const struct tn_layer_spec *spec,
                             struct tn_error *err)
{
    struct tn_model_node node = {.type = tn_layer_find(spec->type)};
    tn_status status;
    char who[160];
    if (!node.type)
        return unknown_type(spec->type, err);
    if (spec->name && (status = check_name(model, spec->name, err)))
        return status;
    node.name = spec->name ? tn_arena_strdup(&model->arena, spec->name) : auto_name(model, &node);
    if (!node.name || !TN_VEC_GROW(&model->nodes))
        return NO_MEMORY(err);
    snprintf(who, sizeof(who), "layer '%s'", node.name);
    if ((status =
             tn_component_check(&node.type->component, who, spec->options, spec->n_options, err)) ||
        (status = connect(model, spec, who, &node, err)) ||
        (status = resolve_share(model, spec, who, &node, err)) ||
        (status = copy_options(model, spec, &node, err)))
        return status;
    model->nodes.items[model->nodes.n++] = node;
    return TN_OK;
}

tn_status tn_model_set_outputs(tn_model *model, const char *const *names, size_t n,
                               struct tn_error *err)
{
    model->outputs.n = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t index;
        if (!find_node(model, names[i], &index))
            return unknown_node(model, "outputs", names[i], err);
        if (!TN_VEC_GROW(&model->outputs))
            return NO_MEMORY(err);
        model->outputs.items[model->outputs.n++] = index;
    }
    return TN_OK;
}

size_t tn_model_input_count(const tn_model *model)
{
    return model->inputs.n;
}

const char *tn_model_input_name(const tn_model *model, size_t index)
{
    return model->inputs.items[index].name;
}

tn_dtype tn_model_input_dtype(const tn_model *model, size_t index)
{
    return model->inputs.items[index].dtype;
}

struct tn_shape tn_model_input_shape(const tn_model *model, size_t index)
{
    return model->inputs.items[index].shape;
}

size_t tn_model_output_count(const tn_model *model)
{
    return model->outputs.n ? model->outputs.n : 1;
}

uint32_t tn_model_output_node(const tn_model *model, size_t index)
{
    return model->outputs.n ? model->outputs.items[index] : (uint32_t)model->nodes.n - 1;
}

const char *tn_model_output_name(const tn_model *model, size_t index)
{
    return model->nodes.items[tn_model_output_node(model, index)].name;
}
