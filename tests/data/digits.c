/* The built-in digits: the same bytes everywhere, all classes, and hard enough. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "tenon/data.h"

static void open_digits(int64_t n_train, int64_t n_test, int64_t seed, tn_dataset **out_train,
                        tn_dataset **out_test)
{
    const struct tn_attr options[] = {TN_AI("train", n_train), TN_AI("test", n_test),
                                      TN_AI("seed", seed), TN_AF("scale", 1)};
    const struct tn_reader_params params = {.reader = "digits", .options = options, .n_options = 4};
    struct tn_error err = {TN_OK, ""};
    cr_assert_eq(tn_reader_open(&params, out_train, out_test, &err), TN_OK, "%s", err.msg);
}

/* [n, 784] bytes and [n] labels behind them; the caller frees. */
static uint8_t *bytes_of(const tn_dataset *dataset, size_t *out_n)
{
    int64_t n = tn_dataset_size(dataset);
    uint8_t *bytes = malloc((size_t)n * 785);
    for (int64_t i = 0; i < n; i++) {
        float x[784];
        int32_t y;
        tn_dataset_read(dataset, 0, &i, 1, x);
        tn_dataset_read(dataset, 1, &i, 1, &y);
        for (int j = 0; j < 784; j++)
            bytes[i * 784 + j] = (uint8_t)x[j];
        bytes[n * 784 + i] = (uint8_t)y;
    }
    *out_n = (size_t)n * 785;
    return bytes;
}

static uint64_t hash_of(const tn_dataset *dataset)
{
    size_t n;
    uint8_t *bytes = bytes_of(dataset, &n);
    uint64_t hash = tn_hash64(bytes, n);
    free(bytes);
    return hash;
}

/* A change of these figures is a change of every published result on the digits. */
Test(digits, are_the_same_on_every_machine)
{
    tn_dataset *train = NULL, *test = NULL;
    open_digits(2000, 500, 1, &train, &test);
    cr_assert_eq(hash_of(train), UINT64_C(0xa5b3cd0e2531217f), "0x%016llx",
                 (unsigned long long)hash_of(train));
    cr_assert_eq(hash_of(test), UINT64_C(0x69678ddac8bd9965), "0x%016llx",
                 (unsigned long long)hash_of(test));
    tn_dataset_unref(&train);
    tn_dataset_unref(&test);
}

Test(digits, depend_on_seed_and_not_on_count)
{
    tn_dataset *a = NULL, *b = NULL, *c = NULL, *none = NULL;
    float x[784], y[784];
    open_digits(10, 0, 1, &a, &none);
    cr_assert_null(none, "test: 0 gives no test part");
    open_digits(20, 0, 1, &b, NULL);
    open_digits(10, 0, 2, &c, NULL);
    tn_dataset_read(a, 0, (const int64_t[]){9}, 1, x);
    tn_dataset_read(b, 0, (const int64_t[]){9}, 1, y);
    cr_assert_arr_eq(x, y, sizeof(x));
    tn_dataset_read(c, 0, (const int64_t[]){9}, 1, y);
    cr_assert_arr_neq(x, y, sizeof(x));
    tn_dataset_unref(&a);
    tn_dataset_unref(&b);
    tn_dataset_unref(&c);
}

Test(digits, hold_all_classes_and_no_image_twice)
{
    tn_dataset *train = NULL, *test = NULL;
    int count[10] = {0};
    size_t n;
    open_digits(4000, 1000, 1, &train, &test);
    uint8_t *a = bytes_of(train, &n), *b = bytes_of(test, &n);
    for (int i = 0; i < 4000; i++)
        count[a[4000 * 784 + i]]++;
    for (int i = 0; i < 10; i++)
        cr_assert(count[i] > 320 && count[i] < 480, "%d: %d", i, count[i]);
    for (int i = 0; i < 1000; i++) {
        for (int j = 0; j < 4000; j++)
            cr_assert(memcmp(b + i * 784, a + j * 784, 784) != 0, "test %d is train %d", i, j);
    }
    free(a);
    free(b);
    tn_dataset_unref(&train);
    tn_dataset_unref(&test);
}

/* Softmax regression by SGD: w [10, 785], the last column the bias. */
static void train_epoch(float (*w)[785], const uint8_t *bytes, int n, float lr)
{
    for (int i = 0; i < n; i++) {
        const uint8_t *x = bytes + i * 784;
        float z[10], sum = 0, top = -1e30f;
        for (int c = 0; c < 10; c++) {
            z[c] = w[c][784];
            for (int j = 0; j < 784; j++)
                z[c] += w[c][j] * (float)x[j];
            top = z[c] > top ? z[c] : top;
        }
        for (int c = 0; c < 10; c++)
            sum += z[c] = expf(z[c] - top);
        for (int c = 0; c < 10; c++) {
            float g = lr * (z[c] / sum - (float)(bytes[n * 784 + i] == c));
            for (int j = 0; j < 784; j++)
                w[c][j] -= g / (255 * 255) * (float)x[j]; /* as if x were in [0, 1] */
            w[c][784] -= g;
        }
    }
}

static double accuracy(float (*w)[785], const uint8_t *bytes, int n)
{
    int n_right = 0;
    for (int i = 0; i < n; i++) {
        int best = 0;
        float z[10];
        for (int c = 0; c < 10; c++) {
            z[c] = w[c][784];
            for (int j = 0; j < 784; j++)
                z[c] += w[c][j] * (float)bytes[i * 784 + j];
            best = z[c] > z[best] ? c : best;
        }
        n_right += best == bytes[n * 784 + i];
    }
    return (double)n_right / n;
}

/* Worth a network: a linear model learns, and stays under 92%. */
Test(digits, are_too_hard_for_a_linear_model)
{
    tn_dataset *train = NULL, *test = NULL;
    static float w[10][785];
    size_t n;
    open_digits(20000, 4000, 1, &train, &test);
    uint8_t *a = bytes_of(train, &n), *b = bytes_of(test, &n);
    for (int epoch = 0; epoch < 8; epoch++)
        train_epoch(w, a, 20000, 0.02f / (1 + (float)epoch));
    double on_test = accuracy(w, b, 4000);
    cr_assert(on_test > 0.75 && on_test < 0.92, "%.4f", on_test);
    free(a);
    free(b);
    tn_dataset_unref(&train);
    tn_dataset_unref(&test);
}
