/* Gradients of small graphs, against central differences in double. */
#include <criterion/criterion.h>
#include <string.h>

#include "evaluate.h"
#include "tenon/backend.h"

static tn_graph *graph;
static int64_t batch;
static const struct tn_binding three[] = {{"batch", 3}};

static void begin(void)
{
    cr_assert_eq(tn_graph_create("step", &graph, NULL), TN_OK);
    batch = tn_graph_symbol(graph, "batch");
}

static void end(void)
{
    tn_graph_destroy(&graph);
}

TestSuite(autodiff, .init = begin, .fini = end);

static tn_value param(const char *name, struct tn_shape shape)
{
    return tn_graph_state(
        graph, &(struct tn_state_params){
                   .name = name, .dtype = TN_F64, .shape = shape, .role = TN_STATE_PARAM});
}

static tn_value input(const char *name, struct tn_shape shape)
{
    return tn_graph_input(graph, name, TN_F64, &shape, TN_INPUT_DATA);
}

static void check_ok(void)
{
    struct tn_error err = {0};
    cr_assert_eq(tn_graph_check(graph, &err), TN_OK, "%s", err.msg);
}

static double scalar_of(tn_value v, const struct feed *feeds, size_t n)
{
    tn_tensor *t = NULL;
    evaluate(graph, three, 1, feeds, n, &v, 1, &t);
    cr_assert_eq(tn_tensor_count(t), 1);
    double x = total(t);
    tn_tensor_unref(&t);
    return x;
}

/* x^2 * x + x at 3: the value is used four times, and its gradient is 3 x^2 + 1 = 28. */
Test(autodiff, uses_add_up)
{
    tn_value x = input("x", TN_SCALAR), g = TN_NONE;
    tn_value y = tn_add(graph, tn_mul(graph, tn_mul(graph, x, x), x), x);
    tn_graph_gradients(graph, y, &x, 1, &g);
    check_ok();
    tn_tensor *t = uneven(TN_SCALAR, 0);
    tn_tensor_set(t, NULL, 3.0);
    cr_assert_eq(scalar_of(g, &(struct feed){x, t}, 1), 28.0);
    tn_tensor_unref(&t);
}

/* tanh(x w1 + b1) w2, its mean of squares: every parameter and the input itself. */
Test(autodiff, two_layers_with_broadcast_bias)
{
    tn_value x = input("x", TN_SHAPE(batch, 4)), w1 = param("w1", TN_SHAPE(4, 5)),
             b1 = param("b1", TN_SHAPE(5)), w2 = param("w2", TN_SHAPE(2, 5));
    tn_value h = tn_op1(graph, "tanh", tn_add(graph, tn_matmul(graph, x, w1, 0, 0), b1), NULL, 0);
    tn_value z = tn_matmul(graph, h, w2, 0, 1);
    tn_value y = tn_mean(graph, tn_mul(graph, z, z), NULL, 0, 0), wrt[] = {w1, b1, w2, x}, g[4];
    tn_graph_gradients(graph, y, wrt, 4, g);
    check_ok();
    struct feed feeds[] = {{w1, uneven(TN_SHAPE(4, 5), 1)},
                           {b1, uneven(TN_SHAPE(5), 2)},
                           {w2, uneven(TN_SHAPE(2, 5), 3)},
                           {x, uneven(TN_SHAPE(3, 4), 4)}};
    for (size_t i = 0; i < 4; i++)
        check_gradient(graph, three, 1, feeds, 4, i, y, g[i]);
    for (size_t i = 0; i < 4; i++)
        tn_tensor_unref((tn_tensor **)&feeds[i].tensor);
}

/* Broadcasting on both sides, a symbolic axis kept and one summed, division, a tensor-valued y. */
Test(autodiff, broadcasting_both_ways)
{
    tn_value a = input("a", TN_SHAPE(batch, 1, 2)), b = input("b", TN_SHAPE(4, 1)),
             c = input("c", TN_SHAPE(1, batch, 1, 2));
    tn_value y = tn_div(graph, tn_mul(graph, a, b),
                        tn_add(graph, tn_mul(graph, c, c), tn_graph_scalar(graph, TN_F64, 2)));
    tn_value wrt[] = {a, b, c}, g[3];
    tn_graph_gradients(graph, y, wrt, 3, g);
    check_ok();
    struct feed feeds[] = {{a, uneven(TN_SHAPE(3, 1, 2), 1)},
                           {b, uneven(TN_SHAPE(4, 1), 2)},
                           {c, uneven(TN_SHAPE(1, 3, 1, 2), 3)}};
    for (size_t i = 0; i < 3; i++)
        check_gradient(graph, three, 1, feeds, 3, i, y, g[i]);
    for (size_t i = 0; i < 3; i++)
        tn_tensor_unref((tn_tensor **)&feeds[i].tensor);
}

/* Shapes that hang on a symbol, in attributes of backward nodes. */
Test(autodiff, through_reshape_slice_and_reductions)
{
    tn_value x = input("x", TN_SHAPE(batch, 6));
    const int64_t starts[] = {1}, ends[] = {6}, axes[] = {1}, steps[] = {2}, one[] = {0};
    const struct tn_attr attr[] = {TN_AV("starts", 1, starts), TN_AV("ends", 1, ends),
                                   TN_AV("axes", 1, axes), TN_AV("steps", 1, steps)};
    tn_value s = tn_op1(graph, "slice", x, attr, 4);
    tn_value flat = tn_reshape(graph, tn_mul(graph, s, s), &TN_SHAPE(-1));
    tn_value sum = tn_sum(graph, tn_mul(graph, x, x), one, 1, 1);
    tn_value y = tn_add(graph, tn_op1(graph, "sum", flat, NULL, 0),
                        tn_mean(graph, sum, NULL, 0, 0)),
             g;
    tn_graph_gradients(graph, y, &x, 1, &g);
    check_ok();
    struct feed feed = {x, uneven(TN_SHAPE(3, 6), 5)};
    check_gradient(graph, three, 1, &feed, 1, 0, y, g);
    tn_tensor_unref((tn_tensor **)&feed.tensor);
}

Test(autodiff, zeros_where_not_connected)
{
    tn_value x = input("x", TN_SHAPE(2)), lone = param("lone", TN_SHAPE(3)), wrt[] = {x, lone},
             g[2];
    tn_graph_gradients(graph, tn_mul(graph, x, x), wrt, 2, g);
    check_ok();
    struct feed feeds[] = {{x, uneven(TN_SHAPE(2), 1)}, {lone, uneven(TN_SHAPE(3), 2)}};
    tn_tensor *got = NULL;
    evaluate(graph, three, 1, feeds, 2, &g[1], 1, &got);
    cr_assert(tn_shape_equal(tn_tensor_shape(got), &TN_SHAPE(3)));
    for (int64_t i = 0; i < 3; i++)
        cr_assert_eq(tn_tensor_get(got, &i), 0.0);
    tn_tensor_unref(&got);
    for (size_t i = 0; i < 2; i++)
        tn_tensor_unref((tn_tensor **)&feeds[i].tensor);
}

Test(autodiff, of_itself_is_one)
{
    tn_value x = input("x", TN_SHAPE(2)), g = TN_NONE;
    tn_graph_gradients(graph, x, &x, 1, &g);
    check_ok();
    struct feed feed = {x, uneven(TN_SHAPE(2), 1)};
    check_gradient(graph, three, 1, &feed, 1, 0, x, g);
    tn_tensor_unref((tn_tensor **)&feed.tensor);
}

/* d/dx of x * stop(x) is stop(x), not 2 x. */
Test(autodiff, stop_gradient_stops)
{
    tn_value x = input("x", TN_SCALAR), g = TN_NONE;
    tn_graph_gradients(graph, tn_mul(graph, x, tn_stop_gradient(graph, x)), &x, 1, &g);
    check_ok();
    tn_tensor *t = uneven(TN_SCALAR, 0);
    tn_tensor_set(t, NULL, 5.0);
    cr_assert_eq(scalar_of(g, &(struct feed){x, t}, 1), 5.0);
    tn_tensor_unref(&t);
}

/* wrt may be inside the graph; what lies before it is not visited, so it need not be
 * differentiable. */
Test(autodiff, visits_only_what_lies_between)
{
    tn_value x = input("x", TN_SHAPE(4)), dy = input("dy", TN_SHAPE(4));
    tn_value before = tn_op2(graph, "relu_grad", x, dy, NULL, 0); /* has no gradient */
    tn_value after = tn_mul(graph, before, before), g = TN_NONE;
    tn_op2(graph, "relu_grad", after, dy, NULL, 0); /* after y: not on the way either */
    size_t n = tn_graph_node_count(graph);
    tn_graph_gradients(graph, after, &before, 1, &g);
    check_ok();
    cr_assert_eq(tn_graph_node_count(graph), n + 4, "fill, two products and their sum: got %zu",
                 tn_graph_node_count(graph) - n);
}

Test(autodiff, operator_without_gradient_is_named)
{
    tn_value x = input("x", TN_SHAPE(4)), dy = input("dy", TN_SHAPE(4)), g = 7;
    tn_graph_push_scope(graph, "odd");
    tn_value y = tn_op2(graph, "relu_grad", x, dy, NULL, 0);
    tn_graph_pop_scope(graph);
    tn_graph_gradients(graph, y, &x, 1, &g);
    struct tn_error err = {0};
    cr_assert_eq(tn_graph_check(graph, &err), TN_E_UNSUPPORTED);
    cr_assert_not_null(strstr(err.msg, "op 'relu_grad' (odd/relu_grad)"), "%s", err.msg);
    cr_assert_eq(g, TN_NONE);
}

Test(autodiff, integers_have_none)
{
    tn_value i = tn_graph_input(graph, "i", TN_I64, &TN_SHAPE(3), TN_INPUT_DATA), g = TN_NONE;
    tn_graph_gradients(graph, i, &i, 1, &g);
    struct tn_error err = {0};
    cr_assert_eq(tn_graph_check(graph, &err), TN_E_INVALID);
    cr_assert_not_null(strstr(err.msg, "i64"), "%s", err.msg);
}

Test(autodiff, backward_nodes_say_where_they_belong)
{
    tn_value x = input("x", TN_SHAPE(batch, 4)), w = param("w", TN_SHAPE(4, 4)), g = TN_NONE;
    tn_graph_push_scope(graph, "dense_1");
    tn_value y = tn_matmul(graph, x, w, 0, 0);
    tn_graph_pop_scope(graph);
    tn_graph_push_scope(graph, "outside");
    size_t n = tn_graph_node_count(graph);
    tn_graph_gradients(graph, y, &w, 1, &g);
    check_ok();
    const struct tn_graph_node *maker = &graph->nodes.items[graph->values.items[g].node];
    cr_assert_str_eq(maker->label, "grad/dense_1/matmul");
    for (size_t i = 0; i < tn_graph_node_count(graph); i++)
        cr_assert_eq(graph->nodes.items[i].phase,
                     i < n ? (uint32_t)TNB_PHASE_FORWARD : (uint32_t)TNB_PHASE_BACKWARD);
    cr_assert_eq(graph->phase, (uint32_t)TNB_PHASE_FORWARD);
    cr_assert(graph->values.items[g].is_param_grad);
    cr_assert_eq(graph->values.items[g].grad_of, w);
    tn_relu(graph, y);
    cr_assert_str_eq(graph->nodes.items[graph->nodes.n - 1].label, "outside/relu",
                     "the scope is the user's again");
}

/* a + b sends both the same gradient; each parameter still has a value of its own. */
Test(autodiff, parameters_do_not_share_a_gradient)
{
    tn_value a = param("a", TN_SHAPE(3)), b = param("b", TN_SHAPE(3)), wrt[] = {a, b}, g[2];
    tn_graph_gradients(graph, tn_add(graph, a, b), wrt, 2, g);
    check_ok();
    cr_assert_neq(g[0], g[1]);
    for (int i = 0; i < 2; i++) {
        cr_assert(graph->values.items[g[i]].is_param_grad);
        cr_assert_eq(graph->values.items[g[i]].grad_of, wrt[i]);
    }
}
