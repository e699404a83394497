/* Symbolic dims: a constant times a product of symbols.
 *
 * Shape rules know numbers only. While a graph is built each rule runs twice, with the symbols
 * bound to two sets of primes. A dim that comes out equal is a constant; else its prime factors say
 * which symbols it is made of, and the second run must agree. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "graph/build.h"

static const struct tn_symbol_values trials[TN_N_TRIALS] = {
    {{10007, 10009, 10037, 10039, 10061, 10067, 10069, 10079}},
    {{20011, 20021, 20023, 20029, 20047, 20051, 20063, 20071}},
};

const struct tn_symbol_values *tn_trial_symbols(uint32_t trial)
{
    return &trials[trial];
}

int tn_dim_is_valid(const struct tn_graph *graph, int64_t dim)
{
    if (!tn_dim_is_symbolic(dim))
        return dim >= 0;
    uint32_t index = tn_dim_index(dim);
    return index < graph->n_symbols || (index >= TN_MAX_SYMBOLS && index < graph->dims.n);
}

int64_t tn_graph_symbol(tn_graph *graph, const char *name)
{
    if (graph->status != TN_OK)
        return tn_dim_of_index(0);
    for (uint32_t i = 0; i < graph->n_symbols; i++)
        if (strcmp(graph->symbols[i], name) == 0)
            return tn_dim_of_index(i);
    if (name[0] == '\0') {
        tn_graph_fail(graph, TN_E_INVALID, "a symbolic dim needs a name");
        return tn_dim_of_index(0);
    }
    if (graph->n_symbols == TN_MAX_SYMBOLS) {
        tn_graph_fail(graph, TN_E_INVALID,
                      "symbol '%s' is one more than the %d that a graph may have", name,
                      TN_MAX_SYMBOLS);
        return tn_dim_of_index(0);
    }
    char *copy = tn_arena_strdup(&graph->arena, name);
    if (!copy) {
        tn_graph_out_of_memory(graph);
        return tn_dim_of_index(0);
    }
    graph->symbols[graph->n_symbols] = copy;
    return tn_dim_of_index(graph->n_symbols++);
}

int64_t tn_dim_bind(const struct tn_graph *graph, int64_t dim, const struct tn_symbol_values *bound)
{
    if (!tn_dim_is_symbolic(dim))
        return dim;
    const struct tn_dim_expr *expr = &graph->dims.items[tn_dim_index(dim)];
    int64_t value = expr->coef;
    for (uint32_t s = 0; s < graph->n_symbols; s++)
        for (uint32_t k = 0; k < expr->power[s]; k++)
            if (TN_MUL_OVERFLOW(value, bound->value[s], &value))
                return -1;
    return value;
}

static tn_status intern(struct tn_graph *graph, const struct tn_dim_expr *expr, int64_t *out_dim)
{
    for (size_t i = 0; i < graph->dims.n; i++) {
        const struct tn_dim_expr *known = &graph->dims.items[i];
        if (known->coef == expr->coef &&
            memcmp(known->power, expr->power, sizeof expr->power) == 0) {
            *out_dim = tn_dim_of_index((uint32_t)i);
            return TN_OK;
        }
    }
    if (!TN_VEC_GROW(&graph->dims))
        return TN_E_OOM;
    graph->dims.items[graph->dims.n] = *expr;
    *out_dim = tn_dim_of_index((uint32_t)graph->dims.n++);
    return TN_OK;
}

tn_status tn_dim_deduce(struct tn_graph *graph, const int64_t trial[TN_N_TRIALS], int64_t *out_dim)
{
    if (trial[0] == trial[1]) {
        *out_dim = trial[0];
        return TN_OK;
    }
    if (trial[0] == 0 || trial[1] == 0)
        return TN_E_INVALID;
    struct tn_dim_expr expr = {0};
    int64_t rest[TN_N_TRIALS] = {trial[0], trial[1]};
    for (uint32_t s = 0; s < graph->n_symbols; s++) {
        int64_t p0 = trials[0].value[s], p1 = trials[1].value[s];
        while (rest[0] % p0 == 0 && rest[1] % p1 == 0) {
            rest[0] /= p0;
            rest[1] /= p1;
            expr.power[s]++;
        }
    }
    if (rest[0] != rest[1])
        return TN_E_INVALID;
    expr.coef = rest[0];
    return intern(graph, &expr, out_dim);
}

static void format_expr(const struct tn_graph *graph, const struct tn_dim_expr *expr, char *buf,
                        size_t size)
{
    size_t n = 0;
    int is_first = expr->coef == 1;
    if (!is_first)
        n += (size_t)snprintf(buf, size, "%" PRId64, expr->coef);
    for (uint32_t s = 0; s < graph->n_symbols; s++)
        for (uint32_t k = 0; k < expr->power[s] && n < size; k++) {
            n +=
                (size_t)snprintf(buf + n, size - n, "%s%s", is_first ? "" : "*", graph->symbols[s]);
            is_first = 0;
        }
}

char *tn_graph_dim_format(const tn_graph *graph, int64_t dim, char *buf, size_t size)
{
    if (size == 0)
        return buf;
    buf[0] = '\0';
    if (!tn_dim_is_symbolic(dim))
        snprintf(buf, size, "%" PRId64, dim);
    else if (!tn_dim_is_valid(graph, dim))
        snprintf(buf, size, "?");
    else
        format_expr(graph, &graph->dims.items[tn_dim_index(dim)], buf, size);
    return buf;
}

char *tn_graph_shape_format(const struct tn_graph *graph, const struct tn_shape *shape, char *buf,
                            size_t size)
{
    char dim[128];
    size_t n = 0;
    if (size)
        buf[0] = '\0';
    for (uint32_t i = 0; i < shape->rank && i < TN_MAX_RANK && n < size; i++)
        n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "[",
                              tn_graph_dim_format(graph, shape->dim[i], dim, sizeof dim));
    if (n < size)
        snprintf(buf + n, size - n, shape->rank ? "]" : "[]");
    return buf;
}

tn_status tn_shape_bind(const struct tn_graph *graph, const struct tn_shape *shape,
                        const struct tn_symbol_values *bound, struct tn_shape *out_shape)
{
    struct tn_shape made = {.rank = shape->rank};
    for (uint32_t i = 0; i < shape->rank; i++) {
        made.dim[i] = tn_dim_bind(graph, shape->dim[i], bound);
        if (made.dim[i] < 0)
            return TN_E_INVALID;
    }
    *out_shape = made;
    return TN_OK;
}

/* The number as a product with at least one symbol of the trial, or 0. */
static int explain_number(const struct tn_graph *graph, uint32_t trial, int64_t number, char *buf,
                          size_t size)
{
    struct tn_dim_expr expr = {.coef = number};
    int found = 0;
    for (uint32_t s = 0; s < graph->n_symbols && number > 0; s++)
        while (expr.coef % trials[trial].value[s] == 0) {
            expr.coef /= trials[trial].value[s];
            expr.power[s]++;
            found = 1;
        }
    if (found)
        format_expr(graph, &expr, buf, size);
    return found;
}

void tn_dim_explain(const struct tn_graph *graph, uint32_t trial, char *msg, size_t size)
{
    char out[TN_ERROR_MSG_SIZE], text[128], digits[24];
    size_t n = 0;
    for (const char *p = msg; *p && n + 1 < sizeof out && n + 1 < size;) {
        size_t n_digits = strspn(p, "0123456789");
        int in_word = p > msg && (isalnum((unsigned char)p[-1]) || p[-1] == '_');
        if (n_digits < 5 || n_digits > 18 || in_word) {
            out[n++] = *p++;
            continue;
        }
        memcpy(digits, p, n_digits);
        digits[n_digits] = '\0';
        int64_t number = 0;
        for (size_t i = 0; i < n_digits; i++)
            number = number * 10 + (digits[i] - '0');
        const char *shown = explain_number(graph, trial, number, text, sizeof text) ? text : digits;
        size_t n_shown = strnlen(shown, TN_MIN(sizeof out, size) - 1 - n);
        memcpy(out + n, shown, n_shown);
        n += n_shown;
        p += n_digits;
    }
    memcpy(msg, out, n);
    msg[n] = '\0';
}
