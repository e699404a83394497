/* Every optimizer, with its options as a recipe gives them, trains a small net step by step as
 * PyTorch does, on every backend. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../plan/support.h"
#include "nn/optimizer.h"

#define MAX_OPTIONS 8
#define MAX_STEPS 16
#define N_WEIGHTS 26

struct trajectory {
    const char *type;
    struct {
        const char *name;
        double value;
    } options[MAX_OPTIONS];
    double loss[MAX_STEPS];
    double end[N_WEIGHTS];
};
#include "../golden/trajectories.h"

enum { N_PARAMS = 4, N_TRAJECTORIES = sizeof(trajectories) / sizeof(trajectories[0]) };
static const char *const names[N_PARAMS] = {"w1", "b1", "w2", "b2"};
static const struct tn_shape shapes[N_PARAMS] = {{.rank = 2, .dim = {3, 4}},
                                                 {.rank = 1, .dim = {4}},
                                                 {.rank = 2, .dim = {4, 2}},
                                                 {.rank = 1, .dim = {2}}};
static const float *const starts[N_PARAMS] = {start_0, start_1, start_2, start_3};
static const size_t counts[N_PARAMS] = {12, 4, 8, 2};

static struct tn_attr option_attr(const struct tn_component *component, const char *name,
                                  double value)
{
    struct tn_attr number = TN_AF(name, value), flag = TN_AI(name, (int64_t)value);
    for (size_t i = 0; i < component->n_options; i++)
        if (strcmp(component->options[i].name, name) == 0 &&
            component->options[i].type == TN_OPTION_BOOL)
            number = flag;
    return number;
}

static tn_value loss_of(tn_graph *g, const tn_value *p)
{
    tn_value x = f32_input(g, "x", TN_SHAPE(N_SAMPLES, 3));
    tn_value target = f32_input(g, "target", TN_SHAPE(N_SAMPLES, 2));
    tn_value hidden = tn_add(g, tn_op2(g, "matmul", x, p[0], NULL, 0), p[1]);
    hidden = tn_op1(g, "tanh", hidden, NULL, 0);
    tn_value y = tn_add(g, tn_op2(g, "matmul", hidden, p[2], NULL, 0), p[3]);
    tn_value error = tn_sub(g, y, target);
    return tn_sum(g, tn_mul(g, error, error), NULL, 0, 0);
}

static void emit_updates(tn_graph *g, const struct trajectory *t, const tn_value *p,
                         const tn_value *grad)
{
    const struct tn_optimizer *optimizer = tn_optimizer_find(t->type);
    cr_assert(optimizer, "there is no optimizer '%s'", t->type);
    struct tn_attr given[MAX_OPTIONS];
    struct tn_error err = {TN_OK, ""};
    size_t n = 0;
    for (; n < MAX_OPTIONS && t->options[n].name; n++)
        given[n] = option_attr(&optimizer->component, t->options[n].name, t->options[n].value);
    check(tn_component_check(&optimizer->component, "optimizer", given, n, &err), &err, t->type);
    struct step_scalars s = step_scalars(g);
    struct tn_state_params count = {
        .name = "step", .dtype = TN_I64, .role = TN_STATE_SLOT, .slot = "step"};
    tn_value step = tn_graph_state(g, &count);
    tn_value next = tn_op2(g, "counter_add", step, s.apply, NULL, 0);
    tn_graph_assign(g, step, next);
    struct tn_state_params info[N_PARAMS];
    for (int i = 0; i < N_PARAMS; i++)
        info[i] = (struct tn_state_params){
            .name = names[i], .dtype = TN_F32, .shape = shapes[i], .role = TN_STATE_PARAM};
    struct tn_optimizer_ctx ctx = {
        .graph = g,
        .options = {&optimizer->component, given, n},
        .inputs = {.lr = s.lr, .grad_mul = s.grad_mul, .apply = s.apply, .step = next},
        .correction = TN_NONE,
        .first = &info[0]};
    double clip_norm = tn_options_float(&ctx.options, "clip_norm");
    if (clip_norm > 0)
        ctx.inputs.grad_mul =
            tn_optimizer_clip_norm(g, grad, N_PARAMS, ctx.inputs.grad_mul, clip_norm);
    if (optimizer->prepare)
        ctx.correction = optimizer->prepare(&ctx);
    for (int i = 0; i < N_PARAMS; i++)
        optimizer->update(&ctx, &info[i], p[i], grad[i]);
}

static void expect_near(double got, double want, int on, const struct trajectory *t,
                        const char *what, int at)
{
    cr_expect(fabs(got - want) <= 2e-5 * (1 + fabs(want)),
              "%s (%s %g, ...) on %s: %s %d is %.9g, not %.9g", t->type,
              t->options[1].name ? t->options[1].name : "-", t->options[1].value, backend_names[on],
              what, at, got, want);
}

static void follow(int on, const struct trajectory *t)
{
    tn_value p[N_PARAMS], grad[N_PARAMS];
    struct tn_error err = {TN_OK, ""};
    tn_session *session = open_session(on);
    tn_graph *g = new_graph("trajectory");
    for (int i = 0; i < N_PARAMS; i++)
        p[i] = f32_state(g, names[i], shapes[i], TN_STATE_PARAM, 0);
    tn_value loss = loss_of(g, p);
    tn_graph_output(g, "loss", loss);
    tn_graph_gradients(g, loss, p, N_PARAMS, grad);
    emit_updates(g, t, p, grad);
    check(tn_graph_check(g, &err), &err, t->type);
    tn_plan *plan = plan_of(session, g, 0);
    for (int i = 0; i < N_PARAMS; i++)
        put_f32(session, names[i], starts[i], counts[i]);
    set_f32(plan, "x", data_x, N_SAMPLES * 3);
    set_f32(plan, "target", data_y, N_SAMPLES * 2);
    for (int step = 0; step < N_STEPS; step++) {
        float sum;
        set_step(plan, (float)t->options[0].value, 1.0f / N_SAMPLES, 1);
        run(plan);
        get_f32(plan, "loss", &sum, 1);
        expect_near((double)sum / N_SAMPLES, t->loss[step], on, t, "loss", step);
        if (step % 5 == 2) { /* a step that is not applied leaves no trace */
            set_step(plan, NAN, 1.0f / N_SAMPLES, 0);
            run(plan);
        }
    }
    for (int i = 0, at = 0; i < N_PARAMS; i++) {
        float end[12];
        state_f32(session, names[i], end, counts[i]);
        for (size_t e = 0; e < counts[i]; e++, at++)
            expect_near((double)end[e], t->end[at], on, t, "weight", at);
    }
    close_all();
}

ON_EACH(trajectories, as_pytorch)
{
    cr_assert_geq(N_TRAJECTORIES, 12);
    for (int i = 0; i < N_TRAJECTORIES; i++)
        follow(*on, &trajectories[i]);
}

/* With the option `key`. */
static int is_followed(const char *type, const char *key)
{
    for (int i = 0; i < N_TRAJECTORIES; i++)
        for (size_t k = 0; strcmp(trajectories[i].type, type) == 0 && k < MAX_OPTIONS; k++) {
            const char *name = trajectories[i].options[k].name;
            if (name && strcmp(name, key) == 0)
                return 1;
        }
    return 0;
}

/* Each option of each optimizer is in one of them. */
Test(trajectories, cover_the_table)
{
    for (size_t o = 0; o < tn_optimizer_count(); o++) {
        const struct tn_component *c = &tn_optimizer_at(o)->component;
        for (size_t i = 0; i < c->n_options; i++)
            cr_expect(is_followed(c->name, c->options[i].name), "%s with %s: no trajectory of it",
                      c->name, c->options[i].name);
    }
}

/* More gradients than the operator takes: norms of norms. 40 of [3], each (2, 3, 6): norm 7. */
ON_EACH(trajectories, norm_of_many)
{
    enum { N = 40 };
    static const float part[3] = {2, 3, 6};
    tn_session *session = open_session(*on);
    tn_graph *g = new_graph("norm");
    tn_value grads[N];
    char name[16];
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof(name), "g%d", i);
        grads[i] = f32_input(g, name, TN_SHAPE(3));
    }
    tn_value mul = step_input(g, "grad_mul");
    tn_graph_output(g, "tight", tn_optimizer_clip_norm(g, grads, N, mul, 2));
    tn_graph_output(g, "loose", tn_optimizer_clip_norm(g, grads, N, mul, 100));
    tn_plan *plan = plan_of(session, g, 0);
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof(name), "g%d", i);
        set_f32(plan, name, part, 3);
    }
    set_scalar(plan, "grad_mul", 0.5f);
    run(plan);
    float tight, loose;
    get_f32(plan, "tight", &tight, 1);
    get_f32(plan, "loose", &loose, 1);
    double norm = 7 * sqrt((double)N) * 0.5;
    cr_expect_float_eq((double)tight, 0.5 * 2 / norm, 1e-6);
    cr_expect_eq(loose, 0.5f);
    close_all();
}
