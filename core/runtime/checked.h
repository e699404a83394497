/* The values of a checked plan's last run, for the two checks that look at them. */
#ifndef TN_RUNTIME_CHECKED_H
#define TN_RUNTIME_CHECKED_H

#include "runtime/session.h"

/* A run and what it started from. */
struct tn_checked_run {
    tn_plan *plan;
    uint8_t **before; /* by loc: a copy of the state as the step began; NULL for other locs */
};

/* TN_E_INVALID where the plan is not a checked one. Runs the step; close it in any case. */
tn_status tn_checked_run(tn_plan *plan, const struct tn_plan_observer *observer,
                         struct tn_checked_run *out_run, struct tn_error *err);
void tn_checked_close(struct tn_checked_run *run);

/* Copies the bytes that node `node` read or wrote as `value`: the old version of a state for a node
 * that read that one. 0 in *out_has when the value was never stored (inside a claim). */
tn_status tn_checked_read(const struct tn_checked_run *run, uint32_t node, uint32_t value,
                          void *dst, int *out_has, struct tn_error *err);

/* "node 'conv2d_1' (conv2d, [..] -> [..]) on opencl:0, variant direct" */
void tn_checked_name(const tn_plan *plan, uint32_t node, char *buf, size_t size);
/* TN_E_NUMERIC naming the node behind whose output bytes were overwritten. */
tn_status tn_checked_guards(const struct tn_checked_run *run, struct tn_error *err);

#endif
