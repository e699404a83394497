/* Runs the nodes of a plan's intermediate form on a device through its backend's table, every value
 * in bytes of its own between guard bands. */
#ifndef TN_CONFORMANCE_EXEC_H
#define TN_CONFORMANCE_EXEC_H

#include "checks.h"
#include "plan/ir.h"

struct cf_exec {
    const struct tn_plan_ir *ir;
    uint64_t *offset;     /* by store, in dev->image and in the buffer */
    uint32_t *precision;  /* by node: what supports declared */
    uint8_t *before;      /* the image as written; after the run dev->image is what was read */
    tnb_support *support; /* by node */
    uint64_t workspace, workspace_bytes, total;
    tnb_plan *plan;
};

/* Which output shares the memory of which input, for nodes that may run in place. */
struct cf_share {
    uint32_t from, to; /* stores; from == to: none shares */
};

/* Asks for every node; passed: each is supported. The rest lies in the IR's arena. */
enum cf_verdict cf_exec_supports(struct cf_device *dev, const struct tn_plan_ir *ir,
                                 struct cf_exec *exec, struct cf_result *result);
/* Prepares the plan. */
enum cf_verdict cf_exec_prepare(struct cf_device *dev, struct cf_exec *exec,
                                struct cf_result *result);
void cf_exec_close(struct cf_device *dev, struct cf_exec *exec);
/* Lays the values out, poisons everything; the caller then writes inputs to cf_exec_at(). */
enum cf_verdict cf_exec_lay_out(struct cf_device *dev, struct cf_exec *exec, struct cf_share share,
                                struct cf_result *result);
void *cf_exec_at(const struct cf_device *dev, const struct cf_exec *exec, uint32_t store);
/* Writes the image, runs, reads it back and checks guards and inputs. */
enum cf_verdict cf_exec_run(struct cf_device *dev, struct cf_exec *exec, struct cf_result *result);

#endif
