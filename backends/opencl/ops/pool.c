#include <stdio.h>

#include "ops.h"

struct window {
    int64_t planes, h, w, oh, ow;
    int64_t kh, kw, sh, sw, top, left, bottom, right, dh, dw;
};

static struct window window_of(const struct ocl_build *b, const tnb_tensor *x, const tnb_tensor *y)
{
    const tnb_node *node = b->node;
    struct window w = {.planes = x->dim[0] * x->dim[1],
                       .h = x->dim[2],
                       .w = x->dim[3],
                       .oh = y->dim[2],
                       .ow = y->dim[3]};
    w.kh = tnb_attr_at(node, "kernel", 0, 1);
    w.kw = tnb_attr_at(node, "kernel", 1, 1);
    w.sh = tnb_attr_at(node, "strides", 0, w.kh);
    w.sw = tnb_attr_at(node, "strides", 1, w.kw);
    w.top = tnb_attr_at(node, "pads", 0, 0);
    w.left = tnb_attr_at(node, "pads", 1, 0);
    w.bottom = tnb_attr_at(node, "pads", 2, 0);
    w.right = tnb_attr_at(node, "pads", 3, 0);
    w.dh = tnb_attr_at(node, "dilations", 0, 1);
    w.dw = tnb_attr_at(node, "dilations", 1, 1);
    return w;
}

static void geometry(struct ocl_build *b, const struct window *w)
{
    const int64_t args[] = {w->h,  w->w,  w->oh,  w->ow,   w->kh, w->kw,
                            w->sh, w->sw, w->top, w->left, w->dh, w->dw};
    for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
        ocl_arg_int(b, args[i]);
}

void ocl_emit_max_pool(struct ocl_build *b)
{
    struct window w = window_of(b, ocl_in_type(b, 0), ocl_out_type(b, 0));
    int64_t n = tnb_count(ocl_out_type(b, 0));
    if (n == 0)
        return;
    ocl_kernel(b, "pool", "", ocl_is_gpu(b) ? "max_pool" : "max_pool_planes");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_f32(b, ocl_out(b, 1));
    geometry(b, &w);
    ocl_each(b, ocl_is_gpu(b) ? n : w.planes, 1);
}

void ocl_emit_max_pool_grad(struct ocl_build *b)
{
    struct window w = window_of(b, ocl_out_type(b, 0), ocl_in_type(b, 0));
    int64_t n = tnb_count(ocl_out_type(b, 0));
    /* llvmpipe likes the plane form too; class=gpu asks for the GPU's, whatever the device */
    bool places = ocl_is_gpu(b) && (b->device->instance->options.device_class == OCL_CLASS_GPU ||
                                    !(b->device->desc->info.caps & TNB_CAP_EMULATED));
    if (n == 0)
        return;
    ocl_kernel(b, "pool", "", places ? "max_pool_grad" : "max_pool_grad_planes");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_in(b, 1));
    ocl_arg_f32(b, ocl_out(b, 0));
    if (places) {
        geometry(b, &w);
        ocl_each(b, n, 1);
        return;
    }
    ocl_arg_int(b, w.h * w.w);
    ocl_arg_int(b, w.oh * w.ow);
    ocl_each(b, w.planes, 1);
}

static void emit_avg(struct ocl_build *b, const char *kernel, const struct window *w)
{
    int64_t n = tnb_count(ocl_out_type(b, 0));
    char name[32];
    if (n == 0)
        return;
    snprintf(name, sizeof(name), "%s%s", kernel, ocl_is_gpu(b) ? "" : "_planes");
    ocl_kernel(b, "pool", "", name);
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_out(b, 0));
    geometry(b, w);
    ocl_arg_int(b, w->bottom);
    ocl_arg_int(b, w->right);
    ocl_arg_int(b, tnb_attr_int(b->node, "count_include_pad", 0));
    ocl_each(b, ocl_is_gpu(b) ? n : w->planes, 1);
}

void ocl_emit_avg_pool(struct ocl_build *b)
{
    struct window w = window_of(b, ocl_in_type(b, 0), ocl_out_type(b, 0));
    emit_avg(b, "avg_pool", &w);
}

void ocl_emit_avg_pool_grad(struct ocl_build *b)
{
    struct window w = window_of(b, ocl_out_type(b, 0), ocl_in_type(b, 0));
    emit_avg(b, "avg_pool_grad", &w);
}
