/* How training shows: a bar on a terminal, plain lines elsewhere, JSON lines with --json. */
#ifndef TN_CLI_PROGRESS_H
#define TN_CLI_PROGRESS_H

#include "cli.h"

struct progress {
    const struct cli_options *options;
    int is_terminal;
    int bar_is_shown;
    double next_line_s; /* when the next plain line is due */
};
void progress_init(struct progress *progress, const struct cli_options *options);
void progress_show(struct progress *progress, const struct tn_train_event *event);
/* Removes a half-drawn bar before another message. */
void progress_clear(struct progress *progress);
/* The event as JSON; the caller owns the reference. */
json_t *progress_json(const struct tn_train_event *event);

#endif
