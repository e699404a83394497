/* What `tenon conformance` shows: lines, the table, the report. */
#ifndef TN_CLI_CONFORMANCE_OUT_H
#define TN_CLI_CONFORMANCE_OUT_H

#include "cli.h"
#include "conformance.h"

struct conformance_out {
    const struct cli_options *options;
    struct cf_tally tally;
    char selector[96];
    json_t *device;   /* object: name, driver, ... */
    json_t *failures; /* list of objects */
    int out_of_memory;
    size_t n_items;
};

/* 0 when memory is out. */
int conformance_out_begin(struct conformance_out *out, const struct cli_options *options,
                          size_t n_items);
void conformance_out_finish(struct conformance_out *out);
/* Feeds `out`; with --json each event is written as it comes. */
struct cf_sink conformance_out_sink(struct conformance_out *out);
/* The table, or with --json its rows; the last line. */
void conformance_out_end(struct conformance_out *out);
/* Whole or not at all. */
tn_status conformance_out_report(const struct conformance_out *out, const char *path,
                                 struct tn_error *err);

#endif
