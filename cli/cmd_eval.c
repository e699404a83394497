/* tenon eval: a saved model over a part of its data. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

struct eval {
    const struct cli_options *options;
    char recipe_path[1100], model_path[1100];
    const char *split;
    tn_recipe *recipe;
    tn_dataset *train, *validation, *test;
    tn_model *model;
    tn_runtime *runtime;
    tn_device *device;
    tn_session *session;
    tn_trainer *trainer;
    struct tn_train_params params;
    struct tn_error err;
};

/* MODEL is a run folder, or the model file in it. */
static int find_model(struct eval *e)
{
    const char *path = e->options->args[0];
    struct stat st;
    if (strlen(path) > 1000)
        return cli_usage("the path is too long");
    if (stat(path, &st))
        return cli_usage("there is no run folder or model at %s", path);
    const char *slash = strrchr(path, '/');
    int n_folder = S_ISDIR(st.st_mode) ? (int)strlen(path) : slash ? (int)(slash - path) : 1;
    const char *folder = S_ISDIR(st.st_mode) || slash ? path : ".";
    snprintf(e->recipe_path, sizeof(e->recipe_path), "%.*s/recipe.yaml", n_folder, folder);
    if (S_ISDIR(st.st_mode))
        snprintf(e->model_path, sizeof(e->model_path), "%s/model.safetensors", path);
    else
        snprintf(e->model_path, sizeof(e->model_path), "%s", path);
    if (access(e->recipe_path, F_OK))
        return cli_usage("there is no %s: a run folder, as tenon train makes it, has the recipe "
                         "beside the model",
                         e->recipe_path);
    return CLI_OK;
}

static tn_dataset *chosen_part(struct eval *e)
{
    if (strcmp(e->split, "train") == 0)
        return e->train;
    return strcmp(e->split, "val") == 0 ? e->validation : e->test;
}

static tn_status open_data(struct eval *e)
{
    const char *dir = e->options->data ? e->options->data : e->options->data_dir;
    int wants_test = strcmp(e->split, "test") == 0;
    return tn_recipe_open_data(e->recipe, dir, wants_test ? NULL : &e->train,
                               wants_test ? NULL : &e->validation, wants_test ? &e->test : NULL,
                               &e->err);
}

static tn_status open_all(struct eval *e)
{
    const struct cli_options *options = e->options;
    struct tn_recipe_params recipe = {.source = e->recipe_path};
    tn_status status;
    if ((status = tn_recipe_load(&recipe, &e->recipe, &e->err)) ||
        (status = tn_recipe_train_params(e->recipe, &e->params, &e->err)) ||
        (status = cli_open_runtime(options, e->recipe, &e->runtime, &e->device, &e->err)))
        return status;
    cli_say_device(options, e->device);
    if ((status = open_data(e)))
        return status;
    if (!chosen_part(e))
        return tn_error_set(&e->err, TN_E_INVALID, "the data of this recipe has no %s part",
                            e->split);
    if ((status = tn_recipe_build_model(e->recipe, chosen_part(e), &e->model, &e->err)) ||
        (status = cli_open_session(options, e->runtime, e->device, e->params.seed, &e->session,
                                   &e->err)))
        return status;
    e->params.model = e->model;
    e->params.optimizer = NULL;
    e->params.monitor = NULL;
    if (options->batch_size > 0)
        e->params.batch_size = options->batch_size;
    /* The validation set makes the trainer plan before the weights are loaded: state must exist. */
    return tn_trainer_create(e->session, &e->params, NULL, chosen_part(e), &e->trainer, &e->err);
}

static tn_status evaluate(struct eval *e)
{
    const struct tn_result *results;
    const struct tn_device_info *info = tn_device_info(e->device);
    char prefix[32], selection[64] = "";
    size_t n;
    tn_status status;
    if ((status = tn_session_load(e->session, e->model_path, &e->err)))
        return status;
    if (tn_weights_selection(e->model_path, selection, sizeof(selection)) == TN_OK)
        cli_say(e->options, "weights: %s\n", selection);
    snprintf(prefix, sizeof(prefix), "%s_", e->split);
    if ((status = tn_trainer_evaluate(e->trainer, chosen_part(e), prefix, &results, &n, &e->err)))
        return status;
    json_t *done = json_pack("{s:s, s:s, s:I, s:s, s:s, s:I}", "split", e->split, "weights",
                             selection, "samples", (json_int_t)tn_dataset_size(chosen_part(e)),
                             "device", info->name, "backend", info->backend, "peak_bytes",
                             (json_int_t)tn_trainer_peak_bytes(e->trainer));
    for (size_t i = 0; i < n; i++) {
        json_object_set_new(done, results[i].name, cli_json_number(results[i].value));
        if (!e->options->json)
            printf("%s%s %.4f", i ? "  " : "", results[i].name, results[i].value);
    }
    if (!e->options->json)
        putchar('\n');
    cli_json_done(e->options, done);
    return TN_OK;
}

static void close_all(struct eval *e)
{
    tn_trainer_destroy(&e->trainer);
    tn_session_destroy(&e->session);
    tn_model_destroy(&e->model);
    tn_dataset_unref(&e->train);
    tn_dataset_unref(&e->validation);
    tn_dataset_unref(&e->test);
    tn_runtime_destroy(&e->runtime);
    tn_recipe_destroy(&e->recipe);
}

static int run(const struct cli_options *options)
{
    struct eval e = {.options = options, .split = options->split ? options->split : "test"};
    int rc;
    if (strcmp(e.split, "train") != 0 && strcmp(e.split, "val") != 0 &&
        strcmp(e.split, "test") != 0)
        return cli_usage("--split is '%s'; it must be train, val or test", e.split);
    if ((rc = find_model(&e)))
        return rc;
    if (open_all(&e))
        rc = cli_fail(&e.err);
    else if (options->explain)
        cli_explain(options, tn_trainer_plan(e.trainer));
    if (!rc && evaluate(&e))
        rc = cli_fail(&e.err);
    close_all(&e);
    return rc;
}

const struct cli_verb cli_verb_eval = {
    .name = "eval",
    .args = "MODEL",
    .summary = "loss and metrics of a trained model",
    .details = "MODEL is a run folder, or the model.safetensors in it.",
    .mask = CLI_OPT_DEVICE | CLI_OPT_DATA | CLI_OPT_EVAL | CLI_OPT_EXPLAIN | CLI_OPT_JSON,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
