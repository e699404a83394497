#include <stdio.h>

#include "ops.h"

/* Losses of a prediction and a target, term by term. Without weights, and reduced per sample, mse,
 * bce and bce_with_logits are one launch (loss.cl); otherwise terms go to scratch and are summed.
 */

enum reduction { PER_SAMPLE, NONE, SUM, MEAN };

static enum reduction reduction_of(const tnb_node *node)
{
    const char *name = tnb_attr_string(node, "reduction", "samples");
    return strcmp(name, "none") == 0   ? NONE
           : strcmp(name, "sum") == 0  ? SUM
           : strcmp(name, "mean") == 0 ? MEAN
                                       : PER_SAMPLE;
}

/* y[r] = sum of the r-th run of `length` of x [n], over `divisor`. */
static void emit_run_sums(struct ocl_build *b, struct ocl_ref x, struct ocl_ref y, int64_t n_runs,
                          int64_t length, int64_t n, double divisor)
{
    bool group = ocl_is_gpu(b) && length >= 128;
    ocl_kernel(b, "loss_sums", "", group ? "sums_group" : "sums_item");
    ocl_arg_f32(b, x);
    ocl_arg_f32(b, y);
    ocl_arg_int(b, length);
    ocl_arg_int(b, n);
    ocl_arg_float(b, divisor);
    if (group)
        ocl_groups(b, n_runs, 256);
    else
        ocl_each(b, n_runs, length >= 256 ? 1 : 256 / (length + 1) + 1);
}

void ocl_emit_total(struct ocl_build *b, struct ocl_ref x, struct ocl_ref y, int64_t n,
                    double divisor)
{
    /* runs of about the square root of n, so that both sums are short */
    int64_t length = 256;
    while (length * length < n)
        length *= 2;
    int64_t runs = (n + length - 1) / length;
    if (runs <= 1) {
        emit_run_sums(b, x, y, 1, length, n, divisor);
        return;
    }
    struct ocl_ref part = ocl_scratch(b, (uint64_t)runs * 4);
    emit_run_sums(b, x, part, runs, length, n, 1);
    emit_run_sums(b, part, y, 1, runs, runs, divisor);
}

static const struct {
    const char *name, *option;
    bool fast; /* has kernels of its own in loss.cl */
} kinds[] = {
    {"mse", "-DKIND=0", true},     {"mae", "-DKIND=1", false},
    {"huber", "-DKIND=2", false},  {"hinge", "-DKIND=3", false},
    {"bce", "-DKIND=4", true},     {"bce_with_logits", "-DKIND=5", true},
    {"kl_div", "-DKIND=7", false},
};

struct loss {
    int64_t rows, per, n;
    enum reduction reduction;
    const char *option;
    bool fast;
    uint32_t at;               /* of the weight; pos_weight is next */
    int64_t weight_per, n_pos; /* elements to a weight; 0: none */
    double value;
};

static struct loss loss_of(const struct ocl_build *b, bool grad)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    struct loss l = {
        .rows = x->rank ? x->dim[0] : 1, .per = shape_product(x, 1, x->rank), .n = tnb_count(x)};
    size_t length = strlen(b->node->op) - (grad ? strlen("_grad") : 0);
    l.at = grad ? 3 : 2;
    l.reduction = reduction_of(b->node);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strlen(kinds[i].name) == length && strncmp(kinds[i].name, b->node->op, length) == 0) {
            l.option = kinds[i].option;
            l.fast = kinds[i].fast;
        }
    if (ocl_has_in(b, l.at))
        l.weight_per = tnb_count(ocl_in_type(b, l.at)) == l.n ? 1 : l.per;
    l.n_pos = 1;
    if (ocl_has_in(b, l.at + 1)) {
        l.option = "-DKIND=6";
        l.n_pos = tnb_count(ocl_in_type(b, l.at + 1));
    }
    if (tnb_attr_int(b->node, "log_target", 0))
        l.option = "-DKIND=8";
    l.value = tnb_attr_float(b->node, "delta", tnb_attr_float(b->node, "margin", 1));
    l.fast = l.fast && l.reduction == PER_SAMPLE && !l.weight_per && !ocl_has_in(b, l.at + 1);
    return l;
}

/* One launch per sample. */
static void emit_fast(struct ocl_build *b, const struct loss *l)
{
    bool group = ocl_is_gpu(b) && l->per >= 128;
    char name[48];
    snprintf(name, sizeof(name), "%s_%s", b->node->op, group ? "group" : "item");
    ocl_kernel(b, "loss", "-DL=int", name);
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_in(b, 1));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, l->per);
    if (group)
        ocl_groups(b, l->rows, 256);
    else
        ocl_each(b, l->rows, l->per >= 256 ? 1 : 256 / (l->per + 1) + 1);
}

static void arg_weights(struct ocl_build *b, const struct loss *l)
{
    ocl_arg_f32(b, ocl_in(b, l->weight_per ? l->at : 0));
    ocl_arg_f32(b, ocl_in(b, ocl_has_in(b, l->at + 1) ? l->at + 1 : 0));
}

void ocl_emit_loss(struct ocl_build *b)
{
    struct loss l = loss_of(b, false);
    bool scalar = l.reduction == SUM || l.reduction == MEAN;
    if (!scalar && (l.rows == 0 || (l.reduction == NONE && l.n == 0)))
        return;
    if (l.fast) {
        emit_fast(b, &l);
        return;
    }
    struct ocl_ref y = ocl_out(b, 0);
    struct ocl_ref terms = l.reduction == NONE ? y : ocl_scratch(b, (uint64_t)(l.n + 1) * 4);
    if (l.n) {
        ocl_kernel(b, "loss_terms", l.option, "each");
        ocl_arg_f32(b, ocl_in(b, 0));
        ocl_arg_f32(b, ocl_in(b, 1));
        arg_weights(b, &l);
        ocl_arg_f32(b, terms);
        ocl_arg_int(b, l.weight_per);
        ocl_arg_int(b, l.n_pos);
        ocl_arg_float(b, l.value);
        ocl_each(b, l.n, 1024);
    }
    if (l.reduction == PER_SAMPLE)
        emit_run_sums(b, terms, y, l.rows, l.per, l.n, (double)l.per);
    else if (scalar)
        ocl_emit_total(b, terms, y, l.n, l.reduction == MEAN ? (double)l.n : 1);
}

/* Inputs: prediction, target, dloss, weight?, pos_weight?. */
void ocl_emit_loss_grad(struct ocl_build *b)
{
    struct loss l = loss_of(b, true);
    if (l.n == 0)
        return;
    if (l.fast) {
        ocl_kernel(b, "loss", "-DL=int", b->node->op);
        for (uint32_t i = 0; i < 3; i++)
            ocl_arg_f32(b, ocl_in(b, i));
        ocl_arg_f32(b, ocl_out(b, 0));
        ocl_arg_int(b, l.per);
        ocl_each(b, l.n, 1024);
        return;
    }
    ocl_kernel(b, "loss_terms", l.option, "each_grad");
    for (uint32_t i = 0; i < 3; i++)
        ocl_arg_f32(b, ocl_in(b, i));
    arg_weights(b, &l);
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, l.weight_per);
    ocl_arg_int(b, l.n_pos);
    ocl_arg_float(b, l.value);
    ocl_arg_int(b, l.reduction == NONE ? 1 : l.reduction == PER_SAMPLE ? l.per : l.n);
    ocl_arg_float(b, l.reduction == PER_SAMPLE ? (double)l.per
                     : l.reduction == MEAN     ? (double)l.n
                                               : 1);
    ocl_each(b, l.n, 1024);
}
