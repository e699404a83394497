#include "ops/window.h"

#include <inttypes.h>
#include <string.h>

const int64_t tn_window_ones[TN_WINDOW_AXES] = {1, 1, 1};
const int64_t tn_window_zeros[2 * TN_WINDOW_AXES] = {0};

/* Kernels compute indices in 32 bits; the limit also keeps every product here inside int64_t. */
static const int64_t max_length = INT32_MAX;

static const char *const axis_names[TN_WINDOW_AXES][TN_WINDOW_AXES] = {
    {"length"}, {"height", "width"}, {"depth", "height", "width"}};
static const char *const list_names[2][TN_WINDOW_AXES] = {
    {"(length)", "(height, width)", "(depth, height, width)"},
    {"(begin, end)", "(top, left, bottom, right)", "(front, top, left, back, bottom, right)"}};

const char *tn_window_axis(uint32_t axes, uint32_t axis)
{
    return axis_names[axes - 1][axis];
}

static void read_list(const struct tn_attrs *attrs, const char *name, uint32_t wanted, int64_t *out)
{
    uint32_t count = 0;
    const int64_t *value = tn_attrs_ints(attrs, name, &count);
    if (count == wanted)
        memcpy(out, value, wanted * sizeof(*out));
}

void tn_window_read(const struct tn_attrs *attrs, uint32_t axes, unsigned has,
                    struct tn_window *out_window)
{
    struct tn_window w = {.axes = axes, .kernel = {1, 1, 1}, .stride = {1, 1, 1}};
    int64_t pads[2 * TN_WINDOW_AXES] = {0};
    w.dilation[0] = w.dilation[1] = w.dilation[2] = 1;
    if (has & TN_WINDOW_KERNEL) {
        read_list(attrs, "kernel", axes, w.kernel);
        memcpy(w.stride, w.kernel, sizeof(w.stride));
    }
    read_list(attrs, "strides", axes, w.stride); /* pooling: empty means the kernel */
    read_list(attrs, "pads", 2 * axes, pads);
    memcpy(w.begin, pads, axes * sizeof(*pads));
    memcpy(w.end, pads + axes, axes * sizeof(*pads));
    if (has & TN_WINDOW_DILATIONS)
        read_list(attrs, "dilations", axes, w.dilation);
    if (has & TN_WINDOW_CEIL_MODE)
        w.ceil_mode = tn_attrs_int(attrs, "ceil_mode") != 0;
    *out_window = w;
}

tn_status tn_window_list(const struct tn_infer *ctx, uint32_t axes, const char *name, int64_t min,
                         int pads, int empty_allowed)
{
    uint32_t count = 0, wanted = pads ? 2 * axes : axes;
    const int64_t *value = tn_attrs_ints(ctx->attrs, name, &count);
    if (count == 0 && empty_allowed)
        return TN_OK;
    if (count != wanted)
        return tn_infer_fail(ctx, "'%s' has %u entries, needs %u %s", name, count, wanted,
                             list_names[pads != 0][axes - 1]);
    for (uint32_t i = 0; i < count; i++)
        if (value[i] < min || value[i] > max_length)
            return tn_infer_fail(
                ctx, "'%s' entry %u is %" PRId64 ", must be from %" PRId64 " to %" PRId64, name, i,
                value[i], min, max_length);
    return TN_OK;
}

tn_status tn_window_infer(const struct tn_infer *ctx, uint32_t axes, unsigned has,
                          struct tn_window *out_window)
{
    tn_status status = TN_OK;
    if (has & TN_WINDOW_KERNEL)
        status = tn_window_list(ctx, axes, "kernel", 1, 0, 0);
    if (status == TN_OK)
        status = tn_window_list(ctx, axes, "strides", 1, 0, (has & TN_WINDOW_KERNEL) != 0);
    if (status == TN_OK)
        status = tn_window_list(ctx, axes, "pads", 0, 1, 0);
    if (status == TN_OK && (has & TN_WINDOW_DILATIONS))
        status = tn_window_list(ctx, axes, "dilations", 1, 0, 0);
    if (status == TN_OK)
        tn_window_read(ctx->attrs, axes, has, out_window);
    return status;
}

static tn_status output_size(const struct tn_infer *ctx, struct tn_window *window, uint32_t axis)
{
    const char *name = tn_window_axis(window->axes, axis);
    int64_t begin = window->begin[axis], end = window->end[axis], size = window->in[axis];
    int64_t stride = window->stride[axis];
    if (size > max_length)
        return tn_infer_fail(ctx, "input %s %" PRId64 " is beyond the limit of %" PRId64, name,
                             size, max_length);
    int64_t extent = window->dilation[axis] * (window->kernel[axis] - 1) + 1;
    int64_t room = size + begin + end - extent;
    int64_t out = 0;
    if (room >= 0) {
        out = room / stride + 1;
        if (window->ceil_mode && room % stride != 0)
            out++;
    } else if (window->ceil_mode && -room < stride) {
        out = 1; /* ceil(room / stride) is 0 */
    }
    /* A last window made by rounding up must still begin inside the input. */
    if (window->ceil_mode && out > 0 && (out - 1) * stride >= size + begin)
        out--;
    if (out < 1)
        return tn_infer_fail(ctx,
                             "a window of %s %" PRId64 " (kernel %" PRId64 ", dilation %" PRId64
                             ") does not fit the padded input of %" PRId64 " (%" PRId64
                             " + pads %" PRId64 " + %" PRId64 "); use a smaller kernel or pad more",
                             name, extent, window->kernel[axis], window->dilation[axis],
                             size + begin + end, size, begin, end);
    window->out[axis] = out;
    return TN_OK;
}

tn_status tn_window_output(const struct tn_infer *ctx, struct tn_window *window)
{
    tn_status status = TN_OK;
    for (uint32_t a = 0; a < window->axes && status == TN_OK; a++)
        status = output_size(ctx, window, a);
    return status;
}

/* Whether the window at output position `o` has a tap inside the input. */
static int has_real_tap(const struct tn_window *window, uint32_t axis, int64_t o)
{
    int64_t start = tn_window_at(window, axis, o, 0), step = window->dilation[axis];
    int64_t size = window->in[axis];
    if (start >= 0)
        return start < size;
    int64_t first = (-start + step - 1) / step; /* the first tap at or after 0 */
    return first < window->kernel[axis] && start + first * step < size;
}

tn_status tn_window_no_empty(const struct tn_infer *ctx, const struct tn_window *window)
{
    static const char *const place[TN_WINDOW_AXES][TN_WINDOW_AXES] = {
        {"place"}, {"row", "column"}, {"slice", "row", "column"}};
    for (uint32_t axis = 0; axis < window->axes; axis++) {
        int64_t n = window->out[axis];
        /* Only windows that begin in the leading padding, and the last one, can be empty. */
        int64_t bad = has_real_tap(window, axis, n - 1) ? -1 : n - 1;
        for (int64_t o = 0; o < n && bad < 0 && tn_window_at(window, axis, o, 0) < 0; o++)
            if (!has_real_tap(window, axis, o))
                bad = o;
        if (bad >= 0)
            return tn_infer_fail(ctx,
                                 "the window at output %s %" PRId64
                                 " would hold nothing but padding (kernel %" PRId64
                                 ", pads %" PRId64 " and %" PRId64
                                 "); keep each pad smaller than the kernel",
                                 place[window->axes - 1][axis], bad, window->kernel[axis],
                                 window->begin[axis], window->end[axis]);
    }
    return TN_OK;
}

tn_status tn_window_input_shape(const struct tn_infer *ctx, uint32_t axes,
                                struct tn_shape *out_shape)
{
    static const char *const names[] = {"N, C, L", "N, C, H, W", "N, C, D, H, W"};
    uint32_t count = 0;
    const int64_t *dim = tn_attrs_ints(ctx->attrs, "input_shape", &count);
    if (count != axes + 2)
        return tn_infer_fail(ctx, "'input_shape' has %u entries, needs %u (%s)", count, axes + 2,
                             names[axes - 1]);
    for (uint32_t i = 0; i < count; i++)
        if (dim[i] < 0)
            return tn_infer_fail(ctx, "'input_shape' entry %u is %" PRId64 ", must not be negative",
                                 i, dim[i]);
    *out_shape = tn_shape_make(dim, count);
    return TN_OK;
}

void tn_window_of(struct tn_window *window, const struct tn_shape *x)
{
    for (uint32_t a = 0; a < window->axes; a++)
        window->in[a] = x->dim[a + 2];
}

struct tn_shape tn_window_shape(const struct tn_window *window, int64_t n, int64_t channels)
{
    int64_t dim[2 + TN_WINDOW_AXES] = {n, channels};
    memcpy(dim + 2, window->out, window->axes * sizeof(*dim));
    return tn_shape_make(dim, 2 + window->axes);
}

tn_status tn_window_check_dy(const struct tn_infer *ctx, const struct tn_shape *dy,
                             const struct tn_shape *y)
{
    if (tn_shape_equal(dy, y))
        return TN_OK;
    char dy_text[64], y_text[64];
    return tn_infer_fail(ctx, "dy is %s, but these attributes give an output of %s",
                         tn_shape_format(dy, dy_text, sizeof(dy_text)),
                         tn_shape_format(y, y_text, sizeof(y_text)));
}

int64_t tn_window_cell(const struct tn_window *window, int64_t o, int64_t k)
{
    int64_t cell = 0, scale = 1;
    for (uint32_t a = window->axes; a-- > 0;) {
        int64_t at = tn_window_at(window, a, o % window->out[a], k % window->kernel[a]);
        if (at < 0 || at >= window->in[a])
            return -1;
        cell += at * scale;
        scale *= window->in[a];
        o /= window->out[a];
        k /= window->kernel[a];
    }
    return cell;
}
