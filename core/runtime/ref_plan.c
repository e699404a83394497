/* Plans of "ref": each node widens its inputs to double or int64_t, calls the operator's reference
 * and rounds the outputs. Values that are f64 or i64 already are used where they lie. All memory is
 * known when the plan is made: run only follows pointers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/time.h"
#include "ops/op.h"
#include "runtime/ref_internal.h"
#include "runtime/tnb_error.h"
#include "tensor/convert.h"

#define ALIGN 64u

/* One input or output of a node. */
struct operand {
    int is_present;   /* 0: absent, its data is NULL */
    int is_stored;    /* has a span; 0: an output that nobody asked for */
    int is_wide;      /* f64 or i64: no conversion */
    uint32_t span;    /* position in the segment's values */
    uint64_t wide_at; /* offset of its widened copy in the workspace */
    void *stored;     /* from plan_bind */
};
struct ref_node {
    const struct tn_op *op;
    struct tn_attrs attrs;
    const char *label;
    uint32_t n_in, n_out;
    struct operand *in, *out;
    struct tn_ref_tensor *in_tensor, *out_tensor;
    uint64_t scratch_at;
    int64_t n_scratch;
};
struct tnb_plan {
    struct tn_arena arena;
    struct ref_node *nodes;
    uint64_t *time_ns;
    uint32_t n_nodes, n_values;
    uint64_t workspace;
    int is_bound;
    unsigned char *workspace_mem;
    double nothing[8]; /* address of values without elements */
};

/* --- supports --- */

static const struct tn_op *find_op(const tnb_node *node, tnb_support *out, tnb_error *err)
{
    const struct tn_op *op = tn_op_find(node->op);
    const char *why = NULL;
    if (!op)
        why = "there is no operator of that name";
    else if (node->op_version != op->version)
        why = "another version of the operator is meant";
    else if (!op->reference && !(op->flags & TN_OP_ALIAS))
        why = "the operator has no reference";
    else
        return op;
    if (out)
        snprintf(out->why, sizeof out->why, "%s", why);
    tn_tnb_fail(err, TNB_E_UNSUPPORTED, "op '%s' (%s): %s", node->op,
                node->label ? node->label : "", why);
    return NULL;
}

static int is_known_dtype(uint32_t dtype)
{
    return dtype >= TNB_F32 && dtype <= TNB_BOOL;
}

tnb_status tn_ref_supports(tnb_device *device, const tnb_graph *graph, uint32_t node,
                           tnb_support *out_support, tnb_error *err)
{
    if (node >= graph->n_nodes)
        return tn_tnb_fail(err, TNB_E_INVALID, "ref: node %u of %u", node, graph->n_nodes);
    const tnb_node *n = graph->nodes[node];
    tnb_support s = {.struct_size = out_support->struct_size,
                     .verdict = TNB_YES,
                     .precision = TNB_PREC_EXACT,
                     .variant = "reference",
                     .why = "built in: portable C, sums in double"};
    if (!find_op(n, &s, NULL))
        s.verdict = TNB_NO;
    for (uint32_t i = 0; i < n->n_in + n->n_out; i++) {
        uint32_t v = i < n->n_in ? n->in[i] : n->out[i - n->n_in];
        if (v != TNB_ABSENT && !is_known_dtype(graph->values[v].dtype)) {
            s.verdict = TNB_NO;
            snprintf(s.why, sizeof s.why, "an element type has no reference");
        }
    }
    memcpy(out_support, &s, TN_MIN((size_t)out_support->struct_size, sizeof s));
    return TNB_OK;
}

/* --- making a plan --- */

/* Takes `size` bytes of the node's workspace. 0 on overflow. */
static int reserve(uint64_t *at, uint64_t size, uint64_t *out_offset)
{
    uint64_t end;
    *out_offset = *at;
    if (TN_ADD_OVERFLOW(*at, size, &end) || end > UINT64_MAX - ALIGN)
        return 0;
    *at = (end + ALIGN - 1) / ALIGN * ALIGN;
    return 1;
}

/* Position of a value among the segment's, which ascend. */
static int find_span(const tnb_segment *segment, uint32_t value, uint32_t *out_span)
{
    uint32_t lo = 0, hi = segment->n_values;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (segment->values[mid] < value)
            lo = mid + 1;
        else
            hi = mid;
    }
    *out_span = lo;
    return lo < segment->n_values && segment->values[lo] == value;
}

static struct tn_type type_of(const tnb_tensor *value)
{
    struct tn_type type = {.dtype = (tn_dtype)value->dtype, .shape = {.rank = value->rank}};
    for (uint32_t i = 0; i < value->rank && i < TN_MAX_RANK; i++)
        type.shape.dim[i] = value->dim[i];
    return type;
}

/* What is being made, for the helpers and their messages. */
struct build {
    tnb_plan *plan;
    const tnb_graph *graph;
    const tnb_segment *segment;
    const tnb_node *node;
    tnb_error *err;
};

static tnb_status build_fail(const struct build *b, tnb_status code, const char *what)
{
    return tn_tnb_fail(b->err, code, "op '%s' (%s): %s", b->node->op,
                       b->node->label ? b->node->label : "", what);
}

static tnb_status make_attrs(const struct build *b, struct ref_node *out)
{
    const struct tn_op *op = out->op;
    struct tn_arena *arena = &b->plan->arena;
    struct tn_attr *list = TN_ARENA_NEW(arena, struct tn_attr, op->n_attrs);
    uint32_t n_used = 0;
    for (uint32_t i = 0; list && i < op->n_attrs; i++) {
        const struct tn_attr_schema *schema = &op->attrs[i];
        const tnb_attr *given = tnb_attr_find(b->node, schema->name);
        list[i] = schema->dflt;
        list[i].name = schema->name;
        list[i].type = schema->type;
        if (!given && schema->required)
            return build_fail(b, TNB_E_INVALID, "a required attribute is missing");
        if (!given)
            continue;
        n_used++;
        if (given->type != (uint32_t)schema->type)
            return build_fail(b, TNB_E_INVALID, "an attribute has another type than the schema's");
        if (given->type == TNB_ATTR_INT) {
            list[i].u.i = given->v.i;
        } else if (given->type == TNB_ATTR_FLOAT) {
            list[i].u.f = given->v.f;
        } else if (given->type == TNB_ATTR_STRING) {
            list[i].u.s = tn_arena_strdup(arena, given->v.s);
            if (!list[i].u.s)
                return build_fail(b, TNB_E_OOM, "out of memory");
        } else {
            list[i].count = given->count;
            list[i].u.ints = tn_arena_dup(arena, given->v.iv, given->count * sizeof(int64_t));
            if (!list[i].u.ints)
                return build_fail(b, TNB_E_OOM, "out of memory");
        }
    }
    if (!list)
        return build_fail(b, TNB_E_OOM, "out of memory");
    if (n_used != b->node->n_attr)
        return build_fail(b, TNB_E_INVALID, "an attribute is none of the operator's");
    out->attrs = (struct tn_attrs){.list = list, .n = op->n_attrs};
    return TNB_OK;
}

/* One operand of a known type; reserves room for its widened copy. */
static tnb_status make_operand(const struct build *b, uint32_t value, uint64_t *at,
                               struct operand *operand, struct tn_ref_tensor *tensor)
{
    uint64_t bytes;
    if (tensor->type.shape.rank > TN_MAX_RANK ||
        tn_shape_count(&tensor->type.shape, &tensor->count) != TN_OK ||
        TN_MUL_OVERFLOW((uint64_t)tensor->count, (uint64_t)8, &bytes))
        return build_fail(b, TNB_E_INVALID, "a value is too large to count");
    operand->is_present = 1;
    operand->is_stored = value != TNB_ABSENT;
    operand->is_wide =
        operand->is_stored && (tensor->type.dtype == TN_F64 || tensor->type.dtype == TN_I64);
    if (operand->is_stored && !find_span(b->segment, value, &operand->span))
        return build_fail(b, TNB_E_INVALID, "a value is not among the segment's");
    if (!operand->is_wide && !reserve(at, bytes, &operand->wide_at))
        return build_fail(b, TNB_E_INVALID, "the workspace is too large to count");
    tensor->data.any = b->plan->nothing; /* present, for op->scratch */
    return TNB_OK;
}

/* The shape rule: types of the outputs, also of those that nobody asked for. */
static tnb_status infer(const struct build *b, const struct ref_node *node, struct tn_type *out)
{
    const struct tn_type **in = TN_ARENA_NEW(&b->plan->arena, const struct tn_type *, node->n_in);
    struct tn_error e = {0};
    if (!in)
        return build_fail(b, TNB_E_OOM, "out of memory");
    for (uint32_t i = 0; i < node->n_in; i++)
        in[i] = node->in[i].is_present ? &node->in_tensor[i].type : NULL;
    struct tn_infer ctx = {.self = node->op,
                           .op = node->op->name,
                           .label = node->label,
                           .attrs = &node->attrs,
                           .n_in = node->n_in,
                           .n_out = node->n_out,
                           .in = in,
                           .out = out,
                           .err = &e};
    if (node->op->infer(&ctx) != TN_OK)
        return tn_tnb_fail(b->err, TNB_E_INVALID, "%s", e.msg);
    return TNB_OK;
}

static tnb_status make_inputs(const struct build *b, struct ref_node *node, uint64_t *at)
{
    for (uint32_t i = 0; i < b->node->n_in; i++) {
        uint32_t v = b->node->in[i];
        if (v == TNB_ABSENT)
            continue;
        node->in_tensor[i].type = type_of(&b->graph->values[v]);
        tnb_status status = make_operand(b, v, at, &node->in[i], &node->in_tensor[i]);
        if (status != TNB_OK)
            return status;
    }
    return TNB_OK;
}

static tnb_status make_outputs(const struct build *b, struct ref_node *node, uint64_t *at)
{
    struct tn_type type[TN_OP_MAX_OUT] = {{0}};
    tnb_status status = infer(b, node, type);
    for (uint32_t i = 0; status == TNB_OK && i < node->n_out; i++) {
        uint32_t v = i < b->node->n_out ? b->node->out[i] : TNB_ABSENT;
        if (v != TNB_ABSENT) {
            struct tn_type given = type_of(&b->graph->values[v]);
            if (given.dtype != type[i].dtype || !tn_shape_equal(&given.shape, &type[i].shape))
                return build_fail(b, TNB_E_INVALID, "an output has not the type of the shape rule");
        }
        node->out_tensor[i].type = type[i];
        status = make_operand(b, v, at, &node->out[i], &node->out_tensor[i]);
    }
    return status;
}

static struct tn_ref ref_of(const struct ref_node *node, double *scratch)
{
    return (struct tn_ref){.self = node->op,
                           .attrs = &node->attrs,
                           .n_in = node->n_in,
                           .n_out = node->n_out,
                           .in = node->in_tensor,
                           .out = node->out_tensor,
                           .scratch = scratch};
}

static tnb_status make_node(const struct build *b, struct ref_node *node)
{
    struct tn_arena *arena = &b->plan->arena;
    uint64_t at = 0, bytes;
    node->op = find_op(b->node, NULL, b->err);
    if (!node->op)
        return TNB_E_UNSUPPORTED;
    /* Operators read absent inputs at the list's end as well. */
    int is_list = node->op->max_in > TN_OP_MAX_FIXED;
    node->n_in = is_list ? b->node->n_in : TN_MAX(b->node->n_in, node->op->max_in);
    node->n_out = node->op->n_out;
    if (b->node->n_in > node->op->max_in || b->node->n_out > node->n_out)
        return build_fail(b, TNB_E_INVALID, "it has more inputs or outputs than the operator");
    node->label = tn_arena_strdup(arena, b->node->label ? b->node->label : "");
    node->in = TN_ARENA_NEW(arena, struct operand, node->n_in);
    node->out = TN_ARENA_NEW(arena, struct operand, node->n_out);
    node->in_tensor = TN_ARENA_NEW(arena, struct tn_ref_tensor, node->n_in);
    node->out_tensor = TN_ARENA_NEW(arena, struct tn_ref_tensor, node->n_out);
    if (!node->label || !node->in || !node->out || !node->in_tensor || !node->out_tensor)
        return build_fail(b, TNB_E_OOM, "out of memory");
    tnb_status status = make_attrs(b, node);
    if (status == TNB_OK)
        status = make_inputs(b, node, &at);
    if (status == TNB_OK)
        status = make_outputs(b, node, &at);
    if (status != TNB_OK)
        return status;
    struct tn_ref ref = ref_of(node, NULL);
    node->n_scratch = node->op->scratch ? node->op->scratch(&ref) : 0;
    if (node->n_scratch < 0 || TN_MUL_OVERFLOW((uint64_t)node->n_scratch, (uint64_t)8, &bytes) ||
        !reserve(&at, bytes, &node->scratch_at))
        return build_fail(b, TNB_E_INVALID, "the workspace is too large to count");
    b->plan->workspace = TN_MAX(b->plan->workspace, at); /* nodes run one after another */
    return TNB_OK;
}

tnb_status tn_ref_plan_create(tnb_device *device, const tnb_graph *graph,
                              const tnb_segment *segment, uint64_t *out_workspace,
                              tnb_plan **out_plan, tnb_error *err)
{
    if (segment->n_claims > 0)
        return tn_tnb_fail(err, TNB_E_INVALID, "backend ref made no claims");
    tnb_plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        return tn_tnb_fail(err, TNB_E_OOM, "out of memory");
    tn_arena_init(&plan->arena);
    plan->n_nodes = segment->n_nodes;
    plan->n_values = segment->n_values;
    plan->nodes = TN_ARENA_NEW(&plan->arena, struct ref_node, plan->n_nodes);
    plan->time_ns = TN_ARENA_NEW(&plan->arena, uint64_t, plan->n_nodes);
    tnb_status status = TNB_OK;
    if (!plan->nodes || !plan->time_ns)
        status = tn_tnb_fail(err, TNB_E_OOM, "out of memory");
    for (uint32_t i = 0; status == TNB_OK && i < plan->n_nodes; i++) {
        struct build b = {.plan = plan,
                          .graph = graph,
                          .segment = segment,
                          .node = graph->nodes[segment->nodes[i]],
                          .err = err};
        status = make_node(&b, &plan->nodes[i]);
    }
    if (status != TNB_OK) {
        tn_ref_plan_destroy(plan);
        return status;
    }
    *out_workspace = plan->workspace;
    *out_plan = plan;
    return TNB_OK;
}

void tn_ref_plan_destroy(tnb_plan *plan)
{
    if (!plan)
        return;
    tn_arena_finish(&plan->arena);
    free(plan);
}

/* --- binding memory --- */

static tnb_status bind_operand(tnb_plan *plan, const struct ref_node *node, const tnb_span *spans,
                               unsigned char *workspace, struct operand *operand,
                               struct tn_ref_tensor *tensor, tnb_error *err)
{
    if (!operand->is_present)
        return TNB_OK;
    size_t width = tn_dtype_size(tensor->type.dtype);
    if (operand->is_stored && tensor->count > 0) {
        const tnb_span *span = &spans[operand->span];
        tnb_status status = tn_ref_check_span(span, node->label, err);
        if (status != TNB_OK)
            return status;
        if (span->size < (uint64_t)tensor->count * width || span->offset % width != 0)
            return tn_tnb_fail(err, TNB_E_INVALID,
                               "%s: a span of %llu bytes at offset %llu cannot hold %lld elements "
                               "of %zu bytes",
                               node->label, (unsigned long long)span->size,
                               (unsigned long long)span->offset, (long long)tensor->count, width);
        operand->stored = span->buffer->mem + span->offset;
    }
    if (tensor->count == 0)
        tensor->data.any = plan->nothing;
    else
        tensor->data.any = operand->is_wide ? operand->stored : workspace + operand->wide_at;
    return TNB_OK;
}

tnb_status tn_ref_plan_bind(tnb_plan *plan, const tnb_span *spans, uint32_t n_spans,
                            tnb_span workspace, tnb_error *err)
{
    plan->is_bound = 0;
    if (n_spans != plan->n_values)
        return tn_tnb_fail(err, TNB_E_INVALID, "%u spans for %u values", n_spans, plan->n_values);
    unsigned char *mem = (unsigned char *)plan->nothing;
    if (plan->workspace > 0) {
        tnb_status status = tn_ref_check_span(&workspace, "the workspace", err);
        if (status != TNB_OK)
            return status;
        if (workspace.size < plan->workspace || workspace.offset % ALIGN != 0)
            return tn_tnb_fail(err, TNB_E_INVALID, "the workspace is too small or not aligned");
        mem = workspace.buffer->mem + workspace.offset;
    }
    for (uint32_t i = 0; i < plan->n_nodes; i++) {
        struct ref_node *node = &plan->nodes[i];
        tnb_status status = TNB_OK;
        for (uint32_t j = 0; status == TNB_OK && j < node->n_in; j++)
            status = bind_operand(plan, node, spans, mem, &node->in[j], &node->in_tensor[j], err);
        for (uint32_t j = 0; status == TNB_OK && j < node->n_out; j++)
            status = bind_operand(plan, node, spans, mem, &node->out[j], &node->out_tensor[j], err);
        if (status != TNB_OK)
            return status;
    }
    plan->is_bound = 1;
    plan->workspace_mem = mem;
    return TNB_OK;
}

/* --- running --- */

/* An alias that the plan could not elide: the same bytes elsewhere. */
static void run_alias(const struct ref_node *node)
{
    const struct tn_ref_tensor *x = &node->in_tensor[0];
    if (x->count > 0 && node->out[0].stored && node->out[0].stored != node->in[0].stored)
        memmove(node->out[0].stored, node->in[0].stored,
                (size_t)x->count * tn_dtype_size(x->type.dtype));
}

static void run_node(const struct ref_node *node, unsigned char *workspace)
{
    if (node->op->flags & TN_OP_ALIAS) {
        run_alias(node);
        return;
    }
    for (uint32_t i = 0; i < node->n_in; i++) {
        const struct tn_ref_tensor *t = &node->in_tensor[i];
        if (node->in[i].is_present && !node->in[i].is_wide && t->count > 0)
            tn_widen(t->type.dtype, node->in[i].stored, t->count, t->data.any);
    }
    struct tn_ref ref = ref_of(node, (double *)(void *)(workspace + node->scratch_at));
    node->op->reference(&ref);
    for (uint32_t i = 0; i < node->n_out; i++) {
        const struct tn_ref_tensor *t = &node->out_tensor[i];
        if (node->out[i].is_stored && !node->out[i].is_wide && t->count > 0)
            tn_narrow(t->type.dtype, t->data.any, t->count, node->out[i].stored);
    }
}

tnb_status tn_ref_run(tnb_queue *queue, tnb_plan *plan, tnb_error *err)
{
    int is_timed = (queue->flags & TNB_QUEUE_PROFILE) != 0;
    if (!plan->is_bound)
        return tn_tnb_fail(err, TNB_E_INVALID, "the plan has no memory yet: plan_bind comes first");
    for (uint32_t i = 0; i < plan->n_nodes; i++) {
        uint64_t begin = is_timed ? tn_time_ns() : 0;
        run_node(&plan->nodes[i], plan->workspace_mem);
        plan->time_ns[i] = is_timed ? tn_time_ns() - begin : 0;
    }
    return TNB_OK;
}

tnb_status tn_ref_plan_times(tnb_plan *plan, uint64_t *out_ns, uint32_t n_nodes, tnb_error *err)
{
    if (n_nodes != plan->n_nodes)
        return tn_tnb_fail(err, TNB_E_INVALID, "times of %u nodes asked for, the plan has %u",
                           n_nodes, plan->n_nodes);
    memcpy(out_ns, plan->time_ns, n_nodes * sizeof *out_ns);
    return TNB_OK;
}
