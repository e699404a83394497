/* What a scalar without quotes means: YAML 1.2's core schema, less its octal numbers. "yes", "no",
 * "on", "off" stay strings. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "recipe/yaml_tree.h"

static int is_one_of(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, words[i]) == 0)
            return 1;
    return 0;
}

static const char *skip_digits(const char *p)
{
    while (*p >= '0' && *p <= '9')
        p++;
    return p;
}

/* [-+]?[0-9]+ */
static int looks_whole(const char *text)
{
    const char *p = text + (*text == '-' || *text == '+');
    const char *end = skip_digits(p);
    return end != p && *end == '\0';
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static int looks_real(const char *text)
{
    const char *p = text + (*text == '-' || *text == '+');
    const char *end = skip_digits(p);
    size_t n_digits = (size_t)(end - p);
    if (*end == '.') {
        p = end + 1;
        end = skip_digits(p);
        n_digits += (size_t)(end - p);
    }
    if (n_digits == 0)
        return 0;
    if (*end == 'e' || *end == 'E') {
        p = end + 1;
        p += *p == '-' || *p == '+';
        end = skip_digits(p);
        if (end == p)
            return 0;
    }
    return *end == '\0';
}

static int resolve_word(struct tn_yaml_node *node, const char *text)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    static const char *const trues[] = {"true", "True", "TRUE"};
    static const char *const falses[] = {"false", "False", "FALSE"};
    static const char *const infs[] = {".inf", ".Inf", ".INF", "+.inf", "-.inf"};
    static const char *const nans[] = {".nan", ".NaN", ".NAN"};
    node->i = 0;
    if (is_one_of(text, nulls, TN_LEN(nulls)))
        node->kind = TN_YAML_NULL;
    else if ((node->i = is_one_of(text, trues, TN_LEN(trues))) ||
             is_one_of(text, falses, TN_LEN(falses)))
        node->kind = TN_YAML_BOOL;
    else if (is_one_of(text, infs, TN_LEN(infs)))
        node->f = *text == '-' ? -INFINITY : INFINITY;
    else if (is_one_of(text, nans, TN_LEN(nans)))
        node->f = NAN;
    else
        return 0;
    return 1;
}

void tn_yaml_resolve(struct tn_yaml_node *node, const char *text)
{
    node->text = text;
    node->kind = TN_YAML_FLOAT;
    if (resolve_word(node, text))
        return;
    if (looks_whole(text)) {
        errno = 0;
        node->i = strtoll(text, NULL, 10);
        node->f = (double)node->i;
        if (errno == 0) {
            node->kind = TN_YAML_INT;
            return;
        }
    }
    if (looks_real(text))
        node->f = strtod(text, NULL);
    else
        node->kind = TN_YAML_STRING;
}
