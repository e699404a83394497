#include "recipe/grammar.h"

#include <stdint.h>
#include <string.h>

#include "base/compiler.h"
#include "tenon/recipe.h"

#define FIELDS(table) .fields = (table), .n_fields = TN_LEN(table)
#define AT_LEAST(low) .has_min = 1, .min = (low)

static const char *const dtype_names[] = {"f32", "f16", "bf16", "f64", "i32",
                                          "i64", "u8",  "bool", NULL};

static const struct tn_field validation_fields[] = {
    {.key = "split",
     .type = TN_FIELD_NUMBER,
     .required = 1,
     AT_LEAST(0),
     .has_max = 1,
     .max = 1,
     .above_min = 1,
     .doc = "share of the training data, from its end, before shuffling"},
    {.key = "shuffle",
     .type = TN_FIELD_TRUTH,
     .dflt = "false",
     .doc = "true: the samples are drawn by seed instead of taken from the end"},
};
static const struct tn_section section_validation = {
    .name = "validation", .doc = "what is held back to validate on", FIELDS(validation_fields)};

static const struct tn_field data_fields[] = {
    {.key = "reader", .type = TN_FIELD_TEXT, .required = 1, .doc = "what reads the data"},
    {.key = "shuffle",
     .type = TN_FIELD_TRUTH,
     .dflt = "true",
     .doc = "a new order of the training data in each epoch"},
    {.key = "validation",
     .type = TN_FIELD_SECTION,
     .section = &section_validation,
     .doc = "default: no validation"},
};
static const struct tn_section section_data = {.name = "data",
                                               .doc = "where the samples come from",
                                               FIELDS(data_fields),
                                               .type_key = "reader",
                                               .kind = TN_NAMED_READER};

static const struct tn_field input_fields[] = {
    {.key = "shape",
     .type = TN_FIELD_WHOLES,
     AT_LEAST(1),
     .doc = "of a sample, without the batch; default: the data's"},
    {.key = "dtype",
     .type = TN_FIELD_TEXT,
     .choices = dtype_names,
     .doc = "element type; default: the data's, f32 where a shape is given"},
    {.key = "field", .type = TN_FIELD_TEXT, .doc = "field of the data; default: the input's name"},
};
static const struct tn_section section_input = {
    .name = "input", .doc = "an input of the model", FIELDS(input_fields)};

static const struct tn_field layer_fields[] = {
    {.key = "layer", .type = TN_FIELD_TEXT, .required = 1, .doc = "type of the layer"},
    {.key = "name",
     .type = TN_FIELD_TEXT,
     .doc = "to refer to; default: the type, then with _1, _2, ..."},
    {.key = "inputs",
     .type = TN_FIELD_NAMES,
     .doc = "earlier layers or inputs of the model; default: the layer before"},
    {.key = "share",
     .type = TN_FIELD_TEXT,
     .doc = "take the weights of this earlier layer of the same type"},
    {.key = "repeat",
     .type = TN_FIELD_WHOLE,
     AT_LEAST(1),
     .has_max = 1,
     .max = 1000,
     .doc = "so many of them in a row"},
};
const struct tn_section tn_section_layer = {.name = "layer",
                                            .doc = "one layer",
                                            FIELDS(layer_fields),
                                            .type_key = "layer",
                                            .kind = TN_NAMED_LAYER};

static const struct tn_field block_fields[] = {
    {.key = "block", .type = TN_FIELD_TEXT, .required = 1, .doc = "name of a list under `blocks`"},
    {.key = "name",
     .type = TN_FIELD_TEXT,
     .doc = "prefix of its layers' names; default: the block's name, with _1, _2, ..."},
    {.key = "inputs",
     .type = TN_FIELD_NAMES,
     .doc = "the one layer or input that goes into the block; default: the layer before"},
    {.key = "repeat",
     .type = TN_FIELD_WHOLE,
     AT_LEAST(1),
     .has_max = 1,
     .max = 1000,
     .doc = "so many of them in a row"},
};
const struct tn_section tn_section_block = {
    .name = "block", .doc = "the layers of a block", FIELDS(block_fields)};

static const struct tn_field network_fields[] = {
    {.key = "inputs",
     .type = TN_FIELD_SECTIONS_BY_NAME,
     .section = &section_input,
     .doc = "default: one, \"x\", from the data"},
    {.key = "layers", .type = TN_FIELD_LAYERS, .required = 1, .doc = "as under `model`"},
    {.key = "outputs", .type = TN_FIELD_NAMES, .doc = "default: the last layer"},
};
static const struct tn_section section_network = {
    .name = "network", .doc = "one of several models", FIELDS(network_fields)};

static const struct tn_field loss_fields[] = {
    {.key = "type", .type = TN_FIELD_TEXT, .required = 1, .doc = "which loss"},
    {.key = "output",
     .type = TN_FIELD_TEXT,
     .doc = "output of the model; needed where it has several"},
    {.key = "target", .type = TN_FIELD_TEXT, .dflt = "y", .doc = "field of the data"},
    {.key = "weight",
     .type = TN_FIELD_NUMBER,
     AT_LEAST(0),
     .above_min = 1,
     .dflt = "1",
     .doc = "factor on the loss"},
};
static const struct tn_section section_loss = {.name = "loss",
                                               .doc = "what training makes smaller",
                                               FIELDS(loss_fields),
                                               .type_key = "type",
                                               .kind = TN_NAMED_LOSS};

static const struct tn_field metric_fields[] = {
    {.key = "type", .type = TN_FIELD_TEXT, .required = 1, .doc = "which metric"},
    {.key = "name",
     .type = TN_FIELD_TEXT,
     .doc = "in results; default: the type, with the output's name where there are several"},
    {.key = "output",
     .type = TN_FIELD_TEXT,
     .doc = "output of the model; needed where it has several"},
    {.key = "target", .type = TN_FIELD_TEXT, .dflt = "y", .doc = "field of the data"},
};
static const struct tn_section section_metric = {.name = "metric",
                                                 .doc = "what is reported beside the loss",
                                                 FIELDS(metric_fields),
                                                 .type_key = "type",
                                                 .kind = TN_NAMED_METRIC};

static const struct tn_field schedule_fields[] = {
    {.key = "type", .type = TN_FIELD_TEXT, .dflt = "constant", .doc = "which schedule"},
};
static const struct tn_section section_schedule = {
    .name = "schedule",
    .doc = "how the learning rate changes; lr is multiplied by it",
    FIELDS(schedule_fields),
    .type_key = "type",
    .kind = TN_NAMED_SCHEDULE};

static const struct tn_field group_fields[] = {
    {.key = "match",
     .type = TN_FIELD_TEXT,
     .required = 1,
     .doc = "glob over parameter names, such as \"*/bias\""},
};
static const struct tn_section section_group = {
    .name = "optimizer group",
    .doc = "parameters with options of their own; the first match counts",
    FIELDS(group_fields),
    .inherits = 1,
    .no_defaults = 1};

static const struct tn_field optimizer_fields[] = {
    {.key = "type", .type = TN_FIELD_TEXT, .dflt = "adam", .doc = "which optimizer"},
    {.key = "schedule",
     .type = TN_FIELD_SECTION,
     .fill = 1,
     .section = &section_schedule,
     .doc = "of the learning rate"},
    {.key = "groups",
     .type = TN_FIELD_SECTIONS,
     .section = &section_group,
     .doc = "parameters with options of their own"},
};
static const struct tn_section section_optimizer = {.name = "optimizer",
                                                    .doc = "how parameters are updated",
                                                    FIELDS(optimizer_fields),
                                                    .type_key = "type",
                                                    .kind = TN_NAMED_OPTIMIZER};

static const struct tn_field train_fields[] = {
    {.key = "batch_size",
     .type = TN_FIELD_WHOLE,
     AT_LEAST(1),
     .dflt = "32",
     .doc = "samples per step"},
    {.key = "epochs",
     .type = TN_FIELD_WHOLE,
     AT_LEAST(1),
     .dflt = "1",
     .doc = "passes over the training data"},
    {.key = "max_steps",
     .type = TN_FIELD_WHOLE,
     AT_LEAST(0),
     .dflt = "0",
     .doc = "stop after so many steps; 0: no limit"},
    {.key = "max_time",
     .type = TN_FIELD_DURATION,
     .dflt = "0",
     .doc = "stop after this time: 90s, 30m, 2h, or seconds; 0: no limit"},
    {.key = "monitor",
     .type = TN_FIELD_TEXT,
     .doc = "result that decides which weights are the best; default: val_loss"},
    {.key = "patience",
     .type = TN_FIELD_WHOLE,
     AT_LEAST(0),
     .dflt = "0",
     .doc = "epochs without a better one before stopping; 0: never"},
    {.key = "min_delta",
     .type = TN_FIELD_NUMBER,
     AT_LEAST(0),
     .dflt = "0",
     .doc = "by how much better counts as better"},
};
static const struct tn_section section_train = {
    .name = "train", .doc = "the training loop", FIELDS(train_fields)};

static const struct tn_field run_fields[] = {
    {.key = "backend", .type = TN_FIELD_TEXT, .doc = "backend by name, or a plugin's path"},
    {.key = "device", .type = TN_FIELD_TEXT, .doc = "as --device takes it"},
    {.key = "threads",
     .type = TN_FIELD_WHOLE,
     AT_LEAST(1),
     .has_max = 1,
     .max = 4096,
     .doc = "default: as many as the process may run on"},
};
static const struct tn_section section_run = {
    .name = "run",
    .doc = "where to compute; the command line and TENON_* variables come first",
    FIELDS(run_fields)};

static const struct tn_field phase_fields[] = {
    {.key = "name", .type = TN_FIELD_TEXT, .doc = "in results"},
    {.key = "network", .type = TN_FIELD_TEXT, .required = 1, .doc = "which one runs"},
    {.key = "inputs",
     .type = TN_FIELD_TEXTS_BY_NAME,
     .doc = "what feeds each input: a field of the data, or NETWORK.OUTPUT"},
    {.key = "loss",
     .type = TN_FIELD_ONE_OR_MORE,
     .required = 1,
     .section = &section_loss,
     .doc = "what this phase makes smaller"},
    {.key = "update",
     .type = TN_FIELD_NAMES,
     .doc = "globs of the parameters that it updates; default: all of its network"},
    {.key = "detach", .type = TN_FIELD_NAMES, .doc = "inputs through which no gradient flows back"},
    {.key = "every",
     .type = TN_FIELD_WHOLE,
     AT_LEAST(1),
     .dflt = "1",
     .doc = "runs in each so many-th step"},
};
static const struct tn_section section_phase = {
    .name = "phase",
    .doc = "one of the steps that training alternates between",
    FIELDS(phase_fields)};

static const struct tn_field recipe_fields[] = {
    {.key = "tenon",
     .type = TN_FIELD_WHOLE,
     .required = 1,
     AT_LEAST(1),
     .has_max = 1,
     .max = TN_RECIPE_VERSION,
     .doc = "format version of this file"},
    {.key = "name", .type = TN_FIELD_TEXT, .doc = "names the run folder; default: the file's name"},
    {.key = "description", .type = TN_FIELD_TEXT, .doc = "for people"},
    {.key = "seed",
     .type = TN_FIELD_WHOLE,
     AT_LEAST(0),
     .dflt = "1",
     .doc = "of weights, shuffling, dropout: everything random"},
    {.key = "data",
     .type = TN_FIELD_SECTION,
     .required = 1,
     .section = &section_data,
     .doc = "where the samples come from"},
    {.key = "inputs",
     .type = TN_FIELD_SECTIONS_BY_NAME,
     .section = &section_input,
     .doc = "of the model; default: one, \"x\", from the data"},
    {.key = "blocks", .type = TN_FIELD_LAYERS_BY_NAME, .doc = "named lists of layers"},
    {.key = "model", .type = TN_FIELD_LAYERS, .doc = "the layers, in order"},
    {.key = "outputs", .type = TN_FIELD_NAMES, .doc = "default: the last layer"},
    {.key = "networks",
     .type = TN_FIELD_SECTIONS_BY_NAME,
     .section = &section_network,
     .doc = "several models by name, instead of `model`"},
    {.key = "loss",
     .type = TN_FIELD_ONE_OR_MORE,
     .section = &section_loss,
     .doc = "what training makes smaller; several are added"},
    {.key = "metrics",
     .type = TN_FIELD_SECTIONS,
     .section = &section_metric,
     .doc = "what is reported beside the loss"},
    {.key = "phases",
     .type = TN_FIELD_SECTIONS,
     .section = &section_phase,
     .doc = "steps over `networks`, instead of `loss`"},
    {.key = "optimizer",
     .type = TN_FIELD_SECTION,
     .fill = 1,
     .section = &section_optimizer,
     .doc = "how parameters are updated"},
    {.key = "train",
     .type = TN_FIELD_SECTION,
     .fill = 1,
     .section = &section_train,
     .doc = "the training loop"},
    {.key = "run", .type = TN_FIELD_SECTION, .section = &section_run, .doc = "where to compute"},
};
const struct tn_section tn_section_recipe = {
    .name = "recipe", .doc = "data, model and training", FIELDS(recipe_fields)};

const struct tn_field *tn_grammar_field(const struct tn_section *section, const char *key)
{
    for (size_t i = 0; i < section->n_fields; i++)
        if (strcmp(section->fields[i].key, key) == 0)
            return &section->fields[i];
    return NULL;
}

size_t tn_grammar_count(enum tn_named_kind kind)
{
    if (kind == TN_NAMED_READER)
        return tn_reader_count();
    return kind ? tn_component_count((tn_component_kind)kind) : 0;
}

const struct tn_component *tn_grammar_component(enum tn_named_kind kind, size_t index)
{
    if (kind == TN_NAMED_READER)
        return tn_reader_at(index);
    return tn_component_at((tn_component_kind)kind, index);
}

const struct tn_component *tn_grammar_find(enum tn_named_kind kind, const char *name)
{
    if (kind == TN_NAMED_READER)
        return tn_reader_find(name);
    return kind ? tn_component_find((tn_component_kind)kind, name) : NULL;
}

const struct tn_option *tn_grammar_option(const struct tn_component *component, const char *key)
{
    for (size_t i = 0; component && i < component->n_options; i++)
        if (strcmp(component->options[i].name, key) == 0)
            return &component->options[i];
    return NULL;
}
