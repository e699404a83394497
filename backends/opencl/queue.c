/* In-order queues and transfers. Only a TNB_HOST_NOW transfer waits. */
#include <stdlib.h>

#include "opencl.h"

tnb_status ocl_queue_create(tnb_device *device, uint32_t flags, tnb_queue **out_queue,
                            tnb_error *err)
{
    tnb_queue *queue = calloc(1, sizeof(*queue));
    if (!queue)
        return ocl_fail(err, TNB_E_OOM, 0, "backend opencl: no host memory for a queue");
    queue->device = device;
    queue->profile = (flags & TNB_QUEUE_PROFILE) != 0;
    cl_int code = 0;
    queue->queue = clCreateCommandQueue(device->context, device->desc->id,
                                        queue->profile ? CL_QUEUE_PROFILING_ENABLE : 0, &code);
    if (!queue->queue) {
        free(queue);
        return ocl_fail_cl(err, device, "clCreateCommandQueue", code);
    }
    *out_queue = queue;
    return TNB_OK;
}

void ocl_queue_destroy(tnb_queue *queue)
{
    if (!queue)
        return;
    clFinish(queue->queue);
    clReleaseCommandQueue(queue->queue);
    free(queue);
}

static tnb_status check_span(const tnb_queue *queue, const tnb_span *span, tnb_error *err)
{
    const tnb_buffer *buffer = span->buffer;
    if (!buffer || buffer->device != queue->device || span->offset > buffer->size ||
        span->size > buffer->size - span->offset)
        return ocl_fail(err, TNB_E_INVALID, 0,
                        "backend opencl: a transfer of %llu bytes at offset %llu lies outside its "
                        "buffer or on another device",
                        (unsigned long long)span->size, (unsigned long long)span->offset);
    return TNB_OK;
}

tnb_status ocl_write(tnb_queue *queue, tnb_span dst, const void *src, uint32_t host_rule,
                     tnb_error *err)
{
    if (dst.size == 0)
        return TNB_OK;
    tnb_status status = check_span(queue, &dst, err);
    if (status != TNB_OK)
        return status;
    cl_int code =
        clEnqueueWriteBuffer(queue->queue, dst.buffer->mem, host_rule != TNB_HOST_UNTIL_DONE,
                             dst.offset, dst.size, src, 0, NULL, NULL);
    return code == CL_SUCCESS ? TNB_OK
                              : ocl_fail_cl(err, queue->device, "clEnqueueWriteBuffer", code);
}

tnb_status ocl_read(tnb_queue *queue, tnb_span src, void *dst, uint32_t host_rule, tnb_error *err)
{
    if (src.size == 0)
        return TNB_OK;
    tnb_status status = check_span(queue, &src, err);
    if (status != TNB_OK)
        return status;
    cl_int code =
        clEnqueueReadBuffer(queue->queue, src.buffer->mem, host_rule != TNB_HOST_UNTIL_DONE,
                            src.offset, src.size, dst, 0, NULL, NULL);
    return code == CL_SUCCESS ? TNB_OK
                              : ocl_fail_cl(err, queue->device, "clEnqueueReadBuffer", code);
}

tnb_status ocl_copy(tnb_queue *queue, tnb_span dst, tnb_span src, tnb_error *err)
{
    if (src.size != dst.size)
        return ocl_fail(err, TNB_E_INVALID, 0, "backend opencl: copy of %llu bytes into %llu",
                        (unsigned long long)src.size, (unsigned long long)dst.size);
    if (src.size == 0 || (src.buffer == dst.buffer && src.offset == dst.offset))
        return TNB_OK;
    tnb_status status = check_span(queue, &dst, err);
    if (status == TNB_OK)
        status = check_span(queue, &src, err);
    if (status != TNB_OK)
        return status;
    cl_int code = clEnqueueCopyBuffer(queue->queue, src.buffer->mem, dst.buffer->mem, src.offset,
                                      dst.offset, src.size, 0, NULL, NULL);
    return code == CL_SUCCESS ? TNB_OK
                              : ocl_fail_cl(err, queue->device, "clEnqueueCopyBuffer", code);
}

tnb_status ocl_fill(tnb_queue *queue, tnb_span dst, uint64_t pattern, uint32_t width,
                    tnb_error *err)
{
    if ((width != 1 && width != 2 && width != 4 && width != 8) || dst.size % width)
        return ocl_fail(err, TNB_E_INVALID, 0,
                        "backend opencl: fill of %llu bytes by a pattern of %u",
                        (unsigned long long)dst.size, width);
    if (dst.size == 0)
        return TNB_OK;
    tnb_status status = check_span(queue, &dst, err);
    if (status != TNB_OK)
        return status;
    cl_int code = clEnqueueFillBuffer(queue->queue, dst.buffer->mem, &pattern, width, dst.offset,
                                      dst.size, 0, NULL, NULL);
    return code == CL_SUCCESS ? TNB_OK
                              : ocl_fail_cl(err, queue->device, "clEnqueueFillBuffer", code);
}

tnb_status ocl_flush(tnb_queue *queue, tnb_error *err)
{
    cl_int code = clFlush(queue->queue);
    return code == CL_SUCCESS ? TNB_OK : ocl_fail_cl(err, queue->device, "clFlush", code);
}
