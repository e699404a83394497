#include <stdio.h>

#include "ops.h"

void ocl_emit_ce(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0), *labels = ocl_in_type(b, 1);
    int64_t classes = x->rank ? x->dim[x->rank - 1] : 1, rows = tnb_count(labels);
    if (rows == 0) /* without classes every label is outside, and the loss NaN */
        return;
    bool group = ocl_is_gpu(b) && classes >= 128;
    ocl_kernel(b, "loss", ocl_label_option(labels->dtype), group ? "ce_group" : "ce_item");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_ref(b, ocl_in(b, 1), (uint32_t)tnb_dtype_size(labels->dtype));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_f32(b, ocl_out(b, 1));
    ocl_arg_int(b, classes);
    if (group)
        ocl_groups(b, rows, 256);
    else
        ocl_each(b, rows, classes >= 256 ? 1 : 256 / (classes + 1) + 1);
}

void ocl_emit_ce_grad(struct ocl_build *b)
{
    const tnb_tensor *prob = ocl_in_type(b, 0), *labels = ocl_in_type(b, 1);
    int64_t classes = prob->rank ? prob->dim[prob->rank - 1] : 1, n = tnb_count(prob);
    if (n == 0)
        return;
    ocl_kernel(b, "loss", ocl_label_option(labels->dtype), "ce_grad");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_ref(b, ocl_in(b, 1), (uint32_t)tnb_dtype_size(labels->dtype));
    ocl_arg_f32(b, ocl_in(b, 2));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, classes);
    ocl_each(b, n, 1024);
}

static int64_t per_sample(const tnb_tensor *x)
{
    int64_t n = 1;
    for (uint32_t i = 1; i < x->rank; i++)
        n *= x->dim[i];
    return n;
}

void ocl_emit_loss(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    int64_t inner = per_sample(x), rows = x->rank ? x->dim[0] : 1;
    if (rows == 0)
        return;
    bool group = ocl_is_gpu(b) && inner >= 128;
    char name[48];
    snprintf(name, sizeof(name), "%s_%s", b->node->op, group ? "group" : "item");
    ocl_kernel(b, "loss", "-DL=int", name);
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_in(b, 1));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, inner);
    if (group)
        ocl_groups(b, rows, 256);
    else
        ocl_each(b, rows, inner >= 256 ? 1 : 256 / (inner + 1) + 1);
}

void ocl_emit_loss_grad(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    int64_t n = tnb_count(x);
    if (n == 0)
        return;
    ocl_kernel(b, "loss", "-DL=int", b->node->op);
    for (uint32_t i = 0; i < 3; i++)
        ocl_arg_f32(b, ocl_in(b, i));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, per_sample(x));
    ocl_each(b, n, 1024);
}
