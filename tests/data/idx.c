/* IDX files: what is read from good ones, and what is said about bad ones. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "temp.h"
#include "tenon/data.h"

struct bytes {
    uint8_t data[256];
    size_t n;
};

static void put_u32(struct bytes *b, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        b->data[b->n++] = (uint8_t)(value >> shift);
}

/* n images of 2x3 with bytes 0, 1, 2, ... */
static struct bytes images(uint32_t n)
{
    struct bytes b = {.n = 0};
    put_u32(&b, 0x803);
    put_u32(&b, n);
    put_u32(&b, 2);
    put_u32(&b, 3);
    for (uint32_t i = 0; i < n * 6; i++)
        b.data[b.n++] = (uint8_t)i;
    return b;
}

/* n labels 0, 1, 2, 0, ... */
static struct bytes labels(uint32_t n)
{
    struct bytes b = {.n = 0};
    put_u32(&b, 0x801);
    put_u32(&b, n);
    for (uint32_t i = 0; i < n; i++)
        b.data[b.n++] = (uint8_t)(i % 3);
    return b;
}

#define OPTION(key, text)                                    \
    {                                                        \
        .name = (key), .type = TN_ATTR_STRING, .u.s = (text) \
    }

static tn_status open_idx(int64_t classes, int with_test, tn_dataset **out_train,
                          tn_dataset **out_test, struct tn_error *err)
{
    const struct tn_attr options[] = {
        TN_AI("classes", classes),
        OPTION("train_images", "images"),
        OPTION("train_labels", "labels"),
        OPTION("test_images", "test-images"),
        OPTION("test_labels", "test-labels"),
    };
    const struct tn_reader_params params = {.reader = "idx",
                                            .data_dir = temp_dir(),
                                            .options = options,
                                            .n_options = with_test ? 5 : 3};
    return tn_reader_open(&params, out_train, out_test, err);
}

static void check_good(void)
{
    tn_dataset *train = NULL, *test = (tn_dataset *)1;
    struct tn_error err = {TN_OK, ""};
    cr_assert_eq(open_idx(0, 0, &train, &test, &err), TN_OK, "%s", err.msg);
    cr_assert_null(test);
    struct tn_field_info info;
    tn_dataset_field_info(train, 0, &info);
    cr_assert_str_eq(info.name, "x");
    cr_assert_eq(info.stored_dtype, TN_U8);
    cr_assert_eq(info.dtype, TN_F32);
    cr_assert_eq(info.sample_shape.rank, 3);
    cr_assert(info.sample_shape.dim[0] == 1 && info.sample_shape.dim[1] == 2 &&
              info.sample_shape.dim[2] == 3);
    float x[6];
    int32_t y;
    tn_dataset_read(train, 0, (const int64_t[]){4}, 1, x);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(x[i], (float)((24 + i) / 255.0));
    tn_dataset_read(train, 1, (const int64_t[]){4}, 1, &y);
    cr_assert_eq(y, 1);
    tn_dataset_field_info(train, 1, &info);
    cr_assert_eq(info.n_classes, 3);
    tn_dataset_unref(&train);
}

Test(idx, reads_plain_files, .init = temp_init, .fini = temp_finish)
{
    struct bytes x = images(5), y = labels(5);
    temp_write("images", x.data, x.n);
    temp_write("labels", y.data, y.n);
    check_good();
}

Test(idx, reads_gz_files_under_the_plain_name, .init = temp_init, .fini = temp_finish)
{
    struct bytes x = images(5), y = labels(5);
    temp_write_gz("images.gz", x.data, x.n);
    temp_write_gz("labels.gz", y.data, y.n);
    check_good();
}

Test(idx, reads_big_endian_types, .init = temp_init, .fini = temp_finish)
{
    struct bytes x = {.n = 0}, y = {.n = 0};
    put_u32(&x, 0xd02); /* f32 [2, 2] */
    put_u32(&x, 2);
    put_u32(&x, 2);
    const float values[] = {1.5f, -2.25f, 1e-3f, 4};
    for (int i = 0; i < 4; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], 4);
        put_u32(&x, bits);
    }
    put_u32(&y, 0xc01); /* i32 [2] */
    put_u32(&y, 2);
    put_u32(&y, 258);
    put_u32(&y, 3);
    temp_write("images", x.data, x.n);
    temp_write("labels", y.data, y.n);
    tn_dataset *train = NULL;
    cr_assert_eq(open_idx(0, 0, &train, NULL, NULL), TN_OK);
    float out[4];
    int32_t label[2];
    tn_dataset_read(train, 0, (const int64_t[]){0, 1}, 2, out);
    tn_dataset_read(train, 1, (const int64_t[]){0, 1}, 2, label);
    cr_assert_arr_eq(out, values, sizeof(values)); /* floats are not scaled */
    cr_assert(label[0] == 258 && label[1] == 3);
    struct tn_field_info info;
    tn_dataset_field_info(train, 1, &info);
    cr_assert_eq(info.n_classes, 259);
    tn_dataset_unref(&train);
}

Test(idx, opens_the_test_part_with_the_classes_of_training, .init = temp_init, .fini = temp_finish)
{
    struct bytes x = images(5), y = labels(5), tx = images(2), ty = labels(2);
    temp_write("images", x.data, x.n);
    temp_write("labels", y.data, y.n);
    temp_write("test-images", tx.data, tx.n);
    temp_write_gz("test-labels.gz", ty.data, ty.n);
    tn_dataset *train = NULL, *test = NULL, *alone = NULL;
    struct tn_field_info info;
    cr_assert_eq(open_idx(0, 1, &train, &test, NULL), TN_OK);
    cr_assert_eq(tn_dataset_size(test), 2);
    tn_dataset_field_info(test, 1, &info);
    cr_assert_eq(info.n_classes, 3);
    cr_assert_eq(open_idx(0, 1, NULL, &alone, NULL), TN_OK);
    tn_dataset_field_info(alone, 1, &info);
    cr_assert_eq(info.n_classes, 3, "the test labels alone hold two classes");
    tn_dataset_unref(&train);
    tn_dataset_unref(&test);
    tn_dataset_unref(&alone);
}

/* Files of which one is bad; the message must name it and the figures. */
struct bad {
    const char *what;
    tn_status status;
    const char *expected[4];
    int64_t classes;
    void (*make)(void);
};

static void write_pair(struct bytes x, struct bytes y)
{
    temp_write("images", x.data, x.n);
    temp_write("labels", y.data, y.n);
}

static void no_images(void)
{
    struct bytes y = labels(5);
    temp_write("labels", y.data, y.n);
}

static void short_images(void)
{
    struct bytes x = images(5);
    x.n -= 7;
    write_pair(x, labels(5));
}

static void long_images(void)
{
    struct bytes x = images(5);
    x.n += 2;
    write_pair(x, labels(5));
}

static void short_header(void)
{
    struct bytes x = images(5);
    x.n = 9;
    write_pair(x, labels(5));
}

static void empty_file(void)
{
    struct bytes x = {.n = 0};
    write_pair(x, labels(5));
}

static void text_file(void)
{
    struct bytes x = {.data = "<html>not found</html>", .n = 22};
    write_pair(x, labels(5));
}

static void swapped(void)
{
    write_pair(labels(5), images(5));
}

static void labels_as_images(void)
{
    write_pair(images(5), images(5));
}

static void wrong_type(void)
{
    struct bytes x = images(5);
    x.data[2] = 0x0b;
    write_pair(x, labels(5));
}

static void float_labels(void)
{
    struct bytes y = labels(5);
    y.data[2] = 0x0d;
    write_pair(images(5), y);
}

static void rank_9(void)
{
    struct bytes x = images(5);
    x.data[3] = 9;
    write_pair(x, labels(5));
}

static void huge_dims(void)
{
    struct bytes x = images(5);
    memset(x.data + 4, 0xff, 12);
    write_pair(x, labels(5));
}

static void large_dims(void) /* 1 TB claimed: refused before memory is taken */
{
    struct bytes x = images(5);
    x.data[4] = 0x28;
    write_pair(x, labels(5));
}

static void large_dims_gz(void)
{
    struct bytes x = images(5), y = labels(5);
    x.data[4] = 0x28;
    temp_write_gz("images.gz", x.data, x.n);
    temp_write("labels", y.data, y.n);
}

static void no_samples(void)
{
    struct bytes x = images(0), y = labels(0);
    write_pair(x, y);
}

static void counts_differ(void)
{
    write_pair(images(5), labels(4));
}

static void label_outside(void)
{
    struct bytes y = labels(5);
    y.data[8 + 3] = 10;
    write_pair(images(5), y);
}

static void negative_label(void)
{
    struct bytes y = {.n = 0};
    put_u32(&y, 0xc01);
    put_u32(&y, 5);
    for (int i = 0; i < 5; i++)
        put_u32(&y, i == 2 ? 0xffffffffu : 0);
    write_pair(images(5), y);
}

static void gz_cut(size_t keep_of_8)
{
    struct bytes x = images(30), y = labels(30);
    size_t n;
    for (size_t i = 16; i < x.n; i++)
        x.data[i] = (uint8_t)(i * i * 31 >> 3); /* so that it does not pack to nothing */
    char *packed = temp_read(temp_write_gz("whole.gz", x.data, x.n), &n);
    temp_write("images.gz", packed, keep_of_8 ? n - keep_of_8 : n / 2);
    temp_write("labels", y.data, y.n);
    free(packed);
}

static void gz_half(void)
{
    gz_cut(0);
}

static void gz_without_checksum(void)
{
    gz_cut(8);
}

static void gz_with_half_checksum(void)
{
    gz_cut(4);
}

static void gz_damaged(void)
{
    struct bytes x = images(5), y = labels(5);
    size_t n;
    char *packed = temp_read(temp_write_gz("whole.gz", x.data, x.n), &n);
    packed[n - 6] ^= 1; /* in the checksum */
    temp_write("images.gz", packed, n);
    temp_write("labels", y.data, y.n);
    free(packed);
}

static void gz_too_long(void)
{
    struct bytes x = images(5), y = labels(5);
    temp_write_gz("images.gz", x.data, x.n + 1);
    temp_write("labels", y.data, y.n);
}

static const struct bad bads[] = {
    {"no images", TN_E_NOT_FOUND, {"/images'", "/images.gz'"}, 0, no_images},
    {"short images", TN_E_INVALID, {"/images'", "cut short", "46 bytes", "39"}, 0, short_images},
    {"long images", TN_E_INVALID, {"/images'", "too long", "46 bytes", "48"}, 0, long_images},
    {"short header", TN_E_INVALID, {"/images'", "cut short", "16", "9"}, 0, short_header},
    {"empty file", TN_E_INVALID, {"/images'", "cut short", "expected 4", "found 0"}, 0, empty_file},
    {"text", TN_E_INVALID, {"/images'", "no IDX file", "0x00000803", "0x3c68746d"}, 0, text_file},
    {"swapped", TN_E_INVALID, {"rank 3", "/labels'", "0x00000801", "0x00000803"}, 0, swapped},
    {"images twice", TN_E_INVALID, {"/labels'", "rank 3", "0x00000801"}, 0, labels_as_images},
    {"wrong type", TN_E_INVALID, {"/images'", "0x0b", "0x08 (u8)"}, 0, wrong_type},
    {"float labels", TN_E_INVALID, {"/labels'", "0x0d", "0x08 (u8)"}, 0, float_labels},
    {"rank 9", TN_E_INVALID, {"/images'", "rank 9", "0x00000809"}, 0, rank_9},
    {"huge dims", TN_E_INVALID, {"/images'", "4294967295"}, 0, huge_dims},
    {"large dims", TN_E_INVALID, {"/images'", "cut short", "671088645", "46"}, 0, large_dims},
    {"large dims gz", TN_E_INVALID, {"/images.gz'", "cut short", "671088645"}, 0, large_dims_gz},
    {"no samples", TN_E_INVALID, {"/labels'", "empty"}, 0, no_samples},
    {"counts differ", TN_E_INVALID, {"/images' has 5", "/labels' has 4"}, 0, counts_differ},
    {"label", TN_E_INVALID, {"/labels'", "label 10", "sample 3", "0..9"}, 10, label_outside},
    {"negative", TN_E_INVALID, {"/labels'", "label -1", "sample 2", "0..0"}, 0, negative_label},
    {"gz half", TN_E_INVALID, {"/images.gz'", "cut short", "196"}, 0, gz_half},
    {"gz no checksum", TN_E_INVALID, {"/images.gz'", "cut short"}, 0, gz_without_checksum},
    {"gz half checksum", TN_E_INVALID, {"/images.gz'", "cut short"}, 0, gz_with_half_checksum},
    {"gz damaged", TN_E_INVALID, {"/images.gz'", "damaged"}, 0, gz_damaged},
    {"gz too long", TN_E_INVALID, {"/images.gz'", "too long", "46 bytes"}, 0, gz_too_long},
};

Test(idx, refuses_bad_files_by_name_and_figures)
{
    for (size_t i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
        tn_dataset *train = NULL;
        struct tn_error err = {TN_OK, ""};
        temp_init();
        bads[i].make();
        tn_status status = open_idx(bads[i].classes, 0, &train, NULL, &err);
        temp_finish();
        cr_assert_eq(status, bads[i].status, "%s: %s", bads[i].what, err.msg);
        cr_assert_eq(err.code, status);
        cr_assert_null(train);
        for (int w = 0; w < 4 && bads[i].expected[w]; w++)
            cr_assert(strstr(err.msg, bads[i].expected[w]), "%s: no '%s' in: %s", bads[i].what,
                      bads[i].expected[w], err.msg);
    }
}

Test(idx, works_without_an_error_to_fill, .init = temp_init, .fini = temp_finish)
{
    tn_dataset *train = NULL;
    label_outside();
    cr_assert_eq(open_idx(10, 0, &train, NULL, NULL), TN_E_INVALID);
    cr_assert_null(train);
}

Test(idx, refuses_a_folder, .init = temp_init, .fini = temp_finish)
{
    const struct tn_attr options[] = {OPTION("train_images", "/"), OPTION("train_labels", "/")};
    const struct tn_reader_params params = {.reader = "idx", .options = options, .n_options = 2};
    tn_dataset *train = NULL;
    struct tn_error err = {TN_OK, ""};
    cr_assert_eq(tn_reader_open(&params, &train, NULL, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "folder"), "%s", err.msg);
}

Test(reader, checks_names_and_options)
{
    struct tn_error err = {TN_OK, ""};
    tn_dataset *train = NULL;
    struct tn_reader_params params = {.reader = "mnst"};
    cr_assert_eq(tn_reader_open(&params, &train, NULL, &err), TN_E_NOT_FOUND);
    cr_assert(strstr(err.msg, "did you mean 'mnist'"), "%s", err.msg);
    const struct tn_attr wrong = TN_AI("trian", 5);
    params = (struct tn_reader_params){.reader = "digits", .options = &wrong, .n_options = 1};
    cr_assert_eq(tn_reader_open(&params, &train, NULL, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "'train'"), "%s", err.msg);
    const struct tn_attr low = TN_AI("train", 0);
    params.options = &low;
    cr_assert_eq(tn_reader_open(&params, &train, NULL, &err), TN_E_INVALID);
    params = (struct tn_reader_params){.reader = "idx"};
    cr_assert_eq(tn_reader_open(&params, &train, NULL, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "train_images"), "%s", err.msg);
    cr_assert_null(train);
    for (size_t i = 0; i < tn_reader_count(); i++)
        cr_assert_eq(tn_reader_find(tn_reader_at(i)->name), tn_reader_at(i));
    cr_assert_null(tn_reader_find("csv?"));
}

Test(reader, asks_for_a_data_root)
{
    struct tn_error err = {TN_OK, ""};
    tn_dataset *train = NULL;
    struct tn_reader_params params = {.reader = "mnist"};
    unsetenv("TENON_DATA");
    cr_assert_eq(tn_reader_open(&params, &train, NULL, &err), TN_E_NOT_FOUND);
    cr_assert(strstr(err.msg, "--data-dir") && strstr(err.msg, "TENON_DATA") &&
                  strstr(err.msg, "mnist") && strstr(err.msg, "train-images-idx3-ubyte"),
              "%s", err.msg);
    params.data_dir = "/nonexistent-data-root";
    params.reader = "fashion-mnist";
    cr_assert_eq(tn_reader_open(&params, &train, NULL, &err), TN_E_NOT_FOUND);
    cr_assert(strstr(err.msg, "/nonexistent-data-root/fashion-mnist/train-labels-idx1-ubyte") &&
                  strstr(err.msg, "--data-dir"),
              "%s", err.msg);
    cr_assert_null(train);
}

/* The counts per class of MNIST's test set, and the mean of its training pixels (33.3184). */
Test(reader, reads_real_mnist)
{
    static const int per_class[] = {980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009};
    const char *root = getenv("TENON_DATA");
    if (!root || !*root) {
        if (is_required("data"))
            cr_assert_fail("TENON_REQUIRE lists data, but TENON_DATA is not set");
        cr_skip_test("TENON_DATA is not set");
    }
    const struct tn_reader_params params = {.reader = "mnist"};
    tn_dataset *train = NULL, *test = NULL;
    struct tn_error err = {TN_OK, ""};
    cr_assert_eq(tn_reader_open(&params, &train, &test, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_dataset_size(train), 60000);
    cr_assert_eq(tn_dataset_size(test), 10000);
    int count[10] = {0};
    for (int64_t i = 0; i < 10000; i++) {
        int32_t label;
        tn_dataset_read(test, 1, &i, 1, &label);
        count[label]++;
    }
    cr_assert_arr_eq(count, per_class, sizeof(count));
    double sum = 0;
    for (int64_t i = 0; i < 60000; i++) {
        float x[784];
        tn_dataset_read(train, 0, &i, 1, x);
        for (int j = 0; j < 784; j++)
            sum += x[j];
    }
    cr_assert_float_eq(sum * 255 / (60000 * 784.0), 33.3184, 1e-3);
    tn_dataset_unref(&train);
    tn_dataset_unref(&test);
}
