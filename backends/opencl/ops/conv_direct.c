#include "conv.h"

/* Padded images of one run stay about this large. */
#define RUN_BYTES (8u << 20)

static int64_t div_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

struct plan_of {
    bool rows;
    int64_t hp, wp, blocks, per_tile; /* per_tile: items of one image and tile of channels */
    double filled;                    /* share of the computed places that are kept */
};

static struct plan_of choose(const struct ocl_build *b, const struct ocl_direct_conv *d)
{
    int64_t nr = b->device->nr;
    struct plan_of p = {.hp = d->h + d->top + d->bottom, .wp = d->w + d->left + d->right};
    int64_t flat_blocks = div_up((d->oh - 1) * p.wp + d->ow, nr);
    double flat = (double)(d->oh * d->ow) / (double)(flat_blocks * nr);
    int64_t row_blocks = div_up(d->ow, nr);
    double rows = d->ow >= 16 ? (double)d->ow / (double)(row_blocks * nr) : 0;
    p.rows = rows > 0.75 * flat; /* storing whole vectors is worth a quarter */
    p.filled = p.rows ? rows : flat;
    p.blocks = p.rows ? row_blocks : flat_blocks;
    p.per_tile = p.rows ? d->oh * row_blocks : flat_blocks;
    return p;
}

bool ocl_direct_conv_suits(const struct ocl_build *b, const struct ocl_direct_conv *d)
{
    if (ocl_is_gpu(b) || d->top < 0 || d->left < 0 || d->bottom < 0 || d->right < 0)
        return false;
    struct plan_of p = choose(b, d);
    return p.filled >= 0.5;
}

static void emit_conv(struct ocl_build *b, const struct ocl_direct_conv *d, const struct plan_of *p,
                      struct ocl_ref x, int64_t first, int64_t images)
{
    static const char *const names[2][2] = {{"conv_flat", "conv_flat1"},
                                            {"conv_rows", "conv_rows1"}};
    bool single = d->og == 1;
    int64_t tiles = div_up(d->og, single ? 1 : b->device->mr);
    ocl_kernel(b, "conv_cpu", "", names[p->rows][single]);
    ocl_arg_f32(b, x);
    ocl_arg_f32(b, d->weights);
    ocl_arg_f32(b, d->bias);
    ocl_arg_f32(b, d->y);
    const int64_t args[] = {d->has_bias, d->groups, d->cg, d->og, p->hp, p->wp, d->oh,    d->ow,
                            d->kh,       d->kw,     d->dh, d->dw, first, tiles, p->blocks};
    for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
        ocl_arg_int(b, args[i]);
    ocl_each(b, images * d->groups * tiles * p->per_tile, 1);
}

static void emit_padding(struct ocl_build *b, const struct ocl_direct_conv *d,
                         const struct plan_of *p, struct ocl_ref padded, int64_t first,
                         int64_t images)
{
    int64_t channels = d->groups * d->cg;
    ocl_kernel(b, "conv_cpu", "", "pad_planes");
    ocl_arg_f32(b, d->x);
    ocl_arg_f32(b, padded);
    const int64_t args[] = {d->h, d->w, p->hp, p->wp, d->top, d->left, first * channels};
    for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
        ocl_arg_int(b, args[i]);
    ocl_each(b, images * channels, 1);
}

void ocl_emit_direct_conv(struct ocl_build *b, const struct ocl_direct_conv *d)
{
    struct plan_of p = choose(b, d);
    int64_t nr = b->device->nr, image = d->groups * d->cg * p.hp * p.wp;
    bool padded = d->top || d->left || d->bottom || d->right ||
                  (!p.rows && (d->oh - 1) * p.wp + d->ow < nr); /* wants slack behind */
    if (!padded) {
        emit_conv(b, d, &p, d->x, 0, d->n);
        return;
    }
    int64_t run = (int64_t)(RUN_BYTES / 4) / (image ? image : 1);
    run = run < 1 ? 1 : run > d->n ? d->n : run;
    struct ocl_ref x = ocl_scratch(b, (uint64_t)(run * image + 2 * nr) * 4);
    for (int64_t first = 0; first < d->n; first += run) {
        int64_t images = d->n - first < run ? d->n - first : run;
        emit_padding(b, d, &p, x, first, images);
        emit_conv(b, d, &p, x, first, images);
    }
}
