/* Runs a case, or a whole graph, through the references on the host. */
#ifndef TN_TESTS_OPS_EVAL_H
#define TN_TESTS_OPS_EVAL_H

#include "base/arena.h"
#include "cases.h"

/* A case made concrete: inputs filled, types inferred, outputs allocated. */
struct op_run {
    const struct op_case *c;
    const struct tn_op *op;
    struct tn_arena arena; /* owns all below */
    struct tn_attrs attrs;
    uint32_t
        n_in; /* as the shape rule counts them: max_in with absent ones, or the list's length */
    struct tn_type in_type[OP_CASE_MAX_IN];
    struct tn_ref_tensor in[OP_CASE_MAX_IN], out[TN_OP_MAX_OUT];
};

/* `precision`: the dtype that stands for f32 in the case's inputs, TN_F32 to leave it. The shape
 * rule's refusal is returned with its message in *err. On failure nothing is to be closed. */
tn_status op_run_open(const struct op_case *c, tn_dtype precision, struct op_run *out_run,
                      struct tn_error *err);
void op_run_close(struct op_run *run);
/* 1 when the case has a run of its own in that precision, which the shape rule takes; every case
 * that is no rejection has one in TN_F32. No data is made. */
int op_case_has_precision(const struct op_case *c, tn_dtype precision);
/* The element type that stands for the case's run: the precision where inputs follow it, else the
 * type of the first input, or of the output where there is none. */
tn_dtype op_case_dtype(const struct op_case *c, tn_dtype precision);
/* Runs the reference on run->in into run->out. Outputs are poisoned with NaN, or -77, before. */
tn_status op_run_reference(struct op_run *run, struct tn_error *err);

/* Deterministic numbers for weights and directions: number `i` of stream `key`, in [-1, 1). */
double op_random(uint64_t key, uint64_t i);
uint64_t op_random_key(const char *a, const char *b, uint64_t salt);

struct tn_graph;
struct tn_symbol_values;
/* Buffers for every value of a graph, indexed by value. */
struct op_eval {
    struct tn_arena arena;
    struct tn_ref_tensor *values;
};
/* Evaluates the graph by the references in the order of its nodes; inputs[i] is the data for the
 * graph's input i. `bound` may be NULL for a graph without symbols. Outputs are not rounded:
 * everything stays double or int64. */
tn_status op_eval_graph(const struct tn_graph *graph, const struct tn_symbol_values *bound,
                        const struct tn_ref_tensor *inputs, size_t n_inputs,
                        struct op_eval *out_eval, struct tn_error *err);
void op_eval_close(struct op_eval *eval);

#endif
