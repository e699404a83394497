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

#endif
