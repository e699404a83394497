/* Dead nodes, common subexpressions, constants; and initial values. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "evaluate.h"
#include "graph/init.h"
#include "graph/passes.h"

static tn_graph *graph;
static struct tn_arena arena;

static void begin(void)
{
    tn_arena_init(&arena);
    cr_assert_eq(tn_graph_create("step", &graph, NULL), TN_OK);
}

static void end(void)
{
    tn_graph_destroy(&graph);
    tn_arena_finish(&arena);
}

TestSuite(passes, .init = begin, .fini = end);

static tn_value input(const char *name)
{
    return tn_graph_input(graph, name, TN_F32, &TN_SHAPE(2, 3), TN_INPUT_DATA);
}

static uint32_t node_of(tn_value v)
{
    return graph->values.items[v].node;
}

Test(passes, live_is_what_outputs_and_state_need)
{
    tn_value x = input("x");
    tn_value a = tn_relu(graph, x), b = tn_add(graph, a, x), dead = tn_mul(graph, a, a),
             c = tn_mul(graph, x, x);
    tn_value s = tn_graph_state(
        graph, &(struct tn_state_params){
                   .name = "s", .dtype = TN_F32, .shape = TN_SHAPE(2, 3), .role = TN_STATE_BUFFER});
    tn_graph_output(graph, "b", b);
    tn_graph_assign(graph, s, c);
    uint8_t *live = NULL;
    cr_assert_eq(tn_graph_live(graph, &arena, &live), TN_OK);
    cr_assert(live[node_of(a)] && live[node_of(b)] && live[node_of(c)]);
    cr_assert_not(live[node_of(dead)]);
}

Test(passes, equal_nodes_are_one)
{
    tn_value x = input("x"), y = input("y");
    const int64_t axis[] = {0};
    tn_value a = tn_add(graph, x, y), b = tn_add(graph, x, y), swapped = tn_add(graph, y, x);
    tn_value sa = tn_sum(graph, a, axis, 1, 0), sb = tn_sum(graph, b, axis, 1, 0),
             kept = tn_sum(graph, b, axis, 1, 1);
    tn_value *replace = NULL;
    cr_assert_eq(tn_graph_common(graph, &arena, &replace), TN_OK);
    cr_assert_eq(replace[b], a);
    cr_assert_eq(replace[sb], sa, "equality reaches through replaced inputs");
    cr_assert_eq(replace[kept], kept, "another attribute");
    cr_assert_eq(replace[swapped], swapped);
    cr_assert_eq(replace[x], x);
    tn_graph_output(graph, "sb", sb);
    uint8_t *live = NULL;
    cr_assert_eq(tn_graph_live_after(graph, replace, NULL, &arena, &live), TN_OK);
    cr_assert(live[node_of(a)] && live[node_of(sa)]);
    cr_assert_not(live[node_of(b)] || live[node_of(sb)]);
}

Test(passes, updates_and_parameter_gradients_are_not_merged)
{
    tn_value one = tn_graph_scalar(graph, TN_F32, 1), out[2];
    tn_value counter = tn_graph_input(graph, "n", TN_I64, &TN_SCALAR, TN_INPUT_STEP);
    const tn_value in[] = {counter, one};
    tn_graph_op(graph, "counter_add", in, 2, NULL, 0, &out[0], 1);
    tn_graph_op(graph, "counter_add", in, 2, NULL, 0, &out[1], 1);
    tn_value x = input("x"), p[2], g[2];
    for (int i = 0; i < 2; i++)
        p[i] = tn_graph_state(graph, &(struct tn_state_params){.name = i ? "b" : "a",
                                                               .dtype = TN_F32,
                                                               .shape = TN_SHAPE(3),
                                                               .role = TN_STATE_PARAM});
    tn_value y = tn_add(graph, tn_add(graph, x, p[0]), p[1]);
    tn_graph_gradients(graph, y, p, 2, g);
    struct tn_error err = {0};
    cr_assert_eq(tn_graph_check(graph, &err), TN_OK, "%s", err.msg);
    tn_value *replace = NULL;
    cr_assert_eq(tn_graph_common(graph, &arena, &replace), TN_OK);
    cr_assert_eq(replace[out[1]], out[1]);
    cr_assert_neq(g[0], g[1]);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(replace[g[i]], g[i], "both are the same sum, each in a place of its own");
}

Test(passes, constants_fold)
{
    tn_value x = input("x"), two = tn_graph_scalar(graph, TN_F32, 2);
    tn_value four = tn_mul(graph, two, two), eight = tn_add(graph, four, four);
    tn_value wide = tn_expand(graph, eight, &TN_SHAPE(2, 3)), y = tn_mul(graph, x, wide);
    tn_graph_output(graph, "y", y);
    struct tn_symbol_values bound = {{0}};
    struct tn_type *types = NULL;
    struct tn_attrs *attrs = NULL;
    struct tn_error err = {0};
    tn_tensor **folded = NULL;
    cr_assert_eq(tn_graph_bind(graph, &bound, &arena, &types, &attrs, &err), TN_OK, "%s", err.msg);
    cr_assert_eq(tn_graph_fold(graph, types, attrs, 4, &arena, &folded, &err), TN_OK, "%s",
                 err.msg);
    cr_assert_eq(tn_tensor_get(folded[eight], NULL), 8.0);
    cr_assert_null(folded[wide], "six elements are more than four");
    cr_assert_null(folded[y]);
    uint8_t *live = NULL;
    cr_assert_eq(tn_graph_live_after(graph, NULL, folded, &arena, &live), TN_OK);
    cr_assert_not(live[node_of(four)] || live[node_of(eight)]);
    cr_assert(live[node_of(wide)] && live[node_of(y)]);
    tn_graph_unfold(graph, folded);
}

/* --- initial values --- */

static tn_tensor *filled(struct tn_init init, uint64_t seed, const char *name, tn_dtype dtype,
                         int64_t n)
{
    tn_tensor *t = NULL;
    struct tn_error err = {0};
    cr_assert_eq(tn_tensor_create(dtype, &TN_SHAPE(n), &t, NULL), TN_OK);
    cr_assert_eq(tn_init_fill(&init, seed, name, t, &err), TN_OK, "%s", err.msg);
    return t;
}

/* Mean, standard deviation, extremes. */
static void moments(tn_tensor *t, double out[4])
{
    const float *x = tn_tensor_const_data(t);
    int64_t n = tn_tensor_count(t);
    double sum = 0, squares = 0;
    out[2] = INFINITY, out[3] = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        sum += x[i];
        squares += (double)x[i] * x[i];
        out[2] = fmin(out[2], x[i]);
        out[3] = fmax(out[3], x[i]);
    }
    out[0] = sum / (double)n;
    out[1] = sqrt(squares / (double)n - out[0] * out[0]);
    tn_tensor_unref(&t);
}

Test(init, uniform_is_philox_in_order)
{
    tn_tensor *t =
        filled((struct tn_init){.kind = TN_INIT_UNIFORM, .a = -1, .b = 3}, 42, "w", TN_F32, 9);
    uint64_t key = tn_mix64(tn_mix64(42) ^ tn_hash_string("w"));
    const float *x = tn_tensor_const_data(t);
    for (uint64_t i = 0; i < 9; i++)
        cr_assert_eq(x[i],
                     (float)(-1 + 4 * (double)tn_rng_unit(tn_philox(key, i / 4, 0).v[i % 4])));
    tn_tensor_unref(&t);
}

Test(init, moments_are_those_asked_for)
{
    const int64_t n = 100000;
    double m[4];
    moments(filled((struct tn_init){.kind = TN_INIT_NORMAL, .a = 1, .b = 2}, 1, "a", TN_F32, n), m);
    cr_assert_float_eq(m[0], 1.0, 0.03);
    cr_assert_float_eq(m[1], 2.0, 0.02);
    cr_assert_gt(m[3], 1 + 2 * 3.5, "the tails are there");
    /* Keras: glorot limit sqrt(6 / (30 + 20)), he stddev sqrt(2 / 50) cut at two deviations. */
    moments(filled((struct tn_init){.kind = TN_INIT_GLOROT_UNIFORM, .fan_in = 30, .fan_out = 20}, 1,
                   "b", TN_F32, n),
            m);
    double limit = sqrt(6.0 / 50.0);
    cr_assert_float_eq(m[0], 0.0, 0.005);
    cr_assert_float_eq(m[1], limit / sqrt(3.0), 0.003);
    cr_assert_geq(m[2], -limit);
    cr_assert_lt(m[3], limit);
    moments(filled((struct tn_init){.kind = TN_INIT_HE_NORMAL, .fan_in = 50}, 1, "c", TN_F32, n),
            m);
    cr_assert_float_eq(m[1], 0.2, 0.002);
    cr_assert_lt(m[3], 2 * 0.2 / 0.8796 + 1e-6);
    cr_assert_gt(m[3], 0.44);
    moments(filled((struct tn_init){.kind = TN_INIT_GLOROT_NORMAL, .fan_in = 30, .fan_out = 20}, 1,
                   "d", TN_F32, n),
            m);
    cr_assert_float_eq(m[1], 0.2, 0.002);
    moments(filled((struct tn_init){.kind = TN_INIT_HE_UNIFORM, .fan_in = 24}, 1, "e", TN_F32, n),
            m);
    cr_assert_float_eq(m[3], 0.5, 0.001);
    moments(filled((struct tn_init){.kind = TN_INIT_CONSTANT, .a = 0.25}, 1, "f", TN_F32, 10), m);
    cr_assert(m[2] == 0.25 && m[3] == 0.25);
}

Test(init, depends_on_seed_and_name_alone)
{
    struct tn_init init = {.kind = TN_INIT_HE_NORMAL, .fan_in = 8};
    tn_tensor *a = filled(init, 7, "dense_1/kernel", TN_F32, 64),
              *b = filled(init, 7, "dense_1/kernel", TN_F32, 128),
              *c = filled(init, 7, "dense_2/kernel", TN_F32, 64),
              *d = filled(init, 8, "dense_1/kernel", TN_F32, 64);
    cr_assert_eq(memcmp(tn_tensor_data(a), tn_tensor_data(b), 256), 0, "element by element");
    cr_assert_neq(memcmp(tn_tensor_data(a), tn_tensor_data(c), 256), 0);
    cr_assert_neq(memcmp(tn_tensor_data(a), tn_tensor_data(d), 256), 0);
    tn_tensor_unref(&a);
    tn_tensor_unref(&b);
    tn_tensor_unref(&c);
    tn_tensor_unref(&d);
}

/* In bf16 numbers near 256 lie 2 apart: rounding would reach the end that [254, 256) leaves out. */
Test(init, uniform_never_reaches_its_end)
{
    tn_tensor *t = filled((struct tn_init){.kind = TN_INIT_UNIFORM, .a = 254, .b = 256}, 3, "w",
                          TN_BF16, 1000);
    for (int64_t i = 0; i < 1000; i++)
        cr_assert_lt(tn_tensor_get(t, &i), 256.0);
    tn_tensor_unref(&t);
}

Test(init, refuses_what_makes_no_sense)
{
    static const struct {
        struct tn_init init;
        const char *word;
    } cases[] = {{{.kind = TN_INIT_HE_NORMAL}, "fan_in"},
                 {{.kind = TN_INIT_GLOROT_UNIFORM, .fan_in = 3}, "fan_out"},
                 {{.kind = TN_INIT_NORMAL, .b = -1}, "deviation"},
                 {{.kind = TN_INIT_UNIFORM, .a = 1, .b = 0}, "limits"},
                 {{.kind = (tn_init_kind)77}, "77"}};
    tn_tensor *t = NULL;
    cr_assert_eq(tn_tensor_create(TN_F32, &TN_SHAPE(4), &t, NULL), TN_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tn_error err = {0};
        cr_assert_eq(tn_init_fill(&cases[i].init, 1, "dense_1/kernel", t, &err), TN_E_INVALID);
        cr_assert_not_null(strstr(err.msg, cases[i].word), "%s", err.msg);
        cr_assert_not_null(strstr(err.msg, "dense_1/kernel"), "%s", err.msg);
    }
    tn_tensor_unref(&t);
}
