/* SPDX-License-Identifier: MIT
 *
 * supports, and plans: prepared kernels with bound pointers, run in order. */
#include <stdio.h>
#include <time.h>

#include "cpu.h"
#include "half.h"
#include "threads.h"

struct step {
    struct cpu_kernel k;
    struct cpu_edges *edges; /* NULL: no operand is converted */
    uint32_t n_in, n_out;
    uint32_t span_in[CPU_MAX_IN], span_out[CPU_MAX_OUT]; /* index into the spans, or TNB_ABSENT */
    uint64_t size_in[CPU_MAX_IN], size_out[CPU_MAX_OUT]; /* bytes that the kernel touches */
};

struct tnb_plan {
    const tnb_instance *inst;
    uint32_t n_steps, n_spans;
    uint64_t ws_bytes;
    uint64_t *times; /* ns of each step in the last profiled run */
    struct step *steps;
    bool bound;
};

tnb_status cpu_query_init(struct cpu_query *q, const tnb_instance *inst, const tnb_graph *graph,
                          uint32_t node, tnb_error *err)
{
    const tnb_node *n = graph->nodes[node];
    if (n->n_in > CPU_MAX_IN || n->n_out > CPU_MAX_OUT)
        return cpu_fail(err, TNB_E_INVALID,
                        "cpu: '%s' has %u inputs and %u outputs; at most %u and %u", n->op, n->n_in,
                        n->n_out, CPU_MAX_IN, CPU_MAX_OUT);
    *q = (struct cpu_query){.inst = inst, .node = n, .n_in = n->n_in, .n_out = n->n_out};
    for (uint32_t i = 0; i < n->n_in; i++)
        q->in[i] = n->in[i] == TNB_ABSENT ? NULL : &graph->values[n->in[i]];
    for (uint32_t i = 0; i < n->n_out; i++)
        q->out[i] = n->out[i] == TNB_ABSENT ? NULL : &graph->values[n->out[i]];
    return TNB_OK;
}

static const struct cpu_op *find_op(const tnb_instance *inst, const char *name)
{
    for (uint32_t f = 0; inst->families[f]; f++)
        for (const struct cpu_op *op = inst->families[f]; op->name; op++)
            if (strcmp(op->name, name) == 0)
                return op;
    return NULL;
}

/* Dtypes that no implementation here knows are refused in one place. */
static bool known_dtypes(const struct cpu_query *q, bool takes_half, char why[CPU_WHY])
{
    for (uint32_t i = 0; i < q->n_in + q->n_out; i++) {
        const tnb_tensor *t = i < q->n_in ? q->in[i] : q->out[i - q->n_in];
        if (!t)
            continue;
        if (t->layout != 0)
            return cpu_refuse(why, "layout %u of a value is not row-major", t->layout);
        switch (t->dtype) {
        case TNB_F32:
        case TNB_F64:
        case TNB_I32:
        case TNB_I64:
        case TNB_U8:
        case TNB_BOOL:
            break;
        case TNB_F16:
        case TNB_BF16:
            if (takes_half)
                break;
            /* fallthrough */
        default:
            return cpu_refuse(why, "cpu has no %s arithmetic yet", cpu_dtype_name(t->dtype));
        }
    }
    return true;
}

const struct cpu_impl *cpu_pick(const struct cpu_query *q, const struct cpu_op **out_op,
                                char why[CPU_WHY])
{
    const struct cpu_op *op = find_op(q->inst, q->node->op);
    if (!op) {
        cpu_refuse(why, "operator '%.60s' is unknown to the cpu backend", q->node->op);
        return NULL;
    }
    *out_op = op;
    if (!known_dtypes(q, op->flags & CPU_TAKES_HALF, why))
        return NULL;
    const struct cpu_impl *list[] = {cpu_onednn_find(op->name), cpu_blas_find(op->name),
                                     &op->loops};
    for (uint32_t i = 0; i < sizeof list / sizeof *list; i++) {
        const struct cpu_impl *impl = list[i];
        /* A forced provider goes first, own loops still end the list. */
        if (!impl || (q->inst->provider != CPU_PROVIDER_AUTO && impl != &op->loops &&
                      impl->provider != q->inst->provider))
            continue;
        if (impl->supports(q, why))
            return impl;
    }
    return NULL;
}

/* How a node runs: on its operands as they are, or on f32 copies of the 16-bit ones. */
struct choice {
    const struct cpu_impl *impl;
    const struct cpu_op *op;
    const struct cpu_query *q; /* what the implementation is to see */
    struct cpu_widened wide;
};

static bool choose(const struct cpu_query *q, struct choice *c, char why[CPU_WHY])
{
    c->q = q;
    c->impl = cpu_pick(q, &c->op, why);
    if (!c->impl && cpu_widen(q, &c->wide)) {
        c->q = &c->wide.q;
        c->impl = cpu_pick(c->q, &c->op, why);
    }
    return c->impl != NULL;
}

static bool same_type(const tnb_tensor *a, const tnb_tensor *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank)
        return false;
    for (uint32_t i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

static void add_pair(tnb_support *s, uint32_t in, uint32_t out)
{
    if (s->n_inplace >= sizeof s->inplace / sizeof *s->inplace)
        return;
    s->inplace[s->n_inplace].in = (uint16_t)in;
    s->inplace[s->n_inplace].out = (uint16_t)out;
    s->n_inplace++;
}

static void fill_pairs(const struct cpu_query *q, const struct cpu_op *op, tnb_support *s)
{
    if (op->flags & CPU_INPLACE_ANY)
        for (uint32_t i = 0; i < q->n_in; i++)
            if (q->in[i] && q->n_out && q->out[0] && same_type(q->in[i], q->out[0]))
                add_pair(s, i, 0);
    for (uint32_t p = 0; p < op->n_pairs; p++) {
        uint32_t i = op->pair[p][0], o = op->pair[p][1];
        if (i < q->n_in && o < q->n_out && q->in[i] && q->out[o] && same_type(q->in[i], q->out[o]))
            add_pair(s, i, o);
    }
}

/* Results of integers, and of ops that only move data, are exact. */
static uint32_t precision(const struct cpu_query *q)
{
    switch (q->n_out && q->out[0] ? q->out[0]->dtype : 0) {
    case TNB_F32:
    case TNB_F64:
        return TNB_PREC_F32;
    case TNB_F16:
        return TNB_PREC_F16;
    case TNB_BF16:
        return TNB_PREC_BF16;
    default:
        return TNB_PREC_EXACT;
    }
}

/* "loops-avx2", "onednn+f16". */
static void name_variant(const struct cpu_query *q, const struct choice *c, tnb_support *s)
{
    bool loops = c->impl == &c->op->loops;
    const char *half = "";
    for (uint32_t i = 0; c->q != q && i < q->n_in + q->n_out; i++) {
        const tnb_tensor *t = i < q->n_in ? q->in[i] : q->out[i - q->n_in];
        if (t && (t->dtype == TNB_F16 || t->dtype == TNB_BF16))
            half = t->dtype == TNB_F16 ? "+f16" : "+bf16";
    }
    snprintf(s->variant, sizeof s->variant, "%s%s%s%s", c->impl->variant, loops ? "-" : "",
             loops ? q->inst->isa : "", half);
}

tnb_status cpu_supports(tnb_device *device, const tnb_graph *graph, uint32_t node,
                        tnb_support *out_support, tnb_error *err)
{
    if (node >= graph->n_nodes)
        return cpu_fail(err, TNB_E_INVALID, "cpu: node %u of %u", node, graph->n_nodes);
    tnb_support s = {.verdict = TNB_NO};
    struct cpu_query q;
    struct choice c = {.impl = NULL};
    tnb_error local = {.struct_size = sizeof local};
    if (cpu_query_init(&q, device->inst, graph, node, &local) != TNB_OK) {
        snprintf(s.why, sizeof s.why, "%.150s", local.msg);
    } else if (choose(&q, &c, s.why)) {
        s.verdict = TNB_YES;
        s.precision = precision(&q);
        name_variant(&q, &c, &s);
        fill_pairs(&q, c.op, &s);
    }
    uint32_t size = out_support->struct_size < sizeof s ? out_support->struct_size : sizeof s;
    s.struct_size = out_support->struct_size;
    memcpy(out_support, &s, size);
    return TNB_OK;
}

static uint32_t span_index(const tnb_segment *segment, uint32_t value)
{
    uint32_t lo = 0, hi = segment->n_values;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (segment->values[mid] < value)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < segment->n_values && segment->values[lo] == value ? lo : TNB_ABSENT;
}

/* `in` or `out` of a step: where its values stand among the spans. */
static tnb_status locate(const tnb_segment *segment, const tnb_node *node, const uint32_t *values,
                         const tnb_tensor *const *types, uint32_t n, uint32_t *out_span,
                         uint64_t *out_size, tnb_error *err)
{
    for (uint32_t i = 0; i < n; i++) {
        out_span[i] = TNB_ABSENT;
        out_size[i] = 0;
        if (!types[i])
            continue;
        out_span[i] = span_index(segment, values[i]);
        out_size[i] = cpu_bytes(types[i]);
        if (out_span[i] == TNB_ABSENT)
            return cpu_fail(err, TNB_E_INVALID, "cpu: value %u of '%s' (%s) is not in the segment",
                            values[i], node->op, node->label ? node->label : "");
    }
    return TNB_OK;
}

static tnb_status prepare(const tnb_instance *inst, const tnb_graph *graph,
                          const tnb_segment *segment, uint32_t node, struct step *step,
                          tnb_error *err)
{
    struct cpu_query q;
    struct choice c = {.impl = NULL};
    char why[CPU_WHY] = "";
    if (node >= graph->n_nodes)
        return cpu_fail(err, TNB_E_INVALID, "cpu: node %u of %u", node, graph->n_nodes);
    tnb_status s = cpu_query_init(&q, inst, graph, node, err);
    if (s != TNB_OK)
        return s;
    if (!choose(&q, &c, why))
        return cpu_fail(err, TNB_E_UNSUPPORTED, "cpu: '%s' (%s): %s", q.node->op,
                        q.node->label ? q.node->label : "", why);
    step->n_in = q.n_in;
    step->n_out = q.n_out;
    s = locate(segment, q.node, q.node->in, q.in, q.n_in, step->span_in, step->size_in, err);
    if (s == TNB_OK)
        s = locate(segment, q.node, q.node->out, q.out, q.n_out, step->span_out, step->size_out,
                   err);
    if (s == TNB_OK && c.q != &q)
        s = cpu_edges_create(&q, &step->edges, err);
    if (s != TNB_OK)
        return s;
    step->k.inst = inst;
    return c.impl->prepare(c.q, &step->k, err);
}

tnb_status cpu_plan_create(tnb_device *device, const tnb_graph *graph, const tnb_segment *segment,
                           uint64_t *out_workspace, tnb_plan **out_plan, tnb_error *err)
{
    const tnb_instance *inst = device->inst;
    if (segment->n_claims)
        return cpu_fail(err, TNB_E_INVALID, "cpu: %u claims that this backend never made",
                        segment->n_claims);
    tnb_plan *plan = cpu_alloc(inst, sizeof *plan);
    if (!plan)
        return cpu_fail(err, TNB_E_OOM, "cpu: no memory for a plan");
    plan->inst = inst;
    plan->n_spans = segment->n_values;
    plan->steps = cpu_alloc(inst, (uint64_t)segment->n_nodes * sizeof *plan->steps);
    plan->times = cpu_alloc(inst, (uint64_t)segment->n_nodes * sizeof *plan->times);
    int outer = cpu_openmp_threads(inst->pool, 1);
    tnb_status s = TNB_OK;
    if (!plan->steps || !plan->times)
        s = cpu_fail(err, TNB_E_OOM, "cpu: no memory for a plan of %u nodes", segment->n_nodes);
    for (uint32_t i = 0; s == TNB_OK && i < segment->n_nodes; i++) {
        struct step *step = &plan->steps[plan->n_steps++];
        s = prepare(inst, graph, segment, segment->nodes[i], step, err);
        uint64_t need = step->k.ws_bytes + (step->edges ? step->edges->bytes : 0);
        if (s == TNB_OK && need > plan->ws_bytes)
            plan->ws_bytes = need;
    }
    cpu_openmp_threads(plan->inst->pool, outer);
    if (s != TNB_OK) {
        cpu_plan_destroy(plan);
        return s;
    }
    *out_workspace = plan->ws_bytes;
    *out_plan = plan;
    return TNB_OK;
}

void cpu_plan_destroy(tnb_plan *plan)
{
    if (!plan)
        return;
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        struct cpu_kernel *k = &plan->steps[i].k;
        if (k->finish && k->state)
            k->finish(k);
        cpu_free(plan->inst, k->state);
        cpu_free(plan->inst, plan->steps[i].edges);
    }
    cpu_free(plan->inst, plan->times);
    cpu_free(plan->inst, plan->steps);
    cpu_free(plan->inst, plan);
}

/* Address of span i. Empty values need no memory, kernels still want a pointer that is not NULL. */
static tnb_status resolve(const tnb_span *spans, uint32_t i, uint64_t need, uint8_t **out_ptr,
                          tnb_error *err)
{
    static uint8_t empty[CPU_ALIGN];
    if (i == TNB_ABSENT) {
        *out_ptr = NULL;
        return TNB_OK;
    }
    *out_ptr = need == 0 ? empty : cpu_span_ptr(spans[i], need, err);
    return *out_ptr ? TNB_OK : TNB_E_INVALID;
}

static tnb_status bind_step(struct step *step, const tnb_span *spans, tnb_error *err)
{
    struct cpu_kernel *k = &step->k;
    for (uint32_t j = 0; j < step->n_in; j++) {
        uint8_t *p = NULL;
        tnb_status s = resolve(spans, step->span_in[j], step->size_in[j], &p, err);
        if (s != TNB_OK)
            return s;
        k->in[j] = p;
    }
    for (uint32_t j = 0; j < step->n_out; j++) {
        tnb_status s = resolve(spans, step->span_out[j], step->size_out[j], &k->out[j], err);
        if (s != TNB_OK)
            return s;
    }
    if (step->edges)
        cpu_edges_bind(step->edges, k);
    return k->bind ? k->bind(k, err) : TNB_OK;
}

tnb_status cpu_plan_bind(tnb_plan *plan, const tnb_span *spans, uint32_t n_spans,
                         tnb_span workspace, tnb_error *err)
{
    if (n_spans != plan->n_spans)
        return cpu_fail(err, TNB_E_INVALID, "cpu: %u spans for a segment of %u values", n_spans,
                        plan->n_spans);
    uint8_t *ws = NULL;
    if (plan->ws_bytes && !(ws = cpu_span_ptr(workspace, plan->ws_bytes, err)))
        return TNB_E_INVALID;
    plan->bound = false;
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        plan->steps[i].k.ws = ws;
        tnb_status s = bind_step(&plan->steps[i], spans, err);
        if (s != TNB_OK)
            return s;
    }
    plan->bound = true;
    return TNB_OK;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

tnb_status cpu_run(tnb_queue *queue, tnb_plan *plan, tnb_error *err)
{
    if (!plan->bound)
        return cpu_fail(err, TNB_E_INVALID, "cpu: a plan runs after plan_bind");
    bool profile = queue->flags & TNB_QUEUE_PROFILE;
    int outer = cpu_openmp_threads(plan->inst->pool, 1);
    tnb_status s = TNB_OK;
    for (uint32_t i = 0; s == TNB_OK && i < plan->n_steps; i++) {
        const struct cpu_kernel *k = &plan->steps[i].k;
        uint64_t begin = profile ? now_ns() : 0;
        s = plan->steps[i].edges ? cpu_edges_run(plan->steps[i].edges, k, err) : k->run(k, err);
        if (profile)
            plan->times[i] = now_ns() - begin;
    }
    cpu_openmp_threads(plan->inst->pool, outer);
    return s;
}

tnb_status cpu_plan_times(tnb_plan *plan, uint64_t *out_ns, uint32_t n_nodes, tnb_error *err)
{
    for (uint32_t i = 0; i < n_nodes; i++)
        out_ns[i] = i < plan->n_steps ? plan->times[i] : 0;
    return TNB_OK;
}
