/* Elementwise operators for one element type: -DT=float (with -DT_FLOAT), int, long or uchar.
 * An output may be the same memory as an input: each item reads its own elements only. */

/* x [n] -> y [n] */
#define UNARY(name, expr)                                                                          \
    __kernel void name(IN(T, x), OUT(T, y), const float alpha, const int n, const int chunk)       \
    {                                                                                              \
        __global const T *px = PTR(x);                                                             \
        __global T *py = PTR(y);                                                                   \
        INDEPENDENT                                                                                \
        EACH(i, n, chunk) {                                                                        \
            const T a = px[i];                                                                     \
            py[i] = (expr);                                                                        \
        }                                                                                          \
    }

/* _flat: a [n] or one value (step 0), b likewise -> y [n].
 * _rows: any broadcast. y is [rows, inner]; the table gives the offsets of a row's begin in a, b;
 * along a row a and b advance by 0 or 1. */
#ifdef CPU_CLASS
#define BINARY_LOOP(TY, n, AI, BI, expr)                                                           \
    {                                                                                              \
        INDEPENDENT                                                                                \
        for (int i = lo; i < (n); i++) {                                                           \
            const T a = AI, b = BI;                                                                \
            py[i] = (TY)(expr);                                                                    \
        }                                                                                          \
    }
#define BINARY(name, TY, expr)                                                                     \
    __kernel void name##_flat(IN(T, a), IN(T, b), OUT(TY, y), const float alpha,                   \
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
    }                                                                                              \
    __kernel void name##_rows(IN(T, a), IN(T, b), OUT(TY, y), const float alpha,                   \
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
#define BINARY(name, TY, expr)                                                                     \
    __kernel void name##_flat(IN(T, a), IN(T, b), OUT(TY, y), const float alpha,                   \
                              const int a_step, const int b_step, const int n, const int chunk)    \
    {                                                                                              \
        EACH(i, n, chunk) {                                                                        \
            const T a = PTR(a)[i * a_step], b = PTR(b)[i * b_step];                                \
            PTR(y)[i] = (TY)(expr);                                                                \
        }                                                                                          \
    }                                                                                              \
    __kernel void name##_rows(IN(T, a), IN(T, b), OUT(TY, y), const float alpha,                   \
                              IN(int, table), const int inner, const int a_step,                   \
                              const int b_step, const int n, const int chunk)                      \
    {                                                                                              \
        EACH(i, n, chunk) {                                                                        \
            const int row = i / inner, at = i - row * inner;                                       \
            const T a = PTR(a)[table_offset(PTR(table), 0, row) + at * a_step];                    \
            const T b = PTR(b)[table_offset(PTR(table), 1, row) + at * b_step];                    \
            PTR(y)[i] = (TY)(expr);                                                                \
        }                                                                                          \
    }
#endif

#ifdef T_FLOAT
UNARY(neg, -a)
UNARY(exp_, exp(a))
UNARY(log_, log(a))
UNARY(sqrt_, sqrt(a))
UNARY(square, a *a)
UNARY(tanh_, tanh(a))
UNARY(sigmoid, 1.0f / (1.0f + exp(-a)))
UNARY(relu, a < 0.0f ? 0.0f : a)
UNARY(leaky_relu, a > 0.0f ? a : alpha * a)
BINARY(div, T, a / b)
BINARY(maximum, T, nan_max(a, b))
BINARY(minimum, T, nan_min(a, b))
BINARY(relu_grad, T, a > 0.0f ? b : 0.0f)
BINARY(leaky_relu_grad, T, a > 0.0f ? b : alpha * b)
BINARY(sigmoid_grad, T, b *a *(1.0f - a))
BINARY(tanh_grad, T, b *(1.0f - a * a))
#else
BINARY(maximum, T, a > b ? a : b)
BINARY(minimum, T, a < b ? a : b)
#endif
BINARY(add, T, a + b)
BINARY(sub, T, a - b)
BINARY(mul, T, a *b)
BINARY(equal, uchar, a == b)
BINARY(greater, uchar, a > b)
