#include "../gemm.h"
#include "ops.h"

/* The leading dims of a matmul operand as a shape of their own. */
static tnb_tensor batch_shape(const tnb_tensor *t)
{
    tnb_tensor batch = *t;
    batch.rank = t->rank - 2;
    return batch;
}

void ocl_emit_matmul(struct ocl_build *b)
{
    const tnb_tensor *a = ocl_in_type(b, 0), *bt = ocl_in_type(b, 1), *c = ocl_out_type(b, 0);
    struct ocl_gemm_spec s = {.a = ocl_in(b, 0), .b = ocl_in(b, 1), .c = ocl_out(b, 0)};
    s.trans_a = tnb_attr_int(b->node, "trans_a", 0) != 0;
    s.trans_b = tnb_attr_int(b->node, "trans_b", 0) != 0;
    s.m = c->dim[c->rank - 2];
    s.n = c->dim[c->rank - 1];
    s.k = a->dim[a->rank - (s.trans_a ? 2 : 1)];
    tnb_tensor batch_a = batch_shape(a), batch_b = batch_shape(bt), batch_c = batch_shape(c);
    s.n_batch = tnb_count(&batch_c);
    s.n_batch_b = tnb_count(&batch_b);
    ocl_nest_init(&s.batch, &batch_c, 2);
    ocl_nest_broadcast(&s.batch, 0, &batch_a);
    ocl_nest_broadcast(&s.batch, 1, &batch_b);
    ocl_nest_merge(&s.batch);
    /* a weight shared by the whole batch: one product with more rows */
    if (s.n_batch > 1 && s.n_batch_b == 1 && !s.trans_a && s.batch.rank == 1 &&
        s.batch.stride[0][0] == 1) {
        s.m *= s.n_batch;
        s.n_batch = 1;
        s.batch.rank = 0;
    }
    ocl_emit_gemm(b, &s);
}
