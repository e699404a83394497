#include <stdlib.h>

#include "opencl.h"

tnb_status ocl_device_count(tnb_instance *instance, uint32_t *out_count, tnb_error *err)
{
    (void)err;
    *out_count = instance->n_desc;
    return TNB_OK;
}

static tnb_status check_index(tnb_instance *instance, uint32_t index, tnb_error *err)
{
    if (index < instance->n_desc)
        return TNB_OK;
    return ocl_fail(err, TNB_E_INVALID, 0, "backend opencl has %u devices; there is no index %u",
                    instance->n_desc, index);
}

tnb_status ocl_device_info(tnb_instance *instance, uint32_t index, tnb_device_info *out_info,
                           tnb_error *err)
{
    tnb_status status = check_index(instance, index, err);
    if (status != TNB_OK)
        return status;
    uint32_t size = out_info->struct_size;
    size_t n = size < sizeof(*out_info) ? size : sizeof(*out_info);
    memcpy(out_info, &instance->desc[index].info, n);
    out_info->struct_size = size;
    return TNB_OK;
}

static void choose_kernels(tnb_device *device)
{
    const struct ocl_options *options = &device->instance->options;
    const struct ocl_desc *desc = device->desc;
    device->device_class = options->device_class;
    if (device->device_class == OCL_CLASS_AUTO)
        device->device_class = desc->natural_class;
    device->gemm = options->gemm;
#ifndef OCL_HAVE_CLBLAST
    device->gemm = OCL_GEMM_OWN;
#endif
    if (device->gemm == OCL_GEMM_AUTO)
        device->gemm = desc->info.kind == TNB_DEVICE_GPU ? OCL_GEMM_CLBLAST : OCL_GEMM_OWN;
    /* 16 accumulators of one AVX-512 register, or 8 of two AVX2 registers each. */
    device->mr = desc->native_width >= 16 ? 8 : 4;
    device->nr = desc->native_width >= 16 ? 32 : 16;
}

tnb_status ocl_device_open(tnb_instance *instance, uint32_t index, tnb_device **out_device,
                           tnb_error *err)
{
    tnb_status status = check_index(instance, index, err);
    if (status != TNB_OK)
        return status;
    tnb_device *device = calloc(1, sizeof(*device));
    if (!device)
        return ocl_fail(err, TNB_E_OOM, 0, "backend opencl: no host memory for a device");
    device->instance = instance;
    device->desc = &instance->desc[index];
    choose_kernels(device);
    pthread_mutex_init(&device->lock, NULL);
    cl_context_properties props[] = {CL_CONTEXT_PLATFORM,
                                     (cl_context_properties)device->desc->platform, 0};
    cl_int code = 0;
    device->context = clCreateContext(props, 1, &device->desc->id, NULL, NULL, &code);
    if (!device->context) {
        status = ocl_fail_cl(err, device, "clCreateContext", code);
        goto fail;
    }
    device->side_queue = clCreateCommandQueue(device->context, device->desc->id, 0, &code);
    if (!device->side_queue) {
        status = ocl_fail_cl(err, device, "clCreateCommandQueue", code);
        goto fail;
    }
    /* PoCL has a cache of its own, and asking it for a binary costs a second compilation. */
    if (instance->options.cache == OCL_CACHE_ON ||
        (instance->options.cache == OCL_CACHE_AUTO && !device->desc->is_pocl))
        device->store = ocl_store_open(instance);
    *out_device = device;
    return TNB_OK;

fail:
    ocl_device_close(device);
    return status;
}

void ocl_device_close(tnb_device *device)
{
    if (!device)
        return;
    ocl_programs_release(device);
    ocl_store_close(&device->store);
    if (device->side_queue)
        clReleaseCommandQueue(device->side_queue);
    if (device->context)
        clReleaseContext(device->context);
    pthread_mutex_destroy(&device->lock);
    free(device);
}
