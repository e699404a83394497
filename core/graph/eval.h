/* One operator on host tensors through its reference: constant folding, and tests. */
#ifndef TN_GRAPH_EVAL_H
#define TN_GRAPH_EVAL_H

#include "ops/op.h"

/* in[i]: NULL where absent; any strides. `attrs` has no symbolic dims, and the shape rule has
 * accepted the inputs: out_types are its answer. Fills out[0 .. op->n_out) with new tensors, the
 * caller's. TN_E_OOM, TN_E_UNSUPPORTED (an operator without reference). */
tn_status tn_op_evaluate(const struct tn_op *op, const struct tn_attrs *attrs, uint32_t n_in,
                         const tn_tensor *const *in, const struct tn_type *out_types,
                         tn_tensor **out, struct tn_error *err);

#endif
