/* The plan's intermediate form: the live part of a graph under one binding of its symbols, as the
 * backends see it (`view`), plus what lies behind the view: which values share bytes.
 *
 * A *value* is a typed shape over bytes; a *store* is the bytes. reshape and its like are never
 * executed: their output is another value over the same store. Node i of the IR is node i of the
 * view. Everything lives in the arena that tn_ir_build was given and does not refer to the graph
 * afterwards, except for the data of constants. One thread at a time. */
#ifndef TN_PLAN_IR_H
#define TN_PLAN_IR_H

#include "base/arena.h"
#include "graph/graph.h"
#include "tenon/backend.h"

enum tn_store_kind {
    TN_STORE_TEMP = 0, /* made by a node, or by a copy at the step's begin */
    TN_STORE_INPUT,    /* inputs[index] */
    TN_STORE_CONST,    /* consts[index] of the graph, or `data` */
    TN_STORE_STATE     /* states[index]: its version as the step begins */
};

struct tn_ir_store {
    enum tn_store_kind kind;
    uint32_t index;
    const void *data;  /* of a constant that the plan computed; else NULL */
    uint32_t producer; /* node, or TN_NONE */
    uint64_t n_bytes;
    uint32_t grad_state; /* state whose gradient this is, or TN_NONE */
    uint32_t grad_group;
    tn_dtype dtype;
    uint8_t is_output;   /* must outlive the step */
    uint8_t is_assigned; /* becomes the next version of a state */
    uint32_t n_values;   /* views of it: above 1 where a reshape lies in between */
    /* Nodes that read it, ascending, each once: readers[first_reader .. + n_readers). */
    uint32_t first_reader, n_readers;
};

struct tn_ir_node {
    tnb_node tnb;
    const struct tn_op *op;
    uint32_t device; /* of the placer's list */
    tnb_support support;
    const char *why; /* of the choice; refusals of the devices asked before */
    uint32_t segment;
    uint32_t claim; /* of the segment, or TN_NONE */
    uint32_t time;  /* of execution, from 1; nodes of a claim share it */
};

struct tn_ir_input {
    const char *name;
    struct tn_type type;
    uint64_t n_bytes;
    uint32_t kind;  /* TN_INPUT_* */
    uint32_t store; /* TN_NONE: nothing reads it */
};
struct tn_ir_output {
    const char *name;
    struct tn_type type;
    uint32_t store;
};
/* After the step, the state of store `state` holds what store `source` holds. */
struct tn_ir_assign {
    uint32_t state, source;
};
/* Copies made before the first node: old versions that are needed after the step overwrote them. */
struct tn_ir_copy {
    uint32_t from, to;
};

struct tn_plan_ir {
    struct tn_arena *arena;
    const char *graph_name;
    tnb_graph view;
    const tnb_node **node_list; /* view.nodes */
    tnb_tensor *values;         /* view.values */
    uint32_t *prior;            /* view.prior */
    uint32_t *store_of;         /* by value */
    uint32_t n_values;
    struct tn_ir_node *nodes;
    uint32_t n_nodes;
    struct tn_ir_store *stores;
    uint32_t n_stores;
    uint32_t *readers;
    struct tn_ir_input *inputs;
    uint32_t n_inputs;
    struct tn_ir_output *outputs;
    uint32_t n_outputs;
    struct tn_ir_assign *assigns;
    uint32_t n_assigns;
    struct tn_ir_copy *copies;
    uint32_t n_copies;
};

/* `simplified`: equal subexpressions are computed once, small constant ones not at all.
 * TN_E_INVALID (a shape rule that fails under the binding names its node), TN_E_OOM. */
TN_TOOL tn_status tn_ir_build(struct tn_arena *arena, const tn_graph *graph,
                      const struct tn_symbol_values *bound, int simplified,
                      struct tn_plan_ir *out_ir, struct tn_error *err);

/* Orders the nodes: the graph's order, but readers of a state's old version go before the node that
 * makes the new one wherever that is possible, and nodes of one device stay together. Renumbers the
 * nodes and fills view.prior. Deterministic. TN_E_OOM. */
tn_status tn_ir_schedule(struct tn_plan_ir *ir, struct tn_error *err);

/* Recomputes the readers of each store. TN_E_OOM. */
tn_status tn_ir_index_readers(struct tn_plan_ir *ir, struct tn_error *err);

tn_status tn_ir_oom(const struct tn_plan_ir *ir, struct tn_error *err);

/* Does node `node` read store `store`, and at how many input positions? */
uint32_t tn_ir_reads(const struct tn_plan_ir *ir, uint32_t node, uint32_t store);

/* "[64,1,28,28] [32,1,3,3] -> [64,32,26,26]" of a node, cut to size. */
void tn_ir_format_shapes(const struct tn_plan_ir *ir, uint32_t node, char *buf, size_t size);

#endif
