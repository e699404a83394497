/* Overrides: "optimizer.lr=0.01". The path goes through mappings by key and lists by index; the
 * mappings that are missing on the way come into being, and the check says if they may be there. */
#include <stdlib.h>
#include <string.h>

#include "recipe/recipe.h"

struct path {
    struct tn_arena *arena;
    const char *origin; /* "override 'optimizer.lr=0.01'" */
    char *rest;         /* what is left of the path, cut up on the way */
    struct tn_yaml_node *at;
    char *at_name; /* where `at` is, for messages */
    struct tn_error *err;
};

static tn_status no_memory(struct tn_error *err)
{
    return tn_error_set(err, TN_E_OOM, "no memory left for a recipe");
}

static char *next_part(struct path *p)
{
    char *part = p->rest, *dot = strchr(part, '.');
    if (dot)
        *dot = '\0';
    p->rest = dot ? dot + 1 : NULL;
    return part;
}

static tn_status step_into_list(struct path *p, const char *part, struct tn_yaml_node **out_node)
{
    char *end;
    unsigned long index = strtoul(part, &end, 10);
    if (part[0] < '0' || part[0] > '9' || *end)
        return tn_error_set(p->err, TN_E_INVALID,
                            "%s: '%s' is a list; an index from 0 to %zu goes here, not '%s'",
                            p->origin, p->at_name, p->at->n ? p->at->n - 1 : 0, part);
    if (index >= p->at->n)
        return tn_error_set(p->err, TN_E_INVALID,
                            "%s: '%s' has %zu entr%s, counted from 0; there is no %s", p->origin,
                            p->at_name, p->at->n, p->at->n == 1 ? "y" : "ies", part);
    *out_node = tn_yaml_at(p->at, index);
    return TN_OK;
}

/* The child under the name; a missing one is made, empty. */
static tn_status step_into_map(struct path *p, const char *part, struct tn_yaml_node **out_node)
{
    struct tn_yaml_node *child = tn_yaml_find(p->at, part);
    if (!child) {
        if (p->at->n >= TN_YAML_MAX_KEYS)
            return tn_error_set(p->err, TN_E_INVALID, "%s: too many keys", p->origin);
        child = TN_ARENA_NEW(p->arena, struct tn_yaml_node, 1);
        if (!child)
            return no_memory(p->err);
        child->kind = TN_YAML_MAP;
        child->origin = p->origin;
        child->key = part;
        tn_yaml_append(p->at, child);
    }
    *out_node = child;
    return TN_OK;
}

static tn_status step(struct path *p)
{
    const char *part = next_part(p);
    struct tn_yaml_node *node = NULL;
    tn_status status;
    if (!*part)
        return tn_error_set(p->err, TN_E_INVALID, "%s: an empty name in the path", p->origin);
    if (p->at->kind == TN_YAML_MAP)
        status = step_into_map(p, part, &node);
    else if (p->at->kind == TN_YAML_LIST)
        status = step_into_list(p, part, &node);
    else
        status = tn_error_set(p->err, TN_E_INVALID,
                              "%s: '%s' is neither a mapping nor a list; '%s' cannot be in it",
                              p->origin, p->at_name, part);
    if (status)
        return status;
    p->at_name = *p->at_name ? tn_arena_printf(p->arena, "%s.%s", p->at_name, part)
                             : tn_arena_strdup(p->arena, part);
    p->at = node;
    return p->at_name ? TN_OK : no_memory(p->err);
}

tn_status tn_recipe_override(struct tn_arena *arena, struct tn_yaml_node *root, const char *text,
                             struct tn_error *err)
{
    const char *equals = strchr(text, '=');
    size_t n_text = strlen(text);
    struct tn_yaml_node *value = NULL;
    if (!equals || equals == text)
        return tn_error_set(err, TN_E_INVALID, "override '%s': write KEY=VALUE", text);
    if (n_text > 65536)
        return tn_error_set(err, TN_E_INVALID, "override '%.60s...': too long", text);
    struct path p = {.arena = arena,
                     .origin = tn_arena_printf(arena, "override '%s'", text),
                     .rest = tn_arena_strdup(arena, text),
                     .at = root,
                     .at_name = tn_arena_strdup(arena, ""),
                     .err = err};
    if (!p.origin || !p.rest || !p.at_name)
        return no_memory(err);
    p.rest[equals - text] = '\0';
    struct tn_yaml_source source = {
        .origin = p.origin, .text = equals + 1, .n_bytes = strlen(equals + 1)};
    tn_status status = tn_yaml_parse(arena, &source, &value, err);
    size_t depth = 0;
    while (!status && p.rest) {
        if (++depth > TN_YAML_MAX_DEPTH)
            return tn_error_set(err, TN_E_INVALID, "override '%.60s...': nested too deeply", text);
        status = step(&p);
    }
    if (status)
        return status;
    tn_yaml_replace(p.at, value);
    return TN_OK;
}
