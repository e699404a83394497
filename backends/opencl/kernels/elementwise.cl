/* Elementwise operators for one element type: -DT=float (with -DT_FLOAT), int, long (both with
 * -DT_SIGNED) or uchar (these three with -DU, the type without sign). For float a program holds one group, so that a plan builds what it uses:
 * -DBASIC, MATH, ACTIVATION or PAIRS. An output may be the same memory as an input: each item reads
 * its own elements only. p and q are the operator's parameters. */

/* x [n] -> y [n] */
#define UNARY_TO(name, TY, P, expr)                                                                \
    __kernel void name(IN(T, x), OUT(TY, y), const P p, const P q, const int n, const int chunk)   \
    {                                                                                              \
        __global const T *px = PTR(x);                                                             \
        __global TY *py = PTR(y);                                                                  \
        INDEPENDENT                                                                                \
        EACH(i, n, chunk) {                                                                        \
            const T a = px[i];                                                                     \
            py[i] = (TY)(expr);                                                                    \
        }                                                                                          \
    }
#define UNARY(name, expr) UNARY_TO(name, T, float, expr)

/* _flat: a [n] or one value (step 0), b likewise -> y [n].
 * _rows: any broadcast. y is [rows, inner]; the table gives the offsets of a row's begin in a, b;
 * along a row a and b advance by 0 or 1. Gradients have operands of one shape and need no _rows. */
#ifdef CPU_CLASS
#define PAIR_ROWS_BODY(name, TY, expr)                                                             \
    EACH(row, n, chunk) {                                                                          \
        __global const T *pa = PTR(a) + table_offset(PTR(table), 0, row);                          \
        __global const T *pb = PTR(b) + table_offset(PTR(table), 1, row);                          \
        __global TY *py = PTR(y) + (long)row * inner;                                              \
        const T a0 = pa[0], b0 = pb[0];                                                            \
        for (int i = 0; i < inner; i++) {                                                          \
            const T a = a_step ? pa[i] : a0, b = b_step ? pb[i] : b0;                              \
            py[i] = (TY)(expr);                                                                    \
        }                                                                                          \
    }
#else
#define PAIR_ROWS_BODY(name, TY, expr)                                                             \
    EACH(i, n, chunk) {                                                                            \
        const int row = i / inner, at = i - row * inner;                                           \
        const T a = PTR(a)[table_offset(PTR(table), 0, row) + at * a_step];                        \
        const T b = PTR(b)[table_offset(PTR(table), 1, row) + at * b_step];                        \
        PTR(y)[i] = (TY)(expr);                                                                    \
    }
#endif
#define PAIR_FLAT(name, TY, expr)                                                                  \
    __kernel void name##_flat(IN(T, a), IN(T, b), OUT(TY, y), const float p, const float q,        \
                              const int a_step, const int b_step, const int n, const int chunk)    \
    {                                                                                              \
        EACH(i, n, chunk) {                                                                        \
            const T a = PTR(a)[i * a_step], b = PTR(b)[i * b_step];                                \
            PTR(y)[i] = (TY)(expr);                                                                \
        }                                                                                          \
    }
#define PAIR_ROWS(name, TY, expr)                                                                  \
    __kernel void name##_rows(IN(T, a), IN(T, b), OUT(TY, y), const float p, const float q,        \
                              IN(int, table), const int inner, const int a_step,                   \
                              const int b_step, const int n, const int chunk)                      \
    {                                                                                              \
        PAIR_ROWS_BODY(name, TY, expr)                                                             \
    }
#define PAIR(name, TY, expr)                                                                       \
    PAIR_FLAT(name, TY, expr)                                                                      \
    PAIR_ROWS(name, TY, expr)

/* The same with a loop, and a copy of the expression, for each way that a and b step. PAIR is for
 * the expressions that take long to build. */
#ifdef CPU_CLASS
#define BINARY_LOOP(TY, n, AI, BI, expr)                                                           \
    {                                                                                              \
        INDEPENDENT                                                                                \
        for (int i = lo; i < (n); i++) {                                                           \
            const T a = AI, b = BI;                                                                \
            py[i] = (TY)(expr);                                                                    \
        }                                                                                          \
    }
#define BINARY_FLAT(name, TY, expr)                                                                \
    __kernel void name##_flat(IN(T, a), IN(T, b), OUT(TY, y), const float p, const float q,        \
                              const int a_step, const int b_step, const int n, const int chunk)    \
    {                                                                                              \
        __global const T *pa = PTR(a), *pb = PTR(b);                                               \
        __global TY *py = PTR(y);                                                                  \
        const int lo = (int)(get_global_id(0) * (ulong)chunk), hi = EACH_END(n, chunk);            \
        if (lo >= hi)                                                                              \
            return;                                                                                \
        const T a0 = pa[0], b0 = pb[0];                                                            \
        if (a_step && b_step)                                                                      \
            BINARY_LOOP(TY, hi, pa[i], pb[i], expr)                                                \
        else if (a_step)                                                                           \
            BINARY_LOOP(TY, hi, pa[i], b0, expr)                                                   \
        else                                                                                       \
            BINARY_LOOP(TY, hi, a0, pb[i], expr)                                                   \
    }
#define BINARY_ROWS(name, TY, expr)                                                                \
    __kernel void name##_rows(IN(T, a), IN(T, b), OUT(TY, y), const float p, const float q,        \
                              IN(int, table), const int inner, const int a_step,                   \
                              const int b_step, const int n, const int chunk)                      \
    {                                                                                              \
        const int lo = 0;                                                                          \
        EACH(row, n, chunk) {                                                                      \
            __global const T *pa = PTR(a) + table_offset(PTR(table), 0, row);                      \
            __global const T *pb = PTR(b) + table_offset(PTR(table), 1, row);                      \
            __global TY *py = PTR(y) + (long)row * inner;                                          \
            const T a0 = pa[0], b0 = pb[0];                                                        \
            if (a_step && b_step)                                                                  \
                BINARY_LOOP(TY, inner, pa[i], pb[i], expr)                                         \
            else if (a_step)                                                                       \
                BINARY_LOOP(TY, inner, pa[i], b0, expr)                                            \
            else if (b_step)                                                                       \
                BINARY_LOOP(TY, inner, a0, pb[i], expr)                                            \
            else                                                                                   \
                BINARY_LOOP(TY, inner, a0, b0, expr)                                               \
        }                                                                                          \
    }
#else
#define BINARY_FLAT PAIR_FLAT
#define BINARY_ROWS PAIR_ROWS
#endif
#define BINARY(name, TY, expr)                                                                     \
    BINARY_FLAT(name, TY, expr)                                                                    \
    BINARY_ROWS(name, TY, expr)

#ifdef BASIC
UNARY(neg, -a)
UNARY(exp_, exp(a))
UNARY(log_, log(a))
UNARY(sqrt_, sqrt(a))
UNARY(square, a *a)
UNARY(tanh_, tanh(a))
UNARY(sigmoid, 1.0f / (1.0f + exp(-a)))
UNARY(relu, a < 0.0f ? 0.0f : a)
UNARY(leaky_relu, a > 0.0f ? a : p * a)
BINARY(div, T, a / b)
BINARY(maximum, T, nan_max(a, b))
BINARY(minimum, T, nan_min(a, b))
BINARY_FLAT(relu_grad, T, a > 0.0f ? b : 0.0f)
BINARY_FLAT(leaky_relu_grad, T, a > 0.0f ? b : p * b)
BINARY_FLAT(sigmoid_grad, T, b *a *(1.0f - a))
BINARY_FLAT(tanh_grad, T, b *(1.0f - a * a))
#endif

#if defined(MATH) || defined(ACTIVATION)
/* erf(x) for |x| < 1 and erfc(t) e^(t^2) for t >= 0.95: as in the cpu backend's vmath.h. Drivers'
 * erf differs in quality. */
static inline float erf_small(float x)
{
    const float z = x * x;
    float v = 7.853836723370478e-5f;
    v = v * z - 8.010184392333031e-4f;
    v = v * z + 5.188326351344585e-3f;
    v = v * z - 2.6853810995817184e-2f;
    v = v * z + 0.1128358542919159f;
    v = v * z - 0.3761262595653534f;
    v = v * z + 1.1283791065216064f;
    return v * x;
}
static inline float erfcx_big(float t)
{
    const float u = 1.0f / (t + 1.5f);
    float v = 1.7286876440048218f;
    v = v * u - 0.8053238391876221f;
    v = v * u - 2.202026128768921f;
    v = v * u + 1.2591955661773682f;
    v = v * u + 0.8670334219932556f;
    v = v * u + 0.8592081069946289f;
    v = v * u + 0.5634568333625793f;
    return v * u + 1.705495196802076e-5f;
}
#endif

#ifdef MATH
static inline float erf_any(float x)
{
    const float t = fabs(x), big = 1.0f - exp(-t * t) * erfcx_big(t);
    return t < 1.0f ? erf_small(x) : copysign(big, x);
}
UNARY(erf_, erf_any(a))
UNARY(abs_, fabs(a))
UNARY(sign_, a > 0.0f ? 1.0f : a < 0.0f ? -1.0f : a)
UNARY(reciprocal, 1.0f / a)
UNARY(rsqrt_, 1.0f / sqrt(a))
UNARY(expm1_, expm1(a))
UNARY(log1p_, log1p(a))
UNARY(floor_, floor(a))
UNARY(ceil_, ceil(a))
UNARY(round_, rint(a))
UNARY(clip, a != a ? a : p > q || a > q ? q : a < p ? p : a)
UNARY_TO(isnan_, uchar, float, a != a)
UNARY_TO(isfinite_, uchar, float, fabs(a) <= FLT_MAX)
UNARY_TO(isinf_, uchar, float, (p != 0.0f && a > FLT_MAX) || (q != 0.0f && a < -FLT_MAX))
UNARY(sin_, sin(a))
UNARY(cos_, cos(a))
UNARY(tan_, tan(a))
UNARY(sinh_, sinh(a))
UNARY(cosh_, cosh(a))
UNARY(asin_, asin(a))
UNARY(acos_, acos(a))
UNARY(atan_, atan(a))
#endif

#ifdef ACTIVATION
static inline float sigmoid_of(float x)
{
    return 1.0f / (1.0f + exp(-x));
}
/* P(X <= x), X standard normal; e is e^(-x^2 / 2). */
static inline float normal_cdf(float x, float e)
{
    const float s = x * 0.70710678118654752f, tail = 0.5f * e * erfcx_big(fabs(s));
    return fabs(s) < 1.0f ? 0.5f + 0.5f * erf_small(s) : x > 0.0f ? 1.0f - tail : tail;
}
static inline float gelu_slope(float x)
{
    const float e = exp(-0.5f * x * x);
    return normal_cdf(x, e) + x * 0.39894228040143268f * e;
}
/* 1 + tanh(u) is twice the sigmoid of 2u. */
static inline float gelu_tanh_argument(float x)
{
    return x * (1.5957691216057308f + 0.071354816272600245f * x * x);
}
/* Far out s (1 - s) is 0 and the slope of the argument may be infinite: their product is 0. */
static inline float gelu_tanh_slope(float x)
{
    const float s = sigmoid_of(gelu_tanh_argument(x));
    const float bend = s * (1.0f - s) * (1.5957691216057308f + 0.21406444881780074f * x * x);
    return s + x * (fabs(x) > 10.0f ? 0.0f : bend);
}
static inline float silu_slope(float x)
{
    const float s = sigmoid_of(x);
    return s * (1.0f + x * (1.0f - s));
}
/* tanh(log(1 + e^x)) = m / (m + 2) with e = e^x, m = e (e + 2); it is 1 from x = 20 on. */
static inline float mish_factor(float x, float e)
{
    const float m = e * (e + 2.0f);
    return x > 20.0f ? 1.0f : m / (m + 2.0f);
}
/* (1 - tanh^2) sigmoid = 4 e (e + 1) / (m + 2)^2 */
static inline float mish_slope(float x)
{
    const float e = exp(x), r = 1.0f / (e * (e + 2.0f) + 2.0f);
    const float rest = x > 20.0f ? 0.0f : 4.0f * e * (e + 1.0f) * r * r;
    return mish_factor(x, e) + x * rest;
}
static inline float clamped(float v)
{
    return v < 0.0f ? 0.0f : v > 1.0f ? 1.0f : v;
}
UNARY(relu6, a < 0.0f ? 0.0f : a > 6.0f ? 6.0f : a)
UNARY(elu, a > 0.0f ? a : p * expm1(a))
UNARY(celu, a > 0.0f ? a : p * expm1(a / p))
UNARY(selu, q *(a > 0.0f ? a : p * expm1(a)))
UNARY(gelu, a *normal_cdf(a, exp(-0.5f * a * a)))
UNARY(gelu_tanh, a *sigmoid_of(gelu_tanh_argument(a)))
UNARY(silu, a *sigmoid_of(a))
UNARY(mish, a *mish_factor(a, exp(a)))
UNARY(softplus, (a > 0.0f ? a : 0.0f) + log1p(exp(-fabs(a))))
UNARY(softsign, a / (1.0f + fabs(a)))
UNARY(hard_sigmoid, clamped(p *a + q))
UNARY(hard_swish, a *clamped((a + 3.0f) * (1.0f / 6.0f)))
PAIR(prelu, T, a > 0.0f ? a : b * a)
PAIR_FLAT(relu6_grad, T, a > 0.0f && a < 6.0f ? b : 0.0f)
PAIR_FLAT(elu_grad, T, a > 0.0f ? b : p * exp(a) * b)
PAIR_FLAT(celu_grad, T, a > 0.0f ? b : exp(a / p) * b)
PAIR_FLAT(selu_grad, T, q *(a > 0.0f ? b : p * exp(a) * b))
PAIR_FLAT(gelu_grad, T, b *gelu_slope(a))
PAIR_FLAT(gelu_tanh_grad, T, b *gelu_tanh_slope(a))
PAIR_FLAT(silu_grad, T, b *silu_slope(a))
PAIR_FLAT(mish_grad, T, b *mish_slope(a))
PAIR_FLAT(hard_sigmoid_grad, T, p *a + q > 0.0f && p * a + q < 1.0f ? p * b : 0.0f)
PAIR_FLAT(hard_swish_grad, T, a < -3.0f ? 0.0f : a < 3.0f ? b * (a * (1.0f / 3.0f) + 0.5f) : b)
PAIR_FLAT(clip_grad, T, a >= p && a <= q ? b : 0.0f)
#endif

#ifdef PAIRS
/* The remainder takes the divisor's sign. */
static inline float mod_of(float a, float b)
{
    const float r = fmod(a, b);
    return r != 0.0f && (r < 0.0f) != (b < 0.0f) ? r + b : r;
}
PAIR(pow_, T, pow(a, b))
PAIR(mod, T, mod_of(a, b))
PAIR(mod_fmod, T, fmod(a, b))
PAIR(atan2_, T, atan2(a, b))
#endif

#ifndef T_FLOAT
/* Division by zero gives 0; by -1 it is a negation that wraps. Powers wrap too; of a negative
 * exponent they are cut to whole numbers. U is T without sign. */
static inline T div_of(T a, T b)
{
#ifdef T_SIGNED
    if (b == -1)
        return (T)(0 - (U)a);
#endif
    return b == 0 ? 0 : a / b;
}
static inline T rem_of(T a, T b)
{
#ifdef T_SIGNED
    if (b == -1)
        return 0;
#endif
    return b == 0 ? 0 : a % b;
}
static inline T mod_of(T a, T b)
{
    const T r = rem_of(a, b);
#ifdef T_SIGNED
    if (r != 0 && (r < 0) != (b < 0))
        return r + b;
#endif
    return r;
}
static inline T pow_of(T a, T b)
{
#ifdef T_SIGNED
    if (b < 0)
        return a == 1 || a == -1 ? (b % 2 == 0 ? 1 : a) : 0;
#endif
    U v = 1, base = (U)a;
    for (U e = (U)b; e != 0; e >>= 1) {
        v = (e & 1) != 0 ? v * base : v;
        base *= base;
    }
    return (T)v;
}
UNARY_TO(neg, T, long, 0 - (U)a)
UNARY_TO(abs_, T, long, abs(a))
UNARY_TO(square, T, long, (U)a * (U)a)
UNARY_TO(relu, T, long, a > 0 ? a : 0)
UNARY_TO(sign_, T, long, (a > 0) - (a < 0))
UNARY_TO(clip, T, long, p > q || a > q ? q : a < p ? p : a)
UNARY_TO(logical_not, uchar, long, a == 0)
BINARY(maximum, T, a > b ? a : b)
BINARY(minimum, T, a < b ? a : b)
PAIR(div, T, div_of(a, b))
PAIR(mod, T, mod_of(a, b))
PAIR(mod_fmod, T, rem_of(a, b))
PAIR(pow_, T, pow_of(a, b))
PAIR(logical_and, uchar, a != 0 && b != 0)
PAIR(logical_or, uchar, a != 0 || b != 0)
PAIR(logical_xor, uchar, (a != 0) != (b != 0))
#endif

#if defined(BASIC) || !defined(T_FLOAT)
BINARY(add, T, a + b)
BINARY(sub, T, a - b)
BINARY(mul, T, a *b)
BINARY(equal, uchar, a == b)
BINARY(greater, uchar, a > b)
#endif
#if defined(PAIRS) || !defined(T_FLOAT)
BINARY(not_equal, uchar, a != b)
BINARY(greater_equal, uchar, a >= b)
#endif
