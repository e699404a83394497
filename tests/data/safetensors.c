/* safetensors: round trips, the bytes on disk, hostile files, full disks. */
#define _GNU_SOURCE /* unshare */
#include <criterion/criterion.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "io/safetensors.h"
#include "temp.h"

static tn_tensor *tensor_of(tn_dtype dtype, struct tn_shape shape)
{
    tn_tensor *tensor = NULL;
    cr_assert_eq(tn_tensor_create(dtype, &shape, &tensor, NULL), TN_OK);
    uint8_t *bytes = tn_tensor_data(tensor);
    for (size_t i = 0; i < tn_tensor_bytes(tensor); i++)
        bytes[i] = dtype == TN_BOOL ? i & 1 : (uint8_t)(i * 37 + (size_t)dtype);
    return tensor;
}

static void write_one(const char *path, const tn_tensor *tensor)
{
    const struct tn_safetensors_entry entry = {"w", tensor};
    const struct tn_safetensors_content content = {.entries = &entry, .n_entries = 1};
    struct tn_error err = {TN_OK, ""};
    cr_assert_eq(tn_safetensors_write(path, &content, &err), TN_OK, "%s", err.msg);
}

Test(safetensors, gives_back_every_dtype_and_shape, .init = temp_init, .fini = temp_finish)
{
    const struct tn_shape shapes[8] = {TN_SHAPE(3, 5),    TN_SHAPE(7),    TN_SCALAR,
                                       TN_SHAPE(2, 1, 2), TN_SHAPE(0, 4), TN_SHAPE(1, 3),
                                       TN_SHAPE(5),       TN_SHAPE(9)};
    tn_tensor *tensors[8];
    struct tn_safetensors_entry entries[8];
    char names[8][16];
    for (int i = 0; i < 8; i++) {
        tensors[i] = tensor_of((tn_dtype)(i + 1), shapes[i]);
        snprintf(names[i], sizeof(names[i]), "t%d/\"\xc3\xa9", i); /* quoting and UTF-8 */
        entries[i] = (struct tn_safetensors_entry){names[i], tensors[i]};
    }
    const struct tn_safetensors_meta meta[] = {{"epoch", "3"}, {"note", "a \"b\"\n"}};
    const struct tn_safetensors_content content = {entries, 8, meta, 2};
    const char *path = temp_path("m.safetensors");
    cr_assert_eq(tn_safetensors_write(path, &content, NULL), TN_OK);

    tn_safetensors *file = NULL;
    struct tn_error err = {TN_OK, ""};
    cr_assert_eq(tn_safetensors_open(path, &file, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_safetensors_count(file), 8);
    cr_assert_eq(tn_safetensors_version(file), 1);
    cr_assert_str_eq(tn_safetensors_meta(file, "epoch"), "3");
    cr_assert_str_eq(tn_safetensors_meta(file, "note"), "a \"b\"\n");
    cr_assert_null(tn_safetensors_meta(file, "none"));
    for (int i = 0; i < 8; i++) {
        size_t at = 99;
        tn_tensor *back = NULL;
        cr_assert_eq(tn_safetensors_find(file, names[i], &at, NULL), TN_OK);
        cr_assert_str_eq(tn_safetensors_name(file, at), names[i]);
        cr_assert_eq(tn_safetensors_dtype(file, at), (tn_dtype)(i + 1));
        cr_assert(tn_shape_equal(tn_safetensors_shape(file, at), &shapes[i]));
        cr_assert_eq(tn_safetensors_read(file, at, &back, NULL), TN_OK);
        cr_assert_eq(tn_tensor_bytes(back), tn_tensor_bytes(tensors[i]));
        cr_assert_arr_eq(tn_tensor_const_data(back), tn_tensor_const_data(tensors[i]),
                         tn_tensor_bytes(back));
        tn_tensor_unref(&back);
        tn_tensor_unref(&tensors[i]);
    }
    size_t at = 5;
    cr_assert_eq(tn_safetensors_find(file, "t9", &at, &err), TN_E_NOT_FOUND);
    cr_assert_eq(at, 5);
    tn_safetensors_close(&file);
    cr_assert_null(file);
    tn_safetensors_close(&file);
}

/* The bytes, read without our reader: size, JSON, alignment, elements in place. */
Test(safetensors, writes_the_format_as_specified, .init = temp_init, .fini = temp_finish)
{
    tn_tensor *b = tensor_of(TN_U8, TN_SHAPE(3)), *d = tensor_of(TN_F64, TN_SHAPE(2)),
              *turned = NULL;
    tn_tensor *m = tensor_of(TN_I32, TN_SHAPE(2, 3));
    cr_assert_eq(tn_tensor_transpose(m, (const uint32_t[]){1, 0}, &turned, NULL), TN_OK);
    const struct tn_safetensors_entry entries[] = {{"b", b}, {"d", d}, {"m", turned}};
    const struct tn_safetensors_content content = {.entries = entries, .n_entries = 3};
    const char *path = temp_path("m.safetensors");
    cr_assert_eq(tn_safetensors_write(path, &content, NULL), TN_OK);
    size_t n;
    char *bytes = temp_read(path, &n);
    uint64_t n_header = 0;
    for (int i = 0; i < 8; i++)
        n_header |= (uint64_t)(uint8_t)bytes[i] << (8 * i);
    cr_assert_eq(n_header % 8, 0);
    cr_assert_eq(bytes[8], '{');
    cr_assert_eq(n, 8 + n_header + 16 + 24 + 3);
    json_t *header = json_loadb(bytes + 8, n_header, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(header);
    const char *dtype, *version;
    int rows, columns, begin, end;
    cr_assert_eq(json_unpack(header, "{s:{s:s, s:[i, i], s:[i, i]}, s:{s:s}}", "m", "dtype", &dtype,
                             "shape", &rows, &columns, "data_offsets", &begin, &end, "__metadata__",
                             "tenon_format", &version),
                 0);
    cr_assert_str_eq(dtype, "I32");
    cr_assert_str_eq(version, "1");
    cr_assert(rows == 3 && columns == 2 && begin == 16 && end == 40, "wide elements come first");
    int32_t first[2];
    memcpy(first, bytes + 8 + n_header + 16, 8);
    cr_assert_eq(first[0], ((const int32_t *)tn_tensor_const_data(m))[0]);
    cr_assert_eq(first[1], ((const int32_t *)tn_tensor_const_data(m))[3], "row-major of the view");
    json_decref(header);
    free(bytes);
    tn_tensor_unref(&b);
    tn_tensor_unref(&d);
    tn_tensor_unref(&m);
    tn_tensor_unref(&turned);
}

Test(safetensors, refuses_names_it_cannot_write, .init = temp_init, .fini = temp_finish)
{
    tn_tensor *t = tensor_of(TN_F32, TN_SHAPE(2));
    struct tn_error err = {TN_OK, ""};
    const struct tn_safetensors_entry pairs[][2] = {
        {{"w", t}, {"w", t}}, {{"\xff", t}, {"v", t}}, {{"__metadata__", t}, {"v", t}}};
    for (int i = 0; i < 3; i++) {
        const struct tn_safetensors_content content = {.entries = pairs[i], .n_entries = 2};
        cr_assert_eq(tn_safetensors_write(temp_path("m"), &content, &err), TN_E_INVALID);
    }
    cr_assert_eq(temp_count_files(), 0);
    const struct tn_safetensors_content good = {.entries = pairs[0], .n_entries = 1};
    cr_assert_neq(tn_safetensors_write("/nonexistent/m", &good, &err), TN_OK);
    cr_assert(strstr(err.msg, "/nonexistent/m"), "%s", err.msg);
    tn_tensor_unref(&t);
}

/* A header as text, then n_data zero bytes. n_header < 0: its true size. */
static const char *hostile(const char *header, int64_t n_header, size_t n_data)
{
    char bytes[2048];
    size_t n = strlen(header);
    uint64_t size = n_header < 0 ? n : (uint64_t)n_header;
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(size >> (8 * i) & 255);
    memcpy(bytes + 8, header, n);
    memset(bytes + 8 + n, 0, n_data);
    return temp_write("hostile", bytes, 8 + n + n_data);
}

#define T(name, dtype, shape, offsets) \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const struct {
    const char *header;
    int64_t n_header;
    size_t n_data;
    const char *expected;
} hostiles[] = {
    {"{" T("a", "F32", "[2]", "[0,8]") "}", -1, 7, "cut short"},
    {"{" T("a", "F32", "[2]", "[0,8]") "}", -1, 9, "too long"},
    {"{" T("a", "F32", "[2]", "[0,8]") "}", 5000, 8, "cut short"},
    {"{" T("a", "F32", "[2]", "[0,8]") "}", INT64_MAX, 8, "limit"},
    {"{" T("a", "F32", "[2]", "[0,8]") "}", 20, 8, "JSON"},
    {"{" T("a", "F32", "[3]", "[0,8]") "}", -1, 8, "'a'"},
    {"{" T("a", "F32", "[2]", "[8,0]") "}", -1, 8, "data_offsets"},
    {"{" T("a", "F32", "[2]", "[-8,0]") "}", -1, 8, "data_offsets"},
    {"{" T("a", "F32", "[2]", "[0]") "}", -1, 8, "data_offsets"},
    {"{" T("a", "F32", "[2]", "\"x\"") "}", -1, 8, "data_offsets"},
    {"{" T("a", "F32", "[2]", "[0,8.0]") "}", -1, 8, "data_offsets"},
    {"{" T("a", "F32", "[2]", "[0,8]") "," T("b", "F32", "[2]", "[4,12]") "}", -1, 12, "overlap"},
    {"{" T("a", "F32", "[2]", "[0,8]") "," T("b", "F32", "[2]", "[0,8]") "}", -1, 8, "overlap"},
    {"{" T("a", "F32", "[2]", "[0,8]") "," T("b", "F32", "[2]", "[12,20]") "}", -1, 20, "gap"},
    {"{" T("a", "F32", "[2]", "[4,12]") "}", -1, 12, "gap"},
    {"{" T("a", "F32", "[2]", "[0,8]") "," T("a", "F32", "[2]", "[8,16]") "}", -1, 16, "duplicate"},
    {"{" T("a", "F33", "[2]", "[0,8]") "}", -1, 8, "F33"},
    {"{" T("a", "F32", "[-2]", "[0,8]") "}", -1, 8, "dim 0"},
    {"{" T("a", "F32", "[2.5]", "[0,8]") "}", -1, 8, "dim 0"},
    {"{" T("a", "F32", "2", "[0,8]") "}", -1, 8, "shape"},
    {"{" T("a", "F32", "[1,1,1,1,1,1,1,1,2]", "[0,8]") "}", -1, 8, "shape"},
    {"{" T("a", "F32", "[4611686018427387904,4]", "[0,0]") "}", -1, 0, "'a'"},
    {"{" T("a", "F32", "[9223372036854775807,9223372036854775807]", "[0,4]") "}", -1, 4, "'a'"},
    {"{" T("a", "F32", "[99999999999999999999]", "[0,4]") "}", -1, 4, "JSON"},
    {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", -1, 8, "dtype"},
    {"{\"a\":5}", -1, 0, "dtype"},
    {"[]", -1, 0, "object"},
    {"", -1, 0, "JSON"},
    {"{", -1, 0, "JSON"},
    {"{}", -1, 1, "too long"},
    {"{\"__metadata__\":[]}", -1, 0, "__metadata__"},
    {"{\"__metadata__\":{\"a\":1}}", -1, 0, "'a'"},
    {"{\"__metadata__\":{\"tenon_format\":\"2\"}}", -1, 0, "format version 2"},
    {"{\"__metadata__\":{\"tenon_format\":\"new\"}}", -1, 0, "format version"},
};

Test(safetensors, refuses_hostile_files, .init = temp_init, .fini = temp_finish)
{
    for (size_t i = 0; i < sizeof(hostiles) / sizeof(*hostiles); i++) {
        tn_safetensors *file = NULL;
        struct tn_error err = {TN_OK, ""};
        const char *path = hostile(hostiles[i].header, hostiles[i].n_header, hostiles[i].n_data);
        cr_assert_eq(tn_safetensors_open(path, &file, &err), TN_E_INVALID, "case %zu: %s", i,
                     hostiles[i].header);
        cr_assert_null(file);
        cr_assert(strstr(err.msg, path), "case %zu names the file: %s", i, err.msg);
        cr_assert(strstr(err.msg, hostiles[i].expected), "case %zu: no '%s' in: %s", i,
                  hostiles[i].expected, err.msg);
    }
    tn_safetensors *file = NULL;
    cr_assert_eq(tn_safetensors_open(temp_path("none"), &file, NULL), TN_E_NOT_FOUND);
    cr_assert_eq(tn_safetensors_open(temp_write("tiny", "1234567", 7), &file, NULL), TN_E_INVALID);
    cr_assert_null(file);
}

/* What others write: blanks behind the header, any order, no metadata. */
Test(safetensors, reads_files_of_others, .init = temp_init, .fini = temp_finish)
{
    tn_safetensors *file = NULL;
    tn_tensor *b = NULL;
    const char *path =
        hostile("{" T("z", "BOOL", "[]", "[4,5]") "," T("b", "I32", "[1]", "[0,4]") "," T(
                    "e", "F16", "[0,9]", "[4,4]") "}   ",
                -1, 5);
    struct tn_error err = {TN_OK, ""};
    cr_assert_eq(tn_safetensors_open(path, &file, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_safetensors_count(file), 3);
    cr_assert_eq(tn_safetensors_version(file), 0);
    cr_assert_str_eq(tn_safetensors_name(file, 0), "b");
    cr_assert_eq(tn_safetensors_read(file, 0, &b, NULL), TN_OK);
    cr_assert_eq(*(const int32_t *)tn_tensor_const_data(b), 0);
    tn_tensor_unref(&b);
    tn_safetensors_close(&file);
}

Test(safetensors, notices_a_file_that_shrinks_while_open, .init = temp_init, .fini = temp_finish)
{
    const char *path = temp_path("m.safetensors");
    tn_tensor *t = tensor_of(TN_F32, TN_SHAPE(100000)), *back = NULL;
    tn_safetensors *file = NULL;
    struct tn_error err = {TN_OK, ""};
    write_one(path, t);
    cr_assert_eq(tn_safetensors_open(path, &file, NULL), TN_OK);
    cr_assert_eq(truncate(path, 5000), 0);
    cr_assert_eq(tn_safetensors_read(file, 0, &back, &err), TN_E_IO);
    cr_assert(strstr(err.msg, path), "%s", err.msg);
    cr_assert_null(back);
    tn_safetensors_close(&file);
    tn_tensor_unref(&t);
}

/* Writes 400 KB where there is no room, over an older file, which must stay whole and alone. */
static void check_no_room(const char *path, size_t n_files)
{
    tn_tensor *big = tensor_of(TN_F32, TN_SHAPE(100000)), *small = NULL;
    const struct tn_safetensors_entry entry = {"w", big};
    const struct tn_safetensors_content content = {.entries = &entry, .n_entries = 1};
    size_t n_before, n_after;
    char *before = temp_read(path, &n_before);
    struct tn_error err = {TN_OK, ""};
    cr_assert_eq(tn_safetensors_write(path, &content, &err), TN_E_IO);
    cr_assert(strstr(err.msg, path) && strstr(err.msg, "400"), "%s", err.msg);
    cr_assert(strstr(err.msg, "bytes are needed"), "%s", err.msg);
    char *after = temp_read(path, &n_after);
    cr_assert_eq(n_before, n_after);
    cr_assert_arr_eq(before, after, n_after);
    if (n_files)
        cr_assert_eq(temp_count_files(), n_files, "no half-written file stays behind");
    tn_safetensors *file = NULL;
    cr_assert_eq(tn_safetensors_open(path, &file, NULL), TN_OK);
    cr_assert_eq(tn_safetensors_read(file, 0, &small, NULL), TN_OK);
    cr_assert_eq(tn_tensor_count(small), 10);
    tn_safetensors_close(&file);
    tn_tensor_unref(&small);
    tn_tensor_unref(&big);
    free(before);
    free(after);
}

Test(safetensors, keeps_the_old_file_at_the_size_limit, .init = temp_init, .fini = temp_finish)
{
    const char *path = temp_path("m.safetensors");
    tn_tensor *t = tensor_of(TN_F32, TN_SHAPE(10));
    write_one(path, t);
    tn_tensor_unref(&t);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {65536, RLIM_INFINITY}, free_again = {RLIM_INFINITY, RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    check_no_room(path, 1);
    setrlimit(RLIMIT_FSIZE, &free_again);
}

/* A file system of 64 KB in a mount namespace of the test's own. */
Test(safetensors, keeps_the_old_file_on_a_full_disk, .init = temp_init, .fini = temp_finish)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tenon-test", temp_dir(), "tmpfs", 0, "size=64k") != 0)
        cr_skip_test("mounting a small file system needs root");
    const char *path = temp_path("m.safetensors");
    tn_tensor *t = tensor_of(TN_F32, TN_SHAPE(10));
    write_one(path, t);
    tn_tensor_unref(&t);
    check_no_room(path, 1);
    cr_assert_eq(umount2(temp_dir(), MNT_DETACH), 0);
}
