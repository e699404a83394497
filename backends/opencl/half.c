/* f16 and bf16 for every operator: where no kernel takes a node's 16-bit operands as they are, they
 * are widened into f32 scratch, the f32 kernels run there, and 16-bit results are narrowed after
 * them (to nearest even, NaN kept). */
#include <stdio.h>
#include <stdlib.h>

#include "build.h"

#define LEAST 4096

static bool is_half(const tnb_tensor *t)
{
    return t->dtype == TNB_F16 || t->dtype == TNB_BF16;
}

/* Copies the types of `n` operands behind those that are there. */
static bool widen_side(const tnb_graph *graph, const uint32_t *from, uint32_t n, uint32_t *to,
                       struct ocl_widened *w)
{
    bool any = false;
    for (uint32_t i = 0; i < n; i++) {
        to[i] = TNB_ABSENT;
        if (from[i] == TNB_ABSENT)
            continue;
        to[i] = w->graph.n_values++;
        w->values[to[i]] = graph->values[from[i]];
        if (is_half(&w->values[to[i]])) {
            w->values[to[i]].dtype = TNB_F32;
            any = true;
        }
    }
    return any;
}

tnb_status ocl_widen(const tnb_graph *graph, const tnb_node *node, struct ocl_widened *out)
{
    uint32_t n = node->n_in + node->n_out;
    *out = (struct ocl_widened){.node = *node};
    out->in = malloc((n + 1) * sizeof(*out->in));
    out->values = malloc((n + 1) * sizeof(*out->values));
    if (!out->in || !out->values) {
        ocl_widened_finish(out);
        return TNB_E_OOM;
    }
    out->out = out->in + node->n_in;
    out->nodes[0] = &out->node;
    out->graph = (tnb_graph){.struct_size = sizeof(out->graph), .n_nodes = 1};
    bool in = widen_side(graph, node->in, node->n_in, out->in, out);
    bool any = widen_side(graph, node->out, node->n_out, out->out, out) || in;
    out->graph.nodes = out->nodes;
    out->graph.values = out->values;
    out->node.in = out->in;
    out->node.out = out->out;
    if (!any)
        ocl_widened_finish(out);
    return any ? TNB_OK : TNB_E_INVALID;
}

void ocl_widened_finish(struct ocl_widened *w)
{
    free(w->in);
    free(w->values);
    w->in = NULL;
    w->values = NULL;
}

static void convert(struct ocl_build *b, const char *verb, const tnb_tensor *half,
                    struct ocl_ref from, struct ocl_ref to)
{
    bool widens = strcmp(verb, "widen") == 0;
    char name[32];
    snprintf(name, sizeof(name), "%s_%s", verb, half->dtype == TNB_F16 ? "f16" : "bf16");
    ocl_kernel(b, "half", "", name);
    ocl_arg_ref(b, from, widens ? 2 : 4);
    ocl_arg_ref(b, to, widens ? 4 : 2);
    ocl_each(b, tnb_count(half), LEAST);
}

static void emit_widened(struct ocl_build *b, const struct ocl_op *op, struct ocl_widened *w,
                         struct ocl_ref *refs)
{
    const tnb_graph *graph = b->graph;
    const tnb_node *node = b->node;
    for (uint32_t i = 0; i < node->n_in + node->n_out; i++) {
        bool input = i < node->n_in;
        uint32_t v = input ? node->in[i] : node->out[i - node->n_in];
        refs[i] = input ? ocl_in(b, i) : ocl_out(b, i - node->n_in);
        if (v == TNB_ABSENT || !is_half(&graph->values[v]))
            continue;
        struct ocl_ref half = refs[i];
        refs[i] = ocl_scratch(b, (uint64_t)tnb_count(&graph->values[v]) * 4);
        if (input)
            convert(b, "widen", &graph->values[v], half, refs[i]);
    }
    b->graph = &w->graph;
    b->node = &w->node;
    b->refs = refs;
    if (b->status == TNB_OK)
        op->emit(b);
    b->graph = graph;
    b->node = node;
    b->refs = NULL;
    for (uint32_t i = 0; i < node->n_out; i++)
        if (node->out[i] != TNB_ABSENT && is_half(&graph->values[node->out[i]]))
            convert(b, "narrow", &graph->values[node->out[i]], refs[node->n_in + i], ocl_out(b, i));
}

void ocl_emit(struct ocl_build *b, const struct ocl_op *op)
{
    char why[160];
    struct ocl_widened w;
    tnb_status widened = TNB_E_INVALID;
    if (!ocl_op_takes(op, b->graph, b->node, why, sizeof(why)))
        widened = ocl_widen(b->graph, b->node, &w);
    if (widened == TNB_E_INVALID) {
        op->emit(b);
        return;
    }
    if (widened != TNB_OK) { /* f32 kernels on 16-bit memory would read past its end */
        ocl_build_fail(b, widened, "no host memory for the plan");
        return;
    }
    struct ocl_ref *refs = malloc((b->node->n_in + b->node->n_out + 1) * sizeof(*refs));
    if (refs)
        emit_widened(b, op, &w, refs);
    else
        ocl_build_fail(b, TNB_E_OOM, "no host memory for the plan");
    free(refs);
    ocl_widened_finish(&w);
}
