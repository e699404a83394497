/* The step functions as graphs. Training: forward, the loss's sum over the batch, its gradients,
 * the optimizer's updates with grad_mul = 1 / batch, and the sums written into rings of device
 * state, so that the host reads results when it likes and never waits inside a step. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "train/trainer.h"

struct build {
    struct tn_trainer *trainer;
    struct tn_step_fn *fn;
    tn_graph *graph;
    int training;
    int64_t batch;
    tn_value inputs[TN_MAX_FIELDS];
    tn_value outputs[TN_MAX_FIELDS];
    tn_value sample, rng, apply, ring_at;
    tn_value targets[TN_MAX_FIELDS];
    const char *target_names[TN_MAX_FIELDS];
    size_t n_targets;
    tn_value sums[TN_MAX_RESULTS]; /* per measure, f32 scalar */
    tn_value loss_sum;
    struct tn_error *err;
};

static const char *join(struct build *b, const char *prefix, const char *name)
{
    return tn_arena_printf(&b->trainer->arena, "%s%s", prefix, name);
}

static tn_status add_feed(struct build *b, const struct tn_feed *feed)
{
    if (b->fn->n_feeds == TN_MAX_FIELDS)
        return tn_error_set(b->err, TN_E_INVALID, "more than %d inputs and targets", TN_MAX_FIELDS);
    b->fn->feeds[b->fn->n_feeds++] = *feed;
    return TN_OK;
}

static tn_value batched_input(struct build *b, const char *name, tn_dtype dtype,
                              const struct tn_shape *sample)
{
    struct tn_shape shape = {.rank = sample->rank + 1, .dim = {b->batch}};
    memcpy(shape.dim + 1, sample->dim, sample->rank * sizeof(int64_t));
    return tn_graph_input(b->graph, name, dtype, &shape, TN_INPUT_DATA);
}

static tn_status declare_inputs(struct build *b)
{
    const tn_model *model = b->trainer->params.model;
    size_t n = tn_model_input_count(model);
    for (size_t i = 0; i < n; i++) {
        const char *const *fields = b->trainer->params.input_fields;
        struct tn_feed feed = {
            .name = join(b, "input/", tn_model_input_name(model, i)),
            .field = fields   ? fields[i]
                     : n == 1 ? "x"
                              : tn_model_input_name(model, i),
            .dtype = tn_model_input_dtype(model, i),
            .sample_shape = tn_model_input_shape(model, i),
        };
        tn_status status = add_feed(b, &feed);
        if (status)
            return status;
        b->inputs[i] = batched_input(b, feed.name, feed.dtype, &feed.sample_shape);
    }
    b->sample = tn_graph_input(b->graph, "sample", TN_I64, &TN_SHAPE(b->batch), TN_INPUT_DATA);
    b->ring_at = tn_graph_input(b->graph, "ring_at", TN_I64, &TN_SHAPE(1), TN_INPUT_STEP);
    if (b->training) {
        b->rng = tn_graph_input(b->graph, "rng", TN_I64, &TN_SCALAR, TN_INPUT_STEP);
        b->apply = tn_graph_input(b->graph, "apply", TN_F32, &TN_SCALAR, TN_INPUT_STEP);
    }
    return tn_graph_check(b->graph, b->err);
}

static uint32_t group_of(void *ctx, const char *param_name)
{
    const struct tn_optimizer_spec *spec = ((struct tn_trainer *)ctx)->params.optimizer;
    for (size_t i = 0; spec && i < spec->n_groups; i++)
        if (fnmatch(spec->groups[i].match, param_name, 0) == 0)
            return (uint32_t)i + 1;
    return 0;
}

static tn_status forward(struct build *b)
{
    struct tn_forward forward = {
        .training = b->training,
        .inputs = b->inputs,
        .sample = b->sample,
        .rng = b->rng,
        .apply = b->apply,
        .group_of = group_of,
        .group_ctx = b->trainer,
    };
    if (tn_model_output_count(b->trainer->params.model) > TN_MAX_FIELDS)
        return tn_error_set(b->err, TN_E_INVALID, "more than %d outputs", TN_MAX_FIELDS);
    return tn_model_forward(b->trainer->params.model, b->graph, &forward, b->outputs, b->err);
}

static tn_status find_output(struct build *b, const char *name, tn_value *out_value)
{
    const tn_model *model = b->trainer->params.model;
    size_t n = tn_model_output_count(model);
    if (!name && n == 1) {
        *out_value = b->outputs[0];
        return TN_OK;
    }
    for (size_t i = 0; name && i < n; i++) {
        if (strcmp(tn_model_output_name(model, i), name) == 0) {
            *out_value = b->outputs[i];
            return TN_OK;
        }
    }
    return tn_error_set(b->err, TN_E_INVALID,
                        name ? "'%s' is not an output of the model: list it under outputs"
                             : "the model has several outputs: name one ('output:')",
                        name);
}

/* What shape the data must have for a loss of this kind on this output. */
static tn_status describe_target(struct build *b, enum tn_target_kind kind, tn_value output,
                                 struct tn_feed *feed)
{
    struct tn_shape shape = tn_graph_shape(b->graph, output);
    const tn_model *model = b->trainer->params.model;
    for (size_t i = 0; i < tn_model_output_count(model); i++)
        if (b->outputs[i] == output)
            feed->output = tn_model_output_name(model, i);
    for (uint32_t i = 1; i < shape.rank; i++)
        feed->output_shape.dim[feed->output_shape.rank++] = shape.dim[i];
    feed->kind = kind;
    feed->dtype = kind == TN_TARGET_LABELS ? TN_I32 : TN_F32;
    uint32_t last = kind == TN_TARGET_LABELS ? shape.rank - 1 : shape.rank;
    if (shape.rank == 0 || (kind == TN_TARGET_LABELS && shape.rank < 2))
        return tn_error_set(b->err, TN_E_INVALID, "an output of rank %u cannot bear this loss",
                            shape.rank);
    if (kind == TN_TARGET_LABELS)
        feed->n_classes = shape.dim[shape.rank - 1];
    for (uint32_t i = 1; i < last; i++)
        feed->sample_shape.dim[feed->sample_shape.rank++] = shape.dim[i];
    return TN_OK;
}

/* A target that several losses use must satisfy the strictest of them. */
static void tighten_target(struct build *b, const char *field, enum tn_target_kind kind,
                           tn_value output)
{
    struct tn_shape shape = tn_graph_shape(b->graph, output);
    struct tn_feed *feed = NULL;
    for (size_t i = 0; i < b->fn->n_feeds; i++)
        if (b->fn->feeds[i].kind && strcmp(b->fn->feeds[i].field, field) == 0)
            feed = &b->fn->feeds[i];
    if (!feed)
        return;
    if (feed->kind == TN_TARGET_LABELS && kind == TN_TARGET_UNIT)
        feed->n_classes = TN_MIN(feed->n_classes, 2);
    else if (feed->kind == TN_TARGET_LABELS && kind == TN_TARGET_LABELS && shape.rank)
        feed->n_classes = TN_MIN(feed->n_classes, shape.dim[shape.rank - 1]);
    else if (feed->kind == TN_TARGET_REAL && kind == TN_TARGET_UNIT)
        feed->kind = TN_TARGET_UNIT;
}

static tn_status find_target(struct build *b, const char *field, enum tn_target_kind kind,
                             tn_value output, tn_value *out_value)
{
    field = field ? field : "y";
    for (size_t i = 0; i < b->n_targets; i++) {
        if (strcmp(b->target_names[i], field) == 0) {
            tighten_target(b, field, kind, output);
            *out_value = b->targets[i];
            return TN_OK;
        }
    }
    if (!kind)
        return tn_error_set(b->err, TN_E_INVALID, "no loss uses the target '%s' of this metric",
                            field);
    struct tn_feed feed = {.name = join(b, "target/", field), .field = field};
    tn_status status = describe_target(b, kind, output, &feed);
    if (status || (status = add_feed(b, &feed)))
        return status;
    *out_value = batched_input(b, feed.name, feed.dtype, &feed.sample_shape);
    b->target_names[b->n_targets] = field;
    b->targets[b->n_targets++] = *out_value;
    return TN_OK;
}

static int has_measure(const struct build *b, const char *name)
{
    for (size_t i = 0; i < b->fn->n_measures; i++)
        if (strcmp(b->fn->measures[i].name, name) == 0)
            return 1;
    return 0;
}

static tn_status add_measure(struct build *b, const char *name, int higher_is_better,
                             tn_value per_sample)
{
    struct tn_step_fn *fn = b->fn;
    if (!name)
        return tn_error_set(b->err, TN_E_OOM, "out of host memory while building a step");
    if (has_measure(b, name))
        return tn_error_set(b->err, TN_E_INVALID,
                            "two results are called '%s': give the metric another name ('name:')",
                            name);
    if (fn->n_measures == TN_MAX_RESULTS)
        return tn_error_set(b->err, TN_E_INVALID, "more than %d losses and metrics",
                            TN_MAX_RESULTS);
    b->sums[fn->n_measures] = tn_sum(b->graph, per_sample, NULL, 0, 0);
    fn->measures[fn->n_measures].name = name;
    fn->measures[fn->n_measures].ring =
        join(b, b->training ? "metrics/train/" : "metrics/eval/", name);
    fn->measures[fn->n_measures].higher_is_better = higher_is_better;
    fn->n_measures++;
    return tn_graph_check(b->graph, b->err);
}

/* "a_loss"; a second loss on the same output is "a_loss_2". */
static const char *part_name(struct build *b, const struct tn_loss_spec *spec)
{
    const char *base = join(b, spec->output ? spec->output : "output", "_loss"), *name = base;
    for (int n = 2; name && has_measure(b, name); n++)
        name = tn_arena_printf(&b->trainer->arena, "%s_%d", base, n);
    return name;
}

static tn_status add_loss(struct build *b, const struct tn_loss_spec *spec, size_t index)
{
    const struct tn_loss *loss = tn_loss_find(spec->type);
    struct tn_loss_ctx ctx = {.graph = b->graph, .err = b->err};
    tn_status status;
    if (!loss)
        return tn_error_set(b->err, TN_E_INVALID, "there is no loss '%s'", spec->type);
    if ((status = tn_component_check(&loss->component, "loss", spec->options, spec->n_options,
                                     b->err)) ||
        (status = find_output(b, spec->output, &ctx.output)) ||
        (status = find_target(b, spec->target, loss->target, ctx.output, &ctx.target)))
        return status;
    ctx.options = (struct tn_options){&loss->component, spec->options, spec->n_options};
    tn_graph_push_scope(b->graph, loss->component.name);
    tn_value per_sample = loss->build(&ctx);
    tn_graph_pop_scope(b->graph);
    if ((status = tn_graph_check(b->graph, b->err)))
        return status;
    if (per_sample == TN_NONE)
        return b->err ? b->err->code : TN_E_INVALID;
    /* The total comes first among the measures; parts of it follow where there are several. */
    tn_value sum = tn_sum(b->graph, per_sample, NULL, 0, 0);
    if (spec->weight != 0 && spec->weight != 1)
        sum = tn_mul(b->graph, sum, tn_graph_scalar(b->graph, TN_F32, spec->weight));
    b->loss_sum = index == 0 ? sum : tn_add(b->graph, b->loss_sum, sum);
    b->sums[0] = b->loss_sum;
    if (b->trainer->params.n_losses > 1)
        status = add_measure(b, part_name(b, spec), 0, per_sample);
    return status;
}

static tn_status add_losses(struct build *b)
{
    b->fn->measures[0].name = "loss";
    b->fn->measures[0].ring = b->training ? "metrics/train/loss" : "metrics/eval/loss";
    b->fn->n_measures = 1;
    for (size_t i = 0; i < b->trainer->params.n_losses; i++) {
        tn_status status = add_loss(b, &b->trainer->params.losses[i], i);
        if (status)
            return status;
    }
    return TN_OK;
}

static const char *metric_name(struct build *b, const struct tn_metric_spec *spec)
{
    if (spec->name)
        return spec->name;
    const char *type = tn_metric_find(spec->type)->component.name;
    if (!spec->output || tn_model_output_count(b->trainer->params.model) == 1)
        return type;
    return tn_arena_printf(&b->trainer->arena, "%s_%s", spec->output, type);
}

static tn_status add_metric(struct build *b, const struct tn_metric_spec *spec)
{
    const struct tn_metric *metric = tn_metric_find(spec->type);
    struct tn_loss_ctx ctx = {.graph = b->graph, .err = b->err};
    tn_status status;
    if (!metric)
        return tn_error_set(b->err, TN_E_INVALID, "there is no metric '%s'", spec->type);
    if ((status = tn_component_check(&metric->component, "metric", spec->options, spec->n_options,
                                     b->err)) ||
        (status = find_output(b, spec->output, &ctx.output)) ||
        (status = find_target(b, spec->target, 0, ctx.output, &ctx.target)))
        return status;
    ctx.options = (struct tn_options){&metric->component, spec->options, spec->n_options};
    tn_graph_push_scope(b->graph, metric->component.name);
    tn_value per_sample = metric->build(&ctx);
    tn_graph_pop_scope(b->graph);
    if ((status = tn_graph_check(b->graph, b->err)))
        return status;
    if (per_sample == TN_NONE)
        return b->err ? b->err->code : TN_E_INVALID;
    return add_measure(b, metric_name(b, spec), metric->higher_is_better, per_sample);
}

/* Each sum goes to its place in a ring that stays on the device. */
static tn_status write_rings(struct build *b)
{
    for (size_t i = 0; i < b->fn->n_measures; i++) {
        struct tn_state_params ring = {
            .name = b->fn->measures[i].ring,
            .dtype = TN_F32,
            .shape = TN_SHAPE(TN_RING_STEPS),
            .role = TN_STATE_CACHE,
        };
        tn_value state = tn_graph_state(b->graph, &ring);
        tn_value sum = tn_reshape(b->graph, b->sums[i], &TN_SHAPE(1));
        tn_value next = tn_op3(b->graph, "dynamic_update_slice", state, sum, b->ring_at, NULL, 0);
        tn_graph_assign(b->graph, state, next);
    }
    return tn_graph_check(b->graph, b->err);
}

struct params {
    struct tn_state_params *info;
    tn_value *value, *grad;
    size_t n;
};

static void params_finish(struct params *params)
{
    free(params->info);
    free(params->value);
    free(params->grad);
}

static tn_status collect_params(struct build *b, struct params *out)
{
    size_t n = tn_graph_state_count(b->graph);
    out->info = calloc(n + 1, sizeof(*out->info));
    out->value = calloc(n + 1, sizeof(*out->value));
    out->grad = calloc(n + 1, sizeof(*out->grad));
    if (!out->info || !out->value || !out->grad)
        return tn_error_set(b->err, TN_E_OOM, "out of host memory while building a step");
    for (size_t i = 0; i < n; i++) {
        out->value[out->n] = tn_graph_state_at(b->graph, i, &out->info[out->n]);
        if (out->info[out->n].role == TN_STATE_PARAM)
            out->n++;
    }
    if (!out->n)
        return tn_error_set(b->err, TN_E_INVALID, "the model has no parameters to train");
    return TN_OK;
}

/* The step count is state, so that a step that is not applied is not counted. Like the other slots
 * it bears a parameter's name: two models trained in one session count for themselves. */
static tn_value count_step(struct build *b, const struct params *trained)
{
    const char *name =
        tn_arena_printf(&b->trainer->arena, "optimizer/%s/step", trained->info[0].name);
    struct tn_state_params params = {
        .name = name,
        .dtype = TN_I64,
        .shape = TN_SCALAR,
        .role = TN_STATE_SLOT,
        .slot = "step",
    };
    tn_value step = tn_graph_state(b->graph, &params);
    tn_value next = tn_op2(b->graph, "counter_add", step, b->apply, NULL, 0);
    tn_graph_assign(b->graph, step, next);
    return next;
}

/* A glob with a slip in it would quietly train with the wrong options. */
static tn_status check_groups(struct build *b, const struct params *params)
{
    const struct tn_optimizer_spec *spec = b->trainer->params.optimizer;
    for (size_t g = 0; g < spec->n_groups; g++) {
        size_t n = 0;
        for (size_t i = 0; i < params->n; i++)
            n += fnmatch(spec->groups[g].match, params->info[i].name, 0) == 0;
        if (!n)
            return tn_error_set(b->err, TN_E_INVALID,
                                "optimizer group %zu: '%s' matches no parameter; their names are "
                                "of the form '%s'",
                                g, spec->groups[g].match, params->info[0].name);
    }
    return TN_OK;
}

static void emit_updates(struct build *b, const struct params *params)
{
    struct tn_trainer *trainer = b->trainer;
    struct tn_attr axes = TN_AV("axes", 0, NULL);
    tn_value count = tn_op1(b->graph, "dim_size", b->sample, &axes, 1);
    tn_value one = tn_graph_scalar(b->graph, TN_F32, 1.0);
    struct tn_update_inputs inputs = {
        .grad_mul = tn_div(b->graph, one, count), .apply = b->apply, .step = count_step(b, params)};
    double clip_norm = tn_options_float(&trainer->groups[0].options, "clip_norm");
    if (clip_norm > 0)
        inputs.grad_mul =
            tn_optimizer_clip_norm(b->graph, params->grad, params->n, inputs.grad_mul, clip_norm);
    for (size_t g = 0; g < trainer->n_groups; g++) {
        struct tn_optimizer_ctx ctx = {.graph = b->graph,
                                       .options = trainer->groups[g].options,
                                       .inputs = inputs,
                                       .correction = TN_NONE};
        ctx.inputs.lr = tn_graph_input(b->graph, trainer->groups[g].lr_input, TN_F32, &TN_SCALAR,
                                       TN_INPUT_STEP);
        for (size_t i = params->n; i-- > 0;)
            if (params->info[i].group == g)
                ctx.first = &params->info[i];
        if (!ctx.first) /* an earlier group takes all that this one matches */
            continue;
        if (trainer->optimizer->prepare)
            ctx.correction = trainer->optimizer->prepare(&ctx);
        for (size_t i = 0; i < params->n; i++)
            if (params->info[i].group == g)
                trainer->optimizer->update(&ctx, &params->info[i], params->value[i],
                                           params->grad[i]);
    }
}

static tn_status emit_training(struct build *b)
{
    struct params params = {0};
    tn_status status = collect_params(b, &params);
    if (!status && !(status = check_groups(b, &params))) {
        tn_graph_gradients(b->graph, b->loss_sum, params.value, params.n, params.grad);
        tn_graph_push_scope(b->graph, "update");
        if (!(status = tn_graph_check(b->graph, b->err)))
            emit_updates(b, &params);
        tn_graph_pop_scope(b->graph);
    }
    params_finish(&params);
    return status ? status : tn_graph_check(b->graph, b->err);
}

static tn_status build(struct tn_trainer *trainer, struct tn_step_fn *fn, int training,
                       struct tn_error *err)
{
    struct tn_error local = {TN_OK, ""};
    struct build b = {.trainer = trainer,
                      .fn = fn,
                      .training = training,
                      .rng = TN_NONE,
                      .apply = TN_NONE,
                      .err = err ? err : &local};
    tn_status status = tn_graph_create(training ? "train" : "eval", &fn->graph, err);
    if (status)
        return status;
    b.graph = fn->graph;
    b.batch = tn_graph_symbol(fn->graph, "batch");
    if ((status = declare_inputs(&b)) || (status = forward(&b)) || (status = add_losses(&b)))
        return status;
    for (size_t i = 0; i < trainer->params.n_metrics; i++)
        if ((status = add_metric(&b, &trainer->params.metrics[i])))
            return status;
    if (training && (status = emit_training(&b)))
        return status;
    return write_rings(&b);
}

tn_status tn_steps_build_train(struct tn_trainer *trainer, struct tn_error *err)
{
    return build(trainer, &trainer->train_fn, 1, err);
}

tn_status tn_steps_build_eval(struct tn_trainer *trainer, struct tn_error *err)
{
    return build(trainer, &trainer->eval_fn, 0, err);
}
