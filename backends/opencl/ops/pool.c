/* Pools over windows of one or two axes, adaptive and global ones, and their gradients. */
#include <stdio.h>

#include "ops.h"

struct window {
    int64_t planes, h, w, oh, ow;
    int64_t kh, kw, sh, sw, top, left, bottom, right, dh, dw;
    bool adaptive;
};

/* One window of all cells is a window over a line, whatever the number of axes. */
static struct window adaptive_window(const tnb_tensor *x, const tnb_tensor *y)
{
    bool flat = x->rank != 4 || shape_product(y, 2, y->rank) == 1;
    struct window w = {.planes = x->dim[0] * x->dim[1],
                       .h = flat ? 1 : x->dim[2],
                       .w = flat ? shape_product(x, 2, x->rank) : x->dim[3],
                       .oh = flat ? 1 : y->dim[2],
                       .ow = flat ? shape_product(y, 2, y->rank) : y->dim[3],
                       .kh = 1,
                       .kw = 1,
                       .sh = 1,
                       .sw = 1,
                       .dh = 1,
                       .dw = 1,
                       .adaptive = true};
    return w;
}

static struct window window_of(const struct ocl_build *b, const tnb_tensor *x, const tnb_tensor *y)
{
    const tnb_node *node = b->node;
    if (strncmp(node->op, "adaptive_", 9) == 0 || strncmp(node->op, "global_", 7) == 0)
        return adaptive_window(x, y);
    bool flat = x->rank == 3;
    uint32_t at = flat ? 0 : 1, axes = at + 1; /* place of the width in the attributes */
    struct window w = {.planes = x->dim[0] * x->dim[1],
                       .h = flat ? 1 : x->dim[2],
                       .w = x->dim[axes + 1],
                       .oh = flat ? 1 : y->dim[2],
                       .ow = y->dim[axes + 1],
                       .kh = 1,
                       .sh = 1,
                       .dh = 1};
    if (!flat) {
        w.kh = tnb_attr_at(node, "kernel", 0, 1);
        w.sh = tnb_attr_at(node, "strides", 0, w.kh);
        w.dh = tnb_attr_at(node, "dilations", 0, 1);
        w.top = tnb_attr_at(node, "pads", 0, 0);
        w.bottom = tnb_attr_at(node, "pads", 2, 0);
    }
    w.kw = tnb_attr_at(node, "kernel", at, 1);
    w.sw = tnb_attr_at(node, "strides", at, w.kw);
    w.dw = tnb_attr_at(node, "dilations", at, 1);
    w.left = tnb_attr_at(node, "pads", at, 0);
    w.right = tnb_attr_at(node, "pads", axes + at, 0);
    return w;
}

static void geometry(struct ocl_build *b, const struct window *w)
{
    const int64_t args[] = {
        w->h,  w->w,  w->oh,     w->ow,    w->kh,
        w->kw, w->sh, w->sw,     w->top,   w->left,
        w->dh, w->dw, w->bottom, w->right, tnb_attr_int(b->node, "count_include_pad", 0)};
    for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
        ocl_arg_int(b, args[i]);
}

static void begin(struct ocl_build *b, const struct window *w, const char *kernel, bool planes)
{
    char name[32];
    snprintf(name, sizeof(name), "%s%s", kernel, planes ? "_planes" : "");
    ocl_kernel(b, "pool", w->adaptive ? "-DADAPTIVE" : "", name);
}

/* A GPU gives a plane to a work-group where it is one window. */
static bool by_groups(const struct ocl_build *b, const struct window *w)
{
    return ocl_is_gpu(b) && w->adaptive && w->oh * w->ow == 1 && w->h * w->w >= 64;
}
static void end_groups(struct ocl_build *b, const struct window *w)
{
    ocl_groups(b, w->planes, w->h * w->w < 512 ? 64 : 256);
}

void ocl_emit_max_pool(struct ocl_build *b)
{
    struct window w = window_of(b, ocl_in_type(b, 0), ocl_out_type(b, 0));
    int64_t n = tnb_count(ocl_out_type(b, 0));
    bool groups = by_groups(b, &w), planes = !ocl_is_gpu(b) && !w.adaptive;
    if (n == 0)
        return;
    begin(b, &w, groups ? "global_max" : "max_pool", planes);
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_f32(b, ocl_out(b, 1));
    if (groups) {
        ocl_arg_int(b, w.h * w.w);
        end_groups(b, &w);
        return;
    }
    geometry(b, &w);
    ocl_each(b, planes ? w.planes : n, 1);
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
    begin(b, &w, "max_pool_grad", !places);
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
    bool planes = !ocl_is_gpu(b) && !w->adaptive;
    if (n == 0)
        return;
    begin(b, w, kernel, planes);
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_out(b, 0));
    geometry(b, w);
    ocl_each(b, planes ? w->planes : n, 1);
}

/* x, y and one number a plane: no cells give 0 and never come here for a mean. */
static void emit_group(struct ocl_build *b, const char *kernel, const struct window *w)
{
    begin(b, w, kernel, false);
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, w->h * w->w);
    if (strstr(kernel, "lp"))
        ocl_arg_float(b, tnb_attr_float(b->node, "p", 2));
    end_groups(b, w);
}

void ocl_emit_avg_pool(struct ocl_build *b)
{
    struct window w = window_of(b, ocl_in_type(b, 0), ocl_out_type(b, 0));
    if (by_groups(b, &w) && w.planes > 0)
        emit_group(b, "global_avg", &w);
    else
        emit_avg(b, "avg_pool", &w);
}

void ocl_emit_avg_pool_grad(struct ocl_build *b)
{
    struct window w = window_of(b, ocl_out_type(b, 0), ocl_in_type(b, 0));
    emit_avg(b, "avg_pool_grad", &w);
}

void ocl_emit_lp_pool(struct ocl_build *b)
{
    struct window w = window_of(b, ocl_in_type(b, 0), ocl_out_type(b, 0));
    int64_t n = tnb_count(ocl_out_type(b, 0));
    if (n == 0)
        return;
    if (by_groups(b, &w)) {
        emit_group(b, "global_lp", &w);
        return;
    }
    begin(b, &w, "lp_pool", false);
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_out(b, 0));
    geometry(b, &w);
    ocl_arg_float(b, tnb_attr_float(b->node, "p", 2));
    ocl_each(b, n, 1);
}

/* Inputs: x, y, dy. */
void ocl_emit_lp_pool_grad(struct ocl_build *b)
{
    struct window w = window_of(b, ocl_in_type(b, 0), ocl_in_type(b, 1));
    int64_t n = tnb_count(ocl_out_type(b, 0));
    if (n == 0)
        return;
    begin(b, &w, "lp_pool_grad", false);
    for (uint32_t i = 0; i < 3; i++)
        ocl_arg_f32(b, ocl_in(b, i));
    ocl_arg_f32(b, ocl_out(b, 0));
    geometry(b, &w);
    ocl_arg_float(b, tnb_attr_float(b->node, "p", 2));
    ocl_each(b, n, 1);
}
