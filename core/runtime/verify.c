/* tn_plan_verify: every node and claim of a step against its reference, from the device's own
 * inputs, so that the first one that computes something else is found, not its consequences. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "runtime/verify_ref.h"
#include "tensor/convert.h"

/* Inputs are moved by this share of themselves to learn how ill-conditioned a result is. */
#define STEP_F32 0x1p-22
#define STEP_HALF 0x1p-10 /* TF32 and half-precision products */
#define N_MOVES 3
/* A few random moves may cancel by chance; that they do for an element and its neighbours on both
 * sides as well, which are conditioned alike, does not happen. */
#define NEIGHBOURS 2

struct verify {
    const struct tn_checked_run *run;
    tn_device *ref;
    tnb_queue *queue;
    struct tn_check_report *report;
    struct tn_error *err;
};

struct tolerance {
    double relative; /* of the value */
    double moved;    /* of how far the reference moved */
};

/* Of a claim's nodes the coarsest counts: their roundings add up in what the claim gives. */
static double step_of(const struct tn_plan_ir *ir, const uint32_t *nodes, uint32_t n_nodes)
{
    for (uint32_t i = 0; i < n_nodes; i++) {
        uint32_t p = ir->nodes[nodes[i]].support.precision;
        if (p == TNB_PREC_TF32 || p == TNB_PREC_F16 || p == TNB_PREC_BF16)
            return STEP_HALF;
    }
    return STEP_F32;
}

/* Sums over many terms round many times: the more inputs, the more room. */
static struct tolerance tolerance_of(const struct tn_unit *u, tn_dtype dtype)
{
    return (struct tolerance){.relative = dtype == TN_F64    ? 1e-12
                                          : dtype == TN_F16  ? 1e-3
                                          : dtype == TN_BF16 ? 1.6e-2
                                                             : 1e-5,
                              .moved = 8.0 + sqrt((double)u->n_largest) / 8.0};
}

static double largest_of(tn_dtype dtype)
{
    return dtype == TN_F16 ? 65504.0 : dtype == TN_F64 ? DBL_MAX : (double)FLT_MAX;
}

/* Below this a type has no relative precision left, or a device flushes to zero. */
static double smallest_of(tn_dtype dtype)
{
    return dtype == TN_F16 ? 6.2e-5 : dtype == TN_F64 ? 1e-300 : 1.2e-38;
}

/* The difference as a share of the tolerance; above 1 it is too large. */
static double share_of(const struct tolerance *tol, tn_dtype dtype, double got, double want,
                       double moved)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got) ? 0.0 : INFINITY;
    if (got == want)
        return 0.0;
    double room = tol->relative * fabs(want) + tol->moved * moved + smallest_of(dtype);
    if (isinf(got) && fabs(want) + room >= largest_of(dtype) && (got > 0) == (want > 0))
        return 0.0;
    double diff = fabs(got - want);
    return isnan(diff) ? INFINITY : diff / room;
}

static void note_worst(struct verify *v, uint32_t node, double share)
{
    struct tn_check_report *r = v->report;
    if (share <= r->worst)
        return;
    const tnb_node *n = &v->run->plan->ir.nodes[node].tnb;
    r->worst = share;
    snprintf(r->worst_node, sizeof(r->worst_node), "%.60s (%.30s)", n->label, n->op);
}

static tn_status differs(struct verify *v, const struct tn_unit_value *x, int64_t element,
                         double got, double want, double share)
{
    const struct tn_ir_node *n = &v->run->plan->ir.nodes[x->producer];
    char name[320];
    uint32_t output = 0;
    while (output + 1 < n->tnb.n_out && n->tnb.out[output] != x->value)
        output++;
    tn_checked_name(v->run->plan, x->producer, name, sizeof(name));
    return tn_error_set(v->err, TN_E_NUMERIC,
                        "%s: output %u, element %lld is %.9g, the reference says %.9g: %.3g times "
                        "the tolerance%s",
                        name, output, (long long)element, got, want, share,
                        n->claim == TN_NONE ? "" : " (a fused node)");
}

static double moved_near(const struct tn_unit_value *x, int64_t element)
{
    int64_t end = TN_MIN(element + NEIGHBOURS + 1, x->count);
    double most = 0.0;
    for (int64_t e = TN_MAX(element - NEIGHBOURS, 0); e < end; e++)
        most = fmax(most, x->moved[e]);
    return most;
}

static tn_status compare_floats(struct verify *v, const struct tn_unit *u,
                                const struct tn_unit_value *x, const void *got)
{
    struct tolerance tol = tolerance_of(u, x->dtype);
    size_t size = tn_dtype_size(x->dtype);
    for (int64_t e = 0; e < x->count; e++) {
        double y = tn_element_get(x->dtype, (const uint8_t *)got + (size_t)e * size);
        double share = share_of(&tol, x->dtype, y, x->want[e], moved_near(x, e));
        note_worst(v, x->producer, share);
        if (share > 1.0)
            return differs(v, x, e, y, x->want[e], share);
    }
    return TN_OK;
}

static tn_status compare_ints(struct verify *v, const struct tn_unit_value *x, const void *got,
                              int64_t *wide)
{
    tn_widen(x->dtype, got, x->count, wide);
    for (int64_t e = 0; e < x->count; e++)
        if (wide[e] != x->want_int[e])
            return differs(v, x, e, (double)wide[e], (double)x->want_int[e], INFINITY);
    return TN_OK;
}

static tn_status compare(struct verify *v, struct tn_unit *u, const struct tn_unit_value *x)
{
    int has;
    size_t n = (size_t)x->count;
    void *got = tn_arena_alloc(&u->arena, n * tn_dtype_size(x->dtype));
    int64_t *wide = x->want_int ? tn_arena_alloc(&u->arena, n * sizeof(int64_t)) : NULL;
    if (!got || (x->want_int && !wide))
        return tn_error_set(v->err, TN_E_OOM, "out of host memory for checking a node");
    tn_status st = tn_checked_read(v->run, x->producer, x->value, got, &has, v->err);
    if (st != TN_OK || !has)
        return st;
    v->report->n_elements += x->count;
    return x->want ? compare_floats(v, u, x, got) : compare_ints(v, x, got, wide);
}

static tn_status verify_unit(struct verify *v, const uint32_t *nodes, uint32_t n_nodes)
{
    struct tn_unit u;
    tn_status st = tn_unit_open(v->run, nodes, n_nodes, v->ref, v->queue, &u, v->err);
    if (st == TN_OK)
        st = tn_unit_evaluate(&u, step_of(&v->run->plan->ir, nodes, n_nodes), N_MOVES, v->err);
    for (uint32_t i = 0; st == TN_OK && i < u.n_values; i++)
        if (u.values[i].producer != TN_NONE)
            st = compare(v, &u, &u.values[i]);
    tn_unit_close(&u);
    v->report->n_nodes += n_nodes;
    v->report->n_claims += n_nodes > 1;
    return st;
}

static tn_status verify_segment(struct verify *v, const struct tn_plan_segment *seg)
{
    const struct tn_plan_ir *ir = &v->run->plan->ir;
    tn_status st = TN_OK;
    for (uint32_t k = 0; st == TN_OK && k < seg->n_nodes; k++) {
        uint32_t claim = ir->nodes[seg->nodes[k]].claim;
        if (claim == TN_NONE) {
            st = verify_unit(v, &seg->nodes[k], 1);
            continue;
        }
        const tnb_claim *c = &seg->claims[claim];
        if (seg->nodes[k] == c->nodes[0])
            st = verify_unit(v, c->nodes, c->n_nodes);
    }
    return st;
}

struct announce {
    tn_node_fn before;
    void *ctx;
};

static void announce(void *ctx, const tn_plan *plan, uint32_t node)
{
    const struct announce *a = ctx;
    const struct tn_ir_node *n = &plan->ir.nodes[node];
    if (a->before)
        a->before(a->ctx, n->tnb.label, n->tnb.op, plan->session->devices[n->device].name);
}

static tn_status verify_run(const struct tn_checked_run *run, struct tn_check_report *report,
                            struct tn_error *err)
{
    const tn_plan *plan = run->plan;
    struct verify v = {.run = run, .report = report, .err = err};
    tnb_error e = TN_TNB_ERROR;
    tnb_device *handle;
    v.ref = tn_runtime_ref_device(plan->session->runtime);
    tn_status st = tn_device_open(v.ref, &handle, err);
    if (st == TN_OK)
        st = tn_from_tnb(v.ref, "opening a queue for references",
                         tn_device_api(v.ref)->queue_create(handle, 0, &v.queue, &e), &e, err);
    for (uint32_t s = 0; st == TN_OK && s < plan->schedule.n_segments; s++)
        st = verify_segment(&v, &plan->schedule.segments[s]);
    if (v.queue)
        tn_device_api(v.ref)->queue_destroy(v.queue);
    return st;
}

tn_status tn_plan_verify(tn_plan *plan, tn_node_fn before, void *ctx,
                         struct tn_check_report *out_report, struct tn_error *err)
{
    struct announce a = {before, ctx};
    struct tn_plan_observer observer = {.before = announce, .ctx = &a};
    struct tn_checked_run run;
    *out_report = (struct tn_check_report){0};
    tn_status st = tn_checked_run(plan, &observer, &run, err);
    if (before)
        before(ctx, NULL, NULL, NULL);
    if (st == TN_OK)
        st = tn_checked_guards(&run, err);
    if (st == TN_OK)
        st = verify_run(&run, out_report, err);
    tn_checked_close(&run);
    return st;
}
