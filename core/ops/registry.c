/* Operators from outside. Graphs are made without a runtime, and a name must mean one thing to all
 * of them: so the list is the process's. It only grows, behind a lock; entries never move or
 * change. */
#include "ops/registry.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/compiler.h"

#define MAX_IN TN_OP_MAX_FIXED
#define MAX_ATTRS 32

struct custom {
    struct tn_op op; /* first: a tn_op of this list is a custom */
    struct custom *next;
    tnb_op def; /* its strings and arrays are in the arena */
    struct tn_arena arena;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct custom *first;

static struct custom *find_locked(const char *name)
{
    struct custom *c = first;
    while (c && strcmp(c->op.name, name) != 0)
        c = c->next;
    return c;
}

const struct tn_op *tn_registry_find(const char *name)
{
    pthread_mutex_lock(&lock);
    const struct custom *c = find_locked(name);
    pthread_mutex_unlock(&lock);
    return c ? &c->op : NULL;
}

/* --- between the core's view of a call and the plugin's --- */

struct call {
    tnb_op_call call;
    tnb_tensor in[MAX_IN], out[TN_OP_MAX_OUT];
    tnb_attr attr[MAX_ATTRS];
};

static tnb_tensor to_tensor(const struct tn_type *type)
{
    tnb_tensor t = {.dtype = (uint32_t)type->dtype, .rank = type->shape.rank};
    int64_t step = 1;
    for (uint32_t d = t.rank; d-- > 0;) {
        t.dim[d] = type->shape.dim[d];
        t.stride[d] = step;
        step *= t.dim[d];
    }
    return t;
}

static void set_attrs(struct call *c, const struct tn_attrs *attrs)
{
    for (uint32_t i = 0; i < attrs->n; i++) {
        const struct tn_attr *a = &attrs->list[i];
        c->attr[i] = (tnb_attr){.key = a->name, .type = (uint32_t)a->type, .count = a->count};
        if (a->type == TN_ATTR_INT)
            c->attr[i].v.i = a->u.i;
        else if (a->type == TN_ATTR_FLOAT)
            c->attr[i].v.f = a->u.f;
        else if (a->type == TN_ATTR_STRING)
            c->attr[i].v.s = a->u.s ? a->u.s : "";
        else
            c->attr[i].v.iv = a->u.ints;
    }
    c->call.attr = c->attr;
    c->call.n_attr = attrs->n;
}

static void begin_call(struct call *c, const struct tn_attrs *attrs, uint32_t n_in, uint32_t n_out)
{
    memset(c, 0, sizeof(*c));
    c->call =
        (tnb_op_call){.struct_size = sizeof(c->call), .n_in = n_in, .n_out = n_out, .in = c->in};
    set_attrs(c, attrs);
}

static tn_status infer(struct tn_infer *ctx)
{
    const struct custom *custom = (const struct custom *)ctx->self;
    struct call c;
    tnb_error e = {.struct_size = sizeof(e)};
    begin_call(&c, ctx->attrs, ctx->n_in, ctx->n_out);
    for (uint32_t i = 0; i < ctx->n_in; i++)
        if (ctx->in[i])
            c.in[i] = to_tensor(ctx->in[i]);
    tnb_status st = custom->def.infer(custom->def.user, &c.call, c.out, &e);
    e.msg[sizeof(e.msg) - 1] = '\0';
    if (st != TNB_OK)
        return tn_infer_fail(ctx, "%s", e.msg[0] ? e.msg : "its shape rule refuses");
    for (uint32_t i = 0; i < ctx->n_out; i++) {
        if (c.out[i].dtype < TNB_F32 || c.out[i].dtype > TNB_BOOL || c.out[i].rank > TN_MAX_RANK)
            return tn_infer_fail(ctx, "its shape rule gives output %u no element type or shape", i);
        ctx->out[i] =
            (struct tn_type){.dtype = (tn_dtype)c.out[i].dtype, .shape = {.rank = c.out[i].rank}};
        memcpy(ctx->out[i].shape.dim, c.out[i].dim, sizeof(int64_t) * c.out[i].rank);
    }
    return TN_OK;
}

static void reference(const struct tn_ref *ctx)
{
    const struct custom *custom = (const struct custom *)ctx->self;
    const void *in[MAX_IN] = {NULL};
    void *out[TN_OP_MAX_OUT] = {NULL};
    struct call c;
    begin_call(&c, ctx->attrs, ctx->n_in, ctx->n_out);
    for (uint32_t i = 0; i < ctx->n_in; i++) {
        in[i] = ctx->in[i].data.any;
        if (in[i])
            c.in[i] = to_tensor(&ctx->in[i].type);
    }
    for (uint32_t i = 0; i < ctx->n_out; i++) {
        out[i] = ctx->out[i].data.any;
        c.out[i] = to_tensor(&ctx->out[i].type);
    }
    c.call.out = c.out;
    custom->def.reference(custom->def.user, &c.call, in, out);
}

static tn_status gradient(const struct tn_grad *ctx)
{
    const struct custom *custom = (const struct custom *)ctx->self;
    const struct tn_op *grad = tn_registry_find(custom->def.gradient);
    tn_value in[MAX_IN], out[TN_OP_MAX_OUT];
    uint32_t n = 0;
    for (uint32_t i = 0; i < ctx->n_in; i++)
        in[n++] = ctx->in[i];
    for (uint32_t i = 0; i < ctx->n_out; i++)
        in[n++] = ctx->out[i];
    for (uint32_t i = 0; i < ctx->n_out; i++)
        in[n++] = ctx->out_grad[i];
    tn_graph_op(ctx->graph, grad->name, in, n, ctx->attrs->list, grad->n_attrs ? ctx->attrs->n : 0,
                out, grad->n_out);
    for (uint32_t i = 0; i < ctx->n_in; i++)
        if (ctx->needed[i])
            ctx->in_grad[i] = out[i];
    return TN_OK;
}

/* --- checking a definition --- */

static int is_word(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) && text[i] != '_')
            return 0;
    return n > 0;
}

static tn_status refuse(const tnb_op *op, const char *what, struct tn_error *err)
{
    return tn_error_set(err, TN_E_INVALID, "operator '%.60s' cannot be added: %s",
                        op->name ? op->name : "(no name)", what);
}

static tn_status check_gradient(const tnb_op *op, struct tn_error *err)
{
    const struct custom *grad = op->gradient ? find_locked(op->gradient) : NULL;
    if (!op->gradient)
        return TN_OK;
    if (!grad)
        return refuse(op, "its gradient names an operator that has not been added before it", err);
    if (grad->op.max_in != op->max_in + 2 * op->n_out || grad->op.n_out != op->max_in)
        return refuse(op,
                      "its gradient must take the inputs, the outputs and their gradients, and "
                      "give a gradient to each input",
                      err);
    if (grad->op.n_attrs && grad->op.n_attrs != op->n_attr)
        return refuse(op, "its gradient must have the same attributes, or none", err);
    return TN_OK;
}

static tn_status check_names(const tnb_op *op, struct tn_error *err)
{
    if (!op->in_names && op->max_in)
        return refuse(op, "in_names is NULL", err);
    for (uint32_t i = 0; i < op->max_in; i++)
        if (!op->in_names[i] || !op->in_names[i][0])
            return refuse(op, "an input has no name", err);
    for (uint32_t i = 0; i < op->n_out; i++)
        if (!op->out_names || !op->out_names[i])
            return refuse(op, "an output has no name", err);
    for (uint32_t i = 0; i < op->n_attr; i++) {
        const tnb_attr *a = op->attrs ? &op->attrs[i].dflt : NULL;
        if (!a || !a->key || a->type < TNB_ATTR_INT || a->type > TNB_ATTR_INTS)
            return refuse(op, "an attribute has no key or no type", err);
    }
    return TN_OK;
}

static tn_status check(const tnb_op *op, struct tn_error *err)
{
    if (!TNB_HAS(op, tnb_op, reference))
        return tn_error_set(err, TN_E_INVALID,
                            "an operator cannot be added: struct_size is %u, too small",
                            op->struct_size);
    const char *dot = op->name ? strchr(op->name, '.') : NULL;
    if (!dot || !is_word(op->name, (size_t)(dot - op->name)) ||
        !is_word(dot + 1, strlen(dot + 1)) || strlen(op->name) > 63)
        return refuse(op, "its name must be vendor.name, of [a-z0-9_], at most 63 characters", err);
    if (!op->infer || !op->reference)
        return refuse(op, "infer and reference are required", err);
    if (op->min_in > op->max_in || op->max_in > MAX_IN || op->n_out == 0 ||
        op->n_out > TN_OP_MAX_OUT || op->n_attr > MAX_ATTRS)
        return refuse(op, "it may have up to 16 inputs, 1 to 8 outputs and up to 32 attributes",
                      err);
    tn_status st = check_names(op, err);
    return st == TN_OK ? check_gradient(op, err) : st;
}

/* --- adding one --- */

static const char **copy_names(struct tn_arena *arena, const char *const *names, uint32_t n)
{
    const char **copy = TN_ARENA_NEW(arena, const char *, n);
    for (uint32_t i = 0; copy && i < n; i++)
        if (!(copy[i] = tn_arena_strdup(arena, names[i])))
            return NULL;
    return copy;
}

static const char *copy_text(struct tn_arena *arena, const char *text)
{
    return text ? tn_arena_strdup(arena, text) : "";
}

static int copy_default(struct tn_arena *arena, const tnb_attr *from, struct tn_attr *out)
{
    *out = (struct tn_attr){.name = tn_arena_strdup(arena, from->key),
                            .type = (tn_attr_type)from->type};
    if (from->type == TNB_ATTR_INT)
        out->u.i = from->v.i;
    else if (from->type == TNB_ATTR_FLOAT)
        out->u.f = from->v.f;
    else if (from->type == TNB_ATTR_STRING)
        out->u.s = copy_text(arena, from->v.s);
    else if ((out->count = from->v.iv ? from->count : 0) > 0)
        out->u.ints = tn_arena_dup(arena, from->v.iv, sizeof(int64_t) * from->count);
    int is_whole = from->type == TNB_ATTR_STRING ? out->u.s != NULL
                   : out->count                  ? out->u.ints != NULL
                                                 : 1;
    return out->name && is_whole;
}

static const struct tn_attr_schema *copy_attrs(struct tn_arena *arena, const tnb_op *op)
{
    struct tn_attr_schema *copy = TN_ARENA_NEW(arena, struct tn_attr_schema, op->n_attr);
    for (uint32_t i = 0; copy && i < op->n_attr; i++) {
        if (!copy_default(arena, &op->attrs[i].dflt, &copy[i].dflt))
            return NULL;
        copy[i].name = copy[i].dflt.name;
        copy[i].type = copy[i].dflt.type;
        copy[i].required = op->attrs[i].required != 0;
        copy[i].doc = copy_text(arena, op->attrs[i].doc);
    }
    return copy;
}

static struct custom *make(const tnb_op *op)
{
    struct custom *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    struct tn_arena *a = &c->arena;
    tn_arena_init(a);
    c->def = *op;
    c->def.gradient = op->gradient ? tn_arena_strdup(a, op->gradient) : NULL;
    c->op = (struct tn_op){.name = tn_arena_strdup(a, op->name),
                           .version = op->version,
                           .min_in = op->min_in,
                           .max_in = op->max_in,
                           .n_out = op->n_out,
                           .in_names = copy_names(a, op->in_names, op->max_in),
                           .out_names = copy_names(a, op->out_names, op->n_out),
                           .attrs = copy_attrs(a, op),
                           .n_attrs = op->n_attr,
                           .formula = copy_text(a, op->formula),
                           .shapes = copy_text(a, op->shapes),
                           .infer = infer,
                           .gradient = op->gradient ? gradient : NULL,
                           .no_gradient = "the plugin that added it gives none",
                           .reference = reference};
    if (c->op.name && c->op.in_names && c->op.out_names && c->op.attrs && c->op.formula &&
        c->op.shapes && (!op->gradient || c->def.gradient))
        return c;
    tn_arena_finish(a);
    free(c);
    return NULL;
}

/* The same definition once more: a second runtime creates its own instance of the plugin. */
static int is_same(const struct custom *c, const tnb_op *op)
{
    return c->def.infer == op->infer && c->def.reference == op->reference &&
           c->def.user == op->user && c->op.version == op->version && c->op.max_in == op->max_in &&
           c->op.n_out == op->n_out && c->op.n_attrs == op->n_attr;
}

static tn_status add_locked(const tnb_op *op, struct tn_error *err)
{
    const struct custom *there = find_locked(op->name);
    if (there && is_same(there, op))
        return TN_OK;
    if (there)
        return refuse(op, "the name means another operator already", err);
    struct custom *c = make(op);
    if (!c)
        return tn_error_set(err, TN_E_OOM, "out of memory for operator '%s'", op->name);
    c->next = first;
    first = c;
    return TN_OK;
}

tn_status tn_op_register(const tnb_op *op, struct tn_error *err)
{
    if (!op)
        return tn_error_set(err, TN_E_INVALID, "an operator cannot be added: it is NULL");
    pthread_mutex_lock(&lock);
    tn_status st = check(op, err);
    if (st == TN_OK)
        st = add_locked(op, err);
    pthread_mutex_unlock(&lock);
    return st;
}
