/* The example backend of the docs, as a third party would have built it: loaded by its path, it
 * runs what it can, the rest falls back, and the numbers are the reference's. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tenon/tenon.h"

static void run_relu(const char *backend, float out[6], const char **out_device,
                     struct tn_plan_info *out_info)
{
    static const float in[6] = {-2, -1, 0, 1, 2, 3};
    static char device_name[64];
    struct tn_error err = {TN_OK, ""};
    struct tn_runtime_params params = {.backend = backend};
    struct tn_session_params session_params = {.device = NULL};
    tn_runtime *runtime = NULL;
    tn_session *session = NULL;
    tn_graph *graph = NULL;
    tn_plan *plan = NULL;
    cr_assert_eq(tn_runtime_create(&params, &runtime, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_runtime_select(runtime, NULL, &session_params.device, &err), TN_OK);
    cr_assert_eq(tn_session_create(runtime, &session_params, &session, &err), TN_OK);
    cr_assert_eq(tn_graph_create("relu", &graph, &err), TN_OK);
    struct tn_shape shape = TN_SHAPE(2, 3);
    tn_value x = tn_graph_input(graph, "x", TN_F32, &shape, TN_INPUT_DATA);
    tn_value y = tn_relu(graph, tn_add(graph, x, tn_graph_scalar(graph, TN_F32, 0.5)));
    tn_graph_output(graph, "y", tn_mul(graph, y, y));
    cr_assert_eq(tn_session_plan(session, graph, NULL, 0, &plan, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_plan_set_input_bytes(plan, "x", in, sizeof(in), &err), TN_OK);
    cr_assert_eq(tn_plan_run(plan, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_plan_get_output_bytes(plan, "y", out, 6 * sizeof(float), &err), TN_OK);
    tn_plan_info(plan, out_info);
    *out_device = NULL;
    for (size_t i = 0; i < out_info->n_nodes; i++) {
        struct tn_plan_node node;
        tn_plan_node(plan, i, &node);
        if (strcmp(node.op, "relu") == 0) {
            snprintf(device_name, sizeof(device_name), "%s", node.device);
            *out_device = device_name;
        } else if (strncmp(node.device, "example", 7) != 0 && strcmp(backend, "ref") != 0) {
            cr_assert(strstr(node.why, "relu in f32 only"), "%s", node.why);
        }
    }
    tn_session_destroy(&session);
    tn_graph_destroy(&graph);
    tn_runtime_destroy(&runtime);
}

Test(example_backend, runs_what_it_can_and_the_rest_falls_back)
{
    float from_example[6], from_ref[6];
    const char *device;
    struct tn_plan_info info;
    run_relu("ref", from_ref, &device, &info);
    cr_assert_eq(info.n_fallback, 0);
    run_relu(EXAMPLE_BACKEND, from_example, &device, &info);
    cr_assert_str_eq(device, "example:0");
    cr_assert_eq(info.n_fallback, 2);
    cr_assert_eq(info.n_segments, 3);
    const float expected[6] = {0, 0, 0.25f, 2.25f, 6.25f, 12.25f};
    cr_assert_arr_eq(from_example, expected, sizeof(expected));
    cr_assert_arr_eq(from_ref, expected, sizeof(expected));
}

Test(example_backend, strict_refuses_the_fallback)
{
    struct tn_error err = {TN_OK, ""};
    struct tn_runtime_params params = {.backend = EXAMPLE_BACKEND};
    struct tn_session_params session_params = {.strict = 1};
    tn_runtime *runtime = NULL;
    tn_session *session = NULL;
    tn_graph *graph = NULL;
    tn_plan *plan = NULL;
    cr_assert_eq(tn_runtime_create(&params, &runtime, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_runtime_select(runtime, NULL, &session_params.device, &err), TN_OK);
    cr_assert_eq(tn_session_create(runtime, &session_params, &session, &err), TN_OK);
    cr_assert_eq(tn_graph_create("tanh", &graph, &err), TN_OK);
    struct tn_shape shape = TN_SHAPE(4);
    tn_value x = tn_graph_input(graph, "x", TN_F32, &shape, TN_INPUT_DATA);
    tn_graph_output(graph, "y", tn_op1(graph, "tanh", x, NULL, 0));
    cr_assert_eq(tn_session_plan(session, graph, NULL, 0, &plan, &err), TN_E_UNSUPPORTED);
    cr_assert(strstr(err.msg, "tanh") && strstr(err.msg, "relu in f32 only"), "%s", err.msg);
    cr_assert_null(plan);
    tn_session_destroy(&session);
    tn_graph_destroy(&graph);
    tn_runtime_destroy(&runtime);
}
