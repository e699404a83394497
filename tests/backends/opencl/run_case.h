/* One case of tests/ops on an OpenCL device, against the reference in double. */
#ifndef TN_TESTS_OPENCL_RUN_CASE_H
#define TN_TESTS_OPENCL_RUN_CASE_H

#include "cases.h"
#include "support.h"

struct ocl_case_totals {
    int ran, refused, failed, in_place;
};

struct ocl_case_how {
    int repeat;    /* again on the same plan and in place: the same bits */
    int unchecked; /* runs it and looks at no value */
};

/* `precision` stands for f32, as in op_run_open; a case whose shape rule refuses it is passed over.
 * 1: failed, with a message on stderr. */
int ocl_case_run(struct ocl_test *t, const struct op_case *c, tn_dtype precision,
                 const struct ocl_case_how *how, struct ocl_case_totals *totals);

#endif
