#include "tables.h"

#include <fnmatch.h>
#include <stdio.h>

#include "graphs.h"

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
    struct op_run run;
    tn_status st = op_run_open(c->table, TN_F32, &run, err);
    if (st != TN_OK)
        return st;
    st = op_forward_graph(&run, out_graph, err);
    op_run_close(&run);
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
        tn_tensor *t = NULL;
        if (!c->table->in[i].dtype)
            continue;
        snprintf(name, sizeof(name), "in%u", i);
        st = op_tensor(&run.in[i], &t, err);
        if (st == TN_OK)
            st = tn_plan_set_input(plan, name, t, err);
        tn_tensor_unref(&t);
    }
    op_run_close(&run);
    return st;
}
