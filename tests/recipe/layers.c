/* From lists of layers to models: names, blocks, repeats, connections, sharing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define HEAD "tenon: 1\ndata: {reader: digits}\ninputs: {x: {shape: [8]}}\n"
#define TAIL "loss: softmax_cross_entropy\n"

/* "name<inputs ..." of every layer, in order. */
static void expect_layers(const char *text, const char *wanted)
{
    struct tn_error err = {TN_OK, ""};
    tn_recipe *recipe = must_load(text, NULL);
    tn_model *model = NULL;
    struct tn_layer_info *layers = NULL;
    size_t n = 0, at = 0;
    char found[2048] = "";
    cr_assert_eq(tn_recipe_build_model(recipe, NULL, &model, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_model_summary(model, &layers, &n, &err), TN_OK, "%s", err.msg);
    for (size_t i = tn_model_input_count(model); i < n; i++)
        at += (size_t)snprintf(found + at, sizeof(found) - at, "%s%s<%s", at ? " " : "",
                               layers[i].name, layers[i].inputs);
    cr_expect_str_eq(found, wanted);
    tn_free(layers);
    tn_model_destroy(&model);
    tn_recipe_destroy(&recipe);
}

Test(layers, names_count_as_in_keras)
{
    expect_layers(HEAD "model:\n"
                       "  - {layer: dense, units: 3}\n"
                       "  - {layer: dense, units: 3}\n"
                       "  - {layer: dense, name: dense_2, units: 3}\n"
                       "  - {layer: dense, units: 3}\n" TAIL,
                  "dense<x dense_1<dense dense_2<dense_1 dense_3<dense_2");
}

Test(layers, a_repeat_follows_on_itself)
{
    expect_layers(HEAD "model:\n"
                       "  - {layer: dense, units: 3, repeat: 2}\n"
                       "  - {layer: dense, name: top, units: 3, inputs: x, repeat: 3}\n" TAIL,
                  "dense<x dense_1<dense top_1<x top_2<top_1 top_3<top_2");
}

Test(layers, blocks_have_prefixes_and_an_input)
{
    expect_layers(HEAD "blocks:\n"
                       "  res:\n"
                       "    - {layer: dense, units: 8}\n"
                       "    - {layer: dense, name: f, units: 8}\n"
                       "    - {layer: add, inputs: [f, input]}\n"
                       "model:\n"
                       "  - {layer: dense, name: stem, units: 8}\n"
                       "  - {block: res, repeat: 2}\n"
                       "  - {block: res, name: last, inputs: stem}\n"
                       "  - {layer: add, inputs: [res_1.add, last.f]}\n" TAIL,
                  "stem<x "
                  "res_1.dense<stem res_1.f<res_1.dense res_1.add<res_1.f, stem "
                  "res_2.dense<res_1.add res_2.f<res_2.dense res_2.add<res_2.f, res_1.add "
                  "last.dense<stem last.f<last.dense last.add<last.f, stem "
                  "add<res_1.add, last.f");
}

Test(layers, blocks_within_blocks)
{
    expect_layers(HEAD "blocks:\n"
                       "  in: [{layer: dense, name: a, units: 8}]\n"
                       "  out:\n"
                       "    - {block: in, repeat: 2}\n"
                       "    - {layer: add, inputs: [input, in_2.a, stem]}\n"
                       "model:\n"
                       "  - {layer: dense, name: stem, units: 8}\n"
                       "  - {block: out}\n" TAIL,
                  "stem<x out_1.in_1.a<stem out_1.in_2.a<out_1.in_1.a "
                  "out_1.add<stem, out_1.in_2.a, stem");
}

Test(layers, shared_weights_are_counted_once)
{
    struct tn_error err = {TN_OK, ""};
    tn_recipe *recipe = must_load(HEAD "model:\n"
                                       "  - {layer: dense, name: a, units: 8}\n"
                                       "  - {layer: dense, units: 8, share: a}\n" TAIL,
                                  NULL);
    tn_model *model = NULL;
    struct tn_layer_info *layers = NULL;
    size_t n = 0;
    cr_assert_eq(tn_recipe_build_model(recipe, NULL, &model, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_model_summary(model, &layers, &n, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(n, 3u);
    cr_expect_eq(layers[1].n_params, 72);
    cr_expect_eq(layers[2].n_params, 0);
    tn_free(layers);
    tn_model_destroy(&model);
    tn_recipe_destroy(&recipe);
}

Test(layers, several_inputs_and_outputs)
{
    tn_recipe *recipe = must_load("tenon: 1\ndata: {reader: digits}\n"
                                  "inputs:\n"
                                  "  a: {shape: [4], field: left}\n"
                                  "  b: {shape: [4], dtype: f32}\n"
                                  "model:\n"
                                  "  - {layer: add, inputs: [a, b]}\n"
                                  "  - {layer: dense, name: p, units: 2}\n"
                                  "  - {layer: dense, name: q, units: 3, inputs: add}\n"
                                  "outputs: [p, q]\n"
                                  "loss:\n"
                                  "  - {type: softmax_cross_entropy, output: p}\n"
                                  "  - {type: mse, output: q, target: z, weight: 0.5}\n",
                                  NULL);
    struct tn_train_params params;
    tn_model *model = NULL;
    cr_assert_eq(tn_recipe_train_params(recipe, &params, NULL), TN_OK);
    cr_expect_str_eq(params.input_fields[0], "left");
    cr_expect_str_eq(params.input_fields[1], "b");
    cr_assert_eq(params.n_losses, 2u);
    cr_expect_str_eq(params.losses[1].output, "q");
    cr_expect_str_eq(params.losses[1].target, "z");
    cr_expect_eq(params.losses[1].weight, 0.5);
    cr_assert_eq(tn_recipe_build_model(recipe, NULL, &model, NULL), TN_OK);
    cr_expect_eq(tn_model_input_count(model), 2u);
    cr_assert_eq(tn_model_output_count(model), 2u);
    cr_expect_str_eq(tn_model_output_name(model, 1), "q");
    tn_model_destroy(&model);
    tn_recipe_destroy(&recipe);
}

Test(layers, wrong_connections_are_refused)
{
    must_refuse(HEAD "model: [{block: a}]\n" TAIL, NULL, ":4:17: ", "there is no block 'a'");
    must_refuse(HEAD "blocks: {res: [flatten]}\nmodel: [{block: ress}]\n" TAIL, NULL,
                ":5:17: ", "did you mean 'res'?");
    must_refuse(HEAD "blocks: {a: [{block: b}], b: [{block: a}]}\nmodel: [{block: a}]\n" TAIL, NULL,
                ":4:39: ", "block 'a' contains itself");
    must_refuse(HEAD "blocks: {a: []}\nmodel: [{block: a}]\n" TAIL, NULL,
                ":4:13: ", "at least one layer");
    must_refuse(HEAD "model: [{layer: flatten, inputs: [y]}]\n" TAIL, NULL,
                ":4:35: ", "no earlier layer or input 'y'");
    must_refuse(HEAD "model: [{layer: flatten, inputs: [input]}]\n" TAIL, NULL,
                ":4:35: ", "no earlier layer or input 'input'");
    must_refuse(HEAD "model: [{layer: flatten, name: x}]\n" TAIL, NULL,
                ":4:32: ", "the name 'x' is used twice");
    must_refuse(HEAD "model: [{layer: flatten, name: 'a b'}]\n" TAIL, NULL,
                ":4:9: ", "without '/' and spaces");
    must_refuse(HEAD "model: [{layer: add, inputs: [x]}]\n" TAIL, NULL,
                ":4:9: ", "takes at least 2 inputs, 1 given");
    must_refuse(HEAD "model: [flatten, {layer: dense, units: 1, share: flatten}]\n" TAIL, NULL,
                ":4:18: ", "a layer of another type");
    must_refuse(HEAD "blocks: {a: [flatten]}\nmodel: [{block: a, inputs: [x, x]}]\n" TAIL, NULL,
                ":5:28: ", "a block takes one input, not 2");
    must_refuse(HEAD "model: [{layer: flatten, repeat: 0}]\n" TAIL, NULL, ":4:34: ", "at least 1");
    must_refuse("tenon: 1\ndata: {reader: digits}\ninputs: {a: {shape: [4]}, b: {shape: [4]}}\n"
                "model: [flatten]\n" TAIL,
                NULL, ":4:9: ", "say with 'inputs' which one");
    must_refuse(HEAD "model: [{layer: dense, name: a, units: 1}, {layer: dense, units: 1}]\n"
                     "outputs: [a, dense]\n" TAIL,
                NULL, ":6:7: ", "say with 'output' which one this loss is of");
    must_refuse(HEAD "model: [flatten]\noutputs: [flatten, flatten]\n" TAIL, NULL,
                ":5:20: ", "is listed twice");
}

/* Small files must not become large models. */
Test(layers, repeats_have_a_limit, .timeout = 60)
{
    must_refuse(HEAD "blocks:\n  a: [{layer: flatten, repeat: 1000}]\n"
                     "  b: [{block: a, repeat: 1000}]\n  c: [{block: b, repeat: 1000}]\n"
                     "model: [{block: c, repeat: 1000}]\n" TAIL,
                NULL, ":5:7: ", "more than 4096 layers");
}
