/* The grammar of device selectors: see tn_runtime_select in tenon/runtime.h. */
#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/nearest.h"
#include "runtime/device.h"
#include "runtime/loader.h"
#include "runtime/unit.h"

/* --- lists for messages --- */

struct text {
    char buf[TN_ERROR_MSG_SIZE];
    size_t n, n_left_out;
};

/* "\n  opencl:0  NVIDIA H200 [uid]" while there is room. */
static void text_add_device(struct text *text, const struct tn_device *device)
{
    char id[TN_DEVICE_ID_SIZE], line[360];
    const struct tn_device_info *info = &device->info;
    int n =
        snprintf(line, sizeof line, "\n  %-10s %s%s%s%s%s%s", tn_device_id(device, id, sizeof id),
                 info->name, info->uid[0] ? " [" : "", info->uid, info->uid[0] ? "]" : "",
                 info->is_emulated ? " (on the CPU)" : "", info->is_checker ? " (a checker)" : "");
    if (n < 0 || (size_t)n >= sizeof line || text->n + (size_t)n > 700) {
        text->n_left_out++;
        return;
    }
    memcpy(text->buf + text->n, line, (size_t)n + 1);
    text->n += (size_t)n;
}

static const char *text_finish(struct text *text)
{
    if (text->n_left_out)
        snprintf(text->buf + text->n, sizeof text->buf - text->n, "\n  and %zu more",
                 text->n_left_out);
    return text->buf;
}

/* Devices of `backend` (NULL: all). */
static const char *list_devices(const tn_runtime *runtime, const char *backend, struct text *text)
{
    *text = (struct text){0};
    for (size_t i = 0; i < runtime->devices.n; i++) {
        const struct tn_device *device = runtime->devices.items[i];
        if (!backend || strcmp(device->info.backend, backend) == 0)
            text_add_device(text, device);
    }
    return text_finish(text);
}

/* --- parts of the grammar --- */

static tn_status no_devices(const char *backend, struct tn_error *err)
{
    return tn_error_set(err, TN_E_NOT_FOUND,
                        "backend '%s' is loaded, but found no device on this machine; "
                        "'tenon devices' lists what there is",
                        backend);
}

/* The backend's best. The user named the backend: a checker will do if it has nothing else. */
static tn_status select_backend(const tn_runtime *runtime, const char *backend,
                                struct tn_device **out_device, struct tn_error *err)
{
    tn_device *device = tn_runtime_backend_device(runtime, backend);
    if (!device)
        return no_devices(backend, err);
    *out_device = device;
    return TN_OK;
}

/* What runs when nothing is said. */
static tn_status select_default(const tn_runtime *runtime, struct tn_device **out_device,
                                struct tn_error *err)
{
    if (runtime->only)
        return select_backend(runtime, runtime->only, out_device, err);
    for (size_t i = 0; i < runtime->devices.n; i++) {
        if (!runtime->devices.items[i]->info.is_checker) {
            *out_device = runtime->devices.items[i];
            return TN_OK;
        }
    }
    return tn_error_set(err, TN_E_NOT_FOUND, "no device");
}

static tn_status select_gpu(const tn_runtime *runtime, struct tn_device **out_device,
                            struct tn_error *err)
{
    for (size_t i = 0; i < runtime->devices.n; i++) {
        struct tn_device *device = runtime->devices.items[i];
        if (device->info.kind == TN_DEVICE_GPU && !device->info.is_emulated &&
            !device->info.is_checker &&
            (!runtime->only || strcmp(device->info.backend, runtime->only) == 0)) {
            *out_device = device;
            return TN_OK;
        }
    }
    struct text text;
    return tn_error_set(err, TN_E_NOT_FOUND, "no GPU%s%s was found; the devices are:%s",
                        runtime->only ? " of backend " : "", runtime->only ? runtime->only : "",
                        list_devices(runtime, NULL, &text));
}

static int is_number(const char *text)
{
    return text[0] && strspn(text, "0123456789") == strlen(text);
}

static tn_status select_index(const tn_runtime *runtime, const char *backend, const char *digits,
                              struct tn_device **out_device, struct tn_error *err)
{
    size_t n = 0;
    unsigned long long index = strlen(digits) <= 9 ? strtoull(digits, NULL, 10) : UINT32_MAX;
    for (size_t i = 0; i < runtime->devices.n; i++) {
        struct tn_device *device = runtime->devices.items[i];
        if (strcmp(device->info.backend, backend) != 0)
            continue;
        n++;
        if (device->info.index == index) {
            *out_device = device;
            return TN_OK;
        }
    }
    if (n == 0)
        return no_devices(backend, err);
    struct text text;
    return tn_error_set(err, TN_E_NOT_FOUND,
                        "backend '%s' has no device %s: it has %zu, counted from 0:%s", backend,
                        digits, n, list_devices(runtime, backend, &text));
}

static void lower(const char *text, char *buf, size_t size)
{
    size_t n = TN_MIN(strlen(text), size - 1);
    for (size_t i = 0; i < n; i++)
        buf[i] = (char)tolower((unsigned char)text[i]);
    buf[n] = '\0';
}

/* `glob` in lower case, on the name or the uid. */
static int matches(const char *glob, const struct tn_device_info *info)
{
    char name[sizeof((tnb_device_info *)0)->driver];
    lower(info->name, name, sizeof name);
    if (fnmatch(glob, name, 0) == 0)
        return 1;
    lower(info->uid, name, sizeof name);
    return name[0] && fnmatch(glob, name, 0) == 0;
}

static int is_candidate(const struct tn_device *device, const char *backend, const char *glob)
{
    return (!backend || strcmp(device->info.backend, backend) == 0) && matches(glob, &device->info);
}

/* Did an earlier candidate show the same GPU? */
static int is_repeated(const tn_runtime *runtime, size_t i, const char *backend, const char *glob)
{
    for (size_t j = 0; j < i; j++) {
        const struct tn_device *device = runtime->devices.items[j];
        if (device->info.same_as == runtime->devices.items[i]->info.same_as &&
            is_candidate(device, backend, glob))
            return 1;
    }
    return 0;
}

/* Devices of `backend` (NULL: any) that match. One GPU seen twice counts once: the better driver.
 * Returns how many; the first is stored. */
static size_t find_matches(const tn_runtime *runtime, const char *backend, const char *glob,
                           struct tn_device **out_first, struct text *text)
{
    char folded[320];
    size_t n = 0;
    *text = (struct text){0};
    lower(glob, folded, sizeof folded);
    for (size_t i = 0; i < runtime->devices.n; i++) {
        struct tn_device *device = runtime->devices.items[i];
        if (!is_candidate(device, backend, folded) || is_repeated(runtime, i, backend, folded))
            continue;
        if (n++ == 0)
            *out_first = device;
        text_add_device(text, device);
    }
    return n;
}

static tn_status select_glob(const tn_runtime *runtime, const char *backend, const char *glob,
                             struct tn_device **out_device, struct tn_error *err)
{
    struct tn_device *first = NULL;
    struct text text;
    if (!tn_runtime_backend_device(runtime, backend))
        return no_devices(backend, err);
    size_t n = find_matches(runtime, backend, glob, &first, &text);
    if (n == 1) {
        *out_device = first;
        return TN_OK;
    }
    if (n > 1)
        return tn_error_set(err, TN_E_INVALID,
                            "'%s' matches %zu devices of backend '%s'; say which, by index or by a "
                            "closer pattern:%s",
                            glob, n, backend, text_finish(&text));
    char inside[320];
    snprintf(inside, sizeof inside, "*%s*", glob);
    n = strpbrk(glob, "*?[") ? 0 : find_matches(runtime, backend, inside, &first, &text);
    return tn_error_set(err, TN_E_NOT_FOUND,
                        "no device of backend '%s' has a name or uid that matches '%s'%s%s%s; it "
                        "has:%s",
                        backend, glob, n ? " (a part of a name needs stars: '" : "",
                        n ? inside : "", n ? "')" : "", list_devices(runtime, backend, &text));
}

/* Why a plugin of that name was not loaded, or NULL. */
static const struct tn_rejected *find_rejected(const tn_runtime *runtime, const char *backend)
{
    char file[160];
    snprintf(file, sizeof file, "libtenon-backend-%s.so", backend);
    for (size_t i = 0; i < runtime->rejected.n; i++) {
        const char *slash = strrchr(runtime->rejected.items[i].path, '/');
        if (slash && strcmp(slash + 1, file) == 0)
            return &runtime->rejected.items[i];
    }
    return NULL;
}

static tn_status unknown_backend(const tn_runtime *runtime, const char *backend,
                                 const char *selector, struct tn_error *err)
{
    const struct tn_rejected *rejected = find_rejected(runtime, backend);
    char known[512];
    struct text text;
    struct tn_device *first = NULL;
    if (rejected)
        return tn_error_set(err, TN_E_NOT_FOUND, "backend '%s' cannot be used: %s: %s", backend,
                            rejected->path, rejected->reason);
    if (runtime->only)
        return tn_error_set(err, TN_E_NOT_FOUND,
                            "device '%s': backend '%s' is not loaded, since backend '%s' was asked "
                            "for; leave one of the two out",
                            selector, backend, runtime->only);
    if (find_matches(runtime, NULL, selector, &first, &text) > 0)
        return tn_error_set(err, TN_E_NOT_FOUND,
                            "device '%s' needs the name of a backend before it: '%s:%s'", selector,
                            first->info.backend, selector);
    if (is_number(selector))
        return tn_error_set(err, TN_E_INVALID,
                            "device '%s': an index needs the name of a backend, as in "
                            "'opencl:%s'; the devices are:%s",
                            selector, selector, list_devices(runtime, NULL, &text));
    return tn_error_set(err, TN_E_NOT_FOUND, "device '%s': no backend '%s'%s", selector, backend,
                        tn_loader_known_names(runtime, backend, known, sizeof known));
}

static tn_status select_in(const tn_runtime *runtime, const char *backend, const char *rest,
                           struct tn_device **out_device, struct tn_error *err)
{
    if (is_number(rest))
        return select_index(runtime, backend, rest, out_device, err);
    return select_glob(runtime, backend, rest, out_device, err);
}

tn_status tn_runtime_select(tn_runtime *runtime, const char *selector, tn_device **out_device,
                            struct tn_error *err)
{
    char backend[64];
    if (!selector)
        return select_default(runtime, out_device, err);
    size_t n = strcspn(selector, ":");
    if (!*selector || strlen(selector) > 255)
        return tn_error_set(err, TN_E_INVALID,
                            "device '%.40s' is %s; it is BACKEND, BACKEND:INDEX, BACKEND:GLOB or "
                            "gpu",
                            selector, *selector ? "too long" : "empty");
    if (strcmp(selector, "gpu") == 0)
        return select_gpu(runtime, out_device, err);
    snprintf(backend, sizeof backend, "%.*s", (int)TN_MIN(n, sizeof backend - 1), selector);
    const struct tn_backend_unit *unit = n < sizeof backend ? tn_unit_find(runtime, backend) : NULL;
    if (unit && unit->is_listed && !selector[n])
        return select_backend(runtime, backend, out_device, err);
    if (unit && unit->is_listed && selector[n + 1] == '\0')
        return tn_error_set(err, TN_E_INVALID,
                            "device '%s' ends in a colon; leave it out, or add an index or a name",
                            selector);
    if (unit && unit->is_listed)
        return select_in(runtime, backend, selector + n + 1, out_device, err);
    if (runtime->only && !tn_loader_is_known(runtime, backend))
        return select_in(runtime, runtime->only, selector, out_device, err);
    return unknown_backend(runtime, backend, selector, err);
}
