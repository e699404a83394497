/* Runs items in this process, and sums up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "checks.h"

const char *cf_device_kind(const struct tn_device_info *info)
{
    if (info->is_checker)
        return "checker";
    if (info->is_emulated)
        return "OpenCL on the CPU";
    return info->kind == TN_DEVICE_GPU   ? "GPU"
           : info->kind == TN_DEVICE_CPU ? "CPU"
                                         : "accelerator";
}

static void tell_device(tn_device *device, const struct cf_sink *sink)
{
    const struct tn_device_info *info = tn_device_info(device);
    char selector[96];
    snprintf(selector, sizeof(selector), "%s:%u", info->backend, info->index);
    struct cf_device_text text = {.selector = selector,
                                  .name = info->name,
                                  .driver = info->driver,
                                  .uid = info->uid,
                                  .backend = info->backend,
                                  .backend_version = info->backend_version,
                                  .kind = cf_device_kind(info)};
    if (sink->device)
        sink->device(sink->ctx, &text);
}

static void run_item(struct cf_device *dev, const struct cf_item *item, struct cf_result *result)
{
    uint64_t begin = tn_time_ns();
    *result = (struct cf_result){.verdict = CF_PASSED};
    if (item->check)
        item->check->run(dev, result);
    else
        cf_run_case(dev, item, result);
    result->seconds = (double)(tn_time_ns() - begin) * 1e-9;
}

tn_status cf_run(tn_runtime *runtime, tn_device *device, const struct cf_items *items,
                 enum cf_suite suite, size_t from, const struct cf_sink *sink, size_t *out_next,
                 struct tn_error *err)
{
    struct cf_device dev;
    tn_status st = cf_device_open(runtime, device, &dev, err);
    if (st != TN_OK)
        return st;
    size_t i = from;
    tell_device(device, sink);
    for (; i < items->n && !dev.is_lost; i++) {
        const struct cf_item *item = &items->list[i];
        struct cf_result result;
        if (suite != CF_N_SUITES && item->suite != suite)
            continue;
        if (sink->begin)
            sink->begin(sink->ctx, i, item);
        run_item(&dev, item, &result);
        if (sink->end)
            sink->end(sink->ctx, i, item, &result);
    }
    cf_device_close(&dev);
    *out_next = i;
    return TN_OK;
}

/* --- sums --- */

/* Items of one operator come together: the row is most often the last. */
static struct cf_row *find_row(struct cf_tally *t, const struct cf_item *item)
{
    for (size_t i = t->n_rows; i-- > 0;) {
        struct cf_row *row = &t->rows[i];
        if (row->suite == item->suite && strcmp(row->op, item->op) == 0 &&
            strcmp(row->dtype, item->dtype) == 0)
            return row;
    }
    if (t->n_rows == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 256;
        struct cf_row *rows = realloc(t->rows, cap * sizeof(*rows));
        if (!rows)
            return NULL;
        t->rows = rows;
        t->cap = cap;
    }
    struct cf_row *row = &t->rows[t->n_rows++];
    *row = (struct cf_row){.op = item->op, .dtype = item->dtype, .suite = item->suite};
    return row;
}

int cf_tally_add(struct cf_tally *tally, const struct cf_item *item, const struct cf_result *result)
{
    struct cf_row *row = find_row(tally, item);
    if (!row)
        return 0;
    row->n_cases++;
    row->seconds += result->seconds;
    if (result->worst > row->worst)
        row->worst = result->worst;
    switch (result->verdict) {
    case CF_PASSED:
        row->n_passed++;
        tally->n_passed++;
        break;
    case CF_FAILED:
        row->n_failed++;
        tally->n_failed++;
        break;
    case CF_UNSUPPORTED:
        row->n_unsupported++;
        tally->n_unsupported++;
        break;
    default:
        row->n_skipped++;
        tally->n_skipped++;
        break;
    }
    if ((result->verdict == CF_UNSUPPORTED || result->verdict == CF_SKIPPED) && !row->why[0])
        snprintf(row->why, sizeof(row->why), "%.199s", result->message);
    return 1;
}

void cf_tally_finish(struct cf_tally *tally)
{
    free(tally->rows);
    *tally = (struct cf_tally){NULL, 0, 0, 0, 0, 0, 0};
}
