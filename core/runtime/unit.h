/* A backend in use: its table, instance and the host table that it was given. */
#ifndef TN_RUNTIME_UNIT_H
#define TN_RUNTIME_UNIT_H

#include "runtime/path_rules.h"
#include "runtime/runtime.h"

struct tn_unit_params {
    const tnb_backend *table;           /* checked: tn_abi_check */
    const struct tn_path_verdict *file; /* NULL: built in */
    const tnb_kv *opts;
    uint32_t n_opts;
};
/* Creates the backend's instance and appends the unit to runtime->units. A failure carries the
 * backend's message. The runtime's lock is held. */
tn_status tn_unit_create(tn_runtime *runtime, const struct tn_unit_params *params,
                         struct tn_backend_unit **out_unit, struct tn_error *err);
/* Destroys all instances, wrappers before what they wrap. Their devices are closed before. */
void tn_units_destroy(tn_runtime *runtime);
/* NULL when no backend of that name is loaded. */
struct tn_backend_unit *tn_unit_find(const tn_runtime *runtime, const char *name);

/* Fills unit->host: what the backend may use of us (host.c). */
void tn_host_init(struct tn_backend_unit *unit);

#endif
