#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Status and message for errno after `what` failed on `path`. */
static tn_status io_error(struct tn_error *err, const char *what, const char *path)
{
    int code = errno;
    char why[128] = "";
    if (strerror_r(code, why, sizeof why) != 0)
        snprintf(why, sizeof why, "error %d", code);
    tn_status status = code == ENOENT ? TN_E_NOT_FOUND : code == ENOMEM ? TN_E_OOM : TN_E_IO;
    return tn_error_set(err, status, "%s '%s': %s", what, path, why);
}

char *tn_path_join(const char *dir, const char *name)
{
    if (name[0] == '/' || dir[0] == '\0')
        return strdup(name);
    size_t n_dir = strlen(dir), n_name = strlen(name);
    int slash = dir[n_dir - 1] != '/';
    char *path = malloc(n_dir + n_name + 2);
    if (!path)
        return NULL;
    memcpy(path, dir, n_dir);
    if (slash)
        path[n_dir] = '/';
    memcpy(path + n_dir + slash, name, n_name + 1);
    return path;
}

const char *tn_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *tn_path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

int tn_path_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

int tn_path_is_dir(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static tn_status make_dir(const char *path, struct tn_error *err)
{
    if (mkdir(path, 0777) == 0 || tn_path_is_dir(path))
        return TN_OK;
    if (errno == EEXIST)
        return tn_error_set(err, TN_E_EXISTS, "cannot make folder '%s': a file is there", path);
    return io_error(err, "cannot make folder", path);
}

tn_status tn_path_make_dirs(const char *path, struct tn_error *err)
{
    if (path[0] == '\0')
        return tn_error_set(err, TN_E_INVALID, "cannot make a folder with an empty name");
    char *copy = strdup(path);
    if (!copy)
        return tn_error_set(err, TN_E_OOM, "out of memory for a path");
    tn_status status = TN_OK;
    for (char *p = copy + 1; *p && status == TN_OK; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        status = make_dir(copy, err);
        *p = '/';
    }
    if (status == TN_OK)
        status = make_dir(copy, err);
    free(copy);
    return status;
}

/* Reads to the end of a stream of unknown length (a pipe has none to ask for). */
static tn_status read_all(FILE *stream, const char *path, size_t max_bytes, char **out_data,
                          size_t *out_bytes, struct tn_error *err)
{
    size_t n = 0, cap = 0;
    char *data = NULL;
    for (;;) {
        if (cap - n < 2) {
            size_t grown_cap = cap ? cap * 2 : 16384;
            char *grown = grown_cap > cap ? realloc(data, grown_cap) : NULL;
            if (!grown) {
                free(data);
                return tn_error_set(err, TN_E_OOM, "no memory to read '%s'", path);
            }
            data = grown;
            cap = grown_cap;
        }
        size_t got = fread(data + n, 1, cap - n - 1, stream);
        n += got;
        if (n > max_bytes) {
            free(data);
            return tn_error_set(err, TN_E_INVALID, "'%s' is larger than the %zu bytes allowed here",
                                path, max_bytes);
        }
        if (got == 0)
            break;
    }
    if (ferror(stream)) {
        free(data);
        return io_error(err, "cannot read", path);
    }
    data[n] = '\0';
    *out_data = data;
    *out_bytes = n;
    return TN_OK;
}

tn_status tn_file_read(const char *path, size_t max_bytes, void **out_data, size_t *out_bytes,
                       struct tn_error *err)
{
    if (tn_path_is_dir(path))
        return tn_error_set(err, TN_E_INVALID, "'%s' is a folder, not a file", path);
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return io_error(err, "cannot open", path);
    char *data = NULL;
    tn_status status = read_all(stream, path, max_bytes, &data, out_bytes, err);
    if (status == TN_OK)
        *out_data = data;
    fclose(stream);
    return status;
}

tn_status tn_new_file_open(const char *path, struct tn_new_file *out_file, struct tn_error *err)
{
    static const char suffix[] = ".XXXXXX";
    struct tn_new_file file = {0};
    tn_status status = TN_OK;
    size_t n = strlen(path);
    file.path = strdup(path);
    file.temp_path = malloc(n + sizeof suffix);
    if (!file.path || !file.temp_path) {
        status = tn_error_set(err, TN_E_OOM, "out of memory for a path");
        goto fail;
    }
    memcpy(file.temp_path, path, n);
    memcpy(file.temp_path + n, suffix, sizeof suffix);
    int fd = mkstemp(file.temp_path);
    if (fd < 0) {
        status = io_error(err, "cannot write", path);
        goto fail;
    }
    /* mkstemp makes files that only the owner reads; give what open(2) would have given. */
    mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
    file.stream = fdopen(fd, "wb");
    if (!file.stream) {
        status = io_error(err, "cannot write", path);
        close(fd);
        unlink(file.temp_path);
        goto fail;
    }
    *out_file = file;
    return TN_OK;
fail:
    free(file.path);
    free(file.temp_path);
    return status;
}

tn_status tn_new_file_write(struct tn_new_file *file, const void *data, size_t n_bytes,
                            struct tn_error *err)
{
    errno = EIO;
    if (n_bytes && fwrite(data, 1, n_bytes, file->stream) != n_bytes)
        return io_error(err, "cannot write", file->path);
    return TN_OK;
}

/* Makes the rename itself survive a power cut. Best effort: some file systems refuse. */
static void sync_folder_of(const char *path)
{
    char *dir = tn_path_dir(path);
    int fd = dir ? open(dir, O_RDONLY) : -1;
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(dir);
}

tn_status tn_new_file_commit(struct tn_new_file *file, struct tn_error *err)
{
    tn_status status = TN_OK;
    if (fflush(file->stream) != 0 || fsync(fileno(file->stream)) != 0)
        status = io_error(err, "cannot write", file->path);
    if (fclose(file->stream) != 0 && status == TN_OK)
        status = io_error(err, "cannot write", file->path);
    file->stream = NULL;
    if (status == TN_OK && rename(file->temp_path, file->path) != 0)
        status = io_error(err, "cannot replace", file->path);
    if (status == TN_OK)
        sync_folder_of(file->path);
    if (status != TN_OK)
        unlink(file->temp_path);
    free(file->path);
    free(file->temp_path);
    memset(file, 0, sizeof *file);
    return status;
}

void tn_new_file_cancel(struct tn_new_file *file)
{
    if (file->stream)
        fclose(file->stream);
    if (file->temp_path)
        unlink(file->temp_path);
    free(file->path);
    free(file->temp_path);
    memset(file, 0, sizeof *file);
}

tn_status tn_file_write_atomic(const char *path, const void *data, size_t n_bytes,
                               struct tn_error *err)
{
    struct tn_new_file file = {0};
    tn_status status = tn_new_file_open(path, &file, err);
    if (status != TN_OK)
        return status;
    status = tn_new_file_write(&file, data, n_bytes, err);
    if (status != TN_OK) {
        tn_new_file_cancel(&file);
        return status;
    }
    return tn_new_file_commit(&file, err);
}
