/* core/graph: building, schema errors, symbolic dims, binding, printing. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evaluate.h"

static tn_graph *graph;
static int64_t batch, time_steps;

static void begin(void)
{
    cr_assert_eq(tn_graph_create("step", &graph, NULL), TN_OK);
    batch = tn_graph_symbol(graph, "batch");
    time_steps = tn_graph_symbol(graph, "time");
}

static void end(void)
{
    tn_graph_destroy(&graph);
    cr_assert_null(graph);
}

TestSuite(graph, .init = begin, .fini = end);

static tn_value input(const char *name, struct tn_shape shape)
{
    return tn_graph_input(graph, name, TN_F32, &shape, TN_INPUT_DATA);
}

/* The graph has failed, and the message holds every one of the words. */
static void check_failed(const char *const *words, size_t n)
{
    struct tn_error err = {0};
    cr_assert_neq(tn_graph_check(graph, &err), TN_OK, "nothing failed; wanted: %s", words[0]);
    for (size_t i = 0; i < n; i++)
        cr_assert_not_null(strstr(err.msg, words[i]), "no \"%s\" in: %s", words[i], err.msg);
}
#define FAILED_WITH(...)                             \
    check_failed((const char *const[]){__VA_ARGS__}, \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void check_ok(void)
{
    struct tn_error err = {0};
    cr_assert_eq(tn_graph_check(graph, &err), TN_OK, "%s", err.msg);
}

static void check_dim(tn_value v, uint32_t axis, const char *want)
{
    char text[64];
    struct tn_shape shape = tn_graph_shape(graph, v);
    check_ok();
    cr_assert_lt(axis, shape.rank);
    cr_assert_str_eq(tn_graph_dim_format(graph, shape.dim[axis], text, sizeof text), want);
}

/* --- schema errors --- */

Test(graph, unknown_operator_names_the_nearest)
{
    tn_value x = input("x", TN_SHAPE(2, 3));
    cr_assert_eq(tn_op2(graph, "matmull", x, x, NULL, 0), TN_NONE);
    FAILED_WITH("no operator 'matmull'", "did you mean 'matmul'?");
}

Test(graph, first_error_sticks)
{
    tn_value x = input("x", TN_SHAPE(2, 3));
    tn_op1(graph, "nope", x, NULL, 0);
    tn_op1(graph, "later", x, NULL, 0);
    cr_assert_eq(input("y", TN_SHAPE(1)), TN_NONE);
    cr_assert_eq(tn_relu(graph, x), TN_NONE);
    FAILED_WITH("'nope'");
    struct tn_error err = {0};
    tn_graph_check(graph, &err);
    cr_assert_null(strstr(err.msg, "later"));
}

Test(graph, wrong_number_of_inputs)
{
    tn_value x = input("x", TN_SHAPE(2, 3));
    tn_graph_push_scope(graph, "block");
    tn_op1(graph, "add", x, NULL, 0);
    FAILED_WITH("op 'add' (block/add)", "takes 2 inputs, got 1");
}

Test(graph, missing_input_in_the_middle)
{
    tn_value x = input("x", TN_SHAPE(2)), s = tn_graph_scalar(graph, TN_F32, 1), out[2];
    const tn_value ok[] = {x, x, TN_NONE, s, s, s}, bad[] = {x, x, TN_NONE, TN_NONE, s, s};
    tn_graph_op(graph, "sgd", ok, 6, NULL, 0, out, 2);
    check_ok();
    tn_graph_op(graph, "sgd", bad, 6, NULL, 0, out, 2);
    FAILED_WITH("op 'sgd' (sgd_1)", "input 3 ('lr') is missing");
    cr_assert_eq(out[0], TN_NONE);
}

Test(graph, value_of_nowhere)
{
    tn_op1(graph, "relu", 1234, NULL, 0);
    FAILED_WITH("op 'relu'", "no value of graph 'step'");
}

Test(graph, unknown_attribute)
{
    tn_value x = input("x", TN_SHAPE(2, 3));
    const struct tn_attr attr[] = {TN_AI("keepdim", 1)};
    tn_op1(graph, "sum", x, attr, 1);
    FAILED_WITH("op 'sum' (sum)", "no attribute 'keepdim'", "did you mean 'keepdims'?");
}

Test(graph, attribute_of_another_type)
{
    tn_value x = input("x", TN_SHAPE(2, 3));
    const struct tn_attr attr[] = {TN_AI("axes", 1)};
    tn_op1(graph, "sum", x, attr, 1);
    FAILED_WITH("attribute 'axes' is a list of ints, got an int");
}

Test(graph, attribute_twice)
{
    tn_value x = input("x", TN_SHAPE(2, 3));
    const struct tn_attr attr[] = {TN_AI("keepdims", 1), TN_AI("keepdims", 0)};
    tn_op1(graph, "sum", x, attr, 2);
    FAILED_WITH("'keepdims' is given twice");
}

Test(graph, required_attribute)
{
    tn_op1(graph, "reshape", input("x", TN_SHAPE(2, 3)), NULL, 0);
    FAILED_WITH("op 'reshape'", "attribute 'shape'", "required");
}

Test(graph, too_many_outputs_asked)
{
    tn_value x = input("x", TN_SHAPE(2, 3)), out[2];
    tn_graph_op(graph, "relu", &x, 1, NULL, 0, out, 2);
    FAILED_WITH("op 'relu'", "has 1 outputs, not 2");
}

Test(graph, shapes_in_messages_are_the_users)
{
    tn_value x = input("x", TN_SHAPE(batch, 784)), w = input("w", TN_SHAPE(100, 10));
    tn_graph_push_scope(graph, "dense_1");
    tn_matmul(graph, x, w, 0, 0);
    FAILED_WITH("op 'matmul' (dense_1/matmul)", "[batch, 784] f32", "[100, 10] f32");
}

Test(graph, products_in_messages_too)
{
    tn_value x = input("x", TN_SHAPE(batch, 4, time_steps)), y = input("y", TN_SHAPE(7, 5));
    tn_add(graph, tn_reshape(graph, x, &TN_SHAPE(1, -1)), y);
    FAILED_WITH("op 'add'", "[1, 4*batch*time]", "[7, 5]");
}

Test(graph, leaves_are_checked)
{
    input("x", TN_SHAPE(2, -3));
    FAILED_WITH("input 'x'", "dim 1 is -3");
}

Test(graph, input_declared_twice)
{
    tn_value x = input("x", TN_SHAPE(batch, 3));
    cr_assert_eq(input("x", TN_SHAPE(batch, 3)), x);
    input("x", TN_SHAPE(batch, 4));
    FAILED_WITH("input 'x'", "[batch, 3]", "[batch, 4]");
}

static tn_value state(const char *name, struct tn_shape shape, tn_state_role role)
{
    return tn_graph_state(
        graph, &(struct tn_state_params){
                   .name = name, .dtype = TN_F32, .shape = shape, .role = role, .slot = NULL});
}

Test(graph, states_are_shared_by_name_and_assigned_once)
{
    tn_value a = state("w", TN_SHAPE(3), TN_STATE_PARAM), x = input("x", TN_SHAPE(3));
    cr_assert_eq(state("w", TN_SHAPE(3), TN_STATE_PARAM), a);
    cr_assert_eq(tn_graph_state_count(graph), 1u);
    struct tn_state_params params = {0};
    cr_assert_eq(tn_graph_state_at(graph, 0, &params), a);
    cr_assert_str_eq(params.name, "w");
    cr_assert_eq(tn_graph_state_at(graph, 1, &params), TN_NONE);
    tn_graph_assign(graph, a, x);
    check_ok();
    tn_graph_assign(graph, a, x);
    FAILED_WITH("state 'w' is assigned twice");
}

Test(graph, state_of_another_shape)
{
    state("w", TN_SHAPE(3), TN_STATE_PARAM);
    state("w", TN_SHAPE(4), TN_STATE_PARAM);
    FAILED_WITH("state 'w'", "[3]", "[4]");
}

Test(graph, state_has_no_symbolic_dims)
{
    state("cache", TN_SHAPE(batch, 3), TN_STATE_CACHE);
    FAILED_WITH("state 'cache'", "[batch, 3]", "capacity");
}

Test(graph, assign_checks_the_type)
{
    tn_graph_assign(graph, state("w", TN_SHAPE(3), TN_STATE_PARAM), input("x", TN_SHAPE(batch)));
    FAILED_WITH("state 'w' is f32 [3]", "f32 [batch]");
}

Test(graph, outputs_have_one_name_each)
{
    tn_value x = input("x", TN_SHAPE(3));
    tn_graph_output(graph, "y", x);
    tn_graph_output(graph, "y", x);
    FAILED_WITH("output 'y' already");
}

Test(graph, ninth_symbol)
{
    char name[8];
    for (int i = 0; i < 7; i++) {
        snprintf(name, sizeof name, "s%d", i);
        tn_graph_symbol(graph, name);
    }
    FAILED_WITH("'s6'", "8");
}

/* --- labels --- */

Test(graph, labels_are_paths_and_unique)
{
    tn_value x = input("x", TN_SHAPE(3));
    tn_graph_push_scope(graph, "a");
    tn_graph_push_scope(graph, "b");
    for (int i = 0; i < 100; i++)
        x = tn_relu(graph, x);
    tn_graph_pop_scope(graph);
    x = tn_relu(graph, x);
    tn_graph_pop_scope(graph);
    x = tn_relu(graph, x);
    check_ok();
    cr_assert_str_eq(graph->nodes.items[0].label, "a/b/relu");
    cr_assert_str_eq(graph->nodes.items[1].label, "a/b/relu_1");
    cr_assert_str_eq(graph->nodes.items[99].label, "a/b/relu_99");
    cr_assert_str_eq(graph->nodes.items[100].label, "a/relu");
    cr_assert_str_eq(graph->nodes.items[101].label, "relu");
    tn_graph_pop_scope(graph);
    FAILED_WITH("pop_scope");
}

/* --- symbolic dims --- */

Test(graph, symbols_stay_clear_of_markers)
{
    for (int i = 0; i < 3; i++) {
        int64_t dim = tn_dim_of_index((uint32_t)i);
        cr_assert(tn_dim_is_symbolic(dim));
        cr_assert_eq(tn_dim_index(dim), (uint32_t)i);
    }
    static const int64_t plain[] = {0, 1, -1, -2, -8, INT64_MIN, INT64_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        cr_assert_not(tn_dim_is_symbolic(plain[i]));
    cr_assert_eq(tn_graph_symbol(graph, "batch"), batch);
    cr_assert_neq(batch, time_steps);
    cr_assert_lt(batch, 0);
}

Test(graph, products_are_deduced)
{
    tn_value x = input("x", TN_SHAPE(batch, time_steps, 4));
    tn_value flat = tn_reshape(graph, x, &TN_SHAPE(-1));
    check_dim(flat, 0, "4*batch*time");
    tn_value rows = tn_reshape(graph, x, &TN_SHAPE(-1, 4));
    check_dim(rows, 0, "batch*time");
    check_dim(rows, 1, "4");
    /* The same product is the same number, so shapes compare by value. */
    tn_value again = tn_reshape(graph, flat, &TN_SHAPE(-1, 4));
    struct tn_shape a = tn_graph_shape(graph, rows), b = tn_graph_shape(graph, again);
    cr_assert(tn_shape_equal(&a, &b));
    tn_value back = tn_reshape(graph, rows, &TN_SHAPE(batch, time_steps, -1));
    check_dim(back, 0, "batch");
    check_dim(back, 2, "4");
    tn_value outer = tn_matmul(graph, tn_reshape(graph, x, &TN_SHAPE(-1, 1)),
                               flat = tn_reshape(graph, x, &TN_SHAPE(1, -1)), 0, 0);
    check_dim(tn_reshape(graph, outer, &TN_SHAPE(-1)), 0, "16*batch*batch*time*time");
    /* A symbol declared after products have been interned is a symbol still. */
    tn_value late = input("late", TN_SHAPE(tn_graph_symbol(graph, "width")));
    check_dim(late, 0, "width");
    check_dim(flat, 1, "4*batch*time");
}

Test(graph, no_product_is_an_error_that_names_the_axis)
{
    tn_value x = input("x", TN_SHAPE(3, batch));
    const int64_t starts[] = {1}, ends[] = {INT64_MAX}, axes[] = {1};
    const struct tn_attr attr[] = {TN_AV("starts", 1, starts), TN_AV("ends", 1, ends),
                                   TN_AV("axes", 1, axes)};
    tn_op1(graph, "slice", x, attr, 3);
    FAILED_WITH("op 'slice' (slice)", "axis 1", "product of symbols");
}

Test(graph, slice_markers_are_not_symbols)
{
    tn_value x = input("x", TN_SHAPE(batch, 5));
    const int64_t starts[] = {-1}, ends[] = {INT64_MIN}, axes[] = {1}, steps[] = {-2};
    const struct tn_attr attr[] = {TN_AV("starts", 1, starts), TN_AV("ends", 1, ends),
                                   TN_AV("axes", 1, axes), TN_AV("steps", 1, steps)};
    tn_value y = tn_op1(graph, "slice", x, attr, 4);
    check_dim(y, 0, "batch");
    check_dim(y, 1, "3");
    tn_tensor *data = uneven(TN_SHAPE(2, 5), 1), *got = NULL;
    const struct tn_binding two[] = {{"batch", 2}, {"time", 1}};
    evaluate(graph, two, 2, &(struct feed){x, data}, 1, &y, 1, &got);
    for (int64_t i = 0; i < 3; i++)
        cr_assert_eq(tn_tensor_get(got, (const int64_t[]){1, i}),
                     (double)(float)tn_tensor_get(data, (const int64_t[]){1, 4 - 2 * i}));
    tn_tensor_unref(&got);
    tn_tensor_unref(&data);
}

/* --- binding --- */

static tn_status bind(const struct tn_binding *bindings, size_t n, struct tn_arena *arena,
                      struct tn_type **types, struct tn_error *err)
{
    struct tn_symbol_values bound;
    struct tn_attrs *attrs = NULL;
    tn_status status = tn_graph_resolve(graph, bindings, n, &bound, err);
    return status != TN_OK ? status : tn_graph_bind(graph, &bound, arena, types, &attrs, err);
}

Test(graph, bind_gives_numbers)
{
    tn_value x = input("x", TN_SHAPE(batch, time_steps, 4));
    tn_value y = tn_reshape(graph, x, &TN_SHAPE(-1, 2));
    tn_value z = tn_expand(graph, tn_graph_scalar(graph, TN_F32, 1), &TN_SHAPE(time_steps, batch));
    struct tn_arena arena;
    struct tn_type *types = NULL;
    struct tn_error err = {0};
    tn_arena_init(&arena);
    check_ok();
    const struct tn_binding bindings[] = {{"time", 7}, {"batch", 3}};
    cr_assert_eq(bind(bindings, 2, &arena, &types, &err), TN_OK, "%s", err.msg);
    cr_assert(tn_shape_equal(&types[x].shape, &TN_SHAPE(3, 7, 4)));
    cr_assert(tn_shape_equal(&types[y].shape, &TN_SHAPE(42, 2)));
    cr_assert(tn_shape_equal(&types[z].shape, &TN_SHAPE(7, 3)), "symbols in attributes");
    tn_arena_finish(&arena);
}

Test(graph, bad_bindings_are_named)
{
    struct tn_symbol_values bound;
    struct tn_error err = {0};
    const struct tn_binding missing[] = {{"batch", 3}}, zero[] = {{"batch", 0}, {"time", 1}},
                            unknown[] = {{"batch", 3}, {"tme", 2}},
                            twice[] = {{"batch", 3}, {"batch", 4}};
    cr_assert_eq(tn_graph_resolve(graph, missing, 1, &bound, &err), TN_E_INVALID);
    cr_assert_not_null(strstr(err.msg, "'time'"), "%s", err.msg);
    cr_assert_eq(tn_graph_resolve(graph, zero, 2, &bound, &err), TN_E_INVALID);
    cr_assert_not_null(strstr(err.msg, "positive"), "%s", err.msg);
    cr_assert_eq(tn_graph_resolve(graph, unknown, 2, &bound, &err), TN_E_INVALID);
    cr_assert_not_null(strstr(err.msg, "did you mean 'time'?"), "%s", err.msg);
    cr_assert_eq(tn_graph_resolve(graph, twice, 2, &bound, &err), TN_E_INVALID);
    cr_assert_not_null(strstr(err.msg, "twice"), "%s", err.msg);
}

/* x[0:100] has 100 rows under every trial, but not when there are only 32. */
Test(graph, a_shape_that_breaks_its_promise)
{
    tn_value x = input("x", TN_SHAPE(batch, 3));
    const int64_t starts[] = {0}, ends[] = {100};
    const struct tn_attr attr[] = {TN_AV("starts", 1, starts), TN_AV("ends", 1, ends)};
    tn_graph_push_scope(graph, "head");
    check_dim(tn_op1(graph, "slice", x, attr, 2), 0, "100");
    struct tn_arena arena;
    struct tn_type *types = NULL;
    struct tn_error err = {0};
    tn_arena_init(&arena);
    const struct tn_binding large[] = {{"batch", 128}, {"time", 1}},
                            small[] = {{"batch", 32}, {"time", 1}};
    cr_assert_eq(bind(large, 2, &arena, &types, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(bind(small, 2, &arena, &types, &err), TN_E_INVALID);
    cr_assert_not_null(strstr(err.msg, "head/slice"), "%s", err.msg);
    cr_assert_not_null(strstr(err.msg, "batch=32"), "%s", err.msg);
    tn_arena_finish(&arena);
}

Test(graph, a_rule_that_fails_names_the_binding)
{
    tn_value x = input("x", TN_SHAPE(batch, time_steps));
    tn_value big = tn_expand(graph, tn_graph_scalar(graph, TN_F32, 1), &TN_SHAPE(batch, batch));
    (void)x, (void)big;
    struct tn_arena arena;
    struct tn_type *types = NULL;
    struct tn_error err = {0};
    tn_arena_init(&arena);
    const struct tn_binding huge[] = {{"batch", INT64_C(1) << 40}, {"time", 1}};
    cr_assert_eq(bind(huge, 2, &arena, &types, &err), TN_E_INVALID);
    cr_assert_not_null(strstr(err.msg, "batch=1099511627776"), "%s", err.msg);
    cr_assert_not_null(strstr(err.msg, "expand"), "%s", err.msg);
    tn_arena_finish(&arena);
}

/* Beside a dim of 0 the others still make strides. */
Test(graph, dims_that_do_not_fit_beside_one_of_zero)
{
    input("x", TN_SHAPE(INT64_C(1) << 40, INT64_C(1) << 40, 0));
    FAILED_WITH("'x'", "too large");
}

Test(graph, an_output_whose_dims_do_not_fit)
{
    const int64_t shape[] = {INT64_C(1) << 40, INT64_C(1) << 40, 0};
    tn_value x = input("x", TN_SHAPE(INT64_C(1) << 40, 1, 0));
    struct tn_attr attr = TN_AV("shape", 3, shape);
    tn_op1(graph, "expand", x, &attr, 1);
    FAILED_WITH("expand", "not possible");
}

/* --- constants, printing --- */

Test(graph, equal_scalars_are_one_value)
{
    tn_value a = tn_graph_scalar(graph, TN_F32, 0.5), b = tn_graph_scalar(graph, TN_F32, 0.5);
    cr_assert_eq(a, b);
    cr_assert_neq(tn_graph_scalar(graph, TN_F64, 0.5), a);
    cr_assert_neq(tn_graph_scalar(graph, TN_F32, 0.25), a);
    cr_assert_neq(tn_graph_scalar(graph, TN_F32, 0.0), tn_graph_scalar(graph, TN_F32, -0.0));
}

Test(graph, constants_are_copies)
{
    tn_tensor *t = uneven(TN_SHAPE(3), 1), *got = NULL;
    double first = tn_tensor_get(t, (const int64_t[]){0});
    tn_value c = tn_graph_const(graph, t);
    tn_tensor_set(t, (const int64_t[]){0}, 99);
    tn_value y = tn_op1(graph, "identity", c, NULL, 0);
    const struct tn_binding ones[] = {{"batch", 1}, {"time", 1}};
    evaluate(graph, ones, 2, NULL, 0, &y, 1, &got);
    cr_assert_eq(tn_tensor_get(got, (const int64_t[]){0}), first);
    tn_tensor_unref(&got);
    tn_tensor_unref(&t);
}

Test(graph, prints_text_and_dot)
{
    char *text = NULL;
    tn_value x = input("x", TN_SHAPE(batch, 3)), w = state("w", TN_SHAPE(3, 2), TN_STATE_PARAM);
    tn_graph_push_scope(graph, "dense");
    tn_value y = tn_matmul(graph, x, w, 0, 0);
    tn_graph_output(graph, "logits", y);
    tn_graph_assign(graph, w, w);
    cr_assert_eq(tn_graph_print(graph, 0, &text, NULL), TN_OK);
    static const char *const lines[] = {
        "graph 'step' over batch, time\n",
        "%0 = input 'x' : f32 [batch, 3]\n",
        "%1 = state 'w' : f32 [3, 2]\n",
        "%2 = matmul(%0, %1) trans_a=0 trans_b=0 alpha=1 beta=1 : f32 [batch, 2]  ; dense/matmul\n",
        "assign 'w' = %1\n",
        "output 'logits' = %2\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        cr_assert_not_null(strstr(text, lines[i]), "no \"%s\" in\n%s", lines[i], text);
    tn_free(text);
    cr_assert_eq(tn_graph_print(graph, 1, &text, NULL), TN_OK);
    cr_assert_eq(strncmp(text, "digraph \"step\" {", 16), 0);
    cr_assert_not_null(strstr(text, "v0 -> n0 [label=\"[batch, 3]\"]"), "%s", text);
    cr_assert_not_null(strstr(text, "n0 -> o0"), "%s", text);
    cr_assert_eq(text[strlen(text) - 2], '}');
    tn_free(text);
}
