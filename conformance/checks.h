/* What the suites share: a device at the level of the backend's table, and checks on it. */
#ifndef TN_CONFORMANCE_CHECKS_H
#define TN_CONFORMANCE_CHECKS_H

#include "conformance.h"
#include "runtime/runtime.h"

/* An opened device and what running a case needs again and again. */
struct cf_device {
    tn_runtime *runtime;
    tn_device *device;
    const tnb_backend *api;
    tnb_device *handle;
    tnb_queue *queue;
    tnb_buffer *buffer; /* grows */
    uint64_t buffer_bytes, align, dtype_mask;
    uint8_t *image; /* the host's copy of the buffer */
    uint64_t image_bytes;
    int is_lost;
};
tn_status cf_device_open(tn_runtime *runtime, tn_device *device, struct cf_device *out_device,
                         struct tn_error *err);
void cf_device_close(struct cf_device *dev);
/* Room for n bytes in the buffer and in the image. TNB_E_OOM. */
tnb_status cf_device_reserve(struct cf_device *dev, uint64_t n_bytes, tnb_error *err);

/* Sets the verdict and its reason; returns the verdict. */
enum cf_verdict cf_fail(struct cf_result *result, const char *fmt, ...) TN_PRINTF(2, 3);
enum cf_verdict cf_set(struct cf_result *result, enum cf_verdict verdict, const char *fmt, ...)
    TN_PRINTF(3, 4);
/* The same for a failed call of the backend; notes a device that is lost. */
enum cf_verdict cf_fail_tnb(struct cf_device *dev, struct cf_result *result, const char *doing,
                            tnb_status status, const tnb_error *err);

/* A check that is not about one operator. */
struct cf_check {
    const char *name;
    enum cf_verdict (*run)(struct cf_device *dev, struct cf_result *result);
    int is_slow; /* left out of quick runs */
};
/* NULL and 0 for a suite of operators. */
const struct cf_check *cf_checks_of(enum cf_suite suite, size_t *out_n);

/* A case of an operator: forward, backward or to be refused. */
enum cf_verdict cf_run_case(struct cf_device *dev, const struct cf_item *item,
                            struct cf_result *result);

#endif
