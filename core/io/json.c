#include "io/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/utf8.h"

/* A JSON file of ours is small; a larger one is not ours. */
enum { MAX_FILE = 64 << 20 };

json_t *tn_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *tn_json_text(const char *text)
{
    json_t *json = json_string(text);
    char *copy = json ? NULL : strdup(text);
    if (!copy)
        return json;
    tn_utf8_mend(copy);
    json = json_string(copy);
    free(copy);
    return json;
}

void tn_json_set_number(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, tn_json_number(value));
}

tn_status tn_json_read_file(const char *path, json_t **out_json, struct tn_error *err)
{
    void *data = NULL;
    size_t n_bytes = 0;
    json_error_t why;
    tn_status status = tn_file_read(path, MAX_FILE, &data, &n_bytes, err);
    if (status)
        return status;
    json_t *json = json_loadb(data, n_bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    free(data);
    if (!json)
        return tn_error_set(err, TN_E_INVALID, "%s:%d:%d: %s", path, why.line, why.column,
                            why.text);
    *out_json = json;
    return TN_OK;
}

tn_status tn_json_write_file(const char *path, const json_t *json, struct tn_error *err)
{
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_ENCODE_ANY);
    if (!text)
        return tn_error_set(err, TN_E_OOM, "no memory left to write '%s'", path);
    size_t n = strlen(text);
    text[n] = '\n'; /* in place of the terminator: the size travels apart */
    tn_status status = tn_file_write_atomic(path, text, n + 1, err);
    free(text);
    return status;
}
