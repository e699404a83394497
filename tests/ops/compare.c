#include "compare.h"

#include <math.h>
#include <string.h>

#include "tensor/convert.h"

static double relative(tn_dtype dtype)
{
    return dtype == TN_F64 ? 1e-12 : dtype == TN_F16 ? 1e-3 : dtype == TN_BF16 ? 1.6e-2 : 1e-5;
}

static int is_half(tn_dtype dtype)
{
    return dtype == TN_F16 || dtype == TN_BF16;
}

/* --- limits of a node --- */

/* The reference once more with every floating-point input replaced: by its absolute value, or by
 * one. Gives the sum of absolute products and the number of terms for each output element. */
static int run_replaced(const struct tn_op *op, const struct tn_ref *ref, int by_ones,
                        struct tn_arena *arena, double **out_values)
{
    struct tn_ref_tensor *in = TN_ARENA_NEW(arena, struct tn_ref_tensor, ref->n_in + 1);
    struct tn_ref_tensor out[TN_OP_MAX_OUT];
    struct tn_ref again = *ref;
    if (!in)
        return 0;
    for (uint32_t i = 0; i < ref->n_in; i++) {
        in[i] = ref->in[i];
        if (!in[i].data.any || !tn_dtype_is_float(in[i].type.dtype))
            continue;
        in[i].data.f = TN_ARENA_NEW(arena, double, in[i].count + 1);
        for (int64_t e = 0; in[i].data.f && e < in[i].count; e++)
            in[i].data.f[e] = by_ones ? 1.0 : fabs(ref->in[i].data.f[e]);
        if (!in[i].data.f)
            return 0;
    }
    for (uint32_t k = 0; k < ref->n_out; k++) {
        out[k] = ref->out[k];
        if (out[k].data.any && !(out[k].data.f = TN_ARENA_NEW(arena, double, out[k].count + 1)))
            return 0;
        out_values[k] = out[k].data.f;
    }
    again.in = in;
    again.out = out;
    op->reference(&again);
    return 1;
}

tn_status op_limits_make(const struct tn_op *op, const struct tn_ref *ref, enum op_tolerance tol,
                         int64_t terms, struct tn_arena *arena, struct op_limits *out_limits)
{
    struct op_limits l = {.tol = tol, .terms = terms};
    if (tol == TOL_SUM &&
        (!run_replaced(op, ref, 0, arena, l.size) || !run_replaced(op, ref, 1, arena, l.n_terms)))
        return TN_E_OOM;
    for (uint32_t k = 0; k < ref->n_out; k++) {
        const struct tn_ref_tensor *out = &ref->out[k];
        if (!out->data.any || !tn_dtype_is_float(out->type.dtype))
            continue;
        for (int64_t e = 0; e < out->count; e++)
            if (isfinite(out->data.f[e]))
                l.largest[k] = fmax(l.largest[k], fabs(out->data.f[e]));
    }
    *out_limits = l;
    return TN_OK;
}

/* f16 and bf16 are stored with rounding, but accumulated in f32. */
static double sum_allowed(const struct op_limits *l, uint32_t k, int64_t e, tn_dtype dtype,
                          double want)
{
    double terms = l->terms ? (double)l->terms : fabs(l->n_terms[k][e]);
    double size = fabs(l->size[k][e]);
    double roundoff = l->products == TN_BF16 ? 0x1p-8
                      : l->products          ? 0x1p-11
                      : dtype == TN_F64      ? 0x1p-53
                                             : 0x1p-24;
    double stored = is_half(dtype) ? relative(dtype) * fabs(want) : 0.0;
    return (terms + 2.0) * roundoff * size + stored + (dtype == TN_F16 ? 0x1p-25 : 1e-37);
}

double op_limits_allowed(const struct op_limits *l, uint32_t k, int64_t e, tn_dtype dtype,
                         double want)
{
    double rel = fmax(relative(dtype), l->products ? relative(l->products) : 0.0);
    switch (l->tol) {
    case TOL_EXACT:
        return 0.0;
    case TOL_COMPOSITE:
        return rel * (fabs(want) + l->largest[k]);
    case TOL_SUM:
        return sum_allowed(l, k, e, dtype, want);
    default:
        return rel * fabs(want) + 0.1 * rel;
    }
}

/* As the type holds it. */
static double rounded(tn_dtype dtype, double v)
{
    switch (dtype) {
    case TN_F32:
        return (double)(float)v;
    case TN_F16:
        return tn_f16_to_double(tn_f16_from_double(v));
    case TN_BF16:
        return tn_bf16_to_double(tn_bf16_from_double(v));
    default:
        return v;
    }
}

double op_limits_share(const struct op_limits *l, uint32_t k, int64_t e, tn_dtype dtype, double got,
                       double want)
{
    double exact = want;
    want = rounded(dtype, want);
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got) ? 0.0 : INFINITY;
    if (got == want)
        return 0.0;
    double allowed = op_limits_allowed(l, k, e, dtype, exact);
    /* Next to the end of the range one rounds to infinity and the other does not. */
    if (isinf(got) != isinf(want) && isfinite(exact)) {
        double edge = isinf(got) ? fabs(exact) + allowed : fabs(exact) - allowed;
        int same_sign = (got > 0) == (exact > 0);
        return same_sign && isinf(got) == isinf(rounded(dtype, edge)) ? 1.0 : INFINITY;
    }
    double difference = fabs(got - want);
    return allowed > 0.0 && isfinite(difference) ? difference / allowed : INFINITY;
}

/* --- an operator's class --- */

enum op_tolerance op_tolerance_of(const char *op, int64_t *out_terms)
{
    /* The wider covers the narrower: a sum of products has no other measure. */
    static const int width[] = {
        [TOL_EXACT] = 0, [TOL_ELEMENTWISE] = 1, [TOL_COMPOSITE] = 2, [TOL_SUM] = 3};
    enum op_tolerance tol = TOL_EXACT;
    const struct op_case *c;
    int found = 0;
    *out_terms = 0;
    for (size_t f = 0; f < op_family_count(); f++)
        for (size_t i = 0; (c = op_family_case(op_family_at(f), i)); i++) {
            if (c->reject || strcmp(c->op, op) != 0)
                continue;
            found = 1;
            if (width[c->tol] > width[tol])
                tol = c->tol;
            if (c->terms > *out_terms)
                *out_terms = c->terms;
        }
    return found ? tol : TOL_COMPOSITE;
}

/* --- a case --- */

tn_status op_bounds_open(const struct op_run *run, struct op_bounds *out_bounds,
                         struct tn_error *err)
{
    struct op_bounds b;
    struct tn_ref ref = {.self = run->op,
                         .attrs = &run->attrs,
                         .n_in = run->n_in,
                         .n_out = run->op->n_out,
                         .in = run->in,
                         .out = (struct tn_ref_tensor *)(uintptr_t)run->out};
    tn_arena_init(&b.arena);
    if (run->op->scratch) {
        int64_t n = run->op->scratch(&ref);
        ref.scratch = n > 0 ? TN_ARENA_NEW(&b.arena, double, n) : NULL;
    }
    tn_status st = op_limits_make(run->op, &ref, run->c->tol, run->c->terms, &b.arena, &b.limits);
    if (st != TN_OK) {
        tn_arena_finish(&b.arena);
        return tn_error_set(err, st, "%s/%s: no memory", run->c->op, run->c->name);
    }
    *out_bounds = b;
    return TN_OK;
}

void op_bounds_close(struct op_bounds *bounds)
{
    tn_arena_finish(&bounds->arena);
}

double op_bounds_allowed(const struct op_bounds *bounds, uint32_t k, int64_t e, tn_dtype dtype,
                         double want)
{
    return op_limits_allowed(&bounds->limits, k, e, dtype, want);
}

int op_bounds_accepts(const struct op_bounds *bounds, uint32_t k, int64_t e, tn_dtype dtype,
                      double got, double want)
{
    return op_limits_share(&bounds->limits, k, e, dtype, got, want) <= 1.0;
}
