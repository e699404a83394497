/* Command-line options of every verb: one table for parsing, environment variables and --help. */
#ifndef TN_CLI_OPTIONS_H
#define TN_CLI_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#define CLI_OK 0
#define CLI_FAILED 1 /* the run failed */
#define CLI_USAGE 2  /* usage or input error */

/* Which options a verb takes: bits of cli_option.mask. */
enum {
    CLI_OPT_DEVICE = 1u << 0,  /* --backend --device --threads --backend-opt */
    CLI_OPT_RECIPE = 1u << 1,  /* --set --print-config */
    CLI_OPT_DATA = 1u << 2,    /* --data-dir */
    CLI_OPT_TRAIN = 1u << 3,   /* --epochs --batch-size ... --dry-run */
    CLI_OPT_EVAL = 1u << 4,    /* --split --data --batch-size */
    CLI_OPT_EXPLAIN = 1u << 5, /* --explain --strict */
    CLI_OPT_FORCE = 1u << 6,   /* --force */
    CLI_OPT_JSON = 1u << 7,    /* --json */
    CLI_OPT_DOCTOR = 1u << 9,  /* --gpus --report */
    CLI_OPT_CONFORM = 1u << 8  /* --ops --case --dtype --suite --timeout --in-process ... */
};

#define CLI_MAX_SETS 64
#define CLI_MAX_ARGS 8

struct cli_options {
    const char *args[CLI_MAX_ARGS]; /* positional */
    size_t n_args;
    const char *backend, *device, *data_dir, *out, *split, *data;
    const char *sets[CLI_MAX_SETS];
    size_t n_sets;
    const char *backend_opts[CLI_MAX_SETS];
    size_t n_backend_opts;
    int64_t threads, epochs, batch_size, max_steps, seed, verify; /* -1: not given */
    double max_seconds, timeout_seconds;                          /* -1: not given */
    /* conformance */
    const char *ops, *case_name, *dtype, *suite, *report, *child_suite;
    const char *step;   /* doctor's child: "list", "speed" */
    int64_t child_from; /* -1: not given */
    int quick, in_process, gpus;
    int json, force, no_save, explain, strict, dry_run, print_config, verbose, quiet, help, version;
    int check_numerics, no_quarantine;
    char *owned[2]; /* copies of environment variables that hold lists */
};

/* What was asked for at one level: the command line, the environment, a recipe. */
struct cli_selection {
    const char *backend, *device; /* NULL: not said */
};

struct cli_verb {
    const char *name;
    const char *args;    /* "RECIPE|NAME" */
    const char *summary; /* one line */
    const char *details; /* paragraph of --help; may be NULL */
    uint32_t mask;
    size_t min_args, max_args;
    int (*run)(const struct cli_options *options);
};

/* Flags, then TENON_* variables for what the flags left out. 0, or CLI_USAGE with a message printed
 * and *out_options empty. */
int cli_options_parse(const struct cli_verb *verb, int argc, char **argv,
                      struct cli_options *out_options);
void cli_options_finish(struct cli_options *given);
/* The environment of a child that gets its options as flags: ours without the variables that stand
 * for options. The array is the caller's to free, its strings are the environment's. NULL: no
 * memory. */
char **cli_child_environment(void);
/* The stronger level, and of the weaker one what does not contradict it: a backend asked for by
 * flag drops the environment's device of another backend. */
struct cli_selection cli_selection_merge(struct cli_selection strong, struct cli_selection weak);
/* The nearest of `names` (NULL-terminated) to a misspelt one; NULL: none is near. */
const char *cli_nearest(const char *const *names, const char *word);
void cli_print_verb_help(const struct cli_verb *verb);

extern const struct cli_verb cli_verb_conformance, cli_verb_devices, cli_verb_doctor,
    cli_verb_train, cli_verb_eval, cli_verb_summary, cli_verb_init, cli_verb_schema;
extern const struct cli_verb *const cli_verbs[]; /* NULL-terminated */

#endif
