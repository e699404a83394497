#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define LINE_MAX_BYTES 65536

struct reader {
    const struct child_params *params;
    char *buf;
    size_t n;
};

/* Hands on the whole lines of what has been read; one that is too long is dropped. */
static void take_lines(struct reader *r)
{
    char *begin = r->buf, *end;
    size_t left = r->n;
    while ((end = memchr(begin, '\n', left))) {
        *end = '\0';
        r->params->line(r->params->ctx, begin);
        left -= (size_t)(end + 1 - begin);
        begin = end + 1;
    }
    if (left == LINE_MAX_BYTES)
        left = 0;
    memmove(r->buf, begin, left);
    r->n = left;
}

/* Until the pipe is closed; 1 when the child was silent for too long. */
static int read_all(int fd, struct reader *r)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (;;) {
        int ready = poll(&p, 1, (int)(r->params->silence_s * 1000));
        if (ready == 0)
            return 1;
        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t n = ready < 0 ? -1 : read(fd, r->buf + r->n, LINE_MAX_BYTES - r->n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        r->n += (size_t)n;
        take_lines(r);
    }
}

static int start(const struct child_params *params, int out, pid_t *out_pid)
{
    char exe[4096];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    posix_spawn_file_actions_t actions;
    if (n <= 0)
        return errno;
    exe[n] = '\0';
    params->argv[0] = exe;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (!params->show_errors)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int code = posix_spawn(out_pid, exe, &actions, NULL, (char *const *)params->argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

static void collect(pid_t pid, struct child_result *out)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    out->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    out->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

tn_status child_run(const struct child_params *params, struct child_result *out_result,
                    struct tn_error *err)
{
    struct reader r = {.params = params, .buf = malloc(LINE_MAX_BYTES)};
    struct child_result result = {0};
    int ends[2] = {-1, -1};
    pid_t pid = 0;
    if (!r.buf)
        return tn_error_set(err, TN_E_OOM, "out of memory");
    int code = pipe(ends) == 0 ? 0 : errno;
    if (!code)
        (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    if (!code)
        code = start(params, ends[1], &pid);
    if (ends[1] >= 0)
        close(ends[1]);
    if (!code) {
        result.timed_out = read_all(ends[0], &r);
        if (result.timed_out)
            kill(pid, SIGKILL);
        collect(pid, &result);
    }
    if (ends[0] >= 0)
        close(ends[0]);
    free(r.buf);
    *out_result = result;
    return code ? tn_error_set(err, TN_E_IO, "cannot start a child: %s", strerror(code)) : TN_OK;
}
