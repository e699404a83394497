#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

#define LONGEST_S 1e9 /* of a duration: thirty years */

/* OPTIONAL_COUNT stands alone, or as --name=N. */
enum kind { FLAG, TEXT, LIST, COUNT, OPTIONAL_COUNT, DURATION };

struct option {
    const char *name, *short_name, *value, *env, *doc;
    enum kind kind;
    uint32_t mask;
    size_t offset;    /* of the field in cli_options */
    size_t count_at;  /* LIST: offset of the number of entries */
    int64_t min, max; /* COUNT */
    int64_t dflt;     /* OPTIONAL_COUNT without a number */
};

#define AT(field) offsetof(struct cli_options, field)

static const struct option options[] = {
    {"--backend", NULL, "B", "TENON_BACKEND", "backend by name, or a plugin's path with a slash",
     TEXT, CLI_OPT_DEVICE, AT(backend)},
    {"--device", NULL, "SEL", "TENON_DEVICE",
     "BACKEND, BACKEND:INDEX, BACKEND:GLOB or gpu; beside\n--backend just INDEX or GLOB; "
     "default: the best",
     TEXT, CLI_OPT_DEVICE, AT(device)},
    {"--threads", NULL, "N", "TENON_THREADS", "threads of every pool; default: all processors",
     COUNT, CLI_OPT_DEVICE, AT(threads), .min = 1, .max = 4096},
    {"--backend-opt", NULL, "K=V", "TENON_BACKEND_OPT",
     "option for the backend that --backend names; may be\nrepeated (variable: a=1;b=2)", LIST,
     CLI_OPT_DEVICE, AT(backend_opts), AT(n_backend_opts)},
    {"--set", NULL, "K=V", "TENON_SET",
     "override a key of the recipe, as optimizer.lr=0.01 or\nmodel.0.filters=64; may be repeated "
     "(variable: a=1;b=2)",
     LIST, CLI_OPT_RECIPE, AT(sets), AT(n_sets)},
    {"--print-config", NULL, NULL, "TENON_PRINT_CONFIG", "print the resolved recipe and stop", FLAG,
     CLI_OPT_RECIPE, AT(print_config)},
    {"--data-dir", NULL, "DIR", "TENON_DATA", "folder that holds the data sets", TEXT, CLI_OPT_DATA,
     AT(data_dir)},
    {"--epochs", NULL, "N", "TENON_EPOCHS", "passes over the training data", COUNT, CLI_OPT_TRAIN,
     AT(epochs), .min = 1, .max = INT32_MAX},
    {"--batch-size", NULL, "N", "TENON_BATCH_SIZE", "samples per step", COUNT,
     CLI_OPT_TRAIN | CLI_OPT_EVAL, AT(batch_size), .min = 1, .max = INT32_MAX},
    {"--max-steps", NULL, "N", "TENON_MAX_STEPS", "stop after so many steps", COUNT, CLI_OPT_TRAIN,
     AT(max_steps), .min = 1, .max = INT64_MAX},
    {"--max-time", NULL, "T", "TENON_MAX_TIME", "stop after a time such as 90s, 30m, 2h", DURATION,
     CLI_OPT_TRAIN, AT(max_seconds)},
    {"--seed", NULL, "N", "TENON_SEED", "seed of weights, shuffling and dropout", COUNT,
     CLI_OPT_TRAIN, AT(seed), .min = 0, .max = INT64_MAX},
    {"--out", NULL, "DIR", "TENON_OUT", "run folder; default: runs/<recipe>-N", TEXT, CLI_OPT_TRAIN,
     AT(out)},
    {"--no-save", NULL, NULL, "TENON_NO_SAVE", "write no run folder", FLAG, CLI_OPT_TRAIN,
     AT(no_save)},
    {"--force", NULL, NULL, "TENON_FORCE", "replace what is there, once the new is whole", FLAG,
     CLI_OPT_FORCE, AT(force)},
    {"--explain", NULL, NULL, "TENON_EXPLAIN", "list each node's device, variant and reason", FLAG,
     CLI_OPT_EXPLAIN, AT(explain)},
    {"--strict", NULL, NULL, "TENON_STRICT", "fail where a node would run on another device", FLAG,
     CLI_OPT_EXPLAIN, AT(strict)},
    {"--verify", NULL, "N", "TENON_VERIFY",
     "check each node of the first step and of every N-th\nagainst the reference (alone: N = 100); "
     "a node that\ndiffers ends the run",
     OPTIONAL_COUNT, CLI_OPT_TRAIN, AT(verify), .min = 1, .max = INT64_MAX, .dflt = 100},
    {"--check-numerics", NULL, NULL, "TENON_CHECK_NUMERICS",
     "stop at the first NaN or infinity and name the node\nthat made it (slow)", FLAG,
     CLI_OPT_TRAIN, AT(check_numerics)},
    {"--dry-run", NULL, NULL, "TENON_DRY_RUN", "check and plan everything, train nothing", FLAG,
     CLI_OPT_TRAIN, AT(dry_run)},
    {"--no-quarantine", NULL, NULL, "TENON_NO_QUARANTINE",
     "use a device also for operators that tenon doctor\nfound faulty there", FLAG, CLI_OPT_EXPLAIN,
     AT(no_quarantine)},
    {"--split", NULL, "PART", "TENON_SPLIT", "train, val or test (default)", TEXT, CLI_OPT_EVAL,
     AT(split)},
    {"--data", NULL, "PATH", "TENON_EVAL_DATA",
     "look for the recipe's data below this folder instead", TEXT, CLI_OPT_EVAL, AT(data)},
    {"--ops", NULL, "GLOB", "TENON_OPS", "operators to run, as conv2d or 'conv*'", TEXT,
     CLI_OPT_CONFORM, AT(ops)},
    {"--case", NULL, "NAME", "TENON_CASE", "only the cases of that name", TEXT, CLI_OPT_CONFORM,
     AT(case_name)},
    {"--dtype", NULL, "TYPE", "TENON_DTYPE", "only f32, f16, bf16, i32, ...", TEXT, CLI_OPT_CONFORM,
     AT(dtype)},
    {"--suite", NULL, "NAME", "TENON_SUITE",
     "only ops, backward, reject, abi, memory, ordering,\ntrajectory, random, threads or claims",
     TEXT, CLI_OPT_CONFORM, AT(suite)},
    {"--quick", NULL, NULL, "TENON_QUICK", "a subset of the cases, for every day", FLAG,
     CLI_OPT_CONFORM, AT(quick)},
    {"--timeout", NULL, "T", "TENON_TIMEOUT",
     "how long one case, or one node of a verified step, may\ntake before it counts as hanging; "
     "default: 60s",
     DURATION, CLI_OPT_CONFORM | CLI_OPT_DOCTOR | CLI_OPT_TRAIN, AT(timeout_seconds)},
    {"--in-process", NULL, NULL, "TENON_IN_PROCESS",
     "run in this process: for a debugger; a crash ends it", FLAG, CLI_OPT_CONFORM, AT(in_process)},
    {"--report", NULL, "FILE", "TENON_REPORT", "write the result to a file that can be published",
     TEXT, CLI_OPT_CONFORM | CLI_OPT_DOCTOR, AT(report)},
    {"--gpus", NULL, NULL, "TENON_GPUS", "look only for GPUs that no usable platform offers", FLAG,
     CLI_OPT_DOCTOR, AT(gpus)},
    /* What the tool tells its own children; without a description they are in no help. */
    {"--child-suite", NULL, "NAME", NULL, NULL, TEXT, CLI_OPT_CONFORM, AT(child_suite)},
    {"--step", NULL, "NAME", NULL, NULL, TEXT, CLI_OPT_DOCTOR, AT(step)},
    {"--child-from", NULL, "N", NULL, NULL, COUNT, CLI_OPT_CONFORM, AT(child_from), .min = 0,
     .max = INT64_MAX},
    {"--json", NULL, NULL, "TENON_JSON", "JSON only on stdout, one object per line", FLAG,
     CLI_OPT_JSON, AT(json)},
    {"--verbose", "-v", NULL, "TENON_VERBOSE", "say more", FLAG, UINT32_MAX, AT(verbose)},
    {"--quiet", "-q", NULL, "TENON_QUIET", "say only what went wrong, and the result", FLAG,
     UINT32_MAX, AT(quiet)},
    {"--help", "-h", NULL, NULL, "this text", FLAG, UINT32_MAX, AT(help)},
    {"--version", NULL, NULL, NULL, "print the version", FLAG, UINT32_MAX, AT(version)},
};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

static void *field(struct cli_options *out, size_t offset)
{
    return (char *)out + offset;
}

static int parse_count(const struct option *option, const char *origin, const char *text,
                       int64_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || value < option->min) {
        fprintf(stderr, "tenon: %s is '%s'; it must be a whole number of at least %lld\n", origin,
                text, (long long)option->min);
        return CLI_USAGE;
    }
    if (errno || value > option->max) {
        fprintf(stderr, "tenon: %s is '%s'; it must be at most %lld\n", origin, text,
                (long long)option->max);
        return CLI_USAGE;
    }
    *out = value;
    return 0;
}

static int parse_duration(const char *origin, const char *text, double *out)
{
    char *end;
    double value = strtod(text, &end);
    double unit = 0;
    if (end != text && (*end == '\0' || strcmp(end, "s") == 0))
        unit = 1;
    else if (strcmp(end, "m") == 0)
        unit = 60;
    else if (strcmp(end, "h") == 0)
        unit = 3600;
    if (end == text || unit == 0 || !(value > 0)) {
        fprintf(stderr, "tenon: %s is '%s'; write a time such as 90s, 30m or 2h\n", origin, text);
        return CLI_USAGE;
    }
    if (value > LONGEST_S / unit) {
        fprintf(stderr, "tenon: %s is '%s'; it must be at most %.0f s\n", origin, text, LONGEST_S);
        return CLI_USAGE;
    }
    *out = value * unit;
    return 0;
}

static int add_to_list(const struct option *option, const char *origin, const char *text,
                       struct cli_options *out)
{
    const char **list = field(out, option->offset);
    size_t *n = field(out, option->count_at);
    if (!strchr(text, '=') || text[0] == '=') {
        fprintf(stderr, "tenon: %s is '%s'; write KEY=VALUE\n", origin, text);
        return CLI_USAGE;
    }
    if (*n == CLI_MAX_SETS) {
        fprintf(stderr, "tenon: %s: more than %d given\n", origin, CLI_MAX_SETS);
        return CLI_USAGE;
    }
    list[(*n)++] = text;
    return 0;
}

static int store(const struct option *option, const char *origin, const char *text,
                 struct cli_options *out)
{
    switch (option->kind) {
    case FLAG:
        *(int *)field(out, option->offset) = 1;
        return 0;
    case TEXT:
        if (!*text) {
            fprintf(stderr, "tenon: %s is empty\n", origin);
            return CLI_USAGE;
        }
        *(const char **)field(out, option->offset) = text;
        return 0;
    case LIST:
        return add_to_list(option, origin, text, out);
    case OPTIONAL_COUNT:
        if (!text) {
            *(int64_t *)field(out, option->offset) = option->dflt;
            return 0;
        }
        return parse_count(option, origin, text, field(out, option->offset));
    case COUNT:
        return parse_count(option, origin, text, field(out, option->offset));
    case DURATION:
        return parse_duration(origin, text, field(out, option->offset));
    }
    return 0;
}

static int is_set(const struct option *option, struct cli_options *out)
{
    switch (option->kind) {
    case FLAG:
        return *(int *)field(out, option->offset);
    case TEXT:
        return *(const char **)field(out, option->offset) != NULL;
    case LIST:
        return *(size_t *)field(out, option->count_at) > 0;
    case COUNT:
    case OPTIONAL_COUNT:
        return *(int64_t *)field(out, option->offset) >= 0;
    case DURATION:
        return *(double *)field(out, option->offset) >= 0;
    }
    return 0;
}

/* 1 on, 0 off, -1 neither. */
static int flag_value(const char *text)
{
    static const char *const words[2][5] = {{"0", "false", "no", "off", NULL},
                                            {"1", "true", "yes", "on", NULL}};
    for (int value = 0; value < 2; value++)
        for (size_t i = 0; words[value][i]; i++)
            if (strcmp(text, words[value][i]) == 0)
                return value;
    return -1;
}

static int allowed(const struct cli_verb *verb, const struct option *option)
{
    return option->mask == UINT32_MAX || (option->mask & verb->mask);
}

/* "a=1;b=2": its entries go before those of the flags, so that a flag of the same key wins. */
static int read_list_variable(const struct option *option, const char *text,
                              struct cli_options *out)
{
    const char *from_flags[CLI_MAX_SETS];
    const char **list = field(out, option->offset);
    size_t *n = field(out, option->count_at), n_flags = *n;
    char **owned = &out->owned[out->owned[0] != NULL], *save = NULL;
    *owned = strdup(text);
    if (!*owned) {
        fprintf(stderr, "tenon: out of memory\n");
        return CLI_FAILED;
    }
    memcpy(from_flags, list, n_flags * sizeof(*list));
    *n = 0;
    for (char *p = strtok_r(*owned, ";", &save); p; p = strtok_r(NULL, ";", &save)) {
        int rc = add_to_list(option, option->env, p, out);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < n_flags; i++) {
        int rc = add_to_list(option, option->name, from_flags[i], out);
        if (rc)
            return rc;
    }
    return 0;
}

static int read_variable(const struct option *option, const char *text, struct cli_options *out)
{
    if (option->kind == LIST)
        return read_list_variable(option, text, out);
    if (is_set(option, out))
        return 0;
    if (option->kind == FLAG && flag_value(text) < 0) {
        fprintf(stderr, "tenon: %s is '%s'; it must be 1 or 0\n", option->env, text);
        return CLI_USAGE;
    }
    if (option->kind == FLAG && !flag_value(text))
        return 0;
    return store(option, option->env, text, out);
}

/* A flag outranks not only its own variable but one that contradicts it. */
static void settle(const struct cli_options *flags, struct cli_options *out)
{
    struct cli_selection strong = {flags->backend, flags->device},
                         weak = {out->backend, out->device};
    struct cli_selection merged = cli_selection_merge(strong, weak);
    out->backend = merged.backend;
    out->device = merged.device;
    if (flags->no_save && !flags->out)
        out->out = NULL;
    if (flags->out && !flags->no_save)
        out->no_save = 0;
    if (flags->quiet != flags->verbose) {
        out->quiet = flags->quiet;
        out->verbose = flags->verbose;
    }
}

static int read_environment(const struct cli_verb *verb, struct cli_options *out)
{
    const struct cli_options flags = *out;
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const struct option *option = &options[i];
        const char *text = option->env ? getenv(option->env) : NULL;
        if (!text || !*text || !allowed(verb, option))
            continue;
        int rc = read_variable(option, text, out);
        if (rc)
            return rc;
    }
    settle(&flags, out);
    return 0;
}

static const struct option *find(const struct cli_verb *verb, const char *name, size_t n)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const struct option *o = &options[i];
        if (allowed(verb, o) &&
            ((strlen(o->name) == n && strncmp(o->name, name, n) == 0) ||
             (o->short_name && strlen(o->short_name) == n && strncmp(o->short_name, name, n) == 0)))
            return o;
    }
    return NULL;
}

static int unknown(const struct cli_verb *verb, const char *arg, size_t n)
{
    const char *names[N_OPTIONS + 1], *hint;
    char word[64];
    size_t n_names = 0;
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (allowed(verb, &options[i]) && options[i].doc)
            names[n_names++] = options[i].name;
    names[n_names] = NULL;
    snprintf(word, sizeof(word), "%.*s", (int)n, arg);
    fprintf(stderr, "tenon %s: there is no option %s", verb->name, word);
    if ((hint = cli_nearest(names, word)))
        fprintf(stderr, "; did you mean %s?", hint);
    fprintf(stderr, " (tenon %s --help lists them)\n", verb->name);
    return CLI_USAGE;
}

static int parse_one(const struct cli_verb *verb, int argc, char **argv, int *i,
                     struct cli_options *out)
{
    const char *arg = argv[*i];
    const char *equals = strchr(arg, '=');
    size_t n = equals ? (size_t)(equals - arg) : strlen(arg);
    const struct option *option = find(verb, arg, n);
    if (!option)
        return unknown(verb, arg, n);
    if (option->kind == FLAG) {
        if (equals) {
            fprintf(stderr, "tenon %s: %s takes no value\n", verb->name, option->name);
            return CLI_USAGE;
        }
        return store(option, option->name, "1", out);
    }
    if (option->kind == OPTIONAL_COUNT)
        return store(option, option->name, equals ? equals + 1 : NULL, out);
    if (!equals && ++*i >= argc) {
        fprintf(stderr, "tenon %s: %s needs a value: %s %s\n", verb->name, option->name,
                option->name, option->value);
        return CLI_USAGE;
    }
    return store(option, option->name, equals ? equals + 1 : argv[*i], out);
}

static int add_argument(const struct cli_verb *verb, const char *arg, struct cli_options *out)
{
    if (out->n_args < verb->max_args && out->n_args < CLI_MAX_ARGS) {
        out->args[out->n_args++] = arg;
        return 0;
    }
    fprintf(stderr, "tenon %s: unexpected argument '%s'%s%s\n", verb->name, arg,
            verb->max_args ? "; it takes " : "; it takes none", verb->args);
    return CLI_USAGE;
}

int cli_options_parse(const struct cli_verb *verb, int argc, char **argv,
                      struct cli_options *out_options)
{
    struct cli_options out = {.threads = -1,
                              .epochs = -1,
                              .batch_size = -1,
                              .max_steps = -1,
                              .seed = -1,
                              .verify = -1,
                              .timeout_seconds = -1,
                              .child_from = -1,
                              .max_seconds = -1};
    int only_args = 0, rc = 0;
    *out_options = out;
    for (int i = 0; i < argc && !rc; i++) {
        if (!only_args && strcmp(argv[i], "--") == 0)
            only_args = 1;
        else if (!only_args && argv[i][0] == '-' && argv[i][1])
            rc = parse_one(verb, argc, argv, &i, &out);
        else
            rc = add_argument(verb, argv[i], &out);
    }
    if (!rc && !out.help && !out.version && out.n_args < verb->min_args) {
        fprintf(stderr, "tenon %s: missing %s (tenon %s --help)\n", verb->name, verb->args,
                verb->name);
        rc = CLI_USAGE;
    }
    if (!rc && !out.help && !out.version)
        rc = read_environment(verb, &out);
    if (rc)
        cli_options_finish(&out);
    else
        *out_options = out;
    return rc;
}

void cli_options_finish(struct cli_options *given)
{
    for (size_t i = 0; i < 2; i++) {
        free(given->owned[i]);
        given->owned[i] = NULL;
    }
}

static int stands_for_option(const char *variable)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        size_t n = options[i].env ? strlen(options[i].env) : 0;
        if (n && strncmp(variable, options[i].env, n) == 0 && variable[n] == '=')
            return 1;
    }
    return 0;
}

char **cli_child_environment(void)
{
    size_t n = 0, n_kept = 0;
    while (environ && environ[n])
        n++;
    char **list = calloc(n + 1, sizeof(*list));
    for (size_t i = 0; list && i < n; i++)
        if (!stands_for_option(environ[i]))
            list[n_kept++] = environ[i];
    return list;
}

/* Further lines of a description stand below its first. */
static void print_option(const struct option *o)
{
    char left[40];
    const char *text = o->doc;
    int is_optional = o->kind == OPTIONAL_COUNT;
    snprintf(left, sizeof(left), "%s%s%s%s%s%s", o->short_name ? o->short_name : "",
             o->short_name ? ", " : "", o->name,
             is_optional ? "[="
             : o->value  ? " "
                         : "",
             o->value ? o->value : "", is_optional ? "]" : "");
    printf("  %-20s ", left);
    for (const char *end; (end = strchr(text, '\n')); text = end + 1)
        printf("%.*s\n  %-20s ", (int)(end - text), text, "");
    printf("%s", text);
    if (o->env)
        printf(" [%s]", o->env);
    putchar('\n');
}

void cli_print_verb_help(const struct cli_verb *verb)
{
    printf("usage: tenon %s %s%s[options]\n\n%s\n", verb->name, verb->args, *verb->args ? " " : "",
           verb->summary);
    if (verb->details)
        printf("\n%s\n", verb->details);
    printf("\noptions [variable that may stand for it]:\n");
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (allowed(verb, &options[i]) && options[i].doc)
            print_option(&options[i]);
    if (verb->mask & CLI_OPT_RECIPE)
        printf("\na flag counts before its variable, that before the recipe, that before the "
               "default\n");
    printf("\nexit codes: 0 done, 1 the run failed, 2 usage or input error\n");
}
