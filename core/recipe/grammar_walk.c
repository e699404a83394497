/* Going through a tree along the grammar. */
#include "recipe/grammar.h"

const struct tn_section *tn_grammar_item(const struct tn_yaml_node *item)
{
    return tn_yaml_find(item, "block") ? &tn_section_block : &tn_section_layer;
}

const struct tn_component *tn_grammar_named(const struct tn_yaml_node *map,
                                            const struct tn_section *section,
                                            const struct tn_component *around)
{
    if (section->inherits)
        return around;
    if (!section->type_key)
        return NULL;
    const char *name = tn_yaml_string(tn_yaml_find(map, section->type_key));
    if (!name && !tn_yaml_find(map, section->type_key))
        name = tn_grammar_field(section, section->type_key)->dflt;
    return name ? tn_grammar_find(section->kind, name) : NULL;
}

static tn_status walk_map(struct tn_visit *visit, struct tn_yaml_node *map,
                          const struct tn_section *section, const struct tn_component *around);

/* Every child that is a mapping: the items of a list, or the values of a mapping by names. */
static tn_status walk_children(struct tn_visit *visit, struct tn_yaml_node *parent,
                               const struct tn_section *section, const struct tn_component *around)
{
    tn_status status = TN_OK;
    for (struct tn_yaml_node *child = parent->first; child && !status; child = child->next)
        status = walk_map(visit, child, section ? section : tn_grammar_item(child), around);
    return status;
}

static tn_status walk_blocks(struct tn_visit *visit, struct tn_yaml_node *blocks)
{
    tn_status status = TN_OK;
    if (blocks->kind != TN_YAML_MAP)
        return TN_OK;
    for (struct tn_yaml_node *list = blocks->first; list && !status; list = list->next)
        if (list->kind == TN_YAML_LIST)
            status = walk_children(visit, list, NULL, NULL);
    return status;
}

static tn_status walk_field(struct tn_visit *visit, struct tn_yaml_node *node,
                            const struct tn_field *field, const struct tn_component *around)
{
    switch (field->type) {
    case TN_FIELD_SECTION:
        return walk_map(visit, node, field->section, around);
    case TN_FIELD_ONE_OR_MORE:
        if (node->kind == TN_YAML_MAP)
            return walk_map(visit, node, field->section, around);
        return node->kind == TN_YAML_LIST ? walk_children(visit, node, field->section, around)
                                          : TN_OK;
    case TN_FIELD_SECTIONS:
        return node->kind == TN_YAML_LIST ? walk_children(visit, node, field->section, around)
                                          : TN_OK;
    case TN_FIELD_SECTIONS_BY_NAME:
        return node->kind == TN_YAML_MAP ? walk_children(visit, node, field->section, around)
                                         : TN_OK;
    case TN_FIELD_LAYERS:
        return node->kind == TN_YAML_LIST ? walk_children(visit, node, NULL, NULL) : TN_OK;
    case TN_FIELD_LAYERS_BY_NAME:
        return walk_blocks(visit, node);
    default:
        return TN_OK;
    }
}

static tn_status walk_map(struct tn_visit *visit, struct tn_yaml_node *map,
                          const struct tn_section *section, const struct tn_component *around)
{
    if (map->kind != TN_YAML_MAP)
        return TN_OK;
    const struct tn_component *component = tn_grammar_named(map, section, around);
    tn_status status = visit->visit(visit, map, section, component);
    for (struct tn_yaml_node *child = map->first; child && !status; child = child->next) {
        const struct tn_field *field = tn_grammar_field(section, child->key);
        if (field)
            status = walk_field(visit, child, field, component);
    }
    return status;
}

tn_status tn_grammar_walk(struct tn_visit *visit, struct tn_yaml_node *root)
{
    return walk_map(visit, root, &tn_section_recipe, NULL);
}
