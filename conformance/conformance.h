/* Conformance: does a device compute what the references compute?
 *
 * The tool and its doctor use this library. Two ways to run: cf_run() in the calling process, and
 * cf_watch(), which runs the same items in child processes of the tool, so that a crash or a hang
 * of a driver becomes the verdict of the case that was running. Both report through a cf_sink.
 *
 * The list of items follows from the parameters alone: parent and child number them alike. */
#ifndef TN_CONFORMANCE_H
#define TN_CONFORMANCE_H

#include <stddef.h>
#include <stdint.h>

#include "tenon/runtime.h"

enum cf_suite {
    CF_OPS = 0,  /* operators forward */
    CF_BACKWARD, /* operators with the gradients that the graph derives */
    CF_REJECT,   /* inputs that must be refused */
    CF_ABI,
    CF_MEMORY,
    CF_ORDERING,
    CF_TRAJECTORY,
    CF_RANDOM,
    CF_THREADS,
    CF_CLAIMS,
    CF_N_SUITES
};
const char *cf_suite_name(enum cf_suite suite);
/* CF_N_SUITES for a word that names none. */
enum cf_suite cf_suite_find(const char *name);

/* Which items; NULL and 0: no restriction. */
struct cf_filter {
    const char *suite, *ops /* glob */, *case_name, *dtype;
    int quick; /* a subset for every day */
};

struct op_case;
struct cf_check;
struct cf_item {
    enum cf_suite suite;
    const char *op, *name; /* op: the suite's name where no operator is meant */
    const char *dtype;     /* "f32", ...; "-" where there is none */
    tn_dtype precision;    /* stands for f32 in the case's inputs */
    const struct op_case *c;
    const struct cf_check *check; /* suites without cases */
};
struct cf_items {
    struct cf_item *list;
    size_t n;
};
/* TN_E_INVALID: a suite or dtype that there is none of, or nothing is left; TN_E_OOM. */
tn_status cf_items_create(const struct cf_filter *filter, struct cf_items *out_items,
                          struct tn_error *err);
void cf_items_destroy(struct cf_items *items);

enum cf_verdict { CF_PASSED = 0, CF_FAILED, CF_UNSUPPORTED, CF_SKIPPED };
const char *cf_verdict_name(enum cf_verdict verdict);

struct cf_result {
    enum cf_verdict verdict;
    double worst; /* error as a share of the tolerance; above 1 or infinite: failed */
    double seconds;
    char message[600]; /* why, unless passed */
};

/* What a device says of itself; strings are the sink's for the time of the call. */
struct cf_device_text {
    const char *selector, *name, *driver, *uid, *backend, *backend_version, *kind;
};

/* "GPU", "CPU", "accelerator", "checker" or "OpenCL on the CPU": for people and in reports. */
const char *cf_device_kind(const struct tn_device_info *info);

/* Callbacks; each may be NULL. */
struct cf_sink {
    void *ctx;
    void (*device)(void *ctx, const struct cf_device_text *text);
    void (*begin)(void *ctx, size_t index, const struct cf_item *item);
    void (*end)(void *ctx, size_t index, const struct cf_item *item,
                const struct cf_result *result);
};

/* Runs items [from, items->n) whose suite is `suite` (CF_N_SUITES: all) on the device. A device
 * that is lost ends the run: *out_next is then the item to go on with in a new process, else
 * items->n. */
tn_status cf_run(tn_runtime *runtime, tn_device *device, const struct cf_items *items,
                 enum cf_suite suite, size_t from, const struct cf_sink *sink, size_t *out_next,
                 struct tn_error *err);

/* In children. `argv` is the command of one child without the words that say what to run,
 * NULL-terminated: watch adds "--child-suite NAME --child-from N". `env` NULL: this process's. The
 * child writes what cf_child_sink does. */
struct cf_watch_params {
    const char *const *argv;
    char *const *env;
    double timeout_s; /* for one item, and for opening the device; 0: 60 */
};
/* TN_OK when every item has a verdict: of a device that cannot be opened any more, the first item
 * that is left has failed and the rest is skipped. A first child that cannot open it: its error. */
tn_status cf_watch(const struct cf_watch_params *params, const struct cf_items *items,
                   const struct cf_sink *sink, struct tn_error *err);
/* A sink that writes to stdout what cf_watch reads, and the line for an error before any item. */
struct cf_sink cf_child_sink(void);
void cf_child_error(const struct tn_error *err);

/* Sums by operator, dtype and direction. */
struct cf_row {
    const char *op, *dtype; /* of the items */
    enum cf_suite suite;
    size_t n_cases, n_passed, n_failed, n_unsupported, n_skipped;
    double worst, seconds;
    char why[200]; /* of the first that was refused or skipped */
};
struct cf_tally {
    struct cf_row *rows;
    size_t n_rows, cap;
    size_t n_passed, n_failed, n_unsupported, n_skipped;
};
/* 0 when memory is out. */
int cf_tally_add(struct cf_tally *tally, const struct cf_item *item,
                 const struct cf_result *result);
void cf_tally_finish(struct cf_tally *tally);

#endif
