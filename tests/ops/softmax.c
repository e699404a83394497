/* Cases of softmax, log_softmax and their gradients. */
#include "cases.h"

#include "../golden/softmax.h"

#define SOFTMAX(name_, tol_)                                                                \
    {.op = name_,                                                                           \
     .name = "rows",                                                                        \
     .in = {F32(7, 10)},                                                                    \
     .grad = 1,                                                                             \
     .out = {OUT(TN_F32, 7, 10)},                                                           \
     .tol = tol_},                                                                          \
        {.op = name_,                                                                       \
         .name = "first_axis",                                                              \
         .in = {F32(7, 5)},                                                                 \
         .attrs = {AI("axis", 0)},                                                          \
         .grad = 1,                                                                         \
         .tol = tol_},                                                                      \
        {.op = name_,                                                                       \
         .name = "middle_axis",                                                             \
         .in = {F32(3, 11, 2)},                                                             \
         .attrs = {AI("axis", -2)},                                                         \
         .grad = 1,                                                                         \
         .tol = tol_},                                                                      \
        {.op = name_, .name = "vector", .in = {F32(13)}, .grad = 1, .tol = tol_},           \
        {.op = name_, .name = "of_one", .in = {F32(5, 1)}, .grad = 1, .tol = tol_},         \
        {.op = name_, .name = "one_row", .in = {F32(1, 3)}, .grad = 1, .tol = tol_},        \
        {.op = name_, .name = "long", .in = {RANGE(-5, 5, 3, 1031)}, .tol = tol_},          \
        {.op = name_, .name = "many", .in = {RANGE(-5, 5, 257, 3)}, .tol = tol_},           \
        {.op = name_, .name = "ties", .in = {TIES(7, 5)}, .tol = tol_},                     \
        {.op = name_, .name = "wide", .in = {RANGE(-80, 80, 5, 17)}, .tol = tol_},          \
        {.op = name_, .name = "special", .in = {SPECIAL(17, 3)}, .tol = tol_},              \
        {.op = name_, .name = "no_rows", .in = {F32(0, 3)}, .out = {OUT(TN_F32, 0, 3)}},    \
        {.op = name_,                                                                       \
         .name = "many_rows_of_nothing",                                                    \
         .in = {F32(2147483648, 0)},                                                        \
         .out = {OUT(TN_F32, 2147483648, 0)}},                                              \
        {.op = name_, .name = "no_classes", .in = {F32(3, 0)}, .out = {OUT(TN_F32, 3, 0)}}, \
        {.op = name_,                                                                       \
         .name = "outside",                                                                 \
         .in = {F32(3, 5)},                                                                 \
         .attrs = {AI("axis", 2)},                                                          \
         .reject = "axis 2"},                                                               \
        {.op = name_, .name = "scalar", .in = {F32_S}, .reject = "axis -1 of a scalar"},    \
    {                                                                                       \
        .op = name_, .name = "integers", .in = {I32(0, 3, 3)}, .reject = "i32"              \
    }

#define SOFTMAX_GRAD(name_, low, high)                                                            \
    {.op = name_,                                                                                 \
     .name = "rows",                                                                              \
     .in = {RANGE(low, high, 7, 10), F32(7, 10)},                                                 \
     .out = {OUT(TN_F32, 7, 10)},                                                                 \
     .tol = TOL_COMPOSITE},                                                                       \
        {.op = name_,                                                                             \
         .name = "first_axis",                                                                    \
         .in = {RANGE(low, high, 7, 5), F32(7, 5)},                                               \
         .attrs = {AI("axis", 0)},                                                                \
         .tol = TOL_COMPOSITE},                                                                   \
        {.op = name_,                                                                             \
         .name = "middle_axis",                                                                   \
         .in = {RANGE(low, high, 3, 11, 2), F32(3, 11, 2)},                                       \
         .attrs = {AI("axis", 1)},                                                                \
         .tol = TOL_COMPOSITE},                                                                   \
        {.op = name_,                                                                             \
         .name = "of_one",                                                                        \
         .in = {RANGE(low, high, 5, 1), F32(5, 1)},                                               \
         .tol = TOL_COMPOSITE},                                                                   \
        {.op = name_,                                                                             \
         .name = "long",                                                                          \
         .in = {RANGE(low, high, 2, 509), F32(2, 509)},                                           \
         .tol = TOL_COMPOSITE},                                                                   \
        {.op = name_, .name = "empty", .in = {F32(0, 3), F32(0, 3)}, .out = {OUT(TN_F32, 0, 3)}}, \
        {.op = name_, .name = "misfit", .in = {F32(3, 5), F32(3, 4)}, .reject = "shape"},         \
        {.op = name_,                                                                             \
         .name = "mixed",                                                                         \
         .in = {F32(3), IN(TN_F64, FILL_UNIFORM, 0, 1, 3)},                                       \
         .reject = "f64"},                                                                        \
    {                                                                                             \
        .op = name_, .name = "outside", .in = {F32(3), F32(3)}, .attrs = {AI("axis", -2)},        \
        .reject = "axis -2"                                                                       \
    }

static const struct op_case cases[] = {
    SOFTMAX("softmax", TOL_ELEMENTWISE),
    SOFTMAX("log_softmax", TOL_COMPOSITE),
    {.op = "softmax",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(0, 0, 0, 0), 2, 2)},
     .want = {V(0.5, 0.5, 0.5, 0.5)}},
    SOFTMAX_GRAD("softmax_grad", 0, 0.5),
    SOFTMAX_GRAD("log_softmax_grad", -5, 0),
    {.op = "softmax_grad",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(0.25, 0.75), 2), LIT(TN_F32, V(4, 8), 2)},
     .want = {V(-0.75, 0.75)}},

    /* Half precision, where a device has it. */
    {.op = "softmax",
     .name = "f16",
     .in = {IN(TN_F16, FILL_UNIFORM, -2, 2, 5, 7)},
     .out = {OUT(TN_F16, 5, 7)},
     .tol = TOL_COMPOSITE},
    {.op = "softmax",
     .name = "bf16",
     .in = {IN(TN_BF16, FILL_UNIFORM, -2, 2, 5, 7)},
     .out = {OUT(TN_BF16, 5, 7)},
     .tol = TOL_COMPOSITE},
};

OP_FAMILY(softmax, cases, softmax_golden);
