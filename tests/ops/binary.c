/* Cases of powers, remainders, angles, integer arithmetic, comparisons and logic; the rest of what
 * takes two operands is in elementwise.c. */
#include "binary_cases.h"

#include "../golden/binary.h"

/* clang-format off */
#define POSITIVE(...) RANGE(0.1, 3, __VA_ARGS__)
#define LEAST_I32 -2147483648.0
#define LEAST_I64 -9223372036854775808.0
#define LOGICAL(name_)                                                                           \
    {.op = name_, .name = "same", .in = {BOOLS(3, 5), BOOLS(3, 5)}, .out = {OUT(TN_BOOL, 3, 5)}}, \
    {.op = name_, .name = "row", .in = {BOOLS(7, 13), BOOLS(13)}, .out = {OUT(TN_BOOL, 7, 13)}}, \
    {.op = name_, .name = "column", .in = {BOOLS(7, 1), BOOLS(7, 3)}, .out = {OUT(TN_BOOL, 7, 3)}}, \
    {.op = name_, .name = "outer", .in = {BOOLS(2, 1, 3, 1), BOOLS(5, 1, 4)}, .out = {OUT(TN_BOOL, 2, 5, 3, 4)}}, \
    {.op = name_, .name = "prime", .in = {BOOLS(1009), BOOLS(1009)}},                            \
    {.op = name_, .name = "scalar", .in = {BOOLS(11), LIT_S(TN_BOOL, V(1))}},                    \
    {.op = name_, .name = "one", .in = {BOOLS(1), BOOLS(1, 1)}, .out = {OUT(TN_BOOL, 1, 1)}},    \
    {.op = name_, .name = "empty", .in = {BOOLS(0, 3), BOOLS(3)}, .out = {OUT(TN_BOOL, 0, 3)}},  \
    {.op = name_, .name = "floats", .in = {F32(3), F32(3)}, .reject = "compare it with 0"},      \
    {.op = name_, .name = "second_integer", .in = {BOOLS(3), I32(0, 2, 3)}, .reject = "input 1 is i32"}, \
    {.op = name_, .name = "misfit", .in = {BOOLS(2, 3), BOOLS(4)}, .reject = "broadcast"}
/* What C leaves undefined has an answer: nothing by zero, and the least integer by -1. */
#define CORNERS(name_, title, ...)                                                               \
    {.op = name_, .name = title "i32", .attrs = {__VA_ARGS__},                                   \
     .in = {LIT(TN_I32, V(7, 0, -7, LEAST_I32, LEAST_I32, 2147483647, -8, 8), 8),                \
            LIT(TN_I32, V(0, 0, 0, -1, 1, -1, 3, -3), 8)}},                                      \
    {.op = name_, .name = title "i64", .attrs = {__VA_ARGS__},                                   \
     .in = {LIT(TN_I64, V(7, 0, -7, LEAST_I64, LEAST_I64, 9e15, -8, 8), 8),                      \
            LIT(TN_I64, V(0, 0, 0, -1, 1, -1, 3, -3), 8)}},                                      \
    {.op = name_, .name = title "u8", .attrs = {__VA_ARGS__},                                    \
     .in = {LIT(TN_U8, V(7, 0, 255, 255, 254), 5), LIT(TN_U8, V(0, 0, 255, 2, 255), 5)}}

static const struct op_case cases[] = {
    BINARY("pow", POSITIVE, F32, 3),
    INTEGERS("pow"),
    {.op = "pow", .name = "negative_base", .in = {F32(17), LIT_S(TN_F32, V(3))}, .grad = 1},
    {.op = "pow", .name = "squares", .in = {F32(5, 7), LIT(TN_F32, V(2), 1)}, .grad = 1},
    {.op = "pow", .name = "zero_base", .in = {LIT(TN_F32, V(0, 0, 2), 3), LIT(TN_F32, V(2, 3, 0), 3)}, .grad = 1},
    {.op = "pow", .name = "wide", .in = {RANGE(0, 1000, 301), RANGE(-12, 12, 301)}},
    {.op = "pow", .name = "near_one", .in = {RANGE(0.99, 1.01, 301), RANGE(-1000, 1000, 301)}},
    {.op = "pow", .name = "i32_powers", .in = {LIT(TN_I32, V(2, -2, 0, 0, 1, -1, -1, 2, 7, 3), 10),
                                              LIT(TN_I32, V(30, 31, 0, -1, -9, -9, -8, -1, 12, 33), 10)},
     .want = {V(1073741824, -2147483648.0, 1, 0, 1, -1, 1, 0, 956385313, -1504003197)}},
    {.op = "pow", .name = "i64_powers", .in = {I64(-9, 10, 21), I64(-2, 20, 21)}},

    BINARY("atan2", AWAY, AWAY, 3),
    {.op = "atan2", .name = "integers", .in = {I32(0, 9, 3), I32(0, 9, 3)}, .reject = "i32"},
    {.op = "atan2", .name = "axes", .in = {TIES(5, 1), TIES(1, 7)}},
    {.op = "atan2", .name = "wide", .in = {RANGE(-1e4, 1e4, 301), F32(301)}},

    BINARY("mod", F32, AWAY, 3),
    INTEGERS("mod"),
    CORNERS("mod", "corners_", {.name = NULL}),
    CORNERS("mod", "corners_fmod_", AI("fmod", 1)),
    {.op = "mod", .name = "by_hand", .in = {LIT(TN_F32, V(5.5, -5.5, 5.5, -5.5), 4), LIT(TN_F32, V(2, 2, -2, -2), 4)},
     .want = {V(1.5, 0.5, -0.5, -1.5)}},
    {.op = "mod", .name = "by_hand_fmod", .in = {LIT(TN_F32, V(5.5, -5.5, 5.5, -5.5), 4), LIT(TN_F32, V(2, 2, -2, -2), 4)},
     .attrs = {AI("fmod", 1)}, .want = {V(1.5, -1.5, 1.5, -1.5)}},
    {.op = "mod", .name = "by_hand_i32", .in = {LIT(TN_I32, V(7, -7, 7, -7, 7), 5), LIT(TN_I32, V(3, 3, -3, -3, 0), 5)},
     .want = {V(1, 2, -2, -1, 0)}},
    {.op = "mod", .name = "infinite", .in = {LIT(TN_F32, V(1, -1, 1, -1), 4), LIT(TN_F32, V(INFINITY, INFINITY, -INFINITY, -INFINITY), 4)},
     .want = {V(1, INFINITY, -INFINITY, -1)}},
    {.op = "mod", .name = "fmod", .in = {F32(7, 5), AWAY(5)}, .attrs = {AI("fmod", 1)}, .grad = 3},
    {.op = "mod", .name = "fmod_special", .in = {SPECIAL(31, 1), SPECIAL(1, 17)}, .attrs = {AI("fmod", 1)}},
    {.op = "mod", .name = "far", .in = {RANGE(-1e7, 1e7, 301), AWAY(301)}},
    {.op = "mod", .name = "far_fmod", .in = {RANGE(-1e7, 1e7, 301), AWAY(301)}, .attrs = {AI("fmod", 1)}},

    CORNERS("div", "corners_", {.name = NULL}),
    {.op = "div", .name = "by_hand_i32", .in = {LIT(TN_I32, V(7, -7, 7, -7, 7, LEAST_I32), 6), LIT(TN_I32, V(2, 2, -2, -2, 0, -1), 6)},
     .want = {V(3, -3, -3, 3, 0, LEAST_I32)}},
    {.op = "maximum", .name = "i32_ties", .in = {I32(-2, 3, 31, 1), I32(-2, 3, 17)}, .out = {OUT(TN_I32, 31, 17)}},
    {.op = "minimum", .name = "i32_ties", .in = {I32(-2, 3, 31, 1), I32(-2, 3, 17)}, .out = {OUT(TN_I32, 31, 17)}},

    COMPARISON("not_equal"),
    COMPARISON("less"),
    COMPARISON("less_equal"),
    COMPARISON("greater_equal"),
    LOGICAL("logical_and"),
    LOGICAL("logical_or"),
    LOGICAL("logical_xor"),
    {.op = "logical_not", .name = "vector", .in = {BOOLS(17)}, .out = {OUT(TN_BOOL, 17)}},
    {.op = "logical_not", .name = "odd", .in = {BOOLS(3, 5, 7)}, .out = {OUT(TN_BOOL, 3, 5, 7)}},
    {.op = "logical_not", .name = "prime", .in = {BOOLS(2003)}},
    {.op = "logical_not", .name = "one", .in = {BOOLS(1)}, .out = {OUT(TN_BOOL, 1)}},
    {.op = "logical_not", .name = "rank_8", .in = {BOOLS(1, 2, 1, 2, 1, 2, 1, 2)}},
    {.op = "logical_not", .name = "true", .in = {LIT_S(TN_BOOL, V(1))}, .want = {V(0)}},
    {.op = "logical_not", .name = "false", .in = {LIT_S(TN_BOOL, V(0))}, .want = {V(1)}},
    {.op = "logical_not", .name = "empty", .in = {BOOLS(0)}, .out = {OUT(TN_BOOL, 0)}},
    {.op = "logical_not", .name = "floats", .in = {F32(3)}, .reject = "compare it with 0"},
    {.op = "logical_not", .name = "integers", .in = {I32(0, 2, 3)}, .reject = "i32"},
};

OP_FAMILY(binary, cases, binary_golden);
