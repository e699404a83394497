/* Words that users type: the nearest valid one, and which of two levels of selection wins. */
#include <ctype.h>
#include <string.h>

#include "options.h"

#define MAX_WORD 48

/* Edits (insert, delete, replace, swap of neighbours) that make a of b. */
static size_t distance(const char *a, const char *b)
{
    size_t row[3][MAX_WORD + 1], n = strlen(b);
    for (size_t j = 0; j <= n; j++)
        row[0][j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t *now = row[i % 3], *before = row[(i + 2) % 3], *older = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = before[j - 1] + (a[i - 1] != b[j - 1]);
            best = before[j] + 1 < best ? before[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                older[j - 2] + 1 < best)
                best = older[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[strlen(a) % 3][n];
}

const char *cli_nearest(const char *const *names, const char *word)
{
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 1; /* this many edits or fewer */
    if (strlen(word) > MAX_WORD)
        return NULL;
    for (size_t i = 0; names[i]; i++) {
        size_t d = strlen(names[i]) <= MAX_WORD ? distance(word, names[i]) : MAX_WORD;
        if (d <= best_distance && (!best || d < best_distance)) {
            best_distance = d;
            best = names[i];
        }
    }
    return best;
}

/* "cpu", "cpu:0", "opencl:*H200*" name a backend; "gpu", "0", "*H200*" do not. */
static int names_backend(const char *device)
{
    if (strchr(device, ':'))
        return 1;
    if (!islower((unsigned char)device[0]) || strcmp(device, "gpu") == 0)
        return 0;
    return strspn(device, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(device);
}

/* `backend` may be a path, which has the name in it. */
static int agree(const char *backend, const char *device)
{
    char name[64];
    size_t n = strcspn(device, ":");
    if (n >= sizeof(name))
        return 0;
    memcpy(name, device, n);
    name[n] = '\0';
    return strstr(backend, name) != NULL;
}

struct cli_selection cli_selection_merge(struct cli_selection strong, struct cli_selection weak)
{
    if (!strong.backend && !strong.device)
        return weak;
    if (!strong.backend && weak.backend &&
        (!names_backend(strong.device) || agree(weak.backend, strong.device)))
        strong.backend = weak.backend;
    else if (!strong.device && weak.device && strcmp(weak.device, "gpu") != 0 &&
             (names_backend(weak.device)
                  ? agree(strong.backend, weak.device)
                  : !weak.backend || strcmp(weak.backend, strong.backend) == 0))
        strong.device = weak.device;
    return strong;
}
