/* A complete backend in one file: one device, host memory, one operator (relu).
 *
 *     cc -std=c11 -shared -fPIC -o libtenon-backend-example.so docs/example-backend.c -Iinclude
 *     tenon train digits-cnn --backend ./libtenon-backend-example.so --explain
 *
 * Work is done inside `run`, so events are reached as soon as they are signalled. A real device
 * would queue the work and let event_wait block. */
#include <stdio.h>

#include "tenon/backend.h"

struct tnb_instance {
    const tnb_host *host;
};
struct tnb_device {
    tnb_instance *instance;
};
struct tnb_buffer {
    const tnb_host *host;
    unsigned char *bytes;
};
struct tnb_queue {
    const tnb_host *host;
};
struct tnb_event {
    const tnb_host *host;
    uint64_t value;
};
struct node {
    uint32_t in, out; /* positions in the segment's list of values */
    int64_t count;
    const float *x;
    float *y;
};
struct tnb_plan {
    const tnb_host *host;
    uint32_t n_nodes;
    struct node nodes[];
};

static tnb_status fail(tnb_error *err, tnb_status code, const char *msg)
{
    if (err) {
        err->code = code;
        snprintf(err->msg, sizeof(err->msg), "%s", msg);
    }
    return code;
}

static void *take(const tnb_host *host, uint64_t size)
{
    return host->alloc(host->ctx, size ? size : 1, 64);
}

static tnb_status create(const tnb_host *host, const tnb_kv *opts, uint32_t n_opts,
                         tnb_instance **out_instance, tnb_error *err)
{
    if (n_opts)
        return fail(err, TNB_E_INVALID, "the example backend has no options");
    tnb_instance *instance = take(host, sizeof(*instance));
    if (!instance)
        return fail(err, TNB_E_OOM, "out of host memory");
    instance->host = host;
    *out_instance = instance;
    (void)opts;
    return TNB_OK;
}

static void destroy(tnb_instance *instance)
{
    instance->host->free(instance->host->ctx, instance);
}

static tnb_status device_count(tnb_instance *instance, uint32_t *out_count, tnb_error *err)
{
    (void)instance, (void)err;
    *out_count = 1;
    return TNB_OK;
}

static tnb_status device_info(tnb_instance *instance, uint32_t index, tnb_device_info *out_info,
                              tnb_error *err)
{
    (void)instance;
    if (index)
        return fail(err, TNB_E_INVALID, "there is one device, 0");
    out_info->kind = TNB_DEVICE_CPU;
    out_info->caps = TNB_CAP_HOST_MEMORY;
    out_info->dtype_mask = 1u << TNB_F32;
    out_info->mem_total = out_info->mem_free = 0; /* not known */
    out_info->max_alloc = (uint64_t)1 << 40;
    out_info->offset_align = 64;
    out_info->score = 2; /* above ref, below everything that is meant for use */
    snprintf(out_info->name, sizeof(out_info->name), "example");
    snprintf(out_info->uid, sizeof(out_info->uid), "example:0");
    snprintf(out_info->driver, sizeof(out_info->driver), "none");
    return TNB_OK;
}

static tnb_status device_open(tnb_instance *instance, uint32_t index, tnb_device **out_device,
                              tnb_error *err)
{
    if (index)
        return fail(err, TNB_E_INVALID, "there is one device, 0");
    tnb_device *device = take(instance->host, sizeof(*device));
    if (!device)
        return fail(err, TNB_E_OOM, "out of host memory");
    device->instance = instance;
    *out_device = device;
    return TNB_OK;
}

static void device_close(tnb_device *device)
{
    const tnb_host *host = device->instance->host;
    host->free(host->ctx, device);
}

static tnb_status buffer_alloc(tnb_device *device, uint64_t size, uint32_t kind,
                               tnb_buffer **out_buffer, tnb_error *err)
{
    const tnb_host *host = device->instance->host;
    tnb_buffer *buffer = take(host, sizeof(*buffer));
    if (buffer)
        buffer->bytes = take(host, size);
    if (!buffer || !buffer->bytes) {
        host->free(host->ctx, buffer);
        return fail(err, TNB_E_OOM, "out of host memory");
    }
    buffer->host = host;
    *out_buffer = buffer;
    (void)kind;
    return TNB_OK;
}

static void buffer_free(tnb_buffer *buffer)
{
    const tnb_host *host = buffer->host;
    host->free(host->ctx, buffer->bytes);
    host->free(host->ctx, buffer);
}

static int is_ours(const tnb_graph *graph, const tnb_node *n)
{
    return strcmp(n->op, "relu") == 0 && graph->values[n->in[0]].dtype == TNB_F32;
}

/* One operator, one type; everything else runs elsewhere, and --explain shows this reason. A host
 * of another version may have a smaller struct: what lies past its end is not written. */
static tnb_status supports(tnb_device *device, const tnb_graph *graph, uint32_t node,
                           tnb_support *out_support, tnb_error *err)
{
    if (node >= graph->n_nodes)
        return fail(err, TNB_E_INVALID, "there is no such node");
    int yes = is_ours(graph, graph->nodes[node]);
    out_support->verdict = yes ? TNB_YES : TNB_NO;
    out_support->precision = TNB_PREC_EXACT;
    out_support->n_inplace = 0;
    if (TNB_HAS(out_support, tnb_support, inplace)) {
        out_support->n_inplace = yes; /* y may lie where x lies */
        out_support->inplace[0].in = out_support->inplace[0].out = 0;
    }
    if (TNB_HAS(out_support, tnb_support, variant))
        snprintf(out_support->variant, sizeof(out_support->variant), "plain");
    if (TNB_HAS(out_support, tnb_support, why))
        snprintf(out_support->why, sizeof(out_support->why), "%s",
                 yes ? "" : "the example backend runs relu in f32 only");
    (void)device;
    return TNB_OK;
}

static uint32_t position(const tnb_segment *segment, uint32_t value)
{
    uint32_t i = 0;
    while (i < segment->n_values && segment->values[i] != value)
        i++;
    return i;
}

/* The graph is valid only during this call: copy what `run` will need. */
static tnb_status plan_create(tnb_device *device, const tnb_graph *graph,
                              const tnb_segment *segment, uint64_t *out_workspace,
                              tnb_plan **out_plan, tnb_error *err)
{
    const tnb_host *host = device->instance->host;
    for (uint32_t i = 0; i < segment->n_nodes; i++)
        if (!is_ours(graph, graph->nodes[segment->nodes[i]]))
            return fail(err, TNB_E_UNSUPPORTED, "the example backend runs relu in f32 only");
    tnb_plan *plan = take(host, sizeof(*plan) + segment->n_nodes * sizeof(struct node));
    if (!plan)
        return fail(err, TNB_E_OOM, "out of host memory");
    plan->host = host;
    plan->n_nodes = segment->n_nodes;
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        const tnb_node *n = graph->nodes[segment->nodes[i]];
        plan->nodes[i] = (struct node){.in = position(segment, n->in[0]),
                                       .out = position(segment, n->out[0]),
                                       .count = tnb_count(&graph->values[n->in[0]])};
    }
    *out_workspace = 0;
    *out_plan = plan;
    return TNB_OK;
}

static void plan_destroy(tnb_plan *plan)
{
    plan->host->free(plan->host->ctx, plan);
}

static tnb_status plan_bind(tnb_plan *plan, const tnb_span *spans, uint32_t n_spans,
                            tnb_span workspace, tnb_error *err)
{
    for (uint32_t i = 0; i < plan->n_nodes; i++) {
        struct node *node = &plan->nodes[i];
        if (node->in >= n_spans || node->out >= n_spans)
            return fail(err, TNB_E_INVALID, "a value without a span");
        node->x = (const float *)(spans[node->in].buffer->bytes + spans[node->in].offset);
        node->y = (float *)(spans[node->out].buffer->bytes + spans[node->out].offset);
    }
    (void)workspace;
    return TNB_OK;
}

static tnb_status run(tnb_queue *queue, tnb_plan *plan, tnb_error *err)
{
    for (uint32_t i = 0; i < plan->n_nodes; i++) {
        const struct node *node = &plan->nodes[i];
        for (int64_t k = 0; k < node->count; k++)
            node->y[k] = node->x[k] <= 0.0f ? 0.0f : node->x[k]; /* NaN stays NaN */
    }
    (void)queue, (void)err;
    return TNB_OK;
}

static tnb_status event_create(tnb_device *device, tnb_event **out_event, tnb_error *err)
{
    const tnb_host *host = device->instance->host;
    tnb_event *event = take(host, sizeof(*event));
    if (!event)
        return fail(err, TNB_E_OOM, "out of host memory");
    *event = (tnb_event){.host = host};
    *out_event = event;
    return TNB_OK;
}

static void event_destroy(tnb_event *event)
{
    event->host->free(event->host->ctx, event);
}

static tnb_status event_wait(tnb_event *event, uint64_t value, uint64_t timeout_ns, tnb_error *err)
{
    (void)timeout_ns;
    return event->value >= value ? TNB_OK : fail(err, TNB_E_TIMEOUT, "not signalled yet");
}

static tnb_status queue_create(tnb_device *device, uint32_t flags, tnb_queue **out_queue,
                               tnb_error *err)
{
    const tnb_host *host = device->instance->host;
    tnb_queue *queue = take(host, sizeof(*queue));
    if (!queue)
        return fail(err, TNB_E_OOM, "out of host memory");
    queue->host = host;
    *out_queue = queue;
    (void)flags;
    return TNB_OK;
}

static void queue_destroy(tnb_queue *queue)
{
    queue->host->free(queue->host->ctx, queue);
}

static tnb_status write_span(tnb_queue *queue, tnb_span dst, const void *src, uint32_t host_rule,
                             tnb_error *err)
{
    memcpy(dst.buffer->bytes + dst.offset, src, dst.size);
    (void)queue, (void)host_rule, (void)err;
    return TNB_OK;
}

static tnb_status read_span(tnb_queue *queue, tnb_span src, void *dst, uint32_t host_rule,
                            tnb_error *err)
{
    memcpy(dst, src.buffer->bytes + src.offset, src.size);
    (void)queue, (void)host_rule, (void)err;
    return TNB_OK;
}

static tnb_status copy_span(tnb_queue *queue, tnb_span dst, tnb_span src, tnb_error *err)
{
    memmove(dst.buffer->bytes + dst.offset, src.buffer->bytes + src.offset, dst.size);
    (void)queue, (void)err;
    return TNB_OK;
}

static tnb_status fill_span(tnb_queue *queue, tnb_span dst, uint64_t pattern, uint32_t width,
                            tnb_error *err)
{
    for (uint64_t i = 0; i < dst.size; i++)
        dst.buffer->bytes[dst.offset + i] = (unsigned char)(pattern >> (8 * (i % width)));
    (void)queue, (void)err;
    return TNB_OK;
}

static tnb_status signal_event(tnb_queue *queue, tnb_event *event, uint64_t value, tnb_error *err)
{
    event->value = value;
    (void)queue, (void)err;
    return TNB_OK;
}

static tnb_status wait_event(tnb_queue *queue, tnb_event *event, uint64_t value, tnb_error *err)
{
    (void)queue; /* what was signalled has been done; the host waits for what is still to come */
    return event->value >= value ? TNB_OK : fail(err, TNB_E_UNSUPPORTED, "let the host wait");
}

static tnb_status flush(tnb_queue *queue, tnb_error *err)
{
    (void)queue, (void)err;
    return TNB_OK;
}

static const tnb_backend table = {
    .struct_size = sizeof(tnb_backend),
    .abi_major = TNB_ABI_MAJOR,
    .abi_minor = TNB_ABI_MINOR,
    .name = "example",
    .version = "1.0",
    .create = create,
    .destroy = destroy,
    .device_count = device_count,
    .device_info = device_info,
    .device_open = device_open,
    .device_close = device_close,
    .buffer_alloc = buffer_alloc,
    .buffer_free = buffer_free,
    .supports = supports,
    .plan_create = plan_create,
    .plan_destroy = plan_destroy,
    .plan_bind = plan_bind,
    .event_create = event_create,
    .event_destroy = event_destroy,
    .event_wait = event_wait,
    .queue_create = queue_create,
    .queue_destroy = queue_destroy,
    .write = write_span,
    .read = read_span,
    .copy = copy_span,
    .fill = fill_span,
    .run = run,
    .signal = signal_event,
    .wait = wait_event,
    .flush = flush,
};

TNB_EXPORT const tnb_backend *tenon_backend_entry_v0(uint32_t host_abi_minor, tnb_error *err)
{
    (void)host_abi_minor, (void)err;
    return &table;
}
