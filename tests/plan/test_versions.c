/* Versions of state, outputs, inputs and messages. Values are small integers, so results are exact.
 */
#include <string.h>

#include "fake.h"
#include "support.h"

static tn_value double_of(tn_graph *g, tn_value x)
{
    return tn_add(g, x, x);
}

/* new = 2 w; delta = new - w reads the old w after the new one was made, and even depends on it. */
ON_EACH(versions, old_version_read_after_the_new_one)
{
    tn_session *s = open_session(*on);
    tn_graph *g = new_graph("delta");
    tn_value w = f32_state(g, "w", TN_SHAPE(3), TN_STATE_BUFFER, 3), next = double_of(g, w);
    tn_graph_assign(g, w, next);
    tn_graph_output(g, "delta", tn_sub(g, next, w));
    tn_graph_output(g, "old", w);
    tn_plan *p = plan_of(s, g, 0);
    float got[3], value = 3;
    for (int step = 0; step < 4; step++, value *= 2) {
        float want[3] = {value, value, value}, next_want[3] = {2 * value, 2 * value, 2 * value};
        run(p);
        get_f32(p, "delta", got, 3);
        expect_bits(got, want, sizeof(want), "delta");
        get_f32(p, "old", got, 3);
        expect_bits(got, want, sizeof(want), "old");
        state_f32(s, "w", got, 3);
        expect_bits(got, next_want, sizeof(want), "w");
    }
}

/* The node that makes the new version comes first in the graph; the reader of the old one, which
 * does not depend on it, must still see the old one. */
ON_EACH(versions, reader_listed_after_the_writer)
{
    tn_session *s = open_session(*on);
    tn_graph *g = new_graph("late-reader");
    tn_value w = f32_state(g, "w", TN_SHAPE(2), TN_STATE_BUFFER, 1);
    tn_value x = f32_input(g, "x", TN_SHAPE(2));
    tn_graph_assign(g, w, tn_add(g, w, x));
    tn_graph_output(g, "y", tn_mul(g, w, x));
    tn_plan *p = plan_of(s, g, 0);
    float x_data[2] = {2, 5}, got[2], w_want[2] = {1, 1};
    for (int step = 0; step < 3; step++) {
        float want[2] = {w_want[0] * 2, w_want[1] * 5};
        set_f32(p, "x", x_data, 2);
        run(p);
        get_f32(p, "y", got, 2);
        expect_bits(got, want, sizeof(want), "y");
        w_want[0] += 2, w_want[1] += 5;
    }
    state_f32(s, "w", got, 2);
    expect_bits(got, w_want, sizeof(w_want), "w");
}

/* a and b swap; c takes an input through a reshape; d takes a constant; e keeps itself; two states
 * take one computed value. */
ON_EACH(versions, assigning_what_is_not_computed)
{
    tn_session *s = open_session(*on);
    tn_graph *g = new_graph("swap");
    struct tn_shape row = TN_SHAPE(2);
    tn_value a = f32_state(g, "a", row, TN_STATE_BUFFER, 1);
    tn_value b = f32_state(g, "b", row, TN_STATE_BUFFER, 2);
    tn_value c = f32_state(g, "c", row, TN_STATE_BUFFER, 0);
    tn_value d = f32_state(g, "d", row, TN_STATE_BUFFER, 0);
    tn_value e = f32_state(g, "e", row, TN_STATE_BUFFER, 9);
    tn_value f1 = f32_state(g, "f1", row, TN_STATE_BUFFER, 0);
    tn_value f2 = f32_state(g, "f2", row, TN_STATE_BUFFER, 0);
    tn_value x = f32_input(g, "x", TN_SHAPE(1, 2)), nine;
    struct tn_error err = {0};
    tn_tensor *seven = NULL;
    check(tn_tensor_create(TN_F32, &row, &seven, &err), &err, "tensor");
    float *sevens = tn_tensor_data(seven);
    sevens[0] = 7, sevens[1] = 8;
    nine = tn_graph_const(g, seven);
    tn_tensor_unref(&seven);
    tn_value sum = tn_add(g, tn_reshape(g, x, &row), nine);
    tn_graph_assign(g, a, b);
    tn_graph_assign(g, b, tn_stop_gradient(g, a));
    tn_graph_assign(g, c, tn_reshape(g, x, &row));
    tn_graph_assign(g, d, nine);
    tn_graph_assign(g, e, e);
    tn_graph_assign(g, f1, sum);
    tn_graph_assign(g, f2, sum);
    tn_graph_output(g, "x", x);
    tn_graph_output(g, "const", nine);
    tn_plan *p = plan_of(s, g, 0);
    float x_data[2] = {5, 6}, other[2] = {0, 0}, got[2];
    set_f32(p, "x", x_data, 2);
    for (int step = 1; step <= 3; step++) {
        static const char *const names[7] = {"a", "b", "c", "d", "e", "f1", "f2"};
        float odd = step % 2 ? 2 : 1, even = step % 2 ? 1 : 2;
        float want[7][2] = {{odd, odd}, {even, even}, {5, 6}, {7, 8}, {9, 9}, {12, 14}, {12, 14}};
        run(p);
        for (int i = 0; i < 7; i++) {
            state_f32(s, names[i], got, 2);
            expect_bits(got, want[i], sizeof(got), names[i]);
        }
    }
    set_f32(p, "x", other, 2); /* an output keeps what the last run saw */
    get_f32(p, "x", got, 2);
    expect_bits(got, x_data, sizeof(got), "x");
    get_f32(p, "const", got, 2);
    expect_bits(got, (float[]){7, 8}, sizeof(got), "const");
}

/* An output outlives the runs of other plans, though all share one arena. */
ON_EACH(versions, outputs_outlive_other_plans)
{
    tn_session *s = open_session(*on);
    tn_plan *p[2];
    for (int i = 0; i < 2; i++) {
        tn_graph *g = new_graph(i ? "one" : "two");
        tn_value x = f32_input(g, "x", TN_SHAPE(tn_graph_symbol(g, "batch"), 4));
        tn_graph_output(g, "y", double_of(g, double_of(g, x)));
        p[i] = plan_of(s, g, 2 + 30 * i); /* the second makes the arena grow */
    }
    float x[128], y[8], want[8];
    for (int i = 0; i < 128; i++)
        x[i] = (float)i;
    for (int i = 0; i < 8; i++)
        want[i] = 4 * (float)i;
    set_f32(p[0], "x", x, 8);
    run(p[0]);
    set_f32(p[1], "x", x, 128);
    run(p[1]);
    get_f32(p[0], "y", y, 8);
    expect_bits(y, want, sizeof(want), "y");
}

/* Inputs set several times before a run, and not at all before the next. */
ON_EACH(versions, inputs_stay_until_set_again)
{
    tn_session *s = open_session(*on);
    tn_graph *g = new_graph("inputs");
    tn_value x = f32_input(g, "x", TN_SHAPE(2, 3)), a = step_input(g, "a"), b = step_input(g, "b");
    tn_graph_output(g, "y", tn_add(g, tn_mul(g, x, a), b));
    f32_input(g, "unused", TN_SHAPE(2));
    tn_plan *p = plan_of(s, g, 0);
    float data[6] = {1, 2, 3, 4, 5, 6}, got[6];
    for (int step = 0; step < 12; step++) {
        float a_now = (float)(1 + step / 2), shift = (float)(step / 3);
        for (int again = 0; again < 3 && step % 3 == 0; again++) {
            for (int i = 0; i < 6; i++)
                data[i] = (float)(i + step) - (again < 2 ? 100 : 0);
            set_f32(p, "x", data, 6);
        }
        if (step % 2 == 0)
            set_scalar(p, "a", a_now);
        set_scalar(p, "b", shift);
        run(p);
        float want[6];
        for (int i = 0; i < 6; i++)
            want[i] = (float)(i + step / 3 * 3) * a_now + shift;
        get_f32(p, "y", got, 6);
        expect_bits(got, want, sizeof(want), "y");
    }
    /* A strided view is gathered. */
    struct tn_error err = {0};
    tn_tensor *t = NULL, *view = NULL;
    struct tn_shape tall = TN_SHAPE(3, 2);
    check(tn_tensor_create(TN_F32, &tall, &t, &err), &err, "tensor");
    for (int i = 0; i < 6; i++)
        ((float *)tn_tensor_data(t))[i] = (float)i;
    check(tn_tensor_transpose(t, (uint32_t[]){1, 0}, &view, &err), &err, "transpose");
    check(tn_plan_set_input(p, "x", view, &err), &err, "set");
    set_scalar(p, "a", 1);
    set_scalar(p, "b", 0);
    run(p);
    get_f32(p, "y", got, 6);
    expect_bits(got, (float[]){0, 2, 4, 1, 3, 5}, sizeof(got), "transposed");
    tn_tensor_unref(&view);
    tn_tensor_unref(&t);
}

ON_EACH(versions, state_from_outside)
{
    tn_session *s = open_session(*on);
    tn_graph *g = new_graph("state");
    tn_value w = weights(g, "net/w", TN_SHAPE(2, 2));
    tn_value v = f32_state(g, "other", TN_SHAPE(2), TN_STATE_BUFFER, 4);
    tn_graph_output(g, "y", tn_add(g, w, v));
    plan_of(s, g, 0);
    float first[4], got[4];
    struct tn_error err = {0};
    state_f32(s, "net/w", first, 4);
    put_f32(s, "net/w", (float[]){1, 2, 3, 4}, 4);
    put_f32(s, "other", (float[]){5, 6}, 2);
    state_f32(s, "net/w", got, 4);
    expect_bits(got, (float[]){1, 2, 3, 4}, sizeof(got), "set");
    check(tn_session_reset_state(s, "net/", &err), &err, "reset");
    state_f32(s, "net/w", got, 4);
    expect_bits(got, first, sizeof(got), "reset fills from the same seed");
    state_f32(s, "other", got, 2);
    expect_bits(got, (float[]){5, 6}, 8, "not under the prefix");
    check(tn_session_reset_state(s, NULL, &err), &err, "reset");
    state_f32(s, "other", got, 2);
    expect_bits(got, (float[]){4, 4}, 8, "reset");
    cr_assert_eq(tn_session_state_count(s), 2);
    struct tn_state_info info;
    tn_session_state_info(s, 0, &info);
    cr_assert_str_eq(info.name, "net/w");
    cr_assert_eq(info.role, TN_STATE_PARAM);
    tn_tensor *t = NULL;
    cr_assert_eq(tn_session_get_state(s, "nowhere", &t, &err), TN_E_NOT_FOUND);
    /* Converted from another dtype; another shape is refused with both shapes. */
    struct tn_shape square = TN_SHAPE(2, 2), row = TN_SHAPE(4);
    check(tn_tensor_create(TN_I32, &square, &t, &err), &err, "tensor");
    ((int32_t *)tn_tensor_data(t))[3] = -3;
    check(tn_session_set_state(s, "net/w", t, &err), &err, "set");
    tn_tensor_unref(&t);
    state_f32(s, "net/w", got, 4);
    expect_bits(got, (float[]){0, 0, 0, -3}, sizeof(got), "converted");
    check(tn_tensor_create(TN_F32, &row, &t, &err), &err, "tensor");
    cr_assert_eq(tn_session_set_state(s, "net/w", t, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "[2, 2]") && strstr(err.msg, "[4]"), "%s", err.msg);
    tn_tensor_unref(&t);
}

/* --- messages; no device matters here --- */

Test(messages, inputs_and_outputs, .fini = close_all)
{
    tn_session *s = open_session(ON_REF);
    tn_graph *g = new_graph("net");
    tn_value x = f32_input(g, "x", TN_SHAPE(2, 3));
    tn_graph_output(g, "y", tn_relu(g, x));
    tn_plan *p = plan_of(s, g, 0);
    struct tn_error err = {0};
    float data[8] = {0};
    cr_assert_eq(tn_plan_run(p, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "'x'"), "%s", err.msg);
    cr_assert_eq(tn_plan_get_output_bytes(p, "y", data, 24, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "before any run"), "%s", err.msg);
    cr_assert_eq(tn_plan_set_input_bytes(p, "x", data, 20, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "[2, 3]") && strstr(err.msg, "24"), "%s", err.msg);
    cr_assert_eq(tn_plan_set_input_bytes(p, "z", data, 24, &err), TN_E_NOT_FOUND);
    cr_assert(strstr(err.msg, "it has: x"), "%s", err.msg);
    set_f32(p, "x", data, 6);
    run(p);
    cr_assert_eq(tn_plan_get_output_bytes(p, "y", data, 20, &err), TN_E_INVALID);
    cr_assert_eq(tn_plan_get_output_bytes(p, "w", data, 24, &err), TN_E_NOT_FOUND);
    tn_tensor *t = NULL;
    struct tn_shape wrong = TN_SHAPE(3, 2);
    check(tn_tensor_create(TN_F32, &wrong, &t, &err), &err, "tensor");
    cr_assert_eq(tn_plan_set_input(p, "x", t, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "[2, 3]") && strstr(err.msg, "[3, 2]"), "%s", err.msg);
    tn_tensor_unref(&t);
}

Test(messages, state_of_another_shape, .fini = close_all)
{
    tn_session *s = open_session(ON_REF);
    tn_graph *a = new_graph("a"), *b = new_graph("b");
    tn_graph_output(a, "y", weights(a, "w", TN_SHAPE(2, 3)));
    tn_value in_b[2] = {weights(b, "new", TN_SHAPE(3)), weights(b, "w", TN_SHAPE(3, 2))};
    tn_graph_output(b, "y", tn_op1(b, "neg", in_b[1], NULL, 0));
    plan_of(s, a, 0);
    struct tn_error err = {0};
    tn_plan *p = NULL;
    cr_assert_eq(tn_session_plan(s, b, NULL, 0, &p, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "'w'") && strstr(err.msg, "[2, 3]") && strstr(err.msg, "[3, 2]"),
              "%s", err.msg);
    cr_assert_eq(tn_session_state_count(s), 1, "nothing of the failed plan stays");
}

Test(messages, bindings, .fini = close_all)
{
    tn_session *s = open_session(ON_REF);
    tn_graph *g = new_graph("net");
    tn_graph_output(g, "y", tn_relu(g, f32_input(g, "x", TN_SHAPE(tn_graph_symbol(g, "batch")))));
    struct tn_error err = {0};
    tn_plan *p = NULL;
    struct tn_binding bad = {.symbol = "time", .value = 3};
    cr_assert_eq(tn_session_plan(s, g, NULL, 0, &p, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "batch"), "%s", err.msg);
    cr_assert_eq(tn_session_plan(s, g, &bad, 1, &p, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "time"), "%s", err.msg);
}

/* A graph may go while the session stays, and another may take its address. */
Test(messages, forget, .fini = close_all)
{
    tn_session *s = open_session(ON_REF);
    struct tn_error err = {0};
    for (int round = 0; round < 3; round++) {
        tn_graph *g = NULL;
        check(tn_graph_create("short", &g, &err), &err, "graph");
        tn_value w = f32_state(g, "w", TN_SHAPE(2), TN_STATE_BUFFER, 1);
        tn_graph_assign(g, w, double_of(g, w));
        run(plan_of(s, g, 0));
        tn_session_forget(s, g);
        cr_assert_eq(s->plans.n, 0);
        tn_graph_destroy(&g);
    }
    float got[2];
    state_f32(s, "w", got, 2);
    expect_bits(got, (float[]){8, 8}, sizeof(got), "w");
    tn_session_forget(s, NULL);
}

Test(messages, profile, .fini = close_all)
{
    open_session(ON_REF);
    struct tn_error err = {0};
    tn_device *dev = NULL;
    tn_session *s = NULL;
    check(tn_runtime_select(the_runtime(), "ref", &dev, &err), &err, "ref");
    struct tn_session_params sp = {.device = dev, .profile = 1};
    check(tn_session_create(the_runtime(), &sp, &s, &err), &err, "session");
    tn_graph *g = new_graph("net");
    tn_value x = f32_input(g, "x", TN_SHAPE(64, 64));
    tn_graph_output(g, "y", tn_matmul(g, x, tn_op1(g, "tanh", x, NULL, 0), 0, 0));
    tn_plan *p = plan_of(s, g, 0);
    static float data[64 * 64];
    set_f32(p, "x", data, 64 * 64);
    run(p);
    for (size_t i = 0; i < 2; i++) {
        struct tn_plan_node n;
        tn_plan_node(p, i, &n);
        cr_assert_gt(n.time_ns, 0, "%s", n.op);
    }
    tn_session_destroy(&s);
}
