/* Gradients at points where central differences do not exist: zeros, ties, infinities. */
#include <criterion/criterion.h>
#include <math.h>

#include "base/compiler.h"
#include "eval.h"
#include "graph/graph.h"

/* d (sum of w y) / dx of op over the rows of x [2, 3], w = 1, 2. */
static void expect_gradient(const char *op, const struct tn_attr *extra, const double *x_data,
                            const double *want)
{
    struct tn_error err = {0};
    tn_graph *g = NULL;
    struct op_eval eval;
    double copy[6];
    const struct tn_shape x_shape = TN_SHAPE(2, 3), w_shape = TN_SHAPE(2);
    const int64_t axis = 1;
    struct tn_attr attr[2] = {TN_AV("axes", 1, &axis)};
    tn_tensor *w = NULL;
    tn_value dx;
    cr_assert(tn_graph_create(op, &g, &err) == TN_OK);
    cr_assert(tn_tensor_create(TN_F64, &w_shape, &w, &err) == TN_OK);
    ((double *)tn_tensor_data(w))[0] = 1.0;
    ((double *)tn_tensor_data(w))[1] = 2.0;
    if (extra)
        attr[1] = *extra;
    tn_value x = tn_graph_input(g, "x", TN_F64, &x_shape, TN_INPUT_DATA);
    tn_value y = tn_op1(g, op, x, attr, extra ? 2 : 1);
    tn_value total = tn_sum(g, tn_mul(g, y, tn_graph_const(g, w)), NULL, 0, 0);
    tn_graph_gradients(g, total, &x, 1, &dx);
    cr_assert(tn_graph_check(g, &err) == TN_OK, "%s", err.msg);
    for (int i = 0; i < 6; i++)
        copy[i] = x_data[i];
    struct tn_ref_tensor input = {.count = 6, .data.f = copy};
    cr_assert(op_eval_graph(g, NULL, &input, 1, &eval, &err) == TN_OK, "%s", err.msg);
    for (int i = 0; i < 6; i++) {
        double got = eval.values[dx].data.f[i];
        cr_expect(isnan(want[i]) ? isnan(got) : fabs(got - want[i]) < 1e-12,
                  "%s: dx[%d] is %.17g, expected %.17g", op, i, got, want[i]);
    }
    op_eval_close(&eval);
    tn_tensor_unref(&w);
    tn_graph_destroy(&g);
}

#define X(...) ((const double[]){__VA_ARGS__})

Test(corners, norm_at_zero)
{
    struct tn_attr one = TN_AF("p", 1.0), two = TN_AF("p", 2.0), none = TN_AF("p", 0.0);
    struct tn_attr half = TN_AF("p", 0.5);
    expect_gradient("norm", &two, X(0, 0, 0, 3, 0, -4), X(0, 0, 0, 1.2, 0, -1.6));
    expect_gradient("norm", &one, X(0, 0, 0, 3, 0, -4), X(0, 0, 0, 2, 0, -2));
    expect_gradient("norm", &half, X(0, 0, 0, 4, 0, 0), X(0, 0, 0, 2, 0, 0));
    expect_gradient("norm", &none, X(0, 0, 0, 3, 0, -4), X(0, 0, 0, 0, 0, 0));
}

Test(corners, largest_of_equals_share)
{
    struct tn_attr top = TN_AF("p", INFINITY), low = TN_AF("p", -INFINITY);
    expect_gradient("norm", &top, X(2, -2, 1, 0, 0, 0), X(0.5, -0.5, 0, 0, 0, 0));
    expect_gradient("norm", &low, X(2, -2, 3, 0, 1, 1), X(0.5, -0.5, 0, 0, 0, 0));
    expect_gradient("max", NULL, X(2, 2, 1, 0, 0, 0), X(0.5, 0.5, 0, 2.0 / 3, 2.0 / 3, 2.0 / 3));
}

Test(corners, product_with_zeros)
{
    expect_gradient("prod", NULL, X(2, 0, 3, 0, 0, 5), X(0, 6, 0, 0, 0, 0));
}

Test(corners, logsumexp_of_nothing_but_infinities)
{
    expect_gradient("logsumexp", NULL, X(-INFINITY, -INFINITY, -INFINITY, -INFINITY, 7, 7),
                    X(0, 0, 0, 0, 1, 1));
}

Test(corners, variance_of_equals)
{
    struct tn_attr population = TN_AI("correction", 0), all = TN_AI("correction", 3);
    expect_gradient("var", &population, X(5, 5, 5, 1, 2, 3), X(0, 0, 0, -4.0 / 3, 0, 4.0 / 3));
    expect_gradient("var", &all, X(5, 5, 5, 5, 5, 5), X(NAN, NAN, NAN, NAN, NAN, NAN));
}
