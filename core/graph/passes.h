/* Simplifications of a graph. None changes the graph: each answers with an array over its nodes or
 * values, in the caller's arena, for the plan to heed. */
#ifndef TN_GRAPH_PASSES_H
#define TN_GRAPH_PASSES_H

#include "graph/graph.h"

/* out_live[n_nodes]: 1 for nodes that an output or a new version of state is made of. */
tn_status tn_graph_live(const struct tn_graph *graph, struct tn_arena *arena, uint8_t **out_live);

/* The same, reading inputs through `replace` (NULL: none) and stopping at folded values
 * (`folded[v]` not NULL; the array may be NULL): what is left to run after the passes below. */
tn_status tn_graph_live_after(const struct tn_graph *graph, const tn_value *replace,
                              tn_tensor *const *folded, struct tn_arena *arena, uint8_t **out_live);

/* out_replace[n_values]: the value to read in place of each: itself, or that of an earlier node
 * with the same operator, inputs and attributes. Updates of state and gradients of parameters
 * (which have a place in memory of their own) are left as they are. */
tn_status tn_graph_common(const struct tn_graph *graph, struct tn_arena *arena,
                          tn_value **out_replace);

/* out_folded[n_values]: for what depends on constants alone and has at most max_elements elements,
 * its value; else NULL. The caller unrefs the tensors (tn_graph_unfold). types and attrs are from
 * tn_graph_bind. */
tn_status tn_graph_fold(const struct tn_graph *graph, const struct tn_type *types,
                        const struct tn_attrs *attrs, int64_t max_elements, struct tn_arena *arena,
                        tn_tensor ***out_folded, struct tn_error *err);
void tn_graph_unfold(const struct tn_graph *graph, tn_tensor **folded);

#endif
