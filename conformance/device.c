/* The device under test at the level of its backend's table, and verdicts. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "checks.h"

static tn_status refused(tn_device *device, const char *doing, tnb_status st, const tnb_error *e,
                         struct tn_error *err)
{
    const struct tn_device_info *info = tn_device_info(device);
    return tn_error_set(err, TN_E_DEVICE, "%s:%u: %s failed with code %d: %s", info->backend,
                        info->index, doing, (int)st, e->msg);
}

tn_status cf_device_open(tn_runtime *runtime, tn_device *device, struct cf_device *out_device,
                         struct tn_error *err)
{
    struct cf_device dev = {.runtime = runtime, .device = device, .api = tn_device_api(device)};
    tnb_error e = TN_TNB_ERROR;
    tn_status st = tn_device_open(device, &dev.handle, err);
    if (st != TN_OK)
        return st;
    dev.align = device->tnb.offset_align ? device->tnb.offset_align : 1;
    dev.dtype_mask = device->tnb.dtype_mask;
    tnb_status s = dev.api->queue_create(dev.handle, 0, &dev.queue, &e);
    if (s != TNB_OK)
        return refused(device, "making a queue", s, &e, err);
    *out_device = dev;
    return TN_OK;
}

void cf_device_close(struct cf_device *dev)
{
    if (dev->buffer)
        dev->api->buffer_free(dev->buffer);
    if (dev->queue)
        dev->api->queue_destroy(dev->queue);
    free(dev->image);
    *dev = (struct cf_device){.runtime = dev->runtime};
}

tnb_status cf_device_reserve(struct cf_device *dev, uint64_t n_bytes, tnb_error *err)
{
    if (n_bytes > dev->image_bytes) {
        uint8_t *image = realloc(dev->image, (size_t)n_bytes);
        if (!image)
            return TNB_E_OOM;
        dev->image = image;
        dev->image_bytes = n_bytes;
    }
    if (n_bytes <= dev->buffer_bytes)
        return TNB_OK;
    if (dev->buffer)
        dev->api->buffer_free(dev->buffer);
    dev->buffer = NULL;
    dev->buffer_bytes = 0;
    uint64_t room = n_bytes + n_bytes / 2;
    tnb_status s = dev->api->buffer_alloc(dev->handle, room, TNB_BUFFER_DEVICE, &dev->buffer, err);
    if (s == TNB_OK)
        dev->buffer_bytes = room;
    return s;
}

enum cf_verdict cf_set(struct cf_result *result, enum cf_verdict verdict, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(result->message, sizeof(result->message), fmt, args);
    va_end(args);
    return result->verdict = verdict;
}

enum cf_verdict cf_fail(struct cf_result *result, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(result->message, sizeof(result->message), fmt, args);
    va_end(args);
    return result->verdict = CF_FAILED;
}

enum cf_verdict cf_fail_tnb(struct cf_device *dev, struct cf_result *result, const char *doing,
                            tnb_status status, const tnb_error *err)
{
    if (status == TNB_E_DEVICE_LOST)
        dev->is_lost = 1;
    return cf_fail(result, "%s failed with code %d: %.400s", doing, (int)status, err->msg);
}
