/* The list of operators that a device got wrong: a JSON file in the user's state folder, one entry
 * per device, driver and backend version. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"
#include "runtime/device.h"

#define FORMAT 1
#define MAX_BYTES (1u << 20)

/* --- the file --- */

static tn_status parse(const char *path, const char *text, size_t n, json_t **out_root,
                       struct tn_error *err)
{
    json_error_t e;
    json_t *root = json_loadb(text, n, 0, &e);
    json_t *format = json_object_get(root, "format");
    tn_status st = TN_OK;
    if (!root)
        st = tn_error_set(err, TN_E_INVALID,
                          "%s:%d:%d: %s; remove the file, tenon doctor writes "
                          "a new one",
                          path, e.line, e.column, e.text);
    else if (json_is_integer(format) && json_integer_value(format) > FORMAT)
        st = tn_error_set(err, TN_E_INVALID,
                          "%s has format %lld, of a newer Tenon; this one knows format %d", path,
                          (long long)json_integer_value(format), FORMAT);
    else if (!json_is_integer(format) || !json_is_array(json_object_get(root, "devices")))
        st = tn_error_set(err, TN_E_INVALID,
                          "%s is no list of devices; remove it, tenon doctor writes a new one",
                          path);
    if (st != TN_OK)
        json_decref(root);
    else
        *out_root = root;
    return st;
}

/* *out_root NULL: there is no file. */
static tn_status read_file(const char *path, json_t **out_root, struct tn_error *err)
{
    void *text;
    size_t n;
    *out_root = NULL;
    tn_status st = tn_file_read(path, MAX_BYTES, &text, &n, err);
    if (st == TN_E_NOT_FOUND)
        return TN_OK;
    if (st != TN_OK)
        return st;
    st = parse(path, text, n, out_root, err);
    free(text);
    return st;
}

static tn_status write_file(const char *path, const json_t *root, struct tn_error *err)
{
    char *folder = tn_path_dir(path);
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS);
    tn_status st = folder && text ? tn_path_make_dirs(folder, err)
                                  : tn_error_set(err, TN_E_OOM, "out of memory");
    if (st == TN_OK)
        st = tn_file_write_atomic(path, text, strlen(text), err);
    free(folder);
    free(text);
    return st;
}

static int has_text(const json_t *entry, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(entry, key));
    return value && strcmp(value, text) == 0;
}

static int is_same_device(const json_t *entry, const struct tn_device *device)
{
    const struct tn_device_info *i = &device->info;
    return has_text(entry, "backend", i->backend) && has_text(entry, "uid", i->uid) &&
           has_text(entry, "name", i->name);
}

/* Another driver, or another version of the backend, is to be looked at afresh. */
static int is_same_driver(const json_t *entry, const struct tn_device *device)
{
    return has_text(entry, "driver", device->info.driver) &&
           has_text(entry, "backend_version", device->info.backend_version);
}

/* --- the lists --- */

void tn_faults_finish(struct tn_device *device)
{
    for (size_t i = 0; i < device->faults.n; i++) {
        free((char *)device->faults.items[i].op);
        free((char *)device->faults.items[i].reason);
    }
    TN_VEC_FINISH(&device->faults);
}

static int add_fault(struct tn_device *device, const char *op, const char *reason)
{
    struct tn_device_fault fault = {strdup(op), strdup(reason)};
    if (!fault.op || !fault.reason || !TN_VEC_GROW(&device->faults)) {
        free((char *)fault.op);
        free((char *)fault.reason);
        return 0;
    }
    device->faults.items[device->faults.n++] = fault;
    return 1;
}

static int take_faults(struct tn_device *device, const json_t *entry)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(entry, "failed"), i, item) {
        const char *op = json_string_value(json_object_get(item, "op"));
        const char *reason = json_string_value(json_object_get(item, "reason"));
        if (op && !add_fault(device, op, reason ? reason : "it failed conformance"))
            return 0;
    }
    return 1;
}

/* Gives an entry's faults to the device that it speaks of; 0 when memory runs out. */
static int take_entry(struct tn_runtime *runtime, const json_t *entry)
{
    int ok = 1;
    for (size_t d = 0; ok && d < runtime->devices.n; d++) {
        struct tn_device *device = runtime->devices.items[d];
        if (is_same_device(entry, device) && is_same_driver(entry, device))
            ok = take_faults(device, entry);
    }
    return ok;
}

tn_status tn_faults_load(tn_runtime *runtime, struct tn_error *err)
{
    struct tn_error why = {0};
    json_t *root = NULL;
    int ok = 1;
    if (!runtime->state_file)
        return TN_OK;
    if (read_file(runtime->state_file, &root, &why) != TN_OK) {
        tn_runtime_log(runtime, TN_LOG_WARN, "the list of faulty operators is not used: %s",
                       why.msg);
        return TN_OK;
    }
    const json_t *list = json_object_get(root, "devices");
    for (size_t i = 0; ok && i < json_array_size(list); i++)
        ok = take_entry(runtime, json_array_get(list, i));
    json_decref(root);
    return ok ? TN_OK : tn_error_set(err, TN_E_OOM, "out of memory");
}

size_t tn_device_faults(const tn_device *device, const struct tn_device_fault **out_list)
{
    if (out_list)
        *out_list = device->faults.items;
    return device->faults.n;
}

/* --- writing --- */

static json_t *entry_of(const struct tn_device *device, const struct tn_device_fault *faults,
                        size_t n)
{
    const struct tn_device_info *i = &device->info;
    char date[16] = "";
    time_t now = time(NULL);
    struct tm tm;
    if (gmtime_r(&now, &tm))
        strftime(date, sizeof(date), "%Y-%m-%d", &tm);
    json_t *failed = json_array();
    for (size_t f = 0; f < n; f++)
        json_array_append_new(
            failed, json_pack("{s:s, s:s}", "op", faults[f].op, "reason", faults[f].reason));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "backend", i->backend,
                     "backend_version", i->backend_version, "name", i->name, "uid", i->uid,
                     "driver", i->driver, "verdict", n ? "faulty" : "good", "checked", date,
                     "tenon", tn_version(), "failed", failed);
}

static tn_status replace_entry(json_t *root, const struct tn_device *device,
                               const struct tn_device_fault *faults, size_t n, struct tn_error *err)
{
    json_t *list = json_object_get(root, "devices"), *entry = entry_of(device, faults, n);
    for (size_t i = json_array_size(list); i-- > 0;)
        if (is_same_device(json_array_get(list, i), device))
            json_array_remove(list, i);
    if (!entry || json_array_append_new(list, entry))
        return tn_error_set(err, TN_E_OOM, "out of memory");
    return TN_OK;
}

/* Another process may be about to change the list. A file system that cannot lock folders costs the
 * protection, not the list. -1: not locked. */
static int lock_folder_of(const char *path)
{
    char *folder = tn_path_dir(path);
    int fd = -1;
    if (folder && tn_path_make_dirs(folder, NULL) == TN_OK)
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    while (fd >= 0 && flock(fd, LOCK_EX) != 0 && errno == EINTR)
        continue;
    return fd;
}

static tn_status save(const struct tn_device *device, const struct tn_device_fault *faults,
                      size_t n, struct tn_error *err)
{
    const char *path = device->backend->runtime->state_file;
    json_t *root = NULL;
    if (!path)
        return tn_error_set(err, TN_E_IO,
                            "there is no folder for what is found out about devices: set "
                            "TENON_STATE_DIR or HOME");
    int lock = lock_folder_of(path);
    tn_status st = read_file(path, &root, err);
    if (st == TN_OK && !root && !(root = json_pack("{s:i, s:[]}", "format", FORMAT, "devices")))
        st = tn_error_set(err, TN_E_OOM, "out of memory");
    if (st == TN_OK)
        st = replace_entry(root, device, faults, n, err);
    if (st == TN_OK)
        st = write_file(path, root, err);
    json_decref(root);
    if (lock >= 0)
        close(lock);
    return st;
}

tn_status tn_device_set_faults(tn_device *device, const struct tn_device_fault *faults, size_t n,
                               struct tn_error *err)
{
    tn_runtime *runtime = device->backend->runtime;
    pthread_mutex_lock(&runtime->lock);
    tn_status st = save(device, faults, n, err);
    if (st == TN_OK) {
        tn_faults_finish(device);
        for (size_t i = 0; st == TN_OK && i < n; i++)
            if (!add_fault(device, faults[i].op, faults[i].reason))
                st = tn_error_set(err, TN_E_OOM, "out of memory");
    }
    pthread_mutex_unlock(&runtime->lock);
    return st;
}
