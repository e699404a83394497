/* SPDX-License-Identifier: MIT
 *
 * Activation functions, and their gradients, which pair a value with its dy. An exponential is
 * worked out once for each element. */
#include "binary.h"

CPU_UNARY(sigmoid, cpu_sigmoidf(x), 1 / (1 + exp(-x)))
CPU_UNARY(relu, x < 0 ? 0 : x, x < 0 ? 0 : x)
CPU_UNARY_ROW(relu_i32, int32_t, int32_t, x < 0 ? 0 : x)
CPU_UNARY_ROW(relu_i64, int64_t, int64_t, x < 0 ? 0 : x)
CPU_UNARY(relu6, x<0 ? 0 : x> 6 ? 6 : x, x<0 ? 0 : x> 6 ? 6 : x)
CPU_UNARY(leaky_relu, x > 0 ? x : p * x, x > 0 ? x : p * x)
CPU_UNARY(elu, x > 0 ? x : p * cpu_expm1f(x), x > 0 ? x : p * expm1(x))
CPU_UNARY(celu, x > 0 ? x : p * cpu_expm1f(x / p), x > 0 ? x : p * expm1(x / p))
CPU_UNARY(selu, q *(x > 0 ? x : p * cpu_expm1f(x)), q *(x > 0 ? x : p * expm1(x)))
CPU_UNARY(silu, x *cpu_sigmoidf(x), x / (1 + exp(-x)))
CPU_UNARY(softplus, cpu_softplusf(x), (x > 0 ? x : 0) + log1p(exp(-fabs(x))))
CPU_UNARY(softsign, x / (1 + cpu_absf(x)), x / (1 + fabs(x)))
CPU_UNARY(mish, x *cpu_mish_factorf(x, cpu_expf(x)),
          x *tanh((x > 0 ? x : 0) + log1p(exp(-fabs(x)))))
CPU_UNARY(gelu, x *cpu_normal_cdff(x, cpu_expf(-0.5f * x * x)),
          x * 0.5 * erfc(-x * 0.70710678118654752440))
/* 1 + tanh(u) is twice the sigmoid of 2u; 2 sqrt(2/pi) and that times 0.044715 */
#define TANH_ARG(x) (1.5957691216057308f * x + 0.071354816272600245f * x * x * x)
#define TANH_ARG64(x) (1.5957691216057307118 * x + 0.071354816272600247278 * x * x * x)
CPU_UNARY(gelu_tanh, x *cpu_sigmoidf(TANH_ARG(x)), x / (1 + exp(-TANH_ARG64(x))))
#define CLAMPED(v) ((v) < 0 ? 0 : (v) > 1 ? 1 : (v))
CPU_UNARY(hard_sigmoid, CLAMPED(p *x + q), CLAMPED(p *x + q))
CPU_UNARY(hard_swish, x *CLAMPED((x + 3) * (1.0f / 6)), x *CLAMPED(x / 6 + 0.5))

#define ROWS(op) op##_f32, op##_f64
#define LINEAR .grain = CPU_GRAIN
#define CURVED .grain = CPU_GRAIN / 2
#define HARD .grain = CPU_GRAIN / 4
#define ALPHA(v) .params = {.p = "alpha", .p_default = v}
#define SELU .params = {"alpha", 1.6732632423543772, "gamma", 1.0507009873554805}
#define HARD_SIGMOID .params = {"alpha", 0.2, "beta", 0.5}

const struct cpu_unary_entry CPU_SYM(cpu_activation_rows)[] = {
    {"sigmoid", {ROWS(sigmoid)}, CURVED},
    {"relu", {ROWS(relu), relu_i32, relu_i64}, LINEAR},
    {"relu6", {ROWS(relu6)}, LINEAR},
    {"leaky_relu", {ROWS(leaky_relu)}, LINEAR, ALPHA(0.01)},
    {"elu", {ROWS(elu)}, CURVED, ALPHA(1.0)},
    {"celu", {ROWS(celu)}, CURVED, ALPHA(1.0)},
    {"selu", {ROWS(selu)}, CURVED, SELU},
    {"silu", {ROWS(silu)}, CURVED},
    {"softplus", {ROWS(softplus)}, HARD},
    {"softsign", {ROWS(softsign)}, LINEAR},
    {"mish", {ROWS(mish)}, CURVED},
    {"gelu", {ROWS(gelu)}, HARD},
    {"gelu_tanh", {ROWS(gelu_tanh)}, CURVED},
    {"hard_sigmoid", {ROWS(hard_sigmoid)}, LINEAR, HARD_SIGMOID},
    {"hard_swish", {ROWS(hard_swish)}, LINEAR},
    {.name = NULL},
};

/* --- gradients: x is the value (for relu, sigmoid, tanh the output), y its dy --- */

CPU_BINARY(relu_grad, x > 0 ? y : 0, x > 0 ? y : 0)
CPU_BINARY(sigmoid_grad, y *x *(1 - x), y *x *(1 - x))
CPU_BINARY(tanh_grad, y *(1 - x * x), y *(1 - x * x))
CPU_BINARY(relu6_grad, x > 0 && x < 6 ? y : 0, x > 0 && x < 6 ? y : 0)
CPU_BINARY(leaky_relu_grad, x > 0 ? y : p * y, x > 0 ? y : p * y)
CPU_BINARY(prelu, x > 0 ? x : y * x, x > 0 ? x : y * x)
CPU_BINARY(elu_grad, x > 0 ? y : p * cpu_expf(x) * y, x > 0 ? y : p * exp(x) * y)
CPU_BINARY(celu_grad, x > 0 ? y : cpu_expf(x / p) * y, x > 0 ? y : exp(x / p) * y)
CPU_BINARY(selu_grad, q *(x > 0 ? y : p * cpu_expf(x) * y), q *(x > 0 ? y : p * exp(x) * y))
CPU_BINARY(hard_sigmoid_grad, p *x + q > 0 && p * x + q < 1 ? p * y : 0,
           p *x + q > 0 && p * x + q < 1 ? p * y : 0)
CPU_BINARY(hard_swish_grad,
           x < -3  ? 0
           : x < 3 ? y * (x * (1.0f / 3) + 0.5f)
                   : y,
           x < -3  ? 0
           : x < 3 ? y * (x / 3 + 0.5)
                   : y)
CPU_BINARY(clip_grad, x >= p && x <= q ? y : 0, x >= p && x <= q ? y : 0)

#define SLOPE(T, name, SIGMOID)       \
    CPU_INLINE T name(T x)            \
    {                                 \
        const T s = SIGMOID;          \
        return s * (1 + x * (1 - s)); \
    }
SLOPE(float, silu_slope, cpu_sigmoidf(x))
SLOPE(double, silu_slope64, 1 / (1 + exp(-x)))
CPU_BINARY(silu_grad, y *silu_slope(x), y *silu_slope64(x))

/* With e = e^x and m = e (e + 2): (1 - tanh^2) sigmoid = 4 e (e + 1) / (m + 2)^2, nothing from 20.
 */
CPU_INLINE float mish_slope(float x)
{
    float e = cpu_expf(x), r = 1.0f / (e * (e + 2.0f) + 2.0f);
    float rest = x > 20.0f ? 0.0f : 4.0f * e * (e + 1.0f) * r * r;
    return cpu_mish_factorf(x, e) + x * rest;
}
CPU_INLINE double mish_slope64(double x)
{
    double s = 1 / (1 + exp(-x)), t = tanh((x > 0 ? x : 0) + log1p(exp(-fabs(x))));
    return t + x * (s * (1 - t * t));
}
CPU_BINARY(mish_grad, y *mish_slope(x), y *mish_slope64(x))

CPU_INLINE float gelu_slope(float x)
{
    float e = cpu_expf(-0.5f * x * x);
    return cpu_normal_cdff(x, e) + x * 0.39894228040143268f * e;
}
CPU_INLINE double gelu_slope64(double x)
{
    return 0.5 * erfc(-x * 0.70710678118654752440) + x * 0.39894228040143267794 * exp(-0.5 * x * x);
}
CPU_BINARY(gelu_grad, y *gelu_slope(x), y *gelu_slope64(x))

/* Far out s (1 - s) is 0 and the slope of the argument may be infinite: their product is 0. */
CPU_INLINE float gelu_tanh_slope(float x)
{
    float s = cpu_sigmoidf(TANH_ARG(x));
    float bend = s * (1.0f - s) * (1.5957691216057308f + 0.21406444881780074f * x * x);
    return s + x * (cpu_absf(x) > 10.0f ? 0.0f : bend);
}
CPU_INLINE double gelu_tanh_slope64(double x)
{
    double s = 1 / (1 + exp(-TANH_ARG64(x)));
    double bend = s * (1 - s) * (1.5957691216057307118 + 0.21406444881780074183 * x * x);
    return s + x * (fabs(x) > 30 ? 0 : bend);
}
CPU_BINARY(gelu_tanh_grad, y *gelu_tanh_slope(x), y *gelu_tanh_slope64(x))

const struct cpu_binary_entry CPU_SYM(cpu_activation_pairs)[] = {
    {"relu_grad", {ROWS(relu_grad)}, LINEAR},
    {"sigmoid_grad", {ROWS(sigmoid_grad)}, LINEAR},
    {"tanh_grad", {ROWS(tanh_grad)}, LINEAR},
    {"relu6_grad", {ROWS(relu6_grad)}, LINEAR},
    {"leaky_relu_grad", {ROWS(leaky_relu_grad)}, LINEAR, ALPHA(0.01)},
    {"prelu", {ROWS(prelu)}, LINEAR},
    {"elu_grad", {ROWS(elu_grad)}, CURVED, ALPHA(1.0)},
    {"celu_grad", {ROWS(celu_grad)}, CURVED, ALPHA(1.0)},
    {"selu_grad", {ROWS(selu_grad)}, CURVED, SELU},
    {"gelu_grad", {ROWS(gelu_grad)}, HARD},
    {"gelu_grad_tanh", {ROWS(gelu_tanh_grad)}, HARD},
    {"silu_grad", {ROWS(silu_grad)}, CURVED},
    {"mish_grad", {ROWS(mish_grad)}, HARD},
    {"hard_sigmoid_grad", {ROWS(hard_sigmoid_grad)}, LINEAR, HARD_SIGMOID},
    {"hard_swish_grad", {ROWS(hard_swish_grad)}, LINEAR},
    {"clip_grad", {ROWS(clip_grad)}, LINEAR, .params = {"min", -INFINITY, "max", INFINITY}},
    {.name = NULL},
};

const struct cpu_op CPU_SYM(cpu_activation)[] = {
    CPU_UNARY_OP("sigmoid"),
    CPU_UNARY_OP("relu"),
    CPU_UNARY_OP("relu6"),
    CPU_UNARY_OP("leaky_relu"),
    CPU_UNARY_OP("elu"),
    CPU_UNARY_OP("celu"),
    CPU_UNARY_OP("selu"),
    CPU_UNARY_OP("silu"),
    CPU_UNARY_OP("softplus"),
    CPU_UNARY_OP("softsign"),
    CPU_UNARY_OP("mish"),
    CPU_UNARY_OP("gelu"),
    CPU_UNARY_OP("hard_sigmoid"),
    CPU_UNARY_OP("hard_swish"),
    CPU_BINARY_OP("prelu"),
    CPU_BINARY_OP("relu_grad"),
    CPU_BINARY_OP("sigmoid_grad"),
    CPU_BINARY_OP("tanh_grad"),
    CPU_BINARY_OP("relu6_grad"),
    CPU_BINARY_OP("leaky_relu_grad"),
    CPU_BINARY_OP("elu_grad"),
    CPU_BINARY_OP("celu_grad"),
    CPU_BINARY_OP("selu_grad"),
    CPU_BINARY_OP("gelu_grad"),
    CPU_BINARY_OP("silu_grad"),
    CPU_BINARY_OP("mish_grad"),
    CPU_BINARY_OP("hard_sigmoid_grad"),
    CPU_BINARY_OP("hard_swish_grad"),
    CPU_BINARY_OP("clip_grad"),
    {.name = NULL},
};
