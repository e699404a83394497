#include "base/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MAX_NAME 64

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

static int same_char(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Optimal string alignment distance: insert, delete, replace, swap of neighbours cost 1 each. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t n_a = strlen(a), n_b = strlen(b);
    size_t rows[3][MAX_NAME + 1];
    if (n_a > MAX_NAME || n_b > MAX_NAME)
        return MAX_NAME;
    for (size_t j = 0; j <= n_b; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t *above = rows[(i - 1) % 3], *row = rows[i % 3];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t replace = above[j - 1] + (size_t)!same_char(a[i - 1], b[j - 1]);
            row[j] = min3(above[j] + 1, row[j - 1] + 1, replace);
            if (i > 1 && j > 1 && same_char(a[i - 1], b[j - 2]) && same_char(a[i - 2], b[j - 1])) {
                size_t swap = rows[(i - 2) % 3][j - 2] + 1;
                row[j] = row[j] < swap ? row[j] : swap;
            }
        }
    }
    return rows[n_a % 3][n_b];
}

void tn_nearest_offer(struct tn_nearest *nearest, const char *candidate)
{
    size_t n = strlen(nearest->word);
    size_t limit = n <= 3 ? 1 : n <= 6 ? 2 : 3;
    size_t distance = edit_distance(nearest->word, candidate);
    if (distance <= limit && (!nearest->best || distance < nearest->distance)) {
        nearest->best = candidate;
        nearest->distance = distance;
    }
}

char *tn_nearest_hint(const struct tn_nearest *nearest, char *buf, size_t size)
{
    if (nearest->best)
        snprintf(buf, size, "; did you mean '%s'?", nearest->best);
    else if (size)
        buf[0] = '\0';
    return buf;
}
