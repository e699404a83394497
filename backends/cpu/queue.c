/* SPDX-License-Identifier: MIT
 *
 * The queue is synchronous: work is done when the call returns. Events are counters that other
 * threads may wait for. */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "cpu.h"

struct tnb_event {
    tnb_device *device;
    pthread_mutex_t lock;
    pthread_cond_t grown;
    uint64_t value;
};

tnb_status cpu_event_create(tnb_device *device, tnb_event **out_event, tnb_error *err)
{
    tnb_event *e = cpu_alloc(device->inst, sizeof *e);
    if (!e)
        return cpu_fail(err, TNB_E_OOM, "cpu: no memory for an event");
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->grown, &attr);
    pthread_condattr_destroy(&attr);
    e->device = device;
    *out_event = e;
    return TNB_OK;
}

void cpu_event_destroy(tnb_event *event)
{
    if (!event)
        return;
    pthread_cond_destroy(&event->grown);
    pthread_mutex_destroy(&event->lock);
    cpu_free(event->device->inst, event);
}

static struct timespec deadline(uint64_t timeout_ns)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t ns = (uint64_t)t.tv_nsec + timeout_ns % 1000000000u;
    uint64_t s = timeout_ns / 1000000000u + ns / 1000000000u;
    /* Far enough to mean "for ever", near enough not to overflow. */
    t.tv_sec += (time_t)(s > 1000000000u ? 1000000000u : s);
    t.tv_nsec = (long)(ns % 1000000000u);
    return t;
}

tnb_status cpu_event_wait(tnb_event *event, uint64_t value, uint64_t timeout_ns, tnb_error *err)
{
    struct timespec until = deadline(timeout_ns);
    int rc = 0;
    pthread_mutex_lock(&event->lock);
    while (event->value < value && rc == 0 && timeout_ns > 0)
        rc = pthread_cond_timedwait(&event->grown, &event->lock, &until);
    uint64_t reached = event->value;
    pthread_mutex_unlock(&event->lock);
    if (reached >= value)
        return TNB_OK;
    return cpu_fail(err, TNB_E_TIMEOUT, "cpu: event at %llu has not reached %llu",
                    (unsigned long long)reached, (unsigned long long)value);
}

tnb_status cpu_queue_create(tnb_device *device, uint32_t flags, tnb_queue **out_queue,
                            tnb_error *err)
{
    tnb_queue *q = cpu_alloc(device->inst, sizeof *q);
    if (!q)
        return cpu_fail(err, TNB_E_OOM, "cpu: no memory for a queue");
    q->device = device;
    q->flags = flags;
    *out_queue = q;
    return TNB_OK;
}

void cpu_queue_destroy(tnb_queue *queue)
{
    if (queue)
        cpu_free(queue->device->inst, queue);
}

tnb_status cpu_write(tnb_queue *queue, tnb_span dst, const void *src, uint32_t host_rule,
                     tnb_error *err)
{
    uint8_t *p = cpu_span_ptr(dst, dst.size, err);
    if (!p)
        return TNB_E_INVALID;
    if (dst.size)
        memcpy(p, src, dst.size);
    return TNB_OK;
}

tnb_status cpu_read(tnb_queue *queue, tnb_span src, void *dst, uint32_t host_rule, tnb_error *err)
{
    const uint8_t *p = cpu_span_ptr(src, src.size, err);
    if (!p)
        return TNB_E_INVALID;
    if (src.size)
        memcpy(dst, p, src.size);
    return TNB_OK;
}

tnb_status cpu_copy(tnb_queue *queue, tnb_span dst, tnb_span src, tnb_error *err)
{
    uint8_t *d = cpu_span_ptr(dst, src.size, err);
    const uint8_t *s = cpu_span_ptr(src, src.size, err);
    if (!d || !s)
        return TNB_E_INVALID;
    if (src.size)
        memmove(d, s, src.size);
    return TNB_OK;
}

tnb_status cpu_fill(tnb_queue *queue, tnb_span dst, uint64_t pattern, uint32_t width,
                    tnb_error *err)
{
    uint8_t *p = cpu_span_ptr(dst, dst.size, err);
    if (!p)
        return TNB_E_INVALID;
    if ((width != 1 && width != 2 && width != 4 && width != 8) || dst.size % width)
        return cpu_fail(
            err, TNB_E_INVALID,
            "cpu: fill of %llu bytes with a pattern %u bytes wide: the width is 1, 2, 4 "
            "or 8 and divides the size",
            (unsigned long long)dst.size, width);
    uint8_t bytes[8];
    for (uint32_t i = 0; i < width; i++)
        bytes[i] = (uint8_t)(pattern >> (8 * i));
    for (uint64_t i = 0; i < dst.size; i += width)
        memcpy(p + i, bytes, width);
    return TNB_OK;
}

tnb_status cpu_signal(tnb_queue *queue, tnb_event *event, uint64_t value, tnb_error *err)
{
    pthread_mutex_lock(&event->lock);
    if (value > event->value)
        event->value = value;
    pthread_cond_broadcast(&event->grown);
    pthread_mutex_unlock(&event->lock);
    return TNB_OK;
}

tnb_status cpu_wait(tnb_queue *queue, tnb_event *event, uint64_t value, tnb_error *err)
{
    if (event->device != queue->device)
        return cpu_fail(err, TNB_E_UNSUPPORTED, "cpu: an event of another device");
    /* Work submitted before is done, so the value is there already or another thread brings it. */
    return cpu_event_wait(event, value, UINT64_MAX, err);
}

tnb_status cpu_flush(tnb_queue *queue, tnb_error *err)
{
    return TNB_OK;
}
