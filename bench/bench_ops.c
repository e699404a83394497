/* Times heavy operators on several devices in one run, in turn, and shows them beside each other.
 *
 *   bench_ops [--device SEL[,KEY=VALUE]...]... [--filter TEXT] [--large] [--rounds N] [--ms T]
 *             [--threads N] [--json FILE] [--tables GLOB]
 *
 * With --tables the cases are those of tests/ops of the operators that match: small shapes, where
 * what a launch costs shows; else operators with the shapes that training meets (bench_cases.c).
 *
 * A case is a graph of one operator. Each round times each device once, so that a machine whose
 * speed drifts treats all alike; a time is the mean of as many runs as fill T milliseconds, waited
 * for once at their end; the median of the rounds is shown. Uploads and plans are made before. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_cases.h"
#include "tables.h"
#include "tenon/runtime.h"

#define MAX_DEVICES 8
#define MAX_ROUNDS 64

struct options {
    const char *device[MAX_DEVICES];
    size_t n_devices;
    const char *filter, *json, *tables;
    int rounds, large;
    uint32_t n_threads;
    double target_s;
};

/* A device with a runtime of its own, because backend options belong to a runtime. */
struct contender {
    const char *selector;
    char backend[64], opts_text[256];
    const char *opts[8];
    tn_runtime *runtime;
    tn_session *session;
    const struct tn_device_info *info;
    /* of the case at hand */
    tn_graph *graph;
    tn_plan *plan;
    int n_runs;
    double seconds[MAX_ROUNDS]; /* of one run */
    struct tn_error err;
    int failed;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* --- devices --- */

/* "opencl:0,class=gpu,gemm=own": the selector, then options of its backend. */
static size_t split_selector(struct contender *c, char *out_selector, size_t size)
{
    size_t n = 0;
    snprintf(c->opts_text, sizeof(c->opts_text), "%s", c->selector);
    char *comma = strchr(c->opts_text, ',');
    while (comma && n < sizeof(c->opts) / sizeof(c->opts[0])) {
        *comma = '\0';
        c->opts[n++] = comma + 1;
        comma = strchr(comma + 1, ',');
    }
    snprintf(out_selector, size, "%s", c->opts_text);
    snprintf(c->backend, sizeof(c->backend), "%.*s", (int)strcspn(c->opts_text, ":"), c->opts_text);
    return n;
}

static tn_status contender_open(struct contender *c, const struct options *o)
{
    char selector[256];
    size_t n_opts = split_selector(c, selector, sizeof(selector));
    struct tn_runtime_params params = {.n_threads = o->n_threads};
    if (n_opts) {
        params.backend = c->backend;
        params.backend_opts = c->opts;
        params.n_backend_opts = n_opts;
    }
    tn_device *device = NULL;
    tn_status status = tn_runtime_create(&params, &c->runtime, &c->err);
    if (status == TN_OK)
        status = tn_runtime_select(c->runtime, selector, &device, &c->err);
    if (status != TN_OK)
        return status;
    c->info = tn_device_info(device);
    struct tn_session_params session = {.device = device, .strict = 1, .no_quarantine = 1};
    return tn_session_create(c->runtime, &session, &c->session, &c->err);
}

static void contender_close(struct contender *c)
{
    tn_session_destroy(&c->session);
    tn_runtime_destroy(&c->runtime);
}

/* --- one case on one device --- */

static float next_random(uint64_t *state) /* [0, 1) */
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)(*state >> 40) * 0x1p-24f;
}

static void fill(tn_tensor *t, enum bench_fill how)
{
    int64_t n = tn_tensor_count(t);
    uint64_t state = 1;
    const struct tn_shape *shape = tn_tensor_shape(t);
    if (how == BENCH_WINDOW) {
        int64_t h = shape->dim[2], w = shape->dim[3];
        int32_t *p = tn_tensor_data(t);
        for (int64_t i = 0; i < n; i++)
            p[i] = (int32_t)(i / w % h * 2 * (2 * w) + i % w * 2);
        return;
    }
    float *p = tn_tensor_data(t);
    for (int64_t i = 0; i < n; i++) {
        float r = next_random(&state);
        p[i] = how == BENCH_POSITIVE ? r + 0.1f : 2.0f * r - 1.0f;
    }
}

static tn_dtype input_dtype(const struct bench_input *in)
{
    return in->fill == BENCH_WINDOW ? TN_I32 : TN_F32;
}

static tn_status build(struct contender *c, const struct bench_case *k)
{
    tn_value in[BENCH_MAX_IN], out[BENCH_MAX_OUT];
    char name[32];
    size_t n_attr = 0;
    if (k->table) {
        tn_status st = bench_table_graph(k, &c->graph, &c->err);
        return st ? st : tn_session_plan(c->session, c->graph, NULL, 0, &c->plan, &c->err);
    }
    tn_status status = tn_graph_create(k->name, &c->graph, &c->err);
    if (status != TN_OK)
        return status;
    for (size_t i = 0; i < k->n_in; i++) {
        snprintf(name, sizeof(name), "in%zu", i);
        in[i] =
            tn_graph_input(c->graph, name, input_dtype(&k->in[i]), &k->in[i].shape, TN_INPUT_DATA);
    }
    while (n_attr < BENCH_MAX_ATTR && k->attr[n_attr].name)
        n_attr++;
    tn_graph_op(c->graph, k->op, in, k->n_in, k->attr, n_attr, out, k->n_out);
    for (size_t i = 0; i < k->n_out; i++) {
        snprintf(name, sizeof(name), "out%zu", i);
        tn_graph_output(c->graph, name, out[i]);
    }
    status = tn_graph_check(c->graph, &c->err);
    return status ? status : tn_session_plan(c->session, c->graph, NULL, 0, &c->plan, &c->err);
}

static tn_status feed(struct contender *c, const struct bench_case *k)
{
    tn_status status = TN_OK;
    char name[32];
    if (k->table)
        return bench_table_feed(k, c->plan, &c->err);
    for (size_t i = 0; i < k->n_in && status == TN_OK; i++) {
        tn_tensor *t = NULL;
        snprintf(name, sizeof(name), "in%zu", i);
        status = tn_tensor_create(input_dtype(&k->in[i]), &k->in[i].shape, &t, &c->err);
        if (status != TN_OK)
            return status;
        fill(t, k->in[i].fill);
        status = tn_plan_set_input(c->plan, name, t, &c->err);
        tn_tensor_unref(&t);
    }
    return status;
}

static tn_status timed(struct contender *c, int n, double *out_seconds)
{
    double begin = now_s();
    tn_status status = TN_OK;
    for (int i = 0; i < n && status == TN_OK; i++)
        status = tn_plan_run(c->plan, &c->err);
    if (status == TN_OK)
        status = tn_session_sync(c->session, &c->err);
    *out_seconds = (now_s() - begin) / n;
    return status;
}

/* Kernels are built and caches warm afterwards; says how many runs fill the target. */
static tn_status prepare(struct contender *c, const struct bench_case *k, const struct options *o)
{
    double seconds = 0.0;
    tn_status status;
    if ((status = build(c, k)) || (status = feed(c, k)) || (status = timed(c, 2, &seconds)) ||
        (status = timed(c, 3, &seconds)))
        return status;
    double n = o->target_s / (seconds > 1e-7 ? seconds : 1e-7);
    c->n_runs = n < 1.0 ? 1 : n > 2000.0 ? 2000 : (int)n;
    return TN_OK;
}

static void forget(struct contender *c)
{
    tn_session_forget(c->session, c->graph);
    tn_graph_destroy(&c->graph);
    c->plan = NULL;
}

/* --- results --- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, int n)
{
    double sorted[MAX_ROUNDS];
    memcpy(sorted, values, (size_t)n * sizeof(*values));
    qsort(sorted, (size_t)n, sizeof(*sorted), by_value);
    return n % 2 ? sorted[n / 2] : 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]);
}

static json_t *result_json(const struct contender *c, const struct bench_case *k, int rounds)
{
    json_t *r = json_pack("{s:s, s:s, s:s}", "case", k->name, "op", k->op, "device", c->selector);
    if (c->failed) {
        json_object_set_new(r, "error", json_string(c->err.msg));
        return r;
    }
    double s = median(c->seconds, rounds);
    json_object_set_new(r, "median_ms", json_real(s * 1e3));
    json_object_set_new(r, "gb_per_s", json_real(k->n_bytes / s * 1e-9));
    if (k->flop > 0.0)
        json_object_set_new(r, "gflop_per_s", json_real(k->flop / s * 1e-9));
    json_t *all = json_array();
    for (int i = 0; i < rounds; i++)
        json_array_append_new(all, json_real(c->seconds[i] * 1e3));
    json_object_set_new(r, "ms", all);
    return r;
}

static void print_cell(const struct contender *c, const struct bench_case *k, int rounds)
{
    if (c->failed) {
        printf("  %27s", "failed");
        return;
    }
    double s = median(c->seconds, rounds);
    printf("  %9.3f %s", s < 1e-4 ? s * 1e6 : s * 1e3, s < 1e-4 ? "us" : "ms");
    if (k->flop > 0.0)
        printf(" %7.1f GF/s", k->flop / s * 1e-9);
    else
        printf(" %7.1f GB/s", k->n_bytes / s * 1e-9);
}

static void run_case(struct contender *list, const struct options *o, const struct bench_case *k,
                     json_t *results, int *n_failed)
{
    for (size_t d = 0; d < o->n_devices; d++)
        list[d].failed = prepare(&list[d], k, o) != TN_OK;
    for (int round = 0; round < o->rounds; round++)
        for (size_t d = 0; d < o->n_devices; d++)
            if (!list[d].failed)
                list[d].failed = timed(&list[d], list[d].n_runs, &list[d].seconds[round]) != TN_OK;
    printf("%-38s", k->name);
    for (size_t d = 0; d < o->n_devices; d++) {
        print_cell(&list[d], k, o->rounds);
        json_array_append_new(results, result_json(&list[d], k, o->rounds));
    }
    printf("\n");
    for (size_t d = 0; d < o->n_devices; d++) {
        if (list[d].failed) {
            fprintf(stderr, "%s on %s: %s\n", k->name, list[d].selector, list[d].err.msg);
            ++*n_failed;
        }
        forget(&list[d]);
    }
    fflush(stdout);
}

/* --- the command line --- */

static int usage(void)
{
    fprintf(stderr, "usage: bench_ops [--device SEL[,KEY=VALUE]...]... [--filter TEXT] [--large]\n"
                    "                 [--tables GLOB]\n"
                    "                 [--rounds N] [--ms T] [--threads N] [--json FILE]\n");
    return 2;
}

static int parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *key = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(key, "--large") == 0) {
            o->large = 1;
            continue;
        }
        if (!value)
            return usage();
        i++;
        if (strcmp(key, "--device") == 0 && o->n_devices < MAX_DEVICES)
            o->device[o->n_devices++] = value;
        else if (strcmp(key, "--filter") == 0)
            o->filter = value;
        else if (strcmp(key, "--tables") == 0)
            o->tables = value;
        else if (strcmp(key, "--json") == 0)
            o->json = value;
        else if (strcmp(key, "--rounds") == 0)
            o->rounds = atoi(value);
        else if (strcmp(key, "--ms") == 0)
            o->target_s = atof(value) * 1e-3;
        else if (strcmp(key, "--threads") == 0 && atoi(value) >= 0)
            o->n_threads = (uint32_t)atoi(value);
        else
            return usage();
    }
    if (o->rounds < 1 || o->rounds > MAX_ROUNDS || !(o->target_s > 0.0))
        return usage();
    if (o->n_devices == 0) {
        o->device[o->n_devices++] = "cpu";
        o->device[o->n_devices++] = "opencl";
    }
    return 0;
}

static int write_json(const struct options *o, const struct contender *list, json_t *results)
{
    json_t *devices = json_array();
    for (size_t d = 0; d < o->n_devices; d++)
        json_array_append_new(devices,
                              json_pack("{s:s, s:s, s:s, s:s}", "selector", list[d].selector,
                                        "backend", list[d].info->backend, "name",
                                        list[d].info->name, "driver", list[d].info->driver));
    json_t *all = json_pack("{s:s, s:i, s:o, s:O}", "version", tn_version(), "rounds", o->rounds,
                            "devices", devices, "results", results);
    int rc = !all || json_dump_file(all, o->json, JSON_INDENT(1));
    json_decref(all);
    if (rc)
        fprintf(stderr, "bench_ops: cannot write %s\n", o->json);
    return rc;
}

struct bench_run {
    struct contender *list;
    const struct options *options;
    json_t *results;
    int n_failed;
};

static void run_table_case(void *ctx, const struct bench_case *k)
{
    struct bench_run *run = ctx;
    if (!run->options->filter || strstr(k->name, run->options->filter))
        run_case(run->list, run->options, k, run->results, &run->n_failed);
}

static void run_all(struct bench_run *run)
{
    const struct options *o = run->options;
    if (o->tables) {
        bench_tables_each(o->tables, run_table_case, run);
        return;
    }
    for (size_t i = 0; i < bench_n_cases; i++)
        if ((!bench_cases[i].large || o->large) &&
            (!o->filter || strstr(bench_cases[i].name, o->filter)))
            run_case(run->list, o, &bench_cases[i], run->results, &run->n_failed);
}

int main(int argc, char **argv)
{
    struct options o = {.rounds = 5, .target_s = 0.03};
    struct contender list[MAX_DEVICES] = {0};
    int rc = parse(argc, argv, &o);
    if (rc)
        return rc;
    json_t *results = json_array();
    for (size_t d = 0; d < o.n_devices && rc == 0; d++) {
        list[d].selector = o.device[d];
        rc = contender_open(&list[d], &o) != TN_OK;
        if (rc)
            fprintf(stderr, "bench_ops: %s: %s\n", o.device[d], list[d].err.msg);
        else
            printf("%s: %s (%s)\n", o.device[d], list[d].info->name, list[d].info->driver);
    }
    if (rc == 0) {
        printf("%-38s", "");
        for (size_t d = 0; d < o.n_devices; d++)
            printf("  %27.27s", o.device[d]);
        printf("\n");
    }
    struct bench_run run = {.list = list, .options = &o, .results = results};
    if (rc == 0)
        run_all(&run);
    if (rc == 0 && o.json)
        rc = write_json(&o, list, results);
    for (size_t d = 0; d < o.n_devices; d++)
        contender_close(&list[d]);
    json_decref(results);
    return rc || run.n_failed ? 1 : 0;
}
