/* Scopes and the unique labels of nodes. */
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "graph/build.h"

static const char *current_path(const struct tn_graph *graph)
{
    return graph->scopes.n ? graph->scopes.items[graph->scopes.n - 1] : "";
}

void tn_graph_push_path(struct tn_graph *graph, const char *path)
{
    char *copy = tn_arena_strdup(&graph->arena, path);
    if (!copy || !TN_VEC_GROW(&graph->scopes)) {
        tn_graph_out_of_memory(graph);
        return;
    }
    graph->scopes.items[graph->scopes.n++] = copy;
}

void tn_graph_push_scope(tn_graph *graph, const char *name)
{
    const char *path = current_path(graph);
    char *joined = tn_arena_printf(&graph->arena, "%s%s%s", path, path[0] ? "/" : "", name);
    if (!joined)
        tn_graph_out_of_memory(graph);
    else
        tn_graph_push_path(graph, joined);
}

void tn_graph_pop_scope(tn_graph *graph)
{
    if (graph->scopes.n > 0)
        graph->scopes.n--;
    else
        tn_graph_fail(graph, TN_E_INVALID, "tn_graph_pop_scope without a scope that is open");
}

/* The place of `text` in the table, or the free place where it belongs. The table has room. */
static struct tn_label *find(struct tn_graph *graph, const char *text)
{
    size_t mask = graph->labels.cap - 1;
    for (size_t i = (size_t)tn_hash_string(text) & mask;; i = (i + 1) & mask) {
        struct tn_label *place = &graph->labels.items[i];
        if (!place->text || strcmp(place->text, text) == 0)
            return place;
    }
}

/* Keeps the table at most half full. */
static int make_room(struct tn_graph *graph)
{
    if (graph->labels.n * 2 < graph->labels.cap)
        return 1;
    size_t old_cap = graph->labels.cap, cap = old_cap ? old_cap * 2 : 64;
    struct tn_label *old = graph->labels.items, *grown = calloc(cap, sizeof *grown);
    if (!grown)
        return 0;
    graph->labels.items = grown;
    graph->labels.cap = cap;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].text)
            *find(graph, old[i].text) = old[i];
    free(old);
    return 1;
}

const char *tn_graph_label(struct tn_graph *graph, const char *name)
{
    const char *path = current_path(graph);
    char *base = tn_arena_printf(&graph->arena, "%s%s%s", path, path[0] ? "/" : "", name);
    if (!base || !make_room(graph))
        return NULL;
    struct tn_label *place = find(graph, base);
    if (!place->text) {
        *place = (struct tn_label){.text = base, .n_used = 1};
        graph->labels.n++;
        return base;
    }
    for (;;) {
        char *label = tn_arena_printf(&graph->arena, "%s_%u", base, place->n_used++);
        if (!label)
            return NULL;
        struct tn_label *other = find(graph, label);
        if (other->text)
            continue; /* someone's scope or op is called so */
        *other = (struct tn_label){.text = label, .n_used = 1};
        graph->labels.n++;
        return label;
    }
}
