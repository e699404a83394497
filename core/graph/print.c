/* A graph as text for people, and as DOT for Graphviz. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/build.h"

static void print_type(FILE *to, const struct tn_graph *graph, tn_value v)
{
    char shape[512];
    const struct tn_graph_value *value = &graph->values.items[v];
    fprintf(to, "%s %s", tn_dtype_name(value->dtype),
            tn_graph_shape_format(graph, &value->shape, shape, sizeof shape));
}

static void print_attr(FILE *to, const struct tn_graph *graph, const struct tn_attr *attr)
{
    char dim[128];
    fprintf(to, "%s=", attr->name);
    switch (attr->type) {
    case TN_ATTR_INT:
        fputs(tn_graph_dim_format(graph, attr->u.i, dim, sizeof dim), to);
        break;
    case TN_ATTR_FLOAT:
        fprintf(to, "%.9g", attr->u.f);
        break;
    case TN_ATTR_STRING:
        fprintf(to, "%s", attr->u.s);
        break;
    case TN_ATTR_INTS:
        fputc('[', to);
        for (uint32_t i = 0; i < attr->count; i++)
            fprintf(to, "%s%s", i ? "," : "",
                    tn_graph_dim_format(graph, attr->u.ints[i], dim, sizeof dim));
        fputc(']', to);
        break;
    }
}

static void print_value_id(FILE *to, tn_value v)
{
    if (v == TN_NONE)
        fputc('-', to);
    else
        fprintf(to, "%%%" PRIu32, v);
}

/* "%7, %8 = split(%5) axis=-1 : f32 [batch, 5], f32 [batch, 5]  ; label"; absent inputs are "-",
 * those at the end are left out. */
static void print_node(FILE *to, const struct tn_graph *graph, const struct tn_graph_node *node)
{
    fputs("  ", to);
    for (uint32_t i = 0; i < node->n_out; i++) {
        fputs(i ? ", " : "", to);
        print_value_id(to, node->out[i]);
    }
    fprintf(to, " = %s(", node->op->name);
    uint32_t n_in = node->n_in;
    while (n_in && node->in[n_in - 1] == TN_NONE)
        n_in--;
    for (uint32_t i = 0; i < n_in; i++) {
        fputs(i ? ", " : "", to);
        print_value_id(to, node->in[i]);
    }
    fputc(')', to);
    for (uint32_t i = 0; i < node->attrs.n; i++) {
        fputc(' ', to);
        print_attr(to, graph, &node->attrs.list[i]);
    }
    for (uint32_t i = 0; i < node->n_out; i++) {
        fputs(i ? ", " : " : ", to);
        print_type(to, graph, node->out[i]);
    }
    fprintf(to, "  ; %s\n", node->label);
}

static void print_leaves(FILE *to, const struct tn_graph *graph)
{
    for (size_t i = 0; i < graph->inputs.n; i++) {
        fprintf(to, "  %%%" PRIu32 " = input '%s' : ", graph->inputs.items[i].value,
                graph->inputs.items[i].name);
        print_type(to, graph, graph->inputs.items[i].value);
        fputc('\n', to);
    }
    for (size_t i = 0; i < graph->states.n; i++) {
        fprintf(to, "  %%%" PRIu32 " = state '%s' : ", graph->states.items[i].value,
                graph->states.items[i].params.name);
        print_type(to, graph, graph->states.items[i].value);
        fputc('\n', to);
    }
    for (size_t v = 0; v < graph->values.n; v++) {
        const struct tn_graph_value *value = &graph->values.items[v];
        if (value->kind != TN_VALUE_CONST)
            continue;
        fprintf(to, "  %%%zu = const", v);
        if (value->shape.rank == 0)
            fprintf(to, " %.9g", tn_tensor_get(graph->consts.items[value->index], NULL));
        fputs(" : ", to);
        print_type(to, graph, (tn_value)v);
        fputc('\n', to);
    }
}

static void print_text(FILE *to, const struct tn_graph *graph)
{
    fprintf(to, "graph '%s'", graph->name);
    for (uint32_t s = 0; s < graph->n_symbols; s++)
        fprintf(to, "%s%s", s ? ", " : " over ", graph->symbols[s]);
    fputc('\n', to);
    print_leaves(to, graph);
    for (size_t n = 0; n < graph->nodes.n; n++)
        print_node(to, graph, &graph->nodes.items[n]);
    for (size_t i = 0; i < graph->states.n; i++)
        if (graph->states.items[i].assigned != TN_NONE)
            fprintf(to, "  assign '%s' = %%%" PRIu32 "\n", graph->states.items[i].params.name,
                    graph->states.items[i].assigned);
    for (size_t i = 0; i < graph->outputs.n; i++)
        fprintf(to, "  output '%s' = %%%" PRIu32 "\n", graph->outputs.items[i].name,
                graph->outputs.items[i].value);
}

/* A string inside DOT's double quotes. */
static void print_escaped(FILE *to, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', to);
        fputc(*text, to);
    }
}

/* DOT's name of whoever makes the value: a node, or the leaf itself. */
static void print_source(FILE *to, const struct tn_graph *graph, tn_value v)
{
    const struct tn_graph_value *value = &graph->values.items[v];
    if (value->kind == TN_VALUE_COMPUTED)
        fprintf(to, "n%" PRIu32, value->node);
    else
        fprintf(to, "v%" PRIu32, v);
}

static void print_dot_leaf(FILE *to, const struct tn_graph *graph, tn_value v, const char *name,
                           const char *color)
{
    char shape[512];
    const struct tn_graph_value *value = &graph->values.items[v];
    fprintf(to, "  v%" PRIu32 " [shape=ellipse, style=filled, fillcolor=%s, label=\"", v, color);
    print_escaped(to, name);
    fprintf(to, "\\n%s ", tn_dtype_name(value->dtype));
    print_escaped(to, tn_graph_shape_format(graph, &value->shape, shape, sizeof shape));
    fputs("\"];\n", to);
}

static void print_dot_edges(FILE *to, const struct tn_graph *graph, size_t n)
{
    const struct tn_graph_node *node = &graph->nodes.items[n];
    for (uint32_t i = 0; i < node->n_in; i++) {
        char shape[512];
        if (node->in[i] == TN_NONE)
            continue;
        fputs("  ", to);
        print_source(to, graph, node->in[i]);
        fprintf(to, " -> n%zu [label=\"", n);
        print_escaped(to, tn_graph_shape_format(graph, &graph->values.items[node->in[i]].shape,
                                                shape, sizeof shape));
        fputs("\"];\n", to);
    }
}

static void print_dot(FILE *to, const struct tn_graph *graph)
{
    static const char *const phase_color[] = {"white", "mistyrose", "honeydew"};
    fputs("digraph \"", to);
    print_escaped(to, graph->name);
    fputs("\" {\n  node [shape=box, style=filled, fontname=\"sans\"];\n", to);
    for (size_t v = 0; v < graph->values.n; v++) {
        const struct tn_graph_value *value = &graph->values.items[v];
        if (value->kind == TN_VALUE_INPUT)
            print_dot_leaf(to, graph, (tn_value)v, graph->inputs.items[value->index].name,
                           "lightblue");
        else if (value->kind == TN_VALUE_STATE)
            print_dot_leaf(to, graph, (tn_value)v, graph->states.items[value->index].params.name,
                           "khaki");
        else if (value->kind == TN_VALUE_CONST)
            print_dot_leaf(to, graph, (tn_value)v, "const", "lightgrey");
    }
    for (size_t n = 0; n < graph->nodes.n; n++) {
        const struct tn_graph_node *node = &graph->nodes.items[n];
        fprintf(to, "  n%zu [fillcolor=%s, label=\"%s\\n", n, phase_color[node->phase % 3],
                node->op->name);
        print_escaped(to, node->label);
        fputs("\"];\n", to);
        print_dot_edges(to, graph, n);
    }
    for (size_t i = 0; i < graph->outputs.n; i++) {
        fprintf(to, "  o%zu [shape=ellipse, fillcolor=palegreen, label=\"", i);
        print_escaped(to, graph->outputs.items[i].name);
        fputs("\"];\n  ", to);
        print_source(to, graph, graph->outputs.items[i].value);
        fprintf(to, " -> o%zu;\n", i);
    }
    fputs("}\n", to);
}

tn_status tn_graph_print(const tn_graph *graph, int as_dot, char **out_text, struct tn_error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return tn_error_set(err, TN_E_OOM, "no memory to print graph '%s'", graph->name);
    if (as_dot)
        print_dot(to, graph);
    else
        print_text(to, graph);
    int failed = ferror(to);
    if (fclose(to) != 0 || failed) {
        free(text);
        return tn_error_set(err, TN_E_OOM, "no memory to print graph '%s'", graph->name);
    }
    *out_text = text;
    return TN_OK;
}
