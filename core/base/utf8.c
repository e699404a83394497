#include "base/utf8.h"

#include <stddef.h>

/* How many bytes follow this first one; -1: it begins nothing. */
static int n_following(unsigned char c)
{
    if (c < 0x80)
        return 0;
    if (c >= 0xc2 && c <= 0xdf)
        return 1;
    if (c >= 0xe0 && c <= 0xef)
        return 2;
    return c >= 0xf0 && c <= 0xf4 ? 3 : -1;
}

/* Length of the sequence that begins here, 0: none does. */
static size_t sequence(const unsigned char *at)
{
    int n = n_following(at[0]);
    if (n <= 0)
        return n == 0;
    /* Overlong forms, halves of UTF-16 pairs, numbers beyond the last. */
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    for (int i = 1; i <= n; i++)
        if ((at[i] & 0xc0) != 0x80) /* the terminator, too */
            return 0;
    return (size_t)n + 1;
}

void tn_utf8_mend(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at;) {
        size_t n = sequence(at);
        if (n == 0)
            *at = '?';
        at += n ? n : 1;
    }
}
