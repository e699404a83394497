/* Options of components: nodes of the tree as attributes. */
#include <stdio.h>

#include "recipe/recipe.h"

static tn_status no_memory(struct tn_error *err)
{
    return tn_error_set(err, TN_E_OOM, "no memory left for a recipe");
}

static tn_status convert_list(struct tn_arena *arena, const struct tn_yaml_node *node,
                              const char *subject, struct tn_attr *out_attr, struct tn_error *err)
{
    int64_t *values = TN_ARENA_NEW(arena, int64_t, node->n);
    size_t n = 0;
    if (!values)
        return no_memory(err);
    for (const struct tn_yaml_node *item = node->first; item; item = item->next) {
        if (item->kind != TN_YAML_INT)
            return tn_yaml_fail(item, err, "%s: option '%s' takes whole numbers", subject,
                                node->key);
        values[n++] = item->i;
    }
    *out_attr = TN_AV(node->key, n, values);
    return TN_OK;
}

/* Truth values and numbers are kept apart here: an attribute has one type for both. */
static tn_status convert(struct tn_arena *arena, const struct tn_yaml_node *node,
                         const struct tn_option *option, const char *subject,
                         struct tn_attr *out_attr, struct tn_error *err)
{
    int wants_truth = option->type == TN_OPTION_BOOL;
    if (wants_truth != (node->kind == TN_YAML_BOOL)) {
        if (wants_truth)
            return tn_yaml_fail(node, err, "%s: option '%s' must be true or false", subject,
                                node->key);
        if (node->kind == TN_YAML_BOOL)
            return tn_yaml_fail(node, err, "%s: option '%s' cannot be %s", subject, node->key,
                                node->text);
    }
    switch (node->kind) {
    case TN_YAML_BOOL:
    case TN_YAML_INT:
        *out_attr = TN_AI(node->key, node->i);
        return TN_OK;
    case TN_YAML_FLOAT:
        if (!(node->f - node->f == 0))
            return tn_yaml_fail(node, err, "%s: option '%s' must be a finite number", subject,
                                node->key);
        *out_attr = TN_AF(node->key, node->f);
        return TN_OK;
    case TN_YAML_STRING:
        *out_attr = TN_AS(node->key, node->text);
        return TN_OK;
    case TN_YAML_LIST:
        return convert_list(arena, node, subject, out_attr, err);
    default:
        return tn_yaml_fail(node, err, "%s: option '%s' cannot be a mapping", subject, node->key);
    }
}

tn_status tn_recipe_check_option(const struct tn_yaml_node *node,
                                 const struct tn_component *component, const char *subject,
                                 struct tn_error *err)
{
    struct tn_arena arena;
    struct tn_attr attr;
    struct tn_option option = *tn_grammar_option(component, node->key);
    /* A component of this one option: others that are missing are another matter. */
    struct tn_component alone = *component;
    option.required = 0;
    alone.options = &option;
    alone.n_options = 1;
    tn_arena_init(&arena);
    tn_status status = convert(&arena, node, &option, subject, &attr, err);
    if (!status && (status = tn_component_check(&alone, subject, &attr, 1, err)))
        tn_yaml_prefix(node, err);
    tn_arena_finish(&arena);
    return status;
}

tn_status tn_recipe_options(struct tn_arena *arena, const struct tn_yaml_node *map,
                            const struct tn_section *section, const struct tn_component *component,
                            const struct tn_attr **out_options, size_t *out_n, struct tn_error *err)
{
    struct tn_attr *attrs = TN_ARENA_NEW(arena, struct tn_attr, map->n);
    size_t n = 0;
    if (!attrs)
        return no_memory(err);
    for (const struct tn_yaml_node *child = map->first; child; child = child->next) {
        if (tn_grammar_field(section, child->key))
            continue;
        const struct tn_option *option = tn_grammar_option(component, child->key);
        if (!option)
            return tn_yaml_fail_key(child, err, "%s '%s' has no option '%s'", section->name,
                                    component->name, child->key);
        tn_status status = convert(arena, child, option, component->name, &attrs[n++], err);
        if (status)
            return status;
    }
    *out_options = attrs;
    *out_n = n;
    return TN_OK;
}
