#include <stdio.h>

#include "ops.h"

static void emit_rows(struct ocl_build *b, uint32_t n_in)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    struct shape_split s = shape_split_of(b->node, x, -1);
    if (s.outer * s.inner * s.n == 0)
        return;
    bool group = ocl_is_gpu(b) && s.inner == 1 && s.n >= 128;
    bool rows = !ocl_is_gpu(b) && s.inner == 1 && s.n >= 16;
    char name[64];
    snprintf(name, sizeof(name), "%s_%s", b->node->op, group ? "group" : rows ? "rows" : "item");
    ocl_kernel(b, "softmax", "", name);
    for (uint32_t i = 0; i < n_in; i++)
        ocl_arg_f32(b, ocl_in(b, i));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, s.n);
    if (group) {
        ocl_groups(b, s.outer, 256);
        return;
    }
    if (!rows)
        ocl_arg_int(b, s.inner);
    ocl_each(b, s.outer * s.inner, s.n >= 256 ? 1 : 256 / s.n);
}

void ocl_emit_softmax(struct ocl_build *b)
{
    emit_rows(b, 1);
}

void ocl_emit_softmax_grad(struct ocl_build *b)
{
    emit_rows(b, 2);
}
