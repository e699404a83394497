/* Which device runs each node: the session's if it can, else the first of the fallback list that
 * can. Every refusal is kept, so that the choice can be explained. */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "plan/plan.h"

static tn_status ask(const struct tn_plan_ir *ir, const struct tn_place_device *device,
                     uint32_t node, tnb_support *out_support, struct tn_error *err)
{
    tnb_error e = {.struct_size = sizeof(e)};
    *out_support = (tnb_support){.struct_size = sizeof(*out_support)};
    const char *refusal =
        device->refusal ? device->refusal(device->refusal_ctx, ir->nodes[node].tnb.op) : NULL;
    if (refusal) {
        out_support->verdict = TNB_NO;
        snprintf(out_support->why, sizeof(out_support->why), "%s", refusal);
        return TN_OK;
    }
    tnb_status st = device->api->supports(device->handle, &ir->view, node, out_support, &e);
    out_support->variant[sizeof(out_support->variant) - 1] = '\0';
    out_support->why[sizeof(out_support->why) - 1] = '\0';
    out_support->n_inplace = TN_MIN(out_support->n_inplace, 8u);
    if (st == TNB_OK)
        return TN_OK;
    e.msg[sizeof(e.msg) - 1] = '\0';
    return tn_error_set(err, TN_E_DEVICE, "%s: asked for node '%s' (%s): %s", device->name,
                        ir->nodes[node].tnb.label, ir->nodes[node].tnb.op, e.msg);
}

static tn_status refuse(const struct tn_plan_ir *ir, const struct tn_placer *placer, uint32_t node,
                        const char *refusals, struct tn_error *err)
{
    char shapes[192];
    tn_ir_format_shapes(ir, node, shapes, sizeof(shapes));
    const struct tn_ir_node *n = &ir->nodes[node];
    if (placer->strict)
        return tn_error_set(err, TN_E_UNSUPPORTED,
                            "node '%s' (%s, %s) cannot run on the selected device: %s; --strict "
                            "forbids a fallback",
                            n->tnb.label, n->tnb.op, shapes, refusals);
    return tn_error_set(err, TN_E_UNSUPPORTED, "node '%s' (%s, %s): no device can run it: %s",
                        n->tnb.label, n->tnb.op, shapes, refusals);
}

static tn_status place_node(struct tn_plan_ir *ir, const struct tn_placer *placer, uint32_t node,
                            struct tn_error *err)
{
    struct tn_ir_node *n = &ir->nodes[node];
    char refusals[512] = "";
    uint32_t n_asked = placer->strict ? 1 : placer->n_devices;
    for (uint32_t d = 0; d < n_asked; d++) {
        tn_status st = ask(ir, &placer->devices[d], node, &n->support, err);
        if (st != TN_OK)
            return st;
        if (n->support.verdict == TNB_YES) {
            n->device = d;
            n->why = refusals[0] ? tn_arena_strdup(ir->arena, refusals)
                                 : tn_arena_strdup(ir->arena, n->support.why);
            return n->why ? TN_OK : tn_ir_oom(ir, err);
        }
        size_t at = strlen(refusals);
        snprintf(refusals + at, sizeof(refusals) - at, "%s%s: %s", at ? "; " : "",
                 placer->devices[d].name, n->support.why[0] ? n->support.why : "no reason given");
    }
    return refuse(ir, placer, node, refusals, err);
}

tn_status tn_plan_place(struct tn_plan_ir *ir, const struct tn_placer *placer, struct tn_error *err)
{
    int mixed = 0;
    for (uint32_t n = 0; n < ir->n_nodes; n++) {
        tn_status st = place_node(ir, placer, n, err);
        if (st != TN_OK)
            return st;
        mixed |= ir->nodes[n].device != ir->nodes[0].device;
    }
    /* Again, now that the devices are known: fewer switches between them. */
    return mixed ? tn_ir_schedule(ir, err) : TN_OK;
}
