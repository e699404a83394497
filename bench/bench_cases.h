/* What bench_ops times: operators with the shapes that training meets, as plain data. */
#ifndef TENON_BENCH_CASES_H
#define TENON_BENCH_CASES_H

#include "tenon/graph.h"

#define BENCH_MAX_IN 8
#define BENCH_MAX_ATTR 4
#define BENCH_MAX_OUT 3

struct op_case;
enum bench_fill {
    BENCH_UNIFORM = 0, /* [-1, 1) */
    BENCH_POSITIVE,    /* [0.1, 1.1) */
    BENCH_WINDOW       /* i32: the first cell of each 2 x 2 window of a plane twice as wide */
};
struct bench_input {
    struct tn_shape shape;
    enum bench_fill fill;
};
struct bench_case {
    const char *name; /* "matmul 1024": the operator, then what tells its shapes apart */
    const char *op;
    struct bench_input in[BENCH_MAX_IN];
    size_t n_in, n_out;
    struct tn_attr attr[BENCH_MAX_ATTR]; /* ends at the first without a name */
    double flop;    /* of one run; 0: memory decides, and only bytes are told */
    double n_bytes; /* each input read once and each output written once */
    int large;      /* for real GPUs: too long for a processor with a few cores */
    const struct op_case
        *table; /* of tests/ops, instead of in, n_in, n_out and attr; see tables.h */
};

extern const struct bench_case bench_cases[];
extern const size_t bench_n_cases;

#endif
