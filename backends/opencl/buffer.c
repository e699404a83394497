#include <stdlib.h>

#include "opencl.h"

tnb_status ocl_buffer_alloc(tnb_device *device, uint64_t size, uint32_t kind,
                            tnb_buffer **out_buffer, tnb_error *err)
{
    const tnb_device_info *info = &device->desc->info;
    if (info->max_alloc && size > info->max_alloc)
        return ocl_fail(err, TNB_E_OOM, 0,
                        "%s: one buffer of %llu bytes is more than its driver allows (%llu); use "
                        "a smaller batch",
                        info->name, (unsigned long long)size, (unsigned long long)info->max_alloc);
    tnb_buffer *buffer = calloc(1, sizeof(*buffer));
    if (!buffer)
        return ocl_fail(err, TNB_E_OOM, 0, "backend opencl: no host memory for a buffer");
    buffer->device = device;
    buffer->size = size;
    cl_mem_flags flags = CL_MEM_READ_WRITE;
    if (kind == TNB_BUFFER_STAGING || (info->caps & TNB_CAP_HOST_MEMORY))
        flags |= CL_MEM_ALLOC_HOST_PTR;
    cl_int code = 0;
    buffer->mem = clCreateBuffer(device->context, flags, size ? size : 4, NULL, &code);
    if (!buffer->mem) {
        free(buffer);
        if (code == CL_OUT_OF_RESOURCES)
            code = CL_MEM_OBJECT_ALLOCATION_FAILURE;
        return ocl_fail_cl(err, device, "clCreateBuffer", code);
    }
    *out_buffer = buffer;
    return TNB_OK;
}

void ocl_buffer_free(tnb_buffer *buffer)
{
    if (!buffer)
        return;
    clReleaseMemObject(buffer->mem);
    free(buffer);
}

tnb_status ocl_buffer_map(tnb_buffer *buffer, void **out_ptr, tnb_error *err)
{
    tnb_device *device = buffer->device;
    if (buffer->mapped)
        return ocl_fail(err, TNB_E_INVALID, 0, "backend opencl: the buffer is mapped already");
    cl_int code = 0;
    pthread_mutex_lock(&device->lock);
    buffer->mapped =
        clEnqueueMapBuffer(device->side_queue, buffer->mem, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0,
                           buffer->size ? buffer->size : 4, 0, NULL, NULL, &code);
    pthread_mutex_unlock(&device->lock);
    if (!buffer->mapped)
        return ocl_fail_cl(err, device, "clEnqueueMapBuffer", code);
    *out_ptr = buffer->mapped;
    return TNB_OK;
}

tnb_status ocl_buffer_unmap(tnb_buffer *buffer, tnb_error *err)
{
    tnb_device *device = buffer->device;
    if (!buffer->mapped)
        return ocl_fail(err, TNB_E_INVALID, 0, "backend opencl: the buffer is not mapped");
    pthread_mutex_lock(&device->lock);
    cl_int code =
        clEnqueueUnmapMemObject(device->side_queue, buffer->mem, buffer->mapped, 0, NULL, NULL);
    if (code == CL_SUCCESS)
        code = clFinish(device->side_queue);
    pthread_mutex_unlock(&device->lock);
    buffer->mapped = NULL;
    return code == CL_SUCCESS ? TNB_OK : ocl_fail_cl(err, device, "clEnqueueUnmapMemObject", code);
}
