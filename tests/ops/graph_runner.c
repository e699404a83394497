/* Builds and runs graphs for a script, through the public headers and the shared library alone.
 *
 *   graph-runner DEVICE    commands on standard input, answers on standard output
 *
 * A command is one line of words; a tensor's bytes, row-major, follow its line. Values are numbered
 * from 0 in the order in which commands make them; "-" stands for an absent input.
 *
 *   new                                             a new graph, without values
 *   input DTYPE RANK DIM... \n BYTES                makes 1 value
 *   op NAME N_OUT N_IN VALUE... N_ATTR \n ATTR...   makes N_OUT values; a line per attribute:
 *                                                   NAME i|f|s VALUE, or NAME v N VALUE...
 *   einsum EQUATION N VALUE...                      makes 1 value
 *   gradients VALUE N VALUE...                      makes N values
 *   type VALUE                                      answers "DTYPE RANK DIM..."
 *   run N VALUE...                                  answers "ok FALLBACKS", FALLBACKS being the
 * nodes that the device refused, and for each value a line as of type and its bytes
 *
 * An answer may also be "error MESSAGE": of the graph's first mistake, or of the run. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tenon/runtime.h"

#define MAX_VALUES 8192
#define MAX_LIST 64
#define MAX_WORD 256

struct runner {
    tn_runtime *runtime;
    tn_session *session;
    tn_graph *graph;
    tn_value values[MAX_VALUES];
    tn_tensor *inputs[MAX_VALUES]; /* of the values that `input` made; else NULL */
    uint32_t n_values, n_outputs;
};

/* What the script sent makes no sense: there is no going on. */
static _Noreturn void broken(const char *what)
{
    fprintf(stderr, "graph-runner: %s\n", what);
    exit(1);
}

/* --- reading --- */

static char *word(char *buf)
{
    if (scanf("%255s", buf) != 1)
        broken("a word is missing");
    return buf;
}

static long long number(void)
{
    long long n;
    if (scanf("%lld", &n) != 1)
        broken("a number is missing");
    return n;
}

static uint32_t count_up_to(uint32_t most)
{
    long long n = number();
    if (n < 0 || n > most)
        broken("a count is out of range");
    return (uint32_t)n;
}

static tn_value value(const struct runner *r)
{
    char buf[MAX_WORD];
    if (strcmp(word(buf), "-") == 0)
        return TN_NONE;
    unsigned long i = strtoul(buf, NULL, 10);
    if (i >= r->n_values)
        broken("no such value");
    return r->values[i];
}

static void add_value(struct runner *r, tn_value v, tn_tensor *input)
{
    if (r->n_values == MAX_VALUES)
        broken("too many values");
    r->values[r->n_values] = v;
    r->inputs[r->n_values++] = input;
}

static tn_dtype dtype(void)
{
    char buf[MAX_WORD];
    word(buf);
    for (int t = TN_F32; t <= TN_BOOL; t++)
        if (strcmp(buf, tn_dtype_name((tn_dtype)t)) == 0)
            return (tn_dtype)t;
    broken("no such element type");
}

/* --- commands that make values --- */

static void drop_graph(struct runner *r)
{
    for (uint32_t i = 0; i < r->n_values; i++)
        tn_tensor_unref(&r->inputs[i]);
    r->n_values = r->n_outputs = 0;
    tn_session_forget(r->session, r->graph);
    tn_graph_destroy(&r->graph);
}

static void new_graph(struct runner *r)
{
    struct tn_error err = {0};
    drop_graph(r);
    if (tn_graph_create("test", &r->graph, &err) != TN_OK)
        broken(err.msg);
}

static void add_input(struct runner *r)
{
    struct tn_error err = {0};
    char name[32];
    tn_tensor *tensor = NULL;
    tn_dtype type = dtype();
    struct tn_shape shape = {.rank = count_up_to(TN_MAX_RANK)};
    for (uint32_t d = 0; d < shape.rank; d++)
        shape.dim[d] = number();
    if (tn_tensor_create(type, &shape, &tensor, &err) != TN_OK)
        broken(err.msg);
    size_t n = tn_tensor_bytes(tensor);
    if (getchar() != '\n' || (n && fread(tn_tensor_data(tensor), 1, n, stdin) != n))
        broken("a tensor's bytes are missing");
    snprintf(name, sizeof(name), "in%u", r->n_values);
    add_value(r, tn_graph_input(r->graph, name, type, &shape, TN_INPUT_DATA), tensor);
}

struct attr_text {
    char name[MAX_WORD], text[MAX_WORD];
    int64_t ints[MAX_LIST];
};

static void read_attr(struct tn_attr *attr, struct attr_text *text)
{
    char kind[MAX_WORD];
    attr->name = word(text->name);
    switch (word(kind)[0]) {
    case 'i':
        *attr = TN_AI(text->name, number());
        break;
    case 'f':
        *attr = TN_AF(text->name, strtod(word(text->text), NULL));
        break;
    case 's':
        *attr = TN_AS(text->name, word(text->text));
        break;
    case 'v':
        *attr = TN_AV(text->name, count_up_to(MAX_LIST), text->ints);
        for (uint32_t i = 0; i < attr->count; i++)
            text->ints[i] = number();
        break;
    default:
        broken("no such kind of attribute");
    }
}

static uint32_t read_values(const struct runner *r, tn_value *out_values)
{
    uint32_t n = count_up_to(MAX_LIST);
    for (uint32_t i = 0; i < n; i++)
        out_values[i] = value(r);
    return n;
}

static void add_op(struct runner *r)
{
    static struct attr_text texts[16];
    struct tn_attr attrs[16];
    tn_value in[MAX_LIST], out[MAX_LIST];
    char name[MAX_WORD];
    word(name);
    uint32_t n_out = count_up_to(MAX_LIST), n_in = read_values(r, in), n_attr = count_up_to(16);
    for (uint32_t i = 0; i < n_attr; i++)
        read_attr(&attrs[i], &texts[i]);
    tn_graph_op(r->graph, name, in, n_in, attrs, n_attr, out, n_out);
    for (uint32_t i = 0; i < n_out; i++)
        add_value(r, out[i], NULL);
}

static void add_einsum(struct runner *r)
{
    tn_value in[MAX_LIST];
    char equation[MAX_WORD];
    word(equation);
    uint32_t n = read_values(r, in);
    add_value(r, tn_einsum(r->graph, equation, in, n), NULL);
}

static void add_gradients(struct runner *r)
{
    tn_value wrt[MAX_LIST], out[MAX_LIST], y = value(r);
    uint32_t n = read_values(r, wrt);
    tn_graph_gradients(r->graph, y, wrt, n, out);
    for (uint32_t i = 0; i < n; i++)
        add_value(r, out[i], NULL);
}

/* --- answers --- */

static void answer_type(tn_dtype type, const struct tn_shape *shape)
{
    printf("%s %u", tn_dtype_name(type), shape->rank);
    for (uint32_t d = 0; d < shape->rank; d++)
        printf(" %lld", (long long)shape->dim[d]);
    printf("\n");
}

static void tell_type(struct runner *r)
{
    struct tn_error err = {0};
    tn_value v = value(r);
    if (tn_graph_check(r->graph, &err) != TN_OK) {
        printf("error %s\n", err.msg);
        return;
    }
    struct tn_shape shape = tn_graph_shape(r->graph, v);
    answer_type(tn_graph_dtype(r->graph, v), &shape);
}

/* A run that fails has told nothing yet: results are fetched before the first is written. */
static tn_status run(struct runner *r, const tn_value *values, uint32_t n, tn_tensor **out_results,
                     size_t *out_fallbacks, struct tn_error *err)
{
    char name[32];
    tn_plan *plan = NULL;
    struct tn_plan_info info;
    uint32_t first = r->n_outputs;
    for (uint32_t i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "out%u", r->n_outputs++);
        tn_graph_output(r->graph, name, values[i]);
    }
    tn_session_forget(r->session, r->graph); /* it has grown since the last run */
    tn_status st = tn_session_plan(r->session, r->graph, NULL, 0, &plan, err);
    for (uint32_t i = 0; i < r->n_values && st == TN_OK; i++) {
        snprintf(name, sizeof(name), "in%u", i);
        if (r->inputs[i])
            st = tn_plan_set_input(plan, name, r->inputs[i], err);
    }
    if (st == TN_OK)
        st = tn_plan_run(plan, err);
    for (uint32_t i = 0; i < n && st == TN_OK; i++) {
        snprintf(name, sizeof(name), "out%u", first + i);
        st = tn_plan_get_output(plan, name, &out_results[i], err);
    }
    if (st == TN_OK) {
        tn_plan_info(plan, &info);
        *out_fallbacks = info.n_fallback;
    }
    return st;
}

static void run_and_answer(struct runner *r)
{
    struct tn_error err = {0};
    tn_value values[MAX_LIST];
    tn_tensor *results[MAX_LIST] = {NULL};
    size_t fallbacks = 0;
    uint32_t n = read_values(r, values);
    if (run(r, values, n, results, &fallbacks, &err) != TN_OK)
        printf("error %s\n", err.msg);
    else
        printf("ok %zu\n", fallbacks);
    for (uint32_t i = 0; i < n; i++) {
        if (err.code == TN_OK) {
            answer_type(tn_tensor_dtype(results[i]), tn_tensor_shape(results[i]));
            fwrite(tn_tensor_const_data(results[i]), 1, tn_tensor_bytes(results[i]), stdout);
        }
        tn_tensor_unref(&results[i]);
    }
}

int main(int argc, char **argv)
{
    static struct runner r;
    static const struct {
        const char *name;
        void (*run)(struct runner *r);
    } commands[] = {{"new", new_graph},          {"input", add_input}, {"op", add_op},
                    {"einsum", add_einsum},      {"type", tell_type},  {"run", run_and_answer},
                    {"gradients", add_gradients}};
    struct tn_error err = {0};
    struct tn_session_params params = {.device = NULL};
    char name[MAX_WORD];
    if (argc != 2)
        broken("usage: graph-runner DEVICE");
    if (tn_runtime_create(&(struct tn_runtime_params){0}, &r.runtime, &err) != TN_OK ||
        tn_runtime_select(r.runtime, argv[1], &params.device, &err) != TN_OK ||
        tn_session_create(r.runtime, &params, &r.session, &err) != TN_OK)
        broken(err.msg);
    while (scanf("%255s", name) == 1) {
        size_t i = 0, n = sizeof(commands) / sizeof(commands[0]);
        while (i < n && strcmp(name, commands[i].name) != 0)
            i++;
        if (i == n)
            broken("no such command");
        commands[i].run(&r);
        fflush(stdout);
    }
    drop_graph(&r);
    tn_session_destroy(&r.session);
    tn_runtime_destroy(&r.runtime);
    return 0;
}
