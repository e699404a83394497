#include "io/eventlog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tn_eventlog {
    char *path;
    FILE *stream;
};

static tn_status io_error(const char *path, const char *what, size_t n_bytes, struct tn_error *err)
{
    int code = errno;
    char why[128] = "";
    if (strerror_r(code, why, sizeof(why)) != 0)
        why[0] = '\0';
    if (n_bytes)
        return tn_error_set(err, TN_E_IO, "cannot %s '%s': %s (%zu bytes are needed)", what, path,
                            why, n_bytes);
    return tn_error_set(err, code == ENOENT ? TN_E_NOT_FOUND : TN_E_IO, "cannot %s '%s': %s", what,
                        path, why);
}

/* 1 when the file ends in the middle of a line. */
static int has_half_line(FILE *stream)
{
    if (fseeko(stream, -1, SEEK_END) != 0)
        return 0; /* empty, or no file to seek in */
    int last = fgetc(stream);
    return last != '\n' && last != EOF;
}

tn_status tn_eventlog_open(const char *path, tn_eventlog **out_log, struct tn_error *err)
{
    tn_status status = TN_OK;
    tn_eventlog *log = calloc(1, sizeof(*log));
    if (log)
        log->path = strdup(path);
    if (!log || !log->path) {
        status = tn_error_set(err, TN_E_OOM, "no memory left to write '%s'", path);
        goto fail;
    }
    log->stream = fopen(path, "a+");
    if (!log->stream) {
        status = io_error(path, "write", 0, err);
        goto fail;
    }
    int half = has_half_line(log->stream);
    fseeko(log->stream, 0, SEEK_END);
    if (half && fputc('\n', log->stream) == EOF) {
        status = io_error(path, "write", 1, err);
        goto fail;
    }
    *out_log = log;
    return TN_OK;
fail:
    tn_eventlog_close(&log);
    return status;
}

tn_status tn_eventlog_take(tn_eventlog *log, json_t *event, struct tn_error *err)
{
    char *line = event ? json_dumps(event, JSON_COMPACT) : NULL;
    json_decref(event);
    if (!line)
        return tn_error_set(err, TN_E_OOM, "no memory left to write '%s'", log->path);
    size_t n = strlen(line);
    line[n] = '\n'; /* in place of the terminator: one write, so that a line is whole or short */
    errno = EIO;
    int failed = fwrite(line, 1, n + 1, log->stream) != n + 1 || fflush(log->stream) != 0;
    free(line);
    if (!failed)
        return TN_OK;
    tn_status status = io_error(log->path, "write", n + 1, err);
    clearerr(log->stream);
    return status;
}

void tn_eventlog_close(tn_eventlog **log)
{
    if (!log || !*log)
        return;
    if ((*log)->stream)
        fclose((*log)->stream);
    free((*log)->path);
    free(*log);
    *log = NULL;
}
