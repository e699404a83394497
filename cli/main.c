/* tenon: trains neural networks on whatever compute device is there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "uninstalled.h"

#define MAX_VERBS 16

const struct cli_verb *const cli_verbs[] = {
    &cli_verb_train,  &cli_verb_eval,        &cli_verb_summary,
    &cli_verb_doctor, &cli_verb_conformance, &cli_verb_devices,
    &cli_verb_init,   &cli_verb_schema,      NULL,
};

static void print_help(FILE *file)
{
    fprintf(file,
            "tenon %s: trains neural networks on whatever compute device is there\n\n"
            "usage: tenon VERB [arguments] [options]\n\n",
            tn_version());
    for (size_t i = 0; cli_verbs[i]; i++)
        fprintf(file, "  %-11s %-14s %s\n", cli_verbs[i]->name, cli_verbs[i]->args,
                cli_verbs[i]->summary);
    fprintf(file, "\nevery verb takes -h, --help; --version; -v, --verbose; -q, --quiet\n"
                  "tenon VERB --help shows a verb's options.\n"
                  "first steps: tenon devices; tenon train digits-cnn\n");
}

static int unknown_verb(const char *name)
{
    const char *names[MAX_VERBS + 1] = {NULL};
    for (size_t i = 0; cli_verbs[i] && i < MAX_VERBS; i++)
        names[i] = cli_verbs[i]->name;
    const char *hint = cli_nearest(names, name);
    fprintf(stderr, "tenon: there is no verb '%s'", name);
    if (hint)
        fprintf(stderr, "; did you mean '%s'?", hint);
    fprintf(stderr, " (verbs:");
    for (size_t i = 0; names[i]; i++)
        fprintf(stderr, "%s %s", i ? "," : "", names[i]);
    fprintf(stderr, ")\n");
    return CLI_USAGE;
}

static int run_verb(const struct cli_verb *verb, int argc, char **argv)
{
    struct cli_options options;
    int rc = cli_options_parse(verb, argc, argv, &options);
    if (rc)
        return rc;
    if (options.help)
        cli_print_verb_help(verb);
    else if (options.version)
        printf("tenon %s\n", tn_version());
    else
        rc = verb->run(&options);
    cli_options_finish(&options);
    return rc;
}

static const struct cli_verb *find_verb(const char *name)
{
    for (size_t i = 0; cli_verbs[i]; i++)
        if (strcmp(cli_verbs[i]->name, name) == 0)
            return cli_verbs[i];
    return NULL;
}

/* -v and -q may stand before the verb, too: they are handed on behind it. */
static int is_early_flag(const char *arg)
{
    return strcmp(arg, "-v") == 0 || strcmp(arg, "--verbose") == 0 || strcmp(arg, "-q") == 0 ||
           strcmp(arg, "--quiet") == 0;
}

static int dispatch(int argc, char **argv)
{
    int at = 1;
    while (at < argc && is_early_flag(argv[at]))
        at++;
    const char *name = at < argc ? argv[at] : NULL;
    if (!name) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
        (strcmp(name, "help") == 0 && at + 1 >= argc)) {
        print_help(stdout);
        return CLI_OK;
    }
    if (strcmp(name, "--version") == 0) {
        printf("tenon %s\n", tn_version());
        return CLI_OK;
    }
    const struct cli_verb *verb = find_verb(strcmp(name, "help") == 0 ? argv[at + 1] : name);
    if (!verb)
        return unknown_verb(strcmp(name, "help") == 0 ? argv[at + 1] : name);
    if (strcmp(name, "help") == 0) {
        cli_print_verb_help(verb);
        return CLI_OK;
    }
    /* The verb's place is taken by the first early flag, and so on. */
    memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof(*argv));
    return run_verb(verb, argc - 2, argv + 2);
}

/* What could not be written to stdout must not pass as success. */
int main(int argc, char **argv)
{
    cli_use_build_tree();
    int rc = dispatch(argc, argv);
    int failed = ferror(stdout);
    if ((fflush(stdout) || failed) && errno != EPIPE) {
        fprintf(stderr, "tenon: cannot write to the standard output: %s\n", strerror(errno));
        return rc ? rc : CLI_FAILED;
    }
    return rc;
}
