/* Cases of prod, var, logsumexp, norm and what their gradients are made of, and of reductions of
 * integers. */
#include "cases.h"

#include "../golden/moments.h"

/* The shapes that every reduction owes, for one operator; `more` holds further attributes. */
#define SHAPES(op_, x_, more)                                                                  \
    {.op = op_,                                                                                \
     .name = "all",                                                                            \
     .in = {x_(3, 5, 7)},                                                                      \
     .attrs = {more},                                                                          \
     .grad = 1,                                                                                \
     .out = {OUT_S(TN_F32)},                                                                   \
     .tol = TOL_COMPOSITE},                                                                    \
        {.op = op_,                                                                            \
         .name = "last",                                                                       \
         .in = {x_(7, 13)},                                                                    \
         .attrs = {AV("axes", 1), more},                                                       \
         .grad = 1,                                                                            \
         .out = {OUT(TN_F32, 7)},                                                              \
         .tol = TOL_COMPOSITE},                                                                \
        {.op = op_,                                                                            \
         .name = "first_keep",                                                                 \
         .in = {x_(7, 67)},                                                                    \
         .attrs = {AV("axes", 0), AI("keepdims", 1), more},                                    \
         .grad = 1,                                                                            \
         .out = {OUT(TN_F32, 1, 67)},                                                          \
         .tol = TOL_COMPOSITE},                                                                \
        {.op = op_,                                                                            \
         .name = "channels",                                                                   \
         .in = {x_(3, 5, 7, 2)},                                                               \
         .attrs = {AV("axes", 0, 2, 3), more},                                                 \
         .grad = 1,                                                                            \
         .out = {OUT(TN_F32, 5)},                                                              \
         .tol = TOL_COMPOSITE},                                                                \
        {.op = op_,                                                                            \
         .name = "unordered",                                                                  \
         .in = {x_(3, 5, 7)},                                                                  \
         .attrs = {AV("axes", 2, -3), AI("keepdims", 1), more},                                \
         .grad = 1,                                                                            \
         .out = {OUT(TN_F32, 1, 5, 1)},                                                        \
         .tol = TOL_COMPOSITE},                                                                \
        {.op = op_,                                                                            \
         .name = "long_rows",                                                                  \
         .in = {x_(3, 4099)},                                                                  \
         .attrs = {AV("axes", 1), more},                                                       \
         .tol = TOL_COMPOSITE},                                                                \
        {.op = op_,                                                                            \
         .name = "long_columns",                                                               \
         .in = {x_(1031, 67)},                                                                 \
         .attrs = {AV("axes", 0), more},                                                       \
         .tol = TOL_COMPOSITE},                                                                \
        {.op = op_, .name = "long", .in = {x_(10007)}, .attrs = {more}, .tol = TOL_COMPOSITE}, \
        {.op = op_,                                                                            \
         .name = "empty_result",                                                               \
         .in = {F32(0, 3)},                                                                    \
         .attrs = {AV("axes", 1), more},                                                       \
         .out = {OUT(TN_F32, 0)}},                                                             \
        {.op = op_,                                                                            \
         .name = "outside",                                                                    \
         .in = {F32(3)},                                                                       \
         .attrs = {AV("axes", 1), more},                                                       \
         .reject = "axis 1"},                                                                  \
        {.op = op_,                                                                            \
         .name = "twice",                                                                      \
         .in = {F32(3, 4)},                                                                    \
         .attrs = {AV("axes", 1, -1), more},                                                   \
         .reject = "named twice"},                                                             \
    {                                                                                          \
        .op = op_, .name = "bools", .in = {BOOLS(3, 4)}, .attrs = {more}, .reject = "bool"     \
    }

#define NEAR_ONE(...) RANGE(0.9, 1.1, __VA_ARGS__)
#define UP(...) RANGE(0.25, 2.0, __VA_ARGS__)
#define KEPT(...) F32(__VA_ARGS__)

/* norm_grad of a fill and an order; y is not the norm of x here, which the rule does not need. */
#define NORM_GRAD(name_, p_)                                              \
    {.op = "norm_grad",                                                   \
     .name = name_ " rows",                                               \
     .in = {F32(7, 13), UP(7, 1), F32(7, 1)},                             \
     .attrs = {AV("axes", 1), AF("p", p_)},                               \
     .out = {OUT(TN_F32, 7, 13)},                                         \
     .tol = TOL_COMPOSITE},                                               \
        {.op = "norm_grad",                                               \
         .name = name_ " columns",                                        \
         .in = {F32(31, 5, 3), UP(1, 5, 1), F32(1, 5, 1)},                \
         .attrs = {AV("axes", 0, 2), AF("p", p_)},                        \
         .tol = TOL_COMPOSITE},                                           \
    {                                                                     \
        .op = "norm_grad", .name = name_ " zeros",                        \
        .in = {TIES(5, 7), IN(TN_F32, FILL_TIES, 0, 2, 5, 1), F32(5, 1)}, \
        .attrs = {AV("axes", 1), AF("p", p_)}, .tol = TOL_COMPOSITE       \
    }

/* Integers; a tolerance has no say. */
#define INTEGERS(op_, dtype_, text, lo, hi)                                                  \
    {.op = op_, .name = text " all", .in = {IN(dtype_, FILL_INTS, lo, hi, 3, 5, 7)}},        \
        {.op = op_,                                                                          \
         .name = text " rows",                                                               \
         .in = {IN(dtype_, FILL_INTS, lo, hi, 7, 1031)},                                     \
         .attrs = {AV("axes", 1)},                                                           \
         .out = {OUT(dtype_, 7)}},                                                           \
    {                                                                                        \
        .op = op_, .name = text " columns", .in = {IN(dtype_, FILL_INTS, lo, hi, 11, 3, 5)}, \
        .attrs = {AV("axes", 0, 2), AI("keepdims", 1)}, .out = {                             \
            OUT(dtype_, 1, 3, 1)                                                             \
        }                                                                                    \
    }

static const struct op_case cases[] = {
    SHAPES("prod", NEAR_ONE, {0}),
    {.op = "prod",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(1, -2, 3, 0, 5, NAN), 2, 3)},
     .attrs = {AV("axes", 1)},
     .want = {V(-6, NAN)}},
    {.op = "prod",
     .name = "of_nothing",
     .in = {F32(3, 0)},
     .attrs = {AV("axes", 1)},
     .want = {V(1, 1, 1)}},
    {.op = "prod",
     .name = "one_zero",
     .in = {LIT(TN_F32, V(2, 0, -3, 4, 5, 0.5), 2, 3)},
     .attrs = {AV("axes", 1)},
     .want = {V(0, 10)},
     .grad = 1},
    {.op = "prod",
     .name = "two_zeros",
     .in = {LIT(TN_F32, V(2, 0, 0, -3), 4)},
     .want = {V(0)},
     .grad = 1},
    {.op = "prod", .name = "scalar", .in = {F32_S}, .grad = 1, .out = {OUT_S(TN_F32)}},

    {.op = "prod_grad",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(2, 3, 4, 0, 5, 6, 0, 0, 7), 3, 3), LIT(TN_F32, V(1, 2, 3), 3, 1)},
     .attrs = {AV("axes", 1)},
     .want = {V(12, 8, 6, 60, 0, 0, 0, 0, 0)}},
    {.op = "prod_grad",
     .name = "first_axis",
     .in = {NEAR_ONE(37, 5), F32(1, 5)},
     .attrs = {AV("axes", 0)},
     .tol = TOL_COMPOSITE},
    {.op = "prod_grad",
     .name = "two_axes",
     .in = {NEAR_ONE(3, 5, 7), F32(1, 5, 1)},
     .attrs = {AV("axes", 0, -1)},
     .out = {OUT(TN_F32, 3, 5, 7)},
     .tol = TOL_COMPOSITE},
    {.op = "prod_grad", .name = "all", .in = {NEAR_ONE(1201), F32(1)}, .tol = TOL_COMPOSITE},
    {.op = "prod_grad",
     .name = "of_one",
     .in = {F32(5, 1), F32(5, 1)},
     .attrs = {AV("axes", 1)},
     .tol = TOL_EXACT},
    {.op = "prod_grad", .name = "ties", .in = {TIES(7, 3), F32(7, 1)}, .attrs = {AV("axes", 1)}},
    {.op = "prod_grad",
     .name = "special",
     .in = {LIT(TN_F32, V(NAN, 2, INFINITY, 0, 3, INFINITY), 3, 2), F32(3, 1)},
     .attrs = {AV("axes", 1)}},
    {.op = "prod_grad",
     .name = "empty",
     .in = {F32(0, 3), F32(0, 1)},
     .attrs = {AV("axes", 1)},
     .out = {OUT(TN_F32, 0, 3)}},
    {.op = "prod_grad",
     .name = "not_kept",
     .in = {F32(3, 5), F32(3)},
     .attrs = {AV("axes", 1)},
     .reject = "dy must have shape [3, 1]"},
    {.op = "prod_grad", .name = "integers", .in = {I32(0, 3, 3), I32(0, 3, 1)}, .reject = "i32"},

    SHAPES("var", F32, AI("correction", 1)),
    {.op = "var",
     .name = "population",
     .in = {LIT(TN_F32, V(1, 2, 3, 4, 10, 10, 10, 10), 2, 4)},
     .attrs = {AV("axes", 1), AI("correction", 0)},
     .want = {V(1.25, 0)},
     .grad = 1},
    {.op = "var",
     .name = "sample",
     .in = {LIT(TN_F32, V(1, 2, 3, 6), 4)},
     .want = {V(14.0 / 3)},
     .grad = 1},
    {.op = "var",
     .name = "far_from_zero",
     .in = {RANGE(1000, 1001, 5, 1031)},
     .attrs = {AV("axes", 1)},
     .tol = TOL_COMPOSITE},
    {.op = "var",
     .name = "of_one",
     .in = {F32(3, 1)},
     .attrs = {AV("axes", 1), AI("correction", 0)},
     .want = {V(0, 0, 0)}},
    {.op = "var",
     .name = "count_used_up",
     .in = {LIT(TN_F32, V(3, 1, 2), 3, 1)},
     .attrs = {AV("axes", 1)},
     .want = {V(NAN, NAN, NAN)}},
    {.op = "var",
     .name = "count_overdrawn",
     .in = {LIT(TN_F32, V(1, 2), 2)},
     .attrs = {AI("correction", 3)},
     .want = {V(INFINITY)}},
    {.op = "var",
     .name = "special",
     .in = {LIT(TN_F32, V(1, NAN, 2, INFINITY, 4, 6), 3, 2)},
     .attrs = {AV("axes", 1)},
     .want = {V(NAN, NAN, 2)}},
    {.op = "var",
     .name = "of_nothing",
     .in = {F32(2, 0)},
     .attrs = {AV("axes", 1)},
     .want = {V(NAN, NAN)}},
    {.op = "var",
     .name = "negative",
     .in = {F32(3)},
     .attrs = {AI("correction", -1)},
     .reject = "correction is -1"},

    SHAPES("logsumexp", F32, {0}),
    {.op = "logsumexp",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(0, 0, 1000, 1000, -1000, -1000), 3, 2)},
     .attrs = {AV("axes", 1)},
     .want = {V(0.69314718055994531, 1000.69314718055994531, -999.30685281944005469)},
     .grad = 1},
    {.op = "logsumexp",
     .name = "infinities",
     .in = {LIT(TN_F32, V(-INFINITY, -INFINITY, 1, -INFINITY, 1, INFINITY, NAN, 2), 4, 2)},
     .attrs = {AV("axes", 1)},
     .want = {V(-INFINITY, 1, INFINITY, NAN)}},
    {.op = "logsumexp",
     .name = "of_nothing",
     .in = {F32(2, 0)},
     .attrs = {AV("axes", 1)},
     .want = {V(-INFINITY, -INFINITY)}},
    {.op = "logsumexp",
     .name = "wide",
     .in = {RANGE(-80, 80, 7, 61)},
     .attrs = {AV("axes", 1)},
     .tol = TOL_COMPOSITE},

    SHAPES("norm", AWAY, AF("p", 2)),
    {.op = "norm",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(3, -4, 0, 0), 2, 2)},
     .attrs = {AV("axes", 1)},
     .want = {V(5, 0)}},
    {.op = "norm",
     .name = "p1",
     .in = {AWAY(7, 13)},
     .attrs = {AV("axes", 1), AF("p", 1)},
     .grad = 1,
     .tol = TOL_SUM},
    {.op = "norm",
     .name = "p3",
     .in = {AWAY(7, 13)},
     .attrs = {AV("axes", 0), AF("p", 3)},
     .grad = 1,
     .tol = TOL_COMPOSITE},
    {.op = "norm",
     .name = "p_half",
     .in = {AWAY(5, 7)},
     .attrs = {AV("axes", 1), AF("p", 0.5), AI("keepdims", 1)},
     .grad = 1,
     .tol = TOL_COMPOSITE},
    {.op = "norm",
     .name = "p_negative",
     .in = {AWAY(5, 7)},
     .attrs = {AV("axes", 1), AF("p", -2)},
     .grad = 1,
     .tol = TOL_COMPOSITE},
    {.op = "norm",
     .name = "p0",
     .in = {TIES(7, 13)},
     .attrs = {AV("axes", 1), AF("p", 0)},
     .tol = TOL_EXACT},
    {.op = "norm",
     .name = "largest",
     .in = {DISTINCT(7, 13)},
     .attrs = {AV("axes", 1), AF("p", INFINITY)},
     .grad = 1,
     .tol = TOL_EXACT},
    {.op = "norm",
     .name = "smallest",
     .in = {DISTINCT(7, 13)},
     .attrs = {AV("axes", 0), AF("p", -INFINITY)},
     .grad = 1,
     .tol = TOL_EXACT},
    {.op = "norm",
     .name = "no_overflow",
     .in = {LIT(TN_F32, V(3e30, -4e30, 3e-30, 4e-30), 2, 2)},
     .attrs = {AV("axes", 1)},
     .tol = TOL_COMPOSITE},
    {.op = "norm",
     .name = "no_overflow_of_10",
     .in = {LIT(TN_F32, V(1e30, 1e30, 1e30, 1e30), 4)},
     .attrs = {AF("p", 10)},
     .tol = TOL_COMPOSITE},
    {.op = "norm",
     .name = "special",
     .in = {SPECIAL(31, 3)},
     .attrs = {AV("axes", 1)},
     .tol = TOL_ELEMENTWISE},
    {.op = "norm",
     .name = "special_p_negative",
     .in = {SPECIAL(31, 3)},
     .attrs = {AV("axes", 1), AF("p", -1)}},
    {.op = "norm",
     .name = "of_nothing",
     .in = {F32(2, 0)},
     .attrs = {AV("axes", 1)},
     .want = {V(0, 0)}},
    {.op = "norm",
     .name = "of_nothing_negative",
     .in = {F32(2, 0)},
     .attrs = {AV("axes", 1), AF("p", -3)},
     .want = {V(INFINITY, INFINITY)}},
    {.op = "norm",
     .name = "no_order",
     .in = {F32(3)},
     .attrs = {AF("p", NAN)},
     .reject = "p is not a number"},

    NORM_GRAD("p2", 2),
    NORM_GRAD("p1", 1),
    NORM_GRAD("p3", 3),
    NORM_GRAD("p0", 0),
    NORM_GRAD("p_half", 0.5),
    {.op = "norm_grad",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(3, -4, 0, 0), 2, 2), LIT(TN_F32, V(5, 0), 2, 1),
            LIT(TN_F32, V(10, 7), 2, 1)},
     .attrs = {AV("axes", 1)},
     .want = {V(6, -8, 0, 0)}},
    {.op = "norm_grad",
     .name = "empty",
     .in = {F32(0, 3), F32(0, 1), F32(0, 1)},
     .attrs = {AV("axes", 1)},
     .out = {OUT(TN_F32, 0, 3)}},
    {.op = "norm_grad",
     .name = "infinite",
     .in = {F32(3), F32(1), F32(1)},
     .attrs = {AF("p", INFINITY)},
     .reject = "max_grad serves"},
    {.op = "norm_grad",
     .name = "not_kept",
     .in = {F32(3, 5), F32(3), F32(3, 1)},
     .attrs = {AV("axes", 1)},
     .reject = "y must have shape [3, 1]"},

    INTEGERS("sum", TN_I32, "i32", -2000000000, 2000000000),
    INTEGERS("sum", TN_I64, "i64", -1000, 1000),
    INTEGERS("mean", TN_I32, "i32", -2000000000, 2000000000),
    INTEGERS("mean", TN_I64, "i64", -1000, 1000),
    INTEGERS("prod", TN_I32, "i32", -9, 10),
    INTEGERS("prod", TN_I64, "i64", -9, 10),
    INTEGERS("max", TN_I32, "i32", -2000000000, 2000000000),
    INTEGERS("max", TN_I64, "i64", -1000, 1000),
    INTEGERS("max", TN_U8, "u8", 0, 256),
    INTEGERS("max", TN_BOOL, "bool", 0, 2),
    INTEGERS("min", TN_I32, "i32", -2000000000, 2000000000),
    INTEGERS("min", TN_I64, "i64", -1000, 1000),
    INTEGERS("min", TN_U8, "u8", 0, 256),
    INTEGERS("min", TN_BOOL, "bool", 0, 2),
    {.op = "sum",
     .name = "i32_wraps",
     .in = {LIT(TN_I32, V(2147483647, 2, -5), 3)},
     .want = {V(-2147483652.0 + 4294967296.0)}},
    {.op = "sum",
     .name = "i64_of_nothing",
     .in = {I64(0, 1, 2, 0)},
     .attrs = {AV("axes", 1)},
     .want = {V(0, 0)}},
    {.op = "mean",
     .name = "i32_toward_zero",
     .in = {LIT(TN_I32, V(-1, -2, -2, 1, 2, 2), 2, 3)},
     .attrs = {AV("axes", 1)},
     .want = {V(-1, 1)}},
    {.op = "mean",
     .name = "i64_of_nothing",
     .in = {I64(0, 1, 2, 0)},
     .attrs = {AV("axes", 1)},
     .reject = "no mean of nothing"},
    {.op = "prod",
     .name = "i32_wraps",
     .in = {LIT(TN_I32, V(65536, 65536, 2, 3, 5, 7), 2, 3)},
     .attrs = {AV("axes", 1)},
     .want = {V(0, 105)}},
    {.op = "max",
     .name = "i64_by_hand",
     .in = {LIT(TN_I64, V(-5, -7, 3, 9007199254740992, 1, 2), 2, 3)},
     .attrs = {AV("axes", 1)},
     .want = {V(3, 9007199254740992)}},
    {.op = "min",
     .name = "i32_by_hand",
     .in = {LIT(TN_I32, V(-5, -7, 3, 8, 1, 2), 2, 3)},
     .attrs = {AV("axes", 0)},
     .want = {V(-5, -7, 2)}},
};

OP_FAMILY(moments, cases, moments_golden);
