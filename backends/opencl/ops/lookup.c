#include "ops.h"

void ocl_emit_embedding(struct ocl_build *b)
{
    const tnb_tensor *table = ocl_in_type(b, 0), *ids = ocl_in_type(b, 1);
    int64_t n = tnb_count(ocl_out_type(b, 0));
    if (n == 0)
        return;
    ocl_kernel(b, "lookup", ocl_label_option(ids->dtype), "embedding");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_ref(b, ocl_in(b, 1), (uint32_t)tnb_dtype_size(ids->dtype));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, table->dim[0]);
    ocl_arg_int(b, table->dim[1]);
    ocl_each(b, n, 2048);
}
