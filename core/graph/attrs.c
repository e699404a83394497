/* Reading a node's attributes, and binding the symbolic dims in them. */
#include <assert.h>
#include <string.h>

#include "graph/build.h"

static const struct tn_attr *find(const struct tn_attrs *attrs, const char *name, tn_attr_type type)
{
    static const struct tn_attr missing = {.name = ""};
    for (uint32_t i = 0; i < attrs->n; i++)
        if (strcmp(attrs->list[i].name, name) == 0) {
            assert(attrs->list[i].type == type);
            return &attrs->list[i];
        }
    assert(!"the schema has no such attribute");
    return &missing;
}

int64_t tn_attrs_int(const struct tn_attrs *attrs, const char *name)
{
    return find(attrs, name, TN_ATTR_INT)->u.i;
}

double tn_attrs_float(const struct tn_attrs *attrs, const char *name)
{
    return find(attrs, name, TN_ATTR_FLOAT)->u.f;
}

const char *tn_attrs_string(const struct tn_attrs *attrs, const char *name)
{
    const char *text = find(attrs, name, TN_ATTR_STRING)->u.s;
    return text ? text : "";
}

const int64_t *tn_attrs_ints(const struct tn_attrs *attrs, const char *name, uint32_t *out_count)
{
    const struct tn_attr *attr = find(attrs, name, TN_ATTR_INTS);
    *out_count = attr->count;
    return attr->u.ints;
}

static int holds_symbol(const struct tn_attr *attr)
{
    if (attr->type == TN_ATTR_INT)
        return tn_dim_is_symbolic(attr->u.i);
    for (uint32_t i = 0; attr->type == TN_ATTR_INTS && i < attr->count; i++)
        if (tn_dim_is_symbolic(attr->u.ints[i]))
            return 1;
    return 0;
}

static tn_status bind_ints(const struct tn_graph *graph, const struct tn_symbol_values *bound,
                           struct tn_arena *arena, struct tn_attr *attr)
{
    int64_t *ints = TN_ARENA_NEW(arena, int64_t, attr->count);
    if (!ints)
        return TN_E_OOM;
    for (uint32_t i = 0; i < attr->count; i++) {
        ints[i] = tn_dim_bind(graph, attr->u.ints[i], bound);
        if (tn_dim_is_symbolic(attr->u.ints[i]) && ints[i] < 0)
            return TN_E_INVALID;
    }
    attr->u.ints = ints;
    return TN_OK;
}

tn_status tn_attrs_bind(const struct tn_graph *graph, const struct tn_attrs *attrs,
                        const struct tn_symbol_values *bound, struct tn_arena *arena,
                        struct tn_attrs *out_attrs)
{
    struct tn_attr *list = NULL;
    for (uint32_t i = 0; i < attrs->n; i++) {
        if (!holds_symbol(&attrs->list[i]))
            continue;
        if (!list) {
            list = tn_arena_dup(arena, attrs->list, attrs->n * sizeof *list);
            if (!list)
                return TN_E_OOM;
        }
        if (list[i].type == TN_ATTR_INTS) {
            tn_status status = bind_ints(graph, bound, arena, &list[i]);
            if (status != TN_OK)
                return status;
        } else {
            list[i].u.i = tn_dim_bind(graph, list[i].u.i, bound);
            if (list[i].u.i < 0)
                return TN_E_INVALID;
        }
    }
    *out_attrs = list ? (struct tn_attrs){.list = list, .n = attrs->n} : *attrs;
    return TN_OK;
}
