#include "ops/window.h"

#include <inttypes.h>
#include <string.h>

#include "base/arena.h"

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

static const char *const auto_pad_names[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
enum { N_AUTO_PADS = sizeof(auto_pad_names) / sizeof(*auto_pad_names) };

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

/* N_AUTO_PADS where the name is none of them. */
enum tn_auto_pad tn_window_auto_pad(const struct tn_attrs *attrs)
{
    const char *name = tn_attrs_string(attrs, "auto_pad");
    uint32_t i = 0;
    while (i < N_AUTO_PADS && strcmp(name, auto_pad_names[i]) != 0)
        i++;
    return (enum tn_auto_pad)i;
}

static tn_status check_auto_pad(const struct tn_infer *ctx)
{
    uint32_t count = 0, mode = tn_window_auto_pad(ctx->attrs);
    const int64_t *pads = tn_attrs_ints(ctx->attrs, "pads", &count);
    if (mode >= N_AUTO_PADS)
        return tn_infer_fail(ctx,
                             "auto_pad '%s' is unknown; it is NOTSET, SAME_UPPER, SAME_LOWER or "
                             "VALID, in capitals",
                             tn_attrs_string(ctx->attrs, "auto_pad"));
    for (uint32_t i = 0; i < count && mode != TN_PAD_NOTSET; i++)
        if (pads[i] != 0)
            return tn_infer_fail(ctx,
                                 "'pads' entry %u is %" PRId64
                                 ", but auto_pad %s sets the pads; leave 'pads' out, or auto_pad",
                                 i, pads[i], auto_pad_names[mode]);
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
        status = check_auto_pad(ctx);
    if (status == TN_OK) {
        tn_window_read(ctx->attrs, axes, has, out_window);
        out_window->auto_pad = tn_window_auto_pad(ctx->attrs);
    }
    return status;
}

static int64_t extent_of(const struct tn_window *window, uint32_t axis)
{
    return window->dilation[axis] * (window->kernel[axis] - 1) + 1;
}

/* `total` cells of padding, the odd one at the end or at the beginning; below 0 is none. */
static void split(struct tn_window *window, uint32_t axis, int64_t total)
{
    int64_t less = total > 0 && window->auto_pad != TN_PAD_NONE ? total / 2 : 0;
    int64_t more = total > 0 && window->auto_pad != TN_PAD_NONE ? total - less : 0;
    int upper = window->auto_pad == TN_PAD_SAME_UPPER;
    window->begin[axis] = upper ? less : more;
    window->end[axis] = upper ? more : less;
}

/* ONNX's formulas for VALID and for SAME give what rounding down gives, whatever ceil_mode says. */
static tn_status pad(const struct tn_infer *ctx, struct tn_window *window, uint32_t axis)
{
    int64_t size = window->in[axis], stride = window->stride[axis];
    int64_t out = size / stride + (size % stride != 0);
    int64_t total = out > 0 ? (out - 1) * stride + extent_of(window, axis) - size : 0;
    if (window->auto_pad == TN_PAD_NOTSET)
        return TN_OK;
    window->ceil_mode = 0;
    split(window, axis, total);
    if (total <= max_length)
        return TN_OK;
    return tn_infer_fail(ctx,
                         "auto_pad %s would take %" PRId64 " cells of padding, beyond %" PRId64
                         "; use a smaller kernel or dilation",
                         auto_pad_names[window->auto_pad], total, max_length);
}

void tn_window_cut(struct tn_window *window, int64_t *output_padding)
{
    for (uint32_t a = 0; a < window->axes && window->auto_pad != TN_PAD_NOTSET; a++) {
        int64_t over = extent_of(window, a) + output_padding[a] - window->stride[a];
        split(window, a, over);
        if (over < 0 && window->auto_pad != TN_PAD_NONE)
            output_padding[a] -= over;
    }
}

static tn_status output_size(const struct tn_infer *ctx, struct tn_window *window, uint32_t axis)
{
    const char *name = tn_window_axis(window->axes, axis);
    int64_t size = window->in[axis], stride = window->stride[axis];
    if (size > max_length)
        return tn_infer_fail(ctx, "input %s %" PRId64 " is beyond the limit of %" PRId64, name,
                             size, max_length);
    if (pad(ctx, window, axis) != TN_OK)
        return TN_E_INVALID;
    int64_t extent = extent_of(window, axis);
    int64_t begin = window->begin[axis], end = window->end[axis];
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
                                 ", pads %" PRId64 " and %" PRId64 "); %s",
                                 place[window->axes - 1][axis], bad, window->kernel[axis],
                                 window->begin[axis], window->end[axis],
                                 window->auto_pad == TN_PAD_NOTSET
                                     ? "keep each pad smaller than the kernel"
                                     : "use a smaller dilation");
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

/* --- settled attributes --- */

static struct tn_attr *find(struct tn_attr *list, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

/* The windows of a node, with pads; whichever of x and the kernel is no input is an attribute. */
static tn_status window_of_node(const struct tn_infer *ctx, struct tn_attr *list,
                                struct tn_window *window, int64_t *output_padding)
{
    uint32_t n = ctx->attrs->n, axes = ctx->in[0]->shape.rank - 2;
    unsigned has = TN_WINDOW_DILATIONS;
    const struct tn_attr *extra = find(list, n, "output_padding");
    struct tn_shape x = ctx->in[0]->shape;
    if (find(list, n, "kernel"))
        has |= TN_WINDOW_KERNEL;
    if (find(list, n, "ceil_mode"))
        has |= TN_WINDOW_CEIL_MODE;
    tn_status status = tn_window_infer(ctx, axes, has, window);
    if (status == TN_OK && !(has & TN_WINDOW_KERNEL))
        memcpy(window->kernel, ctx->in[1]->shape.dim + 2, axes * sizeof(*window->kernel));
    if (status == TN_OK && extra) {
        memcpy(output_padding, extra->u.ints, axes * sizeof(*output_padding));
        tn_window_cut(window, output_padding);
        return TN_OK;
    }
    if (status == TN_OK && find(list, n, "input_shape"))
        status = tn_window_input_shape(ctx, axes, &x);
    if (status != TN_OK)
        return status;
    tn_window_of(window, &x);
    return tn_window_output(ctx, window);
}

tn_status tn_window_settle(const struct tn_infer *ctx, struct tn_arena *arena,
                           struct tn_attrs *out_attrs)
{
    uint32_t n = ctx->attrs->n;
    size_t axes = ctx->in[0]->shape.rank - 2;
    struct tn_attr *list = tn_arena_dup(arena, ctx->attrs->list, n * sizeof(*list));
    int64_t *pads = TN_ARENA_NEW(arena, int64_t, 2 * TN_WINDOW_AXES);
    int64_t *extra = TN_ARENA_NEW(arena, int64_t, TN_WINDOW_AXES);
    struct tn_window window;
    if (!list || !pads || !extra)
        return TN_E_OOM;
    struct tn_attr *mode = find(list, n, "auto_pad");
    if (!mode) /* a pool of the whole channel */
        return TN_OK;
    if (tn_window_auto_pad(ctx->attrs) != TN_PAD_NOTSET) {
        tn_status status = window_of_node(ctx, list, &window, extra);
        if (status != TN_OK)
            return status;
        memcpy(pads, window.begin, axes * sizeof(*pads));
        memcpy(pads + axes, window.end, axes * sizeof(*pads));
        find(list, n, "pads")->u.ints = pads;
        if (find(list, n, "ceil_mode"))
            find(list, n, "ceil_mode")->u.i = 0;
        if (find(list, n, "output_padding"))
            find(list, n, "output_padding")->u.ints = extra;
    }
    memmove(mode, mode + 1, (size_t)(list + n - (mode + 1)) * sizeof(*list));
    *out_attrs = (struct tn_attrs){.list = list, .n = n - 1};
    return TN_OK;
}
