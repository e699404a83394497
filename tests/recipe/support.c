#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const good_recipe = "tenon: 1\n"
                                "data:\n"
                                "  reader: digits\n"
                                "  validation: {split: 0.1}\n"
                                "inputs:\n"
                                "  x: {shape: [1, 28, 28]}\n"
                                "model:\n"
                                "  - layer: conv2d\n"
                                "    filters: 4\n"
                                "    kernel_size: 3\n"
                                "  - flatten\n"
                                "  - {layer: dense, name: logits, units: 10}\n"
                                "loss: softmax_cross_entropy\n"
                                "metrics: [accuracy]\n"
                                "optimizer:\n"
                                "  type: sgd\n"
                                "  lr: 0.5\n"
                                "train:\n"
                                "  epochs: 2\n";

tn_status load_bytes(const char *text, size_t n, const char *const *sets, tn_recipe **out_recipe,
                     struct tn_error *err)
{
    char folder[] = "/tmp/tenon-recipe-XXXXXX", path[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/r.yaml", folder);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(text, 1, n, file), n);
    fclose(file);
    struct tn_recipe_params params = {.source = path, .sets = sets};
    while (sets && sets[params.n_sets])
        params.n_sets++;
    tn_status status = tn_recipe_load(&params, out_recipe, err);
    /* What the tests compare begins after the path. */
    if (status && strncmp(err->msg, path, strlen(path)) == 0)
        memmove(err->msg, err->msg + strlen(path), strlen(err->msg + strlen(path)) + 1);
    unlink(path);
    rmdir(folder);
    return status;
}

tn_status load_text(const char *text, const char *const *sets, tn_recipe **out_recipe,
                    struct tn_error *err)
{
    return load_bytes(text, strlen(text), sets, out_recipe, err);
}

tn_recipe *must_load(const char *text, const char *const *sets)
{
    struct tn_error err = {TN_OK, ""};
    tn_recipe *recipe = NULL;
    cr_assert_eq(load_text(text, sets, &recipe, &err), TN_OK, "%s", err.msg);
    return recipe;
}

void must_refuse(const char *text, const char *const *sets, const char *place, const char *part)
{
    struct tn_error err = {TN_OK, ""};
    tn_recipe *const untouched = (tn_recipe *)&err;
    tn_recipe *recipe = untouched;
    tn_status status = load_text(text, sets, &recipe, &err);
    cr_assert_neq(status, TN_OK, "was accepted, without '%s':\n%s", part, text);
    cr_expect(tn_status_is_usage(status), "%s", err.msg);
    cr_expect_eq(recipe, untouched, "the output was written to");
    cr_expect(strncmp(err.msg, place, strlen(place)) == 0, "expected at '%s': %s", place, err.msg);
    cr_expect_not_null(strstr(err.msg, part), "expected '%s' in: %s", part, err.msg);
}
