/* y = 3 x - 1, learned by gradient descent on whatever device is the best here. */
#include <stdio.h>
#include <tenon/tenon.h>

#define TRY(call)                         \
    if (call) {                           \
        fprintf(stderr, "%s\n", err.msg); \
        return 1;                         \
    }

int main(void)
{
    struct tn_error err = {TN_OK, ""};
    tn_runtime *runtime = NULL;
    tn_session *session = NULL;
    tn_graph *g = NULL;
    tn_plan *plan = NULL;
    struct tn_session_params on = {.seed = 1};

    TRY(tn_runtime_create(NULL, &runtime, &err));
    TRY(tn_runtime_select(runtime, NULL, &on.device, &err));
    TRY(tn_session_create(runtime, &on, &session, &err));

    /* One step as a graph: forward, loss, gradients, updates. */
    TRY(tn_graph_create("step", &g, &err));
    struct tn_shape batch = TN_SHAPE(8), scalar = TN_SCALAR;
    tn_value x = tn_graph_input(g, "x", TN_F32, &batch, TN_INPUT_DATA);
    tn_value y = tn_graph_input(g, "y", TN_F32, &batch, TN_INPUT_DATA);
    tn_value param[2], grad[2];
    const char *names[2] = {"slope", "offset"};
    for (int i = 0; i < 2; i++) {
        struct tn_state_params state = {
            .name = names[i], .dtype = TN_F32, .shape = scalar, .role = TN_STATE_PARAM};
        param[i] = tn_graph_state(g, &state);
    }
    tn_value error = tn_sub(g, tn_add(g, tn_mul(g, param[0], x), param[1]), y);
    tn_value loss = tn_mean(g, tn_mul(g, error, error), NULL, 0, 0);
    tn_graph_gradients(g, loss, param, 2, grad);
    tn_value rate = tn_graph_scalar(g, TN_F32, 0.2);
    for (int i = 0; i < 2; i++)
        tn_graph_assign(g, param[i], tn_sub(g, param[i], tn_mul(g, rate, grad[i])));
    tn_graph_output(g, "loss", loss);

    TRY(tn_session_plan(session, g, NULL, 0, &plan, &err));
    const float xs[8] = {-1, -.7f, -.4f, -.1f, .2f, .5f, .8f, 1};
    float ys[8], last;
    for (int i = 0; i < 8; i++)
        ys[i] = 3 * xs[i] - 1;
    TRY(tn_plan_set_input_bytes(plan, "x", xs, sizeof(xs), &err));
    TRY(tn_plan_set_input_bytes(plan, "y", ys, sizeof(ys), &err));
    for (int step = 0; step < 200; step++)
        TRY(tn_plan_run(plan, &err));
    TRY(tn_plan_get_output_bytes(plan, "loss", &last, sizeof(last), &err));
    for (int i = 0; i < 2; i++) {
        tn_tensor *value = NULL;
        TRY(tn_session_get_state(session, names[i], &value, &err));
        printf("%s %.4f\n", names[i], *(const float *)tn_tensor_const_data(value));
        tn_tensor_unref(&value);
    }
    printf("loss %.2g on %s\n", last, tn_device_info(on.device)->name);
    tn_session_destroy(&session);
    tn_graph_destroy(&g);
    tn_runtime_destroy(&runtime);
    return 0;
}
