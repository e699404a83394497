/* Device, memory, queues and events of "ref". Everything happens within the call that asks for it,
 * so a queue is in order by itself and an event is a number. */
#include "runtime/ref_backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "runtime/ref_internal.h"
#include "runtime/tnb_error.h"

#define ALIGN 64u

struct tnb_event {
    tnb_device *device;
    pthread_mutex_t lock;
    pthread_cond_t grown;
    uint64_t value;
};

/* --- instance and device --- */

static tnb_status create(const tnb_host *host, const tnb_kv *opts, uint32_t n_opts,
                         tnb_instance **out_instance, tnb_error *err)
{
    if (n_opts > 0)
        return tn_tnb_fail(err, TNB_E_INVALID, "backend ref has no options, and so not '%s'",
                           opts[0].key);
    tnb_instance *instance = calloc(1, sizeof *instance);
    if (!instance)
        return tn_tnb_fail(err, TNB_E_OOM, "out of memory");
    instance->host = host;
    pthread_mutex_init(&instance->lock, NULL);
    *out_instance = instance;
    return TNB_OK;
}

static void destroy(tnb_instance *instance)
{
    pthread_mutex_destroy(&instance->lock);
    TN_VEC_FINISH(&instance->events);
    free(instance);
}

static tnb_status device_count(tnb_instance *instance, uint32_t *out_count, tnb_error *err)
{
    *out_count = 1;
    return TNB_OK;
}

static uint64_t memory_total(void)
{
#if defined(_SC_PHYS_PAGES) && defined(_SC_PAGESIZE)
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0)
        return (uint64_t)pages * (uint64_t)page;
#endif
    return UINT64_MAX / 2;
}

static tnb_status device_info(tnb_instance *instance, uint32_t index, tnb_device_info *out_info,
                              tnb_error *err)
{
    if (index != 0)
        return tn_tnb_fail(err, TNB_E_INVALID, "backend ref has one device, not number %u", index);
    tnb_device_info info = {
        .struct_size = out_info->struct_size,
        .kind = TNB_DEVICE_CPU,
        .caps = TNB_CAP_HOST_MEMORY,
        .dtype_mask = 1u << TNB_F32 | 1u << TNB_F16 | 1u << TNB_BF16 | 1u << TNB_F64 |
                      1u << TNB_I32 | 1u << TNB_I64 | 1u << TNB_U8 | 1u << TNB_BOOL,
        .mem_total = memory_total(),
        .max_alloc = memory_total(),
        .offset_align = ALIGN,
        .score = 1, /* below everything that is faster, and everything is */
        .name = "reference",
        .uid = "ref",
        .driver = "built in: portable C, sums in double",
    };
    memcpy(out_info, &info, TN_MIN((size_t)out_info->struct_size, sizeof info));
    return TNB_OK;
}

static tnb_status device_open(tnb_instance *instance, uint32_t index, tnb_device **out_device,
                              tnb_error *err)
{
    if (index != 0)
        return tn_tnb_fail(err, TNB_E_INVALID, "backend ref has one device, not number %u", index);
    tnb_device *device = calloc(1, sizeof *device);
    if (!device)
        return tn_tnb_fail(err, TNB_E_OOM, "out of memory");
    device->instance = instance;
    *out_device = device;
    return TNB_OK;
}

static void device_close(tnb_device *device)
{
    free(device);
}

/* --- buffers --- */

static tnb_status buffer_alloc(tnb_device *device, uint64_t size, uint32_t kind,
                               tnb_buffer **out_buffer, tnb_error *err)
{
    const tnb_host *host = device->instance->host;
    /* A system that overcommits would say yes, and kill the process when it is written. */
    if (size > memory_total())
        return tn_tnb_fail(err, TNB_E_OOM, "%llu bytes are more than this machine's memory, %llu",
                           (unsigned long long)size, (unsigned long long)memory_total());
    tnb_buffer *buffer = calloc(1, sizeof *buffer);
    void *mem = buffer ? host->alloc(host->ctx, size, ALIGN) : NULL;
    if (!mem) {
        free(buffer);
        return tn_tnb_fail(err, TNB_E_OOM, "%llu bytes of host memory are not to be had",
                           (unsigned long long)size);
    }
    *buffer = (tnb_buffer){.device = device, .mem = mem, .size = size};
    *out_buffer = buffer;
    return TNB_OK;
}

static void buffer_free(tnb_buffer *buffer)
{
    const tnb_host *host = buffer->device->instance->host;
    host->free(host->ctx, buffer->mem);
    free(buffer);
}

static tnb_status buffer_map(tnb_buffer *buffer, void **out_ptr, tnb_error *err)
{
    *out_ptr = buffer->mem;
    return TNB_OK;
}

static tnb_status buffer_unmap(tnb_buffer *buffer, tnb_error *err)
{
    return TNB_OK;
}

tnb_status tn_ref_check_span(const tnb_span *span, const char *what, tnb_error *err)
{
    if (!span->buffer)
        return tn_tnb_fail(err, TNB_E_INVALID, "%s has no buffer", what);
    if (span->size > span->buffer->size || span->offset > span->buffer->size - span->size)
        return tn_tnb_fail(err, TNB_E_INVALID,
                           "%s: %llu bytes at offset %llu do not lie inside a buffer of %llu", what,
                           (unsigned long long)span->size, (unsigned long long)span->offset,
                           (unsigned long long)span->buffer->size);
    return TNB_OK;
}

/* --- events --- */

static tnb_status event_create(tnb_device *device, tnb_event **out_event, tnb_error *err)
{
    tnb_instance *instance = device->instance;
    tnb_event *event = calloc(1, sizeof *event);
    pthread_mutex_lock(&instance->lock);
    int ok = event && TN_VEC_GROW(&instance->events);
    if (ok)
        instance->events.items[instance->events.n++] = event;
    pthread_mutex_unlock(&instance->lock);
    if (!ok) {
        free(event);
        return tn_tnb_fail(err, TNB_E_OOM, "out of memory");
    }
    event->device = device;
    pthread_mutex_init(&event->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&event->grown, &attr);
    pthread_condattr_destroy(&attr);
    *out_event = event;
    return TNB_OK;
}

static void event_destroy(tnb_event *event)
{
    tnb_instance *instance = event->device->instance;
    pthread_mutex_lock(&instance->lock);
    for (size_t i = 0; i < instance->events.n; i++) {
        if (instance->events.items[i] == event) {
            instance->events.items[i] = instance->events.items[--instance->events.n];
            break;
        }
    }
    pthread_mutex_unlock(&instance->lock);
    pthread_cond_destroy(&event->grown);
    pthread_mutex_destroy(&event->lock);
    free(event);
}

/* The moment `timeout_ns` from now, far in the future where that would overflow. */
static struct timespec deadline(uint64_t timeout_ns)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t seconds = TN_MIN(timeout_ns / 1000000000u, (uint64_t)1 << 30);
    t.tv_sec += (time_t)seconds;
    t.tv_nsec += (long)(timeout_ns % 1000000000u);
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static tnb_status event_wait(tnb_event *event, uint64_t value, uint64_t timeout_ns, tnb_error *err)
{
    struct timespec until = deadline(timeout_ns);
    int rc = 0;
    pthread_mutex_lock(&event->lock);
    while (event->value < value && timeout_ns > 0 && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&event->grown, &event->lock, &until);
    int reached = event->value >= value;
    pthread_mutex_unlock(&event->lock);
    return reached ? TNB_OK : tn_tnb_fail(err, TNB_E_TIMEOUT, "the event was not reached in time");
}

static int is_own(tnb_instance *instance, const tnb_event *event)
{
    int found = 0;
    pthread_mutex_lock(&instance->lock);
    for (size_t i = 0; i < instance->events.n && !found; i++)
        found = instance->events.items[i] == event;
    pthread_mutex_unlock(&instance->lock);
    return found;
}

static tnb_status signal_event(tnb_queue *queue, tnb_event *event, uint64_t value, tnb_error *err)
{
    if (!is_own(queue->device->instance, event))
        return tn_tnb_fail(err, TNB_E_UNSUPPORTED, "the event belongs to another backend");
    pthread_mutex_lock(&event->lock);
    event->value = TN_MAX(event->value, value);
    pthread_cond_broadcast(&event->grown);
    pthread_mutex_unlock(&event->lock);
    return TNB_OK;
}

/* The queue's work runs at once, so work that must wait cannot be queued: the host waits. */
static tnb_status wait_event(tnb_queue *queue, tnb_event *event, uint64_t value, tnb_error *err)
{
    if (!is_own(queue->device->instance, event))
        return tn_tnb_fail(err, TNB_E_UNSUPPORTED, "the event belongs to another backend");
    if (event_wait(event, value, 0, NULL) == TNB_OK)
        return TNB_OK;
    return tn_tnb_fail(err, TNB_E_UNSUPPORTED, "backend ref runs work at once; wait on the host");
}

/* --- queues --- */

static tnb_status queue_create(tnb_device *device, uint32_t flags, tnb_queue **out_queue,
                               tnb_error *err)
{
    tnb_queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return tn_tnb_fail(err, TNB_E_OOM, "out of memory");
    *queue = (tnb_queue){.device = device, .flags = flags};
    *out_queue = queue;
    return TNB_OK;
}

static void queue_destroy(tnb_queue *queue)
{
    free(queue);
}

static tnb_status queue_write(tnb_queue *queue, tnb_span dst, const void *src, uint32_t host_rule,
                              tnb_error *err)
{
    tnb_status status = tn_ref_check_span(&dst, "write", err);
    if (status == TNB_OK && dst.size)
        memcpy(dst.buffer->mem + dst.offset, src, (size_t)dst.size);
    return status;
}

static tnb_status queue_read(tnb_queue *queue, tnb_span src, void *dst, uint32_t host_rule,
                             tnb_error *err)
{
    tnb_status status = tn_ref_check_span(&src, "read", err);
    if (status == TNB_OK && src.size)
        memcpy(dst, src.buffer->mem + src.offset, (size_t)src.size);
    return status;
}

static tnb_status queue_copy(tnb_queue *queue, tnb_span dst, tnb_span src, tnb_error *err)
{
    tnb_status status = tn_ref_check_span(&dst, "copy's target", err);
    if (status == TNB_OK)
        status = tn_ref_check_span(&src, "copy's source", err);
    if (status != TNB_OK)
        return status;
    if (dst.size != src.size)
        return tn_tnb_fail(err, TNB_E_INVALID, "copy of %llu bytes to %llu",
                           (unsigned long long)src.size, (unsigned long long)dst.size);
    memmove(dst.buffer->mem + dst.offset, src.buffer->mem + src.offset, (size_t)dst.size);
    return TNB_OK;
}

static tnb_status queue_fill(tnb_queue *queue, tnb_span dst, uint64_t pattern, uint32_t width,
                             tnb_error *err)
{
    tnb_status status = tn_ref_check_span(&dst, "fill", err);
    if (status != TNB_OK)
        return status;
    if ((width != 1 && width != 2 && width != 4 && width != 8) || dst.size % width != 0)
        return tn_tnb_fail(err, TNB_E_INVALID, "fill of %llu bytes with a pattern of %u",
                           (unsigned long long)dst.size, width);
    unsigned char bytes[8];
    for (uint32_t i = 0; i < width; i++)
        bytes[i] = (unsigned char)(pattern >> 8 * i); /* low bytes first, on any host */
    unsigned char *mem = dst.buffer->mem + dst.offset;
    for (uint64_t at = 0; at < dst.size; at += width)
        memcpy(mem + at, bytes, width);
    return TNB_OK;
}

static tnb_status queue_flush(tnb_queue *queue, tnb_error *err)
{
    return TNB_OK;
}

const tnb_backend *tn_ref_backend(void)
{
    static const tnb_backend table = {
        .struct_size = sizeof table,
        .abi_major = TNB_ABI_MAJOR,
        .abi_minor = TNB_ABI_MINOR,
        .name = "ref",
        .version = TN_VERSION,
        .create = create,
        .destroy = destroy,
        .device_count = device_count,
        .device_info = device_info,
        .device_open = device_open,
        .device_close = device_close,
        .buffer_alloc = buffer_alloc,
        .buffer_free = buffer_free,
        .supports = tn_ref_supports,
        .plan_create = tn_ref_plan_create,
        .plan_destroy = tn_ref_plan_destroy,
        .plan_bind = tn_ref_plan_bind,
        .event_create = event_create,
        .event_destroy = event_destroy,
        .event_wait = event_wait,
        .queue_create = queue_create,
        .queue_destroy = queue_destroy,
        .write = queue_write,
        .read = queue_read,
        .copy = queue_copy,
        .fill = queue_fill,
        .run = tn_ref_run,
        .signal = signal_event,
        .wait = wait_event,
        .flush = queue_flush,
        .buffer_map = buffer_map,
        .buffer_unmap = buffer_unmap,
        .plan_times = tn_ref_plan_times,
    };
    return &table;
}
