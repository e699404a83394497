/* What helps to find the reason of a fault: platforms, drivers, limits, extensions, the cache. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "opencl.h"

#define MAX_PLATFORMS 32
#define MAX_DEVICES 64

struct facts {
    const tnb_fact_sink *sink;
    uint32_t device;
};

static void say(const struct facts *f, const char *key, const char *fmt, ...) OCL_PRINTF(3, 4);
static void say(const struct facts *f, const char *key, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    f->sink->fact(f->sink->ctx, f->device, key, text);
}

/* --- platforms --- */

static void tell_skipped(const struct facts *f, cl_platform_id platform, const char *name)
{
    cl_device_id ids[MAX_DEVICES];
    cl_uint n = 0;
    cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, MAX_DEVICES, ids, &n);
    if (code != CL_SUCCESS || n == 0)
        say(f, "skipped platform", "%s: it offers no device (%s)%s", name,
            ocl_error_name(code ? code : CL_DEVICE_NOT_FOUND),
            strcmp(name, "rusticl") == 0
                ? "; RUSTICL_ENABLE names the drivers that it may use: radeonsi, iris, llvmpipe"
                : "");
    for (cl_uint i = 0; code == CL_SUCCESS && i < n && i < MAX_DEVICES; i++) {
        char device[128];
        const char *fault = ocl_device_fault(ids[i]);
        ocl_device_text(ids[i], CL_DEVICE_NAME, device, sizeof(device));
        if (fault)
            say(f, "skipped device", "%s of %s: %s", device, name, fault);
    }
}

static void tell_platform(const struct facts *f, cl_platform_id platform)
{
    char name[128], version[128], vendor[128];
    const char *fault = ocl_platform_fault(platform);
    ocl_platform_text(platform, CL_PLATFORM_NAME, name, sizeof(name));
    ocl_platform_text(platform, CL_PLATFORM_VERSION, version, sizeof(version));
    ocl_platform_text(platform, CL_PLATFORM_VENDOR, vendor, sizeof(vendor));
    if (fault) {
        say(f, "skipped platform", "%s (%s): %s", name, version, fault);
        return;
    }
    say(f, "platform", "%s, %s, of %s", name, version, vendor);
    tell_skipped(f, platform, name);
}

static void tell_platforms(const struct facts *f)
{
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint n = 0;
    cl_int code = clGetPlatformIDs(MAX_PLATFORMS, platforms, &n);
    if (code != CL_SUCCESS || n == 0)
        say(f, "platforms",
            "none (code %d): no driver has put an .icd file into "
            "/etc/OpenCL/vendors",
            (int)code);
    for (cl_uint i = 0; code == CL_SUCCESS && i < n && i < MAX_PLATFORMS; i++)
        tell_platform(f, platforms[i]);
}

/* --- the cache --- */

static void tell_cache(const struct facts *f, const tnb_instance *instance)
{
#ifdef OCL_HAVE_SQLITE
    struct ocl_store *store = ocl_store_open(instance);
    char path[1100];
    struct stat st;
    if (!instance->host.cache_dir) {
        say(f, "program cache", "none: no cache folder is known");
        return;
    }
    snprintf(path, sizeof(path), "%s/programs.sqlite", instance->host.cache_dir);
    if (!store)
        say(f, "program cache", "%s cannot be used: every start builds all kernels", path);
    else if (stat(path, &st) == 0)
        say(f, "program cache", "%s, %lld programs, %.1f MB%s", path,
            (long long)ocl_store_count(store), (double)st.st_size / 1e6,
            access(path, W_OK) == 0 ? "" : ", read-only");
    ocl_store_close(&store);
#else
    (void)instance;
    say(f, "program cache", "none: this backend was built without SQLite");
#endif
}

/* --- devices --- */

static void tell_extensions(const struct facts *f, cl_device_id id)
{
    static const char *const wanted[] = {"cl_khr_fp16",         "cl_khr_fp64",
                                         "cl_khr_subgroups",    "cl_intel_subgroups",
                                         "cl_khr_pci_bus_info", "cl_khr_device_uuid",
                                         "cl_khr_il_program",   "cl_khr_integer_dot_product"};
    char all[8192], list[512] = "";
    ocl_device_text(id, CL_DEVICE_EXTENSIONS, all, sizeof(all));
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        size_t at = strlen(list);
        if (strstr(all, wanted[i]))
            snprintf(list + at, sizeof(list) - at, "%s%s", at ? " " : "", wanted[i]);
    }
    say(f, "extensions", "%s", list[0] ? list : "none of those that would be used");
}

static void tell_floats(const struct facts *f, cl_device_id id)
{
    uint64_t fp = ocl_device_number(id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof(cl_device_fp_config));
    say(f, "f32", "%s%s%s%s", fp & CL_FP_DENORM ? "denormals" : "no denormals",
        fp & CL_FP_INF_NAN ? ", infinities and NaN" : ", no infinities or NaN",
        fp & CL_FP_FMA ? ", fused multiply-add" : "",
        fp & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT ? ", exact division" : "");
}

static void tell_device(const struct facts *f, const struct ocl_desc *desc)
{
    char version[128], c_version[128];
    ocl_device_text(desc->id, CL_DEVICE_VERSION, version, sizeof(version));
    ocl_device_text(desc->id, CL_DEVICE_OPENCL_C_VERSION, c_version, sizeof(c_version));
    say(f, "version", "%s, compiles %s", version, c_version);
    say(f, "kernels", "%s",
        desc->natural_class == OCL_CLASS_GPU ? "work-groups with local memory"
                                             : "barrier-free loops with explicit vectors");
    say(f, "limits",
        "%u compute units, work-groups of up to %zu, %llu KiB of local memory, "
        "allocations of up to %llu MiB",
        desc->n_units, desc->max_group, (unsigned long long)desc->local_bytes >> 10,
        (unsigned long long)desc->info.max_alloc >> 20);
    tell_floats(f, desc->id);
    tell_extensions(f, desc->id);
}

tnb_status ocl_facts(tnb_instance *instance, const tnb_fact_sink *sink, tnb_error *err)
{
    struct facts f = {sink, TNB_ABSENT};
    (void)err;
    tell_platforms(&f);
    tell_cache(&f, instance);
    for (f.device = 0; f.device < instance->n_desc; f.device++)
        tell_device(&f, &instance->desc[f.device]);
    return TNB_OK;
}
