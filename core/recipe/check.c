/* The tree against the grammar: keys, types, ranges, components, their options. */
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "recipe/recipe.h"

struct where {
    const struct tn_section *section;
    const struct tn_component *component;
    char text[120]; /* "layer 'conv2d'" */
};

static void list_add(char *list, size_t size, const char *name)
{
    size_t n = strlen(list);
    snprintf(list + n, size - n, "%s%s", n ? ", " : "", name);
}

static void describe(struct where *w, const struct tn_yaml_node *map,
                     const struct tn_section *section, const struct tn_component *component)
{
    const char *name = tn_yaml_string(tn_yaml_find(map, "name"));
    w->section = section;
    w->component = component;
    if (component && section->type_key && name)
        snprintf(w->text, sizeof(w->text), "%s '%.60s' (%s)", section->name, name, component->name);
    else if (component && section->type_key)
        snprintf(w->text, sizeof(w->text), "%s '%s'", section->name, component->name);
    else
        snprintf(w->text, sizeof(w->text), "%s", section->name);
}

static tn_status unknown_key(const struct where *w, const struct tn_yaml_node *child,
                             struct tn_error *err)
{
    struct tn_nearest nearest = TN_NEAREST_INIT(child->key);
    char keys[480] = "", hint[96];
    for (size_t i = 0; w->component && i < w->component->n_options; i++) {
        tn_nearest_offer(&nearest, w->component->options[i].name);
        list_add(keys, sizeof(keys), w->component->options[i].name);
    }
    for (size_t i = 0; i < w->section->n_fields; i++) {
        tn_nearest_offer(&nearest, w->section->fields[i].key);
        list_add(keys, sizeof(keys), w->section->fields[i].key);
    }
    return tn_yaml_fail_key(child, err, "unknown key '%.80s' in %s%s (keys: %s)", child->key,
                            w->section == &tn_section_recipe ? "the recipe" : w->text,
                            tn_nearest_hint(&nearest, hint, sizeof(hint)), keys);
}

static tn_status wrong_type(const struct tn_yaml_node *node, const char *wanted,
                            struct tn_error *err)
{
    return tn_yaml_fail(node, err, "'%s' must be %s", node->key ? node->key : "entry", wanted);
}

static tn_status check_choice(const struct tn_yaml_node *node, const struct tn_field *field,
                              struct tn_error *err)
{
    struct tn_nearest nearest = TN_NEAREST_INIT(node->text);
    char list[256] = "", hint[96];
    for (const char *const *choice = field->choices; *choice; choice++) {
        if (strcmp(*choice, node->text) == 0)
            return TN_OK;
        tn_nearest_offer(&nearest, *choice);
        list_add(list, sizeof(list), *choice);
    }
    return tn_yaml_fail(node, err, "'%s' cannot be '%.80s'%s (one of: %s)", node->key, node->text,
                        tn_nearest_hint(&nearest, hint, sizeof(hint)), list);
}

static tn_status check_range(const struct tn_yaml_node *node, const struct tn_field *field,
                             const char *key, struct tn_error *err)
{
    double value = node->f;
    if (field->has_min && !(field->above_min ? value > field->min : value >= field->min))
        return tn_yaml_fail(node, err, "'%s' is %.17g; it must be %s %.17g", key, value,
                            field->above_min ? "above" : "at least", field->min);
    if (field->has_max && !(field->above_min ? value < field->max : value <= field->max))
        return tn_yaml_fail(node, err, "'%s' is %.17g; it must be %s %.17g", key, value,
                            field->above_min ? "below" : "at most", field->max);
    return TN_OK;
}

static tn_status check_wholes(const struct tn_yaml_node *node, const struct tn_field *field,
                              struct tn_error *err)
{
    if (node->kind != TN_YAML_LIST || node->n >= TN_MAX_RANK)
        return wrong_type(node, "a list of at most 7 whole numbers", err);
    tn_status status = TN_OK;
    for (const struct tn_yaml_node *item = node->first; item && !status; item = item->next)
        status = item->kind == TN_YAML_INT ? check_range(item, field, node->key, err)
                                           : wrong_type(item, "a whole number", err);
    return status;
}

static tn_status check_texts(const struct tn_yaml_node *node, const char *wanted,
                             struct tn_error *err)
{
    for (const struct tn_yaml_node *item = node->first; item; item = item->next)
        if (!tn_yaml_string(item) || !*item->text)
            return wrong_type(item, wanted, err);
    return TN_OK;
}

static tn_status check_maps(const struct tn_yaml_node *node, const char *what, struct tn_error *err)
{
    for (const struct tn_yaml_node *item = node->first; item; item = item->next)
        if (item->kind != TN_YAML_MAP)
            return tn_yaml_fail(item, err, "%s must be a mapping (key: value)", what);
    return TN_OK;
}

static tn_status check_layers(const struct tn_yaml_node *node, struct tn_error *err)
{
    if (node->kind != TN_YAML_LIST)
        return wrong_type(node, "a list of layers", err);
    if (!node->n)
        return wrong_type(node, "a list of at least one layer", err);
    return check_maps(node, "a layer", err);
}

static tn_status check_blocks(const struct tn_yaml_node *node, struct tn_error *err)
{
    tn_status status = TN_OK;
    if (node->kind != TN_YAML_MAP)
        return wrong_type(node, "a mapping from names to lists of layers", err);
    for (const struct tn_yaml_node *list = node->first; list && !status; list = list->next)
        status = check_layers(list, err);
    return status;
}

static tn_status check_scalar(const struct tn_yaml_node *node, const struct tn_field *field,
                              struct tn_error *err)
{
    double seconds;
    switch (field->type) {
    case TN_FIELD_TEXT:
        if (!tn_yaml_string(node))
            return wrong_type(node, "text (put it in quotes)", err);
        return field->choices ? check_choice(node, field, err) : TN_OK;
    case TN_FIELD_WHOLE:
        return node->kind == TN_YAML_INT ? check_range(node, field, node->key, err)
                                         : wrong_type(node, "a whole number", err);
    case TN_FIELD_NUMBER:
        if ((node->kind != TN_YAML_INT && node->kind != TN_YAML_FLOAT) || !(node->f - node->f == 0))
            return wrong_type(node, "a number", err);
        return check_range(node, field, node->key, err);
    case TN_FIELD_TRUTH:
        return node->kind == TN_YAML_BOOL ? TN_OK : wrong_type(node, "true or false", err);
    default:
        return tn_recipe_seconds(node, &seconds)
                   ? TN_OK
                   : wrong_type(node, "a time such as 90s, 30m, 2h, or a number of seconds", err);
    }
}

static tn_status check_field(const struct tn_yaml_node *node, const struct tn_field *field,
                             struct tn_error *err)
{
    switch (field->type) {
    case TN_FIELD_NAMES:
        return node->kind == TN_YAML_LIST && node->n ? check_texts(node, "a name", err)
                                                     : wrong_type(node, "a list of names", err);
    case TN_FIELD_WHOLES:
        return check_wholes(node, field, err);
    case TN_FIELD_TEXTS_BY_NAME:
        return node->kind == TN_YAML_MAP ? check_texts(node, "a name", err)
                                         : wrong_type(node, "a mapping (name: name)", err);
    case TN_FIELD_SECTION:
        return node->kind == TN_YAML_MAP ? TN_OK : wrong_type(node, "a mapping (key: value)", err);
    case TN_FIELD_ONE_OR_MORE:
        if (node->kind == TN_YAML_MAP)
            return TN_OK;
        return node->kind == TN_YAML_LIST && node->n
                   ? check_maps(node, field->section->name, err)
                   : wrong_type(node, "a name, a mapping or a list of them", err);
    case TN_FIELD_SECTIONS:
        return node->kind == TN_YAML_LIST ? check_maps(node, field->section->name, err)
                                          : wrong_type(node, "a list", err);
    case TN_FIELD_SECTIONS_BY_NAME:
        return node->kind == TN_YAML_MAP && node->n
                   ? check_maps(node, field->section->name, err)
                   : wrong_type(node, "a mapping from names to mappings", err);
    case TN_FIELD_LAYERS:
        return check_layers(node, err);
    case TN_FIELD_LAYERS_BY_NAME:
        return check_blocks(node, err);
    default:
        return check_scalar(node, field, err);
    }
}

static tn_status unknown_component(const struct tn_yaml_node *node,
                                   const struct tn_section *section, struct tn_error *err)
{
    struct tn_nearest nearest = TN_NEAREST_INIT(node->text);
    char list[480] = "", hint[96];
    const char *what = section->kind == TN_NAMED_LAYER ? "layer type" : section->name;
    if (section->kind == TN_NAMED_READER)
        what = "reader";
    for (size_t i = 0; i < tn_grammar_count(section->kind); i++) {
        const char *name = tn_grammar_component(section->kind, i)->name;
        tn_nearest_offer(&nearest, name);
        list_add(list, sizeof(list), name);
    }
    return tn_yaml_fail(node, err, "there is no %s '%.80s'%s (there are: %s)", what, node->text,
                        tn_nearest_hint(&nearest, hint, sizeof(hint)), list);
}

static tn_status check_required(const struct where *w, const struct tn_yaml_node *map,
                                struct tn_error *err)
{
    for (size_t i = 0; i < w->section->n_fields; i++) {
        const struct tn_field *field = &w->section->fields[i];
        if (field->required && !tn_yaml_find(map, field->key))
            return tn_yaml_fail(map, err, "%s needs the key '%s' (%s)", w->text, field->key,
                                field->doc);
    }
    for (size_t i = 0; w->component && !w->section->inherits && i < w->component->n_options; i++) {
        const struct tn_option *option = &w->component->options[i];
        if (option->required && !tn_yaml_find(map, option->name))
            return tn_yaml_fail(map, err, "%s needs the key '%s' (%s)", w->text, option->name,
                                option->doc);
    }
    return TN_OK;
}

static int is_near(const char *word, const char *wanted)
{
    struct tn_nearest nearest = TN_NEAREST_INIT(word);
    tn_nearest_offer(&nearest, wanted);
    return nearest.best != NULL;
}

static tn_status check_map(struct tn_visit *visit, struct tn_yaml_node *map,
                           const struct tn_section *section, const struct tn_component *component)
{
    struct tn_error *err = visit->err;
    struct where w;
    describe(&w, map, section, component);
    tn_status status = TN_OK;
    const struct tn_yaml_node *type =
        section->type_key ? tn_yaml_find(map, section->type_key) : NULL;
    /* First, for the keys that are right depend on it; without it they cannot be judged. */
    if (type && !component && tn_yaml_string(type))
        return unknown_component(type, section, err);
    for (const struct tn_yaml_node *child = map->first; child && !status; child = child->next) {
        const struct tn_field *field = tn_grammar_field(section, child->key);
        if (field)
            status = check_field(child, field, err);
        else if (tn_grammar_option(component, child->key))
            status = tn_recipe_check_option(child, component, w.text, err);
        else if (!section->type_key || type || component || is_near(child->key, section->type_key))
            status = unknown_key(&w, child, err);
    }
    return status ? status : check_required(&w, map, err);
}

static tn_status check_version(const struct tn_yaml_node *root, struct tn_error *err)
{
    const struct tn_yaml_node *version = tn_yaml_find(root, "tenon");
    if (!version)
        return tn_yaml_fail(root, err,
                            "a recipe begins with its format version: add the line 'tenon: %d'",
                            TN_RECIPE_VERSION);
    if (version->kind == TN_YAML_INT && version->i > TN_RECIPE_VERSION)
        return tn_yaml_fail(version, err,
                            "the recipe is of format %lld; this version of tenon reads up to "
                            "format %d: use a newer one",
                            (long long)version->i, TN_RECIPE_VERSION);
    return TN_OK;
}

static tn_status check_either(const struct tn_yaml_node *root, const char *one, const char *other,
                              struct tn_error *err)
{
    const struct tn_yaml_node *a = tn_yaml_find(root, one), *b = tn_yaml_find(root, other);
    if (a && b)
        return tn_yaml_fail_key(b, err, "'%s' and '%s' exclude each other", one, other);
    if (!a && !b)
        return tn_yaml_fail(root, err, "the recipe needs '%s' (or '%s')", one, other);
    return TN_OK;
}

static tn_status check_together(const struct tn_yaml_node *root, struct tn_error *err)
{
    tn_status status = check_either(root, "model", "networks", err);
    if (status || (status = check_either(root, "loss", "phases", err)))
        return status;
    const struct tn_yaml_node *networks = tn_yaml_find(root, "networks");
    const struct tn_yaml_node *phases = tn_yaml_find(root, "phases");
    if (phases && !networks)
        return tn_yaml_fail_key(phases, err, "'phases' needs 'networks' instead of 'model'");
    if (networks && !phases)
        return tn_yaml_fail_key(networks, err, "'networks' needs 'phases' instead of 'loss'");
    static const char *const alone[] = {"inputs", "outputs", "metrics"};
    for (size_t i = 0; networks && i < sizeof(alone) / sizeof(alone[0]); i++) {
        const struct tn_yaml_node *node = tn_yaml_find(root, alone[i]);
        if (node)
            return tn_yaml_fail_key(node, err, "'%s' goes with 'model', not with 'networks'",
                                    alone[i]);
    }
    return TN_OK;
}

tn_status tn_recipe_check(struct tn_yaml_node *root, struct tn_error *err)
{
    struct tn_visit visit = {.visit = check_map, .err = err};
    if (root->kind != TN_YAML_MAP)
        return tn_yaml_fail(root, err, "a recipe is a mapping (key: value); this is not");
    tn_status status = check_version(root, err);
    if (!status)
        status = tn_grammar_walk(&visit, root);
    return status ? status : check_together(root, err);
}
