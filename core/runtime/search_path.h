/* The folders that plugins are looked for in, and the files there. */
#ifndef TN_RUNTIME_SEARCH_PATH_H
#define TN_RUNTIME_SEARCH_PATH_H

#include "runtime/runtime.h"

struct tn_string_list {
    TN_VEC(char *) list;
};
void tn_string_list_finish(struct tn_string_list *list);
/* 0 when memory is out. Copies. */
int tn_string_list_add(struct tn_string_list *list, const char *text, size_t n);

/* TENON_BACKEND_PATH (absolute entries; not read by a privileged process), then the compiled-in
 * folder; never the working directory. A relative entry is noted in runtime->rejected when
 * `runtime` is not NULL. 0 when memory is out. */
int tn_search_folders(tn_runtime *runtime, struct tn_string_list *out_folders);

/* Names of the files libtenon-backend-<name>.so in the folder, sorted; a folder that cannot be read
 * has none. 0 when memory is out. */
int tn_search_names(const char *folder, struct tn_string_list *out_names);

/* "<folder>/libtenon-backend-<name>.so"; NULL when memory is out. */
char *tn_search_file(const char *folder, const char *name);

#endif
