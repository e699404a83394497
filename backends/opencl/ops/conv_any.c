/* Convolutions that neither tiles nor packed columns suit (conv_any.cl): over volumes, and with few
 * channels to a group. */
#include "conv.h"

struct ocl_volume ocl_volume_of(const struct ocl_build *b, const tnb_tensor *x, const tnb_tensor *w,
                                const tnb_tensor *y)
{
    struct ocl_volume v = {.n = x->dim[0],
                           .c = x->dim[1],
                           .o = y->dim[1],
                           .groups = tnb_attr_int(b->node, "groups", 1)};
    uint32_t axes = x->rank - 2;
    for (uint32_t a = 0; a < 3; a++) {
        bool missing = a + axes < 3;
        uint32_t at = missing ? 0 : a + axes - 3;
        v.in[a] = missing ? 1 : x->dim[at + 2];
        v.out[a] = missing ? 1 : y->dim[at + 2];
        v.k[a] = missing ? 1 : w->dim[at + 2];
        v.step[a] = missing ? 1 : tnb_attr_at(b->node, "strides", at, 1);
        v.dilation[a] = missing ? 1 : tnb_attr_at(b->node, "dilations", at, 1);
        v.pad[a] = missing ? 0 : tnb_attr_at(b->node, "pads", at, 0);
    }
    return v;
}

static void geometry(struct ocl_build *b, const struct ocl_volume *v)
{
    const int64_t args[] = {
        v->c,      v->in[0],  v->in[1],  v->in[2],       v->o,           v->out[0],      v->out[1],
        v->out[2], v->k[0],   v->k[1],   v->k[2],        v->step[0],     v->step[1],     v->step[2],
        v->pad[0], v->pad[1], v->pad[2], v->dilation[0], v->dilation[1], v->dilation[2], v->groups};
    for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
        ocl_arg_int(b, args[i]);
}

/* Inputs: x or dy, w, perhaps bias. */
static void emit_map(struct ocl_build *b, const struct ocl_volume *v, const char *places,
                     const char *planes, int64_t n_planes)
{
    bool gpu = ocl_is_gpu(b), has_bias = ocl_has_in(b, 2);
    ocl_kernel(b, "conv_any", "", gpu ? places : planes);
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_in(b, 1));
    ocl_arg_f32(b, has_bias ? ocl_in(b, 2) : (struct ocl_ref){0});
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, has_bias);
    geometry(b, v);
    ocl_each(b, gpu ? tnb_count(ocl_out_type(b, 0)) : n_planes, 1);
}

void ocl_emit_any_forward(struct ocl_build *b, const struct ocl_volume *v)
{
    emit_map(b, v, "conv_places", "conv_planes", v->n * v->o);
}

void ocl_emit_any_grad_input(struct ocl_build *b, const struct ocl_volume *v)
{
    emit_map(b, v, "conv_places_grad_input", "conv_planes_grad_input", v->n * v->c);
}

void ocl_emit_any_grad_weight(struct ocl_build *b, const struct ocl_volume *v)
{
    bool gpu = ocl_is_gpu(b);
    int64_t places = v->out[0] * v->out[1] * v->out[2];
    ocl_kernel(b, "conv_any", "", gpu ? "conv_places_grad_weight" : "conv_planes_grad_weight");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_in(b, 1));
    ocl_arg_f32(b, ocl_out(b, 0));
    geometry(b, v);
    ocl_arg_int(b, v->n);
    if (gpu)
        ocl_groups(b, tnb_count(ocl_out_type(b, 0)), places < 512 ? 64 : 256);
    else
        ocl_each(b, v->o * (v->c / v->groups), 1);
}

/* What the gradient of the input is where there is nothing to sum. */
void ocl_emit_spread_bias(struct ocl_build *b)
{
    const tnb_tensor *y = ocl_out_type(b, 0);
    int64_t n = tnb_count(y);
    bool has_bias = ocl_has_in(b, 2);
    ocl_kernel(b, "conv_any", "", "spread_bias");
    ocl_arg_f32(b, has_bias ? ocl_in(b, 2) : (struct ocl_ref){0});
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, has_bias);
    ocl_arg_int(b, y->dim[1]);
    ocl_arg_int(b, n / (y->dim[0] * y->dim[1]));
    ocl_each(b, n, 1);
}
