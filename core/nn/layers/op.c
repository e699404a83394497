/* op: one application of an operator by its name, a plugin's own among them. */
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "nn/layer.h"
#include "ops/op.h"

#define MAX_ATTRS 32
#define MAX_INTS 32

static const struct tn_option options[] = {
    {.name = "op",
     .type = TN_OPTION_STRING,
     .required = 1,
     .doc = "the operator: docs/operators.md, or vendor.name"},
    {.name = "attrs",
     .type = TN_OPTION_STRING,
     .dflt = "",
     .doc = "its attributes, as \"alpha=2; axes=0,1; mode=fast\""},
};

struct parsed {
    const struct tn_layer_ctx *ctx;
    const struct tn_op *op;
    struct tn_attr attrs[MAX_ATTRS];
    int64_t ints[MAX_ATTRS][MAX_INTS];
    size_t n;
    char text[1024]; /* cut into words, which the attributes point to */
};

static char *trim(char *text)
{
    text += strspn(text, " ");
    size_t n = strlen(text);
    while (n && text[n - 1] == ' ')
        text[--n] = '\0';
    return text;
}

static const struct tn_attr_schema *find_attr(const struct tn_op *op, const char *name)
{
    for (uint32_t i = 0; i < op->n_attrs; i++)
        if (strcmp(op->attrs[i].name, name) == 0)
            return &op->attrs[i];
    return NULL;
}

static int parse_ints(char *value, int64_t *out, uint32_t *out_count)
{
    uint32_t n = 0;
    char *end;
    for (value = trim(value); *value; n++) {
        if (n == MAX_INTS)
            return 0;
        out[n] = strtoll(value, &end, 10);
        end += strspn(end, " ");
        if (end == value || (*end && *end != ','))
            return 0;
        value = end + (*end == ',');
    }
    *out_count = n;
    return 1;
}

static int parse_value(struct parsed *p, const struct tn_attr_schema *schema, char *value)
{
    struct tn_attr *a = &p->attrs[p->n];
    char *end = value;
    *a = (struct tn_attr){.name = schema->name, .type = schema->type};
    switch (schema->type) {
    case TN_ATTR_INT:
        a->u.i = strtoll(value, &end, 10);
        return end != value && !*end;
    case TN_ATTR_FLOAT:
        a->u.f = strtod(value, &end);
        return end != value && !*end;
    case TN_ATTR_STRING:
        a->u.s = value;
        return 1;
    default:
        a->u.ints = p->ints[p->n];
        return parse_ints(value, p->ints[p->n], &a->count);
    }
}

/* 0 with the layer failed. */
static int parse_attrs(struct parsed *p)
{
    static const char *const types[] = {"", "a whole number", "a number", "a word",
                                        "whole numbers with commas"};
    char *save = NULL;
    for (char *item = strtok_r(p->text, ";", &save); item; item = strtok_r(NULL, ";", &save)) {
        char *equals = strchr(item, '=');
        if (!equals || p->n == MAX_ATTRS)
            return tn_layer_fail(p->ctx, "attrs: '%.60s' is not KEY=VALUE", item), 0;
        *equals = '\0';
        char *key = trim(item);
        const struct tn_attr_schema *schema = find_attr(p->op, key);
        if (!schema)
            return tn_layer_fail(p->ctx, "operator '%s' has no attribute '%.60s'", p->op->name,
                                 key),
                   0;
        if (!parse_value(p, schema, trim(equals + 1)))
            return tn_layer_fail(p->ctx, "attrs: %s of operator '%s' must be %s", key, p->op->name,
                                 types[schema->type]),
                   0;
        p->n++;
    }
    return 1;
}

static tn_value build(const struct tn_layer_ctx *ctx)
{
    const char *name = tn_options_string(&ctx->options, "op");
    const char *attrs = tn_options_string(&ctx->options, "attrs");
    tn_value out[TN_OP_MAX_OUT] = {TN_NONE};
    struct parsed *p = calloc(1, sizeof(*p));
    if (!p)
        return tn_layer_fail(ctx, "out of memory");
    *p = (struct parsed){.ctx = ctx, .op = tn_op_find(name)};
    if (attrs && strlen(attrs) >= sizeof(p->text)) {
        tn_layer_fail(ctx, "attrs has more than %zu characters", sizeof(p->text) - 1);
    } else if (!p->op) {
        tn_layer_fail(ctx, "there is no operator '%s'%s", name,
                      strchr(name, '.')
                          ? "; the plugin that adds it has not been loaded (--backend)"
                          : "; docs/operators.md lists them");
    } else {
        memcpy(p->text, attrs ? attrs : "", attrs ? strlen(attrs) + 1 : 1);
        if (parse_attrs(p))
            tn_graph_op(ctx->graph, name, ctx->in, ctx->n_in, p->attrs, p->n, out, p->op->n_out);
    }
    free(p);
    return out[0];
}

const struct tn_layer_type tn_layer_op = {
    .component = {.name = "op",
                  .doc = "an operator by name, a plugin's own too; its first output",
                  .options = options,
                  .n_options = TN_LEN(options),
                  .min_inputs = 1,
                  .max_inputs = 16},
    .build = build,
};
