/* SPDX-License-Identifier: MIT
 *
 * Elementwise operators of one operand: neg exp log sqrt square tanh sigmoid relu leaky_relu.
 */
#include "vmath.h"

typedef void (*row_fn)(void *o, const void *x, int64_t n, double p);

#define ROW(name, T, EXPR)                                           \
    static void name(void *vo, const void *vx, int64_t n, double vp) \
    {                                                                \
        T *o = vo;                                                   \
        const T *px = vx;                                            \
        const T p = (T)vp;                                           \
        (void)p;                                                     \
        CPU_SIMD for (int64_t i = 0; i < n; i++)                     \
        {                                                            \
            const T x = px[i];                                       \
            o[i] = EXPR;                                             \
        }                                                            \
    }

ROW(neg_f32, float, -x)
ROW(exp_f32, float, cpu_expf(x))
ROW(log_f32, float, cpu_logf(x))
ROW(sqrt_f32, float, sqrtf(x))
ROW(square_f32, float, x *x)
ROW(tanh_f32, float, cpu_tanhf(x))
ROW(sigmoid_f32, float, cpu_sigmoidf(x))
ROW(relu_f32, float, x < 0 ? 0 : x)
ROW(leaky_relu_f32, float, x > 0 ? x : p * x)
ROW(neg_f64, double, -x)
ROW(exp_f64, double, exp(x))
ROW(log_f64, double, log(x))
ROW(sqrt_f64, double, sqrt(x))
ROW(square_f64, double, x *x)
ROW(tanh_f64, double, tanh(x))
ROW(sigmoid_f64, double, 1 / (1 + exp(-x)))
ROW(relu_f64, double, x < 0 ? 0 : x)
ROW(leaky_relu_f64, double, x > 0 ? x : p * x)

static const struct unary {
    const char *name;
    row_fn f32, f64;
    int64_t grain;
} table[] = {
    {"neg", neg_f32, neg_f64, CPU_GRAIN},
    {"exp", exp_f32, exp_f64, CPU_GRAIN / 2},
    {"log", log_f32, log_f64, CPU_GRAIN / 2},
    {"sqrt", sqrt_f32, sqrt_f64, CPU_GRAIN},
    {"square", square_f32, square_f64, CPU_GRAIN},
    {"tanh", tanh_f32, tanh_f64, CPU_GRAIN / 2},
    {"sigmoid", sigmoid_f32, sigmoid_f64, CPU_GRAIN / 2},
    {"relu", relu_f32, relu_f64, CPU_GRAIN},
    {"leaky_relu", leaky_relu_f32, leaky_relu_f64, CPU_GRAIN},
};

struct state {
    row_fn row;
    int64_t count, grain;
    double param;
    uint32_t in_size, out_size;
};

static const struct unary *find(const struct cpu_query *q)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, q->node->op) == 0)
            return &table[i];
    return NULL;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    uint32_t t = q->in[0]->dtype;
    if (t != TNB_F32 && t != TNB_F64)
        return cpu_refuse(why, "'%.40s' is for floating point, not %s", q->node->op,
                          cpu_dtype_name(t));
    return true;
}

static void range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    s->row(k->out[0] + lo * s->out_size, k->in[0] + lo * s->in_size, hi - lo, s->param);
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    cpu_parallel_fine(k->inst->pool, s->count, s->grain, range, k);
    return TNB_OK;
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    void *mem = NULL;
    tnb_status status = cpu_state(k, sizeof(struct state), &mem, err);
    if (status != TNB_OK)
        return status;
    const struct unary *u = find(q);
    struct state *s = mem;
    s->row = q->in[0]->dtype == TNB_F64 ? u->f64 : u->f32;
    s->grain = u->grain;
    s->count = tnb_count(q->out[0]);
    s->param = tnb_attr_float(q->node, "alpha", 0.01);
    s->in_size = (uint32_t)tnb_dtype_size(q->in[0]->dtype);
    s->out_size = (uint32_t)tnb_dtype_size(q->out[0]->dtype);
    k->run = run;
    return TNB_OK;
}

#define UNARY(op)                                                  \
    {                                                              \
        .name = op, .flags = CPU_INPLACE_ANY,                      \
        .loops = {"loops", CPU_PROVIDER_LOOPS, supports, prepare}, \
    }

const struct cpu_op CPU_SYM(cpu_unary)[] = {
    UNARY("neg"),
    UNARY("exp"),
    UNARY("log"),
    UNARY("sqrt"),
    UNARY("square"),
    UNARY("tanh"),
    UNARY("sigmoid"),
    UNARY("relu"),
    UNARY("leaky_relu"),
    {.name = NULL},
};
