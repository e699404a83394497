#include "run_folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static tn_status io_error(struct tn_error *err, const char *doing, const char *path)
{
    return tn_error_set(err, TN_E_IO, "cannot %s %s: %s", doing, path, strerror(errno));
}

static tn_status make_dir(const char *path, int *out_is_new, struct tn_error *err)
{
    char part[1024];
    size_t n = strlen(path);
    if (n + 64 > sizeof(part))
        return tn_error_set(err, TN_E_INVALID, "the folder's name is too long: %.60s...", path);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] && path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        *out_is_new = mkdir(part, 0777) == 0;
        if (!*out_is_new && errno != EEXIST)
            return io_error(err, "make the folder", part);
    }
    struct stat st;
    if (stat(path, &st) || !S_ISDIR(st.st_mode))
        return tn_error_set(err, TN_E_INVALID, "%s is not a folder", path);
    return TN_OK;
}

/* runs/<name>-1, or the next number that is free; mkdir decides, so that two runs never share. */
static tn_status next_folder(const char *name, struct run_folder *folder, struct tn_error *err)
{
    tn_status status = make_dir("runs", &folder->is_new, err);
    for (int i = 1; !status && i < 1000000; i++) {
        snprintf(folder->path, sizeof(folder->path), "runs/%s-%d", name, i);
        if (mkdir(folder->path, 0777) == 0) {
            folder->is_new = 1;
            return TN_OK;
        }
        if (errno != EEXIST)
            return io_error(err, "make the folder", folder->path);
    }
    return status ? status : tn_error_set(err, TN_E_IO, "no free run folder below runs/");
}

static tn_status choose_folder(struct run_folder *folder, const struct cli_options *options,
                               const tn_recipe *recipe, struct tn_error *err)
{
    if (!options->out)
        return next_folder(tn_recipe_name(recipe), folder, err);
    if (strlen(options->out) + 64 > sizeof(folder->path))
        return tn_error_set(err, TN_E_INVALID, "--out is too long");
    snprintf(folder->path, sizeof(folder->path), "%s", options->out);
    char model[1100];
    snprintf(model, sizeof(model), "%s/model.safetensors", folder->path);
    if (access(model, F_OK) == 0 && !options->force)
        return tn_error_set(err, TN_E_EXISTS,
                            "%s holds a model already: --force replaces it, once the new one is "
                            "whole; or choose another --out",
                            folder->path);
    return make_dir(folder->path, &folder->is_new, err);
}

tn_status run_folder_open(struct run_folder *folder, const struct cli_options *options,
                          const tn_recipe *recipe, struct tn_error *err)
{
    *folder = (struct run_folder){.log = NULL};
    tn_status status = tn_recipe_print(recipe, &folder->recipe_yaml, err);
    if (status || (status = choose_folder(folder, options, recipe, err)))
        return status;
    snprintf(folder->recipe_text_path, sizeof(folder->recipe_text_path), "%s/recipe.yaml",
             folder->path);
    snprintf(folder->model_path, sizeof(folder->model_path), "%s/model.safetensors", folder->path);
    snprintf(folder->log_path, sizeof(folder->log_path), "%s/log.jsonl", folder->path);
    snprintf(folder->log_temp_path, sizeof(folder->log_temp_path), "%s/.log.jsonl.new",
             folder->path);
    folder->log = fopen(folder->log_temp_path, "w");
    return folder->log ? TN_OK : io_error(err, "write", folder->log_temp_path);
}

tn_status run_folder_log(struct run_folder *folder, json_t *line, struct tn_error *err)
{
    int failed = 0;
    if (folder->log) {
        failed = json_dumpf(line, folder->log, JSON_COMPACT | JSON_REAL_PRECISION(9)) ||
                 fputc('\n', folder->log) == EOF || fflush(folder->log);
        if (failed)
            io_error(err, "write", folder->is_published ? folder->log_path : folder->log_temp_path);
    }
    json_decref(line);
    return failed ? TN_E_IO : TN_OK;
}

static tn_status write_recipe(const struct run_folder *folder, struct tn_error *err)
{
    char temp[1100];
    snprintf(temp, sizeof(temp), "%s/.recipe.yaml.new", folder->path);
    FILE *file = fopen(temp, "w");
    if (!file)
        return io_error(err, "write", temp);
    int failed = fputs(folder->recipe_yaml, file) == EOF || fflush(file) || fsync(fileno(file));
    failed = fclose(file) || failed;
    if (!failed && rename(temp, folder->recipe_text_path) == 0)
        return TN_OK;
    tn_status status = io_error(err, "write", folder->recipe_text_path);
    unlink(temp);
    return status;
}

tn_status run_folder_save(struct run_folder *folder, tn_session *session, int64_t epoch,
                          int is_best, struct tn_error *err)
{
    char number[32];
    if (!folder->log)
        return TN_OK;
    snprintf(number, sizeof(number), "%lld", (long long)epoch);
    const char *metadata[] = {"tenon.epoch", number, "tenon.selection", is_best ? "best" : "last",
                              NULL};
    tn_status status = tn_session_save(session, folder->model_path, metadata, err);
    if (status || folder->is_published)
        return status;
    if ((status = write_recipe(folder, err)))
        return status;
    if (rename(folder->log_temp_path, folder->log_path))
        return io_error(err, "write", folder->log_path);
    folder->is_published = 1;
    return TN_OK;
}

void run_folder_close(struct run_folder *folder)
{
    if (folder->log)
        fclose(folder->log);
    if (folder->log && !folder->is_published) {
        unlink(folder->log_temp_path);
        /* Only an empty folder goes, and only one that this run made. */
        if (folder->is_new)
            rmdir(folder->path);
    }
    tn_free(folder->recipe_yaml);
    *folder = (struct run_folder){.log = NULL};
}
