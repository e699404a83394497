/* tenon devices: what there is to compute on, and which plugins could not be used. */
#include "cli.h"
#include "conformance.h"
#include "io/json.h"

static void print_device(const tn_runtime *runtime, size_t index, int is_default)
{
    const struct tn_device_info *info = tn_device_info(tn_runtime_device(runtime, index));
    char selector[64], memory[32] = "";
    snprintf(selector, sizeof(selector), "%s:%u", info->backend, info->index);
    if (info->mem_total)
        cli_format_bytes(info->mem_total, memory, sizeof(memory));
    printf("%c %-12s %-18s %-40s %10s  %s\n", is_default ? '*' : ' ', selector,
           cf_device_kind(info), info->name, memory, info->driver);
    if (info->same_as != index) {
        const struct tn_device_info *first =
            tn_device_info(tn_runtime_device(runtime, info->same_as));
        printf("  %-12s the same GPU as %s:%u, through another driver\n", "", first->backend,
               first->index);
    }
}

static json_t *device_json(const tn_runtime *runtime, size_t index, int is_default)
{
    const struct tn_device_info *info = tn_device_info(tn_runtime_device(runtime, index));
    return json_pack(
        "{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:b, s:b, s:i, s:I, s:I, s:I, s:i, s:b}", "event",
        "device", "backend", info->backend, "index", (int)info->index, "name", info->name, "uid",
        info->uid, "driver", info->driver, "kind", cf_device_kind(info), "emulated",
        info->is_emulated, "checker", info->is_checker, "score", info->score, "mem_total",
        (json_int_t)info->mem_total, "mem_free", (json_int_t)info->mem_free, "max_alloc",
        (json_int_t)info->max_alloc, "same_as", (int)info->same_as, "default", is_default);
}

static int run(const struct cli_options *options)
{
    tn_runtime *runtime = NULL;
    tn_device *chosen = NULL;
    const struct tn_rejected *rejected;
    struct tn_error err = {TN_OK, ""};
    if (cli_open_runtime(options, NULL, &runtime, &chosen, &err))
        return cli_fail(&err);
    size_t n = tn_runtime_device_count(runtime);
    for (size_t i = 0; i < n; i++) {
        int is_default = tn_runtime_device(runtime, i) == chosen;
        if (options->json)
            cli_json(device_json(runtime, i, is_default));
        else
            print_device(runtime, i, is_default);
    }
    size_t n_rejected = tn_runtime_rejected(runtime, &rejected);
    for (size_t i = 0; i < n_rejected; i++) {
        if (options->json)
            cli_json(json_pack("{s:s, s:o, s:o}", "event", "rejected", "path",
                               tn_json_text(rejected[i].path), "reason",
                               tn_json_text(rejected[i].reason)));
        else
            printf("not loaded: %s: %s\n", rejected[i].path, rejected[i].reason);
    }
    cli_say(options, "* is used unless --device or --backend says otherwise\n");
    cli_json_done(options, json_pack("{s:i, s:i}", "devices", (int)n, "rejected", (int)n_rejected));
    tn_runtime_destroy(&runtime);
    return CLI_OK;
}

const struct cli_verb cli_verb_devices = {
    .name = "devices",
    .args = "",
    .summary = "list devices and backends",
    .details = "The device marked * is the default: the best by score. An OpenCL device that runs "
               "on the\nCPU is never preferred to the cpu backend.",
    .mask = CLI_OPT_DEVICE | CLI_OPT_JSON,
    .run = run,
};
