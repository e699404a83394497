#define _XOPEN_SOURCE 700 /* nftw, mkdtemp */
#include "support.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *temp_folder(void)
{
    static char folder[] = "/tmp/tenon-test-XXXXXX";
    static int made;
    if (!made)
        cr_assert_not_null(mkdtemp(folder));
    made = 1;
    return folder;
}

const char *temp_path(const char *name)
{
    static char path[8][512];
    static unsigned turn;
    char *buf = path[turn++ % 8];
    snprintf(buf, sizeof path[0], "%s/%s", temp_folder(), name);
    return buf;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    return remove(path);
}

void remove_temp_folder(void)
{
    nftw(temp_folder(), remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void write_file(const char *path, const void *data, size_t n_bytes)
{
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f, "%s", path);
    cr_assert_eq(fwrite(data, 1, n_bytes, f), n_bytes);
    cr_assert_eq(fclose(f), 0);
    cr_assert_eq(chmod(path, 0644), 0);
}

void copy_plugin(const char *plugin, const char *target)
{
    char source[1024];
    static char data[1 << 20];
    snprintf(source, sizeof source, FAKE_PLUGIN_DIR "/libtenon-backend-%s.so", plugin);
    FILE *f = fopen(source, "rb");
    cr_assert_not_null(f, "%s", source);
    size_t n = fread(data, 1, sizeof data, f);
    cr_assert(n > 0 && n < sizeof data);
    fclose(f);
    write_file(target, data, n);
}

void install_plugin(const char *plugin)
{
    char name[128];
    snprintf(name, sizeof name, "libtenon-backend-%s.so", plugin);
    copy_plugin(plugin, temp_path(name));
}

void log_to_text(void *ctx, tn_log_level level, const char *msg)
{
    struct log_text *log = ctx;
    size_t n = strlen(log->text);
    snprintf(log->text + n, sizeof log->text - n, "%d %s\n", (int)level, msg);
}

tn_status make_runtime(const char *path, const struct tn_runtime_params *params,
                       tn_runtime **out_runtime, struct tn_error *err)
{
    if (path)
        setenv("TENON_BACKEND_PATH", path, 1);
    else
        unsetenv("TENON_BACKEND_PATH");
    return tn_runtime_create(params, out_runtime, err);
}

const char *rejection(const tn_runtime *runtime, const char *suffix)
{
    const struct tn_rejected *list = NULL;
    size_t n = tn_runtime_rejected(runtime, &list), m = strlen(suffix);
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(list[i].path);
        if (length >= m && strcmp(list[i].path + length - m, suffix) == 0)
            return list[i].reason;
    }
    return "";
}
