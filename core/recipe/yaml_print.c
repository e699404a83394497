/* A tree as YAML, through libyaml's emitter. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "recipe/yaml_tree.h"

struct text {
    char *data;
    size_t n, cap;
};

static int append(void *ctx, unsigned char *data, size_t n)
{
    struct text *text = ctx;
    if (text->cap - text->n < n + 1) {
        size_t cap = (text->n + n + 1) * 2;
        char *grown = realloc(text->data, cap);
        if (!grown)
            return 0;
        text->data = grown;
        text->cap = cap;
    }
    memcpy(text->data + text->n, data, n);
    text->n += n;
    text->data[text->n] = '\0';
    return 1;
}

/* The fewest digits that read back as the same number, and a sign that it is no whole one. */
static void format_real(double value, char *buf, size_t size)
{
    if (isnan(value)) {
        snprintf(buf, size, ".nan");
        return;
    }
    if (isinf(value)) {
        snprintf(buf, size, value > 0 ? ".inf" : "-.inf");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, size, "%.*g", digits, value);
        if (strtod(buf, NULL) == value)
            break;
    }
    /* Readers of YAML 1.1 take 1e-07 for text: they want a point. */
    if (!strchr(buf, '.')) {
        size_t n = strcspn(buf, "e");
        memmove(buf + n + 2, buf + n, strlen(buf + n) + 1);
        memcpy(buf + n, ".0", 2);
    }
}

static int emit_scalar(yaml_emitter_t *emitter, const char *value, int is_quoted)
{
    yaml_event_t event;
    yaml_scalar_style_t style = is_quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_ANY_SCALAR_STYLE;
    if (!yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)value,
                                      (int)strlen(value), 1, 1, style))
        return 0;
    return yaml_emitter_emit(emitter, &event);
}

/* What readers of YAML 1.1 take for truth values; we do not. */
static int is_old_truth(const char *value)
{
    static const char *const words[] = {"y", "n", "yes", "no", "on", "off"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(value, words[i]) == 0)
            return 1;
    return 0;
}

/* A string stays one without quotes only if it would not be read as something else. */
static int emit_string(yaml_emitter_t *emitter, const char *value)
{
    struct tn_yaml_node read = {.kind = TN_YAML_STRING};
    tn_yaml_resolve(&read, value);
    return emit_scalar(emitter, value, read.kind != TN_YAML_STRING || is_old_truth(value));
}

static int is_flat(const struct tn_yaml_node *list)
{
    for (const struct tn_yaml_node *item = list->first; item; item = item->next)
        if (item->kind == TN_YAML_LIST || item->kind == TN_YAML_MAP)
            return 0;
    return 1;
}

static int emit_node(yaml_emitter_t *emitter, const struct tn_yaml_node *node);

static int emit_children(yaml_emitter_t *emitter, const struct tn_yaml_node *node)
{
    for (const struct tn_yaml_node *child = node->first; child; child = child->next) {
        if (node->kind == TN_YAML_MAP && !emit_string(emitter, child->key))
            return 0;
        if (!emit_node(emitter, child))
            return 0;
    }
    return 1;
}

static int emit_list(yaml_emitter_t *emitter, const struct tn_yaml_node *node)
{
    yaml_event_t event;
    yaml_sequence_style_t style =
        is_flat(node) ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE;
    return yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style) &&
           yaml_emitter_emit(emitter, &event) && emit_children(emitter, node) &&
           yaml_sequence_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

static int emit_map(yaml_emitter_t *emitter, const struct tn_yaml_node *node)
{
    yaml_event_t event;
    yaml_mapping_style_t style = node->n ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE;
    return yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, style) &&
           yaml_emitter_emit(emitter, &event) && emit_children(emitter, node) &&
           yaml_mapping_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

static int emit_node(yaml_emitter_t *emitter, const struct tn_yaml_node *node)
{
    char number[64];
    switch (node->kind) {
    case TN_YAML_NULL:
        return emit_scalar(emitter, "null", 0);
    case TN_YAML_BOOL:
        return emit_scalar(emitter, node->i ? "true" : "false", 0);
    case TN_YAML_INT:
        snprintf(number, sizeof(number), "%lld", (long long)node->i);
        return emit_scalar(emitter, number, 0);
    case TN_YAML_FLOAT:
        format_real(node->f, number, sizeof(number));
        return emit_scalar(emitter, number, 0);
    case TN_YAML_STRING:
        return emit_string(emitter, node->text);
    case TN_YAML_LIST:
        return emit_list(emitter, node);
    case TN_YAML_MAP:
        return emit_map(emitter, node);
    }
    return 0;
}

static int emit_document(yaml_emitter_t *emitter, const struct tn_yaml_node *root)
{
    yaml_event_t event;
    return yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) &&
           yaml_emitter_emit(emitter, &event) &&
           yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) &&
           yaml_emitter_emit(emitter, &event) && emit_node(emitter, root) &&
           yaml_document_end_event_initialize(&event, 1) && yaml_emitter_emit(emitter, &event) &&
           yaml_stream_end_event_initialize(&event) && yaml_emitter_emit(emitter, &event);
}

tn_status tn_yaml_print(const struct tn_yaml_node *root, char **out_text, struct tn_error *err)
{
    yaml_emitter_t emitter;
    struct text text = {NULL, 0, 0};
    if (!yaml_emitter_initialize(&emitter))
        return tn_error_set(err, TN_E_OOM, "no memory left to print a recipe");
    yaml_emitter_set_output(&emitter, append, &text);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1);
    int ok = emit_document(&emitter, root);
    yaml_emitter_delete(&emitter);
    if (!ok) {
        free(text.data);
        return tn_error_set(err, TN_E_OOM, "no memory left to print a recipe");
    }
    *out_text = text.data;
    return TN_OK;
}
