#include "tables.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "eval.h"

void bench_tables_each(const char *glob, void (*each)(void *ctx, const struct bench_case *c),
                       void *ctx)
{
    for (size_t f = 0; f < op_family_count(); f++) {
        const struct op_case *c;
        for (size_t i = 0; (c = op_family_case(op_family_at(f), i)); i++) {
            struct op_run run;
            char name[160];
            if (c->reject || fnmatch(glob, c->op, 0) != 0 ||
                op_run_open(c, TN_F32, &run, NULL) != TN_OK)
                continue;
            snprintf(name, sizeof(name), "%s/%s", c->op, c->name);
            struct bench_case b = {.name = name, .op = c->op, .table = c};
            for (uint32_t k = 0; k < run.n_in; k++)
                b.n_bytes += (double)run.in[k].count * (double)tn_dtype_size(run.in[k].type.dtype);
            for (uint32_t k = 0; k < run.op->n_out; k++)
                b.n_bytes +=
                    (double)run.out[k].count * (double)tn_dtype_size(run.out[k].type.dtype);
            each(ctx, &b);
            op_run_close(&run);
        }
    }
}

tn_status bench_table_graph(const struct bench_case *c, tn_graph **out_graph, struct tn_error *err)
{
    const struct op_case *k = c->table;
    tn_value in[OP_CASE_MAX_IN], out[TN_OP_MAX_OUT];
    struct op_run run;
    uint32_t n_attr = 0;
    char name[16];
    tn_status st = op_run_open(k, TN_F32, &run, err);
    if (st != TN_OK)
        return st;
    st = tn_graph_create(c->name, out_graph, err);
    for (uint32_t i = 0; st == TN_OK && i < run.n_in; i++) {
        snprintf(name, sizeof(name), "in%u", i);
        in[i] = k->in[i].dtype ? tn_graph_input(*out_graph, name, run.in[i].type.dtype,
                                                &run.in[i].type.shape, TN_INPUT_DATA)
                               : TN_NONE;
    }
    while (n_attr < OP_CASE_MAX_ATTR && k->attrs[n_attr].name)
        n_attr++;
    if (st == TN_OK) {
        tn_graph_op(*out_graph, k->op, in, run.n_in, k->attrs, n_attr, out, run.op->n_out);
        for (uint32_t i = 0; i < run.op->n_out; i++) {
            snprintf(name, sizeof(name), "out%u", i);
            tn_graph_output(*out_graph, name, out[i]);
        }
        st = tn_graph_check(*out_graph, err);
    }
    op_run_close(&run);
    return st;
}

/* Values come as double or int64_t. */
static tn_status set_input(const struct tn_ref_tensor *x, const char *name, tn_plan *plan,
                           struct tn_error *err)
{
    tn_tensor *wide = NULL, *t = NULL;
    tn_status st = tn_tensor_create(tn_dtype_is_float(x->type.dtype) ? TN_F64 : TN_I64,
                                    &x->type.shape, &wide, err);
    if (st == TN_OK && x->count)
        memcpy(tn_tensor_data(wide), x->data.any, (size_t)x->count * 8);
    if (st == TN_OK)
        st = tn_tensor_convert(wide, x->type.dtype, &t, err);
    if (st == TN_OK)
        st = tn_plan_set_input(plan, name, t, err);
    tn_tensor_unref(&wide);
    tn_tensor_unref(&t);
    return st;
}

tn_status bench_table_feed(const struct bench_case *c, tn_plan *plan, struct tn_error *err)
{
    struct op_run run;
    char name[16];
    tn_status st = op_run_open(c->table, TN_F32, &run, err);
    if (st != TN_OK)
        return st;
    for (uint32_t i = 0; st == TN_OK && i < run.n_in; i++) {
        snprintf(name, sizeof(name), "in%u", i);
        if (c->table->in[i].dtype)
            st = set_input(&run.in[i], name, plan, err);
    }
    op_run_close(&run);
    return st;
}
