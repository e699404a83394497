/* Preloaded into a program: counts allocations, mappings, new threads and OpenCL objects between
 * interpose_begin and interpose_end, and says whose they are. The culprit of a call is the first
 * object up the stack that is not the C library: a driver's allocation inside our clEnqueue is the
 * driver's, our strdup is ours. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unwind.h>

#ifdef HAVE_OPENCL
#define CL_TARGET_OPENCL_VERSION 200
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#endif

#include "interpose.h"

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *ptr, size_t size);
extern void *__libc_memalign(size_t align, size_t size);
extern void __libc_free(void *ptr);

#define EXPORT __attribute__((visibility("default")))
#define MAX_CULPRITS 32
#define MAX_FRAMES 40

struct culprit {
    char object[64];
    char first[96]; /* "malloc from tn_plan_run" */
    int n;
};
static struct culprit culprits[MAX_CULPRITS];
static size_t n_culprits;
static atomic_int counting;
static atomic_flag locked = ATOMIC_FLAG_INIT;
/* What we call ourselves while counting must not be counted. */
static _Thread_local int inside __attribute__((tls_model("initial-exec")));

struct walk {
    const char *what;
    int depth, done;
    char object[64], symbol[64];
};

static int is_libc(const char *name)
{
    static const char *const prefixes[] = {"libc.so",  "libc-2",      "ld-linux", "libpthread",
                                           "libm.so",  "libdl.so",    "libgcc_s", "libstdc++",
                                           "librt.so", "libinterpose"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return 1;
    return 0;
}

static _Unwind_Reason_Code look(struct _Unwind_Context *context, void *arg)
{
    struct walk *walk = arg;
    Dl_info info;
    void *at = (void *)_Unwind_GetIP(context);
    if (walk->depth++ > MAX_FRAMES)
        return _URC_END_OF_STACK;
    if (!at || !dladdr(at, &info) || !info.dli_fname)
        return _URC_NO_REASON;
    const char *slash = strrchr(info.dli_fname, '/');
    const char *name = slash ? slash + 1 : info.dli_fname;
    if (is_libc(name))
        return _URC_NO_REASON;
    snprintf(walk->object, sizeof(walk->object), "%s", name);
    snprintf(walk->symbol, sizeof(walk->symbol), "%s", info.dli_sname ? info.dli_sname : "?");
    return _URC_END_OF_STACK;
}

static void blame(const char *what)
{
    struct walk walk = {.what = what, .object = "unknown", .symbol = "?"};
    size_t i = 0;
    _Unwind_Backtrace(look, &walk);
    while (atomic_flag_test_and_set(&locked))
        ;
    while (i < n_culprits && strcmp(culprits[i].object, walk.object) != 0)
        i++;
    if (i == n_culprits && n_culprits < MAX_CULPRITS) {
        memcpy(culprits[i].object, walk.object, sizeof(culprits[i].object));
        snprintf(culprits[i].first, sizeof(culprits[i].first), "%s from %s", what, walk.symbol);
        n_culprits++;
    }
    if (i < n_culprits)
        culprits[i].n++;
    atomic_flag_clear(&locked);
}

static void count(const char *what)
{
    if (!atomic_load_explicit(&counting, memory_order_relaxed) || inside)
        return;
    inside = 1;
    blame(what);
    inside = 0;
}

EXPORT void interpose_begin(void)
{
    /* The unwinder's first use allocates. */
    inside = 1;
    struct walk walk = {.depth = 0};
    _Unwind_Backtrace(look, &walk);
    inside = 0;
    memset(culprits, 0, sizeof(culprits));
    n_culprits = 0;
    atomic_store(&counting, 1);
}

EXPORT void interpose_end(void)
{
    atomic_store(&counting, 0);
}

EXPORT size_t interpose_result(size_t index, const char **out_object, const char **out_first)
{
    if (index >= n_culprits)
        return 0;
    *out_object = culprits[index].object;
    *out_first = culprits[index].first;
    return (size_t)culprits[index].n;
}

/* --- the C library --- */

EXPORT void *malloc(size_t size)
{
    count("malloc");
    return __libc_malloc(size);
}
EXPORT void *calloc(size_t n, size_t size)
{
    count("calloc");
    return __libc_calloc(n, size);
}
EXPORT void *realloc(void *ptr, size_t size)
{
    count("realloc");
    return __libc_realloc(ptr, size);
}
EXPORT void free(void *ptr)
{
    if (ptr)
        count("free");
    __libc_free(ptr);
}
EXPORT void *memalign(size_t align, size_t size);
EXPORT void *memalign(size_t align, size_t size)
{
    count("memalign");
    return __libc_memalign(align, size);
}
EXPORT void *aligned_alloc(size_t align, size_t size)
{
    count("aligned_alloc");
    return __libc_memalign(align, size);
}
EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
    count("posix_memalign");
    void *p = __libc_memalign(align, size);
    if (p)
        *out = p;
    return p ? 0 : ENOMEM;
}

/* dlsym gives functions as data pointers. */
#define NEXT(type, name)                       \
    static type real;                          \
    if (!real) {                               \
        void *symbol = dlsym(RTLD_NEXT, name); \
        memcpy(&real, &symbol, sizeof(real));  \
    }

typedef void *(*mmap_fn)(void *, size_t, int, int, int, off_t);
EXPORT void *mmap(void *addr, size_t n, int prot, int flags, int fd, off_t at)
{
    NEXT(mmap_fn, "mmap")
    count("mmap");
    return real(addr, n, prot, flags, fd, at);
}
typedef int (*munmap_fn)(void *, size_t);
EXPORT int munmap(void *addr, size_t n)
{
    NEXT(munmap_fn, "munmap")
    count("munmap");
    return real(addr, n);
}
typedef int (*pthread_create_fn)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *arg)
{
    NEXT(pthread_create_fn, "pthread_create")
    count("pthread_create");
    return real(thread, attr, start, arg);
}

/* --- OpenCL: the loader is opened by the plugin, out of RTLD_NEXT's sight --- */

#ifdef HAVE_OPENCL
static void *cl_symbol(const char *name)
{
    static void *library;
    inside++;
    if (!library)
        library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, name) : NULL;
    inside--;
    if (!symbol)
        abort();
    return symbol;
}

#define FORWARD(result, name, params, args)       \
    EXPORT result CL_API_CALL name params         \
    {                                             \
        static __typeof__(&name) real;            \
        if (!real) {                              \
            void *symbol = cl_symbol(#name);      \
            memcpy(&real, &symbol, sizeof(real)); \
        }                                         \
        count(#name);                             \
        return real args;                         \
    }

FORWARD(cl_mem, clCreateBuffer, (cl_context c, cl_mem_flags f, size_t n, void *p, cl_int *e),
        (c, f, n, p, e))
FORWARD(cl_mem, clCreateSubBuffer,
        (cl_mem m, cl_mem_flags f, cl_buffer_create_type t, const void *p, cl_int *e),
        (m, f, t, p, e))
FORWARD(cl_kernel, clCreateKernel, (cl_program p, const char *name, cl_int *e), (p, name, e))
FORWARD(cl_int, clCreateKernelsInProgram, (cl_program p, cl_uint n, cl_kernel *k, cl_uint *o),
        (p, n, k, o))
FORWARD(cl_program, clCreateProgramWithSource,
        (cl_context c, cl_uint n, const char **s, const size_t *l, cl_int *e), (c, n, s, l, e))
FORWARD(cl_program, clCreateProgramWithBinary,
        (cl_context c, cl_uint n, const cl_device_id *d, const size_t *l, const unsigned char **b,
         cl_int *s, cl_int *e),
        (c, n, d, l, b, s, e))
FORWARD(cl_int, clBuildProgram,
        (cl_program p, cl_uint n, const cl_device_id *d, const char *o,
         void(CL_CALLBACK *f)(cl_program, void *), void *u),
        (p, n, d, o, f, u))
FORWARD(cl_command_queue, clCreateCommandQueue,
        (cl_context c, cl_device_id d, cl_command_queue_properties p, cl_int *e), (c, d, p, e))
FORWARD(cl_event, clCreateUserEvent, (cl_context c, cl_int *e), (c, e))
FORWARD(cl_context, clCreateContext,
        (const cl_context_properties *p, cl_uint n, const cl_device_id *d,
         void(CL_CALLBACK *f)(const char *, const void *, size_t, void *), void *u, cl_int *e),
        (p, n, d, f, u, e))
FORWARD(cl_sampler, clCreateSampler,
        (cl_context c, cl_bool n, cl_addressing_mode a, cl_filter_mode f, cl_int *e),
        (c, n, a, f, e))
#endif
