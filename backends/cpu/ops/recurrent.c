/* SPDX-License-Identifier: MIT
 *
 * rnn, lstm, gru: W x for all steps at once, straight into the rows where the gates are kept, then
 * R h is added step by step and the row made into gates in place. Gates in ONNX's order. */
#include "recurrent.h"

static float *gates_of(const struct cpu_kernel *k)
{
    const struct cpu_rec *s = k->state;
    if (s->kind == CPU_RNN)
        return cpu_rec_ws(k, s->gates);
    return cpu_out(k, s->kind == CPU_LSTM ? 3 : 2);
}

/* Wb + Rb; for gru before the reset the candidate's are apart, Rb's behind the gates'. */
static void join_bias(const struct cpu_kernel *k)
{
    const struct cpu_rec *s = k->state;
    float *to = cpu_rec_ws(k, s->bias);
    int64_t n = s->rows, extra = s->hidden;
    for (int64_t d = 0; d < s->dirs; d++, to += n + extra) {
        cpu_rec_load(to, NULL, 0, n + extra);
        if (!k->in[REC_B])
            continue;
        const float *b = cpu_in(k, REC_B) + d * 2 * n;
        bool apart = s->kind == CPU_GRU && s->before;
        for (int64_t g = 0; g < n; g++)
            to[g] = b[g] + (apart && g >= 2 * extra ? 0 : b[n + g]);
        for (int64_t u = 0; u < extra && apart; u++)
            to[n + u] = b[n + 2 * extra + u];
    }
}

enum { BLOCK = 96 }; /* rows of x per piece */

static void project_range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct cpu_kernel *k = arg;
    const struct cpu_rec *s = k->state;
    int64_t rows = s->steps * s->batch, blocks = (rows + BLOCK - 1) / BLOCK;
    for (int64_t e = lo; e < hi; e++) {
        int64_t d = e / blocks, row = e % blocks * BLOCK;
        struct cpu_gemm g = {.m = cpu_min64(BLOCK, rows - row),
                             .n = s->rows,
                             .k = s->in,
                             .a = cpu_in(k, REC_X) + row * s->in,
                             .a_row = s->in,
                             .a_col = 1,
                             .b = cpu_in(k, REC_W) + d * s->rows * s->in,
                             .b_row = 1,
                             .b_col = s->in,
                             .c = gates_of(k) + (d * rows + row) * s->kept,
                             .c_row = s->kept};
        CPU_SYM(cpu_gemm)(&g, k->ws + piece * CPU_SYM(cpu_gemm_scratch)());
    }
}

/* One sequence at one step: g is its row of gates, h and c its state, y its output. */
static void rnn_row(const struct cpu_rec *s, float *g, const float *bias, float *h)
{
    if (s->relu) {
        CPU_SIMD for (int64_t u = 0; u < s->hidden; u++)
        {
            float a = g[u] + bias[u];
            h[u] = a <= 0 ? 0 : a; /* NaN stays */
        }
    } else {
        CPU_SIMD for (int64_t u = 0; u < s->hidden; u++) h[u] = cpu_tanhf(g[u] + bias[u]);
    }
}

static void lstm_row(const struct cpu_rec *s, float *g, const float *bias, float *h, float *c)
{
    int64_t n = s->hidden;
    CPU_SIMD for (int64_t u = 0; u < n; u++)
    {
        float i = cpu_sigmoidf(g[u] + bias[u]), o = cpu_sigmoidf(g[n + u] + bias[n + u]);
        float f = cpu_sigmoidf(g[2 * n + u] + bias[2 * n + u]);
        float cand = cpu_tanhf(g[3 * n + u] + bias[3 * n + u]);
        float cell = f * c[u] + i * cand;
        c[u] = cell;
        h[u] = o * cpu_tanhf(cell);
        g[u] = i;
        g[n + u] = o;
        g[2 * n + u] = f;
        g[3 * n + u] = cand;
        g[4 * n + u] = cell;
    }
}

/* z, r; after the reset: also r h, for the candidate's product to come. */
static void gru_gates(const struct cpu_rec *s, float *g, const float *bias, const float *h)
{
    int64_t n = s->hidden;
    CPU_SIMD for (int64_t u = 0; u < 2 * n; u++) g[u] = cpu_sigmoidf(g[u] + bias[u]);
    if (!s->before)
        CPU_SIMD for (int64_t u = 0; u < n; u++) g[3 * n + u] = g[n + u] * h[u];
}

static void gru_row(const struct cpu_rec *s, float *g, const float *bias, float *h)
{
    int64_t n = s->hidden;
    CPU_SIMD for (int64_t u = 0; u < n; u++)
    {
        float z = g[u], more = 0;
        if (s->before) {
            g[3 * n + u] += bias[3 * n + u];
            more = g[n + u] * g[3 * n + u];
        }
        float cand = cpu_tanhf(g[2 * n + u] + bias[2 * n + u] + more);
        g[2 * n + u] = cand;
        h[u] = (1 - z) * cand + z * h[u];
    }
}

/* c (+)= a R^T over R's rows [from, from + n); a's rows are a_row apart. */
static void recur(const struct cpu_rec_place *p, const float *a, int64_t a_row, int64_t from,
                  int64_t n, float *c, bool add)
{
    const struct cpu_rec *s = p->k->state;
    cpu_rec_recur(p, from,
                  (struct cpu_gemm){.n = n,
                                    .k = s->hidden,
                                    .a = a,
                                    .a_row = a_row,
                                    .b_row = 1,
                                    .b_col = s->hidden,
                                    .c = c,
                                    .c_row = s->kept,
                                    .accumulate = add});
}

static bool is_active(const struct cpu_rec_place *p, int64_t i)
{
    return p->t < cpu_rec_length(p->k, REC_LENGTHS, p->b + i);
}

static void products(const struct cpu_rec_place *p, float *g, const float *bias, const float *h)
{
    const struct cpu_rec *s = p->k->state;
    int64_t n = s->hidden;
    if (s->kind != CPU_GRU) {
        recur(p, h, n, 0, s->rows, g, true);
        return;
    }
    recur(p, h, n, 0, 2 * n, g, true);
    for (int64_t i = 0; i < p->n; i++)
        gru_gates(s, g + i * s->kept, bias, h + i * n);
    if (s->before)
        recur(p, h, n, 2 * n, n, g + 3 * n, false);
    else
        recur(p, g + 3 * n, s->kept, 2 * n, n, g + 2 * n, true);
}

static void step(const struct cpu_rec_place *p)
{
    const struct cpu_kernel *k = p->k;
    const struct cpu_rec *s = k->state;
    int64_t n = s->hidden, state = (p->d * s->batch + p->b) * n;
    float *g = gates_of(k) + cpu_rec_at(s, p->d, p->t, p->b, s->kept);
    float *h = cpu_out(k, 1) + state, *c = s->kind == CPU_LSTM ? cpu_out(k, 2) + state : h;
    float *y = cpu_out(k, 0) + cpu_rec_y_at(s, p->d, p->t, p->b);
    const float *bias = cpu_rec_ws(k, s->bias) + p->d * (s->rows + n);
    products(p, g, bias, h);
    for (int64_t i = 0; i < p->n; i++, g += s->kept, h += n, c += n, y += n) {
        if (!is_active(p, i)) {
            cpu_rec_load(y, NULL, 0, n);
            cpu_rec_load(g, NULL, 0, s->kept);
            continue;
        }
        if (s->kind == CPU_LSTM)
            lstm_row(s, g, bias, h, c);
        else if (s->kind == CPU_GRU)
            gru_row(s, g, bias, h);
        else
            rnn_row(s, g, bias, h);
        memcpy(y, h, (size_t)n * sizeof *y);
    }
}

static void walk_range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct cpu_kernel *k = arg;
    const struct cpu_rec *s = k->state;
    for (int64_t e = lo; e < hi; e++) {
        struct cpu_rec_place p = cpu_rec_place_of(k, e, piece);
        int64_t state = (p.d * s->batch + p.b) * s->hidden, n = p.n * s->hidden;
        cpu_rec_load(cpu_out(k, 1) + state, cpu_in(k, REC_H0), state, n);
        if (s->kind == CPU_LSTM)
            cpu_rec_load(cpu_out(k, 2) + state, cpu_in(k, REC_C0), state, n);
        for (int64_t i = 0; i < s->steps; i++) {
            p.t = cpu_rec_is_reverse(s, p.d) ? s->steps - 1 - i : i;
            step(&p);
        }
    }
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct cpu_rec *s = k->state;
    int64_t blocks = (s->steps * s->batch + BLOCK - 1) / BLOCK;
    join_bias(k);
    cpu_parallel(k->inst->pool, s->dirs * blocks,
                 1 + 8 * CPU_GRAIN / (BLOCK * s->rows * (s->in + 1)), project_range, k);
    cpu_parallel(k->inst->pool, s->dirs * s->parts,
                 1 + 8 * CPU_GRAIN / (s->part * (s->steps + 1) * s->rows * (s->hidden + 8)),
                 walk_range, k);
    return TNB_OK;
}

/* --- entry --- */

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    bool grad = strstr(q->node->op, "_grad") != NULL;
    uint32_t lengths = grad ? 1u << REC_GRAD_LENGTHS : 1u << REC_LENGTHS;
    return cpu_need_f32(q, ~lengths, ~0u, why);
}

static bool attr_is(const tnb_node *node, const char *key, const char *value)
{
    const tnb_attr *a = tnb_attr_find(node, key);
    return a && a->type == TNB_ATTR_STRING && strcmp(a->v.s, value) == 0;
}

/* Takes room of `n` floats behind the others. */
static uint64_t room(uint64_t *bytes, int64_t n)
{
    uint64_t at = *bytes;
    *bytes += cpu_align_up((uint64_t)n * sizeof(float));
    return at;
}

static void plan_scratch(struct cpu_rec *s, bool grad, uint64_t *bytes)
{
    int64_t all = s->dirs * s->steps * s->batch, n = s->hidden;
    if (!grad) {
        s->bias = room(bytes, s->dirs * (s->rows + n));
        s->gates = room(bytes, s->kind == CPU_RNN ? all * n : 0);
        return;
    }
    s->da = room(bytes, all * s->rows);
    s->h_before = room(bytes, all * n);
    s->du = room(bytes, s->kind == CPU_GRU && s->before ? all * n : 0);
    s->drh = room(bytes, s->kind == CPU_GRU && !s->before ? s->dirs * s->batch * n : 0);
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct cpu_rec *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    bool grad = strstr(q->node->op, "_grad") != NULL;
    const tnb_tensor *x = q->in[REC_X], *r = q->in[REC_R];
    const tnb_tensor *lengths = q->in[grad ? (int)REC_GRAD_LENGTHS : (int)REC_LENGTHS];
    char first = q->node->op[0];
    s->kind = first == 'l' ? CPU_LSTM : first == 'g' ? CPU_GRU : CPU_RNN;
    s->steps = x->dim[0];
    s->batch = x->dim[1];
    s->in = x->dim[2];
    s->dirs = r->dim[0];
    s->rows = r->dim[1];
    s->hidden = r->dim[2];
    s->kept = (s->kind == CPU_LSTM ? 5 : s->kind == CPU_GRU ? 4 : 1) * s->hidden;
    s->reverse = attr_is(q->node, "direction", "reverse");
    s->relu = attr_is(q->node, "activation", "relu");
    s->before = tnb_attr_int(q->node, "linear_before_reset", 0) != 0;
    s->wide_len = lengths && lengths->dtype == TNB_I64;
    int64_t pieces = ((int64_t)k->inst->n_threads + s->dirs - 1) / s->dirs;
    s->part = cpu_max64(1, (s->batch + pieces - 1) / pieces);
    s->parts = (s->batch + s->part - 1) / s->part;
    k->ws_bytes = k->inst->n_threads * CPU_SYM(cpu_gemm_scratch)();
    plan_scratch(s, grad, &k->ws_bytes);
    k->run = grad ? CPU_SYM(cpu_rec_grad_run) : run;
    return TNB_OK;
}

#define RECURRENT(op)                                                           \
    {                                                                           \
        .name = op, .loops = { "steps", CPU_PROVIDER_LOOPS, supports, prepare } \
    }

const struct cpu_op CPU_SYM(cpu_recurrent)[] = {
    RECURRENT("rnn"),       RECURRENT("lstm"),     RECURRENT("gru"), RECURRENT("rnn_grad"),
    RECURRENT("lstm_grad"), RECURRENT("gru_grad"), {.name = NULL},
};
