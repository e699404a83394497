#include "evaluate.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "graph/eval.h"

static void run_node(const tn_graph *graph, size_t n, const struct tn_type *types,
                     const struct tn_attrs *attrs, tn_tensor **values)
{
    const struct tn_graph_node *node = &graph->nodes.items[n];
    const tn_tensor *in[TN_OP_MAX_FIXED] = {NULL};
    struct tn_type out_types[TN_OP_MAX_OUT];
    tn_tensor *out[TN_OP_MAX_OUT] = {NULL};
    struct tn_error err = {0};
    cr_assert_leq(node->n_in, (uint32_t)TN_OP_MAX_FIXED);
    for (uint32_t i = 0; i < node->n_in; i++)
        if (node->in[i] != TN_NONE) {
            in[i] = values[node->in[i]];
            cr_assert_not_null(in[i], "%s: input %u was not fed", node->label, i);
        }
    for (uint32_t i = 0; i < node->n_out; i++)
        out_types[i] = types[node->out[i]];
    tn_status status = tn_op_evaluate(node->op, attrs, node->n_in, in, out_types, out, &err);
    cr_assert_eq(status, TN_OK, "%s", err.msg);
    for (uint32_t i = 0; i < node->n_out; i++)
        values[node->out[i]] = out[i];
}

void evaluate(const tn_graph *graph, const struct tn_binding *bindings, size_t n_bindings,
              const struct feed *feeds, size_t n_feeds, const tn_value *want, size_t n_want,
              tn_tensor **out)
{
    struct tn_symbol_values bound;
    struct tn_arena arena;
    struct tn_type *types = NULL;
    struct tn_attrs *attrs = NULL;
    struct tn_error err = {0};
    tn_arena_init(&arena);
    cr_assert_eq(tn_graph_resolve(graph, bindings, n_bindings, &bound, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_graph_bind(graph, &bound, &arena, &types, &attrs, &err), TN_OK, "%s", err.msg);
    tn_tensor **values = calloc(graph->values.n + 1, sizeof *values);
    for (size_t i = 0; i < n_feeds; i++) {
        cr_assert(tn_shape_equal(tn_tensor_shape(feeds[i].tensor), &types[feeds[i].value].shape));
        tn_status status = tn_tensor_convert(feeds[i].tensor, types[feeds[i].value].dtype,
                                             &values[feeds[i].value], &err);
        cr_assert_eq(status, TN_OK, "%s", err.msg);
    }
    for (size_t v = 0; v < graph->values.n; v++)
        if (graph->values.items[v].kind == TN_VALUE_CONST)
            values[v] = tn_tensor_ref(graph->consts.items[graph->values.items[v].index]);
    for (size_t n = 0; n < graph->nodes.n; n++)
        run_node(graph, n, types, &attrs[n], values);
    for (size_t i = 0; i < n_want; i++)
        out[i] = tn_tensor_ref(values[want[i]]);
    for (size_t v = 0; v < graph->values.n; v++)
        tn_tensor_unref(&values[v]);
    free(values);
    tn_arena_finish(&arena);
}

tn_tensor *uneven(struct tn_shape shape, int salt)
{
    tn_tensor *t = NULL;
    cr_assert_eq(tn_tensor_create(TN_F64, &shape, &t, NULL), TN_OK);
    double *x = tn_tensor_data(t);
    for (int64_t i = 0; i < tn_tensor_count(t); i++)
        x[i] = sin(1.7 * (double)i + 0.9 * salt) + 0.05 * salt;
    return t;
}

double total(const tn_tensor *tensor)
{
    tn_tensor *flat = NULL;
    cr_assert_eq(tn_tensor_convert(tensor, TN_F64, &flat, NULL), TN_OK);
    const double *x = tn_tensor_const_data(flat);
    double sum = 0;
    for (int64_t i = 0; i < tn_tensor_count(flat); i++)
        sum += x[i];
    tn_tensor_unref(&flat);
    return sum;
}

void check_gradient(const tn_graph *graph, const struct tn_binding *bindings, size_t n_bindings,
                    struct feed *feeds, size_t n_feeds, size_t which, tn_value y, tn_value grad)
{
    const double h = 1e-5;
    tn_tensor *analytic = NULL, *moved = NULL;
    evaluate(graph, bindings, n_bindings, feeds, n_feeds, &grad, 1, &analytic);
    const tn_tensor *at = feeds[which].tensor;
    cr_assert(tn_shape_equal(tn_tensor_shape(analytic), tn_tensor_shape(at)));
    cr_assert_eq(tn_tensor_convert(at, TN_F64, &moved, NULL), TN_OK);
    feeds[which].tensor = moved;
    const double *g = tn_tensor_const_data(analytic);
    double *x = tn_tensor_data(moved);
    for (int64_t i = 0; i < tn_tensor_count(moved); i++) {
        double side[2], kept = x[i];
        for (int s = 0; s < 2; s++) {
            tn_tensor *value = NULL;
            x[i] = kept + (s ? h : -h);
            evaluate(graph, bindings, n_bindings, feeds, n_feeds, &y, 1, &value);
            side[s] = total(value);
            tn_tensor_unref(&value);
        }
        x[i] = kept;
        double numeric = (side[1] - side[0]) / (2 * h);
        cr_assert_float_eq(g[i], numeric, 1e-7 * (1 + fabs(numeric)),
                           "element %d: the graph says %.10g, differences %.10g", (int)i, g[i],
                           numeric);
    }
    feeds[which].tensor = at;
    tn_tensor_unref(&moved);
    tn_tensor_unref(&analytic);
}
