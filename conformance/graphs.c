#include "graphs.h"

#include <stdio.h>

#include "graph/graph.h"

static uint32_t count_attrs(const struct op_case *c)
{
    uint32_t n = 0;
    while (n < OP_CASE_MAX_ATTR && c->attrs[n].name)
        n++;
    return n;
}

static void add_operator(tn_graph *g, const struct op_run *run, tn_value *in, tn_value *out)
{
    char name[16];
    for (uint32_t i = 0; i < run->n_in; i++) {
        snprintf(name, sizeof(name), "in%u", i);
        in[i] = run->c->in[i].dtype ? tn_graph_input(g, name, run->in[i].type.dtype,
                                                     &run->in[i].type.shape, TN_INPUT_DATA)
                                    : TN_NONE;
    }
    tn_graph_op(g, run->op->name, in, run->n_in, run->c->attrs, count_attrs(run->c), out,
                run->op->n_out);
}

static tn_status finish(tn_graph **g, tn_graph **out_graph, struct tn_error *err)
{
    tn_status st = tn_graph_check(*g, err);
    if (st == TN_OK)
        *out_graph = *g;
    else
        tn_graph_destroy(g);
    return st;
}

tn_status cf_forward_graph(const struct op_run *run, tn_graph **out_graph, struct tn_error *err)
{
    tn_graph *g = NULL;
    tn_value in[OP_CASE_MAX_IN], out[TN_OP_MAX_OUT];
    char name[16];
    tn_status st = tn_graph_create(run->c->name, &g, err);
    if (st != TN_OK)
        return st;
    add_operator(g, run, in, out);
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        snprintf(name, sizeof(name), "out%u", k);
        if (run->out[k].type.dtype && out[k] != TN_NONE)
            tn_graph_output(g, name, out[k]);
    }
    return finish(&g, out_graph, err);
}

static int takes_part(const struct op_run *run, uint32_t k)
{
    uint32_t mask = run->c->grad_out ? run->c->grad_out : 1u;
    return (mask >> k & 1u) && tn_dtype_is_float(run->out[k].type.dtype);
}

/* Weights of output k in its own element type; TN_NONE when memory is out. */
static tn_value weights(tn_graph *g, const struct op_run *run, uint32_t k)
{
    tn_tensor *wide = NULL, *t = NULL;
    tn_value value = TN_NONE;
    uint64_t key = op_random_key(run->c->op, run->c->name, 1000 + k);
    if (tn_tensor_create(TN_F64, &run->out[k].type.shape, &wide, NULL) != TN_OK)
        return TN_NONE;
    double *w = tn_tensor_data(wide);
    for (int64_t i = 0; i < run->out[k].count; i++)
        w[i] = op_random(key, (uint64_t)i);
    if (tn_tensor_convert(wide, run->out[k].type.dtype, &t, NULL) == TN_OK)
        value = tn_graph_const(g, t);
    tn_tensor_unref(&wide);
    tn_tensor_unref(&t);
    return value;
}

tn_status cf_backward_graph(const struct op_run *run, tn_graph **out_graph, tn_value *out_grads,
                            struct tn_error *err)
{
    tn_graph *g = NULL;
    tn_value in[OP_CASE_MAX_IN], out[TN_OP_MAX_OUT], wrt[OP_CASE_MAX_IN], d[OP_CASE_MAX_IN];
    const struct tn_attr to_f32 = TN_AS("dtype", "f32");
    tn_value loss = TN_NONE;
    uint32_t n_wrt = 0;
    char name[16];
    tn_status st = tn_graph_create(run->c->name, &g, err);
    if (st != TN_OK)
        return st;
    add_operator(g, run, in, out);
    for (uint32_t i = 0; i < run->n_in; i++)
        if (run->c->grad >> i & 1u)
            wrt[n_wrt++] = in[i];
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        if (!takes_part(run, k))
            continue;
        tn_value part = tn_sum(g, tn_mul(g, out[k], weights(g, run, k)), NULL, 0, 0);
        /* Outputs of two element types: their sum is taken in f32. */
        if (loss != TN_NONE && tn_graph_dtype(g, loss) != tn_graph_dtype(g, part)) {
            loss = tn_op1(g, "cast", loss, &to_f32, 1);
            part = tn_op1(g, "cast", part, &to_f32, 1);
        }
        loss = loss == TN_NONE ? part : tn_add(g, loss, part);
    }
    tn_graph_gradients(g, loss, wrt, n_wrt, d);
    for (uint32_t i = 0, n = 0; i < run->n_in; i++) {
        out_grads[i] = run->c->grad >> i & 1u ? d[n++] : TN_NONE;
        snprintf(name, sizeof(name), "grad%u", i);
        if (out_grads[i] != TN_NONE)
            tn_graph_output(g, name, out_grads[i]);
    }
    return finish(&g, out_graph, err);
}
