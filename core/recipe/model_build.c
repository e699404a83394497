/* Layers of a recipe into a model: blocks, repeats, names, connections. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/vec.h"
#include "recipe/recipe.h"

#define MAX_LAYERS 4096
#define MAX_BLOCK_DEPTH 16

struct placed {
    const char *name;
    const struct tn_yaml_node *node; /* NULL: an input */
};
/* How many of a name there have been: "conv2d", "res". */
struct counter {
    const char *base;
    unsigned n;
};
struct build {
    const struct tn_network_params *params;
    tn_model *model;
    struct tn_arena arena;
    TN_VEC(struct placed) placed;
    TN_VEC(struct counter) counters;
    struct tn_error *err;
};
/* Where names are sought: a block's own, then those around it. */
struct scope {
    const struct scope *around;
    const char *prefix; /* "res_1." */
    const char *input;  /* what `input` means; NULL outside of blocks */
    const char *block;
    int depth;
};

static tn_status no_memory(struct build *b)
{
    return tn_error_set(b->err, TN_E_OOM, "no memory left to build a model");
}

static const struct placed *find_placed(const struct build *b, const char *name)
{
    for (size_t i = 0; i < b->placed.n; i++)
        if (strcmp(b->placed.items[i].name, name) == 0)
            return &b->placed.items[i];
    return NULL;
}

static tn_status place(struct build *b, const char *name, const struct tn_yaml_node *node)
{
    if (!TN_VEC_GROW(&b->placed))
        return no_memory(b);
    b->placed.items[b->placed.n++] = (struct placed){name, node};
    return TN_OK;
}

static struct counter *find_counter(struct build *b, const char *base)
{
    for (size_t i = 0; i < b->counters.n; i++)
        if (strcmp(b->counters.items[i].base, base) == 0)
            return &b->counters.items[i];
    if (!TN_VEC_GROW(&b->counters))
        return NULL;
    b->counters.items[b->counters.n] = (struct counter){base, 0};
    return &b->counters.items[b->counters.n++];
}

/* "conv2d", then "conv2d_1", as Keras counts. */
static const char *automatic_name(struct build *b, const struct scope *scope, const char *type)
{
    const char *base = tn_arena_printf(&b->arena, "%s%s", scope->prefix, type);
    struct counter *counter = base ? find_counter(b, base) : NULL;
    if (!counter)
        return NULL;
    const char *name = base;
    if (counter->n++)
        name = tn_arena_printf(&b->arena, "%s_%u", base, counter->n - 1);
    while (name && find_placed(b, name))
        name = tn_arena_printf(&b->arena, "%s_%u", base, counter->n++);
    return name;
}

static tn_status unknown_name(struct build *b, const struct scope *scope,
                              const struct tn_yaml_node *node, struct tn_error *err)
{
    struct tn_nearest nearest = TN_NEAREST_INIT(node->text);
    size_t n_prefix = strlen(scope->prefix);
    char hint[128];
    for (size_t i = 0; i < b->placed.n; i++) {
        const char *name = b->placed.items[i].name;
        int is_local = strncmp(name, scope->prefix, n_prefix) == 0;
        tn_nearest_offer(&nearest, is_local ? name + n_prefix : name);
    }
    if (scope->input)
        tn_nearest_offer(&nearest, "input");
    return tn_yaml_fail(node, err, "there is no earlier layer or input '%.80s'%s", node->text,
                        tn_nearest_hint(&nearest, hint, sizeof(hint)));
}

/* The full name of the layer or input that is meant. */
static tn_status resolve(struct build *b, const struct scope *scope,
                         const struct tn_yaml_node *node, const char **out_name)
{
    for (const struct scope *s = scope; s; s = s->around) {
        if (s->input && strcmp(node->text, "input") == 0) {
            *out_name = s->input;
            return TN_OK;
        }
        const char *full = tn_arena_printf(&b->arena, "%s%s", s->prefix, node->text);
        if (!full)
            return no_memory(b);
        const struct placed *found = find_placed(b, full);
        if (found) {
            *out_name = found->name;
            return TN_OK;
        }
    }
    return unknown_name(b, scope, node, b->err);
}

/* What goes into the item: its `inputs`, or the layer before. */
static tn_status resolve_inputs(struct build *b, const struct scope *scope,
                                const struct tn_yaml_node *item, const char *before,
                                const char *const **out_names, size_t *out_n)
{
    const struct tn_yaml_node *inputs = tn_yaml_find(item, "inputs");
    size_t n = inputs ? inputs->n : 1, i = 0;
    const char **names = TN_ARENA_NEW(&b->arena, const char *, n);
    tn_status status = TN_OK;
    if (!names)
        return no_memory(b);
    names[0] = before;
    for (const struct tn_yaml_node *node = inputs ? inputs->first : NULL; node && !status;
         node = node->next)
        status = resolve(b, scope, node, &names[i++]);
    if (!status && !names[0])
        return tn_yaml_fail(item, b->err,
                            "the model has several inputs: say with 'inputs' which one this takes");
    *out_names = names;
    *out_n = n;
    return status;
}

static tn_status layer_name(struct build *b, const struct scope *scope,
                            const struct tn_yaml_node *item, const char *type, int64_t k, int64_t n,
                            const char **out_name)
{
    const char *given = tn_yaml_string(tn_yaml_find(item, "name"));
    const char *name;
    if (!given)
        name = automatic_name(b, scope, type);
    else if (n > 1)
        name = tn_arena_printf(&b->arena, "%s%s_%lld", scope->prefix, given, (long long)k);
    else
        name = tn_arena_printf(&b->arena, "%s%s", scope->prefix, given);
    if (!name)
        return no_memory(b);
    if (find_placed(b, name))
        return tn_yaml_fail(tn_yaml_find(item, "name"), b->err, "the name '%s' is used twice",
                            name);
    *out_name = name;
    return TN_OK;
}

static tn_status add_layer(struct build *b, const struct scope *scope,
                           const struct tn_yaml_node *item, int64_t k, int64_t n,
                           const char **before)
{
    const struct tn_yaml_node *share = tn_yaml_find(item, "share");
    const struct tn_component *component =
        tn_grammar_find(TN_NAMED_LAYER, tn_yaml_find(item, "layer")->text);
    struct tn_layer_spec spec = {.type = component->name};
    tn_status status;
    if (b->placed.n >= MAX_LAYERS)
        return tn_yaml_fail(item, b->err, "the model has more than %d layers", MAX_LAYERS);
    if ((status = layer_name(b, scope, item, component->name, k, n, &spec.name)) ||
        (share && (status = resolve(b, scope, share, &spec.share))) ||
        (status = tn_recipe_options(&b->arena, item, &tn_section_layer, component, &spec.options,
                                    &spec.n_options, b->err)))
        return status;
    /* The later ones of a repeat follow on the first. */
    if (k == 1) {
        status = resolve_inputs(b, scope, item, *before, &spec.inputs, &spec.n_inputs);
        if (status)
            return status;
    } else {
        spec.inputs = before;
        spec.n_inputs = 1;
    }
    if ((status = tn_model_add_layer(b->model, &spec, b->err)))
        return tn_yaml_prefix(item, b->err);
    *before = spec.name;
    return place(b, spec.name, item);
}

static tn_status add_list(struct build *b, const struct scope *scope,
                          const struct tn_yaml_node *list, const char **before);

static tn_status find_block(struct build *b, const struct scope *scope,
                            const struct tn_yaml_node *name, const struct tn_yaml_node **out_list)
{
    *out_list = tn_yaml_find(b->params->blocks, name->text);
    if (!*out_list) {
        struct tn_nearest nearest = TN_NEAREST_INIT(name->text);
        char hint[128];
        const struct tn_yaml_node *blocks = b->params->blocks;
        for (const struct tn_yaml_node *c = blocks ? blocks->first : NULL; c; c = c->next)
            tn_nearest_offer(&nearest, c->key);
        return tn_yaml_fail(name, b->err, "there is no block '%.80s' under 'blocks'%s", name->text,
                            tn_nearest_hint(&nearest, hint, sizeof(hint)));
    }
    for (const struct scope *s = scope; s; s = s->around)
        if (s->block && strcmp(s->block, name->text) == 0)
            return tn_yaml_fail(name, b->err, "block '%s' contains itself", name->text);
    if (scope->depth >= MAX_BLOCK_DEPTH)
        return tn_yaml_fail(name, b->err, "blocks within blocks: more than %d deep",
                            MAX_BLOCK_DEPTH);
    return TN_OK;
}

/* "res_1." for the first use of `res`, or by the name that was given. */
static tn_status block_prefix(struct build *b, const struct scope *scope,
                              const struct tn_yaml_node *item, int64_t k, int64_t n,
                              const char **out_prefix)
{
    const char *given = tn_yaml_string(tn_yaml_find(item, "name"));
    const char *block = tn_yaml_find(item, "block")->text;
    if (given && n == 1) {
        *out_prefix = tn_arena_printf(&b->arena, "%s%s.", scope->prefix, given);
    } else {
        /* The dot keeps blocks and layers of one name apart. */
        const char *base =
            tn_arena_printf(&b->arena, "%s%s.", scope->prefix, given ? given : block);
        struct counter *counter = base ? find_counter(b, base) : NULL;
        if (counter)
            *out_prefix =
                tn_arena_printf(&b->arena, "%.*s_%u.", (int)strlen(base) - 1, base, ++counter->n);
        else
            *out_prefix = NULL;
    }
    return *out_prefix ? TN_OK : no_memory(b);
}

static tn_status add_block(struct build *b, const struct scope *scope,
                           const struct tn_yaml_node *item, int64_t k, int64_t n,
                           const char **before)
{
    const struct tn_yaml_node *name = tn_yaml_find(item, "block"), *list;
    struct scope inner = {.around = scope, .block = name->text, .depth = scope->depth + 1};
    const char *const *inputs = before;
    size_t n_inputs = 1;
    tn_status status;
    if ((status = find_block(b, scope, name, &list)) ||
        (status = block_prefix(b, scope, item, k, n, &inner.prefix)) ||
        (k == 1 && (status = resolve_inputs(b, scope, item, *before, &inputs, &n_inputs))))
        return status;
    if (n_inputs != 1)
        return tn_yaml_fail(tn_yaml_find(item, "inputs"), b->err,
                            "a block takes one input, not %zu", n_inputs);
    inner.input = inputs[0];
    *before = inputs[0];
    return add_list(b, &inner, list, before);
}

static tn_status add_list(struct build *b, const struct scope *scope,
                          const struct tn_yaml_node *list, const char **before)
{
    tn_status status = TN_OK;
    for (const struct tn_yaml_node *item = list->first; item && !status; item = item->next) {
        const struct tn_yaml_node *repeat = tn_yaml_find(item, "repeat");
        int is_block = tn_grammar_item(item) == &tn_section_block;
        int64_t n = repeat ? repeat->i : 1;
        for (int64_t k = 1; k <= n && !status; k++)
            status = is_block ? add_block(b, scope, item, k, n, before)
                              : add_layer(b, scope, item, k, n, before);
    }
    return status;
}

static tn_dtype find_dtype(const struct tn_yaml_node *node)
{
    for (int dtype = TN_F32; node && dtype <= TN_BOOL; dtype++)
        if (strcmp(tn_dtype_name((tn_dtype)dtype), node->text) == 0)
            return (tn_dtype)dtype;
    return TN_F32;
}

struct input {
    const char *name, *field;
    const struct tn_yaml_node *node; /* NULL: the recipe says nothing */
};

static tn_status input_from_data(struct build *b, const struct input *in, tn_dtype *dtype,
                                 struct tn_shape *shape, int *out_is_known)
{
    size_t index;
    struct tn_field_info info;
    *out_is_known = 0;
    if (!b->params->data && b->params->may_lack_shapes)
        return TN_OK;
    if (!b->params->data)
        return tn_error_set(b->err, TN_E_NOT_FOUND,
                            "the shape of input '%s' is not in the recipe and comes from the data; "
                            "open the data, or give 'inputs: {%s: {shape: [...]}}'",
                            in->name, in->name);
    tn_status status = tn_dataset_find_field(b->params->data, in->field, &index, b->err);
    if (status) {
        if (in->node)
            tn_yaml_prefix(in->node, b->err);
        return status;
    }
    tn_dataset_field_info(b->params->data, index, &info);
    *shape = info.sample_shape;
    if (!tn_yaml_find(in->node, "dtype"))
        *dtype = info.dtype;
    *out_is_known = 1;
    return TN_OK;
}

static tn_status add_input(struct build *b, const struct input *in, int *all_known)
{
    const struct tn_yaml_node *given = tn_yaml_find(in->node, "shape");
    struct tn_shape shape = {.rank = 0};
    tn_dtype dtype = find_dtype(tn_yaml_find(in->node, "dtype"));
    int is_known = 1;
    tn_status status = TN_OK;
    for (const struct tn_yaml_node *d = given ? given->first : NULL; d; d = d->next)
        shape.dim[shape.rank++] = d->i;
    if (!given)
        status = input_from_data(b, in, &dtype, &shape, &is_known);
    if (!status && (status = tn_model_add_input(b->model, in->name, dtype, &shape, b->err)) &&
        in->node)
        tn_yaml_prefix(in->node, b->err);
    *all_known = *all_known && is_known;
    return status ? status : place(b, in->name, NULL);
}

static tn_status add_inputs(struct build *b, const char **out_first, int *out_all_known)
{
    const struct tn_yaml_node *inputs = b->params->inputs;
    struct input in = {"x", "x", NULL};
    tn_status status = TN_OK;
    *out_all_known = 1;
    *out_first = inputs && inputs->n > 1 ? NULL : "x";
    if (!inputs)
        return add_input(b, &in, out_all_known);
    for (const struct tn_yaml_node *node = inputs->first; node && !status; node = node->next) {
        const char *field = tn_yaml_string(tn_yaml_find(node, "field"));
        in = (struct input){node->key, field ? field : node->key, node};
        status = add_input(b, &in, out_all_known);
        if (*out_first)
            *out_first = node->key;
    }
    return status;
}

static tn_status set_outputs(struct build *b)
{
    const struct tn_yaml_node *outputs = b->params->outputs;
    const struct scope top = {.prefix = ""};
    size_t n = 0;
    if (!outputs)
        return TN_OK;
    const char **names = TN_ARENA_NEW(&b->arena, const char *, outputs->n);
    if (!names)
        return no_memory(b);
    for (const struct tn_yaml_node *node = outputs->first; node; node = node->next) {
        tn_status status = resolve(b, &top, node, &names[n]);
        if (status)
            return status;
        for (size_t i = 0; i < n; i++)
            if (strcmp(names[i], names[n]) == 0)
                return tn_yaml_fail(node, b->err, "the output '%s' is listed twice", names[n]);
        n++;
    }
    return tn_model_set_outputs(b->model, names, n, b->err);
}

/* Shapes that do not fit: the message begins with the layer's name, and so finds its place. */
static tn_status check_shapes(struct build *b)
{
    struct tn_layer_info *layers = NULL;
    struct tn_error why = {TN_OK, ""};
    const struct placed *culprit = NULL;
    size_t n_layers;
    tn_status status = tn_model_summary(b->model, &layers, &n_layers, &why);
    tn_free(layers);
    if (!status)
        return TN_OK;
    for (size_t i = 0; i < b->placed.n; i++) {
        size_t n = strlen(b->placed.items[i].name);
        if (strncmp(why.msg, "layer '", 7) == 0 &&
            strncmp(why.msg + 7, b->placed.items[i].name, n) == 0 && why.msg[7 + n] == '\'')
            culprit = &b->placed.items[i];
    }
    tn_error_set(b->err, status, "%s", why.msg);
    if (culprit && culprit->node)
        tn_yaml_prefix(culprit->node, b->err);
    return status;
}

tn_status tn_recipe_build_network(const struct tn_network_params *params, tn_model **out_model,
                                  struct tn_error *err)
{
    struct build b = {.params = params, .err = err};
    const struct scope top = {.prefix = ""};
    const char *before = NULL;
    int all_known = 0;
    tn_arena_init(&b.arena);
    tn_status status = tn_model_create(params->name, &b.model, err);
    if (!status)
        status = add_inputs(&b, &before, &all_known);
    if (!status)
        status = add_list(&b, &top, params->layers, &before);
    if (!status)
        status = set_outputs(&b);
    if (!status && all_known)
        status = check_shapes(&b);
    TN_VEC_FINISH(&b.placed);
    TN_VEC_FINISH(&b.counters);
    tn_arena_finish(&b.arena);
    if (status)
        tn_model_destroy(&b.model);
    else
        *out_model = b.model;
    return status;
}
