#include "graphs.h"

#include <stdio.h>
#include <string.h>

static uint32_t count_attrs(const struct op_case *c)
{
    uint32_t n = 0;
    while (n < OP_CASE_MAX_ATTR && c->attrs[n].name)
        n++;
    return n;
}

void op_graph_add(tn_graph *graph, const struct op_run *run, tn_value *out_in, tn_value *out_out)
{
    char name[16];
    for (uint32_t i = 0; i < run->n_in; i++) {
        snprintf(name, sizeof(name), "in%u", i);
        out_in[i] = run->c->in[i].dtype ? tn_graph_input(graph, name, run->in[i].type.dtype,
                                                         &run->in[i].type.shape, TN_INPUT_DATA)
                                        : TN_NONE;
    }
    tn_graph_op(graph, run->op->name, out_in, run->n_in, run->c->attrs, count_attrs(run->c),
                out_out, run->op->n_out);
}

static tn_status finish(tn_graph *g, tn_graph **out_graph, struct tn_error *err)
{
    tn_status st = tn_graph_check(g, err);
    if (st == TN_OK)
        *out_graph = g;
    else
        tn_graph_destroy(&g);
    return st;
}

tn_status op_forward_graph(const struct op_run *run, tn_graph **out_graph, struct tn_error *err)
{
    tn_graph *g = NULL;
    tn_value in[OP_CASE_MAX_IN], out[TN_OP_MAX_OUT];
    char name[16];
    tn_status st = tn_graph_create(run->c->name, &g, err);
    if (st != TN_OK)
        return st;
    op_graph_add(g, run, in, out);
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        snprintf(name, sizeof(name), "out%u", k);
        if (run->out[k].type.dtype && out[k] != TN_NONE)
            tn_graph_output(g, name, out[k]);
    }
    return finish(g, out_graph, err);
}

/* --- gradients --- */

int op_takes_part(const struct op_run *run, uint32_t k)
{
    uint32_t mask = run->c->grad_out ? run->c->grad_out : 1u;
    return (mask >> k & 1u) && tn_dtype_is_float(run->out[k].type.dtype);
}

double op_weight(const struct op_run *run, uint32_t k, int64_t i)
{
    return op_random(op_random_key(run->c->op, run->c->name, 1000 + k), (uint64_t)i);
}

/* Weights of output k in its own element type. */
static tn_status add_weights(tn_graph *g, const struct op_run *run, uint32_t k, tn_value *out_value,
                             struct tn_error *err)
{
    tn_tensor *wide = NULL, *t = NULL;
    tn_status st = tn_tensor_create(TN_F64, &run->out[k].type.shape, &wide, err);
    if (st != TN_OK)
        return st;
    double *w = tn_tensor_data(wide);
    for (int64_t i = 0; i < run->out[k].count; i++)
        w[i] = op_weight(run, k, i);
    st = tn_tensor_convert(wide, run->out[k].type.dtype, &t, err);
    if (st == TN_OK)
        *out_value = tn_graph_const(g, t);
    tn_tensor_unref(&wide);
    tn_tensor_unref(&t);
    return st;
}

/* L, of what the operator gave. */
static tn_status add_loss(tn_graph *g, const struct op_run *run, const tn_value *out,
                          tn_value *out_loss, struct tn_error *err)
{
    const struct tn_attr to_f32 = TN_AS("dtype", "f32");
    tn_value loss = TN_NONE;
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        tn_value w = TN_NONE;
        if (!op_takes_part(run, k))
            continue;
        tn_status st = add_weights(g, run, k, &w, err);
        if (st != TN_OK)
            return st;
        tn_value part = tn_sum(g, tn_mul(g, out[k], w), NULL, 0, 0);
        /* Outputs of two element types: their sum is taken in f32. */
        if (loss != TN_NONE && tn_graph_dtype(g, loss) != tn_graph_dtype(g, part)) {
            loss = tn_op1(g, "cast", loss, &to_f32, 1);
            part = tn_op1(g, "cast", part, &to_f32, 1);
        }
        loss = loss == TN_NONE ? part : tn_add(g, loss, part);
    }
    *out_loss = loss;
    return TN_OK;
}

tn_status op_backward_graph(const struct op_run *run, tn_graph **out_graph, tn_value *out_grads,
                            struct tn_error *err)
{
    tn_graph *g = NULL;
    tn_value in[OP_CASE_MAX_IN], out[TN_OP_MAX_OUT], wrt[OP_CASE_MAX_IN], d[OP_CASE_MAX_IN];
    tn_value loss = TN_NONE;
    uint32_t n_wrt = 0;
    char name[16];
    tn_status st = tn_graph_create(run->c->name, &g, err);
    if (st != TN_OK)
        return st;
    op_graph_add(g, run, in, out);
    st = add_loss(g, run, out, &loss, err);
    if (st != TN_OK) {
        tn_graph_destroy(&g);
        return st;
    }
    for (uint32_t i = 0; i < run->n_in; i++)
        if (run->c->grad >> i & 1u)
            wrt[n_wrt++] = in[i];
    tn_graph_gradients(g, loss, wrt, n_wrt, d);
    for (uint32_t i = 0, n = 0; i < run->n_in; i++) {
        out_grads[i] = run->c->grad >> i & 1u ? d[n++] : TN_NONE;
        snprintf(name, sizeof(name), "grad%u", i);
        if (out_grads[i] != TN_NONE)
            tn_graph_output(g, name, out_grads[i]);
    }
    return finish(g, out_graph, err);
}

/* --- inputs --- */

size_t op_graph_inputs(const struct op_run *run, struct tn_ref_tensor *out_inputs)
{
    size_t n = 0;
    for (uint32_t i = 0; i < run->n_in; i++)
        if (run->c->in[i].dtype)
            out_inputs[n++] = run->in[i];
    return n;
}

tn_status op_tensor(const struct tn_ref_tensor *x, tn_tensor **out_tensor, struct tn_error *err)
{
    tn_tensor *wide = NULL;
    tn_dtype as = tn_dtype_is_float(x->type.dtype) ? TN_F64 : TN_I64;
    tn_status st = tn_tensor_create(as, &x->type.shape, &wide, err);
    if (st != TN_OK)
        return st;
    if (x->count)
        memcpy(tn_tensor_data(wide), x->data.any, (size_t)x->count * 8);
    st = tn_tensor_convert(wide, x->type.dtype, out_tensor, err);
    tn_tensor_unref(&wide);
    return st;
}
