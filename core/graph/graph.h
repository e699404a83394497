/* The graph's inside, for autodiff, passes, plans and printing. See tenon/graph.h for the contract.
 */
#ifndef TN_GRAPH_GRAPH_H
#define TN_GRAPH_GRAPH_H

#include "base/arena.h"
#include "base/vec.h"
#include "ops/op.h"
#include "tenon/graph.h"

#define TN_MAX_SYMBOLS 8

/* A symbolic dim is TN_DIM_BASE - index, index into graph->dims: far from -1 ("infer", "last axis")
 * and from INT64_MIN ("to the end"), so that int attributes may hold either. */
#define TN_DIM_BASE (INT64_MIN / 2)
static inline int tn_dim_is_symbolic(int64_t dim)
{
    return dim <= TN_DIM_BASE && dim > TN_DIM_BASE - INT32_MAX;
}
static inline uint32_t tn_dim_index(int64_t dim)
{
    return (uint32_t)(TN_DIM_BASE - dim);
}
static inline int64_t tn_dim_of_index(uint32_t index)
{
    return TN_DIM_BASE - (int64_t)index;
}
#define TN_N_TRIALS 2 /* a dim that differs between two trial bindings is symbolic */

enum tn_value_kind {
    TN_VALUE_COMPUTED = 0, /* output `output` of node `node` */
    TN_VALUE_INPUT,        /* inputs[index] */
    TN_VALUE_CONST,        /* consts[index] */
    TN_VALUE_STATE         /* states[index] */
};

struct tn_graph_value {
    enum tn_value_kind kind;
    uint32_t node, output; /* when computed */
    uint32_t index;        /* otherwise */
    tn_dtype dtype;
    struct tn_shape shape;              /* may hold symbolic dims: tn_dim_is_symbolic */
    struct tn_shape trial[TN_N_TRIALS]; /* concrete, under each trial binding */
    uint8_t is_param_grad;              /* set by tn_graph_gradients for wrt that is a parameter */
    uint32_t grad_of;                   /* then: the parameter's value */
};

struct tn_graph_node {
    const struct tn_op *op;
    const char *label; /* scope path and op name, unique: "dense_1/matmul", "dense_1/matmul_1" */
    uint32_t phase;    /* TNB_PHASE_* */
    uint32_t n_in, n_out;
    tn_value *in, *out;
    struct tn_attrs attrs; /* complete; int entries may be symbolic dims: tn_dim_is_symbolic */
};

struct tn_graph_input {
    const char *name;
    tn_value value;
    uint32_t kind; /* TN_INPUT_* */
};
struct tn_graph_state {
    struct tn_state_params params; /* strings owned by the graph */
    tn_value value;                /* version at the step's begin */
    tn_value assigned;             /* TN_NONE: not written by this graph */
};
struct tn_graph_output {
    const char *name;
    tn_value value;
};
/* A dim that is a constant times a product of symbols. */
struct tn_dim_expr {
    int64_t coef;
    uint8_t power[TN_MAX_SYMBOLS];
};

struct tn_label {
    const char *text; /* NULL: free place */
    uint32_t n_used;  /* how often it was asked for */
};

struct tn_graph {
    struct tn_arena arena;
    const char *name;
    tn_status status;
    struct tn_error error; /* first error */
    TN_VEC(struct tn_graph_value) values;
    TN_VEC(struct tn_graph_node) nodes; /* in topological order by construction */
    TN_VEC(struct tn_graph_input) inputs;
    TN_VEC(tn_tensor *) consts;
    TN_VEC(struct tn_graph_state) states;
    TN_VEC(struct tn_graph_output) outputs;
    /* dims[tn_dim_index(d)]; the first TN_MAX_SYMBOLS places are the symbols' */
    TN_VEC(struct tn_dim_expr) dims;
    const char *symbols[TN_MAX_SYMBOLS];
    uint32_t n_symbols;
    TN_VEC(const char *) scopes;    /* full paths: the last one is the current one */
    TN_VEC(struct tn_label) labels; /* hash table of the labels in use */
    uint32_t phase;                 /* of nodes being added: TNB_PHASE_* */
};

/* Binding of symbols: value[i] for graph->symbols[i]. */
struct tn_symbol_values {
    int64_t value[TN_MAX_SYMBOLS];
};
/* The concrete number for a dim (which may be non-negative already); -1 on overflow. */
int64_t tn_dim_bind(const struct tn_graph *graph, int64_t dim,
                    const struct tn_symbol_values *bound);
/* Concrete types of every value and concrete attributes of every node under a binding: re-runs
 * every shape rule. Attributes are settled (op.h): those that backends see. Arrays live in `arena`:
 * types[n_values], attrs[n_nodes]. A shape rule that fails names the node and the binding. */
TN_TOOL tn_status tn_graph_bind(const struct tn_graph *graph, const struct tn_symbol_values *bound,
                        struct tn_arena *arena, struct tn_type **out_types,
                        struct tn_attrs **out_attrs, struct tn_error *err);
/* Names to positions; TN_E_INVALID names a symbol that is missing, unknown or not positive. */
struct tn_binding;
tn_status tn_graph_resolve(const struct tn_graph *graph, const struct tn_binding *bindings,
                           size_t n, struct tn_symbol_values *out_bound, struct tn_error *err);
/* Records the graph's first error (sticky). */
void tn_graph_fail(struct tn_graph *graph, tn_status code, const char *fmt, ...) TN_PRINTF(3, 4);

#endif
