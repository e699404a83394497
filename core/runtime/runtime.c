#include "runtime/runtime.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/path.h"
#include "base/pool.h"
#include "runtime/device.h"
#include "runtime/loader.h"
#include "runtime/privileged.h"
#include "runtime/unit.h"

void tn_runtime_log(tn_runtime *runtime, tn_log_level level, const char *fmt, ...)
{
    if (!runtime->log.fn)
        return;
    char text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    tn_log_printf(&runtime->log, level, "%s", text);
}

struct tn_pool *tn_runtime_pool(tn_runtime *runtime)
{
    pthread_mutex_lock(&runtime->pool_lock);
    if (!runtime->pool)
        tn_pool_create(runtime->n_threads, &runtime->pool, NULL);
    struct tn_pool *pool = runtime->pool;
    pthread_mutex_unlock(&runtime->pool_lock);
    return pool;
}

/* --- options --- */

/* "KEY=VALUE" cut in two; the strings are one allocation each, freed with the list. */
struct options {
    tnb_kv *kv;
    char **text;
    uint32_t n;
};

static void options_finish(struct options *options)
{
    for (uint32_t i = 0; i < options->n; i++)
        free(options->text[i]);
    free(options->kv);
    free(options->text);
}

static tn_status option_add(struct options *options, const char *text, struct tn_error *err)
{
    const char *equals = text ? strchr(text, '=') : NULL;
    if (!equals || equals == text)
        return tn_error_set(err, TN_E_INVALID, "backend option '%s' is not of the form KEY=VALUE",
                            text ? text : "(null)");
    char *copy = strdup(text);
    if (!copy)
        return tn_error_set(err, TN_E_OOM, "out of memory");
    uint32_t i = options->n++;
    options->text[i] = copy;
    copy[equals - text] = '\0';
    options->kv[i] = (tnb_kv){.key = copy, .value = copy + (equals - text) + 1};
    for (uint32_t j = 0; j < i; j++)
        if (strcmp(options->kv[j].key, copy) == 0)
            return tn_error_set(err, TN_E_INVALID, "backend option '%s' is given twice", copy);
    return TN_OK;
}

static tn_status options_init(struct options *options, const struct tn_runtime_params *params,
                              struct tn_error *err)
{
    *options = (struct options){0};
    if (params->n_backend_opts == 0)
        return TN_OK;
    if (!params->backend)
        return tn_error_set(err, TN_E_INVALID,
                            "backend option '%s': name the backend that it is for (--backend)",
                            params->backend_opts[0]);
    if (params->n_backend_opts > 1000)
        return tn_error_set(err, TN_E_INVALID, "more than 1000 backend options");
    options->kv = calloc(params->n_backend_opts, sizeof *options->kv);
    options->text = calloc(params->n_backend_opts, sizeof *options->text);
    if (!options->kv || !options->text)
        return tn_error_set(err, TN_E_OOM, "out of memory");
    for (size_t i = 0; i < params->n_backend_opts; i++) {
        tn_status status = option_add(options, params->backend_opts[i], err);
        if (status != TN_OK)
            return status;
    }
    return TN_OK;
}

/* --- create --- */

/* The folder that caches live in; *out_dir stays NULL where there is none. */
static tn_status find_cache_dir(const char *asked, char **out_dir)
{
    const char *env = tn_env("TENON_CACHE_DIR"), *xdg = tn_env("XDG_CACHE_HOME");
    const char *home = tn_env("HOME"), *dir = asked ? asked : env;
    const char *below = NULL;
    if (!dir && xdg && xdg[0] == '/') { /* relative ones are invalid, says the XDG specification */
        dir = xdg;
        below = "tenon";
    } else if (!dir && home && home[0] == '/') {
        dir = home;
        below = ".cache/tenon";
    }
    if (!dir || !*dir)
        return TN_OK;
    *out_dir = below ? tn_path_join(dir, below) : strdup(dir);
    return *out_dir ? TN_OK : TN_E_OOM;
}

/* The file that tn_device_set_faults writes; *out_file stays NULL where there is no folder. */
static tn_status find_state_file(char **out_file)
{
    const char *env = tn_env("TENON_STATE_DIR"), *xdg = tn_env("XDG_STATE_HOME");
    const char *home = tn_env("HOME");
    if (env)
        *out_file = tn_path_join(env, "devices.json");
    else if (xdg && xdg[0] == '/')
        *out_file = tn_path_join(xdg, "tenon/devices.json");
    else if (home && home[0] == '/')
        *out_file = tn_path_join(home, ".local/state/tenon/devices.json");
    else
        return TN_OK;
    return *out_file ? TN_OK : TN_E_OOM;
}

static int locks_init(tn_runtime *runtime)
{
    pthread_mutexattr_t attr;
    if (pthread_mutexattr_init(&attr) != 0)
        return 0;
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    int ok = pthread_mutex_init(&runtime->lock, &attr) == 0;
    pthread_mutexattr_destroy(&attr);
    if (!ok)
        return 0;
    pthread_mutex_init(&runtime->log_lock, NULL);
    pthread_mutex_init(&runtime->pool_lock, NULL);
    return 1;
}

/* Where nodes go that the named backend refuses. A machine without it falls back to ref. */
static void load_fallback(tn_runtime *runtime)
{
    struct tn_backend_unit *unit = NULL;
    if (strcmp(runtime->only, "cpu") != 0 && strcmp(runtime->only, "ref") != 0 &&
        tn_loader_open(runtime, "cpu", &unit, NULL) == TN_OK)
        unit->is_listed = 1;
}

/* The backend that the user named and its fallback, or all of them, and "ref". */
static tn_status load(tn_runtime *runtime, const struct tn_runtime_params *params,
                      const struct options *options, struct tn_error *err)
{
    struct tn_backend_unit *unit = NULL;
    tn_status status;
    if (!params->backend) {
        status = tn_loader_load_all(runtime, err);
        if (status != TN_OK)
            return status;
    } else {
        status = tn_loader_load_one(runtime, params->backend, options->kv, options->n, &unit, err);
        if (status != TN_OK)
            return status;
        unit->is_listed = 1;
        runtime->only = strdup(unit->name);
        if (!runtime->only)
            return tn_error_set(err, TN_E_OOM, "out of memory");
        load_fallback(runtime);
    }
    status = tn_loader_open(runtime, "ref", &unit, err);
    if (status == TN_OK)
        unit->is_listed = 1;
    return status;
}

static tn_status create(tn_runtime *runtime, const struct tn_runtime_params *params,
                        struct tn_error *err)
{
    struct options options;
    tn_status status = options_init(&options, params, err);
    if (status == TN_OK && (find_cache_dir(params->cache_dir, &runtime->cache_dir) != TN_OK ||
                            find_state_file(&runtime->state_file) != TN_OK))
        status = tn_error_set(err, TN_E_OOM, "out of memory");
    if (status == TN_OK) {
        /* Plugins may start threads in create that call back. */
        pthread_mutex_lock(&runtime->lock);
        status = load(runtime, params, &options, err);
        if (status == TN_OK)
            status = tn_devices_collect(runtime, err);
        if (status == TN_OK)
            status = tn_faults_load(runtime, err);
        pthread_mutex_unlock(&runtime->lock);
    }
    options_finish(&options);
    return status;
}

tn_status tn_runtime_create(const struct tn_runtime_params *params, tn_runtime **out_runtime,
                            struct tn_error *err)
{
    static const struct tn_runtime_params defaults = {0};
    tn_runtime *runtime = calloc(1, sizeof *runtime);
    if (!runtime || !locks_init(runtime)) {
        free(runtime);
        return tn_error_set(err, TN_E_OOM, "out of memory");
    }
    if (!params)
        params = &defaults;
    runtime->log =
        (struct tn_log){.fn = params->log, .ctx = params->log_ctx, .lock = &runtime->log_lock};
    runtime->n_threads = params->n_threads;
    tn_status status = create(runtime, params, err);
    if (status != TN_OK) {
        tn_runtime_destroy(&runtime);
        return status;
    }
    *out_runtime = runtime;
    return TN_OK;
}

void tn_runtime_destroy(tn_runtime **runtime)
{
    if (!runtime || !*runtime)
        return;
    tn_runtime *r = *runtime;
    *runtime = NULL;
    tn_devices_destroy(r);
    tn_units_destroy(r);
    tn_pool_destroy(&r->pool);
    for (size_t i = 0; i < r->rejected.n; i++) {
        free((char *)r->rejected.items[i].path);
        free((char *)r->rejected.items[i].reason);
    }
    TN_VEC_FINISH(&r->rejected);
    for (size_t i = 0; i < r->warned.n; i++)
        free(r->warned.items[i]);
    TN_VEC_FINISH(&r->warned);
    free(r->cache_dir);
    free(r->state_file);
    free(r->only);
    pthread_mutex_destroy(&r->pool_lock);
    pthread_mutex_destroy(&r->log_lock);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

size_t tn_runtime_rejected(const tn_runtime *runtime, const struct tn_rejected **out_list)
{
    if (out_list)
        *out_list = runtime->rejected.items;
    return runtime->rejected.n;
}
