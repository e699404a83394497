/* Losses of rows: cross-entropy with smoothing, class weights, an ignored label, weights and
 * reductions; against distributions; nll; cosine_embedding. (Cross-entropy without: loss.c.) */
#include "cases.h"

#include "../golden/class_loss.h"

#define XENT "sparse_softmax_cross_entropy"
#define DENSE "softmax_cross_entropy"
#define NLL "nll"
#define COSINE "cosine_embedding"
#define SUMS AS("reduction", "sum")
#define MEAN AS("reduction", "mean")
#define SMOOTH AF("label_smoothing", 0.25)
#define WEIGHTS(...) RANGE(0.25, 2, __VA_ARGS__)

/* t_: labels or distributions, of rows and of a sequence; x_: what the classes are seen through. */
#define ROWS(op_, x_, t_, t2_, long_, grad_)                                                       \
    {.op = op_, .name = "class weights", .in = {x_(7, 5), t_, WEIGHTS(5)}, .grad = grad_,          \
     .out = {OUT(TN_F32, 7)}, .tol = TOL_COMPOSITE},                                               \
    {.op = op_, .name = "row weights", .in = {x_(7, 5), t_, {0}, F32(7)}, .grad = grad_, .tol = TOL_COMPOSITE}, \
    {.op = op_, .name = "sum", .in = {x_(7, 5), t_}, .attrs = {SUMS}, .grad = grad_,               \
     .out = {OUT_S(TN_F32)}, .tol = TOL_COMPOSITE},                                                \
    {.op = op_, .name = "mean", .in = {x_(7, 5), t_}, .attrs = {MEAN}, .grad = grad_, .tol = TOL_COMPOSITE}, \
    {.op = op_, .name = "mean of a weighted sequence", .in = {x_(2, 3, 5), t2_, WEIGHTS(5), WEIGHTS(2, 3)}, \
     .attrs = {MEAN}, .grad = grad_, .tol = TOL_COMPOSITE},                                        \
    {.op = op_, .name = "long rows", .in = {x_(3, 1031), long_, WEIGHTS(1031), WEIGHTS(3)},            \
     .attrs = {SUMS}, .tol = TOL_COMPOSITE},                                                       \
    {.op = op_, .name = "unknown reduction", .in = {x_(7, 5), t_}, .attrs = {AS("reduction", "samples")}, \
     .reject = "reduction is 'samples', must be none, sum or mean"},                               \
    {.op = op_, .name = "class weights' shape", .in = {x_(7, 5), t_, F32(7)},                      \
     .reject = "'class_weight' has shape [7], must have [5]"},                                     \
    {.op = op_, .name = "row weights' shape", .in = {x_(7, 5), t_, {0}, F32(5)},                   \
     .reject = "'weight' has shape [5], must have [7]"}

#define ROWS_GRAD(op_, x_, t_, t2_, long_)                                                         \
    {.op = op_, .name = "class weights", .in = {x_(7, 5), t_, F32(7), WEIGHTS(5)},                 \
     .out = {OUT(TN_F32, 7, 5)}, .tol = TOL_COMPOSITE},                                            \
    {.op = op_, .name = "row weights", .in = {x_(7, 5), t_, F32(7), {0}, F32(7)}, .tol = TOL_COMPOSITE}, \
    {.op = op_, .name = "sum", .in = {x_(7, 5), t_, F32_S}, .attrs = {SUMS}, .tol = TOL_COMPOSITE}, \
    {.op = op_, .name = "mean", .in = {x_(7, 5), t_, F32_S}, .attrs = {MEAN}, .tol = TOL_COMPOSITE}, \
    {.op = op_, .name = "mean of a weighted sequence", .in = {x_(2, 3, 5), t2_, F32_S, WEIGHTS(5), WEIGHTS(2, 3)}, \
     .attrs = {MEAN}, .tol = TOL_COMPOSITE},                                                       \
    {.op = op_, .name = "long rows", .in = {x_(3, 1031), long_, F32(3), WEIGHTS(1031), F32(3)},    \
     .tol = TOL_COMPOSITE},                                                                        \
    {.op = op_, .name = "dloss of a mean", .in = {x_(7, 5), t_, F32(7)}, .attrs = {MEAN},          \
     .reject = "dloss must be f32 []"},                                                            \
    {.op = op_, .name = "row weights' shape", .in = {x_(7, 5), t_, F32(7), {0}, F32(5)},           \
     .reject = "'weight' has shape [5], must have [7]"}

#define SMOOTHED(op_, t_, t2_, long_)                                                              \
    {.op = op_, .name = "smoothing", .in = {F32(7, 5), t_}, .attrs = {SMOOTH}, .grad = 1, .tol = TOL_COMPOSITE}, \
    {.op = op_, .name = "smoothing, both outputs", .in = {F32(7, 5), t_, WEIGHTS(5)}, .attrs = {SMOOTH}, \
     .grad = 1, .grad_out = 3, .tol = TOL_COMPOSITE},                                              \
    {.op = op_, .name = "everything", .in = {F32(2, 3, 5), t2_, WEIGHTS(5), WEIGHTS(2, 3)},        \
     .attrs = {SMOOTH, MEAN}, .grad = 1, .tol = TOL_COMPOSITE},                                    \
    {.op = op_, .name = "long rows, smoothing", .in = {RANGE(-9, 9, 3, 1031), long_}, .attrs = {SMOOTH}, \
     .tol = TOL_COMPOSITE},                                                                        \
    {.op = op_, .name = "smoothed too much", .in = {F32(7, 5), t_}, .attrs = {AF("label_smoothing", 1.5)}, \
     .reject = "label_smoothing is 1.5"},                                                          \
    {.op = op_ "_grad", .name = "smoothing", .in = {RANGE(0, 1, 7, 5), t_, F32(7)}, .attrs = {SMOOTH}, \
     .tol = TOL_COMPOSITE},                                                                        \
    {.op = op_ "_grad", .name = "everything", .in = {RANGE(0, 1, 2, 3, 5), t2_, F32_S, WEIGHTS(5), WEIGHTS(2, 3)}, \
     .attrs = {SMOOTH, MEAN}, .tol = TOL_COMPOSITE},                                               \
    {.op = op_ "_grad", .name = "long rows, smoothing", .in = {RANGE(0, 1, 3, 1031), long_, F32(3)}, \
     .attrs = {SMOOTH}, .tol = TOL_COMPOSITE}

/* Label 2 does not count. */
#define IGNORING(op_, x_)                                                                          \
    {.op = op_, .name = "ignored label", .in = {x_(9, 3), I64(0, 3, 9)}, .attrs = {AI("ignore_index", 2)}, \
     .grad = 1, .tol = TOL_COMPOSITE},                                                             \
    {.op = op_, .name = "mean without ignored labels", .in = {x_(9, 3), I32(0, 3, 9), WEIGHTS(3), WEIGHTS(9)}, \
     .attrs = {AI("ignore_index", 2), MEAN}, .grad = 1, .tol = TOL_COMPOSITE},                     \
    {.op = op_, .name = "-100, and labels of no class", .in = {x_(5, 3), LIT(TN_I32, V(-100, 1, 3, -1, 2), 5)}, \
     .attrs = {AI("ignore_index", -100)}, .tol = TOL_COMPOSITE},                                   \
    {.op = op_, .name = "labels beyond 32 bits", .in = {x_(4, 3), LIT(TN_I64, V(4294967296, 4294967297, 2, -4294967295), 4)}, \
     .attrs = {AI("ignore_index", 4294967296)}, .tol = TOL_COMPOSITE},                             \
    {.op = op_, .name = "none but ignored", .in = {x_(2, 3), LIT(TN_I64, V(2, 2), 2)},             \
     .attrs = {AI("ignore_index", 2), MEAN}, .want = {V(NAN)}},                                    \
    {.op = op_, .name = "mean of no rows", .in = {x_(0, 3), I64(0, 3, 0)}, .attrs = {MEAN}, .want = {V(NAN)}}, \
    {.op = op_ "_grad", .name = "ignored label", .in = {x_(9, 3), I64(0, 3, 9), F32(9)},           \
     .attrs = {AI("ignore_index", 2)}, .tol = TOL_COMPOSITE},                                      \
    {.op = op_ "_grad", .name = "mean without ignored labels", .in = {x_(9, 3), I32(0, 3, 9), F32_S, WEIGHTS(3)}, \
     .attrs = {AI("ignore_index", 2), MEAN}, .tol = TOL_COMPOSITE},                                \
    {.op = op_ "_grad", .name = "labels beyond 32 bits", .in = {x_(4, 3), LIT(TN_I64, V(4294967296, 4294967297, 2, -4294967295), 4), F32(4)}, \
     .attrs = {AI("ignore_index", 4294967296)}, .tol = TOL_COMPOSITE},                             \
    {.op = op_ "_grad", .name = "none but ignored", .in = {x_(2, 3), LIT(TN_I64, V(2, 2), 2), F32_S}, \
     .attrs = {AI("ignore_index", 2), MEAN}, .want = {V(0, 0, 0, 0, 0, 0)}},                       \
    {.op = op_ "_grad", .name = "labels of no class", .in = {x_(5, 3), LIT(TN_I32, V(-100, 1, 3, -1, 2), 5), F32(5), WEIGHTS(3)}, \
     .attrs = {AI("ignore_index", -100)}, .tol = TOL_COMPOSITE}

#define L7 I32(0, 5, 7)
#define L23 I64(0, 5, 2, 3)
#define L3 I32(0, 1031, 3)
#define D7 RANGE(0, 1, 7, 5)
#define D23 RANGE(0, 1, 2, 3, 5)
#define D3 RANGE(0, 0.01, 3, 1031)
/* of one sign, so that a sum does not cancel */
#define LOGP(...) RANGE(-4, -0.25, __VA_ARGS__)
#define UNIT(...) RANGE(0, 1, __VA_ARGS__)

/* clang-format off: one case a line or two */
static const struct op_case cases[] = {
    ROWS(XENT, F32, L7, L23, L3, 1),
    ROWS_GRAD(XENT "_grad", UNIT, L7, L23, L3),
    SMOOTHED(XENT, L7, L23, L3),
    IGNORING(XENT, F32),
    {.op = XENT, .name = "smoothing and labels of no class", .in = {F32(5, 3), LIT(TN_I32, V(-100, 1, 3, -1, 2), 5), WEIGHTS(3)},
     .attrs = {AI("ignore_index", -100), SMOOTH}, .tol = TOL_COMPOSITE},
    {.op = XENT "_grad", .name = "smoothing and labels of no class", .in = {UNIT(5, 3), LIT(TN_I32, V(-100, 1, 3, -1, 2), 5), F32(5),
     WEIGHTS(3)}, .attrs = {AI("ignore_index", -100), SMOOTH}, .tol = TOL_COMPOSITE},
    /* a class that cannot be, masked by -inf, takes no part */
    {.op = XENT, .name = "masked class", .in = {LIT(TN_F32, V(1, 1, -INFINITY), 1, 3), LIT(TN_I32, V(1), 1), LIT(TN_F32, V(1, 2, 3), 3)},
     .want = {V(2 * 0.69314718055994531), V(0.5, 0.5, 0)}},

    ROWS(DENSE, F32, D7, D23, D3, 1),
    ROWS_GRAD(DENSE "_grad", UNIT, D7, D23, D3),
    SMOOTHED(DENSE, D7, D23, D3),
    {.op = DENSE, .name = "rows", .in = {F32(7, 10), UNIT(7, 10)}, .grad = 1, .out = {OUT(TN_F32, 7), OUT(TN_F32, 7, 10)},
     .tol = TOL_COMPOSITE},
    {.op = DENSE, .name = "by hand", .in = {LIT(TN_F32, V(3, 3, 7, 7), 2, 2), LIT(TN_F32, V(0.25, 0.75, 0, 2), 2, 2)},
     .want = {V(0.69314718055994531, 2 * 0.69314718055994531), V(0.5, 0.5, 0.5, 0.5)}},
    {.op = DENSE, .name = "masked class", .in = {LIT(TN_F32, V(1, 1, -INFINITY), 1, 3), LIT(TN_F32, V(0.5, 0.5, 0), 1, 3)},
     .want = {V(0.69314718055994531), V(0.5, 0.5, 0)}},
    {.op = DENSE, .name = "one row", .in = {F32(3), UNIT(3)}, .grad = 1, .out = {OUT_S(TN_F32), OUT(TN_F32, 3)}, .tol = TOL_COMPOSITE},
    {.op = DENSE, .name = "wide", .in = {RANGE(-200, 200, 11, 5), UNIT(11, 5)}, .tol = TOL_COMPOSITE},
    {.op = DENSE, .name = "no rows", .in = {F32(0, 3), UNIT(0, 3)}, .out = {OUT(TN_F32, 0), OUT(TN_F32, 0, 3)}},
    {.op = DENSE, .name = "mean of no rows", .in = {F32(0, 3), UNIT(0, 3)}, .attrs = {MEAN}, .want = {V(NAN)}},
    {.op = DENSE, .name = "misfit", .in = {F32(3, 5), UNIT(3, 4)}, .reject = "shape"},
    {.op = DENSE, .name = "labels", .in = {F32(3, 5), I32(0, 5, 3)}, .reject = "i32"},
    {.op = DENSE "_grad", .name = "rows", .in = {UNIT(7, 10), UNIT(7, 10), F32(7)}, .tol = TOL_COMPOSITE},
    {.op = DENSE "_grad", .name = "no rows", .in = {UNIT(0, 3), UNIT(0, 3), F32(0)}, .out = {OUT(TN_F32, 0, 3)}},

    ROWS(NLL, LOGP, L7, L23, L3, 1),
    ROWS_GRAD(NLL "_grad", LOGP, L7, L23, L3),
    IGNORING(NLL, LOGP),
    {.op = NLL, .name = "by hand", .in = {LIT(TN_F32, V(-1, -2, -3, -4, -5, -6), 3, 2), LIT(TN_I64, V(0, 1, 2), 3)}, .want = {V(1, 4, NAN)}},
    {.op = NLL, .name = "one row", .in = {F32(3), IN_S(TN_I32, FILL_INTS, 0, 3)}, .grad = 1, .out = {OUT_S(TN_F32)}, .tol = TOL_COMPOSITE},
    {.op = NLL, .name = "large sum", .in = {LOGP(4099, 3), I64(0, 3, 4099)}, .attrs = {SUMS}, .tol = TOL_COMPOSITE},
    {.op = NLL, .name = "no rows", .in = {F32(0, 3), I32(0, 3, 0)}, .out = {OUT(TN_F32, 0)}},
    {.op = NLL, .name = "no classes", .in = {F32(3, 0), I32(0, 1, 3)}, .want = {V(NAN, NAN, NAN)}},
    {.op = NLL, .name = "float labels", .in = {F32(3, 5), F32(3)}, .reject = "must hold integers"},
    {.op = NLL "_grad", .name = "by hand", .in = {F32(3, 2), LIT(TN_I64, V(0, 1, 2), 3), LIT(TN_F32, V(1, 2, 3), 3)},
     .want = {V(-1, 0, 0, -2, 0, 0)}},
    {.op = NLL "_grad", .name = "no rows", .in = {F32(0, 3), I32(0, 3, 0), F32(0)}, .out = {OUT(TN_F32, 0, 3)}},

#define SIGNS(...) IN(TN_F32, FILL_TIES, -1, 1, __VA_ARGS__)
    {.op = COSINE, .name = "rows", .in = {F32(9, 5), F32(9, 5), SIGNS(9)}, .grad = 3, .out = {OUT(TN_F32, 9)}, .tol = TOL_COMPOSITE},
    {.op = COSINE, .name = "margin", .in = {F32(9, 5), F32(9, 5), SIGNS(9)}, .attrs = {AF("margin", -0.5)}, .grad = 3, .tol = TOL_COMPOSITE},
    {.op = COSINE, .name = "weighted mean", .in = {F32(9, 5), F32(9, 5), SIGNS(9), WEIGHTS(9)}, .attrs = {MEAN}, .grad = 3, .tol = TOL_COMPOSITE},
    {.op = COSINE, .name = "sum of a sequence", .in = {F32(2, 3, 7), F32(2, 3, 7), SIGNS(2, 3)}, .attrs = {SUMS}, .grad = 3,
     .out = {OUT_S(TN_F32)}, .tol = TOL_COMPOSITE},
    {.op = COSINE, .name = "by hand", .in = {LIT(TN_F32, V(3, 4, 1, 0, 1, 0), 3, 2), LIT(TN_F32, V(4, 3, 1, 1, 1, 1), 3, 2),
     LIT(TN_F32, V(1, -1, 0), 3)}, .attrs = {AF("margin", 0.5)}, .want = {V(0.04, 0.20710678118654752, 0)}},
    {.op = COSINE, .name = "one row", .in = {F32(5), F32(5), LIT_S(TN_F32, V(1))}, .grad = 3, .out = {OUT_S(TN_F32)}, .tol = TOL_COMPOSITE},
    {.op = COSINE, .name = "long rows", .in = {F32(3, 1031), F32(3, 1031), LIT(TN_F32, V(1, -1, 1), 3)}, .tol = TOL_COMPOSITE},
    {.op = COSINE, .name = "many", .in = {F32(1031, 3), F32(1031, 3), SIGNS(1031)}, .attrs = {MEAN}, .tol = TOL_COMPOSITE},
    {.op = COSINE, .name = "nothing to compare", .in = {LIT(TN_F32, V(0, 0, 0, NAN), 2, 2), LIT(TN_F32, V(1, 1, 1, 1), 2, 2),
     LIT(TN_F32, V(1, 1), 2)}, .want = {V(1, NAN)}},
    {.op = COSINE, .name = "no rows", .in = {F32(0, 3), F32(0, 3), F32(0)}, .out = {OUT(TN_F32, 0)}},
    {.op = COSINE, .name = "target's shape", .in = {F32(3, 5), F32(3, 5), F32(5)}, .reject = "target must have shape [3]"},
    {.op = COSINE, .name = "no margin", .in = {F32(3, 5), F32(3, 5), F32(3)}, .attrs = {AF("margin", NAN)}, .reject = "margin is nan, must be finite"},
    {.op = COSINE, .name = "misfit", .in = {F32(3, 5), F32(3, 4), F32(3)}, .reject = "shape"},
    {.op = COSINE "_grad", .name = "rows", .in = {F32(9, 5), F32(9, 5), SIGNS(9), F32(9)}, .tol = TOL_COMPOSITE},
    {.op = COSINE "_grad", .name = "margin", .in = {F32(9, 5), F32(9, 5), SIGNS(9), F32(9)}, .attrs = {AF("margin", 0.25)}, .tol = TOL_COMPOSITE},
    {.op = COSINE "_grad", .name = "weighted mean", .in = {F32(9, 5), F32(9, 5), SIGNS(9), F32_S, F32(9)}, .attrs = {MEAN}, .tol = TOL_COMPOSITE},
    {.op = COSINE "_grad", .name = "sum", .in = {F32(2, 3, 7), F32(2, 3, 7), SIGNS(2, 3), F32_S}, .attrs = {SUMS}, .tol = TOL_COMPOSITE},
    {.op = COSINE "_grad", .name = "long rows", .in = {F32(3, 1031), F32(3, 1031), LIT(TN_F32, V(1, -1, 1), 3), F32(3)}, .tol = TOL_COMPOSITE},
    {.op = COSINE "_grad", .name = "many", .in = {F32(257, 3), F32(257, 3), SIGNS(257), F32(257)}, .tol = TOL_COMPOSITE},
    {.op = COSINE "_grad", .name = "one row", .in = {F32(5), F32(5), LIT_S(TN_F32, V(1)), F32_S}, .tol = TOL_COMPOSITE},
    {.op = COSINE "_grad", .name = "no rows", .in = {F32(0, 3), F32(0, 3), F32(0), F32(0)}, .out = {OUT(TN_F32, 0, 3), OUT(TN_F32, 0, 3)}},
    {.op = COSINE "_grad", .name = "dloss of a mean", .in = {F32(3, 5), F32(3, 5), F32(3), F32(3)}, .attrs = {MEAN}, .reject = "dloss must be f32 []"},
    {.op = COSINE "_grad", .name = "target's shape", .in = {F32(3, 5), F32(3, 5), F32(1), F32(3)}, .reject = "target must have shape [3]"},
    /* A model in half precision; its loss, and so dloss, stays f32. */
#define HALF(type_, ...) IN(type_, FILL_UNIFORM, 0.125, 0.875, __VA_ARGS__)
#define HALVES(op_, t16_, tb_)                                                                     \
    {.op = op_, .name = "f16", .in = {HALF(TN_F16, 5, 7), t16_, KEPT_F32(5)},                      \
     .out = {OUT(TN_F16, 5, 7)}, .tol = TOL_COMPOSITE},                                            \
    {.op = op_, .name = "bf16", .in = {HALF(TN_BF16, 5, 7), tb_, KEPT_F32(5), HALF(TN_BF16, 7), HALF(TN_BF16, 5)}, \
     .out = {OUT(TN_BF16, 5, 7)}, .tol = TOL_COMPOSITE}
    HALVES(DENSE "_grad", HALF(TN_F16, 5, 7), HALF(TN_BF16, 5, 7)),
    HALVES(NLL "_grad", I32(0, 7, 5), I64(0, 7, 5)),
    {.op = COSINE "_grad", .name = "f16", .in = {HALF(TN_F16, 9, 5), HALF(TN_F16, 9, 5), IN(TN_F16, FILL_TIES, -1, 1, 9), KEPT_F32(9)},
     .out = {OUT(TN_F16, 9, 5), OUT(TN_F16, 9, 5)}, .tol = TOL_COMPOSITE},
    {.op = COSINE "_grad", .name = "bf16", .in = {HALF(TN_BF16, 9, 5), HALF(TN_BF16, 9, 5), IN(TN_BF16, FILL_TIES, -1, 1, 9), KEPT_F32(9)},
     .out = {OUT(TN_BF16, 9, 5), OUT(TN_BF16, 9, 5)}, .tol = TOL_COMPOSITE},
};
/* clang-format on */

OP_FAMILY(class_loss, cases, class_loss_golden);
