/* top_k: the k largest or smallest elements along an axis and where they lie (ONNX TopK).
 *
 *   values, indices = the first k of x in order of size; of equals the lower index comes first, and
 *   NaN counts as largest (as in PyTorch)
 *   dx = dvalues at the indices, 0 elsewhere      (top_k_grad)
 *
 * The order does not depend on `sorted`: what sorts less is free to, so it is sorted always. */
#include <math.h>

#include "ops/util.h"

/* x [outer, n, inner] around the axis. */
struct around {
    int64_t outer, n, inner;
};

static struct around split(const struct tn_attrs *attrs, const struct tn_shape *s)
{
    uint32_t d = tn_ops_axis(attrs, s->rank);
    return (struct around){tn_ops_product(s, 0, d), s->dim[d], tn_ops_product(s, d + 1, s->rank)};
}

static tn_status infer(struct tn_infer *ctx)
{
    uint32_t axis;
    struct tn_type y = *ctx->in[0];
    int64_t k = tn_attrs_int(ctx->attrs, "k");
    tn_status st = tn_infer_axis(ctx, tn_attrs_int(ctx->attrs, "axis"), y.shape.rank, &axis);
    if (st != TN_OK)
        return st;
    if (y.dtype == TN_U8 || y.dtype == TN_BOOL)
        return tn_infer_fail(ctx, "x is %s; it must be a float type, i32 or i64: cast it first",
                             tn_dtype_name(y.dtype));
    if (k < 0 || k > y.shape.dim[axis])
        return tn_infer_fail(ctx, "k is %lld, must be from 0 to %lld, the size of axis %u",
                             (long long)k, (long long)y.shape.dim[axis], axis);
    y.shape.dim[axis] = k;
    ctx->out[0] = y;
    ctx->out[1] = (struct tn_type){TN_I64, y.shape};
    return TN_OK;
}

/* Whether element a comes before element b, places apart from sizes. */
static int before(const struct tn_ref_tensor *x, int64_t a, int64_t b, int largest)
{
    if (!tn_dtype_is_float(x->type.dtype))
        return largest ? x->data.i[a] > x->data.i[b] : x->data.i[a] < x->data.i[b];
    double va = x->data.f[a], vb = x->data.f[b];
    if (isnan(va) || isnan(vb))
        return largest ? isnan(va) && !isnan(vb) : !isnan(va) && isnan(vb);
    return largest ? va > vb : va < vb;
}

static void store(const struct tn_ref *ctx, int64_t at, int64_t from, int64_t index)
{
    if (ctx->out[1].data.any)
        ctx->out[1].data.i[at] = index;
    if (ctx->out[0].data.any)
        tn_ops_move(&ctx->out[0], at, &ctx->in[0], from);
}

/* An element's place is how many come before it. */
static void reference(const struct tn_ref *ctx)
{
    const struct tn_ref_tensor *x = &ctx->in[0];
    struct around a = split(ctx->attrs, &x->type.shape);
    int64_t k = tn_attrs_int(ctx->attrs, "k");
    int largest = tn_attrs_int(ctx->attrs, "largest") != 0;
    for (int64_t r = 0; a.n > 0 && r < a.outer * a.inner; r++) {
        int64_t row = r / a.inner, begin = row * a.n * a.inner + r % a.inner;
        int64_t out = row * k * a.inner + r % a.inner;
        for (int64_t i = 0; i < a.n; i++) {
            int64_t place = 0, at = begin + i * a.inner;
            for (int64_t j = 0; j < a.n; j++) {
                int64_t other = begin + j * a.inner;
                place += j < i ? !before(x, at, other, largest) : before(x, other, at, largest);
            }
            if (place < k)
                store(ctx, out + place * a.inner, at, i);
        }
    }
}

static tn_status gradient(const struct tn_grad *ctx)
{
    struct tn_shape storage;
    if (!ctx->needed[0] || ctx->out_grad[0] == TN_NONE)
        return TN_OK;
    struct tn_attr attr[] = {tn_grad_shape_attr(ctx, "shape", ctx->in[0], &storage),
                             tn_ops_attr(ctx, "axis")};
    ctx->in_grad[0] = tn_op2(ctx->graph, "top_k_grad", ctx->out[1], ctx->out_grad[0], attr, 2);
    return TN_OK;
}

static const struct tn_attr_schema attrs[] = {
    {.name = "k", .type = TN_ATTR_INT, .required = 1, .doc = "how many"},
    {.name = "axis", .type = TN_ATTR_INT, .dflt = {.u.i = -1}, .doc = "axis to search"},
    {.name = "largest", .type = TN_ATTR_INT, .dflt = {.u.i = 1}, .doc = "0: the smallest"},
    {.name = "sorted",
     .type = TN_ATTR_INT,
     .dflt = {.u.i = 1},
     .doc = "0: any order will do; they come sorted all the same"},
};
static const char *const out_names[] = {"values", "indices"};
const struct tn_op tn_op_top_k = {
    .name = "top_k",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 2,
    .in_names = tn_ops_in_x,
    .out_names = out_names,
    .attrs = attrs,
    .n_attrs = TN_LEN(attrs),
    .formula = "the k largest x along the axis, the largest first, and their indices",
    .shapes = "x float, i32 or i64; values of x's type and indices i64 have k along the axis; of "
              "equals the lower index first; NaN is largest",
    .infer = infer,
    .gradient = gradient,
    .reference = reference,
};

/* --- top_k_grad --- */

static tn_status grad_infer(struct tn_infer *ctx)
{
    uint32_t axis;
    struct tn_shape shape;
    const struct tn_shape *indices = &ctx->in[0]->shape;
    tn_status st = tn_infer_float(ctx, 1);
    if (st == TN_OK)
        st = tn_infer_same_shape(ctx, 0, 1);
    if (st == TN_OK && ctx->in[0]->dtype != TN_I64)
        st = tn_infer_fail(ctx, "indices are %s, must be i64, as top_k gives them",
                           tn_dtype_name(ctx->in[0]->dtype));
    if (st == TN_OK)
        st = tn_ops_infer_shape(ctx, "shape", &shape);
    if (st == TN_OK && shape.rank != indices->rank)
        st =
            tn_infer_fail(ctx, "shape has %u dims, the indices have %u", shape.rank, indices->rank);
    if (st == TN_OK)
        st = tn_infer_axis(ctx, tn_attrs_int(ctx->attrs, "axis"), shape.rank, &axis);
    if (st != TN_OK)
        return st;
    for (uint32_t d = 0; d < shape.rank; d++)
        if (d != axis && shape.dim[d] != indices->dim[d])
            return tn_infer_fail(ctx, "shape has %lld along axis %u, the indices have %lld",
                                 (long long)shape.dim[d], d, (long long)indices->dim[d]);
    ctx->out[0] = (struct tn_type){ctx->in[1]->dtype, shape};
    return TN_OK;
}

static void grad_reference(const struct tn_ref *ctx)
{
    struct around a = split(ctx->attrs, &ctx->out[0].type.shape);
    struct around from = split(ctx->attrs, &ctx->in[0].type.shape);
    double *dx = ctx->out[0].data.f;
    tn_ops_clear(&ctx->out[0]);
    for (int64_t i = 0; i < ctx->in[0].count; i++) {
        int64_t index = ctx->in[0].data.i[i], row = i / (from.n * from.inner);
        if (index >= 0 && index < a.n)
            dx[(row * a.n + index) * a.inner + i % from.inner] += ctx->in[1].data.f[i];
    }
}

static const char *const grad_in[] = {"indices", "dvalues"};
static const struct tn_attr_schema grad_attrs[] = {
    {.name = "shape", .type = TN_ATTR_INTS, .required = 1, .doc = "x's shape"},
    {.name = "axis", .type = TN_ATTR_INT, .dflt = {.u.i = -1}, .doc = "as in top_k"},
};
const struct tn_op tn_op_top_k_grad = {
    .name = "top_k_grad",
    .version = 1,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .in_names = grad_in,
    .out_names = tn_ops_out_dx,
    .attrs = grad_attrs,
    .n_attrs = TN_LEN(grad_attrs),
    .formula = "dvalues at the indices along the axis, 0 elsewhere",
    .shapes = "indices i64, dvalues float, of one shape; dx: shape; an index outside names nothing",
    .infer = grad_infer,
    .no_gradient = TN_OPS_NO_SECOND,
    .reference = grad_reference,
};
