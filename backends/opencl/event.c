/* Timeline events: each signal is a marker in the queue; a ring keeps those not yet reached. The
 * ring never grows: when it is full, signal() waits for the oldest marker. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "opencl.h"

#define RING 256

struct tnb_event {
    tnb_device *device;
    tnb_event *next; /* in the device's list */
    pthread_mutex_t lock;
    pthread_cond_t signalled;
    uint64_t reached, last; /* last: highest value that a signal was enqueued for */
    cl_int failed;          /* first error of asynchronous work, 0: none */
    uint32_t head, count;
    struct {
        uint64_t value;
        cl_event marker;
    } ring[RING];
};

tnb_status ocl_event_create(tnb_device *device, tnb_event **out_event, tnb_error *err)
{
    tnb_event *event = calloc(1, sizeof(*event));
    if (!event)
        return ocl_fail(err, TNB_E_OOM, 0, "backend opencl: no host memory for an event");
    event->device = device;
    pthread_mutex_init(&event->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&event->signalled, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_lock(&device->lock);
    event->next = device->events;
    device->events = event;
    pthread_mutex_unlock(&device->lock);
    *out_event = event;
    return TNB_OK;
}

void ocl_event_destroy(tnb_event *event)
{
    if (!event)
        return;
    tnb_device *device = event->device;
    pthread_mutex_lock(&device->lock);
    for (tnb_event **at = &device->events; *at; at = &(*at)->next)
        if (*at == event) {
            *at = event->next;
            break;
        }
    pthread_mutex_unlock(&device->lock);
    for (uint32_t i = 0; i < event->count; i++)
        clReleaseEvent(event->ring[(event->head + i) % RING].marker);
    pthread_cond_destroy(&event->signalled);
    pthread_mutex_destroy(&event->lock);
    free(event);
}

/* Under the event's lock: drops the markers that are done. */
static void collect(tnb_event *event)
{
    while (event->count) {
        cl_int status = CL_QUEUED;
        cl_event marker = event->ring[event->head].marker;
        cl_int code = clGetEventInfo(marker, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(status),
                                     &status, NULL);
        if (code != CL_SUCCESS)
            status = code;
        if (status > CL_COMPLETE)
            return;
        if (status < 0 && !event->failed)
            event->failed = status;
        event->reached = event->ring[event->head].value;
        clReleaseEvent(marker);
        event->head = (event->head + 1) % RING;
        event->count--;
    }
}

tnb_status ocl_signal(tnb_queue *queue, tnb_event *event, uint64_t value, tnb_error *err)
{
    if (event->device != queue->device)
        return ocl_fail(err, TNB_E_UNSUPPORTED, 0,
                        "backend opencl: the event belongs to another device");
    pthread_mutex_lock(&event->lock);
    tnb_status status = TNB_OK;
    cl_event marker = NULL;
    cl_int code = CL_SUCCESS;
    if (value <= event->last) {
        status = ocl_fail(err, TNB_E_INVALID, 0, "backend opencl: event signalled %llu after %llu",
                          (unsigned long long)value, (unsigned long long)event->last);
        goto done;
    }
    collect(event);
    if (event->count == RING) {
        code = clWaitForEvents(1, &event->ring[event->head].marker);
        collect(event);
        if (event->count == RING) {
            status = ocl_fail_cl(err, queue->device, "clWaitForEvents", code);
            goto done;
        }
    }
    code = clEnqueueMarkerWithWaitList(queue->queue, 0, NULL, &marker);
    if (code == CL_SUCCESS)
        code = clFlush(queue->queue);
    if (code != CL_SUCCESS) {
        status = ocl_fail_cl(err, queue->device, "clEnqueueMarkerWithWaitList", code);
        if (marker)
            clReleaseEvent(marker);
        goto done;
    }
    uint32_t at = (event->head + event->count++) % RING;
    event->ring[at].value = value;
    event->ring[at].marker = marker;
    event->last = value;
    pthread_cond_broadcast(&event->signalled);
done:
    pthread_mutex_unlock(&event->lock);
    return status;
}

/* Under the lock: the marker that reaches `value`, retained, or NULL. */
static cl_event marker_for(tnb_event *event, uint64_t value)
{
    for (uint32_t i = 0; i < event->count; i++) {
        uint32_t at = (event->head + i) % RING;
        if (event->ring[at].value >= value) {
            clRetainEvent(event->ring[at].marker);
            return event->ring[at].marker;
        }
    }
    return NULL;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void nap(uint64_t until_ns)
{
    uint64_t now = now_ns(), left = until_ns > now ? until_ns - now : 0;
    if (left > 50000)
        left = 50000;
    struct timespec t = {0, (long)left};
    nanosleep(&t, NULL);
}

/* Waits, unlocked, for the marker: for ever when `until` is UINT64_MAX. A driver that has lost its
 * device may refuse the wait and leave the marker as it was: that error ends the event. */
static cl_int wait_marker(cl_event marker, uint64_t until_ns)
{
    cl_int code = CL_SUCCESS;
    if (until_ns == UINT64_MAX)
        code = clWaitForEvents(1, &marker);
    else
        nap(until_ns);
    clReleaseEvent(marker);
    return code;
}

/* Waits, locked, for some thread to signal. */
static void wait_signal(tnb_event *event, uint64_t until_ns)
{
    if (until_ns == UINT64_MAX) {
        pthread_cond_wait(&event->signalled, &event->lock);
        return;
    }
    struct timespec t = {(time_t)(until_ns / 1000000000u), (long)(until_ns % 1000000000u)};
    pthread_cond_timedwait(&event->signalled, &event->lock, &t);
}

tnb_status ocl_event_wait(tnb_event *event, uint64_t value, uint64_t timeout_ns, tnb_error *err)
{
    uint64_t start = now_ns();
    uint64_t until = timeout_ns > UINT64_MAX - start ? UINT64_MAX : start + timeout_ns;
    tnb_status status = TNB_OK;
    pthread_mutex_lock(&event->lock);
    for (;;) {
        collect(event);
        if (event->failed) {
            status = ocl_fail_cl(err, event->device, "asynchronous work", event->failed);
            if (status == TNB_E_INTERNAL)
                status = TNB_E_DEVICE_LOST;
            break;
        }
        if (event->reached >= value)
            break;
        if (until != UINT64_MAX && now_ns() >= until) {
            status =
                ocl_fail(err, TNB_E_TIMEOUT, 0, "backend opencl: the event is at %llu, not %llu",
                         (unsigned long long)event->reached, (unsigned long long)value);
            break;
        }
        cl_event marker = marker_for(event, value);
        if (!marker) {
            wait_signal(event, until);
            continue;
        }
        pthread_mutex_unlock(&event->lock);
        cl_int code = wait_marker(marker, until);
        pthread_mutex_lock(&event->lock);
        if (code != CL_SUCCESS && !event->failed)
            event->failed = code;
    }
    pthread_mutex_unlock(&event->lock);
    return status;
}

static bool is_ours(tnb_device *device, const tnb_event *event)
{
    bool found = false;
    pthread_mutex_lock(&device->lock);
    for (const tnb_event *at = device->events; at && !found; at = at->next)
        found = at == event;
    pthread_mutex_unlock(&device->lock);
    return found;
}

tnb_status ocl_wait(tnb_queue *queue, tnb_event *event, uint64_t value, tnb_error *err)
{
    if (!is_ours(queue->device, event))
        return ocl_fail(err, TNB_E_UNSUPPORTED, 0,
                        "backend opencl: the event belongs to another device");
    pthread_mutex_lock(&event->lock);
    collect(event);
    tnb_status status = TNB_OK;
    if (event->reached < value) {
        cl_event marker = marker_for(event, value);
        if (!marker) {
            status = ocl_fail(err, TNB_E_UNSUPPORTED, 0,
                              "backend opencl: the event's value %llu has not been signalled yet; "
                              "wait on the host",
                              (unsigned long long)value);
        } else {
            cl_int code = clEnqueueBarrierWithWaitList(queue->queue, 1, &marker, NULL);
            if (code != CL_SUCCESS)
                status = ocl_fail_cl(err, queue->device, "clEnqueueBarrierWithWaitList", code);
            clReleaseEvent(marker);
        }
    }
    pthread_mutex_unlock(&event->lock);
    return status;
}
