/* SPDX-License-Identifier: MIT
 *
 * What both backends ask about operators that move elements without looking at them: where the
 * elements go, and the bits of a constant. Sees tenon/backend.h alone.
 *
 * A box is a nest of loops with a stride, in elements, on either side. concat and split are a box
 * per input and per output; tile, flip, diagonal, diagonal_grad, space_to_depth and depth_to_space
 * are one. */
#ifndef TENON_BACKENDS_MOVES_H
#define TENON_BACKENDS_MOVES_H

#include "shape.h"
#include <math.h>

#define MOVES_MAX_LOOPS 16 /* tile has two to an axis */

struct moves_box {
    uint32_t in, out; /* which input goes to which output */
    uint32_t rank;    /* at least 1 once merged */
    int64_t count;
    int64_t in_at, out_at; /* of the first element */
    int64_t dim[MOVES_MAX_LOOPS], in_step[MOVES_MAX_LOOPS], out_step[MOVES_MAX_LOOPS];
};

static inline void moves_loop(struct moves_box *b, int64_t dim, int64_t in_step, int64_t out_step)
{
    b->dim[b->rank] = dim;
    b->in_step[b->rank] = in_step;
    b->out_step[b->rank++] = out_step;
}

/* Loops of one element go; neighbours that step alike on both sides become one. */
static inline void moves_merge(struct moves_box *b)
{
    uint32_t kept = 0;
    b->count = 1;
    for (uint32_t i = 0; i < b->rank; i++) {
        int64_t dim = b->dim[i], in = b->in_step[i], out = b->out_step[i];
        b->count *= dim;
        if (dim == 1)
            continue;
        if (kept && b->in_step[kept - 1] == in * dim && b->out_step[kept - 1] == out * dim) {
            dim *= b->dim[kept - 1];
            kept--;
        }
        b->dim[kept] = dim;
        b->in_step[kept] = in;
        b->out_step[kept++] = out;
    }
    b->rank = kept;
    if (kept == 0)
        moves_loop(b, 1, 1, 1);
}

static inline const char *moves_string(const tnb_node *node, const char *key, const char *dflt)
{
    const tnb_attr *a = tnb_attr_find(node, key);
    return a && a->type == TNB_ATTR_STRING ? a->v.s : dflt;
}

/* How scattered updates join what is there; opencl's kernels know these numbers. */
enum moves_join { JOIN_NONE, JOIN_ADD, JOIN_MUL, JOIN_MAX, JOIN_MIN };

static inline enum moves_join moves_join_of(const tnb_node *node)
{
    static const char *const names[] = {"none", "add", "mul", "max", "min"};
    uint32_t j = JOIN_NONE;
    while (j < JOIN_MIN && strcmp(moves_string(node, "reduction", "none"), names[j]) != 0)
        j++;
    return (enum moves_join)j;
}

static inline uint32_t moves_count(const tnb_node *node)
{
    return strcmp(node->op, "concat") == 0  ? node->n_in
           : strcmp(node->op, "split") == 0 ? node->n_out
                                            : 1;
}

/* Elements of split's part i along an axis of `dim`. */
static inline int64_t moves_part(const tnb_node *node, int64_t dim, int64_t i)
{
    int64_t n = tnb_attr_count(node, "sizes"), parts = tnb_attr_int(node, "parts", 0);
    if (n)
        return i < n ? tnb_attr_at(node, "sizes", (uint32_t)i, 0) : 0;
    int64_t share = dim / parts + (dim % parts != 0);
    return i >= parts ? 0 : i < parts - 1 ? share : dim - share * (parts - 1);
}

/* Part `n` elements long at `at` of an axis of `whole`; [outer, n, inner] on the part's side. */
static inline void moves_slab(struct moves_box *b, int64_t outer, int64_t n, int64_t inner,
                              int64_t whole, int64_t at, bool into_whole)
{
    moves_loop(b, outer, into_whole ? n * inner : whole * inner,
               into_whole ? whole * inner : n * inner);
    moves_loop(b, n * inner, 1, 1);
    if (into_whole)
        b->out_at = at * inner;
    else
        b->in_at = at * inner;
}

static inline void moves_concat(struct moves_box *b, const tnb_node *node,
                                const tnb_tensor *const *in, const tnb_tensor *y, uint32_t i)
{
    uint32_t axis = shape_axis(tnb_attr_int(node, "axis", 0), y->rank);
    int64_t at = 0;
    for (uint32_t k = 0; k < i; k++)
        at += in[k]->dim[axis];
    b->in = i;
    moves_slab(b, shape_product(y, 0, axis), in[i]->dim[axis], shape_product(y, axis + 1, y->rank),
               y->dim[axis], at, true);
}

static inline void moves_split(struct moves_box *b, const tnb_node *node, const tnb_tensor *x,
                               uint32_t j)
{
    uint32_t axis = shape_axis(tnb_attr_int(node, "axis", 0), x->rank);
    int64_t part = tnb_attr_int(node, "first", 0) + j, at = 0;
    for (int64_t k = 0; k < part; k++)
        at += moves_part(node, x->dim[axis], k);
    b->out = j;
    moves_slab(b, shape_product(x, 0, axis), moves_part(node, x->dim[axis], part),
               shape_product(x, axis + 1, x->rank), x->dim[axis], at, false);
}

static inline void moves_tile(struct moves_box *b, const tnb_node *node, const tnb_tensor *x,
                              const tnb_tensor *y)
{
    int64_t xs[TNB_MAX_RANK], ys[TNB_MAX_RANK];
    shape_strides(x, xs);
    shape_strides(y, ys);
    for (uint32_t d = 0; d < x->rank; d++) {
        moves_loop(b, tnb_attr_at(node, "repeats", d, 1), 0, x->dim[d] * ys[d]);
        moves_loop(b, x->dim[d], xs[d], ys[d]);
    }
}

static inline void moves_flip(struct moves_box *b, const tnb_node *node, const tnb_tensor *x)
{
    int64_t xs[TNB_MAX_RANK];
    uint32_t n = tnb_attr_count(node, "axes"), mask = n ? 0 : UINT32_MAX;
    shape_strides(x, xs);
    for (uint32_t i = 0; i < n; i++)
        mask |= 1u << shape_axis(tnb_attr_at(node, "axes", i, 0), x->rank);
    for (uint32_t d = 0; d < x->rank; d++) {
        bool turned = mask >> d & 1u;
        moves_loop(b, x->dim[d], turned ? -xs[d] : xs[d], xs[d]);
        if (turned && x->dim[d] > 0)
            b->in_at += (x->dim[d] - 1) * xs[d];
    }
}

static inline void moves_diagonal(struct moves_box *b, const tnb_node *node,
                                  const tnb_tensor *whole, const tnb_tensor *part, bool into_whole)
{
    int64_t ws[TNB_MAX_RANK], ps[TNB_MAX_RANK], offset = tnb_attr_int(node, "offset", 0), at;
    uint32_t a1 = shape_axis(tnb_attr_int(node, "axis1", 0), whole->rank);
    uint32_t a2 = shape_axis(tnb_attr_int(node, "axis2", 1), whole->rank), k = 0;
    shape_strides(whole, ws);
    shape_strides(part, ps);
    for (uint32_t d = 0; d < whole->rank; d++) {
        if (d == a1 || d == a2)
            continue;
        moves_loop(b, part->dim[k], into_whole ? ps[k] : ws[d], into_whole ? ws[d] : ps[k]);
        k++;
    }
    int64_t step = ws[a1] + ws[a2];
    moves_loop(b, part->dim[k], into_whole ? 1 : step, into_whole ? step : 1);
    /* An empty diagonal begins nowhere. */
    at = part->dim[k] == 0 ? 0 : offset < 0 ? -offset * ws[a1] : offset * ws[a2];
    if (into_whole)
        b->out_at = at;
    else
        b->in_at = at;
}

/* deep [N, C s^2, H, W], wide [N, C, H s, W s]; s is the square's side. */
static inline void moves_blocks(struct moves_box *b, const tnb_node *node, const tnb_tensor *deep,
                                bool to_wide)
{
    int64_t s = tnb_attr_int(node, "block", 1), h = deep->dim[2], w = deep->dim[3];
    int64_t c = deep->dim[1] / (s * s), plane = h * w;
    const char *mode = moves_string(node, "mode", "DCR");
    bool crd = mode[0] == 'C';
    int64_t of_c = crd ? s * s : 1, of_i = crd ? s : s * c, of_j = crd ? 1 : c;
    const int64_t loop[6][3] = {
        /* size, step in deep, step in wide */
        {deep->dim[0], deep->dim[1] * plane, deep->dim[1] * plane},
        {c, of_c * plane, s * s * plane},
        {h, w, s * s * w},
        {s, of_i * plane, s * w},
        {w, 1, s},
        {s, of_j * plane, 1},
    };
    for (uint32_t i = 0; i < 6; i++)
        moves_loop(b, loop[i][0], loop[i][to_wide ? 1 : 2], loop[i][to_wide ? 2 : 1]);
}

/* Box i of the node. */
static inline void moves_box_of(struct moves_box *b, const tnb_node *node,
                                const tnb_tensor *const *in, const tnb_tensor *const *out,
                                uint32_t i)
{
    const char *op = node->op;
    *b = (struct moves_box){.rank = 0};
    if (strcmp(op, "concat") == 0)
        moves_concat(b, node, in, out[0], i);
    else if (strcmp(op, "split") == 0)
        moves_split(b, node, in[0], i);
    else if (strcmp(op, "tile") == 0)
        moves_tile(b, node, in[0], out[0]);
    else if (strcmp(op, "flip") == 0)
        moves_flip(b, node, in[0]);
    else if (strcmp(op, "diagonal") == 0)
        moves_diagonal(b, node, in[0], out[0], false);
    else if (strcmp(op, "diagonal_grad") == 0)
        moves_diagonal(b, node, out[0], in[0], true);
    else if (strcmp(op, "depth_to_space") == 0)
        moves_blocks(b, node, in[0], true);
    else if (strcmp(op, "space_to_depth") == 0)
        moves_blocks(b, node, out[0], false);
    else /* squeeze, unsqueeze: an alias that is asked to run after all */
        moves_loop(b, shape_product(in[0], 0, in[0]->rank), 1, 1);
    moves_merge(b);
}

/* --- pad --- */

/* One axis: x is cropped to [skip, skip + n), `lead` elements come before. */
struct moves_border {
    int64_t skip, n, lead;
};
enum { MOVES_CONSTANT = 0, MOVES_EDGE, MOVES_REFLECT, MOVES_WRAP };

static inline int moves_pad_mode(const tnb_node *node)
{
    const char *mode = moves_string(node, "mode", "constant");
    return mode[0] == 'c'   ? MOVES_CONSTANT
           : mode[0] == 'e' ? MOVES_EDGE
           : mode[0] == 'r' ? MOVES_REFLECT
                            : MOVES_WRAP;
}

static inline struct moves_border moves_border_of(int64_t dim, int64_t before, int64_t after)
{
    struct moves_border p = {before < 0 ? -before : 0, dim, before > 0 ? before : 0};
    p.n = dim - p.skip + (after < 0 ? after : 0);
    return p;
}

/* The borders of pad's axes. */
static inline void moves_borders(const tnb_node *node, const tnb_tensor *x,
                                 struct moves_border out[TNB_MAX_RANK])
{
    uint32_t n = tnb_attr_count(node, "pads") / 2, n_axes = tnb_attr_count(node, "axes");
    for (uint32_t d = 0; d < x->rank; d++)
        out[d] = moves_border_of(x->dim[d], 0, 0);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t d = n_axes ? shape_axis(tnb_attr_at(node, "axes", i, 0), x->rank) : i;
        out[d] = moves_border_of(x->dim[d], tnb_attr_at(node, "pads", i, 0),
                                 tnb_attr_at(node, "pads", n + i, 0));
    }
}

/* --- constants --- */

static inline uint64_t moves_bits_f32(double v)
{
    float f = (float)v;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* Rounded to the nearest, ties to even. */
static inline uint64_t moves_bits_f16(double v)
{
    uint64_t sign = signbit(v) ? 0x8000u : 0, bits;
    double a = fabs(v);
    int e = 0;
    if (isnan(v))
        return sign | 0x7e00u;
    if (a >= 65520)
        return sign | 0x7c00u;
    if (a < 0x1p-14)
        return sign | (uint64_t)rint(a * 0x1p24);
    double m = frexp(a, &e);
    bits = ((uint64_t)(e + 14) << 10) + (uint64_t)rint(m * 2048) - 1024;
    return sign | bits;
}

static inline uint64_t moves_bits_bf16(double v)
{
    uint64_t bits = moves_bits_f32(v);
    double near = (double)(float)v;
    if (isnan(v))
        return bits >> 16 | 0x40u;
    /* An odd last bit stands for what f32 dropped, so that rounding twice is rounding once. */
    if (near != v && !(bits & 1u))
        bits += fabs(v) > fabs(near) ? 1u : UINT64_MAX;
    return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

static inline int64_t moves_whole(double v, double lowest, double highest, int64_t low,
                                  int64_t high)
{
    return isnan(v) ? 0 : v <= lowest ? low : v >= highest ? high : (int64_t)v;
}

/* v as an element of `dtype`, in the low bytes: converted as by cast (floats are rounded, integers
 * truncated and saturated, NaN is 0, bool is v != 0). */
static inline uint64_t moves_bits(uint32_t dtype, double v)
{
    uint64_t bits;
    switch (dtype) {
    case TNB_F32:
        return moves_bits_f32(v);
    case TNB_F16:
        return moves_bits_f16(v);
    case TNB_BF16:
        return moves_bits_bf16(v);
    case TNB_F64:
        memcpy(&bits, &v, sizeof bits);
        return bits;
    case TNB_BOOL:
        return v != 0;
    case TNB_U8:
        return (uint64_t)moves_whole(v, 0, 255, 0, 255);
    case TNB_I32:
        return (uint32_t)moves_whole(v, INT32_MIN, INT32_MAX, INT32_MIN, INT32_MAX);
    default:
        return (uint64_t)moves_whole(v, -0x1p63, 0x1p63, INT64_MIN, INT64_MAX);
    }
}

/* The smallest (0) or largest (1) integer of a type: what max and min of no elements are. */
static inline int64_t moves_extreme(uint32_t dtype, int largest)
{
    switch (dtype) {
    case TNB_BOOL:
        return largest;
    case TNB_U8:
        return largest ? UINT8_MAX : 0;
    case TNB_I32:
        return largest ? INT32_MAX : INT32_MIN;
    default:
        return largest ? INT64_MAX : INT64_MIN;
    }
}

#endif
