/* What tenon doctor found, and how it is shown. */
#ifndef TN_CLI_DOCTOR_H
#define TN_CLI_DOCTOR_H

#include "cli.h"
#include "gpus.h"
#include "speed.h"

/* The arrays hold the events of the children, completed with verdicts. */
struct doctor {
    const struct cli_options *options;
    char **env; /* of the children, who get every option as a flag */
    char threads[24];
    json_t *devices, *facts, *rejected;
    struct gpu_card cards[GPUS_MAX];
    size_t n_cards, n_unusable, n_faulty;
    char list_fault[256]; /* why the list may not be whole, or "" */
};

void doctor_print(const struct doctor *d);
void doctor_print_json(const struct doctor *d);
/* One JSON object, whole or not at all. */
tn_status doctor_report(const struct doctor *d, const char *path, struct tn_error *err);

#endif
