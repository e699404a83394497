/* Recipes: data, model and training as one YAML file. docs/recipes.md is its grammar. */
#ifndef TENON_RECIPE_H
#define TENON_RECIPE_H

#include "tenon/train.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TN_RECIPE_VERSION 1 /* the `tenon:` key; an older one is read, a newer one refused by name */

typedef struct tn_recipe tn_recipe;

struct tn_recipe_params {
    /* A path (it ends in .yaml or .yml, or has a slash), or the name of a shipped recipe, sought in
     * TENON_RECIPE_PATH and in the compiled-in folder. */
    const char *source;
    /* Overrides, applied in order after reading: "optimizer.lr=0.01", "model.0.filters=64". The
     * value is YAML; an index counts from 0. */
    const char *const *sets;
    size_t n_sets;
};
/* Reads and checks everything but what needs data. Errors say file:line:column, the offending key
 * and the nearest valid one; for an override, its text. TN_E_NOT_FOUND, TN_E_INVALID. */
TN_API tn_status tn_recipe_load(const struct tn_recipe_params *params, tn_recipe **out_recipe,
                                struct tn_error *err);
TN_API void tn_recipe_destroy(tn_recipe **recipe);

TN_API const char *tn_recipe_name(const tn_recipe *recipe);
/* The file it was read from. */
TN_API const char *tn_recipe_path(const tn_recipe *recipe);
/* Backend, device and threads that the recipe asks for: NULL and 0 where it does not. */
TN_API const char *tn_recipe_backend(const tn_recipe *recipe);
TN_API const char *tn_recipe_device(const tn_recipe *recipe);
TN_API uint32_t tn_recipe_threads(const tn_recipe *recipe);

/* The resolved recipe as YAML, with defaults filled in and overrides applied; loading it again gives
 * the same recipe. The string is the caller's (tn_free). */
TN_API tn_status tn_recipe_print(const tn_recipe *recipe, char **out_yaml, struct tn_error *err);
/* JSON Schema (draft 2020-12) of the grammar, made from the components' descriptions. tn_free. */
TN_API tn_status tn_recipe_schema(char **out_json, struct tn_error *err);
/* Names of the shipped recipes, NULL-terminated, one block (tn_free). */
TN_API tn_status tn_recipe_list(char ***out_names, struct tn_error *err);
/* Path of a shipped recipe. The string is the caller's (tn_free). TN_E_NOT_FOUND lists the names. */
TN_API tn_status tn_recipe_find(const char *name, char **out_path, struct tn_error *err);

/* Opens the data and splits it. `data_dir` NULL: TENON_DATA. Each out may be NULL; *out_validation
 * and *out_test are NULL where there is none. The caller owns the references. */
TN_API tn_status tn_recipe_open_data(const tn_recipe *recipe, const char *data_dir,
                                     tn_dataset **out_train, tn_dataset **out_validation,
                                     tn_dataset **out_test, struct tn_error *err);
/* The model. Input shapes come from the recipe's `inputs`, else from `data` (may be NULL if the
 * recipe has them). The caller owns it. TN_E_NOT_FOUND: a shape is needed from data that is not
 * given. TN_E_INVALID names the layer's place, its name and the shapes. TN_E_UNSUPPORTED: a recipe
 * of several networks. */
TN_API tn_status tn_recipe_build_model(const tn_recipe *recipe, const tn_dataset *data,
                                       tn_model **out_model, struct tn_error *err);
/* Losses, metrics, optimizer, batch size, epochs, limits, seed, monitor. Pointers belong to the
 * recipe. `model`, callbacks and ctx are left for the caller. TN_E_UNSUPPORTED for a recipe whose
 * training is of a kind that this version only reads (several networks with phases). */
TN_API tn_status tn_recipe_train_params(const tn_recipe *recipe,
                                        struct tn_train_params *out_params, struct tn_error *err);

#ifdef __cplusplus
}
#endif
#endif
