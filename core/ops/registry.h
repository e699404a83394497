/* Operators that plugins and programs add at run time, beside those of list.h. */
#ifndef TN_OPS_REGISTRY_H
#define TN_OPS_REGISTRY_H

#include "ops/op.h"
#include "tenon/custom_op.h"

/* NULL when none of that name was added. Any thread. */
const struct tn_op *tn_registry_find(const char *name);

#endif
