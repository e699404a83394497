#include "runtime/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/utf8.h"
#include "runtime/loader.h"
#include "runtime/tnb_error.h"
#include "runtime/unit.h"

#define MAX_DEVICES 256 /* of one backend: a sane bound on what a plugin may claim */

/* --- one device --- */

tn_status tn_device_open(struct tn_device *device, tnb_device **out_device, struct tn_error *err)
{
    tn_runtime *runtime = device->backend->runtime;
    tn_status status = TN_OK;
    pthread_mutex_lock(&runtime->lock);
    if (!device->opened) {
        tnb_error e = TN_TNB_ERROR;
        tnb_device *opened = NULL;
        tnb_status ts = device->backend->api.device_open(device->backend->instance,
                                                         device->info.index, &opened, &e);
        if (ts == TNB_OK && !opened)
            ts = TNB_E_INTERNAL;
        status = tn_from_tnb(device, "opening the device", ts, &e, err);
        if (status == TN_OK)
            device->opened = opened;
    }
    if (status == TN_OK)
        *out_device = device->opened;
    pthread_mutex_unlock(&runtime->lock);
    return status;
}

const struct tn_device_info *tn_device_info(const tn_device *device)
{
    return &device->info;
}

char *tn_device_id(const struct tn_device *device, char *buf, size_t size)
{
    snprintf(buf, size, "%s:%u", device->backend->name, device->info.index);
    return buf;
}

/* --- the list --- */

/* NULL, or what is wrong with the backend's description. */
static const char *describe_fault(const tnb_device_info *tnb)
{
    if (tnb->kind < TNB_DEVICE_CPU || tnb->kind > TNB_DEVICE_ACCELERATOR)
        return "its kind is none of CPU, GPU, accelerator";
    if (tnb->offset_align == 0 || (tnb->offset_align & (tnb->offset_align - 1)))
        return "its offset_align is no power of two";
    if (tnb->name[0] == '\0')
        return "it has no name";
    return NULL;
}

static void fill_info(struct tn_device *device, uint32_t index)
{
    const struct tn_backend_unit *unit = device->backend;
    tnb_device_info *tnb = &device->tnb;
    tnb->name[sizeof tnb->name - 1] = '\0';
    tnb->uid[sizeof tnb->uid - 1] = '\0';
    tnb->driver[sizeof tnb->driver - 1] = '\0';
    /* They go into JSON: reports, run logs, the list of faults. */
    tn_utf8_mend(tnb->name);
    tn_utf8_mend(tnb->uid);
    tn_utf8_mend(tnb->driver);
    device->info = (struct tn_device_info){
        .backend = unit->name,
        .backend_version = unit->version,
        .backend_path = unit->path,
        .name = tnb->name,
        .uid = tnb->uid,
        .driver = tnb->driver,
        .index = index,
        .kind = (tn_device_kind)tnb->kind,
        .is_emulated = (tnb->caps & TNB_CAP_EMULATED) != 0,
        .is_checker = (tnb->caps & TNB_CAP_CHECKER) != 0,
        .score = tnb->score,
        .mem_total = tnb->mem_total,
        .mem_free = tnb->mem_free,
        .max_alloc = tnb->max_alloc,
        .dtype_mask = tnb->dtype_mask,
    };
}

/* Rejects device `index` of the unit: the rest of the backend stays. */
static tn_status reject_device(tn_runtime *runtime, const struct tn_backend_unit *unit,
                               uint32_t index, const char *reason)
{
    char id[TN_DEVICE_ID_SIZE];
    snprintf(id, sizeof id, "%s:%u", unit->name, index);
    return tn_loader_reject(runtime, id, reason);
}

static tn_status add_device(tn_runtime *runtime, struct tn_backend_unit *unit, uint32_t index)
{
    struct tn_error why = {0};
    tnb_error e = TN_TNB_ERROR;
    struct tn_device *device = calloc(1, sizeof *device);
    if (!device || !TN_VEC_GROW(&runtime->devices)) {
        free(device);
        return TN_E_OOM;
    }
    device->backend = unit;
    device->tnb.struct_size = sizeof device->tnb;
    tnb_status ts = unit->api.device_info(unit->instance, index, &device->tnb, &e);
    fill_info(device, index);
    const char *fault = NULL;
    if (tn_error_from_tnb("it does not describe itself", ts, &e, &why) != TN_OK)
        fault = why.msg;
    else
        fault = describe_fault(&device->tnb);
    if (fault) {
        tn_status status = reject_device(runtime, unit, index, fault);
        free(device);
        return status;
    }
    runtime->devices.items[runtime->devices.n++] = device;
    return TN_OK;
}

static tn_status add_unit(tn_runtime *runtime, struct tn_backend_unit *unit)
{
    uint32_t n = 0;
    tnb_error e = TN_TNB_ERROR;
    struct tn_error why = {0};
    tnb_status ts = unit->api.device_count(unit->instance, &n, &e);
    if (tn_error_from_tnb("it cannot count its devices", ts, &e, &why) != TN_OK)
        return tn_loader_reject(runtime, unit->path ? unit->path : unit->name, why.msg);
    if (n > MAX_DEVICES) {
        tn_runtime_log(runtime, TN_LOG_WARN, "%s: %u devices; those after %d are left out",
                       unit->name, n, MAX_DEVICES);
        n = MAX_DEVICES;
    }
    for (uint32_t i = 0; i < n; i++) {
        tn_status status = add_device(runtime, unit, i);
        if (status != TN_OK)
            return status;
    }
    return TN_OK;
}

static int is_ref(const struct tn_device *device)
{
    return strcmp(device->info.backend, "ref") == 0;
}

/* What a device says of itself must not make it the default where it cannot be meant: a GPU
 * interface on the CPU stays below the CPU's own backend, a checker below everything. */
static void cap_scores(tn_runtime *runtime)
{
    int best_cpu = 0, has_cpu = 0, lowest = INT32_MAX;
    for (size_t i = 0; i < runtime->devices.n; i++) {
        const struct tn_device_info *info = &runtime->devices.items[i]->info;
        if (info->is_checker)
            continue;
        lowest = TN_MIN(lowest, info->score);
        if (info->kind == TN_DEVICE_CPU && !info->is_emulated &&
            !is_ref(runtime->devices.items[i])) {
            best_cpu = has_cpu ? TN_MAX(best_cpu, info->score) : info->score;
            has_cpu = 1;
        }
    }
    for (size_t i = 0; i < runtime->devices.n; i++) {
        struct tn_device_info *info = &runtime->devices.items[i]->info;
        if (info->is_checker)
            info->score = TN_MIN(info->score, lowest > INT32_MIN ? lowest - 1 : INT32_MIN);
        else if (info->is_emulated && has_cpu)
            info->score = TN_MIN(info->score, best_cpu > INT32_MIN ? best_cpu - 1 : INT32_MIN);
    }
}

/* By score; then by name and index, so that the order is the same every time. */
static int compare(const void *a, const void *b)
{
    const struct tn_device_info *x = &(*(struct tn_device *const *)a)->info;
    const struct tn_device_info *y = &(*(struct tn_device *const *)b)->info;
    if (x->is_checker != y->is_checker)
        return x->is_checker ? 1 : -1;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    int by_name = strcmp(x->backend, y->backend);
    if (by_name)
        return by_name;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* The first device of the list that is the same GPU as device i. */
static size_t find_same(const tn_runtime *runtime, size_t i)
{
    const struct tn_device_info *info = &runtime->devices.items[i]->info;
    for (size_t j = 0; j < i; j++) {
        const struct tn_device_info *other = &runtime->devices.items[j]->info;
        if (info->kind == TN_DEVICE_GPU && other->kind == TN_DEVICE_GPU && info->uid[0] &&
            strcmp(info->uid, other->uid) == 0)
            return j;
    }
    return i;
}

tn_status tn_devices_collect(tn_runtime *runtime, struct tn_error *err)
{
    for (size_t i = 0; i < runtime->units.n; i++)
        if (runtime->units.items[i]->is_listed &&
            add_unit(runtime, runtime->units.items[i]) != TN_OK)
            return tn_error_set(err, TN_E_OOM, "out of memory");
    cap_scores(runtime);
    if (runtime->devices.n)
        qsort(runtime->devices.items, runtime->devices.n, sizeof *runtime->devices.items, compare);
    for (size_t i = 0; i < runtime->devices.n; i++)
        runtime->devices.items[i]->info.same_as = find_same(runtime, i);
    return TN_OK;
}

void tn_devices_destroy(tn_runtime *runtime)
{
    for (size_t i = 0; i < runtime->devices.n; i++) {
        struct tn_device *device = runtime->devices.items[i];
        if (device->opened)
            device->backend->api.device_close(device->opened);
        tn_faults_finish(device);
        free(device);
    }
    TN_VEC_FINISH(&runtime->devices);
}

size_t tn_runtime_device_count(const tn_runtime *runtime)
{
    return runtime->devices.n;
}

tn_device *tn_runtime_device(const tn_runtime *runtime, size_t index)
{
    return index < runtime->devices.n ? runtime->devices.items[index] : NULL;
}

tn_device *tn_runtime_backend_device(const tn_runtime *runtime, const char *backend)
{
    for (size_t i = 0; i < runtime->devices.n; i++)
        if (strcmp(runtime->devices.items[i]->info.backend, backend) == 0)
            return runtime->devices.items[i];
    return NULL;
}

tn_device *tn_runtime_ref_device(const tn_runtime *runtime)
{
    return tn_runtime_backend_device(runtime, "ref");
}
