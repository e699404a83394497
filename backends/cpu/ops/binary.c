/* SPDX-License-Identifier: MIT
 *
 * Elementwise operators of two broadcast operands, and select of three:
 *   add sub mul div maximum minimum equal greater, select(cond, a, b) = cond ? a : b
 * and the gradients that pair a value with its dy, of equal shapes:
 *   relu_grad, leaky_relu_grad, sigmoid_grad, tanh_grad. */
#include "bcast.h"
#include "vmath.h"

/* One row: o[i] = f(a[i * sa], b[i * sb]), strides 0 or 1. `p` is the operator's parameter. */
typedef void (*row_fn)(void *o, const void *a, const void *b, int64_t sa, int64_t sb, int64_t n,
                       double p);

/* `o` may be `a` or `b` itself; `b` or `a` repeated is read before anything is written. */
#define ROW(name, T, O, EXPR)                                                                     \
    static void name(void *vo, const void *va, const void *vb, int64_t sa, int64_t sb, int64_t n, \
                     double vp)                                                                   \
    {                                                                                             \
        O *o = vo;                                                                                \
        const T *a = va, *b = vb;                                                                 \
        const T p = (T)vp;                                                                        \
        (void)p;                                                                                  \
        if (sa && sb) {                                                                           \
            CPU_SIMD for (int64_t i = 0; i < n; i++)                                              \
            {                                                                                     \
                const T x = a[i], y = b[i];                                                       \
                o[i] = (O)(EXPR);                                                                 \
            }                                                                                     \
        } else if (sa) {                                                                          \
            const T y = b[0];                                                                     \
            CPU_SIMD for (int64_t i = 0; i < n; i++)                                              \
            {                                                                                     \
                const T x = a[i];                                                                 \
                o[i] = (O)(EXPR);                                                                 \
            }                                                                                     \
        } else {                                                                                  \
            const T x = a[0];                                                                     \
            CPU_SIMD for (int64_t i = 0; i < n; i++)                                              \
            {                                                                                     \
                const T y = b[i];                                                                 \
                o[i] = (O)(EXPR);                                                                 \
            }                                                                                     \
        }                                                                                         \
    }

#define FLOATS(op, EXPR)              \
    ROW(op##_f32, float, float, EXPR) \
    ROW(op##_f64, double, double, EXPR)
/* Integers wrap: the arithmetic is done without sign. */
#define INTS(op, OP)                                            \
    ROW(op##_i32, int32_t, int32_t, (uint32_t)x OP(uint32_t) y) \
    ROW(op##_i64, int64_t, int64_t, (uint64_t)x OP(uint64_t) y)
#define COMPARE(op, EXPR)                 \
    ROW(op##_f32, float, uint8_t, EXPR)   \
    ROW(op##_f64, double, uint8_t, EXPR)  \
    ROW(op##_i32, int32_t, uint8_t, EXPR) \
    ROW(op##_i64, int64_t, uint8_t, EXPR) \
    ROW(op##_u8, uint8_t, uint8_t, EXPR)

FLOATS(add, x + y)
FLOATS(sub, x - y)
FLOATS(mul, x *y)
FLOATS(div, x / y)
FLOATS(maximum, x > y || x != x ? x : y)
FLOATS(minimum, x < y || x != x ? x : y)
FLOATS(relu_grad, x > 0 ? y : 0)
FLOATS(leaky_relu_grad, x > 0 ? y : p * y)
FLOATS(sigmoid_grad, y *x *(1 - x))
FLOATS(tanh_grad, y *(1 - x * x))
INTS(add, +)
INTS(sub, -)
INTS(mul, *)
ROW(maximum_i32, int32_t, int32_t, x > y ? x : y)
ROW(maximum_i64, int64_t, int64_t, x > y ? x : y)
ROW(minimum_i32, int32_t, int32_t, x < y ? x : y)
ROW(minimum_i64, int64_t, int64_t, x < y ? x : y)
COMPARE(equal, x == y)
COMPARE(greater, x > y)

struct binary {
    const char *name;
    row_fn f32, f64, i32, i64, u8;
};
static const struct binary table[] = {
    {"add", add_f32, add_f64, add_i32, add_i64, NULL},
    {"sub", sub_f32, sub_f64, sub_i32, sub_i64, NULL},
    {"mul", mul_f32, mul_f64, mul_i32, mul_i64, NULL},
    {"div", div_f32, div_f64, NULL, NULL, NULL},
    {"maximum", maximum_f32, maximum_f64, maximum_i32, maximum_i64, NULL},
    {"minimum", minimum_f32, minimum_f64, minimum_i32, minimum_i64, NULL},
    {"equal", equal_f32, equal_f64, equal_i32, equal_i64, equal_u8},
    {"greater", greater_f32, greater_f64, greater_i32, greater_i64, greater_u8},
    {"relu_grad", relu_grad_f32, relu_grad_f64, NULL, NULL, NULL},
    {"leaky_relu_grad", leaky_relu_grad_f32, leaky_relu_grad_f64, NULL, NULL, NULL},
    {"sigmoid_grad", sigmoid_grad_f32, sigmoid_grad_f64, NULL, NULL, NULL},
    {"tanh_grad", tanh_grad_f32, tanh_grad_f64, NULL, NULL, NULL},
};

struct state {
    struct cpu_bcast bcast;
    row_fn row;
    double param;
    uint32_t in_size, out_size;
};

static row_fn find(const struct cpu_query *q)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].name, q->node->op) != 0)
            continue;
        switch (q->in[0]->dtype) {
        case TNB_F32:
            return table[i].f32;
        case TNB_F64:
            return table[i].f64;
        case TNB_I32:
            return table[i].i32;
        case TNB_I64:
            return table[i].i64;
        default:
            return table[i].u8;
        }
    }
    return NULL;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    if (q->in[0]->dtype != q->in[1]->dtype)
        return cpu_refuse(why, "inputs are %s and %s", cpu_dtype_name(q->in[0]->dtype),
                          cpu_dtype_name(q->in[1]->dtype));
    if (!find(q))
        return cpu_refuse(why, "no cpu loop for '%.40s' of %s", q->node->op,
                          cpu_dtype_name(q->in[0]->dtype));
    return true;
}

static void row(const void *arg, int64_t out_at, const int64_t *at, int64_t len)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    uint32_t last = s->bcast.rank - 1;
    s->row(k->out[0] + out_at * s->out_size, k->in[0] + at[0] * s->in_size,
           k->in[1] + at[1] * s->in_size, s->bcast.stride[0][last], s->bcast.stride[1][last], len,
           s->param);
}

static void range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    cpu_bcast_walk(&s->bcast, lo, hi, row, k);
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    cpu_parallel_fine(k->inst->pool, s->bcast.count, CPU_GRAIN, range, k);
    return TNB_OK;
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct state), &mem, err);
    if (status != TNB_OK)
        return status;
    struct state *s = mem;
    cpu_bcast_init(&s->bcast, q->out[0], q->in, 2);
    s->row = find(q);
    s->param = tnb_attr_float(q->node, "alpha", 0.01);
    s->in_size = (uint32_t)tnb_dtype_size(q->in[0]->dtype);
    s->out_size = (uint32_t)tnb_dtype_size(q->out[0]->dtype);
    k->run = run;
    return TNB_OK;
}

/* --- select --- */

/* Moves `size` bytes an element; the condition is bool (1 byte) or f32, i32 (4) or wider. */
struct select_state {
    struct cpu_bcast bcast;
    uint32_t cond, size;
};

#define SELECT_ROW(T, TEST)                                                               \
    do {                                                                                  \
        T *o = (T *)(void *)k->out[0] + out_at;                                           \
        const T *a = (const T *)(const void *)k->in[1] + at[1];                           \
        const T *b = (const T *)(const void *)k->in[2] + at[2];                           \
        CPU_SIMD for (int64_t i = 0; i < len; i++) o[i] = (TEST) ? a[i * sa] : b[i * sb]; \
    } while (0)
#define SELECT_COND(C)                                          \
    do {                                                        \
        const C *c = (const C *)(const void *)k->in[0] + at[0]; \
        if (s->size == 4)                                       \
            SELECT_ROW(uint32_t, c[i * sc] != 0);               \
        else if (s->size == 8)                                  \
            SELECT_ROW(uint64_t, c[i * sc] != 0);               \
        else if (s->size == 2)                                  \
            SELECT_ROW(uint16_t, c[i * sc] != 0);               \
        else                                                    \
            SELECT_ROW(uint8_t, c[i * sc] != 0);                \
    } while (0)

static void select_row(const void *arg, int64_t out_at, const int64_t *at, int64_t len)
{
    const struct cpu_kernel *k = arg;
    const struct select_state *s = k->state;
    uint32_t last = s->bcast.rank - 1;
    int64_t sc = s->bcast.stride[0][last], sa = s->bcast.stride[1][last],
            sb = s->bcast.stride[2][last];
    if (s->cond == TNB_F32)
        SELECT_COND(float);
    else
        SELECT_COND(uint8_t);
}

static void select_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct select_state *s = k->state;
    cpu_bcast_walk(&s->bcast, lo, hi, select_row, k);
}

static tnb_status select_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct select_state *s = k->state;
    cpu_parallel_fine(k->inst->pool, s->bcast.count, CPU_GRAIN, select_range, k);
    return TNB_OK;
}

static bool select_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    uint32_t c = q->in[0]->dtype;
    if (c != TNB_BOOL && c != TNB_F32 && c != TNB_U8)
        return cpu_refuse(why, "the condition is %s; bool or f32", cpu_dtype_name(c));
    if (q->in[1]->dtype != q->in[2]->dtype)
        return cpu_refuse(why, "a is %s and b is %s", cpu_dtype_name(q->in[1]->dtype),
                          cpu_dtype_name(q->in[2]->dtype));
    return true;
}

static tnb_status select_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct select_state), &mem, err);
    if (status != TNB_OK)
        return status;
    struct select_state *s = mem;
    cpu_bcast_init(&s->bcast, q->out[0], q->in, 3);
    s->cond = q->in[0]->dtype;
    s->size = (uint32_t)tnb_dtype_size(q->out[0]->dtype);
    k->run = select_run;
    return TNB_OK;
}

#define BINARY(op)                                                 \
    {                                                              \
        .name = op, .flags = CPU_INPLACE_ANY,                      \
        .loops = {"loops", CPU_PROVIDER_LOOPS, supports, prepare}, \
    }

const struct cpu_op CPU_SYM(cpu_binary)[] = {
    BINARY("add"),
    BINARY("sub"),
    BINARY("mul"),
    BINARY("div"),
    BINARY("maximum"),
    BINARY("minimum"),
    BINARY("equal"),
    BINARY("greater"),
    BINARY("relu_grad"),
    BINARY("leaky_relu_grad"),
    BINARY("sigmoid_grad"),
    BINARY("tanh_grad"),
    {.name = "select",
     .flags = CPU_INPLACE_ANY | CPU_TAKES_HALF,
     .loops = {"loops", CPU_PROVIDER_LOOPS, select_supports, select_prepare}},
    {.name = NULL},
};
