#include "tensor/convert.h"

#include <math.h>
#include <string.h>

#include "base/compiler.h"

/* A 16-bit float: 1 sign bit, then exponent, then `n_man` bits. */
struct small_float {
    int n_man, bias, max_exp;
};
static const struct small_float f16 = {.n_man = 10, .bias = 15, .max_exp = 31};
static const struct small_float bf16 = {.n_man = 7, .bias = 127, .max_exp = 255};

/* Straight from double: going through float would round twice. */
static uint16_t encode(const struct small_float *fmt, double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = (uint32_t)(bits >> 63) << 15;
    int exp = (int)((bits >> 52) & 0x7ff);
    uint64_t man = bits & ((UINT64_C(1) << 52) - 1);
    uint32_t inf = (uint32_t)fmt->max_exp << fmt->n_man;
    if (exp == 0x7ff)
        return (uint16_t)(sign | inf | (man ? 1u << (fmt->n_man - 1) : 0u));
    if (exp == 0)
        return (uint16_t)sign; /* far below the smallest subnormal of either format */
    exp += fmt->bias - 1023;
    if (exp >= fmt->max_exp)
        return (uint16_t)(sign | inf);
    int shift = 52 - fmt->n_man;
    if (exp <= 0) { /* subnormal: fewer bits are kept */
        shift += 1 - exp;
        exp = 0;
    }
    if (shift > 53)
        return (uint16_t)sign;
    uint64_t full = man | (UINT64_C(1) << 52), half = UINT64_C(1) << (shift - 1);
    uint64_t kept = full >> shift, rest = full & ((half << 1) - 1);
    if (rest > half || (rest == half && (kept & 1)))
        kept++;
    /* `kept` carries the hidden bit, and a carry out of the mantissa moves the exponent up. */
    uint32_t out = (uint32_t)kept + (exp > 0 ? (uint32_t)(exp - 1) << fmt->n_man : 0u);
    return (uint16_t)(sign | TN_MIN(out, inf));
}

static double decode(const struct small_float *fmt, uint16_t bits)
{
    int man = bits & ((1 << fmt->n_man) - 1), exp = (bits & 0x7fff) >> fmt->n_man;
    double sign = bits & 0x8000 ? -1.0 : 1.0;
    if (exp == fmt->max_exp)
        return man ? NAN : sign * INFINITY;
    if (exp == 0)
        return sign * ldexp(man, 1 - fmt->bias - fmt->n_man);
    return sign * ldexp(man | (1 << fmt->n_man), exp - fmt->bias - fmt->n_man);
}

uint16_t tn_f16_from_double(double value)
{
    return encode(&f16, value);
}

double tn_f16_to_double(uint16_t bits)
{
    return decode(&f16, bits);
}

uint16_t tn_bf16_from_double(double value)
{
    return encode(&bf16, value);
}

double tn_bf16_to_double(uint16_t bits)
{
    return decode(&bf16, bits);
}

#define WIDEN(T, W, expr)               \
    do {                                \
        const T *s = src;               \
        W *d = dst;                     \
        for (int64_t i = 0; i < n; i++) \
            d[i] = (expr);              \
    } while (0)

void tn_widen(tn_dtype dtype, const void *src, int64_t n, void *dst)
{
    switch (dtype) {
    case TN_F32:
        WIDEN(float, double, (double)s[i]);
        break;
    case TN_F16:
        WIDEN(uint16_t, double, decode(&f16, s[i]));
        break;
    case TN_BF16:
        WIDEN(uint16_t, double, decode(&bf16, s[i]));
        break;
    case TN_F64:
        if (n > 0)
            memcpy(dst, src, (size_t)n * sizeof(double));
        break;
    case TN_I32:
        WIDEN(int32_t, int64_t, s[i]);
        break;
    case TN_I64:
        if (n > 0)
            memcpy(dst, src, (size_t)n * sizeof(int64_t));
        break;
    case TN_U8:
        WIDEN(uint8_t, int64_t, s[i]);
        break;
    case TN_BOOL:
        WIDEN(uint8_t, int64_t, s[i] != 0);
        break;
    }
}

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

void tn_narrow(tn_dtype dtype, const void *src, int64_t n, void *dst)
{
    switch (dtype) {
    case TN_F32:
        WIDEN(double, float, (float)s[i]);
        break;
    case TN_F16:
        WIDEN(double, uint16_t, encode(&f16, s[i]));
        break;
    case TN_BF16:
        WIDEN(double, uint16_t, encode(&bf16, s[i]));
        break;
    case TN_F64:
        if (n > 0)
            memcpy(dst, src, (size_t)n * sizeof(double));
        break;
    case TN_I32:
        WIDEN(int64_t, int32_t, (int32_t)clamp(s[i], INT32_MIN, INT32_MAX));
        break;
    case TN_I64:
        if (n > 0)
            memcpy(dst, src, (size_t)n * sizeof(int64_t));
        break;
    case TN_U8:
        WIDEN(int64_t, uint8_t, (uint8_t)clamp(s[i], 0, UINT8_MAX));
        break;
    case TN_BOOL:
        WIDEN(int64_t, uint8_t, s[i] != 0);
        break;
    }
}

int64_t tn_int_from_double(double value)
{
    if (isnan(value))
        return 0;
    if (value >= 0x1p63)
        return INT64_MAX;
    if (value < -0x1p63)
        return INT64_MIN;
    return (int64_t)rint(value);
}

double tn_element_get(tn_dtype dtype, const void *element)
{
    if (tn_dtype_is_float(dtype)) {
        double value = 0;
        tn_widen(dtype, element, 1, &value);
        return value;
    }
    int64_t value = 0;
    tn_widen(dtype, element, 1, &value);
    return (double)value;
}

void tn_element_set(tn_dtype dtype, void *element, double value)
{
    if (tn_dtype_is_float(dtype)) {
        tn_narrow(dtype, &value, 1, element);
        return;
    }
    /* 0.25 is "not zero", though it rounds to zero. */
    int64_t whole = dtype == TN_BOOL ? value != 0 : tn_int_from_double(value);
    tn_narrow(dtype, &whole, 1, element);
}

void tn_convert(tn_dtype from, const void *src, tn_dtype to, void *dst, int64_t n)
{
    enum { CHUNK = 512 };
    union {
        double f[CHUNK];
        int64_t i[CHUNK];
    } wide;
    const char *s = src;
    char *d = dst;
    int from_float = tn_dtype_is_float(from), to_float = tn_dtype_is_float(to);
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t m = TN_MIN(n - at, (int64_t)CHUNK);
        tn_widen(from, s + (size_t)at * tn_dtype_size(from), m, &wide);
        if (from_float && !to_float) {
            for (int64_t i = 0; i < m; i++)
                wide.i[i] = to == TN_BOOL ? wide.f[i] != 0 : tn_int_from_double(wide.f[i]);
        } else if (!from_float && to == TN_F32) {
            /* One rounding: through double, large integers would be rounded twice. */
            for (int64_t i = 0; i < m; i++)
                wide.f[i] = (double)(float)wide.i[i];
        } else if (!from_float && to_float) {
            for (int64_t i = 0; i < m; i++)
                wide.f[i] = (double)wide.i[i];
        }
        tn_narrow(to, &wide, m, d + (size_t)at * tn_dtype_size(to));
    }
}
