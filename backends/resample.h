/* SPDX-License-Identifier: MIT
 *
 * Where resize samples: for each place of an output axis the two input elements that it looks at
 * and the weight of the second. Worked out in double, once, so that every device rounds alike; the
 * formulas are those of the operator's description. Sees tenon/backend.h alone. */
#ifndef TENON_BACKENDS_RESAMPLE_H
#define TENON_BACKENDS_RESAMPLE_H

#include "moves.h"

/* i0 and i1 below 0: outside x (tf_crop_and_resize). */
struct resample_tap {
    int32_t i0, i1;
    float w;
};

/* One axis, and how many planes of [rows, columns] there are; sequences have one row. */
struct resample {
    bool linear;
    char coordinates, rounding; /* 'h' 's' (half_pixel_symmetric) 'p' 'l' (align_corners) 'a'
                                   't'; 'n' (prefer floor) 'u' 'f' 'c' */
    double scale[2];            /* rows, columns; 0: by the sizes */
    double begin[2], end[2];    /* of the cropped window */
    double outside;             /* what lies there */
    int64_t planes, in[2], out[2];
};

static inline struct resample resample_of(const tnb_node *node, const tnb_tensor *x,
                                          const tnb_tensor *y)
{
    const char *c = moves_string(node, "coordinates", "half_pixel");
    const char *r = moves_string(node, "nearest_mode", "round_prefer_floor");
    bool is_2d = x->rank == 4;
    return (struct resample){
        .linear = strcmp(moves_string(node, "mode", "nearest"), "linear") == 0,
        .coordinates = strcmp(c, "align_corners") == 0          ? 'l'
                       : strcmp(c, "half_pixel_symmetric") == 0 ? 's'
                                                                : c[0],
        .rounding = strcmp(r, "round_prefer_floor") == 0  ? 'n'
                    : strcmp(r, "round_prefer_ceil") == 0 ? 'u'
                                                          : r[0],
        .scale = {tnb_attr_float(node, "scale_h", 0), tnb_attr_float(node, "scale_w", 0)},
        .begin = {tnb_attr_float(node, "crop_top", 0), tnb_attr_float(node, "crop_left", 0)},
        .end = {tnb_attr_float(node, "crop_bottom", 1), tnb_attr_float(node, "crop_right", 1)},
        .outside = tnb_attr_float(node, "extrapolation", 0),
        .planes = x->dim[0] * x->dim[1],
        .in = {is_2d ? x->dim[2] : 1, x->dim[x->rank - 1]},
        .out = {is_2d ? y->dim[2] : 1, y->dim[y->rank - 1]},
    };
}

static inline double resample_place(const struct resample *r, int axis, int64_t o)
{
    double at = (double)o, n = (double)r->in[axis], m = (double)r->out[axis];
    double length = r->scale[axis] > 0 ? n * r->scale[axis] : m;
    if (r->coordinates == 'l')
        return o == 0 ? 0.0 : at * (n - 1) / (length - 1);
    double begin = r->begin[axis], end = r->end[axis];
    if (r->coordinates == 't')
        return m > 1 ? begin * (n - 1) + at * (end - begin) * (n - 1) / (m - 1)
                     : 0.5 * (begin + end) * (n - 1);
    if (r->coordinates == 'p' && length <= 1)
        return 0.0;
    double shift = r->coordinates == 'a' ? 0.0 : 0.5;
    at += shift;
    at = r->scale[axis] > 0 ? at / r->scale[axis] : at * n / m;
    double offset = r->coordinates == 's' ? n / 2 * (1 - m / length) : 0.0;
    return offset + (at - shift);
}

static inline struct resample_tap resample_tap_of(const struct resample *r, int axis, int64_t o)
{
    int64_t n = r->in[axis];
    double s = resample_place(r, axis, o), last = (double)(n - 1);
    if (r->coordinates == 't' && (s < 0 || s > last))
        return (struct resample_tap){-1, -1, 0.0f};
    if (n <= 1)
        return (struct resample_tap){0, 0, 0.0f};
    if (r->linear) {
        s = s < 0 ? 0 : s > last ? last : s;
        int64_t i0 = (int64_t)floor(s), i1 = i0 + 1 < n ? i0 + 1 : i0;
        return (struct resample_tap){(int32_t)i0, (int32_t)i1, (float)(s - (double)i0)};
    }
    s = r->rounding == 'n'   ? ceil(s - 0.5)
        : r->rounding == 'u' ? floor(s + 0.5)
        : r->rounding == 'f' ? floor(s)
                             : ceil(s);
    int32_t i = (int32_t)(s < 0 ? 0 : s > last ? last : s);
    return (struct resample_tap){i, i, 0.0f};
}

/* Of an input element: the places [begin, end) of the output that may look at it. Places move on
 * with the output, so they lie side by side. */
static inline void resample_readers(const struct resample_tap *tap, int64_t n_out, int64_t n_in,
                                    int32_t *out_begin, int32_t *out_end)
{
    for (int64_t i = 0; i < n_in; i++) {
        out_begin[i] = 0;
        out_end[i] = 0;
    }
    for (int64_t o = n_out; o-- > 0;) {
        int32_t side[2] = {tap[o].i0, tap[o].i1};
        for (int k = 0; k < 2 && side[0] >= 0; k++) {
            if (out_end[side[k]] == 0)
                out_end[side[k]] = (int32_t)(o + 1);
            out_begin[side[k]] = (int32_t)o;
        }
    }
}

#endif
