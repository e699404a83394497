#include "../gemm.h"
#include "ops.h"

/* The leading dims of a matmul operand as a shape of their own. */
static tnb_tensor batch_shape(const tnb_tensor *t)
{
    tnb_tensor batch = *t;
    batch.rank = t->rank - 2;
    return batch;
}

/* All but the operands themselves. */
static struct ocl_gemm_spec spec_of(const tnb_graph *graph, const tnb_node *node)
{
    tnb_tensor t[3];
    shape_matrices(&graph->values[node->in[0]], &graph->values[node->in[1]],
                   &graph->values[node->out[0]], t);
    const tnb_tensor *a = &t[0], *b = &t[1], *c = &t[2];
    struct ocl_gemm_spec s = {.trans_a = tnb_attr_int(node, "trans_a", 0) != 0,
                              .trans_b = tnb_attr_int(node, "trans_b", 0) != 0};
    s.m = c->dim[c->rank - 2];
    s.n = c->dim[c->rank - 1];
    s.k = a->dim[a->rank - (s.trans_a ? 2 : 1)];
    tnb_tensor batch_a = batch_shape(a), batch_b = batch_shape(b), batch_c = batch_shape(c);
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
    return s;
}

const char *ocl_matmul_variant(const tnb_device *device, const tnb_graph *graph,
                               const tnb_node *node)
{
    struct ocl_gemm_spec s = spec_of(graph, node);
    if (graph->values[node->in[0]].dtype != TNB_F32)
        return "direct";
    if (ocl_gemm_by_clblast(device, s.m, s.n, s.k, s.n_batch))
        return "clblast";
    if (device->device_class != OCL_CLASS_GPU)
        return "tiles-packed";
    return ocl_gemm_split_depth(device, s.m, s.n, s.k, s.n_batch) < s.k ? "tiles-split"
                                                                        : "tiles-local";
}

/* y = alpha y + beta c, where there is a c or an alpha. */
static void emit_epilogue(struct ocl_build *b)
{
    const tnb_tensor *y = ocl_out_type(b, 0);
    double alpha = tnb_attr_float(b->node, "alpha", 1.0);
    bool add = ocl_has_in(b, 2);
    int64_t n = tnb_count(y);
    struct ocl_nest nest;
    if (n == 0 || (!add && alpha == 1.0))
        return;
    ocl_nest_init(&nest, y, 1);
    if (add)
        ocl_nest_broadcast(&nest, 0, ocl_in_type(b, 2));
    ocl_nest_merge(&nest);
    ocl_kernel(b, "gemm_add", "", add ? "scale_and_add" : "scale");
    ocl_arg_f32(b, ocl_out(b, 0));
    if (add) {
        ocl_arg_f32(b, ocl_in(b, 2));
        ocl_arg_nest(b, &nest, nest.rank);
    }
    ocl_arg_float(b, alpha);
    if (add)
        ocl_arg_float(b, tnb_attr_float(b->node, "beta", 1.0));
    ocl_each(b, n, 1024);
}

/* Each element of y by itself; c, where there is one, is added afterwards. */
static void emit_integers(struct ocl_build *b, const struct ocl_gemm_spec *s)
{
    const tnb_tensor *y = ocl_out_type(b, 0);
    uint32_t size = (uint32_t)tnb_dtype_size(y->dtype);
    int64_t n = tnb_count(y);
    struct ocl_nest nest;
    if (n == 0)
        return;
    ocl_kernel(b, "gemm_add", ocl_bits_option(size), "integers");
    ocl_arg_ref(b, ocl_in(b, 0), size);
    ocl_arg_ref(b, ocl_in(b, 1), size);
    ocl_arg_ref(b, ocl_out(b, 0), size);
    ocl_arg_nest(b, &s->batch, s->batch.rank);
    ocl_arg_int(b, s->m);
    ocl_arg_int(b, s->n);
    ocl_arg_int(b, s->k);
    ocl_arg_int(b, s->trans_a ? 1 : s->k);
    ocl_arg_int(b, s->trans_a ? s->m : 1);
    ocl_arg_int(b, s->trans_b ? 1 : s->n);
    ocl_arg_int(b, s->trans_b ? s->k : 1);
    ocl_each(b, n, 1 + 4096 / (s->k + 1));
    if (!ocl_has_in(b, 2))
        return;
    ocl_nest_init(&nest, y, 1);
    ocl_nest_broadcast(&nest, 0, ocl_in_type(b, 2));
    ocl_nest_merge(&nest);
    ocl_kernel(b, "gemm_add", ocl_bits_option(size), "add_integers");
    ocl_arg_ref(b, ocl_out(b, 0), size);
    ocl_arg_ref(b, ocl_in(b, 2), size);
    ocl_arg_nest(b, &nest, nest.rank);
    ocl_each(b, n, 1024);
}

void ocl_emit_matmul(struct ocl_build *b)
{
    struct ocl_gemm_spec s = spec_of(b->graph, b->node);
    if (ocl_in_type(b, 0)->dtype != TNB_F32) {
        emit_integers(b, &s);
        return;
    }
    s.a = ocl_in(b, 0);
    s.b = ocl_in(b, 1);
    s.c = ocl_out(b, 0);
    ocl_emit_gemm(b, &s);
    emit_epilogue(b);
}
