/* Tables of the suites that are not about one operator, and helpers that they share. */
#ifndef TN_CONFORMANCE_SUITES_H
#define TN_CONFORMANCE_SUITES_H

#include "checks.h"

extern const struct cf_check cf_abi_checks[], cf_memory_checks[], cf_ordering_checks[],
    cf_trajectory_checks[], cf_random_checks[], cf_threads_checks[], cf_claims_checks[];
extern const size_t cf_n_abi_checks, cf_n_memory_checks, cf_n_ordering_checks,
    cf_n_trajectory_checks, cf_n_random_checks, cf_n_threads_checks, cf_n_claims_checks;

/* A call after another: after the first failure nothing is called any more. */
struct cf_calls {
    struct cf_device *dev;
    struct cf_result *result;
    tnb_error err;
    int failed;
};
static inline struct cf_calls cf_calls_begin(struct cf_device *dev, struct cf_result *result)
{
    return (struct cf_calls){.dev = dev, .result = result, .err = TN_TNB_ERROR};
}
/* 1 while everything went well. */
int cf_did(struct cf_calls *c, const char *doing, tnb_status status);
/* Notes a failure of ours unless `holds`. */
int cf_expect(struct cf_calls *c, int holds, const char *what);

/* Buffers and queues of a check. */
tnb_buffer *cf_alloc(struct cf_calls *c, uint64_t size, uint32_t kind);
void cf_free(struct cf_calls *c, tnb_buffer *buffer);

/* Bytes that depend on seed and place. */
void cf_pattern(uint8_t *bytes, size_t n, uint32_t seed);

#endif
