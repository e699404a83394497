#include "ops/util.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"
#include "tensor/view.h"

const char *const tn_ops_in_ab[2] = {"a", "b"}, *const tn_ops_in_x[1] = {"x"},
                  *const tn_ops_in_y_dy[2] = {"y", "dy"};
const char *const tn_ops_out_y[1] = {"y"}, *const tn_ops_out_dx[1] = {"dx"};

void tn_walk_init(struct tn_walk *walk, const struct tn_shape *shape)
{
    *walk = (struct tn_walk){.rank = shape->rank};
    memcpy(walk->dim, shape->dim, sizeof(walk->dim));
}

void tn_walk_broadcast(struct tn_walk *walk, uint32_t k, const struct tn_shape *shape)
{
    uint32_t lead = walk->rank - shape->rank;
    int64_t step = 1;
    for (uint32_t d = shape->rank; d-- > 0;) {
        walk->stride[k][lead + d] = shape->dim[d] == 1 ? 0 : step;
        step *= shape->dim[d];
    }
}

void tn_walk_next(struct tn_walk *walk)
{
    for (uint32_t d = walk->rank; d-- > 0;) {
        for (uint32_t k = 0; k < TN_WALK_MAX; k++)
            walk->at[k] += walk->stride[k][d];
        if (++walk->pos[d] < walk->dim[d])
            return;
        for (uint32_t k = 0; k < TN_WALK_MAX; k++)
            walk->at[k] -= walk->stride[k][d] * walk->dim[d];
        walk->pos[d] = 0;
    }
}

void tn_ops_strides(const struct tn_shape *shape, int64_t out_stride[TN_MAX_RANK])
{
    int64_t step = 1;
    for (uint32_t d = shape->rank; d-- > 0;) {
        out_stride[d] = step;
        step *= shape->dim[d];
    }
}

int64_t tn_ops_product(const struct tn_shape *shape, uint32_t from, uint32_t to)
{
    int64_t n = 1;
    for (uint32_t d = from; d < to; d++)
        if (shape->dim[d] == 0)
            return 0; /* whatever the others would come to */
    for (uint32_t d = from; d < to; d++)
        if (TN_MUL_OVERFLOW(n, shape->dim[d], &n))
            return INT64_MAX;
    return n;
}

uint32_t tn_ops_axis(const struct tn_attrs *attrs, uint32_t rank)
{
    int64_t axis = tn_attrs_int(attrs, "axis");
    return (uint32_t)(axis < 0 ? axis + rank : axis);
}

int64_t tn_ops_wrap(int64_t v, tn_dtype dtype)
{
    uint32_t low;
    switch (dtype) {
    case TN_BOOL:
        return v != 0;
    case TN_U8:
        return v & 0xff;
    case TN_I32:
        low = (uint32_t)((uint64_t)v & 0xffffffffu);
        return low < 0x80000000u ? (int64_t)low : (int64_t)low - 0x100000000;
    default:
        return v;
    }
}

int64_t tn_ops_saturate(double v, tn_dtype dtype)
{
    if (dtype == TN_BOOL)
        return v != 0.0; /* NaN too */
    if (isnan(v))
        return 0;
    int64_t lo = dtype == TN_U8 ? 0 : dtype == TN_I32 ? INT32_MIN : INT64_MIN;
    int64_t hi = dtype == TN_U8 ? 255 : dtype == TN_I32 ? INT32_MAX : INT64_MAX;
    if (v <= (double)lo)
        return lo;
    if (v >= (double)hi) /* for i64 that is 2^63, the first that does not fit */
        return hi;
    return (int64_t)v;
}

tn_dtype tn_ops_dtype_named(const char *name)
{
    for (int d = TN_F32; d <= TN_BOOL; d++)
        if (strcmp(tn_dtype_name((tn_dtype)d), name) == 0)
            return (tn_dtype)d;
    return (tn_dtype)0;
}

char *tn_ops_format_ints(const int64_t *list, uint32_t n, char *buf, size_t size)
{
    size_t at = 0;
    snprintf(buf, size, n == 0 ? "[]" : "[");
    for (uint32_t i = 0; i < n; i++) {
        at = strlen(buf);
        snprintf(buf + at, size - at, "%lld%s", (long long)list[i], i + 1 < n ? ", " : "]");
    }
    return buf;
}

tn_status tn_ops_infer_same(struct tn_infer *ctx)
{
    return tn_ops_infer_like(ctx, 1);
}

tn_status tn_ops_infer_like(struct tn_infer *ctx, uint32_t n)
{
    tn_status st = tn_infer_float(ctx, 0);
    for (uint32_t i = 1; st == TN_OK && i < n; i++)
        st = tn_ops_infer_alike(ctx, 0, i);
    if (st == TN_OK)
        ctx->out[0] = *ctx->in[0];
    return st;
}

tn_status tn_ops_infer_alike(const struct tn_infer *ctx, uint32_t a, uint32_t b)
{
    tn_status st = tn_infer_float(ctx, a);
    if (st == TN_OK)
        st = tn_infer_same_dtype(ctx, a, b);
    if (st == TN_OK)
        st = tn_infer_same_shape(ctx, a, b);
    return st;
}

tn_status tn_ops_infer_dtype(const struct tn_infer *ctx, tn_dtype *out_dtype)
{
    const char *name = tn_attrs_string(ctx->attrs, "dtype");
    tn_dtype dtype = tn_ops_dtype_named(name);
    if (!dtype)
        return tn_infer_fail(ctx, "'%s' is no dtype; use f32, f16, bf16, f64, i32, i64, u8 or bool",
                             name);
    *out_dtype = dtype;
    return TN_OK;
}

tn_status tn_ops_infer_shape(const struct tn_infer *ctx, const char *attr,
                             struct tn_shape *out_shape)
{
    uint32_t rank;
    const int64_t *dims = tn_attrs_ints(ctx->attrs, attr, &rank);
    char text[128];
    if (rank > TN_MAX_RANK)
        return tn_infer_fail(ctx, "a %s of %u dims is too long: the limit is %d", attr, rank,
                             TN_MAX_RANK);
    struct tn_shape shape = tn_shape_make(dims, rank);
    if (!tn_shape_fits(&shape))
        return tn_infer_fail(ctx, "%s %s must have no negative dim and less than 2^62 elements",
                             attr, tn_ops_format_ints(dims, rank, text, sizeof(text)));
    *out_shape = shape;
    return TN_OK;
}

tn_status tn_ops_infer_finite(const struct tn_infer *ctx, const char *attr)
{
    double value = tn_attrs_float(ctx->attrs, attr);
    return isfinite(value) ? TN_OK : tn_infer_fail(ctx, "%s is %g, must be finite", attr, value);
}

tn_status tn_ops_infer_range(const struct tn_infer *ctx, const char *attr, double min, double end)
{
    double value = tn_attrs_float(ctx->attrs, attr);
    if (value >= min && value < end)
        return TN_OK;
    if (isinf(end))
        return tn_infer_fail(ctx, "%s is %g, must be finite and at least %g", attr, value, min);
    return tn_infer_fail(ctx, "%s is %g, must be at least %g and below %g", attr, value, min, end);
}

tn_status tn_ops_infer_axes(const struct tn_infer *ctx, uint32_t rank)
{
    uint32_t n, seen = 0, d;
    const int64_t *axes = tn_attrs_ints(ctx->attrs, "axes", &n);
    for (uint32_t i = 0; i < n; i++) {
        tn_status st = tn_infer_axis(ctx, axes[i], rank, &d);
        if (st != TN_OK)
            return st;
        if (seen & (1u << d))
            return tn_infer_fail(ctx, "axis %u is named twice in axes", d);
        seen |= 1u << d;
    }
    return TN_OK;
}

uint32_t tn_ops_axes_mask(const struct tn_attrs *attrs, uint32_t rank)
{
    uint32_t n, mask = 0;
    const int64_t *axes = tn_attrs_ints(attrs, "axes", &n);
    for (uint32_t i = 0; i < n; i++)
        mask |= 1u << (axes[i] < 0 ? axes[i] + rank : axes[i]);
    return n == 0 ? (1u << rank) - 1 : mask;
}

tn_dtype tn_ops_loss_dtype(tn_dtype input)
{
    return input == TN_F64 ? TN_F64 : TN_F32;
}

tn_status tn_ops_infer_dloss(const struct tn_infer *ctx, uint32_t input,
                             const struct tn_shape *samples)
{
    tn_dtype dtype = tn_ops_loss_dtype(ctx->in[0]->dtype);
    char text[128];
    if (ctx->in[input]->dtype == dtype && tn_shape_equal(&ctx->in[input]->shape, samples))
        return TN_OK;
    return tn_infer_fail(ctx, "dloss must be %s %s, like the loss", tn_dtype_name(dtype),
                         tn_shape_format(samples, text, sizeof(text)));
}

tn_status tn_ops_infer_index(const struct tn_infer *ctx, uint32_t input)
{
    tn_dtype dtype = ctx->in[input]->dtype;
    if (dtype == TN_I32 || dtype == TN_I64)
        return TN_OK;
    return tn_infer_fail(ctx, "input %u must hold integers (i32 or i64), not %s; cast it first",
                         input, tn_dtype_name(dtype));
}

tn_status tn_ops_broadcast(const struct tn_infer *ctx, const struct tn_shape *a,
                           const struct tn_shape *b, struct tn_shape *out_shape)
{
    struct tn_shape s = a->rank >= b->rank ? *a : *b;
    const struct tn_shape *small = a->rank >= b->rank ? b : a;
    uint32_t lead = s.rank - small->rank;
    for (uint32_t d = 0; d < small->rank; d++) {
        int64_t *dim = &s.dim[lead + d], other = small->dim[d];
        if (*dim == 1)
            *dim = other;
        else if (other != 1 && other != *dim) {
            char x[96], y[96];
            return tn_infer_fail(ctx,
                                 "shapes %s and %s do not broadcast: seen from the right, two dims "
                                 "must be equal or one of them 1",
                                 tn_shape_format(a, x, sizeof(x)),
                                 tn_shape_format(b, y, sizeof(y)));
        }
    }
    *out_shape = s;
    return TN_OK;
}

tn_status tn_ops_no_gradient_to(const struct tn_grad *ctx, const char *name, const char *why)
{
    tn_graph_fail(ctx->graph, TN_E_INVALID,
                  "node '%s': no gradient flows to its input '%s' (%s); put stop_gradient on what "
                  "feeds it",
                  ctx->label, name, why);
    return TN_E_INVALID;
}

tn_value tn_ops_scalar(const struct tn_grad *ctx, tn_value like, double value)
{
    return tn_graph_scalar(ctx->graph, tn_graph_dtype(ctx->graph, like), value);
}

struct tn_attr tn_ops_attr(const struct tn_grad *ctx, const char *name)
{
    for (uint32_t i = 0; i < ctx->attrs->n; i++)
        if (strcmp(ctx->attrs->list[i].name, name) == 0)
            return ctx->attrs->list[i];
    return (struct tn_attr){.name = name}; /* not in the schema: our bug, refused by the graph */
}

tn_status tn_ops_reshape_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_shape storage;
    struct tn_attr shape = tn_grad_shape_attr(ctx, "shape", ctx->in[0], &storage);
    ctx->in_grad[0] = tn_op1(ctx->graph, "reshape", ctx->out_grad[0], &shape, 1);
    return TN_OK;
}

tn_value tn_ops_zeros(const struct tn_grad *ctx, tn_value like)
{
    struct tn_shape storage;
    tn_value zeros = TN_NONE;
    struct tn_attr attrs[] = {
        tn_grad_shape_attr(ctx, "shape", like, &storage),
        TN_AF("value", 0.0),
        TN_AS("dtype", tn_dtype_name(tn_graph_dtype(ctx->graph, like))),
    };
    tn_graph_op(ctx->graph, "fill", NULL, 0, attrs, TN_LEN(attrs), &zeros, 1);
    return zeros;
}

/* A double and an int64_t have one size, so that the bytes need no look at the dtype. */
void tn_ops_move(const struct tn_ref_tensor *out, int64_t to, const struct tn_ref_tensor *in,
                 int64_t from)
{
    memcpy((char *)out->data.any + to * 8, (const char *)in->data.any + from * 8, 8);
}

void tn_ops_add(const struct tn_ref_tensor *out, int64_t to, const struct tn_ref_tensor *in,
                int64_t from)
{
    if (tn_dtype_is_float(out->type.dtype))
        out->data.f[to] += in->data.f[from];
    else
        out->data.i[to] = tn_ops_wrap(
            (int64_t)((uint64_t)out->data.i[to] + (uint64_t)in->data.i[from]), out->type.dtype);
}

void tn_ops_put(const struct tn_ref_tensor *out, int64_t i, double value)
{
    if (tn_dtype_is_float(out->type.dtype))
        out->data.f[i] = value;
    else
        out->data.i[i] = tn_ops_saturate(value, out->type.dtype);
}

void tn_ops_copy(const struct tn_ref *ctx)
{
    for (int64_t i = 0; i < ctx->out[0].count; i++)
        tn_ops_move(&ctx->out[0], i, &ctx->in[0], i);
}

void tn_ops_clear(const struct tn_ref_tensor *out)
{
    if (out->count)
        memset(out->data.any, 0, (size_t)out->count * 8);
}
