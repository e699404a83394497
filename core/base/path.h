/* Paths and whole files. Strings handed out are the caller's: free(). Any thread. */
#ifndef TN_BASE_PATH_H
#define TN_BASE_PATH_H

#include <stddef.h>
#include <stdio.h>

#include "tenon/status.h"

/* "dir/name"; an absolute name, or an empty dir, gives the name alone. NULL when memory is out. */
char *tn_path_join(const char *dir, const char *name);
/* The part after the last slash, inside `path`. */
const char *tn_path_base(const char *path);
/* The part before the last slash ("." when there is none, "/" for the root). NULL: memory. */
char *tn_path_dir(const char *path);
int tn_path_exists(const char *path);
int tn_path_is_dir(const char *path);
/* mkdir -p: parents included, an existing folder is fine. TN_E_IO, TN_E_EXISTS (a file is there).
 */
tn_status tn_path_make_dirs(const char *path, struct tn_error *err);

/* The whole file, with a zero byte after its end that does not count in out_bytes. More than
 * max_bytes is TN_E_INVALID. TN_E_NOT_FOUND, TN_E_IO, TN_E_OOM. */
tn_status tn_file_read(const char *path, size_t max_bytes, void **out_data, size_t *out_bytes,
                       struct tn_error *err);

/* A file that comes into being whole or not at all: written under a temporary name in the same
 * folder, synced, renamed over `path`. Write through `stream`; finish with commit or cancel. */
struct tn_new_file {
    FILE *stream;
    char *path, *temp_path;
};
tn_status tn_new_file_open(const char *path, struct tn_new_file *out_file, struct tn_error *err);
/* TN_E_IO when the disk is full; the caller then cancels. */
tn_status tn_new_file_write(struct tn_new_file *file, const void *data, size_t n_bytes,
                            struct tn_error *err);
/* Ends the struct's life, whether it succeeds or not; on failure the old file, if there was one, is
 * still whole. */
tn_status tn_new_file_commit(struct tn_new_file *file, struct tn_error *err);
/* Removes the temporary file; a zeroed or finished struct is accepted. */
void tn_new_file_cancel(struct tn_new_file *file);
/* All of it in one call. */
tn_status tn_file_write_atomic(const char *path, const void *data, size_t n_bytes,
                               struct tn_error *err);

#endif
