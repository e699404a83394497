/* Cases as graphs: the operator alone, the operator with the gradients that the graph derives, and
 * a case's inputs as tensors.
 *
 * A graph keeps nothing of the run that it is made from: the run may be closed before it. */
#ifndef TN_TESTS_OPS_GRAPHS_H
#define TN_TESTS_OPS_GRAPHS_H

#include "eval.h"
#include "tenon/graph.h"

/* Adds the operator with the case's attributes on graph inputs of its own, "in0", "in1", ... The
 * arrays have room for OP_CASE_MAX_IN and TN_OP_MAX_OUT values; TN_NONE stands for what is absent.
 * What goes wrong is the graph's: tn_graph_check tells. */
void op_graph_add(tn_graph *graph, const struct op_run *run, tn_value *out_in, tn_value *out_out);

/* The operator; the outputs that it has are the graph's "out0", ... The caller destroys the graph;
 * on failure there is none. TN_E_OOM, and what the graph refuses. */
tn_status op_forward_graph(const struct op_run *run, tn_graph **out_graph, struct tn_error *err);
/* The same with L, the sum of op_weight times the outputs that take part. out_grads[i] (room for
 * OP_CASE_MAX_IN) is dL/d(input i) where the case checks it, and the graph's output "grad<i>"; else
 * TN_NONE. */
tn_status op_backward_graph(const struct op_run *run, tn_graph **out_graph, tn_value *out_grads,
                            struct tn_error *err);
/* Whether output k is part of L, and the weight of its element i there. */
int op_takes_part(const struct op_run *run, uint32_t k);
double op_weight(const struct op_run *run, uint32_t k, int64_t i);

/* The inputs that the case has, in the order of the graph's, as op_eval_graph takes them; how many
 * there are. They stay the run's. Room for OP_CASE_MAX_IN. */
size_t op_graph_inputs(const struct op_run *run, struct tn_ref_tensor *out_inputs);
/* A tensor of x's type that holds x's elements, for a plan; the caller unrefs it. TN_E_OOM. */
tn_status op_tensor(const struct tn_ref_tensor *x, tn_tensor **out_tensor, struct tn_error *err);

#endif
