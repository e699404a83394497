#include "ops.h"

struct channels {
    int64_t n, c, s; /* x [n, c, s] */
};

static struct channels channels_of(const tnb_tensor *x)
{
    struct channels ch = {x->dim[0], x->dim[1], 1};
    for (uint32_t i = 2; i < x->rank; i++)
        ch.s *= x->dim[i];
    return ch;
}

static void args_in(struct ocl_build *b, const uint32_t *which, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        ocl_arg_f32(b, ocl_in(b, which[i]));
}

static void per_channel(struct ocl_build *b, const struct channels *ch)
{
    if (ocl_is_gpu(b))
        ocl_groups(b, ch->c, 256);
    else
        ocl_each(b, ch->c, 1);
}

static bool long_rows(const struct ocl_build *b, const struct channels *ch)
{
    return !ocl_is_gpu(b) && ch->s >= 16;
}

static void each_element(struct ocl_build *b, const struct channels *ch, bool rows)
{
    if (rows)
        ocl_each(b, ch->n * ch->c, ch->s >= 2048 ? 1 : 2048 / ch->s);
    else
        ocl_each(b, ch->n * ch->c * ch->s, 2048);
}

void ocl_emit_batch_norm(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    struct channels ch = channels_of(x);
    if (ch.c == 0)
        return;
    struct ocl_ref low = ocl_scratch(b, (uint64_t)ch.c * 4);
    ocl_kernel(b, "norm", "", "stats");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_out(b, 1));
    ocl_arg_f32(b, ocl_out(b, 2));
    ocl_arg_f32(b, ocl_out(b, 3));
    ocl_arg_f32(b, low);
    ocl_arg_int(b, ch.n);
    ocl_arg_int(b, ch.c);
    ocl_arg_int(b, ch.s);
    ocl_arg_float(b, tnb_attr_float(b->node, "epsilon", 1e-3));
    per_channel(b, &ch);
    if (tnb_count(x) == 0)
        return;
    bool rows = long_rows(b, &ch);
    ocl_kernel(b, "norm", "", rows ? "apply_rows" : "apply");
    args_in(b, (const uint32_t[]){0, 1, 2}, 3);
    ocl_arg_f32(b, ocl_out(b, 1));
    ocl_arg_f32(b, ocl_out(b, 2));
    ocl_arg_f32(b, low);
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, ch.c);
    ocl_arg_int(b, ch.s);
    each_element(b, &ch, rows);
}

/* Inputs: x, scale, mean, inv_std, dy. Outputs: dx, dscale, dbias. */
void ocl_emit_batch_norm_grad(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    struct channels ch = channels_of(x);
    if (ch.c == 0)
        return;
    ocl_kernel(b, "norm", "", "grad_stats");
    args_in(b, (const uint32_t[]){0, 4, 2, 3}, 4);
    ocl_arg_f32(b, ocl_out(b, 1));
    ocl_arg_f32(b, ocl_out(b, 2));
    ocl_arg_int(b, ch.n);
    ocl_arg_int(b, ch.c);
    ocl_arg_int(b, ch.s);
    per_channel(b, &ch);
    if (tnb_count(x) == 0)
        return;
    bool rows = long_rows(b, &ch);
    ocl_kernel(b, "norm", "", rows ? "grad_apply_rows" : "grad_apply");
    args_in(b, (const uint32_t[]){0, 4, 1, 2, 3}, 5);
    ocl_arg_f32(b, ocl_out(b, 1));
    ocl_arg_f32(b, ocl_out(b, 2));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, ch.c);
    ocl_arg_int(b, ch.s);
    ocl_arg_float(b, (double)(ch.n * ch.s));
    each_element(b, &ch, rows);
}

void ocl_emit_batch_norm_inference(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    struct channels ch = channels_of(x);
    if (tnb_count(x) == 0)
        return;
    bool rows = long_rows(b, &ch);
    ocl_kernel(b, "norm", "", rows ? "inference_rows" : "inference");
    args_in(b, (const uint32_t[]){0, 1, 2, 3, 4}, 5);
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, ch.c);
    ocl_arg_int(b, ch.s);
    ocl_arg_float(b, tnb_attr_float(b->node, "epsilon", 1e-3));
    each_element(b, &ch, rows);
}
