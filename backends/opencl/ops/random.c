#include "ops.h"

/* Inputs: x [N, ...], sample i64 [N], rng i64 scalar. */
void ocl_emit_dropout(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    int64_t n = tnb_count(x), samples = x->rank ? x->dim[0] : 1;
    if (n == 0)
        return;
    bool runs = !ocl_is_gpu(b) && n / samples >= 16;
    int64_t inner = n / samples, per_item = runs ? 64 : 4;
    int64_t blocks = (inner + per_item - 1) / per_item;
    float rate = (float)tnb_attr_float(b->node, "rate", 0.5);
    ocl_kernel(b, "random", "", runs ? "dropout_runs" : "dropout");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_ref(b, ocl_in(b, 1), 8);
    ocl_arg_ref(b, ocl_in(b, 2), 8);
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, inner);
    ocl_arg_int(b, blocks);
    ocl_arg_float(b, rate);
    ocl_arg_float(b, 1.0 / (1.0 - tnb_attr_float(b->node, "rate", 0.5)));
    ocl_arg_long(b, tnb_attr_int(b->node, "path_hash", 0));
    ocl_each(b, samples * blocks, runs ? 16 : 128);
}
