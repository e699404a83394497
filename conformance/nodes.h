/* Compares what a device computed with the references, node by node. */
#ifndef TN_CONFORMANCE_NODES_H
#define TN_CONFORMANCE_NODES_H

#include "compare.h"
#include "exec.h"

/* Each node's outputs against the reference of its operator on the inputs that the device itself
 * had: errors do not add up along the graph, so the operator's own tolerance holds. With `c`, the
 * case's tolerance counts (a graph of that one operator), else that of each operator's cases. */
enum cf_verdict cf_check_nodes(const struct cf_device *dev, const struct cf_exec *exec,
                               const struct op_case *c, struct cf_result *result);
/* Bytes of store `store` as double or int64_t, in the IR's arena. */
void *cf_widened(const struct cf_device *dev, const struct cf_exec *exec, uint32_t store,
                 int64_t count);

#endif
