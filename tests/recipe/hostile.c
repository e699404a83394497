/* Recipes that nobody means: whatever stands anywhere, there is an answer and no crash, and what is
 * accepted can be printed, built and trained with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "support.h"

static const char *const paths[] = {
    "tenon",
    "name",
    "description",
    "seed",
    "data",
    "data.reader",
    "data.shuffle",
    "data.train",
    "data.scale",
    "data.validation",
    "data.validation.split",
    "data.validation.shuffle",
    "inputs",
    "inputs.x",
    "inputs.x.shape",
    "inputs.x.dtype",
    "inputs.x.field",
    "inputs.y",
    "blocks",
    "blocks.b",
    "model",
    "model.0",
    "model.1",
    "model.0.layer",
    "model.0.name",
    "model.0.inputs",
    "model.0.share",
    "model.0.repeat",
    "model.0.block",
    "model.0.filters",
    "model.0.kernel_size",
    "model.0.strides",
    "model.0.padding",
    "model.0.dilation_rate",
    "model.0.groups",
    "model.0.activation",
    "model.2.units",
    "model.2.use_bias",
    "outputs",
    "networks",
    "networks.n",
    "networks.n.layers",
    "loss",
    "loss.type",
    "loss.output",
    "loss.target",
    "loss.weight",
    "metrics",
    "metrics.0",
    "metrics.0.name",
    "phases",
    "phases.0",
    "optimizer",
    "optimizer.type",
    "optimizer.lr",
    "optimizer.momentum",
    "optimizer.nesterov",
    "optimizer.schedule",
    "optimizer.schedule.type",
    "optimizer.groups",
    "optimizer.groups.0",
    "train",
    "train.batch_size",
    "train.epochs",
    "train.max_steps",
    "train.max_time",
    "train.monitor",
    "train.patience",
    "train.min_delta",
    "run",
    "run.backend",
    "run.device",
    "run.threads",
};
static const char *const values[] = {
    "",
    "null",
    "true",
    "0",
    "1",
    "-1",
    "3",
    "2.5",
    "1e300",
    "1e-400",
    ".nan",
    "-.inf",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "x",
    "''",
    "input",
    "'\\u00e9'",
    "\"\\x01\"",
    "[]",
    "{}",
    "[1]",
    "[1, 2, 3, 4]",
    "[x]",
    "[[1]]",
    "[{}]",
    "{a: b}",
    "{x: {}}",
    "{a: [flatten]}",
    "[{layer: flatten}]",
    "[{block: b}]",
    "[null]",
    "{a: null}",
    "[4000000000, 4000000000]",
    "[{type: mse}]",
    "{type: mse}",
    "adam",
    "flatten",
    "90m",
};

/* Uses all that a loaded recipe offers but the data. */
static void use(const tn_recipe *recipe)
{
    struct tn_error err = {TN_OK, ""};
    struct tn_train_params params;
    tn_model *model = NULL;
    char *once = NULL, *twice = NULL;
    tn_recipe *again = NULL;
    cr_assert_not_null(tn_recipe_name(recipe));
    tn_recipe_backend(recipe);
    tn_recipe_device(recipe);
    tn_recipe_threads(recipe);
    cr_assert_eq(tn_recipe_print(recipe, &once, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(load_text(once, NULL, &again, &err), TN_OK, "%s in:\n%s", err.msg, once);
    cr_assert_eq(tn_recipe_print(again, &twice, &err), TN_OK);
    cr_assert_str_eq(once, twice);
    if (tn_recipe_train_params(recipe, &params, &err) == TN_OK) {
        cr_assert_geq(params.batch_size, 1);
        cr_assert_geq(params.epochs, 1);
        cr_assert_not_null(params.optimizer->type);
        tn_status status = tn_recipe_build_model(recipe, NULL, &model, &err);
        cr_assert(status == TN_OK || status == TN_E_NOT_FOUND, "%s", err.msg);
    }
    tn_model_destroy(&model);
    tn_free(once);
    tn_free(twice);
    tn_recipe_destroy(&again);
}

Test(hostile, any_value_at_any_key, .timeout = 240)
{
    size_t n_good = 0;
    for (size_t i = 0; i < TN_LEN(paths); i++) {
        for (size_t k = 0; k < TN_LEN(values); k++) {
            char text[128];
            const char *const sets[] = {text, NULL};
            struct tn_error err = {TN_OK, ""};
            tn_recipe *recipe = NULL;
            snprintf(text, sizeof(text), "%s=%s", paths[i], values[k]);
            tn_status status = load_text(good_recipe, sets, &recipe, &err);
            cr_assert_eq(status == TN_OK, recipe != NULL, "%s", text);
            cr_assert(status == TN_OK || (tn_status_is_usage(status) && strlen(err.msg) > 20),
                      "%s: %s", text, err.msg);
            if (recipe)
                use(recipe);
            n_good += recipe != NULL;
            tn_recipe_destroy(&recipe);
        }
    }
    /* Some of these are right: the test would see nothing if all were refused. */
    cr_expect_gt(n_good, 200u, "%zu accepted", n_good);
}

Test(hostile, any_bytes, .timeout = 120)
{
    size_t n = strlen(good_recipe);
    char *copy = malloc(n + 1);
    uint64_t state = 99;
    cr_assert_not_null(copy);
    for (int round = 0; round < 2000; round++) {
        struct tn_error err = {TN_OK, ""};
        tn_recipe *recipe = NULL;
        memcpy(copy, good_recipe, n + 1);
        for (int k = 0; k < 1 + round % 3; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            /* Half of them what YAML is made of: they reach farther than plain junk. */
            size_t from = (state >> 20) % n, to = (state >> 40) % n;
            copy[to] = state >> 63 ? good_recipe[from] : (char)(state >> 55);
        }
        size_t n_kept = round % 5 ? n : (state >> 30) % n;
        tn_status status = load_bytes(copy, n_kept, NULL, &recipe, &err);
        cr_assert_eq(status == TN_OK, recipe != NULL);
        cr_assert(status == TN_OK || (tn_status_is_usage(status) && err.msg[0]), "%s", err.msg);
        if (recipe)
            use(recipe);
        tn_recipe_destroy(&recipe);
    }
    free(copy);
}
