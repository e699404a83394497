/* What a device's output may differ by from the reference: the operation and the precision decide,
 * never what happens to pass. Unit tests and conformance runs share these figures. */
#ifndef TN_TESTS_OPS_COMPARE_H
#define TN_TESTS_OPS_COMPARE_H

#include "eval.h"

/* Limits for the outputs of one node. Everything lies in the arena it was made with. */
struct op_limits {
    enum op_tolerance tol;
    int64_t terms;
    /* Where the device declares products of fewer bits than the type has (TF32 counts
     * as TN_F16): 0, TN_F16 or TN_BF16. */
    tn_dtype products;
    double largest[TN_OP_MAX_OUT];
    /* TOL_SUM: sum of absolute products and number of terms, by element. */
    double *size[TN_OP_MAX_OUT], *n_terms[TN_OP_MAX_OUT];
};

/* `ref` has been through the operator's reference. TN_E_OOM. */
tn_status op_limits_make(const struct tn_op *op, const struct tn_ref *ref, enum op_tolerance tol,
                         int64_t terms, struct tn_arena *arena, struct op_limits *out_limits);
/* Largest difference allowed for element e of output k, of type `dtype`, that should be `want`. */
double op_limits_allowed(const struct op_limits *limits, uint32_t k, int64_t e, tn_dtype dtype,
                         double want);
/* The difference as a share of what is allowed: above 1 is a failure. NaN wants NaN; a number
 * beyond the type's range may be infinite. */
double op_limits_share(const struct op_limits *limits, uint32_t k, int64_t e, tn_dtype dtype,
                       double got, double want);
/* The class of an operator wherever it occurs: what its cases say. */
enum op_tolerance op_tolerance_of(const char *op, int64_t *out_terms);

/* The same for a case that has been run by op_run_reference. */
struct op_bounds {
    struct tn_arena arena;
    struct op_limits limits;
};
tn_status op_bounds_open(const struct op_run *run, struct op_bounds *out_bounds,
                         struct tn_error *err);
void op_bounds_close(struct op_bounds *bounds);
double op_bounds_allowed(const struct op_bounds *bounds, uint32_t k, int64_t e, tn_dtype dtype,
                         double want);
int op_bounds_accepts(const struct op_bounds *bounds, uint32_t k, int64_t e, tn_dtype dtype,
                      double got, double want);

#endif
