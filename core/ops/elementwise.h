/* What the files of the elementwise operators share: a reference from a function of one number, and
 * the constant part of a schema. */
#ifndef TN_OPS_ELEMENTWISE_H
#define TN_OPS_ELEMENTWISE_H

#include "ops/util.h"

/* y[i] = f(x[i]), floating point. */
void tn_ops_map(const struct tn_ref *ctx, double (*f)(double x));
/* dx[i] = f(x[i], dy[i]), floating point. */
void tn_ops_map_grad(const struct tn_ref *ctx, double (*f)(double x, double dy));
#define TN_OPS_MAP(op, f)                                \
    static void op##_reference(const struct tn_ref *ctx) \
    {                                                    \
        tn_ops_map(ctx, f);                              \
    }
#define TN_OPS_MAP_GRAD(op, f)                           \
    static void op##_reference(const struct tn_ref *ctx) \
    {                                                    \
        tn_ops_map_grad(ctx, f);                         \
    }

/* A gradient that is zero almost everywhere: nothing is sent, which stands for zero. */
tn_status tn_ops_zero_gradient(const struct tn_grad *ctx);
/* A node op(x) or op(a, b) of the backward graph without attributes. */
tn_value tn_ops_emit1(const struct tn_grad *ctx, const char *op, tn_value x);
tn_value tn_ops_emit2(const struct tn_grad *ctx, const char *op, tn_value a, tn_value b);

#define TN_OPS_LIKE_X "x: float, any shape; y: like x"
#define TN_OPS_UNARY_OF(op_name, text, rule, types)                                 \
    .name = op_name, .version = 1, .min_in = 1, .max_in = 1, .n_out = 1,            \
    .flags = TN_OP_ELEMENTWISE, .in_names = tn_ops_in_x, .out_names = tn_ops_out_y, \
    .formula = text, .infer = rule, .shapes = types
#define TN_OPS_UNARY(op_name, text) TN_OPS_UNARY_OF(op_name, text, tn_ops_infer_same, TN_OPS_LIKE_X)

/* Attributes of the activations, which their gradients share. */
extern const struct tn_attr_schema tn_ops_leaky_relu_attrs[1], tn_ops_elu_attrs[1],
    tn_ops_celu_attrs[1], tn_ops_selu_attrs[2], tn_ops_hard_sigmoid_attrs[2], tn_ops_gelu_attrs[1],
    tn_ops_clip_attrs[2];
/* The attribute approximate of gelu is "none" or "tanh". */
tn_status tn_ops_infer_gelu(struct tn_infer *ctx, uint32_t n_inputs);
int tn_ops_gelu_is_tanh(const struct tn_attrs *attrs);

#endif
