/* Finds plugins, opens them, keeps why a candidate was not taken. All with the runtime's lock held
 * (or while nobody else knows the runtime). */
#ifndef TN_RUNTIME_LOADER_H
#define TN_RUNTIME_LOADER_H

#include "runtime/runtime.h"

/* Every plugin of the search path. Those that cannot be used go to runtime->rejected. Fails only
 * when memory is out. */
tn_status tn_loader_load_all(tn_runtime *runtime, struct tn_error *err);

/* The one backend that `spec` (a name, or a path with a slash) means; failing to load it is an
 * error that says why: TN_E_NOT_FOUND, TN_E_ABI, TN_E_INVALID, or the backend's own. */
tn_status tn_loader_load_one(tn_runtime *runtime, const char *spec, const tnb_kv *opts,
                             uint32_t n_opts, struct tn_backend_unit **out_unit,
                             struct tn_error *err);

/* For wrappers: the loaded backend of that name, loading it without options if need be. */
tn_status tn_loader_open(tn_runtime *runtime, const char *name, struct tn_backend_unit **out_unit,
                         struct tn_error *err);

/* Notes a candidate that was not taken. */
tn_status tn_loader_reject(tn_runtime *runtime, const char *path, const char *reason);

/* 1 for the name of a loaded backend, or of a file of the search path. */
int tn_loader_is_known(const tn_runtime *runtime, const char *name);

/* "; known are: ref, cpu, opencl; did you mean 'cpu'?" for a name that is no backend's: loaded ones
 * and the files of the search path. Returns buf. */
char *tn_loader_known_names(const tn_runtime *runtime, const char *word, char *buf, size_t size);

#endif
