/* Layers: output shapes, numbers of parameters, and what they refuse. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/compiler.h"
#include "tenon/model.h"

static const int64_t three[] = {3, 3, 3}, two[] = {3, 2}, ones[] = {1, 1}, seven[] = {15, 7},
                     sides[] = {0, 1, 2, 0}, wrong[] = {4, 4}, box[] = {1, 3, 2},
                     faces[] = {0, 1, 2, 1, 0, 0};

struct layer_case {
    const char *type;
    struct tn_shape input; /* of a sample */
    struct tn_attr options[4];
    struct tn_shape wanted; /* of a sample; rank 0: refused */
    int64_t n_params;
    const char *part; /* of the refusal */
};

#define IMAGE                         \
    {                                 \
        .rank = 3, .dim = { 3, 7, 5 } \
    }
#define VOLUME                           \
    {                                    \
        .rank = 4, .dim = { 2, 4, 7, 5 } \
    }
#define STEPS                      \
    {                              \
        .rank = 2, .dim = { 5, 3 } \
    }
#define LINE                       \
    {                              \
        .rank = 2, .dim = { 3, 9 } \
    }
#define K3 INT("kernel_size", 3)
/* Like TN_AI and its siblings, as constants. */
#define INT(key, value)                                    \
    {                                                      \
        .name = (key), .type = TN_ATTR_INT, .u.i = (value) \
    }
#define REAL(key, value)                                     \
    {                                                        \
        .name = (key), .type = TN_ATTR_FLOAT, .u.f = (value) \
    }
#define TEXT(key, value)                                      \
    {                                                         \
        .name = (key), .type = TN_ATTR_STRING, .u.s = (value) \
    }
#define LIST(key, n, values)                                                  \
    {                                                                         \
        .name = (key), .type = TN_ATTR_INTS, .count = (n), .u.ints = (values) \
    }

static const struct layer_case cases[] = {
    {"conv2d", IMAGE, {INT("filters", 6), K3}, {3, {6, 5, 3}}, 168, NULL},
    {"conv2d", IMAGE, {INT("filters", 6), K3, TEXT("padding", "same")}, {3, {6, 7, 5}}, 168, NULL},
    {"conv2d",
     IMAGE,
     {INT("filters", 6), K3, TEXT("padding", "same"), INT("strides", 2)},
     {3, {6, 4, 3}},
     168,
     NULL},
    {"conv2d", IMAGE, {INT("filters", 6), K3, INT("groups", 3)}, {3, {6, 5, 3}}, 60, NULL},
    {"conv2d", IMAGE, {INT("filters", 2), K3, INT("dilation_rate", 2)}, {3, {2, 3, 1}}, 56, NULL},
    {"conv2d", IMAGE, {INT("filters", 2), K3, LIST("padding", 4, sides)}, {3, {2, 7, 4}}, 56, NULL},
    {"conv2d",
     IMAGE,
     {INT("filters", 2), LIST("kernel_size", 2, two), INT("use_bias", 0)},
     {3, {2, 5, 4}},
     36,
     NULL},
    {"max_pool2d", IMAGE, {INT("pool_size", 2)}, {3, {3, 3, 2}}, 0, NULL},
    {"max_pool2d", IMAGE, {INT("ceil_mode", 1)}, {3, {3, 4, 3}}, 0, NULL},
    {"max_pool2d", IMAGE, {TEXT("padding", "same")}, {3, {3, 4, 3}}, 0, NULL},
    {"avg_pool2d",
     IMAGE,
     {LIST("pool_size", 2, two), LIST("strides", 2, ones)},
     {3, {3, 5, 4}},
     0,
     NULL},
    {"conv1d", LINE, {INT("filters", 6), K3}, {2, {6, 7}}, 60, NULL},
    {"conv1d",
     LINE,
     {INT("filters", 6), K3, TEXT("padding", "same"), INT("strides", 2)},
     {2, {6, 5}},
     60,
     NULL},
    {"conv1d", LINE, {INT("filters", 6), K3, LIST("padding", 2, two)}, {2, {6, 12}}, 60, NULL},
    {"conv1d", LINE, {INT("filters", 6), K3, INT("groups", 3)}, {2, {6, 7}}, 24, NULL},
    {"conv1d",
     LINE,
     {INT("filters", 6), K3, INT("dilation_rate", 5)},
     {0},
     0,
     "a window of 11 does not fit into length 9"},
    {"conv1d", LINE, {INT("filters", 6), K3, LIST("padding", 4, sides)}, {0}, 0, "[begin, end]"},
    {"conv1d", IMAGE, {INT("filters", 6), K3}, {0}, 0, "needs an input of rank 3, not 4"},
    {"conv_transpose2d", IMAGE, {INT("filters", 6), K3}, {3, {6, 9, 7}}, 168, NULL},
    {"conv_transpose2d",
     IMAGE,
     {INT("filters", 6), K3, TEXT("padding", "same"), INT("strides", 2)},
     {3, {6, 14, 10}},
     168,
     NULL},
    {"conv_transpose2d",
     IMAGE,
     {INT("filters", 6), INT("kernel_size", 2), TEXT("padding", "same"), INT("strides", 3)},
     {3, {6, 21, 15}},
     78,
     NULL},
    {"conv_transpose2d",
     IMAGE,
     {INT("filters", 6), K3, INT("groups", 3)},
     {3, {6, 9, 7}},
     60,
     NULL},
    {"conv_transpose2d", IMAGE, {INT("filters", 4), K3, INT("groups", 3)}, {0}, 0, "3 groups must"},
    {"conv_transpose1d", LINE, {INT("filters", 6), K3}, {2, {6, 11}}, 60, NULL},
    {"conv_transpose1d",
     LINE,
     {INT("filters", 6), K3, TEXT("padding", "same"), INT("strides", 2)},
     {2, {6, 18}},
     60,
     NULL},
    {"conv_transpose1d",
     LINE,
     {INT("filters", 6), INT("kernel_size", 2), TEXT("padding", "same"), INT("strides", 3)},
     {2, {6, 27}},
     42,
     NULL},
    {"conv_transpose1d",
     LINE,
     {INT("filters", 6), K3, INT("output_padding", 1), INT("strides", 2)},
     {2, {6, 20}},
     60,
     NULL},
    {"conv_transpose1d",
     LINE,
     {INT("filters", 6), K3, LIST("padding", 2, two), INT("groups", 3)},
     {2, {6, 6}},
     24,
     NULL},
    {"conv_transpose1d", LINE, {INT("filters", 4), K3, INT("groups", 3)}, {0}, 0, "3 groups must"},
    {"conv_transpose1d",
     LINE,
     {INT("filters", 4), K3, LIST("padding", 4, sides)},
     {0},
     0,
     "[begin, end]"},
    {"conv_transpose1d",
     LINE,
     {INT("filters", 4), INT("kernel_size", 3000000000)},
     {0},
     0,
     "option 'kernel_size' is 3000000000; it must be at most 2147483647"},
    {"conv3d", VOLUME, {INT("filters", 6), K3}, {4, {6, 2, 5, 3}}, 330, NULL},
    {"conv3d",
     VOLUME,
     {INT("filters", 6), K3, TEXT("padding", "same"), INT("strides", 2)},
     {4, {6, 2, 4, 3}},
     330,
     NULL},
    {"conv3d",
     VOLUME,
     {INT("filters", 4), LIST("kernel_size", 3, box), INT("groups", 2), LIST("strides", 3, box)},
     {4, {4, 4, 2, 2}},
     28,
     NULL},
    {"conv3d",
     VOLUME,
     {INT("filters", 2), K3, LIST("padding", 3, box), INT("dilation_rate", 2)},
     {4, {2, 2, 9, 5}},
     110,
     NULL},
    {"conv3d",
     VOLUME,
     {INT("filters", 2), K3, LIST("padding", 6, faces), INT("use_bias", 0)},
     {4, {2, 3, 6, 5}},
     108,
     NULL},
    {"conv3d", VOLUME, {INT("filters", 2), LIST("kernel_size", 2, two)}, {0}, 0, "kernel_size"},
    {"conv3d", VOLUME, {INT("filters", 2), K3, LIST("padding", 4, sides)}, {0}, 0, "padding"},
    {"conv3d", VOLUME, {INT("filters", 2), INT("kernel_size", 5)}, {0}, 0, "into depth 4"},
    {"conv3d", IMAGE, {INT("filters", 2), K3}, {0}, 0, "needs an input of rank 5, not 4"},
    {"max_pool1d", LINE, {{NULL}}, {2, {3, 4}}, 0, NULL},
    {"max_pool1d", LINE, {INT("ceil_mode", 1), INT("strides", 4)}, {2, {3, 3}}, 0, NULL},
    {"avg_pool1d", LINE, {INT("pool_size", 4), TEXT("padding", "same")}, {2, {3, 3}}, 0, NULL},
    {"avg_pool1d", LINE, {INT("pool_size", 10)}, {0}, 0, "a window of 10 does not fit"},
    {"global_avg_pool1d", LINE, {{NULL}}, {1, {3}}, 0, NULL},
    {"global_max_pool1d", LINE, {INT("keepdims", 1)}, {2, {3, 1}}, 0, NULL},
    {"global_avg_pool2d", IMAGE, {INT("keepdims", 1)}, {3, {3, 1, 1}}, 0, NULL},
    {"global_max_pool2d", IMAGE, {{NULL}}, {1, {3}}, 0, NULL},
    {"global_max_pool2d", LINE, {{NULL}}, {0}, 0, "needs images"},
    {"flatten", IMAGE, {{NULL}}, {1, {105}}, 0, NULL},
    {"reshape", IMAGE, {LIST("target_shape", 2, seven)}, {2, {15, 7}}, 0, NULL},
    {"dense", IMAGE, {INT("units", 4)}, {3, {3, 7, 4}}, 24, NULL},
    {"dense", {.rank = 1, .dim = {9}}, {INT("units", 4), INT("use_bias", 0)}, {1, {4}}, 36, NULL},
    {"batch_norm", IMAGE, {{NULL}}, {3, {3, 7, 5}}, 6, NULL},
    {"layer_norm", IMAGE, {{NULL}}, {3, {3, 7, 5}}, 10, NULL},
    {"layer_norm", IMAGE, {INT("axis", 1), INT("center", 0)}, {3, {3, 7, 5}}, 105, NULL},
    {"layer_norm", IMAGE, {INT("axis", 0)}, {.rank = 0}, 0, "option 'axis' is 0"},
    {"layer_norm", IMAGE, {INT("axis", 4)}, {.rank = 0}, 0, "from 1 to 3"},
    {"rms_norm", IMAGE, {INT("axis", -2)}, {3, {3, 7, 5}}, 35, NULL},
    {"rms_norm", IMAGE, {INT("scale", 0)}, {3, {3, 7, 5}}, 0, NULL},
    {"group_norm", IMAGE, {INT("groups", 3)}, {3, {3, 7, 5}}, 6, NULL},
    {"group_norm", IMAGE, {INT("groups", 2)}, {.rank = 0}, 0, "option 'groups' is 2"},
    {"instance_norm", IMAGE, {INT("scale", 0)}, {3, {3, 7, 5}}, 3, NULL},
    {"dropout", IMAGE, {REAL("rate", 0.5)}, {3, {3, 7, 5}}, 0, NULL},
    {"activation", IMAGE, {TEXT("activation", "tanh")}, {3, {3, 7, 5}}, 0, NULL},
    {"conv2d",
     IMAGE,
     {INT("filters", 2), INT("kernel_size", 6)},
     {0},
     0,
     "does not fit into width 5"},
    {"conv2d", IMAGE, {INT("filters", 4), K3, INT("groups", 2)}, {0}, 0, "2 groups must divide"},
    {"conv2d",
     {.rank = 1, .dim = {9}},
     {INT("filters", 4), K3},
     {0},
     0,
     "needs images [batch, channels, height, width]; input [batch, 9]"},
    {"conv2d", IMAGE, {INT("filters", 2), LIST("kernel_size", 3, three)}, {0}, 0, "kernel_size"},
    {"conv2d", IMAGE, {INT("filters", 2)}, {0}, 0, "needs the option 'kernel_size'"},
    {"max_pool2d",
     IMAGE,
     {INT("pool_size", 8)},
     {0},
     0,
     "a window of 8 does not fit into height 7"},
    {"reshape", IMAGE, {LIST("target_shape", 2, wrong)}, {0}, 0, "[batch, 3, 7, 5]"},
    {"dropout", IMAGE, {REAL("rate", 1.0)}, {0}, 0, "it must be below 1"},
    {"embedding",
     {.rank = 1, .dim = {9}},
     {INT("input_dim", 4), INT("output_dim", 2)},
     {0},
     0,
     "needs whole numbers (i32 or i64), not f32"},
    {"lstm", STEPS, {INT("units", 4)}, {1, {4}}, 4 * 4 * (3 + 4 + 2), NULL},
    {"lstm", STEPS, {INT("units", 4), INT("return_sequences", 1)}, {2, {5, 4}}, 144, NULL},
    {"gru",
     STEPS,
     {INT("units", 4), INT("bidirectional", 1), INT("return_sequences", 1)},
     {2, {5, 8}},
     2 * 3 * 4 * (3 + 4 + 2),
     NULL},
    {"rnn", STEPS, {INT("units", 4), INT("use_bias", 0)}, {1, {4}}, 4 * (3 + 4), NULL},
    {"lstm", IMAGE, {INT("units", 4)}, {0}, 0, "needs an input of rank 3, not 4"},
    {"rnn", STEPS, {INT("units", 4), TEXT("activation", "selu")}, {0}, 0, "activation"},
    {"multi_head_attention", STEPS, {INT("heads", 3)}, {2, {5, 3}}, 4 * (9 + 3), NULL},
    {"multi_head_attention",
     STEPS,
     {INT("heads", 4), INT("head_size", 2), INT("kv_heads", 2), INT("use_bias", 0)},
     {2, {5, 3}},
     3 * (8 + 4 + 4 + 8),
     NULL},
    {"multi_head_attention", STEPS, {INT("heads", 2)}, {0}, 0, "give head_size"},
    {"multi_head_attention",
     STEPS,
     {INT("heads", 3), INT("kv_heads", 2)},
     {0},
     0,
     "kv_heads 2 must divide heads 3"},
    {"dense", {.rank = 0}, {INT("units", 2)}, {0}, 0, "needs an input of rank 2 to 8, not 1"},
};

static tn_status summarise(const struct layer_case *c, tn_model **model,
                           struct tn_layer_info **layers, struct tn_error *err)
{
    struct tn_layer_spec spec = {.type = c->type, .options = c->options};
    size_t n = 0;
    tn_status status;
    while (spec.n_options < TN_LEN(c->options) && c->options[spec.n_options].name)
        spec.n_options++;
    if ((status = tn_model_create("m", model, err)) ||
        (status = tn_model_add_input(*model, "x", TN_F32, &c->input, err)) ||
        (status = tn_model_add_layer(*model, &spec, err)))
        return status;
    return tn_model_summary(*model, layers, &n, err);
}

Test(shapes, of_every_layer)
{
    for (size_t i = 0; i < TN_LEN(cases); i++) {
        const struct layer_case *c = &cases[i];
        struct tn_error err = {TN_OK, ""};
        tn_model *model = NULL;
        struct tn_layer_info *layers = NULL;
        char text[128];
        tn_status status = summarise(c, &model, &layers, &err);
        if (c->part) {
            cr_expect_eq(status, TN_E_INVALID, "case %zu (%s) was accepted", i, c->type);
            cr_expect_not_null(strstr(err.msg, c->part), "case %zu: %s", i, err.msg);
            cr_expect_not_null(strstr(err.msg, c->type), "case %zu: %s", i, err.msg);
            cr_expect_null(layers);
        } else {
            struct tn_shape wanted = {.rank = c->wanted.rank + 1, .dim = {-1}};
            memcpy(wanted.dim + 1, c->wanted.dim, c->wanted.rank * sizeof(int64_t));
            cr_assert_eq(status, TN_OK, "case %zu: %s", i, err.msg);
            cr_expect(tn_shape_equal(&layers[1].output_shape, &wanted), "case %zu (%s): %s", i,
                      c->type, tn_shape_format(&layers[1].output_shape, text, sizeof(text)));
            cr_expect_eq(layers[1].n_params, c->n_params, "case %zu (%s): %lld parameters", i,
                         c->type, (long long)layers[1].n_params);
        }
        tn_free(layers);
        tn_model_destroy(&model);
    }
}

Test(shapes, add_needs_one_shape)
{
    static const char *const both[] = {"a", "b"};
    struct tn_error err = {TN_OK, ""};
    tn_model *model = NULL;
    struct tn_layer_info *layers = NULL;
    size_t n = 0;
    cr_assert_eq(tn_model_create("m", &model, &err), TN_OK);
    cr_assert_eq(tn_model_add_input(model, "a", TN_F32, &TN_SHAPE(2, 3), &err), TN_OK);
    cr_assert_eq(tn_model_add_input(model, "b", TN_F32, &TN_SHAPE(3, 2), &err), TN_OK);
    struct tn_layer_spec spec = {.type = "add", .name = "sum", .inputs = both, .n_inputs = 2};
    cr_assert_eq(tn_model_add_layer(model, &spec, &err), TN_OK);
    cr_expect_eq(tn_model_summary(model, &layers, &n, &err), TN_E_INVALID);
    cr_expect_str_eq(err.msg, "layer 'sum' (add): inputs 1 and 2 differ in shape; input "
                              "[batch, 2, 3], [batch, 3, 2]");
    cr_expect_null(layers);
    tn_model_destroy(&model);
}

Test(shapes, embedding_of_whole_numbers)
{
    struct tn_error err = {TN_OK, ""};
    tn_model *model = NULL;
    struct tn_layer_info *layers = NULL;
    size_t n = 0;
    const struct tn_attr options[] = {TN_AI("input_dim", 10), TN_AI("output_dim", 4)};
    struct tn_layer_spec spec = {.type = "embedding", .options = options, .n_options = 2};
    struct tn_shape wanted = {.rank = 3, .dim = {-1, 9, 4}};
    cr_assert_eq(tn_model_create("m", &model, &err), TN_OK);
    cr_assert_eq(tn_model_add_input(model, "ids", TN_I32, &TN_SHAPE(9), &err), TN_OK);
    cr_assert_eq(tn_model_add_layer(model, &spec, &err), TN_OK);
    cr_assert_eq(tn_model_summary(model, &layers, &n, &err), TN_OK, "%s", err.msg);
    cr_expect(tn_shape_equal(&layers[1].output_shape, &wanted));
    cr_expect_eq(layers[1].n_params, 40);
    tn_free(layers);
    tn_model_destroy(&model);
}

/* A layer that is refused leaves the model as it was. */
Test(shapes, names_and_connections)
{
    static const char *const nowhere[] = {"conv"};
    struct tn_error err = {TN_OK, ""};
    tn_model *model = NULL;
    struct tn_layer_info *layers = NULL;
    size_t n = 0;
    struct tn_layer_spec flatten = {.type = "flatten"},
                         wrong_input = {.type = "flatten", .inputs = nowhere, .n_inputs = 1};
    cr_assert_eq(tn_model_create("m", &model, &err), TN_OK);
    cr_expect_eq(tn_model_add_layer(model, &flatten, &err), TN_E_INVALID);
    cr_expect_not_null(strstr(err.msg, "no input yet"), "%s", err.msg);
    cr_assert_eq(tn_model_add_input(model, "x", TN_F32, &TN_SHAPE(4), &err), TN_OK);
    cr_expect_eq(tn_model_add_layer(model, &wrong_input, &err), TN_E_INVALID);
    cr_expect_not_null(strstr(err.msg, "'conv'"), "%s", err.msg);
    cr_expect_eq(tn_model_add_layer(model, &(struct tn_layer_spec){.type = "flaten"}, &err),
                 TN_E_INVALID);
    cr_expect_not_null(strstr(err.msg, "did you mean 'flatten'?"), "%s", err.msg);
    cr_expect_eq(
        tn_model_add_layer(model, &(struct tn_layer_spec){.type = "flatten", .name = "x"}, &err),
        TN_E_INVALID);
    cr_expect_not_null(strstr(err.msg, "used twice"), "%s", err.msg);
    cr_assert_eq(tn_model_add_layer(model, &flatten, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_model_add_layer(model, &flatten, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_model_add_layer(
                     model, &(struct tn_layer_spec){.type = "flatten", .name = "flatten_2"}, &err),
                 TN_OK);
    cr_assert_eq(tn_model_add_layer(model, &flatten, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_model_summary(model, &layers, &n, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(n, 5u);
    cr_expect_str_eq(layers[2].name, "flatten_1");
    cr_expect_str_eq(layers[4].name, "flatten_3", "_2 is the user's");
    cr_expect_str_eq(layers[2].inputs, "flatten");
    tn_free(layers);
    tn_model_destroy(&model);
}
