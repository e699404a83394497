/* tenon conformance: does a device compute what the references compute? The parent opens no device:
 * children run the cases, and their crash or silence is a verdict. */
#include <stdlib.h>
#include <string.h>

#include "conformance_out.h"

#define MAX_WORDS 160

static const char *backend_of(const struct cli_options *o)
{
    return o->n_args ? o->args[0] : o->backend;
}

/* The same run in this process: a child's, or --in-process. */
static tn_status run_here(const struct cli_options *given, const struct cf_items *items,
                          enum cf_suite suite, size_t from, const struct cf_sink *sink,
                          struct tn_error *err)
{
    struct cli_options options = *given;
    tn_runtime *runtime = NULL;
    tn_device *device = NULL;
    options.backend = backend_of(given);
    tn_status st = cli_open_runtime(&options, NULL, &runtime, &device, err);
    for (size_t next = from; st == TN_OK && next < items->n; from = next) {
        st = cf_run(runtime, device, items, suite, from, sink, &next, err);
        if (sink->ctx == NULL) /* a child leaves what is behind a lost device to the next one */
            break;
    }
    tn_runtime_destroy(&runtime);
    return st;
}

static int run_child(const struct cli_options *options, const struct cf_items *items)
{
    struct tn_error err = {TN_OK, ""};
    struct cf_sink sink = cf_child_sink();
    size_t from = options->child_from > 0 ? (size_t)options->child_from : 0;
    tn_status st = run_here(options, items, cf_suite_find(options->child_suite), from, &sink, &err);
    if (st != TN_OK)
        cf_child_error(&err);
    return st == TN_OK ? CLI_OK : CLI_FAILED;
}

/* The command line of a child: what this one was asked for. */
struct command {
    const char *words[MAX_WORDS];
    size_t n;
    char **env;
    char threads[24];
};

static void add(struct command *c, const char *flag, const char *value)
{
    if (!value || c->n + 3 > MAX_WORDS)
        return;
    c->words[c->n++] = flag;
    c->words[c->n++] = value;
}

static tn_status make_command(const struct cli_options *o, struct command *c, struct tn_error *err)
{
    *c = (struct command){.n = 0};
    c->env = cli_child_environment();
    if (!c->env)
        return tn_error_set(err, TN_E_OOM, "out of memory");
    c->words[c->n++] = "tenon";
    c->words[c->n++] = "conformance";
    add(c, "--backend", backend_of(o));
    add(c, "--device", o->device);
    add(c, "--suite", o->suite);
    add(c, "--ops", o->ops);
    add(c, "--case", o->case_name);
    add(c, "--dtype", o->dtype);
    if (o->threads > 0) {
        snprintf(c->threads, sizeof(c->threads), "%lld", (long long)o->threads);
        add(c, "--threads", c->threads);
    }
    for (size_t i = 0; i < o->n_backend_opts; i++)
        add(c, "--backend-opt", o->backend_opts[i]);
    if (o->quick)
        c->words[c->n++] = "--quick";
    if (o->verbose || o->quiet)
        c->words[c->n++] = o->verbose ? "--verbose" : "--quiet";
    c->words[c->n] = NULL;
    return TN_OK;
}

static tn_status run_all(const struct cli_options *options, const struct cf_items *items,
                         const struct cf_sink *sink, struct tn_error *err)
{
    struct command command;
    if (options->in_process)
        return run_here(options, items, CF_N_SUITES, 0, sink, err);
    tn_status st = make_command(options, &command, err);
    if (st != TN_OK)
        return st;
    struct cf_watch_params params = {
        .argv = command.words, .env = command.env, .timeout_s = options->timeout_seconds};
    st = cf_watch(&params, items, sink, err);
    free(command.env);
    return st;
}

static int run(const struct cli_options *options)
{
    struct tn_error err = {TN_OK, ""};
    struct cf_items items = {NULL, 0};
    struct cf_filter filter = {.suite = options->suite,
                               .ops = options->ops,
                               .case_name = options->case_name,
                               .dtype = options->dtype,
                               .quick = options->quick};
    struct conformance_out out;
    if (options->n_args && options->backend)
        return cli_usage("conformance: a plugin's path and --backend name the backend twice");
    if (cf_items_create(&filter, &items, &err) != TN_OK)
        return cli_fail(&err);
    if (options->child_suite) {
        int rc = run_child(options, &items);
        cf_items_destroy(&items);
        return rc;
    }
    tn_status st = options->report ? cli_check_report(options->report, &err) : TN_OK;
    if (!conformance_out_begin(&out, options, items.n))
        st = tn_error_set(&err, TN_E_OOM, "out of memory");
    struct cf_sink sink = conformance_out_sink(&out);
    if (st == TN_OK)
        st = run_all(options, &items, &sink, &err);
    if (st == TN_OK && out.out_of_memory)
        st = tn_error_set(&err, TN_E_OOM, "out of memory");
    if (st == TN_OK) {
        /* A report that cannot be written takes nothing from what is shown. */
        tn_status shown =
            options->report ? conformance_out_report(&out, options->report, &err) : TN_OK;
        conformance_out_end(&out);
        st = shown;
    }
    int rc = st != TN_OK ? cli_fail(&err) : out.tally.n_failed ? CLI_FAILED : CLI_OK;
    conformance_out_finish(&out);
    cf_items_destroy(&items);
    return rc;
}

const struct cli_verb cli_verb_conformance = {
    .name = "conformance",
    .args = "[PLUGIN.so]",
    .summary = "compare a device with the references, operator by operator",
    .details = "Cases run in child processes, so that a crash or a hang of a driver is a verdict. "
               "Each\nfailing case is shown with the command that runs it alone. "
               "docs/conformance.md tells more.",
    .mask = CLI_OPT_DEVICE | CLI_OPT_CONFORM | CLI_OPT_JSON,
    .max_args = 1,
    .run = run,
};
