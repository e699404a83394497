/* A YAML document as a tree in which every node knows its place, so that an error met much later
 * still names file, line and column. Nodes live in the caller's arena. */
#ifndef TN_RECIPE_YAML_TREE_H
#define TN_RECIPE_YAML_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* Limits: what is beyond them is no recipe of a person's. */
#define TN_YAML_MAX_BYTES ((size_t)1 << 20)
#define TN_YAML_MAX_DEPTH 32
#define TN_YAML_MAX_NODES 50000
#define TN_YAML_MAX_KEYS 1000 /* of one mapping */

enum tn_yaml_kind {
    TN_YAML_NULL = 0,
    TN_YAML_BOOL,
    TN_YAML_INT,
    TN_YAML_FLOAT,
    TN_YAML_STRING,
    TN_YAML_LIST,
    TN_YAML_MAP
};

struct tn_yaml_node {
    enum tn_yaml_kind kind;
    const char *origin;    /* the file's path, or what else the text came from */
    uint32_t line, column; /* from 1; 0: the origin says enough */
    const char *key;       /* in a mapping, else NULL */
    uint32_t key_line, key_column;
    const char *text;                  /* scalars: without quotes and escapes */
    int64_t i;                         /* INT; BOOL: 0 or 1 */
    double f;                          /* FLOAT, INT */
    struct tn_yaml_node *first, *last; /* children of LIST and MAP */
    struct tn_yaml_node *next;         /* sibling */
    size_t n;                          /* number of children */
};

struct tn_yaml_source {
    const char *origin; /* lives as long as the tree */
    int has_lines;      /* 0: places within it mean nothing to a reader of the message */
    const char *text;
    size_t n_bytes;
};
/* One document. Plain scalars are null (~, empty), true/false, whole and real numbers as in YAML's
 * core schema; all else, and everything in quotes, is a string. Anchors, aliases, tags, keys that
 * are not scalars, and a key given twice are refused. TN_E_INVALID with the place, TN_E_OOM. */
tn_status tn_yaml_parse(struct tn_arena *arena, const struct tn_yaml_source *source,
                        struct tn_yaml_node **out_root, struct tn_error *err);
/* Sets kind and value of a scalar from its text, as if it stood there without quotes. */
void tn_yaml_resolve(struct tn_yaml_node *node, const char *text);

/* --- reading and changing; NULL from the makers means that memory is out --- */

/* NULL when there is no such key, or `map` is no mapping. */
struct tn_yaml_node *tn_yaml_find(const struct tn_yaml_node *map, const char *key);
/* NULL when outside, or `list` is no list. */
struct tn_yaml_node *tn_yaml_at(const struct tn_yaml_node *list, size_t index);
/* The text of a string; NULL for anything else, NULL included. */
const char *tn_yaml_string(const struct tn_yaml_node *node);
/* An empty node at the place of `like`. */
struct tn_yaml_node *tn_yaml_new(struct tn_arena *arena, enum tn_yaml_kind kind,
                                 const struct tn_yaml_node *like);
/* Adds a child that has no siblings yet. */
void tn_yaml_append(struct tn_yaml_node *parent, struct tn_yaml_node *child);
/* Puts `child` under the key, in the place of the older one if there was one. */
void tn_yaml_put(struct tn_yaml_node *map, const char *key, struct tn_yaml_node *child);
/* Takes `value`'s content and place; key and siblings stay. */
void tn_yaml_replace(struct tn_yaml_node *node, const struct tn_yaml_node *value);

/* --- errors: "file:line:column: message" --- */

/* Before the message that *err holds. */
tn_status tn_yaml_prefix(const struct tn_yaml_node *node, struct tn_error *err);
/* At the value; TN_E_INVALID. */
tn_status tn_yaml_fail(const struct tn_yaml_node *node, struct tn_error *err, const char *fmt, ...)
    TN_PRINTF(3, 4);
/* At the node's key. */
tn_status tn_yaml_fail_key(const struct tn_yaml_node *node, struct tn_error *err, const char *fmt,
                           ...) TN_PRINTF(3, 4);

/* Block style, short lists of scalars in brackets; parsing it gives the same tree. Free the string
 * with tn_free. */
tn_status tn_yaml_print(const struct tn_yaml_node *root, char **out_text, struct tn_error *err);

#endif
