/* Every case of tests/ops on an OpenCL device, against the references in double:
 *   opencl_cases DEVICE [--small] [KEY=VALUE]...
 * DEVICE is part of a device's or driver's name. --small keeps to 600 elements, for a simulator.
 * Each case runs as it is, again on the same plan (same bits), and with every pair of input and
 * output that the backend offers to do in place (same bits). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "eval.h"
#include "support.h"

#define SMALL 600

struct totals {
    int ran, refused, failed, in_place;
};

static tnb_tensor to_tnb(const struct tn_type *type)
{
    return ocl_test_type((uint32_t)type->dtype, type->shape.rank, type->shape.dim);
}

static void narrow(const struct tn_ref_tensor *t, void *bytes)
{
    for (int64_t i = 0; i < t->count; i++) {
        switch (t->type.dtype) {
        case TN_F32:
            ((float *)bytes)[i] = (float)t->data.f[i];
            break;
        case TN_I32:
            ((int32_t *)bytes)[i] = (int32_t)t->data.i[i];
            break;
        case TN_I64:
            ((int64_t *)bytes)[i] = t->data.i[i];
            break;
        default:
            ((uint8_t *)bytes)[i] = (uint8_t)t->data.i[i];
            break;
        }
    }
}

static double widen(const void *bytes, tn_dtype dtype, int64_t i)
{
    switch (dtype) {
    case TN_F32:
        return ((const float *)bytes)[i];
    case TN_I32:
        return ((const int32_t *)bytes)[i];
    case TN_I64:
        return (double)((const int64_t *)bytes)[i];
    default:
        return ((const uint8_t *)bytes)[i];
    }
}

static int only_common_types(const struct op_run *run)
{
    for (uint32_t i = 0; i < run->n_in; i++) {
        tn_dtype d = run->in[i].type.dtype;
        if (run->c->in[i].dtype && (d == TN_F16 || d == TN_BF16 || d == TN_F64))
            return 0;
    }
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        tn_dtype d = run->out[k].type.dtype;
        if (d == TN_F16 || d == TN_BF16 || d == TN_F64)
            return 0;
    }
    return 1;
}

static void convert_attrs(const struct tn_attrs *attrs, tnb_attr *out)
{
    for (uint32_t i = 0; i < attrs->n; i++) {
        const struct tn_attr *a = &attrs->list[i];
        out[i] = (tnb_attr){.key = a->name, .type = (uint32_t)a->type, .count = a->count};
        if (a->type == TN_ATTR_INT)
            out[i].v.i = a->u.i;
        else if (a->type == TN_ATTR_FLOAT)
            out[i].v.f = a->u.f;
        else if (a->type == TN_ATTR_STRING)
            out[i].v.s = a->u.s;
        else
            out[i].v.iv = a->u.ints;
    }
}

static size_t bytes_of(const struct tn_ref_tensor *t)
{
    return (size_t)t->count * tnb_dtype_size((uint32_t)t->type.dtype);
}

static int make_node(struct op_run *run, tnb_attr *attrs, struct ocl_test_node *node)
{
    convert_attrs(&run->attrs, attrs);
    *node = (struct ocl_test_node){.op = run->op->name,
                                   .attr = attrs,
                                   .n_attr = run->attrs.n,
                                   .n_in = run->n_in,
                                   .n_out = run->op->n_out};
    for (uint32_t i = 0; i < run->n_in; i++) {
        node->in[i].absent = !run->c->in[i].dtype;
        if (node->in[i].absent)
            continue;
        node->in[i].type = to_tnb(&run->in[i].type);
        node->in[i].data = tn_arena_alloc(&run->arena, bytes_of(&run->in[i]) + 8);
        if (!node->in[i].data)
            return 1;
        narrow(&run->in[i], node->in[i].data);
    }
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        node->out[k].absent = !run->out[k].type.dtype;
        if (node->out[k].absent)
            continue;
        node->out[k].type = to_tnb(&run->out[k].type);
        node->out[k].data = tn_arena_alloc(&run->arena, bytes_of(&run->out[k]) + 8);
        if (!node->out[k].data)
            return 1;
    }
    return 0;
}

/* --- tolerances --- */

static void map_inputs(struct op_run *run, int ones)
{
    for (uint32_t i = 0; i < run->n_in; i++)
        if (run->c->in[i].dtype && tn_dtype_is_float(run->in[i].type.dtype))
            for (int64_t e = 0; e < run->in[i].count; e++)
                run->in[i].data.f[e] = ones ? 1.0 : fabs(run->in[i].data.f[e]);
}

static double *copy_of(struct op_run *run, uint32_t k)
{
    double *copy = tn_arena_alloc(&run->arena, (size_t)run->out[k].count * 8 + 8);
    for (int64_t i = 0; copy && i < run->out[k].count; i++)
        copy[i] = run->out[k].data.f[i];
    return copy;
}

struct expected {
    double *value[TN_OP_MAX_OUT], *magnitude[TN_OP_MAX_OUT], *terms[TN_OP_MAX_OUT];
    double largest[TN_OP_MAX_OUT];
};

/* The reference's answer; for sums of products also on |inputs| and on ones. Inputs of `run` hold
 * other numbers afterwards. */
static int expect(struct op_run *run, struct expected *e)
{
    struct tn_error err;
    memset(e, 0, sizeof(*e));
    if (op_run_reference(run, &err) != TN_OK)
        return 1;
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        e->value[k] = copy_of(run, k);
        for (int64_t i = 0; tn_dtype_is_float(run->out[k].type.dtype) && i < run->out[k].count; i++)
            if (isfinite(e->value[k][i]) && fabs(e->value[k][i]) > e->largest[k])
                e->largest[k] = fabs(e->value[k][i]);
    }
    if (run->c->tol != TOL_SUM)
        return 0;
    for (int ones = 0; ones < 2; ones++) {
        map_inputs(run, ones);
        if (op_run_reference(run, &err) != TN_OK)
            return 1;
        for (uint32_t k = 0; k < run->op->n_out; k++)
            *(ones ? &e->terms[k] : &e->magnitude[k]) = copy_of(run, k);
    }
    return 0;
}

static double allowed(const struct op_case *c, const struct expected *e, uint32_t k, int64_t i)
{
    double want = fabs(e->value[k][i]);
    switch (c->tol) {
    case TOL_SUM: {
        double terms = c->terms ? (double)c->terms : fabs(e->terms[k][i]);
        return (terms + 2) * 0x1p-24 * e->magnitude[k][i] + 1e-30;
    }
    case TOL_COMPOSITE:
        return 1e-5 * want + 1e-5 * e->largest[k] + 1e-30;
    case TOL_EXACT:
        return 0;
    default:
        return 1e-5 * want + 1e-6;
    }
}

static int same_number(double got, double want, double tol)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    float rounded = (float)want;
    return got == want || got == (double)rounded || fabs(got - want) <= tol;
}

static int compare(const struct op_run *run, const struct expected *e,
                   const struct ocl_test_node *node)
{
    int bad = 0;
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        const struct tn_ref_tensor *out = &run->out[k];
        if (!out->type.dtype)
            continue;
        int is_float = tn_dtype_is_float(out->type.dtype);
        const int64_t *ints = (const int64_t *)(const void *)e->value[k];
        for (int64_t i = 0; i < out->count && bad < 3; i++) {
            double want = is_float ? e->value[k][i] : (double)ints[i];
            double got = widen(node->out[k].data, out->type.dtype, i);
            if (same_number(got, want, is_float ? allowed(run->c, e, k, i) : 0))
                continue;
            fprintf(stderr, "%s/%s: output %u[%lld] is %.9g, expected %.9g (allowed %.3g)\n",
                    run->c->op, run->c->name, k, (long long)i, got, want,
                    is_float ? allowed(run->c, e, k, i) : 0);
            bad++;
        }
    }
    return bad;
}

/* --- in place, and the same bits twice --- */

static int same_bits(const struct op_run *run, struct ocl_test_node *node, void *const *first,
                     const char *what)
{
    for (uint32_t k = 0; k < run->op->n_out; k++)
        if (!node->out[k].absent &&
            memcmp(first[k], node->out[k].data, bytes_of(&run->out[k])) != 0) {
            fprintf(stderr, "%s/%s: other bits %s\n", run->c->op, run->c->name, what);
            return 1;
        }
    return 0;
}

static int repeat(struct ocl_test *t, struct op_run *run, struct ocl_test_node *node,
                  const tnb_support *s, struct totals *totals)
{
    void *first[TN_OP_MAX_OUT] = {NULL};
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        if (node->out[k].absent)
            continue;
        first[k] = tn_arena_alloc(&run->arena, bytes_of(&run->out[k]) + 8);
        memcpy(first[k], node->out[k].data, bytes_of(&run->out[k]));
    }
    if (ocl_test_run(t, node, 2, NULL) || same_bits(run, node, first, "in a second run"))
        return 1;
    for (uint32_t p = 0; p < s->n_inplace; p++) {
        node->out[s->inplace[p].out].share_in = 1 + s->inplace[p].in;
        if (ocl_test_run(t, node, 1, NULL) || same_bits(run, node, first, "in place"))
            return 1;
        node->out[s->inplace[p].out].share_in = 0;
        totals->in_place++;
    }
    return 0;
}

static int one_case(struct ocl_test *t, const struct op_case *c, int small, struct totals *totals)
{
    struct op_run run;
    struct tn_error err;
    struct expected e;
    tnb_attr attrs[16];
    struct ocl_test_node node;
    tnb_support s;
    if (op_run_open(c, TN_F32, &run, &err) != TN_OK) {
        fprintf(stderr, "%s/%s: %s\n", c->op, c->name, err.msg);
        return 1;
    }
    int64_t largest = 0;
    for (uint32_t i = 0; i < run.n_in; i++)
        largest = run.in[i].count > largest ? run.in[i].count : largest;
    int rc = run.attrs.n > 16 || make_node(&run, attrs, &node);
    if (!only_common_types(&run) || (small && (largest > SMALL || run.out[0].count > SMALL))) {
        totals->refused++;
        goto done;
    }
    if (rc == 0)
        rc = ocl_test_run(t, &node, 1, &s);
    if (rc == 2)
        fprintf(stderr, "%s/%s: refused: %s\n", c->op, c->name, t->err.msg);
    if (rc == 0) {
        totals->ran++;
        rc = expect(&run, &e) || compare(&run, &e, &node);
    }
    if (rc == 0 && !small)
        rc = repeat(t, &run, &node, &s, totals);
done:
    op_run_close(&run);
    return rc != 0;
}

int main(int argc, char **argv)
{
    const char *opts[8] = {NULL};
    int n_opts = 0, small = 0;
    for (int i = 2; i < argc && n_opts < 7; i++) {
        if (strcmp(argv[i], "--small") == 0)
            small = 1;
        else
            opts[n_opts++] = argv[i];
    }
    struct ocl_test t;
    int rc = ocl_test_open(&t, argc > 1 ? argv[1] : "Portable", opts, getenv("OCL_TEST_CACHE"));
    if (rc)
        return rc;
    const char *only = getenv("OCL_TEST_OP");
    struct totals totals = {0};
    for (size_t f = 0; f < op_family_count(); f++) {
        const struct op_case *c;
        for (size_t i = 0; (c = op_family_case(op_family_at(f), i)); i++)
            if (!c->reject && (!only || strcmp(only, c->op) == 0))
                totals.failed += one_case(&t, c, small, &totals);
    }
    printf("%s: %d cases ran, %d of other types or sizes left out, %d in place, %d failed\n",
           t.info.name, totals.ran, totals.refused, totals.in_place, totals.failed);
    ocl_test_close(&t);
    return totals.failed || totals.ran == 0;
}
