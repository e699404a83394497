/* Shape operators: data moves, no arithmetic. */
#include <stdio.h>

#include "../../moves.h"
#include "ops.h"

#define LEAST 2048

static uint32_t out_size(const struct ocl_build *b)
{
    return (uint32_t)tnb_dtype_size(ocl_out_type(b, 0)->dtype);
}

void ocl_emit_fill(struct ocl_build *b, struct ocl_ref dst, uint32_t size, uint64_t pattern,
                   int64_t n)
{
    if (n == 0)
        return;
    ocl_kernel(b, "strided", ocl_bits_option(size), "fill");
    ocl_arg_ref(b, dst, size);
    ocl_arg_long(b, (int64_t)pattern);
    ocl_each(b, n, LEAST);
}

void ocl_emit_gather(struct ocl_build *b, struct ocl_ref x, struct ocl_ref y, uint32_t size,
                     const struct ocl_nest *nest, int64_t base)
{
    int64_t n = ocl_nest_count(nest);
    if (n == 0)
        return;
    if (nest->rank == 0) {
        ocl_copy_launch(b, y, ocl_ref_at(x, (uint64_t)base * size), size);
        return;
    }
    uint32_t at = nest->rank - 1;
    int64_t inner = nest->dim[at];
    ocl_kernel(b, "strided", ocl_bits_option(size), "gather_rows");
    ocl_arg_ref(b, x, size);
    ocl_arg_ref(b, y, size);
    ocl_arg_nest(b, nest, at);
    ocl_arg_int(b, base);
    ocl_arg_int(b, inner);
    ocl_arg_int(b, nest->stride[0][at]);
    if (ocl_is_gpu(b))
        ocl_each(b, n, LEAST);
    else
        ocl_each(b, n / inner, inner >= LEAST ? 1 : LEAST / inner);
}

void ocl_emit_alias(struct ocl_build *b)
{
    const tnb_tensor *y = ocl_out_type(b, 0);
    ocl_copy_launch(b, ocl_out(b, 0), ocl_in(b, 0),
                    (uint64_t)tnb_count(y) * tnb_dtype_size(y->dtype));
}

void ocl_emit_expand(struct ocl_build *b)
{
    struct ocl_nest nest;
    ocl_nest_init(&nest, ocl_out_type(b, 0), 1);
    ocl_nest_broadcast(&nest, 0, ocl_in_type(b, 0));
    ocl_nest_merge(&nest);
    ocl_emit_gather(b, ocl_in(b, 0), ocl_out(b, 0), out_size(b), &nest, 0);
}

void ocl_emit_transpose(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    int64_t stride[TNB_MAX_RANK];
    shape_strides(x, stride);
    struct ocl_nest nest;
    ocl_nest_init(&nest, ocl_out_type(b, 0), 1);
    bool reverse = tnb_attr_count(b->node, "perm") == 0;
    for (uint32_t i = 0; i < x->rank; i++) {
        int64_t from = reverse ? x->rank - 1 - i : tnb_attr_at(b->node, "perm", i, 0);
        nest.stride[0][i] = stride[shape_axis(from, x->rank)];
    }
    ocl_nest_merge(&nest);
    ocl_emit_gather(b, ocl_in(b, 0), ocl_out(b, 0), out_size(b), &nest, 0);
}

/* Where a slice begins in the full tensor, and its strides there. `part` is the slice's shape. */
static int64_t slice_nest(const struct ocl_build *b, const tnb_tensor *full, const tnb_tensor *part,
                          struct ocl_nest *nest)
{
    int64_t stride[TNB_MAX_RANK], base = 0;
    shape_strides(full, stride);
    ocl_nest_init(nest, part, 1);
    for (uint32_t i = 0; i < full->rank; i++)
        nest->stride[0][i] = stride[i];
    uint32_t n = tnb_attr_count(b->node, "starts");
    for (uint32_t i = 0; i < n; i++) {
        uint32_t axis = shape_axis(tnb_attr_at(b->node, "axes", i, i), full->rank);
        int64_t start = tnb_attr_at(b->node, "starts", i, 0), dim = full->dim[axis];
        int64_t step = tnb_attr_at(b->node, "steps", i, 1);
        int64_t lo = step > 0 ? 0 : -1, hi = step > 0 ? dim : dim - 1;
        if (start < 0)
            start += dim;
        start = start < lo ? lo : start > hi ? hi : start;
        base += start * stride[axis];
        /* A step beyond the tensor takes one element, and may be too large to multiply. */
        nest->stride[0][axis] = part->dim[axis] > 1 ? stride[axis] * step : 0;
    }
    ocl_nest_merge(nest);
    return base;
}

void ocl_emit_slice(struct ocl_build *b)
{
    struct ocl_nest nest;
    if (tnb_count(ocl_out_type(b, 0)) == 0)
        return;
    int64_t base = slice_nest(b, ocl_in_type(b, 0), ocl_out_type(b, 0), &nest);
    ocl_emit_gather(b, ocl_in(b, 0), ocl_out(b, 0), out_size(b), &nest, base);
}

void ocl_emit_slice_grad(struct ocl_build *b)
{
    const tnb_tensor *dx = ocl_out_type(b, 0), *dy = ocl_in_type(b, 0);
    uint32_t size = out_size(b);
    ocl_emit_fill(b, ocl_out(b, 0), size, 0, tnb_count(dx));
    if (tnb_count(dy) == 0)
        return;
    struct ocl_nest nest;
    int64_t base = slice_nest(b, dx, dy, &nest);
    ocl_kernel(b, "strided", ocl_bits_option(size), "scatter");
    ocl_arg_ref(b, ocl_in(b, 0), size);
    ocl_arg_ref(b, ocl_out(b, 0), size);
    ocl_arg_nest(b, &nest, nest.rank);
    ocl_arg_int(b, base);
    ocl_each(b, tnb_count(dy), LEAST);
}

/* The arguments that a window of `part` inside `full` needs: its strides, and its bounds. */
static void window_args(struct ocl_build *b, const tnb_tensor *full, const tnb_tensor *part)
{
    int64_t stride[TNB_MAX_RANK];
    int32_t bounds[1 + 2 * TNB_MAX_RANK];
    struct ocl_nest nest;
    shape_strides(full, stride);
    ocl_nest_init(&nest, part, 1);
    bounds[0] = (int32_t)full->rank;
    for (uint32_t i = 0; i < full->rank; i++) {
        nest.stride[0][i] = stride[i];
        bounds[1 + i] = (int32_t)(full->dim[i] - part->dim[i]);
        bounds[1 + full->rank + i] = (int32_t)stride[i];
    }
    ocl_nest_merge(&nest);
    ocl_arg_nest(b, &nest, nest.rank);
    ocl_arg_table(b, bounds, 1 + 2 * full->rank);
    ocl_each(b, tnb_count(part), LEAST);
}

static void window_kernel(struct ocl_build *b, const char *name, const tnb_tensor *start)
{
    char options[64];
    snprintf(options, sizeof(options), "%s %s", ocl_bits_option(out_size(b)),
             ocl_label_option(start->dtype));
    ocl_kernel(b, "strided", options, name);
}

void ocl_emit_dynamic_slice(struct ocl_build *b)
{
    uint32_t size = out_size(b);
    if (tnb_count(ocl_out_type(b, 0)) == 0)
        return;
    window_kernel(b, "dynamic_gather", ocl_in_type(b, 1));
    ocl_arg_ref(b, ocl_in(b, 0), size);
    ocl_arg_ref(b, ocl_in(b, 1), (uint32_t)tnb_dtype_size(ocl_in_type(b, 1)->dtype));
    ocl_arg_ref(b, ocl_out(b, 0), size);
    window_args(b, ocl_in_type(b, 0), ocl_out_type(b, 0));
}

void ocl_emit_dynamic_update(struct ocl_build *b)
{
    uint32_t size = out_size(b);
    const tnb_tensor *full = ocl_in_type(b, 0), *part = ocl_in_type(b, 1);
    /* nothing to copy when the plan lets input and output share memory */
    ocl_copy_launch(b, ocl_out(b, 0), ocl_in(b, 0), (uint64_t)tnb_count(full) * size);
    if (tnb_count(part) == 0)
        return;
    window_kernel(b, "dynamic_scatter", ocl_in_type(b, 2));
    ocl_arg_ref(b, ocl_in(b, 1), size);
    ocl_arg_ref(b, ocl_in(b, 2), (uint32_t)tnb_dtype_size(ocl_in_type(b, 2)->dtype));
    ocl_arg_ref(b, ocl_out(b, 0), size);
    window_args(b, full, part);
}

void ocl_emit_fill_op(struct ocl_build *b)
{
    const tnb_tensor *y = ocl_out_type(b, 0);
    ocl_emit_fill(b, ocl_out(b, 0), out_size(b),
                  moves_bits(y->dtype, tnb_attr_float(b->node, "value", 0)), tnb_count(y));
}

void ocl_emit_dim_size(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    uint32_t n = tnb_attr_count(b->node, "axes");
    double size = 1;
    for (uint32_t i = 0; i < (n ? n : x->rank); i++)
        size *= (double)x->dim[n ? shape_axis(tnb_attr_at(b->node, "axes", i, 0), x->rank) : i];
    ocl_emit_fill(b, ocl_out(b, 0), 4, moves_bits(TNB_F32, size), 1);
}
