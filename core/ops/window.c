#include "ops/window.h"

#include <inttypes.h>
#include <string.h>

const int64_t tn_window_ones[2] = {1, 1};
const int64_t tn_window_zeros[4] = {0, 0, 0, 0};

/* Kernels compute indices in 32 bits; the limit also keeps every product here inside int64_t. */
static const int64_t max_length = INT32_MAX;

static void read_pair(const struct tn_attrs *attrs, const char *name, int64_t *out_pair)
{
    uint32_t count = 0;
    const int64_t *value = tn_attrs_ints(attrs, name, &count);
    if (count == 2)
        memcpy(out_pair, value, 2 * sizeof(*out_pair));
}

void tn_window_read(const struct tn_attrs *attrs, unsigned has, struct tn_window *out_window)
{
    *out_window = (struct tn_window){.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}};
    if (has & TN_WINDOW_KERNEL) {
        read_pair(attrs, "kernel", out_window->kernel);
        memcpy(out_window->stride, out_window->kernel, sizeof(out_window->stride));
    }
    read_pair(attrs, "strides", out_window->stride); /* pooling: empty means the kernel */
    uint32_t count = 0;
    const int64_t *pads = tn_attrs_ints(attrs, "pads", &count);
    for (uint32_t i = 0; i < count && i < 4; i++)
        out_window->pad[i] = pads[i];
    if (has & TN_WINDOW_DILATIONS)
        read_pair(attrs, "dilations", out_window->dilation);
    if (has & TN_WINDOW_CEIL_MODE)
        out_window->ceil_mode = tn_attrs_int(attrs, "ceil_mode") != 0;
}

static tn_status check_entries(const struct tn_infer *ctx, const char *name, uint32_t wanted,
                               int64_t min, int empty_allowed)
{
    uint32_t count = 0;
    const int64_t *value = tn_attrs_ints(ctx->attrs, name, &count);
    if (count == 0 && empty_allowed)
        return TN_OK;
    if (count != wanted)
        return tn_infer_fail(ctx, "'%s' has %u entries, needs %u %s", name, count, wanted,
                             wanted == 4 ? "(top, left, bottom, right)" : "(height, width)");
    for (uint32_t i = 0; i < count; i++)
        if (value[i] < min || value[i] > max_length)
            return tn_infer_fail(
                ctx, "'%s' entry %u is %" PRId64 ", must be from %" PRId64 " to %" PRId64, name, i,
                value[i], min, max_length);
    return TN_OK;
}

tn_status tn_window_infer(const struct tn_infer *ctx, unsigned has, struct tn_window *out_window)
{
    tn_status status = TN_OK;
    if (has & TN_WINDOW_KERNEL)
        status = check_entries(ctx, "kernel", 2, 1, 0);
    if (status == TN_OK)
        status = check_entries(ctx, "strides", 2, 1, (has & TN_WINDOW_KERNEL) != 0);
    if (status == TN_OK)
        status = check_entries(ctx, "pads", 4, 0, 0);
    if (status == TN_OK && (has & TN_WINDOW_DILATIONS))
        status = check_entries(ctx, "dilations", 2, 1, 0);
    if (status == TN_OK)
        tn_window_read(ctx->attrs, has, out_window);
    return status;
}

static tn_status output_size(const struct tn_infer *ctx, const struct tn_window *window, int axis,
                             int64_t size, int64_t *out_size)
{
    static const char *const axis_name[] = {"height", "width"};
    int64_t begin = window->pad[axis], end = window->pad[axis + 2];
    int64_t stride = window->stride[axis];
    if (size > max_length)
        return tn_infer_fail(ctx, "input %s %" PRId64 " is beyond the limit of %" PRId64,
                             axis_name[axis], size, max_length);
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
                             axis_name[axis], extent, window->kernel[axis], window->dilation[axis],
                             size + begin + end, size, begin, end);
    *out_size = out;
    return TN_OK;
}

tn_status tn_window_output(const struct tn_infer *ctx, struct tn_window *window)
{
    tn_status status = output_size(ctx, window, 0, window->height, &window->out_height);
    if (status == TN_OK)
        status = output_size(ctx, window, 1, window->width, &window->out_width);
    return status;
}

/* Whether the window at output position `o` has a tap inside the input. */
static int has_real_tap(const struct tn_window *window, int axis, int64_t size, int64_t o)
{
    int64_t start = tn_window_at(window, axis, o, 0), step = window->dilation[axis];
    if (start >= 0)
        return start < size;
    int64_t first = (-start + step - 1) / step; /* the first tap at or after 0 */
    return first < window->kernel[axis] && start + first * step < size;
}

tn_status tn_window_no_empty(const struct tn_infer *ctx, const struct tn_window *window)
{
    for (int axis = 0; axis < 2; axis++) {
        int64_t size = axis == 0 ? window->height : window->width;
        int64_t n = axis == 0 ? window->out_height : window->out_width;
        /* Only windows that begin in the leading padding, and the last one, can be empty. */
        int64_t bad = has_real_tap(window, axis, size, n - 1) ? -1 : n - 1;
        for (int64_t o = 0; o < n && bad < 0 && tn_window_at(window, axis, o, 0) < 0; o++)
            if (!has_real_tap(window, axis, size, o))
                bad = o;
        if (bad >= 0)
            return tn_infer_fail(ctx,
                                 "the window at output %s %" PRId64
                                 " would hold nothing but padding (kernel %" PRId64
                                 ", pads %" PRId64 " and %" PRId64
                                 "); keep each pad smaller than the kernel",
                                 axis == 0 ? "row" : "column", bad, window->kernel[axis],
                                 window->pad[axis], window->pad[axis + 2]);
    }
    return TN_OK;
}

tn_status tn_window_input_shape(const struct tn_infer *ctx, struct tn_shape *out_shape)
{
    uint32_t count = 0;
    const int64_t *dim = tn_attrs_ints(ctx->attrs, "input_shape", &count);
    if (count != 4)
        return tn_infer_fail(ctx, "'input_shape' has %u entries, needs 4 (N, C, H, W)", count);
    for (uint32_t i = 0; i < count; i++)
        if (dim[i] < 0)
            return tn_infer_fail(ctx, "'input_shape' entry %u is %" PRId64 ", must not be negative",
                                 i, dim[i]);
    *out_shape = tn_shape_make(dim, count);
    return TN_OK;
}
