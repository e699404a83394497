/* SPDX-License-Identifier: MIT
 *
 * Convolutions by oneDNN. The batch is cut into one slice per thread of our pool and each slice is
 * a primitive of one thread, so that oneDNN's own pool never runs beside ours; a batch smaller than
 * the pool is one primitive with all threads. Where oneDNN prefers a blocked layout, slices are
 * reordered on the way in and out; weights once for all slices, since they change at each step. */
#include "cpu.h"

#if defined(CPU_HAVE_ONEDNN)
#include "onednn_compat.h"
#include "threads.h"

/* One thread's part: its images, its memory objects. */
struct slice {
    int64_t first, n;
    const struct sized *sized;
    dnnl_stream_t stream;
    dnnl_memory_t plain[CPU_CONV_TENSORS], inner[CPU_CONV_TENSORS], scratchpad;
    uint64_t at[CPU_CONV_TENSORS], scratch_at; /* in the workspace */
};

/* Slices come in at most two sizes. */
struct sized {
    int64_t n;
    struct cpu_conv_prim conv;
    dnnl_primitive_t reorder[CPU_CONV_TENSORS];
};

struct state {
    struct cpu_window g;
    enum cpu_conv_kind kind;
    bool bias;
    dnnl_engine_t engine;
    uint32_t n_sized, n_slices, omp_threads;
    struct sized sized[2];
    uint64_t weights_at; /* the shared weights in oneDNN's layout */
    int64_t weights_floats;
    struct slice *slice;
};

static int in_arg(enum cpu_conv_kind kind, int tensor)
{
    static const int arg[3][CPU_CONV_TENSORS] = {
        {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS},
        {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST, 0},
        {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST, 0},
    };
    return arg[kind][tensor];
}

static int result(enum cpu_conv_kind kind)
{
    return kind == CPU_CONV_FORWARD      ? CPU_CONV_Y
           : kind == CPU_CONV_GRAD_INPUT ? CPU_CONV_X
                                         : CPU_CONV_W;
}

/* The node's tensor in the core's layout. */
static void *tensor(const struct cpu_kernel *k, enum cpu_conv_kind kind, int t)
{
    static const int8_t in[3][CPU_CONV_TENSORS] = {{0, 1, -1, 2}, {-1, 1, 0, -1}, {0, -1, 1, -1}};
    int i = in[kind][t];
    union {
        const void *c;
        void *p;
    } p = {.c = i < 0 ? k->out[0] : k->in[i]};
    return p.p;
}

static dnnl_status_t reorder(dnnl_primitive_t prim, dnnl_stream_t stream, dnnl_memory_t from,
                             dnnl_memory_t to)
{
    dnnl_exec_arg_t args[2] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    return dnnl_primitive_execute(prim, stream, 2, args);
}

/* --- run --- */

struct job {
    const struct cpu_kernel *k;
    dnnl_status_t *status; /* of each slice, in the workspace's last bytes */
};

static int64_t image_floats(const struct state *s, int t)
{
    return t == CPU_CONV_X   ? s->g.c * s->g.h * s->g.w
           : t == CPU_CONV_Y ? s->g.o * s->g.oh * s->g.ow
                             : 0;
}

static dnnl_status_t set_handles(const struct cpu_kernel *k, const struct slice *sl)
{
    const struct state *s = k->state;
    dnnl_status_t st = dnnl_success;
    for (int t = 0; t < CPU_CONV_TENSORS && st == dnnl_success; t++) {
        if (!sl->plain[t])
            continue;
        float *p = (float *)tensor(k, s->kind, t) + sl->first * image_floats(s, t);
        bool partial = t == CPU_CONV_W && s->kind == CPU_CONV_GRAD_WEIGHT;
        st = dnnl_memory_set_data_handle(sl->plain[t], p);
        if (st != dnnl_success || t == CPU_CONV_BIAS)
            continue;
        bool own = sl->sized->reorder[t] || partial;
        uint64_t at = t == CPU_CONV_W && !partial ? s->weights_at : sl->at[t];
        st = dnnl_memory_set_data_handle(sl->inner[t], own ? (void *)(k->ws + at) : (void *)p);
    }
    if (st == dnnl_success)
        st = dnnl_memory_set_data_handle(sl->scratchpad, k->ws + sl->scratch_at);
    return st;
}

static dnnl_status_t run_slice(const struct cpu_kernel *k, const struct slice *sl)
{
    const struct state *s = k->state;
    const struct sized *z = sl->sized;
    int out = result(s->kind), n = 0;
    dnnl_exec_arg_t args[CPU_CONV_TENSORS + 1];
    dnnl_status_t st = dnnl_success;
    for (int t = 0; t < CPU_CONV_TENSORS; t++) {
        if (!sl->plain[t])
            continue;
        if (t != out && t != CPU_CONV_W && st == dnnl_success && z->reorder[t])
            st = reorder(z->reorder[t], sl->stream, sl->plain[t], sl->inner[t]);
        args[n++] =
            (dnnl_exec_arg_t){in_arg(s->kind, t), t == CPU_CONV_BIAS ? sl->plain[t] : sl->inner[t]};
    }
    args[n++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, sl->scratchpad};
    if (st == dnnl_success)
        st = dnnl_primitive_execute(z->conv.prim, sl->stream, n, args);
    if (st == dnnl_success && out != CPU_CONV_W && z->reorder[out])
        st = reorder(z->reorder[out], sl->stream, sl->inner[out], sl->plain[out]);
    return st;
}

static void range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct job *j = arg;
    const struct state *s = j->k->state;
    for (int64_t i = lo; i < hi; i++)
        j->status[i] = run_slice(j->k, &s->slice[i]);
}

struct sum {
    const struct state *s;
    uint8_t *ws;
};

/* Adds the slices' weight gradients into the first one's, in order. */
static void sum_range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct sum *m = arg;
    float *to = (float *)(void *)(m->ws + m->s->slice[0].at[CPU_CONV_W]);
    for (uint32_t i = 1; i < m->s->n_slices; i++) {
        const float *from = (const float *)(const void *)(m->ws + m->s->slice[i].at[CPU_CONV_W]);
        for (int64_t e = lo; e < hi; e++)
            to[e] += from[e];
    }
}

static dnnl_status_t finish_weights(const struct cpu_kernel *k)
{
    const struct state *s = k->state;
    const struct slice *first = &s->slice[0];
    struct sum m = {s, k->ws};
    if (s->n_slices > 1)
        cpu_parallel(k->inst->pool, s->weights_floats, 16384, sum_range, &m);
    if (first->sized->reorder[CPU_CONV_W])
        return reorder(first->sized->reorder[CPU_CONV_W], first->stream, first->inner[CPU_CONV_W],
                       first->plain[CPU_CONV_W]);
    memcpy(k->out[0], k->ws + first->at[CPU_CONV_W], (size_t)s->weights_floats * sizeof(float));
    return dnnl_success;
}

static dnnl_status_t run_all(const struct cpu_kernel *k, dnnl_status_t *status)
{
    const struct state *s = k->state;
    dnnl_status_t st = dnnl_success;
    const struct slice *first = &s->slice[0];
    if (st == dnnl_success && s->kind != CPU_CONV_GRAD_WEIGHT && first->sized->reorder[CPU_CONV_W])
        st = reorder(first->sized->reorder[CPU_CONV_W], first->stream, first->plain[CPU_CONV_W],
                     first->inner[CPU_CONV_W]);
    if (st != dnnl_success)
        return st;
    struct job j = {k, status};
    cpu_parallel(k->inst->pool, s->n_slices, 1, range, &j);
    for (uint32_t i = 0; i < s->n_slices && st == dnnl_success; i++)
        st = status[i];
    if (st == dnnl_success && s->kind == CPU_CONV_GRAD_WEIGHT)
        st = finish_weights(k);
    return st;
}

static tnb_status bind(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    dnnl_status_t st = dnnl_success;
    for (uint32_t i = 0; i < s->n_slices && st == dnnl_success; i++)
        st = set_handles(k, &s->slice[i]);
    if (st != dnnl_success)
        return cpu_fail(err, TNB_E_INTERNAL, "cpu: oneDNN takes no memory (code %d)", (int)st);
    return TNB_OK;
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    dnnl_status_t *status =
        (dnnl_status_t *)(void *)(k->ws + k->ws_bytes -
                                  cpu_align_up(s->n_slices * sizeof(dnnl_status_t)));
    if (s->omp_threads > 1)
        cpu_openmp_threads(k->inst->pool, (int)s->omp_threads);
    dnnl_status_t st = run_all(k, status);
    if (s->omp_threads > 1)
        cpu_openmp_threads(k->inst->pool, 1);
    if (st != dnnl_success)
        return cpu_fail(err, TNB_E_INTERNAL, "cpu: oneDNN's convolution failed with code %d",
                        (int)st);
    return TNB_OK;
}

/* --- preparation --- */

static void finish(struct cpu_kernel *k)
{
    struct state *s = k->state;
    for (uint32_t i = 0; s->slice && i < s->n_slices; i++) {
        struct slice *sl = &s->slice[i];
        for (int t = 0; t < CPU_CONV_TENSORS; t++) {
            if (sl->plain[t])
                dnnl_memory_destroy(sl->plain[t]);
            if (sl->inner[t])
                dnnl_memory_destroy(sl->inner[t]);
        }
        if (sl->scratchpad)
            dnnl_memory_destroy(sl->scratchpad);
        if (sl->stream)
            dnnl_stream_destroy(sl->stream);
    }
    for (uint32_t i = 0; i < 2; i++) {
        for (int t = 0; t < CPU_CONV_TENSORS; t++)
            if (s->sized[i].reorder[t])
                dnnl_primitive_destroy(s->sized[i].reorder[t]);
        cpu_conv_prim_destroy(&s->sized[i].conv);
    }
    if (s->engine)
        dnnl_engine_destroy(s->engine);
    cpu_free(k->inst, s->slice);
    s->slice = NULL;
}

static dnnl_status_t make_sized(struct state *s, struct sized *z, int64_t n)
{
    z->n = n;
    dnnl_status_t st = cpu_conv_prim_create(&z->conv, s->engine, s->kind, &s->g, n, s->bias);
    for (int t = 0; t < CPU_CONV_BIAS && st == dnnl_success; t++) {
        bool out = t == result(s->kind);
        st = cpu_reorder_create(&z->reorder[t], s->engine,
                                out ? &z->conv.inner[t] : &z->conv.plain[t],
                                out ? &z->conv.plain[t] : &z->conv.inner[t]);
    }
    /* The slices share the weights, so both sizes must want them alike. */
    if (st == dnnl_success && z != s->sized &&
        !cpu_md_same(&z->conv.inner[CPU_CONV_W], &s->sized[0].conv.inner[CPU_CONV_W]))
        return dnnl_unimplemented;
    return st;
}

static uint64_t take(uint64_t *ws, uint64_t bytes)
{
    uint64_t at = *ws;
    *ws += cpu_align_up(bytes);
    return at;
}

static dnnl_status_t make_slice(struct state *s, struct slice *sl, uint64_t *ws)
{
    const struct sized *z = sl->sized;
    dnnl_status_t st = dnnl_stream_create(&sl->stream, s->engine, dnnl_stream_default_flags);
    if (st == dnnl_success)
        st = cpu_memory_create(&sl->scratchpad, &z->conv.scratch, s->engine);
    sl->scratch_at = take(ws, cpu_md_bytes(&z->conv.scratch));
    for (int t = 0; t < CPU_CONV_TENSORS - !s->bias && st == dnnl_success; t++) {
        bool partial = t == CPU_CONV_W && s->kind == CPU_CONV_GRAD_WEIGHT;
        st = cpu_memory_create(&sl->plain[t], &z->conv.plain[t], s->engine);
        if (st == dnnl_success && t != CPU_CONV_BIAS)
            st = cpu_memory_create(&sl->inner[t], &z->conv.inner[t], s->engine);
        if (partial || (t != CPU_CONV_BIAS && t != CPU_CONV_W && z->reorder[t]))
            sl->at[t] = take(ws, cpu_md_bytes(&z->conv.inner[t]));
    }
    return st;
}

/* Threads share the images where there are enough; work too small for a second thread has one. */
static void cut(struct state *s, const struct cpu_kernel *k)
{
    const struct cpu_window *g = &s->g;
    uint32_t threads = k->inst->n_threads;
    double work =
        (double)g->n * (double)(g->o * g->oh * g->ow) * (double)(g->c / g->groups * g->kh * g->kw);
    if (work < 1e6)
        threads = 1;
    s->n_slices = g->n >= (int64_t)threads ? threads : 1;
    s->omp_threads = s->n_slices == 1 ? threads : 1;
}

static dnnl_status_t make(struct state *s, struct cpu_kernel *k)
{
    const struct cpu_window *g = &s->g;
    int64_t small = g->n / s->n_slices, more = g->n % s->n_slices, first = 0;
    s->slice = cpu_alloc(k->inst, s->n_slices * sizeof *s->slice);
    if (!s->slice)
        return dnnl_out_of_memory;
    dnnl_status_t st = dnnl_engine_create(&s->engine, dnnl_cpu, 0);
    if (st == dnnl_success)
        st = make_sized(s, &s->sized[0], small + (more > 0));
    if (st == dnnl_success && more)
        st = make_sized(s, &s->sized[1], small);
    if (st != dnnl_success)
        return st;
    const struct cpu_conv_prim *p = &s->sized[0].conv;
    s->weights_floats = (int64_t)(cpu_md_bytes(&p->inner[CPU_CONV_W]) / sizeof(float));
    if (s->kind != CPU_CONV_GRAD_WEIGHT && s->sized[0].reorder[CPU_CONV_W])
        s->weights_at = take(&k->ws_bytes, cpu_md_bytes(&p->inner[CPU_CONV_W]));
    for (uint32_t i = 0; i < s->n_slices && st == dnnl_success; i++) {
        struct slice *sl = &s->slice[i];
        sl->sized = &s->sized[more && i >= more];
        sl->first = first;
        sl->n = sl->sized->n;
        first += sl->n;
        st = make_slice(s, sl, &k->ws_bytes);
    }
    take(&k->ws_bytes, s->n_slices * sizeof(dnnl_status_t));
    return st;
}

static void read_node(struct state *s, const struct cpu_query *q)
{
    const char *op = q->node->op;
    s->kind = strcmp(op, "conv2d") == 0              ? CPU_CONV_FORWARD
              : strcmp(op, "conv2d_grad_input") == 0 ? CPU_CONV_GRAD_INPUT
                                                     : CPU_CONV_GRAD_WEIGHT;
    const tnb_tensor *x = s->kind == CPU_CONV_GRAD_INPUT ? q->out[0] : q->in[0];
    const tnb_tensor *y = s->kind == CPU_CONV_FORWARD      ? q->out[0]
                          : s->kind == CPU_CONV_GRAD_INPUT ? q->in[0]
                                                           : q->in[1];
    const tnb_tensor *w = s->kind == CPU_CONV_GRAD_WEIGHT ? q->out[0] : q->in[1];
    cpu_window_init(&s->g, q->node, x, y, w->dim[2], w->dim[3]);
    s->bias = s->kind == CPU_CONV_FORWARD && q->n_in > 2 && q->in[2];
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    read_node(s, q);
    cut(s, k);
    k->run = run;
    k->bind = bind;
    k->finish = finish;
    if (s->omp_threads > 1)
        cpu_openmp_threads(k->inst->pool, (int)s->omp_threads);
    dnnl_status_t st = make(s, k);
    if (s->omp_threads > 1)
        cpu_openmp_threads(k->inst->pool, 1);
    if (st != dnnl_success)
        return cpu_fail(err, st == dnnl_out_of_memory ? TNB_E_OOM : TNB_E_INTERNAL,
                        "cpu: oneDNN cannot prepare '%s' (code %d); --backend-opt provider=loops "
                        "does without",
                        q->node->op, (int)st);
    return TNB_OK;
}

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    struct state s = {0};
    /* dnnl_primitive_execute allocates its argument table anew at each call, and no option spares
     * it; a plan must not allocate after its first step. Own loops are level with it. */
    if (q->inst->provider == CPU_PROVIDER_AUTO)
        return cpu_refuse(why, "oneDNN allocates at each run; own loops serve but for "
                               "provider=onednn");
    for (uint32_t i = 0; i < q->n_in + q->n_out; i++) {
        const tnb_tensor *t = i < q->n_in ? q->in[i] : q->out[i - q->n_in];
        if (t && t->dtype != TNB_F32)
            return cpu_refuse(why, "oneDNN: %s where f32 is needed", cpu_dtype_name(t->dtype));
        if (t && tnb_count(t) == 0)
            return cpu_refuse(why, "oneDNN: an empty tensor");
    }
    read_node(&s, q);
    const struct cpu_window *g = &s.g;
    dnnl_engine_t engine = NULL;
    struct cpu_conv_prim prim = {0};
    dnnl_status_t st = dnnl_engine_create(&engine, dnnl_cpu, 0);
    if (st == dnnl_success)
        st = cpu_conv_prim_create(&prim, engine, s.kind, g, g->n, s.bias);
    cpu_conv_prim_destroy(&prim);
    if (engine)
        dnnl_engine_destroy(engine);
    if (st != dnnl_success)
        return cpu_refuse(why, "oneDNN: no primitive for this convolution (code %d)", (int)st);
    return true;
}

const struct cpu_impl *cpu_onednn_find(const char *op)
{
    static const struct cpu_impl conv = {"onednn", CPU_PROVIDER_ONEDNN, supports, prepare};
    static const char *const ops[] = {"conv2d", "conv2d_grad_input", "conv2d_grad_weight"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(op, ops[i]) == 0)
            return &conv;
    return NULL;
}

#else

const struct cpu_impl *cpu_onednn_find(const char *op)
{
    return NULL;
}

#endif
