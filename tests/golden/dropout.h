/* Made by make_ops.py with PyTorch 1.13.0a0: do not edit. */
/* clang-format off */
static const double d0[] = {
    0.75, -1.125, -1.25, 3.1875, 0.1875, 1, 0.25, 0.625, 1.5, 1.125, -0.375, -1.1875, 0.5,
    -0.8125, 0.3125, 1.125, 0.625, 0.5625, 0.6875, -0.875, 2.3125};
static const double d1[] = {
    0, 1, 2};
static const double d2[] = {
    12345};
static const double d3[] = {
    0, -2.25, -2.5, 6.375, 0.375, 0, 0, 1.25, 0, 0, -0.75, 0, 1, -1.625, 0.625, 0, 0, 1.125,
    1.375, -1.75, 4.625};
static const double d4[] = {
    0.125, 0.375, -0.625, -1.8125, -0.4375, 1.4375, 0.375, 0.1875, -1.0625, -0.125, -0.6875,
    0.75, -0.9375, -2.375, -1.625, -0.4375, 0.0625, -0.75};
static const double d5[] = {
    1099511627781, 7, 4294967296};
static const double d6[] = {
    -3};
static const double d7[] = {
    0.16666666666666666, 0.5, -0.83333333333333337, 0, -0.58333333333333337, 1.9166666666666667,
    0, 0.25, -1.4166666666666667, 0, -0.91666666666666663, 1, -1.25, -3.1666666666666665, 0,
    -0.58333333333333337, 0.083333333333333329, -1};
static const double d8[] = {
    -0.625, 0.6875, 0.875, -1.4375, 0.75, 0.3125, 0.625, 0.5, -0, -0.0625, 0.25, 0.625, -1.25,
    -0.375, -0.5, -0.5, -0.375, -1.1875};
static const double d9[] = {
    4, 4};
static const double d10[] = {
    4503599627382841};
static const double d11[] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
static const double d12[] = {
    -0.375, 1.0625, 1.25, 0.9375, 1.3125};
static const double d13[] = {
    9};
static const double d14[] = {
    1};
static const double d15[] = {
    -0.375, 1.0625, 1.25, 0.9375, 1.3125};

static const struct op_case golden[] = {
    {.op = "dropout",
     .name = "golden: half",
     .attrs = {AF("rate", 0.5), AI("path_hash", 678)},
     .in = {LIT(TN_F32, d0, 3, 7), LIT(TN_I64, d1, 3), LIT_S(TN_I64, d2)},
     .out = {OUT(TN_F32, 3, 7)},
     .want = {d3},
     .want_tol = 1e-12,
     .grad = 1,
     .tol = TOL_ELEMENTWISE},
    {.op = "dropout",
     .name = "golden: samples beyond 32 bits, in any order",
     .attrs = {AF("rate", 0.25), AI("path_hash", 4611686018427387915)},
     .in = {LIT(TN_F32, d4, 3, 2, 3), LIT(TN_I64, d5, 3), LIT_S(TN_I64, d6)},
     .out = {OUT(TN_F32, 3, 2, 3)},
     .want = {d7},
     .want_tol = 1e-12,
     .grad = 1,
     .tol = TOL_ELEMENTWISE},
    {.op = "dropout",
     .name = "golden: negative path hash",
     .attrs = {AF("rate", 0.75), AI("path_hash", INT64_MIN)},
     .in = {LIT(TN_F32, d8, 2, 9), LIT(TN_I64, d9, 2), LIT_S(TN_I64, d10)},
     .out = {OUT(TN_F32, 2, 9)},
     .want = {d11},
     .want_tol = 1e-12,
     .grad = 1,
     .tol = TOL_ELEMENTWISE},
    {.op = "dropout",
     .name = "golden: rate 0 keeps all",
     .attrs = {AF("rate", 0), AI("path_hash", 2)},
     .in = {LIT(TN_F32, d12, 1, 5), LIT(TN_I64, d13, 1), LIT_S(TN_I64, d14)},
     .out = {OUT(TN_F32, 1, 5)},
     .want = {d15},
     .want_tol = 1e-12,
     .grad = 1,
     .tol = TOL_ELEMENTWISE},
};
