#include "runtime/unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "runtime/abi_check.h"
#include "runtime/tnb_error.h"

static void unit_free(struct tn_backend_unit *unit)
{
    if (!unit)
        return;
    if (unit->instance)
        unit->api.destroy(unit->instance);
    free(unit->name);
    free(unit->version);
    free(unit->path);
    free(unit->cache_dir);
    TN_VEC_FINISH(&unit->uses);
    free(unit);
}

/* Everything but the instance. NULL when memory is out. */
static struct tn_backend_unit *unit_new(tn_runtime *runtime, const struct tn_unit_params *params)
{
    struct tn_backend_unit *unit = calloc(1, sizeof *unit);
    if (!unit)
        return NULL;
    unit->runtime = runtime;
    unit->table = params->table;
    unit->api = tn_abi_copy(params->table);
    unit->name = strdup(unit->api.name);
    unit->version = strdup(unit->api.version);
    if (params->file) {
        unit->path = strdup(params->file->real);
        unit->dev = params->file->dev;
        unit->ino = params->file->ino;
    }
    if (runtime->cache_dir && unit->name)
        unit->cache_dir = tn_path_join(runtime->cache_dir, unit->name);
    if (!unit->name || !unit->version || (params->file && !unit->path) ||
        (runtime->cache_dir && !unit->cache_dir)) {
        unit_free(unit);
        return NULL;
    }
    tn_host_init(unit);
    return unit;
}

tn_status tn_unit_create(tn_runtime *runtime, const struct tn_unit_params *params,
                         struct tn_backend_unit **out_unit, struct tn_error *err)
{
    struct tn_backend_unit *unit = unit_new(runtime, params);
    if (!unit || !TN_VEC_GROW(&runtime->loading)) {
        unit_free(unit);
        return tn_error_set(err, TN_E_OOM, "out of memory");
    }
    /* A wrapper may load another backend from within its create: `loading` then is a stack, in
     * which it is found if it (or what it wraps) asks for itself. */
    runtime->loading.items[runtime->loading.n++] = unit;
    tnb_error e = TN_TNB_ERROR;
    tnb_status ts =
        unit->api.create(&unit->host, params->opts, params->n_opts, &unit->instance, &e);
    runtime->loading.n--;
    tn_status status = TN_OK;
    if (ts != TNB_OK) {
        unit->instance = NULL; /* on failure nothing is left behind */
        status = tn_error_from_tnb("it could not start", ts, &e, err);
    } else if (!unit->instance) {
        status = tn_error_set(err, TN_E_ABI, "its create succeeded without giving an instance");
    } else if (!TN_VEC_GROW(&runtime->units)) {
        status = tn_error_set(err, TN_E_OOM, "out of memory");
    }
    if (status != TN_OK) {
        unit_free(unit);
        return status;
    }
    runtime->units.items[runtime->units.n++] = unit;
    *out_unit = unit;
    return TN_OK;
}

static int is_used(const tn_runtime *runtime, const struct tn_backend_unit *unit)
{
    for (size_t i = 0; i < runtime->units.n; i++) {
        const struct tn_backend_unit *other = runtime->units.items[i];
        for (size_t j = 0; other != unit && j < other->uses.n; j++)
            if (other->uses.items[j] == unit)
                return 1;
    }
    return 0;
}

void tn_units_destroy(tn_runtime *runtime)
{
    while (runtime->units.n > 0) {
        /* The youngest that nobody uses; in a ring of wrappers, which has no right order, the
         * youngest of all. */
        size_t pick = runtime->units.n - 1;
        for (size_t i = runtime->units.n; i-- > 0;) {
            if (!is_used(runtime, runtime->units.items[i])) {
                pick = i;
                break;
            }
        }
        struct tn_backend_unit *unit = runtime->units.items[pick];
        memmove(&runtime->units.items[pick], &runtime->units.items[pick + 1],
                (runtime->units.n - pick - 1) * sizeof *runtime->units.items);
        runtime->units.n--;
        unit_free(unit);
    }
    TN_VEC_FINISH(&runtime->units);
    TN_VEC_FINISH(&runtime->loading);
}

struct tn_backend_unit *tn_unit_find(const tn_runtime *runtime, const char *name)
{
    for (size_t i = 0; i < runtime->units.n; i++)
        if (strcmp(runtime->units.items[i]->name, name) == 0)
            return runtime->units.items[i];
    return NULL;
}
