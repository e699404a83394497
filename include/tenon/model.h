/* Models: networks of layers with Keras's names, NCHW, that emit graph nodes. */
#ifndef TENON_MODEL_H
#define TENON_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "tenon/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- options of layers, losses, metrics, optimizers: one description serves checks and docs --- */

typedef enum tn_option_type {
    TN_OPTION_INT = 1,
    TN_OPTION_FLOAT,
    TN_OPTION_BOOL,   /* 0 or 1, given as TN_ATTR_INT */
    TN_OPTION_STRING, /* one of `choices` if there are any */
    TN_OPTION_PAIR,   /* an int, or two ints: height and width */
    TN_OPTION_INTS,   /* an int or a list of up to 7 */
    TN_OPTION_PADDING, /* "valid", "same", an int, two ints, or four: top, left, bottom, right */
    TN_OPTION_TRIPLE,  /* an int, or three ints: depth, height and width */
    TN_OPTION_PADDING_3D /* "valid", "same", an int, three ints, or six: begins, then ends */
} tn_option_type;

struct tn_option {
    const char *name;
    tn_option_type type;
    int required;
    int has_min;
    double min;                 /* smallest value of a number, of each of a pair */
    const char *const *choices; /* NULL-terminated; NULL: any string */
    const char *dflt;           /* as written in a recipe: "1", "valid", "relu"; NULL: none */
    const char *doc;
};

/* What can be named in a recipe: a layer type, a loss, a metric, an optimizer. */
struct tn_component {
    const char *name;
    const char *doc;
    const struct tn_option *options;
    size_t n_options;
    size_t min_inputs, max_inputs; /* layers only; SIZE_MAX: any number */
};
typedef enum tn_component_kind {
    TN_COMPONENT_LAYER = 1,
    TN_COMPONENT_LOSS,
    TN_COMPONENT_METRIC,
    TN_COMPONENT_OPTIMIZER,
    TN_COMPONENT_SCHEDULE
} tn_component_kind;
TN_API size_t tn_component_count(tn_component_kind kind);
TN_API const struct tn_component *tn_component_at(tn_component_kind kind, size_t index);
/* Aliases (Keras's long names) are found too; NULL when there is none. */
TN_API const struct tn_component *tn_component_find(tn_component_kind kind, const char *name);
/* Checks names, types, choices, ranges of `given`; the message names the option and the nearest
 * valid one. `subject` begins it: "layer 'conv2d_1'". */
TN_API tn_status tn_component_check(const struct tn_component *component, const char *subject,
                                    const struct tn_attr *given, size_t n_given,
                                    struct tn_error *err);

/* --- a model: a graph of layers --- */

typedef struct tn_model tn_model;

TN_API tn_status tn_model_create(const char *name, tn_model **out_model, struct tn_error *err);
TN_API void tn_model_destroy(tn_model **model);
TN_API const char *tn_model_name(const tn_model *model);

/* `sample_shape` is without the batch dim: [1, 28, 28]. */
TN_API tn_status tn_model_add_input(tn_model *model, const char *name, tn_dtype dtype,
                                    const struct tn_shape *sample_shape, struct tn_error *err);

struct tn_layer_spec {
    const char *type;
    const char *name;          /* NULL: the type's name, then with _1, _2, ... as in Keras */
    const char *const *inputs; /* names of layers or model inputs; n_inputs 0: the layer before */
    size_t n_inputs;
    const char *share;         /* take the weights of this earlier layer of the same type */
    const struct tn_attr *options;
    size_t n_options;
};
/* Checks names and options at once, shapes when the model is built. Strings are copied. */
TN_API tn_status tn_model_add_layer(tn_model *model, const struct tn_layer_spec *spec,
                                    struct tn_error *err);
/* Default: the last layer alone. */
TN_API tn_status tn_model_set_outputs(tn_model *model, const char *const *names, size_t n,
                                      struct tn_error *err);
TN_API size_t tn_model_input_count(const tn_model *model);
TN_API const char *tn_model_input_name(const tn_model *model, size_t index);
TN_API tn_dtype tn_model_input_dtype(const tn_model *model, size_t index);
TN_API struct tn_shape tn_model_input_shape(const tn_model *model, size_t index); /* of a sample */
TN_API size_t tn_model_output_count(const tn_model *model);
TN_API const char *tn_model_output_name(const tn_model *model, size_t index);

/* One pass of the model inside a graph. */
struct tn_forward {
    int training;          /* dropout drops, batch_norm uses and updates statistics */
    const tn_value *inputs; /* one per model input: [batch, sample dims...] */
    /* Needed when training with layers that use them, else TN_NONE. */
    tn_value sample; /* i64 [batch]: global sample indices */
    tn_value rng;    /* i64 scalar */
    tn_value apply;  /* f32 scalar: 0 leaves running statistics as they are */
    const char *prefix; /* of state names, for several networks in one session; NULL: none */
    /* Optimizer group of a parameter by its name; NULL: group 0. */
    uint32_t (*group_of)(void *ctx, const char *param_name);
    void *group_ctx;
};
/* out_outputs has room for tn_model_output_count values. A layer whose shape does not fit is an
 * error that names the layer, its type and the shapes. */
TN_API tn_status tn_model_forward(const tn_model *model, tn_graph *graph,
                                  const struct tn_forward *forward, tn_value *out_outputs,
                                  struct tn_error *err);

struct tn_layer_info {
    const char *name, *type;
    struct tn_shape output_shape; /* dim 0 is -1: the batch */
    int64_t n_params;             /* trained */
    int64_t n_buffers;            /* saved, not trained: running statistics */
    const char *inputs;           /* "relu_1, add" */
};
/* Layers as `tenon summary` shows them; needs shapes that fit. The array is the caller's
 * (tn_free), its strings the model's. */
TN_API tn_status tn_model_summary(const tn_model *model, struct tn_layer_info **out_layers,
                                  size_t *out_n_layers, struct tn_error *err);

#ifdef __cplusplus
}
#endif
#endif
