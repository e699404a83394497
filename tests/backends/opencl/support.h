/* Drives libtenon-backend-opencl.so through its table alone, as any host would. */
#ifndef TN_TESTS_OPENCL_SUPPORT_H
#define TN_TESTS_OPENCL_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

#include "tenon/backend.h"

/* An opened plugin, device and queue. */
struct ocl_test {
    void *library;
    const tnb_backend *table;
    tnb_host host;
    tnb_instance *instance;
    tnb_device *device;
    tnb_device_info info;
    tnb_queue *queue;
    tnb_error err;
    /* Every value in a buffer of exactly its size, for a device that checks the bounds of buffers:
     * within one large buffer it would take a value's end for the middle. */
    int own_buffers;
};

/* The plugin's table; NULL with a message on stderr. */
const tnb_backend *ocl_test_load(void **out_library);
/* Opens the first device whose name or driver holds `want`. `opts`: "KEY=VALUE", NULL-terminated.
 * 0: opened; 77: no such device (says so); 1: an error, or the device is in TENON_REQUIRE. */
int ocl_test_open(struct ocl_test *t, const char *want, const char *const *opts,
                  const char *cache_dir);
void ocl_test_close(struct ocl_test *t);

/* One operator application over host arrays. */
#define OCL_TEST_MAX 16
struct ocl_test_value {
    tnb_tensor type;
    void *data; /* host bytes, dense; read for inputs, filled for outputs */
    int absent;
    int share_in; /* outputs: 1 + the input whose memory this output shares; 0: its own */
};
struct ocl_test_node {
    const char *op;
    const tnb_attr *attr;
    uint32_t n_attr, n_in, n_out;
    struct ocl_test_value in[OCL_TEST_MAX], out[OCL_TEST_MAX];
};
/* supports, plan_create, plan_bind, run `n_runs` times, read. Inputs are written before each run.
 * Every value lies in one buffer between guard bytes, and a write outside a value fails; unless
 * t->own_buffers.
 * 0: ran; 2: refused, t->err.msg holds why; 1: failed, message on stderr. */
int ocl_test_run(struct ocl_test *t, struct ocl_test_node *node, int n_runs,
                 tnb_support *out_support);

tnb_tensor ocl_test_type(uint32_t dtype, uint32_t rank, const int64_t *dim);
int ocl_test_required(const char *what);

#endif
