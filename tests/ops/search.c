/* Cases of argmin (and argmax of integers, last of equals), cumsum and top_k. */
#include "cases.h"

#include "../golden/search.h"

#define ARG(op_)                                                                                   \
    {.op = op_, .name = "i32", .in = {I32(-3, 4, 7, 13)}, .out = {OUT(TN_I64, 7)}},                \
        {.op = op_,                                                                                \
         .name = "i64_last",                                                                       \
         .in = {I64(-3, 4, 7, 13)},                                                                \
         .attrs = {AI("axis", 0), AI("select_last_index", 1)},                                     \
         .out = {OUT(TN_I64, 13)}},                                                                \
        {.op = op_, .name = "u8", .in = {IN(TN_U8, FILL_INTS, 0, 256, 3, 301)}},                   \
        {.op = op_, .name = "bools", .in = {BOOLS(7, 5)}, .attrs = {AI("select_last_index", 1)}},  \
        {.op = op_,                                                                                \
         .name = "ties",                                                                           \
         .in = {TIES(3, 11, 5)},                                                                   \
         .attrs = {AI("axis", -2), AI("keepdims", 1)},                                             \
         .out = {OUT(TN_I64, 3, 1, 5)}},                                                           \
        {.op = op_,                                                                                \
         .name = "ties_last",                                                                      \
         .in = {TIES(3, 11, 5)},                                                                   \
         .attrs = {AI("axis", 1), AI("select_last_index", 1)},                                     \
         .out = {OUT(TN_I64, 3, 5)}},                                                              \
        {.op = op_, .name = "long_ties", .in = {TIES(5003)}},                                      \
        {.op = op_,                                                                                \
         .name = "long_ties_last",                                                                 \
         .in = {TIES(3, 1301)},                                                                    \
         .attrs = {AI("select_last_index", 1)}},                                                   \
        {.op = op_, .name = "special_first", .in = {SPECIAL(13, 7)}},                              \
        {.op = op_,                                                                                \
         .name = "special_last",                                                                   \
         .in = {SPECIAL(13, 31)},                                                                  \
         .attrs = {AI("select_last_index", 1)}},                                                   \
        {.op = op_, .name = "no_lines", .in = {F32(0, 3)}, .out = {OUT(TN_I64, 0)}},               \
        {.op = op_, .name = "no_elements", .in = {F32(3, 0)}, .reject = "axis 1 has no elements"}, \
    {                                                                                              \
        .op = op_, .name = "no_axis", .in = {F32(3, 2)}, .attrs = {AI("axis", 2)},                 \
        .reject = "axis 2"                                                                         \
    }

#define TOP(name_, in_, k_, axis_, largest_)                                                 \
    {                                                                                        \
        .op = "top_k", .name = name_, .in = {in_},                                           \
        .attrs = {AI("k", k_), AI("axis", axis_), AI("largest", largest_)}, .tol = TOL_EXACT \
    }
#define TOP_GRAD(name_, in_, k_, axis_, largest_)                                      \
    {                                                                                  \
        .op = "top_k", .name = name_, .in = {in_},                                     \
        .attrs = {AI("k", k_), AI("axis", axis_), AI("largest", largest_)}, .grad = 1, \
        .tol = TOL_EXACT                                                               \
    }

static const struct op_case cases[] = {
    ARG("argmax"),
    ARG("argmin"),
    {.op = "argmin",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(3, 1, 1, 5, NAN, 4), 2, 3)},
     .want = {V(1, 1)}},
    {.op = "argmax",
     .name = "last_by_hand",
     .in = {LIT(TN_F32, V(3, 3, 1, NAN, NAN, 4), 2, 3)},
     .attrs = {AI("select_last_index", 1)},
     .want = {V(1, 1)}},

    {.op = "cumsum",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(1, 2, 3, 4, 5, 6), 2, 3)},
     .want = {V(1, 3, 6, 4, 9, 15)},
     .grad = 1},
    {.op = "cumsum",
     .name = "exclusive",
     .in = {LIT(TN_F32, V(1, 2, 3), 3)},
     .attrs = {AI("exclusive", 1)},
     .want = {V(0, 1, 3)},
     .grad = 1},
    {.op = "cumsum",
     .name = "reverse",
     .in = {LIT(TN_F32, V(1, 2, 3), 3)},
     .attrs = {AI("reverse", 1)},
     .want = {V(6, 5, 3)},
     .grad = 1},
    {.op = "cumsum",
     .name = "reverse_exclusive",
     .in = {LIT(TN_F32, V(1, 2, 3), 3)},
     .attrs = {AI("reverse", 1), AI("exclusive", 1)},
     .want = {V(5, 3, 0)},
     .grad = 1},
    {.op = "cumsum",
     .name = "middle",
     .in = {F32(3, 11, 5)},
     .attrs = {AI("axis", 1)},
     .grad = 1,
     .tol = TOL_SUM},
    {.op = "cumsum", .name = "long", .in = {F32(4099)}, .tol = TOL_SUM},
    {.op = "cumsum",
     .name = "long_columns",
     .in = {F32(1031, 3)},
     .attrs = {AI("axis", 0), AI("reverse", 1), AI("exclusive", 1)},
     .tol = TOL_SUM},
    {.op = "cumsum",
     .name = "special",
     .in = {LIT(TN_F32, V(1, INFINITY, -INFINITY, 2, NAN, 3), 2, 3)},
     .want = {V(1, INFINITY, NAN, 2, NAN, NAN)}},
    {.op = "cumsum",
     .name = "i32_wraps",
     .in = {LIT(TN_I32, V(2147483647, 1, 1), 3)},
     .want = {V(2147483647, -2147483648.0, -2147483647)}},
    {.op = "cumsum", .name = "i32_long", .in = {I32(-2000000000, 2000000000, 3, 1031)}},
    {.op = "cumsum",
     .name = "i64_columns",
     .in = {I64(-1000, 1000, 301, 3)},
     .attrs = {AI("axis", 0), AI("exclusive", 1)}},
    {.op = "cumsum", .name = "one", .in = {F32(5, 1)}, .tol = TOL_EXACT},
    {.op = "cumsum", .name = "empty", .in = {F32(3, 0)}, .out = {OUT(TN_F32, 3, 0)}},
    {.op = "cumsum", .name = "bools", .in = {BOOLS(3)}, .reject = "bool"},
    {.op = "cumsum",
     .name = "outside",
     .in = {F32(3)},
     .attrs = {AI("axis", -2)},
     .reject = "axis -2"},

    {.op = "top_k",
     .name = "many_rows_of_nothing",
     .in = {F32(2147483648, 0)},
     .attrs = {AI("k", 0)},
     .out = {OUT(TN_F32, 2147483648, 0), OUT(TN_I64, 2147483648, 0)}},
    {.op = "top_k",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(1, 5, 5, 2, NAN, 7, -INFINITY, 7), 2, 4)},
     .attrs = {AI("k", 3)},
     .want = {V(5, 5, 2, NAN, 7, 7), V(1, 2, 3, 0, 1, 3)}},
    {.op = "top_k",
     .name = "smallest_by_hand",
     .in = {LIT(TN_F32, V(1, 5, 5, 1, NAN, 7, -INFINITY, NAN), 2, 4)},
     .attrs = {AI("k", 3), AI("largest", 0)},
     .want = {V(1, 1, 5, -INFINITY, 7, NAN), V(0, 3, 1, 2, 1, 0)}},
    TOP_GRAD("rows", DISTINCT(7, 13), 3, -1, 1),
    TOP_GRAD("rows_smallest", DISTINCT(7, 13), 5, 1, 0),
    TOP_GRAD("columns", DISTINCT(11, 5), 4, 0, 1),
    TOP_GRAD("middle", DISTINCT(3, 11, 5), 2, -2, 0),
    TOP_GRAD("all_of_it", DISTINCT(3, 31), 31, 1, 1),
    TOP("ties", TIES(7, 31), 17, 1, 1),
    TOP("ties_smallest", TIES(31, 7), 17, 0, 0),
    /* a GPU walks each of so many lines by one work-item, and counts places in fewer */
    TOP("many_lines", TIES(331, 257), 5, 1, 1),
    TOP("special", SPECIAL(13, 61), 40, 1, 1),
    TOP("special_smallest", SPECIAL(13, 61), 40, 1, 0),
    TOP("long", F32(4099), 100, 0, 1),
    TOP("long_all", TIES(1031), 1031, 0, 0),
    TOP("one", F32(5, 1), 1, 1, 1),
    TOP("none", F32(5, 3), 0, 1, 1),
    TOP("i32", I32(-50, 50, 7, 61), 9, 1, 1),
    TOP("i64_smallest", I64(-50, 50, 61, 7), 9, 0, 0),
    {.op = "top_k",
     .name = "unsorted",
     .in = {F32(3, 17)},
     .attrs = {AI("k", 4), AI("sorted", 0)},
     .tol = TOL_EXACT},
    {.op = "top_k",
     .name = "no_lines",
     .in = {F32(0, 3)},
     .attrs = {AI("k", 2)},
     .out = {OUT(TN_F32, 0, 2), OUT(TN_I64, 0, 2)}},
    {.op = "top_k",
     .name = "too_many",
     .in = {F32(5, 3)},
     .attrs = {AI("k", 4)},
     .reject = "k is 4, must be from 0 to 3"},
    {.op = "top_k", .name = "scalar", .in = {F32_S}, .attrs = {AI("k", 1)}, .reject = "axis -1"},
    {.op = "top_k", .name = "bytes", .in = {BOOLS(3)}, .attrs = {AI("k", 1)}, .reject = "bool"},

    {.op = "top_k_grad",
     .name = "by_hand",
     .in = {LIT(TN_I64, V(2, 0, 1, 3), 2, 2), LIT(TN_F32, V(5, 6, 7, 8), 2, 2)},
     .attrs = {AV("shape", 2, 4)},
     .want = {V(6, 0, 5, 0, 0, 7, 0, 8)}},
    {.op = "top_k_grad",
     .name = "outside",
     .in = {LIT(TN_I64, V(-1, 3, 1), 3), LIT(TN_F32, V(5, 6, 7), 3)},
     .attrs = {AV("shape", 3)},
     .want = {V(0, 7, 0)}},
    {.op = "top_k_grad",
     .name = "first_axis",
     .in = {I64(0, 61, 1, 7), F32(1, 7)},
     .attrs = {AV("shape", 61, 7), AI("axis", 0)}},
    {.op = "top_k_grad",
     .name = "middle",
     .in = {I64(0, 11, 3, 1, 5), F32(3, 1, 5)},
     .attrs = {AV("shape", 3, 11, 5), AI("axis", 1)}},
    {.op = "top_k_grad",
     .name = "long",
     .in = {I64(0, 4099, 1), F32(1)},
     .attrs = {AV("shape", 4099)}},
    {.op = "top_k_grad",
     .name = "repeats",
     .in = {LIT(TN_I64, V(1, 1, 1), 3), LIT(TN_F32, V(1, 2, 4), 3)},
     .attrs = {AV("shape", 2)},
     .want = {V(0, 7)}},
    {.op = "top_k_grad",
     .name = "no_picks",
     .in = {I64(0, 1, 3, 0), F32(3, 0)},
     .attrs = {AV("shape", 3, 2)},
     .want = {V(0, 0, 0, 0, 0, 0)}},
    {.op = "top_k_grad",
     .name = "empty",
     .in = {I64(0, 1, 0, 2), F32(0, 2)},
     .attrs = {AV("shape", 0, 5)},
     .out = {OUT(TN_F32, 0, 5)}},
    {.op = "top_k_grad",
     .name = "misfit",
     .in = {I64(0, 3, 2, 2), F32(2, 2)},
     .attrs = {AV("shape", 3, 4)},
     .reject = "shape has 3 along axis 0"},
    {.op = "top_k_grad",
     .name = "i32",
     .in = {I32(0, 3, 2), F32(2)},
     .attrs = {AV("shape", 3)},
     .reject = "must be i64"},
};

OP_FAMILY(search, cases, search_golden);
