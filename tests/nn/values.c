/* What every type of layer computes with weights that are neither zeros nor ones, on every backend:
 * the values are PyTorch's. */
#include <stdio.h>
#include <string.h>

#include "../plan/support.h"
#include "base/compiler.h"
#include "nn/layer.h"
#include "tenon/model.h"

enum { MAX_WEIGHTS = 8, MAX_ELEMENTS = 1024 };

struct numbers {
    struct tn_shape shape; /* with the batch in front; rank 0: none */
    const double *data;
};
struct layer_values {
    const char *type, *what;
    struct tn_attr options[8];
    size_t n_options;
    struct numbers x, second, y;
    const int64_t *lengths;
    struct {
        const char *name;
        struct numbers is;
    } weights[MAX_WEIGHTS];
};
#include "../golden/layers.h"

static size_t to_f32(const struct numbers *from, float *out)
{
    int64_t n = 0;
    cr_assert(tn_shape_count(&from->shape, &n) == TN_OK && n <= MAX_ELEMENTS);
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)from->data[i];
    return (size_t)n;
}

static struct tn_shape of_a_sample(const struct tn_shape *shape)
{
    return tn_shape_make(shape->dim + 1, shape->rank - 1);
}

static int takes_ids(const struct layer_values *c)
{
    return strcmp(c->type, "embedding") == 0;
}

static tn_model *model_of(const struct layer_values *c, const char *name)
{
    static const char *const names[] = {"x", "second"};
    struct tn_error err = {TN_OK, ""};
    tn_model *model = NULL;
    struct tn_shape sample = of_a_sample(&c->x.shape);
    struct tn_layer_spec spec = {.type = c->type,
                                 .name = name,
                                 .options = c->options,
                                 .n_options = c->n_options,
                                 .inputs = names,
                                 .n_inputs = 1};
    check(tn_model_create("m", &model, &err), &err, "model");
    check(tn_model_add_input(model, "x", takes_ids(c) ? TN_I32 : TN_F32, &sample, &err), &err, "x");
    if (c->second.shape.rank || c->lengths) {
        sample = c->lengths ? TN_SCALAR : of_a_sample(&c->second.shape);
        check(tn_model_add_input(model, "second", c->lengths ? TN_I64 : TN_F32, &sample, &err),
              &err, "second");
        spec.n_inputs = 2;
    }
    check(tn_model_add_layer(model, &spec, &err), &err, c->what);
    return model;
}

static tn_graph *graph_of(const struct layer_values *c, const tn_model *model)
{
    struct tn_error err = {TN_OK, ""};
    tn_graph *g = new_graph(c->what);
    tn_value in[2], y;
    in[0] = tn_graph_input(g, "x", takes_ids(c) ? TN_I32 : TN_F32, &c->x.shape, TN_INPUT_DATA);
    if (c->lengths)
        in[1] = tn_graph_input(g, "second", TN_I64, &TN_SHAPE(c->x.shape.dim[0]), TN_INPUT_DATA);
    else if (c->second.shape.rank)
        in[1] = f32_input(g, "second", c->second.shape);
    struct tn_forward forward = {.inputs = in, .sample = TN_NONE, .rng = TN_NONE, .apply = TN_NONE};
    check(tn_model_forward(model, g, &forward, &y, &err), &err, c->what);
    struct tn_shape shape = tn_graph_shape(g, y);
    cr_assert(tn_shape_equal(&shape, &c->y.shape), "%s: %s: another shape", c->type, c->what);
    tn_graph_output(g, "y", y);
    return g;
}

static void give(const struct layer_values *c, tn_plan *plan)
{
    struct tn_error err = {TN_OK, ""};
    float data[MAX_ELEMENTS];
    int32_t ids[MAX_ELEMENTS];
    size_t n = to_f32(&c->x, data);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)data[i];
    if (takes_ids(c))
        check(tn_plan_set_input_bytes(plan, "x", ids, n * sizeof(ids[0]), &err), &err, "x");
    else
        set_f32(plan, "x", data, n);
    if (c->lengths)
        check(tn_plan_set_input_bytes(plan, "second", c->lengths,
                                      (size_t)c->x.shape.dim[0] * sizeof(int64_t), &err),
              &err, "lengths");
    else if (c->second.shape.rank)
        set_f32(plan, "second", data, to_f32(&c->second, data));
}

static void compare(const struct layer_values *c, tn_session *session, const char *name)
{
    float data[MAX_ELEMENTS], want[MAX_ELEMENTS];
    char text[96];
    tn_model *model = model_of(c, name);
    tn_plan *plan = plan_of(session, graph_of(c, model), 0);
    for (size_t i = 0; i < MAX_WEIGHTS && c->weights[i].name; i++) {
        snprintf(text, sizeof(text), "%s/%s", name, c->weights[i].name);
        put_f32(session, text, data, to_f32(&c->weights[i].is, data));
    }
    give(c, plan);
    run(plan);
    size_t n = to_f32(&c->y, want);
    get_f32(plan, "y", data, n);
    snprintf(text, sizeof(text), "%s: %s: y", c->type, c->what);
    expect_close(data, want, n, 1e-5, 1e-5, text);
    tn_model_destroy(&model);
}

ON_EACH(values, as_pytorch)
{
    tn_session *session = open_session(*on);
    for (size_t i = 0; i < TN_LEN(layer_values); i++) {
        char name[16];
        snprintf(name, sizeof(name), "l%zu", i);
        compare(&layer_values[i], session, name);
    }
}

/* These have no weights and no options that a value depends on, or tests of their own. */
static const char *const elsewhere[] = {"activation", "dropout", "flatten", "reshape"};

Test(values, of_every_type)
{
    for (size_t t = 0; t < tn_layer_count(); t++) {
        const char *type = tn_layer_at(t)->component.name;
        int found = 0;
        for (size_t i = 0; i < TN_LEN(layer_values); i++)
            found |= strcmp(layer_values[i].type, type) == 0;
        for (size_t i = 0; i < TN_LEN(elsewhere); i++)
            found |= strcmp(elsewhere[i], type) == 0;
        cr_expect(found, "no values of layer '%s'", type);
    }
}
