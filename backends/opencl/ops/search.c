#include "ops.h"

static uint32_t element_size(uint32_t dtype)
{
    return dtype == TNB_I64 ? 8 : dtype == TNB_I32 || dtype == TNB_F32 ? 4 : 1;
}

/* x to y along one axis, with two flags; a work-group per line where a GPU has a long one. */
static void emit_lines(struct ocl_build *b, const char *const names[2], const char *options,
                       uint32_t out_size, const int64_t flags[2])
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    struct shape_split s = shape_split_of(b->node, x, -1);
    if (s.outer * s.inner * s.n == 0)
        return;
    bool group = ocl_is_gpu(b) && s.n >= 128 && !(s.inner >= 32 && s.outer * s.inner >= 4096);
    ocl_kernel(b, "search", options, names[group]);
    ocl_arg_ref(b, ocl_in(b, 0), element_size(x->dtype));
    ocl_arg_ref(b, ocl_out(b, 0), out_size);
    ocl_arg_int(b, s.n);
    ocl_arg_int(b, s.inner);
    ocl_arg_int(b, flags[0] != 0);
    ocl_arg_int(b, flags[1] != 0);
    if (group)
        ocl_groups(b, s.outer * s.inner, s.n >= 1024 ? 256 : 64);
    else
        ocl_each(b, s.outer * s.inner, s.n >= 1024 ? 1 : 1024 / s.n);
}

void ocl_emit_arg(struct ocl_build *b)
{
    static const char *const names[] = {"arg_item", "arg_group"};
    const int64_t flags[] = {strcmp(b->node->op, "argmin") == 0,
                             tnb_attr_int(b->node, "select_last_index", 0)};
    emit_lines(b, names, ocl_element_option(ocl_in_type(b, 0)->dtype), 8, flags);
}

void ocl_emit_cumsum(struct ocl_build *b)
{
    static const char *const names[] = {"cumsum_item", "cumsum_group"};
    const int64_t flags[] = {tnb_attr_int(b->node, "exclusive", 0),
                             tnb_attr_int(b->node, "reverse", 0)};
    uint32_t dtype = ocl_in_type(b, 0)->dtype;
    const char *options = dtype == TNB_I64   ? "-DT=ulong"
                          : dtype == TNB_I32 ? "-DT=uint"
                                             : ocl_element_option(dtype);
    emit_lines(b, names, options, element_size(dtype), flags);
}

/* Counting places reads the whole line for each of its elements, all work-items at once; the other
 * way one work-item walks each line with a heap, every step of it a trip to memory. In the time of
 * one such step a GPU compares about this often. */
#define COMPARES_PER_STEP 65536

/* Which is shorter. Powers of two bound the logarithm of k. */
static bool counts_places(const struct ocl_build *b, const struct shape_split *s, int64_t k)
{
    double steps = (double)s->n,
           compares = (double)s->outer * (double)s->inner * (double)s->n * (double)s->n;
    for (int64_t heap = 1; heap < k; heap *= 2)
        steps += 2 * (double)k;
    return ocl_is_gpu(b) && compares <= steps * COMPARES_PER_STEP;
}

void ocl_emit_top_k(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    struct shape_split s = shape_split_of(b->node, x, -1);
    int64_t k = tnb_attr_int(b->node, "k", 0);
    if (s.outer * s.inner * k == 0)
        return;
    bool count = counts_places(b, &s, k);
    ocl_kernel(b, "search", ocl_element_option(x->dtype), count ? "top_k_rank" : "top_k_item");
    ocl_arg_ref(b, ocl_in(b, 0), element_size(x->dtype));
    ocl_arg_ref(b, ocl_out(b, 0), element_size(x->dtype));
    ocl_arg_ref(b, ocl_out(b, 1), 8);
    ocl_arg_int(b, s.n);
    ocl_arg_int(b, s.inner);
    ocl_arg_int(b, k);
    ocl_arg_int(b, tnb_attr_int(b->node, "largest", 1) != 0);
    ocl_each(b, count ? s.outer * s.inner * s.n : s.outer * s.inner, s.n >= 256 ? 1 : 256 / s.n);
}

void ocl_emit_top_k_grad(struct ocl_build *b)
{
    struct shape_split s = shape_split_of(b->node, ocl_out_type(b, 0), -1),
                       from = shape_split_of(b->node, ocl_in_type(b, 0), -1);
    if (s.outer * s.inner * s.n == 0)
        return;
    ocl_kernel(b, "search", "-DT=float", "top_k_grad_item");
    ocl_arg_ref(b, ocl_in(b, 0), 8);
    ocl_arg_f32(b, ocl_in(b, 1));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, s.n);
    ocl_arg_int(b, s.inner);
    ocl_arg_int(b, from.n);
    ocl_each(b, s.outer * s.inner, s.n >= 1024 ? 1 : 1024 / s.n);
}
