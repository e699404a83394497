/* Evaluation: one pass without updates, sums weighted by samples. */
#include <string.h>

#include "base/compiler.h"
#include "train/trainer.h"

static tn_status drain(struct tn_trainer *trainer, struct tn_totals *totals, struct tn_error *err)
{
    const struct tn_step_fn *fn = &trainer->eval_fn;
    double values[TN_MAX_RESULTS][TN_RING_STEPS];
    tn_status status = tn_ring_read(trainer, fn, values, err);
    if (status)
        return status;
    for (size_t i = 0; i < trainer->pending.n; i++) {
        for (size_t m = 0; m < fn->n_measures; m++)
            totals->sum[m] += values[m][i];
        totals->n_samples += trainer->pending.n_samples[i];
    }
    tn_ring_drop(&trainer->pending);
    return TN_OK;
}

tn_status tn_evaluate_loader(struct tn_trainer *trainer, tn_loader *loader,
                             struct tn_totals *out_totals, struct tn_error *err)
{
    struct tn_totals totals = {.n_samples = 0};
    const struct tn_batch *batch;
    tn_ring_drop(&trainer->pending); /* of a run that ended with an error */
    tn_status status = tn_loader_start(loader, 0, 0, err);
    while (!status && (batch = tn_loader_next(loader))) {
        tn_plan *plan;
        if ((status = tn_feed_plan(trainer, &trainer->eval_fn, batch->n, &plan, err)) ||
            (status = tn_feed_set(&trainer->eval_fn, plan, tn_loader_dataset(loader), batch,
                                  tn_ring_next(&trainer->pending), err)) ||
            (status = tn_plan_run(plan, err)))
            break;
        tn_ring_push(&trainer->pending, batch->n);
        if (trainer->pending.n == TN_RING_STEPS)
            status = drain(trainer, &totals, err);
    }
    if (!status)
        status = drain(trainer, &totals, err);
    if (!status)
        *out_totals = totals;
    return status;
}

void tn_totals_results(struct tn_trainer *trainer, const struct tn_step_fn *fn,
                       const struct tn_totals *totals, const char *prefix)
{
    double n = (double)TN_MAX(totals->n_samples, 1);
    for (size_t m = 0; m < fn->n_measures && trainer->n_results < TN_LEN(trainer->results); m++) {
        struct tn_result *result = &trainer->results[trainer->n_results++];
        result->name = *prefix
                           ? tn_arena_printf(&trainer->arena, "%s%s", prefix, fn->measures[m].name)
                           : fn->measures[m].name;
        if (!result->name) /* no memory for the prefix */
            result->name = fn->measures[m].name;
        result->value = totals->sum[m] / n;
    }
}

tn_status tn_trainer_evaluate(tn_trainer *trainer, tn_dataset *dataset, const char *prefix,
                              const struct tn_result **out_results, size_t *out_n_results,
                              struct tn_error *err)
{
    struct tn_loader_params params = {.batch_size = trainer->params.batch_size};
    struct tn_totals totals;
    tn_dataset *view = NULL;
    tn_loader *loader = NULL;
    tn_status status;
    if ((status = tn_feed_adapt(&trainer->eval_fn, dataset, &view, err)) ||
        (status = tn_loader_create(view, &params, &loader, err)) ||
        (status = tn_feed_plans(trainer, &trainer->eval_fn, loader, err)) ||
        (status = tn_evaluate_loader(trainer, loader, &totals, err)))
        goto fail;
    trainer->n_results = 0;
    tn_totals_results(trainer, &trainer->eval_fn, &totals, prefix ? prefix : "");
    *out_results = trainer->results;
    *out_n_results = trainer->n_results;
    if (trainer->params.on_event) {
        struct tn_train_event event = {.kind = TN_EVENT_EVAL,
                                       .samples = totals.n_samples,
                                       .results = trainer->results,
                                       .n_results = trainer->n_results};
        trainer->params.on_event(trainer->params.ctx, &event);
    }
fail:
    tn_loader_destroy(&loader);
    tn_dataset_unref(&view);
    return status;
}
