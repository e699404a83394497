#include <stdio.h>

#include "../../moves.h"
#include "reduce.h"

static void split_nests(const tnb_tensor *x, const bool *is_reduced, struct ocl_reduction *r)
{
    int64_t stride[TNB_MAX_RANK];
    shape_strides(x, stride);
    *r = (struct ocl_reduction){.kept = {.n_operands = 1}, .reduced = {.n_operands = 1}};
    for (uint32_t i = 0; i < x->rank; i++) {
        struct ocl_nest *nest = is_reduced[i] ? &r->reduced : &r->kept;
        nest->dim[nest->rank] = x->dim[i];
        nest->stride[0][nest->rank++] = stride[i];
    }
    ocl_nest_merge(&r->kept);
    ocl_nest_merge(&r->reduced);
    r->n_out = ocl_nest_count(&r->kept);
    r->n_reduced = ocl_nest_count(&r->reduced);
    uint32_t rank = r->reduced.rank;
    r->r_inner = rank ? r->reduced.dim[rank - 1] : 1;
    r->r_step = rank ? r->reduced.stride[0][rank - 1] : 1;
    if (r->r_inner == 0)
        r->r_inner = 1;
}

static void axes_of(const struct ocl_build *b, const tnb_tensor *x, bool *out_reduced)
{
    uint32_t n = tnb_attr_count(b->node, "axes");
    for (uint32_t i = 0; i < TNB_MAX_RANK; i++)
        out_reduced[i] = n == 0;
    for (uint32_t i = 0; i < n; i++)
        out_reduced[shape_axis(tnb_attr_at(b->node, "axes", i, 0), x->rank)] = true;
}

static void nest_args(struct ocl_build *b, const struct ocl_reduction *r)
{
    ocl_arg_nest(b, &r->kept, r->kept.rank);
    ocl_arg_nest(b, &r->reduced, r->reduced.rank ? r->reduced.rank - 1 : 0);
}

/* x [A, R, B] with B innermost: sums down columns. */
static bool is_columns(const struct ocl_reduction *r)
{
    const struct ocl_nest *kept = &r->kept;
    if (r->reduced.rank != 1 || kept->rank == 0 || kept->rank > 2)
        return false;
    int64_t width = kept->dim[kept->rank - 1];
    return kept->stride[0][kept->rank - 1] == 1 && r->r_step == width &&
           (kept->rank == 1 || kept->stride[0][0] == width * r->n_reduced);
}

static void launch_columns(struct ocl_build *b, const char *fold, struct ocl_ref x,
                           struct ocl_ref y, const struct ocl_reduction *r, double scale)
{
    char name[32];
    int64_t width = r->kept.dim[r->kept.rank - 1], blocks = (width + 15) / 16;
    snprintf(name, sizeof(name), "%s_columns", fold);
    ocl_kernel(b, "reduce", "", name);
    ocl_arg_f32(b, x);
    ocl_arg_f32(b, y);
    nest_args(b, r);
    ocl_arg_int(b, width);
    ocl_arg_int(b, blocks);
    ocl_arg_int(b, r->n_reduced);
    ocl_arg_int(b, 1);
    ocl_arg_float(b, scale);
    ocl_each(b, r->n_out / width * blocks, 1);
}

static void launch_one(struct ocl_build *b, const char *fold, struct ocl_ref x, struct ocl_ref y,
                       const struct ocl_reduction *r, bool group, int64_t splits, double scale)
{
    char name[32];
    int64_t n = r->n_out * splits;
    snprintf(name, sizeof(name), "%s_%s", fold, group ? "group" : "item");
    ocl_kernel(b, "reduce", "", name);
    ocl_arg_f32(b, x);
    ocl_arg_f32(b, y);
    nest_args(b, r);
    ocl_arg_int(b, r->r_inner);
    ocl_arg_int(b, r->r_step);
    ocl_arg_int(b, r->n_reduced);
    ocl_arg_int(b, splits);
    ocl_arg_float(b, scale);
    if (group) {
        ocl_arg_int(b, n);
        ocl_arg_int(b, 1);
        ocl_groups(b, n, r->n_reduced / splits < 128 ? 64 : 256);
    } else {
        int64_t work = r->n_reduced / splits + 1;
        ocl_each(b, n, work >= 1024 ? 1 : 1024 / work);
    }
}

/* Cuts long reductions with few outputs into runs, so that every core has work. */
static int64_t choose_splits(const struct ocl_build *b, const struct ocl_reduction *r, bool group)
{
    int64_t units = b->device->desc->n_units, want, least;
    if (ocl_is_gpu(b)) {
        want = group ? 4 * units / r->n_out : 32768 / r->n_out;
        least = group ? 4096 : 64;
    } else {
        want = 4 * units / r->n_out;
        least = 32768;
    }
    int64_t most = r->n_reduced / least;
    int64_t splits = want < most ? want : most;
    return splits < 1 ? 1 : splits > 1024 ? 1024 : splits;
}

static void launch(struct ocl_build *b, const char *fold, struct ocl_ref x, struct ocl_ref y,
                   const struct ocl_reduction *r, double scale)
{
    if (r->n_out == 0)
        return;
    if (!ocl_is_gpu(b) && is_columns(r)) {
        launch_columns(b, fold, x, y, r, scale);
        return;
    }
    bool coalesced = r->kept.rank && r->kept.stride[0][r->kept.rank - 1] == 1;
    bool group = ocl_is_gpu(b) && !(coalesced && r->n_out >= 32) && r->n_reduced >= 16;
    int64_t splits = choose_splits(b, r, group);
    if (splits == 1) {
        launch_one(b, fold, x, y, r, group, 1, scale);
        return;
    }
    struct ocl_ref partial = ocl_scratch(b, (uint64_t)(r->n_out * splits) * 4);
    launch_one(b, fold, x, partial, r, group, splits, 1.0);
    tnb_tensor t = {.rank = 2, .dim = {r->n_out, splits}};
    bool axes[TNB_MAX_RANK] = {false, true};
    struct ocl_reduction second;
    split_nests(&t, axes, &second);
    launch_one(b, fold, partial, y, &second, ocl_is_gpu(b) && splits >= 16, 1, scale);
}

void ocl_reduction_of_node(const struct ocl_build *b, struct ocl_reduction *out_reduction)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    bool axes[TNB_MAX_RANK];
    axes_of(b, x, axes);
    split_nests(x, axes, out_reduction);
}

bool ocl_reduction_by_group(const struct ocl_build *b, const struct ocl_reduction *r)
{
    bool coalesced = r->kept.rank && r->kept.stride[0][r->kept.rank - 1] == 1;
    bool enough = r->n_out >= (r->n_reduced >= 1024 ? 4096 : 32);
    return ocl_is_gpu(b) && !(coalesced && enough) && r->n_reduced >= 16;
}

void ocl_reduction_args(struct ocl_build *b, const struct ocl_reduction *r)
{
    nest_args(b, r);
    ocl_arg_int(b, r->r_inner);
    ocl_arg_int(b, r->r_step);
    ocl_arg_int(b, r->n_reduced);
}

void ocl_reduction_range(struct ocl_build *b, const struct ocl_reduction *r, bool group)
{
    if (group) {
        ocl_arg_int(b, r->n_out);
        ocl_arg_int(b, 1);
        ocl_groups(b, r->n_out, r->n_reduced < 128 ? 64 : 256);
    } else {
        int64_t work = r->n_reduced + 1;
        ocl_each(b, r->n_out, work >= 1024 ? 1 : 1024 / work);
    }
}

/* The mean is a sum that is divided afterwards. */
static const char *integer_kernel(const char *op)
{
    static const char *const names[] = {"prod", "max", "min"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(op, names[i]) == 0)
            return names[i];
    return "sum";
}

/* What a fold of no elements is. */
static int64_t integer_start(const char *op, uint32_t dtype)
{
    bool max = strcmp(op, "max") == 0, min = strcmp(op, "min") == 0;
    return max || min ? moves_extreme(dtype, min) : strcmp(op, "prod") == 0;
}

/* i32 and i64, for max and min u8 and bool as well. */
static void reduce_integers(struct ocl_build *b, const struct ocl_reduction *r)
{
    char name[32];
    bool group = ocl_reduction_by_group(b, r);
    uint32_t dtype = ocl_in_type(b, 0)->dtype, size = dtype == TNB_I64   ? 8
                                                      : dtype == TNB_I32 ? 4
                                                                         : 1;
    if (r->n_out == 0)
        return;
    snprintf(name, sizeof(name), "%s_%s", integer_kernel(b->node->op), group ? "group" : "item");
    ocl_kernel(b, "reduce_int", ocl_element_option(dtype), name);
    ocl_arg_ref(b, ocl_in(b, 0), size);
    ocl_arg_ref(b, ocl_out(b, 0), size);
    ocl_reduction_args(b, r);
    ocl_arg_long(b, strcmp(b->node->op, "mean") == 0 ? r->n_reduced : 1);
    ocl_arg_long(b, integer_start(b->node->op, dtype));
    ocl_reduction_range(b, r, group);
}

void ocl_emit_reduce(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    struct ocl_reduction r;
    ocl_reduction_of_node(b, &r);
    bool mean = strcmp(b->node->op, "mean") == 0;
    if (x->dtype != TNB_F32)
        reduce_integers(b, &r);
    else
        launch(b, mean ? "sum" : b->node->op, ocl_in(b, 0), ocl_out(b, 0), &r,
               mean ? 1.0 / (double)r.n_reduced : 1.0);
}

void ocl_emit_sum_outer(struct ocl_build *b, struct ocl_ref x, struct ocl_ref y, int64_t s,
                        int64_t n)
{
    tnb_tensor t = {.rank = 2, .dim = {s, n}};
    bool axes[TNB_MAX_RANK] = {true, false};
    struct ocl_reduction r;
    if (n > 0 && s > INT32_MAX / n) { /* x is scratch: no operand's size has been checked for it */
        ocl_build_fail(b, TNB_E_UNSUPPORTED, "partial sums of more than 2^31 - 1 elements");
        return;
    }
    split_nests(&t, axes, &r);
    launch(b, "sum", x, y, &r, 1.0);
}

/* max_grad (x, y, dy) and prod_grad (x, dy). */
void ocl_emit_reduce_grad(struct ocl_build *b)
{
    char name[32];
    struct ocl_reduction r;
    ocl_reduction_of_node(b, &r);
    if (r.n_out == 0 || r.n_reduced == 0)
        return;
    bool group = ocl_reduction_by_group(b, &r);
    snprintf(name, sizeof(name), "%s_%s", b->node->op, group ? "group" : "item");
    ocl_kernel(b, "reduce_grad", "", name);
    for (uint32_t i = 0; i < b->node->n_in; i++)
        ocl_arg_f32(b, ocl_in(b, i));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_reduction_args(b, &r);
    ocl_reduction_range(b, &r, group);
}
