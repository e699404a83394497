/* Suite memory: buffers hold what was written, where it was written, and nothing else changes. */
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"
#include "suites.h"

int cf_did(struct cf_calls *c, const char *doing, tnb_status status)
{
    if (status != TNB_OK && !c->failed) {
        c->failed = 1;
        cf_fail_tnb(c->dev, c->result, doing, status, &c->err);
    }
    return !c->failed;
}

int cf_expect(struct cf_calls *c, int holds, const char *what)
{
    if (!holds && !c->failed) {
        c->failed = 1;
        cf_fail(c->result, "%s", what);
    }
    return !c->failed;
}

tnb_buffer *cf_alloc(struct cf_calls *c, uint64_t size, uint32_t kind)
{
    tnb_buffer *buffer = NULL;
    if (!c->failed)
        cf_did(c, "buffer_alloc",
               c->dev->api->buffer_alloc(c->dev->handle, size, kind, &buffer, &c->err));
    return c->failed ? NULL : buffer;
}

void cf_free(struct cf_calls *c, tnb_buffer *buffer)
{
    if (buffer)
        c->dev->api->buffer_free(buffer);
}

void cf_pattern(uint8_t *bytes, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)((i * 131 + seed * 29 + (i >> 8) * 7) & 0xff);
}

#define SIZE 10007 /* odd on purpose */

static int write_all(struct cf_calls *c, tnb_buffer *b, const uint8_t *bytes, uint64_t at,
                     uint64_t n)
{
    return !c->failed && cf_did(c, "write",
                                c->dev->api->write(c->dev->queue, (tnb_span){b, at, n}, bytes,
                                                   TNB_HOST_NOW, &c->err));
}

static int read_all(struct cf_calls *c, tnb_buffer *b, uint8_t *bytes, uint64_t at, uint64_t n)
{
    return !c->failed && cf_did(c, "read",
                                c->dev->api->read(c->dev->queue, (tnb_span){b, at, n}, bytes,
                                                  TNB_HOST_NOW, &c->err));
}

static int round_trip_of(struct cf_calls *c, uint32_t kind)
{
    static const uint64_t sizes[] = {1, 3, 64, 255, 4097};
    uint8_t *host = malloc(2 * SIZE), *want = host + SIZE;
    tnb_buffer *b = host ? cf_alloc(c, SIZE, kind) : NULL;
    cf_expect(c, host != NULL, "out of host memory");
    if (host)
        cf_pattern(want, SIZE, 1);
    write_all(c, b, want, 0, SIZE);
    for (uint32_t i = 0; i < 5 && !c->failed; i++) {
        uint64_t at = tn_align_up(64 * (i + 1), c->dev->align);
        cf_pattern(want + at, sizes[i], i + 5);
        write_all(c, b, want + at, at, sizes[i]);
    }
    if (read_all(c, b, host, 0, SIZE))
        cf_expect(c, memcmp(host, want, SIZE) == 0, "a buffer does not hold what was written");
    cf_free(c, b);
    free(host);
    return !c->failed;
}

static enum cf_verdict round_trip(struct cf_device *dev, struct cf_result *result)
{
    struct cf_calls c = cf_calls_begin(dev, result);
    round_trip_of(&c, TNB_BUFFER_DEVICE);
    return result->verdict;
}

static enum cf_verdict staging(struct cf_device *dev, struct cf_result *result)
{
    struct cf_calls c = cf_calls_begin(dev, result);
    round_trip_of(&c, TNB_BUFFER_STAGING);
    return result->verdict;
}

/* The source may change as soon as a TNB_HOST_NOW write has returned. */
static enum cf_verdict write_has_copied(struct cf_device *dev, struct cf_result *result)
{
    struct cf_calls c = cf_calls_begin(dev, result);
    uint8_t host[SIZE], want[SIZE];
    tnb_buffer *b = cf_alloc(&c, SIZE, TNB_BUFFER_DEVICE);
    cf_pattern(want, SIZE, 3);
    memcpy(host, want, SIZE);
    write_all(&c, b, host, 0, SIZE);
    memset(host, 0, SIZE);
    if (read_all(&c, b, host, 0, SIZE))
        cf_expect(&c, memcmp(host, want, SIZE) == 0,
                  "a write reads its source after it has returned");
    cf_free(&c, b);
    return result->verdict;
}

static enum cf_verdict copy_spans(struct cf_device *dev, struct cf_result *result)
{
    struct cf_calls c = cf_calls_begin(dev, result);
    uint8_t a[SIZE], b[SIZE], got[SIZE];
    uint64_t from = tn_align_up(64, dev->align), to = from + dev->align, n = 1237;
    tnb_buffer *x = cf_alloc(&c, SIZE, TNB_BUFFER_DEVICE),
               *y = cf_alloc(&c, SIZE, TNB_BUFFER_DEVICE);
    cf_pattern(a, SIZE, 1);
    cf_pattern(b, SIZE, 2);
    write_all(&c, x, a, 0, SIZE);
    write_all(&c, y, b, 0, SIZE);
    if (!c.failed)
        cf_did(&c, "copy",
               dev->api->copy(dev->queue, (tnb_span){y, to, n}, (tnb_span){x, from, n}, &c.err));
    memcpy(b + to, a + from, n);
    if (read_all(&c, y, got, 0, SIZE))
        cf_expect(&c, memcmp(got, b, SIZE) == 0, "copy does not copy its span alone");
    if (read_all(&c, x, got, 0, SIZE))
        cf_expect(&c, memcmp(got, a, SIZE) == 0, "copy changes its source");
    cf_free(&c, x);
    cf_free(&c, y);
    return result->verdict;
}

static enum cf_verdict fill_patterns(struct cf_device *dev, struct cf_result *result)
{
    const uint64_t pattern = 0x8877665544332211u;
    struct cf_calls c = cf_calls_begin(dev, result);
    uint8_t want[SIZE], got[SIZE];
    tnb_buffer *b = cf_alloc(&c, SIZE, TNB_BUFFER_DEVICE);
    cf_pattern(want, SIZE, 9);
    write_all(&c, b, want, 0, SIZE);
    uint64_t at = tn_align_up(64, dev->align);
    for (uint32_t width = 1; width <= 8 && !c.failed; width *= 2) {
        uint64_t n = width * 131u;
        cf_did(&c, "fill",
               dev->api->fill(dev->queue, (tnb_span){b, at, n}, pattern, width, &c.err));
        for (uint64_t i = 0; i < n; i++)
            want[at + i] = (uint8_t)(pattern >> (i % width * 8));
        at = tn_align_up(at + n + 1, dev->align);
    }
    if (read_all(&c, b, got, 0, SIZE))
        cf_expect(&c, memcmp(got, want, SIZE) == 0,
                  "fill does not repeat its pattern over its span alone");
    cf_free(&c, b);
    return result->verdict;
}

/* More than there is: a code, not a crash; and what comes after works. */
static enum cf_verdict out_of_memory(struct cf_device *dev, struct cf_result *result)
{
    struct cf_calls c = cf_calls_begin(dev, result);
    tnb_buffer *b = NULL;
    tnb_status st =
        dev->api->buffer_alloc(dev->handle, (uint64_t)1 << 60, TNB_BUFFER_DEVICE, &b, &c.err);
    if (st == TNB_OK) {
        cf_free(&c, b);
        return cf_fail(result, "buffer_alloc of 2^60 bytes says that it succeeded");
    }
    cf_expect(&c, st == TNB_E_OOM || st == TNB_E_INVALID,
              "buffer_alloc of 2^60 bytes does not fail with TNB_E_OOM");
    cf_expect(&c, b == NULL, "a failed buffer_alloc sets its result");
    round_trip_of(&c, TNB_BUFFER_DEVICE);
    return result->verdict;
}

static enum cf_verdict many_buffers(struct cf_device *dev, struct cf_result *result)
{
    struct cf_calls c = cf_calls_begin(dev, result);
    tnb_buffer *list[64] = {NULL};
    uint8_t host[512], want[512];
    for (uint32_t round = 0; round < 4 && !c.failed; round++) {
        for (uint32_t i = 0; i < 64; i++) {
            list[i] = cf_alloc(&c, 512, TNB_BUFFER_DEVICE);
            cf_pattern(want, 512, i);
            write_all(&c, list[i], want, 0, 512);
        }
        for (uint32_t i = 0; i < 64; i++) {
            cf_pattern(want, 512, i);
            if (read_all(&c, list[i], host, 0, 512))
                cf_expect(&c, memcmp(host, want, 512) == 0, "two buffers share memory");
            cf_free(&c, list[i]);
            list[i] = NULL;
        }
    }
    return result->verdict;
}

static enum cf_verdict mapping(struct cf_device *dev, struct cf_result *result)
{
    struct cf_calls c = cf_calls_begin(dev, result);
    uint8_t want[SIZE], got[SIZE];
    void *at = NULL;
    if (!dev->api->buffer_map || !dev->api->buffer_unmap)
        return cf_set(result, CF_SKIPPED, "buffer_map is optional, and this backend has none");
    tnb_buffer *b = cf_alloc(&c, SIZE, TNB_BUFFER_DEVICE);
    cf_pattern(want, SIZE, 11);
    write_all(&c, b, want, 0, SIZE);
    if (!c.failed && cf_did(&c, "buffer_map", dev->api->buffer_map(b, &at, &c.err))) {
        cf_expect(&c, memcmp(at, want, SIZE) == 0, "a mapped buffer does not show its bytes");
        cf_pattern(want, SIZE, 12);
        memcpy(at, want, SIZE);
        cf_did(&c, "buffer_unmap", dev->api->buffer_unmap(b, &c.err));
    }
    if (read_all(&c, b, got, 0, SIZE))
        cf_expect(&c, memcmp(got, want, SIZE) == 0, "what was written to a mapping is lost");
    cf_free(&c, b);
    return result->verdict;
}

const struct cf_check cf_memory_checks[] = {
    {"round_trip", round_trip},     {"staging", staging},    {"write_copies", write_has_copied},
    {"copy", copy_spans},           {"fill", fill_patterns}, {"out_of_memory", out_of_memory},
    {"many_buffers", many_buffers}, {"map", mapping},
};
const size_t cf_n_memory_checks = sizeof(cf_memory_checks) / sizeof(cf_memory_checks[0]);
