/* Making a trainer: checks, graphs, loaders, plans. */
#include "train/trainer.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

/* A group's options stand before the optimizer's own, so that they are found first. */
static tn_status merge_group(struct tn_trainer *trainer, size_t index, struct tn_error *err)
{
    const struct tn_optimizer_spec *spec = trainer->params.optimizer;
    const struct tn_optimizer_group *group = index ? &spec->groups[index - 1] : NULL;
    struct tn_group_state *state = &trainer->groups[index];
    size_t n_own = group ? group->n_options : 0;
    const struct tn_component *component = &trainer->optimizer->component;
    if (group) {
        tn_status status = tn_component_check(component, group->match, group->options, n_own, err);
        if (status)
            return tn_error_prefix(err, "optimizer group ");
        for (size_t i = 0; i < n_own; i++)
            if (strcmp(group->options[i].name, "clip_norm") == 0)
                return tn_error_set(err, TN_E_INVALID,
                                    "optimizer group '%s': clip_norm is of all gradients together: "
                                    "give it to the optimizer, not to a group",
                                    group->match);
    }
    state->merged = TN_ARENA_NEW(&trainer->arena, struct tn_attr, n_own + spec->n_options);
    state->lr_input = tn_arena_printf(&trainer->arena, "lr/%zu", index);
    if (!state->merged || !state->lr_input)
        return tn_error_set(err, TN_E_OOM, "out of host memory while making a trainer");
    if (n_own)
        memcpy(state->merged, group->options, n_own * sizeof(*state->merged));
    if (spec->n_options)
        memcpy(state->merged + n_own, spec->options, spec->n_options * sizeof(*state->merged));
    state->options = (struct tn_options){component, state->merged, n_own + spec->n_options};
    state->lr = tn_options_float(&state->options, "lr");
    return TN_OK;
}

static tn_status prepare_schedule(struct tn_trainer *trainer, struct tn_error *err)
{
    const struct tn_optimizer_spec *spec = trainer->params.optimizer;
    const char *name = spec->schedule ? spec->schedule : "constant";
    trainer->schedule = tn_schedule_find(name);
    if (!trainer->schedule)
        return tn_error_set(err, TN_E_INVALID, "there is no schedule '%s'", name);
    trainer->schedule_options = (struct tn_options){
        &trainer->schedule->component, spec->schedule_options, spec->n_schedule_options};
    return tn_component_check(&trainer->schedule->component, "schedule", spec->schedule_options,
                              spec->n_schedule_options, err);
}

static tn_status prepare_optimizer(struct tn_trainer *trainer, struct tn_error *err)
{
    const struct tn_optimizer_spec *spec = trainer->params.optimizer;
    tn_status status;
    trainer->optimizer = tn_optimizer_find(spec->type);
    if (!trainer->optimizer)
        return tn_error_set(err, TN_E_INVALID, "there is no optimizer '%s'", spec->type);
    if (spec->n_groups >= TN_MAX_GROUPS)
        return tn_error_set(err, TN_E_INVALID, "optimizer: more than %d groups", TN_MAX_GROUPS - 1);
    if ((status = tn_component_check(&trainer->optimizer->component, "optimizer", spec->options,
                                     spec->n_options, err)))
        return status;
    trainer->n_groups = spec->n_groups + 1;
    for (size_t i = 0; i < trainer->n_groups; i++)
        if ((status = merge_group(trainer, i, err)))
            return status;
    return prepare_schedule(trainer, err);
}

static tn_status check_params(const struct tn_train_params *params, const tn_dataset *train,
                              struct tn_error *err)
{
    if (params->batch_size < 1)
        return tn_error_set(err, TN_E_INVALID, "batch_size is %lld; it must be at least 1",
                            (long long)params->batch_size);
    if (params->n_losses == 0)
        return tn_error_set(err, TN_E_INVALID, "no loss is given");
    if (params->optimizer && !train)
        return tn_error_set(err, TN_E_INVALID, "no training data is given");
    if (params->optimizer && params->epochs < 1)
        return tn_error_set(err, TN_E_INVALID, "epochs is %lld; it must be at least 1",
                            (long long)params->epochs);
    return TN_OK;
}

static tn_status open_train(struct tn_trainer *trainer, tn_dataset *train, struct tn_error *err)
{
    struct tn_loader_params loader = {.batch_size = trainer->params.batch_size,
                                      .shuffle = !trainer->params.no_shuffle,
                                      .seed = trainer->params.seed};
    tn_status status;
    if ((status = tn_steps_build_train(trainer, err)) ||
        (status = tn_feed_adapt(&trainer->train_fn, train, &trainer->train, err)) ||
        (status = tn_loader_create(trainer->train, &loader, &trainer->loader, err)))
        return status;
    if (TN_MUL_OVERFLOW(trainer->params.epochs, tn_loader_batch_count(trainer->loader),
                        &trainer->n_steps_planned))
        trainer->n_steps_planned = INT64_MAX;
    if (trainer->params.max_steps)
        trainer->n_steps_planned = TN_MIN(trainer->n_steps_planned, trainer->params.max_steps);
    return tn_feed_plans(trainer, &trainer->train_fn, trainer->loader, err);
}

static tn_status open_validation(struct tn_trainer *trainer, tn_dataset *validation,
                                 struct tn_error *err)
{
    struct tn_loader_params loader = {.batch_size = trainer->params.batch_size};
    tn_status status = tn_steps_build_eval(trainer, err);
    if (status || !validation)
        return status;
    if ((status = tn_feed_adapt(&trainer->eval_fn, validation, &trainer->validation, err)) ||
        (status = tn_loader_create(trainer->validation, &loader, &trainer->val_loader, err)))
        return status;
    return tn_feed_plans(trainer, &trainer->eval_fn, trainer->val_loader, err);
}

tn_status tn_trainer_create(tn_session *session, const struct tn_train_params *params,
                            tn_dataset *train, tn_dataset *validation, tn_trainer **out_trainer,
                            struct tn_error *err)
{
    size_t measure;
    int found;
    tn_status status = check_params(params, train, err);
    if (status)
        return status;
    struct tn_trainer *trainer = calloc(1, sizeof(*trainer));
    if (!trainer)
        return tn_error_set(err, TN_E_OOM, "out of host memory while making a trainer");
    tn_arena_init(&trainer->arena);
    trainer->params = *params;
    trainer->session = session;
    if (params->optimizer &&
        ((status = prepare_optimizer(trainer, err)) || (status = open_train(trainer, train, err))))
        goto fail;
    if ((status = open_validation(trainer, validation, err)) ||
        (status = tn_best_find_monitor(trainer, &measure, &found, err)))
        goto fail;
    *out_trainer = trainer;
    return TN_OK;
fail:
    tn_trainer_destroy(&trainer);
    return status;
}

void tn_trainer_destroy(tn_trainer **trainer)
{
    struct tn_trainer *t = trainer ? *trainer : NULL;
    if (!t)
        return;
    tn_loader_destroy(&t->loader);
    tn_loader_destroy(&t->val_loader);
    tn_dataset_unref(&t->train);
    tn_dataset_unref(&t->validation);
    for (size_t i = 0; i < t->n_best; i++)
        tn_tensor_unref(&t->best[i]);
    free(t->best);
    tn_session_forget(t->session, t->train_fn.graph);
    tn_session_forget(t->session, t->eval_fn.graph);
    tn_graph_destroy(&t->train_fn.graph);
    tn_graph_destroy(&t->eval_fn.graph);
    tn_arena_finish(&t->arena);
    free(t);
    *trainer = NULL;
}

const tn_plan *tn_trainer_plan(const tn_trainer *trainer)
{
    const struct tn_step_fn *fn =
        trainer->params.optimizer ? &trainer->train_fn : &trainer->eval_fn;
    return fn->n_plans ? fn->plans[0] : NULL;
}

uint64_t tn_trainer_peak_bytes(const tn_trainer *trainer)
{
    const struct tn_trainer_memory *m = &trainer->memory;
    return m->state + m->activations + m->workspace + m->plans;
}

int64_t tn_trainer_steps(const tn_trainer *trainer)
{
    return trainer->step;
}

int64_t tn_trainer_best_epoch(const tn_trainer *trainer)
{
    return trainer->best_epoch;
}
