/* The plugin's one exported symbol, its table, and the life of an instance. */
#include <stdlib.h>

#include "opencl.h"

#define KNOWN_OPTIONS \
    "gemm=auto|clblast|own, class=auto|gpu|cpu (which kernels to use), cache=auto|on|off"

static int pick(const char *value, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(value, names[i]) == 0)
            return i;
    return -1;
}

static tnb_status parse_option(struct ocl_options *options, const tnb_kv *kv, tnb_error *err)
{
    static const char *const classes[] = {"auto", "gpu", "cpu"};
    static const char *const gemms[] = {"auto", "clblast", "own"};
    static const char *const caches[] = {"auto", "on", "off"};
    int choice = -1;
    if (strcmp(kv->key, "class") == 0) {
        if ((choice = pick(kv->value, classes, 3)) >= 0)
            options->device_class = (enum ocl_class)choice;
    } else if (strcmp(kv->key, "gemm") == 0) {
        if ((choice = pick(kv->value, gemms, 3)) >= 0)
            options->gemm = (enum ocl_gemm)choice;
    } else if (strcmp(kv->key, "cache") == 0) {
        if ((choice = pick(kv->value, caches, 3)) >= 0)
            options->cache = (enum ocl_cache)choice;
    } else {
        return ocl_fail(err, TNB_E_INVALID, 0,
                        "backend opencl has no option '%s'; it knows " KNOWN_OPTIONS, kv->key);
    }
    if (choice < 0)
        return ocl_fail(err, TNB_E_INVALID, 0,
                        "backend opencl: option %s does not take '%s'; it knows " KNOWN_OPTIONS,
                        kv->key, kv->value);
#ifndef OCL_HAVE_CLBLAST
    if (options->gemm == OCL_GEMM_CLBLAST)
        return ocl_fail(err, TNB_E_INVALID, 0,
                        "backend opencl: gemm=clblast, but it was built without CLBlast; "
                        "use gemm=own, or install libclblast-dev and build again");
#endif
    return TNB_OK;
}

static void instance_destroy(tnb_instance *instance)
{
    if (!instance)
        return;
    free(instance->desc);
    free(instance);
}

static tnb_status instance_create(const tnb_host *host, const tnb_kv *opts, uint32_t n_opts,
                                  tnb_instance **out_instance, tnb_error *err)
{
    tnb_instance *instance = calloc(1, sizeof(*instance));
    if (!instance)
        return ocl_fail(err, TNB_E_OOM, 0, "backend opencl: no host memory for an instance");
    size_t n_host =
        host->struct_size < sizeof(instance->host) ? host->struct_size : sizeof(instance->host);
    memcpy(&instance->host, host, n_host);
    tnb_status status = TNB_OK;
    for (uint32_t i = 0; i < n_opts && status == TNB_OK; i++)
        status = parse_option(&instance->options, &opts[i], err);
    if (status == TNB_OK)
        status = ocl_enumerate(instance, err);
    if (status != TNB_OK) {
        instance_destroy(instance);
        return status;
    }
    *out_instance = instance;
    return TNB_OK;
}

static const tnb_backend table = {
    .struct_size = sizeof(tnb_backend),
    .abi_major = TNB_ABI_MAJOR,
    .abi_minor = TNB_ABI_MINOR,
    .name = "opencl",
    .version = OCL_PLUGIN_VERSION,
    .create = instance_create,
    .destroy = instance_destroy,
    .device_count = ocl_device_count,
    .device_info = ocl_device_info,
    .device_open = ocl_device_open,
    .device_close = ocl_device_close,
    .buffer_alloc = ocl_buffer_alloc,
    .buffer_free = ocl_buffer_free,
    .supports = ocl_supports,
    .plan_create = ocl_plan_create,
    .plan_destroy = ocl_plan_destroy,
    .plan_bind = ocl_plan_bind,
    .event_create = ocl_event_create,
    .event_destroy = ocl_event_destroy,
    .event_wait = ocl_event_wait,
    .queue_create = ocl_queue_create,
    .queue_destroy = ocl_queue_destroy,
    .write = ocl_write,
    .read = ocl_read,
    .copy = ocl_copy,
    .fill = ocl_fill,
    .run = ocl_run,
    .signal = ocl_signal,
    .wait = ocl_wait,
    .flush = ocl_flush,
    .buffer_map = ocl_buffer_map,
    .buffer_unmap = ocl_buffer_unmap,
    .plan_times = ocl_plan_times,
    .facts = ocl_facts,
};

const tnb_backend *tenon_backend_entry_v0(uint32_t host_abi_minor, tnb_error *err)
{
    (void)host_abi_minor;
    (void)err;
    return &table;
}
