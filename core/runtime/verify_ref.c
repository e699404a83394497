/* References run on the built-in device through its table, as any backend's nodes do, but with
 * floating point widened to double where the shape rules allow it. */
#include "runtime/verify_ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "tensor/convert.h"

static tn_status oom(struct tn_error *err)
{
    return tn_error_set(err, TN_E_OOM, "out of host memory for the reference of a node");
}

/* --- values --- */

static int by_value(const void *pa, const void *pb)
{
    uint32_t a = ((const struct tn_unit_value *)pa)->value;
    uint32_t b = ((const struct tn_unit_value *)pb)->value;
    return a < b ? -1 : a > b;
}

static void add_value(struct tn_unit *u, uint32_t value, uint32_t producer)
{
    if (value == TNB_ABSENT)
        return;
    for (uint32_t i = 0; i < u->n_values; i++)
        if (u->values[i].value == value) {
            if (producer != TN_NONE)
                u->values[i].producer = producer;
            return;
        }
    const tnb_tensor *t = &u->plan->ir.values[value];
    u->values[u->n_values++] = (struct tn_unit_value){.value = value,
                                                      .store = u->plan->ir.store_of[value],
                                                      .dtype = (tn_dtype)t->dtype,
                                                      .wide_dtype = (tn_dtype)t->dtype,
                                                      .count = tnb_count(t),
                                                      .producer = producer};
}

/* A value that another view of its store makes inside the unit is no input. */
static void find_views(struct tn_unit *u)
{
    for (uint32_t i = 0; i < u->n_values; i++)
        for (uint32_t j = 0; j < u->n_values; j++)
            if (u->values[i].store == u->values[j].store && u->values[j].producer != TN_NONE &&
                u->values[i].producer == TN_NONE)
                u->values[i].producer = u->values[j].producer;
}

static tn_status list_values(struct tn_unit *u, const uint32_t *nodes, uint32_t n_nodes,
                             struct tn_error *err)
{
    uint32_t total = 0;
    for (uint32_t k = 0; k < n_nodes; k++)
        total += u->plan->ir.nodes[nodes[k]].tnb.n_in + u->plan->ir.nodes[nodes[k]].tnb.n_out;
    u->nodes = tn_arena_dup(&u->arena, nodes, sizeof(*nodes) * n_nodes);
    u->values = TN_ARENA_NEW(&u->arena, struct tn_unit_value, total);
    if (!u->nodes || !u->values)
        return oom(err);
    u->n_nodes = n_nodes;
    for (uint32_t k = 0; k < n_nodes; k++) {
        const tnb_node *n = &u->plan->ir.nodes[nodes[k]].tnb;
        for (uint32_t i = 0; i < n->n_in; i++)
            add_value(u, n->in[i], TN_NONE);
        for (uint32_t i = 0; i < n->n_out; i++)
            add_value(u, n->out[i], nodes[k]);
    }
    qsort(u->values, u->n_values, sizeof(*u->values), by_value);
    find_views(u);
    for (uint32_t i = 0; i < u->n_values; i++)
        if (u->values[i].producer == TN_NONE)
            u->n_largest = TN_MAX(u->n_largest, (uint32_t)TN_MIN(u->values[i].count, INT32_MAX));
    return TN_OK;
}

/* --- the reference's plan --- */

static int is_narrow(tn_dtype dtype)
{
    return tn_dtype_is_float(dtype) && dtype != TN_F64;
}

/* The graph with this unit's floating point in double. */
static tnb_graph widened(struct tn_unit *u, const tnb_graph *view, tnb_tensor *values)
{
    tnb_graph g = *view;
    memcpy(values, view->values, sizeof(*values) * view->n_values);
    for (uint32_t i = 0; i < u->n_values; i++)
        if (is_narrow(u->values[i].dtype))
            values[u->values[i].value].dtype = TNB_F64;
    g.values = values;
    return g;
}

static tnb_status create(struct tn_unit *u, tnb_device *handle, const tnb_graph *graph,
                         const uint32_t *values, uint64_t *out_workspace, tnb_error *e)
{
    tnb_segment segment = {.struct_size = sizeof(segment),
                           .n_nodes = u->n_nodes,
                           .n_values = u->n_values,
                           .nodes = u->nodes,
                           .values = values};
    return u->api->plan_create(handle, graph, &segment, out_workspace, &u->handle, e);
}

/* In double if the shape rules take it (a cast to a fixed type does not), else as stored. */
static tn_status make_plan(struct tn_unit *u, tn_device *ref, uint64_t *out_workspace,
                           struct tn_error *err)
{
    const tnb_graph *view = &u->plan->ir.view;
    uint32_t *list = TN_ARENA_NEW(&u->arena, uint32_t, u->n_values);
    tnb_tensor *copy = TN_ARENA_NEW(&u->arena, tnb_tensor, view->n_values);
    tnb_device *handle;
    tnb_error e = TN_TNB_ERROR;
    if (!list || !copy)
        return oom(err);
    for (uint32_t i = 0; i < u->n_values; i++)
        list[i] = u->values[i].value;
    tn_status st = tn_device_open(ref, &handle, err);
    if (st != TN_OK)
        return st;
    tnb_graph wide = widened(u, view, copy);
    if (create(u, handle, &wide, list, out_workspace, &e) == TNB_OK) {
        for (uint32_t i = 0; i < u->n_values; i++)
            if (is_narrow(u->values[i].dtype))
                u->values[i].wide_dtype = TN_F64;
        return TN_OK;
    }
    tnb_status ts = create(u, handle, view, list, out_workspace, &e);
    return tn_from_tnb(ref, "making the reference of a node", ts, &e, err);
}

/* Views of one store share their bytes. */
static uint64_t lay_values(struct tn_unit *u)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < u->n_values; i++) {
        struct tn_unit_value *v = &u->values[i];
        uint32_t first = 0;
        while (u->values[first].store != v->store)
            first++;
        v->offset = first < i ? u->values[first].offset : at;
        if (first == i)
            at += tn_align_up((uint64_t)v->count * tn_dtype_size(v->wide_dtype) + 8, 64);
    }
    return at;
}

static tn_status bind(struct tn_unit *u, tn_device *ref, uint64_t workspace, struct tn_error *err)
{
    tnb_error e = TN_TNB_ERROR;
    tnb_device *handle;
    uint64_t bytes = lay_values(u);
    void *mem = NULL;
    tnb_span *spans = TN_ARENA_NEW(&u->arena, tnb_span, u->n_values);
    if (!spans)
        return oom(err);
    tn_status st = tn_device_open(ref, &handle, err);
    if (st != TN_OK)
        return st;
    tnb_status ts =
        u->api->buffer_alloc(handle, bytes + workspace, TNB_BUFFER_DEVICE, &u->buffer, &e);
    if (ts == TNB_OK)
        ts = u->api->buffer_map(u->buffer, &mem, &e);
    if (ts != TNB_OK)
        return tn_from_tnb(ref, "allocating for the reference of a node", ts, &e, err);
    u->mem = mem;
    for (uint32_t i = 0; i < u->n_values; i++)
        spans[i] = (tnb_span){.buffer = u->buffer,
                              .offset = u->values[i].offset,
                              .size = (uint64_t)u->values[i].count *
                                      tn_dtype_size(u->values[i].wide_dtype)};
    tnb_span work = {.buffer = u->buffer, .offset = bytes, .size = workspace};
    ts = u->api->plan_bind(u->handle, spans, u->n_values, work, &e);
    return tn_from_tnb(ref, "binding the reference of a node", ts, &e, err);
}

/* --- inputs and outputs --- */

static tn_status take_input(const struct tn_checked_run *run, struct tn_unit *u,
                            struct tn_unit_value *v, struct tn_error *err)
{
    int has;
    size_t n = (size_t)v->count;
    void *stored = tn_arena_alloc(&u->arena, n * tn_dtype_size(v->dtype));
    v->given = tn_arena_alloc(&u->arena, n * tn_dtype_size(v->wide_dtype));
    if (!stored || !v->given)
        return oom(err);
    tn_status st = tn_checked_read(run, u->nodes[0], v->value, stored, &has, err);
    if (st != TN_OK)
        return st;
    if (!has)
        return tn_error_set(err, TN_E_INTERNAL, "an input of node '%s' was not stored",
                            u->plan->ir.nodes[u->nodes[0]].tnb.label);
    tn_convert(v->dtype, stored, v->wide_dtype, v->given, v->count);
    return TN_OK;
}

static tn_status make_room(struct tn_unit *u, struct tn_unit_value *v, struct tn_error *err)
{
    size_t n = (size_t)v->count * 8;
    if (tn_dtype_is_float(v->dtype)) {
        v->want = tn_arena_alloc(&u->arena, n);
        v->moved = tn_arena_alloc(&u->arena, n);
        return v->want && v->moved ? TN_OK : oom(err);
    }
    v->want_int = tn_arena_alloc(&u->arena, n);
    return v->want_int ? TN_OK : oom(err);
}

tn_status tn_unit_open(const struct tn_checked_run *run, const uint32_t *nodes, uint32_t n_nodes,
                       tn_device *ref, tnb_queue *queue, struct tn_unit *out_unit,
                       struct tn_error *err)
{
    struct tn_unit *u = out_unit;
    uint64_t workspace = 0;
    *u = (struct tn_unit){.plan = run->plan, .api = tn_device_api(ref), .queue = queue};
    tn_arena_init(&u->arena);
    tn_status st = list_values(u, nodes, n_nodes, err);
    if (st == TN_OK)
        st = make_plan(u, ref, &workspace, err);
    if (st == TN_OK)
        st = bind(u, ref, workspace, err);
    for (uint32_t i = 0; st == TN_OK && i < u->n_values; i++)
        st = u->values[i].producer == TN_NONE ? take_input(run, u, &u->values[i], err)
                                              : make_room(u, &u->values[i], err);
    return st;
}

void tn_unit_close(struct tn_unit *unit)
{
    if (unit->handle)
        unit->api->plan_destroy(unit->handle);
    if (unit->buffer)
        unit->api->buffer_free(unit->buffer);
    tn_arena_finish(&unit->arena);
    *unit = (struct tn_unit){0};
}

/* --- evaluation --- */

/* One step up or down for each element: which, a hash says. */
static void move(const struct tn_unit_value *v, double step, uint64_t key, uint8_t *dst)
{
    for (int64_t i = 0; i < v->count; i++) {
        double sign = tn_mix64(key + (uint64_t)i) & 1 ? 1.0 : -1.0;
        size_t at = (size_t)i * tn_dtype_size(v->wide_dtype);
        double x = tn_element_get(v->wide_dtype, v->given + at);
        tn_element_set(v->wide_dtype, dst + at, x * (1.0 + sign * step));
    }
}

static void give_inputs(struct tn_unit *u, double step, uint64_t round)
{
    for (uint32_t i = 0; i < u->n_values; i++) {
        const struct tn_unit_value *v = &u->values[i];
        uint8_t *dst = u->mem + v->offset;
        if (v->producer != TN_NONE)
            continue;
        if (step > 0 && tn_dtype_is_float(v->dtype))
            move(v, step, tn_mix64(round * 1000003u + i), dst);
        else
            memcpy(dst, v->given, (size_t)v->count * tn_dtype_size(v->wide_dtype));
    }
}

static void take_outputs(struct tn_unit *u, int is_first)
{
    for (uint32_t i = 0; i < u->n_values; i++) {
        struct tn_unit_value *v = &u->values[i];
        size_t size = tn_dtype_size(v->wide_dtype);
        const uint8_t *src = u->mem + v->offset;
        if (v->producer == TN_NONE)
            continue;
        if (v->want_int && is_first)
            tn_widen(v->wide_dtype, src, v->count, v->want_int);
        for (int64_t e = 0; v->want && e < v->count; e++) {
            double y = tn_element_get(v->wide_dtype, src + (size_t)e * size);
            if (is_first)
                v->want[e] = y;
            else if (isfinite(v->want[e]))
                v->moved[e] = fmax(v->moved[e], isnan(y) ? INFINITY : fabs(y - v->want[e]));
        }
    }
}

tn_status tn_unit_evaluate(struct tn_unit *unit, double step, int n_moves, struct tn_error *err)
{
    for (int round = 0; round <= n_moves; round++) {
        tnb_error e = TN_TNB_ERROR;
        give_inputs(unit, round ? step : 0.0, (uint64_t)round);
        tnb_status ts = unit->api->run(unit->queue, unit->handle, &e);
        if (ts != TNB_OK) {
            e.msg[sizeof(e.msg) - 1] = '\0';
            return tn_error_set(err, TN_E_INTERNAL, "running the reference of node '%s': %s",
                                unit->plan->ir.nodes[unit->nodes[0]].tnb.label, e.msg);
        }
        take_outputs(unit, round == 0);
    }
    return TN_OK;
}
