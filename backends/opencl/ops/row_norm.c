#include "ops.h"

enum { SCALE = 1, BIAS = 2, CENTRED = 4 };

/* As row_norm.cl has them. */
struct rows {
    int64_t n, m, g, k, s;
    int flags;
};

static struct rows rows_of(const struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    char kind = b->node->op[0]; /* layer, rms, group, instance */
    struct rows r = {.flags = kind == 'r' ? 0 : CENTRED};
    if (kind == 'l' || kind == 'r') {
        uint32_t axis = shape_axis(tnb_attr_int(b->node, "axis", -1), x->rank);
        r.n = shape_product(x, 0, axis);
        r.m = r.k = shape_product(x, axis, x->rank);
        r.g = r.s = 1;
    } else {
        r.g = kind == 'i' ? x->dim[1] : tnb_attr_int(b->node, "num_groups", 1);
        r.g = r.g ? r.g : 1;
        r.k = x->dim[1] / r.g;
        r.s = shape_product(x, 2, x->rank);
        r.n = x->dim[0] * r.g;
        r.m = r.k * r.s;
    }
    if (ocl_has_in(b, 1))
        r.flags |= SCALE;
    return r;
}

/* An operand that the flags say is not there still needs a buffer: x. */
static void arg_or_x(struct ocl_build *b, uint32_t i, bool there)
{
    ocl_arg_f32(b, ocl_in(b, there ? i : 0));
}

static void arg_sizes(struct ocl_build *b, const struct rows *r)
{
    ocl_arg_int(b, r->g);
    ocl_arg_int(b, r->k);
    ocl_arg_int(b, r->s);
    ocl_arg_int(b, r->flags);
}

static bool long_rows(const struct ocl_build *b, const struct rows *r)
{
    return ocl_is_gpu(b) && r->m >= 64;
}

static void each_row(struct ocl_build *b, const struct rows *r, bool group)
{
    if (group)
        ocl_groups(b, r->n, 256);
    else
        ocl_each(b, r->n, r->m >= 2048 ? 1 : 2048 / r->m);
}

/* Inputs: x, scale?, bias?. Outputs: y, mean (but for rms_norm), inv_std. */
void ocl_emit_row_norm(struct ocl_build *b)
{
    struct rows r = rows_of(b);
    if (r.n * r.m == 0)
        return;
    bool centred = r.flags & CENTRED, group = long_rows(b, &r);
    if (centred && ocl_has_in(b, 2))
        r.flags |= BIAS;
    ocl_kernel(b, "row_norm", "", group ? "forward_group" : "forward_item");
    ocl_arg_f32(b, ocl_in(b, 0));
    arg_or_x(b, 1, r.flags & SCALE);
    arg_or_x(b, 2, r.flags & BIAS);
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_f32(b, ocl_out(b, 1)); /* without a mean this is inv_rms, once more */
    ocl_arg_f32(b, ocl_out(b, centred ? 2 : 1));
    ocl_arg_int(b, r.m);
    arg_sizes(b, &r);
    ocl_arg_float(b, tnb_attr_float(b->node, "epsilon", 1e-5));
    each_row(b, &r, group);
}

static void emit_params(struct ocl_build *b, const struct rows *r, uint32_t inv, uint32_t dy)
{
    bool centred = r->flags & CENTRED, group = ocl_is_gpu(b) && r->s >= 64;
    int64_t entries = r->g * r->k, samples = r->n / r->g;
    int64_t splits = (samples + 127) / 128;
    splits = splits < 1 ? 1 : splits > 64 ? 64 : splits;
    if (entries == 0)
        return;
    struct ocl_ref dots = ocl_scratch(b, (uint64_t)(splits * entries) * 4);
    struct ocl_ref sums = ocl_scratch(b, (uint64_t)(splits * entries) * 4);
    ocl_kernel(b, "row_norm", "", group ? "params_group" : "params_part");
    ocl_arg_f32(b, ocl_in(b, 0));
    arg_or_x(b, 2, centred);
    ocl_arg_f32(b, ocl_in(b, inv));
    ocl_arg_f32(b, ocl_in(b, dy));
    ocl_arg_f32(b, dots);
    ocl_arg_f32(b, sums);
    ocl_arg_int(b, samples);
    arg_sizes(b, r);
    ocl_arg_int(b, splits);
    if (group)
        ocl_groups(b, splits * entries, 256);
    else
        ocl_each(b, splits * (ocl_is_gpu(b) ? entries : (entries + 15) / 16), 1);
    ocl_kernel(b, "row_norm", "", "params_end");
    ocl_arg_f32(b, dots);
    ocl_arg_f32(b, sums);
    ocl_arg_f32(b, ocl_out(b, 1));
    ocl_arg_f32(b, ocl_out(b, centred ? 2 : 1));
    ocl_arg_int(b, entries);
    ocl_arg_int(b, r->flags);
    ocl_arg_int(b, splits);
    ocl_each(b, entries, 256);
}

/* Inputs: x, scale?, mean (but for rms_norm), inv_std, dy. Outputs: dx, dscale, dbias. */
void ocl_emit_row_norm_grad(struct ocl_build *b)
{
    struct rows r = rows_of(b);
    bool centred = r.flags & CENTRED, group = long_rows(b, &r);
    uint32_t inv = centred ? 3 : 2, dy = inv + 1;
    if (r.n * r.m != 0) {
        ocl_kernel(b, "row_norm", "", group ? "backward_group" : "backward_item");
        ocl_arg_f32(b, ocl_in(b, 0));
        arg_or_x(b, 1, r.flags & SCALE);
        arg_or_x(b, 2, centred);
        ocl_arg_f32(b, ocl_in(b, inv));
        ocl_arg_f32(b, ocl_in(b, dy));
        ocl_arg_f32(b, ocl_out(b, 0));
        ocl_arg_int(b, r.m);
        arg_sizes(b, &r);
        each_row(b, &r, group);
    }
    emit_params(b, &r, inv, dy);
}

struct lrn {
    int64_t c, s, size;
    double factor, beta;
};

static struct lrn lrn_of(const struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    struct lrn l = {.c = x->dim[1],
                    .s = shape_product(x, 2, x->rank),
                    .size = tnb_attr_int(b->node, "size", 1)};
    l.factor = tnb_attr_float(b->node, "alpha", 1e-4) / (double)l.size;
    l.beta = tnb_attr_float(b->node, "beta", 0.75);
    return l;
}

static void arg_window(struct ocl_build *b, const struct lrn *l)
{
    ocl_arg_int(b, l->c);
    ocl_arg_int(b, l->s);
    ocl_arg_int(b, (l->size - 1) / 2);
    ocl_arg_int(b, l->size / 2);
    ocl_arg_float(b, l->factor);
    ocl_arg_float(b, l->beta);
}

void ocl_emit_lrn(struct ocl_build *b)
{
    struct lrn l = lrn_of(b);
    int64_t n = tnb_count(ocl_in_type(b, 0));
    if (n == 0)
        return;
    ocl_kernel(b, "row_norm", "", "lrn");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_f32(b, ocl_out(b, 1));
    arg_window(b, &l);
    ocl_arg_float(b, tnb_attr_float(b->node, "bias", 1.0));
    ocl_each(b, n, 256);
}

/* Inputs: x, norm, dy. */
void ocl_emit_lrn_grad(struct ocl_build *b)
{
    struct lrn l = lrn_of(b);
    int64_t n = tnb_count(ocl_in_type(b, 0));
    if (n == 0)
        return;
    struct ocl_ref share = ocl_scratch(b, (uint64_t)n * 4);
    ocl_kernel(b, "row_norm", "", "lrn_share");
    for (uint32_t i = 0; i < 3; i++)
        ocl_arg_f32(b, ocl_in(b, i));
    ocl_arg_f32(b, share);
    ocl_arg_float(b, l.beta);
    ocl_each(b, n, 256);
    ocl_kernel(b, "row_norm", "", "lrn_grad");
    for (uint32_t i = 0; i < 3; i++)
        ocl_arg_f32(b, ocl_in(b, i));
    ocl_arg_f32(b, share);
    ocl_arg_f32(b, ocl_out(b, 0));
    arg_window(b, &l);
    ocl_each(b, n, 256);
}
