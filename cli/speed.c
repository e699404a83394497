#include "speed.h"

#include <stdlib.h>
#include <time.h>

#define TRY_S 0.4 /* of measuring, after the first run */

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Both operands are state: nothing is sent in a step. */
static tn_value operand(tn_graph *graph, const char *name, struct tn_shape shape)
{
    struct tn_state_params params = {.name = name,
                                     .dtype = TN_F32,
                                     .shape = shape,
                                     .role = TN_STATE_BUFFER,
                                     .init = {.kind = TN_INIT_UNIFORM, .a = -1, .b = 1}};
    return tn_graph_state(graph, &params);
}

/* Seconds of one run, the best of several: what else the machine does only makes it slower. */
static tn_status time_runs(tn_session *session, tn_plan *plan, double *out_s, struct tn_error *err)
{
    tn_status st = tn_plan_run(plan, err);
    if (st == TN_OK)
        st = tn_session_sync(session, err);
    double begin = now_s(), best = 1e30;
    int n_runs = 1;
    while (st == TN_OK && (now_s() - begin < TRY_S || best > 1e29)) {
        double from = now_s();
        for (int i = 0; st == TN_OK && i < n_runs; i++)
            st = tn_plan_run(plan, err);
        if (st == TN_OK)
            st = tn_session_sync(session, err);
        double took = (now_s() - from) / n_runs;
        best = took < best ? took : best;
        /* Several runs to a wait, so that the wait itself does not count on a fast device. */
        if (took * n_runs < 0.02 && n_runs < 256)
            n_runs *= 2;
    }
    *out_s = best;
    return st;
}

static tn_status time_op(tn_session *session, int is_product, int64_t rows, int64_t columns,
                         double *out_s, struct tn_error *err)
{
    tn_graph *graph = NULL;
    tn_plan *plan = NULL;
    tn_status st = tn_graph_create(is_product ? "speed of matmul" : "speed of add", &graph, err);
    if (st != TN_OK)
        return st;
    struct tn_shape shape = TN_SHAPE(rows, columns);
    tn_value a = operand(graph, is_product ? "a" : "c", shape);
    tn_value b = operand(graph, is_product ? "b" : "d", shape);
    tn_graph_output(graph, "y", is_product ? tn_matmul(graph, a, b, 0, 0) : tn_add(graph, a, b));
    st = tn_session_plan(session, graph, NULL, 0, &plan, err);
    if (st == TN_OK)
        st = time_runs(session, plan, out_s, err);
    tn_session_forget(session, graph);
    tn_graph_destroy(&graph);
    return st;
}

/* The largest that a slow device still does in a moment. */
static int64_t pick_size(const struct tn_device_info *info)
{
    if (info->is_checker)
        return 32;
    return info->kind == TN_DEVICE_GPU ? 2048 : 768;
}

tn_status speed_measure(tn_runtime *runtime, tn_device *device, struct speed *out_speed,
                        struct tn_error *err)
{
    const struct tn_device_info *info = tn_device_info(device);
    struct tn_session_params params = {.device = device, .strict = 1, .no_quarantine = 1};
    int64_t size = pick_size(info), rows = info->is_checker ? 32 : 4096;
    tn_session *session = NULL;
    double product_s = 0, sum_s = 0;
    tn_status st = tn_session_create(runtime, &params, &session, err);
    if (st == TN_OK)
        st = time_op(session, 1, size, size, &product_s, err);
    if (st == TN_OK)
        st = time_op(session, 0, rows, info->kind == TN_DEVICE_GPU ? 16384 : 2048, &sum_s, err);
    tn_session_destroy(&session);
    if (st != TN_OK)
        return st;
    double n = (double)size;
    *out_speed = (struct speed){.size = size, .gemm_gflops = 2e-9 * n * n * n / product_s};
    out_speed->bytes = (uint64_t)(12 * rows * (info->kind == TN_DEVICE_GPU ? 16384 : 2048));
    out_speed->bandwidth_gbs = 1e-9 * (double)out_speed->bytes / sum_s;
    return TN_OK;
}
