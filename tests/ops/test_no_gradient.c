/* Where no gradient flows: an error that says so, or zeros where the contract says zero. */
#include <criterion/criterion.h>
#include <string.h>

#include "graphs.h"

static const struct op_case *first_case(const char *op)
{
    for (size_t f = 0; f < op_family_count(); f++) {
        const struct op_case *c;
        for (size_t i = 0; (c = op_family_case(op_family_at(f), i)); i++)
            if (strcmp(c->op, op) == 0 && !c->reject)
                return c;
    }
    return NULL;
}

/* The gradient of output 0 (as it is, or cast to f32) to input `wrt` of the case's operator. */
static tn_graph *differentiate(const struct op_case *c, uint32_t wrt, tn_value *out_grad)
{
    struct op_run run;
    struct tn_error err = {0};
    tn_graph *g = NULL;
    tn_value in[OP_CASE_MAX_IN], out[TN_OP_MAX_OUT];
    cr_assert(op_run_open(c, TN_F32, &run, &err) == TN_OK, "%s", err.msg);
    cr_assert(tn_graph_create("g", &g, &err) == TN_OK);
    op_graph_add(g, &run, in, out);
    tn_value y = tn_mul(g, out[0], out[0]);
    if (!tn_dtype_is_float(tn_graph_dtype(g, out[0]))) {
        struct tn_attr f32 = TN_AS("dtype", "f32");
        y = tn_op1(g, "cast", out[0], &f32, 1);
    }
    tn_graph_gradients(g, y, &in[wrt], 1, out_grad);
    op_run_close(&run);
    return g;
}

static void expect_refused(const char *op, uint32_t wrt, const char *words)
{
    tn_value grad;
    struct tn_error err = {0};
    const struct op_case *c = first_case(op);
    cr_assert(c, "%s has no case", op);
    tn_graph *g = differentiate(c, wrt, &grad);
    cr_expect(tn_graph_check(g, &err) != TN_OK, "%s: a gradient to input %u was given", op, wrt);
    cr_expect(strstr(err.msg, op) && strstr(err.msg, words), "%s: '%s' does not hold '%s'", op,
              err.msg, words);
    cr_expect(strstr(err.msg, "stop_gradient"), "%s: '%s' does not say what to do", op, err.msg);
    tn_graph_destroy(&g);
}

/* cast to bool makes a sum of squares out of reach for comparisons: their results are cast to f32.
 */
Test(no_gradient, operators_without_one_say_why)
{
    static const char *const names[] = {
        "relu_grad",        "leaky_relu_grad",
        "sigmoid_grad",     "tanh_grad",
        "max_grad",         "softmax_grad",
        "log_softmax_grad", "mse_grad",
        "bce_grad",         "bce_with_logits_grad",
        "relu6_grad",       "elu_grad",
        "celu_grad",        "selu_grad",
        "gelu_grad",        "silu_grad",
        "mish_grad",        "hard_sigmoid_grad",
        "hard_swish_grad",  "clip_grad",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        expect_refused(names[i], 0, "second derivatives");
    expect_refused("sparse_softmax_cross_entropy_grad", 0, "second derivatives");
    expect_refused("embedding_grad", 1, "second derivatives");
}

Test(no_gradient, inputs_without_one_are_named)
{
    expect_refused("bce", 1, "'target'");
    expect_refused("bce_with_logits", 1, "'target'");
}

/* The gradient exists and is zero everywhere: the constant that tn_graph_gradients makes. */
static void expect_zero(const char *op)
{
    struct op_eval eval;
    struct tn_error err = {0};
    tn_value grad;
    double ones[4096];
    const struct op_case *c = first_case(op);
    tn_graph *g = differentiate(c, 0, &grad);
    int64_t n;
    cr_assert(tn_graph_check(g, &err) == TN_OK, "%s: %s", op, err.msg);
    cr_assert(tn_shape_count(&c->in[0].shape, &n) == TN_OK && n <= 4096);
    for (int i = 0; i < 4096; i++)
        ones[i] = 1.0;
    struct tn_ref_tensor x = {.count = n, .data.f = ones};
    cr_assert(op_eval_graph(g, NULL, &x, 1, &eval, &err) == TN_OK, "%s: %s", op, err.msg);
    cr_assert_eq(eval.values[grad].count, n);
    for (int64_t i = 0; i < n; i++)
        cr_expect_eq(eval.values[grad].data.f[i], 0.0, "%s", op);
    op_eval_close(&eval);
    tn_graph_destroy(&g);
}

Test(no_gradient, zero_where_the_contract_says_so)
{
    expect_zero("stop_gradient");
    expect_zero("dim_size");
    expect_zero("floor");
    expect_zero("ceil");
    expect_zero("round");
    expect_zero("sign");
}
