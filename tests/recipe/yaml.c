/* The tree of YAML nodes: values, places, limits, hostile input, printing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "recipe/yaml_tree.h"

static struct tn_arena arena;

static void begin(void)
{
    tn_arena_init(&arena);
}

static void end(void)
{
    tn_arena_finish(&arena);
}

TestSuite(yaml, .init = begin, .fini = end);

static tn_status parse_bytes(const char *text, size_t n, struct tn_yaml_node **out_root,
                             struct tn_error *err)
{
    struct tn_yaml_source source = {.origin = "f", .has_lines = 1, .text = text, .n_bytes = n};
    return tn_yaml_parse(&arena, &source, out_root, err);
}

static struct tn_yaml_node *parse(const char *text)
{
    struct tn_error err = {TN_OK, ""};
    struct tn_yaml_node *root = NULL;
    cr_assert_eq(parse_bytes(text, strlen(text), &root, &err), TN_OK, "%s", err.msg);
    return root;
}

static void refuse(const char *text, const char *place, const char *part)
{
    struct tn_error err = {TN_OK, ""};
    struct tn_yaml_node *root = NULL;
    cr_assert_eq(parse_bytes(text, strlen(text), &root, &err), TN_E_INVALID, "accepted: %s", text);
    cr_expect_null(root);
    cr_expect(strncmp(err.msg, place, strlen(place)) == 0, "expected at '%s': %s", place, err.msg);
    cr_expect_not_null(strstr(err.msg, part), "expected '%s' in: %s", part, err.msg);
}

Test(yaml, scalars_have_the_types_of_the_core_schema)
{
    static const struct {
        const char *text;
        enum tn_yaml_kind kind;
        double value;
    } cases[] = {
        {"12", TN_YAML_INT, 12},
        {"-7", TN_YAML_INT, -7},
        {"+3", TN_YAML_INT, 3},
        {"010", TN_YAML_INT, 10},
        {"9223372036854775807", TN_YAML_INT, 9223372036854775807.0},
        {"9223372036854775808", TN_YAML_FLOAT, 9223372036854775808.0},
        {"1e-3", TN_YAML_FLOAT, 0.001},
        {"1E+2", TN_YAML_FLOAT, 100},
        {".5", TN_YAML_FLOAT, 0.5},
        {"2.", TN_YAML_FLOAT, 2},
        {"-0.25", TN_YAML_FLOAT, -0.25},
        {"1.5e3", TN_YAML_FLOAT, 1500},
        {"true", TN_YAML_BOOL, 1},
        {"False", TN_YAML_BOOL, 0},
        {"~", TN_YAML_NULL, 0},
        {"null", TN_YAML_NULL, 0},
        {"yes", TN_YAML_STRING, 0},
        {"off", TN_YAML_STRING, 0},
        {"1e", TN_YAML_STRING, 0},
        {"1.2.3", TN_YAML_STRING, 0},
        {".", TN_YAML_STRING, 0},
        {"-", TN_YAML_STRING, 0},
        {"0x10", TN_YAML_STRING, 0},
        {"1_000", TN_YAML_STRING, 0},
        {"inf", TN_YAML_STRING, 0},
        {"nan", TN_YAML_STRING, 0},
        {"12m", TN_YAML_STRING, 0},
    };
    for (size_t i = 0; i < TN_LEN(cases); i++) {
        struct tn_yaml_node node = {.kind = TN_YAML_NULL};
        tn_yaml_resolve(&node, cases[i].text);
        cr_expect_eq(node.kind, cases[i].kind, "%s is of kind %d", cases[i].text, node.kind);
        double value = node.kind == TN_YAML_BOOL ? (double)node.i : node.f;
        if (cases[i].kind != TN_YAML_STRING && cases[i].kind != TN_YAML_NULL)
            cr_expect_eq(value, cases[i].value, "%s is %g", cases[i].text, value);
    }
}

Test(yaml, quotes_make_strings)
{
    struct tn_yaml_node *root = parse("a: '12'\nb: \"true\"\nc: \"\"\nd: \"x\\ty\"\n");
    cr_expect_str_eq(tn_yaml_string(tn_yaml_find(root, "a")), "12");
    cr_expect_str_eq(tn_yaml_string(tn_yaml_find(root, "b")), "true");
    cr_expect_str_eq(tn_yaml_string(tn_yaml_find(root, "c")), "");
    cr_expect_str_eq(tn_yaml_string(tn_yaml_find(root, "d")), "x\ty");
}

Test(yaml, every_node_knows_its_place)
{
    struct tn_yaml_node *root = parse("# one\na: 1\nbb:\n  - x\n  -   {k: [7, 8]}\n");
    struct tn_yaml_node *list = tn_yaml_find(root, "bb");
    cr_expect_eq(tn_yaml_find(root, "a")->line, 2u);
    cr_expect_eq(tn_yaml_find(root, "a")->column, 4u);
    cr_expect_eq(tn_yaml_find(root, "a")->key_column, 1u);
    cr_expect_eq(list->key_line, 3u);
    cr_expect_eq(tn_yaml_at(list, 0)->line, 4u);
    cr_expect_eq(tn_yaml_at(list, 0)->column, 5u);
    struct tn_yaml_node *k = tn_yaml_find(tn_yaml_at(list, 1), "k");
    cr_expect_eq(k->key_line, 5u);
    cr_expect_eq(k->key_column, 8u);
    cr_expect_eq(tn_yaml_at(k, 1)->column, 15u);
    cr_expect_eq(tn_yaml_at(k, 1)->i, 8);
    cr_expect_null(tn_yaml_at(k, 2));
}

Test(yaml, what_is_no_part_of_recipes_is_refused_with_its_place)
{
    refuse("a: 1\nb: 2\na: 3\n", "f:3:1:", "the key 'a' is there already, in line 1");
    refuse("a: &n 1\nb: 2\n", "f:1:4:", "anchors");
    refuse("a: &n [1]\n", "f:1:4:", "anchors");
    refuse("a: &n {b: 1}\n", "f:1:4:", "anchors");
    refuse("a: 1\nb: *a\n", "f:2:4:", "aliases");
    refuse("a: !!int 1\n", "f:1:4:", "tags");
    refuse("a: 1\n---\nb: 2\n", "f:2:1:", "second YAML document");
    refuse("? [1, 2]\n: 3\n", "f:1:3:", "a key must be a plain word");
    refuse("a: \"x\\0y\"\n", "f:1:4:", "zero byte");
    refuse("", "f:1:1:", "empty");
    refuse("# only a comment\n", "f:2:1:", "empty");
}

Test(yaml, broken_text_is_refused_with_its_place)
{
    refuse("a:\n\tb: 1\n", "f:2:1:", "tab");
    refuse("a: [1, 2\nb: 3\n", "f:2:", "YAML:");
    refuse("a: 'x\n", "f:2:1:", "YAML:");
    refuse("a: {b: 1\n", "f:2:1:", "YAML:");
    refuse("a: b: c\n", "f:1:5:", "YAML:");
    refuse("a: 1\n b: 2\n", "f:2:3:", "YAML:");
    refuse("a: ok\nb: \xff\xfe\n", "f:2:4:", "UTF-8");
    refuse("a: 1\nb: \x01\n", "f:2:4:", "UTF-8");
    refuse("%YAML 3.0\n---\na: 1\n", "f:1:", "YAML:");
}

static char *repeated(const char *text, size_t n)
{
    size_t length = strlen(text);
    char *all = malloc(n * length + 1);
    cr_assert_not_null(all);
    for (size_t i = 0; i < n; i++)
        memcpy(all + i * length, text, length);
    all[n * length] = '\0';
    return all;
}

Test(yaml, depth_and_size_have_limits, .timeout = 20)
{
    char *deep = repeated("[", 500000);
    refuse(deep, "f:1:34:", "nested too deeply");
    free(deep);
    deep = repeated("{a: ", 200000);
    refuse(deep, "f:1:", "nested too deeply");
    free(deep);
    deep = repeated("- ", 200000);
    refuse(deep, "f:1:", "nested too deeply");
    free(deep);
    char *many = repeated("- 1\n", 60000);
    refuse(many, "f:50000:3:", "too large");
    free(many);
    many = repeated("# 0123456789\n", 100000);
    refuse(many, "f: ", "longer than");
    free(many);
    size_t n = 0;
    char *keys = malloc(20000);
    for (int i = 0; i < 1100; i++)
        n += (size_t)snprintf(keys + n, 20000 - n, "k%d: 1\n", i);
    refuse(keys, "f:1001:1:", "too many keys");
    free(keys);
}

/* An alias bomb never begins: its first anchor is refused. */
Test(yaml, alias_bomb, .timeout = 5)
{
    refuse("a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n",
           "f:1:4:", "anchors");
}

/* Any bytes give an answer: no crash, nothing leaked, a message with each refusal. */
Test(yaml, junk, .timeout = 30)
{
    static const char text[] =
        "tenon: 1\ndata: {reader: 'd', x: [1, 2]}\nm:\n  - a\n  - b: \"q\"\n";
    char copy[sizeof(text)];
    uint64_t state = 12345;
    for (int round = 0; round < 20000; round++) {
        size_t n = sizeof(text) - 1;
        memcpy(copy, text, sizeof(text));
        for (int k = 0; k < 1 + round % 4; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            copy[(state >> 33) % n] = (char)(state >> 56);
        }
        if (round % 3 == 0)
            n = (state >> 40) % n;
        struct tn_error err = {TN_OK, ""};
        struct tn_yaml_node *root = NULL;
        tn_status status = parse_bytes(copy, n, &root, &err);
        cr_assert_eq(status == TN_OK, root != NULL);
        cr_assert(status == TN_OK || strncmp(err.msg, "f:", 2) == 0, "%s", err.msg);
        tn_arena_finish(&arena);
    }
}

static int same(const struct tn_yaml_node *a, const struct tn_yaml_node *b)
{
    if (a->kind != b->kind || a->n != b->n || (a->key && strcmp(a->key, b->key) != 0))
        return 0;
    if (a->kind == TN_YAML_STRING && strcmp(a->text, b->text) != 0)
        return 0;
    if (a->kind == TN_YAML_FLOAT && a->f != b->f)
        return 0;
    if ((a->kind == TN_YAML_INT || a->kind == TN_YAML_BOOL) && a->i != b->i)
        return 0;
    const struct tn_yaml_node *x = a->first, *y = b->first;
    for (; x; x = x->next, y = y->next)
        if (!same(x, y))
            return 0;
    return 1;
}

Test(yaml, printing_gives_the_same_tree)
{
    static const char *const texts[] = {
        "a: 1\nb: [1, 2, x]\nc: {d: {}, e: []}\n",
        "a: '1'\nb: 'true'\nc: '~'\nd: ''\ne: ' x '\nf: 'a: b'\ng: '# no'\nh: '*'\ni: '- x'\n",
        "a: \"line\\nbreak\\ttab \\x01 \\u2028 \\uFEFF \xc3\xa4\"\n",
        "a: 0.1\nb: 1.0\nc: 1e-07\nd: 1e300\ne: 0.30000000000000004\nf: -2.5e-320\n",
        "- 1\n- {a: [x, {b: c}]}\n- [[1], [2]]\n",
        "'1': a\n'true': b\n'': c\n'a b: c': d\n",
        "a: |\n  text\n  more\nb: >\n  folded\n  text\n",
        "a: '.inf'\nb: '1e5'\nc: '0.5'\nd: '12345678901234567890'\n",
    };
    for (size_t i = 0; i < TN_LEN(texts); i++) {
        struct tn_error err = {TN_OK, ""};
        char *once = NULL, *twice = NULL;
        struct tn_yaml_node *tree = parse(texts[i]);
        cr_assert_eq(tn_yaml_print(tree, &once, &err), TN_OK);
        struct tn_yaml_node *again = parse(once);
        cr_expect(same(tree, again), "became:\n%s", once);
        cr_assert_eq(tn_yaml_print(again, &twice, &err), TN_OK);
        cr_expect_str_eq(once, twice);
        tn_free(once);
        tn_free(twice);
    }
}
