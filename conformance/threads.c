/* Suite threads: two threads, each with a queue and a buffer of its own on one device, make plans
 * and run them at the same time. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "suites.h"

#define N_THREADS 2
#define MAX_CASES 60 /* of each thread */

struct worker {
    struct cf_device dev;
    struct cf_items items;
    size_t first;
    size_t n_run;
    struct cf_result result;
    char where[128];
};

static void *work(void *arg)
{
    struct worker *w = arg;
    /* Both threads run all of them, from different ends of the list. */
    for (size_t i = 0; i < w->items.n && w->n_run < MAX_CASES; i++) {
        const struct cf_item *item = &w->items.list[(w->first + i * 7) % w->items.n];
        struct cf_result r = {.verdict = CF_PASSED};
        cf_run_case(&w->dev, item, &r);
        w->n_run += r.verdict == CF_PASSED;
        if (r.verdict == CF_FAILED) {
            w->result = r;
            snprintf(w->where, sizeof(w->where), "%s/%s", item->op, item->name);
            break;
        }
    }
    return NULL;
}

static enum cf_verdict run_workers(struct worker *workers, struct cf_result *result)
{
    pthread_t threads[N_THREADS];
    int n = 0;
    while (n < N_THREADS && pthread_create(&threads[n], NULL, work, &workers[n]) == 0)
        n++;
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    if (n < N_THREADS)
        return cf_fail(result, "cannot make a thread");
    for (int i = 0; i < n; i++)
        if (workers[i].result.verdict == CF_FAILED)
            return cf_fail(result, "with two threads, %s: %.400s", workers[i].where,
                           workers[i].result.message);
    if (workers[0].n_run == 0)
        return cf_set(result, CF_UNSUPPORTED, "the device runs none of the cases");
    return CF_PASSED;
}

static enum cf_verdict two_threads(struct cf_device *dev, struct cf_result *result)
{
    struct cf_filter filter = {.suite = "ops", .dtype = "f32", .quick = 1};
    struct worker workers[N_THREADS];
    struct cf_items items;
    struct tn_error err = {TN_OK, ""};
    int opened = 0;
    memset(workers, 0, sizeof(workers));
    if (cf_items_create(&filter, &items, &err) != TN_OK)
        return cf_fail(result, "%.400s", err.msg);
    for (; opened < N_THREADS; opened++) {
        struct worker *w = &workers[opened];
        if (cf_device_open(dev->runtime, dev->device, &w->dev, &err) != TN_OK)
            break;
        w->items = items;
        w->first = (size_t)opened * items.n / 2;
    }
    if (opened == N_THREADS)
        run_workers(workers, result);
    else
        cf_fail(result, "%.400s", err.msg);
    for (int i = 0; i < opened; i++)
        cf_device_close(&workers[i].dev);
    cf_items_destroy(&items);
    return result->verdict;
}

const struct cf_check cf_threads_checks[] = {{"two_threads", two_threads, 0}};
const size_t cf_n_threads_checks = 1;
