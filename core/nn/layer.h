/* What a layer type is. Adding one: a file in core/nn/layers, one line in layer_list.c. */
#ifndef TN_NN_LAYER_H
#define TN_NN_LAYER_H

#include "nn/option.h"
#include "tenon/model.h"

struct tn_layer_ctx {
    tn_graph *graph;
    const struct tn_forward *forward;
    const char *name;       /* the layer's */
    const char *state_path; /* prefix of its state: "dense_1", or the shared layer's */
    struct tn_options options;
    const tn_value *in;
    size_t n_in;
    struct tn_error *err;
};

struct tn_layer_type {
    struct tn_component component;
    /* Emits the layer's nodes; TN_NONE and *ctx->err on failure. The graph's scope is the layer. */
    tn_value (*build)(const struct tn_layer_ctx *ctx);
};

size_t tn_layer_count(void);
const struct tn_layer_type *tn_layer_at(size_t index);
const struct tn_layer_type *tn_layer_find(const char *name); /* aliases too */

/* --- for layers --- */

/* A trained parameter "<state_path>/<name>" with the named initialiser ("glorot_uniform", ...). */
tn_value tn_layer_param(const struct tn_layer_ctx *ctx, const char *name,
                        const struct tn_shape *shape, const char *initializer, int64_t fan_in,
                        int64_t fan_out);
/* State that is saved but not trained, filled with a constant. */
tn_value tn_layer_buffer(const struct tn_layer_ctx *ctx, const char *name,
                         const struct tn_shape *shape, double value);
/* Applies an activation by name; "linear" gives x back. */
tn_value tn_layer_activate(const struct tn_layer_ctx *ctx, const char *activation, tn_value x);
/* "layer 'name' (type): message; input [batch, 1, 28, 28]"; returns TN_NONE. */
tn_value tn_layer_fail(const struct tn_layer_ctx *ctx, const char *fmt, ...) TN_PRINTF(2, 3);
/* Input i's shape; fails by name when its rank is not in [min, max]: check for 0 returned. */
int tn_layer_rank(const struct tn_layer_ctx *ctx, size_t input, uint32_t min, uint32_t max,
                  struct tn_shape *out_shape);
#define TN_LAYER_AXES 3
/* The window of a convolution or a pool over its input's last `axes` dims. */
struct tn_layer_window {
    uint32_t axes;
    int64_t kernel[TN_LAYER_AXES], strides[TN_LAYER_AXES], dilations[TN_LAYER_AXES];
    int64_t pads[2 * TN_LAYER_AXES]; /* begin of each axis, then end of each */
    int is_same;                     /* TensorFlow's: ceil(input / stride), odd cell at the end */
    const char *auto_pad;            /* for the operator: SAME_UPPER, or NOTSET */
};
/* Reads the options: `kernel` is "kernel_size", or "pool_size" of a pool, whose strides default to
 * it and which has no dilation. 0 on failure. */
int tn_layer_window(const struct tn_layer_ctx *ctx, uint32_t axes, const char *kernel,
                    struct tn_layer_window *out_window);
/* Fails by name of the axis where no window fits into the padded input: check for 0 returned. */
int tn_layer_fits(const struct tn_layer_ctx *ctx, const struct tn_shape *input,
                  const struct tn_layer_window *window);

extern const char *const tn_activation_names[];
extern const char *const tn_initializer_names[];

#endif
