/* Data sets, transforms, views and checks. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tenon/data.h"

static tn_tensor *tensor_of(tn_dtype dtype, struct tn_shape shape)
{
    tn_tensor *tensor = NULL;
    cr_assert_eq(tn_tensor_create(dtype, &shape, &tensor, NULL), TN_OK);
    return tensor;
}

/* x [n, 3] f32 with x[i][j] = 10 i + j, y [n] u8 with y[i] = i % 4. */
static tn_dataset *small_set(int64_t n)
{
    tn_tensor *x = tensor_of(TN_F32, TN_SHAPE(n, 3)), *y = tensor_of(TN_U8, TN_SHAPE(n));
    for (int64_t i = 0; i < n; i++) {
        for (int j = 0; j < 3; j++)
            ((float *)tn_tensor_data(x))[i * 3 + j] = (float)(10 * i + j);
        ((uint8_t *)tn_tensor_data(y))[i] = (uint8_t)(i % 4);
    }
    const struct tn_field_params fields[] = {
        {.name = "x", .values = x},
        {.name = "y", .values = y, .transform = {.dtype = TN_I32}, .n_classes = 4},
    };
    tn_dataset *dataset = NULL;
    cr_assert_eq(tn_dataset_create("small", fields, 2, &dataset, NULL), TN_OK);
    tn_tensor_unref(&x);
    tn_tensor_unref(&y);
    return dataset;
}

Test(dataset, describes_its_fields)
{
    tn_dataset *dataset = small_set(5);
    struct tn_field_info info;
    size_t field = 9;
    cr_assert_eq(tn_dataset_size(dataset), 5);
    cr_assert_eq(tn_dataset_field_count(dataset), 2);
    cr_assert_str_eq(tn_dataset_description(dataset), "small");
    cr_assert_eq(tn_dataset_find_field(dataset, "y", &field, NULL), TN_OK);
    cr_assert_eq(field, 1);
    tn_dataset_field_info(dataset, 1, &info);
    cr_assert_str_eq(info.name, "y");
    cr_assert_eq(info.stored_dtype, TN_U8);
    cr_assert_eq(info.dtype, TN_I32);
    cr_assert_eq(info.sample_shape.rank, 0);
    cr_assert_eq(info.sample_bytes, 4);
    cr_assert_eq(info.n_classes, 4);
    tn_dataset_field_info(dataset, 0, &info);
    cr_assert_eq(info.sample_shape.rank, 1);
    cr_assert_eq(info.sample_shape.dim[0], 3);
    cr_assert_eq(info.sample_bytes, 12);
    cr_assert_eq(info.scale, 1);

    struct tn_error err = {TN_OK, ""};
    field = 7;
    cr_assert_eq(tn_dataset_find_field(dataset, "z", &field, &err), TN_E_NOT_FOUND);
    cr_assert_eq(field, 7);
    cr_assert(strstr(err.msg, "'z'") && strstr(err.msg, "'x', 'y'"), "%s", err.msg);
    tn_dataset_unref(&dataset);
    cr_assert_null(dataset);
    tn_dataset_unref(&dataset);
    tn_dataset_unref(NULL);
}

Test(dataset, rejects_fields_that_do_not_fit)
{
    tn_tensor *a = tensor_of(TN_F32, TN_SHAPE(3, 2)), *b = tensor_of(TN_F32, TN_SHAPE(4));
    tn_tensor *scalar = tensor_of(TN_F32, TN_SCALAR), *none = tensor_of(TN_F32, TN_SHAPE(0, 2));
    const struct tn_field_params different[] = {{.name = "x", .values = a},
                                                {.name = "y", .values = b}};
    const struct tn_field_params twice[] = {{.name = "x", .values = a}, {.name = "x", .values = a}};
    const struct tn_field_params rank0 = {.name = "s", .values = scalar};
    const struct tn_field_params empty = {.name = "e", .values = none};
    tn_dataset *dataset = NULL;
    struct tn_error err = {TN_OK, ""};
    cr_assert_eq(tn_dataset_create("", different, 2, &dataset, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "'x' has 3") && strstr(err.msg, "'y' has 4"), "%s", err.msg);
    cr_assert_eq(tn_dataset_create("", twice, 2, &dataset, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "twice"), "%s", err.msg);
    cr_assert_eq(tn_dataset_create("", &rank0, 1, &dataset, &err), TN_E_INVALID);
    cr_assert_eq(tn_dataset_create("", &empty, 1, &dataset, &err), TN_E_INVALID);
    cr_assert_eq(tn_dataset_create("", NULL, 0, &dataset, &err), TN_E_INVALID);
    cr_assert_null(dataset);
    tn_tensor_unref(&a);
    tn_tensor_unref(&b);
    tn_tensor_unref(&scalar);
    tn_tensor_unref(&none);
}

/* 256 bytes a sample takes the table's way, 3 the plain one: both must give i / 255 rounded once.
 */
Test(dataset, scales_bytes_with_one_rounding)
{
    for (int width = 3; width <= 256; width += 253) {
        tn_tensor *x = tensor_of(TN_U8, TN_SHAPE(256, width));
        for (int i = 0; i < 256 * width; i++)
            ((uint8_t *)tn_tensor_data(x))[i] = (uint8_t)(i / width);
        const struct tn_field_params field = {
            .name = "x", .values = x, .transform = {.dtype = TN_F32, .scale = 1.0 / 255}};
        tn_dataset *dataset = NULL;
        cr_assert_eq(tn_dataset_create("", &field, 1, &dataset, NULL), TN_OK);
        float out[256];
        for (int64_t i = 0; i < 256; i++) {
            tn_dataset_read(dataset, 0, &i, 1, out);
            cr_assert_eq(out[0], (float)((double)i / 255), "%lld", (long long)i);
            cr_assert_eq(out[width - 1], out[0]);
        }
        tn_tensor_unref(&x);
        tn_dataset_unref(&dataset);
    }
}

Test(dataset, converts_between_dtypes)
{
    tn_tensor *x = tensor_of(TN_F32, TN_SHAPE(4));
    const float values[] = {-1.5f, 0.5f, 2.5f, 300.0f};
    memcpy(tn_tensor_data(x), values, sizeof(values));
    const struct tn_field_params field = {.name = "x", .values = x, .transform = {.dtype = TN_U8}};
    tn_dataset *dataset = NULL, *view = NULL;
    const int64_t all[] = {0, 1, 2, 3};
    cr_assert_eq(tn_dataset_create("", &field, 1, &dataset, NULL), TN_OK);
    uint8_t bytes[4];
    tn_dataset_read(dataset, 0, all, 4, bytes);
    const uint8_t expected[] = {0, 0, 2, 255};
    cr_assert_arr_eq(bytes, expected, 4);

    const struct tn_transform wide = {.dtype = TN_F64, .scale = 2, .offset = -1};
    cr_assert_eq(tn_dataset_with_transform(dataset, "x", &wide, &view, NULL), TN_OK);
    double doubles[4];
    tn_dataset_read(view, 0, all, 4, doubles);
    cr_assert_eq(doubles[0], -4);
    cr_assert_eq(doubles[3], 599);
    tn_dataset_read(dataset, 0, all, 1, bytes); /* the original is as it was */
    cr_assert_eq(bytes[0], 0);
    cr_assert_eq(tn_dataset_with_transform(dataset, "w", &wide, &view, NULL), TN_E_NOT_FOUND);
    tn_tensor_unref(&x);
    tn_dataset_unref(&view);
    tn_dataset_unref(&dataset);
}

Test(dataset, takes_strided_tensors)
{
    tn_tensor *x = tensor_of(TN_I32, TN_SHAPE(2, 3)), *turned = NULL;
    for (int i = 0; i < 6; i++)
        ((int32_t *)tn_tensor_data(x))[i] = i;
    cr_assert_eq(tn_tensor_transpose(x, (const uint32_t[]){1, 0}, &turned, NULL), TN_OK);
    const struct tn_field_params field = {.name = "x", .values = turned};
    tn_dataset *dataset = NULL;
    cr_assert_eq(tn_dataset_create("", &field, 1, &dataset, NULL), TN_OK);
    cr_assert_eq(tn_dataset_size(dataset), 3);
    int32_t out[2];
    tn_dataset_read(dataset, 0, (const int64_t[]){1}, 1, out);
    cr_assert_eq(out[0], 1);
    cr_assert_eq(out[1], 4);
    tn_tensor_unref(&x);
    tn_tensor_unref(&turned);
    tn_dataset_unref(&dataset);
}

/* Keras: n_train = floor(n * (1 - fraction)), in double. */
Test(dataset, splits_the_tail_as_keras_does)
{
    static const struct {
        int64_t n;
        double fraction;
        int64_t n_train;
    } cases[] = {{10, 0.1, 9}, {10, 0.3, 7}, {7, 0.5, 3}, {10, 0.05, 9}, {11, 0.2, 8}, {2, 0.9, 0}};
    for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
        tn_dataset *dataset = small_set(cases[c].n), *train = NULL, *val = NULL;
        struct tn_error err = {TN_OK, ""};
        tn_status status = tn_dataset_split_tail(dataset, cases[c].fraction, &train, &val, &err);
        tn_dataset_unref(&dataset); /* views live on */
        if (cases[c].n_train == 0) {
            cr_assert_eq(status, TN_E_INVALID);
            cr_assert(strstr(err.msg, "training"), "%s", err.msg);
            cr_assert(!train && !val);
            continue;
        }
        cr_assert_eq(status, TN_OK);
        cr_assert_eq(tn_dataset_size(train), cases[c].n_train);
        cr_assert_eq(tn_dataset_size(val), cases[c].n - cases[c].n_train);
        cr_assert_eq(tn_dataset_sample(train, 0), 0);
        cr_assert_eq(tn_dataset_sample(val, 0), cases[c].n_train);
        float x[3];
        tn_dataset_read(val, 0, (const int64_t[]){0}, 1, x);
        cr_assert_eq(x[2], (float)(10 * cases[c].n_train + 2));
        tn_dataset_unref(&train);
        tn_dataset_unref(&val);
    }
}

Test(dataset, rejects_fractions_outside)
{
    tn_dataset *dataset = small_set(10), *train = NULL, *val = NULL;
    const double wrong[] = {0, 1, -0.1, 1.5, NAN};
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(tn_dataset_split_tail(dataset, wrong[i], &train, &val, NULL), TN_E_INVALID);
    cr_assert(!train && !val);
    tn_dataset_unref(&dataset);
}

Test(dataset, splits_at_random_by_seed)
{
    tn_dataset *dataset = small_set(100), *train[3] = {0}, *val[3] = {0};
    const uint64_t seeds[] = {1, 1, 2};
    for (int i = 0; i < 3; i++)
        cr_assert_eq(tn_dataset_split_random(dataset, 0.25, seeds[i], &train[i], &val[i], NULL),
                     TN_OK);
    int seen[100] = {0}, n_equal = 0, n_tail = 0;
    for (int64_t i = 0; i < 75; i++) {
        seen[tn_dataset_sample(train[0], i)]++;
        cr_assert_eq(tn_dataset_sample(train[0], i), tn_dataset_sample(train[1], i));
        cr_assert(i == 0 || tn_dataset_sample(train[0], i) > tn_dataset_sample(train[0], i - 1));
    }
    cr_assert_eq(tn_dataset_size(val[0]), 25);
    for (int64_t i = 0; i < 25; i++) {
        seen[tn_dataset_sample(val[0], i)]++;
        n_equal += tn_dataset_sample(val[0], i) == tn_dataset_sample(val[2], i);
        n_tail += tn_dataset_sample(val[0], i) >= 75;
    }
    for (int i = 0; i < 100; i++)
        cr_assert_eq(seen[i], 1);
    cr_assert_lt(n_equal, 25); /* another seed, another split */
    cr_assert_lt(n_tail, 20);  /* not the tail */
    for (int i = 0; i < 3; i++) {
        tn_dataset_unref(&train[i]);
        tn_dataset_unref(&val[i]);
    }
    tn_dataset_unref(&dataset);
}

Test(dataset, keeps_global_indices_through_views)
{
    tn_dataset *dataset = small_set(10), *a = NULL, *b = NULL;
    cr_assert_eq(tn_dataset_subset(dataset, (const int64_t[]){9, 3, 5}, 3, &a, NULL), TN_OK);
    cr_assert_eq(tn_dataset_subset(a, (const int64_t[]){2, 0}, 2, &b, NULL), TN_OK);
    cr_assert_eq(tn_dataset_sample(b, 0), 5);
    cr_assert_eq(tn_dataset_sample(b, 1), 9);
    int32_t y[2];
    tn_dataset_read(b, 1, (const int64_t[]){0, 1}, 2, y);
    cr_assert_eq(y[0], 1);
    cr_assert_eq(y[1], 1);
    tn_dataset_unref(&b);
    cr_assert_eq(tn_dataset_subset(a, (const int64_t[]){3}, 1, &b, NULL), TN_E_INVALID);
    cr_assert_eq(tn_dataset_subset(a, (const int64_t[]){-1}, 1, &b, NULL), TN_E_INVALID);
    cr_assert_eq(tn_dataset_subset(a, NULL, 0, &b, NULL), TN_E_INVALID);
    tn_dataset_unref(&a);
    tn_dataset_unref(&dataset);
}

Test(dataset, finds_the_first_value_out_of_range)
{
    tn_tensor *t = tensor_of(TN_F32, TN_SHAPE(6, 2));
    float *values = tn_tensor_data(t);
    values[1] = 1.0f;
    values[7] = 1.25f;
    values[10] = NAN;
    const struct tn_field_params field = {.name = "t", .values = t};
    tn_dataset *dataset = NULL, *view = NULL;
    struct tn_error err = {TN_OK, ""};
    cr_assert_eq(tn_dataset_create("", &field, 1, &dataset, NULL), TN_OK);
    cr_assert_eq(tn_dataset_check_range(dataset, "t", 0, 1, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "1.25") && strstr(err.msg, "sample 3") && strstr(err.msg, "[0, 1]"),
              "%s", err.msg);
    cr_assert_eq(tn_dataset_check_range(dataset, "t", 0, 2, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "nan") && strstr(err.msg, "sample 5"), "%s", err.msg);
    cr_assert_eq(tn_dataset_subset(dataset, (const int64_t[]){0, 1, 5}, 3, &view, NULL), TN_OK);
    cr_assert_eq(tn_dataset_check_range(view, "t", 0, 1, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "sample 5"), "a view names the global index: %s", err.msg);
    values[10] = 0;
    cr_assert_eq(tn_dataset_check_range(view, "t", 0, 1, &err), TN_OK);
    cr_assert_eq(tn_dataset_check_range(view, "u", 0, 1, &err), TN_E_NOT_FOUND);
    tn_dataset_unref(&view);
    tn_dataset_unref(&dataset);
    tn_tensor_unref(&t);
}

/* 255 / 255 is 1, not a hair above. */
Test(dataset, counts_full_white_as_in_range)
{
    tn_tensor *t = tensor_of(TN_U8, TN_SHAPE(1));
    *(uint8_t *)tn_tensor_data(t) = 255;
    const struct tn_field_params field = {
        .name = "t", .values = t, .transform = {.dtype = TN_F32, .scale = 1.0 / 255}};
    tn_dataset *dataset = NULL;
    cr_assert_eq(tn_dataset_create("", &field, 1, &dataset, NULL), TN_OK);
    cr_assert_eq(tn_dataset_check_range(dataset, "t", 0, 1, NULL), TN_OK);
    tn_dataset_unref(&dataset);
    tn_tensor_unref(&t);
}

Test(dataset, finds_labels_outside_the_classes)
{
    tn_dataset *dataset = small_set(10);
    struct tn_error err = {TN_OK, ""};
    cr_assert_eq(tn_dataset_check_labels(dataset, "y", 4, &err), TN_OK);
    cr_assert_eq(tn_dataset_check_labels(dataset, "y", 3, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "label 3") && strstr(err.msg, "sample 3") && strstr(err.msg, "0..2"),
              "%s", err.msg);
    cr_assert_eq(tn_dataset_check_labels(dataset, "y", 0, &err), TN_E_INVALID);
    tn_dataset_unref(&dataset);

    const float wrong[] = {1.5f, NAN, -1.0f};
    for (int i = 0; i < 3; i++) {
        tn_tensor *t = tensor_of(TN_F32, TN_SHAPE(2));
        ((float *)tn_tensor_data(t))[1] = wrong[i];
        const struct tn_field_params field = {
            .name = "y", .values = t, .transform = {.dtype = TN_I32}};
        cr_assert_eq(tn_dataset_create("", &field, 1, &dataset, NULL), TN_OK);
        cr_assert_eq(tn_dataset_check_labels(dataset, "y", 4, &err), TN_E_INVALID);
        cr_assert(strstr(err.msg, "sample 1"), "%s", err.msg);
        tn_dataset_unref(&dataset);
        tn_tensor_unref(&t);
    }
}
