/* A backend that wraps cpu and spoils one operator: what conformance, doctor and --verify must
 * find.
 *   --backend .../libtenon-backend-corrupt.so --backend-opt op=NAME --backend-opt how=HOW
 * HOW: value (default), slight (off by 0.2 %), again (the lowest bit, in every other run), nan,
 * past (writes past the output's end), hang, crash. It happens right after the node has run, so
 * that later nodes see the spoilt value.
 *
 * These spoil no value: talk (half a line on stdout), vanish (the device is lost, and from then on
 * not listed), replace (it is lost, and another has its place). The last two remember it by a file
 * that --backend-opt mark=PATH names. --backend-opt crash=list: the process dies where the devices
 * are listed; crash=open: where one is opened. */
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tenon/backend.h"

#define N_PAST 16 /* bytes written past the end */

enum how {
    HOW_VALUE,
    HOW_SLIGHT,
    HOW_AGAIN,
    HOW_NAN,
    HOW_PAST,
    HOW_HANG,
    HOW_CRASH,
    HOW_TALK,
    HOW_VANISH,
    HOW_REPLACE,
    N_HOW
};
static const char *const how_names[N_HOW] = {"value", "slight", "again", "nan",    "past",
                                             "hang",  "crash",  "talk",  "vanish", "replace"};

struct tnb_instance {
    const tnb_host *host;
    const tnb_backend *api;
    tnb_instance *inner;
    enum how how;
    char op[48], mark[256], crash[8];
};
struct tnb_device {
    tnb_instance *instance;
    tnb_device *inner;
};

/* Buffers, queues and events are cpu's own; their slots get no instance to find it by. cpu's table
 * is one constant for the process's life, so remembering it twice is remembering the same. */
static const tnb_backend *inner_api;

static tnb_status fail(tnb_error *err, tnb_status code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    err->code = code;
    vsnprintf(err->msg, sizeof(err->msg), fmt, args);
    va_end(args);
    return code;
}

/* --- instance and devices --- */

static int read_option(tnb_instance *instance, const tnb_kv *opt)
{
    if (strcmp(opt->key, "op") == 0) {
        snprintf(instance->op, sizeof(instance->op), "%s", opt->value);
        return 1;
    }
    if (strcmp(opt->key, "mark") == 0) {
        snprintf(instance->mark, sizeof(instance->mark), "%s", opt->value);
        return 1;
    }
    if (strcmp(opt->key, "crash") == 0) {
        snprintf(instance->crash, sizeof(instance->crash), "%s", opt->value);
        return 1;
    }
    for (int h = 0; h < N_HOW; h++)
        if (strcmp(opt->key, "how") == 0 && strcmp(opt->value, how_names[h]) == 0) {
            instance->how = (enum how)h;
            return 1;
        }
    return 0;
}

static tnb_status create(const tnb_host *host, const tnb_kv *opts, uint32_t n_opts,
                         tnb_instance **out_instance, tnb_error *err)
{
    tnb_instance *instance = calloc(1, sizeof(*instance));
    if (!instance)
        return fail(err, TNB_E_OOM, "corrupt: no memory");
    instance->host = host;
    for (uint32_t i = 0; i < n_opts; i++)
        if (!read_option(instance, &opts[i])) {
            fail(err, TNB_E_INVALID,
                 "corrupt: option %s=%s; known are op=NAME, mark=PATH and "
                 "crash=list|open and "
                 "how=value|slight|again|nan|past|hang|crash|talk|vanish|replace",
                 opts[i].key, opts[i].value);
            free(instance);
            return TNB_E_INVALID;
        }
    tnb_status s = host->open_backend(host->ctx, "cpu", &instance->api, &instance->inner, err);
    if (s != TNB_OK) {
        free(instance);
        return s;
    }
    inner_api = instance->api;
    *out_instance = instance;
    return TNB_OK;
}

static void destroy(tnb_instance *instance)
{
    free(instance);
}

/* It has been lost before, by this process or another. */
static int is_lost(const tnb_instance *instance, enum how how)
{
    FILE *file = instance->how == how && instance->mark[0] ? fopen(instance->mark, "r") : NULL;
    if (file)
        fclose(file);
    return file != NULL;
}

static tnb_status device_count(tnb_instance *instance, uint32_t *out_count, tnb_error *err)
{
    if (is_lost(instance, HOW_VANISH)) {
        *out_count = 0;
        return TNB_OK;
    }
    return instance->api->device_count(instance->inner, out_count, err);
}

/* Another name and uid: what is found here must not be held against cpu. */
static tnb_status device_info(tnb_instance *instance, uint32_t index, tnb_device_info *out_info,
                              tnb_error *err)
{
    if (strcmp(instance->crash, "list") == 0)
        raise(SIGSEGV);
    tnb_status s = instance->api->device_info(instance->inner, index, out_info, err);
    if (s == TNB_OK) {
        snprintf(out_info->name, sizeof(out_info->name), "a cpu with %s spoilt: %s",
                 instance->op[0] ? instance->op : "nothing", how_names[instance->how]);
        snprintf(out_info->uid, sizeof(out_info->uid), "corrupt-%s-%s", instance->op,
                 how_names[instance->how]);
        if (is_lost(instance, HOW_REPLACE))
            snprintf(out_info->uid, sizeof(out_info->uid), "corrupt-another");
        out_info->score -= 1000;
    }
    return s;
}

static tnb_status device_open(tnb_instance *instance, uint32_t index, tnb_device **out_device,
                              tnb_error *err)
{
    tnb_device *device = calloc(1, sizeof(*device));
    if (!device)
        return fail(err, TNB_E_OOM, "corrupt: no memory");
    if (strcmp(instance->crash, "open") == 0)
        raise(SIGSEGV);
    device->instance = instance;
    tnb_status s = instance->api->device_open(instance->inner, index, &device->inner, err);
    if (s == TNB_OK)
        *out_device = device;
    else
        free(device);
    return s;
}

static void device_close(tnb_device *device)
{
    if (device)
        device->instance->api->device_close(device->inner);
    free(device);
}

/* --- plans: cut behind every node that is spoilt --- */

struct piece {
    tnb_plan *inner;
    uint32_t n_values;
    uint32_t *span_at; /* index into the segment's spans */
    uint32_t *nodes, *values;
    uint32_t n_nodes;
    uint32_t spoilt_span; /* of the last node's output, TNB_ABSENT: not spoilt */
    uint32_t dtype;
    tnb_span span;
};
struct tnb_plan {
    const tnb_instance *instance;
    struct piece *pieces;
    uint32_t n_pieces, n_runs;
    tnb_span *spans; /* of one piece, while binding */
};

static tnb_status supports(tnb_device *device, const tnb_graph *graph, uint32_t node,
                           tnb_support *out_support, tnb_error *err)
{
    return device->instance->api->supports(device->inner, graph, node, out_support, err);
}

static int is_spoilt(const tnb_instance *instance, const tnb_node *node)
{
    return node->n_out && strcmp(node->op, instance->op) == 0;
}

static int uses(const tnb_graph *graph, const struct piece *p, uint32_t value)
{
    for (uint32_t n = 0; n < p->n_nodes; n++) {
        const tnb_node *node = graph->nodes[p->nodes[n]];
        for (uint32_t i = 0; i < node->n_in; i++)
            if (node->in[i] == value)
                return 1;
        for (uint32_t i = 0; i < node->n_out; i++)
            if (node->out[i] == value)
                return 1;
    }
    return 0;
}

static void note_spoilt(const tnb_graph *graph, const tnb_segment *segment, struct piece *p)
{
    const tnb_node *last = graph->nodes[p->nodes[p->n_nodes - 1]];
    for (uint32_t k = 0; k < last->n_out && p->spoilt_span == TNB_ABSENT; k++)
        for (uint32_t v = 0; last->out[k] != TNB_ABSENT && v < segment->n_values; v++)
            if (segment->values[v] == last->out[k] && tnb_count(&graph->values[last->out[k]])) {
                p->spoilt_span = v;
                p->dtype = graph->values[last->out[k]].dtype;
            }
}

static tnb_status make_piece(tnb_device *device, const tnb_graph *graph, const tnb_segment *segment,
                             uint32_t first, uint32_t n, struct piece *p, uint64_t *workspace,
                             tnb_error *err)
{
    uint64_t bytes = 0;
    p->spoilt_span = TNB_ABSENT;
    p->nodes = calloc(n, sizeof(*p->nodes));
    p->values = calloc(segment->n_values + 1u, sizeof(*p->values));
    p->span_at = calloc(segment->n_values + 1u, sizeof(*p->span_at));
    if (!p->nodes || !p->values || !p->span_at)
        return fail(err, TNB_E_OOM, "corrupt: no memory");
    for (uint32_t i = 0; i < n; i++)
        p->nodes[p->n_nodes++] = segment->nodes[first + i];
    for (uint32_t v = 0; v < segment->n_values; v++)
        if (uses(graph, p, segment->values[v])) {
            p->span_at[p->n_values] = v;
            p->values[p->n_values++] = segment->values[v];
        }
    if (is_spoilt(device->instance, graph->nodes[p->nodes[n - 1]]))
        note_spoilt(graph, segment, p);
    tnb_segment part = {.struct_size = sizeof(part),
                        .n_nodes = n,
                        .n_values = p->n_values,
                        .nodes = p->nodes,
                        .values = p->values};
    tnb_status s =
        device->instance->api->plan_create(device->inner, graph, &part, &bytes, &p->inner, err);
    if (bytes > *workspace)
        *workspace = bytes;
    return s;
}

static void plan_destroy(tnb_plan *plan)
{
    for (uint32_t i = 0; plan && plan->pieces && i < plan->n_pieces; i++) {
        struct piece *p = &plan->pieces[i];
        if (p->inner)
            plan->instance->api->plan_destroy(p->inner);
        free(p->nodes);
        free(p->values);
        free(p->span_at);
    }
    if (plan) {
        free(plan->pieces);
        free(plan->spans);
    }
    free(plan);
}

static tnb_status plan_create(tnb_device *device, const tnb_graph *graph,
                              const tnb_segment *segment, uint64_t *out_workspace,
                              tnb_plan **out_plan, tnb_error *err)
{
    tnb_status s = TNB_OK;
    uint64_t workspace = 0;
    tnb_plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        return fail(err, TNB_E_OOM, "corrupt: no memory");
    plan->instance = device->instance;
    plan->pieces = calloc(segment->n_nodes + 1u, sizeof(*plan->pieces));
    plan->spans = calloc(segment->n_values + 1u, sizeof(*plan->spans));
    if (!plan->pieces || !plan->spans)
        s = fail(err, TNB_E_OOM, "corrupt: no memory");
    for (uint32_t first = 0, i = 0; s == TNB_OK && i < segment->n_nodes; i++) {
        const tnb_node *node = graph->nodes[segment->nodes[i]];
        if (i + 1 < segment->n_nodes && !is_spoilt(device->instance, node))
            continue;
        s = make_piece(device, graph, segment, first, i + 1 - first,
                       &plan->pieces[plan->n_pieces++], &workspace, err);
        first = i + 1;
    }
    if (s != TNB_OK) {
        plan_destroy(plan);
        return s;
    }
    *out_workspace = workspace;
    *out_plan = plan;
    return TNB_OK;
}

static tnb_status plan_bind(tnb_plan *plan, const tnb_span *spans, uint32_t n_spans,
                            tnb_span workspace, tnb_error *err)
{
    tnb_status s = TNB_OK;
    for (uint32_t i = 0; s == TNB_OK && i < plan->n_pieces; i++) {
        struct piece *p = &plan->pieces[i];
        for (uint32_t v = 0; v < p->n_values; v++)
            plan->spans[v] = spans[p->span_at[v]];
        if (p->spoilt_span < n_spans)
            p->span = spans[p->spoilt_span];
        s = plan->instance->api->plan_bind(p->inner, plan->spans, p->n_values, workspace, err);
    }
    return s;
}

/* --- spoiling --- */

static void spoil_element(uint8_t *bytes, uint32_t dtype, enum how how)
{
    uint64_t size = tnb_dtype_size(dtype);
    if (how == HOW_AGAIN) {
        bytes[0] ^= 1;
        return;
    }
    if (how == HOW_NAN) {
        memset(bytes, 0xFF, size);
        return;
    }
    if (dtype == TNB_F32) {
        float v;
        memcpy(&v, bytes, sizeof(v));
        v = how == HOW_SLIGHT ? v * 1.002f : v + 1.0f + fabsf(v);
        memcpy(bytes, &v, sizeof(v));
    } else if (dtype == TNB_BOOL) {
        bytes[0] = !bytes[0];
    } else if (size == 2) {
        bytes[1] ^= 0x42; /* of f16 and bf16: sign stays, the exponent does not */
    } else {
        bytes[0] ^= 0x05;
    }
}

static tnb_status spoil(tnb_queue *queue, const tnb_plan *plan, const struct piece *p,
                        tnb_error *err)
{
    const tnb_backend *api = plan->instance->api;
    tnb_span at = {p->span.buffer, p->span.offset, tnb_dtype_size(p->dtype)};
    uint8_t element[8], past[N_PAST];
    const struct timespec long_time = {3600, 0};
    FILE *file;
    switch (plan->instance->how) {
    case HOW_HANG:
        for (;;)
            nanosleep(&long_time, NULL);
    case HOW_CRASH:
        raise(SIGSEGV);
        return TNB_OK;
    case HOW_TALK:
        printf("a driver says");
        return TNB_OK;
    case HOW_VANISH:
    case HOW_REPLACE:
        file = fopen(plan->instance->mark, "w");
        if (file)
            fclose(file);
        return fail(err, TNB_E_DEVICE_LOST, "corrupt: the device is lost");
    case HOW_AGAIN:
        if (plan->n_runs % 2)
            return TNB_OK;
        break;
    case HOW_PAST:
        memset(past, 0x77, sizeof(past));
        at = (tnb_span){p->span.buffer, p->span.offset + p->span.size, sizeof(past)};
        return api->write(queue, at, past, TNB_HOST_NOW, err);
    default:
        break;
    }
    tnb_status s = api->read(queue, at, element, TNB_HOST_NOW, err);
    if (s != TNB_OK)
        return s;
    spoil_element(element, p->dtype, plan->instance->how);
    return api->write(queue, at, element, TNB_HOST_NOW, err);
}

static tnb_status run(tnb_queue *queue, tnb_plan *plan, tnb_error *err)
{
    tnb_status s = TNB_OK;
    plan->n_runs++;
    for (uint32_t i = 0; s == TNB_OK && i < plan->n_pieces; i++) {
        const struct piece *p = &plan->pieces[i];
        s = plan->instance->api->run(queue, p->inner, err);
        if (s == TNB_OK && p->spoilt_span != TNB_ABSENT && p->span.buffer)
            s = spoil(queue, plan, p, err);
    }
    return s;
}

/* --- cpu's own --- */

static tnb_status buffer_alloc(tnb_device *device, uint64_t size, uint32_t kind,
                               tnb_buffer **out_buffer, tnb_error *err)
{
    return device->instance->api->buffer_alloc(device->inner, size, kind, out_buffer, err);
}

static void buffer_free(tnb_buffer *buffer)
{
    inner_api->buffer_free(buffer);
}

static tnb_status event_create(tnb_device *device, tnb_event **out_event, tnb_error *err)
{
    return device->instance->api->event_create(device->inner, out_event, err);
}

static void event_destroy(tnb_event *event)
{
    inner_api->event_destroy(event);
}

static tnb_status event_wait(tnb_event *event, uint64_t value, uint64_t timeout_ns, tnb_error *err)
{
    return inner_api->event_wait(event, value, timeout_ns, err);
}

static tnb_status queue_create(tnb_device *device, uint32_t flags, tnb_queue **out_queue,
                               tnb_error *err)
{
    return device->instance->api->queue_create(device->inner, flags, out_queue, err);
}

static void queue_destroy(tnb_queue *queue)
{
    inner_api->queue_destroy(queue);
}

static tnb_status queue_write(tnb_queue *queue, tnb_span dst, const void *src, uint32_t host_rule,
                              tnb_error *err)
{
    return inner_api->write(queue, dst, src, host_rule, err);
}

static tnb_status queue_read(tnb_queue *queue, tnb_span src, void *dst, uint32_t host_rule,
                             tnb_error *err)
{
    return inner_api->read(queue, src, dst, host_rule, err);
}

static tnb_status queue_copy(tnb_queue *queue, tnb_span dst, tnb_span src, tnb_error *err)
{
    return inner_api->copy(queue, dst, src, err);
}

static tnb_status queue_fill(tnb_queue *queue, tnb_span dst, uint64_t pattern, uint32_t width,
                             tnb_error *err)
{
    return inner_api->fill(queue, dst, pattern, width, err);
}

static tnb_status queue_signal(tnb_queue *queue, tnb_event *event, uint64_t value, tnb_error *err)
{
    return inner_api->signal(queue, event, value, err);
}

static tnb_status queue_wait(tnb_queue *queue, tnb_event *event, uint64_t value, tnb_error *err)
{
    return inner_api->wait(queue, event, value, err);
}

static tnb_status queue_flush(tnb_queue *queue, tnb_error *err)
{
    return inner_api->flush(queue, err);
}

const tnb_backend *tenon_backend_entry_v0(uint32_t host_abi_minor, tnb_error *err)
{
    static const tnb_backend table = {
        .struct_size = sizeof(table),
        .abi_major = TNB_ABI_MAJOR,
        .abi_minor = TNB_ABI_MINOR,
        .name = "corrupt",
        .version = "1",
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
        .write = queue_write,
        .read = queue_read,
        .copy = queue_copy,
        .fill = queue_fill,
        .run = run,
        .signal = queue_signal,
        .wait = queue_wait,
        .flush = queue_flush,
    };
    (void)host_abi_minor;
    (void)err;
    return &table;
}
