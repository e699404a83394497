/* A run of this program as a child, read line by line. */
#ifndef TN_CLI_CHILD_H
#define TN_CLI_CHILD_H

#include "tenon/status.h"

struct child_params {
    const char **argv;                   /* argv[0] is replaced by this program's path */
    double silence_s;                    /* a child that says nothing for so long is killed */
    int show_errors;                     /* its stderr is ours; else it goes nowhere */
    void (*line)(void *ctx, char *text); /* each line of its stdout, without the end */
    void *ctx;
};
struct child_result {
    int exit_code; /* -1: it did not exit by itself */
    int signal;    /* that ended it, 0: none */
    int timed_out; /* it was ended because it said nothing for too long */
};
/* Waits for the child's end. TN_E_IO when it cannot be started. */
tn_status child_run(const struct child_params *params, struct child_result *out_result,
                    struct tn_error *err);

#endif
