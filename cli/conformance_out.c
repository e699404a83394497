#include "conformance_out.h"

#include <math.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "io/json.h"

#define REPORT_FORMAT 1
#define COMMAND_SIZE 4096

int conformance_out_begin(struct conformance_out *out, const struct cli_options *options,
                          size_t n_items)
{
    *out = (struct conformance_out){
        .options = options, .device = json_object(), .failures = json_array(), .n_items = n_items};
    return out->device && out->failures;
}

void conformance_out_finish(struct conformance_out *out)
{
    json_decref(out->device);
    json_decref(out->failures);
    cf_tally_finish(&out->tally);
}

/* --- events --- */

static void set_text(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, tn_json_text(text));
}

static void on_device(void *ctx, const struct cf_device_text *t)
{
    struct conformance_out *out = ctx;
    snprintf(out->selector, sizeof(out->selector), "%s", t->selector);
    set_text(out->device, "selector", t->selector);
    set_text(out->device, "name", t->name);
    set_text(out->device, "driver", t->driver);
    set_text(out->device, "uid", t->uid);
    set_text(out->device, "backend", t->backend);
    set_text(out->device, "backend_version", t->backend_version);
    set_text(out->device, "kind", t->kind);
    if (out->options->json) {
        json_t *line = json_pack("{s:s}", "event", "device");
        json_object_update(line, out->device);
        cli_json(line);
    } else {
        cli_say(out->options, "%s  %s (%s)\n%zu cases\n", t->selector, t->name, t->driver,
                out->n_items);
    }
}

/* Appends a word as a shell reads it; `n` is where the text ends. */
static size_t add_word(char *buf, size_t size, size_t n, const char *before, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_./:=,+@%";
    int quote = !*word || word[strspn(word, plain)];
    n += (size_t)snprintf(buf + n, size - n, "%s%s", before, quote ? "'" : "");
    for (; *word && n + 8 < size; word++) {
        if (*word == '\'') { /* ends the quotes, stands alone, begins them again */
            memcpy(buf + n, "'\\'", 3);
            n += 3;
        }
        buf[n++] = *word;
    }
    if (quote)
        buf[n++] = '\'';
    buf[n] = '\0';
    return n;
}

/* The command that runs the case alone. */
static void format_command(const struct conformance_out *out, const struct cf_item *item, char *buf,
                           size_t size)
{
    const struct cli_options *o = out->options;
    size_t n = (size_t)snprintf(buf, size, "tenon conformance");
    const char *const words[][2] = {
        {" ", o->n_args ? o->args[0] : NULL},
        {" --backend ", o->backend},
        {" --device ", o->device                 ? o->device
                       : o->backend || o->n_args ? NULL
                                                 : out->selector},
        {" --suite ", cf_suite_name(item->suite)},
        {" --ops ", item->c ? item->op : NULL},
        {" --case ", item->name},
        {" --dtype ", strcmp(item->dtype, "-") == 0 ? NULL : item->dtype},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i][1] && n + 32 < size)
            n = add_word(buf, size, n, words[i][0], words[i][1]);
    for (size_t i = 0; i < o->n_backend_opts && n + 32 < size; i++)
        n = add_word(buf, size, n, " --backend-opt ", o->backend_opts[i]);
}

static json_t *case_json(const struct cf_item *item, const struct cf_result *r)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:f}", "event", "case", "suite",
                             cf_suite_name(item->suite), "op", item->op, "case", item->name,
                             "dtype", item->dtype, "verdict", cf_verdict_name(r->verdict), "worst",
                             cli_json_number(r->worst), "seconds", r->seconds);
    if (r->message[0])
        set_text(json, "message", r->message);
    return json;
}

static void note_failure(struct conformance_out *out, const struct cf_item *item,
                         const struct cf_result *r)
{
    char command[COMMAND_SIZE];
    format_command(out, item, command, sizeof(command));
    json_t *json = case_json(item, r);
    json_object_del(json, "event");
    set_text(json, "command", command);
    json_array_append_new(out->failures, json);
    if (!out->options->json)
        fprintf(stdout, "FAILED %s %s/%s %s: %s\n       %s\n", cf_suite_name(item->suite), item->op,
                item->name, item->dtype, r->message, command);
}

static void on_end(void *ctx, size_t index, const struct cf_item *item, const struct cf_result *r)
{
    struct conformance_out *out = ctx;
    if (!cf_tally_add(&out->tally, item, r))
        out->out_of_memory = 1;
    if (out->options->json) {
        json_t *json = case_json(item, r);
        if (r->verdict == CF_FAILED) {
            char command[COMMAND_SIZE];
            format_command(out, item, command, sizeof(command));
            set_text(json, "command", command);
        }
        cli_json(json);
    } else if (out->options->verbose && r->verdict != CF_FAILED) {
        printf("%-11s %s %s/%s %s %s\n", cf_verdict_name(r->verdict), cf_suite_name(item->suite),
               item->op, item->name, item->dtype, r->message);
    }
    if (r->verdict == CF_FAILED)
        note_failure(out, item, r);
}

struct cf_sink conformance_out_sink(struct conformance_out *out)
{
    return (struct cf_sink){.ctx = out, .device = on_device, .end = on_end};
}

/* --- sums --- */

static const char *direction(enum cf_suite suite)
{
    return suite == CF_OPS ? "forward" : cf_suite_name(suite);
}

static const char *row_verdict(const struct cf_row *row)
{
    return row->n_failed                      ? "FAILED"
           : row->n_unsupported               ? "unsupported"
           : row->n_skipped && !row->n_passed ? "skipped"
                                              : "passed";
}

static void print_row(const struct cf_row *row)
{
    char worst[32] = "-";
    if (row->suite <= CF_BACKWARD && (row->n_passed || row->n_failed))
        snprintf(worst, sizeof(worst), isfinite(row->worst) ? "%.3g" : "inf", row->worst);
    printf("%-34s %-5s %-10s %5zu %9s %8.2f  %s", row->op, row->dtype, direction(row->suite),
           row->n_cases, worst, row->seconds, row_verdict(row));
    if (row->n_failed)
        printf(" (%zu of %zu)", row->n_failed, row->n_cases);
    if (row->why[0])
        printf(" (%zu: %.90s)", row->n_unsupported + row->n_skipped, row->why);
    putchar('\n');
}

static json_t *row_json(const struct cf_row *row)
{
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:f, s:s}", "op", row->op, "dtype",
        row->dtype, "direction", direction(row->suite), "cases", (json_int_t)row->n_cases, "passed",
        (json_int_t)row->n_passed, "failed", (json_int_t)row->n_failed, "unsupported",
        (json_int_t)row->n_unsupported, "skipped", (json_int_t)row->n_skipped, "worst",
        cli_json_number(row->worst), "seconds", row->seconds, "verdict", row_verdict(row));
    if (row->why[0])
        set_text(json, "why", row->why);
    return json;
}

static json_t *sums_json(const struct cf_tally *t)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "passed", (json_int_t)t->n_passed, "failed",
                     (json_int_t)t->n_failed, "unsupported", (json_int_t)t->n_unsupported,
                     "skipped", (json_int_t)t->n_skipped);
}

void conformance_out_end(struct conformance_out *out)
{
    const struct cf_tally *t = &out->tally;
    if (!out->options->json && !out->options->quiet)
        printf("\n%-34s %-5s %-10s %5s %9s %8s  %s\n", "operator", "type", "", "cases", "worst",
               "seconds", "verdict (worst: error as a share of the tolerance)");
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct cf_row *row = &t->rows[i];
        if (out->options->json) {
            json_t *line = json_pack("{s:s}", "event", "row"), *body = row_json(row);
            json_object_update(line, body);
            json_decref(body);
            cli_json(line);
        } else if (!out->options->quiet || row->n_failed) {
            print_row(row);
        }
    }
    if (!out->options->json)
        printf("%zu passed, %zu failed, %zu unsupported, %zu skipped\n", t->n_passed, t->n_failed,
               t->n_unsupported, t->n_skipped);
    cli_json_done(out->options, sums_json(t));
}

tn_status conformance_out_report(const struct conformance_out *out, const char *path,
                                 struct tn_error *err)
{
    struct utsname os;
    struct tm tm;
    char date[32] = "", system[512] = "";
    time_t now = time(NULL);
    if (gmtime_r(&now, &tm))
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (uname(&os) == 0)
        snprintf(system, sizeof(system), "%s %s %s", os.sysname, os.release, os.machine);
    json_t *rows = json_array();
    for (size_t i = 0; i < out->tally.n_rows; i++)
        json_array_append_new(rows, row_json(&out->tally.rows[i]));
    json_t *report =
        json_pack("{s:s, s:i, s:s, s:s, s:s, s:b, s:O, s:o, s:o, s:O}", "kind",
                  "tenon conformance report", "format", REPORT_FORMAT, "tenon", tn_version(),
                  "date", date, "os", system, "quick", out->options->quick, "device", out->device,
                  "totals", sums_json(&out->tally), "results", rows, "failures", out->failures);
    if (!report)
        return tn_error_set(err, TN_E_OOM, "out of memory");
    tn_status st = tn_json_write_file(path, report, err);
    json_decref(report);
    return st;
}
