/* tn_einsum against the definition: a sum over every assignment of the labels, and against values
 * by hand; its gradient, which is the same sum with one operand taken out. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/compiler.h"
#include "eval.h"
#include "graph/graph.h"

#define MAX_OPERANDS 4

struct case_ {
    const char *equation;
    const char *spelled; /* the same with every label written out, and the output; NULL: equation */
    struct tn_shape shape[MAX_OPERANDS];
};

static const struct case_ cases[] = {
    {"ij,jk->ik", NULL, {DIMS(3, 5), DIMS(5, 2)}},
    {"bij,bjk->bik", NULL, {DIMS(2, 3, 5), DIMS(2, 5, 4)}},
    {"bij, bkj -> bki", NULL, {DIMS(2, 3, 5), DIMS(2, 4, 5)}},
    {"ij,jk", "ij,jk->ik", {DIMS(3, 5), DIMS(5, 2)}},
    {"ba", "ba->ab", {DIMS(3, 5)}},
    {"bA", "bA->Ab", {DIMS(3, 5)}},
    {"ij->", NULL, {DIMS(3, 5)}},
    {"ij->j", NULL, {DIMS(3, 5)}},
    {"ijk->kij", NULL, {DIMS(2, 3, 4)}},
    {"ii", "ii->", {DIMS(5, 5)}},
    {"ii->i", NULL, {DIMS(5, 5)}},
    {"iji->ij", NULL, {DIMS(3, 4, 3)}},
    {"ijij->ji", NULL, {DIMS(2, 3, 2, 3)}},
    {"iii->i", NULL, {DIMS(3, 3, 3)}},
    {"i,i", "i,i->", {DIMS(7), DIMS(7)}},
    {"i,j->ij", NULL, {DIMS(3), DIMS(5)}},
    {"ij,ij->ij", NULL, {DIMS(3, 5), DIMS(3, 5)}},
    {"ij,ji->", NULL, {DIMS(3, 5), DIMS(5, 3)}},
    {"ijk,ljm->kmil", NULL, {DIMS(2, 3, 4), DIMS(5, 3, 2)}},
    {"abcd,cdef->abef", NULL, {DIMS(2, 3, 2, 3), DIMS(2, 3, 4, 2)}},
    {"abcd,bdae->ce", NULL, {DIMS(2, 3, 4, 2), DIMS(3, 2, 2, 5)}},
    {"iij,jk->ik", NULL, {DIMS(3, 3, 4), DIMS(4, 2)}},
    {"ij,k->j", NULL, {DIMS(3, 4), DIMS(5)}},
    {"...ij,...jk->...ik", "yxij,yxjk->yxik", {DIMS(2, 3, 2, 4), DIMS(2, 3, 4, 2)}},
    {"...ij,jk", "yxij,jk->yxik", {DIMS(2, 3, 2, 4), DIMS(4, 2)}},
    {"i...->...i", "ixy->xyi", {DIMS(2, 3, 4)}},
    {"...->...", "xy->xy", {DIMS(2, 3)}},
    {"...i->i", "xyi->i", {DIMS(2, 3, 4)}},
    {"...i,...i->...", "yxi,xi->yx", {DIMS(2, 3, 4), DIMS(3, 4)}},
    {"i,ij,j->", NULL, {DIMS(3), DIMS(3, 5), DIMS(5)}},
    {"ab,bc,cd->ad", NULL, {DIMS(2, 3), DIMS(3, 4), DIMS(4, 5)}},
    {"ab,cb,db->acd", NULL, {DIMS(2, 3), DIMS(4, 3), DIMS(5, 3)}},
    {"ab,ab,bc,c->ac", NULL, {DIMS(2, 3), DIMS(2, 3), DIMS(3, 4), DIMS(4)}},
    {"ij,jk->ik", NULL, {DIMS(1, 5), DIMS(5, 1)}},
    {"ij,jk->ik", NULL, {DIMS(3, 0), DIMS(0, 2)}},
    {"ij,jk->ik", NULL, {DIMS(0, 3), DIMS(3, 2)}},
};

/* A dim of 1 stands for any size: sum over the labels of `eq`, all written out. */
struct sum {
    const char *label[MAX_OPERANDS + 1]; /* begin of each operand's labels, then the output's */
    uint32_t rank[MAX_OPERANDS + 1];
    int64_t size[128], at[128];
    char all[16];
    uint32_t n_all;
};

static void spell(const struct case_ *c, size_t n, char *buffer, struct sum *s)
{
    const char *from = c->spelled ? c->spelled : c->equation;
    size_t len = 0, operand = 0;
    memset(s, 0, sizeof *s);
    for (; *from; from++)
        if (*from != ' ' && *from != '>')
            buffer[len++] = *from;
    buffer[len] = '\0';
    s->label[0] = buffer;
    for (size_t i = 0; i < len; i++) {
        char l = buffer[i];
        if (l == ',' || l == '-') {
            s->label[++operand] = buffer + i + 1;
            continue;
        }
        uint32_t d = s->rank[operand]++;
        if (!memchr(s->all, l, s->n_all))
            s->all[s->n_all++] = l;
        if (operand < n && (s->size[(int)l] == 0 || s->size[(int)l] == 1))
            s->size[(int)l] = c->shape[operand].dim[d];
    }
}

static int64_t offset(const struct sum *s, size_t operand, const struct tn_shape *shape)
{
    int64_t at = 0;
    for (uint32_t d = 0; d < s->rank[operand]; d++) {
        int l = s->label[operand][d];
        int64_t dim = shape ? shape->dim[d] : s->size[l];
        at = at * dim + (dim == 1 ? 0 : s->at[l]);
    }
    return at;
}

/* y += product; with `skip` below n and w: d[skip] += w product of the others. */
static void by_definition(const struct case_ *c, size_t n, double *const *x, double *y,
                          const double *w, size_t skip)
{
    char buffer[64];
    struct sum s;
    int64_t total = 1;
    spell(c, n, buffer, &s);
    for (uint32_t i = 0; i < s.n_all; i++)
        total *= s.size[(int)s.all[i]];
    for (int64_t t = 0; t < total; t++) {
        int64_t rest = t;
        for (uint32_t i = 0; i < s.n_all; i++) {
            s.at[(int)s.all[i]] = rest % s.size[(int)s.all[i]];
            rest /= s.size[(int)s.all[i]];
        }
        double product = w ? w[offset(&s, n, NULL)] : 1.0;
        for (size_t i = 0; i < n; i++)
            if (i != skip)
                product *= x[i][offset(&s, i, &c->shape[i])];
        y[skip < n ? offset(&s, skip, &c->shape[skip]) : offset(&s, n, NULL)] += product;
    }
}

static size_t count_operands(const struct case_ *c)
{
    size_t n = 1;
    for (const char *p = c->equation; *p; p++)
        n += *p == ',';
    return n;
}

#define ROOM 4096

static void expect_equal(const struct case_ *c, const char *what, const struct tn_ref_tensor *got,
                         const double *want)
{
    for (int64_t i = 0; i < got->count; i++)
        cr_expect(fabs(got->data.f[i] - want[i]) <= 1e-9 * (1 + fabs(want[i])),
                  "%s: %s[%lld] is %.12g, expected %.12g", c->equation, what, (long long)i,
                  got->data.f[i], want[i]);
}

static void check_case(const struct case_ *c)
{
    static double x[MAX_OPERANDS][ROOM], want[ROOM], ones[ROOM];
    double *const operand[] = {x[0], x[1], x[2], x[3]};
    struct tn_ref_tensor input[MAX_OPERANDS];
    struct tn_error err = {0};
    struct op_eval eval;
    tn_graph *g = NULL;
    tn_value in[MAX_OPERANDS], d[MAX_OPERANDS];
    size_t n = count_operands(c);
    cr_assert(tn_graph_create("einsum", &g, &err) == TN_OK);
    for (size_t i = 0; i < n; i++) {
        char name[] = {(char)('a' + (int)i), 0};
        in[i] = tn_graph_input(g, name, TN_F64, &c->shape[i], TN_INPUT_DATA);
        for (int64_t e = 0; e < ROOM; e++)
            x[i][e] = op_random(i + 1, (uint64_t)e);
        input[i] = (struct tn_ref_tensor){.data.f = x[i]};
        cr_assert(tn_shape_count(&c->shape[i], &input[i].count) == TN_OK);
    }
    tn_value y = tn_einsum(g, c->equation, in, n);
    tn_value loss = tn_sum(g, tn_op1(g, "square", y, NULL, 0), NULL, 0, 0);
    tn_graph_gradients(g, loss, in, n, d);
    cr_assert(tn_graph_check(g, &err) == TN_OK, "%s: %s", c->equation, err.msg);
    cr_assert(op_eval_graph(g, NULL, input, n, &eval, &err) == TN_OK, "%s", err.msg);
    memset(want, 0, sizeof want);
    by_definition(c, n, operand, want, NULL, n);
    expect_equal(c, "y", &eval.values[y], want);
    for (int64_t e = 0; e < ROOM; e++)
        ones[e] = 2 * want[e]; /* of the square */
    for (size_t i = 0; i < n; i++) {
        memset(want, 0, sizeof want);
        by_definition(c, n, operand, want, ones, i);
        expect_equal(c, "gradient", &eval.values[d[i]], want);
    }
    op_eval_close(&eval);
    tn_graph_destroy(&g);
}

Test(einsum, is_the_sum_that_it_names)
{
    for (size_t i = 0; i < TN_LEN(cases); i++)
        check_case(&cases[i]);
}

Test(einsum, dims_of_one_broadcast)
{
    static const struct case_ wide[] = {
        {"ij,ij->ij", NULL, {DIMS(1, 5), DIMS(3, 5)}},
        {"ij,jk->ik", NULL, {DIMS(3, 1), DIMS(4, 2)}},
        {"ij,jk->ik", NULL, {DIMS(3, 4), DIMS(1, 2)}},
        {"ij,jk,j->ik", NULL, {DIMS(3, 1), DIMS(1, 2), DIMS(4)}},
        {"...i,...i->...", "yxi,yxi->yx", {DIMS(2, 1, 4), DIMS(1, 3, 4)}},
    };
    for (size_t i = 0; i < TN_LEN(wide); i++)
        check_case(&wide[i]);
}

/* Values that NumPy gives. */
Test(einsum, values_by_hand)
{
    struct tn_error err = {0};
    struct op_eval eval;
    tn_graph *g = NULL;
    double data[] = {1, 2, 3, 4};
    const struct tn_shape two = TN_SHAPE(2, 2);
    struct tn_ref_tensor input = {.count = 4, .data.f = data};
    cr_assert(tn_graph_create("einsum", &g, &err) == TN_OK);
    tn_value x = tn_graph_input(g, "x", TN_F64, &two, TN_INPUT_DATA);
    const tn_value pair[] = {x, x};
    tn_value trace = tn_einsum(g, "ii", pair, 1), square = tn_einsum(g, "ij,jk", pair, 2);
    tn_value gram = tn_einsum(g, "ij,kj->ik", pair, 2);
    cr_assert(tn_graph_check(g, &err) == TN_OK, "%s", err.msg);
    cr_assert(op_eval_graph(g, NULL, &input, 1, &eval, &err) == TN_OK, "%s", err.msg);
    cr_expect_eq(eval.values[trace].data.f[0], 5);
    static const double squared[] = {7, 10, 15, 22}, products[] = {5, 11, 11, 25};
    for (int i = 0; i < 4; i++) {
        cr_expect_eq(eval.values[square].data.f[i], squared[i]);
        cr_expect_eq(eval.values[gram].data.f[i], products[i]);
    }
    op_eval_close(&eval);
    tn_graph_destroy(&g);
}

Test(einsum, integers_and_a_symbolic_batch)
{
    struct tn_error err = {0};
    tn_graph *g = NULL;
    cr_assert(tn_graph_create("einsum", &g, &err) == TN_OK);
    int64_t batch = tn_graph_symbol(g, "batch"), time = tn_graph_symbol(g, "time");
    const struct tn_shape q = TN_SHAPE(batch, time, 4, 8), m = TN_SHAPE(3, 5);
    tn_value a = tn_graph_input(g, "a", TN_F32, &q, TN_INPUT_DATA);
    tn_value b = tn_graph_input(g, "b", TN_F32, &q, TN_INPUT_DATA);
    tn_value i = tn_graph_input(g, "i", TN_I64, &m, TN_INPUT_DATA);
    const tn_value scores[] = {a, b}, whole[] = {i, i};
    tn_value y = tn_einsum(g, "bqhd,bkhd->bhqk", scores, 2), n = tn_einsum(g, "ij,kj", whole, 2);
    cr_assert(tn_graph_check(g, &err) == TN_OK, "%s", err.msg);
    const struct tn_shape want = TN_SHAPE(batch, 4, time, time), square = TN_SHAPE(3, 3);
    struct tn_shape got = tn_graph_shape(g, y), of_n = tn_graph_shape(g, n);
    cr_expect(tn_shape_equal(&got, &want));
    cr_expect(tn_shape_equal(&of_n, &square));
    cr_expect_eq(tn_graph_dtype(g, n), TN_I64);
    tn_graph_destroy(&g);
}

/* Results of more dims than a tensor has, at the end or on the way. */
Test(einsum, too_many_dims_are_refused)
{
    static const struct {
        const char *equation, *words;
        size_t n;
    } bad[] = {
        {"abcde,fghij->abcdefghij", "more than 8 labels", 2},
        {"abcde,fghij", "an output of 10 dims; the limit is 8", 2},
        {"abcde,fghij,abcde,fghij->a", "a product of 10 dims on the way; the limit is 8", 4},
    };
    for (size_t i = 0; i < TN_LEN(bad); i++) {
        struct tn_error err = {0};
        tn_graph *g = NULL;
        const struct tn_shape shape = TN_SHAPE(1, 2, 2, 2, 2);
        cr_assert(tn_graph_create("einsum", &g, &err) == TN_OK);
        tn_value x = tn_graph_input(g, "x", TN_F32, &shape, TN_INPUT_DATA);
        const tn_value in[] = {x, x, x, x};
        cr_expect_eq(tn_einsum(g, bad[i].equation, in, bad[i].n), TN_NONE);
        cr_expect_eq(tn_graph_check(g, &err), TN_E_INVALID);
        cr_expect(strstr(err.msg, bad[i].words), "%s: '%s'", bad[i].equation, err.msg);
        tn_graph_destroy(&g);
    }
}

Test(einsum, refusals_name_the_equation_and_the_place)
{
    static const struct {
        const char *equation, *words;
        size_t n;
    } bad[] = {
        {"ij,jk->ik", "position 4: label 'j' is 2 here and 3 before", 2},
        {"i1->i", "position 2: '1' is no label", 1},
        {"ij->ik", "position 5: label 'k' of the output is in no operand", 1},
        {"ij->ii", "position 5: label 'i' is twice in the output", 1},
        {"i->i", "position 1: 1 labels for an operand of 2 dims", 1},
        {"ijk", "position 1: 3 labels for an operand of 2 dims", 1},
        {"ijk...", "position 1: 3 labels and an ellipsis", 1},
        {"i..j", "position 2: an ellipsis is three dots", 1},
        {"......", "position 4: an ellipsis is three dots", 1},
        {"ii", "position 1: label 'i' is repeated over dims of 2 and 3", 1},
        {"ij", "1 operands are named, 2 are given", 2},
        {"ij,ij,ij", "more operands are named than the 2 given", 2},
        {"ij-ij", "position 3: an arrow is '->'", 1},
        {"ij->ij,", "position 7: ',' behind the output", 1},
        {"", "0 operands; it takes from 1 to 16", 0},
    };
    for (size_t i = 0; i < TN_LEN(bad); i++) {
        struct tn_error err = {0};
        tn_graph *g = NULL;
        const struct tn_shape shape = TN_SHAPE(2, 3);
        cr_assert(tn_graph_create("einsum", &g, &err) == TN_OK);
        tn_value x = tn_graph_input(g, "x", TN_F32, &shape, TN_INPUT_DATA);
        const tn_value in[] = {x, x};
        cr_expect_eq(tn_einsum(g, bad[i].equation, in, bad[i].n), TN_NONE);
        cr_expect_eq(tn_graph_check(g, &err), TN_E_INVALID);
        cr_expect(strstr(err.msg, bad[i].words) && strstr(err.msg, bad[i].equation), "%s: '%s'",
                  bad[i].equation, err.msg);
        tn_graph_destroy(&g);
    }
}
