/* tenon doctor: what is there, what works, how fast, and what helps where something does not. All
 * that touches a driver happens in children, so that its crash is a finding. */
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "conformance.h"
#include "doctor.h"
#include "io/json.h"

/* --- steps: what a child does --- */

static void step_line(json_t *line)
{
    putchar('\n'); /* ends what a driver may have written without an end */
    cli_json(line);
}

static void fact_line(void *ctx, const char *backend, const tn_device *device, const char *key,
                      const char *value)
{
    (void)ctx;
    json_t *line = json_pack("{s:s, s:s, s:o, s:o}", "event", "fact", "backend", backend, "key",
                             tn_json_text(key), "value", tn_json_text(value));
    if (line && device)
        json_object_set_new(line, "index", json_integer(tn_device_info(device)->index));
    step_line(line);
}

static void device_line(const struct tn_device_info *i, int is_chosen)
{
    step_line(json_pack("{s:s, s:b, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:I, s:I}", "event",
                        "device", "chosen", is_chosen, "backend", i->backend, "version",
                        i->backend_version, "index", (int)i->index, "name", i->name, "uid", i->uid,
                        "driver", i->driver, "kind", cf_device_kind(i), "mem_total",
                        (json_int_t)i->mem_total, "max_alloc", (json_int_t)i->max_alloc));
}

static int step_list(const struct cli_options *options)
{
    struct tn_error err = {TN_OK, ""};
    tn_runtime *runtime = NULL;
    const struct tn_rejected *rejected;
    tn_device *chosen = NULL;
    if (cli_open_runtime(options, NULL, &runtime, &chosen, &err))
        return cli_fail(&err);
    for (size_t d = 0; d < tn_runtime_device_count(runtime); d++) {
        const tn_device *device = tn_runtime_device(runtime, d);
        device_line(tn_device_info(device), device == chosen);
    }
    size_t n = tn_runtime_rejected(runtime, &rejected);
    for (size_t i = 0; i < n; i++)
        step_line(json_pack("{s:s, s:o, s:o}", "event", "rejected", "path",
                            tn_json_text(rejected[i].path), "reason",
                            tn_json_text(rejected[i].reason)));
    tn_status st = tn_runtime_facts(runtime, fact_line, NULL, &err);
    tn_runtime_destroy(&runtime);
    return st ? cli_fail(&err) : CLI_OK;
}

static int step_speed(const struct cli_options *options)
{
    struct tn_error err = {TN_OK, ""};
    tn_runtime *runtime = NULL;
    tn_device *device = NULL;
    struct speed speed;
    tn_status st = cli_open_runtime(options, NULL, &runtime, &device, &err);
    if (st == TN_OK)
        st = speed_measure(runtime, device, &speed, &err);
    if (st == TN_OK)
        step_line(json_pack("{s:s, s:f, s:I, s:f, s:I}", "event", "speed", "gemm_gflops",
                            speed.gemm_gflops, "gemm_size", (json_int_t)speed.size, "bandwidth_gbs",
                            speed.bandwidth_gbs, "bytes", (json_int_t)speed.bytes));
    else
        step_line(json_pack("{s:s, s:o}", "event", "error", "message", tn_json_text(err.msg)));
    tn_runtime_destroy(&runtime);
    return st ? cli_fail(&err) : CLI_OK;
}

/* --- looking at one device --- */

/* A few flags, and every --backend-opt. */
#define MAX_WORDS (32 + 2 * CLI_MAX_SETS)
struct command {
    const char *words[MAX_WORDS];
    size_t n;
};

static void add(struct command *c, const char *flag, const char *value)
{
    c->words[c->n++] = flag;
    c->words[c->n++] = value;
}

static struct command command_of(const struct doctor *d, const char *verb)
{
    const struct cli_options *o = d->options;
    struct command c = {.words = {"tenon", verb, "--json"}, .n = 3};
    if (o->backend)
        add(&c, "--backend", o->backend);
    for (size_t i = 0; i < o->n_backend_opts; i++)
        add(&c, "--backend-opt", o->backend_opts[i]);
    if (o->threads > 0)
        add(&c, "--threads", d->threads);
    if (o->verbose || o->quiet)
        c.words[c.n++] = o->verbose ? "--verbose" : "--quiet";
    return c;
}

static void set_string(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, tn_json_text(text));
}

static const char *get_string(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* The first failing case of each operator. */
static void note_failure(json_t *device, const json_t *event)
{
    json_t *failed = json_object_get(device, "failed"), *item;
    size_t i;
    char reason[700];
    const char *op = get_string(event, "op");
    json_array_foreach (failed, i, item)
        if (strcmp(get_string(item, "op"), op) == 0)
            return;
    snprintf(reason, sizeof(reason), "case %.100s, %.10s: %.500s", get_string(event, "case"),
             get_string(event, "dtype"), get_string(event, "message"));
    json_array_append_new(failed,
                          json_pack("{s:s, s:o, s:s}", "op", op, "reason", tn_json_text(reason),
                                    "command", get_string(event, "command")));
}

/* A device that was taken away leaves its index to another. */
static int is_same_device(const json_t *a, const json_t *b)
{
    return strcmp(get_string(a, "uid"), get_string(b, "uid")) == 0 &&
           strcmp(get_string(a, "name"), get_string(b, "name")) == 0;
}

static void conformance_line(void *ctx, const char *text)
{
    json_t *device = ctx, *event = json_loads(text, 0, NULL);
    const char *kind = get_string(event, "event");
    if (strcmp(kind, "device") == 0 && !is_same_device(device, event))
        json_object_set_new(device, "gone", json_true());
    if (strcmp(kind, "case") == 0 && strcmp(get_string(event, "verdict"), "failed") == 0)
        note_failure(device, event);
    if (strcmp(kind, "done") == 0) {
        static const char *const counts[] = {"passed", "failed", "unsupported", "skipped"};
        for (size_t i = 0; i < 4; i++) {
            char key[32];
            snprintf(key, sizeof(key), "cases_%s", counts[i]);
            json_object_set(device, key, json_object_get(event, counts[i]));
        }
    }
    json_decref(event);
}

static void speed_line(void *ctx, const char *text)
{
    json_t *device = ctx, *event = json_loads(text, 0, NULL);
    if (strcmp(get_string(event, "event"), "error") == 0)
        set_string(device, "speed_fault", get_string(event, "message"));
    if (strcmp(get_string(event, "event"), "speed") == 0) {
        json_object_set(device, "gemm_gflops", json_object_get(event, "gemm_gflops"));
        json_object_set(device, "gemm_size", json_object_get(event, "gemm_size"));
        json_object_set(device, "bandwidth_gbs", json_object_get(event, "bandwidth_gbs"));
    }
    json_decref(event);
}

/* What went wrong with a child, or NULL. */
static const char *fault_of(const struct cf_child_result *r, char *buf, size_t size)
{
    if (r->timed_out)
        snprintf(buf, size, "the driver hung");
    else if (r->signal)
        snprintf(buf, size, "the driver crashed (%s)", strsignal(r->signal));
    else if (r->exit_code > CLI_FAILED)
        snprintf(buf, size, "exit status %d", r->exit_code);
    else
        return NULL;
    return buf;
}

#define CASE_S 20     /* for a case, without --timeout */
#define SILENCE_S 300 /* at least: conformance has a limit of its own for each case */

static void run_speed(struct doctor *d, json_t *device, const char *selector)
{
    struct command c = command_of(d, "doctor");
    struct cf_child_result r;
    struct tn_error err = {TN_OK, ""};
    char why[128];
    add(&c, "--step", "speed");
    add(&c, "--device", selector);
    const char *fault = err.msg;
    struct cf_child_params params = {.argv = c.words,
                                     .env = d->env,
                                     .silence_s = 120,
                                     .hide_errors = 1,
                                     .line = speed_line,
                                     .ctx = device};
    if (cf_child_run(&params, &r, &err) == TN_OK)
        fault = json_object_get(device, "gemm_gflops") ? NULL
                : fault_of(&r, why, sizeof(why))       ? why
                                                       : "it could not be measured";
    if (fault && !json_object_get(device, "speed_fault")) /* unless the child has said it */
        set_string(device, "speed_fault", fault);
}

/* What kept the device from being examined to the end; NULL: nothing. */
static const char *examination_fault(const json_t *device, const struct cf_child_result *r,
                                     char *buf, size_t size)
{
    if (json_object_get(device, "gone"))
        return "it is not there any more: another device has its place";
    if (json_object_get(device, "cases_passed"))
        return NULL;
    if (r->exit_code == CLI_USAGE)
        return "it is not there any more, or it cannot be opened";
    return fault_of(r, buf, size) ? buf : "it could not be opened";
}

static void run_conformance(struct doctor *d, json_t *device, const char *selector)
{
    struct command c = command_of(d, "conformance");
    struct cf_child_result r;
    struct tn_error err = {TN_OK, ""};
    char why[128], timeout[40];
    double case_s = d->options->timeout_seconds > 0 ? d->options->timeout_seconds : CASE_S;
    snprintf(timeout, sizeof(timeout), "%.17gs", case_s);
    c.words[c.n++] = "--quick";
    add(&c, "--timeout", timeout);
    add(&c, "--device", selector);
    json_object_set_new(device, "failed", json_array());
    const char *fault = err.msg;
    struct cf_child_params params = {
        .argv = c.words,
        .env = d->env,
        /* Opening the device anew and the next case may each take so long. */
        .silence_s = case_s > SILENCE_S / 3.0 ? 3 * case_s : SILENCE_S,
        .hide_errors = 1,
        .line = conformance_line,
        .ctx = device};
    if (cf_child_run(&params, &r, &err) == TN_OK)
        fault = examination_fault(device, &r, why, sizeof(why));
    if (fault)
        set_string(device, "fault", fault);
    if (json_object_get(device, "gone"))
        json_object_del(device, "gemm_gflops"); /* whose speed it was is not known */
    int good = !fault && json_array_size(json_object_get(device, "failed")) == 0 &&
               json_integer_value(json_object_get(device, "cases_failed")) == 0;
    set_string(device, "verdict", good ? "good" : "faulty");
    d->n_faulty += !good;
}

/* --- the list --- */

static void list_line(void *ctx, const char *text)
{
    struct doctor *d = ctx;
    json_t *event = json_loads(text, 0, NULL);
    const char *kind = get_string(event, "event");
    if (strcmp(kind, "device") == 0)
        json_array_append(d->devices, event);
    else if (strcmp(kind, "fact") == 0)
        json_array_append(d->facts, event);
    else if (strcmp(kind, "rejected") == 0)
        json_array_append(d->rejected, event);
    json_decref(event);
}

static tn_status list_all(struct doctor *d, struct tn_error *err)
{
    struct command c = command_of(d, "doctor");
    struct cf_child_result r;
    char why[128];
    add(&c, "--step", "list");
    if (d->options->device)
        add(&c, "--device", d->options->device);
    struct cf_child_params params = {
        .argv = c.words, .env = d->env, .silence_s = 60, .line = list_line, .ctx = d};
    tn_status st = cf_child_run(&params, &r, err);
    if (st != TN_OK)
        return st;
    if (r.exit_code == CLI_USAGE) /* the child has said what is wrong with the command line */
        return TN_E_INVALID;
    if (fault_of(&r, why, sizeof(why)) || r.exit_code != CLI_OK) {
        snprintf(d->list_fault, sizeof(d->list_fault),
                 "listing the devices failed: %s; tenon devices shows more",
                 fault_of(&r, why, sizeof(why)) ? why : "a backend cannot be opened");
        d->n_faulty++;
    }
    return TN_OK;
}

/* A fact of a device goes to the device. */
static void attach_facts(struct doctor *d)
{
    json_t *fact, *device;
    size_t f, i;
    json_array_foreach (d->facts, f, fact) {
        const json_t *index = json_object_get(fact, "index");
        json_array_foreach (d->devices, i, device)
            if (index && strcmp(get_string(fact, "backend"), get_string(device, "backend")) == 0 &&
                json_equal(index, json_object_get(device, "index"))) {
                if (!json_object_get(device, "facts"))
                    json_object_set_new(device, "facts", json_object());
                set_string(json_object_get(device, "facts"), get_string(fact, "key"),
                           get_string(fact, "value"));
            }
    }
}

/* The oracle needs no examination, and a checking simulator would take an hour. */
static const char *why_not(const struct doctor *d, const json_t *device)
{
    if (d->options->device && !json_is_true(json_object_get(device, "chosen")))
        return "not asked for";
    if (strcmp(get_string(device, "backend"), "ref") == 0)
        return "the references themselves";
    if (!d->options->device && strcmp(get_string(device, "kind"), "checker") == 0)
        return "a checking simulator, too slow for this; --device examines it";
    return NULL;
}

static void examine(struct doctor *d, json_t *device)
{
    char selector[128];
    const char *why = why_not(d, device);
    if (why) {
        set_string(device, "verdict", "not examined");
        set_string(device, "why", why);
        return;
    }
    snprintf(selector, sizeof(selector), "%.60s:%d", get_string(device, "backend"),
             (int)json_integer_value(json_object_get(device, "index")));
    if (!d->options->quiet && !d->options->json)
        fprintf(stderr, "examining %s ...\n", selector);
    run_speed(d, device, selector);
    run_conformance(d, device, selector);
}

/* --- remembering --- */

static tn_device *find_device(tn_runtime *runtime, const json_t *wanted)
{
    for (size_t i = 0; i < tn_runtime_device_count(runtime); i++) {
        tn_device *device = tn_runtime_device(runtime, i);
        const struct tn_device_info *info = tn_device_info(device);
        if (strcmp(info->backend, get_string(wanted, "backend")) == 0 &&
            strcmp(info->uid, get_string(wanted, "uid")) == 0 &&
            strcmp(info->name, get_string(wanted, "name")) == 0 &&
            (json_int_t)info->index == json_integer_value(json_object_get(wanted, "index")))
            return device;
    }
    return NULL;
}

static tn_status remember_one(tn_runtime *runtime, const json_t *examined, struct tn_error *err)
{
    tn_device *device = find_device(runtime, examined);
    const json_t *failed = json_object_get(examined, "failed"), *item;
    size_t n = json_array_size(failed), i;
    if (!device)
        return TN_OK;
    struct tn_device_fault *faults = calloc(n ? n : 1, sizeof(*faults));
    if (!faults)
        return tn_error_set(err, TN_E_OOM, "out of memory");
    json_array_foreach (failed, i, item)
        faults[i] = (struct tn_device_fault){get_string(item, "op"), get_string(item, "reason")};
    tn_status st = tn_device_set_faults(device, faults, n, err);
    free(faults);
    return st;
}

/* The children have shown that listing is safe; no device is opened here. */
static tn_status remember(const struct doctor *d, struct tn_error *err)
{
    tn_runtime *runtime = NULL;
    json_t *device;
    size_t i;
    tn_status st = cli_open_runtime(d->options, NULL, &runtime, NULL, err);
    json_array_foreach (d->devices, i, device) {
        if (st == TN_OK && json_object_get(device, "cases_passed") &&
            !json_object_get(device, "gone"))
            st = remember_one(runtime, device, err);
    }
    tn_runtime_destroy(&runtime);
    return st;
}

/* --- graphics cards --- */

static void find_gpus(struct doctor *d)
{
    struct gpu_offered offered[64];
    size_t n = 0, i;
    json_t *device;
    json_array_foreach (d->devices, i, device)
        if (n < 64 && strcmp(get_string(device, "kind"), "GPU") == 0)
            offered[n++] =
                (struct gpu_offered){get_string(device, "uid"), get_string(device, "name"),
                                     get_string(device, "driver")};
    const char *drm = getenv("TENON_SYS_DRM"); /* another folder, for tests */
    d->n_cards = gpus_find(drm && *drm ? drm : NULL, offered, n, d->cards);
    for (i = 0; i < d->n_cards; i++)
        d->n_unusable += !d->cards[i].is_usable;
}

/* --- the verb --- */

static tn_status begin(const struct cli_options *options, struct doctor *out_doctor,
                       struct tn_error *err)
{
    *out_doctor = (struct doctor){.options = options,
                                  .env = cli_child_environment(),
                                  .devices = json_array(),
                                  .facts = json_array(),
                                  .rejected = json_array()};
    snprintf(out_doctor->threads, sizeof(out_doctor->threads), "%lld", (long long)options->threads);
    return out_doctor->env && out_doctor->devices && out_doctor->facts && out_doctor->rejected
               ? TN_OK
               : tn_error_set(err, TN_E_OOM, "out of memory");
}

static void finish(struct doctor *d)
{
    free(d->env);
    json_decref(d->devices);
    json_decref(d->facts);
    json_decref(d->rejected);
}

static void examine_all(struct doctor *d)
{
    struct tn_error err = {TN_OK, ""};
    json_t *device;
    size_t i;
    json_array_foreach (d->devices, i, device)
        examine(d, device);
    attach_facts(d);
    if (!d->list_fault[0] && remember(d, &err) != TN_OK)
        fprintf(stderr, "tenon: warning: the verdicts are not remembered: %s\n", err.msg);
}

static int run_step(const struct cli_options *options)
{
    if (strcmp(options->step, "list") == 0)
        return step_list(options);
    if (strcmp(options->step, "speed") == 0)
        return step_speed(options);
    return cli_usage("doctor: --step is list or speed");
}

static tn_status look(struct doctor *d, struct tn_error *err)
{
    const struct cli_options *options = d->options;
    tn_status st = options->report ? cli_check_report(options->report, err) : TN_OK;
    if (st == TN_OK)
        st = list_all(d, err);
    if (st != TN_OK)
        return st;
    find_gpus(d);
    if (!options->gpus)
        examine_all(d);
    if (options->json)
        doctor_print_json(d);
    else
        doctor_print(d);
    return options->report ? doctor_report(d, options->report, err) : TN_OK;
}

static int run(const struct cli_options *options)
{
    struct doctor d;
    struct tn_error err = {TN_OK, ""};
    if (options->step)
        return run_step(options);
    tn_status st = begin(options, &d, &err);
    if (st == TN_OK)
        st = look(&d, &err);
    int rc = d.n_faulty || d.n_unusable ? CLI_FAILED : CLI_OK;
    if (st != TN_OK) /* without a message: a child has said it */
        rc = err.msg[0] ? cli_fail(&err) : CLI_USAGE;
    finish(&d);
    return rc;
}

const struct cli_verb cli_verb_doctor = {
    .name = "doctor",
    .args = "",
    .summary = "examine every device, and say what helps where one does not work",
    .details = "Each device runs the quick conformance cases in child processes. Operators that a "
               "device\ngets wrong are remembered, and training keeps them from it until the next "
               "examination.\nThe exit status is 1 when a device is faulty or a GPU is not usable.",
    .mask = CLI_OPT_DEVICE | CLI_OPT_DOCTOR | CLI_OPT_JSON,
    .run = run,
};
