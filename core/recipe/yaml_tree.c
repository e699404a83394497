#include "recipe/yaml_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct tn_yaml_node *tn_yaml_find(const struct tn_yaml_node *map, const char *key)
{
    if (!map || map->kind != TN_YAML_MAP)
        return NULL;
    for (struct tn_yaml_node *child = map->first; child; child = child->next)
        if (strcmp(child->key, key) == 0)
            return child;
    return NULL;
}

struct tn_yaml_node *tn_yaml_at(const struct tn_yaml_node *list, size_t index)
{
    if (!list || list->kind != TN_YAML_LIST)
        return NULL;
    struct tn_yaml_node *child = list->first;
    while (child && index--)
        child = child->next;
    return child;
}

const char *tn_yaml_string(const struct tn_yaml_node *node)
{
    return node && node->kind == TN_YAML_STRING ? node->text : NULL;
}

struct tn_yaml_node *tn_yaml_new(struct tn_arena *arena, enum tn_yaml_kind kind,
                                 const struct tn_yaml_node *like)
{
    struct tn_yaml_node *node = TN_ARENA_NEW(arena, struct tn_yaml_node, 1);
    if (!node)
        return NULL;
    node->kind = kind;
    node->origin = like->origin;
    node->line = node->key_line = like->line;
    node->column = node->key_column = like->column;
    return node;
}

void tn_yaml_append(struct tn_yaml_node *parent, struct tn_yaml_node *child)
{
    child->next = NULL;
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->n++;
}

void tn_yaml_replace(struct tn_yaml_node *node, const struct tn_yaml_node *value)
{
    struct tn_yaml_node old = *node;
    *node = *value;
    node->key = old.key;
    node->next = old.next;
    /* An override gives the place of its key too: the older one no longer says what is there. */
    if (value->line) {
        node->key_line = old.key_line;
        node->key_column = old.key_column;
    }
}

void tn_yaml_put(struct tn_yaml_node *map, const char *key, struct tn_yaml_node *child)
{
    struct tn_yaml_node *old = tn_yaml_find(map, key);
    if (old) {
        tn_yaml_replace(old, child);
        return;
    }
    child->key = key;
    tn_yaml_append(map, child);
}

static tn_status prefix_place(const struct tn_yaml_node *node, uint32_t line, uint32_t column,
                              struct tn_error *err)
{
    if (line)
        return tn_error_prefix(err, "%s:%u:%u", node->origin, line, column);
    return tn_error_prefix(err, "%s", node->origin);
}

tn_status tn_yaml_prefix(const struct tn_yaml_node *node, struct tn_error *err)
{
    tn_status code = err ? err->code : TN_E_INVALID;
    prefix_place(node, node->line, node->column, err);
    return code;
}

tn_status tn_yaml_fail(const struct tn_yaml_node *node, struct tn_error *err, const char *fmt, ...)
{
    char text[TN_ERROR_MSG_SIZE];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    tn_error_set(err, TN_E_INVALID, "%s", text);
    prefix_place(node, node->line, node->column, err);
    return TN_E_INVALID;
}

tn_status tn_yaml_fail_key(const struct tn_yaml_node *node, struct tn_error *err, const char *fmt,
                           ...)
{
    char text[TN_ERROR_MSG_SIZE];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    tn_error_set(err, TN_E_INVALID, "%s", text);
    prefix_place(node, node->key_line, node->key_column, err);
    return TN_E_INVALID;
}
