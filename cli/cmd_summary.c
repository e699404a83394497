/* tenon summary: layers, output shapes, parameters, as Keras users expect. */
#include <string.h>

#include "cli.h"

static void format_shape(const struct tn_shape *shape, char *buf, size_t size)
{
    size_t n = (size_t)snprintf(buf, size, "(");
    for (uint32_t i = 0; i < shape->rank && n < size; i++) {
        const char *comma = i ? ", " : "";
        if (shape->dim[i] < 0)
            n += (size_t)snprintf(buf + n, size - n, "%sNone", comma);
        else
            n += (size_t)snprintf(buf + n, size - n, "%s%lld", comma, (long long)shape->dim[i]);
    }
    if (n < size)
        snprintf(buf + n, size - n, ")");
}

static json_t *layer_json(const struct tn_layer_info *layer)
{
    json_t *shape = json_array();
    for (uint32_t i = 0; i < layer->output_shape.rank; i++)
        json_array_append_new(shape, layer->output_shape.dim[i] < 0
                                         ? json_null()
                                         : json_integer(layer->output_shape.dim[i]));
    return json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:s}", "event", "layer", "name", layer->name,
                     "type", layer->type, "output_shape", shape, "params",
                     (json_int_t)layer->n_params, "buffers", (json_int_t)layer->n_buffers, "inputs",
                     layer->inputs);
}

/* Columns as wide as what stands in them; Keras's are cut off. */
struct columns {
    int name, shape;
};

static void print_rule(char c, const struct columns *columns)
{
    for (int i = 0; i < columns->name + columns->shape + 32; i++)
        putchar(c);
    putchar('\n');
}

static void format_name(const struct tn_layer_info *layer, char *buf, size_t size)
{
    snprintf(buf, size, "%s (%s)", layer->name, layer->type);
}

static void fit_columns(const struct tn_layer_info *layers, size_t n, struct columns *out)
{
    *out = (struct columns){28, 22};
    for (size_t i = 0; i < n; i++) {
        char text[160];
        format_name(&layers[i], text, sizeof(text));
        out->name = (int)strlen(text) > out->name ? (int)strlen(text) : out->name;
        format_shape(&layers[i].output_shape, text, sizeof(text));
        out->shape = (int)strlen(text) > out->shape ? (int)strlen(text) : out->shape;
    }
}

static void print_layer(const struct tn_layer_info *layer, const struct columns *columns)
{
    char shape[160], count[32], name[160];
    format_shape(&layer->output_shape, shape, sizeof(shape));
    format_name(layer, name, sizeof(name));
    cli_format_count(layer->n_params + layer->n_buffers, count, sizeof(count));
    printf("%-*s  %-*s  %12s%s%s\n", columns->name, name, columns->shape, shape, count,
           *layer->inputs ? "  " : "", layer->inputs);
}

static void print_table(const char *name, const struct tn_layer_info *layers, size_t n,
                        const struct columns *columns)
{
    printf("Model: \"%s\"\n", name);
    print_rule('_', columns);
    printf("%-*s  %-*s  %12s  %s\n", columns->name, "Layer (type)", columns->shape, "Output Shape",
           "Param #", "Connected to");
    print_rule('=', columns);
    for (size_t i = 0; i < n; i++)
        print_layer(&layers[i], columns);
    print_rule('=', columns);
}

static void print_total(const char *what, int64_t n, const char *bytes)
{
    char count[32];
    printf("%s: %s%s%s%s\n", what, cli_format_count(n, count, sizeof(count)), *bytes ? " (" : "",
           bytes, *bytes ? ")" : "");
}

static void report(const struct cli_options *options, const char *name,
                   const struct tn_layer_info *layers, size_t n)
{
    char bytes[32];
    int64_t n_params = 0, n_buffers = 0;
    for (size_t i = 0; i < n; i++) {
        n_params += layers[i].n_params;
        n_buffers += layers[i].n_buffers;
        if (options->json)
            cli_json(layer_json(&layers[i]));
    }
    if (!options->json) {
        struct columns columns;
        fit_columns(layers, n, &columns);
        print_table(name, layers, n, &columns);
        cli_format_bytes((uint64_t)(n_params + n_buffers) * sizeof(float), bytes, sizeof(bytes));
        print_total("Total params", n_params + n_buffers, bytes);
        print_total("Trainable params", n_params, "");
        print_total("Non-trainable params", n_buffers, "");
        print_rule('_', &columns);
    }
    cli_json_done(options, json_pack("{s:s, s:I, s:I, s:I}", "name", name, "params",
                                     (json_int_t)(n_params + n_buffers), "trainable",
                                     (json_int_t)n_params, "non_trainable", (json_int_t)n_buffers));
}

static int run(const struct cli_options *options)
{
    tn_recipe *recipe = NULL;
    tn_model *model = NULL;
    tn_dataset *train = NULL;
    struct tn_layer_info *layers = NULL;
    struct tn_error err = {TN_OK, ""};
    size_t n = 0;
    int rc = CLI_OK;
    if (cli_load_recipe(options, &recipe, &err))
        return cli_fail(&err);
    /* Only a recipe that leaves its input shapes to the data needs the data. */
    tn_status status = tn_recipe_build_model(recipe, NULL, &model, &err);
    if (status == TN_E_NOT_FOUND &&
        !(status = tn_recipe_open_data(recipe, options->data_dir, &train, NULL, NULL, &err)))
        status = tn_recipe_build_model(recipe, train, &model, &err);
    if (status)
        rc = cli_fail(&err);
    if (!rc && tn_model_summary(model, &layers, &n, &err))
        rc = cli_fail(&err);
    if (!rc)
        report(options, tn_recipe_name(recipe), layers, n);
    tn_free(layers);
    tn_dataset_unref(&train);
    tn_model_destroy(&model);
    tn_recipe_destroy(&recipe);
    return rc;
}

const struct cli_verb cli_verb_summary = {
    .name = "summary",
    .args = "RECIPE|NAME",
    .summary = "show a recipe's layers, output shapes and parameters",
    .mask = CLI_OPT_RECIPE | CLI_OPT_DATA | CLI_OPT_JSON,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
