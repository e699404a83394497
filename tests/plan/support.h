/* What the tests of sessions and plans share: devices by index, one session, short calls that fail
 * the test with the library's message. */
#ifndef TESTS_PLAN_SUPPORT_H
#define TESTS_PLAN_SUPPORT_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tenon/graph.h"
#include "tenon/runtime.h"

enum { ON_REF, ON_CPU, ON_OPENCL, N_ON };
extern const char *const backend_names[N_ON];

/* One runtime and one session on backend `on`. Skips the test where the backend is not there, fails
 * it when TENON_REQUIRE says that it must be. */
tn_session *open_session(int on);
tn_session *open_second(void); /* another session on the same device */
tn_runtime *the_runtime(void);
void close_all(void);

/* Fails the test with err's message unless st is TN_OK. */
void check(tn_status st, const struct tn_error *err, const char *what);

tn_graph *new_graph(const char *name);
tn_value f32_input(tn_graph *g, const char *name, struct tn_shape shape);
tn_value step_input(tn_graph *g, const char *name); /* f32 scalar */
tn_value f32_state(tn_graph *g, const char *name, struct tn_shape shape, tn_state_role role,
                   double value);
/* Random weights of role PARAM, uniform in [-1, 1). */
tn_value weights(tn_graph *g, const char *name, struct tn_shape shape);
/* sgd without momentum on a parameter; lr, grad_mul and apply are inputs of those names. */
struct step_scalars {
    tn_value lr, grad_mul, apply;
};
struct step_scalars step_scalars(tn_graph *g);
void sgd(tn_graph *g, tn_value param, tn_value grad, struct step_scalars s);

tn_plan *plan_of(tn_session *s, tn_graph *g, int64_t batch); /* batch 0: no binding */
void set_f32(tn_plan *p, const char *name, const float *data, size_t n);
void set_scalar(tn_plan *p, const char *name, float value);
void set_step(tn_plan *p, float lr, float grad_mul, float apply);
void run(tn_plan *p);
void get_f32(tn_plan *p, const char *name, float *data, size_t n);
void state_f32(tn_session *s, const char *name, float *data, size_t n);
void put_f32(tn_session *s, const char *name, const float *data, size_t n);

/* Pseudo-random numbers in [-1, 1), the same everywhere. */
void noise(float *data, size_t n, uint64_t seed);
void expect_close(const float *got, const float *want, size_t n, double rtol, double atol,
                  const char *what);
void expect_bits(const void *got, const void *want, size_t n_bytes, const char *what);

/* ParameterizedTest over all backends: ON_EACH(suite, name) { ... uses *on ... } */
#define ON_EACH(suite, name)                                 \
    ParameterizedTestParameters(suite, name)                 \
    {                                                        \
        static int each[N_ON] = {ON_REF, ON_CPU, ON_OPENCL}; \
        return cr_make_param_array(int, each, N_ON);         \
    }                                                        \
    ParameterizedTest(int *on, suite, name, .fini = close_all)

#endif
