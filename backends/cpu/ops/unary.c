/* SPDX-License-Identifier: MIT
 *
 * Elementwise operators of one operand: neg exp log sqrt square tanh sigmoid relu leaky_relu, cast.
 */
#include "vmath.h"

typedef void (*row_fn)(void *o, const void *x, int64_t n, double p);

#define ROW(name, T, EXPR)                                           \
    static void name(void *vo, const void *vx, int64_t n, double vp) \
    {                                                                \
        T *o = vo;                                                   \
        const T *px = vx;                                            \
        const T p = (T)vp;                                           \
        (void)p;                                                     \
        CPU_SIMD for (int64_t i = 0; i < n; i++)                     \
        {                                                            \
            const T x = px[i];                                       \
            o[i] = EXPR;                                             \
        }                                                            \
    }

ROW(neg_f32, float, -x)
ROW(exp_f32, float, cpu_expf(x))
ROW(log_f32, float, cpu_logf(x))
ROW(sqrt_f32, float, sqrtf(x))
ROW(square_f32, float, x *x)
ROW(tanh_f32, float, cpu_tanhf(x))
ROW(sigmoid_f32, float, cpu_sigmoidf(x))
ROW(relu_f32, float, x < 0 ? 0 : x)
ROW(leaky_relu_f32, float, x > 0 ? x : p * x)
ROW(neg_f64, double, -x)
ROW(exp_f64, double, exp(x))
ROW(log_f64, double, log(x))
ROW(sqrt_f64, double, sqrt(x))
ROW(square_f64, double, x *x)
ROW(tanh_f64, double, tanh(x))
ROW(sigmoid_f64, double, 1 / (1 + exp(-x)))
ROW(relu_f64, double, x < 0 ? 0 : x)
ROW(leaky_relu_f64, double, x > 0 ? x : p * x)

static const struct unary {
    const char *name;
    row_fn f32, f64;
    int64_t grain;
} table[] = {
    {"neg", neg_f32, neg_f64, CPU_GRAIN},
    {"exp", exp_f32, exp_f64, CPU_GRAIN / 2},
    {"log", log_f32, log_f64, CPU_GRAIN / 2},
    {"sqrt", sqrt_f32, sqrt_f64, CPU_GRAIN},
    {"square", square_f32, square_f64, CPU_GRAIN},
    {"tanh", tanh_f32, tanh_f64, CPU_GRAIN / 2},
    {"sigmoid", sigmoid_f32, sigmoid_f64, CPU_GRAIN / 2},
    {"relu", relu_f32, relu_f64, CPU_GRAIN},
    {"leaky_relu", leaky_relu_f32, leaky_relu_f64, CPU_GRAIN},
};

struct state {
    row_fn row;
    int64_t count, grain;
    double param;
    uint32_t in_size, out_size;
};

static const struct unary *find(const struct cpu_query *q)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, q->node->op) == 0)
            return &table[i];
    return NULL;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    uint32_t t = q->in[0]->dtype;
    if (t != TNB_F32 && t != TNB_F64)
        return cpu_refuse(why, "'%.40s' is for floating point, not %s", q->node->op,
                          cpu_dtype_name(t));
    return true;
}

static void range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    s->row(k->out[0] + lo * s->out_size, k->in[0] + lo * s->in_size, hi - lo, s->param);
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    cpu_parallel_fine(k->inst->pool, s->count, s->grain, range, k);
    return TNB_OK;
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct state), &mem, err);
    if (status != TNB_OK)
        return status;
    const struct unary *u = find(q);
    struct state *s = mem;
    s->row = q->in[0]->dtype == TNB_F64 ? u->f64 : u->f32;
    s->grain = u->grain;
    s->count = tnb_count(q->out[0]);
    s->param = tnb_attr_float(q->node, "alpha", 0.01);
    s->in_size = (uint32_t)tnb_dtype_size(q->in[0]->dtype);
    s->out_size = (uint32_t)tnb_dtype_size(q->out[0]->dtype);
    k->run = run;
    return TNB_OK;
}

/* --- cast: float to integer truncates, saturates, NaN gives 0; to bool is "not zero" --- */

#define CAST(name, S, D, EXPR)                                       \
    static void name(void *vo, const void *vx, int64_t n, double vp) \
    {                                                                \
        D *o = vo;                                                   \
        const S *px = vx;                                            \
        for (int64_t i = 0; i < n; i++) {                            \
            const S x = px[i];                                       \
            o[i] = (D)(EXPR);                                        \
        }                                                            \
    }
#define CAST_FLOAT(s, S)                                                                         \
    CAST(s##_f32, S, float, x)                                                                   \
    CAST(s##_f64, S, double, x)                                                                  \
    CAST(s##_bool, S, uint8_t, x != 0)                                                           \
    static void s##_i32(void *vo, const void *vx, int64_t n, double vp)                          \
    {                                                                                            \
        int32_t *o = vo;                                                                         \
        const S *px = vx;                                                                        \
        for (int64_t i = 0; i < n; i++) {                                                        \
            double x = (double)px[i];                                                            \
            o[i] = x != x               ? 0                                                      \
                   : x <= -2147483648.0 ? INT32_MIN                                              \
                   : x >= 2147483647.0  ? INT32_MAX                                              \
                                        : (int32_t)x;                                             \
        }                                                                                        \
    }                                                                                            \
    static void s##_i64(void *vo, const void *vx, int64_t n, double vp)                          \
    {                                                                                            \
        int64_t *o = vo;                                                                         \
        const S *px = vx;                                                                        \
        for (int64_t i = 0; i < n; i++) {                                                        \
            double x = (double)px[i];                                                            \
            o[i] = x != x ? 0 : x <= -0x1p63 ? INT64_MIN : x >= 0x1p63 ? INT64_MAX : (int64_t)x; \
        }                                                                                        \
    }                                                                                            \
    static void s##_u8(void *vo, const void *vx, int64_t n, double vp)                           \
    {                                                                                            \
        uint8_t *o = vo;                                                                         \
        const S *px = vx;                                                                        \
        for (int64_t i = 0; i < n; i++) {                                                        \
            double x = (double)px[i];                                                            \
            o[i] = x != x || x <= 0 ? 0 : x >= 255 ? 255 : (uint8_t)x;                           \
        }                                                                                        \
    }
#define CAST_INT(s, S)           \
    CAST(s##_f32, S, float, x)   \
    CAST(s##_f64, S, double, x)  \
    CAST(s##_i32, S, int32_t, x) \
    CAST(s##_i64, S, int64_t, x) \
    CAST(s##_u8, S, uint8_t, x)  \
    CAST(s##_bool, S, uint8_t, x != 0)

CAST_FLOAT(from_f32, float)
CAST_FLOAT(from_f64, double)
CAST_INT(from_i32, int32_t)
CAST_INT(from_i64, int64_t)
CAST_INT(from_u8, uint8_t)

enum { N_CAST = 6 };
static const row_fn cast_table[N_CAST - 1][N_CAST] = {
    {from_f32_f32, from_f32_f64, from_f32_i32, from_f32_i64, from_f32_u8, from_f32_bool},
    {from_f64_f32, from_f64_f64, from_f64_i32, from_f64_i64, from_f64_u8, from_f64_bool},
    {from_i32_f32, from_i32_f64, from_i32_i32, from_i32_i64, from_i32_u8, from_i32_bool},
    {from_i64_f32, from_i64_f64, from_i64_i32, from_i64_i64, from_i64_u8, from_i64_bool},
    {from_u8_f32, from_u8_f64, from_u8_i32, from_u8_i64, from_u8_u8, from_u8_bool},
};

static int cast_index(uint32_t dtype)
{
    static const uint8_t known[N_CAST] = {TNB_F32, TNB_F64, TNB_I32, TNB_I64, TNB_U8, TNB_BOOL};
    for (int i = 0; i < N_CAST; i++)
        if (known[i] == dtype)
            return i;
    return -1;
}

static bool cast_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    if (cast_index(q->in[0]->dtype) < 0 || cast_index(q->out[0]->dtype) < 0)
        return cpu_refuse(why, "no cpu loop from %s to %s", cpu_dtype_name(q->in[0]->dtype),
                          cpu_dtype_name(q->out[0]->dtype));
    return true;
}

static tnb_status cast_prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct state), &mem, err);
    if (status != TNB_OK)
        return status;
    struct state *s = mem;
    int from = cast_index(q->in[0]->dtype), to = cast_index(q->out[0]->dtype);
    /* A bool is a byte of 0 or 1. */
    s->row = cast_table[from == N_CAST - 1 ? from - 1 : from][to];
    s->count = tnb_count(q->out[0]);
    s->grain = CPU_GRAIN;
    s->in_size = (uint32_t)tnb_dtype_size(q->in[0]->dtype);
    s->out_size = (uint32_t)tnb_dtype_size(q->out[0]->dtype);
    k->run = run;
    return TNB_OK;
}

#define UNARY(op)                                                  \
    {                                                              \
        .name = op, .flags = CPU_INPLACE_ANY,                      \
        .loops = {"loops", CPU_PROVIDER_LOOPS, supports, prepare}, \
    }

const struct cpu_op CPU_SYM(cpu_unary)[] = {
    UNARY("neg"),
    UNARY("exp"),
    UNARY("log"),
    UNARY("sqrt"),
    UNARY("square"),
    UNARY("tanh"),
    UNARY("sigmoid"),
    UNARY("relu"),
    UNARY("leaky_relu"),
    {.name = "cast",
     .flags = CPU_INPLACE_ANY,
     .loops = {"loops", CPU_PROVIDER_LOOPS, cast_supports, cast_prepare}},
    {.name = NULL},
};
