/* The data of a recipe, opened and split. */
#include "recipe/recipe.h"

static tn_status split(const struct tn_recipe *recipe, const struct tn_yaml_node *validation,
                       tn_dataset **train, tn_dataset **out_validation, struct tn_error *err)
{
    const struct tn_yaml_node *share = tn_yaml_find(validation, "split");
    tn_dataset *kept = NULL, *held = NULL;
    tn_status status;
    if (tn_yaml_find(validation, "shuffle")->i)
        status = tn_dataset_split_random(
            *train, share->f, (uint64_t)tn_yaml_find(recipe->root, "seed")->i, &kept, &held, err);
    else
        status = tn_dataset_split_tail(*train, share->f, &kept, &held, err);
    if (status)
        return tn_yaml_prefix(share, err);
    tn_dataset_unref(train);
    *train = kept;
    *out_validation = held;
    return TN_OK;
}

tn_status tn_recipe_open_data(const tn_recipe *recipe, const char *data_dir, tn_dataset **out_train,
                              tn_dataset **out_validation, tn_dataset **out_test,
                              struct tn_error *err)
{
    const struct tn_yaml_node *data = tn_yaml_find(recipe->root, "data");
    const struct tn_yaml_node *validation = tn_yaml_find(data, "validation");
    const struct tn_section *section = tn_grammar_field(&tn_section_recipe, "data")->section;
    const struct tn_component *reader = tn_grammar_named(data, section, NULL);
    tn_dataset *train = NULL, *held = NULL, *test = NULL;
    struct tn_reader_params params = {.reader = reader->name, .data_dir = data_dir};
    struct tn_arena arena;
    tn_arena_init(&arena);
    tn_status status =
        tn_recipe_options(&arena, data, section, reader, &params.options, &params.n_options, err);
    if (!status)
        status = tn_reader_open(&params, out_train || out_validation ? &train : NULL,
                                out_test ? &test : NULL, err);
    if (!status && train && validation)
        status = split(recipe, validation, &train, &held, err);
    tn_arena_finish(&arena);
    if (!status && out_train)
        *out_train = tn_dataset_ref(train);
    if (!status && out_validation)
        *out_validation = held ? tn_dataset_ref(held) : NULL;
    if (!status && out_test)
        *out_test = test ? tn_dataset_ref(test) : NULL;
    tn_dataset_unref(&train);
    tn_dataset_unref(&held);
    tn_dataset_unref(&test);
    return status;
}
