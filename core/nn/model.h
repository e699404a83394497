/* The inside of a model. */
#ifndef TN_NN_MODEL_H
#define TN_NN_MODEL_H

#include "base/arena.h"
#include "base/vec.h"
#include "nn/layer.h"

struct tn_model_node {
    const char *name;
    uint32_t auto_number; /* of a name that we gave: 1 for "conv2d", 2 for "conv2d_1"; else 0 */
    const struct tn_layer_type *type; /* NULL: a model input */
    const char *state_owner;          /* name of the layer whose state it uses: itself, or shared */
    const struct tn_attr *options;
    size_t n_options;
    uint32_t *in; /* indices of earlier nodes */
    size_t n_in;
};
struct tn_model_input {
    const char *name;
    tn_dtype dtype;
    struct tn_shape shape; /* of a sample */
    uint32_t node;
};
struct tn_model {
    struct tn_arena arena;
    const char *name;
    TN_VEC(struct tn_model_node) nodes; /* in the order of adding: topological */
    TN_VEC(struct tn_model_input) inputs;
    TN_VEC(uint32_t) outputs;
};
uint32_t tn_model_output_node(const tn_model *model, size_t index);
/* Emits all layers; out_values[i] is the value of node i. */
tn_status tn_model_emit(const tn_model *model, tn_graph *graph, const struct tn_forward *forward,
                        tn_value *out_values, struct tn_error *err);

#endif
