/* What layers compute, and the state that they keep. */
#include <math.h>
#include <string.h>

#include "../plan/support.h"
#include "tenon/model.h"

static tn_model *new_model(const char *input, struct tn_shape sample)
{
    struct tn_error err = {TN_OK, ""};
    tn_model *model = NULL;
    check(tn_model_create("m", &model, &err), &err, "model");
    check(tn_model_add_input(model, input, TN_F32, &sample, &err), &err, "input");
    return model;
}

static void add_layer(tn_model *model, struct tn_layer_spec spec)
{
    struct tn_error err = {TN_OK, ""};
    check(tn_model_add_layer(model, &spec, &err), &err, spec.type);
}

/* The model's only output as "y", its input as "x"; training has the scalar input "apply". */
static tn_graph *graph_of(const tn_model *model, struct tn_shape input, int training)
{
    struct tn_error err = {TN_OK, ""};
    tn_graph *g = new_graph(training ? "train" : "infer");
    tn_value x = f32_input(g, "x", input), y;
    struct tn_forward forward = {.training = training,
                                 .inputs = &x,
                                 .sample = TN_NONE,
                                 .rng = TN_NONE,
                                 .apply = training ? step_input(g, "apply") : TN_NONE};
    check(tn_model_forward(model, g, &forward, &y, &err), &err, "forward");
    tn_graph_output(g, "y", y);
    return g;
}

/* Padding "same" as TensorFlow has it: the odd cell comes at the end. */
ON_EACH(layers, same_padding_of_conv2d)
{
    tn_session *session = open_session(*on);
    tn_model *model = new_model("x", TN_SHAPE(1, 4, 4));
    const struct tn_attr options[] = {TN_AI("filters", 1), TN_AI("kernel_size", 3),
                                      TN_AI("strides", 2), TN_AS("padding", "same"),
                                      TN_AS("kernel_initializer", "ones")};
    float x[16], y[4];
    for (int i = 0; i < 16; i++)
        x[i] = (float)i;
    add_layer(model, (struct tn_layer_spec){.type = "conv2d", .options = options, .n_options = 5});
    tn_plan *plan = plan_of(session, graph_of(model, TN_SHAPE(1, 1, 4, 4), 0), 0);
    set_f32(plan, "x", x, 16);
    run(plan);
    get_f32(plan, "y", y, 4);
    expect_close(y, (const float[]){45, 39, 66, 50}, 4, 1e-6, 0, "y");
    tn_model_destroy(&model);
}

/* Each cell of 1 2 / 3 4 spreads ones over 3 x 3, two apart; "same" cuts one row and column at the
 * bottom and the right. The mean of what is left is 55 / 16. */
ON_EACH(layers, same_padding_of_conv_transpose2d)
{
    tn_session *session = open_session(*on);
    tn_model *model = new_model("x", TN_SHAPE(1, 2, 2));
    const struct tn_attr options[] = {TN_AI("filters", 1), TN_AI("kernel_size", 3),
                                      TN_AI("strides", 2), TN_AS("padding", "same"),
                                      TN_AS("kernel_initializer", "ones")};
    float y[1];
    add_layer(model, (struct tn_layer_spec){
                         .type = "conv_transpose2d", .options = options, .n_options = 5});
    add_layer(model, (struct tn_layer_spec){.type = "global_avg_pool2d"});
    tn_plan *plan = plan_of(session, graph_of(model, TN_SHAPE(1, 1, 2, 2), 0), 0);
    set_f32(plan, "x", (const float[]){1, 2, 3, 4}, 4);
    run(plan);
    get_f32(plan, "y", y, 1);
    expect_close(y, (const float[]){3.4375f}, 1, 1e-6, 0, "y");
    tn_model_destroy(&model);
}

/* Ones over 2 x 2 x 2: each cell and those behind it, of which there are none at the end. */
ON_EACH(layers, same_padding_of_conv3d)
{
    tn_session *session = open_session(*on);
    tn_model *model = new_model("x", TN_SHAPE(1, 2, 2, 2));
    const struct tn_attr options[] = {TN_AI("filters", 1), TN_AI("kernel_size", 2),
                                      TN_AS("padding", "same"),
                                      TN_AS("kernel_initializer", "ones")};
    float y[8];
    add_layer(model, (struct tn_layer_spec){.type = "conv3d", .options = options, .n_options = 4});
    tn_plan *plan = plan_of(session, graph_of(model, TN_SHAPE(1, 1, 2, 2, 2), 0), 0);
    set_f32(plan, "x", (const float[]){1, 2, 3, 4, 5, 6, 7, 8}, 8);
    run(plan);
    get_f32(plan, "y", y, 8);
    expect_close(y, (const float[]){36, 20, 22, 12, 26, 14, 15, 8}, 8, 1e-6, 0, "y");
    tn_model_destroy(&model);
}

/* 1 2 3 spread ones over three cells, two apart: 1 1 3 2 5 3 3, of which "same" cuts the last. */
ON_EACH(layers, same_padding_of_conv_transpose1d)
{
    tn_session *session = open_session(*on);
    tn_model *model = new_model("x", TN_SHAPE(1, 3));
    const struct tn_attr options[] = {TN_AI("filters", 1), TN_AI("kernel_size", 3),
                                      TN_AI("strides", 2), TN_AS("padding", "same"),
                                      TN_AS("kernel_initializer", "ones")};
    float y[6];
    add_layer(model, (struct tn_layer_spec){
                         .type = "conv_transpose1d", .options = options, .n_options = 5});
    tn_plan *plan = plan_of(session, graph_of(model, TN_SHAPE(1, 1, 3), 0), 0);
    set_f32(plan, "x", (const float[]){1, 2, 3}, 3);
    run(plan);
    get_f32(plan, "y", y, 6);
    expect_close(y, (const float[]){1, 1, 3, 2, 5, 3}, 6, 1e-6, 0, "y");
    tn_model_destroy(&model);
}

/* y = (x W + b) W + b with one W and b. */
ON_EACH(layers, shared_weights)
{
    tn_session *session = open_session(*on);
    tn_model *model = new_model("x", TN_SHAPE(2));
    const struct tn_attr units = TN_AI("units", 2);
    struct tn_layer_spec spec = {.type = "dense", .name = "a", .options = &units, .n_options = 1};
    float y[2];
    add_layer(model, spec);
    spec.name = "b";
    spec.share = "a";
    add_layer(model, spec);
    tn_plan *plan = plan_of(session, graph_of(model, TN_SHAPE(1, 2), 0), 0);
    cr_expect_eq(tn_session_state_count(session), 2u);
    put_f32(session, "a/kernel", (const float[]){1, 2, 3, -1}, 4);
    put_f32(session, "a/bias", (const float[]){0.5f, -0.25f}, 2);
    set_f32(plan, "x", (const float[]){2, 1}, 2);
    run(plan);
    get_f32(plan, "y", y, 2);
    /* x W + b = [5.5, 2.75]; once more: [5.5 + 8.25 + 0.5, 11 - 2.75 - 0.25] */
    expect_close(y, (const float[]){14.25f, 8.0f}, 2, 1e-6, 0, "y");
    tn_model_destroy(&model);
}

/* Values of PyTorch at -2, -1/2, 1/2 and 7; the slope of leaky_relu is Keras's 0.2. */
ON_EACH(layers, activations_by_name)
{
    static const struct {
        const char *name;
        float want[4];
    } table[] = {
        {"linear", {-2, -0.5f, 0.5f, 7}},
        {"relu", {0, 0, 0.5f, 7}},
        {"relu6", {0, 0, 0.5f, 6}},
        {"leaky_relu", {-0.4f, -0.1f, 0.5f, 7}},
        {"elu", {-0.8646647f, -0.3934693f, 0.5f, 7}},
        {"celu", {-0.8646647f, -0.3934693f, 0.5f, 7}},
        {"selu", {-1.520166f, -0.6917582f, 0.5253505f, 7.354907f}},
        {"gelu", {-0.04550026f, -0.1542688f, 0.3457312f, 7}},
        {"gelu_tanh", {-0.04540231f, -0.154286f, 0.345714f, 7}},
        {"silu", {-0.2384058f, -0.1887703f, 0.3112297f, 6.993623f}},
        {"mish", {-0.2525015f, -0.2207438f, 0.3752452f, 6.999988f}},
        {"softplus", {0.126928f, 0.474077f, 0.974077f, 7.000911f}},
        {"softsign", {-0.6666667f, -0.3333333f, 0.3333333f, 0.875f}},
        {"sigmoid", {0.1192029f, 0.3775407f, 0.6224593f, 0.9990889f}},
        {"hard_sigmoid", {0.1666667f, 0.4166667f, 0.5833333f, 1}},
        {"hard_swish", {-0.3333333f, -0.2083333f, 0.2916667f, 7}},
        {"tanh", {-0.9640276f, -0.4621172f, 0.4621172f, 0.9999983f}},
        {"exp", {0.1353353f, 0.6065307f, 1.648721f, 1096.633f}},
        {"softmax", {0.0001231414f, 0.0005518813f, 0.001500169f, 0.9978248f}},
        {"log_softmax", {-9.002178f, -7.502178f, -6.502178f, -0.002177561f}},
    };
    tn_session *session = open_session(*on);
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        tn_model *model = new_model("x", TN_SHAPE(4));
        const struct tn_attr name = TN_AS("activation", table[i].name);
        float y[4];
        add_layer(model,
                  (struct tn_layer_spec){.type = "activation", .options = &name, .n_options = 1});
        tn_plan *plan = plan_of(session, graph_of(model, TN_SHAPE(1, 4), 0), 0);
        set_f32(plan, "x", (const float[]){-2, -0.5f, 0.5f, 7}, 4);
        run(plan);
        get_f32(plan, "y", y, 4);
        expect_close(y, table[i].want, 4, 1e-5, 1e-6, table[i].name);
        tn_model_destroy(&model);
    }
}

static const float samples[] = {1, 10, 2, 20, 3, 30, 6, 40}; /* [4, 2] */

/* Four layers on one sample [2, 2, 2]: rows 1 3, 2 6, 0 4, 5 7 in two channels. */
ON_EACH(layers, norms_of_a_sample)
{
    static const float x[] = {1, 3, 2, 6, 0, 4, 5, 7};
    static const struct {
        const char *type;
        struct tn_attr options[2];
        double centre[8], scale[8]; /* what is taken off, what it is divided by the root of */
    } cases[] = {
        {"layer_norm",
         {{.name = "epsilon", .type = TN_ATTR_FLOAT, .u.f = 0.5}},
         {2, 2, 4, 4, 2, 2, 6, 6},
         {1.5, 1.5, 4.5, 4.5, 4.5, 4.5, 1.5, 1.5}},
        {"rms_norm",
         {{.name = "epsilon", .type = TN_ATTR_FLOAT, .u.f = 0.5},
          {.name = "axis", .type = TN_ATTR_INT, .u.i = -2}},
         {0},
         {13, 13, 13, 13, 23, 23, 23, 23}},
        {"group_norm",
         {{.name = "epsilon", .type = TN_ATTR_FLOAT, .u.f = 0.5},
          {.name = "groups", .type = TN_ATTR_INT, .u.i = 1}},
         {3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5},
         {5.75, 5.75, 5.75, 5.75, 5.75, 5.75, 5.75, 5.75}},
        {"instance_norm",
         {{.name = "epsilon", .type = TN_ATTR_FLOAT, .u.f = 0.5}},
         {3, 3, 3, 3, 4, 4, 4, 4},
         {4, 4, 4, 4, 7, 7, 7, 7}},
    };
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        tn_session *session = open_session(*on);
        tn_model *model = new_model("x", TN_SHAPE(2, 2, 2));
        float y[8], wanted[8];
        add_layer(model, (struct tn_layer_spec){.type = cases[k].type,
                                                .options = cases[k].options,
                                                .n_options = cases[k].options[1].name ? 2 : 1});
        tn_plan *plan = plan_of(session, graph_of(model, TN_SHAPE(1, 2, 2, 2), 0), 0);
        set_f32(plan, "x", x, 8);
        run(plan);
        get_f32(plan, "y", y, 8);
        for (int i = 0; i < 8; i++)
            wanted[i] = (float)(((double)x[i] - cases[k].centre[i]) / sqrt(cases[k].scale[i]));
        expect_close(y, wanted, 8, 1e-5, 1e-6, cases[k].type);
        tn_model_destroy(&model);
        close_all();
    }
}

/* Means 3 and 25, variances 3.5 and 125. */
ON_EACH(layers, batch_norm_keeps_running_statistics)
{
    tn_session *session = open_session(*on);
    tn_model *model = new_model("x", TN_SHAPE(2));
    const struct tn_attr options[] = {TN_AF("momentum", 0.75), TN_AF("epsilon", 0.5)};
    float y[8], mean[2], variance[2], wanted[8];
    add_layer(model, (struct tn_layer_spec){
                         .type = "batch_norm", .name = "bn", .options = options, .n_options = 2});
    tn_plan *train = plan_of(session, graph_of(model, TN_SHAPE(4, 2), 1), 0);
    tn_plan *infer = plan_of(session, graph_of(model, TN_SHAPE(4, 2), 0), 0);
    set_f32(train, "x", samples, 8);
    set_f32(infer, "x", samples, 8);

    set_scalar(train, "apply", 0);
    run(train);
    state_f32(session, "bn/moving_mean", mean, 2);
    state_f32(session, "bn/moving_variance", variance, 2);
    expect_bits(mean, (const float[]){0, 0}, sizeof(mean), "mean with apply = 0");
    expect_bits(variance, (const float[]){1, 1}, sizeof(variance), "variance with apply = 0");
    get_f32(train, "y", y, 8);
    for (int i = 0; i < 8; i++)
        wanted[i] = i % 2 ? (float)((samples[i] - 25) / sqrt(125.5))
                          : (float)((samples[i] - 3) / sqrt(4.0));
    expect_close(y, wanted, 8, 1e-5, 1e-6, "training");

    set_scalar(train, "apply", 1);
    run(train);
    state_f32(session, "bn/moving_mean", mean, 2);
    state_f32(session, "bn/moving_variance", variance, 2);
    expect_close(mean, (const float[]){0.75f, 6.25f}, 2, 1e-5, 0, "mean");
    expect_close(variance, (const float[]){1.625f, 32.0f}, 2, 1e-5, 0, "variance");

    /* Inference uses the statistics that the training plan wrote. */
    run(infer);
    get_f32(infer, "y", y, 8);
    for (int i = 0; i < 8; i++)
        wanted[i] = i % 2 ? (float)((samples[i] - 6.25) / sqrt(32.5))
                          : (float)((samples[i] - 0.75) / sqrt(2.125));
    expect_close(y, wanted, 8, 1e-5, 1e-6, "inference");
    tn_model_destroy(&model);
}

/* Statistics that are not trained stay where they are, whatever a step applies. */
ON_EACH(layers, batch_norm_with_statistics_that_stay)
{
    tn_session *session = open_session(*on);
    tn_model *model = new_model("x", TN_SHAPE(2));
    const struct tn_attr stay = TN_AI("trainable_statistics", 0);
    float mean[2], variance[2];
    add_layer(model, (struct tn_layer_spec){
                         .type = "batch_norm", .name = "bn", .options = &stay, .n_options = 1});
    tn_plan *train = plan_of(session, graph_of(model, TN_SHAPE(4, 2), 1), 0);
    set_f32(train, "x", samples, 8);
    set_scalar(train, "apply", 1);
    run(train);
    state_f32(session, "bn/moving_mean", mean, 2);
    state_f32(session, "bn/moving_variance", variance, 2);
    expect_bits(mean, (const float[]){0, 0}, sizeof(mean), "mean");
    expect_bits(variance, (const float[]){1, 1}, sizeof(variance), "variance");
    tn_model_destroy(&model);
}

/* x + 2 x, through a branch. */
ON_EACH(layers, a_residual_adds_its_input)
{
    static const char *const both[] = {"branch", "x"};
    tn_session *session = open_session(*on);
    tn_model *model = new_model("x", TN_SHAPE(1));
    const struct tn_attr options[] = {TN_AI("units", 1), TN_AS("kernel_initializer", "ones"),
                                      TN_AS("bias_initializer", "ones")};
    float y[2];
    add_layer(model, (struct tn_layer_spec){
                         .type = "dense", .name = "branch", .options = options, .n_options = 3});
    add_layer(model, (struct tn_layer_spec){.type = "add", .inputs = both, .n_inputs = 2});
    tn_plan *plan = plan_of(session, graph_of(model, TN_SHAPE(2, 1), 0), 0);
    set_f32(plan, "x", (const float[]){3, -1}, 2);
    run(plan);
    get_f32(plan, "y", y, 2);
    expect_close(y, (const float[]){7, -1}, 2, 1e-6, 0, "y");
    tn_model_destroy(&model);
}

/* Two networks in one graph: layers of one name drop different elements. */
Test(dropout, masks_follow_the_path, .fini = close_all)
{
    struct tn_error err = {TN_OK, ""};
    tn_session *session = open_session(ON_REF);
    tn_model *model = new_model("x", TN_SHAPE(64));
    const struct tn_attr rate = TN_AF("rate", 0.5);
    add_layer(model, (struct tn_layer_spec){.type = "dropout", .options = &rate, .n_options = 1});
    tn_graph *g = new_graph("two");
    tn_value x = f32_input(g, "x", TN_SHAPE(1, 64)), y;
    struct tn_forward forward = {.training = 1, .inputs = &x, .apply = TN_NONE};
    forward.sample = tn_graph_input(g, "sample", TN_I64, &TN_SHAPE(1), TN_INPUT_DATA);
    forward.rng = tn_graph_input(g, "rng", TN_I64, &TN_SCALAR, TN_INPUT_STEP);
    const char *const prefixes[] = {"generator", "critic"};
    for (int i = 0; i < 2; i++) {
        forward.prefix = prefixes[i];
        check(tn_model_forward(model, g, &forward, &y, &err), &err, "forward");
        tn_graph_output(g, prefixes[i], y);
    }
    tn_plan *plan = plan_of(session, g, 0);
    const int64_t zero = 0;
    float ones[64], a[64], b[64];
    for (int i = 0; i < 64; i++)
        ones[i] = 1;
    set_f32(plan, "x", ones, 64);
    check(tn_plan_set_input_bytes(plan, "sample", &zero, sizeof(zero), &err), &err, "sample");
    check(tn_plan_set_input_bytes(plan, "rng", &zero, sizeof(zero), &err), &err, "rng");
    run(plan);
    get_f32(plan, "generator", a, 64);
    get_f32(plan, "critic", b, 64);
    cr_assert(memcmp(a, b, sizeof(a)) != 0, "both networks drop the same elements");
    tn_model_destroy(&model);
}
