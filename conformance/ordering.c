/* Suite ordering: queues are in order, events hold across queues, the host's memory is left alone
 * when the rule says so. */
#include <string.h>

#include "suites.h"

#define SIZE 65536
#define WAIT_NS 20000000000u

static tnb_span whole(tnb_buffer *b)
{
    return (tnb_span){b, 0, SIZE};
}

static int all_equal(const uint8_t *bytes, uint8_t value)
{
    for (size_t i = 0; i < SIZE; i++)
        if (bytes[i] != value)
            return 0;
    return 1;
}

/* Each step depends on the one before. */
static enum cf_verdict in_order(struct cf_device *dev, struct cf_result *result)
{
    static uint8_t got[SIZE];
    struct cf_calls c = cf_calls_begin(dev, result);
    const tnb_backend *k = dev->api;
    tnb_buffer *a = cf_alloc(&c, SIZE, TNB_BUFFER_DEVICE),
               *b = cf_alloc(&c, SIZE, TNB_BUFFER_DEVICE);
    for (uint32_t i = 0; i < 100 && !c.failed; i++) {
        cf_did(&c, "fill", k->fill(dev->queue, whole(a), i, 1, &c.err));
        cf_did(&c, "copy", k->copy(dev->queue, whole(b), whole(a), &c.err));
        cf_did(&c, "fill", k->fill(dev->queue, whole(a), 0xEE, 1, &c.err));
    }
    if (!c.failed)
        cf_did(&c, "read", k->read(dev->queue, whole(b), got, TNB_HOST_NOW, &c.err));
    cf_expect(&c, all_equal(got, 99), "commands of one queue run out of order");
    cf_free(&c, a);
    cf_free(&c, b);
    return result->verdict;
}

static enum cf_verdict events(struct cf_device *dev, struct cf_result *result)
{
    struct cf_calls c = cf_calls_begin(dev, result);
    const tnb_backend *k = dev->api;
    tnb_event *event = NULL;
    if (!cf_did(&c, "event_create", k->event_create(dev->handle, &event, &c.err)))
        return result->verdict;
    cf_did(&c, "event_wait for 0", k->event_wait(event, 0, 0, &c.err));
    cf_expect(&c, k->event_wait(event, 1, 0, &c.err) == TNB_E_TIMEOUT,
              "polling an event that was not signalled does not give TNB_E_TIMEOUT");
    cf_expect(&c, k->event_wait(event, 1, 2000000, &c.err) == TNB_E_TIMEOUT,
              "waiting 2 ms for an event that was not signalled does not give TNB_E_TIMEOUT");
    cf_did(&c, "signal", k->signal(dev->queue, event, 5, &c.err));
    cf_did(&c, "flush", k->flush(dev->queue, &c.err));
    cf_did(&c, "event_wait", k->event_wait(event, 3, WAIT_NS, &c.err));
    cf_did(&c, "event_wait", k->event_wait(event, 5, WAIT_NS, &c.err));
    cf_expect(&c, k->event_wait(event, 6, 0, &c.err) == TNB_E_TIMEOUT,
              "an event has reached a value that nobody signalled");
    k->event_destroy(event);
    return result->verdict;
}

/* What one queue wrote before it signalled is there for a queue that waited. */
static enum cf_verdict two_queues(struct cf_device *dev, struct cf_result *result)
{
    static uint8_t got[SIZE];
    struct cf_calls c = cf_calls_begin(dev, result);
    const tnb_backend *k = dev->api;
    tnb_event *event = NULL;
    tnb_queue *other = NULL;
    tnb_buffer *a = cf_alloc(&c, SIZE, TNB_BUFFER_DEVICE),
               *b = cf_alloc(&c, SIZE, TNB_BUFFER_DEVICE);
    if (!c.failed)
        cf_did(&c, "event_create", k->event_create(dev->handle, &event, &c.err));
    if (!c.failed)
        cf_did(&c, "queue_create", k->queue_create(dev->handle, 0, &other, &c.err));
    for (uint32_t i = 1; i <= 30 && !c.failed; i++) {
        cf_did(&c, "fill", k->fill(dev->queue, whole(a), i, 1, &c.err));
        cf_did(&c, "signal", k->signal(dev->queue, event, 2 * i, &c.err));
        cf_did(&c, "flush", k->flush(dev->queue, &c.err));
        cf_did(&c, "wait", k->wait(other, event, 2 * i, &c.err));
        cf_did(&c, "copy", k->copy(other, whole(b), whole(a), &c.err));
        cf_did(&c, "signal", k->signal(other, event, 2 * i + 1, &c.err));
        cf_did(&c, "flush", k->flush(other, &c.err));
        cf_did(&c, "wait", k->wait(dev->queue, event, 2 * i + 1, &c.err));
        cf_did(&c, "read", k->read(dev->queue, whole(b), got, TNB_HOST_NOW, &c.err));
        cf_expect(&c, all_equal(got, (uint8_t)i), "a queue does not wait for another's event");
    }
    if (other)
        k->queue_destroy(other);
    if (event)
        k->event_destroy(event);
    cf_free(&c, a);
    cf_free(&c, b);
    return result->verdict;
}

/* With TNB_HOST_UNTIL_DONE the transfer may be under way until the event. */
static enum cf_verdict host_memory(struct cf_device *dev, struct cf_result *result)
{
    static uint8_t from[8][SIZE], to[8][SIZE];
    struct cf_calls c = cf_calls_begin(dev, result);
    const tnb_backend *k = dev->api;
    tnb_event *event = NULL;
    tnb_buffer *b[8] = {NULL};
    if (!cf_did(&c, "event_create", k->event_create(dev->handle, &event, &c.err)))
        return result->verdict;
    for (uint32_t i = 0; i < 8; i++) {
        b[i] = cf_alloc(&c, SIZE, TNB_BUFFER_DEVICE);
        cf_pattern(from[i], SIZE, i);
        memset(to[i], 0, SIZE);
    }
    for (uint32_t i = 0; i < 8 && !c.failed; i++) {
        cf_did(&c, "write",
               k->write(dev->queue, whole(b[i]), from[i], TNB_HOST_UNTIL_DONE, &c.err));
        cf_did(&c, "read", k->read(dev->queue, whole(b[i]), to[i], TNB_HOST_UNTIL_DONE, &c.err));
    }
    if (!c.failed) {
        cf_did(&c, "signal", k->signal(dev->queue, event, 1, &c.err));
        cf_did(&c, "flush", k->flush(dev->queue, &c.err));
        cf_did(&c, "event_wait", k->event_wait(event, 1, WAIT_NS, &c.err));
    }
    cf_expect(&c, memcmp(from, to, sizeof(from)) == 0,
              "a transfer was not done when the event after it was reached");
    for (uint32_t i = 0; i < 8; i++)
        cf_free(&c, b[i]);
    k->event_destroy(event);
    return result->verdict;
}

const struct cf_check cf_ordering_checks[] = {
    {"in_order", in_order},
    {"events", events},
    {"two_queues", two_queues},
    {"host_memory", host_memory},
};
const size_t cf_n_ordering_checks = sizeof(cf_ordering_checks) / sizeof(cf_ordering_checks[0]);
