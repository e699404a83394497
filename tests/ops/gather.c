/* Cases of the operators that find elements by index, of one_hot and of range. */
#include "cases.h"

#include "../golden/gather.h"

#define A(...)      \
    {               \
        __VA_ARGS__ \
    }
#define TAKE(op_, name_, grad_, ids_, attrs_, ...)                                                \
    {                                                                                             \
        .op = op_, .name = name_, .in = {F32(__VA_ARGS__), ids_}, .attrs = attrs_, .grad = grad_, \
        .tol = TOL_EXACT                                                                          \
    }
#define GRAD_OF(name_, grad_, ids_, attrs_, ...)                                             \
    {                                                                                        \
        .op = "gather_grad", .name = name_, .in = {ids_, F32(__VA_ARGS__)}, .attrs = attrs_, \
        .grad = grad_, .tol = TOL_SUM                                                        \
    }
/* Rows of each type, some of them outside, some from the end. */
#define TYPES(op_, ids_, attrs_)                                                     \
    {.op = op_,                                                                      \
     .name = "f64",                                                                  \
     .in = {IN(TN_F64, FILL_UNIFORM, -2, 2, 7, 5), ids_},                            \
     .attrs = attrs_,                                                                \
     .tol = TOL_EXACT},                                                              \
        {.op = op_,                                                                  \
         .name = "f16",                                                              \
         .in = {IN(TN_F16, FILL_UNIFORM, -2, 2, 7, 5), ids_},                        \
         .attrs = attrs_,                                                            \
         .tol = TOL_EXACT},                                                          \
        {.op = op_,                                                                  \
         .name = "bf16",                                                             \
         .in = {IN(TN_BF16, FILL_UNIFORM, -2, 2, 7, 5), ids_},                       \
         .attrs = attrs_,                                                            \
         .tol = TOL_EXACT},                                                          \
        {.op = op_,                                                                  \
         .name = "i32",                                                              \
         .in = {IN(TN_I32, FILL_INTS, -99999, 99999, 7, 5), ids_},                   \
         .attrs = attrs_,                                                            \
         .tol = TOL_EXACT},                                                          \
        {.op = op_,                                                                  \
         .name = "i64",                                                              \
         .in = {IN(TN_I64, FILL_INTS, -1e12, 1e12, 7, 5), ids_},                     \
         .attrs = attrs_,                                                            \
         .tol = TOL_EXACT},                                                          \
        {.op = op_,                                                                  \
         .name = "u8",                                                               \
         .in = {IN(TN_U8, FILL_INTS, 0, 256, 7, 5), ids_},                           \
         .attrs = attrs_,                                                            \
         .tol = TOL_EXACT},                                                          \
    {                                                                                \
        .op = op_, .name = "bool", .in = {IN(TN_BOOL, FILL_INTS, 0, 2, 7, 5), ids_}, \
        .attrs = attrs_, .tol = TOL_EXACT                                            \
    }
#define ROWS_OUT I64(-9, 9, 3, 5)
#define ADDED(op_, name_, type, how, low, high, attrs_)           \
    {                                                             \
        .op = op_, .name = name_,                                 \
        .in = {IN(type, how, low, high, 7, 5), I32(-9, 9, 11, 5), \
               IN(type, how, low, high, 11, 5)},                  \
        .attrs = attrs_, .tol = TOL_SUM                           \
    }
#define PLACED(name_, type, how, low, high, attrs_)                                               \
    {                                                                                             \
        .op = "scatter_nd", .name = name_,                                                        \
        .in = {IN(type, how, low, high, 7, 5), I32(-9, 9, 6, 1), IN(type, how, low, high, 6, 5)}, \
        .attrs = attrs_, .tol = TOL_SUM                                                           \
    }
#define SUM_ND A(AS("reduction", "add"))
#define MUL_ND A(AS("reduction", "mul"))
#define MAX_ND A(AS("reduction", "max"))
#define MIN_ND A(AS("reduction", "min"))
#define LAST_ND A(AS("reduction", "none"))
#define SCATTER(name_, grad_, x_, ids_, u_, attrs_)                                               \
    {                                                                                             \
        .op = "scatter_add", .name = name_, .in = {x_, ids_, u_}, .attrs = attrs_, .grad = grad_, \
        .tol = TOL_SUM                                                                            \
    }
/* Of products and of what is only picked no terms are summed. */
#define JOINED(name_, tol_, grad_, x_, ids_, u_, attrs_)                                         \
    {                                                                                            \
        .op = "scatter_nd", .name = name_, .in = {x_, ids_, u_}, .attrs = attrs_, .grad = grad_, \
        .tol = tol_                                                                              \
    }
#define PLACE(name_, grad_, x_, ids_, u_, attrs_)                                                \
    {                                                                                            \
        .op = "scatter_nd", .name = name_, .in = {x_, ids_, u_}, .attrs = attrs_, .grad = grad_, \
        .tol = TOL_SUM                                                                           \
    }

static const struct op_case cases[] = {
    TAKE("gather", "rows", 1, I64(0, 7, 11), A(AI("axis", 0)), 7, 5),
    TAKE("gather", "columns", 1, I32(0, 5, 3), A(AI("axis", 1)), 7, 5),
    TAKE("gather", "middle", 1, I64(-5, 5, 2, 3), A(AI("axis", 1)), 3, 5, 2),
    TAKE("gather", "outside", 1, I64(-12, 12, 13), A(AI("axis", 0)), 7, 3),
    TAKE("gather", "one_index", 1, LIT_S(TN_I64, V(-1)), A(AI("axis", -1)), 3, 5),
    TAKE("gather", "of_one", 1, I64(-1, 1, 5), A(AI("axis", 0)), 1),
    TAKE("gather", "no_index", 0, I64(0, 1, 0), A(AI("axis", 0)), 3, 5),
    TAKE("gather", "of_nothing", 0, I64(-2, 2, 4), A(AI("axis", 0)), 0, 3),
    TAKE("gather", "large", 0, I32(-101, 101, 1009), A(AI("axis", 0)), 101, 3),
    {.op = "gather", .name = "special", .in = {SPECIAL(17), I64(-17, 17, 40)}, .tol = TOL_EXACT},
    {.op = "gather",
     .name = "huge_index",
     .in = {F32(5), LIT(TN_I64, V(4, 4294967296, -4294967297, 0), 4)},
     .tol = TOL_EXACT},
    TYPES("gather", I64(-9, 9, 4), A(AI("axis", 0))),
    {.op = "gather",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(1, 2, 3), 3), LIT(TN_I32, V(-1, 0, 3, -4, 1), 5)},
     .want = {V(3, 1, 0, 0, 2)}},
    {.op = "gather", .name = "float_index", .in = {F32(3), F32(2)}, .reject = "f32"},
    {.op = "gather",
     .name = "axis",
     .in = {F32(3), I64(0, 3, 2)},
     .attrs = {AI("axis", 1)},
     .reject = "axis 1"},
    {.op = "gather",
     .name = "rank",
     .in = {F32(1, 1, 1, 1, 1, 1), I64(0, 1, 1, 1, 1, 1)},
     .reject = "at most 8"},

    GRAD_OF("rows", 2, I64(0, 7, 11), A(AI("size", 7)), 11, 5),
    GRAD_OF("columns", 2, I32(-5, 5, 3), A(AI("axis", 1), AI("size", 5)), 7, 3),
    GRAD_OF("middle", 2, I64(-5, 5, 2, 3), A(AI("axis", 1), AI("size", 5)), 3, 2, 3, 2),
    GRAD_OF("outside", 2, I64(-12, 12, 13), A(AI("size", 7)), 13, 3),
    GRAD_OF("same", 2, I64(3, 4, 1009), A(AI("size", 5)), 1009, 2),
    GRAD_OF("many", 0, I32(-211, 211, 1500), A(AI("size", 211)), 1500, 7),
    GRAD_OF("wide", 0, I64(0, 37, 101), A(AI("size", 37)), 101, 67),
    GRAD_OF("batches", 0, I64(0, 37, 101), A(AI("axis", 1), AI("size", 37)), 5, 101, 3),
    GRAD_OF("one_index", 2, LIT_S(TN_I64, V(-2)), A(AI("size", 5)), 3),
    GRAD_OF("no_index", 0, I64(0, 1, 0), A(AI("size", 5)), 0, 3),
    GRAD_OF("of_nothing", 0, I64(0, 3, 4), A(AI("size", 0)), 4, 3),
    {.op = "gather_grad",
     .name = "nine axes",
     .in = {LIT_S(TN_I64, V(0)), F32(1, 1, 1, 1, 1, 1, 1, 2)},
     .attrs = {AI("size", 3)},
     .reject = "9 axes; at most 8"},
    {.op = "gather_grad",
     .name = "by_hand",
     .in = {LIT(TN_I64, V(1, -1, 1, 5), 4), LIT(TN_F32, V(1, 2, 3, 4), 4)},
     .attrs = {AI("size", 3)},
     .want = {V(0, 4, 2)}},
    {.op = "gather_grad",
     .name = "misfit",
     .in = {I64(0, 3, 4), F32(5, 3)},
     .attrs = {AI("size", 3)},
     .reject = "dims of indices"},
    {.op = "gather_grad",
     .name = "size",
     .in = {I64(0, 3, 4), F32(4)},
     .attrs = {AI("size", -1)},
     .reject = "size is -1"},

    TAKE("take_along_axis", "first", 1, I64(0, 7, 3, 5), A(AI("axis", 0)), 7, 5),
    TAKE("take_along_axis", "last", 1, I32(-5, 5, 7, 9), A(AI("axis", -1)), 7, 5),
    TAKE("take_along_axis", "middle", 1, I64(-5, 5, 3, 2, 2), A(AI("axis", 1)), 3, 5, 2),
    TAKE("take_along_axis", "smaller", 1, I64(0, 5, 2, 3), A(AI("axis", 1)), 7, 5),
    TAKE("take_along_axis", "outside", 1, I64(-12, 12, 9, 3), A(AI("axis", 0)), 7, 3),
    TAKE("take_along_axis", "vector", 1, I64(-11, 11, 5), A(AI("axis", 0)), 11),
    TAKE("take_along_axis", "no_index", 0, I64(0, 1, 0, 5), A(AI("axis", 0)), 3, 5),
    TAKE("take_along_axis", "of_nothing", 0, I64(-2, 2, 3, 2), A(AI("axis", 1)), 3, 0),
    TAKE("take_along_axis", "large", 0, I32(-61, 61, 61, 37), A(AI("axis", 0)), 61, 37),
    {.op = "take_along_axis",
     .name = "special",
     .in = {SPECIAL(17), I64(-17, 17, 40)},
     .tol = TOL_EXACT},
    TYPES("take_along_axis", ROWS_OUT, A(AI("axis", 0))),
    {.op = "take_along_axis",
     .name = "rank",
     .in = {F32(3, 5), I64(0, 3, 3)},
     .reject = "indices have 1 axes, but x has 2"},
    {.op = "take_along_axis",
     .name = "too_large",
     .in = {F32(3, 5), I64(0, 3, 3, 6)},
     .reject = "6 elements along axis 1, but x only 5"},

    SCATTER("first", 5, F32(7, 5), I64(0, 7, 3, 5), F32(3, 5), A(AI("axis", 0))),
    SCATTER("last", 5, F32(7, 5), I32(-5, 5, 7, 9), F32(7, 9), A(AI("axis", -1))),
    SCATTER("middle", 5, F32(3, 5, 2), I64(-5, 5, 3, 4, 2), F32(3, 4, 2), A(AI("axis", 1))),
    SCATTER("smaller", 4, F32(7, 5), I64(0, 5, 2, 3), F32(2, 3), A(AI("axis", 1))),
    SCATTER("outside", 5, F32(7, 3), I64(-12, 12, 9, 3), F32(9, 3), A(AI("axis", 0))),
    SCATTER("one_place", 5, F32(5), I64(2, 3, 1009), F32(1009), A(AI("axis", 0))),
    SCATTER("long", 0, F32(211), I32(-211, 211, 1500), F32(1500), A(AI("axis", 0))),
    SCATTER("long_columns", 0, F32(31, 3), I32(-31, 31, 257, 3), F32(257, 3), A(AI("axis", 0))),
    SCATTER("no_index", 1, F32(3, 5), I64(0, 1, 0, 5), F32(0, 5), A(AI("axis", 0))),
    SCATTER("of_nothing", 0, F32(0, 5), I64(0, 3, 2, 5), F32(2, 5), A(AI("axis", 0))),
    ADDED("scatter_add", "f64", TN_F64, FILL_UNIFORM, -2, 2, A(AI("axis", 0))),
    ADDED("scatter_add", "i32", TN_I32, FILL_INTS, -2e9, 2e9, A(AI("axis", 0))),
    ADDED("scatter_add", "i64", TN_I64, FILL_INTS, -1e12, 1e12, A(AI("axis", 0))),
    ADDED("scatter_add", "u8", TN_U8, FILL_INTS, 0, 256, A(AI("axis", 0))),
    {.op = "scatter_add",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(1, 2, 3), 3), LIT(TN_I32, V(-1, 0, 3, 0), 4),
            LIT(TN_F32, V(10, 20, 30, 40), 4)},
     .want = {V(61, 2, 13)}},
    {.op = "scatter_add",
     .name = "bool",
     .in = {BOOLS(3), I64(0, 3, 2), BOOLS(2)},
     .reject = "bool has no sum"},
    {.op = "scatter_add",
     .name = "misfit",
     .in = {F32(3), I64(0, 3, 2), F32(3)},
     .reject = "shape"},
    {.op = "scatter_add",
     .name = "mixed",
     .in = {F32(3), I64(0, 3, 2), I32(0, 3, 2)},
     .reject = "i32"},

    TAKE("gather_nd", "rows", 1, I64(0, 7, 4, 1), A(AI("batch_dims", 0)), 7, 5),
    TAKE("gather_nd", "elements", 1, I32(-5, 5, 11, 2), A(AI("batch_dims", 0)), 7, 5),
    TAKE("gather_nd", "planes", 1, I64(-3, 3, 2, 3, 2), A(AI("batch_dims", 0)), 3, 4, 5),
    TAKE("gather_nd", "batch", 1, I64(-5, 5, 3, 2, 1), A(AI("batch_dims", 1)), 3, 5, 2),
    TAKE("gather_nd", "two_batches", 1, I64(-5, 5, 2, 3, 2), A(AI("batch_dims", 2)), 2, 3, 5, 5),
    TAKE("gather_nd", "outside", 1, I64(-9, 9, 13, 2), A(AI("batch_dims", 0)), 5, 3),
    TAKE("gather_nd", "one", 1, I64(0, 3, 1), A(AI("batch_dims", 0)), 7, 5),
    TAKE("gather_nd", "no_index", 0, I64(0, 1, 0, 2), A(AI("batch_dims", 0)), 3, 5),
    TAKE("gather_nd", "of_nothing", 0, I64(0, 1, 3, 1), A(AI("batch_dims", 0)), 0, 5),
    TAKE("gather_nd", "large", 0, I64(-41, 41, 1009, 2), A(AI("batch_dims", 0)), 41, 53, 2),
    TYPES("gather_nd", I64(-9, 9, 4, 1), A(AI("batch_dims", 0))),
    {.op = "gather_nd",
     .name = "tuple",
     .in = {F32(3, 5), I64(0, 3, 4, 3)},
     .reject = "1 to 2 numbers"},
    {.op = "gather_nd",
     .name = "batch_misfit",
     .in = {F32(3, 5), I64(0, 3, 4, 1)},
     .attrs = {AI("batch_dims", 1)},
     .reject = "batch axis 0 has 3 elements in x, 4 in indices"},
    {.op = "gather_nd",
     .name = "too_many_batches",
     .in = {F32(3, 5), I64(0, 3, 3, 1)},
     .attrs = {AI("batch_dims", 2)},
     .reject = "batch_dims is 2"},

    PLACE("rows", 5, F32(7, 5), LIT(TN_I64, V(3, -1, 0), 3, 1), F32(3, 5), LAST_ND),
    PLACE("last_wins", 5, F32(4, 3), LIT(TN_I64, V(1, 3, 1, -1, 1), 5, 1), F32(5, 3), LAST_ND),
    PLACE("elements", 5, F32(3, 3), I64(-3, 3, 11, 2), F32(11), LAST_ND),
    PLACE("batch", 5, F32(2, 5), I64(-5, 5, 2, 4, 1), F32(2, 4), A(AI("batch_dims", 1))),
    PLACE("one", 5, F32(3, 5), LIT(TN_I64, V(2), 1), F32(5), LAST_ND),
    PLACE("outside", 5, F32(4, 2), I32(-9, 9, 12, 1), F32(12, 2), LAST_ND),
    PLACE("many", 0, F32(29, 3), I64(-29, 29, 400, 1), F32(400, 3), LAST_ND),
    PLACE("add_rows", 5, F32(7, 5), I64(-9, 9, 11, 1), F32(11, 5), SUM_ND),
    PLACE("add_elements", 5, F32(3, 4), I64(-3, 3, 13, 2), F32(13), SUM_ND),
    PLACE("add_batch", 5, F32(3, 5, 2), I64(-5, 5, 3, 4, 1), F32(3, 4, 2),
          A(AI("batch_dims", 1), AS("reduction", "add"))),
    PLACE("add_one_place", 0, F32(3, 2), I64(1, 2, 1009, 1), F32(1009, 2), SUM_ND),
    PLACE("add_many", 0, F32(211, 3), I32(-211, 211, 1500, 1), F32(1500, 3), SUM_ND),
    PLACE("no_index", 1, F32(3, 5), I64(0, 1, 0, 1), F32(0, 5), SUM_ND),
    PLACE("of_nothing", 0, F32(0, 5), I64(0, 1, 2, 1), F32(2, 5), SUM_ND),
    PLACED("f64", TN_F64, FILL_UNIFORM, -2, 2, SUM_ND),
    PLACED("i32", TN_I32, FILL_INTS, -2e9, 2e9, SUM_ND),
    PLACED("i64", TN_I64, FILL_INTS, -1e12, 1e12, SUM_ND),
    PLACED("u8", TN_U8, FILL_INTS, 0, 256, SUM_ND),
    JOINED("mul_rows", TOL_ELEMENTWISE, 5, F32(7, 5), I64(-9, 9, 11, 1), F32(11, 5), MUL_ND),
    JOINED("mul_elements", TOL_ELEMENTWISE, 5, F32(3, 4), I64(-3, 3, 13, 2), F32(13), MUL_ND),
    JOINED("mul_batch", TOL_ELEMENTWISE, 5, F32(3, 5, 2), I64(-5, 5, 3, 4, 1), F32(3, 4, 2),
           A(AI("batch_dims", 1), AS("reduction", "mul"))),
    JOINED("mul_zeros", TOL_ELEMENTWISE, 5, LIT(TN_F32, V(2, 0, 3, 0), 4),
           LIT(TN_I64, V(0, 0, 1, 1, 2, 2, 2, 3), 8, 1), LIT(TN_F32, V(0, 5, 4, 6, 0, 0, 7, 0), 8),
           MUL_ND),
    JOINED("mul_many", TOL_ELEMENTWISE, 0, F32(211, 3), I32(-211, 211, 1500, 1), F32(1500, 3),
           MUL_ND),
    JOINED("max_rows", TOL_EXACT, 5, F32(7, 5), I64(-9, 9, 11, 1), F32(11, 5), MAX_ND),
    JOINED("max_elements", TOL_EXACT, 5, F32(3, 4), I64(-3, 3, 13, 2), F32(13), MAX_ND),
    JOINED("max_many", TOL_EXACT, 0, F32(211, 3), I32(-211, 211, 1500, 1), F32(1500, 3), MAX_ND),
    JOINED("min_rows", TOL_EXACT, 5, F32(7, 5), I64(-9, 9, 11, 1), F32(11, 5), MIN_ND),
    JOINED("min_batch", TOL_EXACT, 5, F32(3, 5, 2), I64(-5, 5, 3, 4, 1), F32(3, 4, 2),
           A(AI("batch_dims", 1), AS("reduction", "min"))),
    JOINED("min_one_place", TOL_EXACT, 0, F32(3, 2), I64(1, 2, 1009, 1), F32(1009, 2), MIN_ND),
    {.op = "scatter_nd",
     .name = "max_special",
     .in = {SPECIAL(17), I64(-17, 17, 40, 1), SPECIAL(40)},
     .attrs = {AS("reduction", "max")},
     .tol = TOL_EXACT},
    {.op = "scatter_nd",
     .name = "min_special",
     .in = {SPECIAL(17), I64(-17, 17, 40, 1), SPECIAL(40)},
     .attrs = {AS("reduction", "min")},
     .tol = TOL_EXACT},
    {.op = "scatter_nd",
     .name = "mul_by_hand",
     .in = {LIT(TN_F32, V(1, 2, 3), 3), LIT(TN_I32, V(-1, 0, 3, 0), 4, 1),
            LIT(TN_F32, V(10, 20, 30, 40), 4)},
     .attrs = {AS("reduction", "mul")},
     .want = {V(800, 2, 30)}},
    {.op = "scatter_nd",
     .name = "max_by_hand",
     .in = {LIT(TN_I32, V(1, 25, -3), 3), LIT(TN_I32, V(-1, 1, 3, 1), 4, 1),
            LIT(TN_I32, V(-10, 20, 30, 7), 4)},
     .attrs = {AS("reduction", "max")},
     .want = {V(1, 25, -3)}},
    {.op = "scatter_nd",
     .name = "min_by_hand",
     .in = {LIT(TN_I64, V(1, 25, -3), 3), LIT(TN_I32, V(-1, 1, 3, 1), 4, 1),
            LIT(TN_I64, V(-10, 20, 30, 7), 4)},
     .attrs = {AS("reduction", "min")},
     .want = {V(1, 7, -10)}},
    PLACED("mul_f64", TN_F64, FILL_UNIFORM, -2, 2, MUL_ND),
    PLACED("mul_i32", TN_I32, FILL_INTS, -2e9, 2e9, MUL_ND),
    PLACED("mul_i64", TN_I64, FILL_INTS, -1e12, 1e12, MUL_ND),
    PLACED("mul_u8", TN_U8, FILL_INTS, 0, 256, MUL_ND),
    PLACED("max_f64", TN_F64, FILL_UNIFORM, -2, 2, MAX_ND),
    PLACED("max_i32", TN_I32, FILL_INTS, -2e9, 2e9, MAX_ND),
    PLACED("max_i64", TN_I64, FILL_INTS, -1e12, 1e12, MAX_ND),
    PLACED("min_u8", TN_U8, FILL_INTS, 0, 256, MIN_ND),
    {.op = "scatter_nd",
     .name = "mul_bool",
     .in = {BOOLS(3), I64(0, 3, 2, 1), BOOLS(2)},
     .attrs = {AS("reduction", "mul")},
     .reject = "bool has no product"},
    PLACED("last_f64", TN_F64, FILL_UNIFORM, -2, 2, LAST_ND),
    PLACED("last_f16", TN_F16, FILL_UNIFORM, -2, 2, LAST_ND),
    PLACED("last_bf16", TN_BF16, FILL_UNIFORM, -2, 2, LAST_ND),
    PLACED("last_i32", TN_I32, FILL_INTS, -99, 99, LAST_ND),
    PLACED("last_i64", TN_I64, FILL_INTS, -99, 99, LAST_ND),
    PLACED("last_u8", TN_U8, FILL_INTS, 0, 256, LAST_ND),
    PLACED("last_bool", TN_BOOL, FILL_INTS, 0, 2, LAST_ND),
    {.op = "scatter_nd",
     .name = "misfit",
     .in = {F32(7, 5), I64(0, 7, 3, 1), F32(3, 4)},
     .reject = "updates must be [3, 5]"},
    {.op = "scatter_nd",
     .name = "reduction",
     .in = {F32(3), I64(0, 3, 3, 1), F32(3)},
     .attrs = {AS("reduction", "mean")},
     .reject = "must be none, add, mul, max or min"},
    {.op = "scatter_nd",
     .name = "bool_sum",
     .in = {BOOLS(3), I64(0, 3, 3, 1), BOOLS(3)},
     .attrs = {AS("reduction", "add")},
     .reject = "bool has no sum"},

#define HOT(name_, ids_, ...)                                                                  \
    {                                                                                          \
        .op = "one_hot", .name = name_, .in = {ids_}, .attrs = {__VA_ARGS__}, .tol = TOL_EXACT \
    }
    HOT("vector", I64(0, 7, 11), AI("depth", 7)),
    HOT("outside", I64(-12, 12, 13), AI("depth", 5)),
    HOT("first_axis", I32(-3, 3, 5, 7), AI("depth", 3), AI("axis", 0)),
    HOT("middle_axis", I32(0, 3, 5, 7), AI("depth", 3), AI("axis", -2)),
    HOT("values", I64(0, 3, 5), AI("depth", 3), AF("on_value", 2.5), AF("off_value", -0.5)),
    HOT("scalar", LIT_S(TN_I64, V(2)), AI("depth", 5)),
    HOT("depth_1", I64(-2, 2, 7), AI("depth", 1)),
    HOT("nothing", I64(0, 1, 0, 3), AI("depth", 4)),
    HOT("large", I64(0, 101, 211), AI("depth", 101)),
    HOT("f64", I64(0, 3, 5), AI("depth", 3), AS("dtype", "f64")),
    HOT("f16", I64(0, 3, 5), AI("depth", 3), AF("on_value", 0.1), AS("dtype", "f16")),
    HOT("bf16", I64(0, 3, 5), AI("depth", 3), AF("on_value", 0.1), AS("dtype", "bf16")),
    HOT("bf16 that f32 rounds to ties", I64(0, 3, 5), AI("depth", 3),
        AF("on_value", 1 + 0x1p-8 + 0x1p-40), AF("off_value", 1 + 0x1.8p-7 - 0x1p-40),
        AS("dtype", "bf16")),
    HOT("i32", I64(0, 3, 5), AI("depth", 3), AF("on_value", -7.9), AS("dtype", "i32")),
    HOT("i64", I32(0, 3, 5), AI("depth", 3), AF("on_value", 1e15), AS("dtype", "i64")),
    HOT("u8", I64(0, 3, 5), AI("depth", 3), AF("on_value", 999), AS("dtype", "u8")),
    HOT("bool", I64(0, 3, 5), AI("depth", 3), AS("dtype", "bool")),
    {.op = "one_hot",
     .name = "by_hand",
     .in = {LIT(TN_I64, V(1, -1, 3), 3)},
     .attrs = {AI("depth", 3)},
     .want = {V(0, 1, 0, 0, 0, 1, 0, 0, 0)}},
    {.op = "one_hot",
     .name = "depth",
     .in = {I64(0, 3, 5)},
     .attrs = {AI("depth", 0)},
     .reject = "depth is 0"},
    {.op = "one_hot", .name = "float", .in = {F32(3)}, .attrs = {AI("depth", 3)}, .reject = "f32"},
    {.op = "one_hot",
     .name = "axis",
     .in = {I64(0, 3, 5)},
     .attrs = {AI("depth", 3), AI("axis", 2)},
     .reject = "axis 2"},

#define RANGE_OF(name_, ...)                                                   \
    {                                                                          \
        .op = "range", .name = name_, .attrs = {__VA_ARGS__}, .tol = TOL_EXACT \
    }
    RANGE_OF("plain", AI("count", 1009)),
    RANGE_OF("cancels", AI("count", 2001), AF("start", -1), AF("step", 0.001)),
    RANGE_OF("down", AI("count", 7), AF("start", 3), AF("step", -0.75)),
    RANGE_OF("shaped", AV("shape", 3, 5)),
    RANGE_OF("empty", AI("count", 0)),
    RANGE_OF("one", AI("count", 1), AF("start", 5)),
    RANGE_OF("still", AI("count", 5), AF("start", 2), AF("step", 0)),
    RANGE_OF("empty_shape", AV("shape", 3, 0)),
    RANGE_OF("f64", AI("count", 7), AF("step", 0.1), AS("dtype", "f64")),
    RANGE_OF("f16", AI("count", 7), AF("step", 0.1), AS("dtype", "f16")),
    RANGE_OF("f16_small", AI("count", 9), AF("step", 1e-6), AS("dtype", "f16")),
    RANGE_OF("f16_large", AI("count", 4), AF("step", 30000), AS("dtype", "f16")),
    RANGE_OF("bf16", AI("count", 7), AF("step", 0.1), AS("dtype", "bf16")),
    RANGE_OF("bf16 that f32 rounds to ties", AI("count", 4), AF("start", 1 + 0x1p-8 + 0x1p-40),
             AF("step", 0x1p-7), AS("dtype", "bf16")),
    RANGE_OF("i32", AI("count", 7), AF("start", -3), AF("step", 5), AS("dtype", "i32")),
    RANGE_OF("i32_cut", AI("count", 7), AF("start", -3.5), AF("step", 0.75), AS("dtype", "i32")),
    RANGE_OF("i32_saturates", AI("count", 5), AF("start", 2147483646), AS("dtype", "i32")),
    RANGE_OF("i64", AI("count", 7), AF("start", -1e12), AF("step", 3), AS("dtype", "i64")),
    RANGE_OF("u8", AI("count", 7), AF("start", 3), AF("step", 5), AS("dtype", "u8")),
    RANGE_OF("u8_saturates", AI("count", 300), AS("dtype", "u8")),
    RANGE_OF("bool", AI("count", 3), AS("dtype", "bool")),
    {.op = "range", .name = "neither", .attrs = {AF("start", 1)}, .reject = "count is -1"},
    {.op = "range",
     .name = "both",
     .attrs = {AI("count", 3), AV("shape", 3)},
     .reject = "either count or shape"},
    {.op = "range",
     .name = "dtype",
     .attrs = {AI("count", 3), AS("dtype", "int")},
     .reject = "is no dtype"},
};

OP_FAMILY(gather, cases, gather_golden);
