/* The inside of a recipe, and the steps that make one: parse, normalise, override, check, complete,
 * build. */
#ifndef TN_RECIPE_RECIPE_H
#define TN_RECIPE_RECIPE_H

#include "recipe/grammar.h"
#include "tenon/recipe.h"

struct tn_recipe {
    struct tn_arena arena;
    const char *path, *name;
    struct tn_yaml_node *root;
    int has_train; /* 0: networks with phases, which are only read */
    struct tn_train_params train;
};

/* Short forms become long ones: a name the mapping that it stands for, one name a list of it; null
 * means not given. Harmless on a tree that is wrong. */
tn_status tn_recipe_normalise(struct tn_arena *arena, struct tn_yaml_node *root,
                              struct tn_error *err);
/* "a.b.0.c=VALUE" */
tn_status tn_recipe_override(struct tn_arena *arena, struct tn_yaml_node *root, const char *text,
                             struct tn_error *err);
/* Keys, types, ranges, components and their options, against the grammar. */
tn_status tn_recipe_check(struct tn_yaml_node *root, struct tn_error *err);
/* Puts in what is not given but has a default, and the keys into the grammar's order. The tree has
 * been checked. */
tn_status tn_recipe_complete(struct tn_arena *arena, struct tn_yaml_node *root,
                             struct tn_error *err);

/* Options of a component from the mapping that names it. Keys of the section are left out. */
tn_status tn_recipe_options(struct tn_arena *arena, const struct tn_yaml_node *map,
                            const struct tn_section *section, const struct tn_component *component,
                            const struct tn_attr **out_options, size_t *out_n,
                            struct tn_error *err);
/* One option, checked on its own: everything but whether others are missing. `subject` begins the
 * message. */
tn_status tn_recipe_check_option(const struct tn_yaml_node *node,
                                 const struct tn_component *component, const char *subject,
                                 struct tn_error *err);

struct tn_network_params {
    const char *name;
    const struct tn_yaml_node *layers, *inputs, *outputs; /* the last two may be NULL */
    const struct tn_yaml_node *blocks;                    /* may be NULL */
    const tn_dataset *data;                               /* may be NULL */
    /* 1: inputs whose shapes only the data knows are no error; then names and connections are
     * checked, and shapes are not. */
    int may_lack_shapes;
};
/* TN_E_NOT_FOUND: a shape that only the data knows is needed, and there is no data. */
tn_status tn_recipe_build_network(const struct tn_network_params *params, tn_model **out_model,
                                  struct tn_error *err);
/* Builds every network, to check it. *out_model, which may be NULL, is `model`'s, or NULL. */
tn_status tn_recipe_check_networks(const struct tn_recipe *recipe, tn_model **out_model,
                                   struct tn_error *err);
/* Fills recipe->train from the checked tree. `model` tells the names of the outputs. */
tn_status tn_recipe_make_train(struct tn_recipe *recipe, const tn_model *model,
                               struct tn_error *err);
/* What phases refer to: networks, their outputs and inputs. */
tn_status tn_recipe_check_phases(const struct tn_recipe *recipe, struct tn_error *err);

/* Seconds of 90, "90s", "30m", "2h"; 0 when it is none of these. */
int tn_recipe_seconds(const struct tn_yaml_node *node, double *out_seconds);

#endif
