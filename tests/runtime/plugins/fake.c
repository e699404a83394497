/* A backend that computes nothing and shows the devices that a test asks for; and, compiled with
 * one of the FAKE_* macros, one with a fault that the loader must find. Built as a third party's
 * would be: tenon/backend.h and libc.
 *
 * Devices come from the option `devices`, else from the variable FAKE_DEVICES_<name>: entries
 * "kind/name/uid/score/flags" joined by ';'. kind: cpu, gpu, acc, or bad (no kind); flags: e
 * emulated, c checker, a (a wrong offset_align), x (device_info fails). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tenon/backend.h"

#ifndef FAKE_NAME
#define FAKE_NAME "fake"
#endif
#ifndef FAKE_ENTRY
#define FAKE_ENTRY tenon_backend_entry_v0
#endif
#ifndef FAKE_MAJOR
#define FAKE_MAJOR TNB_ABI_MAJOR
#endif
#define MAX_DEVICES 16

struct tnb_instance {
    const tnb_host *host;
    const tnb_backend *inner; /* what it wraps, or NULL */
    tnb_instance *inner_instance;
    uint32_t n_devices;
    char field[MAX_DEVICES][5][128];
};
struct tnb_device {
    int unused;
};

static tnb_status fail(tnb_error *err, tnb_status code, const char *msg, const char *detail)
{
    err->code = code;
    snprintf(err->msg, sizeof err->msg, "%s%s", msg, detail);
    return code;
}

static void parse_devices(tnb_instance *instance, const char *text)
{
    while (text && *text && instance->n_devices < MAX_DEVICES) {
        for (int i = 0; i < 5; i++) {
            size_t n = strcspn(text, "/;");
            snprintf(instance->field[instance->n_devices][i], 128, "%.*s", (int)n, text);
            text += n;
            if (*text == ';')
                break;
            text += *text == '/';
        }
        text += *text == ';';
        instance->n_devices++;
    }
}

static void sum_range(void *arg, uint64_t lo, uint64_t hi)
{
    unsigned char *seen = arg;
    for (uint64_t i = lo; i < hi; i++)
        seen[i]++;
}

/* Uses each function of the host table and logs what it saw. */
static void try_host(const tnb_host *host)
{
    char line[512];
    unsigned char *page = host->alloc(host->ctx, 10007, 4096);
    uint64_t n_ones = 0, n_others = 0;
    memset(page, 0, 10007);
    host->parallel_for(host->ctx, 10007, sum_range, page);
    for (int i = 0; i < 10007; i++)
        *(page[i] == 1 ? &n_ones : &n_others) += 1;
    snprintf(line, sizeof line, "aligned=%d ones=%d others=%d odd=%d cache=%s threads=%u",
             (uintptr_t)page % 4096 == 0, (int)n_ones, (int)n_others,
             host->alloc(host->ctx, 8, 24) == NULL, host->cache_dir ? host->cache_dir : "none",
             host->n_threads);
    host->free(host->ctx, page);
    host->free(host->ctx, NULL);
    host->log(host->ctx, TNB_LOG_INFO, line);
}

static tnb_status read_options(tnb_instance *instance, const tnb_kv *opts, uint32_t n_opts,
                               tnb_error *err)
{
    const char *devices = getenv("FAKE_DEVICES_" FAKE_NAME);
    for (uint32_t i = 0; i < n_opts; i++) {
        if (strcmp(opts[i].key, "devices") == 0) {
            devices = opts[i].value;
        } else if (strcmp(opts[i].key, "host") == 0) {
            try_host(instance->host);
        } else if (strcmp(opts[i].key, "wrap") == 0) {
            tnb_status status =
                instance->host->open_backend(instance->host->ctx, opts[i].value, &instance->inner,
                                             &instance->inner_instance, err);
            if (status != TNB_OK)
                return status;
        } else {
            return fail(err, TNB_E_INVALID, "known options are devices, host, wrap; not ",
                        opts[i].key);
        }
    }
    parse_devices(instance, devices);
    return TNB_OK;
}

static tnb_status create(const tnb_host *host, const tnb_kv *opts, uint32_t n_opts,
                         tnb_instance **out_instance, tnb_error *err)
{
#ifdef FAKE_CREATE_FAILS
    err->native = -1001;
    return fail(err, TNB_E_DEVICE_LOST, "the driver is on strike", "");
#endif
    tnb_instance *instance = calloc(1, sizeof *instance);
    instance->host = host;
    tnb_status status = TNB_OK;
#ifdef FAKE_WRAPS
    status =
        host->open_backend(host->ctx, FAKE_WRAPS, &instance->inner, &instance->inner_instance, err);
#endif
    if (status == TNB_OK)
        status = read_options(instance, opts, n_opts, err);
    if (status != TNB_OK) {
        free(instance);
        return status;
    }
    *out_instance = instance;
    return TNB_OK;
}

/* What it wraps must still be there. */
static void destroy(tnb_instance *instance)
{
    uint32_t n = 0;
    tnb_error err = {.struct_size = sizeof err};
    if (instance->inner)
        instance->inner->device_count(instance->inner_instance, &n, &err);
    instance->host->log(instance->host->ctx, TNB_LOG_INFO, n ? "destroyed, wrapping" : "destroyed");
    free(instance);
}

static tnb_status device_count(tnb_instance *instance, uint32_t *out_count, tnb_error *err)
{
    if (instance->inner && instance->n_devices == 0)
        return instance->inner->device_count(instance->inner_instance, out_count, err);
    *out_count = instance->n_devices;
    return TNB_OK;
}

static uint64_t caps_of(const char *flags)
{
    return (strchr(flags, 'e') ? TNB_CAP_EMULATED : 0u) |
           (strchr(flags, 'c') ? TNB_CAP_CHECKER : 0u);
}

static uint32_t kind_of(const char *kind)
{
    return strcmp(kind, "cpu") == 0   ? TNB_DEVICE_CPU
           : strcmp(kind, "gpu") == 0 ? TNB_DEVICE_GPU
           : strcmp(kind, "acc") == 0 ? TNB_DEVICE_ACCELERATOR
                                      : 77u;
}

static tnb_status device_info(tnb_instance *instance, uint32_t index, tnb_device_info *out_info,
                              tnb_error *err)
{
    if (instance->inner && instance->n_devices == 0)
        return instance->inner->device_info(instance->inner_instance, index, out_info, err);
    char(*field)[128] = instance->field[index];
    if (strchr(field[4], 'x'))
        return fail(err, TNB_E_DEVICE_LOST, "it fell off the bus", "");
    out_info->kind = kind_of(field[0]);
    out_info->caps = caps_of(field[4]);
    out_info->dtype_mask = 1u << TNB_F32;
    out_info->mem_total = 1u << 30;
    out_info->max_alloc = 1u << 28;
    out_info->offset_align = strchr(field[4], 'a') ? 3 : 64;
    out_info->score = atoi(field[3]);
    memcpy(out_info->name, field[1], 128);
    memcpy(out_info->uid, field[2], 64);
    snprintf(out_info->driver, sizeof out_info->driver, "fake driver");
    return TNB_OK;
}

static tnb_status device_open(tnb_instance *instance, uint32_t index, tnb_device **out_device,
                              tnb_error *err)
{
    if (strstr(instance->field[index][1], "Shut"))
        return fail(err, TNB_E_OOM, "no room for a context", "");
    if (strstr(instance->field[index][1], "Late")) { /* wraps, but only now */
        tnb_status status = instance->host->open_backend(
            instance->host->ctx, "other", &instance->inner, &instance->inner_instance, err);
        if (status != TNB_OK)
            return status;
    }
    *out_device = calloc(1, sizeof **out_device);
    instance->host->log(instance->host->ctx, TNB_LOG_INFO, "opened");
    return TNB_OK;
}
static void device_close(tnb_device *device)
{
    free(device);
}

static tnb_status no(tnb_error *err)
{
    return fail(err, TNB_E_UNSUPPORTED, "this backend computes nothing", "");
}
static tnb_status buffer_alloc(tnb_device *d, uint64_t n, uint32_t k, tnb_buffer **out,
                               tnb_error *err)
{
    return no(err);
}
static void buffer_free(tnb_buffer *b)
{
}
static tnb_status supports(tnb_device *d, const tnb_graph *g, uint32_t n, tnb_support *out,
                           tnb_error *err)
{
    return no(err);
}
static tnb_status plan_create(tnb_device *d, const tnb_graph *g, const tnb_segment *s, uint64_t *w,
                              tnb_plan **out, tnb_error *err)
{
    return no(err);
}
static void plan_destroy(tnb_plan *p)
{
}
static tnb_status plan_bind(tnb_plan *p, const tnb_span *s, uint32_t n, tnb_span w, tnb_error *err)
{
    return no(err);
}
static tnb_status event_create(tnb_device *d, tnb_event **out, tnb_error *err)
{
    return no(err);
}
static void event_destroy(tnb_event *e)
{
}
static tnb_status event_wait(tnb_event *e, uint64_t v, uint64_t t, tnb_error *err)
{
    return no(err);
}
static tnb_status queue_create(tnb_device *d, uint32_t f, tnb_queue **out, tnb_error *err)
{
    return no(err);
}
static void queue_destroy(tnb_queue *q)
{
}
static tnb_status queue_write(tnb_queue *q, tnb_span d, const void *s, uint32_t r, tnb_error *err)
{
    return no(err);
}
static tnb_status queue_read(tnb_queue *q, tnb_span s, void *d, uint32_t r, tnb_error *err)
{
    return no(err);
}
static tnb_status queue_copy(tnb_queue *q, tnb_span d, tnb_span s, tnb_error *err)
{
    return no(err);
}
#ifndef FAKE_NO_FILL
static tnb_status queue_fill(tnb_queue *q, tnb_span d, uint64_t p, uint32_t w, tnb_error *err)
{
    return no(err);
}
#endif
static tnb_status queue_run(tnb_queue *q, tnb_plan *p, tnb_error *err)
{
    return no(err);
}
static tnb_status queue_event(tnb_queue *q, tnb_event *e, uint64_t v, tnb_error *err)
{
    return no(err);
}
static tnb_status queue_flush(tnb_queue *q, tnb_error *err)
{
    return no(err);
}

struct future {
    tnb_backend table;
    void (*slot_of_a_later_minor)(void);
    uint64_t more[8];
};

TNB_EXPORT const tnb_backend *FAKE_ENTRY(uint32_t host_abi_minor, tnb_error *err);
TNB_EXPORT const tnb_backend *FAKE_ENTRY(uint32_t host_abi_minor, tnb_error *err)
{
    static const struct future future = {
        .table =
            {
#ifdef FAKE_FUTURE
                .struct_size = sizeof future,
                .abi_minor = TNB_ABI_MINOR + 5,
#else
#ifdef FAKE_SMALL /* a table that ends before `flush` and the optional slots */
                .struct_size = offsetof(tnb_backend, flush),
#else
                .struct_size = sizeof future.table,
#endif
                .abi_minor = TNB_ABI_MINOR,
#endif
                .abi_major = FAKE_MAJOR,
                .name = FAKE_NAME,
                .version = "1.2.3",
                .create = create,
                .destroy = destroy,
                .device_count = device_count,
                .device_info = device_info,
                .device_open = device_open,
                .device_close = device_close,
                .buffer_alloc = buffer_alloc,
                .buffer_free = buffer_free,
                .supports = supports,
                .plan_create = plan_create,
                .plan_destroy = plan_destroy,
                .plan_bind = plan_bind,
                .event_create = event_create,
                .event_destroy = event_destroy,
                .event_wait = event_wait,
                .queue_create = queue_create,
                .queue_destroy = queue_destroy,
                .write = queue_write,
                .read = queue_read,
                .copy = queue_copy,
#ifndef FAKE_NO_FILL
                .fill = queue_fill,
#endif
                .run = queue_run,
                .signal = queue_event,
                .wait = queue_event,
                .flush = queue_flush,
            },
        .more = {~(uint64_t)0},
    };
#ifdef FAKE_REFUSES
    fail(err, TNB_E_UNSUPPORTED, "I only work on Sundays", "");
    return NULL;
#endif
    return &future.table;
}
