/* Losses, metrics, optimizer and limits of a checked recipe, as the trainer takes them. */
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "recipe/recipe.h"

static tn_status no_memory(struct tn_error *err)
{
    return tn_error_set(err, TN_E_OOM, "no memory left for a recipe");
}

int tn_recipe_seconds(const struct tn_yaml_node *node, double *out_seconds)
{
    double value = node->f, unit = 1;
    if (node->kind == TN_YAML_STRING) {
        char *end;
        if (!strchr("0123456789.", node->text[0]))
            return 0;
        value = strtod(node->text, &end);
        if (end == node->text || !*end || end[1])
            return 0;
        unit = *end == 's' ? 1 : *end == 'm' ? 60 : *end == 'h' ? 3600 : 0;
        if (unit == 0)
            return 0;
    } else if (node->kind != TN_YAML_INT && node->kind != TN_YAML_FLOAT) {
        return 0;
    }
    value *= unit;
    if (!(value >= 0) || !(value - value == 0))
        return 0;
    *out_seconds = value;
    return 1;
}

static int64_t whole(const struct tn_yaml_node *map, const char *key)
{
    const struct tn_yaml_node *node = tn_yaml_find(map, key);
    return node ? node->i : 0;
}

static double number(const struct tn_yaml_node *map, const char *key)
{
    const struct tn_yaml_node *node = tn_yaml_find(map, key);
    return node ? node->f : 0;
}

static const char *text(const struct tn_yaml_node *map, const char *key)
{
    return tn_yaml_string(tn_yaml_find(map, key));
}

/* The output that a loss or metric names, or must name. */
static tn_status check_output(const struct tn_yaml_node *map, const char *what,
                              const tn_model *model, struct tn_error *err)
{
    const struct tn_yaml_node *output = tn_yaml_find(map, "output");
    size_t n = tn_model_output_count(model);
    if (!output && n > 1)
        return tn_yaml_fail(map, err,
                            "the model has %zu outputs: say with 'output' which one this %s is of",
                            n, what);
    if (!output)
        return TN_OK;
    struct tn_nearest nearest = TN_NEAREST_INIT(output->text);
    char hint[128];
    for (size_t i = 0; i < n; i++) {
        if (strcmp(tn_model_output_name(model, i), output->text) == 0)
            return TN_OK;
        tn_nearest_offer(&nearest, tn_model_output_name(model, i));
    }
    return tn_yaml_fail(output, err,
                        "'%.80s' is no output of the model%s (list it under 'outputs')",
                        output->text, tn_nearest_hint(&nearest, hint, sizeof(hint)));
}

static const struct tn_section *section_of(const char *key)
{
    return tn_grammar_field(&tn_section_recipe, key)->section;
}

/* The mappings of "a mapping or a list of them". */
static size_t entry_count(const struct tn_yaml_node *node)
{
    return !node ? 0 : node->kind == TN_YAML_MAP ? 1 : node->n;
}

static const struct tn_yaml_node *first_entry(const struct tn_yaml_node *node)
{
    return !node ? NULL : node->kind == TN_YAML_MAP ? node : node->first;
}

static tn_status make_losses(struct tn_recipe *recipe, const tn_model *model, struct tn_error *err)
{
    const struct tn_yaml_node *node = tn_yaml_find(recipe->root, "loss");
    const struct tn_section *section = section_of("loss");
    size_t n = entry_count(node), i = 0;
    struct tn_loss_spec *specs = TN_ARENA_NEW(&recipe->arena, struct tn_loss_spec, n);
    tn_status status = TN_OK;
    if (!specs)
        return no_memory(err);
    for (const struct tn_yaml_node *map = first_entry(node); i < n && !status;
         map = map->next, i++) {
        const struct tn_component *component = tn_grammar_named(map, section, NULL);
        specs[i] = (struct tn_loss_spec){.type = component->name,
                                         .output = text(map, "output"),
                                         .target = text(map, "target"),
                                         .weight = number(map, "weight")};
        if (!(status = check_output(map, "loss", model, err)))
            status = tn_recipe_options(&recipe->arena, map, section, component, &specs[i].options,
                                       &specs[i].n_options, err);
    }
    recipe->train.losses = specs;
    recipe->train.n_losses = n;
    return status;
}

static tn_status make_metrics(struct tn_recipe *recipe, const tn_model *model, struct tn_error *err)
{
    const struct tn_yaml_node *node = tn_yaml_find(recipe->root, "metrics");
    const struct tn_section *section = section_of("metrics");
    size_t n = entry_count(node), i = 0;
    struct tn_metric_spec *specs = TN_ARENA_NEW(&recipe->arena, struct tn_metric_spec, n);
    tn_status status = TN_OK;
    if (!specs)
        return no_memory(err);
    for (const struct tn_yaml_node *map = first_entry(node); i < n && !status;
         map = map->next, i++) {
        const struct tn_component *component = tn_grammar_named(map, section, NULL);
        specs[i] = (struct tn_metric_spec){.type = component->name,
                                           .name = text(map, "name"),
                                           .output = text(map, "output"),
                                           .target = text(map, "target")};
        if (!(status = check_output(map, "metric", model, err)))
            status = tn_recipe_options(&recipe->arena, map, section, component, &specs[i].options,
                                       &specs[i].n_options, err);
    }
    recipe->train.metrics = specs;
    recipe->train.n_metrics = n;
    return status;
}

static tn_status make_groups(struct tn_recipe *recipe, const struct tn_yaml_node *optimizer,
                             const struct tn_component *component, struct tn_optimizer_spec *spec,
                             struct tn_error *err)
{
    const struct tn_yaml_node *list = tn_yaml_find(optimizer, "groups");
    const struct tn_section *section = tn_grammar_field(section_of("optimizer"), "groups")->section;
    size_t n = entry_count(list), i = 0;
    struct tn_optimizer_group *groups = TN_ARENA_NEW(&recipe->arena, struct tn_optimizer_group, n);
    tn_status status = TN_OK;
    if (!groups)
        return no_memory(err);
    for (const struct tn_yaml_node *map = first_entry(list); i < n && !status;
         map = map->next, i++) {
        groups[i].match = text(map, "match");
        status = tn_recipe_options(&recipe->arena, map, section, component, &groups[i].options,
                                   &groups[i].n_options, err);
    }
    spec->groups = groups;
    spec->n_groups = n;
    return status;
}

static tn_status make_optimizer(struct tn_recipe *recipe, struct tn_error *err)
{
    const struct tn_yaml_node *map = tn_yaml_find(recipe->root, "optimizer");
    const struct tn_yaml_node *schedule = tn_yaml_find(map, "schedule");
    const struct tn_section *section = section_of("optimizer");
    const struct tn_section *schedule_section = tn_grammar_field(section, "schedule")->section;
    const struct tn_component *component = tn_grammar_named(map, section, NULL);
    const struct tn_component *curve = tn_grammar_named(schedule, schedule_section, NULL);
    struct tn_optimizer_spec *spec = TN_ARENA_NEW(&recipe->arena, struct tn_optimizer_spec, 1);
    if (!spec)
        return no_memory(err);
    spec->type = component->name;
    spec->schedule = curve->name;
    tn_status status = tn_recipe_options(&recipe->arena, map, section, component, &spec->options,
                                         &spec->n_options, err);
    if (!status)
        status = tn_recipe_options(&recipe->arena, schedule, schedule_section, curve,
                                   &spec->schedule_options, &spec->n_schedule_options, err);
    if (!status)
        status = make_groups(recipe, map, component, spec, err);
    recipe->train.optimizer = spec;
    return status;
}

static tn_status make_fields(struct tn_recipe *recipe, struct tn_error *err)
{
    const struct tn_yaml_node *inputs = tn_yaml_find(recipe->root, "inputs");
    size_t i = 0;
    if (!inputs)
        return TN_OK;
    const char **fields = TN_ARENA_NEW(&recipe->arena, const char *, inputs->n);
    if (!fields)
        return no_memory(err);
    for (const struct tn_yaml_node *node = inputs->first; node; node = node->next) {
        const char *field = text(node, "field");
        fields[i++] = field ? field : node->key;
    }
    recipe->train.input_fields = fields;
    return TN_OK;
}

tn_status tn_recipe_make_train(struct tn_recipe *recipe, const tn_model *model,
                               struct tn_error *err)
{
    const struct tn_yaml_node *train = tn_yaml_find(recipe->root, "train");
    const struct tn_yaml_node *data = tn_yaml_find(recipe->root, "data");
    recipe->train = (struct tn_train_params){
        .batch_size = whole(train, "batch_size"),
        .epochs = whole(train, "epochs"),
        .max_steps = whole(train, "max_steps"),
        .seed = (uint64_t)whole(recipe->root, "seed"),
        .no_shuffle = !whole(data, "shuffle"),
        .monitor = text(train, "monitor"),
        .patience = whole(train, "patience"),
        .min_delta = number(train, "min_delta"),
    };
    tn_recipe_seconds(tn_yaml_find(train, "max_time"), &recipe->train.max_seconds);
    tn_status status;
    if ((status = make_fields(recipe, err)) || (status = make_losses(recipe, model, err)) ||
        (status = make_metrics(recipe, model, err)) || (status = make_optimizer(recipe, err)))
        return status;
    recipe->has_train = 1;
    return TN_OK;
}
