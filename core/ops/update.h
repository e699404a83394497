/* Shape checks that optimizer and statistics updates share. */
#ifndef TN_OPS_UPDATE_H
#define TN_OPS_UPDATE_H

#include "ops/util.h"

#define TN_UPDATE_NO_GRADIENT "an update writes state; training does not differentiate through it"

/* Input a (float) and input b are of one shape and dtype. */
tn_status tn_update_alike(const struct tn_infer *ctx, uint32_t a, uint32_t b);
/* `input` is an f32 scalar. */
tn_status tn_update_scalar(const struct tn_infer *ctx, const char *const *names, uint32_t input);
/* Float attribute within [min, end). */
tn_status tn_update_range(const struct tn_infer *ctx, const char *attr, double min, double end);

#endif
