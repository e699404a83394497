/* acme.gate: y = x / (1 + e^(-beta x)), and its gradient: what a plugin author writes for an
 * operator of his own. Shared by the plugin and by the test that adds it without one. */
#ifndef TESTS_ACME_OP_H
#define TESTS_ACME_OP_H

#include <math.h>
#include <stdio.h>

#include "tenon/backend.h"

static int64_t acme_count(const tnb_tensor *t)
{
    return tnb_count(t);
}

static int acme_is_float(const tnb_tensor *t)
{
    return t->dtype >= TNB_F32 && t->dtype <= TNB_F64;
}

static tnb_status acme_infer(void *user, const tnb_op_call *call, tnb_tensor *out, tnb_error *err)
{
    (void)user;
    if (!acme_is_float(&call->in[0])) {
        snprintf(err->msg, sizeof(err->msg), "x must be floating point");
        return err->code = TNB_E_INVALID;
    }
    out[0] = call->in[0];
    return TNB_OK;
}

static void acme_gate(void *user, const tnb_op_call *call, const void *const *in, void *const *out)
{
    (void)user;
    double beta = tnb_call_attr(call, "beta")->v.f;
    const double *x = in[0];
    double *y = out[0];
    for (int64_t i = 0; i < acme_count(&call->in[0]); i++)
        y[i] = x[i] / (1.0 + exp(-beta * x[i]));
}

/* x, y, dy -> dx = dy (s + beta y (1 - s)), s = 1 / (1 + e^(-beta x)) */
static void acme_gate_grad(void *user, const tnb_op_call *call, const void *const *in,
                           void *const *out)
{
    (void)user;
    double beta = tnb_call_attr(call, "beta")->v.f;
    const double *x = in[0], *y = in[1], *dy = in[2];
    double *dx = out[0];
    for (int64_t i = 0; i < acme_count(&call->in[0]); i++) {
        double s = 1.0 / (1.0 + exp(-beta * x[i]));
        dx[i] = dy ? dy[i] * (s + beta * y[i] * (1.0 - s)) : 0.0;
    }
}

static tnb_status acme_add(tnb_status (*add)(void *ctx, const tnb_op *op, tnb_error *err),
                           void *ctx, tnb_error *err)
{
    static const char *const in[] = {"x"}, *const out[] = {"y"};
    static const char *const grad_in[] = {"x", "y", "dy?"}, *const grad_out[] = {"dx"};
    static const tnb_attr_def attrs[] = {
        {.dflt = {.key = "beta", .type = TNB_ATTR_FLOAT, .v = {.f = 1.0}}, .doc = "steepness"}};
    const tnb_op grad = {.struct_size = sizeof(grad),
                         .version = 1,
                         .name = "acme.gate_grad",
                         .min_in = 2,
                         .max_in = 3,
                         .n_out = 1,
                         .n_attr = 1,
                         .in_names = grad_in,
                         .out_names = grad_out,
                         .attrs = attrs,
                         .infer = acme_infer,
                         .reference = acme_gate_grad};
    const tnb_op gate = {.struct_size = sizeof(gate),
                         .version = 1,
                         .name = "acme.gate",
                         .min_in = 1,
                         .max_in = 1,
                         .n_out = 1,
                         .n_attr = 1,
                         .in_names = in,
                         .out_names = out,
                         .attrs = attrs,
                         .formula = "x / (1 + e^(-beta x))",
                         .gradient = "acme.gate_grad",
                         .infer = acme_infer,
                         .reference = acme_gate};
    tnb_status st = add(ctx, &grad, err);
    return st == TNB_OK ? add(ctx, &gate, err) : st;
}

#endif
