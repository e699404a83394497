/* core/base: status, arena, vectors, hashes, Philox, files, the thread pool, nearest names. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/cpus.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/path.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/time.h"
#include "base/utf8.h"
#include "base/vec.h"

/* --- status --- */

Test(status, set_and_prefix)
{
    struct tn_error err = {0};
    cr_assert_eq(tn_error_set(&err, TN_E_IO, "no %s", "room"), TN_E_IO);
    cr_assert_eq(tn_error_prefix(&err, "step %d", 7), TN_E_IO);
    cr_assert_str_eq(err.msg, "step 7: no room");
    cr_assert_eq(tn_error_set(NULL, TN_E_OOM, "x"), TN_E_OOM);
    /* The message itself may be an argument. */
    tn_error_set(&err, TN_E_INVALID, "again: %s", err.msg);
    cr_assert_str_eq(err.msg, "again: step 7: no room");
}

Test(status, long_messages_end_at_a_character)
{
    struct tn_error err = {0};
    char text[2 * TN_ERROR_MSG_SIZE];
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 3); /* e with an acute accent, two bytes each */
    tn_error_set(&err, TN_E_INVALID, "%s", text);
    size_t n = strlen(err.msg);
    cr_assert_lt(n, (size_t)TN_ERROR_MSG_SIZE);
    cr_assert_eq(n % 2, 0u, "the last character was cut in half: %zu bytes", n);
    cr_assert_geq(n, (size_t)TN_ERROR_MSG_SIZE - 3);
    tn_error_prefix(&err, "where");
    cr_assert_eq(strncmp(err.msg, "where: \xc3\xa9", 9), 0);
}

Test(status, names_and_usage)
{
    for (int s = TN_OK; s <= TN_E_INTERNAL; s++)
        cr_assert_str_neq(tn_status_name((tn_status)s), "unknown error");
    cr_assert_str_eq(tn_status_name(TN_E_OOM), "out of memory");
    cr_assert(tn_status_is_usage(TN_E_INVALID));
    cr_assert(tn_status_is_usage(TN_E_NOT_FOUND));
    cr_assert_not(tn_status_is_usage(TN_E_OOM));
    cr_assert_not(tn_status_is_usage(TN_E_IO));
}

/* --- arena, vec --- */

Test(arena, zeroed_aligned_disjoint)
{
    struct tn_arena arena;
    tn_arena_init(&arena);
    unsigned char *ptr[200];
    for (size_t i = 0; i < TN_LEN(ptr); i++) {
        size_t n = (i * 977) % 5000;
        ptr[i] = tn_arena_alloc(&arena, n);
        cr_assert_not_null(ptr[i]);
        cr_assert_eq((uintptr_t)ptr[i] % 16, 0u);
        for (size_t k = 0; k < n; k++)
            cr_assert_eq(ptr[i][k], 0);
        memset(ptr[i], (int)i, n);
    }
    for (size_t i = 0; i < TN_LEN(ptr); i++)
        for (size_t k = 0; k < (i * 977) % 5000; k++)
            cr_assert_eq(ptr[i][k], (unsigned char)i, "block %zu was overwritten", i);
    cr_assert_not_null(tn_arena_alloc(&arena, 10 * 1024 * 1024));
    cr_assert_null(tn_arena_alloc(&arena, SIZE_MAX));
    cr_assert_str_eq(tn_arena_printf(&arena, "%s-%d", "a", 5), "a-5");
    tn_arena_finish(&arena);
    cr_assert_null(arena.head);
}

Test(vec, grows_and_refuses_overflow)
{
    TN_VEC(int) v = {0};
    for (int i = 0; i < 1000; i++) {
        cr_assert(TN_VEC_GROW(&v));
        v.items[v.n++] = i;
    }
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(v.items[i], i);
    TN_VEC_FINISH(&v);
    cr_assert_null(v.items);
    void *items = NULL;
    size_t cap = SIZE_MAX / 2 + 1;
    cr_assert_not(tn_vec_grow(&items, cap, &cap, 8));
}

/* --- hashes, random numbers: published vectors --- */

Test(hash, known_values)
{
    cr_assert_eq(tn_hash64("", 0), UINT64_C(0x2d06800538d394c2)); /* XXH3_64bits("") */
    cr_assert_eq(tn_hash_string("a"), UINT64_C(0xe6c632b61e964e1f));
    cr_assert_eq(tn_mix64(0), UINT64_C(0xe220a8397b1dcdaf)); /* SplitMix64, seed 0, first output */
}

static void check_philox(uint64_t key, uint64_t block, uint64_t sample, uint32_t a, uint32_t b,
                         uint32_t c, uint32_t d)
{
    struct tn_philox r = tn_philox(key, block, sample);
    const uint32_t want[] = {a, b, c, d};
    for (int i = 0; i < 4; i++)
        cr_assert_eq(r.v[i], want[i], "lane %d is %08x, not %08x", i, r.v[i], want[i]);
}

/* Random123's kat_vectors for philox4x32-10. */
Test(rng, philox_known_answers)
{
    check_philox(0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    check_philox(UINT64_MAX, UINT64_MAX, UINT64_MAX, 0x408f276d, 0x41c83b0e, 0xa20bc7c6,
                 0x6d5451fd);
    check_philox(UINT64_C(0x299f31d0a4093822), UINT64_C(0x85a308d3243f6a88),
                 UINT64_C(0x0370734413198a2e), 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
}

Test(rng, unit_stays_below_one)
{
    cr_assert_eq(tn_rng_unit(0), 0.0f);
    cr_assert_lt(tn_rng_unit(UINT32_MAX), 1.0f);
    cr_assert_eq(tn_rng_unit(0x80000000u), 0.5f);
    cr_assert_neq(tn_rng_step_key(1, 0, 1), tn_rng_step_key(1, 1, 0));
}

/* --- files --- */

static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/tenon-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
}

Test(path, join_base_dir)
{
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a", "/b", "/b"}, {"", "b", "b"}, {"/", "b", "/b"}};
    for (size_t i = 0; i < TN_LEN(cases); i++) {
        char *path = tn_path_join(cases[i][0], cases[i][1]);
        cr_assert_str_eq(path, cases[i][2]);
        free(path);
    }
    static const char *const dirs[][2] = {{"a/b/c", "a/b"}, {"c", "."}, {"/c", "/"}};
    for (size_t i = 0; i < TN_LEN(dirs); i++) {
        char *dir = tn_path_dir(dirs[i][0]);
        cr_assert_str_eq(dir, dirs[i][1]);
        cr_assert_str_eq(tn_path_base(dirs[i][0]), "c");
        free(dir);
    }
}

Test(path, files_come_whole_or_not_at_all, .init = make_folder, .fini = remove_folder)
{
    struct tn_error err = {0};
    char *deep = tn_path_join(folder, "x/y/z");
    cr_assert_eq(tn_path_make_dirs(deep, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_path_make_dirs(deep, &err), TN_OK, "%s", err.msg);
    cr_assert(tn_path_is_dir(deep));

    char *path = tn_path_join(deep, "file");
    cr_assert_eq(tn_file_write_atomic(path, "old", 3, &err), TN_OK, "%s", err.msg);
    struct tn_new_file file = {0};
    cr_assert_eq(tn_new_file_open(path, &file, &err), TN_OK);
    cr_assert_eq(tn_new_file_write(&file, "new text", 8, &err), TN_OK);
    void *data = NULL;
    size_t n = 0;
    cr_assert_eq(tn_file_read(path, 100, &data, &n, &err), TN_OK);
    cr_assert_str_eq(data, "old", "the old file is whole until the commit");
    free(data);
    cr_assert_eq(tn_new_file_commit(&file, &err), TN_OK);
    cr_assert_eq(tn_file_read(path, 100, &data, &n, &err), TN_OK);
    cr_assert_eq(n, 8u);
    cr_assert_str_eq(data, "new text");
    free(data);

    cr_assert_eq(tn_new_file_open(path, &file, &err), TN_OK);
    char *temp = strdup(file.temp_path);
    cr_assert(tn_path_exists(temp));
    tn_new_file_cancel(&file);
    cr_assert_not(tn_path_exists(temp));
    tn_new_file_cancel(&file);

    cr_assert_eq(tn_file_read(path, 7, &data, &n, &err), TN_E_INVALID);
    cr_assert_eq(tn_file_read(temp, 7, &data, &n, &err), TN_E_NOT_FOUND);
    cr_assert_not_null(strstr(err.msg, temp), "%s", err.msg);
    cr_assert_eq(tn_file_read(deep, 7, &data, &n, &err), TN_E_INVALID);
    cr_assert_eq(tn_path_make_dirs(path, &err), TN_E_EXISTS);
    cr_assert_not_null(strstr(err.msg, "a file is there"), "%s", err.msg);
    free(temp);
    free(path);
    free(deep);
}

/* --- log --- */

static void remember(void *ctx, tn_log_level level, const char *msg)
{
    snprintf(ctx, 64, "%d:%s", (int)level, msg);
}

Test(log, formats_or_drops)
{
    char got[64] = "";
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct tn_log log = {.fn = remember, .ctx = got, .lock = &lock};
    tn_log_printf(&log, TN_LOG_WARN, "%d%%", 5);
    cr_assert_str_eq(got, "1:5%");
    log.fn = NULL;
    tn_log_printf(&log, TN_LOG_WARN, "unheard");
    tn_log_printf(NULL, TN_LOG_WARN, "unheard");
    cr_assert_str_eq(got, "1:5%");
}

/* --- pool --- */

#define N_LOOP 10007

struct loop {
    struct tn_pool *pool;
    atomic_int seen[N_LOOP];
    atomic_int inner;
};

static void count_range(void *arg, uint64_t lo, uint64_t hi)
{
    struct loop *loop = arg;
    for (uint64_t i = lo; i < hi; i++)
        atomic_fetch_add(&loop->seen[i], 1);
}

static void count_inner(void *arg, uint64_t lo, uint64_t hi)
{
    atomic_fetch_add((atomic_int *)arg, (int)(hi - lo));
}

static void nest(void *arg, uint64_t lo, uint64_t hi)
{
    struct loop *loop = arg;
    for (uint64_t i = lo; i < hi; i++)
        tn_pool_for(loop->pool, 10, count_inner, &loop->inner);
}

Test(pool, every_index_once)
{
    struct loop *loop = calloc(1, sizeof *loop);
    for (uint32_t n_threads = 1; n_threads <= 5; n_threads += 2) {
        cr_assert_eq(tn_pool_create(n_threads, &loop->pool, NULL), TN_OK);
        cr_assert_eq(tn_pool_threads(loop->pool), n_threads);
        for (int round = 0; round < 20; round++)
            tn_pool_for(loop->pool, N_LOOP, count_range, loop);
        for (int i = 0; i < N_LOOP; i++)
            cr_assert_eq(atomic_exchange(&loop->seen[i], 0), 20, "index %d", i);
        tn_pool_for(loop->pool, 0, count_range, loop);
        tn_pool_for(loop->pool, 30, nest, loop);
        cr_assert_eq(atomic_exchange(&loop->inner, 0), 300);
        tn_pool_destroy(&loop->pool);
        cr_assert_null(loop->pool);
    }
    tn_pool_destroy(NULL);
    free(loop);
}

static void *loop_from_thread(void *arg)
{
    struct loop *loop = arg;
    for (int i = 0; i < 50; i++)
        tn_pool_for(loop->pool, N_LOOP, count_range, loop);
    return NULL;
}

Test(pool, shared_by_threads)
{
    struct loop *loop = calloc(1, sizeof *loop);
    pthread_t thread[3];
    cr_assert_eq(tn_pool_create(3, &loop->pool, NULL), TN_OK);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, loop_from_thread, loop), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < N_LOOP; i++)
        cr_assert_eq(atomic_load(&loop->seen[i]), 150);
    tn_pool_destroy(&loop->pool);
    free(loop);
}

Test(time, does_not_go_back)
{
    uint64_t a = tn_time_ns(), b = tn_time_ns();
    cr_assert_geq(b, a);
    cr_assert_geq(tn_cpu_count(), 1u);
}

/* --- nearest --- */

Test(utf8, every_stray_byte_becomes_a_question_mark)
{
    static const char *const pairs[][2] = {
        {"", ""},
        {"plain", "plain"},
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"caf\xe9!", "caf?!"},                             /* Latin-1 */
        {"cut \xe2\x82", "cut ??"},                        /* in the middle */
        {"\x80 \xbf", "? ?"},                              /* continuations of nothing */
        {"\xc0\xaf \xc1\xbf", "?? ??"},                    /* overlong */
        {"\xe0\x9f\xbf \xe0\xa0\x80", "??? \xe0\xa0\x80"}, /* overlong, and the first that is not */
        {"\xf0\x8f\xbf\xbf", "????"},
        {"\xed\xa0\x80 \xed\x9f\xbf",
         "??? \xed\x9f\xbf"}, /* half a pair, and the last before them */
        {"\xf4\x90\x80\x80 \xf4\x8f\xbf\xbf", "???? \xf4\x8f\xbf\xbf"}, /* beyond the last */
        {"\xf5\x80\x80\x80 \xfe\xff", "???? ??"},
        {"\xe2(\xa1", "?(?"},
    };
    for (size_t i = 0; i < TN_LEN(pairs); i++) {
        char text[32];
        snprintf(text, sizeof(text), "%s", pairs[i][0]);
        tn_utf8_mend(text);
        cr_expect_str_eq(text, pairs[i][1], "pair %zu", i);
    }
}

Test(nearest, finds_what_was_meant)
{
    static const char *const names[] = {"filters", "kernel_size", "strides", "padding", "units"};
    static const char *const cases[][2] = {{"filter", "filters"},
                                           {"paddnig", "padding"},
                                           {"Units", "units"},
                                           {"kernel_sise", "kernel_size"},
                                           {"banana", NULL}};
    for (size_t i = 0; i < TN_LEN(cases); i++) {
        struct tn_nearest nearest = TN_NEAREST_INIT(cases[i][0]);
        for (size_t k = 0; k < TN_LEN(names); k++)
            tn_nearest_offer(&nearest, names[k]);
        if (cases[i][1])
            cr_assert_str_eq(nearest.best, cases[i][1]);
        else
            cr_assert_null(nearest.best);
    }
}
