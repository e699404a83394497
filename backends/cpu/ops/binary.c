/* SPDX-License-Identifier: MIT
 *
 * Elementwise operators of two broadcast operands (arithmetic, comparisons, logic), and where of
 * three: where(cond, a, b) = cond ? a : b. */
#include "binary.h"
#include "elements.h"

#define FLOATS(op, EXPR) CPU_BINARY(op, EXPR, EXPR)
/* Integers wrap: the arithmetic is done without sign. */
#define INTS(op, OP)                                                       \
    CPU_BINARY_ROW(op##_i32, int32_t, int32_t, (uint32_t)x OP(uint32_t) y) \
    CPU_BINARY_ROW(op##_i64, int64_t, int64_t, (uint64_t)x OP(uint64_t) y) \
    CPU_BINARY_ROW(op##_u8, uint8_t, uint8_t, x OP y)
#define INTS_BY(op, EXPR)                            \
    CPU_BINARY_ROW(op##_i32, int32_t, int32_t, EXPR) \
    CPU_BINARY_ROW(op##_i64, int64_t, int64_t, EXPR) \
    CPU_BINARY_ROW(op##_u8, uint8_t, uint8_t, EXPR)
#define COMPARE(op, EXPR)                            \
    CPU_BINARY_ROW(op##_f32, float, uint8_t, EXPR)   \
    CPU_BINARY_ROW(op##_f64, double, uint8_t, EXPR)  \
    CPU_BINARY_ROW(op##_i32, int32_t, uint8_t, EXPR) \
    CPU_BINARY_ROW(op##_i64, int64_t, uint8_t, EXPR) \
    CPU_BINARY_ROW(op##_u8, uint8_t, uint8_t, EXPR)
#define LOGICAL(op, EXPR) CPU_BINARY_ROW(op##_u8, uint8_t, uint8_t, EXPR)

FLOATS(add, x + y)
FLOATS(sub, x - y)
FLOATS(mul, x *y)
FLOATS(div, x / y)
FLOATS(maximum, x > y || x != x ? x : y)
FLOATS(minimum, x < y || x != x ? x : y)
CPU_BINARY(pow, powf(x, y), pow(x, y))
CPU_BINARY(atan2, atan2f(x, y), atan2(x, y))
CPU_BINARY(mod_fmod, fmodf(x, y), fmod(x, y))
INTS(add, +)
INTS(sub, -)
INTS(mul, *)
INTS_BY(maximum, x > y ? x : y)
INTS_BY(minimum, x < y ? x : y)
COMPARE(equal, x == y)
COMPARE(not_equal, x != y)
COMPARE(less, x < y)
COMPARE(less_equal, x <= y)
COMPARE(greater, x > y)
COMPARE(greater_equal, x >= y)
LOGICAL(logical_and, x != 0 && y != 0)
LOGICAL(logical_or, x != 0 || y != 0)
LOGICAL(logical_xor, (x != 0) != (y != 0))

/* The remainder takes the divisor's sign. */
CPU_INLINE float modf32(float x, float y)
{
    float r = fmodf(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
CPU_INLINE double modf64(double x, double y)
{
    double r = fmod(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
CPU_BINARY(mod, modf32(x, y), modf64(x, y))

/* Division by zero gives 0; by -1 it is a negation that wraps, which the processor would trap on.
 * Powers wrap too; of a negative exponent they are cut to whole numbers. */
#define INT_ARITHMETIC(t, T, U)                                  \
    CPU_INLINE T div_of_##t(T x, T y)                            \
    {                                                            \
        return y == 0 ? 0 : y == -1 ? (T)(0 - (U)x) : x / y;     \
    }                                                            \
    CPU_INLINE T rem_of_##t(T x, T y)                            \
    {                                                            \
        return y == 0 || y == -1 ? 0 : x % y;                    \
    }                                                            \
    CPU_INLINE T mod_of_##t(T x, T y)                            \
    {                                                            \
        T r = rem_of_##t(x, y);                                  \
        return r != 0 && (r < 0) != (y < 0) ? r + y : r;         \
    }                                                            \
    CPU_INLINE T pow_of_##t(T x, T y)                            \
    {                                                            \
        if (y < 0)                                               \
            return x == 1 || x == -1 ? (y % 2 == 0 ? 1 : x) : 0; \
        return (T)pow_of_u64((uint64_t)x, (uint64_t)y);          \
    }
CPU_INLINE uint64_t pow_of_u64(uint64_t x, uint64_t y)
{
    uint64_t r = 1;
    for (; y; y >>= 1, x *= x)
        r *= y & 1 ? x : 1;
    return r;
}
INT_ARITHMETIC(i32, int32_t, uint32_t)
INT_ARITHMETIC(i64, int64_t, uint64_t)
CPU_INLINE uint8_t rem_of_u8(uint8_t x, uint8_t y)
{
    return y == 0 ? 0 : x % y;
}
#define INT_ROWS(t, T)                                   \
    CPU_BINARY_ROW(div_##t, T, T, div_of_##t(x, y))      \
    CPU_BINARY_ROW(mod_##t, T, T, mod_of_##t(x, y))      \
    CPU_BINARY_ROW(mod_fmod_##t, T, T, rem_of_##t(x, y)) \
    CPU_BINARY_ROW(pow_##t, T, T, pow_of_##t(x, y))
INT_ROWS(i32, int32_t)
INT_ROWS(i64, int64_t)
CPU_BINARY_ROW(div_u8, uint8_t, uint8_t, y == 0 ? 0 : x / y)
CPU_BINARY_ROW(mod_u8, uint8_t, uint8_t, rem_of_u8(x, y))
CPU_BINARY_ROW(mod_fmod_u8, uint8_t, uint8_t, rem_of_u8(x, y))
CPU_BINARY_ROW(pow_u8, uint8_t, uint8_t, pow_of_u64(x, y))

#define NUMBERS(op) op##_f32, op##_f64, op##_i32, op##_i64, op##_u8
#define ONLY(op) op##_f32, op##_f64
static const struct cpu_binary_entry rows[] = {
    {"add", {NUMBERS(add)}, CPU_GRAIN},
    {"sub", {NUMBERS(sub)}, CPU_GRAIN},
    {"mul", {NUMBERS(mul)}, CPU_GRAIN},
    {"div", {NUMBERS(div)}, CPU_GRAIN},
    {"pow", {NUMBERS(pow)}, CPU_GRAIN / 16},
    {"mod", {NUMBERS(mod)}, CPU_GRAIN / 16},
    {"mod_fmod", {NUMBERS(mod_fmod)}, CPU_GRAIN / 16},
    {"atan2", {ONLY(atan2)}, .grain = CPU_GRAIN / 16},
    {"maximum", {NUMBERS(maximum)}, CPU_GRAIN},
    {"minimum", {NUMBERS(minimum)}, CPU_GRAIN},
    {"equal", {NUMBERS(equal)}, CPU_GRAIN},
    {"not_equal", {NUMBERS(not_equal)}, CPU_GRAIN},
    {"less", {NUMBERS(less)}, CPU_GRAIN},
    {"less_equal", {NUMBERS(less_equal)}, CPU_GRAIN},
    {"greater", {NUMBERS(greater)}, CPU_GRAIN},
    {"greater_equal", {NUMBERS(greater_equal)}, CPU_GRAIN},
    {"logical_and", {[CPU_ROW_U8] = logical_and_u8}, .grain = CPU_GRAIN},
    {"logical_or", {[CPU_ROW_U8] = logical_or_u8}, .grain = CPU_GRAIN},
    {"logical_xor", {[CPU_ROW_U8] = logical_xor_u8}, .grain = CPU_GRAIN},
    {.name = NULL},
};

struct state {
    struct cpu_bcast bcast;
    cpu_binary_row row;
    int64_t grain;
    struct cpu_param param;
    uint32_t in_size, out_size;
};

static const struct cpu_binary_entry *find_in(const struct cpu_binary_entry *list,
                                              const tnb_node *node)
{
    for (; list->name; list++)
        if (cpu_names(list->name, node))
            return list;
    return NULL;
}

static const struct cpu_binary_entry *find(const struct cpu_query *q)
{
    const struct cpu_binary_entry *e = find_in(rows, q->node);
    return e ? e : find_in(CPU_SYM(cpu_activation_pairs), q->node);
}

static cpu_binary_row find_row(const struct cpu_query *q)
{
    const struct cpu_binary_entry *e = find(q);
    int type = cpu_row_type(q->in[0]->dtype);
    return e && type != CPU_ROW_TYPES ? e->row[type] : NULL;
}

bool CPU_SYM(cpu_binary_supports)(const struct cpu_query *q, char why[CPU_WHY])
{
    if (q->in[0]->dtype != q->in[1]->dtype)
        return cpu_refuse(why, "inputs are %s and %s", cpu_dtype_name(q->in[0]->dtype),
                          cpu_dtype_name(q->in[1]->dtype));
    if (!find_row(q))
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
           &s->param);
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
    cpu_parallel_fine(k->inst->pool, s->bcast.count, s->grain, range, k);
    return TNB_OK;
}

tnb_status CPU_SYM(cpu_binary_prepare)(const struct cpu_query *q, struct cpu_kernel *k,
                                       tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const struct cpu_binary_entry *e = find(q);
    cpu_bcast_init(&s->bcast, q->out[0], q->in, 2);
    s->row = find_row(q);
    s->grain = e->grain;
    s->param = cpu_params(q->node, &e->params);
    s->in_size = (uint32_t)tnb_dtype_size(q->in[0]->dtype);
    s->out_size = (uint32_t)tnb_dtype_size(q->out[0]->dtype);
    k->run = run;
    return TNB_OK;
}

/* --- where --- */

/* Moves `size` bytes an element; the condition is bool (1 byte) or f32, i32 (4) or wider. */
struct where_state {
    struct cpu_bcast bcast;
    uint32_t cond, size;
};

#define WHERE_ROW(T)                                                                         \
    do {                                                                                     \
        T *o = (T *)(void *)k->out[0] + out_at;                                              \
        const T *a = (const T *)(const void *)k->in[1] + at[1];                              \
        const T *b = (const T *)(const void *)k->in[2] + at[2];                              \
        CPU_SIMD for (int64_t i = 0; i < len; i++) o[i] = c[i * sc] ? a[i * sa] : b[i * sb]; \
    } while (0)
#define WHERE_COND(C)                                           \
    do {                                                        \
        const C *c = (const C *)(const void *)k->in[0] + at[0]; \
        CPU_BY_SIZE(s->size, WHERE_ROW);                        \
    } while (0)

static void where_row(const void *arg, int64_t out_at, const int64_t *at, int64_t len)
{
    const struct cpu_kernel *k = arg;
    const struct where_state *s = k->state;
    uint32_t last = s->bcast.rank - 1;
    int64_t sc = s->bcast.stride[0][last], sa = s->bcast.stride[1][last],
            sb = s->bcast.stride[2][last];
    if (s->cond == TNB_F32)
        WHERE_COND(float);
    else
        WHERE_COND(uint8_t);
}

static void where_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct where_state *s = k->state;
    cpu_bcast_walk(&s->bcast, lo, hi, where_row, k);
}

static tnb_status where_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct where_state *s = k->state;
    cpu_parallel_fine(k->inst->pool, s->bcast.count, CPU_GRAIN, where_range, k);
    return TNB_OK;
}

static bool where_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    uint32_t c = q->in[0]->dtype;
    if (c != TNB_BOOL && c != TNB_F32 && c != TNB_U8)
        return cpu_refuse(why, "the condition is %s; bool or f32", cpu_dtype_name(c));
    if (q->in[1]->dtype != q->in[2]->dtype)
        return cpu_refuse(why, "a is %s and b is %s", cpu_dtype_name(q->in[1]->dtype),
                          cpu_dtype_name(q->in[2]->dtype));
    return true;
}

static tnb_status where_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct where_state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    cpu_bcast_init(&s->bcast, q->out[0], q->in, 3);
    s->cond = q->in[0]->dtype;
    s->size = (uint32_t)tnb_dtype_size(q->out[0]->dtype);
    k->run = where_run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_binary)[] = {
    CPU_BINARY_OP("add"),
    CPU_BINARY_OP("sub"),
    CPU_BINARY_OP("mul"),
    CPU_BINARY_OP("div"),
    CPU_BINARY_OP("pow"),
    CPU_BINARY_OP("mod"),
    CPU_BINARY_OP("atan2"),
    CPU_BINARY_OP("maximum"),
    CPU_BINARY_OP("minimum"),
    CPU_BINARY_OP("equal"),
    CPU_BINARY_OP("not_equal"),
    CPU_BINARY_OP("less"),
    CPU_BINARY_OP("less_equal"),
    CPU_BINARY_OP("greater"),
    CPU_BINARY_OP("greater_equal"),
    CPU_BINARY_OP("logical_and"),
    CPU_BINARY_OP("logical_or"),
    CPU_BINARY_OP("logical_xor"),
    {CPU_LOOPS("where", where_supports, where_prepare), .flags = CPU_INPLACE_ANY | CPU_TAKES_HALF},
    {.name = NULL},
};
