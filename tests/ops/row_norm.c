/* layer_norm, group_norm, instance_norm, rms_norm, local_response_norm and their gradients. The
 * statistics that a gradient takes are drawn by themselves: it is a function of them. */
#include "cases.h"

#include "../golden/norm.h"

/* What the four have in common. __VA_ARGS__: attributes. Shapes suit an axis of the last two dims
 * and two groups. Gradients by scale and bias too. */
#define NORM(op_, p_, attrs_, stats_, ins_, grad_)                                               \
    {.op = op_,                                                                                  \
     .name = "odd sizes",                                                                        \
     .in = {F32(3, 6, 7), ins_},                                                                 \
     .attrs = {attrs_},                                                                          \
     .out = {OUT(TN_F32, 3, 6, 7), stats_},                                                      \
     .grad = grad_,                                                                              \
     .tol = TOL_COMPOSITE},                                                                      \
        {.op = op_,                                                                              \
         .name = "epsilon",                                                                      \
         .in = {F32(3, 6, 7), ins_},                                                             \
         .attrs = {AF("epsilon", 0.75), attrs_},                                                 \
         .grad = grad_,                                                                          \
         .tol = TOL_COMPOSITE},                                                                  \
        {.op = op_,                                                                              \
         .name = "mean far above the deviation",                                                 \
         .in = {RANGE(30, 31, 3, 6, 7), ins_},                                                   \
         .attrs = {attrs_},                                                                      \
         .tol = TOL_COMPOSITE},                                                                  \
        {.op = op_,                                                                              \
         .name = "no scale",                                                                     \
         .in = {F32(3, 6, 7)},                                                                   \
         .attrs = {attrs_},                                                                      \
         .grad = 1,                                                                              \
         .tol = TOL_COMPOSITE},                                                                  \
        {.op = op_,                                                                              \
         .name = "no samples",                                                                   \
         .in = {F32(0, 6, 7), ins_},                                                             \
         .attrs = {attrs_},                                                                      \
         .out = {OUT(TN_F32, 0, 6, 7)}},                                                         \
        {.op = op_,                                                                              \
         .name = "f16",                                                                          \
         .in = {IN(TN_F16, FILL_UNIFORM, -2, 2, 3, 6, 7)},                                       \
         .attrs = {attrs_},                                                                      \
         .out = {OUT(TN_F16, 3, 6, 7), stats_},                                                  \
         .tol = TOL_COMPOSITE},                                                                  \
        {.op = op_,                                                                              \
         .name = "bf16",                                                                         \
         .in = {IN(TN_BF16, FILL_UNIFORM, -2, 2, 3, 6, 7)},                                      \
         .attrs = {attrs_},                                                                      \
         .out = {OUT(TN_BF16, 3, 6, 7), stats_},                                                 \
         .tol = TOL_COMPOSITE},                                                                  \
        {.op = op_,                                                                              \
         .name = "scale's shape",                                                                \
         .in = {F32(3, 6, 7), F32(5)},                                                           \
         .attrs = {attrs_},                                                                      \
         .reject = "'scale' has shape [5], must have " p_},                                      \
        {.op = op_,                                                                              \
         .name = "scale's dtype",                                                                \
         .in = {F32(3, 6, 7), IN(TN_F64, FILL_UNIFORM, 0, 1, 6)},                                \
         .attrs = {attrs_},                                                                      \
         .reject = "f32 and f64"},                                                               \
        {.op = op_,                                                                              \
         .name = "negative epsilon",                                                             \
         .in = {F32(3, 6, 7)},                                                                   \
         .attrs = {AF("epsilon", -1), attrs_},                                                   \
         .reject = "epsilon is -1"},                                                             \
        {.op = op_,                                                                              \
         .name = "integers",                                                                     \
         .in = {I32(0, 5, 3, 6, 7)},                                                             \
         .attrs = {attrs_},                                                                      \
         .reject = "i32"},                                                                       \
    {                                                                                            \
        .op = op_, .name = "nothing to take a mean of", .in = {F32(3, 6, 0)}, .attrs = {attrs_}, \
        .reject = "no element per row"                                                           \
    }

/* in: x, scale?, statistics, dy */
#define NORM_GRAD(op_, attrs_, params_, stats_, bad_)                                              \
    {.op = op_,                                                                                    \
     .name = "odd sizes",                                                                          \
     .in = {F32(3, 6, 7), params_, stats_, F32(3, 6, 7)},                                          \
     .attrs = {attrs_},                                                                            \
     .out = {OUT(TN_F32, 3, 6, 7)},                                                                \
     .tol = TOL_COMPOSITE},                                                                        \
        {.op = op_,                                                                                \
         .name = "no scale",                                                                       \
         .in = {F32(3, 6, 7), {0}, stats_, F32(3, 6, 7)},                                          \
         .attrs = {attrs_},                                                                        \
         .tol = TOL_COMPOSITE},                                                                    \
        {.op = op_,                                                                                \
         .name = "far from the mean",                                                              \
         .in = {RANGE(30, 31, 3, 6, 7), params_, stats_, F32(3, 6, 7)},                            \
         .attrs = {attrs_},                                                                        \
         .tol = TOL_COMPOSITE},                                                                    \
        {.op = op_,                                                                                \
         .name = "dy's shape",                                                                     \
         .in = {F32(3, 6, 7), params_, stats_, F32(3, 6, 8)},                                      \
         .attrs = {attrs_},                                                                        \
         .reject = "must have one shape"},                                                         \
    {                                                                                              \
        .op = op_, .name = "statistics' shape", .in = {F32(3, 6, 7), params_, bad_, F32(3, 6, 7)}, \
        .attrs = {attrs_}, .reject = "a number per normalised row"                                 \
    }

#define PAIR(...) F32(__VA_ARGS__), F32(__VA_ARGS__)
#define STAT(...) F32(__VA_ARGS__), RANGE(0.5, 2, __VA_ARGS__)
#define OUTS(...) OUT(TN_F32, __VA_ARGS__), OUT(TN_F32, __VA_ARGS__)

/* clang-format off: one case a line or two */
static const struct op_case cases[] = {
    NORM("layer_norm", "[6, 7]", AI("axis", -2), OUTS(3, 1, 1), PAIR(6, 7), 7),
    {.op = "layer_norm",
     .name = "by hand",
     .in = {LIT(TN_F32, V(1, 3, 5, 5), 2, 2), LIT(TN_F32, V(2, 4), 2), LIT(TN_F32, V(10, 20), 2)},
     .attrs = {AF("epsilon", 3)},
     .want = {V(9, 22, 10, 20), V(2, 5), V(0.5, 0.57735026918962576)},
     .tol = TOL_COMPOSITE},
    {.op = "layer_norm",
     .name = "vector",
     .in = {F32(13), PAIR(13)},
     .out = {OUT(TN_F32, 13), OUTS(1)},
     .grad = 7,
     .tol = TOL_COMPOSITE},
    {.op = "layer_norm",
     .name = "from the first axis",
     .in = {F32(3, 2, 5), PAIR(3, 2, 5)},
     .attrs = {AI("axis", 0)},
     .out = {OUT(TN_F32, 3, 2, 5), OUTS(1, 1, 1)},
     .grad = 7,
     .tol = TOL_COMPOSITE},
    {.op = "layer_norm",
     .name = "bias alone",
     .in = {F32(5, 3), {0}, F32(3)},
     .grad = 5,
     .tol = TOL_COMPOSITE},
    {.op = "layer_norm", .name = "of one", .in = {F32(5, 1), PAIR(1)}, .tol = TOL_COMPOSITE},
    {.op = "layer_norm",
     .name = "long",
     .in = {RANGE(7, 8, 5, 1031), PAIR(1031)},
     .tol = TOL_COMPOSITE},
    {.op = "layer_norm",
     .name = "one long row",
     .in = {RANGE(-1, 9, 1, 8209), PAIR(8209)},
     .tol = TOL_COMPOSITE},
    {.op = "layer_norm", .name = "many", .in = {F32(1021, 3), PAIR(3)}, .tol = TOL_COMPOSITE},
    {.op = "layer_norm",
     .name = "outside",
     .in = {F32(3, 5)},
     .attrs = {AI("axis", 2)},
     .reject = "axis 2"},
    {.op = "layer_norm", .name = "scalar", .in = {F32_S}, .reject = "at least 1 dims"},
    {.op = "layer_norm",
     .name = "bias's shape",
     .in = {F32(3, 5), F32(5), F32(3)},
     .reject = "'bias' has shape [3]"},

    NORM("group_norm", "[6]", AI("num_groups", 2), OUTS(3, 2), PAIR(6), 7),
    {.op = "group_norm",
     .name = "rank 2",
     .in = {F32(5, 6), PAIR(6)},
     .attrs = {AI("num_groups", 3)},
     .out = {OUT(TN_F32, 5, 6), OUTS(5, 3)},
     .grad = 7,
     .tol = TOL_COMPOSITE},
    {.op = "group_norm",
     .name = "images",
     .in = {F32(2, 10, 5, 7), PAIR(10)},
     .attrs = {AI("num_groups", 5)},
     .grad = 7,
     .tol = TOL_COMPOSITE},
    {.op = "group_norm",
     .name = "volumes",
     .in = {F32(2, 4, 3, 2, 5), PAIR(4)},
     .attrs = {AI("num_groups", 4)},
     .grad = 7,
     .tol = TOL_COMPOSITE},
    {.op = "group_norm",
     .name = "one group",
     .in = {F32(3, 5, 11, 13), PAIR(5)},
     .attrs = {AI("num_groups", 1)},
     .tol = TOL_COMPOSITE},
    {.op = "group_norm",
     .name = "large groups",
     .in = {RANGE(7, 8, 3, 4, 37, 41), PAIR(4)},
     .attrs = {AI("num_groups", 2)},
     .tol = TOL_COMPOSITE},
    {.op = "group_norm",
     .name = "many samples",
     .in = {F32(509, 4, 3), PAIR(4)},
     .attrs = {AI("num_groups", 2)},
     .tol = TOL_COMPOSITE},
    {.op = "group_norm",
     .name = "groups that do not divide",
     .in = {F32(3, 5, 2)},
     .attrs = {AI("num_groups", 2)},
     .reject = "num_groups is 2, must be at least 1 and divide the 5 channels"},
    {.op = "group_norm",
     .name = "no groups",
     .in = {F32(3, 5, 2)},
     .attrs = {AI("num_groups", 0)},
     .reject = "num_groups is 0"},
    {.op = "group_norm",
     .name = "rank 1",
     .in = {F32(3)},
     .attrs = {AI("num_groups", 1)},
     .reject = "at least 2 dims"},

    NORM("instance_norm", "[6]", {0}, OUTS(3, 6), PAIR(6), 7),
    {.op = "instance_norm",
     .name = "by hand",
     .in = {LIT(TN_F32, V(1, 3, 2, 6), 1, 2, 2), LIT(TN_F32, V(2, 10), 2), LIT(TN_F32, V(5, 6), 2)},
     .attrs = {AF("epsilon", 0)},
     .want = {V(3, 7, -4, 16), V(2, 4), V(1, 0.5)},
     .tol = TOL_COMPOSITE},
    {.op = "instance_norm",
     .name = "images",
     .in = {F32(2, 3, 5, 7), PAIR(3)},
     .grad = 7,
     .tol = TOL_COMPOSITE},
    {.op = "instance_norm",
     .name = "volumes",
     .in = {F32(2, 3, 2, 5, 3), PAIR(3)},
     .grad = 7,
     .tol = TOL_COMPOSITE},
    {.op = "instance_norm",
     .name = "no channels",
     .in = {F32(2, 0, 3), PAIR(0)},
     .out = {OUT(TN_F32, 2, 0, 3), OUT(TN_F32, 2, 0), OUT(TN_F32, 2, 0)}},
    {.op = "instance_norm", .name = "rank 2", .in = {F32(5, 3), PAIR(3)}, .tol = TOL_COMPOSITE},
    {.op = "instance_norm",
     .name = "large",
     .in = {RANGE(7, 8, 3, 2, 61, 67), PAIR(2)},
     .tol = TOL_COMPOSITE},
    {.op = "instance_norm",
     .name = "many samples",
     .in = {F32(257, 2, 5), PAIR(2)},
     .tol = TOL_COMPOSITE},
    {.op = "instance_norm", .name = "rank 1", .in = {F32(3)}, .reject = "at least 2 dims"},

    NORM("rms_norm", "[6, 7]", AI("axis", -2), OUT(TN_F32, 3, 1, 1), F32(6, 7), 3),
    {.op = "rms_norm",
     .name = "by hand",
     .in = {LIT(TN_F32, V(1, 7, 0, 0), 2, 2), LIT(TN_F32, V(10, 1), 2)},
     .attrs = {AF("epsilon", 0.25)},
     .want = {V(1.990074380420065, 1.3930520662940455, 0, 0), V(0.1990074380420065, 2)},
     .tol = TOL_COMPOSITE},
    {.op = "rms_norm",
     .name = "vector",
     .in = {F32(13), F32(13)},
     .out = {OUT(TN_F32, 13), OUT(TN_F32, 1)},
     .grad = 3,
     .tol = TOL_COMPOSITE},
    {.op = "rms_norm",
     .name = "from the first axis",
     .in = {F32(3, 2, 5), F32(3, 2, 5)},
     .attrs = {AI("axis", 0)},
     .grad = 3,
     .tol = TOL_COMPOSITE},
    {.op = "rms_norm", .name = "long", .in = {F32(5, 1031), F32(1031)}, .tol = TOL_COMPOSITE},
    {.op = "rms_norm",
     .name = "one long row",
     .in = {F32(1, 8209), F32(8209)},
     .tol = TOL_COMPOSITE},
    {.op = "rms_norm", .name = "many", .in = {F32(1021, 3), F32(3)}, .tol = TOL_COMPOSITE},
    {.op = "rms_norm",
     .name = "outside",
     .in = {F32(3, 5)},
     .attrs = {AI("axis", -3)},
     .reject = "axis -3"},

    NORM_GRAD("layer_norm_grad", AI("axis", -2), F32(6, 7), STAT(3, 1, 1), STAT(3)),
    {.op = "layer_norm_grad",
     .name = "long",
     .in = {F32(5, 1031), F32(1031), STAT(5, 1), F32(5, 1031)},
     .tol = TOL_COMPOSITE},
    {.op = "layer_norm_grad",
     .name = "many",
     .in = {F32(1021, 37), F32(37), STAT(1021, 1), F32(1021, 37)},
     .tol = TOL_COMPOSITE},
    {.op = "layer_norm_grad",
     .name = "of one",
     .in = {F32(5, 1), F32(1), STAT(5, 1), F32(5, 1)},
     .tol = TOL_COMPOSITE},
    {.op = "layer_norm_grad",
     .name = "no rows",
     .in = {F32(0, 5), F32(5), STAT(0, 1), F32(0, 5)},
     .out = {OUT(TN_F32, 0, 5), OUTS(5)},
     .want = {V(0), V(0, 0, 0, 0, 0), V(0, 0, 0, 0, 0)}},
    {.op = "layer_norm_grad",
     .name = "from the first axis",
     .in = {F32(3, 5), F32(3, 5), STAT(1, 1), F32(3, 5)},
     .attrs = {AI("axis", 0)},
     .tol = TOL_COMPOSITE},
    NORM_GRAD("group_norm_grad", AI("num_groups", 2), F32(6), STAT(3, 2), STAT(3, 1)),
    {.op = "group_norm_grad",
     .name = "images",
     .in = {F32(2, 10, 5, 7), F32(10), STAT(2, 5), F32(2, 10, 5, 7)},
     .attrs = {AI("num_groups", 5)},
     .tol = TOL_COMPOSITE},
    {.op = "group_norm_grad",
     .name = "large groups",
     .in = {F32(3, 4, 37, 41), F32(4), STAT(3, 2), F32(3, 4, 37, 41)},
     .attrs = {AI("num_groups", 2)},
     .tol = TOL_COMPOSITE},
    {.op = "group_norm_grad",
     .name = "many samples",
     .in = {F32(509, 4, 3), F32(4), STAT(509, 2), F32(509, 4, 3)},
     .attrs = {AI("num_groups", 2)},
     .tol = TOL_COMPOSITE},
    {.op = "group_norm_grad",
     .name = "rank 2",
     .in = {F32(7, 6), F32(6), STAT(7, 3), F32(7, 6)},
     .attrs = {AI("num_groups", 3)},
     .tol = TOL_COMPOSITE},
    {.op = "group_norm_grad",
     .name = "no samples",
     .in = {F32(0, 4, 3), F32(4), STAT(0, 2), F32(0, 4, 3)},
     .attrs = {AI("num_groups", 2)},
     .want = {V(0), V(0, 0, 0, 0), V(0, 0, 0, 0)}},
    NORM_GRAD("instance_norm_grad", {0}, F32(6), STAT(3, 6), STAT(3, 1)),
    {.op = "instance_norm_grad",
     .name = "images",
     .in = {F32(2, 3, 5, 7), F32(3), STAT(2, 3), F32(2, 3, 5, 7)},
     .tol = TOL_COMPOSITE},
    {.op = "instance_norm_grad",
     .name = "large",
     .in = {F32(3, 2, 61, 67), F32(2), STAT(3, 2), F32(3, 2, 61, 67)},
     .tol = TOL_COMPOSITE},
    {.op = "instance_norm_grad",
     .name = "many samples",
     .in = {F32(257, 2, 5), F32(2), STAT(257, 2), F32(257, 2, 5)},
     .tol = TOL_COMPOSITE},
    {.op = "instance_norm_grad",
     .name = "no channels",
     .in = {F32(2, 0, 3), F32(0), STAT(2, 0), F32(2, 0, 3)},
     .out = {OUT(TN_F32, 2, 0, 3), OUT(TN_F32, 0), OUT(TN_F32, 0)}},
    {.op = "instance_norm_grad",
     .name = "no samples",
     .in = {F32(0, 2, 3), F32(2), STAT(0, 2), F32(0, 2, 3)},
     .want = {V(0), V(0, 0), V(0, 0)}},
    NORM_GRAD("rms_norm_grad", AI("axis", -2), F32(6, 7), RANGE(0.5, 2, 3, 1, 1), RANGE(0.5, 2, 3)),
    {.op = "rms_norm_grad",
     .name = "long",
     .in = {F32(5, 1031), F32(1031), RANGE(0.5, 2, 5, 1), F32(5, 1031)},
     .tol = TOL_COMPOSITE},
    {.op = "rms_norm_grad",
     .name = "many",
     .in = {F32(1021, 37), F32(37), RANGE(0.5, 2, 1021, 1), F32(1021, 37)},
     .tol = TOL_COMPOSITE},
    {.op = "rms_norm_grad",
     .name = "of one",
     .in = {F32(5, 1), F32(1), RANGE(0.5, 2, 5, 1), F32(5, 1)},
     .tol = TOL_COMPOSITE},
    {.op = "rms_norm_grad",
     .name = "no rows",
     .in = {F32(0, 5), F32(5), F32(0, 1), F32(0, 5)},
     .want = {V(0), V(0, 0, 0, 0, 0)}},

/* Rows with NaN and infinities among whole ones, and a constant one. Huge numbers overflow in f32
 * where they do not in double. */
#define NOT_FINITE                                                                               \
    LIT(TN_F32,                                                                                  \
        V(NAN, 1, 2, 3, 1, 2, INFINITY, 4, 1, 2, 3, 4.5, -INFINITY, INFINITY, 0, 1, 2, 2, 2, 2), \
        5, 2, 2)
#define NOT_FINITE_CASES(op_, attrs_, stats_)                                                      \
    {.op = op_,                                                                                    \
     .name = "not finite",                                                                         \
     .in = {NOT_FINITE},                                                                           \
     .attrs = {attrs_},                                                                            \
     .tol = TOL_COMPOSITE},                                                                        \
        {.op = op_ "_grad",                                                                        \
         .name = "not finite",                                                                     \
         .in = {NOT_FINITE, {0}, stats_, F32(5, 2, 2)},                                            \
         .attrs = {attrs_},                                                                        \
         .tol = TOL_COMPOSITE},                                                                    \
    {                                                                                              \
        .op = op_ "_grad", .name = "not finite dy", .in = {F32(5, 2, 2), {0}, stats_, NOT_FINITE}, \
        .attrs = {attrs_}, .tol = TOL_COMPOSITE                                                    \
    }
    NOT_FINITE_CASES("layer_norm", AI("axis", -2), STAT(5, 1, 1)),
    NOT_FINITE_CASES("group_norm", AI("num_groups", 2), STAT(5, 2)),
    NOT_FINITE_CASES("instance_norm", {0}, STAT(5, 2)),
    NOT_FINITE_CASES("rms_norm", AI("axis", -2), RANGE(0.5, 2, 5, 1, 1)),

#define LRN "local_response_norm"
    {.op = LRN,
     .name = "bias of no number",
     .in = {F32(2, 3)},
     .attrs = {AI("size", 3), AF("bias", NAN)},
     .reject = "bias is nan, must be finite"},
    {.op = LRN "_grad",
     .name = "infinite power",
     .in = {F32(2, 3), RANGE(1, 2, 2, 3), F32(2, 3)},
     .attrs = {AI("size", 3), AF("beta", INFINITY)},
     .reject = "beta is inf, must be finite"},
    {.op = LRN,
     .name = "by hand",
     .in = {LIT(TN_F32, V(1, 2, 3, 4), 1, 4)},
     .attrs = {AI("size", 2), AF("alpha", 4), AF("beta", 1), AF("bias", 2)},
     .want = {V(1.0 / 12, 2.0 / 28, 3.0 / 52, 4.0 / 34), V(12, 28, 52, 34)}},
    {.op = LRN,
     .name = "images",
     .in = {F32(2, 7, 3, 5)},
     .attrs = {AI("size", 3), AF("alpha", 0.5)},
     .grad = 1,
     .out = {OUTS(2, 7, 3, 5)}},
    {.op = LRN,
     .name = "even window",
     .in = {F32(2, 7, 5)},
     .attrs = {AI("size", 4), AF("alpha", 2), AF("beta", 1.5)},
     .grad = 1},
    {.op = LRN,
     .name = "window wider than the channels",
     .in = {F32(3, 2, 11)},
     .attrs = {AI("size", 9), AF("alpha", 1)},
     .grad = 1},
    {.op = LRN,
     .name = "window of one",
     .in = {F32(3, 5)},
     .attrs = {AI("size", 1), AF("alpha", 1), AF("beta", 2)},
     .grad = 1},
    {.op = LRN,
     .name = "volumes",
     .in = {F32(1, 5, 2, 3, 4)},
     .attrs = {AI("size", 5), AF("alpha", 1)},
     .grad = 1},
    {.op = LRN,
     .name = "large",
     .in = {RANGE(-30, 30, 3, 17, 13, 11)},
     .attrs = {AI("size", 5), AF("alpha", 0.01)}},
    {.op = LRN, .name = "defaults", .in = {F32(1, 1, 1)}, .attrs = {AI("size", 5)}},
    {.op = LRN, .name = "not finite", .in = {NOT_FINITE}, .attrs = {AI("size", 2), AF("alpha", 1)}},
    {.op = LRN,
     .name = "empty",
     .in = {F32(0, 5, 2)},
     .attrs = {AI("size", 3)},
     .out = {OUTS(0, 5, 2)}},
    {.op = LRN,
     .name = "no window",
     .in = {F32(2, 5)},
     .attrs = {AI("size", 0)},
     .reject = "size is 0"},
    {.op = LRN,
     .name = "rank 1",
     .in = {F32(5)},
     .attrs = {AI("size", 3)},
     .reject = "at least 2 dims"},
    {.op = LRN,
     .name = "integers",
     .in = {I32(0, 3, 2, 5)},
     .attrs = {AI("size", 3)},
     .reject = "i32"},
#define LRN_GRAD LRN "_grad"
#define LRN_IN(...)                                                  \
    {                                                                \
        F32(__VA_ARGS__), RANGE(1, 4, __VA_ARGS__), F32(__VA_ARGS__) \
    }
    {.op = LRN_GRAD,
     .name = "images",
     .in = LRN_IN(2, 7, 3, 5),
     .attrs = {AI("size", 3), AF("alpha", 0.5)},
     .tol = TOL_COMPOSITE},
    {.op = LRN_GRAD,
     .name = "even window",
     .in = LRN_IN(2, 7, 5),
     .attrs = {AI("size", 4), AF("alpha", 2), AF("beta", 1.5)},
     .tol = TOL_COMPOSITE},
    {.op = LRN_GRAD,
     .name = "wide window",
     .in = LRN_IN(3, 2, 11),
     .attrs = {AI("size", 9), AF("alpha", 1)},
     .tol = TOL_COMPOSITE},
    {.op = LRN_GRAD,
     .name = "window of one",
     .in = LRN_IN(3, 5),
     .attrs = {AI("size", 1), AF("alpha", 1)},
     .tol = TOL_COMPOSITE},
    {.op = LRN_GRAD,
     .name = "volumes",
     .in = LRN_IN(1, 5, 2, 3, 4),
     .attrs = {AI("size", 5), AF("alpha", 1)},
     .tol = TOL_COMPOSITE},
    {.op = LRN_GRAD,
     .name = "large",
     .in = LRN_IN(3, 17, 13, 11),
     .attrs = {AI("size", 5), AF("alpha", 0.25)},
     .tol = TOL_COMPOSITE},
    {.op = LRN_GRAD,
     .name = "empty",
     .in = LRN_IN(0, 5, 2),
     .attrs = {AI("size", 3)},
     .out = {OUT(TN_F32, 0, 5, 2)}},
    {.op = LRN_GRAD,
     .name = "not finite",
     .in = {NOT_FINITE, RANGE(1, 4, 5, 2, 2), F32(5, 2, 2)},
     .attrs = {AI("size", 3), AF("alpha", 1)},
     .tol = TOL_COMPOSITE},
    {.op = LRN_GRAD,
     .name = "misfit",
     .in = {F32(2, 3), F32(2, 4), F32(2, 3)},
     .attrs = {AI("size", 3)},
     .reject = "shape"},
    {.op = LRN_GRAD,
     .name = "no window",
     .in = LRN_IN(2, 3),
     .attrs = {AI("size", -1)},
     .reject = "size is -1"},
};
/* clang-format on */

OP_FAMILY(row_norm, cases, norm_golden);
