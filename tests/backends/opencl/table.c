/* The plugin's table without operators: options, devices, transfers, events, plans' errors.
 *   opencl_table DEVICE */
#include <stdlib.h>

#include "check.h"
#include "support.h"

static void check_options(const struct ocl_test *t)
{
    static const struct {
        const char *key, *value, *says;
    } bad[] = {{"gmem", "own", "gemm=auto|clblast|own"},
               {"gemm", "fast", "does not take 'fast'"},
               {"class", "tpu", "class=auto|gpu|cpu"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        tnb_kv kv = {bad[i].key, bad[i].value};
        tnb_instance *instance = NULL;
        tnb_error err = {.struct_size = sizeof(err)};
        tnb_status status = t->table->create(&t->host, &kv, 1, &instance, &err);
        CHECK(status == TNB_E_INVALID && strstr(err.msg, bad[i].says), "%s=%s: %d %s", bad[i].key,
              bad[i].value, (int)status, err.msg);
    }
}

static void check_devices(struct ocl_test *t)
{
    uint32_t n = 0, again = 0;
    t->table->device_count(t->instance, &n, &t->err);
    int seen_cpu = 0;
    for (uint32_t i = 0; i < n; i++) {
        tnb_device_info info = {.struct_size = sizeof(info)};
        CHECK(t->table->device_info(t->instance, i, &info, &t->err) == TNB_OK, "%s", t->err.msg);
        CHECK(info.name[0] && info.uid[0] && info.driver[0], "device %u is anonymous", i);
        CHECK(info.dtype_mask & 1u << TNB_F32 && info.mem_total && info.max_alloc, "device %u", i);
        if (info.kind == TNB_DEVICE_GPU)
            CHECK(!seen_cpu && info.score > 200, "GPU %u after a CPU, or score %d", i, info.score);
        else
            seen_cpu = 1;
        if (info.caps & TNB_CAP_EMULATED)
            CHECK(info.kind == TNB_DEVICE_CPU && info.score < 100, "emulated, score %d",
                  info.score);
        if (info.caps & TNB_CAP_CHECKER)
            CHECK(info.score == 0, "checker with score %d", info.score);
    }
    tnb_device_info info = {.struct_size = sizeof(info)};
    CHECK(t->table->device_info(t->instance, n, &info, &t->err) == TNB_E_INVALID, "index %u", n);
    /* a second instance sees the same list */
    tnb_instance *second = NULL;
    if (t->table->create(&t->host, NULL, 0, &second, &t->err) == TNB_OK) {
        t->table->device_count(second, &again, &t->err);
        CHECK(n == again, "%u devices, then %u", n, again);
        t->table->destroy(second);
    }
    /* an older host's smaller struct: nothing is written beyond it */
    struct {
        tnb_device_info info;
    } room;
    memset(&room, 0x5A, sizeof(room));
    room.info.struct_size = offsetof(tnb_device_info, name);
    t->table->device_info(t->instance, 0, &room.info, &t->err);
    CHECK(room.info.name[0] == 0x5A && room.info.mem_total != 0x5A5A5A5A5A5A5A5Au,
          "struct_size is not honoured");
}

#define BYTES 4096
static void check_transfers(struct ocl_test *t)
{
    const tnb_backend *k = t->table;
    tnb_buffer *a = NULL, *b = NULL;
    unsigned char in[BYTES], out[BYTES];
    for (int i = 0; i < BYTES; i++)
        in[i] = (unsigned char)(i * 7);
    CHECK(k->buffer_alloc(t->device, BYTES, TNB_BUFFER_DEVICE, &a, &t->err) == TNB_OK, "%s",
          t->err.msg);
    CHECK(k->buffer_alloc(t->device, BYTES, TNB_BUFFER_STAGING, &b, &t->err) == TNB_OK, "%s",
          t->err.msg);
    k->write(t->queue, (tnb_span){a, 0, BYTES}, in, TNB_HOST_NOW, &t->err);
    k->copy(t->queue, (tnb_span){b, 0, BYTES}, (tnb_span){a, 0, BYTES}, &t->err);
    k->fill(t->queue, (tnb_span){b, 256, 32}, 0x1122334455667788u, 8, &t->err);
    k->copy(t->queue, (tnb_span){b, 1024, 100}, (tnb_span){a, 3, 100}, &t->err);
    CHECK(k->read(t->queue, (tnb_span){b, 0, BYTES}, out, TNB_HOST_NOW, &t->err) == TNB_OK, "%s",
          t->err.msg);
    int bad = 0;
    for (int i = 0; i < BYTES; i++) {
        unsigned char want = in[i];
        if (i >= 256 && i < 288)
            want = (unsigned char)(0x88 - 0x11 * (i % 8));
        if (i >= 1024 && i < 1124)
            want = in[i - 1024 + 3];
        bad += out[i] != want;
    }
    CHECK(bad == 0, "%d bytes differ after write, copy, fill", bad);
    CHECK(k->write(t->queue, (tnb_span){a, BYTES - 8, 16}, in, TNB_HOST_NOW, &t->err) ==
              TNB_E_INVALID,
          "a write beyond the end is accepted");
    CHECK(k->fill(t->queue, (tnb_span){a, 0, 10}, 1, 4, &t->err) == TNB_E_INVALID,
          "a fill of 10 bytes by 4 is accepted");
    CHECK(k->write(t->queue, (tnb_span){a, 0, 0}, NULL, TNB_HOST_NOW, &t->err) == TNB_OK,
          "an empty write fails");
    CHECK(k->buffer_alloc(t->device, UINT64_MAX / 2, TNB_BUFFER_DEVICE, &b, &t->err) == TNB_E_OOM,
          "half of the address space is no TNB_E_OOM");
    CHECK(strstr(t->err.msg, "smaller batch"), "%s", t->err.msg);
    void *map = NULL;
    CHECK(k->buffer_map(a, &map, &t->err) == TNB_OK && map && memcmp(map, in, BYTES) == 0,
          "map shows other bytes");
    if (map)
        ((unsigned char *)map)[5] = 99;
    CHECK(k->buffer_unmap(a, &t->err) == TNB_OK, "%s", t->err.msg);
    k->read(t->queue, (tnb_span){a, 5, 1}, out, TNB_HOST_NOW, &t->err);
    CHECK(out[0] == 99, "a write through the map is lost");
    k->buffer_free(a);
    k->buffer_free(b);
}

static void check_events(struct ocl_test *t)
{
    const tnb_backend *k = t->table;
    tnb_event *e = NULL, *f = NULL;
    tnb_queue *other = NULL;
    k->event_create(t->device, &e, &t->err);
    k->event_create(t->device, &f, &t->err);
    k->queue_create(t->device, 0, &other, &t->err);
    CHECK(k->event_wait(e, 0, 0, &t->err) == TNB_OK, "a new event has not reached 0");
    CHECK(k->event_wait(e, 1, 0, &t->err) == TNB_E_TIMEOUT, "a new event has reached 1");
    CHECK(k->event_wait(e, 1, 2000000, &t->err) == TNB_E_TIMEOUT, "nobody signalled");
    for (uint64_t v = 1; v <= 3000; v++) /* far more than the ring holds, with no wait between */
        if (k->signal(t->queue, e, v * 2, &t->err) != TNB_OK) {
            CHECK(0, "signal %llu: %s", (unsigned long long)v, t->err.msg);
            break;
        }
    CHECK(k->signal(t->queue, e, 10, &t->err) == TNB_E_INVALID, "an event went back");
    CHECK(k->event_wait(e, 5999, UINT64_MAX, &t->err) == TNB_OK, "%s", t->err.msg);
    CHECK(k->event_wait(e, 6000, UINT64_MAX, &t->err) == TNB_OK, "%s", t->err.msg);
    CHECK(k->event_wait(e, 6001, 0, &t->err) == TNB_E_TIMEOUT, "6001 was never signalled");
    /* one queue after another */
    CHECK(k->wait(other, e, 6000, &t->err) == TNB_OK, "%s", t->err.msg);
    CHECK(k->signal(t->queue, e, 6001, &t->err) == TNB_OK, "%s", t->err.msg);
    CHECK(k->wait(other, e, 6001, &t->err) == TNB_OK, "%s", t->err.msg);
    CHECK(k->signal(other, f, 1, &t->err) == TNB_OK && k->flush(other, &t->err) == TNB_OK, "%s",
          t->err.msg);
    CHECK(k->event_wait(f, 1, UINT64_MAX, &t->err) == TNB_OK, "%s", t->err.msg);
    CHECK(k->wait(other, e, 7000, &t->err) == TNB_E_UNSUPPORTED, "an event to come is accepted");
    int foreign = 0;
    CHECK(k->wait(other, (tnb_event *)(void *)&foreign, 1, &t->err) == TNB_E_UNSUPPORTED,
          "a foreign event is accepted");
    k->event_destroy(e);
    k->event_destroy(f);
    k->queue_destroy(other);
}

/* y = x + x over one value, bound twice to different memory. */
static void check_plan(struct ocl_test *t)
{
    const tnb_backend *k = t->table;
    const int64_t dim[] = {5};
    tnb_tensor types[2] = {ocl_test_type(TNB_F32, 1, dim), ocl_test_type(TNB_F32, 1, dim)};
    uint32_t in[] = {0, 0}, out[] = {1}, prior[] = {TNB_ABSENT, TNB_ABSENT}, zero = 0;
    uint32_t values[] = {0, 1};
    tnb_node node = {
        .struct_size = sizeof(node), .op = "add", .n_in = 2, .n_out = 1, .in = in, .out = out};
    const tnb_node *nodes[] = {&node};
    tnb_graph graph = {.struct_size = sizeof(graph),
                       .n_nodes = 1,
                       .n_values = 2,
                       .nodes = nodes,
                       .values = types,
                       .prior = prior};
    tnb_segment segment = {.struct_size = sizeof(segment),
                           .n_nodes = 1,
                           .n_values = 2,
                           .nodes = &zero,
                           .values = values};
    tnb_plan *plan = NULL;
    tnb_buffer *buffer = NULL;
    uint64_t workspace = 0, times[1];
    float x[5] = {1, 2, 3, 4, 5}, y[5];
    CHECK(k->plan_create(t->device, &graph, &segment, &workspace, &plan, &t->err) == TNB_OK, "%s",
          t->err.msg);
    k->buffer_alloc(t->device, 4096, TNB_BUFFER_DEVICE, &buffer, &t->err);
    CHECK(k->run(t->queue, plan, &t->err) == TNB_E_INVALID, "an unbound plan runs");
    k->write(t->queue, (tnb_span){buffer, 0, sizeof(x)}, x, TNB_HOST_NOW, &t->err);
    tnb_queue *timed = NULL;
    k->queue_create(t->device, TNB_QUEUE_PROFILE, &timed, &t->err);
    for (uint64_t at = 256; at <= 1024; at += 768) {
        tnb_span spans[] = {{buffer, 0, 20}, {buffer, at, 20}};
        CHECK(k->plan_bind(plan, spans, 2, (tnb_span){NULL, 0, 0}, &t->err) == TNB_OK, "%s",
              t->err.msg);
        CHECK(k->run(timed, plan, &t->err) == TNB_OK, "%s", t->err.msg);
        k->read(timed, spans[1], y, TNB_HOST_NOW, &t->err);
        CHECK(y[0] == 2 && y[4] == 10, "%g %g", y[0], y[4]);
    }
    CHECK(k->plan_times(plan, times, 1, &t->err) == TNB_OK, "%s", t->err.msg);
    CHECK(k->plan_times(plan, times, 2, &t->err) == TNB_E_INVALID, "times of 2 nodes of 1");
    CHECK(k->plan_bind(plan, NULL, 0, (tnb_span){NULL, 0, 0}, &t->err) == TNB_E_INVALID,
          "no spans are accepted");
    tnb_span aligned[] = {{buffer, 0, 20}, {buffer, 256, 20}};
    CHECK(k->plan_bind(plan, aligned, 2, (tnb_span){buffer, 2052, 64}, &t->err) == TNB_E_INVALID,
          "a workspace at byte 2052 is accepted");
    k->queue_destroy(timed);
    k->plan_destroy(plan);
    k->buffer_free(buffer);
}

static void check_refusals(struct ocl_test *t)
{
    const int64_t dim[] = {3}, huge[] = {1 << 16, 1 << 16};
    tnb_tensor types[2] = {ocl_test_type(TNB_F64, 1, dim), ocl_test_type(TNB_F64, 1, dim)};
    uint32_t in[] = {0}, out[] = {1};
    tnb_node node = {
        .struct_size = sizeof(node), .op = "relu", .n_in = 1, .n_out = 1, .in = in, .out = out};
    const tnb_node *nodes[] = {&node};
    tnb_graph graph = {
        .struct_size = sizeof(graph), .n_nodes = 1, .n_values = 2, .nodes = nodes, .values = types};
    tnb_support s = {.struct_size = sizeof(s)};
    CHECK(t->table->supports(t->device, &graph, 0, &s, &t->err) == TNB_OK && !s.verdict &&
              strstr(s.why, "f64"),
          "%s", s.why);
    types[0] = types[1] = ocl_test_type(TNB_BF16, 1, dim);
    CHECK(t->table->supports(t->device, &graph, 0, &s, &t->err) == TNB_OK && s.verdict == TNB_YES &&
              s.precision == TNB_PREC_BF16 && strstr(s.variant, "+bf16"),
          "%s", s.variant);
    types[0] = types[1] = ocl_test_type(TNB_F32, 2, huge);
    CHECK(t->table->supports(t->device, &graph, 0, &s, &t->err) == TNB_OK && !s.verdict &&
              strstr(s.why, "2^31"),
          "%s", s.why);
    const int64_t edge[] = {INT32_MAX};
    types[0] = types[1] = ocl_test_type(TNB_F32, 1, edge);
    CHECK(t->table->supports(t->device, &graph, 0, &s, &t->err) == TNB_OK && !s.verdict,
          "a work-item's index may pass 2^31 while it looks for the end");
    node.op = "vendor.op";
    CHECK(t->table->supports(t->device, &graph, 0, &s, &t->err) == TNB_OK && !s.verdict &&
              strstr(s.why, "vendor.op"),
          "%s", s.why);
}

/* A dense layer's product: one tile, and a K that one work-group must not walk alone. */
static void check_split(const char *device)
{
    const int64_t a[] = {64, 5408}, b[] = {5408, 64}, c[] = {64, 64};
    tnb_tensor types[3] = {ocl_test_type(TNB_F32, 2, a), ocl_test_type(TNB_F32, 2, b),
                           ocl_test_type(TNB_F32, 2, c)};
    uint32_t in[] = {0, 1}, out[] = {2};
    tnb_node node = {
        .struct_size = sizeof(node), .op = "matmul", .n_in = 2, .n_out = 1, .in = in, .out = out};
    const tnb_node *nodes[] = {&node};
    tnb_graph graph = {
        .struct_size = sizeof(graph), .n_nodes = 1, .n_values = 3, .nodes = nodes, .values = types};
    tnb_support s = {.struct_size = sizeof(s)};
    const char *opts[] = {"class=gpu", "gemm=own", NULL};
    struct ocl_test t;
    if (ocl_test_open(&t, device, opts, NULL))
        return;
    CHECK(t.table->supports(t.device, &graph, 0, &s, &t.err) == TNB_OK &&
              strcmp(s.variant, "tiles-split") == 0,
          "%s", s.variant);
    types[0].dim[1] = types[1].dim[0] = 200;
    CHECK(t.table->supports(t.device, &graph, 0, &s, &t.err) == TNB_OK &&
              strcmp(s.variant, "tiles-local") == 0,
          "%s", s.variant);
    ocl_test_close(&t);
}

int main(int argc, char **argv)
{
    struct ocl_test t;
    int rc = ocl_test_open(&t, argc > 1 ? argv[1] : "Portable", NULL, NULL);
    if (rc)
        return rc;
    check_options(&t);
    check_devices(&t);
    check_transfers(&t);
    check_events(&t);
    check_plan(&t);
    check_refusals(&t);
    ocl_test_close(&t);
    check_split(argc > 1 ? argv[1] : "Portable");
    return check_result(t.info.name);
}
