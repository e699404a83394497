/* Random tensors, the same numbers on every device and at any split of a batch: each element is a
 * function of its key and its place (base/rng.h), in arithmetic that rounds alike everywhere.
 *
 *   uniform      y = fma(high - low, unit(draw), low) in f32; where that rounds to high, low
 *   normal       y = fma(std, z(draw), mean) in f32; z by integers from tenon/normal_table.h
 *   bernoulli    y = unit(draw) < p, compared in f32        (ONNX Bernoulli)
 *   permutation  y = the places 0 .. n-1 in the order of their draws, of equal ones the lower
 *                first
 *
 * With `sample` [N] the output is [N, shape]: element e of the sample with global index sample[i]
 * lies at [i, e]. Without, all of the output is sample 0. */
#include <inttypes.h>
#include <math.h>

#include "ops/draw.h"
#include "tenon/normal_table.h"

static const int32_t normal_table[TNB_NORMAL_N] = {TNB_NORMAL_TABLE};

static tn_status check_rng(const struct tn_infer *ctx)
{
    tn_status st = tn_infer_rank(ctx, 0, 0, 0);
    if (st == TN_OK && ctx->n_in > 1 && ctx->in[1])
        st = tn_infer_rank(ctx, 1, 1, 1);
    if (st != TN_OK)
        return st;
    if (ctx->in[0]->dtype != TN_I64)
        return tn_infer_fail(ctx, "rng is %s, must be i64", tn_dtype_name(ctx->in[0]->dtype));
    if (ctx->n_in > 1 && ctx->in[1] && ctx->in[1]->dtype != TN_I64)
        return tn_infer_fail(ctx, "sample is %s, must be i64", tn_dtype_name(ctx->in[1]->dtype));
    return TN_OK;
}

/* [N, shape], or shape without samples. */
static tn_status output_shape(const struct tn_infer *ctx, struct tn_shape *out_shape)
{
    struct tn_shape each, y = {0};
    tn_status st = tn_ops_infer_shape(ctx, "shape", &each);
    if (st != TN_OK)
        return st;
    if (ctx->in[1]) {
        if (each.rank == TN_MAX_RANK)
            return tn_infer_fail(ctx,
                                 "a shape of %u dims leaves no room for the samples': the "
                                 "limit is %d",
                                 each.rank, TN_MAX_RANK - 1);
        y.dim[y.rank++] = ctx->in[1]->shape.dim[0];
    }
    for (uint32_t d = 0; d < each.rank; d++)
        y.dim[y.rank++] = each.dim[d];
    *out_shape = y;
    return TN_OK;
}

/* The samples of an output and the elements of each. */
static int64_t each_sample(const struct tn_ref *ctx, int64_t *out_n_each)
{
    const struct tn_ref_tensor *y = &ctx->out[0];
    int64_t n = ctx->in[1].data.any ? y->type.shape.dim[0] : 1;
    *out_n_each = n > 0 ? y->count / n : 0;
    return n;
}

static uint64_t sample_index(const struct tn_ref *ctx, int64_t i)
{
    return ctx->in[1].data.any ? (uint64_t)ctx->in[1].data.i[i] : 0;
}

static const char *const random_in[] = {"rng", "sample"};
#define SHAPE_ATTR                                                                       \
    {                                                                                    \
        .name = "shape", .type = TN_ATTR_INTS, .doc = "of one sample; without, a scalar" \
    }
#define RANDOM_SHAPES "rng i64 scalar, sample i64 [N] or absent; y f32 [N, shape] or shape"
#define NOTHING_TO_MOVE "what is drawn does not depend on any input that varies smoothly"

/* --- uniform --- */

static tn_status uniform_infer(struct tn_infer *ctx)
{
    double low = tn_attrs_float(ctx->attrs, "low"), high = tn_attrs_float(ctx->attrs, "high");
    struct tn_shape y;
    tn_status st = check_rng(ctx);
    if (st != TN_OK)
        return st;
    if (!(low <= high) || !isfinite((float)high - (float)low))
        return tn_infer_fail(ctx, "from %g to %g: low must be at most high, and both finite in f32",
                             low, high);
    st = output_shape(ctx, &y);
    if (st == TN_OK)
        ctx->out[0] = (struct tn_type){TN_F32, y};
    return st;
}

static void uniform_reference(const struct tn_ref *ctx)
{
    float low = (float)tn_attrs_float(ctx->attrs, "low");
    float high = (float)tn_attrs_float(ctx->attrs, "high"), range = high - low;
    uint64_t key = tn_draw_key(&ctx->in[0], ctx->attrs);
    int64_t n_each, n = each_sample(ctx, &n_each);
    for (int64_t i = 0; i < n; i++)
        for (int64_t e = 0; e < n_each; e++) {
            float u = tn_rng_unit(tn_draw_bits(key, sample_index(ctx, i), e));
            float v = fmaf(range, u, low);
            ctx->out[0].data.f[i * n_each + e] = (double)(v < high ? v : low);
        }
}

static const struct tn_attr_schema uniform_attrs[] = {
    SHAPE_ATTR,
    {.name = "low", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 0.0}, .doc = "smallest value"},
    {.name = "high", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 1.0}, .doc = "limit, left out"},
    TN_DRAW_PATH_HASH,
};
const struct tn_op tn_op_uniform = {
    .name = "uniform",
    .version = 1,
    .min_in = 1,
    .max_in = 2,
    .n_out = 1,
    .in_names = random_in,
    .out_names = tn_ops_out_y,
    .attrs = uniform_attrs,
    .n_attrs = TN_LEN(uniform_attrs),
    .formula = "low + (high - low) unit(draw), one rounding in f32",
    .shapes = RANDOM_SHAPES "; in [low, high), and low where they are equal",
    .infer = uniform_infer,
    .no_gradient = NOTHING_TO_MOVE,
    .reference = uniform_reference,
};

/* --- normal --- */

static tn_status normal_infer(struct tn_infer *ctx)
{
    double mean = tn_attrs_float(ctx->attrs, "mean"), std = tn_attrs_float(ctx->attrs, "std");
    struct tn_shape y;
    tn_status st = check_rng(ctx);
    if (st != TN_OK)
        return st;
    if (!isfinite((float)mean) || !(std >= 0) || !isfinite((float)std))
        return tn_infer_fail(ctx, "mean %g, std %g: both must be finite in f32, std not negative",
                             mean, std);
    st = output_shape(ctx, &y);
    if (st == TN_OK)
        ctx->out[0] = (struct tn_type){TN_F32, y};
    return st;
}

static uint32_t upper(uint32_t a, uint32_t b)
{
    return (uint32_t)((uint64_t)a * b >> 32);
}

/* As tenon/normal_table.h says. */
static float standard_normal(uint32_t draw)
{
    uint32_t m = draw >> 1, z, e = 5;
    if (m < 32) {
        z = (uint32_t)normal_table[3 * m];
    } else {
        while (m >> (e + 1))
            e++;
        const int32_t *c = normal_table + 3 * ((e - 4) * 32 + (m >> (e - 5)) % 32);
        uint32_t u = (~m << 1) << (36 - e);
        z = (uint32_t)c[0] + upper(u, (uint32_t)c[1] + upper(u, (uint32_t)c[2]));
    }
    float size = (float)z * 0x1p-28f;
    return draw & 1 ? -size : size;
}

static void normal_reference(const struct tn_ref *ctx)
{
    float mean = (float)tn_attrs_float(ctx->attrs, "mean");
    float std = (float)tn_attrs_float(ctx->attrs, "std");
    uint64_t key = tn_draw_key(&ctx->in[0], ctx->attrs);
    int64_t n_each, n = each_sample(ctx, &n_each);
    for (int64_t i = 0; i < n; i++)
        for (int64_t e = 0; e < n_each; e++) {
            float z = standard_normal(tn_draw_bits(key, sample_index(ctx, i), e));
            ctx->out[0].data.f[i * n_each + e] = (double)fmaf(std, z, mean);
        }
}

static const struct tn_attr_schema normal_attrs[] = {
    SHAPE_ATTR,
    {.name = "mean", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 0.0}, .doc = "mean"},
    {.name = "std", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 1.0}, .doc = "standard deviation"},
    TN_DRAW_PATH_HASH,
};
const struct tn_op tn_op_normal = {
    .name = "normal",
    .version = 1,
    .min_in = 1,
    .max_in = 2,
    .n_out = 1,
    .in_names = random_in,
    .out_names = tn_ops_out_y,
    .attrs = normal_attrs,
    .n_attrs = TN_LEN(normal_attrs),
    .formula = "mean + std z(draw), one rounding in f32",
    .shapes = RANDOM_SHAPES "; z by integers from a table of quantiles, to 6.34 at most, so that "
                            "every device draws the same bits",
    .infer = normal_infer,
    .no_gradient = NOTHING_TO_MOVE,
    .reference = normal_reference,
};

/* --- bernoulli --- */

static tn_status bernoulli_infer(struct tn_infer *ctx)
{
    uint32_t rank;
    double prob = tn_attrs_float(ctx->attrs, "prob");
    tn_dtype dtype = TN_F32;
    struct tn_shape y;
    tn_status st = check_rng(ctx);
    if (st == TN_OK)
        st = tn_ops_infer_dtype(ctx, &dtype);
    if (st != TN_OK)
        return st;
    if (!(prob >= 0 && prob <= 1))
        return tn_infer_fail(ctx, "prob is %g, must be from 0 to 1", prob);
    if (!ctx->in[2]) {
        st = output_shape(ctx, &y);
        if (st == TN_OK)
            ctx->out[0] = (struct tn_type){dtype, y};
        return st;
    }
    st = tn_infer_float(ctx, 2);
    if (st != TN_OK)
        return st;
    y = ctx->in[2]->shape;
    tn_attrs_ints(ctx->attrs, "shape", &rank);
    if (rank)
        return tn_infer_fail(ctx, "both shape and p are given; the output has p's shape");
    if (ctx->in[1] && (y.rank == 0 || y.dim[0] != ctx->in[1]->shape.dim[0]))
        return tn_infer_fail(ctx, "sample names %" PRId64 " samples; p must have as many rows",
                             ctx->in[1]->shape.dim[0]);
    ctx->out[0] = (struct tn_type){dtype, y};
    return TN_OK;
}

static void bernoulli_reference(const struct tn_ref *ctx)
{
    float prob = (float)tn_attrs_float(ctx->attrs, "prob");
    uint64_t key = tn_draw_key(&ctx->in[0], ctx->attrs);
    int64_t n_each, n = each_sample(ctx, &n_each);
    for (int64_t i = 0; i < n; i++)
        for (int64_t e = 0; e < n_each; e++) {
            int64_t at = i * n_each + e;
            float u = tn_rng_unit(tn_draw_bits(key, sample_index(ctx, i), e));
            int is_one = u < (ctx->in[2].data.any ? (float)ctx->in[2].data.f[at] : prob);
            tn_ops_put(&ctx->out[0], at, is_one);
        }
}

static const char *const bernoulli_in[] = {"rng", "sample?", "p"};
static const struct tn_attr_schema bernoulli_attrs[] = {
    SHAPE_ATTR,
    {.name = "prob",
     .type = TN_ATTR_FLOAT,
     .dflt = {.u.f = 0.5},
     .doc = "chance of a 1 where p is absent"},
    {.name = "dtype", .type = TN_ATTR_STRING, .dflt = {.u.s = "f32"}, .doc = "element type of y"},
    TN_DRAW_PATH_HASH,
};
const struct tn_op tn_op_bernoulli = {
    .name = "bernoulli",
    .version = 1,
    .min_in = 1,
    .max_in = 3,
    .n_out = 1,
    .in_names = bernoulli_in,
    .out_names = tn_ops_out_y,
    .attrs = bernoulli_attrs,
    .n_attrs = TN_LEN(bernoulli_attrs),
    .formula = "1 where unit(draw) < p, else 0",
    .shapes = "rng i64 scalar, sample i64 [N] or absent, p float or absent; y [N, shape] or shape, "
              "with p its shape; a NaN in p gives 0",
    .infer = bernoulli_infer,
    .no_gradient = "a coin does not vary smoothly with its chance",
    .reference = bernoulli_reference,
};

/* --- permutation --- */

static tn_status permutation_infer(struct tn_infer *ctx)
{
    int64_t n = tn_attrs_int(ctx->attrs, "n");
    tn_status st = check_rng(ctx);
    if (st != TN_OK)
        return st;
    if (n < 0 || n > INT32_MAX)
        return tn_infer_fail(ctx, "n is %" PRId64 ", must be from 0 to 2^31 - 1", n);
    ctx->out[0] = (struct tn_type){TN_I64, TN_SHAPE(n)};
    return TN_OK;
}

/* y holds draw << 32 | place while it is sorted; draws are cut to 31 bits to keep it positive. */
static void sift(int64_t *heap, int64_t root, int64_t n)
{
    int64_t top = heap[root];
    for (int64_t child; (child = 2 * root + 1) < n; root = child) {
        child += child + 1 < n && heap[child + 1] > heap[child];
        if (heap[child] <= top)
            break;
        heap[root] = heap[child];
    }
    heap[root] = top;
}

static void permutation_reference(const struct tn_ref *ctx)
{
    uint64_t key = tn_draw_key(&ctx->in[0], ctx->attrs);
    int64_t *y = ctx->out[0].data.i, n = ctx->out[0].count;
    for (int64_t i = 0; i < n; i++)
        y[i] = (int64_t)(tn_draw_bits(key, 0, i) >> 1) * ((int64_t)1 << 32) + i;
    for (int64_t i = n / 2; i-- > 0;)
        sift(y, i, n);
    for (int64_t last = n; last-- > 1;) {
        int64_t top = y[0];
        y[0] = y[last];
        y[last] = top;
        sift(y, 0, last);
    }
    for (int64_t i = 0; i < n; i++)
        y[i] &= UINT32_MAX;
}

static const char *const permutation_in[] = {"rng"};
static const struct tn_attr_schema permutation_attrs[] = {
    {.name = "n", .type = TN_ATTR_INT, .required = 1, .doc = "how many"},
    TN_DRAW_PATH_HASH,
};
const struct tn_op tn_op_permutation = {
    .name = "permutation",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = permutation_in,
    .out_names = tn_ops_out_y,
    .attrs = permutation_attrs,
    .n_attrs = TN_LEN(permutation_attrs),
    .formula = "0 .. n-1 in the order of the upper 31 bits of their draws",
    .shapes = "rng i64 scalar; y i64 [n]; of equal draws the lower place first",
    .infer = permutation_infer,
    .no_gradient = "an index does not vary smoothly",
    .reference = permutation_reference,
};
