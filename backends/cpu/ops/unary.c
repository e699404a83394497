/* SPDX-License-Identifier: MIT
 *
 * Elementwise operators of one operand: arithmetic, powers, logarithms, rounding, circular and
 * hyperbolic functions, clip, tests. Circular functions and what is rare go through libm: it
 * reduces large arguments properly. */
#include "unary.h"

#include <float.h>

CPU_UNARY(neg, -x, -x)
CPU_UNARY(abs, fabsf(x), fabs(x))
CPU_UNARY(sign, x > 0 ? 1 : x < 0 ? -1 : x, x > 0 ? 1 : x < 0 ? -1 : x)
CPU_UNARY(square, x *x, x *x)
CPU_UNARY(reciprocal, 1 / x, 1 / x)
CPU_UNARY(sqrt, sqrtf(x), sqrt(x))
CPU_UNARY(rsqrt, 1 / sqrtf(x), 1 / sqrt(x))
CPU_UNARY(exp, cpu_expf(x), exp(x))
CPU_UNARY(expm1, cpu_expm1f(x), expm1(x))
CPU_UNARY(log, cpu_logf(x), log(x))
CPU_UNARY(log1p, cpu_log1pf_any(x), log1p(x))
CPU_UNARY(erf, cpu_erff(x), erf(x))
CPU_UNARY(floor, floorf(x), floor(x))
CPU_UNARY(ceil, ceilf(x), ceil(x))
CPU_UNARY(round, rintf(x), rint(x))
CPU_UNARY(sin, sinf(x), sin(x))
CPU_UNARY(cos, cosf(x), cos(x))
CPU_UNARY(tan, tanf(x), tan(x))
CPU_UNARY(sinh, sinhf(x), sinh(x))
CPU_UNARY(cosh, coshf(x), cosh(x))
CPU_UNARY(tanh, cpu_tanhf(x), tanh(x))
CPU_UNARY(asin, asinf(x), asin(x))
CPU_UNARY(acos, acosf(x), acos(x))
CPU_UNARY(atan, atanf(x), atan(x))
/* p, q: the bounds. A NaN passes through both comparisons. */
#define CLIP(x) ((x) > q || p > q ? q : (x) < p ? p : (x))
CPU_UNARY(clip, x != x ? x : CLIP(x), x != x ? x : CLIP(x))

/* p, q: whether plus and minus infinity count. */
#define TESTS(t, T, ABS, MAX)                              \
    CPU_UNARY_ROW(isnan_##t, T, uint8_t, x != x)           \
    CPU_UNARY_ROW(isfinite_##t, T, uint8_t, ABS(x) <= MAX) \
    CPU_UNARY_ROW(isinf_##t, T, uint8_t, (p != 0 && x > MAX) || (q != 0 && x < -MAX))
TESTS(f32, float, fabsf, FLT_MAX)
TESTS(f64, double, fabs, DBL_MAX)

/* Integers wrap: the arithmetic is done without sign. */
#define INTS(t, T, U)                                     \
    CPU_UNARY_ROW(square_##t, T, T, (U)x *(U)x)           \
    CPU_UNARY_ROW(neg_##t, T, T, 0 - (U)x)                \
    CPU_UNARY_ROW(abs_##t, T, T, x < 0 ? 0 - (U)x : (U)x) \
    CPU_UNARY_ROW(sign_##t, T, T, (x > 0) - (x < 0))
INTS(i32, int32_t, uint32_t)
INTS(i64, int64_t, uint64_t)
CPU_UNARY_ROW(abs_u8, uint8_t, uint8_t, x)
CPU_UNARY_ROW(square_u8, uint8_t, uint8_t, x *x)
CPU_UNARY_ROW(sign_u8, uint8_t, uint8_t, x != 0)
CPU_UNARY_ROW(logical_not_u8, uint8_t, uint8_t, x == 0)

/* A bound of an integer clip: rounded inward by the caller, saturated here. */
static int64_t whole_bound(double v, int64_t lo, int64_t hi)
{
    return v <= (double)lo ? lo : v >= (double)hi ? hi : (int64_t)v;
}
#define CLIP_INTS(t, T, LO, HI)                                                              \
    static void clip_##t(void *vo, const void *vx, int64_t n, const struct cpu_param *param) \
    {                                                                                        \
        T *o = vo;                                                                           \
        const T *px = vx;                                                                    \
        const T p = (T)whole_bound(ceil(param->p), LO, HI);                                  \
        const T q = (T)whole_bound(floor(param->q), LO, HI);                                 \
        CPU_SIMD for (int64_t i = 0; i < n; i++)                                             \
        {                                                                                    \
            const T x = px[i];                                                               \
            o[i] = CLIP(x);                                                                  \
        }                                                                                    \
    }
CLIP_INTS(i32, int32_t, INT32_MIN, INT32_MAX)
CLIP_INTS(i64, int64_t, INT64_MIN, INT64_MAX)
CLIP_INTS(u8, uint8_t, 0, UINT8_MAX)

#define FLOATS(op) op##_f32, op##_f64
#define SIGNED(op) op##_f32, op##_f64, op##_i32, op##_i64
#define NUMBERS(op) op##_f32, op##_f64, op##_i32, op##_i64, op##_u8

static const struct cpu_unary_entry rows[] = {
    {"neg", {SIGNED(neg)}, .grain = CPU_GRAIN},
    {"abs", {NUMBERS(abs)}, CPU_GRAIN},
    {"sign", {NUMBERS(sign)}, CPU_GRAIN},
    {"square", {NUMBERS(square)}, CPU_GRAIN},
    {"reciprocal", {FLOATS(reciprocal)}, .grain = CPU_GRAIN},
    {"sqrt", {FLOATS(sqrt)}, .grain = CPU_GRAIN},
    {"rsqrt", {FLOATS(rsqrt)}, .grain = CPU_GRAIN},
    {"exp", {FLOATS(exp)}, .grain = CPU_GRAIN / 2},
    {"expm1", {FLOATS(expm1)}, .grain = CPU_GRAIN / 2},
    {"log", {FLOATS(log)}, .grain = CPU_GRAIN / 2},
    {"log1p", {FLOATS(log1p)}, .grain = CPU_GRAIN / 4},
    {"erf", {FLOATS(erf)}, .grain = CPU_GRAIN / 4},
    {"floor", {FLOATS(floor)}, .grain = CPU_GRAIN},
    {"ceil", {FLOATS(ceil)}, .grain = CPU_GRAIN},
    {"round", {FLOATS(round)}, .grain = CPU_GRAIN},
    {"isfinite", {FLOATS(isfinite)}, .grain = CPU_GRAIN},
    {"isnan", {FLOATS(isnan)}, .grain = CPU_GRAIN},
    {"isinf", {FLOATS(isinf)}, .grain = CPU_GRAIN},
    {"sin", {FLOATS(sin)}, .grain = CPU_GRAIN / 16},
    {"cos", {FLOATS(cos)}, .grain = CPU_GRAIN / 16},
    {"tan", {FLOATS(tan)}, .grain = CPU_GRAIN / 16},
    {"sinh", {FLOATS(sinh)}, .grain = CPU_GRAIN / 16},
    {"cosh", {FLOATS(cosh)}, .grain = CPU_GRAIN / 16},
    {"tanh", {FLOATS(tanh)}, .grain = CPU_GRAIN / 2},
    {"asin", {FLOATS(asin)}, .grain = CPU_GRAIN / 16},
    {"acos", {FLOATS(acos)}, .grain = CPU_GRAIN / 16},
    {"atan", {FLOATS(atan)}, .grain = CPU_GRAIN / 16},
    {"logical_not", {[CPU_ROW_U8] = logical_not_u8}, .grain = CPU_GRAIN},
    {"clip", {NUMBERS(clip)}, CPU_GRAIN, {"min", -INFINITY, "max", INFINITY}},
    {.name = NULL},
};

struct state {
    cpu_unary_row row;
    int64_t count, grain;
    struct cpu_param param;
    uint32_t in_size, out_size;
};

static const struct cpu_unary_entry *find_in(const struct cpu_unary_entry *list,
                                             const tnb_node *node)
{
    for (; list->name; list++)
        if (cpu_names(list->name, node))
            return list;
    return NULL;
}

static const struct cpu_unary_entry *find(const struct cpu_query *q)
{
    const struct cpu_unary_entry *e = find_in(rows, q->node);
    return e ? e : find_in(CPU_SYM(cpu_activation_rows), q->node);
}

static cpu_unary_row find_row(const struct cpu_query *q)
{
    const struct cpu_unary_entry *e = find(q);
    int type = cpu_row_type(q->in[0]->dtype);
    return e && type != CPU_ROW_TYPES ? e->row[type] : NULL;
}

bool CPU_SYM(cpu_unary_supports)(const struct cpu_query *q, char why[CPU_WHY])
{
    if (!find_row(q))
        return cpu_refuse(why, "no cpu loop for '%.40s' of %s", q->node->op,
                          cpu_dtype_name(q->in[0]->dtype));
    return true;
}

static void range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    s->row(k->out[0] + lo * s->out_size, k->in[0] + lo * s->in_size, hi - lo, &s->param);
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    cpu_parallel_fine(k->inst->pool, s->count, s->grain, range, k);
    return TNB_OK;
}

tnb_status CPU_SYM(cpu_unary_prepare)(const struct cpu_query *q, struct cpu_kernel *k,
                                      tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const struct cpu_unary_entry *e = find(q);
    s->row = find_row(q);
    s->grain = e->grain;
    s->param = cpu_params(q->node, &e->params);
    if (strcmp(e->name, "isinf") == 0)
        s->param = (struct cpu_param){(double)tnb_attr_int(q->node, "detect_positive", 1),
                                      (double)tnb_attr_int(q->node, "detect_negative", 1)};
    s->count = tnb_count(q->out[0]);
    s->in_size = (uint32_t)tnb_dtype_size(q->in[0]->dtype);
    s->out_size = (uint32_t)tnb_dtype_size(q->out[0]->dtype);
    k->run = run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_unary)[] = {
    CPU_UNARY_OP("neg"),      CPU_UNARY_OP("abs"),         CPU_UNARY_OP("sign"),
    CPU_UNARY_OP("square"),   CPU_UNARY_OP("reciprocal"),  CPU_UNARY_OP("sqrt"),
    CPU_UNARY_OP("rsqrt"),    CPU_UNARY_OP("exp"),         CPU_UNARY_OP("expm1"),
    CPU_UNARY_OP("log"),      CPU_UNARY_OP("log1p"),       CPU_UNARY_OP("erf"),
    CPU_UNARY_OP("floor"),    CPU_UNARY_OP("ceil"),        CPU_UNARY_OP("round"),
    CPU_UNARY_OP("isfinite"), CPU_UNARY_OP("isnan"),       CPU_UNARY_OP("isinf"),
    CPU_UNARY_OP("sin"),      CPU_UNARY_OP("cos"),         CPU_UNARY_OP("tan"),
    CPU_UNARY_OP("sinh"),     CPU_UNARY_OP("cosh"),        CPU_UNARY_OP("tanh"),
    CPU_UNARY_OP("asin"),     CPU_UNARY_OP("acos"),        CPU_UNARY_OP("atan"),
    CPU_UNARY_OP("clip"),     CPU_UNARY_OP("logical_not"), {.name = NULL},
};
