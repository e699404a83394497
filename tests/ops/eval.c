#include "eval.h"

#include <math.h>
#include <string.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "graph/graph.h"
#include "tensor/convert.h"

/* --- numbers --- */

uint64_t op_random_key(const char *a, const char *b, uint64_t salt)
{
    uint64_t h = tn_mix64(salt);
    for (; *a; a++)
        h = tn_mix64(h ^ (uint64_t)(unsigned char)*a);
    h = tn_mix64(h + 1);
    for (; *b; b++)
        h = tn_mix64(h ^ (uint64_t)(unsigned char)*b);
    return h;
}

static double unit(uint64_t key, uint64_t i)
{
    return (double)(tn_mix64(key + i * 0x9e3779b97f4a7c15u) >> 11) * 0x1p-53;
}

double op_random(uint64_t key, uint64_t i)
{
    return 2.0 * unit(key, i) - 1.0;
}

/* Fisher and Yates over 0 .. n-1, then the i-th: quadratic, for small tables only. */
static int64_t shuffled(uint64_t key, int64_t n, int64_t i, double *order)
{
    if (i == 0) {
        for (int64_t j = 0; j < n; j++)
            order[j] = (double)j;
        for (int64_t j = n - 1; j > 0; j--) {
            int64_t k = (int64_t)(unit(key, (uint64_t)j) * (double)(j + 1));
            double t = order[j];
            order[j] = order[k];
            order[k] = t;
        }
    }
    return (int64_t)order[i];
}

static double special(const struct op_case_input *in, uint64_t key, int64_t i)
{
    static const double specials[] = {NAN,    INFINITY, -INFINITY, 0.0,    -0.0, 1e30, -1e30, 1e-30,
                                      -1e-30, 88.0,     -88.0,     3.4e38, 1.0,  -1.0, 0.5};
    if (i % 3 == 2)
        return in->lo + (in->hi - in->lo) * unit(key, (uint64_t)i);
    return specials[(uint64_t)(i - i / 3) % TN_LEN(specials)];
}

static double draw(const struct op_case_input *in, uint64_t key, int64_t i, int64_t n,
                   double *scratch)
{
    double u = unit(key, (uint64_t)i), range = in->hi - in->lo, v = in->lo + range * u;
    switch (in->fill) {
    case FILL_LITERAL:
        return in->values[i];
    case FILL_INTS:
        return floor(v);
    case FILL_TIES:
        return in->lo + range * 0.5 * floor(u * 3.0);
    case FILL_SPECIAL:
        return special(in, key, i);
    case FILL_DISTINCT:
        return in->lo + range * ((double)shuffled(key, n, i, scratch) + 0.5) / (double)n;
    case FILL_AWAY:
        if (fabs(v) < range / 20)
            v += v < 0 ? -range / 20 : range / 20;
        return v;
    default:
        return v;
    }
}

static double round_to(double v, tn_dtype dtype)
{
    if (dtype == TN_F16 || dtype == TN_BF16)
        return floor(v * 8.0 + 0.5) / 8.0;
    return dtype == TN_F64 ? v : (double)(float)v;
}

#define N_GUARD 64

/* Room for n elements between guards that a reference has no business to read: NaN, or -77. */
static void *alloc_guarded(struct tn_arena *arena, int64_t n, int is_float)
{
    size_t total = (size_t)n + 2 * N_GUARD;
    union {
        double *f;
        int64_t *i;
    } at = {.f = tn_arena_alloc(arena, total * 8)};
    for (size_t e = 0; at.f && e < total; e++) {
        if (is_float)
            at.f[e] = NAN;
        else
            at.i[e] = -77;
    }
    return at.f ? at.f + N_GUARD : NULL;
}

static int guards_whole(const struct tn_ref_tensor *t)
{
    int is_float = tn_dtype_is_float(t->type.dtype);
    for (int64_t g = 0; g < 2 * N_GUARD; g++) {
        int64_t e = g < N_GUARD ? g - N_GUARD : t->count + g - N_GUARD;
        if (is_float ? !isnan(t->data.f[e]) : t->data.i[e] != -77)
            return 0;
    }
    return 1;
}

/* What a 16-bit tensor would hold. */
static double stored(double v, tn_dtype dtype)
{
    if (dtype == TN_F16)
        return tn_f16_to_double(tn_f16_from_double(v));
    return dtype == TN_BF16 ? tn_bf16_to_double(tn_bf16_from_double(v)) : v;
}

/* Values are drawn for the case's own dtype, so that a run in f64 sees the numbers of the f32 one,
 * and one in a 16-bit type those numbers rounded. */
static int fill_input(struct tn_arena *arena, const struct op_case *c, uint32_t k,
                      const struct tn_type *type, struct tn_ref_tensor *out)
{
    const struct op_case_input *in = &c->in[k];
    uint64_t key = op_random_key(c->op, c->name, k);
    int64_t n;
    if (tn_shape_count(&type->shape, &n) != TN_OK)
        return 0;
    *out = (struct tn_ref_tensor){.type = *type, .count = n};
    out->data.any = alloc_guarded(arena, n, tn_dtype_is_float(type->dtype));
    double *scratch = tn_arena_alloc(arena, (size_t)n * 8 + 8);
    if (!out->data.any || !scratch)
        return 0;
    for (int64_t i = 0; i < n; i++) {
        double v = draw(in, key, i, n, scratch);
        if (tn_dtype_is_float(type->dtype))
            out->data.f[i] =
                stored(in->fill == FILL_LITERAL ? v : round_to(v, in->dtype), type->dtype);
        else
            out->data.i[i] = (int64_t)v;
    }
    return 1;
}

/* --- attributes --- */

static int complete_attrs(struct op_run *run, struct tn_error *err)
{
    const struct tn_op *op = run->op;
    struct tn_attr *list = TN_ARENA_NEW(&run->arena, struct tn_attr, op->n_attrs + 1);
    if (!list)
        return 0;
    for (uint32_t i = 0; i < op->n_attrs; i++) {
        list[i] = op->attrs[i].dflt;
        list[i].name = op->attrs[i].name;
        list[i].type = op->attrs[i].type;
    }
    for (uint32_t a = 0; a < OP_CASE_MAX_ATTR && run->c->attrs[a].name; a++) {
        uint32_t i = 0;
        while (i < op->n_attrs && strcmp(list[i].name, run->c->attrs[a].name) != 0)
            i++;
        if (i == op->n_attrs || list[i].type != run->c->attrs[a].type) {
            tn_error_set(err, TN_E_INTERNAL, "case %s/%s: no attribute '%s' of that type",
                         run->c->op, run->c->name, run->c->attrs[a].name);
            return 0;
        }
        list[i] = run->c->attrs[a];
    }
    run->attrs = (struct tn_attrs){list, op->n_attrs};
    return 1;
}

/* --- one operator --- */

/* Whether another precision changes the type of this input. */
static int follows(const struct op_case_input *in)
{
    return in->dtype == TN_F32 && !in->keep_dtype;
}

static int case_follows(const struct op_case *c)
{
    for (uint32_t i = 0; i < OP_CASE_MAX_IN; i++)
        if (follows(&c->in[i]))
            return 1;
    return 0;
}

tn_dtype op_case_dtype(const struct op_case *c, tn_dtype precision)
{
    if (case_follows(c))
        return precision;
    for (uint32_t i = 0; i < OP_CASE_MAX_IN; i++)
        if (c->in[i].dtype)
            return c->in[i].dtype;
    return c->out[0].dtype ? c->out[0].dtype : TN_F32;
}

static uint32_t count_inputs(const struct op_case *c)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < OP_CASE_MAX_IN; i++)
        if (c->in[i].dtype)
            n = i + 1;
    return n;
}

static tn_status infer_run(struct op_run *run, tn_dtype precision, struct tn_type *out_types,
                           struct tn_error *err)
{
    const struct tn_type *in[OP_CASE_MAX_IN] = {NULL};
    for (uint32_t i = 0; i < run->n_in; i++) {
        const struct op_case_input *input = &run->c->in[i];
        if (!input->dtype)
            continue;
        run->in_type[i] = (struct tn_type){follows(input) ? precision : input->dtype, input->shape};
        in[i] = &run->in_type[i];
    }
    struct tn_infer ctx = {.self = run->op,
                           .op = run->op->name,
                           .label = run->c->name,
                           .attrs = &run->attrs,
                           .n_in = run->n_in,
                           .n_out = run->op->n_out,
                           .in = in,
                           .out = out_types,
                           .err = err};
    tn_status st = run->op->infer(&ctx);
    if (st == TN_OK && run->op->settle)
        st = run->op->settle(&ctx, &run->arena, &run->attrs);
    return st;
}

static tn_status open_data(struct op_run *run, const struct tn_type *out_types)
{
    for (uint32_t i = 0; i < run->n_in; i++)
        if (run->c->in[i].dtype &&
            !fill_input(&run->arena, run->c, i, &run->in_type[i], &run->in[i]))
            return TN_E_OOM;
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        struct tn_ref_tensor *out = &run->out[k];
        *out = (struct tn_ref_tensor){.type = out_types[k]};
        if (!out_types[k].dtype)
            continue;
        if (tn_shape_count(&out_types[k].shape, &out->count) != TN_OK)
            return TN_E_INVALID;
        out->data.any = alloc_guarded(&run->arena, out->count, tn_dtype_is_float(out->type.dtype));
        if (!out->data.any)
            return TN_E_OOM;
    }
    return TN_OK;
}

tn_status op_run_open(const struct op_case *c, tn_dtype precision, struct op_run *out_run,
                      struct tn_error *err)
{
    struct op_run run = {.c = c, .op = tn_op_find(c->op)};
    struct tn_type out_types[TN_OP_MAX_OUT] = {{0}};
    tn_status st = TN_E_OOM;
    if (!run.op)
        return tn_error_set(err, TN_E_NOT_FOUND, "there is no operator '%s'", c->op);
    run.n_in = count_inputs(c);
    if (run.op->max_in <= TN_OP_MAX_FIXED)
        run.n_in = run.op->max_in;
    tn_arena_init(&run.arena);
    if (!complete_attrs(&run, err)) {
        st = TN_E_INTERNAL;
        goto fail;
    }
    st = infer_run(&run, precision, out_types, err);
    if (st == TN_OK)
        st = open_data(&run, out_types);
    if (st != TN_OK)
        goto fail;
    *out_run = run;
    return TN_OK;
fail:
    tn_arena_finish(&run.arena);
    return st;
}

int op_case_has_precision(const struct op_case *c, tn_dtype precision)
{
    if (precision == TN_F32)
        return 1;
    if (!case_follows(c))
        return 0;
    struct op_run run = {.c = c, .op = tn_op_find(c->op)};
    struct tn_type out_types[TN_OP_MAX_OUT] = {{0}};
    if (!run.op)
        return 0;
    run.n_in = run.op->max_in <= TN_OP_MAX_FIXED ? run.op->max_in : count_inputs(c);
    tn_arena_init(&run.arena);
    int accepts =
        complete_attrs(&run, NULL) && infer_run(&run, precision, out_types, NULL) == TN_OK;
    tn_arena_finish(&run.arena);
    return accepts;
}

void op_run_close(struct op_run *run)
{
    tn_arena_finish(&run->arena);
}

static void poison(struct tn_ref_tensor *t)
{
    for (int64_t i = 0; i < t->count; i++) {
        if (tn_dtype_is_float(t->type.dtype))
            t->data.f[i] = NAN;
        else
            t->data.i[i] = -77;
    }
}

static tn_status run_reference(const struct tn_op *op, struct tn_ref *ref, struct tn_arena *arena)
{
    if (op->scratch) {
        int64_t n = op->scratch(ref);
        ref->scratch = n > 0 ? tn_arena_alloc(arena, (size_t)n * sizeof(double)) : NULL;
        if (n > 0 && !ref->scratch)
            return TN_E_OOM;
    }
    for (uint32_t k = 0; k < ref->n_out; k++)
        poison(&ref->out[k]);
    op->reference(ref);
    return TN_OK;
}

tn_status op_run_reference(struct op_run *run, struct tn_error *err)
{
    struct tn_ref ref = {.self = run->op,
                         .attrs = &run->attrs,
                         .n_in = run->n_in,
                         .n_out = run->op->n_out,
                         .in = run->in,
                         .out = run->out};
    tn_status st = run_reference(run->op, &ref, &run->arena);
    if (st != TN_OK)
        return tn_error_set(err, st, "%s: no memory", run->op->name);
    for (uint32_t k = 0; k < run->op->n_out; k++)
        if (run->out[k].data.any && !guards_whole(&run->out[k]))
            return tn_error_set(err, TN_E_INTERNAL, "%s/%s: writes outside output %u", run->c->op,
                                run->c->name, k);
    return TN_OK;
}

/* --- a graph --- */

static int load_const(struct tn_arena *arena, const tn_tensor *tensor, struct tn_ref_tensor *out)
{
    int64_t pos[TN_MAX_RANK] = {0};
    const struct tn_shape *s = tn_tensor_shape(tensor);
    out->data.any = tn_arena_alloc(arena, (size_t)out->count * 8 + 8);
    if (!out->data.any)
        return 0;
    for (int64_t i = 0; i < out->count; i++) {
        double v = tn_tensor_get(tensor, pos);
        if (tn_dtype_is_float(out->type.dtype))
            out->data.f[i] = v;
        else
            out->data.i[i] = (int64_t)v;
        for (uint32_t d = s->rank; d-- > 0;) {
            if (++pos[d] < s->dim[d])
                break;
            pos[d] = 0;
        }
    }
    return 1;
}

static tn_status run_node(const struct tn_graph_node *node, const struct tn_attrs *attrs,
                          struct op_eval *eval)
{
    struct tn_ref_tensor in[OP_CASE_MAX_IN] = {{{0}}}, out[TN_OP_MAX_OUT] = {{{0}}};
    if (node->n_in > OP_CASE_MAX_IN)
        return TN_E_UNSUPPORTED;
    for (uint32_t i = 0; i < node->n_in; i++)
        if (node->in[i] != TN_NONE)
            in[i] = eval->values[node->in[i]];
    for (uint32_t k = 0; k < node->n_out; k++) {
        if (node->out[k] == TN_NONE)
            continue;
        struct tn_ref_tensor *v = &eval->values[node->out[k]];
        v->data.any = tn_arena_alloc(&eval->arena, (size_t)v->count * 8 + 8);
        if (!v->data.any)
            return TN_E_OOM;
        out[k] = *v;
    }
    struct tn_ref ref = {.self = node->op,
                         .attrs = attrs,
                         .n_in = node->n_in,
                         .n_out = node->n_out,
                         .in = in,
                         .out = out};
    return run_reference(node->op, &ref, &eval->arena);
}

static tn_status load_values(const struct tn_graph *graph, const struct tn_type *types,
                             const struct tn_ref_tensor *inputs, size_t n_inputs,
                             struct op_eval *eval)
{
    for (size_t v = 0; v < graph->values.n; v++) {
        const struct tn_graph_value *value = &graph->values.items[v];
        struct tn_ref_tensor *t = &eval->values[v];
        t->type = types[v];
        if (tn_shape_count(&types[v].shape, &t->count) != TN_OK)
            return TN_E_INVALID;
        if (value->kind == TN_VALUE_CONST &&
            !load_const(&eval->arena, graph->consts.items[value->index], t))
            return TN_E_OOM;
        if (value->kind == TN_VALUE_INPUT) {
            if (value->index >= n_inputs || inputs[value->index].count != t->count)
                return TN_E_INVALID;
            t->data = inputs[value->index].data;
        }
    }
    return TN_OK;
}

tn_status op_eval_graph(const struct tn_graph *graph, const struct tn_symbol_values *bound,
                        const struct tn_ref_tensor *inputs, size_t n_inputs,
                        struct op_eval *out_eval, struct tn_error *err)
{
    struct op_eval eval = {.values = NULL};
    const struct tn_symbol_values none = {{0}};
    struct tn_type *types;
    struct tn_attrs *attrs;
    tn_arena_init(&eval.arena);
    tn_status st = tn_graph_bind(graph, bound ? bound : &none, &eval.arena, &types, &attrs, err);
    if (st != TN_OK)
        goto fail;
    eval.values = TN_ARENA_NEW(&eval.arena, struct tn_ref_tensor, graph->values.n + 1);
    st = eval.values ? load_values(graph, types, inputs, n_inputs, &eval) : TN_E_OOM;
    for (size_t n = 0; st == TN_OK && n < graph->nodes.n; n++)
        st = run_node(&graph->nodes.items[n], &attrs[n], &eval);
    if (st != TN_OK) {
        tn_error_set(err, st, "evaluating the graph failed: %s", tn_status_name(st));
        goto fail;
    }
    *out_eval = eval;
    return TN_OK;
fail:
    tn_arena_finish(&eval.arena);
    return st;
}

void op_eval_close(struct op_eval *eval)
{
    tn_arena_finish(&eval->arena);
}
