/* The cases of tests/ops as cases of bench_ops: small shapes, every operator. */
#ifndef TENON_BENCH_TABLES_H
#define TENON_BENCH_TABLES_H

#include "bench_cases.h"
#include "tenon/runtime.h"

/* Calls `each` for every accepted case whose operator matches the glob; the pointers live until it
 * returns. */
void bench_tables_each(const char *glob, void (*each)(void *ctx, const struct bench_case *c),
                       void *ctx);
/* The graph of such a case, and its inputs into a plan of it. */
tn_status bench_table_graph(const struct bench_case *c, tn_graph **out_graph, struct tn_error *err);
tn_status bench_table_feed(const struct bench_case *c, tn_plan *plan, struct tn_error *err);

#endif
