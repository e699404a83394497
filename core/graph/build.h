/* What the files that build a graph share among themselves. */
#ifndef TN_GRAPH_BUILD_H
#define TN_GRAPH_BUILD_H

#include "graph/graph.h"

/* The symbols' values in trial 0 and 1: primes, so that a product shows its factors. */
const struct tn_symbol_values *tn_trial_symbols(uint32_t trial);
/* 1 for a number >= 0 and for a symbolic dim that this graph has handed out. */
int tn_dim_is_valid(const struct tn_graph *graph, int64_t dim);
/* The dim that is trial[t] under trial t: a number, or coef * product of symbols, interned in
 * graph->dims. TN_E_INVALID when it is no such product, TN_E_OOM. */
tn_status tn_dim_deduce(struct tn_graph *graph, const int64_t trial[TN_N_TRIALS], int64_t *out_dim);
/* Rewrites the trial values in a shape rule's message as what the user wrote: "10007" -> "batch".
 */
void tn_dim_explain(const struct tn_graph *graph, uint32_t trial, char *msg, size_t size);
/* "[batch, 28]" into buf. */
char *tn_graph_shape_format(const struct tn_graph *graph, const struct tn_shape *shape, char *buf,
                            size_t size);
/* Every dim bound; TN_E_INVALID when a dim overflows. */
tn_status tn_shape_bind(const struct tn_graph *graph, const struct tn_shape *shape,
                        const struct tn_symbol_values *bound, struct tn_shape *out_shape);
/* Attributes with symbolic dims replaced by numbers; shares what needs no change. */
tn_status tn_attrs_bind(const struct tn_graph *graph, const struct tn_attrs *attrs,
                        const struct tn_symbol_values *bound, struct tn_arena *arena,
                        struct tn_attrs *out_attrs);
/* Runs the shape rule and checks what it answered. out holds op->n_out types. */
tn_status tn_node_infer(const struct tn_op *op, const char *label, const struct tn_attrs *attrs,
                        uint32_t n_in, const struct tn_type *const *in, struct tn_type *out,
                        struct tn_error *err);
/* What tn_node_infer has accepted, with the attributes that the reference and backends see
 * (op->settle). The ints and strings may be those of `attrs`. TN_E_OOM. */
tn_status tn_node_settle(const struct tn_op *op, const struct tn_attrs *attrs, uint32_t n_in,
                         const struct tn_type *const *in, struct tn_type *out,
                         struct tn_arena *arena, struct tn_attrs *out_attrs);
/* A unique label "<scope>/<name>" for a node, or NULL when memory is out. */
const char *tn_graph_label(struct tn_graph *graph, const char *name);
/* Scope with a full path, whatever the scopes around it. */
void tn_graph_push_path(struct tn_graph *graph, const char *path);
/* Appends a value; its index, or TN_NONE (and the graph failed) when memory is out. */
tn_value tn_graph_add_value(struct tn_graph *graph, const struct tn_graph_value *value);
tn_value tn_graph_out_of_memory(struct tn_graph *graph);

#endif
