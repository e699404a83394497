/* Small helpers over jansson. */
#ifndef TN_IO_JSON_H
#define TN_IO_JSON_H

#include <jansson.h>

#include "base/compiler.h"
#include "tenon/status.h"

/* A new reference; null for NaN and infinities, which JSON has no number for. */
json_t *tn_json_number(double value);
/* A string of any bytes; a new reference, NULL when memory is out. What is no UTF-8 is shown as
 * '?': json_string and json_pack refuse it, and the whole object with it. */
TN_TOOL json_t *tn_json_text(const char *text);
/* Sets object[key] to tn_json_number(value); for numbers that programs read. */
void tn_json_set_number(json_t *object, const char *key, double value);

/* The caller owns the reference. TN_E_NOT_FOUND, TN_E_IO; TN_E_INVALID with file, line, column. */
tn_status tn_json_read_file(const char *path, json_t **out_json, struct tn_error *err);
/* Indented, whole or not at all. Borrows json. TN_E_IO, TN_E_OOM. */
TN_TOOL tn_status tn_json_write_file(const char *path, const json_t *json, struct tn_error *err);

#endif
