/* The best weights so far, kept on the host and put back when training ends. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/trainer.h"

static int is_weight(const struct tn_state_info *info)
{
    return info->role == TN_STATE_PARAM || info->role == TN_STATE_BUFFER;
}

tn_status tn_best_find_monitor(const struct tn_trainer *trainer, size_t *out_measure,
                               int *out_found, struct tn_error *err)
{
    const char *monitor = trainer->params.monitor;
    char list[256] = "";
    *out_found = 0;
    if (!trainer->validation) {
        if (!monitor || strcmp(monitor, "val_loss") == 0)
            return TN_OK;
        return tn_error_set(err, TN_E_INVALID, "monitor: '%s' needs validation data", monitor);
    }
    const char *name = monitor ? monitor : "val_loss";
    for (size_t i = 0; i < trainer->eval_fn.n_measures; i++) {
        const char *measure = trainer->eval_fn.measures[i].name;
        size_t n = strlen(list);
        snprintf(list + n, sizeof(list) - n, "%sval_%s", n ? ", " : "", measure);
        if (strncmp(name, "val_", 4) == 0 && strcmp(name + 4, measure) == 0) {
            *out_measure = i;
            *out_found = 1;
            return TN_OK;
        }
    }
    return tn_error_set(err, TN_E_INVALID, "monitor: there is no result '%s' (results: %s)", name,
                        list);
}

int tn_best_is_better(const struct tn_trainer *trainer, size_t measure, double value)
{
    double gain = trainer->best_value - value;
    if (trainer->best_epoch == 0)
        return 1;
    if (isnan(trainer->best_value)) /* anything beats it; and it beats nothing */
        return !isnan(value);
    if (trainer->eval_fn.measures[measure].higher_is_better)
        gain = -gain;
    return gain > trainer->params.min_delta;
}

tn_status tn_best_keep(struct tn_trainer *trainer, struct tn_error *err)
{
    size_t n = tn_session_state_count(trainer->session);
    if (!trainer->best) {
        trainer->best = calloc(n, sizeof(*trainer->best));
        trainer->n_best = n;
        if (!trainer->best)
            return tn_error_set(err, TN_E_OOM, "out of host memory while keeping the best weights");
    }
    for (size_t i = 0; i < trainer->n_best; i++) {
        struct tn_state_info info;
        tn_tensor *copy = NULL;
        tn_session_state_info(trainer->session, i, &info);
        if (!is_weight(&info))
            continue;
        tn_status status = tn_session_get_state(trainer->session, info.name, &copy, err);
        if (status)
            return status;
        tn_tensor_unref(&trainer->best[i]);
        trainer->best[i] = copy;
    }
    return TN_OK;
}

tn_status tn_best_restore(struct tn_trainer *trainer, struct tn_error *err)
{
    for (size_t i = 0; i < trainer->n_best; i++) {
        struct tn_state_info info;
        if (!trainer->best[i])
            continue;
        tn_session_state_info(trainer->session, i, &info);
        tn_status status = tn_session_set_state(trainer->session, info.name, trainer->best[i], err);
        if (status)
            return status;
    }
    return TN_OK;
}
