/* Writes docs/operators.md from the schemas, the case tables and what the backends answer.
 *
 *   document-ops [BACKEND ...] > docs/operators.md
 *
 * For each backend that is named (and found), a line tells which element types it takes natively:
 * it said yes to every case of the operator's tables in that type. Where it says no, the node runs
 * on the next device of the list, in the end by its reference. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "graphs.h"
#include "ops/op.h"
#include "plan/ir.h"
#include "runtime/runtime.h"
#include "tenon/runtime.h"

#define MAX_BACKENDS 4

struct backend {
    const char *name;
    const tnb_backend *api;
    tnb_device *handle;
    uint64_t dtype_mask;
};

static struct backend backends[MAX_BACKENDS];
static size_t n_backends;

static void die(const char *what, const struct tn_error *err)
{
    fprintf(stderr, "document-ops: %s: %s\n", what, err->msg);
    exit(1);
}

/* --- what a backend takes --- */

static int takes(const struct backend *b, const struct tn_plan_ir *ir)
{
    for (uint32_t n = 0; n < ir->n_nodes; n++) {
        tnb_support s = {.struct_size = sizeof(s)};
        tnb_error e = {.struct_size = sizeof(e)};
        if (b->api->supports(b->handle, &ir->view, n, &s, &e) != TNB_OK || s.verdict != TNB_YES)
            return 0;
    }
    return 1;
}

/* A type that the device lacks says nothing about its kernels. */
static int has_types(const struct backend *b, const struct tn_plan_ir *ir)
{
    for (uint32_t v = 0; v < ir->n_values; v++)
        if (!(b->dtype_mask >> ir->values[v].dtype & 1u))
            return 0;
    return 1;
}

struct answers {
    uint32_t asked, refused; /* bits: element types */
};

static void ask_case(const struct op_case *c, tn_dtype precision, struct answers *answers)
{
    struct op_run run;
    struct tn_error err = {TN_OK, ""};
    struct tn_arena arena;
    struct tn_plan_ir ir;
    const struct tn_symbol_values none = {{0}};
    tn_graph *graph = NULL;
    tn_dtype type = op_case_dtype(c, precision);
    if (!op_case_has_precision(c, precision))
        return;
    if (op_run_open(c, precision, &run, &err) != TN_OK)
        die(c->name, &err);
    tn_arena_init(&arena);
    if (op_forward_graph(&run, &graph, &err) != TN_OK ||
        tn_ir_build(&arena, graph, &none, 0, &ir, &err) != TN_OK)
        die(c->name, &err);
    for (size_t b = 0; b < n_backends; b++) {
        if (!has_types(&backends[b], &ir))
            continue;
        answers[b].asked |= 1u << type;
        if (!takes(&backends[b], &ir))
            answers[b].refused |= 1u << type;
    }
    tn_arena_finish(&arena);
    tn_graph_destroy(&graph);
    op_run_close(&run);
}

static void ask(const char *op, struct answers *answers)
{
    static const tn_dtype precisions[] = {TN_F32, TN_F16, TN_BF16, TN_F64};
    for (size_t f = 0; f < op_family_count(); f++) {
        const struct op_case *c;
        for (size_t i = 0; (c = op_family_case(op_family_at(f), i)); i++)
            for (size_t p = 0; p < 4 && strcmp(c->op, op) == 0 && !c->reject; p++)
                ask_case(c, precisions[p], answers);
    }
}

static void print_support(const struct tn_op *op)
{
    struct answers answers[MAX_BACKENDS] = {{0, 0}};
    if (op->flags & TN_OP_ALIAS) {
        printf("- backends: never executed\n");
        return;
    }
    ask(op->name, answers);
    printf("- backends:");
    for (size_t b = 0; b < n_backends; b++) {
        int n = 0;
        printf("%s %s", b ? ";" : "", backends[b].name);
        for (int d = TN_F32; d <= TN_BOOL; d++)
            if ((answers[b].asked & ~answers[b].refused) >> d & 1u)
                printf("%s %s", n++ ? "," : "", tn_dtype_name((tn_dtype)d));
        if (!n)
            printf(" by the reference");
    }
    printf("\n");
}

/* --- the schema --- */

static void print_names(const char *const *names, uint32_t n, uint32_t n_required)
{
    for (uint32_t i = 0; names && i < n; i++) {
        size_t length = strlen(names[i]);
        int marked = length && names[i][length - 1] == '?';
        printf("%s%s%s", i ? ", " : "", names[i], !marked && i >= n_required ? "?" : "");
    }
}

static void print_default(const struct tn_attr_schema *a)
{
    switch (a->required ? 0 : (int)a->type) {
    case TN_ATTR_INT:
        if (a->dflt.u.i == INT64_MAX)
            printf("=INT64_MAX");
        else
            printf("=%lld", (long long)a->dflt.u.i);
        break;
    case TN_ATTR_FLOAT:
        printf("=%.9g", a->dflt.u.f);
        break;
    case TN_ATTR_STRING:
        printf("=\"%s\"", a->dflt.u.s ? a->dflt.u.s : "");
        break;
    case TN_ATTR_INTS:
        printf("=[");
        for (uint32_t i = 0; i < a->dflt.count; i++)
            printf("%s%lld", i ? "," : "", (long long)a->dflt.u.ints[i]);
        printf("]");
        break;
    default:
        break;
    }
}

static void print_attrs(const struct tn_op *op)
{
    static const char *const types[] = {[TN_ATTR_INT] = "int",
                                        [TN_ATTR_FLOAT] = "float",
                                        [TN_ATTR_STRING] = "text",
                                        [TN_ATTR_INTS] = "ints"};
    for (uint32_t i = 0; i < op->n_attrs; i++) {
        const struct tn_attr_schema *a = &op->attrs[i];
        printf("- `%s", a->name);
        print_default(a);
        printf("` (%s%s)%s%s\n", types[a->type], a->required ? ", must be given" : "",
               a->doc ? ": " : "", a->doc ? a->doc : "");
    }
}

static uint32_t checked_gradients(const char *op)
{
    uint32_t bits = 0;
    for (size_t f = 0; f < op_family_count(); f++) {
        const struct op_case *c;
        for (size_t i = 0; (c = op_family_case(op_family_at(f), i)); i++)
            if (strcmp(c->op, op) == 0)
                bits |= c->grad;
    }
    return bits;
}

static void print_gradient(const struct tn_op *op)
{
    uint32_t bits = checked_gradients(op->name);
    if (!op->gradient) {
        printf("- gradient: none%s%s\n", op->no_gradient ? ": " : "",
               op->no_gradient ? op->no_gradient : "");
        return;
    }
    if (bits == 0 && op->max_in <= TN_OP_MAX_FIXED) {
        printf("- gradient: zero\n");
        return;
    }
    printf("- gradient: to ");
    if (op->max_in > TN_OP_MAX_FIXED) {
        printf("every input\n");
        return;
    }
    int n = 0;
    for (uint32_t i = 0; i < op->max_in; i++)
        if (bits >> i & 1u)
            printf("%s%.*s", n++ ? ", " : "", (int)strcspn(op->in_names[i], "?"), op->in_names[i]);
    printf("\n");
}

static void print_op(const struct tn_op *op)
{
    printf("### `%s`\n", op->name);
    if (op->formula)
        printf("%s\n\n", op->formula);
    printf("- inputs: ");
    if (op->max_in > TN_OP_MAX_FIXED)
        printf("a list of %s", op->in_names ? op->in_names[0] : "values");
    else if (op->max_in)
        print_names(op->in_names, op->max_in, op->min_in);
    else
        printf("none");
    printf("; outputs: ");
    print_names(op->out_names, op->n_out, op->n_out);
    printf("\n");
    if (op->shapes)
        printf("- shapes and types: %s\n", op->shapes);
    print_attrs(op);
    print_gradient(op);
    print_support(op);
    if (op->flags & TN_OP_UPDATE)
        printf("- writes new versions of state\n");
    printf("\n");
}

/* --- the page --- */

static void print_intro(void)
{
    printf(
        "<!-- Written by tests/ops/document.c from the schemas: ninja -C builddir operators-md "
        "-->\n"
        "# Operators\n\n"
        "What each operator computes, its inputs, attributes and outputs: the contract between "
        "the\n"
        "shape rules and references in `core/ops`, and the kernels of every backend. Values are\n"
        "row-major. `?` marks an input that may be absent; `=` a default. Shapes are written\n"
        "`[N, C, H, W]`; scalars are rank 0; broadcasting and negative axes are NumPy's. Index "
        "inputs\n"
        "are i32 or i64. f16 and bf16 are stored in half and computed in f32.\n\n"
        "*gradient* names the inputs whose gradient the tests compare with central differences in\n"
        "double. *backends* names the element types that a backend runs itself, for every case of\n"
        "the tables in `tests/ops`; what it does not take runs on the next device of the list, in "
        "the\n"
        "end by the reference, in double. An operator that is never executed gives its input's "
        "bytes\n"
        "another shape.\n");
}

#define TN_OP_SECTION(title) printf("\n## " title "\n\n");
#define TN_OP(name) print_op(tn_op_find(#name));
static void print_operators(void)
{
#include "ops/list.h"
}
#undef TN_OP
#undef TN_OP_SECTION

static void open_backends(tn_runtime *runtime, int argc, char **argv)
{
    struct tn_error err = {TN_OK, ""};
    for (int i = 1; i < argc && n_backends < MAX_BACKENDS; i++) {
        tn_device *device = tn_runtime_backend_device(runtime, argv[i]);
        struct backend *b = &backends[n_backends];
        if (!device) {
            fprintf(stderr, "document-ops: no device of backend %s\n", argv[i]);
            exit(77);
        }
        *b = (struct backend){
            .name = argv[i], .api = tn_device_api(device), .dtype_mask = device->tnb.dtype_mask};
        if (tn_device_open(device, &b->handle, &err) != TN_OK)
            die(argv[i], &err);
        n_backends++;
    }
}

int main(int argc, char **argv)
{
    struct tn_error err = {TN_OK, ""};
    tn_runtime *runtime = NULL;
    if (tn_runtime_create(NULL, &runtime, &err) != TN_OK)
        die("opening the backends", &err);
    open_backends(runtime, argc, argv);
    print_intro();
    print_operators();
    tn_runtime_destroy(&runtime);
    return fflush(stdout) || ferror(stdout);
}
