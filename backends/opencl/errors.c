#include <stdarg.h>
#include <stdio.h>

#include "opencl.h"

tnb_status ocl_fail(tnb_error *err, tnb_status code, int64_t native, const char *fmt, ...)
{
    if (!err)
        return code;
    err->code = code;
    err->native = native;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->msg, sizeof(err->msg), fmt, args);
    va_end(args);
    return code;
}

const char *ocl_error_name(cl_int code)
{
    switch (code) {
    case CL_DEVICE_NOT_FOUND:
        return "CL_DEVICE_NOT_FOUND";
    case CL_DEVICE_NOT_AVAILABLE:
        return "CL_DEVICE_NOT_AVAILABLE";
    case CL_COMPILER_NOT_AVAILABLE:
        return "CL_COMPILER_NOT_AVAILABLE";
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
        return "CL_MEM_OBJECT_ALLOCATION_FAILURE";
    case CL_OUT_OF_RESOURCES:
        return "CL_OUT_OF_RESOURCES";
    case CL_OUT_OF_HOST_MEMORY:
        return "CL_OUT_OF_HOST_MEMORY";
    case CL_BUILD_PROGRAM_FAILURE:
        return "CL_BUILD_PROGRAM_FAILURE";
    case CL_MAP_FAILURE:
        return "CL_MAP_FAILURE";
    case CL_INVALID_VALUE:
        return "CL_INVALID_VALUE";
    case CL_INVALID_MEM_OBJECT:
        return "CL_INVALID_MEM_OBJECT";
    case CL_INVALID_BINARY:
        return "CL_INVALID_BINARY";
    case CL_INVALID_BUILD_OPTIONS:
        return "CL_INVALID_BUILD_OPTIONS";
    case CL_INVALID_PROGRAM_EXECUTABLE:
        return "CL_INVALID_PROGRAM_EXECUTABLE";
    case CL_INVALID_KERNEL_NAME:
        return "CL_INVALID_KERNEL_NAME";
    case CL_INVALID_ARG_INDEX:
        return "CL_INVALID_ARG_INDEX";
    case CL_INVALID_ARG_SIZE:
        return "CL_INVALID_ARG_SIZE";
    case CL_INVALID_KERNEL_ARGS:
        return "CL_INVALID_KERNEL_ARGS";
    case CL_INVALID_WORK_GROUP_SIZE:
        return "CL_INVALID_WORK_GROUP_SIZE";
    case CL_INVALID_WORK_ITEM_SIZE:
        return "CL_INVALID_WORK_ITEM_SIZE";
    case CL_INVALID_BUFFER_SIZE:
        return "CL_INVALID_BUFFER_SIZE";
    default:
        return "OpenCL error";
    }
}

tnb_status ocl_fail_cl(tnb_error *err, const tnb_device *device, const char *call, cl_int native)
{
    tnb_status code = TNB_E_INTERNAL;
    if (native == CL_MEM_OBJECT_ALLOCATION_FAILURE || native == CL_OUT_OF_HOST_MEMORY ||
        native == CL_INVALID_BUFFER_SIZE)
        code = TNB_E_OOM;
    else if (native == CL_OUT_OF_RESOURCES || native == CL_DEVICE_NOT_AVAILABLE)
        code = TNB_E_DEVICE_LOST;
    return ocl_fail(err, code, native, "%s failed on %s (%s): %s (%d)", call,
                    device->desc->info.name, device->desc->info.driver, ocl_error_name(native),
                    (int)native);
}

void ocl_log(const tnb_instance *instance, uint32_t level, const char *fmt, ...)
{
    if (!instance->host.log)
        return;
    char text[768];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    instance->host.log(instance->host.ctx, level, text);
}
