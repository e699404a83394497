#include "compare.h"

#include <math.h>

static double unit_roundoff(tn_dtype dtype)
{
    switch (dtype) {
    case TN_F64:
        return 0x1p-53;
    case TN_F16:
        return 0x1p-11;
    case TN_BF16:
        return 0x1p-8;
    default:
        return 0x1p-24;
    }
}

static double relative(tn_dtype dtype)
{
    return dtype == TN_F64 ? 1e-12 : dtype == TN_F16 ? 1e-3 : dtype == TN_BF16 ? 1.6e-2 : 1e-5;
}

/* The reference once more with every floating-point input replaced: by its absolute value, or by
 * one. Gives the sum of absolute products and the number of terms for each output element. */
static tn_status run_replaced(const struct op_case *c, int by_ones, struct op_run *out_run,
                              struct tn_error *err)
{
    tn_status st = op_run_open(c, TN_F32, out_run, err);
    if (st != TN_OK)
        return st;
    for (uint32_t i = 0; i < out_run->n_in; i++) {
        struct tn_ref_tensor *x = &out_run->in[i];
        for (int64_t e = 0; tn_dtype_is_float(x->type.dtype) && e < x->count; e++)
            x->data.f[e] = by_ones ? 1.0 : fabs(x->data.f[e]);
    }
    st = op_run_reference(out_run, err);
    if (st != TN_OK)
        op_run_close(out_run);
    return st;
}

tn_status op_bounds_open(const struct op_run *run, struct op_bounds *out_bounds,
                         struct tn_error *err)
{
    struct op_bounds b = {.c = run->c};
    if (b.c->tol == TOL_SUM) {
        tn_status st = run_replaced(b.c, 0, &b.abs, err);
        if (st != TN_OK)
            return st;
        st = run_replaced(b.c, 1, &b.ones, err);
        if (st != TN_OK) {
            op_run_close(&b.abs);
            return st;
        }
    }
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        const struct tn_ref_tensor *out = &run->out[k];
        for (int64_t e = 0; tn_dtype_is_float(out->type.dtype) && e < out->count; e++)
            if (isfinite(out->data.f[e]))
                b.largest[k] = fmax(b.largest[k], fabs(out->data.f[e]));
    }
    *out_bounds = b;
    return TN_OK;
}

void op_bounds_close(struct op_bounds *bounds)
{
    if (bounds->c->tol == TOL_SUM) {
        op_run_close(&bounds->abs);
        op_run_close(&bounds->ones);
    }
}

double op_bounds_allowed(const struct op_bounds *bounds, uint32_t k, int64_t e, tn_dtype dtype,
                         double want)
{
    double terms, size;
    switch (bounds->c->tol) {
    case TOL_EXACT:
        return 0.0;
    case TOL_COMPOSITE:
        return relative(dtype) * (fabs(want) + bounds->largest[k]);
    case TOL_SUM:
        terms = bounds->c->terms ? (double)bounds->c->terms : fabs(bounds->ones.out[k].data.f[e]);
        size = fabs(bounds->abs.out[k].data.f[e]);
        return (terms + 2.0) * unit_roundoff(dtype) * size + 1e-37;
    default:
        return relative(dtype) * fabs(want) + 0.1 * relative(dtype);
    }
}

int op_bounds_accepts(const struct op_bounds *bounds, uint32_t k, int64_t e, tn_dtype dtype,
                      double got, double want)
{
    if (dtype == TN_F32)
        want = (double)(float)want;
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    return got == want || fabs(got - want) <= op_bounds_allowed(bounds, k, e, dtype, want);
}
