#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

const char *const backend_names[N_ON] = {"ref", "cpu", "opencl"};

static tn_runtime *runtime;
static tn_device *device;
static tn_session *sessions[2];
static tn_graph *graphs[64];
static size_t n_graphs;

void check(tn_status st, const struct tn_error *err, const char *what)
{
    cr_assert_eq(st, TN_OK, "%s: %s: %s", what, tn_status_name(st), err->msg);
}

static int is_required(const char *thing)
{
    const char *list = getenv("TENON_REQUIRE");
    return list && strstr(list, thing) != NULL;
}

tn_session *open_session(int on)
{
    struct tn_error err = {0};
    struct tn_runtime_params params = {.n_threads = 1};
    check(tn_runtime_create(&params, &runtime, &err), &err, "runtime");
    tn_status st = tn_runtime_select(runtime, backend_names[on], &device, &err);
    if (st == TN_E_NOT_FOUND) {
        cr_assert(!(on == ON_OPENCL && is_required("pocl")), "pocl is required: %s", err.msg);
        cr_skip_test("no backend '%s' here: %s", backend_names[on], err.msg);
    }
    check(st, &err, "selecting the device");
    struct tn_session_params sp = {.device = device, .seed = 7};
    check(tn_session_create(runtime, &sp, &sessions[0], &err), &err, "session");
    return sessions[0];
}

tn_session *open_second(void)
{
    struct tn_error err = {0};
    struct tn_session_params sp = {.device = device, .seed = 7};
    check(tn_session_create(runtime, &sp, &sessions[1], &err), &err, "session");
    return sessions[1];
}

tn_runtime *the_runtime(void)
{
    return runtime;
}

void close_all(void)
{
    tn_session_destroy(&sessions[0]);
    tn_session_destroy(&sessions[1]);
    for (size_t i = 0; i < n_graphs; i++)
        tn_graph_destroy(&graphs[i]);
    n_graphs = 0;
    tn_runtime_destroy(&runtime);
}

tn_graph *new_graph(const char *name)
{
    struct tn_error err = {0};
    cr_assert_lt(n_graphs, sizeof(graphs) / sizeof(*graphs), "more graphs than a test may open");
    check(tn_graph_create(name, &graphs[n_graphs], &err), &err, "graph");
    return graphs[n_graphs++];
}

tn_value f32_input(tn_graph *g, const char *name, struct tn_shape shape)
{
    return tn_graph_input(g, name, TN_F32, &shape, TN_INPUT_DATA);
}

tn_value step_input(tn_graph *g, const char *name)
{
    struct tn_shape scalar = TN_SCALAR;
    return tn_graph_input(g, name, TN_F32, &scalar, TN_INPUT_STEP);
}

tn_value f32_state(tn_graph *g, const char *name, struct tn_shape shape, tn_state_role role,
                   double value)
{
    struct tn_state_params p = {.name = name,
                                .dtype = TN_F32,
                                .shape = shape,
                                .role = role,
                                .slot = role == TN_STATE_SLOT ? "s" : NULL,
                                .init = {.kind = TN_INIT_CONSTANT, .a = value}};
    return tn_graph_state(g, &p);
}

tn_value weights(tn_graph *g, const char *name, struct tn_shape shape)
{
    struct tn_state_params p = {.name = name,
                                .dtype = TN_F32,
                                .shape = shape,
                                .role = TN_STATE_PARAM,
                                .init = {.kind = TN_INIT_UNIFORM, .a = -1, .b = 1}};
    return tn_graph_state(g, &p);
}

struct step_scalars step_scalars(tn_graph *g)
{
    return (struct step_scalars){.lr = step_input(g, "lr"),
                                 .grad_mul = step_input(g, "grad_mul"),
                                 .apply = step_input(g, "apply")};
}

void sgd(tn_graph *g, tn_value param, tn_value grad, struct step_scalars s)
{
    tn_value in[6] = {param, grad, TN_NONE, s.lr, s.grad_mul, s.apply}, out[2];
    tn_graph_op(g, "sgd", in, 6, NULL, 0, out, 2);
    tn_graph_assign(g, param, out[0]);
}

tn_plan *plan_of(tn_session *s, tn_graph *g, int64_t batch)
{
    struct tn_error err = {0};
    struct tn_binding b = {.symbol = "batch", .value = batch};
    tn_plan *plan = NULL;
    check(tn_graph_check(g, &err), &err, "building");
    check(tn_session_plan(s, g, &b, batch ? 1 : 0, &plan, &err), &err, "planning");
    return plan;
}

void set_f32(tn_plan *p, const char *name, const float *data, size_t n)
{
    struct tn_error err = {0};
    check(tn_plan_set_input_bytes(p, name, data, n * sizeof(float), &err), &err, name);
}

void set_scalar(tn_plan *p, const char *name, float value)
{
    set_f32(p, name, &value, 1);
}

void set_step(tn_plan *p, float lr, float grad_mul, float apply)
{
    set_scalar(p, "lr", lr);
    set_scalar(p, "grad_mul", grad_mul);
    set_scalar(p, "apply", apply);
}

void run(tn_plan *p)
{
    struct tn_error err = {0};
    check(tn_plan_run(p, &err), &err, "running");
}

void get_f32(tn_plan *p, const char *name, float *data, size_t n)
{
    struct tn_error err = {0};
    check(tn_plan_get_output_bytes(p, name, data, n * sizeof(float), &err), &err, name);
}

void state_f32(tn_session *s, const char *name, float *data, size_t n)
{
    struct tn_error err = {0};
    tn_tensor *t = NULL;
    check(tn_session_get_state(s, name, &t, &err), &err, name);
    cr_assert_eq((size_t)tn_tensor_count(t), n, "state '%s' has another size", name);
    memcpy(data, tn_tensor_const_data(t), n * sizeof(float));
    tn_tensor_unref(&t);
}

void put_f32(tn_session *s, const char *name, const float *data, size_t n)
{
    struct tn_error err = {0};
    tn_tensor *t = NULL;
    check(tn_session_get_state(s, name, &t, &err), &err, name);
    cr_assert_eq((size_t)tn_tensor_count(t), n, "state '%s' has another size", name);
    memcpy(tn_tensor_data(t), data, n * sizeof(float));
    check(tn_session_set_state(s, name, t, &err), &err, name);
    tn_tensor_unref(&t);
}

void noise(float *data, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        data[i] = tn_rng_unit(tn_philox(seed, i, 0).v[0]) * 2 - 1;
}

void expect_close(const float *got, const float *want, size_t n, double rtol, double atol,
                  const char *what)
{
    for (size_t i = 0; i < n; i++)
        cr_assert(fabs((double)got[i] - (double)want[i]) <= atol + rtol * fabs((double)want[i]),
                  "%s[%zu]: %.9g, expected %.9g", what, i, (double)got[i], (double)want[i]);
}

void expect_bits(const void *got, const void *want, size_t n_bytes, const char *what)
{
    const unsigned char *a = got, *b = want;
    for (size_t i = 0; i < n_bytes; i++)
        cr_assert_eq(a[i], b[i], "%s: byte %zu differs", what, i);
}
