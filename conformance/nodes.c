#include "nodes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tensor/convert.h"

void *cf_widened(const struct cf_device *dev, const struct cf_exec *exec, uint32_t store,
                 int64_t count)
{
    double *wide = TN_ARENA_NEW(exec->ir->arena, double, count + 1);
    if (wide)
        tn_widen(exec->ir->stores[store].dtype, cf_exec_at(dev, exec, store), count, wide);
    return wide;
}

static struct tn_type type_of(const tnb_tensor *t)
{
    struct tn_type type = {.dtype = (tn_dtype)t->dtype, .shape = {.rank = t->rank}};
    memcpy(type.shape.dim, t->dim, sizeof(type.shape.dim));
    return type;
}

static int load(const struct cf_device *dev, const struct cf_exec *exec, uint32_t value,
                struct tn_ref_tensor *out)
{
    *out = (struct tn_ref_tensor){.count = 0};
    if (value == TNB_ABSENT)
        return 1;
    const tnb_tensor *t = &exec->ir->values[value];
    *out = (struct tn_ref_tensor){.type = type_of(t), .count = tnb_count(t)};
    out->data.any = cf_widened(dev, exec, exec->ir->store_of[value], out->count);
    return out->data.any != NULL;
}

static struct tn_attrs attrs_of(const tnb_node *node, struct tn_arena *arena)
{
    struct tn_attr *list = TN_ARENA_NEW(arena, struct tn_attr, node->n_attr + 1);
    for (uint32_t i = 0; list && i < node->n_attr; i++) {
        const tnb_attr *a = &node->attr[i];
        list[i] =
            (struct tn_attr){.name = a->key, .type = (tn_attr_type)a->type, .count = a->count};
        if (a->type == TNB_ATTR_INT)
            list[i].u.i = a->v.i;
        else if (a->type == TNB_ATTR_FLOAT)
            list[i].u.f = a->v.f;
        else if (a->type == TNB_ATTR_STRING)
            list[i].u.s = a->v.s;
        else
            list[i].u.ints = a->v.iv;
    }
    return (struct tn_attrs){list, node->n_attr};
}

struct node_run {
    struct tn_attrs attrs;
    struct tn_ref ref;
    void *got[TN_OP_MAX_OUT]; /* the device's, as double or int64_t */
    struct op_limits limits;
};

/* The reference on what the device had. */
static int run_reference(const struct cf_device *dev, const struct cf_exec *exec, uint32_t n,
                         struct node_run *r)
{
    const struct tn_ir_node *node = &exec->ir->nodes[n];
    struct tn_arena *arena = exec->ir->arena;
    struct tn_ref_tensor *in = TN_ARENA_NEW(arena, struct tn_ref_tensor, node->tnb.n_in + 1);
    struct tn_ref_tensor *out = TN_ARENA_NEW(arena, struct tn_ref_tensor, node->tnb.n_out + 1);
    r->attrs = attrs_of(&node->tnb, arena);
    if (!in || !out || !r->attrs.list)
        return 0;
    for (uint32_t i = 0; i < node->tnb.n_in; i++)
        if (!load(dev, exec, node->tnb.in[i], &in[i]))
            return 0;
    for (uint32_t k = 0; k < node->tnb.n_out; k++) {
        if (!load(dev, exec, node->tnb.out[k], &out[k]))
            return 0;
        r->got[k] = out[k].data.any;
        if (out[k].data.any && !(out[k].data.f = TN_ARENA_NEW(arena, double, out[k].count + 1)))
            return 0;
    }
    r->ref = (struct tn_ref){.self = node->op,
                             .attrs = &r->attrs,
                             .n_in = node->tnb.n_in,
                             .n_out = node->tnb.n_out,
                             .in = in,
                             .out = out};
    int64_t n_scratch = node->op->scratch ? node->op->scratch(&r->ref) : 0;
    if (n_scratch > 0 && !(r->ref.scratch = TN_ARENA_NEW(arena, double, n_scratch)))
        return 0;
    node->op->reference(&r->ref);
    return 1;
}

/* One element that differs. */
static enum cf_verdict differs(const struct cf_exec *exec, uint32_t n, const struct node_run *r,
                               uint32_t k, int64_t e, int64_t n_bad, struct cf_result *result)
{
    const struct tn_ir_node *node = &exec->ir->nodes[n];
    const struct tn_ref_tensor *want = &r->ref.out[k];
    char where[64] = "";
    if (exec->ir->n_nodes > 1)
        snprintf(where, sizeof(where), "node %u (%s): ", n, node->op->name);
    if (!tn_dtype_is_float(want->type.dtype))
        return cf_fail(result,
                       "%soutput %u[%lld] is %lld, expected %lld; %lld of %lld elements differ",
                       where, k, (long long)e, (long long)((const int64_t *)r->got[k])[e],
                       (long long)want->data.i[e], (long long)n_bad, (long long)want->count);
    return cf_fail(
        result,
        "%soutput %u[%lld] is %.9g, expected %.9g, allowed difference %.3g; %lld of %lld elements "
        "differ",
        where, k, (long long)e, ((const double *)r->got[k])[e], want->data.f[e],
        op_limits_allowed(&r->limits, k, e, want->type.dtype, want->data.f[e]), (long long)n_bad,
        (long long)want->count);
}

static enum cf_verdict check_output(const struct cf_exec *exec, uint32_t n,
                                    const struct node_run *r, uint32_t k, struct cf_result *result)
{
    const struct tn_ref_tensor *want = &r->ref.out[k];
    int64_t n_bad = 0, first = -1;
    for (int64_t e = 0; e < want->count; e++) {
        double share;
        if (tn_dtype_is_float(want->type.dtype))
            share = op_limits_share(&r->limits, k, e, want->type.dtype,
                                    ((const double *)r->got[k])[e], want->data.f[e]);
        else
            share = ((const int64_t *)r->got[k])[e] == want->data.i[e] ? 0.0 : INFINITY;
        if (share > result->worst)
            result->worst = share;
        if (share > 1.0 && n_bad++ == 0)
            first = e;
    }
    return n_bad ? differs(exec, n, r, k, first, n_bad, result) : CF_PASSED;
}

enum cf_verdict cf_check_nodes(const struct cf_device *dev, const struct cf_exec *exec,
                               const struct op_case *c, struct cf_result *result)
{
    for (uint32_t n = 0; n < exec->ir->n_nodes; n++) {
        const struct tn_op *op = exec->ir->nodes[n].op;
        struct node_run r = {.got = {NULL}};
        int64_t terms = c ? c->terms : 0;
        enum op_tolerance tol = c ? c->tol : op_tolerance_of(op->name, &terms);
        if (!run_reference(dev, exec, n, &r) ||
            op_limits_make(op, &r.ref, tol, terms, exec->ir->arena, &r.limits) != TN_OK)
            return cf_fail(result, "out of host memory");
        uint32_t declared = exec->precision[n];
        if (declared == TNB_PREC_TF32 || declared == TNB_PREC_F16)
            r.limits.products = TN_F16;
        else if (declared == TNB_PREC_BF16)
            r.limits.products = TN_BF16;
        for (uint32_t k = 0; k < r.ref.n_out; k++)
            if (r.got[k] && check_output(exec, n, &r, k, result) != CF_PASSED)
                return result->verdict;
    }
    return CF_PASSED;
}
