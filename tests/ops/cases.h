/* Case tables of operators: one table per family, plain data without a test framework, so that unit
 * tests, device comparisons and conformance runs read the same cases.
 *
 * Adding a family: tests/ops/<family>.c with `const struct op_family op_family_<family>`, a line in
 * tests/ops/families.h and one in tests/ops/meson.build. Macros below keep a case to a few lines:
 *
 *   {.op = "add", .name = "row", .in = {F32(2, 3), F32(3)}, .grad = 3},
 *   {.op = "add", .name = "misfit", .in = {F32(2, 3), F32(4)}, .reject = "broadcast"},
 *   {.op = "sum", .name = "first", .in = {LIT(TN_F32, V(1, 2, 3, 4), 2, 2)},
 *    .attrs = {AV("axes", 0)}, .want = {V(4, 6)}},
 */
#ifndef TN_TESTS_OPS_CASES_H
#define TN_TESTS_OPS_CASES_H

#include <math.h> /* tables use NAN and INFINITY */

#include "ops/op.h"

#define OP_CASE_MAX_IN 16
#define OP_CASE_MAX_ATTR 10

/* How an input is filled. Values depend on op, case name and input only; f32 values are exact in
 * f32, f16 and bf16 ones multiples of 1/8. */
enum op_fill {
    FILL_UNIFORM = 0, /* [lo, hi) */
    FILL_AWAY,     /* [lo, hi), no nearer to 0 than a twentieth of the range: clear of the kink */
    FILL_DISTINCT, /* evenly spaced over [lo, hi) in random order: no ties, gaps of 1/count */
    FILL_INTS,     /* whole numbers of [lo, hi) */
    FILL_TIES,     /* one of lo, (lo + hi) / 2, hi */
    FILL_SPECIAL,  /* NaN, +-Inf, +-0, huge and tiny numbers among uniform ones */
    FILL_LITERAL   /* `values`, one per element */
};

struct op_case_input {
    tn_dtype dtype; /* 0: absent */
    enum op_fill fill;
    double lo, hi;
    const double *values;
    struct tn_shape shape;
    int keep_dtype; /* stays as it is when a float case is run in another precision */
};

/* What a device may differ by from the reference; f32 figures, others follow the dtype. */
enum op_tolerance {
    TOL_ELEMENTWISE = 0, /* rtol 1e-5, atol 1e-6; integers and bool exact */
    TOL_SUM,             /* sums of products: (terms + 2) 2^-24 times the sum of absolute products,
                            both worked out by the reference on |inputs| and on ones */
    TOL_COMPOSITE,       /* several roundings in a row: rtol 1e-5 and 1e-5 of the largest value */
    TOL_EXACT            /* the same number */
};

struct op_case {
    const char *op, *name; /* name: unique within the op */
    struct op_case_input in[OP_CASE_MAX_IN];
    struct tn_attr attrs[OP_CASE_MAX_ATTR]; /* ends at the first without a name */
    const char *reject; /* the shape rule refuses with a message that holds this; else NULL */

    struct tn_type out[TN_OP_MAX_OUT]; /* expected types; dtype 0: not checked */
    const double *want[TN_OP_MAX_OUT]; /* expected values, computed elsewhere; NULL: not checked */
    double want_tol;                   /* relative and absolute, 0: 1e-9 */

    uint32_t grad;     /* bit i: check the gradient to input i; kinks are then excluded by `fill` */
    uint32_t grad_out; /* bit k: output k takes part; 0: only output 0 */

    enum op_tolerance tol;
    int64_t terms; /* TOL_SUM: 0: as the reference on ones counts them */
};

struct op_family {
    const char *name;
    const struct op_case *cases;
    size_t n_cases;
    const struct op_case *golden; /* from tests/golden, may be NULL */
    size_t n_golden;
};

size_t op_family_count(void);
const struct op_family *op_family_at(size_t index);
/* Cases of a family, hand-written ones first; NULL past the last. */
const struct op_case *op_family_case(const struct op_family *family, size_t index);

/* --- writing tables --- */

#define DIMS(...)                                                 \
    {                                                             \
        sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), \
        {                                                         \
            __VA_ARGS__                                           \
        }                                                         \
    }
#define V(...) ((const double[]){__VA_ARGS__})
/* An input: type, fill, range, dims. The S forms are scalars (rank 0). */
#define IN(type, how, low, high, ...)                                                         \
    {                                                                                         \
        .dtype = (type), .fill = (how), .lo = (low), .hi = (high), .shape = DIMS(__VA_ARGS__) \
    }
#define IN_S(type, how, low, high)                                \
    {                                                             \
        .dtype = (type), .fill = (how), .lo = (low), .hi = (high) \
    }
#define F32(...) IN(TN_F32, FILL_UNIFORM, -2, 2, __VA_ARGS__)
#define F32_S IN_S(TN_F32, FILL_UNIFORM, -2, 2)
#define RANGE(low, high, ...) IN(TN_F32, FILL_UNIFORM, low, high, __VA_ARGS__)
#define AWAY(...) IN(TN_F32, FILL_AWAY, -2, 2, __VA_ARGS__)
#define DISTINCT(...) IN(TN_F32, FILL_DISTINCT, -3, 3, __VA_ARGS__)
#define TIES(...) IN(TN_F32, FILL_TIES, -1, 1, __VA_ARGS__)
#define SPECIAL(...) IN(TN_F32, FILL_SPECIAL, -2, 2, __VA_ARGS__)
#define I32(low, high, ...) IN(TN_I32, FILL_INTS, low, high, __VA_ARGS__)
#define I64(low, high, ...) IN(TN_I64, FILL_INTS, low, high, __VA_ARGS__)
/* f32 in every precision, as the loss of a model in half precision and what goes back into it. */
#define KEPT_F32(...)                                                                   \
    {                                                                                   \
        .dtype = TN_F32, .lo = -2, .hi = 2, .shape = DIMS(__VA_ARGS__), .keep_dtype = 1 \
    }
#define BOOLS(...) IN(TN_BOOL, FILL_INTS, 0, 2, __VA_ARGS__)
#define LIT(type, vals, ...)                                                                \
    {                                                                                       \
        .dtype = (type), .fill = FILL_LITERAL, .values = (vals), .shape = DIMS(__VA_ARGS__) \
    }
#define LIT_S(type, vals)                                       \
    {                                                           \
        .dtype = (type), .fill = FILL_LITERAL, .values = (vals) \
    }
/* An output's type: OUT(TN_F32, 2, 3). */
#define OUT(type, ...)            \
    {                             \
        (type), DIMS(__VA_ARGS__) \
    }
#define OUT_S(type)     \
    {                   \
        .dtype = (type) \
    }
#define AI(key, value)                                           \
    {                                                            \
        .name = (key), .type = TN_ATTR_INT, .u = {.i = (value) } \
    }
#define AF(key, value)                                             \
    {                                                              \
        .name = (key), .type = TN_ATTR_FLOAT, .u = {.f = (value) } \
    }
#define AS(key, value)                                              \
    {                                                               \
        .name = (key), .type = TN_ATTR_STRING, .u = {.s = (value) } \
    }
#define AV(key, ...)                                                              \
    {                                                                             \
        .name = (key), .type = TN_ATTR_INTS,                                      \
        .count = sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), .u = { \
            .ints = (const int64_t[]){__VA_ARGS__}                                \
        }                                                                         \
    }
/* An empty list of ints: the shape of a scalar. */
#define AV_EMPTY(key)                       \
    {                                       \
        .name = (key), .type = TN_ATTR_INTS \
    }

#define OP_FAMILY(id, cases_, golden_)                                                        \
    const struct op_family op_family_##id = {.name = #id,                                     \
                                             .cases = cases_,                                 \
                                             .n_cases = sizeof(cases_) / sizeof((cases_)[0]), \
                                             .golden = golden_,                               \
                                             .n_golden = sizeof(golden_) / sizeof((golden_)[0])}
#define OP_FAMILY_NO_GOLDEN(id, cases_)       \
    const struct op_family op_family_##id = { \
        .name = #id, .cases = cases_, .n_cases = sizeof(cases_) / sizeof((cases_)[0])}

#endif
