#include "progress.h"

#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LINE_EVERY_S 10.0 /* plain lines within an epoch */

void progress_init(struct progress *progress, const struct cli_options *options)
{
    *progress = (struct progress){.options = options,
                                  .is_terminal = isatty(STDOUT_FILENO) && !options->json,
                                  .next_line_s = LINE_EVERY_S};
}

void progress_clear(struct progress *progress)
{
    if (!progress->bar_is_shown)
        return;
    fputs("\r\033[K", stdout);
    fflush(stdout);
    progress->bar_is_shown = 0;
}

static const char *event_name(tn_train_event_kind kind)
{
    switch (kind) {
    case TN_EVENT_STEP:
        return "step";
    case TN_EVENT_PROGRESS:
        return "progress";
    case TN_EVENT_EPOCH:
        return "epoch";
    case TN_EVENT_EVAL:
        return "eval";
    case TN_EVENT_VERIFIED:
        return "verified";
    }
    return "?";
}

static json_t *verified_json(const struct tn_train_event *event)
{
    const struct tn_check_report *c = event->check;
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:s}", "event", "verified", "epoch",
                     (json_int_t)event->epoch, "step", (json_int_t)event->step, "nodes",
                     (json_int_t)c->n_nodes, "claims", (json_int_t)c->n_claims, "elements",
                     (json_int_t)c->n_elements, "worst", c->worst, "worst_node", c->worst_node);
}

json_t *progress_json(const struct tn_train_event *event)
{
    if (event->kind == TN_EVENT_VERIFIED)
        return verified_json(event);
    json_t *line = json_pack("{s:s}", "event", event_name(event->kind));
    if (event->kind != TN_EVENT_EVAL) {
        json_object_set_new(line, "epoch", json_integer(event->epoch));
        json_object_set_new(line, "step", json_integer(event->step));
    }
    for (size_t i = 0; i < event->n_results; i++)
        json_object_set_new(line, event->results[i].name, cli_json_number(event->results[i].value));
    json_object_set_new(line, "samples", json_integer(event->samples));
    if (event->kind == TN_EVENT_EPOCH) {
        json_object_set_new(line, "seconds", cli_json_number(event->seconds));
        json_object_set_new(line, "samples_per_s", cli_json_number(event->samples_per_s));
        json_object_set_new(line, "best", json_boolean(event->is_best));
    }
    if (event->kind == TN_EVENT_STEP || event->kind == TN_EVENT_EPOCH)
        json_object_set_new(line, "lr", cli_json_number(event->lr));
    return line;
}

static int terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
        return size.ws_col;
    return 80;
}

static size_t format_results(const struct tn_train_event *event, char *buf, size_t size)
{
    size_t n = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < event->n_results && n < size; i++)
        n += (size_t)snprintf(buf + n, size - n, "  %s %.4f", event->results[i].name,
                              event->results[i].value);
    return n;
}

static void format_left(const struct tn_train_event *event, char *buf, size_t size)
{
    double per_step = event->step_in_epoch ? event->seconds / (double)event->step_in_epoch : 0.0;
    long left = lround(per_step * (double)(event->n_steps_in_epoch - event->step_in_epoch));
    if (left >= 3600)
        snprintf(buf, size, "%ld:%02ld:%02ld", left / 3600, left / 60 % 60, left % 60);
    else
        snprintf(buf, size, "%ld:%02ld", left / 60, left % 60);
}

static void draw_bar(struct progress *progress, const struct tn_train_event *event)
{
    char results[256], left[32], line[512], bar[25];
    size_t filled =
        (size_t)(event->n_steps_in_epoch ? event->step_in_epoch * 24 / event->n_steps_in_epoch : 0);
    memset(bar, '.', 24);
    memset(bar, '#', filled < 24 ? filled : 24);
    bar[24] = '\0';
    format_results(event, results, sizeof(results));
    format_left(event, left, sizeof(left));
    snprintf(line, sizeof(line), "epoch %lld/%lld [%s]%s  %.0f samples/s  %s left",
             (long long)event->epoch, (long long)event->n_epochs, bar, results,
             event->samples_per_s, left);
    printf("\r%.*s\033[K", terminal_width() - 1, line);
    fflush(stdout);
    progress->bar_is_shown = 1;
}

static void print_progress(struct progress *progress, const struct tn_train_event *event)
{
    char results[256], left[32];
    if (event->seconds < progress->next_line_s)
        return;
    progress->next_line_s = event->seconds + LINE_EVERY_S;
    format_results(event, results, sizeof(results));
    format_left(event, left, sizeof(left));
    printf("epoch %lld/%lld  step %lld/%lld%s  %.0f samples/s  %s left\n", (long long)event->epoch,
           (long long)event->n_epochs, (long long)event->step_in_epoch,
           (long long)event->n_steps_in_epoch, results, event->samples_per_s, left);
    fflush(stdout);
}

static void print_epoch(struct progress *progress, const struct tn_train_event *event)
{
    char results[512];
    progress_clear(progress);
    progress->next_line_s = LINE_EVERY_S;
    format_results(event, results, sizeof(results));
    printf("epoch %lld/%lld%s  %.1f s  %.0f samples/s%s\n", (long long)event->epoch,
           (long long)event->n_epochs, results, event->seconds, event->samples_per_s,
           event->is_best ? "" : "  (not the best)");
    fflush(stdout);
}

static void print_verified(struct progress *progress, const struct tn_train_event *event)
{
    const struct tn_check_report *c = event->check;
    char elements[32];
    progress_clear(progress);
    printf("step %lld verified: %zu nodes, %s numbers; the furthest from its reference, %s, used "
           "%.0f%% of its tolerance\n",
           (long long)event->step, c->n_nodes,
           cli_format_count(c->n_elements, elements, sizeof(elements)), c->worst_node,
           100.0 * c->worst);
    fflush(stdout);
}

void progress_show(struct progress *progress, const struct tn_train_event *event)
{
    if (progress->options->json) {
        if (event->kind != TN_EVENT_PROGRESS)
            cli_json(progress_json(event));
        return;
    }
    if (progress->options->quiet)
        return;
    if (event->kind == TN_EVENT_PROGRESS && progress->is_terminal)
        draw_bar(progress, event);
    else if (event->kind == TN_EVENT_PROGRESS)
        print_progress(progress, event);
    else if (event->kind == TN_EVENT_EPOCH)
        print_epoch(progress, event);
    else if (event->kind == TN_EVENT_VERIFIED)
        print_verified(progress, event);
}
