/* How people write the ten digits, as strokes. */
#ifndef TN_DATA_GLYPHS_H
#define TN_DATA_GLYPHS_H

#include <stddef.h>
#include <stdint.h>

enum { TN_GLYPH_MAX_POINTS = 12, TN_GLYPH_MAX_STROKES = 3 };

typedef enum tn_stroke_kind {
    TN_STROKE_LINES = 1, /* straight from point to point */
    TN_STROKE_CURVE,     /* Catmull-Rom spline through the points */
    TN_STROKE_LOOP       /* the same, closed */
} tn_stroke_kind;

/* Points lie in a box of 60 x 100, x to the right, y down. */
struct tn_stroke {
    tn_stroke_kind kind;
    int n;
    int8_t xy[TN_GLYPH_MAX_POINTS][2];
};

struct tn_glyph {
    int n_strokes;
    struct tn_stroke strokes[TN_GLYPH_MAX_STROKES];
};

/* The ways to write one digit, 0 to 9; static. */
const struct tn_glyph *tn_glyphs(int digit, int *out_n);

#endif
