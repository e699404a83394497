/* What the tables do not show of convolution, pooling, batch norm, dropout and updates: a step that
 * is not applied leaves the very bits; no optimizer, nor a statistic of batch_norm, lets a gradient
 * through unsaid; gradients keep a symbolic batch symbolic. */
#include <criterion/criterion.h>
#include <string.h>

#include "eval.h"
#include "graph/graph.h"

/* Output k of an update is the new version of this input. */
static int state_of(uint32_t k)
{
    return k ? (int)k + 1 : 0;
}

static void check_bits(const struct op_case *c)
{
    struct op_run run;
    struct tn_error err = {0};
    cr_assert(op_run_open(c, TN_F32, &run, &err) == TN_OK, "%s/%s: %s", c->op, c->name, err.msg);
    cr_assert(op_run_reference(&run, &err) == TN_OK, "%s", err.msg);
    for (uint32_t k = 0; k < run.op->n_out; k++) {
        const struct tn_ref_tensor *out = &run.out[k], *in = &run.in[state_of(k)];
        if (out->count == 0)
            continue;
        cr_assert_eq(out->count, in->count);
        cr_expect(memcmp(out->data.any, in->data.any, (size_t)in->count * 8) == 0,
                  "%s/%s: output %u is not the bits of its input", c->op, c->name, k);
    }
    op_run_close(&run);
}

Test(updates, not_applied_leaves_the_bits)
{
    extern const struct op_family op_family_updates, op_family_optim;
    const struct op_family *families[] = {&op_family_updates, &op_family_optim};
    const struct op_case *c;
    int n = 0;
    for (size_t f = 0; f < 2; f++)
        for (size_t i = 0; (c = op_family_case(families[f], i)); i++)
            if (strncmp(c->name, "not applied", 11) == 0 && strcmp(c->op, "nadam_correction")) {
                check_bits(c);
                n++;
            }
    cr_assert_geq(n, 13);
}

/* Builds op(inputs...) over parameters and asks for a gradient through one output. */
static void gradient_error(const char *op, const struct tn_shape *shapes, size_t n_in, size_t n_out,
                           size_t through, size_t wrt, tn_status expected, struct tn_error *err)
{
    tn_graph *graph = NULL;
    tn_value in[OP_CASE_MAX_IN], out[TN_OP_MAX_OUT], grad;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    cr_assert_eq(tn_graph_create("g", &graph, err), TN_OK);
    for (size_t i = 0; i < n_in; i++)
        in[i] = tn_graph_input(graph, names[i], TN_F32, &shapes[i], TN_INPUT_DATA);
    tn_graph_op(graph, op, in, n_in, NULL, 0, out, n_out);
    cr_assert_eq(tn_graph_check(graph, err), TN_OK, "%s", err->msg);
    tn_graph_gradients(graph, out[through], &in[wrt], 1, &grad);
    cr_expect_eq(tn_graph_check(graph, err), expected);
    tn_graph_destroy(&graph);
}

Test(batch_norm, statistics_carry_no_gradient)
{
    static const char *const outputs[] = {"y", "mean", "inv_std", "var"};
    const struct tn_shape c = TN_SHAPE(3), x = TN_SHAPE(2, 3, 4), shapes[] = {x, c, c, c, c};
    struct tn_error err;
    for (size_t k = 1; k < 4; k++) {
        char quoted[16] = "'";
        gradient_error("batch_norm", shapes, 3, 4, k, 0, TN_E_INVALID, &err);
        strcat(strcat(quoted, outputs[k]), "'");
        cr_expect(strstr(err.msg, quoted) && strstr(err.msg, "stop_gradient"), "%s", err.msg);
    }
    gradient_error("batch_norm_inference", shapes, 5, 1, 0, 4, TN_E_INVALID, &err);
    cr_expect(strstr(err.msg, "'var'") && strstr(err.msg, "stop_gradient"), "%s", err.msg);
}

Test(updates, have_no_gradient)
{
    const struct tn_shape v = TN_SHAPE(3), s = TN_SCALAR, ema[] = {v, v, s};
    struct tn_error err;
    gradient_error("ema_update", ema, 3, 1, 0, 0, TN_E_UNSUPPORTED, &err);
    cr_expect(strstr(err.msg, "ema_update") && strstr(err.msg, "writes state"), "%s", err.msg);
}

Test(pooling, has_no_second_derivative)
{
    const struct tn_shape x = TN_SHAPE(1, 1, 4, 4);
    static const int64_t two[] = {2, 2};
    const struct tn_attr attr[] = {TN_AV("kernel", 2, two)};
    tn_graph *graph = NULL;
    struct tn_error err = {0};
    cr_assert_eq(tn_graph_create("g", &graph, &err), TN_OK);
    tn_value in = tn_graph_input(graph, "x", TN_F32, &x, TN_INPUT_DATA), out[2], grad, second;
    tn_value squared = tn_mul(graph, in, in);
    tn_graph_op(graph, "max_pool2d", &squared, 1, attr, 1, out, 2);
    tn_graph_gradients(graph, tn_mul(graph, out[0], out[0]), &in, 1, &grad);
    cr_assert_eq(tn_graph_check(graph, &err), TN_OK, "%s", err.msg);
    tn_graph_gradients(graph, grad, &in, 1, &second);
    cr_expect_eq(tn_graph_check(graph, &err), TN_E_UNSUPPORTED);
    cr_expect(strstr(err.msg, "max_pool2d_grad"), "%s", err.msg);
    tn_graph_destroy(&graph);
}

/* conv2d -> batch_norm -> dropout -> max_pool2d -> avg_pool2d over x; the sum of the result. */
static tn_value small_net(tn_graph *graph, tn_value x, tn_value w, int64_t batch)
{
    static const int64_t two[] = {2, 2}, pads[] = {0, 1, 1, 0};
    const struct tn_shape c = TN_SHAPE(4), n = TN_SHAPE(batch), s = TN_SCALAR;
    const struct tn_attr conv = TN_AV("pads", 4, pads), pool = TN_AV("kernel", 2, two);
    const struct tn_attr rate = TN_AF("rate", 0.25);
    tn_value scale = tn_graph_input(graph, "scale", TN_F32, &c, TN_INPUT_DATA);
    tn_value bias = tn_graph_input(graph, "bias", TN_F32, &c, TN_INPUT_DATA);
    tn_value sample = tn_graph_input(graph, "sample", TN_I64, &n, TN_INPUT_DATA);
    tn_value rng = tn_graph_input(graph, "rng", TN_I64, &s, TN_INPUT_STEP), norm[4], top[2];
    const tn_value norm_in[] = {tn_op3(graph, "conv2d", x, w, bias, &conv, 1), scale, bias};
    tn_graph_op(graph, "batch_norm", norm_in, 3, NULL, 0, norm, 4);
    tn_value kept = tn_op3(graph, "dropout", norm[0], sample, rng, &rate, 1);
    tn_graph_op(graph, "max_pool2d", &kept, 1, &pool, 1, top, 2);
    tn_value mean = tn_op1(graph, "avg_pool2d", top[0], &pool, 1);
    return tn_sum(graph, tn_mul(graph, mean, mean), NULL, 0, 0);
}

Test(symbolic, gradients_keep_the_batch)
{
    tn_graph *graph = NULL;
    struct tn_error err = {0};
    cr_assert_eq(tn_graph_create("net", &graph, &err), TN_OK);
    int64_t batch = tn_graph_symbol(graph, "batch");
    const struct tn_shape x_shape = TN_SHAPE(batch, 3, 9, 11), w_shape = TN_SHAPE(4, 3, 2, 3);
    tn_value x = tn_graph_input(graph, "x", TN_F32, &x_shape, TN_INPUT_DATA);
    tn_value w = tn_graph_input(graph, "w", TN_F32, &w_shape, TN_INPUT_DATA);
    const tn_value wrt[] = {x, w};
    tn_value grad[2];
    tn_graph_gradients(graph, small_net(graph, x, w, batch), wrt, 2, grad);
    cr_assert_eq(tn_graph_check(graph, &err), TN_OK, "%s", err.msg);
    struct tn_shape dx = tn_graph_shape(graph, grad[0]), dw = tn_graph_shape(graph, grad[1]);
    cr_expect(tn_shape_equal(&dx, &x_shape)); /* the symbol, not a number */
    cr_expect(tn_shape_equal(&dw, &w_shape));

    struct tn_symbol_values bound = {{5}};
    struct tn_arena arena;
    struct tn_type *types;
    struct tn_attrs *attrs;
    tn_arena_init(&arena);
    cr_assert_eq(tn_graph_bind(graph, &bound, &arena, &types, &attrs, &err), TN_OK, "%s", err.msg);
    const struct tn_shape five = TN_SHAPE(5, 3, 9, 11);
    cr_expect(tn_shape_equal(&types[grad[0]].shape, &five));
    tn_arena_finish(&arena);
    tn_graph_destroy(&graph);
}
