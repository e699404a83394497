/* Drives the cpu plugin through its table, as the core would, one operator at a time. */
#ifndef TN_TESTS_BACKENDS_CPU_RIG_H
#define TN_TESTS_BACKENDS_CPU_RIG_H

#include "tenon/backend.h"

struct cpu_rig {
    const tnb_backend *table;
    tnb_host host;
    tnb_instance *inst;
    tnb_device *device;
    tnb_queue *queue;
};

/* The plugin's table; NULL when it was not built. */
const tnb_backend *cpu_rig_table(void);
/* Opens an instance with options "key", "value", ... (NULL at the end). On failure nothing is left
 * behind. */
tnb_status cpu_rig_open(struct cpu_rig *rig, uint32_t n_threads, const char *const *options,
                        tnb_error *err);
void cpu_rig_close(struct cpu_rig *rig);

#define CPU_CALL_IN 16
#define CPU_CALL_OUT 8

struct cpu_value {
    tnb_tensor type; /* dtype 0: absent */
    void *data;      /* the caller's; read for inputs, written for outputs */
};

/* One operator application. share[k] = i + 1: output k lies in input i's memory. */
struct cpu_call {
    const char *op;
    const tnb_attr *attr;
    uint32_t n_attr, n_in, n_out;
    struct cpu_value in[CPU_CALL_IN], out[CPU_CALL_OUT];
    uint32_t share[CPU_CALL_OUT];
};

/* Asks supports, makes a plan, binds, runs it `times` times and reads the outputs. Fails with
 * TNB_E_INTERNAL when memory beyond a value or the workspace was written. */
tnb_status cpu_call_run(struct cpu_rig *rig, const struct cpu_call *call, uint32_t times,
                        tnb_support *out_support, tnb_error *err);

tnb_tensor cpu_type(uint32_t dtype, uint32_t rank, const int64_t *dim);
#define CPU_TYPE(dtype, ...)                                                    \
    cpu_type((dtype), sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), \
             (const int64_t[]){__VA_ARGS__})

#endif
