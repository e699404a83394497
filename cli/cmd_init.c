/* tenon init: copies a shipped recipe into the working directory, to be changed. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static int copy_stream(FILE *from, FILE *to)
{
    char buf[4096];
    size_t n;
    while ((n = fread(buf, 1, sizeof(buf), from)) > 0)
        if (fwrite(buf, 1, n, to) != n)
            return -1;
    return ferror(from) || fflush(to) ? -1 : 0;
}

/* Written beside the target and renamed, so that a full disk leaves what was there. */
static int copy_file(const char *path, const char *target, int force)
{
    char temp[512];
    int result = -1;
    if (!force && access(target, F_OK) == 0) {
        fprintf(stderr, "tenon: %s exists already: --force replaces it\n", target);
        return CLI_USAGE;
    }
    snprintf(temp, sizeof(temp), ".%s.new", target);
    FILE *from = fopen(path, "r"), *to = fopen(temp, "w");
    if (from && to)
        result = copy_stream(from, to);
    if (from)
        fclose(from);
    if (to && fclose(to))
        result = -1;
    if (result == 0 && rename(temp, target) == 0)
        return CLI_OK;
    fprintf(stderr, "tenon: cannot write %s: %s\n", target, strerror(errno));
    unlink(temp);
    return CLI_FAILED;
}

static int run(const struct cli_options *options)
{
    struct tn_error err = {TN_OK, ""};
    char *path = NULL, target[300];
    if (strpbrk(options->args[0], "/."))
        return cli_usage("'%s' is not the name of a shipped recipe", options->args[0]);
    if (tn_recipe_find(options->args[0], &path, &err))
        return cli_fail(&err);
    snprintf(target, sizeof(target), "%s.yaml", options->args[0]);
    int rc = copy_file(path, target, options->force);
    tn_free(path);
    if (rc == CLI_OK)
        cli_say(options, "wrote %s; change it, then: tenon train %s\n", target, target);
    if (rc == CLI_OK)
        cli_json_done(options, json_pack("{s:s}", "path", target));
    return rc;
}

const struct cli_verb cli_verb_init = {
    .name = "init",
    .args = "NAME",
    .summary = "copy a shipped recipe here, to change it",
    .mask = CLI_OPT_FORCE | CLI_OPT_JSON,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
