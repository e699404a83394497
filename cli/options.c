#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { FLAG, TEXT, LIST, COUNT, DURATION };

struct option {
    const char *name, *short_name, *value, *env, *doc;
    enum kind kind;
    uint32_t mask;
    size_t offset;   /* of the field in cli_options */
    size_t count_at; /* LIST: offset of the number of entries */
    int64_t min;     /* COUNT */
};

#define AT(field) offsetof(struct cli_options, field)

static const struct option options[] = {
    {"--backend", NULL, "B", "TENON_BACKEND", "backend by name, or a plugin's path with a slash",
     TEXT, CLI_OPT_DEVICE, AT(backend), 0, 0},
    {"--device", NULL, "SEL", "TENON_DEVICE",
     "BACKEND, BACKEND:INDEX, BACKEND:GLOB, or gpu; default: the best there is", TEXT,
     CLI_OPT_DEVICE, AT(device), 0, 0},
    {"--threads", NULL, "N", "TENON_THREADS", "threads of every pool; default: all processors",
     COUNT, CLI_OPT_DEVICE, AT(threads), 0, 1},
    {"--backend-opt", NULL, "K=V", "TENON_BACKEND_OPT", "option for the backend; may be repeated",
     LIST, CLI_OPT_DEVICE, AT(backend_opts), AT(n_backend_opts), 0},
    {"--set", NULL, "K=V", NULL,
     "override a key of the recipe: optimizer.lr=0.01, model.0.filters=64", LIST, CLI_OPT_RECIPE,
     AT(sets), AT(n_sets), 0},
    {"--print-config", NULL, NULL, NULL, "print the resolved recipe and stop", FLAG, CLI_OPT_RECIPE,
     AT(print_config), 0, 0},
    {"--data-dir", NULL, "DIR", "TENON_DATA", "folder that holds the data sets", TEXT, CLI_OPT_DATA,
     AT(data_dir), 0, 0},
    {"--epochs", NULL, "N", "TENON_EPOCHS", "passes over the training data", COUNT, CLI_OPT_TRAIN,
     AT(epochs), 0, 1},
    {"--batch-size", NULL, "N", "TENON_BATCH_SIZE", "samples per step", COUNT,
     CLI_OPT_TRAIN | CLI_OPT_EVAL, AT(batch_size), 0, 1},
    {"--max-steps", NULL, "N", "TENON_MAX_STEPS", "stop after so many steps", COUNT, CLI_OPT_TRAIN,
     AT(max_steps), 0, 1},
    {"--max-time", NULL, "T", "TENON_MAX_TIME", "stop after a time such as 90s, 30m, 2h", DURATION,
     CLI_OPT_TRAIN, AT(max_seconds), 0, 0},
    {"--seed", NULL, "N", "TENON_SEED", "seed of weights, shuffling and dropout", COUNT,
     CLI_OPT_TRAIN, AT(seed), 0, 0},
    {"--out", NULL, "DIR", "TENON_OUT", "run folder; default: runs/<recipe>-N", TEXT, CLI_OPT_TRAIN,
     AT(out), 0, 0},
    {"--no-save", NULL, NULL, "TENON_NO_SAVE", "write no run folder", FLAG, CLI_OPT_TRAIN,
     AT(no_save), 0, 0},
    {"--force", NULL, NULL, "TENON_FORCE", "replace what is there, once the new is whole", FLAG,
     CLI_OPT_FORCE, AT(force), 0, 0},
    {"--explain", NULL, NULL, "TENON_EXPLAIN", "list each node's device, variant and reason", FLAG,
     CLI_OPT_EXPLAIN, AT(explain), 0, 0},
    {"--strict", NULL, NULL, "TENON_STRICT", "fail where a node would run on another device", FLAG,
     CLI_OPT_EXPLAIN, AT(strict), 0, 0},
    {"--dry-run", NULL, NULL, "TENON_DRY_RUN", "check and plan everything, train nothing", FLAG,
     CLI_OPT_TRAIN, AT(dry_run), 0, 0},
    {"--split", NULL, "PART", "TENON_SPLIT", "train, val or test (default)", TEXT, CLI_OPT_EVAL,
     AT(split), 0, 0},
    {"--data", NULL, "PATH", NULL, "evaluate on this data folder instead of the recipe's", TEXT,
     CLI_OPT_EVAL, AT(data), 0, 0},
    {"--json", NULL, NULL, "TENON_JSON", "JSON only on stdout, one object per line", FLAG,
     CLI_OPT_JSON, AT(json), 0, 0},
    {"--verbose", "-v", NULL, "TENON_VERBOSE", "say more", FLAG, UINT32_MAX, AT(verbose), 0, 0},
    {"--quiet", "-q", NULL, "TENON_QUIET", "say only what went wrong, and the result", FLAG,
     UINT32_MAX, AT(quiet), 0, 0},
    {"--help", "-h", NULL, NULL, "this text", FLAG, UINT32_MAX, AT(help), 0, 0},
    {"--version", NULL, NULL, NULL, "print the version", FLAG, UINT32_MAX, AT(version), 0, 0},
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
    if (errno || end == text || *end || value < option->min) {
        fprintf(stderr, "tenon: %s is '%s'; it must be a whole number of at least %lld\n", origin,
                text, (long long)option->min);
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
        return *(int64_t *)field(out, option->offset) >= 0;
    case DURATION:
        return *(double *)field(out, option->offset) >= 0;
    }
    return 0;
}

static int flag_is_on(const char *text)
{
    return *text && strcmp(text, "0") != 0 && strcmp(text, "false") != 0 && strcmp(text, "no") != 0;
}

static int allowed(const struct cli_verb *verb, const struct option *option)
{
    return option->mask == UINT32_MAX || (option->mask & verb->mask);
}

static int read_environment(const struct cli_verb *verb, struct cli_options *out)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const struct option *option = &options[i];
        const char *text = option->env ? getenv(option->env) : NULL;
        if (!text || !*text || !allowed(verb, option))
            continue;
        if (is_set(option, out) || (option->kind == FLAG && !flag_is_on(text)))
            continue;
        int rc = store(option, option->env, text, out);
        if (rc)
            return rc;
    }
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

/* Letters in common at the start decide: enough for misspelt flags. */
static const char *nearest(const struct cli_verb *verb, const char *name)
{
    const char *best = NULL;
    size_t best_n = 3;
    for (size_t i = 0; i < N_OPTIONS; i++) {
        size_t n = 0;
        if (!allowed(verb, &options[i]))
            continue;
        while (name[n] && name[n] == options[i].name[n])
            n++;
        if (n > best_n) {
            best_n = n;
            best = options[i].name;
        }
    }
    return best;
}

static int unknown(const struct cli_verb *verb, const char *arg)
{
    const char *hint = nearest(verb, arg);
    fprintf(stderr, "tenon %s: there is no option %s", verb->name, arg);
    if (hint)
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
        return unknown(verb, arg);
    if (option->kind == FLAG) {
        if (equals) {
            fprintf(stderr, "tenon %s: %s takes no value\n", verb->name, option->name);
            return CLI_USAGE;
        }
        return store(option, option->name, "1", out);
    }
    if (!equals && ++*i >= argc) {
        fprintf(stderr, "tenon %s: %s needs a value: %s %s\n", verb->name, option->name,
                option->name, option->value);
        return CLI_USAGE;
    }
    return store(option, option->name, equals ? equals + 1 : argv[*i], out);
}

int cli_options_parse(const struct cli_verb *verb, int argc, char **argv,
                      struct cli_options *out_options)
{
    struct cli_options out = {.threads = -1,
                              .epochs = -1,
                              .batch_size = -1,
                              .max_steps = -1,
                              .seed = -1,
                              .max_seconds = -1};
    int only_args = 0;
    for (int i = 0; i < argc; i++) {
        int rc = 0;
        if (!only_args && strcmp(argv[i], "--") == 0)
            only_args = 1;
        else if (!only_args && argv[i][0] == '-' && argv[i][1])
            rc = parse_one(verb, argc, argv, &i, &out);
        else if (out.n_args < verb->max_args && out.n_args < CLI_MAX_ARGS)
            out.args[out.n_args++] = argv[i];
        else {
            fprintf(stderr, "tenon %s: unexpected argument '%s'\n", verb->name, argv[i]);
            rc = CLI_USAGE;
        }
        if (rc)
            return rc;
    }
    if (!out.help && !out.version && out.n_args < verb->min_args) {
        fprintf(stderr, "tenon %s: missing %s (tenon %s --help)\n", verb->name, verb->args,
                verb->name);
        return CLI_USAGE;
    }
    int rc = read_environment(verb, &out);
    if (!rc)
        *out_options = out;
    return rc;
}

void cli_print_verb_help(const struct cli_verb *verb)
{
    printf("usage: tenon %s %s%s[options]\n\n%s\n", verb->name, verb->args, *verb->args ? " " : "",
           verb->summary);
    if (verb->details)
        printf("\n%s\n", verb->details);
    printf("\noptions:\n");
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const struct option *o = &options[i];
        char left[40];
        if (!allowed(verb, o))
            continue;
        snprintf(left, sizeof(left), "%s%s%s%s%s", o->short_name ? o->short_name : "",
                 o->short_name ? ", " : "", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("  %-20s %s%s%s%s\n", left, o->doc, o->env ? " [" : "", o->env ? o->env : "",
               o->env ? "]" : "");
    }
    printf("\nexit codes: 0 done, 1 the run failed, 2 usage or input error\n");
}
