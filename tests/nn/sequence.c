/* Layers over sequences: values from PyTorch's nn.LSTM and nn.MultiheadAttention with these
 * weights. */
#include "../plan/support.h"
#include "tenon/model.h"

static tn_model *new_model(struct tn_shape sample, struct tn_layer_spec spec, int with_lengths)
{
    static const char *const names[] = {"x", "lengths"};
    struct tn_error err = {TN_OK, ""};
    tn_model *model = NULL;
    check(tn_model_create("m", &model, &err), &err, "model");
    check(tn_model_add_input(model, "x", TN_F32, &sample, &err), &err, "input");
    if (with_lengths) {
        check(tn_model_add_input(model, "lengths", TN_I64, &TN_SCALAR, &err), &err, "lengths");
        spec.inputs = names;
        spec.n_inputs = 2;
    }
    spec.name = "a";
    check(tn_model_add_layer(model, &spec, &err), &err, spec.type);
    return model;
}

static tn_graph *graph_of(const tn_model *model, struct tn_shape input, int with_lengths)
{
    struct tn_error err = {TN_OK, ""};
    tn_graph *g = new_graph("infer");
    tn_value in[2] = {f32_input(g, "x", input), TN_NONE}, y;
    if (with_lengths)
        in[1] = tn_graph_input(g, "lengths", TN_I64, &TN_SHAPE(input.dim[0]), TN_INPUT_DATA);
    struct tn_forward forward = {.inputs = in, .sample = TN_NONE, .rng = TN_NONE, .apply = TN_NONE};
    check(tn_model_forward(model, g, &forward, &y, &err), &err, "forward");
    tn_graph_output(g, "y", y);
    return g;
}

/* ONNX's order of gates; PyTorch's rows are i, f, g, o. */
static const float lstm_w[] = {-0.875f, -0.375f, 0.5f,   -0.625f, 0.5f,    0.25f,
                               -0.625f, -0.125f, -0.25f, 0.5f,    -0.625f, 0.25f,
                               -0.125f, -0.375f, 1,      -0.875f};
static const float lstm_r[] = {-0.75f, 0.125f, 0.875f, -0.75f, 0.375f, 0.125f, -0.875f, -0.5f};
static const float lstm_b[] = {-0.125f, -0.875f, -0.125f, 0.125f, 0.125f,  0.375f,  0.625f, -0.875f,
                               -1,      -0.75f,  -0.75f,  0.75f,  -0.625f, -0.125f, 0,      0.875f};

ON_EACH(sequence, bidirectional_lstm)
{
    static const float steps[] = {-0.201752882f, 0.0190067565f, -0.0759477975f, 0.0382987156f};
    static const float last[] = {-0.0759477975f, 0.0190067565f};
    tn_session *session = open_session(*on);
    for (int all = 0; all < 2; all++) {
        const struct tn_attr options[] = {TN_AI("units", 1), TN_AI("bidirectional", 1),
                                          TN_AI("return_sequences", all)};
        tn_model *model = new_model(
            TN_SHAPE(2, 2),
            (struct tn_layer_spec){.type = "lstm", .options = options, .n_options = 3}, 0);
        float y[4];
        tn_plan *plan = plan_of(session, graph_of(model, TN_SHAPE(1, 2, 2), 0), 0);
        put_f32(session, "a/kernel", lstm_w, 16);
        put_f32(session, "a/recurrent_kernel", lstm_r, 8);
        put_f32(session, "a/bias", lstm_b, 16);
        set_f32(plan, "x", (const float[]){1, -1, 0.5f, 2}, 4);
        run(plan);
        get_f32(plan, "y", y, all ? 4 : 2);
        expect_close(y, all ? steps : last, all ? 4 : 2, 1e-5, 1e-6, all ? "steps" : "last");
        tn_model_destroy(&model);
    }
}

/* Weights of one: sums of what lies within the lengths 1, 3 and 0. */
ON_EACH(sequence, lengths_of_rnn)
{
    tn_session *session = open_session(*on);
    const struct tn_attr options[] = {TN_AI("units", 1), TN_AS("activation", "relu"),
                                      TN_AS("kernel_initializer", "ones"),
                                      TN_AS("recurrent_initializer", "ones")};
    tn_model *model =
        new_model(TN_SHAPE(3, 1),
                  (struct tn_layer_spec){.type = "rnn", .options = options, .n_options = 4}, 1);
    const int64_t lengths[] = {1, 3, 0};
    struct tn_error err = {TN_OK, ""};
    tn_tensor *t = NULL;
    float y[3];
    tn_plan *plan = plan_of(session, graph_of(model, TN_SHAPE(3, 3, 1), 1), 0);
    check(tn_tensor_create(TN_I64, &TN_SHAPE(3), &t, &err), &err, "tensor");
    for (int i = 0; i < 3; i++)
        ((int64_t *)tn_tensor_data(t))[i] = lengths[i];
    check(tn_plan_set_input(plan, "lengths", t, &err), &err, "lengths");
    tn_tensor_unref(&t);
    set_f32(plan, "x", (const float[]){1, 2, 3, 10, 20, 30, 5, 6, 7}, 9);
    run(plan);
    get_f32(plan, "y", y, 3);
    expect_close(y, (const float[]){1, 60, 0}, 3, 1e-6, 0, "y");
    tn_model_destroy(&model);
}

/* PyTorch's GRU is reset_after; with weights of zero and biases at the candidate alone both are
 * known: z = r = 1/2, u = R's bias. */
ON_EACH(sequence, gru_reset_after_or_before)
{
    tn_session *session = open_session(*on);
    for (int after = 0; after < 2; after++) {
        const struct tn_attr options[] = {TN_AI("units", 1), TN_AI("reset_after", after),
                                          TN_AS("kernel_initializer", "zeros"),
                                          TN_AS("recurrent_initializer", "zeros")};
        tn_model *model =
            new_model(TN_SHAPE(1, 1),
                      (struct tn_layer_spec){.type = "gru", .options = options, .n_options = 4}, 0);
        float y[1], want = after ? 0.5f * 0.7615942f : 0.5f * 0.9051483f; /* tanh 1, tanh 1.5 */
        tn_plan *plan = plan_of(session, graph_of(model, TN_SHAPE(1, 1, 1), 0), 0);
        put_f32(session, "a/bias", (const float[]){0, 0, 0.5f, 0, 0, 1}, 6);
        set_f32(plan, "x", (const float[]){3}, 1);
        run(plan);
        get_f32(plan, "y", y, 1);
        expect_close(y, &want, 1, 1e-5, 1e-6, after ? "after" : "before");
        tn_model_destroy(&model);
    }
}

ON_EACH(sequence, causal_multi_head_attention)
{
    static const float x[] = {0.625f,  -0.75f,  0.25f,  0.75f,  0.875f, -1,
                              -0.375f, -0.125f, 0.875f, 0.375f, 0,      0.125f};
    static const struct {
        const char *name;
        float values[16];
    } weights[] = {
        {"a/query_kernel",
         {0.25f, -0.5f, -0.25f, 0.625f, 0.5f, -0.125f, -0.5f, -0.625f, -0.25f, -0.625f, 0.125f,
          0.75f, 0.625f, -0.5f, 0.75f, -0.625f}},
        {"a/key_kernel",
         {-0.125f, -0.875f, 0, -0.125f, -0.125f, 0.875f, 0.625f, 0.25f, -0.875f, 0.125f, -0.75f,
          0.125f, 0.625f, 0, 0, 0.875f}},
        {"a/value_kernel",
         {0.5f, 0.5f, 0.625f, 0.875f, 0.25f, -0.5f, 0.5f, 0, 0, -0.75f, -0.5f, -0.625f, -0.625f,
          -0.75f, 0.5f, -0.125f}},
        {"a/output_kernel",
         {0.375f, 0.375f, 0.5f, 0.25f, -0.375f, -0.5f, -0.625f, -0.125f, -0.5f, 0.25f, 0.375f,
          -0.375f, 0, 0.75f, 0, -0.5f}},
    };
    static const float biases[4][4] = {{0.75f, -0.875f, 0.375f, 0.375f},
                                       {-0.125f, 0.625f, -0.625f, -0.75f},
                                       {0.75f, -0.25f, -0.5f, 0.375f},
                                       {-0.5f, -0.125f, -0.375f, -0.125f}};
    static const char *const names[] = {"a/query_bias", "a/key_bias", "a/value_bias",
                                        "a/output_bias"};
    static const float want[] = {-0.11328125f,  0.62890625f, -0.064453125f, -0.232421875f,
                                 -0.265175484f, 0.52489867f, -0.397509534f, -0.345887868f,
                                 -0.32760199f,  0.69763869f, -0.280494896f, -0.457273831f};
    tn_session *session = open_session(*on);
    const struct tn_attr options[] = {TN_AI("heads", 2), TN_AI("causal", 1)};
    tn_model *model = new_model(
        TN_SHAPE(3, 4),
        (struct tn_layer_spec){.type = "multi_head_attention", .options = options, .n_options = 2},
        0);
    float y[12];
    tn_plan *plan = plan_of(session, graph_of(model, TN_SHAPE(1, 3, 4), 0), 0);
    for (int i = 0; i < 4; i++) {
        put_f32(session, weights[i].name, weights[i].values, 16);
        put_f32(session, names[i], biases[i], 4);
    }
    set_f32(plan, "x", x, 12);
    run(plan);
    get_f32(plan, "y", y, 12);
    expect_close(y, want, 12, 1e-5, 1e-6, "y");
    tn_model_destroy(&model);
}
