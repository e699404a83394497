/* 16-bit types: cast between any two types with the numbers where rounding is decided, and moving
 * elements of two bytes. Every other table's cases run in f16 and bf16 as well, see test_device.c.
 */
#include "cases.h"

/* Ties of f16 (steps of 2^-10 at 1) and of bf16 (2^-7), with what f32 keeps or drops beside them;
 * largest numbers, subnormals, the halves of the smallest. */
static const double floats[] = {0.0,
                                -0.0,
                                1,
                                -1,
                                (double)0.1f,
                                -2.5,
                                3.5,
                                1 + 0x1p-11,
                                1 + 0x3p-11,
                                1 + 0x1p-11 + 0x1p-23,
                                -1 - 0x1p-11 + 0x1p-23,
                                1 + 0x1p-8,
                                1 + 0x3p-8,
                                1 + 0x1p-8 + 0x1p-20,
                                65504,
                                65519,
                                65520,
                                -65520,
                                0x1p-24,
                                0x1p-25,
                                0x1.8p-25,
                                0x1.000002p-25,
                                -0x3p-25,
                                0x1p-14,
                                0x1.ffcp-15,
                                (double)1e-30f,
                                (double)-1e30f,
                                (double)3.3895e38f,
                                (double)3.3962e38f,
                                INFINITY,
                                -INFINITY,
                                NAN,
                                254.75,
                                255.5,
                                -0.5,
                                0x1p-140,
                                (double)1e-45f};
/* What an f32 in between would round twice. */
static const double doubles[] = {1 + 0x1p-11 + 0x1p-40,
                                 1 + 0x3p-11 - 0x1p-40,
                                 1 + 0x1p-8 + 0x1p-40,
                                 -1 - 0x3p-8 + 0x1p-40,
                                 65519.9999999,
                                 65504,
                                 0x1p-25 + 0x1p-60,
                                 1e300,
                                 -1e-300,
                                 (double)0.1f,
                                 NAN,
                                 -INFINITY,
                                 0.0};
static const double ints[] = {0,   1,     -1,    2049,   2051,     -2051,        2050,         257,
                              259, 65519, 65520, -65520, 16777217, 2147483647.0, -2147483648.0};
static const double longs[] = {0,
                               -1,
                               2049,
                               65519,
                               65520,
                               2155872257.0,
                               -2155872257.0,
                               2155872256.0,
                               2155872255.0,
                               36310271995674624.0,
                               36310271995674632.0,
                               4611686018427387904.0,
                               -9223372036854775808.0};
static const double bytes[] = {0, 1, 127, 255, 254};
static const double bits[] = {0, 1, 1, 0};
#define CASE(from, from_type, vals, to, to_type)                                  \
    {                                                                             \
        .op = "cast", .name = from " to " to, .attrs = {AS("dtype", to)},         \
        .in = {{.dtype = (from_type),                                             \
                .fill = FILL_LITERAL,                                             \
                .values = (vals),                                                 \
                .shape = DIMS(sizeof(vals) / sizeof((vals)[0])),                  \
                .keep_dtype = 1}},                                                \
        .out = {OUT(to_type, sizeof(vals) / sizeof((vals)[0]))}, .tol = TOL_EXACT \
    }
#define TO_ALL(from, type, vals)                                                        \
    CASE(from, type, vals, "f32", TN_F32), CASE(from, type, vals, "f16", TN_F16),       \
        CASE(from, type, vals, "bf16", TN_BF16), CASE(from, type, vals, "f64", TN_F64), \
        CASE(from, type, vals, "i32", TN_I32), CASE(from, type, vals, "i64", TN_I64),   \
        CASE(from, type, vals, "u8", TN_U8), CASE(from, type, vals, "bool", TN_BOOL)
#define F16(...) IN(TN_F16, FILL_UNIFORM, -2, 2, __VA_ARGS__)
#define BF16(...) IN(TN_BF16, FILL_UNIFORM, -2, 2, __VA_ARGS__)

static const struct op_case cases[] = {
    TO_ALL("f32", TN_F32, floats),
    TO_ALL("f16", TN_F16, floats),
    TO_ALL("bf16", TN_BF16, floats),
    TO_ALL("f64", TN_F64, doubles),
    TO_ALL("i32", TN_I32, ints),
    TO_ALL("i64", TN_I64, longs),
    TO_ALL("u8", TN_U8, bytes),
    TO_ALL("bool", TN_BOOL, bits),
    {.op = "cast",
     .name = "a long f16",
     .attrs = {AS("dtype", "f32")},
     .in = {F16(7, 11, 1009)},
     .tol = TOL_EXACT},
    {.op = "cast",
     .name = "a long bf16",
     .attrs = {AS("dtype", "f32")},
     .in = {BF16(7, 11, 1009)},
     .tol = TOL_EXACT},
    {.op = "cast",
     .name = "empty f16",
     .attrs = {AS("dtype", "bf16")},
     .in = {F16(3, 0)},
     .out = {OUT(TN_BF16, 3, 0)}},

    {.op = "fill",
     .name = "f16 between two numbers",
     .attrs = {AV("shape", 3, 7), AF("value", -0.1), AS("dtype", "f16")},
     .out = {OUT(TN_F16, 3, 7)},
     .tol = TOL_EXACT},
    {.op = "fill",
     .name = "f16 that f32 rounds to a tie",
     .attrs = {AV("shape", 5), AF("value", 1 + 0x1p-11 + 0x1p-40), AS("dtype", "f16")},
     .tol = TOL_EXACT},
    {.op = "fill",
     .name = "f16 subnormal",
     .attrs = {AV("shape", 5), AF("value", 0x1.8p-24), AS("dtype", "f16")},
     .tol = TOL_EXACT},
    {.op = "fill",
     .name = "f16 overflow",
     .attrs = {AV("shape", 5), AF("value", -1e6), AS("dtype", "f16")},
     .tol = TOL_EXACT},
    {.op = "fill",
     .name = "bf16 that f32 rounds to a tie",
     .attrs = {AV("shape", 5), AF("value", 1 + 0x1p-8 + 0x1p-40), AS("dtype", "bf16")},
     .tol = TOL_EXACT},
    {.op = "transpose", .name = "bf16 planes", .in = {BF16(5, 17, 13)}, .tol = TOL_EXACT},
    {.op = "slice",
     .name = "f16 backwards",
     .attrs = {AV("starts", -1), AV("ends", -100), AV("axes", 1), AV("steps", -2)},
     .in = {F16(5, 17)},
     .tol = TOL_EXACT},
    /* Both operands in one place of f32 scratch; results that no 16-bit product would hold. */
    {.op = "sum",
     .name = "f16 beyond its steps",
     .in = {IN(TN_F16, FILL_INTS, 1, 4, 4099)},
     .tol = TOL_EXACT},
    {.op = "mean",
     .name = "bf16 beyond its steps",
     .in = {IN(TN_BF16, FILL_INTS, 1, 4, 3, 1009)},
     .attrs = {AV("axes", 1)},
     .tol = TOL_SUM},
};

OP_FAMILY_NO_GOLDEN(types, cases);
