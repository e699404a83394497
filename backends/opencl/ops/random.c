#include "ops.h"
#include "tenon/normal_table.h"

/* Axes that share a mask count as 1 long: a nest places each element's draw. */
static void emit_shared(struct ocl_build *b, const tnb_tensor *x, int64_t n, int64_t samples)
{
    struct ocl_nest nest;
    tnb_tensor each = {.rank = x->rank - 1}, mask;
    double rate = tnb_attr_float(b->node, "rate", 0.5);
    for (uint32_t d = 1; d < x->rank; d++)
        each.dim[d - 1] = x->dim[d];
    mask = each;
    for (uint32_t i = 0; i < tnb_attr_count(b->node, "shared_axes"); i++)
        mask.dim[shape_axis(tnb_attr_at(b->node, "shared_axes", i, 1), x->rank) - 1] = 1;
    ocl_nest_init(&nest, &each, 1);
    ocl_nest_broadcast(&nest, 0, &mask);
    ocl_nest_merge(&nest);
    ocl_kernel(b, "random", "", "dropout_shared");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_ref(b, ocl_in(b, 1), 8);
    ocl_arg_ref(b, ocl_in(b, 2), 8);
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_nest(b, &nest, nest.rank);
    ocl_arg_int(b, n / samples);
    ocl_arg_float(b, rate);
    ocl_arg_float(b, 1.0 / (1.0 - rate));
    ocl_arg_long(b, tnb_attr_int(b->node, "path_hash", 0));
    ocl_each(b, n, 64);
}

/* Inputs: x [N, ...], sample i64 [N], rng i64 scalar. */
void ocl_emit_dropout(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    int64_t n = tnb_count(x), samples = x->rank ? x->dim[0] : 1;
    if (n == 0)
        return;
    if (tnb_attr_count(b->node, "shared_axes")) {
        emit_shared(b, x, n, samples);
        return;
    }
    bool runs = !ocl_is_gpu(b) && n / samples >= 16;
    int64_t inner = n / samples, per_item = runs ? 64 : 4;
    int64_t blocks = (inner + per_item - 1) / per_item;
    float rate = (float)tnb_attr_float(b->node, "rate", 0.5);
    ocl_kernel(b, "random", "", runs ? "dropout_runs" : "dropout");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_ref(b, ocl_in(b, 1), 8);
    ocl_arg_ref(b, ocl_in(b, 2), 8);
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, inner);
    ocl_arg_int(b, blocks);
    ocl_arg_float(b, rate);
    ocl_arg_float(b, 1.0 / (1.0 - tnb_attr_float(b->node, "rate", 0.5)));
    ocl_arg_long(b, tnb_attr_int(b->node, "path_hash", 0));
    ocl_each(b, samples * blocks, runs ? 16 : 128);
}

/* rng i64 scalar, sample i64 [N] or absent: (rng, sample) as the first operands. */
static void sample_args(struct ocl_build *b)
{
    ocl_arg_ref(b, ocl_in(b, 0), 8);
    ocl_arg_ref(b, ocl_has_in(b, 1) ? ocl_in(b, 1) : ocl_in(b, 0), 8);
}

/* The rest of a launch that draws blocks of four elements. */
static void drawn_range(struct ocl_build *b)
{
    bool sampled = ocl_has_in(b, 1);
    int64_t n = tnb_count(ocl_out_type(b, 0)), samples = sampled ? ocl_in_type(b, 1)->dim[0] : 1;
    int64_t each = n / samples, blocks = (each + 3) / 4;
    ocl_arg_int(b, sampled);
    ocl_arg_int(b, each);
    ocl_arg_int(b, blocks);
    ocl_arg_long(b, tnb_attr_int(b->node, "path_hash", 0));
    ocl_each(b, samples * blocks, 128);
}

void ocl_emit_uniform(struct ocl_build *b)
{
    float low = (float)tnb_attr_float(b->node, "low", 0);
    float high = (float)tnb_attr_float(b->node, "high", 1), range = high - low;
    if (tnb_count(ocl_out_type(b, 0)) == 0)
        return;
    ocl_kernel(b, "random", "", "uniform_blocks");
    sample_args(b);
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_float(b, (double)low);
    ocl_arg_float(b, (double)range);
    ocl_arg_float(b, (double)high);
    drawn_range(b);
}

void ocl_emit_normal(struct ocl_build *b)
{
    static const int32_t quantiles[TNB_NORMAL_N] = {TNB_NORMAL_TABLE};
    if (tnb_count(ocl_out_type(b, 0)) == 0)
        return;
    ocl_kernel(b, "random", "", "normal_blocks");
    sample_args(b);
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_table(b, quantiles, TNB_NORMAL_N);
    ocl_arg_float(b, tnb_attr_float(b->node, "mean", 0));
    ocl_arg_float(b, tnb_attr_float(b->node, "std", 1));
    drawn_range(b);
}

void ocl_emit_bernoulli(struct ocl_build *b)
{
    const tnb_tensor *y = ocl_out_type(b, 0);
    uint32_t size = y->dtype == TNB_I64 ? 8 : y->dtype == TNB_I32 || y->dtype == TNB_F32 ? 4 : 1;
    if (tnb_count(y) == 0)
        return;
    bool has_p = ocl_has_in(b, 2);
    ocl_kernel(b, "random", ocl_element_option(y->dtype), "bernoulli_blocks");
    sample_args(b);
    ocl_arg_f32(b, has_p ? ocl_in(b, 2) : ocl_in(b, 0));
    ocl_arg_ref(b, ocl_out(b, 0), size);
    ocl_arg_int(b, has_p);
    ocl_arg_float(b, tnb_attr_float(b->node, "prob", 0.5));
    drawn_range(b);
}

void ocl_emit_permutation(struct ocl_build *b)
{
    int64_t n = tnb_count(ocl_out_type(b, 0)), size = 1;
    if (n == 0)
        return;
    while (size < n)
        size *= 2;
    struct ocl_ref keys = ocl_scratch(b, (uint64_t)size * 8);
    ocl_kernel(b, "random", "", "permutation_keys");
    ocl_arg_ref(b, ocl_in(b, 0), 8);
    ocl_arg_ref(b, keys, 8);
    ocl_arg_int(b, n);
    ocl_arg_long(b, tnb_attr_int(b->node, "path_hash", 0));
    ocl_each(b, size, 256);
    for (int64_t run = 1; run < size; run *= 2)
        for (int64_t apart = run; apart > 0; apart /= 2) {
            ocl_kernel(b, "random", "", "sort_step");
            ocl_arg_ref(b, keys, 8);
            ocl_arg_int(b, run);
            ocl_arg_int(b, apart);
            ocl_each(b, size / 2, 1024);
        }
    ocl_kernel(b, "random", "", "permutation_places");
    ocl_arg_ref(b, keys, 8);
    ocl_arg_ref(b, ocl_out(b, 0), 8);
    ocl_each(b, n, 1024);
}
