#include "runtime/search_path.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/loader.h"
#include "runtime/privileged.h"

#define PREFIX "libtenon-backend-"
#define SUFFIX ".so"

void tn_string_list_finish(struct tn_string_list *list)
{
    for (size_t i = 0; i < list->list.n; i++)
        free(list->list.items[i]);
    TN_VEC_FINISH(&list->list);
}

int tn_string_list_add(struct tn_string_list *list, const char *text, size_t n)
{
    if (!TN_VEC_GROW(&list->list))
        return 0;
    char *copy = strndup(text, n);
    if (!copy)
        return 0;
    list->list.items[list->list.n++] = copy;
    return 1;
}

/* One entry of TENON_BACKEND_PATH. */
static int add_entry(tn_runtime *runtime, struct tn_string_list *folders, const char *text,
                     size_t n)
{
    if (n == 0)
        return 1;
    if (text[0] == '/')
        return tn_string_list_add(folders, text, n);
    if (!runtime)
        return 1;
    char *entry = strndup(text, n);
    int ok = entry && tn_loader_reject(runtime, entry,
                                       "ignored: entries of TENON_BACKEND_PATH must be absolute "
                                       "paths (begin with '/')") == TN_OK;
    free(entry);
    return ok;
}

int tn_search_folders(tn_runtime *runtime, struct tn_string_list *out_folders)
{
    const char *text = tn_env("TENON_BACKEND_PATH");
    int ok = 1;
    while (ok && text && *text) {
        size_t n = strcspn(text, ":");
        ok = add_entry(runtime, out_folders, text, n);
        text += n + (text[n] == ':');
    }
    return ok && tn_string_list_add(out_folders, TN_PLUGIN_DIR, strlen(TN_PLUGIN_DIR));
}

/* Length of <name>, 0 where the file is no plugin by its name. */
static size_t name_length(const char *file)
{
    size_t n = strlen(file), around = strlen(PREFIX) + strlen(SUFFIX);
    if (n <= around || strncmp(file, PREFIX, strlen(PREFIX)) != 0 ||
        strcmp(file + n - strlen(SUFFIX), SUFFIX) != 0)
        return 0;
    return n - around;
}

static int is_plugin(const struct dirent *entry)
{
    return name_length(entry->d_name) > 0;
}

int tn_search_names(const char *folder, struct tn_string_list *out_names)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_plugin, alphasort), ok = 1;
    for (int i = 0; i < n; i++) {
        const char *file = entries[i]->d_name;
        ok = ok && tn_string_list_add(out_names, file + strlen(PREFIX), name_length(file));
        free(entries[i]);
    }
    free(entries);
    return ok;
}

char *tn_search_file(const char *folder, const char *name)
{
    size_t n = strlen(folder) + strlen(name) + sizeof("/" PREFIX SUFFIX);
    char *path = malloc(n);
    if (path)
        snprintf(path, n, "%s/" PREFIX "%s" SUFFIX, folder, name);
    return path;
}
