/* SPDX-License-Identifier: MIT
 *
 * Losses of rows: softmax cross-entropy against labels or a distribution, negative log-likelihood,
 * cosine embedding, and their gradients. Formulas are those of core/ops/cross_entropy.c and
 * cosine_embedding.c:
 *   loss = -weight sum q log prob, dlogits = weight (prob sum(q) - q) dloss
 * Sums run in double; those over rows in order, on one thread. */
#include "softmax.h"

enum reduction { NONE, SUM, MEAN };
enum kind { SPARSE, DENSE, NLL, COSINE };

struct state {
    int64_t rows, per; /* classes, or elements of an embedding */
    int64_t ignore;
    enum kind kind;
    enum reduction reduction;
    uint32_t at; /* where the weights begin: class weights, row weights */
    bool wide;   /* labels are i64 */
    bool plain;  /* labels without smoothing, weights, reduction: a loop of its own */
    float smoothing, margin;
};

/* --- sparse softmax cross-entropy without extras: logits, labels -> loss, prob --- */

static void plain_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    float *loss = cpu_out(k, 0), *prob = cpu_out(k, 1);
    for (int64_t i = lo; i < hi; i++) {
        const float *x = cpu_in(k, 0) + i * s->per;
        int64_t label = cpu_index_at(k->in[1], s->wide, i);
        double sum;
        /* Read before prob is written. */
        float own = label >= 0 && label < s->per ? x[label] : (float)NAN;
        float m = cpu_softmax_row(prob + i * s->per, x, s->per, &sum);
        loss[i] = (float)(log(sum) - ((double)own - (double)m));
    }
}

/* prob, labels, dloss -> dlogits */
static void plain_grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    float *out = cpu_out(k, 0);
    for (int64_t i = lo; i < hi; i++) {
        const float *p = cpu_in(k, 0) + i * s->per;
        float *o = out + i * s->per, d = cpu_in(k, 2)[i];
        int64_t label = cpu_index_at(k->in[1], s->wide, i);
        float own = label >= 0 && label < s->per ? (p[label] - 1) * d : 0;
        CPU_SIMD for (int64_t c = 0; c < s->per; c++) o[c] = p[c] * d;
        if (label >= 0 && label < s->per)
            o[label] = own;
    }
}

/* --- with extras --- */

struct row {
    int64_t label;
    const float *target, *class_weight; /* or NULL */
    float weight, own;                  /* own: weight of the label's class */
    bool ignored, outside;
};

static struct row row_of(const struct cpu_kernel *k, int64_t r)
{
    const struct state *s = k->state;
    const float *weight = cpu_in(k, s->at + 1);
    struct row row = {.class_weight = cpu_in(k, s->at), .weight = weight ? weight[r] : 1, .own = 1};
    if (s->kind == DENSE) {
        row.target = cpu_in(k, 1) + r * s->per;
        return row;
    }
    row.label = cpu_index_at(k->in[1], s->wide, r);
    row.ignored = row.label == s->ignore;
    row.outside = row.label < 0 || row.label >= s->per;
    if (!row.outside && row.class_weight)
        row.own = row.class_weight[row.label];
    return row;
}

CPU_INLINE float q_of(const struct state *s, const struct row *row, int64_t c)
{
    float w = row->class_weight ? row->class_weight[c] : 1;
    float even = s->smoothing / (float)s->per * w;
    if (row->target)
        return w * (1 - s->smoothing) * row->target[c] + even;
    return (c == row->label ? (1 - s->smoothing) * row->own : 0) + even;
}

static double total_of(const struct row *row)
{
    return row->ignored ? 0 : (double)row->weight * (double)row->own;
}

/* The row's loss before its weight; prob is written. */
static double softmax_loss(const struct cpu_kernel *k, const struct row *row, int64_t r)
{
    const struct state *s = k->state;
    const float *x = cpu_in(k, 0) + r * s->per;
    float *prob = cpu_out(k, 1) + r * s->per;
    double sum, loss = 0;
    if (s->per == 0)
        return 0;
    float m = cpu_softmax_row(prob, x, s->per, &sum);
    double log_sum = log(sum);
    if (!row->target && s->smoothing == 0)
        return row->outside ? 0
                            : (double)row->own * (log_sum - ((double)x[row->label] - (double)m));
    for (int64_t c = 0; c < s->per; c++) {
        double q = (double)q_of(s, row, c);
        if (q != 0)
            loss += q * (log_sum - ((double)x[c] - (double)m));
    }
    return loss;
}

/* Losses and totals of rows: into the loss itself, or pairs of doubles in the scratch. */
static void class_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    double *pair = (double *)(void *)k->ws;
    for (int64_t r = lo; r < hi; r++) {
        struct row row = row_of(k, r);
        double loss;
        if (s->kind == NLL)
            loss =
                row.outside ? 0 : -(double)row.own * (double)cpu_in(k, 0)[r * s->per + row.label];
        else
            loss = softmax_loss(k, &row, r);
        loss = row.ignored ? 0 : row.outside ? (double)NAN : loss * (double)row.weight;
        if (s->reduction == NONE) {
            cpu_out(k, 0)[r] = (float)loss;
        } else {
            pair[2 * r] = loss;
            pair[2 * r + 1] = total_of(&row);
        }
    }
}

static void class_grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    double total = s->reduction == MEAN ? *(const double *)(const void *)k->ws : 1;
    for (int64_t r = lo; r < hi; r++) {
        struct row row = row_of(k, r);
        const float *prob = cpu_in(k, 0) + r * s->per;
        float *o = cpu_out(k, 0) + r * s->per;
        double dloss = (double)cpu_in(k, 2)[s->reduction == NONE ? r : 0];
        float d = (float)(dloss * (double)row.weight / total);
        double sum = row.outside ? 1 - (double)s->smoothing : 0;
        if (row.ignored || s->kind == NLL) {
            CPU_SIMD for (int64_t c = 0; c < s->per; c++) o[c] = 0;
            if (!row.ignored && !row.outside)
                o[row.label] = -row.own * d;
            continue;
        }
        for (int64_t c = 0; c < s->per; c++)
            sum += (double)q_of(s, &row, c);
        float all = (float)sum;
        CPU_SIMD for (int64_t c = 0; c < s->per; c++) o[c] = (prob[c] * all - q_of(s, &row, c)) * d;
    }
}

/* --- cosine embedding: a, b, target, weight? --- */

static void products(const float *a, const float *b, int64_t n, double *aa, double *bb, double *ab)
{
    double x = 0, y = 0, z = 0;
#pragma omp simd reduction(+ : x, y, z)
    for (int64_t i = 0; i < n; i++) {
        x += (double)a[i] * (double)a[i];
        y += (double)b[i] * (double)b[i];
        z += (double)a[i] * (double)b[i];
    }
    *aa = x + 1e-12;
    *bb = y + 1e-12;
    *ab = z;
}

static void cosine_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const float *target = cpu_in(k, 2), *weight = cpu_in(k, 3);
    for (int64_t r = lo; r < hi; r++) {
        double aa, bb, ab, loss = 0;
        products(cpu_in(k, 0) + r * s->per, cpu_in(k, 1) + r * s->per, s->per, &aa, &bb, &ab);
        double cosine = ab / sqrt(aa * bb), over = cosine - (double)s->margin;
        if (target[r] == 1)
            loss = 1 - cosine;
        else if (target[r] == -1)
            loss = over < 0 ? 0 : over;
        loss *= weight ? (double)weight[r] : 1;
        if (s->reduction == NONE) {
            cpu_out(k, 0)[r] = (float)loss;
        } else {
            ((double *)(void *)k->ws)[2 * r] = loss;
            ((double *)(void *)k->ws)[2 * r + 1] = 1;
        }
    }
}

static void cosine_grad_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    const float *target = cpu_in(k, 2), *dloss = cpu_in(k, 3), *weight = cpu_in(k, 4);
    for (int64_t r = lo; r < hi; r++) {
        const float *a = cpu_in(k, 0) + r * s->per, *b = cpu_in(k, 1) + r * s->per;
        float *da = cpu_out(k, 0) + r * s->per, *db = cpu_out(k, 1) + r * s->per;
        double aa, bb, ab, d = (double)dloss[s->reduction == NONE ? r : 0];
        products(a, b, s->per, &aa, &bb, &ab);
        double root = sqrt(aa * bb), cosine = ab / root;
        bool above = !(cosine - (double)s->margin <= 0);
        d *= weight ? (double)weight[r] : 1;
        d *= target[r] == 1 ? -1 : target[r] == -1 && above ? 1 : 0;
        if (s->reduction == MEAN)
            d /= (double)s->rows;
        float to = (float)(d / root), at_a = (float)(d * cosine / aa);
        float at_b = (float)(d * cosine / bb);
        CPU_SIMD for (int64_t i = 0; i < s->per; i++)
        {
            float x = a[i], y = b[i];
            da[i] = to * y - at_a * x;
            db[i] = to * x - at_b * y;
        }
    }
}

/* --- running --- */

static void over_rows(const struct cpu_kernel *k, cpu_range_fn fn, int64_t cost)
{
    const struct state *s = k->state;
    cpu_parallel_fine(k->inst->pool, s->rows, 1 + CPU_GRAIN / (s->per * cost + 1), fn, k);
}

static tnb_status forward_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    over_rows(k, s->plain ? plain_range : s->kind == COSINE ? cosine_range : class_range, 4);
    if (s->reduction == NONE)
        return TNB_OK;
    const double *pair = (const double *)(const void *)k->ws;
    double loss = 0, total = 0;
    for (int64_t r = 0; r < s->rows; r++) {
        loss += pair[2 * r];
        total += pair[2 * r + 1];
    }
    *cpu_out(k, 0) = (float)(s->reduction == MEAN ? loss / total : loss);
    return TNB_OK;
}

static tnb_status backward_run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    if (s->reduction == MEAN && s->kind != COSINE) {
        double *total = (double *)(void *)k->ws;
        *total = 0;
        for (int64_t r = 0; r < s->rows; r++) {
            struct row row = row_of(k, r);
            *total += total_of(&row);
        }
    }
    over_rows(k,
              s->plain            ? plain_grad_range
              : s->kind == COSINE ? cosine_grad_range
                                  : class_grad_range,
              1);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    bool labels = q->node->op[0] == 's' ? q->node->op[1] == 'p' : q->node->op[0] == 'n';
    if (labels && !cpu_is_index(q->in[1]))
        return cpu_refuse(why, "labels are %s; i32 or i64", cpu_dtype_name(q->in[1]->dtype));
    return cpu_need_f32(q, labels ? 29 : 31, 3, why);
}

static bool present(const struct cpu_query *q, uint32_t i)
{
    return i < q->n_in && q->in[i];
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    const tnb_tensor *x = q->in[0];
    const char *op = q->node->op, *how = tnb_attr_string(q->node, "reduction", "none");
    bool grad = strstr(op, "_grad") != NULL;
    s->kind = op[0] == 'n' ? NLL : op[0] == 'c' ? COSINE : op[1] == 'p' ? SPARSE : DENSE;
    s->reduction = strcmp(how, "sum") == 0 ? SUM : strcmp(how, "mean") == 0 ? MEAN : NONE;
    s->rows = shape_product(x, 0, x->rank - 1);
    s->per = x->dim[x->rank - 1];
    s->at = grad ? 3 : 2;
    s->wide = q->in[1]->dtype == TNB_I64;
    s->ignore = tnb_attr_int(q->node, "ignore_index", INT64_MIN);
    s->smoothing = (float)tnb_attr_float(q->node, "label_smoothing", 0);
    s->margin = (float)tnb_attr_float(q->node, "margin", 0);
    s->plain = s->kind == SPARSE && s->reduction == NONE && s->ignore == INT64_MIN &&
               s->smoothing == 0 && s->per > 0 && !present(q, s->at) && !present(q, s->at + 1);
    if (s->reduction != NONE)
        k->ws_bytes = grad ? sizeof(double) : (uint64_t)(s->rows + 1) * 2 * sizeof(double);
    k->run = grad ? backward_run : forward_run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_class_loss)[] = {
    {CPU_LOOPS("sparse_softmax_cross_entropy", supports, prepare)},
    {CPU_LOOPS("sparse_softmax_cross_entropy_grad", supports, prepare)},
    {CPU_LOOPS("softmax_cross_entropy", supports, prepare)},
    {CPU_LOOPS("softmax_cross_entropy_grad", supports, prepare)},
    {CPU_LOOPS("nll", supports, prepare)},
    {CPU_LOOPS("nll_grad", supports, prepare)},
    {CPU_LOOPS("cosine_embedding", supports, prepare)},
    {CPU_LOOPS("cosine_embedding_grad", supports, prepare)},
    {.name = NULL},
};
