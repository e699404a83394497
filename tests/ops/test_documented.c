/* That docs/recipes.md names every layer, loss, ... with its options and their defaults, as the
 * tables have them. (docs/operators.md is generated: document.c.) */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tenon/tenon.h"

static char *read_doc(const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", DOCS, name);
    FILE *file = fopen(path, "rb");
    cr_assert(file, "cannot open %s", path);
    char *text = calloc(1, 1 << 17);
    size_t n = fread(text, 1, (1 << 17) - 1, file);
    cr_assert(n > 0 && n < (1 << 17) - 1);
    fclose(file);
    return text;
}

/* The line of a table whose first cell has `name` in backticks, the caller's to free; NULL. */
static char *find_row(const char *doc, const char *name)
{
    char quoted[96];
    snprintf(quoted, sizeof(quoted), "`%s`", name);
    for (const char *line = doc; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t n = strcspn(line, "\n");
        const char *hit = strstr(line, quoted);
        const char *cell = *line == '|' ? strchr(line + 1, '|') : NULL;
        if (hit && cell && hit < cell)
            return strndup(line, n);
    }
    return NULL;
}

/* Where `word` stands as a word of its own; NULL. */
static const char *find_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *hit = strstr(text, word); hit; hit = strstr(hit + 1, word))
        if (!isalnum((unsigned char)hit[n]) && hit[n] != '_' &&
            (hit == text || (!isalnum((unsigned char)hit[-1]) && hit[-1] != '_')))
            return hit;
    return NULL;
}

/* What stands behind `word=`; NULL. */
static const char *find_default(const char *row, const char *word)
{
    const char *at = find_word(row, word);
    while (at && at[strlen(word)] != '=')
        at = find_word(at + 1, word);
    return at ? at + strlen(word) + 1 : NULL;
}

static void expect_default(const char *row, const char *owner, const struct tn_option *option)
{
    const char *text = find_default(row, option->name);
    if (!text)
        return;
    size_t n = strcspn(text, " ,;:)|");
    cr_expect(option->dflt, "%s: %s has no default", owner, option->name);
    if (option->dflt && (isdigit((unsigned char)*text) || *text == '-'))
        cr_expect(strtod(text, NULL) == strtod(option->dflt, NULL), "%s: %s=%.*s, not %s", owner,
                  option->name, (int)n, text, option->dflt);
    else if (option->dflt)
        cr_expect(strlen(option->dflt) == n && strncmp(text, option->dflt, n) == 0,
                  "%s: %s=%.*s, not %s", owner, option->name, (int)n, text, option->dflt);
}

static void expect_component(const char *doc, const struct tn_component *component)
{
    char quoted[96];
    char *row = find_row(doc, component->name);
    snprintf(quoted, sizeof(quoted), "`%s`", component->name);
    cr_expect(strstr(doc, quoted), "docs/recipes.md says nothing of %s", component->name);
    for (size_t i = 0; i < component->n_options; i++) {
        cr_expect(find_word(doc, component->options[i].name), "%s: no word on %s", component->name,
                  component->options[i].name);
        if (row)
            expect_default(row, component->name, &component->options[i]);
    }
    free(row);
}

Test(documented, recipes)
{
    char *doc = read_doc("recipes.md");
    for (int kind = TN_COMPONENT_LAYER; kind <= TN_COMPONENT_SCHEDULE; kind++) {
        cr_expect(tn_component_count((tn_component_kind)kind) > 0);
        for (size_t i = 0; i < tn_component_count((tn_component_kind)kind); i++)
            expect_component(doc, tn_component_at((tn_component_kind)kind, i));
    }
    for (size_t i = 0; i < tn_reader_count(); i++)
        expect_component(doc, tn_reader_at(i));
    free(doc);
}
