/* Shipped recipes: TENON_RECIPE_PATH, then the folder that was compiled in. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/path.h"
#include "base/vec.h"
#include "recipe/recipe.h"
#include "runtime/privileged.h"

#define SUFFIX ".yaml"

struct folders {
    TN_VEC(char *) list;
};

static tn_status no_memory(struct tn_error *err)
{
    return tn_error_set(err, TN_E_OOM, "no memory left to look for recipes");
}

static int add_text(struct folders *folders, const char *text, size_t n)
{
    if (!TN_VEC_GROW(&folders->list))
        return 0;
    char *copy = strndup(text, n);
    if (!copy)
        return 0;
    folders->list.items[folders->list.n++] = copy;
    return 1;
}

static void finish(struct folders *folders)
{
    for (size_t i = 0; i < folders->list.n; i++)
        free(folders->list.items[i]);
    TN_VEC_FINISH(&folders->list);
}

static int find_folders(struct folders *out_folders)
{
    const char *text = tn_env("TENON_RECIPE_PATH");
    int ok = 1;
    while (ok && text && *text) {
        size_t n = strcspn(text, ":");
        if (n)
            ok = add_text(out_folders, text, n);
        text += n + (text[n] == ':');
    }
    return ok && add_text(out_folders, TN_RECIPE_DIR, strlen(TN_RECIPE_DIR));
}

static int is_recipe(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name), n_suffix = strlen(SUFFIX);
    return n > n_suffix && entry->d_name[0] != '.' &&
           strcmp(entry->d_name + n - n_suffix, SUFFIX) == 0;
}

static int add_names(struct folders *names, const char *folder)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_recipe, alphasort), ok = 1;
    for (int i = 0; i < n; i++) {
        size_t n_name = strlen(entries[i]->d_name) - strlen(SUFFIX);
        ok = ok && add_text(names, entries[i]->d_name, n_name);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static tn_status find_names(struct folders *out_names, struct tn_error *err)
{
    struct folders folders = {.list = {NULL, 0, 0}};
    int ok = find_folders(&folders);
    for (size_t i = 0; ok && i < folders.list.n; i++)
        ok = add_names(out_names, folders.list.items[i]);
    finish(&folders);
    if (!ok)
        return no_memory(err);
    if (out_names->list.n)
        qsort(out_names->list.items, out_names->list.n, sizeof(char *), compare);
    return TN_OK;
}

static int is_repeated(const struct folders *names, size_t i)
{
    return i > 0 && strcmp(names->list.items[i - 1], names->list.items[i]) == 0;
}

tn_status tn_recipe_list(char ***out_names, struct tn_error *err)
{
    struct folders names = {.list = {NULL, 0, 0}};
    tn_status status = find_names(&names, err);
    size_t n_bytes = sizeof(char *), n = 0;
    for (size_t i = 0; i < names.list.n; i++)
        n_bytes += sizeof(char *) + strlen(names.list.items[i]) + 1;
    char **list = status ? NULL : malloc(n_bytes);
    if (list) {
        char *text = (char *)(list + names.list.n + 1);
        for (size_t i = 0; i < names.list.n; i++) {
            if (is_repeated(&names, i))
                continue;
            list[n++] = strcpy(text, names.list.items[i]);
            text += strlen(text) + 1;
        }
        list[n] = NULL;
        *out_names = list;
    } else if (!status) {
        status = no_memory(err);
    }
    finish(&names);
    return status;
}

static tn_status not_found(const char *name, struct tn_error *err)
{
    struct folders names = {.list = {NULL, 0, 0}};
    struct tn_nearest nearest = TN_NEAREST_INIT(name);
    char list[480] = "", hint[128];
    tn_status status = find_names(&names, err);
    for (size_t i = 0; !status && i < names.list.n; i++) {
        size_t n = strlen(list);
        if (is_repeated(&names, i))
            continue;
        tn_nearest_offer(&nearest, names.list.items[i]);
        snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", names.list.items[i]);
    }
    if (!status)
        status = tn_error_set(
            err, TN_E_NOT_FOUND,
            "there is no shipped recipe '%.80s'%s (there are: %s); a file of your "
            "own ends in .yaml or has a slash in its path",
            name, tn_nearest_hint(&nearest, hint, sizeof(hint)), *list ? list : "none");
    finish(&names);
    return status;
}

tn_status tn_recipe_find(const char *name, char **out_path, struct tn_error *err)
{
    struct folders folders = {.list = {NULL, 0, 0}};
    char *path = NULL, file[128];
    int is_name = *name && *name != '.' && !strchr(name, '/') && strlen(name) < 100;
    int ok = !is_name || find_folders(&folders);
    snprintf(file, sizeof(file), "%s" SUFFIX, is_name ? name : "");
    for (size_t i = 0; ok && !path && i < folders.list.n; i++) {
        path = tn_path_join(folders.list.items[i], file);
        ok = path != NULL;
        if (ok && !tn_path_exists(path)) {
            free(path);
            path = NULL;
        }
    }
    finish(&folders);
    if (!ok)
        return no_memory(err);
    if (!path)
        return not_found(name, err);
    *out_path = path;
    return TN_OK;
}
