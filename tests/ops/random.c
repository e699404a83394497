/* Cases of uniform, normal, bernoulli, permutation, and of dropout with shared masks: the same bits
 * on every device. */
#include "cases.h"

#include "../golden/random.h"

#define RNG(v) LIT_S(TN_I64, V(v))
#define DRAWN(op_)                                                                               \
    {.op = op_,                                                                                  \
     .name = "odd sizes",                                                                        \
     .in = {RNG(987654321), I64(0, 100000, 7)},                                                  \
     .attrs = {AV("shape", 5, 3, 11), AI("path_hash", -77)},                                     \
     .out = {OUT(TN_F32, 7, 5, 3, 11)},                                                          \
     .tol = TOL_EXACT},                                                                          \
        {.op = op_,                                                                              \
         .name = "large",                                                                        \
         .in = {RNG(3)},                                                                         \
         .attrs = {AV("shape", 41, 307)},                                                        \
         .out = {OUT(TN_F32, 41, 307)},                                                          \
         .tol = TOL_EXACT},                                                                      \
        {.op = op_, .name = "scalar", .in = {RNG(3)}, .out = {OUT_S(TN_F32)}, .tol = TOL_EXACT}, \
        {.op = op_,                                                                              \
         .name = "no samples at all",                                                            \
         .in = {RNG(3), I64(0, 1, 0)},                                                           \
         .attrs = {AV("shape", 3)},                                                              \
         .out = {OUT(TN_F32, 0, 3)}},                                                            \
        {.op = op_,                                                                              \
         .name = "empty samples",                                                                \
         .in = {RNG(3), I64(0, 9, 2)},                                                           \
         .attrs = {AV("shape", 0, 3)},                                                           \
         .out = {OUT(TN_F32, 2, 0, 3)}},                                                         \
        {.op = op_,                                                                              \
         .name = "rng type",                                                                     \
         .in = {LIT_S(TN_I32, V(1))},                                                            \
         .attrs = {AV("shape", 3)},                                                              \
         .reject = "rng is i32"},                                                                \
        {.op = op_,                                                                              \
         .name = "sample type",                                                                  \
         .in = {RNG(1), I32(0, 9, 3)},                                                           \
         .attrs = {AV("shape", 3)},                                                              \
         .reject = "sample is i32"},                                                             \
        {.op = op_,                                                                              \
         .name = "negative dim",                                                                 \
         .in = {RNG(1)},                                                                         \
         .attrs = {AV("shape", 3, -2)},                                                          \
         .reject = "no negative dim"},                                                           \
    {                                                                                            \
        .op = op_, .name = "rng rank", .in = {I64(0, 9, 1)}, .attrs = {AV("shape", 3)},          \
        .reject = "'rng' must have 0 dims"                                                       \
    }

#define SHARED(name_, axes_, ...)                                                                \
    {                                                                                            \
        .op = "dropout", .name = name_, .attrs = {AF("rate", 0.3), AI("path_hash", 5), axes_},   \
        .in = {F32(__VA_ARGS__), I64(0, 100000, 5), RNG(17)}, .out = {OUT(TN_F32, __VA_ARGS__)}, \
        .grad = 1                                                                                \
    }

static const struct op_case cases[] = {
    DRAWN("uniform"),
    {.op = "uniform",
     .name = "one value",
     .in = {RNG(3)},
     .attrs = {AV("shape", 3), AF("low", 0.7), AF("high", 0.7)},
     .want = {V(0.699999988079071, 0.699999988079071, 0.699999988079071)},
     .tol = TOL_EXACT},
    {.op = "uniform",
     .name = "limit is never reached",
     .in = {RNG(3)},
     .attrs = {AV("shape", 2003), AF("low", 16777216), AF("high", 16777218)},
     .tol = TOL_EXACT},
    {.op = "uniform",
     .name = "wide",
     .in = {RNG(8), I64(0, 9, 31)},
     .attrs = {AV("shape", 13), AF("low", -1e30), AF("high", 3.3e-3)},
     .tol = TOL_EXACT},
    {.op = "uniform",
     .name = "backwards",
     .in = {RNG(3)},
     .attrs = {AF("low", 1), AF("high", 0)},
     .reject = "low must be at most high"},
    {.op = "uniform",
     .name = "endless",
     .in = {RNG(3)},
     .attrs = {AF("high", INFINITY)},
     .reject = "finite"},

    DRAWN("normal"),
    {.op = "normal",
     .name = "no spread",
     .in = {RNG(3)},
     .attrs = {AV("shape", 2), AF("mean", -2), AF("std", 0)},
     .want = {V(-2, -2)},
     .tol = TOL_EXACT},
    {.op = "normal",
     .name = "odd mean and spread",
     .in = {RNG(8), I64(0, 9, 31)},
     .attrs = {AV("shape", 13), AF("mean", 0.1), AF("std", 1.0 / 3)},
     .tol = TOL_EXACT},
    {.op = "normal",
     .name = "negative spread",
     .in = {RNG(3)},
     .attrs = {AF("std", -1)},
     .reject = "std not negative"},
    {.op = "normal",
     .name = "no mean",
     .in = {RNG(3)},
     .attrs = {AF("mean", NAN)},
     .reject = "finite"},

    DRAWN("bernoulli"),
    {.op = "bernoulli",
     .name = "never",
     .in = {RNG(3)},
     .attrs = {AV("shape", 5), AF("prob", 0), AS("dtype", "u8")},
     .out = {OUT(TN_U8, 5)},
     .want = {V(0, 0, 0, 0, 0)}},
    {.op = "bernoulli",
     .name = "always",
     .in = {RNG(3)},
     .attrs = {AV("shape", 5), AF("prob", 1), AS("dtype", "i32")},
     .out = {OUT(TN_I32, 5)},
     .want = {V(1, 1, 1, 1, 1)}},
    {.op = "bernoulli",
     .name = "of no number",
     .in = {RNG(3), {0}, LIT(TN_F32, V(NAN, 1, 0, INFINITY, -INFINITY), 5)},
     .want = {V(0, 1, 0, 1, 0)}},
    {.op = "bernoulli",
     .name = "of p, large",
     .in = {RNG(3), I64(0, 1000, 31), RANGE(0, 1, 31, 5, 67)},
     .attrs = {AS("dtype", "bool")},
     .out = {OUT(TN_BOOL, 31, 5, 67)}},
    {.op = "bernoulli",
     .name = "two shapes",
     .in = {RNG(3), {0}, RANGE(0, 1, 3)},
     .attrs = {AV("shape", 3)},
     .reject = "both shape and p"},
    {.op = "bernoulli",
     .name = "rows of p",
     .in = {RNG(3), I64(0, 9, 3), RANGE(0, 1, 4, 2)},
     .reject = "p must have as many rows"},
    {.op = "bernoulli",
     .name = "no chance",
     .in = {RNG(3)},
     .attrs = {AF("prob", 1.5)},
     .reject = "prob is 1.5"},
    {.op = "bernoulli",
     .name = "no type",
     .in = {RNG(3)},
     .attrs = {AS("dtype", "float")},
     .reject = "'float' is no dtype"},

    {.op = "permutation",
     .name = "none",
     .in = {RNG(1)},
     .attrs = {AI("n", 0)},
     .out = {OUT(TN_I64, 0)}},
    {.op = "permutation", .name = "one", .in = {RNG(1)}, .attrs = {AI("n", 1)}, .want = {V(0)}},
    {.op = "permutation",
     .name = "prime",
     .in = {RNG(-9)},
     .attrs = {AI("n", 1009), AI("path_hash", 4)},
     .out = {OUT(TN_I64, 1009)}},
    {.op = "permutation", .name = "power of two", .in = {RNG(2)}, .attrs = {AI("n", 2048)}},
    {.op = "permutation", .name = "one more", .in = {RNG(2)}, .attrs = {AI("n", 2049)}},
    /* 5 * 10^9 pairs of draws of 31 bits: a few of them are equal */
    {.op = "permutation", .name = "large", .in = {RNG(3)}, .attrs = {AI("n", 100003)}},
    {.op = "permutation",
     .name = "negative",
     .in = {RNG(3)},
     .attrs = {AI("n", -1)},
     .reject = "n is -1"},
    {.op = "permutation",
     .name = "rng type",
     .in = {LIT_S(TN_I32, V(1))},
     .attrs = {AI("n", 3)},
     .reject = "rng is i32"},

    SHARED("mask along the sequence", AV("shared_axes", 1), 5, 7, 13),
    SHARED("mask along the last", AV("shared_axes", -1), 5, 3, 7, 2),
    SHARED("mask along all", AV("shared_axes", 2, 1), 5, 3, 67),
    SHARED("mask along one of one", AV("shared_axes", 1), 5, 1, 3),
    SHARED("mask along none", AV("shared_axes", 1), 5, 0, 3),
    {.op = "dropout",
     .name = "mask shared by samples",
     .attrs = {AF("rate", 0.5), AV("shared_axes", 0)},
     .in = {F32(4, 3), I64(0, 9, 4), RNG(1)},
     .reject = "axis 0 cannot share"},
    {.op = "dropout",
     .name = "mask shared twice",
     .attrs = {AF("rate", 0.5), AV("shared_axes", 1, -1)},
     .in = {F32(4, 3), I64(0, 9, 4), RNG(1)},
     .reject = "named twice"},
};

OP_FAMILY(random, cases, random_golden);
