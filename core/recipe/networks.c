/* The model, or the networks and the phases that train them. */
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "recipe/recipe.h"

static struct tn_network_params model_params(const struct tn_recipe *recipe)
{
    return (struct tn_network_params){
        .name = recipe->name,
        .layers = tn_yaml_find(recipe->root, "model"),
        .inputs = tn_yaml_find(recipe->root, "inputs"),
        .outputs = tn_yaml_find(recipe->root, "outputs"),
        .blocks = tn_yaml_find(recipe->root, "blocks"),
    };
}

static struct tn_network_params network_params(const struct tn_recipe *recipe,
                                               const struct tn_yaml_node *network)
{
    return (struct tn_network_params){
        .name = network->key,
        .layers = tn_yaml_find(network, "layers"),
        .inputs = tn_yaml_find(network, "inputs"),
        .outputs = tn_yaml_find(network, "outputs"),
        .blocks = tn_yaml_find(recipe->root, "blocks"),
    };
}

tn_status tn_recipe_build_model(const tn_recipe *recipe, const tn_dataset *data,
                                tn_model **out_model, struct tn_error *err)
{
    struct tn_network_params params = model_params(recipe);
    const struct tn_yaml_node *networks = tn_yaml_find(recipe->root, "networks");
    if (networks) {
        tn_error_set(err, TN_E_UNSUPPORTED,
                     "recipes with several networks are read and checked, but not trained by this "
                     "version");
        return tn_yaml_prefix(networks, err), TN_E_UNSUPPORTED;
    }
    params.data = data;
    return tn_recipe_build_network(&params, out_model, err);
}

tn_status tn_recipe_check_networks(const struct tn_recipe *recipe, tn_model **out_model,
                                   struct tn_error *err)
{
    const struct tn_yaml_node *networks = tn_yaml_find(recipe->root, "networks");
    tn_status status = TN_OK;
    if (!networks) {
        struct tn_network_params params = model_params(recipe);
        params.may_lack_shapes = 1;
        return tn_recipe_build_network(&params, out_model, err);
    }
    *out_model = NULL;
    for (const struct tn_yaml_node *node = networks->first; node && !status; node = node->next) {
        struct tn_network_params params = network_params(recipe, node);
        tn_model *model = NULL;
        params.may_lack_shapes = 1;
        status = tn_recipe_build_network(&params, &model, err);
        tn_model_destroy(&model);
    }
    return status;
}

/* A key of the mapping that the text begins with, up to an optional dot. */
static tn_status check_reference(const struct tn_yaml_node *node, const struct tn_yaml_node *names,
                                 const char *what, struct tn_error *err)
{
    struct tn_nearest nearest = TN_NEAREST_INIT(node->text);
    char hint[128];
    for (const struct tn_yaml_node *c = names ? names->first : NULL; c; c = c->next) {
        const char *name = names->kind == TN_YAML_MAP ? c->key : c->text;
        if (strcmp(name, node->text) == 0)
            return TN_OK;
        tn_nearest_offer(&nearest, name);
    }
    return tn_yaml_fail(node, err, "there is no %s '%.80s'%s", what, node->text,
                        tn_nearest_hint(&nearest, hint, sizeof(hint)));
}

/* "generator" or "generator.image" where a network is meant; else a field of the data. */
static tn_status check_source(const struct tn_yaml_node *source,
                              const struct tn_yaml_node *networks, struct tn_error *err)
{
    const char *dot = strchr(source->text, '.');
    if (!dot)
        return TN_OK;
    for (const struct tn_yaml_node *c = networks->first; c; c = c->next) {
        if (strlen(c->key) != (size_t)(dot - source->text) ||
            strncmp(c->key, source->text, strlen(c->key)) != 0)
            continue;
        struct tn_yaml_node output = *source;
        output.text = dot + 1;
        const struct tn_yaml_node *outputs = tn_yaml_find(c, "outputs");
        return outputs ? check_reference(&output, outputs, "output", err) : TN_OK;
    }
    return tn_yaml_fail(source, err, "there is no network '%.*s'", (int)(dot - source->text),
                        source->text);
}

static tn_status check_inputs(const struct tn_yaml_node *phase, const struct tn_yaml_node *network,
                              const struct tn_yaml_node *networks, struct tn_error *err)
{
    const struct tn_yaml_node *given = tn_yaml_find(phase, "inputs");
    const struct tn_yaml_node *known = tn_yaml_find(network, "inputs");
    tn_status status = TN_OK;
    for (const struct tn_yaml_node *c = given ? given->first : NULL; c && !status; c = c->next) {
        struct tn_yaml_node name = *c;
        name.text = c->key;
        name.line = c->key_line;
        name.column = c->key_column;
        if (known)
            status = check_reference(&name, known, "input of this network", err);
        if (!status)
            status = check_source(c, networks, err);
    }
    const struct tn_yaml_node *detach = tn_yaml_find(phase, "detach");
    for (const struct tn_yaml_node *c = detach ? detach->first : NULL; c && !status; c = c->next)
        status = given ? check_reference(c, given, "input of this phase", err)
                       : tn_yaml_fail(c, err, "'detach' names inputs of the phase: it has none");
    return status;
}

static tn_status check_losses(const struct tn_yaml_node *phase, const struct tn_yaml_node *network,
                              struct tn_error *err)
{
    const struct tn_yaml_node *loss = tn_yaml_find(phase, "loss");
    const struct tn_yaml_node *outputs = tn_yaml_find(network, "outputs");
    size_t n = loss->kind == TN_YAML_MAP ? 1 : loss->n;
    const struct tn_yaml_node *map = loss->kind == TN_YAML_MAP ? loss : loss->first;
    tn_status status = TN_OK;
    for (size_t i = 0; i < n && !status; i++, map = map->next) {
        const struct tn_yaml_node *output = tn_yaml_find(map, "output");
        if (output && outputs)
            status = check_reference(output, outputs, "output of this network", err);
    }
    return status;
}

tn_status tn_recipe_check_phases(const struct tn_recipe *recipe, struct tn_error *err)
{
    const struct tn_yaml_node *phases = tn_yaml_find(recipe->root, "phases");
    const struct tn_yaml_node *networks = tn_yaml_find(recipe->root, "networks");
    tn_status status = TN_OK;
    for (const struct tn_yaml_node *phase = phases ? phases->first : NULL; phase && !status;
         phase = phase->next) {
        const struct tn_yaml_node *name = tn_yaml_find(phase, "network");
        if ((status = check_reference(name, networks, "network", err)))
            return status;
        const struct tn_yaml_node *network = tn_yaml_find(networks, name->text);
        status = check_inputs(phase, network, networks, err);
        if (!status)
            status = check_losses(phase, network, err);
    }
    return status;
}
