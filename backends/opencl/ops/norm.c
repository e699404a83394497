#include "ops.h"

struct channels {
    int64_t n, c, s; /* x [n, c, s] */
};

static struct channels channels_of(const tnb_tensor *x)
{
    return (struct channels){x->dim[0], x->dim[1], shape_product(x, 2, x->rank)};
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

/* Groups to a channel on a GPU: one each would leave most of it idle where channels are few. */
static int64_t splits_of(const struct ocl_build *b, const struct channels *ch)
{
    if (!ocl_is_gpu(b))
        return 1;
    int64_t want = 4 * (int64_t)b->device->desc->n_units / ch->c, most = ch->n * ch->s / 2048;
    int64_t splits = want < most ? want : most;
    return splits < 1 ? 1 : splits > 64 ? 64 : splits;
}

static void sizes(struct ocl_build *b, const struct channels *ch, int64_t splits)
{
    ocl_arg_int(b, ch->n);
    ocl_arg_int(b, ch->c);
    ocl_arg_int(b, ch->s);
    if (splits)
        ocl_arg_int(b, splits);
}

static void stats_in_parts(struct ocl_build *b, const struct channels *ch, int64_t splits,
                           struct ocl_ref low)
{
    struct ocl_ref part[3];
    for (uint32_t i = 0; i < 3; i++)
        part[i] = ocl_scratch(b, (uint64_t)(ch->c * splits) * 4);
    ocl_kernel(b, "norm", "", "sum_part");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, part[0]);
    sizes(b, ch, splits);
    ocl_groups(b, ch->c * splits, 256);
    ocl_kernel(b, "norm", "", "moments_part");
    ocl_arg_f32(b, ocl_in(b, 0));
    for (uint32_t i = 0; i < 3; i++)
        ocl_arg_f32(b, part[i]);
    sizes(b, ch, splits);
    ocl_groups(b, ch->c * splits, 256);
    ocl_kernel(b, "norm", "", "stats_end");
    for (uint32_t i = 0; i < 3; i++)
        ocl_arg_f32(b, part[i]);
    for (uint32_t i = 1; i < 4; i++)
        ocl_arg_f32(b, ocl_out(b, i));
    ocl_arg_f32(b, low);
    ocl_arg_int(b, ch->n);
    ocl_arg_int(b, ch->s);
    ocl_arg_int(b, splits);
    ocl_arg_float(b, tnb_attr_float(b->node, "epsilon", 1e-3));
    ocl_each(b, ch->c, 1);
}

static void stats(struct ocl_build *b, const struct channels *ch, struct ocl_ref low)
{
    ocl_kernel(b, "norm", "", "stats");
    ocl_arg_f32(b, ocl_in(b, 0));
    for (uint32_t i = 1; i < 4; i++)
        ocl_arg_f32(b, ocl_out(b, i));
    ocl_arg_f32(b, low);
    sizes(b, ch, 0);
    ocl_arg_float(b, tnb_attr_float(b->node, "epsilon", 1e-3));
    per_channel(b, ch);
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
    int64_t splits = splits_of(b, &ch);
    if (splits > 1)
        stats_in_parts(b, &ch, splits, low);
    else
        stats(b, &ch, low);
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

static void grad_in_parts(struct ocl_build *b, const struct channels *ch, int64_t splits)
{
    struct ocl_ref sums = ocl_scratch(b, (uint64_t)(ch->c * splits) * 4);
    struct ocl_ref dots = ocl_scratch(b, (uint64_t)(ch->c * splits) * 4);
    ocl_kernel(b, "norm", "", "grad_part");
    args_in(b, (const uint32_t[]){0, 4, 2}, 3);
    ocl_arg_f32(b, sums);
    ocl_arg_f32(b, dots);
    sizes(b, ch, splits);
    ocl_groups(b, ch->c * splits, 256);
    ocl_kernel(b, "norm", "", "grad_end");
    ocl_arg_f32(b, sums);
    ocl_arg_f32(b, dots);
    ocl_arg_f32(b, ocl_in(b, 3));
    ocl_arg_f32(b, ocl_out(b, 1));
    ocl_arg_f32(b, ocl_out(b, 2));
    ocl_arg_int(b, splits);
    ocl_each(b, ch->c, 1);
}

static void grad_stats(struct ocl_build *b, const struct channels *ch)
{
    ocl_kernel(b, "norm", "", "grad_stats");
    args_in(b, (const uint32_t[]){0, 4, 2, 3}, 4);
    ocl_arg_f32(b, ocl_out(b, 1));
    ocl_arg_f32(b, ocl_out(b, 2));
    sizes(b, ch, 0);
    per_channel(b, ch);
}

/* Inputs: x, scale, mean, inv_std, dy. Outputs: dx, dscale, dbias. */
void ocl_emit_batch_norm_grad(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    struct channels ch = channels_of(x);
    if (ch.c == 0)
        return;
    int64_t splits = splits_of(b, &ch);
    if (splits > 1)
        grad_in_parts(b, &ch, splits);
    else
        grad_stats(b, &ch);
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
