/* Gradients in double: the backward graph that an operator emits, evaluated by the references,
 * against central differences of its own reference.
 *
 * With random weights w, L = sum of w out. The backward graph gives g = dL/dx. Checked are the dot
 * test <g, v> = (L(x + hv) - L(x - hv)) / 2h for random directions v over all checked inputs at
 * once, and single elements. h = 1e-5: the error is about h^2 of the third derivative plus 1e-16
 * |L| / h.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval.h"
#include "graph/graph.h"

#define N_DIRECTIONS 3
#define N_ELEMENTS 12
#define STEP 1e-5
#define TOLERANCE 2e-6

ParameterizedTestParameters(gradient, family)
{
    static int index[128];
    size_t n = op_family_count();
    for (size_t i = 0; i < n && i < 128; i++)
        index[i] = (int)i;
    return cr_make_param_array(int, index, n);
}

static int takes_part(const struct op_run *run, uint32_t k)
{
    uint32_t mask = run->c->grad_out ? run->c->grad_out : 1u;
    return (mask >> k & 1u) && tn_dtype_is_float(run->out[k].type.dtype);
}

static double weight(const struct op_run *run, uint32_t k, int64_t i)
{
    return op_random(op_random_key(run->c->op, run->c->name, 1000 + k), (uint64_t)i);
}

/* L at x + h v, v over all checked inputs. */
static double loss_at(struct op_run *run, double h, double *const *v)
{
    struct tn_error err = {0};
    double total = 0.0;
    for (uint32_t i = 0; i < run->n_in; i++)
        for (int64_t e = 0; v[i] && e < run->in[i].count; e++)
            run->in[i].data.f[e] += h * v[i][e];
    cr_assert(op_run_reference(run, &err) == TN_OK, "%s", err.msg);
    for (uint32_t i = 0; i < run->n_in; i++)
        for (int64_t e = 0; v[i] && e < run->in[i].count; e++)
            run->in[i].data.f[e] -= h * v[i][e];
    for (uint32_t k = 0; k < run->op->n_out; k++)
        for (int64_t e = 0; takes_part(run, k) && e < run->out[k].count; e++)
            total += weight(run, k, e) * run->out[k].data.f[e];
    return total;
}

static tn_value weights_const(tn_graph *g, const struct op_run *run, uint32_t k)
{
    tn_tensor *t = NULL;
    struct tn_error err = {0};
    cr_assert(tn_tensor_create(run->out[k].type.dtype, &run->out[k].type.shape, &t, &err) == TN_OK,
              "%s", err.msg);
    cr_assert_eq(run->out[k].type.dtype, TN_F64);
    double *w = tn_tensor_data(t);
    for (int64_t i = 0; i < run->out[k].count; i++)
        w[i] = weight(run, k, i);
    tn_value value = tn_graph_const(g, t);
    tn_tensor_unref(&t);
    return value;
}

/* A graph of the one operator, L and its gradients; grads[i] is TN_NONE where not checked. */
static tn_graph *backward_graph(const struct op_run *run, tn_value *grads)
{
    tn_graph *g = NULL;
    struct tn_error err = {0};
    cr_assert(tn_graph_create(run->c->name, &g, &err) == TN_OK, "%s", err.msg);
    tn_value in[OP_CASE_MAX_IN], out[TN_OP_MAX_OUT], wrt[OP_CASE_MAX_IN], d[OP_CASE_MAX_IN];
    uint32_t n_wrt = 0;
    char name[16];
    for (uint32_t i = 0; i < run->n_in; i++) {
        in[i] = TN_NONE;
        snprintf(name, sizeof(name), "in%u", i);
        if (run->c->in[i].dtype)
            in[i] = tn_graph_input(g, name, run->in[i].type.dtype, &run->in[i].type.shape,
                                   TN_INPUT_DATA);
        if (run->c->grad >> i & 1u)
            wrt[n_wrt++] = in[i];
    }
    uint32_t n_attr = 0;
    while (n_attr < OP_CASE_MAX_ATTR && run->c->attrs[n_attr].name)
        n_attr++;
    tn_graph_op(g, run->op->name, in, run->n_in, run->c->attrs, n_attr, out, run->op->n_out);
    tn_value loss = TN_NONE;
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        if (!takes_part(run, k))
            continue;
        tn_value part = tn_sum(g, tn_mul(g, out[k], weights_const(g, run, k)), NULL, 0, 0);
        loss = loss == TN_NONE ? part : tn_add(g, loss, part);
    }
    tn_graph_gradients(g, loss, wrt, n_wrt, d);
    for (uint32_t i = 0, n = 0; i < run->n_in; i++)
        grads[i] = run->c->grad >> i & 1u ? d[n++] : TN_NONE;
    cr_assert(tn_graph_check(g, &err) == TN_OK, "%s/%s: %s", run->c->op, run->c->name, err.msg);
    return g;
}

static size_t list_inputs(const struct op_run *run, struct tn_ref_tensor *inputs)
{
    size_t n = 0;
    for (uint32_t i = 0; i < run->n_in; i++)
        if (run->c->in[i].dtype)
            inputs[n++] = run->in[i];
    return n;
}

static void expect_close(const struct op_run *run, const char *what, double analytic, double v)
{
    cr_expect(fabs(analytic - v) <= TOLERANCE * (1.0 + fabs(analytic)),
              "%s/%s: %s: gradient %.12g, central difference %.12g", run->c->op, run->c->name, what,
              analytic, v);
}

static void check_directions(struct op_run *run, const struct tn_ref_tensor *const *grads)
{
    for (uint64_t n = 0; n < N_DIRECTIONS; n++) {
        double *v[OP_CASE_MAX_IN] = {NULL}, dot = 0.0;
        for (uint32_t i = 0; i < run->n_in; i++) {
            if (!grads[i])
                continue;
            v[i] = tn_arena_alloc(&run->arena, (size_t)run->in[i].count * 8 + 8);
            for (int64_t e = 0; e < run->in[i].count; e++) {
                v[i][e] =
                    op_random(op_random_key(run->c->op, "direction", n * 16 + i), (uint64_t)e);
                dot += v[i][e] * grads[i]->data.f[e];
            }
        }
        double slope = (loss_at(run, STEP, v) - loss_at(run, -STEP, v)) / (2 * STEP);
        expect_close(run, "direction", dot, slope);
    }
}

static void check_elements(struct op_run *run, const struct tn_ref_tensor *const *grads)
{
    char what[48];
    for (uint32_t i = 0; i < run->n_in; i++) {
        if (!grads[i] || run->in[i].count == 0)
            continue;
        double *v[OP_CASE_MAX_IN] = {NULL};
        int64_t count = run->in[i].count, n = count < N_ELEMENTS ? count : N_ELEMENTS;
        v[i] = tn_arena_alloc(&run->arena, (size_t)count * 8);
        for (int64_t j = 0; j < n; j++) {
            int64_t e = count <= N_ELEMENTS ? j : (j * 7919 + 3) % count;
            v[i][e] = 1.0;
            double slope = (loss_at(run, STEP, v) - loss_at(run, -STEP, v)) / (2 * STEP);
            v[i][e] = 0.0;
            snprintf(what, sizeof(what), "input %u[%lld]", i, (long long)e);
            expect_close(run, what, grads[i]->data.f[e], slope);
        }
    }
}

static void check_case(const struct op_case *c)
{
    struct op_run run;
    struct op_eval eval;
    struct tn_error err = {0};
    tn_value grads[OP_CASE_MAX_IN];
    struct tn_ref_tensor inputs[OP_CASE_MAX_IN];
    const struct tn_ref_tensor *g[OP_CASE_MAX_IN] = {NULL};
    cr_assert(op_run_open(c, TN_F64, &run, &err) == TN_OK, "%s/%s: %s", c->op, c->name, err.msg);
    tn_graph *graph = backward_graph(&run, grads);
    size_t n = list_inputs(&run, inputs);
    cr_assert(op_eval_graph(graph, NULL, inputs, n, &eval, &err) == TN_OK, "%s/%s: %s", c->op,
              c->name, err.msg);
    for (uint32_t i = 0; i < run.n_in; i++)
        if (grads[i] != TN_NONE) {
            g[i] = &eval.values[grads[i]];
            cr_assert_eq(g[i]->count, run.in[i].count,
                         "%s/%s: gradient of input %u has %lld "
                         "elements",
                         c->op, c->name, i, (long long)g[i]->count);
        }
    check_directions(&run, g);
    check_elements(&run, g);
    op_eval_close(&eval);
    tn_graph_destroy(&graph);
    op_run_close(&run);
}

ParameterizedTest(const int *index, gradient, family)
{
    const struct op_family *family = op_family_at((size_t)*index);
    const struct op_case *c;
    for (size_t i = 0; (c = op_family_case(family, i)); i++)
        if (c->grad && !c->reject)
            check_case(c);
}
