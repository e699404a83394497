/* Shape rules: what each case's rule gives, and what it refuses, with which words. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "eval.h"

/* Criterion re-executes this program for every test: parameters are plain numbers. */
ParameterizedTestParameters(infer, family)
{
    static int index[128];
    size_t n = op_family_count();
    for (size_t i = 0; i < n && i < 128; i++)
        index[i] = (int)i;
    return cr_make_param_array(int, index, n);
}

static void check_types(const struct op_run *run)
{
    const struct op_case *c = run->c;
    char have[96], want[96];
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        const struct tn_type *expect = &c->out[k], *got = &run->out[k].type;
        if (!expect->dtype)
            continue;
        cr_expect(expect->dtype == got->dtype && tn_shape_equal(&expect->shape, &got->shape),
                  "%s/%s: output %u is %s %s, expected %s %s", c->op, c->name, k,
                  tn_dtype_name(got->dtype), tn_shape_format(&got->shape, have, sizeof(have)),
                  tn_dtype_name(expect->dtype),
                  tn_shape_format(&expect->shape, want, sizeof(want)));
    }
}

ParameterizedTest(const int *index, infer, family)
{
    const struct op_family *family = op_family_at((size_t)*index);
    const struct op_case *c;
    for (size_t i = 0; (c = op_family_case(family, i)); i++) {
        struct op_run run;
        struct tn_error err = {0};
        tn_status st = op_run_open(c, TN_F32, &run, &err);
        if (c->reject) {
            cr_expect(st == TN_E_INVALID, "%s/%s: should be refused, but is %s %s", c->op, c->name,
                      tn_status_name(st), err.msg);
            cr_expect(strstr(err.msg, c->reject), "%s/%s: '%s' does not hold '%s'", c->op, c->name,
                      err.msg, c->reject);
            cr_expect(strstr(err.msg, c->op), "%s/%s: '%s' does not name the operator", c->op,
                      c->name, err.msg);
        } else {
            cr_expect(st == TN_OK, "%s/%s: refused: %s", c->op, c->name, err.msg);
        }
        if (st == TN_OK) {
            check_types(&run);
            op_run_close(&run);
        }
    }
}
