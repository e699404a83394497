/* core/tensor: element types, rounding, shapes, views of shared storage. */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "tensor/convert.h"
#include "tensor/view.h"

/* --- conversions --- */

struct rounding {
    double value;
    uint16_t bits;
};

Test(convert, f16_rounds_to_even)
{
    static const struct rounding cases[] = {
        {0.0, 0x0000},
        {-0.0, 0x8000},
        {1.0, 0x3c00},
        {-2.0, 0xc000},
        {1.0 + 0x1p-11, 0x3c00},           /* tie, down to even */
        {1.0 + 3 * 0x1p-11, 0x3c02},       /* tie, up to even */
        {1.0 + 0x1p-11 + 0x1p-40, 0x3c01}, /* through float it would round twice, to 0x3c00 */
        {2.0 - 0x1p-12, 0x4000},           /* the carry reaches the exponent */
        {65504.0, 0x7bff},
        {65519.999, 0x7bff},
        {65520.0, 0x7c00}, /* tie between the largest number and infinity */
        {1e300, 0x7c00},
        {-INFINITY, 0xfc00},
        {0x1p-14, 0x0400},           /* smallest normal */
        {0x1p-14 - 0x1p-25, 0x0400}, /* tie, up to it */
        {0x1p-24, 0x0001},           /* smallest subnormal */
        {0x1p-25, 0x0000},           /* tie, to zero */
        {0x1p-25 + 0x1p-60, 0x0001},
        {3 * 0x1p-25, 0x0002},
        {0x1p-26, 0x0000},
        {-1e-300, 0x8000},
        {5e-324, 0x0000},
    };
    for (size_t i = 0; i < TN_LEN(cases); i++)
        cr_assert_eq(tn_f16_from_double(cases[i].value), cases[i].bits, "%a gives %04x, not %04x",
                     cases[i].value, tn_f16_from_double(cases[i].value), cases[i].bits);
    cr_assert(isnan(tn_f16_to_double(tn_f16_from_double(NAN))));
}

Test(convert, bf16_rounds_to_even)
{
    static const struct rounding cases[] = {
        {1.0, 0x3f80},
        {1.0 + 0x1p-8, 0x3f80},
        {1.0 + 3 * 0x1p-8, 0x3f82},
        {1.0 + 0x1p-8 + 0x1p-40, 0x3f81},
        {3.3895313892515355e38, 0x7f7f}, /* largest: 0x1.fep127 */
        {3.4028234663852886e38, 0x7f80}, /* the largest float rounds to infinity */
        {0x1p-133, 0x0001},
        {0x1p-134, 0x0000},
        {-0x1.8p-133, 0x8002},
    };
    for (size_t i = 0; i < TN_LEN(cases); i++)
        cr_assert_eq(tn_bf16_from_double(cases[i].value), cases[i].bits, "%a gives %04x, not %04x",
                     cases[i].value, tn_bf16_from_double(cases[i].value), cases[i].bits);
}

Test(convert, every_16_bit_number_survives)
{
    for (uint32_t b = 0; b <= UINT16_MAX; b++) {
        double h = tn_f16_to_double((uint16_t)b), w = tn_bf16_to_double((uint16_t)b);
        float f = 0;
        uint32_t word = b << 16; /* bf16 is the upper half of a float */
        memcpy(&f, &word, sizeof f);
        if (!isnan(h))
            cr_assert_eq(tn_f16_from_double(h), b);
        cr_assert_eq(isnan(w), isnan(f));
        if (!isnan(w)) {
            cr_assert_eq(w, (double)f);
            cr_assert_eq(tn_bf16_from_double(w), b);
        }
    }
}

Test(convert, integers_saturate)
{
    const int64_t wide[] = {INT64_MIN, -1, 0, 255, 256, INT64_MAX};
    uint8_t u8[6], b[6];
    int32_t i32[6];
    tn_narrow(TN_U8, wide, 6, u8);
    tn_narrow(TN_BOOL, wide, 6, b);
    tn_narrow(TN_I32, wide, 6, i32);
    const uint8_t want_u8[] = {0, 0, 0, 255, 255, 255}, want_b[] = {1, 1, 0, 1, 1, 1};
    const int32_t want_i32[] = {INT32_MIN, -1, 0, 255, 256, INT32_MAX};
    cr_assert_eq(memcmp(u8, want_u8, sizeof u8), 0);
    cr_assert_eq(memcmp(b, want_b, sizeof b), 0);
    cr_assert_eq(memcmp(i32, want_i32, sizeof i32), 0);
    cr_assert_eq(tn_int_from_double(NAN), 0);
    cr_assert_eq(tn_int_from_double(2.5), 2);
    cr_assert_eq(tn_int_from_double(-3.5), -4);
    cr_assert_eq(tn_int_from_double(1e30), INT64_MAX);
    cr_assert_eq(tn_int_from_double(0x1p63), INT64_MAX);
    cr_assert_eq(tn_int_from_double(-0x1p63), INT64_MIN);
}

Test(convert, large_integers_round_once)
{
    /* 2^60 + 2^36 + 1: to double it is 2^60 + 2^36, half way between two floats, and would then
     * round to even, down; the right answer is up. */
    const int64_t n = (INT64_C(1) << 60) + (INT64_C(1) << 36) + 1;
    float f = 0;
    tn_convert(TN_I64, &n, TN_F32, &f, 1);
    cr_assert_eq(f, 0x1p60f + 0x1p37f);
}

/* --- shapes --- */

Test(shape, count_and_format)
{
    int64_t n = -1;
    char text[64];
    struct tn_shape s = TN_SHAPE(64, 1, 28, 28);
    cr_assert_eq(tn_shape_count(&s, &n), TN_OK);
    cr_assert_eq(n, 50176);
    cr_assert_str_eq(tn_shape_format(&s, text, sizeof text), "[64, 1, 28, 28]");
    cr_assert_str_eq(tn_shape_format(&s, text, 8), "[64, 1,");
    s = TN_SCALAR;
    cr_assert_eq(tn_shape_count(&s, &n), TN_OK);
    cr_assert_eq(n, 1);
    cr_assert_str_eq(tn_shape_format(&s, text, sizeof text), "[]");
    s = TN_SHAPE(INT64_MAX, 2);
    cr_assert_eq(tn_shape_count(&s, &n), TN_E_INVALID);
    s = TN_SHAPE(INT64_MAX, 2, 0);
    cr_assert_eq(tn_shape_count(&s, &n), TN_OK);
    cr_assert_eq(n, 0);
    cr_assert(!tn_shape_fits(&s), "its strides would not");
    s = TN_SHAPE(INT64_MAX / 4, 2, 0);
    cr_assert(tn_shape_fits(&s));
    s = TN_SHAPE(INT64_MAX);
    cr_assert(!tn_shape_fits(&s), "a dim and one more is no number");
    s = TN_SHAPE(3, -1);
    cr_assert(!tn_shape_fits(&s));
    cr_assert_eq(tn_shape_count(&s, &n), TN_E_INVALID);
    s = tn_shape_make((const int64_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1}, 9);
    cr_assert_eq(tn_shape_count(&s, &n), TN_E_INVALID, "nine dims are one too many");
}

/* --- tensors --- */

/* f32 [d0, d1, ...] holding 0, 1, 2, ... */
static tn_tensor *iota(struct tn_shape shape)
{
    tn_tensor *t = NULL;
    struct tn_error err = {0};
    cr_assert_eq(tn_tensor_create(TN_F32, &shape, &t, &err), TN_OK, "%s", err.msg);
    float *x = tn_tensor_data(t);
    for (int64_t i = 0; i < tn_tensor_count(t); i++)
        x[i] = (float)i;
    return t;
}

static void check_values(const tn_tensor *t, const double *want, int64_t n)
{
    tn_tensor *flat = NULL;
    cr_assert_eq(tn_tensor_count(t), n);
    cr_assert_eq(tn_tensor_convert(t, TN_F64, &flat, NULL), TN_OK);
    const double *got = tn_tensor_const_data(flat);
    for (int64_t i = 0; i < n; i++)
        cr_assert_eq(got[i], want[i], "element %d is %g, not %g", (int)i, got[i], want[i]);
    tn_tensor_unref(&flat);
}

Test(tensor, zeroed_aligned_and_refuses)
{
    struct tn_error err = {0};
    struct tn_shape shape = TN_SHAPE(3, 5);
    tn_tensor *t = NULL;
    cr_assert_eq(tn_tensor_create(TN_F16, &shape, &t, &err), TN_OK);
    cr_assert_eq((uintptr_t)tn_tensor_data(t) % 64, 0u);
    cr_assert_eq(tn_tensor_bytes(t), 30u);
    const double zeros[15] = {0};
    check_values(t, zeros, 15);
    tn_tensor_unref(&t);
    cr_assert_null(t);
    shape = TN_SHAPE(INT64_MAX, 3);
    cr_assert_eq(tn_tensor_create(TN_F32, &shape, &t, &err), TN_E_INVALID);
    cr_assert_null(t, "untouched on failure");
    shape = TN_SHAPE(INT64_MAX / 4);
    cr_assert_neq(tn_tensor_create(TN_F32, &shape, &t, &err), TN_OK);
    shape = TN_SHAPE(2);
    cr_assert_eq(tn_tensor_create((tn_dtype)99, &shape, &t, &err), TN_E_INVALID);
    shape = TN_SHAPE(0, 7);
    cr_assert_eq(tn_tensor_create(TN_F32, &shape, &t, &err), TN_OK);
    cr_assert_eq(tn_tensor_count(t), 0);
    tn_tensor_unref(&t);
}

Test(tensor, views_share_storage)
{
    tn_tensor *t = iota(TN_SHAPE(2, 3)), *v = NULL;
    const uint32_t perm[] = {1, 0};
    cr_assert_eq(tn_tensor_transpose(t, perm, &v, NULL), TN_OK);
    check_values(v, (const double[]){0, 3, 1, 4, 2, 5}, 6);
    cr_assert_not(tn_tensor_is_contiguous(v));
    tn_tensor_set(v, (const int64_t[]){2, 0}, 42);
    cr_assert_eq(tn_tensor_get(t, (const int64_t[]){0, 2}), 42);
    tn_tensor_unref(&v);
    tn_tensor_unref(&t);
}

/* Large enough that memory set free too soon is what the next tensor gets. */
Test(tensor, views_keep_storage)
{
    tn_tensor *t = iota(TN_SHAPE(400, 60)), *v = NULL;
    cr_assert_eq(tn_tensor_transpose(t, (const uint32_t[]){1, 0}, &v, NULL), TN_OK);
    tn_tensor_unref(&t);
    t = iota(TN_SHAPE(300, 60));
    memset(tn_tensor_data(t), 0, tn_tensor_bytes(t));
    cr_assert_eq(tn_tensor_get(v, (const int64_t[]){7, 100}), 6007);
    tn_tensor_unref(&v);
    tn_tensor_unref(&t);
}

Test(tensor, transpose_refuses_a_bad_perm)
{
    tn_tensor *t = iota(TN_SHAPE(2, 3)), *v = NULL;
    struct tn_error err = {0};
    cr_assert_eq(tn_tensor_transpose(t, (const uint32_t[]){0, 0}, &v, &err), TN_E_INVALID);
    cr_assert_eq(tn_tensor_transpose(t, (const uint32_t[]){0, 2}, &v, &err), TN_E_INVALID);
    cr_assert_null(v);
    tn_tensor_unref(&t);
}

struct slice_case {
    int64_t start, stop, step;
    int64_t n;
    double want[5];
};

/* NumPy's answers for arange(5)[start:stop:step]. */
Test(tensor, slices_as_numpy)
{
    static const struct slice_case cases[] = {
        {0, 5, 2, 3, {0, 2, 4}},
        {1, -1, 1, 3, {1, 2, 3}},
        {-2, INT64_MAX, 1, 2, {3, 4}},
        {-1, INT64_MIN, -1, 5, {4, 3, 2, 1, 0}},
        {3, 0, -2, 2, {3, 1}},
        {4, -6, -2, 3, {4, 2, 0}},
        {-100, 2, 1, 2, {0, 1}},
        {3, 3, 1, 0, {0}},
        {4, 1, 1, 0, {0}},
        {0, 5, INT64_MAX, 1, {0}},
    };
    tn_tensor *t = iota(TN_SHAPE(5));
    for (size_t i = 0; i < TN_LEN(cases); i++) {
        tn_tensor *v = NULL;
        cr_assert_eq(tn_tensor_slice(t, 0, cases[i].start, cases[i].stop, cases[i].step, &v, NULL),
                     TN_OK);
        check_values(v, cases[i].want, cases[i].n);
        tn_tensor_unref(&v);
    }
    tn_tensor *v = NULL;
    cr_assert_eq(tn_tensor_slice(t, 0, 0, 5, 0, &v, NULL), TN_E_INVALID);
    cr_assert_eq(tn_tensor_slice(t, 1, 0, 5, 1, &v, NULL), TN_E_INVALID);
    tn_tensor_unref(&t);
}

Test(tensor, broadcast_repeats)
{
    tn_tensor *t = iota(TN_SHAPE(2, 1)), *v = NULL;
    struct tn_error err = {0};
    struct tn_shape shape = TN_SHAPE(2, 2, 3);
    cr_assert_eq(tn_tensor_broadcast(t, &shape, &v, &err), TN_OK, "%s", err.msg);
    check_values(v, (const double[]){0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1}, 12);
    tn_tensor_unref(&v);
    shape = TN_SHAPE(3, 3);
    cr_assert_eq(tn_tensor_broadcast(t, &shape, &v, &err), TN_E_INVALID);
    cr_assert_not_null(strstr(err.msg, "[2, 1]"), "%s", err.msg);
    cr_assert_not_null(strstr(err.msg, "[3, 3]"), "%s", err.msg);
    tn_tensor_unref(&t);
}

Test(tensor, reshape_views_where_strides_allow)
{
    tn_tensor *t = iota(TN_SHAPE(4, 6)), *half = NULL, *v = NULL, *turned = NULL;
    /* Every other row: rows stay evenly spaced, so [2, 2, 3] is still a view. */
    cr_assert_eq(tn_tensor_slice(t, 0, 0, 4, 2, &half, NULL), TN_OK);
    struct tn_shape shape = TN_SHAPE(2, 1, 2, 3);
    cr_assert_eq(tn_tensor_reshape(half, &shape, &v, NULL), TN_OK);
    cr_assert_eq(tn_tensor_data(v), tn_tensor_data(t), "a view");
    check_values(v, (const double[]){0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17}, 12);
    tn_tensor_unref(&v);
    /* Flattening it is not, nor is flattening a transpose: copies, with the right values. */
    shape = TN_SHAPE(12);
    cr_assert_eq(tn_tensor_reshape(half, &shape, &v, NULL), TN_OK);
    cr_assert_neq(tn_tensor_data(v), tn_tensor_data(t), "a copy");
    check_values(v, (const double[]){0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17}, 12);
    tn_tensor_unref(&v);
    cr_assert_eq(tn_tensor_transpose(half, (const uint32_t[]){1, 0}, &turned, NULL), TN_OK);
    shape = TN_SHAPE(3, 4);
    cr_assert_eq(tn_tensor_reshape(turned, &shape, &v, NULL), TN_OK);
    check_values(v, (const double[]){0, 12, 1, 13, 2, 14, 3, 15, 4, 16, 5, 17}, 12);
    tn_tensor_unref(&v);
    struct tn_error err = {0};
    shape = TN_SHAPE(5, 2);
    cr_assert_eq(tn_tensor_reshape(half, &shape, &v, &err), TN_E_INVALID);
    cr_assert_not_null(strstr(err.msg, "[2, 6] (12 elements) to [5, 2]"), "%s", err.msg);
    tn_tensor_unref(&turned);
    tn_tensor_unref(&half);
    tn_tensor_unref(&t);
}

Test(tensor, convert_packs_and_rounds)
{
    tn_tensor *t = iota(TN_SHAPE(2, 3)), *v = NULL, *i = NULL, *b = NULL;
    float *x = tn_tensor_data(t);
    x[1] = 2.5f, x[2] = -7.0f, x[3] = 300.0f, x[4] = 0.25f, x[5] = NAN;
    cr_assert_eq(tn_tensor_transpose(t, (const uint32_t[]){1, 0}, &v, NULL), TN_OK);
    cr_assert_eq(tn_tensor_convert(v, TN_U8, &i, NULL), TN_OK);
    cr_assert(tn_tensor_is_contiguous(i));
    check_values(i, (const double[]){0, 255, 2, 0, 0, 0}, 6);
    cr_assert_eq(tn_tensor_convert(t, TN_BOOL, &b, NULL), TN_OK);
    check_values(b, (const double[]){0, 1, 1, 1, 1, 1}, 6);
    tn_tensor_unref(&b);
    tn_tensor_unref(&i);
    tn_tensor_unref(&v);
    tn_tensor_unref(&t);
}

Test(tensor, convert_beyond_one_chunk)
{
    tn_tensor *t = iota(TN_SHAPE(1201)), *h = NULL, *back = NULL;
    cr_assert_eq(tn_tensor_convert(t, TN_I32, &h, NULL), TN_OK);
    cr_assert_eq(tn_tensor_convert(h, TN_F16, &back, NULL), TN_OK);
    for (int64_t i = 0; i < 1201; i++)
        cr_assert_eq(tn_tensor_get(back, &i), (double)i);
    tn_tensor_unref(&back);
    tn_tensor_unref(&h);
    tn_tensor_unref(&t);
}

static void *ref_and_unref(void *arg)
{
    for (int i = 0; i < 20000; i++) {
        tn_tensor *t = tn_tensor_ref(arg);
        tn_tensor_unref(&t);
    }
    return NULL;
}

Test(tensor, references_from_threads)
{
    tn_tensor *t = iota(TN_SHAPE(3));
    pthread_t thread[3];
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, ref_and_unref, t), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    check_values(t, (const double[]){0, 1, 2}, 3);
    tn_tensor_unref(&t);
    tn_tensor_unref(NULL);
}
