/* The sliding window that convolution and pooling share: its attributes, their checks, and the
 * output size. All lengths are in elements of H and W. */
#ifndef TN_OPS_WINDOW_H
#define TN_OPS_WINDOW_H

#include "ops/op.h"

struct tn_window {
    int64_t height, width; /* of the input, without padding */
    int64_t kernel[2], stride[2], dilation[2];
    int64_t pad[4]; /* top, left, bottom, right */
    int ceil_mode;
    int64_t out_height, out_width;
};

/* Which attributes an operator has beside strides and pads; the others take their defaults. */
enum { TN_WINDOW_KERNEL = 1u << 0, TN_WINDOW_DILATIONS = 1u << 1, TN_WINDOW_CEIL_MODE = 1u << 2 };

/* Reads checked attributes; without `kernel` among them the caller fills it in. Sizes stay 0. */
void tn_window_read(const struct tn_attrs *attrs, unsigned has, struct tn_window *out_window);

/* Checks the number and range of every entry, then reads. */
tn_status tn_window_infer(const struct tn_infer *ctx, unsigned has, struct tn_window *out_window);

/* Needs height, width and kernel: fills out_height and out_width. TN_E_INVALID where no window
 * fits, or where a size is beyond what index arithmetic in 32 bits can hold. */
tn_status tn_window_output(const struct tn_infer *ctx, struct tn_window *window);

/* Rejects a pooling window that would hold nothing but padding: it has no maximum and no mean. */
tn_status tn_window_no_empty(const struct tn_infer *ctx, const struct tn_window *window);

/* The attribute `input_shape`: four positive dims. */
tn_status tn_window_input_shape(const struct tn_infer *ctx, struct tn_shape *out_shape);

/* Input position of tap `k` of output position `o` along an axis (0: H, 1: W); may lie outside. */
static inline int64_t tn_window_at(const struct tn_window *window, int axis, int64_t o, int64_t k)
{
    return o * window->stride[axis] - window->pad[axis] + k * window->dilation[axis];
}

/* Two of the defaults. */
extern const int64_t tn_window_ones[2];
extern const int64_t tn_window_zeros[4];

#endif
