/* The list of what is to be run: the operators in the order of the library's list, each with its
 * cases in every precision, then the suites that are not about operators. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "checks.h"
#include "eval.h"

#define QUICK_ELEMENTS 2048
#define QUICK_FORWARD 5 /* cases of an operator in f32, and of one without f32 */
#define QUICK_BACKWARD 1

static const char *const suite_names[CF_N_SUITES] = {
    [CF_OPS] = "ops",
    [CF_BACKWARD] = "backward",
    [CF_REJECT] = "reject",
    [CF_ABI] = "abi",
    [CF_MEMORY] = "memory",
    [CF_ORDERING] = "ordering",
    [CF_TRAJECTORY] = "trajectory",
    [CF_RANDOM] = "random",
    [CF_THREADS] = "threads",
    [CF_CLAIMS] = "claims",
};

const char *cf_suite_name(enum cf_suite suite)
{
    return (unsigned)suite < CF_N_SUITES ? suite_names[suite] : "?";
}

enum cf_suite cf_suite_find(const char *name)
{
    unsigned i = 0;
    while (i < CF_N_SUITES && strcmp(suite_names[i], name) != 0)
        i++;
    return (enum cf_suite)i;
}

const char *cf_verdict_name(enum cf_verdict verdict)
{
    static const char *const names[] = {"passed", "failed", "unsupported", "skipped"};
    return (unsigned)verdict < 4 ? names[verdict] : "?";
}

struct list {
    struct cf_items items;
    size_t cap;
    const struct cf_filter *filter;
    int out_of_memory;
};

static int is_wanted(const struct cf_filter *f, const struct cf_item *item)
{
    const struct {
        const char *want, *have;
    } words[] = {{f->suite, cf_suite_name(item->suite)},
                 {f->case_name, item->name},
                 {f->dtype, item->dtype}};
    for (size_t i = 0; i < 3; i++)
        if (words[i].want && strcmp(words[i].want, words[i].have) != 0)
            return 0;
    /* Operators asked for by name: the rest is not meant. */
    return !f->ops || (item->suite <= CF_REJECT && fnmatch(f->ops, item->op, 0) == 0);
}

/* 1 when the item is on the list now. */
static int add(struct list *l, const struct cf_item *item)
{
    if (l->out_of_memory || !is_wanted(l->filter, item))
        return 0;
    if (l->items.n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 1024;
        struct cf_item *grown = realloc(l->items.list, cap * sizeof(*grown));
        if (!grown) {
            l->out_of_memory = 1;
            return 0;
        }
        l->items.list = grown;
        l->cap = cap;
    }
    l->items.list[l->items.n++] = *item;
    return 1;
}

/* --- cases --- */

static int is_small(const struct op_case *c)
{
    for (uint32_t i = 0; i < OP_CASE_MAX_IN; i++) {
        int64_t n = 0;
        if (c->in[i].dtype && (tn_shape_count(&c->in[i].shape, &n) != TN_OK || n > QUICK_ELEMENTS))
            return 0;
    }
    return 1;
}

static int is_of_suite(const struct op_case *c, enum cf_suite suite)
{
    if (suite == CF_REJECT)
        return c->reject != NULL;
    return !c->reject && (suite == CF_OPS || c->grad);
}

/* How many of an operator's cases a quick run takes. */
static size_t quick_limit(enum cf_suite suite, tn_dtype precision)
{
    if (suite == CF_REJECT)
        return 1;
    if (precision != TN_F32)
        return suite == CF_OPS ? 1 : 0;
    return suite == CF_OPS ? QUICK_FORWARD : QUICK_BACKWARD;
}

static void add_cases(struct list *l, const char *op, enum cf_suite suite, tn_dtype precision)
{
    size_t n = 0, limit = l->filter->quick ? quick_limit(suite, precision) : SIZE_MAX;
    for (size_t f = 0; f < op_family_count(); f++) {
        const struct op_case *c;
        for (size_t i = 0; (c = op_family_case(op_family_at(f), i)) && n < limit; i++) {
            if (strcmp(c->op, op) != 0 || !is_of_suite(c, suite) ||
                (l->filter->quick && !is_small(c)) || !op_case_has_precision(c, precision))
                continue;
            tn_dtype label = op_case_dtype(c, precision);
            n += (size_t)add(
                l, &(struct cf_item){.suite = suite,
                                     .op = op,
                                     .name = c->name,
                                     .dtype = suite == CF_REJECT ? "-" : tn_dtype_name(label),
                                     .precision = precision,
                                     .c = c});
        }
    }
}

static void add_operators(struct list *l, enum cf_suite suite)
{
    static const tn_dtype precisions[] = {TN_F32, TN_F16, TN_BF16};
    for (size_t i = 0; i < tn_op_count(); i++)
        for (size_t p = 0; p < (suite == CF_REJECT ? 1 : 3); p++)
            add_cases(l, tn_op_at(i)->name, suite, precisions[p]);
}

static void add_checks(struct list *l, enum cf_suite suite)
{
    size_t n = 0;
    const struct cf_check *list = cf_checks_of(suite, &n);
    for (size_t i = 0; i < n; i++)
        if (!l->filter->quick || !list[i].is_slow)
            add(l, &(struct cf_item){.suite = suite,
                                     .op = cf_suite_name(suite),
                                     .name = list[i].name,
                                     .dtype = "-",
                                     .check = &list[i]});
}

static tn_status check_filter(const struct cf_filter *f, struct tn_error *err)
{
    if (f->suite && cf_suite_find(f->suite) == CF_N_SUITES)
        return tn_error_set(err, TN_E_INVALID,
                            "there is no suite '%s'; there are ops, backward, reject, abi, memory, "
                            "ordering, trajectory, random, threads, claims",
                            f->suite);
    if (!f->dtype || strcmp(f->dtype, "-") == 0)
        return TN_OK;
    for (int d = TN_F32; d <= TN_BOOL; d++)
        if (strcmp(tn_dtype_name((tn_dtype)d), f->dtype) == 0)
            return TN_OK;
    return tn_error_set(err, TN_E_INVALID,
                        "there is no element type '%s'; there are f32, f16, bf16, f64, i32, i64, "
                        "u8, bool",
                        f->dtype);
}

tn_status cf_items_create(const struct cf_filter *filter, struct cf_items *out_items,
                          struct tn_error *err)
{
    struct list l = {.filter = filter};
    tn_status st = check_filter(filter, err);
    if (st != TN_OK)
        return st;
    for (int s = 0; s < CF_N_SUITES; s++) {
        if (s <= CF_REJECT)
            add_operators(&l, (enum cf_suite)s);
        else
            add_checks(&l, (enum cf_suite)s);
    }
    if (l.out_of_memory || l.items.n == 0) {
        cf_items_destroy(&l.items);
        return l.out_of_memory
                   ? tn_error_set(err, TN_E_OOM, "out of memory")
                   : tn_error_set(err, TN_E_INVALID,
                                  "no case matches; docs/operators.md lists the operators");
    }
    *out_items = l.items;
    return TN_OK;
}

void cf_items_destroy(struct cf_items *items)
{
    free(items->list);
    *items = (struct cf_items){NULL, 0};
}
