/* Runs a small graph on the host, node by node through the operators' references. */
#ifndef TN_TESTS_EVALUATE_H
#define TN_TESTS_EVALUATE_H

#include "graph/graph.h"

struct feed {
    tn_value value; /* an input or a state */
    const tn_tensor *tensor;
};

/* The values asked for, as new tensors; fails the running test on any error. */
void evaluate(const tn_graph *graph, const struct tn_binding *bindings, size_t n_bindings,
              const struct feed *feeds, size_t n_feeds, const tn_value *want, size_t n_want,
              tn_tensor **out);
/* f64 tensor with small, uneven numbers that depend on `salt`. */
tn_tensor *uneven(struct tn_shape shape, int salt);
/* Sum of all elements. */
double total(const tn_tensor *tensor);
/* Central difference of d total(y) / d feeds[which] against `grad`, element by element. */
void check_gradient(const tn_graph *graph, const struct tn_binding *bindings, size_t n_bindings,
                    struct feed *feeds, size_t n_feeds, size_t which, tn_value y, tn_value grad);

#endif
