/* A case of an operator on a device. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "graphs.h"
#include "nodes.h"
#include "tensor/convert.h"

/* --- to be refused --- */

static enum cf_verdict run_reject(const struct op_case *c, struct cf_result *result)
{
    struct op_run run;
    struct tn_error err = {TN_OK, ""};
    tn_status st = op_run_open(c, TN_F32, &run, &err);
    if (st == TN_OK) {
        op_run_close(&run);
        return cf_fail(result, "the shape rule accepts it; it should refuse (\"%s\")", c->reject);
    }
    if (!strstr(err.msg, c->reject))
        return cf_fail(result, "refused with \"%.300s\", which does not say \"%s\"", err.msg,
                       c->reject);
    return CF_PASSED;
}

/* --- forward and backward --- */

struct job {
    struct cf_device *dev;
    const struct cf_item *item;
    struct cf_result *result;
    struct op_run run;
    tn_graph *graph;
    tn_value grads[OP_CASE_MAX_IN];
    struct tn_arena arena;
    struct tn_plan_ir ir;
    struct cf_exec exec;
};

/* A type that the device lacks is no fault of its kernels. */
static int lacks_type(struct job *j)
{
    for (uint32_t v = 0; v < j->ir.n_values; v++) {
        uint32_t dtype = j->ir.values[v].dtype;
        if (!(j->dev->dtype_mask >> dtype & 1u)) {
            cf_set(j->result, CF_SKIPPED, "the device has no %s", tn_dtype_name((tn_dtype)dtype));
            return 1;
        }
    }
    return 0;
}

static enum cf_verdict build(struct job *j)
{
    struct tn_error err = {TN_OK, ""};
    const struct tn_symbol_values none = {{0}};
    tn_status st = op_run_open(j->item->c, j->item->precision, &j->run, &err);
    if (st != TN_OK) {
        j->run.c = NULL;
        return cf_fail(j->result, "%.400s", err.msg);
    }
    st = j->item->suite == CF_BACKWARD ? op_backward_graph(&j->run, &j->graph, j->grads, &err)
                                       : op_forward_graph(&j->run, &j->graph, &err);
    if (st == TN_OK)
        st = tn_ir_build(&j->arena, j->graph, &none, 0, &j->ir, &err);
    return st == TN_OK ? CF_PASSED : cf_fail(j->result, "%.400s", err.msg);
}

/* Inputs as the element type holds them: the reference then sees the same numbers. */
static void round_inputs(struct op_run *run)
{
    for (uint32_t i = 0; i < run->n_in; i++) {
        struct tn_ref_tensor *x = &run->in[i];
        void *bytes =
            run->c->in[i].dtype ? tn_arena_alloc(&run->arena, (size_t)x->count * 8 + 8) : NULL;
        if (!bytes)
            continue;
        tn_narrow(x->type.dtype, x->data.any, x->count, bytes);
        tn_widen(x->type.dtype, bytes, x->count, x->data.any);
    }
}

static void write_sources(struct job *j)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < j->run.n_in; i++) {
        const struct tn_ref_tensor *x = &j->run.in[i];
        if (!j->run.c->in[i].dtype)
            continue;
        uint32_t store = j->ir.inputs[at++].store;
        if (store != TN_NONE)
            tn_narrow(x->type.dtype, x->data.any, x->count, cf_exec_at(j->dev, &j->exec, store));
    }
    for (uint32_t s = 0; s < j->ir.n_stores; s++) {
        const struct tn_ir_store *store = &j->ir.stores[s];
        if (store->kind != TN_STORE_CONST)
            continue;
        const void *data =
            store->data ? store->data : tn_tensor_const_data(j->graph->consts.items[store->index]);
        memcpy(cf_exec_at(j->dev, &j->exec, s), data, (size_t)store->n_bytes);
    }
}

static enum cf_verdict run_once(struct job *j, struct cf_share share)
{
    enum cf_verdict v = cf_exec_lay_out(j->dev, &j->exec, share, j->result);
    if (v != CF_PASSED)
        return v;
    write_sources(j);
    return cf_exec_run(j->dev, &j->exec, j->result);
}

/* --- the whole graph's result --- */

/* reshape and its like are never executed: only the bytes are looked at. */
static enum cf_verdict check_alias(struct job *j)
{
    struct tn_error err = {TN_OK, ""};
    if (op_run_reference(&j->run, &err) != TN_OK)
        return cf_fail(j->result, "%.400s", err.msg);
    for (uint32_t o = 0; o < j->ir.n_outputs; o++) {
        const struct tn_ref_tensor *want = &j->run.out[o];
        uint8_t *bytes = tn_arena_alloc(&j->arena, (size_t)want->count * 8 + 8);
        if (!bytes)
            return cf_fail(j->result, "out of host memory");
        tn_narrow(want->type.dtype, want->data.any, want->count, bytes);
        if (memcmp(bytes, cf_exec_at(j->dev, &j->exec, j->ir.outputs[o].store),
                   (size_t)j->ir.stores[j->ir.outputs[o].store].n_bytes) != 0)
            return cf_fail(j->result, "output %u does not hold the input's elements", o);
    }
    return CF_PASSED;
}

/* The largest number that the graph computes. A gradient may be the small rest of large terms, so
 * that its own size says nothing about the rounding in it. */
static double largest_of(const tn_graph *graph, const struct op_eval *eval)
{
    double largest = 0.0;
    for (size_t v = 0; v < graph->values.n; v++) {
        const struct tn_ref_tensor *t = &eval->values[v];
        if (graph->values.items[v].kind != TN_VALUE_COMPUTED || !tn_dtype_is_float(t->type.dtype))
            continue;
        for (int64_t e = 0; e < t->count; e++)
            if (isfinite(t->data.f[e]))
                largest = fmax(largest, fabs(t->data.f[e]));
    }
    return largest;
}

/* The gradients against the same graph in double throughout: each node may have rounded once. The
 * nodes one by one are held to their own tolerances; this is about the graph. */
static enum cf_verdict check_gradients(struct job *j)
{
    struct tn_ref_tensor inputs[OP_CASE_MAX_IN];
    struct op_eval eval;
    struct tn_error err = {TN_OK, ""};
    uint32_t o = 0;
    size_t n = op_graph_inputs(&j->run, inputs);
    if (op_eval_graph(j->graph, NULL, inputs, n, &eval, &err) != TN_OK)
        return cf_fail(j->result, "%.400s", err.msg);
    double largest = largest_of(j->graph, &eval);
    for (uint32_t i = 0; i < j->run.n_in && j->result->verdict == CF_PASSED; i++) {
        if (j->grads[i] == TN_NONE)
            continue;
        const struct tn_ref_tensor *want = &eval.values[j->grads[i]];
        const double *got = cf_widened(j->dev, &j->exec, j->ir.outputs[o++].store, want->count);
        double rel = 1e-5 * (j->ir.n_nodes + 1);
        for (int64_t e = 0; got && e < want->count; e++) {
            double allowed = rel * (fabs(want->data.f[e]) + largest) + 1e-30;
            double share = fabs(got[e] - want->data.f[e]) / allowed;
            if (share > j->result->worst)
                j->result->worst = share;
            if (!(share <= 1.0)) {
                cf_fail(j->result,
                        "gradient of input %u[%lld] is %.9g, expected %.9g, allowed difference "
                        "%.3g",
                        i, (long long)e, got[e], want->data.f[e], allowed);
                break;
            }
        }
    }
    op_eval_close(&eval);
    return j->result->verdict;
}

/* --- again, and in place --- */

static uint8_t *outputs_of(struct job *j)
{
    uint64_t n = 0;
    for (uint32_t o = 0; o < j->ir.n_outputs; o++)
        n += j->ir.stores[j->ir.outputs[o].store].n_bytes;
    uint8_t *bytes = tn_arena_alloc(&j->arena, (size_t)n + 1), *at = bytes;
    for (uint32_t o = 0; bytes && o < j->ir.n_outputs; o++) {
        uint32_t store = j->ir.outputs[o].store;
        memcpy(at, cf_exec_at(j->dev, &j->exec, store), (size_t)j->ir.stores[store].n_bytes);
        at += j->ir.stores[store].n_bytes;
    }
    return bytes;
}

static enum cf_verdict expect_bits(struct job *j, const uint8_t *first, const char *when)
{
    const uint8_t *at = first;
    for (uint32_t o = 0; o < j->ir.n_outputs; o++) {
        uint32_t store = j->ir.outputs[o].store;
        size_t n = (size_t)j->ir.stores[store].n_bytes;
        if (memcmp(at, cf_exec_at(j->dev, &j->exec, store), n) != 0)
            return cf_fail(j->result, "output %u has other bits %s", o, when);
        at += n;
    }
    return CF_PASSED;
}

/* Each pair of input and output that the backend offers to do in place. */
static enum cf_verdict check_in_place(struct job *j, const uint8_t *first)
{
    const tnb_support *s = &j->exec.support[0];
    const tnb_node *node = &j->ir.nodes[0].tnb;
    for (uint32_t p = 0; p < s->n_inplace && p < 8; p++) {
        uint32_t i = s->inplace[p].in, k = s->inplace[p].out;
        if (i >= node->n_in || k >= node->n_out || node->in[i] == TNB_ABSENT ||
            node->out[k] == TNB_ABSENT)
            return cf_fail(j->result, "supports offers a pair (%u, %u) that is not there", i, k);
        struct cf_share share = {j->ir.store_of[node->in[i]], j->ir.store_of[node->out[k]]};
        if (j->ir.stores[share.from].n_bytes != j->ir.stores[share.to].n_bytes)
            return cf_fail(j->result, "supports offers input %u for output %u of another size", i,
                           k);
        if (run_once(j, share) != CF_PASSED || expect_bits(j, first, "in place") != CF_PASSED)
            return j->result->verdict;
    }
    return CF_PASSED;
}

static enum cf_verdict run_and_check(struct job *j)
{
    const struct cf_share apart = {0, 0};
    int forward = j->item->suite == CF_OPS;
    if (run_once(j, apart) != CF_PASSED)
        return j->result->verdict;
    if (j->ir.n_nodes == 0)
        return check_alias(j);
    if (cf_check_nodes(j->dev, &j->exec, forward ? j->item->c : NULL, j->result) != CF_PASSED)
        return j->result->verdict;
    if (!forward)
        return j->item->precision == TN_F32 ? check_gradients(j) : CF_PASSED;
    const uint8_t *first = outputs_of(j);
    if (!first)
        return cf_fail(j->result, "out of host memory");
    if (run_once(j, apart) != CF_PASSED || expect_bits(j, first, "in a second run") != CF_PASSED)
        return j->result->verdict;
    return check_in_place(j, first);
}

enum cf_verdict cf_run_case(struct cf_device *dev, const struct cf_item *item,
                            struct cf_result *result)
{
    struct job j = {.dev = dev, .item = item, .result = result};
    if (item->suite == CF_REJECT)
        return run_reject(item->c, result);
    for (uint32_t i = 0; i < OP_CASE_MAX_IN; i++)
        j.grads[i] = TN_NONE;
    tn_arena_init(&j.arena);
    enum cf_verdict v = build(&j);
    if (v == CF_PASSED && lacks_type(&j))
        v = result->verdict;
    if (v == CF_PASSED)
        v = cf_exec_supports(dev, &j.ir, &j.exec, result);
    if (v == CF_PASSED)
        v = cf_exec_prepare(dev, &j.exec, result);
    if (v == CF_PASSED) {
        round_inputs(&j.run);
        v = run_and_check(&j);
    }
    cf_exec_close(dev, &j.exec);
    tn_graph_destroy(&j.graph);
    tn_arena_finish(&j.arena);
    if (j.run.c)
        op_run_close(&j.run);
    return v;
}
