/* Errors across the line between the core and a backend. */
#ifndef TN_RUNTIME_TNB_ERROR_H
#define TN_RUNTIME_TNB_ERROR_H

#include "tenon/backend.h"
#include "tenon/status.h"

/* Fills a caller's tnb_error as far as its struct_size goes (NULL is accepted); returns `code`. */
tnb_status tn_tnb_fail(tnb_error *err, tnb_status code, const char *fmt, ...) TN_PRINTF(3, 4);

/* Message of a backend as ours, without a device to name: "<prefix>: <message>". */
tn_status tn_error_from_tnb(const char *prefix, tnb_status status, const tnb_error *from,
                            struct tn_error *err);

#endif
