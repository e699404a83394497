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

#include "graphs.h"

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
        for (int64_t e = 0; op_takes_part(run, k) && e < run->out[k].count; e++)
            total += op_weight(run, k, e) * run->out[k].data.f[e];
    return total;
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
    tn_graph *graph = NULL;
    struct tn_error err = {0};
    tn_value grads[OP_CASE_MAX_IN];
    struct tn_ref_tensor inputs[OP_CASE_MAX_IN];
    const struct tn_ref_tensor *g[OP_CASE_MAX_IN] = {NULL};
    cr_assert(op_run_open(c, TN_F64, &run, &err) == TN_OK, "%s/%s: %s", c->op, c->name, err.msg);
    cr_assert(op_backward_graph(&run, &graph, grads, &err) == TN_OK, "%s/%s: %s", c->op, c->name,
              err.msg);
    for (uint32_t k = 0; k < run.op->n_out; k++) /* else the weights would be rounded */
        cr_assert(!op_takes_part(&run, k) || run.out[k].type.dtype == TN_F64);
    size_t n = op_graph_inputs(&run, inputs);
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
