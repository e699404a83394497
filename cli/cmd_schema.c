/* tenon schema: the recipe grammar as JSON Schema. */
#include "cli.h"

static int run(const struct cli_options *options)
{
    struct tn_error err = {TN_OK, ""};
    char *json = NULL;
    if (tn_recipe_schema(&json, &err))
        return cli_fail(&err);
    puts(json);
    tn_free(json);
    return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

const struct cli_verb cli_verb_schema = {
    .name = "schema",
    .args = "",
    .summary = "print the recipe grammar as JSON Schema",
    .run = run,
};
