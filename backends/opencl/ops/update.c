#include <math.h>

#include "ops.h"

#define LEAST 2048

static void all_in(struct ocl_build *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        ocl_arg_f32(b, ocl_in(b, i));
}

static double clip_of(const struct ocl_build *b)
{
    double clip = tnb_attr_float(b->node, "clip_value", 0);
    return clip > 0 ? clip : INFINITY;
}

/* Inputs: param, grad, velocity?, lr, grad_mul, apply. */
void ocl_emit_sgd(struct ocl_build *b)
{
    int64_t n = tnb_count(ocl_out_type(b, 0));
    if (n == 0)
        return;
    double decay = tnb_attr_float(b->node, "weight_decay", 0);
    if (ocl_has_in(b, 2)) {
        ocl_kernel(b, "update", "", "sgd");
        all_in(b, 6);
        ocl_arg_f32(b, ocl_out(b, 0));
        ocl_arg_f32(b, ocl_out(b, 1));
        ocl_arg_float(b, tnb_attr_float(b->node, "momentum", 0));
        ocl_arg_int(b, tnb_attr_int(b->node, "nesterov", 0));
    } else {
        ocl_kernel(b, "update", "", "sgd_plain");
        ocl_arg_f32(b, ocl_in(b, 0));
        ocl_arg_f32(b, ocl_in(b, 1));
        for (uint32_t i = 3; i < 6; i++)
            ocl_arg_f32(b, ocl_in(b, i));
        ocl_arg_f32(b, ocl_out(b, 0));
    }
    ocl_arg_float(b, decay);
    ocl_arg_float(b, clip_of(b));
    ocl_each(b, n, LEAST);
}

/* Inputs: param, grad, m, v, correction [2], lr, grad_mul, apply. */
void ocl_emit_adam(struct ocl_build *b)
{
    int64_t n = tnb_count(ocl_out_type(b, 0));
    if (n == 0)
        return;
    bool decoupled = strcmp(b->node->op, "adamw") == 0;
    double beta1 = tnb_attr_float(b->node, "beta1", 0.9);
    double beta2 = tnb_attr_float(b->node, "beta2", 0.999);
    double decay = tnb_attr_float(b->node, "weight_decay", decoupled ? 0.01 : 0);
    ocl_kernel(b, "update", "", "adam");
    all_in(b, 8);
    for (uint32_t i = 0; i < 3; i++)
        ocl_arg_f32(b, ocl_out(b, i));
    ocl_arg_float(b, beta1);
    ocl_arg_float(b, 1.0 - beta1);
    ocl_arg_float(b, beta2);
    ocl_arg_float(b, 1.0 - beta2);
    ocl_arg_float(b, tnb_attr_float(b->node, "epsilon", 1e-7));
    ocl_arg_float(b, decoupled ? 0 : decay);
    ocl_arg_float(b, decoupled ? decay : 0);
    ocl_arg_float(b, clip_of(b));
    ocl_each(b, n, LEAST);
}

void ocl_emit_bias_correction(struct ocl_build *b)
{
    ocl_kernel(b, "update", "", "bias_correction");
    ocl_arg_ref(b, ocl_in(b, 0), 8);
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_float(b, log(tnb_attr_float(b->node, "beta1", 0.9)));
    ocl_arg_float(b, log(tnb_attr_float(b->node, "beta2", 0.999)));
    ocl_each(b, 2, 2);
}

void ocl_emit_counter_add(struct ocl_build *b)
{
    int64_t n = tnb_count(ocl_out_type(b, 0));
    if (n == 0)
        return;
    ocl_kernel(b, "update", "", "counter_add");
    ocl_arg_ref(b, ocl_in(b, 0), 8);
    ocl_arg_f32(b, ocl_in(b, 1));
    ocl_arg_ref(b, ocl_out(b, 0), 8);
    ocl_each(b, n, LEAST);
}

void ocl_emit_ema(struct ocl_build *b)
{
    int64_t n = tnb_count(ocl_out_type(b, 0));
    if (n == 0)
        return;
    double momentum = tnb_attr_float(b->node, "momentum", 0.99);
    ocl_kernel(b, "update", "", "ema_update");
    all_in(b, 3);
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_float(b, momentum);
    ocl_arg_float(b, 1.0 - momentum);
    ocl_each(b, n, LEAST);
}

void ocl_emit_accumulate(struct ocl_build *b)
{
    int64_t n = tnb_count(ocl_out_type(b, 0));
    if (n == 0)
        return;
    ocl_kernel(b, "update", "", "accumulate");
    all_in(b, 3);
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_each(b, n, LEAST);
}
