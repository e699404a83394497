#include "run_folder.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static tn_status io_error(struct tn_error *err, const char *doing, const char *path)
{
    return tn_error_set(err, TN_E_IO, "cannot %s %s: %s", doing, path, strerror(errno));
}

/* Makes what is missing of the path, and remembers how much of it was there. */
static tn_status make_dir(struct run_folder *folder, struct tn_error *err)
{
    const char *path = folder->path;
    char part[sizeof(folder->path)];
    size_t n = strlen(path);
    folder->n_kept = n;
    for (size_t i = 1; i <= n; i++) {
        if (path[i] && path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) == 0) {
            if (folder->n_kept == n)
                folder->n_kept = i - 1;
        } else if (errno != EEXIST && errno != EISDIR) {
            return io_error(err, "make the folder", part);
        }
    }
    struct stat st;
    if (stat(path, &st) || !S_ISDIR(st.st_mode))
        return tn_error_set(err, TN_E_INVALID, "%s is not a folder", path);
    return TN_OK;
}

/* Removes the folders that we made, as far as they are empty. */
static void remove_dirs(struct run_folder *folder)
{
    size_t n = strlen(folder->path);
    while (n > folder->n_kept && rmdir(folder->path) == 0) {
        while (n > folder->n_kept && folder->path[n] != '/')
            n--;
        folder->path[n] = '\0';
    }
}

/* A recipe's name may hold anything; a folder's should not. */
static void clean_name(const char *name, char *buf, size_t size)
{
    size_t n = 0;
    for (; name[n] && n + 1 < size; n++) {
        int is_plain = isalnum((unsigned char)name[n]) || strchr("_-", name[n]) ||
                       (name[n] == '.' && n > 0) || (unsigned char)name[n] >= 0x80;
        buf[n] = '_';
        if (is_plain)
            buf[n] = name[n];
    }
    buf[n] = '\0';
}

/* runs/<name>-1, or the next number that is free; mkdir decides, so that two runs never share. */
static tn_status next_folder(const char *name, struct run_folder *folder, struct tn_error *err)
{
    char plain[200];
    clean_name(name, plain, sizeof(plain));
    snprintf(folder->path, sizeof(folder->path), "runs");
    tn_status status = make_dir(folder, err);
    size_t n_kept = folder->n_kept;
    for (int i = 1; !status && i < 1000000; i++) {
        snprintf(folder->path, sizeof(folder->path), "runs/%s-%d", plain, i);
        if (mkdir(folder->path, 0777) == 0) {
            folder->n_kept = n_kept;
            return TN_OK;
        }
        /* Another run that failed may have taken the empty runs/ away again. */
        if (errno != EEXIST && (errno != ENOENT || mkdir("runs", 0777)))
            return io_error(err, "make the folder", folder->path);
    }
    return status ? status : tn_error_set(err, TN_E_IO, "no free run folder below runs/");
}

static tn_status choose_folder(struct run_folder *folder, const struct cli_options *options,
                               const tn_recipe *recipe, struct tn_error *err)
{
    if (!options->out)
        return next_folder(tn_recipe_name(recipe), folder, err);
    size_t n = strlen(options->out);
    if (n + 64 > sizeof(folder->path))
        return tn_error_set(err, TN_E_INVALID, "--out: the folder's name is too long: %.60s...",
                            options->out);
    while (n > 1 && options->out[n - 1] == '/')
        n--;
    snprintf(folder->path, sizeof(folder->path), "%.*s", (int)n, options->out);
    return make_dir(folder, err);
}

static void name_files(struct run_folder *folder)
{
    const char *path = folder->path;
    snprintf(folder->recipe_text_path, sizeof(folder->recipe_text_path), "%s/recipe.yaml", path);
    snprintf(folder->recipe_temp_path, sizeof(folder->recipe_temp_path), "%s/.recipe.yaml.new",
             path);
    snprintf(folder->model_path, sizeof(folder->model_path), "%s/model.safetensors", path);
    snprintf(folder->log_path, sizeof(folder->log_path), "%s/log.jsonl", path);
    snprintf(folder->log_temp_path, sizeof(folder->log_temp_path), "%s/.log.jsonl.new", path);
}

/* A file system that cannot lock folders costs the protection, not the run. */
static tn_status lock(struct run_folder *folder, struct tn_error *err)
{
    folder->lock = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->lock >= 0 && flock(folder->lock, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
        close(folder->lock);
        folder->lock = -1;
        return tn_error_set(err, TN_E_EXISTS,
                            "another run is writing to %s: choose another --out, or wait for it",
                            folder->path);
    }
    return TN_OK;
}

static tn_status write_recipe(const struct run_folder *folder, const char *yaml,
                              struct tn_error *err)
{
    FILE *file = fopen(folder->recipe_temp_path, "w");
    if (!file)
        return io_error(err, "write", folder->recipe_temp_path);
    int failed = fputs(yaml, file) == EOF || fflush(file) || fsync(fileno(file));
    int code = errno;
    if (fclose(file) && !failed) {
        failed = 1;
        code = errno;
    }
    errno = code;
    return failed ? io_error(err, "write", folder->recipe_temp_path) : TN_OK;
}

static tn_status lay_ready(struct run_folder *folder, const struct cli_options *options,
                           const char *yaml, struct tn_error *err)
{
    tn_status status = lock(folder, err);
    if (status)
        return status;
    if (access(folder->model_path, F_OK) == 0 && !options->force)
        return tn_error_set(err, TN_E_EXISTS,
                            "%s holds a model already: --force replaces it, once the new one is "
                            "whole; or choose another --out",
                            folder->path);
    folder->log = fopen(folder->log_temp_path, "w");
    if (!folder->log)
        return io_error(err, "write", folder->log_temp_path);
    return write_recipe(folder, yaml, err);
}

tn_status run_folder_open(struct run_folder *folder, const struct cli_options *options,
                          const tn_recipe *recipe, struct tn_error *err)
{
    char *yaml = NULL;
    *folder = (struct run_folder){.lock = -1};
    tn_status status = tn_recipe_print(recipe, &yaml, err);
    if (status)
        return status;
    if (!(status = choose_folder(folder, options, recipe, err))) {
        name_files(folder);
        status = lay_ready(folder, options, yaml, err);
    }
    tn_free(yaml);
    if (status)
        run_folder_close(folder);
    return status;
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
    if (rename(folder->recipe_temp_path, folder->recipe_text_path))
        return io_error(err, "write", folder->recipe_text_path);
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
        unlink(folder->recipe_temp_path);
    }
    if (!folder->is_published && folder->path[0])
        remove_dirs(folder);
    if (folder->lock >= 0)
        close(folder->lock);
    *folder = (struct run_folder){.lock = -1};
}
