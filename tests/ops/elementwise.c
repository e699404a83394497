/* Cases of the elementwise operators. */
#include "cases.h"

#include "../golden/elementwise.h"

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

#define INTEGERS(name_)                                                                      \
    {.op = name_,                                                                            \
     .name = "i32",                                                                          \
     .in = {I32(-99, 99, 5, 3), I32(-99, 99, 3)},                                            \
     .out = {OUT(TN_I32, 5, 3)}},                                                            \
        {.op = name_,                                                                        \
         .name = "i64",                                                                      \
         .in = {I64(-1e12, 1e12, 11), I64(-99, 99, 1)},                                      \
         .out = {OUT(TN_I64, 11)}},                                                          \
    {                                                                                        \
        .op = name_, .name = "u8",                                                           \
        .in = {IN(TN_U8, FILL_INTS, 0, 9, 3), IN(TN_U8, FILL_INTS, 0, 9, 3)}, .reject = "u8" \
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

static const struct op_case cases[] = {
    BINARY("add", F32, F32, 3),
    INTEGERS("add"),
    BINARY("sub", F32, F32, 3),
    INTEGERS("sub"),
    BINARY("mul", F32, F32, 3),
    INTEGERS("mul"),
    BINARY("div", F32, AWAY, 3),
    {.op = "div", .name = "i32", .in = {I32(1, 9, 3), I32(1, 9, 3)}, .reject = "i32"},
    {.op = "div", .name = "scalar", .in = {F32_S, LIT_S(TN_F32, V(3))}, .out = {OUT_S(TN_F32)}},
    /* Uniform operands meet in no tie, so the kink stays clear of them. */
    BINARY("maximum", F32, F32, 3),
    BINARY("minimum", F32, F32, 3),
    /* At a tie the central difference is the mean of both slopes: the half that is sent. */
    {.op = "maximum", .name = "ties", .in = {TIES(7, 5), TIES(5)}, .grad = 3},
    {.op = "minimum", .name = "ties", .in = {TIES(7, 5), TIES(5)}, .grad = 3},
    {.op = "maximum", .name = "i32", .in = {I32(1, 9, 3), I32(1, 9, 3)}, .reject = "i32"},

    COMPARISON("equal"),
    COMPARISON("greater"),

    {.op = "cast",
     .name = "f32_i64",
     .in = {RANGE(-1e6, 1e6, 33)},
     .attrs = {AS("dtype", "i64")},
     .out = {OUT(TN_I64, 33)}},
    {.op = "cast",
     .name = "special_i32",
     .in = {SPECIAL(47)},
     .attrs = {AS("dtype", "i32")},
     .out = {OUT(TN_I32, 47)}},
    {.op = "cast", .name = "special_i64", .in = {SPECIAL(47)}, .attrs = {AS("dtype", "i64")}},
    {.op = "cast", .name = "special_u8", .in = {SPECIAL(47)}, .attrs = {AS("dtype", "u8")}},
    {.op = "cast", .name = "special_bool", .in = {SPECIAL(47)}, .attrs = {AS("dtype", "bool")}},
    {.op = "cast",
     .name = "special_f32",
     .in = {SPECIAL(47)},
     .attrs = {AS("dtype", "f32")},
     .tol = TOL_EXACT},
    {.op = "cast",
     .name = "i32_f32",
     .in = {I32(-1e9, 1e9, 3, 7)},
     .attrs = {AS("dtype", "f32")},
     .out = {OUT(TN_F32, 3, 7)},
     .tol = TOL_EXACT},
    {.op = "cast",
     .name = "i64_f32",
     .in = {I64(-1e15, 1e15, 21)},
     .attrs = {AS("dtype", "f32")},
     .tol = TOL_EXACT},
    {.op = "cast",
     .name = "u8_images",
     .in = {IN(TN_U8, FILL_INTS, 0, 256, 2, 1, 7, 7)},
     .attrs = {AS("dtype", "f32")},
     .out = {OUT(TN_F32, 2, 1, 7, 7)},
     .tol = TOL_EXACT},
    {.op = "cast",
     .name = "bool_f32",
     .in = {BOOLS(19)},
     .attrs = {AS("dtype", "f32")},
     .tol = TOL_EXACT},
    {.op = "cast",
     .name = "f32_f64",
     .in = {IN(TN_F32, FILL_UNIFORM, -2, 2, 7)},
     .attrs = {AS("dtype", "f64")},
     .out = {OUT(TN_F64, 7)},
     .grad = 1},
    {.op = "cast",
     .name = "empty",
     .in = {F32(0)},
     .attrs = {AS("dtype", "i32")},
     .out = {OUT(TN_I32, 0)}},
    {.op = "cast",
     .name = "unknown",
     .in = {F32(3)},
     .attrs = {AS("dtype", "float")},
     .reject = "'float' is no dtype"},

    {.op = "select",
     .name = "same",
     .in = {BOOLS(3, 5), F32(3, 5), F32(3, 5)},
     .grad = 6,
     .out = {OUT(TN_F32, 3, 5)}},
    {.op = "select",
     .name = "all_broadcast",
     .in = {BOOLS(7, 1, 1), F32(3, 1), F32(5)},
     .grad = 6,
     .out = {OUT(TN_F32, 7, 3, 5)}},
    {.op = "select",
     .name = "zero_other",
     .in = {BOOLS(11), F32(11), F32_S},
     .grad = 6,
     .out = {OUT(TN_F32, 11)}},
    {.op = "select",
     .name = "f32_scalar",
     .in = {IN_S(TN_F32, FILL_INTS, 1, 2), F32(3, 5), F32(5)},
     .out = {OUT(TN_F32, 3, 5)}},
    {.op = "select", .name = "f32_cond", .in = {TIES(101), F32(101), F32(101)}},
    {.op = "select", .name = "nan_cond", .in = {SPECIAL(61), F32(61), F32(61)}},
    {.op = "select",
     .name = "special",
     .in = {BOOLS(61), SPECIAL(61), SPECIAL(61)},
     .tol = TOL_EXACT},
    {.op = "select",
     .name = "i64",
     .in = {BOOLS(13), I64(-9, 9, 13), I64(-9, 9, 1)},
     .out = {OUT(TN_I64, 13)}},
    {.op = "select", .name = "empty", .in = {BOOLS(1), F32(0), F32(1)}, .out = {OUT(TN_F32, 0)}},
    {.op = "select",
     .name = "int_cond",
     .in = {I32(0, 2, 3), F32(3), F32(3)},
     .reject = "bool or f32"},
    {.op = "select", .name = "mixed", .in = {BOOLS(3), F32(3), I32(0, 2, 3)}, .reject = "i32"},
    {.op = "select", .name = "misfit", .in = {BOOLS(2), F32(3), F32(3)}, .reject = "broadcast"},

    /* Half precision, where a device has it. */
    {.op = "add",
     .name = "f16",
     .in = {IN(TN_F16, FILL_UNIFORM, -2, 2, 7, 5), IN(TN_F16, FILL_UNIFORM, -2, 2, 5)},
     .out = {OUT(TN_F16, 7, 5)},
     .tol = TOL_ELEMENTWISE},
    {.op = "mul",
     .name = "f16",
     .in = {IN(TN_F16, FILL_UNIFORM, -2, 2, 7, 5), IN(TN_F16, FILL_UNIFORM, -2, 2, 7, 1)},
     .out = {OUT(TN_F16, 7, 5)},
     .tol = TOL_ELEMENTWISE},
    {.op = "relu",
     .name = "f16",
     .in = {IN(TN_F16, FILL_UNIFORM, -2, 2, 31)},
     .out = {OUT(TN_F16, 31)},
     .tol = TOL_EXACT},
    {.op = "tanh",
     .name = "f16",
     .in = {IN(TN_F16, FILL_UNIFORM, -2, 2, 31)},
     .out = {OUT(TN_F16, 31)},
     .tol = TOL_ELEMENTWISE},
    {.op = "cast",
     .name = "f16_f32",
     .in = {IN(TN_F16, FILL_UNIFORM, -2, 2, 31)},
     .attrs = {AS("dtype", "f32")},
     .out = {OUT(TN_F32, 31)},
     .tol = TOL_EXACT},
    {.op = "cast",
     .name = "f32_f16",
     .in = {IN(TN_F32, FILL_UNIFORM, -2, 2, 31)},
     .attrs = {AS("dtype", "f16")},
     .out = {OUT(TN_F16, 31)},
     .tol = TOL_ELEMENTWISE},
    {.op = "add",
     .name = "bf16",
     .in = {IN(TN_BF16, FILL_UNIFORM, -2, 2, 7, 5), IN(TN_BF16, FILL_UNIFORM, -2, 2, 5)},
     .out = {OUT(TN_BF16, 7, 5)},
     .tol = TOL_ELEMENTWISE},
    {.op = "mul",
     .name = "bf16",
     .in = {IN(TN_BF16, FILL_UNIFORM, -2, 2, 7, 5), IN(TN_BF16, FILL_UNIFORM, -2, 2, 7, 1)},
     .out = {OUT(TN_BF16, 7, 5)},
     .tol = TOL_ELEMENTWISE},
    {.op = "relu",
     .name = "bf16",
     .in = {IN(TN_BF16, FILL_UNIFORM, -2, 2, 31)},
     .out = {OUT(TN_BF16, 31)},
     .tol = TOL_EXACT},
    {.op = "tanh",
     .name = "bf16",
     .in = {IN(TN_BF16, FILL_UNIFORM, -2, 2, 31)},
     .out = {OUT(TN_BF16, 31)},
     .tol = TOL_ELEMENTWISE},
    {.op = "cast",
     .name = "bf16_f32",
     .in = {IN(TN_BF16, FILL_UNIFORM, -2, 2, 31)},
     .attrs = {AS("dtype", "f32")},
     .out = {OUT(TN_F32, 31)},
     .tol = TOL_EXACT},
    {.op = "cast",
     .name = "f32_bf16",
     .in = {IN(TN_F32, FILL_UNIFORM, -2, 2, 31)},
     .attrs = {AS("dtype", "bf16")},
     .out = {OUT(TN_BF16, 31)},
     .tol = TOL_ELEMENTWISE},
};

OP_FAMILY(elementwise, cases, elementwise_golden);
