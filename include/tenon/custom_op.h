/* An operator of a program's own: the definition of tenon/backend.h, without a plugin. */
#ifndef TENON_CUSTOM_OP_H
#define TENON_CUSTOM_OP_H

#include "tenon/backend.h"
#include "tenon/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Adds the operator for the rest of the process's life; graphs may then use it by name with
 * tn_graph_op, recipes with the layer `op`. The definition is copied. Adding the same one again is
 * fine. TN_E_INVALID says what is wrong with it, or that the name means another operator. Any
 * thread. */
TN_API tn_status tn_op_register(const tnb_op *op, struct tn_error *err);

#ifdef __cplusplus
}
#endif
#endif
