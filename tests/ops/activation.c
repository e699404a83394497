/* Cases of the activation functions and of their gradient operators. */
#include "unary_cases.h"

#include "../golden/activation.h"

/* clang-format off */
#define BROAD(...) RANGE(-8, 8, __VA_ARGS__)
#define UNIT(...) RANGE(-1, 1, __VA_ARGS__)
#define SMOOTH(name_, ...)                                                                       \
    UNARY(name_, BROAD, 1, __VA_ARGS__),                                                         \
    {.op = name_, .name = "wide", .in = {RANGE(-100, 100, 1001)}, .attrs = {__VA_ARGS__}},       \
    {.op = name_, .name = "near_zero", .in = {RANGE(-1e-3, 1e-3, 301)}, .attrs = {__VA_ARGS__}}
#define KINKS(name_, ...)                                                                        \
    {.op = name_, .name = "kinks",                                                               \
     .in = {LIT(TN_F32, V(-6, -3, -2.5, -1, -0.0, 0, 1, 2.5, 3, 6), 10), F32(10)},               \
     .attrs = {__VA_ARGS__}},                                                                    \
    {.op = name_, .name = "nan_dy", .in = {F32(11), SPECIAL(11)}, .attrs = {__VA_ARGS__}}

static const struct op_case cases[] = {
    SMOOTH("sigmoid", NO_ATTR),
    UNARY_SHAPES("relu", AWAY, 1, NO_ATTR),
    {.op = "relu", .name = "i32", .in = {I32(-99, 99, 5, 3)}, .out = {OUT(TN_I32, 5, 3)}},
    {.op = "relu", .name = "i64", .in = {LIT(TN_I64, V(-1e15, -1, 0, 1, 1e15), 5)}, .want = {V(0, 0, 0, 1, 1e15)}},
    {.op = "relu", .name = "u8", .in = {IN(TN_U8, FILL_INTS, 0, 9, 3)}, .reject = "u8"},
    {.op = "relu", .name = "nan_stays", .in = {LIT(TN_F32, V(NAN, -1, 0, 2), 4)}, .want = {V(NAN, 0, 0, 2)}},
    SMOOTH("relu6", NO_ATTR),
    {.op = "relu6", .name = "nan_stays", .in = {LIT(TN_F32, V(NAN, -1, 0, 2, 7), 5)}, .want = {V(NAN, 0, 0, 2, 6)}},
    UNARY("leaky_relu", AWAY, 1, NO_ATTR),
    {.op = "leaky_relu", .name = "alpha", .in = {AWAY(5, 3)}, .attrs = {AF("alpha", 0.3)}, .grad = 1},
    {.op = "leaky_relu", .name = "negative_alpha", .in = {AWAY(11)}, .attrs = {AF("alpha", -0.5)}, .grad = 1},
    {.op = "leaky_relu", .name = "by_hand", .in = {LIT(TN_F32, V(-4, 0, 4), 3)}, .attrs = {AF("alpha", 0.25)},
     .want = {V(-1, 0, 4)}},
    SMOOTH("elu", NO_ATTR),
    {.op = "elu", .name = "alpha", .in = {AWAY(31)}, .attrs = {AF("alpha", 0.3)}, .grad = 1},
    SMOOTH("celu", NO_ATTR),
    {.op = "celu", .name = "alpha", .in = {AWAY(31)}, .attrs = {AF("alpha", 2)}, .grad = 1},
    {.op = "celu", .name = "negative_alpha", .in = {AWAY(31)}, .attrs = {AF("alpha", -2)}, .grad = 1},
    {.op = "celu", .name = "zero_alpha", .in = {F32(3)}, .attrs = {AF("alpha", 0)}, .reject = "alpha is 0"},
    SMOOTH("selu", NO_ATTR),
    {.op = "selu", .name = "attributes", .in = {AWAY(31)}, .attrs = {AF("alpha", 2), AF("gamma", 3)}, .grad = 1},
    SMOOTH("gelu", NO_ATTR),
    {.op = "gelu", .name = "tanh", .in = {BROAD(3, 101)}, .attrs = {AS("approximate", "tanh")}, .grad = 1},
    {.op = "gelu", .name = "tanh_wide", .in = {RANGE(-100, 100, 301)}, .attrs = {AS("approximate", "tanh")}},
    {.op = "gelu", .name = "tanh_special", .in = {SPECIAL(89)}, .attrs = {AS("approximate", "tanh")}},
    {.op = "gelu", .name = "unknown", .in = {F32(3)}, .attrs = {AS("approximate", "erf")}, .reject = "'erf'; use none or tanh"},
    SMOOTH("silu", NO_ATTR),
    SMOOTH("mish", NO_ATTR),
    SMOOTH("softplus", NO_ATTR),
    SMOOTH("softsign", NO_ATTR),
    SMOOTH("hard_sigmoid", NO_ATTR),
    {.op = "hard_sigmoid", .name = "sixth", .in = {BROAD(31)},
     .attrs = {AF("alpha", 0.16666666666666666), AF("beta", 0.25)}, .grad = 1},
    SMOOTH("hard_swish", NO_ATTR),

    {.op = "prelu", .name = "same", .in = {AWAY(3, 5), F32(3, 5)}, .grad = 3, .out = {OUT(TN_F32, 3, 5)}},
    {.op = "prelu", .name = "channels", .in = {AWAY(2, 3, 5, 7), F32(3, 1, 1)}, .grad = 3, .out = {OUT(TN_F32, 2, 3, 5, 7)}},
    {.op = "prelu", .name = "shared", .in = {AWAY(7, 11), F32_S}, .grad = 3, .out = {OUT(TN_F32, 7, 11)}},
    {.op = "prelu", .name = "row", .in = {AWAY(7, 13), F32(13)}, .grad = 3, .out = {OUT(TN_F32, 7, 13)}},
    {.op = "prelu", .name = "column", .in = {AWAY(7, 13), F32(7, 1)}, .grad = 3},
    {.op = "prelu", .name = "scalar", .in = {LIT_S(TN_F32, V(-0.5)), LIT_S(TN_F32, V(0.25))}, .want = {V(-0.125)}},
    {.op = "prelu", .name = "prime", .in = {F32(1009), F32(1)}, .out = {OUT(TN_F32, 1009)}},
    {.op = "prelu", .name = "one", .in = {LIT(TN_F32, V(-2), 1, 1), F32(1)}, .grad = 3},
    {.op = "prelu", .name = "empty", .in = {F32(0, 3), F32(3)}, .out = {OUT(TN_F32, 0, 3)}},
    {.op = "prelu", .name = "special", .in = {SPECIAL(31, 1), F32(31, 1)}},
    {.op = "prelu", .name = "special_slope", .in = {F32(5, 17), SPECIAL(17)}},
    {.op = "prelu", .name = "enlarges", .in = {F32(3), F32(2, 3)}, .reject = "not enlarge"},
    {.op = "prelu", .name = "enlarges_dim", .in = {F32(1, 3), F32(2, 3)}, .reject = "not enlarge"},
    {.op = "prelu", .name = "misfit", .in = {F32(2, 3), F32(4)}, .reject = "broadcast"},
    {.op = "prelu", .name = "integers", .in = {I32(0, 9, 3), I32(0, 9, 3)}, .reject = "i32"},

    GRAD_PAIR("relu_grad", UNIT, NO_ATTR),
    GRAD_PAIR("sigmoid_grad", UNIT, NO_ATTR),
    GRAD_PAIR("tanh_grad", UNIT, NO_ATTR),
    GRAD_PAIR("relu6_grad", BROAD, NO_ATTR), KINKS("relu6_grad", NO_ATTR),
    GRAD_PAIR("leaky_relu_grad", UNIT, NO_ATTR), KINKS("leaky_relu_grad", AF("alpha", 0.3)),
    GRAD_PAIR("elu_grad", BROAD, NO_ATTR), KINKS("elu_grad", AF("alpha", 0.3)),
    GRAD_PAIR("celu_grad", BROAD, NO_ATTR), KINKS("celu_grad", AF("alpha", 2)),
    GRAD_PAIR("selu_grad", BROAD, NO_ATTR), KINKS("selu_grad", AF("alpha", 2), AF("gamma", 3)),
    GRAD_PAIR("gelu_grad", BROAD, NO_ATTR), KINKS("gelu_grad", NO_ATTR),
    {.op = "gelu_grad", .name = "tanh", .in = {BROAD(3, 101), F32(3, 101)}, .attrs = {AS("approximate", "tanh")}},
    {.op = "gelu_grad", .name = "tanh_wide", .in = {RANGE(-100, 100, 301), F32(301)}, .attrs = {AS("approximate", "tanh")}},
    {.op = "gelu_grad", .name = "tanh_special", .in = {SPECIAL(89), F32(89)}, .attrs = {AS("approximate", "tanh")}},
    {.op = "gelu_grad", .name = "unknown", .in = {F32(3), F32(3)}, .attrs = {AS("approximate", "")}, .reject = "use none or tanh"},
    GRAD_PAIR("silu_grad", BROAD, NO_ATTR), KINKS("silu_grad", NO_ATTR),
    GRAD_PAIR("mish_grad", BROAD, NO_ATTR), KINKS("mish_grad", NO_ATTR),
    GRAD_PAIR("hard_sigmoid_grad", BROAD, NO_ATTR), KINKS("hard_sigmoid_grad", NO_ATTR),
    GRAD_PAIR("hard_swish_grad", BROAD, NO_ATTR), KINKS("hard_swish_grad", NO_ATTR),
    GRAD_PAIR("clip_grad", BROAD, AF("min", -2.5), AF("max", 3)), KINKS("clip_grad", AF("min", -1), AF("max", 3)),
    {.op = "clip_grad", .name = "no_bounds", .in = {SPECIAL(31), F32(31)}},
    {.op = "relu_grad", .name = "by_hand", .in = {LIT(TN_F32, V(0, 1, 2, 0), 4), LIT(TN_F32, V(5, 6, INFINITY, NAN), 4)},
     .want = {V(0, 6, INFINITY, 0)}},
};

OP_FAMILY(activation, cases, activation_golden);
