/* What one may ask of a graph. */
#include "graph/graph.h"

tn_status tn_graph_check(const tn_graph *graph, struct tn_error *err)
{
    if (graph->status == TN_OK)
        return TN_OK;
    return tn_error_set(err, graph->status, "%s", graph->error.msg);
}

struct tn_shape tn_graph_shape(const tn_graph *graph, tn_value value)
{
    return value < graph->values.n ? graph->values.items[value].shape : TN_SCALAR;
}

tn_dtype tn_graph_dtype(const tn_graph *graph, tn_value value)
{
    return value < graph->values.n ? graph->values.items[value].dtype : TN_F32;
}

size_t tn_graph_node_count(const tn_graph *graph)
{
    return graph->nodes.n;
}

size_t tn_graph_state_count(const tn_graph *graph)
{
    return graph->states.n;
}

tn_value tn_graph_state_at(const tn_graph *graph, size_t index, struct tn_state_params *out_params)
{
    if (index >= graph->states.n)
        return TN_NONE;
    if (out_params)
        *out_params = graph->states.items[index].params;
    return graph->states.items[index].value;
}
