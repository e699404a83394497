#include "support.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define GUARD 64
#define GUARD_BYTE 0xA5
#define ALIGN 256

static void *host_alloc(void *ctx, uint64_t size, uint64_t align)
{
    (void)ctx;
    return aligned_alloc(align, (size + align - 1) / align * align);
}

static void host_free(void *ctx, void *ptr)
{
    (void)ctx;
    free(ptr);
}

static void host_log(void *ctx, uint32_t level, const char *msg)
{
    (void)ctx;
    if (level <= TNB_LOG_WARN || getenv("OCL_TEST_VERBOSE"))
        fprintf(stderr, "[%u] %s\n", level, msg);
}

int ocl_test_required(const char *what)
{
    const char *list = getenv("TENON_REQUIRE");
    return list && strstr(list, what) != NULL;
}

const tnb_backend *ocl_test_load(void **out_library)
{
    void *library = dlopen(OPENCL_PLUGIN, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return NULL;
    }
    tnb_entry_fn entry;
    void *symbol = dlsym(library, TNB_ENTRY_SYMBOL);
    memcpy(&entry, &symbol, sizeof(entry));
    tnb_error err = {.struct_size = sizeof(err)};
    *out_library = library;
    return entry ? entry(TNB_ABI_MINOR, &err) : NULL;
}

static int missing(const char *want)
{
    const char *name = strcmp(want, "llvmpipe") == 0   ? "rusticl"
                       : strcmp(want, "Oclgrind") == 0 ? "oclgrind"
                                                       : "pocl";
    printf("skipped: no OpenCL device '%s' (install %s)\n", want,
           strcmp(name, "rusticl") == 0    ? "mesa-opencl-icd and set RUSTICL_ENABLE=llvmpipe"
           : strcmp(name, "oclgrind") == 0 ? "oclgrind and run under it"
                                           : "pocl-opencl-icd");
    return ocl_test_required(name) ? 1 : 77;
}

static int create_instance(struct ocl_test *t, const char *const *opts)
{
    tnb_kv kv[8];
    char text[8][64];
    uint32_t n = 0;
    for (; opts && opts[n] && n < 8; n++) {
        snprintf(text[n], sizeof(text[n]), "%s", opts[n]);
        char *eq = strchr(text[n], '=');
        if (!eq)
            return 1;
        *eq = '\0';
        kv[n] = (tnb_kv){text[n], eq + 1};
    }
    return t->table->create(&t->host, kv, n, &t->instance, &t->err) != TNB_OK;
}

static int find_device(struct ocl_test *t, const char *want, uint32_t *out_index)
{
    uint32_t n = 0;
    t->table->device_count(t->instance, &n, &t->err);
    for (uint32_t i = 0; i < n; i++) {
        t->info.struct_size = sizeof(t->info);
        if (t->table->device_info(t->instance, i, &t->info, &t->err) == TNB_OK &&
            (strstr(t->info.name, want) || strstr(t->info.driver, want))) {
            *out_index = i;
            return 1;
        }
    }
    return 0;
}

int ocl_test_open(struct ocl_test *t, const char *want, const char *const *opts,
                  const char *cache_dir)
{
    uint32_t index = 0;
    memset(t, 0, sizeof(*t));
    t->err.struct_size = sizeof(t->err);
    t->host = (tnb_host){.struct_size = sizeof(t->host),
                         .abi_minor = TNB_ABI_MINOR,
                         .alloc = host_alloc,
                         .free = host_free,
                         .log = host_log,
                         .cache_dir = cache_dir};
    t->table = ocl_test_load(&t->library);
    if (!t->table || create_instance(t, opts)) {
        fprintf(stderr, "create: %s\n", t->err.msg);
        return 1;
    }
    if (!find_device(t, want, &index)) {
        ocl_test_close(t);
        return missing(want);
    }
    if (t->table->device_open(t->instance, index, &t->device, &t->err) != TNB_OK ||
        t->table->queue_create(t->device, 0, &t->queue, &t->err) != TNB_OK) {
        fprintf(stderr, "open: %s\n", t->err.msg);
        ocl_test_close(t);
        return 1;
    }
    return 0;
}

void ocl_test_close(struct ocl_test *t)
{
    if (t->queue)
        t->table->queue_destroy(t->queue);
    if (t->device)
        t->table->device_close(t->device);
    if (t->instance)
        t->table->destroy(t->instance);
    t->queue = NULL;
    t->device = NULL;
    t->instance = NULL;
}

tnb_tensor ocl_test_type(uint32_t dtype, uint32_t rank, const int64_t *dim)
{
    tnb_tensor t = {.dtype = dtype, .rank = rank};
    int64_t stride = 1;
    for (uint32_t i = rank; i-- > 0;) {
        t.dim[i] = dim[i];
        t.stride[i] = stride;
        stride *= dim[i];
    }
    return t;
}

static uint64_t n_bytes(const struct ocl_test_value *v)
{
    return (uint64_t)tnb_count(&v->type) * tnb_dtype_size(v->type.dtype);
}

/* The graph of one node, its values in one image of bytes with guards between. */
struct layout {
    tnb_tensor types[2 * OCL_TEST_MAX];
    uint32_t in[OCL_TEST_MAX], out[OCL_TEST_MAX], values[2 * OCL_TEST_MAX];
    uint32_t prior[2 * OCL_TEST_MAX], n_values;
    tnb_span spans[2 * OCL_TEST_MAX];
    struct ocl_test_value *source[2 * OCL_TEST_MAX];
    /* In `image`; a span's offset may count from another buffer. */
    uint64_t offset[2 * OCL_TEST_MAX], total;
    unsigned char *image;
};

static uint32_t place(struct layout *l, struct ocl_test_value *v)
{
    uint32_t at = l->n_values++;
    l->types[at] = v->type;
    l->values[at] = at;
    l->prior[at] = TNB_ABSENT;
    l->source[at] = v;
    l->offset[at] = l->spans[at].offset = l->total;
    l->spans[at].size = n_bytes(v);
    l->total = (l->total + n_bytes(v) + GUARD + ALIGN - 1) / ALIGN * ALIGN;
    return at;
}

static void lay_out(struct layout *l, struct ocl_test_node *node)
{
    memset(l, 0, sizeof(*l));
    l->total = ALIGN; /* so that no offset is zero */
    for (uint32_t i = 0; i < node->n_in; i++)
        l->in[i] = node->in[i].absent ? TNB_ABSENT : place(l, &node->in[i]);
    for (uint32_t i = 0; i < node->n_out; i++) {
        struct ocl_test_value *v = &node->out[i];
        if (v->absent) {
            l->out[i] = TNB_ABSENT;
            continue;
        }
        uint64_t total = l->total;
        l->out[i] = place(l, v);
        if (v->share_in) {
            l->spans[l->out[i]] = l->spans[l->in[v->share_in - 1]];
            l->offset[l->out[i]] = l->offset[l->in[v->share_in - 1]];
            l->total = total;
        }
    }
}

static int check_guards(const struct layout *l, const unsigned char *after, const char *op)
{
    unsigned char *owned = calloc(1, l->total);
    int bad = 0;
    if (!owned)
        return 1;
    for (uint32_t v = 0; v < l->n_values; v++)
        memset(owned + l->offset[v], 1, l->spans[v].size);
    for (uint64_t i = 0; i < l->total && !bad; i++)
        if (!owned[i] && after[i] != GUARD_BYTE) {
            fprintf(stderr, "%s: wrote outside its values, at byte %llu\n", op,
                    (unsigned long long)i);
            bad = 1;
        }
    free(owned);
    return bad;
}

struct buffers {
    tnb_buffer *list[2 * OCL_TEST_MAX];
    uint32_t n;
};

/* One for all values, or one of its own for each that shares no other's. */
static int make_buffers(struct ocl_test *t, struct layout *l, struct buffers *b)
{
    const tnb_backend *k = t->table;
    for (uint32_t v = 0; v < l->n_values; v++) {
        uint32_t first = 0;
        while (t->own_buffers && l->offset[first] != l->offset[v])
            first++;
        if (first == v || b->n == 0) {
            uint64_t size = t->own_buffers ? l->spans[v].size : l->total;
            if (k->buffer_alloc(t->device, size, TNB_BUFFER_DEVICE, &b->list[b->n], &t->err))
                return 1;
            b->n++;
        }
        l->spans[v].buffer = first == v ? b->list[b->n - 1] : l->spans[first].buffer;
        l->spans[v].offset = t->own_buffers ? 0 : l->offset[v];
    }
    return 0;
}

/* Between the image and the buffers. */
static int copy(struct ocl_test *t, struct layout *l, int to_device)
{
    const tnb_backend *k = t->table;
    tnb_span all = {l->n_values ? l->spans[0].buffer : NULL, 0, l->total};
    for (uint32_t v = 0; v < (t->own_buffers ? l->n_values : 1); v++) {
        tnb_span span = t->own_buffers ? l->spans[v] : all;
        unsigned char *at = l->image + (t->own_buffers ? l->offset[v] : 0);
        if (span.size == 0)
            continue;
        if (to_device ? k->write(t->queue, span, at, TNB_HOST_NOW, &t->err)
                      : k->read(t->queue, span, at, TNB_HOST_NOW, &t->err))
            return 1;
    }
    return 0;
}

static int execute(struct ocl_test *t, struct layout *l, tnb_plan *plan, tnb_span workspace,
                   int n_runs)
{
    const tnb_backend *k = t->table;
    if (k->plan_bind(plan, l->spans, l->n_values, workspace, &t->err) != TNB_OK)
        return 1;
    for (int run = 0; run < n_runs; run++)
        if (copy(t, l, 1) || k->run(t->queue, plan, &t->err) != TNB_OK)
            return 1;
    return copy(t, l, 0);
}

static int run_plan(struct ocl_test *t, struct layout *l, tnb_plan *plan, uint64_t workspace_bytes,
                    int n_runs)
{
    const tnb_backend *k = t->table;
    struct buffers buffers = {.n = 0};
    tnb_buffer *work = NULL;
    int rc = make_buffers(t, l, &buffers);
    if (rc == 0)
        rc = k->buffer_alloc(t->device, workspace_bytes + ALIGN, TNB_BUFFER_DEVICE, &work,
                             &t->err) != TNB_OK;
    if (rc == 0)
        rc = execute(t, l, plan, (tnb_span){work, ALIGN, workspace_bytes}, n_runs);
    for (uint32_t i = 0; i < buffers.n; i++)
        k->buffer_free(buffers.list[i]);
    k->buffer_free(work);
    return rc;
}

static int fill_and_run(struct ocl_test *t, struct layout *l, struct ocl_test_node *node,
                        tnb_plan *plan, uint64_t workspace, int n_runs)
{
    l->image = malloc(l->total);
    if (!l->image)
        return 1;
    memset(l->image, GUARD_BYTE, l->total);
    for (uint32_t i = 0; i < node->n_in; i++)
        if (!node->in[i].absent)
            memcpy(l->image + l->offset[l->in[i]], node->in[i].data, n_bytes(&node->in[i]));
    int rc = run_plan(t, l, plan, workspace, n_runs);
    if (rc == 0)
        rc = check_guards(l, l->image, node->op);
    for (uint32_t i = 0; i < node->n_out && rc == 0; i++)
        if (!node->out[i].absent)
            memcpy(node->out[i].data, l->image + l->offset[l->out[i]], n_bytes(&node->out[i]));
    free(l->image);
    return rc;
}

int ocl_test_run(struct ocl_test *t, struct ocl_test_node *node, int n_runs,
                 tnb_support *out_support)
{
    struct layout l;
    lay_out(&l, node);
    tnb_node n = {.struct_size = sizeof(n),
                  .op_version = 1,
                  .op = node->op,
                  .label = "test",
                  .n_in = node->n_in,
                  .n_out = node->n_out,
                  .n_attr = node->n_attr,
                  .in = l.in,
                  .out = l.out,
                  .attr = node->attr};
    const tnb_node *nodes[] = {&n};
    tnb_graph graph = {.struct_size = sizeof(graph),
                       .n_nodes = 1,
                       .n_values = l.n_values,
                       .nodes = nodes,
                       .values = l.types,
                       .prior = l.prior};
    uint32_t zero = 0;
    tnb_segment segment = {.struct_size = sizeof(segment),
                           .n_nodes = 1,
                           .n_values = l.n_values,
                           .nodes = &zero,
                           .values = l.values};
    tnb_support s = {.struct_size = sizeof(s)};
    if (t->table->supports(t->device, &graph, 0, &s, &t->err) != TNB_OK) {
        fprintf(stderr, "%s: supports: %s\n", node->op, t->err.msg);
        return 1;
    }
    if (out_support)
        *out_support = s;
    if (s.verdict != TNB_YES) {
        snprintf(t->err.msg, sizeof(t->err.msg), "%s", s.why);
        return 2;
    }
    tnb_plan *plan = NULL;
    uint64_t workspace = 0;
    if (t->table->plan_create(t->device, &graph, &segment, &workspace, &plan, &t->err) != TNB_OK) {
        fprintf(stderr, "%s: plan_create: %s\n", node->op, t->err.msg);
        return 1;
    }
    int rc = fill_and_run(t, &l, node, plan, workspace, n_runs);
    if (rc)
        fprintf(stderr, "%s: %s\n", node->op, t->err.msg);
    t->table->plan_destroy(plan);
    return rc;
}
