/* Matrix products, convolutions and 2x2 pooling on odd sizes against plain loops in double:
 *   opencl_products DEVICE [KEY=VALUE]... */
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "support.h"

static float noise(uint64_t i)
{
    i = (i + 1) * 0x9e3779b97f4a7c15u;
    i = (i ^ (i >> 31)) * 0xbf58476d1ce4e5b9u;
    return (float)((double)(i >> 40) / 8388608.0 - 1.0);
}

static float *make(struct ocl_test_value *v, uint32_t rank, const int64_t *dim, uint64_t salt)
{
    v->type = ocl_test_type(TNB_F32, rank, dim);
    int64_t n = tnb_count(&v->type);
    float *data = malloc((size_t)n * sizeof(*data) + 8);
    for (int64_t i = 0; data && i < n; i++)
        data[i] = noise((uint64_t)i + salt * 1000003);
    v->data = data;
    return data;
}

static void release(struct ocl_test_node *node)
{
    for (uint32_t i = 0; i < node->n_in; i++)
        free(node->in[i].data);
    for (uint32_t i = 0; i < node->n_out; i++)
        free(node->out[i].data);
}

static int close_enough(const char *what, const struct ocl_test_value *got, const double *want,
                        const double *magnitude, double terms)
{
    int64_t n = tnb_count(&got->type);
    for (int64_t i = 0; i < n; i++) {
        double g = ((const float *)got->data)[i];
        double allowed = (terms + 2) * 0x1p-24 * magnitude[i] + 1e-30;
        if (!(fabs(g - want[i]) <= allowed)) {
            fprintf(stderr, "%s: [%lld] is %.9g, expected %.9g\n", what, (long long)i, g, want[i]);
            return 0;
        }
    }
    return 1;
}

/* --- matmul --- */

static void check_matmul(struct ocl_test *t, int64_t batch, int64_t m, int64_t n, int64_t k, int ta,
                         int tb)
{
    struct ocl_test_node node = {.op = "matmul", .n_in = 2, .n_out = 1, .n_attr = 2};
    tnb_attr attr[] = {{.key = "trans_a", .type = TNB_ATTR_INT, .v.i = ta},
                       {.key = "trans_b", .type = TNB_ATTR_INT, .v.i = tb}};
    node.attr = attr;
    float *a = make(&node.in[0], 3, (int64_t[]){batch, ta ? k : m, ta ? m : k}, 1);
    float *b = make(&node.in[1], 3, (int64_t[]){batch, tb ? n : k, tb ? k : n}, 2);
    make(&node.out[0], 3, (int64_t[]){batch, m, n}, 3);
    double *want = calloc((size_t)(batch * m * n), sizeof(*want));
    double *size = calloc((size_t)(batch * m * n), sizeof(*size));
    for (int64_t s = 0; s < batch; s++)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++)
                for (int64_t x = 0; x < k; x++) {
                    double p = (double)a[s * m * k + (ta ? x * m + i : i * k + x)] *
                               b[s * k * n + (tb ? j * k + x : x * n + j)];
                    want[(s * m + i) * n + j] += p;
                    size[(s * m + i) * n + j] += fabs(p);
                }
    char what[96];
    snprintf(what, sizeof(what), "matmul %lld x [%lld %lld %lld] trans %d %d", (long long)batch,
             (long long)m, (long long)n, (long long)k, ta, tb);
    CHECK(ocl_test_run(t, &node, 1, NULL) == 0 &&
              close_enough(what, &node.out[0], want, size, (double)k),
          "%s", what);
    free(want);
    free(size);
    release(&node);
}

static void check_matmuls(struct ocl_test *t)
{
    static const int64_t sizes[][4] = {
        {1, 1, 1, 1},     {1, 7, 33, 5},     {1, 64, 64, 64}, {1, 65, 96, 129}, {1, 3, 200, 17},
        {1, 130, 1, 70},  {3, 17, 31, 40},   {20, 5, 6, 7},   {1, 33, 1056, 9}, {2, 9, 64, 300},
        {1, 128, 128, 2}, {1, 33, 40, 1301}, {3, 7, 65, 519}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (int trans = 0; trans < 4; trans++)
            check_matmul(t, sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3], trans & 1,
                         trans >> 1);
}

/* --- convolution --- */

struct conv {
    int64_t n, c, h, w, o, kh, kw, stride[2], pad[4], dil[2], groups;
    int64_t oh, ow;
};

static void sizes_of(struct conv *s)
{
    s->oh = (s->h + s->pad[0] + s->pad[2] - s->dil[0] * (s->kh - 1) - 1) / s->stride[0] + 1;
    s->ow = (s->w + s->pad[1] + s->pad[3] - s->dil[1] * (s->kw - 1) - 1) / s->stride[1] + 1;
}

/* Calls for every product of the convolution: y[iy] += x[ix] w[iw]. */
typedef void (*term_fn)(void *ctx, int64_t iy, int64_t ix, int64_t iw);
static void each_tap(const struct conv *s, int64_t im, int64_t o, int64_t oh, int64_t ow,
                     term_fn term, void *ctx)
{
    int64_t cg = s->c / s->groups, g = o / (s->o / s->groups);
    for (int64_t c = 0; c < cg; c++)
        for (int64_t r = 0; r < s->kh; r++)
            for (int64_t q = 0; q < s->kw; q++) {
                int64_t h = oh * s->stride[0] - s->pad[0] + r * s->dil[0];
                int64_t w = ow * s->stride[1] - s->pad[1] + q * s->dil[1];
                if (h < 0 || h >= s->h || w < 0 || w >= s->w)
                    continue;
                term(ctx, ((im * s->o + o) * s->oh + oh) * s->ow + ow,
                     ((im * s->c + g * cg + c) * s->h + h) * s->w + w,
                     ((o * cg + c) * s->kh + r) * s->kw + q);
            }
}

static void each_term(const struct conv *s, term_fn term, void *ctx)
{
    for (int64_t im = 0; im < s->n; im++)
        for (int64_t o = 0; o < s->o; o++)
            for (int64_t oh = 0; oh < s->oh; oh++)
                for (int64_t ow = 0; ow < s->ow; ow++)
                    each_tap(s, im, o, oh, ow, term, ctx);
}

/* which: 0 forward, 1 input, 2 weight */
struct sums {
    int which;
    const float *x, *w, *y;
    double *want, *size;
};

static void add_term(void *ctx, int64_t iy, int64_t ix, int64_t iw)
{
    struct sums *s = ctx;
    int64_t at = s->which == 0 ? iy : s->which == 1 ? ix : iw;
    double p = s->which == 0   ? (double)s->x[ix] * s->w[iw]
               : s->which == 1 ? (double)s->y[iy] * s->w[iw]
                               : (double)s->x[ix] * s->y[iy];
    s->want[at] += p;
    s->size[at] += fabs(p);
}

static void check_conv(struct ocl_test *t, struct conv s, int which)
{
    static const char *const ops[] = {"conv2d", "conv2d_grad_input", "conv2d_grad_weight"};
    struct ocl_test_node node = {.op = ops[which], .n_in = 2, .n_out = 1};
    sizes_of(&s);
    const int64_t xd[] = {s.n, s.c, s.h, s.w}, wd[] = {s.o, s.c / s.groups, s.kh, s.kw};
    const int64_t yd[] = {s.n, s.o, s.oh, s.ow}, kernel[] = {s.kh, s.kw};
    tnb_attr attr[] = {{.key = "strides", .type = TNB_ATTR_INTS, .count = 2, .v.iv = s.stride},
                       {.key = "pads", .type = TNB_ATTR_INTS, .count = 4, .v.iv = s.pad},
                       {.key = "dilations", .type = TNB_ATTR_INTS, .count = 2, .v.iv = s.dil},
                       {.key = "groups", .type = TNB_ATTR_INT, .v.i = s.groups},
                       {.key = "input_shape", .type = TNB_ATTR_INTS, .count = 4, .v.iv = xd},
                       {.key = "kernel", .type = TNB_ATTR_INTS, .count = 2, .v.iv = kernel}};
    node.attr = attr;
    node.n_attr = 6;
    struct sums sums = {.which = which};
    const int64_t *out = which == 0 ? yd : which == 1 ? xd : wd;
    double terms = which == 0   ? (double)(s.c / s.groups * s.kh * s.kw)
                   : which == 1 ? (double)(s.o / s.groups * s.kh * s.kw)
                                : (double)(s.n * s.oh * s.ow);
    if (which == 0) {
        sums.x = make(&node.in[0], 4, xd, 1);
        sums.w = make(&node.in[1], 4, wd, 2);
    } else if (which == 1) {
        sums.y = make(&node.in[0], 4, yd, 3);
        sums.w = make(&node.in[1], 4, wd, 2);
    } else {
        sums.x = make(&node.in[0], 4, xd, 1);
        sums.y = make(&node.in[1], 4, yd, 3);
    }
    make(&node.out[0], 4, out, 4);
    sums.want = calloc((size_t)tnb_count(&node.out[0].type), sizeof(double));
    sums.size = calloc((size_t)tnb_count(&node.out[0].type), sizeof(double));
    each_term(&s, add_term, &sums);
    char what[128];
    snprintf(what, sizeof(what), "%s x [%lld %lld %lld %lld] o %lld k %lldx%lld groups %lld",
             node.op, (long long)s.n, (long long)s.c, (long long)s.h, (long long)s.w,
             (long long)s.o, (long long)s.kh, (long long)s.kw, (long long)s.groups);
    CHECK(ocl_test_run(t, &node, 1, NULL) == 0 &&
              close_enough(what, &node.out[0], sums.want, sums.size, terms),
          "%s", what);
    free(sums.want);
    free(sums.size);
    release(&node);
}

static void check_convs(struct ocl_test *t)
{
    static const struct conv shapes[] = {
        {2, 1, 28, 28, 32, 3, 3, {1, 1}, {0, 0, 0, 0}, {1, 1}, 1, 0, 0},
        {3, 5, 11, 9, 7, 3, 2, {2, 1}, {1, 0, 2, 1}, {1, 1}, 1, 0, 0},
        {2, 6, 13, 10, 9, 3, 3, {2, 3}, {0, 2, 1, 0}, {2, 1}, 3, 0, 0},
        {1, 8, 7, 7, 8, 5, 5, {1, 1}, {2, 2, 2, 2}, {1, 1}, 8, 0, 0},
        {5, 3, 6, 5, 4, 1, 1, {1, 1}, {0, 0, 0, 0}, {1, 1}, 1, 0, 0},
        {2, 4, 5, 40, 70, 3, 3, {1, 1}, {1, 1, 1, 1}, {1, 3}, 2, 0, 0},
        {9, 16, 8, 8, 17, 3, 3, {1, 1}, {1, 1, 1, 1}, {1, 1}, 1, 0, 0},
        {40, 2, 20, 20, 3, 3, 3, {1, 1}, {1, 1, 1, 1}, {1, 1}, 1, 0, 0},
    };
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        for (int which = 0; which < 3; which++)
            check_conv(t, shapes[i], which);
}

/* --- 2x2 pooling, whose rows have a vector form --- */

static int beats(float v, float top)
{
    return v > top || (isnan(v) && !isnan(top));
}

static void check_pool(struct ocl_test *t, int64_t h, int64_t w)
{
    const int64_t xd[] = {2, 3, h, w}, yd[] = {2, 3, h / 2, w / 2}, kernel[] = {2, 2};
    tnb_attr attr = {.key = "kernel", .type = TNB_ATTR_INTS, .count = 2, .v.iv = kernel};
    struct ocl_test_node node = {
        .op = "max_pool2d", .attr = &attr, .n_attr = 1, .n_in = 1, .n_out = 2};
    float *x = make(&node.in[0], 4, xd, 5), *y = make(&node.out[0], 4, yd, 6);
    make(&node.out[1], 4, yd, 7);
    node.out[1].type.dtype = TNB_I32;
    const int32_t *index = node.out[1].data;
    for (int64_t i = 0; i < tnb_count(&node.in[0].type); i++)
        x[i] = i % 7 == 3 ? NAN : i % 5 == 0 ? 0.5f : x[i]; /* NaNs and ties */
    int rc = ocl_test_run(t, &node, 1, NULL), bad = 0;
    for (int64_t i = 0; i < tnb_count(&node.out[0].type); i++) {
        int64_t ow = i % (w / 2), oh = i / (w / 2) % (h / 2), plane = i / (w / 2) / (h / 2);
        int64_t best = 2 * oh * w + 2 * ow;
        const int64_t others[] = {best + 1, best + w, best + w + 1};
        const float *p = x + plane * h * w;
        for (int k = 0; k < 3; k++)
            best = beats(p[others[k]], p[best]) ? others[k] : best;
        bad += index[i] != best || !(y[i] == p[best] || (isnan(y[i]) && isnan(p[best])));
    }
    CHECK(rc == 0 && bad == 0, "max_pool2d of %lldx%lld: %d wrong", (long long)h, (long long)w,
          bad);
    release(&node);
}

int main(int argc, char **argv)
{
    const char *opts[8] = {NULL};
    for (int i = 2; i < argc && i < 9; i++)
        opts[i - 2] = argv[i];
    struct ocl_test t;
    int rc = ocl_test_open(&t, argc > 1 ? argv[1] : "Portable", opts, NULL);
    if (rc)
        return rc;
    check_matmuls(&t);
    check_convs(&t);
    for (int64_t w = 2; w < 45; w += 3)
        check_pool(&t, 7, w);
    ocl_test_close(&t);
    return check_result(t.info.name);
}
