/* Einstein summation, as NumPy's einsum, lowered to transposes, reshapes, products and sums.
 *
 * Operands are taken from left to right. Each is first brought to distinct labels that matter: a
 * repeated label becomes its diagonal, a dim of 1 that broadcasts is dropped, a label that appears
 * nowhere else is summed. A pair is then a batched matrix product: labels of both that are needed
 * later are the batch, those that are not are summed, the rest are rows and columns. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "graph/build.h"

#define N_LETTERS 52
#define N_LABELS (N_LETTERS + TN_MAX_RANK) /* then the dims of "...", from the right */
#define MAX_OPERANDS 16

/* A value with a label for each dim. */
struct labelled {
    tn_value value;
    uint32_t rank;
    uint8_t label[N_LABELS]; /* room to put lists together; a value has at most TN_MAX_RANK */
};

struct einsum {
    tn_graph *graph;
    const char *equation, *at; /* `at`: being read */
    struct labelled in[MAX_OPERANDS], out;
    size_t n;
    uint32_t n_ellipsis; /* dims of the longest "..." */
    int64_t dim[N_LABELS], trial[N_LABELS][TN_N_TRIALS];
    uint32_t n_uses[N_LABELS];
};

static int fail_at(struct einsum *e, const char *where, const char *fmt, ...) TN_PRINTF(3, 4);
static int fail_at(struct einsum *e, const char *where, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    tn_graph_fail(e->graph, TN_E_INVALID, "einsum '%s', position %d: %s", e->equation,
                  (int)(where - e->equation) + 1, text);
    return 0;
}

static char letter(uint32_t label)
{
    return (char)(label < 26 ? 'A' + (int)label : 'a' + (int)label - 26);
}

static uint64_t label_set(const struct labelled *v)
{
    uint64_t set = 0;
    for (uint32_t i = 0; i < v->rank; i++)
        set |= (uint64_t)1 << v->label[i];
    return set;
}

static int holds(uint64_t set, uint32_t label)
{
    return set >> label & 1;
}

/* --- reading the equation --- */

/* Labels up to ',', '-' or the end. An ellipsis stands for the `n_dots` last of its labels; -1: for
 * what is missing to `rank`. Returns 0 after an error. */
static int read_term(struct einsum *e, int64_t rank, int64_t n_dots, struct labelled *out)
{
    const char *begin = e->at;
    uint8_t letters[TN_MAX_RANK];
    uint32_t n = 0, dots_at = UINT32_MAX;
    for (; *e->at && *e->at != ',' && *e->at != '-'; e->at++) {
        char c = *e->at;
        int upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
        if (c == ' ')
            continue;
        if (c == '.') {
            if (strncmp(e->at, "...", 3) != 0 || dots_at != UINT32_MAX)
                return fail_at(e, e->at, "an ellipsis is three dots, once for each operand");
            dots_at = n;
            e->at += 2;
            continue;
        }
        if (!upper && !lower)
            return fail_at(e, e->at, "'%c' is no label; labels are letters", c);
        if (n == TN_MAX_RANK)
            return fail_at(e, e->at, "more than %d labels", TN_MAX_RANK);
        letters[n++] = (uint8_t)(upper ? c - 'A' : c - 'a' + 26);
    }
    if (n_dots < 0)
        n_dots = dots_at == UINT32_MAX ? 0 : rank - n;
    if (rank >= 0 && (n_dots < 0 || n + n_dots != rank))
        return fail_at(e, begin, "%u labels%s for an operand of %d dims", n,
                       dots_at == UINT32_MAX ? "" : " and an ellipsis", (int)rank);
    if (dots_at == UINT32_MAX)
        n_dots = 0;
    if (n + n_dots > TN_MAX_RANK)
        return fail_at(e, begin, "more than %d dims", TN_MAX_RANK);
    out->rank = 0;
    for (uint32_t i = 0; i <= n; i++) {
        for (int64_t d = n_dots; i == dots_at && d-- > 0;)
            out->label[out->rank++] = (uint8_t)(N_LETTERS + d);
        if (i < n)
            out->label[out->rank++] = letters[i];
    }
    if (n_dots > (int64_t)e->n_ellipsis)
        e->n_ellipsis = (uint32_t)n_dots;
    return 1;
}

/* Takes the sizes of operand i's labels; a dim of 1 gives way. */
static int take_dims(struct einsum *e, size_t i, const char *where)
{
    const struct labelled *v = &e->in[i];
    const struct tn_graph_value *value = &e->graph->values.items[v->value];
    char text[2][64];
    for (uint32_t d = 0; d < v->rank; d++) {
        uint32_t l = v->label[d];
        int64_t dim = value->shape.dim[d];
        for (uint32_t c = 0; c < d; c++)
            if (v->label[c] == l && value->shape.dim[c] != dim)
                return fail_at(e, where, "label '%c' is repeated over dims of %s and %s", letter(l),
                               tn_graph_dim_format(e->graph, value->shape.dim[c], text[0], 64),
                               tn_graph_dim_format(e->graph, dim, text[1], 64));
        if (e->n_uses[l]++ == 0 || e->dim[l] == 1) {
            e->dim[l] = dim;
            for (uint32_t t = 0; t < TN_N_TRIALS; t++)
                e->trial[l][t] = value->trial[t].dim[d];
        } else if (dim != e->dim[l] && dim != 1) {
            tn_graph_dim_format(e->graph, e->dim[l], text[0], 64);
            tn_graph_dim_format(e->graph, dim, text[1], 64);
            if (l >= N_LETTERS)
                return fail_at(e, where, "the ellipsis has %s here and %s before", text[1],
                               text[0]);
            return fail_at(e, where, "label '%c' is %s here and %s before", letter(l), text[1],
                           text[0]);
        }
    }
    return 1;
}

static int read_inputs(struct einsum *e, const tn_value *values)
{
    for (size_t i = 0; i < e->n; i++) {
        const char *begin = e->at;
        if (values[i] >= e->graph->values.n)
            return fail_at(e, begin, "operand %zu is no value of this graph", i);
        e->in[i].value = values[i];
        if (!read_term(e, e->graph->values.items[values[i]].shape.rank, -1, &e->in[i]) ||
            !take_dims(e, i, begin))
            return 0;
        if (i + 1 < e->n && *e->at != ',')
            return fail_at(e, e->at, "%zu operands are named, %zu are given", i + 1, e->n);
        e->at += i + 1 < e->n;
    }
    if (*e->at == ',')
        return fail_at(e, e->at, "more operands are named than the %zu given", e->n);
    return 1;
}

static int read_output(struct einsum *e)
{
    if (*e->at == '\0') { /* what appears once, in the order of the alphabet, behind the ellipsis */
        for (uint32_t d = e->n_ellipsis; d-- > 0;)
            e->out.label[e->out.rank++] = (uint8_t)(N_LETTERS + d);
        for (uint32_t l = 0; l < N_LETTERS; l++)
            if (e->n_uses[l] == 1)
                e->out.label[e->out.rank++] = (uint8_t)l;
    } else {
        if (strncmp(e->at, "->", 2) != 0)
            return fail_at(e, e->at, "an arrow is '->'");
        const char *begin = e->at += 2;
        if (!read_term(e, -1, e->n_ellipsis, &e->out))
            return 0;
        if (*e->at)
            return fail_at(e, e->at, "'%c' behind the output", *e->at);
        for (uint32_t i = 0; i < e->out.rank; i++) {
            uint32_t l = e->out.label[i];
            if (l < N_LETTERS && e->n_uses[l] == 0)
                return fail_at(e, begin, "label '%c' of the output is in no operand", letter(l));
            for (uint32_t j = 0; j < i; j++)
                if (e->out.label[j] == l)
                    return fail_at(e, begin, "label '%c' is twice in the output", letter(l));
        }
    }
    if (e->out.rank > TN_MAX_RANK)
        return fail_at(e, e->at, "an output of %u dims; the limit is %d", e->out.rank, TN_MAX_RANK);
    return 1;
}

/* --- one operand --- */

static void permute(struct einsum *e, struct labelled *v, const uint8_t *order)
{
    int64_t perm[TN_MAX_RANK];
    int same = 1;
    for (uint32_t i = 0; i < v->rank; i++) {
        uint32_t d = 0;
        while (v->label[d] != order[i])
            d++;
        perm[i] = d;
        same &= d == i;
    }
    if (!same) {
        struct tn_attr attr = TN_AV("perm", v->rank, perm);
        v->value = tn_op1(e->graph, "transpose", v->value, &attr, 1);
        memcpy(v->label, order, v->rank);
    }
}

/* Dims c and d have one label: every (n + 1)-th of the n * n elements. */
static int take_diagonal(struct einsum *e, struct labelled *v, uint32_t c, uint32_t d)
{
    int64_t perm[TN_MAX_RANK], end = INT64_MAX, start = 0, n, axis, step;
    uint8_t label = v->label[d];
    uint32_t rank = 0;
    struct tn_shape s = tn_graph_shape(e->graph, v->value), flat;
    n = s.dim[d];
    if (n < 0)
        return fail_at(e, e->equation,
                       "label '%c' is repeated over a symbolic dim; its diagonal "
                       "needs a number",
                       letter(label));
    for (uint32_t i = 0; i < v->rank; i++)
        if (i != c && i != d) {
            perm[rank] = i;
            v->label[rank] = v->label[i];
            flat.dim[rank++] = s.dim[i];
        }
    perm[rank] = c;
    perm[rank + 1] = d;
    flat.dim[rank] = n * n;
    flat.rank = rank + 1;
    v->label[rank] = label;
    axis = rank;
    step = n + 1;
    struct tn_attr transpose = TN_AV("perm", v->rank, perm);
    struct tn_attr slice[] = {TN_AV("starts", 1, &start), TN_AV("ends", 1, &end),
                              TN_AV("steps", 1, &step), TN_AV("axes", 1, &axis)};
    v->value = tn_op1(e->graph, "transpose", v->value, &transpose, 1);
    v->value = tn_reshape(e->graph, v->value, &flat);
    v->value = tn_op1(e->graph, "slice", v->value, slice, 4);
    v->rank = rank + 1;
    return 1;
}

/* Drops dims of 1 that stand for a larger one elsewhere, sums labels that are not in `needed`. */
static void drop_dims(struct einsum *e, struct labelled *v, uint64_t needed)
{
    struct tn_shape s = tn_graph_shape(e->graph, v->value), kept = {0};
    int64_t axes[TN_MAX_RANK];
    uint32_t n = 0, rank = 0;
    for (uint32_t i = 0; i < v->rank; i++)
        if (s.dim[i] != 1 || e->dim[v->label[i]] == 1) {
            v->label[kept.rank] = v->label[i];
            kept.dim[kept.rank++] = s.dim[i];
        }
    if (kept.rank != v->rank)
        v->value = tn_reshape(e->graph, v->value, &kept);
    for (uint32_t i = 0; i < kept.rank; i++) {
        if (!holds(needed, v->label[i]))
            axes[n++] = i;
        else
            v->label[rank++] = v->label[i];
    }
    if (n)
        v->value = tn_sum(e->graph, v->value, axes, n, 0);
    v->rank = rank;
}

static int distinct(struct einsum *e, struct labelled *v)
{
    for (uint32_t d = 0; d < v->rank; d++)
        for (uint32_t c = 0; c < d; c++)
            if (v->label[c] == v->label[d])
                return take_diagonal(e, v, c, d) && distinct(e, v);
    return 1;
}

/* --- a pair --- */

struct group {
    uint32_t n;
    uint8_t label[N_LABELS];
};

static struct group group_of(const struct labelled *v, uint64_t set)
{
    struct group g = {0};
    for (uint32_t i = 0; i < v->rank; i++)
        if (holds(set, v->label[i]))
            g.label[g.n++] = v->label[i];
    return g;
}

/* The product of a group's dims, which may be symbolic. */
static int64_t group_dim(struct einsum *e, const struct group *g)
{
    int64_t trial[TN_N_TRIALS], dim = 0;
    for (uint32_t t = 0; t < TN_N_TRIALS; t++) {
        trial[t] = 1;
        for (uint32_t i = 0; i < g->n; i++)
            if (TN_MUL_OVERFLOW(trial[t], e->trial[g->label[i]][t], &trial[t]))
                tn_graph_fail(e->graph, TN_E_INVALID, "einsum '%s': too many elements",
                              e->equation);
    }
    if (e->graph->status == TN_OK && tn_dim_deduce(e->graph, trial, &dim) != TN_OK)
        tn_graph_fail(e->graph, TN_E_INVALID, "einsum '%s': a product of dims overflows",
                      e->equation);
    return dim;
}

/* v with the groups' labels in order, each group one dim; `as` has the shape, 1s included. */
static tn_value flattened(struct einsum *e, struct labelled *v, const struct group *const groups[3],
                          const struct tn_shape *as)
{
    uint8_t order[N_LABELS];
    uint32_t n = 0;
    for (int i = 0; i < 3; i++) {
        memcpy(order + n, groups[i]->label, groups[i]->n);
        n += groups[i]->n;
    }
    permute(e, v, order);
    return tn_reshape(e->graph, v->value, as);
}

/* acc = acc times v, summed over the labels of both that are not in `needed`. */
static int multiply(struct einsum *e, struct labelled *acc, struct labelled *v, uint64_t needed)
{
    uint64_t a_set = label_set(acc), b_set = label_set(v), both = a_set & b_set;
    struct group batch = group_of(acc, both & needed), sum = group_of(acc, both & ~needed);
    struct group rows = group_of(acc, a_set & ~b_set), columns = group_of(v, b_set & ~a_set);
    int64_t p = group_dim(e, &batch), m = group_dim(e, &rows), n = group_dim(e, &columns),
            k = group_dim(e, &sum), axis = 3;
    if (batch.n + rows.n + columns.n > TN_MAX_RANK)
        return fail_at(e, e->equation, "a product of %u dims on the way; the limit is %d",
                       batch.n + rows.n + columns.n, TN_MAX_RANK);
    const struct group *a_groups[] = {&batch, &rows, &sum}, *b_groups[] = {&batch, &sum, &columns};
    const struct group *b_last[] = {&batch, &columns, &sum};
    if (sum.n > 0 && tn_dtype_is_float(tn_graph_dtype(e->graph, acc->value))) {
        struct tn_shape a = TN_SHAPE(p, m, k), b = TN_SHAPE(p, k, n);
        tn_value left = flattened(e, acc, a_groups, &a), right = flattened(e, v, b_groups, &b);
        acc->value = tn_matmul(e->graph, left, right, 0, 0);
    } else {
        struct tn_shape a = TN_SHAPE(p, m, 1, k), b = TN_SHAPE(p, 1, n, k);
        tn_value left = flattened(e, acc, a_groups, &a), right = flattened(e, v, b_last, &b);
        acc->value = tn_mul(e->graph, left, right);
        if (sum.n > 0)
            acc->value = tn_sum(e->graph, acc->value, &axis, 1, 0);
    }
    const struct group *kept[] = {&batch, &rows, &columns};
    struct tn_shape y = {0};
    for (int i = 0; i < 3; i++)
        for (uint32_t j = 0; j < kept[i]->n; j++) {
            acc->label[y.rank] = kept[i]->label[j];
            y.dim[y.rank++] = e->dim[kept[i]->label[j]];
        }
    acc->rank = y.rank;
    acc->value = tn_reshape(e->graph, acc->value, &y);
    return 1;
}

static tn_value contract(struct einsum *e)
{
    uint64_t needed[MAX_OPERANDS + 1]; /* by the output and the operands from i on */
    struct labelled *acc = &e->in[0];
    for (size_t i = 0; i < e->n; i++) {
        uint64_t others = label_set(&e->out);
        for (size_t j = 0; j < e->n; j++)
            others |= j == i ? 0 : label_set(&e->in[j]);
        if (!distinct(e, &e->in[i]))
            return TN_NONE;
        drop_dims(e, &e->in[i], others);
    }
    needed[e->n] = label_set(&e->out);
    for (size_t i = e->n; i-- > 0;)
        needed[i] = needed[i + 1] | label_set(&e->in[i]);
    for (size_t i = 1; i < e->n; i++) {
        /* A label whose last wide operand is past may still lie in a dim of 1 that was dropped. */
        drop_dims(e, acc, needed[i]);
        if (!multiply(e, acc, &e->in[i], needed[i + 1]))
            return TN_NONE;
    }
    drop_dims(e, acc, needed[e->n]);
    permute(e, acc, e->out.label);
    return acc->value;
}

tn_value tn_einsum(tn_graph *graph, const char *equation, const tn_value *values, size_t n)
{
    struct einsum e = {.graph = graph, .equation = equation, .at = equation, .n = n};
    tn_value y = TN_NONE;
    if (graph->status != TN_OK)
        return TN_NONE;
    if (n == 0 || n > MAX_OPERANDS) {
        tn_graph_fail(graph, TN_E_INVALID, "einsum '%s': %zu operands; it takes from 1 to %d",
                      equation, n, MAX_OPERANDS);
        return TN_NONE;
    }
    tn_graph_push_scope(graph, "einsum");
    if (read_inputs(&e, values) && read_output(&e))
        y = contract(&e);
    tn_graph_pop_scope(graph);
    return graph->status == TN_OK ? y : TN_NONE;
}
