#include "cpu_rig.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

enum { GUARD = 256, MAX_VALUES = CPU_CALL_IN + CPU_CALL_OUT };

static void *host_alloc(void *ctx, uint64_t size, uint64_t align)
{
    return aligned_alloc(align, (size + align - 1) / align * align);
}

static void host_free(void *ctx, void *ptr)
{
    free(ptr);
}

static void host_log(void *ctx, uint32_t level, const char *msg)
{
}

const tnb_backend *cpu_rig_table(void)
{
    const char *path = getenv("TENON_TEST_CPU_PLUGIN");
    void *lib = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    union {
        void *p;
        tnb_entry_fn fn;
    } entry = {.p = lib ? dlsym(lib, TNB_ENTRY_SYMBOL) : NULL};
    if (path && !entry.p)
        fprintf(stderr, "%s: %s\n", path, dlerror());
    return entry.p ? entry.fn(TNB_ABI_MINOR, NULL) : NULL;
}

tnb_status cpu_rig_open(struct cpu_rig *rig, uint32_t n_threads, const char *const *options,
                        tnb_error *err)
{
    *rig = (struct cpu_rig){.table = cpu_rig_table()};
    rig->host = (tnb_host){.struct_size = sizeof rig->host,
                           .abi_minor = TNB_ABI_MINOR,
                           .alloc = host_alloc,
                           .free = host_free,
                           .log = host_log,
                           .n_threads = n_threads};
    tnb_kv kv[8];
    uint32_t n = 0;
    for (; options && options[2 * n]; n++)
        kv[n] = (tnb_kv){options[2 * n], options[2 * n + 1]};
    if (!rig->table)
        return TNB_E_INTERNAL;
    tnb_status s = rig->table->create(&rig->host, kv, n, &rig->inst, err);
    if (s != TNB_OK)
        return s;
    s = rig->table->device_open(rig->inst, 0, &rig->device, err);
    if (s == TNB_OK)
        s = rig->table->queue_create(rig->device, TNB_QUEUE_PROFILE, &rig->queue, err);
    return s;
}

void cpu_rig_close(struct cpu_rig *rig)
{
    if (!rig->inst)
        return;
    rig->table->queue_destroy(rig->queue);
    rig->table->device_close(rig->device);
    rig->table->destroy(rig->inst);
    rig->inst = NULL;
}

tnb_tensor cpu_type(uint32_t dtype, uint32_t rank, const int64_t *dim)
{
    tnb_tensor t = {.dtype = dtype, .rank = rank};
    int64_t step = 1;
    for (uint32_t d = rank; d-- > 0; step *= dim[d]) {
        t.dim[d] = dim[d];
        t.stride[d] = step;
    }
    return t;
}

/* Everything of one call that is to be given back. */
struct job {
    struct cpu_rig *rig;
    tnb_tensor values[MAX_VALUES];
    uint32_t n_values, in[CPU_CALL_IN], out[CPU_CALL_OUT], prior[MAX_VALUES];
    tnb_buffer *buffer[MAX_VALUES], *ws;
    tnb_span span[MAX_VALUES], ws_span;
    tnb_plan *plan;
};

static uint64_t bytes(const tnb_tensor *t)
{
    return (uint64_t)tnb_count(t) * tnb_dtype_size(t->dtype);
}

static tnb_status guarded(struct job *j, uint64_t size, tnb_buffer **out, tnb_span *span,
                          tnb_error *err)
{
    const tnb_backend *t = j->rig->table;
    tnb_status s = t->buffer_alloc(j->rig->device, size + 2 * GUARD, TNB_BUFFER_DEVICE, out, err);
    if (s != TNB_OK)
        return s;
    *span = (tnb_span){*out, GUARD, size};
    return t->fill(j->rig->queue, (tnb_span){*out, 0, size + 2 * GUARD}, 0xA5, 1, err);
}

static int guard_whole(struct job *j, const tnb_span *span)
{
    void *p = NULL;
    if (!span->buffer || j->rig->table->buffer_map(span->buffer, &p, NULL) != TNB_OK)
        return 1;
    const uint8_t *b = p;
    for (uint64_t i = 0; i < GUARD; i++)
        if (b[i] != 0xA5 || b[GUARD + span->size + i] != 0xA5)
            return 0;
    return 1;
}

static uint32_t add_value(struct job *j, const tnb_tensor *type)
{
    j->values[j->n_values] = *type;
    j->prior[j->n_values] = TNB_ABSENT;
    return j->n_values++;
}

static tnb_status add_values(struct job *j, const struct cpu_call *c, tnb_error *err)
{
    const tnb_backend *t = j->rig->table;
    for (uint32_t i = 0; i < c->n_in; i++) {
        const struct cpu_value *v = &c->in[i];
        j->in[i] = TNB_ABSENT;
        if (!v->type.dtype)
            continue;
        uint32_t id = j->in[i] = add_value(j, &v->type);
        tnb_status s = guarded(j, bytes(&v->type), &j->buffer[id], &j->span[id], err);
        if (s == TNB_OK)
            s = t->write(j->rig->queue, j->span[id], v->data, TNB_HOST_NOW, err);
        if (s != TNB_OK)
            return s;
    }
    for (uint32_t k = 0; k < c->n_out; k++) {
        j->out[k] = TNB_ABSENT;
        if (!c->out[k].type.dtype)
            continue;
        uint32_t id = j->out[k] = add_value(j, &c->out[k].type);
        if (c->share[k]) {
            j->span[id] = j->span[j->in[c->share[k] - 1]];
            continue;
        }
        tnb_status s = guarded(j, bytes(&c->out[k].type), &j->buffer[id], &j->span[id], err);
        if (s != TNB_OK)
            return s;
    }
    return TNB_OK;
}

static tnb_status run_plan(struct job *j, const tnb_graph *graph, uint32_t times, tnb_error *err)
{
    const tnb_backend *t = j->rig->table;
    uint32_t node = 0, order[MAX_VALUES];
    for (uint32_t i = 0; i < j->n_values; i++)
        order[i] = i;
    tnb_segment seg = {.struct_size = sizeof seg,
                       .n_nodes = 1,
                       .n_values = j->n_values,
                       .nodes = &node,
                       .values = order};
    uint64_t ws = 0;
    tnb_status s = t->plan_create(j->rig->device, graph, &seg, &ws, &j->plan, err);
    if (s == TNB_OK)
        s = guarded(j, ws, &j->ws, &j->ws_span, err);
    if (s == TNB_OK)
        s = t->plan_bind(j->plan, j->span, j->n_values, j->ws_span, err);
    for (uint32_t i = 0; s == TNB_OK && i < times; i++)
        s = t->run(j->rig->queue, j->plan, err);
    return s;
}

static tnb_status read_back(struct job *j, const struct cpu_call *c, tnb_error *err)
{
    for (uint32_t i = 0; i < j->n_values; i++)
        if (!guard_whole(j, &j->span[i])) {
            snprintf(err->msg, sizeof err->msg, "memory around value %u was written", i);
            return TNB_E_INTERNAL;
        }
    if (!guard_whole(j, &j->ws_span)) {
        snprintf(err->msg, sizeof err->msg, "memory around the workspace was written");
        return TNB_E_INTERNAL;
    }
    for (uint32_t k = 0; k < c->n_out; k++) {
        if (j->out[k] == TNB_ABSENT)
            continue;
        tnb_status s = j->rig->table->read(j->rig->queue, j->span[j->out[k]], c->out[k].data,
                                           TNB_HOST_NOW, err);
        if (s != TNB_OK)
            return s;
    }
    return TNB_OK;
}

tnb_status cpu_call_run(struct cpu_rig *rig, const struct cpu_call *c, uint32_t times,
                        tnb_support *out_support, tnb_error *err)
{
    struct job j = {.rig = rig};
    const tnb_backend *t = rig->table;
    tnb_support support = {.struct_size = sizeof support};
    tnb_status s = add_values(&j, c, err);
    tnb_node node = {.struct_size = sizeof node,
                     .op_version = 1,
                     .op = c->op,
                     .label = "test",
                     .n_in = c->n_in,
                     .n_out = c->n_out,
                     .n_attr = c->n_attr,
                     .in = j.in,
                     .out = j.out,
                     .attr = c->attr};
    const tnb_node *nodes[] = {&node};
    tnb_graph graph = {.struct_size = sizeof graph,
                       .n_nodes = 1,
                       .n_values = j.n_values,
                       .nodes = nodes,
                       .values = j.values,
                       .prior = j.prior};
    if (s == TNB_OK)
        s = t->supports(rig->device, &graph, 0, &support, err);
    if (s == TNB_OK && support.verdict != TNB_YES) {
        snprintf(err->msg, sizeof err->msg, "refused: %s", support.why);
        s = TNB_E_UNSUPPORTED;
    }
    if (s == TNB_OK)
        s = run_plan(&j, &graph, times, err);
    if (s == TNB_OK)
        s = read_back(&j, c, err);
    if (out_support)
        *out_support = support;
    t->plan_destroy(j.plan);
    for (uint32_t i = 0; i < MAX_VALUES; i++)
        t->buffer_free(j.buffer[i]);
    t->buffer_free(j.ws);
    return s;
}
