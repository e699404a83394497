/* References against values computed elsewhere (by hand, or by PyTorch in double: tests/golden),
 * and one thing that holds for all of them: every element of every output is written. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

#include "eval.h"

ParameterizedTestParameters(reference, family)
{
    static int index[128];
    size_t n = op_family_count();
    for (size_t i = 0; i < n && i < 128; i++)
        index[i] = (int)i;
    return cr_make_param_array(int, index, n);
}

static int is_close(double got, double want, double tol)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    return got == want || fabs(got - want) <= tol * (1.0 + fabs(want));
}

static void check_values(const struct op_run *run)
{
    const struct op_case *c = run->c;
    double tol = c->want_tol > 0 ? c->want_tol : 1e-9;
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        const struct tn_ref_tensor *out = &run->out[k];
        for (int64_t i = 0; i < out->count; i++) {
            int is_float = tn_dtype_is_float(out->type.dtype);
            double got = is_float ? out->data.f[i] : (double)out->data.i[i];
            cr_expect(is_float || out->data.i[i] != -77, "%s/%s: output %u[%lld] is not written",
                      c->op, c->name, k, (long long)i);
            if (c->want[k])
                cr_expect(is_close(got, c->want[k][i], is_float ? tol : 0.0),
                          "%s/%s: output %u[%lld] is %.17g, expected %.17g", c->op, c->name, k,
                          (long long)i, got, c->want[k][i]);
        }
    }
}

/* NaN poison shows where an output without NaN is expected: the inputs hold none. */
static int has_special_input(const struct op_case *c)
{
    for (uint32_t i = 0; i < OP_CASE_MAX_IN; i++)
        if (c->in[i].fill == FILL_SPECIAL || c->in[i].fill == FILL_LITERAL)
            return 1;
    return 0;
}

ParameterizedTest(const int *index, reference, family)
{
    const struct op_family *family = op_family_at((size_t)*index);
    const struct op_case *c;
    for (size_t i = 0; (c = op_family_case(family, i)); i++) {
        struct op_run run;
        struct tn_error err = {0};
        if (c->reject)
            continue;
        cr_assert(op_run_open(c, TN_F32, &run, &err) == TN_OK, "%s/%s: %s", c->op, c->name,
                  err.msg);
        cr_assert(op_run_reference(&run, &err) == TN_OK, "%s/%s: %s", c->op, c->name, err.msg);
        check_values(&run);
        for (uint32_t k = 0; k < run.op->n_out && !c->want[k] && !has_special_input(c); k++)
            for (int64_t e = 0; tn_dtype_is_float(run.out[k].type.dtype) && e < run.out[k].count;
                 e++)
                cr_expect(!isnan(run.out[k].data.f[e]), "%s/%s: output %u[%lld] is NaN", c->op,
                          c->name, k, (long long)e);
        op_run_close(&run);
    }
}
