/* The nearest valid name to a misspelt one, for error messages. */
#ifndef TN_BASE_NEAREST_H
#define TN_BASE_NEAREST_H

#include <stddef.h>

/* Keeps the best of the candidates it has been shown. Start from TN_NEAREST_INIT(word). */
struct tn_nearest {
    const char *word;
    const char *best; /* NULL: nothing near enough */
    size_t distance;
};
#define TN_NEAREST_INIT(text) ((struct tn_nearest){.word = (text)})

void tn_nearest_offer(struct tn_nearest *nearest, const char *candidate);
/* "; did you mean 'filters'?", or "" when nothing is near; into buf, returns buf. */
char *tn_nearest_hint(const struct tn_nearest *nearest, char *buf, size_t size);

#endif
