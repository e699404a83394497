#include <stdio.h>
#include <string.h>

#include "compare.h"
#include "run_case.h"
#include "tensor/convert.h"

static tnb_tensor to_tnb(const struct tn_type *type)
{
    return ocl_test_type((uint32_t)type->dtype, type->shape.rank, type->shape.dim);
}

static int has_f64(const struct op_run *run)
{
    for (uint32_t i = 0; i < run->n_in; i++)
        if (run->c->in[i].dtype && run->in[i].type.dtype == TN_F64)
            return 1;
    for (uint32_t k = 0; k < run->op->n_out; k++)
        if (run->out[k].type.dtype == TN_F64)
            return 1;
    return 0;
}

static void convert_attrs(const struct tn_attrs *attrs, tnb_attr *out)
{
    for (uint32_t i = 0; i < attrs->n; i++) {
        const struct tn_attr *a = &attrs->list[i];
        out[i] = (tnb_attr){.key = a->name, .type = (uint32_t)a->type, .count = a->count};
        if (a->type == TN_ATTR_INT)
            out[i].v.i = a->u.i;
        else if (a->type == TN_ATTR_FLOAT)
            out[i].v.f = a->u.f;
        else if (a->type == TN_ATTR_STRING)
            out[i].v.s = a->u.s;
        else
            out[i].v.iv = a->u.ints;
    }
}

static size_t bytes_of(const struct tn_ref_tensor *t)
{
    return (size_t)t->count * tnb_dtype_size((uint32_t)t->type.dtype);
}

static int make_node(struct op_run *run, tnb_attr *attrs, struct ocl_test_node *node)
{
    convert_attrs(&run->attrs, attrs);
    *node = (struct ocl_test_node){.op = run->op->name,
                                   .attr = attrs,
                                   .n_attr = run->attrs.n,
                                   .n_in = run->n_in,
                                   .n_out = run->op->n_out};
    for (uint32_t i = 0; i < run->n_in; i++) {
        node->in[i].absent = !run->c->in[i].dtype;
        if (node->in[i].absent)
            continue;
        node->in[i].type = to_tnb(&run->in[i].type);
        node->in[i].data = tn_arena_alloc(&run->arena, bytes_of(&run->in[i]) + 8);
        if (!node->in[i].data)
            return 1;
        tn_narrow(run->in[i].type.dtype, run->in[i].data.any, run->in[i].count, node->in[i].data);
    }
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        node->out[k].absent = !run->out[k].type.dtype;
        if (node->out[k].absent)
            continue;
        node->out[k].type = to_tnb(&run->out[k].type);
        node->out[k].data = tn_arena_alloc(&run->arena, bytes_of(&run->out[k]) + 8);
        if (!node->out[k].data)
            return 1;
    }
    return 0;
}

static int compare(struct op_run *run, const struct op_bounds *bounds,
                   const struct ocl_test_node *node)
{
    int bad = 0;
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        const struct tn_ref_tensor *out = &run->out[k];
        tn_dtype dtype = out->type.dtype;
        if (!dtype)
            continue;
        struct tn_ref_tensor got = *out;
        got.data.any = tn_arena_alloc(&run->arena, (size_t)out->count * 8 + 8);
        if (!got.data.any)
            return 1;
        tn_widen(dtype, node->out[k].data, out->count, got.data.any);
        for (int64_t i = 0; i < out->count && bad < 3; i++) {
            if (!tn_dtype_is_float(dtype) && got.data.i[i] == out->data.i[i])
                continue;
            if (tn_dtype_is_float(dtype) &&
                op_bounds_accepts(bounds, k, i, dtype, got.data.f[i], out->data.f[i]))
                continue;
            int is_float = tn_dtype_is_float(dtype);
            fprintf(stderr, "%s/%s: %s output %u[%lld] is %.9g, expected %.9g (allowed %.3g)\n",
                    run->c->op, run->c->name, tn_dtype_name(dtype), k, (long long)i,
                    is_float ? got.data.f[i] : (double)got.data.i[i],
                    is_float ? out->data.f[i] : (double)out->data.i[i],
                    is_float ? op_bounds_allowed(bounds, k, i, dtype, out->data.f[i]) : 0);
            bad++;
        }
    }
    return bad;
}

static int check(struct op_run *run, const struct ocl_test_node *node)
{
    struct op_bounds bounds;
    struct tn_error err;
    if (op_run_reference(run, &err) != TN_OK || op_bounds_open(run, &bounds, &err) != TN_OK) {
        fprintf(stderr, "%s/%s: %s\n", run->c->op, run->c->name, err.msg);
        return 1;
    }
    int bad = compare(run, &bounds, node);
    op_bounds_close(&bounds);
    return bad;
}

/* --- in place, and the same bits twice --- */

static int same_bits(const struct op_run *run, struct ocl_test_node *node, void *const *first,
                     const char *what)
{
    for (uint32_t k = 0; k < run->op->n_out; k++)
        if (!node->out[k].absent &&
            memcmp(first[k], node->out[k].data, bytes_of(&run->out[k])) != 0) {
            fprintf(stderr, "%s/%s: other bits %s\n", run->c->op, run->c->name, what);
            return 1;
        }
    return 0;
}

static int repeat(struct ocl_test *t, struct op_run *run, struct ocl_test_node *node,
                  const tnb_support *s, struct ocl_case_totals *totals)
{
    void *first[TN_OP_MAX_OUT] = {NULL};
    for (uint32_t k = 0; k < run->op->n_out; k++) {
        if (node->out[k].absent)
            continue;
        first[k] = tn_arena_alloc(&run->arena, bytes_of(&run->out[k]) + 8);
        memcpy(first[k], node->out[k].data, bytes_of(&run->out[k]));
    }
    if (ocl_test_run(t, node, 2, NULL) || same_bits(run, node, first, "in a second run"))
        return 1;
    for (uint32_t p = 0; p < s->n_inplace; p++) {
        node->out[s->inplace[p].out].share_in = 1 + s->inplace[p].in;
        if (ocl_test_run(t, node, 1, NULL) || same_bits(run, node, first, "in place"))
            return 1;
        node->out[s->inplace[p].out].share_in = 0;
        totals->in_place++;
    }
    return 0;
}

int ocl_case_run(struct ocl_test *t, const struct op_case *c, tn_dtype precision,
                 const struct ocl_case_how *how, struct ocl_case_totals *totals)
{
    struct op_run run;
    struct tn_error err;
    tnb_attr attrs[16];
    struct ocl_test_node node;
    tnb_support s;
    tn_status st = op_run_open(c, precision, &run, &err);
    if (st != TN_OK && precision != TN_F32) /* the shape rule wants f32 */
        return 0;
    if (st != TN_OK) {
        fprintf(stderr, "%s/%s: %s\n", c->op, c->name, err.msg);
        return 1;
    }
    int rc = run.attrs.n > 16 || make_node(&run, attrs, &node);
    if (has_f64(&run)) {
        totals->refused++;
        goto done;
    }
    if (rc == 0)
        rc = ocl_test_run(t, &node, 1, &s);
    if (rc == 2)
        fprintf(stderr, "%s/%s: refused: %s\n", c->op, c->name, t->err.msg);
    if (rc == 0) {
        totals->ran++;
        rc = how->unchecked ? 0 : check(&run, &node);
    }
    if (rc == 0 && how->repeat)
        rc = repeat(t, &run, &node, &s, totals);
done:
    op_run_close(&run);
    return rc != 0;
}
