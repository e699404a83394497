/* tenon schema: the recipe grammar as JSON Schema. */
#include "cli.h"

/* Under --json one object per line, as everywhere. */
static int print_events(const struct cli_options *options, const char *text)
{
    json_error_t why;
    json_t *schema = json_loads(text, 0, &why);
    if (!schema) {
        fprintf(stderr, "tenon: the schema is no JSON: %s\n", why.text);
        return CLI_FAILED;
    }
    cli_json(json_pack("{s:s, s:o}", "event", "schema", "schema", schema));
    cli_json_done(options, json_object());
    return CLI_OK;
}

static int run(const struct cli_options *options)
{
    struct tn_error err = {TN_OK, ""};
    char *json = NULL;
    int rc = CLI_OK;
    if (tn_recipe_schema(&json, &err))
        return cli_fail(&err);
    if (options->json)
        rc = print_events(options, json);
    else
        puts(json);
    tn_free(json);
    return rc;
}

const struct cli_verb cli_verb_schema = {
    .name = "schema",
    .args = "",
    .summary = "print the recipe grammar as JSON Schema",
    .details = "An editor that knows JSON Schema can check and complete recipes with it.",
    .mask = CLI_OPT_JSON,
    .run = run,
};
