/* The cpu plugin's table as a host sees it: options, device, memory, events, plans of several
 * nodes, the same bits at each run, two queues at once, refusals. */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_rig.h"

static struct cpu_rig rig;
static tnb_error err;

static void open_rig(uint32_t threads, const char *const *options)
{
    err = (tnb_error){.struct_size = sizeof err};
    tnb_status s = cpu_rig_open(&rig, threads, options, &err);
    if (!rig.table)
        cr_skip_test("the cpu plugin was not built");
    cr_assert(s == TNB_OK, "%s", err.msg);
}

static void close_rig(void)
{
    cpu_rig_close(&rig);
}

Test(cpu_plugin, table_is_complete)
{
    open_rig(1, NULL);
    const tnb_backend *t = rig.table;
    cr_assert(t->abi_major == TNB_ABI_MAJOR && strcmp(t->name, "cpu") == 0);
    cr_assert(t->struct_size == sizeof *t);
    cr_assert(t->create && t->destroy && t->device_count && t->device_info && t->device_open &&
              t->device_close && t->buffer_alloc && t->buffer_free && t->supports &&
              t->plan_create && t->plan_destroy && t->plan_bind && t->event_create &&
              t->event_destroy && t->event_wait && t->queue_create && t->queue_destroy &&
              t->write && t->read && t->copy && t->fill && t->run && t->signal && t->wait &&
              t->flush);
    close_rig();
}

Test(cpu_plugin, options)
{
    struct cpu_rig r;
    tnb_error e = {.struct_size = sizeof e};
    if (!cpu_rig_table())
        cr_skip_test("the cpu plugin was not built");
    const char *const unknown[] = {"provder", "loops", NULL};
    cr_assert(cpu_rig_open(&r, 1, unknown, &e) == TNB_E_INVALID);
    cr_assert(strstr(e.msg, "provder") && strstr(e.msg, "provider") && strstr(e.msg, "isa"),
              "the message names the option and the known ones: %s", e.msg);
    const char *const value[] = {"provider", "mkl", NULL};
    cr_assert(cpu_rig_open(&r, 1, value, &e) == TNB_E_INVALID);
    cr_assert(strstr(e.msg, "mkl") && strstr(e.msg, "loops"), "%s", e.msg);
    const char *const isa[] = {"isa", "avx1024", NULL};
    cr_assert(cpu_rig_open(&r, 1, isa, &e) == TNB_E_INVALID);
    cr_assert(strstr(e.msg, "avx1024"), "%s", e.msg);
}

Test(cpu_plugin, device, .fini = close_rig)
{
    open_rig(3, NULL);
    uint32_t n = 0;
    tnb_device_info info = {.struct_size = sizeof info};
    cr_assert(rig.table->device_count(rig.inst, &n, &err) == TNB_OK && n == 1);
    cr_assert(rig.table->device_info(rig.inst, 0, &info, &err) == TNB_OK);
    cr_expect(info.kind == TNB_DEVICE_CPU && info.score == 100);
    cr_expect(info.caps & TNB_CAP_HOST_MEMORY);
    cr_expect(info.dtype_mask & (1u << TNB_F32) && info.dtype_mask & (1u << TNB_I64));
    cr_expect(info.mem_total > 1u << 20 && info.offset_align == 64);
    cr_expect(strcmp(info.uid, "cpu:0") == 0 && info.name[0]);
    cr_expect(strstr(info.driver, "3 threads"), "%s", info.driver);
    cr_expect(rig.table->device_info(rig.inst, 1, &info, &err) == TNB_E_INVALID);
    /* A host whose struct is older gets the fields that fit, and nothing beyond. */
    tnb_device_info old;
    memset(&old, 0x5A, sizeof old);
    old.struct_size = offsetof(tnb_device_info, name);
    cr_assert(rig.table->device_info(rig.inst, 0, &old, &err) == TNB_OK);
    cr_expect(old.score == 100 && old.name[0] == 0x5A);
    cr_expect(old.struct_size == offsetof(tnb_device_info, name));
}

Test(cpu_plugin, memory, .fini = close_rig)
{
    open_rig(1, NULL);
    const tnb_backend *t = rig.table;
    tnb_buffer *b = NULL;
    cr_assert(t->buffer_alloc(rig.device, 100, TNB_BUFFER_DEVICE, &b, &err) == TNB_OK);
    void *p = NULL;
    cr_assert(t->buffer_map(b, &p, &err) == TNB_OK && (uintptr_t)p % 64 == 0);
    uint8_t src[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, back[12] = {0};
    cr_assert(t->fill(rig.queue, (tnb_span){b, 0, 96}, 0x1122334455667788u, 8, &err) == TNB_OK);
    cr_assert(t->write(rig.queue, (tnb_span){b, 64, 12}, src, TNB_HOST_NOW, &err) == TNB_OK);
    cr_assert(t->copy(rig.queue, (tnb_span){b, 8, 12}, (tnb_span){b, 64, 12}, &err) == TNB_OK);
    cr_assert(t->read(rig.queue, (tnb_span){b, 8, 12}, back, TNB_HOST_NOW, &err) == TNB_OK);
    cr_assert(memcmp(src, back, sizeof src) == 0);
    const uint8_t *bytes = p;
    cr_assert(bytes[0] == 0x88 && bytes[7] == 0x11 && bytes[20] == 0x44);
    cr_expect(t->write(rig.queue, (tnb_span){b, 96, 12}, src, TNB_HOST_NOW, &err) == TNB_E_INVALID);
    cr_expect(t->fill(rig.queue, (tnb_span){b, 0, 10}, 0, 4, &err) == TNB_E_INVALID);
    t->buffer_free(b);
    b = NULL;
    cr_expect(t->buffer_alloc(rig.device, UINT64_MAX - 8, TNB_BUFFER_DEVICE, &b, &err) ==
              TNB_E_OOM);
    cr_assert(t->buffer_alloc(rig.device, 0, TNB_BUFFER_DEVICE, &b, &err) == TNB_OK);
    t->buffer_free(b);
}

static void *signal_later(void *event)
{
    struct timespec pause = {.tv_nsec = 20000000};
    nanosleep(&pause, NULL);
    rig.table->signal(rig.queue, event, 5, NULL);
    return NULL;
}

Test(cpu_plugin, events, .fini = close_rig)
{
    open_rig(1, NULL);
    const tnb_backend *t = rig.table;
    tnb_event *e = NULL;
    pthread_t thread;
    cr_assert(t->event_create(rig.device, &e, &err) == TNB_OK);
    cr_expect(t->event_wait(e, 0, 0, &err) == TNB_OK);
    cr_expect(t->event_wait(e, 1, 0, &err) == TNB_E_TIMEOUT);
    cr_expect(t->event_wait(e, 1, 2000000, &err) == TNB_E_TIMEOUT);
    cr_assert(pthread_create(&thread, NULL, signal_later, e) == 0);
    cr_expect(t->event_wait(e, 5, UINT64_MAX, &err) == TNB_OK);
    pthread_join(thread, NULL);
    cr_expect(t->signal(rig.queue, e, 3, &err) == TNB_OK, "a smaller value changes nothing");
    cr_expect(t->event_wait(e, 5, 0, &err) == TNB_OK);
    t->event_destroy(e);
}

/* --- a plan of several nodes: y = relu(x w + b), s = sum(y) --- */

enum { X, W, B, XW, SUM, Y, S, N_VALUES };

struct chain {
    tnb_tensor values[N_VALUES];
    tnb_buffer *buffer[N_VALUES], *ws;
    tnb_span span[N_VALUES], ws_span;
    tnb_plan *plan;
};

static const uint32_t chain_io[4][3] = {{X, W, XW}, {XW, B, SUM}, {SUM, Y, 0}, {Y, S, 0}};

static float noise(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) * 0x1p-23f - 1;
}

static void chain_buffers(struct chain *c, int64_t m, int64_t k, int64_t n)
{
    c->values[X] = CPU_TYPE(TNB_F32, m, k);
    c->values[W] = CPU_TYPE(TNB_F32, k, n);
    c->values[B] = CPU_TYPE(TNB_F32, n);
    c->values[XW] = c->values[SUM] = c->values[Y] = CPU_TYPE(TNB_F32, m, n);
    c->values[S] = cpu_type(TNB_F32, 0, NULL);
    uint32_t state = 1;
    for (int v = 0; v < N_VALUES; v++) {
        uint64_t size = (uint64_t)tnb_count(&c->values[v]) * 4;
        void *p = NULL;
        cr_assert(rig.table->buffer_alloc(rig.device, size, 0, &c->buffer[v], &err) == TNB_OK);
        cr_assert(rig.table->buffer_map(c->buffer[v], &p, &err) == TNB_OK);
        for (uint64_t i = 0; i < size / 4; i++)
            ((float *)p)[i] = noise(&state);
        c->span[v] = (tnb_span){c->buffer[v], 0, size};
    }
    /* The activation in place of its input, as a plan's memory may lie. */
    c->span[Y] = c->span[SUM];
}

static void chain_open(struct chain *c, int64_t m, int64_t k, int64_t n)
{
    static const char *const op[4] = {"matmul", "add", "relu", "sum"};
    static const uint32_t n_in[4] = {2, 2, 1, 1};
    tnb_attr trans[2] = {{.key = "trans_a", .type = TNB_ATTR_INT},
                         {.key = "trans_b", .type = TNB_ATTR_INT}};
    tnb_node nodes[4];
    const tnb_node *list[4];
    uint32_t order[N_VALUES], prior[N_VALUES];
    *c = (struct chain){0};
    chain_buffers(c, m, k, n);
    for (uint32_t i = 0; i < 4; i++) {
        nodes[i] = (tnb_node){.struct_size = sizeof *nodes,
                              .op_version = 1,
                              .op = op[i],
                              .label = "chain",
                              .n_in = n_in[i],
                              .n_out = 1,
                              .n_attr = i == 0 ? 2 : 0,
                              .attr = trans,
                              .in = chain_io[i],
                              .out = chain_io[i] + n_in[i]};
        list[i] = &nodes[i];
    }
    for (uint32_t i = 0; i < N_VALUES; i++) {
        order[i] = i;
        prior[i] = TNB_ABSENT;
    }
    tnb_graph g = {.struct_size = sizeof g,
                   .n_nodes = 4,
                   .n_values = N_VALUES,
                   .nodes = list,
                   .values = c->values,
                   .prior = prior};
    tnb_segment seg = {.struct_size = sizeof seg,
                       .n_nodes = 4,
                       .n_values = N_VALUES,
                       .nodes = order,
                       .values = order};
    uint64_t ws = 0;
    cr_assert(rig.table->plan_create(rig.device, &g, &seg, &ws, &c->plan, &err) == TNB_OK, "%s",
              err.msg);
    cr_assert(rig.table->buffer_alloc(rig.device, ws, 0, &c->ws, &err) == TNB_OK);
    c->ws_span = (tnb_span){c->ws, 0, ws};
}

static void chain_close(struct chain *c)
{
    rig.table->plan_destroy(c->plan);
    for (int v = 0; v < N_VALUES; v++)
        rig.table->buffer_free(c->buffer[v]);
    rig.table->buffer_free(c->ws);
}

static const float *chain_data(const struct chain *c, int v)
{
    void *p = NULL;
    rig.table->buffer_map(c->buffer[v], &p, &err);
    return p;
}

static float chain_result(const struct chain *c)
{
    float s = 0;
    cr_assert(rig.table->read(rig.queue, c->span[S], &s, TNB_HOST_NOW, &err) == TNB_OK);
    return s;
}

Test(cpu_plugin, chain, .fini = close_rig)
{
    enum { M = 37, K = 65, N = 51 };
    struct chain c;
    open_rig(2, NULL);
    chain_open(&c, M, K, N);
    cr_expect(rig.table->run(rig.queue, c.plan, &err) == TNB_E_INVALID, "run before bind");
    cr_expect(rig.table->plan_bind(c.plan, c.span, N_VALUES - 1, c.ws_span, &err) == TNB_E_INVALID);
    tnb_span low[N_VALUES];
    memcpy(low, c.span, sizeof low);
    low[XW].size -= 4;
    cr_expect(rig.table->plan_bind(c.plan, low, N_VALUES, c.ws_span, &err) == TNB_E_INVALID,
              "a span that is too small");
    cr_assert(rig.table->plan_bind(c.plan, c.span, N_VALUES, c.ws_span, &err) == TNB_OK);
    cr_assert(rig.table->run(rig.queue, c.plan, &err) == TNB_OK, "%s", err.msg);
    const float *x = chain_data(&c, X), *w = chain_data(&c, W), *b = chain_data(&c, B);
    double want = 0;
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            double y = (double)b[j];
            for (int k = 0; k < K; k++)
                y += (double)x[i * K + k] * (double)w[k * N + j];
            want += y > 0 ? y : 0;
        }
    cr_assert(fabs((double)chain_result(&c) - want) < 1e-5 * want, "%.9g, expected %.9g",
              (double)chain_result(&c), want);
    uint64_t ns[4] = {0};
    cr_assert(rig.table->plan_times(c.plan, ns, 4, &err) == TNB_OK);
    cr_expect(ns[0] > 0 && ns[0] < 1000000000u, "the product took %llu ns",
              (unsigned long long)ns[0]);
    chain_close(&c);
}

Test(cpu_plugin, same_bits_each_run, .fini = close_rig)
{
    struct chain c;
    float first = 0;
    open_rig(3, NULL);
    chain_open(&c, 301, 517, 129);
    cr_assert(rig.table->plan_bind(c.plan, c.span, N_VALUES, c.ws_span, &err) == TNB_OK);
    for (int i = 0; i < 20; i++) {
        cr_assert(rig.table->run(rig.queue, c.plan, &err) == TNB_OK);
        float s = chain_result(&c);
        if (i == 0)
            first = s;
        cr_assert(memcmp(&s, &first, sizeof s) == 0, "run %d gives %.9g, the first %.9g", i,
                  (double)s, (double)first);
    }
    chain_close(&c);
}

static void *run_often(void *arg)
{
    struct chain *c = arg;
    tnb_error e = {.struct_size = sizeof e};
    tnb_queue *q = NULL;
    if (rig.table->queue_create(rig.device, 0, &q, &e) != TNB_OK)
        return c;
    void *failed = NULL;
    for (int i = 0; i < 30; i++)
        if (rig.table->run(q, c->plan, &e) != TNB_OK)
            failed = c;
    rig.table->queue_destroy(q);
    return failed;
}

/* The pool serves one queue at a time; the other then works alone, with the same bits. */
Test(cpu_plugin, two_queues_at_once, .fini = close_rig)
{
    struct chain a, b;
    pthread_t thread;
    open_rig(2, NULL);
    chain_open(&a, 301, 217, 129);
    chain_open(&b, 301, 217, 129);
    cr_assert(rig.table->plan_bind(a.plan, a.span, N_VALUES, a.ws_span, &err) == TNB_OK);
    cr_assert(rig.table->plan_bind(b.plan, b.span, N_VALUES, b.ws_span, &err) == TNB_OK);
    cr_assert(pthread_create(&thread, NULL, run_often, &a) == 0);
    void *mine = run_often(&b), *other = NULL;
    pthread_join(thread, &other);
    cr_assert(!mine && !other);
    float sa = chain_result(&a), sb = chain_result(&b);
    cr_assert(sa > 0 && memcmp(&sa, &sb, sizeof sa) == 0);
    chain_close(&a);
    chain_close(&b);
}

Test(cpu_plugin, refusals_say_why, .fini = close_rig)
{
    open_rig(1, NULL);
    float data[4] = {0};
    tnb_support support;
    struct cpu_call call = {.op = "vendor.thing", .n_in = 1, .n_out = 1};
    call.in[0] = call.out[0] = (struct cpu_value){CPU_TYPE(TNB_F32, 4), data};
    cr_expect(cpu_call_run(&rig, &call, 1, &support, &err) == TNB_E_UNSUPPORTED);
    cr_expect(strstr(support.why, "vendor.thing"), "%s", support.why);
    call.op = "exp";
    call.in[0].type.dtype = call.out[0].type.dtype = TNB_I16;
    cr_expect(cpu_call_run(&rig, &call, 1, &support, &err) == TNB_E_UNSUPPORTED);
    cr_expect(strstr(support.why, "i16"), "%s", support.why);
}

Test(cpu_plugin, single_thread_and_many_agree)
{
    float sum[2] = {0};
    for (int i = 0; i < 2; i++) {
        struct chain c;
        open_rig(i ? 7 : 1, NULL);
        chain_open(&c, 301, 217, 129);
        cr_assert(rig.table->plan_bind(c.plan, c.span, N_VALUES, c.ws_span, &err) == TNB_OK);
        cr_assert(rig.table->run(rig.queue, c.plan, &err) == TNB_OK);
        sum[i] = chain_result(&c);
        chain_close(&c);
        close_rig();
    }
    cr_assert(fabsf(sum[0] - sum[1]) <= 1e-5f * fabsf(sum[0]));
}

/* exp in f16 is exp in f32 between two conversions; a transpose moves the bits. */
Test(cpu_plugin, sixteen_bits, .fini = close_rig)
{
    open_rig(1, NULL);
    uint16_t x[4] = {0x3c00, 0x0001, 0x7e01, 0xfc00}, y[4] = {0};
    tnb_support support;
    struct cpu_call call = {.op = "exp", .n_in = 1, .n_out = 1};
    call.in[0] = (struct cpu_value){CPU_TYPE(TNB_F16, 2, 2), x};
    call.out[0] = (struct cpu_value){CPU_TYPE(TNB_F16, 2, 2), y};
    cr_assert(cpu_call_run(&rig, &call, 1, &support, &err) == TNB_OK, "%s", err.msg);
    cr_expect(support.precision == TNB_PREC_F16 && strstr(support.variant, "+f16"), "%s",
              support.variant);
    cr_expect(y[0] == 0x4170 && y[1] == 0x3c00 && (y[2] & 0x7fff) > 0x7c00 && y[3] == 0);
    call.op = "transpose";
    cr_assert(cpu_call_run(&rig, &call, 1, &support, &err) == TNB_OK, "%s", err.msg);
    cr_expect(!strstr(support.variant, "+"), "%s", support.variant);
    cr_expect(y[0] == x[0] && y[1] == x[2] && y[2] == x[1] && y[3] == x[3]);
}
