/* The built-in digits: drawn, not loaded. */
#ifndef TN_DATA_DIGITS_H
#define TN_DATA_DIGITS_H

#include <stdint.h>

enum { TN_DIGIT_SIDE = 28, TN_DIGIT_PIXELS = TN_DIGIT_SIDE * TN_DIGIT_SIDE };

/* Draws sample `index` of the stream `key`: TN_DIGIT_PIXELS bytes, ink bright on dark. Returns the
 * digit. Only +, -, *, /, sqrt of IEEE floats: the same bytes on every machine. Any thread. */
uint8_t tn_digit_draw(uint64_t key, uint64_t index, uint8_t *out_pixels);

#endif
