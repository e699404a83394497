/* Softmax cross-entropy and negative log-likelihood over classes, the last axis; one loss per row.
 * With prob = softmax(logits), lp = log prob, and q the distribution that a row is held against,
 *
 *   loss = -weight sum q[c] lp[c]            dlogits = weight (prob sum(q) - q) dloss
 *
 * C classes, s = label_smoothing, w[c] the class weights (1 without), weight the row's own:
 *   sparse:  q[c] = (1 - s) w[label] onehot(label)[c] + s / C w[c]    total = weight w[label]
 *   dense:   q[c] = w[c] ((1 - s) target[c] + s / C)                  total = weight
 *   nll:     loss = -weight w[label] x[label], x a log-probability    total = weight w[label]
 *
 * reduction: none (per row), sum, or mean = sum / sum of totals. A row whose label is ignore_index
 * has loss, gradient and total 0. All as in PyTorch's cross_entropy and nll_loss, but that there
 * the classes are axis 1, and that row weights are ours.
 *
 * Loss and probabilities come from one pass over the logits; the loss is not taken from log(prob),
 * which is -inf where prob underflows. A label outside [0, C) gives NaN, so that bad data shows;
 * its onehot is all zeros, its w 1. Where q is 0 a class adds nothing, be its probability 0. A
 * gradient that arrives at prob goes through softmax_grad. */
#include <inttypes.h>
#include <math.h>

#include "ops/reduction.h"

enum kind { SPARSE, DENSE, NLL };

/* --- shape rules --- */

static tn_status infer_labels(const struct tn_infer *ctx, struct tn_shape *out_rows)
{
    const struct tn_shape *logits = &ctx->in[0]->shape, *labels = &ctx->in[1]->shape;
    tn_status st = tn_infer_float(ctx, 0);
    if (st == TN_OK)
        st = tn_infer_rank(ctx, 0, 1, TN_MAX_RANK);
    if (st == TN_OK)
        st = tn_ops_infer_index(ctx, 1);
    if (st != TN_OK)
        return st;
    struct tn_shape lead = tn_shape_make(logits->dim, logits->rank - 1);
    char text[128];
    if (!tn_shape_equal(&lead, labels))
        return tn_infer_fail(ctx,
                             "labels must have shape %s, one class index per row of the last axis; "
                             "a distribution per row goes to softmax_cross_entropy",
                             tn_shape_format(&lead, text, sizeof(text)));
    *out_rows = lead;
    return TN_OK;
}

static tn_status infer_targets(const struct tn_infer *ctx, struct tn_shape *out_rows)
{
    tn_status st = tn_reduction_infer_pair(ctx);
    if (st == TN_OK)
        *out_rows = tn_shape_make(ctx->in[0]->shape.dim, ctx->in[0]->shape.rank - 1);
    return st;
}

/* `at`: where class_weight is; the rows' weight follows. */
static tn_status infer_rows(const struct tn_infer *ctx, enum kind kind, uint32_t at,
                            struct tn_shape *out_rows)
{
    tn_status st = kind == DENSE ? infer_targets(ctx, out_rows) : infer_labels(ctx, out_rows);
    if (st != TN_OK)
        return st;
    const struct tn_shape *x = &ctx->in[0]->shape;
    st = tn_reduction_infer_weight(ctx, at, "class_weight", &TN_SHAPE(x->dim[x->rank - 1]));
    if (st == TN_OK)
        st = tn_reduction_infer_weight(ctx, at + 1, "weight", out_rows);
    if (st == TN_OK)
        st = tn_reduction_infer(ctx, 0);
    if (st != TN_OK || kind == NLL)
        return st;
    double s = tn_attrs_float(ctx->attrs, "label_smoothing");
    if (!(s >= 0 && s <= 1))
        return tn_infer_fail(ctx, "label_smoothing is %g, must be from 0 to 1", s);
    return TN_OK;
}

static tn_status infer_forward(struct tn_infer *ctx, enum kind kind)
{
    struct tn_shape rows;
    tn_status st = infer_rows(ctx, kind, 2, &rows);
    if (st != TN_OK)
        return st;
    ctx->out[0] = (struct tn_type){tn_ops_loss_dtype(ctx->in[0]->dtype),
                                   tn_reduction_shape(tn_reduction_of(ctx->attrs), &rows)};
    if (kind != NLL)
        ctx->out[1] = *ctx->in[0];
    return TN_OK;
}

static tn_status infer_backward(struct tn_infer *ctx, enum kind kind)
{
    struct tn_shape rows;
    tn_status st = infer_rows(ctx, kind, 3, &rows);
    if (st != TN_OK)
        return st;
    struct tn_shape loss = tn_reduction_shape(tn_reduction_of(ctx->attrs), &rows);
    st = tn_ops_infer_dloss(ctx, 2, &loss);
    if (st == TN_OK)
        ctx->out[0] = *ctx->in[0];
    return st;
}

/* --- references --- */

/* What is known of a row before its logits. */
struct row {
    int64_t classes, r;
    const double *target;       /* dense */
    int64_t label;              /* sparse, nll */
    const double *class_weight; /* or NULL */
    double weight, smoothing;
    int ignored, outside;
};

static struct row row_of(const struct tn_ref *ctx, enum kind kind, uint32_t at, int64_t r)
{
    const struct tn_shape *s = &ctx->in[0].type.shape;
    struct row row = {.classes = s->dim[s->rank - 1], .r = r};
    row.class_weight = ctx->in[at].data.f;
    row.weight = ctx->in[at + 1].data.f ? ctx->in[at + 1].data.f[r] : 1.0;
    row.smoothing = kind == NLL ? 0.0 : tn_attrs_float(ctx->attrs, "label_smoothing");
    if (kind == DENSE) {
        row.target = ctx->in[1].data.f + r * row.classes;
        return row;
    }
    row.label = ctx->in[1].data.i[r];
    row.ignored = row.label == tn_attrs_int(ctx->attrs, "ignore_index");
    row.outside = row.label < 0 || row.label >= row.classes;
    return row;
}

static double class_weight(const struct row *row, int64_t c)
{
    return row->class_weight ? row->class_weight[c] : 1.0;
}

/* w[label], or 1 where there is none */
static double label_weight(const struct row *row)
{
    return row->target || row->outside ? 1.0 : class_weight(row, row->label);
}

static double q_of(const struct row *row, int64_t c)
{
    double even = row->smoothing / (double)row->classes * class_weight(row, c);
    if (row->target)
        return class_weight(row, c) * (1.0 - row->smoothing) * row->target[c] + even;
    return (c == row->label ? (1.0 - row->smoothing) * label_weight(row) : 0.0) + even;
}

static double total_of(const struct row *row)
{
    return row->ignored ? 0.0 : row->weight * label_weight(row);
}

static double sum_totals(const struct tn_ref *ctx, enum kind kind, uint32_t at, int64_t n_rows)
{
    double total = 0;
    for (int64_t r = 0; r < n_rows; r++) {
        struct row row = row_of(ctx, kind, at, r);
        total += total_of(&row);
    }
    return total;
}

static int64_t count_rows(const struct tn_ref *ctx)
{
    const struct tn_shape *s = &ctx->in[0].type.shape;
    return tn_ops_product(s, 0, s->rank - 1);
}

static double softmax_loss(const struct tn_ref *ctx, const struct row *row)
{
    const double *z = ctx->in[0].data.f + row->r * row->classes;
    double *prob = ctx->out[1].data.f + row->r * row->classes;
    double top = -INFINITY, total = 0.0, loss = 0.0;
    for (int64_t c = 0; c < row->classes; c++)
        top = z[c] > top ? z[c] : top;
    for (int64_t c = 0; c < row->classes; c++)
        total += prob[c] = exp(z[c] - top);
    for (int64_t c = 0; c < row->classes; c++) {
        double q = q_of(row, c);
        prob[c] /= total;
        if (q != 0)
            loss += q * (log(total) - (z[c] - top));
    }
    return loss;
}

static void forward(const struct tn_ref *ctx, enum kind kind)
{
    enum tn_reduction reduction = tn_reduction_of(ctx->attrs);
    int64_t n_rows = count_rows(ctx);
    double sum = 0.0;
    for (int64_t r = 0; r < n_rows; r++) {
        struct row row = row_of(ctx, kind, 2, r);
        double loss;
        if (kind == NLL)
            loss = row.outside
                       ? NAN
                       : -label_weight(&row) * ctx->in[0].data.f[r * row.classes + row.label];
        else
            loss = softmax_loss(ctx, &row); /* writes prob, of an ignored row too */
        loss = row.ignored ? 0.0 : row.outside ? NAN : loss * row.weight;
        sum += loss;
        if (reduction == TN_REDUCTION_NONE)
            ctx->out[0].data.f[r] = loss;
    }
    if (reduction == TN_REDUCTION_MEAN)
        sum /= sum_totals(ctx, kind, 2, n_rows);
    if (reduction != TN_REDUCTION_NONE)
        ctx->out[0].data.f[0] = sum;
}

static void backward(const struct tn_ref *ctx, enum kind kind)
{
    enum tn_reduction reduction = tn_reduction_of(ctx->attrs);
    int64_t n_rows = count_rows(ctx);
    double total = reduction == TN_REDUCTION_MEAN ? sum_totals(ctx, kind, 3, n_rows) : 1.0;
    for (int64_t r = 0; r < n_rows; r++) {
        struct row row = row_of(ctx, kind, 3, r);
        const double *prob = ctx->in[0].data.f + r * row.classes;
        double *dx = ctx->out[0].data.f + r * row.classes, sum_q = 0.0;
        double d = ctx->in[2].data.f[reduction == TN_REDUCTION_NONE ? r : 0] * row.weight / total;
        for (int64_t c = 0; c < row.classes; c++)
            sum_q += q_of(&row, c);
        if (row.outside && kind == SPARSE)
            sum_q += 1.0 - row.smoothing; /* of the label that no class has */
        for (int64_t c = 0; c < row.classes; c++) {
            double q = q_of(&row, c);
            dx[c] = row.ignored   ? 0.0
                    : kind == NLL ? (c == row.label ? -q * d : 0.0)
                                  : (prob[c] * sum_q - q) * d;
        }
    }
}

#define FUNCTIONS(name, kind)                                   \
    static tn_status name##_infer(struct tn_infer *ctx)         \
    {                                                           \
        return infer_forward(ctx, kind);                        \
    }                                                           \
    static tn_status name##_grad_infer(struct tn_infer *ctx)    \
    {                                                           \
        return infer_backward(ctx, kind);                       \
    }                                                           \
    static void name##_reference(const struct tn_ref *ctx)      \
    {                                                           \
        forward(ctx, kind);                                     \
    }                                                           \
    static void name##_grad_reference(const struct tn_ref *ctx) \
    {                                                           \
        backward(ctx, kind);                                    \
    }
FUNCTIONS(sparse, SPARSE)
FUNCTIONS(dense, DENSE)
FUNCTIONS(nll, NLL)

/* --- gradients --- */

/* `from`: what the gradient operator takes for input 0. */
static tn_value emit_grad(const struct tn_grad *ctx, const char *op, tn_value from)
{
    const tn_value in[] = {from, ctx->in[1], ctx->out_grad[0], ctx->in[2], ctx->in[3]};
    tn_value d;
    tn_graph_op(ctx->graph, op, in, TN_LEN(in), ctx->attrs->list, ctx->attrs->n, &d, 1);
    return d;
}

static tn_status to_logits(const struct tn_grad *ctx, const char *op)
{
    tn_graph *g = ctx->graph;
    tn_value dprob = ctx->out_grad[1], prob = ctx->out[1];
    tn_status st = tn_reduction_no_weight_gradient(ctx, 2);
    if (st != TN_OK || !ctx->needed[0])
        return st;
    tn_value d = TN_NONE;
    if (ctx->out_grad[0] != TN_NONE)
        d = emit_grad(ctx, op, prob);
    if (dprob != TN_NONE) {
        struct tn_attr axis = TN_AI("axis", -1);
        tn_value e = tn_op2(g, "softmax_grad", prob, dprob, &axis, 1);
        d = d == TN_NONE ? e : tn_add(g, d, e);
    }
    ctx->in_grad[0] = d;
    return TN_OK;
}

static tn_status sparse_gradient(const struct tn_grad *ctx)
{
    return to_logits(ctx, "sparse_softmax_cross_entropy_grad");
}

static tn_status dense_gradient(const struct tn_grad *ctx)
{
    if (ctx->needed[1])
        return tn_ops_no_gradient_to(ctx, "target", "cross-entropy trains the logits");
    return to_logits(ctx, "softmax_cross_entropy_grad");
}

static tn_status nll_gradient(const struct tn_grad *ctx)
{
    tn_status st = tn_reduction_no_weight_gradient(ctx, 2);
    if (st == TN_OK && ctx->needed[0])
        ctx->in_grad[0] = emit_grad(ctx, "nll_grad", ctx->in[0]);
    return st;
}

/* --- operators --- */

#define REDUCTION                                                                         \
    TN_REDUCTION_ATTR("none", "none: a loss per row; sum; mean: the sum over the sum of " \
                              "the rows' weights")
#define SMOOTHING                                                             \
    {                                                                         \
        .name = "label_smoothing", .type = TN_ATTR_FLOAT, .dflt = {.u.f = 0}, \
        .doc = "share of the target that all classes get evenly",             \
    }
#define IGNORE                                                                     \
    {                                                                              \
        .name = "ignore_index", .type = TN_ATTR_INT, .dflt = {.u.i = INT64_MIN},   \
        .doc = "rows with this label do not count; INT64_MIN stands for no label", \
    }
static const struct tn_attr_schema sparse_attrs[] = {REDUCTION, SMOOTHING, IGNORE};
static const struct tn_attr_schema dense_attrs[] = {REDUCTION, SMOOTHING};
static const struct tn_attr_schema nll_attrs[] = {REDUCTION, IGNORE};

static const char *const sparse_in[] = {"logits", "labels", "class_weight", "weight"};
static const char *const dense_in[] = {"logits", "target", "class_weight", "weight"};
static const char *const nll_in[] = {"logp", "labels", "class_weight", "weight"};
static const char *const sparse_grad_in[] = {"prob", "labels", "dloss", "class_weight", "weight"};
static const char *const dense_grad_in[] = {"prob", "target", "dloss", "class_weight", "weight"};
static const char *const nll_grad_in[] = {"logp", "labels", "dloss", "class_weight", "weight"};
static const char *const forward_out[] = {"loss", "prob"}, *const backward_out[] = {"dlogits"};

#define ROWS                                                                                  \
    "; class_weight? [C], weight? [...] of the first input's dtype; loss f32 (f64 for f64): " \
    "[...], or a scalar for sum and mean; mean divides by the sum of weight"
#define OUTSIDE "; a label outside [0, C) gives NaN"
#define FORWARD(op_name, outs, in, attrs_, text)                                            \
    .name = op_name, .version = 1, .min_in = 2, .max_in = 4, .n_out = outs, .in_names = in, \
    .out_names = forward_out, .attrs = attrs_, .n_attrs = TN_LEN(attrs_), .formula = text
#define BACKWARD(op_name, in, attrs_, text)                                                   \
    .name = op_name, .version = 1, .min_in = 3, .max_in = 5, .n_out = 1, .in_names = in,      \
    .out_names = backward_out, .attrs = attrs_, .n_attrs = TN_LEN(attrs_), .formula = text,   \
    .shapes =                                                                                 \
        "as of the loss; dloss like the loss; the output like the first input; mean divides " \
        "dloss by the sum of weights",                                                        \
    .no_gradient = TN_OPS_NO_SECOND

const struct tn_op tn_op_sparse_softmax_cross_entropy = {
    FORWARD("sparse_softmax_cross_entropy", 2, sparse_in, sparse_attrs,
            "loss = log(sum(e^logits)) - logits[label]; prob = softmax(logits)"),
    .shapes = "logits float [..., C]; labels i32 or i64 [...]" ROWS
              " times class_weight[label]; prob like logits" OUTSIDE,
    .infer = sparse_infer, .gradient = sparse_gradient, .reference = sparse_reference};
const struct tn_op tn_op_sparse_softmax_cross_entropy_grad = {
    BACKWARD("sparse_softmax_cross_entropy_grad", sparse_grad_in, sparse_attrs,
             "(prob - onehot(label)) dloss"),
    .infer = sparse_grad_infer, .reference = sparse_grad_reference};
const struct tn_op tn_op_softmax_cross_entropy = {
    FORWARD("softmax_cross_entropy", 2, dense_in, dense_attrs,
            "loss = sum(target (log(sum(e^logits)) - logits)); prob = softmax(logits)"),
    .shapes = "logits, target float [..., C]" ROWS
              " (of the rows); prob like logits; no gradient to target",
    .infer = dense_infer, .gradient = dense_gradient, .reference = dense_reference};
const struct tn_op tn_op_softmax_cross_entropy_grad = {
    BACKWARD("softmax_cross_entropy_grad", dense_grad_in, dense_attrs,
             "(prob sum(target) - target) dloss"),
    .infer = dense_grad_infer, .reference = dense_grad_reference};
const struct tn_op tn_op_nll = {FORWARD("nll", 1, nll_in, nll_attrs, "-logp[label]"),
                                .shapes = "logp float [..., C]; labels i32 or i64 [...]" ROWS
                                          " times class_weight[label]" OUTSIDE,
                                .infer = nll_infer, .gradient = nll_gradient,
                                .reference = nll_reference};
const struct tn_op tn_op_nll_grad = {
    BACKWARD("nll_grad", nll_grad_in, nll_attrs, "-dloss at the label, 0 elsewhere"),
    .infer = nll_grad_infer, .reference = nll_grad_reference};
