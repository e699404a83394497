/* Initial values of state, made on the host: the same on every device and backend. */
#ifndef TN_GRAPH_INIT_H
#define TN_GRAPH_INIT_H

#include <stdint.h>

#include "tenon/graph.h"

/* Fills `out` (contiguous, any dtype) as `init` says. Random numbers come from Philox (base/rng.h)
 * with key = mix(mix(seed) ^ hash(name)), by element: they depend on the seed, the name and the
 * place, not on the order in which states are made. TN_E_INVALID names the state and what is wrong
 * with its initialiser. Any thread. */
tn_status tn_init_fill(const struct tn_init *init, uint64_t seed, const char *name, tn_tensor *out,
                       struct tn_error *err);

#endif
