#include "bench_cases.h"

#define SHAPE(...)                                                                               \
    {                                                                                            \
        .rank = sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), .dim = { __VA_ARGS__ } \
    }
#define X(...)                      \
    {                               \
        .shape = SHAPE(__VA_ARGS__) \
    }
#define POS(...)                                            \
    {                                                       \
        .shape = SHAPE(__VA_ARGS__), .fill = BENCH_POSITIVE \
    }
#define SCALAR                 \
    {                          \
        .fill = BENCH_POSITIVE \
    }
#define INTS(key, ...)                                                            \
    {                                                                             \
        .name = (key), .type = TN_ATTR_INTS,                                      \
        .count = sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), .u = { \
            .ints = (const int64_t[]){__VA_ARGS__}                                \
        }                                                                         \
    }
#define PADS1 INTS("pads", 1, 1, 1, 1)

/* C [m, n] = A [m, k] B [k, n]: 2 m n k operations. */
#define MATMUL(title, m, k, n, is_large)                                                          \
    {                                                                                             \
        .name = "matmul " title, .op = "matmul", .in = {X(m, k), X(k, n)}, .n_in = 2, .n_out = 1, \
        .flop = 2.0 * (m) * (n) * (k),                                                            \
        .n_bytes = 4.0 * ((double)(m) * (k) + (double)(k) * (n) + (double)(m) * (n)),             \
        .large = (is_large)                                                                       \
    }

/* x [n, c, s, s], w [o, c, 3, 3], stride 1; p = side of y; the padding follows from it. */
#define CONV_FLOP(n, c, o, p) (2.0 * (n) * (o) * (p) * (p) * (c)*9)
#define CONV_BYTES(n, c, s, o, p) \
    (4.0 * ((double)(n) * (c) * (s) * (s) + (double)(o) * (c)*9 + (double)(n) * (o) * (p) * (p)))
#define CONV3(title, n, c, s, o, p, is_large, ...)                                  \
    {.name = "conv2d " title,                                                       \
     .op = "conv2d",                                                                \
     .in = {X(n, c, s, s), X(o, c, 3, 3), X(o)},                                    \
     .n_in = 3,                                                                     \
     .n_out = 1,                                                                    \
     .attr = {__VA_ARGS__},                                                         \
     .flop = CONV_FLOP(n, c, o, p),                                                 \
     .n_bytes = CONV_BYTES(n, c, s, o, p),                                          \
     .large = (is_large)},                                                          \
        {.name = "conv2d_grad_input " title,                                        \
         .op = "conv2d_grad_input",                                                 \
         .in = {X(n, o, p, p), X(o, c, 3, 3)},                                      \
         .n_in = 2,                                                                 \
         .n_out = 1,                                                                \
         .attr = {INTS("input_shape", n, c, s, s), __VA_ARGS__},                    \
         .flop = CONV_FLOP(n, c, o, p),                                             \
         .n_bytes = CONV_BYTES(n, c, s, o, p),                                      \
         .large = (is_large)},                                                      \
    {                                                                               \
        .name = "conv2d_grad_weight " title, .op = "conv2d_grad_weight",            \
        .in = {X(n, c, s, s), X(n, o, p, p)}, .n_in = 2, .n_out = 1,                \
        .attr = {INTS("kernel", 3, 3), __VA_ARGS__}, .flop = CONV_FLOP(n, c, o, p), \
        .n_bytes = CONV_BYTES(n, c, s, o, p), .large = (is_large)                   \
    }

#define ELEMENTS(title, operator, n_inputs, n, is_large)                                   \
    {                                                                                      \
        .name = operator" " title, .op = operator, .in = {X(n), X(n)}, .n_in = (n_inputs), \
        .n_out = 1, .n_bytes = 4.0 * ((n_inputs) + 1) * (n), .large = (is_large)           \
    }

/* [n, c, 2 s, 2 s] to [n, c, s, s], with an i32 index. */
#define POOL(title, n, c, s, is_large)                                                           \
    {.name = "max_pool2d " title,                                                                \
     .op = "max_pool2d",                                                                         \
     .in = {X(n, c, 2 * (s), 2 * (s))},                                                          \
     .n_in = 1,                                                                                  \
     .n_out = 2,                                                                                 \
     .attr = {INTS("kernel", 2, 2)},                                                             \
     .n_bytes = 24.0 * (n) * (c) * (s) * (s),                                                    \
     .large = (is_large)},                                                                       \
    {                                                                                            \
        .name = "max_pool2d_grad " title, .op = "max_pool2d_grad",                               \
        .in = {X(n, c, s, s), {.shape = SHAPE(n, c, s, s), .fill = BENCH_WINDOW}}, .n_in = 2,    \
        .n_out = 1, .attr = {INTS("input_shape", n, c, 2 * (s), 2 * (s)), INTS("kernel", 2, 2)}, \
        .n_bytes = 24.0 * (n) * (c) * (s) * (s), .large = (is_large)                             \
    }

#define SUM(title, rows, cols, axis, is_large)                                           \
    {                                                                                    \
        .name = "sum " title, .op = "sum", .in = {X(rows, cols)}, .n_in = 1, .n_out = 1, \
        .attr = {INTS("axes", axis)},                                                    \
        .n_bytes = 4.0 * ((double)(rows) * (cols) + ((axis) ? (rows) : (cols))),         \
        .large = (is_large)                                                              \
    }
#define SOFTMAX(title, rows, cols, is_large)                                                     \
    {                                                                                            \
        .name = "softmax " title, .op = "softmax", .in = {X(rows, cols)}, .n_in = 1, .n_out = 1, \
        .n_bytes = 8.0 * (rows) * (cols), .large = (is_large)                                    \
    }
/* Four streams in, three out. */
#define ADAM(title, n, is_large)                                                                 \
    {                                                                                            \
        .name = "adam " title, .op = "adam",                                                     \
        .in = {X(n), X(n), X(n), POS(n), POS(2), SCALAR, SCALAR, SCALAR}, .n_in = 8, .n_out = 3, \
        .n_bytes = 28.0 * (n), .large = (is_large)                                               \
    }

const struct bench_case bench_cases[] = {
    MATMUL("256", 256, 256, 256, 0),
    MATMUL("1024", 1024, 1024, 1024, 0),
    MATMUL("64 x 5408 x 64 (mnist-cnn)", 64, 5408, 64, 0),
    MATMUL("4096", 4096, 4096, 4096, 1),
    MATMUL("8192", 8192, 8192, 8192, 1),
    CONV3("64x1x28x28, 32 (mnist-cnn)", 64, 1, 28, 32, 26, 0, {0}),
    CONV3("64x32x28x28, 64", 64, 32, 28, 64, 28, 0, PADS1),
    CONV3("64x256x56x56, 256", 64, 256, 56, 256, 56, 1, PADS1),
    POOL("64x32x26x26 (mnist-cnn)", 64, 32, 13, 0),
    POOL("256x256x56x56", 256, 256, 28, 1),
    ELEMENTS("1 M", "relu", 1, 1 << 20, 0),
    ELEMENTS("1 M", "add", 2, 1 << 20, 0),
    ELEMENTS("256 M", "relu", 1, 1 << 28, 1),
    ELEMENTS("256 M", "add", 2, 1 << 28, 1),
    SUM("1024x1024, rows", 1024, 1024, 1, 0),
    SUM("1024x1024, columns", 1024, 1024, 0, 0),
    SUM("16384x16384, rows", 16384, 16384, 1, 1),
    SUM("16384x16384, columns", 16384, 16384, 0, 1),
    SOFTMAX("64x10 (mnist-cnn)", 64, 10, 0),
    SOFTMAX("1024x1024", 1024, 1024, 0),
    SOFTMAX("65536x4096", 65536, 4096, 1),
    ADAM("347,146 (mnist-cnn)", 347146, 0),
    ADAM("128 M", 1 << 27, 1),
};
const size_t bench_n_cases = sizeof(bench_cases) / sizeof(bench_cases[0]);
