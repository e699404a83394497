/* Loading recipes: errors with their places, overrides, defaults, printing, the shipped ones. */
#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "support.h"

#define HEAD "tenon: 1\ndata: {reader: digits}\ninputs: {x: {shape: [1, 28, 28]}}\n"
#define TAIL "loss: softmax_cross_entropy\n"
#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(load, a_good_recipe)
{
    tn_recipe *recipe = must_load(good_recipe, NULL);
    struct tn_train_params params;
    cr_expect_str_eq(tn_recipe_name(recipe), "r");
    cr_expect_null(tn_recipe_backend(recipe));
    cr_expect_eq(tn_recipe_threads(recipe), 0u);
    cr_assert_eq(tn_recipe_train_params(recipe, &params, NULL), TN_OK);
    cr_expect_eq(params.batch_size, 32);
    cr_expect_eq(params.epochs, 2);
    cr_expect_eq(params.seed, 1u);
    cr_expect_eq(params.no_shuffle, 0);
    cr_expect_eq(params.max_seconds, 0);
    cr_expect_null(params.monitor);
    cr_assert_eq(params.n_losses, 1u);
    cr_expect_str_eq(params.losses[0].type, "softmax_cross_entropy");
    cr_expect_str_eq(params.losses[0].target, "y");
    cr_expect_eq(params.losses[0].weight, 1);
    cr_assert_eq(params.n_metrics, 1u);
    cr_expect_str_eq(params.optimizer->type, "sgd");
    cr_expect_str_eq(params.optimizer->options[0].name, "lr");
    cr_expect_eq(params.optimizer->options[0].u.f, 0.5);
    cr_expect_str_eq(params.optimizer->schedule, "constant");
    cr_expect_str_eq(params.input_fields[0], "x");
    tn_recipe_destroy(&recipe);
    cr_expect_null(recipe);
}

Test(load, errors_name_the_place_the_key_and_the_nearest_one)
{
    must_refuse(HEAD "model:\n  - layer: conv2d\n    fliters: 8\n    kernel_size: 3\n" TAIL, NULL,
                ":6:5: ", "unknown key 'fliters' in layer 'conv2d'; did you mean 'filters'?");
    must_refuse(HEAD "model: [flatten]\noptimzer: adam\n" TAIL, NULL,
                ":5:1: ", "unknown key 'optimzer' in the recipe; did you mean 'optimizer'?");
    must_refuse(HEAD "model: [flaten]\n" TAIL, NULL,
                ":4:9: ", "there is no layer type 'flaten'; did you mean 'flatten'?");
    must_refuse(HEAD "model:\n  - leyer: dense\n    units: 3\n" TAIL, NULL,
                ":5:5: ", "unknown key 'leyer' in layer; did you mean 'layer'?");
    must_refuse(HEAD "model:\n  - {layer: dense, units: 0}\n" TAIL, NULL,
                ":5:27: ", "option 'units' is 0; it must be at least 1");
    must_refuse(HEAD "model:\n  - {layer: dense, units: 2.5}\n" TAIL, NULL,
                ":5:27: ", "option 'units' must be a whole number");
    must_refuse(HEAD "model:\n  - {layer: dense, units: true}\n" TAIL, NULL,
                ":5:27: ", "option 'units' cannot be true");
    must_refuse(HEAD "model:\n  - {layer: dense, activation: rellu, units: 2}\n" TAIL, NULL,
                ":5:32: ", "did you mean 'relu'?");
    must_refuse(HEAD "model:\n  - {layer: dense}\n" TAIL, NULL, ":5:5: ", "needs the key 'units'");
    must_refuse(HEAD "model: [flatten]\nloss: {type: mse, wait: 2}\n", NULL,
                ":5:19: ", "unknown key 'wait' in loss 'mse'");
    must_refuse(HEAD "model: [flatten]\nloss: {type: mse, weight: 0}\n", NULL,
                ":5:27: ", "'weight' is 0; it must be above 0");
    must_refuse(HEAD "model: [flatten]\ntrain: {epochs: 0}\n" TAIL, NULL,
                ":5:17: ", "'epochs' is 0; it must be at least 1");
    must_refuse(HEAD "model: [flatten]\ntrain: {max_time: 5 minutes}\n" TAIL, NULL,
                ":5:19: ", "a time such as 90s");
    must_refuse(HEAD "model: [flatten]\nseed: one\n" TAIL, NULL, ":5:7: ", "a whole number");
    must_refuse(HEAD "model: [flatten]\nrun: {thread: 2}\n" TAIL, NULL,
                ":5:7: ", "did you mean 'threads'?");
    must_refuse(HEAD "model: {layer: flatten}\n" TAIL, NULL, ":4:8: ", "a list of layers");
    must_refuse(HEAD "model: []\n" TAIL, NULL, ":4:8: ", "at least one layer");
    must_refuse(HEAD "model: [[flatten]]\n" TAIL, NULL, ":4:9: ", "must be a mapping");
    must_refuse(HEAD "model: [flatten]\noptimizer:\n  - adam\n" TAIL, NULL,
                ":6:3: ", "'optimizer' must be a mapping");
    must_refuse(HEAD "model: [flatten]\noptimizer: {schedule: {type: step}}\n" TAIL, NULL,
                ":5:23: ", "needs the key 'every_steps'");
    must_refuse(HEAD "model: [flatten]\noptimizer: {lr: .inf}\n" TAIL, NULL,
                ":5:17: ", "must be a finite number");
    must_refuse(HEAD "model: [flatten]\noptimizer: {groups: [{match: a, lrr: 1}]}\n" TAIL, NULL,
                ":5:33: ", "did you mean 'lr'?");
    must_refuse("- 1\n", NULL, ":1:1: ", "a recipe is a mapping");
    must_refuse("data: {reader: digits}\n", NULL, ":1:1: ", "add the line 'tenon: 1'");
    must_refuse("tenon: 2\nnew_key: 1\n", NULL, ":1:8: ", "format 2; this version of tenon reads");
    must_refuse("tenon: 1\nmodel: [flatten]\n" TAIL, NULL, ":1:1: ", "needs the key 'data'");
    must_refuse("tenon: 1\ndata: {reader: mnis}\nmodel: [flatten]\n" TAIL, NULL,
                ":2:16: ", "did you mean 'mnist'?");
    must_refuse("tenon: 1\ndata: {reader: digits, trian: 5}\nmodel: [flatten]\n" TAIL, NULL,
                ":2:24: ", "did you mean 'train'?");
    must_refuse(HEAD TAIL, NULL, ":1:1: ", "the recipe needs 'model'");
    must_refuse(HEAD "model: [flatten]\n", NULL, ":1:1: ", "the recipe needs 'loss'");
}

Test(load, a_file_that_is_not_there)
{
    struct tn_error err = {TN_OK, ""};
    tn_recipe *recipe = NULL;
    struct tn_recipe_params params = {.source = "/no/such/file.yaml"};
    cr_expect_eq(tn_recipe_load(&params, &recipe, &err), TN_E_NOT_FOUND);
    cr_expect_not_null(strstr(err.msg, "/no/such/file.yaml"), "%s", err.msg);
    params.source = "/tmp/";
    cr_expect_eq(tn_recipe_load(&params, &recipe, &err), TN_E_INVALID);
    params.source = "mnist-cn";
    cr_expect_eq(tn_recipe_load(&params, &recipe, &err), TN_E_NOT_FOUND);
    cr_expect_not_null(strstr(err.msg, "did you mean 'mnist-cnn'?"), "%s", err.msg);
    cr_expect_null(recipe);
}

Test(load, overrides_change_what_they_name)
{
    tn_recipe *recipe = must_load(
        good_recipe, SETS("optimizer.lr=1e-2", "train.epochs=7", "train.max_time=2m",
                          "optimizer.schedule.type=cosine", "optimizer.schedule.warmup_steps=3",
                          "model.0.filters=64", "model.2.activation=softmax", "loss.weight=2",
                          "data.shuffle=false", "run.threads=2", "run.backend='7'", "seed=9",
                          "train.monitor=loss", "name=other", "metrics=null"));
    struct tn_train_params params;
    cr_assert_eq(tn_recipe_train_params(recipe, &params, NULL), TN_OK);
    cr_expect_eq(params.optimizer->options[0].u.f, 0.01);
    cr_expect_str_eq(params.optimizer->schedule, "cosine");
    cr_expect_eq(params.optimizer->schedule_options[0].u.i, 3);
    cr_expect_eq(params.epochs, 7);
    cr_expect_eq(params.max_seconds, 120);
    cr_expect_eq(params.losses[0].weight, 2);
    cr_expect_eq(params.no_shuffle, 1);
    cr_expect_eq(params.seed, 9u);
    cr_expect_eq(params.n_metrics, 0u);
    cr_expect_str_eq(params.monitor, "loss");
    cr_expect_eq(tn_recipe_threads(recipe), 2u);
    cr_expect_str_eq(tn_recipe_backend(recipe), "7");
    cr_expect_str_eq(tn_recipe_name(recipe), "other");
    tn_model *model = NULL;
    struct tn_layer_info *layers = NULL;
    size_t n = 0;
    cr_assert_eq(tn_recipe_build_model(recipe, NULL, &model, NULL), TN_OK);
    cr_assert_eq(tn_model_summary(model, &layers, &n, NULL), TN_OK);
    cr_expect_eq(layers[1].output_shape.dim[1], 64);
    tn_free(layers);
    tn_model_destroy(&model);
    tn_recipe_destroy(&recipe);
}

/* The later one wins; a whole section may be replaced, and what it held is gone. */
Test(load, overrides_come_in_order)
{
    tn_recipe *recipe =
        must_load(good_recipe, SETS("optimizer.momentum=0.9", "optimizer=adam", "optimizer.lr=1",
                                    "optimizer.lr=2", "data.validation=null", "data.train=50"));
    struct tn_train_params params;
    tn_dataset *train = NULL, *held = (tn_dataset *)&params;
    cr_assert_eq(tn_recipe_train_params(recipe, &params, NULL), TN_OK);
    cr_expect_str_eq(params.optimizer->type, "adam");
    cr_expect_eq(params.optimizer->options[0].u.i, 2);
    cr_assert_eq(tn_recipe_open_data(recipe, NULL, &train, &held, NULL, NULL), TN_OK);
    cr_expect_eq(tn_dataset_size(train), 50);
    cr_expect_null(held);
    tn_dataset_unref(&train);
    tn_recipe_destroy(&recipe);
}

Test(load, wrong_overrides_are_named_by_their_text)
{
    static const struct {
        const char *set, *part;
    } cases[] = {
        {"optimizer.lrr=1", "unknown key 'lrr' in optimizer 'sgd'; did you mean 'lr'?"},
        {"optimzer.lr=1", "unknown key 'optimzer' in the recipe; did you mean 'optimizer'?"},
        {"model.3.units=1", "'model' has 3 entries, counted from 0; there is no 3"},
        {"model.-1.units=1", "an index from 0 to 2 goes here, not '-1'"},
        {"model.units=1", "an index from 0 to 2 goes here, not 'units'"},
        {"train.epochs.x=1", "'train.epochs' is neither a mapping nor a list"},
        {"train.epochs=many", "'epochs' must be a whole number"},
        {"model.0.filters=[1", "YAML:"},
        {"model..x=1", "an empty name in the path"},
        {"=1", "write KEY=VALUE"},
        {"seed", "write KEY=VALUE"},
        {"seed=*a", "aliases"},
        {"seed=1\nb: 2", "YAML:"},
        {"outputs=[logit]", "there is no earlier layer or input 'logit'; did you mean 'logits'?"},
        {"loss.output=logit", "'logit' is no output of the model; did you mean 'logits'?"},
        {"data.validation.split=1", "'split' is 1; it must be below 1"},
        {"model.0.use_bias=1", "option 'use_bias' must be true or false"},
        {"model.0.kernel_size=[3, x]", "option 'kernel_size' takes whole numbers"},
        {"model.0.kernel_size={a: 1}", "cannot be a mapping"},
        {"inputs.x.shape=[1, 2, 3, 4, 5, 6, 7, 8]", "a list of at most 7 whole numbers"},
        {"inputs.x.shape=[0]", "it must be at least 1"},
        {"name=../x", "names the run folder"},
    };
    for (size_t i = 0; i < TN_LEN(cases); i++) {
        char place[128];
        snprintf(place, sizeof(place), "override '%s'", cases[i].set);
        must_refuse(good_recipe, SETS(cases[i].set), place, cases[i].part);
    }
}

Test(load, a_layer_that_does_not_fit_is_named_with_its_place_and_shapes)
{
    must_refuse(good_recipe, SETS("model.0.kernel_size=40"), ":8:5: ", "layer 'conv2d' (conv2d)");
    must_refuse(good_recipe, SETS("model.0.kernel_size=40"), ":8:5: ", "[batch, 1, 28, 28]");
    must_refuse(good_recipe, SETS("model.1=max_pool2d", "model.0=flatten"),
                "override 'model.1=max_pool2d'", "[batch, 784]");
    must_refuse(HEAD "model:\n  - {layer: dense, name: a, units: 4, inputs: x}\n"
                     "  - {layer: dense, name: b, units: 5, inputs: x}\n"
                     "  - {layer: add, inputs: [a, b]}\n" TAIL,
                NULL, ":7:5: ", "[batch, 1, 28, 4], [batch, 1, 28, 5]");
}

Test(load, shapes_may_come_from_the_data)
{
    tn_recipe *recipe = must_load(good_recipe, SETS("inputs=null", "data.train=200"));
    struct tn_error err = {TN_OK, ""};
    tn_model *model = NULL;
    tn_dataset *train = NULL;
    cr_expect_eq(tn_recipe_build_model(recipe, NULL, &model, &err), TN_E_NOT_FOUND);
    cr_expect_not_null(strstr(err.msg, "shape of input 'x'"), "%s", err.msg);
    cr_expect_null(model);
    cr_assert_eq(tn_recipe_open_data(recipe, NULL, &train, NULL, NULL, &err), TN_OK, "%s", err.msg);
    cr_expect_eq(tn_dataset_size(train), 180);
    cr_assert_eq(tn_recipe_build_model(recipe, train, &model, &err), TN_OK, "%s", err.msg);
    struct tn_shape shape = tn_model_input_shape(model, 0), wanted = TN_SHAPE(1, 28, 28);
    cr_expect(tn_shape_equal(&shape, &wanted));
    tn_model_destroy(&model);
    tn_dataset_unref(&train);
    tn_recipe_destroy(&recipe);
    /* Without shapes, names and connections are checked all the same. */
    must_refuse(good_recipe, SETS("inputs=null", "model.1.inputs=conv"), "override 'model.1.inputs",
                "no earlier layer or input 'conv'");
}

Test(load, validation_from_the_end_or_by_seed)
{
    static const char *const sets[] = {"data.train=1000", "data.validation.shuffle=false"};
    tn_recipe *recipe = must_load(good_recipe, SETS(sets[0], sets[1], "data.test=70"));
    tn_dataset *train = NULL, *held = NULL, *test = NULL;
    cr_assert_eq(tn_recipe_open_data(recipe, NULL, &train, &held, &test, NULL), TN_OK);
    cr_expect_eq(tn_dataset_size(train), 900);
    cr_expect_eq(tn_dataset_size(held), 100);
    cr_expect_eq(tn_dataset_size(test), 70);
    cr_expect_eq(tn_dataset_sample(held, 0), 900);
    tn_dataset_unref(&train);
    tn_dataset_unref(&held);
    tn_dataset_unref(&test);
    tn_recipe_destroy(&recipe);
    recipe = must_load(good_recipe, SETS(sets[0], "data.validation.shuffle=true"));
    cr_assert_eq(tn_recipe_open_data(recipe, NULL, NULL, &held, NULL, NULL), TN_OK);
    cr_expect_eq(tn_dataset_size(held), 100);
    cr_expect_lt(tn_dataset_sample(held, 0), 100);
    tn_dataset_unref(&held);
    tn_recipe_destroy(&recipe);
}

static const char *const shipped[] = {"digits-cnn",        "digits-resnet", "digits-two-heads",
                                      "fashion-mnist-cnn", "mnist-cnn",     "mnist-mlp"};

static int64_t parameters(const tn_recipe *recipe)
{
    struct tn_error err = {TN_OK, ""};
    tn_model *model = NULL;
    struct tn_layer_info *layers = NULL;
    size_t n = 0;
    int64_t total = 0;
    cr_assert_eq(tn_recipe_build_model(recipe, NULL, &model, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_model_summary(model, &layers, &n, &err), TN_OK, "%s", err.msg);
    for (size_t i = 0; i < n; i++)
        total += layers[i].n_params;
    tn_free(layers);
    tn_model_destroy(&model);
    return total;
}

Test(load, shipped_recipes_are_found_and_right)
{
    static const int64_t counts[] = {347146, 17354, 176635, 347146, 347146, 235146};
    char **names = NULL;
    cr_assert_eq(tn_recipe_list(&names, NULL), TN_OK);
    for (size_t i = 0; i < TN_LEN(shipped); i++) {
        struct tn_error err = {TN_OK, ""};
        tn_recipe *recipe = NULL;
        struct tn_recipe_params params = {.source = shipped[i]};
        int found = 0;
        for (char **name = names; *name; name++)
            found = found || strcmp(*name, shipped[i]) == 0;
        cr_expect(found, "%s is not listed", shipped[i]);
        cr_assert_eq(tn_recipe_load(&params, &recipe, &err), TN_OK, "%s", err.msg);
        cr_expect_str_eq(tn_recipe_name(recipe), shipped[i]);
        cr_expect_eq(parameters(recipe), counts[i], "%s has %lld parameters", shipped[i],
                     (long long)parameters(recipe));
        tn_recipe_destroy(&recipe);
    }
    tn_free(names);
}

static void round_trip(const char *source, const char *const *sets, size_t n_sets)
{
    struct tn_error err = {TN_OK, ""};
    struct tn_recipe_params params = {.source = source, .sets = sets, .n_sets = n_sets};
    tn_recipe *recipe = NULL, *again = NULL;
    char *once = NULL, *twice = NULL;
    cr_assert_eq(tn_recipe_load(&params, &recipe, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_recipe_print(recipe, &once, &err), TN_OK);
    cr_assert_eq(load_text(once, NULL, &again, &err), TN_OK, "%s%s", err.msg, once);
    cr_assert_eq(tn_recipe_print(again, &twice, &err), TN_OK);
    cr_expect_str_eq(once, twice);
    cr_expect_str_eq(tn_recipe_name(recipe), tn_recipe_name(again));
    if (strcmp(source, "mnist-cnn") == 0)
        cr_expect_not_null(strstr(once, "  beta_1: 0.9\n"), "no defaults in:\n%s", once);
    tn_free(once);
    tn_free(twice);
    tn_recipe_destroy(&recipe);
    tn_recipe_destroy(&again);
}

Test(load, a_printed_recipe_is_the_same_recipe)
{
    for (size_t i = 0; i < TN_LEN(shipped); i++)
        round_trip(shipped[i], NULL, 0);
    round_trip("mnist-cnn",
               SETS("optimizer.lr=0.1", "description='1'", "train.max_time=1.5h",
                    "model.0.padding=[1, 2, 3, 4]", "data.scale=0.30000000000000004",
                    "optimizer.groups=[{match: '*', lr: 1e-300}]"),
               6);
}

/* A program with a decimal comma reads and prints the same numbers. */
Test(load, the_locale_does_not_matter)
{
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "de_DE"))
        cr_skip_test("no German locale here");
    tn_recipe *recipe = must_load(good_recipe, NULL);
    char *text = NULL;
    cr_assert_eq(tn_recipe_print(recipe, &text, NULL), TN_OK);
    cr_expect_not_null(strstr(text, "lr: 0.5\n"));
    tn_free(text);
    tn_recipe_destroy(&recipe);
}

#define GAN                                                                                    \
    "tenon: 1\ndata: {reader: digits}\n"                                                       \
    "networks:\n"                                                                              \
    "  gen:\n    inputs: {z: {shape: [16]}}\n    layers: [{layer: dense, name: image, units: " \
    "9}]\n"                                                                                    \
    "    outputs: [image]\n"                                                                   \
    "  judge:\n    inputs: {x: {shape: [9]}}\n    layers: [{layer: dense, name: real, units: " \
    "1}]\n"                                                                                    \
    "    outputs: real\n"

Test(load, networks_and_phases_are_read_and_checked)
{
    tn_recipe *recipe =
        must_load(GAN "phases:\n"
                      "  - {name: d, network: judge, inputs: {x: gen.image}, detach: [x],\n"
                      "     loss: {type: bce_with_logits, output: real}, update: ['judge/*']}\n"
                      "  - {network: gen, every: 2, loss: mse}\n",
                  NULL);
    struct tn_error err = {TN_OK, ""};
    struct tn_train_params params;
    tn_model *model = NULL;
    cr_expect_eq(tn_recipe_train_params(recipe, &params, &err), TN_E_UNSUPPORTED);
    cr_expect_not_null(strstr(err.msg, "r.yaml:13:3: "), "%s", err.msg);
    cr_expect_eq(tn_recipe_build_model(recipe, NULL, &model, &err), TN_E_UNSUPPORTED);
    cr_expect_null(model);
    tn_recipe_destroy(&recipe);
    must_refuse(GAN "phases: [{network: jugde, loss: mse}]\n", NULL,
                ":12:20: ", "there is no network 'jugde'; did you mean 'judge'?");
    must_refuse(GAN "phases: [{network: judge, loss: mse, inputs: {y: y}}]\n", NULL,
                ":12:47: ", "input of this network 'y'");
    must_refuse(GAN "phases: [{network: judge, loss: mse, inputs: {x: gen.imag}}]\n", NULL,
                ":12:50: ", "did you mean 'image'?");
    must_refuse(GAN "phases: [{network: judge, loss: mse, inputs: {x: y}, detach: z}]\n", NULL,
                ":12:62: ", "input of this phase 'z'");
    must_refuse(GAN "phases: [{network: judge, loss: {type: mse, output: rael}}]\n", NULL,
                ":12:53: ", "did you mean 'real'?");
    must_refuse(GAN "phases: [{network: judge, loss: mse, evry: 2}]\n", NULL,
                ":12:38: ", "did you mean 'every'?");
    must_refuse(GAN "loss: mse\n", NULL, ":3:1: ", "'networks' needs 'phases'");
    must_refuse(GAN "model: [flatten]\n", NULL, ":3:1: ", "exclude each other");
    must_refuse(HEAD "model: [flatten]\nphases: [{network: a, loss: mse}]\n", NULL,
                ":5:1: ", "'phases' needs 'networks'");
    must_refuse(GAN "outputs: [a]\nphases: [{network: gen, loss: mse}]\n", NULL,
                ":12:1: ", "goes with 'model'");
}

Test(load, the_schema_is_json_and_knows_every_component)
{
    char *text = NULL;
    json_error_t why;
    cr_assert_eq(tn_recipe_schema(&text, NULL), TN_OK);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    cr_assert_not_null(root, "%s", why.text);
    json_t *items = json_object_get(json_object_get(root, "$defs"), "layers");
    json_t *layers = json_object_get(json_object_get(items, "items"), "anyOf");
    /* One per type, the names alone, and blocks. */
    cr_expect_eq(json_array_size(layers), tn_component_count(TN_COMPONENT_LAYER) + 2);
    cr_expect_not_null(strstr(text, "number of output channels"));
    cr_expect_not_null(strstr(text, "\"max_pooling2d\""));
    json_decref(root);
    tn_free(text);
}

Test(load, sizes_beyond_reason)
{
    must_refuse(good_recipe, SETS("model.0.kernel_size=3000000000"), "override",
                "it must be at most 2147483647");
    must_refuse(good_recipe, SETS("model.0.filters=9223372036854775807"),
                ":8:5: ", "layer 'conv2d' (conv2d)");
    must_refuse(good_recipe, SETS("model.0.padding=[0, 0, 0, 3000000000]"), "override",
                "it must be at most 2147483647");
}
