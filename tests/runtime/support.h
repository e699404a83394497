/* What the tests of the runtime share: a folder of their own, plugins in it, a log to look into. */
#ifndef TESTS_RUNTIME_SUPPORT_H
#define TESTS_RUNTIME_SUPPORT_H

#include "tenon/runtime.h"

/* A fresh folder under /tmp, mode 0700, for the test's process. */
const char *temp_folder(void);
/* "<temp_folder>/<name>", in one of a few buffers that take turns. */
const char *temp_path(const char *name);
/* Copies the built plugin to `target` (mode 0644). */
void copy_plugin(const char *plugin, const char *target);
/* The same to "<temp_folder>/libtenon-backend-<plugin>.so". */
void install_plugin(const char *plugin);
void write_file(const char *path, const void *data, size_t n_bytes);
/* Removes temp_folder and all that is in it. */
void remove_temp_folder(void);

/* Log of a runtime: everything said, joined by newlines. */
struct log_text {
    char text[8192];
};
void log_to_text(void *ctx, tn_log_level level, const char *msg);

/* Creates a runtime that looks in `path` (NULL: TENON_BACKEND_PATH unset). */
tn_status make_runtime(const char *path, const struct tn_runtime_params *params,
                       tn_runtime **out_runtime, struct tn_error *err);
/* Why the candidate whose path ends in `suffix` was not taken; "" when it is not among them. */
const char *rejection(const tn_runtime *runtime, const char *suffix);

/* Fails the test with both texts where `text` does not contain `part`. */
#define assert_contains(text, part) \
    cr_assert_not_null(strstr((text), (part)), "'%s' does not contain '%s'", (text), (part))

#endif
