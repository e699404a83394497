/* Providers of the matrix product: CLBlast, our packed register tiles (CPU class), our local-memory
 * tiles (GPU class). */
#ifndef TENON_OPENCL_GEMM_H
#define TENON_OPENCL_GEMM_H

#include "build.h"

/* c [batch, m, n] = a b; strides in elements. trans: the operand lies with its last dims swapped.
 * `batch` has the output's batch dims and, as operands 0 and 1, the batch index in a and b. */
struct ocl_gemm_spec {
    struct ocl_ref a, b, c;
    int64_t m, n, k;
    bool trans_a, trans_b;
    int64_t n_batch, n_batch_b;
    struct ocl_nest batch;
};
void ocl_emit_gemm(struct ocl_build *b, const struct ocl_gemm_spec *spec);

/* How much of K one split of a GPU-class product takes; k: it is not split. */
int64_t ocl_gemm_split_depth(const tnb_device *device, int64_t m, int64_t n, int64_t k,
                             int64_t n_batch);
/* Whether CLBlast serves this product. */
bool ocl_gemm_by_clblast(const tnb_device *device, int64_t m, int64_t n, int64_t k,
                         int64_t n_batch);

/* Allocates what CLBlast's launches of the plan share. */
tnb_status ocl_gemm_prepare(tnb_plan *plan, tnb_error *err);
tnb_status ocl_gemm_run(tnb_queue *queue, tnb_plan *plan, const struct ocl_gemm_call *call,
                        cl_event *out_timer, tnb_error *err);

#endif
