#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int cli_fail(const struct tn_error *err)
{
    fprintf(stderr, "tenon: %s\n", err->msg[0] ? err->msg : tn_status_name(err->code));
    return tn_status_is_usage(err->code) ? CLI_USAGE : CLI_FAILED;
}

int cli_usage(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("tenon: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    return CLI_USAGE;
}

void cli_say(const struct cli_options *options, const char *fmt, ...)
{
    va_list args;
    if (options->quiet)
        return;
    va_start(args, fmt);
    vfprintf(options->json ? stderr : stdout, fmt, args);
    va_end(args);
}

json_t *cli_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

tn_status cli_check_report(const char *path, struct tn_error *err)
{
    struct stat s;
    const char *slash = strrchr(path, '/');
    if (stat(path, &s) == 0 && !S_ISREG(s.st_mode))
        return tn_error_set(err, TN_E_INVALID, "--report %s: that is no file; name one", path);
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!folder)
        return tn_error_set(err, TN_E_OOM, "out of memory");
    int code = access(folder, W_OK | X_OK) == 0 ? 0 : errno;
    free(folder);
    return code ? tn_error_set(err, TN_E_INVALID, "--report %s: nothing can be written there: %s",
                               path, strerror(code))
                : TN_OK;
}

void cli_json(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    fflush(stdout);
    json_decref(object);
}

void cli_json_done(const struct cli_options *options, json_t *object)
{
    if (!options->json) {
        json_decref(object);
        return;
    }
    json_t *line = json_pack("{s:s}", "event", "done");
    json_object_update(line, object);
    json_decref(object);
    cli_json(line);
}

static void log_message(void *ctx, tn_log_level level, const char *msg)
{
    const struct cli_options *options = ctx;
    static const char *const names[] = {"error", "warning", "note", "debug"};
    int shown = level <= TN_LOG_WARN || (options->verbose && level <= TN_LOG_DEBUG);
    if (options->quiet && level > TN_LOG_ERROR)
        shown = 0;
    if (shown)
        fprintf(stderr, "tenon: %s: %s\n", names[level <= TN_LOG_DEBUG ? level : TN_LOG_DEBUG],
                msg);
}

/* "--device opencl:0 --backend-opt K=V": the options are for the backend that the device names. */
static const char *backend_of_options(const struct cli_options *options,
                                      const struct cli_selection *choice, char *buf, size_t size)
{
    if (choice->backend || !choice->device || !options->n_backend_opts ||
        strcmp(choice->device, "gpu") == 0)
        return choice->backend;
    snprintf(buf, size, "%.*s", (int)strcspn(choice->device, ":"), choice->device);
    return buf;
}

tn_status cli_open_runtime(const struct cli_options *options, const tn_recipe *recipe,
                           tn_runtime **out_runtime, tn_device **out_device, struct tn_error *err)
{
    struct cli_selection choice = {options->backend, options->device};
    if (recipe)
        choice = cli_selection_merge(
            choice, (struct cli_selection){tn_recipe_backend(recipe), tn_recipe_device(recipe)});
    char backend[128];
    struct tn_runtime_params params = {
        .log = log_message,
        .log_ctx = (void *)(uintptr_t)options,
        .n_threads = options->threads > 0 ? (uint32_t)options->threads
                     : recipe             ? tn_recipe_threads(recipe)
                                          : 0,
        .backend = backend_of_options(options, &choice, backend, sizeof(backend)),
        .backend_opts = options->backend_opts,
        .n_backend_opts = options->n_backend_opts,
    };
    tn_status status = tn_runtime_create(&params, out_runtime, err);
    if (!status && out_device &&
        (status = tn_runtime_select(*out_runtime, choice.device, out_device, err)))
        tn_runtime_destroy(out_runtime);
    return status;
}

tn_status cli_open_session(const struct cli_options *options, tn_runtime *runtime,
                           tn_device *device, uint64_t seed, tn_session **out_session,
                           struct tn_error *err)
{
    struct tn_session_params params = {.device = device,
                                       .seed = seed,
                                       .strict = options->strict,
                                       .no_quarantine = options->no_quarantine};
    return tn_session_create(runtime, &params, out_session, err);
}

struct overrides {
    const char *list[CLI_MAX_SETS + 8];
    char text[8][64];
    size_t n, n_text;
};

static void override_count(struct overrides *o, const char *key, int64_t value)
{
    char *text = o->text[o->n_text++];
    if (value < 0)
        return;
    snprintf(text, sizeof(o->text[0]), "%s=%lld", key, (long long)value);
    o->list[o->n++] = text;
}

tn_status cli_load_recipe(const struct cli_options *options, tn_recipe **out_recipe,
                          struct tn_error *err)
{
    struct overrides o = {.n = 0};
    for (size_t i = 0; i < options->n_sets; i++)
        o.list[o.n++] = options->sets[i];
    override_count(&o, "train.epochs", options->epochs);
    override_count(&o, "train.batch_size", options->batch_size);
    override_count(&o, "train.max_steps", options->max_steps);
    override_count(&o, "seed", options->seed);
    if (options->max_seconds >= 0) {
        char *text = o.text[o.n_text++];
        snprintf(text, sizeof(o.text[0]), "train.max_time=%.17gs", options->max_seconds);
        o.list[o.n++] = text;
    }
    struct tn_recipe_params params = {.source = options->args[0], .sets = o.list, .n_sets = o.n};
    return tn_recipe_load(&params, out_recipe, err);
}

void cli_say_device(const struct cli_options *options, const tn_device *device)
{
    const struct tn_device_info *info = tn_device_info(device);
    cli_say(options, "device: %s:%u %s%s\n", info->backend, info->index, info->name,
            info->is_emulated ? " (OpenCL on the CPU)" : "");
}

char *cli_format_bytes(uint64_t n, char *buf, size_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)n;
    size_t unit = 0;
    while (value >= 1024 && unit < 4) {
        value /= 1024;
        unit++;
    }
    snprintf(buf, size, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return buf;
}

char *cli_format_count(int64_t n, char *buf, size_t size)
{
    char digits[32];
    int len = snprintf(digits, sizeof(digits), "%lld", (long long)n);
    size_t at = 0;
    for (int i = 0; i < len && at + 2 < size; i++) {
        if (i && (len - i) % 3 == 0 && digits[i - 1] != '-')
            buf[at++] = ',';
        buf[at++] = digits[i];
    }
    buf[at] = '\0';
    return buf;
}
