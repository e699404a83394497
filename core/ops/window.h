/* The sliding window that convolution and pooling share, over one to three axes: its attributes,
 * their checks, and the output size. All lengths are in cells. */
#ifndef TN_OPS_WINDOW_H
#define TN_OPS_WINDOW_H

#include "ops/op.h"

#define TN_WINDOW_AXES 3

/* The attribute `auto_pad`, with ONNX's names and meaning (opset 21). */
enum tn_auto_pad { TN_PAD_NOTSET, TN_PAD_SAME_UPPER, TN_PAD_SAME_LOWER, TN_PAD_NONE };

struct tn_window {
    uint32_t axes;
    int64_t in[TN_WINDOW_AXES]; /* of the input, without padding */
    int64_t kernel[TN_WINDOW_AXES], stride[TN_WINDOW_AXES], dilation[TN_WINDOW_AXES];
    int64_t begin[TN_WINDOW_AXES], end[TN_WINDOW_AXES]; /* pads */
    int ceil_mode;
    enum tn_auto_pad auto_pad; /* else than NOTSET: pads and ceil_mode follow from the sizes */
    int64_t out[TN_WINDOW_AXES];
};

/* Which attributes an operator has beside strides and pads; the others take their defaults. */
enum { TN_WINDOW_KERNEL = 1u << 0, TN_WINDOW_DILATIONS = 1u << 1, TN_WINDOW_CEIL_MODE = 1u << 2 };

/* Reads checked attributes but auto_pad, which references and backends never see (settle below);
 * without `kernel` among them the caller fills it in. Sizes stay 0. */
void tn_window_read(const struct tn_attrs *attrs, uint32_t axes, unsigned has,
                    struct tn_window *out_window);

/* Checks the number and range of every entry, then reads; auto_pad too. */
tn_status tn_window_infer(const struct tn_infer *ctx, uint32_t axes, unsigned has,
                          struct tn_window *out_window);

/* Checks one list: empty, where that is allowed, or an entry from `min` on for each axis (two for
 * each if `pads`). */
tn_status tn_window_list(const struct tn_infer *ctx, uint32_t axes, const char *name, int64_t min,
                         int pads, int empty_allowed);

/* Needs `in` and `kernel`: fills `out`, and the pads that auto_pad stands for. TN_E_INVALID where
 * no window fits, or where a size is beyond what index arithmetic in 32 bits can hold. */
tn_status tn_window_output(const struct tn_infer *ctx, struct tn_window *window);

/* What auto_pad stands for in a transposed convolution of that output padding: an output of
 * in * stride. A window shorter than its step leaves room there, which becomes output padding. */
void tn_window_cut(struct tn_window *window, int64_t *output_padding);

/* op->settle of every operator with TN_WINDOW_PADS_ATTR: auto_pad goes, and `pads` is what it
 * stands for, likewise `ceil_mode` and `output_padding` where the operator has them. */
tn_status tn_window_settle(const struct tn_infer *ctx, struct tn_arena *arena,
                           struct tn_attrs *out_attrs);
enum tn_auto_pad tn_window_auto_pad(const struct tn_attrs *attrs);

/* Rejects a pooling window that would hold nothing but padding: it has no maximum and no mean. */
tn_status tn_window_no_empty(const struct tn_infer *ctx, const struct tn_window *window);

/* The attribute `input_shape`: axes + 2 dims, none negative. */
tn_status tn_window_input_shape(const struct tn_infer *ctx, uint32_t axes,
                                struct tn_shape *out_shape);

/* Takes x's sizes as the window's; gives y's shape: N, `channels`, `out`. */
void tn_window_of(struct tn_window *window, const struct tn_shape *x);
struct tn_shape tn_window_shape(const struct tn_window *window, int64_t n, int64_t channels);

/* Compares dy's shape with the one that the forward pass gives. */
tn_status tn_window_check_dy(const struct tn_infer *ctx, const struct tn_shape *dy,
                             const struct tn_shape *y);

/* "height" and the like; "height, width"; "top, left, bottom, right". */
const char *tn_window_axis(uint32_t axes, uint32_t axis);

/* Input position of tap `k` of output position `o` along an axis; may lie outside. */
static inline int64_t tn_window_at(const struct tn_window *window, uint32_t axis, int64_t o,
                                   int64_t k)
{
    return o * window->stride[axis] - window->begin[axis] + k * window->dilation[axis];
}

/* Cells of `dim` over the window's axes. */
static inline int64_t tn_window_cells(const struct tn_window *window, const int64_t *dim)
{
    int64_t n = 1;
    for (uint32_t a = 0; a < window->axes; a++)
        n *= dim[a];
    return n;
}

/* The input cell, counted row-major, of tap `k` of output place `o`, both counted likewise; -1
 * where it is padding. */
int64_t tn_window_cell(const struct tn_window *window, int64_t o, int64_t k);

/* Two of the defaults. */
extern const int64_t tn_window_ones[TN_WINDOW_AXES];
extern const int64_t tn_window_zeros[2 * TN_WINDOW_AXES];

/* Attributes of pooling windows. */
#define TN_WINDOW_KERNEL_ATTR                                  \
    {                                                          \
        .name = "kernel", .type = TN_ATTR_INTS, .required = 1, \
        .doc = "the window's size, per axis"                   \
    }
#define TN_WINDOW_STRIDES_ATTR                                          \
    {                                                                   \
        .name = "strides", .type = TN_ATTR_INTS, .dflt = {.count = 0},  \
        .doc = "step of the window, per axis; empty: the kernel's size" \
    }
#define TN_WINDOW_PADS_ATTR(axes_, doc_, auto_doc)                                             \
    {.name = "pads",                                                                           \
     .type = TN_ATTR_INTS,                                                                     \
     .dflt = {.count = 2 * (axes_), .u.ints = tn_window_zeros},                                \
     .doc = doc_},                                                                             \
    {                                                                                          \
        .name = "auto_pad", .type = TN_ATTR_STRING, .dflt = {.u.s = "NOTSET"}, .doc = auto_doc \
    }
/* What auto_pad does to an axis where a window slides over the input. */
#define TN_WINDOW_SAME                                                                      \
    "NOTSET: `pads` as they are; SAME_UPPER, SAME_LOWER: (ceil(in / stride) - 1) stride + " \
    "dilation (kernel - 1) + 1 - in cells per axis, at least 0, which makes the output "    \
    "ceil(in / stride), the odd cell at the end or (LOWER) at the beginning; VALID: none"
#define TN_WINDOW_SAME_FLOORED TN_WINDOW_SAME "; under the last three ceil_mode changes nothing"
#define TN_WINDOW_DILATIONS_ATTR(axes_)                        \
    {                                                          \
        .name = "dilations", .type = TN_ATTR_INTS,             \
        .dflt = {.count = (axes_), .u.ints = tn_window_ones},  \
        .doc = "distance between the window's cells, per axis" \
    }
#define TN_WINDOW_CEIL_ATTR                                                                   \
    {                                                                                         \
        .name = "ceil_mode", .type = TN_ATTR_INT,                                             \
        .doc = "1: the output size is rounded up; a last window must still begin inside the " \
               "input"                                                                        \
    }
#define TN_WINDOW_INPUT_ATTR(doc_)                                              \
    {                                                                           \
        .name = "input_shape", .type = TN_ATTR_INTS, .required = 1, .doc = doc_ \
    }

#endif
