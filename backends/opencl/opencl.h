/* The opencl backend's own types: one instance, its devices, queues, buffers, events, programs.
 *
 * Written strictly against tenon/backend.h. A device holds one cl_context and one lock (programs,
 * list of events); queues are in order and belong to one thread at a time. */
#ifndef TENON_OPENCL_H
#define TENON_OPENCL_H

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "tenon/backend.h"

#if defined(__GNUC__)
#define OCL_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define OCL_PRINTF(a, b)
#endif

/* Which kernels suit the device: work-groups with local memory and barriers, or barrier-free loops
 * with explicit vectors, one work-item per work-group. */
enum ocl_class { OCL_CLASS_AUTO = 0, OCL_CLASS_GPU, OCL_CLASS_CPU };
enum ocl_gemm { OCL_GEMM_AUTO = 0, OCL_GEMM_CLBLAST, OCL_GEMM_OWN };
enum ocl_tiles { OCL_TILES_UNKNOWN = 0, OCL_TILES_YES, OCL_TILES_NO };
enum ocl_cache { OCL_CACHE_AUTO = 0, OCL_CACHE_ON, OCL_CACHE_OFF };

struct ocl_options {
    enum ocl_class device_class;
    enum ocl_gemm gemm;
    enum ocl_cache cache;
};

/* What enumeration found out about one device. */
struct ocl_desc {
    cl_platform_id platform;
    cl_device_id id;
    tnb_device_info info;
    enum ocl_class natural_class;
    bool is_pocl;
    uint32_t n_units, native_width; /* native_width: floats per vector */
    size_t max_group;
    uint64_t local_bytes;
    bool exact_divide;
    char platform_version[128], driver_version[128];
};

struct tnb_instance {
    tnb_host host;
    struct ocl_options options;
    struct ocl_desc *desc;
    uint32_t n_desc;
};

/* A built program, found again by family and options. Owned by the device. */
struct ocl_program {
    struct ocl_program *next;
    char family[32], options[192];
    cl_program program;
    bool stored; /* in the cache file, or not wanted there */
    uint64_t key[2];
};

struct ocl_store; /* the cache file: cache.c */

struct tnb_device {
    tnb_instance *instance;
    const struct ocl_desc *desc;
    enum ocl_class device_class;
    enum ocl_gemm gemm;
    _Atomic(enum ocl_tiles) tiles; /* asked once, see ocl_use_tiles */
    uint32_t mr, nr;               /* register tile of the barrier-free GEMM */
    cl_context context;
    cl_command_queue side_queue; /* for map and unmap, under `lock` */
    pthread_mutex_t lock;
    struct ocl_program *programs;
    struct ocl_store *store;
    tnb_event *events; /* live ones, so that a foreign event is told apart without touching it */
};

struct tnb_buffer {
    tnb_device *device;
    cl_mem mem;
    uint64_t size;
    void *mapped;
};

struct tnb_queue {
    tnb_device *device;
    cl_command_queue queue;
    bool profile;
};

/* errors.c */
tnb_status ocl_fail(tnb_error *err, tnb_status code, int64_t native, const char *fmt, ...)
    OCL_PRINTF(4, 5);
/* "clFinish failed on <device>: CL_OUT_OF_RESOURCES (-5)", with a fitting code. */
tnb_status ocl_fail_cl(tnb_error *err, const tnb_device *device, const char *call, cl_int native);
const char *ocl_error_name(cl_int code);
void ocl_log(const tnb_instance *instance, uint32_t level, const char *fmt, ...) OCL_PRINTF(3, 4);

/* facts.c */
tnb_status ocl_facts(tnb_instance *instance, const tnb_fact_sink *sink, tnb_error *err);

/* platform.c. "" where the driver does not answer. */
void ocl_device_text(cl_device_id id, cl_device_info what, char *buf, size_t size);
void ocl_platform_text(cl_platform_id id, cl_platform_info what, char *buf, size_t size);
/* 0 where the driver does not answer. */
uint64_t ocl_device_number(cl_device_id id, cl_device_info what, size_t size);
/* NULL, or why neither the platform nor this device of it can be used. */
const char *ocl_platform_fault(cl_platform_id platform);
const char *ocl_device_fault(cl_device_id id);
/* platform.c: fills instance->desc; finding nothing is no error. */
tnb_status ocl_enumerate(tnb_instance *instance, tnb_error *err);

/* device.c */
tnb_status ocl_device_count(tnb_instance *instance, uint32_t *out_count, tnb_error *err);
tnb_status ocl_device_info(tnb_instance *instance, uint32_t index, tnb_device_info *out_info,
                           tnb_error *err);
tnb_status ocl_device_open(tnb_instance *instance, uint32_t index, tnb_device **out_device,
                           tnb_error *err);
void ocl_device_close(tnb_device *device);

/* buffer.c */
tnb_status ocl_buffer_alloc(tnb_device *device, uint64_t size, uint32_t kind,
                            tnb_buffer **out_buffer, tnb_error *err);
void ocl_buffer_free(tnb_buffer *buffer);
tnb_status ocl_buffer_map(tnb_buffer *buffer, void **out_ptr, tnb_error *err);
tnb_status ocl_buffer_unmap(tnb_buffer *buffer, tnb_error *err);

/* queue.c */
tnb_status ocl_queue_create(tnb_device *device, uint32_t flags, tnb_queue **out_queue,
                            tnb_error *err);
void ocl_queue_destroy(tnb_queue *queue);
tnb_status ocl_write(tnb_queue *queue, tnb_span dst, const void *src, uint32_t host_rule,
                     tnb_error *err);
tnb_status ocl_read(tnb_queue *queue, tnb_span src, void *dst, uint32_t host_rule, tnb_error *err);
tnb_status ocl_copy(tnb_queue *queue, tnb_span dst, tnb_span src, tnb_error *err);
tnb_status ocl_fill(tnb_queue *queue, tnb_span dst, uint64_t pattern, uint32_t width,
                    tnb_error *err);
tnb_status ocl_flush(tnb_queue *queue, tnb_error *err);

/* event.c */
tnb_status ocl_event_create(tnb_device *device, tnb_event **out_event, tnb_error *err);
void ocl_event_destroy(tnb_event *event);
tnb_status ocl_event_wait(tnb_event *event, uint64_t value, uint64_t timeout_ns, tnb_error *err);
tnb_status ocl_signal(tnb_queue *queue, tnb_event *event, uint64_t value, tnb_error *err);
tnb_status ocl_wait(tnb_queue *queue, tnb_event *event, uint64_t value, tnb_error *err);

/* program.c. A new kernel object of the family's program, built with `options` ("" or "-DT=int")
 * after the device's own; TNB_E_BUILD carries the build log. Any thread. */
tnb_status ocl_kernel_create(tnb_device *device, const char *family, const char *options,
                             const char *name, cl_kernel *out_kernel, tnb_error *err);
void ocl_programs_release(tnb_device *device);

/* kernels.c, made by embed.py from kernels/<name>.cl */
struct ocl_source {
    const char *name;
    const unsigned char *text;
    size_t n_bytes;
};
extern const struct ocl_source ocl_sources[];
extern const size_t ocl_n_sources;

/* cache.c. The program cache: a SQLite file in the host's folder. Every failure means a slower
 * start and nothing else, so nothing here returns a status. NULL store: no cache. */
struct ocl_store *ocl_store_open(const tnb_instance *instance);
void ocl_store_close(struct ocl_store **store);
/* malloc'ed binary, or NULL. */
void *ocl_store_get(struct ocl_store *store, const uint64_t key[2], size_t *out_bytes);
void ocl_store_put(struct ocl_store *store, const uint64_t key[2], const void *data,
                   size_t n_bytes);
/* Programs kept; -1 where the file cannot be read. */
int64_t ocl_store_count(struct ocl_store *store);
void ocl_store_drop(struct ocl_store *store, const uint64_t key[2]);

/* plan.c */
tnb_status ocl_supports(tnb_device *device, const tnb_graph *graph, uint32_t node,
                        tnb_support *out_support, tnb_error *err);
tnb_status ocl_plan_create(tnb_device *device, const tnb_graph *graph, const tnb_segment *segment,
                           uint64_t *out_workspace, tnb_plan **out_plan, tnb_error *err);
void ocl_plan_destroy(tnb_plan *plan);
tnb_status ocl_plan_bind(tnb_plan *plan, const tnb_span *spans, uint32_t n_spans,
                         tnb_span workspace, tnb_error *err);
tnb_status ocl_run(tnb_queue *queue, tnb_plan *plan, tnb_error *err);
tnb_status ocl_plan_times(tnb_plan *plan, uint64_t *out_ns, uint32_t n_nodes, tnb_error *err);

#endif
