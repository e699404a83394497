/* Every case on a device, through the public runtime, against the reference in double.
 *
 * The environment variable OP_DEVICE names the device ("ref", "cpu", "opencl", "opencl:*glob*"). A
 * case is a graph of one node. A device that has the case's element types must run it itself: a
 * node that goes to the next device of the list is then a failure. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "graphs.h"
#include "tenon/runtime.h"

ParameterizedTestParameters(device, family)
{
    static int index[128];
    size_t n = op_family_count();
    for (size_t i = 0; i < n && i < 128; i++)
        index[i] = (int)i;
    return cr_make_param_array(int, index, n);
}

/* --- tensors --- */

/* The device's output as double or int64. */
static tn_tensor *widened(const tn_tensor *t)
{
    struct tn_error err = {0};
    tn_tensor *wide = NULL;
    int is_float = tn_dtype_is_float(tn_tensor_dtype(t));
    cr_assert(tn_tensor_convert(t, is_float ? TN_F64 : TN_I64, &wide, &err) == TN_OK, "%s",
              err.msg);
    return wide;
}

/* --- comparing --- */

/* Reports the first few elements that differ. */
static void compare_output(const struct op_run *run, const struct op_bounds *b, uint32_t k,
                           const tn_tensor *tensor)
{
    const struct tn_ref_tensor *want = &run->out[k];
    tn_tensor *wide = widened(tensor);
    tn_dtype dtype = want->type.dtype;
    int64_t n_bad = 0;
    cr_assert(tn_shape_equal(tn_tensor_shape(tensor), &want->type.shape), "%s/%s: shape",
              run->c->op, run->c->name);
    for (int64_t e = 0; e < want->count; e++) {
        if (!tn_dtype_is_float(dtype)) {
            int64_t got = ((const int64_t *)tn_tensor_const_data(wide))[e];
            if (got != want->data.i[e] && n_bad++ < 3)
                cr_expect(0, "%s/%s: output %u[%lld] is %lld, expected %lld", run->c->op,
                          run->c->name, k, (long long)e, (long long)got,
                          (long long)want->data.i[e]);
            continue;
        }
        double got = ((const double *)tn_tensor_const_data(wide))[e];
        if (!op_bounds_accepts(b, k, e, dtype, got, want->data.f[e]) && n_bad++ < 3)
            cr_expect(0, "%s/%s: %s output %u[%lld] is %.9g, expected %.9g; allowed %.3g",
                      run->c->op, run->c->name, tn_dtype_name(dtype), k, (long long)e, got,
                      want->data.f[e], op_bounds_allowed(b, k, e, dtype, want->data.f[e]));
    }
    cr_expect(n_bad == 0, "%s/%s: %lld of %lld elements of output %u differ", run->c->op,
              run->c->name, (long long)n_bad, (long long)want->count, k);
    tn_tensor_unref(&wide);
}

/* --- one case --- */

/* f64 is a device's choice, operator by operator; the other types that it has are owed. */
static int is_owed(tn_dtype dtype, uint64_t dtype_mask)
{
    return (dtype_mask >> dtype & 1u) && dtype != TN_F64;
}

static void expect_no_fallback(const tn_plan *plan, const struct op_run *run, uint64_t dtype_mask)
{
    struct tn_plan_info info;
    struct tn_plan_node node;
    for (uint32_t i = 0; i < run->n_in; i++)
        if (run->c->in[i].dtype && !is_owed(run->in[i].type.dtype, dtype_mask))
            return;
    for (uint32_t k = 0; k < run->op->n_out; k++)
        if (run->out[k].type.dtype && !is_owed(run->out[k].type.dtype, dtype_mask))
            return;
    tn_plan_info(plan, &info);
    for (size_t n = 0; n < info.n_nodes; n++) {
        tn_plan_node(plan, n, &node);
        cr_expect(!node.is_fallback, "%s/%s: ran on %s instead: %s", run->c->op, run->c->name,
                  node.device, node.why);
    }
}

static void check_case(tn_session *session, uint64_t dtype_mask, const struct op_case *c,
                       tn_dtype precision)
{
    struct op_run run;
    struct op_bounds bounds;
    struct tn_error err = {0};
    tn_graph *graph = NULL;
    tn_plan *plan = NULL;
    char name[16];
    tn_status st = op_run_open(c, precision, &run, &err);
    cr_assert(st == TN_OK, "%s/%s: %s", c->op, c->name, err.msg);
    st = op_forward_graph(&run, &graph, &err);
    cr_assert(st == TN_OK, "%s/%s: %s", c->op, c->name, err.msg);
    st = tn_session_plan(session, graph, NULL, 0, &plan, &err);
    for (uint32_t i = 0; st == TN_OK && i < run.n_in; i++) {
        if (!c->in[i].dtype)
            continue;
        tn_tensor *t = NULL;
        snprintf(name, sizeof(name), "in%u", i);
        st = op_tensor(&run.in[i], &t, &err);
        if (st == TN_OK)
            st = tn_plan_set_input(plan, name, t, &err);
        tn_tensor_unref(&t);
    }
    if (st == TN_OK)
        st = tn_plan_run(plan, &err);
    cr_expect(st == TN_OK, "%s/%s: %s", c->op, c->name, err.msg);
    cr_assert(op_run_reference(&run, &err) == TN_OK, "%s", err.msg);
    cr_assert(op_bounds_open(&run, &bounds, &err) == TN_OK, "%s", err.msg);
    for (uint32_t k = 0; st == TN_OK && k < run.op->n_out; k++) {
        tn_tensor *t = NULL;
        snprintf(name, sizeof(name), "out%u", k);
        if (!run.out[k].type.dtype)
            continue;
        st = tn_plan_get_output(plan, name, &t, &err);
        cr_expect(st == TN_OK, "%s/%s: output %u: %s", c->op, c->name, k, err.msg);
        if (st == TN_OK)
            compare_output(&run, &bounds, k, t);
        tn_tensor_unref(&t);
    }
    if (st == TN_OK)
        expect_no_fallback(plan, &run, dtype_mask);
    op_bounds_close(&bounds);
    tn_session_forget(session, graph);
    tn_graph_destroy(&graph);
    op_run_close(&run);
}

/* --- the device --- */

static int is_required(const char *thing)
{
    const char *list = getenv("TENON_REQUIRE");
    return list && strstr(list, thing) != NULL;
}

static tn_session *open_session(tn_runtime **out_runtime, uint64_t *out_dtype_mask)
{
    struct tn_error err = {0};
    struct tn_runtime_params params = {.n_threads = 2};
    const char *name = getenv("OP_DEVICE");
    tn_device *device = NULL;
    tn_session *session = NULL;
    if (!name)
        name = "ref";
    cr_assert(tn_runtime_create(&params, out_runtime, &err) == TN_OK, "%s", err.msg);
    tn_status st = tn_runtime_select(*out_runtime, name, &device, &err);
    if (st == TN_E_NOT_FOUND) {
        cr_assert(!(strcmp(name, "opencl") == 0 && is_required("pocl")), "%s", err.msg);
        cr_assert(!(strstr(name, "llvmpipe") && is_required("rusticl")), "%s", err.msg);
        cr_skip_test("no device '%s' here: %s", name, err.msg);
    }
    cr_assert(st == TN_OK, "%s", err.msg);
    struct tn_session_params sp = {.device = device};
    *out_dtype_mask = tn_device_info(device)->dtype_mask;
    cr_assert(tn_session_create(*out_runtime, &sp, &session, &err) == TN_OK, "%s", err.msg);
    return session;
}

ParameterizedTest(const int *index, device, family)
{
    const struct op_family *family = op_family_at((size_t)*index);
    const struct op_case *c;
    tn_runtime *runtime = NULL;
    uint64_t dtype_mask = 0;
    tn_session *session = open_session(&runtime, &dtype_mask);
    for (size_t i = 0; (c = op_family_case(family, i)); i++) {
        tn_dtype half = i % 2 ? TN_BF16 : TN_F16; /* both at every case: `tenon conformance` */
        if (c->reject)
            continue;
        check_case(session, dtype_mask, c, TN_F32);
        if ((dtype_mask >> half & 1u) && op_case_has_precision(c, half))
            check_case(session, dtype_mask, c, half);
    }
    tn_session_destroy(&session);
    tn_runtime_destroy(&runtime);
}
