/* What an operator is: schema, shape rule, gradient, reference. One `struct tn_op` per operator,
 * listed in core/ops/list.h. Adding one: one file here, one line in the list, one case table in
 * tests/ops. */
#ifndef TN_OPS_OP_H
#define TN_OPS_OP_H

#include <stdint.h>

#include "base/compiler.h"
#include "tenon/graph.h"

#define TN_OP_MAX_OUT 8
#define TN_OP_MAX_FIXED 16 /* an operator with a larger max_in takes a list */

/* Element type and concrete shape of a value. */
struct tn_type {
    tn_dtype dtype;
    struct tn_shape shape;
};

struct tn_arena;

/* --- attributes --- */

struct tn_attr_schema {
    const char *name;
    tn_attr_type type;
    int required;      /* else `dflt` */
    struct tn_attr dflt; /* name and type need not be filled in */
    const char *doc;
};

/* A node's attributes, complete with defaults, in the schema's order. */
struct tn_attrs {
    const struct tn_attr *list;
    uint32_t n;
};
/* The schema guarantees name and type: asking for another is our bug (assert). */
int64_t tn_attrs_int(const struct tn_attrs *attrs, const char *name);
double tn_attrs_float(const struct tn_attrs *attrs, const char *name);
const char *tn_attrs_string(const struct tn_attrs *attrs, const char *name);
const int64_t *tn_attrs_ints(const struct tn_attrs *attrs, const char *name, uint32_t *out_count);

/* --- shape rule --- */

/* Runs with concrete shapes only: symbols are bound to trial values while a graph is built and to
 * the real ones when a plan is made, so a rule is plain arithmetic. */
struct tn_infer {
    const struct tn_op *self;
    const char *op, *label;     /* for messages */
    const struct tn_attrs *attrs;
    uint32_t n_in, n_out;
    const struct tn_type *const *in; /* NULL: absent */
    struct tn_type *out;             /* to be filled */
    struct tn_error *err;
};
/* Fills ctx->err with "op 'conv2d' (label): <message>; inputs [..] f32, [..] f32"; returns
 * TN_E_INVALID. Messages say the limit and what to do. */
tn_status tn_infer_fail(const struct tn_infer *ctx, const char *fmt, ...) TN_PRINTF(2, 3);
/* Common checks; each fails with a message that names the input. */
tn_status tn_infer_rank(const struct tn_infer *ctx, uint32_t input, uint32_t min, uint32_t max);
tn_status tn_infer_float(const struct tn_infer *ctx, uint32_t input);
tn_status tn_infer_same_dtype(const struct tn_infer *ctx, uint32_t a, uint32_t b);
tn_status tn_infer_same_shape(const struct tn_infer *ctx, uint32_t a, uint32_t b);
/* NumPy broadcasting of inputs a and b. */
tn_status tn_infer_broadcast(const struct tn_infer *ctx, uint32_t a, uint32_t b,
                             struct tn_shape *out_shape);
/* Axis in [-rank, rank) made non-negative. */
tn_status tn_infer_axis(const struct tn_infer *ctx, int64_t axis, uint32_t rank, uint32_t *out_axis);

/* --- gradient --- */

struct tn_grad {
    const struct tn_op *self;
    tn_graph *graph;
    const char *label;
    const struct tn_attrs *attrs; /* may hold symbolic dims */
    uint32_t n_in, n_out;
    const tn_value *in, *out;
    const tn_value *out_grad; /* TN_NONE where no gradient arrives at that output */
    const uint8_t *needed;    /* needed[i]: input i wants a gradient */
    tn_value *in_grad;        /* to be filled where needed; TN_NONE stays "zero" */
};
/* d of a broadcast operand: sums `grad` down to the shape of `like`. Emits nothing if equal. */
tn_value tn_grad_unbroadcast(const struct tn_grad *ctx, tn_value grad, tn_value like);
/* The value's shape as an int attribute (symbols stay symbolic). Valid until the next call on the
 * graph that adds a node. */
struct tn_attr tn_grad_shape_attr(const struct tn_grad *ctx, const char *name, tn_value value,
                                  struct tn_shape *storage);

/* --- reference --- */

/* Row-major and contiguous. Floating point of any dtype arrives as `double`, integers and bool of any
 * dtype as `int64_t`; the caller widens inputs and rounds outputs. NULL data: absent. */
struct tn_ref_tensor {
    struct tn_type type; /* the stored dtype */
    int64_t count;
    union {
        double *f;
        int64_t *i;
        void *any;
    } data;
};
struct tn_ref {
    const struct tn_op *self;
    const struct tn_attrs *attrs; /* symbols bound */
    uint32_t n_in, n_out;
    const struct tn_ref_tensor *in;
    struct tn_ref_tensor *out; /* never aliases an input */
    double *scratch;           /* op->scratch(...) doubles */
};

/* --- the operator --- */

enum {
    TN_OP_ALIAS = 1u << 0,      /* output 0 is input 0's bytes under another shape: never executed */
    TN_OP_ELEMENTWISE = 1u << 1, /* each output element depends on the inputs' elements at its place */
    TN_OP_UPDATE = 1u << 2      /* writes state versions: optimizers, running statistics, counters */
};
struct tn_inplace_pair {
    uint8_t in, out;
};
struct tn_op {
    const char *name;
    uint32_t version;
    uint32_t min_in, max_in, n_out;
    uint32_t flags;
    /* For messages and docs/operators.md, max_in and n_out of them. The name of an input that may be
     * absent in the middle of the list ends with '?'; those from min_in on may always be absent. A
     * node has max_in inputs, the missing ones TN_NONE, unless max_in is above TN_OP_MAX_FIXED. */
    const char *const *in_names, *const *out_names;
    const struct tn_attr_schema *attrs;
    uint32_t n_attrs;
    const char *formula; /* one line for docs/operators.md */
    /* Likewise: inputs, their shapes and element types, and the output's; special cases. Markdown,
     * without '|'. */
    const char *shapes;
    tn_status (*infer)(struct tn_infer *ctx);
    /* NULL: not differentiable; the error then says `no_gradient`, or that there is none. */
    tn_status (*gradient)(const struct tn_grad *ctx);
    const char *no_gradient;
    void (*reference)(const struct tn_ref *ctx);
    /* Doubles of scratch that reference needs; NULL: none. */
    int64_t (*scratch)(const struct tn_ref *ctx);
    /* Attributes that stand for others, once the shapes are known: out_attrs becomes what the
     * reference and backends see (`auto_pad` turned into numbers of `pads`). ctx is one that infer
     * has accepted. In `arena`. NULL: they see what the user gave. TN_E_OOM. */
    tn_status (*settle)(const struct tn_infer *ctx, struct tn_arena *arena,
                        struct tn_attrs *out_attrs);
};

/* NULL when there is none of that name. Those that a plugin added (registry.h) are found, too. */
TN_TOOL const struct tn_op *tn_op_find(const char *name);
TN_TOOL size_t tn_op_count(void);
TN_TOOL const struct tn_op *tn_op_at(size_t index); /* in the order of the list */

#endif
