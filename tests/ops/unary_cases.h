/* Case blocks that the tables of one-operand operators share. */
#ifndef TN_TESTS_OPS_UNARY_CASES_H
#define TN_TESTS_OPS_UNARY_CASES_H

#include "cases.h"

#define POSITIVE(...) RANGE(0.1, 4, __VA_ARGS__)
#define INNER(...) RANGE(-0.95, 0.95, __VA_ARGS__)

/* For blocks that end in a list of attributes: an empty one. */
#define NO_ATTR      \
    {                \
        .name = NULL \
    }

/* x_ makes an input; `grad_` is 1 where there is a gradient; the rest is a list of attributes. */
#define UNARY_SHAPES(name_, x_, grad_, ...)                                                     \
    {.op = name_,                                                                               \
     .name = "vector",                                                                          \
     .in = {x_(17)},                                                                            \
     .attrs = {__VA_ARGS__},                                                                    \
     .grad = grad_,                                                                             \
     .out = {OUT(TN_F32, 17)}},                                                                 \
        {.op = name_,                                                                           \
         .name = "odd",                                                                         \
         .in = {x_(3, 5, 7)},                                                                   \
         .attrs = {__VA_ARGS__},                                                                \
         .grad = grad_,                                                                         \
         .out = {OUT(TN_F32, 3, 5, 7)}},                                                        \
        {.op = name_,                                                                           \
         .name = "prime",                                                                       \
         .in = {x_(2003)},                                                                      \
         .attrs = {__VA_ARGS__},                                                                \
         .out = {OUT(TN_F32, 2003)}},                                                           \
        {.op = name_,                                                                           \
         .name = "one",                                                                         \
         .in = {x_(1)},                                                                         \
         .attrs = {__VA_ARGS__},                                                                \
         .grad = grad_,                                                                         \
         .out = {OUT(TN_F32, 1)}},                                                              \
        {.op = name_,                                                                           \
         .name = "scalar",                                                                      \
         .in = {LIT_S(TN_F32, V(0.75))},                                                        \
         .attrs = {__VA_ARGS__},                                                                \
         .out = {OUT_S(TN_F32)}},                                                               \
        {.op = name_,                                                                           \
         .name = "rank_8",                                                                      \
         .in = {x_(1, 2, 1, 2, 1, 2, 1, 2)},                                                    \
         .attrs = {__VA_ARGS__},                                                                \
         .grad = grad_,                                                                         \
         .out = {OUT(TN_F32, 1, 2, 1, 2, 1, 2, 1, 2)}},                                         \
        {.op = name_,                                                                           \
         .name = "empty",                                                                       \
         .in = {x_(3, 0, 2)},                                                                   \
         .attrs = {__VA_ARGS__},                                                                \
         .out = {OUT(TN_F32, 3, 0, 2)}},                                                        \
        {.op = name_, .name = "special", .in = {SPECIAL(89)}, .attrs = {__VA_ARGS__}},          \
    {                                                                                           \
        .op = name_, .name = "bool", .in = {BOOLS(3)}, .attrs = {__VA_ARGS__}, .reject = "bool" \
    }

/* The same for floating point alone. */
#define UNARY(name_, x_, grad_, ...)                                                   \
    UNARY_SHAPES(name_, x_, grad_, __VA_ARGS__),                                       \
    {                                                                                  \
        .op = name_, .name = "integers", .in = {I32(0, 9, 3)}, .attrs = {__VA_ARGS__}, \
        .reject = "i32"                                                                \
    }

/* Inputs of a range, beyond where the blocks above look. */
#define REACH(name_, title, low, high)                               \
    {                                                                \
        .op = name_, .name = title, .in = { RANGE(low, high, 1001) } \
    }

/* A gradient operator of two inputs of one shape. x_ makes the first. */
#define GRAD_PAIR(name_, x_, ...)                                                               \
    {.op = name_,                                                                               \
     .name = "odd",                                                                             \
     .in = {x_(3, 5, 7), F32(3, 5, 7)},                                                         \
     .attrs = {__VA_ARGS__},                                                                    \
     .out = {OUT(TN_F32, 3, 5, 7)}},                                                            \
        {.op = name_, .name = "prime", .in = {x_(1013), F32(1013)}, .attrs = {__VA_ARGS__}},    \
        {.op = name_,                                                                           \
         .name = "one",                                                                         \
         .in = {x_(1), F32(1)},                                                                 \
         .attrs = {__VA_ARGS__},                                                                \
         .out = {OUT(TN_F32, 1)}},                                                              \
        {.op = name_,                                                                           \
         .name = "scalar",                                                                      \
         .in = {LIT_S(TN_F32, V(0.25)), F32_S},                                                 \
         .attrs = {__VA_ARGS__},                                                                \
         .out = {OUT_S(TN_F32)}},                                                               \
        {.op = name_,                                                                           \
         .name = "wide",                                                                        \
         .in = {RANGE(-9, 9, 307), F32(307)},                                                   \
         .attrs = {__VA_ARGS__}},                                                               \
        {.op = name_, .name = "zeros", .in = {TIES(31), F32(31)}, .attrs = {__VA_ARGS__}},      \
        {.op = name_, .name = "special", .in = {SPECIAL(41), F32(41)}, .attrs = {__VA_ARGS__}}, \
        {.op = name_,                                                                           \
         .name = "empty",                                                                       \
         .in = {F32(0), F32(0)},                                                                \
         .attrs = {__VA_ARGS__},                                                                \
         .out = {OUT(TN_F32, 0)}},                                                              \
        {.op = name_, .name = "misfit", .in = {F32(3), F32(4)}, .reject = "shape"},             \
        {.op = name_, .name = "no_broadcast", .in = {F32(3, 2), F32(2)}, .reject = "shape"},    \
    {                                                                                           \
        .op = name_, .name = "integers", .in = {I32(0, 2, 3), I32(0, 2, 3)}, .reject = "i32"    \
    }

#endif
