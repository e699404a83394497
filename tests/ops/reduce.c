/* Cases of the reductions. */
#include <math.h>

#include "cases.h"

#include "../golden/reduce.h"

/* x_: how the operand is filled where a gradient is checked (no ties for max and min). */
#define REDUCTION(name_, x_, tol_)                                                             \
    {.op = name_,                                                                              \
     .name = "all",                                                                            \
     .in = {x_(3, 5, 7)},                                                                      \
     .grad = 1,                                                                                \
     .out = {OUT_S(TN_F32)},                                                                   \
     .tol = tol_},                                                                             \
        {.op = name_,                                                                          \
         .name = "last",                                                                       \
         .in = {x_(7, 13)},                                                                    \
         .attrs = {AV("axes", 1)},                                                             \
         .grad = 1,                                                                            \
         .out = {OUT(TN_F32, 7)},                                                              \
         .tol = tol_},                                                                         \
        {.op = name_,                                                                          \
         .name = "first_keep",                                                                 \
         .in = {x_(7, 13)},                                                                    \
         .attrs = {AV("axes", 0), AI("keepdims", 1)},                                          \
         .grad = 1,                                                                            \
         .out = {OUT(TN_F32, 1, 13)},                                                          \
         .tol = tol_},                                                                         \
        {.op = name_,                                                                          \
         .name = "channels",                                                                   \
         .in = {x_(3, 5, 7, 2)},                                                               \
         .attrs = {AV("axes", 0, 2, 3)},                                                       \
         .grad = 1,                                                                            \
         .out = {OUT(TN_F32, 5)},                                                              \
         .tol = tol_},                                                                         \
        {.op = name_,                                                                          \
         .name = "middle",                                                                     \
         .in = {x_(3, 5, 7)},                                                                  \
         .attrs = {AV("axes", -2)},                                                            \
         .grad = 1,                                                                            \
         .out = {OUT(TN_F32, 3, 7)},                                                           \
         .tol = tol_},                                                                         \
        {.op = name_,                                                                          \
         .name = "unordered",                                                                  \
         .in = {x_(3, 5, 7)},                                                                  \
         .attrs = {AV("axes", 2, 0), AI("keepdims", 1)},                                       \
         .grad = 1,                                                                            \
         .out = {OUT(TN_F32, 1, 5, 1)},                                                        \
         .tol = tol_},                                                                         \
        {.op = name_,                                                                          \
         .name = "of_one",                                                                     \
         .in = {x_(5, 1)},                                                                     \
         .attrs = {AV("axes", 1)},                                                             \
         .grad = 1,                                                                            \
         .out = {OUT(TN_F32, 5)},                                                              \
         .tol = tol_},                                                                         \
        {.op = name_, .name = "scalar", .in = {F32_S}, .grad = 1, .out = {OUT_S(TN_F32)}},     \
        {.op = name_, .name = "long", .in = {x_(10007)}, .out = {OUT_S(TN_F32)}, .tol = tol_}, \
        {.op = name_,                                                                          \
         .name = "long_rows",                                                                  \
         .in = {x_(3, 4099)},                                                                  \
         .attrs = {AV("axes", 1)},                                                             \
         .tol = tol_},                                                                         \
        {.op = name_,                                                                          \
         .name = "long_columns",                                                               \
         .in = {x_(1031, 3)},                                                                  \
         .attrs = {AV("axes", 0)},                                                             \
         .tol = tol_},                                                                         \
        {.op = name_,                                                                          \
         .name = "empty_result",                                                               \
         .in = {F32(0, 3)},                                                                    \
         .attrs = {AV("axes", 1)},                                                             \
         .out = {OUT(TN_F32, 0)}},                                                             \
        {.op = name_,                                                                          \
         .name = "outside",                                                                    \
         .in = {F32(3)},                                                                       \
         .attrs = {AV("axes", 1)},                                                             \
         .reject = "axis 1"},                                                                  \
    {                                                                                          \
        .op = name_, .name = "twice", .in = {F32(3, 4)}, .attrs = {AV("axes", 1, -1)},         \
        .reject = "named twice"                                                                \
    }

/* of_none_, u8_none_: of no elements, of f32 and of u8 */
#define EXTREMUM(name_, of_none_, u8_none_)                                                     \
    REDUCTION(name_, DISTINCT, TOL_EXACT),                                                      \
        {.op = name_,                                                                           \
         .name = "ties",                                                                        \
         .in = {TIES(7, 5)},                                                                    \
         .attrs = {AV("axes", 1)},                                                              \
         .tol = TOL_EXACT},                                                                     \
        {.op = name_,                                                                           \
         .name = "special",                                                                     \
         .in = {SPECIAL(13, 3)},                                                                \
         .attrs = {AV("axes", 1)},                                                              \
         .tol = TOL_EXACT},                                                                     \
        {.op = name_,                                                                           \
         .name = "of_nothing",                                                                  \
         .in = {F32(3, 0)},                                                                     \
         .attrs = {AV("axes", 1)},                                                              \
         .want = {V(of_none_, of_none_, of_none_)}},                                            \
        {.op = name_, .name = "all_of_nothing", .in = {F32(0)}, .want = {V(of_none_)}},         \
        {.op = name_,                                                                           \
         .name = "i32_of_nothing",                                                              \
         .in = {I32(0, 9, 2, 0)},                                                               \
         .attrs = {AV("axes", 1)}},                                                             \
        {.op = name_,                                                                           \
         .name = "i64_of_nothing",                                                              \
         .in = {I64(0, 9, 0, 2)},                                                               \
         .attrs = {AV("axes", 0), AI("keepdims", 1)}},                                          \
        {.op = name_,                                                                           \
         .name = "u8_of_nothing",                                                               \
         .in = {IN(TN_U8, FILL_INTS, 0, 9, 2, 0)},                                              \
         .attrs = {AV("axes", 1)},                                                              \
         .want = {V(u8_none_, u8_none_)}},                                                      \
    {                                                                                           \
        .op = name_, .name = "bools_of_nothing", .in = {BOOLS(0, 2)}, .attrs = {AV("axes", 0)}, \
        .want = {                                                                               \
            V(u8_none_ != 0, u8_none_ != 0)                                                     \
        }                                                                                       \
    }

static const struct op_case cases[] = {
    REDUCTION("sum", F32, TOL_SUM),
    {.op = "sum", .name = "bools", .in = {BOOLS(3)}, .reject = "bool"},
    {.op = "sum",
     .name = "of_nothing",
     .in = {F32(3, 0)},
     .attrs = {AV("axes", 1)},
     .want = {V(0, 0, 0)}},
    {.op = "sum",
     .name = "special",
     .in = {LIT(TN_F32, V(1, NAN, INFINITY, -INFINITY, 1, 2), 3, 2)},
     .attrs = {AV("axes", 1)},
     .want = {V(NAN, NAN, 3)}},
    {.op = "sum",
     .name = "cancelling",
     .in = {LIT(TN_F32, V(1e6, 1, -1e6, -1), 4)},
     .want = {V(0)},
     .tol = TOL_SUM},
    REDUCTION("mean", F32, TOL_COMPOSITE),
    {.op = "mean", .name = "bools", .in = {BOOLS(3)}, .reject = "bool"},
    {.op = "mean",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(1, 2, 3, 4, 5, 9), 2, 3)},
     .attrs = {AV("axes", 1)},
     .want = {V(2, 6)}},
    EXTREMUM("max", -INFINITY, 0),
    EXTREMUM("min", INFINITY, 255),
    {.op = "max",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(-3, -1, -2, 5, NAN, 4), 2, 3)},
     .attrs = {AV("axes", 1)},
     .want = {V(-1, NAN)}},
    {.op = "min",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(3, 1, 2, 5, NAN, 6), 2, 3)},
     .attrs = {AV("axes", 1)},
     .want = {V(1, NAN)}},

    {.op = "max_grad",
     .name = "no_match",
     .in = {F32(3, 5), RANGE(5, 6, 3, 1), F32(3, 1)},
     .attrs = {AV("axes", 1)},
     .out = {OUT(TN_F32, 3, 5)}},
    {.op = "max_grad",
     .name = "all_tie",
     .in = {LIT(TN_F32, V(2, 2, 2, 2), 4), LIT(TN_F32, V(2), 1), LIT(TN_F32, V(8), 1)},
     .want = {V(2, 2, 2, 2)}},
    {.op = "max_grad",
     .name = "ties",
     .in = {TIES(7, 11), IN(TN_F32, FILL_INTS, 1, 2, 7, 1), F32(7, 1)},
     .attrs = {AV("axes", -1)}},
    {.op = "max_grad",
     .name = "two_axes",
     .in = {TIES(3, 5, 7), IN(TN_F32, FILL_INTS, 1, 2, 1, 5, 1), F32(1, 5, 1)},
     .attrs = {AV("axes", 0, 2)},
     .out = {OUT(TN_F32, 3, 5, 7)}},
    {.op = "max_grad",
     .name = "all_axes",
     .in = {TIES(31, 3), IN(TN_F32, FILL_INTS, 1, 2, 1, 1), F32(1, 1)},
     .out = {OUT(TN_F32, 31, 3)}},
    {.op = "max_grad",
     .name = "empty",
     .in = {F32(0, 3), F32(0, 1), F32(0, 1)},
     .attrs = {AV("axes", 1)},
     .out = {OUT(TN_F32, 0, 3)}},
    {.op = "max_grad",
     .name = "long",
     .in = {TIES(4099), IN(TN_F32, FILL_INTS, 1, 2, 1), F32(1)},
     .out = {OUT(TN_F32, 4099)}},
    {.op = "max_grad",
     .name = "long_rows",
     .in = {TIES(3, 1031), IN(TN_F32, FILL_INTS, -1, 0, 3, 1), F32(3, 1)},
     .attrs = {AV("axes", 1)}},
    {.op = "max_grad",
     .name = "columns",
     .in = {TIES(31, 67), IN(TN_F32, FILL_INTS, 0, 1, 1, 67), F32(1, 67)},
     .attrs = {AV("axes", 0)}},
    {.op = "max_grad",
     .name = "of_no_number",
     .in = {LIT(TN_F32, V(NAN, 1, 2, INFINITY, INFINITY, 0), 2, 3),
            LIT(TN_F32, V(NAN, INFINITY), 2, 1), LIT(TN_F32, V(3, 8), 2, 1)},
     .attrs = {AV("axes", 1)},
     .want = {V(0, 0, 0, 4, 4, 0)}},
    {.op = "max_grad",
     .name = "not_kept",
     .in = {F32(3, 5), F32(3), F32(3)},
     .attrs = {AV("axes", 1)},
     .reject = "y must have shape [3, 1]"},
    {.op = "max_grad",
     .name = "dy_shape",
     .in = {F32(3, 5), F32(3, 1), F32(1, 5)},
     .attrs = {AV("axes", 1)},
     .reject = "dy must have shape [3, 1]"},

    {.op = "argmax", .name = "last", .in = {F32(7, 13)}, .out = {OUT(TN_I64, 7)}},
    {.op = "argmax",
     .name = "first_keep",
     .in = {F32(7, 13)},
     .attrs = {AI("axis", 0), AI("keepdims", 1)},
     .out = {OUT(TN_I64, 1, 13)}},
    {.op = "argmax",
     .name = "middle",
     .in = {TIES(3, 11, 5)},
     .attrs = {AI("axis", -2)},
     .out = {OUT(TN_I64, 3, 5)}},
    {.op = "argmax", .name = "classes", .in = {F32(31, 10)}, .out = {OUT(TN_I64, 31)}},
    {.op = "argmax", .name = "special", .in = {SPECIAL(13, 7)}, .out = {OUT(TN_I64, 13)}},
    {.op = "argmax", .name = "one", .in = {F32(3, 1)}, .want = {V(0, 0, 0)}},
    {.op = "argmax", .name = "long", .in = {F32(5003)}, .out = {OUT_S(TN_I64)}},
    {.op = "argmax", .name = "empty_result", .in = {F32(0, 3)}, .out = {OUT(TN_I64, 0)}},
    {.op = "argmax", .name = "of_nothing", .in = {F32(3, 0)}, .reject = "axis 1 has no elements"},
    {.op = "argmax",
     .name = "outside",
     .in = {F32(3)},
     .attrs = {AI("axis", 1)},
     .reject = "axis 1"},
    {.op = "argmax", .name = "scalar", .in = {F32_S}, .reject = "axis -1"},

    /* Half precision, where a device has it. */
    {.op = "sum",
     .name = "f16",
     .in = {IN(TN_F16, FILL_UNIFORM, -2, 2, 3, 7)},
     .attrs = {AV("axes", 1)},
     .out = {OUT(TN_F16, 3)},
     .tol = TOL_SUM},
    {.op = "sum",
     .name = "bf16",
     .in = {IN(TN_BF16, FILL_UNIFORM, -2, 2, 3, 7)},
     .attrs = {AV("axes", 1)},
     .out = {OUT(TN_BF16, 3)},
     .tol = TOL_SUM},
};

OP_FAMILY(reduce, cases, reduce_golden);
