/* Graphs of a case. */
#ifndef TN_CONFORMANCE_GRAPHS_H
#define TN_CONFORMANCE_GRAPHS_H

#include "eval.h"
#include "tenon/graph.h"

/* The operator on inputs "in0", ...; its outputs are the graph's "out0", ... */
tn_status cf_forward_graph(const struct op_run *run, tn_graph **out_graph, struct tn_error *err);
/* The same with L, the sum of random weights times the outputs; the graph's outputs are dL/dx of
 * the inputs that the case checks, "grad0", ..., whose values are in out_grads (TN_NONE: none). */
tn_status cf_backward_graph(const struct op_run *run, tn_graph **out_graph, tn_value *out_grads,
                            struct tn_error *err);

#endif
