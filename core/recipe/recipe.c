/* A recipe from its file to what others ask of it. */
#include "recipe/recipe.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"

static tn_status no_memory(struct tn_error *err)
{
    return tn_error_set(err, TN_E_OOM, "no memory left for a recipe");
}

static int ends_with(const char *text, const char *suffix)
{
    size_t n = strlen(text), n_suffix = strlen(suffix);
    return n >= n_suffix && strcmp(text + n - n_suffix, suffix) == 0;
}

static tn_status find_source(struct tn_recipe *recipe, const char *source, struct tn_error *err)
{
    char *path = NULL;
    if (strchr(source, '/') || ends_with(source, ".yaml") || ends_with(source, ".yml")) {
        recipe->path = tn_arena_strdup(&recipe->arena, source);
        return recipe->path ? TN_OK : no_memory(err);
    }
    tn_status status = tn_recipe_find(source, &path, err);
    if (status)
        return status;
    recipe->path = tn_arena_strdup(&recipe->arena, path);
    free(path);
    return recipe->path ? TN_OK : no_memory(err);
}

static tn_status read_tree(struct tn_recipe *recipe, struct tn_error *err)
{
    void *text = NULL;
    struct tn_yaml_source source = {.origin = recipe->path, .has_lines = 1};
    tn_status status = tn_file_read(recipe->path, TN_YAML_MAX_BYTES, &text, &source.n_bytes, err);
    if (status)
        return status;
    source.text = text;
    status = tn_yaml_parse(&recipe->arena, &source, &recipe->root, err);
    free(text);
    return status;
}

/* Letters, digits, '-', '_', '.': it becomes a folder's name. */
static int is_name(const char *name)
{
    if (!*name || *name == '.' || *name == '-' || strlen(name) > 100)
        return 0;
    for (const char *p = name; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              strchr("-_.", *p)))
            return 0;
    return 1;
}

/* The file's name, with what cannot be in a name replaced. */
static char *name_of_file(struct tn_recipe *recipe)
{
    char *name = tn_arena_strdup(&recipe->arena, tn_path_base(recipe->path));
    if (!name)
        return NULL;
    char *dot = strrchr(name, '.');
    if (dot && dot != name)
        *dot = '\0';
    if (strlen(name) > 100)
        name[100] = '\0';
    for (char *p = name; *p; p++) {
        char one[2] = {*p, '\0'};
        if (!is_name(one) && (p == name || !strchr("-.", *p)))
            *p = '_';
    }
    return name;
}

static tn_status name_recipe(struct tn_recipe *recipe, struct tn_error *err)
{
    struct tn_yaml_node *node = tn_yaml_find(recipe->root, "name");
    if (!node) {
        node = tn_yaml_new(&recipe->arena, TN_YAML_STRING, recipe->root);
        if (!node || !(node->text = name_of_file(recipe)))
            return no_memory(err);
        tn_yaml_put(recipe->root, "name", node);
    }
    recipe->name = tn_yaml_string(node);
    if (recipe->name && !is_name(recipe->name))
        return tn_yaml_fail(node, err,
                            "'name' is '%.80s'; use 1 to 100 letters, digits, '-', '_', '.': it "
                            "names the run folder",
                            node->text);
    return TN_OK;
}

static tn_status apply_overrides(struct tn_recipe *recipe, const struct tn_recipe_params *params,
                                 struct tn_error *err)
{
    tn_status status = tn_recipe_normalise(&recipe->arena, recipe->root, err);
    for (size_t i = 0; i < params->n_sets && !status; i++) {
        status = tn_recipe_override(&recipe->arena, recipe->root, params->sets[i], err);
        if (!status)
            status = tn_recipe_normalise(&recipe->arena, recipe->root, err);
    }
    return status;
}

static tn_status load(struct tn_recipe *recipe, const struct tn_recipe_params *params,
                      struct tn_error *err)
{
    tn_model *model = NULL;
    tn_status status;
    if ((status = find_source(recipe, params->source, err)) || (status = read_tree(recipe, err)) ||
        (status = apply_overrides(recipe, params, err)) ||
        (status = tn_recipe_check(recipe->root, err)) || (status = name_recipe(recipe, err)) ||
        (status = tn_recipe_complete(&recipe->arena, recipe->root, err)) ||
        (status = tn_recipe_check_networks(recipe, &model, err)) ||
        (status = tn_recipe_check_phases(recipe, err)))
        return status;
    if (model)
        status = tn_recipe_make_train(recipe, model, err);
    tn_model_destroy(&model);
    return status;
}

/* Numbers in files have a point, whatever the program's locale says. */
static locale_t use_plain_numbers(locale_t *out_old)
{
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    *out_old = plain ? uselocale(plain) : (locale_t)0;
    return plain;
}

static void use_old_numbers(locale_t plain, locale_t old)
{
    if (!plain)
        return;
    uselocale(old);
    freelocale(plain);
}

tn_status tn_recipe_load(const struct tn_recipe_params *params, tn_recipe **out_recipe,
                         struct tn_error *err)
{
    struct tn_recipe *recipe = calloc(1, sizeof(*recipe));
    if (!recipe)
        return no_memory(err);
    locale_t old, plain = use_plain_numbers(&old);
    tn_arena_init(&recipe->arena);
    tn_status status = load(recipe, params, err);
    use_old_numbers(plain, old);
    if (status)
        tn_recipe_destroy(&recipe);
    else
        *out_recipe = recipe;
    return status;
}

void tn_recipe_destroy(tn_recipe **recipe)
{
    if (!recipe || !*recipe)
        return;
    tn_arena_finish(&(*recipe)->arena);
    free(*recipe);
    *recipe = NULL;
}

const char *tn_recipe_name(const tn_recipe *recipe)
{
    return recipe->name;
}

const char *tn_recipe_path(const tn_recipe *recipe)
{
    return recipe->path;
}

static const struct tn_yaml_node *run_key(const tn_recipe *recipe, const char *key)
{
    return tn_yaml_find(tn_yaml_find(recipe->root, "run"), key);
}

const char *tn_recipe_backend(const tn_recipe *recipe)
{
    return tn_yaml_string(run_key(recipe, "backend"));
}

const char *tn_recipe_device(const tn_recipe *recipe)
{
    return tn_yaml_string(run_key(recipe, "device"));
}

uint32_t tn_recipe_threads(const tn_recipe *recipe)
{
    const struct tn_yaml_node *threads = run_key(recipe, "threads");
    return threads ? (uint32_t)threads->i : 0;
}

tn_status tn_recipe_print(const tn_recipe *recipe, char **out_yaml, struct tn_error *err)
{
    locale_t old, plain = use_plain_numbers(&old);
    tn_status status = tn_yaml_print(recipe->root, out_yaml, err);
    use_old_numbers(plain, old);
    return status;
}

tn_status tn_recipe_train_params(const tn_recipe *recipe, struct tn_train_params *out_params,
                                 struct tn_error *err)
{
    if (!recipe->has_train) {
        tn_error_set(err, TN_E_UNSUPPORTED,
                     "training with phases is not part of this version; it reads and checks such "
                     "recipes");
        tn_yaml_prefix(tn_yaml_find(recipe->root, "phases"), err);
        return TN_E_UNSUPPORTED;
    }
    *out_params = recipe->train;
    return TN_OK;
}
