#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "support.h"

struct fake fake;

static tn_runtime *runtime;
static tn_session *sessions[4];
static size_t n_sessions;
static struct tn_backend_unit unit;
static struct tn_device device;
static const tnb_backend *ref;

/* A plan of ref, and a buffer for what the claims hide. */
struct fake_plan {
    tnb_plan *inner;
    tnb_device *device;
    tnb_buffer *hidden;
    uint64_t *sizes;
    uint32_t n_values;
    tnb_span *spans;
};

static uint32_t draw(uint32_t seed, uint64_t place)
{
    return tn_philox(seed, place, 0).v[0];
}

static int is_refused(const tnb_graph *graph, uint32_t node)
{
    for (size_t i = 0; i < 8 && fake.refuse[i]; i++)
        if (strcmp(fake.refuse[i], graph->nodes[node]->op) == 0)
            return 1;
    return fake.refuse_seed &&
           draw(fake.refuse_seed, tn_hash_string(graph->nodes[node]->label)) % 3 == 0;
}

static tnb_status fake_supports(tnb_device *dev, const tnb_graph *graph, uint32_t node,
                                tnb_support *out, tnb_error *err)
{
    tnb_status st = ref->supports(dev, graph, node, out, err);
    const tnb_node *n = graph->nodes[node];
    if (is_refused(graph, node)) {
        out->verdict = TNB_NO;
        snprintf(out->why, sizeof(out->why), "it does not like %s", n->op);
        return st;
    }
    snprintf(out->variant, sizeof(out->variant), "fake");
    for (uint32_t i = 0; fake.inplace && i < n->n_in && out->n_inplace < 8; i++)
        if (n->in[i] != TNB_ABSENT && graph->values[n->in[i]].dtype == TNB_F32) {
            out->inplace[out->n_inplace].in = (uint16_t)i;
            out->inplace[out->n_inplace++].out = 0;
        }
    return st;
}

static void offer_random(const tnb_segment *segment, const tnb_claim_sink *sink)
{
    uint32_t nodes[16], n_segment = segment->n_nodes;
    for (uint32_t k = 0; k < n_segment; k++) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < n_segment && n < 6; i++)
            if (draw(fake.claim_seed, k * 1000 + i) % n_segment < 4)
                nodes[n++] = segment->nodes[i];
        fake.n_accepted += n > 1 && sink->claim(sink->ctx, nodes, n, k, "random") == TNB_OK;
    }
}

static tnb_status fake_propose(tnb_device *dev, const tnb_graph *graph, const tnb_segment *segment,
                               const tnb_claim_sink *sink, tnb_error *err)
{
    if (fake.claim_seed)
        offer_random(segment, sink);
    for (uint32_t i = 0; i < fake.n_offers; i++)
        fake.offers[i].answer =
            sink->claim(sink->ctx, fake.offers[i].nodes, fake.offers[i].n, i, "offer");
    return TNB_OK;
}

static tnb_status fake_plan_create(tnb_device *dev, const tnb_graph *graph,
                                   const tnb_segment *segment, uint64_t *out_workspace,
                                   tnb_plan **out_plan, tnb_error *err)
{
    struct fake_plan *plan = calloc(1, sizeof(*plan));
    tnb_segment plain = *segment;
    plain.n_claims = 0;
    plain.claims = NULL;
    plan->device = dev;
    plan->n_values = segment->n_values;
    plan->sizes = calloc(segment->n_values + 1, sizeof(uint64_t));
    plan->spans = calloc(segment->n_values + 1, sizeof(tnb_span));
    for (uint32_t i = 0; i < segment->n_values; i++) {
        const tnb_tensor *t = &graph->values[segment->values[i]];
        plan->sizes[i] = (uint64_t)tnb_count(t) * tnb_dtype_size(t->dtype);
    }
    *out_plan = (tnb_plan *)plan;
    return ref->plan_create(dev, graph, &plain, out_workspace, &plan->inner, err);
}

static void fake_plan_destroy(tnb_plan *handle)
{
    struct fake_plan *plan = (struct fake_plan *)handle;
    ref->plan_destroy(plan->inner);
    if (plan->hidden)
        ref->buffer_free(plan->hidden);
    free(plan->sizes);
    free(plan->spans);
    free(plan);
}

static tnb_status fake_plan_bind(tnb_plan *handle, const tnb_span *spans, uint32_t n_spans,
                                 tnb_span workspace, tnb_error *err)
{
    struct fake_plan *plan = (struct fake_plan *)handle;
    uint64_t total = 0, at = 0;
    fake.n_binds++;
    fake.n_busy_binds += (uint32_t)fake.is_busy;
    for (uint32_t i = 0; i < n_spans; i++)
        total += spans[i].buffer ? 0 : (plan->sizes[i] + 63) / 64 * 64;
    if (total && !plan->hidden &&
        ref->buffer_alloc(plan->device, total, TNB_BUFFER_DEVICE, &plan->hidden, err) != TNB_OK)
        return TNB_E_OOM;
    for (uint32_t i = 0; i < n_spans; i++) {
        plan->spans[i] = spans[i];
        if (spans[i].buffer) {
            cr_assert_eq(spans[i].offset % (fake.offset_align ? fake.offset_align : 64), 0);
            continue;
        }
        plan->spans[i] = (tnb_span){.buffer = plan->hidden, .offset = at, .size = plan->sizes[i]};
        at += (plan->sizes[i] + 63) / 64 * 64;
    }
    return ref->plan_bind(plan->inner, plan->spans, n_spans, workspace, err);
}

static tnb_status fake_run(tnb_queue *queue, tnb_plan *plan, tnb_error *err)
{
    fake.is_busy = 1;
    return ref->run(queue, ((struct fake_plan *)plan)->inner, err);
}

static tnb_status fake_event_wait(tnb_event *event, uint64_t value, uint64_t timeout_ns,
                                  tnb_error *err)
{
    fake.is_busy = 0;
    return ref->event_wait(event, value, timeout_ns, err);
}

static tnb_status fake_plan_times(tnb_plan *plan, uint64_t *out_ns, uint32_t n, tnb_error *err)
{
    return ref->plan_times(((struct fake_plan *)plan)->inner, out_ns, n, err);
}

static tnb_status fake_alloc(tnb_device *dev, uint64_t size, uint32_t kind, tnb_buffer **out,
                             tnb_error *err)
{
    fake.n_allocs++;
    if ((fake.alloc_limit && size > fake.alloc_limit) ||
        (fake.fail_from && fake.n_allocs >= fake.fail_from))
        return TNB_E_OOM;
    return ref->buffer_alloc(dev, size, kind, out, err);
}

static tnb_status fake_info(tnb_instance *instance, uint32_t index, tnb_device_info *out,
                            tnb_error *err)
{
    tnb_status st = ref->device_info(instance, 0, out, err);
    out->mem_free = fake.mem_free;
    out->mem_total = 0;
    out->max_alloc = fake.max_alloc;
    return st;
}

static void open_runtime(void)
{
    struct tn_error err = {0};
    struct tn_runtime_params params = {.n_threads = 1};
    tnb_device *handle = NULL;
    if (runtime)
        return;
    check(tn_runtime_create(&params, &runtime, &err), &err, "runtime");
    tn_device *host = tn_runtime_ref_device(runtime);
    check(tn_device_open(host, &handle, &err), &err, "ref");
    ref = tn_device_api(host);
    unit = (struct tn_backend_unit){
        .runtime = runtime, .api = *ref, .instance = host->backend->instance};
    unit.api.supports = fake_supports;
    unit.api.propose = fake_propose;
    unit.api.plan_create = fake_plan_create;
    unit.api.plan_destroy = fake_plan_destroy;
    unit.api.plan_bind = fake_plan_bind;
    unit.api.run = fake_run;
    unit.api.event_wait = fake_event_wait;
    unit.api.plan_times = fake_plan_times;
    unit.api.buffer_alloc = fake_alloc;
    unit.api.device_info = fake_info;
    device = *host;
    device.backend = &unit;
    device.info.backend = "fake";
    if (fake.offset_align)
        device.tnb.offset_align = fake.offset_align;
}

static tn_session *open_with(struct tn_session_params params)
{
    struct tn_error err = {0};
    check(tn_session_create(runtime, &params, &sessions[n_sessions], &err), &err, "session");
    return sessions[n_sessions++];
}

tn_session *open_fake(int strict)
{
    open_runtime();
    tn_device *fallback = tn_runtime_ref_device(runtime);
    return open_with((struct tn_session_params){
        .device = &device, .fallback = &fallback, .n_fallback = 1, .seed = 7, .strict = strict});
}

tn_session *open_on_ref(void)
{
    open_runtime();
    tn_device *fallback = &device;
    return open_with((struct tn_session_params){.device = tn_runtime_ref_device(runtime),
                                                .fallback = &fallback,
                                                .n_fallback = 1,
                                                .seed = 7});
}

void close_fake(void)
{
    for (size_t i = 0; i < n_sessions; i++)
        tn_session_destroy(&sessions[i]);
    n_sessions = 0;
    close_all();
    tn_runtime_destroy(&runtime);
    fake = (struct fake){0};
}
