#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/signalfd.h>
#endif

#include "base/time.h"

extern char **environ;

#define LINE_MAX_BYTES 65536
#define LONGEST_WAIT_S 86400.0 /* of one poll: its milliseconds are an int */

/* --- lines --- */

struct reader {
    const struct cf_child_params *params;
    char *buf;
    size_t n;
    int is_skipping; /* in a line that is too long */
    uint64_t since_ns;
};

static void take_lines(struct reader *r)
{
    char *begin = r->buf, *end;
    size_t left = r->n;
    while ((end = memchr(begin, '\n', left))) {
        *end = '\0';
        if (!r->is_skipping)
            r->params->line(r->params->ctx, begin);
        r->is_skipping = 0;
        r->since_ns = tn_time_ns();
        left -= (size_t)(end + 1 - begin);
        begin = end + 1;
    }
    if (left == LINE_MAX_BYTES) {
        left = 0;
        r->is_skipping = 1;
    }
    memmove(r->buf, begin, left);
    r->n = left;
}

/* 0 at the end of the child's output. */
static int read_some(int fd, struct reader *r)
{
    ssize_t n = read(fd, r->buf + r->n, LINE_MAX_BYTES - r->n);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 1;
    if (n <= 0)
        return 0;
    r->n += (size_t)n;
    take_lines(r);
    return 1;
}

/* --- signals that end this process --- */

/* They wait while this process waits for the child; `fd` (-1: none) becomes readable when one does.
 */
struct interrupts {
    sigset_t held, before;
    int fd;
};

static void hold_interrupts(struct interrupts *in)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    in->fd = -1;
    sigemptyset(&in->held);
    pthread_sigmask(SIG_SETMASK, NULL, &in->before);
#ifdef __linux__
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        struct sigaction action;
        /* A signal that is ignored, as under nohup, ends nothing. */
        if (sigaction(ending[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN &&
            !sigismember(&in->before, ending[i]))
            sigaddset(&in->held, ending[i]);
    }
    in->fd = signalfd(-1, &in->held, SFD_CLOEXEC);
    if (in->fd < 0)
        sigemptyset(&in->held);
    pthread_sigmask(SIG_BLOCK, &in->held, NULL);
#else
    (void)ending;
#endif
}

/* A signal that came meanwhile is delivered here. */
static void release_interrupts(struct interrupts *in)
{
    if (in->fd >= 0)
        close(in->fd);
    pthread_sigmask(SIG_SETMASK, &in->before, NULL);
}

/* --- the child --- */

/* After fork: only what is allowed in a signal handler. Does not return. */
static void become(const struct cf_child_params *params, const char *exe, int out, int failure,
                   const sigset_t *mask, pid_t parent)
{
    setpgid(0, 0);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it ended before it could be watched */
        _exit(127);
#else
    (void)parent;
#endif
    if (params->hide_errors) {
        int null = open("/dev/null", O_WRONLY);
        if (null >= 0 && null != STDERR_FILENO) {
            dup2(null, STDERR_FILENO);
            close(null);
        }
    }
    if (out == STDOUT_FILENO)
        fcntl(out, F_SETFD, 0);
    else
        dup2(out, STDOUT_FILENO);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execve(exe, (char *const *)(uintptr_t)params->argv, params->env ? params->env : environ);
    int code = errno;
    ssize_t n = write(failure, &code, sizeof(code));
    (void)n; /* the exit status says it, too */
    _exit(127);
}

static int make_pipe(int fds[2])
{
    if (pipe(fds) != 0)
        return errno;
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    fcntl(fds[1], F_SETFD, FD_CLOEXEC);
    return 0;
}

static void collect(pid_t pid, int *out_status)
{
    while (waitpid(pid, out_status, 0) < 0 && errno == EINTR)
        continue;
}

/* An errno. The child writes to `out`. */
static int start(const struct cf_child_params *params, int out, const sigset_t *mask,
                 pid_t *out_pid)
{
    char exe[4096];
    int failure[2], code = 0, status;
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    if (n <= 0)
        return errno;
    exe[n] = '\0';
    if ((code = make_pipe(failure)) != 0)
        return code;
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(params, exe, out, failure[1], mask, parent);
    if (pid < 0)
        code = errno;
    else
        setpgid(pid, pid); /* both do it: neither may come too late */
    close(failure[1]);
    while (pid > 0 && (n = read(failure[0], &code, sizeof(code))) < 0 && errno == EINTR)
        continue;
    close(failure[0]);
    if (pid > 0 && code)
        collect(pid, &status);
    *out_pid = pid;
    return code;
}

enum ending { ENDED, SILENT, INTERRUPTED };

/* Until the pipe is closed, by the child's end as a rule. */
static enum ending follow(int fd, const struct interrupts *in, struct reader *r)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = in->fd, .events = POLLIN}};
    int is_late = 0;
    r->since_ns = tn_time_ns();
    for (;;) {
        double left_s = r->params->silence_s - (double)(tn_time_ns() - r->since_ns) * 1e-9;
        double wait_s = left_s < 0 ? 0 : left_s > LONGEST_WAIT_S ? LONGEST_WAIT_S : left_s;
        if (is_late && left_s <= 0)
            return SILENT;
        /* Once more when the time is up: it may be this process that stood still, not the child. */
        is_late = left_s <= 0;
        int n = poll(p, 2, (int)(wait_s * 1000) + !is_late);
        if (n < 0 && errno != EINTR)
            return ENDED;
        if (n > 0 && p[1].revents)
            return INTERRUPTED;
        /* What becomes of the lines may take its time, as when nobody reads our stdout: a signal
         * ends this process there as ever, and the child with it. */
        pthread_sigmask(SIG_SETMASK, &in->before, NULL);
        int is_open = n <= 0 || !p[0].revents || read_some(fd, r);
        pthread_sigmask(SIG_BLOCK, &in->held, NULL);
        if (!is_open)
            return ENDED;
    }
}

tn_status cf_child_run(const struct cf_child_params *params, struct cf_child_result *out_result,
                       struct tn_error *err)
{
    struct reader r = {.params = params, .buf = malloc(LINE_MAX_BYTES)};
    struct interrupts interrupts;
    enum ending ending = ENDED;
    int out[2], status = 0;
    pid_t pid = 0;
    if (!r.buf)
        return tn_error_set(err, TN_E_OOM, "out of memory");
    int code = make_pipe(out);
    if (code) {
        free(r.buf);
        return tn_error_set(err, TN_E_IO, "cannot make a pipe: %s", strerror(code));
    }
    hold_interrupts(&interrupts);
    code = start(params, out[1], &interrupts.before, &pid);
    close(out[1]);
    if (!code) {
        ending = follow(out[0], &interrupts, &r);
        if (ending != ENDED)
            kill(-pid, SIGKILL);
        collect(pid, &status);
    }
    close(out[0]);
    free(r.buf);
    release_interrupts(&interrupts);
    if (code)
        return tn_error_set(err, TN_E_IO, "cannot start this program again, by /proc/self/exe: %s",
                            strerror(code));
    if (ending == INTERRUPTED)
        return tn_error_set(err, TN_E_CANCELLED, "interrupted");
    *out_result = (struct cf_child_result){
        .exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        .timed_out = ending == SILENT,
    };
    return TN_OK;
}
