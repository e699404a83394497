/* What a session promises: many plans over one state. Every expected number is computed here, in
 * plain C, from the same inputs. */
#include <math.h>
#include <string.h>

#include "support.h"

#define RTOL 1e-5
#define ATOL 1e-6

/* y[n, m] = a[n, k] b[k, m] */
static void product(const float *a, const float *b, float *y, int n, int k, int m)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++) {
            double sum = 0;
            for (int l = 0; l < k; l++)
                sum += (double)a[i * k + l] * (double)b[l * m + j];
            y[i * m + j] = (float)sum;
        }
}

/* sum over the rows of a[n, k], times `mul`: gradient of sum(a @ w) for w [k, 1] */
static void column_sums(const float *a, float *y, int n, int k)
{
    for (int j = 0; j < k; j++) {
        double sum = 0;
        for (int i = 0; i < n; i++)
            sum += (double)a[i * k + j];
        y[j] = (float)sum;
    }
}

/* loss = sum(x @ w); w -= lr * grad */
static tn_graph *linear_step(const char *name, int updates)
{
    tn_graph *g = new_graph(name);
    tn_value x = f32_input(g, "x", TN_SHAPE(tn_graph_symbol(g, "batch"), 3));
    tn_value w = weights(g, "w", TN_SHAPE(3, 1));
    tn_value loss = tn_sum(g, tn_matmul(g, x, w, 0, 0), NULL, 0, 0), grad;
    tn_graph_output(g, "loss", loss);
    if (updates) {
        tn_graph_gradients(g, loss, &w, 1, &grad);
        sgd(g, w, grad, step_scalars(g));
    }
    return g;
}

ON_EACH(session, partial_batch_planned_before_step_1)
{
    tn_session *s = open_session(*on);
    tn_graph *g = linear_step("train", 1);
    tn_plan *full = plan_of(s, g, 4), *part = plan_of(s, g, 3);
    cr_assert_neq(full, part);
    cr_assert_eq(plan_of(s, g, 4), full, "a plan is cached by graph and binding");
    float x[7 * 3], w[3], grad[3], loss, want;
    noise(x, 21, 1);
    state_f32(s, "w", w, 3);
    for (int epoch = 0; epoch < 3; epoch++) {
        for (int part_now = 0; part_now < 2; part_now++) {
            tn_plan *p = part_now ? part : full;
            const float *rows = part_now ? x + 12 : x;
            int n = part_now ? 3 : 4;
            set_f32(p, "x", rows, (size_t)n * 3);
            set_step(p, 0.5f, 1, 1);
            run(p);
            get_f32(p, "loss", &loss, 1);
            column_sums(rows, grad, n, 3);
            product(grad, w, &want, 1, 3, 1);
            expect_close(&loss, &want, 1, RTOL, ATOL, "loss");
            for (int i = 0; i < 3; i++)
                w[i] -= 0.5f * grad[i];
        }
    }
    float got[3];
    state_f32(s, "w", got, 3);
    expect_close(got, w, 3, RTOL, ATOL, "w");
}

/* The step of one player: fake = z @ gw, score = fake @ dw. `detach` trains the judge. */
static tn_graph *gan_step(int judge)
{
    tn_graph *g = new_graph(judge ? "judge" : "maker");
    tn_value z = f32_input(g, "z", TN_SHAPE(4, 2));
    tn_value gw = weights(g, "gw", TN_SHAPE(2, 3)), dw = weights(g, "dw", TN_SHAPE(3, 1)), grads[2];
    tn_value fake = tn_matmul(g, z, gw, 0, 0), score;
    if (judge) {
        tn_value x = f32_input(g, "x", TN_SHAPE(4, 3));
        fake = tn_stop_gradient(g, fake);
        score = tn_sub(g, tn_matmul(g, fake, dw, 0, 0), tn_matmul(g, x, dw, 0, 0));
    } else {
        score = tn_op1(g, "neg", tn_matmul(g, fake, dw, 0, 0), NULL, 0);
    }
    tn_value loss = tn_sum(g, score, NULL, 0, 0), wrt[2] = {gw, dw};
    tn_graph_gradients(g, loss, wrt, 2, grads);
    tn_graph_output(g, "loss", loss);
    tn_graph_output(g, "grad_gw", grads[0]);
    sgd(g, judge ? dw : gw, grads[judge ? 1 : 0], step_scalars(g));
    return g;
}

ON_EACH(session, gan)
{
    tn_session *s = open_session(*on);
    tn_plan *judge = plan_of(s, gan_step(1), 0), *maker = plan_of(s, gan_step(0), 0);
    float z[8], x[12], gw[6], dw[3], fake[12], sums[3], want, loss, got[6], zero[6] = {0};
    state_f32(s, "gw", gw, 6);
    state_f32(s, "dw", dw, 3);
    for (int step = 0; step < 6; step++) {
        float fake_sum[3], x_sum[3], z_sum[2];
        noise(z, 8, 100 + (uint64_t)step);
        noise(x, 12, 200 + (uint64_t)step);
        product(z, gw, fake, 4, 2, 3);
        column_sums(fake, fake_sum, 4, 3);
        column_sums(x, x_sum, 4, 3);
        column_sums(z, z_sum, 4, 2);
        for (int i = 0; i < 3; i++)
            sums[i] = step % 2 == 0 ? fake_sum[i] - x_sum[i] : -fake_sum[i];
        product(sums, dw, &want, 1, 3, 1);
        tn_plan *p = step % 2 == 0 ? judge : maker;
        set_f32(p, "z", z, 8);
        if (p == judge)
            set_f32(p, "x", x, 12);
        set_step(p, 0.1f, 1, 1);
        run(p);
        get_f32(p, "loss", &loss, 1);
        expect_close(&loss, &want, 1, 1e-4, 1e-5, "loss");
        if (p == judge) {
            get_f32(p, "grad_gw", got, 6);
            expect_bits(got, zero, sizeof(zero), "gradient behind the detach");
            state_f32(s, "gw", got, 6);
            expect_close(got, gw, 6, RTOL, ATOL, "gw after the judge's step");
            for (int i = 0; i < 3; i++)
                dw[i] -= 0.1f * sums[i];
        } else { /* d loss / d gw[a, b] = -sum_n z[n, a] dw[b] */
            for (int a = 0; a < 2; a++)
                for (int b = 0; b < 3; b++)
                    gw[a * 3 + b] += 0.1f * z_sum[a] * dw[b];
        }
    }
    state_f32(s, "gw", got, 6);
    expect_close(got, gw, 6, 1e-4, 1e-5, "gw");
    state_f32(s, "dw", got, 3);
    expect_close(got, dw, 3, 1e-4, 1e-5, "dw");
}

/* Squared error of a small net; sums, so that micro-batches of any size add up. */
static tn_value net_loss(tn_graph *g, tn_value wrt[2])
{
    int64_t batch = tn_graph_symbol(g, "batch");
    tn_value x = f32_input(g, "x", TN_SHAPE(batch, 3)), t = f32_input(g, "t", TN_SHAPE(batch, 2));
    wrt[0] = weights(g, "w1", TN_SHAPE(3, 5));
    wrt[1] = weights(g, "w2", TN_SHAPE(5, 2));
    tn_value h = tn_op1(g, "tanh", tn_matmul(g, x, wrt[0], 0, 0), NULL, 0);
    tn_value d = tn_sub(g, tn_matmul(g, h, wrt[1], 0, 0), t);
    return tn_sum(g, tn_mul(g, d, d), NULL, 0, 0);
}

static const char *const acc_names[2] = {"w1/acc", "w2/acc"};
static const int64_t net_shapes[2][2] = {{3, 5}, {5, 2}};

static tn_value accumulator(tn_graph *g, int i)
{
    return f32_state(g, acc_names[i], tn_shape_make(net_shapes[i], 2), TN_STATE_ACCUM, 0);
}

static tn_graph *accumulate_step(void)
{
    tn_graph *g = new_graph("accumulate");
    tn_value wrt[2], grads[2], loss = net_loss(g, wrt), reset = step_input(g, "reset");
    tn_graph_gradients(g, loss, wrt, 2, grads);
    for (int i = 0; i < 2; i++) {
        tn_value acc = accumulator(g, i);
        tn_graph_assign(g, acc, tn_op3(g, "accumulate", acc, grads[i], reset, NULL, 0));
    }
    return g;
}

static tn_graph *apply_step(void)
{
    tn_graph *g = new_graph("apply");
    struct step_scalars sc = step_scalars(g);
    const char *names[2] = {"w1", "w2"};
    for (int i = 0; i < 2; i++)
        sgd(g, weights(g, names[i], tn_shape_make(net_shapes[i], 2)), accumulator(g, i), sc);
    return g;
}

static tn_graph *whole_step(void)
{
    tn_graph *g = new_graph("whole");
    tn_value wrt[2], grads[2], loss = net_loss(g, wrt);
    struct step_scalars sc = step_scalars(g);
    tn_graph_gradients(g, loss, wrt, 2, grads);
    for (int i = 0; i < 2; i++)
        sgd(g, wrt[i], grads[i], sc);
    return g;
}

ON_EACH(session, accumulation_equals_one_batch)
{
    tn_session *s = open_session(*on), *other = open_second();
    tn_graph *acc = accumulate_step();
    tn_plan *parts[3] = {plan_of(s, acc, 4), plan_of(s, acc, 2), plan_of(s, acc, 1)};
    static const int sizes[3] = {4, 2, 1};
    tn_plan *apply = plan_of(s, apply_step(), 0), *whole = plan_of(other, whole_step(), 7);
    float x[21], t[14], a[15], b[15], before[15];
    state_f32(s, "w1", before, 15);
    for (int step = 0; step < 3; step++) {
        noise(x, 21, 10 + (uint64_t)step);
        noise(t, 14, 20 + (uint64_t)step);
        for (int i = 0, row = 0; i < 3; row += sizes[i++]) {
            set_f32(parts[i], "x", x + row * 3, (size_t)sizes[i] * 3);
            set_f32(parts[i], "t", t + row * 2, (size_t)sizes[i] * 2);
            set_scalar(parts[i], "reset", i == 0);
            run(parts[i]);
        }
        set_step(apply, 0.2f, 1.0f / 7, 1);
        run(apply);
        set_f32(whole, "x", x, 21);
        set_f32(whole, "t", t, 14);
        set_step(whole, 0.2f, 1.0f / 7, 1);
        run(whole);
    }
    state_f32(s, "w1", a, 15);
    state_f32(other, "w1", b, 15);
    expect_close(a, b, 15, RTOL, ATOL, "w1");
    cr_assert(fabs((double)a[0] - (double)before[0]) > 1e-4, "nothing was learnt");
    state_f32(s, "w2", a, 10);
    state_f32(other, "w2", b, 10);
    expect_close(a, b, 10, RTOL, ATOL, "w2");
}

/* Adam with its slots and counter, momentum sgd, running statistics: all that a step may change. */
static tn_graph *full_step(void)
{
    tn_graph *g = new_graph("full");
    tn_value x = f32_input(g, "x", TN_SHAPE(4, 3)), w = weights(g, "w", TN_SHAPE(3));
    tn_value v = weights(g, "v", TN_SHAPE(3)), wrt[2] = {w, v}, grads[2], out[4], bn[4];
    tn_graph_op(g, "batch_norm", (tn_value[]){x, w, v}, 3, NULL, 0, bn, 4);
    struct step_scalars sc = step_scalars(g);
    tn_value loss = tn_sum(g, tn_mul(g, bn[0], bn[0]), NULL, 0, 0);
    tn_graph_gradients(g, loss, wrt, 2, grads);
    struct tn_state_params step_p = {
        .name = "step", .dtype = TN_I64, .shape = TN_SCALAR, .role = TN_STATE_SLOT, .slot = "step"};
    tn_value step = tn_graph_state(g, &step_p);
    tn_value next = tn_op2(g, "counter_add", step, sc.apply, NULL, 0);
    tn_graph_assign(g, step, next);
    tn_value m = f32_state(g, "w/m", TN_SHAPE(3), TN_STATE_SLOT, 0);
    tn_value v2 = f32_state(g, "w/v", TN_SHAPE(3), TN_STATE_SLOT, 0);
    tn_value mom = f32_state(g, "v/velocity", TN_SHAPE(3), TN_STATE_SLOT, 0);
    struct tn_attr betas[2] = {TN_AF("beta1", 0.9), TN_AF("beta2", 0.999)};
    tn_value corr = tn_op1(g, "bias_correction", next, betas, 2);
    tn_graph_op(g, "adam", (tn_value[]){w, grads[0], m, v2, corr, sc.lr, sc.grad_mul, sc.apply}, 8,
                NULL, 0, out, 3);
    tn_graph_assign(g, w, out[0]);
    tn_graph_assign(g, m, out[1]);
    tn_graph_assign(g, v2, out[2]);
    tn_graph_op(g, "sgd", (tn_value[]){v, grads[1], mom, sc.lr, sc.grad_mul, sc.apply}, 6,
                (struct tn_attr[]){TN_AF("momentum", 0.9)}, 1, out, 2);
    tn_graph_assign(g, v, out[0]);
    tn_graph_assign(g, mom, out[1]);
    for (int i = 0; i < 2; i++) {
        tn_value run_stat = f32_state(g, i ? "var" : "mean", TN_SHAPE(3), TN_STATE_BUFFER, i);
        tn_graph_assign(g, run_stat,
                        tn_op3(g, "ema_update", run_stat, bn[i ? 3 : 1], sc.apply, NULL, 0));
    }
    tn_graph_output(g, "loss", loss);
    return g;
}

ON_EACH(session, apply_0_changes_no_bit)
{
    tn_session *s = open_session(*on);
    tn_plan *p = plan_of(s, full_step(), 0);
    struct tn_error err = {0};
    float x[12];
    unsigned char before[16][64] = {{0}};
    size_t n = tn_session_state_count(s);
    cr_assert_eq(n, 8);
    for (int step = 0; step < 5; step++) { /* apply, apply, skip with NaN, skip, apply */
        float apply = step == 2 || step == 3 ? 0.0f : 1.0f;
        noise(x, 12, 40 + (uint64_t)step);
        if (step == 2)
            x[5] = NAN;
        set_f32(p, "x", x, 12);
        set_step(p, 0.1f, 1, apply);
        run(p);
        for (size_t i = 0; i < n; i++) {
            struct tn_state_info info;
            tn_tensor *t = NULL;
            tn_session_state_info(s, i, &info);
            check(tn_session_get_state(s, info.name, &t, &err), &err, info.name);
            int same = memcmp(before[i], tn_tensor_const_data(t), tn_tensor_bytes(t)) == 0;
            cr_assert_eq(same, apply == 0, "state '%s' after step %d", info.name, step);
            memcpy(before[i], tn_tensor_const_data(t), tn_tensor_bytes(t));
            tn_tensor_unref(&t);
        }
    }
}

ON_EACH(session, decode_loop_fills_a_cache)
{
    enum { CAP = 8, WIDTH = 4 };
    tn_session *s = open_session(*on);
    tn_graph *g = new_graph("decode");
    struct tn_shape two = TN_SHAPE(2);
    tn_value x = f32_input(g, "x", TN_SHAPE(1, WIDTH));
    tn_value at = tn_graph_input(g, "at", TN_I64, &two, TN_INPUT_STEP);
    tn_value cache = f32_state(g, "cache", TN_SHAPE(CAP, WIDTH), TN_STATE_CACHE, 0);
    tn_value next = tn_op3(g, "dynamic_update_slice", cache, x, at, NULL, 0);
    int64_t axis = 0;
    tn_graph_assign(g, cache, next);
    tn_graph_output(g, "sum", tn_sum(g, next, &axis, 1, 0));
    tn_graph_output(g, "old_sum", tn_sum(g, cache, &axis, 1, 0));
    tn_plan *p = plan_of(s, g, 0);
    float row[WIDTH], want[CAP * WIDTH] = {0}, sum[WIDTH] = {0}, old[WIDTH] = {0}, got[CAP * WIDTH];
    struct tn_error err = {0};
    for (int64_t pos = 0; pos < CAP; pos++) {
        int64_t start[2] = {pos, 0};
        noise(row, WIDTH, 60 + (uint64_t)pos);
        set_f32(p, "x", row, WIDTH);
        check(tn_plan_set_input_bytes(p, "at", start, sizeof(start), &err), &err, "at");
        run(p);
        memcpy(want + pos * WIDTH, row, sizeof(row));
        get_f32(p, "old_sum", got, WIDTH);
        expect_close(got, old, WIDTH, RTOL, ATOL, "sum of the old version");
        column_sums(want, sum, CAP, WIDTH);
        get_f32(p, "sum", got, WIDTH);
        expect_close(got, sum, WIDTH, RTOL, ATOL, "sum of the new version");
        memcpy(old, sum, sizeof(sum));
    }
    state_f32(s, "cache", got, CAP * WIDTH);
    expect_bits(got, want, sizeof(want), "cache");
}

/* Training updates the running mean and variance that evaluation reads. */
ON_EACH(session, train_and_eval_share_statistics)
{
    enum { N = 4, C = 3 };
    tn_session *s = open_session(*on);
    tn_graph *train = new_graph("train"), *eval = new_graph("eval");
    tn_value mean, var, bn[4];
    tn_value x = f32_input(train, "x", TN_SHAPE(N, C));
    tn_value scale = f32_state(train, "scale", TN_SHAPE(C), TN_STATE_PARAM, 2);
    tn_value bias = f32_state(train, "bias", TN_SHAPE(C), TN_STATE_PARAM, 0.5);
    mean = f32_state(train, "mean", TN_SHAPE(C), TN_STATE_BUFFER, 0);
    var = f32_state(train, "var", TN_SHAPE(C), TN_STATE_BUFFER, 1);
    tn_value apply = step_input(train, "apply");
    struct tn_attr keep = TN_AF("momentum", 0.75);
    tn_graph_op(train, "batch_norm", (tn_value[]){x, scale, bias}, 3, NULL, 0, bn, 4);
    tn_graph_assign(train, mean, tn_op3(train, "ema_update", mean, bn[1], apply, &keep, 1));
    tn_graph_assign(train, var, tn_op3(train, "ema_update", var, bn[3], apply, &keep, 1));
    tn_graph_output(train, "y", bn[0]);
    x = f32_input(eval, "x", TN_SHAPE(N, C));
    tn_value in[5] = {x, f32_state(eval, "scale", TN_SHAPE(C), TN_STATE_PARAM, 2),
                      f32_state(eval, "bias", TN_SHAPE(C), TN_STATE_PARAM, 0.5),
                      f32_state(eval, "mean", TN_SHAPE(C), TN_STATE_BUFFER, 0),
                      f32_state(eval, "var", TN_SHAPE(C), TN_STATE_BUFFER, 1)};
    tn_value y;
    tn_graph_op(eval, "batch_norm_inference", in, 5, NULL, 0, &y, 1);
    tn_graph_output(eval, "y", y);
    tn_plan *pt = plan_of(s, train, 0), *pe = plan_of(s, eval, 0);
    float data[N * C], m[C] = {0}, v[C] = {1, 1, 1}, want[N * C], got[N * C];
    for (int step = 0; step < 3; step++) {
        noise(data, N * C, 70 + (uint64_t)step);
        set_f32(pt, "x", data, N * C);
        set_scalar(pt, "apply", 1);
        run(pt);
        for (int c = 0; c < C; c++) {
            double sum = 0, square = 0;
            for (int n = 0; n < N; n++)
                sum += (double)data[n * C + c];
            for (int n = 0; n < N; n++)
                square += pow((double)data[n * C + c] - sum / N, 2);
            m[c] = 0.75f * m[c] + 0.25f * (float)(sum / N);
            v[c] = 0.75f * v[c] + 0.25f * (float)(square / N);
        }
        set_f32(pe, "x", data, N * C);
        run(pe);
        for (int i = 0; i < N * C; i++)
            want[i] = (data[i] - m[i % C]) / sqrtf(v[i % C] + 1e-3f) * 2 + 0.5f;
        get_f32(pe, "y", got, N * C);
        expect_close(got, want, N * C, 1e-4, 1e-5, "y");
    }
}
