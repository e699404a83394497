/* tenon train: data, model, device, the loop, the run folder. */
#include <signal.h>
#include <string.h>

#include "io/json.h"
#include "progress.h"
#include "run_folder.h"
#include "watch.h"

#define TEST_PREFIX "test_"
/* A node of a verified step that takes longer counts as hung. */
#define HANG_S 60

struct train {
    const struct cli_options *options;
    tn_recipe *recipe;
    tn_dataset *train, *validation, *test;
    tn_model *model;
    tn_runtime *runtime;
    tn_device *device;
    tn_session *session;
    tn_trainer *trainer;
    struct tn_train_params params;
    struct run_folder folder;
    struct sigaction old_int, old_term;
    int has_folder;
    struct progress progress;
    tn_status callback_status; /* first failure inside a callback */
    struct tn_error err;
};

/* The first interrupt ends the run in order, with the best weights saved; the second one at once.
 */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = 1;
    signal(number, SIG_DFL);
}

static int should_stop(void *ctx)
{
    const struct train *t = ctx;
    return interrupted || t->callback_status;
}

/* A saved model follows each best epoch, so that an interrupted run has its best behind it. */
static void save_epoch(struct train *t, const struct tn_train_event *event)
{
    if (event->is_best && !t->callback_status)
        t->callback_status =
            run_folder_save(&t->folder, t->session, event->epoch, t->validation != NULL, &t->err);
}

static void on_event(void *ctx, const struct tn_train_event *event)
{
    struct train *t = ctx;
    progress_show(&t->progress, event);
    if (event->kind == TN_EVENT_PROGRESS || t->callback_status)
        return;
    if (t->has_folder && event->kind != TN_EVENT_STEP)
        t->callback_status = run_folder_log(&t->folder, progress_json(event), &t->err);
    if (t->has_folder && event->kind == TN_EVENT_EPOCH)
        save_epoch(t, event);
}

/* What can be wrong with the input shows itself here, before anything is written. */
static tn_status open_input(struct train *t)
{
    const struct cli_options *options = t->options;
    tn_status status;
    if ((status = tn_recipe_train_params(t->recipe, &t->params, &t->err)) ||
        (status = cli_open_runtime(options, t->recipe, &t->runtime, &t->device, &t->err)) ||
        (status = tn_recipe_open_data(t->recipe, options->data_dir, &t->train, &t->validation,
                                      &t->test, &t->err)) ||
        (status = tn_recipe_build_model(t->recipe, t->train, &t->model, &t->err)))
        return status;
    t->params.model = t->model;
    t->params.verify_every = options->verify > 0 ? options->verify : 0;
    t->params.on_node = cli_watch_node;
    t->params.check_numerics = options->check_numerics;
    t->params.on_event = on_event;
    t->params.should_stop = should_stop;
    t->params.ctx = t;
    return TN_OK;
}

static tn_status open_folder(struct train *t)
{
    if (t->options->no_save || t->options->dry_run)
        return TN_OK;
    tn_status status = run_folder_open(&t->folder, t->options, t->recipe, &t->err);
    if (status)
        return status;
    t->has_folder = 1;
    cli_say(t->options, "run folder: %s\n", t->folder.path);
    return TN_OK;
}

/* Checks data against the model, and plans: this may take a while, so the choice is said before. */
static tn_status open_trainer(struct train *t)
{
    tn_status status;
    cli_say_device(t->options, t->device);
    cli_say(t->options, "data: %s; %lld to train, %lld to validate, %lld to test\n",
            tn_dataset_description(t->train), (long long)tn_dataset_size(t->train),
            (long long)(t->validation ? tn_dataset_size(t->validation) : 0),
            (long long)(t->test ? tn_dataset_size(t->test) : 0));
    fflush(stdout);
    if ((status = cli_open_session(t->options, t->runtime, t->device, t->params.seed, &t->session,
                                   &t->err)))
        return status;
    return tn_trainer_create(t->session, &t->params, t->train, t->validation, &t->trainer, &t->err);
}

static json_t *begin_json(const struct train *t)
{
    const struct tn_device_info *info = tn_device_info(t->device);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "event", "begin", "version", tn_version(),
                     "backend", info->backend, "device", info->name, "driver", info->driver, "seed",
                     (json_int_t)t->params.seed);
}

static tn_status fit(struct train *t, tn_stop_reason *out_reason)
{
    tn_status status = TN_OK;
    if (t->has_folder)
        status = run_folder_log(&t->folder, begin_json(t), &t->err);
    if (t->params.verify_every)
        cli_watch_begin(t->options->timeout_seconds > 0 ? t->options->timeout_seconds : HANG_S);
    if (!status)
        status = tn_trainer_fit(t->trainer, out_reason, &t->err);
    if (t->params.verify_every)
        cli_watch_end();
    progress_clear(&t->progress);
    return status ? status : t->callback_status;
}

static void say_end(const struct train *t, tn_stop_reason reason)
{
    static const char *const reasons[] = {
        [TN_STOP_MAX_STEPS] = "stopped at --max-steps",
        [TN_STOP_MAX_TIME] = "stopped at --max-time",
        [TN_STOP_PATIENCE] = "stopped: no better epoch for a while",
        [TN_STOP_ASKED] = "stopped as asked; what was best is kept",
    };
    if (reason != TN_STOP_EPOCHS)
        cli_say(t->options, "%s\n", reasons[reason]);
    int64_t best = tn_trainer_best_epoch(t->trainer);
    if (best)
        cli_say(t->options, "weights: best by %s, of epoch %lld\n",
                t->params.monitor ? t->params.monitor : "val_loss", (long long)best);
    else
        cli_say(t->options, "weights: the last ones (there is no validation data)\n");
}

static json_t *done_json(const struct train *t, const struct tn_result *results, size_t n)
{
    const struct tn_device_info *info = tn_device_info(t->device);
    json_t *done = json_pack("{s:s, s:s, s:I, s:I}", "device", info->name, "backend", info->backend,
                             "peak_bytes", (json_int_t)tn_trainer_peak_bytes(t->trainer), "steps",
                             (json_int_t)tn_trainer_steps(t->trainer));
    for (size_t i = 0; i < n; i++)
        json_object_set_new(done, results[i].name, cli_json_number(results[i].value));
    return done;
}

static void print_results(const struct train *t, const struct tn_result *results, size_t n)
{
    for (size_t i = 0; i < n && !t->options->json; i++)
        printf("%s%s %.4f%s", i ? "  " : "test:  ", results[i].name + strlen(TEST_PREFIX),
               results[i].value, i + 1 == n ? "\n" : "");
}

static tn_status finish(struct train *t, tn_stop_reason reason)
{
    const struct tn_result *results = NULL;
    size_t n = 0;
    tn_status status = TN_OK;
    say_end(t, reason);
    if (t->test &&
        (status = tn_trainer_evaluate(t->trainer, t->test, TEST_PREFIX, &results, &n, &t->err)))
        return status;
    if (t->callback_status)
        return t->callback_status;
    json_t *done = done_json(t, results, n);
    print_results(t, results, n);
    if (t->has_folder) {
        json_t *line = json_pack("{s:s}", "event", "done");
        json_object_update(line, done);
        json_object_set_new(done, "run", tn_json_text(t->folder.path));
        if ((status = run_folder_log(&t->folder, line, &t->err))) {
            json_decref(done);
            return status;
        }
        cli_say(t->options, "run folder: %s\n", t->folder.path);
    }
    cli_json_done(t->options, done);
    return TN_OK;
}

static int train_and_report(struct train *t)
{
    tn_stop_reason reason;
    if (interrupted) {
        fprintf(stderr, "tenon: interrupted before the first step; nothing was saved\n");
        return CLI_FAILED;
    }
    if (fit(t, &reason))
        return cli_fail(&t->err);
    sigaction(SIGINT, &t->old_int, NULL);
    sigaction(SIGTERM, &t->old_term, NULL);
    return finish(t, reason) ? cli_fail(&t->err) : CLI_OK;
}

static int report_dry_run(struct train *t)
{
    char bytes[32];
    cli_say(t->options, "dry run: all is well; training would take %s on the device\n",
            cli_format_bytes(tn_trainer_peak_bytes(t->trainer), bytes, sizeof(bytes)));
    cli_json_done(t->options, done_json(t, NULL, 0));
    return CLI_OK;
}

static void close_all(struct train *t)
{
    if (t->has_folder)
        run_folder_close(&t->folder);
    tn_trainer_destroy(&t->trainer);
    tn_session_destroy(&t->session);
    tn_model_destroy(&t->model);
    tn_dataset_unref(&t->train);
    tn_dataset_unref(&t->validation);
    tn_dataset_unref(&t->test);
    tn_runtime_destroy(&t->runtime);
    tn_recipe_destroy(&t->recipe);
}

static int print_config(struct train *t)
{
    char *yaml = NULL;
    if (tn_recipe_print(t->recipe, &yaml, &t->err))
        return cli_fail(&t->err);
    if (t->options->json) {
        cli_json(json_pack("{s:s, s:s}", "event", "config", "yaml", yaml));
        cli_json_done(t->options, json_object());
    } else {
        fputs(yaml, stdout);
    }
    tn_free(yaml);
    return CLI_OK;
}

/* Refuses a taken --out before minutes of planning, not after. */
static int check_out(const struct cli_options *options)
{
    char model[1200];
    if (!options->out || options->force || options->no_save)
        return CLI_OK;
    snprintf(model, sizeof(model), "%s/model.safetensors", options->out);
    FILE *file = fopen(model, "r");
    if (!file)
        return CLI_OK;
    fclose(file);
    return cli_usage("%s holds a model already: --force replaces it, once the new one is whole; or "
                     "choose another --out",
                     options->out);
}

static void catch_signals(struct train *t)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &t->old_int);
    sigaction(SIGTERM, &action, &t->old_term);
}

static int run(const struct cli_options *options)
{
    struct train t = {.options = options};
    int rc = CLI_OK;
    if (options->out && options->no_save)
        return cli_usage("--out and --no-save exclude each other");
    if ((rc = check_out(options)))
        return rc;
    progress_init(&t.progress, options);
    if (cli_load_recipe(options, &t.recipe, &t.err))
        return cli_fail(&t.err);
    if (options->print_config) {
        rc = print_config(&t);
        close_all(&t);
        return rc;
    }
    if (open_input(&t)) {
        rc = cli_fail(&t.err);
        close_all(&t);
        return rc;
    }
    catch_signals(&t);
    if (open_folder(&t) || open_trainer(&t)) {
        rc = cli_fail(&t.err);
    } else {
        if (options->explain)
            cli_explain(options, tn_trainer_plan(t.trainer));
        rc = options->dry_run ? report_dry_run(&t) : train_and_report(&t);
    }
    close_all(&t);
    return rc;
}

const struct cli_verb cli_verb_train = {
    .name = "train",
    .args = "RECIPE|NAME",
    .summary = "train what a recipe describes",
    .details =
        "RECIPE is a file; NAME a shipped recipe (tenon init copies one). The run folder holds "
        "the\nmodel, the resolved recipe and the log; an interrupt (Ctrl-C) ends the run in "
        "order.",
    .mask = CLI_OPT_DEVICE | CLI_OPT_RECIPE | CLI_OPT_DATA | CLI_OPT_TRAIN | CLI_OPT_EXPLAIN |
            CLI_OPT_FORCE | CLI_OPT_JSON,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
