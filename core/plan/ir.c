/* From a graph and a binding to the plan's intermediate form: live nodes, concrete types, values
 * and the stores behind them. */
#include "plan/ir.h"

#include <string.h>

#include "base/compiler.h"
#include "graph/passes.h"

#define MAX_FOLDED 4096 /* elements: a larger constant is cheaper to compute than to keep */

struct builder {
    struct tn_plan_ir *ir;
    const tn_graph *graph;
    struct tn_type *types;
    struct tn_attrs *attrs;
    tn_value *replace;  /* by graph value: the equal one to read instead */
    tn_tensor **folded; /* by graph value: what it is, if constants alone decide; else NULL */
    uint8_t *needed;    /* by graph value: read by something live */
    uint8_t *live;      /* by graph node */
    uint32_t *value_of; /* graph value -> view value, TN_NONE: not there */
    uint32_t *store_at; /* graph value -> store */
    struct tn_error *err;
};

tn_status tn_ir_oom(const struct tn_plan_ir *ir, struct tn_error *err)
{
    return tn_error_set(err, TN_E_OOM, "graph '%s': out of host memory while planning",
                        ir->graph_name);
}

static int is_alias(const struct tn_graph_node *node)
{
    return (node->op->flags & TN_OP_ALIAS) != 0;
}

static void need(struct builder *b, tn_value v)
{
    if (v != TN_NONE)
        b->needed[b->replace[v]] = 1;
}

/* Backwards from the outputs and the assigned values; nodes are in topological order. All declared
 * state is there, read or not. */
static void mark_live(struct builder *b)
{
    const tn_graph *g = b->graph;
    for (size_t i = 0; i < g->outputs.n; i++)
        need(b, g->outputs.items[i].value);
    for (size_t i = 0; i < g->states.n; i++) {
        need(b, g->states.items[i].value);
        need(b, g->states.items[i].assigned);
    }
    for (size_t n = g->nodes.n; n-- > 0;) {
        const struct tn_graph_node *node = &g->nodes.items[n];
        for (uint32_t o = 0; o < node->n_out; o++)
            if (node->out[o] != TN_NONE && b->needed[node->out[o]] && !b->folded[node->out[o]])
                b->live[n] = 1;
        for (uint32_t i = 0; b->live[n] && i < node->n_in; i++)
            need(b, node->in[i]);
    }
}

/* Equal subexpressions become one, small constant ones are computed now. */
static tn_status simplify(struct builder *b, int wanted)
{
    struct tn_arena *arena = b->ir->arena;
    if (wanted) {
        tn_status st = tn_graph_common(b->graph, arena, &b->replace);
        return st == TN_OK ? tn_graph_fold(b->graph, b->types, b->attrs, MAX_FOLDED, arena,
                                           &b->folded, b->err)
                           : tn_ir_oom(b->ir, b->err);
    }
    b->replace = TN_ARENA_NEW(arena, tn_value, b->graph->values.n);
    b->folded = TN_ARENA_NEW(arena, tn_tensor *, b->graph->values.n);
    if (!b->replace || !b->folded)
        return tn_ir_oom(b->ir, b->err);
    for (size_t v = 0; v < b->graph->values.n; v++)
        b->replace[v] = (tn_value)v;
    return TN_OK;
}

static tn_status type_bytes(const struct builder *b, const struct tn_type *type,
                            uint64_t *out_bytes)
{
    int64_t count = 0, bytes = 0;
    if (tn_shape_count(&type->shape, &count) != TN_OK ||
        TN_MUL_OVERFLOW(count, (int64_t)tn_dtype_size(type->dtype), &bytes)) {
        char shape[96];
        return tn_error_set(b->err, TN_E_INVALID, "graph '%s': a value of shape %s is too large",
                            b->graph->name, tn_shape_format(&type->shape, shape, sizeof(shape)));
    }
    *out_bytes = (uint64_t)bytes;
    return TN_OK;
}

static tn_status add_store(struct builder *b, enum tn_store_kind kind, uint32_t index,
                           const struct tn_type *type, uint32_t *out_store)
{
    struct tn_plan_ir *ir = b->ir;
    uint64_t n_bytes = 0;
    tn_status st = type_bytes(b, type, &n_bytes);
    if (st != TN_OK)
        return st;
    ir->stores[ir->n_stores] = (struct tn_ir_store){.kind = kind,
                                                    .index = index,
                                                    .producer = TN_NONE,
                                                    .n_bytes = n_bytes,
                                                    .grad_state = TN_NONE,
                                                    .dtype = type->dtype};
    *out_store = ir->n_stores++;
    return TN_OK;
}

static uint32_t add_value(struct builder *b, const struct tn_type *type, uint32_t store,
                          uint32_t flags)
{
    struct tn_plan_ir *ir = b->ir;
    tnb_tensor *t = &ir->values[ir->n_values];
    *t = (tnb_tensor){.dtype = type->dtype, .rank = type->shape.rank, .flags = flags};
    int64_t stride = 1;
    for (uint32_t i = type->shape.rank; i-- > 0;) {
        t->dim[i] = type->shape.dim[i];
        t->stride[i] = stride;
        stride *= type->shape.dim[i];
    }
    ir->stores[store].n_values++;
    ir->store_of[ir->n_values] = store;
    ir->prior[ir->n_values] = TNB_ABSENT;
    return ir->n_values++;
}

/* View flags of a value that no node computes. */
static uint32_t source_flags(const tn_graph *g, const struct tn_graph_value *v)
{
    if (v->kind == TN_VALUE_CONST)
        return TNB_VALUE_CONST;
    if (v->kind == TN_VALUE_INPUT)
        return g->inputs.items[v->index].kind == TN_INPUT_STEP ? TNB_VALUE_STEP : 0;
    if (v->kind == TN_VALUE_STATE)
        return TNB_VALUE_STATE |
               (g->states.items[v->index].params.role == TN_STATE_PARAM ? TNB_VALUE_PARAM : 0u);
    return 0;
}

static enum tn_store_kind store_kind(enum tn_value_kind kind)
{
    switch (kind) {
    case TN_VALUE_INPUT:
        return TN_STORE_INPUT;
    case TN_VALUE_CONST:
        return TN_STORE_CONST;
    case TN_VALUE_STATE:
        return TN_STORE_STATE;
    default:
        return TN_STORE_TEMP;
    }
}

static void mark_grad(struct builder *b, const struct tn_graph_value *v, uint32_t value)
{
    const struct tn_graph_value *param = &b->graph->values.items[v->grad_of];
    struct tn_ir_store *store = &b->ir->stores[b->ir->store_of[value]];
    b->ir->values[value].flags |= TNB_VALUE_GRAD;
    if (store->kind == TN_STORE_TEMP && store->grad_state == TN_NONE) {
        store->grad_state = param->index;
        store->grad_group = b->graph->states.items[param->index].params.group;
    }
}

static tn_status add_folded(struct builder *b, tn_value index)
{
    const tn_tensor *t = b->folded[index];
    tn_status st = add_store(b, TN_STORE_CONST, TN_NONE, &b->types[index], &b->store_at[index]);
    if (st != TN_OK)
        return st;
    struct tn_ir_store *store = &b->ir->stores[b->store_at[index]];
    store->data = tn_arena_dup(b->ir->arena, tn_tensor_const_data(t), store->n_bytes);
    b->value_of[index] = add_value(b, &b->types[index], b->store_at[index], TNB_VALUE_CONST);
    return store->data ? TN_OK : tn_ir_oom(b->ir, b->err);
}

static tn_status add_graph_value(struct builder *b, tn_value index)
{
    const tn_graph *g = b->graph;
    const struct tn_graph_value *v = &g->values.items[index];
    const struct tn_type *type = &b->types[index];
    const struct tn_graph_node *node =
        v->kind == TN_VALUE_COMPUTED ? &g->nodes.items[v->node] : NULL;
    if (b->replace[index] != index) {
        b->store_at[index] = b->store_at[b->replace[index]];
        b->value_of[index] = b->value_of[b->replace[index]];
        return TN_OK;
    }
    if (node && !b->live[v->node]) {
        return b->folded[index] && b->needed[index] ? add_folded(b, index) : TN_OK;
    } else if (node && is_alias(node)) {
        tn_value from = b->replace[node->in[0]];
        if (!b->needed[index])
            return TN_OK;
        b->store_at[index] = b->store_at[from];
        b->value_of[index] = tn_shape_equal(&type->shape, &b->types[from].shape)
                                 ? b->value_of[from]
                                 : add_value(b, type, b->store_at[from], 0);
    } else if (node || b->needed[index]) {
        tn_status st = add_store(b, store_kind(v->kind), v->index, type, &b->store_at[index]);
        if (st != TN_OK)
            return st;
        b->value_of[index] = add_value(b, type, b->store_at[index], source_flags(g, v));
    } else {
        return TN_OK;
    }
    if (v->is_param_grad)
        mark_grad(b, v, b->value_of[index]);
    return TN_OK;
}

static uint32_t *map_values(struct builder *b, const tn_value *list, uint32_t n)
{
    uint32_t *out = TN_ARENA_NEW(b->ir->arena, uint32_t, n);
    for (uint32_t i = 0; out && i < n; i++)
        out[i] = list[i] == TN_NONE ? TNB_ABSENT : b->value_of[list[i]];
    return out;
}

static tnb_attr *map_attrs(struct builder *b, const struct tn_attrs *attrs)
{
    struct tn_arena *arena = b->ir->arena;
    tnb_attr *out = TN_ARENA_NEW(arena, tnb_attr, attrs->n);
    for (uint32_t i = 0; out && i < attrs->n; i++) {
        const struct tn_attr *a = &attrs->list[i];
        out[i] = (tnb_attr){.type = (uint32_t)a->type, .count = a->count};
        out[i].key = tn_arena_strdup(arena, a->name);
        if (a->type == TN_ATTR_INT)
            out[i].v.i = a->u.i;
        else if (a->type == TN_ATTR_FLOAT)
            out[i].v.f = a->u.f;
        else if (a->type == TN_ATTR_STRING)
            out[i].v.s = tn_arena_strdup(arena, a->u.s ? a->u.s : "");
        else
            out[i].v.iv = tn_arena_dup(arena, a->u.ints, sizeof(int64_t) * a->count);
        if (!out[i].key || (a->type == TN_ATTR_STRING && !out[i].v.s) ||
            (a->type == TN_ATTR_INTS && !out[i].v.iv))
            return NULL;
    }
    return out;
}

static tn_status add_node(struct builder *b, size_t index)
{
    const struct tn_graph_node *node = &b->graph->nodes.items[index];
    struct tn_plan_ir *ir = b->ir;
    struct tn_ir_node *n = &ir->nodes[ir->n_nodes];
    *n = (struct tn_ir_node){.op = node->op, .claim = TN_NONE};
    n->tnb = (tnb_node){.struct_size = sizeof(tnb_node),
                        .op_version = node->op->version,
                        .phase = node->phase,
                        .op = node->op->name,
                        .label = tn_arena_strdup(ir->arena, node->label),
                        .n_in = node->n_in,
                        .n_out = node->n_out,
                        .n_attr = b->attrs[index].n,
                        .in = map_values(b, node->in, node->n_in),
                        .out = map_values(b, node->out, node->n_out),
                        .attr = map_attrs(b, &b->attrs[index])};
    if (!n->tnb.label || !n->tnb.in || !n->tnb.out || !n->tnb.attr)
        return tn_ir_oom(ir, b->err);
    for (uint32_t o = 0; o < node->n_out; o++)
        if (n->tnb.out[o] != TNB_ABSENT)
            ir->stores[ir->store_of[n->tnb.out[o]]].producer = ir->n_nodes;
    ir->n_nodes++;
    return TN_OK;
}

/* A store that a copy at the step's begin fills with what `from` holds then. */
static uint32_t add_snapshot(struct tn_plan_ir *ir, uint32_t from)
{
    uint32_t to = ir->n_stores++;
    ir->stores[to] = (struct tn_ir_store){.kind = TN_STORE_TEMP,
                                          .producer = TN_NONE,
                                          .n_bytes = ir->stores[from].n_bytes,
                                          .grad_state = TN_NONE,
                                          .dtype = ir->stores[from].dtype};
    ir->copies[ir->n_copies++] = (struct tn_ir_copy){.from = from, .to = to};
    return to;
}

static tn_status add_inputs(struct builder *b)
{
    const tn_graph *g = b->graph;
    for (size_t i = 0; i < g->inputs.n; i++) {
        const struct tn_graph_input *in = &g->inputs.items[i];
        struct tn_ir_input *out = &b->ir->inputs[i];
        *out = (struct tn_ir_input){.name = tn_arena_strdup(b->ir->arena, in->name),
                                    .type = b->types[in->value],
                                    .kind = in->kind,
                                    .store = b->store_at[in->value]};
        if (!out->name)
            return tn_ir_oom(b->ir, b->err);
        tn_status st = type_bytes(b, &out->type, &out->n_bytes);
        if (st != TN_OK)
            return st;
    }
    b->ir->n_inputs = (uint32_t)g->inputs.n;
    return TN_OK;
}

/* An output of bytes that may change before the host reads them (state, input) is a copy. */
static tn_status add_outputs(struct builder *b)
{
    const tn_graph *g = b->graph;
    for (size_t i = 0; i < g->outputs.n; i++) {
        const struct tn_graph_output *o = &g->outputs.items[i];
        uint32_t store = b->store_at[o->value];
        if (b->ir->stores[store].kind != TN_STORE_TEMP)
            store = add_snapshot(b->ir, store);
        b->ir->stores[store].is_output = 1;
        b->ir->outputs[i] = (struct tn_ir_output){.name = tn_arena_strdup(b->ir->arena, o->name),
                                                  .type = b->types[o->value],
                                                  .store = store};
        if (!b->ir->outputs[i].name)
            return tn_ir_oom(b->ir, b->err);
    }
    b->ir->n_outputs = (uint32_t)g->outputs.n;
    return TN_OK;
}

static void add_assigns(struct builder *b)
{
    const tn_graph *g = b->graph;
    struct tn_plan_ir *ir = b->ir;
    for (size_t i = 0; i < g->states.n; i++) {
        const struct tn_graph_state *s = &g->states.items[i];
        if (s->assigned == TN_NONE)
            continue;
        uint32_t state = b->store_at[s->value], source = b->store_at[s->assigned];
        if (source == state) /* assigned to itself */
            continue;
        const struct tn_ir_store *from = &ir->stores[source];
        /* Two states that swap: the old version must survive the other's write. */
        if (from->kind == TN_STORE_STATE && g->states.items[from->index].assigned != TN_NONE)
            source = add_snapshot(ir, source);
        ir->stores[source].is_assigned = 1;
        ir->assigns[ir->n_assigns++] = (struct tn_ir_assign){.state = state, .source = source};
    }
}

static tn_status reserve(struct builder *b)
{
    const tn_graph *g = b->graph;
    struct tn_plan_ir *ir = b->ir;
    struct tn_arena *a = ir->arena;
    size_t n_v = g->values.n, n_n = g->nodes.n, n_extra = g->outputs.n + g->states.n;
    b->needed = TN_ARENA_NEW(a, uint8_t, n_v);
    b->live = TN_ARENA_NEW(a, uint8_t, n_n);
    b->value_of = TN_ARENA_NEW(a, uint32_t, n_v);
    b->store_at = TN_ARENA_NEW(a, uint32_t, n_v);
    ir->graph_name = tn_arena_strdup(a, g->name);
    ir->values = TN_ARENA_NEW(a, tnb_tensor, n_v);
    ir->prior = TN_ARENA_NEW(a, uint32_t, n_v);
    ir->store_of = TN_ARENA_NEW(a, uint32_t, n_v);
    ir->nodes = TN_ARENA_NEW(a, struct tn_ir_node, n_n);
    ir->node_list = TN_ARENA_NEW(a, const tnb_node *, n_n);
    ir->stores = TN_ARENA_NEW(a, struct tn_ir_store, n_v + n_extra);
    ir->inputs = TN_ARENA_NEW(a, struct tn_ir_input, g->inputs.n);
    ir->outputs = TN_ARENA_NEW(a, struct tn_ir_output, g->outputs.n);
    ir->assigns = TN_ARENA_NEW(a, struct tn_ir_assign, g->states.n);
    ir->copies = TN_ARENA_NEW(a, struct tn_ir_copy, n_extra);
    if (!b->needed || !b->live || !b->value_of || !b->store_at || !ir->graph_name || !ir->values ||
        !ir->prior || !ir->store_of || !ir->nodes || !ir->node_list || !ir->stores || !ir->inputs ||
        !ir->outputs || !ir->assigns || !ir->copies)
        return tn_error_set(b->err, TN_E_OOM, "out of host memory while planning");
    for (size_t i = 0; i < n_v; i++)
        b->value_of[i] = b->store_at[i] = TN_NONE;
    return TN_OK;
}

static tn_status build_all(struct builder *b)
{
    const tn_graph *g = b->graph;
    tn_status st = TN_OK;
    mark_live(b);
    for (size_t v = 0; st == TN_OK && v < g->values.n; v++)
        st = add_graph_value(b, (tn_value)v);
    for (size_t n = 0; st == TN_OK && n < g->nodes.n; n++)
        if (b->live[n] && !is_alias(&g->nodes.items[n]))
            st = add_node(b, n);
    if (st == TN_OK)
        st = add_inputs(b);
    if (st == TN_OK)
        st = add_outputs(b);
    if (st == TN_OK)
        add_assigns(b);
    return st;
}

tn_status tn_ir_build(struct tn_arena *arena, const tn_graph *graph,
                      const struct tn_symbol_values *bound, int simplified,
                      struct tn_plan_ir *out_ir, struct tn_error *err)
{
    *out_ir = (struct tn_plan_ir){.arena = arena, .graph_name = "?"};
    struct builder b = {.ir = out_ir, .graph = graph, .err = err};
    tn_status st = tn_graph_check(graph, err);
    if (st == TN_OK)
        st = tn_graph_bind(graph, bound, arena, &b.types, &b.attrs, err);
    if (st == TN_OK)
        st = reserve(&b);
    if (st == TN_OK)
        st = simplify(&b, simplified);
    if (st != TN_OK)
        return st;
    st = build_all(&b);
    if (simplified)
        tn_graph_unfold(graph, b.folded);
    if (st != TN_OK)
        return st;
    out_ir->view = (tnb_graph){.struct_size = sizeof(tnb_graph),
                               .n_nodes = out_ir->n_nodes,
                               .n_values = out_ir->n_values,
                               .nodes = out_ir->node_list,
                               .values = out_ir->values,
                               .prior = out_ir->prior};
    return tn_ir_schedule(out_ir, err);
}
