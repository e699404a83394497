/* Where each node runs, in which variant, and why. */
#include <string.h>

#include "cli.h"

struct columns {
    int label, op, device, variant;
};

/* A backend says why it chose a variant or refused; where it had no choice, this is the reason. */
static const char *reason(const struct tn_plan_node *node)
{
    if (*node->why)
        return node->why;
    return node->is_fallback ? "the selected device refuses it" : "the selected device takes it";
}

static void explain_json(const struct tn_plan_node *node)
{
    cli_json(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:b}", "event", "node", "op",
                       node->op, "label", node->label, "device", node->device, "variant",
                       node->variant, "why", reason(node), "shapes", node->shapes, "segment",
                       (int)node->segment, "fallback", node->is_fallback));
}

static void widen(int *width, const char *text)
{
    int n = (int)strlen(text);
    *width = n > *width ? n : *width;
}

static void fit_columns(const tn_plan *plan, size_t n, struct columns *out)
{
    *out = (struct columns){.label = 4, .op = 8, .device = 6, .variant = 7};
    for (size_t i = 0; i < n; i++) {
        struct tn_plan_node node;
        tn_plan_node(plan, i, &node);
        widen(&out->label, node.label);
        widen(&out->op, node.op);
        widen(&out->device, node.device);
        widen(&out->variant, node.variant);
    }
}

static void print_row(const struct columns *columns, const char *label, const char *op,
                      const char *device, const char *variant)
{
    printf("%-*s  %-*s  %-*s  %-*s  ", columns->label, label, columns->op, op, columns->device,
           device, columns->variant, variant);
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

void cli_explain(const struct cli_options *options, const tn_plan *plan)
{
    struct tn_plan_info info;
    struct columns columns;
    char bytes[32];
    tn_plan_info(plan, &info);
    fit_columns(plan, info.n_nodes, &columns);
    if (!options->json) {
        print_row(&columns, "node", "operator", "device", "variant");
        puts("shapes  # reason");
    }
    for (size_t i = 0; i < info.n_nodes; i++) {
        struct tn_plan_node node;
        tn_plan_node(plan, i, &node);
        if (options->json) {
            explain_json(&node);
            continue;
        }
        print_row(&columns, node.label, node.op, node.device, node.variant);
        printf("%s  # %s\n", node.shapes, reason(&node));
    }
    cli_say(options, "plan: %zu node%s in %zu segment%s, %zu transfer%s, %zu fallback%s, peak %s\n",
            info.n_nodes, plural(info.n_nodes), info.n_segments, plural(info.n_segments),
            info.n_transfers, plural(info.n_transfers), info.n_fallback, plural(info.n_fallback),
            cli_format_bytes(info.peak_bytes, bytes, sizeof(bytes)));
}
