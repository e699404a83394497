/* Files for tests: a folder of their own, removed at the end of the test. */
#ifndef TESTS_DATA_TEMP_H
#define TESTS_DATA_TEMP_H

#include <stddef.h>

void temp_init(void);   /* .init of a test */
void temp_finish(void); /* .fini: removes the folder with its files */
const char *temp_dir(void);
/* Path of a file in the folder; the last 8 stay valid. */
const char *temp_path(const char *name);
const char *temp_write(const char *name, const void *data, size_t n);
const char *temp_write_gz(const char *name, const void *data, size_t n);
/* The caller frees. */
char *temp_read(const char *path, size_t *out_n);
size_t temp_count_files(void);

/* 1 when TENON_REQUIRE lists `thing`: a test that would skip then fails. */
int is_required(const char *thing);

#endif
