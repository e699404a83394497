/* What a plan is made of, for people. */
#include <string.h>

#include "runtime/session.h"

void tn_plan_info(const tn_plan *plan, struct tn_plan_info *out_info)
{
    const tn_session *session = plan->session;
    struct tn_plan_info info = {.n_nodes = plan->ir.n_nodes,
                                .n_segments = plan->schedule.n_segments,
                                .n_transfers = plan->mem.n_transfers,
                                .activation_bytes = plan->mem.devices[0].arena_bytes,
                                .state_bytes = session->state_bytes,
                                .workspace_bytes = plan->workspace_bytes[0]};
    for (uint32_t n = 0; n < plan->ir.n_nodes; n++)
        info.n_fallback += plan->ir.nodes[n].device != 0;
    info.peak_bytes = info.state_bytes + info.activation_bytes + info.workspace_bytes +
                      plan->mem.devices[0].plan_bytes;
    *out_info = info;
}

void tn_plan_node(const tn_plan *plan, size_t index, struct tn_plan_node *out_node)
{
    *out_node =
        (struct tn_plan_node){.op = "", .label = "", .device = "", .variant = "", .why = ""};
    for (uint32_t s = 0; s < plan->schedule.n_segments; s++) {
        const struct tn_plan_segment *seg = &plan->schedule.segments[s];
        if (index >= seg->n_nodes) {
            index -= seg->n_nodes;
            continue;
        }
        const struct tn_ir_node *n = &plan->ir.nodes[seg->nodes[index]];
        *out_node = (struct tn_plan_node){.op = n->tnb.op,
                                          .label = n->tnb.label,
                                          .device = plan->session->devices[seg->device].name,
                                          .variant = n->claim == TN_NONE ? n->support.variant
                                                                         : seg->variants[n->claim],
                                          .why = n->why,
                                          .segment = s,
                                          .is_fallback = seg->device != 0,
                                          .time_ns = plan->stages[s].times_ns[index]};
        tn_ir_format_shapes(&plan->ir, seg->nodes[index], out_node->shapes,
                            sizeof(out_node->shapes));
        return;
    }
}
