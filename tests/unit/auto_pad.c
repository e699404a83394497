/* What a backend is asked and given where a node has auto_pad: numbers of pads, and no auto_pad. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "plan/ir.h"

static tn_graph *graph;
static struct tn_arena arena;

static void begin(void)
{
    tn_arena_init(&arena);
    cr_assert_eq(tn_graph_create("step", &graph, NULL), TN_OK);
}

static void end(void)
{
    tn_graph_destroy(&graph);
    tn_arena_finish(&arena);
}

TestSuite(auto_pad, .init = begin, .fini = end);

static tn_value input(const char *name, const struct tn_shape *shape)
{
    return tn_graph_input(graph, name, TN_F32, shape, TN_INPUT_DATA);
}

/* The only node, as backends see it with a batch of 3. */
static const tnb_node *view_of(tn_value y)
{
    static struct tn_plan_ir ir;
    const struct tn_symbol_values bound = {{3}};
    struct tn_error err = {0};
    tn_graph_output(graph, "y", y);
    cr_assert_eq(tn_ir_build(&arena, graph, &bound, 1, &ir, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(ir.view.n_nodes, 1);
    return ir.view.nodes[0];
}

static const tnb_attr *attr_of(const tnb_node *node, const char *key)
{
    for (uint32_t i = 0; i < node->n_attr; i++)
        if (strcmp(node->attr[i].key, key) == 0)
            return &node->attr[i];
    return NULL;
}

static void check_ints(const tnb_node *node, const char *key, uint32_t n, const int64_t *want)
{
    const tnb_attr *got = attr_of(node, key);
    cr_assert(got && got->count == n, "%s of %s", key, node->op);
    for (uint32_t i = 0; i < n; i++)
        cr_expect_eq(got->v.iv[i], want[i], "%s: %s[%u] is %lld, not %lld", node->op, key, i,
                     (long long)got->v.iv[i], (long long)want[i]);
    cr_expect_null(attr_of(node, "auto_pad"));
}

Test(auto_pad, of_a_convolution_is_pads)
{
    static const int64_t strides[] = {2, 1}, want[] = {1, 1, 0, 1};
    int64_t batch = tn_graph_symbol(graph, "batch");
    tn_value x = input("x", &TN_SHAPE(batch, 1, 5, 6)), w = input("w", &TN_SHAPE(2, 1, 2, 3));
    struct tn_attr attrs[] = {TN_AV("strides", 2, strides), TN_AS("auto_pad", "SAME_LOWER")};
    const tnb_node *node = view_of(tn_op2(graph, "conv2d", x, w, attrs, TN_LEN(attrs)));
    check_ints(node, "pads", 4, want);
    check_ints(node, "strides", 2, strides);
}

Test(auto_pad, of_a_gradient_is_pads)
{
    static const int64_t shape[] = {2, 1, 9}, strides[] = {4}, want[] = {1, 2};
    tn_value dy = input("dy", &TN_SHAPE(2, 3, 3)), w = input("w", &TN_SHAPE(3, 1, 4));
    struct tn_attr attrs[] = {TN_AV("input_shape", 3, shape), TN_AV("strides", 1, strides),
                              TN_AS("auto_pad", "SAME_UPPER")};
    tn_graph_symbol(graph, "batch");
    check_ints(view_of(tn_op2(graph, "conv1d_grad_input", dy, w, attrs, TN_LEN(attrs))), "pads", 2,
               want);
}

Test(auto_pad, notset_leaves_the_pads)
{
    static const int64_t pads[] = {2, 0}, kernel[] = {3};
    tn_value x = input("x", &TN_SHAPE(2, 1, 9));
    struct tn_attr attrs[] = {TN_AV("kernel", 1, kernel), TN_AV("pads", 2, pads),
                              TN_AI("ceil_mode", 1)};
    tn_graph_symbol(graph, "batch");
    const tnb_node *node = view_of(tn_op1(graph, "avg_pool1d", x, attrs, TN_LEN(attrs)));
    check_ints(node, "pads", 2, pads);
    cr_expect_eq(attr_of(node, "ceil_mode")->v.i, 1);
}

Test(auto_pad, valid_rounds_down)
{
    static const int64_t kernel[] = {2}, want[] = {0, 0};
    tn_value x = input("x", &TN_SHAPE(2, 1, 9));
    struct tn_attr attrs[] = {TN_AV("kernel", 1, kernel), TN_AS("auto_pad", "VALID"),
                              TN_AI("ceil_mode", 1)};
    tn_graph_symbol(graph, "batch");
    const tnb_node *node = view_of(tn_op1(graph, "lp_pool1d", x, attrs, TN_LEN(attrs)));
    check_ints(node, "pads", 2, want);
    cr_expect_eq(attr_of(node, "ceil_mode")->v.i, 0);
}

Test(auto_pad, of_a_transposed_convolution_may_add_cells)
{
    static const int64_t strides[] = {4, 1}, pads[] = {0, 1, 0, 2}, extra[] = {2, 0};
    tn_value x = input("x", &TN_SHAPE(2, 1, 3, 3)), w = input("w", &TN_SHAPE(1, 1, 2, 4));
    struct tn_attr attrs[] = {TN_AV("strides", 2, strides), TN_AS("auto_pad", "SAME_UPPER")};
    tn_graph_symbol(graph, "batch");
    const tnb_node *node = view_of(tn_op2(graph, "conv_transpose2d", x, w, attrs, TN_LEN(attrs)));
    check_ints(node, "pads", 4, pads);
    check_ints(node, "output_padding", 2, extra);
}

/* The kernel's size is not known while the gradient is made. */
Test(auto_pad, of_a_symbolic_kernel_has_no_transposed_gradient)
{
    struct tn_error err = {0};
    int64_t cells = tn_graph_symbol(graph, "cells");
    tn_value x = input("x", &TN_SHAPE(2, 1, 3)), w = input("w", &TN_SHAPE(1, 1, cells)), dx;
    struct tn_attr same = TN_AS("auto_pad", "SAME_UPPER");
    tn_value y = tn_op2(graph, "conv_transpose1d", x, w, &same, 1);
    tn_graph_gradients(graph, tn_sum(graph, y, NULL, 0, 0), &x, 1, &dx);
    cr_expect_neq(tn_graph_check(graph, &err), TN_OK);
    cr_expect(strstr(err.msg, "the kernel's length is symbolic") != NULL, "%s", err.msg);
}
