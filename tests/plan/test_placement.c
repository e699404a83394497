/* Placement, fallback, claims and the messages of plans that cannot be made. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "support.h"

static tn_graph *chain(void)
{
    tn_graph *g = new_graph("chain");
    tn_value x = f32_input(g, "x", TN_SHAPE(tn_graph_symbol(g, "batch"), 4));
    tn_value w = weights(g, "w", TN_SHAPE(4, 4));
    tn_value h = tn_op1(g, "tanh", tn_matmul(g, x, w, 0, 0), NULL, 0);
    tn_graph_output(g, "y", tn_sum(g, tn_relu(g, h), NULL, 0, 0));
    return g;
}

Test(placement, a_refused_node_goes_to_the_fallback, .fini = close_fake)
{
    fake.refuse[0] = "tanh";
    tn_session *s = open_fake(0);
    tn_plan *p = plan_of(s, chain(), 2);
    struct tn_plan_info info;
    struct tn_plan_node n;
    tn_plan_info(p, &info);
    cr_assert_eq(info.n_nodes, 4);
    cr_assert_eq(info.n_segments, 3);
    cr_assert_eq(info.n_transfers, 2);
    cr_assert_eq(info.n_fallback, 1);
    tn_plan_node(p, 0, &n);
    cr_assert_str_eq(n.op, "matmul");
    cr_assert_str_eq(n.device, "fake:0");
    cr_assert_str_eq(n.shapes, "[2,4] [4,4] -> [2,4]");
    cr_assert_eq(n.is_fallback, 0);
    tn_plan_node(p, 1, &n);
    cr_assert_str_eq(n.op, "tanh");
    cr_assert_str_eq(n.device, "ref:0");
    cr_assert_eq(n.is_fallback, 1);
    cr_assert_eq(n.segment, 1);
    cr_assert_str_eq(n.why, "fake:0: it does not like tanh");
    tn_plan_node(p, 3, &n);
    cr_assert_str_eq(n.shapes, "[2,4] -> []");
}

/* tenon/backend.h promises an idle queue to plan_bind, also for a plan made between two steps. */
Test(placement, a_plan_is_bound_while_nothing_runs, .fini = close_fake)
{
    const float x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    tn_session *s = open_fake(0);
    tn_graph *g = chain();
    tn_plan *large = plan_of(s, g, 2);
    set_f32(large, "x", x, 8);
    run(large);
    cr_assert(fake.is_busy, "nothing has waited for the run yet");
    plan_of(s, g, 1); /* fits into the arena that is there */
    cr_assert_eq(fake.n_busy_binds, 0);
}

Test(placement, strict_names_node_shapes_and_reason, .fini = close_fake)
{
    fake.refuse[0] = "tanh";
    tn_session *s = open_fake(1);
    struct tn_error err = {0};
    struct tn_binding b = {.symbol = "batch", .value = 2};
    tn_plan *p = NULL;
    cr_assert_eq(tn_session_plan(s, chain(), &b, 1, &p, &err), TN_E_UNSUPPORTED);
    cr_assert_null(p);
    cr_assert(strstr(err.msg, "tanh") && strstr(err.msg, "[2,4] -> [2,4]"), "%s", err.msg);
    cr_assert(strstr(err.msg, "it does not like tanh"), "%s", err.msg);
}

/* State read and written on the fallback device goes there and comes back. */
Test(placement, state_follows_a_fallback, .fini = close_fake)
{
    fake.refuse[0] = "sgd";
    tn_session *s = open_fake(0);
    tn_graph *g = new_graph("g");
    tn_value w = weights(g, "w", TN_SHAPE(3)), x = f32_input(g, "x", TN_SHAPE(3)), grad;
    tn_value loss = tn_sum(g, tn_mul(g, w, x), NULL, 0, 0);
    tn_graph_gradients(g, loss, &w, 1, &grad);
    sgd(g, w, grad, step_scalars(g));
    tn_graph_output(g, "loss", loss);
    tn_plan *p = plan_of(s, g, 0);
    float want[3], got[3], in[3] = {1, -2, 0.5f};
    state_f32(s, "w", want, 3);
    for (int step = 0; step < 3; step++) {
        set_f32(p, "x", in, 3);
        set_step(p, 0.25f, 1, step != 1);
        run(p);
        for (int i = 0; i < 3 && step != 1; i++)
            want[i] -= 0.25f * in[i];
        state_f32(s, "w", got, 3);
        expect_close(got, want, 3, 1e-6, 1e-7, "w");
    }
}

/* --- claims --- */

/* a = tanh(x); b = relu(a); c = a + b: nodes 0, 1, 2. */
static tn_graph *diamond(void)
{
    tn_graph *g = new_graph("diamond");
    tn_value a = tn_op1(g, "tanh", f32_input(g, "x", TN_SHAPE(4)), NULL, 0);
    tn_graph_output(g, "c", tn_add(g, a, tn_relu(g, a)));
    return g;
}

static void offer(uint32_t index, uint32_t n, uint32_t a, uint32_t b, uint32_t c)
{
    fake.offers[index] = (struct fake_offer){.nodes = {a, b, c}, .n = n};
    fake.n_offers = index + 1;
}

Test(claims, only_convex_and_disjoint_ones, .fini = close_fake)
{
    offer(0, 2, 0, 2, 0); /* the path 0 -> 1 -> 2 leaves and returns */
    offer(1, 2, 0, 1, 0);
    offer(2, 2, 1, 2, 0); /* overlaps */
    offer(3, 1, 7, 0, 0); /* outside */
    offer(4, 0, 0, 0, 0);
    tn_session *s = open_fake(1);
    tn_plan *p = plan_of(s, diamond(), 0);
    static const tnb_status want[5] = {TNB_E_INVALID, TNB_OK, TNB_E_INVALID, TNB_E_INVALID,
                                       TNB_E_INVALID};
    for (int i = 0; i < 5; i++)
        cr_assert_eq(fake.offers[i].answer, want[i], "offer %d", i);
    struct tn_plan_node n;
    tn_plan_node(p, 1, &n);
    cr_assert_str_eq(n.variant, "offer");
    tn_plan_node(p, 2, &n);
    cr_assert_str_eq(n.variant, "fake");
    /* relu(a) is read outside, tanh(x) too: nothing is hidden. */
    for (uint32_t v = 0; v < p->ir.n_stores; v++)
        cr_assert_neq(tn_mem_loc(&p->mem, v, 0), TN_NONE);
}

Test(claims, values_inside_get_no_storage, .fini = close_fake)
{
    offer(0, 3, 0, 1, 2);
    tn_session *s = open_fake(1);
    tn_plan *p = plan_of(s, diamond(), 0);
    cr_assert_eq(fake.offers[0].answer, TNB_OK);
    cr_assert_eq(p->mem.devices[0].arena_bytes, 0, "a and b are hidden, c is an output");
    float x[4] = {-1, 0, 0.5f, 2}, want[4], got[4];
    for (int i = 0; i < 4; i++) {
        float a = (float)tanh((double)x[i]);
        want[i] = a + (a > 0 ? a : 0);
    }
    set_f32(p, "x", x, 4);
    run(p);
    get_f32(p, "c", got, 4);
    expect_close(got, want, 4, 1e-6, 1e-7, "c");
}

/* p = tanh(x); q = p + s reads the old s; w = relu(y) is the new s. {p, w} is not convex: q comes
 * after p, and before w though no data goes there. */
Test(claims, versions_of_state_count, .fini = close_fake)
{
    tn_graph *g = new_graph("versions");
    tn_value x = f32_input(g, "x", TN_SHAPE(4)), y = f32_input(g, "y", TN_SHAPE(4));
    tn_value st = weights(g, "s", TN_SHAPE(4));
    tn_value p = tn_op1(g, "tanh", x, NULL, 0), q = tn_add(g, p, st), w = tn_relu(g, y);
    tn_graph_assign(g, st, w);
    tn_graph_output(g, "p", p);
    tn_graph_output(g, "q", q);
    offer(0, 2, 0, 2, 0);
    offer(1, 3, 0, 1, 2);
    plan_of(open_fake(1), g, 0);
    cr_assert_eq(fake.offers[0].answer, TNB_E_INVALID);
    cr_assert_eq(fake.offers[1].answer, TNB_OK);
}

/* A node between the nodes of a claim that reads its result must run after it. */
Test(claims, the_order_makes_way, .fini = close_fake)
{
    tn_graph *g = new_graph("order");
    tn_value x = f32_input(g, "x", TN_SHAPE(4));
    tn_value a = tn_op1(g, "tanh", x, NULL, 0), b = tn_relu(g, a);
    tn_graph_output(g, "b", b);
    tn_graph_output(g, "c", tn_op1(g, "neg", a, NULL, 0));
    offer(0, 2, 0, 2, 0);
    tn_session *s = open_fake(1);
    tn_plan *p = plan_of(s, g, 0);
    cr_assert_eq(fake.offers[0].answer, TNB_OK);
    const char *want[3] = {"tanh", "neg", "relu"};
    for (size_t i = 0; i < 3; i++) {
        struct tn_plan_node n;
        tn_plan_node(p, i, &n);
        cr_assert_str_eq(n.op, want[i]);
    }
}

/* --- memory that does not suffice --- */

static tn_status plan_batch(tn_session *s, tn_graph *g, int64_t batch, struct tn_error *err)
{
    struct tn_binding b = {.symbol = "batch", .value = batch};
    tn_plan *p = NULL;
    return tn_session_plan(s, g, &b, 1, &p, err);
}

static tn_graph *wide(void)
{
    tn_graph *g = new_graph("wide");
    tn_value x = f32_input(g, "x", TN_SHAPE(tn_graph_symbol(g, "batch"), 256));
    tn_graph_output(g, "y", tn_sum(g, tn_op1(g, "tanh", x, NULL, 0), NULL, 0, 0));
    return g;
}

/* The message names needed, free and the largest batch; that batch fits, and one more does not. */
static void check_largest(tn_session *s, const char *limit)
{
    tn_graph *g = wide();
    struct tn_error err = {0};
    cr_assert_eq(plan_batch(s, g, 4096, &err), TN_E_OOM, "%s", err.msg);
    cr_assert(strstr(err.msg, limit), "%s", err.msg);
    const char *at = strstr(err.msg, "the largest batch that fits is ");
    cr_assert(at, "%s", err.msg);
    long long largest = strtoll(at + strlen("the largest batch that fits is "), NULL, 10);
    cr_assert(largest > 100 && largest < 4096, "%s", err.msg);
    cr_assert_eq(plan_batch(s, g, largest + 64, &err), TN_E_OOM);
    check(plan_batch(s, g, largest / 2, &err), &err, "half the largest batch");
}

Test(memory_limit, what_the_device_reports, .fini = close_fake)
{
    fake.mem_free = 2 << 20;
    check_largest(open_fake(1), "free 2.0 MiB");
}

/* A batch whose inputs not even the host could hold: the device's limit is what counts. */
Test(memory_limit, inputs_too_large_for_the_host, .fini = close_fake)
{
    struct tn_error err = {0};
    fake.mem_free = 2 << 20;
    tn_session *s = open_fake(1);
    cr_assert_eq(plan_batch(s, wide(), (int64_t)1 << 38, &err), TN_E_OOM);
    cr_assert(strstr(err.msg, "the largest batch that fits is "), "%s", err.msg);
}

Test(memory_limit, what_the_allocator_refuses, .fini = close_fake)
{
    fake.alloc_limit = 1 << 20;
    check_largest(open_fake(1), "free not reported");
}

Test(memory_limit, a_failed_plan_leaves_the_others_running, .fini = close_fake)
{
    tn_session *s = open_fake(1);
    tn_graph *g = wide();
    tn_plan *p = plan_of(s, g, 2);
    float x[512], want = 0, got;
    struct tn_error err = {0};
    noise(x, 512, 3);
    set_f32(p, "x", x, 512);
    run(p);
    get_f32(p, "y", &want, 1);
    fake.alloc_limit = 1 << 20;
    cr_assert_eq(plan_batch(s, g, 4096, &err), TN_E_OOM);
    run(p);
    get_f32(p, "y", &got, 1);
    expect_bits(&got, &want, sizeof(want), "y");
}

/* When not even the old arena can be had back, the plans say so instead of running on freed memory.
 */
Test(memory_limit, a_lost_arena_is_an_error, .fini = close_fake)
{
    tn_session *s = open_fake(1);
    tn_graph *g = wide();
    tn_plan *p = plan_of(s, g, 64);
    static float x[64 * 256];
    struct tn_error err = {0};
    set_f32(p, "x", x, 64 * 256);
    run(p);
    fake.fail_from = fake.n_allocs + 2; /* the plan's own region is had, the arena is not */
    cr_assert_eq(plan_batch(s, g, 128, &err), TN_E_OOM);
    cr_assert_eq(tn_plan_run(p, &err), TN_E_OOM);
    cr_assert(strstr(err.msg, "lost the memory"), "%s", err.msg);
}

Test(memory_limit, a_step_allocates_nothing, .fini = close_fake)
{
    tn_session *s = open_fake(1);
    tn_plan *small = plan_of(s, wide(), 2), *large = plan_of(s, wide(), 64);
    static float x[64 * 256];
    uint32_t allocs = fake.n_allocs, binds = fake.n_binds;
    for (int i = 0; i < 3; i++) {
        set_f32(small, "x", x, 2 * 256);
        run(small);
        set_f32(large, "x", x, 64 * 256);
        run(large);
    }
    cr_assert_eq(fake.n_allocs, allocs);
    cr_assert_eq(fake.n_binds, binds);
}

Test(estimate, equals_what_the_plan_takes, .fini = close_fake)
{
    tn_session *s = open_fake(1);
    tn_graph *g = wide();
    struct tn_binding b = {.symbol = "batch", .value = 32};
    struct tn_error err = {0};
    struct tn_plan_info info;
    uint64_t before = 0, after = 0;
    uint32_t allocs = fake.n_allocs;
    check(tn_session_estimate(s, g, &b, 1, &before, &err), &err, "estimate");
    cr_assert_eq(fake.n_allocs, allocs);
    tn_plan_info(plan_of(s, g, 32), &info);
    check(tn_session_estimate(s, g, &b, 1, &after, &err), &err, "estimate");
    cr_assert_eq(after, info.peak_bytes);
    cr_assert_eq(before + info.workspace_bytes, info.peak_bytes);
    cr_assert_geq(info.activation_bytes, 32 * 256 * 4);
}
