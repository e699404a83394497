/* Convolution over one or two axes, its two gradients, and the transposed one, which is the
 * gradient of the input with a bias; one axis is a height of 1. Volumes, and groups of few
 * channels, go to conv_any.c. GPU class: implicit GEMM. CPU class: columns are packed into panels
 * for a run of images at a time, then multiplied by the register-tile kernel; where the stride is
 * 1, conv_direct.c spares the packing. */
#include "conv.h"
#include "ops.h"

/* Packed columns of one run stay about this large, so that they are still in the cache. */
#define RUN_BYTES (8u << 20)

struct conv {
    int64_t n, c, h, w, o, oh, ow, kh, kw;
    int64_t sh, sw, top, left, bottom, right, dh, dw, groups;
    int64_t cg, og, taps; /* per group; kh * kw */
};

static struct conv conv_of(const struct ocl_build *b, const tnb_tensor *x, const tnb_tensor *w,
                           const tnb_tensor *y)
{
    const tnb_node *node = b->node;
    struct ocl_volume v = ocl_volume_of(b, x, w, y);
    struct conv s = {.n = v.n,
                     .c = v.c,
                     .h = v.in[1],
                     .w = v.in[2],
                     .o = v.o,
                     .oh = v.out[1],
                     .ow = v.out[2],
                     .kh = v.k[1],
                     .kw = v.k[2],
                     .sh = v.step[1],
                     .sw = v.step[2],
                     .top = v.pad[1],
                     .left = v.pad[2],
                     .dh = v.dilation[1],
                     .dw = v.dilation[2],
                     .groups = v.groups};
    bool flat = x->rank == 3;
    s.bottom = flat ? 0 : tnb_attr_at(node, "pads", 2, 0);
    s.right = tnb_attr_at(node, "pads", flat ? 1 : 3, 0);
    s.cg = s.c / s.groups;
    s.og = s.o / s.groups;
    s.taps = s.kh * s.kw;
    return s;
}

/* Tiles and packed columns take many channels of a group at once; with so few they are mostly
 * empty. `rows`: the side that a tile's rows are. */
static bool few(const struct ocl_build *b, const struct conv *s, int64_t rows)
{
    return s->groups > 1 && rows <= (ocl_is_gpu(b) ? 8 : 2);
}

static void geometry(struct ocl_build *b, const struct conv *s)
{
    const int64_t args[] = {s->c,  s->h,  s->w,   s->o,    s->oh, s->ow, s->kh,    s->kw,
                            s->sh, s->sw, s->top, s->left, s->dh, s->dw, s->groups};
    for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
        ocl_arg_int(b, args[i]);
}

static int64_t div_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t images_per_run(int64_t n, int64_t floats_per_image)
{
    int64_t images = (int64_t)(RUN_BYTES / 4) / (floats_per_image ? floats_per_image : 1);
    return images < 1 ? 1 : images > n ? n : images;
}

/* y [N, groups m, p] from a [groups][m, k] and columns that `kernel` packs from src. */
struct product {
    const char *pack;
    struct ocl_ref src, a, bias, y;
    bool has_bias;
    int64_t m, k, p, pack_rows; /* pack_rows: channels that the packing kernel walks */
};

static void emit_run(struct ocl_build *b, const struct conv *s, const struct product *q,
                     struct ocl_ref packed, int64_t first, int64_t images)
{
    int64_t panels = div_up(images * q->p, b->device->nr), tiles = div_up(q->m, b->device->mr);
    ocl_kernel(b, "gemm_cpu", "", q->pack);
    ocl_arg_f32(b, q->src);
    ocl_arg_f32(b, packed);
    geometry(b, s);
    ocl_arg_int(b, first);
    ocl_arg_int(b, images);
    ocl_arg_int(b, panels);
    ocl_each(b, s->groups * panels * q->pack_rows, 1);
    ocl_kernel(b, "gemm_cpu", "", "conv_product");
    ocl_arg_f32(b, q->a);
    ocl_arg_f32(b, packed);
    ocl_arg_f32(b, q->bias);
    ocl_arg_f32(b, q->y);
    const int64_t args[] = {q->has_bias, s->groups, q->m, q->k, q->p, first, images, tiles, panels};
    for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
        ocl_arg_int(b, args[i]);
    ocl_each(b, s->groups * panels * tiles, 1);
}

static void emit_product(struct ocl_build *b, const struct conv *s, const struct product *q)
{
    int64_t run = images_per_run(s->n, s->groups * q->k * q->p), nr = b->device->nr;
    struct ocl_ref packed =
        ocl_scratch(b, (uint64_t)(s->groups * div_up(run * q->p, nr) * nr * q->k) * 4);
    for (int64_t first = 0; first < s->n; first += run)
        emit_run(b, s, q, packed, first, s->n - first < run ? s->n - first : run);
}

static struct ocl_direct_conv direct_of(const struct conv *s)
{
    return (struct ocl_direct_conv){.n = s->n,
                                    .groups = s->groups,
                                    .cg = s->cg,
                                    .og = s->og,
                                    .h = s->h,
                                    .w = s->w,
                                    .oh = s->oh,
                                    .ow = s->ow,
                                    .kh = s->kh,
                                    .kw = s->kw,
                                    .dh = s->dh,
                                    .dw = s->dw};
}

/* true: done, by direct convolution */
static bool forward_direct(struct ocl_build *b, const struct conv *s)
{
    struct ocl_direct_conv d = direct_of(s);
    if (s->sh != 1 || s->sw != 1)
        return false;
    d.top = s->top;
    d.left = s->left;
    d.bottom = s->bottom;
    d.right = s->right;
    if (!ocl_direct_conv_suits(b, &d))
        return false;
    d.x = ocl_in(b, 0);
    d.weights = ocl_in(b, 1);
    d.bias = ocl_in(b, 2);
    d.has_bias = ocl_has_in(b, 2);
    d.y = ocl_out(b, 0);
    ocl_emit_direct_conv(b, &d);
    return true;
}

void ocl_emit_conv(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0), *w = ocl_in_type(b, 1), *y = ocl_out_type(b, 0);
    struct conv s = conv_of(b, x, w, y);
    if (tnb_count(y) == 0)
        return;
    bool has_bias = ocl_has_in(b, 2), direct = !ocl_is_gpu(b) && s.sh == 1 && s.sw == 1;
    if (x->rank == 5 || (few(b, &s, s.og) && !direct)) {
        struct ocl_volume v = ocl_volume_of(b, x, w, y);
        ocl_emit_any_forward(b, &v);
        return;
    }
    if (ocl_use_tiles(b)) {
        ocl_kernel(b, "gemm_gpu", "", "conv");
        for (uint32_t i = 0; i < 3; i++)
            ocl_arg_f32(b, ocl_in(b, i));
        ocl_arg_f32(b, ocl_out(b, 0));
        ocl_arg_int(b, has_bias);
        geometry(b, &s);
        ocl_arg_int(b, s.n);
        ocl_tiles(b, s.og, s.n * s.oh * s.ow, s.groups);
        return;
    }
    if (forward_direct(b, &s))
        return;
    struct product q = {.pack = "im2col",
                        .src = ocl_in(b, 0),
                        .a = ocl_in(b, 1),
                        .bias = ocl_in(b, 2),
                        .y = ocl_out(b, 0),
                        .has_bias = has_bias,
                        .m = s.og,
                        .k = s.cg * s.taps,
                        .p = s.oh * s.ow,
                        .pack_rows = s.cg};
    emit_product(b, &s, &q);
}

/* w [g, og, cg, taps] -> scratch [g, cg, og, taps], the taps in reverse order if `flip` */
static struct ocl_ref swap_weights(struct ocl_build *b, const struct conv *s, struct ocl_ref w,
                                   bool flip)
{
    struct ocl_ref swapped = ocl_scratch(b, (uint64_t)(s->o * s->cg * s->taps) * 4);
    struct ocl_nest nest = {.rank = 4, .n_operands = 1};
    const int64_t dim[] = {s->groups, s->cg, s->og, s->taps};
    const int64_t stride[] = {s->og * s->cg * s->taps, s->taps, s->cg * s->taps, flip ? -1 : 1};
    memcpy(nest.dim, dim, sizeof(dim));
    memcpy(nest.stride[0], stride, sizeof(stride));
    ocl_nest_merge(&nest);
    ocl_emit_gather(b, w, swapped, 4, &nest, flip ? s->taps - 1 : 0);
    return swapped;
}

/* dx is dy convolved with the flipped weights, padded so that every tap that read x is met. */
static bool grad_input_direct(struct ocl_build *b, const struct conv *s)
{
    struct ocl_direct_conv d = direct_of(s);
    if (s->sh != 1 || s->sw != 1)
        return false;
    d.cg = s->og;
    d.og = s->cg;
    d.h = s->oh;
    d.w = s->ow;
    d.oh = s->h;
    d.ow = s->w;
    d.top = s->dh * (s->kh - 1) - s->top;
    d.left = s->dw * (s->kw - 1) - s->left;
    d.bottom = s->h + s->dh * (s->kh - 1) - s->oh - d.top;
    d.right = s->w + s->dw * (s->kw - 1) - s->ow - d.left;
    if (!ocl_direct_conv_suits(b, &d))
        return false;
    d.x = ocl_in(b, 0);
    d.weights = swap_weights(b, s, ocl_in(b, 1), true);
    d.bias = ocl_in(b, 2);
    d.has_bias = ocl_has_in(b, 2);
    d.y = ocl_out(b, 0);
    ocl_emit_direct_conv(b, &d);
    return true;
}

static void grad_input_tiles(struct ocl_build *b, const struct conv *s)
{
    ocl_kernel(b, "gemm_gpu", "", "conv_grad_input");
    for (uint32_t i = 0; i < 3; i++)
        ocl_arg_f32(b, ocl_in(b, i));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, ocl_has_in(b, 2));
    geometry(b, s);
    ocl_arg_int(b, s->n);
    ocl_tiles(b, s->cg, s->n * s->h * s->w, s->groups);
}

/* Inputs: dy, w, and of a transposed convolution perhaps a bias. */
void ocl_emit_conv_grad_input(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_out_type(b, 0), *w = ocl_in_type(b, 1), *y = ocl_in_type(b, 0);
    struct conv s = conv_of(b, x, w, y);
    bool direct = !ocl_is_gpu(b) && s.sh == 1 && s.sw == 1;
    if (tnb_count(x) == 0)
        return;
    if (tnb_count(y) == 0 || tnb_count(w) == 0) {
        ocl_emit_spread_bias(b);
        return;
    }
    if (x->rank == 5 || (few(b, &s, s.cg) && !direct)) {
        struct ocl_volume v = ocl_volume_of(b, x, w, y);
        ocl_emit_any_grad_input(b, &v);
        return;
    }
    if (ocl_use_tiles(b)) {
        grad_input_tiles(b, &s);
        return;
    }
    if (grad_input_direct(b, &s))
        return;
    struct product q = {.pack = "im2col_grad",
                        .src = ocl_in(b, 0),
                        .a = swap_weights(b, &s, ocl_in(b, 1), false),
                        .bias = ocl_in(b, 2),
                        .y = ocl_out(b, 0),
                        .has_bias = ocl_has_in(b, 2),
                        .m = s.cg,
                        .k = s.og * s.taps,
                        .p = s.h * s.w,
                        .pack_rows = s.og};
    emit_product(b, &s, &q);
}

static void grad_weight_gpu(struct ocl_build *b, const struct conv *s)
{
    int64_t cols = s->cg * s->taps, depth = s->n * s->oh * s->ow;
    int64_t groups = div_up(s->og, 64) * div_up(cols, 64) * s->groups;
    int64_t splits = div_up(4 * (int64_t)b->device->desc->n_units, groups);
    splits = splits > depth / 128 ? depth / 128 : splits;
    splits = splits < 1 ? 1 : splits > 256 ? 256 : splits;
    int64_t n = s->o * cols;
    struct ocl_ref dw = ocl_out(b, 0);
    struct ocl_ref partial = splits > 1 ? ocl_scratch(b, (uint64_t)(splits * n) * 4) : dw;
    ocl_kernel(b, "gemm_gpu", "", "conv_grad_weight");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_in(b, 1));
    ocl_arg_f32(b, partial);
    geometry(b, s);
    ocl_arg_int(b, s->n);
    ocl_arg_int(b, splits);
    ocl_tiles(b, s->og, cols, s->groups * splits);
    if (splits > 1)
        ocl_emit_sum_outer(b, partial, dw, splits, n);
}

static void grad_weight_run(struct ocl_build *b, const struct conv *s, struct ocl_ref packed,
                            struct ocl_ref partial, int64_t first, int64_t images, int64_t splits)
{
    int64_t cols = s->cg * s->taps, panels = div_up(cols, 16), tiles = div_up(s->og, b->device->mr);
    ocl_kernel(b, "gemm_cpu", "", "im2row");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, packed);
    geometry(b, s);
    ocl_arg_int(b, first);
    ocl_arg_int(b, panels);
    ocl_each(b, images * s->groups * panels, 1);
    ocl_kernel(b, "gemm_cpu", "", "conv_weight_product");
    ocl_arg_f32(b, ocl_in(b, 1));
    ocl_arg_f32(b, packed);
    ocl_arg_f32(b, partial);
    const int64_t args[] = {s->groups, s->og,  cols,  s->oh * s->ow, first,
                            images,    splits, tiles, panels,        first > 0};
    for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
        ocl_arg_int(b, args[i]);
    ocl_each(b, splits * s->groups * panels * tiles, 1);
}

static void grad_weight_cpu(struct ocl_build *b, const struct conv *s)
{
    int64_t cols = s->cg * s->taps, panels = div_up(cols, 16);
    int64_t per_image = s->groups * panels * 16 * s->oh * s->ow;
    int64_t run = images_per_run(s->n, per_image), n = s->o * cols;
    int64_t units = s->groups * panels * div_up(s->og, b->device->mr);
    int64_t splits = div_up(4 * (int64_t)b->device->desc->n_units, units);
    splits = splits > run ? run : splits;
    struct ocl_ref dw = ocl_out(b, 0);
    struct ocl_ref packed = ocl_scratch(b, (uint64_t)(run * per_image) * 4);
    struct ocl_ref partial = splits > 1 ? ocl_scratch(b, (uint64_t)(splits * n) * 4) : dw;
    for (int64_t first = 0; first < s->n; first += run)
        grad_weight_run(b, s, packed, partial, first, s->n - first < run ? s->n - first : run,
                        splits);
    if (splits > 1)
        ocl_emit_sum_outer(b, partial, dw, splits, n);
}

/* Inputs: x, dy. */
void ocl_emit_conv_grad_weight(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0), *dw = ocl_out_type(b, 0), *dy = ocl_in_type(b, 1);
    struct conv s = conv_of(b, x, dw, dy);
    int64_t n = tnb_count(dw);
    if (n == 0)
        return;
    if (tnb_count(dy) == 0) {
        ocl_emit_fill(b, ocl_out(b, 0), 4, 0, n);
    } else if (x->rank == 5 || few(b, &s, s.og)) {
        struct ocl_volume v = ocl_volume_of(b, x, dw, dy);
        ocl_emit_any_grad_weight(b, &v);
    } else if (ocl_use_tiles(b)) {
        grad_weight_gpu(b, &s);
    } else {
        grad_weight_cpu(b, &s);
    }
}
