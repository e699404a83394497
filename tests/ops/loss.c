/* Cases of the losses. */
#include "cases.h"

#include "../golden/loss.h"

#define XENT "sparse_softmax_cross_entropy"
#define XENT_GRAD "sparse_softmax_cross_entropy_grad"

/* x_: the range of predictions in which the loss is smooth. */
#define LOSS(name_, x_, grad_)                                                                   \
    {.op = name_,                                                                                \
     .name = "rows",                                                                             \
     .in = {x_(7, 5), RANGE(0, 1, 7, 5)},                                                        \
     .grad = grad_,                                                                              \
     .out = {OUT(TN_F32, 7)},                                                                    \
     .tol = TOL_COMPOSITE},                                                                      \
        {.op = name_,                                                                            \
         .name = "rank_1",                                                                       \
         .in = {x_(13), RANGE(0, 1, 13)},                                                        \
         .grad = grad_,                                                                          \
         .out = {OUT(TN_F32, 13)},                                                               \
         .tol = TOL_COMPOSITE},                                                                  \
        {.op = name_,                                                                            \
         .name = "images",                                                                       \
         .in = {x_(3, 2, 5, 7), RANGE(0, 1, 3, 2, 5, 7)},                                        \
         .grad = grad_,                                                                          \
         .out = {OUT(TN_F32, 3)},                                                                \
         .tol = TOL_COMPOSITE},                                                                  \
        {.op = name_,                                                                            \
         .name = "one",                                                                          \
         .in = {x_(1, 1), RANGE(0, 1, 1, 1)},                                                    \
         .grad = grad_,                                                                          \
         .out = {OUT(TN_F32, 1)},                                                                \
         .tol = TOL_COMPOSITE},                                                                  \
        {.op = name_,                                                                            \
         .name = "long",                                                                         \
         .in = {x_(3, 1031), RANGE(0, 1, 3, 1031)},                                              \
         .tol = TOL_COMPOSITE},                                                                  \
        {.op = name_,                                                                            \
         .name = "many",                                                                         \
         .in = {x_(257, 3), IN(TN_F32, FILL_INTS, 0, 2, 257, 3)},                                \
         .tol = TOL_COMPOSITE},                                                                  \
        {.op = name_,                                                                            \
         .name = "no_samples",                                                                   \
         .in = {x_(0, 3), RANGE(0, 1, 0, 3)},                                                    \
         .out = {OUT(TN_F32, 0)}},                                                               \
        {.op = name_,                                                                            \
         .name = "f64",                                                                          \
         .in = {IN(TN_F64, FILL_UNIFORM, 0.1, 0.9, 3, 2), IN(TN_F64, FILL_UNIFORM, 0, 1, 3, 2)}, \
         .out = {OUT(TN_F64, 3)}},                                                               \
        {.op = name_, .name = "misfit", .in = {x_(3, 5), RANGE(0, 1, 5)}, .reject = "shape"},    \
        {.op = name_, .name = "scalar", .in = {F32_S, F32_S}, .reject = "at least 1 dims"},      \
    {                                                                                            \
        .op = name_, .name = "int_target", .in = {x_(3), I32(0, 2, 3)}, .reject = "i32"          \
    }

/* A model in half precision; its loss, and so dloss, stays f32. */
#define HALF(type_, ...) IN(type_, FILL_UNIFORM, 0.125, 0.875, __VA_ARGS__)
#define HALF_GRAD(name_)                                                                    \
    {.op = name_,                                                                           \
     .name = "f16",                                                                         \
     .in = {HALF(TN_F16, 7, 5), HALF(TN_F16, 7, 5), KEPT_F32(7)},                           \
     .out = {OUT(TN_F16, 7, 5)},                                                            \
     .tol = TOL_COMPOSITE},                                                                 \
    {                                                                                       \
        .op = name_, .name = "bf16",                                                        \
        .in = {HALF(TN_BF16, 7, 5), HALF(TN_BF16, 7, 5), KEPT_F32(7), HALF(TN_BF16, 7, 5)}, \
        .out = {OUT(TN_BF16, 7, 5)}, .tol = TOL_COMPOSITE                                   \
    }

#define LOSS_GRAD(name_, x_)                                                                       \
    {.op = name_,                                                                                  \
     .name = "rows",                                                                               \
     .in = {x_(7, 5), RANGE(0, 1, 7, 5), F32(7)},                                                  \
     .out = {OUT(TN_F32, 7, 5)},                                                                   \
     .tol = TOL_COMPOSITE},                                                                        \
        {.op = name_,                                                                              \
         .name = "rank_1",                                                                         \
         .in = {x_(13), RANGE(0, 1, 13), F32(13)},                                                 \
         .out = {OUT(TN_F32, 13)},                                                                 \
         .tol = TOL_COMPOSITE},                                                                    \
        {.op = name_,                                                                              \
         .name = "images",                                                                         \
         .in = {x_(3, 2, 5, 7), RANGE(0, 1, 3, 2, 5, 7), F32(3)},                                  \
         .out = {OUT(TN_F32, 3, 2, 5, 7)},                                                         \
         .tol = TOL_COMPOSITE},                                                                    \
        {.op = name_,                                                                              \
         .name = "one",                                                                            \
         .in = {x_(1, 1), RANGE(0, 1, 1, 1), F32(1)},                                              \
         .tol = TOL_COMPOSITE},                                                                    \
        {.op = name_,                                                                              \
         .name = "many",                                                                           \
         .in = {x_(101, 11), RANGE(0, 1, 101, 11), F32(101)},                                      \
         .tol = TOL_COMPOSITE},                                                                    \
        {.op = name_,                                                                              \
         .name = "no_samples",                                                                     \
         .in = {x_(0, 3), RANGE(0, 1, 0, 3), F32(0)},                                              \
         .out = {OUT(TN_F32, 0, 3)}},                                                              \
        {.op = name_,                                                                              \
         .name = "dloss_shape",                                                                    \
         .in = {x_(3, 5), RANGE(0, 1, 3, 5), F32(5)},                                              \
         .reject = "dloss must be f32 [3]"},                                                       \
    {                                                                                              \
        .op = name_, .name = "misfit", .in = {x_(3, 5), RANGE(0, 1, 3), F32(3)}, .reject = "shape" \
    }

#define PROB(...) RANGE(0.05, 0.95, __VA_ARGS__)

static const struct op_case cases[] = {
    {.op = XENT,
     .name = "rows",
     .in = {F32(7, 10), I32(0, 10, 7)},
     .grad = 1,
     .out = {OUT(TN_F32, 7), OUT(TN_F32, 7, 10)},
     .tol = TOL_COMPOSITE},
    {.op = XENT,
     .name = "both_outputs",
     .in = {F32(5, 3), I64(0, 3, 5)},
     .grad = 1,
     .grad_out = 3,
     .tol = TOL_COMPOSITE},
    {.op = XENT,
     .name = "prob_only",
     .in = {F32(5, 3), I64(0, 3, 5)},
     .grad = 1,
     .grad_out = 2,
     .tol = TOL_COMPOSITE},
    {.op = XENT,
     .name = "sequence",
     .in = {F32(2, 5, 7), I64(0, 7, 2, 5)},
     .grad = 1,
     .out = {OUT(TN_F32, 2, 5), OUT(TN_F32, 2, 5, 7)},
     .tol = TOL_COMPOSITE},
    {.op = XENT,
     .name = "one_sample",
     .in = {F32(3), IN_S(TN_I32, FILL_INTS, 0, 3)},
     .grad = 1,
     .out = {OUT_S(TN_F32), OUT(TN_F32, 3)},
     .tol = TOL_COMPOSITE},
    {.op = XENT,
     .name = "one_class",
     .in = {F32(5, 1), I32(0, 1, 5)},
     .grad = 1,
     .tol = TOL_COMPOSITE},
    {.op = XENT,
     .name = "many",
     .in = {RANGE(-9, 9, 131, 10), I64(0, 10, 131)},
     .tol = TOL_COMPOSITE},
    {.op = XENT,
     .name = "long",
     .in = {RANGE(-9, 9, 3, 1031), I64(0, 1031, 3)},
     .tol = TOL_COMPOSITE},
    {.op = XENT,
     .name = "wide",
     .in = {RANGE(-200, 200, 11, 5), I32(0, 5, 11)},
     .tol = TOL_COMPOSITE},
    {.op = XENT,
     .name = "no_samples",
     .in = {F32(0, 3), I32(0, 3, 0)},
     .out = {OUT(TN_F32, 0), OUT(TN_F32, 0, 3)}},
    {.op = XENT,
     .name = "no_classes",
     .in = {F32(3, 0), I32(0, 1, 3)},
     .out = {OUT(TN_F32, 3), OUT(TN_F32, 3, 0)},
     .want = {V(NAN, NAN, NAN)}},
    {.op = XENT,
     .name = "f64",
     .in = {IN(TN_F64, FILL_UNIFORM, -1, 1, 3, 2), I32(0, 2, 3)},
     .out = {OUT(TN_F64, 3), OUT(TN_F64, 3, 2)}},
    {.op = XENT,
     .name = "one_hot",
     .in = {F32(3, 5), I32(0, 2, 3, 5)},
     .reject = "labels must have shape [3]"},
    {.op = XENT, .name = "float_labels", .in = {F32(3, 5), F32(3)}, .reject = "must hold integers"},
    {.op = XENT, .name = "scalar", .in = {F32_S, I32(0, 2, 3)}, .reject = "at least 1 dims"},

    {.op = XENT_GRAD,
     .name = "rows",
     .in = {RANGE(0, 1, 7, 10), I32(0, 10, 7), F32(7)},
     .out = {OUT(TN_F32, 7, 10)},
     .tol = TOL_COMPOSITE},
    {.op = XENT_GRAD,
     .name = "sequence",
     .in = {RANGE(0, 1, 2, 5, 7), I64(0, 7, 2, 5), F32(2, 5)},
     .tol = TOL_COMPOSITE},
    {.op = XENT_GRAD,
     .name = "outside_mixed",
     .in = {RANGE(0, 1, 13, 3), I64(-2, 6, 13), F32(13)},
     .tol = TOL_COMPOSITE},
    {.op = XENT_GRAD,
     .name = "many",
     .in = {RANGE(0, 1, 131, 10), I64(0, 10, 131), F32(131)},
     .tol = TOL_COMPOSITE},
    {.op = XENT_GRAD,
     .name = "no_samples",
     .in = {F32(0, 3), I32(0, 3, 0), F32(0)},
     .out = {OUT(TN_F32, 0, 3)}},
    {.op = XENT_GRAD,
     .name = "dloss_shape",
     .in = {F32(3, 5), I32(0, 5, 3), F32(1)},
     .reject = "dloss must be f32 [3]"},
    {.op = XENT_GRAD,
     .name = "label_shape",
     .in = {F32(3, 5), I32(0, 5, 5), F32(3)},
     .reject = "labels must have shape [3]"},

    LOSS("mse", F32, 3),
    LOSS("bce", PROB, 1),
    LOSS("bce_with_logits", AWAY, 1),
    {.op = "mse",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(1, 2, 3, 4), 2, 2), LIT(TN_F32, V(1, 4, 0, 4), 2, 2)},
     .want = {V(2, 4.5)}},
    /* a broken probability must not pass for a saturated one */
    {.op = "bce",
     .name = "nan",
     .in = {LIT(TN_F32, V(NAN, 0.5, 0.5, NAN, 0.5, 0.5), 3, 2),
            LIT(TN_F32, V(0, 1, 1, 1, 1, 0), 3, 2)},
     .want = {V(NAN, NAN, 0.69314718055994531)}},
    {.op = "bce_with_logits",
     .name = "wide",
     .in = {RANGE(-90, 90, 31), RANGE(0, 1, 31)},
     .tol = TOL_COMPOSITE},
    LOSS_GRAD("mse_grad", F32),
    LOSS_GRAD("bce_grad", PROB),
    LOSS_GRAD("bce_with_logits_grad", F32),
    HALF_GRAD("mse_grad"),
    HALF_GRAD("bce_grad"),
    HALF_GRAD("bce_with_logits_grad"),

    /* Half precision, where a device has it. */
    {.op = XENT,
     .name = "f16",
     .in = {IN(TN_F16, FILL_UNIFORM, -2, 2, 5, 7), I32(0, 7, 5)},
     .out = {OUT(TN_F32, 5), OUT(TN_F16, 5, 7)},
     .tol = TOL_COMPOSITE},
    {.op = "mse",
     .name = "f16",
     .in = {IN(TN_F16, FILL_UNIFORM, -2, 2, 5, 7), IN(TN_F16, FILL_UNIFORM, -2, 2, 5, 7)},
     .out = {OUT(TN_F32, 5)},
     .tol = TOL_COMPOSITE},
    {.op = XENT "_grad",
     .name = "f16",
     .in = {HALF(TN_F16, 5, 7), I32(0, 7, 5), KEPT_F32(5)},
     .out = {OUT(TN_F16, 5, 7)},
     .tol = TOL_COMPOSITE},
    {.op = XENT "_grad",
     .name = "bf16",
     .in = {HALF(TN_BF16, 5, 7), I32(0, 7, 5), KEPT_F32(5)},
     .out = {OUT(TN_BF16, 5, 7)},
     .tol = TOL_COMPOSITE},
    {.op = XENT,
     .name = "bf16",
     .in = {IN(TN_BF16, FILL_UNIFORM, -2, 2, 5, 7), I32(0, 7, 5)},
     .out = {OUT(TN_F32, 5), OUT(TN_BF16, 5, 7)},
     .tol = TOL_COMPOSITE},
    {.op = "mse",
     .name = "bf16",
     .in = {IN(TN_BF16, FILL_UNIFORM, -2, 2, 5, 7), IN(TN_BF16, FILL_UNIFORM, -2, 2, 5, 7)},
     .out = {OUT(TN_F32, 5)},
     .tol = TOL_COMPOSITE},
};

OP_FAMILY(loss, cases, loss_golden);
