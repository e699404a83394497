/* Programs: built once per device, family and options; from the cache file where it has them. */
#include <stdio.h>
#include <stdlib.h>

#include "opencl.h"

#define CACHE_FORMAT 1

static const struct ocl_source *source_find(const char *name)
{
    for (size_t i = 0; i < ocl_n_sources; i++)
        if (strcmp(ocl_sources[i].name, name) == 0)
            return &ocl_sources[i];
    return NULL;
}

/* FNV-1a, 64 bits. Two of them with different seeds make the key of a program. */
static uint64_t hash_bytes(uint64_t hash, const void *data, size_t n)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash ^ (hash >> 29);
}

static void program_key(const tnb_device *device, const struct ocl_source *const src[2],
                        const char *options, uint64_t key[2])
{
    const struct ocl_desc *desc = device->desc;
    const char *texts[] = {options, desc->info.name, desc->info.driver, desc->driver_version,
                           desc->platform_version};
    for (uint32_t k = 0; k < 2; k++) {
        uint64_t hash = 0xcbf29ce484222325u + k * 0x9e3779b97f4a7c15u + CACHE_FORMAT;
        for (int i = 0; i < 2; i++)
            hash = hash_bytes(hash, src[i]->text, src[i]->n_bytes);
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
            hash = hash_bytes(hash, texts[i], strlen(texts[i]) + 1);
        key[k] = hash;
    }
}

static void full_options(const tnb_device *device, const char *options, char *buf, size_t size)
{
    /* oclgrind 21.10 widens vectors of i1 wrongly, so nothing asks it for vector loops */
    bool checker = (device->desc->info.caps & TNB_CAP_CHECKER) != 0;
    snprintf(buf, size, "-cl-std=CL1.2 -w %s%s%s -DMR=%u -DNR=%u %s",
             device->device_class == OCL_CLASS_CPU ? "-DCPU_CLASS" : "-DGPU_CLASS",
             device->desc->exact_divide ? " -cl-fp32-correctly-rounded-divide-sqrt" : "",
             checker ? " -DPLAIN_LOOPS" : "", device->mr, device->nr, options);
}

static cl_program load_binary(tnb_device *device, const uint64_t key[2], const char *options)
{
    size_t n_bytes = 0;
    unsigned char *data = ocl_store_get(device->store, key, &n_bytes);
    if (!data)
        return NULL;
    cl_int code = 0, binary_code = CL_SUCCESS;
    const unsigned char *const_data = data;
    cl_program program = clCreateProgramWithBinary(device->context, 1, &device->desc->id, &n_bytes,
                                                   &const_data, &binary_code, &code);
    free(data);
    if (program && (code != CL_SUCCESS || binary_code != CL_SUCCESS ||
                    clBuildProgram(program, 1, &device->desc->id, options, NULL, NULL))) {
        clReleaseProgram(program);
        program = NULL;
    }
    if (!program) {
        ocl_log(device->instance, TNB_LOG_INFO,
                "opencl: the driver refuses a cached program; building it again");
        ocl_store_drop(device->store, key);
    }
    return program;
}

static tnb_status build_failed(tnb_device *device, cl_program program, const char *family,
                               const char *options, cl_int code, tnb_error *err)
{
    char log[4096] = "";
    size_t n = 0;
    clGetProgramBuildInfo(program, device->desc->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &n);
    char *text = n ? malloc(n + 1) : NULL;
    if (text && clGetProgramBuildInfo(program, device->desc->id, CL_PROGRAM_BUILD_LOG, n, text,
                                      NULL) == CL_SUCCESS) {
        text[n] = '\0';
        snprintf(log, sizeof(log), "%s", text);
        ocl_log(device->instance, TNB_LOG_ERROR, "opencl: build log of %s: %s", family, text);
    }
    free(text);
    return ocl_fail(err, TNB_E_BUILD, code,
                    "kernels '%s' do not build on %s (%s), options '%s': %s\n%.500s", family,
                    device->desc->info.name, device->desc->info.driver, options,
                    ocl_error_name(code), log);
}

static tnb_status build_source(tnb_device *device, const struct ocl_source *const src[2],
                               const char *options, cl_program *out_program, tnb_error *err)
{
    const char *texts[2] = {(const char *)src[0]->text, (const char *)src[1]->text};
    size_t sizes[2] = {src[0]->n_bytes, src[1]->n_bytes};
    cl_int code = 0;
    cl_program program = clCreateProgramWithSource(device->context, 2, texts, sizes, &code);
    if (!program)
        return ocl_fail_cl(err, device, "clCreateProgramWithSource", code);
    code = clBuildProgram(program, 1, &device->desc->id, options, NULL, NULL);
    if (code != CL_SUCCESS) {
        tnb_status status = build_failed(device, program, src[1]->name, options, code, err);
        clReleaseProgram(program);
        return status;
    }
    *out_program = program;
    return TNB_OK;
}

static tnb_status program_build(tnb_device *device, struct ocl_program *entry, tnb_error *err)
{
    const struct ocl_source *src[2] = {source_find("common"), source_find(entry->family)};
    if (!src[0] || !src[1])
        return ocl_fail(err, TNB_E_INTERNAL, 0, "backend opencl has no kernel family '%s'",
                        entry->family);
    char options[384];
    full_options(device, entry->options, options, sizeof(options));
    program_key(device, src, options, entry->key);
    entry->stored = true;
    if (device->store) {
        entry->program = load_binary(device, entry->key, options);
        if (entry->program)
            return TNB_OK;
        entry->stored = false;
    }
    return build_source(device, src, options, &entry->program, err);
}

/* Drivers finish a program when its first kernel is made: only then is the binary worth keeping. */
static void program_store(tnb_device *device, struct ocl_program *entry)
{
    entry->stored = true;
    size_t n_bytes = 0;
    if (clGetProgramInfo(entry->program, CL_PROGRAM_BINARY_SIZES, sizeof(n_bytes), &n_bytes,
                         NULL) != CL_SUCCESS ||
        n_bytes == 0)
        return;
    unsigned char *data = malloc(n_bytes);
    if (data && clGetProgramInfo(entry->program, CL_PROGRAM_BINARIES, sizeof(data), &data, NULL) ==
                    CL_SUCCESS)
        ocl_store_put(device->store, entry->key, data, n_bytes);
    free(data);
}

static tnb_status program_get(tnb_device *device, const char *family, const char *options,
                              struct ocl_program **out_entry, tnb_error *err)
{
    for (struct ocl_program *at = device->programs; at; at = at->next)
        if (strcmp(at->family, family) == 0 && strcmp(at->options, options) == 0) {
            *out_entry = at;
            return TNB_OK;
        }
    struct ocl_program *entry = calloc(1, sizeof(*entry));
    if (!entry)
        return ocl_fail(err, TNB_E_OOM, 0, "backend opencl: no host memory for a program");
    snprintf(entry->family, sizeof(entry->family), "%s", family);
    snprintf(entry->options, sizeof(entry->options), "%s", options);
    tnb_status status = program_build(device, entry, err);
    if (status != TNB_OK) {
        free(entry);
        return status;
    }
    entry->next = device->programs;
    device->programs = entry;
    *out_entry = entry;
    return TNB_OK;
}

tnb_status ocl_kernel_create(tnb_device *device, const char *family, const char *options,
                             const char *name, cl_kernel *out_kernel, tnb_error *err)
{
    struct ocl_program *entry = NULL;
    pthread_mutex_lock(&device->lock);
    tnb_status status = program_get(device, family, options, &entry, err);
    if (status == TNB_OK) {
        cl_int code = 0;
        cl_kernel kernel = clCreateKernel(entry->program, name, &code);
        if (!kernel) {
            char call[96];
            snprintf(call, sizeof(call), "clCreateKernel(%s of %s)", name, family);
            status = ocl_fail_cl(err, device, call, code);
        } else {
            *out_kernel = kernel;
            if (!entry->stored)
                program_store(device, entry);
        }
    }
    pthread_mutex_unlock(&device->lock);
    return status;
}

void ocl_programs_release(tnb_device *device)
{
    while (device->programs) {
        struct ocl_program *entry = device->programs;
        device->programs = entry->next;
        clReleaseProgram(entry->program);
        free(entry);
    }
}
