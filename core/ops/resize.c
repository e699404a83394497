/* resize: rows and columns of an image (or the places of a sequence) to another number, as ONNX
 * Resize, modes nearest and linear (bilinear), and PyTorch's interpolate.
 *
 * Place o of an axis of m elements looks at place s of x's n elements. The length L is m where
 * sizes are given, and n scale, which need not be whole, where a scale is; ratio = n / L.
 *   half_pixel            s = (o + 0.5) ratio - 0.5
 *   half_pixel_symmetric  likewise, plus (1 - m / L) n / 2, so that a size which a scale cut off
 *                         takes as much from either end
 *   pytorch_half_pixel    as half_pixel; 0 where L <= 1
 *   align_corners         s = o (n - 1) / (L - 1)
 *   asymmetric            s = o ratio
 *   tf_crop_and_resize    s = (begin + o (end - begin) / (L - 1)) (n - 1), and the middle of begin
 * and end where L is 1: a window of x, whose sides are shares of its length; what lies outside x is
 * `extrapolation` nearest rounds s by nearest_mode; linear weighs the two neighbours. Else what
 * lies outside is the edge. s is worked out in double on every device, so that all round alike.
 *
 * dx = each dy given back to the places that it came from, by their weights (resize_grad). */
#include <math.h>
#include <string.h>

#include "ops/util.h"

enum {
    HALF_PIXEL,
    HALF_PIXEL_SYMMETRIC,
    PYTORCH_HALF_PIXEL,
    ALIGN_CORNERS,
    ASYMMETRIC,
    CROP,
    N_COORDINATES
};
static const char *const coordinate_names[] = {"half_pixel",         "half_pixel_symmetric",
                                               "pytorch_half_pixel", "align_corners",
                                               "asymmetric",         "tf_crop_and_resize"};
enum { PREFER_FLOOR, PREFER_CEIL, FLOOR, CEIL, N_ROUNDINGS };
static const char *const rounding_names[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                             "ceil"};

struct rule {
    int is_linear, coordinates, rounding;
    double scale[2];         /* of rows and columns; 0: by the sizes */
    double begin[2], end[2]; /* of the cropped window */
};

static int find_name(const char *name, const char *const *list, int n)
{
    int i = 0;
    while (i < n && strcmp(name, list[i]) != 0)
        i++;
    return i;
}

static struct rule rule_of(const struct tn_attrs *attrs)
{
    return (struct rule){
        .is_linear = strcmp(tn_attrs_string(attrs, "mode"), "linear") == 0,
        .coordinates =
            find_name(tn_attrs_string(attrs, "coordinates"), coordinate_names, N_COORDINATES),
        .rounding = find_name(tn_attrs_string(attrs, "nearest_mode"), rounding_names, N_ROUNDINGS),
        .scale = {tn_attrs_float(attrs, "scale_h"), tn_attrs_float(attrs, "scale_w")},
        .begin = {tn_attrs_float(attrs, "crop_top"), tn_attrs_float(attrs, "crop_left")},
        .end = {tn_attrs_float(attrs, "crop_bottom"), tn_attrs_float(attrs, "crop_right")},
    };
}

/* What place o of m takes from n: elements i0 and i1, of which i1 weighs `w`; i0 below 0: nothing.
 */
struct tap {
    int64_t i0, i1;
    double w;
};

static double position(const struct rule *r, int axis, int64_t n, int64_t m, int64_t o)
{
    double scale = r->scale[axis], begin = r->begin[axis], end = r->end[axis];
    double at = (double)o, length = scale > 0 ? (double)n * scale : (double)m;
    if (r->coordinates == ALIGN_CORNERS)
        return o == 0 ? 0.0 : at * (double)(n - 1) / (length - 1);
    if (r->coordinates == CROP) /* by the sizes: check_rule */
        return m > 1 ? begin * (double)(n - 1) +
                           at * (end - begin) * (double)(n - 1) / (double)(m - 1)
                     : 0.5 * (begin + end) * (double)(n - 1);
    if (r->coordinates == PYTORCH_HALF_PIXEL && length <= 1)
        return 0.0;
    double shift = r->coordinates == ASYMMETRIC ? 0.0 : 0.5;
    at += shift;
    at = scale > 0 ? at / scale : at * (double)n / (double)m;
    double offset = 0.0;
    if (r->coordinates == HALF_PIXEL_SYMMETRIC)
        offset = (double)n / 2 * (1 - (double)m / length);
    return offset + (at - shift);
}

static struct tap tap_of(const struct rule *r, int axis, int64_t n, int64_t m, int64_t o)
{
    double s = position(r, axis, n, m, o), last = (double)(n - 1);
    if (r->coordinates == CROP && (s < 0 || s > last))
        return (struct tap){-1, -1, 0.0};
    if (r->is_linear) {
        s = s < 0 ? 0 : s > last ? last : s;
        int64_t i0 = (int64_t)floor(s);
        return (struct tap){i0, TN_MIN(i0 + 1, n - 1), s - (double)i0};
    }
    s = r->rounding == PREFER_FLOOR  ? ceil(s - 0.5)
        : r->rounding == PREFER_CEIL ? floor(s + 0.5)
        : r->rounding == FLOOR       ? floor(s)
                                     : ceil(s);
    int64_t i = (int64_t)(s < 0 ? 0 : s > last ? last : s);
    return (struct tap){i, i, 0.0};
}

/* Checks the attributes that resize and its gradient share. x: [N, C, W] or [N, C, H, W]. */
static tn_status check_rule(const struct tn_infer *ctx)
{
    struct rule r = rule_of(ctx->attrs);
    const char *mode = tn_attrs_string(ctx->attrs, "mode");
    tn_status st = tn_infer_rank(ctx, 0, 3, 4);
    if (st != TN_OK)
        return st;
    if (strcmp(mode, "nearest") != 0 && !r.is_linear)
        return tn_infer_fail(ctx, "mode is '%s'; it must be nearest or linear", mode);
    if (r.coordinates == N_COORDINATES)
        return tn_infer_fail(ctx,
                             "coordinates is '%s'; it must be half_pixel, half_pixel_symmetric, "
                             "pytorch_half_pixel, align_corners, asymmetric or tf_crop_and_resize",
                             tn_attrs_string(ctx->attrs, "coordinates"));
    if (r.rounding == N_ROUNDINGS)
        return tn_infer_fail(ctx,
                             "nearest_mode is '%s'; it must be round_prefer_floor, "
                             "round_prefer_ceil, floor or ceil",
                             tn_attrs_string(ctx->attrs, "nearest_mode"));
    for (int i = 0; i < 2; i++)
        if (!(r.scale[i] >= 0 && r.scale[i] <= 1e6))
            return tn_infer_fail(ctx, "scale_%c is %g; it must be above 0 and at most 1e6", "hw"[i],
                                 r.scale[i]);
    for (int i = 0; i < 2; i++)
        if (!(fabs(r.begin[i]) <= 1e6 && fabs(r.end[i]) <= 1e6))
            return tn_infer_fail(ctx, "the crop goes from %g to %g; at most 1e6 either side",
                                 r.begin[i], r.end[i]);
    if (r.coordinates == CROP && (r.scale[0] != 0 || r.scale[1] != 0))
        return tn_infer_fail(ctx, "tf_crop_and_resize goes by sizes, not by scales");
    if (ctx->in[0]->shape.rank == 3 && r.scale[0] != 0)
        return tn_infer_fail(ctx, "scale_h is given, but x [N, C, W] has no rows");
    if (r.is_linear)
        st = tn_infer_float(ctx, 0);
    return st;
}

/* The output's size along axis d >= 2 of `dim` elements, from sizes or the scale. */
static tn_status output_size(const struct tn_infer *ctx, const struct tn_shape *x, uint32_t d,
                             int64_t dim, int64_t *out)
{
    uint32_t n;
    const int64_t *sizes = tn_attrs_ints(ctx->attrs, "sizes", &n);
    double scale = rule_of(ctx->attrs).scale[d + 2 - x->rank];
    int64_t m;
    if ((n != 0) == (scale > 0))
        return tn_infer_fail(ctx, "give either sizes or scale_%c%s", "hw"[d + 2 - x->rank],
                             x -> rank == 4 ? " (a scale for rows and one for columns)" : "");
    if (n != 0 && n != x->rank - 2)
        return tn_infer_fail(ctx, "sizes has %u entries, but x has %u axes to resize", n,
                             x->rank - 2);
    m = n ? sizes[d - 2] : (int64_t)floor(fmin((double)dim * scale, 0x1p62));
    if (m < 0 || (dim == 0) != (m == 0))
        return tn_infer_fail(ctx, "axis %u cannot go from %lld to %lld elements", d, (long long)dim,
                             (long long)m);
    *out = m;
    return TN_OK;
}

static tn_status resize_infer(struct tn_infer *ctx)
{
    struct tn_shape y = ctx->in[0]->shape;
    tn_status st = check_rule(ctx);
    for (uint32_t d = 2; st == TN_OK && d < y.rank; d++)
        st = output_size(ctx, &ctx->in[0]->shape, d, ctx->in[0]->shape.dim[d], &y.dim[d]);
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, y};
    return st;
}

/* Both directions visit y's places; `visit` sees the up to four places of x and their weights. */
struct walk {
    struct rule rule;
    int64_t planes, h, w, oh, ow; /* one row where x has none */
};

static struct walk walk_of(const struct tn_attrs *attrs, const struct tn_shape *x,
                           const struct tn_shape *y)
{
    int is_2d = x->rank == 4;
    return (struct walk){
        .rule = rule_of(attrs),
        .planes = x->dim[0] * x->dim[1],
        .h = is_2d ? x->dim[2] : 1,
        .w = x->dim[x->rank - 1],
        .oh = is_2d ? y->dim[2] : 1,
        .ow = y->dim[y->rank - 1],
    };
}

static struct tap row_tap(const struct walk *k, int64_t o)
{
    if (k->h == 1 && k->oh == 1)
        return (struct tap){0, 0, 0.0};
    return tap_of(&k->rule, 0, k->h, k->oh, o);
}

static void resize_reference(const struct tn_ref *ctx)
{
    double outside = tn_attrs_float(ctx->attrs, "extrapolation");
    tn_dtype dtype = ctx->out[0].type.dtype;
    struct walk k = walk_of(ctx->attrs, &ctx->in[0].type.shape, &ctx->out[0].type.shape);
    for (int64_t i = 0; i < ctx->out[0].count; i++) {
        struct tap r = row_tap(&k, i / k.ow % k.oh);
        struct tap c = tap_of(&k.rule, 1, k.w, k.ow, i % k.ow);
        int64_t plane = i / k.ow / k.oh * k.h * k.w;
        if (r.i0 < 0 || c.i0 < 0) {
            if (tn_dtype_is_float(dtype))
                ctx->out[0].data.f[i] = outside;
            else
                ctx->out[0].data.i[i] = tn_ops_saturate(outside, dtype);
            continue;
        }
        if (!k.rule.is_linear) {
            tn_ops_move(&ctx->out[0], i, &ctx->in[0], plane + r.i0 * k.w + c.i0);
            continue;
        }
        const double *x = ctx->in[0].data.f + plane;
        double top = (1 - c.w) * x[r.i0 * k.w + c.i0] + c.w * x[r.i0 * k.w + c.i1];
        double low = (1 - c.w) * x[r.i1 * k.w + c.i0] + c.w * x[r.i1 * k.w + c.i1];
        ctx->out[0].data.f[i] = (1 - r.w) * top + r.w * low;
    }
}

static tn_status resize_gradient(const struct tn_grad *ctx)
{
    if (!ctx->needed[0])
        return TN_OK;
    struct tn_shape x = tn_graph_shape(ctx->graph, ctx->in[0]);
    struct tn_attr attrs[] = {
        TN_AV("input_size", x.rank - 2, x.dim + 2),
        tn_ops_attr(ctx, "mode"),
        tn_ops_attr(ctx, "coordinates"),
        tn_ops_attr(ctx, "nearest_mode"),
        tn_ops_attr(ctx, "scale_h"),
        tn_ops_attr(ctx, "scale_w"),
        tn_ops_attr(ctx, "crop_top"),
        tn_ops_attr(ctx, "crop_left"),
        tn_ops_attr(ctx, "crop_bottom"),
        tn_ops_attr(ctx, "crop_right"),
    };
    ctx->in_grad[0] = tn_op1(ctx->graph, "resize_grad", ctx->out_grad[0], attrs, TN_LEN(attrs));
    return TN_OK;
}

#define RULE_ATTRS                                                                      \
    {.name = "mode",                                                                    \
     .type = TN_ATTR_STRING,                                                            \
     .dflt = {.u.s = "nearest"},                                                        \
     .doc = "nearest or linear (bilinear for [N, C, H, W])"},                           \
        {.name = "coordinates",                                                         \
         .type = TN_ATTR_STRING,                                                        \
         .dflt = {.u.s = "half_pixel"},                                                 \
         .doc = "half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners, " \
                "asymmetric or tf_crop_and_resize, as in ONNX"},                        \
        {.name = "nearest_mode",                                                        \
         .type = TN_ATTR_STRING,                                                        \
         .dflt = {.u.s = "round_prefer_floor"},                                         \
         .doc = "round_prefer_floor, round_prefer_ceil, floor or ceil"},                \
        {.name = "scale_h",                                                             \
         .type = TN_ATTR_FLOAT,                                                         \
         .dflt = {.u.f = 0.0},                                                          \
         .doc = "factor for the rows, the size rounded down; 0: by sizes"},             \
        {.name = "scale_w",                                                             \
         .type = TN_ATTR_FLOAT,                                                         \
         .dflt = {.u.f = 0.0},                                                          \
         .doc = "factor for the columns; 0: by sizes"},                                 \
        {.name = "crop_top",                                                            \
         .type = TN_ATTR_FLOAT,                                                         \
         .dflt = {.u.f = 0.0},                                                          \
         .doc = "tf_crop_and_resize: the window's first row, as a share of the last"},  \
        {.name = "crop_left",                                                           \
         .type = TN_ATTR_FLOAT,                                                         \
         .dflt = {.u.f = 0.0},                                                          \
         .doc = "likewise its first column"},                                           \
        {.name = "crop_bottom",                                                         \
         .type = TN_ATTR_FLOAT,                                                         \
         .dflt = {.u.f = 1.0},                                                          \
         .doc = "likewise its last row"},                                               \
    {                                                                                   \
        .name = "crop_right", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 1.0},              \
        .doc = "likewise its last column"                                               \
    }

static const struct tn_attr_schema resize_attrs[] = {
    {.name = "sizes", .type = TN_ATTR_INTS, .doc = "y's [H, W] or [W]; empty: by the scales"},
    RULE_ATTRS,
    {.name = "extrapolation",
     .type = TN_ATTR_FLOAT,
     .dflt = {.u.f = 0.0},
     .doc = "tf_crop_and_resize: what lies outside x, converted as by cast"},
};
const struct tn_op tn_op_resize = {
    .name = "resize",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = tn_ops_in_x,
    .out_names = tn_ops_out_y,
    .attrs = resize_attrs,
    .n_attrs = TN_LEN(resize_attrs),
    .formula =
        "x sampled at as many places as y has: the nearest element, or a weighing of the two "
        "(four) around",
    .shapes =
        "x [N, C, W] or [N, C, H, W], any dtype (linear: float); beyond the edge is the edge, but "
        "for tf_crop_and_resize",
    .infer = resize_infer,
    .gradient = resize_gradient,
    .reference = resize_reference,
};

/* --- resize_grad --- */

static tn_status resize_grad_infer(struct tn_infer *ctx)
{
    uint32_t n;
    const int64_t *size = tn_attrs_ints(ctx->attrs, "input_size", &n);
    const struct tn_shape *dy = &ctx->in[0]->shape;
    struct tn_shape dx = *dy;
    struct rule r = rule_of(ctx->attrs);
    tn_status st = check_rule(ctx);
    if (st == TN_OK)
        st = tn_infer_float(ctx, 0);
    if (st == TN_OK && n != dy->rank - 2)
        st = tn_infer_fail(ctx, "input_size has %u entries, but dy has %u resized axes", n,
                           dy->rank - 2);
    for (uint32_t d = 2; st == TN_OK && d < dy->rank; d++) {
        double scale = r.scale[d + 2 - dy->rank];
        dx.dim[d] = size[d - 2];
        if (dx.dim[d] < 0 || (dx.dim[d] == 0) != (dy->dim[d] == 0))
            return tn_infer_fail(ctx, "axis %u cannot come from %lld elements", d,
                                 (long long)dx.dim[d]);
        if (scale > 0 && dy->dim[d] != (int64_t)floor(fmin((double)dx.dim[d] * scale, 0x1p62)))
            return tn_infer_fail(ctx, "axis %u of dy has %lld elements: not %lld times %g", d,
                                 (long long)dy->dim[d], (long long)dx.dim[d], scale);
    }
    ctx->out[0] = (struct tn_type){ctx->in[0]->dtype, dx};
    return st;
}

static void resize_grad_reference(const struct tn_ref *ctx)
{
    struct walk k = walk_of(ctx->attrs, &ctx->out[0].type.shape, &ctx->in[0].type.shape);
    tn_ops_clear(&ctx->out[0]);
    for (int64_t i = 0; i < ctx->in[0].count; i++) {
        struct tap r = row_tap(&k, i / k.ow % k.oh);
        struct tap c = tap_of(&k.rule, 1, k.w, k.ow, i % k.ow);
        double *dx = ctx->out[0].data.f + i / k.ow / k.oh * k.h * k.w, dy = ctx->in[0].data.f[i];
        if (r.i0 < 0 || c.i0 < 0)
            continue;
        dx[r.i0 * k.w + c.i0] += (1 - r.w) * (1 - c.w) * dy;
        dx[r.i0 * k.w + c.i1] += (1 - r.w) * c.w * dy;
        dx[r.i1 * k.w + c.i0] += r.w * (1 - c.w) * dy;
        dx[r.i1 * k.w + c.i1] += r.w * c.w * dy;
    }
}

static const char *const resize_grad_in[] = {"dy"};
static const struct tn_attr_schema resize_grad_attrs[] = {
    {.name = "input_size", .type = TN_ATTR_INTS, .required = 1, .doc = "x's [H, W] or [W]"},
    RULE_ATTRS,
};
const struct tn_op tn_op_resize_grad = {
    .name = "resize_grad",
    .version = 1,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .in_names = resize_grad_in,
    .out_names = tn_ops_out_dx,
    .attrs = resize_grad_attrs,
    .n_attrs = TN_LEN(resize_grad_attrs),
    .formula = "each dy given back to the places it was sampled from, by their weights",
    .shapes = "dy float, [N, C, W] or [N, C, H, W]; dx [N, C, input_size]",
    .infer = resize_grad_infer,
    .no_gradient = TN_OPS_NO_SECOND,
    .reference = resize_grad_reference,
};
