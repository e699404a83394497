#include "temp.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static char dir[256];
static char paths[8][512];
static unsigned n_paths;

void temp_init(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(dir, sizeof(dir), "%s/tenon-test-XXXXXX", base && *base ? base : "/tmp");
    cr_assert(mkdtemp(dir) != NULL);
}

void temp_finish(void)
{
    DIR *open_dir = opendir(dir);
    struct dirent *file;
    while (open_dir && (file = readdir(open_dir))) {
        if (strcmp(file->d_name, ".") && strcmp(file->d_name, ".."))
            remove(temp_path(file->d_name));
    }
    if (open_dir)
        closedir(open_dir);
    rmdir(dir);
}

const char *temp_dir(void)
{
    return dir;
}

const char *temp_path(const char *name)
{
    char *path = paths[n_paths++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    return path;
}

const char *temp_write(const char *name, const void *data, size_t n)
{
    const char *path = temp_path(name);
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(data, 1, n, file) == n);
    cr_assert_eq(fclose(file), 0);
    return path;
}

const char *temp_write_gz(const char *name, const void *data, size_t n)
{
    const char *path = temp_path(name);
    gzFile file = gzopen(path, "wb");
    cr_assert(file && gzwrite(file, data, (unsigned)n) == (int)n);
    cr_assert_eq(gzclose(file), Z_OK);
    return path;
}

char *temp_read(const char *path, size_t *out_n)
{
    struct stat info;
    FILE *file = fopen(path, "rb");
    cr_assert(file && stat(path, &info) == 0, "cannot read %s", path);
    char *data = malloc((size_t)info.st_size + 1);
    cr_assert_eq(fread(data, 1, (size_t)info.st_size, file), (size_t)info.st_size);
    fclose(file);
    data[info.st_size] = '\0';
    *out_n = (size_t)info.st_size;
    return data;
}

size_t temp_count_files(void)
{
    size_t n = 0;
    DIR *open_dir = opendir(dir);
    cr_assert(open_dir != NULL);
    for (struct dirent *file; (file = readdir(open_dir));)
        n += file->d_name[0] != '.' || (strcmp(file->d_name, ".") && strcmp(file->d_name, ".."));
    closedir(open_dir);
    return n;
}

int is_required(const char *thing)
{
    const char *list = getenv("TENON_REQUIRE");
    size_t n = strlen(thing);
    while (list && *list) {
        size_t length = strcspn(list, ", ");
        if (length == n && strncmp(list, thing, n) == 0)
            return 1;
        list += length + (list[length] != '\0');
    }
    return 0;
}
