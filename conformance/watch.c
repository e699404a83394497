/* Runs the items of each suite in a child process and watches it: the child announces an item
 * before it runs it, so that its death or its silence is the verdict of that item. The next child
 * goes on behind it. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "conformance.h"

#define DEFAULT_TIMEOUT_S 60.0
#define MAX_DEATHS_PER_OP 3
#define MAX_HANGS_PER_OP 2
#define MAX_ARGS 128
#define NOTHING SIZE_MAX

extern char **environ;

struct watch {
    const struct cf_watch_params *params;
    const struct cf_items *items;
    const struct cf_sink *sink;
    struct tn_error *err;
    double timeout_s;
    enum cf_suite suite;
    /* of the child */
    pid_t pid;
    int fd;
    char *text; /* what it wrote and is no whole line yet */
    size_t n_text, cap;
    size_t next;    /* first item that has no verdict */
    size_t running; /* NOTHING: between items */
    int is_open;    /* it has told its device */
    int has_told_device;
    tn_status child_error; /* what kept it from opening the device */
    uint64_t since_ns;
};

/* --- the child's lines --- */

static const char *text_of(json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));
    return text ? text : "";
}

static void on_device(struct watch *w, json_t *line)
{
    struct cf_device_text text = {
        .selector = text_of(line, "selector"),
        .name = text_of(line, "name"),
        .driver = text_of(line, "driver"),
        .uid = text_of(line, "uid"),
        .backend = text_of(line, "backend"),
        .backend_version = text_of(line, "backend_version"),
        .kind = text_of(line, "kind"),
    };
    w->is_open = 1;
    if (w->sink->device && !w->has_told_device)
        w->sink->device(w->sink->ctx, &text);
    w->has_told_device = 1;
}

static void report(struct watch *w, size_t index, const struct cf_result *result)
{
    if (w->sink->end)
        w->sink->end(w->sink->ctx, index, &w->items->list[index], result);
    w->next = index + 1;
    w->running = NOTHING;
}

static void on_end(struct watch *w, json_t *line, size_t index)
{
    json_t *worst = json_object_get(line, "worst");
    struct cf_result result = {
        .verdict = (enum cf_verdict)json_integer_value(json_object_get(line, "verdict")),
        .worst = json_is_number(worst) ? json_number_value(worst) : (double)INFINITY,
        .seconds = json_number_value(json_object_get(line, "seconds"))};
    snprintf(result.message, sizeof(result.message), "%s", text_of(line, "message"));
    report(w, index, &result);
}

static void on_line(struct watch *w, const char *text)
{
    json_t *line = json_loads(text, 0, NULL);
    const char *event = text_of(line, "event");
    size_t index = (size_t)json_integer_value(json_object_get(line, "index"));
    if (strcmp(event, "device") == 0) {
        on_device(w, line);
    } else if (strcmp(event, "begin") == 0 && index < w->items->n) {
        w->running = index;
        if (w->sink->begin)
            w->sink->begin(w->sink->ctx, index, &w->items->list[index]);
    } else if (strcmp(event, "end") == 0 && index < w->items->n) {
        on_end(w, line, index);
    } else if (strcmp(event, "error") == 0) {
        w->child_error = (tn_status)json_integer_value(json_object_get(line, "code"));
        tn_error_set(w->err, w->child_error, "%s", text_of(line, "message"));
    }
    json_decref(line); /* what is no line of ours is a driver's talk */
}

static void take_lines(struct watch *w)
{
    char *at = w->text, *end;
    while ((end = memchr(at, '\n', (size_t)(w->text + w->n_text - at)))) {
        *end = '\0';
        on_line(w, at);
        w->since_ns = tn_time_ns();
        at = end + 1;
    }
    w->n_text = (size_t)(w->text + w->n_text - at);
    memmove(w->text, at, w->n_text);
}

/* 0 at the end of the child's output. */
static int read_some(struct watch *w)
{
    if (w->cap - w->n_text < 4096) {
        char *grown = realloc(w->text, w->cap + 65536);
        if (!grown)
            return 0;
        w->text = grown;
        w->cap += 65536;
    }
    ssize_t n = read(w->fd, w->text + w->n_text, w->cap - w->n_text - 1);
    if (n < 0 && errno == EINTR)
        return 1;
    if (n <= 0)
        return 0;
    w->n_text += (size_t)n;
    take_lines(w);
    return 1;
}

/* --- the child --- */

static tn_status spawn(struct watch *w)
{
    char from[32];
    const char *argv[MAX_ARGS];
    size_t n = 0;
    int fds[2];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    while (w->params->argv[n] && n < MAX_ARGS - 5) {
        argv[n] = w->params->argv[n];
        n++;
    }
    snprintf(from, sizeof(from), "%zu", w->next);
    argv[n++] = "--child-suite";
    argv[n++] = cf_suite_name(w->suite);
    argv[n++] = "--child-from";
    argv[n++] = from;
    argv[n] = NULL;
    if (pipe(fds) != 0)
        return tn_error_set(w->err, TN_E_IO, "cannot make a pipe: %s", strerror(errno));
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    fcntl(fds[1], F_SETFD, FD_CLOEXEC);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    /* A group of its own: what a driver started goes with it when it is killed. */
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
    int rc =
        posix_spawn(&w->pid, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    if (rc != 0) {
        close(fds[0]);
        return tn_error_set(w->err, TN_E_IO, "cannot start %s: %s", argv[0], strerror(rc));
    }
    w->fd = fds[0];
    w->n_text = 0;
    w->running = NOTHING;
    w->is_open = 0;
    w->since_ns = tn_time_ns();
    return TN_OK;
}

/* Until the child ends; 1 when it had to be killed for its silence. */
static int follow(struct watch *w)
{
    int killed = 0;
    for (;;) {
        double silent_s = (double)(tn_time_ns() - w->since_ns) * 1e-9;
        if (silent_s >= w->timeout_s) {
            killed = 1;
            break;
        }
        struct pollfd p = {.fd = w->fd, .events = POLLIN};
        int n = poll(&p, 1, (int)((w->timeout_s - silent_s) * 1000.0) + 1);
        if (n < 0 && errno != EINTR)
            break;
        if (n > 0 && !read_some(w))
            break;
    }
    if (killed)
        kill(-w->pid, SIGKILL);
    close(w->fd);
    return killed;
}

static void describe(int status, int killed, double timeout_s, char *buf, size_t size)
{
    if (killed)
        snprintf(buf, size, "hangs: no answer for %.0f s", timeout_s);
    else if (WIFSIGNALED(status))
        snprintf(buf, size, "crashes: the process was ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(buf, size, "ends the process with exit code %d", WEXITSTATUS(status));
}

/* First item of the suite from `at` on; items->n: none. */
static size_t next_of_suite(const struct watch *w, size_t at)
{
    while (at < w->items->n && w->items->list[at].suite != w->suite)
        at++;
    return at;
}

/* After some deaths in one operator its remaining items are not tried: each would cost as much. */
static void pass_over(struct watch *w, const char *op)
{
    size_t i;
    while ((i = next_of_suite(w, w->next)) < w->items->n && strcmp(w->items->list[i].op, op) == 0) {
        struct cf_result r = {.verdict = CF_SKIPPED};
        snprintf(r.message, sizeof(r.message), "not tried: %s has ended several processes", op);
        report(w, i, &r);
    }
}

/* The verdict of what was running when the child died; TN_OK to go on. */
static tn_status judge(struct watch *w, int status, int killed)
{
    char how[160];
    size_t item = w->running != NOTHING ? w->running : next_of_suite(w, w->next);
    describe(status, killed, w->timeout_s, how, sizeof(how));
    if (w->child_error != TN_OK)
        return w->child_error;
    if (!w->is_open)
        return tn_error_set(w->err, TN_E_DEVICE, "opening the device: the process %s", how);
    if (item >= w->items->n)
        return TN_OK;
    struct cf_result r = {.verdict = CF_FAILED,
                          .worst = (double)INFINITY,
                          .seconds = (double)(tn_time_ns() - w->since_ns) * 1e-9};
    snprintf(r.message, sizeof(r.message), "%s", how);
    report(w, item, &r);
    return TN_OK;
}

/* The items of w->suite, by as many children as it takes. */
static tn_status run_suite(struct watch *w)
{
    const char *last_op = "";
    int n_deaths = 0;
    w->next = 0;
    for (size_t first; (first = next_of_suite(w, w->next)) < w->items->n;) {
        int status = 0;
        w->next = first;
        tn_status st = spawn(w);
        if (st != TN_OK)
            return st;
        int killed = follow(w);
        while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (!killed && WIFEXITED(status) && WEXITSTATUS(status) == 0 && w->running == NOTHING &&
            w->next > first)
            continue; /* done, or a device that was lost: on with what is left */
        st = judge(w, status, killed);
        if (st != TN_OK)
            return st;
        const char *op = w->items->list[w->next - 1].op;
        n_deaths = strcmp(op, last_op) == 0 ? n_deaths + 1 : 1;
        last_op = op;
        if (n_deaths >= (killed ? MAX_HANGS_PER_OP : MAX_DEATHS_PER_OP))
            pass_over(w, op);
    }
    return TN_OK;
}

tn_status cf_watch(const struct cf_watch_params *params, const struct cf_items *items,
                   const struct cf_sink *sink, struct tn_error *err)
{
    struct watch w = {.params = params,
                      .items = items,
                      .sink = sink,
                      .err = err,
                      .timeout_s = params->timeout_s > 0 ? params->timeout_s : DEFAULT_TIMEOUT_S};
    tn_status st = TN_OK;
    for (int s = 0; s < CF_N_SUITES && st == TN_OK; s++) {
        w.suite = (enum cf_suite)s;
        st = run_suite(&w);
    }
    free(w.text);
    return st;
}

/* --- what a child writes --- */

/* A message of a driver may hold anything: what is no UTF-8 is shown as '?'. */
static json_t *text_json(const char *text)
{
    char clean[1024];
    size_t n = 0;
    json_t *json = json_string(text);
    if (json)
        return json;
    for (; text[n] && n < sizeof(clean); n++)
        clean[n] = (unsigned char)text[n] < 0x80 ? text[n] : '?';
    return json_stringn(clean, n);
}

static void write_line(json_t *line)
{
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

static void child_device(void *ctx, const struct cf_device_text *t)
{
    write_line(json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:s}", "event", "device", "selector",
                         t->selector, "name", text_json(t->name), "driver", text_json(t->driver),
                         "uid", text_json(t->uid), "backend", t->backend, "backend_version",
                         text_json(t->backend_version), "kind", t->kind));
}

static void child_begin(void *ctx, size_t index, const struct cf_item *item)
{
    write_line(json_pack("{s:s, s:I}", "event", "begin", "index", (json_int_t)index));
}

static void child_end(void *ctx, size_t index, const struct cf_item *item,
                      const struct cf_result *r)
{
    write_line(json_pack("{s:s, s:I, s:i, s:f, s:o, s:o}", "event", "end", "index",
                         (json_int_t)index, "verdict", (int)r->verdict, "seconds", r->seconds,
                         "worst", isfinite(r->worst) ? json_real(r->worst) : json_null(), "message",
                         text_json(r->message)));
}

struct cf_sink cf_child_sink(void)
{
    return (struct cf_sink){.device = child_device, .begin = child_begin, .end = child_end};
}

void cf_child_error(const struct tn_error *err)
{
    write_line(json_pack("{s:s, s:i, s:o}", "event", "error", "code", (int)err->code, "message",
                         text_json(err->msg)));
}
