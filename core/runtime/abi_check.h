/* Is this table one that the runtime can call? */
#ifndef TN_RUNTIME_ABI_CHECK_H
#define TN_RUNTIME_ABI_CHECK_H

#include "tenon/backend.h"
#include "tenon/status.h"

/* [a-z0-9_]+, at most 63 characters, and no word of the selector grammar ("gpu"). */
int tn_backend_name_is_valid(const char *name);

/* TN_E_ABI with a message that says what does not fit: another major, a struct that ends before a
 * required slot, a required slot that is NULL (named), a name that is none. A larger struct, of a
 * newer minor, fits. */
tn_status tn_abi_check(const tnb_backend *table, struct tn_error *err);

/* The table as this header knows it: slots beyond the plugin's struct_size are NULL. */
tnb_backend tn_abi_copy(const tnb_backend *table);

#endif
