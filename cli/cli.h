/* What verbs share: messages, the runtime from options, JSON lines. */
#ifndef TN_CLI_CLI_H
#define TN_CLI_CLI_H

#include <jansson.h>
#include <stdio.h>

#include "options.h"
#include "tenon/tenon.h"

/* Prints "tenon: <message>" on stderr; the exit code for the status. */
int cli_fail(const struct tn_error *err);
/* The same for a message of our own. */
int cli_usage(const char *fmt, ...) TN_PRINTF(1, 2);
/* For people, on stdout; with --json on stderr, with --quiet nowhere. */
void cli_say(const struct cli_options *options, const char *fmt, ...) TN_PRINTF(2, 3);
/* JSON has no NaN: null stands for it. */
json_t *cli_json_number(double value);
/* What keeps a report from being written, as far as it can be known before the run: the path's
 * folder is not there or not writable, or it names something else than a file. */
tn_status cli_check_report(const char *path, struct tn_error *err);
/* One object, one line on stdout; takes the reference. */
void cli_json(json_t *object);
/* The last line of every verb under --json: adds "event": "done"; takes the reference. */
void cli_json_done(const struct cli_options *options, json_t *object);

/* Backend and device: flag, environment, recipe (may be NULL), default. The log goes to stderr. */
tn_status cli_open_runtime(const struct cli_options *options, const tn_recipe *recipe,
                           tn_runtime **out_runtime, tn_device **out_device, struct tn_error *err);
tn_status cli_open_session(const struct cli_options *options, tn_runtime *runtime,
                           tn_device *device, uint64_t seed, tn_session **out_session,
                           struct tn_error *err);
/* Recipe of the first argument with the overrides of --set and the flags. */
tn_status cli_load_recipe(const struct cli_options *options, tn_recipe **out_recipe,
                          struct tn_error *err);
/* "cpu:0 AMD EPYC", with "OpenCL on the CPU" where that is so. */
void cli_say_device(const struct cli_options *options, const tn_device *device);
/* Node by node: device, variant, reason. */
void cli_explain(const struct cli_options *options, const tn_plan *plan);
/* "1.5 GiB" */
char *cli_format_bytes(uint64_t n, char *buf, size_t size);
/* "347,146" */
char *cli_format_count(int64_t n, char *buf, size_t size);

#endif
