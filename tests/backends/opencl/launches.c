/* Notes which kernels a test program launches. Linked into the program and exported, so that the
 * plugin's calls come here first and go on to the driver. OCL_TEST_LAUNCHES names a file, to which
 * lines are added at the end:
 *   kernel HASH NAME     a kernel of a program that was built; HASH is of its .cl file's text
 *   ran HASH NAME N      it was launched; N is the smallest number of work-items
 * A kernel counts anew for each set of build options, which may make another program of it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT */
#endif
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launches.h"

#define MAX_PROGRAMS 2048
#define MAX_KERNELS 8192

struct launched {
    uint64_t source, options;
    char name[96];
    size_t n_items; /* 0: never */
};
static struct {
    struct {
        cl_program handle;
        uint64_t source, options;
    } programs[MAX_PROGRAMS];
    struct launched kernels[MAX_KERNELS];
    size_t n_programs, n_kernels;
    struct noted_case now;
    int dry;
} noted;

static void *next(const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    if (!symbol) {
        fprintf(stderr, "no %s behind this one\n", name);
        exit(1);
    }
    return symbol;
}

/* FNV-1a */
static uint64_t hash(const char *text, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
    return h;
}

static struct launched *find(uint64_t source, uint64_t options, const char *name, size_t n)
{
    for (size_t i = 0; i < noted.n_kernels; i++) {
        struct launched *k = &noted.kernels[i];
        if (k->source == source && k->options == options && strlen(k->name) == n &&
            strncmp(k->name, name, n) == 0)
            return k;
    }
    if (noted.n_kernels == MAX_KERNELS || n >= sizeof(noted.kernels[0].name)) {
        fprintf(stderr, "too many kernels to note\n");
        exit(1);
    }
    struct launched *k = &noted.kernels[noted.n_kernels++];
    k->source = source;
    k->options = options;
    memcpy(k->name, name, n);
    return k;
}

/* Its position in noted.programs, n_programs if it is none of them. */
static size_t place_of(cl_program program)
{
    /* The last one: a driver gives the handle of a released program out again. */
    for (size_t i = noted.n_programs; i-- > 0;)
        if (noted.programs[i].handle == program)
            return i;
    return noted.n_programs;
}

void noted_begin(int dry)
{
    noted.dry = dry;
    noted.now.n = noted.now.n_items = noted.now.largest = 0;
}

const struct noted_case *noted_end(void)
{
    noted.dry = 0;
    return &noted.now;
}

size_t noted_count(void)
{
    return noted.n_kernels;
}

static void note_launch(size_t kernel, size_t n_items)
{
    struct noted_case *now = &noted.now;
    size_t i = 0;
    while (i < now->n && now->kernels[i] != kernel)
        i++;
    if (i == now->n && now->n < NOTED_MAX)
        now->kernels[now->n++] = kernel;
    now->n_items += n_items;
    now->largest = n_items > now->largest ? n_items : now->largest;
}

static void write_notes(void)
{
    const char *path = getenv("OCL_TEST_LAUNCHES");
    FILE *file = path ? fopen(path, "a") : NULL;
    for (size_t i = 0; file && i < noted.n_kernels; i++) {
        const struct launched *k = &noted.kernels[i];
        fprintf(file, "kernel %016llx %s\n", (unsigned long long)k->source, k->name);
        if (k->n_items)
            fprintf(file, "ran %016llx %s %zu\n", (unsigned long long)k->source, k->name,
                    k->n_items);
    }
    if (file)
        fclose(file);
}

CL_API_ENTRY cl_program CL_API_CALL clCreateProgramWithSource(cl_context context, cl_uint count,
                                                              const char **strings,
                                                              const size_t *lengths,
                                                              cl_int *errcode_ret)
{
    cl_program (*call)(cl_context, cl_uint, const char **, const size_t *, cl_int *);
    void *symbol = next("clCreateProgramWithSource");
    memcpy(&call, &symbol, sizeof(call));
    cl_program program = call(context, count, strings, lengths, errcode_ret);
    if (noted.n_programs == 0)
        atexit(write_notes);
    if (program && lengths && noted.n_programs < MAX_PROGRAMS) {
        noted.programs[noted.n_programs].handle = program;
        noted.programs[noted.n_programs].options = 0;
        noted.programs[noted.n_programs++].source = hash(strings[count - 1], lengths[count - 1]);
    }
    return program;
}

CL_API_ENTRY cl_int CL_API_CALL clBuildProgram(cl_program program, cl_uint n_devices,
                                               const cl_device_id *devices, const char *options,
                                               void(CL_CALLBACK *done)(cl_program, void *),
                                               void *user_data)
{
    cl_int (*call)(cl_program, cl_uint, const cl_device_id *, const char *,
                   void(CL_CALLBACK *)(cl_program, void *), void *);
    void *symbol = next("clBuildProgram");
    memcpy(&call, &symbol, sizeof(call));
    size_t at = place_of(program);
    if (at < noted.n_programs)
        noted.programs[at].options = hash(options, strlen(options));
    return call(program, n_devices, devices, options, done, user_data);
}

CL_API_ENTRY cl_kernel CL_API_CALL clCreateKernel(cl_program program, const char *kernel_name,
                                                  cl_int *errcode_ret)
{
    char names[16384] = "";
    cl_kernel (*call)(cl_program, const char *, cl_int *);
    void *symbol = next("clCreateKernel");
    memcpy(&call, &symbol, sizeof(call));
    size_t place = place_of(program);
    if (place < noted.n_programs && clGetProgramInfo(program, CL_PROGRAM_KERNEL_NAMES,
                                                     sizeof(names), names, NULL) == CL_SUCCESS) {
        for (const char *at = names; *at;) {
            size_t n = strcspn(at, ";");
            find(noted.programs[place].source, noted.programs[place].options, at, n);
            at += n + (at[n] == ';');
        }
    }
    return call(program, kernel_name, errcode_ret);
}

CL_API_ENTRY cl_int CL_API_CALL clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel,
                                                       cl_uint dim, const size_t *offset,
                                                       const size_t *global, const size_t *local,
                                                       cl_uint n_events, const cl_event *events,
                                                       cl_event *event)
{
    char name[96] = "";
    cl_program program = NULL;
    size_t n_items = 1;
    cl_int (*call)(cl_command_queue, cl_kernel, cl_uint, const size_t *, const size_t *,
                   const size_t *, cl_uint, const cl_event *, cl_event *);
    void *symbol = next("clEnqueueNDRangeKernel");
    memcpy(&call, &symbol, sizeof(call));
    clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, sizeof(name), name, NULL);
    clGetKernelInfo(kernel, CL_KERNEL_PROGRAM, sizeof(program), &program, NULL);
    for (cl_uint d = 0; d < dim; d++)
        n_items *= global[d];
    size_t at = place_of(program);
    if (at < noted.n_programs) {
        struct launched *k =
            find(noted.programs[at].source, noted.programs[at].options, name, strlen(name));
        note_launch((size_t)(k - noted.kernels), n_items);
        if (!noted.dry && (!k->n_items || n_items < k->n_items))
            k->n_items = n_items;
    }
    if (noted.dry)
        return CL_SUCCESS;
    return call(queue, kernel, dim, offset, global, local, n_events, events, event);
}
