/* Text of drivers and of file names, which may be anything, as UTF-8. */
#ifndef TN_BASE_UTF8_H
#define TN_BASE_UTF8_H

/* Puts '?' for every byte that is part of no whole UTF-8 sequence: text in another encoding, or cut
 * off in the middle. The length stays. */
void tn_utf8_mend(char *text);

#endif
