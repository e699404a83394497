/* Case blocks that the tables of two-operand operators share. */
#ifndef TN_TESTS_OPS_BINARY_CASES_H
#define TN_TESTS_OPS_BINARY_CASES_H

#include "cases.h"

/* The same shapes for every operator of two operands. */
#define BINARY(name_, a_, b_, grad_)                                                            \
    {.op = name_,                                                                               \
     .name = "same",                                                                            \
     .in = {a_(3, 5), b_(3, 5)},                                                                \
     .grad = grad_,                                                                             \
     .out = {OUT(TN_F32, 3, 5)}},                                                               \
        {.op = name_,                                                                           \
         .name = "row",                                                                         \
         .in = {a_(7, 13), b_(13)},                                                             \
         .grad = grad_,                                                                         \
         .out = {OUT(TN_F32, 7, 13)}},                                                          \
        {.op = name_,                                                                           \
         .name = "column",                                                                      \
         .in = {a_(7, 1), b_(7, 3)},                                                            \
         .grad = grad_,                                                                         \
         .out = {OUT(TN_F32, 7, 3)}},                                                           \
        {.op = name_,                                                                           \
         .name = "outer",                                                                       \
         .in = {a_(2, 1, 3, 1), b_(5, 1, 4)},                                                   \
         .grad = grad_,                                                                         \
         .out = {OUT(TN_F32, 2, 5, 3, 4)}},                                                     \
        {.op = name_,                                                                           \
         .name = "one",                                                                         \
         .in = {a_(1), b_(1, 1)},                                                               \
         .grad = grad_,                                                                         \
         .out = {OUT(TN_F32, 1, 1)}},                                                           \
        {.op = name_, .name = "prime", .in = {a_(1009), b_(1009)}, .out = {OUT(TN_F32, 1009)}}, \
        {.op = name_,                                                                           \
         .name = "channels",                                                                    \
         .in = {a_(2, 3, 5, 7), b_(3, 1, 1)},                                                   \
         .grad = grad_,                                                                         \
         .out = {OUT(TN_F32, 2, 3, 5, 7)}},                                                     \
        {.op = name_, .name = "empty", .in = {a_(0, 3), b_(3)}, .out = {OUT(TN_F32, 0, 3)}},    \
        {.op = name_,                                                                           \
         .name = "empty_by_one",                                                                \
         .in = {a_(4, 0), b_(4, 1)},                                                            \
         .out = {OUT(TN_F32, 4, 0)}},                                                           \
        {.op = name_, .name = "special", .in = {SPECIAL(97), SPECIAL(97)}},                     \
        {.op = name_, .name = "special_row", .in = {SPECIAL(5, 1), SPECIAL(1, 17)}},            \
        {.op = name_, .name = "misfit", .in = {a_(2, 3), b_(4)}, .reject = "broadcast"},        \
        {.op = name_,                                                                           \
         .name = "misfit_deep",                                                                 \
         .in = {a_(2, 3, 4), b_(3, 3, 4)},                                                      \
         .reject = "[3, 3, 4]"},                                                                \
    {                                                                                           \
        .op = name_, .name = "mixed", .in = {a_(3), IN(TN_F64, FILL_UNIFORM, -1, 1, 3)},        \
        .reject = "f64"                                                                         \
    }

#define INTEGERS(name_)                                                               \
    {.op = name_,                                                                     \
     .name = "i32",                                                                   \
     .in = {I32(-38, 39, 5, 3), I32(-38, 39, 3)},                                     \
     .out = {OUT(TN_I32, 5, 3)}},                                                     \
        {.op = name_,                                                                 \
         .name = "i64",                                                               \
         .in = {I64(-1e12, 1e12, 11), I64(-99, 99, 1)},                               \
         .out = {OUT(TN_I64, 11)}},                                                   \
        {.op = name_,                                                                 \
         .name = "u8",                                                                \
         .in = {IN(TN_U8, FILL_INTS, 0, 256, 3, 7), IN(TN_U8, FILL_INTS, 0, 256, 7)}, \
         .out = {OUT(TN_U8, 3, 7)}},                                                  \
    {                                                                                 \
        .op = name_, .name = "bool", .in = {BOOLS(3), BOOLS(3)}, .reject = "bool"     \
    }

#define COMPARISON(name_)                                                                       \
    {.op = name_, .name = "ties", .in = {TIES(7, 11), TIES(11)}, .out = {OUT(TN_BOOL, 7, 11)}}, \
        {.op = name_,                                                                           \
         .name = "special",                                                                     \
         .in = {SPECIAL(31, 1), SPECIAL(17)},                                                   \
         .out = {OUT(TN_BOOL, 31, 17)}},                                                        \
        {.op = name_,                                                                           \
         .name = "i32",                                                                         \
         .in = {I32(-2, 3, 13), I32(-2, 3, 13)},                                                \
         .out = {OUT(TN_BOOL, 13)}},                                                            \
        {.op = name_,                                                                           \
         .name = "i64",                                                                         \
         .in = {I64(-2, 3, 5, 1), I64(-2, 3, 1, 5)},                                            \
         .out = {OUT(TN_BOOL, 5, 5)}},                                                          \
        {.op = name_,                                                                           \
         .name = "u8",                                                                          \
         .in = {IN(TN_U8, FILL_INTS, 250, 256, 9), IN(TN_U8, FILL_INTS, 250, 256, 9)},          \
         .out = {OUT(TN_BOOL, 9)}},                                                             \
        {.op = name_, .name = "bool", .in = {BOOLS(9), BOOLS(9)}, .out = {OUT(TN_BOOL, 9)}},    \
        {.op = name_, .name = "scalar", .in = {F32_S, F32_S}, .out = {OUT_S(TN_BOOL)}},         \
        {.op = name_, .name = "empty", .in = {F32(0), F32(1)}, .out = {OUT(TN_BOOL, 0)}},       \
        {.op = name_, .name = "mixed", .in = {F32(3), I32(0, 3, 3)}, .reject = "i32"},          \
    {                                                                                           \
        .op = name_, .name = "misfit", .in = {F32(2), F32(3)}, .reject = "broadcast"            \
    }

#endif
