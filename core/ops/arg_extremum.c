/* argmax and argmin: where the largest or smallest element along an axis is (ONNX ArgMax, ArgMin).
 *
 * Of equals the first, or with select_last_index the last. NaN counts as largest and as smallest,
 * so that a broken value shows, as in NumPy. */
#include <math.h>

#include "ops/reduce.h"

static tn_status infer(struct tn_infer *ctx)
{
    const struct tn_shape *x = &ctx->in[0]->shape;
    uint32_t axis;
    tn_status st = tn_infer_axis(ctx, tn_attrs_int(ctx->attrs, "axis"), x->rank, &axis);
    if (st == TN_OK)
        st = tn_reduce_refuse_empty(ctx, x, 1u << axis);
    if (st != TN_OK)
        return st;
    int keep = tn_attrs_int(ctx->attrs, "keepdims") != 0;
    ctx->out[0] = (struct tn_type){TN_I64, tn_reduce_shape(x, 1u << axis, keep)};
    return TN_OK;
}

/* Whether v takes the place of `top`, which was met before. */
static int better_f(double v, double top, int smallest, int last)
{
    if (isnan(top))
        return isnan(v) && last;
    if (isnan(v))
        return 1;
    if (v == top)
        return last;
    return smallest ? v < top : v > top;
}

static int better_i(int64_t v, int64_t top, int smallest, int last)
{
    if (v == top)
        return last;
    return smallest ? v < top : v > top;
}

static void search(const struct tn_ref *ctx, int smallest)
{
    const struct tn_ref_tensor *x = &ctx->in[0];
    int last = tn_attrs_int(ctx->attrs, "select_last_index") != 0;
    int is_float = tn_dtype_is_float(x->type.dtype);
    uint32_t mask = 1u << tn_ops_axis(ctx->attrs, x->type.shape.rank);
    struct tn_walk outer, inner;
    int64_t n = tn_reduce_walk(&x->type.shape, mask, &outer, &inner);
    for (int64_t o = 0; o < ctx->out[0].count; o++, tn_walk_next(&outer)) {
        int64_t best = 0, best_at = outer.at[0];
        for (int64_t j = 0; j < n; j++, tn_walk_next(&inner)) {
            int64_t at = outer.at[0] + inner.at[0];
            if (j > 0 && (is_float ? better_f(x->data.f[at], x->data.f[best_at], smallest, last)
                                   : better_i(x->data.i[at], x->data.i[best_at], smallest, last))) {
                best = j;
                best_at = at;
            }
        }
        ctx->out[0].data.i[o] = best;
    }
}

static void argmax_reference(const struct tn_ref *ctx)
{
    search(ctx, 0);
}

static void argmin_reference(const struct tn_ref *ctx)
{
    search(ctx, 1);
}

static const struct tn_attr_schema attrs[] = {
    {.name = "axis", .type = TN_ATTR_INT, .dflt = {.u.i = -1}, .doc = "axis to search"},
    TN_REDUCE_KEEPDIMS,
    {.name = "select_last_index", .type = TN_ATTR_INT, .doc = "1: the last of equals"},
};
#define ARG(op_name, text)                                                                        \
    .name = op_name, .version = 1, .min_in = 1, .max_in = 1, .n_out = 1, .in_names = tn_ops_in_x, \
    .out_names = tn_ops_out_y, .attrs = attrs, .n_attrs = TN_LEN(attrs), .formula = text,         \
    .shapes = "x of any type; y i64; NaN counts as the one sought; a searched dim of 0 is "       \
              "refused",                                                                          \
    .infer = infer, .no_gradient = "an index does not vary smoothly"

const struct tn_op tn_op_argmax = {
    ARG("argmax", "index of the largest x along the axis, the first of equals"),
    .reference = argmax_reference};
const struct tn_op tn_op_argmin = {
    ARG("argmin", "index of the smallest x along the axis, the first of equals"),
    .reference = argmin_reference};
