/* A run of this program as a child, read line by line. */
#ifndef TN_CLI_CHILD_H
#define TN_CLI_CHILD_H

#include "tenon/status.h"

struct child_result {
    int exit_code; /* -1: it did not exit by itself */
    int signal;    /* that ended it, 0: none */
    int timed_out; /* it was ended because it said nothing for too long */
};
/* argv[0] is replaced by this program's path. `line` gets each line of the child's stdout without
 * its end; the child's stderr goes nowhere. A child that is silent for `silence_s` seconds is
 * killed. TN_E_IO when it cannot be started. */
tn_status child_run(const char **argv, double silence_s, void (*line)(void *ctx, char *text),
                    void *ctx, struct child_result *out_result, struct tn_error *err);

#endif
