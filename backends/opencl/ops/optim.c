/* Optimizers beside sgd and adam, and the norm over many gradients. */
#include <math.h>

#include "ops.h"

#define LEAST 2048
#define GPU_PARTS 8192
#define CPU_LEAST 4096 /* elements to a partial sum */

/* A number that a kernel takes: an attribute with its default, and whether it goes in as itself,
 * followed by one minus itself. */
struct number {
    const char *attr;
    double dflt;
    bool rest_too;
};
struct optimizer {
    const char *op;
    uint32_t n_slots;
    bool corrected, decoupled; /* decoupled: always */
    struct number numbers[4];
};

#define BETA1              \
    {                      \
        "beta1", 0.9, true \
    }
#define RHO              \
    {                    \
        "rho", 0.9, true \
    }
static const struct optimizer optimizers[] = {
    {"amsgrad", 3, true, false, {BETA1, {"beta2", 0.999, true}, {"epsilon", 1e-7, false}}},
    {"nadam", 2, true, false, {BETA1, {"beta2", 0.999, true}, {"epsilon", 1e-7, false}}},
    {"rmsprop", 3, false, false, {RHO, {"epsilon", 1e-7, false}, {"momentum", 0, false}}},
    {"adagrad", 1, false, false, {{"epsilon", 1e-7, false}}},
    {"adadelta", 2, false, false, {RHO, {"epsilon", 1e-6, false}}},
    {"lion", 1, false, true, {BETA1, {"beta2", 0.99, true}}},
    {"lamb", 2, true, true, {BETA1, {"beta2", 0.999, true}, {"epsilon", 1e-6, false}}},
};

static const struct optimizer *find(const char *op)
{
    for (size_t i = 0; i < sizeof(optimizers) / sizeof(optimizers[0]); i++)
        if (strcmp(optimizers[i].op, op) == 0)
            return &optimizers[i];
    return NULL;
}

static void numbers(struct ocl_build *b, const struct optimizer *opt)
{
    for (uint32_t i = 0; i < 4 && opt->numbers[i].attr; i++) {
        double v = tnb_attr_float(b->node, opt->numbers[i].attr, opt->numbers[i].dflt);
        ocl_arg_float(b, v);
        if (opt->numbers[i].rest_too)
            ocl_arg_float(b, 1.0 - v);
    }
    double decay = tnb_attr_float(b->node, "weight_decay", 0);
    double clip = tnb_attr_float(b->node, "clip_value", 0);
    bool decoupled = opt->decoupled || tnb_attr_int(b->node, "decoupled", 0);
    ocl_arg_float(b, decoupled ? 0 : decay);
    ocl_arg_float(b, decoupled ? decay : 0);
    ocl_arg_float(b, clip > 0 ? clip : INFINITY);
}

/* Inputs: param, grad, slots, correction?, lr, grad_mul, apply. */
void ocl_emit_optimizer(struct ocl_build *b)
{
    const struct optimizer *opt = find(b->node->op);
    int64_t n = tnb_count(ocl_out_type(b, 0));
    if (n == 0)
        return;
    ocl_kernel(b, "optim", "", opt->op);
    for (uint32_t i = 0; i < b->node->n_in; i++)
        ocl_arg_f32(b, ocl_in(b, i));
    for (uint32_t i = 0; i <= opt->n_slots; i++)
        ocl_arg_f32(b, ocl_out(b, i));
    numbers(b, opt);
    if (strcmp(opt->op, "rmsprop") == 0) {
        ocl_arg_int(b, ocl_has_in(b, 3));
        ocl_arg_int(b, ocl_has_in(b, 4));
    }
    ocl_each(b, n, LEAST);
}

/* --- sums of squares: partial ones, a fixed number for each tensor, then all of them --- */

enum { PART = 3 * sizeof(float) }; /* three sums, each in a range of its own */

static int64_t n_parts(const struct ocl_build *b, int64_t n)
{
    int64_t most = ocl_is_gpu(b) ? GPU_PARTS : 16 * (int64_t)b->device->desc->n_units;
    int64_t parts = ocl_is_gpu(b) ? n : (n + CPU_LEAST - 1) / CPU_LEAST;
    return parts < most ? parts : most;
}

/* parts [n_parts, 3] = sums of squares of x [n]. */
static void emit_parts(struct ocl_build *b, struct ocl_ref x, int64_t n, struct ocl_ref parts)
{
    int64_t count = n_parts(b, n);
    ocl_kernel(b, "optim", "", "square_parts");
    ocl_arg_f32(b, x);
    ocl_arg_f32(b, parts);
    ocl_arg_int(b, n);
    ocl_each(b, count, 1);
}

/* y = the root of the sum of parts [count, 3]. */
static void emit_root(struct ocl_build *b, struct ocl_ref parts, int64_t count, struct ocl_ref y)
{
    const size_t one = 1;
    ocl_kernel(b, "optim", "", ocl_is_gpu(b) ? "root_group" : "root_item");
    ocl_arg_f32(b, parts);
    ocl_arg_f32(b, y);
    ocl_arg_int(b, count);
    if (ocl_is_gpu(b))
        ocl_groups(b, 1, 256);
    else
        ocl_range(b, 1, &one, &one);
}

void ocl_emit_global_norm(struct ocl_build *b)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < b->node->n_in; i++)
        if (ocl_has_in(b, i))
            count += n_parts(b, tnb_count(ocl_in_type(b, i)));
    struct ocl_ref parts = ocl_scratch(b, (uint64_t)(count + 1) * PART);
    int64_t at = 0;
    for (uint32_t i = 0; i < b->node->n_in; i++) {
        int64_t n = ocl_has_in(b, i) ? tnb_count(ocl_in_type(b, i)) : 0;
        if (n == 0)
            continue;
        emit_parts(b, ocl_in(b, i), n, ocl_ref_at(parts, (uint64_t)at * PART));
        at += n_parts(b, n);
    }
    emit_root(b, parts, count, ocl_out(b, 0));
}

/* The direction r, its norm and the parameter's, then the step. */
void ocl_emit_lamb(struct ocl_build *b)
{
    const struct optimizer *opt = find("lamb");
    int64_t n = tnb_count(ocl_out_type(b, 0)), count = n_parts(b, n);
    if (n == 0)
        return;
    struct ocl_ref r = ocl_scratch(b, (uint64_t)n * 4), norms = ocl_scratch(b, 8);
    struct ocl_ref parts = ocl_scratch(b, (uint64_t)count * PART);
    ocl_kernel(b, "optim", "", "lamb_direction");
    for (uint32_t i = 0; i < b->node->n_in; i++)
        ocl_arg_f32(b, ocl_in(b, i));
    for (uint32_t i = 1; i <= opt->n_slots; i++)
        ocl_arg_f32(b, ocl_out(b, i));
    ocl_arg_f32(b, r);
    numbers(b, opt);
    ocl_each(b, n, LEAST);
    emit_parts(b, ocl_in(b, 0), n, parts);
    emit_root(b, parts, count, norms);
    emit_parts(b, r, n, parts);
    emit_root(b, parts, count, ocl_ref_at(norms, 4));
    ocl_kernel(b, "optim", "", "lamb_step");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, r);
    ocl_arg_f32(b, norms);
    ocl_arg_f32(b, ocl_in(b, 5));
    ocl_arg_f32(b, ocl_in(b, 7));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_each(b, n, LEAST);
}

void ocl_emit_nadam_correction(struct ocl_build *b)
{
    ocl_kernel(b, "optim", "", "nadam_correction");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_ref(b, ocl_in(b, 1), 8);
    ocl_arg_f32(b, ocl_in(b, 2));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_f32(b, ocl_out(b, 1));
    ocl_arg_float(b, tnb_attr_float(b->node, "beta1", 0.9));
    ocl_arg_float(b, log(tnb_attr_float(b->node, "beta2", 0.999)));
    ocl_arg_float(b, tnb_attr_float(b->node, "momentum_decay", 0.004) * log(0.96));
    ocl_each(b, 1, 1);
}
