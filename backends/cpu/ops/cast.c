/* SPDX-License-Identifier: MIT
 *
 * cast, between any two types: float to integer truncates, saturates, and NaN gives 0; to bool is
 * "not zero"; to a 16-bit type rounds once, to nearest even. */
#include "half.h"

typedef void (*row_fn)(void *o, const void *x, int64_t n);

#define CAST(name, S, D, LOAD, EXPR)                      \
    static void name(void *vo, const void *vx, int64_t n) \
    {                                                     \
        D *o = vo;                                        \
        const S *px = vx;                                 \
        for (int64_t i = 0; i < n; i++) {                 \
            const LOAD(x, px[i]);                         \
            o[i] = (D)(EXPR);                             \
        }                                                 \
    }

#define LOAD_F32(x, v) float x = (v)
#define LOAD_F64(x, v) double x = (v)
#define LOAD_F16(x, v) float x = cpu_from_f16(v)
#define LOAD_BF16(x, v) float x = cpu_from_bf16(v)
#define LOAD_I32(x, v) int32_t x = (v)
#define LOAD_I64(x, v) int64_t x = (v)
#define LOAD_U8(x, v) uint8_t x = (v)

CPU_INLINE int32_t to_i32(double x)
{
    return x != x ? 0 : x <= -2147483648.0 ? INT32_MIN : x >= 2147483647.0 ? INT32_MAX : (int32_t)x;
}

CPU_INLINE int64_t to_i64(double x)
{
    return x != x ? 0 : x <= -0x1p63 ? INT64_MIN : x >= 0x1p63 ? INT64_MAX : (int64_t)x;
}

CPU_INLINE uint8_t to_u8(double x)
{
    return x != x || x <= 0 ? 0 : x >= 255 ? 255 : (uint8_t)x;
}

/* From a floating-point type. NARROW gives the f32 that a 16-bit type rounds. */
#define CAST_FLOAT(s, S, LOAD, NARROW)                        \
    CAST(s##_f32, S, float, LOAD, x)                          \
    CAST(s##_f16, S, uint16_t, LOAD, cpu_to_f16(NARROW(x)))   \
    CAST(s##_bf16, S, uint16_t, LOAD, cpu_to_bf16(NARROW(x))) \
    CAST(s##_f64, S, double, LOAD, x)                         \
    CAST(s##_i32, S, int32_t, LOAD, to_i32((double)x))        \
    CAST(s##_i64, S, int64_t, LOAD, to_i64((double)x))        \
    CAST(s##_u8, S, uint8_t, LOAD, to_u8((double)x))          \
    CAST(s##_bool, S, uint8_t, LOAD, x != 0)
#define CAST_INT(s, S, LOAD, NARROW)                          \
    CAST(s##_f32, S, float, LOAD, x)                          \
    CAST(s##_f16, S, uint16_t, LOAD, cpu_to_f16(NARROW(x)))   \
    CAST(s##_bf16, S, uint16_t, LOAD, cpu_to_bf16(NARROW(x))) \
    CAST(s##_f64, S, double, LOAD, x)                         \
    CAST(s##_i32, S, int32_t, LOAD, x)                        \
    CAST(s##_i64, S, int64_t, LOAD, x)                        \
    CAST(s##_u8, S, uint8_t, LOAD, x)                         \
    CAST(s##_bool, S, uint8_t, LOAD, x != 0)

#define AS_IT_IS(x) (x)
CAST_FLOAT(from_f32, float, LOAD_F32, AS_IT_IS)
CAST_FLOAT(from_f16, uint16_t, LOAD_F16, AS_IT_IS)
CAST_FLOAT(from_bf16, uint16_t, LOAD_BF16, AS_IT_IS)
CAST_FLOAT(from_f64, double, LOAD_F64, cpu_odd_f32)
CAST_INT(from_i32, int32_t, LOAD_I32, cpu_odd_f32)
CAST_INT(from_i64, int64_t, LOAD_I64, cpu_odd_f32_of_i64)
CAST_INT(from_u8, uint8_t, LOAD_U8, (float))

enum { N_CAST = 8 };
static const uint8_t known[N_CAST] = {TNB_F32, TNB_F16, TNB_BF16, TNB_F64,
                                      TNB_I32, TNB_I64, TNB_U8,   TNB_BOOL};
#define ROW(s)                                                                  \
    {                                                                           \
        s##_f32, s##_f16, s##_bf16, s##_f64, s##_i32, s##_i64, s##_u8, s##_bool \
    }
/* A bool is a byte of 0 or 1. */
static const row_fn table[N_CAST][N_CAST] = {ROW(from_f32), ROW(from_f16), ROW(from_bf16),
                                             ROW(from_f64), ROW(from_i32), ROW(from_i64),
                                             ROW(from_u8),  ROW(from_u8)};

static int index_of(uint32_t dtype)
{
    for (int i = 0; i < N_CAST; i++)
        if (known[i] == dtype)
            return i;
    return -1;
}

struct state {
    row_fn row;
    int64_t count;
    uint32_t in_size, out_size;
};

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    if (index_of(q->in[0]->dtype) < 0 || index_of(q->out[0]->dtype) < 0)
        return cpu_refuse(why, "no cpu loop from %s to %s", cpu_dtype_name(q->in[0]->dtype),
                          cpu_dtype_name(q->out[0]->dtype));
    return true;
}

static void range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    s->row(k->out[0] + lo * s->out_size, k->in[0] + lo * s->in_size, hi - lo);
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    cpu_parallel_fine(k->inst->pool, s->count, CPU_GRAIN, range, k);
    return TNB_OK;
}

/* The pairs that CPUs have instructions for. */
static row_fn fast(uint32_t from, uint32_t to)
{
    const struct cpu_half *half = &CPU_SYM(cpu_half);
    if (from == TNB_F32 && (to == TNB_F16 || to == TNB_BF16))
        return half->narrow[to == TNB_BF16];
    if (to == TNB_F32 && (from == TNB_F16 || from == TNB_BF16))
        return half->widen[from == TNB_BF16];
    return NULL;
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    s->row = fast(q->in[0]->dtype, q->out[0]->dtype);
    if (!s->row)
        s->row = table[index_of(q->in[0]->dtype)][index_of(q->out[0]->dtype)];
    s->count = tnb_count(q->out[0]);
    s->in_size = (uint32_t)tnb_dtype_size(q->in[0]->dtype);
    s->out_size = (uint32_t)tnb_dtype_size(q->out[0]->dtype);
    k->run = run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_cast)[] = {
    {CPU_LOOPS("cast", supports, prepare), .flags = CPU_INPLACE_ANY | CPU_TAKES_HALF},
    {.name = NULL},
};
