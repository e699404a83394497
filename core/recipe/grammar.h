/* The grammar of recipes as data: which mappings there are, their keys, types, defaults and
 * meaning. Checking, filling in defaults, --print-config and the JSON Schema all read it. */
#ifndef TN_RECIPE_GRAMMAR_H
#define TN_RECIPE_GRAMMAR_H

#include "recipe/yaml_tree.h"
#include "tenon/data.h"

enum tn_field_type {
    TN_FIELD_TEXT = 1,
    TN_FIELD_WHOLE,            /* a whole number */
    TN_FIELD_NUMBER,           /* any finite number */
    TN_FIELD_TRUTH,            /* true or false */
    TN_FIELD_DURATION,         /* seconds, or text such as 90s, 30m, 2h */
    TN_FIELD_NAMES,            /* a list of names; one name stands for a list of it */
    TN_FIELD_WHOLES,           /* a list of whole numbers */
    TN_FIELD_TEXTS_BY_NAME,    /* a mapping from names to text */
    TN_FIELD_SECTION,          /* one mapping */
    TN_FIELD_SECTIONS,         /* a list of mappings */
    TN_FIELD_ONE_OR_MORE,      /* a mapping, or a list of them */
    TN_FIELD_SECTIONS_BY_NAME, /* a mapping from names to mappings */
    TN_FIELD_LAYERS,           /* a list of layers and blocks */
    TN_FIELD_LAYERS_BY_NAME    /* a mapping from names to such lists */
};

struct tn_section;

struct tn_field {
    const char *key;
    enum tn_field_type type;
    int required;
    int fill;         /* a section that is there with its defaults even when it is not given */
    const char *dflt; /* as written in a recipe; NULL: none */
    int has_min, has_max, above_min; /* above_min: min itself is too small */
    double min, max;                 /* max itself is too large where above_min, else allowed */
    const char *const *choices;      /* of a text; NULL-terminated */
    const struct tn_section *section;
    const char *doc;
};

/* Components that may be named in a section; the first five are tn_component_kind's. */
enum tn_named_kind {
    TN_NAMED_NONE = 0,
    TN_NAMED_LAYER = TN_COMPONENT_LAYER,
    TN_NAMED_LOSS = TN_COMPONENT_LOSS,
    TN_NAMED_METRIC = TN_COMPONENT_METRIC,
    TN_NAMED_OPTIMIZER = TN_COMPONENT_OPTIMIZER,
    TN_NAMED_SCHEDULE = TN_COMPONENT_SCHEDULE,
    TN_NAMED_READER
};

struct tn_section {
    const char *name; /* in messages: "loss" */
    const char *doc;
    const struct tn_field *fields;
    size_t n_fields;
    /* The key that names a component, whose options stand beside it; the name alone is short for
     * the whole mapping. NULL: none. */
    const char *type_key;
    enum tn_named_kind kind;
    int inherits;    /* options of the component that the mapping around it names */
    int no_defaults; /* options that are not given stay so */
};

extern const struct tn_section tn_section_recipe, tn_section_layer, tn_section_block;

const struct tn_field *tn_grammar_field(const struct tn_section *section, const char *key);
size_t tn_grammar_count(enum tn_named_kind kind);
const struct tn_component *tn_grammar_component(enum tn_named_kind kind, size_t index);
const struct tn_component *tn_grammar_find(enum tn_named_kind kind, const char *name);
/* The option of that name; NULL when there is none, or component is NULL. */
const struct tn_option *tn_grammar_option(const struct tn_component *component, const char *key);
/* What an item of a list of layers is: a mapping with the key `block` is a block. */
const struct tn_section *tn_grammar_item(const struct tn_yaml_node *item);
/* The component that a mapping of the section names or inherits; NULL: none, or not known. */
const struct tn_component *tn_grammar_named(const struct tn_yaml_node *map,
                                            const struct tn_section *section,
                                            const struct tn_component *around);

/* Calls `visit` for every mapping that the grammar describes, the outer one first; stops at the
 * first failure. Parts that are not formed as the grammar says are passed over. */
struct tn_visit {
    tn_status (*visit)(struct tn_visit *self, struct tn_yaml_node *map,
                       const struct tn_section *section, const struct tn_component *component);
    struct tn_arena *arena;
    struct tn_error *err;
};
tn_status tn_grammar_walk(struct tn_visit *visit, struct tn_yaml_node *root);

#endif
