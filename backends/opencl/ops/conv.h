#ifndef TENON_OPENCL_CONV_H
#define TENON_OPENCL_CONV_H

#include "../build.h"

/* A stride-1 convolution as conv_direct.c runs it on CPU-class devices. x [n, groups cg, h, w],
 * weights [groups og, cg, kh, kw], y [n, groups og, oh, ow]. Pads are not negative. */
struct ocl_direct_conv {
    struct ocl_ref x, weights, bias, y;
    bool has_bias;
    int64_t n, groups, cg, og, h, w, oh, ow, kh, kw, dh, dw;
    int64_t top, left, bottom, right;
};
/* Whether the tiles are filled well enough to beat packed columns. */
bool ocl_direct_conv_suits(const struct ocl_build *b, const struct ocl_direct_conv *d);
void ocl_emit_direct_conv(struct ocl_build *b, const struct ocl_direct_conv *d);

/* A convolution over three axes, missing ones of size 1: x [n, c, in], w [o, c / groups, k],
 * y [n, o, out]. */
struct ocl_volume {
    int64_t n, c, o, groups;
    int64_t in[3], out[3], k[3], step[3], dilation[3], pad[3];
};
struct ocl_volume ocl_volume_of(const struct ocl_build *b, const tnb_tensor *x, const tnb_tensor *w,
                                const tnb_tensor *y);
/* The node's inputs and output are the operator's; bias is input 2, if any. No operand is empty. */
void ocl_emit_any_forward(struct ocl_build *b, const struct ocl_volume *v);
void ocl_emit_any_grad_input(struct ocl_build *b, const struct ocl_volume *v);
void ocl_emit_any_grad_weight(struct ocl_build *b, const struct ocl_volume *v);
void ocl_emit_spread_bias(struct ocl_build *b);

#endif
