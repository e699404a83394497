#include "runtime/tnb_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "runtime/runtime.h"

tnb_status tn_tnb_fail(tnb_error *err, tnb_status code, const char *fmt, ...)
{
    if (!err)
        return code;
    if (TNB_HAS(err, tnb_error, code))
        err->code = code;
    if (TNB_HAS(err, tnb_error, native))
        err->native = 0;
    if (err->struct_size > offsetof(tnb_error, msg)) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(err->msg, TN_MIN(err->struct_size - offsetof(tnb_error, msg), sizeof err->msg),
                  fmt, args);
        va_end(args);
    }
    return code;
}

tn_status tn_status_from_tnb(tnb_status status)
{
    switch (status) {
    case TNB_OK:
        return TN_OK;
    case TNB_E_UNSUPPORTED:
        return TN_E_UNSUPPORTED;
    case TNB_E_INVALID:
        return TN_E_INVALID;
    case TNB_E_OOM:
        return TN_E_OOM;
    case TNB_E_DEVICE_LOST:
    case TNB_E_BUILD:
    case TNB_E_TIMEOUT:
        return TN_E_DEVICE;
    case TNB_E_ABI:
        return TN_E_ABI;
    default:
        return TN_E_INTERNAL;
    }
}

static const char *status_text(tnb_status status)
{
    static const char *const text[] = {
        [TNB_E_UNSUPPORTED] = "not supported",
        [TNB_E_INVALID] = "invalid argument",
        [TNB_E_OOM] = "out of memory",
        [TNB_E_DEVICE_LOST] = "the device was lost",
        [TNB_E_BUILD] = "a kernel did not build",
        [TNB_E_TIMEOUT] = "timed out",
        [TNB_E_ABI] = "ABI mismatch",
        [TNB_E_INTERNAL] = "internal error",
    };
    return status > 0 && (size_t)status < TN_LEN(text) ? text[status] : "unknown error";
}

tn_status tn_error_from_tnb(const char *prefix, tnb_status status, const tnb_error *from,
                            struct tn_error *err)
{
    if (status == TNB_OK)
        return TN_OK;
    /* The plugin's text need not be terminated. */
    int n = from ? (int)strnlen(from->msg, sizeof from->msg) : 0;
    while (n > 0 && from->msg[n - 1] == '\n')
        n--;
    char native[48] = "";
    if (from && from->native)
        snprintf(native, sizeof native, " (driver code %lld)", (long long)from->native);
    if (n == 0)
        return tn_error_set(err, tn_status_from_tnb(status), "%s: %s%s", prefix,
                            status_text(status), native);
    return tn_error_set(err, tn_status_from_tnb(status), "%s: %.*s%s", prefix, n, from->msg,
                        native);
}

tn_status tn_from_tnb(const struct tn_device *device, const char *doing, tnb_status status,
                      const tnb_error *from, struct tn_error *err)
{
    if (status == TNB_OK)
        return TN_OK;
    char prefix[384];
    snprintf(prefix, sizeof prefix, "%s:%u (%s): %s", device->backend->name, device->info.index,
             device->info.name, doing);
    return tn_error_from_tnb(prefix, status, from, err);
}
