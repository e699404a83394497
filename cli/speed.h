/* How fast a device is at two things: a product of matrices, and moving memory. */
#ifndef TN_CLI_SPEED_H
#define TN_CLI_SPEED_H

#include "tenon/runtime.h"

struct speed {
    int64_t size;         /* of the square matrices, f32 */
    double gemm_gflops;   /* 10^9 multiplications and additions a second */
    double bandwidth_gbs; /* 10^9 bytes read and written a second: y = a + b on large tensors */
    uint64_t bytes;       /* moved by one such sum */
};
/* Takes a second or two. */
tn_status speed_measure(tn_runtime *runtime, tn_device *device, struct speed *out_speed,
                        struct tn_error *err);

#endif
