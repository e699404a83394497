/* tenon: trains neural networks on whatever compute device is there. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "uninstalled.h"

const struct cli_verb *const cli_verbs[] = {
    &cli_verb_train,  &cli_verb_eval, &cli_verb_summary, &cli_verb_devices, &cli_verb_init,
    &cli_verb_schema, NULL,
};

static void print_help(FILE *file)
{
    fprintf(file,
            "tenon %s: trains neural networks on whatever compute device is there\n\n"
            "usage: tenon VERB [arguments] [options]\n\n",
            tn_version());
    for (size_t i = 0; cli_verbs[i]; i++)
        fprintf(file, "  %-10s %-14s %s\n", cli_verbs[i]->name, cli_verbs[i]->args,
                cli_verbs[i]->summary);
    fprintf(file, "\ntenon VERB --help shows a verb's options.\n"
                  "First steps: tenon devices; tenon train digits-cnn\n");
}

static int unknown_verb(const char *name)
{
    fprintf(stderr, "tenon: there is no verb '%s' (verbs:", name);
    for (size_t i = 0; cli_verbs[i]; i++)
        fprintf(stderr, "%s %s", i ? "," : "", cli_verbs[i]->name);
    fprintf(stderr, ")\n");
    return CLI_USAGE;
}

static int run_verb(const struct cli_verb *verb, int argc, char **argv)
{
    struct cli_options options;
    int rc = cli_options_parse(verb, argc, argv, &options);
    if (rc)
        return rc;
    if (options.help) {
        cli_print_verb_help(verb);
        return CLI_OK;
    }
    if (options.version) {
        printf("tenon %s\n", tn_version());
        return CLI_OK;
    }
    return verb->run(&options);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    cli_use_build_tree();
    if (!name || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
        strcmp(name, "help") == 0) {
        print_help(name ? stdout : stderr);
        return name ? CLI_OK : CLI_USAGE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("tenon %s\n", tn_version());
        return CLI_OK;
    }
    for (size_t i = 0; cli_verbs[i]; i++)
        if (strcmp(cli_verbs[i]->name, name) == 0)
            return run_verb(cli_verbs[i], argc - 2, argv + 2);
    return unknown_verb(name);
}
