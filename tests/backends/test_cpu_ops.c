/* Every operator of the cpu backend against the core's references (sums in double), at sizes that
 * are odd, empty, one, or just past a vector: with every instruction set, provider and thread
 * count, and again in place where the backend says that it can. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "cpu_cases.h"
#include "cpu_rig.h"
#include "tensor/convert.h"

/* Ways to open the backend. */
static const struct way {
    const char *name;
    uint32_t threads;
    const char *options[5];
} ways[] = {
    {"1 thread", 1, {NULL}},
    {"3 threads", 3, {NULL}},
    {"loops, best isa", 2, {"provider", "loops", NULL}},
    {"loops, avx2", 2, {"provider", "loops", "isa", "avx2", NULL}},
    {"loops, baseline", 1, {"provider", "loops", "isa", "baseline", NULL}},
    {"baseline with its providers", 2, {"isa", "baseline", NULL}},
    {"oneDNN", 2, {"provider", "onednn", NULL}},
    {"blas", 2, {"provider", "blas", NULL}},
};
enum { N_WAYS = sizeof ways / sizeof *ways };

static void set_value(struct cpu_value *v, const struct tn_ref_tensor *t)
{
    if (!t->type.dtype)
        return;
    v->type = cpu_type((uint32_t)t->type.dtype, t->type.shape.rank, t->type.shape.dim);
    v->data = calloc((size_t)t->count + 1, 8);
    cr_assert(v->data);
}

static uint32_t set_attrs(tnb_attr *to, const struct tn_attrs *attrs)
{
    for (uint32_t i = 0; i < attrs->n; i++) {
        const struct tn_attr *a = &attrs->list[i];
        to[i] = (tnb_attr){.key = a->name, .type = (uint32_t)a->type, .count = a->count};
        if (a->type == TN_ATTR_FLOAT)
            to[i].v.f = a->u.f;
        else if (a->type == TN_ATTR_INT)
            to[i].v.i = a->u.i;
        else if (a->type == TN_ATTR_STRING)
            to[i].v.s = a->u.s;
        else
            to[i].v.iv = a->u.ints;
    }
    return attrs->n;
}

/* As compare.h allows, where sums may lose digits of their largest element as well. */
static void compare(const char *way, const struct op_run *run, const struct op_bounds *bounds,
                    const struct cpu_call *call)
{
    for (uint32_t k = 0; k < call->n_out; k++) {
        const struct tn_ref_tensor *want = &run->out[k];
        tn_dtype dtype = want->type.dtype;
        if (!dtype)
            continue;
        int is_float = tn_dtype_is_float(dtype);
        double slack = run->c->tol == TOL_SUM ? 1e-6 + 1e-5 * bounds->limits.largest[k] : 0;
        struct tn_ref_tensor got = *want;
        got.data.any = calloc((size_t)want->count + 1, 8);
        cr_assert(got.data.any);
        tn_widen(dtype, call->out[k].data, want->count, got.data.any);
        for (int64_t i = 0; i < want->count; i++) {
            double g = is_float ? got.data.f[i] : (double)got.data.i[i];
            double w = is_float ? want->data.f[i] : (double)want->data.i[i];
            int same = is_float ? op_bounds_accepts(bounds, k, i, dtype, g, w) ||
                                      (isfinite(w) && fabs(g - w) <= slack)
                                : got.data.i[i] == want->data.i[i];
            cr_assert(same, "%s: %s/%s %s output %u[%lld] is %.9g, expected %.9g", way, run->c->op,
                      run->c->name, tn_dtype_name(dtype), k, (long long)i, g, w);
        }
        free(got.data.any);
    }
}

static void fill_inputs(const struct op_run *run, struct cpu_call *call)
{
    for (uint32_t i = 0; i < call->n_in; i++)
        if (run->in[i].type.dtype)
            tn_narrow(run->in[i].type.dtype, run->in[i].data.any, run->in[i].count,
                      call->in[i].data);
}

/* Not every operator is there in f64. */
static int has_f64(const struct cpu_call *call)
{
    for (uint32_t i = 0; i < call->n_in + call->n_out; i++) {
        uint32_t t = i < call->n_in ? call->in[i].type.dtype : call->out[i - call->n_in].type.dtype;
        if (t == TNB_F64)
            return 1;
    }
    return 0;
}

static void run_case(struct cpu_rig *rig, const char *way, const struct op_case *c, tn_dtype dtype)
{
    struct op_run run;
    struct tn_error terr = {0};
    tnb_error err = {.struct_size = sizeof err};
    tnb_support support;
    tnb_attr attr[16];
    struct op_bounds bounds;
    tn_status st = op_run_open(c, dtype, &run, &terr);
    if (st != TN_OK && dtype != TN_F32) /* the shape rule wants f32 */
        return;
    cr_assert(st == TN_OK, "%s/%s: %s", c->op, c->name, terr.msg);
    cr_assert(op_run_reference(&run, &terr) == TN_OK, "%s/%s: %s", c->op, c->name, terr.msg);
    cr_assert(op_bounds_open(&run, &bounds, &terr) == TN_OK, "%s", terr.msg);
    struct cpu_call call = {.op = c->op, .attr = attr, .n_in = run.n_in, .n_out = run.op->n_out};
    call.n_attr = set_attrs(attr, &run.attrs);
    for (uint32_t i = 0; i < run.n_in; i++)
        set_value(&call.in[i], &run.in[i]);
    for (uint32_t k = 0; k < run.op->n_out; k++)
        set_value(&call.out[k], &run.out[k]);
    fill_inputs(&run, &call);
    tnb_status s = cpu_call_run(rig, &call, 1, &support, &err);
    int may_refuse = s == TNB_E_UNSUPPORTED && has_f64(&call);
    cr_assert(s == TNB_OK || may_refuse, "%s: %s/%s: %s", way, c->op, c->name, err.msg);
    if (s == TNB_OK)
        compare(way, &run, &bounds, &call);
    for (uint32_t p = 0; p < support.n_inplace; p++) {
        memset(call.share, 0, sizeof call.share);
        call.share[support.inplace[p].out] = support.inplace[p].in + 1u;
        s = cpu_call_run(rig, &call, 1, NULL, &err);
        cr_assert(s == TNB_OK, "%s: %s/%s in place: %s", way, c->op, c->name, err.msg);
        compare("in place", &run, &bounds, &call);
    }
    for (uint32_t i = 0; i < CPU_CALL_IN; i++)
        free(call.in[i].data);
    for (uint32_t k = 0; k < CPU_CALL_OUT; k++)
        free(call.out[k].data);
    op_bounds_close(&bounds);
    op_run_close(&run);
}

ParameterizedTestParameters(cpu_ops, reference)
{
    static int index[N_WAYS];
    for (int i = 0; i < N_WAYS; i++)
        index[i] = i;
    return cr_make_param_array(int, index, N_WAYS);
}

ParameterizedTest(const int *index, cpu_ops, reference, .timeout = 120)
{
    const struct way *way = &ways[*index];
    struct cpu_rig rig;
    tnb_error err = {.struct_size = sizeof err};
    tnb_status s = cpu_rig_open(&rig, way->threads, way->options, &err);
    if (!rig.table)
        cr_skip_test("the cpu plugin was not built");
    if (s != TNB_OK && way->options[0]) /* built without it, or not this CPU's */
        cr_skip_test("%s: %s", way->name, err.msg);
    cr_assert(s == TNB_OK, "%s: %s", way->name, err.msg);
    for (size_t i = 0; i < cpu_case_count(); i++)
        run_case(&rig, way->name, cpu_case_at(i), TN_F32);
    /* The shared tables: every case of every family. */
    const struct op_family *family;
    for (size_t f = 0; (family = op_family_at(f)); f++) {
        const struct op_case *c;
        for (size_t i = 0; (c = op_family_case(family, i)); i++)
            if (!c->reject) {
                run_case(&rig, way->name, c, TN_F32);
                run_case(&rig, way->name, c, i % 2 ? TN_F16 : TN_BF16);
            }
    }
    cpu_rig_close(&rig);
}
