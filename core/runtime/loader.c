/* Rules of loading: an explicit path contains a slash; names are looked for in TENON_BACKEND_PATH
 * and in the compiled-in folder, never in the working directory. A plugin stays mapped for the life
 * of the process: unloading code that a driver's thread or an exit handler still needs is how hosts
 * of plugins crash. */
#include "runtime/loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "runtime/abi_check.h"
#include "runtime/path_rules.h"
#include "runtime/ref_backend.h"
#include "runtime/search_path.h"
#include "runtime/tnb_error.h"
#include "runtime/unit.h"

tn_status tn_loader_reject(tn_runtime *runtime, const char *path, const char *reason)
{
    char *p = strdup(path), *r = strdup(reason);
    if (!p || !r || !TN_VEC_GROW(&runtime->rejected)) {
        free(p);
        free(r);
        return TN_E_OOM;
    }
    runtime->rejected.items[runtime->rejected.n++] = (struct tn_rejected){.path = p, .reason = r};
    tn_runtime_log(runtime, TN_LOG_DEBUG, "rejected %s: %s", path, reason);
    return TN_OK;
}

/* Warns once per path. */
static void warn_group(tn_runtime *runtime, const char *plugin, const char *path)
{
    for (size_t i = 0; i < runtime->warned.n; i++)
        if (strcmp(runtime->warned.items[i], path) == 0)
            return;
    char *copy = strdup(path);
    if (!copy || !TN_VEC_GROW(&runtime->warned)) {
        free(copy);
        return;
    }
    runtime->warned.items[runtime->warned.n++] = copy;
    tn_runtime_log(runtime, TN_LOG_WARN,
                   "plugin %s: the whole group may write %s; if that is not meant: chmod g-w %s",
                   plugin, path, path);
}

/* A plugin of another major has another entry symbol; say so rather than "no symbol". */
static tn_status no_entry(void *library, struct tn_error *err)
{
    for (unsigned major = 1; major < 10; major++) {
        char symbol[40];
        snprintf(symbol, sizeof symbol, "tenon_backend_entry_v%u", major);
        if (major != TNB_ABI_MAJOR && dlsym(library, symbol))
            return tn_error_set(err, TN_E_ABI,
                                "it speaks version %u of the backend ABI, this Tenon version %u: "
                                "it was built for another Tenon",
                                major, TNB_ABI_MAJOR);
    }
    return tn_error_set(err, TN_E_ABI,
                        "it lacks the entry symbol " TNB_ENTRY_SYMBOL
                        ": it is no Tenon backend, or it does not export the symbol");
}

/* Maps the file and asks it for its table. */
static tn_status open_table(const char *real, const tnb_backend **out_table, struct tn_error *err)
{
    tn_status status = tn_path_check_shared_object(real, err);
    if (status != TN_OK)
        return status;
    void *library = dlopen(real, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *why = dlerror();
        return tn_error_set(err, TN_E_INVALID, "the system's loader refuses it: %s",
                            why ? why : "no reason given");
    }
    void *symbol = dlsym(library, TNB_ENTRY_SYMBOL);
    if (!symbol)
        return no_entry(library, err);
    tnb_entry_fn entry = NULL;
    _Static_assert(sizeof entry == sizeof symbol, "dlsym gives functions as data pointers");
    memcpy(&entry, &symbol, sizeof entry);
    tnb_error e = TN_TNB_ERROR;
    const tnb_backend *table = entry(TNB_ABI_MINOR, &e);
    if (!table)
        return tn_error_from_tnb("it refuses this Tenon", TNB_E_ABI, &e, err);
    *out_table = table;
    return tn_abi_check(table, err);
}

static const struct tn_backend_unit *find_file(const tn_runtime *runtime,
                                               const struct tn_path_verdict *file)
{
    for (size_t i = 0; i < runtime->units.n; i++) {
        const struct tn_backend_unit *unit = runtime->units.items[i];
        if (unit->path && unit->dev == file->dev && unit->ino == file->ino)
            return unit;
    }
    return NULL;
}

static int is_loading(const tn_runtime *runtime, const char *name)
{
    for (size_t i = 0; i < runtime->loading.n; i++)
        if (strcmp(runtime->loading.items[i]->name, name) == 0)
            return 1;
    return 0;
}

/* The table's name against the file's and the loaded ones. */
static tn_status check_name(const tn_runtime *runtime, const char *name, const char *expected,
                            struct tn_error *err)
{
    if (expected && strcmp(name, expected) != 0)
        return tn_error_set(err, TN_E_ABI,
                            "it calls itself '%s', but its file name says '%s'; rename it to "
                            "libtenon-backend-%s.so",
                            name, expected, name);
    if (strcmp(name, "ref") == 0)
        return tn_error_set(err, TN_E_EXISTS, "it calls itself 'ref', which is built in");
    const struct tn_backend_unit *other = tn_unit_find(runtime, name);
    if (other)
        return tn_error_set(err, TN_E_EXISTS, "backend '%s' is already loaded from %s", name,
                            other->path);
    if (is_loading(runtime, name))
        return tn_error_set(err, TN_E_INVALID, "backend '%s' is being started already", name);
    return TN_OK;
}

struct load {
    const char *path;
    const char *expected; /* the name that the file name says; NULL: any */
    const tnb_kv *opts;
    uint32_t n_opts;
};

/* Messages do not repeat the path. */
static tn_status load_file(tn_runtime *runtime, const struct load *load,
                           struct tn_backend_unit **out_unit, struct tn_error *err)
{
    struct tn_path_verdict file = {0};
    const tnb_backend *table = NULL;
    tn_status status = tn_path_check(load->path, &file, err);
    if (status != TN_OK)
        return status;
    const struct tn_backend_unit *same = find_file(runtime, &file);
    if (same) {
        *out_unit = tn_unit_find(runtime, same->name);
        tn_path_verdict_finish(&file);
        return TN_OK;
    }
    if (file.group_writable)
        warn_group(runtime, load->path, file.group_writable);
    status = open_table(file.real, &table, err);
    if (status == TN_OK)
        status = check_name(runtime, table->name, load->expected, err);
    if (status == TN_OK)
        status = tn_unit_create(
            runtime,
            &(struct tn_unit_params){
                .table = table, .file = &file, .opts = load->opts, .n_opts = load->n_opts},
            out_unit, err);
    tn_path_verdict_finish(&file);
    return status;
}

/* --- searching --- */

static tn_status load_folder(tn_runtime *runtime, const char *folder, struct tn_error *err)
{
    struct tn_string_list names = {{0}};
    int ok = tn_search_names(folder, &names);
    for (size_t i = 0; ok && i < names.list.n; i++) {
        struct tn_error why = {0};
        struct tn_backend_unit *unit = NULL;
        char *path = tn_search_file(folder, names.list.items[i]);
        ok = path != NULL;
        if (!ok)
            break;
        struct load load = {.path = path, .expected = names.list.items[i]};
        if (load_file(runtime, &load, &unit, &why) == TN_OK)
            unit->is_listed = 1;
        else
            ok = tn_loader_reject(runtime, path, why.msg) == TN_OK;
        free(path);
    }
    tn_string_list_finish(&names);
    return ok ? TN_OK : tn_error_set(err, TN_E_OOM, "out of memory");
}

tn_status tn_loader_load_all(tn_runtime *runtime, struct tn_error *err)
{
    struct tn_string_list folders = {{0}};
    tn_status status =
        tn_search_folders(runtime, &folders) ? TN_OK : tn_error_set(err, TN_E_OOM, "out of memory");
    for (size_t i = 0; status == TN_OK && i < folders.list.n; i++)
        status = load_folder(runtime, folders.list.items[i], err);
    tn_string_list_finish(&folders);
    return status;
}

static int add_once(struct tn_string_list *list, const char *name)
{
    for (size_t i = 0; i < list->list.n; i++)
        if (strcmp(list->list.items[i], name) == 0)
            return 1;
    return tn_string_list_add(list, name, strlen(name));
}

/* Loaded ones, then those of files that are not loaded. What memory does not hold is left out. */
static void gather_names(const tn_runtime *runtime, struct tn_string_list *names)
{
    struct tn_string_list folders = {{0}};
    add_once(names, "ref");
    for (size_t i = 0; i < runtime->units.n; i++)
        add_once(names, runtime->units.items[i]->name);
    tn_search_folders(NULL, &folders);
    for (size_t i = 0; i < folders.list.n; i++) {
        struct tn_string_list files = {{0}};
        tn_search_names(folders.list.items[i], &files);
        for (size_t j = 0; j < files.list.n; j++)
            add_once(names, files.list.items[j]);
        tn_string_list_finish(&files);
    }
    tn_string_list_finish(&folders);
}

int tn_loader_is_known(const tn_runtime *runtime, const char *name)
{
    struct tn_string_list names = {{0}};
    int found = 0;
    gather_names(runtime, &names);
    for (size_t i = 0; i < names.list.n; i++)
        found = found || strcmp(names.list.items[i], name) == 0;
    tn_string_list_finish(&names);
    return found;
}

char *tn_loader_known_names(const tn_runtime *runtime, const char *word, char *buf, size_t size)
{
    char hint[160];
    struct tn_string_list names = {{0}};
    struct tn_nearest near = TN_NEAREST_INIT(word);
    gather_names(runtime, &names);
    snprintf(buf, size, "; known are: ");
    for (size_t i = 0; i < names.list.n; i++) {
        size_t n = strlen(buf);
        snprintf(buf + n, size - n, "%s%s", i ? ", " : "", names.list.items[i]);
        tn_nearest_offer(&near, names.list.items[i]);
    }
    size_t n = strlen(buf);
    snprintf(buf + n, size - n, "%s", tn_nearest_hint(&near, hint, sizeof hint));
    tn_string_list_finish(&names);
    return buf;
}

/* --- one backend --- */

static tn_status not_found(const tn_runtime *runtime, const char *name,
                           const struct tn_string_list *folders, struct tn_error *err)
{
    char where[384] = "", known[512];
    for (size_t i = 0; i < folders->list.n; i++) {
        size_t n = strlen(where);
        snprintf(where + n, sizeof where - n, "%s%s", n ? ", " : "", folders->list.items[i]);
    }
    return tn_error_set(
        err, TN_E_NOT_FOUND, "no backend '%s': looked for libtenon-backend-%s.so in %s%s%s", name,
        name, where, tn_loader_known_names(runtime, name, known, sizeof known),
        strstr(name, ".so") ? "; a plugin's path must contain a slash: ./FILE.so" : "");
}

/* The first usable file of that name along the search path. */
static tn_status load_named(tn_runtime *runtime, const char *name, const tnb_kv *opts,
                            uint32_t n_opts, struct tn_backend_unit **out_unit,
                            struct tn_error *err)
{
    struct tn_string_list folders = {{0}};
    struct tn_error first = {0};
    int is_usable_name = tn_backend_name_is_valid(name), done = 0;
    tn_status status = tn_search_folders(runtime, &folders) ? TN_OK : TN_E_OOM;
    for (size_t i = 0; status == TN_OK && is_usable_name && !done && i < folders.list.n; i++) {
        struct tn_error why = {0};
        char *path = tn_search_file(folders.list.items[i], name);
        if (!path) {
            status = TN_E_OOM;
            break;
        }
        struct load load = {.path = path, .expected = name, .opts = opts, .n_opts = n_opts};
        tn_status one = load_file(runtime, &load, out_unit, &why);
        done = one == TN_OK;
        if (one != TN_OK && one != TN_E_NOT_FOUND) {
            status = tn_loader_reject(runtime, path, why.msg);
            if (first.code == TN_OK)
                tn_error_set(&first, one, "backend '%s' cannot be used: %s: %s", name, path,
                             why.msg);
        }
        free(path);
    }
    if (status == TN_E_OOM)
        tn_error_set(err, TN_E_OOM, "out of memory");
    else if (!done && first.code != TN_OK)
        status = tn_error_set(err, first.code, "%s", first.msg);
    else if (!done)
        status = not_found(runtime, name, &folders, err);
    tn_string_list_finish(&folders);
    return status;
}

static tn_status open_ref(tn_runtime *runtime, const tnb_kv *opts, uint32_t n_opts,
                          struct tn_backend_unit **out_unit, struct tn_error *err)
{
    return tn_unit_create(
        runtime,
        &(struct tn_unit_params){.table = tn_ref_backend(), .opts = opts, .n_opts = n_opts},
        out_unit, err);
}

tn_status tn_loader_load_one(tn_runtime *runtime, const char *spec, const tnb_kv *opts,
                             uint32_t n_opts, struct tn_backend_unit **out_unit,
                             struct tn_error *err)
{
    if (strcmp(spec, "ref") == 0)
        return open_ref(runtime, opts, n_opts, out_unit, err);
    if (!strchr(spec, '/'))
        return load_named(runtime, spec, opts, n_opts, out_unit, err);
    struct tn_error why = {0};
    struct load load = {.path = spec, .opts = opts, .n_opts = n_opts};
    tn_status status = load_file(runtime, &load, out_unit, &why);
    if (status == TN_OK)
        return TN_OK;
    if (status != TN_E_OOM && tn_loader_reject(runtime, spec, why.msg) != TN_OK)
        status = TN_E_OOM;
    return tn_error_set(err, status, "plugin %s: %s", spec, why.msg);
}

tn_status tn_loader_open(tn_runtime *runtime, const char *name, struct tn_backend_unit **out_unit,
                         struct tn_error *err)
{
    if (is_loading(runtime, name))
        return tn_error_set(err, TN_E_INVALID,
                            "backend '%s' is being started: it would wrap itself", name);
    struct tn_backend_unit *unit = tn_unit_find(runtime, name);
    if (!unit) {
        if (strchr(name, '/'))
            return tn_error_set(err, TN_E_INVALID,
                                "a backend is opened by name, and '%s' is a path", name);
        tn_status status = tn_loader_load_one(runtime, name, NULL, 0, &unit, err);
        if (status != TN_OK)
            return status;
    }
    *out_unit = unit;
    return TN_OK;
}
