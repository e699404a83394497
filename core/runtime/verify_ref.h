/* The reference of one unit of a plan: a node, or the nodes of a claim. */
#ifndef TN_RUNTIME_VERIFY_REF_H
#define TN_RUNTIME_VERIFY_REF_H

#include "runtime/checked.h"

/* A value of the unit. */
struct tn_unit_value {
    uint32_t value, store;
    tn_dtype dtype;      /* stored on the device */
    tn_dtype wide_dtype; /* that the reference works in */
    int64_t count;
    uint32_t producer; /* node of the unit, or TN_NONE: an input */
    uint64_t offset;   /* in the reference's buffer */
    uint8_t *given;    /* inputs, as the reference takes them */
    double *want;      /* outputs of floating point */
    double *moved;     /* by how much they moved when the inputs did */
    int64_t *want_int; /* the others */
};

struct tn_unit {
    const tn_plan *plan;
    struct tn_arena arena;
    uint32_t *nodes;
    uint32_t n_nodes, n_values, n_largest; /* n_largest: elements of the largest input */
    struct tn_unit_value *values;
    /* The reference device's objects. */
    const tnb_backend *api;
    tnb_plan *handle;
    tnb_buffer *buffer;
    tnb_queue *queue;
    uint8_t *mem;
};

/* Makes the unit's reference and takes its inputs from the run. `queue` belongs to the device
 * `ref`. */
tn_status tn_unit_open(const struct tn_checked_run *run, const uint32_t *nodes, uint32_t n_nodes,
                       tn_device *ref, tnb_queue *queue, struct tn_unit *out_unit,
                       struct tn_error *err);
void tn_unit_close(struct tn_unit *unit);
/* Fills want and moved: the result, and the largest change of it over `n_moves` runs in which each
 * input of floating point moved by `step` of its size, up or down. */
tn_status tn_unit_evaluate(struct tn_unit *unit, double step, int n_moves, struct tn_error *err);

#endif
