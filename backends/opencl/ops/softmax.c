#include <stdio.h>

#include "ops.h"

static void emit_rows(struct ocl_build *b, uint32_t n_in)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    struct ocl_split s = ocl_split_axis(x, ocl_axis(tnb_attr_int(b->node, "axis", -1), x->rank));
    if (s.a * s.b * s.c == 0)
        return;
    bool group = ocl_is_gpu(b) && s.b == 1 && s.c >= 128;
    bool rows = !ocl_is_gpu(b) && s.b == 1 && s.c >= 16;
    char name[64];
    snprintf(name, sizeof(name), "%s_%s", b->node->op, group ? "group" : rows ? "rows" : "item");
    ocl_kernel(b, "softmax", "", name);
    for (uint32_t i = 0; i < n_in; i++)
        ocl_arg_f32(b, ocl_in(b, i));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, s.c);
    if (group) {
        ocl_groups(b, s.a, 256);
        return;
    }
    if (!rows)
        ocl_arg_int(b, s.b);
    ocl_each(b, s.a * s.b, s.c >= 256 ? 1 : 256 / s.c);
}

void ocl_emit_softmax(struct ocl_build *b)
{
    emit_rows(b, 1);
}

void ocl_emit_softmax_grad(struct ocl_build *b)
{
    emit_rows(b, 2);
}
