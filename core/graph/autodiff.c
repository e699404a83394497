/* Reverse-mode differentiation as a graph transformation.
 *
 * From y backward over the nodes that lie between some wrt and y: each node's operator emits the
 * nodes that turn the gradients of its outputs into those of its inputs. Where a value is used
 * twice its gradients are added. The order is that of the nodes, reversed, so that a graph is
 * always differentiated into the same nodes. */
#include <string.h>

#include "base/compiler.h"
#include "graph/build.h"
#include "tenon/backend.h"

struct job {
    struct tn_graph *graph;
    struct tn_arena arena; /* scratch of this call */
    size_t n_values;       /* of the forward graph: what we append gets no gradient here */
    uint8_t *depends;      /* [n_values] on some wrt */
    tn_value *grad;        /* [n_values] TN_NONE: none has arrived */
};

static int mark_dependents(struct job *job, const tn_value *wrt, size_t n_wrt)
{
    struct tn_graph *graph = job->graph;
    for (size_t i = 0; i < n_wrt; i++)
        job->depends[wrt[i]] = 1;
    for (size_t n = 0; n < graph->nodes.n; n++) {
        const struct tn_graph_node *node = &graph->nodes.items[n];
        int any = 0;
        for (uint32_t i = 0; i < node->n_in; i++)
            any |= node->in[i] != TN_NONE && job->depends[node->in[i]];
        for (uint32_t i = 0; any && i < node->n_out; i++)
            job->depends[node->out[i]] |=
                tn_dtype_is_float(graph->values.items[node->out[i]].dtype);
    }
    return 1;
}

static tn_value fill_like(struct tn_graph *graph, tn_value like, double number)
{
    struct tn_shape shape = tn_graph_shape(graph, like);
    const struct tn_attr attr[] = {TN_AV("shape", shape.rank, shape.dim), TN_AF("value", number),
                                   TN_AS("dtype", tn_dtype_name(tn_graph_dtype(graph, like)))};
    tn_value out = TN_NONE;
    tn_graph_op(graph, "fill", NULL, 0, attr, 3, &out, 1);
    return out;
}

/* The gradient has its value's type: a rule that errs is found here and not in a kernel. */
static int check_type(struct tn_graph *graph, const struct tn_graph_node *node, uint32_t input,
                      tn_value grad)
{
    const struct tn_graph_value *v = &graph->values.items[node->in[input]],
                                *g = &graph->values.items[grad];
    if (v->dtype == g->dtype && tn_shape_equal(&v->shape, &g->shape))
        return 1;
    char a[512], b[512];
    tn_graph_fail(graph, TN_E_INTERNAL,
                  "gradient of op '%s' (%s): input %u is %s %s, its gradient came out as %s %s",
                  node->op->name, node->label, input, tn_dtype_name(v->dtype),
                  tn_graph_shape_format(graph, &v->shape, a, sizeof a), tn_dtype_name(g->dtype),
                  tn_graph_shape_format(graph, &g->shape, b, sizeof b));
    return 0;
}

/* Calls the operator's gradient with what arrived at its outputs. */
static int emit_gradient(struct job *job, const struct tn_graph_node *node,
                         const tn_value *out_grad, const uint8_t *needed, tn_value *in_grad)
{
    struct tn_graph *graph = job->graph;
    const struct tn_op *op = node->op;
    if (!op->gradient) {
        tn_graph_fail(graph, TN_E_UNSUPPORTED,
                      "op '%s' (%s) has no gradient%s%s; use stop_gradient "
                      "before it if none is wanted",
                      op->name, node->label, op->no_gradient ? ": " : "",
                      op->no_gradient ? op->no_gradient : "");
        return 0;
    }
    struct tn_grad ctx = {.self = op,
                          .graph = graph,
                          .label = node->label,
                          .attrs = &node->attrs,
                          .n_in = node->n_in,
                          .n_out = node->n_out,
                          .in = node->in,
                          .out = node->out,
                          .out_grad = out_grad,
                          .needed = needed,
                          .in_grad = in_grad};
    tn_status status = op->gradient(&ctx);
    if (status != TN_OK)
        tn_graph_fail(graph, status, "op '%s' (%s): its gradient cannot be built here%s%s",
                      op->name, node->label, op->no_gradient ? ": " : "",
                      op->no_gradient ? op->no_gradient : "");
    return graph->status == TN_OK;
}

/* Adds what the operator sent to the gradients of the node's inputs. */
static int accumulate(struct job *job, const struct tn_graph_node *node, const uint8_t *needed,
                      const tn_value *in_grad)
{
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (!needed[i] || in_grad[i] == TN_NONE)
            continue;
        if (!check_type(job->graph, node, i, in_grad[i]))
            return 0;
        tn_value *sum = &job->grad[node->in[i]];
        *sum = *sum == TN_NONE ? in_grad[i] : tn_add(job->graph, *sum, in_grad[i]);
    }
    return job->graph->status == TN_OK;
}

static int visit(struct job *job, size_t index)
{
    struct tn_graph *graph = job->graph;
    /* A copy: the array of nodes moves as nodes are added. What it points to does not. */
    struct tn_graph_node node = graph->nodes.items[index];
    tn_value out_grad[TN_OP_MAX_OUT];
    int arrived = 0, wanted = 0;
    for (uint32_t i = 0; i < node.n_out; i++) {
        out_grad[i] = job->grad[node.out[i]];
        arrived |= out_grad[i] != TN_NONE;
    }
    for (uint32_t i = 0; i < node.n_in; i++)
        wanted |= node.in[i] != TN_NONE && job->depends[node.in[i]];
    if (!arrived || !wanted)
        return 1;
    uint8_t *needed = TN_ARENA_NEW(&job->arena, uint8_t, node.n_in);
    tn_value *in_grad = TN_ARENA_NEW(&job->arena, tn_value, node.n_in);
    if (!needed || !in_grad) {
        tn_graph_out_of_memory(graph);
        return 0;
    }
    for (uint32_t i = 0; i < node.n_in; i++) {
        needed[i] = node.in[i] != TN_NONE && job->depends[node.in[i]];
        in_grad[i] = TN_NONE;
    }
    /* Backward nodes carry the layer's path: grad/dense_1/matmul. */
    const char *slash = strrchr(node.label, '/');
    int n_path = slash ? (int)(slash - node.label) : 0;
    char *path =
        tn_arena_printf(&job->arena, n_path ? "grad/%.*s" : "grad%.*s", n_path, node.label);
    if (!path) {
        tn_graph_out_of_memory(graph);
        return 0;
    }
    tn_graph_push_path(graph, path);
    int ok = graph->status == TN_OK && emit_gradient(job, &node, out_grad, needed, in_grad) &&
             accumulate(job, &node, needed, in_grad);
    if (graph->scopes.n)
        graph->scopes.n--;
    return ok;
}

/* A parameter's gradient is a value of its own, since gradients lie side by side in memory: where
 * two parameters have the same one, the second gets it under another name. */
static tn_value mark_param_grad(struct tn_graph *graph, tn_value wrt, tn_value grad)
{
    const struct tn_graph_value *param = &graph->values.items[wrt];
    if (param->kind != TN_VALUE_STATE ||
        graph->states.items[param->index].params.role != TN_STATE_PARAM)
        return grad;
    const struct tn_graph_value *g = &graph->values.items[grad];
    if (g->kind != TN_VALUE_COMPUTED || (g->is_param_grad && g->grad_of != wrt))
        grad = tn_op1(graph, "identity", grad, NULL, 0);
    if (grad == TN_NONE)
        return TN_NONE;
    graph->values.items[grad].is_param_grad = 1;
    graph->values.items[grad].grad_of = wrt;
    return grad;
}

static int check_arguments(struct tn_graph *graph, tn_value y, const tn_value *wrt, size_t n_wrt)
{
    for (size_t i = 0; i <= n_wrt; i++) {
        tn_value v = i < n_wrt ? wrt[i] : y;
        if (v < graph->values.n && tn_dtype_is_float(graph->values.items[v].dtype))
            continue;
        const char *what = i < n_wrt ? "wrt" : "y";
        if (v >= graph->values.n)
            tn_graph_fail(graph, TN_E_INVALID, "tn_graph_gradients: %s is no value of graph '%s'",
                          what, graph->name);
        else
            tn_graph_fail(graph, TN_E_INVALID,
                          "tn_graph_gradients: %s is %s; only floating point has gradients", what,
                          tn_dtype_name(graph->values.items[v].dtype));
        return 0;
    }
    return 1;
}

static int differentiate(struct job *job, tn_value y, const tn_value *wrt, size_t n_wrt,
                         tn_value *out_grads)
{
    struct tn_graph *graph = job->graph;
    job->n_values = graph->values.n;
    job->depends = TN_ARENA_NEW(&job->arena, uint8_t, job->n_values);
    job->grad = TN_ARENA_NEW(&job->arena, tn_value, job->n_values);
    if (!job->depends || !job->grad) {
        tn_graph_out_of_memory(graph);
        return 0;
    }
    for (size_t v = 0; v < job->n_values; v++)
        job->grad[v] = TN_NONE;
    mark_dependents(job, wrt, n_wrt);
    if (job->depends[y]) {
        job->grad[y] = fill_like(graph, y, 1.0);
        size_t last = graph->values.items[y].kind == TN_VALUE_COMPUTED
                          ? (size_t)graph->values.items[y].node + 1
                          : 0;
        for (size_t n = last; n-- > 0;)
            if (graph->status != TN_OK || !visit(job, n))
                return 0;
    }
    for (size_t i = 0; i < n_wrt && graph->status == TN_OK; i++) {
        tn_value grad = job->grad[wrt[i]];
        if (grad == TN_NONE)
            grad = fill_like(graph, wrt[i], 0.0);
        if (graph->status == TN_OK)
            grad = mark_param_grad(graph, wrt[i], grad);
        out_grads[i] = grad;
    }
    return graph->status == TN_OK;
}

void tn_graph_gradients(tn_graph *graph, tn_value y, const tn_value *wrt, size_t n_wrt,
                        tn_value *out_grads)
{
    for (size_t i = 0; i < n_wrt; i++)
        out_grads[i] = TN_NONE;
    if (graph->status != TN_OK || !check_arguments(graph, y, wrt, n_wrt))
        return;
    struct job job = {.graph = graph};
    tn_arena_init(&job.arena);
    uint32_t phase = graph->phase;
    size_t n_scopes = graph->scopes.n;
    graph->phase = TNB_PHASE_BACKWARD;
    tn_graph_push_path(graph, "grad");
    if (graph->status == TN_OK && !differentiate(&job, y, wrt, n_wrt, out_grads))
        for (size_t i = 0; i < n_wrt; i++)
            out_grads[i] = TN_NONE;
    graph->scopes.n = TN_MIN(graph->scopes.n, n_scopes);
    graph->phase = phase;
    tn_arena_finish(&job.arena);
}
