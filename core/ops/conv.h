/* What convolutions and transposed convolutions share: they are contractions over one set of index
 * triples. */
#ifndef TN_OPS_CONV_H
#define TN_OPS_CONV_H

#include "ops/util.h"
#include "ops/window.h"

/* Attributes of a convolution over axes_ axes. */
#define TN_CONV_ATTRS(axes_, pads_doc, auto_doc)                                   \
    {.name = "strides",                                                            \
     .type = TN_ATTR_INTS,                                                         \
     .dflt = {.count = (axes_), .u.ints = tn_window_ones},                         \
     .doc = "step of the window, per axis"},                                       \
        TN_WINDOW_PADS_ATTR(axes_, pads_doc, auto_doc),                            \
        {.name = "dilations",                                                      \
         .type = TN_ATTR_INTS,                                                     \
         .dflt = {.count = (axes_), .u.ints = tn_window_ones},                     \
         .doc = "distance between the kernel's taps, per axis"},                   \
    {                                                                              \
        .name = "groups", .type = TN_ATTR_INT, .dflt = {.u.i = 1},                 \
        .doc = "groups of channels that do not mix; C for a depthwise convolution" \
    }

/* groups divides both channel counts, named as given. */
tn_status tn_conv_check_groups(const struct tn_infer *ctx, int64_t n_in, int64_t n_out,
                               const char *out_name);
/* Inputs 0 and 1: floating point, of one dtype, with axes + 2 dims. */
tn_status tn_conv_check_pair(const struct tn_infer *ctx, uint32_t axes);
/* Input 2, if present: one number for each of `n` filters. */
tn_status tn_conv_check_bias(const struct tn_infer *ctx, int64_t n);
/* The kernel's sizes from w's shape. */
tn_status tn_conv_kernel(const struct tn_infer *ctx, const struct tn_shape *w,
                         struct tn_window *window);

enum tn_conv_target { TN_CONV_Y, TN_CONV_X, TN_CONV_W };
/* Over the triples of y = conv(x, w): the target, output 0, becomes the contraction of the other
 * two. x [N, C, ..], w [O, C/groups, ..], y [N, O, ..]. */
void tn_conv_contract(const struct tn_ref *ctx, const struct tn_ref_tensor *x,
                      const struct tn_ref_tensor *w, const struct tn_ref_tensor *y,
                      enum tn_conv_target target);
/* Adds input 2, if present, to the channels of output 0. */
void tn_conv_add_bias(const struct tn_ref *ctx);
/* The gradient to input 2: dy summed over all but the channels. */
void tn_conv_bias_gradient(const struct tn_grad *ctx);

#endif
