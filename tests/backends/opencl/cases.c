/* Every case of tests/ops on an OpenCL device, against the references in double:
 *   opencl_cases DEVICE [KEY=VALUE]...
 * DEVICE is part of a device's or driver's name.
 * Each case runs as it is and in f16 or bf16, again on the same plan (same bits), and with every
 * pair of input and output that the backend offers to do in place (same bits). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_case.h"

int main(int argc, char **argv)
{
    const char *opts[8] = {NULL};
    for (int i = 2; i < argc && i < 9; i++)
        opts[i - 2] = argv[i];
    struct ocl_test t;
    int rc = ocl_test_open(&t, argc > 1 ? argv[1] : "Portable", opts, getenv("OCL_TEST_CACHE"));
    if (rc)
        return rc;
    const char *only = getenv("OCL_TEST_OP");
    const struct ocl_case_how how = {.repeat = 1};
    struct ocl_case_totals totals = {0};
    for (size_t f = 0; f < op_family_count(); f++) {
        const struct op_case *c;
        for (size_t i = 0; (c = op_family_case(op_family_at(f), i)); i++)
            if (!c->reject && (!only || strcmp(only, c->op) == 0)) {
                totals.failed += ocl_case_run(&t, c, TN_F32, &how, &totals);
                totals.failed += ocl_case_run(&t, c, i % 2 ? TN_F16 : TN_BF16, &how, &totals);
            }
    }
    printf("%s: %d cases ran, %d of other types left out, %d in place, %d failed\n", t.info.name,
           totals.ran, totals.refused, totals.in_place, totals.failed);
    ocl_test_close(&t);
    return totals.failed || totals.ran == 0;
}
