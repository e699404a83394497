/* The graph: one step function (forward, backward, optimizer updates) as operators over values.
 *
 * Values are in single assignment form. State (parameters, optimizer slots, running statistics,
 * caches) is declared by name and belongs to a session (runtime.h); graphs that declare the same
 * name share it. Writing state makes a new version: tn_graph_assign().
 *
 * Building keeps going after an error: the first failure sticks, every later call returns TN_NONE,
 * and tn_graph_check() reports it. One thread at a time per graph.
 */
#ifndef TENON_GRAPH_H
#define TENON_GRAPH_H

#include <stdint.h>

#include "tenon/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tn_graph tn_graph;
typedef uint32_t tn_value; /* index into the graph */
#define TN_NONE UINT32_MAX /* absent optional input; result of a call after an error */

/* Attribute of an operator, by the schema's name. Arrays are copied by the graph. */
typedef enum tn_attr_type { TN_ATTR_INT = 1, TN_ATTR_FLOAT, TN_ATTR_STRING, TN_ATTR_INTS } tn_attr_type;
struct tn_attr {
    const char *name;
    tn_attr_type type;
    uint32_t count; /* of `ints` */
    union {
        int64_t i;
        double f;
        const char *s;
        const int64_t *ints;
    } u;
};
#define TN_AI(key, value) ((struct tn_attr){.name = (key), .type = TN_ATTR_INT, .u.i = (value)})
#define TN_AF(key, value) ((struct tn_attr){.name = (key), .type = TN_ATTR_FLOAT, .u.f = (value)})
#define TN_AS(key, value) ((struct tn_attr){.name = (key), .type = TN_ATTR_STRING, .u.s = (value)})
#define TN_AV(key, n, values)                                                                      \
    ((struct tn_attr){                                                                             \
        .name = (key), .type = TN_ATTR_INTS, .count = (uint32_t)(n), .u.ints = (values)})

TN_API tn_status tn_graph_create(const char *name, tn_graph **out_graph, struct tn_error *err);
TN_API void tn_graph_destroy(tn_graph **graph);
/* TN_OK, or the first error that building met. */
TN_API tn_status tn_graph_check(const tn_graph *graph, struct tn_error *err);

/* A symbolic dim ("batch", "time"): a negative number to use in shapes and in int attributes.
 * The same name gives the same symbol. At most 8 symbols. Bound when a plan is made. */
TN_API int64_t tn_graph_symbol(tn_graph *graph, const char *name);
/* A number for a symbol. */
struct tn_binding {
    const char *symbol;
    int64_t value;
};

/* Layer path: names of nodes and errors ("conv2d_1/bias_add"). Pushed names are joined by '/'. */
TN_API void tn_graph_push_scope(tn_graph *graph, const char *name);
TN_API void tn_graph_pop_scope(tn_graph *graph);

/* Fed by the host before every run. `TN_INPUT_STEP` marks small values that change each step
 * (learning rate, rng, position): they travel together in one transfer. */
enum { TN_INPUT_DATA = 0, TN_INPUT_STEP = 1 };
TN_API tn_value tn_graph_input(tn_graph *graph, const char *name, tn_dtype dtype,
                               const struct tn_shape *shape, uint32_t kind);
/* A constant; the graph copies the tensor's data. */
TN_API tn_value tn_graph_const(tn_graph *graph, const tn_tensor *tensor);
TN_API tn_value tn_graph_scalar(tn_graph *graph, tn_dtype dtype, double value);

/* How a session fills new state, on the host, from Philox keyed by (seed, hash of the name). */
typedef enum tn_init_kind {
    TN_INIT_ZEROS = 0,
    TN_INIT_CONSTANT,       /* a */
    TN_INIT_UNIFORM,        /* [a, b) */
    TN_INIT_NORMAL,         /* mean a, standard deviation b */
    TN_INIT_GLOROT_UNIFORM, /* limit sqrt(6 / (fan_in + fan_out)): Glorot and Bengio 2010 */
    TN_INIT_GLOROT_NORMAL,  /* truncated normal, stddev sqrt(2 / (fan_in + fan_out)) */
    TN_INIT_HE_UNIFORM,     /* limit sqrt(6 / fan_in): He et al. 2015 */
    TN_INIT_HE_NORMAL       /* truncated normal, stddev sqrt(2 / fan_in) */
} tn_init_kind;
struct tn_init {
    tn_init_kind kind;
    double a, b;
    int64_t fan_in, fan_out; /* for Glorot and He */
};

/* What a state is for: decides what is saved, what an optimizer owns, how it lies in memory. */
typedef enum tn_state_role {
    TN_STATE_PARAM = 1, /* trained */
    TN_STATE_BUFFER,    /* saved with the model, not trained: running statistics */
    TN_STATE_SLOT,      /* an optimizer's: moments, step count; part of a checkpoint */
    TN_STATE_ACCUM,     /* gradient accumulators */
    TN_STATE_CACHE      /* scratch that lives between steps: key/value cache, metric ring */
} tn_state_role;
struct tn_state_params {
    const char *name; /* unique in the session: "dense_1/kernel" */
    tn_dtype dtype;
    struct tn_shape shape; /* no symbolic dims */
    tn_state_role role;
    struct tn_init init;
    uint32_t group;   /* optimizer group; states of one (role, slot, group, dtype) lie contiguous */
    const char *slot; /* for TN_STATE_SLOT: "m", "v", ...; else NULL */
};
/* The state's value as the step begins. Asking again for the same name returns the same value; a
 * differing shape or dtype is an error. */
TN_API tn_value tn_graph_state(tn_graph *graph, const struct tn_state_params *params);
/* After the step, `state` (from tn_graph_state) holds `value` (same dtype and shape). Once per
 * state and graph. Reading `state` in the graph still means the old version. */
TN_API void tn_graph_assign(tn_graph *graph, tn_value state, tn_value value);
/* Marks a value that the host may read after a run, by name. */
TN_API void tn_graph_output(tn_graph *graph, const char *name, tn_value value);

/* Any operator. Absent optional inputs are TN_NONE; missing attributes take the schema's default.
 * `out` receives the schema's outputs (n_out of them). docs/operators.md lists the operators. */
TN_API void tn_graph_op(tn_graph *graph, const char *op, const tn_value *in, size_t n_in,
                        const struct tn_attr *attr, size_t n_attr, tn_value *out, size_t n_out);

/* One-output forms. `attr` may be NULL. */
TN_API tn_value tn_op1(tn_graph *graph, const char *op, tn_value x, const struct tn_attr *attr,
                       size_t n_attr);
TN_API tn_value tn_op2(tn_graph *graph, const char *op, tn_value a, tn_value b,
                       const struct tn_attr *attr, size_t n_attr);
TN_API tn_value tn_op3(tn_graph *graph, const char *op, tn_value a, tn_value b, tn_value c,
                       const struct tn_attr *attr, size_t n_attr);

/* Conveniences over tn_graph_op. Broadcasting is NumPy's; axes may be negative. */
TN_API tn_value tn_add(tn_graph *graph, tn_value a, tn_value b);
TN_API tn_value tn_sub(tn_graph *graph, tn_value a, tn_value b);
TN_API tn_value tn_mul(tn_graph *graph, tn_value a, tn_value b);
TN_API tn_value tn_div(tn_graph *graph, tn_value a, tn_value b);
TN_API tn_value tn_matmul(tn_graph *graph, tn_value a, tn_value b, int trans_a, int trans_b);
TN_API tn_value tn_reshape(tn_graph *graph, tn_value x, const struct tn_shape *shape);
TN_API tn_value tn_expand(tn_graph *graph, tn_value x, const struct tn_shape *shape);
/* n_axes 0 reduces all. */
TN_API tn_value tn_sum(tn_graph *graph, tn_value x, const int64_t *axes, size_t n_axes, int keepdims);
TN_API tn_value tn_mean(tn_graph *graph, tn_value x, const int64_t *axes, size_t n_axes,
                        int keepdims);
/* Joins n >= 1 values along an axis, and cuts x into n parts of the given sizes (`sizes` NULL: equal
 * parts, the last one smaller if need be); any number, where one node of `concat` takes 64 and one of
 * `split` gives 8. On failure out_parts holds TN_NONE. */
TN_API tn_value tn_concat(tn_graph *graph, const tn_value *x, size_t n, int64_t axis);
TN_API void tn_split(tn_graph *graph, tn_value x, int64_t axis, const int64_t *sizes, size_t n,
                     tn_value *out_parts);
TN_API tn_value tn_relu(tn_graph *graph, tn_value x);
TN_API tn_value tn_stop_gradient(tn_graph *graph, tn_value x);

/* Einstein summation: "bij,bjk->bik" names the dims of each operand and of the result by letters;
 * labels that the result lacks are summed. A label repeated in one operand is its diagonal, "..."
 * stands for any dims (broadcast, aligned at the right), a dim of 1 broadcasts; without "->" the
 * result has the ellipsis and then, in the order of the alphabet (capitals first), the labels that
 * appear once. `values` are 1 to 16 operands of one type, multiplied in pairs from left to right as
 * matrix products. Lowered to other operators, so that it has their gradients. */
TN_API tn_value tn_einsum(tn_graph *graph, const char *equation, const tn_value *values, size_t n);

/* Reverse-mode differentiation as a graph transformation: appends the backward nodes of the scalar
 * or tensor `y` (seeded with ones) and returns d sum(y) / d wrt[i] in out_grads[i], same shape and
 * dtype as wrt[i]; zeros where y does not depend on it. An operator without a gradient on the way
 * is an error that names it. */
TN_API void tn_graph_gradients(tn_graph *graph, tn_value y, const tn_value *wrt, size_t n_wrt,
                               tn_value *out_grads);

/* Inspection. A symbolic dim is negative: a symbol or a product such as 4*batch. */
TN_API struct tn_shape tn_graph_shape(const tn_graph *graph, tn_value value);
TN_API tn_dtype tn_graph_dtype(const tn_graph *graph, tn_value value);
TN_API size_t tn_graph_node_count(const tn_graph *graph);
/* States in order of declaration; strings live as long as the graph. */
TN_API size_t tn_graph_state_count(const tn_graph *graph);
TN_API tn_value tn_graph_state_at(const tn_graph *graph, size_t index,
                                  struct tn_state_params *out_params);
/* "batch", "4*batch*time" or a number, into buf. */
TN_API char *tn_graph_dim_format(const tn_graph *graph, int64_t dim, char *buf, size_t size);
/* The whole graph as text, or as Graphviz DOT. The string is the caller's: tn_free(). */
TN_API tn_status tn_graph_print(const tn_graph *graph, int as_dot, char **out_text,
                                struct tn_error *err);

#ifdef __cplusplus
}
#endif
#endif
