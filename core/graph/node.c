/* tn_graph_op: checks an application of an operator against its schema, finds the outputs' types,
 * appends the node. */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/nearest.h"
#include "graph/build.h"

static const struct tn_op *find_op(struct tn_graph *graph, const char *name)
{
    const struct tn_op *op = tn_op_find(name);
    if (op)
        return op;
    struct tn_nearest nearest = TN_NEAREST_INIT(name);
    for (size_t i = 0; i < tn_op_count(); i++)
        tn_nearest_offer(&nearest, tn_op_at(i)->name);
    char hint[128];
    tn_graph_fail(graph, TN_E_INVALID, "there is no operator '%s'%s%s", name,
                  tn_nearest_hint(&nearest, hint, sizeof hint),
                  strchr(name, '.') ? "; the plugin that adds it has not been loaded" : "");
    return NULL;
}

static const char *input_name(const struct tn_op *op, uint32_t i)
{
    uint32_t n_named = op->max_in > TN_OP_MAX_FIXED ? 1 : op->max_in;
    return op->in_names && n_named ? op->in_names[TN_MIN(i, n_named - 1)] : "?";
}

static int is_optional(const struct tn_op *op, uint32_t i)
{
    const char *name = input_name(op, i);
    return i >= op->min_in || name[strlen(name) - 1] == '?';
}

/* Fills node->in; 0 and the graph failed when the inputs do not fit the schema. */
static int take_inputs(struct tn_graph *graph, struct tn_graph_node *node, const tn_value *in,
                       size_t n_in)
{
    const struct tn_op *op = node->op;
    if (n_in < op->min_in || n_in > op->max_in) {
        char range[32];
        if (op->min_in == op->max_in)
            snprintf(range, sizeof range, "%u", op->min_in);
        else
            snprintf(range, sizeof range, "%u to %u", op->min_in, op->max_in);
        tn_graph_fail(graph, TN_E_INVALID, "op '%s' (%s): takes %s inputs, got %zu", op->name,
                      node->label, range, n_in);
        return 0;
    }
    node->n_in = op->max_in > TN_OP_MAX_FIXED ? (uint32_t)n_in : op->max_in;
    node->in = TN_ARENA_NEW(&graph->arena, tn_value, node->n_in);
    if (!node->in) {
        tn_graph_out_of_memory(graph);
        return 0;
    }
    for (uint32_t i = 0; i < node->n_in; i++) {
        node->in[i] = i < n_in ? in[i] : TN_NONE;
        if (node->in[i] == TN_NONE && !is_optional(op, i)) {
            tn_graph_fail(graph, TN_E_INVALID, "op '%s' (%s): input %u ('%s') is missing", op->name,
                          node->label, i, input_name(op, i));
            return 0;
        }
        if (node->in[i] != TN_NONE && node->in[i] >= graph->values.n) {
            tn_graph_fail(graph, TN_E_INVALID,
                          "op '%s' (%s): input %u ('%s') is no value of graph '%s'", op->name,
                          node->label, i, input_name(op, i), graph->name);
            return 0;
        }
    }
    return 1;
}

static const char *type_name(tn_attr_type type)
{
    switch (type) {
    case TN_ATTR_INT:
        return "an int";
    case TN_ATTR_FLOAT:
        return "a float";
    case TN_ATTR_STRING:
        return "a string";
    case TN_ATTR_INTS:
        return "a list of ints";
    }
    return "of no known type";
}

/* Every attribute given is in the schema, of its type, and given once. */
static int check_attrs(struct tn_graph *graph, const struct tn_graph_node *node,
                       const struct tn_attr *attr, size_t n_attr)
{
    const struct tn_op *op = node->op;
    for (size_t i = 0; i < n_attr; i++) {
        const struct tn_attr_schema *schema = NULL;
        struct tn_nearest nearest = TN_NEAREST_INIT(attr[i].name);
        for (uint32_t k = 0; k < op->n_attrs; k++) {
            tn_nearest_offer(&nearest, op->attrs[k].name);
            if (strcmp(op->attrs[k].name, attr[i].name) == 0)
                schema = &op->attrs[k];
        }
        if (!schema) {
            char hint[128];
            tn_graph_fail(graph, TN_E_INVALID, "op '%s' (%s): has no attribute '%s'%s", op->name,
                          node->label, attr[i].name, tn_nearest_hint(&nearest, hint, sizeof hint));
            return 0;
        }
        if (schema->type != attr[i].type || (attr[i].type == TN_ATTR_STRING && !attr[i].u.s)) {
            tn_graph_fail(graph, TN_E_INVALID, "op '%s' (%s): attribute '%s' is %s, got %s",
                          op->name, node->label, attr[i].name, type_name(schema->type),
                          attr[i].type == schema->type ? "NULL" : type_name(attr[i].type));
            return 0;
        }
        for (size_t k = 0; k < i; k++)
            if (strcmp(attr[k].name, attr[i].name) == 0) {
                tn_graph_fail(graph, TN_E_INVALID, "op '%s' (%s): attribute '%s' is given twice",
                              op->name, node->label, attr[i].name);
                return 0;
            }
    }
    return 1;
}

/* A symbolic dim in an attribute must be one of this graph. */
static int check_symbols(struct tn_graph *graph, const struct tn_graph_node *node,
                         const struct tn_attr *attr)
{
    uint32_t n = attr->type == TN_ATTR_INT ? 1 : attr->type == TN_ATTR_INTS ? attr->count : 0;
    const int64_t *ints = attr->type == TN_ATTR_INT ? &attr->u.i : attr->u.ints;
    for (uint32_t i = 0; i < n; i++)
        if (tn_dim_is_symbolic(ints[i]) && !tn_dim_is_valid(graph, ints[i])) {
            tn_graph_fail(graph, TN_E_INVALID,
                          "op '%s' (%s): attribute '%s' holds a symbolic dim of another graph",
                          node->op->name, node->label, attr->name);
            return 0;
        }
    return 1;
}

/* Deep copy, so that the caller's arrays and strings need not live on. */
static int copy_attr(struct tn_graph *graph, const struct tn_attr_schema *schema,
                     const struct tn_attr *from, struct tn_attr *out)
{
    *out = *from;
    out->name = schema->name;
    out->type = schema->type;
    if (schema->type == TN_ATTR_STRING) {
        out->u.s = tn_arena_strdup(&graph->arena, from->u.s ? from->u.s : "");
        return out->u.s != NULL;
    }
    if (schema->type == TN_ATTR_INTS) {
        out->u.ints = tn_arena_dup(&graph->arena, from->u.ints, from->count * sizeof(int64_t));
        return out->u.ints != NULL;
    }
    out->count = 0;
    return 1;
}

/* Fills node->attrs in the schema's order, with defaults where the user gave none. */
static int take_attrs(struct tn_graph *graph, struct tn_graph_node *node,
                      const struct tn_attr *attr, size_t n_attr)
{
    const struct tn_op *op = node->op;
    if (!check_attrs(graph, node, attr, n_attr))
        return 0;
    struct tn_attr *list = TN_ARENA_NEW(&graph->arena, struct tn_attr, op->n_attrs);
    if (!list) {
        tn_graph_out_of_memory(graph);
        return 0;
    }
    for (uint32_t k = 0; k < op->n_attrs; k++) {
        const struct tn_attr *from = &op->attrs[k].dflt;
        int given = 0;
        for (size_t i = 0; i < n_attr; i++)
            if (strcmp(attr[i].name, op->attrs[k].name) == 0) {
                from = &attr[i];
                given = 1;
            }
        if (!given && op->attrs[k].required) {
            tn_graph_fail(graph, TN_E_INVALID, "op '%s' (%s): attribute '%s' (%s) is required",
                          op->name, node->label, op->attrs[k].name, type_name(op->attrs[k].type));
            return 0;
        }
        if (!copy_attr(graph, &op->attrs[k], from, &list[k])) {
            tn_graph_out_of_memory(graph);
            return 0;
        }
        if (!check_symbols(graph, node, &list[k]))
            return 0;
    }
    node->attrs = (struct tn_attrs){.list = list, .n = op->n_attrs};
    return 1;
}

/* Runs the shape rule under one trial binding. */
static int infer_trial(struct tn_graph *graph, const struct tn_graph_node *node, uint32_t trial,
                       struct tn_type *out)
{
    struct tn_error err = {0};
    struct tn_attrs attrs = {0};
    struct tn_type *types = TN_ARENA_NEW(&graph->arena, struct tn_type, node->n_in);
    const struct tn_type **in = TN_ARENA_NEW(&graph->arena, const struct tn_type *, node->n_in);
    if (!types || !in) {
        tn_graph_out_of_memory(graph);
        return 0;
    }
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (node->in[i] == TN_NONE)
            continue;
        const struct tn_graph_value *v = &graph->values.items[node->in[i]];
        types[i] = (struct tn_type){.dtype = v->dtype, .shape = v->trial[trial]};
        in[i] = &types[i];
    }
    tn_status status =
        tn_attrs_bind(graph, &node->attrs, tn_trial_symbols(trial), &graph->arena, &attrs);
    if (status != TN_OK) {
        tn_graph_fail(graph, status, "op '%s' (%s): an attribute is too large", node->op->name,
                      node->label);
        return 0;
    }
    status = tn_node_infer(node->op, node->label, &attrs, node->n_in, in, out, &err);
    if (status != TN_OK) {
        tn_dim_explain(graph, trial, err.msg, sizeof err.msg);
        tn_graph_fail(graph, status, "%s", err.msg);
    }
    return status == TN_OK;
}

/* One output's type from what the rule said under both trials. */
static int deduce_output(struct tn_graph *graph, const struct tn_graph_node *node, uint32_t output,
                         struct tn_type trial[TN_N_TRIALS][TN_OP_MAX_OUT],
                         struct tn_graph_value *out)
{
    const struct tn_type *t0 = &trial[0][output], *t1 = &trial[1][output];
    if (t0->dtype != t1->dtype || t0->shape.rank != t1->shape.rank) {
        tn_graph_fail(graph, TN_E_INVALID,
                      "op '%s' (%s): the rank or dtype of output %u depends on a symbolic dim",
                      node->op->name, node->label, output);
        return 0;
    }
    *out = (struct tn_graph_value){.kind = TN_VALUE_COMPUTED,
                                   .node = (uint32_t)graph->nodes.n,
                                   .output = output,
                                   .dtype = t0->dtype,
                                   .shape = {.rank = t0->shape.rank},
                                   .trial = {t0->shape, t1->shape},
                                   .grad_of = TN_NONE};
    for (uint32_t i = 0; i < t0->shape.rank; i++) {
        int64_t dim[TN_N_TRIALS] = {t0->shape.dim[i], t1->shape.dim[i]};
        tn_status status = tn_dim_deduce(graph, dim, &out->shape.dim[i]);
        if (status == TN_OK)
            continue;
        tn_graph_fail(
            graph, status,
            "op '%s' (%s): axis %u of output %u ('%s') is not a constant times a product of "
            "symbols; make the symbolic dim it comes from a number",
            node->op->name, node->label, i, output,
            node->op->out_names ? node->op->out_names[output] : "?");
        return 0;
    }
    return 1;
}

/* Appends the node and its outputs, whose types both trials have given. */
static int append_node(struct tn_graph *graph, struct tn_graph_node *node,
                       const struct tn_graph_value *outputs)
{
    if (!TN_VEC_GROW(&graph->nodes)) {
        tn_graph_out_of_memory(graph);
        return 0;
    }
    for (uint32_t i = 0; i < node->n_out; i++) {
        node->out[i] = tn_graph_add_value(graph, &outputs[i]);
        if (node->out[i] == TN_NONE)
            return 0;
    }
    graph->nodes.items[graph->nodes.n++] = *node;
    return 1;
}

void tn_graph_op(tn_graph *graph, const char *name, const tn_value *in, size_t n_in,
                 const struct tn_attr *attr, size_t n_attr, tn_value *out, size_t n_out)
{
    for (size_t i = 0; i < n_out; i++)
        out[i] = TN_NONE;
    if (graph->status != TN_OK)
        return;
    const struct tn_op *op = find_op(graph, name);
    if (!op)
        return;
    struct tn_graph_node node = {.op = op, .phase = graph->phase, .n_out = op->n_out};
    node.label = tn_graph_label(graph, op->name);
    node.out = TN_ARENA_NEW(&graph->arena, tn_value, op->n_out);
    if (!node.label || !node.out) {
        tn_graph_out_of_memory(graph);
        return;
    }
    if (n_out > op->n_out) {
        tn_graph_fail(graph, TN_E_INVALID, "op '%s' (%s): has %u outputs, not %zu", op->name,
                      node.label, op->n_out, n_out);
        return;
    }
    struct tn_type trial[TN_N_TRIALS][TN_OP_MAX_OUT];
    struct tn_graph_value outputs[TN_OP_MAX_OUT];
    if (!take_inputs(graph, &node, in, n_in) || !take_attrs(graph, &node, attr, n_attr))
        return;
    for (uint32_t t = 0; t < TN_N_TRIALS; t++)
        if (!infer_trial(graph, &node, t, trial[t]))
            return;
    for (uint32_t i = 0; i < op->n_out; i++)
        if (!deduce_output(graph, &node, i, trial, &outputs[i]))
            return;
    if (!append_node(graph, &node, outputs))
        return;
    for (size_t i = 0; i < n_out; i++)
        out[i] = node.out[i];
}
