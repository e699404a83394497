/* Gradients of graphs with a symbolic batch: the backward graph is built once, before the batch is
 * known, and must give what the graph built for that batch gives. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "eval.h"
#include "graph/graph.h"

#define WIDTH 5

/* y from x [batch, 5] f64 and labels [batch] i64. */
typedef tn_value build_fn(tn_graph *g, tn_value x, tn_value labels, int64_t batch);

static tn_value mean_all(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    tn_value square = tn_op1(g, "square", x, NULL, 0);
    return tn_mean(g, square, NULL, 0, 0);
}

static tn_value mean_batch(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    int64_t axis = 0;
    return tn_op1(g, "exp", tn_mean(g, x, &axis, 1, 0), NULL, 0);
}

static tn_value sum_batch(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    int64_t axis = 0;
    return tn_op1(g, "tanh", tn_sum(g, x, &axis, 1, 1), NULL, 0);
}

static tn_value max_batch(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    struct tn_attr axes = TN_AV("axes", 1, (const int64_t[]){0});
    return tn_op1(g, "square", tn_op1(g, "max", x, &axes, 1), NULL, 0);
}

static tn_value min_rows(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    struct tn_attr axes = TN_AV("axes", 1, (const int64_t[]){1});
    return tn_op1(g, "square", tn_op1(g, "min", x, &axes, 1), NULL, 0);
}

static tn_value broadcast_rows(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    int64_t axis = 0;
    tn_value row = tn_sum(g, x, &axis, 1, 0);
    return tn_mul(g, tn_sub(g, x, row), tn_div(g, x, tn_op1(g, "exp", row, NULL, 0)));
}

static tn_value expanded(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    struct tn_shape to = TN_SHAPE(3, batch, WIDTH);
    return tn_op1(g, "square", tn_expand(g, x, &to), NULL, 0);
}

static tn_value reshaped(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    struct tn_shape flat = TN_SHAPE(-1);
    return tn_op1(g, "square", tn_reshape(g, x, &flat), NULL, 0);
}

static tn_value transposed(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    return tn_matmul(g, x, tn_op1(g, "transpose", x, NULL, 0), 0, 0);
}

static tn_value gram(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    return tn_op1(g, "square", tn_matmul(g, x, x, 1, 0), NULL, 0);
}

static tn_value sliced(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    struct tn_attr attrs[] = {
        TN_AV("starts", 2, ((const int64_t[]){-1, -1})),
        TN_AV("ends", 2, ((const int64_t[]){INT64_MIN, INT64_MIN})),
        TN_AV("steps", 2, ((const int64_t[]){-1, -2})),
        TN_AV("axes", 2, ((const int64_t[]){0, 1})),
    };
    return tn_op1(g, "square", tn_op1(g, "slice", x, attrs, 4), NULL, 0);
}

static tn_value written(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    tn_tensor *t = NULL;
    struct tn_shape two = TN_SHAPE(2);
    cr_assert(tn_tensor_create(TN_I64, &two, &t, NULL) == TN_OK);
    tn_value start = tn_graph_const(g, t);
    tn_tensor_unref(&t);
    struct tn_attr size = TN_AV("size", 2, ((const int64_t[]){1, WIDTH}));
    tn_value row = tn_op2(g, "dynamic_slice", x, start, &size, 1);
    tn_value half = tn_mul(g, row, tn_graph_scalar(g, TN_F64, 0.5));
    tn_value y = tn_op3(g, "dynamic_update_slice", x, half, start, NULL, 0);
    return tn_op1(g, "square", y, NULL, 0);
}

static tn_value classified(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    tn_value in[] = {x, labels}, out[2];
    tn_graph_op(g, "sparse_softmax_cross_entropy", in, 2, NULL, 0, out, 2);
    return tn_mean(g, out[0], NULL, 0, 0);
}

static tn_value regressed(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    tn_value soft = tn_op1(g, "softmax", x, NULL, 0);
    tn_value sure = tn_op1(g, "log_softmax", x, NULL, 0);
    return tn_op2(g, "mse", soft, sure, NULL, 0);
}

static tn_value chosen(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    tn_value zero = tn_graph_scalar(g, TN_F64, 0.0);
    tn_value is_up = tn_op2(g, "greater", x, zero, NULL, 0);
    tn_value y = tn_op3(g, "where", is_up, tn_op1(g, "exp", x, NULL, 0), x, NULL, 0);
    return tn_op2(g, "maximum", y, tn_op1(g, "neg", x, NULL, 0), NULL, 0);
}

static tn_value looked_up(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    tn_tensor *t = NULL;
    struct tn_shape two = TN_SHAPE(2);
    cr_assert(tn_tensor_create(TN_I64, &two, &t, NULL) == TN_OK);
    ((int64_t *)tn_tensor_data(t))[1] = 2;
    tn_value ids = tn_graph_const(g, t);
    tn_tensor_unref(&t);
    return tn_op1(g, "square", tn_op2(g, "embedding", x, ids, NULL, 0), NULL, 0);
}

static tn_value reduced(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    struct tn_attr axes = TN_AV("axes", 1, (const int64_t[]){0});
    tn_value spread = tn_op1(g, "var", x, &axes, 1), size = tn_op1(g, "norm", x, &axes, 1);
    tn_value soft = tn_op1(g, "logsumexp", x, &axes, 1), all = tn_op1(g, "prod", x, &axes, 1);
    return tn_add(g, tn_add(g, spread, size), tn_mul(g, soft, all));
}

static tn_value run_along(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    struct tn_attr first[] = {TN_AI("axis", 0), TN_AI("k", 2)};
    tn_value top[2], sums = tn_op1(g, "cumsum", x, first, 1);
    tn_graph_op(g, "top_k", &sums, 1, first, 2, top, 2);
    return tn_op1(g, "square", top[0], NULL, 0);
}

static tn_value ints_const(tn_graph *g, int64_t n, int64_t width, const int64_t *values)
{
    tn_tensor *t = NULL;
    struct tn_shape shape = width ? TN_SHAPE(n, width) : TN_SHAPE(n);
    cr_assert(tn_tensor_create(TN_I64, &shape, &t, NULL) == TN_OK);
    memcpy(tn_tensor_data(t), values, (size_t)(n * (width ? width : 1)) * sizeof(*values));
    tn_value ids = tn_graph_const(g, t);
    tn_tensor_unref(&t);
    return ids;
}

static tn_value joined_batches(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    tn_value list[] = {x, tn_op1(g, "exp", x, NULL, 0), x};
    return tn_op1(g, "square", tn_concat(g, list, 3, 0), NULL, 0);
}

static tn_value joined_columns(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    tn_value list[12];
    for (int i = 0; i < 12; i++)
        list[i] = i % 3 ? x : tn_op1(g, "exp", x, NULL, 0);
    return tn_op1(g, "square", tn_concat(g, list, 12, -1), NULL, 0);
}

static tn_value cut(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    tn_value part[3], both[2];
    int64_t sizes[] = {1, 3, 1}, halves[] = {batch, batch};
    tn_split(g, x, 1, sizes, 3, part);
    tn_value y = tn_mul(g, part[1], part[2]), twice[] = {y, x};
    twice[0] = tn_op1(g, "exp", x, NULL, 0);
    tn_split(g, tn_concat(g, twice, 2, 0), 0, halves, 2, both);
    return tn_add(g, tn_sum(g, tn_op1(g, "square", y, NULL, 0), NULL, 0, 0),
                  tn_sum(g, tn_op1(g, "square", both[0], NULL, 0), NULL, 0, 0));
}

static tn_value padded(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    struct tn_attr attrs[] = {
        TN_AV("pads", 2, ((const int64_t[]){2, 3})),
        TN_AV("axes", 1, ((const int64_t[]){1})),
        TN_AS("mode", "reflect"),
    };
    tn_value mirrored = tn_op1(g, "pad", x, attrs, 3);
    tn_value zeros = tn_op1(g, "pad", mirrored, attrs, 2);
    return tn_op1(g, "square", zeros, NULL, 0);
}

static tn_value tiled(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    struct tn_attr repeats = TN_AV("repeats", 2, ((const int64_t[]){3, 2}));
    tn_value y = tn_op1(g, "tile", tn_op1(g, "flip", x, NULL, 0), &repeats, 1);
    return tn_op1(g, "square", tn_op1(g, "trilu", y, NULL, 0), NULL, 0);
}

static tn_value gathered(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    struct tn_attr last = TN_AI("axis", -1);
    tn_value ids = ints_const(g, 4, 0, (const int64_t[]){0, -1, 2, 0});
    tn_value rows = tn_op2(g, "gather", x, ids, NULL, 0);
    tn_value columns = tn_op2(g, "gather", x, ids, &last, 1);
    return tn_add(g, tn_sum(g, tn_op1(g, "square", rows, NULL, 0), NULL, 0, 0),
                  tn_sum(g, tn_op1(g, "exp", columns, NULL, 0), NULL, 0, 0));
}

static tn_value taken(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    struct tn_attr last = TN_AI("axis", -1);
    tn_value ids = tn_reshape(g, labels, &TN_SHAPE(batch, 1));
    tn_value picked = tn_op2(g, "take_along_axis", x, ids, &last, 1);
    tn_value y = tn_op3(g, "scatter_add", x, ids, tn_op1(g, "exp", picked, NULL, 0), &last, 1);
    return tn_op1(g, "square", y, NULL, 0);
}

/* Tuples as many as the batch has, some of them twice: the last one wins. */
static tn_value placed(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    struct tn_attr shape[] = {TN_AV("shape", 2, ((const int64_t[]){WIDTH, WIDTH})),
                              TN_AF("value", 0.5), TN_AS("dtype", "f64")};
    tn_value base, ids = tn_reshape(g, labels, &TN_SHAPE(batch, 1));
    tn_graph_op(g, "fill", NULL, 0, shape, 3, &base, 1);
    tn_value y = tn_op3(g, "scatter_nd", base, ids, x, NULL, 0);
    return tn_mul(g, tn_op2(g, "gather_nd", y, ids, NULL, 0), tn_op1(g, "exp", x, NULL, 0));
}

static tn_value resized(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    struct tn_attr attrs[] = {TN_AV("sizes", 1, ((const int64_t[]){8})), TN_AS("mode", "linear")};
    tn_value plane = tn_reshape(g, x, &TN_SHAPE(batch, 1, WIDTH));
    return tn_op1(g, "square", tn_op1(g, "resize", plane, attrs, 2), NULL, 0);
}

/* Windows along a length of 5 batch: outputs of 5 batch, batch and 2 batch. */
static tn_value windowed(tn_graph *g, tn_value x, tn_value labels, int64_t batch)
{
    static const int64_t one = 1, two = 2, five = 5, seven = 7;
    struct tn_attr lower[] = {TN_AS("auto_pad", "SAME_LOWER"), TN_AV("strides", 1, &one)};
    struct tn_attr upper[] = {TN_AS("auto_pad", "SAME_UPPER"), TN_AV("strides", 1, &five),
                              TN_AV("kernel", 1, &seven)};
    tn_tensor *t = NULL;
    struct tn_shape four = TN_SHAPE(1, 1, 4);
    cr_assert(tn_tensor_create(TN_F64, &four, &t, NULL) == TN_OK);
    memcpy(tn_tensor_data(t), (const double[]){0.5, -1, 2, 0.25}, 4 * sizeof(double));
    tn_value w = tn_graph_const(g, t), y[2];
    tn_tensor_unref(&t);
    tn_value line = tn_op2(g, "conv1d", tn_reshape(g, x, &TN_SHAPE(1, 1, -1)), w, lower, 2);
    tn_graph_op(g, "max_pool1d", &line, 1, upper, 3, y, 2);
    y[0] = tn_add(g, y[0], tn_op1(g, "avg_pool1d", line, upper, 3));
    lower[1] = TN_AV("strides", 1, &two);
    return tn_op1(g, "square", tn_op2(g, "conv_transpose1d", y[0], w, lower, 2), NULL, 0);
}

static build_fn *const builders[] = {
    mean_all, mean_batch, sum_batch, max_batch, min_rows,       broadcast_rows, expanded,
    reshaped, transposed, gram,      sliced,    written,        classified,     regressed,
    chosen,   looked_up,  reduced,   run_along, joined_batches, joined_columns, cut,
    padded,   tiled,      gathered,  taken,     placed,         resized,        windowed,
};

ParameterizedTestParameters(symbolic, batch)
{
    static int index[TN_LEN(builders)];
    for (size_t i = 0; i < TN_LEN(builders); i++)
        index[i] = (int)i;
    return cr_make_param_array(int, index, TN_LEN(builders));
}

/* dL/dx for a batch of 7, in a graph built for `batch`: a symbol, or 7. */
static double *gradient(build_fn *build, int is_symbolic, struct op_eval *eval)
{
    enum { BATCH = 7 };
    static double x_data[BATCH * WIDTH];
    static int64_t label_data[BATCH];
    struct tn_error err = {0};
    tn_graph *g = NULL;
    tn_value dx;
    cr_assert(tn_graph_create("symbolic", &g, &err) == TN_OK);
    int64_t batch = is_symbolic ? tn_graph_symbol(g, "batch") : BATCH;
    struct tn_shape x_shape = TN_SHAPE(batch, WIDTH), label_shape = TN_SHAPE(batch);
    tn_value x = tn_graph_input(g, "x", TN_F64, &x_shape, TN_INPUT_DATA);
    tn_value labels = tn_graph_input(g, "labels", TN_I64, &label_shape, TN_INPUT_DATA);
    tn_graph_gradients(g, build(g, x, labels, batch), &x, 1, &dx);
    cr_assert(tn_graph_check(g, &err) == TN_OK, "%s", err.msg);
    for (int i = 0; i < BATCH * WIDTH; i++)
        x_data[i] = op_random(11, (uint64_t)i);
    for (int i = 0; i < BATCH; i++)
        label_data[i] = i % WIDTH;
    struct tn_ref_tensor inputs[] = {
        {.count = BATCH * WIDTH, .data.f = x_data},
        {.count = BATCH, .data.i = label_data},
    };
    struct tn_symbol_values bound = {{BATCH}};
    cr_assert(op_eval_graph(g, &bound, inputs, 2, eval, &err) == TN_OK, "%s", err.msg);
    cr_assert_eq(eval->values[dx].count, BATCH * WIDTH);
    double *values = eval->values[dx].data.f;
    tn_graph_destroy(&g);
    return values;
}

ParameterizedTest(const int *index, symbolic, batch)
{
    struct op_eval one, other;
    const double *fixed = gradient(builders[*index], 0, &one);
    const double *symbolic = gradient(builders[*index], 1, &other);
    double size = 0.0;
    for (int i = 0; i < 7 * WIDTH; i++) {
        cr_expect_eq(fixed[i], symbolic[i], "builder %d, element %d: %.17g, symbolic %.17g", *index,
                     i, fixed[i], symbolic[i]);
        size += fixed[i] * fixed[i];
    }
    cr_expect(size > 1e-6, "builder %d: the gradient is all zeros", *index);
    op_eval_close(&one);
    op_eval_close(&other);
}
