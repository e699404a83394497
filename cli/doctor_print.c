/* The doctor's findings as a table for people, as JSON lines, as a report. */
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "doctor.h"
#include "io/json.h"

#define REPORT_FORMAT 1

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* "Debian GNU/Linux 12 (bookworm)", or what the kernel says. */
static void system_name(char *buf, size_t size)
{
    struct utsname u;
    char line[256], name[128] = "";
    FILE *file = fopen("/etc/os-release", "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "PRETTY_NAME=\"%127[^\"]\"", name) == 1)
            break;
    if (file)
        fclose(file);
    if (uname(&u) != 0)
        memset(&u, 0, sizeof(u));
    snprintf(buf, size, "%.100s, %.60s %.80s, %.40s", name[0] ? name : "unknown system", u.sysname,
             u.release, u.machine);
}

/* --- for people --- */

static void print_facts(const struct doctor *d)
{
    json_t *fact;
    size_t i;
    json_array_foreach (d->facts, i, fact)
        if (!json_object_get(fact, "index"))
            printf("  %s: %s: %s\n", text_of(fact, "backend"), text_of(fact, "key"),
                   text_of(fact, "value"));
    json_array_foreach (d->rejected, i, fact)
        printf("  not loaded: %s: %s\n", text_of(fact, "path"), text_of(fact, "reason"));
    if (d->list_fault[0])
        printf("  %s\n", d->list_fault);
}

static void print_failures(const json_t *device)
{
    json_t *item;
    size_t i;
    json_array_foreach (json_object_get(device, "failed"), i, item)
        printf("      %s: %s\n        %s\n", text_of(item, "op"), text_of(item, "reason"),
               text_of(item, "command"));
}

static void print_verdict(const json_t *device)
{
    const char *verdict = text_of(device, "verdict");
    if (strcmp(verdict, "not examined") == 0) {
        printf("    not examined: %s\n", text_of(device, "why"));
        return;
    }
    printf("    %s: ", verdict);
    if (json_object_get(device, "fault"))
        printf("%s\n", text_of(device, "fault"));
    else
        printf("%.0f cases passed, %.0f failed, %.0f unsupported, %.0f skipped\n",
               number_of(device, "cases_passed"), number_of(device, "cases_failed"),
               number_of(device, "cases_unsupported"), number_of(device, "cases_skipped"));
    print_failures(device);
}

static void print_speed(const struct doctor *d, const json_t *device)
{
    const json_t *cpu = NULL, *other;
    size_t i;
    if (json_object_get(device, "speed_fault"))
        printf("    speed: %s\n", text_of(device, "speed_fault"));
    if (!json_object_get(device, "gemm_gflops"))
        return;
    json_array_foreach (d->devices, i, other)
        if (strcmp(text_of(other, "backend"), "cpu") == 0)
            cpu = other;
    printf("    speed: matrices %.0f GFLOP/s (%.0f x %.0f), memory %.1f GB/s",
           number_of(device, "gemm_gflops"), number_of(device, "gemm_size"),
           number_of(device, "gemm_size"), number_of(device, "bandwidth_gbs"));
    if (cpu && cpu != device && json_object_get(cpu, "gemm_gflops"))
        printf("; %.2f and %.2f times the cpu's",
               number_of(device, "gemm_gflops") / number_of(cpu, "gemm_gflops"),
               number_of(device, "bandwidth_gbs") / number_of(cpu, "bandwidth_gbs"));
    putchar('\n');
}

static void print_device(const struct doctor *d, const json_t *device)
{
    const char *key;
    json_t *value;
    char memory[32], most[32];
    printf("  %s:%.0f  %s (%s)\n", text_of(device, "backend"), number_of(device, "index"),
           text_of(device, "name"), text_of(device, "kind"));
    printf("    driver: %s; backend %s\n", text_of(device, "driver"), text_of(device, "version"));
    if (number_of(device, "mem_total") > 0)
        printf("    memory: %s, at most %s at once\n",
               cli_format_bytes((uint64_t)number_of(device, "mem_total"), memory, sizeof(memory)),
               cli_format_bytes((uint64_t)number_of(device, "max_alloc"), most, sizeof(most)));
    json_object_foreach (json_object_get(device, "facts"), key, value)
        printf("    %s: %s\n", key, json_string_value(value));
    print_speed(d, device);
    if (json_object_get(device, "verdict"))
        print_verdict(device);
}

/* A card that is not usable is named once per vendor: what helps is the same. */
static int is_repeated(const struct doctor *d, size_t card)
{
    for (size_t i = 0; i < card; i++)
        if (!d->cards[i].is_usable && d->cards[i].vendor == d->cards[card].vendor)
            return 1;
    return 0;
}

static void print_unusable(const struct doctor *d)
{
    for (size_t i = 0; i < d->n_cards; i++) {
        const struct gpu_card *c = &d->cards[i];
        if (!c->is_usable && !is_repeated(d, i))
            printf("GPU found but not usable: %s. Reason: %s.\n  What to do: %s.\n",
                   gpus_vendor_name(c->vendor), c->reason, c->remedy);
    }
}

static void print_cards(const struct doctor *d)
{
    if (!d->n_cards)
        printf("  none that the kernel lists\n");
    for (size_t i = 0; i < d->n_cards; i++) {
        const struct gpu_card *c = &d->cards[i];
        printf("  %s %s%s%s, kernel driver %s: %s\n", gpus_vendor_name(c->vendor), c->ids,
               c->pci[0] ? " at " : "", c->pci, c->kernel[0] ? c->kernel : "none",
               c->is_usable ? "usable" : "not usable");
    }
    print_unusable(d);
}

void doctor_print(const struct doctor *d)
{
    char system[320];
    json_t *device;
    size_t i;
    if (d->options->gpus) {
        print_unusable(d);
        return;
    }
    system_name(system, sizeof(system));
    printf("tenon %s on %s\n\nbackends and platforms\n", tn_version(), system);
    print_facts(d);
    printf("\ndevices\n");
    json_array_foreach (d->devices, i, device)
        print_device(d, device);
    printf("\nGPUs of this machine\n");
    print_cards(d);
    if (d->n_faulty || d->n_unusable)
        printf("\nnot all is well: %zu faulty, %zu GPUs not usable\n", d->n_faulty, d->n_unusable);
    else
        printf("\nall is well\n");
}

/* --- for programs --- */

static json_t *card_json(const struct gpu_card *c)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "event", "gpu", "vendor",
                             gpus_vendor_name(c->vendor), "pci", c->pci, "ids", c->ids, "kernel",
                             c->kernel, "usable", c->is_usable);
    if (json && !c->is_usable) {
        json_object_set_new(json, "reason", json_string(c->reason));
        json_object_set_new(json, "remedy", json_string(c->remedy));
    }
    return json;
}

void doctor_print_json(const struct doctor *d)
{
    const json_t *lists[] = {d->facts, d->rejected, d->devices};
    json_t *line;
    size_t i;
    for (size_t l = 0; l < 3; l++)
        json_array_foreach (lists[l], i, line)
            cli_json(json_incref(line));
    for (i = 0; i < d->n_cards; i++)
        cli_json(card_json(&d->cards[i]));
    cli_json_done(d->options,
                  json_pack("{s:i, s:i, s:i}", "devices", (int)json_array_size(d->devices),
                            "faulty", (int)d->n_faulty, "gpus_not_usable", (int)d->n_unusable));
}

tn_status doctor_report(const struct doctor *d, const char *path, struct tn_error *err)
{
    char system[320], date[32] = "";
    struct tm tm;
    time_t now = time(NULL);
    system_name(system, sizeof(system));
    if (gmtime_r(&now, &tm))
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
    json_t *cards = json_array();
    for (size_t i = 0; i < d->n_cards; i++)
        json_array_append_new(cards, card_json(&d->cards[i]));
    json_t *report =
        json_pack("{s:i, s:s, s:s, s:s, s:O, s:O, s:O, s:o}", "format", REPORT_FORMAT, "tenon",
                  tn_version(), "date", date, "system", system, "devices", d->devices, "facts",
                  d->facts, "rejected", d->rejected, "gpus", cards);
    if (!report)
        return tn_error_set(err, TN_E_OOM, "out of memory");
    tn_status st = tn_json_write_file(path, report, err);
    json_decref(report);
    return st;
}
