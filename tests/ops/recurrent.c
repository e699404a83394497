/* Cases of rnn, lstm and gru and their gradients. The three are alike but for the number of gates
 * (g), what `reserve` holds, and lstm's cell state: one macro writes a case of each. */
#include "cases.h"

#include "../golden/recurrent.h"

#define TOL .tol = TOL_COMPOSITE
#define REVERSE AS("direction", "reverse")
#define BOTH AS("direction", "bidirectional")
#define LEN(type, ...) LIT(type, V(__VA_ARGS__), sizeof((double[]){__VA_ARGS__}) / sizeof(double))

#define WEIGHTS(g, d, i, h) RANGE(-0.6, 0.6, d, (g) * (h), i), RANGE(-0.6, 0.6, d, (g) * (h), h)
#define BIAS(g, d, h) RANGE(-0.5, 0.5, d, 2 * (g) * (h))
#define STATE(d, b, h) RANGE(-1, 1, d, b, h)

/* After h0: c0. All inputs that have gradients; all outputs that pass one on. */
#define TAIL_rnn(d, b, h)
#define TAIL_gru(d, b, h)
#define TAIL_lstm(d, b, h) , STATE(d, b, h)
#define ALL_rnn 47
#define ALL_gru 47
#define ALL_lstm 111
#define OUTS_rnn 3
#define OUTS_gru 3
#define OUTS_lstm 7

/* f32 in a case of 16-bit types too: what forward keeps for its gradient. */
#define KEEP(low, high, ...)                                              \
    {                                                                     \
        .dtype = TN_F32, .fill = FILL_UNIFORM, .lo = (low), .hi = (high), \
        .shape = DIMS(__VA_ARGS__), .keep_dtype = 1                       \
    }
/* After dy_h: reserve, c0 and dy_c. */
#define KEPT_rnn(d, t, b, h)
#define KEPT_gru(d, t, b, h) , KEEP(0.1, 0.9, d, t, b, 4 * (h))
#define KEPT_lstm(d, t, b, h) , KEEP(0.1, 0.9, d, t, b, 5 * (h)), STATE(d, b, h), STATE(d, b, h)

#define FORWARD(op_, g, name_, t, b, i, h, d, lengths, ...)            \
    {.op = #op_,                                                       \
     .name = name_,                                                    \
     .in = {F32(t, b, i), WEIGHTS(g, d, i, h), BIAS(g, d, h), lengths, \
            STATE(d, b, h) TAIL_##op_(d, b, h)},                       \
     .attrs = {__VA_ARGS__},                                           \
     .out = {OUT(TN_F32, t, d, b, h), OUT(TN_F32, d, b, h)},           \
     .grad = ALL_##op_,                                                \
     .grad_out = OUTS_##op_,                                           \
     TOL},
/* Too large for central differences. */
#define LARGE(op_, g, name_, t, b, i, h, d, lengths, ...)              \
    {.op = #op_,                                                       \
     .name = name_,                                                    \
     .in = {F32(t, b, i), WEIGHTS(g, d, i, h), BIAS(g, d, h), lengths, \
            STATE(d, b, h) TAIL_##op_(d, b, h)},                       \
     .attrs = {__VA_ARGS__},                                           \
     TOL},
#define BACKWARD(op_, g, name_, t, b, i, h, d, lengths, ...)                                      \
    {.op = #op_ "_grad",                                                                          \
     .name = name_,                                                                               \
     .in = {F32(t, b, i), WEIGHTS(g, d, i, h), lengths, STATE(d, b, h), RANGE(-1, 1, t, d, b, h), \
            RANGE(-1, 1, t, d, b, h), STATE(d, b, h) KEPT_##op_(d, t, b, h)},                     \
     .attrs = {__VA_ARGS__},                                                                      \
     .out = {OUT(TN_F32, t, b, i), OUT(TN_F32, d, (g) * (h), i), OUT(TN_F32, d, (g) * (h), h),    \
             OUT(TN_F32, d, 2 * (g) * (h)), OUT(TN_F32, d, b, h)},                                \
     TOL},
#define REJECT(op_, name_, words, ...) \
    {.op = op_, .name = name_, .in = {__VA_ARGS__}, .reject = words},

#define NONE \
    {        \
        0    \
    }
#define EACH_FORWARD(op_, g, ...)                                                                 \
    FORWARD(op_, g, "forward", 3, 2, 4, 3, 1, NONE, __VA_ARGS__)                                  \
    FORWARD(op_, g, "of_one", 1, 1, 1, 1, 1, NONE, __VA_ARGS__)                                   \
    FORWARD(op_, g, "reverse", 4, 3, 2, 5, 1, NONE, REVERSE, __VA_ARGS__)                         \
    FORWARD(op_, g, "both", 3, 2, 3, 2, 2, NONE, BOTH, __VA_ARGS__)                               \
    FORWARD(op_, g, "lengths", 5, 4, 2, 3, 1, LEN(TN_I32, 3, 5, 1, 4), __VA_ARGS__)               \
    FORWARD(op_, g, "lengths_reverse", 5, 3, 2, 3, 1, LEN(TN_I64, 2, 5, 4), REVERSE, __VA_ARGS__) \
    FORWARD(op_, g, "lengths_both", 4, 3, 3, 2, 2, LEN(TN_I64, 4, 1, 3), BOTH, __VA_ARGS__)       \
    FORWARD(op_, g, "lengths_none_and_beyond", 3, 4, 2, 2, 2, LEN(TN_I32, 0, 9, -1, 2), BOTH,     \
            __VA_ARGS__)                                                                          \
    FORWARD(op_, g, "many_steps", 31, 2, 1, 2, 1, NONE, __VA_ARGS__)                              \
    FORWARD(op_, g, "no_features", 3, 2, 0, 2, 1, NONE, __VA_ARGS__)                              \
    LARGE(op_, g, "wide", 5, 7, 33, 37, 2, LEN(TN_I32, 5, 3, 4, 1, 5, 0, 2), BOTH, __VA_ARGS__)   \
    LARGE(op_, g, "many_sequences", 3, 131, 5, 16, 1, NONE, __VA_ARGS__)                          \
    LARGE(op_, g, "long", 257, 1, 3, 8, 1, NONE, REVERSE, __VA_ARGS__)                            \
    LARGE(op_, g, "no_steps", 0, 2, 3, 2, 1, NONE, __VA_ARGS__)                                   \
    LARGE(op_, g, "no_sequences", 3, 0, 3, 2, 1, NONE,                                            \
          __VA_ARGS__){.op = #op_,                                                                \
                       .name = "bare",                                                            \
                       .in = {F32(3, 2, 4), WEIGHTS(g, 1, 4, 3)},                                 \
                       .attrs = {__VA_ARGS__},                                                    \
                       .grad = 7,                                                                 \
                       TOL},                                                                      \
        {.op = #op_,                                                                              \
         .name = "bias_alone",                                                                    \
         .in = {F32(3, 2, 4), WEIGHTS(g, 2, 4, 3), BIAS(g, 2, 3)},                                \
         .attrs = {BOTH, __VA_ARGS__},                                                            \
         .grad = 15,                                                                              \
         .grad_out = 2,                                                                           \
         TOL},

#define EACH_BACKWARD(op_, g, ...)                                                                 \
    BACKWARD(op_, g, "forward", 3, 2, 4, 3, 1, NONE, __VA_ARGS__)                                  \
    BACKWARD(op_, g, "of_one", 1, 1, 1, 1, 1, NONE, __VA_ARGS__)                                   \
    BACKWARD(op_, g, "reverse", 4, 3, 2, 5, 1, NONE, REVERSE, __VA_ARGS__)                         \
    BACKWARD(op_, g, "both", 3, 2, 3, 2, 2, NONE, BOTH, __VA_ARGS__)                               \
    BACKWARD(op_, g, "lengths", 5, 4, 2, 3, 1, LEN(TN_I32, 3, 5, 1, 4), __VA_ARGS__)               \
    BACKWARD(op_, g, "lengths_reverse", 5, 3, 2, 3, 1, LEN(TN_I64, 2, 5, 4), REVERSE, __VA_ARGS__) \
    BACKWARD(op_, g, "lengths_none_and_beyond", 3, 4, 2, 2, 2, LEN(TN_I32, 0, 9, -1, 2), BOTH,     \
             __VA_ARGS__)                                                                          \
    BACKWARD(op_, g, "no_features", 3, 2, 0, 2, 1, NONE, __VA_ARGS__)                              \
    BACKWARD(op_, g, "wide", 5, 7, 33, 37, 2, LEN(TN_I32, 5, 3, 4, 1, 5, 0, 2), BOTH, __VA_ARGS__) \
    BACKWARD(op_, g, "many_sequences", 3, 131, 5, 16, 1, NONE, __VA_ARGS__)                        \
    BACKWARD(op_, g, "many_steps", 67, 2, 3, 5, 1, NONE, REVERSE, __VA_ARGS__)                     \
    BACKWARD(op_, g, "no_steps", 0, 2, 3, 2, 1, NONE, __VA_ARGS__)                                 \
    BACKWARD(op_, g, "no_sequences", 3, 0, 3, 2, 1, NONE, __VA_ARGS__)

#define EACH_REJECT(op_, g)                                                                    \
    REJECT(op_, "w_shape", "'w' must be", F32(3, 2, 4), RANGE(-1, 1, 1, (g)*3, 5),             \
           RANGE(-1, 1, 1, (g)*3, 3))                                                          \
    REJECT(op_, "r_shape", "'r' must be", F32(3, 2, 4), RANGE(-1, 1, 1, (g)*3, 4),             \
           RANGE(-1, 1, 1, (g)*3 + 1, 3))                                                      \
    REJECT(op_, "b_shape", "'b' must be", F32(3, 2, 4), WEIGHTS(g, 1, 4, 3), F32(1, (g)*3))    \
    REJECT(op_, "lengths_shape", "'lengths' must be", F32(3, 2, 4), WEIGHTS(g, 1, 4, 3), NONE, \
           I32(0, 3, 3))                                                                       \
    REJECT(op_, "lengths_type", "integers", F32(3, 2, 4), WEIGHTS(g, 1, 4, 3), NONE, F32(2))   \
    REJECT(op_, "h0_shape", "'h0' must be", F32(3, 2, 4), WEIGHTS(g, 1, 4, 3), NONE, NONE,     \
           F32(1, 2, 4))                                                                       \
    REJECT(op_, "rank", "'x' must have 3 dims", F32(3, 2), WEIGHTS(g, 1, 2, 3))                \
    REJECT(op_, "types", "one dtype", F32(3, 2, 4), IN(TN_F64, FILL_UNIFORM, 0, 1, 1, g, 4),   \
           RANGE(0, 1, 1, g, 1)){.op = op_,                                                    \
                                 .name = "direction",                                          \
                                 .in = {F32(3, 2, 4), WEIGHTS(g, 1, 4, 3)},                    \
                                 .attrs = {AS("direction", "backward")},                       \
                                 .reject = "bidirectional"},                                   \
        {.op = op_,                                                                            \
         .name = "one_direction_of_weights",                                                   \
         .in = {F32(3, 2, 4), WEIGHTS(g, 1, 4, 3)},                                            \
         .attrs = {BOTH},                                                                      \
         .reject = "'r' must be"},

#define RELU AS("activation", "relu")
#define BEFORE AI("linear_before_reset", 1)

static const struct op_case cases[] = {
    EACH_FORWARD(rnn, 1, AS("activation", "tanh")) EACH_FORWARD(lstm, 4, {0}) EACH_FORWARD(
        gru, 3, BEFORE) EACH_BACKWARD(rnn, 1, AS("activation", "tanh")) EACH_BACKWARD(lstm, 4, {0})
        EACH_BACKWARD(gru, 3, BEFORE) EACH_REJECT("rnn", 1) EACH_REJECT("lstm",
                                                                        4) EACH_REJECT("gru", 3)

            FORWARD(rnn, 1, "relu", 4, 3, 2, 4, 2, NONE, BOTH, RELU)
                FORWARD(rnn, 1, "relu_lengths", 4, 3, 2, 4, 1, LEN(TN_I64, 2, 0, 4), REVERSE, RELU)
                    BACKWARD(rnn, 1, "relu", 4, 3, 2, 4, 2, LEN(TN_I32, 2, 3, 4), BOTH, RELU)
                        FORWARD(gru, 3, "after_reset", 4, 3, 2, 4, 1, NONE, {0}) FORWARD(
                            gru, 3, "after_reset_lengths", 4, 3, 2, 4, 2, LEN(TN_I32, 2, 0, 4),
                            BOTH) LARGE(gru, 3, "after_reset_wide", 5, 7, 33, 37, 2,
                                        LEN(TN_I32, 5, 3, 4, 1, 5, 0, 2), BOTH)
                            BACKWARD(gru, 3, "after_reset", 4, 3, 2, 4, 1, NONE, {0}) BACKWARD(
                                gru, 3, "after_reset_lengths", 4, 3, 2, 4, 2, LEN(TN_I32, 2, 0, 4),
                                BOTH) BACKWARD(gru, 3, "after_reset_reverse", 4, 3, 2, 4, 1,
                                               LEN(TN_I64, 2, 3, 4), REVERSE)
                                BACKWARD(gru, 3, "after_reset_wide", 5, 7, 33, 37, 2,
                                         LEN(TN_I32, 5, 3, 4, 1, 5, 0, 2), BOTH)

                                    {.op = "rnn",
                                     .name = "by_hand", /* 2 + 3, 2 + 15; the second sequence ends
                                                           after one step */
                                     .in = {LIT(TN_F32, V(1, 1, 1, 1), 2, 2, 1),
                                            LIT(TN_F32, V(2), 1, 1, 1), LIT(TN_F32, V(3), 1, 1, 1),
                                            NONE, LEN(TN_I32, 2, 1),
                                            LIT(TN_F32, V(1, -1), 1, 2, 1)},
                                     .attrs = {RELU},
                                     .want = {V(5, 0, 17, 0), V(17, 0)}},
    {.op = "rnn",
     .name = "relu_of_nan",
     .in = {LIT(TN_F32, V(NAN, INFINITY, -INFINITY), 1, 3, 1), LIT(TN_F32, V(1), 1, 1, 1),
            LIT(TN_F32, V(0), 1, 1, 1)},
     .attrs = {RELU},
     .want = {V(NAN, INFINITY, 0)}},
    {.op = "rnn_grad",
     .name = "by_hand", /* h: 0.5 then 0; dh_2 = 1, da_1 = (3 + 2 * 0) * 1 */
     .in = {LIT(TN_F32, V(4, 5), 2, 1, 1), LIT(TN_F32, V(7), 1, 1, 1), LIT(TN_F32, V(2), 1, 1, 1),
            NONE, NONE, LIT(TN_F32, V(0.5, 0), 2, 1, 1, 1), LIT(TN_F32, V(3, 1), 2, 1, 1, 1)},
     .attrs = {RELU},
     .want = {V(21, 0), V(12), V(0), V(3, 3), V(6)}},
    {.op = "lstm",
     .name = "by_hand", /* all gates 1/2, g = 0: c = c0 / 2, h = tanh(c) / 2 */
     .in = {F32(1, 1, 1), LIT(TN_F32, V(0, 0, 0, 0), 1, 4, 1), LIT(TN_F32, V(0, 0, 0, 0), 1, 4, 1),
            NONE, NONE, NONE, LIT(TN_F32, V(2), 1, 1, 1)},
     .want = {V(0.38079707797788244), V(0.38079707797788244), V(1), V(0.5, 0.5, 0.5, 0, 1)},
     TOL},
    {.op = "lstm",
     .name = "no_time", /* of length 0: the states pass through */
     .in = {F32(2, 1, 1), WEIGHTS(4, 1, 1, 1), NONE, LEN(TN_I64, 0), LIT(TN_F32, V(3), 1, 1, 1),
            LIT(TN_F32, V(2), 1, 1, 1)},
     .want = {V(0, 0), V(3), V(2), V(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)}},
    {.op = "lstm",
     .name = "large", /* gates at their ends */
     .in = {RANGE(-90, 90, 3, 2, 5), RANGE(-9, 9, 1, 12, 5), RANGE(-9, 9, 1, 12, 3)},
     TOL},
    {.op = "gru",
     .name = "by_hand", /* z = 1/2, n = 0 */
     .in = {F32(2, 1, 1), LIT(TN_F32, V(0, 0, 0), 1, 3, 1), LIT(TN_F32, V(0, 0, 0), 1, 3, 1), NONE,
            NONE, LIT(TN_F32, V(8), 1, 1, 1)},
     .want = {V(4, 2), V(2)}},
    REJECT("lstm", "c0_shape", "'c0' must be", F32(3, 2, 4), WEIGHTS(4, 1, 4, 3), NONE, NONE, NONE,
           F32(2, 3)){.op = "rnn",
                      .name = "activation",
                      .in = {F32(3, 2, 4), WEIGHTS(1, 1, 4, 3)},
                      .attrs = {AS("activation", "selu")},
                      .reject = "tanh or relu"},
    REJECT("rnn_grad", "y_shape", "'y' must be", F32(3, 2, 4), WEIGHTS(1, 1, 4, 3), NONE, NONE,
           F32(3, 2, 3)) REJECT("rnn_grad", "dy_h_shape", "'dy_h' must be", F32(3, 2, 4),
                                WEIGHTS(1, 1, 4, 3), NONE, NONE, F32(3, 1, 2, 3), NONE, F32(2, 3))
        REJECT("gru_grad", "reserve_shape", "'reserve' must be", F32(3, 2, 4), WEIGHTS(3, 1, 4, 3),
               NONE, NONE, F32(3, 1, 2, 3), NONE, NONE, F32(1, 3, 2, 9))
            REJECT("gru_grad", "dy_shape", "'dy' must be", F32(3, 2, 4), WEIGHTS(3, 1, 4, 3), NONE,
                   NONE, F32(3, 1, 2, 3), F32(3, 2, 3), NONE, F32(1, 3, 2, 12))
                REJECT("lstm_grad", "reserve_shape", "'reserve' must be", F32(3, 2, 4),
                       WEIGHTS(4, 1, 4, 3), NONE, NONE, F32(3, 1, 2, 3), NONE, NONE,
                       F32(1, 3, 2, 12))
                    REJECT("lstm_grad", "dy_c_shape", "'dy_c' must be", F32(3, 2, 4),
                           WEIGHTS(4, 1, 4, 3), NONE, NONE, F32(3, 1, 2, 3), NONE, NONE,
                           F32(1, 3, 2, 15), NONE, F32(1, 2, 4))};

OP_FAMILY(recurrent, cases, recurrent_golden);
