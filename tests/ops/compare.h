/* What a device's output may differ by from the reference: the operation and the precision decide,
 * never what happens to pass. */
#ifndef TN_TESTS_OPS_COMPARE_H
#define TN_TESTS_OPS_COMPARE_H

#include "eval.h"

struct op_bounds {
    const struct op_case *c;
    struct op_run abs, ones; /* for TOL_SUM: sum of absolute products, number of terms */
    double largest[TN_OP_MAX_OUT];
};

/* `run` has been through op_run_reference and outlives the bounds. */
tn_status op_bounds_open(const struct op_run *run, struct op_bounds *out_bounds,
                         struct tn_error *err);
void op_bounds_close(struct op_bounds *bounds);
/* Largest difference allowed for element e of output k, of type `dtype`, that should be `want`. */
double op_bounds_allowed(const struct op_bounds *bounds, uint32_t k, int64_t e, tn_dtype dtype,
                         double want);
/* 1 when `got` will do for the reference's `want`: NaN for NaN; beyond the type's range, infinite.
 */
int op_bounds_accepts(const struct op_bounds *bounds, uint32_t k, int64_t e, tn_dtype dtype,
                      double got, double want);

#endif
