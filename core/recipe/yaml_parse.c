/* libyaml's events into a tree. The event interface, not the document one: it stops at the first
 * thing beyond a limit, before anything is built from it. */
#include <string.h>
#include <yaml.h>

#include "recipe/yaml_tree.h"

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; zeroed when there is none */
    struct tn_arena *arena;
    const struct tn_yaml_source *source;
    size_t n_nodes;
    struct tn_error *err;
};

static tn_status fail_at(struct reader *r, const yaml_mark_t *mark, const char *message)
{
    if (r->source->has_lines)
        return tn_error_set(r->err, TN_E_INVALID, "%s:%zu:%zu: %s", r->source->origin,
                            mark->line + 1, mark->column + 1, message);
    return tn_error_set(r->err, TN_E_INVALID, "%s: %s", r->source->origin, message);
}

static tn_status no_memory(struct reader *r)
{
    return tn_error_set(r->err, TN_E_OOM, "no memory left to read '%s'", r->source->origin);
}

/* Where a byte lies: libyaml gives no more for text that is not even UTF-8. */
static yaml_mark_t mark_of_offset(const struct tn_yaml_source *source, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < source->n_bytes; i++) {
        mark.column++;
        if (source->text[i] == '\n') {
            mark.line++;
            mark.column = 0;
        }
    }
    return mark;
}

static tn_status syntax_error(struct reader *r)
{
    const yaml_parser_t *parser = &r->parser;
    const char *problem = parser->problem ? parser->problem : "this is no YAML";
    yaml_mark_t mark = parser->problem_mark;
    char message[256];
    if (parser->error == YAML_MEMORY_ERROR)
        return no_memory(r);
    if (parser->error == YAML_READER_ERROR) {
        mark = mark_of_offset(r->source, parser->problem_offset);
        snprintf(message, sizeof(message), "this is no text in UTF-8: %s", problem);
    } else if (mark.index < r->source->n_bytes && r->source->text[mark.index] == '\t') {
        snprintf(message, sizeof(message), "a tab cannot indent in YAML: use spaces");
    } else {
        snprintf(message, sizeof(message), "YAML: %s%s%s", problem, parser->context ? " " : "",
                 parser->context ? parser->context : "");
    }
    return fail_at(r, &mark, message);
}

static tn_status next_event(struct reader *r)
{
    yaml_event_delete(&r->event);
    memset(&r->event, 0, sizeof(r->event));
    return yaml_parser_parse(&r->parser, &r->event) ? TN_OK : syntax_error(r);
}

static tn_status new_node(struct reader *r, enum tn_yaml_kind kind, struct tn_yaml_node **out_node)
{
    if (++r->n_nodes > TN_YAML_MAX_NODES)
        return fail_at(r, &r->event.start_mark, "the file is too large for a recipe");
    struct tn_yaml_node *node = TN_ARENA_NEW(r->arena, struct tn_yaml_node, 1);
    if (!node)
        return no_memory(r);
    node->kind = kind;
    node->origin = r->source->origin;
    if (r->source->has_lines) {
        node->line = node->key_line = (uint32_t)r->event.start_mark.line + 1;
        node->column = node->key_column = (uint32_t)r->event.start_mark.column + 1;
    }
    *out_node = node;
    return TN_OK;
}

/* A copy of the current scalar's text. */
static tn_status scalar_text(struct reader *r, char **out_text)
{
    const char *value = (const char *)r->event.data.scalar.value;
    size_t n = r->event.data.scalar.length;
    if (r->event.data.scalar.anchor)
        return fail_at(r, &r->event.start_mark, "anchors (&name) are not part of recipes");
    if (r->event.data.scalar.tag)
        return fail_at(r, &r->event.start_mark, "tags (!name) are not part of recipes");
    if (memchr(value, '\0', n))
        return fail_at(r, &r->event.start_mark, "a string cannot hold a zero byte");
    *out_text = tn_arena_strdup(r->arena, value);
    return *out_text ? TN_OK : no_memory(r);
}

static tn_status parse_value(struct reader *r, int depth, struct tn_yaml_node **out_node);

static tn_status parse_scalar(struct reader *r, struct tn_yaml_node **out_node)
{
    struct tn_yaml_node *node;
    char *text;
    int is_plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    tn_status status = new_node(r, TN_YAML_STRING, &node);
    if (status || (status = scalar_text(r, &text)))
        return status;
    node->text = text;
    if (is_plain)
        tn_yaml_resolve(node, text);
    *out_node = node;
    return TN_OK;
}

static tn_status parse_list(struct reader *r, int depth, struct tn_yaml_node **out_node)
{
    struct tn_yaml_node *list, *item;
    if (r->event.data.sequence_start.anchor)
        return fail_at(r, &r->event.start_mark, "anchors (&name) are not part of recipes");
    if (r->event.data.sequence_start.tag)
        return fail_at(r, &r->event.start_mark, "tags (!name) are not part of recipes");
    tn_status status = new_node(r, TN_YAML_LIST, &list);
    while (!status && !(status = next_event(r)) && r->event.type != YAML_SEQUENCE_END_EVENT) {
        if (!(status = parse_value(r, depth + 1, &item)))
            tn_yaml_append(list, item);
    }
    if (!status)
        *out_node = list;
    return status;
}

static tn_status parse_entry(struct reader *r, int depth, struct tn_yaml_node *map)
{
    struct tn_yaml_node *value;
    char *key, message[160];
    yaml_mark_t mark = r->event.start_mark;
    tn_status status;
    if (r->event.type != YAML_SCALAR_EVENT)
        return fail_at(r, &mark, "a key must be a plain word");
    if ((status = scalar_text(r, &key)))
        return status;
    const struct tn_yaml_node *old = tn_yaml_find(map, key);
    if (old) {
        snprintf(message, sizeof(message), "the key '%.60s' is there already, in line %u", key,
                 old->key_line);
        return fail_at(r, &mark, message);
    }
    if (map->n == TN_YAML_MAX_KEYS)
        return fail_at(r, &mark, "too many keys in one mapping");
    if ((status = next_event(r)) || (status = parse_value(r, depth + 1, &value)))
        return status;
    value->key = key;
    if (r->source->has_lines) {
        value->key_line = (uint32_t)mark.line + 1;
        value->key_column = (uint32_t)mark.column + 1;
    }
    tn_yaml_append(map, value);
    return TN_OK;
}

static tn_status parse_map(struct reader *r, int depth, struct tn_yaml_node **out_node)
{
    struct tn_yaml_node *map;
    if (r->event.data.mapping_start.anchor)
        return fail_at(r, &r->event.start_mark, "anchors (&name) are not part of recipes");
    if (r->event.data.mapping_start.tag)
        return fail_at(r, &r->event.start_mark, "tags (!name) are not part of recipes");
    tn_status status = new_node(r, TN_YAML_MAP, &map);
    while (!status && !(status = next_event(r)) && r->event.type != YAML_MAPPING_END_EVENT)
        status = parse_entry(r, depth, map);
    if (!status)
        *out_node = map;
    return status;
}

static tn_status parse_value(struct reader *r, int depth, struct tn_yaml_node **out_node)
{
    if (depth > TN_YAML_MAX_DEPTH)
        return fail_at(r, &r->event.start_mark, "nested too deeply for a recipe");
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        return parse_scalar(r, out_node);
    case YAML_SEQUENCE_START_EVENT:
        return parse_list(r, depth, out_node);
    case YAML_MAPPING_START_EVENT:
        return parse_map(r, depth, out_node);
    case YAML_ALIAS_EVENT:
        return fail_at(r, &r->event.start_mark,
                       "aliases (*name) are not part of recipes; put text with '*' in quotes");
    default:
        return fail_at(r, &r->event.start_mark, "a value is missing here");
    }
}

static tn_status parse_document(struct reader *r, struct tn_yaml_node **out_root)
{
    struct tn_yaml_node *root = NULL;
    tn_status status;
    if ((status = next_event(r)) || (status = next_event(r))) /* stream, then document */
        return status;
    if (r->event.type == YAML_STREAM_END_EVENT) {
        /* No document at all is what an empty value is, too. */
        if (r->source->has_lines)
            return fail_at(r, &r->event.start_mark, "the file is empty");
        status = new_node(r, TN_YAML_NULL, &root);
        if (!status) {
            root->text = "";
            *out_root = root;
        }
        return status;
    }
    if ((status = next_event(r)) || (status = parse_value(r, 0, &root)) ||
        (status = next_event(r)) || (status = next_event(r)))
        return status;
    if (r->event.type != YAML_STREAM_END_EVENT)
        return fail_at(r, &r->event.start_mark, "a second YAML document: only one is allowed");
    *out_root = root;
    return TN_OK;
}

tn_status tn_yaml_parse(struct tn_arena *arena, const struct tn_yaml_source *source,
                        struct tn_yaml_node **out_root, struct tn_error *err)
{
    struct reader r = {.arena = arena, .source = source, .err = err};
    if (source->n_bytes > TN_YAML_MAX_BYTES)
        return tn_error_set(err, TN_E_INVALID, "%s: longer than the %zu bytes allowed for a recipe",
                            source->origin, TN_YAML_MAX_BYTES);
    if (!yaml_parser_initialize(&r.parser))
        return no_memory(&r);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)source->text, source->n_bytes);
    tn_status status = parse_document(&r, out_root);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return status;
}
