#include <stdio.h>

#include "reduce.h"

/* var, logsumexp, norm: one number goes along, the divisor or the norm's order. */
void ocl_emit_moment(struct ocl_build *b)
{
    char name[32];
    struct ocl_reduction r;
    ocl_reduction_of_node(b, &r);
    if (r.n_out == 0)
        return;
    bool is_var = strcmp(b->node->op, "var") == 0, group = ocl_reduction_by_group(b, &r);
    int64_t divisor = r.n_reduced - tnb_attr_int(b->node, "correction", 1);
    snprintf(name, sizeof(name), "%s_%s", b->node->op, group ? "group" : "item");
    ocl_kernel(b, "moments", "", name);
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_reduction_args(b, &r);
    ocl_arg_float(b, !is_var       ? tnb_attr_float(b->node, "p", 2.0)
                     : divisor > 0 ? (double)divisor
                                   : 0);
    ocl_reduction_range(b, &r, group);
}

void ocl_emit_norm_grad(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    struct ocl_nest nest;
    int64_t n = tnb_count(x);
    if (n == 0)
        return;
    ocl_nest_init(&nest, x, 1);
    ocl_nest_broadcast(&nest, 0, ocl_in_type(b, 1));
    ocl_nest_merge(&nest);
    ocl_kernel(b, "moments", "", "norm_grad");
    for (uint32_t i = 0; i < 3; i++)
        ocl_arg_f32(b, ocl_in(b, i));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_nest(b, &nest, nest.rank);
    ocl_arg_float(b, tnb_attr_float(b->node, "p", 2.0));
    ocl_each(b, n, 256);
}
