/* Which files may be loaded as code: none that everyone may replace. */
#ifndef TN_RUNTIME_PATH_RULES_H
#define TN_RUNTIME_PATH_RULES_H

#include <sys/types.h>

#include "tenon/status.h"

struct tn_path_verdict {
    char *real; /* absolute, without links; the caller frees it */
    dev_t dev;  /* of the file itself: the same file through two links is one */
    ino_t ino;
    char
        *group_writable; /* first part of the path that the group may write, or NULL; to be freed */
};

/* Follows `path` (relative ones from the working directory) and judges the file and every folder
 * above it, on the way as given and on the way without links. Refused, with the `chmod` that mends
 * it: a file that everyone may write; a folder that everyone may write and that is not sticky
 * (in a sticky one, such as /tmp, nobody replaces another's file). TN_E_NOT_FOUND; TN_E_INVALID,
 * also for what is not a regular file; TN_E_OOM. */
tn_status tn_path_check(const char *path, struct tn_path_verdict *out_verdict,
                        struct tn_error *err);
void tn_path_verdict_finish(struct tn_path_verdict *verdict);

/* Looks into the file: TN_E_INVALID where it is not a whole shared object (a text file, a plugin
 * that was copied in part: mapping that would kill the process). */
tn_status tn_path_check_shared_object(const char *path, struct tn_error *err);

#endif
