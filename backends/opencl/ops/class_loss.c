#include <stdio.h>

#include "ops.h"

/* Losses of rows: softmax cross-entropy, negative log-likelihood, cosine embedding. A loss per row
 * goes to the output, or to scratch and from there into one number. */

enum { CLASS_WEIGHTS = 1, ROW_WEIGHTS = 2 };
enum reduction { NONE, SUM, MEAN };

struct rows {
    int64_t n, per; /* rows; classes, or elements of an embedding */
    enum reduction reduction;
    int64_t ignore;
    double smoothing;
    uint32_t at; /* class weights; the rows' follow */
    int flags;
    bool dense;
};

static struct rows rows_of(const struct ocl_build *b, bool grad)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    const char *how = tnb_attr_string(b->node, "reduction", "none");
    struct rows r = {
        .per = x->dim[x->rank - 1], .n = shape_product(x, 0, x->rank - 1), .at = grad ? 3 : 2};
    r.dense = b->node->op[0] == 's' && b->node->op[1] == 'o';
    r.reduction = strcmp(how, "sum") == 0 ? SUM : strcmp(how, "mean") == 0 ? MEAN : NONE;
    r.ignore = tnb_attr_int(b->node, "ignore_index", INT64_MIN);
    r.smoothing = tnb_attr_float(b->node, "label_smoothing", 0);
    r.flags =
        (ocl_has_in(b, r.at) ? CLASS_WEIGHTS : 0) | (ocl_has_in(b, r.at + 1) ? ROW_WEIGHTS : 0);
    return r;
}

static const char *options(const struct ocl_build *b, const struct rows *r)
{
    return r->dense ? "-DDENSE -DL=int" : ocl_label_option(ocl_in_type(b, 1)->dtype);
}

static void arg_target(struct ocl_build *b)
{
    ocl_arg_ref(b, ocl_in(b, 1), (uint32_t)tnb_dtype_size(ocl_in_type(b, 1)->dtype));
}

/* A weight that the flags say is not there still needs a buffer: input 0. */
static void arg_weights(struct ocl_build *b, const struct rows *r)
{
    ocl_arg_f32(b, ocl_in(b, r->flags & CLASS_WEIGHTS ? r->at : 0));
    ocl_arg_f32(b, ocl_in(b, r->flags & ROW_WEIGHTS ? r->at + 1 : 0));
}

static void each_row(struct ocl_build *b, const struct rows *r, bool group)
{
    if (group)
        ocl_groups(b, r->n, 256);
    else
        ocl_each(b, r->n, r->per >= 256 ? 1 : 256 / (r->per + 1) + 1);
}

/* Where the rows' losses go: to the output, or on the way to their sum. */
static struct ocl_ref row_losses(struct ocl_build *b, const struct rows *r)
{
    return r->reduction == NONE ? ocl_out(b, 0) : ocl_scratch(b, (uint64_t)(r->n + 1) * 4);
}

static bool long_rows(const struct ocl_build *b, const struct rows *r)
{
    return ocl_is_gpu(b) && r->per >= 128;
}

/* Without extras: loss.cl. */
static bool is_plain(const struct rows *r)
{
    return !r->dense && r->reduction == NONE && r->ignore == INT64_MIN && r->smoothing == 0 &&
           !r->flags;
}

static void emit_plain(struct ocl_build *b, const struct rows *r)
{
    bool group = long_rows(b, r);
    ocl_kernel(b, "loss", options(b, r), group ? "ce_group" : "ce_item");
    ocl_arg_f32(b, ocl_in(b, 0));
    arg_target(b);
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_f32(b, ocl_out(b, 1));
    ocl_arg_int(b, r->per);
    each_row(b, r, group);
}

/* Rows' losses and totals into the loss. */
static void emit_reduction(struct ocl_build *b, const struct rows *r, struct ocl_ref loss,
                           struct ocl_ref total)
{
    if (r->reduction == SUM)
        ocl_emit_total(b, loss, ocl_out(b, 0), r->n, 1);
    if (r->reduction != MEAN)
        return;
    struct ocl_ref sum = ocl_scratch(b, 4), all = ocl_scratch(b, 4);
    ocl_emit_total(b, loss, sum, r->n, 1);
    ocl_emit_total(b, total, all, r->n, 1);
    ocl_kernel(b, "loss_sums", "", "quotient");
    ocl_arg_f32(b, sum);
    ocl_arg_f32(b, all);
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_each(b, 1, 1);
}

void ocl_emit_ce(struct ocl_build *b)
{
    struct rows r = rows_of(b, false);
    if (r.n == 0 &&
        r.reduction == NONE) /* without classes every label is outside, and the loss NaN */
        return;
    if (is_plain(&r)) {
        emit_plain(b, &r);
        return;
    }
    struct ocl_ref total = ocl_scratch(b, (uint64_t)(r.n + 1) * 4), loss = row_losses(b, &r);
    bool group = long_rows(b, &r);
    if (r.n) {
        ocl_kernel(b, "class_loss", options(b, &r), group ? "softmax_group" : "softmax_item");
        ocl_arg_f32(b, ocl_in(b, 0));
        arg_target(b);
        arg_weights(b, &r);
        ocl_arg_f32(b, loss);
        ocl_arg_f32(b, total);
        ocl_arg_f32(b, ocl_out(b, 1));
        ocl_arg_int(b, r.per);
        ocl_arg_float(b, r.smoothing);
        ocl_arg_long(b, r.ignore);
        ocl_arg_int(b, r.flags);
        each_row(b, &r, group);
    }
    emit_reduction(b, &r, loss, total);
}

/* What a mean's gradient is divided by; for others any operand, which is not read. */
static struct ocl_ref emit_divisor(struct ocl_build *b, const struct rows *r)
{
    if (r->reduction != MEAN)
        return ocl_in(b, 2);
    struct ocl_ref total = ocl_scratch(b, (uint64_t)(r->n + 1) * 4), all = ocl_scratch(b, 4);
    ocl_kernel(b, "class_loss", options(b, r), "totals");
    arg_target(b);
    arg_weights(b, r);
    ocl_arg_f32(b, total);
    ocl_arg_int(b, r->per);
    ocl_arg_long(b, r->ignore);
    ocl_arg_int(b, r->flags);
    ocl_each(b, r->n, 256);
    ocl_emit_total(b, total, all, r->n, 1);
    return all;
}

/* How one dloss goes to the rows: rows that share it, and whether it is divided among them. */
static void arg_spread(struct ocl_build *b, const struct rows *r)
{
    ocl_arg_int(b, r->reduction == NONE ? 1 : r->n);
    ocl_arg_int(b, r->reduction == MEAN);
}

/* Inputs: prob, labels or target, dloss, class_weight?, weight?. */
void ocl_emit_ce_grad(struct ocl_build *b)
{
    struct rows r = rows_of(b, true);
    if (r.n * r.per == 0)
        return;
    if (is_plain(&r)) {
        ocl_kernel(b, "loss", options(b, &r), "ce_grad");
        ocl_arg_f32(b, ocl_in(b, 0));
        arg_target(b);
        ocl_arg_f32(b, ocl_in(b, 2));
        ocl_arg_f32(b, ocl_out(b, 0));
        ocl_arg_int(b, r.per);
        ocl_each(b, r.n * r.per, 1024);
        return;
    }
    struct ocl_ref all = emit_divisor(b, &r);
    bool group = long_rows(b, &r);
    ocl_kernel(b, "class_loss", options(b, &r), group ? "softmax_grad_group" : "softmax_grad_item");
    ocl_arg_f32(b, ocl_in(b, 0));
    arg_target(b);
    ocl_arg_f32(b, ocl_in(b, 2));
    arg_weights(b, &r);
    ocl_arg_f32(b, all);
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, r.per);
    ocl_arg_float(b, r.smoothing);
    ocl_arg_long(b, r.ignore);
    ocl_arg_int(b, r.flags);
    arg_spread(b, &r);
    each_row(b, &r, group);
}

void ocl_emit_nll(struct ocl_build *b)
{
    struct rows r = rows_of(b, false);
    if (r.n == 0 && r.reduction == NONE)
        return;
    struct ocl_ref total = ocl_scratch(b, (uint64_t)(r.n + 1) * 4), loss = row_losses(b, &r);
    if (r.n) {
        ocl_kernel(b, "class_loss", options(b, &r), "nll");
        ocl_arg_f32(b, ocl_in(b, 0));
        arg_target(b);
        arg_weights(b, &r);
        ocl_arg_f32(b, loss);
        ocl_arg_f32(b, total);
        ocl_arg_int(b, r.per);
        ocl_arg_long(b, r.ignore);
        ocl_arg_int(b, r.flags);
        ocl_each(b, r.n, 256);
    }
    emit_reduction(b, &r, loss, total);
}

/* Inputs: logp, labels, dloss, class_weight?, weight?. */
void ocl_emit_nll_grad(struct ocl_build *b)
{
    struct rows r = rows_of(b, true);
    if (r.n * r.per == 0)
        return;
    struct ocl_ref all = emit_divisor(b, &r);
    ocl_kernel(b, "class_loss", options(b, &r), "nll_grad");
    arg_target(b);
    ocl_arg_f32(b, ocl_in(b, 2));
    arg_weights(b, &r);
    ocl_arg_f32(b, all);
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, r.per);
    ocl_arg_long(b, r.ignore);
    ocl_arg_int(b, r.flags);
    arg_spread(b, &r);
    ocl_each(b, r.n * r.per, 1024);
}

/* Inputs: a, b, target, weight?. */
void ocl_emit_cosine(struct ocl_build *b)
{
    struct rows r = rows_of(b, false);
    if (r.n == 0 && r.reduction == NONE)
        return;
    struct ocl_ref loss = row_losses(b, &r);
    bool group = long_rows(b, &r), weighted = ocl_has_in(b, 3);
    if (r.n) {
        ocl_kernel(b, "class_loss", "-DL=int", group ? "cosine_group" : "cosine_item");
        for (uint32_t i = 0; i < 3; i++)
            ocl_arg_f32(b, ocl_in(b, i));
        ocl_arg_f32(b, ocl_in(b, weighted ? 3 : 0));
        ocl_arg_f32(b, loss);
        ocl_arg_int(b, r.per);
        ocl_arg_float(b, tnb_attr_float(b->node, "margin", 0));
        ocl_arg_int(b, weighted ? ROW_WEIGHTS : 0);
        each_row(b, &r, group);
    }
    if (r.reduction != NONE)
        ocl_emit_total(b, loss, ocl_out(b, 0), r.n, r.reduction == MEAN ? (double)r.n : 1);
}

/* Inputs: a, b, target, dloss, weight?. Outputs: da, db. */
void ocl_emit_cosine_grad(struct ocl_build *b)
{
    struct rows r = rows_of(b, true);
    if (r.n * r.per == 0)
        return;
    bool group = long_rows(b, &r), weighted = ocl_has_in(b, 4);
    ocl_kernel(b, "class_loss", "-DL=int", group ? "cosine_grad_group" : "cosine_grad_item");
    for (uint32_t i = 0; i < 4; i++)
        ocl_arg_f32(b, ocl_in(b, i));
    ocl_arg_f32(b, ocl_in(b, weighted ? 4 : 0));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_f32(b, ocl_out(b, 1));
    ocl_arg_int(b, r.per);
    ocl_arg_float(b, tnb_attr_float(b->node, "margin", 0));
    ocl_arg_int(b, weighted ? ROW_WEIGHTS : 0);
    ocl_arg_int(b, r.reduction == NONE ? 1 : r.n);
    ocl_arg_float(b, r.reduction == MEAN ? (double)r.n : 1);
    each_row(b, &r, group);
}
