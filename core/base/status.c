#include "tenon/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *tn_status_name(tn_status status)
{
    switch (status) {
    case TN_OK:
        return "ok";
    case TN_E_INVALID:
        return "invalid";
    case TN_E_NOT_FOUND:
        return "not found";
    case TN_E_EXISTS:
        return "already exists";
    case TN_E_UNSUPPORTED:
        return "unsupported";
    case TN_E_ABI:
        return "incompatible plugin";
    case TN_E_IO:
        return "input/output error";
    case TN_E_OOM:
        return "out of memory";
    case TN_E_DEVICE:
        return "device error";
    case TN_E_NUMERIC:
        return "not a finite number";
    case TN_E_CANCELLED:
        return "cancelled";
    case TN_E_INTERNAL:
        return "internal error";
    }
    return "unknown error";
}

int tn_status_is_usage(tn_status status)
{
    return status == TN_E_INVALID || status == TN_E_NOT_FOUND || status == TN_E_EXISTS ||
           status == TN_E_UNSUPPORTED || status == TN_E_ABI;
}

/* Copies text, which may have been cut in the middle of a UTF-8 sequence, into the message. */
static void store_message(struct tn_error *err, const char *text)
{
    size_t n = strlen(text);
    if (n > sizeof err->msg - 1)
        n = sizeof err->msg - 1;
    if (n == sizeof err->msg - 1) {
        size_t lead = n;
        while (lead > 0 && ((unsigned char)text[lead - 1] & 0xc0) == 0x80)
            lead--;
        if (lead > 0 && ((unsigned char)text[lead - 1] & 0xc0) == 0xc0) {
            unsigned char c = (unsigned char)text[lead - 1];
            size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
            if (n - (lead - 1) < need)
                n = lead - 1;
        }
    }
    memcpy(err->msg, text, n);
    err->msg[n] = '\0';
}

tn_status tn_error_set(struct tn_error *err, tn_status code, const char *fmt, ...)
{
    if (!err)
        return code;
    /* Formatted aside first: an argument may well be err->msg itself. */
    char text[TN_ERROR_MSG_SIZE];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    err->code = code;
    store_message(err, text);
    return code;
}

tn_status tn_error_prefix(struct tn_error *err, const char *fmt, ...)
{
    if (!err)
        return TN_E_INTERNAL;
    char text[TN_ERROR_MSG_SIZE];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    /* What does not fit is cut from the end: the prefix says where, which is worth more. */
    size_t n = strlen(text);
    const char *const parts[] = {": ", err->msg};
    for (size_t i = 0; i < 2; i++) {
        size_t n_part = strnlen(parts[i], sizeof text - 1 - n);
        memcpy(text + n, parts[i], n_part);
        n += n_part;
        text[n] = '\0';
    }
    store_message(err, text);
    return err->code;
}

void tn_free(void *ptr)
{
    free(ptr);
}
