/* The grammar as JSON Schema, draft 2020-12: editors complete and check recipes by it. */
#include <jansson.h>
#include <string.h>

#include "nn/option.h"
#include "recipe/recipe.h"

/* Memory that runs out anywhere is noticed once, at the end. */
struct schema {
    int failed;
};

static json_t *section_schema(struct schema *s, const struct tn_section *section,
                              const struct tn_component *around);

static json_t *keep(struct schema *s, json_t *json)
{
    if (!json)
        s->failed = 1;
    return json;
}

static void set(struct schema *s, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value))
        s->failed = 1;
}

static void add(struct schema *s, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value))
        s->failed = 1;
}

static json_t *of_type(struct schema *s, const char *type)
{
    return keep(s, json_pack("{s:s}", "type", type));
}

static json_t *any_of(struct schema *s, json_t *one, json_t *other)
{
    return keep(s, json_pack("{s:[o, o]}", "anyOf", one, other));
}

static json_t *list_of(struct schema *s, json_t *items, int min, int max)
{
    json_t *list =
        keep(s, json_pack("{s:s, s:o, s:i}", "type", "array", "items", items, "minItems", min));
    if (max)
        set(s, list, "maxItems", json_integer(max));
    return list;
}

/* A mapping from any names. */
static json_t *by_name(struct schema *s, json_t *values)
{
    return keep(s, json_pack("{s:s, s:o}", "type", "object", "additionalProperties", values));
}

static json_t *integer_from(struct schema *s, int has_min, double min)
{
    json_t *number = of_type(s, "integer");
    if (has_min)
        set(s, number, "minimum", json_integer((json_int_t)min));
    return number;
}

static json_t *names_schema(struct schema *s, const char *const *names)
{
    json_t *list = keep(s, json_array());
    for (; *names; names++)
        add(s, list, json_string(*names));
    return keep(s, json_pack("{s:o}", "enum", list));
}

static json_t *default_value(const char *text)
{
    struct tn_yaml_node node = {.kind = TN_YAML_NULL};
    tn_yaml_resolve(&node, text);
    switch (node.kind) {
    case TN_YAML_BOOL:
        return json_boolean(node.i);
    case TN_YAML_INT:
        return json_integer(node.i);
    case TN_YAML_FLOAT:
        return json_real(node.f);
    case TN_YAML_STRING:
        return json_string(text);
    default:
        return json_null();
    }
}

static void describe(struct schema *s, json_t *json, const char *doc, const char *dflt)
{
    if (doc)
        set(s, json, "description", json_string(doc));
    if (dflt)
        set(s, json, "default", default_value(dflt));
}

static json_t *padding_schema(struct schema *s, const struct tn_option *option)
{
    static const char *const words[] = {"valid", "same", NULL};
    size_t axes = option->type == TN_OPTION_PADDING ? 2 : 3;
    json_t *few = list_of(s, integer_from(s, option->has_min, option->min), axes, axes);
    json_t *many = list_of(s, integer_from(s, option->has_min, option->min), 2 * axes, 2 * axes);
    return keep(s, json_pack("{s:[o, o, o, o]}", "anyOf", names_schema(s, words),
                             integer_from(s, option->has_min, option->min), few, many));
}

static json_t *option_value(struct schema *s, const struct tn_option *option)
{
    json_t *number;
    switch (option->type) {
    case TN_OPTION_INT:
        return integer_from(s, option->has_min, option->min);
    case TN_OPTION_FLOAT:
        number = of_type(s, "number");
        if (option->has_min)
            set(s, number, "minimum", json_real(option->min));
        return number;
    case TN_OPTION_BOOL:
        return of_type(s, "boolean");
    case TN_OPTION_STRING:
        return option->choices ? names_schema(s, option->choices) : of_type(s, "string");
    case TN_OPTION_PAIR:
        return any_of(s, integer_from(s, option->has_min, option->min),
                      list_of(s, integer_from(s, option->has_min, option->min), 1, 2));
    case TN_OPTION_TRIPLE:
        return any_of(s, integer_from(s, option->has_min, option->min),
                      list_of(s, integer_from(s, option->has_min, option->min), 3, 3));
    case TN_OPTION_INTS:
        return any_of(
            s, integer_from(s, option->has_min, option->min),
            list_of(s, integer_from(s, option->has_min, option->min), 1, TN_MAX_RANK - 1));
    case TN_OPTION_PADDING:
    case TN_OPTION_PADDING_3D:
        return padding_schema(s, option);
    }
    return NULL;
}

static json_t *option_schema(struct schema *s, const struct tn_option *option)
{
    json_t *json = keep(s, option_value(s, option));
    describe(s, json, option->doc, option->dflt);
    return json;
}

static json_t *number_schema(struct schema *s, const struct tn_field *field)
{
    int is_whole = field->type == TN_FIELD_WHOLE;
    json_t *json = of_type(s, is_whole ? "integer" : "number");
    if (field->has_min)
        set(s, json, field->above_min ? "exclusiveMinimum" : "minimum",
            is_whole ? json_integer((json_int_t)field->min) : json_real(field->min));
    if (field->has_max)
        set(s, json, field->above_min ? "exclusiveMaximum" : "maximum",
            is_whole ? json_integer((json_int_t)field->max) : json_real(field->max));
    return json;
}

static json_t *layers_ref(struct schema *s)
{
    return keep(s, json_pack("{s:s}", "$ref", "#/$defs/layers"));
}

static json_t *duration_schema(struct schema *s)
{
    return any_of(s, keep(s, json_pack("{s:s, s:i}", "type", "number", "minimum", 0)),
                  keep(s, json_pack("{s:s, s:s}", "type", "string", "pattern",
                                    "^[0-9]*\\.?[0-9]+([eE][-+]?[0-9]+)?[smh]$")));
}

static json_t *field_value(struct schema *s, const struct tn_field *field,
                           const struct tn_component *around)
{
    switch (field->type) {
    case TN_FIELD_TEXT:
        return field->choices ? names_schema(s, field->choices) : of_type(s, "string");
    case TN_FIELD_WHOLE:
    case TN_FIELD_NUMBER:
        return number_schema(s, field);
    case TN_FIELD_TRUTH:
        return of_type(s, "boolean");
    case TN_FIELD_DURATION:
        return duration_schema(s);
    case TN_FIELD_NAMES:
        return any_of(s, of_type(s, "string"), list_of(s, of_type(s, "string"), 1, 0));
    case TN_FIELD_WHOLES:
        return list_of(s, integer_from(s, field->has_min, field->min), 0, TN_MAX_RANK - 1);
    case TN_FIELD_TEXTS_BY_NAME:
        return by_name(s, of_type(s, "string"));
    case TN_FIELD_SECTION:
        return section_schema(s, field->section, around);
    case TN_FIELD_SECTIONS:
        if (field->section->type_key)
            return any_of(s, section_schema(s, field->section, around),
                          list_of(s, section_schema(s, field->section, around), 0, 0));
        return list_of(s, section_schema(s, field->section, around), 0, 0);
    case TN_FIELD_ONE_OR_MORE:
        return any_of(s, section_schema(s, field->section, around),
                      list_of(s, section_schema(s, field->section, around), 1, 0));
    case TN_FIELD_SECTIONS_BY_NAME:
        return by_name(s, section_schema(s, field->section, around));
    case TN_FIELD_LAYERS:
        return layers_ref(s);
    case TN_FIELD_LAYERS_BY_NAME:
        return by_name(s, layers_ref(s));
    }
    return NULL;
}

/* The component's name and the longer ones that stand for it. */
static json_t *component_names(struct schema *s, enum tn_named_kind kind,
                               const struct tn_component *component)
{
    json_t *names = keep(s, json_pack("[s]", component->name));
    const char *alias;
    for (size_t i = 0; kind != TN_NAMED_READER &&
                       (alias = tn_component_alias((tn_component_kind)kind, component->name, i));
         i++)
        add(s, names, json_string(alias));
    return names;
}

static void add_options(struct schema *s, const struct tn_component *component, int all_optional,
                        json_t *properties, json_t *required)
{
    for (size_t i = 0; i < component->n_options; i++) {
        const struct tn_option *option = &component->options[i];
        set(s, properties, option->name, option_schema(s, option));
        if (option->required && !all_optional)
            add(s, required, json_string(option->name));
    }
}

/* A mapping of the section for one component; NULL: the section names none. */
static json_t *variant_schema(struct schema *s, const struct tn_section *section,
                              const struct tn_component *component)
{
    json_t *properties = keep(s, json_object()), *required = keep(s, json_array());
    for (size_t i = 0; i < section->n_fields; i++) {
        const struct tn_field *field = &section->fields[i];
        int is_type = section->type_key && strcmp(field->key, section->type_key) == 0;
        json_t *value =
            is_type
                ? keep(s, json_pack("{s:o}", "enum", component_names(s, section->kind, component)))
                : keep(s, field_value(s, field, component));
        describe(s, value, field->doc, is_type ? NULL : field->dflt);
        set(s, properties, field->key, value);
        int is_default = is_type && field->dflt && strcmp(field->dflt, component->name) == 0;
        if (field->required || (is_type && !is_default))
            add(s, required, json_string(field->key));
    }
    if (component)
        add_options(s, component, section->inherits, properties, required);
    json_t *json = keep(s, json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties",
                                     properties, "required", required, "additionalProperties", 0));
    describe(s, json, component && section->type_key ? component->doc : section->doc, NULL);
    return json;
}

static json_t *section_schema(struct schema *s, const struct tn_section *section,
                              const struct tn_component *around)
{
    if (!section->type_key)
        return variant_schema(s, section, section->inherits ? around : NULL);
    json_t *variants = keep(s, json_array()), *names = keep(s, json_array());
    for (size_t i = 0; i < tn_grammar_count(section->kind); i++) {
        const struct tn_component *component = tn_grammar_component(section->kind, i);
        json_t *own = component_names(s, section->kind, component);
        if (json_array_extend(names, own))
            s->failed = 1;
        json_decref(own);
        add(s, variants, variant_schema(s, section, component));
    }
    add(s, variants, keep(s, json_pack("{s:o}", "enum", names)));
    return keep(s, json_pack("{s:o}", "anyOf", variants));
}

static json_t *recipe_schema(struct schema *s)
{
    json_t *root = variant_schema(s, &tn_section_recipe, NULL);
    json_t *item = section_schema(s, &tn_section_layer, NULL);
    add(s, json_object_get(item, "anyOf"), variant_schema(s, &tn_section_block, NULL));
    set(s, root, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
    set(s, root, "title", json_string("tenon recipe"));
    set(s, root, "$defs", keep(s, json_pack("{s:o}", "layers", list_of(s, item, 1, 0))));
    set(s, root, "oneOf",
        keep(s, json_pack("[{s:[s, s]}, {s:[s, s]}]", "required", "model", "loss", "required",
                          "networks", "phases")));
    return root;
}

tn_status tn_recipe_schema(char **out_json, struct tn_error *err)
{
    struct schema s = {0};
    json_t *root = recipe_schema(&s);
    char *text = root && !s.failed ? json_dumps(root, JSON_INDENT(2)) : NULL;
    json_decref(root);
    if (!text)
        return tn_error_set(err, TN_E_OOM, "no memory left for the schema of recipes");
    *out_json = text;
    return TN_OK;
}
