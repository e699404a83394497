/* A step after the first allocates nothing: malloc and its kin, mmap and the clCreate calls are
 * interposed, and calls that come from our own objects (this program, which holds the core, and the
 * plugins) are counted while steps run. A driver's own allocations are not ours to count.
 * A plain program: prints one line per backend; exit 77 when sanitizers own malloc. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tenon/graph.h"
#include "tenon/runtime.h"

#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)
int main(void)
{
    puts("skipped: malloc is not ours to interpose in this build");
    return 77;
}
#else

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *ptr, size_t size);
extern void *__libc_memalign(size_t align, size_t size);

static atomic_int counting, n_calls;
static char first_caller[256]; /* for the message */

static void count(const char *what, void *caller)
{
    Dl_info info;
    if (!atomic_load(&counting) || !dladdr(caller, &info) || !info.dli_fname)
        return;
    if (!strstr(info.dli_fname, "tenon") && !strstr(info.dli_fname, "test-plan-alloc"))
        return;
    if (atomic_fetch_add(&n_calls, 1) == 0)
        snprintf(first_caller, sizeof(first_caller), "%s from %s (%s)", what, info.dli_fname,
                 info.dli_sname ? info.dli_sname : "?");
}

#define HERE __builtin_return_address(0)
/* Inlined into this program, HERE would be the address that its caller returns to. */
#define EXPORT __attribute__((visibility("default"), noinline))

EXPORT void *malloc(size_t size)
{
    count("malloc", HERE);
    return __libc_malloc(size);
}
EXPORT void *calloc(size_t n, size_t size)
{
    count("calloc", HERE);
    return __libc_calloc(n, size);
}
EXPORT void *realloc(void *ptr, size_t size)
{
    count("realloc", HERE);
    return __libc_realloc(ptr, size);
}
EXPORT void *memalign(size_t align, size_t size)
{
    count("memalign", HERE);
    return __libc_memalign(align, size);
}
EXPORT void *aligned_alloc(size_t align, size_t size)
{
    count("aligned_alloc", HERE);
    return __libc_memalign(align, size);
}
EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
    count("posix_memalign", HERE);
    void *p = __libc_memalign(align, size);
    if (p)
        *out = p;
    return p ? 0 : ENOMEM;
}
EXPORT void *mmap(void *addr, size_t n, int prot, int flags, int fd, off_t at)
{
    static void *(*real)(void *, size_t, int, int, int, off_t);
    count("mmap", HERE);
    if (!real)
        real = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
    return real(addr, n, prot, flags, fd, at);
}

/* The loader's functions by name: the program itself does not link OpenCL. */
static void *cl_symbol(const char *name)
{
    static void *lib;
    if (!lib)
        lib = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    void *f = lib ? dlsym(lib, name) : NULL;
    if (!f)
        abort();
    return f;
}
/* Arguments in the widths of the OpenCL C API; handles are pointers, flags 64 bits. */
typedef unsigned long long cl_u64;
EXPORT void *clCreateBuffer(void *ctx, cl_u64 flags, size_t size, void *host, int *err);
EXPORT void *clCreateBuffer(void *ctx, cl_u64 flags, size_t size, void *host, int *err)
{
    count("clCreateBuffer", HERE);
    return ((void *(*)(void *, cl_u64, size_t, void *, int *))cl_symbol("clCreateBuffer"))(
        ctx, flags, size, host, err);
}
EXPORT void *clCreateKernel(void *program, const char *name, int *err);
EXPORT void *clCreateKernel(void *program, const char *name, int *err)
{
    count("clCreateKernel", HERE);
    return ((void *(*)(void *, const char *, int *))cl_symbol("clCreateKernel"))(program, name,
                                                                                 err);
}
EXPORT void *clCreateProgramWithSource(void *ctx, unsigned n, const char **text, const size_t *len,
                                       int *err);
EXPORT void *clCreateProgramWithSource(void *ctx, unsigned n, const char **text, const size_t *len,
                                       int *err)
{
    count("clCreateProgramWithSource", HERE);
    return ((void *(*)(void *, unsigned, const char **, const size_t *, int *))cl_symbol(
        "clCreateProgramWithSource"))(ctx, n, text, len, err);
}
EXPORT void *clCreateCommandQueue(void *ctx, void *device, cl_u64 props, int *err);
EXPORT void *clCreateCommandQueue(void *ctx, void *device, cl_u64 props, int *err)
{
    count("clCreateCommandQueue", HERE);
    return ((void *(*)(void *, void *, cl_u64, int *))cl_symbol("clCreateCommandQueue"))(
        ctx, device, props, err);
}

/* --- the step --- */

enum { BATCH = 8, IN = 12, HIDDEN = 16, OUT = 4 };

static void update(tn_graph *g, tn_value w, tn_value grad, const tn_value scalars[4], const char *m,
                   const char *v)
{
    struct tn_state_params slot = {.name = m,
                                   .dtype = TN_F32,
                                   .shape = tn_graph_shape(g, w),
                                   .role = TN_STATE_SLOT,
                                   .slot = "m"};
    tn_value sm = tn_graph_state(g, &slot), out[3];
    slot.name = v;
    slot.slot = "v";
    tn_value sv = tn_graph_state(g, &slot);
    tn_value in[8] = {w, grad, sm, sv, scalars[3], scalars[0], scalars[1], scalars[2]};
    tn_graph_op(g, "adam", in, 8, NULL, 0, out, 3);
    tn_graph_assign(g, w, out[0]);
    tn_graph_assign(g, sm, out[1]);
    tn_graph_assign(g, sv, out[2]);
}

static void build(tn_graph *g)
{
    struct tn_shape x_shape = TN_SHAPE(BATCH, IN), t_shape = TN_SHAPE(BATCH), scalar = TN_SCALAR;
    tn_value x = tn_graph_input(g, "x", TN_F32, &x_shape, TN_INPUT_DATA);
    tn_value t = tn_graph_input(g, "t", TN_I32, &t_shape, TN_INPUT_DATA);
    struct tn_state_params p = {.name = "w1",
                                .dtype = TN_F32,
                                .shape = TN_SHAPE(IN, HIDDEN),
                                .role = TN_STATE_PARAM,
                                .init = {.kind = TN_INIT_UNIFORM, .a = -1, .b = 1}};
    tn_value wrt[2], grads[2], loss[2], scalars[4];
    wrt[0] = tn_graph_state(g, &p);
    p.name = "w2";
    p.shape = TN_SHAPE(HIDDEN, OUT);
    wrt[1] = tn_graph_state(g, &p);
    tn_value h = tn_relu(g, tn_matmul(g, x, wrt[0], 0, 0));
    tn_value in[2] = {tn_matmul(g, h, wrt[1], 0, 0), t};
    tn_graph_op(g, "sparse_softmax_cross_entropy", in, 2, NULL, 0, loss, 2);
    tn_value sum = tn_sum(g, loss[0], NULL, 0, 0);
    tn_graph_output(g, "loss", sum);
    tn_graph_gradients(g, sum, wrt, 2, grads);
    static const char *const names[3] = {"lr", "grad_mul", "apply"};
    for (int i = 0; i < 3; i++)
        scalars[i] = tn_graph_input(g, names[i], TN_F32, &scalar, TN_INPUT_STEP);
    struct tn_state_params step = {
        .name = "step", .dtype = TN_I64, .shape = TN_SCALAR, .role = TN_STATE_SLOT, .slot = "step"};
    tn_value s = tn_graph_state(g, &step), next = tn_op2(g, "counter_add", s, scalars[2], NULL, 0);
    tn_graph_assign(g, s, next);
    struct tn_attr betas[2] = {TN_AF("beta1", 0.9), TN_AF("beta2", 0.999)};
    scalars[3] = tn_op1(g, "bias_correction", next, betas, 2);
    update(g, wrt[0], grads[0], scalars, "w1/m", "w1/v");
    update(g, wrt[1], grads[1], scalars, "w2/m", "w2/v");
}

static tn_status steps(tn_plan *plan, int n, float *out_loss, struct tn_error *err)
{
    static const char *const names[3] = {"lr", "grad_mul", "apply"};
    static const float values[3] = {0.01f, 1.0f / BATCH, 1};
    float x[BATCH * IN];
    int32_t t[BATCH];
    tn_status st = TN_OK;
    for (int i = 0; i < n && st == TN_OK; i++) {
        for (int k = 0; k < BATCH * IN; k++)
            x[k] = (float)((k * 7 + i) % 13) / 13;
        for (int k = 0; k < BATCH; k++)
            t[k] = k % OUT;
        st = tn_plan_set_input_bytes(plan, "x", x, sizeof(x), err);
        if (st == TN_OK)
            st = tn_plan_set_input_bytes(plan, "t", t, sizeof(t), err);
        for (int k = 0; k < 3 && st == TN_OK; k++)
            st = tn_plan_set_input_bytes(plan, names[k], &values[k], sizeof(float), err);
        if (st == TN_OK)
            st = tn_plan_run(plan, err);
        if (st == TN_OK)
            st = tn_plan_get_output_bytes(plan, "loss", out_loss, sizeof(float), err);
    }
    return st;
}

/* 0: as it should be, 1: it allocates or fails, 77: no such backend. */
static int try_backend(tn_runtime *runtime, const char *name)
{
    struct tn_error err = {0};
    struct tn_session_params params = {0};
    tn_session *session = NULL;
    tn_graph *graph = NULL;
    tn_plan *plan = NULL;
    float first = 0, last = 0;
    if (tn_runtime_select(runtime, name, &params.device, &err) != TN_OK) {
        const char *required = getenv("TENON_REQUIRE");
        int must = strcmp(name, "opencl") == 0 && required && strstr(required, "pocl");
        printf("%-7s %s: %s\n", name, must ? "MISSING" : "skipped", err.msg);
        return must ? 1 : 77;
    }
    tn_status st = tn_session_create(runtime, &params, &session, &err);
    if (st == TN_OK)
        st = tn_graph_create("step", &graph, &err);
    if (st == TN_OK) {
        build(graph);
        st = tn_session_plan(session, graph, NULL, 0, &plan, &err);
    }
    if (st == TN_OK)
        st = steps(plan, 1, &first, &err);
    atomic_store(&n_calls, 0);
    atomic_store(&counting, 1);
    if (st == TN_OK)
        st = steps(plan, 20, &last, &err);
    atomic_store(&counting, 0);
    int n = atomic_load(&n_calls);
    if (st != TN_OK)
        printf("%-7s FAILED: %s\n", name, err.msg);
    else
        printf("%-7s %d allocations in 20 steps%s%s; loss %.4f -> %.4f\n", name, n,
               n ? ", the first: " : "", n ? first_caller : "", (double)first, (double)last);
    int ok = st == TN_OK && n == 0 && last < first;
    tn_session_destroy(&session);
    tn_graph_destroy(&graph);
    return ok ? 0 : 1;
}

int main(void)
{
    static const char *const names[3] = {"ref", "cpu", "opencl"};
    struct tn_error err = {0};
    struct tn_runtime_params params = {0};
    tn_runtime *runtime = NULL;
    int result = 0;
    /* The counter itself must count. */
    atomic_store(&counting, 1);
    void *volatile probe = malloc(1);
    free(probe);
    atomic_store(&counting, 0);
    if (atomic_load(&n_calls) != 1) {
        puts("FAILED: malloc is not interposed");
        return 1;
    }
    if (tn_runtime_create(&params, &runtime, &err) != TN_OK) {
        printf("FAILED: %s\n", err.msg);
        return 1;
    }
    for (int i = 0; i < 3; i++)
        if (try_backend(runtime, names[i]) == 1)
            result = 1;
    tn_runtime_destroy(&runtime);
    return result;
}
#endif
