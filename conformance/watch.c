/* Runs the items of each suite in a child process and watches it: the child announces an item
 * before it runs it, so that its death or its silence is the verdict of that item. The next child
 * goes on behind it. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "child.h"
#include "conformance.h"
#include "io/json.h"

#define DEFAULT_TIMEOUT_S 60.0
#define MAX_DEATHS_PER_OP 3
#define MAX_HANGS_PER_OP 2
#define MAX_ARGS 256
#define NOTHING SIZE_MAX

struct watch {
    const struct cf_watch_params *params;
    const struct cf_items *items;
    const struct cf_sink *sink;
    struct tn_error *err;
    double timeout_s;
    enum cf_suite suite;
    /* of the child */
    size_t next;    /* first item that has no verdict */
    size_t running; /* NOTHING: between items */
    int is_open;    /* it has told its device */
    int has_told_device;
    int is_gone;           /* no child can open it any more; everything has a verdict */
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

static void on_line(void *ctx, const char *text)
{
    struct watch *w = ctx;
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
    w->since_ns = tn_time_ns();
}

/* --- the child --- */

static tn_status run_child(struct watch *w, struct cf_child_result *out_result)
{
    char from[32];
    const char *argv[MAX_ARGS];
    size_t n = 0;
    while (w->params->argv[n]) {
        if (n == MAX_ARGS - 5)
            return tn_error_set(w->err, TN_E_INVALID, "a command of more than %d words",
                                MAX_ARGS - 5);
        argv[n] = w->params->argv[n];
        n++;
    }
    snprintf(from, sizeof(from), "%zu", w->next);
    argv[n++] = "--child-suite";
    argv[n++] = cf_suite_name(w->suite);
    argv[n++] = "--child-from";
    argv[n++] = from;
    argv[n] = NULL;
    w->running = NOTHING;
    w->is_open = 0;
    w->since_ns = tn_time_ns();
    struct cf_child_params params = {
        .argv = argv, .env = w->params->env, .silence_s = w->timeout_s, .line = on_line, .ctx = w};
    return cf_child_run(&params, out_result, w->err);
}

static void describe(const struct cf_child_result *r, double timeout_s, char *buf, size_t size)
{
    if (r->timed_out)
        snprintf(buf, size, "hangs: no answer for %.3g s", timeout_s);
    else if (r->signal)
        snprintf(buf, size, "crashes: the process was ended by signal %d (%s)", r->signal,
                 strsignal(r->signal));
    else
        snprintf(buf, size, "ends the process with exit code %d", r->exit_code);
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

/* What no child can be opened for any more: the first that is left has failed, the rest is not
 * tried. What was found out before is kept. */
static void give_up(struct watch *w, const char *why)
{
    struct cf_result r = {.verdict = CF_FAILED, .worst = (double)INFINITY};
    snprintf(r.message, sizeof(r.message), "the device cannot be opened any more: %.500s", why);
    for (int s = w->suite; s < CF_N_SUITES; s++) {
        w->suite = (enum cf_suite)s;
        for (size_t i = w->next; (i = next_of_suite(w, i)) < w->items->n; i++) {
            report(w, i, &r);
            r = (struct cf_result){.verdict = CF_SKIPPED};
            snprintf(r.message, sizeof(r.message), "not tried: the device is gone");
        }
        w->next = 0;
    }
    w->is_gone = 1;
}

/* The verdict of what was running when the child died; TN_OK to go on. */
static tn_status judge(struct watch *w, const struct cf_child_result *child)
{
    char how[160];
    size_t item = w->running != NOTHING ? w->running : next_of_suite(w, w->next);
    describe(child, w->timeout_s, how, sizeof(how));
    if (w->child_error != TN_OK || !w->is_open) {
        if (w->child_error == TN_OK)
            tn_error_set(w->err, TN_E_DEVICE, "opening the device: the process %s", how);
        if (!w->has_told_device)
            return w->err->code;
        give_up(w, w->err->msg);
        *w->err = (struct tn_error){TN_OK, ""};
        return TN_OK;
    }
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
    for (size_t first; !w->is_gone && (first = next_of_suite(w, w->next)) < w->items->n;) {
        struct cf_child_result child;
        w->next = first;
        tn_status st = run_child(w, &child);
        if (st != TN_OK)
            return st;
        if (!child.timed_out && child.exit_code == 0 && w->running == NOTHING && w->next > first)
            continue; /* done, or a device that was lost: on with what is left */
        st = judge(w, &child);
        if (st != TN_OK || w->is_gone)
            return st;
        const char *op = w->items->list[w->next - 1].op;
        n_deaths = strcmp(op, last_op) == 0 ? n_deaths + 1 : 1;
        last_op = op;
        if (n_deaths >= (child.timed_out ? MAX_HANGS_PER_OP : MAX_DEATHS_PER_OP))
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
    return st;
}

/* --- what a child writes --- */

static void write_line(json_t *line)
{
    putchar('\n'); /* ends what a driver may have written without an end */
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

static void child_device(void *ctx, const struct cf_device_text *t)
{
    write_line(json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:s}", "event", "device", "selector",
                         t->selector, "name", tn_json_text(t->name), "driver",
                         tn_json_text(t->driver), "uid", tn_json_text(t->uid), "backend",
                         t->backend, "backend_version", tn_json_text(t->backend_version), "kind",
                         t->kind));
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
                         tn_json_text(r->message)));
}

struct cf_sink cf_child_sink(void)
{
    return (struct cf_sink){.device = child_device, .begin = child_begin, .end = child_end};
}

void cf_child_error(const struct tn_error *err)
{
    write_line(json_pack("{s:s, s:i, s:o}", "event", "error", "code", (int)err->code, "message",
                         tn_json_text(err->msg)));
}
