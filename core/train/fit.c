/* The training loop. Steps are queued without waiting; results are read from the rings in bursts, a
 * few times a second or when a ring is full. */
#include <math.h>
#include <string.h>

#include "base/compiler.h"
#include "base/rng.h"
#include "base/time.h"
#include "train/trainer.h"

#define BURST_NS 100000000u /* how often results are read while steps run */

struct fit {
    struct tn_trainer *t;
    struct tn_totals totals; /* of the epoch so far */
    int64_t epoch;           /* from 1 */
    int64_t step_in_epoch;
    uint64_t begin_ns, epoch_begin_ns, burst_ns;
    int64_t epochs_since_best;
    tn_stop_reason reason; /* 0: go on */
    struct tn_error *err;
};

static double seconds_since(uint64_t begin_ns)
{
    return (double)(tn_time_ns() - begin_ns) * 1e-9;
}

/* Of the first group, in the step after `n_done` of them. */
static double lr_at(const struct tn_trainer *t, int64_t n_done)
{
    return t->groups[0].lr * tn_schedule_factor(t->schedule, &t->schedule_options,
                                                TN_MAX(n_done, 0), t->n_steps_planned);
}

static void emit(struct fit *f, struct tn_train_event *event)
{
    struct tn_trainer *t = f->t;
    if (!t->params.on_event)
        return;
    event->epoch = f->epoch;
    event->n_epochs = t->params.epochs;
    event->n_steps_in_epoch = tn_loader_batch_count(t->loader);
    event->lr = lr_at(t, event->step - 1);
    event->seconds = event->seconds > 0 ? event->seconds : seconds_since(f->epoch_begin_ns);
    event->samples_per_s = event->seconds > 0 ? (double)f->totals.n_samples / event->seconds : 0.0;
    t->params.on_event(t->params.ctx, event);
}

static void emit_step(struct fit *f, const double sums[TN_MAX_RESULTS], int64_t n_samples,
                      int64_t step, int64_t step_in_epoch)
{
    struct tn_result results[TN_MAX_RESULTS];
    const struct tn_step_fn *fn = &f->t->train_fn;
    for (size_t m = 0; m < fn->n_measures; m++)
        results[m] =
            (struct tn_result){fn->measures[m].name, sums[m] / (double)TN_MAX(n_samples, 1)};
    struct tn_train_event event = {.kind = TN_EVENT_STEP,
                                   .step = step,
                                   .step_in_epoch = step_in_epoch,
                                   .samples = n_samples,
                                   .results = results,
                                   .n_results = fn->n_measures};
    emit(f, &event);
}

static tn_status not_finite(struct fit *f, int64_t step, double loss)
{
    return tn_error_set(f->err, TN_E_NUMERIC,
                        "the loss is %s at step %lld (epoch %lld): try a lower learning rate "
                        "(now %g), or check the data for NaN and very large values",
                        isnan(loss) ? "NaN" : "infinite", (long long)step, (long long)f->epoch,
                        lr_at(f->t, step - 1));
}

/* Reads what has run since the last burst. */
static tn_status read_burst(struct fit *f)
{
    struct tn_trainer *t = f->t;
    double values[TN_MAX_RESULTS][TN_RING_STEPS];
    size_t n = t->pending.n;
    tn_status status = tn_ring_read(t, &t->train_fn, values, f->err);
    if (status)
        return status;
    for (size_t i = 0; i < n; i++) {
        double sums[TN_MAX_RESULTS];
        int64_t ago = (int64_t)(n - 1 - i);
        for (size_t m = 0; m < t->train_fn.n_measures; m++) {
            sums[m] = values[m][i];
            f->totals.sum[m] += sums[m];
        }
        f->totals.n_samples += t->pending.n_samples[i];
        if (!isfinite(sums[0]))
            return not_finite(f, t->step - ago, sums[0]);
        emit_step(f, sums, t->pending.n_samples[i], t->step - ago, f->step_in_epoch - ago);
    }
    tn_ring_drop(&t->pending);
    t->n_results = 0;
    tn_totals_results(t, &t->train_fn, &f->totals, "");
    struct tn_train_event event = {.kind = TN_EVENT_PROGRESS,
                                   .step = t->step,
                                   .step_in_epoch = f->step_in_epoch,
                                   .samples = f->totals.n_samples,
                                   .results = t->results,
                                   .n_results = t->n_results};
    emit(f, &event);
    f->burst_ns = tn_time_ns();
    return TN_OK;
}

static tn_status set_step_values(struct fit *f, tn_plan *plan, const struct tn_batch *batch)
{
    struct tn_trainer *t = f->t;
    float apply = 1.0f;
    int64_t rng = (int64_t)tn_rng_step_key(t->params.seed, (uint64_t)t->step, 0);
    double factor =
        tn_schedule_factor(t->schedule, &t->schedule_options, t->step, t->n_steps_planned);
    tn_status status = tn_plan_set_input_bytes(plan, "apply", &apply, sizeof(apply), f->err);
    if (!status)
        status = tn_plan_set_input_bytes(plan, "rng", &rng, sizeof(rng), f->err);
    if (!status)
        status = tn_plan_set_input_bytes(plan, "sample", batch->sample,
                                         (size_t)batch->n * sizeof(int64_t), f->err);
    for (size_t g = 0; g < t->n_groups && !status; g++) {
        float lr = (float)(t->groups[g].lr * factor);
        status = tn_plan_set_input_bytes(plan, t->groups[g].lr_input, &lr, sizeof(lr), f->err);
    }
    return status;
}

enum step_kind { STEP_PLAIN, STEP_VERIFY, STEP_NUMERICS };

static enum step_kind kind_of_step(const struct tn_trainer *t)
{
    const struct tn_train_params *params = &t->params;
    if (params->verify_every && t->step % params->verify_every == 0)
        return STEP_VERIFY;
    return params->check_numerics ? STEP_NUMERICS : STEP_PLAIN;
}

static tn_status verify_step(struct fit *f, tn_plan *plan)
{
    struct tn_trainer *t = f->t;
    struct tn_check_report report;
    tn_status status = tn_plan_verify(plan, t->params.on_node, t->params.ctx, &report, f->err);
    if (status) {
        tn_error_prefix(f->err, "step %lld", (long long)t->step + 1);
        return status;
    }
    struct tn_train_event event = {.kind = TN_EVENT_VERIFIED,
                                   .step = t->step + 1,
                                   .step_in_epoch = f->step_in_epoch + 1,
                                   .check = &report};
    emit(f, &event);
    return TN_OK;
}

static tn_status check_step(struct fit *f, tn_plan *plan)
{
    tn_status status = tn_plan_check_numerics(plan, f->err);
    if (status)
        tn_error_prefix(f->err, "step %lld", (long long)f->t->step + 1);
    return status;
}

static tn_status run_step(struct fit *f, const struct tn_batch *batch)
{
    struct tn_trainer *t = f->t;
    enum step_kind kind = kind_of_step(t);
    tn_plan *plan;
    tn_status status = kind == STEP_PLAIN
                           ? tn_feed_plan(t, &t->train_fn, batch->n, &plan, f->err)
                           : tn_feed_checked_plan(t, &t->train_fn, batch->n, &plan, f->err);
    if (status ||
        (status =
             tn_feed_set(&t->train_fn, plan, t->train, batch, tn_ring_next(&t->pending), f->err)) ||
        (status = set_step_values(f, plan, batch)))
        return status;
    status = kind == STEP_VERIFY     ? verify_step(f, plan)
             : kind == STEP_NUMERICS ? check_step(f, plan)
                                     : tn_plan_run(plan, f->err);
    if (status)
        return status;
    tn_ring_push(&t->pending, batch->n);
    t->step++;
    f->step_in_epoch++;
    if (t->pending.n == TN_RING_STEPS || tn_time_ns() - f->burst_ns > BURST_NS)
        return read_burst(f);
    return TN_OK;
}

static void check_limits(struct fit *f)
{
    const struct tn_train_params *params = &f->t->params;
    if (params->max_steps && f->t->step >= params->max_steps)
        f->reason = TN_STOP_MAX_STEPS;
    else if (params->max_seconds > 0 && seconds_since(f->begin_ns) >= params->max_seconds)
        f->reason = TN_STOP_MAX_TIME;
    else if (params->should_stop && params->should_stop(params->ctx))
        f->reason = TN_STOP_ASKED;
}

static tn_status train_epoch(struct fit *f)
{
    struct tn_trainer *t = f->t;
    const struct tn_batch *batch;
    memset(&f->totals, 0, sizeof(f->totals));
    tn_ring_drop(&t->pending); /* of a run that ended with an error */
    f->step_in_epoch = 0;
    f->epoch_begin_ns = f->burst_ns = tn_time_ns();
    tn_status status = tn_loader_start(t->loader, (uint64_t)f->epoch - 1, 0, f->err);
    while (!status && !f->reason && (batch = tn_loader_next(t->loader))) {
        status = run_step(f, batch);
        check_limits(f);
    }
    return status ? status : read_burst(f);
}

/* Validates, decides whether these are the best weights, and keeps them. */
static tn_status validate(struct fit *f, int *out_is_best)
{
    struct tn_trainer *t = f->t;
    struct tn_totals totals;
    size_t measure;
    int found;
    tn_status status = tn_best_find_monitor(t, &measure, &found, f->err);
    *out_is_best = 1;
    if (status || !t->validation)
        return status;
    if ((status = tn_evaluate_loader(t, t->val_loader, &totals, f->err)))
        return status;
    tn_totals_results(t, &t->eval_fn, &totals, "val_");
    double value = totals.sum[measure] / (double)TN_MAX(totals.n_samples, 1);
    *out_is_best = tn_best_is_better(t, measure, value);
    f->epochs_since_best = *out_is_best ? 0 : f->epochs_since_best + 1;
    if (*out_is_best) {
        t->best_value = value;
        t->best_epoch = f->epoch;
        status = tn_best_keep(t, f->err);
    }
    return status;
}

static tn_status end_epoch(struct fit *f)
{
    struct tn_trainer *t = f->t;
    struct tn_train_event event = {.kind = TN_EVENT_EPOCH,
                                   .step = t->step,
                                   .step_in_epoch = f->step_in_epoch,
                                   .samples = f->totals.n_samples,
                                   .seconds = seconds_since(f->epoch_begin_ns)};
    t->n_results = 0;
    tn_totals_results(t, &t->train_fn, &f->totals, "");
    tn_status status = validate(f, &event.is_best);
    if (status)
        return status;
    event.results = t->results;
    event.n_results = t->n_results;
    emit(f, &event);
    if (!f->reason && t->params.patience && f->epochs_since_best >= t->params.patience)
        f->reason = TN_STOP_PATIENCE;
    return TN_OK;
}

tn_status tn_trainer_fit(tn_trainer *trainer, tn_stop_reason *out_reason, struct tn_error *err)
{
    struct fit f = {.t = trainer, .begin_ns = tn_time_ns(), .err = err};
    tn_status status = TN_OK;
    if (!trainer->params.optimizer)
        return tn_error_set(err, TN_E_INVALID, "this trainer was made without an optimizer");
    for (f.epoch = 1; f.epoch <= trainer->params.epochs && !f.reason && !status; f.epoch++) {
        status = train_epoch(&f);
        if (!status)
            status = end_epoch(&f);
    }
    if (!status && trainer->best)
        status = tn_best_restore(trainer, err);
    if (!status && out_reason)
        *out_reason = f.reason ? f.reason : TN_STOP_EPOCHS;
    return status;
}
