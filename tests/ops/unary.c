/* Cases of the operators of one operand: arithmetic, powers, logarithms, rounding, circular and
 * hyperbolic functions, clip, tests. Activations have a table of their own. */
#include "unary_cases.h"

#include "../golden/unary.h"

/* clang-format off */
#define NUMBERS(name_)                                                                           \
    {.op = name_, .name = "i32", .in = {I32(-99, 99, 5, 3)}, .out = {OUT(TN_I32, 5, 3)}},        \
    {.op = name_, .name = "i64", .in = {I64(-1e12, 1e12, 1, 31)}, .out = {OUT(TN_I64, 1, 31)}},  \
    {.op = name_, .name = "i32_least", .in = {LIT(TN_I32, V(-2147483648.0, 2147483647, 0, -1), 4)}}
#define TEST_OF(name_)                                                                           \
    {.op = name_, .name = "vector", .in = {F32(17)}, .out = {OUT(TN_BOOL, 17)}},                 \
    {.op = name_, .name = "special", .in = {SPECIAL(101)}, .out = {OUT(TN_BOOL, 101)}},          \
    {.op = name_, .name = "special_deep", .in = {SPECIAL(2, 3, 5)}, .out = {OUT(TN_BOOL, 2, 3, 5)}}, \
    {.op = name_, .name = "prime", .in = {SPECIAL(2003)}},                                       \
    {.op = name_, .name = "one", .in = {LIT(TN_F32, V(NAN), 1)}},                                \
    {.op = name_, .name = "scalar", .in = {LIT_S(TN_F32, V(-INFINITY))}, .out = {OUT_S(TN_BOOL)}}, \
    {.op = name_, .name = "empty", .in = {F32(0, 2)}, .out = {OUT(TN_BOOL, 0, 2)}},              \
    {.op = name_, .name = "largest", .in = {LIT(TN_F32, V(3.4028234663852886e38, -3.4028234663852886e38, 0), 3)}}, \
    {.op = name_, .name = "integers", .in = {I32(0, 9, 3)}, .reject = "i32"},                    \
    {.op = name_, .name = "bool", .in = {BOOLS(3)}, .reject = "bool"}
#define WHOLE(name_)                                                                             \
    UNARY(name_, F32, 1, NO_ATTR),                                                                        \
    REACH(name_, "wide", -1000, 1000),                                                           \
    {.op = name_, .name = "halves", .in = {IN(TN_F32, FILL_TIES, -2.5, 3.5, 61)}, .tol = TOL_EXACT}, \
    {.op = name_, .name = "whole", .in = {IN(TN_F32, FILL_INTS, -9, 9, 61)}, .tol = TOL_EXACT}
#define CURVE(name_, x_) UNARY(name_, x_, 1, NO_ATTR), REACH(name_, "near_zero", -1e-3, 1e-3)

static const struct op_case cases[] = {
    UNARY_SHAPES("neg", F32, 1, NO_ATTR),
    NUMBERS("neg"),
    {.op = "neg", .name = "u8", .in = {IN(TN_U8, FILL_INTS, 0, 9, 3)}, .reject = "u8"},
    UNARY_SHAPES("abs", AWAY, 1, NO_ATTR),
    NUMBERS("abs"),
    {.op = "abs", .name = "u8", .in = {IN(TN_U8, FILL_INTS, 0, 256, 19)}, .out = {OUT(TN_U8, 19)}},
    {.op = "abs", .name = "bool_scalar", .in = {LIT_S(TN_BOOL, V(1))}, .reject = "cast it"},
    {.op = "abs", .name = "by_hand", .in = {LIT(TN_I32, V(-3, 0, 7, -2147483648.0), 4)},
     .want = {V(3, 0, 7, -2147483648.0)}},
    UNARY_SHAPES("sign", AWAY, 1, NO_ATTR),
    NUMBERS("sign"),
    {.op = "sign", .name = "u8", .in = {IN(TN_U8, FILL_INTS, 0, 3, 19)}, .out = {OUT(TN_U8, 19)}},
    {.op = "sign", .name = "bool_scalar", .in = {LIT_S(TN_BOOL, V(1))}, .reject = "cast it"},
    {.op = "sign", .name = "by_hand", .in = {LIT(TN_F32, V(-3, 0, 7, NAN, -INFINITY), 5)},
     .want = {V(-1, 0, 1, NAN, -1)}},
    UNARY_SHAPES("square", F32, 1, NO_ATTR),
    NUMBERS("square"),
    {.op = "square", .name = "u8", .in = {IN(TN_U8, FILL_INTS, 0, 256, 19)}, .out = {OUT(TN_U8, 19)}},
    {.op = "square", .name = "by_hand", .in = {LIT(TN_I32, V(-3, 0, 65536, 46341), 4)}, .want = {V(9, 0, 0, -2147479015)}},
    {.op = "square", .name = "bool_scalar", .in = {LIT_S(TN_BOOL, V(1))}, .reject = "cast it"},
    UNARY("reciprocal", AWAY, 1, NO_ATTR),
    UNARY("sqrt", POSITIVE, 1, NO_ATTR),
    REACH("sqrt", "wide", 0, 1e6),
    UNARY("rsqrt", POSITIVE, 1, NO_ATTR),
    REACH("rsqrt", "wide", 1e-6, 1e6),
    CURVE("exp", F32),
    REACH("exp", "wide", -110, 90),
    CURVE("expm1", F32),
    REACH("expm1", "wide", -110, 89),
    UNARY("log", POSITIVE, 1, NO_ATTR),
    REACH("log", "wide", 1e-6, 1e9),
    REACH("log", "near_one", 0.999, 1.001),
    CURVE("log1p", POSITIVE),
    REACH("log1p", "wide", -0.999999, 1e6),
    REACH("log1p", "below", -0.9999, 0.1),
    CURVE("erf", F32),
    REACH("erf", "wide", -6, 6),
    WHOLE("floor"),
    WHOLE("ceil"),
    WHOLE("round"),
    {.op = "round", .name = "by_hand",
     .in = {LIT(TN_F32, V(0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 2.6, 8388609), 8)},
     .want = {V(0, 2, 2, 0, -2, 2, 3, 8388609)}},

    TEST_OF("isfinite"),
    TEST_OF("isnan"),
    TEST_OF("isinf"),
    {.op = "isinf", .name = "only_positive", .in = {SPECIAL(31)}, .attrs = {AI("detect_negative", 0)}},
    {.op = "isinf", .name = "only_negative", .in = {LIT(TN_F32, V(INFINITY, -INFINITY, NAN), 3)},
     .attrs = {AI("detect_positive", 0)}, .want = {V(0, 1, 0)}},
    {.op = "isinf", .name = "neither", .in = {SPECIAL(31)},
     .attrs = {AI("detect_positive", 0), AI("detect_negative", 0)}},
    {.op = "isfinite", .name = "by_hand", .in = {LIT(TN_F32, V(INFINITY, 1, NAN, -INFINITY, 0), 5)},
     .want = {V(0, 1, 0, 0, 1)}},
    {.op = "isnan", .name = "by_hand", .in = {LIT(TN_F32, V(INFINITY, 1, NAN), 3)}, .want = {V(0, 0, 1)}},

    CURVE("sin", F32),
    REACH("sin", "wide", -1000, 1000),
    REACH("sin", "far", -1e7, 1e7),
    REACH("sin", "farthest", -1e38, 1e38),
    CURVE("cos", F32),
    REACH("cos", "wide", -1000, 1000),
    REACH("cos", "far", -1e7, 1e7),
    REACH("cos", "farthest", -1e38, 1e38),
#define SHORT(...) RANGE(-1.25, 1.25, __VA_ARGS__)
    CURVE("tan", SHORT),
    REACH("tan", "wide", -100, 100),
    REACH("tan", "far", -1e6, 1e6),
    CURVE("sinh", F32),
    REACH("sinh", "wide", -88, 88),
    CURVE("cosh", F32),
    REACH("cosh", "wide", -88, 88),
    CURVE("tanh", F32),
    REACH("tanh", "wide", -20, 20),
    CURVE("asin", INNER),
    REACH("asin", "edges", -1, 1),
    CURVE("acos", INNER),
    REACH("acos", "edges", -1, 1),
    CURVE("atan", F32),
    REACH("atan", "wide", -1e4, 1e4),

    UNARY_SHAPES("clip", F32, 1, AF("min", -1), AF("max", 0.5)),
    {.op = "clip", .name = "no_bounds", .in = {SPECIAL(31)}, .tol = TOL_EXACT},
    {.op = "clip", .name = "low_only", .in = {SPECIAL(31)}, .attrs = {AF("min", 0.25)}, .grad = 0},
    {.op = "clip", .name = "high_only", .in = {F32(31)}, .attrs = {AF("max", 0.25)}, .grad = 1},
    {.op = "clip", .name = "crossed", .in = {F32(7)}, .attrs = {AF("min", 2), AF("max", -1)},
     .want = {V(-1, -1, -1, -1, -1, -1, -1)}},
    {.op = "clip", .name = "by_hand", .in = {LIT(TN_F32, V(-2, 0, 2, NAN), 4)},
     .attrs = {AF("min", -1), AF("max", 1)}, .want = {V(-1, 0, 1, NAN)}},
    {.op = "clip", .name = "i32", .in = {I32(-99, 99, 5, 7)}, .attrs = {AF("min", -20), AF("max", 31)},
     .out = {OUT(TN_I32, 5, 7)}},
    {.op = "clip", .name = "i32_fractions", .in = {LIT(TN_I32, V(-3, -1, 0, 2, 3), 5)},
     .attrs = {AF("min", -1.5), AF("max", 2.5)}, .want = {V(-1, -1, 0, 2, 2)}},
    {.op = "clip", .name = "i32_no_bounds", .in = {LIT(TN_I32, V(-2147483648.0, 2147483647), 2)},
     .want = {V(-2147483648.0, 2147483647)}},
    {.op = "clip", .name = "i64", .in = {I64(-1e12, 1e12, 31)}, .attrs = {AF("max", 5e9)},
     .out = {OUT(TN_I64, 31)}},
    {.op = "clip", .name = "u8", .in = {IN(TN_U8, FILL_INTS, 0, 256, 31)},
     .attrs = {AF("min", 16), AF("max", 235)}, .out = {OUT(TN_U8, 31)}},
    {.op = "clip", .name = "u8_beyond", .in = {IN(TN_U8, FILL_INTS, 0, 256, 9)},
     .attrs = {AF("min", -5), AF("max", 1000)}},
    {.op = "clip", .name = "nan_bound", .in = {F32(3)}, .attrs = {AF("min", NAN)}, .reject = "NaN"},
};

OP_FAMILY(unary, cases, unary_golden);
