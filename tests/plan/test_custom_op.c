/* Operators of a program's own: what is refused, that they run everywhere by their reference, and
 * that gradients go through them. */
#include <math.h>
#include <string.h>

#include "../runtime/plugins/acme_op.h"
#include "support.h"

#include "tenon/custom_op.h"

static tnb_status add(void *ctx, const tnb_op *op, tnb_error *err)
{
    struct tn_error e = {TN_OK, ""};
    (void)ctx;
    if (tn_op_register(op, &e) == TN_OK)
        return TNB_OK;
    snprintf(err->msg, sizeof(err->msg), "%s", e.msg);
    return err->code = TNB_E_INVALID;
}

static void add_acme(void)
{
    tnb_error err = {.struct_size = sizeof(err)};
    cr_assert_eq(acme_add(add, NULL, &err), TNB_OK, "%s", err.msg);
    cr_assert_eq(acme_add(add, NULL, &err), TNB_OK, "the same once more: %s", err.msg);
}

static double gate(double x, double beta)
{
    return x / (1.0 + exp(-beta * x));
}

/* L = sum of squares of acme.gate(x w), by w. */
static tn_graph *gate_graph(void)
{
    tn_graph *g = new_graph("gate");
    tn_value x = f32_input(g, "x", TN_SHAPE(2, 3));
    tn_value w = f32_input(g, "w", TN_SHAPE(3));
    struct tn_attr beta = TN_AF("beta", 2.0);
    tn_value y = tn_op1(g, "acme.gate", tn_mul(g, x, w), &beta, 1), grad;
    tn_value loss = tn_sum(g, tn_mul(g, y, y), NULL, 0, 0);
    tn_graph_gradients(g, loss, &w, 1, &grad);
    tn_graph_output(g, "y", y);
    tn_graph_output(g, "grad", grad);
    return g;
}

static double loss_at(const float *x, const double *w)
{
    double sum = 0;
    for (int i = 0; i < 6; i++)
        sum += pow(gate((double)x[i] * w[i % 3], 2.0), 2.0);
    return sum;
}

ON_EACH(custom_op, runs_on_every_backend_with_its_gradient)
{
    add_acme();
    tn_session *s = open_session(*on);
    tn_graph *g = gate_graph();
    tn_plan *p = plan_of(s, g, 0);
    float x[6] = {0.5f, -1.0f, 2.0f, 1.5f, 0.25f, -0.75f}, w[3] = {1.0f, -0.5f, 0.75f}, y[6],
          grad[3];
    set_f32(p, "x", x, 6);
    set_f32(p, "w", w, 3);
    run(p);
    get_f32(p, "y", y, 6);
    get_f32(p, "grad", grad, 3);
    for (int i = 0; i < 6; i++)
        cr_expect_float_eq(y[i], gate((double)x[i] * (double)w[i % 3], 2.0), 1e-6);
    for (int i = 0; i < 3; i++) {
        double up[3] = {w[0], w[1], w[2]}, down[3] = {w[0], w[1], w[2]};
        up[i] += 1e-5;
        down[i] -= 1e-5;
        cr_expect_float_eq(grad[i], (loss_at(x, up) - loss_at(x, down)) / 2e-5, 1e-5);
    }
    struct tn_plan_info info;
    tn_plan_info(p, &info);
    cr_expect_eq(info.n_fallback, *on == ON_REF ? 0u : 2u, "only the two go to the reference");
}

Test(custom_op, its_shape_rule_is_heard, .fini = close_all)
{
    add_acme();
    struct tn_error err = {TN_OK, ""};
    tn_graph *g = new_graph("bad");
    tn_op1(g, "acme.gate", tn_graph_input(g, "x", TN_I32, &TN_SHAPE(3), TN_INPUT_DATA), NULL, 0);
    cr_assert_eq(tn_graph_check(g, &err), TN_E_INVALID);
    cr_expect(strstr(err.msg, "acme.gate") && strstr(err.msg, "x must be floating point"), "%s",
              err.msg);
}

/* What is not given is the definition's default: 1 for beta. */
ON_EACH(custom_op, an_attribute_has_its_default)
{
    add_acme();
    tn_session *s = open_session(*on);
    tn_graph *g = new_graph("default");
    tn_graph_output(g, "y", tn_op1(g, "acme.gate", f32_input(g, "x", TN_SHAPE(2)), NULL, 0));
    tn_plan *p = plan_of(s, g, 0);
    float x[2] = {0.5f, -1.0f}, y[2];
    set_f32(p, "x", x, 2);
    run(p);
    get_f32(p, "y", y, 2);
    for (int i = 0; i < 2; i++)
        cr_expect_float_eq(y[i], gate((double)x[i], 1.0), 1e-6);
}

static tnb_status infer_nonsense(void *user, const tnb_op_call *call, tnb_tensor *out,
                                 tnb_error *err)
{
    (void)err;
    out[0] = call->in[0];
    if (*(const int *)user)
        out[0].dtype = TNB_BOOL + 1;
    else
        out[0].rank = TN_MAX_RANK + 1;
    return TNB_OK;
}

/* A shape rule that makes no sense is an error of the graph, not of the process. */
Test(custom_op, a_shape_rule_that_makes_no_sense, .fini = close_all)
{
    static const char *const names[] = {"x"};
    static int is_of_type[] = {0, 1};
    tnb_op op = {.struct_size = sizeof(op),
                 .version = 1,
                 .max_in = 1,
                 .n_out = 1,
                 .in_names = names,
                 .out_names = names,
                 .infer = infer_nonsense,
                 .reference = acme_gate};
    for (int i = 0; i < 2; i++) {
        struct tn_error err = {TN_OK, ""};
        op.name = i ? "test.no_type" : "test.no_shape";
        op.user = &is_of_type[i];
        cr_assert_eq(tn_op_register(&op, &err), TN_OK, "%s", err.msg);
        tn_graph *g = new_graph(op.name);
        tn_op1(g, op.name, f32_input(g, "x", TN_SHAPE(3)), NULL, 0);
        cr_expect_neq(tn_graph_check(g, &err), TN_OK, "%s", op.name);
        cr_expect(strstr(err.msg, "gives output 0 no element type or shape"), "%s: %s", op.name,
                  err.msg);
    }
}

Test(custom_op, an_unknown_one_says_that_a_plugin_is_missing, .fini = close_all)
{
    struct tn_error err = {TN_OK, ""};
    tn_graph *g = new_graph("bad");
    tn_op1(g, "nobody.knows", f32_input(g, "x", TN_SHAPE(3)), NULL, 0);
    cr_assert_neq(tn_graph_check(g, &err), TN_OK);
    cr_expect(strstr(err.msg, "nobody.knows") && strstr(err.msg, "plugin"), "%s", err.msg);
}

static void expect_refused(const tnb_op *op, const char *word)
{
    struct tn_error err = {TN_OK, ""};
    cr_expect_eq(tn_op_register(op, &err), TN_E_INVALID, "%s", op->name ? op->name : "(none)");
    cr_expect(strstr(err.msg, word), "'%s' does not say '%s'", err.msg, word);
}

Test(custom_op, what_is_refused)
{
    static const char *const names[] = {"x", "x", "x", "x"}, *const unnamed[] = {""};
    static const tnb_attr_def attrs[] = {{.dflt = {.key = "a", .type = TNB_ATTR_INT}},
                                         {.dflt = {.key = "b", .type = TNB_ATTR_INT}}};
    tnb_op good = {.struct_size = sizeof(good),
                   .version = 1,
                   .name = "test.op",
                   .min_in = 1,
                   .max_in = 1,
                   .n_out = 1,
                   .in_names = names,
                   .out_names = names,
                   .infer = acme_infer,
                   .reference = acme_gate};
    tnb_op op = good;
    op.name = "no_vendor";
    expect_refused(&op, "vendor.name");
    op.name = "Test.op";
    expect_refused(&op, "vendor.name");
    op.name = "a.b.c";
    expect_refused(&op, "vendor.name");
    op.name = NULL;
    expect_refused(&op, "vendor.name");
    op = good, op.infer = NULL;
    expect_refused(&op, "infer and reference");
    op = good, op.max_in = 17;
    expect_refused(&op, "16 inputs");
    op = good, op.min_in = 2;
    expect_refused(&op, "16 inputs");
    op = good, op.n_out = 0;
    expect_refused(&op, "outputs");
    op = good, op.n_out = 9;
    expect_refused(&op, "8 outputs");
    op = good, op.n_attr = 33;
    expect_refused(&op, "32 attributes");
    op = good, op.name = "test.0123456789012345678901234567890123456789012345678901234567890123456";
    expect_refused(&op, "63 characters");
    op = good, op.in_names = unnamed;
    expect_refused(&op, "an input has no name");
    op = good, op.out_names = NULL;
    expect_refused(&op, "an output has no name");
    op = good, op.in_names = NULL;
    expect_refused(&op, "in_names");
    op = good, op.n_attr = 1;
    expect_refused(&op, "attribute");
    op = good, op.gradient = "test.nothing";
    expect_refused(&op, "gradient");
    op = good, op.struct_size = 16;
    expect_refused(&op, "struct_size");
    struct tn_error err = {TN_OK, ""};
    cr_expect_eq(tn_op_register(&good, &err), TN_OK, "%s", err.msg);
    op = good, op.version = 2;
    expect_refused(&op, "another operator already");
    op = good, op.name = "test.other", op.gradient = "test.op";
    expect_refused(&op, "must take the inputs, the outputs");
    cr_expect_eq(tn_op_register(NULL, &err), TN_E_INVALID);
    /* Of gradients: one too many outputs, other attributes. */
    op = good, op.name = "test.two_grad", op.max_in = 3, op.n_out = 2;
    cr_expect_eq(tn_op_register(&op, &err), TN_OK, "%s", err.msg);
    op = good, op.name = "test.other", op.gradient = "test.two_grad";
    expect_refused(&op, "give a gradient to each input");
    op = good, op.name = "test.attr_grad", op.max_in = 3, op.n_attr = 2, op.attrs = attrs;
    cr_expect_eq(tn_op_register(&op, &err), TN_OK, "%s", err.msg);
    op = good, op.name = "test.other", op.gradient = "test.attr_grad";
    expect_refused(&op, "the same attributes, or none");
}
