/* The built-in backend, driven through its table alone as the executor does. */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/ref_backend.h"
#include "runtime/runtime.h"
#include "support.h"

static tn_runtime *rt;
static const tnb_backend *be;
static tnb_device *dev;
static tnb_queue *queue;
static tnb_error err = TN_TNB_ERROR;

static void begin(void)
{
    struct tn_error e;
    cr_assert_eq(make_runtime(NULL, NULL, &rt, &e), TN_OK, "%s", e.msg);
    be = tn_device_api(tn_runtime_ref_device(rt));
    cr_assert_eq(tn_device_open(tn_runtime_ref_device(rt), &dev, &e), TN_OK);
    cr_assert_eq(be->queue_create(dev, TNB_QUEUE_PROFILE, &queue, &err), TNB_OK);
}

static void end(void)
{
    be->queue_destroy(queue);
    tn_runtime_destroy(&rt);
}

TestSuite(ref, .init = begin, .fini = end);

/* --- a graph of one node, its memory and its plan --- */

#define MAX_VALUES 8
struct one {
    tnb_tensor values[MAX_VALUES];
    uint32_t prior[MAX_VALUES], in[MAX_VALUES], out[MAX_VALUES], all[MAX_VALUES];
    tnb_node node;
    const tnb_node *nodes[1];
    tnb_graph graph;
    tnb_segment segment;
    tnb_buffer *buffer, *workspace;
    tnb_span spans[MAX_VALUES];
    tnb_plan *plan;
    uint64_t n_workspace;
};

static tnb_tensor tensor(uint32_t dtype, uint32_t rank, int64_t a, int64_t b)
{
    tnb_tensor t = {.dtype = dtype, .rank = rank, .dim = {a, b}, .stride = {rank == 2 ? b : 1, 1}};
    return t;
}

/* Values 0 .. n_in - 1 are the inputs, the rest outputs. */
static void one_init(struct one *g, const char *op, uint32_t n_in, uint32_t n_out,
                     const tnb_attr *attr, uint32_t n_attr)
{
    for (uint32_t i = 0; i < n_in + n_out; i++) {
        g->all[i] = i;
        g->prior[i] = TNB_ABSENT;
        *(i < n_in ? &g->in[i] : &g->out[i - n_in]) = i;
    }
    g->node = (tnb_node){.struct_size = sizeof g->node,
                         .op_version = 1,
                         .op = op,
                         .label = "layer/op",
                         .n_in = n_in,
                         .n_out = n_out,
                         .n_attr = n_attr,
                         .in = g->in,
                         .out = g->out,
                         .attr = attr};
    g->nodes[0] = &g->node;
    g->graph = (tnb_graph){.struct_size = sizeof g->graph,
                           .n_nodes = 1,
                           .n_values = n_in + n_out,
                           .nodes = g->nodes,
                           .values = g->values,
                           .prior = g->prior};
    static const uint32_t zero;
    g->segment = (tnb_segment){.struct_size = sizeof g->segment,
                               .n_nodes = 1,
                               .n_values = n_in + n_out,
                               .nodes = &zero,
                               .values = g->all};
}

static tnb_status one_plan(struct one *g)
{
    return be->plan_create(dev, &g->graph, &g->segment, &g->n_workspace, &g->plan, &err);
}

/* Memory for all values in one buffer, 64-byte aligned, with a guard of 0xA5 around each. */
static void one_memory(struct one *g)
{
    uint64_t at = 64;
    for (uint32_t i = 0; i < g->graph.n_values; i++) {
        uint64_t size = (uint64_t)tnb_count(&g->values[i]) * tnb_dtype_size(g->values[i].dtype);
        g->spans[i] = (tnb_span){.offset = at, .size = size};
        at += (size + 63) / 64 * 64 + 64;
    }
    cr_assert_eq(be->buffer_alloc(dev, at, TNB_BUFFER_DEVICE, &g->buffer, &err), TNB_OK);
    for (uint32_t i = 0; i < g->graph.n_values; i++)
        g->spans[i].buffer = g->buffer;
    tnb_span all = {g->buffer, 0, at};
    cr_assert_eq(be->fill(queue, all, 0xA5, 1, &err), TNB_OK);
    cr_assert_eq(be->buffer_alloc(dev, g->n_workspace, TNB_BUFFER_DEVICE, &g->workspace, &err),
                 TNB_OK);
}

static tnb_status one_bind(struct one *g)
{
    return be->plan_bind(g->plan, g->spans, g->segment.n_values,
                         (tnb_span){g->workspace, 0, g->n_workspace}, &err);
}

static void one_start(struct one *g)
{
    cr_assert_eq(one_plan(g), TNB_OK, "%s", err.msg);
    one_memory(g);
    cr_assert_eq(one_bind(g), TNB_OK, "%s", err.msg);
}

static void put(struct one *g, uint32_t value, const void *data)
{
    cr_assert_eq(be->write(queue, g->spans[value], data, TNB_HOST_NOW, &err), TNB_OK);
}

static void get(struct one *g, uint32_t value, void *data)
{
    cr_assert_eq(be->read(queue, g->spans[value], data, TNB_HOST_NOW, &err), TNB_OK);
}

static void one_run(struct one *g)
{
    cr_assert_eq(be->run(queue, g->plan, &err), TNB_OK, "%s", err.msg);
}

/* The bytes between the values are still the guard's. */
static void check_guards(struct one *g)
{
    void *map = NULL;
    cr_assert_eq(be->buffer_map(g->buffer, &map, &err), TNB_OK);
    cr_assert_eq((uintptr_t)map % 64, 0);
    for (uint32_t i = 0; i < g->graph.n_values; i++) {
        const unsigned char *mem = (const unsigned char *)map + g->spans[i].offset;
        for (uint64_t k = 1; k <= 64; k++)
            cr_assert_eq(mem[-(int64_t)k], 0xA5, "before value %u", i);
        cr_assert_eq(mem[g->spans[i].size], 0xA5, "after value %u", i);
    }
    cr_assert_eq(be->buffer_unmap(g->buffer, &err), TNB_OK);
}

static void one_end(struct one *g)
{
    if (g->plan)
        be->plan_destroy(g->plan);
    if (g->buffer)
        be->buffer_free(g->buffer);
    if (g->workspace)
        be->buffer_free(g->workspace);
}

static tnb_attr attr_int(const char *key, int64_t value)
{
    return (tnb_attr){.key = key, .type = TNB_ATTR_INT, .v.i = value};
}

/* --- operators --- */

/* a [2, 3] times b transposed [2, 3]: K = 3. */
Test(ref, matmul_in_f32)
{
    struct one g = {0};
    tnb_attr attrs[] = {attr_int("trans_a", 0), attr_int("trans_b", 1)};
    const float a[] = {1, 2, 3, 4, 5, 6}, b[] = {0.5f, -1, 2, 3, 0, 1};
    const float expected[] = {4.5f, 6, 9, 18};
    float c[4];
    g.values[0] = g.values[1] = tensor(TNB_F32, 2, 2, 3);
    g.values[2] = tensor(TNB_F32, 2, 2, 2);
    one_init(&g, "matmul", 2, 1, attrs, 2);
    one_start(&g);
    put(&g, 0, a);
    put(&g, 1, b);
    one_run(&g);
    get(&g, 2, c);
    for (int i = 0; i < 4; i++)
        cr_assert_float_eq(c[i], expected[i], 0, "c[%d] = %g", i, (double)c[i]);
    check_guards(&g);
    one_end(&g);
}

/* f64 is used where it lies: no workspace beyond rounding up, no bit lost. */
Test(ref, f64_needs_no_copies)
{
    struct one g = {0};
    const double a[] = {1e300, 1.0 / 3}, b[] = {1e300, 0x1p-60};
    double c[2];
    g.values[0] = g.values[1] = g.values[2] = tensor(TNB_F64, 1, 2, 0);
    one_init(&g, "add", 2, 1, NULL, 0);
    one_start(&g);
    cr_assert_eq(g.n_workspace, 0);
    put(&g, 0, a);
    put(&g, 1, b);
    one_run(&g);
    get(&g, 2, c);
    cr_assert_eq(c[0], 2e300);
    cr_assert_eq(c[1], 1.0 / 3 + 0x1p-60);
    check_guards(&g);
    one_end(&g);
}

/* Between integer and 16-bit types: string attributes, rounding, both kinds of widening. */
Test(ref, cast_from_bf16_to_u8)
{
    struct one g = {0};
    tnb_attr attrs[] = {{.key = "dtype", .type = TNB_ATTR_STRING, .v.s = "u8"}};
    const uint16_t x[] = {0x3fc0 /* 1.5 */, 0xbf80 /* -1 */, 0x4380 /* 256 */, 0x42fe /* 127 */};
    unsigned char y[4];
    g.values[0] = tensor(TNB_BF16, 1, 4, 0);
    g.values[1] = tensor(TNB_U8, 1, 4, 0);
    one_init(&g, "cast", 1, 1, attrs, 1);
    one_start(&g);
    put(&g, 0, x);
    one_run(&g);
    get(&g, 1, y);
    cr_assert(y[0] == 1 && y[1] == 0 && y[2] == 255 && y[3] == 127, "%u %u %u %u", y[0], y[1], y[2],
              y[3]);
    check_guards(&g);
    one_end(&g);
}

/* An absent input in the middle and an output that nobody stores. */
Test(ref, sgd_without_velocity)
{
    struct one g = {0};
    tnb_attr attrs[] = {{.key = "momentum", .type = TNB_ATTR_FLOAT, .v.f = 0},
                        attr_int("nesterov", 0),
                        {.key = "weight_decay", .type = TNB_ATTR_FLOAT, .v.f = 0.5}};
    const float param[] = {1, -2}, grad[] = {3, NAN}, lr = 0.25f, mul = 2, apply = 1, stop = 0;
    float out[2];
    g.values[0] = g.values[1] = tensor(TNB_F32, 1, 2, 0);
    for (int i = 2; i < 5; i++)
        g.values[i] = tensor(TNB_F32, 0, 0, 0);
    g.values[5] = tensor(TNB_F32, 1, 2, 0);
    one_init(&g, "sgd", 5, 1, attrs, 3);
    const uint32_t in[] = {0, 1, TNB_ABSENT, 2, 3, 4}, outs[] = {5, TNB_ABSENT};
    g.node.in = in;
    g.node.n_in = 6;
    g.node.out = outs;
    g.node.n_out = 2;
    one_start(&g);
    put(&g, 0, param);
    put(&g, 1, grad);
    put(&g, 2, &lr);
    put(&g, 3, &mul);
    put(&g, 4, &apply);
    one_run(&g);
    get(&g, 5, out);
    cr_assert_eq(out[0], 1 - 0.25f * (3 * 2 + 0.5f * 1));
    cr_assert(isnan(out[1]));
    put(&g, 4, &stop);
    one_run(&g);
    get(&g, 5, out);
    cr_assert_eq(memcmp(out, param, sizeof out), 0);
    check_guards(&g);
    one_end(&g);
}

Test(ref, an_alias_that_reaches_it_is_a_copy)
{
    struct one g = {0};
    const int64_t shape[] = {3, 2};
    tnb_attr attrs[] = {{.key = "shape", .type = TNB_ATTR_INTS, .count = 2, .v.iv = shape}};
    const int32_t x[] = {1, -2, 3, INT32_MIN, INT32_MAX, 6};
    int32_t y[6];
    g.values[0] = tensor(TNB_I32, 2, 2, 3);
    g.values[1] = tensor(TNB_I32, 2, 3, 2);
    one_init(&g, "reshape", 1, 1, attrs, 1);
    one_start(&g);
    put(&g, 0, x);
    one_run(&g);
    get(&g, 1, y);
    cr_assert_eq(memcmp(x, y, sizeof x), 0);
    one_end(&g);
}

Test(ref, values_without_elements)
{
    struct one g = {0};
    g.values[0] = g.values[1] = g.values[2] = tensor(TNB_F32, 2, 0, 3);
    one_init(&g, "add", 2, 1, NULL, 0);
    one_start(&g);
    one_run(&g);
    check_guards(&g);
    one_end(&g);
}

Test(ref, times_are_told_when_profiling)
{
    struct one g = {0};
    tnb_attr attrs[] = {attr_int("trans_a", 0), attr_int("trans_b", 0)};
    uint64_t ns = 0, none = 1;
    tnb_queue *plain = NULL;
    g.values[0] = g.values[1] = g.values[2] = tensor(TNB_F32, 2, 64, 64);
    one_init(&g, "matmul", 2, 1, attrs, 2);
    one_start(&g);
    one_run(&g);
    cr_assert_eq(be->plan_times(g.plan, &ns, 1, &err), TNB_OK);
    cr_assert(ns > 1000 && ns < 10000000000u, "%llu ns", (unsigned long long)ns);
    cr_assert_eq(be->plan_times(g.plan, &ns, 2, &err), TNB_E_INVALID);
    cr_assert_eq(be->queue_create(dev, 0, &plain, &err), TNB_OK);
    cr_assert_eq(be->run(plain, g.plan, &err), TNB_OK);
    cr_assert_eq(be->plan_times(g.plan, &none, 1, &err), TNB_OK);
    cr_assert_eq(none, 0);
    be->queue_destroy(plain);
    one_end(&g);
}

/* --- refusals --- */

Test(ref, supports_says_why_not)
{
    struct one g = {0};
    tnb_support s = {.struct_size = sizeof s};
    g.values[0] = g.values[1] = g.values[2] = tensor(TNB_F32, 1, 2, 0);
    one_init(&g, "add", 2, 1, NULL, 0);
    cr_assert_eq(be->supports(dev, &g.graph, 0, &s, &err), TNB_OK);
    cr_assert_eq(s.verdict, TNB_YES);
    cr_assert_str_eq(s.variant, "reference");
    cr_assert_eq(s.n_inplace, 0);
    g.node.op = "acme.add";
    cr_assert_eq(be->supports(dev, &g.graph, 0, &s, &err), TNB_OK);
    cr_assert_eq(s.verdict, TNB_NO);
    assert_contains(s.why, "no operator of that name");
    g.node.op = "add";
    g.node.op_version = 9;
    cr_assert_eq(be->supports(dev, &g.graph, 0, &s, &err), TNB_OK);
    cr_assert_eq(s.verdict, TNB_NO);
    g.node.op_version = 1;
    g.values[1].dtype = TNB_I8;
    cr_assert_eq(be->supports(dev, &g.graph, 0, &s, &err), TNB_OK);
    cr_assert_eq(s.verdict, TNB_NO);
    assert_contains(s.why, "element type");
}

Test(ref, plan_create_checks_the_node)
{
    struct one g = {0};
    tnb_attr attrs[] = {attr_int("trans_a", 0), attr_int("trans_b", 0)};
    g.values[0] = g.values[1] = tensor(TNB_F32, 2, 2, 3);
    g.values[2] = tensor(TNB_F32, 2, 2, 2);
    one_init(&g, "matmul", 2, 1, attrs, 2);
    cr_assert_eq(one_plan(&g), TNB_E_INVALID); /* 3 and 2 do not meet */
    assert_contains(err.msg, "matmul");
    g.values[1] = tensor(TNB_F32, 2, 3, 4);
    cr_assert_eq(one_plan(&g), TNB_E_INVALID); /* [2, 4] */
    assert_contains(err.msg, "an output has not the type of the shape rule");
    g.values[2] = tensor(TNB_F32, 2, 2, 4);
    attrs[1].type = TNB_ATTR_FLOAT;
    cr_assert_eq(one_plan(&g), TNB_E_INVALID);
    assert_contains(err.msg, "another type");
    attrs[1] = attr_int("transpose_b", 0);
    cr_assert_eq(one_plan(&g), TNB_E_INVALID);
    assert_contains(err.msg, "none of the operator's");
    g.node.op = "matmull";
    cr_assert_eq(one_plan(&g), TNB_E_UNSUPPORTED);
    cr_assert_null(g.plan);
}

Test(ref, plan_bind_checks_the_memory)
{
    struct one g = {0};
    g.values[0] = g.values[1] = g.values[2] = tensor(TNB_F32, 1, 4, 0);
    one_init(&g, "add", 2, 1, NULL, 0);
    one_start(&g);
    tnb_span good = g.spans[1];
    g.spans[1].size = 15;
    cr_assert_eq(one_bind(&g), TNB_E_INVALID);
    assert_contains(err.msg, "layer/op");
    cr_assert_eq(be->run(queue, g.plan, &err), TNB_E_INVALID);
    g.spans[1] = good;
    g.spans[1].offset = 1u << 20;
    cr_assert_eq(one_bind(&g), TNB_E_INVALID);
    g.spans[1].offset = good.offset + 2;
    cr_assert_eq(one_bind(&g), TNB_E_INVALID);
    g.spans[1].buffer = NULL;
    cr_assert_eq(one_bind(&g), TNB_E_INVALID);
    g.spans[1] = good;
    cr_assert_eq(be->plan_bind(g.plan, g.spans, 2, (tnb_span){g.workspace, 0, g.n_workspace}, &err),
                 TNB_E_INVALID);
    cr_assert_eq(be->plan_bind(g.plan, g.spans, 3, (tnb_span){g.workspace, 0, 8}, &err),
                 TNB_E_INVALID);
    cr_assert_eq(one_bind(&g), TNB_OK);
    one_run(&g);
    one_end(&g);
}

/* --- memory and events --- */

Test(ref, fill_and_copy)
{
    tnb_buffer *buffer = NULL;
    uint32_t data[8];
    cr_assert_eq(be->buffer_alloc(dev, 32, TNB_BUFFER_STAGING, &buffer, &err), TNB_OK);
    tnb_span all = {buffer, 0, 32}, low = {buffer, 0, 16}, high = {buffer, 12, 16};
    cr_assert_eq(be->fill(queue, all, 0x1122334455667788u, 8, &err), TNB_OK);
    cr_assert_eq(be->fill(queue, low, 0xffffffff40490fdbu, 4, &err), TNB_OK);
    cr_assert_eq(be->copy(queue, high, low, &err), TNB_OK); /* they overlap */
    cr_assert_eq(be->read(queue, all, data, TNB_HOST_NOW, &err), TNB_OK);
    const uint32_t pi = 0x40490fdbu;
    const uint32_t expected[] = {pi, pi, pi, pi, pi, pi, pi, 0x11223344u};
    cr_assert_eq(memcmp(data, expected, sizeof data), 0);
    cr_assert_eq(be->fill(queue, high, 0, 3, &err), TNB_E_INVALID);
    cr_assert_eq(be->fill(queue, (tnb_span){buffer, 0, 6}, 0, 4, &err), TNB_E_INVALID);
    cr_assert_eq(be->copy(queue, all, low, &err), TNB_E_INVALID);
    cr_assert_eq(be->write(queue, (tnb_span){buffer, 24, 16}, data, TNB_HOST_NOW, &err),
                 TNB_E_INVALID);
    cr_assert_eq(be->read(queue, (tnb_span){buffer, UINT64_MAX, 16}, data, TNB_HOST_NOW, &err),
                 TNB_E_INVALID);
    be->buffer_free(buffer);
    cr_assert_eq(be->buffer_alloc(dev, UINT64_MAX / 4, TNB_BUFFER_DEVICE, &buffer, &err),
                 TNB_E_OOM);
}

static void *signal_later(void *event)
{
    tnb_queue *own = NULL;
    tnb_error e = TN_TNB_ERROR;
    be->queue_create(dev, 0, &own, &e);
    for (uint64_t v = 1; v <= 1000; v++)
        be->signal(own, event, v, &e);
    be->queue_destroy(own);
    return NULL;
}

Test(ref, events_grow_and_are_waited_for)
{
    tnb_event *event = NULL;
    pthread_t thread;
    cr_assert_eq(be->event_create(dev, &event, &err), TNB_OK);
    cr_assert_eq(be->event_wait(event, 0, 0, &err), TNB_OK);
    cr_assert_eq(be->event_wait(event, 1, 0, &err), TNB_E_TIMEOUT);
    cr_assert_eq(be->event_wait(event, 1, 2000000, &err), TNB_E_TIMEOUT);
    cr_assert_eq(be->wait(queue, event, 1, &err), TNB_E_UNSUPPORTED);
    cr_assert_eq(pthread_create(&thread, NULL, signal_later, event), 0);
    cr_assert_eq(be->event_wait(event, 1000, UINT64_MAX, &err), TNB_OK);
    pthread_join(thread, NULL);
    cr_assert_eq(be->wait(queue, event, 1000, &err), TNB_OK);
    cr_assert_eq(be->signal(queue, event, 5, &err), TNB_OK);
    cr_assert_eq(be->event_wait(event, 1000, 0, &err), TNB_OK, "an event never goes back");
    be->event_destroy(event);
}

Test(ref, an_event_of_another_backend_is_refused_unread)
{
    tnb_event *foreign = (tnb_event *)(uintptr_t)0x10; /* reading it would crash */
    cr_assert_eq(be->signal(queue, foreign, 1, &err), TNB_E_UNSUPPORTED);
    cr_assert_eq(be->wait(queue, foreign, 1, &err), TNB_E_UNSUPPORTED);
}
