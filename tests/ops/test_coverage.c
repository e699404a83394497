/* That the tables hold what every operator owes: accepted cases, a refusal, values computed
 * elsewhere, and a gradient check where there is a gradient. */
#include <criterion/criterion.h>
#include <string.h>

#include "cases.h"

#define MIN_ACCEPTED 8 /* of each operator, aliases too */
#define MIN_GRADIENT 3 /* of each with a gradient */
#define MIN_GOLDEN 150 /* of all together */

struct tally {
    size_t n_accepted, n_rejected, n_wanted, n_gradient;
};

static struct tally count_cases(const char *op)
{
    struct tally t = {0};
    for (size_t f = 0; f < op_family_count(); f++) {
        const struct op_case *c;
        for (size_t i = 0; (c = op_family_case(op_family_at(f), i)); i++) {
            if (strcmp(c->op, op) != 0)
                continue;
            t.n_accepted += c->reject == NULL;
            t.n_rejected += c->reject != NULL;
            t.n_wanted += !c->reject && c->want[0] != NULL;
            t.n_gradient += !c->reject && c->grad != 0;
        }
    }
    return t;
}

/* These pass no gradient on: there is nothing to compare. */
static int passes_no_gradient(const char *op)
{
    return strcmp(op, "stop_gradient") == 0 || strcmp(op, "dim_size") == 0 ||
           strcmp(op, "fill") == 0;
}

/* These accept whatever they are given. */
static int rejects_nothing(const char *op)
{
    return strcmp(op, "identity") == 0 || strcmp(op, "stop_gradient") == 0;
}

Test(coverage, every_operator_has_its_cases)
{
    cr_assert_gt(tn_op_count(), 60);
    for (size_t i = 0; i < tn_op_count(); i++) {
        const struct tn_op *op = tn_op_at(i);
        struct tally t = count_cases(op->name);
        cr_expect(t.n_accepted >= MIN_ACCEPTED, "%s has %zu accepted cases", op->name,
                  t.n_accepted);
        cr_expect(t.n_wanted > 0, "%s has no case with values computed elsewhere", op->name);
        cr_expect(t.n_rejected > 0 || rejects_nothing(op->name), "%s has no refused case",
                  op->name);
        cr_expect(!op->gradient || t.n_gradient >= MIN_GRADIENT || passes_no_gradient(op->name),
                  "%s has a gradient, and %zu cases check it", op->name, t.n_gradient);
    }
}

Test(coverage, values_come_from_elsewhere)
{
    size_t n = 0;
    for (size_t f = 0; f < op_family_count(); f++) {
        const struct op_family *family = op_family_at(f);
        for (size_t i = 0; i < family->n_golden; i++)
            n += family->golden[i].want[0] && !family->golden[i].reject;
    }
    cr_log_info("%zu cases with values from another program", n);
    cr_expect_geq(n, MIN_GOLDEN, "%zu cases with values from another program", n);
}

Test(coverage, names_are_unique_and_known)
{
    for (size_t f = 0; f < op_family_count(); f++) {
        const struct op_family *family = op_family_at(f);
        const struct op_case *a, *b;
        for (size_t i = 0; (a = op_family_case(family, i)); i++) {
            cr_expect(tn_op_find(a->op), "%s: there is no operator '%s'", family->name, a->op);
            for (size_t j = 0; j < i && (b = op_family_case(family, j)); j++)
                cr_expect(strcmp(a->op, b->op) != 0 || strcmp(a->name, b->name) != 0,
                          "%s: two cases are named %s/%s", family->name, a->op, a->name);
        }
    }
}

/* What a schema promises to messages and to docs/operators.md. */
Test(coverage, schemas_are_whole)
{
    for (size_t i = 0; i < tn_op_count(); i++) {
        const struct tn_op *op = tn_op_at(i);
        cr_expect(op->version >= 1 && op->formula && op->infer && op->reference, "%s", op->name);
        cr_expect(op->max_in == 0 || op->in_names, "%s: inputs have no names", op->name);
        cr_expect(op->n_out >= 1 && op->n_out <= TN_OP_MAX_OUT && op->out_names, "%s: outputs",
                  op->name);
        cr_expect(op->gradient || op->no_gradient, "%s: does not say why it has no gradient",
                  op->name);
        for (uint32_t a = 0; a < op->n_attrs; a++)
            cr_expect(op->attrs[a].doc && op->attrs[a].doc[0], "%s: attribute %s has no doc",
                      op->name, op->attrs[a].name);
        cr_expect_eq(tn_op_find(op->name), op);
    }
    cr_expect_null(tn_op_find("no_such_operator"));
    cr_expect_null(tn_op_at(tn_op_count()));
}
