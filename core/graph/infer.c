/* Running shape rules, and the checks that rules share. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "graph/build.h"
#include "tensor/view.h"

static const char *input_name(const struct tn_infer *ctx, uint32_t input)
{
    const struct tn_op *op = tn_op_find(ctx->op);
    if (!op || !op->in_names || op->max_in == 0)
        return "?";
    return op->in_names[op->max_in > TN_OP_MAX_FIXED ? 0 : TN_MIN(input, op->max_in - 1)];
}

tn_status tn_infer_fail(const struct tn_infer *ctx, const char *fmt, ...)
{
    char text[512], inputs[384] = "", shape[160];
    size_t n = 0;
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (uint32_t i = 0; i < ctx->n_in && n < sizeof inputs; i++) {
        const struct tn_type *type = ctx->in[i];
        int wrote = 0;
        if (type)
            wrote = snprintf(inputs + n, sizeof inputs - n, "%s%s %s", i ? ", " : "; inputs ",
                             tn_shape_format(&type->shape, shape, sizeof shape),
                             tn_dtype_name(type->dtype));
        else if (i + 1 < ctx->n_in)
            wrote = snprintf(inputs + n, sizeof inputs - n, "%s-", i ? ", " : "; inputs ");
        n += (size_t)wrote;
    }
    return tn_error_set(ctx->err, TN_E_INVALID, "op '%s' (%s): %s%s", ctx->op, ctx->label, text,
                        inputs);
}

/* Every check first asks this. */
static tn_status present(const struct tn_infer *ctx, uint32_t input)
{
    if (input < ctx->n_in && ctx->in[input])
        return TN_OK;
    return tn_infer_fail(ctx, "input %u ('%s') is missing", input, input_name(ctx, input));
}

tn_status tn_infer_rank(const struct tn_infer *ctx, uint32_t input, uint32_t min, uint32_t max)
{
    if (present(ctx, input) != TN_OK)
        return TN_E_INVALID;
    uint32_t rank = ctx->in[input]->shape.rank;
    if (rank >= min && rank <= max)
        return TN_OK;
    const char *name = input_name(ctx, input);
    if (min == max)
        return tn_infer_fail(ctx, "'%s' must have %u dims, has %u", name, min, rank);
    if (max >= TN_MAX_RANK)
        return tn_infer_fail(ctx, "'%s' must have at least %u dims, has %u", name, min, rank);
    return tn_infer_fail(ctx, "'%s' must have %u to %u dims, has %u", name, min, max, rank);
}

tn_status tn_infer_float(const struct tn_infer *ctx, uint32_t input)
{
    if (present(ctx, input) != TN_OK)
        return TN_E_INVALID;
    if (tn_dtype_is_float(ctx->in[input]->dtype))
        return TN_OK;
    return tn_infer_fail(ctx, "'%s' must be floating point, is %s; convert it with 'cast'",
                         input_name(ctx, input), tn_dtype_name(ctx->in[input]->dtype));
}

tn_status tn_infer_same_dtype(const struct tn_infer *ctx, uint32_t a, uint32_t b)
{
    if (present(ctx, a) != TN_OK || present(ctx, b) != TN_OK)
        return TN_E_INVALID;
    if (ctx->in[a]->dtype == ctx->in[b]->dtype)
        return TN_OK;
    return tn_infer_fail(
        ctx, "'%s' and '%s' must have one dtype, are %s and %s; convert one with 'cast'",
        input_name(ctx, a), input_name(ctx, b), tn_dtype_name(ctx->in[a]->dtype),
        tn_dtype_name(ctx->in[b]->dtype));
}

tn_status tn_infer_same_shape(const struct tn_infer *ctx, uint32_t a, uint32_t b)
{
    char sa[160], sb[160];
    if (present(ctx, a) != TN_OK || present(ctx, b) != TN_OK)
        return TN_E_INVALID;
    if (tn_shape_equal(&ctx->in[a]->shape, &ctx->in[b]->shape))
        return TN_OK;
    return tn_infer_fail(ctx, "'%s' and '%s' must have one shape, are %s and %s",
                         input_name(ctx, a), input_name(ctx, b),
                         tn_shape_format(&ctx->in[a]->shape, sa, sizeof sa),
                         tn_shape_format(&ctx->in[b]->shape, sb, sizeof sb));
}

tn_status tn_infer_broadcast(const struct tn_infer *ctx, uint32_t a, uint32_t b,
                             struct tn_shape *out_shape)
{
    if (present(ctx, a) != TN_OK || present(ctx, b) != TN_OK)
        return TN_E_INVALID;
    const struct tn_shape *sa = &ctx->in[a]->shape, *sb = &ctx->in[b]->shape;
    struct tn_shape made = {.rank = TN_MAX(sa->rank, sb->rank)};
    for (uint32_t i = 0; i < made.rank; i++) { /* axes counted from the right */
        int64_t da = i < sa->rank ? sa->dim[sa->rank - 1 - i] : 1;
        int64_t db = i < sb->rank ? sb->dim[sb->rank - 1 - i] : 1;
        if (da != db && da != 1 && db != 1) {
            char ta[160], tb[160];
            return tn_infer_fail(ctx,
                                 "shapes %s and %s do not broadcast: axis -%u is %" PRId64
                                 " and %" PRId64 "; they must be equal, or one of them 1",
                                 tn_shape_format(sa, ta, sizeof ta),
                                 tn_shape_format(sb, tb, sizeof tb), i + 1, da, db);
        }
        made.dim[made.rank - 1 - i] = da == 1 ? db : da;
    }
    *out_shape = made;
    return TN_OK;
}

tn_status tn_infer_axis(const struct tn_infer *ctx, int64_t axis, uint32_t rank, uint32_t *out_axis)
{
    if (rank == 0)
        return tn_infer_fail(ctx, "axis %" PRId64 " of a scalar, which has none; reshape it to [1]",
                             axis);
    if (axis < -(int64_t)rank || axis >= (int64_t)rank)
        return tn_infer_fail(ctx, "axis %" PRId64 " is outside [-%u, %u)", axis, rank, rank);
    *out_axis = (uint32_t)(axis < 0 ? axis + rank : axis);
    return TN_OK;
}

tn_status tn_node_infer(const struct tn_op *op, const char *label, const struct tn_attrs *attrs,
                        uint32_t n_in, const struct tn_type *const *in, struct tn_type *out,
                        struct tn_error *err)
{
    struct tn_error local = {0};
    struct tn_infer ctx = {.self = op,
                           .op = op->name,
                           .label = label,
                           .attrs = attrs,
                           .n_in = n_in,
                           .n_out = op->n_out,
                           .in = in,
                           .out = out,
                           .err = err ? err : &local};
    memset(out, 0, op->n_out * sizeof *out);
    tn_status status = op->infer(&ctx);
    if (status != TN_OK)
        return status;
    for (uint32_t i = 0; i < op->n_out; i++) {
        if (tn_dtype_size(out[i].dtype) == 0 || out[i].shape.rank > TN_MAX_RANK)
            return tn_infer_fail(&ctx, "output %u would have %u dims; at most %d are possible", i,
                                 out[i].shape.rank, TN_MAX_RANK);
        if (!tn_shape_fits(&out[i].shape)) {
            char text[256];
            return tn_infer_fail(&ctx, "output %u would have shape %s, which is not possible", i,
                                 tn_shape_format(&out[i].shape, text, sizeof text));
        }
    }
    return TN_OK;
}

tn_status tn_node_settle(const struct tn_op *op, const struct tn_attrs *attrs, uint32_t n_in,
                         const struct tn_type *const *in, struct tn_type *out,
                         struct tn_arena *arena, struct tn_attrs *out_attrs)
{
    struct tn_error local = {0};
    const struct tn_infer ctx = {.self = op,
                                 .op = op->name,
                                 .label = "",
                                 .attrs = attrs,
                                 .n_in = n_in,
                                 .n_out = op->n_out,
                                 .in = in,
                                 .out = out,
                                 .err = &local};
    struct tn_attrs settled = *attrs;
    tn_status status = op->settle ? op->settle(&ctx, arena, &settled) : TN_OK;
    if (status == TN_OK)
        *out_attrs = settled;
    return status;
}
