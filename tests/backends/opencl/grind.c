/* The cases that a simulator runs, which takes a thousand times as long as a device:
 *   opencl-grind DEVICE [--all] [KEY=VALUE]...
 * A dry pass over every case, in f32, f16 and bf16, notes which kernels it would launch; then the
 * cheapest cases that launch every kernel run and are checked. No launch has more than MAX_ITEMS
 * work-items. --all: besides, every small case in f32. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launches.h"
#include "run_case.h"

#define MAX_ITEMS 4096
#define SMALL 700 /* work-items and elements */

struct candidate {
    const struct op_case *c;
    tn_dtype precision;
    size_t cost;
    size_t *kernels, n;
    int taken;
};

struct list {
    struct candidate *items;
    size_t n, room;
};

static const tn_dtype precisions[] = {TN_F32, TN_F16, TN_BF16};
#define N_PRECISIONS (sizeof(precisions) / sizeof(precisions[0]))

/* Elements weigh as work-items do: on the CPU class one work-item walks over many of them. */
static size_t elements_of(const struct op_case *c)
{
    size_t n = 0;
    int64_t count = 0;
    for (size_t i = 0; i < OP_CASE_MAX_IN; i++)
        if (c->in[i].dtype && tn_shape_count(&c->in[i].shape, &count) == TN_OK)
            n += (size_t)count;
    return n;
}

static void add_candidate(struct list *list, const struct op_case *c, tn_dtype precision,
                          const struct noted_case *noted)
{
    if (noted->n == 0 || noted->largest > MAX_ITEMS)
        return;
    if (list->n == list->room) {
        list->room = list->room ? 2 * list->room : 1024;
        list->items = realloc(list->items, list->room * sizeof(*list->items));
    }
    size_t *kernels = malloc(noted->n * sizeof(*kernels));
    if (!list->items || !kernels)
        abort();
    memcpy(kernels, noted->kernels, noted->n * sizeof(*kernels));
    list->items[list->n++] = (struct candidate){
        .c = c,
        .precision = precision,
        .cost = noted->n_items + elements_of(c),
        .kernels = kernels,
        .n = noted->n,
    };
}

static int dry_pass(struct ocl_test *t, struct list *list)
{
    const struct ocl_case_how how = {.unchecked = 1};
    struct ocl_case_totals totals = {0};
    int failed = 0;
    for (size_t f = 0; f < op_family_count(); f++) {
        const struct op_case *c;
        for (size_t i = 0; (c = op_family_case(op_family_at(f), i)); i++)
            for (size_t p = 0; p < N_PRECISIONS && !c->reject; p++) {
                noted_begin(1);
                failed += ocl_case_run(t, c, precisions[p], &how, &totals);
                add_candidate(list, c, precisions[p], noted_end());
            }
    }
    return failed;
}

static int by_cost(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->cost != y->cost)
        return x->cost < y->cost ? -1 : 1;
    int order = strcmp(x->c->op, y->c->op);
    return order ? order : strcmp(x->c->name, y->c->name);
}

/* From the cheapest on, takes what launches a kernel that nothing taken launches. */
static void cover(struct list *list, int all)
{
    char *covered = calloc(noted_count() + 1, 1);
    if (!covered)
        abort();
    qsort(list->items, list->n, sizeof(*list->items), by_cost);
    for (size_t i = 0; i < list->n; i++) {
        struct candidate *k = &list->items[i];
        k->taken = all && k->precision == TN_F32 && k->cost <= SMALL;
        for (size_t j = 0; j < k->n; j++)
            k->taken |= !covered[k->kernels[j]];
        for (size_t j = 0; k->taken && j < k->n; j++)
            covered[k->kernels[j]] = 1;
    }
    free(covered);
}

static void run_taken(struct ocl_test *t, struct list *list, struct ocl_case_totals *totals)
{
    const struct ocl_case_how how = {0};
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i].taken)
            totals->failed +=
                ocl_case_run(t, list->items[i].c, list->items[i].precision, &how, totals);
}

int main(int argc, char **argv)
{
    const char *opts[8] = {NULL};
    int n_opts = 0, all = 0;
    for (int i = 2; i < argc && n_opts < 7; i++) {
        if (strcmp(argv[i], "--all") == 0)
            all = 1;
        else
            opts[n_opts++] = argv[i];
    }
    struct ocl_test t;
    int rc = ocl_test_open(&t, argc > 1 ? argv[1] : "Oclgrind", opts, NULL);
    if (rc)
        return rc;
    t.own_buffers = 1;
    struct list list = {0};
    struct ocl_case_totals totals = {0};
    totals.failed = dry_pass(&t, &list);
    cover(&list, all);
    run_taken(&t, &list, &totals);
    printf("%s: %d cases of %zu that may, %d failed\n", t.info.name, totals.ran, list.n,
           totals.failed);
    for (size_t i = 0; i < list.n; i++)
        free(list.items[i].kernels);
    free(list.items);
    ocl_test_close(&t);
    return totals.failed || totals.ran == 0;
}
