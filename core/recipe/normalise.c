/* Short forms into long ones, before anything is checked; defaults, after. */
#include <string.h>

#include "recipe/recipe.h"

static tn_status no_memory(struct tn_error *err)
{
    return tn_error_set(err, TN_E_OOM, "no memory left for a recipe");
}

/* "relu" becomes {layer: relu}, in place. */
static tn_status expand_name(struct tn_arena *arena, struct tn_yaml_node *node,
                             const struct tn_section *section, struct tn_error *err)
{
    if (node->kind != TN_YAML_STRING || !section->type_key)
        return TN_OK;
    struct tn_yaml_node *child = TN_ARENA_NEW(arena, struct tn_yaml_node, 1);
    if (!child)
        return no_memory(err);
    *child = *node;
    child->key = section->type_key;
    child->key_line = node->line;
    child->key_column = node->column;
    child->next = NULL;
    node->kind = TN_YAML_MAP;
    node->text = NULL;
    tn_yaml_append(node, child);
    return TN_OK;
}

/* "a" becomes [a], in place. */
static tn_status expand_list(struct tn_arena *arena, struct tn_yaml_node *node,
                             struct tn_error *err)
{
    if (node->kind == TN_YAML_LIST || node->kind == TN_YAML_MAP)
        return TN_OK;
    struct tn_yaml_node *child = TN_ARENA_NEW(arena, struct tn_yaml_node, 1);
    if (!child)
        return no_memory(err);
    *child = *node;
    child->key = NULL;
    child->next = NULL;
    node->kind = TN_YAML_LIST;
    node->text = NULL;
    tn_yaml_append(node, child);
    return TN_OK;
}

static tn_status expand_items(struct tn_arena *arena, struct tn_yaml_node *list,
                              const struct tn_section *section, struct tn_error *err)
{
    tn_status status = TN_OK;
    if (list->kind != TN_YAML_LIST)
        return TN_OK;
    for (struct tn_yaml_node *item = list->first; item && !status; item = item->next)
        status = expand_name(arena, item, section, err);
    return status;
}

static tn_status expand_field(struct tn_arena *arena, struct tn_yaml_node *node,
                              const struct tn_field *field, struct tn_error *err)
{
    tn_status status = TN_OK;
    switch (field->type) {
    case TN_FIELD_NAMES:
        return expand_list(arena, node, err);
    case TN_FIELD_SECTION:
        return expand_name(arena, node, field->section, err);
    case TN_FIELD_ONE_OR_MORE:
        status = expand_name(arena, node, field->section, err);
        return status ? status : expand_items(arena, node, field->section, err);
    case TN_FIELD_SECTIONS:
        /* A single metric needs no brackets. */
        if (field->section->type_key && node->kind != TN_YAML_LIST &&
            (status = expand_name(arena, node, field->section, err)))
            return status;
        if (field->section->type_key && node->kind == TN_YAML_MAP) {
            struct tn_yaml_node *item = TN_ARENA_NEW(arena, struct tn_yaml_node, 1);
            if (!item)
                return no_memory(err);
            *item = *node;
            item->key = NULL;
            node->kind = TN_YAML_LIST;
            node->first = node->last = NULL;
            node->n = 0;
            tn_yaml_append(node, item);
        }
        return expand_items(arena, node, field->section, err);
    case TN_FIELD_LAYERS:
        return expand_items(arena, node, &tn_section_layer, err);
    case TN_FIELD_LAYERS_BY_NAME:
        for (struct tn_yaml_node *list = node->first; list && !status; list = list->next)
            status = expand_items(arena, list, &tn_section_layer, err);
        return status;
    default:
        return TN_OK;
    }
}

static void drop_nulls(struct tn_yaml_node *map)
{
    struct tn_yaml_node *child = map->first;
    map->first = map->last = NULL;
    map->n = 0;
    while (child) {
        struct tn_yaml_node *next = child->next;
        if (child->kind != TN_YAML_NULL)
            tn_yaml_append(map, child);
        child = next;
    }
}

static tn_status normalise_map(struct tn_visit *visit, struct tn_yaml_node *map,
                               const struct tn_section *section,
                               const struct tn_component *component)
{
    tn_status status = TN_OK;
    drop_nulls(map);
    for (struct tn_yaml_node *child = map->first; child && !status; child = child->next) {
        const struct tn_field *field = tn_grammar_field(section, child->key);
        if (field)
            status = expand_field(visit->arena, child, field, visit->err);
    }
    return status;
}

tn_status tn_recipe_normalise(struct tn_arena *arena, struct tn_yaml_node *root,
                              struct tn_error *err)
{
    struct tn_visit visit = {.visit = normalise_map, .arena = arena, .err = err};
    return tn_grammar_walk(&visit, root);
}

static tn_status add_default(struct tn_arena *arena, struct tn_yaml_node *map, const char *key,
                             const char *text, struct tn_error *err)
{
    if (!text || tn_yaml_find(map, key))
        return TN_OK;
    struct tn_yaml_node *node = tn_yaml_new(arena, TN_YAML_NULL, map);
    if (!node)
        return no_memory(err);
    tn_yaml_resolve(node, text);
    tn_yaml_put(map, key, node);
    return TN_OK;
}

static tn_status add_section(struct tn_arena *arena, struct tn_yaml_node *map,
                             const struct tn_field *field, struct tn_error *err)
{
    if (!field->fill || tn_yaml_find(map, field->key))
        return TN_OK;
    struct tn_yaml_node *node = tn_yaml_new(arena, TN_YAML_MAP, map);
    if (!node)
        return no_memory(err);
    tn_yaml_put(map, field->key, node);
    return TN_OK;
}

static void move(struct tn_yaml_node *from, const char *key, struct tn_yaml_node *to)
{
    struct tn_yaml_node **link = &from->first;
    while (*link && strcmp((*link)->key, key) != 0)
        link = &(*link)->next;
    struct tn_yaml_node *child = *link;
    if (child) {
        *link = child->next;
        tn_yaml_append(to, child);
    }
}

/* A checked mapping has no other keys than these. The names of components, then their options,
 * then sections read best: fields that are sections come last but in the recipe itself. */
static void put_in_order(struct tn_yaml_node *map, const struct tn_section *section,
                         const struct tn_component *component)
{
    struct tn_yaml_node ordered = {.kind = TN_YAML_MAP};
    for (size_t i = 0; i < section->n_fields; i++)
        if (!component || section->fields[i].type < TN_FIELD_SECTION)
            move(map, section->fields[i].key, &ordered);
    for (size_t i = 0; component && i < component->n_options; i++)
        move(map, component->options[i].name, &ordered);
    for (size_t i = 0; component && i < section->n_fields; i++)
        move(map, section->fields[i].key, &ordered);
    map->first = ordered.first;
    map->last = ordered.last;
    map->n = ordered.n;
}

static tn_status complete_map(struct tn_visit *visit, struct tn_yaml_node *map,
                              const struct tn_section *section,
                              const struct tn_component *component)
{
    tn_status status = TN_OK;
    for (size_t i = 0; i < section->n_fields && !status; i++) {
        const struct tn_field *field = &section->fields[i];
        if (!(status = add_default(visit->arena, map, field->key, field->dflt, visit->err)))
            status = add_section(visit->arena, map, field, visit->err);
    }
    for (size_t i = 0; component && !section->no_defaults && i < component->n_options && !status;
         i++)
        status = add_default(visit->arena, map, component->options[i].name,
                             component->options[i].dflt, visit->err);
    if (!status)
        put_in_order(map, section, component);
    return status;
}

tn_status tn_recipe_complete(struct tn_arena *arena, struct tn_yaml_node *root,
                             struct tn_error *err)
{
    struct tn_visit visit = {.visit = complete_map, .arena = arena, .err = err};
    return tn_grammar_walk(&visit, root);
}
