/* A run of this program as a child, read line by line.
 *
 * The child has a process group of its own, so that what a driver started in it goes with it. It is
 * killed when it says nothing for too long, when this process is to end (SIGINT, SIGTERM, SIGHUP,
 * SIGQUIT: the signal then takes its course here, too), and on Linux whenever this process ends
 * otherwise. */
#ifndef TN_CONFORMANCE_CHILD_H
#define TN_CONFORMANCE_CHILD_H

#include "tenon/status.h"

struct cf_child_params {
    const char *const *argv; /* NULL-terminated; the program is this one, whatever argv[0] says */
    char *const *env;        /* NULL: this process's */
    double silence_s;        /* a child without a whole line of output for so long is killed */
    int hide_errors;         /* its stderr goes nowhere; else it is ours */
    /* Each line of its stdout, without the end; a longer one than 64 KiB is dropped. */
    void (*line)(void *ctx, const char *text);
    void *ctx;
};
struct cf_child_result {
    int exit_code; /* -1: it did not exit by itself */
    int signal;    /* that ended it, 0: none */
    int timed_out; /* it was killed for its silence */
};
/* Waits for the child's end. TN_E_IO: it cannot be started; TN_E_OOM; TN_E_CANCELLED: a signal
 * came, and its handler let this process go on. *out_result is set on TN_OK alone. */
tn_status cf_child_run(const struct cf_child_params *params, struct cf_child_result *out_result,
                       struct tn_error *err);

#endif
