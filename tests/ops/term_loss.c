/* Losses of single terms: mae, huber, hinge, kl_div and their gradients, and for all such losses the
 * reductions and weights. (mse, bce and bce_with_logits per sample: loss.c.) */
#include "cases.h"

#include "../golden/term_loss.h"

#define PROB(...) RANGE(0.05, 0.95, __VA_ARGS__)
#define T(...) RANGE(0.1, 0.9, __VA_ARGS__)
/* far enough below the targets' logs that no term is negative: a sum does not cancel */
#define LOGP(...) RANGE(-6, -3, __VA_ARGS__)
#define WEIGHTS(...) RANGE(0.25, 2, __VA_ARGS__)
#define SUMS AS("reduction", "sum")
#define MEAN AS("reduction", "mean")
#define NONE AS("reduction", "none")

/* One value per sample. x_: the range of predictions in which the loss is smooth. */
#define LOSS(name_, x_, grad_)                                                                     \
    {.op = name_, .name = "rows", .in = {x_(7, 5), T(7, 5)}, .grad = grad_,                        \
     .out = {OUT(TN_F32, 7)}, .tol = TOL_COMPOSITE},                                               \
    {.op = name_, .name = "rank 1", .in = {x_(13), T(13)}, .grad = grad_, .out = {OUT(TN_F32, 13)}, \
     .tol = TOL_COMPOSITE},                                                                        \
    {.op = name_, .name = "images", .in = {x_(3, 2, 5, 7), T(3, 2, 5, 7)}, .grad = grad_,          \
     .out = {OUT(TN_F32, 3)}, .tol = TOL_COMPOSITE},                                               \
    {.op = name_, .name = "one", .in = {x_(1, 1), T(1, 1)}, .grad = grad_, .tol = TOL_COMPOSITE},  \
    {.op = name_, .name = "long", .in = {x_(3, 1031), T(3, 1031)}, .tol = TOL_COMPOSITE},          \
    {.op = name_, .name = "many", .in = {x_(257, 3), T(257, 3)}, .tol = TOL_COMPOSITE},            \
    {.op = name_, .name = "no samples", .in = {x_(0, 3), T(0, 3)}, .out = {OUT(TN_F32, 0)}},       \
    {.op = name_, .name = "f64", .in = {IN(TN_F64, FILL_UNIFORM, 0.1, 0.9, 3, 2),                  \
     IN(TN_F64, FILL_UNIFORM, 0.1, 0.9, 3, 2)}, .out = {OUT(TN_F64, 3)}},                          \
    {.op = name_, .name = "misfit", .in = {x_(3, 5), T(5)}, .reject = "shape"},                    \
    {.op = name_, .name = "scalar", .in = {F32_S, F32_S}, .reject = "at least 1 dims"}

/* A model in half precision; its loss, and so dloss, stays f32. */
#define HALF(type_, ...) IN(type_, FILL_UNIFORM, 0.125, 0.875, __VA_ARGS__)

#define LOSS_GRAD(name_, x_)                                                                       \
    {.op = name_, .name = "rows", .in = {x_(7, 5), T(7, 5), F32(7)}, .out = {OUT(TN_F32, 7, 5)},   \
     .tol = TOL_COMPOSITE},                                                                        \
    {.op = name_, .name = "rank 1", .in = {x_(13), T(13), F32(13)}, .tol = TOL_COMPOSITE},         \
    {.op = name_, .name = "images", .in = {x_(3, 2, 5, 7), T(3, 2, 5, 7), F32(3)},                 \
     .tol = TOL_COMPOSITE},                                                                        \
    {.op = name_, .name = "many", .in = {x_(101, 11), T(101, 11), F32(101)}, .tol = TOL_COMPOSITE}, \
    {.op = name_, .name = "no samples", .in = {x_(0, 3), T(0, 3), F32(0)},                         \
     .out = {OUT(TN_F32, 0, 3)}},                                                                  \
    {.op = name_, .name = "f16", .in = {HALF(TN_F16, 7, 5), HALF(TN_F16, 7, 5), KEPT_F32(7)},           \
     .out = {OUT(TN_F16, 7, 5)}, .tol = TOL_COMPOSITE},                                            \
    {.op = name_, .name = "bf16, a weight per term",                                               \
     .in = {HALF(TN_BF16, 7, 5), HALF(TN_BF16, 7, 5), KEPT_F32(7), HALF(TN_BF16, 7, 5)},              \
     .out = {OUT(TN_BF16, 7, 5)}, .tol = TOL_COMPOSITE},                                           \
    {.op = name_, .name = "dloss", .in = {x_(3, 5), T(3, 5), F32(5)}, .reject = "dloss must be f32 [3]"}

/* Reductions and weights. */
#define REDUCED(name_, x_, grad_)                                                                  \
    {.op = name_, .name = "none", .in = {x_(3, 5), T(3, 5)}, .attrs = {NONE}, .grad = grad_,       \
     .out = {OUT(TN_F32, 3, 5)}, .tol = TOL_COMPOSITE},                                            \
    {.op = name_, .name = "none, weighted", .in = {x_(3, 5, 2), T(3, 5, 2), F32(3)}, .attrs = {NONE}, \
     .grad = grad_, .tol = TOL_COMPOSITE},                                                         \
    {.op = name_, .name = "sum", .in = {x_(3, 5), T(3, 5)}, .attrs = {SUMS}, .grad = grad_,        \
     .out = {OUT_S(TN_F32)}, .tol = TOL_COMPOSITE},                                                \
    {.op = name_, .name = "mean, a weight per sample", .in = {x_(7, 5), T(7, 5), WEIGHTS(7)},      \
     .attrs = {MEAN}, .grad = grad_, .tol = TOL_COMPOSITE},                                        \
    {.op = name_, .name = "sum, a weight per term", .in = {x_(7, 5), T(7, 5), WEIGHTS(7, 5)},      \
     .attrs = {SUMS}, .grad = grad_, .tol = TOL_COMPOSITE},                                        \
    {.op = name_, .name = "samples, a weight per sample", .in = {x_(7, 5), T(7, 5), WEIGHTS(7)},   \
     .grad = grad_, .tol = TOL_COMPOSITE},                                                         \
    {.op = name_, .name = "samples, a weight per term", .in = {x_(7, 5), T(7, 5), F32(7, 5)},      \
     .grad = grad_, .tol = TOL_COMPOSITE},                                                         \
    {.op = name_, .name = "large mean", .in = {x_(37, 1031), T(37, 1031), RANGE(0, 1, 37)},        \
     .attrs = {MEAN}, .tol = TOL_COMPOSITE},                                                       \
    {.op = name_, .name = "large sum", .in = {x_(4099, 3), T(4099, 3)}, .attrs = {SUMS},           \
     .tol = TOL_COMPOSITE},                                                                        \
    {.op = name_, .name = "sum of nothing", .in = {x_(0, 3), T(0, 3)}, .attrs = {SUMS}, .want = {V(0)}}, \
    {.op = name_, .name = "mean of nothing", .in = {x_(3, 0), T(3, 0)}, .attrs = {MEAN},           \
     .want = {V(NAN)}},                                                                            \
    {.op = name_, .name = "unknown reduction", .in = {x_(3), T(3)}, .attrs = {AS("reduction", "average")}, \
     .reject = "reduction is 'average', must be samples, none, sum or mean"},                      \
    {.op = name_, .name = "weight's shape", .in = {x_(3, 5), T(3, 5), F32(5)},                     \
     .reject = "'weight' has shape [5], must have [3]"},                                           \
    {.op = name_ "_grad", .name = "none", .in = {x_(3, 5), T(3, 5), F32(3, 5)}, .attrs = {NONE},   \
     .tol = TOL_COMPOSITE},                                                                        \
    {.op = name_ "_grad", .name = "none, weighted", .in = {x_(3, 5), T(3, 5), F32(3, 5), F32(3)},  \
     .attrs = {NONE}, .tol = TOL_COMPOSITE},                                                       \
    {.op = name_ "_grad", .name = "sum", .in = {x_(3, 5), T(3, 5), F32_S}, .attrs = {SUMS},        \
     .tol = TOL_COMPOSITE},                                                                        \
    {.op = name_ "_grad", .name = "mean, weighted", .in = {x_(3, 5), T(3, 5), F32_S, F32(3)},      \
     .attrs = {MEAN}, .tol = TOL_COMPOSITE},                                                       \
    {.op = name_ "_grad", .name = "a weight per term", .in = {x_(7, 5), T(7, 5), F32(7), F32(7, 5)}, \
     .tol = TOL_COMPOSITE},                                                                        \
    {.op = name_ "_grad", .name = "weight's dtype",                                                \
     .in = {x_(3), T(3), F32(3), IN(TN_F64, FILL_UNIFORM, 0, 1, 3)}, .reject = "f64"}

/* clang-format off: one case a line or two */
static const struct op_case cases[] = {
    LOSS("mae", F32, 3),
    LOSS("huber", F32, 3),
    LOSS("hinge", F32, 3),
    LOSS("kl_div", LOGP, 3),
    LOSS_GRAD("mae_grad", F32),
    LOSS_GRAD("huber_grad", F32),
    LOSS_GRAD("hinge_grad", F32),
    LOSS_GRAD("kl_div_grad", LOGP),
    REDUCED("mse", F32, 3),
    REDUCED("mae", F32, 3),
    REDUCED("huber", F32, 3),
    REDUCED("hinge", F32, 3),
    REDUCED("bce", PROB, 1),
    REDUCED("bce_with_logits", AWAY, 1),
    REDUCED("kl_div", LOGP, 3),

    {.op = "mae", .name = "by hand", .in = {LIT(TN_F32, V(1, 2, 3, 4), 2, 2), LIT(TN_F32, V(1, 4, 0, 4), 2, 2)},
     .want = {V(1, 1.5)}},
    {.op = "mae_grad", .name = "equal and broken", .in = {LIT(TN_F32, V(1, 2, 3, NAN), 4), LIT(TN_F32, V(1, 4, 0, 4), 4),
     LIT(TN_F32, V(3, 3, 3, 3), 4)}, .want = {V(0, -3, 3, NAN)}},
    {.op = "huber", .name = "by hand", .in = {LIT(TN_F32, V(0, 0, 0, NAN), 4), LIT(TN_F32, V(1, -2, 4, 1), 4)},
     .attrs = {AF("delta", 2)}, .want = {V(0.5, 2, 6, NAN)}},
    {.op = "huber_grad", .name = "by hand", .in = {LIT(TN_F32, V(0, 0, 0, NAN), 4), LIT(TN_F32, V(1, -3, 4, 1), 4),
     LIT(TN_F32, V(1, 1, 2, 1), 4)}, .attrs = {AF("delta", 2)}, .want = {V(-1, 2, -4, NAN)}},
    {.op = "huber", .name = "small delta", .in = {F32(5, 7), F32(5, 7)}, .attrs = {AF("delta", 0.25)}, .grad = 3, .tol = TOL_COMPOSITE},
    {.op = "huber_grad", .name = "small delta", .in = {F32(5, 7), F32(5, 7), F32(5)}, .attrs = {AF("delta", 0.25)}, .tol = TOL_COMPOSITE},
    {.op = "huber", .name = "no delta", .in = {F32(3), F32(3)}, .attrs = {AF("delta", 0)}, .reject = "delta is 0"},
    {.op = "huber_grad", .name = "no delta", .in = {F32(3), F32(3), F32(3)}, .attrs = {AF("delta", -1)}, .reject = "delta is -1"},
    {.op = "hinge", .name = "no margin", .in = {F32(3), F32(3)}, .attrs = {AF("margin", NAN)}, .reject = "must be finite"},
    {.op = "hinge_grad", .name = "no margin", .in = {F32(3), F32(3), F32(3)}, .attrs = {AF("margin", INFINITY)}, .reject = "must be finite"},
    {.op = "hinge", .name = "by hand", .in = {LIT(TN_F32, V(0.5, 0.5, 2, -2, NAN), 5), LIT(TN_F32, V(1, -1, 1, 1, 1), 5)},
     .want = {V(0.5, 1.5, 0, 3, NAN)}},
    {.op = "hinge_grad", .name = "by hand", .in = {LIT(TN_F32, V(0.5, 0.5, 2, 1, NAN), 5), LIT(TN_F32, V(1, -1, 1, 1, 1), 5),
     LIT(TN_F32, V(2, 2, 2, 2, 2), 5)}, .want = {V(-2, 2, 0, 0, NAN)}},
    {.op = "hinge", .name = "margin", .in = {F32(5, 7), IN(TN_F32, FILL_INTS, -1, 2, 5, 7)}, .attrs = {AF("margin", 0.5)}, .grad = 1,
     .tol = TOL_COMPOSITE},
    {.op = "hinge_grad", .name = "margin", .in = {F32(5, 7), IN(TN_F32, FILL_INTS, -1, 2, 5, 7), F32(5)}, .attrs = {AF("margin", 0.5)},
     .tol = TOL_COMPOSITE},
    {.op = "kl_div", .name = "no target", .in = {LIT(TN_F32, V(-3, -1, -2), 3), LIT(TN_F32, V(0, 1, NAN), 3)}, .want = {V(0, 1, NAN)}},
    {.op = "kl_div", .name = "log target", .in = {RANGE(-4, 0, 5, 7), RANGE(-4, 0, 5, 7)}, .attrs = {AI("log_target", 1)}, .grad = 3,
     .tol = TOL_COMPOSITE},
    {.op = "kl_div", .name = "log target, mean", .in = {RANGE(-4, 0, 5, 7), RANGE(-4, 0, 5, 7), F32(5)},
     .attrs = {AI("log_target", 1), MEAN}, .grad = 3, .tol = TOL_COMPOSITE},
    {.op = "kl_div_grad", .name = "log target", .in = {RANGE(-4, 0, 5, 7), RANGE(-4, 0, 5, 7), F32(5)}, .attrs = {AI("log_target", 1)},
     .tol = TOL_COMPOSITE},
    {.op = "bce_with_logits", .name = "pos_weight", .in = {AWAY(7, 5), T(7, 5), {0}, RANGE(0.25, 4, 5)}, .grad = 1, .tol = TOL_COMPOSITE},
    {.op = "bce_with_logits", .name = "pos_weight, weight, mean", .in = {AWAY(7, 2, 5), T(7, 2, 5), F32(7), RANGE(0.25, 4, 5)},
     .attrs = {MEAN}, .grad = 1, .tol = TOL_COMPOSITE},
    {.op = "bce_with_logits", .name = "pos_weight far out", .in = {RANGE(-90, 90, 31), T(31), {0}, RANGE(1, 2, 31)}, .tol = TOL_COMPOSITE},
    {.op = "bce_with_logits_grad", .name = "pos_weight", .in = {AWAY(7, 5), T(7, 5), F32(7), {0}, RANGE(0.25, 4, 5)}, .tol = TOL_COMPOSITE},
    {.op = "bce_with_logits_grad", .name = "pos_weight, weight, none", .in = {AWAY(7, 5), T(7, 5), F32(7, 5), F32(7), RANGE(0.25, 4, 5)},
     .attrs = {NONE}, .tol = TOL_COMPOSITE},
    {.op = "bce_with_logits", .name = "pos_weight's shape", .in = {F32(3, 5), T(3, 5), {0}, F32(3)},
     .reject = "'pos_weight' has shape [3], must have [5]"},
};
/* clang-format on */

OP_FAMILY(term_loss, cases, term_loss_golden);
