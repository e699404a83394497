/* Suites trajectory, random and claims: a small network through sessions on the device and on ref,
 * and optimizer operators fed with their own results. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "graphs.h"
#include "runtime/session.h"
#include "suites.h"

#define N_STEPS 6
#define N_IN 12
#define N_HIDDEN 20
#define N_OUT 5
#define N_BATCH 16

/* --- a network of two layers, trained by momentum --- */

static tn_value state(tn_graph *g, const char *name, struct tn_shape shape, double limit)
{
    struct tn_state_params p = {
        .name = name,
        .dtype = TN_F32,
        .shape = shape,
        .role = limit > 0 ? TN_STATE_PARAM : TN_STATE_SLOT,
        .slot = limit > 0 ? NULL : "velocity",
        .init = {.kind = limit > 0 ? TN_INIT_UNIFORM : TN_INIT_ZEROS, .a = -limit, .b = limit}};
    return tn_graph_state(g, &p);
}

static tn_status make_network(tn_graph **out_graph, struct tn_error *err)
{
    static const char *const names[] = {"w1", "b1", "w2", "b2"};
    static const char *const slots[] = {"v_w1", "v_b1", "v_w2", "v_b2"};
    const struct tn_shape shapes[] = {TN_SHAPE(N_IN, N_HIDDEN), TN_SHAPE(N_HIDDEN),
                                      TN_SHAPE(N_HIDDEN, N_OUT), TN_SHAPE(N_OUT)};
    const struct tn_attr momentum = TN_AF("momentum", 0.9);
    tn_graph *g = NULL;
    tn_value p[4], d[4], v[4];
    tn_status st = tn_graph_create("two_layers", &g, err);
    if (st != TN_OK)
        return st;
    tn_value x = tn_graph_input(g, "x", TN_F32, &TN_SHAPE(N_BATCH, N_IN), TN_INPUT_DATA);
    tn_value y = tn_graph_input(g, "y", TN_F32, &TN_SHAPE(N_BATCH, N_OUT), TN_INPUT_DATA);
    for (int i = 0; i < 4; i++) {
        p[i] = state(g, names[i], shapes[i], 0.5);
        v[i] = state(g, slots[i], shapes[i], 0);
    }
    tn_value h = tn_op1(g, "tanh", tn_add(g, tn_matmul(g, x, p[0], 0, 0), p[1]), NULL, 0);
    tn_value out = tn_add(g, tn_matmul(g, tn_relu(g, h), p[2], 0, 0), p[3]);
    tn_value loss = tn_mean(g, tn_op1(g, "square", tn_sub(g, out, y), NULL, 0), NULL, 0, 0);
    tn_graph_gradients(g, loss, p, 4, d);
    tn_value lr = tn_graph_scalar(g, TN_F32, 0.1), one = tn_graph_scalar(g, TN_F32, 1);
    for (int i = 0; i < 4; i++) {
        tn_value in[] = {p[i], d[i], v[i], lr, one, one}, updated[2];
        tn_graph_op(g, "sgd", in, 6, &momentum, 1, updated, 2);
        tn_graph_assign(g, p[i], updated[0]);
        tn_graph_assign(g, v[i], updated[1]);
    }
    tn_graph_output(g, "loss", loss);
    st = tn_graph_check(g, err);
    if (st == TN_OK)
        *out_graph = g;
    else
        tn_graph_destroy(&g);
    return st;
}

struct outcome {
    float loss[N_STEPS];
    float w1[N_IN * N_HIDDEN], b2[N_OUT];
};

static void fill(float *values, size_t n, uint64_t key)
{
    for (size_t i = 0; i < n; i++)
        values[i] = (float)op_random(key, i);
}

static tn_status step(tn_session *session, tn_graph *graph, int n, float *out_loss,
                      struct tn_error *err)
{
    float x[N_BATCH * N_IN], y[N_BATCH * N_OUT];
    tn_plan *plan = NULL;
    fill(x, N_BATCH * N_IN, 100 + (uint64_t)n);
    fill(y, N_BATCH * N_OUT, 200 + (uint64_t)n);
    tn_status st = tn_session_plan(session, graph, NULL, 0, &plan, err);
    if (st == TN_OK)
        st = tn_plan_set_input_bytes(plan, "x", x, sizeof(x), err);
    if (st == TN_OK)
        st = tn_plan_set_input_bytes(plan, "y", y, sizeof(y), err);
    if (st == TN_OK)
        st = tn_plan_run(plan, err);
    return st == TN_OK ? tn_plan_get_output_bytes(plan, "loss", out_loss, sizeof(*out_loss), err)
                       : st;
}

static tn_status train(tn_runtime *runtime, tn_device *device, int no_claims, struct outcome *out,
                       struct tn_error *err)
{
    tn_device *none[1] = {NULL};
    struct tn_session_params params = {.device = device,
                                       .fallback = none,
                                       .n_fallback = 0,
                                       .seed = 7,
                                       .strict = 1,
                                       .no_quarantine = 1};
    tn_session *session = NULL;
    tn_graph *graph = NULL;
    tn_status st = make_network(&graph, err);
    if (st == TN_OK)
        st = tn_session_create(runtime, &params, &session, err);
    if (st == TN_OK)
        session->debug.no_claims = no_claims;
    for (int n = 0; st == TN_OK && n < N_STEPS; n++)
        st = step(session, graph, n, &out->loss[n], err);
    if (st == TN_OK)
        st = tn_session_get_state_bytes(session, "w1", out->w1, sizeof(out->w1), err);
    if (st == TN_OK)
        st = tn_session_get_state_bytes(session, "b2", out->b2, sizeof(out->b2), err);
    tn_session_destroy(&session);
    tn_graph_destroy(&graph);
    return st;
}

static enum cf_verdict not_trained(struct cf_result *result, tn_status st,
                                   const struct tn_error *err)
{
    return st == TN_E_UNSUPPORTED ? cf_set(result, CF_UNSUPPORTED, "%.500s", err->msg)
                                  : cf_fail(result, "%.500s", err->msg);
}

/* Every number of two outcomes; rounding may add up over the steps. */
static enum cf_verdict expect_close(const struct outcome *got, const struct outcome *want,
                                    struct cf_result *result)
{
    const float *a = (const float *)got, *b = (const float *)want;
    for (size_t i = 0; i < sizeof(*got) / sizeof(float); i++) {
        double allowed = N_STEPS * 1e-5 * (fabs((double)b[i]) + 0.5);
        double share = fabs((double)a[i] - (double)b[i]) / allowed;
        if (share > result->worst)
            result->worst = share;
        if (!(share <= 1.0))
            return cf_fail(result, "after %d steps a number is %.9g, expected %.9g", N_STEPS,
                           (double)a[i], (double)b[i]);
    }
    return CF_PASSED;
}

static enum cf_verdict network(struct cf_device *dev, struct cf_result *result)
{
    static struct outcome got, again, want;
    struct tn_error err = {TN_OK, ""};
    tn_status st = train(dev->runtime, dev->device, 0, &got, &err);
    if (st == TN_OK)
        st = train(dev->runtime, dev->device, 0, &again, &err);
    if (st == TN_OK)
        st = train(dev->runtime, tn_runtime_ref_device(dev->runtime), 0, &want, &err);
    if (st != TN_OK)
        return not_trained(result, st, &err);
    if (memcmp(&got, &again, sizeof(got)) != 0)
        return cf_fail(result, "two runs with one seed differ in their bits");
    return expect_close(&got, &want, result);
}

static enum cf_verdict fused(struct cf_device *dev, struct cf_result *result)
{
    static struct outcome got, want;
    struct tn_error err = {TN_OK, ""};
    if (!dev->api->propose)
        return cf_set(result, CF_SKIPPED, "this backend proposes no claims");
    tn_status st = train(dev->runtime, dev->device, 0, &got, &err);
    if (st == TN_OK)
        st = train(dev->runtime, dev->device, 1, &want, &err);
    if (st != TN_OK)
        return not_trained(result, st, &err);
    return expect_close(&got, &want, result);
}

const struct cf_check cf_claims_checks[] = {{"fused_network", fused, 0}};
const size_t cf_n_claims_checks = 1;

/* --- optimizers: each result is the next step's input --- */

/* Input that output k replaces, by name; n_in: none. */
static uint32_t input_of(const struct tn_op *op, uint32_t k)
{
    uint32_t i = 0;
    size_t n = strlen(op->out_names[k]);
    while (i < op->max_in && (strncmp(op->in_names[i], op->out_names[k], n) != 0 ||
                              (op->in_names[i][n] != '\0' && op->in_names[i][n] != '?')))
        i++;
    return i;
}

static int goes_round(const struct tn_op *op)
{
    if (!(op->flags & TN_OP_UPDATE) || op->max_in > TN_OP_MAX_FIXED)
        return 0;
    for (uint32_t k = 0; k < op->n_out; k++)
        if (input_of(op, k) == op->max_in)
            return 0;
    return 1;
}

struct walk {
    struct cf_device *dev;
    struct op_run *run; /* the reference's, in double */
    tn_graph *graph;
    tn_plan *plan;
    float *device_in[OP_CASE_MAX_IN];
    struct tn_error *err;
};

static size_t n_bytes(const struct tn_ref_tensor *t)
{
    return (size_t)t->count * sizeof(float);
}

/* One step on the device, its results put where its inputs were. */
static tn_status device_step(struct walk *w)
{
    char name[16];
    tn_status st = TN_OK;
    const struct op_run *run = w->run;
    for (uint32_t i = 0; st == TN_OK && i < run->n_in; i++) {
        if (!run->c->in[i].dtype)
            continue;
        snprintf(name, sizeof(name), "in%u", i);
        st = tn_plan_set_input_bytes(w->plan, name, w->device_in[i], n_bytes(&run->in[i]), w->err);
    }
    if (st == TN_OK)
        st = tn_plan_run(w->plan, w->err);
    for (uint32_t k = 0; st == TN_OK && k < run->op->n_out; k++) {
        uint32_t i = input_of(run->op, k);
        snprintf(name, sizeof(name), "out%u", k);
        if (run->c->in[i].dtype)
            st = tn_plan_get_output_bytes(w->plan, name, w->device_in[i], n_bytes(&run->in[i]),
                                          w->err);
    }
    return st;
}

static tn_status reference_step(struct walk *w)
{
    struct op_run *run = w->run;
    tn_status st = op_run_reference(run, w->err);
    for (uint32_t k = 0; st == TN_OK && k < run->op->n_out; k++) {
        uint32_t i = input_of(run->op, k);
        if (run->c->in[i].dtype)
            memcpy(run->in[i].data.f, run->out[k].data.f, (size_t)run->in[i].count * 8);
    }
    return st;
}

static enum cf_verdict compare_walk(const struct walk *w, struct cf_result *result)
{
    for (uint32_t k = 0; k < w->run->op->n_out; k++) {
        uint32_t i = input_of(w->run->op, k);
        const struct tn_ref_tensor *want = &w->run->in[i];
        for (int64_t e = 0; w->run->c->in[i].dtype && e < want->count; e++) {
            double got = (double)w->device_in[i][e], expected = want->data.f[e];
            double share = fabs(got - expected) / (N_STEPS * 1e-5 * (fabs(expected) + 1.0));
            if (share > result->worst)
                result->worst = share;
            if (!(share <= 1.0))
                return cf_fail(result, "%s: after %d steps %s[%lld] is %.9g, expected %.9g",
                               w->run->op->name, N_STEPS, w->run->op->in_names[i], (long long)e,
                               got, expected);
        }
    }
    return CF_PASSED;
}

/* All inputs f32 and finite: such a case can go on from its own results. */
static const struct op_case *case_of(const struct tn_op *op)
{
    for (size_t f = 0; f < op_family_count(); f++) {
        const struct op_case *c;
        for (size_t i = 0; (c = op_family_case(op_family_at(f), i)); i++) {
            int good = !c->reject && strcmp(c->op, op->name) == 0 && c->in[0].dtype == TN_F32;
            for (uint32_t k = 0; k < OP_CASE_MAX_IN; k++)
                good = good && (!c->in[k].dtype || c->in[k].dtype == TN_F32) &&
                       c->in[k].fill != FILL_SPECIAL;
            for (uint32_t v = 0; good && v < 4 && c->want[0]; v++)
                good = isfinite(c->want[0][0]) != 0;
            if (good)
                return c;
        }
    }
    return NULL;
}

static tn_status walk_steps(struct walk *w, tn_session *session, struct cf_result *result)
{
    struct op_run *run = w->run;
    tn_status st = op_forward_graph(run, &w->graph, w->err);
    if (st == TN_OK)
        st = tn_session_plan(session, w->graph, NULL, 0, &w->plan, w->err);
    for (uint32_t i = 0; st == TN_OK && i < run->n_in; i++) {
        if (!run->c->in[i].dtype)
            continue;
        w->device_in[i] = TN_ARENA_NEW(&run->arena, float, run->in[i].count + 1);
        if (!w->device_in[i])
            return tn_error_set(w->err, TN_E_OOM, "out of memory");
        for (int64_t e = 0; e < run->in[i].count; e++) {
            w->device_in[i][e] = (float)run->in[i].data.f[e];
            run->in[i].data.f[e] = (double)w->device_in[i][e];
        }
    }
    for (int n = 0; st == TN_OK && n < N_STEPS; n++) {
        st = device_step(w);
        if (st == TN_OK)
            st = reference_step(w);
    }
    if (st == TN_OK)
        compare_walk(w, result);
    return st;
}

static enum cf_verdict optimizers(struct cf_device *dev, struct cf_result *result)
{
    struct tn_error err = {TN_OK, ""};
    struct tn_session_params params = {.device = dev->device, .strict = 1, .no_quarantine = 1};
    tn_session *session = NULL;
    size_t n = 0;
    tn_status st = tn_session_create(dev->runtime, &params, &session, &err);
    for (size_t o = 0; st == TN_OK && result->verdict == CF_PASSED && o < tn_op_count(); o++) {
        const struct op_case *c = goes_round(tn_op_at(o)) ? case_of(tn_op_at(o)) : NULL;
        struct op_run run;
        struct walk w = {.dev = dev, .run = &run, .err = &err};
        if (!c)
            continue;
        st = op_run_open(c, TN_F32, &run, &err);
        if (st != TN_OK)
            break;
        st = walk_steps(&w, session, result);
        tn_session_forget(session, w.graph);
        tn_graph_destroy(&w.graph);
        op_run_close(&run);
        n++;
    }
    tn_session_destroy(&session);
    if (st != TN_OK)
        return not_trained(result, st, &err);
    return n >= 3 ? result->verdict : cf_fail(result, "only %zu optimizers have a case to walk", n);
}

const struct cf_check cf_trajectory_checks[] = {{"network", network, 0},
                                                {"optimizers", optimizers, 0}};
const size_t cf_n_trajectory_checks = 2;
