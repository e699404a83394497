/* Stored elements to batch elements: out = in * scale + offset in double, rounded once, so that
 * each build gives the same bits. Integers round half to even and saturate. */
#include <math.h>
#include <string.h>

#include "data/dataset.h"

static float bf16_to_f32(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof(value));
    return value;
}

static float f16_to_f32(uint16_t bits)
{
    int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
    float value;
    if (exponent == 31)
        value = mantissa ? NAN : INFINITY;
    else if (exponent == 0)
        value = ldexpf((float)mantissa, -24);
    else
        value = ldexpf((float)(mantissa + 1024), exponent - 25);
    return bits & 0x8000 ? -value : value;
}

double tn_data_load(tn_dtype dtype, const void *in, size_t i)
{
    switch (dtype) {
    case TN_F32:
        return ((const float *)in)[i];
    case TN_F16:
        return f16_to_f32(((const uint16_t *)in)[i]);
    case TN_BF16:
        return bf16_to_f32(((const uint16_t *)in)[i]);
    case TN_F64:
        return ((const double *)in)[i];
    case TN_I32:
        return ((const int32_t *)in)[i];
    case TN_I64:
        return (double)((const int64_t *)in)[i];
    case TN_U8:
        return ((const uint8_t *)in)[i];
    case TN_BOOL:
        return ((const uint8_t *)in)[i] != 0;
    }
    return 0;
}

static double round_clamp(double value, double lo, double hi)
{
    if (!(value == value))
        return 0;
    value = nearbyint(value);
    return value < lo ? lo : value > hi ? hi : value;
}

/* The double is rounded straight to the narrow type: via f32 would round twice. */
static uint16_t f64_to_f16(double value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    double size = fabs(value);
    int exponent;
    if (isnan(value))
        return 0x7e00;
    if (size >= 65520.0)
        return sign | 0x7c00;
    if (size < 0x1p-14)
        return sign | (uint16_t)nearbyint(ldexp(size, 24));
    frexp(size, &exponent);
    /* size = m * 2^(exponent - 11), m in [1024, 2048]; 2048 carries into the exponent by itself */
    uint16_t mantissa = (uint16_t)nearbyint(ldexp(size, 11 - exponent));
    return sign | (uint16_t)(((exponent + 14) << 10) + (mantissa - 1024));
}

static uint16_t f64_to_bf16(double value)
{
    float narrow = (float)value;
    uint32_t bits;
    if (isnan(value))
        return 0x7fc0;
    /* Rounding to odd first makes the second rounding see every lost bit. */
    if (isfinite(narrow) && (double)narrow != value) {
        memcpy(&bits, &narrow, sizeof(bits));
        if (fabs((double)narrow) > fabs(value))
            bits--;
        bits |= 1;
    } else {
        memcpy(&bits, &narrow, sizeof(bits));
    }
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static void store(tn_dtype dtype, void *out, size_t i, double value)
{
    switch (dtype) {
    case TN_F32:
        ((float *)out)[i] = (float)value;
        break;
    case TN_F16:
        ((uint16_t *)out)[i] = f64_to_f16(value);
        break;
    case TN_BF16:
        ((uint16_t *)out)[i] = f64_to_bf16(value);
        break;
    case TN_F64:
        ((double *)out)[i] = value;
        break;
    case TN_I32:
        ((int32_t *)out)[i] = (int32_t)round_clamp(value, INT32_MIN, INT32_MAX);
        break;
    case TN_I64: /* the largest double below 2^63 */
        ((int64_t *)out)[i] = (int64_t)round_clamp(value, -0x1p63, 0x1.fffffffffffffp62);
        break;
    case TN_U8:
        ((uint8_t *)out)[i] = (uint8_t)round_clamp(value, 0, 255);
        break;
    case TN_BOOL:
        ((uint8_t *)out)[i] = value != 0;
        break;
    }
}

/* Images: 256 possible values, each computed once. */
static void convert_u8_f32(const struct tn_transform *transform, const uint8_t *in, size_t n,
                           float *out)
{
    float table[256];
    for (int i = 0; i < 256; i++)
        table[i] = (float)(i * transform->scale + transform->offset);
    for (size_t i = 0; i < n; i++)
        out[i] = table[in[i]];
}

void tn_data_convert(const struct tn_transform *transform, tn_dtype stored, const void *in,
                     size_t n, void *out)
{
    int as_is = transform->scale == 1 && transform->offset == 0;
    if (as_is && stored == transform->dtype) {
        memcpy(out, in, n * tn_dtype_size(stored));
        return;
    }
    if (stored == TN_U8 && transform->dtype == TN_F32 && n >= 256) {
        convert_u8_f32(transform, in, n, out);
        return;
    }
    for (size_t i = 0; i < n; i++)
        store(transform->dtype, out, i,
              tn_data_load(stored, in, i) * transform->scale + transform->offset);
}
