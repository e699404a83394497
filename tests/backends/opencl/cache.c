/* The program cache: cold, warm, damaged, out of reach. Numbers are right in every case.
 *   opencl_cache DEVICE */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "support.h"

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* One plan with one program: 0 when the answer is right. */
static int try_cache(const char *device, const char *folder, double *out_ms)
{
    static const char *const opts[] = {"cache=on", NULL};
    const int64_t dim[] = {3, 4}, out_dim[] = {3};
    const int64_t axes[] = {1};
    float x[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, y[3] = {0};
    tnb_attr attr = {.key = "axes", .type = TNB_ATTR_INTS, .count = 1, .v.iv = axes};
    struct ocl_test_node node = {.op = "sum", .attr = &attr, .n_attr = 1, .n_in = 1, .n_out = 1};
    node.in[0] = (struct ocl_test_value){.type = ocl_test_type(TNB_F32, 2, dim), .data = x};
    node.out[0] = (struct ocl_test_value){.type = ocl_test_type(TNB_F32, 1, out_dim), .data = y};
    struct ocl_test t;
    int rc = ocl_test_open(&t, device, opts, folder);
    if (rc)
        return rc;
    double start = now_ms();
    rc = ocl_test_run(&t, &node, 1, NULL);
    *out_ms = now_ms() - start;
    ocl_test_close(&t);
    return rc || y[0] != 10 || y[1] != 26 || y[2] != 42;
}

static long size_of(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 ? (long)s.st_size : -1;
}

/* Overwrites `n` bytes from `at`. */
static void scribble(const char *path, long at, size_t n)
{
    char junk[512];
    memset(junk, 0xEE, sizeof(junk));
    int fd = open(path, O_WRONLY);
    for (; fd >= 0 && n; n -= n < sizeof(junk) ? n : sizeof(junk)) {
        ssize_t wrote = pwrite(fd, junk, n < sizeof(junk) ? n : sizeof(junk), at);
        at += wrote > 0 ? wrote : 0;
        if (wrote <= 0)
            break;
    }
    close(fd);
}

static int is_junk(const char *path, long at)
{
    unsigned char bytes[64] = {0};
    int fd = open(path, O_RDONLY), junk = 0;
    if (fd >= 0 && pread(fd, bytes, sizeof(bytes), at) == (ssize_t)sizeof(bytes))
        for (size_t i = 0; i < sizeof(bytes); i++)
            junk += bytes[i] == 0xEE;
    close(fd);
    return junk == (int)sizeof(bytes);
}

static void check_damage(const char *device, const char *folder, const char *file)
{
    double ms;
    scribble(file, 0, 100); /* the header: no longer a database */
    CHECK(try_cache(device, folder, &ms) == 0, "with a damaged header");
    CHECK(size_of(file) > 8192, "the damaged file was not replaced");
    scribble(file, 8192, 4096); /* inside: a page of the table or of a binary */
    CHECK(try_cache(device, folder, &ms) == 0, "with a damaged page");
    CHECK(!is_junk(file, 8192), "a page's damage stays, and every start builds anew");
    CHECK(truncate(file, 5000) == 0 && try_cache(device, folder, &ms) == 0, "with a cut file");
    CHECK(truncate(file, 0) == 0 && try_cache(device, folder, &ms) == 0, "with an empty file");
    CHECK(try_cache(device, folder, &ms) == 0, "after repair");
}

int main(int argc, char **argv)
{
    const char *device = argc > 1 ? argv[1] : "Portable";
    char base[] = "/tmp/tenon-opencl-cache-XXXXXX", folder[128], file[256], plain[128];
    double cold, warm, ms;
    if (!mkdtemp(base))
        return 1;
    snprintf(folder, sizeof(folder), "%s/deep/er", base);
    snprintf(file, sizeof(file), "%s/programs.sqlite", folder);
    snprintf(plain, sizeof(plain), "%s/plain", base);
    int rc = try_cache(device, folder, &cold);
    if (rc == 77 || size_of(file) < 0) {
        printf("skipped: %s\n", rc == 77 ? "no such device" : "built without SQLite");
        return rc == 77 ? 77 : rc ? rc : 77;
    }
    CHECK(rc == 0 && size_of(file) > 0, "cold");
    CHECK(try_cache(device, folder, &warm) == 0, "warm");
    long size = size_of(file);
    CHECK(try_cache(device, folder, &warm) == 0 && size_of(file) == size,
          "a warm start writes to the cache: %ld bytes, then %ld", size, size_of(file));
    check_damage(device, folder, file);
    close(open(plain, O_WRONLY | O_CREAT, 0600));
    CHECK(try_cache(device, plain, &ms) == 0, "with a file for a folder");
    CHECK(chmod(folder, 0500) == 0 && chmod(file, 0400) == 0 && try_cache(device, folder, &ms) == 0,
          "read-only");
    CHECK(try_cache(device, NULL, &ms) == 0, "with no folder");
    printf("cold %.0f ms, warm %.0f ms\n", cold, warm);
    (void)chmod(folder, 0700);
    char command[192];
    snprintf(command, sizeof(command), "rm -rf '%s'", base);
    CHECK(system(command) == 0, "%s stays", base);
    return check_result(device);
}
