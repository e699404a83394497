/* The runtime's inside: loaded backends, their devices, and the line between tn_* and tnb_*.
 * Shared by the device front (device.c, select.c), the loader and the sessions. */
#ifndef TN_RUNTIME_RUNTIME_H
#define TN_RUNTIME_RUNTIME_H

#include <pthread.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/log.h"
#include "base/vec.h"
#include "tenon/backend.h"
#include "tenon/runtime.h"

struct tn_pool;

/* A loaded backend: a plugin, or the built-in "ref". Owned by the runtime; freed with it. */
struct tn_backend_unit {
    tn_runtime *runtime;
    /* The whole table of this header's version: slots that the plugin's smaller struct does not
     * have are NULL here, so an optional slot is tested with a plain comparison. */
    tnb_backend api;
    const tnb_backend *table; /* the plugin's own, for wrappers */
    tnb_instance *instance;   /* NULL while it is being created */
    tnb_host host;            /* ctx is this unit */
    char *name, *version;
    char *path;      /* NULL: built in */
    char *cache_dir; /* NULL: keep nothing */
    dev_t dev;
    ino_t ino;
    int is_listed; /* its devices are the runtime's; 0: opened for a wrapper alone */
    /* Backends that this one opened (a wrapper): they are destroyed after it. */
    TN_VEC(struct tn_backend_unit *) uses;
};

struct tn_device {
    struct tn_backend_unit *backend;
    struct tn_device_info info; /* strings point into `tnb` and the unit */
    tnb_device_info tnb;        /* as the backend told it; strings terminated */
    tnb_device *opened;         /* NULL until tn_device_open; guarded by the runtime's lock */
    TN_VEC(struct tn_device_fault) faults; /* strings are ours */
};

struct tn_runtime {
    struct tn_log log; /* may be handed on as it is */
    pthread_mutex_t log_lock;
    pthread_mutex_t lock; /* recursive: a wrapper opens a backend while it is created */
    uint32_t n_threads;   /* as the user asked, 0: choose */
    pthread_mutex_t pool_lock;
    struct tn_pool *pool; /* NULL until tn_runtime_pool */
    char *cache_dir;      /* base folder, NULL: keep nothing */
    char *state_file;     /* devices.json, NULL: keep nothing */
    char *only;           /* name of the backend that params->backend selected, or NULL */
    TN_VEC(struct tn_backend_unit *) units; /* in the order in which creation ended */
    TN_VEC(struct tn_backend_unit *) loading;
    TN_VEC(struct tn_device *) devices; /* best first */
    TN_VEC(struct tn_rejected) rejected;
    TN_VEC(char *) warned; /* paths that a group-writable warning was given for */
};

/* The threads that every backend and the core share, made at the first call; NULL where they cannot
 * be had: run in the caller. Any thread. */
struct tn_pool *tn_runtime_pool(tn_runtime *runtime);

/* Formats and hands on to the user's log. Any thread. */
void tn_runtime_log(tn_runtime *runtime, tn_log_level level, const char *fmt, ...) TN_PRINTF(3, 4);

/* The device of the built-in backend: always there, last in every fallback list. */
TN_TOOL tn_device *tn_runtime_ref_device(const tn_runtime *runtime);
/* The best device of the backend of that name ("cpu"), or NULL where it has none or is not loaded.
 */
tn_device *tn_runtime_backend_device(const tn_runtime *runtime, const char *backend);

/* Opens the device on first call; the same handle after that. The runtime closes it. Any thread. */
TN_TOOL tn_status tn_device_open(struct tn_device *device, tnb_device **out_device, struct tn_error *err);
static inline const tnb_backend *tn_device_api(const struct tn_device *device)
{
    return &device->backend->api;
}

/* Fresh out-parameter for a tnb call: tnb_error e = TN_TNB_ERROR; */
#define TN_TNB_ERROR                     \
    {                                    \
        .struct_size = sizeof(tnb_error) \
    }
/* Status of a tnb call as ours. On failure the message reads
 * "<backend>:<index> (<device name>): <doing>: <the backend's message>"; `doing` says what was
 * tried ("running segment 3"). `from` may be NULL. TNB_OK leaves *err untouched. */
tn_status tn_from_tnb(const struct tn_device *device, const char *doing, tnb_status status,
                      const tnb_error *from, struct tn_error *err);
/* The code alone; an unknown number is TN_E_INTERNAL. */
tn_status tn_status_from_tnb(tnb_status status);

#endif
