/* Questions about the intermediate form: who reads what, and how a node looks to people. */
#include <stdio.h>
#include <string.h>

#include "plan/ir.h"

uint32_t tn_ir_reads(const struct tn_plan_ir *ir, uint32_t node, uint32_t store)
{
    const tnb_node *n = &ir->nodes[node].tnb;
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->n_in; i++)
        if (n->in[i] != TNB_ABSENT && ir->store_of[n->in[i]] == store)
            count++;
    return count;
}

/* Calls out each (store, reader) once: counts them, and with `place` writes them down. */
static void scan_readers(struct tn_plan_ir *ir, int place)
{
    for (uint32_t s = 0; s < ir->n_stores; s++)
        ir->stores[s].n_readers = 0;
    for (uint32_t n = 0; n < ir->n_nodes; n++) {
        const tnb_node *node = &ir->nodes[n].tnb;
        for (uint32_t i = 0; i < node->n_in; i++) {
            if (node->in[i] == TNB_ABSENT)
                continue;
            struct tn_ir_store *s = &ir->stores[ir->store_of[node->in[i]]];
            int again = 0; /* two inputs, one store */
            for (uint32_t j = 0; j < i; j++)
                again |= node->in[j] != TNB_ABSENT &&
                         ir->store_of[node->in[j]] == ir->store_of[node->in[i]];
            if (again)
                continue;
            if (place)
                ir->readers[s->first_reader + s->n_readers] = n;
            s->n_readers++;
        }
    }
}

tn_status tn_ir_index_readers(struct tn_plan_ir *ir, struct tn_error *err)
{
    uint32_t total = 0;
    scan_readers(ir, 0);
    for (uint32_t s = 0; s < ir->n_stores; s++) {
        ir->stores[s].first_reader = total;
        total += ir->stores[s].n_readers;
    }
    if (!ir->readers)
        ir->readers = TN_ARENA_NEW(ir->arena, uint32_t, total);
    if (!ir->readers)
        return tn_ir_oom(ir, err);
    scan_readers(ir, 1);
    return TN_OK;
}

static size_t append_shape(const tnb_tensor *t, char *buf, size_t size, size_t at)
{
    struct tn_shape shape = {.rank = t->rank};
    memcpy(shape.dim, t->dim, sizeof(shape.dim));
    for (uint32_t i = 0; i <= shape.rank && at < size; i++) {
        int n = i < shape.rank ? snprintf(buf + at, size - at, "%s%lld", i ? "," : "[",
                                          (long long)shape.dim[i])
                               : snprintf(buf + at, size - at, "%s", i ? "]" : "[]");
        at += n > 0 ? (size_t)n : 0;
    }
    return at;
}

void tn_ir_format_shapes(const struct tn_plan_ir *ir, uint32_t node, char *buf, size_t size)
{
    const tnb_node *n = &ir->nodes[node].tnb;
    size_t at = 0;
    buf[0] = '\0';
    for (uint32_t i = 0; i < n->n_in + n->n_out && at + 1 < size; i++) {
        uint32_t v = i < n->n_in ? n->in[i] : n->out[i - n->n_in];
        if (i == n->n_in) {
            int len = snprintf(buf + at, size - at, at ? " ->" : "->");
            at += len > 0 ? (size_t)len : 0;
        }
        if (v == TNB_ABSENT || at + 1 >= size)
            continue;
        if (at)
            buf[at++] = ' ', buf[at] = '\0';
        at = append_shape(&ir->values[v], buf, size, at);
    }
}
