/* Long lists: one concat of more inputs than any other operator has, and tn_concat and tn_split,
 * which chain nodes; forward and back, on the device that OP_DEVICE names. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tenon/graph.h"
#include "tenon/runtime.h"

#define MOST 150

static tn_session *session;
static tn_runtime *runtime;

static void open_device(void)
{
    struct tn_error err = {0};
    struct tn_runtime_params params = {.n_threads = 2};
    const char *name = getenv("OP_DEVICE");
    tn_device *device = NULL;
    cr_assert(tn_runtime_create(&params, &runtime, &err) == TN_OK, "%s", err.msg);
    tn_status st = tn_runtime_select(runtime, name ? name : "ref", &device, &err);
    if (st == TN_E_NOT_FOUND)
        cr_skip_test("no device '%s' here: %s", name, err.msg);
    cr_assert(st == TN_OK, "%s", err.msg);
    struct tn_session_params sp = {.device = device};
    cr_assert(tn_session_create(runtime, &sp, &session, &err) == TN_OK, "%s", err.msg);
}

static void close_device(void)
{
    tn_session_destroy(&session);
    tn_runtime_destroy(&runtime);
}

/* Rows of input i: 0, 1 or 2 of them; element values tell input and place. */
static int64_t rows_of(uint32_t i)
{
    return (i * 7 + 1) % 3;
}

static void feed(tn_plan *plan, uint32_t i)
{
    char name[16];
    tn_tensor *t = NULL;
    struct tn_error err = {0};
    struct tn_shape s = TN_SHAPE(rows_of(i), 3);
    cr_assert(tn_tensor_create(TN_F32, &s, &t, &err) == TN_OK, "%s", err.msg);
    float *x = tn_tensor_data(t);
    for (int64_t k = 0; k < rows_of(i) * 3; k++)
        x[k] = (float)(i * 100 + (uint32_t)k);
    snprintf(name, sizeof(name), "x%u", i);
    cr_assert(tn_plan_set_input(plan, name, t, &err) == TN_OK, "%s", err.msg);
    tn_tensor_unref(&t);
}

static void expect_output(tn_plan *plan, const char *name, const float *want, int64_t n)
{
    tn_tensor *t = NULL;
    struct tn_error err = {0};
    cr_assert(tn_plan_get_output(plan, name, &t, &err) == TN_OK, "%s", err.msg);
    const float *got = tn_tensor_const_data(t);
    for (int64_t k = 0; k < n; k++)
        cr_expect_eq(got[k], want[k], "%s[%lld] is %g, not %g", name, (long long)k, (double)got[k],
                     (double)want[k]);
    tn_tensor_unref(&t);
}

/* y = the n inputs joined; L = sum of y y, so that dL/dx is 2 x; and y cut into the n parts again.
 */
static void check_lists(uint32_t n, int n_concats)
{
    struct tn_error err = {0};
    tn_graph *g = NULL;
    tn_plan *plan = NULL;
    tn_value x[MOST], dx[MOST], part[MOST];
    int64_t sizes[MOST];
    float want[MOST * 6];
    char name[16];
    int64_t total = 0;
    cr_assert(tn_graph_create("lists", &g, &err) == TN_OK);
    for (uint32_t i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "x%u", i);
        sizes[i] = rows_of(i);
        x[i] = tn_graph_input(g, name, TN_F32, &TN_SHAPE(sizes[i], 3), TN_INPUT_DATA);
        for (int64_t k = 0; k < sizes[i] * 3; k++)
            want[total++] = (float)(i * 100 + (uint32_t)k);
    }
    tn_value y = tn_concat(g, x, n, 0);
    tn_split(g, tn_mul(g, y, y), 0, sizes, n, part);
    tn_graph_gradients(g, tn_sum(g, tn_mul(g, y, y), NULL, 0, 0), x, n, dx);
    tn_graph_output(g, "y", y);
    tn_graph_output(g, "first", part[0]);
    tn_graph_output(g, "last", part[n - 1]);
    tn_graph_output(g, "back", dx[n - 3]);
    cr_assert(tn_graph_check(g, &err) == TN_OK, "%s", err.msg);
    cr_assert(tn_session_plan(session, g, NULL, 0, &plan, &err) == TN_OK, "%s", err.msg);
    for (uint32_t i = 0; i < n; i++)
        feed(plan, i);
    cr_assert(tn_plan_run(plan, &err) == TN_OK, "%s", err.msg);
    expect_output(plan, "y", want, total);
    float square[6], twice[6];
    int64_t last = sizes[n - 1] * 3, back = sizes[n - 3] * 3;
    for (int64_t k = 0; k < last; k++)
        square[k] = want[total - last + k] * want[total - last + k];
    for (int64_t k = 0; k < back; k++)
        twice[k] = 2 * (float)((n - 3) * 100 + (uint32_t)k);
    expect_output(plan, "last", square, last);
    expect_output(plan, "back", twice, back);
    for (int64_t k = 0; k < sizes[0] * 3; k++)
        square[k] = want[k] * want[k];
    expect_output(plan, "first", square, sizes[0] * 3);
    struct tn_plan_info info;
    struct tn_plan_node node;
    tn_plan_info(plan, &info);
    for (size_t k = 0; k < info.n_nodes; k++) {
        tn_plan_node(plan, k, &node);
        cr_expect(!node.is_fallback, "ran on %s instead: %s", node.device, node.why);
        n_concats -= strcmp(node.op, "concat") == 0;
    }
    cr_expect_eq(n_concats, 0, "%d nodes of concat fewer than expected", n_concats);
    tn_session_forget(session, g);
    tn_graph_destroy(&g);
}

Test(lists, one_node_of_64, .init = open_device, .fini = close_device)
{
    check_lists(64, 1);
}

Test(lists, chained, .init = open_device, .fini = close_device)
{
    check_lists(MOST, 3); /* 64, then 63 more, then the rest */
}

Test(lists, split_equally, .init = open_device, .fini = close_device)
{
    enum { N = 11 };
    struct tn_error err = {0};
    tn_graph *g = NULL;
    tn_value part[N];
    cr_assert(tn_graph_create("equal", &g, &err) == TN_OK);
    tn_value x = tn_graph_input(g, "x", TN_F32, &TN_SHAPE(2, 32), TN_INPUT_DATA);
    tn_split(g, x, -1, NULL, N, part);
    cr_assert(tn_graph_check(g, &err) == TN_OK, "%s", err.msg);
    for (int i = 0; i < N; i++) {
        struct tn_shape s = tn_graph_shape(g, part[i]);
        cr_expect_eq(s.dim[0], 2);
        cr_expect_eq(s.dim[1], i < N - 1 ? 3 : 2, "part %d has %lld columns", i,
                     (long long)s.dim[1]);
    }
    tn_graph_destroy(&g);
}

Test(lists, of_nothing_is_an_error)
{
    struct tn_error err = {0};
    tn_graph *g = NULL;
    cr_assert(tn_graph_create("none", &g, &err) == TN_OK);
    cr_expect_eq(tn_concat(g, NULL, 0, 0), TN_NONE);
    cr_expect(tn_graph_check(g, &err) != TN_OK);
    cr_expect(strstr(err.msg, "concat") && strstr(err.msg, "1 to 64"), "%s", err.msg);
    tn_graph_destroy(&g);
}
