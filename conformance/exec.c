#include "exec.h"

#include <string.h>

#include "plan/plan.h"

#define GUARD_BYTE 0xA5 /* between values */
#define POISON 0xFF     /* in outputs: NaN in every floating-point type */
#define POISON_INT 0x5B
#define MIN_GUARD 64

enum cf_verdict cf_exec_supports(struct cf_device *dev, const struct tn_plan_ir *ir,
                                 struct cf_exec *exec, struct cf_result *result)
{
    tnb_error err = TN_TNB_ERROR;
    *exec = (struct cf_exec){.ir = ir,
                             .offset = TN_ARENA_NEW(ir->arena, uint64_t, ir->n_stores + 1),
                             .precision = TN_ARENA_NEW(ir->arena, uint32_t, ir->n_nodes + 1),
                             .support = TN_ARENA_NEW(ir->arena, tnb_support, ir->n_nodes + 1)};
    if (!exec->offset || !exec->precision || !exec->support)
        return cf_fail(result, "out of host memory");
    for (uint32_t n = 0; n < ir->n_nodes; n++) {
        tnb_support *s = &exec->support[n];
        s->struct_size = sizeof(*s);
        tnb_status st = dev->api->supports(dev->handle, &ir->view, n, s, &err);
        if (st != TNB_OK)
            return cf_fail_tnb(dev, result, "supports", st, &err);
        s->why[sizeof(s->why) - 1] = '\0';
        if (s->verdict != TNB_YES)
            return cf_set(result, CF_UNSUPPORTED, "%s: %s", ir->nodes[n].op->name,
                          s->why[0] ? s->why : "refused without a reason");
        if (s->precision > TNB_PREC_TF32)
            return cf_fail(result, "%s: supports declares precision %u, which there is none of",
                           ir->nodes[n].op->name, s->precision);
        exec->precision[n] = s->precision;
    }
    return CF_PASSED;
}

/* Every value that a node reads or writes, ascending. */
static uint32_t list_values(const struct tn_plan_ir *ir, uint32_t *values)
{
    uint32_t n = 0;
    for (uint32_t v = 0; v < ir->n_values; v++) {
        int used = 0;
        for (uint32_t node = 0; node < ir->n_nodes && !used; node++) {
            const tnb_node *t = &ir->nodes[node].tnb;
            for (uint32_t i = 0; i < t->n_in; i++)
                used |= t->in[i] == v;
            for (uint32_t i = 0; i < t->n_out; i++)
                used |= t->out[i] == v;
        }
        if (used)
            values[n++] = v;
    }
    return n;
}

static int make_segment(const struct tn_plan_ir *ir, tnb_segment *out)
{
    uint32_t *nodes = TN_ARENA_NEW(ir->arena, uint32_t, ir->n_nodes + 1);
    uint32_t *values = TN_ARENA_NEW(ir->arena, uint32_t, ir->n_values + 1);
    if (!nodes || !values)
        return 0;
    for (uint32_t n = 0; n < ir->n_nodes; n++)
        nodes[n] = n;
    *out = (tnb_segment){.struct_size = sizeof(*out),
                         .n_nodes = ir->n_nodes,
                         .n_values = list_values(ir, values),
                         .nodes = nodes,
                         .values = values};
    return 1;
}

enum cf_verdict cf_exec_prepare(struct cf_device *dev, struct cf_exec *exec,
                                struct cf_result *result)
{
    tnb_error err = TN_TNB_ERROR;
    tnb_segment segment;
    if (exec->ir->n_nodes == 0)
        return CF_PASSED;
    if (!make_segment(exec->ir, &segment))
        return cf_fail(result, "out of host memory");
    tnb_status st = dev->api->plan_create(dev->handle, &exec->ir->view, &segment,
                                          &exec->workspace_bytes, &exec->plan, &err);
    if (st != TNB_OK) /* supports said yes: a refusal now is a failure */
        return cf_fail_tnb(dev, result, "supports says yes, then plan_create", st, &err);
    return CF_PASSED;
}

void cf_exec_close(struct cf_device *dev, struct cf_exec *exec)
{
    if (exec->plan)
        dev->api->plan_destroy(exec->plan);
    exec->plan = NULL;
}

/* Offsets are multiples of what the device asks for, and every other one of nothing larger. */
static uint64_t next_place(const struct cf_device *dev, uint64_t end, uint32_t n)
{
    uint64_t at = tn_align_up(end + MIN_GUARD, dev->align);
    if (at % (2 * dev->align) == 0 && n % 2 == 0)
        at += dev->align;
    return at;
}

enum cf_verdict cf_exec_lay_out(struct cf_device *dev, struct cf_exec *exec, struct cf_share share,
                                struct cf_result *result)
{
    const struct tn_plan_ir *ir = exec->ir;
    tnb_error err = TN_TNB_ERROR;
    uint64_t end = 0;
    for (uint32_t s = 0; s < ir->n_stores; s++) {
        if (share.from != share.to && s == share.to)
            continue;
        exec->offset[s] = next_place(dev, end, s);
        end = exec->offset[s] + ir->stores[s].n_bytes;
    }
    if (share.from != share.to)
        exec->offset[share.to] = exec->offset[share.from];
    exec->workspace = next_place(dev, end, 0);
    exec->total = next_place(dev, exec->workspace + exec->workspace_bytes, 1);
    tnb_status st = cf_device_reserve(dev, exec->total, &err);
    if (st != TNB_OK)
        return cf_fail_tnb(dev, result, "reserving memory", st, &err);
    memset(dev->image, GUARD_BYTE, (size_t)exec->total);
    memset(dev->image + exec->workspace, POISON, (size_t)exec->workspace_bytes);
    for (uint32_t s = 0; s < ir->n_stores; s++)
        memset(dev->image + exec->offset[s],
               tn_dtype_is_float(ir->stores[s].dtype) ? POISON : POISON_INT,
               (size_t)ir->stores[s].n_bytes);
    return CF_PASSED;
}

void *cf_exec_at(const struct cf_device *dev, const struct cf_exec *exec, uint32_t store)
{
    return dev->image + exec->offset[store];
}

/* --- running --- */

static tnb_status bind(struct cf_device *dev, struct cf_exec *exec, tnb_error *err)
{
    const struct tn_plan_ir *ir = exec->ir;
    uint32_t *values = TN_ARENA_NEW(ir->arena, uint32_t, ir->n_values + 1);
    tnb_span *spans = TN_ARENA_NEW(ir->arena, tnb_span, ir->n_values + 1);
    if (!values || !spans)
        return TNB_E_OOM;
    uint32_t n = list_values(ir, values);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t store = ir->store_of[values[i]];
        spans[i] = (tnb_span){dev->buffer, exec->offset[store], ir->stores[store].n_bytes};
    }
    tnb_span work = {dev->buffer, exec->workspace, exec->workspace_bytes};
    if (!exec->workspace_bytes)
        work = (tnb_span){NULL, 0, 0};
    return dev->api->plan_bind(exec->plan, spans, n, work, err);
}

static tnb_status copy_snapshots(struct cf_device *dev, struct cf_exec *exec, tnb_error *err)
{
    const struct tn_plan_ir *ir = exec->ir;
    tnb_status st = TNB_OK;
    for (uint32_t i = 0; i < ir->n_copies && st == TNB_OK; i++) {
        uint64_t n = ir->stores[ir->copies[i].to].n_bytes;
        tnb_span from = {dev->buffer, exec->offset[ir->copies[i].from], n};
        tnb_span to = {dev->buffer, exec->offset[ir->copies[i].to], n};
        if (n)
            st = dev->api->copy(dev->queue, to, from, err);
    }
    return st;
}

/* Bytes [from, to) must be as they were before the run. */
static enum cf_verdict expect_untouched(const struct cf_device *dev, const struct cf_exec *exec,
                                        uint64_t from, uint64_t to, struct cf_result *result)
{
    if (from >= to || memcmp(exec->before + from, dev->image + from, (size_t)(to - from)) == 0)
        return CF_PASSED;
    while (exec->before[from] == dev->image[from])
        from++;
    const struct tn_plan_ir *ir = exec->ir;
    for (uint32_t s = 0; s < ir->n_stores; s++) {
        uint64_t begin = exec->offset[s], end = begin + ir->stores[s].n_bytes;
        if (from >= begin && from < end)
            return cf_fail(result, "writes to its input (byte %llu of value %u)",
                           (unsigned long long)(from - begin), s);
        if (from >= end && from < end + MIN_GUARD)
            return cf_fail(result, "writes %llu bytes past the end of a value of %llu bytes",
                           (unsigned long long)(from - end + 1),
                           (unsigned long long)ir->stores[s].n_bytes);
    }
    return cf_fail(result, "writes outside the values that it was given, at offset %llu of %llu",
                   (unsigned long long)from, (unsigned long long)exec->total);
}

/* Outputs and the workspace may have changed, nothing else. */
static enum cf_verdict check_rest(const struct cf_device *dev, struct cf_exec *exec,
                                  struct cf_result *result)
{
    const struct tn_plan_ir *ir = exec->ir;
    uint8_t *written = exec->before; /* made equal where a change is allowed */
    for (uint32_t s = 0; s < ir->n_stores; s++)
        if (ir->stores[s].kind == TN_STORE_TEMP)
            memcpy(written + exec->offset[s], dev->image + exec->offset[s],
                   (size_t)ir->stores[s].n_bytes);
    memcpy(written + exec->workspace, dev->image + exec->workspace, (size_t)exec->workspace_bytes);
    return expect_untouched(dev, exec, 0, exec->total, result);
}

enum cf_verdict cf_exec_run(struct cf_device *dev, struct cf_exec *exec, struct cf_result *result)
{
    tnb_error err = TN_TNB_ERROR;
    tnb_span all = {dev->buffer, 0, exec->total};
    const char *doing = "plan_bind";
    exec->before = tn_arena_dup(exec->ir->arena, dev->image, (size_t)exec->total);
    if (!exec->before)
        return cf_fail(result, "out of host memory");
    tnb_status st = exec->plan ? bind(dev, exec, &err) : TNB_OK;
    if (st == TNB_OK) {
        doing = "write";
        st = dev->api->write(dev->queue, all, dev->image, TNB_HOST_NOW, &err);
    }
    if (st == TNB_OK) {
        doing = "copy";
        st = copy_snapshots(dev, exec, &err);
    }
    if (st == TNB_OK && exec->plan) {
        doing = "run";
        st = dev->api->run(dev->queue, exec->plan, &err);
    }
    if (st == TNB_OK) {
        doing = "read";
        st = dev->api->read(dev->queue, all, dev->image, TNB_HOST_NOW, &err);
    }
    if (st != TNB_OK)
        return cf_fail_tnb(dev, result, doing, st, &err);
    return check_rest(dev, exec, result);
}
